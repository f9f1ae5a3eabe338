"""The checks of notebook 06: cells by hand, heads with the same probabilities, mistakes as students write them."""

from fractions import Fraction

import numpy as np
import pytest
from answers import EXERCISES, solution, solutions
from helpers import refusal, same, some

from numpycam import grad_cam, grad_cam_from_maps, worked_example
from numpycam.checks import (
    CheckFailed,
    check_counterfactual,
    check_removed,
    check_row,
    check_same_probabilities,
    check_split,
    signed_by_hand,
)
from numpycam.checks.another_head import _HEADS, ROW
from numpycam.checks.negative_evidence import _REMOVED
from numpycam.exact import as_fractions
from numpycam.worked_example import FEATURE_MAPS, IMAGE

VARIANTS = pytest.mark.parametrize("variant", some(range(30)))
HEAD = worked_example.network()["linear"].weight


@VARIANTS
@pytest.mark.parametrize("check", [check_counterfactual, check_split, check_row])
def test_the_cases_of_a_variant_tell_all_mistakes_from_the_right_answer(check, variant):
    exercise = EXERCISES[check]
    for stage in exercise.stages.values():
        cases = [*exercise.cases(variant)]
        for wrong, hint in stage.mistakes:
            made = [np.asarray(wrong(*case.values())) for case in cases]
            right = [np.asarray(stage.right(*case.values())) for case in cases]
            assert not all(same(one, other) for one, other in zip(made, right, strict=True)), hint


@VARIANTS
def test_the_solutions_pass_whatever_is_drawn(variant, capsys):
    for check in (check_counterfactual, check_split, check_row):
        check(solution(check), variant=variant)
    assert capsys.readouterr().out.count("✓ ") == 3


# --- Which cells -----------------------------------------------------------------------------------------


@VARIANTS
def test_the_negative_cells_in_any_order_pass(variant, capsys):
    total = signed_by_hand(variant)
    cells = [(i, j) for i, j in np.ndindex(2, 3) if total[i, j] < 0]
    for answer in (cells, cells[::-1], {*cells}, tuple(map(list, cells)), np.argwhere((total < 0).astype(bool))):
        check_removed(answer, variant=variant)
    assert capsys.readouterr().out.count("✓ ") == 5


@VARIANTS
def test_every_mistake_about_the_cells_gets_its_own_hint(variant):
    for wrong, hint in _REMOVED:
        cells = sorted(wrong(signed_by_hand(variant)))
        message = refusal(CheckFailed, lambda cells=cells: check_removed(cells, variant=variant))
        assert message in {other for made, other in _REMOVED if made(signed_by_hand(variant)) == frozenset(cells)}
        assert message == hint or hint in message


@pytest.mark.parametrize(("answer", "message"), [
    ([(0, 0), (1, 0), (5, 5)], "There is no cell (5, 5) in a map of 2 rows and 3 columns, counted from 0."),
    ([(0, 0), (0, 2)], "At (0, 2) L is 1: the ReLU leaves it as it is."),
    ([(1, 0)], "1 of 2 cells, and these are right. Which other cell is negative?"),
    ([-3, -1], "Each cell should be a pair (row, column), its place and not its number; found -3."),
    ([(0.0, 1.0)], "Rows and columns should be whole numbers; found (0.0, 1.0)."),
    (2, "my_removed should be a list of (row, column); yours is int."),
    ([(0, ...)], "my_removed is not there yet: replace the dots."),
])  # fmt: skip
def test_what_is_no_list_of_the_negative_cells_is_told_so(answer, message):
    assert refusal(CheckFailed, lambda: check_removed(answer)) == message


# --- Another head, the same p ----------------------------------------------------------------------------


def test_every_mistaken_head_gets_its_own_hint():
    for wrong, hint in _HEADS:
        head = wrong(HEAD).tolist()
        assert refusal(CheckFailed, lambda head=head: check_same_probabilities(head)) == hint


