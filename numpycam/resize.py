"""From a small map to the size of the picture, and to a scale of 0 to 1.

Both work on any leading axes, (..., H, W), and are exact for Fractions.

>>> from numpycam.worked_example import LOCALIZATION_MAP
>>> print(resize(LOCALIZATION_MAP, (2, 4)).astype(str))
[['357/40' '1071/160' '357/160' '0']
 ['129/8' '2039/160' '957/160' '13/5']]
>>> print(normalise(LOCALIZATION_MAP).astype(str))
[['119/215' '0']
 ['1' '104/645']]
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_cells, as_pair, check_one_of
from numpycam.core.arrays import Array, IntOrPair, share, zero_of

Interpolation = Literal["bilinear", "nearest"]


def resize(
    maps: ArrayLike,
    size: IntOrPair,
    interpolation: Interpolation = "bilinear",
    *,
    align_corners: bool = False,
) -> Array:
    """Return the maps at another size.

    Along each axis, output cell i of m lies at the place x = (i + 1/2) n/m - 1/2 among the n input cells (their centres
    are half-pixels). With ``align_corners`` it lies at x = i (n - 1)/(m - 1). "bilinear" takes the mean of the two
    cells around x, weighted by nearness. Beyond the outermost centre it takes the outermost value. "nearest" takes the
    cell in which x lies; between two cells, it takes the later one.

    Parameters
    ----------
    maps : array, shape (..., H, W)
    size : int or (height, width)
        The new size.
    interpolation : {"bilinear", "nearest"}
    align_corners : bool, default False
        For "bilinear": the outermost centres lie on one another, not the outermost edges.

    Returns
    -------
    array, shape (..., height, width)

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value.

    Notes
    -----
    OpenCV and PyTorch's ``interpolate`` have the half-pixel convention, too. "nearest" is PyTorch's "nearest-exact".
    There is no filter against aliasing when the maps become smaller. NaN and infinity pass to the cells that depend on
    them.
    """
    result = as_cells("maps", maps, check_finite=False)
    check_one_of("interpolation", interpolation, get_args(Interpolation))
    check_one_of("align_corners", align_corners, (True, False))
    if align_corners and interpolation == "nearest":
        raise ValueError("align_corners is for interpolation 'bilinear' only.")
    for axis, length in zip((-2, -1), as_pair("size", size, 1), strict=True):
        result = _resize_axis(result, axis, length, interpolation, align_corners)
    return result


def _resize_axis(maps: Array, axis: int, m: int, interpolation: Interpolation, align_corners: bool) -> Array:
    n, i = maps.shape[axis], np.arange(m)
    if interpolation == "nearest":
        return maps.take((2 * i + 1) * n // (2 * m), axis=axis)
    # The place x is kept in whole numbers, x = place / unit, so that no rounding can move a cell.
    place, unit = (i * (n - 1), max(m - 1, 1)) if align_corners else ((2 * i + 1) * n - m, 2 * m)
    left, rest = np.divmod(np.minimum(np.maximum(place, 0), (n - 1) * unit), unit)
    low, high = maps.take(left, axis=axis), maps.take(left + (rest > 0), axis=axis)
    rest = rest.reshape(m, *[1] * (-axis - 1))
    near, far = (((zero_of(maps) + part) / unit).astype(maps.dtype) for part in (unit - rest, rest))
    with np.errstate(invalid="ignore"):  # 0 · ∞, which is not taken
        mixed = low * near + high * far
    return np.where((rest == 0) | (low == high), low, mixed)  # exactly the one, where there is nothing to mix


def resize_picture(picture: ArrayLike, size: IntOrPair) -> Array:  # (..., H, W) -> (..., H', W')
    """Resize a picture for a network, as ``numpycam explain`` does. Nothing is cut off.

    Where it shrinks, each new pixel is the mean of the area that it covers, so that no fine pattern turns into another
    one. Where it grows, :func:`resize` interpolates bilinearly.

    Parameters
    ----------
    picture : array, shape (..., H, W)
    size : int or (height, width)

    Returns
    -------
    array, shape (..., height, width)
        Exact for Fractions.

    Raises
    ------
    TypeError, ValueError
        As for :func:`resize`.

    Examples
    --------
    >>> resize_picture([[1.0, 0.0, 1.0, 0.0]], (1, 2))  # bilinear alone could take a stripe and leave the next
    array([[0.5, 0.5]])
    """
    pixels = as_cells("picture", picture)
    for axis, m in zip((-2, -1), as_pair("size", size, 1), strict=True):
        n = pixels.shape[axis]
        if m < n:
            edges, old = np.arange(m + 1)[:, None] * n, np.arange(n) * m  # m n cells of equal length
            covered = (np.minimum(edges[1:], old + m) - np.maximum(edges[:-1], old)).clip(0)  # (m, n)
            shares = (covered + zero_of(pixels)).astype(pixels.dtype, copy=False) / n
            pixels = np.moveaxis(np.tensordot(pixels, shares, (axis, 1)), -1, axis)
    return resize(pixels, size)


def normalise(maps: ArrayLike) -> Array:
    """Return each map divided by its largest absolute value; a map of zeros stays zero.

    So a localization map lies in 0 … 1, a signed map lies in -1 … 1, and zero stays zero. A map and its multiples
    become the same picture: it no longer says how large the values were.

    Parameters
    ----------
    maps : array, shape (..., H, W)

    Returns
    -------
    array, shape (..., H, W)

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or contains NaN or infinity: then there is no scale.

    Notes
    -----
    Many implementations scale from the minimum to the maximum instead. That shows the least positive cell as "no
    evidence", and moves the zero of a signed map.
    """
    values = as_cells("maps", maps)
    return share(values, np.abs(values).max(axis=(-2, -1), keepdims=True))
