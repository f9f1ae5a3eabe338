"""The stages of an explanation: each in its own figure, all in a row, or one after the other."""

import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_array, as_int, as_list, as_rounded, check_is, check_one_of, check_text
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
    check_title,
    colour_map,
    draw_map,
    drawable,
    from_zero,
    is_small,
    map_in_words,
    numbers_in_words,
    own_settings,
    write,
)
from numpycam.display.pixels import overlay, shown
from numpycam.exact import as_floats
from numpycam.resize import Interpolation, normalise, resize
from numpycam.text import decimal, format_number

_GAP, _ROW_GAP, _TOP, _BOTTOM = 0.8, 0.36, 1.2, 0.55  # inches
_HEADINGS = 0.6  # inches from the top to the headings of the stages
_SMALLEST_LABEL = 8  # points: of a colour bar
_PALE = 0.75  # how much of a stage to come is white paper


class Column(NamedTuple):
    """One stage, to be drawn as a column: its maps, on one scale, and the operation that made them."""

    name: str
    heading: str
    operation: str
    symbol: str
    maps: Array  # (n, H, W), or (1, H, W, 3) for a picture in colour
    channels: Sequence[int] = ()  # the number of each map, from 1; empty for a single map without a number
    colormap: str = SIGNED
    limits: Limits | None = None
    width: float = SIDE
    has_bar: bool = True
    painted: Array | None = None  # (H', W'): of an overlay, the map that was laid over the picture
    names: Sequence[str] = ()  # of each map, in the place of the symbol

    @property
    def titles(self) -> Sequence[str]:
        """What stands above each map; empty for a single map without a number."""
        return self.names or [_numbered(self.symbol, channel) for channel in self.channels]

    def in_words(self, number: int | None = None) -> str:
        """Return all maps, or one of them, in words, for the alternative text."""
        names = [f"{self.heading} {title}".strip() for title in self.titles]
        texts = [map_in_words(*pair) for pair in zip(names or [self.heading], self.maps, strict=True)]
        if self.painted is not None and is_small(self.painted):
            texts = [f"{texts[0].removesuffix('.')}, with the numbers of the map: {numbers_in_words(self.painted)}."]
        return " ".join(texts) if number is None else texts[number]


def columns_of(explanation: Stages, interpolation: Interpolation, most_maps: int) -> list[Column]:
    """Return the stages of an explanation of one image, in order, the overlay last."""
    check_is("explanation", explanation, Stages, "an Explanation")
    e = explanation
    if e.feature_maps.ndim != 3:
        raise ValueError("a figure shows the explanation of one image: for a batch pass explanation[n].")
    for name in ("feature_maps", "gradients", "weighted_maps", "weighted_sum"):
        as_array(name, getattr(e, name))  # NaN and infinity have no colour
    kept = largest_shares(e, most_maps)
    columns = [*_inputs(e, kept), *_weights(e, kept), *_results(e, kept)]
    image = shown(e.image)
    return columns if image is None else [_picture(e, image), *columns, _overlay(e, image, interpolation)]


def _inputs(e: Stages, kept: NDArray[np.intp]) -> list[Column]:
    """Return the feature maps, and the gradient maps if the method uses gradients.

    Return nothing unless there is one weighted map for each feature map.
    """
    if len(e.weighted_maps) != len(e.feature_maps):
        return []
    at_the_image, symbol, numbers = e.layer == "input", _feature_symbol(e), _numbers(kept)
    heading, operation = ("channels", "") if at_the_image else ("feature maps", "forward")
    columns = [Column("feature_maps", heading, operation, symbol, as_floats(e.feature_maps[kept]), numbers)]
    if e.gradients_used != "unused":
        derivative = f"dy^c/d{symbol}" if e.gradients_used == "plain" else "g^k"
        gradients = as_floats(e.gradients[kept])
        columns.append(Column("gradients", "gradient maps", "backward", derivative, gradients, numbers))
    return columns


