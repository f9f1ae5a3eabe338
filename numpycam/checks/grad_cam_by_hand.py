"""The checks of notebook 01: Grad-CAM from feature maps and gradient maps."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check, check_keys
from numpycam.checks.maps import generator, given_pair, means, named, pairs_of_maps, quotient, softmax, spread, sums
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, first_index, relu
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam_from_maps
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS


def maps_by_hand(variant: int = 0) -> tuple[Array, Array]:
    """Return the feature maps and the gradient maps of the first exercise: two of 2 × 2 cells, in whole numbers.

    Parameters
    ----------
    variant : int, default 0
        Which numbers are drawn.

    Returns
    -------
    feature_maps, gradients : array, shape (2, 2, 2)

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = generator(variant)
    while True:
        a, g = (as_fractions(rng.integers(low, 4, (2, 2, 2))) for low in (-1, -2))
        total = _weighted_sum(a, g)
        if (total < 0).sum() == 1 and (total > 0).sum() > 1 and all(means(g) != 0) and all(means(g) % 1 != 0):
            return a, g


def check_by_hand(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check numbers that were computed by hand from the :func:`maps_by_hand`.

    Parameters
    ----------
    answer : mapping
        "alphas", two numbers; "weighted_sum" and "localization_map", two rows of two numbers each.
    variant : int, default 0
        That of the maps.

    Returns
    -------
    Result
        A point for each of the three.

    Raises
    ------
    CheckFailed
        If a number is not right.
    """
    names = list(GRAD_CAM.stages)
    check_keys(answer, names)
    result = check(BY_HAND, lambda feature_maps, gradients: tuple(answer[name] for name in names), variant)
    return result.told("α, L and the map are right: you have computed a Grad-CAM by hand.")


def check_alphas(answer: Callable[[Array], Any], *, variant: int = 0) -> Result:
    """Check a function that computes the α of gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(gradients)`` takes an array of Fractions of shape (K, H, W), and returns K numbers.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not exactly right.
    """
    result = check(ALPHAS, answer, variant)
    return result.told(f"The alphas are exactly right, for {result.cases} sets of gradient maps of several sizes.")


def check_empty_map(answer: Any, *, variant: int = 0) -> Result:
    """Check an example of a network that is sure of its class, and has an empty Grad-CAM.

    Parameters
    ----------
    answer : pair of arrays
        Feature maps and gradient maps, both of shape (K, H, W). The head is linear without a bias, so the score is
        y = Σ A ⊙ dy/dA. It must be positive, and the map 0 in every cell.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the score is not positive, or if a cell of the map is.
    """
    a, g = given_pair("my_empty", answer)
    score, heat = (a * g).sum(), _localization_map(a, g)
    if score <= 0:
        raise CheckFailed(f"The score is y = Σ A ⊙ dy/dA = {score}: it should be positive.")
    if heat.any():
        where = first_index(heat > 0)
        raise CheckFailed(
            f"The score is {score}, but the map is not empty: at {where} it is {heat[where]}. "
            f"The α are {', '.join(map(str, means(g)))}. Which sign must α_k A^k have everywhere?"
        )
    told = (
        f"y = {score}, and the map is empty. The mean of a gradient map can be negative where its large cells are not."
    )
    return RIGHT.told(told)


def check_grad_cam(answer: Callable[[Array, Array], tuple[Any, Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that computes Grad-CAM from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). It returns
        ``(alphas, weighted_sum, localization_map)``.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a result is not exactly right, for the worked example or for other maps.
    """
    result = check(GRAD_CAM, answer, variant)
    return result.told(f"alphas, weighted_sum and localization_map are exactly right, on {result.cases} pairs of maps.")


def _cases(variant: int = 0) -> Iterable[Inputs]:
    """Return maps with a negative α, and cells of both signs in L. Some are not square."""

    def tells(a: Array, g: Array) -> bool:
        total = _weighted_sum(a, g)
        return bool(total.min() < 0 < total.max() and means(g).min() < 0)

    return pairs_of_maps(variant, [(3, 2, 2), (2, 2, 2), (3, 2, 2), (2, 2, 3), (4, 3, 2)], tells)


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
    (lambda a, g: -means(g), "The sign is turned: α_k is the mean itself, whatever its sign."),
    (lambda a, g: quotient(means(g), np.abs(means(g)).sum()),
     "You divide the alphas by their sum: leave them as they are, so that L stays in units of the score."),
    (lambda a, g: quotient(means(g), means(g).sum()),
     "You divide the alphas by their sum: leave them as they are, so that L stays in units of the score."),
    (lambda a, g: softmax(means(g)), "There is a softmax on the alphas: Grad-CAM has none. They need not add up to 1."),
    (lambda a, g: np.median(g.astype(float).reshape(len(g), -1), axis=1), "That is the median: take the mean."),
    (lambda a, g: g.sum(axis=1) / g.shape[1], "That is a mean over one axis: α_k is the mean over rows and columns."),
    (lambda a, g: g.sum(axis=2) / g.shape[2], "That is a mean over one axis: α_k is the mean over rows and columns."),
    (lambda a, g: means(GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

_WEIGHTED_SUM: Mistakes = [
    (lambda a, g: _weighted_sum(a, g).T, hints.TRANSPOSED),
    (lambda a, g: relu(_weighted_sum(a, g)), "There is a ReLU in it already: here, return L as it is before the ReLU."),
    (lambda a, g: relu(_weighted_maps(a, g)).sum(axis=0), hints.RELU_TOO_EARLY),
    (lambda a, g: _weighted_sum(a, g) / len(a), hints.MEAN_OF_MAPS),
    (lambda a, g: a.sum(axis=0), "You add up the maps without their weights: multiply each A^k by its α_k first."),
    (lambda a, g: (a * g).sum(axis=0), "That is Σ g ⊙ A, cell by cell (HiResCAM): here each map has one weight, α_k."),
    (lambda a, g: _weighted_sum(g, a), "A and dy/dA are exchanged: α_k is the mean of dy/dA^k, and weighs A^k."),
    (_weighted_maps, "These are the weighted maps: add them up over k."),
    (lambda a, g: (spread(means(g)) * g).sum(axis=0), "You weigh the gradient maps: α_k weighs the feature map A^k."),
    (lambda a, g: _weighted_maps(a, g).sum(axis=1), hints.WRONG_AXIS),
    (lambda a, g: _weighted_maps(a, g).sum(axis=2), hints.WRONG_AXIS),
    (lambda a, g: sums(_weighted_maps(a, g)), "You add up the cells of each map: add up the maps, cell by cell."),
    (lambda a, g: _weighted_sum(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]


def _from_0_to_1(values: Array) -> Array:
    return quotient(values - values.min(), values.max() - values.min())


_LOCALIZATION_MAP: Mistakes = [
    (_weighted_sum, "The ReLU is missing: negative cells should become 0."),
    (lambda a, g: np.abs(_weighted_sum(a, g)), "That is |L|: negative cells should become 0."),
    (lambda a, g: relu(-_weighted_sum(a, g)), "That is ReLU(-L), the counterfactual map: leave out the minus."),
    (lambda a, g: relu(_weighted_maps(a, g)).sum(axis=0), hints.RELU_TOO_EARLY),
    (lambda a, g: np.minimum(_weighted_sum(a, g), 0), "That is the smaller of L and 0: take the larger, np.maximum."),
    (
        lambda a, g: np.where(_weighted_sum(a, g) > 0, 1, 0),
        "That says where L is positive: where it is, keep L itself.",
    ),
    (lambda a, g: 100 * _localization_map(a, g), "It is 100 times too large: no percent here."),
    (lambda a, g: quotient(_localization_map(a, g), _localization_map(a, g).max()), hints.NORMALISED),
    (
        lambda a, g: quotient(_weighted_sum(a, g), _weighted_sum(a, g).max()),
        "You divide L by its maximum, and there is no ReLU: keep the numbers, and set the negative cells to 0.",
    ),
    (
        lambda a, g: _from_0_to_1(_weighted_sum(a, g)),
        "That is min-max: it makes 0 of the least cell. Keep the numbers, and set the negative cells to 0.",
    ),
]


def _gradients_alone(variant: int = 0) -> Iterable[Inputs]:
    for inputs in _cases(variant):
        yield {"dy/dA": inputs["dy/dA"]}


def _alone(mistakes: Mistakes) -> Mistakes:
    """Return the mistakes that can be made with the gradients alone."""
    return [(lambda g, wrong=wrong: wrong(0 * g, g), hint) for wrong, hint in mistakes if not _needs_maps(wrong)]


def _needs_maps(wrong: Callable[[Array, Array], Array]) -> bool:
    a, g = FEATURE_MAPS, GRADIENTS
    return bool(np.any(wrong(a, g) != wrong(0 * a, g)))


ALPHAS = Exercise(
    {"alphas": Stage("alphas, α_k = mean of dy/dA^k:", lambda g: means(g), _alone(_ALPHAS))}, _gradients_alone
)

GRAD_CAM = Exercise(
    {
        "alphas": Stage("alphas, α_k = mean of dy/dA^k:", _alphas, _ALPHAS),
        "weighted_sum": Stage("weighted_sum, L = Σ_k α_k A^k:", _weighted_sum, _WEIGHTED_SUM),
        "localization_map": Stage("localization_map, ReLU(L):", _localization_map, _LOCALIZATION_MAP),
    },
    _cases,
    hints.advise_on_alphas,
)

BY_HAND = Exercise(
    GRAD_CAM.stages, lambda variant: [named(*maps_by_hand(variant))], hints.advise_on_alphas, is_by_hand=True
)
