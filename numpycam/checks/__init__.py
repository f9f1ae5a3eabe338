"""The checks of the notebooks' exercises: a file or more for each notebook.

A check takes an answer, usually a function, and tries it on several inputs: the worked example, and others that are
drawn from the seed of a *variant*, so that each learner can have other numbers. If the answer is right, the check
prints a line with ✓, and returns a :class:`Result`. If not, it raises :class:`CheckFailed` with a sentence that says
what differs, and which mistake it is if it is a common one. :func:`grade` turns both into points. The checks work in a
notebook, in pytest and inside any grader.
"""

from numpycam.checks.a_real_network import check_feature_map, check_gradient_maps, check_network, kernel_by_hand
from numpycam.checks.a_tiny_cnn_learns import check_accuracy, check_energy, check_shares
from numpycam.checks.another_head import check_row, check_same_probabilities
from numpycam.checks.backward_by_hand import (
    check_conv_backward,
    check_conv_of_one_map,
    check_conv_with_stride,
    check_relu_backward,
)
from numpycam.checks.bends import check_bends
from numpycam.checks.cam_and_grad_cam import check_cam, check_gap_alphas, check_gap_head, check_lookalike
from numpycam.checks.can_you_trust_it import check_deletion, check_drop, deletion_by_hand
from numpycam.checks.find_the_bug import check_find_the_bug
from numpycam.checks.four_suspects import check_four_networks, four_networks
from numpycam.checks.grad_cam_by_hand import check_alphas, check_by_hand, check_empty_map, check_grad_cam, maps_by_hand
from numpycam.checks.negative_evidence import check_counterfactual, check_removed, check_split, signed_by_hand
from numpycam.checks.normalised_map import check_normalise
from numpycam.checks.other_cams import (
    check_blind_spot,
    check_cell_by_cell,
    check_grad_cam_plus_plus,
    check_xgrad_alphas,
)
from numpycam.checks.overlay import check_bilinear_row, check_divided, check_nearest, check_resize, heat_by_hand
from numpycam.checks.predictions import Prediction, predict
from numpycam.checks.rank_correlation import check_rank_correlation
from numpycam.checks.residual_by_hand import check_residual_backward, check_twin
from numpycam.checks.results import CheckFailed, Result, grade
from numpycam.checks.shift_law import check_shift_law
from numpycam.checks.three_cams import check_three_cams
from numpycam.checks.two_suspects import check_mystery, mystery_networks
from numpycam.checks.verify_your_own import (
    check_both_sides,
    check_counterexample,
    check_sliding_backward,
    check_stamping_backward,
    linear_by_hand,
)

__all__ = [
    "CheckFailed",
    "Prediction",
    "Result",
    "check_accuracy",
    "check_alphas",
    "check_bends",
    "check_bilinear_row",
    "check_blind_spot",
    "check_both_sides",
    "check_by_hand",
    "check_cam",
    "check_cell_by_cell",
    "check_conv_backward",
    "check_conv_of_one_map",
    "check_conv_with_stride",
    "check_counterexample",
    "check_counterfactual",
    "check_deletion",
    "check_divided",
    "check_drop",
    "check_empty_map",
    "check_energy",
    "check_feature_map",
    "check_find_the_bug",
    "check_four_networks",
    "check_gap_alphas",
    "check_gap_head",
    "check_grad_cam",
    "check_grad_cam_plus_plus",
    "check_gradient_maps",
    "check_lookalike",
    "check_mystery",
    "check_nearest",
    "check_network",
    "check_normalise",
    "check_rank_correlation",
    "check_relu_backward",
    "check_removed",
    "check_residual_backward",
    "check_resize",
    "check_row",
    "check_same_probabilities",
    "check_shares",
    "check_shift_law",
    "check_sliding_backward",
    "check_split",
    "check_stamping_backward",
    "check_three_cams",
    "check_twin",
    "check_xgrad_alphas",
    "deletion_by_hand",
    "four_networks",
    "grade",
    "heat_by_hand",
    "kernel_by_hand",
    "linear_by_hand",
    "maps_by_hand",
    "mystery_networks",
    "predict",
    "signed_by_hand",
]
