"""The sliding window: the geometry that convolution and pooling share.

A window of two cells slides over a row of four numbers and stands at three places. There its first cell sees the
numbers 0, 1, 2 and its second cell sees 1, 2, 3. These are its two *taps*.

>>> window = Window(size=(1, 2), stride=(1, 1), padding=(0, 0))
>>> [tap.tolist() for tap in window.taps(np.array([[0, 1, 2, 3]]))]
[[[0, 1, 2]], [[1, 2, 3]]]
>>> np.add(*window.taps(np.array([[0, 1, 2, 3]])))          # convolution with the kernel (1, 1)
array([[1, 3, 5]])
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, Pair, Shape, zero_of, zeros

Overlap = tuple[slice, slice]


@dataclass(frozen=True)
class Window:
    """A window that slides over padded maps.

    Output cell (i, j) looks at the cells (s i + d u, s j + d v) of the padded maps, where (u, v)
    runs over the window, s is the stride and d the dilation. All fields are (height, width).
    """

    size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)

    def output_size(self, height: int, width: int) -> Pair:
        """Return floor((n + 2p - d(k - 1) - 1) / s) + 1 for both sides: n cells, padding p, kernel size k."""
        rows, columns = height + 2 * self.padding[0], width + 2 * self.padding[1]
        tall = self.dilation[0] * (self.size[0] - 1) + 1
        wide = self.dilation[1] * (self.size[1] - 1) + 1
        if rows < tall or columns < wide:
            raise ValueError(
                f"kernel of size {self.size} with dilation {self.dilation} spans {tall} × {wide} cells, more than the "
                f"input, {rows} × {columns} with padding {self.padding}."
            )
        return (rows - tall) // self.stride[0] + 1, (columns - wide) // self.stride[1] + 1

    def overlaps(self, axis: int, inputs: int, outputs: int, start: int = 0) -> list[Overlap]:
        """Return two slices for each offset of the window along an axis: outputs, and the inputs that they read.

        These are the outputs for which the offset falls inside the input. All others read the border there. The first
        output's window starts at ``start``, less the padding.
        """
        s, d = self.stride[axis], self.dilation[axis]
        start -= self.padding[axis]
        overlaps = []
        for at in range(start, start + d * self.size[axis], d):  # output i sees input s i + at
            first = max(0, -(at // s))
            last = max(first, min(outputs, (inputs - 1 - at) // s + 1))
            overlaps.append((slice(first, last), slice(s * first + at, s * last + at, s if s > 1 else None)))
        return overlaps

    def rows_needed(self, rows: int) -> int:
        """Return how many input rows ``rows`` consecutive output rows cover."""
        return self.stride[0] * (rows - 1) + self.dilation[0] * (self.size[0] - 1) + 1

    def rows_read(self, top: int, bottom: int, height: int) -> Pair:
        """Return the range (first, last) of input rows that the output rows top..bottom read; last is not included."""
        first = self.stride[0] * top - self.padding[0]
        last = min(height, first + self.rows_needed(bottom - top))
        return min(max(0, first), height), max(0, last)

    def taps(self, x: Array, **border: Any) -> Iterator[Array]:  # (..., H, W) -> KH KW times (..., H', W')
        """Yield one view for each cell (u, v) of the window, in row-major order.

        It holds the input values under that cell, at every position of the window. Around x lies a border of zeros, or
        the border that ``np.pad`` makes with other options.
        """
        top, left = self.padding
        if top or left:
            border = border or {"constant_values": zero_of(x)}
            around = [(0, 0)] * (x.ndim - 2)
            x = np.pad(x, [*around, (top, top), (left, left)], **border)
        return self._views(x)

    def scatter(self, pieces: Iterable[Array], shape: Shape, like: Array) -> Array:  # -> (..., H, W)
        """Add one piece for each tap back to the cells that it was read from: the adjoint of taps. Drop the border."""
        top, left = self.padding
        *rest, height, width = shape
        padded = zeros((*rest, height + 2 * top, width + 2 * left), like)
        overlap = any(s <= d * (k - 1) for s, d, k in zip(self.stride, self.dilation, self.size, strict=True))
        for view, piece in zip(self._views(padded), pieces, strict=True):
            view[...] = view + piece if overlap else piece
        return padded[..., top : top + height, left : left + width]

    def _views(self, padded: Array) -> Iterator[Array]:  # (..., H + 2p, W + 2p) -> KH KW times (..., H', W')
        *_, height, width = padded.shape
        tall, wide = self.size
        down, right = self.dilation
        for u, v in product(range(tall), range(wide)):
            rows = slice(down * u, height - down * (tall - 1 - u), self.stride[0])
            columns = slice(right * v, width - right * (wide - 1 - v), self.stride[1])
            yield padded[..., rows, columns]
