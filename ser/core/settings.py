"""`params.yaml`: read once, and checked section by section by the rooms that use it."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ser.core.errors import SerError
from ser.core.files import read_text

PARAMS_FILE = Path("params.yaml")


def _number(value: Any) -> Any:
    """Turn text such as "1e-05" into a number.

    `dvc exp run -S lr=1e-5` writes `1e-05`, which YAML 1.1 readers take for text.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value} is given, but a number is needed")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _integer(value: Any) -> Any:
    number = _number(value)
    is_whole = isinstance(number, float) and number.is_integer()
    return int(number) if is_whole else number


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
BelowOne = Annotated[Number, Field(ge=0, lt=1)]
Whole = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
Count = Annotated[Whole, Field(ge=1)]
# what torch takes for a seed, whatever is added for the fold
Seed = Annotated[Whole, Field(lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """Unknown keys are errors: a misspelt key must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Values:
    """What a file of parameters holds; a section is checked when its room asks for it.

    Attributes:
        table: as YAML gives it.
        source: where it comes from, for sentences.
    """

    table: dict[str, Any]
    source: str = str(PARAMS_FILE)

    def section(self, key: str, kind: Any) -> Any:
        """The section called by a dotted key, as `kind`.

        Raises:
            SerError: one sentence naming the key, what was given and what is allowed.
        """
        value: Any = self.table
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise SerError(f"{self.source}: key {key!r} is missing; give it a value.")
            value = value[part]
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            raise SerError(f"{self.source}: {_sentence(key, error.errors()[0])}") from None

    def chosen(self, choice: str, among: str) -> str:
        """The row of the table `among` that the key `choice` names, as a dotted key.

        Raises:
            SerError: naming the rows that there are.
        """
        name, rows = self.section(choice, Name), self.section(among, dict[str, Any])
        if name not in rows:
            raise SerError(
                f"{self.source}: {choice} is {name!r}, but must be a row of {among} "
                f"({', '.join(rows)})."
            )
        return f"{among}.{name}"

    def changed(self, changes: dict[str, Any]) -> "Values":
        """The same with changes by dotted key; tables on the way are made where they lack.

        Raises:
            SerError: if a value stands where a table is needed.
        """
        table = copy.deepcopy(self.table)
        for key, value in changes.items():
            *path, last = key.split(".")
            inner = table
            for name in path:
                inner = inner.setdefault(name, {})
                if not isinstance(inner, dict):
                    raise SerError(
                        f"{self.source}: {name} is {inner!r}, but must be a table with {key!r}."
                    )
            inner[last] = copy.deepcopy(value)
        return Values(table, self.source)


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice in one table is an error."""


def _unique(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    doubled = [key for number, key in enumerate(keys) if key in keys[:number]]
    if doubled:
        line = node.start_mark.line + 1
        raise yaml.YAMLError(f"key {doubled[0]!r} stands twice in the table at line {line}")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique)


def load_values(path: Path = PARAMS_FILE) -> Values:
    """Read the parameters; nothing but their form is checked yet.

    Raises:
        SerError: if the file is missing or no table.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run from the root of the repository.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SerError(f"{path} is not readable as text in UTF-8: {error}.") from None
    return parse_values(text, str(path))


def parse_values(text: str, source: str) -> Values:
    """Parameters from their text.

    Raises:
        SerError: if it is no table of YAML, or a key stands twice.
    """
    try:
        table = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"{source} is not readable as YAML: {reason}.") from None
    if not isinstance(table, dict):
        raise SerError(f"{source} must hold a table of parameters, not {type(table).__name__}.")
    return Values(table, source)


def _sentence(section: str, error: ErrorDetails) -> str:
    parts = [section, *(str(part) for part in error["loc"] if part != "[key]")]
    key = ".".join(part for part in parts if not part.startswith("function-"))
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return f"unknown key {key!r} (given {given!r}); remove it or correct its spelling."
    if kind == "missing":
        return f"key {key!r} is missing; give it a value."
    if kind == "value_error":
        return f"{key}: {error['ctx']['error']!s}."
    if kind in ("too_short", "too_long"):
        limit = error["ctx"].get("min_length", error["ctx"].get("max_length"))
        bound = "at least" if kind == "too_short" else "at most"
        return f"{key} is {given!r}, but must have {bound} {limit} entries."
    if kind == "string_pattern_mismatch":
        return f"{key} is {given!r}, but a name must be lower-case letters, digits and '_'."
    reason = error["msg"].removeprefix("Input should be ")
    return f"{key} is {given!r}, but must be {reason}."
