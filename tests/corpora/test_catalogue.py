"""What holds for every corpus: each file of ser/corpora keeps its promises; none is named here."""

import random
import re
from collections import Counter
from contextlib import suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ser.clips.labels import is_emotion
from ser.clips.manifest import GENDERS, UNKNOWN, ClipName
from ser.corpora import corpus_names, find_corpus
from ser.download.build import load_checksums
from ser.download.corpus import Archive, Corpus
from ser.download.names import fill, named_corpus, shown
from tests.conftest import Refused, case
from tests.corpora.schemes import make_name

ALL = [find_corpus(name) for name in corpus_names()]
# those whose names a pattern reads
NAMED = [corpus for corpus in ALL if corpus.pattern]
SPOILT = ("", "/", "²", "\N{ARABIC-INDIC DIGIT ZERO}", "Z", "0", "-", "\n")
ENDINGS = (".wav", ".flac", ".WAV", ".mp3")


def parsed(corpus: Corpus, path: str) -> ClipName | None:
    return corpus.parse(PurePosixPath(path))


def check_row(corpus: Corpus, row: ClipName) -> None:
    """What every row must hold, whatever file it comes from."""
    genders = corpus.expected.genders
    assert genders.get(row.speaker, row.gender) == row.gender
    assert not genders or row.speaker in genders
    assert row.gender in (*GENDERS, UNKNOWN)
    assert row.emotion in corpus.expected.emotions
    assert row.speaker
    assert row.take
    assert row.clip
    assert not row.clip.startswith("/")
    assert ".." not in row.clip.split("/")


def check_path(corpus: Corpus, path: str) -> None:
    """A path gives a sound row, no clip, or the error of a name."""
    row = None
    with suppress(ValueError):
        row = parsed(corpus, path)
    if row is not None:
        check_row(corpus, row)


def test_the_catalogue_is_as_large_as_it_says() -> None:
    real = [corpus for corpus in ALL if corpus.generate is None]
    assert len(real) >= 24
    assert len({corpus.language for corpus in real}) >= 16


@pytest.mark.parametrize("corpus", ALL, ids=lambda corpus: corpus.name)
def test_a_corpus_is_described_in_full(corpus: Corpus) -> None:
    assert find_corpus(corpus.name) is corpus
    for text in (corpus.title, corpus.licence, corpus.citation):
        assert text.strip() == text != ""
    assert corpus.terms or corpus.licence.partition(" ")[0] != "CC", "a licence without its terms"
    if corpus.generate is None:
        assert re.fullmatch("[a-z]{2,3}", corpus.language), "a language is its ISO 639 code"
    for archive in corpus.archives:
        assert re.match("https?://[^ ]+$", archive.url)
        assert re.fullmatch(r"[\w .-]+\.(zip|tgz|tar\.gz)", archive.file_name)
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256 or "0" * 64)
        assert re.fullmatch("[0-9a-f]{32}", archive.md5 or "0" * 32)
    expected = corpus.expected
    assert expected.emotions
    assert all(map(is_emotion, expected.emotions))
    known = [count for count in expected.emotions.values() if count is not None]
    assert all(count > 0 for count in known)
    if expected.n_clips is not None:
        rest = expected.n_clips - sum(known)
        # what is not published must be some clips, and the rest none
        assert rest > 0 if len(known) < len(expected.emotions) else rest == 0
    assert corpus.n_speakers is None or not expected.genders, "speakers are told in two places"


@pytest.mark.parametrize("corpus", NAMED, ids=lambda corpus: corpus.name)
def test_names_made_by_the_pattern_are_read_back(corpus: Corpus) -> None:
    """Each emotion and each listed speaker can be named, wherever the corpus lies."""
    rng = random.Random(corpus.name)
    codes = re.search(r"\(\?P<emotion>([^()]*)\)", corpus.pattern)
    assert codes is not None
    shows, speakers = set(), set()
    for code in [re.sub(r"\\(.)", r"\1", one) for one in codes[1].split("|")]:
        for _ in range(8 + 8 * len(corpus.expected.genders)):
            name = make_name(corpus, rng, {"emotion": code})
            above = rng.choice(("", "Corpus v2/", "a.b/c/"))
            row = parsed(corpus, f"{above}{name}{rng.choice(ENDINGS)}")
            assert row is not None
            assert row.clip == name
            check_row(corpus, row)
            shows.add(row.emotion)
            speakers.add(row.speaker)
    assert shows == set(corpus.expected.emotions)
    assert not corpus.expected.genders or speakers == set(corpus.expected.genders)


