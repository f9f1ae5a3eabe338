"""What a check says: a learner reads the line, a grader the points.

A check of an answer prints a line with ✓ and returns a :class:`Result`, or it raises :class:`CheckFailed`. A grader
does not want an error: it calls :func:`grade`.
"""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any, NamedTuple

from numpycam.checks.detectors import GRADING
from numpycam.core.arguments import briefly, check_callable, check_is


class Result(NamedTuple):
    """The points of an answer: one for each thing that it returns, if it is right in all cases.

    Parameters
    ----------
    points, out_of : int
        How many of the things that the answer returns are right, and how many there are.
    cases : int
        On how many inputs the answer was tried.
    message : str
        The line that was printed.
    """

    points: int
    out_of: int
    cases: int
    message: str

    @property
    def is_right(self) -> bool:
        """Whether everything is right."""
        return self.points == self.out_of

    def told(self, message: str) -> "Result":
        """Print the line of an answer that is right, and return the result with it."""
        print(f"✓ {message}")
        return self._replace(message=message)

    def _ipython_display_(self) -> None:
        """Show nothing below the cell: the line with ✓ is there already."""


RIGHT = Result(1, 1, 1, "")
"""The result of an answer that is one thing, and right."""


class CheckFailed(AssertionError):  # noqa: N818 - learners read it: a check failed
    """An answer that is not right yet. A notebook shows the message alone, without a traceback.

    Attributes
    ----------
    points, out_of : int
        How many of the things that the answer returns are right.
    """

    def __init__(self, message: str, points: int = 0, out_of: int = 1) -> None:
        super().__init__(message)
        self.points, self.out_of = points, out_of

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


def grade(check: Callable[..., Result], answer: Any, *, points: float = 1, variant: int = 0, **more: Any) -> float:
    """Return the points for an answer. A part of them is for an answer of which a part is right.

    Parameters
    ----------
    check : callable
        One of ``numpycam.checks``, such as ``check_grad_cam``.
    answer : object
        What the check takes.
    points : float, default 1
        The points of an answer that is right, from 0.
    variant : int, default 0
        Which numbers the answer is tried on. With another number than the learner's, an answer that was made for the
        learner's inputs fails.
    **more
        Other arguments of the check.

    Returns
    -------
    float
        From 0 to ``points``. What is wrong is printed.

    Raises
    ------
    TypeError, ValueError
        If ``points`` is negative or no number, or if the check takes no such argument.

    Examples
    --------
    >>> from numpycam.checks import check_relu_backward
    >>> grade(check_relu_backward, lambda u, x: u * (x > 0), points=2, variant=7)
    ✓ dx is exactly right, on 4 pairs of u and x: the gate looks at x, and is shut at 0.
    2.0
    """
    check_callable("check", check, "check_grad_cam")
    check_is("points", points, Real, "a number")
    if not 0 <= points < math.inf:
        raise ValueError(f"points must be a number from 0, got {briefly(points)}.")
    token = GRADING.set(True)
    try:
        result = check(answer, variant=variant, **more)
    except CheckFailed as failed:
        print(f"✗ {failed}")
        return points * failed.points / failed.out_of
    finally:
        GRADING.reset(token)
    return points * result.points / result.out_of
