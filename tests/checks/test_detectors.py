"""What can be wrong with any answer, asked of the detectors themselves."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal

from numpycam.checks import CheckFailed, Result
from numpycam.checks.compare import Exercise, Stage, check
from numpycam.checks.detectors import calls_of_this_package, line_of_answer, sentence_about
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam_from_maps
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS

ONE, TWO = as_fractions([3, 0, 5]), as_fractions([2, 7])
BIG = as_fractions([3000, 5001])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([ONE, TWO], ""),
        ([ONE * 0, TWO * 0], ""),
        ([ONE, TWO * 0], ""),
        ([ONE * 0, TWO * 3], ""),
        ([ONE * 4, TWO * 3], "It is 4 times the right one in one case, 3 times in another: is that a size of the"),
        ([ONE * 4, as_fractions([3, 7])], ""),  # no factor in the second case
        ([ONE * 4 + [0, 1, 0], TWO * 4], ""),  # no factor makes 1 of 0
        ([ONE.astype(float) / 37, TWO.astype(float) / 37], "It is 1/37 times the right one, everywhere."),
        ([ONE + 2, TWO + 2], "Each number is 2 too large. What does it start from?"),
        ([ONE + 2, TWO], ""),
        ([ONE + Fraction(1, 20), TWO + Fraction(1, 20)], "Each number is 1/20 too large. What does it start from?"),
        ([ONE + Fraction(1, 10**6), TWO], "Nearly right, and yet further off than rounding"),
        ([ONE, TWO * np.nan], "There is a NaN in it"),
        ([ONE, np.array([2, -np.inf])], "There is an infinite number in it"),
    ],
)
def test_the_sentence_about_two_cases(given, sentence):
    told = sentence_about([(given[0], ONE), (given[1], TWO)], {})
    assert told.startswith(sentence)
    assert bool(told) == bool(sentence)


def test_an_epsilon_is_small_beside_a_large_number():
    assert sentence_about([(BIG + Fraction(1, 20), BIG)], {}).startswith("Nearly right")


def test_the_rounding_of_float32_is_no_epsilon():
    assert sentence_about([((ONE / 7).astype(np.float32), ONE / 7)], {}) == ""


def test_calls_are_collected_once_and_the_profile_is_given_back():
    before = sys.getprofile()
    with calls_of_this_package() as called:
        grad_cam_from_maps(FEATURE_MAPS, GRADIENTS)
        grad_cam_from_maps(FEATURE_MAPS, GRADIENTS)
    assert called == ["grad_cam_from_maps"]
    assert sys.getprofile() is before


def test_what_solves_no_exercise_may_be_called():
    with calls_of_this_package() as called:
        as_fractions([1])
    assert called == []
    with calls_of_this_package(["gradcam"]) as called:
        grad_cam_from_maps(FEATURE_MAPS, GRADIENTS)
    assert called == []


def test_calls_are_not_watched_where_that_would_take_time():
    with calls_of_this_package(watched=False) as called:
        grad_cam_from_maps(FEATURE_MAPS, GRADIENTS)
    assert called == []


def test_the_line_is_the_learners_where_a_library_raised():
    for function in (lambda: np.linalg.inv(np.zeros((2, 2))), lambda: Fraction("a")):
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - whose message it is does not matter
            function()
        assert line_of_answer(raised.value).startswith("for function in")


def test_a_part_that_is_right_is_not_all():
    assert not Result(1, 2, 3, "").is_right
    assert Result(2, 2, 3, "").is_right


def test_the_line_with_a_tick_is_in_the_result(capsys):
    exercise = Exercise({"y": Stage("y:", lambda x: x, ())}, lambda variant: [{"x": ONE}])
    assert check(exercise, lambda x: x).told("All right.") == Result(1, 1, 1, "All right.")
    assert capsys.readouterr().out == "✓ All right.\n"
    assert refusal(CheckFailed, lambda: check(exercise, lambda x: x + 1)).startswith("y:\nEach number is 1 too large.")
