"""The bound on the error of the midpoint rule: it holds, and it is no larger than it must be where that is known."""

import math
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import network_cases, sides, tensors
from numpycam.methods.quadrature import midpoint_error
from numpycam.methods.saliency import integrated_gradients
from numpycam.targets import Difference, Probability
from numpycam.worked_example import IMAGE


@settings(max_examples=8)
@given(network_cases(), st.integers(1, 4), st.integers(0, 1), st.integers(-1, 1))
def test_the_bound_holds(case, steps, c, baseline):
    """|L - L in n steps| is never larger, in Fractions, with ties and dead units where they fall."""
    network, x = case
    exact, in_steps = (
        integrated_gradients(network, x[0], c, baseline=baseline, steps=count).weighted_maps for count in (None, steps)
    )
    assert (abs(in_steps - exact) <= midpoint_error(network, x[0], c, baseline=baseline, steps=steps)).all()


@settings(max_examples=8)
@given(sides(1, 3), st.tuples(st.integers(1, 2), st.integers(1, 2)), st.data())
def test_the_bound_holds_where_windows_overlap_and_the_border_is_seen(size, stride, data):
    padding = size[0] // 2, size[1] // 2
    first = Conv2d(data.draw(tensors((2, 1, 2, 2))), data.draw(tensors((2,))))
    pool = MaxPool2d(size, stride, padding)
    count = math.prod(pool.output_shape((1, 2, 3, 4)))
    layers = [("conv", first), ("pool", pool), ("relu", ReLU()), ("flatten", Flatten())]
    network = Network([*layers, ("linear", Linear(data.draw(tensors((1, count)))))])
    image, steps = data.draw(tensors((1, 4, 5))), data.draw(st.integers(1, 3))
    exact, in_steps = (integrated_gradients(network, image, 0, steps=n).weighted_maps for n in (None, steps))
    assert (abs(in_steps - exact) <= midpoint_error(network, image, 0, steps=steps)).all()


@pytest.mark.parametrize("pool", [AvgPool2d((1, 2)), AvgPool2d(2, 1, 1)])
def test_without_switches_the_rule_is_exact(pool):
    """No ReLU, no maximum: no error, whatever the weights."""
    rng = np.random.default_rng(0)
    convolution = Conv2d(as_fractions(rng.integers(-3, 4, (2, 1, 2, 2))), as_fractions([1, -2]))
    linear = Linear(as_fractions(rng.integers(-3, 4, (2, 2))))
    network = Network([("conv", convolution), ("pool", pool), ("gap", GlobalAvgPool2d()), ("linear", linear)])
    image = as_fractions(rng.integers(-3, 4, (1, 4, 5)))
    assert not midpoint_error(network, image, 1, steps=1).any()


def test_one_switch_is_all_that_is_left():
    """y = ReLU(x - 1/4) from 0 to 1: the step of the kink may be wrong by its width, and no other is."""
    network = Network([("conv", Conv2d(as_fractions([[[[1]]]]), as_fractions(["-1/4"]))), ("relu", ReLU())])
    network = Network([*network.layers, ("flatten", Flatten())])
    image = as_fractions([[[1]]])
    for steps in range(1, 9):
        assert midpoint_error(network, image, 0, steps=steps) == Fraction(1, steps)


def test_where_only_one_can_win_a_maximum_there_is_no_error():
    """max(3 t, 1 + t) in four steps: in the first and the last one of them cannot win, in the others both can."""
    network = Network([("pool", MaxPool2d((1, 2))), ("flatten", Flatten())])
    image, baseline = as_fractions([[[3, 2]]]), as_fractions([[[0, 1]]])
    bound = midpoint_error(network, image, 0, baseline=baseline, steps=4)
    assert same(bound, as_fractions([[["3/2", "1/2"]]]))


