"""How light the colours of a colour map are, and a figure of it: a map that gets lighter and darker again misleads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_rounded
from numpycam.display.canvas import (
    MARGIN,
    Picture,
    add_axes,
    check_colormap,
    colour_map,
    luminance,
    own_settings,
    write,
)
from numpycam.text import format_number

_STEPS = 256  # the colours of a colour map
_WIDTH, _STRIP, _CURVE = 2.1, 0.3, 1.5  # inches


def lightness(colours: ArrayLike) -> NDArray[np.float64]:
    """Return how light colours look: the L* of CIE 1976, from 0 (black) to 100 (white).

    Parameters
    ----------
    colours : array, shape (..., 3)
        Red, green and blue, in 0 … 1 (sRGB).

    Returns
    -------
    array, shape (...)

    Raises
    ------
    ValueError
        If the last axis does not have three numbers, or a number is not in 0 … 1.

    Examples
    --------
    >>> lightness([[0, 0, 0], [1, 0, 0], [1, 1, 1]]).round(1).tolist()
    [0.0, 53.2, 100.0]
    """
    values = as_rounded("colours", colours)
    if values.ndim == 0 or values.shape[-1] != 3 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"colours must be red, green and blue in 0..1, (..., 3), got an array of shape {values.shape}."
        )
    y = luminance(values)
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, (29 / 3) ** 3 * y)


@own_settings()
def figure_of_colour_maps(names: Sequence[str]) -> Picture:
    """Draw colour maps side by side: their colours, the same colours without the hue, and the curve of the lightness.

    Parameters
    ----------
    names : sequence of str
        Colour maps of matplotlib.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If there is no name, or no such colour map.
    """
    if not names:
        raise ValueError("names must hold the name of one colour map at least, got none.")
    left, gap, top = MARGIN + 0.45, 0.35, 0.45
    across = _WIDTH + gap
    size = left + len(names) * across - gap + MARGIN, top + 2 * (_STRIP + 0.05) + _CURVE + 0.6
    picture, words, values = Picture(figsize=size), [], np.linspace(0, 1, _STEPS)
    for number, name in enumerate(names):
        check_colormap(name)
        colours = colour_map(name)(values)[:, :3]
        light = lightness(colours)
        x = left + number * across
        write(picture, x + _WIDTH / 2, 0.15, name, size=12, ha="center", parse_math=False)
        for row, strip in enumerate((colours[None], np.repeat(light[None, :, None] / 100, 3, axis=2))):
            axes = add_axes(picture, x, top + row * (_STRIP + 0.05), _WIDTH, _STRIP)
            axes.imshow(strip, aspect="auto", interpolation="nearest")
            axes.set_axis_off()
        axes = add_axes(picture, x, top + 2 * (_STRIP + 0.05) + 0.05, _WIDTH, _CURVE)
        axes.plot(values, light, color="0.15")
        axes.set(xlim=(0, 1), ylim=(0, 100), xticks=[0, 0.5, 1], yticks=[0, 50, 100], xlabel="value of the map")
        axes.set_xticklabels(["0", "0.5", "1"])
        axes.spines[["top", "right"]].set_visible(False)
        if number == 0:
            axes.set_ylabel("lightness")
        quarters = ", ".join(format_number(light[round(part * (_STEPS - 1))], 2) for part in (0, 0.25, 0.5, 0.75, 1))
        words.append(f"{name}: its lightness at 0, 0.25, 0.5, 0.75 and 1 is {quarters}.")
    picture.alt = " ".join(words)
    return picture
