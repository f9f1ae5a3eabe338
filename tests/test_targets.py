"""Targets: other numbers than the score of one class, their gradients, and the laws that tell them apart."""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

import definitions
import numpy as np
import pytest
import second_example
from helpers import inner, refusal, rounding, same
from hypothesis import given, settings
from hypothesis import strategies as st

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import network_cases, tensors
from numpycam.methods import METHODS, over_layers, with_mirror
from numpycam.targets import Difference, Probability, Sigmoid, finer

networks = settings(max_examples=min(settings().max_examples // 3, 25))  # in Fractions a network takes its time

FIRST_LESS_SECOND = Difference({0: 1, 1: -1})


def fractions():
    return st.fractions(-2, 2, max_denominator=3)


# --- Differences ------------------------------------------------------------------------------------


@given(tensors((3, 4)), st.dictionaries(st.integers(0, 3), fractions() | st.integers(-2, 2)))
def test_a_difference_is_the_weighted_sum_of_its_scores(scores, weights):
    value, gradient = Difference(weights)(scores)
    row = as_fractions([weights.get(c, 0) for c in range(4)])
    assert same(gradient, np.stack([row] * 3))
    assert same(value, np.array([inner(row, y) for y in scores], dtype=object))
    assert {type(number) for number in (*value, *gradient.flat)} == {Fraction}


@pytest.mark.law("cam.lin")
@networks
@given(network_cases(), fractions(), fractions())
def test_the_map_of_a_difference_is_the_difference_of_the_maps(case, first, second):
    network, x = case
    explanation = grad_cam(network, x, Difference({0: first, 1: second}))
    parts = [grad_cam(network, x, c) for c in (0, 1)]
    assert same(explanation.score, first * parts[0].score + second * parts[1].score)
    assert same(explanation.weighted_sum, first * parts[0].weighted_sum + second * parts[1].weighted_sum)


@networks
@given(network_cases(), st.integers(0, 1), st.sampled_from(sorted({*METHODS} - {"cam"})))
def test_the_difference_of_one_class_is_that_class(case, c, name):
    """In every method a target can stand in the place of the class."""
    network, x = as_floats(case.network), as_floats(case.x[0])
    options = {"steps": 2} if name == "integrated_gradients" else {}
    try:
        of_class = METHODS[name](network, x, c, **options)
    except ArithmeticError:
        with pytest.raises(ArithmeticError):
            METHODS[name](network, x, Difference({c: 1}), **options)
    else:
        of_target = METHODS[name](network, x, Difference({c: 1}), **options)
        assert same(of_target.weighted_sum, of_class.weighted_sum)
        assert of_target.score == of_class.score


@pytest.mark.law("cam.reparam")
@networks
@given(network_cases(), tensors((1, 9)))
def test_the_same_function_added_to_every_score_changes_no_difference_but_each_map(case, row):
    """The same h(A) added to every score changes no difference of scores and no map of one, but the map of each."""
    network, x = case
    *body, (name, linear) = network.layers
    h = np.resize(row, (1, linear.weight.shape[1]))
    moved = Network([*body, (name, replace(linear, weight=linear.weight + h))], network.target_layer)
    only_h = Network([*body, (name, replace(linear, weight=0 * linear.weight + h))], network.target_layer)
    before, after = (grad_cam(one, x, FIRST_LESS_SECOND) for one in (network, moved))
    assert same(after.score, before.score)
    assert same(after.weighted_sum, before.weighted_sum)
    for c in (0, 1):
        added = grad_cam(only_h, x, c).weighted_sum
        assert same(grad_cam(moved, x, c).weighted_sum, grad_cam(network, x, c).weighted_sum + added)


@pytest.mark.law("cam.const-logit")
@networks
@given(network_cases(), fractions(), fractions(), fractions())
def test_a_constant_added_to_every_score_changes_no_map(case, first, second, constant):
    """A constant added to every score changes no map; it changes a difference by the sum of its weights."""
    network, x = case
    *body, (name, linear) = network.layers
    moved = Network([*body, (name, replace(linear, bias=linear.bias + constant))], network.target_layer)
    before, after = (grad_cam(one, x, Difference({0: first, 1: second})) for one in (network, moved))
    assert same(after.weighted_sum, before.weighted_sum)
    assert same(after.score, before.score + (first + second) * constant)


def test_the_worked_example_cat_not_elephant():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, FIRST_LESS_SECOND)
    assert explanation.score == Fraction("20.1")
    assert same(explanation.alphas, as_fractions(["3.25", "4.5", "-1.9"]))
    assert same(explanation.weighted_sum, as_fractions([["13.8", "-8.5"], ["17.75", "-1.225"]]))
    assert explanation.class_index is FIRST_LESS_SECOND


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_keep_their_dtype_and_take_fractions(dtype):
    scores = np.array([[1, 2], [3, 5]], dtype)
    value, gradient = Difference({0: Fraction(1, 2), 1: np.float64(-1)})(scores)
    assert value.dtype == gradient.dtype == dtype
    assert value.tolist() == [-1.5, -3.5]
    assert gradient.tolist() == [[0.5, -1]] * 2


def test_weights_of_numpys_own_are_exact():
    """A Fraction of NumPy integers overflows without a word."""
    large = np.int64(2**40)
    (value,), _ = Difference({0: large})(as_fractions([[2**40, 1]]))
    assert value**2 == 2**160


@pytest.mark.parametrize(
    ("error", "weights", "scores", "message"),
    [
        (ValueError, {2: 1}, [[1.0, 2.0]], "a target's class must be in 0..1, got 2."),
        (ValueError, {-1: 1}, [[1.0, 2.0]], "a target's class == -1, must be >= 0."),
        (TypeError, {"cat": 1}, [[1.0, 2.0]], "a target's class must be an instance of int, not str."),
        (TypeError, {True: 1}, [[1.0, 2.0]], "a target's class must be an instance of int, not bool."),
        (ValueError, {0: np.nan}, [[1.0, 2.0]], "a target's weight contains NaN at index ()."),
        (ValueError, {0: [1, 2]}, [[1.0, 2.0]], "a target's weight must have shape (), got (2,)."),
        (TypeError, [1, -1], [[1.0, 2.0]], "weights must be a mapping of classes to numbers, got list."),
        (
            TypeError,
            {0: 0.5},
            as_fractions([[1, 2]]),
            "a target's weight holds floats but the score holds Fractions; convert one of them "
            "with numpycam.exact.as_fractions or numpycam.exact.as_floats.",
        ),
    ],
)
def test_odd_weights_are_refused(error, weights, scores, message):
    assert refusal(error, lambda: Difference(weights)(np.asarray(scores))) == message


# --- Finer-CAM --------------------------------------------------------------------------------------


@given(tensors((2, 4)), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=1, max_size=4), fractions())
def test_finer_is_the_score_less_gamma_times_the_mean_of_the_others(scores, c, others, gamma):
    """y^c - γ · the mean of the others, each as often as it is named."""
    value, _ = finer(c, others, gamma)(scores)
    for n, y in enumerate(scores):
        assert value[n] == y[c] - gamma * sum(y[other] for other in others) / Fraction(len(others))


