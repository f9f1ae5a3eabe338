"""Cases by hand: the numbers of the document, zeros, ties, borders, tiny numbers, and what a large case alone shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.laws import definitions
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, IMAGE, KERNELS, LOCALIZATION_MAP, network

_HEAD = network().parameters["linear.weight"]  # (2, 12): a row for each class
_TINY = "1/1048576"  # 2^-20, of the size of the numbers that people add so that nothing is divided by 0


@dataclass(frozen=True)
class Edge:
    """A case by hand, with numbers as ``as_fractions`` takes them."""

    id: str
    comment: str
    arrays: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ("edge",)


DOCUMENT = ("document",)


def _numbers(*shape: int) -> Array:
    """Return whole numbers from -9 to 9 without a pattern."""
    return ((np.arange(np.prod(shape, dtype=int)) * 7 + 4) % 19 - 9).reshape(shape)


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _conv(
    id: str, comment: str, x: Any, weight: Any, stride: Any = 1, padding: Any = 0, bias: Any = None, **more: Any
) -> Edge:
    options = {"stride": _pair(stride), "padding": _pair(padding), "dilation": (1, 1)}
    shape = definitions.conv2d_shape(x.shape, weight.shape, **options)
    u = more.pop("grad_output", _numbers(*shape)[..., ::-1])
    return Edge(id, comment, {"x": x, "weight": weight, "bias": bias, "grad_output": u}, options, **more)


def _pool(
    id: str, comment: str, x: Any, kernel: Any, stride: Any, padding: Any = 0, u: Any = None, **more: Any
) -> Edge:
    x = np.array(x)[None, None]
    options = {"kernel_size": _pair(kernel), "stride": _pair(stride), "padding": _pair(padding)}
    u = _numbers(*definitions.pool2d_shape(x.shape, **options)) if u is None else u
    return Edge(id, comment, {"x": x, "grad_output": u}, options | more)


def _cam(id: str, comment: str, a: Any, g: Any, flags: tuple[str, ...] = ("edge",)) -> Edge:
    return Edge(id, comment, {"A": a, "g": g}, {}, flags)


_TWO_MAPS = [[[1, 3, 0], [2, 0, 4]], [[5, 0, 1], [0, 2, 3]]]
_TWO_GRADIENTS = [[[2, -1, 3], [0, 4, -2]], [[-3, 1, 0], [5, -1, 2]]]
_CAT = _cam("document-cat", "the worked example, the cat's gradients", FEATURE_MAPS, GRADIENTS, DOCUMENT)
_ELEPHANT = _cam("document-elephant", "the worked example, the elephant's gradients", FEATURE_MAPS,
                 _HEAD[1].reshape(3, 2, 2), DOCUMENT)  # fmt: skip
_CAMS = (
    _CAT,
    _cam("no-gradient", "gradients of zeros: nothing speaks for the class", _TWO_MAPS, np.zeros((2, 2, 3), int)),
    _cam("many", "more maps than rows or columns", np.abs(_numbers(4, 1, 3)), _numbers(4, 1, 3)[::-1, :, ::-1]),
)
_AGAINST = _cam("against", "every gradient is negative: all speaks against the class", _TWO_MAPS,
                -1 - np.abs(_TWO_GRADIENTS))  # fmt: skip
_QUOTIENTS = (
    *_CAMS,
    _cam("no-feature", "one of the maps is zero everywhere", [_TWO_MAPS[0], [[0, 0, 0], [0, 0, 0]]], _TWO_GRADIENTS),
    _cam("tiny-gradients", "2^-20: what is added to a divisor shows", [[[1, 0, 2]]], [[[_TINY, 0, _TINY]]]),
    _cam("tiny-features", "2^-20: what is added to a divisor shows", [[[_TINY, 0, _TINY]]], [[[1, 3, 2]]]),
)

_UNIT = np.zeros((1, 1, 3, 4), int)
_UNIT[0, 0, 1, 1] = 1

EDGES: Mapping[str, Sequence[Edge]] = {
    "conv2d": (
        _conv("document", "the worked example: the picture gives the three feature maps", IMAGE[None], KERNELS, 2,
              grad_output=GRADIENTS[None], flags=DOCUMENT),
        _conv("unit", "a picture with a single 1 shows how the kernel lies", _UNIT, _numbers(1, 1, 2, 2)),
        _conv("wide", "many columns", _numbers(1, 1, 1, 9), _numbers(1, 1, 1, 3) - 1),
        _conv("pictures", "four pictures with two channels", _numbers(4, 2, 1, 2), _numbers(2, 2, 1, 2), bias=[3, -5]),
        _conv("corners", "a kernel of 5 that reaches over the border on every side", _numbers(1, 1, 2, 3),
              _numbers(1, 1, 5, 5), padding=2),
        _conv("border", "a border so wide that some outputs see nothing else", _numbers(1, 1, 2, 3),
              _numbers(1, 1, 2, 2), padding=2, bias=[7]),
        _conv("axes", "another stride and padding for each axis", _numbers(1, 1, 4, 4), _numbers(1, 1, 3, 2),
              (1, 2), (1, 0)),
        _conv("jumps", "a stride above the kernel, with rows and columns left over", _numbers(1, 1, 4, 7),
              _numbers(1, 1, 2, 2), stride=3),
    ),
    "relu": (
        Edge("zero", "at 0 there is no derivative", {"x": [-1, 0, 1], "grad_output": [2, 3, 5]}),
        Edge("zeros", "zeros alone, and gradients of both signs", {"x": [[0, 0], [0, 0]],
             "grad_output": [[1, -2], [-3, 4]]}),
        Edge("signs", "numbers and gradients of both signs, in four axes", {"x": [[[[3, 4]], [[-2, -5]]]],
             "grad_output": [[[[5, -6]], [[7, -8]]]]}),
        Edge("tiny", "tiny numbers of both signs", {"x": [_TINY, f"-{_TINY}"], "grad_output": [3, 5]}),
        Edge("huge", "2^40 is not cut off", {"x": [2**40, -(2**40)], "grad_output": [2**40, 2**39]}),
    ),
    "max_pool2d": (
        _pool("tie", "four equal numbers in a window", [[1, 1], [1, 1]], 2, 2, u=[[[[6]]]]),
        _pool("ties", "equal numbers in windows that overlap", [[2, 2, 1], [0, 2, 2]], 2, 1),
        _pool("negative", "negative numbers alone: the border must not win", [[-3, -5, -2], [-7, -1, -4]], 2, 2, 1),
        _pool("peak", "one cell wins all windows", [[1, 2, 3], [4, 9, 5], [6, 7, 8]], 2, 1),
        _pool("axes", "another window and stride for each axis", _numbers(4, 5), (2, 1), (1, 2)),
        _pool("wide", "many columns, and one left over", _numbers(2, 9), 2, 2),
    ),
    "avg_pool2d": (
        _pool("constant", "the same number everywhere, with a border that counts", [[4, 4], [4, 4]], 2, 1, 1,
              count_include_pad=True),
        _pool("constant-alone", "the same number everywhere, with a border that does not count", [[4, 4], [4, 4]],
              2, 1, 1, count_include_pad=False),
        _pool("axes", "another window and stride for each axis", _numbers(4, 5), (2, 1), (1, 2),
              count_include_pad=True),
        _pool("wide", "many columns, and one left over", _numbers(2, 9), 2, 2, count_include_pad=True),
    ),
    "linear": (
        Edge("document", "the linear head of the worked example", {"x": FEATURE_MAPS.reshape(1, 12), "weight": _HEAD,
             "bias": None, "grad_output": [[1, 0]]}, flags=DOCUMENT),
        Edge("pictures", "four pictures, and as many outputs as features", {"x": _numbers(4, 3),
             "weight": _numbers(3, 3) + 1, "bias": [2, -3, 1], "grad_output": _numbers(4, 3)[::-1]}),
    ),
    "softmax_cross_entropy": (
        Edge("equal", "equal scores: each class has the same share", {"scores": [[2, 2, 2, 2]], "labels": [1]}),
        Edge("far", "the label's share is too small for a float: no log 0", {"scores": [[0, 1000, 3]], "labels": [0]}),
        Edge("sure", "the label's share is 1 in floats", {"scores": [[-1000, 0]], "labels": [1]}),
        Edge("large", "scores above 709: no overflow", {"scores": [[1000, 1001], [-1000, -1002]], "labels": [0, 1]}),
    ),
    "grad_cam": (*_CAMS, _ELEPHANT, _AGAINST),
    "grad_cam_plus_plus": _QUOTIENTS,
    "xgrad_cam": _QUOTIENTS,
    "hirescam": _CAMS,
    "element_wise_grad_cam": _CAMS,
    "layercam": (*_CAMS, _AGAINST),
    "resize": (
        Edge("document", "the map of the worked example, twice as large", {"heat": LOCALIZATION_MAP},
             {"size": (4, 4)}, DOCUMENT),
        Edge("row", "shows where the new cells lie", {"heat": [[0, 4, 8]]}, {"size": (1, 7)}),
        Edge("one", "to a single cell", {"heat": _numbers(2, 3)}, {"size": (1, 1)}),
        Edge("smaller", "to half the size", {"heat": _numbers(4, 2)}, {"size": (2, 1)}),
    ),
    "normalise": (
        Edge("document", "the map of the worked example", {"heat": LOCALIZATION_MAP}, flags=DOCUMENT),
        Edge("zeros", "nothing to divide by", {"heat": [[0, 0, 0], [0, 0, 0]]}),
        Edge("constant", "the same number everywhere is evidence everywhere", {"heat": [[3, 3], [3, 3]]}),
        Edge("tiny", "2^-20: what is added to a divisor shows", {"heat": [[0, _TINY, "1/2097152"]]}),
        Edge("against", "the largest number is 0", {"heat": [[-4, 0, -1]]}),
    ),
    "overlay": (
        Edge("white", "white over white stays white", {"image": np.ones((3, 1, 2), int),
             "heat": np.ones((3, 1, 2), int)}, {"opacity": "1/2"}),
        Edge("channels", "an opacity that is not one half, three different channels",
             {"image": [[["1", "0"]], [["1/2", "0"]], [["0", "1/4"]]], "heat": [[["0", "1"]], [["1", "1/2"]],
              [["1/8", "1"]]]}, {"opacity": "1/4"}),
    ),
}  # fmt: skip
"""For each operation its cases by hand."""
