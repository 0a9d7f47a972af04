"""Figures: the same bytes whenever they are drawn, and no data lost on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ser.reports.figures.systems as drawn
from ser.evaluation.calibration import reliability_table
from ser.evaluation.metrics import confusion_table, headline_scores, speakers_table
from ser.reports.figures.base import save_figure
from ser.reports.figures.parts import panels_figure
from ser.reports.systems import Results, systems_table
from ser.splits.protocols import PROTOCOLS
from tests.builders import make_predictions
from tests.evaluation.test_calibration import with_probabilities
from tests.reports.builders import history_table, write_results

LEAKY = PROTOCOLS["leaky_everything"].mark


def predictions(random_seed: int = 0) -> pd.DataFrame:
    return with_probabilities(make_predictions(random_seed=random_seed))


def systems(uar: float | None = None, mark: str = LEAKY) -> pd.DataFrame:
    """A table of two systems; the second is marked and has no interval."""
    rows = [
        {"system": name, "protocol": "p", "mark": sign, "uar": 60.0 + n, "uar_low": low}
        | {"uar_high": high, "chance": 12.5, "baseline_loudness": 30.0, "baseline_majority": 12.5}
        for n, (name, sign, low, high) in enumerate(
            [("all", "none", 50.0, 70.0), ("odd", mark, None, None)]
        )
    ]
    table = pd.DataFrame(rows)
    return table if uar is None else table.assign(uar=uar)


def points(path: Path, **changes: float) -> None:
    table = systems().assign(name=["one\ntwo", "three"], **changes)
    save_figure(panels_figure({"a": table}, "title", LEAKY, reference=40.0), path)


Draw = Callable[[Path], None]
# each figure, and the same of other data
FIGURES: dict[str, tuple[Draw, Draw]] = {
    "curves": (
        lambda path: drawn.draw_curves({"a": history_table()}, "t", "", path),
        lambda path: drawn.draw_curves({"a": history_table().assign(loss=1.0)}, "t", "", path),
    ),
    "confusion": (
        lambda path: drawn.draw_confusion({"a": confusion_table(predictions())}, "t", "", path),
        lambda path: drawn.draw_confusion({"a": confusion_table(predictions(9))}, "t", "", path),
    ),
    "confusion, two sides": (
        lambda path: drawn.draw_confusion(
            {"a": confusion_table(predictions()), "b": confusion_table(predictions(1))},
            "t",
            "",
            path,
        ),
        lambda path: drawn.draw_confusion(
            {"a": confusion_table(predictions()), "b": confusion_table(predictions(9))},
            "t",
            "",
            path,
        ),
    ),
    "reliability": (
        lambda path: drawn.draw_reliability({"a": reliability_table(predictions())}, "t", path),
        lambda path: drawn.draw_reliability(
            {"a": reliability_table(predictions()).assign(accuracy=50.0)}, "t", path
        ),
    ),
    "speakers": (
        lambda path: drawn.draw_speakers({"a": speakers_table(predictions())}, "t", path),
        lambda path: drawn.draw_speakers({"a": speakers_table(predictions(9))}, "t", path),
    ),
    "systems": (
        lambda path: drawn.draw_systems(systems(), path),
        lambda path: drawn.draw_systems(systems().assign(baseline_loudness=44.0), path),
    ),
    "points": (points, lambda path: points(path, uar_low=11.0)),
}


@contextmanager
def kept_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Figures as they are when they would be saved."""
    kept: list[Figure] = []
    with monkeypatch.context() as patch:
        patch.setattr(drawn, "save_figure", lambda figure, path: kept.append(figure))
        yield kept
    for figure in kept:
        plt.close(figure)


