"""The checks of notebook 08: what the worked example hides, and where nothing is to be divided."""

import numpy as np
import pytest
from answers import solution, with_stage
from helpers import refusal, same

from numpycam import worked_example
from numpycam.checks import CheckFailed, check_cell_by_cell, check_grad_cam_plus_plus, suspects

EXAMPLE = worked_example.FEATURE_MAPS, worked_example.GRADIENTS


def test_what_is_the_same_on_the_worked_example_does_not_pass():
    my_cell_by_cell = solution(check_cell_by_cell)
    assert same(*my_cell_by_cell(*EXAMPLE))
    hires_is_layer = with_stage(check_cell_by_cell, "hirescam", lambda a, g: my_cell_by_cell(a, g)[1])
    message = refusal(CheckFailed, lambda: check_cell_by_cell(hires_is_layer))
    assert "The inputs were A =" in message
    assert "1/10" not in message  # they are not those of the example


def test_the_suspect_has_lost_its_division():
    _, g = EXAMPLE
    lost = suspects.grad_cam_plus_plus(*EXAMPLE)
    assert lost.astype(str).tolist() == ["107", "395", "17/1000"]
    assert same(lost, (np.maximum(g, 0) ** 3).sum(axis=(1, 2)))


def weights(gate, mean=False):
    """The suspect, mended. It divides where the gate is open."""

    def answer(a, g):
        sums = a.sum(axis=(1, 2), keepdims=True) / (a[0].size if mean else 1)
        parts, divisor, used = g**2, 2 * g**2 + sums * g**3, gate(g)
        parts[used] = parts[used] / divisor[used]
        return (parts * np.maximum(g, 0)).sum(axis=(1, 2))

    return answer


@pytest.mark.parametrize("gate", [lambda g: g == g, lambda g: g != 0])  # everywhere, and where g is not 0
def test_dividing_where_nothing_is_asked_is_told_so(gate):
    message = refusal(CheckFailed, lambda: check_grad_cam_plus_plus(weights(gate)))
    assert message.startswith("Your function raised ZeroDivisionError with A of shape (2, 1, 3)")
    assert message.endswith("divide there and nowhere else. np.where divides everywhere.)")


def test_a_division_by_0_does_not_hide_what_came_before():
    wrong_and_careless = weights(lambda g: g == g, mean=True)
    message = refusal(CheckFailed, lambda: check_grad_cam_plus_plus(wrong_and_careless))
    assert "ZeroDivisionError" not in message
    assert "You take the mean of A^k" in message
