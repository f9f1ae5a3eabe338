"""Measures and curves as the loops that define them: slow, obvious, and independent of the package."""

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np


def probabilities(scores):
    """Softmax of one row of scores, with fifty digits, as Fractions."""
    with localcontext(prec=50):
        powers = [Fraction(Decimal(float(score)).exp()) for score in scores]
    return [power / sum(powers) for power in powers]


def pointing_game(heat, mask):
    """Of the cells where the map is highest, the share inside the mask."""
    highest = max(heat.flat)
    peaks = [cell for cell in np.ndindex(heat.shape) if heat[cell] == highest > 0]
    return Fraction(sum(bool(mask[cell]) for cell in peaks), max(len(peaks), 1))


def energy_inside(heat, mask):
    """Of the map's sum, the share inside the mask."""
    total = sum(Fraction(value) for value in heat.flat)
    inside = sum(Fraction(heat[cell]) for cell in np.ndindex(heat.shape) if mask[cell])
    return inside / total if total else Fraction(0)


def intersection_over_union(heat, mask, threshold=Fraction(1, 2)):
    """The cells of at least so much of the peak that are in the mask, over those that are one or the other."""
    highest = Fraction(max(heat.flat))
    hot = {cell for cell in np.ndindex(heat.shape) if highest and Fraction(heat[cell]) >= threshold * highest}
    inside = {cell for cell in np.ndindex(heat.shape) if mask[cell]}
    return Fraction(len(hot & inside), len(hot | inside)) if hot | inside else Fraction(0)


def deletion_curve(network, image, heat, class_index, steps, baseline):
    """The score, image by image, as one pixel after the other becomes the baseline's, the hottest first."""
    cells = sorted(np.ndindex(heat.shape), key=lambda cell: (-heat[cell], cell))
    curve = []
    for step in range(steps + 1):
        changed = image.copy()
        for row, column in cells[: step * len(cells) // steps]:
            for channel in range(len(image)):
                changed[channel, row, column] = baseline[channel, row, column]
        curve.append(network(changed[None])[0, class_index])
    return curve


def occlusion(network, image, class_index, size, stride, baseline):
    """At each pixel the mean drop of the score over the patches that cover it, until one reaches the far border."""
    (channels, *lengths), y = image.shape, network(image[None])[0, class_index]
    starts = []
    for length, side, step in zip(lengths, size, stride, strict=True):
        starts.append([0])
        while starts[-1][-1] + side < length:
            starts[-1].append(starts[-1][-1] + step)
    drops = {cell: [] for cell in np.ndindex(*lengths)}
    for top, left in itertools.product(*starts):
        covered = [(i, j) for i, j in drops if top <= i < top + size[0] and left <= j < left + size[1]]
        changed = image.copy()
        for channel, cell in itertools.product(range(channels), covered):
            changed[(channel, *cell)] = baseline
        drop = y - network(changed[None])[0, class_index]
        for cell in covered:
            drops[cell].append(drop)
    means = [sum(some) / Fraction(len(some)) for some in drops.values()]
    return np.array(means, dtype=object).reshape(lengths)


def first_direction(maps, doublings=10):
    """The direction, up to its sign, that cells with the maps' values as coordinates are stretched along most.

    By power iteration: the largest column of G^(2^doublings), G_kl = Σ_ij A^k_ij A^l_ij, with whole numbers.
    """
    whole = np.array(maps, dtype=object) * math.lcm(*(value.denominator for value in maps.flat))
    cells = np.array([int(value) for value in whole.flat], dtype=object).reshape(len(maps), -1)
    power = cells @ cells.T
    for _ in range(doublings):
        power = power @ power
    column = max(power, key=lambda column: sum(abs(value) for value in column))
    scaled = np.array([float(Fraction(value, max(map(abs, column)))) for value in column])
    return scaled / math.sqrt(math.fsum(scaled**2))
