"""What is wrapped around a method: laws that hold whatever the method is."""

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given, settings
from strategies import network_cases

import numpycam
from numpycam import Flatten, Linear, Network, worked_example
from numpycam.exact import as_fractions
from numpycam.methods import METHODS, grad_cam, occlusion
from numpycam.methods.wrappers import over_layers, with_mirror
from numpycam.resize import normalise, resize
from numpycam.targets import Difference

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


def test_the_mirror_image_is_explained_for_the_class_of_the_image_though_it_has_another():
    network = Network([("flatten", Flatten()), ("linear", Linear(as_fractions([[1, 0], [0, 1]])))])
    image = as_fractions([[[2, 1]]])
    e = with_mirror(METHODS["gradient_times_input"])(network, image)  # (2, 0), and of the mirror image (1, 0)
    assert same(e.weighted_sum, as_fractions([[1, "1/2"]]))


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
    assert same(e.alphas, grad_cam(case.network, image, 0, layers[-1]).alphas)
    batch = over_layers(grad_cam, layers)(case.network, case.x, 0)
    assert same(batch.weighted_maps[0], e.weighted_maps)


@pytest.mark.parametrize(
    "wrapped", [with_mirror, lambda method: over_layers(method, ["input"])], ids=["with_mirror", "over_layers"]
)
def test_options_reach_the_method(wrapped):
    network, image = worked_example.network(), worked_example.IMAGE
    options = {"size": (2, 3), "stride": (2, 1), "baseline": 1}

    def explain(network, image, class_index, layer=None, **given):
        assert given == options
        return occlusion(network, image, class_index, layer, **given)

    assert wrapped(explain)(network, image, 0, **options).weighted_sum.shape == (4, 4)
    with pytest.raises(AssertionError):
        wrapped(explain)(network, image, 0)


def test_a_target_is_that_of_all_images_of_a_batch():
    network, images = worked_example.network(), np.stack([worked_example.IMAGE, worked_example.IMAGE[:, ::-1]])
    for target in (Difference({0: 1, 1: -1}), Difference({1: 1})):
        for wrapped in (with_mirror(grad_cam), over_layers(grad_cam, ["input", "features"])):
            batch = wrapped(network, images, target)
            for n, image in enumerate(images):
                assert same(batch[n].weighted_sum, wrapped(network, image, target).weighted_sum)


def test_wrappers_go_around_one_another_and_around_grad_cam():
    network, image, layers = worked_example.network(), worked_example.IMAGE, ["input", "features"]
    both = with_mirror(over_layers(grad_cam, layers))(network, image, 0)
    assert both.method == "Grad-CAM over input, features with mirror"
    e, of_mirror = (over_layers(grad_cam, layers)(network, x, 0) for x in (image, image[..., ::-1]))
    assert same(2 * both.weighted_sum, e.weighted_sum + of_mirror.weighted_sum[:, ::-1])
    other = over_layers(with_mirror(numpycam.grad_cam), layers)(network, image, 0)
    assert other.method == "Grad-CAM with mirror over input, features"
    maps = [with_mirror(grad_cam)(network, image, 0, layer).localization_map for layer in layers]
    assert same(other.weighted_maps, np.array([normalise(resize(one, (4, 4))) for one in maps]))


@pytest.mark.parametrize("layers", [[], "conv"])
def test_layers_are_a_sequence_of_names(layers):
    message = f"layers must be a sequence of at least one name, got {layers!r}."
    assert refusal(ValueError, lambda: over_layers(grad_cam, layers)) == message
