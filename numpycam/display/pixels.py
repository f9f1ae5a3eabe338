"""Pictures as arrays: lay a map over an image, write pictures as PNG."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from matplotlib.image import imsave
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import as_rounded, check_is, check_shape
from numpycam.core.arrays import Array, Shape
from numpycam.core.steps import Stages
from numpycam.display.canvas import check_colormap, colour_map, own_settings
from numpycam.exact import as_floats

PAINT = (1.0, 0.3, 0.0)
"""The colour of a map that is laid over a picture: red, green and blue. No cell of a grey picture has it."""

STRENGTH = 0.8
"""The opacity of the paint where the map is largest."""


def overlay(image: ArrayLike, heat: ArrayLike, strength: float = STRENGTH, colormap: str = "") -> NDArray[np.float64]:
    """Return the map laid over the image, as paint: (1 - opacity) · image + opacity · colour.

    The opacity follows the map: opacity = strength · heat. So the picture stays as it is where the map is 0, and the
    paint is thickest where the map is largest. This is a choice of how to show a map. Many programs mix the whole
    picture half and half with the colours of the map instead. Then the lowest colour also covers what the map does not
    show.

    Parameters
    ----------
    image : array, shape (C, H, W)
        Grey (C = 1) or colour (C = 3). In 0 … 1, or in 0 … 255 if its dtype is uint8.
    heat : array, shape (H, W)
        The map, in 0 … 1 and of the image's size: see :func:`numpycam.resize.normalise` and ``resize``.
    strength : float, default 0.8
        The opacity where the map is 1. 0 gives the image; 1 hides it there.
    colormap : str, optional
        A colour map of matplotlib, for paint whose colour changes with the map. By default all paint is orange.

    Returns
    -------
    array of float64, shape (H, W, 3)
        In 0 … 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, size or range.
    """
    picture, values = as_rgb(image), as_rounded("heat", heat)
    if values.shape != picture.shape[:2]:
        raise ValueError(f"heat must have the image's size {picture.shape[:2]}, got shape {values.shape}: resize it.")
    _check_unit_range("heat", values, "normalise a map without negative cells")
    part = as_rounded("strength", strength)
    check_shape("strength", part, ())
    if not 0 <= part <= 1:
        raise ValueError(f"strength must be in 0..1, got {part}.")
    colours: Array = np.array(PAINT)
    if colormap:
        check_colormap(colormap)
        colours = colour_map(colormap)(values)[..., :3]
    opacity = part * values[..., None]  # (H, W, 1)
    return (1 - opacity) * picture + opacity * colours


def as_uint8(picture: ArrayLike) -> NDArray[np.uint8]:
    """Return values in 0 … 1 as bytes in 0 … 255. They are clipped and rounded first, so that none wraps around.

    Parameters
    ----------
    picture : array_like
        Floats, Fractions or integers. An array of bytes is returned as a copy, unchanged.

    Returns
    -------
    array of uint8
        Of the same shape.

    Raises
    ------
    TypeError, ValueError
        If the picture holds no numbers, or one that is not finite.
    """
    values = as_rounded("picture", picture)
    if np.asarray(picture).dtype == np.uint8:
        return np.array(picture)
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def as_png(picture: ArrayLike) -> bytes:
    """Return a picture as a PNG file.

    Parameters
    ----------
    picture : array, shape (H, W, 3)
        In 0 … 1, or as bytes in 0 … 255.

    Returns
    -------
    bytes

    Raises
    ------
    TypeError, ValueError
        If the picture is not of that shape, is empty, or holds no finite numbers.
    """
    pixels = as_uint8(picture)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"picture must have shape (H, W, 3) with no empty axis, got {pixels.shape}.")
    buffer = BytesIO()
    with own_settings():
        imsave(buffer, pixels, format="png")
    return buffer.getvalue()


def shown(image: Array | None) -> Array | None:
    """Return an image as floats in 0 … 1, to be drawn.

    If a value is outside of 0 … 1, the image is scaled: its minimum becomes 0 and its maximum 1. None if the image is
    not known or has neither one nor three channels.
    """
    if image is None or len(image) not in (1, 3):
        return None
    picture = as_floats(image)
    if picture.min() >= 0 and picture.max() <= 1:
        return picture
    picture = np.ldexp(picture, -np.frexp(np.abs(picture).max())[1])  # below 1: the difference cannot overflow
    low, high = picture.min(), picture.max()
    return (picture - low) / ((high - low) or 1)


def with_picture(explanation: Stages, picture: ArrayLike | None) -> Stages:
    """Return the explanation as it is drawn. If a picture is given, it takes the place of the image.

    Parameters
    ----------
    explanation : Stages
    picture : array, shape (1, H, W) or (3, H, W), optional
        What a person sees of the image: grey or colour, in 0 … 1, with the image's height and width.

    Raises
    ------
    TypeError, ValueError
        If the picture is not of that kind, size or range.
    """
    check_is("explanation", explanation, Stages, "an Explanation")
    if picture is None:
        return explanation
    seen = _as_picture("picture", picture)
    size = () if explanation.image is None else explanation.image.shape[-2:]
    if seen.shape[1:] != size:
        raise ValueError(f"picture must have the height and width of the image, {size}, got {seen.shape[1:]}.")
    return replace(explanation, image=seen)


def as_rgb(image: ArrayLike, name: str = "image") -> NDArray[np.float64]:  # (C, H, W) -> (H, W, 3)
    """Return a picture in colour and in 0 … 1. It may be given in grey, and as bytes."""
    picture = _as_picture(name, image)
    return np.moveaxis(np.broadcast_to(picture, (3, *picture.shape[1:])), 0, -1)


def _as_picture(name: str, image: ArrayLike) -> NDArray[np.float64]:  # (C, H, W), in 0 … 1
    """Return an image as floats in 0 … 1, after checking its shape and its range."""
    picture = as_rounded(name, image)
    picture /= 255 if np.asarray(image).dtype == np.uint8 else 1
    if picture.ndim != 3 or len(picture) not in (1, 3):
        raise ValueError(
            f"{name} must have shape (1, H, W) or (3, H, W), got {picture.shape}{_cure(name, picture.shape)}."
        )
    _check_unit_range(name, picture, "divide it by its largest possible value")
    return picture


def _cure(name: str, shape: Shape) -> str:
    """Return what to do with an array that does not have the shape of a picture."""
    if len(shape) == 2:
        return f"; for one channel pass {name}[None]"
    if len(shape) != 3:
        return ""
    if shape[0] == 4:
        return f"; without the opacity it is {name}[:3]"
    if shape[2] in (1, 3, 4):
        colours = "[..., :3]" if shape[2] == 4 else ""
        return f"; channels come first: pass np.moveaxis({name}{colours}, -1, 0)"
    return f"; a picture has one channel or three, not {shape[0]}"


def _check_unit_range(name: str, values: Array, advice: str) -> None:
    """Raise ValueError, with a piece of advice, unless all values lie in 0 … 1."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        low, high = (repr(float(end)).removesuffix(".0") for end in (values.min(), values.max()))  # 1.0000001 is not 1
        raise ValueError(f"{name} must lie in 0..1, got {low}..{high}: {advice}.")