def test_finer_than_one_other_is_the_difference_of_the_two():
    assert finer(0, [1, 2]) == Difference({0: 1, 1: Fraction(-1, 2), 2: Fraction(-1, 2)})
    assert finer(0, (1,)).weights == FIRST_LESS_SECOND.weights
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, finer(0, [1]))
    assert same(explanation.weighted_sum, as_fractions([["13.8", "-8.5"], ["17.75", "-1.225"]]))


def test_a_float_gamma_is_for_floats():
    (value,), _ = finer(0, [1], gamma=0.5)(np.array([[1.0, 2.0]]))
    assert value == 0
    assert "holds floats" in refusal(TypeError, lambda: finer(0, [1], gamma=0.5)(as_fractions([[1, 2]])))


def test_finer_needs_others():
    for none in ([], np.array([], dtype=int)):
        assert refusal(ValueError, lambda none=none: finer(0, none)) == "others must hold one class at least, got none."
    assert refusal(TypeError, lambda: finer(0, 1)) == "others must be a sequence of classes, got 1."


def test_others_may_be_an_array_such_as_argsort_returns():
    assert finer(0, np.array([2, 1])).weights == finer(0, [2, 1]).weights


def test_an_odd_gamma_is_refused():
    assert "gamma must hold floats, integers or Fractions" in refusal(TypeError, lambda: finer(0, [1], "1"))
    assert refusal(ValueError, lambda: finer(0, [1], np.nan)) == "gamma contains NaN at index ()."
    assert refusal(ValueError, lambda: finer(0, [1], [1, 2])) == "gamma must have shape (), got (2,)."


