"""The shape of every study: tables of one subject, a corpus or a system, each in a file."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from ser.core.entry import run
from ser.core.files import write_csv
from ser.core.settings import Values, load_values
from ser.core.tables import Column, Table

DATA, MODELS, TABLES = Path("data"), Path("models/studies"), Path("plots/studies")
# features of augmented copies
COPIES = Path("data/studies")

# by what follows the subject in the name of the file: "" is the main one
Tables = Mapping[str, pd.DataFrame]

# what columns hold; all others hold numbers
_TEXTS = (
    "answer chosen clip corpus emotion factor gender group intensity label language mark measure "
    "model name part protocol speaker split tested tested_on trained_on way"
)
_COUNTS = "band clips emotions epoch functionals n_clips n_speakers span"
_KINDS: dict[str, Column] = dict.fromkeys(_TEXTS.split(), str) | dict.fromkeys(_COUNTS.split(), int)


def run_study(name: str, study: Callable[[Values, str], Tables], decimals: int = 4) -> None:
    """Run a study as a stage, on the subject that the command line names.

    Its tables become `plots/studies/<name>/<subject><ending>.csv`.

    Args:
        study: takes the parameters and the subject.
    """

    def main(subject: str) -> None:
        for ending, table in study(load_values(), subject).items():
            write_csv(table_path(name, subject, ending), table, decimals)

    run(main)


def table_path(study: str, subject: str, ending: str = "") -> Path:
    """Where a table of a study lies."""
    return TABLES / study / f"{subject}{ending}.csv"


def read_table(study: str, subject: str, ending: str = "") -> pd.DataFrame:
    """A table of a study.

    Raises:
        SerError: if it is missing or damaged.
    """
    path, what, remedy = table_path(study, subject, ending), "The table", "run `make studies`"
    columns = Table(what, {}, remedy).read(path).columns
    kinds = {name: _KINDS.get(name, float) for name in columns}
    return Table(what, kinds, remedy).read(path)
