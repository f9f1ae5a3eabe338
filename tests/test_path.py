"""The score along a straight line between two pictures: every kink, exact in Fractions, within a bound in floats."""

import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from own_layers import Square

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear, MaxPool2d, Network, ReLU, Residual, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import erase
from numpycam.laws.strategies import network_cases, tensors
from numpycam.path import TooManyKinksError, path
from numpycam.worked_example import FEATURE_MAPS, IMAGE

CAT, ELEPHANT = 0, 1
BOTTOM_LEFT = slice(2, 4), slice(0, 2)


def exact(values):
    return as_fractions(values)


def test_fading_the_body_in():
    """On the conv head: kinks 8/115 and 51/115, slopes 0, 11.5 and 23, and together exactly 17.1."""
    line = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert line.kinks.tolist() == [Fraction(8, 115), Fraction(51, 115)]
    assert same(line.slopes, exact([0, "11.5", 23]))
    assert line.points.tolist() == [0, *line.kinks, 1]
    assert same(line.scores, exact(["11.5", "11.5", "15.8", "28.6"]))
    assert line.integrated_gradients.sum() == Fraction("17.1")
    assert {type(v) for array in vars(line).values() for v in array.flat} == {Fraction}


def test_how_far_one_unit_more_holds():
    """More in A^1_11, on the conv head: two units of y for each until 6.4 more, then three, and from 10.7 on four."""
    _, head = worked_example.network("conv").split("features")
    more = FEATURE_MAPS.copy()
    more[0, 0, 0] += 100
    line = path(head, FEATURE_MAPS, more, CAT)
    assert same(100 * line.kinks, exact(["6.4", "10.7"]))
    assert same(line.slopes / 100, exact([2, 3, 4]))


@given(network_cases(kind="fraction"), st.data())
def test_path_is_the_score_and_complete(case, data):
    """y is linear between the points, the slopes differ, and the integrated gradients add up to the difference."""
    image = case.x[0]
    baseline = data.draw(tensors(image.shape))
    line = path(case.network, baseline, image, 1)
    assert line.points[0] == 0
    assert line.points[-1] == 1
    assert (line.points[:-1] < line.points[1:]).all()
    for t, score in zip(line.points, line.scores, strict=True):
        assert case.network((baseline + t * (image - baseline))[None])[0, 1] == score
    for n, slope in enumerate(line.slopes):
        start, end = line.points[n : n + 2]
        for part in (Fraction(1, 3), Fraction(1, 2)):
            t = start + part * (end - start)
            y = case.network((baseline + t * (image - baseline))[None])[0, 1]
            assert y == line.scores[n] + slope * (t - start)
    assert (line.slopes[:-1] != line.slopes[1:]).all()
    assert line.integrated_gradients.sum() == line.scores[-1] - line.scores[0]


def test_a_path_that_goes_nowhere():
    line = path(worked_example.network("conv"), IMAGE, IMAGE, CAT)
    assert line.points.tolist() == [0, 1]
    assert line.slopes.tolist() == [0]
    assert not line.integrated_gradients.any()


@given(network_cases(kind="float64"), st.data())
def test_path_in_floats(case, data):
    """In floats the score on the line is that of the same numbers in fractions, up to rounding.

    A kink is misplaced, or two are taken for one, only where the rounding of a forward pass can have done it: ten times
    its bound. From there the error goes on through the rest of the network, whose sizes the bound has in it; the slope
    on either side adds as much, and evaluation once more. A score of these networks takes less than 100 operations.
    """
    image = case.x[0] / 8
    baseline = data.draw(tensors(image.shape, "float64")) / 8 + 2.0**-6
    line = path(case.network, baseline, image, 0)
    network, start, end = as_fractions(case.network), as_fractions(baseline), as_fractions(image)
    absolute = {name: abs(value) for name, value in network.parameters.items()}
    sizes = Network(
        [
            (name, replace(layer, **{key: absolute[f"{name}.{key}"] for key in layer.parameters}))
            for name, layer in network.layers
        ]
    )
    bound = 30 * rounding(100) * sizes((np.abs(start) + np.abs(end - start))[None])[0, 0]
    points, scores, slopes = (as_fractions(values) for values in (line.points, line.scores, line.slopes))
    for n, slope in enumerate(slopes):
        for t in (points[n], (points[n] + points[n + 1]) / 2, points[n + 1]):
            y = network((start + t * (end - start))[None])[0, 0]
            assert abs(scores[n] + slope * (t - points[n]) - y) <= bound
    assert abs(as_fractions(line.integrated_gradients).sum() - (scores[-1] - scores[0])) <= bound


