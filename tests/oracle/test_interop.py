"""from_torch: the names, the numbers, what is resolved or folded, and what is refused. Values are drawn elsewhere."""

import re
from collections import OrderedDict

import numpy as np
import pytest
from against_torch import nearly_equal, nn, torch
from helpers import refusal, same
from resnet import folded, resnet
from sides.ours import network_of
from sides.with_torch import module_of
from torch_cases import BasicBlock, ResNet, evaluated, torchvisions, vgg11

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, MaxPool2d, grad_cam
from numpycam.interop import from_torch

F = nn.functional


@pytest.fixture(autouse=True)
def seeded():
    """The same weights in every run: a block of few channels may return nothing but zeros, which shows nothing."""
    torch.manual_seed(1)


def names_of(network):
    return [name for name, _ in network.layers]


# --- Known networks ---------------------------------------------------------------------------------


def lenet():
    """LeNet-5 as it is taught today, with ReLU and max pooling."""
    features = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    )
    classifier = nn.Sequential(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return torchvisions(features, (None, None), classifier)


def alexnet():
    """AlexNet as torchvision has it, every layer eight times narrower or more."""
    features = nn.Sequential(
        *(nn.Conv2d(3, 8, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(kernel_size=3, stride=2)),
        *(nn.Conv2d(8, 24, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(kernel_size=3, stride=2)),
        *(nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(48, 32, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(kernel_size=3, stride=2)),
    )
    classifier = nn.Sequential(
        *(nn.Dropout(), nn.Linear(32 * 6 * 6, 32), nn.ReLU(inplace=True)),
        *(nn.Dropout(), nn.Linear(32, 32), nn.ReLU(inplace=True)),
        nn.Linear(32, 10),
    )
    return torchvisions(features, (6, 6), classifier)


@pytest.mark.parametrize(
    ("module", "image_shape", "last"),
    [
        (lenet(), (1, 28, 28), "features.3"),
        (alexnet(), (3, 224, 224), "features.10"),
        (vgg11((7, 7), nn.Sequential(nn.Linear(16 * 49, 10)), narrower=32), (3, 224, 224), "features.18"),
    ],
    ids=["LeNet", "AlexNet", "VGG-11"],
)
def test_known_networks_run_here(module, image_shape, last):
    images = np.random.default_rng(0).random((2, *image_shape))
    network = from_torch(module, image_shape)
    assert nearly_equal(network(images), module(torch.tensor(images)))
    assert grad_cam(network, images).layer == last
    assert "avgpool" not in names_of(network)  # at this size of the image it changes nothing


# --- Names and numbers ------------------------------------------------------------------------------


def test_names_are_those_of_torch():
    features = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Sequential(nn.Identity(), nn.MaxPool2d(2))
    )
    parts = {"features": features, "flatten": nn.Flatten(), "classifier": nn.Sequential(nn.Dropout(), nn.Linear(2, 3))}
    module = nn.Sequential(OrderedDict(parts)).eval()
    network = from_torch(module)
    assert names_of(network) == ["features.0", "features.2", "features.3.1", "flatten", "classifier.1"]
    assert list(network.parameters) == [
        "features.0.weight",
        "features.0.bias",
        "classifier.1.weight",
        "classifier.1.bias",
    ]
    assert same(network["classifier.1"].weight, module.classifier[1].weight.detach().numpy())


def test_nothing_is_shared_and_nothing_changed():
    module = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), nn.BatchNorm2d(2)).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = from_torch(module)
    weight = network["0"].weight.copy()
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    for value in module.state_dict().values():
        value.add_(1)
    assert same(network["0"].weight, weight)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float64", np.float64), ("float32", np.float32), ("float16", np.float32), ("bfloat16", np.float32)],
)
def test_half_precision_is_promoted_and_others_stay_what_they_are(given, expected):
    """Half precision is promoted, and each of its numbers stays what it is."""
    module = nn.Sequential(nn.Linear(3, 2)).to(getattr(torch, given))
    network = from_torch(module)
    assert network.dtype == expected
    assert same(network["0"].weight, module[0].weight.detach().double().numpy())


def test_a_module_that_runs_twice_is_there_twice():
    relu, conv = nn.ReLU(), nn.Conv2d(2, 2, 1)
    block = nn.Sequential(conv, relu)
    assert names_of(from_torch(nn.Sequential(block, conv, relu, block))) == ["0.0", "0.1", "1", "2", "3.0", "3.1"]


