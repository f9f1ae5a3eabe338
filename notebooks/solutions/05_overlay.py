"""Solutions of the exercises of notebook 05: to the size of the picture, and to its scale."""

from fractions import Fraction

import numpy as np

# The map is 3, 6 and 8, 2.
my_divided = [[Fraction(3, 8), Fraction(6, 8)], [1, Fraction(2, 8)]]

my_nearest = [
    [3, 3, 6, 6],
    [3, 3, 6, 6],
    [8, 8, 2, 2],
    [8, 8, 2, 2],
]


def my_bilinear_row(row, m):
    """Return the row of n cells as m pixels."""
    n, pixels = len(row), []
    for i in range(m):
        x = (i + Fraction(1, 2)) * n / m - Fraction(1, 2)
        x = min(max(x, 0), n - 1)  # not beyond the outermost centres
        left = int(x)
        right = min(left + 1, n - 1)
        pixels.append((1 - (x - left)) * row[left] + (x - left) * row[right])
    return pixels


def my_normalise(heat):
    """Return the map (H, W) divided by its largest absolute value."""
    largest = np.abs(heat).max()
    return heat if largest == 0 else heat / largest


def my_resize(heat, size):
    """Return the heat (H, W) at the size (height, width).

    The place of a pixel needs the two halves. And x counts columns, so it needs the width.
    """
    (height, width), (rows, columns) = heat.shape, size
    resized = np.zeros_like(heat, shape=size)
    for i, j in np.ndindex(rows, columns):
        y = (i + Fraction(1, 2)) * height / rows - Fraction(1, 2)
        x = (j + Fraction(1, 2)) * width / columns - Fraction(1, 2)
        y = min(max(y, 0), height - 1)
        x = min(max(x, 0), width - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
        down, across = y - top, x - left
        upper = (1 - across) * heat[top, left] + across * heat[top, right]
        lower = (1 - across) * heat[bottom, left] + across * heat[bottom, right]
        resized[i, j] = (1 - down) * upper + down * lower
    return resized
