"""Train one network under each optimizer, with equally tuned learning rates.

In: data/splits and data/features of the corpus. Params: studies.training, optimizers and all that
training reads.
Out: metrics/optimizers/<corpus>.json; plots/optimizers/<corpus>.csv, <corpus>_rates.csv,
<corpus>_history.csv and an image of each.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.optimizers import study_optimizers
from ser.studies.plots_optimizers import draw_curves, draw_optimizers, draw_rates


def main(corpus: str) -> None:
    """Compare the optimizers on CORPUS."""
    study = study_optimizers(load_params(), corpus, Path("data"))
    out = Path("plots/optimizers")
    write_csv(out / f"{corpus}.csv", study.table, decimals=4)
    write_csv(out / f"{corpus}_rates.csv", study.rates, decimals=4)
    write_csv(out / f"{corpus}_history.csv", study.history, decimals=4)
    draw_optimizers(study.table, corpus, out / f"{corpus}.png")
    draw_rates(study.rates, corpus, out / f"{corpus}_rates.png")
    draw_curves(study.history, corpus, out / f"{corpus}_history.png")
    write_json(Path("metrics/optimizers") / f"{corpus}.json", study.metrics)


if __name__ == "__main__":
    run(main)
