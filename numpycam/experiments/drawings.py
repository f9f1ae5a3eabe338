"""Drawn cats, elephants and grass, with masks that say where each of them is.

Each picture shows a cat, an elephant, both or neither, on grass or on plain ground. The seed decides everything: every
run draws the same pictures, and ``draw(100)`` begins with ``draw(10)``. With other ``animals`` or another ``grass``,
the same seed changes nothing else in the picture. So you can take the grass away and ask a network again.

>>> drawings = draw(4, seed=3)
>>> drawings.images.shape, drawings.masks.shape
((4, 1, 32, 32), (4, 3, 32, 32))
>>> drawings.labels.tolist()  # is there a cat, is there an elephant
[[False, True], [True, True], [False, False], [True, False]]

How a picture is made: each of its properties is decided by one random number in [0, 1). First the ground is painted.
Then come the animals: each was drawn once, on a fine grid, and is now shrunk, moved, perhaps mirrored, and laid over
the ground. The noise is added last.

All distances are fractions of a side: of the picture's side, or of the square in which an animal is drawn. They are
measured from the left and from the top.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from numpycam.core.arguments import as_int, as_seed, check_one_of
from numpycam.core.arrays import Array

Point = tuple[float, float]
Span = tuple[float, float]
"""The least value, and how much more the largest is."""

Animals = Literal["cat", "elephant", "both", "neither"]

CLASS_NAMES = ("cat", "elephant")

MASK_NAMES = (*CLASS_NAMES, "grass")

SIDE = 32
"""The height and width, in pixels, if no other size is asked for."""

SMALLEST = 16
"""The least size, in pixels, at which a cat has ears and an elephant has legs."""

LARGEST = 400
"""The largest size, in pixels. Up to it, each pixel of an animal covers at least one cell of the fine grid."""

LUMA = np.array([299, 587, 114])
"""How bright red, green and blue look, in thousandths (ITU-R BT.601). These weights turn a colour picture grey."""

_CELLS = 256  # the cells along a side of the grid on which an animal is drawn; this side is at most 0.62 of a picture's
_TINTS = {  # how a brightness is distributed over red, green and blue
    "cat": (1.25, 0.95, 0.7),
    "elephant": (0.94, 1.0, 1.15),
    "grass": (0.72, 1.2, 0.5),
    "sky": (0.8, 1.02, 1.4),
    "soil": (1.2, 0.95, 0.7),
}

_HORIZON: Span = (0.5, 0.15)  # never above the middle, so that an animal has enough ground
_SIDE_ALONE: Span = (0.48, 0.14)  # the side of the square in which an animal is drawn
_SIDE_IN_COMPANY: Span = (0.43, 0.07)  # at most 0.5, since each animal has one half of the picture
_FEET = 0.12  # the least distance of an animal's feet below the horizon: the animal stands in the grass
_LOWEST = 0.98  # the lowest place for the feet

# Brightnesses. Sky, soil and grass are brighter than an elephant and darker than a cat. Grass differs from soil by its
# stripes, not by its mean.
_SKY: Span = (0.3, 0.2)
_SOIL: Span = (0.25, 0.2)
_GRASS: Span = (0.35, 0.1)
_FUR: dict[str, Span] = {"cat": (0.66, 0.2), "elephant": (0.1, 0.1)}
_INK = 0.5  # ink of 1 adds this much brightness, ink of -1 takes it away
_NOISE: Span = (0.01, 0.04)  # the standard deviation of the noise: never 0, never so large that ink is lost in it

_BLADE = 1 / 32  # the width of a blade of grass: one pixel if the picture has 32
_BLADE_HEIGHT = 0.1  # how far the highest blade rises above the horizon
_STRIPE = 0.1  # blades are brighter and darker than the mean by this, in turn: one kernel can find that
_SHADE = 0.14  # the range of a further, random difference: less than two stripes, so that bright blades stay brighter


@dataclass(frozen=True, eq=False, repr=False)
class Drawings:
    """N pictures, and what they show.

    Attributes
    ----------
    images : array of float32, shape (N, C, H, W)
        In 0 … 1. C is 1 for grey pictures, 3 for colour.
    labels : array of bool, shape (N, 2)
        Whether there is a cat, and whether there is an elephant, in the order of CLASS_NAMES.
    masks : array of bool, shape (N, 3, H, W)
        The pixels of the cat, the elephant and the grass, in the order of MASK_NAMES. A pixel belongs to an animal if
        the animal covers more than half of it. No pixel belongs to two masks. The mask of something that is not in the
        picture is False everywhere.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.bool_]
    masks: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        count, size = len(self), " × ".join(map(str, self.images.shape[1:]))
        cats, elephants = self.labels.sum(axis=0)
        lawns = self.masks[:, MASK_NAMES.index("grass")].any(axis=(1, 2)).sum()
        pictures = "1 picture" if count == 1 else f"{count} pictures"
        return f"Drawings({pictures}, {size}; {cats} with a cat, {elephants} with an elephant, {lawns} with grass)"


