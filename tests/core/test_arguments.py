"""Bad input and what it gets: layers and arrays. Each message names the argument, what came and what was expected."""

from fractions import Fraction
from itertools import count

import numpy as np
import pytest
from helpers import refusal

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU
from numpycam.core.arguments import (
    as_array,
    as_cells,
    as_class_indices,
    as_grad_output,
    as_images,
    as_int,
    as_kind_of,
    as_list,
    as_maps,
    as_pair,
    as_rounded,
    as_seed,
    as_target,
    as_targets,
    briefly,
    check_axes,
    check_callable,
    check_index,
    check_mask,
    check_one_of,
    check_same_kind,
    check_scores,
    check_text,
    did_you_mean,
)
from numpycam.exact import as_fractions

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
            "(x has shape (1, 8, 6, 3), weight (4, 3, 3, 3); channels come first: pass np.moveaxis(x, -1, -3)).",
        ),
        (Flatten(), (3,), "Flatten: x must have shape (N, ...) with no empty axis, got (3,)."),
        (Flatten(), (2, 0, 3), "Flatten: x must have shape (N, ...) with no empty axis, got (2, 0, 3)."),
        (Linear(np.ones((2, 5))), (1, 4), "Linear expects x of shape (N, 5), got (1, 4)."),
        (Linear(np.ones((2, 5))), (1, 5, 1), "Linear expects x of shape (N, 5), got (1, 5, 1)."),
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


def test_a_linear_layer_that_cannot_be():
    assert refusal(ValueError, lambda: Linear(np.ones(3))) == "weight must have shape (O, F), got (3,)."
    message = refusal(ValueError, lambda: Linear(np.ones((3, 2)), np.ones((3, 1))))
    assert message == "bias must have shape (3,), got (3, 1)."


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_a_pooling_that_cannot_be(pool):
    assert refusal(ValueError, lambda: pool(0)) == "kernel_size == 0, must be >= 1."
    assert refusal(ValueError, lambda: pool(2, stride=(1, 0))) == "stride == 0, must be >= 1."
    assert refusal(ValueError, lambda: pool(2, padding=-1)) == "padding == -1, must be >= 0."
    for padding in ((1, 2), (2, 1)):
        assert refusal(ValueError, lambda padding=padding: pool((2, 3), padding=padding)) == (
            f"padding must be at most half of kernel_size (2, 3), got {padding}."
        )


def test_weight_and_bias_share_the_wider_dtype():
    layer = Linear(np.ones((1, 1), np.float32), np.full(1, 0.1))
    assert layer.weight.dtype == layer.bias.dtype == np.float64
    assert layer.bias[0] == 0.1
    assert Linear(np.ones((1, 1)), np.ones(1, np.float32)).weight.dtype == np.float64


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
    assert np.isnan(Linear([[1]], [np.nan], check_finite=False)(np.ones((1, 1)))).all()
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
    element = as_array("a", np.array([Fraction(np.int64(2**40), np.int64(3))], dtype=object))[0]
    assert element**2 == Fraction(2**80, 9)
    assert as_array("a", np.array([2**40]), dtype=object)[0] ** 2 == 2**80


def test_a_longdouble_may_enter_only_where_it_is_a_float64():
    value = np.ones(1, np.longdouble)
    if value.dtype.itemsize == 8:
        assert as_array("a", value).tolist() == [1]
    else:
        assert refusal(TypeError, lambda: as_array("a", value)) == (
            f"a must hold floats, integers or Fractions, got dtype {value.dtype}, whose accuracy differs by machine; "
            "convert it with np.asarray(a, np.float64)."
        )


class Named(np.ndarray):
    """An array of a class of its own that computes as plain arrays do, like a memmap."""


def test_an_array_that_only_has_another_name_is_a_plain_one():
    assert as_array("a", np.ones(2).view(Named)).tolist() == [1, 1]


class Symbol:
    """A number that says that it is exact, as those of numpycam.laws.symbols do."""

    is_exact_number = True


def test_a_number_that_says_that_it_is_exact_is_kept_and_what_follows_is_looked_at():
    symbol = Symbol()
    first, second = as_array("a", np.array([symbol, 2], dtype=object))
    assert first is symbol
    assert type(second) is Fraction


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


def test_what_a_message_shows_of_a_value_is_one_short_line():
    assert briefly("a\nb") == r"'a\nb'"
    assert briefly(np.array(1)) == "array(1)"
    assert briefly(np.zeros((20, 30))) == "an array of shape (20, 30)"
    assert "\n" not in briefly(Network([("relu", ReLU()), ("flatten", Flatten())]))
    assert len(briefly("x" * 10**5)) == 80


@pytest.mark.parametrize(
    "value", [np.zeros(0), np.zeros(2), np.array(["nearest"]), ["nearest"], None, True, "x" * 10**5], ids=type
)
def test_what_is_none_of_the_allowed_is_refused_in_one_sentence_whatever_it_is(value):
    message = refusal(ValueError, lambda: check_one_of("mode", value, ("nearest", "bilinear")))
    assert message.startswith("mode must be one of 'nearest', 'bilinear', got ")
    assert len(message) < 150
    check_one_of("mode", np.str_("nearest"), ("nearest", "bilinear"))


@pytest.mark.parametrize("name", [np.zeros(0), np.zeros(2), None, 3.0, ["conv"], "y" * 10**6], ids=type)
def test_a_layer_is_named_by_a_string(name):
    network = Network([("flatten", Flatten())])
    for action in (lambda: network.split(name), lambda: network[name]):
        message = refusal(ValueError, action)
        assert message.startswith("the network has no layer ")
        assert len(message) < 150


# --- Each check by itself -------------------------------------------------------------------------------------------

MAPS, SCORES = np.ones((2, 3, 4)), np.array([[1.0, 3.0, 2.0], [6.0, 5.0, 4.0]])
TURN = "convert one of them with numpycam.exact.as_fractions or numpycam.exact.as_floats."


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (ValueError, lambda: as_kind_of("a", [0, 1e39], "b", np.ones(1, "f4")),
         "a must fit float32, whose largest number is 3.4e+38, got 1e+39."),
        (TypeError, lambda: as_kind_of("a", [0.5], "b", as_fractions([1])),
         f"a holds floats but b holds Fractions; {TURN}"),
        (TypeError, lambda: as_kind_of("a", "1", "b", np.ones(1)),
         "a must hold floats, integers or Fractions, got dtype <U1."),
        (ValueError, lambda: as_rounded("a", [1e39], "f4"), "a holds a number that is too large for float32."),
        (ValueError, lambda: as_rounded("a", as_fractions([10**400])),
         "a holds a number that is too large for float64."),
        (TypeError, lambda: as_rounded("a", "1"), "a must hold floats, integers or Fractions, got dtype <U1."),
        (ValueError, lambda: as_cells("a", np.ones(3)),
         "a must have shape (..., H, W) with no empty axis, got (3,)."),
        (ValueError, lambda: as_cells("a", np.ones((2, 0, 3))),
         "a must have shape (..., H, W) with no empty axis, got (2, 0, 3)."),
        (ValueError, lambda: as_cells("a", np.ones((2, 3, 0))),
         "a must have shape (..., H, W) with no empty axis, got (2, 3, 0)."),
        (ValueError, lambda: as_cells("a", [[np.inf]]), "a contains infinity at index (0, 0)."),
        (TypeError, lambda: check_mask("a", [[True]], (1, 1)), "a must be an array of bool, got list."),
        (TypeError, lambda: check_mask("a", np.ma.ones((1, 1), bool), (1, 1)),
         "a must be an array of bool, got MaskedArray."),
        (ValueError, lambda: check_mask("a", np.ones((1, 2), "u1"), (1, 2)),
         "a must hold bool and have shape (1, 2), got uint8 and (1, 2)."),
        (ValueError, lambda: check_mask("a", np.ones((1, 2), bool), (2, 1)),
         "a must hold bool and have shape (2, 1), got bool and (1, 2)."),
        *((TypeError, lambda odd=odd: as_list("a", odd, "of b"), f"a must be a sequence of b, got {odd!r}.")
          for odd in ("c", b"c", {1: 2}, 3, np.array(1), iter([]))),
        (ValueError, lambda: as_seed(-1), "seed == -1, must be >= 0."),
        (ValueError, lambda: as_int("a", 8, 1, 7), "a == 8, must be <= 7."),
        (ValueError, lambda: as_int("a", 10**5000, 1), "a == an object of type int, must be <= 2147483647."),
        (ValueError, lambda: check_index("a", 5, 5), "a must be in 0..4, got 5."),
        (ValueError, lambda: check_index("a", 2**40, 5), "a must be in 0..4, got 1099511627776."),
        (ValueError, lambda: check_index("a", -1, 5), "a == -1, must be >= 0."),
        (TypeError, lambda: check_index("a", 1.0, 5), "a must be an instance of int, not float."),
        (TypeError, lambda: check_text("a", 3), "a must be a str, got int."),
        (ValueError, lambda: check_text("a", "\ud800"),
         r"a must be text, got half of a character (a surrogate) in '\ud800'."),
        (TypeError, lambda: check_callable("a", 3, "print"), "a must be callable, such as print, got 3."),
        (ValueError, lambda: check_one_of("a", 1, ("b", True)), "a must be one of 'b', True, got 1."),
        (ValueError, lambda: as_pair("a", (0, 1), 1), "a == 0, must be >= 1."),
        (ValueError, lambda: as_pair("a", (1, 0), 1), "a == 0, must be >= 1."),
        (ValueError, lambda: as_pair("a", [1], 1), "a must be an int or a (height, width) pair, got [1]."),
        (ValueError, lambda: check_axes("a", (1, 2, 3), "K, H"), "a must have shape (K, H), got (1, 2, 3)."),
        (ValueError, lambda: check_axes("a", (1, 2), "N, C, H, W"), "a must have shape (N, C, H, W), got (1, 2)."),
        (ValueError, lambda: as_images("a", np.ones((2, 3)), {}, float, True),
         "a must have shape (C, H, W) or (N, C, H, W), got (2, 3); for one channel pass a[None]."),
        (ValueError, lambda: as_images("a", np.ones(3), {}, float, True),
         "a must have shape (C, H, W) or (N, C, H, W), got (3,)."),
        (ValueError, lambda: as_images("a", np.ones((0, 2, 3)), {}, float, True),
         "a must have shape (C, H, W), got (0, 2, 3): axis C is empty."),
        (ValueError, lambda: as_images("a", np.ones((1, 0, 2, 3)), {}, float, True),
         "a must have shape (N, C, H, W), got (1, 0, 2, 3): axis C is empty."),
        (ValueError, lambda: as_images("a", [[[np.nan]]], {}, float, True), "a contains NaN at index (0, 0, 0)."),
        (TypeError, lambda: as_images("a", MAPS, {"b": as_fractions([1])}, float, True),
         f"a holds floats but b holds Fractions; {TURN}"),
        (TypeError, lambda: as_maps(MAPS, MAPS.astype(int), True),
         f"gradients must hold floats or Fractions, got dtype {np.dtype(int)}: integers may have been cut off. If they "
         "are exact, pass np.asarray(gradients, float)."),
        (TypeError, lambda: as_maps(MAPS, as_fractions(MAPS), True),
         f"feature_maps holds floats but gradients holds Fractions; {TURN}"),
        (ValueError, lambda: as_maps(MAPS[0], MAPS[0], True),
         "feature_maps must have shape (K, H, W) or (N, K, H, W), got (3, 4)."),
        (ValueError, lambda: as_maps(MAPS, MAPS[:1], True), "gradients must have shape (2, 3, 4), got (1, 3, 4)."),
        (ValueError, lambda: as_maps(MAPS[:0], MAPS[:0], True),
         "feature_maps must have shape (K, H, W), got (0, 3, 4): axis K is empty."),
        (ValueError, lambda: as_maps(MAPS[None, :0], MAPS[None, :0], True),
         "feature_maps must have shape (N, K, H, W), got (1, 0, 3, 4): axis K is empty."),
        (ValueError, lambda: as_maps(np.inf * MAPS, MAPS, True), "feature_maps contains infinity at index (0, 0, 0)."),
        (ValueError, lambda: as_maps(MAPS, np.inf * MAPS, True), "gradients contains infinity at index (0, 0, 0)."),
        (TypeError, lambda: as_grad_output([1], MAPS),
         f"grad_output must hold floats or Fractions, got dtype {np.dtype(int)}: integers may have been cut off. If "
         "they are exact, pass np.asarray(grad_output, float)."),
        (TypeError, lambda: as_grad_output(as_fractions(MAPS), MAPS),
         f"the output holds floats but grad_output holds Fractions; {TURN}"),
        (ValueError, lambda: as_grad_output(MAPS[:1], MAPS), "grad_output must have shape (2, 3, 4), got (1, 3, 4)."),
        (ValueError, lambda: check_scores((2,)), "the network's output must be scores (N, classes), got (2,)."),
        (ValueError, lambda: as_class_indices(0, MAPS, True),
         "the network's output must be scores (N, classes), got (2, 3, 4)."),
        (TypeError, lambda: as_targets([0, 1], SCORES, False),
         "class_index must be one class or target for one image, got a list of 2: that is for a batch (N, C, H, W)."),
        (ValueError, lambda: as_targets([0, 1, 2], SCORES, True),
         "class_index must hold one class or target for each of the 2 images, got 3."),
        (ValueError, lambda: as_targets([print], SCORES, True),
         "class_index must hold one class or target for each of the 2 images, got 1."),
        (ValueError, lambda: as_targets([0, 3], SCORES, True), "class_index must be an int in 0..2, got 3."),
        (ValueError, lambda: as_targets([print, -1], SCORES, True), "class_index must be an int in 0..2, got -1."),
        (TypeError, lambda: as_targets(True, SCORES, True), "class_index must be an int in 0..2, got True."),
        (TypeError, lambda: as_target([1, 2], SCORES),
         "a target must return a pair, its value and its gradient, got list."),
        (TypeError, lambda: as_target((1,), SCORES),
         "a target must return a pair, its value and its gradient, got tuple."),
        (ValueError, lambda: as_target((SCORES, SCORES), SCORES),
         "the target's value must have shape (2,), got (2, 3)."),
        (ValueError, lambda: as_target((SCORES[:, 0], SCORES[0]), SCORES),
         "the target's gradient must have shape (2, 3), got (3,)."),
        (TypeError, lambda: as_target((SCORES[:, 0], SCORES), as_fractions(SCORES)),
         f"the target's value holds floats but the score holds Fractions; {TURN}"),
        (TypeError, lambda: as_target((as_fractions(SCORES[:, 0]), SCORES), SCORES),
         f"the target's gradient holds floats but the target's value holds Fractions; {TURN}"),
        (TypeError, lambda: check_same_kind({"a": [1.0]}),
         "a must be an array of float32, float64 or Fractions, got list; convert it, for example with np.asarray(a, "
         "float)."),
        (TypeError, lambda: as_array("a", [1], dtype=None),
         f"a must hold floats or Fractions, got dtype {np.dtype(int)}: integers may have been cut off. If they are "
         "exact, pass np.asarray(a, float)."),
    ],
    ids=count(),  # a message can have an address in it
)  # fmt: skip
def test_what_each_check_refuses(error, call, message):
    assert refusal(error, call) == message


