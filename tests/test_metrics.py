"""Metrics: a map against a mask, and the curves of deletion and insertion: their definitions and laws."""

from fractions import Fraction

import definitions
import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given
from hypothesis import strategies as st

from numpycam import Flatten, Layer, Linear, Network, grad_cam, grad_cam_from_maps, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import kinds, network_cases, sides, tensors
from numpycam.metrics import (
    area_under,
    background_share,
    deletion_curve,
    energy_inside,
    insertion_curve,
    intersection_over_union,
    pointing_game,
)
from numpycam.resize import resize
from numpycam.worked_example import IMAGE, LOCALIZATION_MAP

METRICS = [pointing_game, energy_inside, intersection_over_union]
CAT, ELEPHANT = 0, 1
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)

# --- A map against a mask ---------------------------------------------------------------------------


def masks(shape):
    return tensors(shape, "float64").map(lambda values: values > 0)


@st.composite
def maps_and_masks(draw, batch=2):
    """Maps of a few different values, so that peaks and thresholds are tied, with their masks."""
    shape = (batch, *draw(sides(1, 4)))
    return np.abs(draw(tensors(shape, draw(kinds())))), draw(masks(shape))


@every_metric
@given(maps_and_masks())
def test_a_metric_is_its_definition(metric, case):
    """In floats, too: both sides are the nearest float to the same quotient of whole numbers."""
    heat, mask = case
    scores = metric(heat, mask)
    expected = [getattr(definitions, metric.__name__)(*pair) for pair in zip(heat, mask, strict=True)]
    assert scores.tolist() == (expected if heat.dtype == object else [float(score) for score in expected])
    assert [metric(*pair) for pair in zip(heat, mask, strict=True)] == scores.tolist()
    assert {type(score) for score in scores.flat} == {Fraction if heat.dtype == object else np.float64}


@given(maps_and_masks(), st.fractions(Fraction(1, 8), 1))
def test_intersection_over_union_is_its_definition_for_every_threshold(case, threshold):
    heat, mask = as_fractions(case[0]), case[1]
    expected = [definitions.intersection_over_union(*pair, threshold) for pair in zip(heat, mask, strict=True)]
    assert intersection_over_union(heat, mask, threshold).tolist() == expected


@every_metric
@given(sides(1, 4).flatmap(masks), st.data())
def test_the_mask_itself_scores_1_a_uniform_map_the_area_and_one_outside_0(metric, mask, data):
    one = as_fractions(np.ones(mask.shape, dtype=int)) * data.draw(st.fractions(Fraction(1, 9), 9))
    assert metric(one * mask, mask) == (1 if mask.any() else 0)
    assert metric(one, mask) == Fraction(int(mask.sum()), mask.size)
    outside = np.abs(data.draw(tensors(mask.shape))) * ~mask
    assert metric(outside, mask) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("power", [-1070, 0, 1023])
def test_the_share_of_a_map_inside_is_right_where_its_sum_overflows(power):
    heat, mask = np.array([[1, 0, 1], [1, 1, 0]]) * 2.0**power, np.array([[True, True, False], [False, False, False]])
    assert energy_inside(heat, mask) == 0.25
    assert energy_inside(np.stack([heat, heat]), np.stack([mask, ~mask])).tolist() == [0.25, 0.75]


@every_metric
def test_a_map_of_zeros_scores_0(metric):
    for zero in (np.zeros((2, 3)), as_fractions(np.zeros((2, 3)))):
        for mask in (np.ones((2, 3), bool), np.zeros((2, 3), bool)):
            assert metric(zero, mask) == 0


@every_metric
@given(maps_and_masks(), st.integers(1, 7))
def test_scale_does_not_count(metric, case, factor):
    heat, mask = case
    assert same(metric(heat * factor, mask), metric(heat, mask))
    assert same(metric(heat / 2**factor, mask), metric(heat, mask))


@every_metric
@given(maps_and_masks())
def test_flipped_or_turned_together_they_score_the_same(metric, case):
    heat, mask = case
    for one, other in ((heat[:, ::-1], mask[:, ::-1]), (heat[..., ::-1], mask[..., ::-1]), (heat.mT, mask.mT)):
        assert same(metric(one, other), metric(heat, mask))


