"""What all figures share: a figure with an alternative text, a map with its numbers, and text at a place."""

import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from threading import RLock
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from numpycam.core.arguments import check_text
from numpycam.core.arrays import Array
from numpycam.text import format_number

_LONGEST_TITLE = 1000
SIGNED, POSITIVE = "RdBu_r", "cividis"  # the colour maps

SIDE, MARGIN = 1.5, 0.25  # inches: the side of a map, and the margin of a figure
DIGIT = 0.68  # the width of a character, in units of its font size
SLIMMEST = 4  # a map that is slimmer than 4 : 1 is drawn as 4 : 1, so that one of 1 × 32 cells is not a mere line
MOST_NUMBERS = 6  # along a side: a larger map has no numbers in its cells, and nobody follows it by hand
Limits = tuple[float, float]
"""The values that the lowest and the highest colour stand for."""

_SETTINGS = RLock()  # matplotlib has one set of settings for all threads


@contextmanager
def own_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults, whatever a matplotlibrc or the user's rcParams say. Then put theirs back.

    One thread draws at a time. Else each could put back the settings of the other.
    """
    with _SETTINGS:
        defaults = mpl.rcParamsDefault.items()
        changed = {
            name: value
            for name, value in defaults
            if not name.startswith("backend") and mpl.rcParams[name] != value  # to ask for the backend would load it
        }
        with mpl.rc_context(changed):
            yield


def has_screen() -> bool:
    """Whether a window can be opened. Without one, Python would start a browser for the terminal, and wait for it."""
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


class Picture(Figure):
    """A matplotlib figure with an alternative text. A notebook shows the figure and stores both."""

    alt: str = ""

    @own_settings()
    def draw(self, renderer: Any) -> None:
        """Draw the figure, as matplotlib asks for it."""
        super().draw(renderer)

    @own_settings()
    def savefig(self, *args: Any, **options: Any) -> None:
        """Write the figure to a file, as matplotlib's ``Figure.savefig``. Options have its defaults."""
        super().savefig(*args, **options)

    def show(self, warn: bool = True) -> None:
        """Show the figure: in a notebook, below the cell; elsewhere as a file, which is opened if there is a screen.

        Parameters
        ----------
        warn : bool
            As in matplotlib; it has no effect.
        """
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if hasattr(shell, "kernel"):
            sys.modules["IPython"].display.display(self)
            return
        path = Path(mkdtemp(prefix="numpycam-"), "picture.png")
        self.savefig(path)
        print(path)
        if has_screen():
            webbrowser.open(path.as_uri())

    def as_png(self, dpi: int = 100) -> bytes:
        """Return the figure as a PNG file, with so many pixels to an inch."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=dpi)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
        """Return the PNG file and its alternative text, as a notebook asks for them."""
        return {"image/png": self.as_png()}, {"image/png": {"alt": self.alt}}


def draw_map(axes: Axes, values: Array, colormap: str, limits: Limits) -> None:
    """Draw one map (H, W) or picture (H, W, 3). Print a map's numbers if there are few enough of them."""
    rows, columns = values.shape[:2]
    drawn, norm = drawable(values, limits)
    cells = float(np.clip(1, columns / rows / SLIMMEST, columns / rows * SLIMMEST))  # their height for a width of 1
    axes.imshow(drawn, cmap=colour_map(colormap), norm=norm, interpolation="nearest", origin="upper", aspect=cells)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    if not is_small(values):
        return
    frame = axes.get_window_extent()
    cell = 72 / axes.figure.dpi * min(frame.width / columns, frame.height / rows)  # points
    for digits in (5, 3):
        texts = {place: format_number(value, digits) for place, value in np.ndenumerate(values)}
        size = min(13.0, cell / (DIGIT * max(map(len, texts.values()))))
        if size >= 7:
            break
    else:
        return  # too small to be read
    colours = colour_map(colormap)(norm(drawn))
    for (row, column), text in texts.items():
        colour = "white" if is_dark(colours[row, column]) else "black"
        axes.text(column, row, text, color=colour, size=size, ha="center", va="center")


