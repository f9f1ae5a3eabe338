"""Each operation written with whole arrays, in the precision of its arguments: right, in another order of sums.

The laws must never call these wrong. They use NumPy alone; only the residual block has layers of the package in it.
"""

import numpy as np


def windows(x, size, stride, dilation=(1, 1)):
    """Views (N, C, H', W', height, width) of all places of a window."""
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    every = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    return every[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def padded(x, padding, value=0):
    """x with a border."""
    (py, px) = padding
    return np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)), constant_values=value)


def inner(x, padding):
    """x without its border."""
    (py, px), (height, width) = padding, x.shape[2:]
    return x[:, :, py : height - py, px : width - px].copy()


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    seen = windows(padded(x, padding), weight.shape[2:], stride, dilation)
    y = np.einsum("ncijuv,ocuv->noij", seen, weight, optimize=True)
    return y if bias is None else y + bias[:, None, None]


def conv2d_backward(grad_output, x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    wide = padded(x, padding)
    dw = np.einsum("noij,ncijuv->ocuv", grad_output, windows(wide, weight.shape[2:], stride, dilation), optimize=True)
    dx, shares = np.zeros_like(wide), np.einsum("noij,ocuv->uvncij", grad_output, weight)
    for i, j in np.ndindex(grad_output.shape[2:]):
        for u, v in np.ndindex(weight.shape[2:]):
            dx[:, :, stride[0] * i + dilation[0] * u, stride[1] * j + dilation[1] * v] += shares[u, v, :, :, i, j]
    return inner(dx, padding), dw, grad_output.sum(axis=(0, 2, 3))


def relu(x):
    return np.maximum(x, 0)


def relu_backward(grad_output, x):
    return np.where(np.isnan(x) | (x > 0), grad_output, x.dtype.type(0))


def linear(x, weight, bias=None):
    y = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(grad_output, x, weight):
    return grad_output @ weight, grad_output.T @ x, grad_output.sum(axis=0)


def max_pool2d(x, kernel_size, stride, padding=(0, 0)):
    return windows(padded(x, padding, -np.inf), kernel_size, stride).max(axis=(4, 5))


def max_pool2d_backward(grad_output, x, kernel_size, stride, padding=(0, 0)):
    wide = padded(x, padding, -np.inf)
    seen = windows(wide, kernel_size, stride)
    places = seen.reshape(*seen.shape[:4], -1).argmax(axis=4)
    dx = np.zeros_like(wide)
    n, c, i, j = np.indices(places.shape)
    u, v = np.divmod(places, kernel_size[1])
    np.add.at(dx, (n, c, stride[0] * i + u, stride[1] * j + v), grad_output)
    return inner(dx, padding)


def avg_pool2d(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    sums = windows(padded(x, padding), kernel_size, stride).sum(axis=(4, 5))
    return sums / counts(x, kernel_size, stride, padding, count_include_pad)


def avg_pool2d_backward(grad_output, x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
    dx = np.zeros_like(padded(x, padding))
    shares = grad_output / counts(x, kernel_size, stride, padding, count_include_pad)
    for i, j in np.ndindex(shares.shape[2:]):
        top, left = stride[0] * i, stride[1] * j
        dx[:, :, top : top + kernel_size[0], left : left + kernel_size[1]] += shares[:, :, i, j, None, None]
    return inner(dx, padding)


def counts(x, kernel_size, stride, padding, count_include_pad):
    """How many cells of each window count."""
    cells = padded(np.ones_like(x), padding, int(count_include_pad))
    return windows(cells, kernel_size, stride).sum(axis=(4, 5))


def global_avg_pool2d(x):
    return x.mean(axis=(2, 3))


def global_avg_pool2d_backward(grad_output, x):
    return np.broadcast_to((grad_output / x[0, 0].size)[:, :, None, None], x.shape).copy()


def logarithms(scores):
    """log p: the largest score is taken off first."""
    less = scores - scores.max(axis=1, keepdims=True)
    return less - np.log(np.exp(less).sum(axis=1, keepdims=True))


def cross_entropy(scores, labels):
    return -logarithms(scores)[np.arange(len(labels)), labels].mean()


def cross_entropy_gradient(scores, labels):
    p = np.exp(logarithms(scores))
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def as_x(network, x):
    """A network in the precision of x."""
    return network.with_parameters({name: value.astype(x.dtype) for name, value in network.parameters.items()})


def residual(x, body, shortcut=None):
    return as_x(body, x).forward(x) + (x if shortcut is None else as_x(shortcut, x).forward(x))


def residual_backward(grad_output, x, body, shortcut=None):
    past = grad_output if shortcut is None else as_x(shortcut, x).backward(grad_output, x)
    return past + as_x(body, x).backward(grad_output, x)


def cam(weighted_sum, alphas=None):
    """The stages of a method."""
    of = {"weighted_sum": weighted_sum, "cam": lambda A, g: np.maximum(weighted_sum(A, g), 0)}
    return of if alphas is None else of | {"alphas": alphas}


def weighted(alphas):
    """The stages of a method that has a weight for each map."""
    return cam(lambda A, g: np.einsum("k,kij->ij", alphas(A, g), A), alphas)


def alphas_of_grad_cam(A, g):
    return g.mean(axis=(1, 2))


def alphas_of_grad_cam_plus_plus(A, g):
    sums = A.sum(axis=(1, 2), keepdims=True)
    return (np.maximum(g, 0) / np.where(g <= 0, 1, 2 + sums * g)).sum(axis=(1, 2))


def alphas_of_xgrad_cam(A, g):
    sums, is_zero = A.sum(axis=(1, 2)), (A == 0).all(axis=(1, 2))
    return np.where(is_zero, 0, (A * g).sum(axis=(1, 2)) / np.where(is_zero, 1, sums))


def projection(maps):
    """The maps along their first direction, which has the sign that makes the sum positive."""
    cells = maps.reshape(len(maps), -1)
    if np.isnan(cells).any():
        return np.full_like(maps[0], np.nan)
    directions, *_ = np.linalg.svd(cells, full_matrices=False)
    along = (directions[:, 0] @ cells).reshape(maps.shape[1:])
    return along if along.sum() >= 0 else -along


def resize(heat, size):
    for axis, length in enumerate(size):
        n = heat.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * n / length - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), max(n - 2, 0))
        share = (at - low).astype(heat.dtype)
        rows = np.moveaxis(heat, axis, -1)
        rows = rows[..., low] * (1 - share) + rows[..., np.minimum(low + 1, n - 1)] * share
        heat = np.moveaxis(rows, -1, axis)
    return heat


def normalise(heat):
    largest = abs(heat).max()
    return heat / (largest if largest != 0 else heat.dtype.type(1))


def overlay(image, heat, opacity):
    opacity = image.dtype.type(opacity)
    return (1 - opacity) * image + opacity * heat


RIGHT = {
    "conv2d": {"forward": conv2d, "backward": conv2d_backward},
    "relu": {"forward": relu, "backward": relu_backward},
    "max_pool2d": {"forward": max_pool2d, "backward": max_pool2d_backward},
    "avg_pool2d": {"forward": avg_pool2d, "backward": avg_pool2d_backward},
    "global_avg_pool2d": {"forward": global_avg_pool2d, "backward": global_avg_pool2d_backward},
    "linear": {"forward": linear, "backward": linear_backward},
    "softmax_cross_entropy": {"forward": cross_entropy, "backward": cross_entropy_gradient},
    "residual": {"forward": residual, "backward": residual_backward},
    "grad_cam": weighted(alphas_of_grad_cam),
    "grad_cam_plus_plus": weighted(alphas_of_grad_cam_plus_plus),
    "xgrad_cam": weighted(alphas_of_xgrad_cam),
    "hirescam": cam(lambda A, g: (A * g).sum(axis=0)),
    "element_wise_grad_cam": cam(lambda A, g: np.maximum(A * g, 0).sum(axis=0)),
    "layercam": cam(lambda A, g: (A * np.maximum(g, 0)).sum(axis=0)),
    "eigen_cam": cam(lambda A, g: projection(A)),
    "eigen_grad_cam": cam(lambda A, g: projection(A * g)),
    "resize": {"resize": resize},
    "normalise": {"normalise": normalise},
    "overlay": {"overlay": overlay},
}
"""For each book of laws, functions that are right."""
