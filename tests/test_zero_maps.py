"""A map of zeros says why it is zero: in the text, in HTML, on the page."""

from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from helpers import refusal
from own_layers import Skip

from numpycam import (
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    Network,
    ReLU,
    grad_cam,
    grad_cam_from_maps,
    methods,
    targets,
    worked_example,
)
from numpycam.display.page import step_through_page
from numpycam.exact import as_floats, as_fractions
from numpycam.zero_maps import why_zero

IMAGE = as_fractions([[[1, 2, 3], [4, 5, 6]]])


def network(kernel, *behind, head=((1,),), maps=1):
    conv = Conv2d(as_fractions(np.reshape(kernel, (maps, 1, 1, 1))))
    return Network([("conv", conv), *behind, ("mean", GlobalAvgPool2d()), ("linear", Linear(as_fractions(head)))])


def why(one, class_index=0, layer=None, image=IMAGE):
    return why_zero(grad_cam(one, image, class_index, layer))


def test_a_map_that_is_not_zero_needs_no_reason():
    assert why(network(1)) == ""
    assert why_zero(grad_cam(worked_example.network(), worked_example.IMAGE)) == ""


def test_the_first_step_that_is_zero_is_named():
    relu = ("relu", ReLU())
    assert why(network(-1, relu), layer="relu") == "The map is zero: every feature map is 0 for this picture."
    assert why(network(-1, ("first", ReLU()))) == (
        "The map is zero: every gradient is 0, since every output of the ReLU 'first' is 0 for this picture."
    )
    assert why(network(1, head=((0,),))) == "The map is zero: every gradient is 0."
    assert why(network(1, head=((-1,),))) == (
        "The map is zero: no cell of Σ α_k A^k is positive, the largest is -0.166667."
    )
    flat = Network([("conv", Conv2d(as_fractions([[[[1]]]]))), ("flat", Flatten())])
    edge = Network([*flat.layers, ("linear", Linear(as_fractions([[1, -1, 0, 0, 0, 0]])))])
    assert why(edge) == "The map is zero: every weight α_k is 0, since the gradients of each map add up to 0."


def test_a_dead_relu_is_the_first_whose_outputs_are_all_zero():
    alive, shift = ("alive", ReLU()), ("shift", Conv2d(as_fractions([[[[1]]]]), as_fractions([-7])))
    half = IMAGE - 3  # of these cells "alive" shuts some
    assert "the ReLU 'dead' is 0" in why(network(1, alive, shift, ("dead", ReLU())), layer="conv", image=half)


class Leaky(ReLU):
    """y = x where x > 0, x / 10 elsewhere."""

    def forward(self, x):
        return np.where(x > 0, x, x / 10)

    def backward(self, grad_output, x):
        return np.where(x > 0, grad_output, grad_output / 10)


def test_a_rectifier_that_lets_a_gradient_through_is_not_dead():
    behind = ("nothing", Conv2d(as_fractions([[[[0]]]]))), ("leaky", Leaky())
    assert why(network(1, *behind), layer="conv") == "The map is zero: every gradient is 0."
    dead = ("shift", Conv2d(as_fractions([[[[1]]]]), as_fractions([-9]))), ("leaky", Leaky()), ("dead", ReLU())
    assert "every output of the ReLU 'dead' is 0" in why(network(1, *dead), layer="conv")


def test_no_reason_is_given_that_is_not_the_methods_own():
    against = network(1, ("relu", ReLU()), head=((-1,),))
    black, white = 0 * IMAGE, 0 * IMAGE + 1
    both = methods.over_layers(methods.grad_cam, ["conv", "relu"])
    maps, gradients = np.array([[[1.0, 2.0]]]), np.array([[[2.0, -1.0]]])
    for explanation, reason in {
        methods.guided_backprop(against, IMAGE, 0): "every gradient of guided backpropagation is 0.",
        methods.grad_cam_plus_plus(against, IMAGE, 0): "every weight α_k is 0.",
        methods.xgrad_cam.from_maps(maps, gradients): "every weight α_k is 0.",
        methods.occlusion(network(1), black, 0, baseline=white): "no cell of the weighted sum is positive, the largest "
        "is -0.166667.",
        both(against, IMAGE, 0): "no cell of the weighted sum is positive, the largest is 0.",
    }.items():
        assert why_zero(explanation) == f"The map is zero: {reason}"


def test_a_score_that_a_batch_rounds_otherwise_is_still_the_highest():
    """Its maps are those of an image alone; the score differs from the recomputed one in its last digits."""
    one = as_floats(network(1, head=((-1,), (-2,))))
    explanation = grad_cam(one, IMAGE.astype(float), 0)
    rounded = replace(explanation, score=np.nextafter(explanation.score, 0))
    assert rounded.score != explanation.score
    assert "highest" not in why_zero(rounded)


def test_the_class_with_the_highest_score_is_named_if_it_is_another_one():
    one = network(1, head=((-1,), (2,)))
    assert why(one, 0).endswith("Class 1 has the highest score, 7; class 0 has -3.5.")
    assert why(one, 1) == ""
    tied = network(1, head=((-1,), (-1,)))
    assert why(tied, 1).endswith("the largest is -0.166667.")


