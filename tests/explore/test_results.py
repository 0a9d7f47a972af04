"""A system's answers and two results side by side: the page shows what the tables hold."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ser.core.errors import SerError
from ser.evaluation.comparison import compare
from ser.evaluation.predictions import read_predictions
from ser.explore.results import answers_of, compare_sides, read_side
from ser.reports.revisions import list_revisions
from tests.builders import REPOSITORY
from tests.explore.conftest import CORPUS, SYSTEMS, Folder


def test_every_system_is_listed_with_what_can_be_heard(client: TestClient) -> None:
    systems = client.get("/api/systems").json()
    assert [one["name"] for one in systems] == sorted(SYSTEMS)
    for one in systems:
        table = read_predictions(Path("plots/systems") / one["name"] / "predictions.csv")
        assert one["clips"] == table["clip"].nunique()
        assert one["heard"] == ([CORPUS] if one["name"] == CORPUS else [])


def test_mistakes_are_those_of_the_table(client: TestClient, folder: Folder) -> None:
    table = read_side("emodb")
    answers = pd.DataFrame(client.get("/api/answers", params={"system": "emodb"}).json())
    assert len(answers) == table["clip"].nunique()
    share = (table["emotion"] == table["predicted"]).groupby(table["clip"]).mean()
    pd.testing.assert_series_equal(
        answers.set_index("clip")["right"].sort_index(),
        share.sort_index(),
        check_names=False,
        atol=1e-3,
    )
    # a clip that all seeds answer alike is answered so by their mean
    alike = table.groupby("clip")["predicted"].agg(["nunique", "first"])
    alike = alike[alike["nunique"] == 1]["first"]
    own = answers.set_index("clip")["answer"]
    assert (own.loc[alike.index] == alike).mean() > 0.999
    wrong = answers["answer"] != answers["emotion"]
    assert wrong.iloc[: wrong.sum()].all(), "mistakes come first"
    sure = answers.loc[wrong, "confidence"]
    assert sure.is_monotonic_decreasing
    assert (answers["of_truth"] <= answers["confidence"]).all()


def test_a_clip_is_heard_where_its_corpus_is(client: TestClient, folder: Folder) -> None:
    client.get("/api/systems")
    answer = client.get("/api/sound", params={"clip": folder.clips[0]})
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content[:4] == b"RIFF"
    elsewhere = read_side("ravdess")["clip"].iloc[0]
    assert client.get("/api/sound", params={"clip": elsewhere}).json()["code"] == "no_clip"


def test_two_systems_are_compared_on_the_clips_that_both_answered(client: TestClient) -> None:
    found = client.get("/api/compare", params={"a": "ravdess", "b": "ravdess_male"}).json()
    men = read_side("ravdess_male")
    all_of_them = read_side("ravdess")
    both = all_of_them[all_of_them["clip"].isin(men["clip"])]
    wanted = compare(both, men)
    assert wanted.interval is not None
    assert found["shared"] == men["clip"].nunique() == found["b"]["clips"] < found["a"]["clips"]
    assert found["difference"] == pytest.approx(wanted.difference)
    assert (found["low"], found["high"]) == pytest.approx(
        (wanted.interval.low, wanted.interval.high)
    )
    assert (found["won"], found["lost"]) == (wanted.won, wanted.lost)
    flips = pd.DataFrame(found["flips"])
    assert (flips["flip"] == "won").sum() == wanted.won
    assert sum(won for won, _ in found["by_emotion"].values()) == wanted.won
    none = client.get("/api/compare", params={"a": "ravdess", "b": "emodb"})
    assert "no clip in common" in none.json()["sentence"]


def test_a_revision_is_compared_with_what_lies_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    if subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True).returncode:
        pytest.skip("no git repository here")
    revisions = list_revisions("plots/systems")
    assert revisions
    assert all(name and what for name, what in revisions)
    found = compare_sides(("emodb", ""), ("emodb", "HEAD"))
    wanted = compare(read_side("emodb"), read_side("emodb", "HEAD"))
    assert found.difference == wanted.difference
    assert (found.a.revision, found.b.revision) == ("", "HEAD")


def test_without_results_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list_revisions("plots/systems") == []
    with pytest.raises(SerError, match="no result of 'emodb' here"):
        answers_of("emodb")
