"""Model cards: of every system, from its results, with its mark."""

from pathlib import Path

import pandas as pd
import pytest

from ser.core.files import write_csv
from ser.core.settings import load_values
from ser.reports.review.model_card import FOLDER, model_card, write_cards
from tests.builders import REPOSITORY, make_values
from tests.conftest import Refused
from tests.reports.builders import write_results, write_shortcuts

VALUES = load_values(REPOSITORY / "params.yaml")


@pytest.mark.parametrize("name", VALUES.section("systems", dict))
def test_a_card_is_that_of_the_results_beside_it(name: str) -> None:
    card = (REPOSITORY / FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert card == model_card(name, VALUES, REPOSITORY), f"{name}: run `ser readme`"


def test_a_card_shows_mark_scores_limits_and_data(tmp_path: Path, refused: Refused) -> None:
    results = write_results(tmp_path, "odd", protocol="leaky_random")
    rows = [
        {"emotion": emotion, "gender": gender, "n_clips": 4, "n_speakers": 3, "speech_s": speech}
        for gender, speech in (("female", 1.0), ("male", 2.0))
        for emotion in ("neutral", "happy")
    ]
    system = {"corpora": ["synthetic_a"], "helpers": ["synthetic_b"], "protocol": "leaky_random"}
    values = make_values({"corpora": ["synthetic_a", "synthetic_b"], "systems": {"odd": system}})
    with refused("synthetic_a.csv is missing", "make studies"):
        model_card("odd", values, tmp_path)
    write_csv(tmp_path / "plots/studies/card/synthetic_a.csv", pd.DataFrame(rows))
    with refused("shortcuts/synthetic_a.csv is missing", "make studies"):
        model_card("odd", values, tmp_path)
    cue = {"cue": "duration", "uar": 78.0, "low": 70.0, "high": 85.0, "chance": 20.0, "p": 0.001}
    write_shortcuts(tmp_path, "synthetic_a", [{**cue, "warns": True}])
    write_cards(values, tmp_path)
    card = (tmp_path / FOLDER / "odd.md").read_text(encoding="utf-8")
    uar = f"{results.metrics.uar:.1f}"
    for part in (
        f"**{results.metrics.mark}**",
        f"UAR in % (95 % interval over speakers) | {uar} (",
        f"| this system | {uar} |",
        "| functionals, linear | 60.0 |",
        "Not for judging people",
        "| licence |",
        "| seconds of speech a clip | 1.5 |",
        "| speakers, female | 3 |",
        "| women, UAR in % |",
        "`happy`, recall",
        "Clips of synthetic_b train too",
        "Clip length alone recognises 78 %",
        "dvc repro evaluate@odd",
        "(../../plots/confusion/odd.png)",
    ):
        assert part in card, part
