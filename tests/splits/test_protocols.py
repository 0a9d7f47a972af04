"""Every protocol divides as it says, and nothing crosses but what it declares."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.core.errors import SerError
from ser.guards.checks import check_folds
from ser.guards.crossings import Crossing
from ser.guards.folds import ROLES, hash_folds
from ser.guards.mismatch import ProtocolMismatchError
from ser.splits.protocols import PROTOCOLS, assign_folds, find_protocol, summary
from tests.conftest import Refused, case
from tests.splits.manifests import (
    FIVE_FOLDS,
    TWINS,
    check_by_hand,
    corpora_of,
    crossings,
    fitting_manifest,
    folds_of,
    known_folds,
    known_manifest,
)

# Test actors as published: Ma et al. (2024), EmoBox. The validation actors are the project's.
SIX_FOLDS = [
    ([1, 11, 20, 21], [8, 9]),
    ([4, 10, 12, 14], [8, 9]),
    ([8, 9, 19, 23], [3, 24]),
    ([3, 5, 7, 24], [2, 15]),
    ([2, 15, 16, 18], [6, 13]),
    ([6, 13, 17, 22], [1, 20]),
]

SPEAKER, STATEMENT = Crossing.SPEAKER, Crossing.STATEMENT
TAKE, AUDIO, COPY = Crossing.TAKE, Crossing.AUDIO, Crossing.COPY
STATISTIC, CHECKPOINT = Crossing.STATISTIC, Crossing.CHECKPOINT
DECLARED: dict[str, set[Crossing]] = {
    "speaker_independent": {STATEMENT},
    "ravdess_five_fold": {STATEMENT},
    "ravdess_emobox_six_fold": {STATEMENT},
    "leave_one_speaker_out": {STATEMENT},
    "two_speakers": {STATEMENT},
    "speaker_and_statement_open": set(),
    "leave_one_statement_out": {SPEAKER},
    "speaker_normalized": {STATEMENT, STATISTIC},
    "leaky_random": {SPEAKER, STATEMENT, TAKE, AUDIO},
    "leaky_augment_before_split": {SPEAKER, STATEMENT, TAKE, AUDIO, COPY},
    "leaky_best_epoch_on_test": {STATEMENT, CHECKPOINT},
    "leaky_undeclared_speaker_normalization": {STATEMENT, STATISTIC},
    "leaky_everything": {SPEAKER, STATEMENT, TAKE, AUDIO, COPY, STATISTIC, CHECKPOINT},
}
RAVDESS_ONLY = {"ravdess_five_fold", "ravdess_emobox_six_fold"}
SHUFFLED = ("leaky_random", "leaky_augment_before_split", "leaky_everything")
FITTING = [(corpus, name) for name in DECLARED for corpus in corpora_of(name)]

few_examples = settings(max_examples=8)


@st.composite
def manifests(
    draw: st.DrawFn, least_speakers: int = 3, least_statements: int = 2, takes: int = 1
) -> pd.DataFrame:
    """Every speaker says every statement with every emotion, in no helpful order."""
    names = st.text("abcdefgh0123", min_size=1, max_size=4)
    speakers = draw(st.sets(names, min_size=least_speakers, max_size=9))
    statements = draw(st.sets(names, min_size=least_statements, max_size=6))
    emotions = draw(st.sampled_from([("sad",), ("sad", "happy"), ("sad", "happy", "angry")]))
    rows = [
        {
            "clip": f"toy/{speaker}/{statement}-{emotion}-{take}",
            "corpus": "toy",
            "speaker": speaker,
            "gender": "female",
            "sentence": statement,
            "emotion": emotion,
        }
        for speaker in speakers
        for statement in statements
        for emotion in emotions
        for take in range(takes)
    ]
    manifest = pd.DataFrame(draw(st.permutations(rows)))
    return manifest.assign(take_group=manifest["clip"], pcm_sha256=manifest["clip"])


def sides(manifest: pd.DataFrame, folds: pd.DataFrame, fold: int, column: str) -> list[set[str]]:
    """What of a column trains, validates and tests in a fold."""
    unit = dict(zip(manifest["clip"], manifest[column], strict=True))
    rows = folds[folds["fold"] == fold]
    return [{unit[clip] for clip in rows.loc[rows["role"] == role, "clip"]} for role in ROLES]


def numbers(folds: pd.DataFrame) -> list[int]:
    return sorted(folds["fold"].unique())


# All protocols


def test_what_crosses_is_declared_as_written_here() -> None:
    assert {name: set(PROTOCOLS[name].crosses) for name in PROTOCOLS} == DECLARED
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())


def test_on_known_corpora_nothing_crosses_but_what_is_declared() -> None:
    counted: dict[tuple[str, str], set[Crossing]] = {}
    for corpus, name in FITTING:
        with case(corpus, name):
            manifest, folds = known_manifest(corpus), known_folds(corpus, name)
            check_folds(manifest, folds, PROTOCOLS[name])
            # several protocols have the same folds: that which declares least comes first
            declared = counted.setdefault((corpus, hash_folds(folds)), DECLARED[name])
            if declared is DECLARED[name]:
                check_by_hand(manifest, folds, declared)
            assert declared <= DECLARED[name]


@few_examples
@given(manifest=manifests(least_speakers=2, takes=3))
def test_on_any_corpus_nothing_crosses_but_what_is_declared(manifest: pd.DataFrame) -> None:
    fitting = 0
    for name, protocol in PROTOCOLS.items():
        try:
            folds = assign_folds(manifest, name)
        except ProtocolMismatchError:
            continue
        check_folds(manifest, folds, protocol)
        check_by_hand(manifest, folds, DECLARED[name])
        fitting += 1
    assert fitting == (5 if manifest["speaker"].nunique() == 2 else 10)


def test_folds_do_not_depend_on_the_order_of_the_manifest() -> None:
    for name in DECLARED:
        mixed = fitting_manifest(name).sample(frac=1, random_state=1)
        assert hash_folds(folds_of(name)) == hash_folds(assign_folds(mixed, name)), name


def kept(column: str, many: int) -> pd.DataFrame:
    """RAVDESS with few of its speakers or statements."""
    manifest = known_manifest("ravdess")
    return manifest[manifest[column].isin(sorted(manifest[column].unique())[:many])]


TOO_SMALL = [
    ("leave_one_speaker_out", "speaker", 2, "three speakers"),
    ("speaker_independent", "speaker", 2, "three speakers"),
    ("speaker_normalized", "speaker", 2, "three speakers"),
    ("leaky_best_epoch_on_test", "speaker", 2, "three speakers"),
    ("leaky_undeclared_speaker_normalization", "speaker", 2, "three speakers"),
    ("speaker_and_statement_open", "speaker", 2, "three speakers"),
    ("speaker_and_statement_open", "sentence", 1, "two statements"),
    ("leave_one_statement_out", "sentence", 1, "two statements"),
    ("leave_one_statement_out", "speaker", 1, "two speakers"),
    ("ravdess_five_fold", "speaker", 23, "24 actors"),
    ("ravdess_emobox_six_fold", "speaker", 23, "24 actors"),
    ("leaky_random", "clip", 4, "5 clips of every emotion"),
    ("leaky_augment_before_split", "clip", 4, "5 clips of every emotion"),
    ("leaky_everything", "clip", 4, "5 clips of every emotion"),
    ("two_speakers", "speaker", 3, "two speakers"),
]


def test_too_small_a_corpus_is_refused_by_name(refused: Refused) -> None:
    assert {name for name, *_ in TOO_SMALL} == set(PROTOCOLS)
    for name, column, many, says in TOO_SMALL:
        said = (f"Protocol {name} ", "ravdess", says)
        with case(f"{name}, {column}"), refused(*said, error=ProtocolMismatchError):
            assign_folds(kept(column, many), name)


def test_an_unknown_protocol_is_named_with_those_known(refused: Refused) -> None:
    with refused("'random'", *PROTOCOLS):
        assign_folds(known_manifest("emodb"), "random")
    with refused("'random'", *PROTOCOLS):
        find_protocol("random")


# How results are marked


def test_only_protocols_called_leaky_are_leaky() -> None:
    leaky = {name for name, protocol in PROTOCOLS.items() if protocol.kind == "leaky"}
    assert leaky == {name for name in PROTOCOLS if name.startswith("leaky_")}
    assert leaky, "there is nothing to compare with"


def test_what_scores_too_well_is_leaky_or_says_what_it_is() -> None:
    for name, protocol in PROTOCOLS.items():
        if protocol.kind == "speaker-independent":
            assert protocol.crosses <= {STATEMENT}, f"{name} hides what crosses"
    others = {name: protocol.kind for name, protocol in PROTOCOLS.items() if protocol.mark}
    honest = {name: kind for name, kind in others.items() if kind != "leaky"}
    assert honest == {
        "two_speakers": "speaker-independent",
        "leave_one_statement_out": "speaker-dependent",
        "speaker_normalized": "transductive",
    }


def test_marks_say_what_crosses() -> None:
    marks = {name: protocol.mark for name, protocol in PROTOCOLS.items() if protocol.mark}
    assert marks == {
        "two_speakers": "no validation speaker",
        "leave_one_statement_out": "speaker-dependent",
        "speaker_normalized": "transductive",
        "leaky_random": "LEAKY: speaker, take, duplicate audio",
        "leaky_augment_before_split": "LEAKY: speaker, take, duplicate audio, augmented copy",
        "leaky_best_epoch_on_test": "LEAKY: checkpoint choice",
        "leaky_undeclared_speaker_normalization": "LEAKY: fitted statistic",
        "leaky_everything": "LEAKY: speaker, take, duplicate audio, augmented copy, "
        "fitted statistic, checkpoint choice",
    }


def test_every_protocol_has_a_sentence() -> None:
    for name, protocol in PROTOCOLS.items():
        assert summary(name).endswith("."), f"{name} says {summary(name)!r}"
        assert len(summary(name)) > 20
        assert protocol.validates == (name != "two_speakers")


# RAVDESS as published


PUBLISHED = {
    "ravdess_five_fold": FIVE_FOLDS,
    "ravdess_emobox_six_fold": SIX_FOLDS,
    "speaker_independent": FIVE_FOLDS,
    "speaker_normalized": FIVE_FOLDS,
    "leaky_best_epoch_on_test": FIVE_FOLDS,
    "leaky_undeclared_speaker_normalization": FIVE_FOLDS,
}


def test_ravdess_folds_are_the_published_ones() -> None:
    manifest, actors = known_manifest("ravdess"), set(range(1, 25))
    for name, published in PUBLISHED.items():
        folds = known_folds("ravdess", name)
        assert numbers(folds) == list(range(len(published)))
        for number, (test, validation) in enumerate(published):
            train = actors - {*test, *validation}
            expected = [{f"{who:02d}" for who in side} for side in (train, validation, test)]
            assert sides(manifest, folds, number, "speaker") == expected, f"{name}, fold {number}"
        assert len(folds) == len(published) * len(manifest), "a clip is left out"


def test_validation_actors_are_a_woman_and_a_man_in_every_sixth() -> None:
    for number, (test, validation) in enumerate(SIX_FOLDS):
        assert {who % 2 for who in validation} == {0, 1}, f"fold {number}"
        assert not {*validation} & {*test}


# Speakers


def test_one_speaker_is_left_out_and_the_next_one_validates() -> None:
    for corpus in corpora_of("leave_one_speaker_out"):
        check_next_validates(known_manifest(corpus), known_folds(corpus, "leave_one_speaker_out"))
        if corpus != "ravdess":
            same = [
                known_folds(corpus, name)
                for name in ("leave_one_speaker_out", "speaker_independent")
            ]
            assert hash_folds(same[0]) == hash_folds(same[1])


@few_examples
@given(manifests())
def test_the_next_speaker_validates_in_any_corpus(manifest: pd.DataFrame) -> None:
    check_next_validates(manifest, assign_folds(manifest, "leave_one_speaker_out"))


def check_next_validates(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    everyone = sorted(manifest["speaker"].unique())
    assert numbers(folds) == list(range(len(everyone)))
    for number, speaker in enumerate(everyone):
        train, validation, test = sides(manifest, folds, number, "speaker")
        assert test == {speaker}
        assert validation == {everyone[(number + 1) % len(everyone)]}
        assert train == set(everyone) - test - validation
    assert len(folds) == len(everyone) * len(manifest), "a clip is left out"


def test_of_two_speakers_one_trains_and_the_other_is_tested() -> None:
    manifest, folds = fitting_manifest("two_speakers"), folds_of("two_speakers")
    assert [sides(manifest, folds, number, "speaker") for number in numbers(folds)] == [
        [{"02"}, set(), {"01"}],
        [{"01"}, set(), {"02"}],
    ]


# Statements


def test_the_statement_that_is_tested_is_never_heard_before() -> None:
    for corpus in corpora_of("leave_one_statement_out"):
        check_statement_is_new(
            known_manifest(corpus), known_folds(corpus, "leave_one_statement_out")
        )


@few_examples
@given(manifests(least_speakers=2))
def test_the_tested_statement_is_new_in_any_corpus(manifest: pd.DataFrame) -> None:
    check_statement_is_new(manifest, assign_folds(manifest, "leave_one_statement_out"))


def check_statement_is_new(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    statements = sorted(manifest["sentence"].unique())
    assert numbers(folds) == list(range(len(statements)))
    for number, statement in enumerate(statements):
        train, validation, test = sides(manifest, folds, number, "sentence")
        assert test == {statement}
        assert statement not in train | validation, f"fold {number} has heard its test's words"
        if len(statements) > 2:
            assert validation == {statements[(number + 1) % len(statements)]}
            assert not validation & train
        else:
            assert validation == train == set(statements) - test


def test_of_two_statements_every_fifth_speaker_validates() -> None:
    manifest, folds = known_manifest("ravdess"), known_folds("ravdess", "leave_one_statement_out")
    for number in (0, 1):
        train, validation, test = sides(manifest, folds, number, "speaker")
        assert validation == {f"{who:02d}" for who in range(number + 1, 25, 5)}
        assert not train & validation, "a validation speaker trains"
        assert len(test) == 24


def test_the_twin_recordings_of_known_corpora_never_face_each_other() -> None:
    for corpus, name in FITTING:
        if corpus not in TWINS or TAKE in DECLARED[name]:
            continue
        assert known_manifest(corpus)["take_group"].duplicated().sum() == 1, "the twin is missing"
        folds = known_folds(corpus, name)
        twins = folds[folds["clip"].isin(TWINS[corpus])]
        assert (twins.groupby("fold")["role"].nunique() <= 1).all(), f"{corpus}, {name}"


def test_the_twin_of_a_tested_clip_is_left_out_under_statements() -> None:
    first, second = TWINS["emovo"]
    manifest = known_manifest("emovo")
    said = manifest.set_index("clip")["sentence"]
    assert said[first] != said[second], "the twin has one statement only"
    folds = assign_folds(manifest, "leave_one_statement_out")
    for one, other in ((first, second), (second, first)):
        tested = folds.loc[(folds["clip"] == one) & (folds["role"] == "test"), "fold"].tolist()
        assert len(tested) == 1
        assert other not in set(folds.loc[folds["fold"] == tested[0], "clip"])
    alone = manifest.assign(take_group=manifest["clip"])
    plain = assign_folds(alone, "leave_one_statement_out")
    gone = len(plain) - len(folds)
    assert 2 <= gone <= 4, f"{gone} rows are left out for one twin"


@few_examples
@given(manifests(takes=2), st.data())
def test_twins_under_any_two_statements_never_face_each_other(
    manifest: pd.DataFrame, data: st.DataObject
) -> None:
    speaker = data.draw(st.sampled_from(sorted(manifest["speaker"].unique())))
    own = manifest.loc[manifest["speaker"] == speaker, "clip"]
    first, second = sorted(data.draw(st.permutations(sorted(own)))[:2])
    manifest.loc[manifest["clip"] == second, "take_group"] = first
    for name in ("leave_one_statement_out", "speaker_and_statement_open"):
        folds = assign_folds(manifest, name)
        check_folds(manifest, folds, PROTOCOLS[name])
        check_by_hand(manifest, folds, DECLARED[name])


def test_new_speakers_say_new_words() -> None:
    for corpus in corpora_of("speaker_and_statement_open"):
        check_both_are_new(
            known_manifest(corpus), known_folds(corpus, "speaker_and_statement_open")
        )


@few_examples
@given(manifests())
def test_new_speakers_say_new_words_in_any_corpus(manifest: pd.DataFrame) -> None:
    check_both_are_new(manifest, assign_folds(manifest, "speaker_and_statement_open"))


def check_both_are_new(manifest: pd.DataFrame, folds: pd.DataFrame) -> None:
    assert not folds["role"].isna().any()
    for number in numbers(folds):
        who, words = (sides(manifest, folds, number, each) for each in ("speaker", "sentence"))
        for heard in (0, 1):
            assert not who[heard] & who[2], f"fold {number}: a tested speaker is heard"
            assert not words[heard] & words[2], f"fold {number}: tested words are heard"
        assert not who[0] & who[1]
        taking_part = set(folds.loc[folds["fold"] == number, "clip"])
        tested = manifest["speaker"].isin(who[2])
        old_words = manifest["sentence"].isin(words[0])
        neither = manifest.loc[tested & old_words | ~tested & ~old_words, "clip"]
        assert not taking_part & set(neither), f"fold {number} uses clips that belong to no side"
        assert len(taking_part) < len(manifest)


def test_new_speakers_and_words_keep_the_actors_of_the_five_folds() -> None:
    manifest, folds = (
        known_manifest("ravdess"),
        known_folds("ravdess", "speaker_and_statement_open"),
    )
    assert numbers(folds) == list(range(10))
    for number, (test, validation) in enumerate(FIVE_FOLDS):
        for fold in (2 * number, 2 * number + 1):
            found = sides(manifest, folds, fold, "speaker")
            assert found[2] == {f"{who:02d}" for who in test}
            assert found[1] == {f"{who:02d}" for who in validation}


# Drawn at random


def test_random_folds_mix_all_speakers_and_spread_emotions_evenly() -> None:
    for corpus in corpora_of("leaky_random"):
        manifest, folds = known_manifest(corpus), known_folds(corpus, "leaky_random")
        everyone = set(manifest["speaker"])
        assert numbers(folds) == list(range(5))
        for number in numbers(folds):
            train, _, test = sides(manifest, folds, number, "speaker")
            assert test <= train == everyone, f"fold {number}: a tested speaker is new"
        assert len(crossings(manifest, folds, "sentence")) >= 10
        counts = folds.merge(manifest[["clip", "emotion"]], on="clip")
        counts = counts.groupby(["role", "emotion", "fold"]).size().unstack("fold")
        for role, most in (("test", 1), ("validation", 1), ("train", 2)):
            uneven = counts.loc[role].max(axis=1) - counts.loc[role].min(axis=1)
            assert uneven.max() <= most, f"{role}: {uneven.idxmax()} is spread unevenly"


def test_random_folds_validate_on_what_the_next_fold_tests() -> None:
    manifest, folds = known_manifest("emodb"), known_folds("emodb", "leaky_random")
    for number in range(5):
        validation = sides(manifest, folds, number, "clip")[1]
        assert validation == sides(manifest, folds, (number + 1) % 5, "clip")[2]


def test_all_shuffled_protocols_draw_the_same_folds() -> None:
    manifest = known_manifest("emovo")
    assert len({hash_folds(assign_folds(manifest, name)) for name in SHUFFLED}) == 1


def test_random_folds_are_no_blocks_of_the_manifest() -> None:
    manifest, folds = known_manifest("ravdess"), known_folds("ravdess", "leaky_random")
    tested = folds[folds["role"] == "test"].set_index("clip")["fold"].reindex(manifest["clip"])
    changes = (tested.to_numpy()[1:] != tested.to_numpy()[:-1]).mean()
    assert changes > 0.6, "neighbours in the manifest are mostly tested together"


def test_a_mismatch_is_an_error_users_see() -> None:
    assert issubclass(ProtocolMismatchError, SerError)
