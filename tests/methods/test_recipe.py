"""What all methods share: their arguments, from_maps, and methods of the user's own."""

import functools
import inspect
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import second_example
from helpers import refusal, same

import numpycam
from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU
from numpycam.exact import as_floats
from numpycam.methods import METHODS
from numpycam.methods.recipe import Method, method

RATIONAL = [
    name for name, one in METHODS.items() if one.is_exact and one.needs in ("nothing", "gradients") and not one.layer
]
FLOAT = ["eigen_cam", "eigen_grad_cam"]


def test_methods_are_found_by_the_name_of_their_function():
    for name, one in METHODS.items():
        assert isinstance(one, Method)
        assert getattr(numpycam.methods, name) is one
        assert one.about
        assert repr(one) == f"<{one.name}: {one.equation}>"
    assert len({one.name for one in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_help_shows_call_equation_conventions_and_source(name):
    one = METHODS[name]
    text = inspect.getdoc(one)
    assert text.startswith(f"{name}(network, image, class_index=None, layer=None, *, check_finite=True")
    assert f"L = {one.equation}" in text
    assert one.source in text
    assert one.about in text
    assert all(f"- {what}: " in text for what in one.properties)
    assert one.__name__ == name


def test_the_signature_of_a_method_has_its_own_options():
    assert [*inspect.signature(METHODS["occlusion"]).parameters][5:] == [
        "size", "stride", "baseline", "batch_size", "progress"
    ]  # fmt: skip
    assert [*inspect.signature(METHODS["hirescam"]).parameters] == [
        "network", "image", "class_index", "layer", "check_finite"
    ]  # fmt: skip


def test_a_method_is_frozen():
    with pytest.raises(FrozenInstanceError):
        METHODS["hirescam"].name = "LowResCAM"


def test_methods_are_equal_to_themselves_alone():
    """A method is what one holds in a dictionary, not a row of fields."""
    for one in METHODS.values():
        assert one == one
        assert one != replace(one)
        assert {one: 1}[one] == 1


@pytest.mark.parametrize("name", METHODS)
def test_no_method_takes_anything_else_for_a_network(name):
    image = as_floats(second_example.IMAGE)
    for other in (None, second_example.NETWORK.layers, np.ones((2, 2))):
        message = refusal(TypeError, lambda other=other: METHODS[name](other, image))
        assert message == f"network must be a numpycam Network, got {type(other).__name__}."


def test_the_layer_is_that_of_grad_cam_unless_given():
    network, image = second_example.NETWORK, second_example.IMAGE
    hires, gradient = METHODS["hirescam"], METHODS["gradient"]
    assert hires(network, image, 0).layer == "maps"
    assert hires(network, image, 0, "relu").layer == hires(network, image, 0, layer="relu").layer == "relu"
    assert gradient(network, image, 0).layer == "input"
    assert gradient(network, image, 0, layer="maps").feature_maps.shape == (2, 2, 3)
    for one in (hires, gradient):
        assert refusal(ValueError, lambda one=one: one(network, image, 0, "")).startswith("the network has no layer ''")


def test_what_grad_cam_refuses_every_method_refuses():
    network, image = second_example.NETWORK, second_example.IMAGE
    for name in RATIONAL:
        one = METHODS[name]
        assert (
            refusal(ValueError, lambda one=one: one(network, image, 2)) == "class_index must be an int in 0..1, got 2."
        )
        assert refusal(ValueError, lambda one=one: one(network, image, layer="map")).endswith("Did you mean 'maps'?")
        assert refusal(TypeError, lambda one=one: one(ReLU(), image)).startswith("network must be a numpycam Network")
        assert "layer 'flatten' must have feature maps" in refusal(
            ValueError, lambda one=one: one(network, image, layer="flatten")
        )


def test_an_option_that_a_method_does_not_have_is_refused():
    network, image = second_example.NETWORK, second_example.IMAGE
    for name in RATIONAL:
        message = refusal(TypeError, lambda name=name: METHODS[name](network, image, gamma=2))
        assert message == f"{name}() got an unexpected keyword argument 'gamma'"


def test_from_maps_is_for_methods_that_need_no_more():
    maps, gradients = second_example.FEATURE_MAPS, second_example.GRADIENTS
    explanation = METHODS["hirescam"].from_maps(maps, gradients)
    assert [explanation.image, explanation.class_index, explanation.score, explanation.layer] == [None] * 4
    assert explanation.network is None
    from_maps = {name for name, one in METHODS.items() if one.needs in ("nothing", "gradients") and not one.layer}
    assert from_maps == {*RATIONAL, *FLOAT}
    for name in set(METHODS) - from_maps:
        message = f"{METHODS[name].name} needs the network and the image, not the maps and gradients alone."
        assert refusal(TypeError, lambda name=name: METHODS[name].from_maps(maps, gradients)) == message


def test_from_maps_checks_its_arguments():
    maps = as_floats(second_example.FEATURE_MAPS)
    message = "gradients must have shape (2, 2, 3), got (2, 3, 2)."
    assert refusal(ValueError, lambda: METHODS["layercam"].from_maps(maps, maps.reshape(2, 3, 2))) == message


@pytest.mark.parametrize("name", ["cam", *RATIONAL, *FLOAT])
def test_an_empty_batch_gives_an_empty_explanation(name):
    head = [("gap", GlobalAvgPool2d()), ("linear", Linear(np.ones((2, 3))))]
    network = Network([("conv", Conv2d(np.ones((3, 1, 1, 1)))), *head])
    explanation = METHODS[name](network, np.zeros((0, 1, 2, 3)))
    assert len(explanation) == 0
    assert explanation.localization_map.shape == (0, 2, 3)
    assert explanation.alphas is None or explanation.alphas.shape == (0, 3)


def test_a_method_of_ones_own():
    """What a reader writes who adds one: a line that says how the maps are weighed."""

    @method("the largest", r"\sum_k \max_{ij} g^k_{ij} A^k", "nobody's", weighs="maps")
    def largest(feature_maps, gradients):
        """α_k is the largest cell of g^k."""
        return gradients.max(axis=(-2, -1))

    network, image = second_example.NETWORK, second_example.IMAGE
    explanation = largest(network, np.stack([image, 2 * image]), 0)
    assert explanation.alphas.tolist() == [[2, 2], [2, 2]]
    assert explanation[0].weighted_sum.tolist() == [[6, 8, 8], [8, -2, 6]]
    assert (explanation.method, largest.about) == ("the largest", "α_k is the largest cell of g^k.")
    assert replace(largest, name="another")(network, image).method == "another"


class Times:
    """Weighs by a number."""

    def __call__(self, feature_maps, gradients, *, factor=2):
        """Weigh."""
        return factor * gradients.mean(axis=(-2, -1))


@pytest.mark.parametrize("weigh", [Times(), functools.partial(Times(), factor=2), Times().__call__])
def test_a_method_can_be_made_of_whatever_can_be_called(weigh):
    made = method("twice", "2 L", "nobody's", weighs="maps")(weigh)
    twice, once = (one(second_example.NETWORK, second_example.IMAGE, 0) for one in (made, METHODS["grad_cam"]))
    assert twice.weighted_sum.tolist() == (2 * once.weighted_sum).tolist()
    assert made.__doc__.startswith(
        f"{made.__name__}(network, image, class_index=None, layer=None, *, check_finite=True)"
    )
    assert made.about in ("Weighs by a number.", "Weigh.")


@pytest.mark.parametrize("is_exact", [True, False])
def test_help_says_which_numbers_a_method_takes_and_that_it_has_no_properties(is_exact):
    made = method("own", "", "nobody's", weighs="maps", is_exact=is_exact)(Times())
    assert ("Fractions give Fractions." if is_exact else "It takes floats only.") in made.__doc__
    assert "\n\nNone of PROPERTIES.\n\n" in made.__doc__


def test_a_method_of_ones_own_that_returns_another_shape_is_refused():
    """(K,) weights would be broadcast over the images of a batch, and no number would look wrong."""
    network, images = second_example.NETWORK, np.stack([second_example.IMAGE] * 3)

    def of_all_images(feature_maps, gradients):
        return gradients.sum(axis=(0, 2, 3))

    def already_summed(feature_maps, gradients):
        return (gradients * feature_maps).sum(axis=1)

    def own(function, weighs):
        return method("own", "", "nobody's", weighs=weighs)(function)

    message = "what of_all_images returns must have shape (3, 2), got (2,)."
    assert refusal(ValueError, lambda: own(of_all_images, "maps")(network, images)) == message
    message = "what already_summed returns must have shape (3, 2, 2, 3), got (3, 2, 3)."
    assert refusal(ValueError, lambda: own(already_summed, "cells")(network, images)) == message


def test_a_method_of_ones_own_cannot_write_into_what_it_is_given():
    for write in (lambda a, g: np.multiply(a, 2, out=a), lambda a, g: np.multiply(g, 2, out=g)):
        own = method("own", "", "nobody's", weighs="cells")(write)
        message = refusal(ValueError, lambda own=own: own(second_example.NETWORK, second_example.IMAGE))
        assert "read-only" in message


@pytest.mark.parametrize("name", RATIONAL + FLOAT)
def test_only_what_needs_nothing_has_the_same_map_for_other_gradients(name):
    maps, gradients = as_floats(second_example.FEATURE_MAPS), as_floats(second_example.GRADIENTS)
    one, other = (METHODS[name].from_maps(maps, g).weighted_sum for g in (gradients, 2 * gradients[::-1]))
    assert same(one, other) == (METHODS[name].needs == "nothing")
