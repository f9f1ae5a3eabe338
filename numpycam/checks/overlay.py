"""The checks of notebook 05: from a map to the size and the scale of a picture."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.checks import hints, suspects
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check
from numpycam.checks.maps import generator, min_max
from numpycam.checks.results import Result
from numpycam.core.arrays import Array, Pair
from numpycam.exact import as_fractions
from numpycam.resize import normalise, resize
from numpycam.worked_example import LOCALIZATION_MAP


def heat_by_hand(variant: int = 0) -> Array:
    """Return the map of the first two exercises: 2 × 2 whole numbers, of which the largest is 8.

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
    rng = generator(variant)
    while True:
        heat = rng.permutation([8, *rng.choice(np.arange(2, 8), 3, replace=False)]).reshape(2, 2)
        if heat[0, 0] < 8:  # to divide by the first cell is a mistake
            return as_fractions(heat)


def check_divided(answer: Any, *, variant: int = 0) -> Result:
    """Check :func:`heat_by_hand`, divided by its maximum by hand.

    Parameters
    ----------
    answer : array, shape (2, 2)
        Two rows of two numbers.
    variant : int, default 0
        That of the map.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not exactly right.
    """
    return check(DIVIDED, lambda heat: answer, variant).told("The largest cell is 1, and no cell has lost its share.")


def check_nearest(answer: Any, *, variant: int = 0) -> Result:
    """Check :func:`heat_by_hand` at 4 × 4 pixels, each of which takes the nearest cell.

    Parameters
    ----------
    answer : array, shape (4, 4)
        Four rows of four numbers.
    variant : int, default 0
        That of the map.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not right.
    """
    return check(NEAREST, lambda heat: answer, variant).told("Each cell is its patch of 2 × 2 pixels.")


def check_bilinear_row(answer: Callable[[Array, int], Any], *, variant: int = 0) -> Result:
    """Check a function that interpolates one row of cells, with half-pixel centres.

    Parameters
    ----------
    answer : callable
        ``answer(row, m)`` takes n Fractions, and returns m numbers.
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
    result = check(BILINEAR_ROW, answer, variant)
    return result.told(f"The row is exactly right, at {result.cases} lengths: its centres lie where they should.")


def check_resize(answer: Callable[[Array, Pair], Any], *, variant: int = 0) -> Result:
    """Check a resize, such as ``numpycam.checks.suspects.resize`` with its two bugs mended.

    Parameters
    ----------
    answer : callable
        ``answer(heat, size)`` takes a map (H, W) of Fractions and the pair (height, width). It returns the map at this
        size: bilinear, with half-pixel centres.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a pixel is not exactly right.
    """
    result = check(RESIZE, answer, variant)
    return result.told(f"All {result.cases} maps lie where their cells are: both bugs are found.")


# --- By hand ---------------------------------------------------------------------------------------------


def _the_map(variant: int = 0) -> list[Inputs]:
    return [{"heat": heat_by_hand(variant)}]


def _patches(heat: Array) -> Array:  # (2, 2) -> (4, 4)
    return resize(heat, 4, "nearest")


def _spread_out(heat: Array) -> Array:
    spread = np.zeros_like(heat, shape=(4, 4))
    spread[::2, ::2] = heat
    return spread


DIVIDED = Exercise(
    {
        "divided": Stage("divided, heat / max:", normalise, [
            (min_max, hints.LEAST_IS_0),
            (lambda heat: heat / heat.sum(), "You divide by the sum of all cells: divide by the largest."),
            (lambda heat: 4 * heat / heat.sum(), "You divide by the mean: divide by the largest cell."),
            (lambda heat: heat / heat.max(axis=1, keepdims=True),
             "You divide each row by its own maximum: one number for the whole map."),
            (lambda heat: heat / heat.max(axis=0, keepdims=True),
             "You divide each column by its own maximum: one number for the whole map."),
            (lambda heat: heat / heat.min(), "You divide by the least cell: divide by the largest."),
            (lambda heat: heat / heat[0, 0], "You divide by the first cell: divide by the largest."),
            (lambda heat: 100 * heat / heat.max(), "That is in per cent: the largest cell should be 1."),
            (lambda heat: heat, "That is the map itself: divide each cell by the largest."),
            (lambda heat: heat.max() - heat, "You subtract: divide each cell by the largest."),
            (lambda heat: heat.max() / heat, "That is the maximum divided by each cell: the other way round."),
            (lambda heat: np.where(heat == heat.max(), 1, 0),
             "Only the largest cell is left: the others keep their share of it."),
        ]),
    },
    _the_map,
    is_by_hand=True,
)  # fmt: skip

NEAREST = Exercise(
    {
        "nearest": Stage("nearest, each pixel takes the cell in which it lies:", _patches, [
            (lambda heat: resize(heat, 4), "That is bilinear, which mixes cells: take one cell for each pixel."),
            (lambda heat: resize(heat, 4, align_corners=True),
             "That is bilinear with aligned corners: take one cell for each pixel, and mix nothing."),
            (lambda heat: np.tile(heat, (2, 2))[:4, :4],
             "The map stands there four times: each cell should become a patch of 2 × 2 pixels."),
            (lambda heat: heat.repeat(2, axis=0), "You repeat the rows only: repeat the columns, too."),
            (lambda heat: heat.repeat(2, axis=1), "You repeat the columns only: repeat the rows, too."),
            (lambda heat: np.tile(heat.repeat(2, axis=0), (1, 2)),
             "The rows are right. In a row, each cell should be there twice, side by side."),
            (lambda heat: np.tile(heat.repeat(2, axis=1), (2, 1)),
             "The columns are right. Each row should be there twice, one below the other."),
            (_spread_out, "Only one pixel in four has its cell: the others are no gaps, fill them."),
            (lambda heat: np.pad(heat, 1),
             "The map keeps its size, with a border: each cell should become 2 × 2 pixels."),
            (lambda heat: _patches(heat) / 4,
             "You share each cell among its four pixels: each pixel takes the whole number."),
            (lambda heat: _patches(heat.T), hints.TRANSPOSED),
            (lambda heat: _patches(normalise(heat)),
             "You divide by the maximum as well: here the numbers stay as they are."),
        ]),
    },
    _the_map,
    is_by_hand=True,
)  # fmt: skip


# --- One row, and whole maps -----------------------------------------------------------------------------

Place = Callable[[int, int, int], Fraction]
"""place(i, n, m) is where pixel i of m lies among n cells."""


def _half_pixel(i: int, n: int, m: int) -> Fraction:
    return Fraction((2 * i + 1) * n, 2 * m) - Fraction(1, 2)


def _mixed(row: Array, m: int, place: Place, is_clamped: bool = True) -> Array:
    """Return a row at another length, with the pixels at these places."""
    n, mixed = len(row), []
    for i in range(m):
        x = place(i, n, m)
        x = _clamped(x, n) if is_clamped else x
        left = min(max(math.floor(x), 0), max(n - 2, 0))
        right = min(left + 1, n - 1)
        mixed.append((1 - (x - left)) * row[left] + (x - left) * row[right])
    return np.array(mixed)


def _between(row: Array, m: int, is_clamped: bool = True, are_exchanged: bool = False) -> Array:
    """Return the row at another length, as one writes it with int(x) and a next cell that stops at the last."""
    n, mixed = len(row), []
    for i in range(m):
        x = _half_pixel(i, n, m)
        x = _clamped(x, n) if is_clamped else x
        left = int(x)
        both = row[left], row[min(left + 1, n - 1)]
        here, there = both[::-1] if are_exchanged else both
        mixed.append((1 - (x - left)) * here + (x - left) * there)
    return np.array(mixed)


def _clamped(x: Fraction, n: int) -> Fraction:
    """Return the place, moved to the outermost centre if it lies beyond."""
    return min(max(x, Fraction(0)), Fraction(n - 1))


def _row(row: Array, m: int) -> Array:
    return resize(row[None], (1, m))[0]


def _row_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield a row of the worked example, then drawn rows: longer and shorter ones, and one of a single cell."""
    yield {"row": LOCALIZATION_MAP[0], "m": 4}
    rng = generator(variant)
    for n, m in ((3, 6), (2, 5), (4, 7), (5, 3), (1, 3)):
        yield {"row": as_fractions(rng.permutation(9)[:n]), "m": m}


