"""The layers: against their definitions, against their laws, and against bad input."""

import copy
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import definitions
import numpy as np
import pytest
from helpers import inner, refusal, same
from hypothesis import given
from hypothesis import strategies as st
from strategies import conv_cases, kinds, pool_cases, sides, tensors

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU
from numpycam.core.arrays import zeros
from numpycam.exact import as_fractions

# --- Convolution ------------------------------------------------------------------------------------


@pytest.mark.law("conv.def")
@given(conv_cases(bias=True))
def test_a_convolution_is_its_defining_loop(case):
    layer, x, _ = case
    expected = definitions.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation)
    assert same(layer.forward(x), expected)


@pytest.mark.law("conv.size")
@given(conv_cases())
def test_there_is_an_output_for_each_place_where_the_kernel_fits(case):
    """The output has as many rows as there are window positions {0, s, 2s, …} that fit into the padded input."""
    layer, x, _ = case
    for axis in (0, 1):
        span = layer.dilation[axis] * (layer.weight.shape[2 + axis] - 1)
        fitting = range(0, x.shape[2 + axis] + 2 * layer.padding[axis] - span, layer.stride[axis])
        assert layer.output_shape(x.shape)[2 + axis] == len(fitting)
    assert layer.forward(x).shape == layer.output_shape(x.shape)


@pytest.mark.law("conv.lin")
@given(conv_cases(), st.data())
def test_a_convolution_is_linear_in_the_input_and_in_the_weight(case, data):
    layer, x, kind = case
    other_x = data.draw(tensors(x.shape, kind))
    other_weight = data.draw(tensors(layer.weight.shape, kind))
    scale = data.draw(st.integers(-3, 3))
    mixed = replace(layer, weight=scale * layer.weight + other_weight)
    assert same(layer.forward(scale * x + other_x), scale * layer.forward(x) + layer.forward(other_x))
    assert same(mixed.forward(x), scale * layer.forward(x) + replace(layer, weight=other_weight).forward(x))


@pytest.mark.law("conv.lin")
@given(conv_cases(bias=True))
def test_a_convolution_with_a_bias_is_affine(case):
    layer, x, _ = case
    assert same(layer.forward(x) - layer.forward(0 * x), replace(layer, bias=None).forward(x))
    assert (layer.forward(0 * x) == layer.bias[:, None, None]).all()


@pytest.mark.law("conv.adj")
@given(conv_cases(), st.data())
def test_the_backward_passes_are_the_adjoints_of_the_forward_pass(case, data):
    """<conv(x, W), u> = <x, dx(u, W)> = <W, dW(u, x)>: given the forward pass, this fixes both backward passes."""
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    score = inner(layer.forward(x), u)
    assert score == inner(x, layer.backward(u, x))
    assert score == inner(layer.weight, layer.parameter_gradients(u, x)["weight"])


@pytest.mark.law("conv.adj")
@given(conv_cases(bias=True), st.data())
def test_the_gradient_of_a_bias_is_the_sum_over_images_and_cells(case, data):
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    expected = [inner(u[:, o], u[:, o] * 0 + 1) for o in range(u.shape[1])]
    assert list(layer.parameter_gradients(u, x)["bias"]) == expected


@pytest.mark.law("conv.1x1")
@given(conv_cases(kernel=(1, 1), padding=(0, 0), stride=(1, 1)))
def test_a_convolution_of_1_by_1_mixes_the_channels_of_each_cell(case):
    layer, x, _ = case
    expected = np.tensordot(layer.weight[:, :, 0, 0], x, axes=(1, 1)).swapaxes(0, 1)
    assert same(layer.forward(x), expected)


