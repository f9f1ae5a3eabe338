"""The check of exercise 6 of notebook 10: a law of one's own, with its hypotheses."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import as_numbers, refuse_unfinished
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, Pair, first_index
from numpycam.core.layers import Conv2d


def check_shift_law(answer: Callable[[Any, Array, Array, Pair, Pair, int], Any], *, variant: int = 0) -> Result:
    """Check a law about convolutions of pictures that are shifted down: that it is true, and says enough.

    Parameters
    ----------
    answer : callable
        ``answer(conv, x, weight, stride, padding, rows)`` returns the two sides of the law, or None where it does not
        claim anything. ``conv(x, weight, stride, padding)`` is a convolution, right or wrong; ``rows`` is by how many
        rows the picture is shifted.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the sides differ for a right convolution, if nothing is claimed where the sides are always equal, or if no
        wrong convolution breaks the law.
    """
    refuse_unfinished(answer, (_conv, _X, _WEIGHT, (1, 1), (0, 0), 1), ("the law",), may_be_none=True)
    settings = list(_shift_settings())
    claimed = sum(_is_true(answer, setting) for setting in settings)
    for kind, wrong in _WRONG_CONVOLUTIONS.items():
        if all(_agree(_sides(answer, wrong, setting)) for setting in settings):
            raise CheckFailed(
                f"Your law is true, but too weak: it also holds for a convolution that {kind}. "
                "Compare all rows that you can, and compute both sides with conv."
            )
    return RIGHT._replace(cases=len(settings)).told(
        f"Your law is true wherever it claims something, in {claimed} of {len(settings)} cases, and claims enough."
    )


class _Setting(NamedTuple):
    stride: Pair
    padding: Pair
    rows: int

    def __str__(self) -> str:
        return f"stride {self.stride}, padding {self.padding}, shifted by {self.rows}"


def _shift_settings() -> Iterator[_Setting]:
    """Yield the cases in which the law is asked, the simplest first."""
    paddings, strides, shifts = [(0, 0), (0, 1), (1, 0), (2, 1)], [(1, 1), (1, 2), (2, 1), (3, 2)], [1, 2, 3, 4]
    for padding, stride, rows in product(paddings, strides, shifts):
        yield _Setting(stride, padding, rows)


def _arrays() -> tuple[Array, Array]:
    """Return pictures and kernels of whole numbers from 1 on, none of them square: in floats, to be exact and fast."""
    rng = np.random.default_rng(2017)
    return rng.integers(1, 10, (2, 2, 9, 7)).astype(float), rng.integers(1, 10, (3, 2, 3, 2)).astype(float)


_X, _WEIGHT = _arrays()


def _conv(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    return Conv2d(weight, stride=stride, padding=padding)(x)


def _adds_the_row(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    y = _conv(x, weight, stride, padding)
    return y + np.arange(y.shape[2])[:, None]


def _loses_the_last_row(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    y = _conv(x, weight, stride, padding)
    y[:, :, -1] *= 0
    return y


def _upside_down(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    return _conv(x, weight, stride, padding)[:, :, ::-1]


_WRONG_CONVOLUTIONS = {
    "returns its rows in reverse order": _upside_down,
    "adds its number to each row": _adds_the_row,
    "leaves its last row at 0": _loses_the_last_row,
}


def _sides(answer: Callable[..., Any], conv: Callable[..., Array], setting: _Setting) -> tuple[Array, Array] | None:
    """Return both sides of the law as arrays, or None if it does not claim anything."""
    try:
        given = answer(conv, _X.copy(), _WEIGHT.copy(), *setting)
    except Exception as error:
        raise CheckFailed(f"Your law raised {type(error).__name__} with {setting}: {error}") from error
    except SystemExit:
        raise CheckFailed(hints.ENDS_PYTHON) from None
    if given is None:
        return None
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise CheckFailed(f"A law returns two sides, or None; with {setting} it returned {type(given).__name__}.")
    left, right = (as_numbers(name, side) for name, side in zip(("left", "right"), given, strict=True))
    if left.shape != right.shape:
        raise CheckFailed(
            f"With {setting}, the left side has the shape {left.shape}, the right one {right.shape}. "
            "How many rows of y has the picture moved by, and which rows can then be compared?"
        )
    return left, right


def _agree(sides: tuple[Array, Array] | None) -> bool:
    return sides is None or bool((sides[0] == sides[1]).all())


def _is_true(answer: Callable[..., Any], setting: _Setting) -> bool:
    """Whether the law claims something in this case; raise CheckFailed if it is false, or too careful."""
    sides = _sides(answer, _conv, setting)
    if not _agree(sides):
        raise CheckFailed(_why_false(setting, *(sides or ())))
    claims = sides is not None and sides[0].size > 0
    if not claims and setting.rows % setting.stride[0] == 0 and setting.padding[0] == 0:
        raise CheckFailed(
            f"Too careful: with {setting} you claim nothing, but all rows that can be compared are equal there, for "
            f"every picture. {_too_careful(setting)}"
        )
    return claims


def _why_false(setting: _Setting, left: Array, right: Array) -> str:
    where = first_index(left != right)
    sides = f"the left side is {float(left[where]):g}, the right one {float(right[where]):g}"
    (step, _), (border, _), rows = setting
    if rows % step:
        why = f"The kernel moves by {step} rows. After a shift by {rows}, it meets other rows: claim nothing."
    elif border:
        why = (
            "At the bottom, the kernel sees the border. Before the shift, the last row of the picture was there: "
            "claim nothing, or leave these rows out."
        )
    else:
        why = f"The picture moves by {rows}, the kernel by {step} at a time. By how many rows does y move?"
    return f"Not true with {setting}: at {where} {sides}.\n{why}"


def _too_careful(setting: _Setting) -> str:
    if setting.padding[1]:
        return "A border on the left and on the right does not matter to a shift down."
    if setting.stride[0] > 1:
        return "The picture moves by a multiple of the kernel's stride."
    if setting.stride[1] > 1:
        return "A stride from left to right does not matter to a shift down."
    return "There is no border, and the kernel moves by one row."
