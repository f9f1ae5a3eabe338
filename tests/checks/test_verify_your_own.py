"""The checks of notebook 10: wrong answers as students give them, and what each is told."""

import re
import runpy
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers import refusal, some

from numpycam import checks
from numpycam.checks import (
    CheckFailed,
    check_shift_law,
    check_sliding_backward,
    check_stamping_backward,
    check_three_cams,
    suspects,
)
from numpycam.checks.three_cams import BUGS
from numpycam.core.layers import Conv2d

RIGHT = runpy.run_path(str(Path(__file__).parents[2] / "notebooks" / "solutions" / "10_verify_your_own.py"))


# --- One stamp after the other ---


def stamping(dx_share=None, dw_share=None, add=np.add, ending=lambda dx, dw: (dx, dw)):
    """The exercise's loop, with parts of it replaced."""

    def backward(u, x, weight):
        dx, dw = np.zeros_like(x), np.zeros_like(weight)
        height, width = weight.shape[2:]
        for n, o, i, j in np.ndindex(u.shape):
            window = n, slice(None), slice(i, i + height), slice(j, j + width)
            dx[window] = add(dx[window], (dx_share or (lambda u, w: u * w))(u[n, o, i, j], weight[o]))
            dw[o] = add(dw[o], (dw_share or (lambda u, x: u * x))(u[n, o, i, j], x[window]))
        return ending(dx, dw)

    return backward


@pytest.mark.parametrize("name", ["stamping_backward", "sliding_backward", "shift_law"])
def test_an_answer_that_calls_this_package_is_refused_by_the_name_of_what_it_calls(name):
    def answer(*inputs):
        layer = Conv2d(np.ones((1, 1, 1, 1)))
        layer(np.ones((1, 1, 1, 1)))
        return RIGHT[f"my_{name}"](*inputs)

    told = refusal(CheckFailed, lambda: getattr(checks, f"check_{name}")(answer))
    assert told == "Your function calls numpycam's own Conv2d, which does the exercise: write it yourself."


def zeroing_u(u, x, weight):
    result = RIGHT["my_stamping_backward"](u, x, weight)
    u *= 0
    return result


STAMPS = {
    "the last window wins": (stamping(add=lambda _, share: share), "conv2d breaks adjoint-x", ""),
    "the stamp is turned": (
        stamping(lambda u, w: u * w[:, ::-1, ::-1]), "conv2d breaks adjoint-x", "You do not slide, you stamp"),
    "u is forgotten": (stamping(lambda u, w: w), "conv2d breaks adjoint-x", "⟨x, dx⟩ = "),
    "u is forgotten in dw": (stamping(dw_share=lambda u, x: x), "conv2d breaks adjoint-w", "⟨W, dW⟩ = "),
    "a mean over the batch": (
        stamping(ending=lambda dx, dw: (dx, dw / len(dx))), "conv2d breaks adjoint-w", "with several pictures"),
    "the wrong order": (
        stamping(ending=lambda dx, dw: (dw, dx)), "conv2d breaks adjoint-x", "What you return as dx"),
    "dx alone": (stamping(ending=lambda dx, dw: dx), "backward returns no dw", "return (dx, dw)"),
    "no return": (stamping(ending=lambda dx, dw: None), "Your function returned None.", "Is there a return"),
    "u is written to": (zeroing_u, "conv2d breaks pure", ""),
    "the result of a call": ((1, 2), "Pass your function itself", "this is tuple"),
}  # fmt: skip


@pytest.mark.parametrize("name", some(STAMPS))
def test_a_wrong_stamp_gets_the_lesson_of_its_law(name):
    answer, beginning, says = STAMPS[name]
    message = refusal(CheckFailed, lambda: check_stamping_backward(answer))
    assert message.startswith(beginning)
    assert says in message


def test_the_loop_of_these_tests_is_right_but_for_its_mistakes(capsys):
    check_stamping_backward(stamping())
    assert re.match(r"✓ \d+ laws hold, in \d+ cases", capsys.readouterr().out)


# --- The kernel that slides ---


def sliding(border, is_turned=True, first=lambda p: 0):
    """The suspect, with another border of zeros, and windows that begin elsewhere."""

    def backward(u, x, weight, padding):
        (height, width), (top, left) = weight.shape[2:], padding
        above, beside = border(height, top), border(width, left)
        bordered = np.pad(u, [(0, 0), (0, 0), (above, above), (beside, beside)])
        kernel = weight[:, :, ::-1, ::-1] if is_turned else weight
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(x.shape):
            row, column = i + first(top), j + first(left)
            dx[n, c, i, j] = (bordered[n, :, row : row + height, column : column + width] * kernel[:, c]).sum()
        return dx

    return backward


