"""Plain im2col: all columns at once, one product for each image."""

import numpy as np

from rivals import padded, taps, without_rim


def forward(x, weight, bias, padding):
    columns, size = columns_of(x, weight.shape[2:], padding)
    y = weight.reshape(len(weight), -1) @ columns  # (O, C K) @ (N, C K, H' W')
    y += bias[:, None]
    return y.reshape(len(x), len(weight), *size)


def input_gradient(grad_output, x, weight, padding):
    (batch, _, *size), (out_channels, channels, *kernel) = grad_output.shape, weight.shape
    pieces = weight.reshape(out_channels, -1).T @ grad_output.reshape(batch, out_channels, -1)
    pieces = pieces.reshape(batch, channels, -1, *size)
    result = np.zeros((*x.shape[:2], *(n + 2 * padding for n in x.shape[2:])), x.dtype)
    for k, tap in enumerate(taps(result, kernel)):
        tap += pieces[:, :, k]
    return without_rim(result, padding)


def parameter_gradients(grad_output, x, weight, padding):
    rows = grad_output.reshape(*grad_output.shape[:2], -1)
    columns, _ = columns_of(x, weight.shape[2:], padding)
    return (rows @ columns.swapaxes(1, 2)).sum(0).reshape(weight.shape), rows.sum((0, 2))


def columns_of(x, kernel, padding):  # (N, C, H, W) -> (N, C KH KW, H' W')
    views = list(taps(padded(x, padding), kernel))
    (batch, channels, *size), count = views[0].shape, len(views)
    columns = np.empty((batch, channels, count, *size), x.dtype)
    for k, view in enumerate(views):
        columns[:, :, k] = view
    return columns.reshape(batch, channels * count, -1), size
