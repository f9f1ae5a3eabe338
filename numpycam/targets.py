"""What to explain other than the score of one class: another number that is made of the scores.

A target is a callable, ``target(scores) -> (t, dt/dscores)`` with shapes (N, classes) -> (N,), (N, classes). In every
method it can stand in the place of ``class_index``. The counterfactual of any method is its map of -y^c.

>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> cat_not_elephant = grad_cam(network, image, Difference({0: 1, 1: -1}))
>>> print(cat_not_elephant.score, "=", " - ".join(str(y) for y in network(image[None])[0]))
201/10 = 143/5 - 17/2
>>> against_the_cat = grad_cam(network, image, Difference({0: -1}))
>>> print(against_the_cat.localization_map.astype(str).tolist())
[['0', '81/40'], ['0', '0']]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.core.arguments import as_array, check_index, check_same_kind, check_shape
from numpycam.core.arrays import Array, zeros


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
        if not isinstance(self.weights, Mapping):
            raise TypeError(f"weights must be a mapping of classes to numbers, got {type(self.weights).__name__}.")
        gradient = zeros(scores.shape, like=scores)
        for c, weight in self.weights.items():
            check_index("a target's class", c, scores.shape[1])
            number = as_array("a target's weight", weight, dtype=scores.dtype)
            check_shape("a target's weight", number, ())
            if scores.dtype == object:  # a Fraction among floats becomes one, but not the other way round
                check_same_kind({"a target's weight": number, "the score": scores})
            gradient[:, c] = number
        return (scores * gradient).sum(axis=1), gradient


def finer(class_index: int, others: Sequence[int], gamma: Any = 1) -> Difference:
    """Return y^c - γ · the mean of the others' scores: Finer-CAM is Grad-CAM of it.

    Source: Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
    The others are the classes most like c. Implementations differ in γ (1, or 0.6) and in how they weigh the others.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or there are no others.
    """
    if not isinstance(others, Sequence | np.ndarray):
        raise TypeError(f"others must be a sequence of classes, got {type(others).__name__}.")
    check_shape("gamma", as_array("gamma", gamma), ())
    if not len(others):
        raise ValueError("others must hold one class at least, got none.")
    weights: dict[int, Any] = {class_index: 1}
    for other in others:
        weights[other] = weights.get(other, 0) - gamma * Fraction(1, len(others))
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
        c = self.class_index
        check_index("a target's class", c, scores.shape[1])
        if scores.dtype == object:
            raise TypeError("a probability takes an exponential: convert with numpycam.exact.as_floats.")
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        gradient = -p[:, [c]] * p
        gradient[:, c] = 0
        gradient[:, c] = -gradient.sum(axis=1)  # the sum of all is 0; 1 - p_c would be 0 before the others are
        return p[:, c], gradient
