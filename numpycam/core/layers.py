"""The layers of a small CNN, each with its forward and its backward pass written by hand.

A layer is a value: a frozen dataclass whose fields are its parameters. It has two pure methods,

    y  = layer.forward(x)
    dx = layer.backward(grad_output, x)

Here x is the layer's input, grad_output = ds/dy for some scalar s (the score of a class, say), and dx = ds/dx. A layer
keeps nothing of what passes through it: no cache, no hook, no write into an argument. The "tape" of a network is the
ordinary dictionary that ``Network.activations`` returns.

A layer computes in the dtype that it is given. So the same lines serve float32, float64 and exact rationals (object
arrays of ``fractions.Fraction``).

Shapes: N images in a batch, C channels in, O channels out, height H and width W, kernel KH × KW,
output H' × W'.
"""

import math
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpycam.core.arguments import as_pair, as_parameters, check_axes, how_to_turn
from numpycam.core.arrays import Array, IntOrPair, Shape, gated, relu, sum_of, zero_of, zeros
from numpycam.core.base import Affine, Layer
from numpycam.core.convolution import convolve, input_gradient, weight_gradient
from numpycam.core.window import Window


@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Layer):
    """Convolution in the sense of deep learning: cross-correlation, the kernel is not flipped.

    y[n, o, i, j] = bias[o] + Σ_{c,u,v} weight[o, c, u, v] · x_padded[n, c, s i + d u, s j + d v]

    Parameters
    ----------
    weight : array, shape (O, C, KH, KW)
        As PyTorch stores it.
    bias : array, shape (O,), optional
    stride, padding, dilation : int or (height, width)
        s, the width of the border of zeros, and d. See `Window.output_size` for the output's size.
    check_finite : bool, default True
        Refuse NaN and infinity in the parameters.

    Notes
    -----
    The two backward passes are the adjoints of the sum, that is, the maps for which
    <forward(x), u> = <x, backward(u, x)> = <weight, parameter_gradients(u, x)["weight"]> if there is no bias.
    How the sums are computed, as matrix products, is in ``numpycam.core.convolution``.

    The border is equally wide at both ends. To pad the end by one more, as TensorFlow's "same" does, lead the kernel by
    a row and a column of zeros, ``np.pad(weight, ((0, 0), (0, 0), (1, 0), (1, 0)))``, and pad both ends by the larger
    width.

    Examples
    --------
    >>> edges = Conv2d(np.array([[[[-1.0, 1.0]]]]))
    >>> edges(np.array([[[[1.0, 1.0, 5.0, 5.0]]]]))
    array([[[[0., 4., 0.]]]])
    """

    is_rectifier, is_convolution = False, True
    weight: Array
    bias: Array | None = None
    stride: IntOrPair = 1
    padding: IntOrPair = 0
    dilation: IntOrPair = 1
    check_finite: InitVar[bool] = field(default=True, kw_only=True)
    window: Window = field(init=False)

    def __post_init__(self, check_finite: bool) -> None:
        weight, bias = as_parameters(self.weight, self.bias, "O, C, KH, KW", check_finite)
        stride, padding = as_pair("stride", self.stride, 1), as_pair("padding", self.padding, 0)
        dilation = as_pair("dilation", self.dilation, 1)
        window = Window(weight.shape[2:], stride, padding, dilation)
        self._set(weight=weight, bias=bias, stride=stride, padding=padding, dilation=dilation, window=window)

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes("Conv2d: x", input_shape, "N, C, H, W")
        batch, channels, height, width = input_shape
        out_channels, in_channels = self.weight.shape[:2]
        if channels != in_channels:
            turn = how_to_turn(self.weight.shape, inputs=channels)
            fix = "; channels come first: pass np.moveaxis(x, -1, -3)" if width == in_channels else turn
            raise ValueError(
                f"Conv2d expects {in_channels} input channels, got {channels} "
                f"(x has shape {input_shape}, weight {self.weight.shape}{fix})."
            )
        return batch, out_channels, *self.window.output_size(height, width)

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, O, H', W')
        self.check(x)
        return convolve(x, self.weight, self.bias, self.window)

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, O, H', W') -> (N, C, H, W)
        self.check(x, grad_output)
        return input_gradient(grad_output, self.weight, self.window, x.shape)

    def parameter_gradients(self, grad_output: Array, x: Array) -> dict[str, Array]:
        self.check(x, grad_output)
        gradients = {"weight": weight_gradient(grad_output, x, self.window)}
        return gradients if self.bias is None else gradients | {"bias": sum_of(grad_output, axis=(0, 2, 3))}

    def affine(self, input_shape: Shape) -> Affine:
        offset = None if self.bias is None else self.bias[:, None, None]
        geometry = self.stride, self.padding, self.dilation
        absolute = Conv2d(np.abs(self.weight), None, *geometry, check_finite=False)
        return Affine(absolute, offset, summands=self.weight[0].size)

    def sees(self) -> Window:
        return self.window


