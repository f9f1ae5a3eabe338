"""The check of notebook 02: a network that has given feature maps and gradient maps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from numpycam.checks.compare import CheckFailed, Exercise, Inputs, Mistakes, Stage, check, check_shape
from numpycam.checks.maps import means, pairs_of_maps
from numpycam.core.arrays import Array
from numpycam.core.layers import Conv2d, Flatten, Linear
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam
from numpycam.network import Network
from numpycam.worked_example import GRADIENTS, IMAGE, KERNELS


def check_network(answer: Callable[[Array, Array], tuple[Any, Any]]) -> None:
    """Check a function that finds kernels and a head for given feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, 2, 2). It returns
        ``(kernels, head)`` of shapes (K, 1, 2, 2) and (1, K·4). They are the weights of a network: Conv2d of stride
        2, Flatten, Linear. For ``worked_example.IMAGE`` this network should have exactly the given maps.

    Raises
    ------
    CheckFailed
        If the network has other feature maps or gradient maps, for the worked example or for other maps.
    """
    count = check(NETWORK, answer)
    print(f"✓ the network has exactly the feature maps and the gradient maps, on {count} pairs of them.")


def _cases() -> Iterable[Inputs]:
    return pairs_of_maps([(3, 2, 2), (2, 2, 2), (3, 2, 2)], lambda a, g: True)


def _maps_of_network(inputs: Inputs, kernels: Array, head: Array) -> Sequence[Array]:
    """Return the feature maps and the gradient maps of the network with these weights, or say why there is none."""
    number = len(inputs["A"])
    check_shape("kernels", kernels, (number, 1, 2, 2), "(K, 1, 2, 2)")
    check_shape("head", head, (1, number * 4), "(1, K·4)")
    try:
        conv, linear = Conv2d(as_fractions(kernels), stride=2), Linear(as_fractions(head))
        network = Network([("features", conv), ("flatten", Flatten()), ("linear", linear)])
        explanation = grad_cam(network, IMAGE, class_index=0)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckFailed(f"There is no network with these kernels and this head: {error}") from None
    return explanation.feature_maps, explanation.gradients


def _kernels(a: Array, g: Array) -> Array:  # (K, 2, 2) -> (K, 1, 2, 2)
    """Return the kernels that make the feature maps a from the worked example's picture."""
    (top_left, top_right), (bottom_left, bottom_right) = a.transpose(1, 2, 0)
    upper_left = bottom_right - top_right
    lower_right = bottom_left - bottom_right - top_left
    return _kernels_of(upper_left, top_right, top_left, lower_right)


def _kernels_of(upper_left: Array, upper_right: Array, lower_left: Array, lower_right: Array) -> Array:
    """Return kernels (K, 1, 2, 2). Each argument is one weight of every kernel, (K,)."""
    return np.array([upper_left, upper_right, lower_left, lower_right]).T.reshape(-1, 1, 2, 2)


def _head(a: Array, g: Array) -> Array:  # (K, 2, 2) -> (1, K·4)
    return g.reshape(1, -1)


def _unsubtracted_upper_left(a: Array, g: Array) -> Array:
    """Return the kernels whose upper left weight is the lower right cell of A as it stands."""
    kernels = _kernels(a, g)
    kernels[:, 0, 0, 0] = a[:, 1, 1]
    return kernels


def _unsubtracted_lower_right(a: Array, g: Array) -> Array:
    """Return the kernels whose lower right weight is the lower left cell of A as it stands."""
    kernels = _kernels(a, g)
    kernels[:, 0, 1, 1] = a[:, 1, 0]
    return kernels


def _unsubtracted(a: Array, g: Array) -> Array:
    """Return the kernels with both of these weights as they stand."""
    return _kernels_of(a[:, 1, 1], a[:, 0, 1], a[:, 0, 0], a[:, 1, 0])


_SUBTRACT = "Some patches see several weights at once: subtract the weights that you know already."

_KERNELS: Mistakes = [
    (lambda a, g: _kernels(a, g)[:, :, ::-1, ::-1], "The kernels are turned by 180°: Conv2d does not flip kernels."),
    (lambda a, g: _kernels(a, g).swapaxes(2, 3), "Rows and columns of the kernels are exchanged."),
    (_unsubtracted_upper_left, _SUBTRACT),
    (_unsubtracted_lower_right, _SUBTRACT),
    (_unsubtracted, _SUBTRACT),
    (lambda a, g: a[:, None], "Your kernels are the feature maps: which kernels make these maps from the picture?"),
    (lambda a, g: KERNELS[: len(a)], "They are right for the worked example only: compute them from feature_maps."),
]

_HEAD: Mistakes = [
    (lambda a, g: np.moveaxis(g, 0, -1).reshape(1, -1), "The weights are in the wrong order: Flatten goes map by map."),
    (lambda a, g: _head(a, g.swapaxes(1, 2)), "The weights are in the wrong order: Flatten goes row by row."),
    (lambda a, g: -_head(a, g), "The sign is wrong: leave out the minus."),
    (lambda a, g: np.repeat(means(g), 4)[None],
     "You give all cells of a map the same weight, as a GAP head does: give each cell its own."),
    (lambda a, g: a.reshape(1, -1), "Your head is the feature maps: what does a linear head multiply them by?"),
    (lambda a, g: _head(a, GRADIENTS[: len(g)]),
     "It is right for the worked example only: compute it from gradients."),
]  # fmt: skip

NETWORK = Exercise(
    {
        "kernels": Stage("kernels: the network's feature maps should be A.", _kernels, _KERNELS),
        "head": Stage("head: the network's gradient maps should be dy/dA.", _head, _HEAD),
    },
    _cases,
    outcome=_maps_of_network,
)