@pytest.mark.parametrize("metric", METRICS[:2])
@given(maps_and_masks(), st.data())
def test_a_larger_mask_scores_no_less_and_what_is_inside_is_not_outside(metric, case, data):
    heat, mask = as_fractions(case[0]), case[1]
    larger = mask | data.draw(masks(mask.shape))
    assert (metric(heat, mask) <= metric(heat, larger)).all()
    assert same(metric(heat, mask) + metric(heat, ~mask), (heat > 0).any(axis=(1, 2)).astype(int))


@given(maps_and_masks(), st.data())
def test_more_heat_inside_scores_no_less_energy(case, data):
    heat, mask = as_fractions(case[0]), case[1]
    more = np.abs(data.draw(tensors(heat.shape))) * mask
    assert (energy_inside(heat, mask) <= energy_inside(heat + more, mask)).all()


@every_metric
def test_any_leading_axes_integers_and_float32(metric):
    heat, mask = np.arange(12).reshape(2, 1, 2, 3), np.arange(12).reshape(2, 1, 2, 3) % 2 == 1
    scores = metric(heat, mask)
    assert scores.shape == (2, 1)
    assert scores.dtype == np.float64
    assert same(scores[0], metric(heat[0], mask[0]))
    assert same(metric(heat.astype(np.float32), mask), scores.astype(np.float32))
    assert metric(heat.astype(np.float32), mask).dtype == np.float32
    assert metric(heat[:0], mask[:0]).shape == (0, 1)


def test_the_metrics_of_maps_worked_out_by_hand():
    heat, mask = as_fractions([[5, 4, 2], [5, 0, 1]]), np.array([[True, True, False], [False, False, False]])
    assert pointing_game(heat, mask) == Fraction(1, 2)  # two peaks, one of them inside
    assert energy_inside(heat, mask) == Fraction(9, 17)
    hot = {"1/5": 5, "2/5": 4, "1/2": 3, "4/5": 3, "1": 2}  # cells of at least that much of 5
    inside = {"1/5": 2, "2/5": 2, "1/2": 2, "4/5": 2, "1": 1}
    for threshold in hot:
        expected = Fraction(inside[threshold], hot[threshold] + 2 - inside[threshold])
        assert intersection_over_union(heat, mask, Fraction(threshold)) == expected
    assert intersection_over_union(heat, mask) == Fraction(2, 3)


def test_thresholds_and_maps_may_be_floats_or_fractions():
    heat, mask = np.array([[4.0, 2.0, 1.0]]), np.array([[True, True, False]])
    for maps in (heat, heat.astype(np.float32), as_fractions(heat)):
        assert intersection_over_union(maps, mask, 0.5) == intersection_over_union(maps, mask, Fraction(1, 2)) == 1
        assert intersection_over_union(maps, mask, 1) == 0.5
    third = as_fractions([["3/10", "1/10"]])
    assert intersection_over_union(third, np.array([[True, True]]), Fraction(1, 3)) == 1
    assert intersection_over_union(third, np.array([[True, True]]), np.nextafter(1 / 3, 1)) == Fraction(1, 2)


def test_zero_is_not_hot_however_small_the_peak():
    """Half of the smallest float is 0: cells are divided by the peak, not compared with a part of it."""
    heat = np.array([[np.finfo(float).smallest_subnormal, 0.0]])
    assert intersection_over_union(heat, np.array([[True, False]])) == 1


# --- Deletion and insertion -------------------------------------------------------------------------


def dot(weight, bias=None):
    """An affine network: flatten and one product; weight (classes, C, H, W)."""
    return Network([("flatten", Flatten()), ("linear", Linear(weight.reshape(len(weight), -1), bias))])


@st.composite
def curve_cases(draw, kind="float64", head=None):
    """A network, an image, a heat with ties and a baseline; whatever divides in it divides by two."""
    head = draw(st.sampled_from(["linear", "deep"])) if head is None else head
    case = draw(network_cases(kind=kind, head=head))
    image = case.x[0]
    heat = np.abs(draw(tensors(image.shape[1:], "float64")))
    return case.network, image, heat, draw(tensors(image.shape, kind))


