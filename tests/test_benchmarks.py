"""What the benchmark compares with computes what Conv2d does, and its statistics are right; nothing on time."""

import os
from math import prod
from pathlib import Path

import numpy as np
import pytest
import report
import resnet
from groups import fastest, row
from helpers import same
from hypothesis import given
from hypothesis import strategies as st
from measure import disagreement, environment, geometric_mean, lower_quartile, ratios_of, slope, summary
from rivals import blocked, plain, shifted
from sides.ours import network_of

from numpycam import Conv2d
from numpycam.laws.strategies import conv_cases, tensors

RIVALS = pytest.mark.parametrize("rival", [plain, shifted, blocked], ids=lambda module: module.__name__)
BLOCKS = st.sampled_from([1, 200, 1 << 20])  # bytes: a row at a time, a few rows, all images at once


@RIVALS
@given(st.integers(0, 2), BLOCKS, st.data())
def test_a_rival_is_a_convolution(rival, padding, block, data):
    border = padding, padding
    case = data.draw(conv_cases("float64", True, padding=border, stride=(1, 1), dilation=(1, 1)))
    layer, x = case.layer, case.x
    u = data.draw(tensors(layer.output_shape(x.shape), "float64"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked, "BLOCK", block)
        y = rival.forward(x, layer.weight, layer.bias, padding)
        dx = rival.input_gradient(u, x, layer.weight, padding)
        dweight, dbias = rival.parameter_gradients(u, x, layer.weight, padding)
    gradients = layer.parameter_gradients(u, x)
    assert same(y, layer.forward(x))
    assert same(dx, layer.backward(u, x))
    assert same(dweight, gradients["weight"])
    assert same(dbias, gradients["bias"])


@given(st.tuples(*[st.integers(1, 5)] * 4), st.integers(1, 9), BLOCKS)
def test_the_blocks_are_all_rows_of_all_images_once(output_shape, size, block):
    weight, seen = np.ones((2, 1, 1, size)), np.zeros(output_shape, dtype=int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked, "BLOCK", block)
        for images, rows, buffer in blocked.blocks(output_shape, weight):
            seen[images, :, rows] += 1
            assert prod(seen[images, 0, rows].shape) * size <= buffer.size
    assert (seen == 1).all()


def test_a_folded_batch_norm_is_the_batch_norm_of_its_convolution(monkeypatch):
    monkeypatch.setattr(resnet, "EPSILON", 2**-10)
    generator = np.random.default_rng(0)
    weight, x, *numbers = (
        generator.integers(-3, 4, shape).astype(float) for shape in [(4, 3, 3, 3), (2, 3, 7, 5), *[4] * 4]
    )
    gamma, beta, mean, exponent = numbers
    root = 2.0**exponent  # √(variance + ε), so that nothing is rounded
    conv, norm = ("conv", weight, None, 2, 1), ("norm", gamma, beta, mean, root**2 - 2**-10)
    maps = Conv2d(weight, stride=2, padding=1).forward(x)
    gamma, beta, mean, root = (values[:, None, None] for values in (gamma, beta, mean, root))
    expected = (maps - mean) / root * gamma + beta
    assert same(network_of(resnet.folded([conv, norm])).forward(x), expected)
    inside = network_of(resnet.folded([("block", [conv, norm], [conv, norm])]))
    assert same(inside.forward(x), np.maximum(2 * expected, 0))


@pytest.mark.parametrize(
    ("depth", "parameters", "multiply_adds", "maps"),
    [(18, 11_689_512, 1.814, (512, 7, 7)), (50, 25_557_032, 4.089, (2048, 7, 7))],  # as torchvision states them
)
def test_a_resnet_is_as_large_as_torchvisions(depth, parameters, multiply_adds, maps):
    layers = resnet.resnet(depth, lambda *shape: np.zeros(shape, np.float32))
    assert learned(layers) == parameters
    rows = network_of(resnet.folded(layers)).summary((3, 224, 224)).rows
    assert round(sum(one.multiply_adds for one in rows) / 1e9, 3) == multiply_adds
    assert rows[-3].output_shape == maps


def learned(layers):
    """How many numbers a training learns: the statistics of a batch norm, its last two arrays, do not count."""
    count = 0
    for kind, *values in layers:
        if kind == "block":
            count += sum(map(learned, values))
        else:
            count += sum(value.size for value in values[:2] if isinstance(value, np.ndarray))
    return count


def test_what_is_measured_is_this_checkout():
    first, *_ = environment(1)["PYTHONPATH"].split(os.pathsep)
    assert Path(first).samefile(Path(__file__).parents[1])


def test_one_time_in_four_is_faster_than_the_lower_quartile():
    assert lower_quartile([5.0, 1.0, 3.0, 4.0, 2.0]) == 2.0  # one in four is faster
    assert lower_quartile([7.0]) == 7.0


def test_the_ratio_is_the_median_of_the_rounds_own_ratios():
    ours, theirs = [1.0, 6.0, 2.0], [2.0, 2.0, 2.0]
    assert ratios_of(ours, theirs) == [0.5, 3.0, 1.0]
    assert summary(ratios_of(ours, theirs)) == (1.0, (0.5, 3.0))
    assert summary(ratios_of([1.0, 4.0, 9.0], [1.0, 2.0, 10.0]))[0] == 1.0  # that of the medians would be 2
    with pytest.raises(ValueError, match="shorter"):
        ratios_of(ours, theirs[:2])


def test_geometric_mean_of_a_ratio_and_its_inverse_is_1():
    assert geometric_mean([0.25, 4.0]) == 1.0
    assert geometric_mean([1.0]) == 1.0


@pytest.mark.parametrize("power", [0, 1, 2])
def test_slope_is_the_exponent(power):
    sizes = [8, 16, 32, 64]
    found = slope(sizes, [3.0 * size**power for size in sizes])
    assert abs(found - power) < 1e-12  # a fit of four points, some ten roundings of numbers below 10


def test_a_table_without_rows_says_why():
    result = {"about": {"threads": 1, "rounds": 1, "quick": True}, "rows": [], "missing": {"torch": "not installed"}}
    assert report.as_text("conv", result).splitlines()[2:] == [
        "Nothing here to compare with.",
        "torch: not measured: not installed",
    ]


def test_the_alternative_text_counts_the_bars_that_are_drawn():
    about = {"date": "", "cpu": "", "cores": 1, "blas": "", "python": "", "versions": {}, "load": [0], "rounds": 1}
    about["quick"] = False
    rows = [row("tiny", "torch", [0.5], goal) for goal in (0.6, 0.4, None)]
    results = {"1": {name: {"about": about, "rows": rows, "missing": {}} for name in ("conv", "growth")}}
    alt, *_ = report.as_markdown(results, Path("folder")).splitlines()
    assert "bars of 3 ratios" in alt
    assert "1 goals are met, 1 missed; 1 have none." in alt


def test_the_fastest_is_of_those_that_are_there():
    seconds = {"a": [3.0, 3.0, 1.0], "b": [2.0, 2.0, 9.0]}
    assert fastest(seconds, ["a", "b", "missing"]) == "b"  # by the median
    assert fastest(seconds, ["missing"]) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ([1.0, 2.0], [1.0, 2.001], "disagree"),
        ([1.0, 2.0], [1.0, np.nan], "disagree"),
        ([0.0, 0.0], [0.0, 0.0], "is zero"),
        ([1.0, 2.0], [[1.0, 2.0]], "has shape"),
    ],
    ids=["another number", "NaN", "zeros", "another shape"],
)
def test_what_does_not_agree_stops_the_benchmark(tmp_path, ours, theirs, message):
    for name, values in {"ours": ours, "theirs": theirs}.items():
        np.savez(tmp_path / f"{name}.npz", np.array(values))
    with pytest.raises(SystemExit, match=message):
        disagreement("conv", tmp_path / "ours.npz", tmp_path / "theirs.npz", "torch")


def test_what_agrees_says_how_well(tmp_path):
    np.savez(tmp_path / "ours.npz", np.array([1.0, -2.0]))
    np.savez(tmp_path / "theirs.npz", np.array([1.0, -2.0 + 2**-40]))
    assert disagreement("conv", tmp_path / "ours.npz", tmp_path / "theirs.npz", "torch") == 2**-41
