"""The stages of an explanation: each in a figure of its own, all in a row, or one after the other."""

import re
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_array, as_int
from numpycam.core.arrays import Array
from numpycam.core.steps import Stages
from numpycam.display.canvas import (
    DIGIT,
    MARGIN,
    POSITIVE,
    SIDE,
    SIGNED,
    Limits,
    Picture,
    add_axes,
    as_sentence,
    balanced,
    check_colormap,
    draw_map,
    from_zero,
    map_in_words,
    write,
)
from numpycam.display.pixels import overlay, shown
from numpycam.exact import as_floats
from numpycam.resize import Interpolation, normalise, resize
from numpycam.text import format_number

_GAP, _ROW_GAP, _TOP, _BOTTOM = 0.8, 0.36, 1.2, 0.55  # inches
_HEADINGS = 0.6  # where those of the stages begin, below the title


class Column(NamedTuple):
    """One stage to be drawn: its maps, on one scale, and how they came about. It is a column of the figure of all."""

    name: str
    heading: str
    operation: str
    symbol: str
    maps: Array
    channels: Sequence[int] = ()
    colormap: str = SIGNED
    limits: Limits | None = None
    width: float = SIDE
    has_bar: bool = True

    def in_words(self, number: int | None = None) -> str:
        """Return one of the maps, or all, for an alternative text."""
        names = [f"{self.heading} {_numbered(self.symbol, channel)}".strip() for channel in self.channels]
        texts = [map_in_words(*pair) for pair in zip(names or [self.heading], self.maps, strict=True)]
        return " ".join(texts) if number is None else texts[number]


def columns_of(explanation: Stages, interpolation: Interpolation, most_maps: int) -> list[Column]:
    """Return the stages of an explanation of one image, in order."""
    e = explanation
    if e.feature_maps.ndim != 3:
        raise ValueError("a figure shows the explanation of one image: of a batch pass explanation[n].")
    for name in ("feature_maps", "gradients", "weighted_maps", "weighted_sum"):
        as_array(name, getattr(e, name))  # NaN and infinity have no colour
    kept = largest_shares(e, most_maps)
    channels = [int(k) + 1 for k in kept]
    localization, is_grad_cam = as_floats(e.localization_map), e.method == "Grad-CAM"
    uses_gradients, is_plain = e.backward != "unused", e.backward == "plain"
    whole, a = ("channels", "x_k") if e.layer == "input" else ("feature maps", "A^k")
    has_alphas = e.alphas is not None and e.weighted_maps.shape == e.feature_maps.shape
    weighted = rf"\alpha_k {a}" if has_alphas else "M^k"
    columns = [
        Column("weighted_maps", "weighted maps", f"× ${a}$" if has_alphas else "weights" if uses_gradients else "",
                weighted, as_floats(e.weighted_maps[kept]), channels),
        Column("weighted_sum", "weighted sum", r"$\Sigma_k$", rf"L = \Sigma_k\, {weighted}",
                as_floats(e.weighted_sum[None])),
        Column("localization_map", e.method, "ReLU", r"L^c = \mathrm{ReLU}(L)", localization[None],
                colormap=POSITIVE, limits=from_zero(localization)),
    ]  # fmt: skip
    if has_alphas:
        alphas, limits = as_floats(e.alphas[kept, None, None]), None
        if is_grad_cam:
            limits = balanced(as_floats(e.gradients[kept]))
        columns.insert(0, Column("alphas", "average" if is_grad_cam else "weights", "mean" if is_grad_cam else "",
                r"\alpha_k", alphas, channels, limits=limits, width=0.62 * SIDE, has_bar=False))  # fmt: skip
    if len(e.weighted_maps) == len(e.feature_maps):
        if uses_gradients:
            columns.insert(0, Column("gradients", "gradient maps", "backward", f"dy^c/d{a}" if is_plain else "g^k",
                    as_floats(e.gradients[kept]), channels))  # fmt: skip
        forward = "" if e.layer == "input" else "forward"
        columns.insert(0, Column("feature_maps", whole, forward, a, as_floats(e.feature_maps[kept]), channels))
    image = shown(e.image)
    if image is None:
        return columns
    heat = normalise(resize(localization, image.shape[1:], interpolation))
    grey = as_floats(e.image) if len(image) == 1 else None  # its own numbers, not those rescaled for the colours
    drawn = np.moveaxis(image, 0, -1)[None] if grey is None else grey
    limits = (0.0, 1.0) if grey is None else (min(0.0, float(grey.min())), max(1.0, float(grey.max())))
    return [
        Column("image", "picture", "", "x", drawn, colormap="gray", limits=limits, has_bar=False),
        *columns,
        Column("overlay", "overlay", "on x", r"L^c\ \mathrm{over}\ x", overlay(image, heat)[None], has_bar=False),
    ]