@given(curve_cases(), st.integers(1, 20), st.integers(1, 25))
def test_curves_are_their_defining_loops_whatever_the_batches(case, steps, batch_size):
    network, image, heat, baseline = case
    options = {"steps": steps, "baseline": baseline, "batch_size": batch_size}
    deletion = deletion_curve(network, image, heat, 1, **options)
    assert deletion.tolist() == definitions.deletion_curve(network, image, heat, 1, steps, baseline)
    insertion = insertion_curve(network, image, heat, 1, **options)
    assert insertion.tolist() == definitions.deletion_curve(network, baseline, heat, 1, steps, image)


@given(curve_cases("fraction", head="gap"))
def test_curves_are_exact(case):
    network, image, heat, baseline = case
    curve = deletion_curve(network, image, heat, 0, steps=3, baseline=baseline)
    assert curve.tolist() == definitions.deletion_curve(network, image, heat, 0, 3, baseline)
    assert {type(score) for score in [*curve, area_under(curve)]} == {Fraction}


@given(curve_cases(), st.integers(1, 20))
def test_curves_begin_and_end_with_the_image_and_the_baseline(case, steps):
    network, image, heat, baseline = case
    scores = [network(picture[None])[0, 1] for picture in (image, baseline)]
    deletion, insertion = (
        curve(network, image, heat, 1, steps=steps, baseline=baseline) for curve in (deletion_curve, insertion_curve)
    )
    assert deletion[[0, -1]].tolist() == scores
    assert insertion[[0, -1]].tolist() == scores[::-1]


@given(curve_cases(), st.permutations(range(20)), st.sampled_from([1, 2, 4, 5, 10, 20]))
def test_insertion_is_deletion_of_the_reversed_order_read_backwards(case, order, steps):
    """Where the steps divide the pixels; if not, the two are cut at other pixels."""
    network, image, _, baseline = case
    heat = np.array(order).reshape(4, 5)
    insertion = insertion_curve(network, image, heat, 0, steps=steps, baseline=baseline)
    deletion = deletion_curve(network, image, 19 - heat, 0, steps=steps, baseline=baseline)
    assert same(insertion, deletion[::-1])
    assert area_under(insertion) == area_under(deletion)


@given(sides(2, 4).flatmap(lambda size: tensors((3, 2, *size))), st.data())
def test_an_affine_network_falls_by_the_heat_that_is_gone(drawn, data):
    """heat = gradient · (image - baseline): no other order has less area under deletion, or more under insertion."""
    image, baseline, weight = drawn
    weight = np.abs(weight) * np.where(image < baseline, -1, 1)  # so that every pixel speaks for the class
    network = dot(weight[None], data.draw(tensors((1,))))
    heat = (weight * (image - baseline)).sum(axis=0)
    y, pixels = network(image[None])[0, 0], heat.size
    falling = np.array([0, *np.cumsum(np.sort(heat, axis=None)[::-1])])
    options = {"steps": pixels, "baseline": baseline}
    deletion = deletion_curve(network, image, heat, 0, **options)
    assert same(deletion, y - falling)
    assert same(insertion_curve(network, image, heat, 0, **options), deletion[-1] + falling)

    options["steps"] = data.draw(st.integers(1, pixels))
    other = np.abs(data.draw(tensors(heat.shape)))
    for curve, sign in ((deletion_curve, 1), (insertion_curve, -1)):
        areas = [area_under(curve(network, image, order, 0, **options)) for order in (heat, other)]
        assert sign * areas[0] <= sign * areas[1]


def test_of_equal_pixels_the_first_in_row_major_order_goes_first():
    """A network whose score names the pixels that are left, by powers of two."""
    weight = 2.0 ** np.arange(6).reshape(1, 1, 2, 3)
    curve = deletion_curve(dot(weight), np.ones((1, 2, 3)), [[1, 0, 1], [2, 0, 1]], 0, steps=6)
    assert (-np.diff(curve)).tolist() == [8, 1, 4, 32, 2, 16]


