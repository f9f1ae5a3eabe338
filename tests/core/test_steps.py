"""Grad-CAM of a whole network, and shares. That the steps keep their laws for given A and g, test_ours asks."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, same, step_within_a_piece
from hypothesis import given
from hypothesis import strategies as st

from numpycam import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    Network,
    ReLU,
    grad_cam,
    grad_cam_from_maps,
    worked_example,
)
from numpycam.core.steps import compute_alphas, gather, score_of
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import patch_drops
from numpycam.laws.strategies import maps_and_gradients, network_cases, tensors
from numpycam.methods import layercam
from numpycam.methods.recipe import method
from numpycam.targets import Difference

STAGES = ["feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"]


# --- Shares -----------------------------------------------------------------------------------------


def test_of_nothing_all_shares_are_zero():
    maps = as_fractions(np.ones((2, 1, 3)))
    for a, g in ((0 * maps, maps), (maps, 0 * maps)):
        assert grad_cam_from_maps(a, g).channel_shares.tolist() == [0, 0]


@pytest.mark.law("cam.shares")
@given(maps_and_gradients(), st.integers(1, 5), st.booleans())
def test_shares_are_free_of_scale_and_sum_to_one(drawn, s, negative):
    a, g = drawn
    shares = grad_cam_from_maps(a, g).channel_shares
    assert (shares >= 0).all()
    assert shares.sum() == (1 if (compute_alphas(g)[:, None, None] * a).any() else 0)
    assert same(grad_cam_from_maps(a / Fraction(s), (-s if negative else s) * g).channel_shares, shares)


# --- Of the whole network ---------------------------------------------------------------------------


def test_the_gradient_by_the_scores_has_their_own_type():
    """A 1 among Fractions would be an int, and 1 / 3 a float."""
    scores = as_fractions([[1, 2], [3, 5]])
    for score in (score_of(1, scores), score_of([1, 1], scores), score_of([1, lambda y: (y[:, 1], [[0, 1]])], scores)):
        assert {type(number) for number in score.gradient.flat} == {Fraction}
        assert score.gradient.tolist() == [[0, 1], [0, 1]]
        assert score.value.tolist() == [2, 5]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("power", [-1070, 1022])
def test_shares_are_right_where_their_sum_overflows(power):
    maps = np.ones((2, 1, 3)) * 2.0**power
    assert grad_cam_from_maps(maps, np.ones((2, 1, 3))).channel_shares.tolist() == [0.5, 0.5]


def test_shares_of_floats_have_one_scale_for_all_maps_of_an_image():
    maps = np.array([[[1.0, 0.0]], [[-3.0, 0.0]]])
    assert grad_cam_from_maps(maps, np.ones((2, 1, 2))).channel_shares.tolist() == [0.25, 0.75]
    both = grad_cam_from_maps(np.stack([maps, 1e300 * maps[::-1]]), np.ones((2, 2, 1, 2)))
    assert both.channel_shares.tolist() == [[0.25, 0.75], [0.75, 0.25]]
    assert same(both[np.int64(1)].alphas, both[1].alphas)


def test_a_target_is_not_asked_of_what_are_no_scores():
    network = Network([("conv", Conv2d([[[[1.0]]]]))])
    message = refusal(ValueError, lambda: grad_cam(network, np.ones((1, 2, 3)), lambda scores: pytest.fail("asked")))
    assert message == "the network's output must be scores (N, classes), got (1, 1, 2, 3)."


@pytest.mark.law("cam.shift")
@given(network_cases(), st.integers(0, 1), st.data())
def test_alpha_is_a_z_th_of_the_slope_of_the_score_when_the_whole_map_is_raised(case, c, data):
    """α_k = (1/Z) (y(A + t 1_k) - y(A)) / t, for a finite t in one linear piece: the meaning of the average."""
    network, x = case
    explanation = grad_cam(network, x[0], c)
    _, head = network.split("target")
    maps = explanation.feature_maps
    k = data.draw(st.integers(0, len(maps) - 1))
    unit = 0 * maps
    unit[k] += 1
    t = step_within_a_piece(head, maps[None], unit[None])
    change = head((maps + t * unit)[None])[0, c] - head(maps[None])[0, c]
    assert explanation.alphas[k] == change / t / maps[k].size


@pytest.mark.law("cam.shapley")
@given(network_cases(), st.integers(0, 1))
def test_shapley_cam_is_grad_cam(case, c):
    """Shapley-CAM's α_k is the mean of g - ½ H A, with the second derivatives H: of linear pieces these are 0."""
    network, x = case
    explanation, (_, head) = grad_cam(network, x[0], c), network.split("target")
    maps, gradients = explanation.feature_maps, explanation.gradients
    t = step_within_a_piece(head, maps[None], maps[None])
    one_hot = as_fractions([[int(c == 0), int(c == 1)]])
    product = (head.backward(one_hot, (maps + t * maps)[None])[0] - gradients) / t  # H A
    assert same((gradients - product / 2).sum(axis=(1, 2)) / maps[0].size, explanation.alphas)


