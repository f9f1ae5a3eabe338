"""Each operation as the loop that defines it: slow, obvious, and independent of the package."""

import math
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from numpycam.core.arrays import zero_of, zeros


def conv2d_shape(
    x_shape: Any, weight_shape: Any, stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1)
) -> Any:
    """(N, O, H', W'): one output for each place at which the window stands inside of the padded picture."""
    sizes = []
    for n, k, s, p, d in zip(x_shape[2:], weight_shape[2:], stride, padding, dilation, strict=True):
        sizes.append(len([at for at in range(0, n + 2 * p, s) if at + d * (k - 1) < n + 2 * p]))
    return x_shape[0], weight_shape[0], *sizes


def _meetings(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Every meeting of an output (i, j) with a cell (u, v) of the kernel, and the cell of x that they see."""
    kernel_height, kernel_width = weight.shape[2:]
    *_, rows, columns = conv2d_shape(x.shape, weight.shape, stride, padding, dilation)
    for i, j, u, v in np.ndindex(rows, columns, kernel_height, kernel_width):
        row, column = stride[0] * i + dilation[0] * u - padding[0], stride[1] * j + dilation[1] * v - padding[1]
        if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:  # outside of it there are zeros
            yield (..., i, j), (..., u, v), (..., row, column)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1)
) -> Any:
    """y[n, o, i, j] = bias[o] + Σ_{c,u,v} weight[o, c, u, v] · x[n, c, s i + d u - p, s j + d v - p]; 0 outside x."""
    y = zeros(conv2d_shape(x.shape, weight.shape, stride, padding, dilation), like=x)
    for output, of_kernel, seen in _meetings(x, weight, stride, padding, dilation):
        y[output] += x[seen] @ weight[of_kernel].T  # (N, C) @ (C, O)
    return y if bias is None else y + bias[:, None, None]


def conv2d_backward(
    grad_output: Any, x: Any, weight: Any, stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1)
) -> Any:
    """(ds/dx, ds/dW, ds/db): each product of the sum gives its other factor times ds/dy."""
    dx, dw = zeros(x.shape, like=x), zeros(weight.shape, like=weight)
    for output, of_kernel, seen in _meetings(x, weight, stride, padding, dilation):
        dx[seen] += grad_output[output] @ weight[of_kernel]  # (N, O) @ (O, C)
        dw[of_kernel] += grad_output[output].T @ x[seen]  # (O, N) @ (N, C)
    return dx, dw, grad_output.sum(axis=(0, 2, 3))


def relu(x: Any) -> Any:
    """max(x, 0), number by number; NaN stays NaN."""
    y = x.copy()
    y[x < 0] = zero_of(x)
    return y


def relu_backward(grad_output: Any, x: Any) -> Any:
    """U where x > 0 or is NaN, else 0: at 0 the gate is shut."""
    dx = grad_output.copy()
    dx[x <= 0] = zero_of(x)
    return dx


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """y[n, o] = bias[o] + Σ_f weight[o, f] · x[n, f]."""
    y = zeros((len(x), len(weight)), like=x)
    for n, o, f in np.ndindex(len(x), *weight.shape):
        y[n, o] += weight[o, f] * x[n, f]
    return y if bias is None else y + bias


def linear_backward(grad_output: Any, x: Any, weight: Any) -> Any:
    """(ds/dx, ds/dW, ds/db): each product of the sum gives its other factor times ds/dy."""
    dx, dw = zeros(x.shape, like=x), zeros(weight.shape, like=weight)
    for n, o, f in np.ndindex(len(x), *weight.shape):
        dx[n, f] += grad_output[n, o] * weight[o, f]
        dw[o, f] += grad_output[n, o] * x[n, f]
    return dx, dw, grad_output.sum(axis=0)


def cross_entropy(scores: Any, labels: Any) -> Any:
    """-(1/N) Σ_n log p[n, label n], with the largest score taken off first: no exponential overflows."""
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        top = max(row)
        total += top + np.log(sum(np.exp(score - top) for score in row)) - row[label]
    return total / len(scores)


def cross_entropy_gradient(scores: Any, labels: Any) -> Any:
    """(p - onehot) / N."""
    gradient = np.empty(scores.shape, dtype=scores.dtype)
    for n, (row, label) in enumerate(zip(scores, labels, strict=True)):
        powers = [np.exp(score - max(row)) for score in row]
        for c, power in enumerate(powers):
            gradient[n, c] = (power / sum(powers) - (c == label)) / len(scores)
    return gradient


def pool2d_shape(x_shape: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    """(N, C, H', W'): one output for each place at which the window stands inside of the padded maps."""
    return conv2d_shape(x_shape, (x_shape[1], 1, *kernel_size), stride, padding)


def windows(x: Any, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """Every window: the index of its output, and those of the real cells that it sees."""
    batch, channels, height, width = x.shape
    *_, rows, columns = pool2d_shape(x.shape, kernel_size, stride, padding)
    for n, c, i, j in np.ndindex(batch, channels, rows, columns):
        top, left = stride[0] * i - padding[0], stride[1] * j - padding[1]
        yield (
            (n, c, i, j),
            [
                (n, c, row, column)
                for row in range(max(top, 0), min(top + kernel_size[0], height))
                for column in range(max(left, 0), min(left + kernel_size[1], width))
            ],
        )


def winner(x: Any, cells: Any) -> Any:
    """Return the first of the cells that hold the largest number, or the first that holds NaN."""
    return next((cell for cell in cells if x[cell] != x[cell]), None) or max(cells, key=lambda cell: x[cell])


def max_pool2d(x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    """y[n, c, i, j] = the largest of the real cells of the window."""
    y = zeros(pool2d_shape(x.shape, kernel_size, stride, padding), like=x)
    for output, cells in windows(x, kernel_size, stride, padding):
        y[output] = x[winner(x, cells)]
    return y


def max_pool2d_backward(grad_output: Any, x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    """Each window gives all of its gradient to the first cell that holds its maximum."""
    dx = zeros(x.shape, like=x)
    for output, cells in windows(x, kernel_size, stride, padding):
        dx[winner(x, cells)] += grad_output[output]
    return dx


def avg_pool2d(x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0), count_include_pad: Any = True) -> Any:
    """y[n, c, i, j] = the sum of the window's real cells, over the number of all its cells or of the real ones."""
    y = zeros(pool2d_shape(x.shape, kernel_size, stride, padding), like=x)
    for output, cells in windows(x, kernel_size, stride, padding):
        y[output] = sum(x[cell] for cell in cells) / (math.prod(kernel_size) if count_include_pad else len(cells))
    return y


def avg_pool2d_backward(
    grad_output: Any, x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0), count_include_pad: Any = True
) -> Any:
    """Each window shares its gradient out among its cells; what falls on the border is lost."""
    dx = zeros(x.shape, like=x)
    for output, cells in windows(x, kernel_size, stride, padding):
        for cell in cells:
            dx[cell] += grad_output[output] / (math.prod(kernel_size) if count_include_pad else len(cells))
    return dx


