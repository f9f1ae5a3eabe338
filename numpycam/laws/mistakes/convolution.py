"""Mistakes in a convolution and in its gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.core.arrays import zeros
from numpycam.laws import definitions
from numpycam.laws.convolution import conv2d, turned
from numpycam.laws.mistakes.conduct import (
    BUFFER,
    CLIPPED,
    FLOAT32,
    NAN,
    WRITES,
    hiding_nan,
    in_float32,
    reusing_a_buffer,
)

Pass = Callable[..., Any]
Pair = tuple[int, int]


def _dx(wrong: Pass) -> Pass:
    """Return a backward pass whose dx is wrong, and whose dW and db are right."""

    def backward(grad_output: Any, x: Any, weight: Any, **options: Any) -> Any:
        return wrong(grad_output, x, weight, **options), *_right(grad_output, x, weight, **options)[1:]

    return backward


_right = definitions.conv2d_backward


def _padded(x: Any, before: Pair, after: Pair) -> Any:
    """Return pictures with rows and columns of zeros before and after."""
    (top, left), (bottom, right), (height, width) = before, after, x.shape[2:]
    wide = zeros((*x.shape[:2], top + height + bottom, left + width + right), like=x)
    wide[:, :, top : top + height, left : left + width] = x
    return wide


def _dx_of_padded(grad_output: Any, x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Return the gradient of the padded pictures: dx with a border."""
    return _right(grad_output, _padded(x, padding, padding), weight, stride, (0, 0), dilation)[0]


def _cut(wide: Any, start: Pair, like: Any) -> Any:
    """Return the part of ``wide`` from there on that has the size of ``like``; zeros where there is nothing."""
    part, (top, left) = zeros(like.shape, like=wide), start
    for row, column in np.ndindex(like.shape[2:]):
        if 0 <= row + top < wide.shape[2] and 0 <= column + left < wide.shape[3]:
            part[..., row, column] = wide[..., row + top, column + left]
    return part


