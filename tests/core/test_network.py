"""The network: its interface, and the laws that name its parts. That its gradient is one, test_ours asks."""

from copy import deepcopy
from fractions import Fraction

import numpy as np
import pytest
from helpers import inner, refusal, same
from hypothesis import given
from hypothesis import strategies as st
from own_layers import ScaleThatLearns, Square, Wrapping

from numpycam import Conv2d, Flatten, Layer, Linear, Network, ReLU, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.strategies import network_cases, tensors

# --- Laws -------------------------------------------------------------------------------------------


def scores_gradient(data, network, x):
    return data.draw(tensors(network.output_shape(x.shape)))


@pytest.mark.law("bp.chain")
@given(network_cases(), st.data())
def test_the_backward_pass_of_a_network_is_that_of_its_parts_wherever_it_is_cut(case, data):
    """The backward pass of a composition is the composition of the backward passes, wherever one cuts."""
    network, x = case
    u = scores_gradient(data, network, x)
    cut = data.draw(st.sampled_from(["input", *(name for name, _ in network.layers)]))
    features, head = network.split(cut)
    middle = features.forward(x)
    assert same(network.activations(x)[cut], middle)
    assert same(head.forward(middle), network.forward(x))
    assert same(features.backward(head.backward(u, middle), x), network.backward(u, x))


@pytest.mark.law("bp.full")
@given(network_cases(), st.data())
def test_the_score_is_gradient_times_input_plus_the_gradients_of_the_biases_times_the_biases(case, data):
    """<u, f(x)> = <∇, x> + Σ <∂/∂b, b>: the full-gradient decomposition (Srinivas & Fleuret 2019)."""
    network, x = case
    u = scores_gradient(data, network, x)
    gradients = network.parameter_gradients(u, x)
    biases = sum(inner(gradients[name], b) for name, b in network.parameters.items() if name.endswith("bias"))
    assert inner(u, network.forward(x)) == inner(network.backward(u, x), x) + biases


@pytest.mark.law("bp.pure")
@given(network_cases(), st.data())
def test_activations_and_gradients_stay_what_they_are(case, data):
    network, x = case
    u, other = scores_gradient(data, network, x), data.draw(tensors(x.shape))
    activations = network.activations(x)
    gradients = network.gradients(activations, u)
    before = deepcopy([activations, gradients])
    network.backward(-u, other)
    network.parameter_gradients(u, x, activations)
    for kept, copied in zip([activations, gradients], before, strict=True):
        assert all(same(value, copied[name]) for name, value in kept.items())


# --- Interface --------------------------------------------------------------------------------------


@pytest.fixture
def network():
    return worked_example.network("conv")


def test_activations_are_all_outputs_in_order(network):
    x = worked_example.IMAGE[None]
    activations = network.activations(x)
    assert list(activations) == ["input", "features", "conv", "relu", "max_pool", "flatten"]
    assert same(activations["input"], x)
    assert same(activations["features"], network["features"](x))
    assert same(activations["relu"], ReLU()(activations["conv"]))
    assert same(activations["flatten"], network(x))


def test_gradients_go_down_to_where_they_are_asked_for(network):
    x = worked_example.IMAGE[None]
    u = as_fractions([[1, 0]])
    activations = network.activations(x)
    to_input, to_relu = network.gradients(activations, u), network.gradients(activations, u, to="relu")
    assert list(to_input) == ["flatten", "max_pool", "relu", "conv", "features", "input"]
    assert list(to_relu) == ["flatten", "max_pool", "relu"]
    assert same(to_input["input"], network.backward(u, x))
    assert all(same(to_relu[name], to_input[name]) for name in to_relu)
    assert all(to_input[name].shape == activations[name].shape for name in to_input)