def test_path_in_floats_finds_the_kinks_of_the_example():
    network, image = worked_example.network("conv", exact=False), as_floats(IMAGE)
    line = path(network, erase(image, BOTTOM_LEFT), image, CAT)
    exactly = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert line.points.shape == exactly.points.shape
    assert np.abs(line.points - as_floats(exactly.points)).max() <= 4 * np.finfo(float).eps


def test_a_path_may_be_too_long():
    network = worked_example.network("conv")
    message = refusal(TooManyKinksError, lambda: path(network, erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT, max_kinks=1))
    assert issubclass(TooManyKinksError, ValueError)
    assert message == "there are more than max_kinks = 1 switches on the line; 0.443478 of it is done."


def test_a_path_needs_linear_pieces():
    network = Network([("square", Square()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 4))))])
    message = refusal(TypeError, lambda: path(network, np.zeros((1, 2, 2)), np.ones((1, 2, 2))))
    assert message == "a path needs piecewise linear layers that say so (see numpycam.Layer); 'square' is Square()."


@pytest.mark.parametrize(("number", "what"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_a_path_through_parameters_that_are_no_numbers_is_refused_by_their_place(number, what):
    inner = Network([("linear", Linear([[1.0, number]], check_finite=False))])
    network = Network([("flatten", Flatten()), ("block", inner)])
    message = refusal(ValueError, lambda: path(network, np.zeros((1, 1, 2)), np.ones((1, 1, 2))))
    assert message == f"block.linear.weight contains {what} at index (0, 1)."


def test_a_path_with_numbers_too_large_for_floats_is_refused():
    huge = Network([("conv", Conv2d(np.full((1, 1, 1, 1), 1e200))), ("again", Conv2d(np.full((1, 1, 1, 1), 1e200))),
                    ("relu", ReLU()), ("flatten", Flatten())])  # fmt: skip
    message = refusal(ValueError, lambda: path(huge, np.zeros((1, 1, 2)), np.full((1, 1, 2), 1.0)))
    assert message == "the numbers of this network become too large for float64: pass Fractions."


@pytest.mark.parametrize("last", [np.eye(2), np.array([[1.0, 0], [1, 1]])], ids=["infinity times 0", "infinity"])
def test_one_number_too_large_is_enough_and_no_warning_comes_of_it(last):
    grow = Linear(np.diag([1e200, 1]))
    huge = Network([("flatten", Flatten()), ("grow", grow), ("more", grow), ("relu", ReLU()), ("last", Linear(last))])
    image = np.array([[[1.0, 1.0]]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        message = refusal(ValueError, lambda: path(huge, 0 * image, image, 0))
    assert "too large for float64" in message


def test_a_path_through_inner_networks_is_that_of_their_layers():
    flat = worked_example.network("conv").layers
    inner = Network([("innermost", Network(flat[2:4])), *flat[4:]])
    nested = Network([*flat[:2], ("inner", inner)])
    erased = erase(IMAGE, BOTTOM_LEFT)
    ours, theirs = (path(network, erased, IMAGE, CAT) for network in (nested, Network(flat)))
    assert ours.kinks.tolist() == theirs.kinks.tolist() == [Fraction(8, 115), Fraction(51, 115)]
    assert same(ours.integrated_gradients, theirs.integrated_gradients)


def test_a_switch_that_the_class_does_not_notice_is_no_kink_but_counts():
    network, erased = worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT)
    assert path(network, erased, IMAGE, ELEPHANT, max_kinks=2).kinks.size == 0
    message = refusal(TooManyKinksError, lambda: path(network, erased, IMAGE, ELEPHANT, max_kinks=1))
    assert message.startswith("there are more than max_kinks = 1 switches on the line; ")


def two_units(apart):
    """A network whose score bends at 1/2 and that much later."""
    conv = Conv2d(np.ones((2, 1, 1, 1)), np.array([-0.5, -0.5 - apart]))
    return Network([("conv", conv), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 2))))])


