"""Kills of DVC, of a stage, or of both, at any moment; what `dvc repro` then makes is the same."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import psutil

from benchmarks.storm.project import CORPUS, DVC, SYSTEM, environment
from benchmarks.storm.tries import Tally, contents
from ser.core.watch import STOPPED

Target = Literal["DVC alone", "a stage alone", "the group"]

_STAGES = {
    **{
        f"{stage}@{CORPUS}": f"data/{folder}/{CORPUS}"
        for stage, folder in (
            ("download", "corpora"),
            ("split", "splits"),
            ("augment", "augmented"),
            ("featurize", "features"),
            ("functionals", "functionals"),
        )
    },
    "systems": "data/systems.json",
    f"train@{SYSTEM}-0": f"models/{SYSTEM}/seed_0",
    f"baselines@{SYSTEM}": f"models/{SYSTEM}/linear",
    f"evaluate@{SYSTEM}": f"plots/systems/{SYSTEM}",
    "report": "plots/systems.csv",
}
_TARGETS: tuple[Target, ...] = ("DVC alone", "a stage alone", "the group")
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_MADE = ("dvc.lock", "data", "models", "metrics", "plots")
# DVC takes so long to begin
_BEGIN_S = 1.5
_ORPHAN_S = 2.0
_PATIENCE_S = 120.0
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Kill:
    """What is killed, how, and when.

    Attributes:
        stage: that DVC is told to run, whatever it knows of it.
        moment: share of the stage's time that has passed; below 0, of DVC's own time before it.
    """

    stage: str
    target: Target
    number: signal.Signals
    moment: float

    def __str__(self) -> str:
        return f"{self.stage}, {self.target}, {self.number.name} at {self.moment:.2f}"


def kills(rng: np.random.Generator, count: int) -> list[Kill]:
    """As many kills, always the same of one seed: each stage, target and signal in turn."""
    everything = list(product(_STAGES, _TARGETS, _SIGNALS))
    numbers: list[int] = []
    while len(numbers) < count:
        numbers += rng.permutation(len(everything)).tolist()
    return [Kill(*everything[n], float(rng.uniform(-0.5, 0.95))) for n in numbers[:count]]


def try_kills(project: Path, chosen: Sequence[Kill], show: Callable[[str], None]) -> Tally:
    """Kill runs of a project whose graph has been run; every time it has to come out the same."""
    tally, whole = Tally("kills"), _outputs(project, _MADE)
    seconds = json.loads((project / "logs/seconds.json").read_text(encoding="utf-8"))
    for number, kill in enumerate(chosen):
        said, fault = _kill(project, kill, _seconds(seconds, kill.stage))
        fault = fault or _half_there(project, kill.stage, whole)
        # a stage that has been run before is fetched from the cache of runs, or run again
        again = ["repro", *(["--no-run-cache"] if number % 2 else [])]
        fault = _repro(project, again) or fault or _difference(project, whole)
        tally.add(str(kill), fault, refused=STOPPED in said)
        show(tally.faults[-1] if fault else "")
    return tally


def _seconds(logged: dict[str, float], stage: str) -> float:
    command = stage.replace("@", " ").replace("-", " ")
    return float(logged.get(command, 2.0))


def _kill(project: Path, kill: Kill, seconds: float) -> tuple[str, str]:
    """What was printed, and what is wrong: a process that outlives its parent, or a traceback."""
    running = subprocess.Popen(
        [*DVC, "repro", "--force", "--single-item", kill.stage],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        # what runs in the background of a script is started to ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    root = psutil.Process(running.pid)
    if kill.moment < 0 and kill.target != "a stage alone":
        time.sleep((1 + kill.moment) * _BEGIN_S)
    else:
        _wait_for_stage(root)
        time.sleep(max(0.0, kill.moment) * seconds)
    with suppress(psutil.NoSuchProcess):
        victims = [root] if kill.target == "DVC alone" else _stages(root)
        if kill.target == "the group":
            victims = [root, *root.children(recursive=True)]
        family = root.children(recursive=True)
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(kill.number)
        fault = _orphan([root, *family], running)
        text, _ = running.communicate()
        own = "Traceback" in text and ("/ser/" in text or "/stages/" in text)
        return text, fault or (f"a traceback: {text[-300:]!r}" if own else "")
    text, _ = running.communicate()
    return text, ""


def _wait_for_stage(root: psutil.Process) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and root.status() != psutil.STATUS_ZOMBIE and not _stages(root):
        time.sleep(_LOOK_EVERY_S)


def _stages(root: psutil.Process) -> list[psutil.Process]:
    """The stage below DVC; its workers, which are copies of it, are below it."""
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(word.startswith("stages.") for word in process.cmdline()):
                return [process]
    return []


def _orphan(family: list[psutil.Process], running: "subprocess.Popen[str]") -> str:
    """Wait until all ended; a process that runs on two seconds after its parent did is a fault."""
    parents = {one.pid: one for one in family}
    above = {}
    for one in family[1:]:
        with suppress(psutil.NoSuchProcess):
            above[one.pid] = parents.get(one.ppid())
    gone: dict[int, float] = {}
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        now = time.monotonic()
        for one in family:
            if not _runs(one):
                gone.setdefault(one.pid, now)
        for one in family[1:]:
            parent = above.get(one.pid)
            if _runs(one) and parent is not None and now - gone.get(parent.pid, now) > _ORPHAN_S:
                one.kill()
                return f"an orphan: {one.pid}"
        if running.poll() is not None and not any(map(_runs, family)):
            return ""
        time.sleep(_LOOK_EVERY_S)
    running.kill()
    return "a hang"


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _outputs(project: Path, names: tuple[str, ...]) -> dict[str, bytes | None]:
    """All that is made, but for what a killed run leaves for the next one."""
    found = contents(project, names)
    return {path: content for path, content in found.items() if ".partial" not in path}


def _half_there(project: Path, stage: str, whole: dict[str, bytes | None]) -> str:
    output = _STAGES[stage]
    found = _outputs(project, (output,))
    right = {path: content for path, content in whole.items() if path in found}
    if not found:
        return ""
    expected = {p for p in whole if p == output or p.startswith(f"{output}/")}
    return "" if found == right and set(found) == expected else f"{output} is half there"


def _repro(project: Path, arguments: list[str]) -> str:
    """Run the graph again, and mend DVC's list of locks where a kill left it broken."""
    for command in ([*DVC, *arguments], [DVC[0], "-m", "ser.cli", "repro"]):
        done = subprocess.run(
            command, cwd=project, env=environment(), capture_output=True, text=True
        )
        if done.returncode == 0:
            return ""
        if "rwlock" not in done.stdout + done.stderr:
            break
    return f"`dvc repro` ended with {done.returncode}: {done.stderr.strip()[-300:]}"


def _difference(project: Path, whole: dict[str, bytes | None]) -> str:
    """What differs from the undisturbed run."""
    now = _outputs(project, _MADE)
    odd = sorted(path for path in now | whole if now.get(path, 0) != whole.get(path, 0))
    return f"{odd[0]} differs from the undisturbed run" if odd else ""
