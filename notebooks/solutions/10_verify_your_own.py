"""Solutions of the exercises of notebook 10: a law by hand, two backward passes, evidence, and a law of one's own."""

import numpy as np

my_sides = {
    "y": [-7, 2],  # 2·(-3) + 1·3 - 2·2 and -3·(-3) - 3·3 + 1·2
    "left": -8,  # -7·2 + 2·3
    "dx": [-5, -7, -1],  # 2 times the first row, 3 times the second
    "right": -8,  # -3·(-5) + 3·(-7) + 2·(-1)
}

# x is negative, so the gate should be shut. But u comes through.
my_counterexample = {"u": [1], "x": [-1]}


def my_stamping_backward(u, x, weight):
    """Return dx (N, C, H, W) and dw (O, C, KH, KW): each output presses its stamps, u times as strong."""
    dx, dw = np.zeros_like(x), np.zeros_like(weight)
    height, width = weight.shape[2:]
    for n, o, i, j in np.ndindex(u.shape):
        rows, columns = slice(i, i + height), slice(j, j + width)
        dx[n, :, rows, columns] += u[n, o, i, j] * weight[o]
        dw[o] += u[n, o, i, j] * x[n, :, rows, columns]
    return dx, dw


def my_sliding_backward(u, x, weight, padding):
    """Return dx (N, C, H, W): the turned kernel slides over u, with k - 1 zeros around it.

    That is the gradient of x and of its border. x begins p rows and p columns further on.
    """
    (height, width), (top, left) = weight.shape[2:], padding
    bordered = np.pad(u, [(0, 0), (0, 0), (height - 1, height - 1), (width - 1, width - 1)])
    turned = weight[:, :, ::-1, ::-1]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(x.shape):
        window = bordered[n, :, i + top : i + top + height, j + left : j + left + width]
        dx[n, c, i, j] = (window * turned[:, c]).sum()
    return dx


my_evidence = {
    # One map of two cells: the sum is 1, the mean 1/2.
    "first": ("sum", [[[1, 1]]], [[[1, 0]]]),
    # One cell, which one map speaks for and another against: 2 - 1 = 1, but 2 with the ReLU too early.
    "second": ("early ReLU", [[[2]], [[-1]]], [[[1]], [[1]]]),
    # 1 · p (1 - p) with p = 1/(1 + exp(-1)), which no sum of whole numbers makes.
    "third": ("softmax", [[[1]]], [[[1]]]),
}


def shifted(x, rows):
    """Return the picture so many rows further down, with zeros above it."""
    moved = np.zeros_like(x)
    moved[:, :, rows:] = x[:, :, : x.shape[2] - rows]
    return moved


def my_shift_law(conv, x, weight, stride, padding, rows):
    """Return both sides, or None: a picture that moves by `rows` moves y by rows / stride, if that is whole.

    Above and below there must be no border: it does not move with the picture.
    """
    if rows % stride[0] != 0 or padding[0] != 0:
        return None
    steps = rows // stride[0]
    y, y_of_shifted = (conv(picture, weight, stride, padding) for picture in (x, shifted(x, rows)))
    return y_of_shifted[:, :, steps:], y[:, :, : y.shape[2] - steps]
