"""Conversion to Fractions and back."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import network_cases, same
from test_network import refusal

from numpycam import AvgPool2d, Conv2d, ReLU, grad_cam
from numpycam.exact import as_floats, as_fractions


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_go_there_and_back_unchanged(array):
    assert same(as_floats(as_fractions(array)), array)


@given(hnp.arrays(np.float32, (2, 3), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_float32_too(array):
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


@given(network_cases())
def test_a_network_explains_the_same_in_floats_as_in_fractions(case):
    """Where no rounding occurs: all parameters times 6 are small integers, and so is what is computed of them.

    The averages are compared as floats of the exact values, within the error of their division.
    """
    network, x = as_fractions(as_floats(case.network)), as_fractions(as_floats(case.x))
    exact = grad_cam(network, x, 0)
    assert exact.weighted_sum.dtype == object
    in_floats = grad_cam(as_floats(network), as_floats(x), 0)
    sizes = as_floats(np.abs(exact.weighted_maps).sum(axis=1))
    assert in_floats.layer == exact.layer == "target"
    assert (np.abs(in_floats.weighted_sum - as_floats(exact.weighted_sum)) <= 1e-9 * (1 + sizes)).all()


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


def test_as_floats_refuses_what_is_not_a_number():
    assert refusal(ValueError, lambda: as_floats([np.nan])).startswith("value contains NaN at index (0,).")
