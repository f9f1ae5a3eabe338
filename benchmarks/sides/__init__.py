"""Who is measured at what. Each function takes a case and returns the call to be timed, which returns arrays.

A side is named as pip installs it, if pip does.
"""

from importlib import import_module

NUMPYCAM = "numpycam"
RIVALS = ["plain im2col", "shifted im2col", "blocked im2col"]
FLOOR = "products alone"
BY_HAND = "torch by hand"
FOLDED = "torch by hand, folded"
PEERS = ["picodl-nn", "euclid-ml", "mygrad", "kronyx", "snn-samsit"]
TOOLS = ["grad-cam", "captum", "torchcam"]
NORMALISING = {"grad-cam", "torchcam"}  # their maps run from 0 to 1

_PEERS = {name: f"peers.{{}}_{name.split('-')[0]}" for name in PEERS}
_FUNCTIONS = {
    "conv": {
        NUMPYCAM: "ours.conv",
        "torch": "with_torch.conv",
        FLOOR: "textbook.products",
        **{name: f"textbook.{name.split()[0]}" for name in RIVALS},
        **{name: where.format("conv") for name, where in _PEERS.items()},
    },
    "grad_cam": {
        NUMPYCAM: "ours.grad_cam",
        BY_HAND: "with_torch.grad_cam",
        FOLDED: "with_torch.grad_cam_folded",
        **{name: f"tools.{name.replace('-', '_')}" for name in TOOLS},
    },
    "methods": {
        NUMPYCAM: "ours.method",
        **{name: f"tools.method_of_{name.replace('-', '_')}" for name in TOOLS},
    },
    "classes": {NUMPYCAM: "ours.classes_with_a_map"},
    "train": {
        NUMPYCAM: "ours.train",
        "torch": "with_torch.train",
        **{name: _PEERS[name].format("train") for name in PEERS[:3]},  # the others have no pooling, or no plain step
    },
}


def function(side, task):
    module, name = _FUNCTIONS[task][side].split(".")
    return getattr(import_module(f"sides.{module}"), name)