@given(network_cases(), st.integers(0, 1))
def test_cam_is_that_of_its_maps_and_gradients(case, c):
    network, x = case
    explanation = grad_cam(network, x, c)
    _, head = network.split("target")
    u = as_fractions(np.zeros((len(x), 2)))
    u[:, c] += 1
    assert same(explanation.gradients, head.backward(u, explanation.feature_maps))
    assert same(explanation.score, network(x)[:, c])
    from_maps = grad_cam_from_maps(explanation.feature_maps, explanation.gradients)
    assert all(same(getattr(explanation, stage), getattr(from_maps, stage)) for stage in STAGES)


@pytest.mark.law("avg.cam")
@given(network_cases(head="linear"), st.data())
def test_one_layer_before_an_average_pool_grad_cam_is_a_finer_version_of_the_same_map(case, data):
    """One layer before an average pool, Grad-CAM is a finer version of the same map: its block means are L / k²."""
    network, x = case
    features, _ = network.split("target")
    pool = AvgPool2d((1, 2))
    _, maps, height, width = features.output_shape(x.shape)
    assert width % 2 == 0
    body = [(name, layer) for name, layer in features.layers if name != "target"]
    linear = Linear(data.draw(tensors((2, maps * height * width // 2))))
    pooled = Network([*body, ("target", network["target"]), ("halve", pool), ("flat", Flatten()), ("linear", linear)])
    fine, coarse = grad_cam(pooled, x, 0, layer="target"), grad_cam(pooled, x, 0, layer="halve")
    assert same(pool(fine.weighted_sum[:, None])[:, 0], coarse.weighted_sum / Fraction(2))


@given(network_cases())
def test_a_batch_is_its_images(case):
    network, x = case
    both = grad_cam(network, np.concatenate([x, x]), [0, 1] * len(x))
    assert len(both) == 2 * len(x)
    for n, explanation in enumerate(both):
        alone = grad_cam(network, both.image[n], n % 2)
        assert explanation.class_index == alone.class_index == n % 2
        assert explanation.score == alone.score
        assert all(same(getattr(explanation, stage), getattr(alone, stage)) for stage in STAGES)
        assert same(explanation.counterfactual_map, alone.counterfactual_map)
        assert same(both.channel_shares[n], alone.channel_shares)


@pytest.mark.parametrize("layer", ["input", "features", "conv", "relu"])
@pytest.mark.parametrize("target", [None, 1, Difference({0: 1, 1: -1})])
def test_what_a_method_is_given_cannot_be_written_to(layer, target):
    """Else a method that changes it in place would change what the explanation says that it saw."""
    network, image = as_floats(worked_example.network("conv")), as_floats(worked_example.IMAGE)
    alone, batch = (gather(network, x, target, layer, True) for x in (image, np.stack([image, 2 * image, 3 * image])))
    given_to_it = [alone.image, alone.feature_maps, alone.gradients]
    given_to_it += [batch.image, batch.feature_maps, batch.gradients, batch.class_index, batch.score]
    for values in given_to_it:
        assert "read-only" in refusal(ValueError, lambda values=values: values.fill(0))


def test_a_method_that_doubles_its_gradients_in_place_fails_loudly():
    @method("rude", "", "nobody's")
    def rude(evidence):
        gradients = evidence.gradients
        gradients *= 2
        return None, gradients

    for image in (worked_example.IMAGE, worked_example.IMAGE[None]):
        assert "read-only" in refusal(ValueError, lambda image=image: rude(worked_example.network(), image))


def test_an_explanation_says_by_which_method_it_is_and_that_of_a_target_is_frozen_too():
    explanation = layercam(as_floats(worked_example.network()), as_floats(worked_example.IMAGE), Difference({0: 1}))
    assert (explanation.method, explanation.gradients_used) == ("LayerCAM", "plain")
    arrays = [explanation.weighted_maps, explanation.weighted_sum, explanation.localization_map]
    assert not any(array.flags.writeable for array in arrays)
    assert type(explanation.score) is float


def test_images_of_a_batch_are_taken_by_their_numbers():
    batch = grad_cam_from_maps(np.ones((2, 1, 1, 3)), np.ones((2, 1, 1, 3)))
    for odd in ("a", 1.0, True, None):
        message = refusal(TypeError, lambda odd=odd: batch[odd])
        assert message == f"an Explanation is indexed by an int or a slice, got {odd!r}."


@dataclass(frozen=True, eq=False, repr=False)
class Leaky(ReLU):
    """y = x where x > 0, slope · x elsewhere. The slope is a number, which as_fractions leaves as it is."""

    slope: object
    in_floats: bool = False

    def forward(self, x):
        y = np.where(x > 0, x, self.slope * x)
        return y.astype(float) if self.in_floats else y

    def backward(self, grad_output, x):
        return np.where(x > 0, grad_output, self.slope * grad_output)


class LeakyBackwards(Leaky):
    """The float is met on the way back alone."""

    def forward(self, x):
        return np.where(x > 0, x, Fraction(self.slope) * x)


class LeakyInFloatsBackwards(Leaky):
    """What comes back is an array of floats."""

    def backward(self, grad_output, x):
        return super().backward(grad_output, x).astype(float)


def leaky_network(leaky):
    conv = Conv2d(as_fractions([[[[1]]]]), as_fractions([-2]))
    head = ("flatten", Flatten()), ("linear", Linear(as_fractions([[1, 2, 3]])))
    return Network([("conv", conv), ("leaky", leaky), *head])


def test_a_layer_that_makes_floats_of_fractions_is_refused_by_its_name():
    image = as_fractions([[[1, 2, 3]]])
    exact = leaky_network(Leaky(Fraction(1, 10)))
    assert grad_cam(exact, image).score == Fraction(29, 10)
    wrong = "must hold Fractions or ints only if its dtype is object, got float at index"
    in_floats = leaky_network(Leaky(0.5))
    for run, what in {
        (lambda: grad_cam(in_floats, image)): "the output of layer 'leaky'",
        (lambda: grad_cam(leaky_network(LeakyBackwards(0.5)), image)): "the gradients at layer 'conv'",
        (lambda: in_floats(image[None])): "the network's output",
        (lambda: patch_drops(in_floats, image)): "the network's output",
    }.items():
        assert refusal(TypeError, run).startswith(f"{what} {wrong}")
    ends = Network([*exact.layers[:1], ("flatten", Flatten()), ("leaky", Leaky(Fraction(1), in_floats=True))])
    convert = "convert one of them with numpycam.exact.as_fractions or numpycam.exact.as_floats."
    assert refusal(TypeError, lambda: grad_cam(ends, image)) == (
        f"the output of layer 'leaky' holds floats but image holds Fractions; {convert}"
    )
    in_floats_backwards = leaky_network(LeakyInFloatsBackwards(Fraction(1)))
    assert refusal(TypeError, lambda: grad_cam(in_floats_backwards, image)) == (
        f"gradients holds floats but feature_maps holds Fractions; {convert}"
    )


class Merged(Layer):
    """The mean of the batch, which says that it keeps the batch."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return x.mean(axis=0, keepdims=True)

    def backward(self, grad_output, x):
        return np.broadcast_to(grad_output / len(x), x.shape)


class Whole(Merged):
    """y = x, with whole numbers for a gradient."""

    def forward(self, x):
        return x

    def backward(self, grad_output, x):
        return np.sign(grad_output).astype(int)


def test_a_layer_that_does_not_keep_to_what_it_says_is_refused():
    conv, head = ("conv", Conv2d([[[[1.0]]]])), (("flatten", Flatten()), ("linear", Linear([[1.0, 2, 3], [4, 5, 6]])))
    images = np.ones((2, 1, 1, 3))
    for class_index in (0, None, Difference({0: 1})):
        message = refusal(
            ValueError, lambda c=class_index: grad_cam(Network([conv, ("own", Merged()), *head]), images, c)
        )
        assert message == "the network's output must have shape (2, 2), got (1, 2)."
    assert refusal(TypeError, lambda: grad_cam(Network([conv, ("own", Whole()), *head]), images)).startswith(
        "gradients must be an array of float32, float64 or Fractions, got int64"
    )


class Reshaped(Layer):
    """The maps in one more axis of length 1, or, with their cells in one row, in one fewer."""

    def __init__(self, axes):
        self._set(axes=axes)

    def output_shape(self, input_shape):
        *batch_and_maps, height, width = input_shape
        return (*batch_and_maps, height * width) if self.axes == 3 else (*batch_and_maps, 1, height, width)

    def forward(self, x):
        return x.reshape(self.output_shape(x.shape))

    def backward(self, grad_output, x):
        return grad_output.reshape(x.shape)


@pytest.mark.parametrize(("axes", "shape"), [(3, (1, 1, 6)), (5, (1, 1, 1, 2, 3))])
def test_what_has_no_four_axes_is_no_layer_of_feature_maps(axes, shape):
    head = [("flatten", Flatten()), ("linear", Linear(np.ones((2, 6))))]
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 1)))), ("own", Reshaped(axes)), *head])
    assert refusal(ValueError, lambda: grad_cam(network, np.ones((1, 2, 3)), layer="own")) == (
        f"layer 'own' must have feature maps (N, K, H, W), got {shape}."
    )
    assert grad_cam(network, np.ones((1, 2, 3)), layer="conv").feature_maps.shape == (1, 2, 3)
