"""A right answer in other clothes passes: loops, einsum, lists in the place of arrays, axes that are dropped later."""

from fractions import Fraction

import numpy as np
import pytest
import test_cam_and_grad_cam
import test_can_you_trust_it
from answers import EXERCISES
from helpers import some

from numpycam.checks import (
    check_accuracy,
    check_alphas,
    check_bilinear_row,
    check_blind_spot,
    check_cell_by_cell,
    check_conv_backward,
    check_conv_of_one_map,
    check_conv_with_stride,
    check_counterfactual,
    check_energy,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_gradient_maps,
    check_network,
    check_normalise,
    check_relu_backward,
    check_residual_backward,
    check_resize,
    check_row,
    check_shares,
    check_shift_law,
    check_sliding_backward,
    check_split,
    check_stamping_backward,
    check_twin,
    check_xgrad_alphas,
)


def mean_by_loops(gradients):
    alphas = []
    for g in gradients:
        total = 0
        for row in g:
            for value in row:
                total += value
        alphas.append(total / g.size)
    return alphas


def mean_of_flat_maps(gradients):
    flat = gradients.reshape(len(gradients), -1)
    return flat.sum(axis=1) / flat.shape[1]


def grad_cam_by_loops(feature_maps, gradients):
    alphas = mean_by_loops(gradients)
    total = [[0] * feature_maps.shape[2] for _ in range(feature_maps.shape[1])]
    for k, i, j in np.ndindex(feature_maps.shape):
        total[i][j] += alphas[k] * feature_maps[k, i, j]
    return alphas, total, [[max(value, 0) for value in row] for row in total]


def grad_cam_with_keepdims(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2), keepdims=True) / gradients[0].size
    total = (alphas * feature_maps).sum(axis=0, keepdims=True)
    return alphas.squeeze(axis=(1, 2)), total[0], (total * (total > 0))[0]


def grad_cam_by_einsum(feature_maps, gradients):
    alphas = np.einsum("kij->k", gradients) / (gradients.shape[1] * gradients.shape[2])
    total = np.einsum("k,kij->ij", alphas, feature_maps)
    return [alphas, total, np.where(total > 0, total, 0)]


def folded_by_loops(row, size):
    height, width = size
    maps = []
    for first in range(0, len(row), height * width):
        one = row[first : first + height * width]
        maps.append([list(one[i * width : (i + 1) * width]) for i in range(height)])
    return maps


def network_in_lists(feature_maps, gradients):
    kernels, head = [], []
    for a, g in zip(feature_maps.tolist(), gradients.tolist(), strict=True):
        (top_left, top_right), (bottom_left, bottom_right) = a
        kernels.append([[[bottom_right - top_right, top_right], [top_left, bottom_left - bottom_right - top_left]]])
        head += g[0] + g[1]
    return kernels, [head]


def relu_by_loops(u, x):
    dx = np.zeros_like(u)
    for index in np.ndindex(u.shape):
        if x[index] > 0:
            dx[index] = u[index]
    return dx


def relu_by_mask(u, x):
    dx = u.copy()
    dx[x <= 0] = 0
    return dx.tolist()


def conv_by_number(u, x, weight, stride=(1, 1), padding=(0, 0)):
    """Each product by itself, and no padded array."""
    dx, dw = np.zeros_like(x), np.zeros_like(weight)
    for n, o, i, j in np.ndindex(u.shape):
        for c, p, q in np.ndindex(weight.shape[1:]):
            row, column = i * stride[0] + p - padding[0], j * stride[1] + q - padding[1]
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                dx[n, c, row, column] += u[n, o, i, j] * weight[o, c, p, q]
                dw[o, c, p, q] += u[n, o, i, j] * x[n, c, row, column]
    return dx, dw


