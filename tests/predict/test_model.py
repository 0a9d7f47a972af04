"""Answers for recordings: what is answered, by whom, and with which warnings."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import ser
from ser.clips.audio import SAMPLE_RATE_HZ
from ser.core.errors import SerError
from ser.core.tables import Table
from ser.evaluation.calibration import soften
from ser.evaluation.predictions import read_predictions
from ser.models.inference import predict_clip
from ser.predict.answers import CLIPPED, NO_SPEECH, QUIET, SHORT, TRAINED, UNLIKE, WARNINGS
from ser.predict.model import Predictor
from tests.builders import CORPUS, REPOSITORY
from tests.conftest import Refused, case
from tests.predict.conftest import Project

RATE = SAMPLE_RATE_HZ


@pytest.fixture
def model(inside: Project) -> Predictor:
    return ser.load()


def committed(project: Project) -> dict[str, dict[str, str]]:
    """What `evaluate` has written of every clip, as text."""
    path = project.folder / "plots/systems" / CORPUS / "predictions.csv"
    table = Table("The table", {}).read(path)
    return {row["clip"]: row for row in table.astype(object).to_dict("records")}


def foreign(project: Project, parts: int = 2, pause_s: float = 1.5) -> np.ndarray:
    """Voices with pauses around them, which no corpus holds like that."""
    clips = [project.samples(clip) for clip in project.data.clips["clip"][: parts * 7 : 7]]
    pause = np.zeros(int(pause_s * RATE), np.int16)
    return np.concatenate([pause, *(part for clip in clips for part in (clip, pause))])


def test_a_clip_of_a_corpus_is_answered_as_evaluate_has_answered_it(
    model: Predictor, project: Project
) -> None:
    for clip, row in committed(project).items():
        with case(clip):
            (answer,) = model.predict(project.path(clip))
            assert answer.emotion == row["predicted"]
            assert f"{answer.confidence:.6f}" == f"{row['calibrated']:.6f}"
            assert answer.model == f"{CORPUS}/seed_0/fold_{row['fold']:02d}"
            assert answer.protocol == row["protocol"] == "leave_one_speaker_out"
            assert TRAINED not in answer.warnings
            for emotion, value in answer.probabilities.items():
                raw = {name: row[f"p_{name}"] for name in answer.probabilities}
                share = soften(np.array([list(raw.values())]), row["temperature"])[0]
                expected = dict(zip(raw, share.tolist(), strict=True))[emotion]
                assert value == pytest.approx(expected, abs=2e-6)


def test_probabilities_before_calibration_are_those_of_evaluate(
    model: Predictor, project: Project
) -> None:
    folds = ser.load(Path("models") / CORPUS)
    for row in project.predictions.to_dict("records")[::5]:
        (voice,) = [voice for voice in folds.voices if not voice.knows(row["clip"])]
        own = Predictor((voice,), folds.hearing, folds.trust, {}, {})
        raw, _ = own.probabilities([project.samples(row["clip"])], [CORPUS])
        expected = [row[f"p_{emotion}"] for emotion in own.emotions]
        assert raw[0].tolist() == pytest.approx(expected, abs=1e-12)


def test_without_a_model_that_held_it_out_a_training_clip_is_called_so(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ser.predict.released.RELEASED", project.released)
    monkeypatch.chdir(tmp_path)
    clip = project.data.clips["clip"].iloc[0]
    (answer,) = ser.load().predict(project.path(clip))
    assert TRAINED in answer.warnings
    assert answer.protocol == "everybody_trains"


def test_a_fold_that_trained_on_a_clip_leaves_it_to_the_one_that_did_not(
    inside: Project,
) -> None:
    row = inside.predictions.iloc[0]
    others = [fold for fold in inside.data.fold_numbers if fold != row["fold"]]
    fold = ser.load(f"models/{CORPUS}/seed_0/fold_{others[0]:02d}.safetensors")
    assert fold.id.endswith(f"fold_{others[0]:02d}")
    (answer,) = fold.predict(inside.path(row["clip"]))
    assert answer.model.endswith(f"fold_{row['fold']:02d}")


def test_every_stretch_of_speech_has_an_answer_and_no_pause_has(
    model: Predictor, project: Project
) -> None:
    samples = foreign(project)
    answers = model.predict(samples, rate=RATE)
    assert len(answers) == 2
    assert 1.2 < answers[0].begin < 1.6 < answers[0].end < answers[1].begin
    for answer in answers:
        assert sum(answer.probabilities.values()) == pytest.approx(1.0)
        assert answer.emotion == max(answer.probabilities, key=answer.probabilities.__getitem__)
        assert answer.confidence == answer.probabilities[answer.emotion]
        assert set(answer.warnings) <= set(WARNINGS)
        assert answer.model == model.id
        assert pickle.loads(pickle.dumps(answer)) == answer
    assert model.predict(samples, rate=RATE) == answers, "the second answer is another"


def test_what_is_no_speech_is_answered_once_and_flagged(model: Predictor) -> None:
    rng = np.random.default_rng(0)
    silence = np.zeros(2 * RATE, np.int16)
    (answer,) = model.predict(silence, rate=RATE)
    assert {NO_SPEECH, QUIET, UNLIKE} <= set(answer.warnings)
    assert (answer.begin, answer.end) == (0.0, 2.0)
    (answer,) = model.predict(rng.normal(0, 0.02, 90 * RATE), rate=RATE)
    assert {NO_SPEECH, UNLIKE} <= set(answer.warnings)
    assert (answer.begin, answer.end) == (0.0, 90.0)


def test_levels_and_lengths_are_flagged(model: Predictor, project: Project) -> None:
    voice = project.samples(project.data.clips["clip"].iloc[3]).astype(np.float64) / 32_768
    plain = model.predict(np.append(voice, 0.0), rate=RATE)[0].warnings
    assert not {NO_SPEECH, QUIET, CLIPPED} & set(plain)
    loud = np.clip(voice * 40, -1, 1)
    assert CLIPPED in model.predict(loud, rate=RATE)[0].warnings
    short = model.predict(voice[: RATE // 2], rate=RATE)[0]
    assert {SHORT, NO_SPEECH} & set(short.warnings)


def test_the_way_a_recording_is_stored_makes_no_difference(
    model: Predictor, project: Project, tmp_path: Path
) -> None:
    samples = foreign(project, 1).astype(np.float64) / 32_768
    expected = model.predict(samples, rate=RATE)[0]
    two = np.stack([samples, samples], 1)
    for name, sound, kind in (
        ("a.wav", samples, "PCM_24"),
        ("b.wav", two, "FLOAT"),
        ("c.flac", two, "PCM_16"),
        ("d.aiff", samples, "PCM_16"),
        ("e.ogg", samples, "VORBIS"),
        ("f.mp3", samples, "MPEG_LAYER_III"),
    ):
        with case(name):
            sf.write(tmp_path / name, sound, RATE, subtype=kind)
            answer = model.predict(tmp_path / name)[0]
            near = 0.4 if kind in ("VORBIS", "MPEG_LAYER_III") else 1e-3
            assert answer.begin == pytest.approx(expected.begin, abs=0.1)
            assert answer.confidence == pytest.approx(expected.confidence, abs=near)
            assert answer.file == str(tmp_path / name)
    with (tmp_path / "a.wav").open("rb") as file:
        assert model.predict(file)[0].emotion == expected.emotion


def sentence_about(model: Predictor, path: Path) -> str:
    """What is said of a file that cannot be read; nothing if it has answers."""
    try:
        return "" if model.predict(path) else "nothing is said"
    except SerError as error:
        return str(error)


def test_damaged_files_are_answered_or_refused_in_a_sentence(
    model: Predictor, project: Project, tmp_path: Path
) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "damaged"
    samples = project.samples(project.data.clips["clip"].iloc[0])
    outcomes = set()
    for form in ("WAV", "FLAC", "OGG", "AIFF", "CAF"):
        sf.write(path, samples, RATE, format=form)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for number in range(8):
            damaged = whole[: rng.integers(1, len(whole))] if number % 2 else whole.copy()
            places = rng.integers(0, min(200, len(damaged)), 12)
            damaged = damaged.copy()
            damaged[places] = rng.integers(0, 256, 12)
            path.write_bytes(damaged.tobytes())
            with case(form, number):
                outcomes.add(sentence_about(model, path))
    assert "" in outcomes, "none of them was read"
    assert len(outcomes) > 1, "all of them were read"
    assert all(each.endswith(".") and "\n" not in each for each in outcomes if each)


def test_arrays_that_are_no_sound_are_refused(model: Predictor, refused: Refused) -> None:
    with refused("rate="):
        model.predict(np.zeros(100, np.int16))
    with refused("shape", "float"):
        model.predict(np.zeros((2, 3, 4), np.float32), rate=RATE)
    with refused("complex128"):
        model.predict(np.zeros(100, complex), rate=RATE)
    with refused("no numbers"):
        model.predict(np.full(100, np.nan), rate=RATE)
    with refused("12 samples a second"):
        model.predict(np.zeros(100), rate=12)
    with refused("no sound"):
        model.predict(np.zeros(0), rate=RATE)
    assert model.predict(np.zeros(1), rate=RATE), "one sample is a sound, if a short one"


def test_a_model_that_is_not_there_is_named(
    inside: Project, tmp_path: Path, refused: Refused
) -> None:
    with refused("nothing_here"):
        ser.load("nothing_here")
    with refused("no models in"):
        ser.load(tmp_path)
    (tmp_path / "fold_00.safetensors").write_bytes(b"junk")
    with refused("params.yaml"):
        ser.load(tmp_path / "fold_00.safetensors")


def test_folds_answer_a_stranger_together(inside: Project) -> None:
    system = ser.load(CORPUS)
    samples = foreign(inside, 1)
    assert len(system.voices) == len(inside.data.fold_numbers)
    alone = [
        Predictor((voice,), system.hearing, system.trust, {}, {}).predict_clips([samples])
        for voice in system.voices
    ]
    assert np.allclose(system.predict_clips([samples]), np.mean(alone, axis=0))
    assert system.id == f"{CORPUS}/seed_0"


def test_the_embedding_is_what_the_last_layer_sees(model: Predictor, project: Project) -> None:
    samples = project.samples(project.data.clips["clip"].iloc[0])
    network = model.voices[0].model.network
    seen = model.embed(samples)
    assert seen.dtype == np.float32
    weight, bias = network.network.classifier.weight, network.network.classifier.bias
    logits = weight.detach().numpy() @ seen + bias.detach().numpy()
    features = network.normalizer(model.hearing.features(samples))
    expected = predict_clip(network.network, features).numpy()
    assert np.allclose(np.exp(logits) / np.exp(logits).sum(), expected, atol=1e-5)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, ser; ser.load; print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.real
def test_a_real_clip_is_answered_as_evaluate_has_answered_it(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    if not Path("models/ravdess/seed_0/fold_00.safetensors").is_file():
        pytest.skip("RAVDESS was not trained here")
    model = ser.load()
    rows = read_predictions(Path("plots/systems/ravdess/predictions.csv"))
    for row in rows[rows["seed"] == 0].iloc[::101].to_dict("records"):
        with case(row["clip"]):
            (answer,) = model.predict(mirror / f"{row['clip']}.flac")
            assert answer.emotion == row["predicted"]
            assert f"{answer.confidence:.6f}" == f"{row['calibrated']:.6f}"
