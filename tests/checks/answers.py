"""Answers to try the checks on: the notebooks' solutions, and what can go wrong with any of them."""

import runpy
from functools import cache
from pathlib import Path

from numpycam.checks import (
    check_accuracy,
    check_alphas,
    check_bends,
    check_bilinear_row,
    check_cam,
    check_cell_by_cell,
    check_conv_backward,
    check_conv_of_one_map,
    check_conv_with_stride,
    check_counterfactual,
    check_drop,
    check_energy,
    check_gap_alphas,
    check_gap_head,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_gradient_maps,
    check_lookalike,
    check_network,
    check_normalise,
    check_rank_correlation,
    check_relu_backward,
    check_residual_backward,
    check_resize,
    check_row,
    check_shares,
    check_split,
    check_twin,
    check_xgrad_alphas,
)
from numpycam.checks.a_real_network import GRADIENT_MAPS, NETWORK
from numpycam.checks.a_tiny_cnn_learns import ACCURACY, ENERGY, SHARES
from numpycam.checks.another_head import ROW
from numpycam.checks.backward_by_hand import CONV, CONV_OF_ONE_MAP, CONV_WITH_STRIDE, RELU
from numpycam.checks.bends import BENDS
from numpycam.checks.cam_and_grad_cam import CAM, GAP_ALPHAS, GAP_HEAD, LOOKALIKE
from numpycam.checks.can_you_trust_it import DROP
from numpycam.checks.grad_cam_by_hand import ALPHAS, GRAD_CAM
from numpycam.checks.negative_evidence import COUNTERFACTUAL, SPLIT
from numpycam.checks.normalised_map import NORMALISE
from numpycam.checks.other_cams import CELL_BY_CELL, GRAD_CAM_PLUS_PLUS, XGRAD_ALPHAS
from numpycam.checks.overlay import BILINEAR_ROW, RESIZE
from numpycam.checks.rank_correlation import RANK_CORRELATION
from numpycam.checks.residual_by_hand import RESIDUAL, TWIN

EXERCISES = {
    check_alphas: ALPHAS,
    check_grad_cam: GRAD_CAM,
    check_gradient_maps: GRADIENT_MAPS,
    check_network: NETWORK,
    check_relu_backward: RELU,
    check_conv_of_one_map: CONV_OF_ONE_MAP,
    check_conv_with_stride: CONV_WITH_STRIDE,
    check_conv_backward: CONV,
    check_residual_backward: RESIDUAL,
    check_twin: TWIN,
    check_accuracy: ACCURACY,
    check_energy: ENERGY,
    check_shares: SHARES,
    check_bilinear_row: BILINEAR_ROW,
    check_normalise: NORMALISE,
    check_resize: RESIZE,
    check_counterfactual: COUNTERFACTUAL,
    check_split: SPLIT,
    check_row: ROW,
    check_xgrad_alphas: XGRAD_ALPHAS,
    check_cam: CAM,
    check_gap_alphas: GAP_ALPHAS,
    check_gap_head: GAP_HEAD,
    check_lookalike: LOOKALIKE,
    check_cell_by_cell: CELL_BY_CELL,
    check_grad_cam_plus_plus: GRAD_CAM_PLUS_PLUS,
    check_drop: DROP,
    check_rank_correlation: RANK_CORRELATION,
    check_bends: BENDS,
}

SOLUTIONS = Path(__file__).parents[2] / "notebooks" / "solutions"


@cache
def solutions(notebook):
    """The names that the solutions of a notebook define."""
    return runpy.run_path(str(SOLUTIONS / f"{notebook}.py"))


def solution(check):
    """The answer for a check of EXERCISES, from the notebook that asks for it."""
    name = check.__name__.replace("check", "my")
    (path,) = (path for path in SOLUTIONS.glob("*.py") if f"\ndef {name}(" in path.read_text(encoding="utf-8"))
    return solutions(path.stem)[name]


def with_stage(check, name, wrong):
    """The right answer, with one of the things that it returns replaced by ``wrong(*inputs)``."""

    def answer(*inputs):
        things = [
            wrong(*inputs) if stage_name == name else stage.right(*inputs)
            for stage_name, stage in EXERCISES[check].stages.items()
        ]
        return things[0] if len(things) == 1 else tuple(things)

    return answer


def changed(check, name, change):
    """The right answer, with ``change(right thing)`` for one of the things that it returns."""
    right = EXERCISES[check].stages[name].right
    return with_stage(check, name, lambda *inputs: change(right(*inputs)))
