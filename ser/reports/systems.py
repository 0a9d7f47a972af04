"""What a system's results are, and all systems side by side: tables for texts and `dvc plots`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from ser.clips.labels import is_emotion
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.tables import Percent, Table
from ser.evaluation.predictions import PREDICTIONS, check_predictions
from ser.reports.revisions import Files

_UAR = {"uar": Percent, "uar_low": Percent, "uar_high": Percent}
_HISTORY = {"epoch": int, "part": str, "loss": float, "accuracy": Percent, "uar": Percent}
_CONFUSION = {"actual": str, "predicted": str, "clips": int, "percent": Percent}
_RELIABILITY = {"kind": str, "bin": int, "clips": int, "confidence": Percent, "accuracy": Percent}
# what lies in plots/systems/<system>/<name>.csv, beside the predictions
TABLES = {
    # one row a model, epoch and part (train, and validation or test)
    "history": Table("The history", _HISTORY),
    "confusion": Table("The confusion table", _CONFUSION),
    "reliability": Table("The reliability table", _RELIABILITY),
    "speakers": Table("The table of speakers", {"corpus": str, "speaker": str, "uar": Percent}),
    # counts and other facts: chance, n_clips, n_speakers, n_seeds, parameters, arithmetic, ...
    "facts": Table("The table of facts", {"fact": str, "value": str}),
    # part: all, gender, corpus, intensity, emotion (accuracy is its recall), fold or seed
    "scores": Table(
        "The scores", {"part": str, "name": str, **_UAR, "accuracy": Percent, "n_clips": int}
    ),
}
_BASELINES = Table("The table of baselines", {"baseline": str, **_UAR, "accuracy": Percent})
_COUNTS = ("n_seeds", "n_clips", "n_speakers", "parameters")
# the baseline that is shown with its interval
SVM = "functionals_svm"

_Percent = Annotated[float, Field(ge=0, le=100)]


class Metrics(BaseModel):
    """What `metrics/<system>.json` holds; scores in percent.

    Attributes:
        protocol: its name.
        mark: of the protocol, or "none".
        uar: mean over seeds.
        uar_deviation: sample deviation over seeds; None with a single one.
        accuracy: mean over seeds.
        ece: expected calibration error of calibrated answers.
    """

    protocol: str
    mark: str
    uar: _Percent
    uar_deviation: _Percent | None
    accuracy: _Percent
    ece: _Percent


@dataclass(frozen=True)
class Results:
    """What a revision has of a system; every file is read when it is first asked for."""

    system: str
    files: Files

    @property
    def found(self) -> bool:
        """Whether there are any."""
        paths = (f"metrics/{self.system}.json", self._path("predictions"))
        return all(self.files.read(path) is not None for path in paths)

    @cached_property
    def metrics(self) -> Metrics:
        """What `metrics/<system>.json` holds.

        Raises:
            SerError: if it is missing, or a value is or cannot be one.
        """
        path = f"metrics/{self.system}.json"
        try:
            return Metrics(**self.files.read_table(path))
        except ValidationError as error:
            odd = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise SerError(
                f"{self.files.where(path)} has no right value of {odd}; run `dvc repro`."
            ) from None

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Answers out of fold, one row a clip and seed."""
        path = self._path("predictions")
        return check_predictions(self._read(PREDICTIONS, path), self.files.where(path))

    @cached_property
    def baselines(self) -> "pd.DataFrame":
        """Scores of the baselines by name, the strongest first.

        Raises:
            SerError: if there is none, or one stands twice.
        """
        path = f"metrics/baselines/{self.system}.csv"
        table = self._read(_BASELINES, path)
        if table.empty or table["baseline"].duplicated().any():
            raise SerError(
                f"{self.files.where(path)} has no baseline, or one twice; run `dvc repro`."
            )
        return table.set_index("baseline")

    def table(self, name: str) -> pd.DataFrame:
        """One of `TABLES`.

        Raises:
            SerError: if it is missing, damaged or empty, or holds an unknown emotion.
        """
        table, where = self._read(TABLES[name], self._path(name)), self.files.where
        if table.empty:
            raise SerError(f"{where(self._path(name))} has no rows; run `dvc repro`.")
        for column in ("actual", "predicted"):
            if column in table and not table[column].map(is_emotion).all():
                raise SerError(
                    f"{where(self._path(name))} holds an unknown emotion; run `dvc repro`."
                )
        return table

    def fact(self, name: str) -> float:
        """A number of the table of facts.

        Raises:
            SerError: if it has no such number.
        """
        facts = dict(self.table("facts")[["fact", "value"]].to_numpy().tolist())
        found = pd.to_numeric(facts.get(name), errors="coerce")
        if found is None or not np.isfinite(found) or (name in _COUNTS and found % 1):
            where = self.files.where(self._path("facts"))
            raise SerError(f"{where} has no number called {name}; run `dvc repro`.")
        return float(found)

    def part(self, part: str) -> pd.DataFrame:
        """Scores of a part, such as "gender", by name; empty where it has none."""
        scores = self.table("scores")
        return scores[scores["part"] == part].set_index("name")

    @cached_property
    def overall(self) -> "pd.Series[Any]":
        """The score of all clips, with `uar_low` and `uar_high`.

        Raises:
            SerError: if there is none.
        """
        scores = self.part("all")
        if scores.empty:
            where = self.files.where(self._path("scores"))
            raise SerError(f"{where} has no score of all clips; run `dvc repro`.")
        return scores.iloc[0]

    def _path(self, name: str) -> str:
        return f"plots/systems/{self.system}/{name}.csv"

    def _read(self, kind: Table, path: str) -> pd.DataFrame:
        return kind.parse(self.files.read_text(path), self.files.where(path))


