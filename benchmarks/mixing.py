"""Several languages in one network: what of the literature's advice helps, by validation speakers.

`python -m benchmarks.mixing` trains the network of the studies on five corpora at once and on each
alone, one way after another, and writes docs/search_languages.csv: UAR of the validation speakers
of each corpus, all folds together. Test clips are not read. It needs `dvc repro systems`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
import torch
import typer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ser.clips.manifest import speaker_keys
from ser.core.entry import run
from ser.core.files import write_csv
from ser.core.processes import spread
from ser.core.scoring import unweighted_average_recall
from ser.core.settings import Values, load_values
from ser.evaluation.trials import in_studies, with_folds
from ser.guards.checks import Purpose
from ser.models.inference import predict_probabilities
from ser.models.network import Network, build_network
from ser.reading.data import SystemData, clips_only, encode, load_system, training_items
from ser.reading.normalization import Normalizer
from ser.reading.reader import Reader
from ser.reading.settings import System
from ser.reading.stored import Stored
from ser.training.batches import (
    Batch,
    Mixed,
    TrainingItems,
    epoch_batches,
    mix_pairs,
    only_possible,
    soft_targets,
    warp_and_mask,
)
from ser.training.fold import crop_rows, n_epochs, uses_half_precision
from ser.training.optimizers import build_optimizers, descend, rate_schedule, scale_rates
from ser.training.settings import Recipe, Training, load_recipe
from ser.training.system import prepare_torch

CORPORA = ("ravdess", "emodb", "emovo", "urdu", "turev")
TABLE = Path("docs/search_languages.csv")
_ADVERSARY_HIDDEN, _ADVERSARY_LR = 64, 1e-3
_PROJECTION, _TEMPERATURE, _CONTRAST_BATCH = 64, 0.1, 64


@dataclass(frozen=True)
class Way:
    """One way to train.

    Attributes:
        mixed: all corpora in one network; else one for each.
        mask, balance: `training.mask_absent` and `training.corpus_balance`.
        own_scale: every band is scaled by its deviation in the corpus's training clips.
        adversary: weight of a loss whose gradient is reversed, of a classifier that tells training
            speakers apart (Ganin et al., 2016, JMLR 17(59); for emotions Abdelwahab & Busso, 2018).
        longer: how many times the epochs, as long as one that is trained twice.
        pretrained: what the network learned first from the other corpora: "contrast" pulls clips of
            one emotion together (Khosla et al., 2020, NeurIPS), "labels" recognises them.
    """

    name: str
    mixed: bool = True
    mask: bool = False
    balance: float = 0.0
    own_scale: bool = False
    adversary: float = 0.0
    longer: int = 1
    pretrained: str = ""

    def changes(self, values: Values) -> dict[str, Any]:
        """What it has in place of parameters."""
        training = values.section("training", Training)
        return {
            "training.mask_absent": self.mask,
            "training.corpus_balance": self.balance,
            "training.epochs": self.longer * training.epochs,
            "training.min_steps": self.longer * training.min_steps,
        }


WAYS = (
    Way("each corpus alone", mixed=False),
    Way("each alone, twice as long", mixed=False, longer=2),
    Way("all corpora"),
    Way("all corpora, masked", mask=True),
    Way("all corpora, half balanced", balance=0.5),
    Way("all corpora, balanced", balance=1.0),
    Way("all corpora, masked, half balanced", mask=True, balance=0.5),
    Way("all corpora, masked, balanced", mask=True, balance=1.0),
    Way("all corpora, masked, scaled by corpus", mask=True, own_scale=True),
    Way("all corpora, masked, speaker-adversarial 0.03", mask=True, adversary=0.03),
    Way("all corpora, masked, speaker-adversarial 0.1", mask=True, adversary=0.1),
    Way("all corpora, masked, speaker-adversarial 0.3", mask=True, adversary=0.3),
    Way("alone after labels of the others", mixed=False, pretrained="labels"),
    Way("alone after contrast of the others", mixed=False, pretrained="contrast"),
)


@dataclass(frozen=True)
class Fold:
    """One fold of one way, and the corpus whose own clips train; None is all."""

    way: Way
    recipe: Recipe
    data: SystemData
    fold: int
    seed: int
    corpus: str | None


def main(
    seeds: Annotated[int, typer.Option(help="networks of every fold")] = 2,
    only: Annotated[str, typer.Option(help="ways whose names begin so")] = "",
) -> None:
    """Try every way; print and write what validation speakers say."""
    values = in_studies(load_values())[0]
    system = System(corpora=list(CORPORA), protocol="speaker_independent")
    data = load_system(system, Path("data"), with_functionals=False)
    rows = []
    for way in WAYS:
        if not way.name.startswith(only):
            continue
        recipe = load_recipe(values.changed(way.changes(values)))
        trained_on = [None] if way.mixed else list(CORPORA)
        jobs = [
            Fold(way, recipe, data, fold, seed, corpus)
            for seed in range(seeds)
            for corpus in trained_on
            for fold in data.fold_numbers
        ]
        answers = pd.concat(spread(answers_of, jobs, way.name, "fold"))
        rows.append({"way": way.name, **_scores(answers)})
        print(rows[-1], flush=True)
        write_csv(TABLE, pd.DataFrame(rows), decimals=2)


def _scores(answers: pd.DataFrame) -> dict[str, float]:
    """UAR in percent of every corpus, mean over seeds, and the mean of corpora."""
    of_seed = answers.groupby(["corpus", "seed"])[["emotion", "predicted"]].apply(
        lambda rows: unweighted_average_recall(rows["emotion"].tolist(), rows["predicted"].tolist())
    )
    found = of_seed.groupby("corpus").mean().reindex(CORPORA)
    return {**found.to_dict(), "mean": float(found.mean())}


def answers_of(job: Fold) -> pd.DataFrame:
    """What a network of this fold answers to its validation clips: one row a clip.

    Answers are kept to the emotions that the clip's corpus shows, whatever the way.
    """
    prepare_torch()
    data = job.data if job.corpus is None else _corpus(job.data, job.corpus)
    generator = torch.Generator().manual_seed(1_000_003 * job.seed + job.fold)
    torch.manual_seed(generator.initial_seed())
    emotions = tuple(sorted(data.clips["emotion"].unique()))
    network = build_network(
        job.recipe.model.network, job.recipe.model.settings, data.layout, len(emotions)
    )
    if job.way.pretrained and job.corpus:
        _pretrain(network, job, generator)
    normalize = _Normalizing(data, job.fold, job.way.own_scale)
    network = _train(network, job, data, emotions, normalize, generator)
    clips = data.with_role(job.fold, "validation")
    items = clips_only(data, clips)
    probabilities = predict_probabilities(network, normalize(items, Purpose.CHECKPOINT))
    rows = items[["clip"]].merge(data.clips, on="clip")
    shown = data.clips.groupby("corpus")["emotion"].agg(set)
    possible = torch.tensor([[e in shown[name] for e in emotions] for name in rows["corpus"]])
    best = (probabilities * possible).argmax(1).tolist()
    predicted = [emotions[number] for number in best]
    return rows[["clip", "corpus", "emotion"]].assign(predicted=predicted, seed=job.seed)


def _corpus(data: SystemData, *names: str) -> SystemData:
    chosen = data.clips.loc[data.clips["corpus"].isin(names), "clip"]
    return with_folds(data, data.folds[data.folds["clip"].isin(chosen)])


class _Normalizing:
    """Features of a fold's clips as a way has them normalised, fitted on its training clips."""

    def __init__(self, data: SystemData, fold: int, own_scale: bool) -> None:
        self.reader = Reader(data, fold)
        train = clips_only(data, data.with_role(fold, "train"))
        parts = dict(list(train.groupby("corpus"))) if own_scale else {"": train}
        kind = "train" if own_scale else "clip_mean"
        self.fitted = {
            name: Normalizer.fit(kind, self.reader.features(rows, Purpose.STATISTICS))  # type: ignore[arg-type]
            for name, rows in parts.items()
        }

    def __call__(self, items: pd.DataFrame, purpose: Purpose) -> Stored:
        each = [self.fitted[name if name in self.fitted else ""] for name in items["corpus"]]
        return replace(self.reader.features(items, purpose), normalizers=each)


