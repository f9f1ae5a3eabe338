"""Mistakes in max and average pooling."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.core.arrays import zeros
from numpycam.laws import definitions
from numpycam.laws.book import Book
from numpycam.laws.mistakes.conduct import (
    BUFFER,
    CLIPPED,
    FLOAT32,
    LAST_CALL,
    NAN,
    hiding_nan,
    in_float32,
    of_the_last_call,
    reusing_a_buffer,
)
from numpycam.laws.pooling import avg_pool2d, global_avg_pool2d, max_pool2d

Pass = Callable[..., Any]
Pair = tuple[int, int]

_max, _max_dx = definitions.max_pool2d, definitions.max_pool2d_backward
_avg, _avg_dx = definitions.avg_pool2d, definitions.avg_pool2d_backward


def _padded(x: Any, before: Pair, after: Pair) -> Any:
    """Return maps with rows and columns of zeros before and after."""
    (top, left), (bottom, right), (height, width) = before, after, x.shape[2:]
    wide = zeros((*x.shape[:2], top + height + bottom, left + width + right), like=x)
    wide[:, :, top : top + height, left : left + width] = x
    return wide


# --- what goes wrong in both pools


def _rounded_up(right: Pass) -> Pass:
    def forward(x: Any, **options: Any) -> Any:
        sizes = zip(x.shape[2:], options["kernel_size"], options["stride"], options["padding"], strict=True)
        rows, columns = (-(n + 2 * p - k) % s for n, k, s, p in sizes)
        return right(_padded(x, (0, 0), (rows, columns)), **options)

    return forward


def _window_turned(right: Pass) -> Pass:
    def forward(x: Any, **options: Any) -> Any:
        return right(x, **options | {name: options[name][::-1] for name in ("kernel_size", "padding")})

    return forward


def _first_picture(right: Pass) -> Pass:
    def forward(x: Any, **options: Any) -> Any:
        y = right(x, **options)
        y[1:] *= 0
        return y

    return forward


def _add_mistakes_of_windows(book: Book, right: Pass, right_dx: Pass) -> None:
    book.mistake(
        "size-rounded-up",
        "y",
        "The number of places is rounded up (ceil_mode), so the last window hangs over the edge. Round down: use //.",
        forward=_rounded_up(right),
    )
    book.mistake(
        "stride-of-the-window",
        "y",
        "The stride is not used: the window moves by its own size. Window i starts at row s i.",
        forward=lambda x, **options: right(x, **options | {"stride": options["kernel_size"]}),
    )
    book.mistake(
        "stride-of-the-rows-for-both",
        "y",
        "The stride of the rows is used for the columns, too. Each axis has its own: stride[0] and stride[1].",
        forward=lambda x, **options: right(x, **options | {"stride": options["stride"][:1] * 2}),
    )
    book.mistake(
        "window-turned",
        "y",
        "Height and width of the window are exchanged. A size is (height, width), in the order of the axes of x.",
        forward=_window_turned(right),
    )
    book.mistake(
        "return-inside-the-loop",
        "y",
        "Only the first picture has a result: the function returns inside of the loop over the batch. Return after it.",
        forward=_first_picture(right),
    )
    book.mistake("float32-inside", "y", FLOAT32, forward=in_float32(right))
    book.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(right))
    book.mistake("gradient-of-the-last-call", "", LAST_CALL, backward=of_the_last_call(right_dx))


# --- max pooling

_add_mistakes_of_windows(max_pool2d, _max, _max_dx)


def _zero_padded(x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    return _max(_padded(x, padding, padding), kernel_size, stride)


max_pool2d.mistake(
    "padding-of-zeros",
    "y",
    "A border of zeros wins where all numbers are negative. Pad with -inf: the border must not win.",
    forward=_zero_padded,
)
max_pool2d.mistake(
    "mean-for-maximum",
    "y",
    "This is the mean of the window. Take its largest number.",
    forward=lambda x, **options: _avg(x, **options, count_include_pad=False),
)


def _largest_size(x: Any, **options: Any) -> Any:
    largest, smallest = _max(x, **options), -_max(-x, **options)
    return np.where(largest > -smallest, largest, smallest)


max_pool2d.mistake(
    "largest-absolute-value",
    "y",
    "The number with the largest absolute value wins. A maximum looks at the sign: -5 is less than 1.",
    forward=_largest_size,
)


def _windows_assigned(u: Any, x: Any, **options: Any) -> Any:
    dx = zeros(x.shape, like=x)
    for output, cells in definitions.windows(x, **options):
        dx[definitions.winner(x, cells)] = u[output]
    return dx


max_pool2d.mistake(
    "windows-assigned",
    "dx",
    "dx[winner] = … keeps what the last window gave. A cell can win several windows, and their gradients add up: +=.",
    backward=_windows_assigned,
)


def _cells_assigned(u: Any, x: Any, **options: Any) -> Any:
    dx = zeros(x.shape, like=x)
    for output, cells in definitions.windows(x, **options):
        for cell in cells:
            dx[cell] *= 0
        dx[definitions.winner(x, cells)] = u[output]
    return dx


max_pool2d.mistake(
    "whole-windows-assigned",
    "dx",
    "dx[window] = mask * u writes zeros over what other windows gave. Windows overlap: use +=.",
    backward=_cells_assigned,
)


def _one_channel_wins(u: Any, x: Any, **options: Any) -> Any:
    dx, best = zeros(x.shape, like=x), dict[Any, Any]()
    for (n, c, i, j), cells in definitions.windows(x, **options):
        winner = definitions.winner(x, cells)
        if (n, i, j) not in best or x[winner] > x[best[n, i, j][0]]:
            best[n, i, j] = winner, c
    for (n, i, j), (winner, c) in best.items():
        dx[winner] += u[n, c, i, j]
    return dx


max_pool2d.mistake(
    "argmax-over-the-channels",
    "dx",
    "argmax over a window of all channels finds one winner for all. Each channel has its own.",
    backward=_one_channel_wins,
)


def _divided_by_the_height(u: Any, x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    dx, (height, width) = zeros(x.shape, like=x), kernel_size
    for output, cells in definitions.windows(x, kernel_size, stride, padding):
        (n, c, i, j), winner = output, definitions.winner(x, cells)
        top, left = stride[0] * i - padding[0], stride[1] * j - padding[1]
        row, column = divmod((winner[2] - top) * width + winner[3] - left, height)
        at = n, c, min(top + row, x.shape[2] - 1), min(left + column, x.shape[3] - 1)
        dx[at] += u[output]
    return dx


max_pool2d.mistake(
    "index-divided-by-the-height",
    "dx",
    "The index of the winner is divided by the window's height. In row-major order it is row · width + column.",
    backward=_divided_by_the_height,
)
max_pool2d.mistake(
    "shared-by-all-cells",
    "dx",
    "The gradient is shared by all cells of the window, as in average pooling. The winner gets all of it.",
    backward=lambda u, x, **options: _avg_dx(u, x, **options, count_include_pad=False),
)


def _to_the_tied(share: Callable[[Any, list[Any]], list[tuple[Any, Any]]]) -> Pass:
    """Return a backward pass that gives each window's gradient to some of the cells that hold its maximum."""

    def backward(u: Any, x: Any, **options: Any) -> Any:
        dx = zeros(x.shape, like=x)
        for output, cells in definitions.windows(x, **options):
            winner = definitions.winner(x, cells)
            tied = [cell for cell in cells if x[cell] == x[winner]] or [winner]  # NaN equals nothing
            for cell, part in share(u[output], tied):
                dx[cell] += part
        return dx

    return backward