def full(k, p):
    return k - 1


SLIDES = {
    "the suspect": (suspects.sliding_backward, ""),
    "k - 1 - p zeros, which can be fewer than none": (sliding(lambda k, p: k - 1 - p), "Put k - 1 zeros around u"),
    "no border is cut off": (sliding(full), "with padding"),
    "not turned": (sliding(full, is_turned=False, first=lambda p: p), "kernel"),
    "dots left": (lambda u, x, weight, padding: ..., "dx is not there yet: replace the dots."),
    "dots left inside": (lambda u, x, weight, padding: u + ..., "dx is not there yet: replace the dots."),
}


@pytest.mark.parametrize("name", some(SLIDES))
def test_a_wrong_slide_gets_the_lesson_of_its_law(name):
    answer, says = SLIDES[name]
    message = refusal(CheckFailed, lambda: check_sliding_backward(answer))
    assert message.startswith(("conv2d breaks adjoint-x", "dx is not there yet"))
    assert says in message


def test_the_slide_of_these_tests_is_right_but_for_its_mistakes(capsys):
    check_sliding_backward(sliding(full, first=lambda p: p))
    assert re.match(r"✓ \d+ laws hold, in \d+ cases", capsys.readouterr().out)


# --- Three CAMs ---

ONE, TWO = [[[1]]], [[[1, 1]]]
OTHER_EVIDENCE = {
    "second: with these A and g its map is right.": ("second", ("early ReLU", ONE, ONE)),
    "first: it is not 'softmax'. With these A and g the map should be [[1/2, 1/2]], 'softmax' makes": (
        "first", ("softmax", TWO, [[[1, 0]]])),
    "third: it is not 'sum'. With these A and g the map should be [[1]], 'sum' makes [[1]] of it, and the CAM says "
    "[[0.196612]].": ("third", ("sum", ONE, ONE)),
    "second: that can be. But with these A and g 'ReLU on gradients' makes the same map, [[1]].": (
        "second", ("early ReLU", [[[1]], [[1]]], [[[1]], [[-1]]])),
    "first: write the evidence as (\"the bug\", A, g), got 'sum'.": ("first", "sum"),
    "first: the bug is one of 'sum', 'mean of maps', ": ("first", ("mean", ONE, ONE)),
    "first: the bug is one of 'sum', 'mean of maps', 'early ReLU', ": ("first", (ONE, ONE, ONE)),
    "first: A and g should have the same shape, got (1, 1, 1) and (1, 1, 2).": ("first", ("sum", ONE, TWO)),
    "first: A should be maps (K, H, W), three lists inside each other, got shape (1, 1).": (
        "first", ("sum", [[1]], ONE)),
    "first: g: value must hold finite numbers, got nan": ("first", ("sum", ONE, [[[float("nan")]]])),
    "third is not there yet: replace the dots.": ("third", ...),
    "the bug of the third is not there yet: replace the dots.": ("third", (..., ONE, ONE)),
    "third: g is not there yet: replace the dots.": ("third", ("softmax", ONE, ...)),
}  # fmt: skip


@pytest.mark.parametrize("message", OTHER_EVIDENCE)
def test_what_proves_nothing_does_not_pass(message, capsys):
    name, evidence = OTHER_EVIDENCE[message]
    assert refusal(CheckFailed, lambda: check_three_cams(RIGHT["my_evidence"] | {name: evidence})).startswith(message)
    assert capsys.readouterr().out.count("✓") == 2  # the others do


def test_evidence_of_the_right_names_is_asked_for():
    for answer in ({}, None, ..., RIGHT["my_evidence"] | {"fourth": ...}):
        message = refusal(CheckFailed, lambda answer=answer: check_three_cams(answer))
        assert message == "Your findings should be a dictionary with the keys 'first', 'second', 'third'."


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_no_other_name_of_a_bug_passes_with_any_evidence(name):
    """Over all maps of one or two cells, and of one or two maps of one cell, with numbers -1, 1 and 2."""
    right, *_ = RIGHT["my_evidence"][name]
    shapes = [(1, 1, 1), (1, 1, 2), (2, 1, 1)]
    for shape in shapes:
        size = int(np.prod(shape))
        for values in product((-1, 1, 2), repeat=2 * size):
            a, g = (part.reshape(shape).tolist() for part in np.split(np.array(values), 2))
            for bug in BUGS.keys() - {right}:
                evidence = RIGHT["my_evidence"] | {name: (bug, a, g)}
                with pytest.raises(CheckFailed):
                    check_three_cams(evidence)


