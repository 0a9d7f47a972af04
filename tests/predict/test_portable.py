"""An exported model answers as the model does, without PyTorch, whatever a clip is batched with."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile as sf
import torch
from typer.testing import CliRunner

import ser
from ser.cli import app
from ser.clips.audio import SAMPLE_RATE_HZ, Int16
from ser.core.errors import SerError
from ser.export.onnx_file import export_onnx
from ser.models.network import build_network
from ser.predict.answers import TRAINED
from ser.predict.model import Predictor
from ser.predict.portable import KEY, OnnxPredictor
from ser.predict.recogniser import ANYBODY
from ser.reading.normalization import Normalizer
from ser.store.features import Layout
from tests.builders import CORPUS, REPOSITORY
from tests.conftest import Refused, case
from tests.predict.conftest import Project

# of 1e-4 that are promised
_NEAR = 1e-5
_WITHOUT_TORCH = """
import sys
for name in ("torch", "onnx", "torchaudio", "sklearn", "librosa"):
    sys.modules[name] = None  # its import fails
from ser.cli import app
try:
    app()
finally:
    loaded = [name for name in sys.modules if name.partition(".")[0] == "torch"]
    assert loaded == ["torch"], loaded
"""


@pytest.fixture(scope="module")
def exported(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "new folder/model.onnx"
    export_onnx(ser.load(project.released), path)
    return path


def clips(project: Project) -> tuple[list[Int16], list[str]]:
    """Voices, and sounds of other lengths, with their corpora."""
    rng = np.random.default_rng(0)
    voices = [project.samples(clip) for clip in project.data.clips["clip"][::9]]
    lengths = (0, 1, 799, 801, 4_000, 5_123, 16_000, 33_333)
    others = [rng.normal(0, 900, length).astype(np.int16) for length in lengths]
    corpora = [CORPUS] * len(voices) + [ANYBODY, "never heard of", CORPUS, *[ANYBODY] * 5]
    return [*voices, *others], corpora


def with_part(model: Predictor, share: float, normalizer: Normalizer) -> Predictor:
    voices = []
    for voice in model.voices:
        network = replace(voice.model.network, normalizer=normalizer)
        linear = voice.model.linear if share else None
        changed = replace(voice.model, network=network, linear=linear, share=share)
        voices.append(replace(voice, model=changed))
    return replace(model, voices=tuple(voices))


def kinds(project: Project) -> Iterator[tuple[str, Predictor]]:
    """Models that differ in what becomes nodes of the graph."""
    model = ser.load(project.released)
    normalizer = model.voices[0].model.network.normalizer
    wide = torch.linspace(0.5, 3.0, len(normalizer.mean))
    yield "released", model
    yield "folds", ser.load(project.models / CORPUS)
    yield "network alone", with_part(model, 0.0, normalizer)
    yield "linear part alone", with_part(model, 1.0, normalizer)
    yield "by training clips", with_part(model, 0.4, Normalizer("train", wide - 9, wide))
    yield "by each clip", with_part(model, 0.4, Normalizer("clip", wide, wide))
    bare = replace(model.voices[0].model, warps=())
    yield "no warps", replace(model, voices=(replace(model.voices[0], model=bare),))


def test_it_answers_as_the_model_does_alone_and_in_company(inside: Project, tmp_path: Path) -> None:
    sounds, corpora = clips(inside)
    order = np.random.default_rng(1).permutation(len(sounds))
    for name, model in kinds(inside):
        with case(name):
            path = tmp_path / f"{name}.onnx"
            export_onnx(model, path)
            written = ser.load_onnx(path)
            expected = np.array(model.probabilities(sounds, corpora))
            together = np.array(written.probabilities(sounds, corpora))
            alone = [
                written.probabilities([sound], [corpus])
                for sound, corpus in zip(sounds, corpora, strict=True)
            ]
            mixed = written.probabilities(
                [sounds[n] for n in order[::2]], [corpora[n] for n in order[::2]]
            )
            assert np.abs(together - expected).max() < _NEAR
            assert np.abs(np.concatenate(alone, axis=1) - expected).max() < _NEAR
            assert np.abs(np.array(mixed) - expected[:, order[::2]]).max() < _NEAR
            assert (written.id, written.protocol) == (model.id, model.protocol)
            assert written.emotions == model.emotions
            assert written.predict_clips([]).shape == (0, len(model.emotions))


def test_what_stands_behind_the_end_of_a_clip_changes_nothing(exported: Path) -> None:
    session = ser.load_onnx(exported).session
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, (3, 90, 32)).astype(np.float32)
    counts = {each.name: each.shape for each in session.get_inputs()}
    given = {
        "features": values,
        "rows": np.array([90, 41, 3]),
        "functionals": rng.normal(size=(3, counts["functionals"][1])),
        "corpus": np.zeros(3, np.int64),
    }
    before = session.run(["calibrated"], given)[0]
    for rubbish in (0.0, 1e30, np.nan, np.inf):
        with case(rubbish):
            for clip, rows in enumerate(given["rows"]):
                values[clip, rows:] = rubbish
            found = session.run(["calibrated"], given)[0]
            assert np.array_equal(found, before)
            (alone,) = session.run(
                ["calibrated"],
                {
                    name: array[1:2, :41] if name == "features" else array[1:2]
                    for name, array in given.items()
                },
            )
            assert np.allclose(alone[:, 0], before[:, 1], atol=_NEAR)


def test_the_command_says_the_same_without_torch(
    inside: Project, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a.wav", "b.wav", "none.wav", "talk.wav"]
    for name, clip in zip(names, (0, 20), strict=False):
        shutil.copy(inside.path(inside.data.clips["clip"].iloc[clip]), tmp_path / name)
    voices = [inside.samples(clip) for clip in inside.data.clips["clip"][:9:2]]
    talk = [part for voice in voices for part in (voice, np.zeros(20_000, np.int16))]
    sf.write(tmp_path / "talk.wav", np.concatenate(talk), SAMPLE_RATE_HZ)
    monkeypatch.chdir(tmp_path)
    there = CliRunner().invoke(app, ["predict", "--model", str(inside.released), *names, "--json"])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, "predict", "--onnx", exported, *names, "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == there.exit_code == 1, done.stderr
    assert done.stdout.count("\n") > 4
    assert TRAINED in done.stdout
    for line, wanted in zip(done.stdout.splitlines(), there.stdout.splitlines(), strict=True):
        answer, expected = (json.loads(each) for each in (line, wanted))
        shares = answer.pop("probabilities"), expected.pop("probabilities")
        assert shares[0] == pytest.approx(shares[1], abs=_NEAR)
        assert answer.pop("calibrated") == pytest.approx(expected.pop("calibrated"), abs=_NEAR)
        assert answer == expected
    assert done.stderr == there.stderr == "error: none.wav is missing.\n"


def test_folds_that_held_a_clip_out_answer_it(inside: Project, tmp_path: Path) -> None:
    model = ser.load(CORPUS)
    export_onnx(model, tmp_path / "folds.onnx")
    written = ser.load_onnx(tmp_path / "folds.onnx")
    for row in inside.predictions.to_dict("records")[::13]:
        with case(row["clip"]):
            (answer,) = written.predict(inside.path(row["clip"]))
            (expected,) = model.predict(inside.path(row["clip"]))
            assert answer.model == expected.model == f"{CORPUS}/seed_0/fold_{row['fold']:02d}"
            assert answer.warnings == expected.warnings
            assert answer.confidence == pytest.approx(expected.confidence, abs=_NEAR)


def test_the_command_writes_the_same_bytes_each_time(
    inside: Project, exported: Path, tmp_path: Path
) -> None:
    for words in (["onnx", "a.onnx"], ["--onnx", "a.onnx"]):
        path = tmp_path / "a.onnx"
        whole = ["export", *words[:-1], str(path), "--model", str(inside.released)]
        assert CliRunner().invoke(app, whole).exit_code == 0
        assert path.read_bytes() == exported.read_bytes()
        path.unlink()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_a_sentence(
    inside: Project, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ser.load()
    out = tmp_path / "model.onnx"
    with refused("is not called like an ONNX file"):
        export_onnx(model, tmp_path / "model.txt")
    voice = model.voices[0]
    layout = Layout("waveform", 32, 16_000.0, neighbours=True, window_ms=32, hop_ms=10)
    network = voice.model.network
    heard = build_network("cnn", network.network.settings, layout, len(model.emotions))
    other = replace(voice.model, network=replace(network, network=heard.eval()))
    with refused("front end `waveform`", "cannot be written as ONNX"):
        export_onnx(replace(model, voices=(replace(voice, model=other),)), out)
    wrong = replace(voice, temperature=0.5)
    monkeypatch.setattr(
        "ser.export.onnx_file.load_onnx", lambda path: replace(model, voices=(wrong,))
    )
    with refused("answers otherwise than the model"):
        export_onnx(model, out)
    monkeypatch.delitem(sys.modules, "ser.export.graph")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with refused("needs the package onnx", "pip install"):
        export_onnx(model, out)
    assert list(tmp_path.iterdir()) == []


def damages(path: Path) -> Iterator[tuple[str, bytes]]:
    content = path.read_bytes()
    yield "empty", b""
    yield "text", b"no model at all"
    yield "cut", content[: len(content) // 2]
    yield "a hole", content[:5_000] + bytes(300) + content[5_300:]
    model = onnx.load_from_string(content)
    del model.metadata_props[:]
    yield "no card", model.SerializeToString()
    card = onnx.load_from_string(content).metadata_props[0].value
    changes = {
        '"version":1': '"version":2',
        '"neutral"': '"nobody"',
        '"log_mel"': '"encoder"',
        '"n_mels":32': '"n_mels":40',
        '"corpora":["",': '"corpora":["more","",',
        '"unsure":': '"unsure":-',
        '"mean":"': '"mean":"AAAA',
        '"voices":[': '"voices":["another",',
    }
    for before, after in changes.items():
        assert before in card, before
        model.metadata_props.add(key=KEY, value=card.replace(before, after, 1))
        yield f"{before} as {after}", model.SerializeToString()
        del model.metadata_props[:]


def test_a_damaged_file_is_a_sentence(
    exported: Path, tmp_path: Path, refused: Refused, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "damaged.onnx"
    for name, content in damages(exported):
        with case(name):
            path.write_bytes(content)
            with refused("damaged.onnx is no model of this version of `ser export onnx`"):
                ser.load_onnx(path)
    with refused("is missing"):
        ser.load_onnx(tmp_path / "none.onnx")
    with refused("is missing"):
        ser.load_onnx(tmp_path)
    with refused("name it by --onnx"):
        ser.load(exported)
    printed = capfd.readouterr()
    assert printed.err + printed.out == "", "onnxruntime says something of its own"


def test_one_model_is_chosen(exported: Path) -> None:
    done = CliRunner().invoke(app, ["predict", "a.wav", "--onnx", str(exported), "--model", "b"])
    assert isinstance(done.exception, SerError)
    assert "exclude each other" in str(done.exception)


def test_the_package_names_it() -> None:
    assert ser.OnnxPredictor is OnnxPredictor
