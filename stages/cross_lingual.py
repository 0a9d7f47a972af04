"""Train on each corpus and on several, test on each, over the emotions that all of them show.

In: data/splits, data/features and data/functionals. Params: studies.cross_lingual.<group>,
studies.training and all that training reads.
Out: metrics/cross_lingual/<group>.json; plots/cross_lingual/<group>.csv, <group>_curve.csv, images.
"""

from pathlib import Path

from ser.entry import run
from ser.errors import SerError
from ser.files import write_csv, write_json
from ser.params import load_params
from ser.studies.cross_lingual import study_languages
from ser.studies.plots_cross_lingual import draw_curve, draw_matrix


def main(group: str) -> None:
    """Study the corpora of GROUP."""
    params = load_params()
    if group not in params.studies.cross_lingual:
        raise SerError(f"params.yaml lists no {group!r} under studies.cross_lingual.")
    study = study_languages(params, params.studies.cross_lingual[group], Path("data"))
    out = Path("plots/cross_lingual")
    write_csv(out / f"{group}.csv", study.matrix, decimals=2)
    write_csv(out / f"{group}_curve.csv", study.curve, decimals=2)
    draw_matrix(study, out / f"{group}.png")
    draw_curve(study, out / f"{group}_curve.png")
    write_json(Path("metrics/cross_lingual") / f"{group}.json", study.metrics)


if __name__ == "__main__":
    run(main)