def draw(
    count: int,
    seed: int = 0,
    *,
    size: int = SIDE,
    colour: bool = False,
    confounded: bool = False,
    animals: Animals | None = None,
    grass: bool | None = None,
) -> Drawings:
    """Draw pictures of a cat, an elephant, both or neither, on grass or on plain ground.

    By default a picture has a cat with probability 1/2, an elephant with probability 1/2, and grass with probability
    1/2, independently. Place, size, brightness and noise vary. An animal looks to the left or to the right.

    Parameters
    ----------
    count : int
        How many pictures.
    seed : int, default 0
        Decides everything that is random.
    size : int, default 32
        Height and width in pixels, 16 … 400.
    colour : bool, default False
        Draw in red, green and blue instead of grey. The brightness, 0.299 R + 0.587 G + 0.114 B, is the same as in
        grey, except where a colour is clipped to 0 … 1.
    confounded : bool, default False
        Draw grass in every picture with an elephant, and in no other. Then the labels do not tell whether "elephant"
        means the elephant or the grass.
    animals : {"cat", "elephant", "both", "neither"}, optional
        Draw these animals in every picture. A single animal can stand anywhere; of two animals, each has one half of
        the picture.
    grass : bool, optional
        Draw grass in every picture, or in none.

    Returns
    -------
    Drawings

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or ``grass`` is given although ``confounded`` decides it.
    """
    count, seed, size = as_int("count", count, 0), as_seed(seed), as_int("size", size, SMALLEST)
    if size > LARGEST:
        raise ValueError(f"size == {size}, must be <= {LARGEST}.")
    _check_options(colour, confounded, animals, grass)
    chances, blades, noise = _chances(count, seed, size)
    contents = _contents(chances, confounded, animals, grass)
    tints = {name: _tint(name, colour) for name in _TINTS}

    images, is_grass = _ground(contents.grass, chances, blades, tints)
    masks = {"grass": is_grass}
    for name in CLASS_NAMES:
        images, masks[name] = _with_animal(images, name, contents, chances, tints[name])
        masks["grass"] = masks["grass"] & ~masks[name]
    images += _value(_NOISE, chances.noise[:, None]) * noise
    labels = np.stack([contents.cat, contents.elephant], axis=1)
    return Drawings(images.clip(0, 1), labels, np.stack([masks[name] for name in MASK_NAMES], axis=1))


def _check_options(colour: object, confounded: object, animals: object, grass: object) -> None:
    for name, value in {"colour": colour, "confounded": confounded, "grass": False if grass is None else grass}.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be an instance of bool, not {type(value).__name__}.")
    if animals is not None:
        check_one_of("animals", animals, get_args(Animals))
    if confounded and grass is not None:
        raise ValueError(f"grass must not be given if confounded is True, got {grass!r}.")


# --- Chance -----------------------------------------------------------------------------------------


class _AnimalChances(NamedTuple):
    """The random numbers in [0, 1) that decide about an animal, one for each picture, (N, 1, 1)."""

    across: Array
    down: Array
    side: Array
    mirrored: Array
    brightness: Array


class _Chances(NamedTuple):
    """The random numbers in [0, 1) that decide about the pictures, one for each picture, (N, 1, 1)."""

    has_cat: Array
    has_elephant: Array
    has_grass: Array
    cat_is_left: Array
    horizon: Array
    sky: Array
    soil: Array
    noise: Array
    animals: dict[str, _AnimalChances]


