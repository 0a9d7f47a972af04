"""Tar shards give what a folder gives, or one sentence; files beside a sound tell its fields."""

import io
import json
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ser import cli
from ser.catalogue.check import check_folder
from ser.catalogue.draft import draft
from ser.clips.audio import write_wav
from ser.clips.listing import ClipFiles
from ser.clips.manifest import DECISIONS, Expected, read_decisions
from ser.core.errors import SerError
from ser.download import source
from ser.download.build import build_corpus
from ser.download.corpus import Archive, Corpus
from ser.download.names import named_corpus
from ser.download.shards import in_turn, read_sidecars
from ser.download.source import MIRROR_VARIABLE, list_sound
from ser.download.synthetic import N_SPEAKERS, N_TAKES, synthetic_corpus
from ser.download.synthetic_voice import speak, utterances
from ser.splits.split import split_corpus
from ser.splits.takes import find_pairs
from tests.builders import built_manifest, random_clip
from tests.conftest import Refused, case
from tests.download.test_build import tree
from tests.download.test_source import BAD_NAMES

FACTS = {"language": "tt", "licence": "none", "citation": "nobody"}
TOY = named_corpus(
    name="toy",
    title="Toy",
    pattern=r"(?P<speaker>[AB])-(?P<emotion>)(?P<take>\d)",
    emotions={"h": "happy", "s": "sad"},
    clips=8,
    **FACTS,
)
KEYS = [f"{folder}/{folder}-{emotion}{take}" for folder, emotion, take in product("AB", "hs", "12")]
# the same, but for what a file beside each sound tells
TOLD = named_corpus(
    name="toy",
    title="Toy",
    pattern=r"[AB]-[hs](?P<take>\d)",
    sidecar={"speaker": "spk_id", "emotion": ".cls", "gender": "sex"},
    emotions={"0": "happy", "1": "sad"},
    **FACTS,
)


def sidecars_of(key: str) -> dict[str, bytes]:
    speaker, emotion = key.split("/")[1][0], key.split("-")[1][0]
    about = {"spk_id": 7 if speaker == "A" else "bé", "sex": "f", "words": ["a", {"b": 1}]}
    return {
        f"{key}.json": json.dumps(about).encode(),
        f"{key}.cls": b"0\n" if emotion == "h" else b"1",
        f"{key}.pickle": b"cos\nsystem\n(S'false'\ntR.",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy corpus as files of sound, with sidecars."""
    made = tmp_path_factory.mktemp("mirror") / "toy"
    for number, key in enumerate(KEYS):
        path = made / f"{key}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, random_clip(number, 0.3))
        for name, content in sidecars_of(key).items():
            (made / name).write_bytes(content)
    return made


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the toy corpus's shards are looked for."""
    place = tmp_path / "shards" / "toy"
    place.mkdir(parents=True)
    monkeypatch.setenv(MIRROR_VARIABLE, str(place.parent))
    return place


def members_of(folder: Path, keys: Iterable[str]) -> dict[str, bytes]:
    files = (path for key in keys for path in sorted((folder / key).parent.glob(f"{key[2:]}.*")))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_shard(
    path: Path, members: dict[str, bytes], *odd: tarfile.TarInfo, before: str = ""
) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(before + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for one in odd:
            archive.addfile(one)
    return path


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(
    order=st.permutations(KEYS),
    counts=st.lists(st.integers(0, 4), max_size=4),
    ending=st.sampled_from([".tar", ".tar.gz"]),
    before=st.sampled_from(["", "./"]),
    corpus=st.sampled_from([TOY, TOLD]),
)
def test_clips_and_manifest_are_those_of_a_folder(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    counts: list[int],
    ending: str,
    before: str,
    corpus: Corpus,
) -> None:
    made = tmp_path_factory.mktemp("shards")
    (made / "toy").mkdir()
    rest = list(order)
    for number, count in enumerate([*counts, len(KEYS)]):
        own, rest = rest[:count], rest[count:]
        name = f"train-{number:06d}{ending}"
        write_shard(made / "toy" / name, members_of(folder, own), before=before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR_VARIABLE, str(folder.parent))
        rows = built_manifest(corpus, made / "from-folder" / "toy")
        patch.setenv(MIRROR_VARIABLE, str(made))
        assert built_manifest(corpus, made / "from-shards" / "toy").equals(rows)
    assert tree(made / "from-shards") == tree(made / "from-folder")
    assert rows["emotion"].value_counts().to_dict() == {"happy": 4, "sad": 4}
    assert set(rows["speaker"]) == ({"7", "bé"} if corpus.sidecar else {"A", "B"})


def test_archives_that_are_shards_are_used_as_such(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder.parent))
    rows = built_manifest(TOLD, tmp_path / "from-folder" / "toy")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    monkeypatch.setattr(source, "ARCHIVE_FOLDER", tmp_path)
    for number in (0, 1):
        write_shard(tmp_path / f"{number}.tar", members_of(folder, KEYS[number::2]))
    archives = [Archive("http://publisher.example", f"{n}.tar", by_hand=True) for n in (0, 1)]
    assert built_manifest(replace(TOLD, archives=tuple(archives)), tmp_path / "out").equals(rows)


def test_one_shard_at_a_time_lies_on_disk(folder: Path, mirror: Path, tmp_path: Path) -> None:
    for number in range(4):
        write_shard(mirror / f"{number}.tar", members_of(folder, KEYS[number::4]))
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "old.wav").write_bytes(b"of a run that was killed")
    calls = []

    def work(those: list[tuple[str, Path]]) -> list[str]:
        there = {path for path in (tmp_path / "aside").rglob("*") if path.is_file()}
        assert there == {path for _, path in those}, "sound of this shard, and nothing else"
        calls.append(len(there))
        return [one for one, _ in those]

    files = [(name.stem, path) for name, path in list_sound(mirror)]
    assert in_turn(files, tmp_path / "aside", work) == [name for name, _ in files]
    assert calls == [2, 2, 2, 2]
    assert not (tmp_path / "aside").exists()


