"""A ResNet-18 with random weights, at 64 × 64 pixels, against autograd: every block, in float64.

The bound that holds for every network multiplies from layer to layer and says nothing about eighteen of them. The bound
here is for this network, and is measured. A computed sum of n terms is the exact sum of terms that are changed by n u /
(1 - n u) at most, in proportion (Higham, section 3.1). So what rounding does to the results, a change of all weights by
that much can do, too. How far such a change moves the results is seen from a larger one, random and at most 2⁻³⁰: as
long as no ReLU switches, the results move in proportion. Two programs may differ by twice as much. A random change may
do less than the worst one, but the errors of n roundings are some √n times smaller than their bound, here 68 times.
"""

import copy
from functools import cache

import numpy as np
import pytest
from against_torch import nn, stages, torch
from helpers import rounding
from torch_cases import BasicBlock, ResNet, evaluated

from numpycam import grad_cam
from numpycam.interop import from_torch

CLASSES, CLASS_INDEX = 10, 3
CHANGE = 2.0**-30
TERMS = 512 * 3 * 3 + 10  # of the longest sum, and no more than ten for a normalisation, a mean and the sum of two ways
LAST, *OTHERS = "layer4.1.add", "layer4.1", "layer3.0", "layer1.0.add"


@cache
def twins(seed):
    """The network in torch, the same with changed weights, the network here, and an image."""
    module, image = ResNet(classes=CLASSES), np.random.default_rng(seed).standard_normal((3, 64, 64))
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
    module = evaluated(module, seed)
    changed = copy.deepcopy(module)
    for values in (*changed.parameters(), *changed.buffers()):
        if values.is_floating_point():
            change = CHANGE * (2 * torch.rand(values.shape, generator=generator, dtype=values.dtype) - 1)
            values.data.mul_(1 + change)
    return module, changed, from_torch(module, image.shape), image


def passes(module, image):
    """The scores; what each block returns and its sum before the last ReLU; and the gradients of a score for these."""
    values, hooks = {}, []
    for name, block in module.named_modules():
        if isinstance(block, BasicBlock):

            def before_relu(_, inputs, name=f"{name}.add"):  # it runs twice in a block: the last time counts
                values[name] = inputs[0]
                return inputs[0].clone()  # the ReLU works in place

            def after_block(_, inputs, output, name=name):
                values[name] = output

            hooks += block.relu.register_forward_pre_hook(before_relu), block.register_forward_hook(after_block)
    scores = module(torch.tensor(image[None]))
    for hook in hooks:
        hook.remove()
    gradients = torch.autograd.grad(scores[0, CLASS_INDEX], values.values())
    return scores, values, dict(zip(values, gradients, strict=True))


def near(ours, theirs, moved):
    """Whether ours is off by no more than rounding: by how far the change moves torch's, times 2 n u / change."""
    theirs, moved = theirs.detach().numpy(), moved.detach().numpy()
    bound = 2 * float(rounding(TERMS)) / CHANGE * np.abs(moved - theirs).max()
    assert 0 < bound <= 1e-10 * np.abs(theirs).max(), "the bound says nothing"
    return ours.shape == theirs.shape and np.abs(ours - theirs).max() <= bound


@pytest.mark.parametrize("seed", [0, 1])
def test_every_block_of_a_resnet18_agrees_with_autograds(seed):
    module, changed, network, image = twins(seed)
    (scores, values, gradients), (moved_scores, moved_values, moved_gradients) = (
        passes(one, image) for one in (module, changed)
    )
    activations = network.activations(image[None])
    ours = network.gradients(activations, np.eye(CLASSES)[[CLASS_INDEX]])
    assert near(activations["fc"], scores, moved_scores)
    assert len(values) == 16
    assert [name for name in values if not near(activations[name], values[name], moved_values[name])] == []
    assert [name for name in values if not near(ours[name], gradients[name], moved_gradients[name])] == []


@pytest.mark.parametrize("layer", [None, *OTHERS])
def test_every_stage_of_grad_cam_of_a_resnet18_agrees_with_autograds(layer):
    module, changed, network, image = twins(0)
    explanation = grad_cam(network, image, CLASS_INDEX, layer)
    assert explanation.layer == (layer or LAST)
    theirs, moved = (
        stages(values[explanation.layer], gradients[explanation.layer])
        for _, values, gradients in (passes(module, image), passes(changed, image))
    )
    for name, stage in theirs.items():
        assert near(getattr(explanation, name), stage[0], moved[name][0])
