"""The layers: what their books of laws do not ask (test_ours asks these), and bad input."""

import copy
from dataclasses import FrozenInstanceError, make_dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import inner, refusal, same
from hypothesis import given
from hypothesis import strategies as st

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, laws
from numpycam.exact import as_fractions
from numpycam.laws import definitions
from numpycam.laws.cases import sweep
from numpycam.laws.strategies import conv_cases, tensors

# --- ReLU -------------------------------------------------------------------------------------------


def test_a_shut_gate_gives_zero_and_not_minus_zero():
    x, u = np.array([[[[-1.0, -2.0], [-3.0, -4.0]]]]), np.array([[[[-5.0]]]])
    for gradient in (ReLU().backward(x, x), MaxPool2d(2).backward(u, x)):
        assert not np.signbit(gradient[gradient == 0]).any()


def test_a_shut_gate_stops_nan_and_infinity():
    x = np.array([-1.0, 0.0, 1.0])
    assert ReLU().backward(np.array([np.nan, np.inf, 2.0]), x).tolist() == [0, 0, 2]
    assert ReLU().backward(np.array([np.inf, 5.0, 2.0]), x).tolist() == [0, 0, 2]
    pairs, u = np.array([[[[0.0, 1.0, 3.0, 2.0]]]]), np.array([[[[np.nan, 1.0]]]])
    assert MaxPool2d((1, 2)).backward(u, pairs)[0, 0, 0, [0, 2, 3]].tolist() == [0, 1, 0]


def test_the_gate_of_a_relu_is_open_where_x_is_nan():
    x = np.array([np.nan, -1.0, 2.0])
    assert ReLU().backward(np.array([3.0, 3.0, 3.0]), x).tolist() == [3, 0, 3]


# --- Pooling ----------------------------------------------------------------------------------------


@pytest.mark.law("max.tie")
def test_of_tied_cells_the_first_in_row_major_order_receives_the_gradient():
    """Most windows tie if the signs of the numbers alone are left. Their law is asked where no numbers are equal."""
    for case in sweep(laws.max_pool2d, "integers"):
        x, u = np.sign(case["x"]), case["grad_output"]
        assert same(MaxPool2d(**case.options).backward(u, x), definitions.max_pool2d_backward(u, x, **case.options))


def test_a_nan_in_one_window_changes_no_other():
    x = np.array([[[[np.nan, 1.0, 2.0, 0.0]]]])
    assert MaxPool2d((1, 2)).backward(np.ones((1, 1, 1, 2)), x).ravel().tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("second", [2.0, np.nan])
def test_of_several_nans_in_a_window_the_first_receives_the_gradient(second):
    x = np.array([[[[1.0, np.nan], [second, 0.0]]]])
    assert MaxPool2d(2).backward(np.ones((1, 1, 1, 1)), x).tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.law("flatten")
@given(tensors((2, 3, 2, 5)), st.data())
def test_flatten_is_an_isometry_in_c_order(x, data):
    layer, u = Flatten(), data.draw(tensors((2, 30)))
    assert layer.forward(x)[1].tolist() == [value for channel in x[1] for row in channel for value in row]
    assert same(layer.backward(layer.forward(x), x), x)
    assert inner(layer.forward(x), u) == inner(x, layer.backward(u, x))


@pytest.mark.parametrize(
    "pool", [MaxPool2d(2), AvgPool2d(2), AvgPool2d(2, padding=1, count_include_pad=False)], ids=repr
)
def test_pools_keep_the_type_of_the_gradient(pool):
    x = np.ones((1, 1, 2, 4))
    assert pool.backward(np.ones(pool.output_shape(x.shape), np.float32), x).dtype == np.float32


def test_a_pool_of_one_cell_returns_numbers_of_its_own():
    x = np.ones((1, 1, 2, 3))
    assert not np.shares_memory(MaxPool2d(1).forward(x), x)


