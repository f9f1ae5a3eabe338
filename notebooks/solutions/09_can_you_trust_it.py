"""Solutions of the exercises of notebook 09: a drop, a deletion curve, ranks, bends, and four networks."""

from fractions import Fraction

import numpy as np

from numpycam import grad_cam
from numpycam.checks import four_networks
from numpycam.experiments.drawings import draw
from numpycam.metrics import energy_inside
from numpycam.resize import resize


def my_drop(network, image, where, c):
    """Return by how much score c drops when the pixels of the mask become 0."""
    without = image.copy()
    without[:, where] = 0
    return network(image[None])[0, c] - network(without[None])[0, c]


# The map says 4 over the drop 2, then 3 over 3, 2 over 7, 1 over -3. The area: (9 / 2 + 7 + 4 - 3 + 0 / 2) / 4.
my_deletion = {"curve": [9, 7, 4, -3, 0], "area": Fraction(25, 8)}


def my_rank_correlation(one, other):
    """Return 1 - 6 Σ d² / (n (n² - 1)), where d are the differences of the ranks."""
    ranks = [np.argsort(np.argsort(values.ravel())) for values in (one, other)]
    n = one.size
    total = int(((ranks[0] - ranks[1]) ** 2).sum())
    return 1 - Fraction(6 * total, n * (n**2 - 1))


def my_bends(kinks, slopes, x):
    """Return f'(x) · x, and the sum of slope times length over the pieces from 0 to x."""
    passed = int((kinks < x).sum())  # how many kinks are below x
    ends = [0, *kinks[:passed], x]
    parts = [slopes[n] * (ends[n + 1] - ends[n]) for n in range(passed + 1)]
    return slopes[passed] * x, sum(parts)


elephant, grass = 1, 2  # the class, and the mask
on_grass = draw(200, seed=3, animals="elephant", grass=True)
by_lot = draw(200, seed=4)
my_findings = {}
falls = {}
for place, network in four_networks().items():
    heat = resize(grad_cam(network, on_grass.images, elephant).localization_map, (32, 32))
    energy = energy_inside(heat, on_grass.masks[:, grass]).mean()
    right = ((network(by_lot.images) > 0) == by_lot.labels)[:, elephant].mean()
    my_findings[place] = float(energy), float(right)

    there = draw(200, seed=4, confounded=True)  # where grass means elephant, a shortcut is right
    falls[place] = ((network(there.images) > 0) == there.labels)[:, elephant].mean() - right
my_findings["looks at the grass"] = max(falls, key=falls.get)
