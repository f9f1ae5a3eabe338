"""Pictures: the overlay of a map on the image, maps with their numbers, and one figure of all stages.

This is the only module that imports matplotlib. It draws on figures of its own and leaves pyplot,
its backends and its settings alone. Signed maps are drawn in colours that diverge from white at
zero, all others in cividis; numbers are printed into the cells of small maps, so that colour is
never the only way to read them, and every picture carries them in its alternative text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import cycle, pairwise
from os import PathLike
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import ArrayLike, NDArray

from numpycam.exact import as_floats
from numpycam.gradcam import Explanation, convolutions_in
from numpycam.interventions import Path
from numpycam.resize import normalise, resize
from numpycam.validation import Array, as_array, as_int

SIGNED, POSITIVE = "RdBu_r", "cividis"


class Picture(Figure):
    """A matplotlib figure with an alternative text, which notebooks show and keep."""

    alt: str = ""

    def as_png(self) -> bytes:
        """Return the figure as a PNG file."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
        return {"image/png": self.as_png()}, {"image/png": {"alt": self.alt}}


def overlay(image: ArrayLike, heat: ArrayLike, strength: float = 0.5, colormap: str = POSITIVE) -> NDArray[np.float64]:
    """Return the map laid over the image: (1 - strength) · image + strength · colour(heat).

    Parameters
    ----------
    image : array, shape (C, H, W)
        Grey (C = 1) or colour (C = 3), in 0 … 1; or of dtype uint8, in 0 … 255.
    heat : array, shape (H, W)
        In 0 … 1 and of the image's size: see :func:`numpycam.resize.normalise` and ``resize``.
    strength : float, default 0.5
        0 gives the image, 1 the coloured map.
    colormap : str, default "cividis"
        A colour map of matplotlib.

    Returns
    -------
    array of float64, shape (H, W, 3)
        In 0 … 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, size or range.
    """
    picture, values = _rgb(image), as_array("heat", heat).astype(np.float64)
    if values.shape != picture.shape[:2]:
        raise ValueError(f"heat must have the image's size {picture.shape[:2]}, got shape {values.shape}: resize it.")
    _check_unit_range("heat", values, "normalise a map without negative cells")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be in 0..1, got {strength}.")
    _check_colormap(colormap)
    colours = mpl.colormaps[colormap](values)[..., :3]
    return (1 - strength) * picture + strength * colours


def read_image(path: str | PathLike[str]) -> NDArray[np.float64]:
    """Read a picture from a PNG or JPEG file, as a person sees it.

    Parameters
    ----------
    path : path

    Returns
    -------
    array of float64, shape (1, H, W) or (3, H, W)
        Grey or in colour, in 0 … 1. What is transparent is laid over white, and a photograph that its camera has marked
        as turned is turned back. Of 16 bits all are kept in a grey picture, the upper 8 in one in colour.

    Raises
    ------
    ValueError
        If it is not such a picture, or a damaged one.
    OSError
        If the file cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # which matplotlib brings along

    with open(path, "rb") as file:
        try:
            picture = ImageOps.exif_transpose(Image.open(file, formats=("PNG", "JPEG")))
            if picture.mode.startswith("I"):
                values = np.asarray(picture, dtype=np.float64)[None]
                return np.where(values == picture.info.get("transparency"), 1.0, values / 65535)
            is_opaque = "A" not in picture.getbands() and "transparency" not in picture.info
            pixels = np.asarray(picture.convert("RGB" if is_opaque else "RGBA"))
        except UnidentifiedImageError as error:
            raise ValueError(f"{path} is not a PNG or JPEG picture.") from error
        except MemoryError:
            raise
        except Exception as error:  # whatever Pillow makes of any bytes
            raise ValueError(f"{path} is a damaged picture: {error}") from error
    channels = np.moveaxis(pixels, -1, 0) / 255  # (H, W, 3 or 4) -> (3 or 4, H, W)
    opacity = 1.0 if is_opaque else channels[3]
    colours = channels[:3] * opacity + (1 - opacity)
    return colours[:1] if picture.mode in ("1", "L", "LA") else colours


def as_uint8(picture: ArrayLike) -> NDArray[np.uint8]:
    """Return values in 0 … 1 as bytes in 0 … 255: clipped, rounded, and only then cast, so that nothing wraps.

    Bytes are returned as they are.
    """
    values = np.asarray(picture)
    if values.dtype == np.uint8:
        return values.copy()
    return np.rint(255 * np.clip(as_floats(values), 0, 1)).astype(np.uint8)


def as_png(picture: ArrayLike) -> bytes:
    """Return a picture (H, W, 3), in 0 … 1, as a PNG file."""
    buffer = BytesIO()
    imsave(buffer, as_uint8(picture), format="png")
    return buffer.getvalue()


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
    usual, limits = (SIGNED, _balanced(values)) if signed else (POSITIVE, _from_zero(values))
    _check_colormap(colormap or usual)
    return _figure_of(Stage("", "", "", symbol, values, range(1, len(values) + 1), colormap or usual, limits))


def figure_of_stage(
    explanation: Explanation, stage: str, *, method: Literal["bilinear", "nearest"] = "bilinear", most_maps: int = 4
) -> Picture:
    """Draw one stage of an explanation, its maps side by side.

    Parameters
    ----------
    explanation : Explanation
        Of one image.
    stage : str
        A field of the explanation, ``"feature_maps"`` say, or ``"overlay"``.
    method, most_maps
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
    columns = {column.name: column for column in stages_of(explanation, method, most_maps)}
    if stage not in columns:
        raise ValueError(f"stage must be one of {', '.join(map(repr, columns))}, got {stage!r}.")
    return _figure_of(columns[stage])


