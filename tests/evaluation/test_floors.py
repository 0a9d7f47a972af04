"""Floors: each sees what it may and no more, on the folds of the system."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ser.core.errors import LeakError
from ser.evaluation import report
from ser.evaluation.baselines import (
    FLOORS,
    _svm,
    floor_predictions,
    floor_scores,
)
from ser.reading.functionals import FunctionalsReader
from ser.core.scoring import unweighted_average_recall
from ser.guards.checks import Purpose
from ser.guards.selection import SystemClips, load_clips
from tests.builders import CORPUS, EMOTIONS, make_manifest, write_splits

SPEAKERS = 5


def chosen_under(folder: Path, protocol: str, manifest: pd.DataFrame | None = None) -> SystemClips:
    manifest = make_manifest(SPEAKERS, clips_each=6) if manifest is None else manifest
    write_splits(manifest, folder / CORPUS, protocol)
    return load_clips(folder, [CORPUS], protocol, "all")


@pytest.fixture
def chosen(tmp_path: Path) -> SystemClips:
    return chosen_under(tmp_path, "leave_one_speaker_out")


def functionals(clips: pd.DataFrame, telling: str = "mfcc.0.mean", seed: int = 0) -> pd.DataFrame:
    """Noise, but for one functional that tells the emotion."""
    rng = np.random.default_rng(seed)
    names = ["duration.clip_s", "loudness.0.mean", "mfcc.0.mean", "log_mel.0.mean"]
    table = pd.DataFrame(
        rng.standard_normal((len(clips), len(names))),
        index=pd.Index(clips["clip"]),
        columns=names,
    )
    table[telling] += 8.0 * clips["emotion"].map(EMOTIONS.index).to_numpy()
    return table


def scores(chosen: SystemClips, table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return floor_scores(floor_predictions(chosen, table, 3.0, 0.01, 1))


def test_every_floor_answers_every_clip_once(chosen: SystemClips) -> None:
    predictions = floor_predictions(chosen, functionals(chosen.clips), 3.0, 0.01, 2)
    assert list(predictions["floor"].unique()) == list(FLOORS)
    for floor, rows in predictions.groupby("floor"):
        assert rows["clip"].tolist() == chosen.clips["clip"].tolist(), floor
        tested = chosen.folds[chosen.folds["role"] == "test"].set_index("clip")["fold"]
        assert (rows["fold"].to_numpy() == tested[rows["clip"]].to_numpy()).all(), floor


@pytest.mark.parametrize(
    ("telling", "floor"),
    [
        ("duration.clip_s", "duration"),
        ("loudness.0.mean", "loudness"),
        ("mfcc.0.mean", "functionals_svm"),
    ],
)
def test_a_floor_sees_its_own_functionals_only(
    chosen: SystemClips, telling: str, floor: str
) -> None:
    found = scores(chosen, functionals(chosen.clips, telling))
    assert found[floor]["uar"] > 90, f"{floor} does not see {telling}"
    for other in {"duration", "loudness"} - {floor}:
        assert found[other]["uar"] < 60, f"{other} sees {telling}"


def test_the_majority_floor_is_chance(chosen: SystemClips) -> None:
    found = scores(chosen, functionals(chosen.clips))
    assert found["majority"]["uar"] == pytest.approx(100 / len(EMOTIONS))


def test_the_majority_is_that_of_training(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    # of the clips of all others, "sad" is the most frequent wherever speaker 01 is tested
    manifest = manifest[(manifest["emotion"] == "sad") | manifest["take"].isin(["1", "2"])]
    chosen = chosen_under(tmp_path, "leave_one_speaker_out", manifest.reset_index(drop=True))
    predictions = floor_predictions(chosen, functionals(chosen.clips), 3.0, 0.01, 1)
    assert set(predictions.loc[predictions["floor"] == "majority", "predicted"]) == {"sad"}


def test_the_oracle_knows_what_each_speaker_shows_most(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    favourite = manifest["speaker"].map(lambda who: EMOTIONS[int(who) % len(EMOTIONS)])
    few = (manifest["emotion"] == favourite) | manifest["take"].isin(["1"])
    chosen = chosen_under(tmp_path, "leave_one_speaker_out", manifest[few].reset_index(drop=True))
    predictions = floor_predictions(chosen, functionals(chosen.clips), 3.0, 0.01, 1)
    rows = predictions[predictions["floor"] == "speaker_majority"]
    expected = rows["speaker"].map(lambda who: EMOTIONS[int(who) % len(EMOTIONS)])
    assert rows["predicted"].tolist() == expected.tolist()


def test_an_oracle_without_a_favourite_is_no_better_than_chance(chosen: SystemClips) -> None:
    found = scores(chosen, functionals(chosen.clips))
    assert found["speaker_majority"]["uar"] == pytest.approx(100 / len(EMOTIONS))


def test_scores_are_those_of_the_answers(chosen: SystemClips) -> None:
    predictions = floor_predictions(chosen, functionals(chosen.clips), 3.0, 0.01, 1)
    for floor, values in floor_scores(predictions).items():
        rows = predictions[predictions["floor"] == floor]
        uar = unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
        assert values["uar"] == pytest.approx(uar)
        assert values["uar_low"] <= values["uar"] <= values["uar_high"]


def test_the_number_of_processes_changes_nothing(chosen: SystemClips) -> None:
    table = functionals(chosen.clips)
    one, two = (floor_predictions(chosen, table, 3.0, 0.01, processes) for processes in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_the_report_knows_every_floor() -> None:
    assert set(report.FLOORS) == set(FLOORS)


# The guard


@pytest.mark.parametrize("purpose", [Purpose.TRAIN, Purpose.STATISTICS])
@pytest.mark.parametrize("role", ["validation", "test"])
def test_held_out_functionals_may_not_be_fitted_on(
    chosen: SystemClips, purpose: Purpose, role: str
) -> None:
    reader = FunctionalsReader(chosen, functionals(chosen.clips), 0)
    held_out = chosen.with_role(0, role)
    with pytest.raises(LeakError, match=f"role: {role}.*{purpose.value}"):
        reader.read(held_out, purpose)


def test_training_functionals_may_not_be_tested(chosen: SystemClips) -> None:
    reader = FunctionalsReader(chosen, functionals(chosen.clips), 0)
    with pytest.raises(LeakError, match="role: train"):
        reader.read(chosen.with_role(0, "train"), Purpose.TEST)


def test_an_svm_says_what_it_reads_for(
    chosen: SystemClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Purpose, list[str]]] = []
    real = FunctionalsReader.read

    def read(reader: FunctionalsReader, clips: pd.DataFrame, purpose: Purpose) -> np.ndarray:
        said.append((purpose, clips["clip"].tolist()))
        return real(reader, clips, purpose)

    monkeypatch.setattr(FunctionalsReader, "read", read)
    _svm(chosen, 0, functionals(chosen.clips), svm_c=3.0)
    trains, tested = (chosen.with_role(0, role)["clip"].tolist() for role in ("train", "test"))
    assert said == [
        (Purpose.STATISTICS, trains),
        (Purpose.TRAIN, trains),
        (Purpose.TEST, tested),
    ]


def test_held_out_values_change_nothing_in_what_is_learned(chosen: SystemClips) -> None:
    table = functionals(chosen.clips)
    before = floor_predictions(chosen, table, 3.0, 0.01, 1)
    held_out = chosen.with_role(0, "validation")["clip"]
    changed = table.copy()
    changed.loc[held_out] = 1e3
    after = floor_predictions(chosen, changed, 3.0, 0.01, 1)
    first = before["fold"] == 0
    pd.testing.assert_frame_equal(before[first], after[first])


# Normalised by speaker


def test_a_protocol_that_says_so_standardises_by_speaker(tmp_path: Path) -> None:
    chosen = chosen_under(tmp_path, "speaker_normalized")
    table = functionals(chosen.clips) + 5.0
    reader = FunctionalsReader(chosen, table, 0)
    tested = chosen.with_role(0, "test")
    values = reader.read(tested, Purpose.TEST)
    assert np.allclose(values.mean(axis=0), 0, atol=1e-9)
    assert np.allclose(values.std(axis=0), 1)
    assert float(table.to_numpy().mean()) > 1, "the table itself must stay as it was"


def test_speakers_of_different_levels_are_told_apart_by_normalising(tmp_path: Path) -> None:
    manifest = make_manifest(SPEAKERS, clips_each=6)
    found = {}
    for protocol in ("leave_one_speaker_out", "speaker_normalized"):
        chosen = chosen_under(tmp_path / protocol, protocol, manifest)
        table = functionals(chosen.clips)
        level = chosen.clips["speaker"].astype(int).to_numpy() * 40.0
        found[protocol] = scores(chosen, table.add(level, axis=0))["functionals_svm"]["uar"]
    assert found["speaker_normalized"] > found["leave_one_speaker_out"] + 20


def test_functionals_that_never_change_do_no_harm(tmp_path: Path) -> None:
    chosen = chosen_under(tmp_path, "speaker_normalized")
    table = functionals(chosen.clips).assign(still=1.0)
    assert scores(chosen, table)["functionals_svm"]["uar"] > 80
