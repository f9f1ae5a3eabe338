"""Small tools for arrays."""

from fractions import Fraction

import numpy as np
from helpers import same

from numpycam.core.arrays import (
    first_index,
    frozen_copy,
    gated,
    objects,
    read_only_view,
    share,
    split_scale,
    sum_of,
    times_power_of_two,
    zero_of,
    zeros,
)
from numpycam.exact import as_fractions


def test_the_zero_of_a_type():
    assert type(zero_of(np.empty(0, object))) is Fraction
    assert type(zero_of(np.empty(0, np.float32))) is np.float32
    assert {type(element) for element in zeros((2, 2), like=np.empty(0, object)).flat} == {Fraction}
    assert zeros((2, 2), like=np.full(1, np.nan)).tolist() == [[0, 0], [0, 0]]


def test_a_share_of_a_negative_whole_is_a_share():
    assert share(np.array([-1.0, 3.0, 0.0]), np.array([-2.0, -4.0, 0.0])).tolist() == [0.5, -0.75, 0]


def test_a_scale_is_split_off_by_the_size_of_the_numbers_whatever_their_sign():
    x = np.array([[-1.5e308, 1.0], [3e-300, -4e-300], [0.0, -0.0]])
    m, exponent = split_scale(x, axis=1)
    assert same(times_power_of_two(m, exponent), x)
    largest = np.abs(m).max(axis=1)
    assert ((largest >= 0.5) & (largest < 1)).tolist() == [True, True, False]
    assert largest[2] == 0
    assert split_scale(np.empty((2, 0)), axis=1)[0].shape == (2, 0)


def test_fractions_have_no_scale_that_need_be_split_off():
    x = as_fractions([[10**400, 1]])
    m, exponent = split_scale(x, axis=1)
    assert (m is x, exponent) == (True, 0)
    assert times_power_of_two(m, exponent) is x


def test_a_gate_lets_nothing_of_what_is_not_finite_through_where_it_is_shut_and_leaves_no_negative_zero():
    gate = np.array([False, True])
    for number in (np.inf, np.nan, -1.0):
        shut, opened = gated(np.array([number, number]), gate)
        assert str(shut) == "0.0"
        assert np.array_equal(opened, number, equal_nan=True)
    shut, opened = gated(as_fractions([-1, -2]), gate)
    assert (type(shut), shut, opened) == (Fraction, 0, -2)


def test_a_frozen_copy_is_another_array_and_a_view_the_same_one():
    x = np.ones((2, 3))
    copy, view = frozen_copy(x), read_only_view(x)
    assert (copy.flags.writeable, view.flags.writeable, x.flags.writeable) == (False, False, True)
    x[0] = 7
    assert (copy[0, 0], view[0, 0]) == (1, 7)


def test_the_first_index_is_that_of_the_first_row():
    assert first_index(np.array([[False, False, True], [True, False, True]])) == (0, 2)


def test_a_sum_of_no_numbers_is_the_zero_of_their_own_type():
    total = sum_of(np.empty((2, 0), object), axis=1)
    assert [type(number) for number in total] == [Fraction, Fraction]


def test_objects_that_are_sequences_stay_whole():
    first, second = [1, 2], [3, 4]
    array = objects([first, second])
    assert (array.shape, array[0] is first, array[1] is second) == ((2,), True, True)
