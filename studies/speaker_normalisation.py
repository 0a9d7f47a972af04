"""How many unlabelled clips of a new speaker buy how much: speaker normalisation by few clips.

In: data/splits, data/features, data/functionals and models/studies (the reference) of a corpus.
Params: studies.training and all that training reads.
Out: plots/studies/speaker_normalisation/<corpus>.csv.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor

from ser.clips.manifest import speaker_keys
from ser.core.settings import Values as Parameters
from ser.evaluation.out_of_fold import Model
from ser.evaluation.predictions import IDENTITY
from ser.evaluation.trials import Job, Trial, compared, of_every_fold
from ser.guards.checks import Purpose
from ser.models.inference import predict_probabilities
from ser.models.linear import LinearModel, combine
from ser.reading.data import SystemData, check_uses, clips_only
from ser.reading.normalization import Normalizer
from ser.reading.reader import Reader
from studies.reference import load, reference_predictions
from studies.study import Tables, run_study

TRANSDUCTIVE = "speaker_normalized"
# clips of a speaker whose statistics are used; more than a speaker has is all of them
COUNTS = (1, 2, 5, 10, 20, 40, 60)
# times that the clips are drawn anew, where they are not all
DRAWS = 3
# statistics of few clips are drawn to those of an average training speaker, as if that speaker had
# so many clips; set beforehand, not tuned
PRIOR_CLIPS = 5
_SEED = 20_261_125
# a deviation below this is that of a value which does not change
_STILL = 1e-9

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


def study_normalisation(values: Parameters, corpus: str) -> Tables:
    """Train on normalised speakers, and normalise those who are tested by few or many clips.

    Those who train are normalised by all their clips, which are at hand. Whoever is tested gives
    some clips without labels, drawn at random; their mean and deviation normalise all clips of the
    speaker. Functionals of few clips vary too much for that and are drawn to those of an average
    training speaker; the network's features have a mean and deviation from the first clip on.

    Returns:
        One row a number of clips, as `compared` gives it, but for `clips` in place of `name`; 0 is
        the reference, which never sees another clip of the speaker.
    """
    trial = Trial.of(TRANSDUCTIVE, values, load(corpus, TRANSDUCTIVE))
    work = _Work(load(corpus))
    done = of_every_fold([trial], work, f"{corpus}: speaker normalisation")[TRANSDUCTIVE]
    answers = pd.concat(done, ignore_index=True).groupby("clips")
    found = {"0": reference_predictions(values, corpus)}
    found |= {str(count): table for count, table in answers}
    table = compared(found, "0").rename(columns={"name": "clips"})
    return {"": table.assign(clips=table["clips"].astype(int))}


@dataclass(frozen=True)
class _Work:
    """Train a fold of the trial, and predict by every number of clips."""

    honest: SystemData

    def __call__(self, job: Job) -> pd.DataFrame:
        model, _ = job.train()
        return predict_by_counts(model, job.trial.data, self.honest)


def predict_by_counts(model: Model, data: SystemData, honest: SystemData) -> pd.DataFrame:
    """Predictions of the tested clips of the model's fold for every number of clips and draw.

    Args:
        data: what the model was trained on.
        honest: the same under a protocol that normalises by nobody's other clips. Tested clips are
            read under it, as they are and for the test only, and normalised here: the one crossing
            that is studied.

    Returns:
        Columns: those of `IDENTITY` (`seed` is the model's seed times `DRAWS` plus the draw),
        `clips`, `emotion`, `predicted`, `protocol`, `mark`.

    Raises:
        LeakError: if a part of the model was made from what it would be tested on.
    """
    network, fold = model.network, model.network.fold
    for part in (network, model.linear):
        if part is not None:
            check_uses(data, fold, part.uses)
    tested = honest.with_role(fold, "test").sort_values("clip", ignore_index=True)
    speakers = speaker_keys(tested).to_numpy()
    reader = Reader(honest, fold)
    features = reader.features(clips_only(honest, tested), Purpose.TEST)
    linear = model.linear and _LinearPart(model, model.linear.model, reader, tested)
    most = int(pd.Series(speakers).value_counts().max())
    tables = []
    for count in COUNTS:
        for draw in range(DRAWS if count < most else 1):
            enrolled = {
                who: draw_clips(np.flatnonzero(speakers == who), count, str(who), draw)
                for who in np.unique(speakers)
            }
            normalized = _normalise(features, speakers, enrolled)
            heard = predict_probabilities(network.network, normalized).double().numpy()
            best = (linear.added_to(heard, enrolled) if linear else heard).argmax(axis=1)
            tables.append(
                tested.assign(
                    fold=fold,
                    seed=DRAWS * network.seed + draw,
                    clips=count,
                    predicted=[network.emotions[number] for number in best],
                )[[*IDENTITY, "clips", "emotion", "predicted"]]
            )
    return pd.concat(tables, ignore_index=True).assign(**data.protocol.fields)


def draw_clips(places: Places, count: int, speaker: str, draw: int) -> Places:
    """Some of a speaker's places: each larger number holds the smaller ones of the same draw."""
    seed = [_SEED, draw, *speaker.encode()]
    return np.random.default_rng(seed).permutation(places)[:count]


def _normalise(
    features: Sequence[Tensor], speakers: npt.NDArray[Any], enrolled: Mapping[str, Places]
) -> list[Tensor]:
    own = {
        who: Normalizer.fit("speaker", [features[place] for place in places])
        for who, places in enrolled.items()
    }
    return [own[who](clip) for who, clip in zip(speakers, features, strict=True)]


def moments(values: Values) -> Values:
    """Mean and variance of functionals of some clips, shape (2, functionals)."""
    return np.stack([values.mean(axis=0), values.var(axis=0)])


def drawn_to(average: Values, own: Values, clips: int) -> Values:
    """Moments of so many clips of a speaker, mixed with those of an average speaker."""
    share = clips / (clips + PRIOR_CLIPS)
    return share * own + (1 - share) * average


def scaled(values: Values, by: Values) -> Values:
    """Functionals less the mean, over the deviation, by moments."""
    return (values - by[0]) / np.maximum(np.sqrt(by[1]), _STILL)


class _LinearPart:
    """The linear part of a model, and what it needs to know of the tested clips of its fold."""

    def __init__(self, model: Model, linear: LinearModel, reader: Reader, tested: pd.DataFrame):
        self.model, self.linear, self.corpora = model, linear, tested["corpus"].tolist()
        self.speakers = speaker_keys(tested).to_numpy()
        self.values = reader.functionals(tested, Purpose.TEST)
        trains = reader.data.with_role(model.network.fold, "train")
        values, who = reader.functionals(trains, Purpose.STATISTICS), speaker_keys(trains)
        every = [moments(values[(who == name).to_numpy()]) for name in sorted(set(who))]
        self.average: Values = np.mean(every, axis=0)

    def added_to(self, heard: Values, enrolled: Mapping[str, Places]) -> Values:
        """Probabilities of both parts, with functionals normalised by the clips that were drawn."""
        values = np.empty_like(self.values)
        for who, places in enrolled.items():
            own = drawn_to(self.average, moments(self.values[places]), len(places))
            of_speaker = self.speakers == who
            values[of_speaker] = scaled(self.values[of_speaker], own)
        described = self.linear.predict(values, self.corpora)
        return combine(heard, described, self.model.share)


if __name__ == "__main__":
    run_study("speaker_normalisation", study_normalisation)
