"""Interventions: change something, run the network again, and see whether the map told the truth.

Erase the patch of the picture under each cell of the worked example, and ask how much the score of the cat drops:

>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> print(patch_drops(network, image, class_index=0).astype(float))
[[ 6.3 -2.8]
 [23.   2.1]]
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import (
    as_class_indices,
    as_images,
    as_kind_of,
    as_pair,
    briefly,
    check_index,
    check_mask,
    check_shape,
)
from numpycam.core.arrays import Array, IntOrPair, Pair, Shape, zeros
from numpycam.core.network import Network, check_network
from numpycam.core.steps import target_layer_of
from numpycam.core.window import Window
from numpycam.path import ScorePath, TooManyKinksError, as_one_image, path

__all__ = ["ScorePath", "TooManyKinksError", "add_to_cell", "erase", "patch_drops", "path", "receptive_field"]

Place = tuple[int | slice, int | slice]
Mask = NDArray[np.bool_]  # (H, W)
Look = Callable[[Mask], Mask]


def receptive_field(
    network: Network, cell: Place, image_size: IntOrPair, layer: str | None = None
) -> NDArray[np.bool_]:
    """Return which pixels of the picture a cell of a layer's maps sees: its receptive field, without the border.

    Parameters
    ----------
    network : Network
    cell : (row, column)
        Counted from 0. For a slice instead of a number, the pixels that any of these cells sees.
    image_size : int or (height, width)
    layer : str, optional
        As in :func:`numpycam.grad_cam`.

    Returns
    -------
    array of bool, shape (height, width)
        It is not always a full rectangle. Dilation, and strides larger than a kernel, leave holes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or the layer or one before it does not say what its cells see.
    """
    features, _ = _split(network, layer)
    look, size = _look(features, as_pair("image_size", image_size, 1))
    return look(_mask("cell", cell, size))


def erase(image: ArrayLike, where: Place | NDArray[np.bool_], baseline: ArrayLike = 0) -> Array:
    """Return the image with a part of it replaced.

    Parameters
    ----------
    image : array, shape (C, H, W) or (N, C, H, W)
        Integers become float64.
    where : (rows, columns), or array of bool, shape (H, W)
        Slices or single numbers, counted from 0. Or a mask, such as a receptive field.
    baseline : number or array, default 0
        What comes in its place: a number, one for each channel as (C, 1, 1), or another image.

    Returns
    -------
    array, of the image's shape
        A new array.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or does not fit the image: its shape, or its dtype.
    """
    picture = as_images("image", image, {}, np.float64, check_finite=False)
    size = picture.shape[-2:]
    mask = where if isinstance(where, np.ndarray) else _mask("where", where, size)
    check_mask("where", mask, size)
    fill = as_kind_of("baseline", baseline, "image", picture)
    try:
        return np.where(mask, np.broadcast_to(fill, picture.shape), picture)
    except ValueError:
        raise ValueError(f"baseline must fit an image of shape {picture.shape}, got shape {fill.shape}.") from None


def blanked(image: Array, baseline: ArrayLike) -> Array:
    """Return the image with all of it replaced: see :func:`erase`."""
    return erase(image, (slice(None), slice(None)), baseline)


def patch_drops(
    network: Network,
    image: ArrayLike,
    class_index: int | None = None,
    layer: str | None = None,
    baseline: ArrayLike = 0,
) -> Array:
    """Return how much the score drops, y - y_erased, when one erases what a cell sees and runs the network again.

    There is one drop for each cell of the layer's maps, so that it can be held against the map of Grad-CAM.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    class_index : int, optional
        The class with the highest score if not given.
    layer : str, optional
        As in :func:`numpycam.grad_cam`.
    baseline : number or array, default 0
        What the erased pixels become: see :func:`erase`.

    Returns
    -------
    array, shape (H', W')
        Positive where the picture speaks for the class. Receptive fields may overlap, so the drops need not add up.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value.
    """
    picture = as_one_image("image", image, network)
    scores = network(picture[None])
    c = as_class_indices(class_index, scores, is_batch=False)[0]
    _, size = _look(_split(network, layer)[0], picture.shape[1:])
    drops = zeros(size, like=scores)
    for row, column in np.ndindex(drops.shape):
        seen = receptive_field(network, (row, column), picture.shape[1:], layer)
        drops[row, column] = scores[0, c] - network(erase(picture, seen, baseline)[None])[0, c]
    return drops


def add_to_cell(
    network: Network, image: ArrayLike, cell: tuple[int, int, int], amount: Any = 1, layer: str | None = None
) -> Array:
    """Return the scores of all classes when something is added to one cell of the feature maps.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    cell : (k, row, column)
        Counted from 0.
    amount : number, default 1
    layer : str, optional
        As in :func:`numpycam.grad_cam`.

    Returns
    -------
    array, shape (classes,)

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value.
    """
    features, head = _split(network, layer)
    maps = features(as_one_image("image", image, network)[None]).copy()
    if maps.ndim != 4:
        raise ValueError(f"layer {layer!r} has no feature maps (K, H, W), its output is {maps.shape[1:]}.")
    if not isinstance(cell, tuple | list) or len(cell) != 3:
        raise TypeError(
            f"cell must be (k, row, column) in maps (K, H, W), got {briefly(cell)} in maps {maps.shape[1:]}."
        )
    for what, index, length in zip(("k", "row", "column"), cell, maps.shape[1:], strict=True):
        check_index(f"cell's {what}", index, length)
    more = as_kind_of("amount", amount, "the feature maps", maps)
    check_shape("amount", more, ())
    maps[0][tuple(cell)] += more
    return head(maps)[0]


def _split(network: Network, layer: str | None) -> tuple[Network, Network]:
    check_network(network)
    return network.split(target_layer_of(network) if layer is None else layer)


def _look(network: Network, size: Pair, prefix: str = "") -> tuple[Look, Pair]:
    """Return a function from cells of the last maps to the pixels that they see, and the size of the last maps."""
    looks: list[Look] = []
    for name, layer in network.row:
        window = layer.sees()
        if layer.ways is not None:
            ways = [_look(way, size, f"{prefix}{name}.{key}.") for key, way in layer.ways.items()]
            looks.append(partial(_look_both_ways, [look for look, _ in ways]))
            size = ways[0][1]
        elif window is not None:
            looks.append(partial(_look_through, window, size))
            try:
                size = window.output_size(*size)
            except ValueError as error:
                place = f"{prefix}{name}"
                raise ValueError(f"image_size does not fit the network: layer {place!r}: {error}") from None
        else:
            place = f"{prefix}{name}"
            raise ValueError(f"layer {place!r}, {layer!r}, has no cells that are known to see a part of the picture.")
    return lambda mask: reduce(lambda seen, look: look(seen), reversed(looks), mask), size


def _look_through(window: Window, size: Pair, mask: Mask) -> Mask:
    """Let each cell mark its window."""
    return window.scatter([mask] * math.prod(window.size), size, like=mask)


def _look_both_ways(looks: list[Look], mask: Mask) -> Mask:
    return reduce(np.logical_or, (look(mask) for look in looks))


def _mask(name: str, place: Place, size: Shape) -> NDArray[np.bool_]:
    """Return where the place (row, column) is, checked against the size."""
    if not isinstance(place, tuple | list) or len(place) != 2:
        mask = ", or a mask of bool" if name == "where" else ""
        raise TypeError(f"{name} must be (row, column), numbers or slices{mask}, got {briefly(place)}.")
    for what, one, length in zip(("row", "column"), place, size, strict=True):
        if not isinstance(one, slice):
            check_index(f"{name}'s {what}", one, length)
            continue
        try:
            one.indices(length)
        except (TypeError, ValueError):
            raise TypeError(f"{name}'s {what} must be an int or a slice of ints, got {briefly(one)}.") from None
    mask = np.zeros(size, dtype=bool)
    mask[tuple(place)] = True
    if not mask.any():
        raise ValueError(f"{name} must hold at least one of {size[0]} × {size[1]} cells, got {place}.")
    return mask
