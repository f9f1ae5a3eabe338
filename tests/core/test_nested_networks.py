"""A network among the layers of another stands open: its layers have names such as "block.conv"."""

import pickle

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given
from hypothesis import strategies as st
from own_layers import Hiding, Wrapping

from numpycam import Conv2d, Network, ReLU, grad_cam, interventions, worked_example
from numpycam.exact import as_floats
from numpycam.laws.strategies import network_cases, tensors
from numpycam.methods import METHODS


def nested(network):
    """The same layers, in networks of two, the last of them in a network in a network; and the new name of each."""
    layers = list(network.layers)
    pairs = [(f"block{n}", Network(layers[n : n + 2])) for n in range(0, len(layers), 2)]
    pairs[-1] = (pairs[-1][0], Network([("inner", pairs[-1][1])]))
    names = {name: f"block{n - n % 2}.{name}" for n, (name, _) in enumerate(layers)}
    last = len(pairs) * 2 - 2
    names |= {name: f"block{last}.inner.{name}" for name, _ in layers[last:]}
    return Network(pairs, names[network.target_layer]), names


@given(network_cases(), st.data())
def test_a_nested_network_computes_what_the_flat_one_does(case, data):
    network, x = case
    wrapped, names = nested(network)
    u = data.draw(tensors(network.output_shape(x.shape)))
    activations, flat = wrapped.activations(x), network.activations(x)
    gradients, flat_gradients = wrapped.gradients(activations, u), network.gradients(flat, u)
    for name, path in names.items():
        assert same(activations[path], flat[name])
        assert same(gradients[path], flat_gradients[name])
    assert same(wrapped.backward(u, x), network.backward(u, x))
    assert same(wrapped.forward(x), network.forward(x))
    found, expected = wrapped.parameter_gradients(u, x), network.parameter_gradients(u, x)
    for key, value in expected.items():
        layer, _, parameter = key.rpartition(".")
        assert same(found[f"{names[layer]}.{parameter}"], value)


@given(network_cases(), st.data())
def test_a_nested_network_can_be_cut_at_every_name(case, data):
    network, x = case
    wrapped, _ = nested(network)
    name = data.draw(st.sampled_from([*wrapped.activations(x)]))
    features, head = wrapped.split(name)
    middle = features.forward(x)
    assert same(middle, wrapped.activations(x)[name])
    assert same(head.forward(middle), network.forward(x))


def test_only_a_cut_inside_of_a_network_opens_it():
    wrapped, _ = nested(worked_example.network("conv"))
    for name, before, behind in (
        ("input", [], ["block0", "block2", "block4"]),
        ("block0", ["block0"], ["block2", "block4"]),
        ("block4", ["block0", "block2", "block4"], []),
        (
            "block2.relu",
            ["block0.features", "block0.conv", "block2.relu"],
            ["block2.max_pool", "block4.inner.flatten"],
        ),
    ):
        assert [[layer for layer, _ in part.layers] for part in wrapped.split(name)] == [before, behind]


def test_a_network_hides_what_a_layer_inside_of_it_hides():
    hiding = Hiding((Conv2d(np.ones((1, 1, 1, 2))),))
    assert Network([("block", Network([("relu", ReLU()), ("hiding", hiding)]))]).hides_parameters
    assert Network([("block", Network([("wrapping", Wrapping(hiding))])), ("relu", ReLU())]).hides_parameters
    assert not Network([("block", Network([("relu", ReLU())])), ("conv", hiding.layers[0])]).hides_parameters


def test_activations_can_begin_inside_of_a_network():
    wrapped, _ = nested(worked_example.network("conv"))
    x = worked_example.IMAGE[None]
    whole = wrapped.activations(x)
    names = list(whole)
    for n, name in enumerate(names):
        part = wrapped.activations(x, since=name)
        assert list(part) == names[n:]
        assert all(same(values, whole[of_it]) for of_it, values in part.items())
        assert not part[name].flags.writeable


@given(network_cases(head="deep"), st.data())
def test_grad_cam_looks_inside(case, data):
    network, x = case
    wrapped, names = nested(network)
    layer = data.draw(st.sampled_from(["input", "conv", "relu", "pool", "target", "relu2"]))
    flat, inside = grad_cam(network, x, 0, layer), grad_cam(wrapped, x, 0, names.get(layer, layer))
    assert same(flat.weighted_sum, inside.weighted_sum)
    assert inside.layer == names.get(layer, layer)


def test_the_names_stand_in_the_order_of_the_layers_and_a_network_after_its_own():
    wrapped, _ = nested(worked_example.network("conv"))
    assert [*wrapped.activations(worked_example.IMAGE[None])] == [
        *("input", "block0.features", "block0.conv", "block0", "block2.relu", "block2.max_pool", "block2"),
        *("block4.inner.flatten", "block4.inner", "block4"),
    ]
    activations = wrapped.activations(worked_example.IMAGE[None])
    assert activations["block0"] is activations["block0.conv"]


