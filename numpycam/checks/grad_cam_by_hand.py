"""The check of notebook 01: Grad-CAM from feature maps and gradient maps."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check
from numpycam.checks.maps import means, pairs_of_maps, quotient, spread, sums
from numpycam.core.arrays import Array, relu
from numpycam.gradcam import grad_cam_from_maps
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS


def check_grad_cam(answer: Callable[[Array, Array], tuple[Any, Any, Any]]) -> None:
    """Check a function that computes Grad-CAM from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). It returns
        ``(alphas, weighted_sum, localization_map)``.

    Raises
    ------
    CheckFailed
        If a result is not exactly right, for the worked example or for other maps.
    """
    count = check(GRAD_CAM, answer)
    print(f"✓ alphas, weighted_sum and localization_map are exactly right, on {count} pairs of maps.")


def _cases() -> Iterable[Inputs]:
    """Return maps with a negative α, and cells of both signs in L. Some are not square."""

    def tells(a: Array, g: Array) -> bool:
        total = _weighted_sum(a, g)
        return bool(total.min() < 0 < total.max() and means(g).min() < 0)

    return pairs_of_maps([(3, 2, 2), (2, 2, 2), (3, 2, 2), (2, 2, 3), (4, 3, 2)], tells)


def _alphas(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).alphas


def _weighted_maps(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).weighted_maps


def _weighted_sum(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).weighted_sum


def _localization_map(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).localization_map


_ALPHAS: Mistakes = [
    (lambda a, g: sums(g) / 4, "You divide by 4, as in the example: divide by Z = H·W, the number of cells in a map."),
    (lambda a, g: sums(g) / g.size, "You divide by the number of all cells: divide by Z = H·W, the cells of one map."),
    (lambda a, g: sums(g) / len(g), "You divide by the number of maps: divide by Z = H·W."),
    (lambda a, g: sums(g) / g.shape[1], "You divide by H: divide by Z = H·W."),
    (lambda a, g: spread(means(g)), hints.KEEPDIMS),
    (lambda a, g: sums(g), "They are Z = H·W times too large: take the mean instead of the sum."),
    (lambda a, g: means(a), "That is the mean of the feature maps: α_k is the mean of the gradient map."),
    (lambda a, g: g.max(axis=(1, 2)), "That is the largest gradient of each map: take the mean."),
    (lambda a, g: means(np.abs(g)), "That is the mean of |dy/dA|: keep the signs."),
    (lambda a, g: means(relu(g)), "You leave out the negative gradients: they count, too."),
    (lambda a, g: relu(means(g)), "There is a ReLU on the alphas: it belongs at the very end."),
    (lambda a, g: g.sum(axis=0) / len(g), "That is a mean over the maps: average the cells of each map."),
    (lambda a, g: g.sum() / g.size, "That is one mean for all maps: each map has its own α."),
    (lambda a, g: means(g * a), "That is the mean of g ⊙ A: average g alone. A comes in at the next step."),
    (lambda a, g: means(GRADIENTS), hints.ONLY_THE_EXAMPLE),
]

_WEIGHTED_SUM: Mistakes = [
    (lambda a, g: _weighted_sum(a, g).T, hints.TRANSPOSED),
    (lambda a, g: relu(_weighted_sum(a, g)), "There is a ReLU in it already: here, return L as it is before the ReLU."),
    (lambda a, g: relu(_weighted_maps(a, g)).sum(axis=0), hints.RELU_TOO_EARLY),
    (lambda a, g: _weighted_sum(a, g) / len(a), hints.MEAN_OF_MAPS),
    (lambda a, g: a.sum(axis=0), "You add up the maps without their weights: multiply each A^k by its α_k first."),
    (lambda a, g: (a * g).sum(axis=0), "That is Σ g ⊙ A, cell by cell (HiResCAM): here each map has one weight, α_k."),
    (lambda a, g: _weighted_sum(g, a), "A and dy/dA are exchanged: α_k is the mean of dy/dA^k, and weighs A^k."),
    (_weighted_maps, "These are the weighted maps: add them up over k."),
    (lambda a, g: _weighted_sum(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]

_LOCALIZATION_MAP: Mistakes = [
    (_weighted_sum, "The ReLU is missing: negative cells should become 0."),
    (lambda a, g: np.abs(_weighted_sum(a, g)), "That is |L|: negative cells should become 0."),
    (lambda a, g: relu(-_weighted_sum(a, g)), "That is ReLU(-L), the counterfactual map: leave out the minus."),
    (lambda a, g: relu(_weighted_maps(a, g)).sum(axis=0), hints.RELU_TOO_EARLY),
    (lambda a, g: quotient(_localization_map(a, g), _localization_map(a, g).max()), hints.NORMALISED),
]

GRAD_CAM = Exercise(
    {
        "alphas": Stage("alphas, α_k = mean of dy/dA^k:", _alphas, _ALPHAS),
        "weighted_sum": Stage("weighted_sum, L = Σ_k α_k A^k:", _weighted_sum, _WEIGHTED_SUM),
        "localization_map": Stage("localization_map, ReLU(L):", _localization_map, _LOCALIZATION_MAP),
    },
    _cases,
    hints.advise_on_alphas,
)
