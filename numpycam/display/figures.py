"""Other figures: a path, errors, pictures in rows and columns, methods side by side, kernels beside their maps."""

from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_array, as_int, as_rounded, check_is
from numpycam.core.arrays import Array, Pair, Shape
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
    check_title,
    colour_map,
    draw_map,
    drawable,
    from_zero,
    is_small,
    map_in_words,
    own_settings,
    spoken,
    write,
)
from numpycam.display.pixels import as_rgb, overlay, shown
from numpycam.display.stages import largest_shares
from numpycam.exact import as_floats
from numpycam.path import ScorePath
from numpycam.resize import normalise, resize
from numpycam.text import format_number, percent


@own_settings()
def figure_of_path(path: ScorePath) -> Picture:
    """Draw the score along a straight line, with its kinks and slopes.

    Up to six linear pieces have their slopes written beside them.

    Parameters
    ----------
    path : ScorePath
        The result of :func:`numpycam.path.path`.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    TypeError
        If it is no ScorePath.
    """
    check_is("path", path, ScorePath, "a ScorePath")
    points, scores, slopes = (as_floats(values) for values in (path.points, path.scores, path.slopes))
    picture = Picture(figsize=(5.5, 3), layout="constrained")
    axes = picture.add_subplot()
    few = len(slopes) <= 6
    axes.plot(points, scores, color="#0b5a8f", marker="o" if few else "", markersize=5, clip_on=False)
    for start, end, slope, y in zip(points[:-1], points[1:], slopes, (scores[:-1] + scores[1:]) / 2, strict=True):
        if few:
            middle, is_short = ((start + end) / 2, y), end - start < 0.2  # above a short piece the text is upright
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
        if right.get_position()[0] - left.get_position()[0] < 0.12:  # move two near labels apart
            left.set_horizontalalignment("right")
            right.set_horizontalalignment("left")
    axes.spines[["top", "right"]].set_visible(False)
    corners = "; ".join(
        f"{format_number(score)} at t = {format_number(t, 3)}" for t, score in zip(points, scores, strict=True)
    )
    picture.alt = f"The score along the line: {corners if few else f'{len(slopes)} linear pieces'}."
    return picture


_SMALLEST, _LARGEST = 1e-300, 1e300  # what a logarithmic axis is drawn to
_LINES: tuple[dict[str, Any], ...] = (
    {"color": "#0b5a8f", "marker": "o", "markersize": 4.5},
    {"color": "#c2571a", "marker": "D", "markersize": 8, "fillstyle": "none"},
)


@own_settings()
def figure_of_errors(steps: ArrayLike, errors: Mapping[str, ArrayLike]) -> Picture:
    """Draw the errors of finite differences against their steps, both on logarithmic scales.

    An error of 0 has no logarithm. It is drawn at the bottom, on a line labelled 0.

    Parameters
    ----------
    steps : array, shape (n,)
        The steps h, all positive.
    errors : mapping of str to array, shape (n,)
        One or more rows of errors, each with a name for the legend. No error is negative.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If an argument is not of that shape or range.
    """
    widths, sizes = _checked_errors(steps, errors)
    largest = max(float(values.max()) for values in sizes.values()) or 1.0
    smallest = min((float(values[values > 0].min()) for values in sizes.values() if values.any()), default=1.0)
    low, high = np.floor(np.log10(smallest)), min(np.ceil(np.log10(largest)), 300)
    ground = max(10 ** (low - 2), _SMALLEST)  # where an error of 0 is drawn
    picture = Picture(figsize=(5.5, 3.4), layout="constrained")
    axes = picture.add_subplot(xscale="log", yscale="log", xlabel="step $h$", ylabel="error")
    # With limits found by matplotlib, a single step can have both limits at the same place, after a log10 is rounded.
    axes.set_xlim(*(np.clip([widths.min(), widths.max()], _SMALLEST, _LARGEST) * (0.5, 2)))
    axes.set_ylim(*(np.clip([ground, 10.0**high], _SMALLEST, _LARGEST) * (1 / 3, 3)))
    axes.axhline(ground, color="0.8", linewidth=0.8, zorder=0)
    for (name, values), style in zip(sizes.items(), cycle(_LINES), strict=False):
        axes.plot(widths, np.where(values > 0, values, ground), linewidth=1, label=name, clip_on=False, **style)
    first, last = np.clip(np.log10([widths.min(), widths.max()]), -300, 300)
    if last - first > 100:  # there matplotlib's own ticks may overflow
        axes.set_xticks(10.0 ** np.linspace(first, last, 5).round())
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


