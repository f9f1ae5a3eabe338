"""What the page must know so that a reader can change its numbers: the network, as matrices and maxima."""

from math import prod
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, Shape, zeros
from numpycam.core.base import Layer
from numpycam.core.network import Network
from numpycam.core.steps import Stages
from numpycam.display.canvas import POSITIVE, SIGNED
from numpycam.display.example import can_be_followed, drops_of, hex_of
from numpycam.display.pixels import PAINT, STRENGTH
from numpycam.display.stages import Column, colours_of
from numpycam.exact import as_fractions
from numpycam.resize import Interpolation, resize

_MOST_BITS = 300  # of a numerator or a denominator that the page computes with
_MOST_WEIGHTS = 2**12  # of all matrices on the page together: with more, a page would answer too slowly
_MOST_PRODUCTS = 2**17  # of one matrix that is made on the way: larger ones take too long
_SCALE = np.linspace(0, 1, 65).reshape(1, 1, -1)  # the page knows 65 colours of a colour map, and mixes neighbours

Part = dict[str, Array]
"""A step of a network: "weight" (m, n), "bias" (m,) of y = weight · x + bias, or "rivals": see :func:`_as_maximum`."""


def answers_of(e: Stages, interpolation: Interpolation) -> dict[str, Any] | None:
    """Return what the page must know to compute all stages again; None if it cannot.

    It can if the picture is small and grey, all numbers are Fractions, and each layer is affine or takes a maximum.
    """
    is_exact = e.feature_maps.dtype == object
    if not can_be_followed(e) or not is_exact or e.layer in (None, "input") or drops_of(e) is None:
        return None
    features, head = e.network.split(e.layer)  # type: ignore[union-attr]
    first, last = parts_of(features, (1, *e.image.shape)), parts_of(head, (1, *e.feature_maps.shape))  # type: ignore[union-attr]
    if first is None or last is None:
        return None
    numbers = np.concatenate([e.image, *(array for part in [*first, *last] for array in part.values())], axis=None)
    if numbers.size > _MOST_WEIGHTS or any(map(_is_long, numbers)):
        return None
    size = e.image.shape[1:]  # type: ignore[union-attr]
    resized = [
        resize(np.eye(n), (m, n), interpolation).tolist() for n, m in zip(e.localization_map.shape, size, strict=True)
    ]
    return {
        "x": _texts(e.image[0]),  # type: ignore[index]
        "features": _listed(first),
        "head": _listed(last),
        "maps": e.feature_maps.shape,
        "class": e.class_index,
        "resize": resized,
        "colours": {"signed": _colours(SIGNED), "positive": _colours(POSITIVE)},
        "paint": PAINT,
        "strength": STRENGTH,
    }


def parts_of(network: Network, shape: Shape) -> list[Part] | None:
    """Return a network of Fractions as the steps that the page computes; None if a layer is neither of their kinds.

    Affine layers that follow each other are one step: their matrices are multiplied.
    """
    found: list[Part] = []
    for _, layer in network.row:
        part = _part_of(layer, shape)
        if part is None:
            return None
        if "weight" in part and found and "weight" in found[-1]:
            before = found.pop()
            part = {"weight": part["weight"] @ before["weight"], "bias": part["weight"] @ before["bias"] + part["bias"]}
        found.append(part)
        shape = layer.output_shape(shape)
    return found


def _part_of(layer: Layer, shape: Shape) -> Part | None:
    """Return a layer as a step; None if its matrix is too large, or if it is of neither kind."""
    if prod(shape) * prod(layer.output_shape(shape)) > _MOST_PRODUCTS:
        return None
    return _as_matrix(layer, shape) if layer.affine(shape) else _as_maximum(layer, shape)


def _as_matrix(layer: Layer, shape: Shape) -> Part:
    """Return weight (m, n) and bias (m,) of an affine layer, for an x of this shape, (1, ...), with n numbers."""
    count = int(np.prod(shape))
    units = as_fractions(np.eye(count, dtype=int)).reshape(count, *shape[1:])
    bias = layer.forward(zeros(shape, like=units)).ravel()
    return {"weight": (layer.forward(units).reshape(count, -1) - bias).T, "bias": bias}


def _as_maximum(layer: Layer, shape: Shape) -> Part | None:
    """Return for each output the numbers of x that compete for it: {"rivals": (m, rivals)}. The largest one wins.

    The numbers of x, (1, ...), are counted from 1. The number 0 is the constant 0, the rival of a ReLU. The first of
    equal rivals gets the gradient. So a ReLU is shut at 0, and a maximum takes the first cell, row by row. Return None
    if the layer does not take the maximum of numbers of x, or has another rule for equal ones.
    """
    counted = as_fractions(np.arange(1, np.prod(shape, dtype=int) + 1)).reshape(shape)
    rivals, squares = layer.rivals(counted), layer.rivals(counted**2)
    if rivals is None or squares is None or (rivals**2 != squares).any():  # they are sums, not numbers of x
        return None
    groups = np.sort(rivals.reshape(len(rivals), -1).T.astype(int), axis=1)  # (m, rivals); a border repeats cells
    outputs = layer.forward(counted)
    gradient = layer.backward(zeros(outputs.shape, like=counted) + 1, zeros(shape, like=counted))  # all rivals equal
    expected = np.bincount(groups[:, 0], minlength=counted.size + 1)[1:]
    return {"rivals": groups} if (gradient.ravel() == expected).all() else None


def _listed(parts: list[Part]) -> list[dict[str, Any]]:
    """Return the steps for JSON: places as numbers, and Fractions as text."""
    return [
        {name: _texts(array) if array.dtype == object else array.tolist() for name, array in part.items()}
        for part in parts
    ]


def _texts(array: Array) -> Any:
    """Return Fractions as text, in nested lists."""
    return array.astype(str).tolist()


def _colours(colormap: str) -> list[str]:
    """Return some colours of a colour map, from its lower end to its upper, as HTML writes them."""
    return [*map(hex_of, colours_of(Column("", "", "", "", _SCALE, colormap=colormap, limits=(0.0, 1.0)), 0)[0])]


def _is_long(value: Any) -> bool:
    """Whether a Fraction is too long for the page to compute with."""
    return max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS
