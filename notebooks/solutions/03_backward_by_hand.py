"""Solutions of the exercises of notebook 03: five backward passes, four counterexamples, and a twin of a block."""

import numpy as np

from numpycam.exact import as_fractions


def my_relu_backward(u, x):
    """Return dx: u where the gate is open."""
    return u * (x > 0)


def my_conv_of_one_map(u, x, weight):
    """Return dx (H, W) and dw (KH, KW): each output stamps the kernel onto x, and what it saw onto the kernel."""
    height, width = weight.shape
    dx, dw = np.zeros_like(x), np.zeros_like(weight)
    for i, j in np.ndindex(u.shape):
        dx[i : i + height, j : j + width] += u[i, j] * weight
        dw += u[i, j] * x[i : i + height, j : j + width]
    return dx, dw


def my_conv_with_stride(u, x, weight, stride, padding):
    """Return dx (H, W) and dw (KH, KW): the same on the padded x, whose border is cut off at the end."""
    (down, right), (top, left) = stride, padding
    height, width = weight.shape
    padded = np.pad(x, [(top, top), (left, left)])
    dpadded, dw = np.zeros_like(padded), np.zeros_like(weight)
    for i, j in np.ndindex(u.shape):
        rows = slice(i * down, i * down + height)
        columns = slice(j * right, j * right + width)
        dpadded[rows, columns] += u[i, j] * weight
        dw += u[i, j] * padded[rows, columns]
    return dpadded[top : top + x.shape[0], left : left + x.shape[1]], dw


def my_conv_backward(u, x, weight, stride, padding):
    """Return dx (N, C, H, W) and dw (O, C, KH, KW)."""
    (down, right), (top, left) = stride, padding
    height, width = weight.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    dpadded, dw = np.zeros_like(padded), np.zeros_like(weight)
    for i, j in np.ndindex(u.shape[2:]):
        seen = ..., slice(i * down, i * down + height), slice(j * right, j * right + width)
        share = u[:, :, i, j, None, None, None]  # (N, O, 1, 1, 1)
        dpadded[seen] += (share * weight).sum(axis=1)  # over O -> (N, C, KH, KW)
        dw += (share * padded[seen][:, None]).sum(axis=0)  # over N -> (O, C, KH, KW)
    return dpadded[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw


my_findings = {
    # y >= 0 is always true, so nothing ever stops. y > 0 would do.
    "relu_backward": ("adjoint", {"u": [[1]], "x": [[-1]]}),
    # Sliding over u takes the kernel turned by 180°. A kernel that stays the same then hides it.
    "conv_backward": ("adjoint", {"u": [[1]], "x": [[1, 0]], "weight": [[1, 0]]}),
    # = for +=: the cell in the middle wins both windows and keeps one share.
    "max_pool_backward": ("mass", {"u": [[1, 1]], "x": [[0, 1, 0]], "size": (1, 2)}),
    # u /= writes into the caller's array: what comes back is right, once.
    "avg_pool_backward": ("purity", {"u": [[1]], "x": [[0, 0]], "size": (1, 2)}),
}


def my_residual_backward(u, x, body):
    """Return dx: x acts on the score by the body and by the shortcut, and what it does adds up."""
    return body.backward(u, x) + u


def pass_on(channels, height, width):
    """Return kernels (C, C, KH, KW) that pass each channel on as it is."""
    delta = as_fractions(np.zeros((channels, channels, height, width), int))
    for c in range(channels):
        delta[c, c, height // 2, width // 2] += 1
    return delta


def my_twin(w1, w2):
    """Return first (M + C, C, KH, KW) and second (C, M + C, KH', KW')."""
    channels = len(w2)
    first = np.concatenate([w1, pass_on(channels, *w1.shape[2:])], axis=0)  # x passes the ReLU, as it is not negative
    second = np.concatenate([w2, pass_on(channels, *w2.shape[2:])], axis=1)  # and is added
    return first, second
