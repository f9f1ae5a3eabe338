"""Predictions are kept until the value comes. They are no exam."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal

from numpycam.checks import predict


@pytest.mark.parametrize(
    ("answer", "value", "told"),
    [
        (3, np.int64(3), "You predicted 3, and so it is."),
        (1, 3, "You predicted 1. It is 3."),
        (28.6, Fraction(143, 5), "You predicted 28.6, and so it is."),
        (30, Fraction(143, 5), "You predicted 30. It is 143/5 = 28.6."),
        (0.1, Fraction(1, 10), "You predicted 0.1, and so it is."),
        ("Yes", True, "You predicted Yes, and so it is."),
        ("no", True, "You predicted no. It is yes."),
        (True, np.bool_(True), "You predicted yes, and so it is."),
        ("the moon", "the moon", "You predicted the moon, and so it is."),
        ([1, 2], (1, 2), "You predicted 1, 2, and so it is."),
        ("yes", np.bool_(True), "You predicted yes, and so it is."),
        (" the moon ", "the moon", "You predicted  the moon , and so it is."),
        ("1/10", Fraction(1, 10), "You predicted 1/10, and so it is."),
        ("1/0", Fraction(1, 10), "You predicted 1/0. It is 1/10 = 0.1."),
        ([1, 2], np.array([1, 2]), "You predicted 1, 2, and so it is."),
        (np.array([1, 2]), 3, "You predicted 1, 2. It is 3."),
        ([1, 2], [2, 1], "You predicted 1, 2. It is 2, 1."),
        (1j, 1, "You predicted 1j. It is 1."),
        (None, 1, "You predicted None. It is 1."),
        (10**400, 1, "You predicted 1.00000e+400. It is 1."),
        (float("nan"), 1, "You predicted nan. It is 1."),
        (..., 3, "Not predicted. It is 3."),
        ("Yes.", True, "You predicted Yes., and so it is."),
        ("n", False, "You predicted n, and so it is."),
        ("the moon", "moon", "You predicted the moon, and so it is."),
        ("nobody", "nobody's", "You predicted nobody, and so it is."),
        ("α_3", 3, "You predicted α_3, and so it is."),
        ("map 3.", 3, "You predicted map 3., and so it is."),
        ("-1/2", Fraction(-1, 2), "You predicted -1/2, and so it is."),
        ("1 or 3", 3, "You predicted 1 or 3. It is 3."),
        (["b", "The a"], {"a", "b"}, "You predicted b, The a, and so it is."),
        ("b and a", {"a", "b"}, "You predicted b and a, and so it is."),
        (["a"], {"a", "b"}, "You predicted a. It is a, b."),
        (..., {"b", "a"}, "Not predicted. It is a, b."),
    ],
)
def test_what_came_is_told_after_what_was_predicted(answer, value, told, capsys):
    prediction = predict("What comes?", answer)
    capsys.readouterr()
    prediction.came(value)
    assert capsys.readouterr().out == f"{told}\n"


def test_dots_ask_for_an_answer(capsys):
    predict("What comes?", ...)
    assert capsys.readouterr().out == "Write your answer in the place of the dots, and run this cell again.\n"


def test_an_answer_is_repeated(capsys):
    predict("What comes?", 5)
    assert capsys.readouterr().out == "Your prediction: 5\n"


def test_an_answer_in_the_place_of_the_question_is_refused():
    assert refusal(TypeError, lambda: predict(3)) == "question must be a text, got int: give your answer after it."
