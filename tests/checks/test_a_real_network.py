"""The check of notebook 02: what is no network, and what is one."""

import numpy as np
from answers import changed, with_stage
from helpers import refusal, same

from numpycam import worked_example
from numpycam.checks import CheckFailed, check_network
from numpycam.checks.a_real_network import NETWORK


def test_the_right_network_has_the_given_maps():
    for case in NETWORK.cases():
        right = [stage.right(*case.values()) for stage in NETWORK.stages.values()]
        assert all(map(same, NETWORK.outcome(case, *right), case.values()))


def test_a_network_that_cannot_be_is_told_why():
    for name, change, start in [
        ("kernels", lambda kernels: kernels[:, 0],
         "kernels should have the shape (K, 1, 2, 2) = (3, 1, 2, 2) here; yours has (3, 2, 2)."),
        ("kernels", lambda kernels: np.concatenate([kernels, kernels])[:3],
         "kernels should have the shape (K, 1, 2, 2) = (2, 1, 2, 2) here; yours has (3, 1, 2, 2)."),
        ("head", lambda head: np.vstack([head, head]),
         "head should have the shape (1, K·4) = (1, 12) here; yours has (2, 12)."),
        ("kernels", lambda kernels: np.full(kernels.shape, np.nan),
         "There is no network with these kernels and this head: value must hold finite numbers, got nan"),
        ("kernels", lambda kernels: np.full(kernels.shape, np.inf, dtype=object),
         "There is no network with these kernels and this head: value must hold finite numbers, got inf"),
    ]:  # fmt: skip
        answer = changed(check_network, name, change)
        assert refusal(CheckFailed, lambda answer=answer: check_network(answer)).startswith(start)


def test_the_kernels_of_the_example_are_known_where_they_do_not_even_fit():
    answer = with_stage(check_network, "kernels", lambda a, g: worked_example.KERNELS)
    assert "right for the worked example only" in refusal(CheckFailed, lambda: check_network(answer))


def test_whole_numbers_are_as_good_as_fractions():
    ones = changed(check_network, "kernels", lambda kernels: np.ones(kernels.shape, int))
    message = refusal(CheckFailed, lambda: check_network(ones))
    assert message.startswith("kernels: with your kernels, the feature maps should be A.\nExpected:\n")
