"""Convolution as matrix products, fast because little is copied.

At each place, a window of KH × KW cells sees a column of numbers. A convolution is the product of the weights with all
these columns (known as im2col). But the columns hold each pixel up to KH·KW times, and copying them takes as long as
multiplying. So:

- **In blocks.** A block of columns covers as many images, or rows of one image, as a cache holds. It is multiplied at
  once, and the next block overwrites it.
- **In two shifts.** First the maps are shifted sideways, one copy for each column of the window. Then all copies are
  shifted up and down: there whole rows move, in long runs. Nothing is padded: a cell that would see the border gets 0.
- **On two sides.** The gradient of the input is the weights times grad_output, shifted back. One shift can come before
  the product and one after it: grad_output moves up and down, the product sideways. So the backward pass moves KH + KW
  shifted copies instead of KH·KW.

>>> x, weight = np.array([[[[1.0, 2.0, 4.0, 8.0]]]]), np.array([[[[-1.0, 1.0]]]])
>>> window = Window(size=(1, 2), stride=(1, 1), padding=(0, 0))
>>> convolve(x, weight, None, window)
array([[[[1., 2., 4.]]]])
>>> input_gradient(np.ones((1, 1, 1, 3)), weight, window, x.shape)
array([[[[-1.,  0.,  0.,  1.]]]])
>>> weight_gradient(np.ones((1, 1, 1, 3)), x, window)
array([[[[ 7., 14.]]]])
"""

import math
from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import iadd
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, Pair, Shape, sum_of, zero_of
from numpycam.core.window import Overlap, Window

BLOCK = 2 * 2**20
"""How many bytes of columns make a block. Large weights make it larger, since each product reads all of them."""

# glibc returns large freed blocks to the system, so the next array is paged in again, which is slow. Once one block of
# up to 32 MiB has been freed, the process keeps up to twice that. So free one here, untouched. With other C libraries
# it changes nothing. See docs/performance.md.
np.empty(2**25 - 2**13, np.uint8)


def convolve(x: Array, weight: Array, bias: Array | None, window: Window) -> Array:  # (N, C, H, W) -> (N, O, H', W')
    """Return bias[o] + Σ_{c,u,v} weight[o, c, u, v] · x_padded[n, c, s i + d u, s j + d v]."""
    size = window.output_size(*x.shape[2:])
    matrix = weight.reshape(len(weight), -1)  # (O, C KH KW)
    y = np.empty((len(x), len(weight), math.prod(size)), np.result_type(weight, x))
    for images, cells, columns in _columns(x, window, weight.nbytes):
        np.matmul(matrix, columns, out=y[images, :, cells])
        if bias is not None:
            y[images, :, cells] += bias[:, None]  # while they are in the cache
    return y.reshape(*y.shape[:2], *size)


def weight_gradient(grad_output: Array, x: Array, window: Window) -> Array:  # -> (O, C, KH, KW)
    """Return Σ_{n,i,j} grad_output[n, o, i, j] · x_padded[n, c, s i + d u, s j + d v]."""
    shape = (grad_output.shape[1], x.shape[1], *window.size)
    if len(x) == 0:
        return np.full(shape, zero_of(x), np.result_type(grad_output, x))
    rows = grad_output.reshape(len(x), shape[0], math.prod(grad_output.shape[2:]))  # (N, O, H' W')
    products = (  # (n, C KH KW, O): BLAS is quicker this way round
        columns @ rows[images, :, cells].swapaxes(1, 2)
        for images, cells, columns in _columns(x, window, math.prod(shape) * x.itemsize)
    )
    sums = (some[0] if len(some) == 1 else sum_of(some, axis=0) for some in products)
    return reduce(iadd, sums).T.reshape(shape)


