"""Drawn cats, elephants and grass, with their masks: pictures of which one knows where the animal is.

Each picture has a cat, an elephant, both or neither, and below it grass or plain ground. All of it follows from a seed:
every run draws the same pictures, and the first of many are the same as the few. With other ``animals`` or ``grass`` the
same seed draws the same picture but for that, so that one can take the grass away and ask a network again.

>>> drawings = draw(4, seed=3)
>>> drawings.images.shape, drawings.masks.shape
((4, 1, 32, 32), (4, 3, 32, 32))
>>> drawings.labels.tolist()  # is there a cat, is there an elephant
[[True, False], [True, False], [False, True], [False, False]]
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from numpycam.validation import Array, as_int

Point = tuple[float, float]
Animals = Literal["cat", "elephant", "both", "neither"]

CLASS_NAMES = ("cat", "elephant")

MASK_NAMES = (*CLASS_NAMES, "grass")

SMALLEST = 16
"""The least size, in pixels, at which a cat has ears and an elephant has legs."""

_CELLS = 256  # of a sprite's side
_LUMA = np.array([0.299, 0.587, 0.114])
_TINTS = {  # how a brightness is spread over red, green and blue
    "cat": (1.25, 0.95, 0.7),
    "elephant": (0.94, 1.0, 1.15),
    "grass": (0.72, 1.2, 0.5),
    "sky": (0.8, 1.02, 1.4),
    "soil": (1.2, 0.95, 0.7),
}


@dataclass(frozen=True, eq=False)
class Drawings:
    """N pictures, and what is in them.

    Attributes
    ----------
    images : array of float32, shape (N, C, H, W)
        In 0 … 1. C is 1, or 3 in colour.
    labels : array of bool, shape (N, 2)
        Whether there is a cat, whether there is an elephant: the classes are CLASS_NAMES.
    masks : array of bool, shape (N, 3, H, W)
        The pixels of the cat, of the elephant, of the grass, as in MASK_NAMES; all false for what is not there. No
        pixel is of two of them.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.bool_]
    masks: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


def draw(
    count: int,
    seed: int = 0,
    *,
    size: int = 32,
    colour: bool = False,
    confounded: bool = False,
    animals: Animals | None = None,
    grass: bool | None = None,
) -> Drawings:
    """Draw pictures of a cat, an elephant, both or neither, on grass or on plain ground.

    A cat is in every second picture by lot, and so, independently, is an elephant, and so is grass. Place, size,
    brightness and noise vary, and the animals look to either side.

    Parameters
    ----------
    count : int
    seed : int, default 0
    size : int, default 32
        Height and width in pixels, at least 16.
    colour : bool, default False
        Red, green and blue instead of grey, with the same brightness, 0.299 R + 0.587 G + 0.114 B, except where a
        colour is cut off at 1.
    confounded : bool, default False
        Grass where there is an elephant and nowhere else: the labels cannot tell which of the two they mean.
    animals : {"cat", "elephant", "both", "neither"}, optional
        The same in all pictures, not by lot.
    grass : bool, optional
        Likewise.

    Returns
    -------
    Drawings

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or grass is given though ``confounded`` decides it.
    """
    count, seed, size = as_int("count", count, 0), as_int("seed", seed, 0), as_int("size", size, SMALLEST)
    if animals is not None and animals not in get_args(Animals):
        raise ValueError(f"animals must be one of {', '.join(map(repr, get_args(Animals)))}, got {animals!r}.")
    if confounded and grass is not None:
        raise ValueError(f"grass must not be given if confounded is True, got {grass!r}.")
    chance, blade_chance, noise_chance = (np.random.default_rng([seed, stream]) for stream in range(3))
    lots = chance.random((count, 18), np.float32).T[:, :, None, None]  # each (N, 1, 1)
    blades = blade_chance.random((count, 2, 1, size), np.float32)
    noise = noise_chance.standard_normal((count, 1, size, size), np.float32)

    has_cat, has_elephant, has_grass, cat_is_left = lots[:4, :, 0, 0] < 0.5
    if animals is not None:
        has_cat, has_elephant = (np.full(count, animals in (name, "both")) for name in CLASS_NAMES)
    if confounded or grass is not None:
        has_grass = has_elephant if confounded else np.full(count, grass)
    half = np.where(has_cat & has_elephant, 1 + np.array([~cat_is_left, cat_is_left]), 0)  # 0: both halves, 1: the left

    tints = {name: np.array(tint) / (_LUMA @ tint) if colour else np.ones(1) for name, tint in _TINTS.items()}
    images, is_grass = _ground(has_grass, lots[4:7], blades, tints)
    masks = np.stack([np.zeros_like(is_grass), np.zeros_like(is_grass), is_grass], axis=1)
    for c, has in enumerate((has_cat, has_elephant)):
        n = np.flatnonzero(has)
        place = _place(half[c, n, None, None], lots[4, n], lots[8 + 5 * c : 13 + 5 * c, n])
        images[n], masks[n, c] = _with_animal(images[n], c, place, lots[12 + 5 * c, n], tints[CLASS_NAMES[c]])
        masks[n, 2] &= ~masks[n, c]
    images += (0.01 + 0.04 * lots[7, :, None]) * noise
    return Drawings(images.clip(0, 1), np.stack([has_cat, has_elephant], axis=1), masks)


