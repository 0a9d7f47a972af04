"""How time, memory and bytes grow with the number of clips, and where that leads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, log, log10

import numpy as np
import pandas as pd

from benchmarks.scale.corpus import CLIP_S
from ser.core.errors import SerError

COLUMNS = ("seconds", "cpu_seconds", "serial_seconds", "held_mb", "peak_mb", "bytes")
# ten million clips of ten thousand hours
CLIPS, HOURS = 10_000_000, 10_000
WORKERS, RAM_GB, DISK_TB = 32, 64, 4
# processes of one machine, as few as measured it
PROCESSES = 2
# of the projection: what all stages make, one beside the other
DISK = "disk"
# more clips than there will ever be
_MOST = 1e15
_LEAST = 1e-6


@dataclass(frozen=True)
class Growth:
    """A power law and a straight line through the same measurements, both by least squares.

    A power law alone misses what hides below a large constant: memory of 300 MB that grows by one
    kilobyte a clip seems flat at 10,000 clips, and is not. A straight line alone misses what grows
    faster.

    Attributes:
        exponent, factor: of the power law `factor * clips ** exponent`, fitted to logarithms.
        slope, base: of the straight line `base + slope * clips`.
        highest: the largest measurement, below which nothing falls.
    """

    exponent: float
    factor: float
    slope: float
    base: float
    highest: float

    @classmethod
    def fit(cls, clips: Sequence[float], values: Sequence[float]) -> "Growth":
        """Fit measurements at two or more sizes.

        Raises:
            SerError: if there are fewer.
        """
        if len(set(clips)) < 2:
            raise SerError("One size tells no growth; measure at two or more.")
        safe = np.maximum(np.asarray(values, dtype=float), _LEAST)
        exponent, logarithm = np.polyfit(np.log(clips), np.log(safe), 1)
        slope, base = np.polyfit(clips, safe, 1)
        return cls(float(exponent), exp(logarithm), float(slope), float(base), float(safe.max()))

    def at(self, clips: float) -> float:
        """The larger of what both say, for more clips than were measured."""
        power = exp(min(log(self.factor) + self.exponent * log(clips), 700.0))
        return max(power, self.base + self.slope * clips, self.highest)


def reaches(at: Callable[[float], float], limit: float) -> float:
    """How many clips take as much as a limit of what never falls; infinity if no number does."""
    if at(_MOST) < limit:
        return float("inf")
    low, high = 0.0, log10(_MOST)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at(10**middle) < limit else (low, middle)
    return float(10**high)


def lengthened(table: pd.DataFrame) -> pd.DataFrame:
    """How many times as much time and bytes stages take of long clips as of as many short ones.

    Returns:
        One row a stage (the index), with the columns `seconds` (of the processor) and `bytes`.
    """
    columns = {"cpu_seconds": "seconds", "bytes": "bytes"}
    short, long = (
        table[(table["clip_s"] > CLIP_S) == is_long].set_index(["stage", "clips"])[[*columns]]
        for is_long in (False, True)
    )
    times = (long / short).dropna().groupby("stage").max()
    return times.rename(columns=columns).clip(lower=1.0)


def short_clips(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of which growth is fitted."""
    return table[table["clip_s"] == CLIP_S]


def growths(table: pd.DataFrame) -> dict[str, dict[str, Growth]]:
    """The growth of every column, and of `spread_seconds`, which workers share; by stage.

    Stages that were measured at one size are left out.
    """
    found = {}
    for stage, rows in short_clips(table).groupby("stage", sort=False):
        if rows["clips"].nunique() > 1:
            rows = rows.assign(spread_seconds=rows["cpu_seconds"] - rows["serial_seconds"])
            found[str(stage)] = {
                column: Growth.fit(rows["clips"].tolist(), rows[column].tolist())
                for column in (*COLUMNS, "spread_seconds")
            }
    return found


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """One row a stage: what it took at the largest size that it was measured at, and its growth.

    Returns:
        The columns of the table, `mb` (bytes in millions), and the exponents `time_exponent` (of
        the processor's time) and `memory_exponent`, which are NaN where there is but one size.
    """
    found = growths(table)
    rows = []
    for stage, own in short_clips(table).groupby("stage", sort=False):
        last = own.loc[own["clips"].idxmax()]
        growth = found.get(str(stage))
        rows.append(
            {
                **last,
                "mb": last["bytes"] / 1e6,
                "time_exponent": growth["cpu_seconds"].exponent if growth else np.nan,
                "memory_exponent": growth["held_mb"].exponent if growth else np.nan,
            }
        )
    return pd.DataFrame(rows)


def project(
    table: pd.DataFrame,
    clips: int = CLIPS,
    workers: int = WORKERS,
    ram_gb: float = RAM_GB,
    disk_tb: float = DISK_TB,
) -> pd.DataFrame:
    """What each stage takes of so many long clips.

    Returns:
        One row a stage, and one for the disk, which holds what all stages make: `stage`; `hours`
        of two processes, by the processor's time; `hours_shared`, by `workers`; `memory_gb`;
        `disk_gb`; `full_at`, how many clips fill the memory, or the disk. What is full first
        stands first. Stages that were measured at one size only, or of
        short clips only, are left out.
    """
    found, times = growths(table), lengthened(table)
    found = {stage: growth for stage, growth in found.items() if stage in times.index}

    def at(stage: str, column: str, clips: float = clips) -> float:
        growth = found[stage][column]
        if column == "held_mb":
            return growth.at(clips)
        return growth.at(clips) * times.loc[stage, "bytes" if column == "bytes" else "seconds"]

    def on_disk(clips: float) -> float:
        return sum(at(stage, "bytes", clips) for stage in found)

    rows = []
    for stage in found:
        alone, shared = at(stage, "serial_seconds"), at(stage, "spread_seconds")
        rows.append(
            {
                "stage": stage,
                "hours": (alone + shared / PROCESSES) / 3600,
                "hours_shared": (alone + shared / workers) / 3600,
                "memory_gb": at(stage, "held_mb") / 1e3,
                "disk_gb": at(stage, "bytes") / 1e9,
                "full_at": reaches(partial(at, stage, "held_mb"), 1e3 * ram_gb),
            }
        )
    disk = {"disk_gb": on_disk(clips) / 1e9, "full_at": reaches(on_disk, 1e12 * disk_tb)}
    rows.append({"stage": DISK, **disk})
    return pd.DataFrame(rows).sort_values("full_at", kind="stable", ignore_index=True)
