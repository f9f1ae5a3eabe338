"""Checks arguments and converts them to arrays.

Public functions check their arguments with these. A wrong argument is refused with a sentence that names the
argument, what came and what was expected. Nothing is silently repaired.
"""

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Rational
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from numpycam.core.arrays import Array, Pair, Shape, first_index, frozen_copy, objects, read_only_view

_WIDEST = 8  # bytes of a float: a longdouble has more, except where it is a float64


def as_array(name: str, value: ArrayLike, *, dtype: DTypeLike | None = np.float64, check_finite: bool = True) -> Array:
    """Return ``value`` as an array of floats or of Fractions.

    float32 and float64 stay what they are. float16 becomes float32, since 300 · 300 is infinite in float16. Integers
    and booleans become ``dtype``, since 200 + 100 is 44 in uint8. An object array may hold Fractions and ints; it comes
    back with Fractions only. The argument itself is never written to.

    Parameters
    ----------
    name : str
        The argument's name, for the error messages.
    value : array_like
    dtype : dtype or None, default float64
        What integers become: a float dtype, or ``object`` for Fractions. None refuses them: a gradient is rarely whole.
    check_finite : bool, default True
        Refuse NaN and infinity. If False, they pass.

    Raises
    ------
    TypeError
        If the elements are not floats, integers or Fractions, or are floats with more bits than float64.
    ValueError
        If a number is NaN or infinite, or the rows of a nested list differ in length.
    """
    array = as_any_array(name, value)
    if dtype is None and array.dtype.kind in "biu":
        raise TypeError(
            f"{name} must hold floats or Fractions, got dtype {array.dtype}: integers may have been cut off. "
            f"If they are exact, pass np.asarray({name}, float)."
        )
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind in "iu":
        array = array.astype(dtype)
    if array.dtype == object:
        return _as_fractions(name, array, value)
    if array.dtype.kind != "f" or array.dtype.itemsize > _WIDEST:
        fix = "; numpycam.exact.as_fractions makes Fractions of text" if array.dtype.kind == "U" and array.ndim else ""
        if array.dtype.kind == "f":
            fix = f", whose accuracy differs by machine; convert it with np.asarray({name}, np.float64)"
        raise TypeError(f"{name} must hold floats, integers or Fractions, got dtype {array.dtype}{fix}.")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if check_finite and not np.isfinite(array).all():
        index = first_index(~np.isfinite(array))
        what = "NaN" if np.isnan(array[index]) else "infinity"
        raise ValueError(f"{name} contains {what} at index {index}.")
    return array


def as_any_array(name: str, value: ArrayLike) -> Array:
    """Return ``value`` as an array of whatever it holds."""
    if isinstance(value, np.ndarray) and not _is_plain(value):
        raise TypeError(f"{name} must be a plain array, got {type(value).__name__}.")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, got rows of different lengths.") from error


def as_rounded(name: str, value: ArrayLike, dtype: DTypeLike = np.float64) -> Array:
    """Return ``value`` as a new array of this dtype. Fractions are rounded to float64 first."""
    array = as_array(name, value)
    try:
        with np.errstate(over="ignore"):
            floats = array.astype(dtype)
    except OverflowError:
        floats = np.full(array.shape, np.inf)
    if not np.isfinite(floats).all():
        raise ValueError(f"{name} holds a number that is too large for {np.dtype(dtype)}.")
    return floats


def _is_plain(array: Array) -> bool:
    """Whether it computes as plain arrays do. A masked array does not, and asking for its type would load np.ma."""
    return type(array) is np.ndarray or not (isinstance(array, np.matrix) or hasattr(array, "mask"))


def _as_fractions(name: str, array: Array, value: ArrayLike) -> Array:
    if array.ndim == 0 and not isinstance(value, Rational | np.ndarray):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}.")
    exact = np.empty(array.shape, dtype=object)
    for index, element in np.ndenumerate(array):
        if type(element) is Fraction and type(element.numerator) is type(element.denominator) is int:
            exact[index] = element
            continue
        if getattr(type(element), "is_exact_number", False):  # a symbol, say
            exact[index] = element
            continue
        if not isinstance(element, Rational) or isinstance(element, bool):
            raise TypeError(
                f"{name} must hold Fractions or ints only if its dtype is object, "
                f"got {type(element).__name__} at index {index}."
            )
        # A Fraction of NumPy integers overflows silently: Fraction(np.int64(2**40), 3) ** 2 == 0.
        exact[index] = Fraction(int(element.numerator), int(element.denominator))
    return exact


