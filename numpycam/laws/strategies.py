"""What the properties draw: small, exact, never square.

Values are small integers: as float64 they make convolution exact at the speed of floats, as
Fractions (over a small denominator) they stay exact where something divides. Sizes are constructed
to fit, not filtered; heights and widths always differ, and so do those of kernels.
"""

import math
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from numpycam.core.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
from numpycam.core.residual import Residual
from numpycam.network import Network

KINDS = ("float64", "fraction")
HEADS, POOLS = ("linear", "gap", "deep"), (MaxPool2d, AvgPool2d)

# Every draw takes its time, and to make a strategy takes more: so some draw several numbers at once, and all are kept.

VALUES = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4])
"""The smallest first, so that a counterexample shrinks towards zeros and ones."""
FRACTIONS = [np.array([Fraction(int(value), d) for value in VALUES], dtype=object) for d in (1, 2, 3)]


class Cells(NamedTuple):
    """How many values a cell has, of how many of them it takes one, and as many cells as one whole number holds.

    All are equally likely then: Hypothesis draws numbers of more than 24 bits so that most of them are small.
    """

    base: int
    few: st.SearchStrategy[int]
    at_once: int
    number: st.SearchStrategy[int]

    @classmethod
    def up_to(cls, largest: Any) -> Any:
        """Return how to draw cells from -largest to largest."""
        base = 2 * largest + 1
        at_once = int(24 / math.log2(base))
        return cls(base, st.sampled_from([2, 3, *[base] * 4]), at_once, st.integers(0, base**at_once - 1))


CELLS = {largest: Cells.up_to(largest) for largest in range(1, 5)}
DENOMINATORS = st.sampled_from(FRACTIONS)


def tensor(draw: Any, shape: Any, kind: Any = "fraction", largest: Any = 4) -> Any:
    """Draw an array of small integers, as float64 or as Fractions over a small denominator.

    Whole numbers are drawn whose digits are the cells. One array in three has few different values: zeros and ties.
    """
    values = VALUES.astype(np.float64) if kind == "float64" else draw(DENOMINATORS)
    (base, few, at_once, number), size = CELLS[largest], math.prod(shape)
    count, numbers = draw(few), [draw(number) for _ in range(0, size, at_once)]
    digits = np.array(numbers, dtype=int)[:, None] // base ** np.arange(at_once) % base
    return values[digits.ravel()[:size].reshape(shape) % count]


tensors = st.composite(tensor)


sampled = cache(st.sampled_from)


def kinds() -> Any:
    """Draw a kind of numbers."""
    return sampled(KINDS)


@cache
def within(*bounds: Any) -> Any:
    """As many whole numbers as there are bounds (low, high), all at once."""
    return st.sampled_from([*product(*(range(low, high + 1) for low, high in bounds))])


@cache
def sides(low: Any, high: Any) -> Any:
    """Draw a (height, width) of different numbers."""
    return st.sampled_from([*permutations(range(low, high + 1), 2)])


@st.composite
def maps_and_gradients(draw: Any, count: Any = 2, kind: Any = "fraction") -> Any:
    """Arrays of one shape (K, H, W): A, g, and more if asked for."""
    shape = *draw(within((1, 3))), *draw(sides(1, 4))
    return [tensor(draw, shape, kind) for _ in range(count)]


class ConvCase(NamedTuple):
    """A convolution and an input."""

    layer: Conv2d
    x: np.ndarray
    kind: str


@st.composite
def conv_cases(
    draw: Any,
    kind: Any = None,
    bias: Any = False,
    padding: Any = None,
    stride: Any = None,
    dilation: Any = None,
) -> Any:
    """Draw a convolution and an input that it fits; in at least half of the cases windows overlap wherever they can."""
    kind = draw(kinds()) if kind is None else kind
    channels, out_channels, batch = draw(within((1, 3), (1, 3), (1, 3)))
    kernel = draw(sides(1, 3))
    stride = _strides(draw, kernel) if stride is None else stride
    padding = draw(within((0, 2), (0, 2))) if padding is None else padding
    dilation = draw(within((1, 2), (1, 2))) if dilation is None else dilation
    size = _input_sizes(draw, kernel, padding, dilation)
    weight = tensor(draw, (out_channels, channels, *kernel), kind)
    offsets = tensor(draw, (out_channels,), kind) if bias else None
    x = tensor(draw, (batch, channels, *size), kind)
    return ConvCase(Conv2d(weight, offsets, stride, padding, dilation), x, kind)


