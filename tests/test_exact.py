"""Conversion to Fractions and back."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpycam import AvgPool2d, Conv2d, ReLU, grad_cam, grad_cam_from_maps, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import network_cases


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
        (ValueError, [np.inf], "value must hold finite numbers, got inf at index (0,)."),
        (ValueError, np.inf, "value must hold finite numbers, got inf at index ()."),
        (ValueError, Decimal("-Infinity"), "value must hold finite numbers, got Decimal('-Infinity') at index ()."),
        (ValueError, Decimal("sNaN"), "value must hold finite numbers, got Decimal('sNaN') at index ()."),
        (ValueError, ["1", "1/0"], "value must hold finite numbers, got '1/0' at index (1,)."),
        (ValueError, "1e", "value must hold finite numbers, got '1e' at index ()."),
        (ValueError, "", "value must hold finite numbers, got '' at index ()."),
        (ValueError, ["one"], "value must hold finite numbers, got 'one' at index (0,)."),
        (TypeError, [None], "value must hold finite numbers, got None at index (0,)."),
        (TypeError, [1j], "value must hold finite numbers, got 1j at index (0,)."),
        (TypeError, np.array([1j]), "value must hold floats, integers or Fractions, got dtype complex128."),
        (TypeError, np.array(0, "M8[ns]"), "value must hold floats, integers or Fractions, got dtype datetime64[ns]."),
    ],
)
def test_what_is_not_a_number(error, value, message):
    assert refusal(error, lambda: as_fractions(value)) == message


@pytest.mark.parametrize("number", ["1e10000000", "1E-10000000", "1e" + "9" * 5000, "7" * 4301, "1/" + "7" * 4301])
def test_text_that_would_be_a_number_of_thousands_of_digits_is_refused(number):
    message = refusal(ValueError, lambda: as_fractions([["1", number]]))
    assert message.startswith("value must hold numbers of at most 4300 digits, got '")
    assert message.endswith(" at index (0, 1).")
    assert len(message) < 160


def test_a_decimal_of_thousands_of_digits_is_refused():
    for number in (Decimal("1e4300"), Decimal("-1e-4300"), Decimal("1e10000000")):
        message = refusal(ValueError, lambda number=number: as_fractions(number))
        assert message.startswith("value must hold numbers of at most 4300 digits, got Decimal(")


def test_numbers_up_to_4300_digits_are_read():
    assert as_fractions("1e4299") == as_fractions(Decimal("1e4299")) == 10**4299
    assert as_fractions("-1e-4299") == as_fractions(Decimal("-1e-4299")) == -Fraction(1, 10**4299)
    assert as_fractions("7" * 4300 + "/" + "7" * 4299) == Fraction(int("7" * 4300), int("7" * 4299))
    assert as_fractions(10**5000) == 10**5000  # it is a number already


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_a_float():
    assert refusal(ValueError, lambda: as_floats(1e300, np.float32)).endswith("too large for float32.")
    assert refusal(ValueError, lambda: as_floats([Fraction(10**40)], np.float32)) == (
        "value holds a number that is too large for float32."
    )
    assert refusal(ValueError, lambda: as_floats([Fraction(10**400)])) == (
        "value holds a number that is too large for float64."
    )


def test_conversions_that_would_lose_something():
    assert refusal(TypeError, lambda: as_floats([1, 2.7], int)) == (
        "dtype must be float16, float32 or float64, got int64."
    )
    for masked in (np.ma.array([1.0], mask=[True]), np.ma.array([Fraction(1)], mask=[True])):
        assert refusal(TypeError, lambda masked=masked: as_fractions(masked)) == (
            "value must be a plain array, got MaskedArray."
        )


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="a longdouble is a float64 here")
def test_a_longdouble_is_refused_with_the_cure_wherever_it_lies():
    one = np.longdouble(1)
    for value in (one, [one], np.array([Fraction(1), one], dtype=object)):
        assert "convert it with np.asarray(value, np.float64)" in refusal(
            TypeError, lambda value=value: as_fractions(value)
        )


def test_as_floats_refuses_what_is_not_a_number():
    assert refusal(ValueError, lambda: as_floats([np.nan])).startswith("value contains NaN at index (0,).")


def test_an_explanation_becomes_one_of_floats_and_back():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE)
    floats = as_floats(explanation)
    assert type(floats) is type(explanation)
    for name in ("image", "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"):
        assert getattr(floats, name).dtype == np.float64
        assert same(getattr(floats, name), getattr(explanation, name).astype(float))
    assert type(floats.score) is float
    assert (floats.class_index, floats.layer, floats.method) == (0, "features", "Grad-CAM")
    assert floats.network.dtype == np.float64
    assert as_floats(explanation, np.float32).weighted_sum.dtype == np.float32
    assert type(as_fractions(floats).score) is Fraction


def test_what_is_not_known_of_an_explanation_stays_unknown_and_its_classes_stay_classes():
    maps = as_fractions([[[1, 2]], [[3, 4]]])
    assert as_floats(grad_cam_from_maps(maps, maps)).image is None
    batch = grad_cam(worked_example.network(), np.stack([worked_example.IMAGE] * 2), [1, 0])
    assert as_floats(batch).class_index.tolist() == [1, 0]
    assert as_floats(batch).score.dtype == np.float64
