"""Solutions of the exercises of notebook 06: what speaks against a class, and heads with the same probabilities."""

import numpy as np

from numpycam import worked_example

# L is -3, 4, 1 and -1, 2, 0. The 0 stays what it is.
my_removed = [(0, 0), (1, 0)]


def my_counterfactual(feature_maps, gradients):
    """Return ReLU(-L), (H, W)."""
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    weighted_sum = (alphas[:, None, None] * feature_maps).sum(axis=0)
    return np.maximum(-weighted_sum, 0)


def my_split(weighted_sum):
    """Return what speaks for the class, what speaks against it, and the share of the second."""
    positive = np.maximum(weighted_sum, 0)
    negative = np.maximum(-weighted_sum, 0)
    both = positive.sum() + negative.sum()
    return positive, negative, negative.sum() / both if both > 0 else 0


# Minus the cat's row is added to both rows. Nothing is left of the cat's.
head = worked_example.network()["linear"].weight
my_head = head - head[0]


def my_row(weights):
    """Return v, (K, H, W): the first row plus v is the second row. It is added to both rows, so p stays."""
    return weights[1] - weights[0]
