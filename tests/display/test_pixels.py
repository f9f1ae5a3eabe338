"""Pictures as arrays: the overlay, and bytes."""

import numpy as np
import pytest
from helpers import refusal, rounding
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpycam.display import as_uint8, overlay, shown
from numpycam.display.canvas import colour_map
from numpycam.display.pixels import PAINT
from numpycam.laws import definitions

unit = st.floats(0, 1, width=32)


COLOURS = ("", "viridis")  # one colour for all paint, and a colour for each value


@pytest.mark.law("over.convex")
@given(hnp.arrays(np.float64, (3, 2, 4), elements=unit), hnp.arrays(np.float64, (2, 4), elements=unit), unit,
       st.sampled_from(COLOURS))  # fmt: skip
def test_the_overlay_lies_between_the_image_and_the_paint_nearer_to_it_the_larger_the_map(
    image, heat, strength, colormap
):
    """(1 - o) · image + o · paint with o = strength · heat. The mix is one of numpycam.laws, in each pixel."""
    picture = np.moveaxis(image, 0, -1)
    paint = colour_map(colormap)(heat)[..., :3] if colormap else np.broadcast_to(PAINT, picture.shape)
    mixed = overlay(image, heat, strength, colormap)
    expected = definitions.overlay(picture, paint, (strength * heat)[..., None])
    assert np.abs(mixed - expected).max() <= float(rounding(8))  # both: three products, two sums; all numbers in -1 … 1
    ulps = float(rounding(4))
    assert (np.minimum(picture, paint) - ulps <= mixed).all()
    assert (mixed <= np.maximum(picture, paint) + ulps).all()


@given(hnp.arrays(np.float64, (1, 2, 4), elements=unit), hnp.arrays(np.float64, (2, 4), elements=unit))
def test_where_the_map_is_0_the_picture_stays_as_it_is(image, heat):
    heat[0, :2] = 0
    picture = np.moveaxis(image, 0, -1).repeat(3, axis=-1)
    for colormap in COLOURS:
        assert (overlay(image, heat, colormap=colormap)[heat == 0] == picture[heat == 0]).all()
        assert (overlay(image, heat, 0, colormap) == picture).all()
    assert (overlay(image, np.ones((2, 4)), 1) == PAINT).all()


def test_overlay_takes_grey_and_bytes():
    heat = np.zeros((1, 2))
    grey, bytes_ = np.array([[[0.0, 1.0]]]), np.array([[[0, 255]]], dtype=np.uint8)
    assert overlay(grey, heat, 0).tolist() == overlay(bytes_, heat, 0).tolist() == [[[0, 0, 0], [1, 1, 1]]]


def test_bytes_are_clipped_rounded_and_then_cast():
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).tolist() == [[0, 128, 255, 255]]
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).dtype == np.uint8
    assert as_uint8(np.array([0, 128, 255], np.uint8)).tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("image", "heat", "options", "message"),
    [
        (
            np.ones((1, 4, 4)),
            np.ones((2, 2)),
            {},
            "heat must have the image's size (4, 4), got shape (2, 2): resize it.",
        ),
        (
            np.ones((1, 2, 2)),
            np.full((2, 2), 16.125),
            {},
            "heat must lie in 0..1, got 16.125..16.125: normalise a map without negative cells.",
        ),
        (
            np.full((1, 2, 2), 255.0),
            np.ones((2, 2)),
            {},
            "image must lie in 0..1, got 255..255: divide it by its largest possible value.",
        ),
        (
            np.ones((2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2); for one channel pass image[None].",
        ),
        (
            np.ones((2, 2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2, 2); a picture has one channel or three, not 2.",
        ),
        (
            np.ones((11, 4, 6)),
            np.ones((4, 6)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (11, 4, 6); a picture has one channel or three, not 11.",
        ),
        (
            np.ones((5, 6, 3)),
            np.ones((5, 6)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (5, 6, 3); channels come first: "
            "pass np.moveaxis(image, -1, 0).",
        ),
        (
            np.ones((5, 6, 4)),
            np.ones((5, 6)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (5, 6, 4); channels come first: "
            "pass np.moveaxis(image[..., :3], -1, 0).",
        ),
        (
            np.ones((4, 5, 6)),
            np.ones((5, 6)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (4, 5, 6); without the opacity it is image[:3].",
        ),
        (
            np.ones((1, 1, 1, 1)),
            np.ones((1, 1)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (1, 1, 1, 1).",
        ),
        (
            np.array([[[0.5, 1.0000001]]]),
            np.ones((1, 2)),
            {},
            "image must lie in 0..1, got 0.5..1.0000001: divide it by its largest possible value.",
        ),
        (
            np.ones((1, 1, 1)),
            np.full((1, 1), np.nextafter(1, 2)),
            {},
            "heat must lie in 0..1, got 1.0000000000000002..1.0000000000000002: normalise a map without negative "
            "cells.",
        ),
        (np.ones((1, 2, 2)), np.ones((2, 2)), {"strength": 1.5}, "strength must be in 0..1, got 1.5."),
        (
            np.ones((1, 1, 1)),
            np.full((1, 1), np.nan),
            {},
            "heat contains NaN at index (0, 0).",
        ),
    ],
)
def test_what_cannot_be_overlaid(image, heat, options, message):
    assert refusal(ValueError, lambda: overlay(image, heat, **options)) == message


@pytest.mark.parametrize("power", [0, -1073, 1023])
def test_an_image_of_any_range_is_shown_from_its_minimum_to_its_maximum(power):
    """From -2^1023 to 2^1023 it is no float, and half of 2^-1073 is the smallest one. Each number here is exact."""
    image = np.array([[[-1.0, 1.0, 0.0]], [[0.5, -0.5, 0.0]], [[0.0, 0.0, 0.0]]])
    with np.errstate(all="raise", under="ignore"):
        found = shown(np.ldexp(image, power))
    assert found.tolist() == [[[0, 1, 0.5]], [[0.75, 0.25, 0.5]], [[0.5, 0.5, 0.5]]]
