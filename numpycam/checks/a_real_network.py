"""The checks of notebook 02: a feature map, gradient maps, and a network that has both."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check, check_shape
from numpycam.checks.maps import generator, halves, means, pairs_of_maps
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, Pair
from numpycam.core.layers import Conv2d, Flatten, Linear
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam
from numpycam.network import Network
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, IMAGE, KERNELS


def kernel_by_hand(variant: int = 0) -> Array:
    """Return the kernel of the first exercise: four different whole numbers, (2, 2).

    Parameters
    ----------
    variant : int, default 0
        Which numbers are drawn.

    Returns
    -------
    array, shape (2, 2)

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    return as_fractions(generator(variant).permutation(np.arange(-3, 7))[:4].reshape(2, 2))


def check_feature_map(answer: Any, *, variant: int = 0) -> Result:
    """Check the feature map that the :func:`kernel_by_hand` makes of the worked example's picture.

    Parameters
    ----------
    answer : array
        Four numbers, in two rows: computed with a pencil.
    variant : int, default 0
        That of the kernel.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not right.
    """
    check(FEATURE_MAP, lambda kernel: answer, variant)
    return RIGHT.told("The feature map is right: one number for each patch.")


def check_gradient_maps(answer: Callable[[Array, int], Any], *, variant: int = 0) -> Result:
    """Check a function that folds a row of a linear head back into gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(row, size)`` takes a row of weights, an array of Fractions of shape (K·H·W,), and the pair (H, W). It
        returns the gradient maps, (K, H, W).
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
    result = check(GRADIENT_MAPS, answer, variant)
    return result.told(f"The gradient maps are exactly right, for {result.cases} heads.")


def check_network(answer: Callable[[Array, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that finds kernels and a head for given feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, 2, 2). It returns
        ``(kernels, head)`` of shapes (K, 1, 2, 2) and (1, K·4). They are the weights of a network: Conv2d of stride
        2, Flatten, Linear. For ``worked_example.IMAGE`` this network should have exactly the given maps.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the network has other feature maps or gradient maps, for the worked example or for other maps.
    """
    result = check(NETWORK, answer, variant)
    return result.told(
        f"the network has exactly the feature maps and the gradient maps, on {result.cases} pairs of them."
    )


def _cases(variant: int = 0) -> Iterable[Inputs]:
    return pairs_of_maps(variant, [(3, 2, 2), (2, 2, 2), (3, 2, 2)], lambda a, g: True)


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


def _plus_upper_left(a: Array, g: Array) -> Array:
    """Return the kernels in which the upper left weight adds what it should subtract."""
    kernels = _kernels(a, g)
    kernels[:, 0, 0, 0] = a[:, 1, 1] + a[:, 0, 1]
    return kernels


def _plus_lower_right(a: Array, g: Array) -> Array:
    """Return the kernels in which the lower right weight adds what it should subtract."""
    kernels = _kernels(a, g)
    kernels[:, 0, 1, 1] = a[:, 1, 0] - a[:, 1, 1] + a[:, 0, 0]
    return kernels


def _one_subtracted(cell: tuple[int, int]) -> Callable[[Array, Array], Array]:
    """Return kernels whose lower right weight is the lower left cell of A, less one other cell in the place of two."""

    def kernels_of(a: Array, g: Array) -> Array:
        kernels = _kernels(a, g)
        kernels[:, 0, 1, 1] = a[:, 1, 0] - a[:, *cell]
        return kernels

    return kernels_of


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
    (_one_subtracted((1, 1)), "The patch at the bottom left sees all four: subtract the lower left weight, too."),
    (_one_subtracted((0, 0)), "The patch at the bottom left sees all four: subtract the upper two weights, too."),
    (lambda a, g: _kernels(a[:, ::-1], g), "The rows of the feature maps are exchanged: row 0 is the upper one."),
    (
        lambda a, g: _kernels(a[:, :, ::-1], g),
        "The columns of the feature maps are exchanged: 0 is the left one.",
    ),
    (_plus_upper_left, "The upper left weight has a sign wrong: the patch at the bottom right sees the upper two."),
    (_plus_lower_right, "The lower right weight has a sign wrong: the patch at the bottom left sees all four."),
    (lambda a, g: a[:, None], "Your kernels are the feature maps: which kernels make these maps from the picture?"),
    (lambda a, g: KERNELS[: len(a)], "They are right for the worked example only: compute them from feature_maps."),
]