def test_what_each_check_lets_pass():
    float32 = np.ones(1, np.float32)
    assert as_kind_of("a", [1, 2], "b", float32).dtype == np.float32
    assert as_kind_of("a", [0.5], "b", float32).dtype == np.float32
    assert as_kind_of("a", as_fractions([10**400]), "b", as_fractions([1]))[0] == 10**400
    assert as_rounded("a", as_fractions([[1]])).dtype == np.float64
    assert as_rounded("a", float32) is not float32
    assert as_cells("a", [[np.nan]], check_finite=False).shape == (1, 1)
    assert as_cells("a", [[7]]).tolist() == [[7]]
    assert as_cells("a", np.ones((0, 2, 3))).shape == (0, 2, 3)
    check_mask("a", np.ones((2, 3), bool), (2, 3))
    assert [as_list("a", given, "of b") for given in ((1, 2), np.array([1, 2]), {3})] == [[1, 2], [1, 2], [3]]
    assert (as_seed(0), as_seed(2**70)) == (0, 2**70)
    assert (as_int("a", 1, 1), as_int("a", 2**31 - 1, 1), as_int("a", 7, 1, 7)) == (1, 2**31 - 1, 7)
    for index in (0, 4):
        check_index("a", index, 5)
    check_text("a", "ä")
    check_one_of("a", 1.0, (1.0, 2.0))
    check_axes("a", (0, 1), "N, C")


