"""Torch's operations, and the CAM libraries, as functions that the laws can verify.

A CAM library explains networks, and the laws verify functions of (A, g). So each call makes a network whose target
layer yields A and whose first score has the gradients g: the image's channels are A, a 1 × 1 convolution hands them on,
and a linear head has g in its first row. Its second row belongs to another class, to which no map may answer.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own letter

torch.set_num_threads(1)

# --- torch's operations


class Torch:
    """What torch computes, forward and by autograd, from tensors in one of the two layouts.

    Tensors share their memory with the arrays that they come from: what torch writes into them is seen.
    """

    def __init__(self, channels_last=False):
        self.channels_last = channels_last

    def tensor(self, array):
        if array is None:
            return None
        tensor = torch.from_numpy(array)
        return tensor.to(memory_format=torch.channels_last) if self.channels_last and tensor.ndim == 4 else tensor

    def conv2d(self):
        def forward(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
            dilation = self._dilation(weight, dilation)
            return self._run(F.conv2d, x, weight, bias, stride=stride, padding=padding, dilation=dilation)

        def backward(grad_output, x, weight, dilation=(1, 1), **options):
            options["dilation"] = self._dilation(weight, dilation)
            return self._gradients(F.conv2d, grad_output, x, weight, np.zeros(len(weight), weight.dtype), **options)

        return {"forward": forward, "backward": backward}

    def conv2d_grad(self):
        """The functions of torch.nn.grad, which autograd does not use."""

        def backward(grad_output, x, weight, dilation=(1, 1), **options):
            options["dilation"] = self._dilation(weight, dilation)
            u, x, weight = map(self.tensor, (grad_output, x, weight))
            dx = nn.grad.conv2d_input(x.shape, weight, u, **options)
            return dx.numpy(), nn.grad.conv2d_weight(x, weight.shape, u, **options).numpy(), None

        return {"backward": backward}

    def _dilation(self, weight, dilation):
        """Return 1 where the kernel has one cell along an axis: what it is there changes nothing, but torch can crash.

        Torch 2.13.0 and 2.14.1 do so in float32 with channels_last (by oneDNN, on x86): ones of (2, 1, 2, 1), a kernel
        of one cell, stride (2, 2), padding (0, 1), dilation (2, 2).
        """
        if not self.channels_last or weight.dtype != np.float32:
            return dilation
        return tuple(1 if k == 1 else d for k, d in zip(weight.shape[2:], dilation, strict=True))

    def linear(self):
        def backward(grad_output, x, weight):
            return self._gradients(F.linear, grad_output, x, weight, np.zeros(len(weight), weight.dtype))

        return {"forward": lambda x, weight, bias=None: self._run(F.linear, x, weight, bias), "backward": backward}

    def max_pool2d(self):
        def forward(x, kernel_size, stride, padding=(0, 0)):
            return self._run(F.max_pool2d, x, kernel_size=kernel_size, stride=stride, padding=padding)

        return {"forward": forward, "backward": self._dx(F.max_pool2d)}

    def avg_pool2d(self):
        def forward(x, kernel_size, stride, padding=(0, 0), count_include_pad=True):
            options = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
            return self._run(F.avg_pool2d, x, count_include_pad=count_include_pad, **options)

        return {"forward": forward, "backward": self._dx(F.avg_pool2d)}

    def of_x_alone(self, function):
        """A function of x alone, such as a ReLU in one of its spellings, or a mean."""
        return {"forward": lambda x: self._run(function, x), "backward": self._dx(function)}

    def cross_entropy(self):
        def backward(scores, labels):
            x = self.tensor(scores).requires_grad_()
            return torch.autograd.grad(F.cross_entropy(x, torch.from_numpy(labels)), x)[0].numpy()

        return {
            "forward": lambda scores, labels: self._run(F.cross_entropy, scores, labels),
            "backward": backward,
        }

    def interpolate(self, **options):
        def resize(heat, size):
            return self._run(F.interpolate, heat[None, None], size=size, **options)[0, 0]

        return {"resize": resize}

    def _dx(self, function):
        return lambda grad_output, x, **options: self._gradients(function, grad_output, x, **options)[0]

    def _run(self, function, *arrays, **options):
        with torch.no_grad():
            return function(*map(self.tensor, arrays), **options).numpy()

    def _gradients(self, function, grad_output, *arrays, **options):
        tensors = [self.tensor(array).requires_grad_() for array in arrays]
        gradients = torch.autograd.grad(function(*tensors, **options), tensors, self.tensor(grad_output))
        return tuple(gradient.numpy() for gradient in gradients)


def _zero(x):
    return torch.zeros((), dtype=x.dtype)


RELUS = {
    "F.relu(x)": F.relu,
    "nn.ReLU()(x)": nn.ReLU(),
    "F.relu(x, inplace=True)": lambda x: F.relu(x.clone() if x.requires_grad else x, inplace=True),
    "x.clamp(min=0)": lambda x: x.clamp(min=0),
    "F.threshold(x, 0, 0)": lambda x: F.threshold(x, 0, 0),
    "F.leaky_relu(x, 0)": lambda x: F.leaky_relu(x, 0),
    "x * (x > 0)": lambda x: x * (x > 0),
    "where(x > 0, x, 0)": lambda x: torch.where(x > 0, x, 0),
    "x.clamp(min=tensor(0.))": lambda x: x.clamp(min=_zero(x)),
    "maximum(x, tensor(0.))": lambda x: torch.maximum(x, _zero(x)),
    "(x + x.abs()) / 2": lambda x: (x + x.abs()) / 2,
}
"""The spellings of a ReLU that are in use."""

INTERPOLATIONS = {
    "bilinear": {"mode": "bilinear"},
    "bilinear, align_corners": {"mode": "bilinear", "align_corners": True},
    "bilinear, antialias": {"mode": "bilinear", "antialias": True},
    "bicubic": {"mode": "bicubic"},
    "nearest": {"mode": "nearest"},
    "nearest-exact": {"mode": "nearest-exact"},
    "area": {"mode": "area"},
}


# --- CAM libraries


def network(A, g):
    """The network whose target layer yields A, with g for the gradients of its first score; and its image."""
    dtype = torch.from_numpy(A).dtype
    features = nn.Conv2d(len(A), len(A), 1, bias=False, dtype=dtype)
    linear = nn.Linear(A.size, 2, bias=False, dtype=dtype)
    rows = np.stack([g.ravel(), 1 - g.ravel()[::-1]])
    with torch.no_grad():
        features.weight.copy_(torch.eye(len(A), dtype=dtype)[:, :, None, None])
        linear.weight.copy_(torch.from_numpy(rows))
    return nn.Sequential(features, nn.Flatten(), linear).eval(), torch.from_numpy(A)[None]


def _array(tensor):
    return np.array(tensor.detach())


def grad_cam(name):
    """pytorch-grad-cam's class of this name: its stages, and what it returns."""
    import pytorch_grad_cam as peer
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def asked(A, g, stage):
        module, x = network(A, g)
        targets = [ClassifierOutputTarget(0)]
        cam = getattr(peer, name)(module, [module[0]])
        returned, held = cam(x, targets), cam.activations_and_grads
        maps, gradients = (value[0].numpy() if value else None for value in (held.activations, held.gradients))
        given = x, module[0], targets, maps, gradients
        return stage(cam, given) if stage else returned[0]

    weighted_sum = lambda cam, given: cam.get_cam_image(*given, False)[0]  # noqa: E731
    raw = {
        "weighted_sum": lambda A, g: asked(A, g, weighted_sum),
        "cam": lambda A, g: np.maximum(asked(A, g, weighted_sum), 0),  # its own next line
        "alphas": lambda A, g: asked(A, g, lambda cam, given: cam.get_cam_weights(*given)[0]),
    }
    return raw, lambda A, g: asked(A, g, None)


def torchcam(name):
    """torchcam's class of this name: its stages, and what it returns."""
    from torchcam import methods as peer

    def asked(A, g, relu=True, normalized=False, weights=False):
        module, x = network(A, g)
        with getattr(peer, name)(module, "0", input_shape=A.shape) as cam:
            scores = module(x)
            if weights:
                return _array(cam._get_weights(0, scores)[0])[0]
            cam._relu = relu
            return _array(cam(0, scores, normalized=normalized)[0])[0]

    raw = {
        "weighted_sum": lambda A, g: asked(A, g, relu=False),
        "cam": lambda A, g: asked(A, g),
        "alphas": lambda A, g: asked(A, g, weights=True),
    }
    return raw, lambda A, g: asked(A, g, normalized=True)


def captum(name):
    """captum's class of this name. It does not scale, and returns no weights."""
    from captum import attr as peer

    def asked(A, g, **options):
        module, x = network(A, g)
        return _array(getattr(peer, name)(module, module[0]).attribute(x, target=0, **options).sum(1))[0]

    raw = {"weighted_sum": asked}
    if name == "LayerGradCam":
        raw["cam"] = lambda A, g: asked(A, g, relu_attributions=True)
    return raw, None
