"""How well an emotion is told by something that is none: each cue by itself, beside chance."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.naive_bayes import CategoricalNB

from ser.clips.manifest import speaker_keys
from ser.core.scoring import unweighted_average_recall
from ser.evaluation.intervals import uar_interval

Int = npt.NDArray[np.int64]

# what each cue is made of; numbers are told apart by their octiles, texts as they are
CUES: dict[str, tuple[str, ...]] = {
    "duration": ("duration_s",),
    "loudness": ("level_db", "peak_db"),
    "silence": ("lead_s", "trail_s"),
    "format": ("file_format",),
    "words": ("sentence",),
}
_TEXTS = ("format", "words")
SPEAKER = "speaker"
COLUMNS = ("cue", "uar", "low", "high", "chance", "p", "warns", "speakers", "one_emotion")
# how often a corpus without any shortcut may be warned of, over all cues together
FALSE_ALARMS = 0.02
# share of the way from chance to certainty below which a cue is not worth a warning
SMALLEST_SHARE = 0.05
_BINS = 8
_FOLDS = 10
_SHUFFLES, _BLOCK = 999, 111
_SEED = 20_261_126


def measure_shortcuts(clips: pd.DataFrame) -> pd.DataFrame:
    """What each cue alone recognises of a corpus's emotions.

    A naive Bayes classifier with equal weight of every emotion sees the octiles of one cue and is
    asked about speakers that it did not train on. Whether it beats chance is told by a permutation
    test: emotions are shuffled within each speaker (Ojala & Garriga, 2010, Permutation tests for
    studying classifier performance, JMLR 11, 1833-1863), so that speakers who differ in level and
    show emotions unequally raise no alarm; the level is Bonferroni's over the cues. The speaker is
    an oracle that knows everybody's most frequent emotion; its chance is what it has where emotions
    are shuffled over all clips.

    Args:
        clips: one row a clip with `corpus`, `speaker`, `emotion`, and the columns of `CUES` that
            there are.

    Returns:
        One row a cue: `cue`; `uar` in percent with its 95 % interval over speakers (`low`, `high`);
        `chance` in percent; `p`; whether it `warns` of a shortcut; and for the whole corpus, how
        many `speakers` there are and how many of them show `one_emotion` only.
    """
    clips = clips.reset_index(drop=True)
    speaker = pd.factorize(speaker_keys(clips), sort=True)[0].astype(np.int64)
    emotion, names = pd.factorize(clips["emotion"], sort=True)
    emotion = emotion.astype(np.int64)
    counts = clips.groupby(speaker)["emotion"].nunique()
    whole = {"speakers": len(counts), "one_emotion": int((counts == 1).sum())}
    if len(names) < 2:
        return pd.DataFrame(columns=list(COLUMNS))
    answers = {
        cue: _answers(values, emotion, speaker, cue in _TEXTS)
        for cue, columns in CUES.items()
        if (values := _values(clips, columns)) is not None
    }
    level = FALSE_ALARMS / (len(answers) + 1)
    rows = []
    for cue in (*answers, SPEAKER):
        if cue == SPEAKER:
            predicted = _majorities(emotion, speaker, len(names))
            uar, null = _uar(emotion, predicted), _speaker_null(emotion, speaker, len(names))
            chance = max(100 / len(names), float(null.mean()))
        else:
            predicted = answers[cue]
            uar, null = _uar(emotion, predicted), _shuffled(emotion, predicted, speaker)
            chance = 100 / len(names)
        p = (1 + int((null >= uar - 1e-9).sum())) / (1 + len(null))
        interval = uar_interval(clips.assign(predicted=np.asarray(names)[predicted]))
        share = (uar - chance) / (100 - chance)
        rows.append(
            {
                "cue": cue,
                "uar": uar,
                "low": interval.low if interval else np.nan,
                "high": interval.high if interval else np.nan,
                "chance": chance,
                "p": p,
                "warns": bool(p <= level and share >= SMALLEST_SHARE),
                **whole,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _values(clips: pd.DataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.float64] | None:
    """Numbers of a cue, shape (clips, columns); None where it is not known or never differs."""
    if not set(columns) <= set(clips.columns):
        return None
    parts = [
        clips[name] if pd.api.types.is_numeric_dtype(clips[name]) else _codes(clips[name])
        for name in columns
    ]
    values = np.stack([np.asarray(part, np.float64) for part in parts], axis=1)
    return values if (values != values[0]).any() else None


def _codes(texts: "pd.Series[str]") -> Int:
    return pd.factorize(texts, sort=True)[0].astype(np.int64)


def _answers(values: npt.NDArray[np.float64], emotion: Int, speaker: Int, is_text: bool) -> Int:
    """What a cue says of every clip, when the clip's speaker did not train."""
    groups = len(np.unique(speaker))
    if groups > 1:
        folds = GroupKFold(min(_FOLDS, groups)).split(values, emotion, speaker)
    else:
        smallest = int(np.bincount(emotion).min())
        folds = StratifiedKFold(max(2, min(5, smallest))).split(values, emotion)
    answers = np.zeros(len(values), np.int64)
    for trains, tested in folds:
        if is_text:
            parts = values.astype(np.int64)
        else:
            # quantiles of what trains; those that fall together count once
            shares = np.linspace(0, 1, _BINS + 1)[1:-1]
            edges = [np.unique(np.quantile(part, shares)) for part in values[trains].T]
            cut = zip(edges, values.T, strict=True)
            parts = np.stack([np.searchsorted(at, part, "right") for at, part in cut], axis=1)
        model = CategoricalNB(fit_prior=False, min_categories=parts.max(axis=0) + 1)
        answers[tested] = model.fit(parts[trains], emotion[trains]).predict(parts[tested])
    return answers