max_pool2d.mistake(
    "every-tied-cell",
    "dx",
    "x == y is true for every cell that holds the maximum, and each gets all of the gradient. Choose one: argmax.",
    backward=_to_the_tied(lambda u, tied: [(cell, u) for cell in tied]),
)
max_pool2d.mistake(
    "tied-cells-in-equal-shares",
    "dx",
    "Cells that hold the same maximum share its gradient. No choice is wrong, but PyTorch's is the first: argmax.",
    backward=_to_the_tied(lambda u, tied: [(cell, u / len(tied)) for cell in tied]),
)
max_pool2d.mistake(
    "last-tied-cell",
    "dx",
    "Of equal numbers the last wins: the comparison is >=. No choice is wrong, but PyTorch's is the first: use >.",
    backward=_to_the_tied(lambda u, tied: [(tied[-1], u)]),
)


def _written_into(x: Any, **options: Any) -> Any:
    y = _max(x, **options)
    x[...] *= 0
    return y


max_pool2d.mistake(
    "writes-into-its-input",
    "",
    "The input is overwritten. The backward pass needs it, and so may others: work on a copy.",
    forward=_written_into,
)


max_pool2d.mistake("nan-replaced", "", NAN, forward=hiding_nan(_max))


def _padded_with_a_number(x: Any, kernel_size: Any, stride: Any, padding: Any = (0, 0)) -> Any:
    low = -(10**9)
    return low + _max(_padded(x - low, padding, padding), kernel_size, stride)


