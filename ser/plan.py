"""`make repro`: says what will run and how long it takes here, runs it, and shows the results."""

import csv
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from ser.core.entry import read_seconds
from ser.core.errors import SerError
from ser.core.watch import Stopped, end_with_parent, say_that_dvc_goes_on

# seconds of every stage, measured once for everybody: where a machine has no log of its own
MEASURED = Path("docs/stage_seconds.csv")
RESULTS = Path("plots/systems.csv")
NO_GIT = (
    "This copy has no .git, and DVC looks for one; run `dvc config --local core.no_scm true` "
    "(or `git init`), then try again."
)

_WIDTH = 80
_RUNS = re.compile(r"Running stage '(.+)':")
_RESTORED = re.compile(r"Stage '(.+)' is cached - skipping run")
_UNCHANGED = re.compile(r"(?:Stage )?'(.+)' didn't change, skipping")
# what else DVC says of its own work
_CHATTER = re.compile(
    r"> |(Updating|Generating) lock file|Use `dvc push`|To (track|enable)|\tgit add|"
    r"\tdvc config|Data and pipelines are up to date|$"
)


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        waiting: command of each stage that may run, such as "train ravdess 0", by the stage's name
            and in the order of running; one below another that runs may turn out to be unchanged.
        stages: how many stages there are in all.
    """

    waiting: dict[str, str]
    stages: int


def repro(targets: list[str], force: bool = False) -> int:
    """Run the pipeline in this folder.

    Args:
        targets: as for `dvc repro`; none is the whole graph of dvc.yaml.
        force: whether to run what has not changed, too.

    Returns:
        DVC's exit status.

    Raises:
        SerError: if DVC cannot work here.
    """
    if not Path("dvc.yaml").is_file():
        raise SerError("There is no dvc.yaml here; run from the root of the repository.")
    mend_lock(Path(".dvc/tmp"))
    plan = make_plan(targets, force)
    if plan is not None:
        print(describe(plan), flush=True)
    status = 0
    if plan is None or plan.waiting:
        try:
            status = _run(["repro", *targets, *(["--force"] if force else [])], plan)
        finally:  # for whoever calls DVC next
            with suppress(SerError):
                mend_lock(Path(".dvc/tmp"))
    if status == 0 and RESULTS.is_file():
        print(f"\n{results_table(RESULTS)}")
    return status


def make_plan(targets: list[str], force: bool = False) -> Plan | None:
    """Ask DVC what it would run; None where it cannot say, and says why when it is run.

    `dvc repro --dry` lists only what is certain to run: what a stage changes for those below it
    is not known before. Here all that lies below counts.

    Raises:
        SerError: if there is no git, and DVC was not told so.
    """
    # DVC takes a second to import
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
    from dvc.scm import SCMError

    waiting: dict[str, str] = {}
    try:
        with Repo() as repo, repo.lock:
            graph = get_active_graph(repo.index.graph)
            stages = plan_repro(graph, collect_stages(repo, targets or ["dvc.yaml"]))
            for stage in stages:
                above = {one.addressing for one in graph.successors(stage)}
                if force or above & waiting.keys() or stage.changed():
                    waiting[stage.addressing] = _command(stage.cmd)
    except SCMError:
        raise SerError(NO_GIT) from None
    except DvcException:
        return None
    return Plan(waiting, len(stages))


def _command(command: Any) -> str:
    """The words by which a stage logs its seconds: "train ravdess 0"."""
    lines = command if isinstance(command, list) else str(command).splitlines()
    return re.sub(r"^python -m (\w+\.)+", "", lines[0]) if lines else ""


def describe(plan: Plan) -> str:
    """What will run, and about how long it takes."""
    if not plan.waiting:
        return f"Nothing has changed: all {plan.stages} stages are up to date."
    kinds = Counter(name.rpartition(":")[2].split("@")[0] for name in plan.waiting)
    listed = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in kinds.items())
    head = f"Up to {len(plan.waiting)} of {plan.stages} stages will run{_time_of(plan.waiting)}:"
    return f"{head}\n{textwrap.fill(listed, _WIDTH, initial_indent='  ', subsequent_indent='  ')}"


def _time_of(waiting: Mapping[str, str]) -> str:
    """How long stages take here, in words after others; empty where none was ever timed."""
    timed = Estimates.load()
    estimates = [timed.seconds(command) for command in waiting.values()]
    known = [seconds for seconds in estimates if seconds is not None]
    if not known:
        return ""
    minutes = round(sum(known) / 60)
    hours = f"{minutes // 60} h {minutes % 60:02} min"
    text = hours if minutes >= 60 else f"{minutes} min" if minutes else "a minute"
    return f", {'about' if len(known) == len(estimates) else 'at least'} {text}"


@dataclass(frozen=True)
class Estimates:
    """How long stages take on this machine.

    Attributes:
        here: seconds logged on this machine, by command.
        measured: seconds on another one, by command.
    """

    here: Mapping[str, float]
    measured: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls) -> "Estimates":
        """From this machine's log and the committed table."""
        return cls(read_seconds(), _read_measured())

    def seconds(self, command: str) -> float | None:
        """As it was logged here, or measured elsewhere and scaled, or as its sisters take.

        None if nothing like it was ever run.
        """
        if command in self.here:
            return self.here[command]
        if command in self.measured:
            return self.measured[command] * self._slower
        kind = command.split(" ")[0]
        sisters = [one for one in {**self.measured, **self.here} if one.split(" ")[0] == kind]
        if not sisters:
            return None
        return sum(self.seconds(one) or 0.0 for one in sisters) / len(sisters)

    @property
    def _slower(self) -> float:
        """How much longer this machine takes, by all that was timed on both."""
        both = self.here.keys() & self.measured.keys()
        elsewhere = sum(self.measured[command] for command in both)
        return sum(self.here[command] for command in both) / elsewhere if elsewhere else 1.0