@pytest.mark.parametrize("size", [(1, 4), (3, 4), (4, 1), (4, 3)])
def test_padding_is_at_most_half_of_an_odd_window_too(size):
    padding = tuple((side + 1) // 2 if side % 2 else 0 for side in size)
    assert f"at most half of kernel_size {size}" in refusal(ValueError, lambda: MaxPool2d(size, padding=padding))


@pytest.mark.parametrize("padding", [(0, 1), (1, 0)])
def test_a_mean_of_real_cells_keeps_a_constant_map_constant_whichever_side_is_padded(padding):
    assert (AvgPool2d(2, padding=padding, count_include_pad=False)(np.ones((1, 1, 4, 6))) == 1).all()


# --- All layers -------------------------------------------------------------------------------------

LAYERS = [
    Conv2d(np.ones((2, 3, 2, 1)), np.ones(2), padding=1),
    ReLU(),
    MaxPool2d((2, 3), stride=1, padding=(1, 0)),
    AvgPool2d((2, 3), stride=1, padding=(1, 0), count_include_pad=False),
    GlobalAvgPool2d(),
    Flatten(),
    Linear(np.ones((2, 60)), np.ones(2)),
]


def input_of(layer, batch=2):
    return np.ones((batch, 60) if isinstance(layer, Linear) else (batch, 3, 4, 5))


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_gradient_of_another_shape_is_refused(layer):
    x = input_of(layer)
    shape = layer.output_shape(x.shape)
    for take in (layer.backward, layer.parameter_gradients):
        message = refusal(ValueError, lambda take=take: take(np.ones((1, *shape)), x))
        assert message == f"grad_output must have shape {shape}, got {(1, *shape)}."


@pytest.mark.parametrize("layer", [*LAYERS, *(replace(one, bias=None) for one in LAYERS if one.parameters)], ids=repr)
def test_layers_write_into_nothing_and_have_a_gradient_for_each_parameter(layer):
    x = input_of(layer)
    u = np.ones(layer.output_shape(x.shape))
    x.flags.writeable = u.flags.writeable = False
    assert layer.backward(u, x).shape == x.shape
    assert layer.parameter_gradients(u, x).keys() == layer.parameters.keys()


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_layers_keep_the_dtype(layer, dtype):
    """float32 stays float32, and among Fractions every element is a Fraction, also where the batch is empty."""
    for batch in (2, 0):
        convert = as_fractions if dtype is object else lambda array: array.astype(dtype)
        converted = replace(layer, **{name: convert(array) for name, array in layer.parameters.items()})
        x = convert(input_of(layer, batch))
        y = converted.forward(x)
        results = [y, converted.backward(y, x), *converted.parameter_gradients(y, x).values()]
        assert [result.dtype for result in results] == [np.dtype(dtype)] * len(results)
        assert y.shape == converted.output_shape(x.shape)
        assert results[1].shape == x.shape
        if dtype is object:
            assert {type(element) for result in results for element in result.flat} <= {Fraction}


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layers_take_any_memory_layout(layer):
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, input_of(layer).shape).astype(float)
    u = rng.integers(-4, 5, layer.output_shape(x.shape)).astype(float)
    layouts = [np.asfortranarray, lambda a: np.flip(np.flip(a).copy()), lambda a: a.repeat(2, axis=0)[::2]]
    for layout in layouts:
        assert same(layer.forward(layout(x)), layer.forward(x))
        assert same(layer.backward(layout(u), layout(x)), layer.backward(u, x))
        for name, gradient in layer.parameter_gradients(layout(u), layout(x)).items():
            assert same(gradient, layer.parameter_gradients(u, x)[name])


def test_layers_are_values():
    weight = np.ones((1, 1, 1, 2))
    layer = Conv2d(weight, stride=np.int64(2))
    weight[:] = 7
    assert layer.weight.tolist() == [[[[1, 1]]]]
    assert layer.stride == (2, 2)
    assert type(layer.stride[0]) is int
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0] = 3
    with pytest.raises(FrozenInstanceError):
        layer.stride = (1, 1)
    assert copy.deepcopy(layer) is layer
    view = np.broadcast_to(weight, (1, 1, 1, 2))
    frozen_view = Conv2d(view)
    weight[:] = 8
    assert frozen_view.weight.tolist() == [[[[7, 7]]]]


