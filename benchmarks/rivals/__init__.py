"""The ways to write a convolution in NumPy that numpycam's is held against, with stride 1.

Each module has the same three functions, with the same results: forward, input_gradient, parameter_gradients.
"""

from itertools import product

import numpy as np


def padded(x, padding):  # (N, C, H, W) -> (N, C, H + 2p, W + 2p)
    if padding == 0:
        return x
    *rest, height, width = x.shape
    result = np.zeros((*rest, height + 2 * padding, width + 2 * padding), x.dtype)
    result[..., padding:-padding, padding:-padding] = x
    return result


def without_rim(x, padding):
    return x[..., padding:-padding, padding:-padding] if padding else x


def taps(x, kernel):
    """The view of x that each cell of the kernel sees, in row-major order."""
    height, width = x.shape[-2] - kernel[0] + 1, x.shape[-1] - kernel[1] + 1
    for u, v in product(range(kernel[0]), range(kernel[1])):
        yield x[..., u : u + height, v : v + width]