max_pool2d.mistake(
    "padding-of-minus-a-billion",
    "",
    "The border is a large negative number, and wins where all numbers are below it. Pad with -inf.",
    forward=_padded_with_a_number,
)


# --- average pooling

_add_mistakes_of_windows(avg_pool2d, _avg, _avg_dx)


def _cells_of(kernel_size: Any) -> int:
    return int(kernel_size[0] * kernel_size[1])


avg_pool2d.mistake(
    "sum-for-mean",
    "y",
    "This is the sum of the window. Divide by the number of its cells.",
    forward=lambda x, **options: _avg(x, **options) * _cells_of(options["kernel_size"]),
)
avg_pool2d.mistake(
    "border-not-counted",
    "y",
    "The sum is divided by the number of real cells. Unless count_include_pad is False, the border's zeros count.",
    forward=lambda x, kernel_size, stride, padding, count_include_pad=True: _avg(
        x, kernel_size, stride, padding, count_include_pad=False
    ),
)
avg_pool2d.mistake(
    "border-always-counted",
    "y",
    "count_include_pad is not used. Where it is False, divide by the number of real cells.",
    forward=lambda x, kernel_size, stride, padding, count_include_pad=True: _avg(x, kernel_size, stride, padding),
)
avg_pool2d.mistake(
    "not-shared-out",
    "dx",
    "Each cell gets all of the window's gradient. It had 1/(k k) of the mean, so it gets 1/(k k) of the gradient.",
    backward=lambda u, x, **options: (
        _avg_dx(u, x, **options | {"count_include_pad": True}) * _cells_of(options["kernel_size"])
    ),
)
avg_pool2d.mistake(
    "divided-by-one-side",
    "dx",
    "The gradient is divided by the height of the window. Divide by the number of its cells, height · width.",
    backward=lambda u, x, **options: _avg_dx(u, x, **options | {"count_include_pad": True}) * options["kernel_size"][1],
)


def _avg_assigned(u: Any, x: Any, **options: Any) -> Any:
    dx, include = zeros(x.shape, like=x), options.pop("count_include_pad", True)
    for output, cells in definitions.windows(x, **options):
        for cell in cells:
            dx[cell] = u[output] / (_cells_of(options["kernel_size"]) if include else len(cells))
    return dx


avg_pool2d.mistake(
    "windows-assigned",
    "dx",
    "dx[window] = … keeps what the last window gave. Windows overlap, and their gradients add up: use +=.",
    backward=_avg_assigned,
)


