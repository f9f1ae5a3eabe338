"""Functions that look right, but each has a bug.

Four are backward passes, for notebook 03: each takes one map, and the stride is 1. One is a Grad-CAM++, for
notebook 08.
"""

import numpy as np

from numpycam.core.arrays import Array, Pair


def relu_backward(u: Array, x: Array) -> Array:
    """Return ds/dx for y = ReLU(x), and u = ds/dy."""
    y = np.maximum(x, 0)
    return np.where(y >= 0, u, 0)


def conv_backward(u: Array, x: Array, weight: Array) -> Array:
    """Return ds/dx for y = conv(x), and u = ds/dy."""
    height, width = weight.shape
    padded = np.pad(u, [(height - 1, height - 1), (width - 1, width - 1)])
    dx = np.zeros_like(x)
    for i, j in np.ndindex(x.shape):
        dx[i, j] = (padded[i : i + height, j : j + width] * weight).sum()
    return dx


def max_pool_backward(u: Array, x: Array, size: Pair) -> Array:
    """Return ds/dx for y = the maximum of each window of x, and u = ds/dy."""
    height, width = size
    dx = np.zeros_like(x)
    for i, j in np.ndindex(u.shape):
        window = x[i : i + height, j : j + width]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[i + row, j + column] = u[i, j]
    return dx


def avg_pool_backward(u: Array, x: Array, size: Pair) -> Array:
    """Return ds/dx for y = the mean of each window of x, and u = ds/dy."""
    height, width = size
    u /= height * width
    dx = np.zeros_like(x)
    for i, j in np.ndindex(u.shape):
        dx[i : i + height, j : j + width] += u[i, j]
    return dx


def grad_cam_plus_plus(feature_maps: Array, gradients: Array) -> Array:
    """Return Σ_ij a_ij ReLU(g_ij), where a = g² / (2 g² + S_k g³) and S_k = Σ A^k."""
    sums = feature_maps.sum(axis=(1, 2), keepdims=True)
    a = gradients**2
    divisor = 2 * gradients**2 + sums * gradients**3
    used = gradients > 0  # elsewhere the divisor may be 0
    np.divide(a[used], divisor[used], out=a[used])
    weights: Array = (a * np.maximum(gradients, 0)).sum(axis=(1, 2))
    return weights
