"""Groups of clips: a factor that matters is found, and one that does not is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.core.errors import SerError
from studies.error_groups import (
    FACTORS,
    LOUDNESS,
    QUARTERS,
    describe_clips,
    holm,
    study_errors,
)
from ser.reports.figures.errors import draw_errors
from tests.builders import make_manifest, make_predictions


def predictions() -> pd.DataFrame:
    return make_predictions(speakers=6, clips_each=8)


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
    wrong = table["emotion"].map(lambda emotion: other.get(emotion, "neutral"))
    return table.assign(predicted=table["emotion"].where(right.to_numpy(), wrong))


def test_a_factor_that_decides_is_found_and_another_is_not() -> None:
    table = predictions()
    rng = np.random.default_rng(0)
    easy = pd.Series(rng.random(len(table)) < 0.5)
    chance = np.where(easy, 0.9, 0.3)
    table = right_if(table, pd.Series(rng.random(len(table)) < chance))
    names = easy.map({True: "easy", False: "hard"})
    study = study_errors(table, groups(table, intensity=names, repetition=alternating(table)))
    assert list(study.metrics) == ["intensity", "repetition"]
    assert study.metrics["intensity"]["p_holm"] < 0.01
    assert study.metrics["intensity"]["range"] > 40
    assert study.metrics["repetition"]["p_value"] > 0.05
    rows = study.table.set_index("group")
    assert rows.loc["easy", "uar"] > 80
    assert rows.loc["hard", "uar_low"] < rows.loc["hard", "uar"] < rows.loc["hard", "uar_high"]


def test_a_factor_that_only_tells_speakers_apart_is_no_factor() -> None:
    table = predictions()
    good = table["speaker"].isin(["01", "02", "03"])
    rng = np.random.default_rng(1)
    table = right_if(table, pd.Series(rng.random(len(table)) < np.where(good, 0.95, 0.3)))
    # the good speakers' clips are nearly all in one group
    odd = pd.Series(rng.random(len(table)) < np.where(good, 0.85, 0.15))
    study = study_errors(table, groups(table, loudness=odd.map({True: "a", False: "b"})))
    assert study.metrics["loudness"]["range"] > 20
    assert study.metrics["loudness"]["p_value"] > 0.05, "speakers are taken for loudness"


def test_groups_are_compared_over_the_emotions_that_all_of_them_show() -> None:
    table = predictions()
    emotions = list(dict.fromkeys(table["emotion"]))
    kept = alternating(table).where(
        table.drop_duplicates("clip")["emotion"].reset_index(drop=True) != emotions[0], "even"
    )
    study = study_errors(table, groups(table, intensity=kept))
    assert set(study.table["emotions"]) == {len(emotions) - 1}


def test_small_groups_and_factors_with_one_group_are_left_out() -> None:
    table = predictions()
    names = alternating(table).mask(pd.Series(range(len(table))) < 5, "rare")
    same = pd.Series("all", index=range(len(table)))
    study = study_errors(table, groups(table, statement=names, loudness=same))
    assert list(study.metrics) == ["statement"]
    assert set(study.table["group"]) == {"even", "odd"}


def test_without_any_factor_the_table_is_empty_and_the_figure_is_drawn(tmp_path: Path) -> None:
    table = predictions()
    study = study_errors(table, groups(table))
    assert study.table.empty
    assert study.metrics == {}
    draw_errors(study, "tiny", "", tmp_path / "errors.png")


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
    found = describe_clips(manifest, functionals)
    assert (
        found["statement"].iloc[0] == f"{manifest['corpus'].iloc[0]} {manifest['sentence'].iloc[0]}"
    )


def test_a_clip_without_functionals_is_a_sentence() -> None:
    manifest = make_manifest(speakers=2)
    with pytest.raises(SerError, match=r"has no functionals; run `dvc repro`"):
        describe_clips(manifest, pd.DataFrame({LOUDNESS: []}))


def test_a_clip_that_is_in_no_group_is_a_sentence() -> None:
    table = predictions()
    with pytest.raises(SerError, match="is not in the manifest"):
        study_errors(table, groups(table).iloc[1:])


def test_holm_corrects_for_the_number_of_factors() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_figure_is_the_same_every_time(tmp_path: Path) -> None:
    table = predictions()
    study = study_errors(table, groups(table, intensity=alternating(table)))
    for name in ("one", "two"):
        draw_errors(study, "tiny", "LEAKY: speaker", tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