def _chances(count: int, seed: int, size: int) -> tuple[_Chances, Array, Array]:
    """Return the chances, two for the blade in each column (2, N, 1, W), and the noise (N, 1, H, W).

    Each of the three has its own generator, which fills picture after picture. So ``draw(100)`` begins with
    ``draw(10)``.
    """
    for_chances, for_blades, for_noise = (np.random.default_rng([seed, stream]) for stream in range(3))
    numbers = for_chances.random((count, 18), np.float32).T[:, :, None, None]  # (18, N, 1, 1)
    has_cat, has_elephant, has_grass, cat_is_left, horizon, sky, soil, noisiness = numbers[:8]
    animals = {"cat": _AnimalChances(*numbers[8:13]), "elephant": _AnimalChances(*numbers[13:])}
    chances = _Chances(has_cat, has_elephant, has_grass, cat_is_left, horizon, sky, soil, noisiness, animals)
    blades = for_blades.random((count, 2, 1, size), np.float32).swapaxes(0, 1)
    noise = for_noise.standard_normal((count, 1, size, size), np.float32)
    return chances, blades, noise


def _value(span: Span, chance: Array) -> Array:
    """Return the value in the span that a random number in [0, 1) picks."""
    least, more = span
    return least + more * chance


class _Contents(NamedTuple):
    """What each picture shows, each (N,) of bool."""

    cat: Array
    elephant: Array
    grass: Array
    cat_is_left: Array


def _contents(chances: _Chances, confounded: bool, animals: Animals | None, grass: bool | None) -> _Contents:
    """Return what each picture shows. The arguments decide where they are given, the random numbers elsewhere."""
    cat, elephant, has_grass, cat_is_left = (
        chance[:, 0, 0] < 0.5
        for chance in (chances.has_cat, chances.has_elephant, chances.has_grass, chances.cat_is_left)
    )
    if animals is not None:
        cat, elephant = (np.full(len(cat), animals in (name, "both")) for name in CLASS_NAMES)
    if confounded:
        has_grass = elephant
    if grass is not None:
        has_grass = np.full(len(cat), bool(grass))
    return _Contents(cat, elephant, has_grass, cat_is_left)


# --- The ground -------------------------------------------------------------------------------------


def _tint(name: str, colour: bool) -> Array:
    """Return a factor for each channel, (C, 1, 1): 1 in grey; in colour, a red, green and blue of brightness 1."""
    tint = np.array(_TINTS[name]) / (LUMA / 1000 @ _TINTS[name]) if colour else np.ones(1)
    return tint.reshape(-1, 1, 1)


def _ground(has_grass: Array, chances: _Chances, blades: Array, tints: dict[str, Array]) -> tuple[Array, Array]:
    """Return pictures of sky and ground (N, C, H, W), and where they have grass (N, H, W)."""
    size, grass = blades.shape[-1], has_grass[:, None, None]
    blade = np.arange(size) // max(1, round(size * _BLADE))  # which blade stands in each column
    shade, height = blades[..., blade]  # (N, 1, W)
    top = (_value(_HORIZON, chances.horizon) - _BLADE_HEIGHT * height * grass) * size  # where ground or blades begin
    below = np.arange(size)[:, None] + 0.5 > top  # (N, H, W)

    def paint(brightness: Array, name: str) -> Array:
        return (brightness[:, None] * tints[name]).astype(np.float32)  # (N, 1, 1 or W) -> (N, C, 1, 1 or W)

    stripes = _STRIPE * (-1) ** blade
    of_grass = paint(_value(_GRASS, chances.soil) + stripes + _SHADE * (shade - 0.5), "grass")
    ground = np.where(grass[:, None], of_grass, paint(_value(_SOIL, chances.soil), "soil"))
    return np.where(below[:, None], ground, paint(_value(_SKY, chances.sky), "sky")), below & grass


# --- The animals ------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where an animal is, as fractions of the picture's side, and whether it is mirrored; each (N, 1, 1)."""

    left: Array
    top: Array
    side: Array
    mirrored: Array


