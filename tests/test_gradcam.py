"""Grad-CAM as a user calls it: its arguments, the Explanation, and bad input. Its laws are in core/test_steps."""

from dataclasses import FrozenInstanceError, fields
from fractions import Fraction

import numpy as np
import pytest
from helpers import inner, refusal, same

from numpycam import (
    Conv2d,
    Explanation,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    Network,
    ReLU,
    grad_cam,
    grad_cam_from_maps,
    worked_example,
)
from numpycam.exact import as_floats, as_fractions
from numpycam.methods import METHODS

STAGES = ["feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"]


# --- Interface --------------------------------------------------------------------------------------


@pytest.fixture
def network():
    return worked_example.network(exact=False)


@pytest.fixture
def image():
    return as_floats(worked_example.IMAGE)


def test_the_fields_are_the_stages_in_order():
    names = [field.name for field in fields(Explanation)]
    assert names == ["image", "class_index", "score", "layer", *STAGES, "network", "method", "gradients_used"]


def test_the_class_is_the_highest_score_unless_given(network, image):
    assert grad_cam(network, image).class_index == 0
    assert type(grad_cam(network, image).class_index) is int
    assert type(grad_cam(network, image).score) is float
    assert grad_cam(network, image, class_index=np.int64(1)).score == 8.5
    tied = Network([("conv", Conv2d(np.ones((3, 1, 1, 1)))), ("gap", GlobalAvgPool2d())])
    assert grad_cam(tied, image).class_index == 0


def test_an_explanation_holds_the_network_that_it_explains(network, image):
    for x in (image, image[None]):
        assert grad_cam(network, x).network is network
        assert METHODS["guided_grad_cam"](network, x).network is network


def test_the_layer_is_the_target_or_else_the_last_convolution(image):
    layers = worked_example.network("conv", exact=False).layers
    assert grad_cam(Network(layers, target_layer="features"), image).layer == "features"
    assert grad_cam(Network(layers), image).layer == "conv"
    assert grad_cam(Network(layers), image, layer="relu").layer == "relu"
    assert grad_cam(Network(layers), image, layer="input").feature_maps.shape == (1, 4, 4)


def test_a_convolution_inside_of_a_nested_network_is_not_passed_over(image):
    first, *rest = worked_example.network("conv", exact=False).layers
    nested = Network([first, ("block", Network(rest))])
    assert grad_cam(nested, image).layer == "block.conv"
    assert grad_cam(nested, image, layer="features").layer == "features"
    assert grad_cam(Network(nested.layers, target_layer="features"), image).layer == "features"


class Doubling(ReLU):
    """A layer that writes into its argument, which a layer must not."""

    def forward(self, x):
        x *= 2
        return x


class Shortened(ReLU):
    """A layer whose backward pass is of the wrong shape."""

    def backward(self, grad_output, x):
        return grad_output[..., :1]


def test_layers_that_do_not_keep_the_rules_are_found_out(network, image):
    (name, features), *rest = network.layers
    for rude, error in (
        (Doubling(), "read-only"),
        (Shortened(), "layer 'rude': backward must return an array of shape "),
    ):
        with pytest.raises(ValueError, match=error):
            grad_cam(Network([(name, features), ("rude", rude), *rest], target_layer=name), image)


def test_before_or_after_the_relu_matters():
    """The maps of the convolution have negative cells with gradients; those of the ReLU do not."""
    head = [("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 2))))]
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 1)))), *head])
    image = np.array([[[4.0, -2.0]]])
    assert grad_cam(network, image, layer="conv").weighted_sum.tolist() == [[2, -1]]
    assert grad_cam(network, image, layer="relu").weighted_sum.tolist() == [[4, 0]]


def test_explanations_are_frozen(network, image):
    explanation = grad_cam(network, image)
    with pytest.raises(FrozenInstanceError):
        explanation.score = 3
    for name in ("image", *STAGES):
        with pytest.raises(ValueError, match="read-only"):
            getattr(explanation, name)[...] = 0