def as_parameters(weight: Array, bias: Array | None, axes: str, check_finite: bool) -> tuple[Array, Array | None]:
    """Return weight and bias read-only and in one dtype, with one bias for each row of the weight."""
    weight = as_array("weight", weight, check_finite=check_finite)
    if weight.ndim == 0:
        raise ValueError(f"weight must be an array ({axes}), got a number: a layer takes its weight, not its sizes.")
    check_axes("weight", weight.shape, axes)
    if bias is None:
        return frozen_copy(weight), None
    bias = as_array("bias", bias, dtype=weight.dtype, check_finite=check_finite)
    if bias.shape != weight.shape[:1]:
        fix = how_to_turn(weight.shape, outputs=len(bias)) if bias.ndim == 1 else ""
        raise ValueError(f"bias must have shape {weight.shape[:1]}, got {bias.shape}{fix}.")
    check_same_kind({"weight": weight, "bias": bias})
    dtype = np.result_type(weight, bias)
    return frozen_copy(weight.astype(dtype, copy=False)), frozen_copy(bias.astype(dtype, copy=False))


def how_to_turn(shape: Shape, *, inputs: int | None = None, outputs: int | None = None) -> str:
    """Return a hint if a weight of this shape would fit in the order of axes in which Keras stores it."""
    if inputs not in (None, shape[-2]) or outputs not in (None, shape[-1]):
        return ""
    if len(shape) == 2:
        return "; for a weight stored as (F, O) pass weight.T"
    is_square = shape[0] == shape[1]  # as most kernels are: without this, the hint would often mislead
    return "; for a weight stored as (KH, KW, C, O) pass weight.transpose(3, 2, 0, 1)" if is_square else ""


_USUAL = {np.dtype(np.float32), np.dtype(np.float64), np.dtype(object)}


def check_same_kind(arrays: dict[str, Array]) -> None:
    """Raise TypeError unless all arrays hold floats of at most 64 bits, or all hold Fractions.

    One float among Fractions would degrade the rest of the computation to floats silently.
    """
    dtypes = {array.dtype if type(array) is np.ndarray else None for array in arrays.values()}
    if len(dtypes) == 1 and dtypes <= _USUAL:  # the usual case, without a loop
        return
    kinds: dict[bool, str] = {}  # one name for each kind: of Fractions (True), of floats (False)
    for name, array in arrays.items():
        is_plain = isinstance(array, np.ndarray) and _is_plain(array)
        if not is_plain or array.dtype.kind not in "fO" or array.dtype.itemsize > _WIDEST:
            came = array.dtype if is_plain else type(array).__name__
            raise TypeError(
                f"{name} must be an array of float32, float64 or Fractions, got {came}; convert it, "
                f"for example with np.asarray({name}, float)."
            )
        kinds.setdefault(array.dtype == object, name)
    if len(kinds) == 2:
        raise TypeError(
            f"{kinds[False]} holds floats but {kinds[True]} holds Fractions; convert one of them "
            "with numpycam.exact.as_fractions or numpycam.exact.as_floats."
        )


def as_kind_of(name: str, value: ArrayLike, other: str, array: Array) -> Array:
    """Return ``value`` in the dtype of the other array, after checking that it is of its kind and not too large."""
    given = as_array(name, value, dtype=array.dtype)
    check_same_kind({name: given, other: array})
    with np.errstate(over="ignore"):
        result = given.astype(array.dtype, copy=False)
    if array.dtype != object and not np.isfinite(result).all():
        largest = np.finfo(array.dtype).max
        came = given[first_index(~np.isfinite(result))]
        raise ValueError(f"{name} must fit {array.dtype}, whose largest number is {largest:.2g}, got {came:.2g}.")
    return result


def check_axes(name: str, shape: Shape, axes: str) -> None:
    """Raise ValueError unless the shape has these axes, with none empty but the batch N."""
    expected = axes.split(", ")
    if len(shape) != len(expected):
        fix = "; for one image pass x[None]" if len(shape) == 3 and axes == "N, C, H, W" else ""
        raise ValueError(f"{name} must have shape ({axes}), got {shape}{fix}.")
    if 0 in shape:
        for axis, length in zip(expected, shape, strict=True):
            if length == 0 and axis != "N":
                raise ValueError(f"{name} must have shape ({axes}), got {shape}: axis {axis} is empty.")


def check_shape(name: str, array: Array, expected: Shape) -> None:
    """Raise ValueError unless the array has the expected shape."""
    if array.shape != expected:
        raise ValueError(f"{name} must have shape {expected}, got {array.shape}.")


_MOST = 2**31 - 1  # no size or count is larger: int64 holds the product of two


