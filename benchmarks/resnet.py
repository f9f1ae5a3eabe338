"""ResNet-18 and ResNet-50 as torchvision has them, with random parameters.

("norm", γ, β, mean, variance) is a batch norm in eval mode. ("block", body, shortcut) is relu(body(x) + shortcut(x)).
"""

import math

import numpy as np

EPSILON = 1e-5  # of the batch norm
BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}  # in each of the four stages


def resnet(depth, draw):
    layers, channels = [*_convolutions(draw, 3, (7, 64, 2)), ("relu",), ("pool", 3, 2, 1)], 64
    for stage, count in enumerate(BLOCKS[depth]):
        width, stride = 64 * 2**stage, 1 if stage == 0 else 2
        for stride_of_block in (stride, *[1] * (count - 1)):
            basic = (3, width, stride_of_block), (3, width, 1)
            bottleneck = (1, width, 1), (3, width, stride_of_block), (1, 4 * width, 1)
            layers.append(_block(draw, channels, bottleneck if depth == 50 else basic, stride_of_block))
            channels = 4 * width if depth == 50 else width
    weight = draw(1000, channels) * np.float32(math.sqrt(2 / channels))
    return [*layers, ("gap",), ("linear", weight, draw(1000) * np.float32(0.1))]


def _block(draw, channels, convolutions, stride):
    _, out_channels, _ = convolutions[-1]
    keeps_shape = channels == out_channels and stride == 1
    shortcut = [] if keeps_shape else _convolutions(draw, channels, (1, out_channels, stride))
    return "block", _convolutions(draw, channels, *convolutions), shortcut


def _convolutions(draw, channels, *convolutions):
    """Convolutions (size, channels, stride) without bias, each with a batch norm, and a ReLU between two.

    He's weights double the mean square of what goes in. So a batch norm finds a variance near 2 in a training.
    """
    layers = []
    for size, out_channels, stride in convolutions:
        weight = draw(out_channels, channels, size, size) * np.float32(math.sqrt(2 / (channels * size**2)))
        (scale, variance), (shift, mean) = np.exp(draw(2, out_channels) / 5), draw(2, out_channels) / 10
        layers += [("conv", weight, None, stride, size // 2), ("norm", scale, shift, mean, 2 * variance), ("relu",)]
        channels = out_channels
    return layers[:-1]


def folded(layers):
    """Put each batch norm into the convolution before it: γ / √(variance + ε) · (W x - mean) + β."""
    result = []
    for kind, *values in layers:
        if kind == "norm":
            (_, weight, _, *window), (scale, shift, mean, variance) = result.pop(), values
            scale = scale / np.sqrt(variance + EPSILON)
            result.append(("conv", scale[:, None, None, None] * weight, shift - scale * mean, *window))
        else:
            result.append((kind, *map(folded, values)) if kind == "block" else (kind, *values))
    return result
