"""Wrong answers as students write them, planted in every exercise of notebooks 01 to 04, 08 and 10, and their hints.

Each answer is what one person tried, whole: nothing here is made of the tables of mistakes.
"""

from fractions import Fraction

import numpy as np
import pytest
from answers import solution
from helpers import refusal
from mystery import check_mystery, drops, findings, pictures

from numpycam import worked_example
from numpycam.checks import (
    CheckFailed,
    check_accuracy,
    check_alphas,
    check_blind_spot,
    check_both_sides,
    check_by_hand,
    check_cell_by_cell,
    check_conv_backward,
    check_conv_of_one_map,
    check_conv_with_stride,
    check_counterexample,
    check_energy,
    check_feature_map,
    check_find_the_bug,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_gradient_maps,
    check_network,
    check_relu_backward,
    check_shares,
    check_xgrad_alphas,
    mystery_networks,
)
from numpycam.exact import as_fractions
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS

# --- 01 --------------------------------------------------------------------------------------------------


def cam(alphas=lambda a, g: g.sum(axis=(1, 2)) / g[0].size, weigh=lambda alphas, a, g: alphas[:, None, None] * a,
        add=lambda weighted: weighted.sum(axis=0), relu=lambda total: np.maximum(total, 0)):  # fmt: skip
    """A Grad-CAM in four lines, one of which may be another."""

    def my_grad_cam(feature_maps, gradients):
        weights = alphas(feature_maps, gradients)
        total = add(weigh(weights, feature_maps, gradients))
        return weights, total, relu(total)

    return my_grad_cam


def softmax(values):
    powers = np.exp(values.astype(float))
    return powers / powers.sum()


