"""`ser listen`: what is heard now, as bars in the terminal."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ser.clips.audio import SAMPLE_RATE_HZ, Int16
from ser.core.errors import SerError
from ser.predict.answers import NO_SPEECH, Answer
from ser.predict.recogniser import Recogniser
from ser.predict.speech import Stretch, stretches

# what is answered: the last seconds, anew every so often
_WINDOW_S, _STEP_S = 3.0, 0.5
_WIDTH = 40


def microphone() -> Iterator[Int16]:
    """Blocks of canonical samples from the default device, without an end.

    Raises:
        SerError: if sounddevice is not installed, or there is no device.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: its library of the system is missing
        raise SerError(
            f"ser listen needs sounddevice and PortAudio ({error}); install them by "
            "`pip install 'honest-ser[listen]'` (on Debian also `apt install libportaudio2`)."
        ) from None
    heard: Queue[Int16] = Queue()

    def keep(block: Any, *_: object) -> None:
        heard.put(block[:, 0].copy())

    try:
        with sounddevice.InputStream(
            SAMPLE_RATE_HZ, int(_STEP_S * SAMPLE_RATE_HZ), channels=1, dtype="int16", callback=keep
        ):
            while True:
                yield heard.get()
    except (sounddevice.PortAudioError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"There is no microphone to listen to ({reason}); plug one in.") from None


def rolling_answers(model: Recogniser, blocks: Iterable[Int16]) -> Iterator[Answer]:
    """The answer to the last seconds, after every step; pauses have the warning `no speech`.

    Args:
        blocks: canonical samples of any length, each of shape (frames,).
    """
    window, step = int(_WINDOW_S * SAMPLE_RATE_HZ), int(_STEP_S * SAMPLE_RATE_HZ)
    last, waiting, heard = np.zeros(0, np.int16), 0, 0
    for block in blocks:
        last = np.concatenate([last, block])[-window:]
        waiting, heard = waiting + len(block), heard + len(block)
        if waiting < step:
            continue
        waiting, end = 0, heard / SAMPLE_RATE_HZ
        spoken = bool(list(stretches([last])))
        stretch = Stretch(end - len(last) / SAMPLE_RATE_HZ, end, last)
        yield model.of_stretch(stretch, None, spoken)


def listen(model: Recogniser, blocks: Iterable[Int16], save: Path | None, console: Console) -> None:
    """Show what is heard until the blocks end, or Ctrl-C.

    Args:
        save: gets every answer to speech, one JSON object a line, as soon as it is given.
    """
    with Live(console=console, refresh_per_second=8) as live:
        for answer in rolling_answers(model, blocks):
            live.update(bars(answer))
            if save and NO_SPEECH not in answer.warnings:
                with save.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(answer.record) + "\n")


def bars(answer: Answer) -> Group:
    """A bar for every emotion, and what speaks against them."""
    silent = NO_SPEECH in answer.warnings
    table = Table.grid(padding=(0, 1))
    for emotion, share in answer.probabilities.items():
        style = "dim" if silent else "bold green" if emotion == answer.emotion else "blue"
        shown = 0.0 if silent else share
        table.add_row(emotion, Text("█" * round(_WIDTH * shown), style), f"{100 * shown:3.0f} %")
    said = ", ".join(answer.warnings)
    return Group(Text(f"{answer.end:7.1f} s"), table, Text(said, style="yellow"))
