"""The check of a map whose largest absolute value becomes 1, in notebook 05."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check
from numpycam.checks.maps import generator, min_max, quotient, softmax
from numpycam.checks.results import Result
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions
from numpycam.resize import normalise
from numpycam.worked_example import LOCALIZATION_MAP, WEIGHTED_SUM


def check_normalise(answer: Callable[[Array], Any], *, variant: int = 0) -> Result:
    """Check a function that divides a map by its largest absolute value.

    Parameters
    ----------
    answer : callable
        ``answer(heat)`` takes a map (H, W), and returns one of this shape. A map may be signed, and it may be 0
        everywhere. Most maps hold Fractions.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a cell is not exactly right.
    """
    result = check(NORMALISE, answer, variant)
    return result.told(f"All {result.cases} maps are exactly right: 0 is 0, and the map of zeros is still there.")


def _normalised(heat: Array) -> Array:
    return normalise(heat)


def _maps(variant: int = 0) -> Iterator[Inputs]:
    """Yield maps of all kinds: no zero, signed, all negative, the largest 0, the sum 0, tiny, nothing but zeros."""
    rng = generator(variant)

    def drawn(low: int, high: int, *shape: int) -> Array:
        cells = math.prod(shape)
        return as_fractions(rng.choice(np.arange(low, high), cells, replace=False).reshape(shape))

    yield {"heat": LOCALIZATION_MAP}
    yield {"heat": drawn(2, 12, 2, 3)}
    yield {"heat": WEIGHTED_SUM}
    signed = drawn(-5, 5, 3, 2)
    signed[tuple(rng.integers(0, (3, 2)))] = Fraction(-7)  # the largest size has a minus
    yield {"heat": signed}
    yield {"heat": drawn(-9, 0, 2, 2)}
    below = drawn(0, 9, 2, 3)
    yield {"heat": below - below.max()}
    both = drawn(1, 9, 1, 3)
    yield {"heat": np.concatenate([both, -both[:, ::-1]])}
    yield {"heat": drawn(1, 9, 1, 4) / 10**14}
    yield {"heat": 0 * drawn(0, 6, 2, 3)}
    yield {"heat": np.zeros((2, 2))}


def _with_epsilon(epsilon: float) -> Callable[[Array], Array]:
    return lambda heat: heat.astype(float) / (float(np.abs(heat).max()) + epsilon)


def _with_least_maximum(least: Fraction) -> Callable[[Array], Array]:
    return lambda heat: heat / max(np.abs(heat).max(), least)


_EPSILON = (
    "There is a small number added below the line. It keeps the map of zeros, but no maximum is 1 any more, and a tiny "
    "map becomes dark: ask instead whether the maximum is 0."
)
_LEAST_MAXIMUM = (
    "Below the line stands a smallest number, which a tiny map never reaches, so it becomes dark: ask whether the "
    "maximum is 0, and nothing else."
)
_NEARLY_0 = Fraction(1, 10**10)
_EACH_CELL = "A map whose {} is 0 need not be a map of zeros: ask np.any(heat)."
_TINY = "A map with tiny numbers is no map of zeros: ask whether the maximum is 0, and nothing else."
_SIZE = "Take the largest *absolute* value, so that a negative map keeps its signs: np.abs(heat).max()."

_NORMALISE: Mistakes = [
    (min_max, hints.LEAST_IS_0),
    (lambda heat: quotient(heat - heat.min(), heat.max()),
     "You subtract the minimum: then its cell is 0, and 0 is not. Divide, and do nothing else."),
    (lambda heat: quotient(heat, heat.max() - heat.min()),
     "You divide by the range, max - min: the largest cell should be 1."),
    (lambda heat: quotient(heat, heat.max()), _SIZE),
    (lambda heat: np.where(heat.max() > 0, quotient(heat, heat.max()), heat), _SIZE),
    (lambda heat: np.where(heat.max() > 0, quotient(heat, heat.max()), 0 * heat), _SIZE),
    (lambda heat: heat if heat.max() == 0 else quotient(heat, heat.max()), _SIZE),
    (lambda heat: heat if heat.sum() == 0 else _normalised(heat), _EACH_CELL.format("sum")),
    (lambda heat: heat if heat.max() == 0 else _normalised(heat), _EACH_CELL.format("maximum")),
    (lambda heat: quotient(np.abs(heat), np.abs(heat).max()), "The signs are gone: divide heat itself, not |heat|."),
    (lambda heat: quotient(relu(heat), np.abs(heat).max()),
     "There is a ReLU in it: a negative cell stays negative, so that one can see what it says."),
    (lambda heat: quotient(relu(heat), relu(heat).max()),
     "There is a ReLU in it: a negative cell stays negative, so that one can see what it says."),
    (lambda heat: quotient(heat, heat.sum()), "You divide by the sum of all cells: divide by the largest."),
    (lambda heat: quotient(heat, np.abs(heat).sum()),
     "You divide by the sum of all absolute values: divide by the largest of them."),
    (lambda heat: quotient(heat, heat.sum() / heat.size), "You divide by the mean: divide by the largest."),
    (lambda heat: quotient(heat, np.abs(heat).max(axis=1, keepdims=True)),
     "You divide each row by its own maximum: one number for the whole map."),
    (lambda heat: quotient(heat, np.abs(heat).max(axis=0, keepdims=True)),
     "You divide each column by its own maximum: one number for the whole map."),
    (lambda heat: np.clip(heat, 0, 1), "You cut off what is above 1: divide, so that the order is kept."),
    (lambda heat: np.clip(heat, -1, 1), "You cut off what is above 1: divide, so that the order is kept."),
    (lambda heat: 255 * normalise(heat), "That is in 0 … 255: the largest cell should be 1."),
    (lambda heat: 100 * normalise(heat), "That is in per cent: the largest cell should be 1."),
    (lambda heat: softmax(heat), "That is a softmax: divide by the largest. A cell of 0 should stay 0."),
    (lambda heat: np.where(heat.any(), normalise(heat), 1 + 0 * heat),
     "A map of zeros becomes a map of ones: nothing speaks for the class there, so leave it 0."),
    (lambda heat: heat, "That is the map itself: divide it by its largest absolute value."),
    *((_with_epsilon(10.0**-digits), _EPSILON) for digits in range(3, 13)),
    *((_with_least_maximum(Fraction(1, 10**digits)), _LEAST_MAXIMUM) for digits in range(1, 14)),
    (lambda heat: heat if heat.max() < _NEARLY_0 else _normalised(heat), _TINY),
    (lambda heat: heat if np.abs(heat).max() < _NEARLY_0 else _normalised(heat), _TINY),
    (lambda heat: normalise(LOCALIZATION_MAP), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip


def _broken_law(given: Array, inputs: Inputs) -> str:
    """Return what has become of 0, of the order or of the maximum."""
    heat = inputs["heat"]
    if given.shape != heat.shape:
        return ""
    if (given[heat == 0] != 0).any():
        return "A cell of 0 should stay 0."
    if ((np.sign(given) != np.sign(heat)) & (given == given)).any():
        return "Each cell should keep its sign."
    if heat.any() and np.abs(given).max() != 1:
        return "The largest absolute value should be 1."
    return ""


def _zero_advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "(A map can be 0 everywhere. Then its maximum is 0, and there is nothing to divide: return zeros.)"
    return ""


NORMALISE = Exercise(
    {"normalised": Stage("normalised, heat / max |heat|:", _normalised, _NORMALISE, _broken_law)}, _maps, _zero_advice
)