def test_what_computes_as_torch_does_is_taken():
    """Classes derived without a forward of their own, and parametrised weights, as they are now."""

    class Block(nn.Sequential):
        pass

    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, (1, 3)))
    normed.parametrizations.weight.original0.data.mul_(3)
    network = from_torch(nn.Sequential(Block(normed)))
    assert same(network["0.0"].weight, normed.weight.detach().numpy())


def test_a_normalisation_is_folded_in_float64_and_rounded_once():
    conv, norm = nn.Conv2d(1, 2, (1, 3)), nn.BatchNorm2d(2, eps=0.25)
    norm.weight.data, norm.bias.data = torch.tensor([3.0, -1.0]), torch.tensor([0.1, 0.2])
    norm.running_mean, norm.running_var = torch.tensor([0.3, 0.4]), torch.tensor([0.5, 2.0])
    layer = from_torch(nn.Sequential(conv, norm).eval())["0"]
    weight, bias, gamma, beta, mean, variance = (
        np.float64(tensor.detach().numpy())
        for tensor in (conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    scale = gamma / np.sqrt(variance + 0.25)
    assert same(layer.weight, np.float32(weight * scale[:, None, None, None]))
    assert same(layer.bias, np.float32((bias - mean) * scale + beta))


# --- Adaptive pooling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((12, 9), None),
        ((None, 9), None),
        ((4, 3), AvgPool2d(3)),
        ((6, None), AvgPool2d((2, 1))),
        (1, AvgPool2d((12, 9))),
        ((3, 4), AvgPool2d((4, 3), (4, 2))),  # from 0, 2, 4, 6: windows of three cells that overlap
    ],
)
def test_adaptive_pooling_is_resolved(size, expected):
    network = from_torch(nn.Sequential(nn.AdaptiveAvgPool2d(size)), (1, 12, 9))
    assert [repr(layer) for _, layer in network.layers] == ([] if expected is None else [repr(expected)])


@pytest.mark.parametrize("size", [1, (1, 1), [1, 1]])
def test_a_global_average_before_a_flatten_needs_no_size(size):
    module = nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Dropout(), nn.Flatten()).eval()
    for input_shape in (None, (1, 2, 3)):
        layers = [layer for _, layer in from_torch(module, input_shape).layers]
        assert list(map(type, layers)) == [GlobalAvgPool2d, Flatten]


@pytest.mark.parametrize(
    ("size", "image", "cells"),
    [
        ((5, 7), (12, 9), "12 × 9 cells to 5 × 7"),
        ((None, 7), (12, 9), "12 × 9 cells to 12 × 7"),
        ((5, None), (12, 9), "12 × 9 cells to 5 × 9"),
        (24, (12, 9), "12 × 9 cells to 24 × 24"),
        ((1, 2), (12, 1), "12 × 1 cells to 1 × 2"),
    ],
)
def test_uneven_windows_are_refused(size, image, cells):
    module = nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(size))
    assert refusal(ValueError, lambda: from_torch(module, (1, *image))) == (
        f"1: AdaptiveAvgPool2d from {cells} is not supported: its windows differ in size or stride."
    )


def test_a_size_that_is_needed_and_missing():
    module = nn.Sequential(
        OrderedDict(features=nn.Sequential(nn.Conv2d(1, 1, 1)), avgpool=nn.AdaptiveAvgPool2d((6, 6)))
    )
    assert refusal(ValueError, lambda: from_torch(module)) == (
        "avgpool: AdaptiveAvgPool2d to (6, 6) depends on the size of its input: "
        "pass input_shape=(C, H, W), the shape of one image."
    )


# --- The image --------------------------------------------------------------------------------------


def test_an_image_that_does_not_fit():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(8, 2))
    assert names_of(from_torch(module, (3, 2, 2))) == ["0", "1", "2"]
    message = refusal(ValueError, lambda: from_torch(module, (3, 2, 3)))
    assert message == (
        "input_shape (3, 2, 3) does not fit the network: layer '2': Linear expects x of shape (N, 8), got (1, 12)."
    )
    adaptive = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(2))
    message = refusal(ValueError, lambda: from_torch(adaptive, (1, 4, 6)))
    assert message.startswith("1: input_shape (1, 4, 6) does not fit the network: layer '0': Conv2d expects 3 input")