# --- Probabilities ----------------------------------------------------------------------------------


SIZES = st.sampled_from([1, 10, 80])  # of differences of 8 at most: exp(-640) is not yet 0


@given(tensors((2, 3), "float64"), st.integers(0, 2), SIZES)
def test_a_probability_and_its_gradient_are_those_of_softmax_however_sure_the_network_is(scores, c, size):
    """p_c and dp_c/dy = p_c (e_c - p), each of them to a few roundings, however sure the network is.

    exp errs by 4 ulp at most; then come sums of three, a division, a product: less than 40 roundings.
    """
    scores = size * scores
    value, gradient = Probability(c)(scores)
    bound = rounding(40)
    for n, y in enumerate(scores):
        p = definitions.probabilities(y)
        jacobian = [-p[c] * p_k for p_k in p]
        jacobian[c] = p[c] * sum(p_k for k, p_k in enumerate(p) if k != c)
        tiny = Fraction(1, 2**1022)  # beneath it floats are cut off
        for found, expected in zip((value[n], *gradient[n]), (p[c], *jacobian), strict=True):
            assert abs(Fraction(found) - expected) <= bound * abs(expected) + tiny


@pytest.mark.law("cam.prob2")
@given(tensors((2, 2), "float64"), st.integers(0, 1), SIZES, st.integers(-9, 9))
def test_of_two_classes_the_gradients_of_a_probability_are_opposite(scores, c, size, constant):
    """Of two classes the gradients are opposite: p_1 p_2 times that of y^1 - y^2. A constant changes nothing."""
    value, gradient = Probability(c)(size * scores)
    assert same(gradient[:, 0], -gradient[:, 1])
    assert (gradient[:, c] > 0).all()
    others, moved = Probability(c)(size * scores + constant)
    assert same(moved, gradient)
    assert same(others, value)


def test_a_sure_network_has_a_map_that_is_small_and_right():
    """p_c is 1 in floats, so p_c (1 - p_c) would be 0, and the map that of the other class alone."""
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    *body, (name, linear) = network.layers
    sure = Network([*body, (name, replace(linear, weight=4 * linear.weight))], network.target_layer)
    explanation = grad_cam(sure, image, Probability(0))
    _, ((slope, opposite),) = Probability(0)(sure(image[None]))
    assert explanation.score == 1
    assert 0 < slope == -opposite < 1e-30
    assert same(explanation.weighted_sum, grad_cam(sure, image, Difference({0: slope, 1: -slope})).weighted_sum)


@pytest.mark.law("cam.prob")
@networks
@given(network_cases(), st.fractions(Fraction(1, 4), 1, max_denominator=4))
def test_the_map_of_a_probability_is_that_of_its_logarithm_times_the_probability(case, first):
    """The map of p_c is p_c times that of log p_c, the same picture and fainter; and the maps of all p_c sum to 0.

    Here with probabilities that are rational, whatever the scores: dp_c/dy = p_c (e_c - p), dlog p_c/dy = e_c - p.
    """
    network, x = case
    p = as_fractions([first, 1 - first])
    maps = []
    for c in (0, 1):
        unit = as_fractions(np.eye(2)[c])
        of_log_p = grad_cam(network, x, lambda y, slope=unit - p: (y[:, 0], [slope] * len(y))).weighted_sum
        of_p = grad_cam(network, x, lambda y, slope=p[c] * (unit - p): (y[:, 0], [slope] * len(y))).weighted_sum
        assert same(of_p, p[c] * of_log_p)
        maps.append(of_p)
    assert not sum(maps).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_keep_their_dtype_and_their_scores(dtype):
    scores = np.array([[1, 2, 3]], dtype)
    scores.flags.writeable = False
    value, gradient = Probability(1)(scores)
    assert value.dtype == gradient.dtype == dtype


