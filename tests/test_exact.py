"""Conversion to Fractions and back."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import network_cases

from numpycam import AvgPool2d, Conv2d, ReLU, grad_cam
from numpycam.exact import as_floats, as_fractions


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_go_there_and_back_unchanged(array):
    assert same(as_floats(as_fractions(array)), array)


@given(hnp.arrays(np.float32, (2, 3), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_float32_goes_there_and_back_unchanged_too(array):
    assert same(as_floats(as_fractions(array), np.float32), array)


def test_a_float_is_its_binary_value_and_a_string_its_decimal():
    assert as_fractions(0.1) == Fraction(3602879701896397, 36028797018963968)
    assert as_fractions("0.1") == as_fractions(Decimal("0.1")) == Fraction(1, 10)
    assert as_fractions(["0.1", 0.5, 2, Fraction(1, 3)]).tolist() == [
        Fraction(1, 10), Fraction(1, 2), Fraction(2), Fraction(1, 3)]  # fmt: skip
    assert as_fractions(np.array(["1/3", "-2.5"])).tolist() == [Fraction(1, 3), Fraction(-5, 2)]


def test_numpy_integers_become_python_integers():
    assert as_fractions(np.int64(2**40)) ** 2 == 2**80
    assert as_fractions(np.array([2**40])).tolist()[0] ** 2 == 2**80
    assert as_fractions(Fraction(np.int64(2**40), 3)) ** 2 == Fraction(2**80, 9)
    assert as_fractions(Fraction(3, np.int64(2**40))) ** 2 == Fraction(9, 2**80)
    assert as_fractions([np.float32(0.5)]).tolist() == [Fraction(1, 2)]
    assert as_floats(Fraction(1, 2)) == 0.5


def test_layers_and_networks_keep_everything_else():
    conv = Conv2d(np.full((1, 1, 2, 1), 0.5), [0.25], stride=(2, 1), padding=1, dilation=(1, 2))
    converted = as_fractions(conv)
    assert repr(converted) == repr(conv)
    assert converted.weight.dtype == object
    assert converted.bias.tolist() == [Fraction(1, 4)]
    assert same(as_floats(converted).weight, conv.weight)
    assert repr(as_fractions(AvgPool2d(3, padding=1, count_include_pad=False))) == (
        "AvgPool2d(kernel_size=3, stride=3, padding=1, count_include_pad=False)"
    )
    assert isinstance(as_fractions(ReLU()), ReLU)


@given(network_cases(kind="float64"))
def test_a_network_explains_the_same_in_floats_as_in_fractions(case):
    """Up to A nothing rounds, for all numbers are small integers or halves of them. What may round is the average.

    A gradient may be a quotient already, α_k is a sum of at most 20 of them divided by 20 at most, and L the sum of at
    most 3 products: below 30 operations.
    """
    network, x = case
    exact = grad_cam(as_fractions(network), as_fractions(x), 0)
    in_floats = grad_cam(network, x, 0)
    assert exact.weighted_sum.dtype == object
    assert in_floats.layer == exact.layer == "target"
    assert same(as_fractions(in_floats.feature_maps), exact.feature_maps)
    sizes = np.abs(exact.gradients).sum(axis=(2, 3)) / Fraction(exact.gradients[0, 0].size)
    bound = rounding(30) * (sizes[:, :, None, None] * np.abs(exact.feature_maps)).sum(axis=1)
    assert (np.abs(as_fractions(in_floats.weighted_sum) - exact.weighted_sum) <= bound).all()


@pytest.mark.parametrize(
    ("error", "value", "message"),
    [
        (ValueError, [1, np.nan], "value must hold finite numbers, got nan at index (1,)."),
        (OverflowError, [np.inf], "value must hold finite numbers, got inf at index (0,)."),
        (ValueError, ["one"], "value must hold finite numbers, got 'one' at index (0,)."),
        (TypeError, [None], "value must hold finite numbers, got None at index (0,)."),
        (TypeError, [1j], "value must hold finite numbers, got 1j at index (0,)."),
    ],
)
def test_what_is_not_a_number(error, value, message):
    assert refusal(error, lambda: as_fractions(value)) == message


def test_numbers_too_large_for_a_float():
    assert refusal(ValueError, lambda: as_floats([Fraction(10**40)], np.float32)) == (
        "value holds a number that is too large for float32."
    )
    assert refusal(ValueError, lambda: as_floats([Fraction(10**400)])) == (
        "value holds a number that is too large for float64."
    )


def test_conversions_that_would_lose_something():
    assert refusal(TypeError, lambda: as_floats([1, 2.7], int)) == "dtype must be a float dtype, got int64."
    assert refusal(TypeError, lambda: as_fractions(np.ma.array([1.0], mask=[True]))) == (
        "value must be a plain array, got MaskedArray."
    )


def test_as_floats_refuses_what_is_not_a_number():
    assert refusal(ValueError, lambda: as_floats([np.nan])).startswith("value contains NaN at index (0,).")
