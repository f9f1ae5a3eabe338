"""What any function can do wrong beside its mathematics: a right function goes in, and comes out with bad manners."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.core.arrays import Array

Step = Callable[..., Any]

FLOAT32 = "Something inside is float32, so nine digits of float64 are lost. Make arrays with dtype=x.dtype."
BUFFER = "The same array is returned by every call, so the next one overwrites it. Return a new array."
NAN = "NaN is replaced or left out, so the result looks right though the input is broken. Leave NaN alone."
LAST_CALL = "What an earlier call left behind is used. Keep nothing in the layer: compute it, or hand it over."
CLIPPED = "Large gradients are clipped. Clipping belongs to the step of the training, if anywhere."
WRITES = "The gradient that comes in is overwritten. Others may need it: a block with a shortcut does. Copy it first."


def in_float32(function: Step) -> Step:
    """Return the function with float32 inside of it."""

    def wrong(*given: Any, **options: Any) -> Any:
        return function(*map(_in_float32, given), **options).astype(np.float64)

    return wrong


def _in_float32(value: Any) -> Any:
    return value if value is None or value.dtype.kind == "i" else value.astype(np.float32)


def reusing_a_buffer(function: Step) -> Step:
    """Return the function as one that returns the same array whenever the sizes are the same."""
    buffers: dict[Any, Array] = {}

    def wrong(*given: Any, **options: Any) -> Any:
        result = function(*given, **options)
        buffer = buffers.setdefault((result.shape, result.dtype), result)
        buffer[...] = result
        return buffer

    return wrong


def hiding_nan(function: Step, place: int = 0) -> Step:
    """Return the function as one that replaces NaN in one of its arguments by 0."""

    def wrong(*given: Any, **options: Any) -> Any:
        value = given[place]
        value = value if value.dtype == object else np.nan_to_num(value)
        return function(*given[:place], value, *given[place + 1 :], **options)

    return wrong


def of_the_last_call(function: Step, place: int = 0) -> Step:
    """Return the function as one that takes one of its arguments from the last call, if that had the same sizes."""
    kept: dict[Any, Any] = {}

    def wrong(*given: Any, **options: Any) -> Any:
        value = given[place]
        last = kept.get((value.shape, value.dtype), value)
        kept[value.shape, value.dtype] = value.copy()
        return function(*given[:place], last, *given[place + 1 :], **options)

    return wrong