@pytest.mark.parametrize(
    ("error", "shape", "message"),
    [
        (ValueError, (1, 3, 8, 9), "input_shape must be (C, H, W), the shape of one image, got (1, 3, 8, 9)."),
        (ValueError, 224, "input_shape must be (C, H, W), the shape of one image, got 224."),
        (ValueError, (3, 0, 9), "input_shape == 0, must be >= 1."),
        (TypeError, (3, 8.0, 9), "input_shape must be an instance of int, not float."),
    ],
)
def test_what_is_no_shape_of_an_image(error, shape, message):
    assert refusal(error, lambda: from_torch(nn.Sequential(nn.ReLU()), shape)) == message


# --- What is refused --------------------------------------------------------------------------------

KINDS = "it is none of Sequential, Conv2d, ReLU, MaxPool2d, AvgPool2d, Flatten, Linear, AdaptiveAvgPool2d, BatchNorm2d"


class OwnForward(nn.Conv2d):
    def forward(self, x):
        return -super().forward(x)


class Upsample(OwnForward):
    """Has a name of torch's, and does something else."""


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, -weight, bias)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def patched():
    relu = nn.ReLU()
    relu.forward = torch.tanh
    return relu


def hooked(register):
    conv = nn.Conv2d(1, 1, 1)
    getattr(conv, register)(lambda *_: None)
    return conv


def not_finite():
    conv = nn.Conv2d(1, 1, (1, 2))
    conv.weight.data[0, 0, 0, 1] = torch.nan
    return conv


UNSUPPORTED = "is not supported:"
HOOK = "a hook, which may change what it computes: remove it first."
CURVE = "it has a curve, so the network would not be piecewise linear."
PAST_THE_BORDER = "it may have one window more, which reaches past the border."
TRAINING = "is in training mode: call module.eval() first."


