"""Score-CAM, Ablation-CAM, occlusion: the values, the laws, and that batches change nothing but the memory."""

import math
import tracemalloc
from dataclasses import replace
from fractions import Fraction

import definitions
import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam, laws, worked_example
from numpycam.core.arrays import read_only_view
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import patch_drops
from numpycam.laws.strategies import network_cases, sides, tensors
from numpycam.methods.perturbation import ablation_cam, occlusion, score_cam
from numpycam.methods.recipe import PoleError
from numpycam.targets import Difference, Probability
from numpycam.worked_example import FEATURE_MAPS, IMAGE

CAT, ELEPHANT = 0, 1
METHODS = pytest.mark.parametrize("method", [score_cam, ablation_cam, occlusion], ids=lambda method: method.name)


def exact(values):
    return as_fractions(values)


def flipped_last(network, sign):
    """The network with all its scores times a number."""
    *layers, (name, linear) = network.layers
    bias = None if linear.bias is None else linear.bias * sign
    return Network([*layers, (name, replace(linear, weight=linear.weight * sign, bias=bias))], network.target_layer)


@st.composite
def scored(draw, **options):
    """A network, one image, and a class whose score is not 0."""
    network, x = draw(network_cases(**options))
    c = draw(st.integers(0, 1))
    assume(network(x)[0, c] != 0)
    return network, x[0], c


@st.composite
def binary_cases(draw, maps=None):
    """A picture of zeros and ones, and a network with maps as large: each has two values, Score-CAM's masks are 0 or 1.

    So all scores are whole numbers, and nothing is rounded before the softmax.
    """
    size, count = draw(sides(2, 4)), draw(st.integers(1, 3)) if maps is None else maps
    image = 1.0 * (draw(tensors((1, *size), "float64", largest=3)) > 0)
    features = Conv2d(draw(tensors((count, 1, 1, 1), "float64")), draw(tensors((count,), "float64")))
    linear = Linear(draw(tensors((2, count * math.prod(size)), "float64")), draw(tensors((2,), "float64")))
    layers = [("features", features), ("relu", ReLU()), ("flatten", Flatten()), ("linear", linear)]
    return Network(layers, target_layer="features"), image


# --- The values -------------------------------------------------------------------------------------


ABLATION = {
    ("linear", CAT): ["36/143", "215/286", "-1/286"],
    ("conv", CAT): ["36/143", "107/143", "-1/286"],  # 7.2, 21.4, -0.1: without the second map another cell wins
    ("linear", ELEPHANT): ["-6/17", "-5/17", "28/17"],
}


@pytest.mark.parametrize(("head", "c"), ABLATION)
def test_the_weights_of_ablation_cam_on_the_worked_example(head, c):
    explanation = ablation_cam(worked_example.network(head), IMAGE, c)
    expected = exact(ABLATION[head, c])
    assert same(explanation.alphas, expected)
    assert same(explanation.weighted_sum, (expected[:, None, None] * FEATURE_MAPS).sum(axis=0))
    assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)


def test_the_map_of_occlusion_on_the_worked_example():
    """Patches that do not overlap cover the picture as those under the cells of the maps do."""
    network = worked_example.network()
    explanation = occlusion(network, IMAGE, CAT, size=2, stride=2)
    assert same(explanation.weighted_sum, np.kron(exact([["6.3", "-2.8"], [23, "2.1"]]), np.ones((2, 2), dtype=int)))
    assert explanation.alphas is None
    assert explanation.weighted_maps.shape == (1, 4, 4)
    assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)


def test_occlusion_averages_and_is_cut_off_at_the_border():
    """Patches of 3 × 2, 2 and 1 apart: rows 0 to 2 and 2 to 3, columns 0 to 1, 1 to 2 and 2 to 3."""
    image = exact([[[1, 2, 0, 4], [0, 1, 0, 0], [5, 0, 3, 1], [0, 0, 0, 2]]])
    add_up = Network([("flatten", Flatten()), ("linear", Linear(exact(np.ones((1, 16)).tolist())))])
    expected = [[9, "15/2", 7, 8], [9, "15/2", 7, 8], [7, "23/4", "23/4", 7], [5, 4, "9/2", 6]]
    assert same(occlusion(add_up, image, 0, size=(3, 2), stride=(2, 1)).weighted_sum, exact(expected))


