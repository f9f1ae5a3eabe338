"""Mistakes in what comes after the map: its size, its scale, and the overlay on the picture."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.mistakes.conduct import LAST_CALL, NAN, hiding_nan, of_the_last_call
from numpycam.laws.pictures import normalise, overlay, resize

# --- resize

Weights = Callable[[int, int], Any]


def _by_matrices(weights: Weights) -> Callable[..., Any]:
    """Return a resize by a matrix for each axis: ``weights(n, m)``, (m, n), has a row for each cell of the result."""

    def wrong(heat: Any, size: Any) -> Any:
        rows, columns = (weights(n, m) for n, m in zip(heat.shape, size, strict=True))
        if heat.dtype != object:
            rows, columns = rows.astype(float), columns.astype(float)
        return rows @ heat @ columns.T

    return wrong


def _linear(place: Callable[[int, int, int], Fraction], clamp: bool = True) -> Weights:
    """Return the weights of linear interpolation, where ``place(i, n, m)`` is where cell i lies."""

    def weights(n: int, m: int) -> Any:
        matrix = np.full((m, n), Fraction(0), dtype=object)
        for i in range(m):
            x = place(i, n, m)
            x = min(max(x, Fraction(0)), Fraction(n - 1)) if clamp else x
            for j in range(n):
                matrix[i, j] = max(1 - abs(x - j), Fraction(0))
        return matrix

    return weights


def _half_pixels(i: int, n: int, m: int) -> Fraction:
    return Fraction(2 * i + 1, 2) * Fraction(n, m) - Fraction(1, 2)


resize.mistake(
    "size-exchanged",
    "resized",
    "Height and width are exchanged, as for cv2.resize and PIL, which take (width, height). Give size[::-1] to them.",
    resize=lambda heat, size: definitions.resize(heat, size[::-1]),
)
resize.mistake(
    "map-transposed",
    "resized",
    "Rows and columns of the map are exchanged: it is transposed first. A map has the axes (height, width).",
    resize=lambda heat, size: definitions.resize(heat.T, size),
)


def _one_factor(heat: Any, size: Any) -> Any:
    (height, width), (rows, columns) = heat.shape, size
    wide = definitions.resize(heat, (rows, max(1, width * rows // height)))
    return np.array([[row[min(j, len(row) - 1)] for j in range(columns)] for row in wide])


resize.mistake(
    "one-factor-for-both-axes",
    "resized",
    "The factor of the rows is used for the columns, too. Each axis has its own.",
    resize=_one_factor,
)
resize.mistake(
    "corners-aligned",
    "resized",
    "Cell i lies at i (n - 1)/(m - 1): align_corners=True. No choice is wrong, but half-pixel centres are the default.",
    resize=_by_matrices(_linear(lambda i, n, m: Fraction(i * (n - 1), max(m - 1, 1)))),
)
resize.mistake(
    "half-a-pixel-forgotten",
    "resized",
    "Cell i is put at i n/m, so the map moves to the upper left. Its centre is at (i + 1/2) n/m - 1/2.",
    resize=_by_matrices(_linear(lambda i, n, m: Fraction(i * n, m))),
)
resize.mistake(
    "half-a-pixel-not-taken-back",
    "resized",
    "Cell i is put at (i + 1/2) n/m, so the map moves to the lower right. Subtract 1/2: cell 0 lies at 0.",
    resize=_by_matrices(_linear(lambda i, n, m: Fraction((2 * i + 1) * n, 2 * m))),
)


def _nearest(place: Callable[[int, int, int], int]) -> Weights:
    def weights(n: int, m: int) -> Any:
        matrix = np.full((m, n), Fraction(0), dtype=object)
        for i in range(m):
            matrix[i, place(i, n, m)] += 1
        return matrix

    return weights


resize.mistake(
    "nearest",
    "resized",
    "Each cell is the nearest one of the map, so the result has steps. Bilinear takes the mean of its neighbours.",
    resize=_by_matrices(_nearest(lambda i, n, m: (2 * i + 1) * n // (2 * m))),
)
resize.mistake(
    "nearest-from-the-corner",
    "resized",
    "Each cell is that of the map at i n/m, rounded down. Bilinear takes the mean of its neighbours.",
    resize=_by_matrices(_nearest(lambda i, n, m: i * n // m)),
)


def _cubic(n: int, m: int) -> Any:
    matrix = np.full((m, n), Fraction(0), dtype=object)
    for i in range(m):
        x = _half_pixels(i, n, m)
        first, t = x.numerator // x.denominator, x - x.numerator // x.denominator
        parts = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
        for j, part in enumerate(parts, first - 1):
            matrix[i, min(max(j, 0), n - 1)] += part / 2
    return matrix


resize.mistake(
    "bicubic",
    "resized",
    "This is bicubic: it overshoots, and makes evidence where there is none. Use bilinear.",
    resize=_by_matrices(_cubic),
)
resize.mistake(
    "zeros-beyond-the-edge",
    "resized",
    "Beyond the outermost centres there are zeros, so the edge fades. Keep the outermost value there.",
    resize=_by_matrices(_linear(_half_pixels, clamp=False)),
)


def _line_continued(n: int, m: int) -> Any:
    matrix = np.full((m, n), Fraction(0), dtype=object)
    for i in range(m):
        x = _half_pixels(i, n, m)
        low = min(max(x.numerator // x.denominator, 0), max(n - 2, 0))
        matrix[i, low] += 1 - (x - low) * (n > 1)
        matrix[i, min(low + 1, n - 1)] += (x - low) * (n > 1)
    return matrix


resize.mistake(
    "line-continued-beyond-the-edge",
    "resized",
    "Beyond the outermost centres the line is continued, and leaves the range of the map. Keep the outermost value.",
    resize=_by_matrices(_line_continued),
)


def _stretched(heat: Any, size: Any) -> Any:
    resized, span = definitions.resize(heat, size), heat.max() - heat.min()
    return (resized - heat.min()) / span if span != 0 else resized * 0


resize.mistake(
    "stretched-on-the-way",
    "resized",
    "The map is stretched from 0 to 1 on the way. To resize is to change the size alone.",
    resize=_stretched,
)
resize.mistake(
    "rounded-on-the-way",
    "resized",
    "The cells are rounded to whole numbers, as in a picture of bytes. Resize the floats.",
    resize=lambda heat, size: np.floor(definitions.resize(heat, size).astype(float)),
)


resize.mistake("map-of-the-last-call", "", LAST_CALL, resize=of_the_last_call(definitions.resize))


def _same_array(heat: Any, size: Any) -> Any:
    return heat if heat.shape == tuple(size) else definitions.resize(heat, size)


resize.mistake(
    "returns-its-input",
    "",
    "If the size is the same, the map itself is returned, and what changes it changes the result. Copy it.",
    resize=_same_array,
)


def _in_place(heat: Any, size: Any) -> Any:
    resized = definitions.resize(heat, size)
    heat -= heat.min()
    return resized


resize.mistake(
    "writes-into-the-map",
    "",
    "The map is shifted in place. Make a new array.",
    resize=_in_place,
)
resize.mistake("nan-replaced", "", NAN, resize=hiding_nan(definitions.resize))


# --- normalise


def _over(largest: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a normalise that divides by another number."""

    def wrong(heat: Any) -> Any:
        whole = largest(heat)
        return heat.copy() if whole == 0 else heat / whole

    return wrong


