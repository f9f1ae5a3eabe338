"""The laws of what comes after the map: its size, its scale, and the overlay on the picture."""

from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.book import Option, Signature
from numpycam.laws.cases import Numbers
from numpycam.laws.verify import Laws

# --- resize


def _make_resize(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"heat": numbers.array("heat", setting["from"])}, {"size": setting["to"]}


resize = Laws(
    name="resize",
    signatures={"resize": Signature(("heat",), ("resized",))},
    reference={"resize": definitions.resize},
    choices={
        "from": [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (4, 3)],
        "to": [(1, 1), (2, 3), (3, 2), (4, 6), (6, 4), (5, 7), (8, 9), (2, 2)],
    },
    make=_make_resize,
    axes={"heat": "HW", "resized": "HW"},
    options={"size": Option(("size", "shape", "output_size", "out_size", "dsize"), is_pair=True)},
    traits={
        "to a larger size": lambda case: case["size"][0] > case["heat"].shape[0],
        "to a size that is not square": lambda case: case["size"][0] != case["size"][1],
    },
)


@resize.law("size", "the shape of the result = size", about="resized", where="(height, width)")
def _resize_size(resized: Any, size: Any) -> Any:
    return np.array(resized.shape), np.array(size)


@resize.law("same", "resize to the same size = nothing", about="resized")
def _resize_same(resized_of: Any, heat: Any, size: Any) -> Any:
    return (resized_of(), heat) if heat.shape == tuple(size) else None


@resize.law("range", "the result, cut to min … max = the result", about="resized",
            where="between its neighbours: no overshoot")  # fmt: skip
def _resize_range(resized: Any, heat: Any) -> Any:
    return np.clip(resized, heat.min(), heat.max()), resized


@resize.law("linear", "resize(2m + m') = 2 resize(m) + resize(m')", about="resized")
def _resize_linear(resized: Any, resized_of: Any, heat: Any) -> Any:
    other = 1 - heat[::-1]
    return resized_of(heat=2 * heat + other), 2 * resized + resized_of(heat=other)


@resize.law("mirror", "resize(a mirrored map) = the mirrored result", about="resized", where="no side is special")
def _resize_mirror(resized: Any, resized_of: Any, heat: Any) -> Any:
    if heat.shape[1] > resized.shape[1] == 1:  # with aligned corners, one cell has no middle to go to
        return None
    return resized_of(heat=heat[:, ::-1]), resized[:, ::-1]


@resize.law("corners", "the corners of the result = the corners of the map", about="resized", where="to a larger size")
def _resize_corners(resized: Any, heat: Any) -> Any:
    if any(m < n for m, n in zip(resized.shape, heat.shape, strict=True)):
        return None
    ends = np.ix_([0, -1], [0, -1])
    return resized[ends], heat[ends]


_ROW = np.array([[0.0, 4.0, 8.0]])


@resize.convention("places", "where the cells of the result lie", "resized", {
    "bilinear, half-pixel centres (align_corners=False)": np.array([[0, 4, 16, 28, 40, 52, 56]]) / 7,
    "bilinear, align_corners=True": np.array([[0, 4, 8, 12, 16, 20, 24]]) / 3,
    "bilinear, place i n/m": np.array([[0, 12, 24, 36, 48, 56, 56]]) / 7,
    "nearest, half-pixel centres": [[0, 0, 4, 4, 4, 8, 8]],
    "nearest, place i n/m": [[0, 0, 0, 4, 4, 8, 8]],
})  # fmt: skip
def _resize_places(run: Any) -> Any:
    return run(heat=_ROW, size=(1, 7))["resized"]


# --- normalise


def _make_normalise(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    heat = numbers.array("heat", setting["size"], setting["values"])
    return {"heat": heat * 0 if setting["zero"] else heat}, {}


normalise = Laws(
    name="normalise",
    signatures={"normalise": Signature(("heat",), ("normalised",))},
    reference={"normalise": definitions.normalise},
    choices={
        "size": [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (4, 5)],
        "values": ["not negative", "all", "few"],
        "zero": [False, True],
    },
    make=_make_normalise,
    axes={"heat": "HW", "normalised": "HW"},
    traits={
        "with a map of zeros": lambda case: not case["heat"].any(),
        "with a negative cell": lambda case: bool((case["heat"] < 0).any()),
        "without a zero cell": lambda case: bool((case["heat"] != 0).all()),
    },
)


@normalise.law("definition", "the result = m / max|m|", about="normalised", where="a map of zeros stays zero")
def _normalise_definition(normalised: Any, right_normalised: Any) -> Any:
    return normalised, right_normalised


@normalise.law(
    "zero", "the result of zeros = zeros", about="normalised", where="not NaN: there is nothing to divide by"
)
def _normalise_zero(normalised_of: Any, heat: Any) -> Any:
    return normalised_of(heat=heat * 0), heat * 0


@normalise.law("twice", "the result of the result = the result", about="normalised")
def _normalise_twice(normalised: Any, normalised_of: Any) -> Any:
    return normalised_of(heat=normalised), normalised


@normalise.law(
    "any-scale", "the result of m · 2^k = the result of m", about="normalised", where="for k = 40 and k = -40"
)
def _normalise_scale(normalised: Any, normalised_of: Any, heat: Any) -> Any:
    return np.array([normalised_of(heat=heat * 2**40), normalised_of(heat=heat / 2**40)]), np.array([normalised] * 2)


# --- overlay


def _make_overlay(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    shape = 3, *setting["size"]
    opacity = numbers.array("opacity", (), "a share")[()]
    arrays = {name: numbers.array(name, shape, "a share") for name in ("image", "heat")}
    zero = opacity * 0
    opacities = {"half": (zero + 1) / 2, "none": zero, "full": zero + 1, "some": opacity}
    return arrays, {"opacity": opacities[setting["opacity"]]}


overlay = Laws(
    name="overlay",
    signatures={"overlay": Signature(("image", "heat"), ("picture",))},
    reference={"overlay": definitions.overlay},
    choices={"size": [(1, 1), (1, 2), (2, 3), (3, 2)], "opacity": ["half", "none", "full", "some"]},
    make=_make_overlay,
    axes=dict.fromkeys(("image", "heat", "picture"), "CHW"),
    options={"opacity": Option(("opacity", "alpha", "weight", "strength", "blend"))},
    traits={
        "with opacity 0": lambda case: case["opacity"] == 0,
        "with opacity 1": lambda case: case["opacity"] == 1,
        "with an opacity between 0 and 1": lambda case: 0 < case["opacity"] < 1,
    },
)


@overlay.law("definition", "the result = (1 - opacity) image + opacity heat", about="picture")
def _overlay_definition(picture: Any, right_picture: Any) -> Any:
    return picture, right_picture


@overlay.law("ends", "the result at 0 and at 1 = the image, and the heat", about="picture")
def _overlay_ends(picture: Any, image: Any, heat: Any, opacity: Any) -> Any:
    return None if 0 < opacity < 1 else (picture, heat if opacity == 1 else image)


@overlay.law("between", "the darker of the two ≤ the result", about="picture", where="cell by cell, channel by channel")
def _overlay_between(picture: Any, image: Any, heat: Any) -> Any:
    return np.minimum(image, heat), picture