def test_arguments_are_neither_changed_nor_kept(network, image):
    maps, gradients = np.ones((1, 2, 3)), np.ones((1, 2, 3))
    explanations = grad_cam(network, image), grad_cam_from_maps(maps, gradients)
    image[:], maps[:], gradients[:] = 9, 9, 9
    assert image.flags.writeable
    assert maps.flags.writeable
    assert explanations[0].image.max() == 1
    assert explanations[1].feature_maps.max() == explanations[1].gradients.max() == 1


def test_two_explanations_do_not_disturb_each_other(network, image):
    first = grad_cam(network, image, 0)
    before = first.gradients.copy()
    grad_cam(network, 2 * image, 1)
    assert same(first.gradients, before)


def test_an_empty_batch_gives_an_empty_explanation(network):
    for empty in (np.zeros((0, 1, 4, 4)), np.zeros((0, 1, 4, 4), int)):
        explanation = grad_cam(network, empty)
        assert len(explanation) == 0
        assert list(explanation) == []
        assert explanation.localization_map.shape == (0, 2, 2)
        assert explanation.channel_shares.shape == (0, 3)


def test_batches_are_sliced_and_single_images_are_not(network, image):
    batch = grad_cam(network, np.stack([image, 2 * image, 3 * image]))
    assert len(batch[1:]) == 2
    assert batch[1:][0].score == batch[1].score
    assert batch[-1].score == batch.score[2] > batch[1].score
    with pytest.raises(IndexError):
        batch[3]
    for odd in (True, None, [0, 1], (0, 1), ...):
        assert refusal(TypeError, lambda odd=odd: batch[odd]).startswith(
            "an Explanation is indexed by an int or a slice"
        )
    message = "this Explanation is of one image, not of a batch: it has no length and no items."
    assert refusal(TypeError, lambda: len(batch[0])) == message
    assert refusal(TypeError, lambda: batch[0][0]) == message


def test_from_maps_knows_the_maps_only():
    explanation = grad_cam_from_maps(worked_example.FEATURE_MAPS, worked_example.GRADIENTS)
    assert same(explanation.localization_map, worked_example.LOCALIZATION_MAP)
    assert [explanation.image, explanation.class_index, explanation.score, explanation.layer] == [None] * 4
    batch = grad_cam_from_maps(worked_example.FEATURE_MAPS[None], worked_example.GRADIENTS[None])
    assert same(batch[0].alphas, worked_example.ALPHAS)
    assert batch[0].image is None


def test_from_maps_takes_integer_maps_in_the_dtype_of_the_gradients():
    maps = np.array([[[1, 2]]])
    assert grad_cam_from_maps(maps, np.ones((1, 1, 2), np.float32)).weighted_sum.dtype == np.float32
    exact = grad_cam_from_maps(maps, as_fractions([[["1/3", 0]]]))
    assert exact.weighted_sum.tolist() == [[Fraction(1, 6), Fraction(1, 3)]]


def test_a_network_without_a_convolution_may_declare_its_target(image):
    network = Network([("relu", ReLU()), ("gap", GlobalAvgPool2d())], target_layer="relu")
    assert grad_cam(network, image).layer == "relu"


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_gradients_that_are_whole_are_refused(dtype):
    maps = np.ones((1, 2, 3))
    assert "got dtype" in refusal(TypeError, lambda: grad_cam_from_maps(maps, maps.astype(dtype)))


def test_an_explanation_does_not_freeze_the_arrays_that_it_is_made_of():
    maps = np.ones((1, 2, 3))
    explanation = Explanation(None, None, None, None, maps, maps, maps[:, 0, 0], maps, maps[0], maps[0])
    assert maps.flags.writeable
    assert not explanation.feature_maps.flags.writeable


# --- Bad input --------------------------------------------------------------------------------------


class BoolOfTorch:
    """As a tensor of torch: it is an index to Python."""

    dtype = "torch.bool"

    def __index__(self):
        return 1

    def __repr__(self):
        return "tensor(True)"


