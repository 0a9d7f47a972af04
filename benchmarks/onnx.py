"""PyTorch and ONNX beside each other: `python -m benchmarks.onnx`.

The released model is exported; both answer real clips of the mirror, and an hour of them, each in
processes of its own. Results go to `docs/onnx.csv`. What else runs on the machine makes seconds
longer, and processor seconds a little; the fewest of several runs are kept.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import soundfile as sf
import torch
import typer
from tqdm import tqdm

from ser.clips.audio import SAMPLE_RATE_HZ, Int16, read_sound
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import write_csv
from ser.core.workers import use_one_thread
from ser.download.source import find_mirror
from ser.export.onnx_file import TOLERANCE, export_onnx
from ser.predict.model import load
from ser.predict.portable import load_onnx
from ser.predict.recogniser import ANYBODY, Recogniser
from ser.predict.released import RELEASED

RESULTS = Path("docs/onnx.csv")
# from a process that is small: the memory of one that starts another counts as the other's
_MEASURE = """
import json, os, sys, time
begun, silent = time.monotonic(), os.open(os.devnull, os.O_WRONLY)
child = os.posix_spawn(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, silent, 1)]
)
_, status, used = os.wait4(child, 0)
print(json.dumps([time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss]))
sys.exit(os.waitstatus_to_exitcode(status))
"""
_CLIPS, _ROUNDS, _STARTS = 200, 3, 3
# clips that are answered again and again, warm
_WARM = 60
# clips that are padded to the longest of them, and answered at once
_TOGETHER = 25


def clip_files(count: int) -> list[Path]:
    """Clips of the mirror, the same number of each corpus, as far as there are so many.

    Raises:
        SerError: if there is no mirror.
    """
    mirror = find_mirror()
    if mirror is None:
        raise SerError("There is no mirror of corpora; name one by SER_MIRROR.")
    folders = [folder for folder in sorted(mirror.iterdir()) if folder.is_dir()]
    found = []
    for folder in folders:
        files = sorted(folder.rglob("*.flac"))
        found += files[:: max(1, len(files) * len(folders) // count)][: count // len(folders)]
    return found


def largest_difference(one: Recogniser, other: Recogniser, clips: Sequence[Int16]) -> float:
    """Of any probability, before or after calibration: alone, and padded beside others."""
    furthest = 0.0
    functionals = np.array([one.hearing.functionals(clip) for clip in clips])
    for size in (1, _TOGETHER):
        for begin in range(0, len(clips), size):
            places = slice(begin, begin + size)
            given = clips[places], [ANYBODY] * len(clips[places]), functionals[places]
            pairs = zip(one.probabilities(*given), other.probabilities(*given), strict=True)
            furthest = max(furthest, *(float(np.abs(a - b).max()) for a, b in pairs))
    return furthest


def same_answers(one: Recogniser, other: Recogniser, files: Sequence[Path]) -> float:
    """Share of recordings that have the same stretches, emotions and warnings, in percent."""

    def said(model: Recogniser, path: Path) -> list[tuple[object, ...]]:
        return [(a.begin, a.end, a.emotion, a.warnings, a.model) for a in model.predict(path)]

    return 100 * float(np.mean([said(one, path) == said(other, path) for path in files]))


def warm_ms(model: Recogniser, files: Sequence[Path]) -> float:
    """Processor time from a file to its answer, in milliseconds: of the fastest of some rounds."""
    taken = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for path in files:
            model.predict(path)
        taken.append(time.process_time() - begun)
    return 1000 * min(taken) / len(files)


def command(words: Sequence[str]) -> dict[str, float]:
    """Seconds on the clock, of the processor, and MB of memory at most, of one `ser predict`."""
    given = [sys.executable, "-m", "ser.cli", "predict", *words, "--json"]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *given], stdout=subprocess.PIPE, text=True, check=True
    )
    wall_s, cpu_s, memory_kib = json.loads(done.stdout)
    return {"wall_s": wall_s, "cpu_s": cpu_s, "memory_mb": memory_kib * 1024 / 1e6}


def recording(path: Path, clips: Sequence[Int16], minutes: int) -> None:
    """Write a recording so long: clips one after another, with pauses between them."""
    left, rng = minutes * 60 * SAMPLE_RATE_HZ, np.random.default_rng(0)
    with sf.SoundFile(path, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
        while left > 0:
            clip = clips[rng.integers(len(clips))]
            part = np.append(clip, np.zeros(rng.integers(3_000, 30_000), np.int16))[:left]
            file.write(part)
            left -= len(part)


def main(
    clips: Annotated[int, typer.Option(help="how many clips of the mirror")] = _CLIPS,
    minutes: Annotated[int, typer.Option(help="length of the long recording")] = 60,
) -> None:
    """Compare both; exit with 1 if they differ by more than is promised."""
    use_one_thread()
    torch.set_num_threads(1)
    files = clip_files(clips)
    sounds = [read_sound(path).samples for path in tqdm(files, desc="clips read")]
    with TemporaryDirectory() as folder:
        exported, long = Path(folder) / "model.onnx", Path(folder) / "long.wav"
        export_onnx(load(), exported)
        recording(long, sounds, minutes)
        models: dict[str, Recogniser] = {"PyTorch": load(), "ONNX": load_onnx(exported)}
        differs = largest_difference(models["PyTorch"], models["ONNX"], sounds)
        same = same_answers(models["PyTorch"], models["ONNX"], files)
        print(f"largest difference {differs:.1e}; the same answers {same:.1f} %", flush=True)
        rows = []
        for way, model in models.items():
            more = [] if way == "PyTorch" else ["--onnx", str(exported)]
            starts = [command([str(files[0]), *more]) for _ in range(_STARTS)]
            row = {
                "way": way,
                "size_mb": (RELEASED if way == "PyTorch" else exported).stat().st_size / 1e6,
                **{f"cold_{name}": min(each[name] for each in starts) for name in starts[0]},
                "warm_ms": warm_ms(model, files[:: max(1, len(files) // _WARM)]),
            }
            print(row, flush=True)
            hour = {f"long_{name}": value for name, value in command([str(long), *more]).items()}
            counts = {"minutes": minutes, "clips": len(files)}
            rows.append(row | hour | counts | {"difference": differs, "same_percent": same})
    found = pd.DataFrame(rows)
    print(found.to_string(index=False))
    if clips == _CLIPS:
        write_csv(RESULTS, found, decimals=9)
    if not differs <= TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    run(main)
