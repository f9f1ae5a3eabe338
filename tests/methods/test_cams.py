"""The CAMs of feature maps and gradients: their values, their laws, and where they have none."""

import itertools
from fractions import Fraction

import definitions
import numpy as np
import pytest
import second_example
from helpers import inner, refusal, rounding, same
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from numpycam import (
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    grad_cam_from_maps,
    laws,
    worked_example,
)
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import maps_and_gradients, network_cases, tensors
from numpycam.methods import METHODS
from numpycam.methods.recipe import PoleError
from numpycam.targets import Difference

WEIGHING_MAPS = ["grad_cam", "grad_cam_plus_plus", "xgrad_cam"]
WEIGHING_CELLS = ["hirescam", "element_wise_grad_cam", "layercam"]
RATIONAL = WEIGHING_MAPS + WEIGHING_CELLS
FLOAT = ["eigen_cam", "eigen_grad_cam"]
LINEAR = ["grad_cam", "xgrad_cam", "hirescam"]  # in the gradients

networks = settings(max_examples=min(settings().max_examples // 3, 25))  # in Fractions a network takes its time


def weighted_sum(name, feature_maps, gradients):
    return METHODS[name].from_maps(feature_maps, gradients).weighted_sum


def alphas(name, feature_maps, gradients):
    return METHODS[name].from_maps(feature_maps, gradients).alphas


def has_poles(feature_maps):
    """Whether XGrad-CAM has one there."""
    return bool(((feature_maps.sum(axis=(-2, -1)) == 0) & feature_maps.any(axis=(-2, -1))).any())


@st.composite
def without_poles(draw):
    """A and g where each map has a positive sum: there no method has a pole."""
    a, g = draw(maps_and_gradients())
    a = np.array([a_k if a_k.sum() >= 0 else -a_k for a_k in a])
    a[:, 0, 0] += a.sum(axis=(1, 2)) == 0
    return a, g


# --- Values -----------------------------------------------------------------------------------------


WORKED_EXAMPLE = {
    "grad_cam": (["11/4", "17/4", "1/10"], [["357/40", "-81/40"], ["129/8", "13/5"]]),
    "grad_cam_plus_plus": (
        ["46535/33449", "22871/29230", "59/299"],
        [
            ["97606589311/44974856420", "-162135315383/224874282100"],
            ["1853186519/391085708", "41601555287/44974856420"],
        ],
    ),
    "xgrad_cam": (
        ["24/7", "215/46", "-1/30"],
        [["101489/9660", "-9857/3220"], ["11941/644", "25243/9660"]],
    ),
    "hirescam": (None, [["63/10", "-14/5"], ["23", "21/10"]]),
    "element_wise_grad_cam": (None, [["13/2", "1/2"], ["23", "21/10"]]),
    "layercam": (None, [["63/10", "-5/2"], ["23", "21/10"]]),
}


def differing(explanation, alphas, weighted_sum):
    """Return the stages that have other values than these."""
    expected = {"alphas": alphas, "weighted_sum": weighted_sum}
    expected["localization_map"] = np.maximum(weighted_sum, Fraction(0))
    found = {stage: getattr(explanation, stage) for stage in expected}
    found["the sum of the weighted maps"] = explanation.weighted_maps.sum(axis=0)
    expected["the sum of the weighted maps"] = weighted_sum
    return [stage for stage, values in expected.items() if not (values is found[stage] or same(found[stage], values))]


@pytest.mark.parametrize("name", WORKED_EXAMPLE)
@pytest.mark.parametrize("head", ["linear", "conv"])
def test_the_worked_example(name, head):
    expected_alphas, expected_sum = WORKED_EXAMPLE[name]
    explanation = METHODS[name](worked_example.network(head), worked_example.IMAGE, 0)
    expected_alphas = expected_alphas and as_fractions(expected_alphas)
    assert explanation.method == METHODS[name].name
    assert differing(explanation, expected_alphas, as_fractions(expected_sum)) == []
    assert same(explanation.feature_maps, worked_example.FEATURE_MAPS)
    assert same(explanation.gradients, worked_example.GRADIENTS)
    assert (explanation.class_index, explanation.score, explanation.layer) == (0, Fraction(143, 5), "features")


@pytest.mark.parametrize("name", second_example.VALUES)
def test_the_second_example(name):
    options = second_example.OPTIONS.get(name, {})
    explanation = METHODS[name](second_example.NETWORK, second_example.IMAGE, 0, **options)
    assert explanation.method == METHODS[name].name
    assert differing(explanation, *second_example.VALUES[name]) == []


def test_the_second_example_is_what_it_says():
    explanation = METHODS["grad_cam"](second_example.NETWORK, second_example.IMAGE, 0)
    assert same(explanation.feature_maps, second_example.FEATURE_MAPS)
    assert same(explanation.gradients, second_example.GRADIENTS)
    assert second_example.NETWORK(second_example.IMAGE[None]).tolist() == [[2, 5]]


def test_every_exact_method_has_its_values_on_the_second_example():
    assert {*second_example.VALUES} == {name for name, method in METHODS.items() if method.is_exact} - {"cam"}
    assert {*RATIONAL} < {*second_example.VALUES}


def test_no_two_methods_agree_on_the_second_example():
    network, image = as_floats(second_example.NETWORK), as_floats(second_example.IMAGE)
    maps = {
        name: method(network, image, 0, **second_example.OPTIONS.get(name, {})).localization_map
        for name, method in METHODS.items()
        if name != "cam"  # it has no value here
    }
    for (one, a), (other, b) in itertools.combinations(maps.items(), 2):
        assert np.abs(a / a.max() - b / b.max()).max() > 0.01, (one, other)


# --- The definitions --------------------------------------------------------------------------------


@pytest.mark.law("gpp.form", "xgrad.def")
@given(maps_and_gradients(), st.sampled_from(["grad_cam_plus_plus", "xgrad_cam"]))
def test_the_weights_are_those_of_the_defining_loop_and_poles_are_where_it_divides_by_zero(drawn, name):
    """Where the loop divides by zero there is a PoleError, and nowhere else."""
    try:
        expected = getattr(laws.definitions, name)(*drawn)
    except ZeroDivisionError:
        with pytest.raises(PoleError):
            METHODS[name].from_maps(*drawn)
    else:
        assert same(alphas(name, *drawn), expected)


@given(maps_and_gradients())
def test_grad_cam_is_grad_cam(drawn):
    one, other = METHODS["grad_cam"].from_maps(*drawn), grad_cam_from_maps(*drawn)
    assert all(
        same(getattr(one, stage), getattr(other, stage)) for stage in ("alphas", "weighted_maps", "weighted_sum")
    )
    assert one.method == other.method == "Grad-CAM"


# --- Laws of the family -----------------------------------------------------------------------------


@pytest.mark.law("hires.complete")
@networks
@given(network_cases(), st.integers(0, 1))
def test_hirescam_sums_to_the_score_less_the_last_bias(case, c):
    """Σ L is the score less the bias of the last layer: no other layer behind the maps has one."""
    network, x = case
    explanation = METHODS["hirescam"](network, x, c)
    assert same(explanation.weighted_sum.sum(axis=(1, 2)), network(x)[:, c] - network["linear"].bias[c])


@pytest.mark.law("hires.complete")
@networks
@given(network_cases(bias=False), st.integers(0, 1))
def test_without_biases_hirescam_sums_to_the_score_at_every_layer(case, c):
    """Where no layer has a bias, Σ L is the score at every layer, the image too."""
    network, x = case
    for layer in ("input", "conv", "relu", "pool", "target"):
        assert same(METHODS["hirescam"](network, x, c, layer).weighted_sum.sum(axis=(1, 2)), network(x)[:, c])


@pytest.mark.law("xgrad.sens")
@networks
@given(network_cases(head="linear"), st.integers(0, 1))
def test_xgrad_cam_is_what_the_score_loses_with_each_map_on_a_linear_head(case, c):
    """With a linear head, what the score loses when A^k is set to 0 is Σ_ij α_k A^k_ij."""
    network, x = case
    _, head = network.split("target")
    try:
        explanation = METHODS["xgrad_cam"](network, x[0], c)
    except PoleError:
        assume(False)
    for k in range(len(explanation.feature_maps)):
        ablated = explanation.feature_maps.copy()
        ablated[k] *= 0
        assert explanation.score - head(ablated[None])[0, c] == explanation.weighted_maps[k].sum()


@pytest.mark.law("gpp.nothom")
def test_scores_in_other_units_can_reverse_the_order_of_grad_cam_plus_pluss_weights():
    """Grad-CAM++ is not homogeneous: scores in other units, a temperature say, order the maps the other way round."""
    a, g = as_fractions([[[8]], [["1/8"]]]), as_fractions([[[2]], [[1]]])
    first, second = alphas("grad_cam_plus_plus", a, g)
    assert (first, second) == (Fraction(1, 9), Fraction(8, 17))
    first, second = alphas("grad_cam_plus_plus", a, g / Fraction(100))
    assert first > second


@pytest.mark.law("cam.cam")
@networks
@given(network_cases(head="gap"), st.integers(0, 1))
def test_cam_weighs_with_the_head_and_three_methods_are_cam_divided_by_z(case, c):
    """CAM weighs with the weights of the head; all of Grad-CAM, XGrad-CAM and HiResCAM are CAM divided by Z."""
    network, x = case
    explanation = METHODS["cam"](network, x, c)
    assert same(explanation.alphas, np.stack([network["linear"].weight[c]] * len(x)))
    size = Fraction(explanation.weighted_sum[0].size)
    assert same(METHODS["grad_cam"](network, x, c).weighted_sum, explanation.weighted_sum / size)
    assert same(METHODS["hirescam"](network, x, c).weighted_sum, explanation.weighted_sum / size)
    if not has_poles(explanation.feature_maps):
        assert same(METHODS["xgrad_cam"](network, x, c).weighted_sum, explanation.weighted_sum / size)


def test_where_cells_are_equal_what_weighs_cells_shows_the_one_that_a_max_pool_takes():
    """However little the second cell is larger, the whole map moves to it; Grad-CAM's hardly changes."""
    pooled = Network([("pool", MaxPool2d((1, 2))), ("flatten", Flatten()), ("linear", Linear(as_fractions([[2]])))])
    little = Fraction(1, 10**9)
    equal, larger = as_fractions([[[1, 1]]]), as_fractions([[[1, 1 + little]]])
    for name in WEIGHING_CELLS:
        assert METHODS[name](pooled, equal, 0, "input").weighted_sum.tolist() == [[2, 0]]
        assert METHODS[name](pooled, larger, 0, "input").weighted_sum.tolist() == [[0, 2 + 2 * little]]
    assert METHODS["grad_cam"](pooled, equal, 0, "input").weighted_sum.tolist() == [[1, 1]]
    assert METHODS["grad_cam"](pooled, larger, 0, "input").weighted_sum.tolist() == [[1, 1 + little]]


# --- Laws of all ------------------------------------------------------------------------------------


SCALING = ["grad_cam", "xgrad_cam", *WEIGHING_CELLS]


@pytest.mark.law("cam.zero")
def test_where_no_direction_is_the_first_nothing_comes_of_nothing():
    maps = as_floats(second_example.FEATURE_MAPS)
    assert not weighted_sum("eigen_cam", 0 * maps, maps).any()
    assert not weighted_sum("eigen_grad_cam", maps, 0 * maps).any()


@networks
@given(network_cases(), st.integers(0, 1), st.sampled_from(RATIONAL))
def test_a_batch_is_its_images(case, c, name):
    network, x = case
    try:
        batch = METHODS[name](network, x, c)
    except PoleError:
        assume(False)
    for n, of_batch in enumerate(batch):
        alone = METHODS[name](network, x[n], c)
        from_maps = METHODS[name].from_maps(alone.feature_maps, alone.gradients)
        for other in (alone, from_maps):
            assert same(of_batch.weighted_maps, other.weighted_maps)
            assert same(of_batch.weighted_sum, other.weighted_sum)
            assert same(of_batch.localization_map, other.localization_map)
            assert of_batch.alphas is other.alphas is None or same(of_batch.alphas, other.alphas)
        assert (of_batch.class_index, of_batch.score, of_batch.method) == (c, alone.score, alone.method)


@given(st.sampled_from(FLOAT), maps_and_gradients(count=4, kind="float64"))
def test_a_batch_of_floats_is_its_images(name, drawn):
    a, g, b, h = drawn
    batch = METHODS[name].from_maps(np.stack([a, b]), np.stack([g, h]))
    assert same(batch[0].weighted_maps, METHODS[name].from_maps(a, g).weighted_maps)
    assert same(batch[1].weighted_maps, METHODS[name].from_maps(b, h).weighted_maps)


@pytest.mark.law("cam.cf")
@networks
@given(network_cases(), st.integers(0, 1), st.sampled_from(LINEAR))
def test_the_map_against_the_class_is_the_counterfactual(case, c, name):
    """For the methods that are linear in the gradients."""
    network, x = case
    try:
        of, against = (METHODS[name](network, x, target) for target in (c, Difference({c: -1})))
    except PoleError:
        assume(False)
    assert same(against.weighted_sum, -of.weighted_sum)
    assert same(against.localization_map, of.counterfactual_map)


@pytest.mark.parametrize("name", ["grad_cam_plus_plus", "element_wise_grad_cam", "layercam"])
def test_others_have_another_map_against_the_class(name):
    network, image = second_example.NETWORK, second_example.IMAGE
    of, against = (METHODS[name](network, image, target) for target in (0, Difference({0: -1})))
    assert not same(against.localization_map, of.counterfactual_map)
    assert same(against.weighted_sum, METHODS[name].from_maps(of.feature_maps, -of.gradients).weighted_sum)


# --- EigenCAM ---------------------------------------------------------------------------------------


def distance_of_directions(maps):
    """A bound on how far the v of an accurate SVD may be from the true one, and that one, up to its sign.

    LAPACK's own tests accept an error of 50 · max(m, n) · eps of the matrix's largest singular value; a direction turns
    by no more than twice that error over the gap of the first two squares (Davis and Kahan), here times their sum.
    """
    direction = definitions.first_direction(maps)
    cells = maps.reshape(len(maps), -1).astype(float)
    sigma = np.append(np.linalg.svd(cells)[1], 0)
    gap = (sigma[0] - sigma[1]) / sigma[0]
    return 100 * max(cells.shape) * np.finfo(float).eps / gap, direction


@pytest.mark.parametrize(
    ("maps", "gradients"),
    [
        (worked_example.FEATURE_MAPS, worked_example.GRADIENTS),
        (second_example.FEATURE_MAPS, second_example.GRADIENTS),
    ],
)
def test_eigen_cam_by_power_iteration_in_fractions(maps, gradients):
    for name, looked_at in (("eigen_cam", maps), ("eigen_grad_cam", maps * gradients)):
        bound, direction = distance_of_directions(looked_at)
        expected = (direction[:, None, None] * as_floats(looked_at)).sum(axis=0)
        expected *= np.sign(expected.sum())
        size = np.abs(as_floats(looked_at)).sum(axis=0)
        assert bound < 1e-12
        found = weighted_sum(name, as_floats(maps), as_floats(gradients))
        assert (np.abs(found - expected) <= bound * size).all()


@pytest.mark.law("eigen.opt")
@given(tensors((3, 2, 4), "float64"))
def test_no_other_direction_stretches_the_cells_more_than_eigen_cams(maps):
    """No direction is stretched more: |A v|² is the largest eigenvalue λ of the Gram matrix G.

    λ is at least trace(G^(p + 1)) / trace(G^p), which comes from whole numbers. An SVD as accurate as LAPACK's tests
    ask for, 50 · max(m, n) · eps, is that of a matrix so near that λ loses four times as much.
    """
    assume(maps.any())
    v = alphas("eigen_cam", maps, maps)
    cells = as_fractions(maps.reshape(3, -1))
    gram = np.array([[int(value) for value in row] for row in cells @ cells.T], dtype=object)
    power = np.linalg.matrix_power(gram, 32)
    least = Fraction(np.trace(power @ gram), np.trace(power))
    stretched = as_fractions(v) @ cells
    length = inner(as_fractions(v), as_fractions(v))
    assert abs(length - 1) <= 50 * 8 * Fraction(np.finfo(float).eps)
    assert inner(stretched, stretched) >= length * least * (1 - 4 * 50 * 8 * Fraction(np.finfo(float).eps))


@pytest.mark.law("eigen.sign")
@given(maps_and_gradients(kind="float64"))
def test_the_map_of_eigen_cam_has_no_negative_sum(drawn):
    """The sum of L is not negative; where no map is, neither is L: the sign does not depend on LAPACK."""
    a, g = drawn
    for name, looked_at in (("eigen_cam", a), ("eigen_grad_cam", g * a)):
        noise = float(rounding(2 * a.size)) * np.abs(looked_at).sum()
        assert weighted_sum(name, a, g).sum() >= -noise
    positive = weighted_sum("eigen_cam", np.abs(a), g)
    assert (positive >= -50 * a.size * np.finfo(float).eps * np.abs(a).max()).all()


@pytest.mark.law("eigen.sign")
def test_where_eigen_cams_sum_is_zero_the_first_component_is_positive():
    """Then the first component of v that is not 0 is positive."""
    maps = np.array([[[3.0, -3.0]], [[4.0, -4.0]]])
    for one in (maps, -maps):
        assert (alphas("eigen_cam", one, maps) > 0).all()
    bound, _ = distance_of_directions(as_fractions(maps))
    assert (np.abs(alphas("eigen_cam", maps, maps) - [0.6, 0.8]) <= bound).all()
    silent = np.concatenate([np.zeros((1, 1, 2)), -maps[:1]])
    first, second = alphas("eigen_cam", silent, silent)
    assert first == 0 < second


@pytest.mark.parametrize("name", FLOAT)
def test_eigen_cam_has_no_exact_value(name):
    expected = f"{METHODS[name].name} has no exact value: convert with numpycam.exact.as_floats."
    assert expected == refusal(TypeError, lambda: METHODS[name](worked_example.network(), worked_example.IMAGE))
    maps, gradients = worked_example.FEATURE_MAPS, worked_example.GRADIENTS
    assert expected == refusal(TypeError, lambda: METHODS[name].from_maps(maps, gradients))


# --- Poles ------------------------------------------------------------------------------------------


@pytest.mark.law("gpp.pole")
def test_grad_cam_plus_plus_has_a_pole_where_its_divisor_is_0():
    a, g = as_fractions([[[1, 0]], [[-3, 1]]]), as_fractions([[[1, 1]], [[-1, 1]]])
    message = "Grad-CAM++ has a pole: 2 + S_k g is 0 (image 0, map 1, row 0, column 1)."
    gpp = METHODS["grad_cam_plus_plus"]
    assert refusal(PoleError, lambda: gpp.from_maps(a, g)) == message
    assert refusal(PoleError, lambda: gpp.from_maps(as_floats(a), as_floats(g))) == message
    batch = np.stack([a, a[::-1]]), np.stack([0 * g, g[::-1]])
    assert refusal(PoleError, lambda: gpp.from_maps(*batch)).endswith("(image 1, map 0, row 0, column 1).")
    assert issubclass(PoleError, ArithmeticError)


@pytest.mark.law("gpp.pole")
def test_grad_cam_plus_plus_does_not_divide_where_the_gradient_is_not_positive():
    a, g = as_fractions([[[1, 1]]]), as_fractions([[[-1, 1]]])  # 2 + S g is 0 at the first cell
    assert alphas("grad_cam_plus_plus", a, g).tolist() == [Fraction(1, 4)]
    assert alphas("grad_cam_plus_plus", as_floats(a), as_floats(g)).tolist() == [0.25]


@pytest.mark.law("xgrad.pole")
def test_xgrad_cam_has_a_pole_where_a_map_sums_to_0_but_not_where_it_is_zero():
    a, g = as_fractions([[[0, 0]], [[1, -1]]]), as_fractions([[[1, 1]], [[0, 0]]])
    message = "XGrad-CAM has a pole: S_k is 0 (image 0, map 1)."
    xgrad = METHODS["xgrad_cam"]
    assert refusal(PoleError, lambda: xgrad.from_maps(a, g)) == message
    assert refusal(PoleError, lambda: xgrad.from_maps(as_floats(a), as_floats(g))) == message
    assert xgrad.from_maps(a[:1], g[:1]).alphas.tolist() == [0]


# --- At the edge of floats --------------------------------------------------------------------------


POWERS = st.sampled_from([-1000, -500, 0, 500, 1000, 1021])
"""Cells are at most 4, so up to 2^1021 times as much is finite; the sum of a map and its product with g are not."""
TINY = Fraction(1, 2**1074)


def quiet_alphas(name, feature_maps, gradients):
    """The weights, though their product with the maps may be too large for a float."""
    with np.errstate(over="ignore", invalid="ignore"):
        return alphas(name, feature_maps, gradients)


@given(maps_and_gradients(kind="float64"), POWERS, POWERS)
def test_the_weights_of_grad_cam_plus_plus_are_right_where_sums_and_products_overflow(drawn, i, j):
    """All terms are positive. A term needs the sum, a product, a sum, a quotient; and there is the sum of the terms."""
    a, g = np.abs(drawn[0]) * 2.0**i, drawn[1] * 2.0 ** min(j, 1000)  # the weights themselves are finite
    expected = laws.definitions.grad_cam_plus_plus(as_fractions(a), as_fractions(g))
    found = quiet_alphas("grad_cam_plus_plus", a, g)
    cells = a[0].size
    for one, right in zip(found, expected, strict=True):
        assert abs(Fraction(float(one)) - right) <= rounding(2 * cells + 8) * right + (cells + 1) * TINY


@given(without_poles(), POWERS, POWERS)
def test_the_weights_of_xgrad_cam_are_right_where_sums_and_products_overflow(drawn, i, j):
    """Of small whole numbers times powers of two, the sums are exact: the quotient is rounded alone."""
    a, g = (np.rint(as_floats(part) * 12) for part in drawn)  # denominators are 1, 2 or 3
    expected = laws.definitions.xgrad_cam(as_fractions(a), as_fractions(g))
    found = quiet_alphas("xgrad_cam", a * 2.0 ** min(i, 1017), g * 2.0 ** min(j, 1000))
    for one, right in zip(found, expected, strict=True):
        scaled = right * Fraction(2) ** min(j, 1000)
        assert abs(Fraction(float(one)) - scaled) <= rounding(1) * abs(scaled) + TINY


@pytest.mark.filterwarnings("error")
@given(st.sampled_from([*SCALING]), without_poles(), st.integers(-450, 450), st.integers(-450, 450))
def test_in_floats_too_maps_scale_with_the_gradients_and_with_the_maps(name, drawn, i, j):
    """A power of two changes no digit."""
    a, g = (as_floats(part) for part in drawn)
    expected = weighted_sum(name, a, g) * 2.0 ** (i + j)
    assert same(weighted_sum(name, a * 2.0**i, g * 2.0**j), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("power", [-1000, 1020])
def test_the_direction_of_eigen_cam_does_not_depend_on_the_scale_of_the_maps(power):
    """Near the largest float LAPACK finds infinite singular values, and the sum that decides the sign overflows."""
    maps = np.array([[[7, -4, 3], [-1, 6, 2]], [[5, 5, -7], [0, 3, 1.0]]])
    bound, _ = distance_of_directions(as_fractions(maps))
    found, expected = (alphas("eigen_cam", a, a) for a in (maps * 2.0**power, maps))
    assert (np.abs(found - expected) <= 2 * bound).all()


# --- Kinds of numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RATIONAL)
def test_fractions_stay_fractions(name):
    explanation = METHODS[name](second_example.NETWORK, second_example.IMAGE, 0)
    for stage in ("alphas", "weighted_maps", "weighted_sum", "localization_map"):
        values = getattr(explanation, stage)
        assert values is None or {type(value) for value in values.flat} == {Fraction}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RATIONAL + FLOAT)
def test_floats_keep_their_dtype(name, dtype):
    explanation = METHODS[name](as_floats(second_example.NETWORK, dtype), as_floats(second_example.IMAGE, dtype), 0)
    for stage in ("alphas", "weighted_maps", "weighted_sum", "localization_map"):
        values = getattr(explanation, stage)
        assert values is None or values.dtype == dtype
    assert explanation.alphas is None or not explanation.alphas.flags.writeable


@pytest.mark.parametrize("kind", ["maps", "gradients"])
@pytest.mark.parametrize("name", RATIONAL + FLOAT)
def test_nan_is_refused_or_seen(name, kind):
    maps, gradients = as_floats(second_example.FEATURE_MAPS), as_floats(second_example.GRADIENTS)
    maps, gradients = np.stack([maps] * 2), np.stack([gradients] * 2)
    {"maps": maps, "gradients": gradients}[kind][1, 1, 0, 1] = np.nan
    message = {"maps": "feature_maps", "gradients": "gradients"}[kind] + " contains NaN at index (1, 1, 0, 1)."
    assert refusal(ValueError, lambda: METHODS[name].from_maps(maps, gradients)) == message
    explanation = METHODS[name].from_maps(maps, gradients, check_finite=False)
    if (name, kind) != ("eigen_cam", "gradients"):  # it does not look at them
        assert np.isnan(explanation.localization_map[1, 0, 1])
    if (name, kind) == (
        "eigen_cam",
        "maps",
    ) or name == "eigen_grad_cam":  # of one cell that is not known no direction is
        assert np.isnan(explanation.localization_map[1]).all()
    assert np.isfinite(explanation.localization_map[0]).all()


def test_no_direction_is_made_up_where_a_cell_is_infinite():
    maps = np.ones((2, 2, 1, 3))
    maps[1, 0, 0, 0] = np.inf
    explanation = METHODS["eigen_cam"].from_maps(maps, maps, check_finite=False)
    assert np.isnan(explanation.alphas).tolist() == [[False, False], [True, True]]


def test_nan_in_an_image_is_refused_or_seen():
    network, image = as_floats(second_example.NETWORK), as_floats(second_example.IMAGE)
    image[0, 0, 1] = np.nan
    for name in RATIONAL + FLOAT:
        assert refusal(ValueError, lambda name=name: METHODS[name](network, image)).startswith("image contains NaN")
        explanation = METHODS[name](network, image, 0, check_finite=False)
        assert np.isnan(explanation.localization_map[0, 1])


# --- Interface --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "pool",
    [
        [GlobalAvgPool2d()],
        [AvgPool2d((7, 15)), Flatten()],
        [AvgPool2d((7, 15), stride=1)],
        [AvgPool2d((7, 1)), GlobalAvgPool2d()],
        [AvgPool2d((7, 5)), AvgPool2d((1, 3)), Flatten()],
    ],
)
def test_cam_takes_every_mean_of_whole_maps_with_the_same_values(pool, dtype):
    """A mean of means divides twice, by 7 and by 15: in floats its gradient is 1/105 up to rounding."""
    r = np.random.default_rng(2)
    flat = [] if isinstance(pool[-1], GlobalAvgPool2d | Flatten) else [Flatten()]
    head = [(str(n), layer) for n, layer in enumerate([*pool, *flat])]
    conv = Conv2d(r.normal(size=(3, 1, 3, 3)).astype(dtype), padding=1)
    linear = Linear(r.normal(size=(2, 3)).astype(dtype), np.ones(2, dtype))
    image = r.normal(size=(1, 7, 15)).astype(dtype)
    found = METHODS["cam"](Network([("conv", conv), *head, ("linear", linear)]), image, 1)
    assert same(found.alphas, linear.weight[1])
    usual = Network([("conv", conv), ("gap", GlobalAvgPool2d()), ("linear", linear)])
    assert same(found.weighted_sum, METHODS["cam"](usual, image, 1).weighted_sum)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
@pytest.mark.parametrize(
    "pool",
    [
        MaxPool2d((4, 6)),
        AvgPool2d((4, 5)),
        AvgPool2d((3, 6)),
        AvgPool2d((8, 12), padding=(4, 6), stride=20),
    ],
    ids=repr,
)
def test_cam_takes_no_other_pool_for_a_mean_of_whole_maps(pool, dtype):
    network = Network([("conv", Conv2d(np.ones((3, 1, 1, 1)))), ("pool", pool), ("flatten", Flatten()),
                       ("linear", Linear(np.ones((2, 3))))])  # fmt: skip
    network = as_fractions(network) if dtype is object else as_floats(network, dtype)
    image = np.arange(24).reshape(1, 4, 6)
    assert refusal(ValueError, lambda: METHODS["cam"](network, image, 0)).startswith("CAM needs a head that averages")


def test_cam_needs_its_head():
    network, image = second_example.NETWORK, second_example.IMAGE
    cam = METHODS["cam"]
    assert refusal(ValueError, lambda: cam(network, image)) == (
        "CAM needs a head that averages each map of 'maps' and a Linear, got ['Flatten', 'Linear']."
    )
    *body, _, _ = network.layers
    rest = [("relu2", ReLU()), ("gap", GlobalAvgPool2d()), ("flatten", Flatten())]
    headed = Network([*body, *rest, ("linear", Linear(as_fractions([[1, 2], [3, 4]])))])
    assert refusal(ValueError, lambda: cam(headed, image, layer="maps")).endswith(
        "got ['ReLU', 'GlobalAvgPool2d', 'Flatten', 'Linear']."
    )
    assert cam(headed, image, 1, "relu2").alphas.tolist() == [3, 4]  # as torch has it, with a Flatten in between
    assert cam(headed, np.stack([image] * 2), [1, 0], "relu2").alphas.tolist() == [[3, 4], [1, 2]]
    twice = Network([*headed.layers, ("more", Linear(as_fractions([[1, 1]])))])
    assert refusal(ValueError, lambda: cam(twice, image, layer="relu2")).endswith("'Linear', 'Linear'].")
    message = refusal(TypeError, lambda: cam(headed, image, Difference({0: 1}), "relu2"))
    assert message == "CAM explains the score of a class, no other target."
