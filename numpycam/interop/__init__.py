"""Networks from elsewhere: a torch module becomes a :class:`Network`.

    module = nn.Sequential(OrderedDict(  # vgg = torchvision.models.vgg16(weights="DEFAULT")
        features=vgg.features, avgpool=vgg.avgpool, flatten=nn.Flatten(), classifier=vgg.classifier
    ))
    network = from_torch(module.eval(), input_shape=(3, 224, 224))
    explanation = grad_cam(network, image, layer="features.28")  # image (3, 224, 224), normalised as in training

torch is imported only when :func:`from_torch` is called.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from numpycam.core.arguments import as_int, check_axes
from numpycam.core.arrays import Array, Pair, Shape
from numpycam.core.base import Layer
from numpycam.core.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
from numpycam.core.residual import Residual
from numpycam.interop.refusals import Lack, refuse, why_not
from numpycam.interop.trace import Fork, Leaf, Step, traced
from numpycam.network import Network

_SPECIAL = ("AdaptiveAvgPool2d", "BatchNorm2d")
_DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


def from_torch(module: Any, input_shape: Shape | None = None) -> Network:
    """Return a network that computes what a torch module computes in eval mode.

    Parameters
    ----------
    module : torch.nn.Module
        A Sequential, nested to any depth, or a module with a forward of its own. Its leaves may be Conv2d, ReLU,
        MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, BatchNorm2d, Flatten, Linear, Dropout and Identity. A forward of its
        own may also call the functions relu, max_pool2d, avg_pool2d, adaptive_avg_pool2d, flatten, dropout, mean over
        the cells, view of each image in one row, and add: two branches that begin at one place and are added up
        become a :class:`numpycam.Residual`.
    input_shape : (C, H, W), optional
        The shape of one image. If it is given, the network must take such an image. It must be given if the module has
        a forward of its own, or an AdaptiveAvgPool2d, except for one that averages whole maps just before a Flatten.

    Returns
    -------
    Network
        Its layers have torch's own names, such as ``"features.28"``. Those of a Sequential stand in one row. A module
        with a forward of its own keeps its parts: ``"layer4"`` is what torch's module of that name returns. A function
        has its own name behind that of the module that calls it: ``"layer4.1.add"``. Parameters are copies. float32 and
        float64 stay what they are. Half precision becomes float32, with no rounding.

    Raises
    ------
    ImportError
        If torch is not installed.
    TypeError, ValueError
        If the module is, or holds, something for which numpycam has no layer, or is in training mode, or its forward
        cannot be recorded. The message says what and where, in a line for each reason. If the image does not fit.

    Notes
    -----
    A forward of its own is recorded by torch.fx: it is run once on a stand-in. So it must not decide by values. The
    network that its calls make is then compared with the module on two random images.

    Dropout and Identity do nothing in eval mode. They are left out, so there are gaps in the numbers of the names.

    A BatchNorm2d becomes a part of the Conv2d before it. This Conv2d then returns what the BatchNorm2d returned:

    weight' = s · weight, bias' = s · (bias - running_mean) + β, where s = γ / √(running_var + eps)

    These are computed in float64, and then rounded to the dtype of the weight. Where no Conv2d is before it, it becomes
    a Conv2d of one cell that scales and moves each channel.

    An AdaptiveAvgPool2d becomes a GlobalAvgPool2d if it averages whole maps just before a Flatten. Otherwise it becomes
    the AvgPool2d with the same windows. If it does not change the size of its input, it is left out. Both are right for
    images of that ``input_shape`` only: for other images, the scores may differ from torch's.

    Source: torch's documentation of its modules; Ioffe and Szegedy, "Batch Normalization", ICML 2015, algorithm 2.
    """
    try:
        from torch import nn
    except ImportError as error:
        raise ImportError("from_torch needs torch: pip install torch.") from error
    if not isinstance(module, nn.Module) or type(module).forward is nn.Module.forward:
        raise TypeError(f"module must be a torch.nn.Module with a forward, got {type(module).__name__}.")
    image_shape = None if input_shape is None else _as_image_shape(input_shape)
    for name, one in module.named_modules():
        _check_computes_as_written(name or "module", one, nn)
    kinds = tuple(getattr(nn, kind) for kind in (*_CONVERSIONS, *_SPECIAL, *_DROPOUTS, "Identity"))
    is_row = all(_is_torchs(one, kinds, nn) for one in module.modules()) and isinstance(module, (nn.Sequential, *kinds))
    if is_row:
        layers = _layers([Leaf(*step) for step in _steps("", module, nn)], image_shape, nn)
        if image_shape is not None:
            _shape_after(layers, image_shape)
        return Network(layers)
    if image_shape is None:
        raise ValueError(
            f"{type(module).__name__} has a forward of its own: pass input_shape=(C, H, W), the shape of one image, so "
            "that what is read from its calls can be compared with what it returns."
        )
    layers = _layers(traced(module, kinds, partial(_lack_of, nn)), image_shape, nn)
    _shape_after(layers, image_shape)
    network = Network(_folded(layers))
    _check_agreement(module, network, image_shape)
    return network


def _check_agreement(module: Any, network: Network, image_shape: Shape) -> None:
    """Raise ValueError unless both return the same for two random images.

    A forward can do what its calls do not show: change in place what is used again, or mix the images of a batch. That
    makes scores of another size or another shape. Rounding moves them by less than a thousandth.
    """
    import torch

    weight = next(module.parameters(), None)
    if weight is not None and weight.element_size() < 4:
        module, weight = copy.deepcopy(module).float(), weight.float()
    images = torch.randn((2, *image_shape), generator=torch.Generator().manual_seed(0))
    images = images if weight is None else images.to(weight)
    try:
        with torch.no_grad():
            theirs = _array(module(images.clone()))
    except RuntimeError as error:
        raise ValueError(
            f"input_shape {image_shape} does not fit the module: {' '.join(str(error).split())}."
        ) from error
    ours = network(_array(images))
    if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max():
        raise ValueError(
            f"{type(module).__name__} returns something else than its calls show, as where a value is changed in place "
            "(y += x) and then used again, or the images of a batch are mixed."
        )


def _is_torchs(module: Any, kinds: tuple[type, ...], nn: Any) -> bool:
    """Whether a row of modules can hold it: it is torch's own, or derived from one of these kinds, or a row itself."""
    is_own = type(module).__module__.startswith("torch.nn.") or isinstance(module, kinds)
    return is_own or _computes_as(module, nn.Sequential)


