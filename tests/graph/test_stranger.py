"""A stranger's corpus: from an unknown folder to a first honest score, by the docs alone."""

import json
import re
import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
import yaml

from demo.run import set_up
from ser.download.synthetic_voice import Utterance, speak
from tests.builders import REPOSITORY
from tests.graph.project import run
from tests.texts import blocks, shown_files

pytestmark = pytest.mark.graph

# of what the docs call norsk
NAME = "havn"
DOCS = (REPOSITORY / "docs/extending.md").read_text(encoding="utf-8")
SECTION = DOCS[DOCS.index("## A corpus") : DOCS.index("## A study")]
# a Faroese word for each emotion, its code among synthetic voices, and what a person calls it
EMOTIONS = {
    "gledi": ("03", "happy"),
    "reidi": ("05", "angry"),
    "sorg": ("04", "sad"),
    "vanligt": ("01", "neutral"),
}
LONG = "sorg"
SPEAKERS = ("jogvan_m", "anna_f", "pall_m", "rakul_f", "hanus_m", "sunniva_f")
# of the project's parameters: a small network, few epochs
SMALL = {
    "model_size": "small",
    "seeds": [0],
    "training": {"epochs": 2, "min_steps": 0},
    "front_ends": {"log_mel": {"n_mels": 64}},
}
# what running makes
MADE = {".dvc", "data", "logs", "metrics", "models", "plots", "recordings"}


class Stranger(NamedTuple):
    """What became of the folder: the project, what was said, files that were touched, and time."""

    project: Path
    said: dict[str, str]
    touched: set[str]
    took_s: float


def record(folder: Path) -> None:
    """<language>/<speaker>_<sex>/<sentence>-<emotion>-take<k>.flac; grief is said twice over."""
    numbered = enumerate(SPEAKERS, 1)
    for (number, speaker), word, sentence, take in product(numbered, EMOTIONS, (1, 2), (1, 2)):
        code, _ = EMOTIONS[word]
        said = speak(Utterance(code, "normal", sentence, take, number), "a")
        if word == LONG:
            said = np.concatenate(
                [said, speak(Utterance(code, "normal", sentence, take + 2, number), "a")]
            )
        path = folder / "foroyskt" / speaker / f"{sentence:02d}-{word}-take{take}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, said, 16_000)


def correct(draft: str) -> str:
    """What a person makes of the draft: the folder tells speaker and sex, and blanks are filled."""
    pattern = (
        r"(?P<speaker>[a-z]+)_(?P<gender>)/(?P<sentence>\\d\\d)-(?P<emotion>)-take(?P<take>\\d)"
    )
    text = re.sub(r'pattern=r".*"', f'pattern=r"{pattern}"', draft)
    for word, (_, emotion) in EMOTIONS.items():
        text = text.replace(f'"{word}": ("?"', f'"{word}": ("{emotion}"')
    return text.replace('language="und"', 'language="fo"')


def params_of_docs() -> dict[str, object]:
    """The corpus and the system that the docs write into params.yaml, by its name here."""
    (shown,) = [content for file, content in shown_files(SECTION, "yaml") if file == "params.yaml"]
    found: dict[str, object] = yaml.safe_load(shown.replace("norsk", NAME))
    return found


def commands() -> list[str]:
    """All lines of the docs that are typed, in their order."""
    shell = "".join(content for language, content in blocks(SECTION) if language == "sh")
    return shell.replace("norsk", NAME).splitlines()


def contents(project: Path) -> dict[str, bytes]:
    """Every file that a person may edit."""
    files = [path for path in project.rglob("*") if path.is_file()]
    names = {path.relative_to(project): path for path in files}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in names.items()
        if name.parts[0] not in MADE and name.name != "dvc.lock" and "__pycache__" not in name.parts
    }


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """The commands of the docs, one after another, and the two edits between them."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    project = folder / "project"
    set_up(project, folder / "small.yaml")
    record(project / "recordings")
    before, begun, said = contents(project), time.monotonic(), {}
    programs = {"ser": ["ser.cli"], "dvc": ["dvc"]}
    for line in commands():
        program, *arguments = line.split()
        command = (
            [sys.executable, "-m", *programs[program], *arguments]
            if program in programs
            else [program, *arguments]
        )
        said[line] = run(project, *command, SER_PROCESSES="2", SER_MIRROR="").stdout
        if line.startswith("ser corpora new"):
            draft = project / f"ser/corpora/{NAME}.py"
            refusal = run(
                project, sys.executable, "-m", "ser.cli", "corpora", "check", NAME, check=False
            )
            said["refusal"] = refusal.stderr
            draft.write_text(correct(draft.read_text(encoding="utf-8")), encoding="utf-8")
        if line.startswith("ser corpora check"):
            params = project / "params.yaml"
            values = yaml.safe_load(params.read_text(encoding="utf-8")) | params_of_docs()
            params.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    took_s, after = time.monotonic() - begun, contents(project)
    touched = {name for name in before | after if before.get(name) != after.get(name)}
    return Stranger(project, said, touched, took_s)


def test_the_docs_lead_from_a_folder_to_a_score() -> None:
    assert commands() == [
        f"ser corpora new {NAME} recordings",
        "mkdir -p data/archives",
        f"cp -R recordings data/archives/{NAME}",
        f"ser corpora check {NAME}",
        f"dvc repro studies/dvc.yaml:shortcuts@{NAME}",
        f"dvc repro evaluate@{NAME}",
    ]


def test_two_files_are_touched_and_it_takes_minutes(stranger: Stranger) -> None:
    assert stranger.touched == {f"ser/corpora/{NAME}.py", "params.yaml"}
    assert stranger.took_s < 15 * 60


def test_a_draft_with_blanks_is_refused(stranger: Stranger) -> None:
    words = ", ".join(EMOTIONS)
    assert stranger.said["refusal"] == (
        f"error: ser/corpora/{NAME}.py: in place of '?', write the emotion that each of these "
        f"codes stands for: {words}.\n"
    )


def test_the_planted_shortcut_is_said_by_the_check_and_beside_the_score(
    stranger: Stranger,
) -> None:
    said = stranger.said
    warning = (
        r"Clip length alone recognises \d+ % \(95 % interval \d+ to \d+\) where chance is 25 %"
    )
    checked = said[f"ser corpora check {NAME}"]
    assert "Faults" not in checked
    assert "96 clips, 6 speakers, angry 24, happy 24, neutral 24, sad 24." in checked
    assert re.search(rf"Warnings:\n(  .*\n)*  {warning}: a model may learn the clock\.", checked)
    score, *warnings = said[f"dvc repro evaluate@{NAME}"].partition(f"{NAME}: UAR ")[2].splitlines()
    assert re.fullmatch(r"[\d.]+ %, 95 % interval [\d.]+ to [\d.]+", score)
    assert any(re.match(rf"{NAME}: {warning}", line) for line in warnings)


def test_the_score_is_honest(stranger: Stranger) -> None:
    metrics = json.loads((stranger.project / f"metrics/{NAME}.json").read_text())
    assert metrics["protocol"] == "leave_one_speaker_out"
    assert metrics["mark"] == "none"
    scores = pd.read_csv(stranger.project / f"plots/systems/{NAME}/scores.csv")
    whole = scores[scores["part"] == "all"].iloc[0]
    assert whole["uar_low"] <= metrics["uar"] <= whole["uar_high"]
    assert whole["uar_low"] < whole["uar_high"]
    assert set(scores.loc[scores["part"] == "gender", "name"]) == {"female", "male"}
