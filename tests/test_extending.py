"""The worked examples of docs/extending.md: each is applied to a copy of the project, and run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = ROOT / "docs" / "extending.md"

# what is run in the copy after the example under each heading has been applied
TRAIN = """
from pathlib import Path
from ser.training.fold import train_fold
from tests.builders import make_params, tiny_system
params = make_params(CHANGES)
model, history = train_fold(params, tiny_system(Path("made"), clips_each=1), 0, 0)
assert all(score.loss < 10 for score in history)
"""
RUNS = {
    "An effect of augmentation": """
import numpy as np
from ser.augmentation import enabled_effects, make_copy
from tests.builders import make_params, tone
effects = enabled_effects(make_params({"augmentation.telephone.enabled": True}).augmentation)
low, high = ((20_000 * tone(hertz)).astype(np.int16) for hertz in (100.0, 1000.0))
quiet, loud = (make_copy(clip, "a/b", "telephone", effects["telephone"]) for clip in (low, high))
assert np.abs(quiet[4000:-4000]).max() < 0.05 * np.abs(loud[4000:-4000]).max()
""",
    "A front end": """
import numpy as np
from ser.features import build_front_end, extract
from tests.builders import make_params, random_clip
settings = make_params({"features.front_end": "log_mel_change"}).features
values = extract(random_clip(0), build_front_end(settings), settings)
assert values.shape[1] == 2 * settings.n_mels
assert np.isfinite(values).all()
""",
    "An optimizer": TRAIN.replace("CHANGES", '{"optimizer": "nadam"}'),
    "A size of the network": TRAIN.replace("CHANGES", '{"model_size": "tiny"}'),
    "A layer of the network": TRAIN.replace("CHANGES", "{}"),
}


def examples() -> dict[str, str]:
    """The diff under each heading that has one."""
    sections = re.split(r"^## (.+)$", TEXT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    pairs = zip(sections[1::2], sections[2::2], strict=True)
    found = {
        heading: re.findall(r"^```diff\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        for heading, body in pairs
    }
    return {heading: diffs[0] for heading, diffs in found.items() if diffs}


def test_every_example_is_run() -> None:
    assert list(examples()) == list(RUNS)


@pytest.mark.parametrize("heading", RUNS)
def test_an_example_applies_to_the_project_and_works(heading: str, tmp_path: Path) -> None:
    for name in ("ser", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    change = examples()[heading]
    applied = subprocess.run(
        ["git", "apply", "-"], cwd=tmp_path, input=change, capture_output=True, text=True
    )
    assert applied.returncode == 0, f"the example no longer fits: {applied.stderr}"
    ran = subprocess.run(
        [sys.executable, "-c", RUNS[heading]], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
