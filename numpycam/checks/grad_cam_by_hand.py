"""The checks of notebooks 01 and 02: Grad-CAM from its maps, and a network that has given maps."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numpycam.checks.compare import CheckFailed, Mistakes, Result, compare, relu, run
from numpycam.core.arrays import Array
from numpycam.core.layers import Conv2d, Flatten, Linear
from numpycam.exact import as_floats, as_fractions
from numpycam.gradcam import grad_cam, grad_cam_from_maps
from numpycam.network import Network
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, IMAGE, KERNELS


def check_grad_cam(answer: Callable[[Array, Array], tuple[Any, Any, Any]]) -> None:
    """Check a function that computes Grad-CAM from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` gets two arrays of Fractions of shape (K, H, W) and
        returns ``(alphas, weighted_sum, localization_map)``.

    Raises
    ------
    CheckFailed
        If a stage is not exactly right, for the worked example's numbers and for others.
    """
    formulas = "α_k = mean of dy/dA^k", "L = Σ_k α_k A^k", "ReLU(L)"
    names = "alphas", "weighted_sum", "localization_map"
    advice = "(α has the shape (K,), the maps (K, H, W): alphas[:, None, None] lets them meet.)"
    results = [(a, g, run(answer, _named(a, g), names, advice)) for a, g in _cases()]
    for stage, (name, formula) in enumerate(zip(names, formulas, strict=True)):
        compare(f"{name}, {formula}:", _MISTAKES[name], [
            Result(_named(a, g), given[stage], given[stage], getattr(grad_cam_from_maps(a, g), name))
            for a, g, given in results
        ])  # fmt: skip
    print(f"✓ alphas, weighted_sum and localization_map are exactly right, on {len(results)} pairs of maps.")


def check_network(answer: Callable[[Array, Array], tuple[Any, Any]]) -> None:
    """Check a function that finds kernels and a head for given feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` gets two arrays of Fractions of shape (K, 2, 2) and returns
        ``(kernels, head)`` of shapes (K, 1, 2, 2) and (1, K·4): weights for the network Conv2d of stride 2,
        Flatten, Linear, with which ``worked_example.IMAGE`` has exactly these maps.

    Raises
    ------
    CheckFailed
        If the network has other feature maps or gradient maps, for the worked example's numbers or for others.
    """
    cases = [(a, g) for a, g in _cases() if a.shape[1:] == (2, 2)]
    results = [(a, g, run(answer, _named(a, g), ("kernels", "head"))) for a, g in cases]
    for a, _, (kernels, head) in results:
        _check_shape("kernels", kernels, (len(a), 1, 2, 2), "(K, 1, 2, 2)")
        _check_shape("head", head, (1, a.size), "(1, K·4)")
    maps = [_reproduce(*given) for _, _, given in results]
    for stage, (name, goal) in enumerate({"kernels": "feature maps are A", "head": "gradient maps are dy/dA"}.items()):
        compare(f"{name}, so that the network's {goal}:", _MISTAKES[name], [
            Result(_named(a, g), given[stage], made[stage], (a, g)[stage])
            for (a, g, given), made in zip(results, maps, strict=True)
        ])  # fmt: skip
    print(f"✓ the network has exactly the feature maps and the gradient maps, on {len(results)} pairs of them.")


def _check_shape(name: str, value: Array, expected: tuple[int, ...], in_letters: str) -> None:
    if value.shape != expected:
        raise CheckFailed(f"{name} should have the shape {in_letters} = {expected} here, yours has {value.shape}.")


def _reproduce(kernels: Array, head: Array) -> tuple[Array, Array]:
    """Return the feature maps and gradient maps of the network with these weights, or say why there is none."""
    try:
        convert = as_floats if "f" in (kernels.dtype.kind, head.dtype.kind) else as_fractions
        image, conv, linear = convert(IMAGE), Conv2d(convert(kernels), stride=2), Linear(convert(head))
        explanation = grad_cam(Network([("features", conv), ("flatten", Flatten()), ("linear", linear)]), image, 0)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckFailed(f"There is no network with these kernels and this head: {error}") from None
    return explanation.feature_maps, explanation.gradients


def _named(a: Array, g: Array) -> dict[str, Array]:
    return {"A": a, "dy/dA": g}


def _mean(maps: Array) -> Array:  # (K, H, W) -> (K,)
    return grad_cam_from_maps(maps, maps).alphas


def _weighted(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).weighted_maps


def _upper_row_left(a: Array) -> Array:
    """Return what the upper left weight is off by if it is the lower right cell as it stands."""
    off = np.zeros_like(a)
    off[:, 0, 0] = a[:, 0, 1]
    return off[:, None]


def _lower_row_right(a: Array) -> Array:
    """Return what the lower right weight is off by if it is the lower left cell as it stands."""
    off = np.zeros_like(a)
    off[:, 1, 1] = a[:, 1, 1] + a[:, 0, 0]
    return off[:, None]


# What each stage is if it is computed in a way that is often seen, and what to say then.
_MISTAKES: dict[str, Mistakes] = {
    "alphas": [
        (lambda a, g: g.sum(axis=(1, 2)) / 4, "You divide by 4: divide by Z = H·W, the number of cells of a map."),
        (lambda a, g: g.sum(axis=(1, 2)) / g.size, "You divide by the number of all cells: each map has H·W."),
        (lambda a, g: g.sum(axis=(1, 2)) / len(g), "You divide by the number of maps: divide by Z = H·W."),
        (lambda a, g: g.sum(axis=(1, 2)) / g.shape[1], "You divide by H: divide by Z = H·W."),
        (lambda a, g: _mean(g)[:, None, None], "Right, but keep one number for each map, shape (K,): no keepdims."),
        (lambda a, g: g.sum(axis=(1, 2)), "They are Z = H·W times too large: a sum where the mean should be?"),
        (lambda a, g: _mean(a), "That is the mean of the feature maps; α_k is the mean of the gradient map."),
        (lambda a, g: g.max(axis=(1, 2)), "That is the largest gradient of each map, not the mean."),
        (lambda a, g: _mean(np.abs(g)), "That is the mean of |dy/dA|: signs matter."),
        (lambda a, g: _mean(relu(g)), "That is the mean of the positive gradients only: negative ones count."),
        (lambda a, g: relu(_mean(g)), "There is a ReLU on the alphas: it belongs at the very end."),
        (lambda a, g: g.sum(axis=0) / len(g), "That is a mean over the maps: average each map's cells."),
        (lambda a, g: g.sum() / g.size, "That is one mean for all maps: each map has an α of its own."),
        (lambda a, g: _mean(g * a), "That is the mean of g ⊙ A: A comes in at the next step."),
        (lambda a, g: _mean(GRADIENTS), "That is right for the worked example only: compute it from the arguments."),
    ],
    "weighted_sum": [
        (lambda a, g: _weighted(a, g).sum(axis=0).T, "Rows and columns are exchanged."),
        (lambda a, g: relu(_weighted(a, g).sum(axis=0)), "There is a ReLU in it already: it is a step of its own."),
        (lambda a, g: relu(_weighted(a, g)).sum(axis=0), "There is a ReLU before the sum: first add up, then ReLU."),
        (lambda a, g: _weighted(a, g).sum(axis=0) / len(a), "That is the mean over the maps; it should be their sum."),
        (lambda a, g: a.sum(axis=0), "The maps are added up without their weights α_k."),
        (lambda a, g: (a * g).sum(axis=0), "That is Σ g ⊙ A, cell by cell (HiResCAM): each map has one weight, α_k."),
        (lambda a, g: _weighted(g, a).sum(axis=0), "A and dy/dA are exchanged: the maps are weighted, not g."),
        (_weighted, "These are the weighted maps: add them up over k."),
        (
            lambda a, g: _weighted(FEATURE_MAPS, GRADIENTS).sum(axis=0),
            "That is right for the worked example only: compute it from the arguments.",
        ),
    ],
    "localization_map": [
        (lambda a, g: _weighted(a, g).sum(axis=0), "The ReLU is missing: negative cells should become 0."),
        (lambda a, g: np.abs(_weighted(a, g).sum(axis=0)), "That is |L|: negative cells should become 0."),
        (lambda a, g: relu(-_weighted(a, g).sum(axis=0)), "That is ReLU(-L), the counterfactual map."),
        (lambda a, g: relu(_weighted(a, g)).sum(axis=0), "There is a ReLU before the sum: first add up, then ReLU."),
        (
            lambda a, g: relu(_weighted(a, g).sum(axis=0)) / _weighted(a, g).sum(axis=0).max(),
            "That is divided by its maximum: normalising is for the picture, the map itself is raw.",
        ),
    ],
    "kernels": [
        (lambda a, g: _solve(a)[:, :, ::-1, ::-1], "They are turned by 180°: Conv2d does not flip its kernels."),
        (lambda a, g: _solve(a).swapaxes(2, 3), "Rows and columns of the kernels are exchanged."),
        *((lambda a, g, off=off: _solve(a) + off(a), "Where a patch reads several weights, subtract those you know.")
          for off in (_upper_row_left, _lower_row_right, lambda a: _upper_row_left(a) + _lower_row_right(a))),
        (lambda a, g: a[:, None], "These are the feature maps themselves: which kernel makes them of the picture?"),
        (lambda a, g: KERNELS[: len(a)], "They are right for the worked example only: compute them from feature_maps."),
    ],
    "head": [
        (lambda a, g: np.moveaxis(g, 0, -1).reshape(1, -1), "The order is another: Flatten goes map by map."),
        (lambda a, g: g.swapaxes(1, 2).reshape(1, -1), "Columns come before rows: Flatten goes row by row."),
        (lambda a, g: -g.reshape(1, -1), "The sign is wrong."),
        (lambda a, g: np.repeat(_mean(g), 4)[None],
         "Every gradient map has one number only, as behind a GAP head: each cell needs a weight of its own."),
        (lambda a, g: a.reshape(1, -1), "These are the feature maps: what does a linear head multiply them by?"),
        (lambda a, g: GRADIENTS[: len(g)].reshape(1, -1),
         "It is right for the worked example only: compute it from gradients."),
    ],
}  # fmt: skip


def _solve(a: Array) -> Array:  # (K, 2, 2) -> (K, 1, 2, 2)
    """Return the kernels with which the worked example's picture has the feature maps a."""
    (top_left, top_right), (bottom_left, bottom_right) = a.transpose(1, 2, 0)
    upper_left = bottom_right - top_right
    lower_right = bottom_left - bottom_right - top_left
    return np.array([upper_left, top_right, top_left, lower_right]).T.reshape(-1, 1, 2, 2)


def _cases() -> Iterator[tuple[Array, Array]]:
    """Yield the worked example, then drawn maps with cells of both signs in L, 2 × 2 and not square."""
    yield FEATURE_MAPS, GRADIENTS
    rng = np.random.default_rng(2017)
    for shape in ((3, 2, 2), (2, 2, 2), (3, 2, 2), (2, 2, 3), (4, 3, 2)):
        while True:
            a, g = (as_fractions(rng.integers(-5, 6, shape)) / 2 for _ in range(2))
            explanation = grad_cam_from_maps(a, g)
            if explanation.weighted_sum.min() < 0 < explanation.weighted_sum.max() and explanation.alphas.min() < 0:
                yield a, g
                break