def figure_of_stages(
    explanation: Explanation,
    *,
    title: str = "",
    method: Literal["bilinear", "nearest"] = "bilinear",
    most_maps: int = 4,
) -> Picture:
    """Draw all stages in a row: picture, A, dy/dA, α, α A, weighted sum, ReLU, overlay.

    Parameters
    ----------
    explanation : Explanation
        Of one image.
    title : str
        A line above the figure.
    method : {"bilinear", "nearest"}
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
    columns = stages_of(explanation, method, most_maps)
    rows = max(len(column.maps) for column in columns)
    width = 2 * _MARGIN + sum(column.width + _GAP for column in columns) - _GAP
    picture = Picture(figsize=(width, _TOP + rows * (_SIDE + _ROW_GAP) + _BOTTOM))
    _write(picture, _MARGIN, 0.16, title, size=15, weight="bold", parse_math=False)
    left = _MARGIN
    for column in columns:
        _draw_column(picture, column, left, rows)
        if left > _MARGIN:
            _draw_arrow(picture, column.operation, left - _GAP / 2, _TOP + (rows * (_SIDE + _ROW_GAP) + _ROW_GAP) / 2)
        left += column.width + _GAP
    shown, maps = max(len(column.channels) for column in columns), len(explanation.weighted_maps)
    note = f"{shown} of {maps} maps are shown, those that contribute most." if shown < maps else ""
    _write(picture, width - _MARGIN, 0.2, note, size=11, color="0.35", ha="right")
    picture.alt = " ".join([*_as_sentence(title), *filter(None, [note]), *(one.in_words() for one in columns)])
    return picture


def animation_of_stages(
    explanation: Explanation,
    *,
    title: str = "",
    method: Literal["bilinear", "nearest"] = "bilinear",
    most_maps: int = 4,
    seconds: float = 2.5,
) -> bytes:
    """Return the figure of all stages as an animated GIF in which they appear one after the other, once.

    Parameters
    ----------
    explanation, title, method, most_maps
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

    figure = figure_of_stages(explanation, title=title, method=method, most_maps=most_maps)
    whole = Image.open(BytesIO(figure.as_png())).convert("RGB").quantize()
    paper = whole.crop((0, 0, 1, 1)).resize(whole.size)
    pixels = whole.width / figure.get_size_inches()[0]
    frames, right = [], _MARGIN
    for column in stages_of(explanation, method, most_maps):
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


