"""Layers as a user writes them: derived from numpycam's own and computing something else, or from Layer alone."""

from dataclasses import dataclass, replace

import numpy as np

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear, Network, ReLU


class Clip(ReLU):
    """y = min(max(x, 0), 6)."""

    def forward(self, x):
        return np.minimum(np.maximum(x, 0), 6)

    def backward(self, grad_output, x):
        return grad_output * ((x > 0) & (x < 6))


class Double(Conv2d):
    """y = 2 conv(x)."""

    def forward(self, x):
        return 2 * super().forward(x)

    def backward(self, grad_output, x):
        return 2 * super().backward(grad_output, x)


class DoubleThatSaysSo(Double):
    """The same, with its answers."""

    is_rectifier = False

    def affine(self, input_shape):
        parts = Conv2d.affine(self, input_shape)
        absolute = Conv2d(2 * parts.absolute.weight, None, self.stride, self.padding, self.dilation)
        return parts._replace(absolute=absolute, offset=None if parts.offset is None else 2 * parts.offset)

    def parameter_gradients(self, grad_output, x):
        return Conv2d.parameter_gradients(self, 2 * grad_output, x)

    def sees(self):
        return self.window


class Skip(Network):
    """y = layers(x) + x."""

    def forward(self, x):
        return super().forward(x) + x

    def backward(self, grad_output, x):
        return super().backward(grad_output, x) + grad_output


class Maximum(GlobalAvgPool2d):
    """The largest cell of each map."""

    def forward(self, x):
        return x.max(axis=(2, 3))

    def backward(self, grad_output, x):
        return grad_output[:, :, None, None] * (x == x.max(axis=(2, 3), keepdims=True))


class Backwards(Flatten):
    """The numbers of each image in one row, the last one first."""

    def forward(self, x):
        return super().forward(x)[:, ::-1]

    def backward(self, grad_output, x):
        return super().backward(grad_output[:, ::-1], x)


class Squashed(Linear):
    """y = tanh(linear(x))."""

    def forward(self, x):
        return np.tanh(super().forward(x))

    def backward(self, grad_output, x):
        return super().backward(grad_output * (1 - self.forward(x) ** 2), x)


@dataclass(frozen=True, eq=False, repr=False)
class Wrapping(Layer):
    """A layer with another one in a field: y = inside(x)."""

    inside: Layer

    def output_shape(self, input_shape):
        return self.inside.output_shape(input_shape)

    def forward(self, x):
        return self.inside.forward(x)

    def backward(self, grad_output, x):
        return self.inside.backward(grad_output, x)


@dataclass(frozen=True, eq=False, repr=False)
class Hiding(Layer):
    """A layer with others in a tuple, where ``parameters`` does not see them: y = the last of them(… x)."""

    layers: tuple

    def output_shape(self, input_shape):
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape)
        return input_shape

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_output, x):
        inputs = [x]
        for layer in self.layers:
            inputs.append(layer.forward(inputs[-1]))
        for layer, of_it in zip(reversed(self.layers), reversed(inputs[:-1]), strict=True):
            grad_output = layer.backward(grad_output, of_it)
        return grad_output


@dataclass(frozen=True, eq=False, repr=False)
class Scale(Layer):
    """y = factor · x, with three methods and nothing else."""

    factor: np.ndarray

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return self.factor * x

    def backward(self, grad_output, x):
        return self.factor * grad_output


class ScaleThatLearns(Scale):
    """The same with a gradient by its factor, a number."""

    def parameter_gradients(self, grad_output, x):
        return {"factor": np.asarray((grad_output * x).sum())}


class Square(Layer):
    """y = x², which says nothing about itself."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return x * x

    def backward(self, grad_output, x):
        return 2 * x * grad_output


class Mixin:
    """Changes what comes out, without deriving from a layer."""

    def forward(self, x):
        return 3 * super().forward(x)

    def backward(self, grad_output, x):
        return 3 * super().backward(grad_output, x)


class MixedConv(Mixin, Conv2d):
    """y = 3 conv(x), by way of a mixin."""


def doubled(layer):
    """What Double is as a plain convolution."""
    return replace(layer, weight=2 * layer.weight, bias=None if layer.bias is None else 2 * layer.bias)