class Raises:
    """Says that it is a row, and is none."""

    ndim = 1

    def __index__(self):
        raise RuntimeError

    def __repr__(self):
        return "an odd object"


IMAGE_SHAPE = "image must have shape (C, H, W) or (N, C, H, W), got {}."


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"class_index": -1}, "class_index must be an int in 0..1, got -1."),
        (ValueError, {"class_index": 2}, "class_index must be an int in 0..1, got 2."),
        (TypeError, {"class_index": True}, "class_index must be an int in 0..1, got True."),
        (TypeError, {"class_index": BoolOfTorch()}, "class_index must be an int in 0..1, got tensor(True)."),
        (TypeError, {"class_index": Raises()}, "class_index must be an int in 0..1, got an odd object."),
        (TypeError, {"class_index": 1.0}, "class_index must be an int in 0..1, got 1.0."),
        (
            TypeError,
            {"class_index": [0]},
            "class_index must be one class or target for one image, got a list of 1: that is for a batch (N, C, H, W).",
        ),
        (TypeError, {"class_index": "cat"}, "class_index must be an int in 0..1, got 'cat'."),
        (
            ValueError,
            {"layer": "feature"},
            "the network has no layer 'feature', only 'input', 'features', 'flatten', 'linear'. "
            "Did you mean 'features'?",
        ),
        (
            ValueError,
            {"layer": "flatten"},
            "layer 'flatten' must have feature maps (N, K, H, W), got (1, 12).",
        ),
        (
            ValueError,
            {"image": np.ones((4, 4))},
            "image must have shape (C, H, W) or (N, C, H, W), got (4, 4); for one channel pass image[None].",
        ),
        (ValueError, {"image": np.ones((1, 1, 1, 4, 4))}, IMAGE_SHAPE.format((1, 1, 1, 4, 4))),
        (
            ValueError,
            {"layer": ""},
            "the network has no layer '', only 'input', 'features', 'flatten', 'linear'.",
        ),
        (
            ValueError,
            {"layer": 3},
            "the network has no layer 3, only 'input', 'features', 'flatten', 'linear'.",
        ),
        (ValueError, {"image": np.ones(4)}, "image must have shape (C, H, W) or (N, C, H, W), got (4,)."),
        (
            ValueError,
            {"image": np.ones((2, 4, 4))},
            "layer 'features': Conv2d expects 1 input channels, got 2 (x has shape (1, 2, 4, 4), weight (3, 1, 2, 2)).",
        ),
        (
            ValueError,
            {"image": np.ones((1, 0, 4))},
            "image must have shape (C, H, W), got (1, 0, 4): axis H is empty.",
        ),
        (
            ValueError,
            {"image": np.ones((1, 8, 8))},
            "layer 'linear': Linear expects x of shape (N, 12), got (1, 48).",
        ),
        (
            TypeError,
            {"image": "cat.png"},
            "image must be an array, got a path; numpycam.display.read_image reads a picture.",
        ),
        (
            TypeError,
            {"image": worked_example.IMAGE},
            "features.weight holds floats but image holds Fractions; convert one of them "
            "with numpycam.exact.as_fractions or numpycam.exact.as_floats.",
        ),
        (TypeError, {"network": np.maximum}, "network must be a numpycam Network, got ufunc."),
        (
            ValueError,
            {"network": Network([("flatten", Flatten())])},
            "the network has no Conv2d, and no layer of it has feature maps (N, K, H, W).",
        ),
        (
            ValueError,
            {"network": Network([("conv", Conv2d(np.ones((1, 1, 1, 1))))])},
            "the network's output must be scores (N, classes), got (1, 1, 4, 4).",
        ),
    ],
)
def test_what_cannot_be_explained(network, image, error, options, message):
    assert refusal(error, lambda: grad_cam(**({"network": network, "image": image} | options))) == message


