"""The residual block: the laws of every layer, and what each method makes of two ways that meet."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import inner, refusal, same
from hypothesis import assume, given
from hypothesis import strategies as st

from numpycam import (
    Conv2d,
    GlobalAvgPool2d,
    Layer,
    Linear,
    Network,
    ReLU,
    Residual,
    grad_cam,
    interventions,
    methods,
)
from numpycam.core.steps import gather
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.training import fit
from numpycam.laws.strategies import residual_cases, tensors
from numpycam.methods.quadrature import midpoint_error
from numpycam.methods.saliency import _biases
from numpycam.path import passages

DOUBLE = Conv2d(as_fractions([[[[2]]]]))
BODY = Network([("conv", DOUBLE), ("relu", ReLU())])
IMAGE = as_fractions([[[1, -2, 3], [-4, 5, 0]]])
HEAD = [("mean", GlobalAvgPool2d()), ("linear", Linear(as_fractions([[1], [-1]])))]


def between(block):
    """A network with a block between a convolution and a head."""
    return Network([("stem", Conv2d(as_fractions([[[[1]]]]))), ("block", block), *HEAD])


# --- The block ------------------------------------------------------------------------------------------------------


def test_values_add_up():
    """2 · 3 + 3 = 9, and max(2 · -2, 0) + -2 = -2."""
    assert same(Residual(BODY)(IMAGE[None])[0], as_fractions([[[3, -2, 9], [-4, 15, 0]]]))


def test_gradients_add_up():
    """Where the ReLU is open, 2 + 1; where it is shut, 0 + 1."""
    ones = IMAGE[None] * 0 + 1
    assert same(Residual(BODY).backward(ones, IMAGE[None])[0], as_fractions([[[3, 1, 3], [1, 3, 1]]]))


def gates(network, x):
    """Which ReLUs are open, also inside of blocks."""
    return [passage.x > 0 for passage in passages(network, x)[0] if isinstance(passage.layer, ReLU)]


@given(residual_cases(), st.data())
def test_the_gradient_by_each_parameter_is_the_difference_quotient_in_one_linear_piece(case, data):
    network, x = case
    u = data.draw(tensors(network.output_shape(x.shape)))
    gradients = network.parameter_gradients(u, x)
    assert gradients.keys() == network.parameters.keys()
    name = data.draw(st.sampled_from([*network.parameters]))
    direction = data.draw(tensors(network.parameters[name].shape))

    def moved(t):
        return network.with_parameters({name: network.parameters[name] + t * direction})

    t = Fraction(1)
    while not all(map(same, gates(network, x), gates(moved(t), x))):
        t /= 8
        assume(t > Fraction(1, 2**20))
    assert inner(moved(t)(x) - network(x), u) == t * inner(gradients[name], direction)


# --- Names, layers, files -------------------------------------------------------------------------------------------


def test_names_of_what_is_inside_begin_with_the_block():
    network = between(Residual(BODY, Network([("conv", DOUBLE)])))
    names = ["stem.weight", "block.body.conv.weight", "block.shortcut.conv.weight", "linear.weight"]
    assert [*network.parameters] == names
    changed = network.with_parameters({"block.body.conv.weight": DOUBLE.weight * 3})
    assert changed["block"].body["conv"].weight.item() == 6
    assert changed["block"].shortcut["conv"].weight.item() == 2


def test_the_last_convolution_may_be_inside():
    """The block as a whole counts: what is behind a convolution inside of it is not taken for an earlier one."""
    assert grad_cam(between(Residual(BODY)), IMAGE).layer == "block"
    assert grad_cam(between(Residual(Network([("relu", ReLU())]))), IMAGE).layer == "stem"


def test_every_place_before_and_after_a_block_can_be_explained():
    network = between(Residual(BODY))
    for layer in ("input", "stem", "block"):
        assert grad_cam(network, IMAGE, 0, layer).layer == layer


@pytest.mark.parametrize("ask", [
    lambda network, name: grad_cam(network, IMAGE, 0, name),
    lambda network, name: network.split(name),
    lambda network, name: network.activations(IMAGE[None], since=name),
    lambda network, name: methods.METHODS["layercam"](network, IMAGE, 0, name),
    lambda network, name: interventions.receptive_field(network, (0, 0), (2, 3), name),
    lambda network, name: replace(network, target_layer=name),
])  # fmt: skip
def test_inside_of_a_block_there_is_no_cut(ask):
    message = refusal(ValueError, lambda: ask(between(Residual(BODY)), "block.body.conv"))
    assert message == (
        "layer 'block.body.conv' is inside of 'block', whose other way goes past it: there the network cannot be cut. "
        "Only all ways together are complete, g ⊙ body(x) + g ⊙ shortcut(x) = g ⊙ y: pass 'block'."
    )


def test_ways_of_different_shapes_are_refused():
    narrow = Network([("conv", Conv2d(as_fractions([[[[1, 1]]]])))])
    assert refusal(ValueError, lambda: between(Residual(narrow))(IMAGE[None])) == (
        "layer 'block': body and shortcut must return the same shape, got (1, 1, 2, 2) and (1, 1, 2, 3) for x "
        "(1, 1, 2, 3)."
    )
    assert refusal(TypeError, lambda: Residual(DOUBLE)).startswith("network must be a numpycam Network, got Conv2d")


def test_it_prints_its_ways():
    assert repr(Residual(Network([]))) == "Residual(Network([]))"
    assert repr(Residual(Network([("relu", ReLU())]), Network([("conv", DOUBLE)]))) == (
        "Residual(Network([\n    ('relu', ReLU()),\n]), Network([\n    ('conv', Conv2d(weight=(1, 1, 1, 1))),\n]))"
    )


def test_the_table_shows_what_is_inside():
    rows = between(Residual(BODY)).summary(IMAGE.shape).rows
    assert [row.name for row in rows] == ["stem", "block.body.conv", "block.body.relu", "block", "mean", "linear"]
    assert (rows[3].layer, rows[3].output_shape, rows[3].parameters) == ("Residual: body + shortcut", (1, 2, 3), 0)
    assert [row.multiply_adds for row in rows] == [6, 6, 0, 0, 0, 2]


@given(residual_cases(kind="float64"))
def test_a_file_keeps_it(tmp_path_factory, case):
    network, x = case
    path = tmp_path_factory.mktemp("residual") / "network.npz"
    network.save(path)
    loaded = Network.load(path)
    assert repr(loaded) == repr(network)
    assert same(loaded(x), network(x))


def test_a_class_that_adds_otherwise_has_no_ways():
    class Halved(Residual):
        def forward(self, x):
            return super().forward(x) / 2

        def backward(self, grad_output, x):
            return super().backward(grad_output / 2, x)

    assert Halved.ways is Layer.ways
    network = between(Halved(BODY))
    assert grad_cam(network, IMAGE, 0, "block").score == grad_cam(between(Residual(BODY)), IMAGE, 0, "block").score / 2
    for ask in (
        lambda: interventions.path(network, 0 * IMAGE, IMAGE),
        lambda: methods.METHODS["full_grad"](network, IMAGE),
    ):
        assert "Halved" in refusal(TypeError, ask)


# --- What the methods make of it --------------------------------------------------------------------------------------


@given(residual_cases(bias=False))
def test_without_biases_the_score_is_gradient_times_value_at_every_cut(case):
    """Euler: a network that scales with its input is the sum of its gradients times its values."""
    network, x = case
    activations = network.activations(x)
    u = np.eye(2, dtype=int)[[0] * len(x)] * as_fractions(1)
    for name, gradient in network.gradients(activations, u).items():
        assert inner(gradient, activations[name]) == network(x)[:, 0].sum()


@given(residual_cases())
def test_hirescam_of_a_block_is_the_sum_over_its_ways(case):
    network, x = case
    explanation = methods.METHODS["hirescam"](network, x, 0, "block")
    before = network.activations(x)["relu"]
    ways = [(explanation.gradients * way(before)).sum(axis=1) for way in network["block"].ways.values()]
    assert same(explanation.weighted_sum, ways[0] + ways[1])


@given(residual_cases())
def test_full_grad_counts_the_biases_of_both_ways(case):
    network, x = case
    evidence = gather(network, x[0], 0, "input", True)
    batch = evidence._replace(image=x[:1], class_index=np.array([0]))
    of_image = inner(evidence.gradients, evidence.image)
    of_biases = sum(inner(offset + 0 * gradient, gradient) for offset, gradient in _biases(batch))
    assert of_image + of_biases == evidence.score


@given(residual_cases())
def test_a_path_is_the_score_and_complete(case):
    network, x = case
    line = interventions.path(network, 0 * x[0], x[0], 0)
    assert line.integrated_gradients.sum() == network(x)[0, 0] - network(0 * x)[0, 0]
    for here, there, y, y_then in zip(line.points, line.points[1:], line.scores, line.scores[1:], strict=False):
        middle = (here + there) / 2
        assert network(middle * x[:1])[0, 0] == (y + y_then) / 2
        assert network(here * x[:1])[0, 0] == y


@given(residual_cases(kind="float64"))
def test_a_path_in_floats_finds_the_kinks_of_fractions(case):
    network, x = case
    exact = interventions.path(as_fractions(network), as_fractions(0 * x[0]), as_fractions(x[0]), 0)
    line = interventions.path(network, 0 * x[0], x[0], 0)
    for kink in exact.kinks:
        assert np.abs(as_floats(line.points) - float(kink)).min() < 1e-9


@given(residual_cases(), st.data())
def test_a_cell_sees_what_changes_it(case, data):
    """Brute force: weights of their sizes and an image of ones, so that no two ways cancel."""
    network, x = case
    sizes = {name: abs(array) * 0 + 1 for name, array in network.parameters.items()}
    network, ones = network.with_parameters(sizes), 0 * x[:1] + 1
    maps = network.activations(ones)["block"]
    cell = data.draw(st.tuples(*(st.integers(0, side - 1) for side in maps.shape[2:])))
    seen = interventions.receptive_field(network, cell, x.shape[2:], "block")
    for row, column in np.ndindex(*x.shape[2:]):
        brighter = ones.copy()
        brighter[..., row, column] += 1
        changes = (network.activations(brighter)["block"] != maps)[0, 0][cell]
        assert changes == seen[row, column]


@given(residual_cases())
def test_guided_backprop_guides_the_relus_inside(case):
    network, x = case

    def guided(network, x, u):
        """Backwards, layer by layer, as the definition says."""
        activations = network.activations(x)
        for (_, layer), of_it in reversed([*zip(network.layers, activations.values(), strict=False)]):
            if isinstance(layer, Residual):
                u = sum(guided(way, of_it, u) for way in layer.ways.values())
            else:
                u = layer.backward(np.maximum(u, 0) if isinstance(layer, ReLU) else u, of_it)
        return u

    explanation = methods.METHODS["guided_backprop"](network, x, 1)
    u = np.eye(2, dtype=int)[[1] * len(x)] * as_fractions(1)
    assert same(explanation.gradients, guided(network, x, u))


def test_the_bound_of_the_midpoint_rule_refuses_two_ways():
    message = refusal(TypeError, lambda: midpoint_error(between(Residual(BODY)), IMAGE, 0, steps=4))
    assert message == "the bound needs layers in one row, but 'block' has two ways: leave steps out, or use path."


@pytest.mark.parametrize("name", [name for name in methods.METHODS if name != "cam"])
def test_every_other_method_runs_at_the_block(name):
    network = as_floats(between(Residual(BODY)))
    at_image = methods.METHODS[name].layer is not None
    explanation = methods.METHODS[name](network, as_floats(IMAGE), 0, None if at_image else "block")
    assert np.isfinite(explanation.weighted_sum).all()


def test_a_block_learns():
    block = Residual(Network([("linear", Linear([[0.5]]))]))
    network = Network([("block", block), ("linear", Linear([[1.0]]))])
    trained, losses = fit(network, [[1.0], [-1.0]], [[1], [0]], epochs=5)
    assert losses[-1] < losses[0]
    assert trained["block"].body["linear"].weight > 0.5
    frozen, _ = fit(network, [[1.0], [-1.0]], [[1], [0]], epochs=5, fixed=["block"])
    assert frozen["block"].body["linear"].weight == 0.5
