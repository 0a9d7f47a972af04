"""When answers can be believed, and how often those that cannot are flagged.

`python -m benchmarks.trust` measures the released model, and models of its recipe that held
speakers or a whole corpus out. It needs `make repro` before it, and for some rows a mirror of
corpora that nobody trained on, and espeak-ng. Results go to `docs/trust*.csv` and `docs/trust.png`.
"""

import io
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile as sf
from tqdm import tqdm

from benchmarks.figures import draw_trust
from ser.clips.audio import SAMPLE_RATE_HZ
from ser.clips.manifest import clip_path
from ser.core.entry import run
from ser.core.files import write_csv
from ser.core.scoring import unweighted_average_recall
from ser.core.settings import Values, load_values
from ser.core.workers import use_one_thread
from ser.download.source import find_mirror
from ser.evaluation.baselines import train_linear
from ser.evaluation.predictions import read_predictions
from ser.guards.checks import Purpose
from ser.guards.folds import in_order
from ser.models.settings import Linear
from ser.models.storage import TrainedLinear
from ser.predict.answers import WARNINGS, Answer
from ser.predict.model import Predictor, load
from ser.predict.recogniser import ANYBODY
from ser.predict.release import Release, load_plan
from ser.predict.voices import for_anybody
from ser.reading.data import SystemData, load_system
from ser.reading.reader import Reader

DATA, DOCS, MODELS = Path("data"), Path("docs"), Path("models")
# corpora that no system trains on
STRANGERS = ("urdu", "turev")
# every such clip is taken
_EVERY = 8
_MADE = 60
_SENTENCES = (
    ("en-us", "Kids are talking by the door"),
    ("en-gb", "The train leaves at seven in the morning"),
    ("en-us", "I never want to see you again"),
    ("en-gb", "What a beautiful day this is"),
    ("de", "Der Lappen liegt auf dem Eisschrank"),
    ("de", "Das will sie am Mittwoch abgeben"),
    ("it", "Gli operai si alzano presto"),
    ("it", "Vorrei il numero telefonico del signor Piatti"),
    ("es", "No me digas que llegaste tarde"),
    ("es", "El perro duerme debajo de la mesa"),
)
_VOICES = ("m1", "f2", "m3", "f4")

Sound = npt.NDArray[np.float64]


def noises(rng: np.random.Generator) -> Iterator[Sound]:
    """White noise of 1.5 to 4 s, from -50 to -10 dB of full scale."""
    for _ in range(_MADE):
        level = 10 ** (rng.uniform(-50, -10) / 20)
        yield level * rng.standard_normal(int(SAMPLE_RATE_HZ * rng.uniform(1.5, 4)))


def tones(rng: np.random.Generator) -> Iterator[Sound]:
    """Plucked tones of a scale, with a few harmonics."""
    for _ in range(_MADE):
        notes = [_note(rng) for _ in range(rng.integers(4, 12))]
        melody = np.concatenate(notes)
        yield melody / np.abs(melody).max() * 10 ** (rng.uniform(-30, -10) / 20)


def _note(rng: np.random.Generator) -> Sound:
    times = np.arange(int(SAMPLE_RATE_HZ * rng.uniform(0.15, 0.6))) / SAMPLE_RATE_HZ
    pitch_hz = 220 * 2 ** (rng.integers(0, 24) / 12)
    harmonics = range(1, rng.integers(2, 7))
    waves = [np.sin(2 * np.pi * pitch_hz * n * times + rng.uniform(0, 6)) / n for n in harmonics]
    sound: Sound = sum(waves) * np.exp(-times * rng.uniform(1, 5)) * np.minimum(1, times / 0.01)
    return sound


def silences(rng: np.random.Generator) -> Iterator[Sound]:
    """Nothing at all, and the noise of a quiet room."""
    for number in range(_MADE):
        level = 10 ** (rng.uniform(-90, -65) / 20) if number % 2 else 0.0
        yield level * rng.standard_normal(int(SAMPLE_RATE_HZ * rng.uniform(1.5, 4)))


