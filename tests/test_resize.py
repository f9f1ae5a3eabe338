"""Resizing with all of its options, against the definition; what normalising takes. Their laws are in test_ours."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st

from numpycam import laws
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import sides, tensors
from numpycam.resize import normalise, resize, resize_picture
from numpycam.worked_example import LOCALIZATION_MAP

maps = sides(1, 4).flatmap(lambda size: tensors((2, *size)))


@pytest.mark.law("up.def")
@given(maps, sides(1, 7), st.booleans())
def test_resizing_is_linear_interpolation_by_its_definition(x, size, align_corners):
    resized = resize(x, size, align_corners=align_corners)
    rows = [[laws.definitions.bilinear(list(row), size[1], align_corners) for row in image] for image in x]
    expected = [
        np.array(
            [laws.definitions.bilinear(list(column), size[0], align_corners) for column in zip(*image, strict=True)]
        ).T
        for image in rows
    ]
    assert same(resized, np.array(expected))
    assert {type(element) for element in resized.flat} == {Fraction}


def test_the_map_of_the_worked_example_resized_and_normalised():
    half_pixel = [
        ["8.925", "6.69375", "2.23125", 0],
        ["10.725", "8.20625", "3.16875", "0.65"],
        ["14.325", "11.23125", "5.04375", "1.95"],
        ["16.125", "12.74375", "5.98125", "2.6"],
    ]
    assert same(resize(LOCALIZATION_MAP, 4), as_fractions(half_pixel))
    aligned = resize(LOCALIZATION_MAP, 4, align_corners=True)
    assert same(aligned[0], as_fractions(["8.925", "5.95", "2.975", 0]))
    assert [f"{float(value):.6g}" for value in aligned[3]] == ["16.125", "11.6167", "7.10833", "2.6"]
    assert same(normalise(LOCALIZATION_MAP), as_fractions([["119/215", 0], [1, "104/645"]]))


@pytest.mark.law("up.near")
@given(maps, st.integers(1, 3), st.integers(1, 3))
def test_nearest_repeats_each_cell_for_whole_factors(x, rows, columns):
    repeated = x.repeat(rows, axis=1).repeat(columns, axis=2)
    assert same(resize(x, repeated.shape[1:], "nearest"), repeated)


@pytest.mark.law("up.peak")
def test_an_inner_peak_becomes_lower_so_normalise_after_resizing():
    """Doubling with half-pixel centres lowers an inner peak to 9/16: normalise after resizing for a peak of 1."""
    peak = as_fractions([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert resize(peak, 6).max() == Fraction(9, 16)
    assert resize(peak, 5, align_corners=True).max() == 1


@pytest.mark.law("up.near")
def test_nearest_is_the_cell_that_the_centre_lies_in():
    assert resize(np.array([[1.0, 2.0]]), (1, 3), "nearest").tolist() == [[1, 2, 2]]  # not [1, 1, 2]
    assert resize(np.array([[1.0, 2.0, 3.0, 4.0]]), (1, 2), "nearest").tolist() == [[2, 4]]
    assert resize(np.arange(5.0)[None], (1, 3), "nearest").tolist() == [[0, 2, 4]]
    assert resize(np.arange(3.0)[None], (1, 5), "nearest").tolist() == [[0, 0, 1, 2, 2]]


def test_an_empty_batch_stays_empty():
    assert resize(np.ones((0, 2, 3)), 4).shape == (0, 4, 4)
    assert normalise(np.ones((0, 2, 3))).shape == (0, 2, 3)


def test_a_constant_map_stays_that_constant_to_the_bit():
    """0.1 · 0.3 + 0.1 · 0.7 is not 0.1 in floats."""
    for align_corners in (False, True):
        assert (resize(np.full((1, 4), 0.1), (1, 5), align_corners=align_corners) == 0.1).all()
        assert (resize(np.full((2, 3), 0.1), (7, 11), align_corners=align_corners) == 0.1).all()


def test_infinity_stays_where_it_is():
    x = np.array([[np.inf, 1.0, -np.inf]])
    assert resize(x, (1, 3)).tolist() == x.tolist()
    assert resize(np.array([[-1e308, 1e308]]), (1, 4)).tolist() == [[-1e308, -5e307, 5e307, 1e308]]


def test_nan_stays_where_it_is():
    x = np.array([[np.nan, 1.0, 2.0]])
    assert np.isnan(resize(x, (1, 3))).tolist() == [[True, False, False]]
    assert np.isnan(resize(x, (1, 6))).tolist() == [[True, True, True, False, False, False]]
    assert np.isnan(resize(x[:, ::-1], (1, 3))).tolist() == [[False, False, True]]


def test_normalising_takes_lists_and_several_maps_and_keeps_float32():
    assert normalise([[[5.0]], [[-2.0]], [[0.0]]]).tolist() == [[[1]], [[-1]], [[0]]]
    assert normalise(np.float32([[3]])).dtype == np.float32


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (ValueError, ([[1.0]], 0), "size == 0, must be >= 1."),
        (TypeError, ([[1.0]], 2.0), "size must be an instance of int, not float."),
        (ValueError, ([[1.0]], (1, 2, 3)), "size must be an int or a (height, width) pair, got (1, 2, 3)."),
        (ValueError, ([[1.0]], 2, "linear"), "interpolation must be one of 'bilinear', 'nearest', got 'linear'."),
        (ValueError, ([1.0], 2), "maps must have shape (..., H, W) with no empty axis, got (1,)."),
        (ValueError, (np.ones((2, 0)), 2), "maps must have shape (..., H, W) with no empty axis, got (2, 0)."),
    ],
)
def test_sizes_that_cannot_be(error, arguments, message):
    assert refusal(error, lambda: resize(*arguments)) == message


def test_corners_of_nearest_cells_are_refused():
    message = "align_corners is for interpolation 'bilinear' only."
    assert refusal(ValueError, lambda: resize([[1.0]], 2, "nearest", align_corners=True)) == message


def test_maps_that_have_no_scale():
    assert refusal(ValueError, lambda: normalise([[np.nan]])).startswith("maps contains NaN at index (0, 0).")
    assert refusal(ValueError, lambda: normalise([[np.inf]])).startswith("maps contains infinity at index (0, 0).")
    assert refusal(ValueError, lambda: normalise([1.0])) == (
        "maps must have shape (..., H, W) with no empty axis, got (1,)."
    )


def test_floats_are_resized_as_fractions_are_up_to_rounding():
    assert resize(np.float32([[0, 1]]), (1, 4)).tolist() == [[0, 0.25, 0.75, 1]]
    assert resize(np.float32([[0, 1]]), (1, 4)).dtype == np.float32
    exact, in_floats = resize(LOCALIZATION_MAP, 5), as_fractions(resize(as_floats(LOCALIZATION_MAP), 5))
    # Two axes with a weight, two products and a sum each, from rounded inputs on; nothing is negative.
    assert (np.abs(in_floats - exact) <= rounding(10) * exact).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_a_picture_keeps_its_kind_of_numbers_and_its_leading_axes(dtype):
    picture = np.arange(40).reshape(2, 1, 4, 5)
    picture = as_fractions(picture) if dtype is object else picture.astype(dtype)
    resized = resize_picture(picture, (2, 7))
    assert resized.dtype == dtype
    assert resized.shape == (2, 1, 2, 7)
    assert same(resize_picture(picture, (2, 5)), (picture[..., ::2, :] + picture[..., 1::2, :]) / 2)


def test_a_picture_that_shrinks_has_the_means_of_areas():
    assert same(resize_picture(as_fractions([[1, 2, 3, 4, 5]]), (1, 2)), as_fractions([["9/5", "21/5"]]))