def test_classes_of_a_batch(network, image):
    batch = np.stack([image] * 3)
    assert grad_cam(network, batch, 1).class_index.tolist() == [1, 1, 1]
    for classes in (np.array([1, 0, 1]), [1, 0, 1], (1, 0, 1)):
        assert grad_cam(network, batch, classes).class_index.tolist() == [1, 0, 1]
    assert refusal(ValueError, lambda: grad_cam(network, batch, [0, 1, 0, 1])).endswith("3 images, got 4.")
    message = "class_index must hold one class or target for each of the 3 images, got 2."
    assert refusal(ValueError, lambda: grad_cam(network, batch, [0, 1])) == message
    assert refusal(ValueError, lambda: grad_cam(network, batch, [0, 1, 2])) == (
        "class_index must be an int in 0..1, got 2."
    )


def test_classes_of_an_empty_batch_are_checked_too(network):
    empty = np.zeros((0, 1, 4, 4))
    assert grad_cam(network, empty, 1).class_index.shape == grad_cam(network, empty, []).class_index.shape == (0,)
    assert refusal(ValueError, lambda: grad_cam(network, empty, 99)) == "class_index must be an int in 0..1, got 99."


class Tensor:
    """What an integer tensor of another library tells of itself: its value, its axes, and its items."""

    def __init__(self, value):
        self.value, self.ndim = np.asarray(value), np.ndim(value)

    def __index__(self):
        return int(self.value)

    def __len__(self):
        return len(self.value)

    def __iter__(self):
        return map(Tensor, self.value)


@pytest.mark.parametrize("one", [1, np.array(1), np.int64(1), Tensor(1)])
def test_a_class_is_any_integer_of_any_library(network, image, one):
    assert grad_cam(network, image, one).class_index == 1
    assert grad_cam(network, np.stack([image] * 3), one).class_index.tolist() == [1, 1, 1]


@pytest.mark.parametrize("each", [[1, 0], np.array([1, 0]), Tensor([1, 0]), [Tensor(1), np.array(0)]])
def test_classes_of_a_batch_come_in_any_row_of_integers(network, image, each):
    assert grad_cam(network, np.stack([image] * 2), each).class_index.tolist() == [1, 0]


@pytest.mark.parametrize("odd", [np.array(1.0), "cat", {0: 1}, np.True_])
def test_odd_classes_of_a_batch_are_refused(network, image, odd):
    message = refusal(TypeError, lambda: grad_cam(network, np.stack([image] * 3), odd))
    assert message == f"class_index must be an int in 0..1, got {odd!r}."


class Untouchable(Conv2d):
    """A layer whose backward passes must not be called."""

    def backward(self, grad_output, x):
        raise AssertionError("computed below the target layer")

    parameter_gradients = backward


def test_nothing_is_computed_below_the_target_layer():
    network = worked_example.network("conv")
    below = Untouchable(network["features"].weight, stride=2)
    guarded = Network([("features", below), *network.layers[1:]], target_layer="features")
    assert same(grad_cam(guarded, worked_example.IMAGE, 0).gradients, worked_example.GRADIENTS)


def test_nan_is_refused_or_seen(network, image):
    image[0, 3, 2] = np.nan
    assert refusal(ValueError, lambda: grad_cam(network, image)) == ("image contains NaN at index (0, 3, 2).")
    explanation = grad_cam(network, image, check_finite=False)
    assert np.isnan(explanation.localization_map).tolist() == [[False, False], [False, True]]


def test_nan_in_the_maps_is_refused_or_seen():
    maps, gradients = np.ones((1, 1, 2)), np.array([[[1.0, np.inf]]])
    assert refusal(ValueError, lambda: grad_cam_from_maps(maps, gradients)) == (
        "gradients contains infinity at index (0, 0, 1)."
    )
    infinite = grad_cam_from_maps(maps, gradients, check_finite=False)
    assert np.isinf(infinite.alphas).all()
    maps[0, 0, 0] = np.nan
    explanation = grad_cam_from_maps(maps, np.ones((1, 1, 2)), check_finite=False)
    assert np.isnan(explanation.localization_map).tolist() == [[True, False]]


