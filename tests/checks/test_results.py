"""What a grader reads: points, variants, and what no learner can get points for."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from answers import EXERCISES, changed, solution, with_stage
from helpers import refusal, some

from numpycam import checks
from numpycam.checks import (
    CheckFailed,
    check_by_hand,
    check_grad_cam,
    check_relu_backward,
    check_shift_law,
    check_sliding_backward,
    check_stamping_backward,
    grade,
    maps_by_hand,
)
from numpycam.gradcam import grad_cam_from_maps


@pytest.mark.parametrize("check", EXERCISES)
@pytest.mark.parametrize("variant", some([1, 7, 20_171]))
def test_a_right_answer_is_right_in_every_variant(check, variant):
    result = check(solution(check), variant=variant)
    assert result.is_right
    assert result.out_of == len(EXERCISES[check].stages)


@pytest.mark.parametrize("check", EXERCISES)
def test_a_variant_has_other_numbers(check):
    texts = [str([*EXERCISES[check].cases(variant)]) for variant in (0, 1, 1)]
    assert texts[0] != texts[1] == texts[2]


def test_a_part_of_the_points_is_for_a_part_that_is_right(capsys):
    """Points for a stage that is right in all cases, whatever the stages before it are."""
    for wrong, points in ((["alphas"], 4), (["alphas", "localization_map"], 2), (["weighted_sum"], 4), ([], 6)):

        def answer(*inputs, wrong=wrong):
            stages = EXERCISES[check_grad_cam].stages
            return tuple(5 * stage.right(*inputs) if name in wrong else stage.right(*inputs)
                         for name, stage in stages.items())  # fmt: skip

        assert grade(check_grad_cam, answer, points=6) == points
    told = capsys.readouterr().out
    assert told.count("It is 5 times the right one, everywhere.") == 3
    assert told.count("✓") == 1


def test_an_answer_that_raises_gets_no_points_for_what_was_not_reached():
    def answer(feature_maps, gradients):
        if feature_maps.shape != (3, 2, 2):
            raise ZeroDivisionError("on purpose")
        return solution(check_grad_cam)(feature_maps, gradients)

    assert grade(check_grad_cam, answer) == 0


def test_an_answer_that_is_wrong_and_then_raises_gets_no_points_for_what_it_begins_well():
    def answer(feature_maps, gradients):
        alphas, *rest = solution(check_grad_cam)(feature_maps, gradients)
        if feature_maps.shape != (3, 2, 2):
            raise ZeroDivisionError("on purpose")
        return 5 * alphas, *rest

    with pytest.raises(CheckFailed, match="It is 5 times the right one") as raised:
        check_grad_cam(answer)
    assert (raised.value.points, raised.value.out_of) == (0, 3)


def test_the_first_failure_says_how_many_points_there_are():
    with pytest.raises(CheckFailed) as failed:
        check_grad_cam(changed(check_grad_cam, "localization_map", lambda heat: -heat))
    assert (failed.value.points, failed.value.out_of) == (2, 3)


def test_numbers_by_heart_fail_in_another_variant():
    a, g = maps_by_hand()
    e = grad_cam_from_maps(a, g)
    numbers = {name: getattr(e, name) for name in ("alphas", "weighted_sum", "localization_map")}
    assert grade(check_by_hand, numbers) == 1
    assert grade(check_by_hand, numbers, variant=1) == 0


@pytest.mark.parametrize("variant", range(30))
def test_the_numbers_for_the_pencil_tell_the_stages_apart(variant):
    a, g = maps_by_hand(variant)
    e = grad_cam_from_maps(a, g)
    assert (e.weighted_sum < 0).sum() == 1
    assert all(alpha.denominator in (2, 4) for alpha in e.alphas)


def test_a_call_of_the_package_is_named():
    def answer(feature_maps, gradients):
        e = grad_cam_from_maps(feature_maps, gradients)
        return e.alphas, e.weighted_sum, e.localization_map

    message = refusal(CheckFailed, lambda: check_grad_cam(answer))
    assert message == (
        "Your function calls numpycam's own grad_cam_from_maps, which does the exercise: write it yourself."
    )


def test_a_call_of_the_package_gets_no_points_in_any_case():
    def answer(feature_maps, gradients):
        if feature_maps.shape == (3, 2, 2):  # as in the worked example
            return solution(check_grad_cam)(feature_maps, gradients)
        e = grad_cam_from_maps(feature_maps, gradients)
        return e.alphas, e.weighted_sum, e.localization_map

    assert grade(check_grad_cam, answer) == 0


def test_a_check_that_is_overwritten_is_loaded_anew(monkeypatch):
    """As the hidden test of an assignment does it."""
    import sys

    mine = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "numpycam"}
    monkeypatch.setattr(checks, "check_relu_backward", lambda *given, **more: None)
    try:
        for name in mine:
            del sys.modules[name]
        from numpycam.checks import check_relu_backward, grade

        assert grade(check_relu_backward, lambda u, x: u) == 0
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "numpycam"]:
            del sys.modules[name]
        sys.modules.update(mine)


def test_the_line_that_raised_is_shown():
    def answer(feature_maps, gradients):
        alphas = gradients.mean(axis=(1, 2))
        return alphas * feature_maps  # no axes to meet

    message = refusal(CheckFailed, lambda: check_grad_cam(answer))
    assert "It was raised by your line: return alphas * feature_maps  # no axes to meet" in message


class Flatterer(Fraction):
    """A number that says that it equals everything."""

    __hash__ = Fraction.__hash__

    def __eq__(self, other):
        return True


ODD = [
    (lambda u, x: exit(), "Your function ends Python, as exit() does: return a result instead."),
    (lambda u, x: (value for value in u.flat), "dx should hold numbers only; yours has generator."),
    (lambda u, x: (u * (x > 0)).astype(str), "dx should hold numbers only; yours has str at index (0, 0)."),
    (lambda u, x: (u * (x > 0)).astype(complex), "dx should hold numbers only; yours has complex at index (0, 0)."),
    (lambda u, x: np.full(x.shape, Decimal(1)), "dx should hold numbers only; yours has Decimal at index (0, 0)."),
    (lambda u, x: np.full(x.shape, Flatterer(1)), "dx should hold numbers only; yours has Flatterer at index (0, 0)."),
    (lambda u, x: np.full(x.shape, -(10**5000)), "dx has a number of more than 300 digits at index (0, 0)."),
    (lambda u, x: Fraction(1, 10**300), "dx has a number of more than 300 digits."),
]


@pytest.mark.parametrize(("answer", "message"), ODD)
def test_an_answer_of_another_kind_gets_no_points_and_a_sentence(answer, message, capsys):
    assert grade(check_relu_backward, answer) == 0
    assert capsys.readouterr().out == f"✗ {message}\n"


FIVE = np.array([np.int8(5)], dtype=object)  # among Python's numbers, NumPy's own


@pytest.mark.parametrize("value", [-1, 10**299, float("inf"), np.float16(1), np.float32(1), np.int8(1), True, FIVE])
def test_an_odd_number_is_a_wrong_number(value, capsys):
    assert grade(check_relu_backward, lambda u, x: np.full(x.shape, value)) == 0
    assert capsys.readouterr().out.startswith("✗ dx = ds/dx of a ReLU:\n")


def test_each_law_of_notebook_10_survives_an_answer_that_ends_python(capsys):
    for check in (check_stamping_backward, check_sliding_backward, check_shift_law):
        assert grade(check, lambda *given: exit()) == 0
        assert capsys.readouterr().out == "✗ Your function ends Python, as exit() does: return a result instead.\n"


def test_an_answer_may_use_one_array_again():
    everything = np.zeros(1000, dtype=object)

    def answer(u, x):
        dx = everything[: x.size].reshape(x.shape)
        dx[...] = u * (x > 0)
        return dx

    assert check_relu_backward(answer).is_right


def test_an_argument_that_gets_another_shape_is_written_into():
    def answer(u, x):
        dx = u * (x > 0)
        u.resize((1, u.size))
        return dx

    assert refusal(CheckFailed, lambda: check_relu_backward(answer)).startswith("Your function writes into its arg")


def test_what_grade_cannot_take(capsys):
    for error, check, more, message in (
        (TypeError, None, {}, "check must be callable, such as check_grad_cam, got None."),
        (TypeError, check_relu_backward, {"points": "2"}, "points must be a number, got str."),
        (ValueError, check_relu_backward, {"points": -1}, "points must be a number from 0, got -1."),
        (ValueError, check_relu_backward, {"points": float("nan")}, "points must be a number from 0, got nan."),
        (ValueError, check_relu_backward, {"points": float("inf")}, "points must be a number from 0, got inf."),
        (ValueError, check_relu_backward, {"variant": -1}, "variant == -1, must be >= 0."),
        (TypeError, check_relu_backward, {"variant": True}, "variant must be an instance of int, not bool."),
        (TypeError, check_relu_backward, {"variant": 1.5}, "variant must be an instance of int, not float."),
    ):
        assert refusal(error, lambda check=check, more=more: grade(check, lambda u, x: u, **more)) == message
    assert capsys.readouterr().out == ""


# --- What can be wrong with any answer -----------------------------------------------------------------------

EPSILON = Fraction(1, 10**7)
ANY_ANSWER = [
    ("localization_map", lambda heat: 7 * heat, "It is 7 times the right one, everywhere."),
    ("localization_map", lambda heat: heat / 3, "It is 1/3 times the right one, everywhere."),
    ("weighted_sum", lambda total: total * total.size, "It is 4 times the right one in one case, 6 times in another:"),
    ("weighted_sum", lambda total: -total, "The sign is turned: yours is minus the right one."),
    ("weighted_sum", lambda total: total + 1, "Each number is 1 too large. What does it start from?"),
    ("weighted_sum", lambda total: total[::-1], "The numbers are right, in reverse order."),
    ("weighted_sum", lambda total: total[::-1, ::-1], "The numbers are right, but turned by 180°."),
    ("weighted_sum", lambda total: total[:, ::-1], "The numbers are right, but each row is in reverse order."),
    ("weighted_sum", lambda total: total[None], "The numbers are right, but not the shape."),
    ("alphas", lambda alphas: alphas[::-1], "The numbers are right, in reverse order."),
    ("alphas", lambda alphas: alphas * (1 - EPSILON), "Nearly right, and yet further off than rounding:"),
    ("alphas", lambda alphas: alphas.astype(float) * (1 - 1e-7), "Nearly right, and yet further off than rounding:"),
    ("alphas", lambda alphas: alphas * np.nan, "There is a NaN in it: was something divided by 0?"),
    ("alphas", lambda alphas: alphas * np.inf, "There is an infinite number in it: was something divided by 0?"),
]


@pytest.mark.parametrize(("stage", "change", "hint"), ANY_ANSWER)
def test_what_can_be_wrong_with_any_answer_is_named(stage, change, hint):
    message = refusal(CheckFailed, lambda: check_grad_cam(changed(check_grad_cam, stage, change)))
    assert message.split("\n")[1].startswith(hint)


def test_what_is_returned_in_another_order_is_named():
    def answer(*inputs):
        return solution(check_grad_cam)(*inputs)[::-1]

    message = refusal(CheckFailed, lambda: check_grad_cam(answer))
    assert message.split("\n")[1] == "That is localization_map: look at the order of what you return."


def test_a_missing_return_is_named():
    assert refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: None)) == (
        "Your function returned None. Is there a return at its end?"
    )


def test_rounding_alone_is_no_epsilon():
    in_float32 = changed(check_grad_cam, "alphas", lambda alphas: alphas.astype(np.float32))
    assert "epsilon" not in refusal(CheckFailed, lambda: check_grad_cam(in_float32))
    in_floats = with_stage(check_grad_cam, "alphas", lambda a, g: g.astype(float).mean(axis=(1, 2)) * (1 + 2**-52))
    message = refusal(CheckFailed, lambda: check_grad_cam(in_floats))
    assert "Right up to rounding" in message
    assert "epsilon" not in message
