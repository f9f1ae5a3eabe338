"""A solution of the exercise of notebook 02: kernels and a head with given feature maps and gradient maps."""

import numpy as np


def my_network(feature_maps, gradients):
    """Return kernels (K, 1, 2, 2) and a head (1, K·4).

    The picture's patches read: top left the lower left weight, top right the upper right one, bottom right the sum of
    the upper two, bottom left the sum of all four.
    """
    upper_right, lower_left = feature_maps[:, 0, 1], feature_maps[:, 0, 0]
    upper_left = feature_maps[:, 1, 1] - upper_right
    lower_right = feature_maps[:, 1, 0] - upper_left - upper_right - lower_left
    rows = [[upper_left, upper_right], [lower_left, lower_right]]
    kernels = np.array(rows).transpose(2, 0, 1)[:, None]  # (2, 2, K) -> (K, 1, 2, 2)
    head = gradients.reshape(1, -1)  # the weight of a linear head is its gradient
    return kernels, head
