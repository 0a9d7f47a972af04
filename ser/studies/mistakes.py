"""Which clips are mistaken for what: every clip's answer, and the pairs that are confused."""

from dataclasses import dataclass

import pandas as pd

from ser.evaluation.predictions import IDENTITY, probability_columns

_CLIP = [*(name for name in IDENTITY if name not in ("seed", "fold")), "emotion"]


@dataclass(frozen=True)
class MistakeStudy:
    """Answers clip by clip.

    Attributes:
        clips: one row a clip, the surest mistakes first and the surest right answers last: the
            clip's `IDENTITY` without seed and fold, `emotion`, `answer` (the most probable emotion,
            mean of all seeds), `confidence` (its probability), `of_truth` (that of the true
            emotion), `right` (share of seeds that recognise the clip).
        pairs: one row a true emotion and another it was taken for, most frequent first: `emotion`,
            `answer`, `clips`, `percent` (of the clips of the true emotion).
    """

    clips: pd.DataFrame
    pairs: pd.DataFrame


def study_mistakes(predictions: pd.DataFrame) -> MistakeStudy:
    """Answers of all seeds together, from out-of-fold predictions with probabilities."""
    columns = probability_columns(predictions)
    mean = predictions.groupby("clip")[columns].mean()
    clips = predictions.drop_duplicates("clip")[_CLIP].set_index("clip", drop=False)
    clips = clips.loc[mean.index].reset_index(drop=True)
    right = (predictions["predicted"] == predictions["emotion"]).groupby(predictions["clip"]).mean()
    values = mean.to_numpy()
    best = values.argmax(axis=1)
    truth = [columns.index(f"p_{emotion}") for emotion in clips["emotion"]]
    table = clips.assign(
        answer=[columns[place].removeprefix("p_") for place in best],
        confidence=values.max(axis=1),
        of_truth=values[range(len(values)), truth],
        right=right.loc[mean.index].to_numpy(),
    )
    wrong = table["answer"] != table["emotion"]
    sureness = table["confidence"].where(wrong, -table["confidence"])
    table = table.assign(sureness=sureness).sort_values(
        ["sureness", "clip"], ascending=[False, True], ignore_index=True
    )
    return MistakeStudy(table.drop(columns="sureness"), _pairs(table))


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    wrong = table[table["answer"] != table["emotion"]]
    counts = wrong.groupby(["emotion", "answer"]).size().reset_index(name="clips")
    of_all = counts["emotion"].map(table["emotion"].value_counts())
    return counts.assign(percent=100 * counts["clips"] / of_all).sort_values(
        ["percent", "emotion", "answer"], ascending=[False, True, True], ignore_index=True
    )