class ReLU(Layer):
    """y = max(x, 0), element by element, on an array of any shape.

    The gate of the backward pass is shut where x <= 0. At x = 0 itself the derivative does not exist; there the gate is
    shut by convention, as in PyTorch. NaN passes through in both directions.
    """

    is_rectifier = True

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array) -> Array:
        self.check(x)
        return relu(x)

    def backward(self, grad_output: Array, x: Array) -> Array:
        self.check(x, grad_output)
        return gated(grad_output, ~(x <= 0))  # open where x is NaN, so that none is hidden

    def rivals(self, x: Array) -> Array:
        return np.stack([x, zeros(x.shape, like=x)])

    def sees(self) -> Window:
        return Window(size=(1, 1), stride=(1, 1), padding=(0, 0))


@dataclass(frozen=True, eq=False, repr=False)
class _Pool2d(Layer):
    """What max and average pooling share: a window that sees at least one real cell wherever it stands."""

    kernel_size: IntOrPair
    stride: IntOrPair | None = None
    padding: IntOrPair = 0
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        size, padding = as_pair("kernel_size", self.kernel_size, 1), as_pair("padding", self.padding, 0)
        stride = size if self.stride is None else as_pair("stride", self.stride, 1)
        if 2 * padding[0] > size[0] or 2 * padding[1] > size[1]:
            raise ValueError(f"padding must be at most half of kernel_size {size}, got {padding}.")
        self._set(kernel_size=size, stride=stride, padding=padding, window=Window(size, stride, padding))

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(f"{type(self).__name__}: x", input_shape, "N, C, H, W")
        batch, channels, height, width = input_shape
        return batch, channels, *self.window.output_size(height, width)


class MaxPool2d(_Pool2d):
    """y[n, c, i, j] = the largest of the cells (s i + u, s j + v) of x[n, c] in the window.

    If several cells of a window share the maximum, the first of them in row-major order receives the whole gradient, as
    in PyTorch. The border never wins. If the window holds NaN, the output is NaN, and the first NaN gets the gradient.

    Parameters
    ----------
    kernel_size : int or (height, width)
    stride : int or (height, width), optional
        The kernel size if not given.
    padding : int or (height, width), default 0
        At most half of the kernel size.
    """

    is_rectifier = False

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, H', W')
        self.check(x)
        first, *rest = self.taps(x)
        return reduce(np.maximum, rest, first.copy())

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, C, H', W') -> (N, C, H, W)
        self.check(x, grad_output)
        winners = np.array([*self._winners(x)])  # (KH KW, N, C, H', W')
        return self.window.scatter(gated(grad_output, winners), x.shape, like=grad_output)

    def _winners(self, x: Array) -> Iterator[NDArray[np.bool_]]:
        """Yield, for each cell of the window, where it is the first that holds the maximum."""
        y = self.forward(x)
        some_nan, has_border = (y != y).any(), any(self.window.padding)
        real = self.window.taps(np.ones(x.shape[2:], dtype=bool))  # False in the border
        unclaimed = np.ones(y.shape, dtype=bool)
        for tap, is_real in zip(self.taps(x), real, strict=True):
            wins = unclaimed & (tap == y)
            if some_nan:
                wins |= unclaimed & (tap != tap)
            if has_border:
                wins &= is_real
            unclaimed &= ~wins
            yield wins

    def taps(self, x: Array) -> Iterator[Array]:
        """Yield the taps of x, with a border of copies of the nearest real cell.

        A copy changes no maximum: every window that sees it sees the cell itself, too.
        """
        return self.window.taps(x, mode="edge")

    def sees(self) -> Window:
        return self.window

    def rivals(self, x: Array) -> Array:
        return np.stack(list(self.taps(x)))


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool2d(_Pool2d):
    """y[n, c, i, j] = the mean of the cells (s i + u, s j + v) of x[n, c] in the window.

    Parameters
    ----------
    kernel_size : int or (height, width)
    stride : int or (height, width), optional
        The kernel size if not given.
    padding : int or (height, width), default 0
        At most half of the kernel size.
    count_include_pad : bool, default True
        Whether the zeros of the border count as cells of the mean, as they do in PyTorch by default. If False, the mean
        is over the real cells alone, and a constant map stays constant.
    """

    is_rectifier = False
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.count_include_pad, bool):
            raise TypeError(f"count_include_pad must be a bool, not {type(self.count_include_pad).__name__}.")
        super().__post_init__()

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, H', W')
        self.check(x)
        return sum(self.window.taps(x)) / self._counts(x.shape, x.dtype)

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, C, H', W') -> (N, C, H, W)
        self.check(x, grad_output)
        share = grad_output / self._counts(x.shape, grad_output.dtype)
        return self.window.scatter([share] * math.prod(self.window.size), x.shape, like=share)

    def _counts(self, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """Return how many cells each mean is over: a number, or an array (H', W')."""
        if self.count_include_pad or self.window.padding == (0, 0):
            return math.prod(self.window.size)
        return sum(self.window.taps(np.ones(shape[2:], dtype)))

    def sees(self) -> Window:
        return self.window

    def affine(self, input_shape: Shape) -> Affine:
        return Affine(self, None, summands=math.prod(self.window.size))


class GlobalAvgPool2d(Layer):
    """y[n, c] = the mean of x[n, c] over all of its H·W cells."""

    is_rectifier = False

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes("GlobalAvgPool2d: x", input_shape, "N, C, H, W")
        return input_shape[:2]

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C)
        self.check(x)
        return sum_of(x, axis=(2, 3)) / math.prod(x.shape[2:])

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, C) -> (N, C, H, W)
        self.check(x, grad_output)
        share = grad_output / math.prod(x.shape[2:])
        return np.broadcast_to(share[:, :, None, None], x.shape).copy()

    def affine(self, input_shape: Shape) -> Affine:
        return Affine(self, None, summands=math.prod(input_shape[2:]))


