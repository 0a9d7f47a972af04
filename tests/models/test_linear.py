"""The linear part: it learns, knows corpora by themselves, and lets either voice object."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ser.models import linear as module
from ser.models.linear import LinearModel, combine, fit_linear
from tests.conftest import Refused

CLASSES = 3


def training(corpus_shift: float = 0.0) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Clips of two corpora, whose classes differ by one functional; the second is shifted."""
    rng = np.random.default_rng(0)
    targets = np.tile(np.arange(CLASSES), 40)
    corpora = ["one"] * 60 + ["two"] * 60
    values = rng.standard_normal((120, 5))
    values[:, 2] += 4.0 * targets
    values[60:] = values[60:] * 3.0 + corpus_shift
    return values, corpora, targets


def fitted(corpus_shift: float = 0.0) -> LinearModel:
    values, corpora, targets = training(corpus_shift)
    return fit_linear(values, corpora, values.copy(), corpora, targets, CLASSES, cost=1.0)


def test_it_learns_what_tells_classes_apart() -> None:
    values, corpora, targets = training()
    assert (fitted().predict(values, corpora).argmax(axis=1) == targets).mean() > 0.9


def test_probabilities_add_up_to_one() -> None:
    values, corpora, _ = training()
    probabilities = fitted().predict(values, corpora)
    assert np.allclose(probabilities.sum(axis=1), 1.0)
    assert (probabilities >= 0).all()


def test_another_level_of_a_whole_corpus_does_not_matter() -> None:
    plain, shifted = fitted(), fitted(corpus_shift=500.0)
    (values, corpora, _), (moved, _, _) = training(), training(500.0)
    expected = plain.predict(values, corpora)
    assert np.allclose(shifted.predict(moved, corpora), expected, atol=1e-3)


def test_a_clip_is_answered_alike_alone_and_among_others() -> None:
    values, corpora, _ = training()
    together = fitted().predict(values, corpora)
    for number in (0, 70):
        alone = fitted().predict(values[[number]], [corpora[number]])[0]
        assert np.allclose(alone, together[number])


def test_fitting_twice_gives_the_same_bytes() -> None:
    assert fitted().weight.tobytes() == fitted().weight.tobytes()


def test_fewer_clips_than_functionals_are_fitted_to_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    values, targets = rng.standard_normal((24, 90)), np.arange(24) % CLASSES
    names = ["one"] * 24
    quick = fit_linear(values, names, values.copy(), names, targets, CLASSES, cost=0.02)
    monkeypatch.setattr(module, "_rotated", lambda values: (values, None))
    plain = fit_linear(values, names, values.copy(), names, targets, CLASSES, cost=0.02)
    assert quick.weight.shape == plain.weight.shape == (CLASSES, 90)
    assert np.allclose(quick.weight, plain.weight, atol=1e-3)
    others = rng.standard_normal((9, 90))
    answers = [model.predict(others, ["one"] * 9) for model in (quick, plain)]
    assert np.allclose(*answers, atol=2e-3)


def test_a_wild_functional_is_cut_back() -> None:
    values, corpora, _ = training()
    wild = values.copy()
    wild[0, 0] = 1e9
    model = fitted()
    change = np.abs(model.predict(wild, corpora)[0] - model.predict(values, corpora)[0])
    assert change.max() < 0.9, "one functional decides everything"
    assert np.isfinite(model.predict(wild, corpora)).all()


def test_two_classes_work_too() -> None:
    values, corpora, targets = training()
    kept = targets < 2
    names = [name for name, keep in zip(corpora, kept, strict=True) if keep]
    model = fit_linear(values[kept], names, values[kept].copy(), names, targets[kept], 2, cost=1.0)
    probabilities = model.predict(values[kept], names)
    assert probabilities.shape == (80, 2)
    assert (probabilities.argmax(axis=1) == targets[kept]).mean() > 0.9


def test_an_unknown_corpus_is_refused(refused: Refused) -> None:
    values, _, _ = training()
    with refused("three", "not trained"):
        fitted().predict(values[:1], ["three"])


def test_other_functionals_are_refused(refused: Refused) -> None:
    with refused("5 functionals", "have 4"):
        fitted().predict(np.zeros((1, 4)), ["one"])


def test_trained_numbers_are_counted() -> None:
    assert fitted().parameters == CLASSES * 5 + CLASSES


def distributions() -> st.SearchStrategy[np.ndarray]:
    raw = hnp.arrays(np.float64, (4, CLASSES), elements=st.floats(0.01, 1.0))
    return raw.map(lambda rows: rows / rows.sum(axis=1, keepdims=True))


@given(network=distributions(), linear=distributions(), share=st.floats(0, 1))
def test_together_they_give_probabilities_between_the_two(
    network: np.ndarray, linear: np.ndarray, share: float
) -> None:
    both = combine(network, linear, share)
    assert np.allclose(both.sum(axis=1), 1.0)
    agreed = network.argmax(axis=1) == linear.argmax(axis=1)
    assert (both.argmax(axis=1) == network.argmax(axis=1))[agreed].all()


@given(network=distributions(), linear=distributions())
def test_a_share_of_nothing_is_the_network_alone_and_of_all_the_linear_part(
    network: np.ndarray, linear: np.ndarray
) -> None:
    assert np.allclose(combine(network, linear, 0.0), network)
    assert np.allclose(combine(network, linear, 1.0), linear)


def test_either_voice_can_object() -> None:
    sure, against = np.array([[0.98, 0.01, 0.01]]), np.array([[1e-9, 0.5, 0.5]])
    assert combine(sure, against, 0.5)[0].argmax() != 0


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_probability_of_nothing_does_not_break_the_other(share: float) -> None:
    both = combine(np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]]), share)
    assert np.isfinite(both).all()