@pytest.mark.parametrize(
    ("sides", "size", "stride"),
    [((32, 32), 4, 2), ((17, 5), (3, 1), (2, 1)), ((1, 8), 1, 1), ((224, 9), (28, 2), (14, 1))],
)
def test_the_usual_patches_are_an_eighth_of_the_image_and_half_of_that_apart(sides, size, stride):
    weight = np.random.default_rng(0).integers(-9, 9, (1, sides[0] * sides[1])).astype(float)
    network, image = Network([("flatten", Flatten()), ("linear", Linear(weight))]), np.ones((1, *sides))
    usual = occlusion(network, image, 0)
    assert same(usual.weighted_sum, occlusion(network, image, 0, size=size, stride=stride, baseline=0).weighted_sum)
    assert len(np.unique(usual.weighted_sum)) > 1


def score_cam_by_definition(network, image, c, feature_maps):
    """α in exact numbers up to the exponentials, mask by mask; and how large the score's terms are in sum."""
    scores = []
    for a in feature_maps:
        wide = [laws.definitions.bilinear(list(row), image.shape[2], False) for row in a]
        columns = zip(*wide, strict=True)
        tall = np.array([laws.definitions.bilinear(list(column), image.shape[1], False) for column in columns]).T
        low, high = tall.min(), tall.max()
        mask = (tall - low) / (high - low) if high > low else 0 * tall
        scores.append(network((image * mask)[None])[0, c])
    powers = [math.exp(y - max(scores)) for y in scores]
    return np.array(powers) / math.fsum(powers), scores


def small_network():
    """Of a picture of 4 × 6 it makes maps of 2 × 3."""
    network = worked_example.network()
    head = Linear(exact([["1/2", "1/3", "-1/4"], [1, 0, 1]]))
    return Network([network.layers[0], ("relu", ReLU()), ("gap", GlobalAvgPool2d()), ("linear", head)], "features")


@pytest.mark.parametrize(
    ("network", "image"),
    [
        (worked_example.network(), IMAGE),
        (worked_example.network("dead-unit"), IMAGE),
        (small_network(), np.concatenate([IMAGE, IMAGE[:, :, 1:3]], axis=2)),
    ],
    ids=["linear", "dead-unit", "2 × 3"],
)
def test_score_cam_by_definition(network, image):
    maps = network.split("features")[0](image[None])[0]
    expected, scores = score_cam_by_definition(network, image, CAT, maps)
    assert len({*scores}) == len(scores) == 3
    floats = as_floats(network)
    explanation = score_cam(floats, as_floats(image), CAT)
    sizes = [
        (name, layer.with_parameters({p: abs(a) for p, a in layer.parameters.items()})) for name, layer in floats.layers
    ]
    largest = Network(sizes)(np.abs(as_floats(image))[None])[0, CAT]
    slack = 2 * float(rounding(100)) * largest + float(rounding(20))  # of y - max y, and of the softmax
    assert (abs(explanation.alphas - expected) <= 2 * slack * expected).all()
    assert same(explanation.weighted_maps, explanation.alphas[:, None, None] * explanation.feature_maps)


# --- Laws of Ablation-CAM ---------------------------------------------------------------------------


@pytest.mark.law("abl.lin")
@settings(max_examples=12)
@given(scored(head="gap"))
def test_on_cams_head_the_weight_of_ablation_cam_is_the_sum_of_grad_cams_map_over_the_score(case):
    """With a global average and a Linear behind A: y - y_k = α_k S_k, with the α of Grad-CAM."""
    network, image, c = case
    explanation, plain = ablation_cam(network, image, c), grad_cam(network, image, c)
    drops = plain.alphas * plain.feature_maps.sum(axis=(1, 2))
    assert same(explanation.alphas, drops / abs(plain.score))


