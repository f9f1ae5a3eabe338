"""Every number of the worked example, exact in Fractions; and what floats make of them."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import inner, refusal, rounding, same

from numpycam import Conv2d, Explanation, Flatten, Linear, Network, ReLU, grad_cam, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, HEADS, IMAGE

CAT, ELEPHANT = 0, 1


def exact(values):
    return as_fractions(values)


def explain(head="linear", c=CAT, network=None):
    return grad_cam(network or worked_example.network(head), IMAGE, c)


# --- The document -----------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["linear", "conv"])
def test_the_worked_example_stage_by_stage(head):
    explanation = explain(head)
    assert same(explanation.image, exact([[[0, 0, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]]))
    assert same(explanation.feature_maps, exact([
        [[1, -1], [2, "0.1"]],
        [["1.5", "0.1"], ["2.5", "0.5"]],
        [[-2, 3], [0, 2]],
    ]))  # fmt: skip
    assert same(explanation.gradients, exact([
        [[2, 3], [4, 2]],
        [[3, 5], [6, 3]],
        [["0.1", "-0.1"], ["0.2", "0.2"]],
    ]))  # fmt: skip
    assert same(explanation.alphas, exact(["2.75", "4.25", "0.1"]))
    assert same(explanation.weighted_sum, exact([["8.925", "-2.025"], ["16.125", "2.6"]]))
    assert same(explanation.weighted_sum, exact([["357/40", "-81/40"], ["129/8", "13/5"]]))
    assert same(explanation.localization_map, exact([["8.925", 0], ["16.125", "2.6"]]))
    assert explanation.score == Fraction("28.6") == Fraction(143, 5)


def test_the_constants_are_the_stages():
    explanation = explain()
    for name in ("feature_maps", "gradients", "alphas", "weighted_sum", "localization_map", "image"):
        assert same(getattr(explanation, name), getattr(worked_example, name.upper()))
    assert worked_example.CLASS_NAMES == ("cat", "elephant")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("c", [CAT, ELEPHANT])
def test_every_element_of_every_stage_is_a_fraction(head, c):
    explanation = explain(head, c)
    stages = [value for value in vars(explanation).values() if isinstance(value, np.ndarray)]
    stages += [explanation.counterfactual_map, explanation.channel_shares]
    stages += worked_example.network(head).activations(IMAGE[None]).values()
    assert len(stages) > 10
    assert {type(element) for stage in stages for element in stage.flat} == {Fraction}
    assert type(explanation.score) is Fraction


def test_a_unit_more_in_a_cell_brings_what_its_gradient_says():
    """ "The value 2 in dy/dA^1": and so for every cell of the linear head."""
    _, head = worked_example.network().split("features")
    for index in np.ndindex(FEATURE_MAPS.shape):
        more = FEATURE_MAPS.copy()
        more[index] += 1
        assert head(more[None])[0, CAT] - head(FEATURE_MAPS[None])[0, CAT] == GRADIENTS[index]


def test_the_background_kernel_counts_for_little():
    """A^3 differs most within itself, α_3 is the smallest, and α_3 A^3 is 2.2 % of what the maps contribute."""
    explanation = explain()
    assert np.ptp(FEATURE_MAPS, axis=(1, 2)).argmax() == np.abs(explanation.alphas).argmin() == 2
    contributions = np.abs(explanation.weighted_maps).sum(axis=(1, 2))
    assert same(contributions, exact(["11.275", "19.55", "0.7"]))
    assert same(explanation.channel_shares, contributions / Fraction("31.525"))
    assert [f"{100 * float(share):.1f}" for share in explanation.channel_shares] == ["35.8", "62.0", "2.2"]


# --- The network ------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["linear", "conv"])
def test_the_elephant(head):
    explanation = explain(head, ELEPHANT)
    assert explanation.score == Fraction("8.5")
    assert same(explanation.alphas, exact(["-0.5", "-0.25", 2]))
    assert same(explanation.weighted_sum, exact([["-4.875", "6.475"], ["-1.625", "3.825"]]))
    assert same(explanation.gradients, exact([[[-1, 0], [-1, 0]], [[0, 0], [-1, 0]], [[1, 4], [1, 2]]]))


def test_the_conv_head_before_its_relu():
    activations = worked_example.network("conv").activations(IMAGE[None])
    assert same(activations["conv"][0], exact([
        [["6.1", "11.5", "-2.8"], ["22.2", "28.6", "2.4"], ["18.5", "14.1", "1.9"]],
        [[-4, "1.5", "3.9"], [-8, "8.5", "5.4"], [0, 6, "1.9"]],
    ]))  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_the_heads_have_no_biases_so_the_score_is_gradient_times_input(head):
    network = worked_example.network(head)
    for c in (CAT, ELEPHANT):
        explanation = explain(head, c)
        assert inner(explanation.gradients, explanation.feature_maps) == explanation.score
        assert inner(network.backward(exact([[1 - c, c]]), IMAGE[None]), IMAGE[None]) == explanation.score


def test_the_dead_unit():
    network = worked_example.network("dead-unit")
    hidden = network.activations(IMAGE[None])["hidden"]
    assert hidden.ravel().tolist() == list(exact(["7.2", "21.5", "-0.1", -3, "-2.5", 14]))
    explanation = explain("dead-unit")
    assert explanation.score == Fraction("28.7")
    assert same(explanation.alphas, exact(["2.75", "4.25", 0]))
    assert not explanation.gradients[2].any()
    assert same(explanation.weighted_sum, exact([["9.125", "-2.325"], ["16.125", "2.4"]]))


def test_a_bias_wakes_the_dead_unit():
    """With a bias of 1 on every third unit the gradients of the cat are the document's again, and y is one more."""
    layers = dict(worked_example.network("dead-unit").layers)
    layers["hidden"] = replace(layers["hidden"], bias=exact([0, 0, 1, 0, 0, 1]))
    explanation = explain(network=Network(list(layers.items()), target_layer="features"))
    assert same(explanation.gradients, GRADIENTS)
    assert explanation.score == Fraction("28.6") + 1


