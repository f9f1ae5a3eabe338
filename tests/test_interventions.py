"""Interventions: what a cell sees, and what erasing costs, all exact."""

import math
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given
from hypothesis import strategies as st

from numpycam import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, grad_cam, worked_example
from numpycam.core.arrays import zero_of
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import add_to_cell, erase, patch_drops, receptive_field
from numpycam.laws.strategies import network_cases, sides, tensors
from numpycam.methods import integrated_gradients, occlusion, smooth_grad
from numpycam.methods.quadrature import midpoint_error
from numpycam.metrics import deletion_curve, insertion_curve
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


@pytest.mark.law("occ.lin")
@given(network_cases(bias=True, head="linear"), st.data())
def test_of_an_affine_network_a_patch_costs_its_gradient_times_image_less_baseline(case, data):
    """The drop of a patch is the sum of gradient · (image - baseline) over it."""
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


# --- What does not fit the dtype --------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_a_number_too_large_for_the_images_dtype_is_refused():
    """It would be infinite there."""
    image, rest = np.zeros((1, 2, 3), "f4"), " must fit float32, whose largest number is 3.4e+38, got "
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 1), "f4"))), ("flatten", Flatten())])
    single = [
        (lambda b: erase(image, (0, 0), b), "baseline"),
        (lambda b: patch_drops(network, image, 0, baseline=b), "baseline"),
        (lambda b: occlusion(network, image, 0, baseline=b), "baseline"),
        (lambda b: integrated_gradients(network, image, 0, baseline=b), "baseline"),
        (lambda b: midpoint_error(network, image, 0, baseline=b, steps=1), "baseline"),
        (lambda b: deletion_curve(network, image, image[0], 0, baseline=b), "baseline"),
        (lambda b: insertion_curve(network, image, image[0], 0, baseline=b), "baseline"),
        (lambda b: add_to_cell(network, image, (0, 0, 0), b), "amount"),
    ]
    for action, name in single:
        assert refusal(ValueError, lambda action=action: action(1e300)) == f"{name}{rest}1e+300."
    assert refusal(ValueError, lambda: smooth_grad(network, image, 0, sigma=1e39)) == f"sigma{rest}1e+39."
    assert refusal(ValueError, lambda: erase(image, (0, 0), np.array([[0, 1e3, -1e39]]))) == f"baseline{rest}-1e+39."
    assert erase(image, (0, 0), 1e38)[0, 0, 0] == np.float32(1e38)
    assert erase(np.zeros((1, 1, 2)), (0, 0), 1e300).tolist() == [[[1e300, 0]]]


# --- What is refused --------------------------------------------------------------------------------


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
    (lambda n: patch_drops(n, IMAGE[None]), ValueError, "image must be one image (C, H, W), got shape (1, 1, 4, 4)."),
    (lambda n: patch_drops(n, IMAGE, 2), ValueError, "class_index must be an int in 0..1, got 2."),
    (lambda n: add_to_cell(n, IMAGE, (3, 0, 0)), ValueError, "cell's k must be in 0..2, got 3."),
    (lambda n: add_to_cell(n, IMAGE, (0, 0)), TypeError,
     "cell must be (k, row, column) in maps (K, H, W), got (0, 0) in maps (3, 2, 2)."),
]  # fmt: skip


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=[message[:60] for *_, message in REFUSED])
def test_what_is_refused(action, error, message):
    assert refusal(error, lambda: action(worked_example.network())) == message


def test_zeros_are_of_the_images_own_type():
    assert {type(v) for v in patch_drops(worked_example.network(), IMAGE).flat} == {Fraction}
    assert patch_drops(worked_example.network(exact=False), as_floats(IMAGE)).dtype == np.float64
    assert type(zero_of(erase(IMAGE, (0, 0)))) is Fraction


# --- What else could go wrong in silence ------------------------------------------------------------


class Doubling(ReLU):
    def forward(self, x):
        return 2 * super().forward(x)


class Residual(Network):
    def forward(self, x):
        return x + super().forward(x)


def test_classes_derived_from_the_layers_are_not_taken_for_them():
    head = [("flatten", Flatten()), ("linear", Linear(np.ones((1, 4))))]
    for layer in (Doubling(), Residual([("relu", ReLU())])):
        network = Network([("own", layer), *head])
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
    assert same(patch_drops(network, moon), patch_drops(network, moon, ELEPHANT))


@pytest.mark.parametrize("row", [slice(0.0, 1.0), slice(None, "a"), slice(0, 2, 0)])
def test_a_slice_is_of_ints(row):
    message = refusal(TypeError, lambda: erase(np.ones((1, 4, 6)), (row, 0)))
    assert message == f"where's row must be an int or a slice of ints, got {row!r}."
    network = worked_example.network()
    message = refusal(TypeError, lambda: receptive_field(network, (0, row), (4, 4)))
    assert message == f"cell's column must be an int or a slice of ints, got {row!r}."
