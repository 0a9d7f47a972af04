"""Questions that a reviewer asks of an experiment with emotion in speech, and what the run answers.

The phases are those of data-science peer review: first the research behind an experiment, then the
model that came of it. Whatever an artefact of the run can answer is answered here; the rest is for
the author.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ser.params import Params
from ser.review.changes import Changes
from ser.review.systems import SystemReview
from ser.review.verdicts import Verdict
from ser.revisions import Files

AUTHOR = "*For the author.*"


@dataclass(frozen=True)
class Reviewed:
    """What answers are taken from.

    Attributes:
        system: the one that the answers are about.
        seconds: how long its training took here; None if that is not known.
    """

    head: Files
    params: Params
    changes: Changes
    verdicts: list[Verdict]
    system: SystemReview
    seconds: float | None


@dataclass(frozen=True)
class Item:
    """One question, and how it is answered; without an answer the author is asked."""

    title: str
    question: str
    answer: Callable[[Reviewed], str] | None = None


def _metrics(run: Reviewed) -> dict[str, Any]:
    return run.system.head.metrics


def _data(run: Reviewed) -> str:
    found = _metrics(run)
    shares = ", ".join(f"{name} {row['n_clips']}" for name, row in found["corpora"].items())
    return (
        f"{found['n_clips']} clips of {found['n_speakers']} speakers, "
        f"{len(found['recall'])} emotions; by corpus: {shares}. Cards: `plots/cards/`."
    )


def _scaling(run: Reviewed) -> str:
    took = "" if run.seconds is None else f" The last training here took {run.seconds:.0f} s."
    seeds = len(run.params.seeds_of(run.params.system(run.system.name)))
    return (
        f"{_metrics(run)['parameters']} trained numbers; {seeds} seeds, "
        f"{run.params.training.networks} networks each.{took}"
    )


def _composability(run: Reviewed) -> str:
    files = [change.name for change in run.changes.code]
    if not files:
        return "No code changed, parameters only."
    return f"{len(files)} files of code changed: {', '.join(f'`{name}`' for name in files[:5])}" + (
        " and more." if len(files) > 5 else "."
    )


def _cold_start(run: Reviewed) -> str:
    found = _metrics(run)
    mark = "" if found["mark"] == "none" else f", marked: {found['mark']}"
    return (
        f"Protocol `{found['protocol']}`{mark}. Other languages: `metrics/cross_lingual/`; few "
        "clips of a new speaker: `metrics/speaker_normalisation/`."
    )


def _noise(run: Reviewed) -> str:
    text = run.head.read_text(f"metrics/errors/{run.system.name}.json")
    on = [name for name, effect in run.params.augmentation if getattr(effect, "enabled", False)]
    copies = f"Copies by {', '.join(on)} train too." if on else "No copies train."
    loudness = json.loads(text).get("loudness") if text else None
    if not loudness:
        return f"{copies} By loudness: not measured."
    return (
        f"{copies} Between quiet and loud quarters of its clips the UAR differs by up to "
        f"{loudness['range']:.1f} points (`plots/errors/`)."
    )


def _groups(run: Reviewed) -> str:
    found = _metrics(run)
    women, men = found.get("uar_female"), found.get("uar_male")
    genders = "one gender only" if None in (women, men) else f"women {women:.1f}, men {men:.1f}"
    levels = {name: row["uar"] for name, row in found.get("intensities", {}).items()}
    strong = ", ".join(f"{name} {uar:.1f}" for name, uar in levels.items()) or "not known"
    return f"UAR in %: {genders}; by intensity: {strong}."


def _preprocessing(run: Reviewed) -> str:
    features, training = run.params.features, run.params.training
    trimmed = "kept" if features.trim_db is None else f"cut below {features.trim_db:g} dB"
    return (
        f"`{features.front_end}`, silence {trimmed}, normalisation `{training.normalization}`: "
        "fitted on training clips or on the clip itself, see the guards."
    )


def _leakage(run: Reviewed) -> str:
    fine = "All guards' questions are answered with yes, see above."
    return _doubts(run.system.verdicts) or fine


def _doubts(verdicts: list[Verdict]) -> str:
    """What is not answered with yes; empty if all is."""
    bad = [verdict for verdict in verdicts if verdict.answer != "yes"]
    return " ".join(f"**{verdict.question}** {verdict.reason}" for verdict in bad)


def _loss(run: Reviewed) -> str:
    training = run.params.training
    return (
        "Trained by cross-entropy with label smoothing "
        f"{training.label_smoothing:g} and class weight {training.class_weight:g}; scored by UAR, "
        "which counts every emotion alike."
    )


def _overfitting(run: Reviewed) -> str:
    history = run.system.head.history
    last = history[history["epoch"] == history["epoch"].max()]
    shares = last.groupby("part", sort=True)["accuracy"].mean()
    text = ", ".join(f"{part} {share:.1f} %" for part, share in shares.items())
    chosen = run.params.training.checkpoint
    return f"Accuracy of the network in the last epoch: {text}; the epoch kept: `{chosen}`."


def _silly(run: Reviewed) -> str:
    fine = "Code, parameters and results agree with `dvc.lock`; `make test` holds the rest."
    return _doubts(run.verdicts) or fine


def _baselines(run: Reviewed) -> str:
    text = run.head.read_text(f"metrics/floors/{run.system.name}.json")
    if text is None:
        return "**No floors were measured**; run `dvc repro floors`."
    floors = {name: row for name, row in json.loads(text).items() if isinstance(row, dict)}
    scores = ", ".join(f"{name.replace('_', ' ')} {row['uar']:.1f}" for name, row in floors.items())
    return f"UAR of the system {_metrics(run)['uar']:.1f} %; without a network: {scores}."


RESEARCH = (
    Item("Data", "Who speaks, how many, what do they show, how often?", _data),
    Item("Assumptions", "What must be true of voices for this to work, and what if it is not?"),
    Item("Past experience", "Was it tried before? docs/search.md and docs/ablation.md keep count."),
    Item("Objective", "Which question does the experiment answer, and what would be a no?"),
    Item("Implementation", "Is there a simpler way to ask the same question?"),
    Item("Scaling", "What does it cost, in time and in parameters?", _scaling),
    Item("Composability", "Is it one change, in the room where it belongs?", _composability),
    Item("Information", "What would have to be recorded or labelled to know more?"),
    Item("Cold start", "What does it do with a new speaker, room, language?", _cold_start),
    Item("Noise", "What happens to it where speech is quiet, noisy or weakly acted?", _noise),
)
MODEL = (
    Item("Groups", "Does it hold for women and men, weak and strong emotion?", _groups),
    Item("Preprocessing", "What was done to the sound, and on whose statistics?", _preprocessing),
    Item("Leakage", "Does anything of a tested speaker reach training or a choice?", _leakage),
    Item("Causality", "Could it have learned the room, the actor or the sentence instead?"),
    Item("Loss and metric", "What was trained, what is scored, and do they agree?", _loss),
    Item("Overfitting", "How far apart are training and held-out clips?", _overfitting),
    Item("Runtime", "Who waits for it, and how long? docs/speed.md has a measure."),
    Item("Silly bugs", "Do results, code and parameters belong together?", _silly),
    Item("Trivial baselines", "What does it beat that needs no network?", _baselines),
)
PHASES = {"Research": RESEARCH, "Model": MODEL}


def fill(run: Reviewed) -> dict[str, list[tuple[str, str, str]]]:
    """Title, question and answer of every item, by phase."""
    return {
        phase: [
            (item.title, item.question, item.answer(run) if item.answer else AUTHOR)
            for item in items
        ]
        for phase, items in PHASES.items()
    }