def test_images_and_maps_are_copied_read_only_in_their_kind_of_numbers():
    images, maps = np.ones((1, 2, 3)), as_maps(MAPS.astype(int), MAPS.astype("f4"), True)
    for array in (as_images("a", images, {}, float, True), *maps):
        assert not array.flags.writeable
        assert not np.shares_memory(array, images)
    assert [array.dtype for array in maps] == [np.float32] * 2
    assert as_images("a", images.astype(int), {}, np.float32, True).dtype == np.float32
    assert np.isnan(as_images("a", [[[np.nan]]], {}, float, False)).all()
    assert np.isnan(as_maps(np.nan * MAPS, np.nan * MAPS, False)).all()
    assert np.isnan(as_grad_output([np.nan], np.ones(1))).all()
    assert as_grad_output(MAPS, MAPS).base is MAPS


def test_classes_and_targets_are_one_for_each_image():
    assert as_targets(None, SCORES, True).tolist() == [1, 0]
    assert as_targets(2, SCORES, True).tolist() == [2, 2]
    assert as_targets([2, np.int8(0)], SCORES, True).tolist() == [2, 0]
    assert as_targets(np.array([2, 0]), SCORES, True).dtype == np.intp
    assert as_targets((print, 1), SCORES, True).tolist() == [print, 1]
    assert as_targets(print, SCORES, False).tolist() == [print, print]
    value, gradient = as_target(([1, np.nan], SCORES), SCORES)
    assert not value.flags.writeable
    assert not gradient.flags.writeable


def test_a_similar_name_is_told():
    assert did_you_mean("conw", ["conv", "relu"]) == " Did you mean 'conv'?"
    assert did_you_mean("x", ["conv", "relu"]) == did_you_mean(3, ["conv"]) == ""


def test_a_message_cuts_off_what_has_more_than_80_characters():
    assert briefly("x" * 78) == repr("x" * 78)
    assert briefly("x" * 79) == f"'{'x' * 78}…"