def as_int(name: str, value: object, minimum: int, most: float = _MOST) -> int:
    """Return ``value`` as an int; NumPy integers are accepted, booleans and floats are not."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of int, not {type(value).__name__}.")
    number = int(value)
    if not minimum <= number <= most:
        limit = f">= {minimum}" if number < minimum else f"<= {most}"
        raise ValueError(f"{name} == {briefly(number)}, must be {limit}.")
    return number


def as_seed(value: object) -> int:
    """Return the seed of a random number generator, as an int; it may be as long as one likes."""
    return as_int("seed", value, 0, np.inf)


def check_index(name: str, index: object, length: int) -> None:
    """Raise TypeError or ValueError unless it is an int in 0..length - 1."""
    number = as_int(name, index, 0, np.inf)
    if number >= length:
        raise ValueError(f"{name} must be in 0..{length - 1}, got {briefly(number)}.")


def check_one_of(name: str, value: object, allowed: Iterable[object]) -> None:
    """Raise ValueError unless it is one of the allowed values."""
    choices = [*allowed]
    if not any(value is one or (isinstance(value, type(one)) and value == one) for one in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {briefly(value)}.")


def as_pair(name: str, value: object, minimum: int) -> Pair:
    """Return an int or a (height, width) pair of ints as a pair."""
    if not isinstance(value, tuple | list):
        side = as_int(name, value, minimum)
        return side, side
    if len(value) != 2:
        raise ValueError(f"{name} must be an int or a (height, width) pair, got {briefly(value)}.")
    height, width = value
    return as_int(name, height, minimum), as_int(name, width, minimum)


def as_cells(name: str, value: ArrayLike, check_finite: bool = True) -> Array:
    """Return maps (..., H, W) with any leading axes and at least one cell."""
    array = as_array(name, value, check_finite=check_finite)
    if array.ndim < 2 or 0 in array.shape[-2:]:
        raise ValueError(f"{name} must have shape (..., H, W) with no empty axis, got {array.shape}.")
    return array


def briefly(value: object) -> str:
    """Return what a message shows of a value that may be anything: one line, and not a long one."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # of an int with more digits than Python writes, or of an object of the user's own
        return f"an object of type {type(value).__name__}"
    if len(text) <= 80:
        return text
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"{text[:79]}…"


def check_is(name: str, value: object, kind: Any, what: str) -> None:
    """Raise TypeError unless it is of this kind, which the message calls ``what``, such as "an Explanation"."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {what}, got {type(value).__name__}.")


def check_text(name: str, value: object) -> None:
    """Raise TypeError or ValueError unless it is a string that can be written to a file."""
    check_is(name, value, str, "a str")
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} must be text, got half of a character (a surrogate) in {briefly(value)}.") from None


def as_list(name: str, value: Any, such_as: str) -> list[Any]:
    """Return the items of a sequence. Refuse a text, a dict, and what has no length or no items, such as a number."""
    if isinstance(value, str | bytes | Mapping) or not (isinstance(value, Collection) and np.iterable(value)):
        raise TypeError(f"{name} must be a sequence {such_as}, got {briefly(value)}.")
    return [*value]


def check_mask(name: str, mask: object, shape: Shape) -> None:
    """Raise TypeError or ValueError unless it is an array of bool of this shape."""
    if not isinstance(mask, np.ndarray) or not _is_plain(mask):
        raise TypeError(f"{name} must be an array of bool, got {type(mask).__name__}.")
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(f"{name} must hold bool and have shape {shape}, got {mask.dtype} and {mask.shape}.")


def as_images(name: str, value: ArrayLike, parameters: dict[str, Array], dtype: DTypeLike, check_finite: bool) -> Array:
    """Return one image (C, H, W) or a batch (N, C, H, W), read-only, in the parameters' kind of numbers."""
    if isinstance(value, str | PathLike):
        raise TypeError(f"{name} must be an array, got a path; numpycam.display.read_image reads a picture.")
    images = as_array(name, value, dtype=dtype, check_finite=check_finite)
    if images.ndim not in (3, 4):
        fix = f"; for one channel pass {name}[None]" if images.ndim == 2 else ""
        raise ValueError(f"{name} must have shape (C, H, W) or (N, C, H, W), got {images.shape}{fix}.")
    check_axes(name, images.shape, "C, H, W" if images.ndim == 3 else "N, C, H, W")
    check_same_kind({name: images} | parameters)
    return frozen_copy(images)


