"""What students hand in: implementations in the style of courses and their notes, most of them with a mistake.

Each class is one hand-in, and holds its functions; the line under its name says what is wrong. Nothing here is tidied
up: the names, the loops and the shapes are those that students write.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided


class Student(NamedTuple):
    """A hand-in: the operation, its functions by the names that the laws have for them, and how they are called."""

    operation: str
    functions: Mapping[str, Callable[..., Any]]
    habits: Mapping[str, Any]
    names: Mapping[str, Any]  # what a call of theirs needs

    @property
    def given(self) -> dict[str, Any]:
        """What verify takes."""
        return {**self.functions, **self.habits}


STUDENTS: dict[str, Student] = {}


def hands_in(operation: str, *, habits: Mapping[str, Any] | None = None, **functions: str) -> Callable[[type], type]:
    """Register a class of functions: ``forward="conv"`` says which of them is the forward pass."""

    def register(hand_in: type) -> type:
        own = {name: value for name, value in vars(hand_in).items() if callable(value)}
        given = {role: own[name] for role, name in functions.items()}
        names = {function.__name__: function for function in own.values()}
        STUDENTS[hand_in.__name__] = Student(operation, given, habits or {}, names)
        return hand_in

    return register


# --- Convolution, with loops


@hands_in("conv2d", forward="conv2d", backward="conv2d_backward")
class TrueConvolution:
    # The forward pass turns the kernel, as in signal processing; the backward pass does not.
    def conv2d(x, w, b=None, stride=1, pad=0):
        n, c, h, width = x.shape
        f, _, kh, kw = w.shape
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        oh, ow = (h + 2 * pad - kh) // stride + 1, (width + 2 * pad - kw) // stride + 1
        out = np.zeros((n, f, oh, ow))
        for i in range(oh):
            for j in range(ow):
                window = xp[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                out[:, :, i, j] = np.tensordot(window, w[:, :, ::-1, ::-1], axes=([1, 2, 3], [1, 2, 3]))
        return out if b is None else out + b.reshape(1, -1, 1, 1)

    def conv2d_backward(dout, x, w, stride=1, pad=0):
        kh, kw = w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        dxp, dw = np.zeros_like(xp), np.zeros_like(w)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, cols = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
                dxp[:, :, rows, cols] += np.tensordot(dout[:, :, i, j], w, axes=(1, 0))
                dw += np.tensordot(dout[:, :, i, j], xp[:, :, rows, cols], axes=(0, 0))
        dx = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
        return dx, dw, dout.sum(axis=(0, 2, 3))


@hands_in("conv2d", forward="conv2d", backward="conv2d_backward", habits={"limits": {"stride": 1, "dilation": 1}})
class TrueConvolutionBothWays:
    # The kernel is turned in both passes: consistent, and not what a layer computes.
    def conv2d(x, w, padding=(0, 0)):
        w = np.flip(w, axis=(2, 3))
        kh, kw = w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(xp, (kh, kw), axis=(2, 3))
        return np.einsum("nchwij,ocij->nohw", windows, w)

    def conv2d_backward(grad_output, x, w, padding=(0, 0)):
        kh, kw = w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
        dxp, dw = np.zeros_like(xp), np.zeros_like(w)
        turned = np.flip(w, axis=(2, 3))
        for i, j in np.ndindex(grad_output.shape[2:]):
            dxp[:, :, i : i + kh, j : j + kw] += np.einsum("no,ocij->ncij", grad_output[:, :, i, j], turned)
            dw += np.einsum("no,ncij->ocij", grad_output[:, :, i, j], xp[:, :, i : i + kh, j : j + kw])
        ph, pw = padding
        return (
            dxp[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]],
            np.flip(dw, axis=(2, 3)),
            grad_output.sum((0, 2, 3)),
        )


def naive_conv(x, w, b, stride, pad):
    """The forward pass that several of them share: it is right."""
    n, c, h, width = x.shape
    f, _, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    out = np.zeros((n, f, 1 + (h + 2 * pad - kh) // stride, 1 + (width + 2 * pad - kw) // stride))
    for img in range(n):
        for k in range(f):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    window = xp[img, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                    out[img, k, i, j] = np.sum(window * w[k]) + (0 if b is None else b[k])
    return out


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dx", "limits": {"stride": 1}})
class KernelNotTurned:
    # dx is a full convolution with the kernel as it is, not turned by half a turn.
    def conv_backward(dout, x, w, pad=0):
        kh, kw = w.shape[2:]
        padded = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
        dx_padded = naive_conv(padded, w.transpose(1, 0, 2, 3), None, 1, 0)
        return dx_padded[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dx", "limits": {"stride": 1}})
class Rot90OnTheWrongAxes:
    # np.rot90 turns the first two axes, which are maps and channels.
    def conv_backward(dout, x, w, pad=0):
        kh, kw = w.shape[2:]
        padded = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
        dx_padded = naive_conv(padded, np.rot90(w, 2).transpose(1, 0, 2, 3), None, 1, 0)
        return dx_padded[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dx", "limits": {"stride": 1, "square": True}})
class PadsTheGradientByP:
    # dout is padded by p, as x was; it needs k - 1 - p.
    def conv_backward(dout, x, w, pad=0):
        w_t = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return naive_conv(dout, w_t, None, 1, pad)


@hands_in("conv2d", forward="conv_forward_naive", backward="conv_backward_naive",
          habits={"cache": True, "options": "conv_param: stride pad"})  # fmt: skip
class SliceWithPadZero:
    # [pad:-pad] is empty where pad is 0.
    def conv_forward_naive(x, w, b, conv_param):
        out = naive_conv(x, w, b, conv_param["stride"], conv_param["pad"])
        cache = (x, w, b, conv_param)
        return out, cache

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        stride, pad = conv_param["stride"], conv_param["pad"]
        N, F, H_out, W_out = dout.shape
        _, _, HH, WW = w.shape
        x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
        dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
        db = np.sum(dout, axis=(0, 2, 3))
        for n in range(N):
            for f in range(F):
                for i in range(H_out):
                    for j in range(W_out):
                        rows = slice(i * stride, i * stride + HH)
                        cols = slice(j * stride, j * stride + WW)
                        dw[f] += x_pad[n, :, rows, cols] * dout[n, f, i, j]
                        dx_pad[n, :, rows, cols] += w[f] * dout[n, f, i, j]
        dx = dx_pad[:, :, pad:-pad, pad:-pad]
        return dx, dw, db


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dx dw db"})
class StrideLost:
    # Going back, the window moves by 1, whatever the stride was.
    def conv_backward(dout, x, w, stride=1, pad=0):
        kh, kw = w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        dxp, dw = np.zeros(xp.shape), np.zeros(w.shape)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dxp[:, :, i : i + kh, j : j + kw] += np.einsum("nf,fcij->ncij", dout[:, :, i, j], w)
                dw += np.einsum("nf,ncij->fcij", dout[:, :, i, j], xp[:, :, i : i + kh, j : j + kw])
        dx = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
        return dx, dw, dout.sum(axis=(0, 2, 3))


@hands_in("conv2d", forward="conv")
class SizeRoundedUp:
    # The size of the output is rounded up, so the last window may hang over the edge.
    def conv(x, w, b=None, stride=1, padding=0):
        kh, kw = w.shape[2:]
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        h_out = int(np.ceil((x.shape[2] - kh) / stride)) + 1
        w_out = int(np.ceil((x.shape[3] - kw) / stride)) + 1
        out = np.zeros((x.shape[0], w.shape[0], h_out, w_out))
        for i in range(h_out):
            for j in range(w_out):
                region = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                kernel = w[:, :, : region.shape[2], : region.shape[3]]
                out[:, :, i, j] = np.einsum("ncij,ocij->no", region, kernel)
        if b is not None:
            out += b[None, :, None, None]
        return out


@hands_in("conv2d", forward="conv2d")
class HeightForWidth:
    # Both loops run over the height of the output.
    def conv2d(x, weight, bias=None, stride=1, padding=0):
        N, C, H, W = x.shape
        O, _, KH, KW = weight.shape
        Ho = (H + 2 * padding - KH) // stride + 1
        Wo = (W + 2 * padding - KW) // stride + 1
        xp = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
        y = np.zeros((N, O, Ho, Wo))
        for i in range(Ho):
            for j in range(Ho):
                patch = xp[:, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
                y[:, :, i, j] = (patch[:, None] * weight[None]).sum(axis=(2, 3, 4))
        return y if bias is None else y + bias[:, None, None]


@hands_in("conv2d", backward="backward", habits={"takes": "u weight x", "limits": {"stride": 1, "padding": 0}})
class ChannelsExchanged:
    # The kernel's maps and channels are exchanged: this runs only where there are as many of both.
    def backward(upstream, filt, picture):
        kh, kw = filt.shape[-2:]
        dx = np.zeros_like(picture)
        for i in range(upstream.shape[2]):
            for j in range(upstream.shape[3]):
                dx[:, :, i : i + kh, j : j + kw] += np.einsum("no,coij->ncij", upstream[:, :, i, j], filt)
        return dx


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dw db", "limits": {"stride": 1, "padding": 0}})
class MeanOverTheBatch:
    # dW and db are divided by the number of pictures; the loss did that already.
    def conv_backward(dout, x, w):
        kh, kw = w.shape[2:]
        dw = np.zeros_like(w)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dw += np.einsum("no,ncij->ocij", dout[:, :, i, j], x[:, :, i : i + kh, j : j + kw])
        return dw / len(x), dout.sum(axis=(0, 2, 3)) / len(x)


@hands_in("conv2d", backward="conv_backward", habits={"limits": {"stride": 1, "padding": 0}})
class LastPictureOnly:
    # In the loop over the pictures stands = where += should stand.
    def conv_backward(dout, x, w):
        dx = np.zeros(x.shape)
        kh, kw = w.shape[2:]
        for n in range(x.shape[0]):
            dw_n = np.zeros(w.shape)
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    for o in range(w.shape[0]):
                        dw_n[o] += dout[n, o, i, j] * x[n, :, i : i + kh, j : j + kw]
                        dx[n, :, i : i + kh, j : j + kw] += dout[n, o, i, j] * w[o]
            dw = dw_n
        return dx, dw, dout.sum(axis=(0, 2, 3))


@hands_in("conv2d", forward="conv2d", backward="conv2d_grad", habits={"limits": {"stride": 1, "padding": 0}})
class BiasPerPicture:
    # db keeps the axis of the pictures.
    def conv2d(x, w, b=None):
        out = naive_conv(x, w, None, 1, 0)
        return out if b is None else out + b[None, :, None, None]

    def conv2d_grad(dout, x, w):
        kh, kw = w.shape[2:]
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, j in np.ndindex(dout.shape[2:]):
            dx[:, :, i : i + kh, j : j + kw] += np.tensordot(dout[:, :, i, j], w, 1)
            dw += np.tensordot(dout[:, :, i, j].T, x[:, :, i : i + kh, j : j + kw], 1)
        db = np.sum(dout, axis=(2, 3))
        return dx, dw, db


@hands_in("conv2d", forward="conv2d")
class ReturnsInsideTheLoop:
    # The return is indented too far.
    def conv2d(image, kernel, b=None, stride=1, pad=0):
        image = np.pad(image, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        kh, kw = kernel.shape[2:]
        oh = (image.shape[2] - kh) // stride + 1
        ow = (image.shape[3] - kw) // stride + 1
        result = np.zeros((image.shape[0], kernel.shape[0], oh, ow))
        for i in range(oh):
            for j in range(ow):
                part = image[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                result[:, :, i, j] = np.tensordot(part, kernel, ((1, 2, 3), (1, 2, 3)))
                if b is not None:
                    result[:, :, i, j] += b
            return result


@hands_in("conv2d", forward="conv2d")
class BiasOnTheWrongAxis:
    # b is added along the columns, so it has to be as long as a row.
    def conv2d(x, w, b=None, stride=1, pad=0):
        out = naive_conv(x, w, None, stride, pad)
        if b is not None:
            out = out + b
        return out


@hands_in("conv2d", forward="conv2d")
class Float32Inside:
    # The products are summed up in float32.
    def conv2d(x, w, b=None, stride=1, padding=0):
        return naive_conv(x.astype(np.float32), w.astype(np.float32), b, stride, padding).astype(np.float32)


@hands_in("conv2d", forward="conv2d")
class WholeNumbersOnly:
    # The result is put into an array of integers.
    def conv2d(x, w, b=None, stride=1, pad=0):
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        kh, kw = w.shape[2:]
        out = np.zeros((len(x), len(w), (x.shape[2] - kh) // stride + 1, (x.shape[3] - kw) // stride + 1), dtype=int)
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                patch = x[:, None, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
                out[:, :, i, j] = np.sum(patch * w[None], axis=(2, 3, 4)) + (0 if b is None else b)
        return out


@hands_in("conv2d", forward="conv2d", backward="conv2d_backward", habits={"limits": {"padding": 0}})
class NoReturn:
    # conv2d_backward computes everything, and returns nothing.
    def conv2d(x, w, b=None, stride=1):
        return naive_conv(x, w, b, stride, 0)

    def conv2d_backward(dout, x, w, stride=1):
        kh, kw = w.shape[2:]
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, j in np.ndindex(dout.shape[2:]):
            rows, cols = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            dx[:, :, rows, cols] += np.tensordot(dout[:, :, i, j], w, 1)
            dw += np.tensordot(dout[:, :, i, j].T, x[:, :, rows, cols], 1)


@hands_in("conv2d", backward="conv2d_backward", habits={"limits": {"padding": 0}})
class OutputsInAnotherOrder:
    # It returns dW, dx, db.
    def conv2d_backward(dout, x, w, stride=1):
        kh, kw = w.shape[2:]
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i, j in np.ndindex(dout.shape[2:]):
            rows, cols = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            dx[:, :, rows, cols] += np.tensordot(dout[:, :, i, j], w, 1)
            dw += np.tensordot(dout[:, :, i, j].T, x[:, :, rows, cols], 1)
        return dw, dx, dout.sum(axis=(0, 2, 3))


@hands_in("conv2d", forward="convolve")
class RunsOverTheEdge:
    # The loops run over every cell of the picture, so the last windows are too small.
    def convolve(x, w, stride=1):
        n, c, h, width = x.shape
        o, _, k, l = w.shape
        out = np.zeros((n, o, (h - k) // stride + 1, (width - l) // stride + 1))
        for i in range(0, h, stride):
            for j in range(0, width, stride):
                for f in range(o):
                    out[:, f, i // stride, j // stride] = np.sum(x[:, :, i : i + k, j : j + l] * w[f], axis=(1, 2, 3))
        return out


@hands_in("conv2d", forward="conv2d", habits={"layout": "HW", "weights": "HW"})
class OnePictureTurned:
    # One picture and one kernel, as scipy.signal.convolve2d has it: it turns the kernel.
    def conv2d(image, kernel):
        kh, kw = kernel.shape
        kernel = np.rot90(kernel, 2)
        h, w = image.shape[0] - kh + 1, image.shape[1] - kw + 1
        out = np.zeros((h, w))
        for i in range(h):
            for j in range(w):
                out[i, j] = (image[i : i + kh, j : j + kw] * kernel).sum()
        return out


@hands_in("conv2d", forward="conv_single", habits={"layout": "HW", "weights": "HW", "limits": {"square": True}})
class OnlySquares:
    # Right, and said to be for squares only.
    def conv_single(image, kernel, padding=0, strides=1):
        k = kernel.shape[0]
        image = np.pad(image, padding)
        size = (len(image) - k) // strides + 1
        return [[np.sum(image[strides * i : strides * i + k, strides * j : strides * j + k] * kernel)
                 for j in range(size)] for i in range(size)]  # fmt: skip


@hands_in("conv2d", forward="conv_single", habits={"layout": "HW", "weights": "HW"})
class OnlySquaresUnsaid:
    # Written for square pictures and kernels, and this is not said.
    def conv_single(image, kernel, padding=0, strides=1):
        k = kernel.shape[0]
        image = np.pad(image, padding)
        size = (len(image) - k) // strides + 1
        out = np.zeros((size, size))
        for i in range(size):
            for j in range(size):
                out[i, j] = np.sum(image[strides * i : strides * i + k, strides * j : strides * j + k] * kernel)
        return out


# --- Convolution, by matrices and by strides


@hands_in("conv2d", forward="conv_forward_strided")
class StrideLostInTheView:
    # The windows of as_strided are one cell apart, whatever the stride.
    def conv_forward_strided(x, w, b=None, stride=1, pad=0):
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        H_out, W_out = (H - HH) // stride + 1, (W - WW) // stride + 1
        sN, sC, sH, sW = x.strides
        windows = as_strided(x, (N, C, H_out, W_out, HH, WW), (sN, sC, sH, sW, sH, sW), writeable=False)
        out = np.einsum("nchwij,fcij->nfhw", windows, w)
        return out if b is None else out + b.reshape(1, F, 1, 1)


def get_im2col_indices(x_shape, kh, kw, stride, pad):
    """Which row and column of the padded picture each entry of the matrix comes from."""
    _, C, H, W = x_shape
    out_h, out_w = (H + 2 * pad - kh) // stride + 1, (W + 2 * pad - kw) // stride + 1
    i = np.tile(np.repeat(np.arange(kh), kw), C)[:, None] + stride * np.repeat(np.arange(out_h), out_w)[None]
    j = np.tile(np.arange(kw), kh * C)[:, None] + stride * np.tile(np.arange(out_w), out_h)[None]
    k = np.repeat(np.arange(C), kh * kw)[:, None]
    return k, i, j


@hands_in("conv2d", backward="conv_backward", habits={"returns": "dx"})
class FancyAdd:
    # dx[:, k, i, j] += cols adds to each cell once only, however often it stands in i and j.
    def conv_backward(dout, x, w, stride=1, pad=0):
        N, C, H, W = x.shape
        F, _, kh, kw = w.shape
        dout_cols = dout.reshape(N, F, -1)
        dcols = np.einsum("fk,nfl->nkl", w.reshape(F, -1), dout_cols)
        k, i, j = get_im2col_indices(x.shape, kh, kw, stride, pad)
        dx = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
        dx[:, k, i, j] += dcols
        return dx[:, :, pad : pad + H, pad : pad + W]


@hands_in("conv2d", forward="forward", backward="backward", habits={"cache": True})
class Col2imAssigns:
    # col2im writes the columns back with =, where windows overlap it should add.
    def forward(x, w, b, stride, pad):
        N, C, H, W = x.shape
        F, _, kh, kw = w.shape
        k, i, j = get_im2col_indices(x.shape, kh, kw, stride, pad)
        cols = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))[:, k, i, j]
        out = np.einsum("fk,nkl->nfl", w.reshape(F, -1), cols)
        if b is not None:
            out = out + b[:, None]
        out_h, out_w = (H + 2 * pad - kh) // stride + 1, (W + 2 * pad - kw) // stride + 1
        return out.reshape(N, F, out_h, out_w), (x, w, cols, stride, pad)

    def backward(dout, cache):
        x, w, cols, stride, pad = cache
        N, C, H, W = x.shape
        F, _, kh, kw = w.shape
        _, _, out_h, out_w = dout.shape
        dout = dout.reshape(N, F, -1)
        dw = np.einsum("nfl,nkl->fk", dout, cols).reshape(w.shape)
        dcols = np.einsum("fk,nfl->nkl", w.reshape(F, -1), dout).reshape(N, C, kh, kw, out_h, out_w)
        dx = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
        for i in range(out_h):
            for j in range(out_w):
                dx[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] = dcols[..., i, j]
        return dx[:, :, pad : H + pad, pad : W + pad], dw, dout.sum(axis=(0, 2))


# --- Convolution, pictures with their channels last


CHANNELS_LAST = {
    "cache": True,
    "options": "hparameters: stride pad",
    "layout": "NHWC",
    "weights": "HWIO",
    "bias": "111O",
}


def conv_forward_channels_last(A_prev, W, b, hparameters):
    """The forward pass that two of them share: it is right."""
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f_H, f_W, _, n_C = W.shape
    n_H, n_W = (n_H_prev - f_H + 2 * pad) // stride + 1, (n_W_prev - f_W + 2 * pad) // stride + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for h in range(n_H):
        for w in range(n_W):
            a_slice = A_prev_pad[:, h * stride : h * stride + f_H, w * stride : w * stride + f_W, :]
            Z[:, h, w, :] = np.tensordot(a_slice, W, axes=3)
            if b is not None:
                Z[:, h, w, :] += b[0, 0, 0]
    return Z, (A_prev, W, b, hparameters)


@hands_in("conv2d", forward="conv_forward", backward="conv_backward", habits=CHANNELS_LAST)
class BiasGradientAssigned:
    # db is set in the loops, not added up.
    conv_forward = conv_forward_channels_last

    def conv_backward(dZ, cache):
        A_prev, W, b, hparameters = cache
        stride, pad = hparameters["stride"], hparameters["pad"]
        f_H, f_W, _, n_C = W.shape
        m, n_H, n_W, _ = dZ.shape
        dW, db = np.zeros(W.shape), np.zeros((1, 1, 1, n_C))
        A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        dA_prev_pad = np.zeros(A_prev_pad.shape)
        for i in range(m):
            for h in range(n_H):
                for w in range(n_W):
                    for c in range(n_C):
                        rows, cols = slice(h * stride, h * stride + f_H), slice(w * stride, w * stride + f_W)
                        dA_prev_pad[i, rows, cols, :] += W[:, :, :, c] * dZ[i, h, w, c]
                        dW[:, :, :, c] += A_prev_pad[i, rows, cols, :] * dZ[i, h, w, c]
                        db[:, :, :, c] = dZ[i, h, w, c]
        dA_prev = dA_prev_pad[:, pad : pad + A_prev.shape[1], pad : pad + A_prev.shape[2], :]
        return dA_prev, dW, db


@hands_in("conv2d", forward="conv_forward", backward="conv_backward", habits=CHANNELS_LAST)
class ChannelsLast:
    # Right: channels last, a cache, options in a dict, a bias with four axes.
    conv_forward = conv_forward_channels_last

    def conv_backward(dZ, cache):
        A_prev, W, b, hparameters = cache
        stride, pad = hparameters["stride"], hparameters["pad"]
        f_H, f_W, _, n_C = W.shape
        A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        dA_prev_pad, dW = np.zeros(A_prev_pad.shape), np.zeros(W.shape)
        for h in range(dZ.shape[1]):
            for w in range(dZ.shape[2]):
                rows, cols = slice(h * stride, h * stride + f_H), slice(w * stride, w * stride + f_W)
                dA_prev_pad[:, rows, cols, :] += np.einsum("nc,ijkc->nijk", dZ[:, h, w], W)
                dW += np.einsum("nc,nijk->ijkc", dZ[:, h, w], A_prev_pad[:, rows, cols, :])
        dA_prev = dA_prev_pad[:, pad : pad + A_prev.shape[1], pad : pad + A_prev.shape[2], :]
        return dA_prev, dW, dZ.sum(axis=(0, 1, 2)).reshape(1, 1, 1, n_C)


@hands_in("conv2d", backward="conv_backward", habits={"limits": {"padding": 0, "stride": 1}, "takes": "x w b dout"})
class UpdatesFirst:
    # The step of the weights is taken before dx is computed, and in the caller's array.
    def conv_backward(x, w, b, dout):
        kh, kw = w.shape[2:]
        dx, dw, db = np.zeros_like(x), np.zeros_like(w), dout.sum(axis=(0, 2, 3))
        for i, j in np.ndindex(dout.shape[2:]):
            dw += np.einsum("no,ncij->ocij", dout[:, :, i, j], x[:, :, i : i + kh, j : j + kw])
        w -= 0.125 * dw
        for i, j in np.ndindex(dout.shape[2:]):
            dx[:, :, i : i + kh, j : j + kw] += np.einsum("no,ocij->ncij", dout[:, :, i, j], w)
        return dx, dw, db


# --- Layers that are classes


@hands_in("conv2d", layer="Convolution")
class ConvolutionLayer:
    # Right: a layer that keeps what its backward pass needs, and its gradients.
    class Convolution:
        def __init__(self, W, b, stride=1, pad=0):
            self.W, self.b, self.stride, self.pad = W, b, stride, pad

        def forward(self, x):
            FN, C, FH, FW = self.W.shape
            N, C, H, W = x.shape
            out_h, out_w = (H + 2 * self.pad - FH) // self.stride + 1, (W + 2 * self.pad - FW) // self.stride + 1
            k, i, j = get_im2col_indices(x.shape, FH, FW, self.stride, self.pad)
            p = self.pad
            self.x_shape, self.index = x.shape, (k, i, j)
            self.col = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))[:, k, i, j]
            out = self.W.reshape(FN, -1) @ self.col
            if self.b is not None:
                out = out + self.b[:, None]
            return out.reshape(N, FN, out_h, out_w)

        def backward(self, dout):
            FN = self.W.shape[0]
            N, C, H, W = self.x_shape
            dout = dout.reshape(N, FN, -1)
            self.db = dout.sum(axis=(0, 2))
            self.dW = np.einsum("nfl,nkl->fk", dout, self.col).reshape(self.W.shape)
            dcol = self.W.reshape(FN, -1).T @ dout
            dx = np.zeros((N, C, H + 2 * self.pad, W + 2 * self.pad))
            for n in range(N):
                np.add.at(dx[n], self.index, dcol[n])
            return dx[:, :, self.pad : self.pad + H, self.pad : self.pad + W]


@hands_in("linear", layer="Affine", habits={"weights": "IO"})
class AffineLayer:
    # dW is the transpose of what it should be.
    class Affine:
        def __init__(self, W, b):
            self.W = W
            self.b = b

        def forward(self, x):
            self.x = x
            return np.dot(x, self.W) + (0 if self.b is None else self.b)

        def backward(self, dout):
            dx = np.dot(dout, self.W.T)
            self.dW = np.dot(dout.T, self.x)
            self.db = np.sum(dout, axis=0)
            return dx


@hands_in("max_pool2d", layer="Pooling")
class PoolingLayer:
    # The winner of every window is looked up in the first window.
    class Pooling:
        def __init__(self, pool_h, pool_w, stride=2):
            self.pool_h, self.pool_w, self.stride = pool_h, pool_w, stride

        def forward(self, x):
            N, C, H, W = x.shape
            s = self.stride
            out = np.zeros((N, C, (H - self.pool_h) // s + 1, (W - self.pool_w) // s + 1))
            self.x, self.arg_max = x, np.zeros(out.shape, dtype=int)
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    window = x[:, :, i * s : i * s + self.pool_h, j * s : j * s + self.pool_w].reshape(N, C, -1)
                    self.arg_max[:, :, i, j] = window.argmax(axis=2)
                    out[:, :, i, j] = window.max(axis=2)
            return out

        def backward(self, dout):
            dx = np.zeros(self.x.shape)
            for n, c, i, j in np.ndindex(dout.shape):
                row, col = divmod(self.arg_max[n, c, i, j], self.pool_w)
                dx[n, c, row, col] += dout[n, c, i, j]
            return dx


# --- ReLU


@hands_in("relu", forward="relu_forward", backward="relu_backward", habits={"cache": True})
class MaskFromTheOutput:
    # out >= 0 is always true.
    def relu_forward(x):
        out = np.maximum(0, x)
        return out, out

    def relu_backward(dout, cache):
        return dout * (cache >= 0)


@hands_in("relu", forward="relu", backward="relu_grad")
class GuidedReLU:
    # Negative gradients are cut off, too: that is guided backpropagation.
    def relu(x):
        return x * (x > 0)

    def relu_grad(dA, Z):
        return np.where((Z > 0) & (dA > 0), dA, 0)


@hands_in("relu", forward="relu", backward="relu_derivative")
class TheGateAlone:
    # It returns the slope, and not the slope times what comes in.
    def relu(z):
        return np.maximum(z, 0)

    def relu_derivative(dA, z):
        return (z > 0).astype(float)


@hands_in("relu", forward="relu", backward="relu_backward")
class TimesTheActivation:
    # It multiplies by relu(x), not by the gate.
    def relu(x):
        return np.maximum(0, x)

    def relu_backward(dout, x):
        return dout * np.maximum(0, x)


@hands_in("relu", forward="relu", backward="relu_backward")
class InPlace:
    # It sets numbers of the caller's arrays to 0.
    def relu(x):
        x[x < 0] = 0
        return x

    def relu_backward(dout, x):
        dout[x <= 0] = 0
        return dout


@hands_in("relu", forward="relu")
class SwallowsNaN:
    # NaN > 0 is false, so NaN becomes 0.
    def relu(x):
        return np.where(x > 0, x, 0.0)


MEMORY = {}


@hands_in("relu", forward="relu", backward="relu_backward")
class LastMask:
    # The mask is kept in a global: the backward pass uses that of the last forward pass, whichever that was.
    def relu(x):
        MEMORY["mask"] = x > 0
        return np.maximum(x, 0)

    def relu_backward(dout, x):
        return dout * MEMORY["mask"]


@hands_in("relu", forward="relu", backward="relu_backward")
class OpenAtZero:
    # Right, with a choice of its own: the gate is open at 0.
    def relu(x):
        return np.maximum(x, 0)

    def relu_backward(dout, x):
        return dout * (x >= 0)


# --- Pooling


@hands_in("max_pool2d", forward="max_pool_forward_naive", backward="max_pool_backward_naive",
          habits={"cache": True, "options": "pool_param: pool_height pool_width stride"})  # fmt: skip
class LastWindowWins:
    # Where windows overlap, = writes over what the other window gave.
    def max_pool_forward_naive(x, pool_param):
        hh, ww, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
        N, C, H, W = x.shape
        out = np.zeros((N, C, 1 + (H - hh) // s, 1 + (W - ww) // s))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                out[:, :, i, j] = x[:, :, i * s : i * s + hh, j * s : j * s + ww].max(axis=(2, 3))
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        hh, ww, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = x[n, c, i * s : i * s + hh, j * s : j * s + ww]
            r, q = np.unravel_index(np.argmax(window), window.shape)
            dx[n, c, i * s + r, j * s + q] = dout[n, c, i, j]
        return dx


@hands_in("max_pool2d", forward="maxpool", backward="maxpool_backward", habits={"limits": {"square": True}})
class AllTiesGetAll:
    # Right where no two cells are equal; of equal ones, each gets the whole gradient.
    def maxpool(x, size=2, stride=2):
        h, w = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
        out = np.zeros((*x.shape[:2], h, w))
        for i in range(h):
            for j in range(w):
                out[:, :, i, j] = np.max(
                    x[:, :, i * stride : i * stride + size, j * stride : j * stride + size], (2, 3)
                )
        return out

    def maxpool_backward(dout, x, size=2, stride=2):
        dx = np.zeros_like(x)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows, cols = slice(i * stride, i * stride + size), slice(j * stride, j * stride + size)
                window = x[:, :, rows, cols]
                mask = window == window.max(axis=(2, 3), keepdims=True)
                dx[:, :, rows, cols] += mask * dout[:, :, i : i + 1, j : j + 1]
        return dx


@hands_in("max_pool2d", forward="max_pool")
class PadsWithZeros:
    # A window of negative numbers at the border has the maximum 0.
    def max_pool(x, kernel_size, stride, padding=0):
        kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        sh, sw = (stride, stride) if isinstance(stride, int) else stride
        ph, pw = (padding, padding) if isinstance(padding, int) else padding
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
        return windows.max(axis=(4, 5))


@hands_in("max_pool2d", forward="pool", habits={"layout": "NHWC"})
class AxesOfAnotherLayout:
    # The pictures are NHWC, the axes of the maximum are those of NCHW.
    def pool(images, pool_size=2, strides=2):
        n, h, w, c = images.shape
        out_h, out_w = (h - pool_size) // strides + 1, (w - pool_size) // strides + 1
        out = np.zeros((n, out_h, out_w, c))
        for i in range(out_h):
            for j in range(out_w):
                patch = images[:, i * strides : i * strides + pool_size, j * strides : j * strides + pool_size, :]
                out[:, i, j, :] = patch.max(axis=(2, 3))[:, :1]
        return out


@hands_in("max_pool2d", backward="max_pool_backward")
class WinnerOfAllChannels:
    # The winner is looked for in all channels at once.
    def max_pool_backward(dout, x, pool_h, pool_w, stride):
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            top, left = i * stride, j * stride
            window = x[n, :, top : top + pool_h, left : left + pool_w]
            at = np.unravel_index(window.argmax(), window.shape)
            dx[n, at[0], top + at[1], left + at[2]] += dout[n, c, i, j]
        return dx


@hands_in("avg_pool2d", forward="avg_pool", backward="avg_pool_backward", habits={"limits": {"padding": 0}})
class ForgetsToShare:
    # Each cell of the window gets the whole gradient, not its share of it.
    def avg_pool(x, kernel_size, stride):
        (kh, kw), (sh, sw) = np.broadcast_to(kernel_size, 2), np.broadcast_to(stride, 2)
        return np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::sh, ::sw].mean(axis=(4, 5))

    def avg_pool_backward(dout, x, kernel_size, stride):
        (kh, kw), (sh, sw) = np.broadcast_to(kernel_size, 2), np.broadcast_to(stride, 2)
        dx = np.zeros(x.shape)
        for i, j in np.ndindex(dout.shape[2:]):
            dx[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += dout[:, :, i : i + 1, j : j + 1]
        return dx


@hands_in("avg_pool2d", forward="mean_pool")
class ReshapedPool:
    # Right, where the windows neither overlap nor leave a rest: it has no stride.
    def mean_pool(x, k):
        n, c, h, w = x.shape
        return x[:, :, : h // k * k, : w // k * k].reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))


# --- Linear, and the loss


@hands_in("linear", forward="affine_forward", backward="affine_backward", habits={"cache": True, "weights": "IO"})
class AffineMean:
    # dw is divided by the number of pictures.
    def affine_forward(x, w, b):
        out = x.dot(w) + (0 if b is None else b)
        return out, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = dout.dot(w.T)
        dw = x.T.dot(dout) / x.shape[0]
        db = np.sum(dout, axis=0)
        return dx, dw, db


@hands_in("linear", forward="linear_forward", backward="linear_backward")
class WeightGradientTransposed:
    # dW has the shape of W.T.
    def linear_forward(X, W, b=None):
        return X @ W.T if b is None else X @ W.T + b

    def linear_backward(dY, X, W):
        return dY @ W, X.T @ dY, dY.sum(axis=0)


@hands_in("linear", forward="linear_forward", backward="linear_backward",
          habits={"cache": True, "layout": "FN", "bias": "O1"})  # fmt: skip
class ColumnsAreExamples:
    # Right: one column for each example, and b is a column, too.
    def linear_forward(A_prev, W, b):
        Z = np.dot(W, A_prev)
        return (Z if b is None else Z + b), (A_prev, W, b)

    def linear_backward(dZ, cache):
        A_prev, W, b = cache
        return np.dot(W.T, dZ), np.dot(dZ, A_prev.T), np.sum(dZ, axis=1, keepdims=True)


@hands_in("softmax_cross_entropy", both="softmax_loss")
class GradientNotDivided:
    # The loss is a mean over the pictures, its gradient is that of a sum.
    def softmax_loss(x, y):
        shifted = x - x.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        N = x.shape[0]
        loss = -log_p[np.arange(N), y].mean()
        dx = np.exp(log_p)
        dx[np.arange(N), y] -= 1
        return loss, dx


@hands_in("softmax_cross_entropy", forward="cross_entropy", backward="cross_entropy_grad")
class SigmoidSlope:
    # p (1 - p) is the slope of a sigmoid.
    def cross_entropy(logits, targets):
        z = logits - logits.max(1, keepdims=True)
        return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), targets])

    def cross_entropy_grad(logits, targets):
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        return (p - np.eye(logits.shape[1])[targets]) * p * (1 - p) / len(p)


@hands_in("softmax_cross_entropy", forward="softmax_loss")
class NoShift:
    # exp of a large score is infinite.
    def softmax_loss(scores, y):
        p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(len(y)), y]))


@hands_in("softmax_cross_entropy", forward="softmax_loss")
class LogOfZero:
    # The scores are shifted, but log p of a probability that rounds to 0 is infinite.
    def softmax_loss(scores, y):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return -np.log(p[range(len(y)), y]).sum() / len(y)


# --- Grad-CAM


@hands_in("grad_cam", cam="grad_cam")
class SumForMean:
    # The weights are sums of the gradients.
    def grad_cam(activations, gradients):
        weights = gradients.sum(axis=(1, 2))
        cam = np.zeros(activations.shape[1:])
        for k, w in enumerate(weights):
            cam += w * activations[k]
        return np.maximum(cam, 0)


@hands_in("grad_cam", cam="grad_cam")
class StartsFromOnes:
    # The map begins with ones.
    def grad_cam(conv_output, grads):
        weights = np.mean(grads, axis=(1, 2))
        cam = np.ones(conv_output.shape[1:])
        for i, w in enumerate(weights):
            cam += w * conv_output[i, :, :]
        cam = np.maximum(cam, 0)
        return cam


@hands_in("grad_cam", cam="grad_cam")
class WrongAxes:
    # mean(axis=(0, 1)) is right for (H, W, K); the arrays are (K, H, W).
    def grad_cam(fmaps, grads):
        weights = np.mean(grads, axis=(0, 1))
        cam = np.zeros(fmaps.shape[1:])
        for k in range(fmaps.shape[0]):
            cam += weights[k] * fmaps[k]
        return np.maximum(cam, 0)


@hands_in("grad_cam", cam="make_gradcam_heatmap", habits={"layout": "HWK"})
class MeanOverMaps:
    # On arrays (H, W, K): the mean over the maps in the place of their sum.
    def make_gradcam_heatmap(last_conv_layer_output, grads):
        pooled_grads = grads.mean(axis=(0, 1))
        weighted = last_conv_layer_output * pooled_grads
        heatmap = np.mean(weighted, axis=-1)
        return np.maximum(heatmap, 0)


@hands_in("grad_cam", cam="make_gradcam_heatmap", habits={"layout": "HWK"})
class ChannelsLastCam:
    # Right: maps with their channels last.
    def make_gradcam_heatmap(conv_outputs, grads):
        pooled_grads = grads.mean(axis=(0, 1))
        return np.maximum(conv_outputs @ pooled_grads, 0)


@hands_in("grad_cam", cam="gradcam", habits={"layout": "NKHW"})
class MeanOverTheBatchToo:
    # The gradients are averaged over the pictures of the batch.
    def gradcam(activations, gradients):
        pooled = gradients.mean(axis=(0, 2, 3))
        weighted = activations * pooled[None, :, None, None]
        return weighted.sum(axis=1).clip(min=0)


@hands_in("grad_cam", cam="gradcam", habits={"layout": "NKHW"})
class BatchOfMaps:
    # Right: a batch of maps.
    def gradcam(activations, gradients):
        weights = gradients.mean(axis=(2, 3), keepdims=True)
        return np.maximum((weights * activations).sum(axis=1), 0)


@hands_in("grad_cam", cam="gradcam")
class BatchUnsaid:
    # Written for a batch, and this is not said.
    def gradcam(activations, gradients):
        n, k, h, w = activations.shape
        weights = gradients.mean(axis=(2, 3), keepdims=True)
        return np.maximum((weights * activations).sum(axis=1), 0)


@hands_in("grad_cam", cam="grad_cam", weighted_sum="weighted_sum")
class NoReLU:
    # The map is the weighted sum itself.
    def weighted_sum(A, g):
        return np.einsum("k,khw->hw", g.mean((1, 2)), A)

    def grad_cam(A, g):
        return np.einsum("k,khw->hw", g.mean((1, 2)), A)


@hands_in("grad_cam", cam="grad_cam")
class AbsoluteValue:
    # abs in the place of ReLU.
    def grad_cam(A, g):
        return np.abs(np.tensordot(g.mean(axis=(1, 2)), A, axes=1))


@hands_in("grad_cam", cam="grad_cam")
class EarlyReLU:
    # The ReLU is on each map's share, before the sum.
    def grad_cam(A, g):
        alphas = g.mean(axis=(1, 2))
        return sum(np.maximum(alpha * a, 0) for alpha, a in zip(alphas, A))


@hands_in("grad_cam", cam="grad_cam")
class PositiveGradientsOnly:
    # Negative gradients are cut off before the mean.
    def grad_cam(A, g):
        alphas = np.maximum(g, 0).mean(axis=(1, 2))
        return np.maximum(np.tensordot(alphas, A, 1), 0)


@hands_in("grad_cam", cam="grad_cam")
class ScaledGradients:
    # The gradients are divided by their root mean square, with an epsilon.
    def grad_cam(output, grads_val):
        grads_val = grads_val / (np.sqrt(np.mean(np.square(grads_val))) + 1e-5)
        weights = np.mean(grads_val, axis=(1, 2))
        cam = np.sum(weights[:, None, None] * output, axis=0)
        return np.maximum(cam, 0)


@hands_in("grad_cam", cam="grad_cam")
class FromMinimumToMaximum:
    # The map is scaled to 0..1, which is for pictures.
    def grad_cam(activations, grads):
        weights = grads.mean(axis=(1, 2))
        cam = np.maximum((weights[:, None, None] * activations).sum(0), 0)
        return (cam - cam.min()) / (cam.max() - cam.min())


@hands_in("grad_cam", cam="grad_cam")
class IgnoresNaN:
    # nanmean and nansum hide a NaN.
    def grad_cam(A, g):
        alphas = np.nanmean(g, axis=(1, 2))
        return np.nansum(alphas[:, None, None] * A, axis=0).clip(0)


@hands_in("grad_cam", cam="grad_cam")
class WeighsInPlace:
    # The feature maps of the caller are multiplied.
    def grad_cam(features, gradients):
        for k in range(len(features)):
            features[k] *= gradients[k].mean()
        return np.maximum(features.sum(axis=0), 0)


@hands_in("grad_cam", cam="grad_cam", alphas="alphas")
class GradientsFirst:
    # Right: it takes the gradients first, and its names say so.
    def alphas(gradients, activations):
        return gradients.mean(axis=(1, 2))

    def grad_cam(gradients, activations):
        return np.maximum(np.tensordot(gradients.mean(axis=(1, 2)), activations, 1), 0)


# --- The family


@hands_in("grad_cam_plus_plus", cam="grad_cam_pp")
class SumInsideThePower:
    # The denominator has Σ A g³, cell with cell, in the place of (Σ A) g³.
    def grad_cam_pp(A, g):
        total = (A * g**3).sum(axis=(1, 2), keepdims=True)
        below = 2 * g**2 + total
        alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
        weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2))
        return np.maximum((weights[:, None, None] * A).sum(axis=0), 0)


@hands_in("grad_cam_plus_plus", cam="grad_cam_pp")
class LostDivision:
    # The quotient is computed, and then not used.
    def grad_cam_pp(A, g):
        below = 2 * g**2 + A.sum(axis=(1, 2), keepdims=True) * g**3
        alpha = g**2
        alpha[g > 0] / below[g > 0]
        weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2))
        return np.maximum(np.tensordot(weights, A, 1), 0)


@hands_in("grad_cam_plus_plus", cam="grad_cam_pp")
class Epsilon:
    # 1e-7 below the line: small gradients give too small weights.
    def grad_cam_pp(A, g):
        alpha = g**2 / (2 * g**2 + A.sum(axis=(1, 2), keepdims=True) * g**3 + 1e-7)
        weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2))
        return np.maximum(np.tensordot(weights, A, 1), 0)


@hands_in("xgrad_cam", alphas="xgrad_weights")
class PlainMean:
    # These are Grad-CAM's weights.
    def xgrad_weights(activations, grads):
        return grads.mean(axis=(1, 2))


@hands_in("layercam", cam="layer_cam")
class ReLUAroundTheProduct:
    # The ReLU is on g A, and not on g alone: that is element-wise Grad-CAM.
    def layer_cam(activations, grads):
        return np.maximum(grads * activations, 0).sum(axis=0)


@hands_in("layercam", cam="layer_cam", habits={"limits": {"A": "not negative"}})
class LayerCamAfterReLU:
    # Right where no feature is negative, and said so.
    def layer_cam(activations, grads):
        return np.maximum(grads * activations, 0).sum(axis=0)


@hands_in("hirescam", cam="hires_cam")
class GradientsAveraged:
    # HiResCAM multiplies cell by cell: no mean.
    def hires_cam(A, g):
        return np.maximum((A * g.mean(axis=(1, 2), keepdims=True)).sum(axis=0), 0)


# --- After the map


@hands_in("resize", resize="upsample")
class SizesExchanged:
    # The size is taken as (width, height), as OpenCV has it.
    def upsample(cam, dsize):
        w, h = dsize
        rows = np.clip((np.arange(h) + 0.5) * cam.shape[0] / h - 0.5, 0, cam.shape[0] - 1)
        cols = np.clip((np.arange(w) + 0.5) * cam.shape[1] / w - 0.5, 0, cam.shape[1] - 1)
        halfway = np.array([np.interp(cols, np.arange(cam.shape[1]), row) for row in cam])
        return np.array([np.interp(rows, np.arange(cam.shape[0]), column) for column in halfway.T]).T


@hands_in("resize", resize="resize")
class CornersAligned:
    # Right, with a choice of its own: the corners' centres are aligned.
    def resize(heatmap, size):
        h, w = heatmap.shape
        rows = np.linspace(0, h - 1, size[0]) if size[0] > 1 else np.zeros(1)
        cols = np.linspace(0, w - 1, size[1]) if size[1] > 1 else np.zeros(1)
        wide = np.array([np.interp(cols, range(w), row) for row in heatmap])
        return np.array([np.interp(rows, range(h), column) for column in wide.T]).T


@hands_in("resize", resize="resize")
class RowsByColumns:
    # The rows are found with the scale of the columns.
    def resize(heatmap, size):
        h, w = heatmap.shape
        out = np.zeros(size)
        for i in range(size[0]):
            for j in range(size[1]):
                out[i, j] = heatmap[min(int(i * w / size[1]), h - 1), min(int(j * w / size[1]), w - 1)]
        return out


@hands_in("normalise", normalise="normalize")
class ZeroByZero:
    # A map of zeros is divided by 0.
    def normalize(heatmap):
        return heatmap / np.abs(heatmap).max()


@hands_in("normalise", normalise="normalize")
class MinMax:
    # From minimum to maximum: zero is no longer zero.
    def normalize(cam):
        cam = cam - cam.min()
        return cam / cam.max() if cam.max() > 0 else cam


@hands_in("normalise", normalise="normalize")
class EpsilonBelow:
    # 1e-8 below the line.
    def normalize(cam):
        return cam / (np.abs(cam).max() + 1e-8)


@hands_in("overlay", overlay="overlay", habits={"layout": "HWC"})
class WrapsAt255:
    # Bytes are added up: 200 + 100 is 44.
    def overlay(img, heatmap, alpha):
        picture, heat = np.uint8(255 * img), np.uint8(255 * heatmap)
        return (picture + np.uint8(alpha * heat)) / 255


@hands_in("overlay", overlay="overlay")
class AddsTheHeat:
    # The heat is added to the whole picture.
    def overlay(image, heat, alpha):
        return np.clip(image + alpha * heat, 0, 1)


# --- The residual block


@hands_in("residual", forward="forward", backward="backward")
class ShortcutForgotten:
    # Going back, the gradient passes through the body only.
    def forward(x, body, shortcut=None):
        return body.forward(x) + (x if shortcut is None else shortcut.forward(x))

    def backward(grad_output, x, body, shortcut=None):
        return body.backward(grad_output, x)


@hands_in("residual", forward="forward")
class AddsInPlace:
    # += adds to the caller's x.
    def forward(x, body, shortcut=None):
        y = body.forward(x)
        if shortcut is None:
            x += y
            return x
        return y + shortcut.forward(x)
