"""A short storm of each kind; the whole one is `python -m benchmarks.storm`."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.storm.archives import archives
from benchmarks.storm.kills import Kill, kills, try_kills
from benchmarks.storm.parameters import parameters
from benchmarks.storm.predictions import predictions
from benchmarks.storm.project import CORPUS, SYSTEM, copy_project
from benchmarks.storm.sounds import sounds
from benchmarks.storm.tampered import tamperings, try_tampered
from benchmarks.storm.tries import Case, Said, Tally, fault_of, try_cases
from ser.core.errors import SerError

Cases = Callable[[np.random.Generator, int], Iterator[Case]]

pytestmark = [pytest.mark.graph, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def project(base_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(base_project, tmp_path_factory.mktemp("storm") / "project")


def check(tally: Tally, tried: int) -> None:
    assert not tally.faults, "\n".join(tally.faults)
    assert tally.tried == tally.sentence + tally.accepted == tried


def silent(fault: str) -> None:
    """Faults are shown when all is tried."""


@pytest.mark.parametrize(
    ("cases", "count"),
    [(partial(sounds, with_big=False), 40), (archives, 20), (parameters, 12), (predictions, 24)],
    ids=["sounds", "archives", "parameters", "predictions"],
)
def test_hostile_input_is_refused_in_a_sentence_or_rightly_accepted(
    cases: Cases, count: int
) -> None:
    tally = try_cases("short", cases(np.random.default_rng(1), count), silent)
    check(tally, count)
    assert tally.sentence > count / 4


def test_files_that_were_tampered_with_are_refused(project: Path) -> None:
    tally = try_tampered(project, np.random.default_rng(1), 10, silent)
    check(tally, 10)


def test_what_is_killed_comes_out_the_same(project: Path) -> None:
    chosen = [
        Kill(f"train@{SYSTEM}-0", "DVC alone", signal.SIGKILL, 0.1),
        Kill(f"featurize@{CORPUS}", "the group", signal.SIGINT, 0.5),
        Kill(f"train@{SYSTEM}-0", "a stage alone", signal.SIGTERM, 0.5),
    ]
    check(try_kills(project, chosen, silent), len(chosen))


def test_each_stage_target_and_signal_has_its_turn() -> None:
    chosen = kills(np.random.default_rng(0), 90)
    assert len({(one.stage, one.target, one.number) for one in chosen}) == 90


def test_the_storm_is_as_large_as_it_says() -> None:
    assert len(tamperings()) >= 70
    assert len({str(one) for one in tamperings()}) == len(tamperings())


# What is tried is hostile to the code; here the code is hostile to what tries it.


def test_every_fault_is_seen() -> None:
    faults: dict[str, tuple[Callable[[], object], bool | None, str]] = {
        "a traceback": (lambda: [][0], None, "a traceback: IndexError"),
        "accepted": (lambda: None, False, "accepted"),
        "refused": (lambda: _refuse("no"), True, "refused: error: no."),
        "no sentence": (lambda: _refuse("no\nmore"), False, ""),
        "lost": (lambda: (Path("kept").unlink(), _refuse("no")), False, "kept is changed"),
        "outside": (lambda: Path("../evil").write_text("evil"), None, "something lies outside"),
        "memory": (lambda: np.ones(13 * 10**7), None, "MiB of memory"),
        "a crash": (os.abort, None, "signal 6"),
    }
    for name, (work, accept, words) in faults.items():
        case = Case(name, accept, lambda folder: (folder / "kept").write_text("kept"), work)
        tally = try_cases("planted", [case], silent)
        assert bool(tally.faults) == bool(words), name
        assert all(words in fault for fault in tally.faults), tally.faults
    assert fault_of(Said(0, "", 10.1, 0), None) == "a hang"
    assert fault_of(Said(142, "", 0.0, 0), None) == "a hang"
    assert "no sentence" in fault_of(Said(1, "error: a\nerror: b.\n", 1.0, 0), None)
    assert "no sentence" in fault_of(Said(1, "", 1.0, 0), False)
    assert "were written" in fault_of(Said(1, "error: a bomb.\n", 1.0, 0, 10**9), False)


def _refuse(words: str) -> None:
    raise SerError(f"{words}.")
