"""Solutions of the exercises of notebook 07: CAM, the α of a GAP head, a GAP head with given α, and its look-alike."""

import numpy as np


def my_cam(feature_maps, head, c):
    """Return M = Σ_k w_k A^k, (H, W), before any ReLU."""
    weights = head[c]  # (classes, K) -> (K,)
    return (weights[:, None, None] * feature_maps).sum(axis=0)  # (K, H, W) -> (H, W)


def my_gap_alphas(weights, height, width):
    """Return α, (K,): each cell of map k has the gradient w_k / Z, and so has their mean."""
    return weights / (height * width)


def my_gap_head(feature_maps, alphas, score):
    """Return weights (K,) and a bias with which a GAP head has these α and this score."""
    number_of_cells = feature_maps.shape[1] * feature_maps.shape[2]  # Z
    weights = number_of_cells * alphas
    bias = score - (alphas[:, None, None] * feature_maps).sum()  # y = Σ L + b
    return weights, bias


def my_lookalike(feature_maps, alphas):
    """Return the weights of a Flatten head, (K, H, W), with the score and the Grad-CAM of a GAP head.

    Three cells of the first map hold p, q and r. To their weights come (q - r, r - p, p - q). Their sum is 0, so α
    stays. The sum of their products with (p, q, r) is 0, too, so the score stays.
    """
    weights = np.zeros_like(feature_maps) + alphas[:, None, None]
    p, q, r = feature_maps[0].ravel()[:3]
    first = weights[0].ravel()
    first[:3] += [q - r, r - p, p - q]
    weights[0] = first.reshape(weights[0].shape)
    return weights