def words(figure: Figure) -> str:
    """Everything written in a figure, as one line."""
    texts = [text.get_text() for text in figure.findobj(plt.Text)]
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_has_the_same_bytes_twice_and_shows_its_data(figure: str, tmp_path: Path) -> None:
    one, two, other = (tmp_path / f"{name}.png" for name in ("one", "other name", "other"))
    draw, draw_other = FIGURES[figure]
    draw(one)
    with plt.rc_context({"font.size": 30, "figure.dpi": 50}):  # somebody else's settings
        draw(two)
    draw_other(other)
    assert one.read_bytes() == two.read_bytes(), f"{figure} differs when drawn again"
    assert one.read_bytes() != other.read_bytes(), f"{figure} does not show its data"
    assert one.read_bytes().startswith(b"\x89PNG\r\n")
    assert b"Software" not in one.read_bytes(), "the drawing program's version is in the file"
    assert not plt.get_fignums(), "the figure was not closed"
    assert np.ptp(plt.imread(one)[..., :3]) > 0.5, "the figure is empty"


def test_an_emotion_that_is_only_predicted_is_drawn_and_does_not_count(tmp_path: Path) -> None:
    table = make_predictions()
    table.loc[0, "predicted"] = "angry"
    confusion = confusion_table(table)
    drawn.draw_confusion({"a": confusion}, "t", "", tmp_path / "confusion.png")
    assert drawn.pooled_uar(confusion) == pytest.approx(headline_scores(table)["uar"], abs=1e-9)


def test_what_texts_show_is_drawn_for_every_system_with_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every: list[Results] = [
        write_results(tmp_path, "fair"),
        write_results(tmp_path, "odd", protocol="leaky_everything", held_out="test"),
    ]
    table = systems_table(every)
    drawn.draw_report(every, table, tmp_path / "plots")
    found = {path.relative_to(tmp_path / "plots").as_posix() for path in tmp_path.rglob("*.png")}
    both = {f"{kind}/{name}.png" for kind in ("curves", "confusion") for name in ("fair", "odd")}
    assert found == {"systems.png", *both}
    with kept_figures(monkeypatch) as figures:
        drawn.draw_report(every, table, tmp_path / "plots")
        together, *fair, odd_curves, odd_confusion = [words(figure) for figure in figures]
        for text in (together, odd_curves, odd_confusion):
            assert LEAKY in text, f"no mark in {text!r}"
        for text in fair:
            assert "LEAKY" not in text
            assert "none" not in text
        assert "validation" not in odd_curves, "test clips were watched"


def test_both_sides_are_drawn_and_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = {"before": history_table(), "after": history_table(held_out="test")}
    speakers = {side: speakers_table(predictions(n)) for n, side in enumerate(("before", "after"))}
    with kept_figures(monkeypatch) as figures:
        drawn.draw_curves(histories, "t", "", tmp_path / "x.png")
        drawn.draw_speakers(speakers, "t", tmp_path / "x.png")
        curves, dots = (figure.axes[0] for figure in figures)
        looks = {(line.get_color(), line.get_linestyle()) for line in curves.get_lines()}
        assert len(looks) == len(curves.get_lines()) == 4
        _, before, after = dots.collections
        assert before.get_paths()[0].vertices.shape != after.get_paths()[0].vertices.shape
        heights = after.get_offsets()[:, 1]
        assert (np.diff(heights) <= 0).all(), "speakers are not sorted"


def test_a_name_with_dollars_is_drawn_as_it_stands(tmp_path: Path) -> None:
    drawn.draw_reliability({"a$\\frac$b": reliability_table(predictions())}, "$x$", tmp_path / "a")
    assert (tmp_path / "a").is_file()


@pytest.mark.parametrize("mark", [LEAKY, "transductive"])
def test_marked_systems_look_different(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_figures(monkeypatch) as figures:
        drawn.draw_systems(systems(mark=mark), tmp_path / "systems.png")
        (axis,) = figures[0].axes
        plain, marked = axis.get_yticklabels()
        assert plain.get_text() == "all"
        assert mark in " ".join(marked.get_text().split())
        dots = next(some for some in axis.collections if len(some.get_facecolor()) == 2)
        one, other = dots.get_facecolor()
        assert (one != other).any()
