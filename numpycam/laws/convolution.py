"""The laws of a convolution and of its gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.book import Option, Signature, dot
from numpycam.laws.cases import Case, Numbers
from numpycam.laws.verify import Laws

OPTIONS = {
    "stride": Option(("stride", "strides", "s"), (1, 1)),
    "padding": Option(("padding", "pad", "pads", "p"), (0, 0)),
    "dilation": Option(("dilation", "dilations", "dilation_rate", "d"), (1, 1)),
}

CHOICES: dict[str, Sequence[Any]] = {
    "padding": [(0, 0), (1, 1), (0, 1), (2, 1)],
    "stride": [(1, 1), (2, 2), (1, 2), (3, 1)],
    "kernel": [(1, 1), (2, 2), (2, 3), (3, 2), (3, 3)],
    "channels": [1, 2],
    "maps": [1, 2, 3],
    "batch": [1, 2],
    "dilation": [(1, 1), (2, 2), (1, 2)],
    "bias": [False, True],
    "places": [(1, 1), (1, 2), (2, 2), (2, 3), (3, 2)],  # outputs, where nothing is padded
    "rest": [(0, 0), (1, 0), (0, 1)],  # rows and columns beyond the last window
}


def _make(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]] | None:
    kernel, stride, padding, dilation = (setting[name] for name in ("kernel", "stride", "padding", "dilation"))
    sizes = zip(kernel, stride, padding, dilation, setting["places"], setting["rest"], strict=True)
    size = tuple(max(1, d * (k - 1) + 1 + s * (n - 1) + more - 2 * p * (n == 1)) for k, s, p, d, n, more in sizes)
    if setting["rest"] != (0, 0) and all(s <= more for s, more in zip(stride, setting["rest"], strict=True)):
        return None
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    arrays: dict[str, Any] = {
        "x": numbers.array("x", (setting["batch"], setting["channels"], *size)),
        "weight": numbers.array("W", (setting["maps"], setting["channels"], *kernel)),
        "bias": numbers.array("b", (setting["maps"],)) if setting["bias"] else None,
    }
    shape = definitions.conv2d_shape(arrays["x"].shape, arrays["weight"].shape, **options)
    return arrays | {"grad_output": numbers.array("u", shape)}, options


conv2d = Laws(
    name="conv2d",
    signatures={
        "forward": Signature(("x", "weight", "bias"), ("y",), may_lack=("bias",)),
        "backward": Signature(("grad_output", "x", "weight"), ("dx", "dw", "db")),
    },
    reference={"forward": definitions.conv2d, "backward": definitions.conv2d_backward},
    choices=CHOICES,
    make=_make,
    options=OPTIONS,
    axes={
        **dict.fromkeys(("x", "y", "dx", "grad_output"), "NCHW"),
        **dict.fromkeys(("weight", "dw"), "OIHW"),
        **dict.fromkeys(("bias", "db"), "O"),
    },
    traits={
        "with padding": lambda case: case["padding"] != (0, 0),
        "without padding": lambda case: case["padding"] == (0, 0),
        "with a stride": lambda case: case["stride"] != (1, 1),
        "with a dilation": lambda case: case["dilation"] != (1, 1),
        "with different strides": lambda case: case["stride"][0] != case["stride"][1],
        "with different paddings": lambda case: case["padding"][0] != case["padding"][1],
        "with a kernel that is not square": lambda case: case["weight"].shape[2] != case["weight"].shape[3],
        "with a picture that is not square": lambda case: case["x"].shape[2] != case["x"].shape[3],
        "with several pictures": lambda case: len(case["x"]) > 1,
        "with several channels": lambda case: case["x"].shape[1] > 1,
        "with several places": lambda case: case["grad_output"][0, 0].size > 1,
        "with several rows of places": lambda case: case["grad_output"].shape[2] > 1,
        "with several cells in a map of y, in all pictures": lambda case: case["grad_output"][:, 0].size > 1,
        "with several maps": lambda case: len(case["weight"]) > 1,
        "with as many maps as channels": lambda case: case["weight"].shape[0] == case["weight"].shape[1],
        "with a bias": lambda case: case["bias"] is not None,
        "with a kernel of several cells": lambda case: case["weight"][0, 0].size > 1,
        "with rows or columns that no window reaches": lambda case: _has_rest(case),
        "where windows overlap": lambda case: any(
            s < k for s, k in zip(case["stride"], case["weight"].shape[2:], strict=True)
        ),
    },
    measures={
        "the number of pictures": lambda case: len(case["x"]),
        "the number of cells of a map": lambda case: case["grad_output"][0, 0].size,
        "the number of all cells of a map, in all pictures": lambda case: case["grad_output"][:, 0].size,
        "the number of cells of the kernel": lambda case: case["weight"][0, 0].size,
    },
    large=[
        {"places": (5, 7), "kernel": (3, 3), "channels": 3, "maps": 4, "batch": 2, "padding": (1, 1)},
        {"places": (6, 4), "kernel": (5, 5), "channels": 2, "maps": 3, "batch": 4, "bias": True},
        {"places": (4, 9), "kernel": (5, 3), "channels": 3, "maps": 2, "stride": (2, 1), "padding": (2, 1)},
        {
            "places": (3, 4),
            "kernel": (3, 2),
            "channels": 2,
            "maps": 2,
            "stride": (2, 3),
            "dilation": (2, 1),
            "bias": True,
        },
    ],
)


def _has_rest(case: Case) -> bool:
    sizes = zip(case["x"].shape[2:], case["weight"].shape[2:], *case.options.values(), strict=True)
    return any((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in sizes)


def turned(weight: Any) -> Any:
    """Return the kernels turned by 180°."""
    return weight[:, :, ::-1, ::-1]


@conv2d.law(
    "size",
    "the size of y = ⌊(n + 2p - d(k - 1) - 1)/s⌋ + 1",
    about="y",
    where="for n rows or columns, padding p, dilation d, a kernel of k and stride s: one output for each place",
)
def _size(y: Any, right_y: Any) -> Any:
    return np.array(y.shape), np.array(right_y.shape)


@conv2d.law(
    "definition",
    "y[n, o, i, j] = b[o] + Σ_{c,u,v} W[o, c, u, v] · x_padded[n, c, s i + d u, s j + d v]",
    about="y",
    where="cross-correlation: the kernel is not turned",
)
def _definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@conv2d.law("linear-x", "conv(2x + x', W) = 2 conv(x, W) + conv(x', W)", about="y", where="without a bias")
def _linear_x(y_of: Any, y: Any, x: Any, bias: Any) -> Any:
    other = x[..., ::-1] + 1
    return None if bias is not None else (y_of(x=2 * x + other), 2 * y + y_of(x=other))


@conv2d.law("linear-w", "conv(x, 2W + W') = 2 conv(x, W) + conv(x, W')", about="y", where="without a bias")
def _linear_w(y_of: Any, y: Any, weight: Any, bias: Any) -> Any:
    other = turned(weight) - 1
    return None if bias is not None else (y_of(weight=2 * weight + other), 2 * y + y_of(weight=other))


@conv2d.law("batch", "conv of a batch = the convs of its pictures", about="y", where="no picture sees another one")
def _batch(y: Any, y_of: Any, x: Any) -> Any:
    return None if len(x) == 1 else (y, np.concatenate([y_of(x=x[n : n + 1]) for n in range(len(x))]))


@conv2d.law(
    "adjoint-x",
    "⟨conv(x, W), u⟩ = ⟨x, dx⟩",
    about="dx",
    where="for all x, W, u, without a bias: given conv, this fixes dx",
    multilinear=True,
)
def _adjoint_x(y_of: Any, grad_output: Any, x: Any, dx: Any) -> Any:
    return dot(y_of(bias=None), grad_output), _product(x, dx)


@conv2d.law(
    "adjoint-w",
    "⟨conv(x, W), u⟩ = ⟨W, dW⟩",
    about="dw",
    where="for all x, W, u, without a bias: given conv, this fixes dW",
    multilinear=True,
)
def _adjoint_w(y_of: Any, grad_output: Any, weight: Any, dw: Any) -> Any:
    return dot(y_of(bias=None), grad_output), _product(weight, dw)


def _product(a: Any, b: Any) -> Any:
    """Return ⟨a, b⟩, or, if their shapes differ, the shapes, which equal no number."""
    return dot(a, b) if a.shape == b.shape else np.array([a.shape, b.shape], dtype=object)


@conv2d.law("bias", "db[o] = Σ_{n,i,j} u[n, o, i, j]", about="db", where="the bias is added to each cell of map o")
def _bias(db: Any, grad_output: Any) -> Any:
    return db, grad_output.sum(axis=(0, 2, 3))
