"""Takes that are the same recording, or nearly: they must stay on one side of a split.

RAVDESS holds one recording twice under two names; a corpus put together from several releases may
hold copies at another level or with other silence around them, which hashes do not show.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.fft

from ser.clips.audio import SAMPLE_RATE_HZ, Int16, read_canonical
from ser.clips.listing import ClipFiles
from ser.core.errors import SerError
from ser.core.processes import spread, stream
from ser.splits.signatures import Bytes, close_pairs, signature

# Different takes of RAVDESS, EMO-DB and EMOVO come as close as 0.44; copies of a clip at another
# level, with other silence around it or noise 40 dB below it lie above 0.99 (test_takes.py).
SAME_TAKE_SIMILARITY = 0.9
# Of waveforms whose fingerprints are close, different words of TurEV-DB (a hum dominates) reach
# 0.50; the recording that EMOVO has twice, cut and filtered differently, 0.79.
SAME_TAKE_CORRELATION = 0.65
IDENTICAL, SAME, ALIKE = "identical samples", "the same recording", "alike, but not the same"
# lines of the spectrum about 1 Hz apart, in the band where speech is loudest
_SPACING_HZ = SAMPLE_RATE_HZ / 2**14
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 4000.0
_SMOOTHING_LINES = 16


def fingerprint(samples: Int16) -> npt.NDArray[np.float32]:
    """Fine lines of a clip's spectrum, whatever its level, polarity and outer silence.

    The magnitude of the spectrum of a whole clip does not change when the clip moves in time, and
    lines 1 Hz apart are as good as random from take to take.

    Returns:
        Unit vector, shape (4014,); zero for a clip without sound.
    """
    size = round(SAMPLE_RATE_HZ / _SPACING_HZ)
    # adding up pieces of `size` samples samples the spectrum of the whole clip
    pieces = np.pad(samples.astype(np.float64), (0, -len(samples) % size)).reshape(-1, size)
    lines_hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    in_band = (lines_hz >= _LOWEST_HZ) & (lines_hz < _HIGHEST_HZ)
    lines = np.abs(np.fft.rfft(pieces.sum(axis=0)))[in_band]
    # what all clips share, the broad shape of the spectrum of speech, must not count as likeness
    fine = lines - np.convolve(lines, np.full(_SMOOTHING_LINES, 1 / _SMOOTHING_LINES), "same")
    norm = float(np.linalg.norm(fine))
    return (fine / norm if norm > 0 else fine).astype(np.float32)


def find_signatures(files: ClipFiles) -> Bytes:
    """Signatures of the fingerprints of all clips, shape (clips, 128), in a file that is mapped."""
    label = f"{files.corpus.name}: takes compared"
    with TemporaryFile() as found:
        for one in stream(_clip_signature, files, label, "clip"):
            found.write(one.tobytes())
        found.flush()
        return np.asarray(np.memmap(found, np.uint8, "r")).reshape(len(files), -1)


def _clip_signature(file: tuple[Path, str]) -> Bytes:
    return signature(fingerprint(read_canonical(*file)))


def find_pairs(files: ClipFiles, not_the_same: pd.DataFrame) -> pd.DataFrame:
    """All pairs of clips that are one recording, or look like it.

    Fingerprints that are close make a candidate, which the waveforms must confirm: hum and tones
    that two recordings share have close fingerprints, too.

    Args:
        not_the_same: pairs that the corpus's file declares not to be the same.

    Returns:
        One row a pair: `clip_a`, `clip_b`, `similarity` of fingerprints, `correlation` of
        waveforms, `what` they are (identical, the same, or only alike), `note`.
    """
    declared = {
        frozenset((row.clip_a, row.clip_b)): str(row.reason) for row in not_the_same.itertuples()
    }
    candidates = _candidates(find_signatures(files), files.hashes)
    both = [(files[a], files[b]) for a, b in candidates]
    compared = spread(_compare, both, f"{files.corpus.name}: takes that are alike", "pair")
    rows = []
    for (a, b), (similarity, correlation, identical) in zip(candidates, compared, strict=True):
        if similarity < SAME_TAKE_SIMILARITY and not identical:
            continue
        clip_a, clip_b = files.clips[a], files.clips[b]
        note = declared.get(frozenset((clip_a, clip_b)), "")
        what = SAME if correlation >= SAME_TAKE_CORRELATION and not note else ALIKE
        rows.append(
            {
                "clip_a": clip_a,
                "clip_b": clip_b,
                "similarity": similarity,
                "correlation": correlation,
                "what": IDENTICAL if identical else what,
                "note": note,
            }
        )
    columns = ["clip_a", "clip_b", "similarity", "correlation", "what", "note"]
    return pd.DataFrame(rows, columns=columns)


def _candidates(signatures: Bytes, hashes: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of clips whose fingerprints may be close or whose samples are identical, in order."""
    pairs = set(close_pairs(signatures))
    first: dict[str, int] = {}
    # by a number each; the few whose numbers are the same are looked at
    numbers = pd.Series(np.fromiter(map(hash, hashes), np.int64, len(hashes)))
    for number in np.flatnonzero(numbers.duplicated(keep=False)).tolist():
        digest = hashes[number]
        if digest in first:
            pairs.add((first[digest], number))
        first.setdefault(digest, number)
    return sorted(pairs)