def _weights(e: Stages, kept: NDArray[np.intp]) -> list[Column]:
    """Return α, one number for each map. Return nothing if the method does not weigh each map as a whole."""
    if not _has_alphas(e):
        return []
    alphas = as_floats(e.alphas[kept, None, None])
    heading, operation = ("average", "mean") if e.method == "Grad-CAM" else ("weights", "")
    return [Column("alphas", heading, operation, r"\alpha_k", alphas, _numbers(kept), width=0.62 * SIDE)]


def _results(e: Stages, kept: NDArray[np.intp]) -> list[Column]:
    """Return the weighted maps, their sum, and the localization map."""
    if _has_alphas(e):
        operation, symbol = f"× ${_feature_symbol(e)}$", rf"\alpha_k {_feature_symbol(e)}"
    else:
        operation, symbol = "" if e.gradients_used == "unused" else "weights", "M^k"
    maps, total, heat = (as_floats(values) for values in (e.weighted_maps[kept], e.weighted_sum, e.localization_map))
    last = Column("localization_map", e.method, "ReLU", r"L^c = \mathrm{ReLU}(L)", heat[None], colormap=POSITIVE)
    return [
        Column("weighted_maps", "weighted maps", operation, symbol, maps, _numbers(kept)),
        Column("weighted_sum", "weighted sum", r"$\Sigma_k$", rf"L = \Sigma_k\, {symbol}", total[None]),
        last._replace(limits=from_zero(heat)),
    ]


def _picture(e: Stages, image: Array) -> Column:
    """Return the image as it is drawn. A grey image keeps its own numbers, even outside of 0 … 1."""
    if len(image) == 1:
        values = as_floats(e.image)
        limits = min(0.0, float(values.min())), max(1.0, float(values.max()))
    else:
        values, limits = np.moveaxis(image, 0, -1)[None], (0.0, 1.0)  # (3, H, W) -> (1, H, W, 3)
    return Column("image", "picture", "", "x", values, colormap="gray", limits=limits, has_bar=False)


def _overlay(e: Stages, image: Array, interpolation: Interpolation) -> Column:
    """Return the map laid over the image. The column keeps the map itself, for its numbers and its scale."""
    raw = as_floats(e.localization_map)
    heat = normalise(resize(raw, image.shape[1:], interpolation))
    column = Column("overlay", "overlay", "on x", r"L^c\ \mathrm{over}\ x", overlay(image, heat)[None])
    return column._replace(limits=from_zero(raw), has_bar=bool(raw.any()), painted=raw)


def _feature_symbol(e: Stages) -> str:
    """Return the symbol of a feature map. At the input, the maps are the channels of the picture."""
    return "x_k" if e.layer == "input" else "A^k"


def _has_alphas(e: Stages) -> bool:
    """Whether each feature map has one weight."""
    return e.alphas is not None and e.weighted_maps.shape == e.feature_maps.shape


def _numbers(kept: NDArray[np.intp]) -> list[int]:
    """Return the numbers of the maps that are kept, as they are written: from 1."""
    return [int(k) + 1 for k in kept]


def largest_shares(explanation: Stages, most_maps: int) -> NDArray[np.intp]:
    """Return the indices, from 0 and in order, of the maps that contribute most: ``most_maps`` of them at most."""
    return np.sort(np.argsort(-explanation.channel_shares, kind="stable")[: as_int("most_maps", most_maps, 1)])


def choice_in_words(shown: int, maps: int) -> str:
    """Return a sentence that says how many of the maps are shown; nothing if all are, or none."""
    return f"{shown} of {maps} maps are shown, those that contribute most." if 0 < shown < maps else ""