def test_a_switch_that_neither_the_ends_nor_the_middle_show_is_reckoned_with():
    """y = ReLU(x_1 - 2 ReLU(x_2 - 1/4) - 1/8) from (0, 0) to (1, 1) is positive from t = 1/8 to 3/8 alone."""
    hidden = Conv2d(as_fractions([[[[1, 0]]], [[[0, 1]]]]), as_fractions([0, "-1/4"]))
    second = Conv2d(as_fractions([[[[1]], [[-2]]]]), as_fractions(["-1/8"]))
    layers = [("hidden", hidden), ("relu", ReLU()), ("second", second), ("relu2", ReLU()), ("flatten", Flatten())]
    network, image = Network(layers), as_fractions([[[1, 1]]])
    assert same(integrated_gradients(network, image, 0).weighted_sum, as_fractions([["1/4", "-1/4"]]))
    assert not integrated_gradients(network, image, 0, steps=1).weighted_sum.any()
    assert same(midpoint_error(network, image, 0, steps=1), as_fractions([[[1, 2]]]))


def test_the_border_of_a_max_pool_is_no_rival():
    network = Network([("pool", MaxPool2d((1, 2), padding=(0, 1))), ("flatten", Flatten())])
    assert not midpoint_error(network, as_fractions([[[3, -2]]]), 0, steps=1).any()


def test_a_winner_that_does_not_move_wins():
    """max(x_1 - x_2, x_3 - x_4) from (0, 0, -1, 0) to (1, 1, -1, 0) is 0 - 0 all along."""
    difference = Conv2d(as_fractions([[[[1, -1]]]]), stride=(1, 2))
    network = Network([("difference", difference), ("pool", MaxPool2d((1, 2))), ("flatten", Flatten())])
    image, baseline = as_fractions([[[1, 1, -1, 0]]]), as_fractions([[[0, 0, -1, 0]]])
    assert same(integrated_gradients(network, image, 0, baseline=baseline).weighted_sum, as_fractions([[1, -1, 0, 0]]))
    assert not midpoint_error(network, image, 0, baseline=baseline, steps=1).any()


def test_a_difference_and_the_class_unless_given():
    network, image = worked_example.network("conv"), IMAGE
    bound = midpoint_error(network, image, Difference({0: 1, 1: -1}), baseline=1, steps=10)
    assert bound.max() == Fraction(16, 5)
    assert same(
        midpoint_error(network, image, baseline=1, steps=10), midpoint_error(network, image, 0, baseline=1, steps=10)
    )
    assert same(
        midpoint_error(network, image, Difference({1: 1}), baseline=1, steps=3),
        midpoint_error(network, image, 1, baseline=1, steps=3),
    )
    assert midpoint_error(network, image, 1, baseline=1, steps=3).any()


def test_the_size_of_the_batches_changes_nothing_and_floats_stay_what_they_are():
    network, difference = worked_example.network("conv"), Difference({0: 1, 1: -1})
    bound = midpoint_error(network, IMAGE, difference, baseline=1, steps=10)
    assert same(bound, midpoint_error(network, IMAGE, difference, baseline=1, steps=10, batch_size=3))
    assert all(type(value) is Fraction for value in bound.flat)
    for dtype in (np.float32, np.float64):
        floats = as_floats(network, dtype), as_floats(IMAGE, dtype)
        assert midpoint_error(*floats, difference, baseline=1, steps=10).dtype == dtype


REFUSED = [
    (lambda **o: midpoint_error(worked_example.network(), IMAGE, 0, steps=0), ValueError, "steps == 0, must be >= 1."),
    (
        lambda: midpoint_error(worked_example.network(), IMAGE, 0, steps=1, batch_size=0),
        ValueError,
        "batch_size == 0, must be >= 1.",
    ),
    (
        lambda: midpoint_error(worked_example.network(), IMAGE[None], 0, steps=1),
        ValueError,
        "image must be one image (C, H, W), got shape (1, 1, 4, 4).",
    ),
    (
        lambda: midpoint_error(Network([]), IMAGE, Difference({0: 1}), steps=1),
        ValueError,
        "the network's output must be scores (N, classes), got (1, 1, 4, 4).",
    ),
    (
        lambda: midpoint_error(worked_example.network(), IMAGE, Probability(0), steps=1),
        TypeError,
        "class_index must be an int in 0..1, got Probability(class_index=0).",
    ),
    (
        lambda: midpoint_error(worked_example.network(), IMAGE, 0, baseline=0.5, steps=1),
        TypeError,
        "baseline holds floats but image holds Fractions; convert one of them with numpycam.exact.as_fractions or "
        "numpycam.exact.as_floats.",
    ),
]


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=[message[:60] for *_, message in REFUSED])
def test_what_is_refused(action, error, message):
    assert refusal(error, action) == message
