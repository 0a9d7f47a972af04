"""Folds of known corpora are pinned: they do not change without notice."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ser.corpora import corpus_names
from ser.guards.folds import hash_folds
from ser.guards.mismatch import ProtocolMismatchError
from ser.splits.pins import add_pins, check_pin, read_pins
from ser.splits.protocols import PROTOCOLS, assign_folds
from tests.builders import make_manifest
from tests.conftest import Refused
from tests.splits.manifests import CORPORA, TWINS, known_folds, known_manifest

LOSO = "leave_one_speaker_out"


def fresh_hashes(corpus: str) -> dict[str, str]:
    """Hash of the folds of every protocol that fits."""
    hashes = {}
    for name in PROTOCOLS:
        try:
            hashes[name] = hash_folds(known_folds(corpus, name))
        except ProtocolMismatchError:
            continue
    return hashes


def pinned_hashes(corpus: str) -> dict[str, str]:
    return {name: pin for (pinned, name), pin in read_pins().items() if pinned == corpus}


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_protocol_that_fits_a_known_corpus_is_pinned(corpus: str) -> None:
    fresh, pinned = fresh_hashes(corpus), pinned_hashes(corpus)
    missing = sorted(set(fresh) - set(pinned))
    assert not missing, f"ser/splits/pins.csv lacks {', '.join(missing)} of {corpus}"
    assert set(pinned) == set(fresh), "a protocol is pinned that does not fit"
    changed = [name for name in fresh if fresh[name] != pinned[name]]
    assert not changed, f"the folds of {', '.join(changed)} on {corpus} are not the pinned ones"


@pytest.mark.real
def test_the_names_of_clips_tell_what_folds_depend_on(
    real_corpus: Callable[[str], tuple[Path, pd.DataFrame]],
) -> None:
    """Pins are checked on manifests made of names; those of the clips themselves are the same."""
    columns = ["clip", "corpus", "speaker", "gender", "emotion", "sentence"]
    for corpus in ("emodb", "emovo"):
        _, manifest = real_corpus(corpus)
        built = manifest.sort_values("clip", ignore_index=True)[columns]
        named = known_manifest(corpus).sort_values("clip", ignore_index=True)[columns]
        pd.testing.assert_frame_equal(built, named)
        # what is one recording, tests/splits/test_takes.py finds in the sound
        groups = known_manifest(corpus)["take_group"]
        assert groups.duplicated().sum() == len(TWINS.get(corpus, ())) // 2


def test_pins_are_of_known_corpora_and_protocols_once_each() -> None:
    pins = read_pins()
    assert {corpus for corpus, _ in pins} <= set(corpus_names())
    assert {name for _, name in pins} <= set(PROTOCOLS)
    assert all(len(pin) == 64 and set(pin) <= set("0123456789abcdef") for pin in pins.values())


def test_a_changed_table_is_refused(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    folds = assign_folds(make_manifest(), LOSO)
    monkeypatch.setattr("ser.splits.pins.read_pins", lambda: {("toy", LOSO): hash_folds(folds)})
    check_pin(hash_folds(folds.sample(frac=1, random_state=1)), LOSO, "toy")
    row = folds.index[folds["role"] == "train"][0]
    other = folds.assign(role=folds["role"].mask(folds.index == row, "validation"))
    for changed in (other, folds.drop(index=row)):
        hashes = (hash_folds(folds)[:12], hash_folds(changed)[:12])
        with refused(f"protocol {LOSO} on toy differ", *hashes, "another name"):
            check_pin(hash_folds(changed), LOSO, "toy")
    # nobody has pinned these
    check_pin("0" * 64, LOSO, "mine")
    check_pin("0" * 64, "mine", "toy")


def test_pins_are_added_and_never_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    path = tmp_path / "pins.csv"
    first, second = {("toy", "b"): "00", ("toy", "a"): "11"}, {("other", "a"): "22"}
    assert add_pins(first, path) == (2, 0)
    assert add_pins(second | {("toy", "a"): "11"}, path) == (1, 2)
    monkeypatch.setattr("ser.splits.pins.files", lambda package: tmp_path)
    assert read_pins() == first | second
    before = path.read_bytes()
    with refused("protocol b on toy", str(path), "another name"):
        add_pins({("toy", "b"): "01", ("new", "a"): "33"}, path)
    assert path.read_bytes() == before
    path.write_text("protocol,corpus\na,toy\n")
    with refused("The table of pins", str(path), "lacks the columns sha256"):
        add_pins(first, path)