@own_settings()
def figure_of_stages(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
) -> Picture:
    """Draw all stages in a row: picture, A, dy/dA, α, α A, weighted sum, ReLU, overlay.

    If the image is not known, or has neither one nor three channels, the picture and the overlay are left out.

    Parameters
    ----------
    explanation : Explanation
        The explanation of one image.
    title : str
        A line above the figure.
    interpolation : {"bilinear", "nearest"}
        How the map is resized for the overlay.
    most_maps : int, default 4
        How many feature maps to show at most. The maps with the largest shares are shown.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation is for a batch, or holds NaN or infinity.
    """
    check_title(title)
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
    note = choice_in_words(max(len(column.channels) for column in columns), len(explanation.weighted_maps))
    write(picture, width - MARGIN, 0.2, note, size=11, color="0.35", ha="right")
    picture.alt = " ".join([*as_sentence(title), *filter(None, [note]), *(one.in_words() for one in columns)])
    return picture


def figure_of_stage(
    explanation: Stages, stage: str, *, interpolation: Interpolation = "bilinear", most_maps: int = 4
) -> Picture:
    """Draw one stage of an explanation, with its maps side by side.

    Parameters
    ----------
    explanation : Explanation
        The explanation of one image.
    stage : str
        The name of a field of the explanation, such as ``"feature_maps"``, or ``"overlay"``.
    interpolation, most_maps
        As for :func:`figure_of_stages`.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation has no such stage, is for a batch, or holds NaN or infinity.
    """
    columns = {column.name: column for column in columns_of(explanation, interpolation, most_maps)}
    check_one_of("stage", stage, columns)
    return _figure_of(columns[stage])


@own_settings()
def figure_of_overlay(explanation: Stages, image: Array, *, interpolation: Interpolation = "bilinear") -> Picture:
    """Draw the map over an image, with a scale. The numbers of a small map stand in its cells.

    Parameters
    ----------
    explanation : Explanation
        Of one image.
    image : array, shape (C, H, W)
        In 0 … 1, with one channel or three.
    interpolation : {"bilinear", "nearest"}
        How the map is brought to the size of the image.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the map holds a number that cannot be drawn, such as NaN.
    """
    return _figure_of(_overlay(explanation, image, interpolation))


def figure_of_maps(maps: ArrayLike, symbol: str | Sequence[str], *, signed: bool = True, colormap: str = "") -> Picture:
    """Draw maps side by side on one scale.

    Parameters
    ----------
    maps : array, shape (K, H, W)
    symbol : str or sequence of str
        A formula for the maps, such as ``"A^k"``. The index k is replaced by the number of the map, from 1. Or a name
        for each map, such as ``["for", "against"]``.
    signed : bool, default True
        Whether zero is in the middle of the colours. If False, it is their lower end, and no value may be negative.
    colormap : str, optional
        A colour map of matplotlib, such as ``"gray"`` for a picture. By default ``"RdBu_r"`` if signed, or else
        ``"cividis"``.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    TypeError, ValueError
        If the maps do not have this shape, or are negative although ``signed`` is False, or there is no such colour
        map, or not one name for each map.
    """
    values = as_rounded("maps", maps)
    names = [] if isinstance(symbol, str) else as_list("symbol", symbol, "of str, or a str such as 'A^k'")
    for text in names or [symbol]:
        check_text("symbol", text)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"maps must have shape (K, H, W) with no empty axis, got {values.shape}.")
    if not signed and values.min() < 0:
        raise ValueError(f"maps with signed=False must not be negative, got {decimal(values.min())}.")
    usual, limits = (SIGNED, balanced(values)) if signed else (POSITIVE, from_zero(values))
    check_colormap(colormap or usual)
    if names and len(names) != len(values):
        raise ValueError(f"symbol must have a name for each of the {len(values)} maps, got {len(names)}.")
    numbers = range(1, len(values) + 1)
    return _figure_of(Column("", "", "", str(symbol), values, numbers, colormap or usual, limits, names=names))


