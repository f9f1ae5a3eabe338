"""Metrics: they compare a map with a mask, or with what the network does.

A mask says where an object is. How much of the map lies there? In the worked example, the cat fills the left half:

>>> import numpy as np
>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> explanation = grad_cam(network, image, class_index=0)
>>> heat, cat = explanation.localization_map, np.array([[True, False], [True, False]])
>>> print(pointing_game(heat, cat), energy_inside(heat, cat), intersection_over_union(heat, cat))
1 501/553 1

The network knows no mask. To compare a map with the network, take the pixels away, the hottest first. If the map is
right, the score falls soon:

>>> from numpycam.resize import resize
>>> curve = deletion_curve(network, image, resize(heat, 4, "nearest"), class_index=0, steps=4)
>>> print(*curve, "|", area_under(curve))
143/5 28/5 -7/10 -14/5 0 | 41/10

Everything here is exact for Fractions. A map that is compared with a mask must be non-negative, as L^c is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import (
    as_array,
    as_cells,
    as_class_indices,
    as_int,
    check_index,
    check_is,
    check_mask,
    check_shape,
)
from numpycam.core.arrays import Array, first_index, gated, share, split_scale, sum_of, zero_of
from numpycam.core.network import Network
from numpycam.core.steps import Stages
from numpycam.interventions import blanked
from numpycam.path import as_one_image
from numpycam.resize import normalise
from numpycam.text import exact


def pointing_game(maps: ArrayLike, masks: NDArray[np.bool_]) -> Any:
    """Return 1 where the peak of a map lies inside its mask, 0 where it does not.

    |P ∩ M| / |P|, where P = {ij : L_ij = max L} are the cells of the map's peak, usually one, and M is the mask.

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, with no negative cell.
    masks : array of bool, of the same shape
        M.

    Returns
    -------
    number or array, shape (...)
        If several cells are equally high, the share of them inside the mask. So a uniform map scores the share of the
        area that the mask covers. A map of zeros points nowhere and scores 0. The mean over a data set is the paper's
        accuracy.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or shape, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    Source: Zhang, Lin, Brandt, Shen and Sclaroff, "Top-down Neural Attention by Excitation Backprop", ECCV 2016. There,
    a peak up to 15 pixels outside of the mask is also a hit. Here there is no tolerance: to have one, widen the mask.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    peaks = (heat == heat.max(axis=(-2, -1), keepdims=True)) & (heat > 0)
    return _share(peaks & masks, peaks, like=heat)


def energy_inside(maps: ArrayLike, masks: NDArray[np.bool_]) -> Any:
    """Return the share of a map that lies inside its mask. This is the energy-based pointing game.

    Σ_{ij in M} L_ij / Σ_ij L_ij

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, with no negative cell.
    masks : array of bool, of the same shape
        M.

    Returns
    -------
    number or array, shape (...)
        From 0 to 1. A uniform map scores the share of the area that the mask covers. A map of zeros scores 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or shape, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
    Workshops 2020. There, the mask is a bounding box.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    heat, _ = split_scale(heat, axis=(-2, -1))  # so that no sum overflows
    return _share(gated(heat, masks), heat, like=heat)


def intersection_over_union(maps: ArrayLike, masks: NDArray[np.bool_], threshold: Any = 0.5) -> Any:
    """Return how well the hot cells of a map cover its mask and nothing else: the Jaccard index.

    |S ∩ M| / |S ∪ M|, where S = {ij : L_ij / max L >= threshold} are the hot cells and M is the mask.

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, with no negative cell.
    masks : array of bool, of the same shape
        M.
    threshold : number, default 0.5
        0 < threshold <= 1. If the maps are Fractions, a float counts as the binary number that it holds.

    Returns
    -------
    number or array, shape (...)
        From 0 to 1. A uniform map scores the share of the area that the mask covers. A map of zeros has no hot cells
        and scores 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or shape, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    The threshold changes the result, so report it.

    Chattopadhay et al. ("Grad-CAM++", WACV 2018) compare maps with boxes in this way, with three thresholds. Half of
    the peak is the highest of them. They scale a map from its minimum to its maximum, which is the same if the minimum
    is 0. Zhou et al. ("Learning Deep Features for Discriminative Localization", CVPR 2016) use a fifth of the peak, and
    draw the box around the largest connected part.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    limit = as_array("threshold", threshold)
    check_shape("threshold", limit, ())
    if not 0 < limit <= 1:
        raise ValueError(f"threshold must be > 0 and <= 1, got {exact(threshold)}.")
    hot = normalise(heat) >= limit
    return _share(hot & masks, hot | masks, like=heat)