def _rest(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, int]:
    """Return how many rows and columns no window reaches, though the picture has them."""
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    rows, columns = ((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in sizes)
    return rows, columns


# --- the forward pass


def _turned_backward(grad_output: Any, x: Any, weight: Any, **options: Any) -> Any:
    dx, dw, db = _right(grad_output, x, turned(weight), **options)
    return dx, turned(dw), db


def _turned_forward(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    return definitions.conv2d(x, turned(weight), bias, **options)


conv2d.mistake(
    "true-convolution",
    "y",
    "The kernel is turned in both passes: a true convolution. A layer's convolution is a cross-correlation: in the "
    "forward pass, leave the kernel as it is.",
    forward=_turned_forward,
    backward=_turned_backward,
)
conv2d.mistake(
    "true-convolution-forward",
    "y",
    "The forward pass turns the kernel, as scipy.signal.convolve2d does. Leave it as it is: use correlate2d.",
    forward=_turned_forward,
    backward=_right,
)


def _rounded_up(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    rests = zip(_rest(x, weight, **options), options["stride"], strict=True)
    rows, columns = (-rest % s for rest, s in rests)
    return definitions.conv2d(_padded(x, (0, 0), (rows, columns)), weight, bias, **options)


conv2d.mistake(
    "size-rounded-up",
    "y",
    "The number of places is rounded up, so the last window hangs over the edge. Round down: use //, not ceil.",
    forward=_rounded_up,
)


def _size_without_dilation(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    rows, columns = ((d - 1) * (k - 1) for d, k in zip(options["dilation"], weight.shape[2:], strict=True))
    return definitions.conv2d(_padded(x, (0, 0), (rows, columns)), weight, bias, **options)


conv2d.mistake(
    "size-without-dilation",
    "y",
    "The size is that of a kernel without dilation. A dilated kernel covers d(k - 1) + 1 rows, not k.",
    forward=_size_without_dilation,
)
conv2d.mistake(
    "dilation-lost",
    "y",
    "The dilation is taken as an argument, and not used. Cell u of the kernel sees row s i + d u.",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(
        x, weight, bias, **options | {"dilation": (1, 1)}
    ),
)
conv2d.mistake(
    "stride-lost",
    "y",
    "The stride is taken as an argument, and not used. The window of output i starts at row s i.",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(x, weight, bias, **options | {"stride": (1, 1)}),
)
conv2d.mistake(
    "stride-of-the-rows-for-both",
    "y",
    "The stride of the rows is used for the columns, too. Each axis has its own: stride[0] and stride[1].",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(
        x, weight, bias, **options | {"stride": options["stride"][:1] * 2}
    ),
)
conv2d.mistake(
    "padding-of-the-rows-for-both",
    "y",
    "The padding of the rows is used for the columns, too. Each axis has its own: padding[0] and padding[1].",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(
        x, weight, bias, **options | {"padding": options["padding"][:1] * 2}
    ),
)


def _square(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    y = definitions.conv2d(x, weight, bias, **options)
    rows = y.shape[2]
    square = zeros((*y.shape[:2], rows, rows), like=y)
    square[..., : y.shape[3]] = y[..., :rows]
    return square


conv2d.mistake(
    "height-for-width",
    "y",
    "The number of columns is computed from the height. Take it from the width: x.shape[3], kernel.shape[3].",
    forward=_square,
)
conv2d.mistake(
    "padding-on-one-side",
    "y",
    "The zeros are only before the first row and column. A padding of p is p on each side: the size grows by 2p.",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(
        _padded(x, options["padding"], (0, 0)), weight, bias, **options | {"padding": (0, 0)}
    ),
)


def _border_repeated(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    border = [(0, 0), (0, 0), *((p, p) for p in options["padding"])]
    return definitions.conv2d(np.pad(x, border, mode="edge"), weight, bias, **options | {"padding": (0, 0)})


conv2d.mistake(
    "padding-repeats-the-edge",
    "y",
    "The border repeats the outermost pixels. It is made of zeros: np.pad(x, …, mode='constant').",
    forward=_border_repeated,
)


def _channels_exchanged_forward(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    is_square = weight.shape[0] == weight.shape[1]
    return definitions.conv2d(x, weight.swapaxes(0, 1) if is_square else weight, bias, **options)


conv2d.mistake(
    "channels-exchanged",
    "y",
    "The weights are read as (C, O, …) where both numbers are equal. They are (O, C, …): sum over the second axis.",
    forward=_channels_exchanged_forward,
)


def _first_picture(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    y = definitions.conv2d(x, weight, bias, **options)
    y[1:] *= 0
    return y


conv2d.mistake(
    "return-inside-the-loop",
    "y",
    "Only the first picture has a result: the function returns inside of the loop over the batch. Return after it.",
    forward=_first_picture,
)
conv2d.mistake(
    "bias-forgotten",
    "y",
    "The bias is taken as an argument, and not added. Each cell of map o has bias[o] added to it.",
    forward=lambda x, weight, bias=None, **options: definitions.conv2d(x, weight, None, **options),
)


def _bias_along_columns(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    y = definitions.conv2d(x, weight, None, **options)
    return y if bias is None else y + bias


conv2d.mistake(
    "bias-along-the-columns",
    "y",
    "y + bias broadcasts the bias along the columns. It belongs to the maps: y + bias[:, None, None].",
    forward=_bias_along_columns,
)
conv2d.mistake(
    "relu-inside",
    "y",
    "The layer has a ReLU inside of it, so it is not linear. Keep the ReLU for a layer of its own.",
    forward=lambda *given, **options: definitions.relu(definitions.conv2d(*given, **options)),
)


conv2d.mistake("float32-inside", "y", FLOAT32, forward=in_float32(definitions.conv2d))


# --- the backward pass


conv2d.mistake(
    "rot90-over-the-wrong-axes",
    "dx",
    "np.rot90(W, 2) turns the first two axes, which are the maps and channels. Turn the last two: axes=(2, 3).",
    backward=_dx(lambda u, x, weight, **options: _right(u, x, np.rot90(turned(weight), 2), **options)[0]),
)
conv2d.mistake(
    "kernel-not-turned",
    "dx",
    "To slide the kernel over u, turn it by 180° first: W[:, :, ::-1, ::-1].",
    backward=_dx(lambda u, x, weight, **options: _right(u, x, turned(weight), **options)[0]),
)
conv2d.mistake(
    "true-convolution-backward",
    "dx",
    "The backward pass is that of a true convolution. The forward pass does not turn the kernel: so turn it to make "
    "dx, and leave dW as it comes.",
    backward=_turned_backward,
)


def _padded_like_the_forward_pass(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    sizes = zip(options["dilation"], weight.shape[2:], options["padding"], strict=True)
    row, column = (d * (k - 1) - p for d, k, p in sizes)
    return _cut(_dx_of_padded(u, x, weight, **options), (row, column), like=x)


conv2d.mistake(
    "padding-not-complemented",
    "dx",
    "To slide the kernel over u, put k - 1 - p zeros around u, not p: they are equal only where p = (k - 1)/2.",
    backward=_dx(_padded_like_the_forward_pass),
)


def _cut_by_negative_indices(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    p, q = options["padding"]
    return _dx_of_padded(u, x, weight, **options)[:, :, p:-p, q:-q]


conv2d.mistake(
    "cut-by-minus-padding",
    "dx",
    "[pad:-pad] is empty for pad = 0, since -0 is 0. Write [pad : pad + height].",
    backward=_dx(_cut_by_negative_indices),
)
conv2d.mistake(
    "padding-left-on",
    "dx",
    "dx has the size of the padded picture. Cut the border off: it is no part of x.",
    backward=_dx(_dx_of_padded),
)
conv2d.mistake(
    "padding-cut-off-at-the-end",
    "dx",
    "The border is cut off at the end alone, so dx is shifted. Start at row and column p: [pad : pad + height].",
    backward=_dx(lambda u, x, weight, **options: _cut(_dx_of_padded(u, x, weight, **options), (0, 0), like=x)),
)


def _assigned_by_window(u: Any, x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    wide = _padded(x * 0, padding, padding)
    (height, width), (s, t), (d, e) = weight.shape[2:], stride, dilation
    for i, j in np.ndindex(u.shape[2:]):
        rows = slice(s * i, s * i + d * (height - 1) + 1, d)
        columns = slice(t * j, t * j + e * (width - 1) + 1, e)
        wide[:, :, rows, columns] = np.tensordot(u[:, :, i, j], weight, 1)  # (N, O) by (O, C, KH, KW)
    return _cut(wide, padding, like=x)


conv2d.mistake(
    "windows-assigned",
    "dx",
    "dx[window] = … keeps what the last window gave. Windows overlap, and their gradients add up: use +=.",
    backward=_dx(_assigned_by_window),
)


def _assigned_by_cell(u: Any, x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    wide = _padded(x * 0, padding, padding)
    (height, width), (rows, columns) = weight.shape[2:], u.shape[2:]
    for a, b in np.ndindex(height, width):
        at = slice(dilation[0] * a, dilation[0] * a + stride[0] * (rows - 1) + 1, stride[0])
        to = slice(dilation[1] * b, dilation[1] * b + stride[1] * (columns - 1) + 1, stride[1])
        wide[:, :, at, to] = np.einsum("noij,oc->ncij", u, weight[:, :, a, b])
    return _cut(wide, padding, like=x)


conv2d.mistake(
    "index-arrays-added-once",
    "dx",
    "dx[rows, columns] += … adds once to a cell, however often its index is there. Use np.add.at.",
    backward=_dx(_assigned_by_cell),
)


def _stride_lost(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    options |= {"stride": (1, 1)}
    close = zeros(definitions.conv2d_shape(x.shape, weight.shape, **options), like=u)
    close[:, :, : u.shape[2], : u.shape[3]] = u
    return _right(close, x, weight, **options)[0]


conv2d.mistake(
    "stride-lost-backward",
    "dx",
    "The gradient of output i goes to the rows from s i on, as in the forward pass. Here it goes to those from i on.",
    backward=_dx(_stride_lost),
)


def _rest_lost(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    rows, columns = (n - rest for n, rest in zip(x.shape[2:], _rest(x, weight, **options), strict=True))
    return _right(u, x, weight, **options)[0][:, :, : max(rows, 0), : max(columns, 0)]


conv2d.mistake(
    "rest-lost",
    "dx",
    "The size of dx is computed back from u, so the rows that no window reached are missing. Make it x.shape.",
    backward=_dx(_rest_lost),
)


def _channels_exchanged_backward(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    is_square = weight.shape[0] == weight.shape[1]
    return _right(u, x, weight.swapaxes(0, 1) if is_square else weight, **options)[0]


conv2d.mistake(
    "channels-exchanged-backward",
    "dx",
    "The sum runs over the channels of W where it must run over the maps: dx[c] = Σ_o u[o] · W[o, c].",
    backward=_dx(_channels_exchanged_backward),
)


def _updated_first(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    _, dw, db = _right(u, x, weight, **options)
    weight -= dw
    return _right(u, x, weight, **options)[0], dw, db


conv2d.mistake(
    "weights-updated-first",
    "dx",
    "The weights are updated before dx is computed from them. Compute all gradients first, then take the step.",
    backward=_updated_first,
)


def _dw(wrong: Pass) -> Pass:
    """Return a backward pass whose dW, or dW and db, are wrong."""

    def backward(grad_output: Any, x: Any, weight: Any, **options: Any) -> Any:
        dx = _right(grad_output, x, weight, **options)[0]
        return dx, *wrong(grad_output, x, weight, **options)

    return backward


def _mean_over_batch(u: Any, x: Any, weight: Any, **options: Any) -> Any:
    return [gradient / len(x) for gradient in _right(u, x, weight, **options)[1:]]


conv2d.mistake(
    "mean-over-the-batch",
    "dw",
    "dW and db are divided by the number of pictures. They are sums: the loss divides by N, and u has it already.",
    backward=_dw(_mean_over_batch),
)
conv2d.mistake(
    "last-picture-alone",
    "dw",
    "dW = … inside of the loop over the batch keeps the last picture's. Start with zeros and use +=.",
    backward=_dw(lambda u, x, weight, **options: _right(u[-1:], x[-1:], weight, **options)[1:]),
)
conv2d.mistake(
    "dw-turned",
    "dw",
    "dW comes out turned by 180°. It is the cross-correlation of x with u: turn nothing.",
    backward=_dw(lambda u, x, weight, **options: (turned(_right(u, x, weight, **options)[1]), u.sum(axis=(0, 2, 3)))),
)
conv2d.mistake(
    "bias-of-each-picture",
    "db",
    "db has a row for each picture. All pictures have the same bias, so sum over them, too: axis=(0, 2, 3).",
    backward=lambda u, x, weight, **options: (*_right(u, x, weight, **options)[:2], u.sum(axis=(2, 3))),
)
conv2d.mistake(
    "bias-mean-of-the-cells",
    "db",
    "db is the mean over the cells of a map. The bias is added to each of them, so their gradients add up: use sum.",
    backward=lambda u, x, weight, **options: (
        *_right(u, x, weight, **options)[:2],
        u.sum(axis=0).mean(axis=(1, 2)),
    ),
)


# --- conduct


def _written_into(grad_output: Any, x: Any, weight: Any, **options: Any) -> Any:
    gradients = _right(grad_output, x, weight, **options)
    grad_output[...] *= 0
    return gradients


conv2d.mistake("writes-into-grad-output", "", WRITES, backward=_written_into)


def _keeping_columns() -> dict[str, Pass]:
    kept: dict[str, Any] = {}

    def forward(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
        kept["x"] = x
        return definitions.conv2d(x, weight, bias, **options)

    def backward(grad_output: Any, x: Any, weight: Any, **options: Any) -> Any:
        last = kept.get("x", x)
        return _right(grad_output, last if last.shape == x.shape else x, weight, **options)

    return {"forward": forward, "backward": backward}


conv2d.mistake(
    "columns-of-the-last-forward-pass",
    "",
    "The backward pass uses what the last forward pass left behind, whichever that was. Hand it over as an argument.",
    **_keeping_columns(),
)


def _keeping_weights() -> Pass:
    kept: dict[Any, Any] = {}

    def forward(x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
        key = weight.shape, weight.dtype
        return definitions.conv2d(x, kept.setdefault(key, weight.copy()), bias, **options)

    return forward


conv2d.mistake(
    "weights-of-the-first-call",
    "",
    "The weights are kept from the first call. They change with each step of the training: read them each time.",
    forward=_keeping_weights(),
)


conv2d.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(definitions.conv2d))
conv2d.mistake("nan-replaced", "", NAN, forward=hiding_nan(definitions.conv2d))
conv2d.mistake(
    "gradient-clipped",
    "",
    CLIPPED,
    backward=_dx(lambda *given, **options: np.clip(_right(*given, **options)[0], -1e6, 1e6)),
)
