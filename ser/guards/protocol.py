"""What a protocol lets cross from training to test, and what its results are marked with.

The split stage writes it beside the folds that follow it, so that what reads folds needs to know no
protocol by name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ser.core.errors import SerError
from ser.core.files import write_json
from ser.core.tables import read_json
from ser.guards.crossings import Crossing, listed

Kind = Literal["speaker-independent", "speaker-dependent", "transductive", "leaky"]
_MAY_CROSS: dict[Kind, frozenset[Crossing]] = {
    "speaker-independent": frozenset({Crossing.STATEMENT}),
    "speaker-dependent": frozenset({Crossing.STATEMENT, Crossing.SPEAKER}),
    "transductive": frozenset({Crossing.STATEMENT, Crossing.STATISTIC}),
    "leaky": frozenset(Crossing),
}
# how tables and metrics say that a protocol has no mark
NO_MARK = "none"


@dataclass(frozen=True)
class Protocol:
    """How folds are to be understood.

    Attributes:
        name: as `params.yaml` gives it.
        crosses: what may stand on both sides of a fold; the guards refuse everything else.
        kind: what its scores can be compared with.
        validates: whether every fold has validation clips; without them nothing is chosen and no
            temperature is fitted.
    """

    name: str
    crosses: frozenset[Crossing]
    kind: Kind
    validates: bool = True

    @property
    def mark(self) -> str:
        """What every result says of its protocol: empty for the speaker-independent ones."""
        if self.kind == "leaky":
            return f"LEAKY: {listed(self.crosses)}"
        if not self.validates:
            return "no validation speaker"
        return "" if self.kind == "speaker-independent" else self.kind

    @property
    def fields(self) -> dict[str, str]:
        """What every table of results begins with."""
        return {"protocol": self.name, "mark": self.mark or NO_MARK}


def write_protocol(path: Path, protocol: Protocol) -> None:
    """Write what folds need to know of their protocol."""
    crosses = [kind.value for kind in Crossing if kind in protocol.crosses]
    fields = {"name": protocol.name, "kind": protocol.kind, "validates": protocol.validates}
    write_json(path, {**fields, "crosses": crosses})


def read_protocol(path: Path) -> Protocol:
    """What `write_protocol` wrote.

    Raises:
        SerError: if it is missing, damaged, or its name, kind and crossings belie each other.
    """
    values = read_json(path, "The protocol")
    try:
        crosses = frozenset(Crossing(kind) for kind in values["crosses"])
        name, kind, validates = str(values["name"]), values["kind"], values["validates"]
        if kind not in get_args(Kind) or not isinstance(validates, bool):
            raise ValueError(f"kind {kind!r}, validates {validates!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise SerError(f"The protocol {path} is damaged ({error}); run `dvc repro`.") from None
    if name != path.stem or name.startswith("leaky") != (kind == "leaky"):
        raise SerError(f"The protocol {path} is damaged: {name!r} is {kind!r}; run `dvc repro`.")
    if not crosses <= _MAY_CROSS[kind]:
        raise SerError(
            f"The protocol {path} is damaged: nothing {kind!r} lets {listed(crosses)} cross; run "
            "`dvc repro`."
        )
    return Protocol(name, crosses, kind, validates)