def test_layers_and_networks_are_found_by_their_names():
    network = worked_example.network("conv")
    wrapped, _ = nested(network)
    assert wrapped["block0.conv"] is network["conv"]
    assert wrapped["block4"]["inner.flatten"] is network["flatten"]
    message = refusal(ValueError, lambda: wrapped["conv"])
    assert message.startswith(
        "the network has no layer 'conv', only 'input', 'block0.features', 'block0.conv', 'block0'"
    )
    assert refusal(ValueError, lambda: wrapped["input"]) == "'input' is what goes into the network, not a layer."


def test_the_last_convolution_is_found_inside():
    network = worked_example.network("conv")
    wrapped, _ = nested(network)
    assert grad_cam(Network(wrapped.layers), worked_example.IMAGE).layer == "block0.conv"
    assert grad_cam(wrapped, worked_example.IMAGE).layer == "block0.features"


@pytest.mark.parametrize("name", [name for name in METHODS if name != "cam"])
def test_each_method_is_the_same_for_a_nested_network(name):
    network, image = as_floats(worked_example.network("conv")), as_floats(worked_example.IMAGE)
    wrapped, names = nested(network)
    layer = METHODS[name].layer or "features"
    flat = METHODS[name](network, image, 0, layer).weighted_sum
    assert same(METHODS[name](wrapped, image, 0, names.get(layer, layer)).weighted_sum, flat)


def test_paths_and_receptive_fields_go_inside():
    network = worked_example.network("conv")
    wrapped, _ = nested(network)
    lines = [interventions.path(one, 0 * worked_example.IMAGE, worked_example.IMAGE, 0) for one in (network, wrapped)]
    assert same(lines[0].points, lines[1].points)
    field = interventions.receptive_field(wrapped, (0, 1), 4, "block0.features")
    assert same(field, interventions.receptive_field(network, (0, 1), 4, "features"))


def test_the_table_has_a_row_for_each_layer_inside():
    network = worked_example.network("conv")
    wrapped, names = nested(network)
    flat, inside = network.summary((1, 4, 4)), wrapped.summary((1, 4, 4))
    assert [row._replace(name=names[row.name]) for row in flat.rows] == inside.rows
    assert len(str(inside).splitlines()) == len(str(flat).splitlines())


def test_a_nested_network_reads_with_its_layers_indented():
    network = Network([("block", Network([("inner", Network([("relu", ReLU())])), ("empty", Network([]))]))], "block")
    assert repr(network) == (
        "Network([\n    ('block', Network([\n        ('inner', Network([\n            ('relu', ReLU()),\n        ])),\n"
        "        ('empty', Network([])),\n    ])),\n], target_layer='block')"
    )
    assert repr(eval(repr(network))) == repr(network)


def test_an_empty_network_among_the_layers_changes_nothing():
    empty = Network([("first", Network([])), ("relu", ReLU()), ("last", Network([]))])
    x = np.array([[1.0, -1.0]])
    assert {name: values.tolist() for name, values in empty.activations(x).items()} == {
        "input": [[1, -1]], "first": [[1, -1]], "relu": [[1, 0]], "last": [[1, 0]]
    }  # fmt: skip
    assert same(empty.backward(np.array([[5.0, 7.0]]), x), np.array([[5.0, 0.0]]))
    for name in empty.activations(x):
        features, head = empty.split(name)
        assert same(head(features(x)), empty(x))


class Falsy(ReLU):
    """A layer that counts as false, as one with a length of 0 does."""

    def __len__(self):
        return 0


def test_a_layer_that_counts_as_false_is_run():
    network = Network([("relu", Falsy())])
    assert network([[-1.0]]).tolist() == [[0.0]]
    assert network.activations([[-1.0]])["relu"].tolist() == [[0.0]]
    assert network.backward(np.array([[1.0]]), [[-1.0]]).tolist() == [[0.0]]


def in_networks(depth, network):
    for _ in range(depth):
        network = Network([("block", network)])
    return network


def test_networks_nested_100_deep_work_and_deeper_ones_are_refused():
    deep = in_networks(100, Network([("relu", ReLU())]))
    assert deep([[-1.0, 2.0]]).tolist() == [[0.0, 2.0]]
    assert repr(deep).count("Network(") == 101
    assert repr(pickle.loads(pickle.dumps(deep))) == repr(deep)
    message = refusal(ValueError, lambda: in_networks(1, deep))
    assert message == "networks must be nested at most 100 deep."


def test_no_similar_name_is_looked_for_among_very_many():
    few, many = (Network([(f"{n:0199}", ReLU()) for n in range(count)]) for count in (2, 4000))
    wrong = f"{1:0199}x"
    assert refusal(ValueError, lambda: few[wrong]).endswith(f" Did you mean '{1:0199}'?")
    assert "Did you mean" not in refusal(ValueError, lambda: many[wrong])
