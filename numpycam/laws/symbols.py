"""Symbols as numbers: what is computed from them holds for all numbers at once.

An :class:`Expression` can be an element of an array wherever a Fraction can. It adds and multiplies as SymPy's do. To
compare two of them, the sign of their difference must be known from the assumptions: ``positive_symbol("p")`` is
positive. Else the comparison has no answer, and an UndecidedError says so.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy


class UndecidedError(ArithmeticError):
    """Which of two expressions is larger, or whether they are equal, depends on the numbers."""

    def __init__(self, message: str, sign: str) -> None:
        super().__init__(message)
        self.sign = sign


class Expression:
    """A polynomial, or a quotient of two, in symbols."""

    is_exact_number = True
    __slots__ = ("expr",)

    def __init__(self, expr: Any) -> None:
        self.expr = expr

    def _with(self, other: Any, combine: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, np.ndarray):  # NumPy goes through its elements then
            return NotImplemented
        return Expression(combine(self.expr, plain(other)))

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b / a)

    def __pow__(self, power: int) -> "Expression":
        return Expression(self.expr**power)

    def __neg__(self) -> "Expression":
        return Expression(-self.expr)

    def __abs__(self) -> "Expression":
        return -self if self < 0 else self

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> bool:
        return self._sign(other, "=") == 0

    def __lt__(self, other: Any) -> bool:
        return self._sign(other, "<") < 0

    def __le__(self, other: Any) -> bool:
        return self._sign(other, "≤") <= 0

    def __gt__(self, other: Any) -> bool:
        return self._sign(other, ">") > 0

    def __ge__(self, other: Any) -> bool:
        return self._sign(other, "≥") >= 0

    def __hash__(self) -> int:
        return hash(self.expr)

    def __bool__(self) -> bool:
        return self != 0

    def __repr__(self) -> str:
        return str(sympy.expand(self.expr))

    def _sign(self, other: Any, sign: str) -> int:
        """Return the sign of self - other; raise UndecidedError if it is not known."""
        difference = sympy.expand(self.expr - plain(other))
        if difference.is_zero or difference == 0:
            return 0
        if difference.is_positive:
            return 1
        if difference.is_negative:
            return -1
        raise UndecidedError(
            f"whether {self} {sign} {other} depends on the numbers: assume the sign of their difference.", sign
        )


def plain(value: Any) -> Any:
    """Return a number or an expression as SymPy's own."""
    if isinstance(value, Expression):
        return value.expr
    if isinstance(value, Fraction):
        return sympy.Rational(value.numerator, value.denominator)
    return sympy.nsimplify(value, rational=True) if isinstance(value, float) else sympy.Integer(int(value))


def symbol(name: str) -> Expression:
    """Return a symbol that stands for any real number."""
    return Expression(sympy.Symbol(name, real=True))


def positive_symbol(name: str) -> Expression:
    """Return a symbol that stands for any positive number."""
    return Expression(sympy.Symbol(name, positive=True))


def is_identity(lhs: Any, rhs: Any) -> bool:
    """Whether two expressions are equal for all numbers."""
    difference = sympy.expand(plain(lhs) - plain(rhs))
    return bool(difference == 0 or sympy.expand(sympy.numer(sympy.together(difference))) == 0)