def conv_by_einsum(u, x, weight, stride=(1, 1), padding=(0, 0)):
    (down, right), (top, left), (height, width) = stride, padding, weight.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    dpadded, dw = 0 * padded, 0 * weight
    for p, q in np.ndindex(height, width):  # a weight at a time
        seen = (
            ...,
            slice(p, p + down * (u.shape[2] - 1) + 1, down),
            slice(q, q + right * (u.shape[3] - 1) + 1, right),
        )
        dpadded[seen] += np.einsum("noij,oc->ncij", u, weight[:, :, p, q])
        dw[:, :, p, q] = np.einsum("noij,ncij->oc", u, padded[seen])
    return [dpadded[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw]


def of_one_map(backward):
    def of_maps(u, x, weight, *how):
        dx, dw = backward(u[None, None], x[None, None], weight[None, None], *how)
        return dx[0, 0].tolist(), dw[0, 0].tolist()

    return of_maps


def residual_in_two_steps(u, x, body):
    dx = u.copy()
    dx += body.backward(u, x)
    return dx.tolist()


def twin_filled_in(w1, w2):
    channels, middle = len(w2), len(w1)
    first = np.zeros((middle + channels, *w1.shape[1:]), dtype=object)
    second = np.zeros((channels, middle + channels, *w2.shape[2:]), dtype=object)
    first[:middle], second[:, :middle] = w1, w2
    for c in range(channels):
        first[middle + c, c, w1.shape[2] // 2, w1.shape[3] // 2] = 1
        second[c, middle + c, w2.shape[2] // 2, w2.shape[3] // 2] = 1
    return first, second


def accuracy_by_loops(scores, labels):
    shares = []
    for of_scores, of_labels in zip(scores.T, labels.T, strict=True):
        right = 0
        for score, label in zip(of_scores, of_labels, strict=True):
            if label:
                right += score > 0
            else:
                right += score <= 0
        shares.append(Fraction(int(right), len(of_scores)))
    return shares


def energy_by_loops(heat, mask):
    inside = everywhere = 0
    for i, j in np.ndindex(heat.shape):
        everywhere += heat[i, j]
        if mask[i, j]:
            inside += heat[i, j]
    return inside / everywhere if everywhere else 0


def energy_with_error(heat, mask):
    try:
        return (heat * mask).sum() / heat.sum()
    except ZeroDivisionError:
        return 0


def shares_by_loops(feature_maps, alphas, k, mask):
    sizes, heat = [0] * len(alphas), np.zeros(mask.shape, dtype=object)
    for m, i, j in np.ndindex(feature_maps.shape):
        sizes[m] += abs(alphas[m] * feature_maps[m, i, j])
        heat[i, j] += alphas[m] * feature_maps[m, i, j]
    heat[heat < 0] = 0
    return (sizes[k] / sum(sizes) if any(sizes) else 0), energy_by_loops(heat, mask)


def xgrad_by_loops(feature_maps, gradients):
    return [sum((a * g).flat) / sum(a.flat) for a, g in zip(feature_maps, gradients, strict=True)]


def xgrad_of_parts(feature_maps, gradients):
    parts = feature_maps / feature_maps.sum(axis=(1, 2), keepdims=True)
    return np.einsum("kij,kij->k", parts, gradients)


def hirescam_by_loops(feature_maps, gradients):
    total = [[0] * feature_maps.shape[2] for _ in range(feature_maps.shape[1])]
    for k, i, j in np.ndindex(feature_maps.shape):
        total[i][j] += gradients[k, i, j] * feature_maps[k, i, j]
    return total


def two_lines_by_einsum(feature_maps, gradients):
    open_gradients = gradients * (gradients > 0)
    total = np.einsum("kij,kij->ij", gradients, feature_maps), np.einsum("kij,kij->ij", open_gradients, feature_maps)
    return [one * (one > 0) for one in total]


def two_lines_by_loops(feature_maps, gradients):
    hirescam = np.array(hirescam_by_loops(feature_maps, gradients))
    layercam = np.array(hirescam_by_loops(feature_maps, np.maximum(gradients, 0)))
    return np.maximum(hirescam, 0).tolist(), np.maximum(layercam, 0).tolist()


def plus_plus_by_loops(feature_maps, gradients):
    weights = []
    for a, g in zip(feature_maps, gradients, strict=True):
        total = 0
        for value in g.flat:
            if value > 0:
                total += value / (2 + a.sum() * value)
        weights.append(total)
    return weights


def plus_plus_with_safe_divisor(feature_maps, gradients):
    divisor = 2 + feature_maps.sum(axis=(1, 2), keepdims=True) * gradients
    safe = np.where(gradients > 0, divisor, 1)
    return np.where(gradients > 0, gradients / safe, 0).sum(axis=(1, 2))


def sliding_as_stamps(u, x, weight, padding):
    return conv_by_number(u, x, weight, (1, 1), padding)[0]


def moved_down(x, rows):
    return np.pad(x, [(0, 0), (0, 0), (rows, 0), (0, 0)])[:, :, : x.shape[2]]


def shift_law_in_lists(conv, x, weight, stride, padding, rows):
    steps, rest = divmod(rows, stride[0])
    if rest or padding[0]:
        return None
    y, moved = conv(x, weight, stride, padding), conv(moved_down(x, rows), weight, stride, padding)
    return [moved[:, :, steps:].tolist(), y[:, :, : len(y[0, 0]) - steps].tolist()]


def bilinear_by_tents(row, m):
    """Each cell gives to each pixel what its tent, of the width of two cells, has there."""
    n = len(row)
    pixels = []
    for i in range(m):
        place = min(max(Fraction(2 * i + 1, 2) * n / m - Fraction(1, 2), 0), n - 1)
        pixels.append(sum(max(1 - abs(place - cell), 0) * value for cell, value in enumerate(row)))
    return np.array(pixels)


def resized_by_two_matrices(heat, size):
    def matrix(m, n):
        return np.array([bilinear_by_tents(cell, m) for cell in np.eye(n, dtype=int)]).T  # (m, n)

    return matrix(size[0], heat.shape[0]) @ heat @ matrix(size[1], heat.shape[1]).T


def normalised_in_lists(heat):
    largest = max(abs(value) for value in heat.flat) or 1
    return [[value / largest for value in row] for row in heat]


def split_by_loops(weighted_sum):
    positive = [[value if value > 0 else 0 for value in row] for row in weighted_sum]
    negative = [[-value if value < 0 else 0 for value in row] for row in weighted_sum]
    both = sum(map(abs, weighted_sum.flat))
    return positive, negative, sum(map(sum, negative)) / both if both else 0


IN_OTHER_CLOTHES = [
    (check_bilinear_row, bilinear_by_tents),
    (check_resize, resized_by_two_matrices),
    (check_normalise, normalised_in_lists),
    (check_counterfactual, lambda a, g: -np.minimum(grad_cam_by_einsum(a, g)[1], 0)),
    (check_counterfactual, lambda a, g: grad_cam_by_loops(a, -g)[2]),
    (check_split, split_by_loops),
    (check_row, lambda weights: [two - one for one, two in zip(*weights, strict=True)]),
    (check_alphas, mean_by_loops),
    (check_alphas, mean_of_flat_maps),
    (check_alphas, lambda g: (g.sum(axis=2, keepdims=True).sum(axis=1, keepdims=True) / g[0].size)[:, 0, 0]),
    (check_alphas, lambda g: np.einsum("kij->k", g) * Fraction(1, g[0].size)),
    (check_grad_cam, grad_cam_by_loops),
    (check_grad_cam, grad_cam_with_keepdims),
    (check_grad_cam, grad_cam_by_einsum),
    (check_gradient_maps, folded_by_loops),
    (
        check_gradient_maps,
        lambda row, size: np.array(np.split(row, len(row) // (size[0] * size[1]))).reshape(-1, *size),
    ),
    (check_network, network_in_lists),
    (check_relu_backward, relu_by_loops),
    (check_relu_backward, relu_by_mask),
    (check_relu_backward, lambda u, x: np.where(np.maximum(x, 0) > 0, u, 0)),
    (check_relu_backward, lambda u, x: u * np.heaviside(x.astype(float), 0).astype(int)),
    (check_conv_of_one_map, of_one_map(conv_by_number)),
    (check_conv_of_one_map, of_one_map(conv_by_einsum)),
    (check_conv_with_stride, of_one_map(conv_by_number)),
    (check_conv_with_stride, of_one_map(conv_by_einsum)),
    (check_conv_backward, conv_by_number),
    (check_conv_backward, conv_by_einsum),
    (check_residual_backward, residual_in_two_steps),
    (check_residual_backward, lambda u, x, body: sum([u, body.backward(u, x)])),
    (check_twin, twin_filled_in),
    (check_accuracy, accuracy_by_loops),
    (check_accuracy, lambda scores, labels: 1 - np.logical_xor(scores > 0, labels).sum(axis=0) / len(scores)),
    (check_energy, energy_by_loops),
    (check_energy, energy_with_error),
    (check_energy, lambda heat, mask: np.einsum("ij,ij", heat, mask * 1) / (heat.sum() or 1)),
    (check_shares, shares_by_loops),
    (check_xgrad_alphas, xgrad_by_loops),
    (check_xgrad_alphas, xgrad_of_parts),
    (check_blind_spot, (np.ones((3, 1, 2)), np.array([[[1, -1]], [[1, 0.5]], [[-2, -1]]]))),
    (check_blind_spot, [[[[Fraction(1, 3)]], [[2]]], [[[1]], [[Fraction(-1, 6)]]]]),
    (check_cell_by_cell, two_lines_by_einsum),
    (check_cell_by_cell, two_lines_by_loops),
    (check_grad_cam_plus_plus, plus_plus_by_loops),
    (check_grad_cam_plus_plus, plus_plus_with_safe_divisor),
    (check_stamping_backward, conv_by_number),
    (check_stamping_backward, lambda u, x, weight: tuple(conv_by_einsum(u, x, weight))),
    (check_sliding_backward, sliding_as_stamps),
    (check_shift_law, shift_law_in_lists),
]


@pytest.mark.parametrize(("check", "answer"), IN_OTHER_CLOTHES)
def test_a_right_answer_in_other_clothes_passes(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("✓ ")


@pytest.mark.parametrize(("check", "answer"), some(IN_OTHER_CLOTHES))
def test_and_in_another_variant(check, answer):
    assert check(answer, variant=5).is_right


def test_every_exercise_that_is_a_function_has_other_clothes():
    laws = {check_stamping_backward, check_sliding_backward, check_shift_law}  # notebook 10 asks the laws
    elsewhere = test_cam_and_grad_cam.RIGHT + test_can_you_trust_it.RIGHT
    assert {check for check, _ in IN_OTHER_CLOTHES + elsewhere} >= {*EXERCISES, *laws}
