"""The leak ladder: one model under honest folds, and under each fault of published work.

In: data/splits, data/features, data/functionals, data/studies (copies) and models/studies (the
reference) of a corpus. Params: studies.training and all that training reads.
Out: plots/studies/ladder/<corpus>.csv.
"""

from dataclasses import dataclass

from ser.core.settings import Values
from ser.evaluation.trials import Trial, compared, run_trials
from studies.reference import NAME, PROTOCOL, load, reference_predictions
from studies.study import Tables, run_study


@dataclass(frozen=True)
class Rung:
    """One way to divide a corpus, or to go wrong.

    Attributes:
        copies: whether augmented copies train too.
    """

    name: str
    protocol: str
    copies: bool = False


# from honest to hopeless
RUNGS = (
    Rung("new speakers, new words", "speaker_and_statement_open"),
    Rung(NAME, PROTOCOL),
    Rung("new speakers, copies of training clips", PROTOCOL, copies=True),
    Rung("best epoch on the test fold", "leaky_best_epoch_on_test"),
    Rung("speaker normalisation, undeclared", "leaky_undeclared_speaker_normalization"),
    Rung("random split", "leaky_random"),
    Rung("augmented before a random split", "leaky_augment_before_split", copies=True),
    Rung("all of it together", "leaky_everything", copies=True),
)


def climb(values: Values, corpus: str) -> Tables:
    """Train and test the model of studies on every rung.

    Every rung tests every clip of the corpus once, so all are compared clip by clip.

    Returns:
        One row a rung, as `compared` gives it, with new speakers as the reference.
    """
    trials = [
        Trial.of(rung.name, values, load(corpus, rung.protocol, copies=rung.copies))
        for rung in RUNGS
        if rung.name != NAME
    ]
    found = run_trials(trials, f"{corpus}: ladder")
    found[NAME] = reference_predictions(values, corpus)
    return {"": compared({rung.name: found[rung.name] for rung in RUNGS}, NAME)}


if __name__ == "__main__":
    run_study("ladder", climb)