def test_maps_that_do_not_belong_together():
    maps = np.ones((2, 3, 4))
    assert refusal(ValueError, lambda: grad_cam_from_maps(maps, np.ones((2, 4, 3)))) == (
        "gradients must have shape (2, 3, 4), got (2, 4, 3)."
    )
    assert refusal(TypeError, lambda: grad_cam_from_maps(maps, np.ones((2, 3, 4), int))) == (
        "gradients must hold floats or Fractions, got dtype int64: integers may have been cut off. "
        "If they are exact, pass np.asarray(gradients, float)."
    )
    assert refusal(TypeError, lambda: grad_cam_from_maps(maps, as_fractions(maps))) == (
        "feature_maps holds floats but gradients holds Fractions; convert one of them "
        "with numpycam.exact.as_fractions or numpycam.exact.as_floats."
    )
    assert refusal(ValueError, lambda: grad_cam_from_maps(maps[0], maps[0])) == (
        "feature_maps must have shape (K, H, W) or (N, K, H, W), got (3, 4)."
    )
    assert refusal(ValueError, lambda: grad_cam_from_maps(maps[:0], maps[:0])) == (
        "feature_maps must have shape (K, H, W), got (0, 3, 4): axis K is empty."
    )


def test_inner_is_exact():
    """The helper that the laws rest on."""
    third = as_fractions(["1/3"] * 3)
    assert inner(third, third) == Fraction(1, 3)
    assert type(inner(third, third)) is Fraction


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_whole_pixels_take_the_numbers_of_the_network(dtype):
    network = worked_example.network() if dtype is object else as_floats(worked_example.network(), dtype)
    pixels = as_floats(worked_example.IMAGE).astype(np.uint8)
    explanation = grad_cam(network, pixels, 0)
    assert explanation.image.dtype == explanation.weighted_sum.dtype == dtype
    if dtype is object:
        values = [*explanation.image.flat, *explanation.weighted_sum.flat]
        assert {type(value) for value in values} == {Fraction}


def test_the_gradients_of_scores_that_are_cells_are_fractions():
    """Without a Linear, nothing turns a 1 into a Fraction."""
    network = Network([("conv", Conv2d(as_fractions([[[[2]]]]))), ("flatten", Flatten())])
    explanation = grad_cam(network, as_fractions([[[1, 2, 3]]]), 1)
    assert {type(number) for number in explanation.gradients.flat} == {Fraction}
    assert explanation.gradients.tolist() == [[[0, 1, 0]]]
    assert explanation.alphas.tolist() == [Fraction(1, 3)]


@pytest.mark.parametrize("kind", [list, tuple, np.stack])
def test_several_images_are_a_batch_whatever_holds_them(kind):
    """NumPy makes one array of them, as of the rows of a matrix."""
    images = [worked_example.IMAGE, 2 * worked_example.IMAGE]
    batch = grad_cam(worked_example.network(), kind(images), 0)
    assert len(batch) == 2
    for n, image in enumerate(images):
        assert same(batch[n].weighted_sum, grad_cam(worked_example.network(), image, 0).weighted_sum)


def test_a_title_is_text(network, image, tmp_path):
    explanation = grad_cam(network, image)
    for action in (lambda: explanation.plot(title=3), lambda: explanation.save(tmp_path / "out", title=3)):
        assert refusal(TypeError, action) == "title must be a str, got int."
    assert not (tmp_path / "out").exists()


def test_where_no_layer_has_maps_that_is_said_and_else_those_that_have_some_are_named():
    head = [("flatten", Flatten()), ("linear", Linear(np.ones((2, 6))))]
    image = np.ones((1, 2, 3))
    message = refusal(ValueError, lambda: grad_cam(Network(head), image))
    assert message == "the network has no Conv2d, and no layer of it has feature maps (N, K, H, W)."
    message = refusal(ValueError, lambda: grad_cam(Network([("relu", ReLU()), *head]), image))
    assert message == "the network has no Conv2d: pass layer, one of ['relu']."
