"""What the tests of this folder compare with: torch's layers, run by autograd; and how far rounding may lead apart.

Two ways of adding the same n terms a_i b_i, in whatever order, differ by at most 2 n u / (1 - n u) · Σ|a_i b_i| (N. J.
Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1). In a network the sum is over all paths, and n
counts the operations along one of them. So the scale of each number is what the same network yields with the absolute
values of its weights and its input; two results agree if they differ by no more than 2 n u / (1 - n u) times that.
"""

import copy
import os
from collections import Counter, OrderedDict
from functools import wraps
from importlib import import_module

import numpy as np
import pytest
from helpers import rounding
from hypothesis import assume, given, settings

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU

REQUIRED = os.environ.get("NUMPYCAM_ORACLE") == "required"  # so that CI does not skip in silence
reason = "torch is not installed: pip install --editable '.[torch]'"
torch = import_module("torch") if REQUIRED else pytest.importorskip("torch", reason=reason)
nn = torch.nn
torch.set_num_threads(1)

EXAMPLES = 200 if REQUIRED else settings.default.max_examples // 3
agreed = Counter()  # by the name of the test, how many of its drawn cases agreed


def drawn(*strategies, times=1):
    """Run the test on many cases drawn from the strategies, and count those that agree."""

    def decorate(test):
        @settings(max_examples=times * EXAMPLES)
        @given(*strategies)
        @wraps(test)
        def counting(*arguments, **parameters):
            test(*arguments, **parameters)
            agreed[test.__name__] += 1

        return counting

    return decorate


def as_torch(layer):
    """Return the torch module that computes the same, written down independently of ``from_torch``'s way back."""
    match layer:
        case Network():
            module = nn.Sequential(OrderedDict((name, as_torch(inner)) for name, inner in layer.layers))
        case Conv2d():
            out_channels, channels, *size = layer.weight.shape
            options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
            module = nn.Conv2d(channels, out_channels, size, **options, bias=layer.bias is not None)
        case Linear():
            module = nn.Linear(*reversed(layer.weight.shape), bias=layer.bias is not None)
        case ReLU():
            module = nn.ReLU()
        case MaxPool2d():
            module = nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding)
        case AvgPool2d():
            module = nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, False, layer.count_include_pad)
        case GlobalAvgPool2d():
            module = nn.AdaptiveAvgPool2d(1)
        case Flatten():
            module = nn.Flatten()
    if not isinstance(layer, Network):
        for name, value in layer.parameters.items():
            setattr(module, name, nn.Parameter(torch.tensor(value)))
    return module


def disagreements(network, module, x, u):
    """Return which activations disagree, and which gradients of <output, u> for them and for the parameters.

    A ReLU or a maximum may switch between two numbers that are equal but for rounding; such cases are not counted.
    """
    activations, twins = network.activations(x), twins_of(network, module)
    values, gradients, scales, gradient_scales = passes(module, x, u)
    operations = operations_of(network, activations)
    compared = {
        name: agrees(ours, values[twins[name]], scales[twins[name]], operations) for name, ours in activations.items()
    }
    theirs = {name: values[twin] for name, twin in twins.items()}
    assume(not all(compared.values()) or switches(network, module, activations) == switches(network, module, theirs))

    for name, ours in network.gradients(activations, u).items():
        twin = twins[name]
        compared[f"gradient of {name}"] = agrees(ours, gradients[twin], gradient_scales[twin], operations)
    for name, ours in network.parameter_gradients(u, x, activations).items():
        layer = name.rpartition(".")[0]
        if twins[layer] == layer:  # else torch has no such parameter: a normalisation is folded into it
            compared[f"gradient of {name}"] = agrees(ours, gradients[name], gradient_scales[name], operations)
    return [name for name, is_same in compared.items() if not is_same]


def agrees(ours, theirs, scale, operations):
    """Whether two results of so many operations differ by no more than rounding, in float64 by 1e-10 at most."""
    theirs, scale = (tensor.detach().numpy().reshape(ours.shape) for tensor in (theirs, scale))
    bound = float(2 * rounding(operations, ours.dtype))
    assert bound <= 1e-10 or ours.dtype == np.float32, "so many operations are too many for the promise"
    difference = np.abs(np.subtract(ours, theirs, dtype=np.float64))
    return ours.dtype == theirs.dtype and bool((difference <= bound * np.float64(scale)).all())