@pytest.mark.parametrize(
    ("error", "module", "message"),
    [
        *[
            (ValueError, module, f"{type(module).__name__} with {option} {UNSUPPORTED} {why}")
            for module, option, why in (
                (nn.Conv2d(4, 4, 1, groups=2), "groups=2", "each of its kernels sees only a part of the channels."),
                (nn.Conv2d(1, 1, 1, padding_mode="reflect"), "padding_mode='reflect'", "it pads with other numbers th"),
                (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=True", PAST_THE_BORDER),
                (nn.MaxPool2d(2, dilation=2), "dilation=2", "its windows have gaps."),
                (nn.MaxPool2d(2, dilation=(1, 2)), "dilation=(1, 2)", "its windows have gaps."),
                (nn.MaxPool2d(2, return_indices=True), "return_indices=True", "it returns two things."),
                (nn.AvgPool2d(2, ceil_mode=True), "ceil_mode=True", PAST_THE_BORDER),
                (nn.AvgPool2d(2, divisor_override=3), "divisor_override=3", "it divides by another number than that"),
                (nn.Flatten(2), "start_dim=2", "only what flattens each image can be converted."),
                (nn.Flatten(1, 2), "end_dim=2", "only what flattens each image can be converted."),
            )
        ],
        *[
            (
                ValueError,
                nn.Conv2d(1, 1, size, padding="same"),
                f"Conv2d with padding='same' and kernel_size={size} is not supported: it pads one side more",
            )
            for size in ((3, 2), (2, 3))
        ],
        (ValueError, nn.BatchNorm2d(1), f"BatchNorm2d {TRAINING}"),
        (ValueError, nn.Dropout2d(), f"Dropout2d {TRAINING}"),
        (ValueError, nn.LazyConv2d(1, 1), "LazyConv2d has no parameters yet: call the module on an image first."),
        (ValueError, nn.Linear(1, 1, device="meta"), "a parameter on the meta device has no values."),
        (ValueError, not_finite(), "weight contains NaN at index (0, 0, 0, 1)."),
        (
            TypeError,
            nn.Linear(1, 1, dtype=torch.complex64),
            "weight must hold floats, integers or Fractions, got dtype",
        ),
        *[
            (ValueError, hooked(f"register_{kind}"), f"Conv2d has {HOOK}")
            for kind in ("forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook")
        ],
        (TypeError, nn.SiLU(), f"SiLU {UNSUPPORTED} {CURVE}"),
        (TypeError, nn.ReLU6(), f"ReLU6 {UNSUPPORTED} it bends at another number than 0."),
        (TypeError, nn.LeakyReLU(), f"LeakyReLU {UNSUPPORTED} it has a slope below 0, too."),
        (TypeError, nn.InstanceNorm2d(1), f"InstanceNorm2d {UNSUPPORTED} it divides by numbers that it computes from"),
        (TypeError, nn.MultiheadAttention(1, 1), f"MultiheadAttention {UNSUPPORTED} it is attention, which"),
        (TypeError, nn.ConvTranspose2d(1, 1, 1), f"ConvTranspose2d {UNSUPPORTED} it makes maps larger."),
        *[
            (TypeError, module, f"{type(module).__name__} {UNSUPPORTED} {KINDS}")
            for module in (
                *(nn.Conv1d(1, 1, 1), nn.BatchNorm1d(1), nn.AdaptiveMaxPool2d(1), nn.ModuleList()),
                *(nn.Unflatten(1, (1, 1)), OwnForward(1, 1, 1), OwnConvolution(1, 1, 1), Upsample(1, 1, 1), patched()),
            )
        ],
    ],
    ids=lambda value: re.sub(r"\W+", "-", str(value))[:40],
)
def test_what_there_is_no_layer_for(error, module, message):
    """By name and place, however deep it lies."""
    first = nn.ReLU()
    assert refusal(error, lambda: from_torch(nn.Sequential(module))).startswith(f"0: {message}")
    nested = nn.Sequential(OrderedDict(features=nn.Sequential(first, nn.Sequential(module)), flatten=nn.Flatten()))
    assert refusal(error, lambda: from_torch(nested)).startswith(f"features.1.0: {message}")


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()])
def test_probabilities_at_the_end_are_to_be_left_out(last):
    name = type(last).__name__
    message = refusal(TypeError, lambda: from_torch(nn.Sequential(nn.Flatten(), last)))
    assert message == f"1: {name} {UNSUPPORTED} it has a curve. Leave it out: what goes into it is the scores."
    message = refusal(TypeError, lambda: from_torch(nn.Sequential(last, nn.Flatten())))
    assert message == f"0: {name} {UNSUPPORTED} {CURVE}"


@pytest.mark.parametrize(
    ("norm", "message"),
    [
        (
            nn.BatchNorm2d(2, track_running_stats=False),
            "2: BatchNorm2d with track_running_stats=False is not supported: its output depends on the batch.",
        ),
        (nn.BatchNorm2d(1), "2: BatchNorm2d expects 1 channels, the Conv2d before it has 2."),
    ],
)
def test_normalisations_that_cannot_be_folded(norm, message):
    module = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 1), norm).eval()
    assert refusal(ValueError, lambda: from_torch(module)) == message


def test_a_hook_on_the_whole_is_a_hook():
    module = nn.Sequential(nn.ReLU())
    handle = module.register_forward_hook(lambda *_: None)
    assert refusal(ValueError, lambda: from_torch(module)) == f"module: Sequential has {HOOK}"
    handle.remove()
    assert names_of(from_torch(module)) == ["0"]


def test_what_is_no_module_with_a_forward_is_refused():
    for given, came in ((np.ones(2), "ndarray"), (nn.ModuleList(), "ModuleList"), (nn.Module(), "Module")):
        message = refusal(TypeError, lambda given=given: from_torch(given))
        assert message == f"module must be a torch.nn.Module with a forward, got {came}."


def test_a_single_module_is_a_network_of_one_layer():
    assert names_of(from_torch(nn.Conv2d(1, 1, 1))) == ["module"]


def test_max_pooling_and_convolutions_keep_their_options():
    module = nn.Sequential(
        nn.Conv2d(1, 1, (3, 2), (2, 1), (1, 0), (1, 2), bias=False),
        nn.Conv2d(1, 1, (3, 2), padding="valid"),
        nn.Conv2d(1, 1, (3, 2), padding="same", dilation=(1, 2)),
        nn.MaxPool2d([3, 2], [1, 2], [1, 0], [1, 1]),
        nn.AvgPool2d((3, 2), count_include_pad=False, padding=1),
    )
    one, two, three, four, five = (layer for _, layer in from_torch(module).layers)
    assert repr(one) == repr(Conv2d(np.ones((1, 1, 3, 2)), None, (2, 1), (1, 0), (1, 2)))
    assert two.padding == (0, 0)
    assert three.padding == (1, 1)
    assert repr(four) == repr(MaxPool2d((3, 2), (1, 2), (1, 0)))
    assert repr(five) == repr(AvgPool2d((3, 2), None, 1, False))


