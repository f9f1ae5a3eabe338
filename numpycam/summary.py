"""The table that ``network.summary(input_shape)`` returns."""

import math
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from numpycam.core.arrays import Shape
from numpycam.core.base import Layer
from numpycam.core.network import Network
from numpycam.text import in_columns, shortened

_LONGEST = 60  # characters of a layer in the table


def _multiply_adds(layer: Layer, input_shape: Shape) -> int | None:
    """Return how many multiply-adds of weights the forward pass takes; None if the layer does not say."""
    affine = layer.affine(input_shape)
    if not layer.parameters:
        return None if layer.hides_layers else 0
    return None if affine is None else affine.summands * math.prod(layer.output_shape(input_shape))


class Row(NamedTuple):
    """One layer of a :class:`Summary`. The multiply-adds of a layer that does not tell them are None."""

    name: str
    layer: str
    output_shape: Shape
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Summary:
    """A table of a network's layers; prints as text, shows as a table in a notebook."""

    rows: list[Row]

    @classmethod
    def of(cls, network: Network, input_shape: Shape) -> "Summary":
        """Return the table of a network for one image of this shape."""
        shape: Shape = (1, *input_shape)
        try:
            network.output_shape(shape)
        except ValueError as error:
            why = str(error).replace("for one image pass x[None]", "pass (C, H, W)")
            raise ValueError(f"input_shape {input_shape}, of one image, is refused: {why}") from None
        rows = []
        for name, layer in network.row:
            parameters = sum(value.size for value in layer.parameters.values())
            multiply_adds, shape = _multiply_adds(layer, shape), layer.output_shape(shape)
            rows.append(
                Row(name, shortened(" ".join(repr(layer).split()), _LONGEST), shape[1:], parameters, multiply_adds)
            )
        return cls(rows)

    def _cells(self) -> list[list[str]]:
        """Return the table with its head and its foot, every cell as text."""
        counts = [row.multiply_adds for row in self.rows]
        body = [
            [*map(str, row[:3]), f"{row.parameters:,}", "unknown" if count is None else f"{count:,}"]
            for row, count in zip(self.rows, counts, strict=True)
        ]
        parameters, known = sum(row.parameters for row in self.rows), sum(filter(None, counts))
        total = f"{'at least ' * (None in counts)}{known:,}"
        head = ["name", "layer", "output shape", "parameters", "multiply-adds"]
        return [head, *body, ["total", "", "", f"{parameters:,}", total]]

    def __str__(self) -> str:
        head, *body, foot = in_columns(self._cells(), "<<<>>")
        rule = "-" * len(head)
        return "\n".join([head, rule, *body, rule, foot])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        right = [' style="text-align: right"' if column >= 3 else ' style="text-align: left"' for column in range(5)]

        def line(cells: list[str], tag: str) -> str:
            return (
                "<tr>" + "".join(f"<{tag}{a}>{escape(c)}</{tag}>" for c, a in zip(cells, right, strict=True)) + "</tr>"
            )

        return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in body)}</table>"