def input_gradient(grad_output: Array, weight: Array, window: Window, shape: Shape) -> Array:  # -> (N, C, H, W)
    """Return Σ weight[o, c, u, v] · grad_output[n, o, i, j] over all (i, j) and (u, v) that see the cell of x.

    An infinite weight or a NaN also makes NaN in cells that it does not see: a shift fills up with zeros, and 0 · NaN
    is NaN.
    """
    batch, channels, height, width = shape
    maps, _, tall, wide = weight.shape
    height_out, width_out = grad_output.shape[2:]
    dtype = np.result_type(weight, grad_output)
    matrix = weight.transpose(0, 2, 3, 1).reshape(maps * tall, wide * channels).T  # (KW C, O KH)
    images, rows = _block(batch, height, len(matrix) + matrix.shape[1], width_out, weight.nbytes, dtype)
    shifted = np.empty((images, maps, tall, rows, width_out), dtype)
    pieces = np.empty((images, wide, channels, rows, width_out), dtype)
    gradient = np.full(shape, zero_of(grad_output), dtype)
    sideways = window.overlaps(1, width, width_out)
    for n, top in product(range(0, batch, images), range(0, height, rows)):
        some = grad_output[n : n + images]
        into = gradient[n : n + images, :, top : top + rows]
        length = into.shape[2]
        a = shifted[: len(some), :, :, :length]  # the last block may be smaller; reshaped, a and b are still views
        b = pieces[: len(some), :, :, :length]
        up_down = [(seen, seeing) for seeing, seen in window.overlaps(0, length, height_out, -top)]
        _shift(some.swapaxes(2, 3), up_down, a.swapaxes(3, 4))
        np.matmul(matrix, a.reshape(len(some), maps * tall, -1), out=b.reshape(len(some), wide * channels, -1))
        for tap, (seeing, seen) in enumerate(sideways):
            into[..., seen] += b[:, tap, ..., seeing]
    return gradient


def _columns(x: Array, window: Window, weight_bytes: int) -> Iterator[tuple[slice, slice, Array]]:
    """Yield blocks of columns (n, C KH KW, cells), each after the images and the output cells that it belongs to."""
    batch, channels, height, width = x.shape
    tall, wide = window.size
    height_out, width_out = window.output_size(height, width)
    images, rows = _block(batch, height_out, channels * tall * wide, width_out, weight_bytes, x.dtype)
    shifted = np.empty((images, channels, wide, min(height, window.rows_needed(rows)), width_out), x.dtype)
    columns = np.empty((images, channels, tall, wide, rows, width_out), x.dtype)
    sideways = window.overlaps(1, width, width_out)
    for n, top in product(range(0, batch, images), range(0, height_out, rows)):
        bottom = min(top + rows, height_out)
        first, last = window.rows_read(top, bottom, height)
        some = x[n : n + images, :, first:last]
        a = shifted[: len(some), :, :, : last - first]
        b = columns[: len(some), :, :, :, : bottom - top]
        _shift(some, sideways, a)
        up_down = window.overlaps(0, last - first, bottom - top, window.stride[0] * top - first)
        _shift(a.swapaxes(3, 4), up_down, b.swapaxes(4, 5))
        cells = slice(top * width_out, bottom * width_out)
        yield slice(n, n + images), cells, b.reshape(len(some), channels * tall * wide, -1)


def _shift(x: Array, overlaps: list[Overlap], out: Array) -> None:  # (N, C, ..., W) -> (N, C, taps, ..., W')
    """Write into out, for each tap, the inputs that it reads to the outputs that read them; write zero elsewhere."""
    for tap, (where, source) in enumerate(overlaps):
        piece = out[:, :, tap]
        if where.step:
            piece[...] = zero_of(x)
        if where.start:
            piece[..., : where.start] = zero_of(x)
        if where.stop < out.shape[-1]:
            piece[..., where.stop :] = zero_of(x)
        piece[..., where] = x[..., source]


def _block(batch: int, height: int, depth: int, width: int, weight_bytes: int, dtype: np.dtype[Any]) -> Pair:
    """Return how many images, and how many rows of each, make a block. All blocks have about the same size."""
    rows = max(1, max(BLOCK, 2 * weight_bytes) // (depth * width * dtype.itemsize))
    if rows >= height:
        return max(1, min(rows // height, batch)), height
    return 1, -(-height // -(-height // rows))
