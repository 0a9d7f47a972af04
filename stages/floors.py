"""Score what needs no network on the folds of a system.

In: data/splits and data/functionals of its corpora. Params: floors, systems.<system>,
training.linear_c.
Out: metrics/floors/<system>.json, plots/<system>/functionals_svm.csv.
"""

from pathlib import Path

import pandas as pd

from ser.entry import run
from ser.evaluation.floors import floor_predictions, floor_scores
from ser.evaluation.marks import protocol_fields
from ser.files import write_csv, write_json
from ser.functional_store import read_functionals
from ser.params import load_params
from ser.splits.selection import load_clips


def main(system: str) -> None:
    """Score the floors of SYSTEM."""
    params = load_params()
    chosen = params.system(system)
    corpora = params.corpora_of(chosen)
    clips = load_clips(Path("data/splits"), corpora, chosen.protocol, chosen.gender)
    functionals = pd.concat([read_functionals(Path("data/functionals") / name) for name in corpora])
    predictions = floor_predictions(
        clips, functionals, params.floors.svm_c, params.training.linear_c, params.processes
    )
    svm = predictions[predictions["floor"] == "functionals_svm"].drop(columns="floor")
    write_csv(Path("plots") / system / "functionals_svm.csv", svm)
    scores = floor_scores(predictions)
    fields = protocol_fields(clips.protocol.name, clips.protocol.mark)
    write_json(Path("metrics/floors") / f"{system}.json", {**fields, **scores})
    print(f"{system}: functionals and SVM, UAR {scores['functionals_svm']['uar']:.1f} %")


if __name__ == "__main__":
    run(main)