def drawable(values: Array, limits: Limits) -> tuple[Array, Normalize]:
    """Return the values and the scale of their colours as matplotlib can draw them.

    Matplotlib subtracts the lower limit from the upper one, which must not overflow. So huge values are divided by a
    power of 2. Their colours stay the same.
    """
    if max(map(abs, limits)) < 1e300:
        return values, Normalize(*limits)
    scale = 2.0**-1000
    return values * scale, Normalize(limits[0] * scale, limits[1] * scale)


def colour_map(name: str) -> Colormap:
    """Return a colour map of matplotlib. Those of our figures have 256 colours, whatever a matplotlibrc says."""
    found = mpl.colormaps[name]
    return found.resampled(256) if name in (SIGNED, "gray") else found


def is_small(values: Array) -> bool:
    """Whether the numbers of a map can be printed into its cells."""
    return values.ndim == 2 and max(values.shape) <= MOST_NUMBERS


def is_dark(colour: Array) -> bool:
    """Whether white text on a colour (red, green, blue, ...) has more contrast than black text, as in WCAG 2."""
    return bool((luminance(colour[:3]) + 0.05) ** 2 < 1.05 * 0.05)


def luminance(colours: Array) -> Array:  # (..., 3) -> (...)
    """Return how much light colours in sRGB send, from 0 (black) to 1 (white)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light: Array = linear @ (0.2126, 0.7152, 0.0722)
    return light


def balanced(values: Array) -> Limits:
    """Return limits with zero in the middle."""
    largest = float(np.abs(values).max()) or 1.0
    return -largest, largest


def from_zero(values: Array) -> Limits:
    """Return limits with zero at the lower end."""
    return 0.0, float(values.max()) or 1.0


def check_colormap(name: str) -> None:
    """Raise ValueError unless matplotlib has a colour map of this name."""
    if name not in mpl.colormaps:
        raise ValueError(f"colormap must be a colour map of matplotlib, got {name!r}.")


def add_axes(picture: Picture, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in the figure, in inches from its upper left corner."""
    all_width, all_height = picture.get_size_inches()
    bottom = all_height - top - height
    return picture.add_axes((left / all_width, bottom / all_height, width / all_width, height / all_height))


def write(picture: Picture, left: float, top: float, text: str, **style: Any) -> None:
    """Write a text at a place in the figure, in inches from its upper left corner."""
    width, height = picture.get_size_inches()
    picture.text(left / width, 1 - top / height, text, va="top", **style)


def map_in_words(name: str, values: Array) -> str:
    """Return a map in words, for the alternative text: its numbers row by row if they are few, or else its size."""
    if is_small(values):
        return f"{spoken(name)}: {numbers_in_words(values)}."
    return f"{spoken(name)}: {values.shape[0]} × {values.shape[1]} cells."


def numbers_in_words(values: Array) -> str:
    """Return the numbers of a map (H, W), with semicolons between its rows."""
    return "; ".join(", ".join(map(format_number, row)) for row in values)


def check_title(title: object) -> None:
    """Raise TypeError or ValueError unless it is text, and not too long to be drawn."""
    check_text("title", title)
    if len(str(title)) > _LONGEST_TITLE:
        raise ValueError(f"title must have at most {_LONGEST_TITLE} characters, got {len(str(title))}.")


def as_sentence(title: str) -> list[str]:
    """Return a list with the title as a sentence; an empty list if there is no title."""
    if not title:
        return []
    return [title if title.endswith((".", "?", "!")) else f"{title}."]


def spoken(formula: str) -> str:
    """Return a formula for the alternative text, without the characters that only LaTeX needs."""
    return formula.replace(r"\alpha", "α").translate({ord(sign): None for sign in "${}"})