def _place(chances: _AnimalChances, horizon: Array, has_company: Array, is_left: Array) -> _Place:
    """Return a place within the whole width if the animal is alone, or else within its half of the picture."""
    side = np.where(has_company, _value(_SIDE_IN_COMPANY, chances.side), _value(_SIDE_ALONE, chances.side))
    width = np.where(has_company, 0.5, 1)
    start = np.where(has_company & ~is_left, 0.5, 0)
    highest = horizon + _FEET
    feet = highest + (_LOWEST - highest) * chances.down
    return _Place(start + (width - side) * chances.across, feet - side, side, chances.mirrored < 0.5)


def _with_animal(images: Array, name: str, contents: _Contents, chances: _Chances, tint: Array) -> tuple[Array, Array]:
    """Return the pictures with the animal laid over, where there is one, and the animal's pixels (N, H, W)."""
    has = getattr(contents, name)[:, None, None]
    has_company = (contents.cat & contents.elephant)[:, None, None]
    is_left = (contents.cat_is_left == (name == "cat"))[:, None, None]
    own = chances.animals[name]
    place = _place(own, _value(_HORIZON, chances.horizon), has_company, is_left)
    coverage, ink = _shrunk(name, place, images.shape[-1]) * has
    paint = _value(_FUR[name], own.brightness) * coverage + _INK * ink
    images = images * (1 - coverage[:, None]) + paint[:, None] * tint.astype(np.float32)
    return images, coverage > 0.5


def _shrunk(name: str, place: _Place, size: int) -> Array:
    """Return the mean of an animal's coverage, and of its ink, over each pixel, (2, N, H, W).

    A pixel is a rectangle of cells. The sum over a rectangle is the difference of four numbers of the table: the end
    minus the beginning, in both directions.
    """
    columns, rows = _edges(place.left, place.side, size), _edges(place.top, place.side, size)  # (N, 1, size + 1)
    cells = np.diff(columns).clip(1) * np.diff(rows).clip(1).swapaxes(1, 2)  # in each pixel, on the grid or beside it
    columns, rows = columns.clip(0, _CELLS), rows.clip(0, _CELLS)
    columns = np.where(place.mirrored, _CELLS - columns, columns)
    sign = np.where(place.mirrored, -1, 1)  # in a mirrored animal, a pixel's end comes before its beginning
    corners = _table(name)[:, rows.swapaxes(1, 2), columns]  # (2, N, H + 1, W + 1)
    sums = np.diff(np.diff(corners, axis=-1), axis=-2) * sign
    return (sums / cells).astype(np.float32)


def _edges(start: Array, side: Array, size: int) -> Array:
    """Return where the edges of a row of pixels lie on an animal's grid, in whole cells. Many lie beside the grid."""
    return np.rint((np.arange(size + 1) / size - start) / side * _CELLS).astype(np.intp)


@cache
def _table(name: str) -> Array:
    """Return an animal's coverage, and its ink, summed over all cells above and to the left, (2, S + 1, S + 1).

    S is _CELLS. Source: Crow, "Summed-area tables for texture mapping", 1984.
    """
    y, x = (np.mgrid[:_CELLS, :_CELLS] + 0.5) / _CELLS
    drawn = np.array({"cat": _cat, "elephant": _elephant}[name](x, y), np.float64)
    return np.pad(drawn.cumsum(axis=-1).cumsum(axis=-2), [(0, 0), (1, 0), (1, 0)])