@pytest.mark.law("conv.shift-sum")
@given(conv_cases())
def test_a_convolution_is_the_sum_of_shifted_inputs_one_for_each_cell_of_the_kernel(case):
    """y = Σ_{u,v} W[:, :, u, v] · (the padded input, shifted by d (u, v), every s-th cell of it)."""
    layer, x, _ = case
    *_, height, width = layer.output_shape(x.shape)
    (top, left), (down, right), (rows, columns) = layer.padding, layer.dilation, layer.stride
    padded = zeros((*x.shape[:2], x.shape[2] + 2 * top, x.shape[3] + 2 * left), like=x)
    padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    total = zeros(layer.output_shape(x.shape), like=x)
    for u, v in np.ndindex(*layer.weight.shape[2:]):
        shifted = padded[:, :, down * u :: rows, right * v :: columns][:, :, :height, :width]
        total = total + np.tensordot(layer.weight[:, :, u, v], shifted, axes=(1, 1)).swapaxes(0, 1)
    assert same(layer.forward(x), total)


@pytest.mark.law("conv.stride")
@given(conv_cases())
def test_a_stride_leaves_out_all_but_every_s_th_output(case):
    layer, x, _ = case
    rows, columns = layer.stride
    assert same(layer.forward(x), replace(layer, stride=1).forward(x)[:, :, ::rows, ::columns])


@pytest.mark.law("conv.dil")
@given(conv_cases())
def test_dilation_is_a_kernel_with_zeros_between_its_weights(case):
    """Dilation d is the same as d - 1 zeros between the weights."""
    layer, x, _ = case
    (down, right), (height, width) = layer.dilation, layer.weight.shape[2:]
    spread = zeros((*layer.weight.shape[:2], down * (height - 1) + 1, right * (width - 1) + 1), like=layer.weight)
    spread[:, :, ::down, ::right] = layer.weight
    assert same(layer.forward(x), replace(layer, weight=spread, dilation=1).forward(x))


@pytest.mark.law("conv.trans")
@given(conv_cases(padding=(0, 0)), st.tuples(st.integers(0, 1), st.integers(0, 1)), st.data())
def test_an_input_shifted_by_the_stride_shifts_the_output_by_one(case, steps, data):
    """A shift of the input by a multiple of the stride shifts the output; without padding."""
    layer, x, kind = case
    down, right = steps[0] * layer.stride[0], steps[1] * layer.stride[1]
    wider = data.draw(tensors((*x.shape[:2], x.shape[2] + down, x.shape[3] + right), kind))
    wider[:, :, down:, right:] = x
    assert same(layer.forward(wider)[:, :, steps[0] :, steps[1] :], layer.forward(x))


@pytest.mark.law("conv.flip")
@given(conv_cases(reaching_both_edges=True))
def test_a_flipped_input_and_a_flipped_kernel_give_the_flipped_output(case):
    """Flipping the input and the kernel flips the output, where the windows reach both edges."""
    layer, x, _ = case
    flipped = replace(layer, weight=layer.weight[:, :, ::-1, ::-1])
    assert same(flipped.forward(x[:, :, ::-1, ::-1]), layer.forward(x)[:, :, ::-1, ::-1])


@pytest.mark.law("conv.flip")
def test_a_flip_needs_windows_that_reach_both_edges():
    layer, x = Conv2d([[[[1.0]]]], stride=2), np.array([[[[1.0, 2.0, 3.0, 4.0]]]])
    assert layer.forward(x).ravel().tolist() == [1, 3]
    assert layer.forward(x[..., ::-1]).ravel().tolist() == [4, 2]


@pytest.mark.law("conv.perm")
@given(conv_cases(), st.randoms(use_true_random=False))
def test_channels_in_another_order_change_nothing_and_kernels_only_the_order_of_the_maps(case, random):
    layer, x, _ = case
    inputs = random.sample(range(x.shape[1]), x.shape[1])
    outputs = random.sample(range(layer.weight.shape[0]), layer.weight.shape[0])
    assert same(replace(layer, weight=layer.weight[:, inputs]).forward(x[:, inputs]), layer.forward(x))
    assert same(replace(layer, weight=layer.weight[outputs]).forward(x), layer.forward(x)[:, outputs])


@pytest.mark.law("conv.mass")
@given(conv_cases(padding=(0, 0)), st.data())
def test_without_padding_a_convolution_loses_no_gradient(case, data):
    """Without padding no gradient is lost: Σ dx = Σ_o (Σ u_o)(Σ W_o)."""
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    expected = inner(u.sum(axis=(0, 2, 3)), layer.weight.sum(axis=(1, 2, 3)))
    assert layer.backward(u, x).sum() == expected


