"""Grad-CAM of a VGG-11 with random weights, at 64 × 64 pixels, against autograd: every stage, in float64."""

from functools import cache

import numpy as np
import pytest
from against_torch import nearly_equal, nn, run, stages, torch
from torch_cases import vgg11

from numpycam import grad_cam
from numpycam.interop import from_torch


@cache
def twins(seed):
    """The network in torch and here, and an image."""
    classifier = nn.Sequential(nn.Linear(512 * 2 * 2, 64), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(64, 10))
    module, image = vgg11(2, classifier, seed=seed), np.random.default_rng(seed).random((3, 64, 64))
    return module, from_torch(module, image.shape), image


@pytest.mark.parametrize(
    ("seed", "class_index", "layer"),
    [
        (0, 0, "features.18"),  # the last convolution
        (0, 7, "features.19"),  # the ReLU after it
        (1, 3, "features.18"),
        (1, 9, "features.13"),
        (2, 5, "features.8"),
    ],
)
def test_every_stage_of_grad_cam_of_a_vgg11_agrees_with_autograds(seed, class_index, layer):
    module, network, image = twins(seed)
    values = run(module, torch.tensor(image[None]))
    (gradients,) = torch.autograd.grad(values["classifier.3"][0, class_index], values[layer])
    theirs = stages(values[layer], gradients)

    explanation = grad_cam(network, image, class_index, layer)
    assert nearly_equal(explanation.score, values["classifier.3"][0, class_index])
    for name, stage in theirs.items():
        assert nearly_equal(getattr(explanation, name), stage[0])


def test_the_last_convolution_is_the_layer_unless_told():
    _, network, image = twins(0)
    assert grad_cam(network, image).layer == "features.18"