_NO_HALVES = "Your pixels lie at i n/m, so the map is shifted by half a cell: the place is (i + 1/2) n/m - 1/2."
_ONE_HALF = "You add the 1/2 and do not subtract one at the end: the place is (i + 1/2) n/m - 1/2."
_ALIGNED = "That is with aligned corners, i (n - 1)/(m - 1): the place is (i + 1/2) n/m - 1/2."
_BEYOND = "Beyond the outermost centres you go on in a straight line: there, take the outermost cell as it is."
_BELOW_0 = (
    "Before the first centre x is negative, and you go on in a straight line: there, take the outermost cell as it is."
)
_EXCHANGED = "The two weights are exchanged: the nearer cell counts more."

_PLACES: list[tuple[Place, bool, str]] = [
    (lambda i, n, m: Fraction(i * n, m), True, _NO_HALVES),
    (lambda i, n, m: Fraction((2 * i + 1) * n, 2 * m), True, _ONE_HALF),
    (lambda i, n, m: Fraction(i * n, m) - Fraction(1, 2), True,
     "You subtract the 1/2 and do not add one to i: the place is (i + 1/2) n/m - 1/2."),
    (lambda i, n, m: Fraction(i * (n - 1), max(m - 1, 1)), True, _ALIGNED),
    (lambda i, n, m: Fraction(i * (n - 1), m), True,
     "Your pixels lie at i (n - 1)/m: the place is (i + 1/2) n/m - 1/2."),
    (lambda i, n, m: Fraction((2 * i + 1) * m, 2 * n) - Fraction(1, 2), True,
     "n and m are exchanged: each pixel is n/m cells wide."),
    (_half_pixel, False, _BEYOND),
]  # fmt: skip

