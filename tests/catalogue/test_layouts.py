"""Folders in the official layout of every corpus go from download to evaluate."""

import random
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ser.clips.audio import write_wav
from ser.clips.listing import ClipFiles
from ser.clips.manifest import DECISIONS, Expected, read_decisions
from ser.corpora import corpus_names, find_corpus
from ser.download.corpus import Corpus
from ser.download.source import MIRROR_VARIABLE
from ser.evaluation.metrics import system_metrics
from ser.evaluation.trials import Trial, run_trials
from ser.features.augmentation import augment_corpus
from ser.features.front_ends import featurize_corpus
from ser.features.functionals import write_functionals
from ser.features.settings import Augmentation, FunctionalsSettings, load_features
from ser.reading.data import load_system
from ser.reading.settings import System
from ser.splits.protocols import find_protocol
from ser.splits.split import split_corpus
from ser.splits.takes import find_pairs
from tests.builders import built_manifest, files_of, make_values, random_clip
from tests.corpora.schemes import make_group, make_name

NAMED = [corpus for corpus in map(find_corpus, corpus_names()) if corpus.pattern]
SPEAKERS, EMOTIONS, CLIPS = 3, 2, 3


def names_of(corpus: Corpus, rng: random.Random) -> list[str]:
    """Some clips of few speakers, who show few emotions."""
    groups: dict[str, list[str]] = {"speaker": [], "emotion": []}
    for group, count in (("speaker", SPEAKERS), ("emotion", EMOTIONS)):
        for _ in range(200):
            text = make_group(corpus, group, rng)
            if text not in groups[group] and len(groups[group]) < count:
                groups[group].append(text)
    found: dict[str, str] = {}
    for speaker in groups["speaker"]:
        for emotion in groups["emotion"]:
            wanted = {"speaker": speaker, "emotion": emotion}
            own = {make_name(corpus, rng, wanted) for _ in range(4 * CLIPS)}
            for name in sorted(own)[:CLIPS]:
                found[name] = speaker
    return sorted(found)


@pytest.mark.parametrize("corpus", NAMED, ids=lambda corpus: corpus.name)
def test_a_folder_in_its_layout_is_built_split_and_scored(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(corpus.name)
    names = names_of(corpus, rng)
    for number, name in enumerate(names):
        path = tmp_path / "mirror" / "part" / "Release v1" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, random_clip(number, 0.2))
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    emotions = dict.fromkeys(corpus.expected.emotions)
    part = replace(
        corpus,
        # whose folds nobody has pinned
        name="part",
        expected=Expected(None, emotions, {}),
        n_speakers=None,
        checksums_of=None,
        defects={},
        not_the_same={},
    )
    data = tmp_path / "data"
    built = data / "corpora" / "part"
    manifest = built_manifest(part, built)
    assert sorted(manifest["clip"]) == [f"part/{name}" for name in names]
    assert set(manifest["language"]) == {corpus.language}
    assert manifest["emotion"].nunique() == EMOTIONS
    genders = corpus.expected.genders
    for row in manifest.itertuples():
        assert genders.get(str(row.speaker), row.gender) == row.gender
    pairs = find_pairs(ClipFiles.read(built), read_decisions(built / DECISIONS))
    if manifest["speaker"].nunique() == 1:
        return  # nobody can be held out, and few clips do not suffice for random folds
    fitting = split_corpus(built, pairs, data / "splits" / "part")
    # two speakers who say the same few words fit no other
    wanted = "two_speakers" if manifest["speaker"].nunique() == 2 else "leave_one_speaker_out"
    assert wanted in fitting
    predictions = predicted(manifest, data, wanted)
    assert sorted(predictions["clip"]) == sorted(manifest["clip"]), "tested once each"
    metrics = system_metrics(predictions, find_protocol(wanted))
    assert 0 <= metrics["uar"] <= 100
    assert metrics["uar_low"] <= metrics["uar"] <= metrics["uar_high"], "over speakers"


def predicted(manifest: pd.DataFrame, data: Path, protocol: str) -> pd.DataFrame:
    """What the stages from augment to evaluate make of a corpus that is built and split."""
    values = make_values({"studies.training.epochs": 1, "studies.training.min_steps": 0})
    corpus, copies = data / "corpora" / "part", data / "augmented" / "part"
    files = files_of(manifest, corpus)
    augment_corpus(files, copies, values.section("augmentation", Augmentation))
    featurize_corpus(files, copies, data / "features" / "part", *load_features(values))
    settings = values.changed({"functionals.speeds": []}).section(
        "functionals", FunctionalsSettings
    )
    write_functionals(files, data / "functionals" / "part", settings)
    system = load_system(System(corpora=["part"], protocol=protocol), data)
    trial = Trial.of("part", values, system).one_seed
    return run_trials([trial], "part")["part"]