def test_a_probability_has_no_exact_value():
    message = refusal(TypeError, lambda: grad_cam(worked_example.network(), worked_example.IMAGE, Probability(0)))
    assert (
        message
        == "a probability needs an exponential, which has no exact value: convert with numpycam.exact.as_floats."
    )
    assert refusal(ValueError, lambda: Probability(3)(np.ones((1, 3)))) == "a target's class must be in 0..2, got 3."


def test_a_probability_of_the_only_class_is_refused():
    """A softmax of one number is 1: the map would be zero, without a word."""
    message = refusal(ValueError, lambda: Probability(0)(np.array([[-2.5]])))
    assert message == (
        "a probability needs two classes at least: the softmax of one score is 1, whatever the score is. If the "
        "network answers yes or no, pass targets.Sigmoid()."
    )


# --- Sigmoids ---------------------------------------------------------------------------------------


def sigmoid(y):
    """σ(y), and σ(y) (1 - σ(y)), to fifty digits."""
    with localcontext(prec=50):
        power = Decimal(float(y)).exp()
        return Fraction(power / (1 + power)), Fraction(power / (1 + power) ** 2)


@given(tensors((2, 3), "float64"), st.integers(0, 2), SIZES, st.sampled_from([np.float32, np.float64]))
def test_a_sigmoid_and_its_slope_are_right_to_a_few_roundings_however_sure_the_network_is(scores, c, size, dtype):
    """exp errs by 4 ulp at most, that is by 8 u; with two sums, two quotients and a product: less than 40 roundings."""
    scores = (size * scores).astype(dtype)
    value, gradient = Sigmoid(c)(scores)
    assert value.dtype == gradient.dtype == dtype
    tiny = Fraction(float(np.finfo(dtype).tiny))  # beneath it floats are cut off
    for n, y in enumerate(scores):
        for found, expected in zip((value[n], gradient[n, c]), sigmoid(y[c]), strict=True):
            assert abs(Fraction(float(found)) - expected) <= rounding(40, dtype) * expected + tiny
    assert not np.delete(gradient, c, axis=1).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_does_not_overflow(dtype):
    largest = np.finfo(dtype).max
    scores = np.array([[-1e4], [1e4], [-largest], [largest], [0]], dtype)
    value, gradient = Sigmoid()(scores)
    assert value.tolist() == [0, 1, 0, 1, 0.5]
    assert gradient.tolist() == [[0], [0], [0], [0], [0.25]]


def test_the_map_of_a_sigmoid_is_its_slope_times_the_map_of_the_score():
    """y = -2.5: σ = 0.07586, and σ (1 - σ) = 0.07010."""
    maps = Conv2d(np.array([[[[1.0]]], [[[-2.0]]]]))
    network = Network([("maps", maps), ("gap", GlobalAvgPool2d()), ("linear", Linear([[1, 1]], [-2]))])
    image = np.array([[[0, 1, 0], [1, 0, 1]]])
    explanation, of_score = (grad_cam(network, image, target, "maps") for target in (Sigmoid(), 0))
    assert of_score.score == -2.5
    assert explanation.class_index == Sigmoid(0)
    assert round(explanation.score, 5) == 0.07586
    (slope,) = Sigmoid()(np.array([[-2.5]]))[1]
    assert round(float(slope[0]), 5) == 0.07010
    assert (abs(explanation.gradients - slope * of_score.gradients) <= rounding(4) * abs(slope)).all()
    assert of_score.weighted_sum.any()


def test_a_sigmoid_has_no_exact_value_and_needs_its_class():
    message = refusal(TypeError, lambda: Sigmoid()(as_fractions([[1]])))
    assert (
        message
        == "a probability needs an exponential, which has no exact value: convert with numpycam.exact.as_floats."
    )
    assert refusal(ValueError, lambda: Sigmoid(1)(np.ones((2, 1)))) == "a target's class must be in 0..0, got 1."
    assert refusal(TypeError, lambda: Sigmoid(0.0)(np.ones((2, 1)))).startswith("a target's class must be an instance")


