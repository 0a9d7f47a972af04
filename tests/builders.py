"""Tiny corpora, features, systems, models and parameters for tests, made in temporary folders."""

import resource
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ser.clips.audio import SAMPLE_RATE_HZ, Int16, pcm_sha256, write_wav
from ser.clips.labels import ordered
from ser.clips.listing import ClipFiles
from ser.clips.manifest import (
    COLUMNS,
    GENDERS,
    MANIFEST,
    UNKNOWN,
    clip_path,
    read_manifest,
    write_manifest,
)
from ser.core.files import write_csv, write_json
from ser.core.settings import Values, load_values
from ser.corpora import find_corpus
from ser.download.build import build_corpus
from ser.download.corpus import Corpus
from ser.download.synthetic_voice import speak, utterances
from ser.evaluation.baselines import fit_linear_folds
from ser.guards.folds import write_each_fold
from ser.guards.protocol import write_protocol
from ser.guards.selection import FOLDS, NOT_FITTING
from ser.models.network import build_network
from ser.models.storage import (
    TrainedNetwork,
    linear_folder,
    network_path,
    save_network,
    seed_folder,
)
from ser.reading.data import SystemData, load_system
from ser.reading.normalization import Normalizer
from ser.reading.settings import System
from ser.reading.stored import Stored
from ser.splits.protocols import assign_folds, find_protocol
from ser.store import features as feature_store
from ser.store import functionals as functional_store
from ser.store.features import Layout, write_layout
from ser.store.packs import Pack, write_pack
from ser.training.settings import Recipe, load_recipe

REPOSITORY = Path(__file__).parents[1]
CORPUS = "synthetic_a"
EMOTIONS = ("neutral", "happy", "sad")
BANDS = 16
LAYOUT = Layout("log_mel", BANDS, 50.0, neighbours=True)
WAVEFORM_LAYOUT = Layout(
    "waveform", BANDS, float(SAMPLE_RATE_HZ), neighbours=True, window_ms=64.0, hop_ms=20.0
)
PROTOCOL = "leave_one_speaker_out"
Features = Mapping[str, npt.NDArray[Any]]

# Small and quick, with every random effect of training off; a test switches on what it is about.
_QUICK: dict[str, Any] = {
    "corpora": [CORPUS],
    "systems": {"tiny": {"corpora": [CORPUS], "gender": "all", "protocol": PROTOCOL}},
    "optimizer": "adamw",
    "model_size": "small",
    "model_sizes.small": {
        "network": "cnn",
        "channels": [8, 8, 12],
        "stem_kernel": 5,
        "stem_stride": [2, 2],
        "time_pools": 1,
        "dropout": 0.0,
    },
    "seeds": [0],
    "features.front_end": "log_mel",
    "training.epochs": 2,
    "training.min_steps": 0,
    "training.batch_size": 8,
    "training.normalization": "clip",
    "training.crop_s": 0.6,
    "training.schedule": "one_cycle",
    "training.label_smoothing": 0.0,
    "training.mixup_alpha": 0.0,
    "training.time_warp": 0.0,
    "training.frequency_masks": 0,
    "training.time_masks": 0,
    "training.class_weight": 0.0,
    "training.frequency_warp": 0.0,
    "training.weight_average": 0.0,
    "training.checkpoint": "last",
    "training.score_every": 1,
    "training.precision": "float32",
    "prediction.warps": [],
    "linear.share": 0.0,
    "linear.helped_share": 0.0,
    "studies.training": {"seeds": [0], "model_size": "small", "epochs": 2, "min_steps": 0},
}


@cache
def _real_values() -> Values:
    return load_values(REPOSITORY / "params.yaml")


def real_values() -> Values:
    """The repository's parameters, as they stand."""
    return _real_values().changed({})


def make_values(changes: Mapping[str, Any] | None = None) -> Values:
    """The repository's parameters, made small and quick, with changes by dotted key."""
    return _real_values().changed({**_QUICK, **(changes or {})})


def make_recipe(changes: Mapping[str, Any] | None = None) -> Recipe:
    """A quick recipe of training, with changes of parameters by dotted key."""
    return load_recipe(make_values(changes))


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
    manifest: pd.DataFrame, bands: int = BANDS, steps: int = 48, noise: float = 0.3, seed: int = 0
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