def test_one_number_stands_for_both_sides():
    pool = MaxPool2d(3, stride=2, padding=1)
    assert (pool.kernel_size, pool.stride, pool.padding) == ((3, 3), (2, 2), (1, 1))
    conv = Conv2d(np.ones((1, 1, 1, 1)), stride=2, padding=1, dilation=3)
    assert (conv.stride, conv.padding, conv.dilation) == ((2, 2), (1, 1), (3, 3))


def test_layers_share_no_memory_with_what_they_were_made_of():
    """A read-only view protects from nothing: its base may still be written to. With a bias it is as without."""
    weight, bias = np.ones((1, 1, 1, 2)), np.ones(1)
    read_only = weight.view()
    read_only.flags.writeable = False
    layer = Conv2d(read_only, bias)
    weight[:], bias[:] = 5, 5
    assert layer.weight.max() == layer.bias.max() == 1
    assert not layer.weight.flags.writeable
    assert not layer.bias.flags.writeable


def test_layers_are_equal_to_themselves_alone():
    """Two layers with the same parameters are two layers; and each can be the key of a dictionary."""
    weight = np.ones((2, 3, 1, 1))
    kinds_of_layers = [
        *(ReLU, Flatten, GlobalAvgPool2d, lambda: MaxPool2d(2), lambda: AvgPool2d(2)),
        *(lambda: Conv2d(weight), lambda: Linear(weight[:, :, 0, 0])),
    ]
    for make in kinds_of_layers:
        one, other = make(), make()
        assert one != other
        assert {one: 1, other: 2}[one] == 1


def test_masked_arrays_and_matrices_are_refused():
    masked = np.ma.ones((1, 1, 2, 2))
    message = refusal(TypeError, lambda: MaxPool2d(1).forward(masked))
    assert message.startswith("x must be an array of float32, float64 or Fractions, got MaskedArray")


def test_relu_backward_keeps_the_type_of_the_gradient():
    x, u = np.array([-1.0, 1.0]), np.ones(2, np.float32)
    assert ReLU().backward(u, x).dtype == np.float32
    exact = ReLU().backward(as_fractions(u), as_fractions(x))
    assert {type(element) for element in exact} == {Fraction}


def test_layers_without_parameters_look_at_their_arguments_too():
    assert ReLU().parameter_gradients(np.ones(2), np.ones(2)) == {}
    message = refusal(ValueError, lambda: ReLU().parameter_gradients(np.ones(3), np.ones(2)))
    assert message == "grad_output must have shape (2,), got (3,)."


@pytest.mark.parametrize("empty", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)])
def test_kernels_have_no_empty_axis(empty):
    assert "is empty" in refusal(ValueError, lambda: Conv2d(np.ones(empty)))


def test_a_mean_over_more_cells_than_a_byte_can_count():
    layer = AvgPool2d(40, padding=1, count_include_pad=False)
    assert (layer.forward(np.ones((1, 1, 40, 41))) == 1).all()


def test_linear_takes_rows_only():
    message = refusal(ValueError, lambda: Linear(np.ones((2, 5))).forward(np.ones((1, 1, 1, 5))))
    assert message.startswith("Linear expects x of shape (N, 5), got (1, 1, 1, 5)")


