"""Numbers that carry along how far rounding can move them: the bounds of floats are computed with these.

To first order, each operation of a formula is off by at most u times its result, whatever the numbers. What this does
to the formula's value is u times a *size* that follows the same formula: sizes of summands add up, a factor multiplies
the other one's size, and a small divisor makes it large. A sum or product of n numbers takes n such operations in any
order.
"""

import math
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, objects


class Sized:
    """A float, and its size: what to multiply by n u for a bound of its error after n operations."""

    __slots__ = ("size", "value")

    def __init__(self, value: float, size: float) -> None:
        self.value, self.size = value, size

    def __add__(self, other: Any) -> "Sized":
        return Sized(self.value + value_of(other), self.size + size_of(other))

    def __mul__(self, other: Any) -> "Sized":
        value, size = value_of(other), size_of(other)
        return Sized(self.value * value, abs(self.value) * size + self.size * abs(value))

    def __truediv__(self, other: Any) -> "Sized":
        divisor = value_of(other)
        quotient = self.value / divisor
        return Sized(quotient, (self.size + abs(quotient) * size_of(other)) / abs(divisor))

    def __rtruediv__(self, other: Any) -> "Sized":
        return Sized(value_of(other), size_of(other)) / self

    def __pow__(self, power: int) -> "Sized":
        return self if power == 1 else self * self ** (power - 1)

    def exp(self) -> "Sized":
        """Return its exponential, as ``np.exp`` asks for it: an error of the exponent becomes a relative one."""
        power = math.exp(self.value)
        return Sized(power, power * (1 + self.size))

    def log(self) -> "Sized":
        """Return its logarithm, as ``np.log`` asks for it: a relative error becomes one of the logarithm."""
        logarithm = math.log(self.value)
        return Sized(logarithm, abs(logarithm) + self.size / abs(self.value))

    def rint(self) -> "Sized":
        """Return the nearest whole number, as ``np.round`` asks for it: it has no error left."""
        whole = float(round(self.value))
        return Sized(whole, abs(whole))

    def __neg__(self) -> "Sized":
        return Sized(-self.value, self.size)

    def __abs__(self) -> "Sized":
        return Sized(abs(self.value), self.size)

    def __sub__(self, other: Any) -> "Sized":
        return self + -other

    def __rsub__(self, other: Any) -> "Sized":
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> bool:
        return self.value == value_of(other)

    def __lt__(self, other: Any) -> bool:
        return self.value < value_of(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= value_of(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > value_of(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= value_of(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return self.value != 0


def value_of(number: Any) -> float:
    """Return the number without its size."""
    return number.value if isinstance(number, Sized) else float(number)


def size_of(number: Any) -> float:
    """Return the size of a number; of one that nothing was computed for, that is its absolute value."""
    return number.size if isinstance(number, Sized) else abs(float(number))


def sized(array: Array) -> Array:
    """Return floats as numbers that carry their sizes along."""
    return objects(Sized(value, abs(value)) for value in array.ravel().tolist()).reshape(array.shape)


def largest_size(side: Any) -> float:
    """Return the largest size in one side of a law."""
    return max((size_of(number) for number in np.asarray(side, dtype=object).flat), default=0.0)
