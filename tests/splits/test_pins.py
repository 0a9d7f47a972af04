"""Folds of known corpora are pinned: they do not change without notice."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest

from ser.corpora import corpus_names
from ser.splits.folds import hash_folds
from ser.splits.mismatch import ProtocolMismatchError
from ser.splits.pins import check_pin, read_pins
from ser.splits.protocols import PROTOCOLS, assign_folds
from ser.takes import fingerprints, group_takes
from tests.builders import make_manifest
from tests.splits.manifests import CORPORA, known_manifest

Refused = Callable[..., AbstractContextManager[None]]
RealCorpus = Callable[[str], tuple[Path, pd.DataFrame]]


def fresh_hashes(manifest: pd.DataFrame) -> dict[str, str]:
    """Hash of the folds of every protocol that fits."""
    hashes = {}
    for name in PROTOCOLS:
        try:
            hashes[name] = hash_folds(assign_folds(manifest, name))
        except ProtocolMismatchError:
            continue
    return hashes


def pinned_hashes(corpus: str) -> dict[str, str]:
    return {name: pin for (name, pinned), pin in read_pins().items() if pinned == corpus}


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_protocol_that_fits_a_known_corpus_is_pinned(corpus: str) -> None:
    fresh, pinned = fresh_hashes(known_manifest(corpus)), pinned_hashes(corpus)
    assert len(fresh) >= len(PROTOCOLS) - 2
    missing = sorted(set(fresh) - set(pinned))
    assert not missing, f"ser/splits/pins.csv lacks {', '.join(missing)} of {corpus}"
    assert set(pinned) == set(fresh), "a protocol is pinned that does not fit"
    changed = [name for name in fresh if fresh[name] != pinned[name]]
    assert not changed, f"the folds of {', '.join(changed)} on {corpus} are not the pinned ones"


@pytest.mark.real
@pytest.mark.parametrize("corpus", ["ravdess", "emodb", "emovo"])
def test_the_clips_themselves_have_the_pinned_folds(corpus: str, real_corpus: RealCorpus) -> None:
    folder, manifest = real_corpus(corpus)
    groups = group_takes(manifest, fingerprints(manifest, folder, processes=1))
    assert fresh_hashes(manifest.assign(take_group=groups)) == pinned_hashes(corpus)


def test_pins_are_of_known_corpora_and_protocols_once_each() -> None:
    pins = read_pins()
    assert {corpus for _, corpus in pins} <= set(corpus_names())
    assert {name for name, _ in pins} <= set(PROTOCOLS)
    assert all(len(pin) == 64 and set(pin) <= set("0123456789abcdef") for pin in pins.values())


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Folds whose hash is pinned."""
    folds = assign_folds(make_manifest(), "leave_one_speaker_out")
    pins = {("leave_one_speaker_out", "toy"): hash_folds(folds)}
    monkeypatch.setattr("ser.splits.pins.read_pins", lambda: pins)
    return folds


def test_a_changed_table_is_refused(pinned: pd.DataFrame, refused: Refused) -> None:
    check_pin(pinned, "leave_one_speaker_out", "toy")
    check_pin(pinned.sample(frac=1, random_state=1), "leave_one_speaker_out", "toy")
    row = pinned.index[pinned["role"] == "train"][0]
    other = pinned.assign(role=pinned["role"].mask(pinned.index == row, "validation"))
    for changed in (other, pinned.drop(index=row)):
        with refused(
            "protocol leave_one_speaker_out on toy differ",
            hash_folds(pinned)[:12],
            hash_folds(changed)[:12],
            "another name",
        ):
            check_pin(changed, "leave_one_speaker_out", "toy")


def test_an_unknown_corpus_or_protocol_passes(pinned: pd.DataFrame) -> None:
    check_pin(pinned.iloc[1:], "leave_one_speaker_out", "mine")
    check_pin(pinned.iloc[1:], "mine", "toy")


def test_pins_are_read_by_protocol_and_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pins.csv").write_text("protocol,corpus,sha256\na,toy,00\nb,toy,11\n")
    monkeypatch.setattr("ser.splits.pins.files", lambda package: tmp_path)
    assert read_pins() == {("a", "toy"): "00", ("b", "toy"): "11"}
