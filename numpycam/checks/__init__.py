"""Checks of the notebooks' exercises.

A check takes an answer, usually a function, and recomputes it on inputs drawn by seed. It prints a
line with ✓, or raises :class:`CheckFailed` with a sentence that says what differs and, if the
mistake is a common one, which it is. It works in a notebook, in pytest and inside any grader.
"""

from numpycam.checks.a_tiny_cnn_learns import check_mystery, check_shares, mystery_networks
from numpycam.checks.backward_by_hand import check_conv_backward, check_find_the_bug, check_relu_backward
from numpycam.checks.compare import CheckFailed
from numpycam.checks.grad_cam_by_hand import check_grad_cam, check_network
from numpycam.checks.other_cams import check_cell_by_cell, check_grad_cam_plus_plus

__all__ = [
    "CheckFailed",
    "check_cell_by_cell",
    "check_conv_backward",
    "check_find_the_bug",
    "check_grad_cam",
    "check_grad_cam_plus_plus",
    "check_mystery",
    "check_network",
    "check_relu_backward",
    "check_shares",
    "mystery_networks",
]
