"""What the tests of this folder draw: numbers of two kinds, networks of any depth, torch Sequentials."""

from collections import OrderedDict
from functools import cache
from itertools import pairwise, product

import numpy as np
from against_torch import as_torch, nn, torch
from hypothesis import strategies as st

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual
from numpycam.laws.strategies import sides

KINDS_OF_MAPS = [Conv2d, Conv2d, ReLU, MaxPool2d, AvgPool2d, Residual]
CLASSIFIERS = (Flatten, Linear), (GlobalAvgPool2d, Flatten, Linear)
OF_NUMPYCAM = {kind.__name__: kind for kind in (Conv2d, MaxPool2d, AvgPool2d, Flatten, Linear)}


@st.composite
def numbers(draw):
    """What makes arrays: of small whole numbers, which meet in ties and zeros, or of real ones, which rarely do."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        return lambda *shape: rng.integers(-3, 4, shape).astype(np.float64)
    return lambda *shape: rng.standard_normal(shape)


@st.composite
def conv_windows(draw, lengths):
    """Kernel size, stride, padding and dilation of a convolution over maps of that height and width."""
    windows = []
    for length in lengths:
        padding, dilation = draw(st.integers(0, 3)), draw(st.integers(1, 3))
        most = (length + 2 * padding - 1) // dilation + 1
        windows.append((draw(st.integers(1, min(4, most))), draw(st.integers(1, 3)), padding, dilation))
    return tuple(zip(*windows, strict=True))


@st.composite
def pool_windows(draw, lengths):
    """Kernel size, stride and padding of a pooling over maps of that height and width."""
    windows = []
    for length in lengths:
        size = draw(st.integers(1, min(4, length)))
        windows.append((size, draw(st.integers(1, 3)), draw(st.integers(0, size // 2))))
    return tuple(zip(*windows, strict=True))


@st.composite
def layers(draw, kind, make, shape):
    """A layer or a residual block for inputs of that shape, its parameters made by ``make``."""

    def bias(length):
        return make(length) if draw(st.booleans()) else None

    if kind is Conv2d:
        size, *options = draw(conv_windows(shape[2:]))
        out_channels = draw(st.integers(1, 4))
        return Conv2d(make(out_channels, shape[1], *size), bias(out_channels), *options)
    if kind is MaxPool2d:
        return MaxPool2d(*draw(pool_windows(shape[2:])))
    if kind is AvgPool2d:
        return AvgPool2d(*draw(pool_windows(shape[2:])), count_include_pad=draw(st.booleans()))
    if kind is Linear:
        features = draw(st.integers(1, 5))
        return Linear(make(features, shape[1]), bias(features))
    if kind is Residual:
        return draw(blocks(make, shape))
    return kind()


def row(draw, kinds, make, shape):
    """Layers of these kinds one after another, with their names, and the shape of what they return."""
    pairs = []
    for kind in kinds:
        layer = draw(layers(kind, make, shape))
        pairs.append((f"{len(pairs)}", layer))
        shape = layer.output_shape(shape)
    return pairs, shape


@st.composite
def blocks(draw, make, shape):
    """A residual block. One way is x itself, or up to two layers; the other ends with what makes both meet."""
    one, met = row(draw, draw(st.lists(st.sampled_from(KINDS_OF_MAPS), max_size=2)), make, shape)
    other, after = row(draw, draw(st.lists(st.sampled_from(KINDS_OF_MAPS), max_size=2)), make, shape)
    size, *options = zip(*map(draw, map(windows_from_to, after[2:], met[2:])), strict=True)
    bias = make(met[1]) if draw(st.booleans()) else None
    other.append((f"{len(other)}", Conv2d(make(met[1], after[1], *size), bias, *options)))
    ways = Network(one), Network(other)
    return Residual(*(ways if draw(st.booleans()) else ways[::-1]))


@cache
def windows_from_to(length, wanted):
    """(kernel size, stride, padding, dilation) of the small windows of a convolution that make that length of another.

    If none does, of the smallest that does.
    """
    found = [
        (size, stride, padding, dilation)
        for size, stride, padding, dilation in product(range(1, 5), range(1, 4), range(4), range(1, 4))
        if (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1 == wanted
    ]
    padding = max(0, (wanted - length + 1) // 2)
    return st.sampled_from(found or [(length + 2 * padding - wanted + 1, 1, padding, 1)])


@st.composite
def shapes(draw):
    """The shape of a batch of images that are not square."""
    return draw(st.integers(1, 3)), draw(st.integers(1, 4)), *draw(sides(1, 12))


@st.composite
def networks(draw, heads=((), *CLASSIFIERS, (Flatten, Linear, ReLU, Linear)), having=()):
    """A network of up to seven layers and blocks of maps and then one of the heads; an input; what makes more numbers.

    It has the kinds ``having`` in any case.
    """
    make, shape = draw(numbers()), draw(shapes())
    body = draw(st.lists(st.sampled_from(KINDS_OF_MAPS), min_size=not having, max_size=7 - len(having)))
    for kind in having:
        body.insert(draw(st.integers(0, len(body))), kind)
    pairs, _ = row(draw, [*body, *draw(st.sampled_from(heads))], make, shape)
    return Network(pairs), make(*shape), make


@st.composite
def sequentials(draw):
    """A torch Sequential of all that ``from_torch`` takes, nested, in eval mode; an input; what makes more numbers."""
    make, shape = draw(numbers()), draw(shapes())
    x, modules = make(*shape), []
    kinds = ["Conv2d", "block", "same", "BatchNorm2d", "ReLU", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "nothing"]
    heads = [[], ["Flatten", "nothing", "Linear", "ReLU", "Linear"], ["global", "nothing", "Flatten", "Linear"]]
    for kind in [*draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=7)), *draw(st.sampled_from(heads))]:
        for module in draw(modules_of(kind, make, shape)):
            shape = tuple(module.double().eval()(torch.ones(shape, dtype=torch.float64)).shape)
            modules.append(module)
    return draw(nested(modules)).eval(), x, make


@st.composite
def modules_of(draw, kind, make, shape):
    """A module for inputs of that shape, of a normalisation the convolution before it, too."""
    if kind == "BatchNorm2d":
        conv = draw(layers(Conv2d, make, shape))
        nothing = draw(modules_of("nothing", make, shape)) if draw(st.booleans()) else []
        return [as_torch(conv), *nothing, draw(norms(make, len(conv.weight)))]
    if kind == "block":
        block = as_torch(draw(blocks(make, shape)))
        for way in [one for one in block.modules() if isinstance(one, nn.Sequential)]:
            for name, conv in way.named_children():
                if isinstance(conv, nn.Conv2d) and draw(st.booleans()):
                    setattr(way, name, nn.Sequential(conv, draw(norms(make, conv.out_channels))))
        return [block]
    if kind == "same":
        dilation, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
        sizes = st.sampled_from([1, 3] if dilation == 1 else [1, 2, 3])
        conv = nn.Conv2d(shape[1], channels, (draw(sizes), draw(sizes)), padding="same", dilation=dilation)
        for value in conv.parameters():
            value.data = torch.tensor(make(*value.shape))
        return [conv]
    if kind == "AdaptiveAvgPool2d":
        return [nn.AdaptiveAvgPool2d(tuple(draw(st.sampled_from([None, *even_sizes(length)])) for length in shape[2:]))]
    if kind == "global":
        return [nn.AdaptiveAvgPool2d(draw(st.sampled_from([1, (1, 1)])))]
    if kind == "nothing":
        dropouts = [nn.Dropout, nn.AlphaDropout, *([nn.Dropout2d] if len(shape) == 4 else [])]
        return [draw(st.sampled_from([nn.Identity, *dropouts]))()]
    if kind == "ReLU":
        return [nn.ReLU(inplace=draw(st.booleans()))]
    return [as_torch(draw(layers(OF_NUMPYCAM[kind], make, shape)))]


@st.composite
def norms(draw, make, channels):
    norm = nn.BatchNorm2d(channels, eps=draw(st.sampled_from([1e-5, 0.5])), affine=draw(st.booleans()))
    for value in (norm.running_mean, norm.running_var, *norm.parameters()):
        value.data = torch.tensor(make(channels))
    norm.running_var.square_()
    return norm


def even_sizes(length):
    """The sizes to which adaptive pooling reduces that length by windows of one size, at one distance."""
    for size in range(1, length + 1):
        windows = [(i * length // size, ((i + 1) * length + size - 1) // size) for i in range(size)]
        lengths, steps = {end - start for start, end in windows}, {b - a for (a, _), (b, _) in pairwise(windows)}
        if len(lengths) == 1 and len(steps) <= 1:
            yield size


@st.composite
def nested(draw, modules, depth=3):
    """A Sequential of the modules, in the same order, some of them in Sequentials of their own."""
    parts = []
    while modules:
        cut = draw(st.integers(1, len(modules)))
        group, modules = modules[:cut], modules[cut:]
        parts += [draw(nested(group, depth - 1))] if depth and draw(st.booleans()) else group
    return nn.Sequential(*parts)


def torchvisions(features, size, classifier, seed=0):
    """A network as torchvision builds AlexNet and VGG, in float64 and eval mode, with random weights."""
    names = OrderedDict(
        features=features, avgpool=nn.AdaptiveAvgPool2d(size), flatten=nn.Flatten(), classifier=classifier
    )
    module = nn.Sequential(names).double().eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
        else:
            nn.init.normal_(parameter, std=0.1, generator=generator)
    return module


def vgg11(size, classifier, narrower=1, seed=0):
    """VGG-11, configuration A of Simonyan and Zisserman, its convolutions so many times narrower."""
    channels, features = 3, []
    for width in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if width == "pool":
            features.append(nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            features += [nn.Conv2d(channels, width // narrower, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width // narrower
    return torchvisions(nn.Sequential(*features), size, classifier, seed)


class BasicBlock(nn.Module):
    """ResNet's basic block as torchvision builds it, with its names, its in-place ReLU and its in-place sum."""

    def __init__(self, channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or channels != out_channels:
            shortcut = nn.Conv2d(channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A ResNet of two basic blocks for each width, with torchvision's names. The default is ResNet-18."""

    def __init__(self, widths=(64, 128, 256, 512), classes=1000):
        super().__init__()
        first, *_, last = widths
        self.conv1, self.bn1 = nn.Conv2d(3, first, 7, 2, 3, bias=False), nn.BatchNorm2d(first)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.stages = [f"layer{n}" for n in range(1, len(widths) + 1)]
        for stage, before, width in zip(self.stages, (first, *widths), widths, strict=False):
            blocks = BasicBlock(before, width, 1 if before == width else 2), BasicBlock(width, width)
            setattr(self, stage, nn.Sequential(*blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(last, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def evaluated(module, seed=0):
    """In float64 and eval mode, with statistics of the normalisations that a training might have left."""
    generator = torch.Generator().manual_seed(seed)
    for norm in (one for one in module.modules() if isinstance(one, nn.BatchNorm2d)):
        for values in (norm.running_mean, norm.weight.data, norm.bias.data):
            values.copy_(torch.randn(values.shape, generator=generator))
        norm.running_var.copy_(torch.rand(norm.running_var.shape, generator=generator) + 0.5)
    return module.double().eval()
