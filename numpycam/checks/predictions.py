"""Predictions: what a learner expects, kept until the cell that shows what comes. Nobody grades them.

>>> smallest = predict("Which α will be the smallest?", 1)
Your prediction: 1
>>> smallest.came(3)
You predicted 1. It is 3.
"""

import re
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from numpycam.text import exact_and_decimal


class Prediction:
    """An answer that waits for the truth.

    Parameters
    ----------
    answer : object
        What is expected: a number, a word, yes or no. The dots, ``...``, stand for no answer.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def came(self, value: Any) -> None:
        """Print what came, after what was predicted.

        Parameters
        ----------
        value : object
            What came. A fraction is printed as a decimal, too. A set is for several things in any order.
        """
        came = _as_text(value)
        if self.answer is ...:
            print(f"Not predicted. It is {came}.")
        elif self._says(value) or self._is_equal_to(value):
            print(f"You predicted {_as_text(self.answer)}, and so it is.")
        else:
            print(f"You predicted {_as_text(self.answer)}. It is {came}.")

    def _says(self, value: Any) -> bool:
        """Whether the answer is the value in words. "Y." is as good as "yes", and "the moon" as "moon"."""
        if not isinstance(value, set):
            return _plain(_as_text(self.answer)) == _plain(_as_text(value))
        said = self.answer if isinstance(self.answer, list | tuple | set) else re.split(", *| and ", str(self.answer))
        return {_plain(_as_text(one)) for one in said} == {_plain(_as_text(one)) for one in value}

    def _is_equal_to(self, value: Any) -> bool:
        """Whether the answer is the value. 0.1 is 1/10, and so is "1/10"; "α_3" is 3."""
        try:
            answer = Fraction(_number_in(self.answer)) if isinstance(self.answer, str) else self.answer
            return bool(answer == value) or float(answer) == float(value)
        except (TypeError, ValueError, ArithmeticError):  # a word, an array, or "1/0"
            return False


def predict(question: str, answer: Any = ...) -> Prediction:
    """Keep an answer to a question until the value comes.

    Parameters
    ----------
    question : str
        What is asked. It is for the reader of the cell.
    answer : object, optional
        The learner's answer, in the place of the dots.

    Returns
    -------
    Prediction
        Its method ``came(value)`` tells later what came.

    Raises
    ------
    TypeError
        If the question is no text.
    """
    if not isinstance(question, str):
        raise TypeError(f"question must be a text, got {type(question).__name__}: give your answer after it.")
    if answer is ...:
        print("Write your answer in the place of the dots, and run this cell again.")
    else:
        print(f"Your prediction: {_as_text(answer)}")
    return Prediction(answer)


def _plain(text: str) -> str:
    """Return a text without what makes no difference."""
    plain = re.sub("^(the|a|an) ", "", text.strip().rstrip(".!").casefold()).removesuffix("'s")
    return {"y": "yes", "n": "no"}.get(plain, plain)


def _number_in(text: str) -> str:
    """Return the number in a text like "A^3", or else the text."""
    found = re.fullmatch("[^0-9-]*(-?[0-9]+(/[0-9]+|[.][0-9]+)?)[^0-9]*", text)
    return found[1] if found else text


def _as_text(value: Any) -> str:
    """Return a value in words: True is "yes", and a list or an array is its elements."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_as_text, value))
    if isinstance(value, set):
        return _as_text(sorted(value))
    if isinstance(value, np.ndarray):
        return _as_text(value.tolist())
    return exact_and_decimal(value) if isinstance(value, Real) else str(value)
