"""Shifted im2col: copy the KW horizontal shifts only; a vertical tap is the same copy, some rows further on."""

import numpy as np

from rivals import padded, without_rim


def forward(x, weight, bias, padding):
    shifts, width = shifts_of(x, weight.shape[3], padding)
    length = shifts.shape[2] - (weight.shape[2] - 1) * width  # H' W'
    y = sum(
        matrix @ shifts[:, :, u * width : u * width + length]  # (O, C KW) @ (N, C KW, H' W')
        for u, matrix in enumerate(matrices_of(weight))
    )
    y += bias[:, None]
    return y.reshape(len(x), len(weight), -1, width)


def input_gradient(grad_output, x, weight, padding):
    (batch, out_channels, height, width), (_, channels, kernel_height, kernel_width) = grad_output.shape, weight.shape
    rows = grad_output.reshape(batch, out_channels, -1)
    above = height + kernel_height - 1
    grad_shifts = np.zeros((batch, channels * kernel_width, above * width), x.dtype)
    for u, matrix in enumerate(matrices_of(weight)):
        grad_shifts[:, :, u * width : u * width + rows.shape[2]] += matrix.T @ rows
    grad_shifts = grad_shifts.reshape(batch, channels, kernel_width, above, width)
    result = np.zeros((batch, channels, above, width + kernel_width - 1), x.dtype)
    for v in range(kernel_width):
        result[..., v : v + width] += grad_shifts[:, :, v]
    return without_rim(result, padding)


def parameter_gradients(grad_output, x, weight, padding):
    rows = grad_output.reshape(*grad_output.shape[:2], -1)
    shifts, width = shifts_of(x, weight.shape[3], padding)
    shifts = shifts.swapaxes(1, 2)
    products = [
        (rows @ shifts[:, u * width : u * width + rows.shape[2]]).sum(0).reshape(*weight.shape[:2], -1)
        for u in range(weight.shape[2])
    ]
    return np.stack(products, axis=2), rows.sum((0, 2))


def matrices_of(weight):  # (O, C, KH, KW) -> KH times (O, C KW)
    return np.ascontiguousarray(weight.transpose(2, 0, 1, 3)).reshape(weight.shape[2], len(weight), -1)


def shifts_of(x, count, padding):  # (N, C, H, W) -> (N, C KW, (H + 2p) W'), W'
    x = padded(x, padding)
    batch, channels, height, width = x.shape
    width -= count - 1
    shifts = np.empty((batch, channels, count, height, width), x.dtype)
    for v in range(count):
        shifts[:, :, v] = x[..., v : v + width]
    return shifts.reshape(batch, channels * count, -1), width