def animation_of_stages(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
    seconds: float = 2.5,
) -> bytes:
    """Return the figure of all stages as an animated GIF. The stages appear one after the other.

    The stages to come can be seen from the start, but pale.

    Parameters
    ----------
    explanation, title, interpolation, most_maps
        As for :func:`figure_of_stages`.
    seconds : float, default 2.5
        How long until the next stage appears, 0.02 … 600.

    Returns
    -------
    bytes
        A GIF file.

    Raises
    ------
    ValueError
        As for :func:`figure_of_stages`; also if the seconds are not in 0.02 … 600.
    """
    if not 0.02 <= seconds <= 600:
        raise ValueError(f"seconds must be in 0.02..600, got {seconds}.")
    from PIL import Image  # which matplotlib brings along

    figure = figure_of_stages(explanation, title=title, interpolation=interpolation, most_maps=most_maps)
    whole = Image.open(BytesIO(figure.as_png())).convert("RGB")
    pale = Image.blend(whole, Image.new("RGB", whole.size, "white"), _PALE)
    pixels = whole.width / figure.get_size_inches()[0]
    frames, right = [], MARGIN
    for column in columns_of(explanation, interpolation, most_maps):
        right += column.width
        frame = whole.copy()
        to_come = round((right + 0.02) * pixels), round(_HEADINGS * pixels), whole.width, whole.height
        frame.paste(pale.crop(to_come), to_come)
        frames.append(frame)
        right += _GAP
    return _as_gif([*frames[:-1], whole], pale, round(1000 * seconds))


def _as_gif(frames: Sequence[Any], pale: Any, milliseconds: int) -> bytes:
    """Return pictures of Pillow's as an animated GIF. All have the same 256 colours, so that nothing flickers.

    These are the colours of the last frame, and of its pale copy.
    """
    from PIL import Image

    whole = frames[-1]
    both = Image.new("RGB", (whole.width, 2 * whole.height))
    both.paste(whole)
    both.paste(pale, (0, whole.height))
    colours = both.quantize()
    film = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    for frame in film:
        frame.putpalette(_with_white(frame.getpalette() or [], frame.getpixel((0, 0))))
    buffer = BytesIO()
    film[0].save(buffer, "gif", save_all=True, append_images=film[1:], duration=milliseconds, optimize=True)
    return buffer.getvalue()


def _with_white(palette: list[int], paper: Any) -> list[int]:
    """Return the palette with a white for the paper. The quantisation makes it a little grey."""
    return palette[: 3 * paper] + [255] * 3 + palette[3 * paper + 3 :]


def colours_of(column: Column, number: int) -> Array:  # -> (H, W, 3)
    """Return the colours of one of the column's maps, in 0 … 1."""
    values = column.maps[number]
    if values.ndim == 3:
        return values
    drawn, norm = drawable(values, limits_of(column))
    return colour_map(column.colormap)(norm(drawn))[..., :3]


def limits_of(column: Column) -> Limits:
    """Return the values that the lowest and the highest colour stand for."""
    return column.limits or balanced(column.maps)


@own_settings()
def _figure_of(column: Column) -> Picture:
    """Draw one column in a figure of its own, its maps side by side."""
    pitch = column.width + 0.3
    width = len(column.maps) * pitch - 0.3
    top = 0.7 if column.heading else 0.4
    picture = Picture(figsize=(width + 2 * MARGIN, top + SIDE + (0.5 if column.has_bar else 0.15)))
    write(picture, MARGIN, 0.12, column.heading, size=13, weight="bold")
    limits = limits_of(column)
    for number, values in enumerate(column.maps):
        axes = add_axes(picture, MARGIN + number * pitch, top, column.width, SIDE)
        draw_map(axes, values, column.colormap, limits)
        _draw_numbers(axes, column)
        axes.set_title(column.titles[number] if column.titles else f"${column.symbol}$", size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, MARGIN, top + SIDE + 0.1, width, column)
    picture.alt = column.in_words()
    return picture


