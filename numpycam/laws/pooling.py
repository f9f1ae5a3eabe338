"""The laws of max and average pooling."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.book import Option, Signature, differ, dot
from numpycam.laws.cases import Case, Numbers
from numpycam.laws.verify import Laws

OPTIONS = {
    "kernel_size": Option(("kernel_size", "size", "kernel", "k", "f", "pool_size", "pool", "window")),
    "stride": Option(("stride", "strides", "s"), "kernel_size"),
    "padding": Option(("padding", "pad", "p"), (0, 0)),
}
BORDER = {"count_include_pad": Option(("count_include_pad", "include_pad", "count_padding"), True)}

CHOICES: dict[str, Sequence[Any]] = {
    "kernel_size": [(2, 2), (1, 2), (2, 1), (2, 3), (3, 3)],
    "stride": [(2, 2), (1, 1), (1, 2), (3, 2)],
    "padding": [(0, 0), (1, 1), (1, 0)],
    "places": [(1, 1), (1, 2), (2, 2), (2, 3), (3, 2)],
    "channels": [1, 2],
    "batch": [1, 2],
    "rest": [(0, 0), (1, 0), (0, 1)],
}

LARGE = [
    {"places": (4, 6), "kernel_size": (3, 2), "stride": (2, 1), "channels": 3, "batch": 4},
    {"places": (5, 3), "kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1), "channels": 2, "batch": 2},
]

TRAITS = {
    "with padding": lambda case: case["padding"] != (0, 0),
    "where windows overlap": lambda case: any(s < k for s, k in zip(case["stride"], case["kernel_size"], strict=True)),
    "with a stride other than the window": lambda case: case["stride"] != case["kernel_size"],
    "with a window that is not square": lambda case: case["kernel_size"][0] != case["kernel_size"][1],
    "with several places": lambda case: case["grad_output"][0, 0].size > 1,
    "with several channels": lambda case: case["x"].shape[1] > 1,
    "with several pictures": lambda case: len(case["x"]) > 1,
    "with negative numbers alone": lambda case: bool((case["x"] < 0).all()),
    "with rows or columns that no window reaches": lambda case: _has_rest(case),
}
MEASURES = {
    "the number of cells of the window": lambda case: case["kernel_size"][0] * case["kernel_size"][1],
    "the height of the window": lambda case: case["kernel_size"][0],
    "the number of pictures": lambda case: len(case["x"]),
}
AXES = dict.fromkeys(("x", "y", "dx", "grad_output"), "NCHW")


def _has_rest(case: Case) -> bool:
    """Whether the last window ends before the picture and its border do."""
    sizes = zip(case["x"].shape[2:], case["kernel_size"], case["stride"], case["padding"], strict=True)
    return any((n + 2 * p - k) % s for n, k, s, p in sizes)


SIGNATURES = {"forward": Signature(("x",), ("y",)), "backward": Signature(("grad_output", "x"), ("dx",))}


def _make(among: str) -> Any:
    def make(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]] | None:
        kernel, stride, padding = (setting[name] for name in ("kernel_size", "stride", "padding"))
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            return None
        sizes = zip(kernel, stride, padding, setting["places"], setting["rest"], strict=True)
        size = tuple(max(1, k + s * (n - 1) + more - 2 * p * (n == 1)) for k, s, p, n, more in sizes)
        options = {"kernel_size": kernel, "stride": stride, "padding": padding}
        x = numbers.array("x", (setting["batch"], setting["channels"], *size), among)
        arrays = {"x": x, "grad_output": numbers.array("u", definitions.pool2d_shape(x.shape, **options))}
        return arrays, options | {name: setting[name] for name in BORDER if name in setting}

    return make


max_pool2d = Laws(
    name="max_pool2d",
    signatures=SIGNATURES,
    reference={"forward": definitions.max_pool2d, "backward": definitions.max_pool2d_backward},
    choices=CHOICES,
    make=_make("distinct"),
    fits=lambda x, **others: differ(x),
    options=OPTIONS,
    axes=AXES,
    traits=TRAITS,
    measures=MEASURES,
    large=LARGE,
)

avg_pool2d = Laws(
    name="avg_pool2d",
    signatures=SIGNATURES,
    reference={"forward": definitions.avg_pool2d, "backward": definitions.avg_pool2d_backward},
    choices=CHOICES | {"count_include_pad": [True, False]},
    make=_make("all"),
    options=OPTIONS | BORDER,
    axes=AXES,
    traits=TRAITS,
    measures=MEASURES,
    large=LARGE,
)


def _make_global(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    shape = setting["batch"], setting["channels"]
    return {"x": numbers.array("x", (*shape, *setting["size"])), "grad_output": numbers.array("u", shape)}, {}


global_avg_pool2d = Laws(
    name="global_avg_pool2d",
    signatures=SIGNATURES,
    reference={"forward": definitions.global_avg_pool2d, "backward": definitions.global_avg_pool2d_backward},
    choices={"size": [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (4, 5)], "channels": [1, 2, 3], "batch": [1, 2, 4]},
    make=_make_global,
    reach=3,
    traits={
        "with several cells": lambda case: case["x"][0, 0].size > 1,
        "with several channels": lambda case: case["x"].shape[1] > 1,
        "with several pictures": lambda case: len(case["x"]) > 1,
    },
)


def _size(y: Any, right_y: Any) -> Any:
    return np.array(y.shape), np.array(right_y.shape)


for _book in (max_pool2d, avg_pool2d):
    _book.law("size", "the size of y = ⌊(n + 2p - k)/s⌋ + 1", about="y", where="one output for each place")(_size)


@max_pool2d.law("definition", "y[n, c, i, j] = the largest x in the window", about="y", where="the border never wins")
def _max_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@max_pool2d.law("winners", "dx = Σ u of the windows that a cell wins", about="dx", where="no two cells are equal")
def _max_winners(dx: Any, right_dx: Any) -> Any:
    return dx, right_dx


@max_pool2d.law("mass", "Σ dx = Σ u", about="dx", where="each window has one winner, which gets all of u")
def _max_mass(dx: Any, grad_output: Any) -> Any:
    return dx.sum(), grad_output.sum()


@max_pool2d.law("euler", "⟨dx, x⟩ = ⟨u, y⟩", about="dx", where="for all x and u")
def _max_euler(dx: Any, x: Any, grad_output: Any, y: Any) -> Any:
    return dot(dx, x) if dx.shape == x.shape else dx, dot(grad_output, y)


@max_pool2d.convention("tie", "equal numbers in a window: who gets the gradient", "dx", {
    "the first in row-major order, as in PyTorch": [[6, 0], [0, 0]],
    "the last in row-major order": [[0, 0], [0, 6]],
    "all, in equal shares": [[1.5, 1.5], [1.5, 1.5]],
    "every one of them gets all of it": [[6, 6], [6, 6]],
})  # fmt: skip
def _max_tie(run: Any) -> Any:
    x, u = np.ones((1, 1, 2, 2)), np.full((1, 1, 1, 1), 6.0)
    return run(grad_output=u, x=x, kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))["dx"][0, 0]


@avg_pool2d.law(
    "definition", "y[n, c, i, j] = the mean of x in the window", about="y", where="zeros of the border count"
)
def _avg_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@avg_pool2d.law("adjoint", "⟨pool(x), u⟩ = ⟨x, dx⟩", about="dx", where="for all x and u: given the pool, this fixes dx")
def _avg_adjoint(y: Any, grad_output: Any, x: Any, dx: Any) -> Any:
    return dot(y, grad_output), dot(x, dx) if x.shape == dx.shape else dx


@avg_pool2d.law("mass", "Σ dx = Σ u", about="dx", where="without padding: each window hands on all that it gets")
def _avg_mass(dx: Any, grad_output: Any, padding: Any) -> Any:
    return None if padding != (0, 0) else (dx.sum(), grad_output.sum())


@global_avg_pool2d.law("definition", "y[n, c] = (1/Z) Σ_ij x[n, c, i, j]", about="y", where="Z = H·W cells")
def _global_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@global_avg_pool2d.law("share", "dx[n, c, i, j] = u[n, c]/Z", about="dx", where="the same for all cells")
def _global_share(dx: Any, right_dx: Any) -> Any:
    return dx, right_dx


@global_avg_pool2d.law("mass", "Σ dx = Σ u", about="dx", where="each mean hands on all that it gets")
def _global_mass(dx: Any, grad_output: Any) -> Any:
    return dx.sum(), grad_output.sum()
