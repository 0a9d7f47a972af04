"""What a system reads of what the split stage wrote: clips and folds, or a sentence."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.clips.manifest import MANIFEST, read_manifest, write_manifest
from ser.core.errors import LeakError
from ser.core.files import write_json
from ser.core.tables import read_json
from ser.guards.crossings import Crossing
from ser.guards.folds import hash_folds, read_folds
from ser.guards.selection import FOLDS, SystemClips, load_clips
from ser.splits.protocols import PROTOCOLS
from ser.splits.split import split_corpus
from tests import builders
from tests.builders import write_folds
from tests.conftest import Refused, case
from tests.splits.manifests import UNITS, fitting_manifest, folds_of, no_pairs

LOSO = "leave_one_speaker_out"
# unknown, so that their folds are not pinned
CORPUS, OTHER = "toy", "other"


def make_manifest(corpus: str = CORPUS, **shape: Any) -> pd.DataFrame:
    manifest = builders.make_manifest(corpus=corpus, **shape)
    return manifest.assign(pcm_sha256=manifest["clip"])


def split(manifest: pd.DataFrame, splits: Path) -> None:
    corpus = str(manifest["corpus"].iloc[0])
    built = splits.with_name("built") / corpus
    write_manifest(built / MANIFEST, manifest)
    split_corpus(built, no_pairs(), splits / corpus)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Splits of two corpora, of which the second shows an emotion more; not to be changed."""
    folder = tmp_path_factory.mktemp("splits")
    split(make_manifest(speakers=6), folder)
    split(make_manifest(OTHER, emotions=("happy", "sad", "angry")), folder)
    return folder