def test_the_gradient_of_a_global_average_can_be_written_to():
    gradient = GlobalAvgPool2d().backward(np.ones((1, 1)), np.ones((1, 1, 2, 3)))
    gradient[0, 0, 0, 0] = 5
    assert gradient.ravel().tolist() == [5, *[1 / 6] * 5]


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Conv2d(np.ones((4, 3, 2, 1)), np.ones(4), stride=2, dilation=(1, 2))) == (
        "Conv2d(weight=(4, 3, 2, 1), bias=(4,), stride=2, dilation=(1, 2))"
    )
    assert repr(AvgPool2d(2, count_include_pad=False)) == "AvgPool2d(kernel_size=2, stride=2, count_include_pad=False)"
    assert repr(Linear(np.ones((2, 2)))) == "Linear(weight=(2, 2))"
    assert repr(ReLU()) == "ReLU()"
    shift = make_dataclass("Shift", [("by", tuple)], bases=(ReLU,), frozen=True, eq=False, repr=False)
    assert [repr(shift(by)) for by in ((1, 2, 1), (1, 1), (3,), ())] == [
        "Shift(by=(1, 2, 1))", "Shift(by=1)", "Shift(by=(3,))", "Shift(by=())"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "summands"),
    [
        (Conv2d(-np.ones((2, 3, 2, 1)), np.array([5.0, 7.0]), (1, 2), (1, 0), (2, 1)), 6),
        (Conv2d(-np.ones((2, 3, 2, 1))), 6),
        (AvgPool2d((2, 3), stride=1, padding=(1, 0)), 6),
        (GlobalAvgPool2d(), 20),
        (Flatten(), 0),
        (Linear(-np.ones((2, 60)), np.array([5.0, 7.0])), 60),
    ],
    ids=repr,
)
def test_an_affine_layer_is_taken_apart(layer, summands):
    """M x + b = b at x = 0, and |M| x = -M x, since M has no element of the other sign."""
    x = np.random.default_rng(0).integers(-4, 5, input_of(layer).shape).astype(float)
    parts = layer.affine(x.shape)
    offset = layer(0 * x)
    assert same(offset, 0 * offset + (0 if parts.offset is None else parts.offset))
    assert same(parts.absolute(x), (layer(x) - offset) * (-1 if layer.parameters else 1))
    assert parts.summands == summands


# --- Other parameters -------------------------------------------------------------------------------


@given(conv_cases(bias=True), st.data())
def test_with_parameters_is_the_same_layer_with_others(case, data):
    layer, x, kind = case
    weight, bias = data.draw(tensors(layer.weight.shape, kind)), data.draw(tensors(layer.bias.shape, kind))
    before = layer.parameters
    for given_to_it in ({"weight": weight, "bias": bias}, {"weight": weight}, {"bias": bias}, {}):
        other = layer.with_parameters(given_to_it)
        expected = before | given_to_it
        assert type(other) is Conv2d
        assert same(other.forward(x), replace(layer, **expected).forward(x))
        assert (other.stride, other.padding, other.dilation) == (layer.stride, layer.padding, layer.dilation)
        assert all(same(other.parameters[name], value) for name, value in expected.items())
    assert all(layer.parameters[name] is value for name, value in before.items())


def test_other_parameters_are_copied_read_only_and_checked():
    weight = np.ones((1, 2))
    layer = Linear(np.full((1, 2), np.nan), check_finite=False).with_parameters({"weight": weight})
    weight[:] = 5
    assert layer.weight.tolist() == [[1, 1]]
    assert not layer.weight.flags.writeable
    message = refusal(ValueError, lambda: layer.with_parameters({"weight": [[1, np.nan]]}))
    assert message == "weight contains NaN at index (0, 1)."
    assert layer.with_parameters({"weight": np.ones((1, 2), np.float32)}).weight.dtype == np.float32
    assert layer.with_parameters({"weight": [[3, 4]]}).weight.tolist() == [[3, 4]]
    assert ReLU().with_parameters({})(np.array([-1.0, 1])).tolist() == [0, 1]


OTHER_PARAMETERS = [
    (Linear(np.ones((3, 2))), {"bias": np.ones(3)}, "there is no parameter 'bias', only 'weight'."),
    (Linear(np.ones((3, 2)), np.ones(3)), {"wait": 1}, "there is no parameter 'wait', only 'weight', 'bias'."),
    (ReLU(), {"weight": np.ones(1)}, "there is no parameter 'weight', only none."),
    (Linear(np.ones((3, 2))), {"weight": np.ones((2, 3))}, "weight must have shape (3, 2), got (2, 3)."),
    (Linear(np.ones((3, 2)), np.ones(3)), {"bias": None}, "bias must have shape (3,), got ()."),
]


@pytest.mark.parametrize(("layer", "parameters", "message"), OTHER_PARAMETERS)
def test_other_parameters_that_are_refused(layer, parameters, message):
    assert refusal(ValueError, lambda: layer.with_parameters(parameters)) == message


def test_parameters_without_names_are_refused():
    message = refusal(TypeError, lambda: ReLU().with_parameters([]))
    assert message == "parameters must be a dict of arrays by name, got list."


