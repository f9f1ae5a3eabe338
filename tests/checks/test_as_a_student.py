"""Answers that were given by somebody who had nothing but the notebooks, and what would have helped."""

import re
from fractions import Fraction

import numpy as np
import pytest
from answers import solution
from helpers import refusal

from numpycam import worked_example
from numpycam.checks import (
    CheckFailed,
    check_alphas,
    check_bends,
    check_by_hand,
    check_cam,
    check_deletion,
    check_divided,
    check_drop,
    check_feature_map,
    check_gap_alphas,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_nearest,
    check_normalise,
    check_rank_correlation,
    check_split,
    heat_by_hand,
    kernel_by_hand,
    maps_by_hand,
)
from numpycam.methods import hirescam

NO_NUMBER = "(That axis has the length 2 here: take it from the argument, and write no number.)"


def collected_in_zeros(gradients):
    alphas = np.zeros(len(gradients))
    for k, g in enumerate(gradients):
        alphas[k] = g.sum() / g.size
    return alphas


def three_maps(gradients):
    return np.array([gradients[k].sum() / gradients[k].size for k in range(3)])


def with_max(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    weighted_sum = (alphas[:, None, None] * feature_maps).sum(axis=0)
    return alphas, weighted_sum, max(weighted_sum, 0)


def in_one_number(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    weighted_sum = (alphas[:, None, None] * feature_maps).sum()
    return alphas, weighted_sum, np.maximum(weighted_sum, 0)


def with_dot(feature_maps, gradients):
    alphas = gradients.sum(axis=(1, 2)) / gradients[0].size
    weighted_sum = np.dot(alphas, feature_maps)
    return alphas, weighted_sum, np.maximum(weighted_sum, 0)


def left_alone_if(is_empty):
    """A map is divided by its largest size unless it seems empty."""
    return lambda heat: heat if is_empty(heat) else heat / np.abs(heat).max()


def split(share_if):
    """The two parts, and what ``share_if`` says of them; if it says nothing, the right share."""

    def answer(weighted_sum):
        positive, negative = np.maximum(weighted_sum, 0), np.maximum(-weighted_sum, 0)
        known = share_if(weighted_sum, positive)
        return positive, negative, negative.sum() / np.abs(weighted_sum).sum() if known is None else known

    return answer


def drop(erased, of=lambda c: c):
    """The drop where ``erased(copy, where)`` has written zeros."""

    def answer(network, image, where, c):
        other = image.copy()
        erased(other, where)
        return network(image[None])[0, of(c)] - network(other[None])[0, of(c)]

    return answer


def erase_first_channel(image, where):
    image[0, where] = 0


def erase_all(image, where):
    image[:, where] = 0


def weights_by(divide):
    """The weights of Grad-CAM++, with ``divide(a, divisor, used)`` for a = ReLU(g)."""

    def answer(feature_maps, gradients):
        divisor = 2 + feature_maps.sum(axis=(1, 2), keepdims=True) * gradients
        return divide(np.maximum(gradients, 0), divisor, gradients > 0).sum(axis=(1, 2))

    return answer


def past_x(kinks, slopes, x):
    ends = np.array([0, *kinks, x])
    return slopes[int((kinks < x).sum())] * x, (slopes * (ends[1:] - ends[:-1])).sum()


def normalise(heat):
    return heat / np.abs(heat).max() if heat.any() else heat


def ranks(values):
    """As the notebook has them: floats."""
    return np.argsort(np.argsort(values, axis=None)).astype(float)


def squares(one, other):
    """Σ d², a float, and n."""
    return ((ranks(one) - ranks(other)) ** 2).sum(), one.size


def without_brackets(one, other):
    total, n = squares(one, other)
    return 1 - 6 * Fraction(int(total)) / n * (n**2 - 1)


def of_floats(one, other):
    total, n = squares(one, other)
    return Fraction(6 * total, n * (n**2 - 1))


def made_of_a_float(one, other):
    total, n = squares(one, other)
    return Fraction(float(1 - 6 * total / (n * (n**2 - 1))))


NEED_NOT_BE_ZEROS = "A map whose {} is 0 need not be a map of zeros: ask np.any(heat)."

HELPED = [
    (check_alphas, collected_in_zeros, "An array of np.zeros holds floats: collect the numbers in a list"),
    (check_alphas, three_maps, NO_NUMBER),
    (check_grad_cam, with_max, "(max, if and `and` take one number. np.maximum and np.where go cell by cell.)"),
    (check_grad_cam, in_one_number, "That is one number, the sum of them all"),
    (check_grad_cam, with_dot, "(dot and @ add up along one axis of each"),
    (check_normalise, left_alone_if(lambda heat: heat.sum() == 0), NEED_NOT_BE_ZEROS.format("sum")),
    (check_normalise, left_alone_if(lambda heat: heat.max() == 0), NEED_NOT_BE_ZEROS.format("maximum")),
    (check_normalise, left_alone_if(lambda heat: heat.max() < 1e-12), "A map with tiny numbers is no map of zeros"),
    (check_normalise, lambda heat: 7 * normalise(heat), "It is 7 times the right one, everywhere."),  # 0 is 7 · 0, too
    (check_split, split(lambda total, positive: 0 if total.sum() == 0 else None), "Where L adds up to 0"),
    (check_split, split(lambda total, positive: 0 if positive.sum() == 0 else None), "Where nothing speaks for the"),
    (check_cam, lambda feature_maps, head, c: head[c] @ feature_maps, "(dot and @ add up along one axis of each"),
    (check_gap_alphas, lambda weights, height, width: weights / height * width, "w / height * width is"),
    (check_grad_cam_plus_plus, weights_by(lambda a, divisor, used: a[used] / divisor[used]), "(a[used] is a flat copy"),
    (check_grad_cam_plus_plus, weights_by(lambda a, divisor, used: a * (a[used] / divisor[used])), "(a[used] is a "),
    (check_drop, drop(erase_first_channel), "You erase the first colour only"),
    (check_drop, drop(erase_all, of=lambda c: 0), "You always take score 0: take score c."),
    (check_rank_correlation, without_brackets, "a / b * c is (a / b) * c"),
    (check_rank_correlation, of_floats, "(Fraction takes whole numbers and Fractions, no floats"),
    (check_rank_correlation, made_of_a_float, "Right up to rounding, but somewhere a float came in."),
    (check_bends, past_x, "You go on past x, and back"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answer", "beginning"), HELPED)
def test_an_answer_of_a_student_is_told_what_helps(check, answer, beginning):
    lines = refusal(CheckFailed, lambda: check(answer)).split("\n")
    assert any(line.startswith(beginning) for line in lines), lines
    assert not any("is that a size of the arrays?" in line for line in lines)


def test_the_library_s_own_function_is_called_by_its_name():
    network = worked_example.network()

    def answer(feature_maps, gradients):
        hirescam(network, worked_example.IMAGE, 0)
        return solution(check_grad_cam)(feature_maps, gradients)

    assert "numpycam's own hirescam," in refusal(CheckFailed, lambda: check_grad_cam(answer))


def wrong_at_the_end(values):
    wrong = np.array(values, dtype=object)
    wrong.flat[-1] += 1000
    return wrong


def wrong_by_hand():
    """For each exercise by hand, an answer whose last number is wrong."""
    names = "alphas", "weighted_sum", "localization_map"
    by_hand = dict(zip(names, solution(check_grad_cam)(*maps_by_hand()), strict=True))
    yield check_by_hand, by_hand | {"alphas": wrong_at_the_end(by_hand["alphas"])}
    heat = heat_by_hand()
    yield check_divided, wrong_at_the_end(heat / heat.max())
    yield check_nearest, wrong_at_the_end(heat.repeat(2, axis=0).repeat(2, axis=1))
    yield check_feature_map, wrong_at_the_end(kernel_by_hand())
    yield check_deletion, {"curve": wrong_at_the_end([0, 0, 0, 0, 0]), "area": 0}


@pytest.mark.parametrize(("check", "answer"), wrong_by_hand())
def test_numbers_by_hand_are_not_told(check, answer):
    """The message says which number is wrong, and not what it should be."""
    told = refusal(CheckFailed, lambda: check(answer))
    assert "Expected" not in told
    assert re.search(r"\n[0-9]+ of [0-9]+ numbers are not right\. The first is -?[0-9/]+, at index [0-9(]", told)