def separable_functionals(
    manifest: pd.DataFrame, noise: float = 0.3, seed: int = 0
) -> pd.DataFrame:
    """Functionals of every clip that tell the emotions apart: one row a clip (its index)."""
    rng = np.random.default_rng(seed)
    names = [
        *("loudness.0.mean", "loudness.0.deviation", "duration.speech_s"),
        *("mfcc.0.mean", "mfcc.1.mean", "covariance.0.0", "covariance.0.1"),
    ]
    emotions = sorted(manifest["emotion"].unique())
    values = noise * rng.standard_normal((len(manifest), len(names)))
    for place, emotion in enumerate(manifest["emotion"]):
        values[place, emotions.index(emotion) :: len(emotions)] += 2.0
    return pd.DataFrame(values, index=manifest["clip"].tolist(), columns=names)


def write_splits(manifest: pd.DataFrame, folder: Path, protocol: str = PROTOCOL) -> None:
    """What the split stage writes for one corpus, but for one protocol only."""
    folder.mkdir(parents=True, exist_ok=True)
    for gender in (*GENDERS, UNKNOWN):
        write_manifest(folder / f"{gender}.csv", manifest[manifest["gender"] == gender])
    write_folds(folder / FOLDS / f"{protocol}.csv", assign_folds(manifest, protocol))
    write_protocol(folder / FOLDS / f"{protocol}.json", find_protocol(protocol))
    write_json(folder / NOT_FITTING, {})


def write_features(
    folder: Path, features: Features, copies: Features | None = None, layout: Layout = LAYOUT
) -> None:
    """What the featurize stage writes for one corpus; copies by name, "<clip>+<effect>"."""
    folder.mkdir(parents=True, exist_ok=True)
    items = {**features, **(copies or {})}
    index = pd.DataFrame(
        {
            "item": list(items),
            "clip": [item.partition("+")[0] for item in items],
            "effect": [item.partition("+")[2] for item in items],
            "start": write_pack(folder / feature_store.PACK, list(items.values())),
            "length": [len(values) for values in items.values()],
        }
    )
    write_csv(folder / feature_store.INDEX, index)
    write_layout(folder, layout)


def traced(work: Callable[[], Any]) -> tuple[Any, int, int]:
    """What the work gives, and the bytes that are held after it and at its peak."""
    tracemalloc.start()
    try:
        return work(), *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def built_manifest(corpus: Corpus, folder: Path) -> pd.DataFrame:
    """Build a corpus; its manifest."""
    build_corpus(corpus, folder)
    return read_manifest(folder / MANIFEST)


def write_folds(path: Path, folds: pd.DataFrame) -> None:
    """Write a fold table in the order of fold and clip."""
    write_each_fold(path, [folds])


def files_of(manifest: pd.DataFrame, corpus: Path) -> ClipFiles:
    """The files of a manifest's clips, in its order."""
    return ClipFiles.of(zip(manifest["clip"], manifest["pcm_sha256"], strict=True), corpus)


def write_functionals(folder: Path, functionals: pd.DataFrame) -> None:
    """What the stage functionals writes for one corpus; one row a clip (its index)."""
    folder.mkdir(parents=True, exist_ok=True)
    values = functionals.to_numpy(dtype=np.float32)
    write_pack(folder / functional_store.PACK, [values])
    write_pack(folder / functional_store.COPIES, [np.repeat(values, 2, axis=0)])
    write_csv(folder / functional_store.CLIPS, pd.DataFrame({"clip": functionals.index}))
    write_csv(folder / functional_store.NAMES, pd.DataFrame({"name": functionals.columns}))


def write_corpus(
    folder: Path,
    manifest: pd.DataFrame,
    features: Features | None = None,
    copies: Features | None = None,
    *,
    protocol: str = PROTOCOL,
    layout: Layout = LAYOUT,
    functionals: pd.DataFrame | None = None,
) -> None:
    """All that systems read of one corpus, below `folder` as below `data`."""
    corpus = str(manifest["corpus"].iloc[0])
    write_splits(manifest, folder / "splits" / corpus, protocol)
    features = separable_features(manifest) if features is None else features
    write_features(folder / "features" / corpus, features, copies, layout)
    if functionals is None:
        functionals = separable_functionals(manifest)
    write_functionals(folder / "functionals" / corpus, functionals)