_HEAD: Mistakes = [
    (lambda a, g: np.moveaxis(g, 0, -1).reshape(1, -1), "The weights are in the wrong order: Flatten goes map by map."),
    (lambda a, g: _head(a, g.swapaxes(1, 2)), "The weights are in the wrong order: Flatten goes row by row."),
    (lambda a, g: -_head(a, g), "The sign is wrong: leave out the minus."),
    (lambda a, g: np.repeat(means(g), 4)[None],
     "You give all cells of a map the same weight, as a GAP head does: give each cell its own."),
    (lambda a, g: _head(a, g) / 4, "You divide by 4: the derivative of a product is the weight itself."),
    (lambda a, g: _head(a, g)[:, ::-1], "The head is in reverse order: Flatten begins with the first map."),
    (lambda a, g: a.reshape(1, -1), "Your head is the feature maps: what does a linear head multiply them by?"),
    (lambda a, g: _head(a, GRADIENTS[: len(g)]),
     "It is right for the worked example only: compute it from gradients."),
]  # fmt: skip

NETWORK = Exercise(
    {
        "kernels": Stage("kernels: with your kernels, the feature maps should be A.", _kernels, _KERNELS),
        "head": Stage("head: the network's gradient maps should be dy/dA.", _head, _HEAD),
    },
    _cases,
    outcome=_maps_of_network,
)


# --- The two before it ----------------------------------------------------------------------------------


def _feature_map(kernel: Array) -> Array:  # (2, 2) -> (2, 2)
    return Conv2d(kernel[None, None], stride=2)(IMAGE[None])[0, 0]


def _upper_cells_exchanged(kernel: Array) -> Array:
    right = _feature_map(kernel)
    return np.array([right[0, ::-1], right[1]])


def _lower_two_at_the_bottom_right(kernel: Array) -> Array:
    wrong = _feature_map(kernel)
    wrong[1, 1] = kernel[1].sum()
    return wrong


_FEATURE_MAP: Mistakes = [
    (lambda kernel: _feature_map(kernel[::-1, ::-1]), "The kernel is turned by 180°: lay it on the patch as it is."),
    (lambda kernel: _feature_map(kernel[::-1]), "The kernel is upside down: keep the order of its rows."),
    (lambda kernel: _feature_map(kernel[:, ::-1]), "The kernel is mirrored: keep the order of its columns."),
    (lambda kernel: _feature_map(kernel.T), "Rows and columns of the kernel are exchanged."),
    (
        lambda kernel: _feature_map(kernel).T,
        "Two cells are exchanged: a cell stands where its patch is.",
    ),
    (
        _upper_cells_exchanged,
        "The upper cells are exchanged: the patch at the top left reads the lower left weight, the patch at the top "
        "right reads the upper right one.",
    ),
    (
        _lower_two_at_the_bottom_right,
        "Look at the patch at the bottom right: its upper two pixels are bright, so it adds up the upper two weights.",
    ),
    (lambda kernel: kernel, "That is the kernel itself: lay it on each patch, multiply, and add up."),
    (lambda kernel: _feature_map(kernel) / 4, "That is the mean over the patch: add up, and divide by nothing."),
]


def _kernel_case(variant: int = 0) -> Iterable[Inputs]:
    yield {"kernel": kernel_by_hand(variant)}


FEATURE_MAP = Exercise(
    {"my_map": Stage("my_map, the feature map:", _feature_map, _FEATURE_MAP)},
    _kernel_case,
    is_by_hand=True,
)


def _head_cases(variant: int = 0) -> Iterable[Inputs]:
    rng = generator(variant)
    yield {"row": _head(FEATURE_MAPS, GRADIENTS)[0], "size": (2, 2)}
    for maps, size in ((2, (2, 3)), (3, (3, 2)), (1, (2, 4))):
        yield {"row": halves(rng, (maps * size[0] * size[1],)), "size": size}


def _folded(row: Array, size: Pair) -> Array:
    return row.reshape(-1, *size)


_GRADIENT_MAPS: Mistakes = [
    (lambda row, size: np.moveaxis(row.reshape(*size, -1), -1, 0),
     "The row holds map after map: the first H·W numbers are those of the first map."),
    (lambda row, size: row.reshape(-1, *size[::-1]).swapaxes(1, 2),
     "The numbers of a map stand row by row: yours go column by column."),
    (lambda row, size: row.reshape(-1, *size[::-1]), "Height and width are exchanged."),
    (lambda row, size: row.reshape(-1, size[0] * size[1]), "Each map is still one row: fold it into H rows."),
    (lambda row, size: _folded(row, size)[::-1], "The maps are in reverse order."),
    (lambda row, size: row, "That is the row itself: fold it into maps."),
    (lambda row, size: -_folded(row, size), "The sign is turned: the derivative of w·a with respect to a is w."),
]  # fmt: skip

GRADIENT_MAPS = Exercise(
    {"gradients": Stage("gradients, the row folded into maps:", _folded, _GRADIENT_MAPS)},
    _head_cases,
    lambda error: (
        "(-1 lets reshape find the number of maps: row.reshape(-1, height, width).)"
        if isinstance(error, ValueError)
        else ""
    ),
)
