"""The rivals, and the floor under all of them: the matrix products alone, on columns that are ready."""

import numpy as np
from rivals import blocked as _blocked
from rivals import plain as _plain
from rivals import shifted as _shifted


def of(rival):
    def conv(case):
        x, weight, bias, padding, u = case

        def run():
            y, dx = rival.forward(x, weight, bias, padding), rival.input_gradient(u, x, weight, padding)
            return y, dx, *rival.parameter_gradients(u, x, weight, padding)

        return run

    return conv


plain, shifted, blocked = of(_plain), of(_shifted), of(_blocked)


def products(case):
    """For each image the products of forward, dx and dW; one image's columns serve for all, as if from the cache."""
    matrix = case.weight.reshape(len(case.weight), -1)
    grads = case.grad_output.reshape(*case.grad_output.shape[:2], -1)
    columns, _ = _plain.columns_of(case.x[:1], case.weight.shape[2:], case.padding)
    columns, y = columns[0], np.empty_like(grads[0])
    dx, dw = np.empty_like(columns), np.empty_like(matrix)

    def run():
        for grad in grads:
            np.matmul(matrix, columns, out=y)
            np.matmul(matrix.T, grad, out=dx)
            np.matmul(grad, columns.T, out=dw)

    return run
