"""Answers to try the checks on: the notebooks' solutions, and what can go wrong with any of them."""

import runpy
from functools import cache
from pathlib import Path

from numpycam.checks import (
    check_cell_by_cell,
    check_conv_backward,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_network,
    check_relu_backward,
    check_residual_backward,
    check_shares,
    check_twin,
)
from numpycam.checks.a_real_network import NETWORK
from numpycam.checks.a_tiny_cnn_learns import SHARES
from numpycam.checks.backward_by_hand import CONV, RELU
from numpycam.checks.grad_cam_by_hand import GRAD_CAM
from numpycam.checks.other_cams import CELL_BY_CELL, GRAD_CAM_PLUS_PLUS
from numpycam.checks.residual_by_hand import RESIDUAL, TWIN

EXERCISES = {
    check_grad_cam: GRAD_CAM,
    check_network: NETWORK,
    check_relu_backward: RELU,
    check_conv_backward: CONV,
    check_residual_backward: RESIDUAL,
    check_twin: TWIN,
    check_shares: SHARES,
    check_cell_by_cell: CELL_BY_CELL,
    check_grad_cam_plus_plus: GRAD_CAM_PLUS_PLUS,
}

SOLUTIONS = Path(__file__).parents[2] / "notebooks" / "solutions"


@cache
def solutions(notebook):
    """The names that the solutions of a notebook define."""
    return runpy.run_path(str(SOLUTIONS / f"{notebook}.py"))


def solution(check):
    """The notebook's answer for a check of EXERCISES."""
    notebook = check.__module__.rpartition(".")[2].replace("residual_by_hand", "backward_by_hand")  # 03 has two files
    (path,) = SOLUTIONS.glob(f"*_{notebook}.py")
    return solutions(path.stem)[check.__name__.replace("check", "my")]


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