def _ground(has_grass: Array, lots: Array, blades: Array, tints: dict[str, Array]) -> tuple[Array, Array]:
    """Return pictures of sky and ground, and where they have grass."""
    (horizon, sky, soil), size, grass = lots, blades.shape[-1], has_grass[:, None, None]
    blade = np.arange(size) // max(1, round(size / 32))  # the number of each column's blade
    shade, height = blades[..., blade].swapaxes(0, 1)  # (N, 1, W)
    top = (_horizon(horizon) - 0.1 * height * grass) * size
    below = np.arange(size)[:, None] + 0.5 > top  # (N, H, W)
    striped = 0.35 + 0.1 * soil + 0.1 * (-1) ** blade + 0.14 * (shade - 0.5)
    colours = [
        (brightness[:, None] * tints[name].reshape(-1, 1, 1)).astype(np.float32)  # (N, C, 1, W or 1)
        for brightness, name in ((0.3 + 0.2 * sky, "sky"), (0.25 + 0.2 * soil, "soil"), (striped, "grass"))
    ]
    ground = np.where(grass[:, None], colours[2], colours[1])
    return np.where(below[:, None], ground, colours[0]), below & grass


def _horizon(lot: Array) -> Array:
    return 0.5 + 0.15 * lot


def _place(half: Array, horizon: Array, lots: Array) -> tuple[Array, Array, Array, Array]:
    """Return an animal's left edge, its top, its side, all as parts of the picture's, and whether it looks the other way."""
    across, down, side, mirror, _ = lots
    space = np.where(half == 0, 1, 0.5)
    side = np.where(half == 0, 0.48 + 0.14 * side, 0.43 + 0.07 * side)
    room = space - side
    left = 0.5 * (half == 2) + room * across
    feet = _horizon(horizon) + 0.12
    return left, feet + (0.98 - feet) * down - side, side, mirror < 0.5


def _with_animal(images: Array, c: int, place: tuple[Array, ...], lot: Array, tint: Array) -> tuple[Array, Array]:
    """Return the pictures with the animal laid over them, and which pixels are its own."""
    (left, top, side, mirror), size = place, images.shape[-1]
    edges = np.arange(size + 1) / size  # of the pixels
    across, down = (np.rint((edges - start) / side * _CELLS).astype(np.intp) for start in (left, top))  # (N, 1, W + 1)
    area = np.diff(across).clip(1) * np.diff(down).clip(1).swapaxes(1, 2)  # of a pixel in cells of the sprite
    across, down = across.clip(0, _CELLS), down.clip(0, _CELLS)
    across = np.where(mirror, _CELLS - across, across)
    corners = _sprites()[c][:, down.swapaxes(1, 2), across]  # (2, N, H + 1, W + 1)
    sums = np.diff(np.diff(corners, axis=-1), axis=-2) * np.where(mirror, -1, 1)
    coverage, ink = (sums / area).astype(np.float32)
    brightness = ((0.66, 0.1)[c] + (0.2, 0.1)[c] * lot) * coverage + 0.5 * ink
    paint = brightness[:, None] * tint.reshape(-1, 1, 1).astype(np.float32)
    return images * (1 - coverage[:, None]) + paint, coverage > 0.5


@cache
def _sprites() -> Array:  # (2 animals, 2, S + 1, S + 1)
    """Return for either animal the sums of all cells above and to the left, of its coverage and of its ink.

    With them the mean over any rectangle, a pixel, takes four numbers (Crow, "Summed-area tables for texture mapping",
    1984).
    """
    y, x = (np.mgrid[:_CELLS, :_CELLS] + 0.5) / _CELLS
    drawn = np.array([_cat(x, y), _elephant(x, y)], np.float64)  # (2, 2, S, S)
    sums = np.pad(drawn.cumsum(axis=-1).cumsum(axis=-2), [(0, 0), (0, 0), (1, 0), (1, 0)])
    return sums