def test_steps_take_equally_many_pixels_up_to_one_and_a_row_each_unless_given():
    network, image, heat = dot(np.ones((1, 1, 3, 5))), np.ones((1, 3, 5)), np.ones((3, 5))
    assert deletion_curve(network, image, heat, 0).tolist() == [15, 10, 5, 0]
    assert insertion_curve(network, image, heat, 0).tolist() == [0, 5, 10, 15]
    assert deletion_curve(network, image, heat, 0, steps=4).tolist() == [15, 12, 8, 4, 0]
    assert deletion_curve(network, image, heat, 0, steps=1).tolist() == [15, 0]


def test_the_class_is_that_of_the_image_unless_given():
    """Of the image in insertion, too, and for the whole curve: the highest score changes on the way."""
    network, image, heat = dot(np.array([[[[1.0, 1.0]]], [[[-1.0, 1.0]]]]), np.array([0, 1.5])), [[[2, 1]]], [[1, 0]]
    assert deletion_curve(network, image, heat, steps=2).tolist() == [3, 1, 0]
    assert insertion_curve(network, image, heat, steps=2).tolist() == [0, 2, 3]
    assert deletion_curve(network, image, heat, 1, steps=2).tolist() == [0.5, 2.5, 1.5]
    assert insertion_curve(network, image, heat, 1, steps=2).tolist() == [1.5, -0.5, 0.5]


def test_a_signed_heat_has_an_order_like_any_other():
    network, image, heat = dot(np.array([[[[1.0, 1.0]]], [[[-1.0, 1.0]]]]), np.array([0, 1.5])), [[[2, 1]]], [[1, 0]]
    one, other = (deletion_curve(network, image, h, 0, steps=2) for h in (heat, np.subtract(heat, 5)))
    assert (one == other).all()
    assert one.tolist() == [3, 1, 0]


def test_the_baseline_may_be_one_number_one_for_each_channel_or_an_image():
    network, image, heat = dot(np.array([1.0, 10.0]).repeat(6).reshape(1, 2, 2, 3)), np.ones((2, 2, 3)), np.ones((2, 3))
    for baseline, last in ((0, 0), (2, 132), (np.array([1, 3]).reshape(2, 1, 1), 186), (image * 5, 330)):
        assert deletion_curve(network, image, heat, 0, steps=1, baseline=baseline).tolist() == [66, last]
        assert insertion_curve(network, image, heat, 0, steps=1, baseline=baseline).tolist() == [last, 66]


def test_output_makes_something_else_of_the_scores():
    network, heat = worked_example.network(exact=False), resize(as_floats(LOCALIZATION_MAP), 4)
    image = as_floats(IMAGE)

    def softmax(scores):
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    for curve in (deletion_curve, insertion_curve):
        probabilities = [curve(network, image, heat, c, output=softmax) for c in (CAT, ELEPHANT)]
        scores = np.stack([curve(network, image, heat, c) for c in (CAT, ELEPHANT)], axis=1)
        assert same(np.stack(probabilities, axis=1), softmax(scores))


class Counting(Layer):
    """Passes on what it gets, and notes how many images came at once."""

    def __init__(self):
        object.__setattr__(self, "batches", [])

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        self.batches.append(len(x))
        return x

    def backward(self, grad_output, x):
        return grad_output


def test_batches_are_as_large_as_asked_for():
    counting = Counting()
    network = Network([("counting", counting), *dot(np.ones((1, 1, 2, 5))).layers])
    deletion_curve(network, np.ones((1, 2, 5)), np.ones((2, 5)), 0, steps=10, batch_size=4)
    assert counting.batches == [1, 4, 4, 3]  # the image alone, for its class; then 11 points


def test_curves_keep_the_networks_dtype_and_write_into_nothing():
    for dtype in (np.float32, np.float64):
        network, image = dot(np.ones((1, 1, 2, 3), dtype)), np.ones((1, 2, 3), dtype)
        heat = np.arange(6.0).reshape(2, 3)
        assert deletion_curve(network, image, heat, 0).dtype == dtype
        assert deletion_curve(network, np.ones((1, 2, 3), np.uint8), heat, 0, baseline=0.5).dtype == dtype
        assert (image == 1).all()
        assert same(heat, np.arange(6.0).reshape(2, 3))


