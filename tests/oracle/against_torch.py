"""What the tests of this folder compare with: torch's layers, run by autograd; and how far rounding may lead apart.

Two ways of adding the same n terms a_i b_i, in whatever order, differ by at most 2 n u / (1 - n u) · Σ|a_i b_i| (N. J.
Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1). In a network the sum is over all paths, those by
both ways of a residual block, and n counts the operations along one of them. So the scale of each number is what the
same network yields with the absolute values of its weights and its input; two results agree if they differ by no more
than 2 n u / (1 - n u) times that.
"""

import copy
import os
import re
from collections import Counter, OrderedDict
from functools import wraps
from importlib import import_module

import numpy as np
import pytest
from helpers import rounding
from hypothesis import assume, given, settings

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual

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


class Block(nn.Module):
    """A residual block of torch modules."""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Sum(nn.Module):
    """What a block does when its ways are done."""

    def forward(self, body, shortcut):
        return body + shortcut


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
        case Residual():
            module = Block(as_torch(layer.body), as_torch(layer.shortcut))
    if not isinstance(layer, Network | Residual):
        for name, value in layer.parameters.items():
            setattr(module, name, nn.Parameter(torch.tensor(value)))
    return module


def disagreements(network, module, x, u):
    """Return which activations disagree, and which gradients of <output, u> for them and for the parameters.

    A ReLU or a maximum may switch between two numbers that are equal but for rounding; such cases are not counted.
    """
    activations = network.activations(x)
    twins = twins_of(network, module, activations)
    values, gradients, scales, gradient_scales = passes(module, x, u)
    operations = operations_of(network, activations)
    compared = {
        name: agrees(ours, values[twins[name]], scales[twins[name]], operations) for name, ours in activations.items()
    }
    assume(not all(compared.values()) or switch_alike(network, module, activations, values))

    for name, ours in network.gradients(activations, u).items():
        twin = twins[name]
        compared[f"gradient of {name}"] = agrees(ours, gradients[twin], gradient_scales[twin], operations)
    for name, ours in network.parameter_gradients(u, x, activations).items():
        layer, twin = name.rpartition(".")[0], torchs_name(name)
        if twins[layer] == torchs_name(layer):  # else torch has no such parameter: a normalisation is folded into it
            compared[f"gradient of {name}"] = agrees(ours, gradients[twin], gradient_scales[twin], operations)
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

    No sum of a layer, in either direction, has more terms than its input or its output has cells, or its parameters
    have numbers; add fewer than ten operations for a bias, a division, a normalisation and the sum of two ways.
    """
    return 3 * sum(
        10 + max(x.size // x.shape[1], y.size // y.shape[1], *(value.size for value in layer.parameters.values()))
        for _, layer, x, y in opened(network, activations)
    )


def opened(network, activations, prefix=""):
    """(name, layer, its input, its output) of all layers; those inside of a residual block come before it."""
    names = list(activations)
    for name, layer in network.row:
        x, y = activations[names[names.index(name) - 1]], activations[name]
        for way, inside in (layer.ways or {}).items():
            yield from opened(inside, inside.activations(x), f"{prefix}{name}.{way}.")
        yield prefix + name, layer, x, y


def leaves(module, name="", source="input"):
    """(name, module, names of its inputs) of all that computes, in the order in which it runs.

    A Sequential is its parts. A block is its two ways, and then their sum under the name of the block.
    """
    if isinstance(module, Block):
        body, shortcut = (leaves(way, f"{name}.{key}", source) for key, way in module.named_children())
        ends = [way[-1][0] if way else source for way in (body, shortcut)]
        return [*body, *shortcut, (name, Sum(), ends)]
    if not isinstance(module, nn.Sequential):
        return [(name, module, [source])]
    found = []
    for child, part in module.named_children():
        found += leaves(part, f"{name}.{child}".removeprefix("."), found[-1][0] if found else source)
    return found


def run(module, x):
    """The input and the outputs of all leaves, by name."""
    outputs = {"input": x}
    for name, leaf, sources in leaves(module):
        outputs[name] = leaf(*(outputs[source].clone() for source in sources))  # a ReLU may work in place
    return outputs


def passes(module, x, u):
    """Activations, gradients of <output, u> for them and the parameters, the scales of these and of those; by name."""
    sizes = absolute(module)
    values, scales = run(module, torch.tensor(x).requires_grad_()), run(sizes, torch.tensor(np.abs(x)))
    *_, y = values.values()
    of = values | dict(module.named_parameters())
    gradients = dict(zip(of, torch.autograd.grad(y, of.values(), torch.tensor(u).reshape(y.shape)), strict=True))

    gradient_scales = {name: torch.zeros_like(value) for name, value in values.items()}
    gradient_scales[[*values][-1]] += torch.tensor(np.abs(u)).reshape(y.shape)
    for name, leaf, sources in reversed(leaves(sizes)):
        scale, of = gradient_scales[name], dict(leaf.named_parameters(prefix=name))
        if of:
            (before,) = sources
            gradient_scales |= zip(of, torch.autograd.grad(leaf(scales[before]), of.values(), scale), strict=True)
        inputs = [values[before].detach().clone().requires_grad_() for before in sources]
        output = leaf(*(x.clone() for x in inputs))  # a ReLU or a maximum lets pass what it does in truth
        for before, of_it in zip(sources, torch.autograd.grad(output, inputs, scale), strict=True):
            gradient_scales[before] += of_it
    return values, gradients, scales, gradient_scales


def torchs_name(name):
    """Torch's name: from_torch puts the sum of a block and its ways into it, as in "1.add" and "1.add.body.body.0"."""
    return re.sub(r"\.add(\.(body|shortcut)(?=\.)|$)", "", name)


def twins_of(network, module, activations):
    """By the name of our activation, the name of torch's: of a normalised convolution that of the normalisation.

    The layers inside of residual blocks that have parameters are named, too.
    """
    ours = [*activations, *(name.rpartition(".")[0] for name in network.parameters)]
    theirs, known = [name for name, *_ in leaves(module)], {torchs_name(name) for name in ours}
    normalised, last = {}, "input"
    for name, leaf, _ in leaves(module):
        last = name if name in known else last
        if isinstance(leaf, nn.BatchNorm2d):
            normalised[last] = name
    twins, twin = {}, "input"
    for name in ours:
        twin = torchs_name(name) if torchs_name(name) in theirs else twin  # else it is a network of ours that ends
        twins[name] = normalised.get(twin, twin)
    return twins


def switch_alike(network, module, activations, values):
    """Whether each ReLU and each maximum goes the same way, according to torch, for our inputs and for torch's."""
    ours = {torchs_name(name): torch.tensor(x) for name, _, x, _ in opened(network, activations)}
    theirs = {name: values[sources[0]] for name, _, sources in leaves(module)}
    return all(
        torch.equal(ways_of(leaf, ours[name]), ways_of(leaf, theirs[name]))
        for name, leaf, _ in leaves(module)
        if isinstance(leaf, nn.ReLU | nn.MaxPool2d)
    )


def ways_of(leaf, x):
    """Which inputs a ReLU lets pass, or which of them are the maxima."""
    if isinstance(leaf, nn.ReLU):
        return x > 0
    window = leaf.kernel_size, leaf.stride, leaf.padding
    return nn.functional.max_pool2d(x, *window, return_indices=True)[1]


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