def test_gradients_compute_nothing_below(network):
    """Below the layer asked for, the activations are not even looked at."""
    activations = network.activations(worked_example.IMAGE[None])
    above = {name: value for name, value in activations.items() if name not in ("input", "features")}
    assert list(network.gradients(above, as_fractions([[1, 0]]), to="conv"))[-1] == "conv"


def test_parameter_gradients_take_given_activations(network):
    x, u = worked_example.IMAGE[None], as_fractions([[1, 0]])
    expected = network.parameter_gradients(u, x)
    given_activations = network.parameter_gradients(u, x, network.activations(x))
    assert list(expected) == ["features.weight", "conv.weight"]
    assert all(same(expected[name], given_activations[name]) for name in expected)


def test_parameter_gradients_do_not_compute_that_of_the_input(network):
    class NoInputGradient(Conv2d):
        def backward(self, grad_output, x):
            raise AssertionError("the gradient of the input is not needed")

    first = NoInputGradient(network["features"].weight, stride=2)
    guarded = Network([("features", first), *network.layers[1:]])
    x, u = worked_example.IMAGE[None], as_fractions([[1, 0]])
    expected = network.parameter_gradients(u, x)["features.weight"]
    assert same(guarded.parameter_gradients(u, x)["features.weight"], expected)


def test_a_network_is_a_layer(network):
    features, head = network.split("features")
    nested = Network([("features", features), ("head", head)])
    x, u = worked_example.IMAGE[None], as_fractions([[1, 0]])
    assert isinstance(network, Layer)
    assert same(nested(x), network(x))
    assert same(nested.backward(u, x), network.backward(u, x))
    assert list(nested.parameters) == ["features.features.weight", "head.conv.weight"]
    assert same(nested.parameter_gradients(u, x)["head.conv.weight"], network.parameter_gradients(u, x)["conv.weight"])
    assert sum(row.multiply_adds for row in nested.summary((1, 4, 4)).rows) == 264


def test_the_empty_network_is_the_identity():
    x = np.ones((2, 3))
    empty = Network([])
    assert same(empty(x), x)
    assert same(empty.backward(x, x), x)
    assert empty.parameter_gradients(x, x) == {}


def test_any_layer_with_the_three_methods_will_do():
    class Double(Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x):
            return 2 * x

        def backward(self, grad_output, x):
            return 2 * grad_output

    network, x = Network([("double", Double()), ("flatten", Flatten())]), np.ones((1, 1, 2, 3))
    assert network(x).tolist() == [[2] * 6]
    assert same(network.backward(np.ones((1, 6)), x), 2 * x)
    assert network.parameters == {}


def test_integers_take_the_dtype_of_the_network():
    image = np.array([[[[200, 100]]]], dtype=np.uint8)
    for dtype in (np.float32, np.float64):
        network = Network([("conv", Conv2d(np.ones((1, 1, 1, 2), dtype)))])
        assert network(image).item() == 300
        assert network(image).dtype == dtype
    exact = Network([("conv", Conv2d(as_fractions([[[[1, "1/3"]]]])))])
    assert exact(image).item() == Fraction(700, 3)
    assert type(exact(image).item()) is Fraction
    assert Network([("relu", ReLU())])(image).dtype == np.float64


def test_what_is_written_into_the_dictionary_of_parameters_changes_no_network(network):
    names = [*network.parameters]
    assert names
    network.parameters.clear()
    network.parameters["more"] = np.ones(1)
    assert [*network.parameters] == names


def test_the_dtype_is_that_of_all_parameters_together():
    layers = [("a", Linear(np.ones((1, 1), np.float32))), ("b", Linear(np.ones((1, 1))))]
    assert Network(layers).dtype == np.float64
    assert Network(layers[:1]).dtype == np.float32


def test_a_network_does_not_change_with_the_dictionary_of_its_parameters(network):
    network.parameters.clear()
    assert list(network.parameters) == ["features.weight", "conv.weight"]
    assert network.dtype == object


def test_a_network_does_not_change_with_the_list_it_was_made_of():
    layers = [("a", ReLU())]
    network = Network(layers)
    layers.append(("b", ReLU()))
    assert [name for name, _ in network.layers] == ["a"]


def test_the_parts_of_a_split_declare_no_target(network):
    assert [part.target_layer for part in network.split("conv")] == [None, None]


def test_the_parts_of_a_split_are_networks_of_the_same_class(network):
    class Own(Network):
        pass

    for cut in ("conv", "block.conv"):
        whole = Own([("block", network), *network.layers])
        assert [type(part) for part in whole.split(cut)] == [Own, Own]


def test_a_network_is_written_as_the_code_that_makes_it(network):
    assert repr(network).splitlines()[:2] == [
        "Network([",
        "    ('features', Conv2d(weight=(3, 1, 2, 2), stride=2)),",
    ]
    assert repr(network).endswith("target_layer='features')")


# --- Bad input --------------------------------------------------------------------------------------


def test_layers_must_have_names_of_their_own():
    relu = ReLU()
    assert refusal(ValueError, lambda: Network([("a", relu), ("a", relu)])) == (
        "the names of the layers must be distinct, got ['a', 'a']."
    )
    for name in ("input", "", 1):
        assert refusal(ValueError, lambda name=name: Network([(name, relu)])) == (
            f"a layer's name must be a non-empty string other than 'input', got {name!r}."
        )
    assert refusal(TypeError, lambda: Network([("a", np.maximum)])) == (
        "layer 'a' must be a numpycam Layer such as ReLU(), got <ufunc 'maximum'>."
    )
    assert refusal(TypeError, lambda: Network([relu])) == "layers must be pairs (name, layer), got ReLU()."
    assert refusal(TypeError, lambda: Network({"a": relu})) == "layers must be pairs (name, layer), got 'a'."


def test_activations_that_are_not_all_there_are_refused(network):
    x, u = worked_example.IMAGE[None], as_fractions([[1, 0]])
    activations = network.activations(x)
    del activations["input"], activations["relu"]
    message = "activations must hold all that network.activations(x) returns; missing: ['relu']."
    assert refusal(ValueError, lambda: network.gradients(activations, u, to="conv")) == message
    backwards = dict(reversed(network.activations(x).items()))
    expected = network.parameter_gradients(u, x)
    assert all(same(value, expected[name]) for name, value in network.parameter_gradients(u, x, backwards).items())


def test_given_activations_are_not_computed_again(network, monkeypatch):
    x, u = worked_example.IMAGE[None], as_fractions([[1, 0]])
    activations = network.activations(x)
    monkeypatch.setattr(Network, "activations_of", None)
    assert list(network.parameter_gradients(u, x, activations)) == ["features.weight", "conv.weight"]


def test_a_float_that_hides_among_objects_is_refused(network):
    message = refusal(TypeError, lambda: network.backward(np.array([[1.0, 0]], object), worked_example.IMAGE[None]))
    assert message.startswith("grad_output must hold Fractions or ints only if its dtype is object, got float")
    whole = network.backward(np.array([[1, 0]], object), worked_example.IMAGE[None])
    assert {type(element) for element in whole.flat} == {Fraction}


def test_parameters_must_have_names_of_their_own():
    one = Linear([[1.0]])
    message = refusal(ValueError, lambda: Network([("a", Network([("b", one)])), ("a.b", one)]))
    assert message == "the names of the layers must be distinct, got ['a.b', 'a', 'a.b']."
    message = refusal(ValueError, lambda: Network([("a", Wrapping(one)), ("a.inside", one)]))
    assert message == "two parameters have the same name in ['a.inside.weight']: rename a layer."


def test_unknown_names_are_met_with_those_that_exist(network):
    expected = (
        "the network has no layer 'feature', only 'input', 'features', 'conv', 'relu', 'max_pool', 'flatten'. "
        "Did you mean 'features'?"
    )
    assert refusal(ValueError, lambda: network.split("feature")) == expected
    assert refusal(ValueError, lambda: Network(network.layers, target_layer="feature")) == expected
    assert refusal(ValueError, lambda: network["feature"]) == expected
    assert refusal(ValueError, lambda: network.gradients({}, as_fractions([[1, 0]]), to="zzz")).endswith("'flatten'.")


def test_floats_and_fractions_do_not_meet(network):
    x = as_floats(worked_example.IMAGE[None])
    convert = "; convert one of them with numpycam.exact.as_fractions or numpycam.exact.as_floats."
    assert refusal(TypeError, lambda: network(x)) == "x holds floats but features.weight holds Fractions" + convert
    assert refusal(TypeError, lambda: as_floats(network)(worked_example.IMAGE[None])) == (
        "features.weight holds floats but x holds Fractions" + convert
    )
    mixed = [("a", Linear([[1.0]])), ("b", Linear(as_fractions([[1]])))]
    assert refusal(TypeError, lambda: Network(mixed)) == "a.weight holds floats but b.weight holds Fractions" + convert
    exact = worked_example.IMAGE[None]
    assert refusal(TypeError, lambda: network.backward(np.ones((1, 2)), exact)).startswith(
        "grad_output holds floats but the output holds Fractions"
    )


def test_gradients_of_another_shape_are_refused(network):
    message = refusal(ValueError, lambda: network.backward(as_fractions([[1, 0, 0]]), worked_example.IMAGE[None]))
    assert message == "grad_output must have shape (1, 2), got (1, 3)."


def test_a_network_without_layers_gives_back_the_gradient_checked_and_read_only():
    x, gradient = np.ones((1, 2)), np.array([[1.0, 2.0]])
    returned = Network([]).backward(gradient, x)
    assert (returned.tolist(), returned.flags.writeable, gradient.flags.writeable) == ([[1, 2]], False, True)
    message = refusal(ValueError, lambda: Network([]).backward(np.ones((1, 3)), x))
    assert message == "grad_output must have shape (1, 2), got (1, 3)."


def test_integer_gradients_are_refused(network):
    message = refusal(TypeError, lambda: as_floats(network).backward(np.array([[1, 0]]), np.zeros((1, 1, 4, 4))))
    assert message == (
        "grad_output must hold floats or Fractions, got dtype int64: integers may have been cut off. "
        "If they are exact, pass np.asarray(grad_output, float)."
    )


def test_an_image_of_another_size_is_refused_before_anything_is_computed():
    network = worked_example.network("linear")
    assert refusal(ValueError, lambda: network(as_fractions(np.zeros((1, 1, 8, 8))))) == (
        "layer 'linear': Linear expects x of shape (N, 12), got (1, 48)."
    )


# --- Other parameters -------------------------------------------------------------------------------


@given(network_cases(), st.data())
def test_with_parameters_is_the_same_network_with_others(case, data):
    """Whether flat or nested: what is not named stays."""
    flat, x = case
    nested = Network([("front", Network(flat.layers[:3])), ("back", Network(flat.layers[3:]))], target_layer="back")
    for network in (flat, nested):
        names = data.draw(st.sets(st.sampled_from([*network.parameters])))
        given_to_it = {name: data.draw(tensors(network.parameters[name].shape)) for name in names}
        other = network.with_parameters(given_to_it)
        assert (other.target_layer, [*other.parameters]) == (network.target_layer, [*network.parameters])
        for name, value in (network.parameters | given_to_it).items():
            assert same(other.parameters[name], value)
            assert name in names or same(network.parameters[name], other.parameters[name])
        back = other.with_parameters(network.parameters)
        assert same(back(x), network(x))
        assert same(
            other(x), flat.with_parameters(dict(zip(flat.parameters, other.parameters.values(), strict=True)))(x)
        )


