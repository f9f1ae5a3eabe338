"""What the checks of maps share: pairs of maps to try an answer on, and sums for the tables of mistakes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from numpycam.checks.compare import Inputs, as_numbers, refuse_dots
from numpycam.checks.results import CheckFailed
from numpycam.core.arguments import as_int
from numpycam.core.arrays import Array, Shape
from numpycam.exact import as_fractions
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS


def generator(variant: int) -> np.random.Generator:
    """Return what draws the numbers of a variant."""
    return np.random.default_rng(2017 + as_int("variant", variant, 0))


def pairs_of_maps(variant: int, shapes: Iterable[Shape], tells: Callable[[Array, Array], bool]) -> Iterator[Inputs]:
    """Yield the worked example, then one drawn pair A, dy/dA of each shape (K, H, W).

    A pair is drawn again until ``tells(a, g)`` says that it tells the common mistakes apart.
    """
    yield named(FEATURE_MAPS, GRADIENTS)
    rng = generator(variant)
    for shape in shapes:
        a, g = halves(rng, shape), halves(rng, shape)
        while not tells(a, g):
            a, g = halves(rng, shape), halves(rng, shape)
        yield named(a, g)


def named(a: Array, g: Array) -> Inputs:
    """Return feature maps and gradient maps under the names that messages use."""
    return {"A": a, "dy/dA": g}


def given_pair(name: str, answer: Any) -> tuple[Array, Array]:
    """Return the feature maps and gradient maps that an answer consists of, as Fractions, or say what they lack."""
    refuse_dots(name, answer)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise CheckFailed("Write the answer as a pair, (feature_maps, gradients): each is a list of maps.")
    a, g = (as_numbers(which, maps) for which, maps in zip(("feature_maps", "gradients"), answer, strict=True))
    for which, maps in (("feature_maps", a), ("gradients", g)):
        if maps.ndim != 3 or 0 in maps.shape:
            raise CheckFailed(
                f"{which} should be maps, (K, H, W): three lists inside each other; yours has {maps.shape}."
            )
    if a.shape != g.shape:
        raise CheckFailed(f"Both should have the same shape; yours have {a.shape} and {g.shape}.")
    return as_fractions(a), as_fractions(g)


def halves(rng: np.random.Generator, shape: int | Shape) -> Array:
    """Return drawn multiples of 1/2 between -2 and 2, as Fractions."""
    return as_fractions(rng.integers(-4, 5, shape)) / 2


def thirds(rng: np.random.Generator, low: int, high: int, shape: Shape) -> Array:
    """Return drawn multiples of 1/3, from low/3 to high/3, as Fractions."""
    return as_fractions(rng.integers(low, high + 1, shape)) / 3


def sums(maps: Array) -> Array:  # (K, H, W) -> (K,)
    """Return the sum of each map's cells."""
    return maps.sum(axis=(1, 2))


def means(maps: Array) -> Array:  # (K, H, W) -> (K,)
    """Return the mean of each map's cells."""
    return sums(maps) / maps[0].size


def spread(numbers: Array) -> Array:  # (K,) -> (K, 1, 1)
    """Return one number for each map, in a shape that meets all cells of the map."""
    return numbers[:, None, None]


def quotient(part: Any, whole: Any) -> Array:
    """Return part / whole, and 0 where the whole is 0: a careful answer does the same."""
    is_something = np.asarray(whole != 0)
    return np.where(is_something, part / np.where(is_something, whole, 1), 0)


def min_max(heat: Array) -> Array:
    """Return a map from 0, at its least cell, to 1, at its greatest: a common mistake."""
    return quotient(heat - heat.min(), heat.max() - heat.min())


def softmax(numbers: Array) -> Array:
    """Return exp(x) / Σ exp(x), in floats."""
    powers = np.exp(numbers.astype(float))
    return powers / powers.sum()