def test_a_relu_directly_on_the_maps_could_not_have_these_gradients():
    """Cells of A that are not positive have gradients that are not zero: the maps are taken before any ReLU."""
    shut = FEATURE_MAPS <= 0
    assert GRADIENTS[shut].tolist() == list(exact([3, "0.1", "0.2"]))
    assert not ReLU().backward(GRADIENTS, FEATURE_MAPS)[shut].any()


# --- Golden values ----------------------------------------------------------------------------------


def test_channel_sums_and_counterfactual():
    explanation = explain()
    assert same(FEATURE_MAPS.sum(axis=(1, 2)), exact(["2.1", "4.6", 3]))
    assert same(explanation.counterfactual_map, exact([[0, "2.025"], [0, 0]]))


def test_grad_cam_is_not_complete():
    assert explain().weighted_sum.sum() == Fraction("25.625") != explain().score


def test_the_gradient_of_the_picture():
    gradient = worked_example.network().backward(exact([[1, 0]]), IMAGE[None])[0, 0]
    assert same(gradient, exact([
        ["3.3", "-1.4", "5.4", "-2.8"],
        ["6.3", "3.3", "10.7", "5.2"],
        ["6.6", "-2.8", "3.2", "-1.1"],
        ["12.6", "6.6", "6.1", "3.3"],
    ]))  # fmt: skip


# --- The twin ---------------------------------------------------------------------------------------


def test_the_twin_has_the_same_scores_on_every_picture():
    """Both networks are linear, so the 16 unit pictures prove it."""
    network, twin = worked_example.network(), worked_example.twin()
    assert all(type(layer) in (Conv2d, Flatten, Linear) for one in (network, twin) for _, layer in one.layers)
    assert all(layer.parameters.get("bias") is None for one in (network, twin) for _, layer in one.layers)
    units = as_fractions(np.eye(16, dtype=int)).reshape(16, 1, 4, 4)
    assert same(twin(units), network(units))


def test_the_twin_has_another_grad_cam():
    """Its map peaks in the middle of the picture, and the network's at the bottom left."""
    twin = explain(network=worked_example.twin())
    assert twin.score == explain().score
    assert same(twin.alphas, worked_example.ALPHAS * 4 / 9)
    expected = exact([[0] * 3] * 3)
    expected[:2, 1:] = worked_example.WEIGHTED_SUM * 4 / 9
    assert same(twin.weighted_sum, expected)
    assert np.unravel_index(twin.localization_map.argmax(), (3, 3)) == (1, 1)
    assert np.unravel_index(explain().localization_map.argmax(), (2, 2)) == (1, 0)


