"""The sliding window: the geometry that convolution and pooling share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from numpycam.validation import Array, Pair, Shape, zeros


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
        """Return floor((n + 2p - d(k - 1) - 1) / s) + 1 for both sides."""
        padded = height + 2 * self.padding[0], width + 2 * self.padding[1]
        span = [d * (k - 1) + 1 for k, d in zip(self.size, self.dilation, strict=True)]
        if span[0] > padded[0] or span[1] > padded[1]:
            raise ValueError(
                f"kernel of size {self.size} with dilation {self.dilation} spans {span[0]} × {span[1]} cells, "
                f"more than the input, {padded[0]} × {padded[1]} with padding {self.padding}."
            )
        return (padded[0] - span[0]) // self.stride[0] + 1, (padded[1] - span[1]) // self.stride[1] + 1

    def pad(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, H + 2p, W + 2p)
        """Return x with a border of zeros of its own type."""
        if self.padding == (0, 0):
            return x
        padded = self._zero_padded(x.shape, like=x)
        self.crop(padded)[...] = x
        return padded

    def crop(self, padded: Array) -> Array:  # (N, C, H + 2p, W + 2p) -> (N, C, H, W)
        """Return the view of padded maps without their border."""
        (top, left), (height, width) = self.padding, padded.shape[-2:]
        return padded[..., top : height - top, left : width - left]

    def taps(self, padded: Array) -> Iterator[Array]:  # (N, C, H + 2p, W + 2p) -> KH KW times (N, C, H', W')
        """Yield, for each cell (u, v) of the window in row-major order, the view of what every position sees there."""
        out_height, out_width = self.output_size(*self.crop(padded).shape[-2:])
        for u in range(self.size[0]):
            for v in range(self.size[1]):
                top, left = self.dilation[0] * u, self.dilation[1] * v
                bottom = top + self.stride[0] * (out_height - 1) + 1
                right = left + self.stride[1] * (out_width - 1) + 1
                yield padded[..., top : bottom : self.stride[0], left : right : self.stride[1]]

    def real_cells(self, x: Array) -> Iterator[Array]:  # (N, C, H, W) -> KH KW times (1, 1, H', W')
        """Yield, for each tap, where it sees a cell of x and where the border."""
        return self.taps(self.pad(np.ones((1, 1, *x.shape[2:]), dtype=bool)))

    def scatter(self, pieces: Iterable[Array], shape: Shape, like: Array) -> Array:  # -> (N, C, H, W)
        """Add one piece per tap back to where it was seen, and drop the border: the adjoint of pad and taps."""
        padded = self._zero_padded(shape, like)
        for tap, piece in zip(self.taps(padded), pieces, strict=True):
            tap += piece  # adds, because windows may overlap
        return self.crop(padded)

    def _zero_padded(self, shape: Shape, like: Array) -> Array:
        *batch_and_channels, height, width = shape
        return zeros((*batch_and_channels, height + 2 * self.padding[0], width + 2 * self.padding[1]), like)