@pytest.mark.law("abl.def")
@given(scored(kind="float64"))
def test_the_weight_of_a_map_is_what_the_score_loses_without_it(case):
    network, image, c = case
    explanation = ablation_cam(network, image, c)
    head = network.split("target")[1]
    for k, alpha in enumerate(explanation.alphas):
        without = explanation.feature_maps.copy()
        without[k] *= 0
        assert alpha == (explanation.score - head(without[None])[0, c]) / abs(explanation.score)


@pytest.mark.law("abl.sign")
@given(scored(kind="float64", head="deep"), st.integers(1, 3))
def test_a_negative_score_does_not_turn_ablation_cam_around(case, s):
    """Scores times -s: the map of -y, not that of y, as a division by y would make it. The scale falls out."""
    network, image, c = case
    turned = ablation_cam(flipped_last(network, -s), image, c)
    assert same(turned.weighted_sum, -ablation_cam(network, image, c).weighted_sum)
    assert same(turned.alphas, ablation_cam(network, image, Difference({c: -1})).alphas)


@pytest.mark.law("abl.sign")
def test_ablation_cam_has_a_pole_where_the_score_is_0():
    network = worked_example.network()
    zero = Difference({CAT: 17, ELEPHANT: Fraction(-286, 5)})
    with pytest.raises(PoleError, match="Ablation-CAM has a pole: the score is 0"):
        ablation_cam(network, IMAGE, zero)
    with pytest.raises(PoleError, match="1"):
        ablation_cam(network, np.stack([IMAGE, 0 * IMAGE]), CAT)


# --- Laws of Score-CAM ------------------------------------------------------------------------------


@pytest.mark.law("score.convex")
@given(network_cases(kind="float64"), st.integers(0, 1))
def test_score_cam_lies_between_the_least_and_the_largest_of_the_maps(case, c):
    """All weights are positive and sum to 1, so the map lies between the least and the largest of the maps."""
    network, x = case
    network, x = flipped_last(network, 2.0**-8), x  # so that no exponential becomes 0
    explanation = score_cam(network, x, c)
    alphas, maps = explanation.alphas, explanation.feature_maps
    slack = float(rounding(10)) * np.abs(maps).max(axis=1)
    assert (alphas > 0).all()
    assert (abs(alphas.sum(axis=1) - 1) <= float(rounding(10))).all()
    assert (explanation.weighted_sum >= maps.min(axis=1) - slack).all()
    assert (explanation.weighted_sum <= maps.max(axis=1) + slack).all()


@pytest.mark.law("score.affine")
@given(binary_cases(), st.integers(1, 3), st.integers(-3, 3))
def test_scaled_and_shifted_maps_have_the_same_masks_and_weights(case, power, b):
    """A → 2^power A + b, undone behind: the same masks and the same weights. The map is another one."""
    network, image = case
    features, scale = network["features"], 2.0**power
    scaled = replace(features, weight=features.weight * scale, bias=features.bias * scale + b)
    undo = np.eye(len(features.weight))[:, :, None, None] / scale
    layers = [("features", scaled), ("undo", Conv2d(undo, np.full(len(undo), -b / scale))), *network.layers[1:]]
    assert same(score_cam(Network(layers, "features"), image, 0).alphas, score_cam(network, image, 0).alphas)


@pytest.mark.law("score.shift")
@given(binary_cases(), st.integers(-3, 3))
def test_a_constant_added_to_the_scores_changes_no_weight(case, constant):
    network, image = case
    *layers, (name, linear) = network.layers
    moved = Network([*layers, (name, replace(linear, bias=linear.bias + constant))], "features")
    assert same(score_cam(moved, image, 1).alphas, score_cam(network, image, 1).alphas)


