"""Which column of somebody else's table is what: by the names that are common, or as told."""

import re
from collections.abc import Mapping, Sequence

from ser.core.errors import SerError

# of several that a table has, the first counts
FIELDS: Mapping[str, tuple[str, ...]] = {
    "file": (
        *("file", "file_name", "filename", "path", "file_path", "filepath", "wav", "wav_path"),
        *("audio", "audio_path", "audio_file", "clip", "utterance_id", "utt_id", "utt", "key"),
        *("name", "id"),
    ),
    "start": ("start", "start_time"),
    "end": ("end", "end_time"),
    "corpus": ("corpus", "dataset", "database", "db"),
    "speaker": (
        *("speaker", "speaker_id", "speakerid", "spk", "spk_id", "spkid", "actor", "actor_id"),
        *("subject", "subject_id", "participant", "participant_id", "talker"),
    ),
    "gender": ("gender", "sex"),
    "emotion": (
        *("emotion", "emo", "truth", "true", "actual", "y_true", "true_label", "true_emotion"),
        *("emotion_label", "gold", "reference", "target", "label", "category", "class"),
    ),
    "predicted": (
        *("predicted", "prediction", "predictions", "pred", "y_pred", "predicted_label"),
        *("predicted_emotion", "pred_label", "hypothesis", "hyp", "answer"),
    ),
    "confidence": ("confidence", "probability", "prob"),
    "role": ("split", "set", "subset", "partition", "role", "usage"),
    "fold": ("fold", "cv_fold", "test_fold", "kfold", "fold_id", "fold_number"),
    "seed": ("seed", "run"),
    "sentence": (
        *("sentence", "sentence_id", "statement", "statement_id", "text", "text_id"),
        *("transcript", "transcription", "phrase"),
    ),
    "length": ("duration_s", "length_s", "duration", "length", "dur", "seconds"),
}
_PROBABILITY = re.compile(r"(?:p|prob|proba|probability)[_:. -](.+)", re.IGNORECASE | re.DOTALL)
ROLES = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "dev", "devel", "development", "validate"), "validation"
    ),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "te"), "test"),
}


def plain(name: str) -> str:
    """A column's name, or a role, as it is compared: in lower case, words joined by "_"."""
    return re.sub(r"\W+", "_", name.casefold()).strip("_")


def recognise(
    header: Sequence[str], named: Mapping[str, str], source: str = "The table"
) -> dict[str, str]:
    """The column of each field that a table has.

    Args:
        named: columns of fields, as somebody has told them.

    Raises:
        SerError: if the same column stands there twice.
    """
    found: dict[str, str] = {}
    known: dict[str, str] = {}
    for column in header:
        known.setdefault(plain(column), column)
    for field, names in FIELDS.items():
        wanted = [named[field]] if named.get(field) in header else []
        wanted += [known[name] for name in names if name in known]
        free = [column for column in wanted if column not in found.values()]
        if free:
            found[field] = free[0]
    doubled = [column for column in found.values() if list(header).count(column) > 1]
    if doubled:
        raise SerError(f"{source} has the column {doubled[0]!r} twice; remove one.")
    return found


def probability_label(column: str) -> str | None:
    """The label whose probability a column holds, by its name; None if it does not say so."""
    match = _PROBABILITY.fullmatch(column.strip())
    return match[1] if match else None


def parse_named(options: Sequence[str]) -> dict[str, str]:
    """What `--column speaker=Actor` says.

    Raises:
        SerError: if it is said otherwise, or of no field.
    """
    named = {}
    for option in options:
        field, equals, column = option.partition("=")
        if not equals or field not in FIELDS or not column:
            raise SerError(
                f"--column {option!r} does not name a column; write FIELD=COLUMN with one of "
                f"{', '.join(FIELDS)}."
            )
        named[field] = column
    return named