def largest_shares(explanation: Stages, most_maps: int) -> NDArray[np.intp]:
    """Return the numbers, from 0 and in order, of those maps that contribute most."""
    return np.sort(np.argsort(-explanation.channel_shares, kind="stable")[: as_int("most_maps", most_maps, 1)])


def figure_of_stages(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
) -> Picture:
    """Draw all stages in a row: picture, A, dy/dA, α, α A, weighted sum, ReLU, overlay.

    Parameters
    ----------
    explanation  : Explanation
        Of one image.
    title : str
        A line above the figure.
    interpolation : {"bilinear", "nearest"}
        How the map is resized for the overlay.
    most_maps : int, default 4
        How many feature maps to show at most: those with the largest shares.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation is of a batch.

    Notes
    -----
    An image that is not known, or that has neither one nor three channels, is left out, and so is the overlay.
    """
    columns = columns_of(explanation, interpolation, most_maps)
    rows = max(len(column.maps) for column in columns)
    width = 2 * MARGIN + sum(column.width + _GAP for column in columns) - _GAP
    picture = Picture(figsize=(width, _TOP + rows * (SIDE + _ROW_GAP) + _BOTTOM))
    write(picture, MARGIN, 0.16, title, size=15, weight="bold", parse_math=False)
    left = MARGIN
    for column in columns:
        _draw_column(picture, column, left, rows)
        if left > MARGIN:
            _draw_arrow(picture, column.operation, left - _GAP / 2, _TOP + (rows * (SIDE + _ROW_GAP) + _ROW_GAP) / 2)
        left += column.width + _GAP
    shown, maps = max(len(column.channels) for column in columns), len(explanation.weighted_maps)
    note = f"{shown} of {maps} maps are shown, those that contribute most." if shown < maps else ""
    write(picture, width - MARGIN, 0.2, note, size=11, color="0.35", ha="right")
    picture.alt = " ".join([*as_sentence(title), *filter(None, [note]), *(one.in_words() for one in columns)])
    return picture


def figure_of_stage(
    explanation: Stages, stage: str, *, interpolation: Interpolation = "bilinear", most_maps: int = 4
) -> Picture:
    """Draw one stage of an explanation, its maps side by side.

    Parameters
    ----------
    explanation  : Explanation
        Of one image.
    stage : str
        A field of the explanation, ``"feature_maps"`` say, or ``"overlay"``.
    interpolation, most_maps
        As for :func:`figure_of_stages`.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation has no such stage, or is of a batch.
    """
    columns = {column.name: column for column in columns_of(explanation, interpolation, most_maps)}
    if stage not in columns:
        raise ValueError(f"stage must be one of {', '.join(map(repr, columns))}, got {stage!r}.")
    return _figure_of(columns[stage])


def figure_of_maps(maps: ArrayLike, symbol: str, *, signed: bool = True, colormap: str = "") -> Picture:
    """Draw maps side by side on one scale.

    Parameters
    ----------
    maps : array, shape (K, H, W)
    symbol : str
        What they are, as a formula in which an index k stands for the number of the map: ``"A^k"``.
    signed : bool, default True
        Whether zero is the middle of the colours or their lower end.
    colormap : str, optional
        A colour map of matplotlib, ``"gray"`` for a picture. By default ``"RdBu_r"`` if signed, else ``"cividis"``.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    values = as_floats(maps)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"maps must have shape (K, H, W) with no empty axis, got {values.shape}.")
    if not signed and values.min() < 0:
        raise ValueError(f"maps with signed=False must not be negative, got {values.min():.6g}.")
    usual, limits = (SIGNED, balanced(values)) if signed else (POSITIVE, from_zero(values))
    check_colormap(colormap or usual)
    return _figure_of(Column("", "", "", symbol, values, range(1, len(values) + 1), colormap or usual, limits))


def animation_of_stages(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
    seconds: float = 2.5,
) -> bytes:
    """Return the figure of all stages as an animated GIF in which they appear one after the other, once.

    Parameters
    ----------
    explanation, title, interpolation, most_maps
        As for :func:`figure_of_stages`.
    seconds : float, default 2.5
        How long to look at each stage. With the last the animation stops.

    Returns
    -------
    bytes
        A GIF file.

    Raises
    ------
    ValueError
        If the explanation is of a batch, or the seconds are none.
    """
    if not 0.02 <= seconds <= 600:
        raise ValueError(f"seconds must be in 0.02..600, got {seconds}.")
    from PIL import Image  # which matplotlib brings along

    figure = figure_of_stages(explanation, title=title, interpolation=interpolation, most_maps=most_maps)
    whole = Image.open(BytesIO(figure.as_png())).convert("RGB").quantize()
    paper = whole.crop((0, 0, 1, 1)).resize(whole.size)
    pixels = whole.width / figure.get_size_inches()[0]
    frames, right = [], MARGIN
    for column in columns_of(explanation, interpolation, most_maps):
        right += column.width
        frame = whole.copy()
        hidden = round((right + 0.02) * pixels), round(_HEADINGS * pixels), whole.width, whole.height
        frame.paste(paper.crop(hidden), hidden)
        frames.append(frame)
        right += _GAP
    frames[-1] = whole
    buffer = BytesIO()
    frames[0].save(
        buffer, "gif", save_all=True, append_images=frames[1:], duration=round(1000 * seconds), optimize=True
    )
    return buffer.getvalue()


def colours_of(stage: Column, number: int) -> Array:  # -> (H, W, 3)
    """Return the colours of one of a stage's maps, in 0 … 1."""
    values = stage.maps[number]
    if values.ndim == 3:
        return values
    return mpl.colormaps[stage.colormap](Normalize(*limits_of(stage))(values))[..., :3]