@pytest.mark.law("score.affine")
def test_the_mask_of_a_constant_map_is_0():
    """α_1 : α_2 = exp(y(0)) : exp(y(x)): the constant map says no place, the other one is the picture itself."""
    features = Conv2d(np.array([[[[0.0]]], [[[2.0]]]]), np.array([5.0, 0.0]))
    linear = Linear(np.array([[0.0, 1.0], [0.0, 0.0]]))
    network = Network([("features", features), ("gap", GlobalAvgPool2d()), ("linear", linear)])
    image = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]])
    explanation = score_cam(network, image, 0)
    assert same(explanation.alphas, np.exp([-1.0, 0.0]) / np.exp([-1.0, 0.0]).sum())


def test_equal_scores_have_equal_weights():
    layers = [("features", Conv2d(np.arange(1.0, 5.0).reshape(4, 1, 1, 1))), ("gap", GlobalAvgPool2d())]
    network = Network([*layers, ("linear", Linear(np.ones((1, 4))))])
    assert same(score_cam(network, np.array([[[1.0, 0.0, 2.0]]]), 0).alphas, np.full(4, 0.25))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_scores_do_not_overflow(dtype):
    """exp(1e4) is infinite in each of them: the softmax is that of the distances to the largest."""
    features = Conv2d(np.array([[[[1]]], [[[-1]]]], dtype))
    linear = Linear(np.array([[1, 0]], dtype), np.array([1e4], dtype))
    network = Network([("features", features), ("gap", GlobalAvgPool2d()), ("linear", linear)])
    image = np.array([[[0, 3e4, 0]]], dtype)
    explanation = score_cam(network, image, 0)  # through the masks (0, 1, 0) and (1, 0, 1): the picture, and nothing
    assert same(explanation.alphas, np.array([1, 0], np.float32))
    assert explanation.alphas.dtype == (np.float64 if dtype == np.float64 else np.float32)


@pytest.mark.law("score.affine")
@pytest.mark.parametrize("power", [-1000, 1023])
def test_masks_have_no_scale_even_where_the_range_of_a_map_overflows(power):
    """From -2^1023 to 2^1023 it is no float; undone behind, the scores are the same."""

    def network(scale):
        features = Conv2d(np.array([[[[1.0]]], [[[-0.5]]]]) * scale)
        layers = [("features", features), ("undo", Conv2d(np.eye(2)[:, :, None, None] / scale)), ("flatten", Flatten())]
        return Network([*layers, ("linear", Linear(np.arange(-6.0, 6.0)[None] / 4))], target_layer="features")

    image = np.array([[[-1, 0.5, 1], [0.25, -0.5, 0]]])
    expected = score_cam(network(1.0), image, 0).alphas
    assert same(score_cam(network(2.0**power), image, 0).alphas, expected)
    assert len({*expected}) == 2


# --- Laws of occlusion ------------------------------------------------------------------------------


@st.composite
def patch_sizes(draw):
    size = draw(sides(1, 5))
    return size, tuple(draw(st.integers(1, side)) for side in size)


@pytest.mark.law("occ.def")
@given(network_cases(kind="float64", head="deep"), patch_sizes(), st.integers(-1, 1))
def test_occlusion_is_its_defining_loop(case, patches, baseline):
    network, x = case
    (size, stride), image = patches, x[0]
    expected = definitions.occlusion(network, image, 0, size, stride, baseline)
    assert same(occlusion(network, image, 0, size=size, stride=stride, baseline=baseline).weighted_sum, expected)