def test_the_twin_in_floats():
    assert worked_example.twin(exact=False)["linear"].weight.dtype == np.float64
    assert worked_example.twin().target_layer == "features"


# --- Floats -----------------------------------------------------------------------------------------


@pytest.fixture
def floats() -> Explanation:
    """The document's maps and gradients as they are, in float64; not those of a convolution in float64."""
    linear = Linear(as_floats(worked_example.network()["linear"].weight))
    identity = Conv2d(np.eye(3)[:, :, None, None])
    flatten = worked_example.network()["flatten"]
    network = Network([("features", identity), ("flatten", flatten), ("linear", linear)])
    return grad_cam(network, as_floats(FEATURE_MAPS), CAT)


def test_in_float64_the_map_is_bit_exact_and_one_cell_of_the_sum_is_an_ulp_off(floats):
    assert same(floats.localization_map, as_floats(worked_example.LOCALIZATION_MAP))
    assert floats.weighted_sum.tolist() == [[8.925, -2.0250000000000004], [16.125, 2.6]]
    assert math.nextafter(-2.025, -3) == -2.0250000000000004
    for order in itertools.permutations(range(3)):
        total = floats.weighted_maps[order[0]] + floats.weighted_maps[order[1]] + floats.weighted_maps[order[2]]
        assert same(np.maximum(total, 0), as_floats(worked_example.LOCALIZATION_MAP))
    terms = floats.weighted_maps[:, 0, 1]
    assert terms[2] + terms[1] + terms[0] == math.fsum(terms) == -2.025


def test_in_float32_one_cell_depends_on_the_order_of_the_sum(floats):
    terms = (floats.alphas.astype(np.float32)[:, None, None] * FEATURE_MAPS.astype(np.float32))[:, 1, 1]
    totals = [terms[i] + terms[j] + terms[k] for i, j, k in itertools.permutations(range(3))]
    assert sum(total != np.float32(2.6) for total in totals) == 4
    assert {abs(total - np.float32(2.6)) for total in totals} == {np.float32(0), np.spacing(np.float32(2.6))}


def test_the_convolution_in_float64_rounds():
    explanation = grad_cam(worked_example.network(exact=False), as_floats(IMAGE), CAT)
    assert explanation.feature_maps[0, 1, 1] == 0.10000000000000009 == 1.1 - 1.0
    assert explanation.score in (28.6, 28.599999999999998)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("c", [CAT, ELEPHANT])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_floats_stay_within_the_derived_bound(head, c, dtype):
    """|float - exact| ≤ n u/(1 - n u) · Σ|terms| for L, from the rounded inputs on; n counts all the operations.

    A cell of A is the sum of four products of rounded numbers (n = 4 + 2), α_k the mean of four gradients, themselves
    rounded sums (n = 4 + 2), their product and the sum of three such: below 20 in all.
    """
    network, true = worked_example.network(head), explain(head, c)
    network_in_floats = as_floats(network, dtype)
    explanation = grad_cam(network_in_floats, as_floats(IMAGE, dtype), c)
    assert explanation.weighted_sum.dtype == dtype
    absolute = [np.abs(network["features"].weight), np.abs(true.gradients)]
    maps = Conv2d(absolute[0], stride=2)(np.abs(IMAGE[None]))[0]
    sizes = absolute[1].sum(axis=(1, 2)) / Fraction(4)
    bound = rounding(20, dtype) * (sizes[:, None, None] * maps).sum(axis=0)
    error = np.abs(as_fractions(explanation.weighted_sum) - true.weighted_sum)
    assert (error <= bound).all()


# --- Interface --------------------------------------------------------------------------------------


def test_networks_in_floats_are_the_same_networks():
    for head in HEADS:
        network, in_floats = worked_example.network(head), worked_example.network(head, exact=False)
        assert in_floats.dtype == np.float64
        assert in_floats.target_layer == "features"
        assert all(same(in_floats.parameters[name], as_floats(value)) for name, value in network.parameters.items())


def test_an_unknown_head_is_refused():
    message = "head must be one of 'linear', 'conv', 'dead-unit', got 'gap'."
    assert refusal(ValueError, lambda: worked_example.network("gap")) == message


def test_the_constants_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        worked_example.FEATURE_MAPS[0, 0, 0] = 3
