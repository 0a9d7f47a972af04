"""The worked examples of docs/extending.md: all are applied to one copy, and run."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.builders import REPOSITORY
from tests.texts import apply_diffs, shown_files, with_examples

TEXT = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
# what is run in the copy, by what it shows
RUNS = {
    "optimizer, size and network": """
from pathlib import Path
from ser.training.fold import train_fold
from tests.builders import make_recipe, tiny_system
data = tiny_system(Path("made"), clips_each=1)
for changes in ({"optimizer": "nadam"}, {"model_size": "tiny"}, {"model_size": "gru"}):
    model, history = train_fold(make_recipe(changes), data, 0, 0)
    assert all(score.loss < 10 for score in history), changes
""",
    "corpus": """
from pathlib import PurePosixPath
from ser.check import check_values
from ser.core.settings import load_values
from ser.corpora import find_corpus
from ser.reading.settings import load_systems
corpus = find_corpus("norsk")
clip = corpus.parse(PurePosixPath("okt 3/KAR_f_sint_07-2.wav"))
assert (clip.speaker, clip.gender, clip.emotion) == ("KAR", "female", "angry")
assert corpus.expected.emotions["relieved"] is None
try:
    corpus.parse(PurePosixPath("okt 3/KAR_f_lei_07-2.wav"))
except ValueError as error:
    assert "clips are named {speaker}_{gender}_{emotion}" in str(error)
else:
    raise AssertionError("a strange emotion is read")
told = {"speaker": "7", "gender": "F", "emotion": "1"}
clip = find_corpus("samtale").clip_name(PurePosixPath("0000012.flac"), told)
assert (clip.clip, clip.speaker, clip.gender, clip.emotion) == ("0000012", "7", "female", "sad")
values = load_values()
check_values(values)
named = [name for name, one in load_systems(values).items() if "norsk" in one.all_corpora]
assert named == ["norsk"], "another system has changed"
""",
    "study": """
from studies.hesitation import study_hesitation
from tests.builders import make_predictions
found = study_hesitation(make_predictions(accuracy=lambda _: 0.5).assign(mark="none"))
assert found["name"].tolist() == ["right", "wrong"]
assert found["confidence"].between(0, 100).all()
""",
    "effect": """
import numpy as np
from ser.core.settings import load_values
from ser.features.augmentation import enabled_effects, make_copy
from ser.features.settings import Augmentation
from tests.builders import tone
values = load_values().changed({"augmentation.telephone.enabled": True})
effect = enabled_effects(values.section("augmentation", Augmentation))["telephone"]
clips = ((20_000 * tone(hertz)).astype(np.int16) for hertz in (100.0, 1000.0))
quiet, loud = (make_copy(clip, "a/b", "telephone", effect) for clip in clips)
assert np.abs(quiet[4000:-4000]).max() < 0.05 * np.abs(loud[4000:-4000]).max()
""",
    "front end": """
import numpy as np
from ser.core.settings import load_values
from ser.features.front_ends import build_front_end, extract
from ser.features.settings import load_features
from tests.builders import random_clip
values = load_values().changed({"features.front_end": "log_mel_change"})
features, settings = load_features(values)
made = extract(random_clip(0), build_front_end(features, settings), features)
assert made.shape[1] == 2 * settings.n_mels
assert np.isfinite(made).all()
""",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every example."""
    copy = tmp_path_factory.mktemp("extended")
    for name in ("ser", "studies", "tests"):
        shutil.copytree(
            REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    apply_diffs(TEXT, copy)
    for name, content in shown_files(TEXT, "python"):
        assert not (copy / name).exists(), f"{name} is there already"
        (copy / name).write_text(content, encoding="utf-8")
    for name in ("params.yaml", "studies/dvc.yaml"):
        table = yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))
        changed = with_examples(TEXT, name, table)
        assert changed != table, f"no example changes {name}"
        (copy / name).write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    return copy


def test_all_examples_work_side_by_side(extended: Path) -> None:
    # one process: most of the time is that of its imports
    parts = (f"print({name!r}, flush=True)\n{work}" for name, work in RUNS.items())
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(parts)], cwd=extended, capture_output=True, text=True
    )
    assert ran.returncode == 0, f"{ran.stdout.split(chr(10))[-2]}: {ran.stderr}"


def test_the_graph_knows_the_new_study(extended: Path) -> None:
    stages = yaml.safe_load((extended / "studies/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    mine, neighbour = stages["hesitation"]["do"], stages["actors"]["do"]
    assert mine.keys() == neighbour.keys()
    assert {dep.replace("hesitation", "actors") for dep in mine["deps"]} == {*neighbour["deps"]}


def test_an_optimizer_and_a_size_are_yaml_only_and_a_network_is_one_file() -> None:
    optimizer = TEXT[TEXT.index("## An optimizer") : TEXT.index("## A network")]
    assert [name for name, _ in shown_files(optimizer, "yaml")] == ["params.yaml"] * 2
    assert "```python" not in optimizer
    assert "```diff" not in optimizer
    network = TEXT[TEXT.index("## A network") : TEXT.index("## A corpus")]
    assert [name for name, _ in shown_files(network, "python")] == ["ser/models/gru.py"]
    assert "```diff" not in network