def limits_of(stage: Column) -> Limits:
    """Return the values that the lowest and the highest colour stand for."""
    return stage.limits or balanced(stage.maps)


def _figure_of(column: Column) -> Picture:
    """Draw one column lying down: its maps side by side."""
    pitch = column.width + 0.3
    width = len(column.maps) * pitch - 0.3
    top = 0.4 + 0.3 * bool(column.heading)
    picture = Picture(figsize=(width + 2 * MARGIN, top + SIDE + (0.5 if column.has_bar else 0.15)))
    write(picture, MARGIN, 0.12, column.heading, size=13, weight="bold")
    limits = limits_of(column)
    for number, values in enumerate(column.maps):
        axes = add_axes(picture, MARGIN + number * pitch, top, column.width, SIDE)
        draw_map(axes, values, column.colormap, limits)
        symbol = _numbered(column.symbol, column.channels[number]) if column.channels else f"${column.symbol}$"
        axes.set_title(symbol, size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, MARGIN, top + SIDE + 0.1, width, column.colormap, limits)
    picture.alt = column.in_words()
    return picture


def _draw_column(picture: Picture, column: Column, left: float, rows: int) -> None:
    middle, pitch = left + column.width / 2, SIDE + _ROW_GAP
    write(picture, middle, _HEADINGS, column.heading, size=13, weight="bold", ha="center")
    write(picture, middle, 0.85, f"${column.symbol}$", size=13, ha="center")
    limits = limits_of(column)
    top = _TOP + (rows - len(column.maps)) / 2 * pitch  # a single map stands in the middle
    for row, values in enumerate(column.maps):
        axes = add_axes(picture, left, top + row * pitch + _ROW_GAP, column.width, SIDE)
        draw_map(axes, values, column.colormap, limits)
        if column.channels:
            axes.set_title(_numbered(column.symbol, column.channels[row]), size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, left, _TOP + rows * pitch + 0.15, column.width, column.colormap, limits)


def _draw_arrow(picture: Picture, operation: str, middle: float, top: float) -> None:
    write(picture, middle, top - 0.23, operation, size=10.5, ha="center", color="0.2")
    write(picture, middle, top - 0.05, "⟶", size=17, ha="center", color="0.2")


def _draw_bar(picture: Picture, left: float, top: float, width: float, colormap: str, limits: Limits) -> None:
    """Draw a colour bar that names its limits and zero, nothing outside of its width."""
    axes = add_axes(picture, left, top, width, 0.1)
    bar = picture.colorbar(ScalarMappable(Normalize(*limits), colormap), cax=axes, orientation="horizontal")
    ticks = sorted({limits[0], 0, limits[1]})
    labels = [format_number(tick) for tick in ticks]
    if len("".join(labels)) > 10 * width:  # no more characters fit side by side
        labels = [label if label != "0" else "" for label in labels]
    bar.set_ticks(ticks, labels=labels)
    bar.outline.set_linewidth(0.5)
    axes.tick_params(labelsize=min(12, 72 * width / (DIGIT * len(" ".join(labels)))), length=2, pad=2)
    first, *_, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _numbered(symbol: str, number: int) -> str:
    """Return a formula with the number in the place of the index k."""
    index = re.compile(r"(?<=[\^_])k")
    return f"${index.sub(f'{{{number}}}', symbol)}$"
