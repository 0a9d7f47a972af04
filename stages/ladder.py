"""Climb the leak ladder: one model under honest folds, and under each fault of published work.

In: data/corpora, data/splits, data/features and data/functionals of the corpus. Params:
studies.training and all that training reads.
Out: metrics/ladder/<corpus>.json, plots/ladder/<corpus>.csv and .png.
"""

from pathlib import Path

from ser.entry import run
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.ladder import climb
from ser.studies.plots_ladder import draw_ladder


def main(corpus: str) -> None:
    """Climb the ladder on CORPUS."""
    ladder = climb(load_params(), corpus, Path("data"))
    out = Path("plots/ladder") / f"{corpus}.csv"
    write_csv(out, ladder.table, decimals=2)
    draw_ladder(ladder.table, corpus, out.with_suffix(".png"))
    write_json(Path("metrics/ladder") / f"{corpus}.json", ladder.metrics)


if __name__ == "__main__":
    run(main)
