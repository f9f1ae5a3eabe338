"""Other figures: a path, errors, pictures in rows and columns, methods side by side, kernels beside their maps."""

from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
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
    draw_map,
    from_zero,
    is_small,
    map_in_words,
    spoken,
    write,
)
from numpycam.display.pixels import as_rgb, overlay, shown
from numpycam.display.stages import largest_shares
from numpycam.exact import as_floats
from numpycam.path import ScorePath
from numpycam.resize import normalise, resize
from numpycam.text import format_number


def figure_of_path(path: ScorePath) -> Picture:
    """Draw the score along a straight line, with its kinks and slopes.

    Parameters
    ----------
    path : ScorePath
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


_LINES: tuple[dict[str, Any], ...] = (
    {"color": "#0b5a8f", "marker": "o", "markersize": 4.5},
    {"color": "#c2571a", "marker": "D", "markersize": 8, "fillstyle": "none"},
)


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
    # Limits that matplotlib finds itself can coincide after the rounding of a log10, as that of a single step does.
    axes.set_xlim(widths.min() / 2, widths.max() * 2)
    axes.set_ylim(ground / 3, 10.0**high * 3)
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
        Each a picture: grey (H, W) or (1, H, W), or in colour, (3, H, W) or (H, W, 3) as :func:`overlay` returns it,
        which any array with a last axis of 3 is taken for; in 0 … 1. Rows may differ in length.
    row_names, column_names : sequence of str, optional
        Names to the left of the rows and above the columns.
    captions : sequence of sequences of str, optional
        One for each picture; it may have several lines. Neither names nor captions are wrapped.
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
    if isinstance(rows, np.ndarray) and rows.ndim == 4 and rows.shape[1] == 3:
        raise ValueError(f"rows must be rows of pictures, got one array {rows.shape}: pass [pictures] for one row.")
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
    lines = [max(text.count("\n") + bool(text) for text in row) for row in texts]
    left = MARGIN + max((0.09 * len(line) + 0.15 for name in row_names for line in name.split("\n")), default=0)
    top = 0.15 + 0.4 * bool(title) + 0.3 * bool(column_names)
    across = side + 0.12
    tops = top + np.cumsum([0.0, *(side + 0.12 + 0.19 * count for count in lines)])  # of the rows, and below the last
    columns = max(map(len, rows))
    width = max(left + columns * across - 0.12 + MARGIN, 2 * MARGIN + DIGIT * 13 / 72 * len(title))
    picture = Picture(figsize=(width, tops[-1] + 0.1))
    write(picture, MARGIN, 0.15, title, size=13, weight="bold", parse_math=False)
    for column, name in enumerate(column_names):
        write(picture, left + column * across + side / 2, top - 0.27, name, size=11, ha="center")
    for row, (pictures, notes) in enumerate(zip(rows, texts, strict=True)):
        if row_names:
            height = 0.085 * (1 + row_names[row].count("\n"))  # half of it
            write(picture, left - 0.12, tops[row] + side / 2 - height, row_names[row], size=11, ha="right")
        for column, (pixels, note) in enumerate(zip(pictures, notes, strict=True)):
            axes = add_axes(picture, left + column * across, tops[row], side, side)
            draw_map(axes, _any_picture(f"rows[{row}][{column}]", pixels), POSITIVE, (0, 1))
            write(picture, left + column * across + side / 2, tops[row] + side + 0.04, note, size=9, ha="center")
    picture.alt = " ".join([*as_sentence(title), *_cells_in_words(row_names, column_names, texts)])
    return picture


def _cells_in_words(row_names: Sequence[str], column_names: Sequence[str], texts: Sequence[Sequence[str]]) -> list[str]:
    sentences = []
    for row, captions in enumerate(texts):
        for column, caption in enumerate(captions):
            words = [*row_names[row : row + 1], *column_names[column : column + 1], caption]
            sentences.append(", ".join(" ".join(spoken(part).split()) for part in words if part))
    return [f"{sentence}." for sentence in sentences if sentence]


def _any_picture(name: str, values: ArrayLike) -> NDArray[np.float64]:  # -> (H, W, 3)
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[-1] == 3:
        array = np.moveaxis(array, -1, 0)
    return as_rgb(array[None] if array.ndim == 2 else array, name)


def figure_of_methods(explanations: Sequence[Stages], *, columns: int = 5, title: str = "") -> Picture:
    """Draw one map for each of several methods: L with its numbers if it is small, or else L^c over the image.

    Each map is on a scale of its own: the numbers of two methods cannot be compared.

    Parameters
    ----------
    explanations : sequence of Explanation
        Of one image, by different methods.
    columns : int, default 5
        How many to draw side by side.
    title : str
        A line above the figure.

    Returns
    -------
    Picture
        A matplotlib figure.

    Raises
    ------
    TypeError, ValueError
        If there is no explanation, one is of a batch, an L holds NaN or infinity, or columns is no such number.
    """
    across = as_int("columns", columns, 1)
    if not explanations:
        raise ValueError("explanations must hold one at least, got none.")
    if any(e.weighted_sum.ndim != 2 for e in explanations):
        raise ValueError("a figure shows explanations of one image: of a batch pass explanation[n].")
    side, gap, top = 1.7, 0.15, 0.4 if title else 0.0
    rows = -(-len(explanations) // across)
    size = 2 * MARGIN + min(across, len(explanations)) * (side + gap) - gap, top + 0.15 + rows * (side + 0.4)
    picture, words = Picture(figsize=size), as_sentence(title)
    write(picture, MARGIN, 0.16, title, size=15, weight="bold", parse_math=False)
    for number, e in enumerate(explanations):
        row, column = divmod(number, across)
        axes = add_axes(picture, MARGIN + column * (side + gap), top + 0.4 + row * (side + 0.4), side, side)
        axes.set_title(e.method, size=10.5, pad=4, parse_math=False)
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
    """Draw the kernels of the last convolution beside the maps that they make, and how much each map contributes.

    A kernel is drawn as one square for each channel of its input, row by row from the upper left, with grey lines
    between them. Each kernel has a scale of its own. White is 0; where a square is red, more of that channel makes the
    map larger; where it is blue, smaller.

    Parameters
    ----------
    explanation  : Explanation
        Of one image, by :func:`numpycam.grad_cam`.
    most_maps : int, default 8
        How many kernels to show at most: those of the maps with the largest shares.
    title : str
        A line above all.

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
    row = e.network.split(e.layer)[0].row
    weight = next((layer.parameters.get("weight") for _, layer in reversed(row) if layer.is_convolution), None)
    if weight is None or len(weight) != len(e.feature_maps):
        raise ValueError(f"the maps of {e.layer!r} are not those of the kernels of a Conv2d before it.")
    kept = largest_shares(e, most_maps)
    kernels, maps = as_floats(weight[kept]), as_floats(e.feature_maps[kept])
    colormap, limits = (SIGNED, balanced(maps)) if maps.min() < 0 else (POSITIVE, from_zero(maps))
    shares = [f"share {100 * float(share):.1f} %" for share in e.channel_shares[kept]]
    return figure_of_pictures(
        [
            [_coloured(_tiled(kernel), SIGNED, balanced(kernel)) for kernel in kernels],
            [_coloured(one, colormap, limits) for one in maps],
        ],
        row_names=["kernel", "map"],
        column_names=[f"$A^{{{k + 1}}}$" for k in kept],
        captions=[[""] * len(kept), shares],
        title=title,
        side=1.2,
    )


def _coloured(values: Array, colormap: str, limits: Limits) -> Array:  # (H, W) -> (H, W, 3); NaN is grey
    colours = mpl.colormaps[colormap].with_extremes(bad="0.6")
    return colours(np.ma.masked_invalid(Normalize(*limits)(values)))[..., :3]


def _tiled(kernel: Array) -> Array:  # (C, KH, KW) -> (rows (KH + 1) - 1, columns (KW + 1) - 1)
    """Return the slices of a kernel in a square as wide as it is high, with a line of NaN between them."""
    channels, height, width = kernel.shape
    columns = int(np.ceil(np.sqrt(channels)))
    tiles = np.full((-(-channels // columns) * columns, height + 1, width + 1), np.nan)
    tiles[:channels, :height, :width] = kernel
    grid = tiles.reshape(-1, columns, height + 1, width + 1).swapaxes(1, 2)
    return grid.reshape(-1, columns * (width + 1))[:-1, :-1]