def nearly_equal(ours, theirs):
    """Whether two results of a large network differ by no more than 1e-10 of the largest value, and are not zero.

    The bound that holds for every network multiplies from layer to layer and says nothing about eleven of them. But
    random weights make the errors no larger, in proportion to the values, from one layer to the next; each adds some
    √n u of the values, at n = 4608 terms 1e-14. So 1e-10 is more than rounding needs and less than a mistake makes.
    """
    theirs = theirs.detach().numpy()
    largest = np.abs(theirs).max()
    return largest > 0 and np.abs(ours - theirs).max() <= 1e-10 * largest


def operations_of(network, activations):
    """A bound on the operations along one path: up through the layers, back again, and once across for a parameter.

    No sum of a layer, in either direction, has more terms than its input, its output or its parameters have numbers;
    add fewer than ten operations for a bias, a division and a normalisation.
    """
    arrays = list(activations.values())
    return 3 * sum(
        10 + max(x.size, y.size, *(value.size for value in layer.parameters.values()))
        for (_, layer), x, y in zip(network.layers, arrays, arrays[1:], strict=False)
    )


def leaves(module):
    """(name, module) of all that is not a Sequential, in the order in which it runs."""
    return [(name, leaf) for name, leaf in module.named_modules() if not isinstance(leaf, nn.Sequential)]


def run(module, x):
    """The input and the outputs of all leaves, by name."""
    outputs = {"input": x}
    for name, leaf in leaves(module):
        x = outputs[name] = leaf(x.clone())  # a ReLU may work in place
    return outputs


def passes(module, x, u):
    """Activations, gradients of <output, u> for them and the parameters, the scales of these and of those; by name."""
    values, scales = run(module, torch.tensor(x).requires_grad_()), run(absolute(module), torch.tensor(np.abs(x)))
    *_, y = values.values()
    of = values | dict(module.named_parameters())
    gradients = dict(zip(of, torch.autograd.grad(y, of.values(), torch.tensor(u).reshape(y.shape)), strict=True))

    scale, gradient_scales = torch.tensor(np.abs(u)).reshape(y.shape), {}
    for (name, leaf), before in reversed(list(zip(leaves(absolute(module)), values, strict=False))):
        gradient_scales[name] = scale
        of = dict(leaf.named_parameters(prefix=name))
        if of:
            gradient_scales |= zip(of, torch.autograd.grad(leaf(scales[before]), of.values(), scale), strict=True)
        x = values[before].detach().clone().requires_grad_()  # a ReLU or a maximum lets pass what it does in truth
        (scale,) = torch.autograd.grad(leaf(x.clone()), x, scale)
    return values, gradients, scales, gradient_scales | {"input": scale}


def twins_of(network, module):
    """By the name of our activation, the name of torch's: of a normalised convolution that of the normalisation."""
    ours = "input"
    twins = {ours: ours}
    for name, leaf in leaves(module):
        ours = name if name in dict(network.layers) else ours
        if ours == name or isinstance(leaf, nn.BatchNorm2d):
            twins[ours] = name
    return twins


def switches(network, module, activations):
    """Which way each ReLU and each maximum of the network goes, according to torch."""
    found = []
    for name, before in zip(dict(network.layers), activations, strict=False):
        leaf, x = module.get_submodule(name), torch.as_tensor(activations[before])
        if isinstance(leaf, nn.ReLU):
            found.append((x > 0).tolist())
        if isinstance(leaf, nn.MaxPool2d):
            window = leaf.kernel_size, leaf.stride, leaf.padding
            found.append(nn.functional.max_pool2d(x, *window, return_indices=True)[1].tolist())
    return found


def absolute(module):
    """The module with the absolute values of its weights; where it subtracts a mean, it adds it."""
    twin = copy.deepcopy(module)
    for parameter in twin.parameters():
        parameter.data.abs_()
    for name, buffer in twin.named_buffers():
        if name.endswith("running_mean"):
            buffer.abs_().neg_()
    return twin


def stages(feature_maps, gradients):
    """The steps 3 to 5 of Grad-CAM, in torch."""
    alphas = gradients.mean((2, 3))
    weighted_maps = alphas[:, :, None, None] * feature_maps
    weighted_sum = weighted_maps.sum(1)
    names = "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"
    return dict(
        zip(names, (feature_maps, gradients, alphas, weighted_maps, weighted_sum, weighted_sum.relu()), strict=True)
    )
