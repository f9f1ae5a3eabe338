"""Symbols in arrays: they add and multiply as Fractions do."""

import operator
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("sympy", reason="proofs need SymPy: pip install 'numpycam[proof]'")

from numpycam.laws.symbols import symbol

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.mark.parametrize("combine", OPERATORS)
def test_a_symbol_meets_each_element_of_an_array_from_both_sides(combine):
    """A loop over cells multiplies one number by a whole kernel: ``dx[window] += u[i, j] * weight``."""
    one, array = symbol("u"), np.array([[Fraction(1, 2), Fraction(-3)], [symbol("W"), Fraction(2)]], dtype=object)
    for result, elements in (
        (combine(one, array), [combine(one, element) for element in array.flat]),
        (combine(array, one), [combine(element, one) for element in array.flat]),
    ):
        assert result.shape == array.shape
        assert [str(element) for element in result.flat] == [str(element) for element in elements]
