"""numpycam against torch: every layer, whole networks and Grad-CAM, forward and backward, on drawn cases."""

import numpy as np
import pytest
from against_torch import agrees, as_torch, disagreements, drawn, operations_of, passes, stages, torch
from hypothesis import given
from hypothesis import strategies as st
from torch_cases import CLASSIFIERS, layers, networks, numbers, sequentials, shapes

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual, grad_cam
from numpycam.interop import from_torch

KINDS = [Conv2d, ReLU, MaxPool2d, AvgPool2d, GlobalAvgPool2d, Flatten, Linear, Residual]


@st.composite
def single_layers(draw, kind, dtype=np.float64):
    in_float64, shape = draw(numbers()), draw(shapes())
    shape = shape[:2] if kind is Linear else shape

    def make(*shape):
        return in_float64(*shape).astype(dtype)

    return Network([("layer", draw(layers(kind, make, shape)))]), make(*shape), make


@pytest.mark.parametrize("kind", KINDS)
@drawn(st.data())
def test_a_layer_agrees_with_torchs(kind, data):
    network, x, make = data.draw(single_layers(kind))
    assert disagreements(network, as_torch(network), x, make(*network.output_shape(x.shape))) == []


@given(st.sampled_from(KINDS).flatmap(lambda kind: single_layers(kind, np.float32)))
def test_a_layer_in_float32_agrees_with_torchs(case):
    network, x, make = case
    assert x.dtype == network(x).dtype == np.float32
    assert disagreements(network, as_torch(network), x, make(*network.output_shape(x.shape))) == []


@drawn(networks(), times=2)
def test_a_network_agrees_with_torchs(case):
    network, x, make = case
    assert disagreements(network, as_torch(network), x, make(*network.output_shape(x.shape))) == []


@drawn(sequentials(), times=2)
def test_what_from_torch_makes_of_a_module_agrees_with_it(case):
    module, x, make = case
    network = from_torch(module, x.shape[1:])
    assert disagreements(network, module, x, make(*network.output_shape(x.shape))) == []


@pytest.mark.parametrize("having", [(), (Residual,)], ids=["anywhere", "at a block"])
@drawn(st.data())
def test_every_stage_of_grad_cam_agrees_with_autograds(having, data):
    network, x, _ = data.draw(networks(CLASSIFIERS, having))
    activations, module = network.activations(x), as_torch(network)
    *_, scores = activations.values()
    layers = [name for name, layer in network.layers if isinstance(layer, having)]
    layer = data.draw(st.sampled_from(layers or [name for name, maps in activations.items() if maps.ndim == 4]))
    class_index = data.draw(st.integers(0, scores.shape[1] - 1))
    one_hot = np.zeros(scores.shape)
    one_hot[:, class_index] = 1
    assert disagreements(network, module, x, one_hot) == []  # among other things they are in the same linear piece

    values, gradients, scales, gradient_scales = passes(module, x, one_hot)
    theirs, scale = stages(values[layer], gradients[layer]), stages(scales[layer], gradient_scales[layer])
    explanation = grad_cam(network, x, class_index, layer)
    for name in theirs:
        assert agrees(getattr(explanation, name), theirs[name], scale[name], operations_of(network, activations))


@pytest.mark.parametrize("layer", [ReLU(), MaxPool2d((1, 3))])
def test_nan_is_where_torch_has_it(layer):
    """Where a window sees one NaN. Of several torch gives the gradient to the last; numpycam says: to the first."""
    x = np.array([[[[np.nan, 5, -1], [2, np.nan, 7], [1, 2, np.nan]]]])
    y, twin = layer.forward(x), torch.tensor(x, requires_grad=True)
    theirs, u = as_torch(layer)(twin), np.arange(1.0, y.size + 1).reshape(y.shape)
    theirs.backward(torch.tensor(u))
    assert np.isnan(y).any()
    np.testing.assert_array_equal(y, theirs.detach().numpy())
    np.testing.assert_array_equal(layer.backward(u, x), twin.grad.numpy())