# --- A forward of its own ---------------------------------------------------------------------------------------------


def small_resnet():
    return ResNet((4, 6), classes=3)


class TutorialNet(nn.Module):
    """The network of a first course: functions between the layers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.drop = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Dropout2d()
        self.fc1, self.fc2 = nn.Linear(256, 30), nn.Linear(30, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2))
        x = x.view(-1, 256)
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return self.fc2(x)


class PreActivation(nn.Module):
    """A normalisation with no convolution before it, a mean over the cells, and a sum in the other order."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn, self.conv = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.conv(F.relu(self.bn(x)))
        return x.relu().mean((2, 3))


@pytest.mark.parametrize(
    ("make", "shape"), [(small_resnet, (3, 33, 30)), (TutorialNet, (1, 28, 28)), (PreActivation, (1, 6, 7))]
)
def test_a_module_with_a_forward_of_its_own_computes_the_same_here(make, shape):
    module = evaluated(make())
    network = from_torch(module, shape)
    x = np.random.default_rng(0).standard_normal((2, *shape))
    given = torch.tensor(x).requires_grad_()
    scores = module(given)
    assert nearly_equal(network(x), scores)
    u = np.random.default_rng(1).standard_normal(scores.shape)
    (gradient,) = torch.autograd.grad(scores, given, torch.tensor(u))
    assert nearly_equal(network.backward(u, x), gradient)


def test_what_a_module_returns_has_its_name():
    module = evaluated(small_resnet())
    network = from_torch(module, (3, 33, 30))
    x = np.random.default_rng(0).standard_normal((2, 3, 33, 30))
    activations, seen = network.activations(x), {}
    for name in ("maxpool", "layer1", "layer1.0", "layer1.1", "layer2", "layer2.0", "layer2.1"):
        of_it = module.get_submodule(name)
        of_it.register_forward_hook(lambda module, inputs, output, name=name: seen.update({name: output.clone()}))
    module(torch.tensor(x))
    for name, output in seen.items():
        assert nearly_equal(activations[name], output)
    assert [*network["layer2"]["0"]["add"].shortcut.parameters] == ["downsample.0.weight", "downsample.0.bias"]
    assert grad_cam(network, x[0]).layer == "layer2.1.add"


def test_the_benchmarks_measure_the_resnet_that_is_made_of_torchs():
    generator = np.random.default_rng(0)
    layers = resnet(18, lambda *shape: generator.standard_normal(shape))
    network, measured = from_torch(module_of(layers), (3, 33, 30)), network_of(folded(layers))
    parameters = zip(measured.parameters.values(), network.parameters.values(), strict=True)
    assert all(same(one, other) for one, other in parameters)
    x = np.random.default_rng(1).standard_normal((2, 3, 33, 30))
    assert same(measured(x), network(x))


def test_a_sequential_may_hold_modules_with_a_forward_of_their_own():
    module = evaluated(nn.Sequential(nn.Conv2d(1, 2, 1), BasicBlock(2, 2), Residual(nn.ReLU())))
    network = from_torch(module, (1, 4, 5))
    x = np.random.default_rng(0).standard_normal((1, 1, 4, 5))
    assert nearly_equal(network(x), module(torch.tensor(x)))


class Calls(nn.Module):
    """A forward that is given from outside."""

    def __init__(self, forward):
        super().__init__()
        self.conv, self.relu, self.call = nn.Conv2d(1, 1, 1), nn.ReLU(), forward
        nn.init.constant_(self.conv.weight, 2)
        nn.init.constant_(self.conv.bias, 1)

    def forward(self, x):
        return self.call(self, x)


def stochastic_depth(x, p, mode, training=True):
    """As torchvision's of that name: it drops whole branches in training, and torch.fx does not look inside."""
    return x * torch.bernoulli(torch.full((x.shape[0], 1, 1, 1), 1 - p)) / (1 - p) if training else x


