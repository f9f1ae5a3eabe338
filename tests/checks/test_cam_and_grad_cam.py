"""The checks of notebook 07: answers as students write them, and the counterexample."""

from fractions import Fraction

import numpy as np
import pytest
from answers import solution
from helpers import refusal

from numpycam import GlobalAvgPool2d, Linear, Network, grad_cam, worked_example
from numpycam.checks import CheckFailed, check_cam, check_gap_alphas, check_gap_head, check_lookalike, grade
from numpycam.checks.cam_and_grad_cam import WRONG_LOOKALIKES
from numpycam.exact import as_fractions
from numpycam.methods import hirescam
from numpycam.worked_example import ALPHAS, FEATURE_MAPS


def cam_by_loops(feature_maps, head, c):
    kernels, height, width = feature_maps.shape
    return [[sum(head[c][k] * feature_maps[k][i][j] for k in range(kernels)) for j in range(width)]
            for i in range(height)]  # fmt: skip


def cam_by_einsum(feature_maps, head, c):
    return np.einsum("k,kij->ij", head[c], feature_maps)


def gap_head_as_lists(feature_maps, alphas, score):
    bias = score
    for alpha, one in zip(alphas, feature_maps, strict=True):
        for value in one.ravel():
            bias -= alpha * value
    return [alpha * feature_maps[0].size for alpha in alphas], bias


def lookalike_by_two_maps(feature_maps, alphas):
    """A step in the first map, paid back in the second."""
    weights = [[[alpha] * len(row) for row in one] for alpha, one in zip(alphas, feature_maps, strict=True)]
    earned = feature_maps[0][0][0] - feature_maps[0][0][1]
    price = feature_maps[1][0][0] - feature_maps[1][0][1]
    for k, step in ((0, Fraction(1)), (1, -earned / price)):
        weights[k][0][0] += step
        weights[k][0][1] -= step
    return weights


RIGHT = [
    (check_cam, cam_by_loops),
    (check_cam, cam_by_einsum),
    (check_gap_alphas, lambda weights, height, width: [w / height / width for w in weights]),
    (check_gap_head, gap_head_as_lists),
    (check_lookalike, lookalike_by_two_maps),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_a_right_answer_in_other_clothes_passes(check, answer):
    for variant in (0, 1, 7):
        assert check(answer, variant=variant).is_right


def classes_from_1(feature_maps, head, c):
    return cam_by_loops(feature_maps, head, c - 1)


def summed_scores(feature_maps, head, c):
    total = 0
    for k, one in enumerate(feature_maps):
        total += head[c][k] * one.sum() / one.size
    return total


def lookalike_from_a(feature_maps, alphas):
    """The weights follow A."""
    return [alpha * one * one.size / one.sum() if one.sum() else one * 0
            for alpha, one in zip(alphas, feature_maps, strict=True)]  # fmt: skip


def one_cell_changed(feature_maps, alphas):
    weights = as_fractions(lookalike_by_two_maps(feature_maps, alphas))
    weights[0, 0, 0] += 1
    return weights


def two_cells_changed(feature_maps, alphas):
    weights = np.zeros_like(feature_maps) + alphas[:, None, None]
    weights[0, 0, 0] += 1
    weights[0, 1, 1] -= 1
    return weights


BY_HAND = [
    (check_cam, classes_from_1, "cam", "That is another class: row c of the head"),
    (check_cam, summed_scores, "cam", "That is the score: you average each map first"),
    (check_cam, lambda a, head, c: np.maximum(cam_by_einsum(a, head, c), 0), "cam", "There is a ReLU in it"),
    (check_gap_alphas, lambda w, height, width: w / (height + width), "alphas", "You divide by H + W"),
    (check_gap_alphas, lambda w, height, width: w, "alphas", "These are the weights"),
    (check_gap_head, lambda a, alphas, y: (alphas, y - (alphas[:, None, None] * a).sum()), "weights",
     "These are the α"),
    (check_gap_head, lambda a, alphas, y: (a[0].size * alphas, y), "bias", "That is the score: take away"),
    (check_gap_head, lambda a, alphas, y: (a[0].size * alphas, y - sum(a[0].size * alphas * a.sum(axis=(1, 2)))),
     "bias", "You add up w_k A^k over the cells"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answer", "stage", "hint"), BY_HAND)
def test_mistakes_written_by_hand_get_their_hints(check, answer, stage, hint):
    message = refusal(CheckFailed, lambda: check(answer))
    assert message.startswith(stage)
    assert f"\n{hint}" in message


# --- The look-alike ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "hint"), WRONG_LOOKALIKES)
def test_every_wrong_lookalike_gets_its_own_hint(wrong, hint):
    assert refusal(CheckFailed, lambda: check_lookalike(wrong)) == f"weights: a look-alike of the GAP head.\n{hint}"


@pytest.mark.parametrize(
    ("answer", "beginning"),
    [
        (lookalike_from_a, "Your weights follow A, with the mean α"),
        (one_cell_changed, "Grad-CAM sees the difference: the means of your weights are "),
        (two_cells_changed, "Grad-CAM is the same, but the score is not: yours is "),
        (lambda a, alphas: np.zeros_like(a).reshape(1, -1), "weights should have the shape (K, H, W)"),
        (lambda a, alphas: lookalike_by_two_maps(a, alphas + Fraction(1, 3)), "Grad-CAM sees the difference"),
        (lambda a, alphas: as_fractions(lookalike_by_two_maps(a, alphas)).astype(float) * 1.01,
         "Grad-CAM sees the difference"),
    ],
)  # fmt: skip
def test_a_lookalike_that_is_none_is_told_what_does_not_hold(answer, beginning):
    assert beginning in refusal(CheckFailed, lambda: check_lookalike(answer)).split("\n")[-1]


def test_rounding_in_a_lookalike_is_named():
    def rounded(a, alphas):
        return solution(check_lookalike)(a, alphas) + 1e-12

    message = refusal(CheckFailed, lambda: check_lookalike(rounded))
    assert "Right up to rounding, but somewhere a float came in." in message


def test_a_lookalike_is_one():
    """What the check calls a look-alike, the methods see so: the head is run, not only its formula."""
    weights = solution(check_lookalike)(FEATURE_MAPS, ALPHAS)
    lookalike = worked_example.network().with_parameters({"linear.weight": np.stack([weights.ravel()] * 2)})
    gap_head = Linear(np.stack([4 * ALPHAS] * 2))
    layers = [*worked_example.network().split("features")[0].layers, ("gap", GlobalAvgPool2d()), ("linear", gap_head)]
    gap = Network(layers, target_layer="features")
    image = worked_example.IMAGE
    assert lookalike(image[None])[0, 0] == gap(image[None])[0, 0]
    assert (grad_cam(lookalike, image, 0).weighted_sum == grad_cam(gap, image, 0).weighted_sum).all()
    assert (hirescam(lookalike, image, 0).weighted_sum != hirescam(gap, image, 0).weighted_sum).any()


def test_points_are_for_a_part():
    assert grade(check_gap_head, lambda a, alphas, y: (a[0].size * alphas, y), points=2) == 1
    assert grade(check_lookalike, two_cells_changed) == 0