@pytest.mark.law("conv.batch")
@given(conv_cases(bias=True), st.data())
def test_a_batch_through_a_convolution_is_its_images_one_by_one(case, data):
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    singles = [(x[n : n + 1], u[n : n + 1]) for n in range(len(x))]
    assert same(layer.forward(x), np.concatenate([layer.forward(a) for a, _ in singles]))
    assert same(layer.backward(u, x), np.concatenate([layer.backward(b, a) for a, b in singles]))
    for name, gradient in layer.parameter_gradients(u, x).items():
        assert same(gradient, sum(layer.parameter_gradients(b, a)[name] for a, b in singles))


# --- ReLU -------------------------------------------------------------------------------------------


@pytest.mark.law("relu.parts")
@given(kinds().flatmap(lambda kind: tensors((3, 4), kind)), st.integers(0, 3))
def test_a_relu_is_the_positive_part(x, scale):
    relu = ReLU().forward
    assert same(relu(relu(x)), relu(x))
    assert same(relu(x) - relu(-x), x)
    assert same(relu(x) + relu(-x), np.abs(x))
    assert same(relu(scale * x), scale * relu(x))


@pytest.mark.law("relu.monotone")
@given(tensors((3, 4)), tensors((3, 4)))
def test_a_relu_is_monotone_and_never_stretches(x, y):
    relu = ReLU().forward
    assert (relu(np.maximum(x, y)) >= relu(x)).all()
    assert (np.abs(relu(x) - relu(y)) <= np.abs(x - y)).all()


@pytest.mark.law("relu.gate")
@given(tensors((3, 4)), tensors((3, 4)))
def test_a_relu_passes_the_gradient_where_x_is_positive_and_nowhere_else(x, u):
    expected = [[b if a > 0 else Fraction(0) for a, b in zip(*rows, strict=True)] for rows in zip(x, u, strict=True)]
    assert same(ReLU().backward(u, x), as_fractions(expected))


@pytest.mark.law("relu.gate")
def test_the_gate_of_a_relu_is_shut_at_zero():
    """A convention: the derivative does not exist there. As a consequence relu(x) - relu(-x) = x has the slope 0."""
    zero, one = np.array([0.0]), np.array([1.0])
    assert ReLU().backward(one, zero).tolist() == [0]
    assert (ReLU().backward(one, zero) - ReLU().backward(one, -zero)).tolist() == [0]


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


@pytest.mark.law("relu.nan")
def test_a_relu_hides_no_nan():
    x = np.array([np.nan, -1.0, 2.0])
    assert np.isnan(ReLU().forward(x)).tolist() == [True, False, False]
    assert ReLU().backward(np.array([3.0, 3.0, 3.0]), x).tolist() == [3, 0, 3]
    assert np.isnan(ReLU().backward(np.array([np.nan, 3.0, 3.0]), x)).tolist() == [True, False, False]


# --- Pooling ----------------------------------------------------------------------------------------


@pytest.mark.law("max.def")
@given(pool_cases(MaxPool2d))
def test_a_max_pool_is_its_defining_loop(case):
    layer, x, _ = case
    expected = definitions.pool2d(x, layer.kernel_size, layer.stride, layer.padding, lambda cells, _: max(cells))
    assert same(layer.forward(x), expected)


@pytest.mark.law("max.mass")
@given(pool_cases(MaxPool2d), st.data())
def test_a_max_pool_loses_no_gradient(case, data):
    """Σ dx = Σ u: one cell of each window receives all of its gradient, also where windows overlap or tie."""
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    assert layer.backward(u, x).sum() == u.sum()


@pytest.mark.law("max.euler")
@given(pool_cases(MaxPool2d), st.data())
def test_the_gradient_of_a_max_pool_times_its_input_is_that_of_its_output_times_its_output(case, data):
    layer, x, kind = case
    u = data.draw(tensors(layer.output_shape(x.shape), kind))
    assert inner(layer.backward(u, x), x) == inner(u, layer.forward(x))