def _checked_errors(steps: ArrayLike, errors: Mapping[str, ArrayLike]) -> tuple[Array, dict[str, Array]]:
    """Return the steps and the errors as floats, after checking that they can be drawn."""
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
    return widths, sizes


@own_settings()
def figure_of_losses(losses: ArrayLike, *, steps: int = 20, ground: float = 0.0) -> Picture:
    """Draw the losses of a training, step by step, and their mean over the last steps.

    Parameters
    ----------
    losses : array, shape (n,)
        The loss of each step, as ``training.fit`` returns them.
    steps : int, default 20
        Over how many steps the mean is taken. There are at least as many losses.
    ground : float, default 0
        The loss of a network that knows nothing: a dashed line. There is none if it is 0.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If there are fewer losses than steps.
    """
    values = as_floats(losses)
    if values.ndim != 1 or not 1 <= steps <= len(values):
        raise ValueError(f"losses must be a row of at least {steps} numbers, got shape {values.shape}.")
    means = np.convolve(values, np.ones(steps) / steps, mode="valid")
    picture = Picture(figsize=(5.5, 2.8), layout="constrained")
    axes = picture.add_subplot(xlabel="step", ylabel="loss", xlim=(0, len(values)))
    axes.set_ylim(0, 1.6 * max(float(means.max()), ground) or 1.0)
    axes.plot(np.arange(1, len(values) + 1), values, color="0.75", linewidth=0.8, label="one step")
    axes.plot(np.arange(steps, len(values) + 1), means, color="#0b5a8f", label=f"mean of {steps} steps")
    picture.alt = f"The mean loss of {steps} steps goes from {means[0]:.2f} to {means[-1]:.2f}."
    if ground:
        axes.axhline(ground, color="#c2571a", linewidth=0.8, linestyle="--", label="knowing nothing")
        picture.alt += f" A dashed line at {ground:.2f} is that of knowing nothing."
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


@own_settings()
def figure_of_pictures(
    rows: Sequence[Sequence[ArrayLike]],
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    title: str = "",
    side: float = SIDE,
) -> Picture:
    """Draw pictures in rows and columns, each with a caption below it.

    Parameters
    ----------
    rows : sequence of sequences of array
        The pictures, in 0 … 1. A grey picture has shape (H, W) or (1, H, W). A colour picture has shape (3, H, W), or
        (H, W, 3) as :func:`overlay` returns it. An array of three axes whose last axis has length 3 is read as
        (H, W, 3). Rows may differ in length.
    row_names, column_names : sequence of str, optional
        Names to the left of the rows and above the columns.
    captions : sequence of sequences of str, optional
        One caption for each picture; it may have several lines. Neither names nor captions are wrapped.
    title : str
        A line above the figure.
    side : float
        The side of a picture, in inches.

    Returns
    -------
    Picture
        A matplotlib figure. Its alternative text has the names and captions.

    Raises
    ------
    ValueError
        If an argument is not of that shape or range.
    """
    check_title(title)
    if len(rows) == 0 or not all(map(len, rows)) or not side > 0:
        raise ValueError("rows must hold at least one picture each, and side must be positive.")
    if isinstance(rows, np.ndarray) and rows.ndim == 4 and rows.shape[1] == 3:
        raise ValueError(f"rows must be rows of pictures, got one array {rows.shape}: pass [pictures] for one row.")
    texts = captions or [[""] * len(row) for row in rows]
    _check_texts(rows, row_names, column_names, texts)
    lines = [max(len(text.split("\n")) if text else 0 for text in row) for row in texts]
    left = MARGIN + max((0.09 * len(line) + 0.15 for name in row_names for line in name.split("\n")), default=0)
    names_height = max((0.11 + 0.19 * len(name.split("\n")) for name in column_names), default=0)
    top = 0.15 + (0.4 if title else 0) + names_height
    across = side + 0.12
    tops = top + np.cumsum([0.0, *(side + 0.12 + 0.19 * count for count in lines)])  # one for each row, then the end
    columns = max(map(len, rows))
    width = max(left + columns * across - 0.12 + MARGIN, 2 * MARGIN + DIGIT * 13 / 72 * len(title))
    picture = Picture(figsize=(width, tops[-1] + 0.1))
    write(picture, MARGIN, 0.15, title, size=13, weight="bold", parse_math=False)
    for column, name in enumerate(column_names):
        write(picture, left + column * across + side / 2, top + 0.03 - names_height, name, size=11, ha="center")
    for row, (pictures, notes) in enumerate(zip(rows, texts, strict=True)):
        if row_names:
            half = 0.085 * len(row_names[row].split("\n"))  # half of the name's height
            write(picture, left - 0.12, tops[row] + side / 2 - half, row_names[row], size=11, ha="right")
        for column, (pixels, note) in enumerate(zip(pictures, notes, strict=True)):
            axes = add_axes(picture, left + column * across, tops[row], side, side)
            draw_map(axes, _any_picture(f"rows[{row}][{column}]", pixels), POSITIVE, (0, 1))
            write(picture, left + column * across + side / 2, tops[row] + side + 0.04, note, size=9, ha="center")
    picture.alt = " ".join([*as_sentence(title), *_cells_in_words(row_names, column_names, texts)])
    return picture


