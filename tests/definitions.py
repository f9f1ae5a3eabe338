"""Each operation as the loop that defines it: slow, obvious, and independent of the package."""

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np


def conv2d(x, weight, bias, stride, padding, dilation):
    """y[n, o, i, j] = bias[o] + Σ_{c,u,v} weight[o, c, u, v] · x[n, c, s i + d u - p, s j + d v - p]; 0 outside x."""
    (batch, channels, height, width), (out_channels, _, kernel_height, kernel_width) = x.shape, weight.shape
    rows = range(0, height + 2 * padding[0] - dilation[0] * (kernel_height - 1), stride[0])
    columns = range(0, width + 2 * padding[1] - dilation[1] * (kernel_width - 1), stride[1])
    y = np.empty((batch, out_channels, len(rows), len(columns)), dtype=x.dtype)
    for n, o, (i, top), (j, left) in itertools.product(
        range(batch), range(out_channels), enumerate(rows), enumerate(columns)
    ):
        total = bias[o]
        for c, u, v in itertools.product(range(channels), range(kernel_height), range(kernel_width)):
            row, column = top + dilation[0] * u - padding[0], left + dilation[1] * v - padding[1]
            if 0 <= row < height and 0 <= column < width:
                total = total + weight[o, c, u, v] * x[n, c, row, column]
        y[n, o, i, j] = total
    return y


def pool2d(x, size, stride, padding, reduce):
    """y[n, c, i, j] = reduce(the real cells of the window, the number of all its cells)."""
    batch, channels, height, width = x.shape
    rows = range(-padding[0], height + padding[0] - size[0] + 1, stride[0])
    columns = range(-padding[1], width + padding[1] - size[1] + 1, stride[1])
    y = np.empty((batch, channels, len(rows), len(columns)), dtype=x.dtype)
    for n, c, (i, top), (j, left) in itertools.product(
        range(batch), range(channels), enumerate(rows), enumerate(columns)
    ):
        cells = [
            x[n, c, row, column]
            for row in range(max(top, 0), min(top + size[0], height))
            for column in range(max(left, 0), min(left + size[1], width))
        ]
        y[n, c, i, j] = reduce(cells, math.prod(size))
    return y


def bilinear(values, length, align_corners):
    """Resize a list by the definition of linear interpolation, in Fractions."""
    n, resized = len(values), []
    for i in range(length):
        if align_corners:
            x = Fraction(i * (n - 1), max(length - 1, 1))
        else:
            x = Fraction(2 * i + 1, 2) * Fraction(n, length) - Fraction(1, 2)
        x = min(max(x, Fraction(0)), Fraction(n - 1))
        resized.append(sum(max(Fraction(0), 1 - abs(x - j)) * value for j, value in enumerate(values)))
    return resized


def grad_cam(feature_maps, gradients):
    """The weighted sum and the map of one image (K, H, W), cell by cell."""
    maps, height, width = feature_maps.shape
    cells = list(itertools.product(range(height), range(width)))
    alphas = [sum(gradients[k, i, j] for i, j in cells) / Fraction(len(cells)) for k in range(maps)]
    weighted_sum = np.empty((height, width), dtype=object)
    for i, j in cells:
        weighted_sum[i, j] = sum(alphas[k] * feature_maps[k, i, j] for k in range(maps))
    localization_map = np.array([max(value, Fraction(0)) for value in weighted_sum.flat], dtype=object)
    return np.array(alphas, dtype=object), weighted_sum, localization_map.reshape(height, width)


def grad_cam_plus_plus(feature_maps, gradients):
    """The weights of one image, with the second and third powers of g as the paper has them, where g > 0."""
    alphas = []
    for a, g in zip(feature_maps, gradients, strict=True):
        total, alpha = sum(a.flat), Fraction(0)
        for cell in np.ndindex(g.shape):
            if g[cell] > 0:
                alpha += g[cell] ** 2 / (2 * g[cell] ** 2 + total * g[cell] ** 3) * g[cell]
        alphas.append(alpha)
    return np.array(alphas, dtype=object)


def xgrad_cam(feature_maps, gradients):
    """The weights of one image: the mean of g^k, each cell as heavy as its part of A^k; 0 for a map of zeros."""
    alphas = []
    for a, g in zip(feature_maps, gradients, strict=True):
        total = sum(a.flat)
        alphas.append(sum(g[cell] * (a[cell] / total) for cell in np.ndindex(g.shape)) if a.any() else Fraction(0))
    return np.array(alphas, dtype=object)


def _cell_by_cell(term, feature_maps, gradients):
    """The weighted sum of one image that has ``term(a, g)`` of each cell of each map."""
    weighted_sum = np.full(feature_maps.shape[1:], Fraction(0), dtype=object)
    for k, i, j in np.ndindex(feature_maps.shape):
        weighted_sum[i, j] += term(feature_maps[k, i, j], gradients[k, i, j])
    return weighted_sum


def hirescam(feature_maps, gradients):
    return _cell_by_cell(lambda a, g: g * a, feature_maps, gradients)


def element_wise_grad_cam(feature_maps, gradients):
    return _cell_by_cell(lambda a, g: max(g * a, Fraction(0)), feature_maps, gradients)


def layercam(feature_maps, gradients):
    return _cell_by_cell(lambda a, g: max(g, Fraction(0)) * a, feature_maps, gradients)


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
