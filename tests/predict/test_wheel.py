"""The wheel carries the released model, and answers where nothing else of the project is."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from ser.predict.released import RELEASED
from tests.builders import REPOSITORY, tone

# what only those need who make the results again
_EXTRAS = (
    *(
        "dvc",
        "fastapi",
        "jinja2",
        "librosa",
        "matplotlib",
        "numba",
        "onnx",
        "pooch",
        "psutil",
        "python_stretch",
    ),
    *("sklearn", "sounddevice", "torchaudio", "torchmetrics", "tqdm", "uvicorn", "vl_convert"),
)
_PROGRAM = f"""
import sys
for name in {_EXTRAS!r}:
    sys.modules[name] = None  # its import fails
import numpy as np
import ser
assert "site-packages" not in ser.__file__ and "unpacked" in ser.__file__, ser.__file__
model = ser.load()
(answer,) = model.predict(np.zeros(32_000, np.int16), rate=16_000)
print(answer.emotion, answer.warnings)
from ser.cli import app
app(["predict", "tone.wav", "--json"])
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # built from a copy, for a build leaves folders behind
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "ser", "pyproject.toml"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in files.stdout.split("\n"):
        if name and (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    words = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        folder,
        source,
    ]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.startswith("honest_ser-")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_it_carries_the_model_and_nothing_that_is_no_package(unpacked: Path) -> None:
    assert (unpacked / "ser/released.safetensors").read_bytes() == RELEASED.read_bytes()
    assert RELEASED.stat().st_size <= 2e6
    tops = {path.name.partition("-")[0] for path in unpacked.iterdir()}
    assert tops == {"ser", "honest_ser"}


def test_it_answers_from_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    import soundfile as sf

    sf.write(tmp_path / "tone.wav", tone(300.0), 16_000)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "no speech" in done.stdout
    assert '"model": "released-' in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["tone.wav"], "something is left behind"


def test_what_it_needs_is_what_the_lock_has() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").lower()
    extras = project["optional-dependencies"]
    for wanted in (*project["dependencies"], *extras["pipeline"], *extras["site"]):
        name = re.split("[<>=]", wanted)[0]
        assert f"\n{name}==" in f"\n{locked}", f"requirements.txt lacks {name}"