def spoken(rng: np.random.Generator) -> Iterator[Sound]:
    """What espeak-ng says, in four voices; nothing where it is not installed."""
    if not shutil.which("espeak-ng"):
        return
    for number in range(_MADE):
        language, text = _SENTENCES[number % len(_SENTENCES)]
        voice = f"{language}+{_VOICES[number // len(_SENTENCES) % len(_VOICES)]}"
        pitch, speed = (str(rng.integers(*bounds)) for bounds in ((20, 80), (120, 220)))
        words = ["espeak-ng", "-v", voice, "-p", pitch, "-s", speed, "--stdout", text]
        wav = subprocess.run(words, check=True, capture_output=True).stdout
        sound, rate_hz = sf.read(io.BytesIO(wav))
        yield np.asarray(sound) if rate_hz == SAMPLE_RATE_HZ else _resampled(sound, rate_hz)


def _resampled(sound: Sound, rate_hz: int) -> Sound:
    import soxr

    return np.asarray(soxr.resample(sound, rate_hz, SAMPLE_RATE_HZ))


MADE = {
    "white noise": noises,
    "sequences of tones": tones,
    "silence": silences,
    "espeak-ng": spoken,
}


def one_answer(answers: list[Answer]) -> Answer:
    """The answer to the longest stretch of a recording."""
    return max(answers, key=lambda answer: answer.end - answer.begin)


def held_out_answers(system: Predictor, data: SystemData) -> Iterator[tuple[Answer, str]]:
    """Answers to clips as if nobody knew them, by models that held their speakers out."""
    for row in tqdm(list(data.tested.iloc[::_EVERY].itertuples()), desc="held-out speakers"):
        honest = tuple(voice for voice in system.voices if not voice.knows(row.clip))
        stranger = replace(system, voices=honest, known={})
        path = clip_path(DATA / "corpora" / row.corpus, row.clip)
        yield one_answer(stranger.predict(path)), row.emotion


def flags_row(sound: str, given: Iterable[tuple[Answer, str]]) -> dict[str, Any] | None:
    """How often what was heard is flagged, and how often answers are right; None of nothing.

    Emotions that the model does not know are left out of accuracies.
    """
    pairs = list(given)
    if not pairs:
        return None
    answers = [answer for answer, _ in pairs]
    scored = [(answer, right) for answer, right in pairs if right in answer.probabilities]
    plain = [(answer, right) for answer, right in scored if not answer.warnings]
    flags = {
        warning: _percent([warning in answer.warnings for answer in answers])
        for warning in WARNINGS[:-1]
    }
    return {
        "sound": sound,
        "recordings": len(answers),
        **flags,
        "any": _percent([bool(answer.warnings) for answer in answers]),
        "accuracy": _percent([answer.emotion == right for answer, right in scored]),
        "accuracy_unflagged": _percent([answer.emotion == right for answer, right in plain]),
    }


def _percent(found: list[bool]) -> float:
    return 100 * float(np.mean(found)) if found else float("nan")


