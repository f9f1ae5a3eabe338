"""Solutions of the exercises of notebook 08: three lines, a blind spot, a Grad-CAM++ whose division is not lost."""

import numpy as np


def my_xgrad_alphas(feature_maps, gradients):
    """Return the weights (K,) of XGrad-CAM."""
    return (feature_maps * gradients).sum(axis=(1, 2)) / feature_maps.sum(axis=(1, 2))


# One cell, two maps. The first speaks for the class, and the second twice as strongly against it.
# HiResCAM: ReLU(1 - 2) = 0. LayerCAM: ReLU(1 + 0) = 1.
my_blind_spot = ([[[1]], [[1]]], [[[1]], [[-2]]])


def my_cell_by_cell(feature_maps, gradients):
    """Return the localization maps (H, W) of HiResCAM and of LayerCAM."""
    hirescam = np.maximum((gradients * feature_maps).sum(axis=0), 0)  # (K, H, W) -> (H, W)
    layercam = np.maximum((np.maximum(gradients, 0) * feature_maps).sum(axis=0), 0)
    return hirescam, layercam


def my_grad_cam_plus_plus(feature_maps, gradients):
    """Return the weights (K,).

    a[used] is a copy, so what was divided was thrown away. To put it back, a[used] must stand on the left.
    """
    sums = feature_maps.sum(axis=(1, 2), keepdims=True)
    a = gradients**2
    divisor = 2 * gradients**2 + sums * gradients**3
    used = gradients > 0
    a[used] = a[used] / divisor[used]
    return (a * np.maximum(gradients, 0)).sum(axis=(1, 2))