def figure_of_path(path: Path) -> Picture:
    """Draw the score along a straight line, with its kinks and slopes.

    Parameters
    ----------
    path : Path
        What :func:`numpycam.interventions.path` returned.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    points, scores, slopes = (as_floats(values) for values in (path.points, path.scores, path.slopes))
    picture = Picture(figsize=(5.5, 3), layout="constrained")
    axes = picture.add_subplot()
    few = len(slopes) <= 6
    axes.plot(points, scores, color="#0b5a8f", marker="o" if few else "", markersize=5, clip_on=False)
    for start, end, slope, y in zip(points[:-1], points[1:], slopes, (scores[:-1] + scores[1:]) / 2, strict=True):
        if few:
            middle, is_short = ((start + end) / 2, y), end - start < 0.2  # then the words stand upright above it
            beside = (0, 8) if is_short else (6, 6 if slope < 0 else -14)
            text = axes.annotate(f"slope {format_number(slope)}", middle, beside, textcoords="offset points")
            text.set(color="0.35", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})
            if is_short:
                text.set(rotation=90, ha="center")
    for kink in as_floats(path.kinks) if few else ():
        axes.axvline(kink, color="0.8", linewidth=0.8, zorder=0)
    axes.set_title("" if few else f"{len(slopes)} linear pieces", size=11, loc="left")
    ticks = points if few else points[[0, -1]]
    axes.set(xlabel="$t$, from the baseline to the image", ylabel="$y^c$", xticks=ticks, xlim=(0, 1))
    axes.margins(y=0.15)
    labels = axes.set_xticklabels([format_number(tick, 3) for tick in ticks])
    for left, right in pairwise(labels):
        if right.get_position()[0] - left.get_position()[0] < 0.12:  # keep off each other
            left.set_horizontalalignment("right")
            right.set_horizontalalignment("left")
    axes.spines[["top", "right"]].set_visible(False)
    corners = "; ".join(
        f"{format_number(score)} at t = {format_number(t, 3)}" for t, score in zip(points, scores, strict=True)
    )
    picture.alt = f"The score along the line: {corners if few else f'{len(slopes)} linear pieces'}."
    return picture


def figure_of_errors(steps: ArrayLike, errors: Mapping[str, ArrayLike]) -> Picture:
    """Draw the errors of finite differences against their steps, both in powers of ten; no error at all is drawn below.

    Parameters
    ----------
    steps : array, shape (n,)
        Positive.
    errors : mapping of str to array, shape (n,)
        Their sizes, none negative, by the name of what they are of, at least one.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If an argument is not of that shape and range.
    """
    widths, sizes = as_floats(steps), {name: as_floats(values) for name, values in errors.items()}
    if widths.ndim != 1 or not widths.size or widths.min() <= 0:
        raise ValueError(f"steps must be a row of positive numbers, got {steps!r}.")
    if not sizes:
        raise ValueError(f"errors must hold at least one row of numbers, got {errors!r}.")
    for name, values in sizes.items():
        if values.shape != widths.shape or values.min() < 0:
            raise ValueError(
                f"errors[{name!r}] must be {len(widths)} numbers that are not negative, one for each step."
            )
    largest = max(float(values.max()) for values in sizes.values()) or 1.0
    smallest = min((float(values[values > 0].min()) for values in sizes.values() if values.any()), default=1.0)
    low, high = np.floor(np.log10(smallest)), np.ceil(np.log10(largest))
    ground = 10 ** (low - 2)  # where 0 is drawn, as it has no logarithm
    picture = Picture(figsize=(5.5, 3.4), layout="constrained")
    axes = picture.add_subplot(xscale="log", yscale="log", xlabel="step $h$", ylabel="error")
    axes.axhline(ground, color="0.8", linewidth=0.8, zorder=0)
    for (name, values), style in zip(sizes.items(), cycle(_LINES), strict=False):
        axes.plot(widths, np.where(values > 0, values, ground), linewidth=1, label=name, clip_on=False, **style)
    powers = np.arange(low, high + 1, max(1, (high - low) // 5))
    axes.set_yticks([ground, *10.0**powers], labels=["0", *(f"$10^{{{power:.0f}}}$" for power in powers)])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    in_words = (
        f"{name}: {', '.join(f'{error:.2g} at {step:g}' for step, error in zip(widths, values, strict=True))}."
        for name, values in sizes.items()
    )
    picture.alt = " ".join(["The error at each step.", *in_words])
    return picture


_LINES: tuple[dict[str, Any], ...] = (
    {"color": "#0b5a8f", "marker": "o", "markersize": 4.5},
    {"color": "#c2571a", "marker": "D", "markersize": 8, "fillstyle": "none"},
)
_SIDE, _GAP, _ROW_GAP, _MARGIN, _TOP, _BOTTOM = 1.5, 0.8, 0.36, 0.25, 1.2, 0.55  # inches
_HEADINGS = 0.6  # where those of the stages begin, below the title
_DIGIT = 0.68  # the width of a character, in units of its font size
Limits = tuple[float, float]


def figure_of_pictures(
    rows: Sequence[Sequence[ArrayLike]],
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    title: str = "",
    side: float = _SIDE,
) -> Picture:
    """Draw pictures in rows and columns, each with a caption below it.

    Parameters
    ----------
    rows : sequence of sequences of array
        Each a picture: grey (H, W) or (1, H, W), or in colour, (3, H, W) or (H, W, 3) as :func:`overlay` returns it,
        which any array with a last axis of 3 is taken for; in 0 … 1. Rows may differ in length.
    row_names, column_names : sequence of str, optional
        Names to the left of the rows and above the columns.
    captions : sequence of sequences of str, optional
        One for each picture; it may have several lines.
    title : str
        A line above all.
    side : float
        The side of a picture, in inches.

    Returns
    -------
    Picture
        A matplotlib figure. Its alternative text has the names and captions.

    Raises
    ------
    ValueError
        If an argument is not of that shape and range.
    """
    if len(rows) == 0 or not all(map(len, rows)) or not side > 0:
        raise ValueError("rows must hold at least one picture each, and side must be positive.")
    for name, values, count in (
        ("row_names", row_names, len(rows)),
        ("column_names", column_names, max(map(len, rows))),
        ("captions", captions, len(rows)),
    ):
        if values and len(values) != count:
            raise ValueError(f"{name} must be {count}, got {len(values)}.")
    texts = captions or [[""] * len(row) for row in rows]
    if [*map(len, texts)] != [*map(len, rows)]:
        raise ValueError(f"captions must be one for each picture, {[*map(len, rows)]}, got {[*map(len, texts)]}.")
    lines = max(text.count("\n") + bool(text) for row in texts for text in row)
    left = _MARGIN + max((0.09 * len(line) + 0.15 for name in row_names for line in name.split("\n")), default=0)
    top = 0.15 + 0.4 * bool(title) + 0.3 * bool(column_names)
    across, down = side + 0.12, side + 0.12 + 0.19 * lines
    columns = max(map(len, rows))
    picture = Picture(figsize=(left + columns * across - 0.12 + _MARGIN, top + len(rows) * down + 0.1))
    _write(picture, _MARGIN, 0.15, title, size=13, weight="bold", parse_math=False)
    for column, name in enumerate(column_names):
        _write(picture, left + column * across + side / 2, top - 0.27, name, size=11, ha="center")
    for row, (pictures, notes) in enumerate(zip(rows, texts, strict=True)):
        if row_names:
            height = 0.085 * (1 + row_names[row].count("\n"))  # half of it
            _write(picture, left - 0.12, top + row * down + side / 2 - height, row_names[row], size=11, ha="right")
        for column, (pixels, note) in enumerate(zip(pictures, notes, strict=True)):
            axes = _add_axes(picture, left + column * across, top + row * down, side, side)
            draw_map(axes, _any_picture(f"rows[{row}][{column}]", pixels), POSITIVE, (0, 1))
            _write(
                picture, left + column * across + side / 2, top + row * down + side + 0.04, note, size=9, ha="center"
            )
    picture.alt = " ".join([*_as_sentence(title), *_cells_in_words(row_names, column_names, texts)])
    return picture


def _cells_in_words(row_names: Sequence[str], column_names: Sequence[str], texts: Sequence[Sequence[str]]) -> list[str]:
    sentences = []
    for row, captions in enumerate(texts):
        for column, caption in enumerate(captions):
            words = [*row_names[row : row + 1], *column_names[column : column + 1], caption]
            sentences.append(", ".join(" ".join(_spoken(part).split()) for part in words if part))
    return [f"{sentence}." for sentence in sentences if sentence]


def _any_picture(name: str, values: ArrayLike) -> NDArray[np.float64]:  # -> (H, W, 3)
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[-1] == 3:
        array = np.moveaxis(array, -1, 0)
    return _rgb(array[None] if array.ndim == 2 else array, name)


def figure_of_methods(explanations: Sequence[Explanation], *, columns: int = 5) -> Picture:
    """Draw one map for each of several methods: L with its numbers if it is small, or else L^c over the image.

    Each map is on a scale of its own: the numbers of two methods cannot be compared.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of one image, by different methods.
    columns : int, default 5
        How many to draw side by side.

    Returns
    -------
    Picture
        A matplotlib figure.
    """
    across = as_int("columns", columns, 1)
    side, gap = 1.7, 0.15
    rows = -(-len(explanations) // across)
    size = 2 * _MARGIN + min(across, len(explanations)) * (side + gap) - gap, 0.15 + rows * (side + 0.4)
    picture, words = Picture(figsize=size), []
    for number, e in enumerate(explanations):
        row, column = divmod(number, across)
        axes = _add_axes(picture, _MARGIN + column * (side + gap), 0.4 + row * (side + 0.4), side, side)
        axes.set_title(e.method, size=10.5, pad=4)
        weighted_sum, image = as_floats(e.weighted_sum), shown(e.image)
        if image is None or _is_small(weighted_sum):
            draw_map(axes, weighted_sum, SIGNED, _balanced(weighted_sum))
            words.append(_in_words(e.method, weighted_sum))
        else:
            heat = normalise(resize(as_floats(e.localization_map), image.shape[1:]))
            draw_map(axes, overlay(image, heat), POSITIVE, (0, 1))
            words.append(f"{e.method}.")
    picture.alt = " ".join(words)
    return picture


def figure_of_kernels(explanation: Explanation, *, most_maps: int = 8) -> Picture:
    """Draw the kernels of the last convolution beside the maps that they make, and how much each map contributes.

    A kernel is drawn as one square for each channel of its input, row by row, each kernel on a scale of its own: red
    where more of that channel makes its map larger, blue where it makes it smaller.

    Parameters
    ----------
    explanation : Explanation
        Of one image, by :func:`numpycam.grad_cam`.
    most_maps : int, default 8
        How many kernels to show at most: those of the maps with the largest shares.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation is of a batch, or no convolution with as many kernels leads to its layer.
    """
    e = explanation
    if e.network is None or e.layer is None or e.feature_maps.ndim != 3:
        raise ValueError("kernels are drawn of the explanation of one image, with its network.")
    found = convolutions_in(e.network.split(e.layer)[0])
    if not found or len(found[-1].weight) != len(e.feature_maps):
        raise ValueError(f"the maps of {e.layer!r} are not those of the kernels of a Conv2d before it.")
    kept = np.sort(np.argsort(-e.channel_shares, kind="stable")[: as_int("most_maps", most_maps, 1)])
    kernels, maps = as_floats(found[-1].weight[kept]), as_floats(e.feature_maps[kept])
    colormap, limits = (SIGNED, _balanced(maps)) if maps.min() < 0 else (POSITIVE, _from_zero(maps))
    shares = [f"share {100 * float(share):.1f} %" for share in e.channel_shares[kept]]
    return figure_of_pictures(
        [
            [_coloured(_tiled(kernel), SIGNED, _balanced(kernel)) for kernel in kernels],
            [_coloured(one, colormap, limits) for one in maps],
        ],
        row_names=["kernel", "map"],
        column_names=[f"$A^{{{k + 1}}}$" for k in kept],
        captions=[[""] * len(kept), shares],
        side=1.2,
    )


def _coloured(values: Array, colormap: str, limits: Limits) -> Array:  # (H, W) -> (H, W, 3); NaN is white
    colours = mpl.colormaps[colormap].with_extremes(bad="white")
    return colours(np.ma.masked_invalid(Normalize(*limits)(values)))[..., :3]


def _tiled(kernel: Array) -> Array:  # (C, KH, KW) -> (rows (KH + 1) - 1, columns (KW + 1) - 1)
    """Return the slices of a kernel in a square as wide as it is high, with a line of NaN between them."""
    channels, height, width = kernel.shape
    columns = int(np.ceil(np.sqrt(channels)))
    tiles = np.full((-(-channels // columns) * columns, height + 1, width + 1), np.nan)
    tiles[:channels, :height, :width] = kernel
    grid = tiles.reshape(-1, columns, height + 1, width + 1).swapaxes(1, 2)
    return grid.reshape(-1, columns * (width + 1))[:-1, :-1]


class Stage(NamedTuple):
    """One stage to be drawn: its maps, on one scale, and how they came about."""

    name: str
    heading: str
    operation: str
    symbol: str
    maps: Array
    channels: Sequence[int] = ()
    colormap: str = SIGNED
    limits: Limits | None = None
    width: float = _SIDE
    has_bar: bool = True

    def in_words(self, number: int | None = None) -> str:
        """Return one of the maps, or all, for an alternative text."""
        names = [f"{self.heading} {_numbered(self.symbol, channel)}".strip() for channel in self.channels]
        texts = [_in_words(*pair) for pair in zip(names or [self.heading], self.maps, strict=True)]
        return " ".join(texts) if number is None else texts[number]


def stages_of(explanation: Explanation, method: Any, most_maps: int) -> list[Stage]:
    """Return the stages of an explanation of one image, in order."""
    e = explanation
    if e.feature_maps.ndim != 3:
        raise ValueError("a figure shows the explanation of one image: of a batch pass explanation[n].")
    for name in ("feature_maps", "gradients", "weighted_maps", "weighted_sum"):
        as_array(name, getattr(e, name))  # NaN and infinity have no colour
    kept = np.sort(np.argsort(-e.channel_shares, kind="stable")[: as_int("most_maps", most_maps, 1)])
    channels = [int(k) + 1 for k in kept]
    localization, is_grad_cam = as_floats(e.localization_map), e.method == "Grad-CAM"
    weighted = r"\alpha_k A^k" if is_grad_cam else "M^k"
    columns = [
        Stage("weighted_maps", "weighted maps", "× $A^k$" if is_grad_cam else "weights", weighted,
                as_floats(e.weighted_maps[kept]), channels),
        Stage("weighted_sum", "weighted sum", r"$\Sigma_k$", rf"L = \Sigma_k\, {weighted}",
                as_floats(e.weighted_sum[None])),
        Stage("localization_map", e.method, "ReLU", r"L^c = \mathrm{ReLU}(L)", localization[None],
                colormap=POSITIVE, limits=_from_zero(localization)),
    ]  # fmt: skip
    if e.alphas is not None:
        alphas, limits = as_floats(e.alphas[kept, None, None]), None
        if is_grad_cam:
            limits = _balanced(as_floats(e.gradients[kept]))
        columns.insert(0, Stage("alphas", "average" if is_grad_cam else "weights", "mean" if is_grad_cam else "",
                r"\alpha_k", alphas, channels, limits=limits, width=0.62 * _SIDE, has_bar=False))  # fmt: skip
    if len(e.weighted_maps) == len(e.feature_maps):
        columns = [
            Stage("feature_maps", "feature maps", "forward", "A^k", as_floats(e.feature_maps[kept]), channels),
            Stage("gradients", "gradient maps", "backward", "dy^c/dA^k", as_floats(e.gradients[kept]), channels),
            *columns,
        ]
    image = shown(e.image)
    if image is None:
        return columns
    heat = normalise(resize(localization, image.shape[1:], method))
    grey = as_floats(e.image) if len(image) == 1 else None  # its own numbers, not those rescaled for the colours
    drawn = np.moveaxis(image, 0, -1)[None] if grey is None else grey
    limits = (0.0, 1.0) if grey is None else (min(0.0, float(grey.min())), max(1.0, float(grey.max())))
    return [
        Stage("image", "picture", "", "x", drawn, colormap="gray", limits=limits, has_bar=False),
        *columns,
        Stage("overlay", "overlay", "on x", r"L^c\ \mathrm{over}\ x", overlay(image, heat)[None], has_bar=False),
    ]


def _figure_of(column: Stage) -> Picture:
    """Draw one column lying down: its maps side by side."""
    pitch = column.width + 0.3
    width = len(column.maps) * pitch - 0.3
    top = 0.4 + 0.3 * bool(column.heading)
    picture = Picture(figsize=(width + 2 * _MARGIN, top + _SIDE + (0.5 if column.has_bar else 0.15)))
    _write(picture, _MARGIN, 0.12, column.heading, size=13, weight="bold")
    limits = limits_of(column)
    for number, values in enumerate(column.maps):
        axes = _add_axes(picture, _MARGIN + number * pitch, top, column.width, _SIDE)
        draw_map(axes, values, column.colormap, limits)
        symbol = _numbered(column.symbol, column.channels[number]) if column.channels else f"${column.symbol}$"
        axes.set_title(symbol, size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, _MARGIN, top + _SIDE + 0.1, width, column.colormap, limits)
    picture.alt = column.in_words()
    return picture


def _draw_column(picture: Picture, column: Stage, left: float, rows: int) -> None:
    middle, pitch = left + column.width / 2, _SIDE + _ROW_GAP
    _write(picture, middle, _HEADINGS, column.heading, size=13, weight="bold", ha="center")
    _write(picture, middle, 0.85, f"${column.symbol}$", size=13, ha="center")
    limits = limits_of(column)
    top = _TOP + (rows - len(column.maps)) / 2 * pitch  # a single map stands in the middle
    for row, values in enumerate(column.maps):
        axes = _add_axes(picture, left, top + row * pitch + _ROW_GAP, column.width, _SIDE)
        draw_map(axes, values, column.colormap, limits)
        if column.channels:
            axes.set_title(_numbered(column.symbol, column.channels[row]), size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, left, _TOP + rows * pitch + 0.15, column.width, column.colormap, limits)


def _draw_arrow(picture: Picture, operation: str, middle: float, top: float) -> None:
    _write(picture, middle, top - 0.23, operation, size=11.5, ha="center", color="0.2")
    _write(picture, middle, top - 0.05, "⟶", size=17, ha="center", color="0.2")


def _draw_bar(picture: Picture, left: float, top: float, width: float, colormap: str, limits: Limits) -> None:
    """Draw a colour bar that names its limits and zero, nothing outside of its width."""
    axes = _add_axes(picture, left, top, width, 0.1)
    bar = picture.colorbar(ScalarMappable(Normalize(*limits), colormap), cax=axes, orientation="horizontal")
    ticks = sorted({limits[0], 0, limits[1]})
    labels = [format_number(tick) for tick in ticks]
    if len("".join(labels)) > 10 * width:  # no more characters fit side by side
        labels = [label if label != "0" else "" for label in labels]
    bar.set_ticks(ticks, labels=labels)
    bar.outline.set_linewidth(0.5)
    axes.tick_params(labelsize=min(12, 72 * width / (_DIGIT * len(" ".join(labels)))), length=2, pad=2)
    first, *_, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _add_axes(picture: Picture, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches from the upper left corner."""
    all_width, all_height = picture.get_size_inches()
    bottom = all_height - top - height
    return picture.add_axes((left / all_width, bottom / all_height, width / all_width, height / all_height))


