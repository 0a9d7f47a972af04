"""Tiny corpora, features, systems and parameters for tests, made in temporary folders."""

import copy
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import yaml

from ser.audio import SAMPLE_RATE_HZ, Int16, pcm_sha256, write_wav
from ser.clips import COLUMNS, GENDERS, MANIFEST, clip_path, write_manifest
from ser.corpora import find_corpus
from ser.corpora.build import build_corpus
from ser.corpora.synthetic_voice import speak, utterances
from ser.dataset import SystemData, load_system
from ser.feature_store import INDEX, PACK
from ser.files import write_csv
from ser.packs import Pack, write_pack
from ser.params import Params, parse_params
from ser.splits.folds import write_folds
from ser.splits.protocols import assign_folds
from ser.splits.selection import FOLDS

REPOSITORY = Path(__file__).parents[1]
CORPUS = "synthetic_a"
EMOTIONS = ("neutral", "happy", "sad")
Features = Mapping[str, npt.NDArray[Any]]


def changed(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with changes such as `{"training.epochs": 2}` made."""
    result = copy.deepcopy(values)
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = result
        for name in tables:
            table = table[name]
        table[last] = copy.deepcopy(value)
    return result


# Small and quick, with every random effect of training off; a test switches on what it is about.
_QUICK: dict[str, Any] = {
    "corpora": [CORPUS],
    "systems": {"tiny": {"corpus": CORPUS, "gender": "all", "protocol": "leave_one_speaker_out"}},
    "optimizer": "adamw",
    "model_size": "small",
    "model_sizes.small.channels": [8, 8, 12],
    "model_sizes.small.stem_kernel": 5,
    "model_sizes.small.stem_stride": [2, 2],
    "model_sizes.small.time_pools": 1,
    "model_sizes.small.dropout": 0.0,
    "training.min_steps": 0,
    "features.front_end": "log_mel",
    "training.epochs": 2,
    "training.batch_size": 8,
    "training.seeds": [0],
    "training.networks": 1,
    "training.normalization": "clip",
    "training.crop_s": 0.6,
    "training.label_smoothing": 0.0,
    "training.mixup_alpha": 0.0,
    "training.time_warp": 0.0,
    "training.frequency_masks": 0,
    "training.time_masks": 0,
    "training.class_weight": 0.0,
    "training.frequency_warp": 0.0,
    "training.weight_average": 0.0,
    "training.checkpoint": "last",
    "training.linear_share": 0.0,
    "training.precision": "float32",
    "studies.training": {
        "seeds": [0],
        "model_size": "small",
        "networks": 1,
        "epochs": 2,
        "min_steps": 0,
    },
    "studies.ladder": [],
    "studies.gender": [],
    "studies.speaker_normalisation": [],
    "studies.notebooks": [],
    "studies.optimizers": [],
    "studies.augmentations": [],
    "studies.importance": [],
    "studies.cross_lingual": {},
    "processes": 1,
}


def make_params(changes: Mapping[str, Any] | None = None) -> Params:
    """The repository's parameters, made small and quick, with changes by dotted key."""
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    return parse_params(changed(values, {**_QUICK, **(changes or {})}))


def make_manifest(
    speakers: int = 4,
    emotions: Sequence[str] = EMOTIONS,
    clips_each: int = 2,
    corpus: str = CORPUS,
) -> pd.DataFrame:
    """A manifest of speakers "01", "02", ... (odd ones male) who show every emotion equally."""
    rows = [
        {
            "clip": f"{corpus}/{speaker:02d}/{emotion}-{take}",
            "corpus": corpus,
            "language": "none",
            "speaker": f"{speaker:02d}",
            "gender": "male" if speaker % 2 else "female",
            "emotion": emotion,
            "intensity": "normal",
            "sentence": str(take),
            "take": str(take),
            "duration_s": 1.0,
            "pcm_sha256": f"{corpus}{speaker}{emotion}{take}",
        }
        for speaker in range(1, speakers + 1)
        for emotion in emotions
        for take in range(1, clips_each + 1)
    ]
    manifest = pd.DataFrame(rows, columns=list(COLUMNS))
    manifest["take_group"] = manifest["clip"]
    return manifest.sort_values("clip", ignore_index=True)


def separable_features(
    manifest: pd.DataFrame, bands: int = 16, steps: int = 48, noise: float = 0.3, seed: int = 0
) -> dict[str, npt.NDArray[np.float16]]:
    """Features of every clip in which each emotion beats in bands of its own."""
    rng = np.random.default_rng(seed)
    emotions = sorted(manifest["emotion"].unique())
    width = bands // len(emotions)
    features = {}
    for row in manifest.itertuples():
        length = steps + int(rng.integers(-6, 7))
        values = noise * rng.standard_normal((length, bands))
        first = emotions.index(row.emotion) * width
        beat = np.sin(2 * np.pi * (np.arange(length) / 12 + rng.random()))
        values[:, first : first + width] += 3 * beat[:, np.newaxis]
        features[row.clip] = values.astype(np.float16)
    return features


def noise_waveforms(manifest: pd.DataFrame, seconds: float = 0.7) -> dict[str, Int16]:
    """Features of the waveform front end: a tone for each emotion in noise, shape (samples, 1)."""
    rng = np.random.default_rng(7)
    emotions = sorted(manifest["emotion"].unique())
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return {
        row.clip: (
            4000 * np.sin(2 * np.pi * 300 * (1 + emotions.index(row.emotion)) * times)
            + 500 * rng.standard_normal(len(times))
        ).astype(np.int16)[:, np.newaxis]
        for row in manifest.itertuples()
    }


def write_splits(
    manifest: pd.DataFrame, folder: Path, protocol: str = "leave_one_speaker_out"
) -> None:
    """What the split stage writes for one corpus, but for one protocol only."""
    folder.mkdir(parents=True, exist_ok=True)
    for gender in GENDERS:
        write_manifest(folder / f"{gender}.csv", manifest[manifest["gender"] == gender])
    write_folds(folder / FOLDS / f"{protocol}.csv", assign_folds(manifest, protocol))


def write_features(folder: Path, features: Features, copies: Features | None = None) -> None:
    """What the featurize stage writes for one corpus; copies by name, "<clip>+<effect>"."""
    folder.mkdir(parents=True, exist_ok=True)
    items = {**features, **(copies or {})}
    index = pd.DataFrame(
        {
            "item": list(items),
            "clip": [item.partition("+")[0] for item in items],
            "effect": [item.partition("+")[2] for item in items],
            "start": write_pack(folder / PACK, list(items.values())),
            "length": [len(values) for values in items.values()],
        }
    )
    write_csv(folder / INDEX, index)


def make_system(
    folder: Path,
    manifest: pd.DataFrame,
    features: Features,
    copies: Features | None = None,
    params: Params | None = None,
) -> SystemData:
    """A system whose features are given, written to `folder` and read back."""
    params = params or make_params()
    tiny = params.system("tiny")
    write_splits(manifest, folder / "splits" / CORPUS, tiny.protocol)
    write_features(folder / "features" / CORPUS, features, copies)
    return load_system(params, tiny, folder / "splits", folder / "features")


def tiny_system(
    folder: Path,
    with_copies: bool = False,
    protocol: str = "leave_one_speaker_out",
    **shape: Any,
) -> SystemData:
    """A separable system of few clips; `shape` goes to `make_manifest`."""
    manifest = make_manifest(**shape)
    features = separable_features(manifest)
    copies = {
        f"{clip}+noise": values for clip, values in separable_features(manifest, seed=1).items()
    }
    params = make_params({"systems.tiny.protocol": protocol})
    return make_system(folder, manifest, features, copies if with_copies else None, params)


def replace_rows(
    data: SystemData, folder: Path, change: Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]]
) -> SystemData:
    """The same system with the features of every item changed, in a pack of its own."""
    pack = Pack(data.packs[CORPUS])
    folder.mkdir(parents=True, exist_ok=True)
    arrays = [
        change(str(row.item), pack.rows(row.start, row.length)) for row in data.index.itertuples()
    ]
    index = data.index.assign(
        start=write_pack(folder / PACK, arrays), length=[len(array) for array in arrays]
    )
    return replace(data, index=index, packs={CORPUS: folder / PACK})


