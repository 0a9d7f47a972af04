"""The whole storm: what is tried, and the table of what became of it."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from benchmarks.storm.archives import archives
from benchmarks.storm.kills import kills, try_kills
from benchmarks.storm.page import try_page
from benchmarks.storm.parameters import parameters
from benchmarks.storm.predictions import predictions
from benchmarks.storm.project import copy_project, make_project
from benchmarks.storm.sounds import sounds
from benchmarks.storm.tampered import try_tampered
from benchmarks.storm.tries import Tally, try_cases
from ser.core.files import write_csv

RESULTS = Path("docs/storm.csv")
Show = Callable[[str], None]


class Kind(StrEnum):
    """What may be tried."""

    SOUNDS = "sounds"
    ARCHIVES = "archives"
    PARAMETERS = "parameters"
    TAMPERED = "tampered"
    KILLS = "kills"
    PREDICT = "predict"
    PAGE = "page"
    ALL = "all"


# how many of each; of tampered files all that there are
COUNTS = {
    Kind.SOUNDS: 1_000,
    Kind.ARCHIVES: 250,
    Kind.PARAMETERS: 120,
    Kind.TAMPERED: 0,
    Kind.KILLS: 60,
    Kind.PREDICT: 600,
    Kind.PAGE: 500,
}
_CASES = {
    Kind.SOUNDS: sounds,
    Kind.ARCHIVES: archives,
    Kind.PARAMETERS: parameters,
    Kind.PREDICT: predictions,
}
_ON_A_GRAPH: dict[Kind, Callable[[Path, np.random.Generator, int, Show], Tally]] = {
    Kind.TAMPERED: try_tampered,
    Kind.KILLS: lambda project, rng, count, show: try_kills(project, kills(rng, count), show),
}


def storm(kinds: Sequence[Kind], seed: int, count: int, show: Show) -> list[Tally]:
    """Try kinds one after the other.

    Args:
        count: how many of each; 0 is as many as `COUNTS` says.
        show: called with every fault, and with nothing where there is none.

    Raises:
        SerError: if the small graph does not run.
    """
    tallies = []
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        base = Path(name) / "base"
        if any(kind in _ON_A_GRAPH for kind in kinds):
            make_project(base)
        for kind in kinds:
            rng, wanted = np.random.default_rng(seed), count or COUNTS[kind]
            if kind is Kind.PAGE:
                tallies.append(try_page(rng, wanted, show))
            elif kind in _CASES:
                tallies.append(try_cases(kind.value, _CASES[kind](rng, wanted), show))
            else:
                project = copy_project(base, Path(name) / kind.value)
                tallies.append(_ON_A_GRAPH[kind](project, rng, wanted, show))
    return tallies


def table(tallies: Sequence[Tally]) -> pd.DataFrame:
    """One row a kind; `refused` is in one sentence, `accepted` rightly so."""
    return pd.DataFrame(
        {
            "kind": [one.kind for one in tallies],
            "tried": [one.tried for one in tallies],
            "refused": [one.sentence for one in tallies],
            "accepted": [one.accepted for one in tallies],
            "faults": [len(one.faults) for one in tallies],
        }
    )


def main(
    what: Annotated[Kind, typer.Argument(help="What to try.")] = Kind.ALL,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other cases.")] = 0,
    count: Annotated[int, typer.Option(min=0, help="How many of each kind; 0 is enough.")] = 0,
) -> None:
    """Try hostile input, kills and tampered files; exit with 1 if there is a fault.

    A whole run is kept in docs/storm.csv.
    """
    kinds = list(COUNTS) if what is Kind.ALL else [what]

    def show(fault: str) -> None:
        if fault:
            print(fault.encode(errors="backslashreplace").decode(), flush=True)

    found = table(storm(kinds, seed, count, show))
    print(found.to_string(index=False))
    if what is Kind.ALL and not count:
        write_csv(RESULTS, found)
    if found["faults"].sum():
        sys.exit(1)
