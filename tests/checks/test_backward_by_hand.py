"""The checks of notebook 03: a broken law is shown with both sides; the suspects and their smallest counterexamples."""

import itertools
import re

import numpy as np
import pytest
from answers import solution, with_stage
from helpers import refusal

from numpycam.checks import CheckFailed, check_conv_backward, check_find_the_bug, check_relu_backward


def test_a_broken_law_is_shown_with_both_sides_and_a_convention_is_not_called_one():
    law = "\nThe adjoint identity fails: <f(x), u> = -10, but <x, dx> = -2.\n"
    assert law in refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: u.copy()))
    assert "identity" not in refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: u * (x >= 0)))


@pytest.mark.parametrize(
    ("name", "slot", "wrong"),
    [("dx", "x", lambda u, x, *rest: x), ("dw", "weight", lambda u, x, weight, *rest: weight)],
)
def test_a_law_is_shown_for_either_slot_of_a_convolution(name, slot, wrong):
    message = refusal(CheckFailed, lambda: check_conv_backward(with_stage(check_conv_backward, name, wrong)))
    assert re.search(rf"\nThe adjoint identity fails: <f\(x\), u> = -?\d+, but <{slot}, {name}> = -?\d+\.\n", message)


def test_a_mistake_that_cannot_be_made_in_every_case_explains_no_answer_that_runs_in_every_case():
    def exchanged_where_they_can_be(u, x, weight, *how):
        kernel = weight.swapaxes(0, 1) if weight.shape[0] == weight.shape[1] else weight
        return solution(check_conv_backward)(u, x, kernel, *how)[0]

    answer = with_stage(check_conv_backward, "dx", exchanged_where_they_can_be)
    message = refusal(CheckFailed, lambda: check_conv_backward(answer))
    assert message.startswith("dx, so that <f(x), u> = <x, dx>:\nIt is right for the first case, but not with u of ")


def test_the_strict_gate_of_the_output_is_right():
    check_relu_backward(lambda u, x: np.where(np.maximum(x, 0) > 0, u, 0))


# --- The suspects ----------------------------------------------------------------------------------------

FINDINGS = {
    "relu_backward": ("adjoint", {"u": [[1]], "x": [[-1]]}),
    "conv_backward": ("adjoint", {"u": [[1]], "x": [[1, 0]], "weight": [[1, 0]]}),
    "max_pool_backward": ("mass", {"u": [[1, 1]], "x": [[0, 1, 0]], "size": (1, 2)}),
    "avg_pool_backward": ("purity", {"u": [[1]], "x": [[0, 0]], "size": [1, 2]}),
}


def test_four_counterexamples_pass_each_with_a_line(capsys):
    check_find_the_bug(
        FINDINGS | {"conv_backward": ("adjoint", {"u": [[1]], "x": [[1], [0]], "weight": [["0.1"], [2]]})}
    )
    assert capsys.readouterr().out.splitlines() == [
        "✓ relu_backward breaks 'adjoint': <f(x), u> = 0, but <x, dx> = -1.",
        "✓ conv_backward breaks 'adjoint': <f(x), u> = 1/10, but <x, dx> = 2.",
        "✓ max_pool_backward breaks 'mass': Σ u = 2, but Σ dx = 1.",
        "✓ avg_pool_backward breaks 'purity': u before = [[1]], but u after = [[1/2]].",
        "✓ All four bugs are found, each with a law and a smallest input.",
    ]


def test_what_is_found_is_shown_even_if_the_rest_is_not(capsys):
    message = refusal(CheckFailed, lambda: check_find_the_bug(FINDINGS | {"conv_backward": ...}))
    assert message == "conv_backward is not there yet: replace the dots."
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "relu_backward",
        "max_pool_backward",
        "avg_pool_backward",
    ]