def _write(picture: Picture, left: float, top: float, text: str, **style: Any) -> None:
    """Write at a place in inches from the upper left corner."""
    width, height = picture.get_size_inches()
    picture.text(left / width, 1 - top / height, text, va="top", **style)


def colours_of(stage: Stage, number: int) -> Array:  # -> (H, W, 3)
    """Return the colours of one of a stage's maps, in 0 … 1."""
    values = stage.maps[number]
    if values.ndim == 3:
        return values
    return mpl.colormaps[stage.colormap](Normalize(*limits_of(stage))(values))[..., :3]


def limits_of(stage: Stage) -> Limits:
    """Return the values that the lowest and the highest colour stand for."""
    return stage.limits or _balanced(stage.maps)


def draw_map(axes: Axes, values: Array, colormap: str, limits: Limits) -> None:
    """Draw one map (H, W) or picture (H, W, 3); print its numbers if there are few enough of them."""
    axes.imshow(values, cmap=colormap, norm=Normalize(*limits), interpolation="nearest", origin="upper")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    if not _is_small(values):
        return
    frame, (rows, columns) = axes.get_window_extent(), values.shape
    cell = 72 / axes.figure.dpi * min(frame.width / columns, frame.height / rows)  # points
    for digits in (5, 3):
        texts = {place: format_number(value, digits) for place, value in np.ndenumerate(values)}
        size = min(13.0, cell / (_DIGIT * max(map(len, texts.values()))))
        if size >= 7:
            break
    else:
        return  # too small to be read
    colours = mpl.colormaps[colormap](Normalize(*limits)(values))
    for (row, column), text in texts.items():
        colour = "white" if is_dark(colours[row, column]) else "black"
        axes.text(column, row, text, color=colour, size=size, ha="center", va="center")


