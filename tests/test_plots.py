"""Figures: the same bytes whenever they are drawn, and no data lost on the way."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ser.plots
from ser.evaluation.calibration import calibration_scores, reliability_table
from ser.evaluation.metrics import confusion_table, headline_scores, speakers_table, system_metrics
from ser.evaluation.report import FLOORS, systems_table
from ser.labels import EMOTIONS
from ser.plots import (
    SystemTables,
    draw_confusion,
    draw_examples,
    draw_history,
    draw_reliability,
    draw_speakers,
    draw_system,
    draw_systems,
    example_predictions,
    pooled_uar,
)
from ser.splits.protocols import PROTOCOLS
from ser.studies.actors import study_actors
from ser.studies.augmentations import RECIPES, describe_recipes
from ser.studies.card import card_table
from ser.studies.error_groups import FACTORS, study_errors
from ser.studies.gender import HALF, OTHER, OWN, POOLED, describe
from ser.studies.ladder import RUNGS, describe_rungs
from ser.studies.mistakes import study_mistakes
from ser.studies.speaker_normalisation import describe_counts
from ser.studies.trials import scores
from tests.builders import REPOSITORY, make_predictions
from tests.evaluation.test_calibration import with_probabilities
from tests.studies.test_card import make_clips
from tests.studies.test_importance import described as importance
from tests.studies.test_notebooks import study as notebooks
from tests.studies.test_optimizer_study import described as optimizers

LEAKY = PROTOCOLS["leaky_everything"].mark
TEMPLATES = sorted((REPOSITORY / ".dvc" / "plots").glob("*.json"))


def history(
    folds: int = 3, epochs: int = 5, held_out: str = "validation", networks: int = 1
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (fold, 0, network, epoch, part, rng.random(), 100 * rng.random(), 100 * rng.random())
        for fold in range(folds)
        for network in range(networks)
        for epoch in range(1, epochs + 1)
        for part in ("train", held_out)
    ]
    columns = ["fold", "seed", "network", "epoch", "part", "loss", "accuracy", "uar"]
    return pd.DataFrame(rows, columns=columns)


def predictions(**shape: Any) -> pd.DataFrame:
    return with_probabilities(make_predictions(**shape))


def tables() -> SystemTables:
    table = predictions()
    return SystemTables(
        history(), table, confusion_table(table), speakers_table(table), reliability_table(table)
    )


def systems(second: str = "leaky_random") -> pd.DataFrame:
    every = predictions()
    made = {"all": ("leave_one_speaker_out", every)}
    made["female"] = (second, every[every["gender"] == "female"])
    metrics = {
        name: system_metrics(rows, 1, PROTOCOLS[protocol])
        for name, (protocol, rows) in made.items()
    }
    floor = {"uar": 20.0, "uar_low": 10.0, "uar_high": 30.0}
    floors = {
        name: {"protocol": protocol, **dict.fromkeys(FLOORS, floor)}
        for name, (protocol, _) in made.items()
    }
    return systems_table(metrics, floors)


FIGURES: dict[str, Callable[[Path], None]] = {
    "history": lambda path: draw_history(history(), "tiny", "", path),
    "history of one epoch": lambda path: draw_history(history(1, 1), "tiny", "", path),
    "history of several networks": lambda path: draw_history(history(networks=2), "tiny", "", path),
    "history of test clips": lambda path: draw_history(
        history(held_out="test"), "tiny", LEAKY, path
    ),
    "confusion": lambda path: draw_confusion(confusion_table(predictions()), "tiny", "", path),
    "examples": lambda path: draw_examples(predictions(), "tiny", "", path),
    "speakers": lambda path: draw_speakers(speakers_table(predictions()), 50.0, "tiny", "", path),
    "reliability": lambda path: draw_reliability(
        reliability_table(predictions()), "tiny", "", path
    ),
    "systems": lambda path: draw_systems(systems(), path),
}


@contextmanager
def kept_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Figures as they are when they would be saved."""
    kept: list[Figure] = []
    with monkeypatch.context() as patch:
        patch.setattr(ser.plots, "save_figure", lambda figure, path: kept.append(figure))
        yield kept
    for figure in kept:
        plt.close(figure)


