"""torch as a careful user writes it: nothing is computed that is not asked for."""

import torch
from cases import RATE
from resnet import EPSILON
from torch import nn
from torch.nn import functional


def conv(case):
    x, weight, bias = (torch.tensor(array, requires_grad=True) for array in (case.x, case.weight, case.bias))
    u = torch.tensor(case.grad_output)

    def run():
        y = functional.conv2d(x, weight, bias, padding=case.padding)
        return y.detach(), *torch.autograd.grad(y, (x, weight, bias), u)

    return run


def module_of(layers):
    return nn.Sequential(*(module for kind, *values in layers for module in KINDS[kind](*values))).eval()


def _with(module, weight, bias):
    module.weight = nn.Parameter(torch.tensor(weight))
    module.bias = None if bias is None else nn.Parameter(torch.tensor(bias))
    return module


def _conv(weight, bias, stride, padding):
    out_channels, channels, *kernel = weight.shape
    return (_with(nn.Conv2d(channels, out_channels, kernel, stride, padding), weight, bias),)


def _norm(weight, bias, mean, variance):
    module = _with(nn.BatchNorm2d(len(weight), EPSILON), weight, bias)
    module.running_mean, module.running_var = torch.tensor(mean), torch.tensor(variance)
    return (module,)


class Block(nn.Module):
    """Adds up in place and rectifies in place, as torchvision's blocks do."""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = module_of(body), module_of(shortcut)

    def forward(self, x):
        y = self.body(x)
        y += self.shortcut(x)
        return functional.relu(y, inplace=True)


KINDS = {
    "conv": _conv,
    "norm": _norm,
    "linear": lambda weight, bias: (_with(nn.Linear(*reversed(weight.shape)), weight, bias),),
    "relu": lambda: (nn.ReLU(),),
    "pool": lambda *window: (nn.MaxPool2d(*window),),
    "flatten": lambda: (nn.Flatten(),),
    "gap": lambda: (nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "block": lambda body, shortcut: (Block(body, shortcut),),
}


def grad_cam(case):
    x, classes, images = torch.tensor(case.x), torch.tensor(case.classes), torch.arange(len(case.x))
    features = module_of(case.layers[: case.target]).requires_grad_(False)
    head = module_of(case.layers[case.target :]).requires_grad_(False)

    def run():
        with torch.no_grad():
            maps = features(x)
        maps.requires_grad_()
        (gradients,) = torch.autograd.grad(head(maps)[images, classes].sum(), maps)
        with torch.no_grad():
            cam = functional.relu((gradients.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
            return (functional.interpolate(cam, x.shape[2:], mode="bilinear")[:, 0],)

    return run


def grad_cam_folded(case):
    return grad_cam(case.folded)


def train(case):
    module, x, labels = module_of(case.layers), torch.tensor(case.x), torch.tensor(case.labels)
    parameters = list(module.parameters())
    optimizer = torch.optim.SGD(parameters, lr=RATE)

    def run():
        optimizer.zero_grad()
        functional.cross_entropy(module(x), labels).backward()
        optimizer.step()
        return [parameter.detach() for parameter in parameters]

    return run