def test_the_example_deleted_and_inserted():
    """The patches go in the order of the map: body, head, grass, moon. What is left adds up: this head is affine."""
    network, heat = worked_example.network(), resize(LOCALIZATION_MAP, 4, "nearest")
    deletion, insertion = (curve(network, IMAGE, heat, CAT) for curve in (deletion_curve, insertion_curve))
    assert same(deletion, as_fractions(["28.6", "5.6", "-0.7", "-2.8", 0]))
    assert same(insertion, as_fractions([0, 23, "29.3", "31.4", "28.6"]))
    assert same(deletion + insertion, as_fractions(["28.6"] * 5))


# --- The area under a curve -------------------------------------------------------------------------


@given(st.integers(1, 6).flatmap(lambda steps: tensors((2, steps + 1))))
def test_the_area_under_a_curve_is_the_sum_of_its_trapezoids(curves):
    n = curves.shape[1] - 1
    expected = [sum((y[i] + y[i + 1]) / 2 * Fraction(1, n) for i in range(n)) for y in curves]
    assert area_under(curves).tolist() == expected
    assert area_under(curves[0]) == expected[0]
    assert type(area_under(curves[0])) is Fraction


def test_the_areas_of_curves_worked_out_by_hand():
    assert area_under([4, 0]) == 2
    assert area_under([1, 1, 1, 1]) == 1
    assert area_under([0, 8, 4]) == 5
    assert area_under(np.ones((3, 2, 4), np.float32)).dtype == np.float32
    assert area_under(np.ones((3, 2, 4))).shape == (3, 2)


# --- What the background contributes ----------------------------------------------------------------


@given(tensors((2, 2, 4, 1, 2)), st.sets(st.integers(0, 3)))
def test_background_share_is_that_of_its_kernels(maps_and_gradients, kernels):
    explanation = grad_cam_from_maps(*maps_and_gradients)
    expected = sum((explanation.channel_shares[:, k] for k in kernels), start=as_fractions([0, 0]))
    assert same(background_share(explanation, list(kernels)), expected)
    rest = background_share(explanation, [k for k in range(4) if k not in kernels])
    assert same(expected + rest, explanation.weighted_maps.any(axis=(1, 2, 3)).astype(int))
    assert background_share(explanation[1], tuple(kernels)) == expected[1]
    assert type(background_share(explanation[1], tuple(kernels))) is Fraction


def test_kernels_may_be_one_or_several_and_count_once():
    explanation = grad_cam(worked_example.network(), IMAGE, CAT)
    head, body, grass = explanation.channel_shares
    assert background_share(explanation, 2) == background_share(explanation, np.int64(2)) == grass
    assert background_share(explanation, [0, 2]) == background_share(explanation, np.array([2, 0, 2])) == head + grass
    assert background_share(explanation, range(1, 3)) == body + grass
    assert background_share(explanation, []) == 0


# --- What is refused --------------------------------------------------------------------------------

MASK = np.ones((2, 3), bool)
MAP = np.ones((2, 3))
IN_METRICS = [
    (MAP, np.ones((3, 2), bool), ValueError, "masks must hold bool and have shape (2, 3), got bool and (3, 2)."),
    (MAP, MAP, ValueError, "masks must hold bool and have shape (2, 3), got float64 and (2, 3)."),
    (MAP[None], MASK, ValueError, "masks must hold bool and have shape (1, 2, 3), got bool and (2, 3)."),
    (MAP, MASK.tolist(), TypeError, "masks must be an array of bool, got list."),
    (MAP, np.ma.masked_array(MASK), TypeError, "masks must be an array of bool, got MaskedArray."),
    ([[0, -1]], MASK, ValueError, "maps must be >= 0, got -1.0 at index (0, 1)."),
    (as_fractions([[0, 0], [0, "-1/2"]]), MASK, ValueError, "maps must be >= 0, got -1/2 at index (1, 1)."),
    ([[0, np.nan]], MASK, ValueError, "maps contains NaN at index (0, 1)."),
    ([[np.inf, 0]], MASK, ValueError, "maps contains infinity at index (0, 0)."),
    (np.ones(3), MASK, ValueError, "maps must have shape (..., H, W) with no empty axis, got (3,)."),
    (np.ones((0, 3)), MASK, ValueError, "maps must have shape (..., H, W) with no empty axis, got (0, 3)."),
    ("map", MASK, TypeError, "maps must hold floats, integers or Fractions, got dtype <U3."),
]


