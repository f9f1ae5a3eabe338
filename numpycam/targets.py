"""What to explain other than the score of one class: another number that is made of the scores.

A target is a callable, ``target(scores) -> (t, dt/dscores)`` with shapes (N, classes) -> (N,), (N, classes). In every
method it can stand in the place of ``class_index``.

>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> cat_not_elephant = grad_cam(network, image, Difference({0: 1, 1: -1}))
>>> print(cat_not_elephant.score, "=", " - ".join(str(y) for y in network(image[None])[0]))
201/10 = 143/5 - 17/2
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from numpycam.validation import Array, zeros


@dataclass(frozen=True)
class Difference:
    """t = Σ_c w_c y^c: what speaks for some classes rather than for others.

    Parameters
    ----------
    weights : mapping of int to number
        w_c by class; classes that are not named count 0. For scores in Fractions: ints or Fractions.
    """

    weights: Mapping[int, Any]

    def __call__(self, scores: Array) -> tuple[Array, Array]:
        """Return t for each row of the scores, and dt/dscores."""
        gradient = zeros(scores.shape, like=scores)
        for c, weight in self.weights.items():
            _check_class(c, scores)
            if scores.dtype == object and not isinstance(weight, Rational):
                raise TypeError(f"the weights of a target must be ints or Fractions for exact scores, got {weight!r}.")
            gradient[:, c] += Fraction(weight) if scores.dtype == object else float(weight)
        return (scores * gradient).sum(axis=1), gradient


def finer(class_index: int, others: Sequence[int], gamma: Any = 1) -> Difference:
    """Return y^c - γ · the mean of the others' scores: Finer-CAM is Grad-CAM of it.

    Source: Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
    The others are the classes most like c. Implementations differ in γ (1, or 0.6) and in how they weigh the others.
    """
    weights: dict[int, Any] = {class_index: 1}
    share = Fraction(gamma) / len(others)
    for other in others:
        weights[other] = weights.get(other, 0) - share
    return Difference(weights)


@dataclass(frozen=True)
class Probability:
    """t = p_c = softmax(y)_c, in floats. Mostly not what one wants.

    dp_c/dy = p_c (e_c - p), so the map of p_c is p_c times the map of log p_c, and where the network is sure, p_c near
    1, it is near zero whatever the network looks at. And it is a contrast: with two classes it is p_1 p_2 times the map
    of y^1 - y^2, see :class:`Difference`.
    """

    class_index: int

    def __call__(self, scores: Array) -> tuple[Array, Array]:
        """Return p_c for each row of the scores, and dp_c/dscores."""
        _check_class(self.class_index, scores)
        if scores.dtype == object:
            raise TypeError("a probability takes an exponential: convert with numpycam.exact.as_floats.")
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        of_class = p[:, self.class_index]
        gradient = -of_class[:, None] * p
        gradient[:, self.class_index] += of_class
        return of_class, gradient


def _check_class(c: object, scores: Array) -> None:
    if not isinstance(c, int | np.integer) or isinstance(c, bool) or not 0 <= c < scores.shape[1]:
        raise ValueError(f"a target's class must be an int in 0..{scores.shape[1] - 1}, got {c!r}.")
