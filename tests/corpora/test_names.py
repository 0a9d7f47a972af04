"""File names of the real corpora: what they say, and that any other name is turned away."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ser.clips.labels import EMOTIONS
from ser.clips.manifest import GENDERS, ClipName
from ser.corpora import corpus_names, emodb, emovo, find_corpus, ravdess
from ser.download.build import load_checksums
from tests.conftest import Refused, case

Parse = Callable[[PurePosixPath], ClipName | None]

REAL = ("emodb", "emovo", "ravdess")
PARSERS = {"emodb": emodb.parse, "emovo": emovo.parse, "ravdess": ravdess.parse}

RAVDESS_NAMES = [
    f"Actor_{actor:02d}/03-01-{emotion}-{intensity}-{sentence}-{take}-{actor:02d}"
    for actor in range(1, 25)
    for emotion in ("01", "02", "03", "04", "05", "06", "07", "08")
    for intensity in ("01", "02")
    for sentence in ("01", "02")
    for take in ("01", "02")
    if (emotion, intensity) != ("01", "02")
]
EMOVO_NAMES = [
    f"{actor}/{emotion}-{actor}-{kind}{sentence}"
    for actor in ("f1", "f2", "f3", "m1", "m2", "m3")
    for emotion in ("neu", "dis", "gio", "pau", "rab", "sor", "tri")
    for kind, last in (("b", 3), ("l", 4), ("n", 5), ("d", 2))
    for sentence in range(1, last + 1)
]
EMODB_NAMES = st.builds(
    "wav/{}{}{:02d}{}{}".format,
    st.sampled_from(["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]),
    st.sampled_from("ab"),
    st.integers(1, 10),
    st.sampled_from("WLEAFTN"),
    st.sampled_from("abcdef"),
)
# paths made of what names are made of, so that many are nearly right; and any text at all
PIECES = st.sampled_from(
    ["03", "01", "25", "00", "-", "/", "Actor_01", "wav", "a01", "Fa", "neu", "f1", "b1", ".", "²"]
)
ANY_PATH = st.one_of(
    st.lists(PIECES, max_size=12).map("".join),
    st.text(max_size=30),
    st.sampled_from(RAVDESS_NAMES + EMOVO_NAMES).flatmap(
        lambda name: st.integers(0, len(name) - 1).flatmap(
            lambda at: st.characters().map(lambda letter: name[:at] + letter + name[at + 1 :])
        )
    ),
)


def name_of(corpus: str, path: str) -> ClipName | None:
    return PARSERS[corpus](PurePosixPath(path))


def check_row(corpus: str, name: ClipName) -> None:
    """What every row must hold, whatever file it comes from."""
    assert name.speaker in find_corpus(corpus).expected.genders
    assert name.gender == find_corpus(corpus).expected.genders[name.speaker]
    assert name.gender in GENDERS
    assert name.emotion in EMOTIONS
    assert name.sentence
    assert name.take
    assert name.clip.isascii()
    assert not name.clip.startswith("/")
    assert ".." not in name.clip.split("/")


NAMES = {
    "ravdess": (
        "Actor_12/03-01-06-02-01-02-12",
        ("12", "female", "fearful", "strong", "kids", "02"),
    ),
    "emodb": ("wav/03a01Fb", ("03", "male", "happy", "", "a01", "b")),
    "emovo": ("f2/gio-f2-n5", ("f2", "female", "happy", "", "n5", "1")),
}


def test_names_say_what_the_publishers_say() -> None:
    for corpus, (clip, says) in NAMES.items():
        for ending in (".wav", ".flac", ".WAV"):
            assert name_of(corpus, clip + ending) == ClipName(clip, *says)


def test_each_code_means_its_emotion() -> None:
    emovo_codes = ("neu", "dis", "gio", "pau", "rab", "sor", "tri")
    paths = {
        "ravdess": [f"Actor_01/03-01-0{code}-01-01-01-01" for code in range(1, 9)],
        "emodb": [f"wav/08b10{code}a" for code in "WLEAFTN"],
        "emovo": [f"m3/{code}-m3-d2" for code in emovo_codes],
    }
    emotions = {
        "ravdess": "neutral calm happy sad angry fearful disgust surprised",
        "emodb": "angry bored disgust fearful happy sad neutral",
        "emovo": "neutral disgust happy fearful angry surprised sad",
    }
    for corpus, clips in paths.items():
        found = [name.emotion for clip in clips if (name := name_of(corpus, clip))]
        assert found == emotions[corpus].split()
        assert set(found) == set(find_corpus(corpus).expected.emotions)


def test_genders_are_those_the_publishers_state() -> None:
    ravdess_genders = find_corpus("ravdess").expected.genders
    assert {who for who, gender in ravdess_genders.items() if gender == "male"} == {
        f"{actor:02d}" for actor in range(1, 25, 2)
    }
    assert {who for who, gender in emodb.GENDERS.items() if gender == "male"} == {
        "03",
        "10",
        "11",
        "12",
        "15",
    }
    assert {who for who, gender in emovo.GENDERS.items() if gender == "male"} == {"m1", "m2", "m3"}


def test_all_published_names_round_trip_and_make_up_the_corpus() -> None:
    for corpus, names in (("ravdess", RAVDESS_NAMES), ("emovo", EMOVO_NAMES)):
        rows = [row for name in names if (row := name_of(corpus, f"{name}.wav"))]
        assert [row.clip for row in rows] == names
        expected = find_corpus(corpus).expected
        assert len(rows) == expected.n_clips
        assert Counter(row.emotion for row in rows) == dict(expected.emotions)
        for row in rows:
            check_row(corpus, row)
        # a speaker says a sentence in an emotion and intensity once a take
        assert len({replace(row, clip="") for row in rows}) == len(rows), (
            "two clips are described alike"
        )


@given(EMODB_NAMES)
def test_valid_emodb_names_round_trip(name: str) -> None:
    row = name_of("emodb", f"{name}.wav")
    assert row is not None
    assert row.clip == name
    check_row("emodb", row)
    codes = {emotion: code for code, emotion in emodb.EMOTION_CODES.items()}
    assert f"wav/{row.speaker}{row.sentence}{codes[row.emotion]}{row.take}" == name


@settings(max_examples=200)
@given(path=ANY_PATH)
@example(path="")
@example(path=".")
@example(path="wav")
@example(path="wav/\N{ARABIC-INDIC DIGIT ZERO}3a01Fa.wav")
@example(path="wav/03a\N{ARABIC-INDIC DIGIT ZERO}1Fa.wav")
@example(path="Actor_\N{FULLWIDTH DIGIT ZERO}1/03-01-01-01-01-01-\N{FULLWIDTH DIGIT ZERO}1.wav")
@example(path="Actor_01/03-01-01-01-01-01-01\n.wav")
def test_any_path_gives_a_sound_row_or_value_error(path: str) -> None:
    for corpus in REAL:
        try:
            row = name_of(corpus, path)
        except ValueError:
            continue
        if row is not None:
            check_row(corpus, row)


BROKEN = [
    ("ravdess", "Actor_01/03-02-01-01-01-01-01.wav"),
    ("ravdess", "Actor_01/01-01-01-01-01-01-01.wav"),
    ("ravdess", "Actor_01/03-01-09-01-01-01-01.wav"),
    ("ravdess", "Actor_01/03-01-01-02-01-01-01.wav"),
    ("ravdess", "Actor_01/03-01-03-01-01-03-01.wav"),
    ("ravdess", "Actor_25/03-01-03-01-01-01-25.wav"),
    ("ravdess", "Actor_00/03-01-03-01-01-01-00.wav"),
    ("ravdess", "Actor_02/03-01-03-01-01-01-01.wav"),
    ("ravdess", "03-01-03-01-01-01-01.wav"),
    ("ravdess", "Actor_01/03-01-03-01-01-01-01 (1).wav"),
    ("emodb", "wav/04a01Fa.wav"),
    ("emodb", "wav/03a01Xa.wav"),
    ("emodb", "wav/03c01Fa.wav"),
    ("emodb", "wav/03a01F.wav"),
    ("emovo", "f1/joy-f1-b1.wav"),
    ("emovo", "f2/gio-f1-b1.wav"),
    ("emovo", "f4/gio-f4-b1.wav"),
    ("emovo", "f1/gio-f1-b4.wav"),
    ("emovo", "f1/gio-f1-l5.wav"),
    ("emovo", "f1/gio-f1-n6.wav"),
    ("emovo", "f1/gio-f1-d3.wav"),
    ("emovo", "f1/gio-f1-n0.wav"),
    ("emovo", "gio-f1-b1.wav"),
]


def test_names_that_break_the_rules_are_turned_away() -> None:
    for corpus, path in BROKEN:
        with (
            case(f"{corpus} {path}"),
            pytest.raises(ValueError, match=r"named|lies in|there is no|neutral"),
        ):
            name_of(corpus, path)


def test_emodb_folders_without_clips_are_passed_over() -> None:
    assert name_of("emodb", "labsilb/03a01Fa.wav") is None
    assert name_of("emodb", "erklaerung.wav") is None


def test_emodb_is_known_by_the_folder_and_not_by_where_it_lies() -> None:
    row = name_of("emodb", "download/wav/03a01Fa.wav")
    assert row is not None
    assert row.clip == "wav/03a01Fa"


def test_every_published_clip_has_a_checksum() -> None:
    for corpus in REAL:
        found = find_corpus(corpus)
        table = load_checksums(found)
        assert len(table) == found.expected.n_clips
        assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in table.values())
        rows = [name_of(corpus, clip.removeprefix(f"{corpus}/")) for clip in table]
        assert [f"{corpus}/{row.clip}" for row in rows if row] == list(table)
        assert Counter(row.emotion for row in rows if row) == dict(found.expected.emotions)
        # RAVDESS holds one recording twice under two names
        assert len(set(table.values())) == len(table) - (corpus == "ravdess")


def test_every_known_corpus_can_be_found_and_is_whole() -> None:
    assert set(REAL) <= set(corpus_names())
    for name in corpus_names():
        corpus = find_corpus(name)
        assert corpus.name == name
        assert (corpus.generate is None) == bool(corpus.archives), f"{name} comes from nowhere"
        assert (corpus.generate is None) == (corpus.checksums_of is not None)
        assert sum(corpus.expected.emotions.values()) == corpus.expected.n_clips
        assert set(corpus.expected.emotions) <= set(EMOTIONS)


def test_an_unknown_corpus_is_named_with_those_known(refused: Refused) -> None:
    for name in ("ravdes", "", "build", "../ravdess", "synthetic", "__init__"):
        with refused(f"unknown corpus {name!r}", "emodb, emovo, ravdess"):
            find_corpus(name)