@pytest.mark.law("occ.lin")
@given(*(tensors(shape, "float64") for shape in [(2, 40), (2,), (2, 4, 5), (2, 4, 5)]), st.integers(1, 4))
def test_of_an_affine_network_a_patch_costs_its_gradient_times_image_less_baseline(weight, bias, image, baseline, side):
    """y affine: y - y(patch := b) is the sum over the patch of the gradient times x - b."""
    network = Network([("flatten", Flatten()), ("linear", Linear(weight, bias))])
    drop = (weight[1].reshape(2, 4, 5) * (image - baseline)).sum(axis=0)
    explanation = occlusion(network, image, 1, size=(1, side), stride=(1, side), baseline=baseline)
    expected = [[drop[i, side * (j // side) :][:side].sum() for j in range(5)] for i in range(4)]
    assert same(explanation.weighted_sum, np.array(expected))


def test_occlusion_of_the_cells_patches_is_patch_drops():
    network = worked_example.network("conv")
    drops = patch_drops(network, IMAGE, ELEPHANT, baseline=1)
    assert same(occlusion(network, IMAGE, ELEPHANT, size=2, stride=2, baseline=1).weighted_sum[::2, ::2], drops)


# --- What is the same for all -----------------------------------------------------------------------


OPTIONS = {score_cam: {}, ablation_cam: {}, occlusion: {"size": 2, "stride": 1}}
STAGES = "weighted_maps", "weighted_sum", "localization_map"


@METHODS
@settings(max_examples=8)
@given(binary_cases(), st.integers(1, 7))
def test_the_size_of_the_batches_changes_nothing(method, case, batch_size):
    """In small integers floats are exact, so with ``==``."""
    network, image = case
    assume(network(image[None])[0, 0] != 0)
    explanation = method(network, image, 0, **OPTIONS[method])
    other = method(network, image, 0, **OPTIONS[method], batch_size=batch_size)
    assert same(explanation.weighted_maps, other.weighted_maps)


@pytest.mark.parametrize("method", [ablation_cam, occlusion], ids=lambda method: method.name)
def test_in_batches_of_one_each_run_is_another(method):
    explanation = method(worked_example.network(), IMAGE, CAT)
    assert same(explanation.weighted_sum, method(worked_example.network(), IMAGE, CAT, batch_size=1).weighted_sum)


def test_what_covers_the_images_of_a_batch_may_be_a_batch():
    network, images = worked_example.network(), np.stack([IMAGE, IMAGE[..., ::-1]])
    baseline = np.stack([IMAGE[:, ::-1], 2 * IMAGE])
    batch = occlusion(network, images, CAT, size=2, baseline=baseline)
    for n in range(2):
        one = occlusion(network, images[n], CAT, size=2, baseline=baseline[n])
        assert same(batch[n].weighted_sum, one.weighted_sum)


@METHODS
@settings(max_examples=8)
@given(binary_cases(maps=2))
def test_the_order_of_the_maps_changes_nothing(method, case):
    network, image = case
    assume(network(image[None])[0, 0] != 0)
    features, linear = network["features"], network["linear"]
    turned = Conv2d(features.weight[::-1], features.bias[::-1])
    columns = linear.weight.reshape(2, 2, -1)[:, ::-1].reshape(linear.weight.shape)
    layers = [("features", turned), *network.layers[1:3], ("linear", replace(linear, weight=columns))]
    explanation = method(network, image, 0, **OPTIONS[method])
    other = method(Network(layers, "features"), image, 0, **OPTIONS[method])
    assert same(explanation.weighted_sum, other.weighted_sum)
    if explanation.alphas is not None:
        assert same(explanation.alphas, other.alphas[::-1])


@METHODS
@settings(max_examples=8)
@given(st.data())
def test_a_batch_is_its_images(method, data):
    network, image = data.draw(binary_cases())
    images = np.stack([image, 1 - image, 0 * image])
    classes = data.draw(st.lists(st.integers(0, 1), min_size=3, max_size=3))
    assume(network(images)[range(3), classes].all())
    batch = method(network, images, classes, **OPTIONS[method])
    for n, c in enumerate(classes):
        one = method(network, images[n], c, **OPTIONS[method])
        assert all(same(getattr(batch[n], stage), getattr(one, stage)) for stage in STAGES)
        assert (batch[n].score, batch[n].class_index, batch.method) == (one.score, c, method.name)
        assert one.alphas is None or same(batch[n].alphas, one.alphas)


@METHODS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_what_they_are(method, dtype):
    network = as_floats(worked_example.network("conv"), dtype)
    explanation = method(network, as_floats(IMAGE, dtype), CAT)
    assert {getattr(explanation, stage).dtype for stage in STAGES} == {np.dtype(dtype)}
    mixed = (
        method(network, as_floats(IMAGE, np.float64), CAT),
        method(as_floats(network, np.float64), as_floats(IMAGE, np.float32), CAT),
    )
    assert {explanation.weighted_sum.dtype for explanation in mixed} == {np.dtype(np.float64)}


@METHODS
def test_a_target_takes_the_place_of_a_class(method):
    weights = np.array([[1.0, 2, 3, 4, 5, 6, 0, 1, 0, 1, 1, 2], [2, 0, 1, 1, 0, 3, 1, 0, 0, 2, 0, 1]])
    features = Conv2d(np.array([[[[1.0]]], [[[-2.0]]]]))
    network = Network([("features", features), ("flatten", Flatten()), ("linear", Linear(weights))])
    image = np.array([[[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]])
    of_class, of_target = method(network, image, 1), method(network, image, Difference({1: 1}))
    assert same(of_class.weighted_maps, of_target.weighted_maps)
    difference = Difference({0: 1, 1: -1})
    both = method(network, np.stack([image, 1 - image]), difference)
    assert not same(both[0].weighted_sum, of_class.weighted_sum)
    for n, one in enumerate([image, 1 - image]):
        assert same(both[n].weighted_sum, method(network, one, difference).weighted_sum)
    assert not same(method(network, image, Probability(0)).weighted_sum, of_class.weighted_sum)


@METHODS
def test_inner_networks_are_gone_through(method):
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE)
    (first, features), *head = network.layers
    nested = Network([(first, features), ("head", Network(head))], "features")
    assert same(method(nested, image, CAT).weighted_sum, method(network, image, CAT).weighted_sum)


@METHODS
def test_another_layer(method):
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE)
    if method is occlusion:
        message = refusal(ValueError, lambda: method(network, image, CAT, "features"))
        assert message == "occlusion always looks at 'input': leave layer out, got 'features'."
    else:
        explanation = method(network, image, CAT, "relu")
        assert explanation.weighted_maps.shape == (2, 3, 3)
        assert explanation.alphas.shape == (2,)


@METHODS
def test_progress_wraps_the_batches(method):
    seen = []

    def progress(iterable):
        seen.append(len(iterable))
        return iter(iterable)

    network, images = as_floats(worked_example.network()), as_floats(np.stack([IMAGE, IMAGE]))
    explanation = method(network, images, CAT, **OPTIONS[method], batch_size=2, progress=progress)
    runs = {score_cam: 3, ablation_cam: 3, occlusion: 9}[method]
    assert seen == [2 * math.ceil(runs / 2)]
    assert same(explanation.weighted_sum, method(network, images, CAT, **OPTIONS[method], batch_size=2).weighted_sum)


@METHODS
def test_the_batch_size_bounds_the_memory(method):
    """A tenth of the inputs at once: much less than half of the memory."""
    rng = np.random.default_rng(0)
    body = [("features", Conv2d(rng.standard_normal((40, 1, 3, 3)), padding=1)), ("relu", ReLU())]
    network = Network([*body, ("gap", GlobalAvgPool2d()), ("linear", Linear(rng.standard_normal((2, 40))))])
    image = rng.standard_normal((1, 24, 20))

    def peak(batch_size):
        tracemalloc.start()
        try:
            method(network, image, 0, "input" if method is occlusion else "features", batch_size=batch_size)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4) < peak(40) / 2
    rest = {} if method is occlusion else {"layer": "features"}
    sizes = []
    method(network, image, 0, **rest, progress=lambda runs: sizes.append(len(runs)) or runs)
    assert sizes[0] > 1  # by default not all at once


@METHODS
def test_arguments_are_not_written_to(method):
    network, image = as_floats(worked_example.network()), as_floats(IMAGE)
    before = image.copy()
    explanation = method(network, image, CAT)
    assert same(image, before)
    assert same(
        method(network, read_only_view(image[:, ::-1, ::-1])[:, ::-1, ::-1], CAT).weighted_sum, explanation.weighted_sum
    )
    assert same(explanation.feature_maps, method(network, image, CAT).feature_maps)


@METHODS
def test_an_empty_batch_has_an_empty_result(method):
    network = as_floats(worked_example.network())
    explanation = method(network, np.empty((0, 1, 4, 4)), CAT)
    assert explanation.weighted_sum.shape == ((0, 4, 4) if method is occlusion else (0, 2, 2))


@METHODS
def test_nan_is_refused_or_seen(method):
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE).copy()
    image[0, 1, 1] = np.nan
    assert refusal(ValueError, lambda: method(network, image, CAT)) == "image contains NaN at index (0, 1, 1)."
    with np.errstate(invalid="ignore"):
        assert np.isnan(method(network, image, CAT, check_finite=False).weighted_sum).any()


@METHODS
def test_in_a_network_without_relu_and_bias(method):
    network = Network([("features", Conv2d(np.ones((2, 1, 1, 2)))), ("gap", GlobalAvgPool2d())])
    explanation = method(network, np.arange(6.0).reshape(1, 2, 3), 1)
    assert explanation.weighted_sum.any()


def run(method, *args, **options):
    network = as_floats(worked_example.network()) if method is score_cam else worked_example.network()
    return lambda: method(network, *args, **options)


REFUSED = [
    (run(ablation_cam, IMAGE, CAT, batch_size=0), ValueError, "batch_size == 0, must be >= 1."),
    (run(occlusion, IMAGE, CAT, batch_size=2.0), TypeError, "batch_size must be an instance of int, not float."),
    (
        run(score_cam, as_floats(IMAGE), CAT, batch_size=True),
        TypeError,
        "batch_size must be an instance of int, not bool.",
    ),
    (
        run(ablation_cam, IMAGE, CAT, progress=lambda runs: []),
        ValueError,
        "progress must yield each of the 1 batches once, in order, got 0.",
    ),
    (
        run(occlusion, IMAGE, CAT, batch_size=1, progress=lambda runs: [*runs, runs[0]]),
        ValueError,
        "progress must yield each of the 16 batches once, in order, got (0, 0) after 16 of them.",
    ),
    (
        run(occlusion, IMAGE, CAT, batch_size=1, progress=lambda runs: [*runs[1:], runs[1]]),
        ValueError,
        "progress must yield each of the 16 batches once, in order, got (0, 1) after 0 of them.",
    ),
    (
        run(ablation_cam, IMAGE, CAT, progress=True),
        TypeError,
        "progress must be callable, such as tqdm, got True.",
    ),
    (run(occlusion, IMAGE, CAT, size=0), ValueError, "size == 0, must be >= 1."),
    (run(occlusion, IMAGE, CAT, size=2.5), TypeError, "size must be an instance of int, not float."),
    (run(occlusion, IMAGE, CAT, stride=0), ValueError, "stride == 0, must be >= 1."),
    (
        run(occlusion, IMAGE, CAT, size=(2, 3), stride=(2, 4)),
        ValueError,
        "stride must be at most size, (2, 3), or pixels are missed; got (2, 4).",
    ),
    (
        run(occlusion, IMAGE, CAT, size=(2, 3), stride=(3, 3)),
        ValueError,
        "stride must be at most size, (2, 3), or pixels are missed; got (3, 3).",
    ),
    (
        run(occlusion, IMAGE, CAT, baseline=0.5),
        TypeError,
        "baseline holds floats but image holds Fractions; convert one of them with numpycam.exact.as_fractions or "
        "numpycam.exact.as_floats.",
    ),
    (
        run(occlusion, IMAGE, CAT, baseline=exact([1, 2])),
        ValueError,
        "baseline must fit an image of shape (1, 1, 4, 4), got shape (2,).",
    ),
    (
        lambda: score_cam(worked_example.network(), IMAGE, CAT),
        TypeError,
        "Score-CAM has no exact value: convert with numpycam.exact.as_floats.",
    ),
    (run(ablation_cam, IMAGE, 2), ValueError, "class_index must be an int in 0..1, got 2."),
]


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=[message[:60] for *_, message in REFUSED])
def test_what_is_refused(action, error, message):
    assert refusal(error, action) == message