@own_settings()
def figure_of_parts(image: ArrayLike, parts: Mapping[str, tuple[Pair, Pair]], *, title: str = "") -> Picture:
    """Draw a small picture, with the names of its parts in them.

    Parameters
    ----------
    image : array, shape (C, H, W)
        In 0 … 1, with one channel or three.
    parts : dict of str to ((row, column), (row, column))
        For each name the part's first cell, and the cell after its last.
    title : str
        A line above the figure.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be drawn, or the title is no text of at most 1000 characters.

    Examples
    --------
    >>> from numpycam.worked_example import IMAGE, PARTS
    >>> figure_of_parts(IMAGE, PARTS).alt
    'A picture of 4 × 4 pixels. Its parts: ear, moon, body, tail.'
    """
    check_title(title)
    pixels = as_rgb(as_rounded("image", image), "image")  # (H, W, 3)
    height, width = pixels.shape[:2]
    top, side = 0.15 + (0.4 if title else 0), 0.62
    size = max(width * side + 2 * MARGIN, 2 * MARGIN + DIGIT * 13 / 72 * len(title)), top + height * side + 0.15
    picture = Picture(figsize=size)
    write(picture, MARGIN, 0.15, title, size=13, weight="bold", parse_math=False)
    axes = add_axes(picture, MARGIN, top, width * side, height * side)
    draw_map(axes, pixels, POSITIVE, (0, 1))
    for name, ((first, left), (last, right)) in parts.items():
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "black", "linewidth": 0.8}
        across, down = (left + right - 1) / 2, (first + last - 1) / 2
        axes.text(across, down, name, size=10, ha="center", va="center", bbox=box, parse_math=False)
    words = f"A picture of {height} × {width} pixels. Its parts: {', '.join(parts)}."
    picture.alt = " ".join([*as_sentence(title), words])
    return picture


