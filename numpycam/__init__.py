"""Grad-CAM by hand: a reference implementation in plain NumPy, with every stage shown and exact.

    core             the layers, the network, the five steps of Grad-CAM: read these first
    worked_example   its numbers, and networks that really produce them
    exact, resize, display, report        to Fractions and floats, to pictures, pages and files
    interventions, path, metrics, targets ask the network whether the map is true
    methods          the CAM family: METHODS, each called as grad_cam
    laws             verify functions of your own: laws.conv2d.verify(forward=…, backward=…)
    experiments      drawings with known masks, training, two trained networks: load_pretrained
    interop          a network from torch
    checks, course   the checks of the notebooks' exercises, the editions of the notebooks

>>> import numpycam
>>> example = numpycam.worked_example
>>> explanation = numpycam.grad_cam(example.network(), example.IMAGE)
>>> print(explanation.score, *explanation.alphas)
143/5 11/4 17/4 1/10
"""

from numpycam import interrupt  # first: from here on, Ctrl-C ends the command quietly, while NumPy is loaded, too

# isort: split
import sys
from typing import TYPE_CHECKING, Any

from numpycam.core.base import Layer
from numpycam.core.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
from numpycam.core.residual import Residual
from numpycam.gradcam import Explanation, grad_cam, grad_cam_from_maps
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
    "Residual",
    "grad_cam",
    "grad_cam_from_maps",
]

_MODULES = (
    *("checks", "course", "display", "exact", "interop", "interventions", "laws", "methods", "metrics", "path"),
    *("report", "resize", "storage", "targets", "worked_example"),
)
_ELSEWHERE = {name: f"numpycam.experiments.{name}" for name in ("drawings", "pretrained", "training")}
_ELSEWHERE["wrappers"] = "numpycam.methods.wrappers"

if TYPE_CHECKING:  # for type checkers and editors: when it runs, a module is loaded when it is asked for
    from numpycam import (
        checks,
        course,
        display,
        exact,
        interop,
        interventions,
        laws,
        methods,
        metrics,
        path,
        report,
        resize,
        storage,
        targets,
        worked_example,
    )
    from numpycam.experiments import drawings, pretrained, training
    from numpycam.experiments.pretrained import load_pretrained
    from numpycam.methods import wrappers

    __version__: str
else:

    def __getattr__(name: str) -> Any:
        """Import a module of the package when it is first asked for: ``numpycam.exact``, say."""
        from importlib import import_module, metadata

        if name == "__version__":
            return metadata.version("numpycam")
        if name == "load_pretrained":
            return import_module("numpycam.experiments.pretrained").load_pretrained
        place = _ELSEWHERE.get(name, f"numpycam.{name}")
        try:
            if name.isidentifier() and not name.startswith("_"):
                return import_module(place)
        except ModuleNotFoundError as error:
            if error.name != place:  # it is there, and needs something that is not
                raise
        # With the name and the module, Python says what may have been meant.
        raise AttributeError(f"module 'numpycam' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    of_every_module = (name for name in globals() if name.startswith("__"))
    return sorted({*__all__, *_MODULES, *_ELSEWHERE, "core", "load_pretrained", "__version__", *of_every_module})