def _draw_column(picture: Picture, column: Column, left: float, rows: int) -> None:
    """Draw one column, its maps one below the other, into a figure with space for ``rows`` maps."""
    middle, pitch = left + column.width / 2, SIDE + _ROW_GAP
    write(picture, middle, _HEADINGS, column.heading, size=13, weight="bold", ha="center")
    write(picture, middle, 0.85, f"${column.symbol}$", size=13, ha="center")
    limits = limits_of(column)
    top = _TOP + (rows - len(column.maps)) / 2 * pitch  # a single map stands in the middle
    for row, values in enumerate(column.maps):
        axes = add_axes(picture, left, top + row * pitch + _ROW_GAP, column.width, SIDE)
        draw_map(axes, values, column.colormap, limits)
        _draw_numbers(axes, column)
        if column.titles:
            axes.set_title(column.titles[row], size=12, pad=3)
    if column.has_bar:
        _draw_bar(picture, left, _TOP + rows * pitch + 0.15, column.width, column)


def _draw_arrow(picture: Picture, operation: str, middle: float, top: float) -> None:
    """Draw an arrow to the next stage, with the operation above it."""
    write(picture, middle, top - 0.23, operation, size=10.5, ha="center", color="0.2")
    write(picture, middle, top - 0.05, "⟶", size=17, ha="center", color="0.2")


def _draw_numbers(axes: Axes, column: Column) -> None:
    """Write the numbers of a small map over the picture that it is laid over, each in the middle of its cell."""
    if column.painted is None or not is_small(column.painted):
        return
    (height, width), (rows, columns) = column.maps[0].shape[:2], column.painted.shape
    frame = axes.get_window_extent()
    texts = {place: format_number(value) for place, value in np.ndenumerate(column.painted)}
    points = 72 / axes.figure.dpi * min(frame.width / columns, frame.height / rows)
    size = min(11.0, points / (DIGIT * (max(map(len, texts.values())) + 1)))
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "0.4", "linewidth": 0.5}
    for (row, place), text in texts.items():
        across, down = (place + 0.5) * width / columns - 0.5, (row + 0.5) * height / rows - 0.5
        axes.text(across, down, text, size=size, ha="center", va="center", bbox=box)


def _draw_bar(picture: Picture, left: float, top: float, width: float, column: Column) -> None:
    """Draw a colour bar with its limits and zero written below. No label reaches beyond the bar."""
    axes, limits = add_axes(picture, left, top, width, 0.1), limits_of(column)
    numbers = np.array(sorted({limits[0], 0, limits[1]}))
    ticks, norm = drawable(numbers, limits)
    if column.painted is None:
        bar = picture.colorbar(ScalarMappable(norm, colour_map(column.colormap)), cax=axes, orientation="horizontal")
        bar.outline.set_linewidth(0.5)
    else:  # paint looks different over white and over black: show both
        strip = overlay(np.array([[[1.0], [0.0]]]).repeat(256, axis=2), np.tile(np.linspace(0, 1, 256), (2, 1)))
        axes.imshow(strip, extent=(ticks[0], ticks[-1], 0, 1), aspect="auto", interpolation="nearest")
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_linewidth(0.5)
    labels = [format_number(number) for number in numbers]
    if len("".join(labels)) > 10 * width:  # then they do not fit side by side
        labels = ["" if label == "0" else label for label in labels]
    size = min(12, 72 * width / (DIGIT * len(" ".join(labels))))
    if size < _SMALLEST_LABEL and limits[0] == -limits[1]:  # say both ends in one, in the middle
        labels = ["", f"±{labels[-1]}", ""]
        size = min(12, 72 * width / (DIGIT * len(labels[1])))
    axes.set_xticks(ticks.tolist(), labels=labels)
    axes.tick_params(labelsize=size, length=2, pad=2)
    first, *_, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _numbered(symbol: str, number: int) -> str:
    """Return a formula in which the number has replaced the index k."""
    index = re.compile(r"(?<=[\^_])k")
    return f"${index.sub(f'{{{number}}}', symbol)}$"
