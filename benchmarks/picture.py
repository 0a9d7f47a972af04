"""A picture of `ser explore`: `python -m benchmarks.picture clip.wav docs/explore.png`."""

import io
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.storm.page import served
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import whole_file

_COLOURS = 128
_WIDTH, _HEIGHT, _PATIENCE_MS = 1000, 1170, 120_000


def take(sound: Path, out: Path) -> None:
    """Have a sound answered in headless Chromium, and keep what is to be seen.

    Raises:
        SerError: if there is no Chromium.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SerError("There is no Chromium here; install it (on Debian: apt install chromium).")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium)
        with served(Path.cwd(), Path(scratch)) as (page, _):
            tab = browser.new_page(
                viewport={"width": _WIDTH, "height": _HEIGHT},
                locale="en-GB",
                color_scheme="light",
                reduced_motion="reduce",
            )
            tab.set_default_timeout(_PATIENCE_MS)
            tab.goto(page.link)
            tab.wait_for_selector("html[data-ready]")
            tab.set_input_files("#file", sound)
            tab.wait_for_selector("#bars tr")
            tab.wait_for_timeout(1_000)
            tab.evaluate("scrollTo(0, 0)")
            picture = tab.screenshot()
        browser.close()
    with whole_file(out) as aside:
        aside.write_bytes(small(picture))


def small(png: bytes) -> bytes:
    """The same in as many colours as a byte can tell: a spectrogram has thousands."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()


def main(
    sound: Annotated[Path, typer.Argument(help="What is answered.")],
    out: Annotated[Path, typer.Argument(help="Where the picture goes.")],
) -> None:
    """Take a picture of the page with the answer to a sound."""
    take(sound, out)


if __name__ == "__main__":
    run(main)
