"""Each mistake of each table gets its own hint; so do mistakes as students make them, written by hand."""

from functools import partial

import numpy as np
import pytest
from answers import EXERCISES, solution, with_stage
from helpers import refusal, some
from mystery import check_mystery, drawn, drops

from numpycam import worked_example
from numpycam.checks import (
    CheckFailed,
    check_cell_by_cell,
    check_conv_backward,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_network,
    check_relu_backward,
    check_residual_backward,
    check_shares,
    check_twin,
)
from numpycam.checks.two_suspects import WRONG_FALLS


def rows():
    """For each row of each table: the check of an answer with this mistake, and how the message begins."""
    for check, exercise in EXERCISES.items():
        for name, stage in exercise.stages.items():
            for number, (wrong, hint) in enumerate(stage.mistakes):
                action = partial(check, with_stage(check, name, wrong))
                yield pytest.param(action, f"{stage.heading}\n{hint}\n", id=f"{check.__name__}-{name}-{number}")
    for number, (wrong, hint) in enumerate(WRONG_FALLS):
        for seed in (0, 3):  # the network that looks at the grass is the first, or the second
            action = partial(check_wrong_experiment, wrong, seed)
            yield pytest.param(action, hint, id=f"check_mystery-{number}-seed-{seed}")


def check_wrong_experiment(wrong, seed):
    check_mystery(drops(seed, what=wrong) | {"looks at the grass": "second"} | drawn(), seed)


@pytest.mark.parametrize(("action", "beginning"), some(rows()))
def test_every_mistake_of_every_table_gets_its_own_hint(action, beginning, capsys):
    assert refusal(CheckFailed, action).startswith(beginning)
    assert capsys.readouterr().out == ""


# --- By hand --------------------------------------------------------------------------------------------
# The tables above are held against themselves: these are not, and are written as students write.

EXAMPLE = worked_example.FEATURE_MAPS, worked_example.GRADIENTS
RIGHT_SHARES = solution(check_shares)


def alphas_as_sums(feature_maps, gradients):
    alphas = np.array([g.sum() for g in gradients])
    total = sum(alpha * a for alpha, a in zip(alphas, feature_maps, strict=True))
    return alphas, total, np.maximum(total, 0)


def relu_too_early(feature_maps, gradients):
    alphas = np.array([g.sum() / g.size for g in gradients])
    total = sum(alpha * a for alpha, a in zip(alphas, feature_maps, strict=True))
    heat = sum(np.maximum(alpha * a, 0) for alpha, a in zip(alphas, feature_maps, strict=True))
    return alphas, total, heat