def test_a_network_with_other_parameters_computes_with_them():
    network = Network([("a", Linear([[1.0, 2.0]])), ("b", Network([("c", Linear([[3.0]], [4.0]))]))])
    other = network.with_parameters({"a.weight": np.array([[5.0, 6.0]]), "b.c.bias": np.array([7.0])})
    assert other([[1, 1]]).tolist() == [[3 * 11 + 7]]
    assert network([[1, 1]]).tolist() == [[3 * 3 + 4]]
    assert network.with_parameters({})([[1, 1]]).tolist() == [[13]]


def test_a_layer_of_which_nothing_is_named_stays_itself():
    """NaN and all: what was let in is not refused because something else changes."""
    odd = Linear([[np.nan]], check_finite=False)
    network = Network([("odd", odd), ("linear", Linear([[1.0]]))])
    assert network.with_parameters({"linear.weight": np.array([[2.0]])})["odd"] is odd


def test_other_parameters_that_are_refused(network):
    message = refusal(ValueError, lambda: network.with_parameters({"conv.wait": 1}))
    assert message.startswith("there is no parameter 'conv.wait', only 'features.weight'")
    message = refusal(ValueError, lambda: network.with_parameters({"conv.weight": as_fractions([1, 2])}))
    assert message == f"conv.weight must have shape {network['conv'].weight.shape}, got (2,)."
    floats = {"conv.weight": as_floats(network["conv"].weight)}
    assert "floats" in refusal(TypeError, lambda: network.with_parameters(floats))


# --- What cannot be -----------------------------------------------------------------------------------------------


def test_a_network_knows_its_names_and_is_a_sequence_of_its_layers():
    network = Network([("block", Network([("relu", ReLU())])), ("flatten", Flatten())])
    assert all(name in network for name in ("block", "block.relu", "flatten"))
    assert not any(name in network for name in ("relu", "input", ""))
    assert network
    assert Network([])
    layers = [layer for _, layer in network.layers]
    assert [*network] == layers
    assert len(network) == 2
    assert [network[0], network[-1]] == [network[np.int64(0)], network[np.int8(-1)]] == layers
    assert [*reversed(network)] == layers[::-1]
    for position in (2, -3):
        message = refusal(IndexError, lambda position=position: network[position])
        assert message == f"the network has 2 layers, none at {position}."
    for no_position in (True, np.True_, 1.0, None):
        message = refusal(ValueError, lambda position=no_position: network[position])
        assert message.startswith(f"the network has no layer {no_position!r}, only 'input', ")
    message = refusal(TypeError, lambda: network[:1])
    assert message == "a slice of a network is no layer: network.split(name) cuts it in two."
    message = refusal(TypeError, lambda: ReLU() in network)
    assert message == "network holds names of layers, not ReLU: its layers are network.layers."


@pytest.mark.parametrize(("layers", "came"), [(None, "NoneType"), (3, "int"), (ReLU(), "ReLU")])
def test_what_is_no_sequence_of_layers_is_refused(layers, came):
    message = refusal(TypeError, lambda: Network(layers))
    assert message == f"layers must be a sequence of pairs (name, layer), got {came}."


def test_activations_that_are_no_dict_are_refused():
    message = refusal(TypeError, lambda: Network([("relu", ReLU())]).gradients(None, np.ones((1, 2))))
    assert message == "activations must be the dict that network.activations(x) returns, got NoneType."


class Rude(Layer):
    """y = x, but for what one of its methods returns."""

    def __init__(self, **returned):
        self._set(returned=returned)

    def output_shape(self, input_shape):
        return self.returned.get("output_shape", input_shape)

    def forward(self, x):
        return self.returned.get("forward", x)

    def backward(self, grad_output, x):
        return self.returned.get("backward", grad_output)