torch.fx.wrap("stochastic_depth")


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: x + m.conv(x) + m.relu(x),
        lambda m, x: x + (m.conv(x) + m.relu(x)),
        lambda m, x: m.conv(x + m.relu(x)) + x,
        lambda m, x: m.relu((y := m.conv(x)) + m.relu(y)) + m.conv(y) + x,
        lambda m, x: (y := m.conv(x)) + y,
        lambda m, x: m.relu((y := m.conv(x)) + y) + x,
        lambda m, x: (x + x) + m.conv(x),
        lambda m, x: F.dropout(x, training=False) + x + m.conv(x),
    ],
)
def test_sums_may_begin_where_other_sums_begin(forward):
    module = nn.Sequential(nn.ReLU(), Calls(forward)).double().eval()
    network = from_torch(module, (1, 4, 5))
    x = np.random.default_rng(0).standard_normal((2, 1, 4, 5))
    given = torch.tensor(x).requires_grad_()
    y = module(given)
    (gradient,) = torch.autograd.grad(y, given, torch.tensor(x))
    assert nearly_equal(network(x), y)
    assert nearly_equal(network.backward(x, x), gradient)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda m, x: torch.cat([m.conv(x), x], 1), f"cat: cat {UNSUPPORTED} it joins branches side by side, but here"),
        (lambda m, x: m.conv(x) * x, f"mul: mul {UNSUPPORTED} it multiplies one branch by another, as a gate does."),
        (
            lambda m, x: m.conv(x) @ x.mT,
            f"getattr_1: .mT {UNSUPPORTED} it changes the order of the axes, which stay (N",
        ),
        (
            lambda m, x: torch.einsum("nchw,nchv->ncwv", x, x),
            f"einsum: einsum {UNSUPPORTED} it multiplies two matrices",
        ),
        (
            lambda m, x: m.conv(x).permute(0, 2, 3, 1),
            f"permute: permute {UNSUPPORTED} it changes the order of the axes",
        ),
        (lambda m, x: m.conv(torch.sigmoid(x)), f"sigmoid: sigmoid {UNSUPPORTED} {CURVE}"),
        (
            lambda m, x: F.layer_norm(x, (5,)),
            f"layer_norm: layer_norm {UNSUPPORTED} it divides by numbers that it comp",
        ),
        (lambda m, x: F.hardtanh(m.conv(x)), f"hardtanh: hardtanh {UNSUPPORTED} it bends at another number than 0."),
        (lambda m, x: m.conv(x)[:, :, 1:], f"getitem: getitem {UNSUPPORTED} it returns only a part of its input."),
        (
            lambda m, x: F.interpolate(m.conv(x), None, 2),
            f"interpolate: interpolate {UNSUPPORTED} it makes maps larger.",
        ),
        (lambda m, x: m.conv(x) - x, f"sub: sub {UNSUPPORTED} it subtracts, but branches can only be added up."),
        (
            lambda m, x: m.conv(x).abs(),
            f"abs_1: abs {UNSUPPORTED} it is none of the functions for which there is a layer.",
        ),
        (
            lambda m, x: F.softmax(m.conv(x), 1),
            f"softmax: softmax {UNSUPPORTED} it has a curve. Leave it out: what goes",
        ),
        *[
            (forward, f"{name}: {name} {UNSUPPORTED} it computes with a number or a parameter, which must be a part of")
            for name, forward in (
                ("add", lambda m, x: m.conv(x) + 1),
                ("add", lambda m, x: 1 + m.conv(x)),
                ("mul", lambda m, x: 2 * m.conv(x)),
                ("mul_", lambda m, x: m.conv(x).mul_(2)),
                ("truediv", lambda m, x: m.conv(x) / x.size(2)),
            )
        ],
        (lambda m, x: torch.add(m.conv(x), x, alpha=2), "add: only two outputs of layers can be added up."),
        (lambda m, x: m.conv(x) + m.relu(1.0), "relu: it is given something else than one output of a layer."),
        (lambda m, x: ((y := m.conv(x)) + x) + m.relu(y), "add: it adds up two branches that do not begin at on"),
        (lambda m, x: (m.conv(x), x), "module: Calls must return one tensor of scores."),
        (lambda m, x: m.conv(x) if x.sum() > 0 else x, "module: torch.fx cannot record the forward of Calls, as of"),
        (lambda m, x: m.conv.weight * x, "conv.weight: a parameter is not supported: it stands outside of torch's la"),
        (lambda m, x: x.view(-1), "view: view: only what flattens each image is supported, such as x.view(x.size(0"),
        (lambda m, x: x.mean(1), "mean: mean: only the mean over the cells is supported, such as x.mean((2, 3))"),
        (lambda m, x: F.dropout(m.conv(x)), "dropout: dropout is in training mode: call module.eval() first."),
        (
            lambda m, x: stochastic_depth(m.conv(x), 0.5, "row", True),
            "stochastic_depth: stochastic_depth is in training mode: call module.eval() first.",
        ),
    ],
)
def test_a_call_that_no_layer_makes_is_refused_with_its_reason(forward, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        from_torch(Calls(forward).eval(), (1, 4, 5))
    assert str(caught.value).startswith(message)


def test_each_reason_is_told_once():
    def forward(m, x):
        gate = torch.sigmoid(m.conv(x)) * m.conv(x)
        scale = torch.exp(m.conv.weight)  # a curve of a parameter is none of the image
        return torch.cat([gate * x, torch.tanh(x)], 1) * scale.permute(0, 1, 3, 2)

    assert refusal(TypeError, lambda: from_torch(Calls(forward).eval(), (1, 4, 5))).splitlines() == [
        f"sigmoid: sigmoid {UNSUPPORTED} {CURVE}",
        f"mul: mul {UNSUPPORTED} it multiplies one branch by another, as a gate does.",
        f"conv.weight: a parameter {UNSUPPORTED} it stands outside of torch's layers.",
        f"cat: cat {UNSUPPORTED} it joins branches side by side, but here they can only be added up, as in a ResNet.",
        f"mul_2: mul {UNSUPPORTED} it computes with a number or a parameter, which must be a part of a layer.",
    ]


def looks_at_the_size(m, x):
    torch._assert(x.shape[2] == 4, "the height is not 4")
    x = stochastic_depth(m.conv(x), 0.5, "row", m.training)
    return x.view(-1, x.size(1) * x.size(2) * (x.shape[3] // 1))


def test_arithmetic_with_sizes_is_no_layer():
    module = Calls(looks_at_the_size).eval()
    network = from_torch(module, (1, 4, 5))
    assert names_of(network) == ["conv", "view"]
    x = np.random.default_rng(0).standard_normal((2, 1, 4, 5)).astype(np.float32)
    assert same(network(x), network["conv"](x).reshape(2, 20))


def changed_and_used_again(m, x):
    y = again = m.conv(x)
    y += x  # torch.fx sees a sum, and another value
    return again.relu()


def a_relu_that_changes_what_the_shortcut_is_given(m, x):
    y = m.conv(x)
    return y + m.conv(F.relu(y, inplace=True))


@pytest.mark.parametrize(
    "forward",
    [
        changed_and_used_again,
        a_relu_that_changes_what_the_shortcut_is_given,
        lambda m, x: m.conv(x).view(x.size(1), -1),
        lambda m, x: m.conv(x).view(-1, 10),
        lambda m, x: x.view(x.shape[2], -1),
    ],
)
def test_what_its_calls_do_not_show_is_noticed(forward):
    message = refusal(ValueError, lambda: from_torch(Calls(forward).eval(), (1, 4, 5)))
    assert message == (
        "Calls returns something else than its calls show, as where a value is changed in place (y += x) and then used "
        "again, or the images of a batch are mixed."
    )


def test_a_forward_of_its_own_needs_an_image_to_be_compared_on():
    assert refusal(ValueError, lambda: from_torch(TutorialNet().eval())) == (
        "TutorialNet has a forward of its own: pass input_shape=(C, H, W), the shape of one image, so that what is "
        "read from its calls can be compared with what it returns."
    )
    message = refusal(ValueError, lambda: from_torch(TutorialNet().eval(), (1, 40, 40)))
    assert message.startswith("input_shape (1, 40, 40) does not fit the network: ")


def test_in_half_precision_it_is_compared_too():
    network = from_torch(evaluated(PreActivation()).bfloat16(), (1, 6, 7))
    assert network.dtype == np.float32
