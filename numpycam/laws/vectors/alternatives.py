"""Other conventions, as functions: what they return where implementations differ and none is wrong.

Their names are the answers of the books' conventions. They run on Fractions.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, zeros
from numpycam.laws import definitions


def _slope_at_zero(slope: Fraction) -> Callable[..., Any]:
    def relu_backward(grad_output: Array, x: Array) -> Array:
        return np.where(x == 0, slope * grad_output, definitions.relu_backward(grad_output, x))

    return relu_backward


def _to_winners(shares: Callable[[int], list[Fraction]]) -> Callable[..., Any]:
    """Return a gradient of max pooling: of each window, ``shares`` says what each of the n largest cells gets."""

    def max_pool2d_backward(grad_output: Array, x: Array, **options: Any) -> Array:
        dx = zeros(x.shape, like=x)
        for output in np.ndindex(grad_output.shape):
            one = zeros(grad_output.shape, like=x)
            one[output] += 1
            window = definitions.avg_pool2d_backward(one, x, **options) != 0
            winners = np.argwhere(window & (x == x[window].max()))
            for cell, share in zip(map(tuple, winners), shares(len(winners)), strict=True):
                dx[cell] += share * grad_output[output]
        return dx

    return max_pool2d_backward


def _resize(at: Callable[[int, int, int], Any]) -> Callable[..., Any]:
    """Return a resize by the place ``at(i, n, m)`` of new cell i of m among n cells: a number, or a whole number."""

    def resize(heat: Array, size: tuple[int, int]) -> Array:
        rows, columns = (_shares(at, n, m) for n, m in zip(heat.shape, size, strict=True))
        return rows @ heat @ columns.T

    return resize


def _shares(at: Callable[[int, int, int], Any], n: int, m: int) -> Array:  # (m, n)
    """Return the share that each of n cells has in each of m new ones."""
    places = [min(max(Fraction(at(i, n, m)), Fraction(0)), Fraction(n - 1)) for i in range(m)]
    return np.array([[max(Fraction(0), 1 - abs(place - j)) for j in range(n)] for place in places], dtype=object)


ALTERNATIVES: Mapping[str, Mapping[str, tuple[str, Callable[..., Any]]]] = {
    "relu": {
        "1": ("backward", _slope_at_zero(Fraction(1))),
        "1/2, as in jnp.maximum": ("backward", _slope_at_zero(Fraction(1, 2))),
    },
    "max_pool2d": {
        "the last in row-major order": ("backward", _to_winners(lambda n: [Fraction(0)] * (n - 1) + [Fraction(1)])),
        "all, in equal shares": ("backward", _to_winners(lambda n: [Fraction(1, n)] * n)),
        "every one of them gets all of it": ("backward", _to_winners(lambda n: [Fraction(1)] * n)),
    },
    "resize": {
        name: ("resize", _resize(at))
        for name, at in {
            "bilinear, align_corners=True": lambda i, n, m: Fraction(i * (n - 1), max(m - 1, 1)),
            "bilinear, place i n/m": lambda i, n, m: Fraction(i * n, m),
            "nearest, half-pixel centres": lambda i, n, m: math.floor(Fraction((2 * i + 1) * n, 2 * m)),
            "nearest, place i n/m": lambda i, n, m: i * n // m,
        }.items()
    },
}
"""For each operation the other conventions, by name: which function differs, and the one in its place."""