def _read_measured() -> dict[str, float]:
    """The table `stage,seconds`; empty where it is missing or broken: only an estimate is lost."""
    try:
        with MEASURED.open(encoding="utf-8", newline="") as file:
            return {row["stage"]: float(row["seconds"]) for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _run(arguments: list[str], plan: Plan | None) -> int:
    """Run DVC and say, after each stage, what is done and left; bars of stages pass through.

    DVC and its stages form a group of their own: what a terminal sends (Ctrl-C) reaches us alone,
    and we end them all at once. DVC would otherwise add what it thinks of a stage that was stopped.
    """
    say_that_dvc_goes_on()
    # stages call `python`: it must be the one that runs this
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    dvc = subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        process_group=0,
        preexec_fn=end_with_parent,
    )
    count = Count(dict(plan.waiting) if plan else {})
    with dvc, _ended_with_us(dvc.pid):
        assert dvc.stdout is not None
        try:
            for line in dvc.stdout:
                for shown in count.hear(line.rstrip("\n")):
                    print(shown, flush=True)
        except Stopped:
            if count.running is not None:
                print(file=sys.stderr)  # its bar ends here
            raise
    if dvc.returncode == 0:
        for shown in count.end():
            print(shown, flush=True)
    return dvc.returncode


@contextmanager
def _ended_with_us(group: int) -> Iterator[None]:
    """Pause a group of processes when we are paused, and kill what is left of it when we end."""

    def pause(*_: int | FrameType | None) -> None:
        os.killpg(group, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.killpg(group, signal.SIGCONT)

    before = signal.signal(signal.SIGTSTP, pause)
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        raise
    finally:
        signal.signal(signal.SIGTSTP, before)


@dataclass
class Count:
    """What is done and what is left, by what DVC says.

    Attributes:
        waiting: commands of the stages that may still run, by name.
        done: how many have run.
        running: the stage that runs now.
    """

    waiting: dict[str, str]
    done: int = 0
    running: str | None = None

    def hear(self, line: str) -> Iterator[str]:
        """What to show of a line of DVC's or of a stage's."""
        if found := _RUNS.match(line):
            yield from self.end()
            self.running = found[1]
            yield f"\n{found[1]}"
        elif found := _RESTORED.match(line) or _UNCHANGED.match(line):
            yield from self.end()
            self.waiting.pop(found[1], None)
            if line.endswith("outputs"):
                yield f"\n{found[1]}: known from an earlier run"
        elif not _CHATTER.match(line):
            yield line

    def end(self) -> Iterator[str]:
        """What to show when a stage has ended."""
        if self.running is None:
            return
        self.waiting.pop(self.running, None)
        self.running = None
        self.done += 1
        left = len(self.waiting)
        yield f"  {self.done} done" + (f", {left} left{_time_of(self.waiting)}" if left else "")


def mend_lock(tmp: Path) -> None:
    """Remove DVC's list of locked paths where a kill left it cut, or full of processes long gone.

    Args:
        tmp: DVC's folder of locks, `.dvc/tmp`.

    Raises:
        SerError: if it is broken while DVC runs here.
    """
    listed = tmp / "rwlock"
    if not listed.is_file():
        return
    with (tmp / "rwlock.lock").open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # DVC is at it
            return
        holders = _holders(listed)
        if holders == set():
            return
        running = _running_dvc(tmp.resolve().parents[1])
        if not running:
            listed.unlink()
        elif holders is None:
            raise SerError(
                f"{listed} was left broken by a run that was killed, and DVC runs here (process "
                f"{running[0]}); wait until it ends, then try again."
            )


def _holders(listed: Path) -> set[int] | None:
    """Numbers of the processes that hold paths; None if the list cannot be read."""
    try:
        table = json.loads(listed.read_text(encoding="utf-8"))
        writers = [one["pid"] for one in table.get("write", {}).values()]
        readers = [one["pid"] for some in table.get("read", {}).values() for one in some]
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return {*writers, *readers}


def _running_dvc(root: Path) -> list[int]:
    """Numbers of the processes that are DVC and work in a folder or below."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [Path(word).name for word in process.info["cmdline"] or ()][:3]
        where = process.info["cwd"]
        if "dvc" in words and where and Path(where).is_relative_to(root):
            found.append(process.pid)
    return found


def results_table(path: Path) -> str:
    """The systems' UAR beside their strongest baselines, for a terminal of 80 columns.

    Args:
        path: what the pipeline writes, `plots/systems.csv`.

    Raises:
        SerError: if it is no such table.
    """
    # pandas takes half a second to import
    from ser.core.tables import Table
    from ser.guards.protocol import NO_MARK
    from ser.reports.markdown import number, say, with_interval
    from ser.reports.systems import baselines_of

    needed = {"system": str, "mark": str, "uar": float, "uar_low": float, "uar_high": float}
    table = Table("The table of systems", needed).read(path)
    baselines = baselines_of(table)
    cells = [("system", "UAR (95 % interval)", "strongest baseline")]
    notes = []
    for _, row in table.iterrows():
        best = max(baselines, key=lambda name: row[f"baseline_{name}"], default="")
        beside = f"{number(row[f'baseline_{best}'], 'en')} ({say(best, 'en')})" if best else ""
        cells.append((row["system"], with_interval(row, "uar", "en"), beside))
        if row["mark"] != NO_MARK:
            notes.append(textwrap.fill(f"{row['system']}: {row['mark']}", _WIDTH))
    return "\n".join([*_aligned(cells), *notes])


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
