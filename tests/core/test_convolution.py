"""How convolutions are computed: blocks, shifts, and what they may not change. What they compute is in test_layers."""

from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from helpers import same
from hypothesis import given
from hypothesis import strategies as st

from numpycam import Conv2d, laws
from numpycam.core import convolution
from numpycam.exact import as_fractions
from numpycam.laws.cases import sweep


def all_three(layer, x, u):
    return layer.forward(x), layer.backward(u, x), *layer.parameter_gradients(u, x).values()


@pytest.mark.parametrize(("images", "rows"), [(1, 1), (1, 2), (3, 9)])
def test_blocks_change_nothing(images, rows):
    """However many images and rows are taken at once, also if the last block is smaller."""
    for case in sweep(laws.conv2d, "integers"):
        layer, x, u = Conv2d(case["weight"], case["bias"], **case.options), case["x"], case["grad_output"]
        with patch.object(convolution, "_block", lambda *_: (images, rows)):
            in_blocks = all_three(layer, x, u)
        assert all(map(same, in_blocks, all_three(layer, x, u)))


@pytest.mark.parametrize("size", [1, 700, 2000])
def test_blocks_of_few_bytes_change_nothing(size):
    """One row, two rows, or one image at once: a row of columns has 288 bytes."""
    layer = Conv2d(np.arange(12.0).reshape(1, 2, 3, 2), np.ones(1))
    x = np.random.default_rng(0).integers(-4, 5, (3, 2, 5, 4)).astype(float)
    u = layer.forward(x)
    with patch.object(convolution, "BLOCK", size):
        in_blocks = all_three(layer, x, u)
    assert all(map(same, in_blocks, all_three(layer, x, u)))


@given(st.integers(0, 9), st.integers(1, 70), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9_999))
def test_a_block_is_as_large_as_it_may_be(batch, height, depth, width, floor):
    dtype, most = np.dtype(np.float32), max(9_999, 2 * floor)
    with patch.object(convolution, "BLOCK", 9_999):
        images, rows = convolution._block(batch, height, depth, width, floor, dtype)
    taken = images * rows * depth * width * dtype.itemsize
    assert taken <= most or (images, rows) == (1, 1)
    assert 1 <= images <= max(1, batch)
    assert images == 1 or rows == height
    blocks = -(-height // rows)
    assert blocks * rows - height < blocks  # no block is smaller by more than this: they are alike in size
    if images == 1 and rows < height:  # with one block less they would not fit
        assert -(-height // (blocks - 1)) * depth * width * dtype.itemsize > most
    if images < batch and rows == height:  # nor would one image more
        assert (images + 1) * rows * depth * width * dtype.itemsize > most


@pytest.mark.parametrize(
    ("batch", "height", "depth", "width", "block"),
    [
        (1, 3, 100, 30, (1, 1)),
        (1, 8, 35, 25, (1, 2)),
        (9, 3, 50, 10, (1, 3)),
        (9, 2, 50, 10, (2, 2)),
        (0, 2, 1, 1, (1, 2)),
    ],
)
def test_a_block_holds_whole_rows_or_whole_images(batch, height, depth, width, block):
    """Of rows with 12000, 3500, 2000, 2000 and 4 bytes, where a block may have 9999."""
    with patch.object(convolution, "BLOCK", 9_999):
        assert convolution._block(batch, height, depth, width, 0, np.dtype(np.float32)) == block


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2)])
def test_a_nan_is_seen_where_it_should_be_and_nowhere_else(stride):
    """A shift fills up with zeros, and 0 · NaN is NaN: none of them may meet one."""
    layer = Conv2d(np.arange(1.0, 13).reshape(1, 2, 3, 2), stride=stride, padding=(2, 1))
    for place in [(0, 0, 0, 0), (0, 1, 4, 2), (0, 0, 2, 3)]:
        x = np.zeros((1, 2, 5, 4))
        x[place] = 1
        u = np.zeros(layer.output_shape(x.shape))
        u[0, 0, place[2] // stride[0], place[3] // stride[1]] = 1
        nan_x, nan_u = np.where(x == 1, np.nan, x + 1), np.where(u == 1, np.nan, u + 1)
        assert same(np.isnan(layer.forward(nan_x)), layer.forward(x) != 0)
        assert same(np.isnan(layer.backward(nan_u, x)), layer.backward(u, x) != 0)
        seen = layer.parameter_gradients(u * 0 + 1, x)["weight"] != 0
        assert same(np.isnan(layer.parameter_gradients(u + 1, nan_x)["weight"]), seen)
        assert np.isnan(layer.parameter_gradients(nan_u, x)["weight"]).all()  # the border holds zeros, by definition


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_no_number_is_seen_wherever_it_counts(bad):
    """And elsewhere, as the docstring says: a shift fills up with zeros. It is never hidden."""
    weight = np.ones((1, 1, 3, 2))
    weight[0, 0, 0, 1] = bad
    layer = Conv2d(weight, stride=(2, 1), check_finite=False)
    plain = Conv2d((~np.isfinite(weight)).astype(float), stride=(2, 1))
    x = np.ones((1, 1, 7, 4))
    u = np.ones(layer.output_shape(x.shape))
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(layer.backward(u, x)[plain.backward(u, x) != 0]).any()
        assert not np.isfinite(layer.forward(x)).any()


@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize(
    ("weight", "x", "u"), [("f4", "f8", "f8"), ("f8", "f4", "f8"), ("f8", "f8", "f4"), ("f4", "f8", "f4")]
)
def test_the_dtype_is_that_of_both_factors(batch, weight, x, u):
    layer, inputs = Conv2d(np.ones((1, 1, 2, 1), weight)), np.ones((batch, 1, 3, 2), x)
    gradients = np.ones((batch, 1, 2, 2), u)
    assert layer.forward(inputs).dtype == np.result_type(weight, x)
    assert layer.backward(gradients, inputs).dtype == np.result_type(weight, u)
    assert layer.parameter_gradients(gradients, inputs)["weight"].dtype == np.result_type(x, u)


def test_what_no_window_sees_is_a_fraction_too():
    layer, x = Conv2d(as_fractions(np.ones((1, 1, 1, 2))), stride=3), as_fractions(np.ones((1, 1, 4, 5)))
    assert {type(element) for element in layer.backward(layer.forward(x), x).flat} == {Fraction}


def test_read_only_views_with_any_strides_are_as_good_as_arrays():
    """Batch and channels stand still in memory, rows go backwards."""
    x = np.broadcast_to(np.array([[3.0], [2.0], [1.0]])[::-1], (3, 2, 3, 1))
    u = np.broadcast_to(np.array([[10.0], [1.0]])[::-1], (3, 1, 2, 1))
    y, dx, dw = all_three(Conv2d(np.ones((1, 2, 2, 1))), x, u)
    assert y.tolist() == [[[[6], [10]]]] * 3
    assert dx.tolist() == [[[[1], [11], [10]]] * 2] * 3
    assert dw.tolist() == [[[[63], [96]]] * 2]
