"""What every system is made of, as hashes: they change with what it reads and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ser.clips.manifest import read_manifest, write_manifest
from ser.core.files import write_csv, write_json
from ser.core.tables import read_json
from ser.guards.folds import read_folds
from ser.guards.selection import FOLDS
from ser.reading.fingerprint import fingerprint
from ser.reading.settings import System
from ser.store.features import LAYOUT
from ser.store.functionals import NAMES
from tests.builders import make_manifest, write_corpus, write_folds
from tests.conftest import Refused, case

LOSO = "leave_one_speaker_out"
SYSTEMS = {
    "one": System(corpora=["first"], protocol=LOSO),
    "women": System(corpora=["first"], gender="female", protocol=LOSO),
    "helped": System(corpora=["first"], helpers=["second"], protocol=LOSO),
    "both": System(corpora=["first", "second"], protocol=LOSO),
}


def write(data: Path, corpus: str) -> None:
    manifest = make_manifest(corpus=corpus, speakers=6)
    write_corpus(data, manifest.assign(pcm_sha256=manifest["clip"]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path, "first")
    write(tmp_path, "second")
    return tmp_path


def hashes(data: Path) -> dict[str, dict[str, str]]:
    return {name: fingerprint(system, data) for name, system in SYSTEMS.items()}


def test_hashes_are_the_same_every_time_and_their_own(data: Path, tmp_path: Path) -> None:
    found = hashes(data)
    assert found == hashes(data)
    assert all(set(parts) == {"folds", "features", "functionals"} for parts in found.values())
    assert len({parts["folds"] for parts in found.values()}) == len(SYSTEMS)
    # one corpus has one set of features, whoever reads them
    assert found["one"]["features"] == found["women"]["features"] != found["both"]["features"]
    other = tmp_path / "elsewhere"
    write(other, "first")
    assert fingerprint(SYSTEMS["one"], other) == found["one"], "the place matters"


def test_a_corpus_more_changes_no_other_system(data: Path) -> None:
    before = hashes(data)
    write(data, "third")
    (data / "features" / ".second.partial").mkdir()
    (data / "features" / "second" / ".notes").write_text("of an editor")
    assert hashes(data) == before


def change_features(data: Path) -> None:
    path = data / "features" / "second" / LAYOUT
    path.write_text(path.read_text() + "\n")


def change_functionals(data: Path) -> None:
    path = data / "functionals" / "second" / NAMES
    path.write_text(path.read_text().replace("mfcc.0", "mfcc.9"))


def change_folds(data: Path) -> None:
    path = data / "splits" / "second" / FOLDS / f"{LOSO}.csv"
    folds = read_folds(path)
    turn = {"validation": "train", "train": "validation"}
    of_first = (folds["fold"] == 0) & folds["clip"].str.contains("/0[23]/")
    write_folds(
        path, folds.assign(role=folds["role"].where(~of_first, folds["role"].replace(turn)))
    )


def change_labels(data: Path) -> None:
    path = data / "splits" / "second" / "male.csv"
    write_manifest(path, read_manifest(path).replace({"emotion": {"sad": "happy"}}))


# which systems' hashes change, of what
CHANGES: dict[str, tuple[Callable[[Path], None], set[str], str]] = {
    "features": (change_features, {"helped", "both"}, "features"),
    "functionals": (change_functionals, {"helped", "both"}, "functionals"),
    # who trains in every fold has no part in folds of its own
    "folds": (change_folds, {"both"}, "folds"),
    "labels": (change_labels, {"helped", "both"}, "folds"),
}


def test_a_change_shows_in_its_own_hash_of_the_systems_that_read_it(data: Path) -> None:
    before = hashes(data)
    for what, (change, systems, part) in CHANGES.items():
        change(data)
        after = hashes(data)
        with case(what):
            changed = {
                (name, key)
                for name in SYSTEMS
                for key in after[name]
                if after[name][key] != before[name][key]
            }
            assert changed == {(name, part) for name in systems}
        before = after


def test_a_leak_is_found_before_anything_is_hashed(data: Path, refused: Refused) -> None:
    path = data / "splits" / "first" / FOLDS / f"{LOSO}.json"
    write_json(
        path, read_json(path, "The protocol") | {"kind": "transductive", "crosses": ["speaker"]}
    )
    with refused(str(path), "damaged"):
        fingerprint(SYSTEMS["one"], data)
    write(data, "first")
    write_csv(path.with_suffix(".csv"), read_folds(path.with_suffix(".csv")).iloc[1:])
    with refused("tested in 0 folds"):
        fingerprint(SYSTEMS["one"], data)