@pytest.mark.parametrize("alpha", [0, -1, Fraction(-1, 3)])
def test_every_head_with_the_same_p_and_an_empty_map_passes(alpha, capsys):
    """Where A^2 alone counts, and against the cat, L = α_2 A^2 has no positive cell: A^2 has no negative one."""
    row = 0 * HEAD[0]
    row[4:8] += alpha
    assert check_same_probabilities((HEAD - HEAD[0] + row).tolist()).points == 2
    assert capsys.readouterr().out.startswith("✓ ")


def test_the_solution_is_true_for_the_network_itself():
    """The scores differ, their difference does not, and the map of the cat is empty: for pictures that nobody drew."""
    network = worked_example.network()
    my_head = solutions("06_negative_evidence")["my_head"]
    layers = [("features", network["features"]), ("flatten", network["flatten"])]
    other = type(network)([*layers, ("linear", type(network["linear"])(my_head))], target_layer="features")
    images = as_fractions(np.random.default_rng(6).integers(-3, 4, (20, 1, 4, 4)))
    before, after = network(images), other(images)
    assert same(before[:, 0] - before[:, 1], after[:, 0] - after[:, 1])
    assert not same(before, after)
    assert not grad_cam(other, images, 0).weighted_sum.any()


def test_a_head_in_decimals_is_as_good_as_one_in_fractions(capsys):
    check_same_probabilities([[0] * 12, [-3, -3, -5, -2, -3, -5, -7, -3, 0.9, 4.1, 0.8, 1.8]])
    assert capsys.readouterr().out.startswith("✓ The same p for every picture")


def with_weight(row, column, value):
    head = HEAD - HEAD[0]
    head[row, column] += value
    return head.tolist()


@pytest.mark.parametrize(("answer", "message", "points"), [
    (with_weight(1, 4, 2),
     "p changes: it depends on y_cat - y_elephant, and weight 4 of this difference was 3; now it is 1. "
     "Add the same row to both rows.", 1),
    (with_weight(0, 11, 4),
     "p changes: it depends on y_cat - y_elephant, and weight 11 of this difference was -9/5 = -1.8; now it is "
     "11/5 = 2.2. Add the same row to both rows.", 0),
    ((HEAD - HEAD[0] + 1).tolist(),
     "p stays, but the cat's map is not empty: at (0, 0) it is 1/2 = 0.5. Which row, added to the cat's, leaves "
     "nothing of it?", 1),
    (HEAD[0].tolist(), "my_head should have the shape (classes, K · H · W) = (2, 12) here; yours has (12,).", 0),
    ((HEAD.astype(float) * np.nan).tolist(), "my_head should hold finite numbers.", 0),
    ([["a"] * 12] * 2, "my_head should hold numbers only; yours has str at index (0, 0).", 0),
])  # fmt: skip
def test_what_is_no_counterexample_is_told_so(answer, message, points):
    with pytest.raises(CheckFailed) as failed:
        check_same_probabilities(answer)
    assert (str(failed.value), failed.value.points) == (message, points)


# --- The row ---------------------------------------------------------------------------------------------


def test_every_row_that_makes_the_map_passes(capsys):
    """Grad-CAM sees the mean of each map of v alone: so v may be its mean everywhere, and p is another matter."""

    def flat(weights):
        v = weights[1] - weights[0]
        return 0 * v + v.sum(axis=(1, 2), keepdims=True) / v[0].size

    check_row(flat)
    assert capsys.readouterr().out.startswith("✓ With your v, p is the same")


def test_a_row_of_another_shape_is_told_the_right_one():
    message = refusal(CheckFailed, lambda: check_row(lambda weights: weights[1].ravel()))
    assert message == "v should have the shape (K, H, W) = (3, 2, 2) here; yours has (12,)."


def test_the_first_case_is_the_worked_example():
    case = next(iter(ROW.cases()))
    assert same(case["weights"].reshape(2, 12), HEAD)
    elephant = grad_cam(worked_example.network(), IMAGE, 1)
    assert same(grad_cam_from_maps(FEATURE_MAPS, case["weights"][1]).localization_map, elephant.localization_map)


