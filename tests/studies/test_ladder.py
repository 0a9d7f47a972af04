"""The leak ladder: every fault has a rung, and its mark."""

import pandas as pd
import pytest

from ser.guards.crossings import Crossing
from ser.splits.protocols import PROTOCOLS
from studies.copies import EFFECTS, with_effects
from studies.ladder import RUNGS, climb
from studies.reference import NAME
from tests.builders import CORPUS, make_values
from tests.studies.builders import study_values, write_study


def test_every_leaky_protocol_has_a_rung() -> None:
    leaky = {name for name, protocol in PROTOCOLS.items() if protocol.kind == "leaky"}
    climbed = {rung.protocol for rung in RUNGS}
    assert leaky <= climbed, f"no rung shows {leaky - climbed}"
    assert len({rung.name for rung in RUNGS}) == len(RUNGS)


def test_copies_are_made_where_the_protocol_is_about_them() -> None:
    for rung in RUNGS:
        crosses = Crossing.COPY in PROTOCOLS[rung.protocol].crosses
        assert rung.copies or not crosses, f"{rung.name} has no copies that could cross"
    # the honest counterpart: copies of training clips only
    assert any(rung.copies and PROTOCOLS[rung.protocol].mark == "" for rung in RUNGS)


@pytest.mark.usefixtures("guessing")
def test_every_rung_has_its_mark_and_is_compared_with_new_speakers() -> None:
    write_study(*(rung.protocol for rung in RUNGS), copies=True)
    table = climb(study_values(), CORPUS)[""].set_index("name")
    assert table.index.tolist() == [rung.name for rung in RUNGS]
    for rung in RUNGS:
        row = table.loc[rung.name]
        assert row["protocol"] == rung.protocol
        assert row["mark"] == (PROTOCOLS[rung.protocol].mark or "none"), rung.name
        if rung.name != NAME:
            gain = row["uar"] - table["uar"][NAME]
            assert row["difference"] == pytest.approx(gain), rung.name
    assert pd.isna(table["difference"][NAME])


def test_only_the_named_effects_are_switched_on() -> None:
    settings = with_effects(make_values(), ("noise",))
    assert [name for name in EFFECTS if getattr(settings, name).enabled] == ["noise"]
    assert set(EFFECTS) == set(type(settings).model_fields), "an effect is new"