def _cat(x: Array, y: Array) -> list[Array]:
    """Draw a sitting cat from the front. Return its coverage, and its ink: -1 where it is dark."""
    head = _ellipse(x, y, (0.42, 0.36), (0.25, 0.2))
    body = _ellipse(x, y, (0.42, 0.74), (0.22, 0.28)) | _ellipse(x, y, (0.42, 0.93), (0.26, 0.07))
    left_ear = _polygon(x, y, (0.18, 0.36), (0.17, 0.02), (0.4, 0.2))
    right_ear = _polygon(x, y, (0.44, 0.2), (0.67, 0.02), (0.66, 0.36))
    tail = _stroke(x, y, 0.075, (0.6, 0.93), (0.8, 0.92), (0.9, 0.8), (0.88, 0.62), (0.78, 0.52), (0.8, 0.44))
    whiskers = _whiskers(x, y)

    eyes = _ellipse(x, y, (0.33, 0.32), (0.04, 0.055)) | _ellipse(x, y, (0.51, 0.32), (0.04, 0.055))
    nose = _polygon(x, y, (0.37, 0.4), (0.47, 0.4), (0.42, 0.46))
    legs = _stroke(x, y, 0.03, (0.42, 0.72), (0.42, 0.97))
    in_left_ear = _polygon(x, y, (0.22, 0.24), (0.21, 0.1), (0.32, 0.2))
    in_right_ear = _polygon(x, y, (0.52, 0.2), (0.63, 0.1), (0.62, 0.24))
    tabby = ((y + 0.6 * (x - 0.42) ** 2) % 0.15 < 0.06) & (y > 0.57) & (y < 0.93) & (body | tail)
    forehead = (x * 20 % 2 < 1) & (abs(x - 0.42) < 0.125) & (y < 0.26) & head

    shape = head | body | left_ear | right_ear | tail | whiskers
    dark = eyes | nose | legs | (whiskers & head) | in_left_ear | in_right_ear | tabby | forehead
    return [shape, -1.0 * dark]


def _whiskers(x: Array, y: Array) -> Array:
    fan = [(side, slope) for side in (-1, 1) for slope in (-1, 0, 1)]
    roots = [(0.42 + 0.1 * side, 0.42 + 0.02 * slope) for side, slope in fan]
    tips = [(0.42 + 0.4 * side, 0.42 + 0.07 * slope) for side, slope in fan]
    return np.any([_stroke(x, y, 0.022, root, tip) for root, tip in zip(roots, tips, strict=True)], axis=0)


def _elephant(x: Array, y: Array) -> list[Array]:
    """Draw a standing elephant from the side, facing right. Return its coverage, and its ink: above 0 where light."""
    body = _ellipse(x, y, (0.38, 0.45), (0.32, 0.25))
    head = _ellipse(x, y, (0.7, 0.36), (0.17, 0.19))
    trunk = _stroke(x, y, 0.11, (0.82, 0.4), (0.9, 0.55), (0.91, 0.75))
    tip = _stroke(x, y, 0.09, (0.91, 0.75), (0.96, 0.86))
    legs = np.any([_upright(x, y, left, left + 0.12, 0.5, 0.98) for left in (0.08, 0.25, 0.47, 0.6)], axis=0)
    tail = _stroke(x, y, 0.035, (0.09, 0.36), (0.02, 0.5), (0.03, 0.66))

    ear = _ellipse(x, y, (0.6, 0.36), (0.13, 0.22))
    rim = ear & ~_ellipse(x, y, (0.6, 0.36), (0.09, 0.18))
    eye = _ellipse(x, y, (0.79, 0.31), (0.03, 0.035))
    tusk = _stroke(x, y, 0.045, (0.79, 0.49), (0.84, 0.6), (0.99, 0.6))

    shape = body | head | trunk | tip | legs | tail | ear | tusk
    return [shape, 1.5 * tusk + 0.7 * eye + 0.4 * rim]


# --- Shapes: which cells are inside; x and y are the centres of the cells ---------------------------


def _ellipse(x: Array, y: Array, centre: Point, radii: Point) -> Array:
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def _stroke(x: Array, y: Array, width: float, *points: Point) -> Array:
    """Return which cells a round brush covers on its way from point to point."""
    nearest = np.full(x.shape, np.inf)  # the squared distance from the way
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clip(0, 1)  # the nearest place on this piece
        nearest = np.minimum(nearest, (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2)
    return nearest <= (width / 2) ** 2


def _upright(x: Array, y: Array, left: float, right: float, top: float, bottom: float) -> Array:
    return _polygon(x, y, (left, top), (right, top), (right, bottom), (left, bottom))


def _polygon(x: Array, y: Array, *corners: Point) -> Array:
    """Return the inside of a convex polygon with its corners in clockwise order."""
    sides = pairwise((*corners, corners[0]))
    return np.all([(x1 - x0) * (y - y0) >= (y1 - y0) * (x - x0) for (x0, y0), (x1, y1) in sides], axis=0)
