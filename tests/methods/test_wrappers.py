"""What is wrapped around a method: laws that hold whatever the method is."""

from functools import partial

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given, settings

import numpycam
from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, worked_example
from numpycam.exact import as_fractions
from numpycam.laws.strategies import network_cases
from numpycam.methods import METHODS, grad_cam, integrated_gradients, occlusion
from numpycam.methods.recipe import method
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


def random_network_and_images():
    """A network that tells a picture from its mirror image, a picture, and a baseline, all in eighths."""
    r = np.random.default_rng(3)
    kernels, head, pictures = (r.integers(-16, 17, size) / 8 for size in ((3, 1, 3, 3), (2, 3), (2, 1, 4, 6)))
    layers = [("conv", Conv2d(kernels, padding=1)), ("relu", ReLU()), ("gap", GlobalAvgPool2d())]
    return Network([*layers, ("linear", Linear(head))]), *pictures


def test_a_baseline_is_mirrored_with_the_image():
    """The sum is the mean of two differences of scores: of the image, and of its mirror image, to their baselines."""
    network, image, baseline = map(as_fractions, random_network_and_images())
    sides = [(image, baseline), (image[..., ::-1], baseline[..., ::-1])]
    before, after = (sum(network(pair[n][None])[0, 0] for pair in sides) / 2 for n in (1, 0))
    found = with_mirror(integrated_gradients)(network, image, 0, baseline=baseline).weighted_sum.sum()
    assert found == after - before


def of_both_sides(explained, network, image, baseline):
    """The mean of the maps of image and mirror image, each with its own baseline."""
    one = explained(network, image, 0, baseline=baseline)
    other = explained(network, image[..., ::-1], 0, baseline=baseline[..., ::-1])
    return (one.weighted_maps + other.weighted_maps[..., ::-1]) / 2


@pytest.mark.parametrize("explained", [integrated_gradients, occlusion], ids=lambda m: m.name)
@pytest.mark.parametrize("shape", [(1, 4, 6), (4, 6), (1, 6), (6,), (1, 4, 1), (1, 1, 1)])
def test_whatever_the_shape_of_a_baseline_it_is_mirrored_with_the_image(explained, shape):
    network, image, _ = random_network_and_images()
    baseline = np.random.default_rng(0).normal(size=shape)
    for options in (baseline, baseline.tolist()):
        found = with_mirror(explained)(network, image, 0, baseline=options)
        assert same(found.weighted_maps, of_both_sides(explained, network, image, baseline))
    wrapped = over_layers(explained, ["input"])
    found = with_mirror(wrapped)(network, image, 0, baseline=baseline)
    assert same(found.weighted_maps, of_both_sides(wrapped, network, image, baseline))
    found = over_layers(with_mirror(explained), ["input"])(network, image, 0, baseline=baseline)
    heat = np.maximum(of_both_sides(explained, network, image, baseline).sum(axis=0), 0)
    assert same(found.weighted_sum, normalise(heat))


def test_the_baselines_of_a_batch_are_mirrored_and_a_number_stays():
    r = np.random.default_rng(4)  # whole numbers, so that nothing is rounded
    images, baselines = r.integers(-4, 5, (2, 2, 1, 4, 6)).astype(float)
    network = Network([("flatten", Flatten()), ("linear", Linear(r.integers(-4, 5, (2, 24)).astype(float)))])
    mirrored = with_mirror(occlusion)
    batch = mirrored(network, images, 0, baseline=baselines)
    for n in range(2):
        assert same(batch[n].weighted_maps, mirrored(network, images[n], 0, baseline=baselines[n]).weighted_maps)
    a_number, a_picture = (mirrored(network, images[0], 0, baseline=b) for b in (1, np.ones((1, 4, 6))))
    assert same(a_number.weighted_maps, a_picture.weighted_maps)