def _layers(steps: list[Step], image_shape: Shape | None, nn: Any) -> list[tuple[str, Layer]]:
    layers: list[tuple[str, Layer]] = []
    refuse(_lack_of(nn, *step, step is steps[-1]) for step in steps if isinstance(step, Leaf))
    kinds = ["" if isinstance(step, Fork) else _checked_kind(*step, nn) for step in steps]
    done = [(step, kind) for step, kind in zip(steps, kinds, strict=True) if kind not in (*_DROPOUTS, "Identity")]
    for (step, kind), (_, next_kind) in pairwise([*done, (None, "")]):
        if isinstance(step, Fork):
            before = None if image_shape is None else _shape_after(layers, image_shape)[1:]
            ways = (_inside(step.scope, _layers(way, before, nn)) for way in (step.body, step.shortcut))
            layers.append((step.name, Residual(*(Network(_folded(way)) for way in ways))))
        elif step is not None:
            try:
                layers = _with_leaf(layers, *step, kind, next_kind, image_shape)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{step.name}: {error}") from None
    return layers


def _with_leaf(
    layers: list[tuple[str, Layer]], name: str, leaf: Any, kind: str, next_kind: str, image_shape: Shape | None
) -> list[tuple[str, Layer]]:
    if kind == "BatchNorm2d":
        return [*layers[:-1], *_with_batch_norm(layers[-1:], name, leaf)]
    if kind != "AdaptiveAvgPool2d":
        return [*layers, (name, _CONVERSIONS[kind](leaf))]
    if leaf.output_size in (1, (1, 1), [1, 1]) and next_kind == "Flatten":
        return [*layers, (name, GlobalAvgPool2d())]
    return [*layers, *((name, pool) for pool in _adaptive_avg_pool(leaf, layers, image_shape))]


def _inside(scope: str, layers: list[tuple[str, Layer]]) -> list[tuple[str, Layer]]:
    return [(name.removeprefix(f"{scope}."), layer) for name, layer in layers]


def _folded(layers: list[tuple[str, Layer]]) -> list[tuple[str, Layer]]:
    """Put layers whose names begin alike into a network of that name: the output of "layer4" then has a name, too."""
    groups = [(first, [*group]) for first, group in groupby(layers, key=lambda pair: pair[0].partition(".")[0])]
    firsts = [first for first, _ in groups]
    folded: list[tuple[str, Layer]] = []
    for first, group in groups:
        is_module = firsts.count(first) == 1 and all(name.startswith(f"{first}.") for name, _ in group)
        folded += [(first, Network(_folded(_inside(first, group))))] if is_module else group
    return folded