def as_maps(feature_maps: ArrayLike, gradients: ArrayLike, check_finite: bool) -> tuple[Array, Array]:
    """Return maps and gradients, (K, H, W) or (N, K, H, W), read-only. Integer maps take the gradients' dtype."""
    g = as_array("gradients", gradients, dtype=None, check_finite=check_finite)
    maps = as_array("feature_maps", feature_maps, dtype=g.dtype, check_finite=check_finite)
    check_same_kind({"feature_maps": maps, "gradients": g})
    if maps.ndim not in (3, 4):
        raise ValueError(f"feature_maps must have shape (K, H, W) or (N, K, H, W), got {maps.shape}.")
    check_axes("feature_maps", maps.shape, "K, H, W" if maps.ndim == 3 else "N, K, H, W")
    check_shape("gradients", g, maps.shape)
    return frozen_copy(maps), frozen_copy(g)


def as_grad_output(value: ArrayLike, output: Array) -> Array:
    """Return the gradient at a network's output, read-only, checked against that output."""
    grad_output = as_array("grad_output", value, dtype=None, check_finite=False)
    check_same_kind({"grad_output": grad_output, "the output": output})
    check_shape("grad_output", grad_output, output.shape)
    return read_only_view(grad_output)


def check_scores(shape: Shape) -> None:
    """Raise ValueError unless a network's output of this shape is scores (N, classes)."""
    if len(shape) != 2:
        raise ValueError(f"the network's output must be scores (N, classes), got {shape}.")


def as_targets(class_index: Any, scores: Array, is_batch: bool) -> Array:
    """Return the class or target of each image, (N,): ints, or objects if a target is among them."""
    if callable(class_index):  # first of all: a target may be a list, too
        return objects([class_index] * len(scores))
    is_list = _is_list(class_index)
    if is_list and not is_batch:
        raise TypeError(
            f"class_index must be one class or target for one image, got a {type(class_index).__name__} of "
            f"{len(class_index)}: that is for a batch (N, C, H, W)."
        )
    if not is_list or not any(map(callable, class_index)):
        return as_class_indices(class_index, scores, is_batch)
    _check_one_for_each(class_index, len(scores))
    return objects(one if callable(one) else _as_class(one, scores.shape[1]) for one in class_index)


def as_class_indices(class_index: Any, scores: Array, is_batch: bool) -> NDArray[np.intp]:
    """Return one class for each image, checked against the scores (N, classes)."""
    check_scores(scores.shape)
    batch, classes = scores.shape
    if class_index is None:
        return scores.argmax(axis=1)
    if not is_batch or not _is_list(class_index):
        return np.full(batch, _as_class(class_index, classes), dtype=np.intp)
    given = [_as_class(one, classes) for one in class_index]
    _check_one_for_each(given, batch)
    return np.array(given, dtype=np.intp)


def _is_list(value: object) -> bool:
    if isinstance(value, list | tuple):
        return True
    return getattr(value, "ndim", 0) == 1 and hasattr(value, "__len__")  # an array of NumPy or torch


def _check_one_for_each(given: Sequence[object], batch: int) -> None:
    if len(given) != batch:
        raise ValueError(f"class_index must hold one class or target for each of the {batch} images, got {len(given)}.")


def as_position(value: Any) -> int | None:
    """Return an int of Python, NumPy or torch as an int; None for all else, and for bools of each of them."""
    is_bool = isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")
    try:
        return None if is_bool else operator.index(value)
    except Exception:  # an object of anybody's
        return None


def _as_class(index: Any, classes: int) -> int:
    number = as_position(index)
    if number is not None and 0 <= number < classes:
        return number
    error = TypeError if number is None else ValueError
    raise error(f"class_index must be an int in 0..{classes - 1}, got {briefly(index)}.")


def as_target(returned: object, scores: Array) -> tuple[Array, Array]:
    """Return the value and the gradient that a target has returned, checked against the scores."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise TypeError(f"a target must return a pair, its value and its gradient, got {type(returned).__name__}.")
    names = "the target's value", "the target's gradient"
    value, gradient = (
        as_array(name, part, dtype=scores.dtype, check_finite=False) for name, part in zip(names, returned, strict=True)
    )
    check_same_kind({names[0]: value, names[1]: gradient, "the score": scores})
    check_shape(names[0], value, scores.shape[:1])
    check_shape(names[1], gradient, scores.shape)
    return frozen_copy(value), frozen_copy(gradient)


def check_callable(name: str, value: object, such_as: str) -> None:
    """Raise TypeError unless it can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, such as {such_as}, got {briefly(value)}.")


_MOST_COMPARED = 10**6  # pairs of letters: at 0.1 µs each, a tenth of a second


def did_you_mean(name: object, names: list[str]) -> str:
    """Return a sentence with the most similar name, or nothing if no name is similar or it would take long to find."""
    from difflib import get_close_matches

    if not isinstance(name, str) or len(name) * sum(map(len, names)) > _MOST_COMPARED:
        return ""
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