NO_FINDINGS = {
    "relu_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 11. When is its gate shut?": (
        "relu_backward", "adjoint", {"u": [[1, 2]], "x": [[3, 4]]}),
    "relu_backward: 'mass' is no law of this layer. The right backward pass breaks it, too: Σ u = 1, but Σ dx = 0.": (
        "relu_backward", "mass", {"u": [[1]], "x": [[-1]]}),
    "relu_backward: 'purity' holds there, u before = u after = [[1]]. dx is wrong there, but": (
        "relu_backward", "purity", {"u": [[1]], "x": [[-1]]}),
    "relu_backward: yes, 'adjoint' fails there: <f(x), u> = 0, but <x, dx> = -1. Now make it small: an x of 1 cell can "
    "show it; yours has 2.": ("relu_backward", "adjoint", {"u": [[0, 1]], "x": [[3, -1]]}),
    "conv_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 3.": (
        "conv_backward", "adjoint", {"u": [[1]], "x": [[1, 2]], "weight": [[1, 1]]}),
    "conv_backward: yes, 'adjoint' fails there: <f(x), u> = 1, but <x, dx> = 0. Now make it small: an x of 2 cells": (
        "conv_backward", "adjoint", {"u": [[1, 0]], "x": [[1, 0, 0]], "weight": [[1, 0]]}),
    "max_pool_backward: 'mass' holds there, Σ u = Σ dx = 2.": (
        "max_pool_backward", "mass", {"u": [[1, 1]], "x": [[1, 0, 1]], "size": (1, 2)}),
    "max_pool_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 0. dx is wrong there, but": (
        "max_pool_backward", "adjoint", {"u": [[1, 1]], "x": [[-1, 0, -1]], "size": (1, 2)}),
    "avg_pool_backward: 'mass' holds there, Σ u = Σ dx = 1. Look at what the function does": (
        "avg_pool_backward", "mass", {"u": [[1]], "x": [[1, 2]], "size": (1, 2)}),
    "avg_pool_backward: 'purity' holds there, u before = u after = [[1 2]].": (
        "avg_pool_backward", "purity", {"u": [[1, 2]], "x": [[3, 4]], "size": 1}),
}  # fmt: skip


@pytest.mark.parametrize("message", NO_FINDINGS)
def test_what_is_no_smallest_counterexample_does_not_pass(message):
    name, *finding = NO_FINDINGS[message]
    assert refusal(CheckFailed, lambda: check_find_the_bug(FINDINGS | {name: tuple(finding)})).startswith(message)


def test_a_law_and_inputs_that_fit_are_asked_for():
    u, x = [[1]], [[1, 2]]
    for finding, message in [
        ("adjoint", """write a finding as ("the law", {"u": ..., "x": ...}), got 'adjoint'."""),
        (("luck", {}), "the law is one of 'adjoint', 'mass', 'purity', got 'luck'."),
        (("mass", {"u": u, "x": x}), "the inputs are 'u', 'x', 'size', got 'u', 'x'."),
        (("mass", {"u": u, "x": [1, 2], "size": 2}), "x should be one map (H, W), a list of rows, got shape (2,)."),
        (("mass", {"u": u, "x": x, "size": (1, 3)}), "kernel of size (1, 3) with dilation (1, 1) spans 1 × 3 cells"),
        (("mass", {"u": x, "x": x, "size": (1, 2)}), "u should have the shape of f(x), (1, 1) here, got (1, 2)."),
        (("mass", {"u": [[float("nan")]], "x": x, "size": 1}), "u: value must hold finite numbers, got nan"),
        (("mass", {"u": u, "x": [[float("inf")]], "size": 1}), "x: value must hold finite numbers, got inf"),
        (("mass", {"u": u, "x": [["1/0"]], "size": 1}), "x: value must hold finite numbers, got '1/0'"),
        (("mass", {"u": u, "x": x, "size": "2"}), "size must be an instance of int, not str."),
    ]:
        answer = FINDINGS | {"max_pool_backward": finding}
        assert refusal(CheckFailed, lambda answer=answer: check_find_the_bug(answer)).startswith(
            f"max_pool_backward: {message}"
        )
    for answer in ({}, None, FINDINGS | {"linear_backward": ...}):
        assert refusal(CheckFailed, lambda answer=answer: check_find_the_bug(answer)).startswith(
            "Your findings should be a dictionary with the keys 'relu_backward', "
        )


@pytest.mark.parametrize(("name", "fewest"), [("conv_backward", 2), ("max_pool_backward", 3), ("avg_pool_backward", 2)])
def test_no_smaller_input_shows_a_bug(name, fewest):
    """All laws, over all u and x and weights of -1, 0, 1 with one cell less."""
    numbers = (-1, 0, 1)
    for law, shape in itertools.product(("adjoint", "mass", "purity"), [(1, fewest - 1), (fewest - 1, 1)]):
        for size in np.ndindex(shape):
            window = tuple(side + 1 for side in size)
            y_shape = tuple(n - k + 1 for n, k in zip(shape, window, strict=True))
            arrays = [shape, y_shape, window] if name == "conv_backward" else [shape, y_shape]
            for values in itertools.product(numbers, repeat=sum(map(np.prod, arrays))):
                parts = np.split(np.array(values), np.cumsum([np.prod(one) for one in arrays])[:-1])
                x, u, *weight = (part.reshape(one).tolist() for part, one in zip(parts, arrays, strict=True))
                rest = {"weight": weight[0]} if weight else {"size": window}
                finding = law, {"u": u, "x": x} | rest
                message = refusal(CheckFailed, lambda finding=finding: check_find_the_bug(FINDINGS | {name: finding}))
                assert "holds there" in message or "is no law of this layer" in message
