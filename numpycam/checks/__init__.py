"""The checks of the notebooks' exercises: a file for each notebook, and a second one for notebook 03.

A check takes an answer, usually a function, and tries it on several inputs: the worked example, and others that are
drawn from a fixed seed. If the answer is right, the check prints a line with ✓. If not, it raises
:class:`CheckFailed` with a sentence that says what differs, and which mistake it is if it is a common one. The checks
work in a notebook, in pytest and inside any grader.
"""

from numpycam.checks.a_real_network import check_network
from numpycam.checks.a_tiny_cnn_learns import check_mystery, check_shares, mystery_networks
from numpycam.checks.backward_by_hand import check_conv_backward, check_find_the_bug, check_relu_backward
from numpycam.checks.compare import CheckFailed
from numpycam.checks.grad_cam_by_hand import check_grad_cam
from numpycam.checks.other_cams import check_cell_by_cell, check_grad_cam_plus_plus
from numpycam.checks.residual_by_hand import check_residual_backward, check_twin
from numpycam.checks.verify_your_own import (
    check_shift_law,
    check_sliding_backward,
    check_stamping_backward,
    check_three_cams,
)

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
    "check_residual_backward",
    "check_shares",
    "check_shift_law",
    "check_sliding_backward",
    "check_stamping_backward",
    "check_three_cams",
    "check_twin",
    "mystery_networks",
]