# --- As students write them ------------------------------------------------------------------------------


def weighted_sum(feature_maps, gradients):
    total = 0 * feature_maps[0]
    for a, g in zip(feature_maps, gradients, strict=True):
        total = total + g.sum() / g.size * a
    return total


def the_usual_map(feature_maps, gradients):
    return np.maximum(weighted_sum(feature_maps, gradients), 0)


def minimum(feature_maps, gradients):
    return np.minimum(weighted_sum(feature_maps, gradients), 0)


def relu_of_each(feature_maps, gradients):
    maps = [np.maximum(-g.sum() / g.size * a, 0) for a, g in zip(feature_maps, gradients, strict=True)]
    return sum(maps)


def negative_gradients(feature_maps, gradients):
    return np.maximum(weighted_sum(feature_maps, np.maximum(-gradients, 0)), 0)


def alphas_as_sums(feature_maps, gradients):
    return np.maximum(-sum(g.sum() * a for a, g in zip(feature_maps, gradients, strict=True)), 0)


def split(total, minus=1, whole=None):
    positive = np.where(total > 0, total, 0)
    negative = np.where(total < 0, -total * minus, 0)
    below = positive.sum() + abs(negative).sum() if whole is None else whole(total, positive)
    return positive, negative, abs(negative).sum() / below if below != 0 else 0


def minus_kept(total):
    return split(total, minus=-1)


def over_the_sum_of_l(total):
    return split(total, whole=lambda total, positive: total.sum())


def over_what_speaks_for_it(total):
    return split(total, whole=lambda total, positive: positive.sum())


def counted(total):
    positive, negative, _ = split(total)
    return positive, negative, Fraction(int((total < 0).sum()), total.size)


def exchanged(total):
    positive, negative, share = split(total)
    return negative, positive, share


def other_row(weights):
    return weights[1]


def turned(weights):
    cat, elephant = weights
    return cat - elephant


def nothing_left(weights):
    cat, _ = weights
    return -cat


@pytest.mark.parametrize(("check", "answer", "hint"), [
    (check_counterfactual, the_usual_map, "That is the map of the class itself"),
    (check_counterfactual, minimum, "That is the negative part with its minus"),
    (check_counterfactual, relu_of_each, "There is a ReLU before the sum"),
    (check_counterfactual, negative_gradients, "You take the negative gradients alone"),
    (check_counterfactual, alphas_as_sums, "It is Z = H·W times too large"),
    (check_split, minus_kept, "It has the minus still"),
    (check_split, over_the_sum_of_l, "You divide by the sum of L, in which for and against cancel"),
    (check_split, over_what_speaks_for_it, "You divide by what speaks for the class"),
    (check_split, counted, "You count the negative cells"),
    (check_split, exchanged, "That is negative: look at the order of what you return."),
    (check_row, other_row, "That is the second row: v is *added*"),
    (check_row, turned, "The sign is turned"),
    (check_row, nothing_left, "With this v the first row is 0, and its map is empty"),
])  # fmt: skip
def test_mistakes_written_by_hand_get_their_hints(check, answer, hint):
    assert f"\n{hint}" in refusal(CheckFailed, lambda: check(answer))


def test_the_answers_by_hand_are_right_but_for_their_mistakes(capsys):
    check_counterfactual(lambda a, g: np.maximum(-weighted_sum(a, g), 0))
    check_split(split)
    assert capsys.readouterr().out.count("✓ ") == 2


def test_a_map_of_zeros_that_is_shared_is_told():
    def answer(total):
        positive, negative = np.maximum(total, 0), np.maximum(-total, 0)
        return positive, negative, negative.sum() / (positive + negative).sum()

    message = refusal(CheckFailed, lambda: check_split(answer))
    assert message.startswith("Your function raised ZeroDivisionError with L of shape (2, 2)")
    assert message.endswith("Then there is nothing to share, and the share is 0: ask before you divide.)")
    assert not refusal(CheckFailed, lambda: check_split(lambda total: total.shapes)).endswith("you divide.)")