def _compare(files: tuple[tuple[Path, str], tuple[Path, str]]) -> tuple[float, float, bool]:
    """Similarity of two clips, correlation if they are similar, and whether they are identical."""
    one, other = (read_canonical(*file) for file in files)
    similarity = float(fingerprint(one) @ fingerprint(other))
    identical = files[0][1] == files[1][1]
    if identical or similarity < SAME_TAKE_SIMILARITY:
        return similarity, float(identical), identical
    return similarity, _correlation(one, other), False


def _correlation(one: Int16, other: Int16) -> float:
    """Highest correlation of two clips over all shifts, their differences taken against hum."""
    x, y = (np.diff(samples.astype(np.float64)) for samples in (one, other))
    size = scipy.fft.next_fast_len(len(x) + len(y), real=True)
    product = scipy.fft.rfft(x, size) * np.conj(scipy.fft.rfft(y, size))
    highest = np.abs(scipy.fft.irfft(product, size)).max()
    return float(highest / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-9))


def group_takes(manifest: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """For every clip, the first clip (in manifest order) of its group of same takes.

    Groups are closed under "is the same take as".

    Raises:
        SerError: if speakers share a recording: then a name is wrong, and no fold can be right.
    """
    same = pairs[pairs["what"] != ALIKE]
    clips = manifest["clip"].to_numpy()
    # of the few that have a twin: others need no place
    twins = manifest["clip"].isin([*same["clip_a"], *same["clip_b"]]).to_numpy().nonzero()[0]
    place = dict(zip(clips[twins], twins.tolist(), strict=True))
    who = dict(zip(clips[twins], manifest["speaker"].iloc[twins], strict=True))
    shared = same[same["clip_a"].map(who) != same["clip_b"].map(who)]
    if not shared.empty:
        print(pairs.to_string(index=False))
        row, name = shared.iloc[0], str(manifest["corpus"].iloc[0])
        raise SerError(
            f"{name}: {len(shared)} pairs of clips of different speakers are one recording (first "
            f"{row['clip_a']} and {row['clip_b']}, all are listed above); leave one of each out "
            f"as a defect in ser/corpora/{name}.py, or say there why they are not the same."
        )
    first = {index: index for index in place.values()}

    def first_of(index: int) -> int:
        while first[index] != index:
            first[index] = first[first[index]]
            index = first[index]
        return index

    for row in same.itertuples():
        low, high = sorted((first_of(place[row.clip_a]), first_of(place[row.clip_b])))
        first[high] = low
    groups = np.arange(len(clips))
    for index in first:
        groups[index] = first_of(index)
    return clips[groups].tolist()