@pytest.mark.parametrize("target", [Probability(0), Sigmoid(0)])
def test_the_slope_of_a_probability_is_not_cut_off_to_an_integer(target):
    message = refusal(TypeError, lambda: target(np.array([[1, 2]])))
    assert message.startswith("scores must be an array of float32, float64 or Fractions, got int64")


# --- Any target -------------------------------------------------------------------------------------


def product(scores):
    """The product of two scores, a target that is no weighted sum."""
    return scores[:, 0] * scores[:, 1], scores[:, ::-1]


@networks
@given(network_cases())
def test_a_target_that_a_user_writes(case):
    """The chain rule: the map of y^1 y^2 is y^2 times the map of y^1, and y^1 times that of y^2."""
    network, x = case
    explanation = grad_cam(network, x, product)
    first, second = (grad_cam(network, x, c) for c in (0, 1))
    y, z = (e.score[:, None, None] for e in (first, second))
    assert same(explanation.score, first.score * second.score)
    assert same(explanation.weighted_sum, z * first.weighted_sum + y * second.weighted_sum)
    assert explanation.class_index.tolist() == [product] * len(x)
    for n, of_batch in enumerate(explanation):
        alone = grad_cam(network, x[n], product)
        assert same(of_batch.weighted_sum, alone.weighted_sum)
        assert (of_batch.score, of_batch.class_index) == (alone.score, product)


def test_whole_numbers_take_the_kind_of_the_scores():
    def first(scores):
        return scores[:, 0], [[1, 0]] * len(scores)

    exact = grad_cam(second_example.NETWORK, second_example.IMAGE, first)
    assert same(exact.gradients, second_example.GRADIENTS)
    single = as_floats(second_example.NETWORK, np.float32), as_floats(second_example.IMAGE, np.float32)
    assert grad_cam(*single, first).gradients.dtype == np.float32


def test_an_empty_batch_has_a_target_too():
    network = as_floats(second_example.NETWORK)
    for target in (FIRST_LESS_SECOND, Probability(0), product):
        explanation = grad_cam(network, np.zeros((0, 1, 2, 3)), target)
        assert explanation.class_index.shape == explanation.score.shape == (0,)
        assert explanation.localization_map.shape == (0, 2, 3)


PAIR = "a target must return a pair, its value and its gradient, got {}."


@pytest.mark.parametrize(
    ("error", "target", "message"),
    [
        (TypeError, lambda y: y[:, 0], PAIR.format("ndarray")),
        (TypeError, lambda y: [y[:, 0], y], PAIR.format("list")),
        (TypeError, lambda y: (y[:, 0], y, y), PAIR.format("tuple")),
        (TypeError, Difference, PAIR.format("Difference")),
        (TypeError, lambda y: None, PAIR.format("NoneType")),
        (ValueError, lambda y: (y, y), "the target's value must have shape (2,), got (2, 2)."),
        (ValueError, lambda y: (y[:, 0], y[:, 0]), "the target's gradient must have shape (2, 2), got (2,)."),
        (ValueError, lambda y: (y[:, 0], y[:, :1]), "the target's gradient must have shape (2, 2), got (2, 1)."),
        (
            TypeError,
            lambda y: (y[:, 0], y.astype(str)),
            "the target's gradient must hold floats, integers or Fractions",
        ),
        (TypeError, lambda y: (y[:, 0], as_fractions(y)), "the target's value holds floats but the target's gradient"),
    ],
)
def test_what_is_no_target_is_refused(error, target, message):
    network, image = as_floats(second_example.NETWORK), as_floats(second_example.IMAGE)
    assert refusal(error, lambda: grad_cam(network, np.stack([image] * 2), target)).startswith(message)


