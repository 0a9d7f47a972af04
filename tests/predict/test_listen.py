"""`ser listen`, with a file in the place of the device."""

import io
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import ser
from ser.predict.answers import NO_SPEECH
from ser.predict.listen import listen, microphone, rolling_answers
from tests.conftest import Refused
from tests.predict.conftest import Project

RATE = 16_000


def device(project: Project, block: int = 1_600) -> list[np.ndarray]:
    """Two seconds of silence, voices, and four seconds of silence, as a device would give them."""
    clips = project.data.clips["clip"][:18:6]
    voices = [project.samples(clip) for clip in clips]
    silence = np.zeros(2 * RATE, np.int16)
    sound = np.concatenate([silence, *voices, silence, silence])
    return [sound[begin : begin + block] for begin in range(0, len(sound), block)]


def test_speech_is_answered_while_it_is_heard(inside: Project) -> None:
    blocks = device(inside)
    answers = list(rolling_answers(ser.load(), blocks))
    silent = [NO_SPEECH in answer.warnings for answer in answers]
    assert silent[0]
    assert silent[-1]
    assert not all(silent)
    assert len(answers) == sum(map(len, blocks)) // (RATE // 2)
    assert all(answer.end - answer.begin <= 3.0 for answer in answers)


def test_bars_are_shown_and_answers_kept(inside: Project, tmp_path: Path) -> None:
    out, save = io.StringIO(), tmp_path / "heard.json"
    console = Console(file=out, force_terminal=True, width=100)
    listen(ser.load(), device(inside), save, console)
    assert "█" in out.getvalue()
    assert NO_SPEECH in out.getvalue()
    kept = [json.loads(line) for line in save.read_text().splitlines()]
    assert kept
    assert all(NO_SPEECH not in each["warnings"] for each in kept)


def test_without_the_extra_or_a_device_it_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with refused("honest-ser[listen]"):
        next(microphone())

    class NoDeviceError(Exception):
        pass

    def stream(*_: object, **__: object) -> None:
        raise NoDeviceError("Error querying device -1")

    fake = types.SimpleNamespace(PortAudioError=NoDeviceError, InputStream=stream)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    with refused("no microphone", "device -1"):
        next(microphone())