_ROW: Mistakes = [
    *((lambda row, m, place=place, clamped=clamped: _mixed(row, m, place, clamped), hint)
      for place, clamped, hint in _PLACES),
    (lambda row, m: resize(row[None], (1, m), "nearest")[0],
     "That is nearest, one cell for each pixel: mix the cells on the left and on the right of its place."),
    (lambda row, m: _mixed(row, m, lambda i, n, m: Fraction(math.floor(_half_pixel(i, n, m)))),
     "You take the cell on the left alone: mix in as much of the next one as the place is on its way there."),
    (lambda row, m: _mixed(row, m, lambda i, n, m: Fraction(math.ceil(_half_pixel(i, n, m)))),
     "You take the cell on the right alone: mix both."),
    (lambda row, m: _mixed(row, m, lambda i, n, m: _turned(_clamped(_half_pixel(i, n, m), n))),
     _EXCHANGED),
    (lambda row, m: _between(row, m, are_exchanged=True), _EXCHANGED),
    (lambda row, m: _between(row, m, is_clamped=False), _BELOW_0),
    (lambda row, m: _mixed(row, m, lambda i, n, m: Fraction(2 * math.floor(_half_pixel(i, n, m)) + 1, 2)),
     "You take the mean of both cells: the nearer one counts more."),
    (lambda row, m: _mixed(np.pad(row, 1), m, lambda i, n, m: _half_pixel(i, n - 2, m) + 1),
     "Beyond the outermost centres you mix in 0: there, take the outermost cell as it is."),
    (lambda row, m: _mixed(row, 2 * len(row), _half_pixel), "Your row has 2n pixels: it should have m."),
    (lambda row, m: _row(row[::-1], m), "The row is reversed: its first pixel is like the first cell."),
    (lambda row, m: normalise(_row(row, m)[None])[0], hints.NORMALISED),
]  # fmt: skip


def _turned(x: Fraction) -> Fraction:
    """Return the place that has the weights of x exchanged."""
    return x if x == math.floor(x) else math.floor(x) + 1 - (x - math.floor(x))


def _row_advice(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "(Is there a cell on the right of the last one? Beyond the outermost centres, take the outermost cell.)"
    if isinstance(error, TypeError) and "Fraction" in str(error):
        return "(int(x) is a whole number, which can count cells; a Fraction cannot.)"
    return ""


BILINEAR_ROW = Exercise(
    {"pixels": Stage("pixels, at the places (i + 1/2) n/m - 1/2:", _row, _ROW)}, _row_cases, _row_advice
)


def _resize_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the worked example, then drawn maps that are not square."""
    yield {"heat": LOCALIZATION_MAP, "size": (4, 4)}
    rng = generator(variant)
    for shape, size in (((2, 3), (4, 6)), ((3, 2), (6, 4)), ((2, 4), (5, 7)), ((3, 1), (4, 3)), ((4, 5), (3, 2))):
        yield {"heat": as_fractions(rng.permutation(30)[: shape[0] * shape[1]].reshape(shape)), "size": size}


def _resized(heat: Array, size: Pair) -> Array:
    return resize(heat, size)


def _placed(heat: Array, size: Pair, rows: Place, columns: Place, is_clamped: bool = True) -> Array:
    """Return the map at another size, with rows and columns of pixels at these places."""
    tall = np.stack([_mixed(column, size[0], rows, is_clamped) for column in heat.T], axis=1)
    return np.stack([_mixed(row, size[1], columns, is_clamped) for row in tall])


def _with_height(place: Place) -> Callable[[Array, Pair], Array]:
    """Return a resize that takes the height of the map for its width."""
    return lambda heat, size: _placed(heat, size, place, lambda j, n, m: place(j, len(heat), m))


_EXCHANGED = "One bug is left: the columns of a map that is not square. Which size is it that x needs?"

_RESIZE: Mistakes = [
    (suspects.resize,
     "Both bugs are still there. For one, resize a map of one bright cell in the middle: where is its middle then? For "
     "the other, take a map that is not square."),
    (_with_height(_half_pixel), _EXCHANGED),
    *((lambda heat, size, place=place, clamped=clamped: _placed(heat, size, place, place, clamped), hint)
      for place, clamped, hint in _PLACES),
    (lambda heat, size: _placed(heat, size, _half_pixel, lambda j, n, m: Fraction(j * n, m)),
     "The rows are right. The columns are still shifted by half a cell: mend x as well."),
    (lambda heat, size: _placed(heat, size, lambda i, n, m: Fraction(i * n, m), _half_pixel),
     "The columns are right. The rows are still shifted by half a cell: mend y as well."),
    (lambda heat, size: resize(heat, size, "nearest"), "That is nearest: mix the four cells around each place."),
    (lambda heat, size: resize(heat, size[::-1]), "The size is (height, width): yours has them exchanged."),
    (lambda heat, size: resize(heat, size).T, hints.TRANSPOSED),
    (lambda heat, size: resize(heat.T, size), "The map is transposed: keep its rows and columns."),
    (lambda heat, size: normalise(resize(heat, size)), hints.NORMALISED),
]  # fmt: skip

RESIZE = Exercise(
    {"resized": Stage("resized, bilinear with half-pixel centres:", _resized, _RESIZE)}, _resize_cases, _row_advice
)