def _train(
    network: Network,
    job: Fold,
    data: SystemData,
    emotions: tuple[str, ...],
    normalize: _Normalizing,
    generator: torch.Generator,
) -> Network:
    """As systems train, with the adversary beside; the averaged network."""
    rows = training_items(data, job.fold)
    items = _items(rows, data, emotions, normalize)
    who = dict(zip(data.clips["clip"], speaker_keys(data.clips), strict=True))
    speakers = _numbers(rows["clip"].map(who))
    adversary = _Adversary(network, int(speakers.max()) + 1) if job.way.adversary else None
    average = AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(job.recipe.training.weight_average),
        use_buffers=True,
    )
    optimizers = build_optimizers(network, job.recipe.optimizer)
    if adversary:
        optimizers.append(torch.optim.AdamW(adversary.told.parameters(), lr=_ADVERSARY_LR))
    for batch in _batches(items, job, network, emotions, optimizers, generator):
        loss = _loss(network, batch, job.recipe, len(emotions), generator)
        if adversary:
            loss = loss + adversary.loss(speakers[batch.numbers], job.way.adversary)
        descend(loss, optimizers)
        average.update_parameters(network)
    averaged = cast(Network, average.module)
    return averaged.eval()


def _items(
    rows: pd.DataFrame, data: SystemData, emotions: tuple[str, ...], normalize: _Normalizing
) -> TrainingItems:
    """What trains, from its rows of the index."""
    return TrainingItems(
        normalize(rows, Purpose.TRAIN),
        encode(data.clips, rows, emotions),
        rows["clip"].tolist(),
        _numbers(rows["corpus"]),
    )


