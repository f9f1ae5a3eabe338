"""Targets: numbers made of the scores, to be explained in place of the score of one class.

A target is a callable, ``target(scores) -> (t, dt/dscores)`` with shapes (N, classes) -> (N,), (N, classes). Every
method takes one in place of ``class_index``. For a batch, it also takes a list with a class or a target for each image;
then each target is called with one row of scores. The counterfactual map of any method is its map of -y^c.

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

from numpycam.core.arguments import as_array, as_int, as_kind_of, as_list, check_index, check_same_kind, check_shape
from numpycam.core.arrays import Array, zeros


@dataclass(frozen=True)
class Difference:
    """t = Σ_c w_c y^c: what speaks for some classes rather than for others.

    Parameters
    ----------
    weights : mapping of int to number
        w_c for each class c. A class that is not named has the weight 0. If the scores are Fractions, the weights must
        be ints or Fractions.
    """

    weights: Mapping[int, Any]

    def __call__(self, scores: Array) -> tuple[Array, Array]:
        """Return t for each row of the scores, and dt/dscores.

        Parameters
        ----------
        scores : array, shape (N, classes)

        Returns
        -------
        t : array, shape (N,)
        gradient : array, shape (N, classes)

        Raises
        ------
        TypeError, ValueError
            If the weights are not a mapping of classes to numbers, or a class does not exist.
        """
        if not isinstance(self.weights, Mapping):
            raise TypeError(f"weights must be a mapping of classes to numbers, got {type(self.weights).__name__}.")
        gradient = zeros(scores.shape, like=scores)
        for c, weight in self.weights.items():
            check_index("a target's class", c, scores.shape[1])
            number = as_array("a target's weight", weight, dtype=scores.dtype)
            check_shape("a target's weight", number, ())
            if scores.dtype != object:  # a Fraction can become a float here, but a float cannot become a Fraction
                number = number.astype(np.float64)
            gradient[:, c] = as_kind_of("a target's weight", number, "the score", scores)
        return (scores * gradient).sum(axis=1), gradient


def finer(class_index: int, others: Sequence[int], gamma: Any = 1) -> Difference:
    """Return the target y^c - γ · (the mean of the scores of the others). Grad-CAM of it is Finer-CAM.

    Parameters
    ----------
    class_index : int
        c.
    others : sequence of int
        The classes most like c.
    gamma : number, default 1
        γ. If the scores are Fractions, an int or a Fraction.

    Returns
    -------
    Difference

    Raises
    ------
    TypeError, ValueError
        If ``others`` is not a sequence or is empty, or if ``gamma`` is not a number.

    Notes
    -----
    Implementations differ in γ (1 or 0.6) and in how they weight the others.

    Source: Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
    """
    rivals = [as_int("others", other, 0) for other in as_list("others", others, "of classes")]
    check_shape("gamma", as_array("gamma", gamma), ())
    if not rivals:
        raise ValueError("others must hold one class at least, got none.")
    weights: dict[int, Any] = {as_int("class_index", class_index, 0): 1}
    for other in rivals:
        weights[other] = weights.get(other, 0) - gamma * Fraction(1, len(rivals))
    return Difference(weights)


@dataclass(frozen=True)
class Probability:
    """t = p_c = softmax(y)_c, in floats. Usually this is not what you want.

    dp_c/dy = p_c (e_c - p). So the map of p_c is p_c times the map of log p_c. Where the network is sure of c, p_c is
    near 1 and the map is near zero, whatever the network looks at. The map also compares classes: with two classes, it
    is p_1 p_2 times the map of y^1 - y^2 (see :class:`Difference`).

    Parameters
    ----------
    class_index : int
        c.
    """

    class_index: int

    def __call__(self, scores: Array) -> tuple[Array, Array]:
        """Return p_c for each row of the scores, and dp_c/dscores.

        Parameters
        ----------
        scores : array of floats, shape (N, classes)

        Returns
        -------
        p_c : array, shape (N,)
        gradient : array, shape (N, classes)

        Raises
        ------
        TypeError, ValueError
            If the scores are Fractions, if the class does not exist, or if it is the only one: then p is always 1.
        """
        c = self.class_index
        _check_floats(scores)
        check_index("a target's class", c, scores.shape[1])
        if scores.shape[1] == 1:
            raise ValueError(
                "a probability needs two classes at least: the softmax of one score is 1, whatever the score is. "
                "If the network answers yes or no, pass targets.Sigmoid()."
            )
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        gradient = -p[:, [c]] * p
        gradient[:, c] = 0
        gradient[:, c] = -gradient.sum(axis=1)  # p_c (1 - p_c), but not 0 when p_c is rounded to 1
        return p[:, c], gradient


@dataclass(frozen=True)
class Sigmoid:
    """t = σ(y_c) = 1 / (1 + e^-y_c), in floats: the probability of "yes", for scores that are independent answers.

    dσ/dy = σ (1 - σ). So the map of σ(y_c) is σ (1 - σ) times the map of y_c: the same picture, and near zero where the
    network is sure. Usually the score itself is what you want.

    Parameters
    ----------
    class_index : int, default 0
        c.

    Examples
    --------
    >>> (t,), ((slope,),) = Sigmoid()(np.array([[-2.5]]))
    >>> print(f"{t:.5f}, and its map is {slope:.5f} times that of the score")
    0.07586, and its map is 0.07010 times that of the score
    """

    class_index: int = 0

    def __call__(self, scores: Array) -> tuple[Array, Array]:
        """Return σ(y_c) for each row of the scores, and its gradient by them.

        Parameters
        ----------
        scores : array of floats, shape (N, classes)

        Returns
        -------
        t : array, shape (N,)
        gradient : array, shape (N, classes)
            Zero but for class c.

        Raises
        ------
        TypeError, ValueError
            If the scores are Fractions, or the class does not exist.
        """
        c = self.class_index
        _check_floats(scores)
        check_index("a target's class", c, scores.shape[1])
        y = scores[:, c]
        power = np.exp(-np.abs(y))  # at most 1, so it does not overflow
        likelier, other = 1 / (1 + power), power / (1 + power)  # other is 1 - likelier, but not 0 where that is 1
        gradient = zeros(scores.shape, like=scores)
        gradient[:, c] = likelier * other
        return np.where(y >= 0, likelier, other), gradient


def _check_floats(scores: Array) -> None:
    check_same_kind({"scores": scores})
    if scores.dtype == object:
        raise TypeError(
            "a probability needs an exponential, which has no exact value: convert with numpycam.exact.as_floats."
        )