def _check_texts(
    rows: Sequence[Sequence[ArrayLike]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    captions: Sequence[Sequence[str]],
) -> None:
    """Raise ValueError unless there is a name for each row and column, or none, and a caption for each picture."""
    for name, values, count in (
        ("row_names", row_names, len(rows)),
        ("column_names", column_names, max(map(len, rows))),
        ("captions", captions, len(rows)),
    ):
        if values and len(values) != count:
            raise ValueError(f"{name} must have length {count}, got {len(values)}.")
    pictures, given = [*map(len, rows)], [*map(len, captions)]
    if pictures != given:
        raise ValueError(f"captions must hold one text for each picture, {pictures} in the rows, got {given}.")


def _cells_in_words(row_names: Sequence[str], column_names: Sequence[str], texts: Sequence[Sequence[str]]) -> list[str]:
    """Return a sentence for each picture that has words: the names of its row and its column, and its caption."""
    sentences = []
    for row, captions in enumerate(texts):
        for column, caption in enumerate(captions):
            words = [*row_names[row : row + 1], *column_names[column : column + 1], caption]
            sentences.append(", ".join(" ".join(spoken(part).split()) for part in words if part))
    return [f"{sentence}." for sentence in sentences if sentence]


def _any_picture(name: str, values: ArrayLike) -> NDArray[np.float64]:  # -> (H, W, 3)
    """Return a picture in colour. It may be grey, with or without an axis for that, or have its channels last."""
    as_array(name, values)  # refuses by the name what is no array
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[-1] == 3:
        array = np.moveaxis(array, -1, 0)
    return as_rgb(array[None] if array.ndim == 2 else array, name)


_LETTER = 0.62  # the width of a letter of a method's name, in units of its font size


@own_settings()
def figure_of_methods(explanations: Sequence[Stages], *, columns: int = 5, title: str = "") -> Picture:
    """Draw one map for each of several methods.

    A small map is L, with its numbers. A larger one is the localization map ReLU(L), over the image. Each map has a
    scale of its own, since the numbers of two methods cannot be compared.

    Parameters
    ----------
    explanations : sequence of Explanation
        Explanations of one image, by different methods.
    columns : int, default 5
        How many maps to draw side by side.
    title : str
        A line above the figure.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    TypeError, ValueError
        If there is no explanation, one is for a batch, an L holds NaN or infinity, or ``columns`` is not an int >= 1.
    """
    check_title(title)
    across = as_int("columns", columns, 1)
    if not explanations:
        raise ValueError("explanations must hold at least one, got none.")
    if any(e.weighted_sum.ndim != 2 for e in explanations):
        raise ValueError("a figure shows explanations of one image: for a batch pass explanation[n].")
    side, gap, top = 1.7, 0.15, 0.4 if title else 0.0
    rows = -(-len(explanations) // across)
    width = 2 * MARGIN + min(across, len(explanations)) * (side + gap) - gap
    picture, words = Picture(figsize=(width, top + 0.15 + rows * (side + 0.4))), as_sentence(title)
    write(picture, MARGIN, 0.16, title, size=15, weight="bold", parse_math=False)
    for number, e in enumerate(explanations):
        row, column = divmod(number, across)
        axes = add_axes(picture, MARGIN + column * (side + gap), top + 0.4 + row * (side + 0.4), side, side)
        size = min(10.5, 72 * side / (_LETTER * len(e.method)))  # no name is wider than its panel
        axes.set_title(e.method, size=size, pad=4, parse_math=False)
        weighted_sum = as_floats(as_array(f"weighted_sum of {e.method}", e.weighted_sum))
        image = shown(e.image)
        if image is None or is_small(weighted_sum):
            draw_map(axes, weighted_sum, SIGNED, balanced(weighted_sum))
            words.append(map_in_words(e.method, weighted_sum))
        else:
            heat = normalise(resize(as_floats(e.localization_map), image.shape[1:]))
            draw_map(axes, overlay(image, heat), POSITIVE, (0, 1))
            words.append(f"{e.method}.")
    picture.alt = " ".join(words)
    return picture


def figure_of_kernels(explanation: Stages, *, most_maps: int = 8, title: str = "") -> Picture:
    """Draw the kernels of the last convolution above the maps that they make, and how much each map contributes.

    A kernel has one square for each input channel, with grey lines between the squares. If there are several, a key at
    the end of the row has the number of each channel, from 1. Each kernel has a scale of its own. White is 0. Where a
    square is red, a larger value in that channel makes the map larger. Where it is blue, it makes the map smaller. The
    squares of very many channels are too small for numbers. They stand row by row, too.

    Parameters
    ----------
    explanation : Explanation
        The explanation of one image, by :func:`numpycam.grad_cam`.
    most_maps : int, default 8
        How many kernels to show at most. The kernels of the maps with the largest shares are shown.
    title : str
        A line above the figure.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    ValueError
        If the explanation is for a batch or has no network, or if its maps do not come from a convolution with one
        kernel for each map.
    """
    check_is("explanation", explanation, Stages, "an Explanation")
    e = explanation
    if e.network is None or e.layer is None or e.feature_maps.ndim != 3:
        raise ValueError("to draw kernels, pass the explanation of one image, with its network.")
    row = e.network.split(e.layer)[0].row
    weight = next((layer.parameters.get("weight") for _, layer in reversed(row) if layer.is_convolution), None)
    if weight is None or len(weight) != len(e.feature_maps):
        raise ValueError(f"the maps of {e.layer!r} do not come from a Conv2d with one kernel for each map.")
    kept = largest_shares(e, most_maps)
    kernels, maps = as_floats(weight[kept]), as_floats(e.feature_maps[kept])
    colormap, limits = (SIGNED, balanced(maps)) if maps.min() < 0 else (POSITIVE, from_zero(maps))
    shares = [f"share {percent(share)}" for share in e.channel_shares[kept]]
    drawn = [_coloured(_tiled(kernel), SIGNED, balanced(kernel)) for kernel in kernels]
    names, channels = [f"$A^{{{k + 1}}}$" for k in kept], kernels.shape[1]
    letters = _KERNEL_SIDE * 72 / _tiles_in_a_row(channels) / DIGIT / (len(str(channels)) + 0.5)  # points
    if channels > 1:  # the key
        drawn.append(_coloured(_tiled(np.zeros_like(kernels[0])), SIGNED, (-1, 1)))
        names.append("input channels" if letters >= _SMALLEST_LETTERS else f"channels 1–{channels},\nrow by row")
    picture = figure_of_pictures(
        [drawn, [_coloured(one, colormap, limits) for one in maps]],
        row_names=["kernel", "map"],
        column_names=names,
        captions=[[""] * len(drawn), shares],
        title=title,
        side=_KERNEL_SIDE,
    )
    if channels > 1 and letters >= _SMALLEST_LETTERS:
        _number_tiles(picture.axes[len(kept)], channels, kernels.shape[2:], min(11, letters))
        picture.alt = picture.alt.replace("kernel, input channels.", f"kernel, input channels 1 to {channels}.")
    return picture


_KERNEL_SIDE = 1.2  # inches
_SMALLEST_LETTERS = 5  # points


def _number_tiles(axes: Axes, channels: int, size: Shape, letters: float) -> None:
    """Write on each square of a kernel, (KH, KW), the number of its channel."""
    for n in range(channels):
        row, column = divmod(n, _tiles_in_a_row(channels))
        middle = column * (size[1] + 1) + (size[1] - 1) / 2, row * (size[0] + 1) + (size[0] - 1) / 2
        axes.text(*middle, str(n + 1), size=letters, ha="center", va="center")


def _coloured(values: Array, colormap: str, limits: Limits) -> Array:  # (H, W) -> (H, W, 3); NaN is grey
    """Return the colours of a map on this scale."""
    drawn, norm = drawable(values, limits)
    return colour_map(colormap).with_extremes(bad="0.6")(np.ma.masked_invalid(norm(drawn)))[..., :3]


def _tiled(kernel: Array) -> Array:  # (C, KH, KW) -> (rows (KH + 1) - 1, columns (KW + 1) - 1)
    """Return the slices of a kernel, arranged in a square, with a line of NaN between them."""
    channels, height, width = kernel.shape
    columns = _tiles_in_a_row(channels)
    tiles = np.full((-(-channels // columns) * columns, height + 1, width + 1), np.nan)
    tiles[:channels, :height, :width] = kernel
    grid = tiles.reshape(-1, columns, height + 1, width + 1).swapaxes(1, 2)
    return grid.reshape(-1, columns * (width + 1))[:-1, :-1]


def _tiles_in_a_row(channels: int) -> int:
    """Return how many squares stand in a row, so that the rows together are about as high as wide."""
    return int(np.ceil(np.sqrt(channels)))
