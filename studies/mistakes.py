"""Which clips are mistaken for what: every clip's answer, and the pairs that are confused.

In: predictions and metrics of a system.
Out: plots/studies/mistakes/<system>.csv and <system>_pairs.csv.
"""

import pandas as pd

from ser.core.settings import Values
from ser.evaluation.predictions import IDENTITY, probability_columns
from studies.answers import system_answers
from studies.study import Tables, run_study

_CLIP = [*(name for name in IDENTITY if name not in ("seed", "fold")), "emotion"]


def main(_: Values, system: str) -> Tables:
    """List the answers of a system."""
    return study_mistakes(system_answers(system))


def study_mistakes(predictions: pd.DataFrame) -> Tables:
    """Answers of all seeds together, from out-of-fold predictions with probabilities.

    Returns:
        The main table, one row a clip, the surest mistakes first and the surest right answers last:
        the clip's `IDENTITY` without seed and fold, `emotion`, `answer` (the most probable emotion,
        mean of all seeds), `confidence` (its probability), `of_truth` (that of the true emotion),
        `right` (share of seeds that recognise the clip). `_pairs`, one row a true emotion and
        another it was taken for, most frequent first: `emotion`, `answer`, `clips`, `percent` (of
        the clips of the true emotion), `mark` of the protocol.
    """
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
    pairs = _pairs(table).assign(mark=predictions["mark"].iloc[0])
    return {"": table.drop(columns="sureness"), "_pairs": pairs}


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    wrong = table[table["answer"] != table["emotion"]]
    counts = wrong.groupby(["emotion", "answer"]).size().reset_index(name="clips")
    of_all = counts["emotion"].map(table["emotion"].value_counts())
    return counts.assign(percent=100 * counts["clips"] / of_all).sort_values(
        ["percent", "emotion", "answer"], ascending=[False, True, True], ignore_index=True
    )


if __name__ == "__main__":
    run_study("mistakes", main)
