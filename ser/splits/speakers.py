"""Speaker-independent folds: nobody is tested by a model that heard them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from ser.guards.mismatch import ProtocolMismatchError


@dataclass(frozen=True)
class Fold:
    """Speakers held out of one fold; all others train."""

    test: tuple[str, ...]
    validation: tuple[str, ...]


# Test actors: Luna-Jimenez et al. (2021), "Multimodal emotion recognition on RAVDESS dataset using
# transfer learning", Sensors 21(22): 7665. Validation actors: Krasnoproshin & Vashkevich (2026).
RAVDESS_FIVE_FOLDS = (
    Fold(test=("02", "05", "14", "15", "16"), validation=("03", "06")),
    Fold(test=("03", "06", "07", "13", "18"), validation=("10", "11")),
    Fold(test=("10", "11", "12", "19", "20"), validation=("08", "17")),
    Fold(test=("08", "17", "21", "23", "24"), validation=("01", "14")),
    Fold(test=("01", "04", "09", "22"), validation=("02", "05")),
)

# Test actors: Ma et al. (2024), "EmoBox: multilingual multi-corpus speech emotion recognition
# toolkit and benchmark", Interspeech. It names no validation actors; these are ours: a woman and a
# man who are tested in the next fold that has both.
RAVDESS_SIX_FOLDS = (
    Fold(test=("01", "11", "20", "21"), validation=("08", "09")),
    Fold(test=("04", "10", "12", "14"), validation=("08", "09")),
    Fold(test=("08", "09", "19", "23"), validation=("03", "24")),
    Fold(test=("03", "05", "07", "24"), validation=("02", "15")),
    Fold(test=("02", "15", "16", "18"), validation=("06", "13")),
    Fold(test=("06", "13", "17", "22"), validation=("01", "20")),
)


def ravdess_five_fold(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Five folds of RAVDESS actors, each with two validation actors."""
    return _ravdess(manifest, RAVDESS_FIVE_FOLDS)


def ravdess_emobox_six_fold(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Six folds of four RAVDESS actors, each with two validation actors."""
    return _ravdess(manifest, RAVDESS_SIX_FOLDS)


def leave_one_speaker_out(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """One fold a speaker (LOSO); the next speaker in sorted order validates."""
    speakers = sorted(manifest["speaker"].unique())
    if len(speakers) < 3:
        raise ProtocolMismatchError("it needs at least three speakers")
    following = speakers[1:] + speakers[:1]
    return by_speakers(
        manifest,
        [
            Fold(test=(speaker,), validation=(after,))
            for speaker, after in zip(speakers, following, strict=True)
        ],
    )


def two_speakers(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """One trains, the other is tested, and the other way round; nobody validates."""
    speakers = sorted(manifest["speaker"].unique())
    if len(speakers) != 2:
        raise ProtocolMismatchError("it is for corpora of two speakers")
    return by_speakers(manifest, [Fold(test=(speaker,), validation=()) for speaker in speakers])


def speaker_independent(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The field's usual folds: the published five of RAVDESS, else one speaker out."""
    if is_ravdess(manifest):
        return ravdess_five_fold(manifest)
    return leave_one_speaker_out(manifest)


def is_ravdess(manifest: pd.DataFrame) -> bool:
    """Whether the speakers are the 24 actors of RAVDESS."""
    actors = sorted(actor for fold in RAVDESS_FIVE_FOLDS for actor in fold.test)
    return sorted(manifest["speaker"].unique()) == actors


def by_speakers(manifest: pd.DataFrame, folds: Sequence[Fold]) -> Iterator[pd.DataFrame]:
    """Folds of a corpus: the speakers named are held out, all others train."""
    for number, fold in enumerate(folds):
        # test last: a speaker listed twice is tested
        roles = {**dict.fromkeys(fold.validation, "validation"), **dict.fromkeys(fold.test, "test")}
        role = manifest["speaker"].astype(str).map(roles).fillna("train")
        yield pd.DataFrame({"fold": number, "clip": manifest["clip"], "role": role})


def _ravdess(manifest: pd.DataFrame, folds: Sequence[Fold]) -> Iterator[pd.DataFrame]:
    if not is_ravdess(manifest):
        raise ProtocolMismatchError("it needs the 24 actors of RAVDESS")
    return by_speakers(manifest, folds)
