"""Functions that look right, but each has a bug.

Four are backward passes, for notebook 03: each takes one map, and the stride is 1. One is a Grad-CAM++, for
notebook 08. A resize is for notebook 05. One more backward pass and three Grad-CAMs are for notebook 10.
"""

import math
from fractions import Fraction

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


def resize(heat: Array, size: Pair) -> Array:
    """Return the heat (H, W) at the size (height, width): bilinear, with half-pixel centres."""
    (height, width), (rows, columns) = heat.shape, size
    resized = np.zeros_like(heat, shape=size)
    for i, j in np.ndindex(rows, columns):
        y = Fraction(i * height, rows)  # the place of pixel (i, j) among the cells
        x = Fraction(j * height, columns)
        y = min(max(y, 0), height - 1)  # not beyond the outermost centres
        x = min(max(x, 0), width - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
        down, across = y - top, x - left
        upper = (1 - across) * heat[top, left] + across * heat[top, right]
        lower = (1 - across) * heat[bottom, left] + across * heat[bottom, right]
        resized[i, j] = (1 - down) * upper + down * lower
    return resized


def sliding_backward(u: Array, x: Array, weight: Array, padding: Pair) -> Array:
    """Return ds/dx for y = conv(x, weight, padding) with stride 1, and u = ds/dy."""
    (height, width), (top, left) = weight.shape[2:], padding
    bordered = np.pad(u, [(0, 0), (0, 0), (top, top), (left, left)])
    turned = weight[:, :, ::-1, ::-1]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(x.shape):
        window = bordered[n, :, i : i + height, j : j + width]
        dx[n, c, i, j] = (window * turned[:, c]).sum()
    return dx


def first_cam(feature_maps: Array, gradients: Array) -> Array:
    """Return a heatmap (H, W) of feature maps and gradients (K, H, W)."""
    alphas = gradients.sum(axis=(1, 2), keepdims=True)
    total: Array = (alphas * feature_maps).sum(axis=0)
    return np.maximum(total, 0)


def second_cam(feature_maps: Array, gradients: Array) -> Array:
    """Return a heatmap (H, W) of feature maps and gradients (K, H, W)."""
    alphas = gradients.sum(axis=(1, 2), keepdims=True) / gradients[0].size
    heatmap: Array = np.maximum(alphas * feature_maps, 0).sum(axis=0)
    return heatmap


def third_cam(feature_maps: Array, gradients: Array) -> Array:
    """Return a heatmap (H, W) of feature maps and gradients (K, H, W)."""
    feature_maps, gradients = feature_maps.astype(float), gradients.astype(float)
    score = (feature_maps * gradients).sum()  # behind a linear head; another class has the score 0
    probability = (1 + math.tanh(score / 2)) / 2
    slope = probability * (1 - probability)
    alphas = slope * gradients.mean(axis=(1, 2), keepdims=True)
    total: Array = (alphas * feature_maps).sum(axis=0)
    return np.maximum(total, 0)
