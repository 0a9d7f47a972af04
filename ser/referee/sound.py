"""The recordings behind somebody's names: which are the same by samples, and how long they are."""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ser.clips.audio import SAMPLE_RATE_HZ, pcm_sha256, read_sound, write_wav
from ser.clips.listing import ClipFiles
from ser.clips.manifest import clip_path
from ser.core.errors import SerError
from ser.core.processes import spread
from ser.download.source import list_audio
from ser.referee.submission import clip_name
from ser.splits.takes import find_pairs

_NAME = "audited"


@dataclass(frozen=True)
class Heard:
    """What was found in the sound.

    Attributes:
        clips: one row a clip that was read: `clip`, `pcm_sha256` of the canonical samples,
            `length_s`.
        pairs: clips that are one recording, or look like it, as `find_pairs` lists them.
        missing: how many clips no file was found for.
        unreadable: why files were not read, a sentence each.
    """

    clips: pd.DataFrame
    pairs: pd.DataFrame
    missing: int
    unreadable: list[str]


def hear(clips: pd.DataFrame, folder: Path) -> Heard:
    """Read the files of clips and compare all with all.

    Files are looked for by their path below the folder, then by their name alone where it is
    unique. Segments of files are not read.

    Args:
        clips: with columns `clip` and `segment`.

    Raises:
        SerError: if there is no such folder, or it has no file of any clip.
    """
    if not folder.is_dir():
        raise SerError(f"--audio names {folder}, which is no folder.")
    found = _find(clips, folder)
    if not found:
        raise SerError(f"No file below {folder} has the name of a clip that is audited.")
    with tempfile.TemporaryDirectory(prefix="audit-") as name:
        place = Path(name) / _NAME
        (place / "clips").mkdir(parents=True)
        jobs = [(f"{_NAME}/{number:07d}", path) for number, path in enumerate(found.values())]
        heard = spread(partial(_hear_one, place=place), jobs, "files heard", "file")
        rows = [
            {"clip": job[0], "pcm_sha256": digest, "length_s": length_s, "name": clip}
            for job, clip, (digest, length_s, fault) in zip(jobs, found, heard, strict=True)
            if not fault
        ]
        faults = [fault for _, _, fault in heard if fault]
        if not rows:
            raise SerError(f"No file below {folder} could be read; the first: {faults[0]}")
        table = pd.DataFrame(rows)
        nothing = pd.DataFrame({"clip_a": [], "clip_b": [], "reason": []}, dtype=str)
        hashes = zip(table["clip"], table["pcm_sha256"], strict=True)
        pairs = find_pairs(ClipFiles.of(hashes, place), nothing)
    names = dict(zip(table["clip"], table["name"], strict=True))
    pairs = pairs.assign(clip_a=pairs["clip_a"].map(names), clip_b=pairs["clip_b"].map(names))
    table = table.assign(clip=table["name"]).drop(columns="name")
    return Heard(table, pairs, len(clips) - len(found), faults)


def _find(clips: pd.DataFrame, folder: Path) -> dict[str, Path]:
    """The file of every clip that has one, by clip."""
    files = {clip_name(relative.as_posix()): path for relative, path in list_audio(folder)}
    short = pd.Series(list(files), dtype=str).str.rpartition("/")[2]
    unique = set(short[~short.duplicated(keep=False)])
    by_short = {name.rpartition("/")[2]: path for name, path in files.items()}
    found = {}
    for clip in clips.loc[clips["segment"] == "", "clip"]:
        name = clip.rpartition("/")[2]
        path = files.get(clip) or (by_short[name] if name in unique else None)
        if path is not None:
            found[clip] = path
    return found


def _hear_one(job: tuple[str, Path], place: Path) -> tuple[str, float, str]:
    """Hash and length of a file, and why it could not be read."""
    clip, path = job
    try:
        samples = read_sound(path).samples
    except SerError as error:
        return "", 0.0, str(error)
    write_wav(clip_path(place, clip), samples)
    return pcm_sha256(samples), len(samples) / SAMPLE_RATE_HZ, ""