# --- A law of one's own ---

shifted = RIGHT["shifted"]


def shift_law(
    steps=lambda rows, down: rows // down,
    claims=lambda stride, padding, rows: rows % stride[0] == 0 and padding[0] == 0,
    ending=lambda left, right: (left, right),
    of_shifted=lambda conv, x, rows, *how: conv(shifted(x, rows), *how),
):
    """The right law, with parts of it replaced."""

    def law(conv, x, weight, stride, padding, rows):
        if not claims(stride, padding, rows):
            return None
        count = steps(rows, stride[0])
        y, moved = conv(x, weight, stride, padding), of_shifted(conv, x, rows, weight, stride, padding)
        return ending(moved[:, :, count:], y[:, :, : y.shape[2] - count])

    return law


LAWS = {
    "no hypothesis": (
        shift_law(claims=lambda *_: True), "Not true with stride (2, 1), padding (0, 0), shifted by 1: ",
        "The kernel moves by 2 rows. After a shift by 1, it meets other rows: claim nothing."),
    "a border is forgotten": (
        shift_law(claims=lambda stride, padding, rows: rows % stride[0] == 0),
        "Not true with stride (1, 1), padding (1, 0), shifted by 1: ", "At the bottom, the kernel sees the border."),
    "y moves by as much as the picture": (
        shift_law(steps=lambda rows, down: rows), "Not true with stride (2, 1), padding (0, 0), shifted by 2: ",
        "By how many rows does y move?"),
    "too careful with strides": (
        shift_law(claims=lambda stride, padding, rows: stride == (1, 1) and padding == (0, 0)),
        "Too careful: with stride (1, 2), ", "A stride from left to right does not matter to a shift down."),
    "too careful with the stride down": (
        shift_law(claims=lambda stride, padding, rows: stride[0] == 1 and padding[0] == 0),
        "Too careful: with stride (2, 1), ", "The picture moves by a multiple of the kernel's stride."),
    "too careful with borders": (
        shift_law(claims=lambda stride, padding, rows: rows % stride[0] == 0 and padding == (0, 0)),
        "Too careful: with stride (1, 1), padding (0, 1), ", "A border on the left and on the right does not matter"),
    "nothing is claimed": (
        shift_law(claims=lambda *_: False), "Too careful: with stride (1, 1), padding (0, 0), ", "There is no border"),
    "nothing is compared": (
        shift_law(ending=lambda left, right: (left[:0], right[:0])), "Too careful: with stride (1, 1)", "There is no"),
    "one side twice": (
        shift_law(ending=lambda left, right: (left, left)), "Your law is true, but too weak: ", "in reverse order"),
    "only the first row": (
        shift_law(ending=lambda left, right: (left[:, :, :1], right[:, :, :1])),
        "Your law is true, but too weak: ", "leaves its last row at 0"),
    "rows that do not fit": (
        shift_law(ending=lambda left, right: (left, right[:, :, 1:])),
        "With stride (1, 1), padding (0, 0), shifted by 1, the left side has the shape ", "can then be compared?"),
    "the comparison itself": (
        shift_law(ending=lambda left, right: (left == right).all()), "A law returns two sides, or None; with ", "bool"),
    "an error": (
        shift_law(of_shifted=lambda conv, x, rows, *how: conv(x[rows], *how)),
        "Your law raised ", "with stride (1, 1), padding (0, 0), shifted by 1: "),
    "dots": (lambda *_: ..., "the law is not there yet: replace the dots.", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_a_law_that_is_false_or_says_too_little_is_told_so(name):
    answer, beginning, says = LAWS[name]
    message = refusal(CheckFailed, lambda: check_shift_law(answer))
    assert message.startswith(beginning)
    assert says in message


def test_a_law_may_claim_more_where_there_is_a_border(capsys):
    """All rows whose windows end above the border are equal, too."""

    def law(conv, x, weight, stride, padding, rows):
        if rows % stride[0] != 0:
            return None
        count, (y, moved) = rows // stride[0], (conv(one, weight, stride, padding) for one in (x, shifted(x, rows)))
        sees_no_border = (x.shape[2] - weight.shape[2] + padding[0]) // stride[0] + 1
        return moved[:, :, count:sees_no_border], y[:, :, : max(sees_no_border - count, 0)]

    check_shift_law(law)
    check_shift_law(shift_law())
    assert capsys.readouterr().out.count("✓ Your law is true") == 2