@pytest.mark.parametrize("dtypes", [(np.float64, np.float64), (np.float32, np.float64), (np.float32, np.float32)])
def test_floats_tell_kinks_apart_that_are_further_than_rounding(dtypes):
    """Seven operations of numbers below 2: a lead of 2^-40 is no rounding, one of 2^-54 is. The network has float64."""
    baseline, image = (np.full((1, 1, 1), value, dtype) for value, dtype in zip((0, 1), dtypes, strict=True))
    line = path(two_units(2.0**-40), baseline, image, 0)
    assert line.kinks.tolist() == [0.5, 0.5 + 2.0**-40]
    assert line.slopes.tolist() == [0, 1, 2]
    assert path(two_units(2.0**-54), baseline, image, 0).kinks.tolist() == [0.5]


def test_floats_find_as_many_kinks_as_there_are():
    """Of numbers that do not add up exactly: no kink lost, and none that rounding has made."""
    rng = np.random.default_rng(7)
    for _ in range(12):
        network = Network(
            [
                ("conv", Conv2d(rng.normal(size=(2, 2, 2, 2)), rng.normal(size=2), padding=1)),
                ("relu", ReLU()),
                ("pool", MaxPool2d((2, 3), stride=1)),
                ("again", Conv2d(rng.normal(size=(2, 2, 1, 2)))),
                ("relu2", ReLU()),
                ("gap", GlobalAvgPool2d()),
                ("linear", Linear(rng.normal(size=(2, 2)))),
            ]
        )
        start, end = rng.normal(size=(2, 2, 2, 3))
        line = path(network, start, end, 0)
        exactly = path(as_fractions(network), as_fractions(start), as_fractions(end), 0)
        assert line.points.shape == exactly.points.shape
        assert np.abs(line.points - as_floats(exactly.points)).max() < 1e-9 < np.diff(line.points).min()


def test_a_path_in_floats_that_overflows_between_is_refused():
    conv = Conv2d(np.array([[[[1.0]], [[-1.0]]]]))
    network = Network([("conv", conv), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 1))))])
    start, end = np.array([[[-6e307]], [[6e307]]]), np.array([[[8e307]], [[0.0]]])
    assert "too large for float64" in refusal(ValueError, lambda: path(network, start, end, 0))
    exactly = path(as_fractions(network), as_fractions(start), as_fractions(end), 0)
    assert [round(float(kink), 12) for kink in exactly.kinks] == [0.6]


def test_a_path_reads_in_a_line_and_cannot_be_changed():
    line = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert repr(line) == "ScorePath from y = 23/2 to 143/5 in 3 linear pieces"
    assert not any(array.flags.writeable for array in vars(line).values())


def test_the_class_of_a_path_is_that_of_its_end_unless_given():
    network = worked_example.network()
    moon = erase(IMAGE, (slice(0, 4), slice(0, 2)))
    assert network(moon[None])[0].argmax() == ELEPHANT
    assert network(IMAGE[None])[0].argmax() == CAT
    assert same(path(network, moon, IMAGE).scores, path(network, moon, IMAGE, CAT).scores)


class Doubling(ReLU):
    def forward(self, x):
        return 2 * super().forward(x)


def test_a_path_takes_no_class_derived_from_a_layer_for_that_layer():
    head = [("flatten", Flatten()), ("linear", Linear(np.ones((1, 4))))]
    network, image = Network([("own", Doubling()), *head]), np.ones((1, 2, 2))
    message = refusal(TypeError, lambda: path(network, image, image))
    assert message.startswith("a path needs piecewise linear layers that say so (see numpycam.Layer); 'own' is ")


# --- What counts as rounding. A small multiple of a power of two is exact in floats, so no processor rounds these. ---

U = 2.0**-53  # of float64: what rounding changes of a number, relative to it