def _steps(name: str, module: Any, nn: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, module) for each module that is not a Sequential, in the order in which they run."""
    if _kind_of(module, nn) != "Sequential":
        yield name or "module", module
        return
    for child, part in module._modules.items():  # named_children() names a module once, even if it runs twice
        yield from _steps(f"{name}.{child}" if name else child, part, nn)


def _kind_of(module: Any, nn: Any) -> str:
    """Return the name of the torch class that computes the same; "" if numpycam has no layer for it."""
    return next((kind for kind in _KINDS if _computes_as(module, getattr(nn, kind))), "")


def _lack_of(nn: Any, place: str, module: Any, is_last: bool) -> Lack | None:
    """Return what a module without a layer does that numpycam does not; None if there is a layer for it."""
    kind, given = _kind_of(module, nn), type(module).__name__
    if not kind:
        is_torchs = type(module).__module__.startswith("torch.nn.")  # another's class of that name may do anything
        known = f"it is none of {', '.join(_KINDS)}, with torch's own forward"
        return Lack(place, given, (is_torchs and why_not(given, is_last)) or known)
    for option, (value, why) in _OPTIONS.get(kind, {}).items():
        chosen = getattr(module, option)
        if chosen not in (value, (value, value), [value, value]):
            return Lack(place, f"{given} with {option}={chosen!r}", why, ValueError)
    return None


def _checked_kind(place: str, module: Any, nn: Any) -> str:
    """Return the kind of a module for which there is a layer. If it is not ready, raise an error."""
    kind = _kind_of(module, nn)
    if module.training and kind in (*_DROPOUTS, "BatchNorm2d"):
        raise ValueError(f"{place}: {type(module).__name__} is in training mode: call module.eval() first.")
    return kind


def _computes_as(module: Any, torch_class: Any) -> bool:
    """Whether the module is of that class, or of a derived class that computes the same."""
    methods = [name for name in ("__call__", "forward", "_conv_forward") if hasattr(torch_class, name)]
    return isinstance(module, torch_class) and all(
        getattr(type(module), name) is getattr(torch_class, name) and name not in vars(module) for name in methods
    )


def _check_computes_as_written(place: str, module: Any, nn: Any) -> None:
    name = type(module).__name__
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        raise ValueError(f"{place}: {name} has no parameters yet: call the module on an image first.")
    if any(getattr(module, f"_{when}_hooks") for when in ("forward", "forward_pre", "backward", "backward_pre")):
        raise ValueError(f"{place}: {name} has a hook, which may change what it computes: remove it first.")


def _as_image_shape(input_shape: Shape) -> Shape:
    if not isinstance(input_shape, tuple | list) or len(input_shape) != 3:
        raise ValueError(f"input_shape must be (C, H, W), the shape of one image, got {input_shape!r}.")
    return tuple(as_int("input_shape", length, 1) for length in input_shape)


def _shape_after(layers: list[tuple[str, Layer]], image_shape: Shape) -> Shape:
    try:
        return Network(layers).output_shape((1, *image_shape))
    except ValueError as error:
        raise ValueError(f"input_shape {image_shape} does not fit the network: {error}") from None


# --- From a torch module to a layer -------------------------------------------------------------------


def _array(tensor: Any) -> Array:
    if tensor.is_meta:
        raise ValueError("a parameter on the meta device has no values.")
    is_half = tensor.is_floating_point() and tensor.element_size() < 4
    array: Array = (tensor.float() if is_half else tensor).numpy(force=True)
    return array


def _weight_and_bias(module: Any) -> tuple[Array, Array | None]:
    return _array(module.weight), None if module.bias is None else _array(module.bias)


def _conv2d(module: Any) -> Conv2d:
    padding = _padding_of(module) if isinstance(module.padding, str) else module.padding
    return Conv2d(*_weight_and_bias(module), module.stride, padding, module.dilation)


def _padding_of(module: Any) -> Pair:
    """Return the padding in numbers if it is given as "same" or "valid"."""
    if module.padding == "valid":
        return 0, 0
    (top, odd_top), (left, odd_left) = (
        divmod(d * (k - 1), 2) for d, k in zip(module.dilation, module.kernel_size, strict=True)
    )
    if odd_top or odd_left:
        raise ValueError(
            f"Conv2d with padding='same' and kernel_size={module.kernel_size} is not supported: "
            "it pads one side more than the other. docs/weights.md shows a way to write that down."
        )
    return top, left


def _max_pool2d(module: Any) -> MaxPool2d:
    return MaxPool2d(module.kernel_size, module.stride, module.padding)


def _avg_pool2d(module: Any) -> AvgPool2d:
    return AvgPool2d(module.kernel_size, module.stride, module.padding, module.count_include_pad)


_CONVERSIONS: dict[str, Callable[[Any], Layer]] = {
    "Conv2d": _conv2d,
    "ReLU": lambda module: ReLU(),
    "MaxPool2d": _max_pool2d,
    "AvgPool2d": _avg_pool2d,
    "Flatten": lambda module: Flatten(),
    "Linear": lambda module: Linear(*_weight_and_bias(module)),
}
_KINDS = ("Sequential", *_CONVERSIONS, *_SPECIAL, *_DROPOUTS, "Identity")
_PAST_THE_BORDER = "it may have one window more, which reaches past the border"
_OPTIONS: dict[str, dict[str, tuple[Any, str]]] = {  # of a class: the only value of an option, and what others do
    "Conv2d": {
        "groups": (1, "each of its kernels sees only a part of the channels"),
        "padding_mode": ("zeros", "it pads with other numbers than 0"),
    },
    "MaxPool2d": {
        "dilation": (1, "its windows have gaps"),
        "ceil_mode": (False, _PAST_THE_BORDER),
        "return_indices": (False, "it returns two things"),
    },
    "AvgPool2d": {
        "ceil_mode": (False, _PAST_THE_BORDER),
        "divisor_override": (None, "it divides by another number than that of the cells"),
    },
    "Flatten": {
        "start_dim": (1, "only what flattens each image can be converted"),
        "end_dim": (-1, "only what flattens each image can be converted"),
    },
}


def _with_batch_norm(before: list[tuple[str, Layer]], name: str, module: Any) -> list[tuple[str, Layer]]:
    """Return one convolution that does the work of the convolution before and of the normalisation.

    If there is no convolution before, the normalisation is one of its own: each channel is scaled and moved.
    """
    if module.running_mean is None:
        raise ValueError(
            "BatchNorm2d with track_running_stats=False is not supported: its output depends on the batch."
        )
    mean, variance = np.float64(_array(module.running_mean)), np.float64(_array(module.running_var))
    gamma, beta = map(np.float64, _weight_and_bias(module)) if module.affine else (1.0, 0.0)
    scale = gamma / np.sqrt(variance + module.eps)  # (O,)
    conv_name, conv = before[0] if before else ("", None)
    if not isinstance(conv, Conv2d):
        dtype = _array(module.running_mean).dtype
        diagonal = np.diag(scale)[:, :, None, None]
        return [*before, (name, Conv2d(diagonal.astype(dtype), (beta - scale * mean).astype(dtype)))]
    channels = len(conv.weight)
    if module.num_features != channels:
        raise ValueError(f"BatchNorm2d expects {module.num_features} channels, the Conv2d before it has {channels}.")
    weight = scale[:, None, None, None] * conv.weight
    bias = scale * ((0.0 if conv.bias is None else conv.bias) - mean) + beta
    dtype = conv.weight.dtype
    return [(conv_name, replace(conv, weight=weight.astype(dtype), bias=bias.astype(dtype)))]


def _adaptive_avg_pool(module: Any, layers: list[tuple[str, Layer]], image_shape: Shape | None) -> list[AvgPool2d]:
    """Return the AvgPool2d that computes the same after these layers, or no layer if it does not change its input."""
    wanted = module.output_size
    what = f"AdaptiveAvgPool2d to {wanted}"
    if image_shape is None:
        raise ValueError(
            f"{what} depends on the size of its input: pass input_shape=(C, H, W), the shape of one image."
        )
    shape = _shape_after(layers, image_shape)
    check_axes(f"{what}: x", shape, "N, C, H, W")
    given = shape[2:]
    pair = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    returned = tuple(n if m is None else m for n, m in zip(given, pair, strict=True))
    if returned == given:
        return []
    windows = [_even_windows(n, m) for n, m in zip(given, returned, strict=True)]
    (height, down), (width, right) = windows
    if 0 in (height, width):
        raise ValueError(
            f"AdaptiveAvgPool2d from {given[0]} × {given[1]} cells to {returned[0]} × {returned[1]} is not supported: "
            "its windows differ in size or stride."
        )
    return [AvgPool2d((height, width), (down, right))]


def _even_windows(n: int, m: int) -> Pair:
    """Return the size and the stride of m windows over n cells; (0, 0) if they are not all alike.

    Window i reaches from ⌊i n/m⌋ to ⌈(i + 1) n/m⌉.
    """
    starts = [i * n // m for i in range(m)]
    sizes = {-(-(i + 1) * n // m) - start for i, start in enumerate(starts)}
    strides = {b - a for a, b in pairwise(starts)} or {*sizes}
    return (sizes.pop(), strides.pop()) if len(sizes) == len(strides) == 1 and 0 not in strides else (0, 0)