def global_avg_pool2d(x: Any) -> Any:
    """y[n, c] = the mean of x[n, c] over all of its cells."""
    y = zeros(x.shape[:2], like=x)
    for n, c, i, j in np.ndindex(x.shape):
        y[n, c] += x[n, c, i, j] / (x.shape[2] * x.shape[3])
    return y


def global_avg_pool2d_backward(grad_output: Any, x: Any) -> Any:
    """Each mean shares its gradient out among all cells."""
    dx = zeros(x.shape, like=x)
    for n, c, i, j in np.ndindex(x.shape):
        dx[n, c, i, j] = grad_output[n, c] / (x.shape[2] * x.shape[3])
    return dx


def bilinear(values: Any, length: Any, align_corners: Any) -> Any:
    """Resize a list by the definition of linear interpolation, at places that are Fractions."""
    shares = _shares(len(values), length, align_corners)
    return [sum(_times(share, values[j]) for j, share in near) for near in shares]


@cache
def _shares(n: int, length: int, align_corners: bool) -> list[list[tuple[int, Fraction]]]:
    """Return, for each cell of the result, the cells of the list that it is made of, and how much each gives."""
    shares = []
    for i in range(length):
        if align_corners:
            x = Fraction(i * (n - 1), max(length - 1, 1))
        else:
            x = Fraction(2 * i + 1, 2) * Fraction(n, length) - Fraction(1, 2)
        x = min(max(x, Fraction(0)), Fraction(n - 1))
        shares.append([(j, 1 - abs(x - j)) for j in range(n) if abs(x - j) < 1])
    return shares


def _times(share: Any, value: Any) -> Any:
    return share * value if isinstance(value, Fraction) else float(share) * value


def grad_cam_alphas(feature_maps: Any, gradients: Any) -> Any:
    """Return the weights of one image (K, H, W): the mean of each g^k."""
    alphas = zeros((len(gradients),), like=feature_maps)
    for k, cell in _cells(gradients):
        alphas[k] += gradients[k][cell] / gradients[k].size
    return alphas