def deletion_curve(
    network: Network,
    image: ArrayLike,
    heat: ArrayLike,
    class_index: int | None = None,
    *,
    steps: int | None = None,
    baseline: ArrayLike = 0,
    output: Callable[[Array], Array] | None = None,
    batch_size: int = 8,
) -> Array:
    """Return the score as the pixels of the image are taken away, the hottest first.

    y_i is the score when the baseline has replaced the floor(i · H · W / steps) hottest pixels, each in all channels.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    heat : array, shape (H, W)
        Only the order of its cells counts, so it may be signed. Among equal cells, the first in row-major order goes
        first. To resize a map to the size of the image, use :func:`numpycam.resize.resize`.
    class_index : int, optional
        By default, the class with the highest score for the image.
    steps : int, optional
        From 1 to H · W. All steps take the same number of pixels, or one more. By default H: then each step takes as
        many pixels as a row has.
    baseline : number or array, default 0
        What replaces a pixel: see :func:`numpycam.interventions.erase`.
    output : callable, optional
        It takes scores (n, classes) and returns an array of this shape, each row computed from its own row alone. Give
        the softmax to have probabilities. By default, the score is taken as it is, before any softmax.
    batch_size : int, default 8
        How many images run through the network at once. It limits the memory. The curve stays the same, up to rounding
        if the numbers are floats.

    Returns
    -------
    array, shape (steps + 1,)
        The first is the score of the image, the last is the score of the baseline. The smaller the area under the
        curve, the better the heat.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or shape, or a cell of the heat is NaN or infinite.

    Notes
    -----
    Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
    There, the score is a probability. The baseline is 0 for a deletion, and the blurred image for an insertion. The
    authors' code takes 224 pixels in each step, for images of 224 × 224 pixels.
    """
    picture, c = _as_picture_and_class(network, image, class_index)
    importance = as_cells("heat", heat)
    check_shape("heat", importance, picture.shape[1:])
    count = len(importance) if steps is None else as_int("steps", steps, 1)
    if count > importance.size:
        raise ValueError(f"steps must be in 1..{importance.size}, the number of pixels, got {steps}.")
    size = as_int("batch_size", batch_size, 1)
    blank = blanked(picture, baseline)
    order = np.argsort(-importance, axis=None, kind="stable")
    rank = np.argsort(order).reshape(importance.shape)  # the place of each pixel in the order
    gone = np.arange(count + 1) * importance.size // count  # how many pixels have gone after each step
    curve = []
    for n in range(0, count + 1, size):
        has_gone = rank < gone[n : n + size, None, None, None]  # (n, 1, H, W)
        y = network(np.where(has_gone, blank, picture))  # (n, classes)
        score = y if output is None else as_array("output", output(y), check_finite=False)
        check_shape("output", score, y.shape)
        curve.append(score[:, c])
    return np.concatenate(curve)


