"""params.yaml: what passes, and the one sentence said about what does not.

The cases lie in tests/confs: changes to params.yaml (`set`, `remove`; keys with points) with the
values that must come out (`gives`) or the parts of the sentence that refuses them (`says`).
"""

import copy
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ser.corpora import corpus_names
from ser.errors import SerError
from ser.params import ENCODER_LAYERS, Adam, Features, FrontEndName, load_params, parse_params
from ser.splits.protocols import PROTOCOLS

Refused = Callable[..., AbstractContextManager[None]]
Values = dict[str, Any]

CONFS = Path(__file__).parent / "confs"
PARAMS = Path(__file__).parents[1] / "params.yaml"


def cases(kind: str) -> list[Any]:
    paths = sorted((CONFS / kind).glob("*.yaml"))
    return [
        pytest.param(yaml.safe_load(path.read_text(encoding="utf-8")), id=path.stem)
        for path in paths
    ]


def patched(values: Values, case: Values) -> Values:
    """`values`, changed as a case of tests/confs says."""
    for dotted, value in case.get("set", {}).items():
        *tables, key = dotted.split(".")
        reduce(dict.__getitem__, tables, values)[key] = value
    if "remove" in case:
        *tables, key = case["remove"].split(".")
        del reduce(dict.__getitem__, tables, values)[key]
    return values


def look_up(params: BaseModel, dotted: str) -> Any:
    def step(inner: Any, key: str) -> Any:
        return inner[key] if isinstance(inner, dict) else getattr(inner, key)

    return reduce(step, dotted.split("."), params)


