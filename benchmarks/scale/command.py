"""What is measured, stage by stage and size by size, and what is said of it."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from tqdm import tqdm

from benchmarks.figures import draw_scale
from benchmarks.scale.corpus import CLIP_S, LONG_S, link_clips, write_sources
from benchmarks.scale.growth import (
    CLIPS,
    COLUMNS,
    DISK,
    DISK_TB,
    HOURS,
    RAM_GB,
    WORKERS,
    project,
    summarize,
)
from benchmarks.scale.measure import TooMuchError, measure
from benchmarks.scale.stages import STAGES, Folder
from ser.core.errors import SerError
from ser.core.files import write_csv

RESULTS = Path("docs/scale.csv")


@dataclass(frozen=True)
class Size:
    """A corpus, and what is measured on it.

    Attributes:
        linked: whether its clips are links to a few, which the stage `download` has not made.
        clip_s: how long each is.
    """

    clips: int
    stages: tuple[str, ...] = tuple(STAGES)
    linked: bool = False
    clip_s: float = CLIP_S

    def make(self, folder: Path, speakers: int) -> set[str]:
        """Make the corpus; return the stages that need not be run."""
        if self.linked:
            link_clips(Folder(folder).built, self.clips, speakers)
            return {"convert"}
        write_sources(folder / "mirror", self.clips, speakers, self.clip_s)
        return set()


MILLION = Size(1_000_000, ("featurize",), linked=True)


def measure_sizes(
    sizes: Sequence[Size], speakers: int, limit_s: float, place: Path
) -> Iterator[dict[str, Any]]:
    """Yield a row a size and stage; what was too much is left out there and at later sizes.

    Args:
        speakers: of every corpus, whatever its size.
        place: an empty folder, which holds one corpus at a time.

    Raises:
        SerError: if a stage fails.
    """
    too_much: set[str] = set()
    # by clips, so that the time that is left is about right
    total = sum(size.clips * len(size.stages) for size in sizes)
    with tqdm(total=total, unit="clip", unit_scale=True, smoothing=0, dynamic_ncols=True) as bar:
        for size in sizes:
            folder, at_size = place / str(size.clips), f"at {size.clips:,} clips"
            done = size.make(folder, speakers)
            for stage in size.stages:
                bar.set_description(f"{stage} {at_size}")
                try:
                    if stage in too_much or not done.issuperset(STAGES[stage].needs):
                        bar.write(f"{stage} is not tried {at_size}", sys.stderr)
                    else:
                        of = {"clips": size.clips, "clip_s": size.clip_s, "stage": stage}
                        yield of | measure(stage, folder, limit_s)
                        done.add(stage)
                except TooMuchError as reason:
                    too_much.add(stage)
                    bar.write(f"{stage} was stopped {at_size}: {reason}", sys.stderr)
                bar.update(size.clips)
            shutil.rmtree(folder)


def say(table: pd.DataFrame, ram_gb: float, disk_tb: float, workers: int) -> None:
    """Print the measurements, and where they lead if there are several sizes."""
    print(table.round(2).to_string(index=False))
    if table["clips"].nunique() < 2:
        print("One size tells no growth; give several.")
        return
    exponents = summarize(table)[["stage", "clips", "time_exponent", "memory_exponent"]]
    print(f"\n{exponents.round(2).to_string(index=False)}")
    print(f"\n{CLIPS:,} clips, {HOURS:,} hours; {workers} workers share; {ram_gb:g} GB of memory:")
    projected = project(table, CLIPS, workers, ram_gb, disk_tb)
    print(projected.to_string(index=False, na_rep="", float_format="{:,.2f}".format))
    first = projected.iloc[0]
    what = f"the disk of {disk_tb:g} TB" if first["stage"] == DISK else f"memory: {first['stage']}"
    print(f"What is full first is {what}, at {first['full_at']:,.0f} clips.")


def parse_sizes(text: str, speakers: int) -> list[int]:
    """Sizes as they are given, such as "1000,10000".

    Raises:
        SerError: if one is no number, or too small for so many speakers.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise SerError(f"--sizes is {text!r}, but must be numbers of clips, as in 1000,10000.")
    sizes = sorted({int(part) for part in parts})
    if sizes[0] < 10 * speakers:
        raise SerError(f"--sizes has {sizes[0]}, but {speakers} speakers need {10 * speakers}.")
    return sizes


def parse_stages(text: str) -> tuple[str, ...]:
    """Names of stages as they are given, such as "convert,pairs", in the order of the graph.

    Raises:
        SerError: if there is no such stage.
    """
    named = [name.strip() for name in text.split(",")]
    if unknown := set(named) - STAGES.keys():
        raise SerError(f"--stages has {min(unknown)!r}, but must be of {', '.join(STAGES)}.")
    return tuple(name for name in STAGES if name in named)


def plan(sizes: Sequence[int], million: bool, stages: tuple[str, ...]) -> list[Size]:
    """What is measured, in order; long clips only at the smallest of several sizes."""
    long = [Size(sizes[0], stages, clip_s=LONG_S)] if len(sizes) > 1 else []
    first, *others = (Size(size, stages) for size in sizes)
    return [first, *long, *others, *([MILLION] if million else [])]


def keep(rows: list[dict[str, Any]], known: pd.DataFrame) -> pd.DataFrame:
    """The table with these rows; what it knows of the same stages and sizes is replaced."""
    named = ["clips", "clip_s", "stage"]
    table = pd.concat([known, pd.DataFrame(rows)]).drop_duplicates(named, keep="last")
    order = table["stage"].map(list(STAGES).index).rename("order")
    return table.assign(order=order).sort_values(["clips", "clip_s", "order"], ignore_index=True)[
        [*named, *COLUMNS]
    ]


def main(
    sizes: Annotated[str, typer.Option(help="clips of each corpus")] = "1000,10000,100000",
    stages: Annotated[str, typer.Option(help="only these; others stay in the table")] = "",
    million: Annotated[bool, typer.Option("--million", help="features of a million, too")] = False,
    limit: Annotated[float, typer.Option(help="seconds that a stage may take", min=1)] = 1800,
    speakers: Annotated[int, typer.Option(help="of every corpus", min=3, max=9999)] = 20,
    workers: Annotated[int, typer.Option(help="that share the work", min=1)] = WORKERS,
    ram: Annotated[float, typer.Option(help="memory, in GB", min=1)] = RAM_GB,
    disk: Annotated[float, typer.Option(help="disk, in TB", min=0.001)] = DISK_TB,
    folder: Annotated[Path | None, typer.Option(help="where corpora are made")] = None,
    out: Annotated[Path, typer.Option(help="table; the figure stands beside it")] = RESULTS,
) -> None:
    """Measure all stages at all sizes; print, write and draw what they took."""
    wanted = parse_stages(stages) if stages else tuple(STAGES)
    chosen = plan(parse_sizes(sizes, speakers), million, wanted)
    known = pd.read_csv(out) if stages and out.is_file() else pd.DataFrame()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        rows = []
        for row in measure_sizes(chosen, speakers, limit, Path(place)):
            rows.append(row)
            table = keep(rows, known)
            write_csv(out, table, decimals=3)  # at once: the largest sizes take hours
    if not rows:
        raise SerError("No stage came to an end; raise --limit.")
    say(table, ram, disk, workers)
    draw_scale(table, out.with_suffix(".png"))
