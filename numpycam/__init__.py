"""Grad-CAM by hand: a reference implementation in plain NumPy, with every stage shown and exact.

>>> import numpycam
>>> from numpycam import worked_example
>>> explanation = numpycam.grad_cam(worked_example.network(), worked_example.IMAGE)
>>> print(explanation.score, *explanation.alphas)
143/5 11/4 17/4 1/10
"""

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
