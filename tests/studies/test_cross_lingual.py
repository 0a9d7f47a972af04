"""Across languages: who trains, who is tested, and that nobody is both."""

import pytest

from ser.clips.manifest import speaker_keys
from ser.evaluation.trials import with_folds
from ser.reading.data import SystemData
from studies.cross_lingual import (
    ALONE,
    EVERY,
    NETWORK,
    SVM,
    TARGET_SPEAKERS,
    TOGETHER,
    curve_folds,
    joining,
    keep_emotions,
    kept_to_corpus,
    matrix_folds,
    own_emotions,
    study_languages,
)
from studies.reference import PROTOCOL
from studies.study import DATA
from tests.builders import make_manifest, write_corpus
from tests.studies.builders import noise_functionals, several_corpora, study_values

SHARED = ("neutral", "happy", "sad")
NAMES = ("german", "italian", "north_american")


@pytest.fixture(scope="module")
def data() -> SystemData:
    more = {"german": (*SHARED, "bored"), "italian": SHARED, "north_american": (*SHARED, "calm")}
    return several_corpora(**more)


def corpora(data: SystemData, fold: int, role: str) -> set[str]:
    return set(data.with_role(fold, role)["corpus"])


def test_only_emotions_that_every_corpus_shows_are_kept(data: SystemData) -> None:
    kept = keep_emotions(data)
    assert set(kept.clips["emotion"]) == set(SHARED)
    assert len(kept.clips) == 3 * 7 * 3
    assert set(kept.folds["clip"]) == set(kept.clips["clip"])


def test_a_corpus_never_heard_is_tested_whole(data: SystemData) -> None:
    every = keep_emotions(data)
    tables = matrix_folds(every)
    for name in NAMES:
        alone = with_folds(every, tables[f"from {name}"])
        assert alone.fold_numbers == [0]
        assert corpora(alone, 0, "train") == {name}
        assert corpora(alone, 0, "validation") == {name}, "validation speakers are of the source"
        others = every.clips[every.clips["corpus"] != name]
        assert set(alone.tested["clip"]) == set(others["clip"])
        rest = with_folds(every, tables[f"to {name}"])
        assert corpora(rest, 0, "train") == set(NAMES) - {name}
        own = every.clips[every.clips["corpus"] == name]
        assert set(rest.tested["clip"]) == set(own["clip"])


def test_within_and_with_all_corpora_every_clip_is_tested_once(data: SystemData) -> None:
    every = keep_emotions(data)
    tables = matrix_folds(every)
    mixed = tables[EVERY]
    assert sorted(mixed.loc[mixed["role"] == "test", "clip"]) == sorted(every.clips["clip"])
    for name in NAMES:
        within = with_folds(every, tables[f"within {name}"])
        own = every.clips[every.clips["corpus"] == name]
        tested = within.folds.loc[within.folds["role"] == "test", "clip"]
        assert sorted(tested) == sorted(own["clip"]), name
        assert set(within.clips["corpus"]) == {name}


def test_two_corpora_have_no_several_others() -> None:
    two = keep_emotions(several_corpora(german=SHARED, italian=SHARED))
    assert not [name for name in matrix_folds(two) if name.startswith("to ")]


def test_speakers_who_join_are_never_tested_and_take_turns(data: SystemData) -> None:
    every = keep_emotions(data)
    tables = curve_folds(every)
    assert set(tables) == {f"{name} + {count}" for name in NAMES for count in TARGET_SPEAKERS}
    for name in NAMES:
        own = every.clips[every.clips["corpus"] == name]
        for count in TARGET_SPEAKERS:
            grown = with_folds(every, tables[f"{name} + {count}"])
            tested = grown.folds.loc[grown.folds["role"] == "test", "clip"]
            assert sorted(tested) == sorted(own["clip"])
            for fold in grown.fold_numbers:
                trains = grown.with_role(fold, "train")
                joined = trains[trains["corpus"] == name]
                assert joined["speaker"].nunique() == count
                if count > 1:
                    assert joined["gender"].nunique() == 2, "women and men do not take turns"
                assert name not in corpora(grown, fold, "validation")
                usual = every.with_role(fold, "test")
                now = set(grown.with_role(fold, "test")["clip"])
                assert now == set(usual[usual["corpus"] == name]["clip"])


def test_fewer_speakers_are_among_more(data: SystemData) -> None:
    every = keep_emotions(data)
    own = every.clips[every.clips["corpus"] == "german"]
    one, four = (joining(own, every, 0, count) for count in (1, 4))
    assert one == four[:1]
    tested = set(speaker_keys(every.with_role(0, "test")))
    assert not tested & set(four)


def test_one_network_answers_with_the_emotions_of_the_corpus(data: SystemData) -> None:
    trials = own_emotions(study_values(), data)
    assert [trial.name for trial in trials] == [TOGETHER, *(f"{name} {ALONE}" for name in NAMES)]
    first, *others = (trial.recipe.training for trial in trials)
    assert first.mask_absent
    assert not any(one.mask_absent for one in others)
    clips = data.clips.assign(seed=0, p_bored=0.4, p_calm=0.5, p_sad=0.1, p_happy=0.0, p_neutral=0)
    kept = kept_to_corpus(clips)
    best = {"german": "bored", "italian": "sad", "north_american": "calm"}
    assert (kept["predicted"] == kept["corpus"].map(best)).all()
    assert kept["clip"].tolist() == sorted(data.clips["clip"])


@pytest.mark.usefixtures("guessing")
def test_the_study_fills_every_cell_and_point() -> None:
    names = ["synthetic_a", "synthetic_b", "synthetic_c"]
    for name in names:
        manifest = make_manifest(speakers=6, corpus=name, clips_each=1)
        silent = noise_functionals(manifest, ["a", "b", "c"])
        write_corpus(DATA, manifest, protocol=PROTOCOL, functionals=silent)
    mix = {"studies.cross_lingual.mix": {"corpora": names, "protocol": PROTOCOL}}
    tables = study_languages(study_values(**mix), "mix")
    matrix, curve = tables[""], tables["_curve"]
    cells = matrix.groupby("model")[["trained_on", "tested_on"]].agg(lambda c: c.nunique())
    assert cells.loc[[NETWORK, SVM], "trained_on"].tolist() == [5, 5]
    assert cells.loc[[NETWORK, SVM], "tested_on"].tolist() == [3, 3]
    assert (matrix["n_clips"] == 18).all()
    assert matrix["chance"].to_numpy() == pytest.approx(100 / 3)
    # networks guess right three times in four, the functionals say nothing
    assert matrix.groupby("model")["uar"].mean()[NETWORK] > 60
    assert matrix.groupby("model")["uar"].mean()[SVM] < 60
    ends = curve.groupby("tested_on")["label"].agg(list)
    assert ends.map(lambda labels: labels == ["none", "1", "2", "4", "all"]).all()
    assert matrix["uar_deviation"].isna().all(), "one seed has a deviation"
    gains = tables["_gains"]
    assert gains["tested_on"].tolist() == names
    assert gains["chance"].to_numpy() == pytest.approx(100 / 3)
    assert gains["difference"].to_numpy() == pytest.approx(
        (gains["uar"] - gains["alone"]).to_numpy()
    )
    assert {*matrix["mark"], *curve["mark"]} == {"none"}