@pytest.mark.parametrize("explained", [integrated_gradients, occlusion], ids=lambda m: m.name)
def test_a_baseline_that_is_bound_already_is_mirrored_too(explained):
    network, image, baseline = random_network_and_images()
    for bound in (partial(explained, baseline=baseline), partial(partial(explained, baseline=0), baseline=baseline)):
        expected = of_both_sides(explained, network, image, baseline)
        assert same(with_mirror(bound)(network, image, 0).weighted_maps, expected)
        expected = of_both_sides(explained, network, image, 2 * baseline)
        assert same(with_mirror(bound)(network, image, 0, baseline=2 * baseline).weighted_maps, expected)
        wrapped = over_layers(bound, ["input"])
        expected = of_both_sides(wrapped, network, image, baseline)
        assert same(with_mirror(wrapped)(network, image, 0).weighted_maps, expected)
        again = partial(wrapped, batch_size=5)
        assert same(with_mirror(again)(network, image, 0).weighted_maps, expected)


def test_a_baseline_that_is_a_default_is_mirrored_too():
    network, image, baseline = random_network_and_images()

    @method("own", "", "nobody's", layer="input", needs="further runs", image_options=["baseline"])
    def own(evidence, *, baseline=baseline):
        return occlusion.weigh(evidence, baseline=baseline)

    expected = of_both_sides(own, network, image, baseline)
    assert same(with_mirror(own)(network, image, 0).weighted_maps, expected)

    def unnamed(network, image, class_index, baseline=baseline):
        return occlusion(network, image, class_index, baseline=baseline)

    assert "the option 'baseline' is an image" in refusal(TypeError, lambda: with_mirror(unnamed)(network, image, 0))


class Tensor:
    """Rows and columns that are no NumPy array."""

    ndim = 2


@pytest.mark.parametrize("hidden", [Tensor(), {"baseline": np.ones((4, 6))}, {"all": {"one": [[1]]}}])
def test_what_has_rows_and_columns_is_no_option_that_stays(hidden):
    network, image, _ = random_network_and_images()

    def explain(network, image, class_index, layer=None, option=None):
        return grad_cam(network, image, class_index, layer)

    wrapped = with_mirror(explain)
    assert "the option 'option' is an image" in refusal(TypeError, lambda: wrapped(network, image, 0, option=hidden))
    assert refusal(TypeError, lambda: wrapped(network, image, 0, "conv", hidden)) == (
        "with_mirror must know whether an option is an image: pass it by its name."
    )


def own_method(**options):
    @method("masked", "", "nobody's", layer="input", needs="further runs", **options)
    def masked(evidence, *, mask, size=1):
        return None, evidence.image * mask

    return masked


def test_a_method_of_ones_own_says_which_options_are_images():
    network, image, mask = random_network_and_images()
    found = with_mirror(own_method(image_options=["mask"]))(network, image, 0, mask=mask, size=(1, 2))
    assert same(found.weighted_sum, (image * mask)[0])
    for rows in (mask, mask[0], mask.tolist(), tuple(mask)):
        message = refusal(TypeError, lambda rows=rows: with_mirror(own_method())(network, image, 0, mask=rows))
        assert message == (
            "with_mirror must know whether the option 'mask' is an image, which is mirrored, too: name it in the "
            "method's image_options."
        )


def test_an_option_that_is_a_list_of_words_is_no_image():
    @method("told", "", "nobody's")
    def told(evidence, *, words):
        assert words == ["left", "right"]
        return None, evidence.feature_maps

    network, image, _ = random_network_and_images()
    assert with_mirror(told)(network, image, 0, words=["left", "right"]).method == "told with mirror"


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


@pytest.mark.parametrize(
    ("error", "layers"), [(ValueError, []), (TypeError, "conv"), (TypeError, None), (TypeError, np.array(1))]
)
def test_layers_are_a_sequence_of_names(error, layers):
    message = f"layers must be a sequence of at least one name, got {layers!r}."
    assert refusal(error, lambda: over_layers(grad_cam, layers)) == message
