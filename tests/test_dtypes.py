"""Every public door takes float32, float64 and Fractions. What has more bits, or is complex, is refused by its name."""

import numpy as np
import pytest
from helpers import refusal

from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam, grad_cam_from_maps
from numpycam.display import as_png, overlay
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.training import fit, sigmoid_cross_entropy, softmax_cross_entropy
from numpycam.interventions import add_to_cell, erase, patch_drops
from numpycam.methods import METHODS
from numpycam.methods.quadrature import midpoint_error
from numpycam.metrics import area_under, deletion_curve, energy_inside, insertion_curve, pointing_game
from numpycam.path import path
from numpycam.resize import normalise, resize
from numpycam.targets import Difference, Probability, finer

NETWORK = Network([("conv", Conv2d(np.ones((2, 1, 1, 2)))), ("mean", GlobalAvgPool2d()), ("linear", Linear(np.eye(2)))])
IMAGE, MAPS, HEAT, SCORES = np.ones((1, 2, 3)), np.ones((2, 2, 3)), np.ones((2, 3)), np.ones((1, 2))
MASK = HEAT > 0
KERNEL, BIAS, MATRIX = np.ones((2, 1, 1, 2)), np.ones(2), np.ones((2, 2))
BATCH, TAPE = IMAGE[None], NETWORK.activations(IMAGE[None])
CURVE = {"class_index": 0, "steps": 2}
DOORS = {
    "Conv2d: weight": (KERNEL, Conv2d),
    "Conv2d: bias": (BIAS, lambda wide: Conv2d(KERNEL, wide)),
    "Linear: weight": (MATRIX, Linear),
    "Linear: bias": (BIAS, lambda wide: Linear(MATRIX, wide)),
    "with_parameters": (MATRIX, lambda wide: NETWORK.with_parameters({"linear.weight": wide})),
    "a layer's forward": (BATCH, ReLU().forward),
    "a layer's backward": (BATCH, lambda wide: ReLU().backward(wide, BATCH)),
    "a layer's parameter_gradients": (SCORES, lambda wide: Linear(MATRIX).parameter_gradients(wide, SCORES)),
    "network": (BATCH, NETWORK),
    "activations": (BATCH, NETWORK.activations),
    "backward: grad_output": (SCORES, lambda wide: NETWORK.backward(wide, BATCH)),
    "backward: x": (BATCH, lambda wide: NETWORK.backward(SCORES, wide)),
    "gradients": (SCORES, lambda wide: NETWORK.gradients(TAPE, wide)),
    "parameter_gradients": (SCORES, lambda wide: NETWORK.parameter_gradients(wide, BATCH)),
    "grad_cam": (IMAGE, lambda wide: grad_cam(NETWORK, wide)),
    "grad_cam without a check": (IMAGE, lambda wide: grad_cam(NETWORK, wide, check_finite=False)),
    "from maps: feature maps": (MAPS, lambda wide: grad_cam_from_maps(wide, MAPS)),
    "from maps: gradients": (MAPS, lambda wide: grad_cam_from_maps(MAPS, wide)),
    "a method's from_maps": (MAPS, lambda wide: METHODS["layercam"].from_maps(wide, MAPS)),
    "integrated gradients": (IMAGE, lambda wide: METHODS["integrated_gradients"](NETWORK, IMAGE, 0, baseline=wide)),
    "occlusion": (IMAGE, lambda wide: METHODS["occlusion"](NETWORK, IMAGE, 0, baseline=wide)),
    "as_fractions": (IMAGE, as_fractions),
    "as_fractions of a list": (IMAGE, lambda wide: as_fractions([*wide.flat])),
    "as_fractions of a number": (IMAGE, lambda wide: as_fractions(wide[0, 0, 0])),
    "as_floats": (IMAGE, as_floats),
    "as_floats: dtype": (IMAGE, lambda wide: as_floats(IMAGE, wide.dtype)),
    "resize": (HEAT, lambda wide: resize(wide, (4, 4))),
    "normalise": (HEAT, normalise),
    "erase: image": (IMAGE, lambda wide: erase(wide, (0, 0))),
    "erase: baseline": (IMAGE, lambda wide: erase(IMAGE, (0, 0), wide)),
    "patch_drops": (IMAGE, lambda wide: patch_drops(NETWORK, wide, 1)),
    "add_to_cell": (IMAGE, lambda wide: add_to_cell(NETWORK, IMAGE, (0, 0, 0), wide[0, 0, 0])),
    "path: image": (IMAGE, lambda wide: path(NETWORK, 0 * IMAGE, wide)),
    "path: baseline": (IMAGE, lambda wide: path(NETWORK, wide, IMAGE)),
    "midpoint_error": (IMAGE, lambda wide: midpoint_error(NETWORK, wide, 0, steps=4)),
    "pointing_game": (HEAT, lambda wide: pointing_game(wide, MASK)),
    "energy_inside": (HEAT, lambda wide: energy_inside(wide, MASK)),
    "deletion_curve: image": (IMAGE, lambda wide: deletion_curve(NETWORK, wide, HEAT, **CURVE)),
    "deletion_curve: heat": (HEAT, lambda wide: deletion_curve(NETWORK, IMAGE, wide, **CURVE)),
    "insertion_curve: baseline": (IMAGE, lambda wide: insertion_curve(NETWORK, IMAGE, HEAT, **CURVE, baseline=wide)),
    "area_under": (BIAS, area_under),
    "overlay: image": (IMAGE, lambda wide: overlay(wide, HEAT)),
    "overlay: heat": (HEAT, lambda wide: overlay(IMAGE, wide)),
    "as_png": (HEAT, as_png),
    "picture": (IMAGE, lambda wide: grad_cam(NETWORK, IMAGE).save("nowhere", picture=wide)),
    "Difference": (BIAS, lambda wide: grad_cam(NETWORK, IMAGE, Difference({0: wide[0]}))),
    "Difference of scores": (SCORES, Difference({0: 1})),
    "Probability of scores": (SCORES, Probability(0)),
    "finer": (BIAS, lambda wide: finer(0, [1], wide[0])),
    "a target": (SCORES, lambda wide: grad_cam(NETWORK, IMAGE, lambda scores: (scores[:, 0], wide))),
    "fit: images": (BATCH, lambda wide: fit(NETWORK, wide, [0], loss=softmax_cross_entropy)),
    "cross entropy: labels": (SCORES, lambda wide: sigmoid_cross_entropy(SCORES, wide)),
    "cross entropy: scores": (SCORES, lambda wide: softmax_cross_entropy(wide, [0])),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("dtype", [np.longdouble, complex, np.clongdouble])
def test_no_door_lets_longdouble_or_complex_in(door, dtype):
    usual, enter = DOORS[door]
    if np.dtype(dtype) == np.float64:
        pytest.skip("on this machine a longdouble is a float64")
    message = refusal(TypeError, lambda: enter(usual.astype(dtype)))
    assert np.dtype(dtype).name in message or dtype.__name__ in message
