"""Groups of clips: a factor that matters is found, and one that does not is not."""

import numpy as np
import pandas as pd
import pytest

from ser.core.errors import SerError
from studies.places import FACTORS, LOUDNESS, QUARTERS, describe_clips, holm, study_places
from tests.builders import make_manifest, make_predictions


def predictions() -> pd.DataFrame:
    return make_predictions(speakers=6, clips_each=8).assign(mark="none")


def groups(table: pd.DataFrame, **factors: pd.Series) -> pd.DataFrame:
    """Groups of the clips of `table`, empty but for the given factors."""
    clips = table.drop_duplicates("clip")
    empty = pd.DataFrame("", index=pd.Index(clips["clip"]), columns=list(FACTORS))
    return empty.assign(**{name: values.to_numpy() for name, values in factors.items()})


def alternating(table: pd.DataFrame) -> pd.Series:
    """Two groups that have nothing to do with anything."""
    clips = table.drop_duplicates("clip")
    return pd.Series(np.where(np.arange(len(clips)) % 2, "odd", "even"))


def right_if(table: pd.DataFrame, right: pd.Series) -> pd.DataFrame:
    """The same clips, recognised where `right` says so."""
    other = {"neutral": "happy", "happy": "sad", "sad": "neutral"}
    return table.assign(
        predicted=table["emotion"].where(right.to_numpy(), table["emotion"].map(other))
    )


def test_a_factor_that_decides_is_found_and_another_is_not() -> None:
    table = predictions()
    rng = np.random.default_rng(0)
    easy = pd.Series(rng.random(len(table)) < 0.5)
    chance = np.where(easy, 0.9, 0.3)
    table = right_if(table, pd.Series(rng.random(len(table)) < chance))
    names = easy.map({True: "easy", False: "hard"})
    found = study_places(table, groups(table, intensity=names, repetition=alternating(table)))
    factors = found.drop_duplicates("factor").set_index("factor")
    assert factors.index.tolist() == ["intensity", "repetition"]
    assert factors["p_holm"]["intensity"] < 0.01
    assert factors["range"]["intensity"] > 40
    assert factors["p"]["repetition"] > 0.05
    rows = found.set_index("name")
    assert rows["uar"]["easy"] > 80
    assert rows["uar_low"]["hard"] < rows["uar"]["hard"] < rows["uar_high"]["hard"]


def test_a_factor_that_only_tells_speakers_apart_is_no_factor() -> None:
    table = predictions()
    good = table["speaker"].isin(["01", "02", "03"])
    rng = np.random.default_rng(1)
    table = right_if(table, pd.Series(rng.random(len(table)) < np.where(good, 0.95, 0.3)))
    # the good speakers' clips are nearly all in one group
    odd = pd.Series(rng.random(len(table)) < np.where(good, 0.85, 0.15))
    found = study_places(table, groups(table, loudness=odd.map({True: "a", False: "b"})))
    assert (found["range"] > 20).all()
    assert (found["p"] > 0.05).all(), "speakers are taken for loudness"


def test_groups_are_compared_over_the_emotions_that_all_of_them_show() -> None:
    table = predictions()
    emotions = list(dict.fromkeys(table["emotion"]))
    kept = alternating(table).where(
        table.drop_duplicates("clip")["emotion"].reset_index(drop=True) != emotions[0], "even"
    )
    found = study_places(table, groups(table, intensity=kept))
    assert set(found["emotions"]) == {len(emotions) - 1}


def test_small_groups_and_factors_with_one_group_are_left_out() -> None:
    table = predictions()
    names = alternating(table).mask(pd.Series(range(len(table))) < 5, "rare")
    same = pd.Series("all", index=range(len(table)))
    found = study_places(table, groups(table, statement=names, loudness=same))
    assert set(found["factor"]) == {"statement"}
    assert set(found["name"]) == {"even", "odd"}


def test_without_any_factor_the_table_is_empty() -> None:
    table = predictions()
    assert study_places(table, groups(table)).empty


def test_quarters_are_of_the_clips_of_one_emotion() -> None:
    manifest = make_manifest(speakers=4, clips_each=3)
    loud = manifest["emotion"].map(
        {name: 10.0 * n for n, name in enumerate(sorted(set(manifest["emotion"])))}
    )
    level = loud + np.arange(len(manifest)) / 100
    functionals = pd.DataFrame({LOUDNESS: level.to_numpy()}, index=pd.Index(manifest["clip"]))
    found = describe_clips(manifest, functionals)["loudness"]
    for emotion in set(manifest["emotion"]):
        clips = manifest.loc[manifest["emotion"] == emotion, "clip"]
        assert found.loc[clips].value_counts().to_dict() == dict.fromkeys(QUARTERS, 3)
        order = level[manifest["emotion"] == emotion].rank().to_numpy()
        assert found.loc[clips].map(QUARTERS.index).tolist() == ((order - 1) // 3).tolist()


def test_statements_of_two_corpora_are_told_apart() -> None:
    manifest = make_manifest(speakers=2)
    functionals = pd.DataFrame({LOUDNESS: 0.0}, index=pd.Index(manifest["clip"]))
    found = describe_clips(manifest, functionals)["statement"].iloc[0]
    assert found == f"{manifest['corpus'].iloc[0]} {manifest['sentence'].iloc[0]}"


def test_a_clip_without_functionals_is_a_sentence() -> None:
    with pytest.raises(SerError, match=r"has no functionals; run `dvc repro`"):
        describe_clips(make_manifest(speakers=2), pd.DataFrame({LOUDNESS: []}))


def test_a_clip_that_is_in_no_group_is_a_sentence() -> None:
    table = predictions()
    with pytest.raises(SerError, match="is not in the manifest"):
        study_places(table, groups(table).iloc[1:])


def test_holm_corrects_for_the_number_of_factors() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