@pytest.mark.law("max.tie")
@given(pool_cases(MaxPool2d))
def test_of_tied_cells_the_first_in_row_major_order_receives_the_gradient(case):
    """On a constant input all windows tie; the winner is the first real cell of each."""
    layer, x, _ = case
    constant, u = x * 0 - 1, layer.forward(x) * 0 + 1
    expected = zeros(x.shape, like=x)
    _, _, height, width = u.shape
    for i, j in np.ndindex(height, width):
        top = max(i * layer.stride[0] - layer.padding[0], 0)
        left = max(j * layer.stride[1] - layer.padding[1], 0)
        expected[:, :, top, left] += 1
    assert same(layer.backward(u, constant), expected)


@pytest.mark.law("max.tie")
def test_of_four_cells_that_tie_the_first_receives_the_gradient():
    x = np.array([[[[1.0, 3.0, 3.0], [3.0, 0.0, 3.0]]]])
    expected = np.array([[[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    assert same(MaxPool2d((2, 3)).backward(np.ones((1, 1, 1, 1)), x), expected)


@pytest.mark.law("max.pad")
def test_the_border_of_a_max_pool_never_wins():
    x = np.array([[[[-5.0, -7.0]]]])
    layer = MaxPool2d((2, 2), stride=1, padding=1)
    assert same(layer.forward(x), np.array([[[[-5.0, -5.0, -7.0], [-5.0, -5.0, -7.0]]]]))
    assert same(layer.backward(np.ones((1, 1, 2, 3)), x), np.array([[[[4.0, 2.0]]]]))


def test_a_nan_in_one_window_changes_no_other():
    x = np.array([[[[np.nan, 1.0, 2.0, 0.0]]]])
    assert MaxPool2d((1, 2)).backward(np.ones((1, 1, 1, 2)), x).ravel().tolist() == [1, 0, 1, 0]


@pytest.mark.law("max.nan")
def test_a_max_pool_hides_no_nan_and_of_several_the_first_receives_the_gradient():
    x = np.array([[[[1.0, np.nan], [2.0, 0.0]]]])
    layer = MaxPool2d(2)
    assert np.isnan(layer.forward(x)).all()
    assert same(layer.backward(np.ones((1, 1, 1, 1)), x), np.array([[[[0.0, 1.0], [0.0, 0.0]]]]))
    x[0, 0, 1, 0] = np.nan  # of several the first receives the gradient
    assert same(layer.backward(np.ones((1, 1, 1, 1)), x), np.array([[[[0.0, 1.0], [0.0, 0.0]]]]))


@pytest.mark.law("avg.def")
@given(pool_cases(AvgPool2d, kind="fraction"), st.booleans())
def test_an_average_pool_is_its_defining_loop(case, count_include_pad):
    layer, x, _ = case
    layer = replace(layer, count_include_pad=count_include_pad)

    def mean(cells, window):
        return sum(cells) / Fraction(window if count_include_pad else len(cells))

    assert same(layer.forward(x), definitions.pool2d(x, layer.kernel_size, layer.stride, layer.padding, mean))


@pytest.mark.law("avg.adj")
@given(pool_cases(AvgPool2d, kind="fraction"), st.booleans(), st.data())
def test_the_backward_pass_of_an_average_pool_is_the_adjoint_of_the_forward_pass(case, count_include_pad, data):
    layer, x, _ = case
    layer = replace(layer, count_include_pad=count_include_pad)
    u = data.draw(tensors(layer.output_shape(x.shape)))
    assert inner(layer.forward(x), u) == inner(x, layer.backward(u, x))


@pytest.mark.law("avg.mass")
@given(pool_cases(AvgPool2d, kind="fraction", count_include_pad=False), st.data())
def test_an_average_pool_loses_no_gradient_if_the_border_does_not_count(case, data):
    layer, x, _ = case
    u = data.draw(tensors(layer.output_shape(x.shape)))
    assert layer.backward(u, x).sum() == u.sum()


@pytest.mark.law("avg.mass")
def test_gradient_leaks_into_a_border_that_counts():
    layer, x = AvgPool2d((1, 2), padding=(0, 1)), as_fractions(np.zeros((1, 1, 1, 2)))
    u = as_fractions(np.ones((1, 1, 1, 2)))
    assert layer.backward(u, x).sum() == 1
    assert replace(layer, count_include_pad=False).backward(u, x).sum() == 2


@pytest.mark.law("avg.const")
@given(pool_cases(AvgPool2d, kind="fraction", count_include_pad=False), st.fractions(-2, 2, max_denominator=3))
def test_the_averages_of_a_constant_are_that_constant(case, value):
    layer, x, _ = case
    assert (layer.forward(x * 0 + value) == value).all()


@pytest.mark.law("gap")
@given(sides(1, 4).flatmap(lambda size: tensors((2, 3, *size))), st.data())
def test_the_global_average_is_the_average_pool_over_the_whole_map(x, data):
    """The global average is the average pool whose window is the whole map."""
    layer, (_, _, *size) = GlobalAvgPool2d(), x.shape
    whole, u = AvgPool2d(tuple(size)), data.draw(tensors((2, 3)))
    assert same(layer.forward(x), whole.forward(x)[:, :, 0, 0])
    assert same(layer.backward(u, x), whole.backward(u[:, :, None, None], x))
    assert layer.backward(u, x).sum() == u.sum()
    assert (layer.backward(u, x) == u[:, :, None, None] / Fraction(size[0] * size[1])).all()


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


# --- Linear -----------------------------------------------------------------------------------------


@pytest.mark.law("linear.adj")
@given(kinds(), st.data())
def test_a_linear_layer_is_its_sum_and_its_backward_passes_are_the_adjoints(kind, data):
    weight, bias = data.draw(tensors((2, 3), kind)), data.draw(tensors((2,), kind))
    x, u = data.draw(tensors((2, 3), kind)), data.draw(tensors((2, 2), kind))
    layer, linear = Linear(weight, bias), Linear(weight)
    for n, o in np.ndindex(2, 2):
        assert layer.forward(x)[n, o] == bias[o] + sum(weight[o, f] * x[n, f] for f in range(3))
    gradients = layer.parameter_gradients(u, x)
    assert inner(linear.forward(x), u) == inner(x, layer.backward(u, x)) == inner(weight, gradients["weight"])
    assert inner(layer.forward(x), u) == inner(weight, gradients["weight"]) + inner(bias, gradients["bias"])
    assert set(linear.parameter_gradients(u, x)) == {"weight"}


@pytest.mark.parametrize("layer", [Conv2d(np.ones((1, 1, 1, 1))), MaxPool2d(1), AvgPool2d(1), ReLU()], ids=repr)
def test_a_gradient_of_another_shape_is_refused(layer):
    message = refusal(ValueError, lambda: layer.backward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))))
    assert message == "grad_output must have shape (1, 1, 2, 2), got (1, 1, 3, 3)."


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


@pytest.mark.law("bp.pure")
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layers_write_into_nothing_and_answer_the_same_again(layer):
    """Read-only inputs work, and the second call gives what the first one gave."""
    x = input_of(layer) * np.arange(2)[(slice(None), *[None] * (input_of(layer).ndim - 1))]
    u = np.ones(layer.output_shape(x.shape))
    x.flags.writeable = u.flags.writeable = False
    for method in (lambda: layer.forward(x), lambda: layer.backward(u, x)):
        assert same(method(), method())
    first, second = layer.parameter_gradients(u, x), layer.parameter_gradients(u, x)
    assert all(same(first[name], second[name]) for name in layer.parameters)


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


@pytest.mark.law("bp.batch")
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_no_layer_ties_two_images_of_a_batch(layer):
    """d y_n / d x_m = 0 for n != m."""
    x, u = input_of(layer), np.ones(layer.output_shape(input_of(layer).shape))
    u[1] = 0
    assert not layer.backward(u, x)[1].any()


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
