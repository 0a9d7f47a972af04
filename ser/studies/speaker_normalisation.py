"""How many unlabelled clips of a new speaker buy how much: speaker normalisation by few clips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor
from tqdm import tqdm

from ser.clips import speaker_keys
from ser.dataset import FoldReader, SystemData, check_uses, clips_only, load_system
from ser.evaluation.predictions import IDENTITY
from ser.functional_reader import STILL, FunctionalsReader
from ser.models.inference import predict_probabilities
from ser.models.linear import combine
from ser.models.storage import TrainedModel
from ser.normalization import Normalizer
from ser.params import Params, System
from ser.processes import worker_pool
from ser.splits.guards import Purpose
from ser.splits.protocols import find_protocol
from ser.studies.trials import Trial, difference, run_trials, scores
from ser.training.system import train_checked

TRANSDUCTIVE, INDUCTIVE = "speaker_normalized", "speaker_independent"
# clips of a speaker whose statistics are used; more than a speaker has is all of them
COUNTS = (1, 2, 5, 10, 20, 40, 60)
# times that the clips are drawn anew, where they are not all
DRAWS = 3
# statistics of few clips are drawn to those of an average training speaker, as if that speaker had
# so many clips; set beforehand, not tuned
PRIOR_CLIPS = 5
_SEED = 20_261_125

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NormalisationStudy:
    """Scores by the number of unlabelled clips.

    Attributes:
        table: one row a number of clips: `clips` (0 for the system that never sees another clip of
            the speaker), `uar`, `uar_low`, `uar_high`, `uar_deviation`, `accuracy`; and what has
            been gained on 0: `difference`, `difference_low`, `difference_high`, `p`.
        mark: of the protocol of all rows but the first.
        metrics: `mark`, and the rows by the number of clips.
    """

    table: pd.DataFrame
    mark: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Statistics:
    """Mean and variance of functionals, each of shape (functionals,)."""

    mean: Values
    variance: Values

    @classmethod
    def of(cls, values: Values) -> "Statistics":
        """Of clips of one speaker, shape (clips, functionals)."""
        return cls(values.mean(axis=0), values.var(axis=0))

    def drawn_to(self, average: "Statistics", clips: int) -> "Statistics":
        """These of so many clips, mixed with those of an average speaker."""
        own = clips / (clips + PRIOR_CLIPS)
        return Statistics(
            own * self.mean + (1 - own) * average.mean,
            own * self.variance + (1 - own) * average.variance,
        )

    def scale(self, values: Values) -> Values:
        """Values less the mean, over the deviation."""
        return (values - self.mean) / np.maximum(np.sqrt(self.variance), STILL)


def study_normalisation(params: Params, corpus: str, data: Path) -> NormalisationStudy:
    """Train on normalised speakers, and normalise those who are tested by few or many clips.

    Those who train are normalised by all their clips, which are at hand. Whoever is tested gives
    some clips without labels, drawn at random; their mean and deviation normalise all clips of the
    speaker. Functionals of few clips vary too much for that and are drawn to those of an average
    training speaker; the network's features have a mean and deviation from the first clip on.

    Args:
        data: folder with `splits`, `features` and `functionals`.
    """
    params = params.in_studies
    folders = [data / part for part in ("splits", "features", "functionals")]
    chosen = {
        protocol: load_system(
            params, System(corpus=corpus, gender="all", protocol=protocol), *folders
        )
        for protocol in (INDUCTIVE, TRANSDUCTIVE)
    }
    label = f"{corpus}: speaker normalisation"
    without = run_trials([Trial(INDUCTIVE, params, chosen[INDUCTIVE])], label)[INDUCTIVE]
    data_normalised = chosen[TRANSDUCTIVE]
    jobs = [(fold, seed) for seed in params.training.seeds for fold in data_normalised.fold_numbers]
    with worker_pool(params.processes) as pool:
        done = pool.map(partial(_predict_job, params=params, data=data_normalised), jobs)
        tables = list(tqdm(done, total=len(jobs), desc=label, unit="fold"))
    return describe_counts(without, pd.concat(tables, ignore_index=True))


def describe_counts(without: pd.DataFrame, with_clips: pd.DataFrame) -> NormalisationStudy:
    """Scores by number of clips.

    Args:
        without: predictions without any other clip of the speaker.
        with_clips: predictions with a column `clips`; each draw has a seed of its own.
    """
    rows = [{"clips": 0, **scores(without), **dict.fromkeys(difference(without, without))}]
    for count, table in with_clips.groupby("clips"):
        rows.append({"clips": int(str(count)), **scores(table), **difference(without, table)})
    mark = find_protocol(TRANSDUCTIVE).mark
    by_count = {
        str(row["clips"]): {name: row[name] for name in row if name != "clips"} for row in rows
    }
    return NormalisationStudy(pd.DataFrame(rows), mark, {"mark": mark, "clips": by_count})


def _predict_job(job: tuple[int, int], params: Params, data: SystemData) -> pd.DataFrame:
    fold, seed = job
    model, _ = train_checked(params, data, fold, seed)
    return predict_by_counts(model, data)


def predict_by_counts(model: TrainedModel, data: SystemData) -> pd.DataFrame:
    """Predictions of the tested clips of the model's fold for every number of clips and draw.

    Columns: those of `IDENTITY` (`seed` is the model's seed times `DRAWS` plus the draw), `clips`,
    `emotion`, `predicted`.
    """
    check_uses(data, model.fold, model.uses)
    # tested clips are read as they are, for the test, and normalised here: the one crossing that
    # is studied
    plain = replace(data, protocol=find_protocol(INDUCTIVE))
    tested = data.with_role(model.fold, "test").sort_values("clip", ignore_index=True)
    features = FoldReader(plain, model.fold).read(clips_only(plain, tested), Purpose.TEST)
    reader = FunctionalsReader(plain, data.functionals, model.fold)
    described = reader.read(tested, Purpose.TEST) if model.linear else None
    average = _average_speaker(plain, model.fold) if model.linear else None
    speakers = speaker_keys(tested).to_numpy()
    tables = []
    for count in COUNTS:
        most = int(pd.Series(speakers).value_counts().max())
        for draw in range(DRAWS if count < most else 1):
            enrolled = {
                who: draw_clips(np.flatnonzero(speakers == who), count, str(who), draw)
                for who in np.unique(speakers)
            }
            heard = predict_probabilities(
                model.networks, _normalise_features(features, speakers, enrolled)
            )
            probabilities = heard.double().numpy()
            if model.linear is not None and described is not None and average is not None:
                values = _normalise_functionals(described, speakers, enrolled, average)
                linear = model.linear.predict(values, tested["corpus"].tolist())
                probabilities = combine(probabilities, linear, model.linear_share)
            best = probabilities.argmax(axis=1)
            tables.append(
                tested.assign(
                    fold=model.fold,
                    seed=DRAWS * model.seed + draw,
                    clips=count,
                    predicted=[model.emotions[number] for number in best],
                )[[*IDENTITY, "clips", "emotion", "predicted"]]
            )
    return pd.concat(tables, ignore_index=True)


def draw_clips(
    places: npt.NDArray[np.intp], count: int, speaker: str, draw: int
) -> npt.NDArray[np.intp]:
    """Some of a speaker's places: each larger number holds the smaller ones of the same draw."""
    seed = [_SEED, draw, *speaker.encode()]
    return np.random.default_rng(seed).permutation(places)[:count]


def _normalise_features(
    features: Sequence[Tensor],
    speakers: npt.NDArray[Any],
    enrolled: dict[str, npt.NDArray[np.intp]],
) -> list[Tensor]:
    own = {
        who: Normalizer.fit("speaker", [features[place] for place in places])
        for who, places in enrolled.items()
    }
    return [own[who](clip) for who, clip in zip(speakers, features, strict=True)]


def _normalise_functionals(
    values: Values,
    speakers: npt.NDArray[Any],
    enrolled: dict[str, npt.NDArray[np.intp]],
    average: Statistics,
) -> Values:
    result = np.empty_like(values)
    for who, places in enrolled.items():
        own = Statistics.of(values[places]).drawn_to(average, len(places))
        result[speakers == who] = own.scale(values[speakers == who])
    return result


def _average_speaker(data: SystemData, fold: int) -> Statistics:
    """Mean over training speakers of their means and of their variances."""
    trains = data.with_role(fold, "train")
    values = FunctionalsReader(data, data.functionals, fold).read(trains, Purpose.STATISTICS)
    speakers = speaker_keys(trains).to_numpy()
    every = [Statistics.of(values[speakers == who]) for who in np.unique(speakers)]
    return Statistics(
        np.mean([one.mean for one in every], axis=0),
        np.mean([one.variance for one in every], axis=0),
    )
