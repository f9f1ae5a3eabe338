"""What the step-through page of a small example has besides the stages.

A small example can be followed by hand. So its page also shows the kernels and the weights of the head, and it tests
the map.
"""

import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arguments import briefly, check_is, check_text
from numpycam.core.arrays import Array, Pair
from numpycam.core.base import Layer
from numpycam.core.steps import Stages
from numpycam.core.window import Window
from numpycam.display.canvas import MOST_NUMBERS
from numpycam.display.pixels import as_uint8
from numpycam.display.stages import Column
from numpycam.exact import as_floats
from numpycam.interventions import add_to_cell, patch_drops
from numpycam.text import exact_and_decimal, format_number

Parts = Mapping[str, tuple[Pair, Pair]]
"""For each name the part's first cell (row, column), and the cell after its last."""

_LARGEST_PICTURE = 4096  # numbers: the network runs once for each cell of the map


def in_words(value: Any) -> str:
    """Return a number with a true minus sign: ``143/5 = 28.6`` for a fraction, or else a decimal."""
    return exact_and_decimal(value, lambda number: format_number(float(number))).replace("-", "−")


def hex_of(colour: Array) -> str:
    """Return a colour as HTML writes it."""
    red, green, blue = as_uint8(colour[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


class Shown(NamedTuple):
    """Maps of the page, as a column, and their exact values."""

    column: Column
    values: Array  # (n, H, W)


def can_be_followed(e: Stages) -> bool:
    """Whether a reader can follow the explanation by hand: a grey picture, and it and the maps are small."""
    if e.image is None or e.network is None or len(e.image) != 1:
        return False
    return max(*e.image.shape[1:], *e.localization_map.shape) <= MOST_NUMBERS


def convolution_of(e: Stages) -> tuple[Layer, Window] | None:
    """Return the convolution that makes the maps from the picture, and its window, if no other layer is before them."""
    if not can_be_followed(e):
        return None
    row = e.network.split(e.layer)[0].row  # type: ignore[union-attr, arg-type]
    layer = row[0][1] if len(row) == 1 else None
    if layer is None or not layer.is_convolution or layer.affine((1, *e.image.shape)) is None:  # type: ignore[union-attr]
        return None
    window = layer.sees()
    return (layer, window) if window and max(window.size) <= MOST_NUMBERS else None


def kernels_of(e: Stages, channels: Any) -> Shown | None:
    """Return the kernels of the maps that are shown, numbered from 1."""
    found = convolution_of(e)
    return found and _numbered("kernels", found[0].parameters["weight"][:, 0], channels)


def has_affine_head(e: Stages) -> bool:
    """Whether the head computes y = Σ w·A + b, with fixed w and b. Then dy/dA is w for every picture."""
    if e.network is None or e.layer is None or e.image is None or not isinstance(e.class_index, int):
        return False
    head = e.network.split(e.layer)[1]
    shapes = head.shapes((1, *e.feature_maps.shape)).values()
    return all(layer.affine(shape) is not None for (_, layer), shape in zip(head.layers, shapes, strict=False))


def weights_of(e: Stages, channels: Any) -> Shown | None:
    """Return the weights of the head for the class, one map of them for each feature map, if there are such."""
    if not can_be_followed(e) or not isinstance(e.class_index, int):
        return None
    if has_affine_head(e):
        return _numbered("weights", e.gradients, channels)
    head = e.network.split(e.layer)[1].row  # type: ignore[union-attr, arg-type]
    first = head[0][1] if head else None
    if first is None or not first.is_convolution:
        return None
    weight = first.parameters["weight"]
    is_one_for_each_class = len(head) > 1 and not any(layer.parameters for _, layer in head[1:])
    is_one_for_each_class &= weight.shape[1] == len(e.feature_maps) and max(weight.shape[2:]) <= MOST_NUMBERS
    return _numbered("weights", weight[e.class_index], channels) if is_one_for_each_class else None


def _numbered(name: str, values: Array, channels: Any) -> Shown:
    """Return maps (K, H, W), those of the channels alone, as a column without a scale of colours."""
    chosen = values[[channel - 1 for channel in channels]]
    return Shown(Column(name, name, "", "", as_floats(chosen), channels, has_bar=False), chosen)


def drops_of(e: Stages) -> Shown | None:
    """Return how much the score drops when what a cell saw is erased, and what HiResCAM and Grad-CAM predict."""
    if e.network is None or e.image is None or not isinstance(e.class_index, int):
        return None
    if max(e.localization_map.shape) > MOST_NUMBERS or e.image.size > _LARGEST_PICTURE:
        return None
    try:
        drops = patch_drops(e.network, e.image, e.class_index, e.layer)
    except ValueError:  # a layer of the user's own does not say what its cells see
        return None
    values = np.stack([drops, (e.gradients * e.feature_maps).sum(axis=0), e.weighted_sum])
    if values.dtype != object and not np.isfinite(values).all():
        return None
    return Shown(Column("test", "test", "", "", as_floats(values), (1, 2, 3)), values)


def raised_scores(e: Stages) -> Array | None:  # (K, H', W')
    """Return the score of the class when 1 is added to one cell of A, for each cell."""
    if not can_be_followed(e) or not isinstance(e.class_index, int) or e.feature_maps.size > _LARGEST_PICTURE // 64:
        return None
    raised = np.empty_like(e.feature_maps)
    for cell in np.ndindex(raised.shape):
        raised[cell] = add_to_cell(e.network, e.image, cell, 1, e.layer)[e.class_index]  # type: ignore[arg-type]
    return raised


def names_of_cells(seen: Mapping[str, Any], parts: Parts) -> dict[Pair, str]:
    """Return for each cell of the map the names of the parts that it saw: "the ear" or "the ear and the moon"."""
    names: dict[Pair, str] = {}
    for i, rows in enumerate(seen.get("rows", ())):
        for j, columns in enumerate(seen.get("columns", ())):
            met = [
                f"the {name}"
                for name, ((top, left), (bottom, right)) in parts.items()
                if any(top <= row < bottom for row in rows) and any(left <= column < right for column in columns)
            ]
            if met:
                names[i, j] = " and ".join(met)
    return names


def places_of(parts: Parts, size: tuple[int, ...]) -> dict[str, tuple[Pair, Pair]]:
    """Return the parts, after checking that they lie in a picture of this height and width."""
    check_is("parts", parts, Mapping, "a dict")
    places: dict[str, tuple[Pair, Pair]] = {}
    for name, corners in parts.items():
        check_text("a name in parts", name)
        try:
            (top, left), (bottom, right) = ([operator.index(place) for place in corner] for corner in corners)
            inside = 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]
        except (TypeError, ValueError, IndexError):
            inside = False
        if not inside:
            raise ValueError(
                f"parts[{name!r}] must be ((row, column), (row, column)), the first cell and that after the last, in a "
                f"picture of size {size}, got {briefly(corners)}."
            )
        places[name] = (top, left), (bottom, right)
    return places