def systems_table(systems: Sequence[Results]) -> pd.DataFrame:
    """One row a system, in the order given.

    Columns: `system`, `protocol`, `mark`; in percent `uar`, `uar_low`, `uar_high`,
    `uar_deviation` (over seeds), `accuracy`, `ece`, `chance`, and the UAR of every baseline as
    `baseline_<name>` (that of the SVM with `_low` and `_high`); counts `n_seeds`, `n_clips`,
    `n_speakers` and `parameters`.
    """
    return pd.DataFrame([_row(one) for one in systems])


def _row(one: Results) -> dict[str, Any]:
    metrics, overall = one.metrics, one.overall
    return {
        "system": one.system,
        "protocol": metrics.protocol,
        "mark": metrics.mark,
        "uar": metrics.uar,
        **{column: overall[column] for column in ("uar_low", "uar_high")},
        **metrics.model_dump(include={"uar_deviation", "accuracy", "ece"}),
        "chance": one.fact("chance"),
        **_baselines(one.baselines),
        **{name: int(one.fact(name)) for name in _COUNTS},
    }


def _baselines(table: pd.DataFrame) -> dict[str, float]:
    svm = table[table.index == SVM]
    ends = {f"baseline_{SVM}_{end}": svm[f"uar_{end}"].min() for end in ("low", "high")}
    return {f"baseline_{name}": uar for name, uar in table["uar"].items()} | ends


def baselines_of(systems: pd.DataFrame) -> list[str]:
    """Names of the baselines in a table of systems."""
    names = [str(name) for name in systems if str(name).startswith("baseline_")]
    return [name[9:] for name in names if not name.endswith(("_low", "_high"))]


def history_table(systems: Sequence[Results]) -> pd.DataFrame:
    """Columns `system`, `epoch`, `part`, `loss`, `accuracy`, `uar`: means over folds and seeds."""
    keys = ["epoch", "part"]
    means = {
        one.system: one.table("history").groupby(keys)[["loss", "accuracy", "uar"]].mean()
        for one in systems
    }
    return pd.concat(means, names=["system", *keys]).reset_index()


def joined_table(systems: Sequence[Results], name: str) -> pd.DataFrame:
    """One of `TABLES` of all systems, with a first column `system`."""
    columns = ["system", *TABLES[name].columns]
    tables = [one.table(name).assign(system=one.system) for one in systems]
    return pd.concat(tables, ignore_index=True)[columns]


def write_tables(systems: Sequence[Results], folder: Path) -> pd.DataFrame:
    """Write what `dvc plots` shows: systems.csv, confusion.csv, history.csv and reliability.csv.

    Returns:
        The table of systems.
    """
    table = systems_table(systems)
    # all are made before one is written
    joined = {name: joined_table(systems, name) for name in ("confusion", "reliability")}
    history = history_table(systems)
    write_csv(folder / "systems.csv", table, decimals=4)
    for name, rows in {"history": history, **joined}.items():
        write_csv(folder / f"{name}.csv", rows, decimals=2)
    return table