def _strides(draw: Any, kernel: Any) -> Any:
    """Strides smaller than the kernel in half of the cases (1 where it has one cell), else any."""
    overlapping = draw(sampled((False, True)))
    return draw(within(*((1, max(1, k - 1) if overlapping else 3) for k in kernel)))


def _input_sizes(draw: Any, kernel: Any, padding: Any, dilation: Any) -> Any:
    """Return a size that the window fits into."""
    smallest = [d * (k - 1) + 1 - 2 * p for k, p, d in zip(kernel, padding, dilation, strict=True)]
    height, width = (max(1, low + more) for low, more in zip(smallest, draw(within((0, 3), (0, 3))), strict=True))
    return height, width + (width == height)


class NetworkCase(NamedTuple):
    """A network and an input."""

    network: Network
    x: np.ndarray


@st.composite
def network_cases(draw: Any, bias: Any = True, head: Any = None, kind: Any = "fraction") -> Any:
    """Draw a network of piecewise linear layers with scores for two classes, and an input.

    conv - ReLU - max or average pool - conv ("target") - then one of three heads: "linear" (Flatten and Linear),
    "gap" (global average and Linear) or "deep" (ReLU, max pool, Flatten, Linear).
    """
    maps, hidden, batch = draw(within((1, 2), (2, 3), (1, 2)))
    head = draw(sampled(HEADS)) if head is None else head

    def offsets(length: Any) -> Any:
        return tensor(draw, (length,), kind) if bias else None

    pool = draw(sampled(POOLS))
    body: list[Any] = [
        ("conv", Conv2d(tensor(draw, (maps, 1, 2, 3), kind), offsets(maps), padding=(0, 1))),
        ("relu", ReLU()),
        ("pool", pool((2, 1), stride=(1, 1))),
        ("target", Conv2d(tensor(draw, (hidden, maps, 1, 2), kind), offsets(hidden))),
    ]
    heads: dict[str, list[Any]] = {
        "linear": [("flatten", Flatten())],
        "gap": [("gap", GlobalAvgPool2d())],
        "deep": [("relu2", ReLU()), ("pool2", MaxPool2d((1, 2), stride=1)), ("flatten", Flatten())],
    }
    x = tensor(draw, (batch, 1, 4, 5), kind)
    headless = Network([*body, *heads[head]])
    features = headless.output_shape(x.shape)[1]
    classifier = Linear(tensor(draw, (2, features), kind), offsets(2))
    return NetworkCase(Network([*body, *heads[head], ("linear", classifier)], target_layer="target"), x)


@st.composite
def residual_cases(draw: Any, bias: Any = True, kind: Any = "fraction") -> Any:
    """Draw a network with a residual block or two and scores for two classes, and an input.

    conv - ReLU - block - ReLU ("target") - global average - Linear. A block is conv - ReLU - conv, with a shortcut that
    is x itself or a convolution of one cell. Half of the blocks have another one in the place of their second
    convolution.
    """
    maps, hidden, batch = draw(within((1, 2), (1, 2), (1, 2)))

    def conv(out: Any, channels: Any, *size: Any, **options: Any) -> Any:
        offsets = tensor(draw, (out,), kind, largest=2) if bias and draw(st.booleans()) else None
        return Conv2d(tensor(draw, (out, channels, *size), kind, largest=2), offsets, **options)

    def block(out: Any, channels: Any, may_nest: Any = True) -> Any:
        last = ("conv2", conv(out, out, 1, 1))
        if may_nest and draw(st.booleans()):
            last = ("block", block(out, out, may_nest=False))
        body = [("conv1", conv(out, channels, 3, 1, padding=(1, 0))), ("relu", ReLU()), last]
        is_identity = out == channels and draw(st.booleans())
        shortcut = [] if is_identity else [("conv", conv(out, channels, 1, 1))]
        return Residual(Network(body), Network(shortcut))

    layers = [
        ("conv", conv(maps, 1, 2, 2)),
        ("relu", ReLU()),
        ("block", block(hidden, maps)),
        ("target", ReLU()),
        ("gap", GlobalAvgPool2d()),
        ("linear", Linear(tensor(draw, (2, hidden), kind))),
    ]
    return NetworkCase(Network(layers), tensor(draw, (batch, 1, 3, 4), kind, largest=2))
