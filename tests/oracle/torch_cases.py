"""What the tests of this folder draw: numbers of two kinds, networks of any depth, torch Sequentials."""

from collections import OrderedDict
from itertools import pairwise

import numpy as np
from against_torch import as_torch, nn, torch
from hypothesis import strategies as st
from strategies import sides

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU

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
    """A layer of that kind for inputs of that shape, its parameters made by ``make``."""

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
    return kind()


@st.composite
def shapes(draw):
    """The shape of a batch of images that are not square."""
    return draw(st.integers(1, 3)), draw(st.integers(1, 4)), *draw(sides(1, 12))


@st.composite
def networks(draw, heads=((), (Flatten, Linear), (Flatten, Linear, ReLU, Linear), (GlobalAvgPool2d, Flatten, Linear))):
    """A network of up to seven layers of maps and then one of the heads; an input; what makes more numbers."""
    make, shape = draw(numbers()), draw(shapes())
    body = draw(st.lists(st.sampled_from([Conv2d, Conv2d, ReLU, MaxPool2d, AvgPool2d]), min_size=1, max_size=7))
    x, pairs = make(*shape), []
    for kind in [*body, *draw(st.sampled_from(heads))]:
        layer = draw(layers(kind, make, shape))
        pairs.append((f"{len(pairs)}", layer))
        shape = layer.output_shape(shape)
    return Network(pairs), x, make


@st.composite
def sequentials(draw):
    """A torch Sequential of all that ``from_torch`` takes, nested, in eval mode; an input; what makes more numbers."""
    make, shape = draw(numbers()), draw(shapes())
    x, modules = make(*shape), []
    kinds = ["Conv2d", "same", "BatchNorm2d", "ReLU", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "nothing"]
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
        norm = nn.BatchNorm2d(len(conv.weight), eps=draw(st.sampled_from([1e-5, 0.5])), affine=draw(st.booleans()))
        for value in (norm.running_mean, norm.running_var, *norm.parameters()):
            value.data = torch.tensor(make(norm.num_features))
        norm.running_var.square_()
        nothing = draw(modules_of("nothing", make, shape)) if draw(st.booleans()) else []
        return [as_torch(conv), *nothing, norm]
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