def _given_to_the_largest(u: Any, x: Any, **options: Any) -> Any:
    return _max_dx(u, x, **{name: value for name, value in options.items() if name != "count_include_pad"})


avg_pool2d.mistake(
    "all-to-the-largest",
    "dx",
    "The largest cell gets all of the gradient, as in max pooling. All cells share it.",
    backward=_given_to_the_largest,
)


def _grad_output_divided(u: Any, x: Any, **options: Any) -> Any:
    dx = _avg_dx(u, x, **options)
    u /= _cells_of(options["kernel_size"])
    return dx


avg_pool2d.mistake(
    "writes-into-grad-output",
    "",
    "u /= k * k writes into the gradient that comes in. Make a new array: u / (k * k).",
    backward=_grad_output_divided,
)
avg_pool2d.mistake("nan-replaced", "", NAN, forward=hiding_nan(_avg))


# --- global average pooling

_mean, _mean_dx = definitions.global_avg_pool2d, definitions.global_avg_pool2d_backward

global_avg_pool2d.mistake(
    "sum-for-mean",
    "y",
    "The cells of a map are added up. Divide by their number: mean(axis=(2, 3)).",
    forward=lambda x: x.sum(axis=(2, 3)),
)
global_avg_pool2d.mistake(
    "mean-over-the-channels",
    "y",
    "The mean is over channels and rows. In (N, C, H, W), take it over the axes (2, 3).",
    forward=lambda x: x.sum(axis=(1, 2)) / (x.shape[1] * x.shape[2]),
)
global_avg_pool2d.mistake(
    "largest-for-mean",
    "y",
    "This is the largest cell of each map: a global maximum pooling. Take the mean.",
    forward=lambda x: x.max(axis=(2, 3)),
)
global_avg_pool2d.mistake(
    "axes-kept",
    "y",
    "The result has the axes (N, C, 1, 1). It is (N, C), as a linear layer takes it: no keepdims.",
    forward=lambda x: _mean(x)[:, :, None, None],
)
global_avg_pool2d.mistake(
    "not-shared-out",
    "dx",
    "Each cell gets all of the gradient. It had 1/Z of the mean, so it gets 1/Z of the gradient.",
    backward=lambda u, x: _mean_dx(u, x) * (x.shape[2] * x.shape[3]),
)
global_avg_pool2d.mistake(
    "divided-by-one-side",
    "dx",
    "The gradient is divided by the height. Divide by the number of cells, height · width.",
    backward=lambda u, x: _mean_dx(u, x) * x.shape[3],
)
global_avg_pool2d.mistake(
    "all-to-the-first-cell",
    "dx",
    "The first cell gets all of the gradient. All cells of a map share it.",
    backward=lambda u, x: _all_to_the_first(u, x),
)


def _all_to_the_first(u: Any, x: Any) -> Any:
    dx = zeros(x.shape, like=x)
    dx[:, :, 0, 0] = u
    return dx


def _shared_by_a_view(u: Any, x: Any) -> Any:
    u /= x.shape[2] * x.shape[3]
    return np.broadcast_to(u[:, :, None, None], x.shape)


global_avg_pool2d.mistake(
    "divided-in-place",
    "",
    "u /= Z writes into the gradient that comes in. Make a new array: u / Z.",
    backward=_shared_by_a_view,
)
global_avg_pool2d.mistake("float32-inside", "y", FLOAT32, forward=in_float32(_mean))
global_avg_pool2d.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(_mean))
global_avg_pool2d.mistake("gradient-of-the-last-call", "", LAST_CALL, backward=of_the_last_call(_mean_dx))
global_avg_pool2d.mistake("nan-replaced", "", NAN, forward=hiding_nan(_mean))
global_avg_pool2d.mistake("gradient-clipped", "", CLIPPED, backward=lambda u, x: np.clip(_mean_dx(u, x), -1e6, 1e6))
