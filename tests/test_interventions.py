"""Interventions: what a cell sees, what erasing costs, and the score along a straight line, all exact."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from strategies import network_cases, sides, tensors

from numpycam import (
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    grad_cam,
    worked_example,
)
from numpycam.core.arrays import zero_of
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import TooManyKinksError, add_to_cell, erase, patch_drops, path, receptive_field
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, HEADS, IMAGE

CAT, ELEPHANT = 0, 1
TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT = (
    (slice(row, row + 2), slice(column, column + 2)) for row in (0, 2) for column in (0, 2)
)


def exact(values):
    return as_fractions(values)


# --- The receptive field ----------------------------------------------------------------------------


@st.composite
def rising_networks(draw):
    """Two or three layers with windows, no weight zero or negative: more of a pixel is more of all that sees it."""
    size, layers = draw(sides(5, 9)), []
    for number in range(draw(st.integers(2, 3))):
        kernel, stride = draw(sides(1, 3)), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        kind = draw(st.sampled_from(["conv", "max", "avg"]))
        if kind == "conv":
            padding, dilation = (draw(st.tuples(st.integers(low, 2), st.integers(low, 2))) for low in (0, 1))
            layer = Conv2d(1.0 + draw(tensors((1, 1, *kernel), "float64")) ** 2, None, stride, padding, dilation)
        else:
            padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
            layer = {"max": MaxPool2d, "avg": AvgPool2d}[kind](kernel, stride, padding)
        try:
            Network([*layers, (str(number), layer)]).output_shape((1, 1, *size))
        except ValueError:  # the window has grown out of the maps
            continue
        layers += [(str(number), layer), (f"relu{number}", ReLU())]
    return Network(layers), size


@given(rising_networks())
def test_a_cell_sees_the_pixels_that_change_it(case):
    """Kernel, stride, padding and dilation composed, holes and all: tested by changing the pixels one by one."""
    network, size = case
    x = np.ones((1, 1, *size))
    before = network(x)[0, 0]
    changes = np.empty((*before.shape, *size), dtype=bool)
    for pixel in np.ndindex(size):
        more = x.copy()
        more[0, 0][pixel] += 2.0**20  # wins every maximum that it takes part in
        changes[(..., *pixel)] = network(more)[0, 0] != before
    last = network.layers[-1][0]
    for cell in np.ndindex(before.shape):
        assert same(receptive_field(network, cell, size, last), changes[cell])


@given(rising_networks())
def test_what_several_cells_see_is_what_any_of_them_sees(case):
    network, size = case
    last, (height, width) = network.layers[-1][0], network.output_shape((1, 1, *size))[2:]
    for row in range(height):
        each = [receptive_field(network, (row, column), size, last) for column in range(width)]
        assert same(receptive_field(network, (row, slice(None)), size, last), np.logical_or.reduce(each))


def test_dilation_leaves_holes():
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 2)), dilation=2))])
    assert receptive_field(network, (0, 1), (1, 5)).tolist() == [[False, True, False, True, False]]


def test_a_cell_of_the_example_sees_its_patch():
    network = worked_example.network()
    for cell, patch in zip(np.ndindex(2, 2), (TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT), strict=True):
        seen = receptive_field(network, cell, 4)
        assert seen.sum() == 4
        assert seen[patch].all()


def test_inner_networks_are_gone_through():
    inner_network = Network([("conv", Conv2d(np.ones((1, 1, 2, 1))))])
    network = Network([("inner", inner_network), ("again", Conv2d(np.ones((1, 1, 2, 1))))])
    assert receptive_field(network, (0, 0), (4, 1), "again").ravel().tolist() == [True, True, True, False]
    assert receptive_field(network, (0, 0), (4, 1), "inner").ravel().tolist() == [True, True, False, False]


# --- Erasing and adding -----------------------------------------------------------------------------

DROPS = {
    ("linear", CAT): [["6.3", "-2.8"], [23, "2.1"]],
    ("linear", ELEPHANT): [[-3, 12], ["-4.5", 4]],
    ("conv", CAT): [["6.3", "-2.8"], ["17.1", "2.1"]],
}


@pytest.mark.parametrize(("head", "c"), DROPS)
def test_what_erasing_shows(head, c):
    """Measured, exactly; on the linear head it is what HiResCAM says, and Grad-CAM only approximates it."""
    drops = patch_drops(worked_example.network(head), IMAGE, c)
    assert same(drops, exact(DROPS[head, c]))
    explanation = grad_cam(worked_example.network(head), IMAGE, c)
    if head == "linear":
        assert same(drops, (explanation.gradients * explanation.feature_maps).sum(axis=0))


def test_grad_cam_orders_the_cats_patches_and_names_the_wrong_worst_one_for_the_elephant():
    cat, elephant = (grad_cam(worked_example.network(), IMAGE, c).weighted_sum for c in (CAT, ELEPHANT))
    drops = [patch_drops(worked_example.network(), IMAGE, c) for c in (CAT, ELEPHANT)]
    assert cat.ravel().argsort().tolist() == drops[CAT].ravel().argsort().tolist()
    assert (elephant.argmin(), drops[ELEPHANT].argmin()) == (0, 2)


def test_erasing_the_moon_raises_the_cat():
    assert worked_example.network()(erase(IMAGE, TOP_RIGHT)[None])[0, CAT] == Fraction("31.4")


@given(network_cases(bias=True, head="linear"), st.data())
def test_occ_lin(case, data):
    """occ.lin: of an affine network, the drop of a patch is the sum of gradient · (image - baseline) over it."""
    linear = Network([(name, layer) for name, layer in case.network.layers if name not in ("relu", "pool")])
    image = case.x[0]
    shapes = linear.split("target")[0].output_shape(case.x.shape)
    weight = data.draw(tensors((2, math.prod(shapes[1:]))))
    network = Network([*linear.split("flatten")[0].layers, ("linear", Linear(weight))], target_layer="target")
    baseline = data.draw(tensors(image.shape))
    gradient = network.backward(exact([[1, 0]]), image[None])[0]
    drops = patch_drops(network, image, 0, baseline=baseline)
    for cell in np.ndindex(drops.shape):
        seen = receptive_field(network, cell, image.shape[1:])
        assert drops[cell] == (gradient * (image - baseline))[:, seen].sum()


@given(tensors((2, 3, 4)), st.data())
def test_erase_changes_the_place_and_nothing_else(image, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=12, max_size=12))).reshape(3, 4)
    baseline = data.draw(tensors((2, 1, 1)))
    erased = erase(image, mask, baseline)
    assert same(erased[:, ~mask], image[:, ~mask])
    assert same(erased[:, mask], np.broadcast_to(baseline[:, :, 0], erased[:, mask].shape))
    assert same(erase(erased, mask, baseline), erased)


def test_erase_takes_numbers_slices_and_other_images_and_keeps_the_dtype():
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    assert erase(image, (1, slice(1, 3)), 9).tolist() == [[[0, 1, 2], [3, 9, 9]]]
    assert erase(image, (0, 0), -image).tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert erase(image, (0, 0), 0.5).dtype == np.float32
    assert erase(np.uint8([[[200, 1]]]), (0, 0), 0.5).tolist() == [[[0.5, 1]]]
    assert erase(np.stack([image, image]), (0, 0), 1).shape == (2, 1, 2, 3)
    assert image[0, 0, 0] == 0


@pytest.mark.parametrize("head", HEADS)
def test_add_to_cell_runs_the_head_again(head):
    network = worked_example.network(head)
    for cell in np.ndindex(FEATURE_MAPS.shape):
        maps = FEATURE_MAPS.copy()
        maps[cell] += Fraction(1, 3)
        expected = network.split("features")[1](maps[None])[0]
        assert same(add_to_cell(network, IMAGE, cell, Fraction(1, 3)), expected)


def test_one_unit_more_brings_what_the_gradient_says_on_the_linear_head():
    """ "The value 2 in dy/dA^1": and so for every cell."""
    network = worked_example.network()
    before = network(IMAGE[None])[0, CAT]
    for cell in np.ndindex(FEATURE_MAPS.shape):
        assert add_to_cell(network, IMAGE, cell)[CAT] - before == GRADIENTS[cell]


# --- The straight line ------------------------------------------------------------------------------


def test_fading_the_body_in():
    """On the conv head: kinks 8/115 and 51/115, slopes 0, 11.5 and 23, and together exactly 17.1."""
    line = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert line.kinks.tolist() == [Fraction(8, 115), Fraction(51, 115)]
    assert same(line.slopes, exact([0, "11.5", 23]))
    assert line.points.tolist() == [0, *line.kinks, 1]
    assert same(line.scores, exact(["11.5", "11.5", "15.8", "28.6"]))
    assert line.integrated_gradients.sum() == Fraction("17.1")
    assert {type(v) for array in vars(line).values() for v in array.flat} == {Fraction}


def test_how_far_one_unit_more_holds():
    """More in A^1_11, on the conv head: two units of y for each until 6.4 more, then three, and from 10.7 on four."""
    _, head = worked_example.network("conv").split("features")
    more = FEATURE_MAPS.copy()
    more[0, 0, 0] += 100
    line = path(head, FEATURE_MAPS, more, CAT)
    assert same(100 * line.kinks, exact(["6.4", "10.7"]))
    assert same(line.slopes / 100, exact([2, 3, 4]))


@given(network_cases(kind="fraction"), st.data())
def test_path_is_the_score_and_complete(case, data):
    """y is linear between the points, the slopes differ, and the integrated gradients add up to the difference."""
    image = case.x[0]
    baseline = data.draw(tensors(image.shape))
    line = path(case.network, baseline, image, 1)
    assert line.points[0] == 0
    assert line.points[-1] == 1
    assert (line.points[:-1] < line.points[1:]).all()
    for t, score in zip(line.points, line.scores, strict=True):
        assert case.network((baseline + t * (image - baseline))[None])[0, 1] == score
    for n, slope in enumerate(line.slopes):
        start, end = line.points[n : n + 2]
        for part in (Fraction(1, 3), Fraction(1, 2)):
            t = start + part * (end - start)
            y = case.network((baseline + t * (image - baseline))[None])[0, 1]
            assert y == line.scores[n] + slope * (t - start)
    assert (line.slopes[:-1] != line.slopes[1:]).all()
    assert line.integrated_gradients.sum() == line.scores[-1] - line.scores[0]


def test_a_path_that_goes_nowhere():
    line = path(worked_example.network("conv"), IMAGE, IMAGE, CAT)
    assert line.points.tolist() == [0, 1]
    assert line.slopes.tolist() == [0]
    assert not line.integrated_gradients.any()


@given(network_cases(kind="float64"), st.data())
def test_path_in_floats(case, data):
    """In floats the score on the line is that of the same numbers in fractions, up to rounding.

    A kink is misplaced, or two are taken for one, only where the rounding of a forward pass can have done it: ten times
    its bound. From there the error goes on through the rest of the network, whose sizes the bound has in it; the slope
    on either side adds as much, and evaluation once more. A score of these networks takes less than 100 operations.
    """
    image = case.x[0] / 8
    baseline = data.draw(tensors(image.shape, "float64")) / 8 + 2.0**-6
    line = path(case.network, baseline, image, 0)
    network, start, end = as_fractions(case.network), as_fractions(baseline), as_fractions(image)
    absolute = {name: abs(value) for name, value in network.parameters.items()}
    sizes = Network(
        [
            (name, replace(layer, **{key: absolute[f"{name}.{key}"] for key in layer.parameters}))
            for name, layer in network.layers
        ]
    )
    bound = 30 * rounding(100) * sizes((np.abs(start) + np.abs(end - start))[None])[0, 0]
    points, scores, slopes = (as_fractions(values) for values in (line.points, line.scores, line.slopes))
    for n, slope in enumerate(slopes):
        for t in (points[n], (points[n] + points[n + 1]) / 2, points[n + 1]):
            y = network((start + t * (end - start))[None])[0, 0]
            assert abs(scores[n] + slope * (t - points[n]) - y) <= bound
    assert abs(as_fractions(line.integrated_gradients).sum() - (scores[-1] - scores[0])) <= bound


def test_path_in_floats_finds_the_kinks_of_the_example():
    network, image = worked_example.network("conv", exact=False), as_floats(IMAGE)
    line = path(network, erase(image, BOTTOM_LEFT), image, CAT)
    exactly = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert line.points.shape == exactly.points.shape
    assert np.abs(line.points - as_floats(exactly.points)).max() <= 4 * np.finfo(float).eps


def test_a_path_may_be_too_long():
    network = worked_example.network("conv")
    message = refusal(TooManyKinksError, lambda: path(network, erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT, max_kinks=1))
    assert issubclass(TooManyKinksError, ValueError)
    assert message == "there are more than max_kinks = 1 switches on the line; 0.443478 of it is done."


# --- What is refused --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Square(Layer):
    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return x * x

    def backward(self, grad_output, x):
        return 2 * x * grad_output


def test_a_path_needs_linear_pieces():
    network = Network([("square", Square()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 4))))])
    message = refusal(TypeError, lambda: path(network, np.zeros((1, 2, 2)), np.ones((1, 2, 2))))
    assert message == "a path needs piecewise linear layers that say so (see numpycam.Layer); 'square' is Square()."


REFUSED = [
    (lambda n: receptive_field(n, (2, 0), 4), ValueError, "cell's row must be in 0..1, got 2."),
    (lambda n: receptive_field(n, (0, -1), 4), ValueError, "cell's column == -1, must be >= 0."),
    (lambda n: receptive_field(n, (0, True), 4), TypeError, "cell's column must be an instance of int, not bool."),
    (lambda n: receptive_field(n, 0, 4), TypeError, "cell must be (row, column), numbers or slices, got 0."),
    (lambda n: receptive_field(n, (0, 0), 4, "flatten"), ValueError,
     "layer 'flatten', Flatten(), has no cells that are known to see a part of the picture."),
    (lambda n: erase(IMAGE, np.ones((2, 2), bool)), ValueError,
     "where must hold bool and have shape (4, 4), got bool and (2, 2)."),
    (lambda n: erase(IMAGE, np.ones((4, 4))), ValueError,
     "where must hold bool and have shape (4, 4), got float64 and (4, 4)."),
    (lambda n: erase(IMAGE, (0, 0), exact([1, 2, 3])), ValueError,
     "baseline must fit an image of shape (1, 4, 4), got shape (3,)."),
    (lambda n: erase(IMAGE, (0, 0), 0.5), TypeError,
     "baseline holds floats but image holds Fractions; convert one of them with numpycam.exact.as_fractions or "
     "numpycam.exact.as_floats."),
    (lambda n: erase(IMAGE, (slice(4, 9), slice(0, 2))), ValueError,
     "where must hold at least one of 4 × 4 cells, got (slice(4, 9, None), slice(0, 2, None))."),
    (lambda n: erase(IMAGE, (0, 0), np.stack([IMAGE, IMAGE])), ValueError,
     "baseline must fit an image of shape (1, 4, 4), got shape (2, 1, 4, 4)."),
    (lambda n: erase(IMAGE, 3), TypeError,
     "where must be (row, column), numbers or slices, or a mask of bool, got 3."),
    (lambda n: add_to_cell(n, IMAGE, (0, 0, 0), 0.5), TypeError,
     "amount holds floats but the feature maps holds Fractions; convert one of them with numpycam.exact.as_fractions "
     "or numpycam.exact.as_floats."),
    (lambda n: add_to_cell(n, IMAGE, (0, 0, 0), [1, 2]), ValueError, "amount must have shape (), got (2,)."),
    (lambda n: add_to_cell(n, IMAGE, (0, 0, 0), layer="flatten"), ValueError,
     "layer 'flatten' has no feature maps (K, H, W), its output is (12,)."),
    (lambda n: receptive_field(n, (0, 0, 0), 4), TypeError,
     "cell must be (row, column), numbers or slices, got (0, 0, 0)."),
    (lambda n: receptive_field(n, (0, 0), 0), ValueError, "image_size == 0, must be >= 1."),
    (lambda n: receptive_field(3, (0, 0), 4), TypeError, "network must be a numpycam Network, got int."),
    (lambda n: patch_drops(3, IMAGE), TypeError, "network must be a numpycam Network, got int."),
    (lambda n: path(n.split("features")[0], IMAGE, IMAGE), ValueError,
     "the network's output must be scores (N, classes), got (1, 3, 2, 2)."),
    (lambda n: patch_drops(n, IMAGE[None]), ValueError, "image must be one image (C, H, W), got shape (1, 1, 4, 4)."),
    (lambda n: patch_drops(n, IMAGE, 2), ValueError, "class_index must be an int in 0..1, got 2."),
    (lambda n: add_to_cell(n, IMAGE, (3, 0, 0)), ValueError, "cell's k must be in 0..2, got 3."),
    (lambda n: add_to_cell(n, IMAGE, (0, 0)), TypeError,
     "cell must be (k, row, column) in maps (K, H, W), got (0, 0) in maps (3, 2, 2)."),
    (lambda n: path(n, IMAGE[:, :2], IMAGE), ValueError, "baseline must have shape (1, 4, 4), got (1, 2, 4)."),
    (lambda n: path(n, as_floats(IMAGE) * np.nan, IMAGE), ValueError, "baseline contains NaN at index (0, 0, 0)."),
]  # fmt: skip


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused(action, error, message):
    assert refusal(error, lambda: action(worked_example.network())) == message


def test_zeros_are_of_the_images_own_type():
    assert {type(v) for v in patch_drops(worked_example.network(), IMAGE).flat} == {Fraction}
    assert patch_drops(worked_example.network(exact=False), as_floats(IMAGE)).dtype == np.float64
    assert type(zero_of(erase(IMAGE, (0, 0)))) is Fraction


def test_a_path_with_numbers_too_large_for_floats_is_refused():
    huge = Network([("conv", Conv2d(np.full((1, 1, 1, 1), 1e200))), ("again", Conv2d(np.full((1, 1, 1, 1), 1e200))),
                    ("relu", ReLU()), ("flatten", Flatten())])  # fmt: skip
    message = refusal(ValueError, lambda: path(huge, np.zeros((1, 1, 2)), np.full((1, 1, 2), 1.0)))
    assert message == "the numbers of this network become too large for float64: pass Fractions."


# --- What else could go wrong in silence ------------------------------------------------------------


def test_a_path_through_inner_networks_is_that_of_their_layers():
    flat = worked_example.network("conv").layers
    inner = Network([("innermost", Network(flat[2:4])), *flat[4:]])
    nested = Network([*flat[:2], ("inner", inner)])
    erased = erase(IMAGE, BOTTOM_LEFT)
    ours, theirs = (path(network, erased, IMAGE, CAT) for network in (nested, Network(flat)))
    assert ours.kinks.tolist() == theirs.kinks.tolist() == [Fraction(8, 115), Fraction(51, 115)]
    assert same(ours.integrated_gradients, theirs.integrated_gradients)


class Doubling(ReLU):
    def forward(self, x):
        return 2 * super().forward(x)


class Residual(Network):
    def forward(self, x):
        return x + super().forward(x)


def test_classes_derived_from_the_layers_are_not_taken_for_them():
    head = [("flatten", Flatten()), ("linear", Linear(np.ones((1, 4))))]
    for layer in (Doubling(), Residual([("relu", ReLU())])):
        network, image = Network([("own", layer), *head]), np.ones((1, 2, 2))
        message = refusal(TypeError, lambda network=network, image=image: path(network, image, image))
        assert message.startswith("a path needs piecewise linear layers that say so (see numpycam.Layer); 'own' is ")
        message = refusal(ValueError, lambda network=network: receptive_field(network, (0, 0), 2, "own"))
        assert message.endswith("has no cells that are known to see a part of the picture.")


def test_the_layer_is_the_one_that_is_asked_for():
    """Behind a 2 × 2 mean there is one cell, which sees everything."""
    mean = AvgPool2d(2)
    linear = Linear(exact([[1, 0, 0], [2, 4, 8]]))
    network = Network([worked_example.network().layers[0], ("mean", mean), ("flatten", Flatten()), ("linear", linear)],
                      target_layer="features")  # fmt: skip
    scores = network(IMAGE[None])[0]
    assert patch_drops(network, IMAGE, 1).shape == (2, 2)
    assert patch_drops(network, IMAGE, 1, layer="mean").tolist() == [[scores[1]]]
    assert same(add_to_cell(network, IMAGE, (2, 0, 0), layer="mean") - scores, exact([0, 8]))
    assert same(add_to_cell(network, IMAGE, (2, 0, 0)) - scores, exact([0, 2]))
    assert same(add_to_cell(network, IMAGE, (2, 0, 0), -2) - scores, exact([0, -4]))


def test_the_class_is_that_of_the_image_unless_given():
    network = worked_example.network()
    moon = erase(IMAGE, (slice(0, 4), slice(0, 2)))
    assert network(moon[None])[0].argmax() == ELEPHANT
    assert network(IMAGE[None])[0].argmax() == CAT
    assert same(path(network, moon, IMAGE).scores, path(network, moon, IMAGE, CAT).scores)
    assert same(patch_drops(network, moon), patch_drops(network, moon, ELEPHANT))


def test_a_switch_that_the_class_does_not_notice_is_no_kink_but_counts():
    network, erased = worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT)
    assert path(network, erased, IMAGE, ELEPHANT, max_kinks=2).kinks.size == 0
    message = refusal(TooManyKinksError, lambda: path(network, erased, IMAGE, ELEPHANT, max_kinks=1))
    assert message.startswith("there are more than max_kinks = 1 switches on the line; ")


def two_units(apart):
    """A network whose score bends at 1/2 and that much later."""
    conv = Conv2d(np.ones((2, 1, 1, 1)), np.array([-0.5, -0.5 - apart]))
    return Network([("conv", conv), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 2))))])


@pytest.mark.parametrize("baseline", [np.zeros((1, 1, 1)), np.zeros((1, 1, 1), np.float32)])
def test_floats_tell_kinks_apart_that_are_further_than_rounding(baseline):
    """Seven operations of numbers below 2: a lead of 1e-13 is no rounding, one of 1e-17 is."""
    line = path(two_units(2.0**-40), baseline, np.ones((1, 1, 1)), 0)
    assert line.kinks.tolist() == [0.5, 0.5 + 2.0**-40]
    assert line.slopes.tolist() == [0, 1, 2]
    assert path(two_units(2.0**-54), baseline, np.ones((1, 1, 1)), 0).kinks.tolist() == [0.5]


def test_floats_find_as_many_kinks_as_there_are():
    """Of numbers that do not add up exactly: no kink lost, and none that rounding has made."""
    rng = np.random.default_rng(7)
    for _ in range(12):
        network = Network(
            [
                ("conv", Conv2d(rng.normal(size=(2, 2, 2, 2)), rng.normal(size=2), padding=1)),
                ("relu", ReLU()),
                ("pool", MaxPool2d((2, 3), stride=1)),
                ("again", Conv2d(rng.normal(size=(2, 2, 1, 2)))),
                ("relu2", ReLU()),
                ("gap", GlobalAvgPool2d()),
                ("linear", Linear(rng.normal(size=(2, 2)))),
            ]
        )
        start, end = rng.normal(size=(2, 2, 2, 3))
        line = path(network, start, end, 0)
        exactly = path(as_fractions(network), as_fractions(start), as_fractions(end), 0)
        assert line.points.shape == exactly.points.shape
        assert np.abs(line.points - as_floats(exactly.points)).max() < 1e-9 < np.diff(line.points).min()


def test_a_path_in_floats_that_overflows_between_is_refused():
    conv = Conv2d(np.array([[[[1.0]], [[-1.0]]]]))
    network = Network([("conv", conv), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 1))))])
    start, end = np.array([[[-6e307]], [[6e307]]]), np.array([[[8e307]], [[0.0]]])
    assert "too large for float64" in refusal(ValueError, lambda: path(network, start, end, 0))
    exactly = path(as_fractions(network), as_fractions(start), as_fractions(end), 0)
    assert [round(float(kink), 12) for kink in exactly.kinks] == [0.6]


def test_a_path_reads_in_a_line_and_cannot_be_changed():
    line = path(worked_example.network("conv"), erase(IMAGE, BOTTOM_LEFT), IMAGE, CAT)
    assert repr(line) == "ScorePath from y = 23/2 to 143/5 in 3 linear pieces"
    assert not any(array.flags.writeable for array in vars(line).values())
