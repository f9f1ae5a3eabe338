"""What is measured: shapes, networks and their data, the same for every side, drawn from one seed."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from resnet import folded, resnet

CONV = {  # N, C, O, H, W, K, padding
    "tiny": (1, 1, 3, 4, 4, 2, 0),
    "teach1": (32, 3, 8, 32, 32, 3, 1),
    "teach2": (32, 8, 16, 16, 16, 3, 1),
    "mnist": (64, 1, 8, 28, 28, 3, 1),
    "cifar": (64, 16, 32, 32, 32, 3, 1),
    "vgg1": (1, 3, 64, 224, 224, 3, 1),
    "vgg2": (1, 64, 64, 224, 224, 3, 1),
    "vgg3": (1, 256, 256, 56, 56, 3, 1),
    "vgg5": (1, 512, 512, 14, 14, 3, 1),
}
FLOAT64 = {name: CONV[name] for name in ("teach1", "teach2", "mnist", "cifar")} | {"middle": (1, 64, 64, 56, 56, 3, 1)}
GROWTH = {
    "batch": {n: (n, 16, 32, 32, 32, 3, 1) for n in (8, 16, 32, 64, 128)},
    "image side": {side: (8, 8, 16, side, side, 3, 1) for side in (16, 32, 64, 128, 256)},
}
WARM_UP = {"conv": ((1, 3, 4, 6, 7, 3, 1), {}), "grad_cam": ("2×2 example", {"classes": [0]})}
RATE = 0.01  # of the training step


class Conv(NamedTuple):
    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    padding: int
    grad_output: np.ndarray


def conv(shape, dtype="float32"):
    batch, channels, out_channels, height, width, kernel, padding = shape
    draw = _generator(dtype)
    x, weight = draw(batch, channels, height, width), draw(out_channels, channels, kernel, kernel)
    weight /= math.sqrt(weight[0].size)
    rim = 2 * padding - kernel + 1
    return Conv(x, weight, draw(out_channels), padding, draw(batch, out_channels, height + rim, width + rim))


class GradCam(NamedTuple):
    layers: list  # (kind, …): see network() and resnet.py
    x: np.ndarray
    classes: list  # one for each image

    @property
    def target(self):
        """How many layers it takes to the output of the last convolution, or of the last block."""
        return max(i for i, (kind, *_) in enumerate(self.layers) if kind in ("conv", "block")) + 1

    @property
    def folded(self):
        """The same without batch norms: each is a part of its convolution."""
        return self._replace(layers=folded(self.layers))


def grad_cam(name, classes=()):
    return GradCam(*NETWORKS[name](), list(classes))


METHODS = {  # by the name of numpycam's function, what the tools call it; with "?" where the result is another
    "cam": {"torchcam": "CAM"},
    "grad_cam": {"grad-cam": "GradCAM", "captum": "LayerGradCam", "torchcam": "GradCAM"},
    "grad_cam_plus_plus": {"grad-cam": "GradCAMPlusPlus?", "torchcam": "GradCAMpp?"},
    "xgrad_cam": {"grad-cam": "XGradCAM", "torchcam": "XGradCAM"},
    "hirescam": {"grad-cam": "HiResCAM", "captum": "LayerGradientXActivation"},
    "element_wise_grad_cam": {"grad-cam": "GradCAMElementWise"},
    "layercam": {"grad-cam": "LayerCAM", "torchcam": "LayerCAM"},
    "eigen_cam": {"grad-cam": "EigenCAM?"},
    "eigen_grad_cam": {"grad-cam": "EigenGradCAM?"},
    "score_cam": {"grad-cam": "ScoreCAM?", "torchcam": "ScoreCAM?"},
    "ablation_cam": {"grad-cam": "AblationCAM?"},
    "occlusion": {"captum": "Occlusion"},
    "gradient": {"captum": "Saliency"},
    "gradient_times_input": {"captum": "InputXGradient"},
    "smooth_grad": {"captum": "NoiseTunnel?"},
    "integrated_gradients": {"captum": "IntegratedGradients"},
    "guided_backprop": {"captum": "GuidedBackprop"},
    "guided_grad_cam": {"captum": "GuidedGradCam"},
    "full_grad": {"grad-cam": "FullGrad?"},
}
STEPS, SAMPLES = 50, 25  # of integrated gradients, of SmoothGrad


class Method(NamedTuple):
    layers: list
    x: np.ndarray
    layer: int  # whose output the maps are: the last ReLU
    name: str


def methods(batch, method):
    layers, x = _three_layers()
    return Method(layers, x[:batch], max(i for i, (kind, *_) in enumerate(layers) if kind == "relu"), method)


class Train(NamedTuple):
    layers: list
    x: np.ndarray
    labels: np.ndarray

    @property
    def parameters(self):
        return [array for _, *values in self.layers for array in values if isinstance(array, np.ndarray)]


def train(_):
    convolutions = [(1, 8), "pool", (8, 16), "pool"]
    layers = network(convolutions, [(16 * 7 * 7, 10)])
    return Train(layers, _generator()(64, 1, 28, 28), np.random.default_rng(1).integers(0, 10, 64))


def network(convolutions, linears, flat="flatten"):
    """The layers: ("conv", weight, bias, stride, padding), ("linear", weight, bias), ("relu",), ("pool", 2), ("gap",) …

    Every convolution is 3 × 3 with a ReLU behind it; "pool" halves by the maximum of 2 × 2.
    """
    draw, layers = _generator(), []
    for item in convolutions:
        if item == "pool":
            layers.append(("pool", 2))
        else:
            channels, out_channels = item
            weight = draw(out_channels, channels, 3, 3) * np.float32(math.sqrt(2 / (9 * channels)))
            layers += [("conv", weight, draw(out_channels) * np.float32(0.1), 1, 1), ("relu",)]
    layers.append((flat,))
    for features, out_features in linears:
        weight = draw(out_features, features) * np.float32(math.sqrt(2 / features))
        layers += [("linear", weight, draw(out_features) * np.float32(0.1)), ("relu",)]
    return layers[:-1]  # scores have no ReLU


def _example():
    from numpycam import worked_example
    from numpycam.exact import as_floats

    parameters = as_floats(worked_example.network("linear"), np.float32).parameters
    kernels, weight = (value for name, value in parameters.items() if name.endswith("weight"))
    layers = [("conv", kernels, None, 2, 0), ("flatten",), ("linear", weight, None)]
    return layers, as_floats(worked_example.IMAGE, np.float32)[None]


def _three_layers():
    return network([(3, 16), "pool", (16, 32), "pool", (32, 64)], [(64, 10)], "gap"), _generator()(32, 3, 32, 32)


def _vgg16():
    blocks = [64, 64, "pool", 128, 128, "pool"] + [size for width in (256, 512, 512) for size in [width] * 3 + ["pool"]]
    convolutions, channels = [], 3
    for item in blocks:
        convolutions.append(item if item == "pool" else (channels, item))
        channels = channels if item == "pool" else item
    return network(convolutions, [(512 * 7 * 7, 4096), (4096, 4096), (4096, 1000)]), _generator()(1, 3, 224, 224)


def _resnet(depth, batch):
    return resnet(depth, _generator()), _generator()(batch, 3, 224, 224)


RESNETS = {f"ResNet-{depth}, batch {n}": partial(_resnet, depth, n) for n in (1, 8) for depth in (18, 50)}
NETWORKS = {"2×2 example": _example, "3 layers, batch 32": _three_layers, "VGG-16": _vgg16} | RESNETS


def _generator(dtype="float32"):
    generator = np.random.default_rng(0)
    return lambda *shape: generator.standard_normal(shape, dtype=dtype)