def grad_cam(feature_maps: Any, gradients: Any) -> Any:
    """Return the weighted sum of one image, cell by cell."""
    alphas, weighted_sum = grad_cam_alphas(feature_maps, gradients), zeros(feature_maps.shape[1:], like=feature_maps)
    for k, cell in _cells(feature_maps):
        weighted_sum[cell] += alphas[k] * feature_maps[k][cell]
    return weighted_sum


def grad_cam_plus_plus(feature_maps: Any, gradients: Any) -> Any:
    """Return the weights of one image, with the second and third powers of g as the paper has them, for g > 0."""
    alphas = zeros((len(feature_maps),), like=feature_maps)
    for k, cell in _cells(feature_maps):
        g, total = gradients[k][cell], sum(feature_maps[k].flat)
        if not g <= 0:
            alphas[k] += g**2 / (2 * g**2 + total * g**3) * g
    return alphas


def xgrad_cam(feature_maps: Any, gradients: Any) -> Any:
    """Return the weights of one image: the mean of g^k, weighted by A^k; 0 for a map of zeros."""
    alphas = zeros((len(feature_maps),), like=feature_maps)
    for k, cell in _cells(feature_maps):
        if feature_maps[k].any():
            alphas[k] += gradients[k][cell] * (feature_maps[k][cell] / sum(feature_maps[k].flat))
    return alphas


def hirescam(feature_maps: Any, gradients: Any) -> Any:
    """Σ_k g^k_ij A^k_ij."""
    return _cell_by_cell(lambda a, g: g * a, feature_maps, gradients)


def element_wise_grad_cam(feature_maps: Any, gradients: Any) -> Any:
    """Σ_k ReLU(g^k_ij A^k_ij)."""
    return _cell_by_cell(lambda a, g: _positive_part(g * a), feature_maps, gradients)


def layercam(feature_maps: Any, gradients: Any) -> Any:
    """Σ_k ReLU(g^k_ij) A^k_ij."""
    return _cell_by_cell(lambda a, g: _positive_part(g) * a, feature_maps, gradients)


def _cells(maps: Any) -> Any:
    """Every map's number with every cell."""
    return ((k, cell) for k in range(len(maps)) for cell in np.ndindex(maps.shape[1:]))


def _positive_part(value: Any) -> Any:
    return value * 0 if value < 0 else value


def _cell_by_cell(term: Any, feature_maps: Any, gradients: Any) -> Any:
    """Return the weighted sum of one image that has ``term(a, g)`` of each cell of each map."""
    weighted_sum = zeros(feature_maps.shape[1:], like=feature_maps)
    for k, cell in _cells(feature_maps):
        weighted_sum[cell] += term(feature_maps[k][cell], gradients[k][cell])
    return weighted_sum


def first_direction(maps: Any) -> Any:
    """Return the direction, up to its sign, along which the cells, with the maps' values as coordinates, spread most.

    By power iteration: the largest column of G^1024, G_kl = Σ_ij A^k_ij A^l_ij.
    """
    cells = maps.reshape(len(maps), -1)
    power = cells @ cells.T
    for _ in range(10):
        power = power / abs(power).max()
        power = power @ power
    column = power[:, abs(power).sum(axis=0).argmax()]
    return column / math.sqrt(math.fsum(column**2))


def residual(x: Any, body: Any, shortcut: Any = None) -> Any:
    """Y = body(x) + shortcut(x); x itself if there is no shortcut."""
    return body.forward(x) + (x if shortcut is None else shortcut.forward(x))


def residual_backward(grad_output: Any, x: Any, body: Any, shortcut: Any = None) -> Any:
    """ds/dx by both ways, added up."""
    past = grad_output if shortcut is None else shortcut.backward(grad_output, x)
    return body.backward(grad_output, x) + past


def normalise(heat: Any) -> Any:
    """Each cell over the largest absolute value; a map of zeros stays zero."""
    largest = max(abs(value) for value in heat.flat)
    return heat.copy() if largest == 0 else heat / largest


def resize(heat: Any, size: Any) -> Any:
    """Bilinear, with half-pixel centres."""
    rows = [bilinear(list(row), size[1], False) for row in heat]
    return np.array([bilinear(list(column), size[0], False) for column in zip(*rows, strict=True)]).T


def overlay(image: Any, heat: Any, opacity: Any) -> Any:
    """(1 - opacity) image + opacity heat."""
    return image + opacity * (heat - image)
