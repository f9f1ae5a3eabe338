"""The figure of two ways that part and meet: a residual block, with the maps on each way."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_rounded, briefly, check_is, check_text
from numpycam.core.arrays import Array
from numpycam.display.canvas import (
    MARGIN,
    SIGNED,
    Limits,
    Picture,
    add_axes,
    balanced,
    draw_map,
    map_in_words,
    own_settings,
)

# All in inches.
_TOP = 0.1
_SIDE, _ARROW = 1.0, 0.5  # the side of a map, and the length of an arrow between two maps
_FORK = 0.3  # from a map, or from a frame, to the place where the ways part or meet
_FRAME, _ABOVE = 0.14, 0.32  # how far the frame of a way reaches around its maps, and above them
_NAME = 0.3  # the height of a way's name, above its frame
_ROW = _NAME + _ABOVE + _SIDE + _FRAME + 0.12  # from one way to the next
_SUM = 0.15  # the radius of the circle with the plus
_INK, _PALE = "0.35", "0.955"

Point = tuple[float, float]
Named = tuple[str, ArrayLike]
"""What is written above a map, and the map."""


class _Map(NamedTuple):
    symbol: str
    values: Array


class _Sheet(NamedTuple):
    """The figure, and axes that cover it. If it is drawn backward, left and right change sides."""

    picture: Picture
    axes: Axes
    limits: Limits
    backward: bool

    def draw(self, one: _Map, left: float, middle: float) -> None:
        """Draw a map at this place, with its symbol above it. The maps share one scale of colours."""
        left = self.picture.get_size_inches()[0] - left - _SIDE if self.backward else left
        axes = add_axes(self.picture, left, middle - _SIDE / 2, _SIDE, _SIDE)
        draw_map(axes, one.values, SIGNED, self.limits)
        axes.set_title(one.symbol, size=11.5, pad=4)

    def lead(self, *points: Point, arrow: bool = True) -> None:
        """Draw a line through the points, with an arrowhead at its end."""
        self.axes.plot(*zip(*points, strict=True), color=_INK, linewidth=1.2, solid_capstyle="butt")
        if arrow:
            style = {"arrowstyle": "-|>", "color": _INK, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
            self.axes.annotate("", points[-1], points[-2], arrowprops=style)

    def plus(self, x: float, y: float) -> None:
        """Draw a circle with a plus in it, where the ways meet."""
        self.axes.add_patch(Circle((x, y), _SUM, facecolor="white", edgecolor=_INK, linewidth=1.2))
        for across, down in ((0.4 * _SUM, 0), (0, 0.4 * _SUM)):
            self.lead((x - across, y - down), (x + across, y + down), arrow=False)

    def frame(self, name: str, left: float, right: float, middle: float) -> None:
        """Draw a frame around the maps of a way, from the left to the right, with its name above."""
        top, height = middle - _SIDE / 2 - _ABOVE, _SIDE + _ABOVE + _FRAME
        box = FancyBboxPatch((left, top), right - left, height, boxstyle="round,pad=0,rounding_size=0.1", ec="none")
        box.set(facecolor=_PALE, zorder=0)
        self.axes.add_patch(box)
        style: dict[str, Any] = {"size": 12, "weight": "bold", "color": _INK, "ha": "center", "va": "bottom"}
        self.axes.text((left + right) / 2, top - 0.06, name, **style)


@own_settings()
def figure_of_ways(start: Named, ways: Mapping[str, Sequence[Named]], end: Named, *, backward: bool = False) -> Picture:
    """Draw maps that go two ways and add up where the ways meet, as in a residual block.

    Parameters
    ----------
    start : (str, array of shape (H, W))
        What is written above the map, such as ``"$x$"``, and the map. It goes into both ways.
    ways : mapping of str to sequence of (str, array)
        For the name of each of the two ways, one or more maps, in order.
    end : (str, array)
        The sum of the last maps of both ways. It is drawn as it is given.
    backward : bool, default False
        Whether to draw from the right to the left, as gradients go.

    Returns
    -------
    Picture
        A matplotlib figure. All maps have one scale, with white at 0.

    Raises
    ------
    ValueError
        If there are not two ways, a way has no map, or a map does not have shape (H, W).
    """
    check_is("ways", ways, Mapping, "a mapping of names to lists of pairs (text, map)")
    first, last = _as_map("start", start), _as_map("end", end)
    rows = {name: [_as_map(f"ways[{name!r}]", one) for one in maps] for name, maps in ways.items()}
    if len(rows) != 2 or not all(rows.values()):
        raise ValueError(f"ways must hold two ways of one map or more, got {[*map(len, rows.values())]} maps.")
    parting = MARGIN + _SIDE + _FORK
    first_left = parting + _FORK + _FRAME
    meeting = first_left + max(map(len, rows.values())) * (_SIDE + _ARROW) - _ARROW + _FRAME + _FORK
    width = meeting + _SUM + _ARROW + _SIDE + MARGIN
    height = _TOP + 2 * _ROW
    picture = Picture(figsize=(width, height))
    axes = picture.add_axes((0, 0, 1, 1), xlim=(width, 0) if backward else (0, width), ylim=(height, 0))
    axes.axis("off")
    every = [first, *(one for maps in rows.values() for one in maps), last]
    limits = balanced(np.concatenate([one.values.ravel() for one in every]))
    sheet = _Sheet(picture, axes, limits, backward)
    middle = (_row_middle(0) + _row_middle(1)) / 2
    sheet.draw(first, MARGIN, middle)
    for number, (name, maps) in enumerate(rows.items()):
        _draw_way(sheet, name, maps, (parting, middle), (meeting, middle), _row_middle(number))
    sheet.plus(meeting, middle)
    sheet.lead((MARGIN + _SIDE + 0.06, middle), (parting, middle), arrow=False)
    sheet.lead((meeting + _SUM, middle), (width - MARGIN - _SIDE - 0.06, middle))
    sheet.draw(last, width - MARGIN - _SIDE, middle)
    picture.alt = _in_words(first, rows, last)
    return picture


def _draw_way(sheet: _Sheet, name: str, maps: Sequence[_Map], parting: Point, meeting: Point, middle: float) -> None:
    """Draw one way from where the ways part to where they meet. Its last map stands before the sum."""
    right = meeting[0] - _FORK
    lefts = [right - _FRAME - _SIDE - n * (_SIDE + _ARROW) for n in reversed(range(len(maps)))]
    sheet.frame(name, lefts[0] - _FRAME, right, middle)
    sheet.lead(parting, (parting[0], middle), (lefts[0] - 0.06, middle))
    for one, left in zip(maps, lefts, strict=True):
        sheet.draw(one, left, middle)
    for left, following in pairwise(lefts):
        sheet.lead((left + _SIDE + 0.06, middle), (following - 0.06, middle))
    edge = meeting[1] - _SUM if middle < meeting[1] else meeting[1] + _SUM
    sheet.lead((right - _FRAME + 0.06, middle), (meeting[0], middle), (meeting[0], edge))


def _row_middle(number: int) -> float:
    """Return how far below the top of the figure the maps of a way have their middle, in inches."""
    return _TOP + number * _ROW + _NAME + _ABOVE + _SIDE / 2


def _as_map(name: str, named: Named) -> _Map:
    """Return a pair (text, map) with the map as floats, after checking both."""
    if not isinstance(named, tuple | list) or len(named) != 2:
        raise TypeError(f"{name} must be a pair (text, map), got {briefly(named)}.")
    symbol, values = named
    check_text(name, symbol)
    values = as_rounded(name, values)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name} must have a map of shape (H, W) with no empty axis, got {values.shape}.")
    return _Map(symbol, values)


def _in_words(first: _Map, rows: Mapping[str, Sequence[_Map]], last: _Map) -> str:
    """Return all maps in words, way by way, for the alternative text."""
    ways = [f"By the {name}: {' '.join(map_in_words(*one) for one in maps)}" for name, maps in rows.items()]
    return " ".join([f"From {map_in_words(*first)}", *ways, f"The sum: {map_in_words(*last)}"])