def _cat(x: Array, y: Array) -> list[Array]:
    """A cat that sits, from the front: its coverage, and its ink, -1 where it is dark."""
    head = _ellipse(x, y, (0.42, 0.36), (0.25, 0.2))
    body = _ellipse(x, y, (0.42, 0.74), (0.22, 0.28)) | _ellipse(x, y, (0.42, 0.93), (0.26, 0.07))
    ears = _polygon(x, y, (0.18, 0.36), (0.17, 0.02), (0.4, 0.2)) | _polygon(
        x, y, (0.44, 0.2), (0.67, 0.02), (0.66, 0.36)
    )
    tail = _stroke(x, y, 0.075, (0.6, 0.93), (0.8, 0.92), (0.9, 0.8), (0.88, 0.62), (0.78, 0.52), (0.8, 0.44))
    whiskers = np.any(
        [
            _stroke(x, y, 0.022, (0.42 + s * 0.1, 0.42 + 0.02 * d), (0.42 + s * 0.4, 0.42 + 0.07 * d))
            for s in (-1, 1)
            for d in (-1, 0, 1)
        ],
        axis=0,
    )
    eyes = _ellipse(x, y, (0.33, 0.32), (0.04, 0.055)) | _ellipse(x, y, (0.51, 0.32), (0.04, 0.055))
    nose = _polygon(x, y, (0.37, 0.4), (0.47, 0.4), (0.42, 0.46))
    legs = _stroke(x, y, 0.03, (0.42, 0.72), (0.42, 0.97))
    inner = _polygon(x, y, (0.22, 0.24), (0.21, 0.1), (0.32, 0.2)) | _polygon(
        x, y, (0.52, 0.2), (0.63, 0.1), (0.62, 0.24)
    )
    tabby = ((y + 0.6 * (x - 0.42) ** 2) % 0.15 < 0.06) & (y > 0.57) & (y < 0.93) & (body | tail)
    forehead = (x * 20 % 2 < 1) & (abs(x - 0.42) < 0.125) & (y < 0.26) & head
    dark = eyes | nose | legs | (whiskers & head) | inner | tabby | forehead
    return [head | body | ears | tail | whiskers, -1.0 * dark]


def _elephant(x: Array, y: Array) -> list[Array]:
    """An elephant that stands, from the side, its trunk to the right."""
    body = _ellipse(x, y, (0.38, 0.45), (0.32, 0.25))
    head = _ellipse(x, y, (0.7, 0.36), (0.17, 0.19))
    trunk = _stroke(x, y, 0.11, (0.82, 0.4), (0.9, 0.55), (0.91, 0.75)) | _stroke(
        x, y, 0.09, (0.91, 0.75), (0.96, 0.86)
    )
    legs = np.any(
        [_polygon(x, y, (a, 0.5), (a + 0.12, 0.5), (a + 0.12, 0.98), (a, 0.98)) for a in (0.08, 0.25, 0.47, 0.6)],
        axis=0,
    )
    tail = _stroke(x, y, 0.035, (0.09, 0.36), (0.02, 0.5), (0.03, 0.66))
    ear = _ellipse(x, y, (0.6, 0.36), (0.13, 0.22))
    rim = ear & ~_ellipse(x, y, (0.6, 0.36), (0.09, 0.18))
    eye = _ellipse(x, y, (0.79, 0.31), (0.03, 0.035))
    tusk = _stroke(x, y, 0.045, (0.79, 0.49), (0.84, 0.6), (0.99, 0.6))
    shape = body | head | trunk | legs | tail | ear | tusk
    return [shape, 1.5 * tusk + 0.7 * eye + 0.4 * rim]


def _ellipse(x: Array, y: Array, centre: Point, radii: Point) -> Array:
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def _stroke(x: Array, y: Array, width: float, *points: Point) -> Array:
    """Return which cells a round brush covers on its way from point to point."""
    near = np.full(x.shape, np.inf)
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        dx, dy = x1 - x0, y1 - y0
        along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clip(0, 1)
        near = np.minimum(near, (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2)
    return near <= (width / 2) ** 2


def _polygon(x: Array, y: Array, *corners: Point) -> Array:
    """Return the inside of a convex polygon, its corners in clockwise order."""
    sides = zip(corners, (*corners[1:], corners[0]), strict=True)
    return np.all([(x1 - x0) * (y - y0) >= (y1 - y0) * (x - x0) for (x0, y0), (x1, y1) in sides], axis=0)
