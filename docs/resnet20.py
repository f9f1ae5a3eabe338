"""Build a ResNet-20 for the drawings, train it, and measure where its maps lie, as docs/drawings.md shows.

    OPENBLAS_NUM_THREADS=1 python docs/resnet20.py  # such small products are no faster with two threads

It is the network for small pictures of He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section
4.2, with three differences. It has no batch norm. Its first convolution has stride 2, so that a step takes a quarter of
the time. Where the number of channels changes, the shortcut of a block is a convolution of one cell.
"""

import time
from dataclasses import replace

import numpy as np

from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, Residual
from numpycam.experiments.drawings import CLASS_NAMES, draw
from numpycam.experiments.pretrained import measure
from numpycam.experiments.training import fit
from numpycam.metrics import energy_inside
from numpycam.resize import resize
from numpycam.text import in_columns

WIDTHS, BLOCKS = (16, 32, 64), 3  # the channels of each stage, and how many blocks it has
RATES = (0.003,) * 4 + (0.001,)  # the learning rate of each epoch


def resnet20(seed=0):
    """Return the network before training: a convolution, nine blocks of two, and a linear layer."""
    rng = np.random.default_rng(seed)
    first = conv(rng, 1, WIDTHS[0], stride=2)
    # Pixels are in 0 … 1. With this bias, the network begins as if 0.5 were subtracted from them and from the padding.
    first = replace(first, bias=-0.5 * first.weight.sum(axis=(1, 2, 3)))
    layers = [("conv", first), ("relu", ReLU())]  # (N, 1, 32, 32) -> (N, 16, 16, 16)
    for n, (channels, width) in enumerate(zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False), start=1):
        layers.append((f"stage{n}", stage(rng, channels, width)))  # -> (N, 16, 16, 16), (N, 32, 8, 8), (N, 64, 4, 4)
    scores = Linear(normal(rng, len(CLASS_NAMES), WIDTHS[-1]), np.zeros(len(CLASS_NAMES), np.float32))
    return Network([*layers, ("mean", GlobalAvgPool2d()), ("scores", scores)], target_layer=f"stage{len(WIDTHS)}")


def stage(rng, channels, width):
    """Return a network of blocks, each with a ReLU after it. If the channels change, the first block has stride 2."""
    layers = []
    for n in range(1, BLOCKS + 1):
        layers += [(f"block{n}", block(rng, channels, width, 1 if channels == width else 2)), (f"relu{n}", ReLU())]
        channels = width
    return Network(layers)


def block(rng, channels, width, stride):
    """Return a residual block of two convolutions."""
    last = conv(rng, width, width)
    # With random weights here, body(x) would be as large as x or larger, and the values would grow from block to block,
    # through all nine some forty times; batch norm would prevent that. With zeros, a block begins with what its
    # shortcut returns, and learns what to add. (The zeros do learn: a weight's gradient is made of the layer's input.)
    last = replace(last, weight=0 * last.weight)
    body = [("conv1", conv(rng, channels, width, stride=stride)), ("relu", ReLU()), ("conv2", last)]
    shortcut = [] if channels == width else [("conv", conv(rng, channels, width, size=1, stride=stride))]
    return Residual(Network(body), Network(shortcut))


def conv(rng, channels, width, size=3, stride=1):
    """Return a convolution that keeps height and width, but for the stride."""
    weight = normal(rng, width, channels, size, size)
    return Conv2d(weight, np.zeros(width, np.float32), stride, padding=size // 2)


def normal(rng, *shape):
    """Return random weights. They keep the size of the values between one ReLU and the next (He et al., ICCV 2015)."""
    return (np.sqrt(2 / np.prod(shape[1:])) * rng.standard_normal(shape)).astype(np.float32)


def train(network, drawings, rates=RATES):
    """Return the network after one epoch for each rate, and the losses of all steps."""
    losses = []
    for epoch, rate in enumerate(rates):
        network, some = fit(
            network, drawings.images, drawings.labels, epochs=1, batch_size=8, learning_rate=rate, seed=epoch
        )
        losses += [*some]
    return network, losses


def table(network, drawings):
    """Return what ``measure`` finds for the maps at the end of each stage, in per cent."""
    rows = [("maps", "class", "right answers", "peak on it", "map on it", "mask on it", "its area")]
    for n in range(1, len(WIDTHS) + 1):
        *_, height, width = network.shapes(drawings.images.shape)[f"stage{n}"]
        found = measure(replace(network, target_layer=f"stage{n}"), drawings)
        for c, animal in enumerate(CLASS_NAMES):
            masks = drawings.masks[drawings.labels[:, c], c]
            ideal = energy_inside(resize(in_cells(masks, height, width), masks.shape[1:]), masks).mean()
            numbers = found.accuracy[c], found.pointing[c], found.energy[c, c], ideal, found.area[c]
            rows.append((f"stage{n}, {height} × {width}", animal, *(f"{100 * number:.1f}" for number in numbers)))
    return "\n".join(in_columns(rows, "<<>>>>>"))


def in_cells(masks, height, width):
    """Return masks of height × width cells: the share of each cell that is covered."""
    count, rows, columns = masks.shape
    return masks.reshape(count, height, rows // height, width, columns // width).mean(axis=(2, 4))


if __name__ == "__main__":
    lesson, exam = draw(2000, seed=1), draw(1000, seed=2)
    network = resnet20()
    rows = network.summary(lesson.images.shape[1:]).rows
    print(
        f"{sum(row.parameters for row in rows):,} parameters, {sum(row.multiply_adds for row in rows):,} multiply-adds"
    )
    start = time.process_time()
    network, losses = train(network, lesson)
    seconds = time.process_time() - start
    print(f"{len(losses)} steps in {seconds:.0f} seconds of a processor, to a loss of {np.mean(losses[-100:]):.3f}")
    print(table(network, exam))