@pytest.mark.parametrize(
    ("method", "returned", "message"),
    [
        ("output_shape", None, "output_shape must return a tuple of ints, got None."),
        ("output_shape", [1, 2], "output_shape must return a tuple of ints, got [1, 2]."),
        ("output_shape", (1, 2.0), "output_shape must return a tuple of ints, got (1, 2.0)."),
        ("forward", None, "forward must return an array, got NoneType."),
        ("forward", [[1.0, 2.0]], "forward must return an array, got list."),
        ("forward", np.float64(3), "forward must return an array, got float64."),
        ("backward", None, "backward must return an array, got NoneType."),
        ("backward", [[1.0, 2.0]], "backward must return an array, got list."),
        ("backward", np.ones(2), "backward must return an array of shape (1, 2), as x has, got (2,)."),
    ],
)
def test_a_layer_that_returns_what_it_must_not_is_named(method, returned, message):
    network = Network([("block", Network([("rude", Rude(**{method: returned}))])), ("relu", ReLU())])
    x = np.ones((1, 2))
    actions = [lambda: network.backward(x, x)]
    if method != "backward":
        actions += [lambda: network(x), lambda: network.activations(x, since="relu")]
    for action in actions:
        error = ValueError if "of shape" in message else TypeError
        assert refusal(error, action) == f"layer 'block.rude': {message}"


def test_what_is_no_input_shape_is_refused():
    network = Network([("relu", ReLU())])
    for shape in (None, 3, "ab", [1, 2]):
        message = refusal(TypeError, lambda shape=shape: network.output_shape(shape))
        assert message == f"input_shape must be a tuple of ints, got {shape!r}."


class SquareInPlace(Layer):
    """y = x², written over x: the backward pass is then given y for x."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        x *= x
        return x

    def backward(self, grad_output, x):
        return 2 * x * grad_output


class SlopeInPlace(Square):
    """The gradient is written over grad_output, which another one may be going to read."""

    def backward(self, grad_output, x):
        grad_output *= 2 * x
        return grad_output


class LearnsInPlace(ScaleThatLearns):
    """grad_output and x are written over by the gradient of the factor."""

    def parameter_gradients(self, grad_output, x):
        grad_output *= x
        return {"factor": np.asarray(grad_output.sum())}


def test_a_layer_that_computes_in_place_fails_and_destroys_nothing():
    layers = [("first", Linear([[3.0]])), ("own", SquareInPlace()), ("last", Linear([[1.0]]))]
    x, one = np.array([[5.0]]), np.array([[1.0]])
    network, alone = Network(layers), Network([("own", SquareInPlace())])
    backwards = Network([*layers[:1], ("own", SlopeInPlace()), *layers[2:]])
    learns = Network([*layers[:1], ("own", LearnsInPlace(np.array(2.0))), *layers[2:]])
    for run in (
        lambda: network(x),
        lambda: alone(x),
        lambda: network.activations(x),
        lambda: network.activations(x, since="own"),
        lambda: backwards.gradients(backwards.activations(x), one),
        lambda: learns.parameter_gradients(one, x),
    ):
        assert "read-only" in refusal(ValueError, run)
    assert x == 5
    assert Network([*layers[:1], ("own", Square()), *layers[2:]]).backward(one, x) == 2 * 15 * 3


def test_what_goes_into_a_network_is_named_x_and_may_hold_nan():
    network = Network([("relu", ReLU())])
    assert np.isnan(network(np.full((1, 1, 2, 3), np.nan))).all()
    assert refusal(TypeError, lambda: network("a")).startswith("x must hold floats")


def test_activations_are_arrays():
    network = Network([("relu", ReLU())])
    message = refusal(TypeError, lambda: network.gradients({"input": [1.0], "relu": np.ones(1)}, np.ones(1)))
    assert message.startswith("x must be an array of float32, float64 or Fractions, got list")
    message = refusal(TypeError, lambda: network.gradients([1.0], np.ones(1)))
    assert message == "activations must be the dict that network.activations(x) returns, got list."