def test_a_cut_shard_or_a_damaged_header_is_one_sentence(
    folder: Path, mirror: Path, tmp_path: Path, refused: Refused
) -> None:
    path = write_shard(mirror / "train-0.tar", members_of(folder, KEYS))
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    end = members[-1].offset_data + -(-members[-1].size // 512) * 512
    for length in [*range(0, end, 1024), *(one.offset for one in members), end]:
        path.write_bytes(whole[:length])
        with case(length), refused(str(path), "not a complete tar archive", "delete it"):
            build_corpus(TOY, tmp_path / "out")
    for one in members:
        path.write_bytes(whole[: one.offset] + b"\1" + whole[one.offset + 1 :])
        with case(one.name), refused(str(path), "not a complete tar archive"):
            build_corpus(TOY, tmp_path / "out")
    path.write_bytes(whole + whole)
    with refused("behind its last member"):
        build_corpus(TOY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_members_that_no_shard_has_are_refused(
    folder: Path, mirror: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, good = mirror / "train-0.tar", members_of(folder, KEYS)
    for name in BAD_NAMES:
        write_shard(path, {**good, name: b"evil"})
        with case(name), refused(str(path), "outside its folder"):
            build_corpus(TOY, tmp_path / "out")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        odd = tarfile.TarInfo("A/A-h3.wav")
        odd.type, odd.linkname = kind, "/etc/passwd"
        write_shard(path, good, odd)
        with case(kind), refused(str(path), "A/A-h3.wav"):
            build_corpus(TOY, tmp_path / "out")
    path.unlink()
    bomb = write_shard(mirror / "bomb.tar.gz", {"A-h1.wav": bytes(20 * 2**20)})
    with refused(str(bomb), "would unpack to 20 MiB"):
        build_corpus(TOY, tmp_path / "out")
    write_shard(bomb, {"A-h1\n.wav": b"sound"})
    with refused("no text; rename it"):
        build_corpus(TOY, tmp_path / "out")
    monkeypatch.setattr(source, "_MOST_MEMBERS", 3)
    write_shard(bomb, good)
    with refused("holds 4 files"):
        build_corpus(TOY, tmp_path / "out")
    assert sorted(tmp_path.rglob("*.wav")) == []


def test_a_key_in_two_shards_is_refused_naming_both(
    folder: Path, mirror: Path, tmp_path: Path, refused: Refused
) -> None:
    first = write_shard(mirror / "train-0.tar", members_of(folder, KEYS))
    second = write_shard(mirror / "train-1.tar", members_of(folder, KEYS[3:4]))
    with refused(str(first / KEYS[3]), str(second / KEYS[3]), "are one clip"):
        build_corpus(TOY, tmp_path / "out")
    report = check_folder(TOY, list_sound(mirror), names_only=True)
    assert f"{second / KEYS[3]}.wav and {first / KEYS[3]}.wav are one clip" in report.faults[0]


def test_damaged_sound_names_the_shard_and_leaves_nothing(
    folder: Path, mirror: Path, tmp_path: Path, refused: Refused
) -> None:
    members = members_of(folder, KEYS)
    write_shard(mirror / "train-0.tar", {**members, f"{KEYS[0]}.wav": b"no sound" * 99})
    with refused("train-0.tar", f"{KEYS[0]}.wav", "not readable as audio"):
        build_corpus(TOY, tmp_path / "data" / "toy")
    assert list((tmp_path / "data").iterdir()) == []


WRONG: list[tuple[Callable[[dict[str, bytes]], Any], tuple[str, ...]]] = [
    (lambda files: files.pop("A/A-h1.json"), ("A/A-h1.wav", "'spk_id' of the .json", "missing")),
    (lambda files: files.pop("A/A-h1.cls"), ("A/A-h1.wav", "the .cls beside it", "missing")),
    (lambda files: files.update({"A/A-h1.json": b"{}"}), ("'spk_id'", "speaker", "missing")),
    *(
        (
            lambda files, value=value: files.update(
                {"A/A-h1.json": b'{"sex": "f", "spk_id": %s}' % value}
            ),
            ("A/A-h1.wav", "'spk_id' of the .json", "is no text or number"),
        )
        for value in (b"null", b"true", b"[1]", b'{"a": 1}', b'""', b"NaN", b"1e999", b'"a\\nb"')
    ),
    (lambda files: files.update({"A/A-h1.cls": b"two\nlines"}), ("no text or number",)),
    (lambda files: files.update({"A/A-h1.cls": b"9"}), ("there is no emotion code 9",)),
    *(
        (
            lambda files, content=content: files.update({"A/A-h1.json": content}),
            ("A/A-h1.json is no JSON object",),
        )
        for content in (b"", b"[]", b"{", b"\xff", b"[" * 60_000, b'{"spk_id": ' + b"9" * 9_000)
    ),
    (lambda files: files.update({"A/A-h1.cls": b"\xff"}), ("A/A-h1.cls is no text in UTF-8",)),
    (lambda files: files.update({"A/A-h1.cls": b"0" * 70_000}), ("longer than 65536 bytes",)),
]


def test_a_sidecar_that_tells_nothing_is_one_sentence(
    folder: Path, mirror: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = members_of(folder, KEYS[:1])
    for number, (change, said) in enumerate(WRONG):
        wrong = dict(files)
        change(wrong)
        monkeypatch.setenv(MIRROR_VARIABLE, str(mirror.parent))
        write_shard(mirror / "train-0.tar", wrong)
        with case(number, "shard"), refused(*said):
            build_corpus(TOLD, tmp_path / "out")
        plain = tmp_path / f"{number}" / "toy" / "A"
        plain.mkdir(parents=True)
        for name, content in wrong.items():
            (plain.parent / name).write_bytes(content)
        monkeypatch.setenv(MIRROR_VARIABLE, str(plain.parent.parent))
        with case(number, "folder"), refused(*said):
            build_corpus(TOLD, tmp_path / "out")


def test_only_files_beside_a_sound_are_read(folder: Path, mirror: Path, refused: Refused) -> None:
    files = members_of(folder, KEYS[:1])
    path = write_shard(mirror / "0.tar", {**files, "about.json": b"[]", "A/._A-h1.json": b"\xff"})
    told = read_sidecars(TOLD, list_sound(mirror))
    assert told == {path / "A" / "A-h1": {"speaker": "7", "emotion": "0", "gender": "f"}}
    write_shard(path, {**files, "./A/A-h1.json": b'{"spk_id": 8}'})
    with refused("A/A-h1.json is there twice"):
        read_sidecars(TOLD, list_sound(mirror))
    assert read_sidecars(TOY, list_sound(mirror)) == {}


def test_a_sidecar_is_described_once() -> None:
    def described(pattern: str, **sidecar: str) -> None:
        named_corpus(name="x", title="X", pattern=pattern, emotions={}, sidecar=sidecar, **FACTS)

    with pytest.raises(ValueError, match="no group emotion"):
        described(".*", speaker="spk")
    with pytest.raises(ValueError, match="both pattern and sidecar tell speaker"):
        described("(?P<speaker>.*)", speaker="spk", emotion="emo")
    with pytest.raises(ValueError, match="unknown group age"):
        described(".*", speaker="spk", emotion="emo", age="age")
    with pytest.raises(ValueError, match=r"a sidecar is no \.pickle"):
        described(".*", speaker="spk", emotion=".pickle")


def test_shards_are_checked_and_drafted_as_a_folder_is(
    folder: Path, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        write_shard(mirror / f"train-{number}.tar", members_of(folder, KEYS[number::2]))
    for corpus in (TOY, TOLD):
        plain, shards = (check_folder(corpus, list_sound(one)) for one in (folder, mirror))
        assert shards.faults == plain.faults == []
        assert shards.notes == plain.notes
        assert shards.shortcuts.equals(plain.shortcuts)
    assert draft("toy", list_sound(mirror), mirror) == draft("toy", list_sound(folder), folder)
    monkeypatch.setattr("ser.corpora.find_corpus", lambda name: TOY)
    monkeypatch.chdir(tmp_path)
    for arguments in ([str(mirror)], []):
        ran = CliRunner().invoke(cli.app, ["corpora", "check", "toy", *arguments])
        assert ran.exit_code == 0, ran.output
        assert "8 clips, 2 speakers, happy 4, sad 4." in ran.output
    (mirror / "train-0.tar.idx").write_bytes(b"no tar")
    assert len(list_sound(mirror)) == len(KEYS)
    (mirror / "train-0.tar").write_bytes(b"no tar")
    ran = CliRunner().invoke(cli.app, ["corpora", "new", "other", str(mirror), "--out", "."])
    assert isinstance(ran.exception, SerError)
    assert "not a complete tar archive" in str(ran.exception)


def test_a_folder_of_sound_beside_archives_is_still_a_folder(folder: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "A-h1.wav", random_clip(0, 0.3))
    write_shard(tmp_path / "original.tar", members_of(folder, KEYS))
    assert [name.as_posix() for name, _ in list_sound(tmp_path)] == ["A-h1.wav"]


def test_the_synthetic_corpus_in_shards_goes_from_download_to_split(
    tmp_path: Path, mirror: Path
) -> None:
    corpus = synthetic_corpus("a")
    said = utterances(N_SPEAKERS, N_TAKES)[::5]
    wav = tmp_path / "clip.wav"
    for number in range(3):
        own = {}
        for one in said[number::3]:
            write_wav(wav, speak(one, "a"))
            own[f"Actor_{one.speaker:02d}/{one.file_name}"] = wav.read_bytes()
        write_shard(mirror / f"train-{number:06d}.tar", own)
    expected = Expected(len(said), {}, corpus.expected.genders)
    built = tmp_path / "data" / "toy"
    manifest = built_manifest(replace(corpus, name="toy", generate=None, expected=expected), built)
    names = {f"toy/Actor_{one.speaker:02d}/{Path(one.file_name).stem}" for one in said}
    assert set(manifest["clip"]) == names
    pairs = find_pairs(ClipFiles.read(built), read_decisions(built / DECISIONS))
    assert "leave_one_speaker_out" in split_corpus(built, pairs, tmp_path / "splits" / "toy")