def _uar(emotion: Int, predicted: Int) -> float:
    return float(unweighted_average_recall(emotion.tolist(), predicted.tolist()))


def _shuffled(emotion: Int, predicted: Int, speaker: Int) -> npt.NDArray[np.float64]:
    """UAR of the same answers, when emotions are shuffled within each speaker."""
    rng = np.random.default_rng(_SEED)
    order = np.argsort(speaker, kind="stable")
    own, said, who = emotion[order], predicted[order], speaker[order]
    totals = np.bincount(own)
    scores = []
    for begin in range(0, _SHUFFLES, _BLOCK):
        # within a speaker any order, and speakers one after another
        keys = who + rng.random((min(_BLOCK, _SHUFFLES - begin), len(own)))
        mixed = own[np.argsort(keys, axis=1)]
        right = [
            ((mixed == kind) & (said == kind)).sum(axis=1) / total
            for kind, total in enumerate(totals)
        ]
        scores.append(100 * np.mean(right, axis=0))
    return np.concatenate(scores)


def _majorities(emotion: Int, speaker: Int, count: int) -> Int:
    """Every clip's speaker's most frequent emotion; of several, the first."""
    return np.asarray(_shown(emotion, speaker, count).argmax(axis=1)[speaker], np.int64)


def _shown(emotion: Int, speaker: Int, count: int) -> Int:
    """How many clips of each speaker show each emotion, shape (speakers, emotions)."""
    size = (int(speaker.max()) + 1) * count
    return np.bincount(speaker * count + emotion, minlength=size).reshape(-1, count)


def _speaker_null(emotion: Int, speaker: Int, count: int) -> npt.NDArray[np.float64]:
    """UAR of the oracle of speakers, when emotions are shuffled over all clips."""
    rng = np.random.default_rng(_SEED)
    totals = np.bincount(emotion, minlength=count)
    scores = np.empty(_SHUFFLES)
    for number in range(_SHUFFLES):
        table = _shown(rng.permutation(emotion), speaker, count)
        best = table.argmax(axis=1)
        right = np.bincount(best, weights=table.max(axis=1), minlength=count)
        scores[number] = 100 * (right / totals).mean()
    return scores
