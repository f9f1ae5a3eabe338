"""Metrics: a map against a mask, and against the network.

A mask says where the thing is. How much of the map lies there? In the worked example the cat fills the left half:

>>> import numpy as np
>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> explanation = grad_cam(network, image, class_index=0)
>>> heat, cat = explanation.localization_map, np.array([[True, False], [True, False]])
>>> print(pointing_game(heat, cat), energy_inside(heat, cat), intersection_over_union(heat, cat))
1 501/553 1

The network knows no mask. Take the pixels away, the hottest first: does its score fall as soon as the map says?

>>> from numpycam.resize import resize
>>> curve = deletion_curve(network, image, resize(heat, 4, "nearest"), class_index=0, steps=4)
>>> print(*curve, "|", area_under(curve))
143/5 28/5 -7/10 -14/5 0 | 41/10

All is exact for Fractions. A heat is 0 or positive, as a localization map is: what speaks for the class.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_array, as_cells, as_class_indices, as_int, check_index, check_mask, check_shape
from numpycam.core.arrays import Array, gated, share, sum_of, zero_of
from numpycam.core.network import Network
from numpycam.core.steps import Stages
from numpycam.interventions import erase
from numpycam.path import as_one_image
from numpycam.resize import normalise


def pointing_game(maps: ArrayLike, masks: NDArray[np.bool_]) -> Any:
    """Return 1 where the peak of a map lies inside its mask, 0 where it does not.

    |P ∩ M| / |P|, where P = {ij : L_ij = max L} are the map's peaks, mostly one, and M is the mask.

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, none of it negative.
    masks : array of bool, of the same shape

    Returns
    -------
    number or array, shape (...)
        Of several equal peaks the share that lies inside: a uniform map scores what the mask has of the area. A map of
        zeros points nowhere and scores 0. The mean over a data set is the paper's accuracy.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    Source: Zhang, Lin, Brandt, Shen and Sclaroff, "Top-down Neural Attention by Excitation Backprop", ECCV 2016. There
    a peak is a hit up to 15 pixels outside of the mask, too; here there is no tolerance. For one, widen the mask.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    peaks = (heat == heat.max(axis=(-2, -1), keepdims=True)) & (heat > 0)
    return _share(peaks & masks, peaks, like=heat)