def test_a_target_that_changes_its_arrays_later_changes_no_explanation():
    """Behind a Flatten the gradients of the maps are those of the scores, in another shape."""
    value, gradient = np.ones(1), np.array([[1.0, 2.0]])
    network = Network([("conv", Conv2d([[[[1.0]]]])), ("flatten", Flatten())])
    explanation = grad_cam(network, np.ones((1, 1, 1, 2)), lambda scores: (value, gradient))
    value[:] = gradient[:] = 7
    assert explanation.score.tolist() == [1]
    assert explanation.gradients.tolist() == [[[[1, 2]]]]


# --- A target for each image ------------------------------------------------------------------------


def small():
    """Of a picture of 2 × 3 it makes maps of 2 × 2; its head is CAM's."""
    maps = Conv2d(np.array([[[[1.0, -2.0]]], [[[2.0, 1.0]]]]), np.array([1.0, 2.0]))
    layers = [("conv", maps), ("relu", ReLU()), ("gap", GlobalAvgPool2d())]
    return Network([*layers, ("linear", Linear([[2.0, 1.0], [-1.0, 3.0]], [4.0, 5.0]))], target_layer="relu")


IMAGES = np.array([[[[1.0, 0, 2], [3, 1, 0]]], [[[0, 1, 1], [2, 0, 3]]], [[[3, 2, 0], [0, 1, 1]]]])
OPTIONS = {"integrated_gradients": {"steps": 2}, "occlusion": {"size": 2, "baseline": IMAGES[0, :, ::-1]}}
WRAPPED = {name: method for name, method in METHODS.items() if name != "cam"}
WRAPPED |= {
    "with_mirror": with_mirror(METHODS["grad_cam"]),
    "over_layers": over_layers(METHODS["hirescam"], ["conv", "relu"]),
    "both": with_mirror(over_layers(METHODS["grad_cam"], ["conv", "relu"])),
}


def is_same(one, other):
    stages = ("gradients", "weighted_maps", "weighted_sum", "localization_map")
    return one.score == other.score and all(same(getattr(one, stage), getattr(other, stage)) for stage in stages)


@pytest.mark.parametrize("name", WRAPPED)
def test_each_image_of_a_batch_may_have_a_class_or_a_target_of_its_own(name):
    method, options, network = WRAPPED[name], OPTIONS.get(name, {}), small()
    mixed = [1, Difference({0: 2, 1: -1}), product]
    as_array = np.empty(3, dtype=object)
    as_array[:] = mixed
    for classes in (mixed, tuple(mixed), as_array):
        batch = method(network, IMAGES, classes, **options)
        for n, target in enumerate(mixed):
            assert batch[n].class_index is target or batch[n].class_index == target == 1
            assert is_same(batch[n], method(network, IMAGES[n], target, **options))


def test_a_list_of_targets_keeps_fractions_exact():
    network, images = second_example.NETWORK, np.stack([second_example.IMAGE, 2 * second_example.IMAGE])
    batch = grad_cam(network, images, [FIRST_LESS_SECOND, 0])
    assert {type(number) for number in (*batch.score, *batch.gradients.flat)} == {Fraction}
    assert same(batch[0].weighted_sum, grad_cam(network, images[0], FIRST_LESS_SECOND).weighted_sum)


LISTS = [
    (ValueError, IMAGES, [1, product],
     "class_index must hold one class or target for each of the 3 images, got 2."),
    (ValueError, IMAGES, [1, product, 0, 0],
     "class_index must hold one class or target for each of the 3 images, got 4."),
    (ValueError, IMAGES, [1, product, 2], "class_index must be an int in 0..1, got 2."),
    (TypeError, IMAGES, [product, "cat", 0], "class_index must be an int in 0..1, got 'cat'."),
    (TypeError, IMAGES, [product, None, 0], "class_index must be an int in 0..1, got None."),
    (TypeError, IMAGES[0], [product],
     "class_index must be one class or target for one image, got a list of 1: that is for a batch (N, C, H, W)."),
    (TypeError, IMAGES[0], (0, 1),
     "class_index must be one class or target for one image, got a tuple of 2: that is for a batch (N, C, H, W)."),
]  # fmt: skip


