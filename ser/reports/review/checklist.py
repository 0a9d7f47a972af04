"""Questions that a reviewer asks of an experiment with emotion in speech, and what the run answers.

The phases are those of data-science peer review: first the research behind an experiment, then the
model that came of it. Whatever an artefact of the run can answer is answered here; the rest is for
the author.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ser.core.settings import Values
from ser.features.settings import Augmentation, Features
from ser.reports.review.changes import Changes
from ser.reports.review.systems import SystemReview
from ser.reports.review.verdicts import Verdict
from ser.reports.systems import Results
from ser.training.settings import Training

AUTHOR = "*For the author.*"


@dataclass(frozen=True)
class Reviewed:
    """What answers are taken from.

    Attributes:
        values: parameters of the side under review.
        verdicts: on that side as a whole.
        system: the one that the answers are about.
        seconds: how long its training took here; None if that is not known.
    """

    values: Values
    changes: Changes
    verdicts: list[Verdict]
    system: SystemReview
    seconds: float | None

    @property
    def results(self) -> Results:
        """Those of the side under review."""
        return self.system.head

    @property
    def training(self) -> Training:
        """How the networks are trained."""
        training: Training = self.values.section("training", Training)
        return training


@dataclass(frozen=True)
class Item:
    """One question, and how it is answered; without an answer the author is asked."""

    title: str
    question: str
    answer: Callable[[Reviewed], str] | None = None


def _list(named: Iterable[tuple[object, object]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named)


def _uars(run: Reviewed, part: str) -> str:
    scores = run.results.part(part)["uar"]
    return _list((name, f"{uar:.1f}") for name, uar in scores.items()) or "not known"


def _data(run: Reviewed) -> str:
    found = run.results
    return (
        f"{found.fact('n_clips'):.0f} clips of {found.fact('n_speakers'):.0f} speakers, "
        f"{len(found.part('emotion'))} emotions; clips by corpus: "
        f"{_list(found.part('corpus')['n_clips'].items())}. Cards: docs/corpora.md."
    )


def _scaling(run: Reviewed) -> str:
    took = "" if run.seconds is None else f" The last training here took {run.seconds:.0f} s."
    found = run.results
    return (
        f"{found.fact('parameters'):.0f} trained numbers; {found.fact('n_seeds'):.0f} seeds.{took}"
    )


def _composability(run: Reviewed) -> str:
    rooms = [f"`{change.name}`" for change in run.changes.code]
    if not rooms:
        return "No code changed, parameters only."
    more = " and more" if len(rooms) > 5 else ""
    return f"Code changed in {', '.join(rooms[:5])}{more}."


def _cold_start(run: Reviewed) -> str:
    metrics = run.results.metrics
    mark = "" if metrics.mark == "none" else f", marked: {metrics.mark}"
    return (
        f"Protocol `{metrics.protocol}`{mark}. By corpus, UAR in %: {_uars(run, 'corpus')}. "
        "docs/languages.md: other languages; docs/results.md: few clips of a new speaker."
    )


def _noise(run: Reviewed) -> str:
    effects: Augmentation = run.values.section("augmentation", Augmentation)
    on = [name for name, effect in effects if effect.enabled]
    copies = f"Copies by {', '.join(on)} train too." if on else "No copies train."
    return f"{copies} By intensity, UAR in %: {_uars(run, 'intensity')}."


def _groups(run: Reviewed) -> str:
    return f"UAR in %: {_uars(run, 'gender')}; by intensity: {_uars(run, 'intensity')}."


def _preprocessing(run: Reviewed) -> str:
    features: Features = run.values.section("features", Features)
    trimmed = "kept" if features.trim_db is None else f"cut below {features.trim_db:g} dB"
    return (
        f"`{features.front_end}`, silence {trimmed}, normalisation `{run.training.normalization}`: "
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
    training = run.training
    return (
        f"Trained by cross-entropy with label smoothing {training.label_smoothing:g} and class "
        f"weight {training.class_weight:g}; scored by UAR, which counts every emotion alike."
    )


def _overfitting(run: Reviewed) -> str:
    history = run.results.table("history")
    last = history[history["epoch"] == history["epoch"].max()]
    shares = last.groupby("part", sort=True)["accuracy"].mean()
    text = _list((part, f"{share:.1f} %") for part, share in shares.items())
    return (
        f"Accuracy of the network in the last epoch: {text}; the epoch kept: "
        f"`{run.training.checkpoint}`."
    )


def _silly(run: Reviewed) -> str:
    fine = "Code, parameters and results agree with `dvc.lock`; `make test` holds the rest."
    return _doubts(run.verdicts) or fine


def _baselines(run: Reviewed) -> str:
    baselines = run.results.baselines["uar"]
    scores = _list((str(name).replace("_", " "), f"{uar:.1f}") for name, uar in baselines.items())
    return f"UAR of the system {run.results.metrics.uar:.1f} %; without a network: {scores}."


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


def fill(run: Reviewed) -> dict[str, list[list[str]]]:
    """Title, question and answer of every item, by phase."""
    return {
        phase: [
            [f"**{item.title}**", item.question, item.answer(run) if item.answer else AUTHOR]
            for item in items
        ]
        for phase, items in PHASES.items()
    }
