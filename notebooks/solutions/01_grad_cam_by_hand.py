"""A solution of the exercise of notebook 01: Grad-CAM from feature maps and gradient maps."""

import numpy as np


def my_grad_cam(feature_maps, gradients):
    """Return alphas (K,), weighted_sum (H, W) and localization_map (H, W)."""
    _, height, width = gradients.shape
    alphas = gradients.sum(axis=(1, 2)) / (height * width)  # (K, H, W) -> (K,)
    weighted_sum = (alphas[:, None, None] * feature_maps).sum(axis=0)  # (K, H, W) -> (H, W)
    localization_map = np.maximum(weighted_sum, 0)
    return alphas, weighted_sum, localization_map