class Falling(Layer):
    """y = max(-x, -2x)."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return self.rivals(x).max(axis=0)

    def backward(self, grad_output, x):
        return grad_output * np.where(x > 0, -1, -2)

    def rivals(self, x):
        return np.stack([-x, -2 * x])


def units(weights, biases, dtype=float):
    """A convolution with a feature map for each bias: the channels times the weights, and the bias."""
    return Conv2d(np.array([weights] * len(biases), dtype)[:, :, None, None], np.array(biases, dtype))


def pixel(value, channels=1):
    """An image of one pixel with this value in its first channel, and 0 in the others."""
    return np.array([value, *[0] * (channels - 1)], float)[:, None, None]


def line_of(layers, start, end, dtype=float):
    """The line of the sum of all that comes out of the layers."""
    body = Network([*((f"layer{n}", layer) for n, layer in enumerate(layers)), ("flatten", Flatten())])
    start, end = np.array(start, dtype), np.array(end, dtype)
    ones = np.ones((1, body.output_shape((1, *start.shape))[1]), dtype)
    return path(Network([*body.layers, ("sum", Linear(ones))]), start, end, 0)


LARGE = 2.0**20
TWO_SWITCHES = {  # the tolerance 10 m n s u; layers with a switch at 1/2 and one that is d away, start and end
    "one weight": (10 * 1 * 5 * 1.5, lambda d: ([units([1], [-0.5, -0.5 - d]), ReLU()], pixel(0), pixel(1))),
    "many summands": (
        10 * 1 * 34 * 1.5,
        lambda d: ([units([1] + [0] * 29, [-0.5, -0.5 - d]), ReLU()], pixel(0, 30), pixel(1, 30)),
    ),
    "from above": (10 * 1 * 5 * 8, lambda d: ([units([-1], [1, 1 - d]), ReLU()], pixel(3), pixel(-1))),
    "a long chain": (
        10 * 1 * 19 * 1.5,
        lambda d: ([*[units([1], [0])] * 7, units([1], [-0.5, -0.5 - d]), ReLU()], pixel(0), pixel(1)),
    ),
    "the third maximum": (
        10 * 3 * 7 * 3.5,
        lambda d: ([ReLU(), ReLU(), units([1], [-1.5, -1.5 - d]), ReLU()], pixel(1), pixel(2)),
    ),
    "a large bias taken back": (
        10 * 1 * 7 * (2 * LARGE + 1.5),
        lambda d: (
            [units([1], [LARGE]), units([1], [-LARGE - 0.5, -LARGE - 0.5 - d]), ReLU()],
            *(pixel(0), pixel(1)),
        ),
    ),
    "a maximum of negative numbers": (
        10 * 1 * 5 * 6,
        lambda d: ([units([1], [0, -d]), Falling()], pixel(-1), pixel(1)),
    ),
    "a pool": (
        10 * 1 * 3 * 16,
        lambda d: ([MaxPool2d((1, 2))], [[[-4, -8], [d - 4, -8]]], [[[-4, 0], [d - 4, 0]]]),
    ),
    "behind a pool": (
        10 * 2 * 6 * 28,
        lambda d: ([MaxPool2d((1, 2)), units([1], [-12, -12 - d]), ReLU()], [[[0, 8]]], [[[0, 16]]]),
    ),
    "behind a block, whose longer way counts, and the sizes of both": (
        10 * 2 * 11 * 7,
        lambda d: (
            [Residual(Network([("a", units([1], [0])), ("b", ReLU()), ("c", units([1], [0]))])),
             units([1], [-3, -3 - d]), ReLU()],
            *(pixel(1), pixel(2)),
        ),
    ),
}  # fmt: skip


def near(share, number):
    """That share of a number, in few digits."""
    grain = 2.0 ** np.floor(np.log2(number / 32))
    return grain * np.round(share * number / grain)


@pytest.mark.parametrize(("factor", "line"), TWO_SWITCHES.values(), ids=TWO_SWITCHES)
def test_two_switches_are_one_kink_if_rounding_could_have_parted_them(factor, line):
    """They are one below the tolerance 10 m n s u, and two above it: tried a tenth below and a tenth above.

    The switches are of the m-th maximum on the way. n operations come before it: three make the point of the line, each
    summand is one, and each layer and the sum of two ways one more. s is the sum of the sizes of all that is added. It
    begins with |start| + |end - start|. A layer multiplies it with the size of its weight and adds that of its bias.
    """
    assert line_of(*line(near(0.9, factor * U))).kinks.tolist() == [0.5]
    first, second = line_of(*line(near(1.1, factor * U))).kinks
    assert first == 0.5 < second


def test_float32_has_a_tolerance_of_its_own():
    """As for the large bias taken back: 10 · 7 · 2^21 · 2^-24, that is 8.75. The values are whole eighths."""

    def kinks(distance):
        back = units([1], [-LARGE - 16, -LARGE - 16 - distance], np.float32)
        layers = [units([1], [LARGE], np.float32), back, ReLU()]
        return line_of(layers, pixel(0), pixel(64), np.float32).kinks

    assert kinks(7.875).tolist() == [0.25]
    first, second = kinks(9.625)
    assert first == 0.25
    assert second == 25.625 / 64


@pytest.mark.parametrize("channels", [1, 30])
def test_a_lead_that_is_lost_by_no_more_than_rounding_is_not_lost(channels):
    """At the end of the line the unit is on by d. The tolerance is 10 · 1 · n · 2 · u with n = 4 + channels."""

    def line(distance):
        weights = [1] + [0] * (channels - 1)
        return line_of([units(weights, [distance - 1]), ReLU()], pixel(0, channels), pixel(1, channels))

    tolerance = 20 * (4 + channels) * U
    assert line(near(0.9, tolerance)).kinks.size == 0
    assert line(near(1.1, tolerance)).kinks.tolist() == [1 - near(1.1, tolerance)]


def test_a_switch_too_near_to_step_to_hides_no_later_one():
    """Three windows: one switches at 1/2, one at 3/4, and in one three cells are nearly level at 1/2.

    There the second cell lies 67.5 u below the first, just within the tolerance 10 · 1 · 3 · 2.25 · u. The third lies
    u/2 lower, just outside, and overtakes the second u/2 later, where floats have no number.
    """
    start = [[[0, -0.25 - 67.5 * U, -0.75 - 68 * U], [0, -0.5, -1], [0, -0.75, -1]]]
    end = [[[0, 0.25 - 67.5 * U, 0.75 - 68 * U], [0, 0.5, -1], [0, 0.25, -1]]]
    line = line_of([MaxPool2d((1, 3))], start, end)
    assert line.slopes.tolist()[-1] == 1.5 + 1 + 1
    assert np.abs(line.kinks - [0.5, *[0.5] * (len(line.kinks) - 2), 0.75]).max() <= 68 * U  # as far as it lies below


def test_a_number_of_steps_on_the_stairs_of_float32_is_no_number_of_kinks():
    """Beside a bias of 10^6, float32 has steps of 1/16. The units switch 1000 apart, and each bends the score once.

    The tolerance is 10 · 9 · (2 · 10^6 + 15000) · 2^-24, that is 11, so the switches lie far apart.
    """
    rng = np.random.default_rng(3)
    for _ in range(20):
        weights = rng.uniform(0.3, 0.7, size=2)
        before = units(weights, [1e6], np.float32)
        back = units([1], [-1e6 - at for at in (1000, 2000, 3000, 4000)], np.float32)
        end = np.array([5000 / weights.sum()] * 2)[:, None, None]
        line = line_of([before, back, ReLU()], 0 * end, end, np.float32)
        assert line.slopes.size == 5
        assert np.abs(line.kinks * 5000 - [1000, 2000, 3000, 4000]).max() < 11


# --- Bad input ---

REFUSED = [
    (lambda n: path(n.split("features")[0], IMAGE, IMAGE), ValueError,
     "the network's output must be scores (N, classes), got (1, 3, 2, 2)."),
    (lambda n: path(n, IMAGE[:, :2], IMAGE), ValueError, "baseline must have shape (1, 4, 4), got (1, 2, 4)."),
    (lambda n: path(n, as_floats(IMAGE) * np.nan, IMAGE), ValueError, "baseline contains NaN at index (0, 0, 0)."),
]  # fmt: skip


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=[message[:60] for *_, message in REFUSED])
def test_what_a_path_refuses(action, error, message):
    assert refusal(error, lambda: action(worked_example.network())) == message
