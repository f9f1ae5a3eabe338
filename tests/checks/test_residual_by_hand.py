"""The checks of notebook 03, section 8: which twins are right, what is said of others, and what twins do not share."""

from fractions import Fraction

import numpy as np
import pytest
from answers import solution
from helpers import refusal, same

from numpycam import ReLU, Residual, grad_cam
from numpycam.checks import CheckFailed, check_residual_backward, check_twin
from numpycam.checks.residual_by_hand import TWIN, _between, _body, _conv, _image


def test_a_missing_way_breaks_the_law_and_the_first_block_is_shown_as_a_formula():
    """Of |x|: 1 · 2 + 10 · 1 + 2 · 3 + 20 · 1 + 200 · 2. By the body alone: 10 · 2 · 1 + 2 · 2 · 3 + 200 · 2 · 2."""
    message = refusal(CheckFailed, lambda: check_residual_backward(lambda u, x, body: body.backward(u, x)))
    assert "\nThe adjoint identity fails: <f(x), u> = 438, but <x, dx> = 832.\nThe inputs were u =\n[[[[1 10" in message
    assert message.endswith("\nand x =\n[[[[2 -1 0]\n   [-3 1 -2]]]]\nand body = 2 · ReLU(-1 · x)")


def test_a_drawn_body_is_shown_by_its_shapes():
    def for_one_channel(u, x, body):
        return body.backward(u, x) + u * (x.shape[1] == 1)

    message = refusal(CheckFailed, lambda: check_residual_backward(for_one_channel))
    assert (
        "\nIt is right for the first 3 cases, but not with u of shape (2, 2, 4, 3), x of shape (2, 2, 4, 3), "
        in message
    )
    assert message.endswith("conv1 with a weight of shape (3, 2, 3, 1) and conv2 with a weight of shape (2, 3, 3, 1).")


def test_a_forgotten_argument_of_the_body_is_told():
    message = refusal(CheckFailed, lambda: check_residual_backward(lambda u, x, body: body.backward(u) + u))
    assert message.startswith("Your function raised TypeError with u of shape (1, 1, 2, 3), x of shape (1, 1, 2, 3), ")
    assert message.endswith("\n(The body wants u and what went into it: body.backward(u, x).)")


def test_another_error_is_shown_without_advice():
    message = refusal(CheckFailed, lambda: check_residual_backward(lambda u, x, body: body["conv3"]))
    assert message.startswith("Your function raised ValueError with u of shape (1, 1, 2, 3)")
    assert message.count("\n") == 1  # and the line that raised


# --- The twin --------------------------------------------------------------------------------------------


def unchanged(kernels, middle):
    return kernels


def changed(first=unchanged, second=unchanged):
    """The right twin, with a change of its weights. Each change takes a weight, and the number of maps of W1."""

    def answer(w1, w2):
        one, other = solution(check_twin)(w1, w2)
        return first(one, len(w1)), second(other, len(w1))

    return answer


@pytest.mark.parametrize(("first", "second"), [
    (lambda kernels, middle: kernels[::-1], lambda kernels, middle: kernels[:, ::-1]),
    (lambda kernels, middle: kernels * 3, lambda kernels, middle: kernels * Fraction(1, 3)),
])  # fmt: skip
def test_the_maps_of_a_twin_may_stand_in_another_order_or_have_another_scale(first, second, capsys):
    check_twin(changed(first, second))
    assert capsys.readouterr().out.startswith("✓ The twin has the block's scores, exactly, on 5 blocks.")
    refusal(CheckFailed, lambda: check_twin(changed(first)))
    refusal(CheckFailed, lambda: check_twin(changed(second=second)))


def test_what_went_into_the_twin_is_shown():
    message = refusal(CheckFailed, lambda: check_twin(changed(second=lambda kernels, middle: kernels + 1)))
    assert message.startswith("second: the sum should be the block's, W2 ReLU(W1 x) + x.\nEach number is 1 too large.")
    assert "\nExpected:\n[[[1 18 23]\n" in message
    assert "\nThe x was\n[[[1 3 2]\n  [4 1 2]]]\n" in message
    assert message.endswith("\nThe inputs were w1 =\n[[[[1 2 -1]]]]\nand w2 =\n[[[[3]]]]")


@pytest.mark.parametrize(("answer", "message"), [
    (lambda w1, w2: (w1, w2),
     "first should have the shape (M + C, C, KH, KW) = (2, 1, 1, 3) here; yours has (1, 1, 1, 3)."),
    (changed(second=lambda kernels, middle: kernels[:, :middle]),
     "second should have the shape (C, M + C, KH', KW') = (1, 2, 1, 1) here; yours has (1, 1, 1, 1)."),
])  # fmt: skip
def test_weights_of_another_shape_are_told_the_right_one(answer, message):
    assert refusal(CheckFailed, lambda: check_twin(answer)) == message


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_no_number_makes_no_twin(number):
    message = refusal(CheckFailed, lambda: check_twin(changed(lambda kernels, middle: np.full(kernels.shape, number))))
    assert (
        message
        == f"There is no twin with these weights: value must hold finite numbers, got {number} at index (0, 0, 0, 0)."
    )


def test_zeros_and_ones_as_floats_are_as_good_as_fractions(capsys):
    def answer(w1, w2):
        first, second = solution(check_twin)(w1, w2)
        first[len(w1) :] = first[len(w1) :].astype(float)
        return first, second

    check_twin(answer)
    assert capsys.readouterr().out.startswith("✓ ")


def joined_with_the_other_size(w1, w2):
    return np.concatenate([w1, 1 + 0 * w2]), w2


def past_the_kernel(w1, w2):
    w2[0, 0, w1.shape[2] // 2, w1.shape[3] // 2] = 1
    return w1, w2


@pytest.mark.parametrize("wrong", [joined_with_the_other_size, past_the_kernel])
def test_kernels_of_different_sizes_cannot_be_joined_and_why_is_told(wrong):
    message = refusal(CheckFailed, lambda: check_twin(wrong))
    assert message.startswith("Your function raised ")
    assert " with w1 of shape (1, 1, 1, 3), w2 of shape (1, 1, 1, 1): " in message
    assert message.endswith("δ has kernels as large as those of W1, S has kernels as large as those of W2.)")


def test_another_error_of_a_twin_is_shown_without_advice():
    message = refusal(CheckFailed, lambda: check_twin(lambda w1, w2: w1.shapes))
    assert message.startswith("Your function raised AttributeError with w1 of shape (1, 1, 1, 3)")
    assert message.count("\n") == 1  # and the line that raised


@pytest.mark.parametrize("case", [*TWIN.cases()], ids=lambda case: str(case["w1"].shape))
def test_before_the_block_gradients_of_twins_differ_where_x_is_0_and_only_there(case):
    """So Grad-CAM, whose α is a mean over all cells, differs too. HiResCAM does not: there it multiplies by 0."""
    first, second = solution(check_twin)(*case.values())
    image = _image(len(case["w2"]))
    block = _between([("block", Residual(_body(*case.values())))], image.shape)
    twin = _between([("first", _conv(first)), ("relu", ReLU()), ("second", _conv(second))], image.shape)
    one, other = (grad_cam(network, image, 0, "before") for network in (block, twin))
    x, differ = one.feature_maps, one.gradients != other.gradients
    assert same(x, other.feature_maps)
    assert differ.any() == (x == 0).any() != same(one.weighted_sum, other.weighted_sum)
    assert not differ[x > 0].any()
    assert same(one.gradients * x, other.gradients * x)