@pytest.fixture
def splits(kept: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(kept, tmp_path / "splits")
    return tmp_path / "splits"


def load(
    splits: Path,
    protocol: str = LOSO,
    gender: str = "all",
    corpora: Sequence[str] = (CORPUS,),
    helpers: Sequence[str] = (),
) -> SystemClips:
    return load_clips(splits, corpora, protocol, gender, helpers)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for speakers in (2, 24):
        manifest = make_manifest(speakers=speakers)
        split(manifest, tmp_path)
        for name, protocol in PROTOCOLS.items():
            if fitting_manifest(name)["speaker"].nunique() == speakers:
                read = load(tmp_path, name)
                assert read.protocol == protocol
                expected = folds_of(name)
                expected["clip"] = expected["clip"].str.replace(builders.CORPUS, CORPUS)
                assert hash_folds(read.folds) == hash_folds(expected), name
                assert read.clips["clip"].tolist() == sorted(manifest["clip"])
                assert read.fold_numbers == sorted(set(read.folds["fold"]))


def test_roles_are_those_of_the_table(kept: Path) -> None:
    clips = load(kept, "speaker_and_statement_open")
    for fold in clips.fold_numbers:
        rows = clips.folds[clips.folds["fold"] == fold]
        assert clips.roles(fold) == dict(zip(rows["clip"], rows["role"], strict=True))
        for role in ("train", "validation", "test"):
            found = clips.with_role(fold, role)["clip"].tolist()
            assert found == sorted(rows.loc[rows["role"] == role, "clip"])
    assert len(clips.roles(0)) < len(clips.clips), "clips that have no part have a role"


def test_one_gender_is_read_alone(kept: Path) -> None:
    for gender in ("female", "male"):
        found = load(kept, gender=gender)
        assert set(found.clips["gender"]) == {gender}
        assert set(found.folds["clip"]) == set(found.clips["clip"])


def test_speakers_of_unknown_gender_are_left_out_of_systems_of_one(
    tmp_path: Path, refused: Refused
) -> None:
    manifest = make_manifest(speakers=8)
    manifest["gender"] = manifest["gender"].mask(manifest["speaker"].isin(["07", "08"]), "unknown")
    split(manifest, tmp_path)
    assert set(load(tmp_path).clips["speaker"]) == set(manifest["speaker"])
    assert set(load(tmp_path, gender="male").clips["speaker"]) == {"01", "03", "05"}
    split(manifest.assign(gender="male"), tmp_path)
    with refused("toy", "gender female", "params.yaml"):
        load(tmp_path, gender="female")


def test_several_corpora_are_mixed(kept: Path) -> None:
    found = load(kept, corpora=[CORPUS, OTHER])
    assert set(found.clips["corpus"]) == {CORPUS, OTHER}
    # speakers 01 and 06 of one and 01 of the other are three people, who are tested together
    tested = found.with_role(0, "test")
    assert set(tested["corpus"] + tested["speaker"]) == {"toy01", "toy06", "other01"}


def test_a_recording_in_two_corpora_is_refused(splits: Path, refused: Refused) -> None:
    path, stolen = splits / OTHER / "male.csv", read_manifest(splits / CORPUS / "female.csv")
    table = read_manifest(path)
    table.loc[0, "pcm_sha256"] = stolen.loc[0, "pcm_sha256"]
    write_manifest(path, table)
    with refused("one recording under two names", "leaks", error=LeakError):
        load(splits, corpora=[CORPUS, OTHER])


def test_what_does_not_fit_is_told_with_what_does(
    kept: Path, tmp_path: Path, refused: Refused
) -> None:
    with refused("ravdess_five_fold does not fit toy", "24 actors of RAVDESS", "these do: ", LOSO):
        load(kept, "ravdess_five_fold")
    with refused("Protocol random ", "speaker_normalized, leaky_"):  # the leaky ones come last
        load(kept, "random")
    with refused("manifest", "missing", "dvc repro"):
        load(tmp_path)


# Tables damaged by hand


def edit(
    splits: Path, protocol: str, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> dict[Path, bytes]:
    """Change a fold table; what it was before comes back."""
    path = splits / CORPUS / FOLDS / f"{protocol}.csv"
    before = {path: path.read_bytes()}
    write_folds(path, change(read_folds(path)))
    return before


def swap(folds: pd.DataFrame) -> pd.DataFrame:
    """One tested clip of fold 0 changes place with a clip that trains there."""
    first = folds[folds["fold"] == 0]
    tested, trained = (first[first["role"] == role].index[0] for role in ("test", "train"))
    clips = folds.loc[[tested, trained], "clip"].tolist()
    changed = folds.copy()
    for clip, role in zip(clips, ("train", "test"), strict=True):
        changed.loc[(folds["fold"] == 0) & (folds["clip"] == clip), "role"] = role
    home = folds[(folds["clip"] == clips[1]) & (folds["role"] == "test")].index
    changed.loc[home, "role"] = "train"
    other = (folds["clip"] == clips[0]) & (folds["fold"] == folds.loc[home[0], "fold"])
    changed.loc[other, "role"] = "test"
    return changed


def test_a_table_damaged_by_hand_is_refused(splits: Path, refused: Refused) -> None:
    for name, protocol in PROTOCOLS.items():
        if not (splits / CORPUS / FOLDS / f"{name}.csv").is_file():
            continue
        edit(splits, name, swap)
        with case(name):
            unit = "statement" if Crossing.SPEAKER in protocol.crosses else "speaker"
            if unit in protocol.crosses:
                load(splits, name)  # random folds may be others
                continue
            with refused(f"leaks: {unit} {CORPUS}/", name, error=LeakError):
                load(splits, name)


def test_a_table_under_the_name_of_another_protocol_is_refused(
    splits: Path, refused: Refused
) -> None:
    tables = splits / CORPUS / FOLDS
    (tables / f"{LOSO}.csv").write_bytes((tables / "leaky_random.csv").read_bytes())
    with refused("leaks: speaker", LOSO, error=LeakError):
        load(splits)
    # nor does it help to bring its declaration
    (tables / f"{LOSO}.json").write_bytes((tables / "leaky_random.json").read_bytes())
    with refused(str(tables / f"{LOSO}.json"), "'leaky_random'", "damaged"):
        load(splits)


def test_a_declaration_of_one_corpus_does_not_speak_for_another(
    splits: Path, refused: Refused
) -> None:
    name = "speaker_normalized"
    path = splits / CORPUS / FOLDS / f"{name}.json"
    write_json(path, read_json(path, "") | {"crosses": ["statement"]})
    with refused(name, "differs between toy, other"):
        load(splits, name, corpora=[CORPUS, OTHER])


def test_a_manifest_damaged_by_hand_is_refused(splits: Path, refused: Refused) -> None:
    protocol = "speaker_and_statement_open"
    clips = load(splits, protocol)
    tested, training = (clips.with_role(0, role).iloc[0] for role in ("test", "train"))
    path = splits / CORPUS / f"{training['gender']}.csv"
    table = read_manifest(path)
    for kind, column in UNITS.items():
        with case(kind):
            is_it = table["clip"] == training["clip"]
            write_manifest(
                path, table.assign(**{column: table[column].mask(is_it, tested[column])})
            )
            with refused("Fold 0 leaks", error=LeakError):
                load(splits, protocol)


# Corpora that only help to train


def test_a_helping_corpus_trains_in_every_fold_and_is_never_held_out(kept: Path) -> None:
    chosen, alone = load(kept, helpers=[OTHER]), load(kept)
    assert chosen.fold_numbers == alone.fold_numbers
    # it brings no emotion of its own
    assert set(chosen.clips["emotion"]) == {"neutral", "happy", "sad"}
    assert chosen.tested["clip"].tolist() == alone.clips["clip"].tolist()
    for fold in chosen.fold_numbers:
        for role in ("validation", "test"):
            expected = alone.with_role(fold, role)["clip"].tolist()
            assert chosen.with_role(fold, role)["clip"].tolist() == expected
        training = chosen.with_role(fold, "train")
        assert (training["corpus"] == OTHER).sum() == 16
        own = training.loc[training["corpus"] == CORPUS, "clip"].tolist()
        assert own == alone.with_role(fold, "train")["clip"].tolist()


def test_helpers_of_both_genders_train_a_system_of_one(kept: Path) -> None:
    chosen = load(kept, gender="female", helpers=[OTHER])
    assert set(chosen.tested["gender"]) == {"female"}
    helping = chosen.clips[chosen.clips["corpus"] == OTHER]
    assert set(helping["gender"]) == {"female", "male"}


def test_a_recording_that_a_helper_shares_with_a_test_is_refused(
    splits: Path, refused: Refused
) -> None:
    path = splits / OTHER / "male.csv"
    stolen = read_manifest(splits / CORPUS / "male.csv").iloc[0]
    table = read_manifest(path)
    row = table.index[table["emotion"] == "happy"][0]
    table.loc[row, "pcm_sha256"] = stolen["pcm_sha256"]
    write_manifest(path, table)
    with refused("one recording under two names", error=LeakError):
        load(splits, helpers=[OTHER])