# --- Weights in the order of Keras --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "hint"),
    [
        (lambda: Linear(np.ones((6, 2))).output_shape((1, 6)), "(F, O) pass weight.T."),
        (lambda: Linear(np.ones((6, 2)), np.ones(2)), "(F, O) pass weight.T."),
        (lambda: Linear(np.ones((6, 2))).output_shape((1, 7)), None),
        (lambda: Linear(np.ones((6, 2)), np.ones(3)), None),
        (lambda: Linear(np.ones((6, 2)), np.ones((2, 1))), None),
        (
            lambda: Conv2d(np.ones((3, 3, 1, 4))).output_shape((1, 1, 5, 6)),
            "(KH, KW, C, O) pass weight.transpose(3, 2, 0, 1)).",
        ),
        (lambda: Conv2d(np.ones((3, 3, 1, 4)), np.ones(4)), "(KH, KW, C, O) pass weight.transpose(3, 2, 0, 1)."),
        (lambda: Conv2d(np.ones((3, 3, 1, 4)), np.ones(5)), None),
        (lambda: Conv2d(np.ones((16, 3, 1, 1))).output_shape((1, 1, 5, 6)), None),  # a grey picture
        (lambda: Conv2d(np.ones((3, 3, 1, 4))).output_shape((1, 2, 5, 6)), None),
    ],
)
def test_of_a_weight_that_would_fit_if_it_were_turned_the_turn_is_named(action, hint):
    message = refusal(ValueError, action)
    assert ("stored as" in message) == (hint is not None)
    assert message.endswith(f"; for a weight stored as {hint}" if hint else ".")


def patches_of(x, size, stride=1):
    """The patches of pictures (N, H, W, C), as (N, H', W', KH, KW, C)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))  # (N, H', W', C, KH, KW)
    return np.moveaxis(windows[:, ::stride, ::stride], 3, -1)


def test_weights_of_keras_give_its_scores_when_they_are_turned_and_others_when_they_are_only_transposed():
    """With the channels last, a network is a few lines. Whole numbers, so that no sum is rounded."""
    random = np.random.default_rng(0)
    kernel, dense = random.integers(-4, 5, (2, 3, 2, 4)), random.integers(-4, 5, (3 * 5 * 4, 6))
    bias, x = random.integers(-4, 5, 6), random.integers(-4, 5, (7, 4, 7, 2))
    maps = np.einsum("nhwuvc,uvco->nhwo", patches_of(x, (2, 3)), kernel).clip(0)  # (7, 3, 5, 4)
    scores = maps.reshape(7, -1) @ dense + bias
    turned = dense.reshape(3, 5, 4, 6).transpose(2, 0, 1, 3).reshape(-1, 6).T

    def ours(weight):
        conv = Conv2d(kernel.transpose(3, 2, 0, 1))
        layers = [("conv", conv), ("relu", ReLU()), ("flatten", Flatten()), ("dense", Linear(weight, bias))]
        return Network(layers)(x.transpose(0, 3, 1, 2))

    assert same(ours(turned), scores)
    assert ours(dense.T).shape == scores.shape
    assert not same(ours(dense.T), scores)


@pytest.mark.parametrize("size", [(2, 3), (3, 4), (5, 2), (3, 3)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_at_the_end_only_is_a_kernel_that_is_led_by_zeros(size, stride):
    """TensorFlow's "same": ⌈n/s⌉ outputs, the smaller half of the border before, the larger one after."""
    random = np.random.default_rng(0)
    weight, x = random.integers(-4, 5, (3, 2, *size)), random.integers(-4, 5, (2, 2, 8, 11))
    totals = [max((-(-n // stride) - 1) * stride + k - n, 0) for n, k in zip(x.shape[2:], size, strict=True)]
    border = [(total // 2, total - total // 2) for total in totals]
    padded = np.pad(x, ((0, 0), (0, 0), *border))
    expected = np.einsum("nhwuvc,ocuv->nohw", patches_of(np.moveaxis(padded, 1, -1), size, stride), weight)
    led = np.pad(weight, ((0, 0), (0, 0), *((after - before, 0) for before, after in border)))
    conv = Conv2d(led, stride=stride, padding=tuple(after for _, after in border))
    assert same(conv(x.astype(float)), expected)
    assert expected.shape[2:] == tuple(-(-n // stride) for n in x.shape[2:])
