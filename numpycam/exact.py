"""To exact rational numbers, and back to floats.

Grad-CAM of a piecewise-linear network needs no more than + - × ÷ and comparisons. So it can be computed without any
rounding: convert the network and the image here, and everything computed from them is exact.

>>> as_fractions([["0.1", 0.5], [3, -2]])
array([[Fraction(1, 10), Fraction(1, 2)],
       [Fraction(3, 1), Fraction(-2, 1)]], dtype=object)
>>> as_fractions(0.1)                       # the value that the float really holds
Fraction(3602879701896397, 36028797018963968)
>>> as_floats(as_fractions(["1/3", "0.1"]))
array([0.33333333, 0.1       ])
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from numpycam.core.arguments import as_array, as_rounded, briefly
from numpycam.core.arrays import Array
from numpycam.core.base import Layer
from numpycam.core.steps import Stages

MOST_DIGITS = 4300
"""The most digits that a number has as text, in its numerator or its denominator: Python's own limit."""


def as_fractions(value: Any) -> Any:
    """Return numbers, a layer, a network or an explanation with every number as a Fraction.

    Parameters
    ----------
    value : number, str, array_like, Layer, Network or Explanation
        A float becomes the binary value that it holds. A string becomes the decimal or the fraction that it spells. So
        ``0.1`` and ``"0.1"`` differ. A string or a Decimal has at most MOST_DIGITS (4300) digits, with the zeros of its
        exponent: ``"1e10000000"`` would be a number of ten million digits.

    Returns
    -------
    Fraction, array of Fractions, Layer, Network or Explanation
        The same kind of thing as the argument.

    Raises
    ------
    TypeError, ValueError
        If an element is not a finite number, or has too many digits, or is a longdouble.
    """
    return _convert(value, _array_as_fractions)


def as_floats(value: Any, dtype: DTypeLike = np.float64) -> Any:
    """Return numbers, a layer, a network or an explanation with every number as a float of the given dtype.

    Parameters
    ----------
    value : number, array_like, Layer, Network or Explanation
        Fractions are rounded to float64 first, and then to the dtype.
    dtype : dtype, default float64

    Returns
    -------
    float, array of floats, Layer, Network or Explanation
        The same kind of thing as the argument.

    Raises
    ------
    TypeError, ValueError
        If an element is not a number, or is too large for the dtype, or if the dtype is not one of float16,
        float32 and float64.
    """
    try:
        came = np.dtype(dtype)
    except Exception as error:  # NumPy and the odd thing that came can raise anything
        raise TypeError(f"dtype must be float16, float32 or float64, got {briefly(dtype)}.") from error
    if came.kind != "f" or came.itemsize > 8:
        raise TypeError(f"dtype must be float16, float32 or float64, got {came}.")
    return _convert(value, lambda array: as_rounded("value", array, dtype))


_NUMBERS = (
    *("image", "score", "feature_maps", "gradients"),
    *("alphas", "weighted_maps", "weighted_sum", "localization_map"),
)


def _convert(value: Any, convert: Callable[[Any], Array]) -> Any:
    if isinstance(value, Stages):
        numbers = {name: getattr(value, name) for name in _NUMBERS}
        fields: dict[str, Any] = {name: convert(array)[()] for name, array in numbers.items() if array is not None}
        return replace(value, **fields, network=value.network and _convert(value.network, convert))
    if isinstance(value, Layer):
        return value.with_parameters({name: convert(array) for name, array in value.parameters.items()})
    return convert(value)[()]


def _array_as_fractions(value: Any) -> Array:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("value must be a plain array, got MaskedArray.")
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind not in "OU":
        as_array("value", value, check_finite=False)  # refuses by its dtype what holds no numbers, such as dates
    array = np.array(value, dtype=object)
    exact = np.empty(array.shape, dtype=object)
    for index, element in np.ndenumerate(array):
        if isinstance(element, np.longdouble):
            as_array("value", element, check_finite=False)  # refuses it, with the cure
        number = element.item() if isinstance(element, np.generic) else element
        try:
            digits = _digits(number)
            if digits <= MOST_DIGITS:
                exact[index] = Fraction(number)
        except TypeError:
            raise TypeError(f"value must hold finite numbers, got {briefly(element)} at index {index}.") from None
        except (ValueError, OverflowError, ZeroDivisionError):
            raise ValueError(f"value must hold finite numbers, got {briefly(element)} at index {index}.") from None
        if digits > MOST_DIGITS:
            raise ValueError(
                f"value must hold numbers of at most {MOST_DIGITS} digits, got {briefly(element)} at index {index}."
            )
    return as_array("value", exact)


def _digits(number: Any) -> int:
    """Return how many digits a text or a Decimal has, written out: in its numerator or its denominator."""
    if isinstance(number, Decimal) and number.is_finite():
        _, digits, exponent = number.as_tuple()
        return len(digits) + abs(int(exponent))
    if not isinstance(number, str):
        return 0
    parts, _, power = number.lower().partition("e")
    zeros = abs(int(power or 0)) if len(power) <= 10 else MOST_DIGITS
    return zeros + max(sum(map(str.isdigit, part)) for part in parts.split("/"))