class Flatten(Layer):
    """y[n] = all numbers of x[n] in one row, in C order: channel by channel, row by row.

    Keras goes cell by cell, with the channels last. The weight w (H W C, O) of its Dense layer behind a Flatten becomes
    ``w.reshape(H, W, C, O).transpose(2, 0, 1, 3).reshape(-1, O).T`` for :class:`Linear`. If only ``w.T`` is taken, all
    shapes fit, and the scores are wrong.
    """

    is_rectifier = False

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2 or 0 in input_shape[1:]:
            raise ValueError(f"Flatten: x must have shape (N, ...) with no empty axis, got {input_shape}.")
        return input_shape[0], math.prod(input_shape[1:])

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C H W)
        shape = self.check(x)
        return x.reshape(shape)

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, C H W) -> (N, C, H, W)
        self.check(x, grad_output)
        return grad_output.reshape(x.shape)

    def affine(self, input_shape: Shape) -> Affine:
        return Affine(self, None, summands=0)


@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer):
    """y[n, o] = bias[o] + Σ_f weight[o, f] · x[n, f].

    Parameters
    ----------
    weight : array, shape (O, F)
        As PyTorch stores it: one row for each output.
    bias : array, shape (O,), optional
    check_finite : bool, default True
        Refuse NaN and infinity in the parameters.
    """

    is_rectifier = False
    weight: Array
    bias: Array | None = None
    check_finite: InitVar[bool] = field(default=True, kw_only=True)

    def __post_init__(self, check_finite: bool) -> None:
        weight, bias = as_parameters(self.weight, self.bias, "O, F", check_finite)
        self._set(weight=weight, bias=bias)

    def output_shape(self, input_shape: Shape) -> Shape:
        if input_shape[1:] != self.weight.shape[1:]:
            fix = "; put a Flatten or a GlobalAvgPool2d before it" if len(input_shape) == 4 else ""
            if len(input_shape) == 2:
                fix = how_to_turn(self.weight.shape, inputs=input_shape[1])
            raise ValueError(f"Linear expects x of shape (N, {self.weight.shape[1]}), got {input_shape}{fix}.")
        return input_shape[0], self.weight.shape[0]

    def forward(self, x: Array) -> Array:  # (N, F) -> (N, O)
        self.check(x)
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def backward(self, grad_output: Array, x: Array) -> Array:  # (N, O) -> (N, F)
        self.check(x, grad_output)
        return grad_output @ self.weight

    def parameter_gradients(self, grad_output: Array, x: Array) -> dict[str, Array]:
        self.check(x, grad_output)
        product = grad_output.T @ x  # (O, N) @ (N, F) -> (O, F)
        gradients = {"weight": product + zero_of(x)}  # an empty product of objects is the int 0
        return gradients if self.bias is None else gradients | {"bias": sum_of(grad_output, axis=0)}

    def affine(self, input_shape: Shape) -> Affine:
        return Affine(Linear(np.abs(self.weight), check_finite=False), self.bias, summands=self.weight[0].size)