normalise.mistake(
    "zero-by-zero",
    "normalised",
    "A map of zeros is divided by 0, and becomes NaN. Leave it as it is.",
    normalise=lambda heat: heat.astype(float) / abs(heat).astype(float).max(),
)
normalise.mistake(
    "epsilon-in-the-denominator",
    "normalised",
    "A small number is added to the denominator, so small maps fade. Treat a map of zeros by itself.",
    normalise=lambda heat: heat / (abs(heat).max() + 1e-7),
)


def _lowest_to_highest(heat: Any) -> Any:
    span = heat.max() - heat.min()
    return (heat - heat.min()) / span if span != 0 else heat * 0


normalise.mistake(
    "lowest-to-highest",
    "normalised",
    "The smallest cell becomes 0, though it may speak for the class. Divide by the largest, and subtract nothing.",
    normalise=_lowest_to_highest,
)
normalise.mistake(
    "maximum-of-a-signed-map",
    "normalised",
    "The largest cell is taken with its sign, so a map with negative cells leaves -1 to 1. Divide by max|m|.",
    normalise=_over(lambda heat: heat.max()),
)
normalise.mistake(
    "sum-to-one",
    "normalised",
    "The cells are divided by their sum. Divide by the largest.",
    normalise=_over(lambda heat: abs(heat).sum()),
)
normalise.mistake(
    "length-one",
    "normalised",
    "The map is divided by its length, √Σ m². Divide by the largest cell.",
    normalise=_over(lambda heat: np.sqrt((heat.astype(float) ** 2).sum())),
)


def _row_by_row(heat: Any) -> Any:
    largest = abs(heat).max(axis=1, keepdims=True)
    return heat / np.where(largest == 0, largest * 0 + 1, largest)