def without_a_return(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    total = (alphas[:, None, None] * feature_maps).sum(axis=0)
    np.maximum(total, 0)


def mean(g):
    return g.sum(axis=(1, 2)) / g[0].size


PENCIL = {"alphas": ["5/4", "3/4"], "weighted_sum": [[-2, 2], [2.5, 1.5]], "localization_map": [[0, 2], [2.5, 1.5]]}

IN_01 = [
    (check_grad_cam, cam(lambda a, g: -mean(g)), "The sign is turned"),
    (check_grad_cam, cam(lambda a, g: softmax(mean(g))), "There is a softmax on the alphas"),
    (check_grad_cam, cam(lambda a, g: mean(g) / mean(g).sum()), "You divide the alphas by their sum"),
    (check_grad_cam, cam(lambda a, g: mean(g) / abs(mean(g)).sum()), "You divide the alphas by their sum"),
    (check_grad_cam, cam(lambda a, g: np.array([np.median(one.astype(float)) for one in g])), "That is the median"),
    (check_grad_cam, cam(lambda a, g: g.sum(axis=(1, 2))), "They are Z = H·W times too large"),
    (check_grad_cam, cam(lambda a, g: g.sum(axis=(1, 2)) / 4), "You divide by 4, as in the example"),
    (check_grad_cam, lambda a, g: (mean(GRADIENTS), *cam()(a, g)[1:]), "That is right for the worked example only"),
    (check_grad_cam, cam(weigh=lambda alphas, a, g: alphas[:, None, None] * g), "You weigh the gradient maps"),
    (check_grad_cam, cam(weigh=lambda alphas, a, g: g * a), "That is Σ g ⊙ A, cell by cell (HiResCAM)"),
    (check_grad_cam, cam(weigh=lambda alphas, a, g: alphas * a), "(α has the shape (K,), A has (K, H, W)"),
    (check_grad_cam, cam(add=lambda weighted: weighted.sum(axis=1)), "That is a sum along a wrong axis"),
    (check_grad_cam, cam(add=lambda weighted: weighted.sum(axis=2)), "That is a sum along a wrong axis"),
    (check_grad_cam, cam(add=lambda weighted: weighted.sum(axis=0) / len(weighted)), "That is the mean over the maps"),
    (check_grad_cam, cam(relu=lambda total: np.minimum(total, 0)), "That is the smaller of L and 0"),
    (check_grad_cam, cam(relu=lambda total: total > 0), "That says where L is positive"),
    (check_grad_cam, cam(relu=lambda total: 100 * np.maximum(total, 0)), "It is 100 times too large"),
    (check_grad_cam, cam(relu=abs), "That is |L|"),
    (check_grad_cam, cam(relu=lambda total: np.maximum(total, 0) / total.max()), "You divide by the maximum"),
    (check_grad_cam, cam(relu=lambda total: 2 * np.maximum(total, 0)), "It is 2 times the right one, everywhere."),
    (check_grad_cam, lambda a, g: cam()(a, g)[::-1], "That is localization_map: look at the order"),
    (check_grad_cam, lambda a, g: cam()(FEATURE_MAPS, GRADIENTS), "That is right for the worked example only"),
    (check_grad_cam, without_a_return, "Your function returned None. Is there a return at its end?"),
    (check_grad_cam, cam()(FEATURE_MAPS, GRADIENTS), "Pass your function itself, without calling it; this is tuple."),
    (check_grad_cam, cam(lambda a, g: mean(g) * ...), "(Some dots are still there: replace them.)"),
    (check_alphas, lambda g: g.sum(axis=(1, 2), keepdims=True) / g[0].size, "Right, but return one number for each"),
    (check_alphas, lambda g: g.sum(axis=0) / len(g), "That is a mean over the maps"),
    (check_alphas, lambda g: [one.max() for one in g], "That is the largest gradient of each map"),
    (check_alphas, lambda g: g.sum(axis=1) / g.shape[1], "That is a mean over one axis"),
    (check_by_hand, PENCIL, "alphas should hold numbers only; yours has str"),
    (check_by_hand, PENCIL | {"alphas": [5, 3]}, "They are Z = H·W times too large"),
    (check_by_hand, PENCIL | {"alphas": [1.25, 0.75], "localization_map": [[2, 2], [2.5, 1.5]]}, "That is |L|"),
]

# --- 02 --------------------------------------------------------------------------------------------------


def network(change=lambda kernel: kernel, head=lambda g: g.reshape(1, -1), zeros=np.zeros_like):
    """The kernels, one after the other, each changed in some way."""

    def my_network(feature_maps, gradients):
        kernels = zeros(feature_maps)[:, None]
        for kernel, a in zip(kernels, feature_maps, strict=True):
            kernel[0, 0, 1] = a[0, 1]
            kernel[0, 1, 0] = a[0, 0]
            kernel[0, 0, 0] = a[1, 1] - a[0, 1]
            kernel[0, 1, 1] = a[1, 0] - a[1, 1] - a[0, 0]
            kernel[0] = change(kernel[0].copy())
        return kernels, head(gradients)

    return my_network


def one_subtracted(i, j):
    def my_network(feature_maps, gradients):
        kernels, head = network()(feature_maps, gradients)
        kernels[:, 0, 1, 1] = feature_maps[:, 1, 0] - feature_maps[:, i, j]
        return kernels, head

    return my_network


def plus_for_minus(feature_maps, gradients):
    kernels, head = network()(feature_maps, gradients)
    kernels[:, 0, 0, 0] = feature_maps[:, 1, 1] + feature_maps[:, 0, 1]
    return kernels, head


IN_02 = [
    (check_network, plus_for_minus, "The upper left weight has a sign wrong: the patch at the bottom right"),
    (check_network, one_subtracted(1, 1), "The patch at the bottom left sees all four: subtract the lower left weight"),
    (check_network, one_subtracted(0, 0), "The patch at the bottom left sees all four: subtract the upper two weights"),
    (check_network, lambda a, g: network()(a[:, ::-1], g), "The rows of the feature maps are exchanged"),
    (check_network, network(lambda kernel: kernel[::-1, ::-1]), "The kernels are turned by 180°"),
    (check_network, network(lambda kernel: kernel.T), "Rows and columns of the kernels are exchanged"),
    (check_network, network(head=lambda g: g.reshape(1, -1) / 4), "You divide by 4"),
    (check_network, network(head=lambda g: g.reshape(1, -1)[:, ::-1]), "The head is in reverse order"),
    (check_network, network(head=lambda g: np.repeat(mean(g), 4)[None]), "You give all cells of a map the same weight"),
    (check_network, network(zeros=lambda a: np.zeros(a.shape)), "Right up to rounding, but somewhere a float came in."),
    (check_network, network(head=lambda g: g.ravel()), "head should have the shape (1, K·4) = (1, 12) here"),
    (check_feature_map, [[-2, -1], [4, 3]], "That is the kernel itself"),
    (check_feature_map, [[1, "-1/4"], [1, "-3/4"]], "my_map should hold numbers only; yours has str"),
    (check_feature_map, [[1, -0.25], [1, -0.75]], "That is the mean over the patch"),
    (check_feature_map, [[4, 4], [-1, -3]], "Two cells are exchanged"),
    (check_feature_map, [[-1, 4], [4, -3]], "The upper cells are exchanged"),
    (check_feature_map, [[4, -1], [4, 7]], "Look at the patch at the bottom right"),
    (check_gradient_maps, lambda row, size: row.reshape(*size, -1).transpose(2, 0, 1), "The row holds map after map"),
    (check_gradient_maps, lambda row, size: row.reshape(-1, size[1], size[0]), "Height and width are exchanged"),
    (check_gradient_maps, lambda row, size: row.reshape(-1, size[0] * size[1]), "Each map is still one row"),
    (check_gradient_maps, lambda row, size: row.reshape(3, *size), "(-1 lets reshape find the number of maps"),
]

# --- 03 --------------------------------------------------------------------------------------------------


def conv(cut=None, exchanged=False, last_channel=False, change=lambda dx, dw: (dx, dw)):
    """The loop over all windows, one of whose lines may be another."""

    def my_conv_backward(u, x, weight, stride, padding):
        if exchanged:
            stride, padding = padding, stride
        (down, right), (top, left), (height, width) = stride, padding, weight.shape[2:]
        padded = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
        dpadded, dw = np.zeros_like(padded), np.zeros_like(weight)
        for i, j in np.ndindex(u.shape[2:]):
            window = ..., slice(i * down, i * down + height), slice(j * right, j * right + width)
            for n, o in np.ndindex(u.shape[:2]):
                dw[o] += u[n, o, i, j] * padded[n][window]
                if o == len(weight) - 1 or not last_channel:
                    dpadded[n][window] += u[n, o, i, j] * weight[o]
        rows, columns = slice(top, top + x.shape[2]), slice(left, left + x.shape[3])
        if cut == "to minus":
            rows, columns = slice(top, -top), slice(left, -left)
        if cut == "at the end":
            rows, columns = slice(0, x.shape[2]), slice(0, x.shape[3])
        return change(dpadded[:, :, rows, columns], dw)

    return my_conv_backward


def of_one_map(backward):
    def my_conv(u, x, weight, stride=(1, 1), padding=(0, 0)):
        dx, dw = backward(u[None, None], x[None, None], weight[None, None], stride, padding)
        return dx[0, 0], dw[0, 0]

    return my_conv


def right_for_one_row(u, x):
    return u * (x > 0) if u.ndim == 2 else u


WINNER_OF_0 = {"u": [[1, 1]], "x": [[-1, 0, -1]], "size": (1, 2)}
FOUND = solution(check_conv_backward).__globals__["my_findings"]

IN_03 = [
    (check_relu_backward, lambda u, x: np.where(x > 0, 0, u), "The gate is the wrong way round"),
    (check_relu_backward, lambda x, u: np.where(x > 0, u, 0), "u and x are exchanged"),
    (check_relu_backward, lambda u, x: np.where(x > 0, u, u / 100), "Your gate leaks"),
    (check_relu_backward, lambda u, x: u * ((x > 0) + (x == 0) * Fraction(1, 2)), "At x = 0 half of u passes"),
    (check_relu_backward, lambda u, x: u * (x >= 0), "At x = 0 your gate is open"),
    (check_relu_backward, lambda u, x: u * (u > 0), "That is ReLU(u)"),
    (check_relu_backward, lambda u, x: u * (x > 0) * (u > 0), "Your gate looks at u as well as at x"),
    (check_relu_backward, lambda u, x: u * x * (x > 0), "That is u · y"),
    (check_relu_backward, right_for_one_row, "It is right for the first case, but not with u of shape (5,)"),
    (check_conv_backward, conv(change=lambda dx, dw: (dx, -dw)), "The sign is turned"),
    (check_conv_backward, conv(change=lambda dx, dw: (dx / 2, dw)), "It is 1/2 times the right one, everywhere."),
    (check_conv_backward, conv(change=lambda dx, dw: (dw, dx)), "That is dw: look at the order of what you return."),
    (check_conv_backward, conv(cut="to minus"), "You cut with [top:-top]"),
    (check_conv_backward, conv(cut="at the end"), "You cut the border off at the bottom and on the right only"),
    (check_conv_backward, conv(exchanged=True), "Stride and padding are exchanged"),
    (check_conv_backward, conv(last_channel=True), "Only the last output channel counts"),
    (check_conv_backward, conv(change=lambda dx, dw: (dx, dw[..., ::-1, ::-1])), "dw is turned by 180°"),
    (check_conv_of_one_map, of_one_map(conv(change=lambda dx, dw: (dw, dx))), "That is dw: look at the order"),
    (check_conv_of_one_map, lambda u, x, weight: (x + u, weight), "(Output (i, j) saw x[i : i + height"),
    (check_conv_with_stride, of_one_map(conv(cut="to minus")), "You cut with [top:-top]"),
    (check_conv_with_stride, of_one_map(conv(exchanged=True)), "Stride and padding are exchanged"),
    (check_find_the_bug, FOUND | {"relu_backward": ("adjoint", {"u": [[1]], "x": [[1]]})},
     "relu_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 1. When is its gate shut?"),
    (check_find_the_bug, FOUND | {"max_pool_backward": ("adjoint", WINNER_OF_0)},
     "max_pool_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 0. dx is wrong there, but this law does not"),
    (check_find_the_bug, FOUND | {"max_pool_backward": ("mass", {"u": [[1, 1]], "x": [[1, 0, 1]], "size": (1, 2)})},
     "max_pool_backward: 'mass' holds there, Σ u = Σ dx = 2. What happens if one cell is the winner of two windows?"),
    (check_find_the_bug, FOUND | {"avg_pool_backward": ("mass", {"u": [[2]], "x": [[0, 0]], "size": (1, 2)})},
     "avg_pool_backward: 'mass' holds there"),
]  # fmt: skip

# --- 04 --------------------------------------------------------------------------------------------------


def shares(of_nothing=0, energy_of_nothing=0, divide=lambda sizes: sizes.sum(), energy=None):
    """The two measures in loops, one of whose lines may be another."""

    def my_shares(feature_maps, alphas, k, mask):
        sizes = np.array([abs(alpha * a).sum() for alpha, a in zip(alphas, feature_maps, strict=True)])
        share = sizes[k] / divide(sizes) if sizes.any() else of_nothing
        heat = np.maximum(sum(alpha * a for alpha, a in zip(alphas, feature_maps, strict=True)), 0)
        if energy is not None:
            return share, energy(share, heat, mask)
        return share, heat[mask].sum() / heat.sum() if heat.any() else energy_of_nothing

    return my_shares


def one_of_k(feature_maps, alphas, k, mask):
    share, energy = shares()(feature_maps, alphas, k, mask)
    return (share if (alphas[:, None, None] * feature_maps).any() else 1 / len(alphas)), energy


def energy_by_loops(of_nothing=0, is_inside=lambda inside: inside, total=lambda heat, mask: heat.sum()):
    def my_energy(heat, mask):
        if not heat.any():
            return of_nothing
        return sum(h for h, inside in zip(heat.flat, mask.flat, strict=True) if is_inside(inside)) / total(heat, mask)

    return my_energy


IN_04 = [
    (check_shares, shares(of_nothing=None), "share is None with A of shape (2, 2, 3)"),
    (check_shares, shares(energy_of_nothing=None), "(Where there is nothing to share, return 0.)"),
    (check_shares, shares(of_nothing=float("nan")), "Where nothing contributes, yours is NaN"),
    (check_shares, shares(energy_of_nothing=np.nan), "Where the map is 0 everywhere, yours is NaN"),
    (check_shares, one_of_k, "Where nothing contributes, yours is 1/K"),
    (check_shares, shares(of_nothing=1), "Where nothing contributes, yours is 1:"),
    (check_shares, shares(energy_of_nothing=1), "Where the map is 0 everywhere, yours is 1:"),
    (check_shares, shares(divide=max), "You divide by the largest of the contributions"),
    (check_shares, shares(energy=lambda share, heat, mask: share), "That is the share again"),
    (check_shares, lambda *inputs: shares()(*inputs)[::-1], "That is energy: look at the order of what you return."),
    (check_shares, lambda *inputs: shares()(*inputs)[0], "Your function should return two things, (share, energy)"),
    (check_shares, shares(divide=lambda sizes: sizes.sum() / 100), "That is in per cent"),
    (check_energy, lambda heat, mask: heat[mask].sum() / heat.sum(), "(Can the sum below be 0?"),
    (check_energy, energy_by_loops(of_nothing=None), "Your function returned None with heat of shape (2, 3), mask"),
    (check_energy, energy_by_loops(of_nothing=np.nan), "Where the map is 0 everywhere, yours is NaN"),
    (check_energy, energy_by_loops(is_inside=lambda inside: not inside), "That is the share outside of the mask"),
    (check_energy, energy_by_loops(total=lambda heat, mask: heat.max()), "You divide by the maximum of L"),
    (check_energy, energy_by_loops(total=lambda heat, mask: heat.size), "You divide by the number of cells"),
    (check_energy, energy_by_loops(total=lambda heat, mask: mask.sum()), "That is the mean inside the mask."),
    (check_energy, lambda heat, mask: (heat * mask).sum(), "That is the sum inside the mask"),
    (check_accuracy, lambda scores, labels: (scores == labels).mean(axis=0), "You compare scores with labels"),
    (check_accuracy, lambda scores, labels: ((scores > 0) == labels).mean(), "That is one share for all questions"),
    (check_accuracy, lambda scores, labels: ((scores > 0) == labels).mean(axis=1), "That is a share for each picture"),
    (check_accuracy, lambda scores, labels: ((scores > 0) == labels).sum(axis=0), "That is how many are right"),
    (check_accuracy, lambda scores, labels: ((scores >= 0) == labels).mean(axis=0), "At a score of 0 the answer is"),
    (check_accuracy, lambda scores, labels: ((scores > 0) & labels).mean(axis=0), 'You count the right "yes" only'),
    (check_accuracy, lambda scores, labels: ((scores > 0.5) == labels).mean(axis=0), "You ask for a score above 1/2"),
    (check_accuracy, lambda scores, labels: 1 - ((scores > 0) == labels).mean(axis=0), "That is the share of wrong"),
]


def other_seeds(with_grass, without):
    """The fall of the score from pictures with one seed to pictures with another."""
    found = {}
    for place, one in mystery_networks().items():
        before, after = one(pictures(200, with_grass)[0]), one(pictures(200, without)[1])
        found[place] = (before[:, 1] - after[:, 1]).mean()
    return found


def rounded(digits):
    return {place: round(float(fall), digits) for place, fall in drops().items()}


def median(y, without, black):
    return np.array([np.median((y - without)[:, 1])])


IN_THE_MYSTERY = [
    (lambda: other_seeds(7, 8), "About right, but not what these drawings give."),
    (lambda: other_seeds(8, 8), "About right, but not what these drawings give."),
    (lambda: drops(count=10), "That is the mean over 10 drawings, not over 200."),
    (lambda: drops(count=1), "That is the mean over one drawing, not over 200."),
    (lambda: {"drawings": 10}, "Take from 100 to 2000 drawings; yours are 10."),
    (lambda: drops(what=median), "That is the median: take the mean."),
    (lambda: rounded(1), "That is rounded to 1 decimal:"),
    (lambda: rounded(0), "That is rounded to 0 decimals"),
    (lambda: {"looks at the grass": "first"}, "Your numbers are right, but your verdict is not what they say."),
    (lambda: {place: -fall for place, fall in drops().items()}, "The signs are turned"),
    (lambda: dict(zip(("first", "second"), [*drops().values()][::-1], strict=True)), "The two numbers are exchanged"),
    (lambda: drops(what=lambda y, without, black: (y - without)[:, 0]), "Those are the scores of the cat"),
    (lambda: drops(what=lambda y, without, black: (y - black)[:, 1]), "You have painted the grass black."),
]

# --- 08 --------------------------------------------------------------------------------------------------


def plus_plus(epsilon=0, keepdims=True, factor=1, where=False):
    """Grad-CAM++ with np.divide."""

    def my_grad_cam_plus_plus(feature_maps, gradients):
        sums = feature_maps.sum(axis=(1, 2), keepdims=keepdims)
        divisor = 2 + sums * gradients + epsilon
        if where:
            return np.where(gradients > 0, gradients / divisor, 0).sum(axis=(1, 2))
        terms = np.zeros_like(gradients)
        np.divide(gradients, divisor, out=terms, where=gradients > 0)
        return factor * terms.sum(axis=(1, 2))

    return my_grad_cam_plus_plus


def two_lines(feature_maps, gradients):
    hirescam = np.maximum(sum(g * a for g, a in zip(gradients, feature_maps, strict=True)), 0)
    layercam = np.maximum(sum(np.maximum(g, 0) * a for g, a in zip(gradients, feature_maps, strict=True)), 0)
    return hirescam, layercam


def xgrad(above=lambda a, g: (a * g).sum(axis=(1, 2)), below=lambda a: a.sum(axis=(1, 2)), epsilon=0):
    return lambda feature_maps, gradients: above(feature_maps, gradients) / (below(feature_maps) + epsilon)


NEARLY = "Nearly right, and yet further off than rounding: is a small number added below a line?"

IN_08 = [
    (check_grad_cam_plus_plus, plus_plus(epsilon=1e-7), NEARLY),
    (check_grad_cam_plus_plus, plus_plus(epsilon=1e-10), NEARLY),
    (check_grad_cam_plus_plus, plus_plus(epsilon=Fraction("1e-7")), NEARLY),
    (check_grad_cam_plus_plus, plus_plus(epsilon=Fraction("1e-3")), "A small number is added below the line"),
    (check_grad_cam_plus_plus, plus_plus(keepdims=False), "(S_k has the shape (K,), g has (K, H, W)"),
    (check_grad_cam_plus_plus, plus_plus(factor=3), "It is 3 times the right one, everywhere."),
    (check_grad_cam_plus_plus, plus_plus(where=True), "(Is something below the line 0?"),
    (check_cell_by_cell, lambda a, g: two_lines(a, g)[::-1], "That is layercam: look at the order of what you return."),
    (check_cell_by_cell, lambda a, g: [one / 2 for one in two_lines(a, g)], "It is 1/2 times the right one"),
    (check_cell_by_cell, lambda a, g: (two_lines(a, g)[0],) * 2, "The ReLU on the gradients is missing"),
    (check_cell_by_cell, lambda a, g: two_lines(a, g)[0], "Your function should return two things"),
    (check_xgrad_alphas, xgrad(epsilon=1e-7), NEARLY),
    (check_xgrad_alphas, xgrad(epsilon=Fraction(1, 10**8)), NEARLY),
    (check_xgrad_alphas, xgrad(above=lambda a, g: g.sum(axis=(1, 2)), below=lambda a: a[0].size), "Those are the α of"),
    (check_xgrad_alphas, xgrad(below=lambda a: a.sum()), "You divide by the sum of all maps"),
    (check_xgrad_alphas, xgrad(below=lambda a: abs(a).sum(axis=(1, 2))), "You divide by Σ|A^k|"),
    (check_xgrad_alphas, xgrad(below=lambda a: a[0].size), "You divide by the number of cells"),
    (check_xgrad_alphas, lambda a, g: a.sum(axis=(1, 2)) * g.sum(axis=(1, 2)) / a.sum(axis=(1, 2)), "(Σ A)(Σ g) / Σ A"),
    (check_xgrad_alphas, lambda a, g: a * g / a.sum(axis=(1, 2)), "(S_k has the shape (K,), g has (K, H, W)"),
    (check_blind_spot, [[[1]], [[1]]], "feature_maps should be maps, (K, H, W): three lists inside each other; yours "),
    (check_blind_spot, ([[[1]]], [[[1]], [[-2]]]), "Both should have the same shape"),
    (check_blind_spot, ([[[1, 2]]], [[[3, -4]]]), "With one map and A ≥ 0, the two methods are the same map"),
    (check_blind_spot, ([[[-1]], [[1]]], [[[1]], [[1]]]), "A comes from a ReLU here, so no cell is negative"),
    (check_blind_spot, ([[[1, 1]], [[1, 1]]], [[[2, 2]], [[-3, -1]]]), "HiResCAM is not empty: at (0, 1) the sum of"),
    (check_blind_spot, ([[[1]], [[1]]], [[[-1]], [[-2]]]), "LayerCAM is empty, too: no cell has A > 0 and g > 0"),
    (check_blind_spot, ([[[1, 0]], [[0, 1]]], [[[-1, 2]], [[2, -1]]]), "LayerCAM is empty, too"),
]

# --- 10 --------------------------------------------------------------------------------------------------

SIDES = {"y": [-7, 2], "left": -8, "dx": [-5, -7, -1], "right": -8}  # W is 2 1 -2 / -3 -3 1, x -3 3 2, u 2 3

IN_10 = [
    (check_both_sides, SIDES | {"y": [1, -5]}, "You add up the rows of W"),
    (check_both_sides, SIDES | {"y": [13, 20]}, "A minus got lost on the way"),
    (check_both_sides, SIDES | {"y": [-14, 6]}, "u is in it already"),
    (check_both_sides, SIDES | {"left": -5}, "That is the sum of y"),
    (check_both_sides, SIDES | {"left": [-14, 6]}, "These are the products"),
    (check_both_sides, SIDES | {"dx": [-1, -2, -1]}, "You add up the columns of W"),
    (check_both_sides, SIDES | {"dx": [0, -3, -4]}, "The two u are exchanged"),
    (check_both_sides, SIDES | {"dx": [15, -21, -2]}, "x is in it already"),
    (check_both_sides, SIDES | {"right": -13}, "That is the sum of dx"),
    (check_both_sides, SIDES | {"left": 53}, "That is <y, y>"),
    (check_both_sides, SIDES | {"right": 75}, "That is <dx, dx>"),
    (check_both_sides, SIDES | {"right": 38}, "A minus got lost on the way"),
    (check_both_sides, SIDES | {"left": 8}, "The sign is turned"),
    (check_both_sides, [1, 2], "Your findings should be a dictionary with the keys 'y', 'left', 'dx', 'right'."),
    (check_counterexample, {"u": 1, "x": 1}, "The law holds there: <ReLU(x), u> = 1 = <x, dx>. No x is negative"),
    (check_counterexample, {"u": [1, 2], "x": [0, 3]}, "The law holds there: <ReLU(x), u> = 6 = <x, dx>. No x is"),
    (check_counterexample, {"u": 0, "x": -1}, "The law holds there: <ReLU(x), u> = 0 = <x, dx>. Where x is negative"),
    (check_counterexample, {"u": [1, -1], "x": [-1, -1]}, "The law holds there: <ReLU(x), u> = 0 = <x, dx>. dx is"),
    (check_counterexample, {"u": [1, 2], "x": -1}, "u and x should have the same shape; yours have (2,) and (1,)."),
    (check_counterexample, {"u": [], "x": []}, "u is empty"),
    (check_counterexample, {"u": 1, "x": np.nan}, "x: value must hold finite numbers"),
    (check_counterexample, {"u": 1}, "Your findings should be a dictionary with the keys 'u', 'x'."),
]

PLANTED = [*IN_01, *IN_02, *IN_03, *IN_04, *IN_08, *IN_10]


def test_a_single_number_is_not_called_a_multiple_of_another():
    for wrong in (40, 1000):
        told = refusal(CheckFailed, lambda wrong=wrong: check_both_sides(SIDES | {"right": wrong}))
        assert "times the right one" not in told
        assert "too large" not in told


@pytest.mark.parametrize(("check", "answer", "beginning"), PLANTED)
def test_a_planted_answer_gets_its_hint(check, answer, beginning):
    lines = refusal(CheckFailed, lambda: check(answer)).split("\n")
    assert any(line.startswith(beginning) for line in lines), lines


@pytest.mark.parametrize(("change", "beginning"), IN_THE_MYSTERY)
def test_a_planted_procedure_gets_its_hint(change, beginning):
    message = refusal(CheckFailed, lambda: check_mystery(findings() | change()))
    assert message.startswith(beginning)


def test_the_answers_are_right_but_for_what_is_planted(capsys):
    right = [
        (check_grad_cam, cam()),
        (check_network, network()),
        (check_conv_backward, conv()),
        (check_conv_with_stride, of_one_map(conv())),
        (check_shares, shares()),
        (check_energy, energy_by_loops()),
        (check_grad_cam_plus_plus, plus_plus()),
        (check_cell_by_cell, two_lines),
        (check_xgrad_alphas, xgrad()),
        (check_both_sides, SIDES),
        (check_by_hand, PENCIL | {"alphas": [1.25, 0.75]}),
        (check_find_the_bug, FOUND),
        (check_mystery, findings()),
        (check_counterexample, {"u": [-2], "x": as_fractions(["-1/3"])}),
    ]
    for check, answer in right:
        check(answer)
        assert capsys.readouterr().out.startswith("✓ ")
    assert worked_example.IMAGE.shape == (1, 4, 4)  # what the kernels of notebook 02 are laid on
