"""Runs layers that may be the user's own, and checks what they return.

A layer is given what it cannot write to: one that computes in place fails, and destroys nothing.
"""

from typing import Any

import numpy as np

from numpycam.core.arguments import briefly
from numpycam.core.arrays import Array, read_only_view
from numpycam.core.base import Layer


def forward_of(name: str, layer: Layer | None, x: Array) -> Array:
    """Return what a layer returns, or x if there is none; raise TypeError unless it is an array."""
    y = x if layer is None else layer.forward(read_only_view(x) if x.flags.writeable else x)
    if not isinstance(y, np.ndarray):
        raise TypeError(f"layer {name!r}: forward must return an array, got {type(y).__name__}.")
    return y


def backward_of(name: str, layer: Layer | None, grad_output: Array, x: Array) -> Array:
    """Return the gradient by x, checked against x; if there is no layer, the gradient as it is."""
    if layer is None:
        return grad_output
    if grad_output.flags.writeable:
        grad_output = read_only_view(grad_output)
    if isinstance(x, np.ndarray) and x.flags.writeable:
        x = read_only_view(x)
    dx = layer.backward(grad_output, x)
    if not isinstance(dx, np.ndarray):
        raise TypeError(f"layer {name!r}: backward must return an array, got {type(dx).__name__}.")
    if dx.shape != x.shape:
        raise ValueError(f"layer {name!r}: backward must return an array of shape {x.shape}, as x has, got {dx.shape}.")
    return dx


def check_layers(layers: tuple[Any, ...]) -> None:
    """Raise TypeError or ValueError unless they are pairs (name, layer)."""
    for pair in layers:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"layers must be pairs (name, layer), got {briefly(pair)}.")
        name, layer = pair
        if not isinstance(name, str) or name in ("", "input"):
            raise ValueError(f"a layer's name must be a non-empty string other than 'input', got {briefly(name)}.")
        if not isinstance(layer, Layer):
            raise TypeError(f"layer {name!r} must be a numpycam Layer such as ReLU(), got {briefly(layer)}.")
