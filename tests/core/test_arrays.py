"""Small tools for arrays."""

from fractions import Fraction

import numpy as np

from numpycam.core.arrays import zero_of, zeros


def test_the_zero_of_a_type():
    assert type(zero_of(np.empty(0, object))) is Fraction
    assert type(zero_of(np.empty(0, np.float32))) is np.float32
    assert {type(element) for element in zeros((2, 2), like=np.empty(0, object)).flat} == {Fraction}
    assert zeros((2, 2), like=np.full(1, np.nan)).tolist() == [[0, 0], [0, 0]]