@pytest.mark.parametrize(("error", "image", "given", "message"), LISTS)
def test_lists_that_do_not_fit_are_refused(error, image, given, message):
    for name in ("grad_cam", "score_cam", "guided_grad_cam", "full_grad"):
        assert refusal(error, lambda name=name: METHODS[name](small(), image, given)) == message


def test_cam_explains_classes_alone():
    message = refusal(TypeError, lambda: METHODS["cam"](small(), IMAGES, [0, 1, product]))
    assert message == "CAM explains the score of a class, no other target."
    assert METHODS["cam"](small(), IMAGES, np.array([1, 0, 1], dtype=object)).class_index.tolist() == [1, 0, 1]


# --- Targets that are something else, too -----------------------------------------------------------


def less(scores):
    """-y^c of class 1."""
    gradient = np.zeros(scores.shape)
    gradient[:, 1] = -1
    return -scores[:, 1], gradient


class InATuple(NamedTuple):
    """NumPy would take it for its one number, class 0."""

    sign: int = 0

    def __call__(self, scores):
        return less(scores)


class InAList(list):
    def __call__(self, scores):
        return less(scores)


class InAnArray(np.ndarray):
    def __call__(self, scores):
        return less(scores)


class Odd:
    """Whatever one may ask of it but to be called is an error."""

    def __call__(self, scores):
        return less(scores)

    def refuse(self, *_, **__):
        raise AssertionError("a target is called, and nothing else")

    __len__ = __eq__ = __array__ = __bool__ = __iter__ = __getitem__ = refuse
    __hash__ = None


ODD = [InATuple(), InAList([0]), InAList(), np.zeros(1).view(InAnArray), Odd()]


@pytest.mark.parametrize("target", ODD, ids=lambda target: type(target).__name__)
@pytest.mark.parametrize("name", WRAPPED)
def test_a_target_is_called_whatever_else_it_is(name, target):
    method, options, network = WRAPPED[name], OPTIONS.get(name, {}), small()
    expected = method(network, IMAGES, less, **options)
    for batch in (method(network, IMAGES, one_or_all, **options) for one_or_all in (target, [target] * 3)):
        assert all(batch[n].class_index is target and is_same(batch[n], expected[n]) for n in range(3))
    alone = method(network, IMAGES[1], target, **options)
    assert alone.class_index is target
    assert is_same(alone, expected[1])


def test_a_target_that_is_a_sequence_turns_no_sign():
    """It was taken apart, and class 0 was explained for -y^1."""
    found, expected, of_class_0 = (
        METHODS["integrated_gradients"](small(), IMAGES[0], target, steps=8).weighted_sum.sum()
        for target in (InATuple(), Difference({1: -1}), 0)
    )
    assert found == expected < 0 < of_class_0


@dataclass(frozen=True)
class Squared(Difference):
    """The square of a difference, which is not linear in the scores."""

    def __call__(self, scores):
        value, gradient = super().__call__(scores)
        return value**2, 2 * value[:, None] * gradient


def test_what_derives_from_a_difference_is_not_taken_for_linear():
    message = refusal(TypeError, lambda: METHODS["integrated_gradients"](small(), IMAGES[0], Squared({0: 1})))
    assert message == "the exact path needs a class or a Difference, not Squared: pass steps."


@pytest.mark.filterwarnings("error")
def test_a_weight_that_does_not_fit_the_scores_is_refused():
    message = refusal(ValueError, lambda: Difference({0: 1e300})(np.ones((1, 2), np.float32)))
    assert message == "a target's weight must fit float32, whose largest number is 3.4e+38, got 1e+300."
    assert Difference({0: 1e300})(np.ones((1, 2)))[0] == 1e300


def test_targets_are_values():
    for target in (FIRST_LESS_SECOND, Probability(0), Sigmoid()):
        with pytest.raises(AttributeError):
            target.weights = target.class_index = 1


def test_nan_in_the_scores_is_seen():
    network, image = as_floats(second_example.NETWORK), as_floats(second_example.IMAGE)
    image[0, 0, 0] = np.nan
    for target in (FIRST_LESS_SECOND, Probability(0)):
        assert np.isnan(grad_cam(network, image, target, check_finite=False).score)