def leaves(values: Values, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all keys of nested tables."""
    found = []
    for key, value in values.items():
        found.append((*before, key))
        if isinstance(value, dict):
            found += leaves(value, (*before, key))
    return found


def test_the_parameters_of_the_repository_pass() -> None:
    params = load_params(PARAMS)
    assert params.systems


def test_every_value_of_the_file_comes_through(valid_params: Values) -> None:
    assert parse_params(valid_params).model_dump(exclude_unset=True) == valid_params


def test_corpora_and_protocols_of_the_file_are_known(valid_params: Values) -> None:
    assert set(valid_params["corpora"]) <= set(corpus_names())
    assert {system["protocol"] for system in valid_params["systems"].values()} <= set(PROTOCOLS)


@pytest.mark.parametrize("case", cases("valid"))
def test_valid_changes_pass(valid_params: Values, case: Values) -> None:
    params = parse_params(patched(valid_params, case))
    for key, expected in case["gives"].items():
        found = look_up(params, key)
        assert found == expected, f"{key} is {found!r}"
        assert type(found) is type(expected), f"{key} is a {type(found).__name__}"


@pytest.mark.parametrize("case", cases("invalid"))
def test_invalid_changes_are_refused_in_one_sentence(
    valid_params: Values, refused: Refused, case: Values
) -> None:
    with refused("params.yaml: ", *case["says"]):
        parse_params(patched(valid_params, case))


# tables whose keys one chooses
_CHOSEN = (["systems"], ["studies", "cross_lingual"])


def test_every_key_but_those_one_chooses_is_required(valid_params: Values) -> None:
    for *tables, key in leaves(valid_params):
        if tables in _CHOSEN:
            continue  # removing a system is allowed
        if key in ("tested", "max_seeds"):
            continue  # most systems are tested on all that they read, with all seeds
        without = copy.deepcopy(valid_params)
        del reduce(dict.__getitem__, tables, without)[key]
        dotted = ".".join([*tables, key])
        with pytest.raises(SerError, match="missing") as caught:
            parse_params(without)
        assert repr(dotted) in str(caught.value)


def test_an_unknown_key_is_refused_in_every_table(valid_params: Values) -> None:
    for path in [(), *leaves(valid_params)]:
        more = copy.deepcopy(valid_params)
        table = reduce(dict.__getitem__, path, more)
        if not isinstance(table, dict) or list(path) in _CHOSEN:
            continue
        table["surprise"] = 1
        dotted = ".".join([*path, "surprise"])
        with pytest.raises(SerError, match="unknown key") as caught:
            parse_params(more)
        assert repr(dotted) in str(caught.value)


@given(st.floats(min_value=1e-300, allow_infinity=False))
def test_a_number_written_as_text_is_the_same_number(value: float) -> None:
    values = {"beta1": "0.9", "beta2": 0.999, "weight_decay": "0"}
    assert Adam(lr=repr(value), **values).lr == value  # type: ignore[arg-type]


def test_a_small_rate_survives_the_way_through_yaml(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf-8")
    small = re.sub(r"(?m)^( +lr:).*$", r"\1 1e-05", text)
    path.write_text(small, encoding="utf-8")
    read = yaml.safe_load(small)["optimizers"]["adamw"]["lr"]
    assert isinstance(read, str), "this reader of YAML takes 1e-05 for a number"
    assert load_params(path).optimizers.adamw.lr == 1e-5


def test_a_missing_file_is_named(tmp_path: Path, refused: Refused) -> None:
    with refused(str(tmp_path / "params.yaml"), "missing", "root of the repository"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"optimizer: [adam", "not readable as YAML"),
        (b"a: b: c", "not readable as YAML"),
        (b"\tlr: 1", "not readable as YAML"),
        (b"optimizer: \xff\xfe", "not readable as YAML"),
        (b"!!python/object/apply:os.getcwd []", "not readable as YAML"),
        (b"", "not NoneType"),
        (b"- adam", "not list"),
        (b"adam", "not str"),
    ],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, refused: Refused, content: bytes, words: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with refused(str(path), words):
        load_params(path)


def test_the_sentence_names_the_file_it_is_about(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8") + "surprise: 1\n", encoding="utf-8")
    with refused(str(path), "'surprise'"):
        load_params(path)


def test_the_chosen_optimizer_and_size_are_handed_out(valid_params: Values) -> None:
    for optimizer in ("sgd", "rmsprop", "adam", "adamw", "muon"):
        for size in ("small", "base", "large"):
            params = parse_params({**valid_params, "optimizer": optimizer, "model_size": size})
            chosen = params.optimizer_settings.model_dump()
            assert chosen == valid_params["optimizers"][optimizer]
            assert params.model.model_dump() == valid_params["model_sizes"][size]


def test_systems_and_their_corpora_are_found(valid_params: Values, refused: Refused) -> None:
    params = parse_params(valid_params)
    for name, system in valid_params["systems"].items():
        found = params.corpora_of(params.system(name))
        everything = valid_params["corpora"]
        if "tested" in system:
            assert found == [system["tested"]]
            helpers = [corpus for corpus in everything if corpus != system["tested"]]
            assert params.helpers_of(params.system(name)) == helpers
        else:
            assert found == (everything if system["corpus"] == "." else [system["corpus"]])
            assert params.helpers_of(params.system(name)) == []
    with refused("'ravdes'", *valid_params["systems"]):
        params.system("ravdes")


def test_parameters_cannot_be_changed_later(valid_params: Values) -> None:
    params = parse_params(valid_params)
    with pytest.raises(ValidationError, match="frozen"):
        params.training.epochs = 1


@pytest.mark.parametrize(
    ("front_end", "rate"),
    [("log_mel", 50), ("mfcc", 50), ("pcen", 50), ("waveform", 16e3), ("wavlm_large", 5)],
)
def test_rows_per_second_follow_the_front_end(
    valid_params: Values, front_end: str, rate: float
) -> None:
    rows = {"hop_ms": 20.0, "encoder_frame_ms": 200.0}
    settings = {**valid_params["features"], "front_end": front_end, **rows}
    assert Features(**settings).rows_per_second == rate


def test_every_encoder_may_be_chosen_and_has_layers(valid_params: Values) -> None:
    ordinary = {"log_mel", "mfcc", "pcen", "waveform"}
    assert set(get_args(FrontEndName)) == ordinary | set(ENCODER_LAYERS)
    for name in get_args(FrontEndName):
        layers = Features(**{**valid_params["features"], "front_end": name}).encoder_layers
        assert (layers == 0) == (name in ordinary), name


def test_comments_stand_on_their_own_lines() -> None:
    lines = PARAMS.read_text(encoding="utf-8").splitlines()
    ends = [line for line in lines if "#" in line and not line.lstrip().startswith("#")]
    assert not ends, "`dvc exp run -S` rewrites comments at the end of a line"