normalise.mistake(
    "row-by-row",
    "normalised",
    "Each row is divided by its own largest cell. The whole map has one: max over both axes.",
    normalise=_row_by_row,
)
normalise.mistake(
    "negative-cells-dropped",
    "normalised",
    "Negative cells become 0. To normalise is to divide: the ReLU is another step.",
    normalise=lambda heat: definitions.normalise(definitions.relu(heat)),
)


def _largest_of_all() -> Callable[..., Any]:
    seen: dict[Any, Any] = {}

    def wrong(heat: Any) -> Any:
        largest = max(abs(heat).max(), seen.get(heat.dtype, 0))
        seen[heat.dtype] = abs(heat).max()
        return heat.copy() if largest == 0 else heat / largest

    return wrong


normalise.mistake(
    "largest-of-the-maps-before",
    "",
    "The map is divided by the largest cell of other maps, too. Each map has its own.",
    normalise=_largest_of_all(),
)


def _divided_in_place(heat: Any) -> Any:
    largest = abs(heat).max()
    if largest != 0:
        heat /= largest
    return heat


normalise.mistake(
    "in-place",
    "",
    "heat /= … writes into the map, and its size is lost. Make a new array: heat / largest.",
    normalise=_divided_in_place,
)
normalise.mistake(
    "zeros-returned-as-they-are",
    "",
    "For a map of zeros its own array is returned, and what changes it changes the result. Copy it.",
    normalise=lambda heat: definitions.normalise(heat) if heat.any() else heat,
)
normalise.mistake("nan-replaced", "", NAN, normalise=hiding_nan(definitions.normalise))


# --- overlay


def _bytes_that_wrap(image: Any, heat: Any, opacity: Any) -> Any:
    total = (image + opacity * heat).astype(float) * 256
    return total % 256 / 256


overlay.mistake(
    "weights-exchanged",
    "picture",
    "The opacity is the picture's. It is the heat's: 1 hides the picture, and 0 hides the heat.",
    overlay=lambda image, heat, opacity: definitions.overlay(heat, image, opacity),
)
overlay.mistake(
    "renormalised-afterwards",
    "picture",
    "The result is divided by its largest number, so opacity 0 does not give the picture back. Leave it.",
    overlay=lambda image, heat, opacity: _divided(definitions.overlay(image, heat, opacity)),
)
overlay.mistake(
    "bytes-that-wrap",
    "picture",
    "Bytes are added, and 256 becomes 0. Mix floats, and make bytes of them at the end.",
    overlay=_bytes_that_wrap,
)
overlay.mistake(
    "heat-added",
    "picture",
    "The heat is added to the whole picture, so the sum can be above 1. The picture has the weight 1 - opacity.",
    overlay=lambda image, heat, opacity: image + opacity * heat,
)
overlay.mistake(
    "heat-added-and-cut-off",
    "picture",
    "The heat is added to the whole picture, and cut off at 1. The picture has the weight 1 - opacity.",
    overlay=lambda image, heat, opacity: np.where(image + opacity * heat > 1, image * 0 + 1, image + opacity * heat),
)
overlay.mistake(
    "always-half-and-half",
    "picture",
    "The opacity is taken as an argument, and not used.",
    overlay=lambda image, heat, opacity: (image + heat) / 2,
)
overlay.mistake(
    "opacity-twice",
    "picture",
    "The heat is weighted twice, with opacity². Mix once.",
    overlay=lambda image, heat, opacity: definitions.overlay(image, opacity * heat, opacity),
)
overlay.mistake(
    "picture-times-heat",
    "picture",
    "The heat is multiplied with the picture, so the picture gets darker where it is cold. Mix them.",
    overlay=lambda image, heat, opacity: definitions.overlay(image, image * heat, opacity),
)


def _divided(picture: Any) -> Any:
    return picture / picture.max() if picture.any() else picture


def _mixed_in_place(image: Any, heat: Any, opacity: Any) -> Any:
    picture = definitions.overlay(image, heat, opacity)
    image[...] = picture
    return picture


overlay.mistake(
    "written-into-the-picture",
    "",
    "The picture is overwritten by the result. Make a new array.",
    overlay=_mixed_in_place,
)


def _returned_itself(image: Any, heat: Any, opacity: Any) -> Any:
    return image if opacity == 0 else definitions.overlay(image, heat, opacity)


overlay.mistake(
    "returns-the-picture-itself",
    "",
    "At opacity 0 the picture's own array is returned, and what changes it changes the result. Copy it.",
    overlay=_returned_itself,
)
overlay.mistake("nan-replaced", "", NAN, overlay=hiding_nan(definitions.overlay, 1))
overlay.mistake("heat-of-the-last-call", "", LAST_CALL, overlay=of_the_last_call(definitions.overlay, 1))
