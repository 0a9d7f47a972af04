"""Model cards: of every system, from its results, with its mark."""

import json

import pytest

from ser.params import load_params
from ser.review.model_card import FOLDER, model_card
from tests.builders import REPOSITORY

PARAMS = load_params(REPOSITORY / "params.yaml")


@pytest.mark.parametrize("name", PARAMS.systems)
def test_a_card_is_that_of_the_results_beside_it(name: str) -> None:
    card = (REPOSITORY / FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert card == model_card(name, PARAMS, REPOSITORY), f"{name}: run `ser readme`"


@pytest.mark.parametrize("name", PARAMS.systems)
def test_a_card_shows_mark_scores_limits_and_data(name: str) -> None:
    card = model_card(name, PARAMS, REPOSITORY)
    metrics = json.loads((REPOSITORY / f"metrics/{name}.json").read_text(encoding="utf-8"))
    assert f"{metrics['uar']:.1f}" in card
    assert (metrics["mark"] == "none") or f"**{metrics['mark']}**" in card
    for corpus in PARAMS.corpora_of(PARAMS.system(name)):
        assert f"plots/cards/{corpus}.csv" in card
    assert "Not for judging people" in card
    assert "licence" in card
    for emotion in metrics["recall"]:
        assert f"`{emotion}`, recall" in card