def is_dark(colour: Array) -> bool:
    """Whether white text on a colour (red, green, blue, ...) has more contrast than black text, after WCAG 2."""
    linear = np.where(colour[:3] <= 0.04045, colour[:3] / 12.92, ((colour[:3] + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return bool((luminance + 0.05) ** 2 < 1.05 * 0.05)


def format_number(value: float, digits: int = 5) -> str:
    """Return a number in five digits, or in three if that is too long, with a true minus sign."""
    text = f"{value + 0.0:.{digits}g}"
    return (text if len(text.lstrip("-")) <= 7 else f"{value:.3g}").replace("-", "−")


def _is_small(values: Array) -> bool:
    """Whether the numbers of a map can be printed into its cells."""
    return values.ndim == 2 and max(values.shape) <= 6


def _in_words(name: str, values: Array) -> str:
    """Return a map for the alternative text: its numbers, row by row, or else its size."""
    spoken = _spoken(name)
    if _is_small(values):
        return f"{spoken}: {'; '.join(', '.join(map(format_number, row)) for row in values)}."
    return f"{spoken}: {values.shape[0]} × {values.shape[1]} cells."


def _as_sentence(title: str) -> list[str]:
    """Return a title with its full stop, or nothing if there is none."""
    return [title if title.endswith((".", "?", "!")) else f"{title}."] if title else []


def _spoken(formula: str) -> str:
    return formula.replace(r"\alpha", "α").translate({ord(sign): None for sign in "${}"})


def _numbered(symbol: str, number: int) -> str:
    """Return a formula with the number in the place of the index k."""
    index = re.compile(r"(?<=[\^_])k")
    return f"${index.sub(f'{{{number}}}', symbol)}$"


def _balanced(values: Array) -> Limits:
    """Return limits with zero in the middle."""
    largest = float(np.abs(values).max()) or 1.0
    return -largest, largest


def _from_zero(values: Array) -> Limits:
    return 0.0, float(values.max()) or 1.0


def shown(image: Array | None) -> Array | None:
    """Return an image in floats, in 0 … 1: unchanged if it lies there, or else from its minimum to its maximum.

    None if it is not known, or neither grey nor of three colours.
    """
    if image is None or len(image) not in (1, 3):
        return None
    picture = as_floats(image)
    low, high = picture.min(), picture.max()
    return picture if low >= 0 and high <= 1 else (picture - low) / ((high - low) or 1)


def with_picture(explanation: Explanation, picture: ArrayLike | None) -> Explanation:
    """Return the explanation as it is drawn: with what a person sees in the place of its image, if that is given.

    The picture is grey or of three colours, in 0 … 1, and of the image's height and width.
    """
    if picture is None:
        return explanation
    seen = _as_picture("picture", picture)
    size = () if explanation.image is None else explanation.image.shape[-2:]
    if seen.shape[1:] != size:
        raise ValueError(f"picture must have the height and width of the image, {size}, got {seen.shape[1:]}.")
    return replace(explanation, image=seen)


def _rgb(image: ArrayLike, name: str = "image") -> NDArray[np.float64]:  # (C, H, W) -> (H, W, 3)
    picture = _as_picture(name, image)
    return np.moveaxis(np.broadcast_to(picture, (3, *picture.shape[1:])), 0, -1)


def _as_picture(name: str, image: ArrayLike) -> NDArray[np.float64]:  # (C, H, W), in 0 … 1
    scale = 255 if np.asarray(image).dtype == np.uint8 else 1
    picture = as_array(name, image).astype(np.float64) / scale
    if picture.ndim != 3 or len(picture) not in (1, 3):
        fix = {2: f"; for one channel pass {name}[None]", 3: "; channels come first"}.get(picture.ndim, "")
        raise ValueError(f"{name} must have shape (1, H, W) or (3, H, W), got {picture.shape}{fix}.")
    _check_unit_range(name, picture, "divide it by its largest possible value")
    return picture


def _check_colormap(name: str) -> None:
    if name not in mpl.colormaps:
        raise ValueError(f"colormap must be a colour map of matplotlib, got {name!r}.")


def _check_unit_range(name: str, values: Array, mend: str) -> None:
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"{name} must lie in 0..1, got {values.min():.6g}..{values.max():.6g}: {mend}.")