def make_system(
    folder: Path,
    manifest: pd.DataFrame,
    features: Features | None = None,
    copies: Features | None = None,
    **more: Any,
) -> SystemData:
    """A system of one corpus whose features are given, written to `folder` and read back.

    Args:
        folder: stands for the folder `data`.
        more: goes to `write_corpus`.
    """
    write_corpus(folder, manifest, features, copies, **more)
    corpus = str(manifest["corpus"].iloc[0])
    return load_system(System(corpora=[corpus], protocol=more.get("protocol", PROTOCOL)), folder)


def tiny_system(
    folder: Path, with_copies: bool = False, protocol: str = PROTOCOL, **shape: Any
) -> SystemData:
    """A separable system of few clips; `shape` goes to `make_manifest`."""
    manifest = make_manifest(**shape)
    copies = {
        f"{clip}+noise": values for clip, values in separable_features(manifest, seed=1).items()
    }
    return make_system(folder, manifest, None, copies if with_copies else None, protocol=protocol)


def replace_rows(
    data: SystemData, folder: Path, change: Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]]
) -> SystemData:
    """The same system with the features of every item changed, in a pack of its own."""
    pack = Pack(data.packs[CORPUS])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / feature_store.PACK
    arrays = [
        change(str(row.item), pack.rows(row.start, row.length)) for row in data.index.itertuples()
    ]
    index = data.index.assign(
        start=write_pack(path, arrays), length=[len(array) for array in arrays]
    )
    return replace(data, index=index, packs={CORPUS: path})


@dataclass(frozen=True)
class _InMemory:
    values: npt.NDArray[Any]

    def rows(self, start: int, length: int) -> npt.NDArray[Any]:
        return self.values[start : start + length]

    def take(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        return self.values[numbers]


def stored(features: Sequence[torch.Tensor]) -> Stored:
    """Features as if they lay in a pack, which normalising leaves as they are."""
    lengths = np.array([len(clip) for clip in features])
    bands = features[0].shape[1]
    plain = Normalizer("train", torch.zeros(bands), torch.ones(bands))
    pack = _InMemory(torch.cat(list(features)).numpy())
    starts = np.cumsum(lengths) - lengths
    return Stored([pack], np.zeros_like(lengths), starts, lengths, [plain] * len(features))


def honest_uses(data: SystemData, fold: int) -> dict[str, set[str]]:
    """What a model of a fold may say that it was made from."""
    held = {role: set(data.with_role(fold, role)["clip"]) for role in ("train", "validation")}
    return {
        "training": held["train"],
        "fitting statistics": held["train"],
        "watching and choosing the epoch": held["validation"],
    }


def random_network(
    data: SystemData,
    fold: int,
    seed: int = 0,
    always: int | None = None,
    recipe: Recipe | None = None,
) -> TrainedNetwork:
    """An untrained network; `always` makes it name one emotion whatever it hears."""
    recipe = recipe or make_recipe()
    emotions = tuple(ordered(data.clips["emotion"]))
    torch.manual_seed(100 * fold + seed)
    model = recipe.model
    network = build_network(model.network, model.settings, data.layout, len(emotions)).eval()
    if always is not None:
        torch.nn.init.zeros_(network.classifier.weight)
        network.classifier.bias.data = 5 * torch.eye(len(emotions))[always]
    bands = data.layout.bands
    normalizer = Normalizer("train", torch.zeros(bands), torch.full((bands,), 2.0))
    uses = honest_uses(data, fold)
    return TrainedNetwork(
        emotions, fold, uses, model.network, network, normalizer, seed, "float32 DEFAULT"
    )


def write_models(
    data: SystemData,
    models: Path,
    seeds: Sequence[int] = (0,),
    with_linear: bool = False,
    make: Callable[[SystemData, int, int], TrainedNetwork] = random_network,
) -> Path:
    """Models of a system as train and baselines write them; `make` gives each network."""
    for seed in seeds:
        seed_folder(models, seed).mkdir(parents=True, exist_ok=True)
        for fold in data.fold_numbers:
            path = network_path(seed_folder(models, seed), fold)
            save_network(path, make(data, fold, seed))
    if with_linear:
        linear_folder(models).mkdir(parents=True, exist_ok=True)
        fit_linear_folds(data, 0.01, linear_folder(models))
    return models


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
    return built_manifest(replace(corpus, generate=generate, expected=few), folder)


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