def insertion_curve(
    network: Network,
    image: ArrayLike,
    heat: ArrayLike,
    class_index: int | None = None,
    *,
    steps: int | None = None,
    baseline: ArrayLike = 0,
    output: Callable[[Array], Array] | None = None,
    batch_size: int = 8,
) -> Array:
    """Return the score as the pixels of the image are put into the baseline, the hottest first.

    This is the :func:`deletion_curve` of the baseline, with the image as its baseline. The default class is that of the
    image.

    Parameters
    ----------
    network, image, heat, class_index, steps, baseline, output, batch_size
        As in :func:`deletion_curve`.

    Returns
    -------
    array, shape (steps + 1,)
        The first is the score of the baseline, the last is the score of the image. The larger the area under the
        curve, the better the heat.

    Raises
    ------
    TypeError, ValueError
        As in :func:`deletion_curve`.

    Notes
    -----
    Source: as for :func:`deletion_curve`.
    """
    picture, c = _as_picture_and_class(network, image, class_index)
    options: dict[str, Any] = {"steps": steps, "output": output, "batch_size": batch_size}
    return deletion_curve(network, blanked(picture, baseline), heat, c, baseline=picture, **options)


def area_under(curves: ArrayLike) -> Any:
    """Return the area under a curve by the trapezoidal rule. The steps are spread evenly over 0 … 1.

    (y_0 / 2 + y_1 + … + y_{n-1} + y_n / 2) / n

    Parameters
    ----------
    curves : array, shape (..., n + 1)
        y_0, …, y_n, with n >= 1.

    Returns
    -------
    number or array, shape (...)
        The mean of the curve, in the unit of y.

    Raises
    ------
    TypeError, ValueError
        If ``curves`` has a wrong type or shape, or contains NaN or infinity.

    Notes
    -----
    Source: the "AUC" of the RISE paper, see :func:`deletion_curve`.
    """
    y = as_array("curves", curves)
    if y.ndim == 0 or y.shape[-1] < 2:
        raise ValueError(f"curves must have shape (..., n + 1) with n >= 1, got {y.shape}.")
    return sum_of(y[..., :-1] + y[..., 1:], axis=-1) / (2 * (y.shape[-1] - 1))


def background_share(explanation: Stages, kernels: int | Sequence[int]) -> Any:
    """Return the share of some feature maps, such as the background's, in what all feature maps contribute.

    Σ_{k in kernels} Σ_ij |α_k A^k_ij| / Σ_k Σ_ij |α_k A^k_ij|

    Parameters
    ----------
    explanation : Explanation
        Of one image or of a batch.
    kernels : int or sequence of int
        The channels k, from 0. A kernel that is named twice counts once.

    Returns
    -------
    number or array, shape (...)
        The sum of ``explanation.channel_shares`` over the kernels: from 0 to 1, and 0 if no map contributes anything.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, or a kernel does not exist.

    Notes
    -----
    This metric is numpycam's own. It is from no paper.
    """
    check_is("explanation", explanation, Stages, "an Explanation")
    shares = explanation.channel_shares
    given = kernels.ravel().tolist() if isinstance(kernels, np.ndarray) else kernels
    named = given if isinstance(given, Sequence) else [given]
    for k in named:
        check_index("kernels", k, shares.shape[-1])
    return sum_of(shares[..., sorted(set(named))], axis=-1)


def _as_heat(name: str, value: ArrayLike) -> Array:
    """Return maps (..., H, W) after checking that every cell is finite and not negative."""
    heat = as_cells(name, value)
    if (heat < 0).any():
        index = first_index(heat < 0)
        raise ValueError(f"{name} must be >= 0, got {exact(heat[index])} at index {index}.")
    return heat


def _share(part: Array, whole: Array, like: Array) -> Any:
    """Return Σ part / Σ whole over the cells of each map. True counts as 1, in the type of ``like``."""
    return share(*(sum_of(cells + zero_of(like), axis=(-2, -1)) for cells in (part, whole)))


def _as_picture_and_class(network: Network, image: ArrayLike, class_index: int | None) -> tuple[Array, int]:
    picture = as_one_image("image", image, network)
    return picture, int(as_class_indices(class_index, network(picture[None]), is_batch=False)[0])
