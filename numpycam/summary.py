"""The table that ``network.summary(input_shape)`` returns."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from numpycam.core.arguments import briefly
from numpycam.core.arrays import Shape
from numpycam.core.base import Layer
from numpycam.core.network import Network, check_network
from numpycam.text import in_columns, printable, shortened

_LONGEST = 60  # characters of a layer in the table


def _multiply_adds(layer: Layer, input_shape: Shape) -> int | None:
    """Return how many multiply-adds of weights the forward pass takes; None if the layer does not say."""
    affine, has_weights = layer.affine(input_shape), bool(layer.parameters) or layer.hides_parameters
    if affine is not None and has_weights:
        return affine.summands * math.prod(layer.output_shape(input_shape))
    is_known = affine is not None or layer.is_rectifier is not None
    return 0 if is_known and not has_weights else None


class Row(NamedTuple):
    """One layer of a :class:`Summary`. If the layer does not say how many multiply-adds it takes, they are None."""

    name: str
    layer: str
    output_shape: Shape
    parameters: int
    multiply_adds: int | None


def _rows(network: Network, shape: Shape, prefix: str = "") -> Iterator[Row]:
    """Yield a row for each layer. Those of a block's ways stand before the block, which adds them up."""
    for name, layer in network.row:
        place, of_it, shape = f"{prefix}{name}", shape, layer.output_shape(shape)
        if layer.ways is None:
            parameters = sum(value.size for value in layer.parameters.values())
            arguments = shortened(" ".join(repr(layer).split()), _LONGEST)  # in one line
            yield Row(place, arguments, shape[1:], parameters, _multiply_adds(layer, of_it))
        else:
            for key, way in layer.ways.items():
                yield from _rows(way, of_it, f"{place}.{key}.")
            yield Row(place, f"{type(layer).__name__}: {' + '.join(layer.ways)}", shape[1:], 0, 0)


@dataclass(frozen=True)
class Summary:
    """A table of a network's layers. It prints as text, and a notebook shows it as a table."""

    rows: list[Row]
    about: str = ""  # what the network is for

    @classmethod
    def of(cls, network: Network, input_shape: Shape) -> "Summary":
        """Return the table of a network for one image of this shape.

        Parameters
        ----------
        network : Network
        input_shape : (C, H, W)

        Returns
        -------
        Summary

        Raises
        ------
        TypeError
            If the network computes something else than its layers one after another.
        ValueError
            If it does not take such an image.
        """
        check_network(network)
        if not isinstance(input_shape, tuple | list):
            raise TypeError(f"input_shape must be (C, H, W), the shape of one image, got {briefly(input_shape)}.")
        shape: Shape = (1, *input_shape)
        try:
            network.output_shape(shape)
        except ValueError as error:
            why = str(error).replace("for one image pass x[None]", "pass (C, H, W)")
            raise ValueError(f"input_shape {input_shape} does not fit the network: {why}") from None
        rows = [*_rows(network, shape)]
        return cls(rows, str(getattr(network, "about", "")))

    def _cells(self) -> list[list[str]]:
        """Return the rows of the table as text, with the names of the columns above and the totals below."""
        head = ["name", "layer", "output shape", "parameters", "multiply-adds"]
        body = []
        for row in self.rows:
            count = "unknown" if row.multiply_adds is None else f"{row.multiply_adds:,}"
            body.append([printable(row.name), row.layer, str(row.output_shape), f"{row.parameters:,}", count])
        counts = [row.multiply_adds for row in self.rows]
        total = f"{sum(filter(None, counts)):,}"
        if None in counts:
            total = f"at least {total}"
        return [head, *body, ["total", "", "", f"{sum(row.parameters for row in self.rows):,}", total]]

    def __str__(self) -> str:
        head, *body, foot = in_columns(self._cells(), "<<<>>")
        rule = "-" * len(head)
        return "\n".join([*([self.about, ""] if self.about else []), head, rule, *body, rule, foot])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        sides = ["left", "left", "left", "right", "right"]

        def line(cells: list[str], tag: str) -> str:
            pairs = zip(cells, sides, strict=True)
            inside = "".join(f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in pairs)
            return f"<tr>{inside}</tr>"

        about = "".join(f"<p>{escape(told)}</p>" for told in self.about.splitlines())
        return f"{about}<table>{line(head, 'th')}{''.join(line(row, 'td') for row in body)}</table>"