def learned_by_heart(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    _, total, heat = solution(check_grad_cam)(*EXAMPLE)
    return alphas, total, heat


def nothing_subtracted(feature_maps, gradients):
    kernels = np.zeros_like(feature_maps)[:, None]
    for k, ((top_left, top_right), (bottom_left, bottom_right)) in enumerate(feature_maps):
        kernels[k, 0] = [[bottom_right, top_right], [top_left, bottom_left]]
    return kernels, gradients.reshape(1, -1)


def gate_of_the_output(u, x):
    y = np.maximum(x, 0)
    return np.where(y >= 0, u, 0)


def open_at_0(u, x):
    dx = u.copy()
    dx[x < 0] = 0
    return dx


def conv_by_loops(u, x, weight, stride, padding, flip=False):
    (down, right), (top, left), (height, width) = stride, padding, weight.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    dpadded, dw = np.zeros_like(padded), np.zeros_like(weight)
    stamp = weight[:, :, ::-1, ::-1] if flip else weight
    for n, o, i, j in np.ndindex(u.shape):
        rows = slice(i * down, i * down + height)
        columns = slice(j * right, j * right + width)
        dpadded[n, :, rows, columns] += u[n, o, i, j] * stamp[o]
        dw[o] += u[n, o, i, j] * padded[n, :, rows, columns]
    return dpadded[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw


def without_stride(u, x, weight, stride, padding):
    return conv_by_loops(u, x, weight, (1, 1), padding)


def channels_exchanged(u, x, weight, stride, padding):  # raises where O is not C, after it was wrong where they are
    return conv_by_loops(u, x, weight.transpose(1, 0, 2, 3), stride, padding)


def shortcut_forgotten(u, x, body):
    return body.backward(u, x)


def at_y(u, x, body):
    y = body(x) + x
    return body.backward(u, y) + u


def twice_u(u, x, body):
    for_both = u + u
    return body.backward(for_both, x) + for_both


def mean_of_both(u, x, body):
    return (body.backward(u, x) + u) / 2


def u_shared(u, x, body):
    half = u / 2
    return body.backward(half, x) + half


def twin_with_all_channels(w1, w2):
    first, second = twin_by_loops(w1, w2)
    shortcut = second[:, w2.shape[1] :]
    shortcut[:] = shortcut.sum(axis=1, keepdims=True)
    return first, second


def twin_by_loops(w1, w2, row=None, total=None):
    channels, middle = w2.shape[:2]
    first, second = np.pad(w1, [(0, channels), *3 * [(0, 0)]]), np.pad(w2, [(0, 0), (0, channels), *2 * [(0, 0)]])
    for c in range(channels):
        for kernels in (first[middle + c, c], second[c, middle + c]):
            height, width = kernels.shape
            kernels[height // 2 if row is None else row, width // 2 if row is None else row] = 1
    if total is not None:
        second[:, middle:] *= total
    return first, second


def share_of_alpha(feature_maps, alphas, k, mask):
    _, energy = RIGHT_SHARES(feature_maps, alphas, k, mask)
    return abs(alphas[k]) / sum(abs(alpha) for alpha in alphas), energy


def mean_inside_by_mean(feature_maps, alphas, k, mask):
    share, _ = RIGHT_SHARES(feature_maps, alphas, k, mask)
    heat = np.maximum((alphas[:, None, None] * feature_maps).sum(axis=0), 0)
    inside = [value for value, is_inside in zip(heat.flat, mask.flat, strict=True) if is_inside]
    everywhere = list(heat.flat)
    if not any(everywhere):
        return share, 0
    return share, (sum(inside) / len(inside)) / (sum(everywhere) / len(everywhere))


def grad_cam_instead(feature_maps, gradients):
    _, layercam = solution(check_cell_by_cell)(feature_maps, gradients)
    return solution(check_grad_cam)(feature_maps, gradients)[2], layercam


def mean_in_the_divisor(feature_maps, gradients):
    weights = []
    for a, g in zip(feature_maps, gradients, strict=True):
        positive = g[g > 0]
        weights.append(sum(positive / (2 + a.sum() / a.size * positive)))
    return np.array(weights)


BY_HAND = [
    (check_grad_cam, alphas_as_sums, "alphas", "They are Z = H·W times too large"),
    (check_grad_cam, relu_too_early, "localization_map", "There is a ReLU before the sum"),
    (check_grad_cam, learned_by_heart, "weighted_sum", "That is right for the worked example only"),
    (check_network, nothing_subtracted, "kernels", "Some patches see several weights at once"),
    (check_relu_backward, gate_of_the_output, "dx", "There is no gate"),
    (check_relu_backward, open_at_0, "dx", "At x = 0 your gate is open"),
    (check_conv_backward, partial(conv_by_loops, flip=True), "dx", "The kernel is turned by 180°"),
    (check_conv_backward, without_stride, "dx", "The stride is missing"),
    (check_conv_backward, channels_exchanged, "dx", "The channels are exchanged"),
    (check_residual_backward, shortcut_forgotten, "dx", "The shortcut is missing"),
    (check_residual_backward, at_y, "dx", "You ask the body at y"),
    (check_residual_backward, twice_u, "dx", "Twice too much"),
    (check_residual_backward, mean_of_both, "dx", "That is the mean of the two ways"),
    (check_residual_backward, u_shared, "dx", "That is the mean of the two ways, or u was shared"),
    (check_twin, partial(twin_by_loops, row=0), "first", "The 1 of your δ is in the upper left corner"),
    (check_twin, partial(twin_by_loops, total=0), "second", "The shortcut is missing"),
    (check_twin, partial(twin_by_loops, total=2), "second", "x is added twice"),
    (check_twin, twin_with_all_channels, "second", "Your S adds up all channels"),
    (check_shares, share_of_alpha, "share", "That is the share of |α| alone"),
    (check_shares, mean_inside_by_mean, "energy", "You divide by the mask's area, or a mean by a mean"),
    (check_cell_by_cell, grad_cam_instead, "hirescam", "You take the mean of each gradient map first"),
    (check_grad_cam_plus_plus, mean_in_the_divisor, "weights", "You take the mean of A^k"),
]


@pytest.mark.parametrize(("check", "answer", "stage", "hint"), BY_HAND)
def test_mistakes_written_by_hand_get_their_hints(check, answer, stage, hint):
    message = refusal(CheckFailed, lambda: check(answer))
    assert message.startswith(stage)
    assert f"\n{hint}" in message
    assert "\nThe inputs were " in message


def test_the_answers_by_hand_are_right_but_for_their_mistakes(capsys):
    check_conv_backward(conv_by_loops)
    check_twin(twin_by_loops)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓", "✓"]
