"""Blocked im2col: the columns of a few images or a few rows at a time, so that they stay in the cache."""

from math import prod

import numpy as np

from rivals import padded, taps, without_rim

BLOCK = 1 << 20  # bytes of columns, or as many as the weight has


def forward(x, weight, bias, padding):
    x, matrix = padded(x, padding), weight.reshape(len(weight), -1)
    size = [n - k + 1 for n, k in zip(x.shape[2:], weight.shape[2:], strict=True)]
    y = np.empty((len(x), len(weight), *size), x.dtype)
    for images, rows, buffer in blocks(y.shape, weight):
        part = flat(y, images, rows)
        np.matmul(matrix, columns_of(x, images, rows, weight, buffer), out=part)
        part += bias[:, None]
    return y


def input_gradient(grad_output, x, weight, padding):
    transposed = weight.reshape(len(weight), -1).T
    result = np.zeros((*x.shape[:2], *(n + 2 * padding for n in x.shape[2:])), x.dtype)
    for images, rows, buffer in blocks(grad_output.shape, weight):
        grad_rows = flat(grad_output, images, rows)
        pieces = buffer[: len(grad_rows) * len(transposed) * grad_rows.shape[2]]
        pieces = pieces.reshape(len(grad_rows), len(transposed), -1)
        np.matmul(transposed, grad_rows, out=pieces)
        pieces = pieces.reshape(len(pieces), x.shape[1], -1, rows.stop - rows.start, grad_output.shape[3])
        for k, tap in enumerate(taps(band(result, images, rows, weight), weight.shape[2:])):
            tap += pieces[:, :, k]
    return without_rim(result, padding)


def parameter_gradients(grad_output, x, weight, padding):
    x, total = padded(x, padding), np.zeros((len(weight), weight[0].size), x.dtype)
    for images, rows, buffer in blocks(grad_output.shape, weight):
        columns = columns_of(x, images, rows, weight, buffer)
        total += (flat(grad_output, images, rows) @ columns.swapaxes(1, 2)).sum(0)
    return total.reshape(weight.shape), grad_output.sum((0, 2, 3))


def blocks(output_shape, weight):
    """Yield (images, output rows, buffer): whole images if several fit, else rows of one, as even as can be."""
    batch, _, height, width = output_shape
    row = weight[0].size * width  # numbers in the columns of one output row
    fit = max(1, max(BLOCK, weight.nbytes) // (row * weight.itemsize))
    images, parts = max(1, min(batch, fit // height)), -(-height // min(fit, height))
    step = -(-height // parts)
    buffer = np.empty(images * step * row, weight.dtype)
    for first in range(0, batch, images):
        for top in range(0, height, step):
            yield slice(first, min(first + images, batch)), slice(top, min(top + step, height)), buffer


def band(x, images, rows, weight):
    """What the windows of these output rows see of the padded x."""
    return x[images, :, rows.start : rows.stop + weight.shape[2] - 1]


def flat(maps, images, rows):  # (N, O, H', W') -> (n, O, h W')
    width = maps.shape[3]
    return maps.reshape(*maps.shape[:2], -1)[images, :, rows.start * width : rows.stop * width]


def columns_of(x, images, rows, weight, buffer):  # -> (n, C KH KW, h W')
    views = list(taps(band(x, images, rows, weight), weight.shape[2:]))
    batch, channels, *size = views[0].shape
    columns = buffer[: views[0].size * len(views)].reshape(batch, channels, len(views), *size)
    for k, view in enumerate(views):
        columns[:, :, k] = view
    return columns.reshape(batch, channels * len(views), prod(size))
