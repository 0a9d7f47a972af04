"""The table and the page of all corpora, the check of a folder, and drafts of new ones."""

import itertools
import random
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile as sf
from typer.testing import CliRunner, Result

from ser import cli
from ser.catalogue.check import check_folder
from ser.catalogue.draft import draft
from ser.catalogue.overview import HEADINGS, PAGES, page, rows
from ser.clips.audio import write_wav
from ser.core.errors import SerError
from ser.corpora import corpus_names, find_corpus
from ser.download.corpus import Corpus
from ser.download.names import named_corpus
from ser.download.source import ARCHIVE_FOLDER, MIRROR_VARIABLE, list_audio
from tests.builders import REPOSITORY, random_clip
from tests.conftest import Refused
from tests.corpora.schemes import make_name

TOY = named_corpus(
    name="toy",
    title="Toy",
    language="tt",
    licence="none",
    citation="nobody",
    pattern=r"(?P<speaker>)-(?P<emotion>)(?P<take>\d)",
    emotions={"h": "happy", "s": "sad"},
    clips=12,
    of_each=6,
    female="A",
    male="B C",
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["corpora", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole toy corpus; nothing else is known in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    made = tmp_path / "made"
    made.mkdir()
    names = itertools.product("ABC", "hs", "12")
    for number, (speaker, emotion, take) in enumerate(names):
        write_wav(made / f"{speaker}-{emotion}{take}.wav", random_clip(number, 0.3))
    return made


def faults(folder: Path, corpus: Corpus = TOY) -> str:
    return " ".join(check_folder(corpus, list_audio(folder)).faults)


def test_a_whole_folder_has_no_faults(folder: Path) -> None:
    report = check_folder(TOY, list_audio(folder))
    assert report.faults == []
    assert report.notes[0] == "12 clips, 3 speakers, happy 6, sad 6."
    assert "12 of WAV PCM_16 16000 Hz x 1" in report.notes[1]
    assert set(report.shortcuts["cue"]) >= {"loudness", "speaker"}


def test_every_fault_is_named(folder: Path) -> None:
    (folder / "A-h1.wav").unlink()
    assert "11 clips are there, 12 expected. 5 clips of happy are there" in faults(folder)
    write_wav(folder / "A-h1.wav", random_clip(99, 0.3))
    write_wav(folder / "A-x1.wav", random_clip(98, 0.3))
    assert "A-x1.wav is no clip of it: clips are named {speaker}-{emotion}{take}." in faults(folder)
    (folder / "A-x1.wav").unlink()
    sf.write(folder / "B-s1.wav", np.zeros(4800, np.int16), 16_000)
    assert "B-s1.wav is silent" in faults(folder)
    (folder / "B-s1.wav").write_bytes(b"no sound" * 99)
    assert "B-s1.wav is not readable as audio" in faults(folder)
    # the same recording at another level, with silence before it
    other = (random_clip(0, 0.3) * 0.5).astype(np.int16)
    write_wav(folder / "B-s1.wav", np.concatenate([np.zeros(800, np.int16), other]))
    write_wav(folder / "A-h1.wav", random_clip(0, 0.3))
    assert "toy/A-h1 and toy/B-s1 are one recording (the same recording)." in faults(folder)
    again = folder / "copy"
    again.mkdir()
    write_wav(again / "C-s2.wav", random_clip(97, 0.3))
    assert "are one clip, C-s2" in faults(folder)


def test_unknown_speakers_are_named(folder: Path) -> None:
    listed = replace(TOY, expected=replace(TOY.expected, genders={"A": "female", "D": "male"}))
    said = faults(folder, listed)
    assert "Speaker D is missing. Speaker B is unknown. Speaker C is unknown." in said


def test_names_are_enough_for_a_first_answer(folder: Path) -> None:
    for path in folder.glob("*.wav"):
        path.write_bytes(b"")
    report = check_folder(TOY, list_audio(folder), names_only=True)
    assert report.faults == []
    assert report.shortcuts["cue"].tolist() == ["speaker"]


def test_the_check_is_printed_and_faults_are_its_status(folder: Path, tmp_path: Path) -> None:
    voices = tmp_path / "synthetic_a"
    voices.mkdir()
    done = call("check", "synthetic_a", str(voices), "--names")
    assert done.exit_code == 1
    assert "0 clips are there, 216 expected." in done.output
    assert "Speaker 01 is missing." in done.output
    with_error = call("check", "synthetic_a", str(tmp_path / "none"))
    assert isinstance(with_error.exception, SerError)


@pytest.mark.real
def test_the_speaker_shortcut_of_urdu_is_found(mirror: Path) -> None:
    if not (mirror / "urdu").is_dir():
        pytest.skip("the mirror has no urdu")
    output = call("check", "urdu", str(mirror / "urdu"), "--names").output
    assert "Faults" not in output
    assert "26 of 29 speakers show one emotion: no within-corpus score means anything." in output
    assert "Who speaks alone recognises 96 %" in output
    assert "a model may learn the voice." in output


# All corpora


def test_the_table_has_a_row_for_every_corpus(folder: Path) -> None:
    output = call().output.splitlines()
    assert [line.split()[0] for line in output] == ["name", *corpus_names()]
    assert {len(row) for row in rows()} == {len(HEADINGS)}


def test_a_draft_with_blanks_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Corpus:
        if name == "emovo":
            raise SerError("ser/corpora/emovo.py has a blank.")
        return find_corpus(name)

    monkeypatch.setattr("ser.catalogue.overview.find_corpus", find)
    by_name = {row[0]: row for row in rows()}
    assert set(by_name) == {"name", *corpus_names()}
    assert by_name["emovo"][-1] == "ser/corpora/emovo.py has a blank."
    assert {len(row) for row in rows()} == {len(HEADINGS)}


def test_the_pages_are_those_that_the_files_make() -> None:
    for language, path in PAGES.items():
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        assert text == page(language), "run `ser corpora page`"


def test_what_no_program_can_fetch_is_asked_for(folder: Path) -> None:
    for name in corpus_names():
        corpus = find_corpus(name)
        if corpus.generate is None and not corpus.is_direct:
            error = call("get", name).exception
            assert isinstance(error, SerError)
            assert corpus.archives[0].url in str(error)
            assert str(ARCHIVE_FOLDER / name) in str(error)


# Drafts


def test_a_draft_reads_the_names_that_it_was_made_from(tmp_path: Path, refused: Refused) -> None:
    layouts = {
        "letters": [
            f"s{n}/{who}_{mood}_{take:02d}.wav"
            for n, who in enumerate(("ANN", "BOB", "CAT"))
            for mood in ("anger", "joy", "relief")
            for take in (1, 2)
        ],
        "folders": [
            f"{mood}/{who}-{sentence}.wav"
            for mood in ("Angry", "Sad", "Neutral")
            for who in ("101", "102")
            for sentence in ("1", "22")
        ],
        "genders": [
            f"{g}{n}-{mood}-{s}.wav"
            for g, n, mood, s in itertools.product("fm", "12", ("rab", "gio"), "123")
        ],
    }
    for name, paths in layouts.items():
        files = [(PurePosixPath(path), Path(path)) for path in paths]
        text = draft(name, files, tmp_path)
        corpus = _run(text)
        report = check_folder(corpus, files, names_only=True)
        assert report.faults == [], f"{text}\n{report.faults}"
        assert corpus.unverified == "all of it"
    assert '"relief": ("relief", 6)' in draft("letters", _files(layouts["letters"]), tmp_path)
    with refused("can be an emotion", "xyz/00", "by hand"):
        draft("strange", _files([f"xyz/{number:02d}.wav" for number in range(20)]), tmp_path)
    with refused("no file of sound"):
        draft("empty", [], tmp_path)
    with refused("cannot be called 'Big Name'"):
        draft("Big Name", _files(["a.wav"]), tmp_path)


def _run(text: str) -> Corpus:
    room: dict[str, object] = {}
    exec(compile(text, "draft", "exec"), room)
    corpus = room["CORPUS"]
    assert isinstance(corpus, Corpus)
    return corpus


@pytest.mark.parametrize(
    ("name", "codes"), [("ravdess", "01 02 03 04 05 06 07 08"), ("emodb", "A E F L N T W")]
)
def test_bare_codes_are_blanks_that_are_refused_until_they_are_filled(
    name: str, codes: str, tmp_path: Path, refused: Refused
) -> None:
    rng = random.Random(name)
    files = _files(sorted({f"{make_name(find_corpus(name), rng)}.wav" for _ in range(600)}))
    text = draft("coded", files, tmp_path)
    with refused("ser/corpora/coded.py", "in place of '?'", codes.replace(" ", ", ")):
        _run(text)
    report = check_folder(_run(text.replace('("?"', '("happy"')), files, names_only=True)
    told = {row.speaker for row, _ in report.named}
    assert told == set(find_corpus(name).expected.genders)
    assert not [fault for fault in report.faults if "is no clip of it" in fault]


def _files(paths: list[str]) -> list[tuple[PurePosixPath, Path]]:
    return [(PurePosixPath(path), Path(path)) for path in paths]


def test_a_draft_is_written_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ser/corpora").mkdir(parents=True)
    drafts = [call("new", "toy", str(folder)) for _ in range(2)]
    assert "is a guess" in drafts[0].output
    assert isinstance(drafts[1].exception, SerError)
    assert "is there already" in str(drafts[1].exception)