def _numbers(names: "pd.Series[str]") -> Tensor:
    return torch.from_numpy(pd.factorize(names, sort=True)[0].astype(np.int64))


def _batches(
    items: TrainingItems,
    job: Fold,
    network: Network,
    emotions: tuple[str, ...],
    optimizers: Sequence[Optimizer],
    generator: torch.Generator,
    size: int = 0,
) -> Iterator[Batch]:
    """Batches of all epochs, at the learning rate of each step."""
    settings = job.recipe.training
    crop, epochs = crop_rows(job.recipe, network), n_epochs(job.recipe, len(items))
    size = min(size or settings.batch_size, len(items))
    settings = settings.model_copy(update={"batch_size": size})
    factor = rate_schedule(settings.schedule, max(1, len(items) // size) * epochs)
    shown = items.shown(len(emotions), settings.mask_absent)
    step = 0
    for _ in range(epochs):
        network.train()
        for batch in epoch_batches(items, settings, crop, shown, generator):
            scale_rates(optimizers, factor(step))
            yield batch
            step += 1


def _embed(network: Network, mixed: Mixed, recipe: Recipe) -> Tensor:
    """Logits of a batch, as systems compute them."""
    half = uses_half_precision(recipe.training.precision, mixed.values.device)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = network.classify(mixed.values, mixed.lengths)
    return logits.float()


def _altered(
    network: Network, batch: Batch, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    settings = recipe.training
    values, lengths = network.front_end(batch.values, batch.lengths)
    return warp_and_mask(values, settings, settings.frequency_warp, generator), lengths


def _loss(
    network: Network, batch: Batch, recipe: Recipe, classes: int, generator: torch.Generator
) -> Tensor:
    smoothing = recipe.training.label_smoothing
    targets = soft_targets(batch.targets, batch.possible, torch.ones(classes), smoothing)
    values, lengths = _altered(network, batch, recipe, generator)
    mixed = mix_pairs(Mixed(values, lengths, targets, batch.possible), recipe.training, generator)
    logits = only_possible(_embed(network, mixed, recipe), mixed.possible)
    return nn.functional.cross_entropy(logits, mixed.targets)


class _Pooled:
    """What the network's classifier was given last, shape (batch, width)."""

    def __init__(self, network: Network) -> None:
        self.values = torch.empty(0)
        classifier = cast(nn.Linear, network.classifier)
        self.width = classifier.in_features
        self.hook = classifier.register_forward_pre_hook(self._keep)

    def _keep(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        self.values = inputs[0].float()


class _Reversed(torch.autograd.Function):
    """The same values; a gradient of the other sign."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None


class _Adversary:
    """A classifier of training speakers upon what the network pools."""

    def __init__(self, network: Network, speakers: int) -> None:
        self.pooled = _Pooled(network)
        hidden = nn.Linear(self.pooled.width, _ADVERSARY_HIDDEN)
        self.told = nn.Sequential(hidden, nn.ReLU(), nn.Linear(_ADVERSARY_HIDDEN, speakers))

    def loss(self, speakers: Tensor, weight: float) -> Tensor:
        """What it loses; its gradient reaches the network reversed, `weight` times."""
        values = cast(Tensor, _Reversed.apply(self.pooled.values, weight))  # type: ignore[no-untyped-call]
        return nn.functional.cross_entropy(self.told(values), speakers)


def _pretrain(network: Network, job: Fold, generator: torch.Generator) -> None:
    """Give a network what it can learn from the other corpora; its classifier stays as it is."""
    data = _corpus(job.data, *(name for name in CORPORA if name != job.corpus))
    emotions = tuple(sorted(data.clips["emotion"].unique()))
    size = job.recipe.model
    first = build_network(size.network, size.settings, data.layout, len(emotions))
    normalize = _Normalizing(data, job.fold, own_scale=False)
    if job.way.pretrained == "labels":
        masked = job.recipe.training.model_copy(update={"mask_absent": True})
        own = replace(job, recipe=replace(job.recipe, training=masked))
        first = _train(first, own, data, emotions, normalize, generator)
    else:
        _contrast(first, job, data, emotions, normalize, generator)
    learned = {
        name: value for name, value in first.state_dict().items() if "classifier" not in name
    }
    network.load_state_dict(learned, strict=False)


def _contrast(
    network: Network,
    job: Fold,
    data: SystemData,
    emotions: tuple[str, ...],
    normalize: _Normalizing,
    generator: torch.Generator,
) -> None:
    """Supervised contrast: clips of one emotion are drawn together, whoever speaks whatever."""
    items = _items(training_items(data, job.fold), data, emotions, normalize)
    pooled = _Pooled(network)
    project = nn.Linear(pooled.width, _PROJECTION)
    optimizers = build_optimizers(network, job.recipe.optimizer)
    optimizers.append(torch.optim.AdamW(project.parameters(), lr=_ADVERSARY_LR))
    batches = _batches(items, job, network, emotions, optimizers, generator, size=_CONTRAST_BATCH)
    for batch in batches:
        values, lengths = _altered(network, batch, job.recipe, generator)
        _embed(network, Mixed(values, lengths, batch.possible, batch.possible), job.recipe)
        unit = nn.functional.normalize(project(pooled.values))
        # the classifier takes no part, but its optimizer wants a gradient
        idle = 0.0 * sum(weight.sum() for weight in network.classifier.parameters())
        descend(_contrastive_loss(unit, batch.targets) + idle, optimizers)
    pooled.hook.remove()


def _contrastive_loss(unit: Tensor, targets: Tensor) -> Tensor:
    itself = torch.eye(len(unit), dtype=torch.bool)
    likeness = (unit @ unit.T / _TEMPERATURE).masked_fill(itself, -1e4)
    same = (targets.unsqueeze(0) == targets.unsqueeze(1)) & ~itself
    told = likeness.log_softmax(1)
    of_clip = -(told * same).sum(1) / same.sum(1).clamp_min(1)
    return of_clip[same.any(1)].mean()


if __name__ == "__main__":
    run(main)
