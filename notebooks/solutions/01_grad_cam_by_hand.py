"""Solutions of the exercises of notebook 01: Grad-CAM with a pencil, in code, and an empty one."""

import numpy as np


def my_grad_cam(feature_maps, gradients):
    """Return alphas (K,), weighted_sum (H, W) and localization_map (H, W)."""
    _, height, width = gradients.shape
    alphas = gradients.sum(axis=(1, 2)) / (height * width)  # (K, H, W) -> (K,)
    weighted_sum = (alphas[:, None, None] * feature_maps).sum(axis=0)  # (K, H, W) -> (H, W)
    localization_map = np.maximum(weighted_sum, 0)
    return alphas, weighted_sum, localization_map


my_numbers = {
    "alphas": [1.25, 0.75],  # (3 + 1 + 0 + 1) / 4 and (2 + 1 + 1 - 1) / 4
    "weighted_sum": [[-2, 2], [2.5, 1.5]],
    "localization_map": [[0, 2], [2.5, 1.5]],
}


def my_alphas(gradients):
    """Return the mean of each gradient map, (K,)."""
    number_of_cells = gradients.shape[1] * gradients.shape[2]
    return gradients.sum(axis=(1, 2)) / number_of_cells


# α = -1, so L = (-2, 0), and y = 2 · 1 + 0 · (-3) = 2.
my_empty = ([[[2, 0]]], [[[1, -3]]])
