"""What is wrapped around a method: laws that hold whatever the method is."""

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import network_cases

from numpycam.exact import as_fractions
from numpycam.methods import METHODS, grad_cam
from numpycam.resize import normalise, resize
from numpycam.wrappers import over_layers, with_mirror

RATIONAL = [METHODS[name] for name in ("grad_cam", "hirescam", "layercam", "element_wise_grad_cam", "gradient")]


@pytest.mark.parametrize("method", RATIONAL, ids=lambda m: m.name)
@given(case=network_cases())
@settings(max_examples=10)
def test_with_mirror_is_the_mean_of_both_maps_and_the_same_for_the_mirror_image(method, case):
    image = case.x[0]
    mirror = image[..., ::-1]
    wrapped = with_mirror(method)
    e, of_mirror = wrapped(case.network, image, 0), wrapped(case.network, mirror, 0)
    one, other = (method(case.network, x, 0).weighted_sum for x in (image, mirror))
    assert (e.weighted_sum * 2 == one + other[:, ::-1]).all()
    assert (of_mirror.weighted_sum == e.weighted_sum[:, ::-1]).all()
    assert (e.weighted_maps.sum(axis=0) == e.weighted_sum).all()
    assert (e.localization_map == np.maximum(e.weighted_sum, as_fractions(0))).all()
    assert (e.alphas, e.method, e.class_index) == (None, f"{method.name} with mirror", 0)


@given(case=network_cases())
@settings(max_examples=10)
def test_with_mirror_explains_the_class_of_the_image_in_both(case):
    e = with_mirror(grad_cam)(case.network, case.x)
    assert (e.class_index == case.network(case.x).argmax(axis=1)).all()
    classes = [int(c) for c in e.class_index]
    assert (e.weighted_sum == with_mirror(grad_cam)(case.network, case.x, classes).weighted_sum).all()
    assert (e[0].weighted_sum == with_mirror(grad_cam)(case.network, case.x[0]).weighted_sum).all()


@given(case=network_cases())
@settings(max_examples=10)
def test_over_layers_adds_the_map_of_each(case):
    image, size = case.x[0], case.x.shape[2:]
    layers = [name for name, a in case.network.activations(case.x).items() if a.ndim == 4][1:]
    e = over_layers(grad_cam, layers)(case.network, image, 0)
    maps = [normalise(resize(grad_cam(case.network, image, 0, layer).localization_map, size)) for layer in layers]
    assert (e.weighted_sum == sum(maps)).all()
    assert (e.weighted_maps == np.array(maps)).all()
    assert e.method == f"Grad-CAM over {', '.join(layers)}"
    assert e.layer == layers[-1]
