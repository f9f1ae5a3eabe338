"""The worked example: its numbers, and a picture and networks that really produce them.

The numbers are exact (Fractions). The networks are ordinary ones: their first layer is a convolution that makes
FEATURE_MAPS from IMAGE, and the gradient of the cat's score is GRADIENTS.

>>> from numpycam import grad_cam
>>> explanation = grad_cam(network(), IMAGE, class_index=CLASS_NAMES.index("cat"))
>>> bool((explanation.weighted_sum == WEIGHTED_SUM).all())
True
"""

from typing import Literal, get_args

import numpy as np

from numpycam.core.arguments import check_one_of
from numpycam.core.arrays import Array, frozen_copy, zeros
from numpycam.core.base import Layer
from numpycam.core.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from numpycam.exact import as_floats, as_fractions
from numpycam.network import Network

Head = Literal["linear", "conv", "dead-unit"]
HEADS: tuple[Head, ...] = get_args(Head)


def _exact(rows: list[object]) -> Array:
    return frozen_copy(as_fractions(rows))


CLASS_NAMES = ("cat", "elephant")

IMAGE = _exact([[
    [0, 0, 0, 1],
    [1, 0, 0, 0],
    [1, 1, 1, 1],
    [1, 1, 0, 0],
]])  # fmt: skip
"""A cat (ear, body, tail) at the bottom left, a moon at the top right; shape (1, 4, 4)."""

PARTS = {"ear": ((1, 0), (2, 1)), "moon": ((0, 3), (1, 4)), "body": ((2, 0), (4, 2)), "tail": ((2, 2), (3, 4))}
"""Where the parts of the picture are: the first row and column, and those after the last."""

KERNELS = _exact([
    [[["1.1", -1], [1, "0.9"]]],
    [[["0.4", "0.1"], ["1.5", "0.5"]]],
    [[[-1, 3], [-2, 0]]],
])  # fmt: skip
"""The kernels of the first convolution, chosen by hand; shape (3, 1, 2, 2), stride 2. The third one sees the moon."""

FEATURE_MAPS = _exact([
    [[1, -1], [2, "0.1"]],
    [["1.5", "0.1"], ["2.5", "0.5"]],
    [[-2, 3], [0, 2]],
])  # fmt: skip
"""A^1, A^2, A^3: what the convolution makes from IMAGE. A^3 is the map of the background kernel."""

GRADIENTS = _exact([
    [[2, 3], [4, 2]],
    [[3, 5], [6, 3]],
    [["0.1", "-0.1"], ["0.2", "0.2"]],
])  # fmt: skip
"""dy^c/dA^k for the cat's score y^c."""

ALPHAS = _exact(["2.75", "4.25", "0.1"])
"""α_k^c, the mean of each gradient map."""

WEIGHTED_SUM = _exact([["8.925", "-2.025"], ["16.125", "2.6"]])
"""L = Σ_k α_k^c A^k."""

LOCALIZATION_MAP = _exact([["8.925", 0], ["16.125", "2.6"]])
"""L^c_Grad-CAM = ReLU(L)."""

_ELEPHANT_GRADIENTS = _exact([
    [[-1, 0], [-1, 0]],
    [[0, 0], [-1, 0]],
    [[1, 4], [1, 2]],
])  # fmt: skip


def network(head: Head = "linear", exact: bool = True) -> Network:
    """Return a network that makes FEATURE_MAPS from IMAGE, and from these a score for each of CLASS_NAMES.

    Parameters
    ----------
    head : {"linear", "conv", "dead-unit"}
        What comes after the feature maps. "linear" has the gradient maps as its weights. "conv" has them as the kernels
        of a second convolution, with a ReLU and max-pooling after it. For IMAGE, its scores and gradients are the same.
        In "dead-unit", each map has a kernel and a ReLU of its own. The cat's third unit is shut, so its gradient map
        is zero.
    exact : bool, default True
        Whether the network computes in Fractions, or in float64.

    Returns
    -------
    Network
        Its target layer is "features".

    Raises
    ------
    ValueError
        If there is no such head.
    """
    gradients = np.stack([GRADIENTS, _ELEPHANT_GRADIENTS])  # (class, K, 2, 2)
    heads: dict[str, list[tuple[str, Layer]]] = {
        "linear": [("flatten", Flatten()), ("linear", Linear(gradients.reshape(2, 12)))],
        "conv": [
            ("conv", Conv2d(gradients, padding=1)),
            ("relu", ReLU()),
            ("max_pool", MaxPool2d(3)),
            ("flatten", Flatten()),
        ],
        "dead-unit": [
            ("hidden", Conv2d(_one_map_each(gradients))),
            ("relu", ReLU()),
            ("flatten", Flatten()),
            ("linear", Linear(as_fractions([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]))),
        ],
    }
    check_one_of("head", head, heads)
    check_one_of("exact", exact, (True, False))
    built = Network([("features", Conv2d(KERNELS, stride=2)), *heads[head]], target_layer="features")
    return built if exact else as_floats(built)


def twin(exact: bool = True) -> Network:
    """Return a network that gives *every* picture the scores of ``network("linear")``, but has another Grad-CAM map.

    Its kernels are 4 × 4. They hold the old kernels in the lower left corner, and zeros elsewhere. The border is two
    pixels wide. So the feature maps have 3 × 3 cells: the old cells in the upper right corner, and zeros elsewhere. The
    head reads the old cells there. So Grad-CAM does not only depend on what a network computes. It also depends on the
    layer at which one looks.

    Parameters
    ----------
    exact : bool, default True
        Whether the network computes in Fractions, or in float64.
    """
    check_one_of("exact", exact, (True, False))
    kernels, head = zeros((3, 1, 4, 4), like=KERNELS), zeros((2, 3, 3, 3), like=KERNELS)
    kernels[:, :, 2:, :2] = KERNELS
    head[:, :, :2, 1:] = np.stack([GRADIENTS, _ELEPHANT_GRADIENTS])
    features, linear = Conv2d(kernels, stride=2, padding=2), Linear(head.reshape(2, 27))
    built = Network([("features", features), ("flatten", Flatten()), ("linear", linear)], target_layer="features")
    return built if exact else as_floats(built)


def _one_map_each(gradients: Array) -> Array:  # (class, K, 2, 2) -> (class K, K, 2, 2)
    """Return a kernel for each class and each map. It sees this map only."""
    classes, maps, *size = gradients.shape
    kernels = zeros((classes, maps, maps, *size), like=gradients)
    kernels[:, np.arange(maps), np.arange(maps)] = gradients
    return kernels.reshape(classes * maps, maps, *size)