@every_metric
@pytest.mark.parametrize(("maps", "mask", "error", "message"), IN_METRICS)
def test_what_metrics_refuse(metric, maps, mask, error, message):
    assert refusal(error, lambda: metric(maps, mask)) == message


@pytest.mark.parametrize("threshold", [0, -0.5, 1.5, Fraction(3, 2)])
def test_thresholds_that_are_refused(threshold):
    message = refusal(ValueError, lambda: intersection_over_union(MAP, MASK, threshold))
    assert message == f"threshold must be > 0 and <= 1, got {threshold}."


IN_CURVES = [
    ({"heat": np.ones((3, 2))}, ValueError, "heat must have shape (2, 3), got (3, 2)."),
    ({"heat": np.ones((1, 2, 3))}, ValueError, "heat must have shape (2, 3), got (1, 2, 3)."),
    ({"heat": MAP * np.nan}, ValueError, "heat contains NaN at index (0, 0)."),
    ({"steps": 0}, ValueError, "steps == 0, must be >= 1."),
    ({"steps": 7}, ValueError, "steps must be in 1..6, the number of pixels, got 7."),
    ({"steps": 2.0}, TypeError, "steps must be an instance of int, not float."),
    ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1."),
    ({"class_index": 2}, ValueError, "class_index must be an int in 0..1, got 2."),
    ({"class_index": -1}, ValueError, "class_index must be an int in 0..1, got -1."),
    ({"class_index": [0]}, TypeError, "class_index must be an int in 0..1, got [0]."),
    ({"baseline": np.ones(2)}, ValueError, "baseline must fit an image of shape (1, 2, 3), got shape (2,)."),
    ({"baseline": np.nan}, ValueError, "baseline contains NaN at index ()."),
    ({"image": np.ones((1, 1, 2, 3))}, ValueError, "image must be one image (C, H, W), got shape (1, 1, 2, 3)."),
    ({"image": np.full((1, 2, 3), np.nan)}, ValueError, "image contains NaN at index (0, 0, 0)."),
    ({"network": 3}, TypeError, "network must be a numpycam Network, got int."),
    ({"network": Network([])}, ValueError, "the network's output must be scores (N, classes), got (1, 1, 2, 3)."),
    ({"output": lambda scores: scores[:, 0]}, ValueError, "output must have shape (3, 2), got (3,)."),
]  # fmt: skip


@pytest.mark.parametrize("curve", [deletion_curve, insertion_curve])
@pytest.mark.parametrize(("changed", "error", "message"), IN_CURVES)
def test_what_curves_refuse(curve, changed, error, message):
    arguments = {"network": dot(np.ones((2, 1, 2, 3))), "image": np.ones((1, 2, 3)), "heat": MAP, "class_index": 0}
    assert refusal(error, lambda: curve(**(arguments | changed))) == message


OTHERS = [
    (lambda e: area_under([1]), ValueError, "curves must have shape (..., n + 1) with n >= 1, got (1,)."),
    (lambda e: area_under(1), ValueError, "curves must have shape (..., n + 1) with n >= 1, got ()."),
    (lambda e: area_under([1, np.nan]), ValueError, "curves contains NaN at index (1,)."),
    (lambda e: background_share(e, 3), ValueError, "kernels must be in 0..2, got 3."),
    (lambda e: background_share(e, [0, -1]), ValueError, "kernels == -1, must be >= 0."),
    (lambda e: background_share(e, [True, False]), TypeError, "kernels must be an instance of int, not bool."),
    (lambda e: background_share(e, 1.0), TypeError, "kernels must be an instance of int, not float."),
    (lambda e: background_share(e, None), TypeError, "kernels must be an instance of int, not NoneType."),
    (lambda e: background_share(e, {0}), TypeError, "kernels must be an instance of int, not set."),
    (lambda e: background_share(MAP, 0), TypeError, "explanation must be an Explanation, got ndarray."),
]


@pytest.mark.parametrize(("action", "error", "message"), OTHERS)
def test_what_else_is_refused(action, error, message):
    assert refusal(error, lambda: action(grad_cam(worked_example.network(), IMAGE))) == message
