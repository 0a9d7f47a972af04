"""The leak ladder: every fault has a rung, and its marks are in all that comes out."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from ser.evaluation.marks import NO_MARK
from ser.params import parse_params
from ser.guards.crossings import Crossing
from ser.splits.protocols import PROTOCOLS
from ser.studies import plots_ladder
from studies.copies import EFFECTS, with_effects
from studies.ladder import REFERENCE, RUNGS, Ladder, describe_rungs
from ser.reports.figures.ladder import draw_ladder
from tests.builders import make_params, make_predictions


def ladder() -> Ladder:
    """Rungs of which each recognises more than the one before."""
    shares = dict(zip((rung.key for rung in RUNGS), range(len(RUNGS)), strict=True))
    return describe_rungs(
        {
            key: make_predictions(
                accuracy=lambda _, place=place: 0.2 + 0.1 * place, seeds=(0, 1), clips_each=10
            )
            for key, place in shares.items()
        }
    )


def test_every_leaky_protocol_has_a_rung() -> None:
    leaky = {name for name, protocol in PROTOCOLS.items() if protocol.kind == "leaky"}
    climbed = {rung.protocol for rung in RUNGS}
    assert leaky <= climbed, f"no rung shows {leaky - climbed}"
    assert {rung.key for rung in RUNGS} == set(ladder().metrics)
    assert len({rung.name for rung in RUNGS}) == len(RUNGS)


def test_copies_are_made_where_the_protocol_is_about_them() -> None:
    for rung in RUNGS:
        crosses = Crossing.COPY in PROTOCOLS[rung.protocol].crosses
        assert rung.copies or not crosses, f"{rung.key} has no copies that could cross"
    # the honest counterpart: copies of training clips only
    assert any(rung.copies and PROTOCOLS[rung.protocol].mark == "" for rung in RUNGS)


def test_rungs_are_compared_with_new_speakers() -> None:
    table = ladder().table
    reference = table[table["rung"] == REFERENCE.name].iloc[0]
    assert pd.isna(reference["difference"])
    for row in table[table["rung"] != REFERENCE.name].itertuples():
        assert row.difference == pytest.approx(row.uar - reference["uar"]), row.rung
    assert ladder().metrics[REFERENCE.key]["p"] is None


def test_marks_are_in_the_table_the_metrics_and_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ladder()
    for rung, (_, row) in zip(RUNGS, found.table.iterrows(), strict=True):
        mark = PROTOCOLS[rung.protocol].mark or NO_MARK
        assert (row["mark"], found.metrics[rung.key]["mark"]) == (mark, mark), rung.key
    kept = []
    monkeypatch.setattr(plots_ladder, "save_figure", lambda figure, path: kept.append(figure))
    draw_ladder(found.table, "tiny", tmp_path / "ladder.png")
    ticks = kept[0].axes[0].get_yticklabels()
    for rung, tick in zip(RUNGS, ticks, strict=True):
        leaky = PROTOCOLS[rung.protocol].kind == "leaky"
        assert ("LEAKY" in tick.get_text()) == leaky, tick.get_text()
    plt.close(kept[0])


def test_the_figure_has_the_same_bytes_twice(tmp_path: Path) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        draw_ladder(ladder().table, "tiny", path)
    assert one.read_bytes() == two.read_bytes()


def test_only_the_named_effects_are_switched_on() -> None:
    settings = with_effects(make_params().augmentation, ("noise",))
    on = [name for name in EFFECTS if getattr(settings, name).enabled]
    assert on == ["noise"]
    fields = type(settings).model_fields
    assert {name for name in fields if name != "probability"} == set(EFFECTS), "an effect is new"


def test_studies_have_settings_of_their_own(valid_params: dict) -> None:
    valid_params["studies"]["training"] |= {"seeds": [4, 5], "epochs": 3, "model_size": "large"}
    params = parse_params(valid_params)
    own = params.in_studies
    assert own.training.seeds == [4, 5]
    assert own.training.epochs == 3
    assert own.model == params.model_sizes.large
    assert own.training.linear_share == params.training.linear_share
    assert own.optimizer_settings == params.optimizer_settings
