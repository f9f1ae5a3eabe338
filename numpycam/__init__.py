"""Grad-CAM by hand: a reference implementation in plain NumPy, with every stage shown and exact.

>>> import numpycam
>>> example = numpycam.worked_example
>>> explanation = numpycam.grad_cam(example.network(), example.IMAGE)
>>> print(explanation.score, *explanation.alphas)
143/5 11/4 17/4 1/10
"""

from typing import Any

from numpycam.gradcam import Explanation, grad_cam, grad_cam_from_maps
from numpycam.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear, MaxPool2d, ReLU
from numpycam.network import Network

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "Explanation",
    "Flatten",
    "GlobalAvgPool2d",
    "Layer",
    "Linear",
    "MaxPool2d",
    "Network",
    "ReLU",
    "grad_cam",
    "grad_cam_from_maps",
]


_MODULES = {
    *(
        "checks",
        "display",
        "drawings",
        "exact",
        "interop",
        "interventions",
        "method",
        "methods",
        "metrics",
        "perturbation",
    ),
    *("pretrained", "resize", "saliency", "storage", "targets", "training", "worked_example", "wrappers"),
}


def __getattr__(name: str) -> Any:
    """Import a module of the package when it is first asked for: ``numpycam.exact``, say."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("numpycam")
    if name in _MODULES:
        return import_module(f"numpycam.{name}")
    if name == "load_pretrained":
        return import_module("numpycam.pretrained").load_pretrained
    raise AttributeError(f"module 'numpycam' has no attribute {name!r}")
