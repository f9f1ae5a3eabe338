"""Charts of numbers: many draws of one quantity, and curves over one axis."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_rounded
from numpycam.display.canvas import Picture, own_settings
from numpycam.text import format_number

_COLOURS = "#0b5a8f", "#c2571a", "#3b7a3b", "#7a4b8f", "0.35"
_LINES = "-", "--", "-.", ":"
_PLOT = 4.9  # inches, from the left edge of the figure to the right end of the curves


@own_settings()
def figure_of_draws(rows: Mapping[str, ArrayLike], label: str, *, limits: tuple[float, float] | None = None) -> Picture:
    """Draw a row of dots for each name, one for each draw, with a bar at the median.

    Parameters
    ----------
    rows : mapping of str to array, shape (n,)
        For each name its numbers, at least one.
    label : str
        What the numbers are.
    limits : (number, number), optional
        Where the axis begins and ends.

    Returns
    -------
    Picture
        A matplotlib figure. Its alternative text has the least number, the median and the largest of each row.

    Raises
    ------
    TypeError, ValueError
        If there is no row, or a row is not a row of finite numbers.
    """
    named = _rows("rows", rows)
    picture = Picture(figsize=(6.5, 0.9 + 0.45 * len(named)), layout="constrained")
    axes = picture.add_subplot(xlabel=label, ylim=(len(named) - 0.5, -0.5))
    if limits is not None:
        axes.set_xlim(*limits)
    for row, values in enumerate(named.values()):
        # side by side rather than over each other: a fixed pattern, so that the figure is the same each time
        beside = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.5
        axes.plot(values, row + beside, "o", color=_COLOURS[0], alpha=0.45, markersize=4, clip_on=False)
        middle = np.median(values)
        axes.plot([middle, middle], [row - 0.36, row + 0.36], color=_COLOURS[1], linewidth=2.5)
    axes.set_yticks(range(len(named)), labels=[*named])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    words = (
        f"{name}: from {_short(values.min())} to {_short(values.max())}, median {_short(np.median(values))}."
        for name, values in named.items()
    )
    picture.alt = " ".join([f"{label}, one dot for each draw.", *words])
    return picture


@own_settings()
def figure_of_curves(curves: Mapping[str, ArrayLike], label: str, score: str = "$y^c$") -> Picture:
    """Draw curves over an axis from 0 to 1, such as those of :func:`numpycam.metrics.deletion_curve`.

    Parameters
    ----------
    curves : mapping of str to array, shape (n + 1,)
        For each name its numbers, at least two, spread evenly over 0 … 1.
    label : str
        What the axis from 0 to 1 is.
    score : str
        What the numbers are.

    Returns
    -------
    Picture
        A matplotlib figure. Its alternative text has the mean of each curve by the trapezoidal rule.

    Raises
    ------
    TypeError, ValueError
        If there is no curve, or a curve is not a row of at least two finite numbers.
    """
    named = _rows("curves", curves, least=2)
    picture = Picture()
    axes = picture.add_subplot(xlabel=label, ylabel=score, xlim=(0, 1))
    for (name, values), colour, line in zip(named.items(), cycle(_COLOURS), cycle(_LINES), strict=False):
        axes.plot(np.linspace(0, 1, len(values)), values, color=colour, linestyle=line, label=name)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    legend = axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1))
    # A constrained layout would move with each drawing. So the figure is made as wide as its legend needs.
    needed = _PLOT + 0.2 + legend.get_window_extent().width / picture.dpi
    width = np.ceil(2 * needed) / 2  # half an inch hides what releases of matplotlib make of the same letters
    picture.set_size_inches(width, 3.2)
    picture.subplots_adjust(left=0.7 / width, right=_PLOT / width, bottom=0.16, top=0.96)
    axes.spines[["top", "right"]].set_visible(False)
    words = (
        f"{name}: from {_short(values[0])} to {_short(values[-1])}, area {_short(_area(values))}."
        for name, values in named.items()
    )
    picture.alt = " ".join(words)
    return picture


def _area(values: NDArray[np.float64]) -> float:
    return float((values[:-1] + values[1:]).mean() / 2)


def _short(value: Any) -> str:
    return format_number(float(value), 2)


def _rows(argument: str, rows: Mapping[str, ArrayLike], least: int = 1) -> dict[str, NDArray[np.float64]]:
    """Return rows of floats, or raise ValueError."""
    named = {name: as_rounded(f"{argument}[{name!r}]", values) for name, values in rows.items()}
    if not named:
        raise ValueError(f"{argument} must hold at least one row of numbers, got {rows!r}.")
    for name, values in named.items():
        if values.ndim != 1 or len(values) < least:
            raise ValueError(f"{argument}[{name!r}] must be a row of at least {least}, got shape {values.shape}.")
    return named
