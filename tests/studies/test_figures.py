"""Figures of studies: drawn from their tables, the same every time, marks in a warning colour."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from ser.core.files import write_csv
from ser.core.settings import Values
from ser.reports.figures.base import BLUE, ORANGE, save_figure
from ser.reports.figures.parts import panels_figure
from ser.reports.figures.studies import DRAWINGS, Drawing
from studies import figures
from studies.study import DATA, read_table, table_path
from tests.builders import CORPUS, EMOTIONS, make_manifest, make_values, write_clips

LEAK = "LEAKY: speaker"
RNG = np.random.default_rng(0)


def grid(**columns: object) -> pd.DataFrame:
    """One row for each combination of what columns list; with scores and random numbers."""
    table = pd.MultiIndex.from_product(
        [values if isinstance(values, list) else [values] for values in columns.values()],
        names=list(columns),
    ).to_frame(index=False)
    size = len(table)
    numbers = ("loss", "accuracy", "training_accuracy", "evidence", "lost", "validation_uar")
    more = {name: RNG.uniform(0, 60, size) for name in numbers if name not in table}
    uar = RNG.uniform(20, 80, size)
    scores = {"uar": uar, "uar_low": uar - 5, "uar_high": uar + 5}
    return table.assign(**more, **scores, **{"mark": table.get("mark", "none")})


TABLES = {
    "ladder": grid(name=["new speakers", "random split"], mark=["none", LEAK]),
    "augmentations": grid(name=["none", "white noise"]),
    "gender": grid(tested=["all", "female", "male"], name=["own gender", "other gender"]),
    "notebooks": grid(name=["1", "2"], split=["own", "ours"]),
    "notebooks_history": grid(
        name=["1", "2"], split=["own", "ours"], epoch=[1, 2], part=["train", "validation"]
    ),
    "optimizers_rates": grid(name=["SGD", "Adam"], rate=[0.01, 0.1]).assign(
        chosen=[True, False] * 2
    ),
    "optimizers_history": grid(name=["SGD", "Adam"], epoch=[1, 2], part=["train", "validation"]),
    "speaker_normalisation": grid(clips=[0, 1, 5, 60], mark="transductive"),
    "cross_lingual": grid(
        model=["network", "SVM"], trained_on=["a", "b", "all corpora"], tested_on=["a", "b"]
    ).assign(chance=20.0),
    "cross_lingual_curve": grid(tested_on=["a", "b"], label=["none", "1", "all"]).assign(
        within=50.0, chance=20.0
    ),
    "actors": grid(corpus="a", speaker=["01", "02"], gender="male", emotion=list(EMOTIONS)).assign(
        recall=50.0, uar=50.0, chance_low=40.0, chance_high=60.0
    ),
    "actors_spread": pd.DataFrame([{"mark": LEAK, "observed": 9.0, "chance": 5.0}]),
    "places": grid(factor=["intensity", "loudness"], name=["a", "b"]).assign(
        n_clips=30, emotions=3, p_holm=0.01
    ),
    "importance": pd.concat(
        [
            grid(name="all groups", way="alone"),
            grid(name=["pitch", "energy"], way=["alone", "without", "permuted", "occluded"]),
        ]
    ),
    "importance_emotions": grid(emotion=list(EMOTIONS), group=["pitch", "energy"]),
    "importance_saliency": grid(emotion=list(EMOTIONS), band=[0, 1], span=[0, 1, 2]),
    "mistakes": grid(clip=["a", "b"], emotion=["happy", "sad"], answer=["sad"]).assign(
        confidence=0.7
    ),
    "mistakes_pairs": grid(emotion="happy", answer="sad", clips=2, percent=10.0),
    "card": grid(emotion=list(EMOTIONS), gender=["female", "unknown"]).assign(
        n_clips=3, duration_s=2.0
    ),
    "card_boxes": grid(
        measure=["speech_s", "silence_percent", "level_db"],
        emotion=list(EMOTIONS),
        gender=["female", "unknown"],
    ).assign(**{f"p{p}": float(p) for p in (5, 25, 50, 75, 95)}),
}


def written(drawing: Drawing) -> list[pd.DataFrame]:
    """The tables of a figure, as they are read."""
    for ending in drawing.endings:
        write_csv(table_path(drawing.study, "tiny", ending), TABLES[f"{drawing.study}{ending}"])
    return [read_table(drawing.study, "tiny", ending) for ending in drawing.endings]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda one: f"{one.study}{one.endings[0]}")
def test_a_figure_has_the_same_bytes_twice(drawing: Drawing) -> None:
    tables = written(drawing)
    for name in ("one", "two"):
        save_figure(drawing.make("tiny", *tables), Path(f"{name}.png"))
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    assert not plt.get_fignums()


def test_what_has_a_mark_is_drawn_in_a_warning_colour() -> None:
    rows = TABLES["ladder"]
    figure = panels_figure({"": rows}, "title")
    points = figure.axes[0].collections[-1]
    shown = [to_hex(colour).upper() for colour in points.get_facecolors()]
    assert shown == [BLUE if mark == "none" else ORANGE for mark in rows["mark"]]
    plt.close(figure)
    empty = panels_figure({}, "nothing to show", LEAK)
    assert LEAK in empty.get_suptitle()
    plt.close(empty)


def test_sounds_of_every_corpus_and_of_every_effect_are_drawn() -> None:
    manifest = write_clips(make_manifest(speakers=1, clips_each=1), DATA / "corpora" / CORPUS)
    write_csv(table_path("card", CORPUS, "_examples"), manifest[["emotion", "clip", "speaker"]])

    def drawn(values: Values) -> list[bytes]:
        found = []
        for path, figure in figures.draw_sounds(values):
            save_figure(figure, Path(path.name))
            found.append(Path(path.name).read_bytes())
        return found

    values = make_values({"studies.augmentations": [CORPUS]})
    loud = {"augmentation.noise.min_snr_db": -20, "augmentation.noise.max_snr_db": 0}
    corpus, effects = drawn(values)
    assert drawn(values) == [corpus, effects]
    again, louder = drawn(values.changed(loud))
    assert again == corpus
    assert louder != effects