def flags_table(model: Predictor, system: Predictor, data: SystemData) -> pd.DataFrame:
    """One row a kind of sound: held-out speakers, strangers, and what is nobody's voice."""
    rows = [flags_row("held-out speakers", held_out_answers(system, data))]
    mirror = find_mirror(Path())
    for corpus in STRANGERS if mirror else ():
        files = sorted((mirror / corpus).rglob("*.flac")) if mirror else []
        known = [(path, path.parent.name.lower()) for path in files]
        rows.append(
            flags_row(
                corpus,
                (
                    (one_answer(model.predict(path)), emotion)
                    for path, emotion in tqdm(known[:: _EVERY // 2], desc=corpus)
                ),
            )
        )
    for name, make in MADE.items():
        sounds = tqdm(make(np.random.default_rng(0)), desc=name)
        rows.append(
            flags_row(name, ((one_answer(model.predict(x, SAMPLE_RATE_HZ)), "") for x in sounds))
        )
    return pd.DataFrame([row for row in rows if row])


def coverage_table(systems: Mapping[str, pd.DataFrame], unsure: float) -> pd.DataFrame:
    """Accuracy of the surest answers to held-out speakers, by the share that is kept.

    Args:
        systems: committed predictions by system.
        unsure: threshold of the released model, which has a row of its own in each system.
    """
    rows = []
    for name, table in systems.items():
        ordered = table.sort_values("calibrated", ascending=False, kind="stable")
        right = (ordered["emotion"] == ordered["predicted"]).to_numpy()
        confidence = ordered["calibrated"].to_numpy()
        counts = {f"{share} %": round(len(right) * share / 100) for share in range(10, 101, 10)}
        counts["not unsure"] = int((confidence >= unsure).sum())
        for kept, count in counts.items():
            rows.append(
                {
                    "system": name,
                    "kept": kept,
                    "coverage": 100 * count / len(right),
                    "confidence": confidence[count - 1] if count else np.nan,
                    "accuracy": 100 * right[:count].mean() if count else np.nan,
                }
            )
    return pd.DataFrame(rows)


def strangers_table(values: Values, data: SystemData) -> pd.DataFrame:
    """UAR of the linear part on a corpus that did not train, by how it is standardised."""
    cost, rows = values.section("linear", Linear).c, []
    corpora = sorted(data.clips["corpus"].unique())
    for fold, corpus in enumerate(corpora):
        tested = data.clips["corpus"] == corpus
        clips = data.clips[tested | data.clips["emotion"].isin(data.clips.loc[tested, "emotion"])]
        roles = np.where(clips["corpus"] == corpus, "test", "train")
        folds = in_order(pd.DataFrame({"fold": fold, "clip": clips["clip"], "role": roles}))
        held = replace(data, folds=folds)
        linear = for_anybody(train_linear(held, fold, cost))
        known = held.with_role(fold, "test")
        known = known[known["emotion"].isin(linear.emotions)]
        values_of = Reader(held, fold).functionals(known, Purpose.TEST)
        for way, said in _ways(linear, values_of):
            predicted = [linear.emotions[number] for number in said.argmax(axis=1)]
            score = unweighted_average_recall(known["emotion"].tolist(), predicted)
            rows.append({"corpus": corpus, "standardised by": way, "uar": score})
    return pd.DataFrame(rows)


def _ways(
    linear: TrainedLinear, values: npt.NDArray[np.float64]
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    model, trained = linear.model, [name for name in linear.model.mean if name != ANYBODY]
    yield "all training clips together", model.predict(values, [ANYBODY] * len(values))
    each = [model.predict(values, [corpus] * len(values)) for corpus in trained]
    yield "each training corpus, answers averaged", np.mean(each, axis=0)
    own = replace(
        model,
        mean={"own": values.mean(axis=0).astype(np.float32)},
        scale={"own": np.maximum(values.std(axis=0), 1e-9).astype(np.float32)},
    )
    yield "its own clips (transductive)", own.predict(values, ["own"] * len(values))


def main() -> None:
    """Measure everything."""
    use_one_thread()
    values, model = load_values(), load()
    name = values.section("release", Release).system
    data = load_system(load_plan(values).system, DATA)
    tables = {
        each: Path("plots/systems") / each / "predictions.csv"
        for each in sorted(data.clips["corpus"].unique())
    }
    tables[name] = Path("plots/studies/protocols") / f"{name}_predictions.csv"
    systems = {each: read_predictions(path) for each, path in tables.items() if path.is_file()}
    coverage = coverage_table(systems, model.trust.unsure)
    flags = flags_table(model, load(MODELS / "studies" / name), data)
    write_csv(DOCS / "trust_coverage.csv", coverage, decimals=2)
    write_csv(DOCS / "trust.csv", flags, decimals=1)
    write_csv(DOCS / "trust_strangers.csv", strangers_table(values, data), decimals=1)
    draw_trust(coverage, flags, DOCS / "trust.png")
    print(flags.to_string(index=False))


if __name__ == "__main__":
    run(main)