def energy_inside(maps: ArrayLike, masks: NDArray[np.bool_]) -> Any:
    """Return the share of a map that lies inside its mask: the energy-based pointing game.

    Σ_{ij in M} L_ij / Σ_ij L_ij

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, none of it negative.
    masks : array of bool, of the same shape
        M.

    Returns
    -------
    number or array, shape (...)
        From 0 to 1. A uniform map scores what the mask has of the area, a map of zeros 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
    Workshops 2020, where the mask is a bounding box.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    return _share(gated(heat, masks), heat, like=heat)


def intersection_over_union(maps: ArrayLike, masks: NDArray[np.bool_], threshold: Any = 0.5) -> Any:
    """Return how well the hot cells of a map cover its mask and nothing else: the Jaccard index.

    |S ∩ M| / |S ∪ M|, where S = {ij : L_ij / max L >= threshold} are the hot cells and M is the mask.

    Parameters
    ----------
    maps : array, shape (..., H, W)
        L, none of it negative.
    masks : array of bool, of the same shape
    threshold : number, default 0.5
        0 < threshold <= 1. For maps of Fractions, a float is the binary number that it holds.

    Returns
    -------
    number or array, shape (...)
        From 0 to 1. A uniform map scores what the mask has of the area, a map of zeros 0: it has no hot cells.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a cell of a map is negative, NaN or infinite.

    Notes
    -----
    The threshold changes the result, so report it. Half the peak is the highest of the three with which Chattopadhay et
    al. hold maps against boxes in this way ("Grad-CAM++", WACV 2018; they scale from the minimum to the maximum, which
    is the same where a map has a zero). Zhou et al. ("Learning Deep Features for Discriminative Localization", CVPR
    2016) take a fifth, for the box around the largest connected part.
    """
    heat = _as_heat("maps", maps)
    check_mask("masks", masks, heat.shape)
    limit = as_array("threshold", threshold)
    check_shape("threshold", limit, ())
    if not 0 < limit <= 1:
        raise ValueError(f"threshold must be > 0 and <= 1, got {threshold}.")
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

    y_i is the score when the floor(i · H · W / steps) hottest pixels are the baseline's, a pixel in all its channels.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    heat : array, shape (H, W)
        Only the order counts, so a signed map will do; of equal pixels the first in row-major order goes first. A map
        of the layer's size is made as large as the image with :func:`numpycam.resize.resize`.
    class_index : int, optional
        The class with the highest score at the image if not given.
    steps : int, optional
        1 to H · W; the steps take equally many pixels, up to one. H if not given: as many pixels each as a row has.
    baseline : number or array, default 0
        What comes in place of a pixel: see :func:`numpycam.interventions.erase`.
    output : callable, optional
        Takes scores (n, classes) and returns something of that shape, each row made of its own row alone: the softmax,
        for probabilities. If not given, the score is the network's, before any softmax.
    batch_size : int, default 8
        How many images run through the network at once. It bounds the memory; the curve stays the same, in floats up
        to rounding.

    Returns
    -------
    array, shape (steps + 1,)
        y_0 is the score of the image, the last that of the baseline. The lower the area under it, the better the heat.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a cell of the heat is NaN or infinite.

    Notes
    -----
    Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018.
    There the score is a probability, the baseline of a deletion is 0 and that of an insertion the blurred image; the
    authors' code takes 224 pixels a step of 224 × 224.
    """
    picture, c = _as_picture_and_class(network, image, class_index)
    importance = as_cells("heat", heat)
    check_shape("heat", importance, picture.shape[1:])
    count = len(importance) if steps is None else as_int("steps", steps, 1)
    if count > importance.size:
        raise ValueError(f"steps must be in 1..{importance.size}, a pixel each at least, got {steps}.")
    size = as_int("batch_size", batch_size, 1)
    blank = _blank(picture, baseline)
    order = np.argsort(-importance, axis=None, kind="stable")
    rank = np.argsort(order).reshape(importance.shape)  # when each pixel goes
    gone = np.arange(count + 1) * importance.size // count  # how many have gone after each step
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

    It is the :func:`deletion_curve` from the baseline to the image, of the image's class.

    Parameters
    ----------
    network, image, heat, class_index, steps, baseline, output, batch_size
        As in :func:`deletion_curve`.

    Returns
    -------
    array, shape (steps + 1,)
        y_0 is the score of the baseline, the last that of the image. The higher the area under it, the better the heat.

    Raises
    ------
    TypeError, ValueError
        As in :func:`deletion_curve`, the source of which is the source of this, too.
    """
    picture, c = _as_picture_and_class(network, image, class_index)
    options: dict[str, Any] = {"steps": steps, "output": output, "batch_size": batch_size}
    return deletion_curve(network, _blank(picture, baseline), heat, c, baseline=picture, **options)


def area_under(curves: ArrayLike) -> Any:
    """Return the area under a curve by the trapezoidal rule, its steps spread evenly over 0 … 1.

    (y_0 / 2 + y_1 + … + y_{n-1} + y_n / 2) / n

    Parameters
    ----------
    curves : array, shape (..., n + 1)
        With n >= 1.

    Returns
    -------
    number or array, shape (...)
        In the unit of y: the mean of the curve.

    Raises
    ------
    TypeError, ValueError
        If it is not of that kind, or contains NaN or infinity.

    Notes
    -----
    Source: the "AUC" of the RISE paper, see :func:`deletion_curve`.
    """
    y = as_array("curves", curves)
    if y.ndim == 0 or y.shape[-1] < 2:
        raise ValueError(f"curves must have shape (..., n + 1) with n >= 1, got {y.shape}.")
    return sum_of(y[..., :-1] + y[..., 1:], axis=-1) / (2 * (y.shape[-1] - 1))


def background_share(explanation: Stages, kernels: int | Sequence[int]) -> Any:
    """Return how much of all that the feature maps contribute comes from some of them, those of the background say.

    Σ_{k in kernels} Σ_ij |α_k A^k_ij| / Σ_k Σ_ij |α_k A^k_ij|

    Parameters
    ----------
    explanation : Explanation
        Of one image or of a batch.
    kernels : int or sequence of int
        The channels k, counted from 0. One that is named twice counts once.

    Returns
    -------
    number or array, shape (...)
        From 0 to 1; 0 where no map contributes anything. It is the sum of ``explanation.channel_shares`` over the
        kernels: numpycam's own, from no paper.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a kernel does not exist.
    """
    if not isinstance(explanation, Stages):
        raise TypeError(f"explanation must be an Explanation, got {type(explanation).__name__}.")
    shares, named = explanation.channel_shares, np.ravel(kernels).tolist()
    for k in named:
        check_index("kernels", k, shares.shape[-1])
    return sum_of(shares[..., sorted(set(named))], axis=-1)


def _as_heat(name: str, value: ArrayLike) -> Array:
    """Return maps (..., H, W) of cells that are all finite and not negative."""
    heat = as_cells(name, value)
    if (heat < 0).any():
        index = tuple(int(i) for i in np.argwhere(heat < 0)[0])
        raise ValueError(f"{name} must be >= 0, got {heat[index]} at index {index}.")
    return heat


def _share(part: Array, whole: Array, like: Array) -> Any:
    """Return Σ part / Σ whole over the cells of each map; a bool counts as 1 or 0 of like's own type."""
    return share(*(sum_of(cells + zero_of(like), axis=(-2, -1)) for cells in (part, whole)))


def _as_picture_and_class(network: Network, image: ArrayLike, class_index: int | None) -> tuple[Array, int]:
    picture = as_one_image("image", image, network)
    return picture, int(as_class_indices(class_index, network(picture[None]), is_batch=False)[0])


def _blank(picture: Array, baseline: ArrayLike) -> Array:
    return erase(picture, np.ones(picture.shape[1:], dtype=bool), baseline)