def words(figure: Figure) -> str:
    """Everything written in a figure, as one line."""
    texts = [text.get_text() for text in figure.findobj(plt.Text)]
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_has_the_same_bytes_twice(figure: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "other name.png"
    FIGURES[figure](one)
    with plt.rc_context({"font.size": 30, "figure.dpi": 50}):  # somebody else's settings
        FIGURES[figure](two)
    assert one.read_bytes() == two.read_bytes(), f"{figure} differs when drawn again"
    assert one.read_bytes().startswith(b"\x89PNG\r\n")
    assert b"Software" not in one.read_bytes(), "the drawing program's version is in the file"
    assert not plt.get_fignums(), "the figure was not closed"
    assert np.ptp(plt.imread(one)[..., :3]) > 0.5, "the figure is empty"


@pytest.mark.parametrize(
    ("figure", "other"),
    [
        ("history", lambda path: draw_history(history().assign(loss=1.0), "tiny", "", path)),
        (
            "confusion",
            lambda path: draw_confusion(
                confusion_table(make_predictions(random_seed=9)), "tiny", "", path
            ),
        ),
        (
            "speakers",
            lambda path: draw_speakers(speakers_table(predictions()), 70.0, "tiny", "", path),
        ),
        (
            "reliability",
            lambda path: draw_reliability(
                reliability_table(predictions()).assign(accuracy=50.0), "tiny", "", path
            ),
        ),
        ("systems", lambda path: draw_systems(systems().assign(uar=50.0), path)),
        ("systems", lambda path: draw_systems(systems().assign(floor_loudness=44.0), path)),
    ],
)
def test_a_figure_shows_its_data(
    figure: str, other: Callable[[Path], None], tmp_path: Path
) -> None:
    FIGURES[figure](tmp_path / "one.png")
    other(tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_a_confusion_with_an_emotion_that_is_only_predicted_is_drawn(tmp_path: Path) -> None:
    table = make_predictions()
    table.loc[0, "predicted"] = "angry"
    confusion = confusion_table(table)
    draw_confusion(confusion, "tiny", "", tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").is_file()
    assert pooled_uar(confusion) == pytest.approx(headline_scores(table)["uar"], abs=1e-9)


def test_all_figures_of_a_system_are_drawn_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_system(tables(), "tiny", LEAKY, tmp_path)
    names = {"history", "confusion", "examples", "speakers", "reliability"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in names}
    with kept_figures(monkeypatch) as figures:
        draw_system(tables(), "tiny", LEAKY, tmp_path)
        for figure in figures:
            title = figure.get_suptitle()
            assert LEAKY in " ".join(title.split()), f"no mark in the title {title!r}"
            assert title.startswith("tiny: "), title


@pytest.mark.parametrize("mark", ["", "none"])
def test_a_protocol_without_a_mark_leaves_the_title_plain(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_figures(monkeypatch) as figures:
        draw_system(tables(), "tiny", mark, tmp_path)
        assert not any("\n" in figure.get_suptitle() for figure in figures)


def test_a_history_says_whether_test_clips_were_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for held_out, other in (("test", "validation"), ("validation", "test")):
        with kept_figures(monkeypatch) as figures:
            draw_history(history(held_out=held_out), "tiny", LEAKY, tmp_path / "history.png")
            (figure,) = figures
            for axis in figure.axes:
                labels = [line.get_label() for line in axis.get_lines()]
                assert labels == ["train", held_out], "a part is not drawn"
            assert other not in words(figure)


def test_speakers_are_sorted_and_told_apart_by_colour_and_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = speakers_table(predictions(speakers=7))
    with kept_figures(monkeypatch) as figures:
        draw_speakers(table, 54.3, "tiny", "", tmp_path / "speakers.png")
        (axis,) = figures[0].axes
        points = np.concatenate([dots.get_offsets() for dots in axis.collections])
        assert len(points) == 7, "a speaker is not drawn"
        heights = points[np.argsort(points[:, 0]), 1]
        assert (np.diff(heights) <= 0).all(), "speakers are not sorted"
        female, male = axis.collections
        assert (female.get_facecolor() != male.get_facecolor()).any()
        assert female.get_paths()[0].vertices.shape != male.get_paths()[0].vertices.shape
        assert "54.3 %" in words(figures[0])


def test_the_legend_of_reliability_has_the_calibration_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = predictions(clips_each=20)
    scores = calibration_scores(table)
    with kept_figures(monkeypatch) as figures:
        draw_reliability(reliability_table(table), "tiny", "", tmp_path / "reliability.png")
        text = words(figures[0])
    assert f"raw: ECE {100 * scores['ece']:.1f} %" in text
    assert f"calibrated: ECE {100 * scores['ece_calibrated']:.1f} %" in text


@pytest.mark.parametrize("protocol", ["leaky_random", "speaker_normalized"])
def test_marked_systems_look_different(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_figures(monkeypatch) as figures:
        draw_systems(systems(protocol), tmp_path / "systems.png")
        (axis,) = figures[0].axes
        plain, marked = axis.get_yticklabels()
        assert plain.get_text() == "all"
        assert PROTOCOLS[protocol].mark in " ".join(marked.get_text().split())
        assert plain.get_color() != marked.get_color()


def test_a_system_without_an_interval_is_drawn(tmp_path: Path) -> None:
    table = systems().assign(uar_low=[None, 1.0], uar_high=[None, 99.0])
    draw_systems(table, tmp_path / "systems.png")
    assert (tmp_path / "systems.png").is_file()


def test_examples_are_the_surest_right_and_wrong_answer_of_each_emotion() -> None:
    table = make_predictions(seeds=(3, 4))
    examples = example_predictions(table)
    assert set(examples["seed"]) == {3}, "examples come from the first seed"
    first = table[table["seed"] == 3]
    for emotion in first["emotion"].unique():
        for is_right in (True, False):
            right = first["emotion"] == first["predicted"]
            rows = first[(first["emotion"] == emotion) & (right == is_right)]
            shown = examples[
                (examples["emotion"] == emotion)
                & ((examples["emotion"] == examples["predicted"]) == is_right)
            ]
            assert len(shown) == 1
            assert shown.iloc[0]["confidence"] == rows["confidence"].max()


def test_perfect_predictions_have_no_mistakes_to_show(tmp_path: Path) -> None:
    table = make_predictions(accuracy=lambda speaker: 1.0)
    assert len(example_predictions(table)) == table["emotion"].nunique()
    draw_examples(table, "tiny", "", tmp_path / "examples.png")


def fields(template: Any) -> set[str]:
    """Columns that a template names, in encodings and in calculations."""
    if isinstance(template, dict):
        own = {template["field"]} if isinstance(template.get("field"), str) else set()
        calculated = str(template.get("calculate", "")) + str(template.get("test", ""))
        own |= set(re.findall(r"datum\.(\w+)", calculated))
        return own.union(*map(fields, template.values()))
    return set().union(*map(fields, template)) if isinstance(template, list) else set()


def calculated(template: dict[str, Any]) -> set[str]:
    return {step["as"] for step in template.get("transform", []) if "as" in step}


def groups() -> pd.DataFrame:
    table = predictions()
    clips = table.drop_duplicates("clip").set_index("clip")
    factors = pd.DataFrame("", index=clips.index, columns=FACTORS)
    return study_errors(table, factors.assign(intensity=clips["gender"])).table


def matrix() -> pd.DataFrame:
    """The columns of both tables of the cross-lingual study."""
    scored = scores(predictions())
    cell = {"model": "network", "trained_on": "a", "tested_on": "b", "chance": 20.0, "n_clips": 1}
    point = {"label": "1", "speakers": 1.0, "within": 50.0}
    return pd.DataFrame([{**cell, **point, **scored}])


def normalised() -> pd.DataFrame:
    return describe_counts(predictions(), predictions().assign(clips=1)).table


COLUMNS: dict[str, Callable[[], pd.DataFrame]] = {
    "actors": lambda: study_actors(predictions()).table,
    "augmentations": lambda: (
        describe_recipes({recipe.key: predictions() for recipe in RECIPES}).table
    ),
    "card": lambda: card_table(make_clips()),
    "confidence": predictions,
    "confusion_percent": lambda: tables().confusion,
    "feature_emotions": lambda: importance().emotions,
    "feature_groups": lambda: importance().groups,
    "gender": lambda: describe({kind: predictions() for kind in (POOLED, HALF, OWN, OTHER)}).table,
    "groups": groups,
    "history": history,
    "joining": matrix,
    "ladder": lambda: describe_rungs({rung.key: predictions() for rung in RUNGS}).table,
    "matrix": matrix,
    "normalisation": normalised,
    "notebook_history": lambda: notebooks().history,
    "notebooks": lambda: notebooks().table,
    "optimizer_history": lambda: optimizers().history,
    "optimizers": lambda: optimizers().table,
    "pairs": lambda: study_mistakes(predictions()).pairs,
    "rates": lambda: optimizers().rates,
    "reliability": lambda: tables().reliability,
    "saliency": lambda: importance().saliency,
    "speakers": lambda: tables().speakers,
    "sureness": lambda: study_mistakes(predictions()).clips,
    "systems": systems,
}


def test_every_template_is_tested() -> None:
    assert {path.stem for path in TEMPLATES} == set(COLUMNS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_json_with_anchors_and_columns_that_exist(path: Path) -> None:
    template = json.loads(path.read_text(encoding="utf-8"))
    assert template["data"] == {"values": "<DVC_METRIC_DATA>"}, f"{path.name}: no data anchor"
    assert template["title"]["text"] == "<DVC_METRIC_TITLE>", f"{path.name}: no title anchor"
    # `rev` is added by DVC
    known = set(COLUMNS[path.stem]().columns) | calculated(template) | {"rev"}
    unknown = fields(template) - known
    assert not unknown, f"{path.name} shows {unknown}, which its table does not have"


def test_templates_know_every_part_and_emotion() -> None:
    folder = REPOSITORY / ".dvc" / "plots"
    history_template = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    for chart in history_template["hconcat"]:
        assert set(chart["encoding"]["strokeDash"]["sort"]) == set(ser.plots.PART_COLOURS)
    actors = json.loads((folder / "actors.json").read_text(encoding="utf-8"))
    assert tuple(actors["spec"]["encoding"]["x"]["sort"]) == EMOTIONS
    confusion = json.loads((folder / "confusion_percent.json").read_text(encoding="utf-8"))
    for axis in ("x", "y"):
        assert tuple(confusion["spec"]["encoding"][axis]["sort"]) == EMOTIONS