def tone(frequency_hz: float, seconds: float = 1.0, amplitude: float = 0.3) -> npt.NDArray[Any]:
    """A sine at 16 kHz, shape (frames,)."""
    times = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def random_clip(seed: int, seconds: float = 0.5) -> Int16:
    """Noise that swells and fades, between silent ends of 0.05 s."""
    rng = np.random.default_rng(seed)
    n_frames = int(seconds * SAMPLE_RATE_HZ)
    samples = 3000 * rng.standard_normal(n_frames) * np.hanning(n_frames)
    edge = SAMPLE_RATE_HZ // 20
    samples[:edge] = samples[-edge:] = 0
    return np.rint(samples).astype(np.int16)


def write_clips(manifest: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Canonical clips of random noise and their manifest, as the download stage writes them."""
    hashes = []
    for number, clip in enumerate(manifest["clip"]):
        path = clip_path(folder, clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = random_clip(number, 0.4 + 0.02 * number)
        write_wav(path, samples)
        hashes.append(pcm_sha256(samples))
    manifest = manifest.assign(pcm_sha256=hashes)
    write_manifest(folder / MANIFEST, manifest)
    return manifest


def build_voices(folder: Path, speakers: int = 3) -> pd.DataFrame:
    """Synthetic voices of few speakers, built into `folder` as the download stage does."""
    corpus = find_corpus(CORPUS)
    said = utterances(speakers, 1)

    def generate(source: Path) -> None:
        for utterance in said:
            actor = source / f"Actor_{utterance.speaker:02d}"
            actor.mkdir(exist_ok=True)
            write_wav(actor / utterance.file_name, speak(utterance, "a"))

    genders = {name: corpus.expected.genders[name] for name in sorted(corpus.expected.genders)}
    kept = dict(list(genders.items())[:speakers])
    few = replace(corpus.expected, n_clips=len(said), emotions={}, genders=kept)
    return build_corpus(replace(corpus, generate=generate, expected=few), folder, processes=1)


@dataclass(frozen=True)
class Drawn:
    """A random generator whose every uniform number lies at `place` (0 low, 1 high)."""

    place: float

    def uniform(self, low: float, high: float) -> float:
        return low + self.place * (high - low)


def make_predictions(
    speakers: int = 6,
    clips_each: int = 4,
    seeds: Sequence[int] = (0,),
    accuracy: Callable[[int], float] = lambda speaker: 0.6,
    emotions: Sequence[str] = EMOTIONS,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Out-of-fold predictions; `accuracy` is each speaker's share of right answers."""
    rng = np.random.default_rng(random_seed)
    manifest = make_manifest(speakers, emotions, clips_each)
    rows = []
    for seed in seeds:
        for row in manifest.itertuples():
            wrong = [emotion for emotion in emotions if emotion != row.emotion]
            is_right = rng.random() < accuracy(int(row.speaker))
            rows.append(
                {
                    "clip": row.clip,
                    "corpus": row.corpus,
                    "language": row.language,
                    "speaker": row.speaker,
                    "gender": row.gender,
                    "intensity": row.intensity,
                    "fold": int(row.speaker) - 1,
                    "seed": seed,
                    "emotion": row.emotion,
                    "predicted": row.emotion if is_right else str(rng.choice(wrong)),
                    "confidence": float(rng.uniform(0.4, 1.0)),
                }
            )
    return pd.DataFrame(rows)


@contextmanager
def little_disk(limit_bytes: int = 500) -> Iterator[None]:
    """Writing beyond a few bytes fails, as on a disk that is full (Linux and macOS)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def one_torch_thread() -> None:
    """One thread and deterministic algorithms; unlike `prepare_torch`, denormals stay as they are.

    Hypothesis refuses to draw floats where denormals are flushed to zero.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