@pytest.mark.parametrize("corpus", NAMED, ids=lambda corpus: corpus.name)
def test_other_names_are_turned_away_or_read_soundly(corpus: Corpus) -> None:
    """A letter changed, left out or put in: a sound row, no clip, or one error; never another."""
    rng = random.Random(corpus.name)
    for _ in range(20):
        name = make_name(corpus, rng)
        at = rng.randrange(len(name))
        for letter in (*SPOILT, name[at] * 2):
            check_path(corpus, f"{name[:at]}{letter}{name[at + 1 :]}.wav")


@settings(max_examples=60)
@given(path=st.text(max_size=30))
@example(path="")
@example(path=".")
@example(path="..")
@example(path="/")
@example(path="\0")
@example(path="wav")
def test_any_path_is_a_sound_row_no_clip_or_an_error(path: str) -> None:
    for corpus in NAMED:
        check_path(corpus, path)


def test_every_published_clip_has_a_checksum_where_there_is_a_table() -> None:
    for corpus in ALL:
        table = load_checksums(corpus)
        assert bool(table) == (corpus.checksums_of is not None)
        if not table:
            continue
        with case(corpus.name):
            assert len(table) == corpus.expected.n_clips
            assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in table.values())
            paths = [clip.removeprefix(f"{corpus.name}/") for clip in table]
            # where a name has a point, what follows is not its ending
            rows = [parsed(corpus, f"{path}.wav") for path in paths]
            assert [row.clip for row in rows if row] == paths
            assert Counter(row.emotion for row in rows if row) == dict(corpus.expected.emotions)
            speakers = {row.speaker for row in rows if row}
            assert len(speakers) == corpus.speakers
            for row in rows:
                assert row is not None
                check_row(corpus, row)


def test_an_unknown_corpus_is_named_with_those_known(refused: Refused) -> None:
    for name in ("ravdes", "", "build", "../ravdess", "synthetic", "__init__"):
        with refused(f"unknown corpus {name!r}", ", ".join(corpus_names())):
            find_corpus(name)


# What a file of a corpus may say


def make(pattern: str, **changes: object) -> Corpus:
    facts = {"title": "Toy", "language": "tt", "licence": "none", "citation": "nobody"}
    given = {"emotions": {"h": ("happy", 3), "j": ("happy", 2), "s": "sad"}, **facts, **changes}
    return named_corpus(name="toy", pattern=pattern, **given)  # type: ignore[arg-type]


def test_a_pattern_takes_the_codes_of_its_tables() -> None:
    tables = {"emotion": {"a": "angry", "a.": "afraid", "sad": "sad"}}
    assert fill("(?P<emotion>)-(?P<take>1)", tables) == r"(?P<emotion>sad|a\.|a)-(?P<take>1)"
    assert shown(r"(?P<speaker>(?P<gender>[fm])\d\d)_\d+\.(?P<emotion>)") == "{speaker}_*.{emotion}"


def test_counts_of_codes_that_mean_the_same_are_added_and_the_unknown_stay_unknown() -> None:
    toy = make(r"(?P<speaker>\d)(?P<emotion>)")
    assert dict(toy.expected.emotions) == {"happy": 5, "sad": None}
    assert toy.expected.n_clips is None
    assert toy.speakers is None
    assert toy.is_direct is False
    direct = make(r"(?P<speaker>\d)(?P<emotion>)", archives=(Archive("http://a", "a.zip"),))
    assert direct.is_direct


def test_what_names_do_not_tell_is_left_open() -> None:
    row = parsed(make(r"(?P<speaker>\d)(?P<emotion>)(?:-(?P<take>\d))?"), "x/1h.wav")
    assert row == ClipName("1h", "1", UNKNOWN, "happy", "", "", "1")
    row = parsed(make(r"(?P<speaker>)(?P<emotion>)", female="a b", male="c"), "ah.wav")
    assert row == ClipName("ah", "a", "female", "happy", "", "", "1")


def test_a_pattern_that_cannot_be_used_says_why() -> None:
    for pattern, why in {
        r"(?P<speaker>\d)": "no group emotion",
        r"(?P<emotion>)": "no group speaker",
        r"(?P<speaker>)(?P<emotion>)": "speaker is empty",
        r"(?P<speaker>\d)(?P<emotion>)(?P<mood>x)": "unknown group mood",
    }.items():
        with pytest.raises(ValueError, match=why):
            make(pattern)
    toy = make(r"(?P<speaker>\d)(?P<emotion>[a-z])")
    with pytest.raises(ValueError, match="no emotion code x"):
        parsed(toy, "1x.wav")