def test_the_map_at_the_relu_behind_is_told_if_it_is_not_zero():
    """A = ((-1, 1), (1, -9)) and α = (1/2, 1/2): the sum is (0, -4), but after the ReLU it is (1/2, 1/2)."""
    conv = Conv2d(as_fractions([[[[2]]], [[[-10]]]]), as_fractions([-3, 11]))
    head = [("flat", Flatten()), ("linear", Linear(as_fractions([[1, 1, 1, 1]])))]
    image = as_fractions([[[1, 2]]])
    assert why(Network([("conv", conv), ("relu", ReLU()), *head]), image=image) == (
        "The map is zero: no cell of Σ α_k A^k is positive, the largest is 0. At the ReLU 'relu' behind it, 100.0\xa0% "
        "of the cells are positive: explain that layer."
    )
    of_another_method = methods.METHODS["ablation_cam"](Network([("conv", conv), ("relu", ReLU()), *head]), image)
    assert why_zero(of_another_method) == "The map is zero: no cell of Σ α_k A^k is positive, the largest is 0."


def test_methods_and_targets_have_their_own_words():
    one = network(1, head=((-1,), (-2,)))
    assert why_zero(methods.layercam(one, IMAGE, 0)).startswith("The map is zero: no cell of the weighted sum is posit")
    assert why_zero(grad_cam(one, IMAGE, targets.Difference({1: 1}))).endswith("the largest is -0.333333.")


def test_a_method_without_gradients_is_not_explained_by_them():
    one = as_floats(network(1, head=((0,),)))
    assert why_zero(methods.cam(one, IMAGE.astype(float), 0)) == "The map is zero: every weight α_k is 0."


def test_a_weight_of_zero_is_explained_by_the_gradients_of_grad_cam_alone():
    """XGrad-CAM weighs by Σ g A / Σ A: here 1 · 2 - 2 · 1 = 0, though the gradients add up to -1."""
    maps, gradients = np.array([[[2.0, 1.0]]]), np.array([[[1.0, -2.0]]])
    assert why_zero(methods.METHODS["xgrad_cam"].from_maps(maps, gradients)) == (
        "The map is zero: every weight α_k is 0."
    )


@pytest.mark.parametrize("unknown", ["network", "image", "layer"])
def test_what_is_not_known_is_not_asked(unknown):
    explanation = grad_cam(network(-1, ("dead", ReLU())), IMAGE)
    assert why_zero(replace(explanation, **{unknown: None})) == ("The map is zero: every gradient is 0.")


def test_the_map_of_the_picture_itself_has_a_reason_too():
    assert why(network(-1), layer="input").startswith("The map is zero: no cell of Σ α_k A^k is positive")


def test_nan_in_a_pixel_that_no_cell_reads_hinders_no_reason():
    head = [("relu", ReLU()), ("mean", GlobalAvgPool2d()), ("linear", Linear([[-1.0]]))]
    one = Network([("conv", Conv2d([[[[1.0]]]], stride=2)), *head])
    explanation = grad_cam(one, [[[1.0, np.nan, 2.0]]], check_finite=False)
    assert why_zero(explanation) == "The map is zero: no cell of Σ α_k A^k is positive, the largest is -0.5."


def test_given_maps_have_a_reason_too():
    maps = np.array([[[1.0, 2.0]]])
    assert why_zero(grad_cam_from_maps(maps, -maps)).endswith("no cell of Σ α_k A^k is positive, the largest is -1.5.")


def test_nan_is_not_zero():
    explanation = grad_cam_from_maps([[[np.nan, 0.0]]], [[[1.0, 1.0]]], check_finite=False)
    assert why_zero(explanation) == ""


def test_a_batch_names_the_images_whose_maps_are_zero():
    both = grad_cam(network(1), np.stack([IMAGE, -IMAGE, 0 * IMAGE]))
    assert str(both).splitlines()[-1] == "  The map is zero for 2 of 3 images: 1, 2. explanation[1] says why."
    assert refusal(ValueError, lambda: why_zero(both)) == (
        "explanation must be of one image, got a batch: pass explanation[n]."
    )
    assert "The map is zero" not in str(grad_cam(network(1), IMAGE[None]))
    assert "The map is zero" not in str(grad_cam(as_floats(network(1)), np.empty((0, 1, 2, 3))))


@pytest.mark.parametrize("show", [str, lambda e: e._repr_html_(), step_through_page])
def test_the_text_the_notebook_and_the_page_say_why(show):
    dead = as_floats(network(-1, ("dead", ReLU())))
    said = unescape(" ".join(show(grad_cam(dead, IMAGE.astype(float))).split()))
    assert "The map is zero: every gradient is 0, since every output of the ReLU 'dead' is 0 for this picture." in said


def test_a_layer_of_ones_own_behind_is_no_obstacle():
    one = network(1, ("skip", Skip([("relu", ReLU())])), head=((-1,),))
    assert why(one).startswith("The map is zero: no cell")
