"""params.yaml: what passes, and the one sentence said about what does not.

The cases lie in tests/confs; a room reads its own sections only, and a stage no others.
"""

import copy
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ser.check import check_values
from ser.core.errors import SerError
from ser.core.settings import Number, Values, load_values, parse_values
from ser.corpora import corpus_names
from ser.evaluation.baselines import BaselineSettings
from ser.evaluation.trials import in_studies
from ser.features.settings import Augmentation, FunctionalsSettings, load_features
from ser.models.settings import Linear, Prediction
from ser.reading.settings import load_corpora, load_system_settings, load_systems
from ser.splits.protocols import PROTOCOLS
from ser.training.settings import load_recipe, load_seeds
from tests.builders import REPOSITORY, real_values
from tests.conftest import Refused, case

PARAMS = REPOSITORY / "params.yaml"
CONFS = Path(__file__).parents[1] / "confs"


def changes(name: str) -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((CONFS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def without(values: Values, dotted: str) -> Values:
    table = copy.deepcopy(values.table)
    *tables, key = dotted.split(".")
    del reduce(dict.__getitem__, tables, table)[key]
    return Values(table, values.source)


def patched(change: dict[str, Any]) -> Values:
    """The parameters of the repository, changed as a row of tests/confs says."""
    values = real_values().changed(change.get("set", {}))
    return without(values, change["remove"]) if "remove" in change else values


def sections(values: Values) -> dict[str, Any]:
    """All that rooms read."""
    features, front_end = load_features(values)
    return {
        "corpora": load_corpora(values),
        "systems": load_systems(values),
        "seeds": load_seeds(values),
        "recipe": load_recipe(values),
        "features": features,
        "front_end": front_end,
        "functionals": values.section("functionals", FunctionalsSettings),
        "augmentation": values.section("augmentation", Augmentation),
        "prediction": values.section("prediction", Prediction),
        "linear": values.section("linear", Linear),
        "baselines": values.section("baselines", BaselineSettings),
        "studies": in_studies(values),
    }


def look_up(found: Any, dotted: str) -> Any:
    def step(inner: Any, key: str) -> Any:
        return inner[key] if isinstance(inner, dict) else getattr(inner, key)

    return reduce(step, dotted.split("."), found)


# What passes


def test_the_parameters_of_the_repository_pass() -> None:
    values = load_values(PARAMS)
    check_values(values)
    found = sections(values)
    assert set(found["corpora"]) <= set(corpus_names())
    assert {system.protocol for system in found["systems"].values()} <= set(PROTOCOLS)


def test_valid_changes_pass() -> None:
    for name, change in changes("valid").items():
        with case(name):
            values = patched(change)
            check_values(values)
            found = sections(values)
            for key, expected in change["gives"].items():
                holds = look_up(found, key)
                assert holds == expected, f"{key} is {holds!r}"
                assert type(holds) is type(expected), f"{key} is a {type(holds).__name__}"


def test_every_value_of_a_section_comes_through() -> None:
    values = real_values()
    found = sections(values)
    for key in ("augmentation", "prediction", "linear", "baselines", "features"):
        assert found[key].model_dump(mode="json") == values.table[key]
    assert found["recipe"].training.model_dump() == values.table["training"]
    assert found["front_end"].model_dump() == values.table["front_ends"]["log_mel"]
    systems = {
        name: system.model_dump(mode="json", exclude_unset=True)
        for name, system in found["systems"].items()
    }
    assert systems == values.table["systems"]


def test_every_row_may_be_chosen() -> None:
    values = real_values()
    for row, holds in values.table["model_sizes"].items():
        found = load_recipe(values.changed({"model_size": row})).model
        kept = {"network": found.network, **found.settings.model_dump(mode="json")}
        assert kept == holds, row
    for row, holds in values.table["front_ends"].items():
        features, front_end = load_features(values.changed({"features.front_end": row}))
        assert features.front_end == row
        assert front_end.model_dump() == holds


# What is refused


def test_invalid_changes_are_refused_in_one_sentence(refused: Refused) -> None:
    for name, change in changes("invalid").items():
        with case(name), refused(*change["says"]):
            check_values(patched(change))


# tables whose rows one chooses, and what may lack in a row
_CHOSEN = ("systems", "studies", "optimizers", "model_sizes", "front_ends")
_OPTIONAL = ("processes", "executor", "scheduler")


def leaves(table: dict[str, Any], before: tuple[str, ...] = ()) -> list[str]:
    """Dotted keys of nested tables, but for those of `_CHOSEN`."""
    found = []
    for key, value in table.items():
        path = (*before, key)
        found.append(".".join(path))
        if isinstance(value, dict) and path[0] not in _CHOSEN:
            found += leaves(value, path)
    return found


def test_every_key_is_required_and_none_may_be_more() -> None:
    values = real_values()
    for dotted in leaves(values.table):
        if dotted in _OPTIONAL:
            continue
        with case(dotted):
            with pytest.raises(SerError, match=f"'{re.escape(dotted)}.* is missing"):
                check_values(without(values, dotted))
            inner = look_up(values.table, dotted)
            if isinstance(inner, dict) and dotted not in _CHOSEN:
                with pytest.raises(SerError, match=rf"unknown key '{dotted}\.surprise'"):
                    check_values(values.changed({f"{dotted}.surprise": 1}))


def test_a_stage_is_not_disturbed_by_sections_it_does_not_read() -> None:
    broken = real_values().changed(
        {"training": "none", "optimizers.adam.lr": "fast", "front_ends.mfcc.n_mfcc": -1}
    )
    assert load_features(broken)[0].front_end == "log_mel"
    assert load_systems(broken)
    chosen = real_values().changed({"optimizers.adam.lr": "fast", "model_sizes.large": 0})
    assert load_recipe(chosen) == load_recipe(real_values())


def test_a_system_is_found_by_its_name(refused: Refused) -> None:
    values = real_values()
    for name, system in load_systems(values).items():
        assert load_system_settings(values, name) == system
        assert system.all_corpora == [*system.corpora, *system.helpers]
    with refused("'ravdes'", *values.table["systems"]):
        load_system_settings(values, "ravdes")


# Numbers, tables, files


@given(st.floats(allow_infinity=False, allow_nan=False))
def test_a_number_written_as_text_is_the_same_number(value: float) -> None:
    assert TypeAdapter(Number).validate_python(repr(value)) == value


def test_sections_cannot_be_changed_later_nor_change_what_they_came_from() -> None:
    values = real_values()
    training = load_recipe(values).training
    with pytest.raises(ValidationError, match="frozen"):
        training.epochs = 1
    more = values.changed({"training.epochs": 99, "new.table.key": [1]})
    assert values == real_values(), "the first values were changed"
    assert more.section("new.table.key", list[int]) == [1]


def test_a_missing_file_is_named(tmp_path: Path, refused: Refused) -> None:
    with refused(str(tmp_path / "params.yaml"), "missing", "root of the repository"):
        load_values(tmp_path / "params.yaml")


NO_TABLES: dict[bytes, tuple[str, ...]] = {
    b"optimizer: [adam": ("not readable as YAML",),
    b"a: b: c": ("not readable as YAML",),
    b"\tlr: 1": ("not readable as YAML",),
    b"optimizer: \xff\xfe": ("not readable as text in UTF-8",),
    b"!!python/object/apply:os.getcwd []": ("not readable as YAML",),
    b"a: &a {b: *a}": ("not readable as YAML",),
    b"? [1, 2]\n: 3": ("not readable as YAML",),
    b"[" * 500: ("not readable as YAML",),
    b"": ("not NoneType",),
    b"- adam": ("not list",),
    b"adam": ("not str",),
    b"optimizer: adam\nseeds: [0]\noptimizer: sgd": ("'optimizer'", "twice", "line 1"),
    b"training:\n  epochs: 3\n  epochs: 4": ("'epochs'", "twice", "line 2"),
    b"systems:\n- {a: 1, 'a': 2}": ("'a'", "twice"),
}


def test_what_is_no_table_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "mine.yaml"
    for content, words in NO_TABLES.items():
        path.write_bytes(content)
        with case(content[:20]), refused(str(path), *words):
            load_values(path)


def test_sentences_name_the_file_they_are_about(refused: Refused) -> None:
    values = parse_values("seeds: [0, 0]", "other.yaml at main")
    for read in (load_seeds, load_systems, load_recipe, load_features):
        with refused("other.yaml at main: "):
            read(values)


def test_comments_stand_on_their_own_lines() -> None:
    lines = PARAMS.read_text(encoding="utf-8").splitlines()
    ends = [line for line in lines if "#" in line and not line.lstrip().startswith("#")]
    assert not ends, "`dvc exp run -S` rewrites comments at the end of a line"
