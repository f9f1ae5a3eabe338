"""Bad input and what it gets: layers and arrays. Each message names the argument, what came and what was expected."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU
from numpycam.core.arguments import as_array, as_pair, followed

KERNEL = np.ones((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv2d(KERNEL),
            (1, 2, 8, 8),
            "Conv2d expects 3 input channels, got 2 (x has shape (1, 2, 8, 8), weight (4, 3, 3, 3)).",
        ),
        (
            Conv2d(KERNEL),
            (3, 8, 8),
            "Conv2d: x must have shape (N, C, H, W), got (3, 8, 8); for one image pass x[None].",
        ),
        (Conv2d(KERNEL), (8, 8), "Conv2d: x must have shape (N, C, H, W), got (8, 8)."),
        (Conv2d(KERNEL), (1, 3, 0, 8), "Conv2d: x must have shape (N, C, H, W), got (1, 3, 0, 8): axis H is empty."),
        (
            Conv2d(KERNEL, padding=(1, 0), dilation=2),
            (1, 3, 2, 9),
            "kernel of size (3, 3) with dilation (2, 2) spans 5 × 5 cells, "
            "more than the input, 4 × 9 with padding (1, 0).",
        ),
        (
            MaxPool2d((1, 3)),
            (1, 1, 2, 2),
            "kernel of size (1, 3) with dilation (1, 1) spans 1 × 3 cells, "
            "more than the input, 2 × 2 with padding (0, 0).",
        ),
        (AvgPool2d(2), (4, 4), "AvgPool2d: x must have shape (N, C, H, W), got (4, 4)."),
        (
            GlobalAvgPool2d(),
            (2, 3, 4),
            "GlobalAvgPool2d: x must have shape (N, C, H, W), got (2, 3, 4); for one image pass x[None].",
        ),
        (
            Conv2d(KERNEL),
            (1, 8, 6, 3),
            "Conv2d expects 3 input channels, got 8 "
            "(x has shape (1, 8, 6, 3), weight (4, 3, 3, 3); channels come first).",
        ),
        (Flatten(), (3,), "Flatten: x must have shape (N, ...) with no empty axis, got (3,)."),
        (Flatten(), (2, 0, 3), "Flatten: x must have shape (N, ...) with no empty axis, got (2, 0, 3)."),
        (Linear(np.ones((2, 5))), (1, 4), "Linear expects x of shape (N, 5), got (1, 4)."),
        (
            Linear(np.ones((2, 5))),
            (1, 5, 1, 1),
            "Linear expects x of shape (N, 5), got (1, 5, 1, 1); put a Flatten or a GlobalAvgPool2d before it.",
        ),
    ],
)
def test_shapes_that_do_not_fit(layer, shape, message):
    assert refusal(ValueError, lambda: layer.forward(np.zeros(shape))) == message


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"stride": 0}, "stride == 0, must be >= 1."),
        (ValueError, {"padding": (0, -1)}, "padding == -1, must be >= 0."),
        (ValueError, {"dilation": 0}, "dilation == 0, must be >= 1."),
        (TypeError, {"stride": 1.0}, "stride must be an instance of int, not float."),
        (TypeError, {"stride": True}, "stride must be an instance of int, not bool."),
        (TypeError, {"stride": np.True_}, f"stride must be an instance of int, not {type(np.True_).__name__}."),
        (TypeError, {"padding": "same"}, "padding must be an instance of int, not str."),
        (ValueError, {"stride": (1, 2, 3)}, "stride must be an int or a (height, width) pair, got (1, 2, 3)."),
        (ValueError, {"bias": np.ones(3)}, "bias must have shape (4,), got (3,)."),
        (ValueError, {"weight": np.ones((4, 3))}, "weight must have shape (O, C, KH, KW), got (4, 3)."),
        (
            ValueError,
            {"weight": np.ones((0, 3, 1, 1))},
            "weight must have shape (O, C, KH, KW), got (0, 3, 1, 1): axis O is empty.",
        ),
        (
            ValueError,
            {"weight": np.full((1, 1, 1, 2), [1, np.nan])},
            "weight contains NaN at index (0, 0, 0, 1).",
        ),
        (
            ValueError,
            {"bias": [0, 0, np.inf, 0]},
            "bias contains infinity at index (2,).",
        ),
        (
            TypeError,
            {"bias": [Fraction(1, 2)] * 4},
            "weight holds floats but bias holds Fractions; convert one of them "
            "with numpycam.exact.as_fractions or numpycam.exact.as_floats.",
        ),
    ],
)
def test_a_convolution_that_cannot_be(error, options, message):
    assert refusal(error, lambda: Conv2d(**({"weight": KERNEL} | options))) == message


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_a_pooling_that_cannot_be(pool):
    assert refusal(ValueError, lambda: pool(0)) == "kernel_size == 0, must be >= 1."
    assert refusal(ValueError, lambda: pool(2, stride=(1, 0))) == "stride == 0, must be >= 1."
    for padding in ((1, 2), (2, 1)):
        assert refusal(ValueError, lambda padding=padding: pool((2, 3), padding=padding)) == (
            f"padding must be at most half of kernel_size (2, 3), got {padding}."
        )


def test_weight_and_bias_share_the_wider_dtype():
    layer = Linear(np.ones((1, 1), np.float32), np.full(1, 0.1))
    assert layer.weight.dtype == layer.bias.dtype == np.float64
    assert layer.bias[0] == 0.1


def test_integer_biases_take_the_dtype_of_the_weight():
    assert Linear(np.ones((1, 1), np.float32), [1]).bias.dtype == np.float32
    exact = Linear(np.array([[Fraction(1, 3)]]), [1])
    assert type(exact.bias[0]) is Fraction


def test_booleans_take_the_dtype_of_the_network():
    exact = Network([("linear", Linear(np.array([[Fraction(1, 3)]])))])
    assert exact(np.array([[True]])).item() == Fraction(1, 3)


def test_the_first_of_two_nans_is_named():
    assert refusal(ValueError, lambda: as_array("a", [1.0, np.nan, np.nan])) == "a contains NaN at index (1,)."


def test_a_list_is_as_good_as_a_pair():
    assert as_pair("stride", [2, 3], 1) == (2, 3)


def test_count_include_pad_is_yes_or_no():
    assert refusal(TypeError, lambda: AvgPool2d(2, count_include_pad=1)) == "count_include_pad must be a bool, not int."


def test_nan_in_the_weights_passes_if_asked_and_is_seen():
    assert np.isnan(Linear([[np.nan, 1]], check_finite=False)(np.ones((1, 2)))).all()
    conv = Conv2d(np.full((1, 1, 1, 1), np.nan), check_finite=False)
    assert np.isnan(conv(np.ones((1, 1, 2, 3)))).all()


@pytest.mark.parametrize(
    ("error", "value", "message"),
    [
        (TypeError, np.ones(2, complex), "a must hold floats, integers or Fractions, got dtype complex128."),
        (
            TypeError,
            ["1", "0.1"],
            "a must hold floats, integers or Fractions, got dtype <U3; "
            "numpycam.exact.as_fractions makes Fractions of text.",
        ),
        (TypeError, np.ma.ones(2), "a must be a plain array, got MaskedArray."),
        (TypeError, None, "a must be an array, got NoneType."),
        (TypeError, {1: 2}, "a must be an array, got dict."),
        (
            TypeError,
            np.array([Fraction(1), 0.5], dtype=object),
            "a must hold Fractions or ints only if its dtype is object, got float at index (1,).",
        ),
        (
            TypeError,
            np.array([[Fraction(1), True]], dtype=object),
            "a must hold Fractions or ints only if its dtype is object, got bool at index (0, 1).",
        ),
        (
            TypeError,
            np.array(["1", "2"], dtype=object),
            "a must hold Fractions or ints only if its dtype is object, got str at index (0,).",
        ),
        (ValueError, [[1, 2], [3]], "a must be an array, got rows of different lengths."),
        (ValueError, [1, -np.inf], "a contains infinity at index (1,)."),
        (ValueError, [[np.nan]], "a contains NaN at index (0, 0)."),
    ],
)
def test_arrays_that_may_not_enter(error, value, message):
    assert refusal(error, lambda: as_array("a", value)) == message


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_may_not_enter():
    assert refusal(TypeError, lambda: as_array("a", np.matrix([[1.0]]))) == "a must be a plain array, got matrix."


@pytest.mark.parametrize(
    ("given", "expected"),
    [(np.uint8, np.float64), (bool, np.float64), (np.float16, np.float32), (np.float32, np.float32), (int, np.float64)],
)
def test_the_dtype_of_what_enters(given, expected):
    assert as_array("a", np.ones(3, given)).dtype == expected


def test_big_numpy_integers_do_not_overflow_among_fractions():
    element = as_array("a", np.array([Fraction(np.int64(2**40), 3)], dtype=object))[0]
    assert element**2 == Fraction(2**80, 9)
    assert as_array("a", np.array([2**40]), dtype=object)[0] ** 2 == 2**80


def test_object_arrays_come_back_as_fractions_only():
    given = np.array([1, Fraction(1, 2), np.int64(3)], dtype=object)
    assert {type(element) for element in as_array("a", given)} == {Fraction}
    assert type(given[0]) is int


@pytest.mark.parametrize("layer", [ReLU(), Flatten(), AvgPool2d(1)], ids=repr)
def test_layers_alone_take_no_integers(layer):
    """In uint8 a mean would wrap around; a Network converts, a layer refuses."""
    message = refusal(TypeError, lambda: layer.forward(np.full((1, 1, 2, 2), 200, np.uint8)))
    assert message == (
        "x must be an array of float32, float64 or Fractions, got uint8; "
        "convert it, for example with np.asarray(x, float)."
    )


def test_numpy_integers_are_integers():
    assert as_pair("stride", (np.int8(2), 3), 1) == (2, 3)


def test_what_progress_yields_is_told_by_its_value_and_given_on_as_it_was():
    """1.0 == 1, but it is no index."""
    assert [type(run) for run in followed(lambda runs: map(float, runs), range(3), "runs")] == [int] * 3
