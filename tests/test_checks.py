"""The exercises' checks: a right answer passes, and every planted mistake gets its own hint."""

import itertools
from functools import cache, partial

import numpy as np
import pytest
from helpers import refusal, same

from numpycam import grad_cam_from_maps, worked_example
from numpycam.checks import (
    CheckFailed,
    check_cell_by_cell,
    check_conv_backward,
    check_find_the_bug,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_mystery,
    check_network,
    check_relu_backward,
    check_shares,
    mystery_networks,
    suspects,
)
from numpycam.experiments.drawings import CLASS_NAMES, draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.methods import grad_cam_plus_plus, hirescam, layercam


def mean(g):
    return g.sum(axis=(1, 2)) / (g.shape[1] * g.shape[2])


def solution(average=mean, total=None, rectify=lambda x: np.maximum(x, 0)):
    """A solution with one of its steps replaced."""

    def answer(a, g):
        alphas = average(g) if average is mean or average.__code__.co_argcount == 1 else average(a, g)
        weighted_sum = (mean(g)[:, None, None] * a).sum(axis=0) if total is None else total(a, g)
        return alphas, weighted_sum, rectify(weighted_sum)

    return answer


def test_a_right_answer_passes_with_a_line(capsys):
    check_grad_cam(solution())
    out = capsys.readouterr().out
    assert out == "✓ alphas, weighted_sum and localization_map are exactly right, on 6 pairs of maps.\n"


MISTAKES = {
    "a sum where the mean should be?": solution(average=lambda g: g.sum(axis=(1, 2))),
    "You divide by 4: divide by Z = H·W": solution(average=lambda g: g.sum(axis=(1, 2)) / 4),
    "You divide by the number of all cells": solution(average=lambda g: g.sum(axis=(1, 2)) / g.size),
    "You divide by the number of maps": solution(average=lambda g: g.sum(axis=(1, 2)) / len(g)),
    "You divide by H:": solution(average=lambda g: g.sum(axis=(1, 2)) / g.shape[1]),
    "no keepdims": solution(average=lambda g: mean(g)[:, None, None]),
    "Rows and columns are exchanged": solution(total=lambda a, g: (mean(g)[:, None, None] * a).sum(axis=0).T),
    "mean of the feature maps": solution(average=lambda a, g: mean(a)),
    "the largest gradient": solution(average=lambda g: g.max(axis=(1, 2))),
    "signs matter": solution(average=lambda g: mean(np.abs(g))),
    "positive gradients only": solution(average=lambda g: mean(np.maximum(g, 0))),
    "ReLU on the alphas": solution(average=lambda g: np.maximum(mean(g), 0)),
    "mean over the maps: average each map's cells": solution(average=lambda g: g.mean(axis=0)),
    "one mean for all maps": solution(average=lambda g: g.mean()),
    "mean of g ⊙ A": solution(average=lambda a, g: mean(a * g)),
    "right for the worked example only": solution(average=lambda g: worked_example.ALPHAS),
    "a ReLU in it already": solution(total=lambda a, g: np.maximum((mean(g)[:, None, None] * a).sum(axis=0), 0)),
    "first add up, then ReLU": solution(total=lambda a, g: np.maximum(mean(g)[:, None, None] * a, 0).sum(axis=0)),
    "it should be their sum": solution(total=lambda a, g: (mean(g)[:, None, None] * a).mean(axis=0)),
    "without their weights": solution(total=lambda a, g: a.sum(axis=0)),
    "HiResCAM": solution(total=lambda a, g: (a * g).sum(axis=0)),
    "A and dy/dA are exchanged": solution(total=lambda a, g: (mean(a)[:, None, None] * g).sum(axis=0)),
    "These are the weighted maps": solution(total=lambda a, g: mean(g)[:, None, None] * a),
    "The ReLU is missing": solution(rectify=lambda x: x),
    "That is |L|": solution(rectify=np.abs),
    "the counterfactual map": solution(rectify=lambda x: np.maximum(-x, 0)),
    "divided by its maximum": solution(rectify=lambda x: np.maximum(x, 0) / x.max()),
}  # fmt: skip


@pytest.mark.parametrize("hint", MISTAKES, ids=lambda hint: hint[:40])
def test_every_mistake_gets_its_own_hint(hint, capsys):
    message = refusal(CheckFailed, lambda: check_grad_cam(MISTAKES[hint]))
    assert hint in message
    assert "The inputs were A =" in message
    assert capsys.readouterr().out == ""


def test_relu_before_the_sum_is_named_at_the_map_too():
    def only_in_the_map(a, g):
        alphas, weighted_sum, _ = solution()(a, g)
        return alphas, weighted_sum, np.maximum(alphas[:, None, None] * a, 0).sum(axis=0)

    message = refusal(CheckFailed, lambda: check_grad_cam(only_in_the_map))
    assert message.startswith("localization_map, ReLU(L):")
    assert "first add up, then ReLU" in message


def test_numbers_learned_by_heart_do_not_pass():
    def by_heart(a, g):
        explanation = grad_cam_from_maps(worked_example.FEATURE_MAPS, worked_example.GRADIENTS)
        return mean(g), explanation.weighted_sum, explanation.localization_map

    assert "right for the worked example only" in refusal(CheckFailed, lambda: check_grad_cam(by_heart))


def test_floats_are_told_that_they_are_floats():
    def in_floats(a, g):
        return solution()(a.astype(float), g.astype(float))

    assert "right up to rounding: somewhere a float came in" in refusal(CheckFailed, lambda: check_grad_cam(in_floats))


def test_a_mistake_in_floats_is_recognised_too():
    def sum_in_floats(a, g):
        alphas = g.astype(float).sum(axis=(1, 2))
        return alphas, a.sum(axis=0), a.sum(axis=0)

    assert "a sum where the mean should be?" in refusal(CheckFailed, lambda: check_grad_cam(sum_in_floats))


def test_what_is_right_on_squares_only_is_told_where_it_is_wrong():
    def right_on_squares(a, g):
        alphas, weighted_sum, localization_map = solution()(a, g)
        return alphas + (a.shape[1] != a.shape[2]), weighted_sum, localization_map

    message = refusal(CheckFailed, lambda: check_grad_cam(right_on_squares))
    assert "It is right for the 4 cases before, not with A of shape (2, 2, 3), dy/dA of shape (2, 2, 3)." in message


def test_the_form_of_an_answer():
    assert refusal(CheckFailed, lambda: check_grad_cam(lambda a, g: None)) == (
        "Your function should return three things, (alphas, weighted_sum, localization_map); it returned NoneType."
    )
    assert refusal(CheckFailed, lambda: check_grad_cam(lambda a, g: (mean(g), mean(g)))).endswith(
        "it returned 2 of them."
    )
    assert refusal(CheckFailed, lambda: check_grad_cam(lambda a, g: mean(g) * a)).startswith(
        "Your function raised ValueError with A of shape (3, 2, 2), dy/dA of shape (3, 2, 2): operands could not be "
    )
    assert refusal(CheckFailed, lambda: check_grad_cam(lambda a, g: (mean(g), ..., ...))) == (
        "weighted_sum is not there yet: replace the dots."
    )

    def in_place(a, g):
        a *= mean(g)[:, None, None]
        return mean(g), a.sum(axis=0), np.maximum(a.sum(axis=0), 0)

    assert "writes into its arguments" in refusal(CheckFailed, lambda: check_grad_cam(in_place))


NO_NUMBERS = {
    "should be an array of numbers; yours has rows of different lengths.": [[1, 2], [3]],
    "should hold numbers only, yours has str at index (0,).": ["one", "two"],
    "should hold numbers only, yours has complex at index (0,).": np.array([1j]),
    "should hold numbers only, yours has ndarray at index (1,).": np.array([1, np.ones(2)], dtype=object),
    "should hold numbers only, yours has dict.": {},
    "should hold numbers only, yours has NoneType at index (0, 1).\n"
    "(np.empty_like of Fractions holds None: start from x * 0 or np.zeros_like(x).)": [[1, None]],
}


@pytest.mark.parametrize("message", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_told_by_its_name(message):
    value = NO_NUMBERS[message]
    for name, check in {
        "weighted_sum": lambda: check_grad_cam(lambda a, g: (mean(g), value, mean(g))),
        "kernels": lambda: check_network(lambda a, g: (value, g.reshape(1, -1))),
        "dx": lambda: check_relu_backward(lambda u, x: value),
        "dw": lambda: check_conv_backward(lambda u, x, *how: (x, value)),
    }.items():
        assert refusal(CheckFailed, check) == f"{name} {message}"


def test_fractions_that_were_never_filled_in_are_told_where_they_come_from():
    def never_filled(u, x, weight, stride, padding):
        return np.empty_like(x), np.empty_like(weight)

    message = refusal(CheckFailed, lambda: check_conv_backward(never_filled))
    assert message.startswith("dx should hold numbers only, yours has NoneType at index (0, 0, 0, 0).\n(np.empty_like")


def test_a_notebook_shows_the_message_alone():
    assert CheckFailed("why")._render_traceback_() == ["✗ why"]
    assert issubclass(CheckFailed, AssertionError)


# --- The network of notebook 02 -----------------------------------------------------------------------


def kernels_of(a):
    """The picture's patches see one weight, one weight, all four, and the upper two."""
    kernels = a[:, None].copy()
    kernels[:, 0, 0, 0], kernels[:, 0, 0, 1] = a[:, 1, 1] - a[:, 0, 1], a[:, 0, 1]
    kernels[:, 0, 1, 0], kernels[:, 0, 1, 1] = a[:, 0, 0], a[:, 1, 0] - a[:, 1, 1] - a[:, 0, 0]
    return kernels


def network_solution(kernels=kernels_of, head=lambda g: g.reshape(1, -1)):
    return lambda a, g: (kernels(a), head(g))


def test_a_right_network_passes_with_a_line(capsys):
    check_network(network_solution())
    out = capsys.readouterr().out
    assert out == "✓ the network has exactly the feature maps and the gradient maps, on 4 pairs of them.\n"


NETWORK_MISTAKES = {
    "turned by 180°": network_solution(kernels=lambda a: kernels_of(a)[:, :, ::-1, ::-1]),
    "Rows and columns of the kernels are exchanged": network_solution(kernels=lambda a: kernels_of(a).swapaxes(2, 3)),
    "These are the feature maps themselves": network_solution(kernels=lambda a: a[:, None]),
    "They are right for the worked example only": network_solution(lambda a: worked_example.KERNELS[: len(a)]),
    "It is right for the worked example only": network_solution(
        head=lambda g: worked_example.GRADIENTS[: len(g)].reshape(1, -1)
    ),
    "Flatten goes map by map": network_solution(head=lambda g: np.moveaxis(g, 0, -1).reshape(1, -1)),
    "Flatten goes row by row": network_solution(head=lambda g: g.swapaxes(1, 2).reshape(1, -1)),
    "The sign is wrong": network_solution(head=lambda g: -g.reshape(1, -1)),
    "as behind a GAP head": network_solution(head=lambda g: np.repeat(mean(g), 4)[None]),
    "what does a linear head multiply them by?": lambda a, g: (kernels_of(a), a.reshape(1, -1)),
}


@pytest.mark.parametrize("hint", NETWORK_MISTAKES, ids=lambda hint: hint[:40])
def test_every_mistake_of_the_network_gets_its_own_hint(hint):
    assert hint in refusal(CheckFailed, lambda: check_network(NETWORK_MISTAKES[hint]))


def test_a_network_that_cannot_be_is_told_why():
    shapes = {
        "kernels should have the shape (K, 1, 2, 2) = (3, 1, 2, 2) here, yours has (3, 2, 2).": network_solution(
            kernels=lambda a: kernels_of(a)[:, 0]
        ),
        "kernels should have the shape (K, 1, 2, 2) = (2, 1, 2, 2) here, yours has (3, 1, 2, 2).": network_solution(
            kernels=lambda a: worked_example.KERNELS
        ),
        "head should have the shape (1, K·4) = (1, 12) here, yours has (2, 12).": network_solution(
            head=lambda g: np.vstack([g.reshape(1, -1)] * 2)
        ),
        "There is no network with these kernels and this head: value contains NaN": network_solution(
            kernels=lambda a: np.full((len(a), 1, 2, 2), np.nan)
        ),
        "There is no network with these kernels and this head: value must hold finite numbers": network_solution(
            kernels=lambda a: np.full((len(a), 1, 2, 2), np.inf, dtype=object)
        ),
    }
    for start, answer in shapes.items():
        assert refusal(CheckFailed, lambda answer=answer: check_network(answer)).startswith(start)


def test_whole_numbers_are_as_good_as_fractions():
    message = refusal(
        CheckFailed, lambda: check_network(network_solution(kernels=lambda a: np.ones((len(a), 1, 2, 2), int)))
    )
    assert message.startswith("kernels, so that the network's feature maps are A:")


def unsubtracted(*weights):
    def kernels(a):
        wrong = kernels_of(a)
        for row, column, cell in weights:
            wrong[:, 0, row, column] = a[:, cell[0], cell[1]]
        return wrong

    return network_solution(kernels=kernels)


@pytest.mark.parametrize("weights", [[(0, 0, (1, 1))], [(1, 1, (1, 0))], [(0, 0, (1, 1)), (1, 1, (1, 0))]])
def test_forgetting_to_subtract_gets_a_hint(weights):
    assert "subtract those you know" in refusal(CheckFailed, lambda: check_network(unsubtracted(*weights)))


def test_an_answer_that_writes_into_the_gradients_is_told_so():
    def in_place(a, g):
        g *= 0
        return mean(g), a.sum(axis=0), a.sum(axis=0)

    assert "writes into its arguments" in refusal(CheckFailed, lambda: check_grad_cam(in_place))


def test_a_network_in_floats_is_told_so():
    in_floats = network_solution(kernels=lambda a: kernels_of(a).astype(float))
    assert "somewhere a float came in" in refusal(CheckFailed, lambda: check_network(in_floats))


# --- The backward passes of notebook 03 ----------------------------------------------------------------


def test_a_right_relu_passes_with_a_line(capsys):
    check_relu_backward(lambda u, x: u * (x > 0))
    check_relu_backward(lambda u, x: np.where(np.maximum(x, 0) > 0, u, 0))  # the output's gate, strictly, is the same
    line = "✓ dx is exactly right, on 4 pairs of u and x: the gate is that of x, and shut at 0.\n"
    assert capsys.readouterr().out == 2 * line


RELU_MISTAKES = {
    "There is no gate": lambda u, x: u.copy(),
    "it is always true": lambda u, x: np.where(np.maximum(x, 0) >= 0, u, 0),
    "At x = 0 your gate is open": lambda u, x: u * (x >= 0),
    "whatever the sign of u": lambda u, x: np.where(u > 0, u, 0),
    "guided backpropagation": lambda u, x: np.maximum(u, 0) * (x > 0),
    "the wrong way round": lambda u, x: u * (x <= 0),
    "That is the gate itself": lambda u, x: x > 0,
    "the forward pass": lambda u, x: np.maximum(x, 0),
    "That is u · x:": lambda u, x: u * x,
    "That is u · y:": lambda u, x: u * np.maximum(x, 0),
}


@pytest.mark.parametrize("hint", RELU_MISTAKES)
def test_every_mistake_of_the_relu_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_relu_backward(RELU_MISTAKES[hint]))
    assert message.startswith("dx = ds/dx of a ReLU:\n")
    assert hint in message
    assert "The inputs were u =\n[[1 2 3]\n [-4 -5 -6]]\nand x =\n[[2 -1 0]\n [3 -2 0]]" in message


def test_a_broken_law_is_shown_with_both_sides_and_a_convention_is_not_called_one():
    law = "The adjoint identity fails: <f(x), u> = -10, but <x, dx> = -2."
    assert law in refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: u.copy()))
    assert "identity" not in refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: u * (x >= 0)))


def test_the_form_of_a_relu():
    def in_place(u, x):
        u[x <= 0] = 0
        return u

    assert "writes into its arguments" in refusal(CheckFailed, lambda: check_relu_backward(in_place))
    assert refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: None)) == (
        "dx is not there yet: replace the dots."
    )
    assert "It should have the shape (2, 3), yours has (6,)." in refusal(
        CheckFailed, lambda: check_relu_backward(lambda u, x: (u * (x > 0)).ravel())
    )


def conv(
    press=lambda onto, place, stamp: onto.__setitem__(place, onto[place] + stamp),
    turn=lambda weight: weight,
    strides=lambda down, right: (down, right),
    cut=lambda padded, top, left, height, width: padded[:, :, top : top + height, left : left + width],
    finish=lambda dx, dw, n: (dx, dw),
    empty=np.zeros_like,
    pictures=slice(None),
):
    """The loop of the solution, with one of its steps replaced."""

    def answer(u, x, weight, stride, padding):
        (down, right), (top, left), (height, width) = strides(*stride), padding, weight.shape[2:]
        padded = np.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
        dpadded, dw = empty(padded), empty(weight)
        for i, j in np.ndindex(u.shape[2:]):
            window = ..., slice(i * down, i * down + height), slice(j * right, j * right + width)
            share = u[:, :, i, j, None, None, None]
            press(dpadded, window, (share * turn(weight)).sum(axis=1))
            press(dw, ..., (share * padded[window][:, None])[pictures].sum(axis=0))
        return finish(cut(dpadded, top, left, *x.shape[2:]), dw, len(x))

    return answer


def test_a_right_convolution_passes_with_a_line(capsys):
    check_conv_backward(conv())
    assert capsys.readouterr().out == (
        "✓ <f(x), u> = <x, dx> = <weight, dw>, exactly, on 6 convolutions of several strides and borders.\n"
    )


def per_picture(u, x, weight, stride, padding):
    dx, _ = conv()(u, x, weight, stride, padding)
    return dx, np.stack([conv()(u[[n]], x[[n]], weight, stride, padding)[1] for n in range(len(x))])


CONV_MISTAKES = {
    "turned by 180°. Add u · kernel as it is": conv(turn=lambda weight: weight[:, :, ::-1, ::-1]),
    "The kernel stands upside down": conv(turn=lambda weight: weight[:, :, ::-1]),
    "The kernel is mirrored": conv(turn=lambda weight: weight[..., ::-1]),
    "u has O channels, dx has C": conv(turn=lambda weight: weight.swapaxes(0, 1)),
    "return dx first, then dw": conv(finish=lambda dx, dw, n: (dw, dx)),
    "with += instead of =": conv(press=lambda onto, place, stamp: onto.__setitem__(place, stamp)),
    "cut its border off again": conv(cut=lambda padded, *where: padded),
    "cut off at the bottom and on the right only": conv(
        cut=lambda padded, *where: padded[:, :, : where[2], : where[3]]
    ),
    "The stride is missing": conv(strides=lambda down, right: (1, 1)),
    "It lies the wrong way round": conv(finish=lambda dx, dw, n: (dx, dw[:, :, ::-1, ::-1])),
    "dw has the shape (O, C, KH, KW)": conv(finish=lambda dx, dw, n: (dx, dw.swapaxes(0, 1))),
    "one for each picture": per_picture,
    "the mean over the batch": conv(finish=lambda dx, dw, n: (dx, dw / n)),
    "Only the last picture counts": conv(pictures=slice(-1, None)),
    "Only the first picture counts": conv(pictures=slice(1)),
    "Only the last window counts": conv(
        press=lambda onto, place, stamp: onto.__setitem__(place, stamp + (0 if place is ... else onto[place]))
    ),
}


@pytest.mark.parametrize("hint", CONV_MISTAKES)
def test_every_mistake_of_the_convolution_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_conv_backward(CONV_MISTAKES[hint]))
    assert hint in message
    assert message.split(",")[0] in ("dx", "dw")


def dw_without_stride(u, x, weight, stride, padding):
    dx, _ = conv()(u, x, weight, stride, padding)
    return dx, conv()(u, x, weight, (1, 1), padding)[1]


def test_a_stride_forgotten_in_dw_alone_is_told():
    message = refusal(CheckFailed, lambda: check_conv_backward(dw_without_stride))
    assert message.startswith("dw, so that <f(x), u> = <weight, dw>:\nThe stride is missing")


def test_floats_in_a_convolution_are_told_where_they_come_from():
    message = refusal(CheckFailed, lambda: check_conv_backward(conv(empty=lambda like: np.zeros(like.shape))))
    assert "somewhere a float came in" in message
    in_place = conv(empty=lambda like: np.zeros(like.shape), press=lambda onto, place, stamp: onto.__iadd__(1 + stamp))
    message = refusal(CheckFailed, lambda: check_conv_backward(in_place))
    assert message.startswith("Your function raised ")
    assert "np.zeros(x.shape) makes floats" in message


def test_floats_among_objects_are_floats_too():
    as_objects = conv(finish=lambda dx, dw, n: (dx.astype(float).astype(object), dw))
    assert "somewhere a float came in" in refusal(CheckFailed, lambda: check_conv_backward(as_objects))


def test_many_numbers_are_not_printed():
    def right_on_single_pictures(u, x, *how):
        dx, dw = conv()(u, x, *how)
        return dx + (len(x) - 1), dw

    message = refusal(CheckFailed, lambda: check_conv_backward(right_on_single_pictures))
    sizes = (
        "u of shape (2, 3, 3, 3), x of shape (2, 2, 4, 5), weight of shape (3, 2, 2, 3), stride (2, 1), padding (1, 0)"
    )
    assert f"It is right for the 4 cases before, not with {sizes}." in message
    assert "At (0, 0, 0, 0) it should be " in message
    assert message.endswith(f"The inputs were {sizes}.")


def test_a_convolution_that_writes_into_any_argument_is_told_so():
    for argument in range(3):

        def in_place(*arrays, argument=argument):
            arrays[argument][0] += 1
            return conv()(*arrays)

        assert "writes into its arguments" in refusal(CheckFailed, lambda answer=in_place: check_conv_backward(answer))


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
        "✓ All four are found, each by a law and by a smallest input.",
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
    "relu_backward: 'mass' is no law of this layer, the right backward pass breaks it too: Σ u = 1, but Σ dx = 0.": (
        "relu_backward", "mass", {"u": [[1]], "x": [[-1]]}),
    "relu_backward: 'purity' holds there, u before = u after = [[1]]. When is its gate shut?": (
        "relu_backward", "purity", {"u": [[1]], "x": [[-1]]}),
    "relu_backward: yes, 'adjoint' fails there: <f(x), u> = 0, but <x, dx> = -1. Now make it small: an x of 1 cell can "
    "show it, yours has 2.": ("relu_backward", "adjoint", {"u": [[0, 1]], "x": [[3, -1]]}),
    "conv_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 3.": (
        "conv_backward", "adjoint", {"u": [[1]], "x": [[1, 2]], "weight": [[1, 1]]}),
    "conv_backward: yes, 'adjoint' fails there: <f(x), u> = 1, but <x, dx> = 0. Now make it small: an x of 2 cells": (
        "conv_backward", "adjoint", {"u": [[1, 0]], "x": [[1, 0, 0]], "weight": [[1, 0]]}),
    "max_pool_backward: 'mass' holds there, Σ u = Σ dx = 2.": (
        "max_pool_backward", "mass", {"u": [[1, 1]], "x": [[1, 0, 1]], "size": (1, 2)}),
    "max_pool_backward: 'adjoint' holds there, <f(x), u> = <x, dx> = 0. What if one cell is the winner of two": (
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
        ("adjoint", """a finding is written ("the law", {"u": ..., "x": ...}), got 'adjoint'."""),
        (("luck", {}), "the law is one of 'adjoint', 'mass', 'purity', got 'luck'."),
        (("mass", {"u": u, "x": x}), "the inputs are 'u', 'x', 'size', got 'u', 'x'."),
        (("mass", {"u": u, "x": [1, 2], "size": 2}), "x should be one map (H, W), a list of rows, got shape (2,)."),
        (("mass", {"u": u, "x": x, "size": (1, 3)}), "kernel of size (1, 3) with dilation (1, 1) spans 1 × 3 cells"),
        (("mass", {"u": x, "x": x, "size": (1, 2)}), "u should have the shape of f(x), (1, 1) here, got (1, 2)."),
        (("mass", {"u": [[float("nan")]], "x": x, "size": 1}), "u: value must hold finite numbers, got nan"),
        (("mass", {"u": u, "x": [[float("inf")]], "size": 1}), "x: value must hold finite numbers, got inf"),
        (("mass", {"u": u, "x": [["1/0"]], "size": 1}), "x: Fraction(1, 0)"),
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
            arrays = [shape, y_shape] + [window] * (name == "conv_backward")
            for values in itertools.product(numbers, repeat=sum(map(np.prod, arrays))):
                parts = np.split(np.array(values), np.cumsum([np.prod(one) for one in arrays])[:-1])
                x, u, *weight = (part.reshape(one).tolist() for part, one in zip(parts, arrays, strict=True))
                rest = {"weight": weight[0]} if weight else {"size": window}
                finding = law, {"u": u, "x": x} | rest
                message = refusal(CheckFailed, lambda finding=finding: check_find_the_bug(FINDINGS | {name: finding}))
                assert "holds there" in message or "is no law of this layer" in message


# --- The shares of notebook 04 ---------------------------------------------------------------------------


def part(some, whole):
    return some / whole if whole else 0


def sizes(a, alphas):
    return np.abs(alphas[:, None, None] * a).sum(axis=(1, 2))


def total(a, alphas):
    return (alphas[:, None, None] * a).sum(axis=0)


def heat(a, alphas):
    return np.maximum(total(a, alphas), 0)


def shares(
    share=lambda a, alphas, k: part(sizes(a, alphas)[k], sizes(a, alphas).sum()),
    energy=lambda a, alphas, mask: part(heat(a, alphas)[mask].sum(), heat(a, alphas).sum()),
):
    """The solution, with one of its measures replaced."""
    return lambda a, alphas, k, mask: (share(a, alphas, k), energy(a, alphas, mask))


def test_right_shares_pass_with_a_line(capsys):
    check_shares(shares())
    assert capsys.readouterr().out == (
        "✓ share and energy are exactly right, on 6 sets of maps, two of them with nothing to share.\n"
    )


def average(values):  # of numbers, or of none
    return part(sum(values.flat), values.size)


SHARE_MISTAKES = {
    "share of |α| alone. A kernel ten times as large": lambda a, alphas, k: abs(alphas[k]) / np.abs(alphas).sum(),
    "share of α alone, signs and all": lambda a, alphas, k: part(alphas[k], alphas.sum()),
    "That is α_k itself": lambda a, alphas, k: alphas[k],
    "The maps are not weighted": lambda a, alphas, k: part(np.abs(a[k]).sum(), np.abs(a).sum()),
    "cancel in your sums": lambda a, alphas, k: part((alphas[k] * a[k]).sum(), total(a, alphas).sum()),
    "You add up and take the size then": lambda a, alphas, k: part(
        abs((alphas[k] * a[k]).sum()), np.abs(alphas * a.sum(axis=(1, 2))).sum()
    ),
    "You divide by Σ|L|": lambda a, alphas, k: part(sizes(a, alphas)[k], np.abs(total(a, alphas)).sum()),
    "You divide by the sum of L": lambda a, alphas, k: part(sizes(a, alphas)[k], heat(a, alphas).sum()),
    "divide by what all of them do": lambda a, alphas, k: sizes(a, alphas)[k],
    "a mean above and a sum below": lambda a, alphas, k: part(
        np.abs(alphas[k] * a[k]).mean(), sizes(a, alphas).sum()
    ),
    "Only positive cells count": lambda a, alphas, k: part(
        np.maximum(alphas[k] * a[k], 0).sum(), np.maximum(alphas[:, None, None] * a, 0).sum()
    ),
    "Those are squares": lambda a, alphas, k: part(
        ((alphas[k] * a[k]) ** 2).sum(), ((alphas[:, None, None] * a) ** 2).sum()
    ),
    "the largest cell of each map": lambda a, alphas, k: part(
        np.abs(alphas[k] * a[k]).max(), np.abs(alphas[:, None, None] * a).max(axis=(1, 2)).sum()
    ),
    "k counts from 0": lambda a, alphas, k: part(sizes(a, alphas)[k - 1], sizes(a, alphas).sum()),
    "the share of all the others": lambda a, alphas, k: part(
        sizes(a, alphas).sum() - sizes(a, alphas)[k], sizes(a, alphas).sum()
    ),
    "It is right in percent": lambda a, alphas, k: part(100 * sizes(a, alphas)[k], sizes(a, alphas).sum()),
    "These are the shares of all kernels": lambda a, alphas, k: (
        sizes(a, alphas) / (sizes(a, alphas).sum() or 1)
    ),
    "right for the worked example only": lambda a, alphas, k: part(
        sizes(worked_example.FEATURE_MAPS, worked_example.ALPHAS)[2],
        sizes(worked_example.FEATURE_MAPS, worked_example.ALPHAS).sum(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("hint", SHARE_MISTAKES, ids=lambda hint: hint[:40])
def test_every_mistake_of_the_share_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_shares(shares(share=SHARE_MISTAKES[hint])))
    assert message.startswith("share, Σ|α_k A^k| / Σ_j Σ|α_j A^j|:\n")
    assert hint in message
    assert "and mask =\n[[" in message


ENERGY_MISTAKES = {
    "The ReLU is missing": lambda a, alphas, mask: part(total(a, alphas)[mask].sum(), total(a, alphas).sum()),
    "That is |L|": lambda a, alphas, mask: part(
        np.abs(total(a, alphas))[mask].sum(), np.abs(total(a, alphas)).sum()
    ),
    "first add up, then ReLU": lambda a, alphas, mask: part(
        np.maximum(alphas[:, None, None] * a, 0)[:, mask].sum(), np.maximum(alphas[:, None, None] * a, 0).sum()
    ),
    "turned inside out": lambda a, alphas, mask: part(heat(a, alphas)[~mask].sum(), heat(a, alphas).sum()),
    "You divide by the mask's area": lambda a, alphas, mask: part(
        average(heat(a, alphas)[mask]), average(heat(a, alphas))
    ),
    "You weigh two means": lambda a, alphas, mask: part(
        average(heat(a, alphas)[mask]), average(heat(a, alphas)[mask]) + average(heat(a, alphas)[~mask])
    ),
    "the mean inside the mask": lambda a, alphas, mask: average(heat(a, alphas)[mask]),
    "the sum inside the mask": lambda a, alphas, mask: heat(a, alphas)[mask].sum(),
    "divide by the number of cells": lambda a, alphas, mask: heat(a, alphas)[mask].sum() / mask.size,
    "divided by the maximum": lambda a, alphas, mask: part(heat(a, alphas)[mask].sum(), heat(a, alphas).max()),
    "by what is outside": lambda a, alphas, mask: part(heat(a, alphas)[mask].sum(), heat(a, alphas)[~mask].sum()),
    "You take the largest cell": lambda a, alphas, mask: part(heat(a, alphas)[mask].max(), heat(a, alphas).max()),
    "You count cells": lambda a, alphas, mask: part(
        int((heat(a, alphas) > 0)[mask].sum()), int((heat(a, alphas) > 0).sum())
    ),
    "the share of the area": lambda a, alphas, mask: mask.mean(),
    "the pointing game": lambda a, alphas, mask: int(
        heat(a, alphas).any() and mask[np.unravel_index(heat(a, alphas).argmax(), mask.shape)]
    ),
    "That is the map of kernel k": None,  # it needs k: below
    "It is right in percent": lambda a, alphas, mask: part(
        100 * heat(a, alphas)[mask].sum(), heat(a, alphas).sum()
    ),
    "right for the worked example only": lambda a, alphas, mask: part(
        heat(worked_example.FEATURE_MAPS, worked_example.ALPHAS)[:, 0].sum(),
        heat(worked_example.FEATURE_MAPS, worked_example.ALPHAS).sum(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("hint", ENERGY_MISTAKES, ids=lambda hint: hint[:40])
def test_every_mistake_of_the_energy_gets_its_own_hint(hint):
    def of_one_kernel(a, alphas, k, mask):
        own = np.maximum(alphas[k] * a[k], 0)
        return shares()(a, alphas, k, mask)[0], part(own[mask].sum(), own.sum())

    wrong = ENERGY_MISTAKES[hint]
    message = refusal(CheckFailed, lambda: check_shares(shares(energy=wrong) if wrong else of_one_kernel))
    assert message.startswith("energy, the sum of L inside the mask / the sum of L:\n")
    assert hint in message


def test_dividing_by_nothing_is_told_after_what_came_before():
    def careless(a, alphas, k, mask):
        return sizes(a, alphas)[k] / sizes(a, alphas).sum(), heat(a, alphas)[mask].sum() / heat(a, alphas).sum()

    def careless_and_wrong(a, alphas, k, mask):
        return abs(alphas[k]) / np.abs(alphas).sum(), careless(a, alphas, k, mask)[1]

    message = refusal(CheckFailed, lambda: check_shares(careless))
    assert message.startswith("Your function raised ZeroDivisionError with A of shape (2, 2, 3)")
    assert message.endswith("Of nothing, the share is 0.)")
    assert "That is the share of |α| alone." in refusal(CheckFailed, lambda: check_shares(careless_and_wrong))


def test_alphas_that_meet_no_axis_of_the_maps_are_told_how():
    message = refusal(CheckFailed, lambda: check_shares(lambda a, alphas, k, mask: (alphas * a, 0)))
    assert message.startswith("Your function raised ValueError with A of shape (3, 2, 2), α of shape (3,)")
    assert message.endswith("(α has the shape (K,), A has (K, H, W): write alphas[:, None, None] * feature_maps.)")
    message = refusal(CheckFailed, lambda: check_shares(lambda a, alphas, k, mask: a[99]))
    assert message.startswith("Your function raised IndexError")
    assert "\n" not in message


def test_share_and_energy_exchanged_are_told_so():
    message = refusal(CheckFailed, lambda: check_shares(lambda *inputs: shares()(*inputs)[::-1]))
    assert "That is the energy: return the two in their order, (share, energy)." in message


# --- The two networks of notebook 04 ---------------------------------------------------------------------


drawn = cache(partial(draw, animals="elephant"))  # the same seed, the same pictures: they are drawn once


@pytest.fixture(scope="module", autouse=True)
def draw_once():
    """The check draws its 400 pictures anew each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numpycam.checks.a_tiny_cnn_learns.draw", cache(draw))
        yield


@cache
def scores(seed, count, drawing_seed=7):
    """What both networks say of elephants with grass, without, and with the grass painted black."""
    x, without = (drawn(count, drawing_seed, grass=grass).images for grass in (True, False))
    pictures = (x, without, black(x, without))
    return {place: tuple(map(net, pictures)) for place, net in mystery_networks(seed).items()}


def drops(seed=0, count=200, what=lambda y, without, black: (y - without)[:, 1], **options):
    """What the experiment gives for both networks, or another one."""
    return {place: what(*y).mean() for place, y in scores(seed, count, **options).items()}


def findings(**options):
    numbers = drops(**options)
    return numbers | {"looks at the grass": max(numbers, key=numbers.get)}


@pytest.mark.parametrize("seed", range(4))
def test_the_experiment_finds_the_network_in_any_disguise(seed, capsys):
    check_mystery(findings(seed=seed), seed)
    assert capsys.readouterr().out == (
        f"✓ It is the {findings(seed=seed)['looks at the grass']} that looks at the grass: 400 fresh drawings say so, "
        "and give your two numbers.\n"
    )


def test_either_network_may_be_the_first():
    assert {findings(seed=seed)["looks at the grass"] for seed in range(4)} == {"first", "second"}


@pytest.mark.parametrize("seed", range(3))
def test_a_disguise_changes_no_answer_and_hides_the_third_kernel(seed):
    images = draw(200, seed=11, grass=True).images
    answers = {name: load_pretrained(name)(images) > 0 for name in NAMES}
    places = mystery_networks(seed)
    assert sorted(name for net in places.values() for name in NAMES if same(net(images) > 0, answers[name])) == [*NAMES]
    assert answers[NAMES[0]].shape == (200, len(CLASS_NAMES))
    for network in places.values():
        for name in NAMES:
            assert not same(network["conv1"].weight, load_pretrained(name)["conv1"].weight)
            assert not same(network["conv2"].weight, load_pretrained(name)["conv2"].weight)


def test_a_hundred_drawings_are_enough():
    for drawing_seed in range(6):
        check_mystery(findings(count=100, drawing_seed=drawing_seed))


def test_a_verdict_without_a_measurement_does_not_pass():
    for verdict, numbers in [
        ("first", (14.0, 1.5)),
        ("second", (1.5, 14.0)),
        ("first", (1, 0)),
        ("second", (0.0, 99.0)),
    ]:
        guess = dict(zip(("first", "second"), numbers, strict=True)) | {"looks at the grass": verdict}
        message = refusal(CheckFailed, lambda guess=guess: check_mystery(guess))
        assert "A verdict needs evidence." in message
        assert "400 fresh drawings give another, and a mean of 100 would be within" in message
        assert all(f"{drop:.1f}" not in message for drop in drops(count=400).values())
    zero_and_one = {"first": 0, "second": 1, "looks at the grass": "second"}
    assert "Take the scores." in refusal(CheckFailed, lambda: check_mystery(zero_and_one))


def test_one_right_number_is_not_called_wrong():
    message = refusal(CheckFailed, lambda: check_mystery(findings() | {"second": 3.0}))
    assert message.startswith("second: 3 is not the fall of its score: ")
    assert "first:" not in message


def test_a_verdict_against_the_numbers_is_held_against_them():
    right = findings()
    wrong = {"first": "second", "second": "first"}[right["looks at the grass"]]
    message = refusal(CheckFailed, lambda: check_mystery(right | {"looks at the grass": wrong}))
    assert message == (
        "Your numbers are right, but the verdict is not what they say. Without grass the elephant's score falls by "
        f"{right['first']:.1f} in the first and by {right['second']:.1f} in the second: which of them needs the grass?"
    )


def black(images, without):
    grass = np.abs(images - without).sum(axis=1, keepdims=True) > 0
    return np.where(grass, np.float32(0), images)


WRONG_DROPS = {
    "The signs are turned": lambda y, without, black: -(y - without)[:, 1],
    "Those are the scores of the cat": lambda y, without, black: (y - without)[:, 0],
    "the mean of both classes": lambda y, without, black: (y - without).mean(axis=1),
    "You have painted the grass black": lambda y, without, black: (y - black)[:, 1],
    "subtract the score without it": lambda y, without, black: y[:, 1],
    "subtract it from the score with it": lambda y, without, black: without[:, 1],
    "Those are probabilities": lambda y, without, black: (1 / (1 + np.exp(-y)) - 1 / (1 + np.exp(-without)))[:, 1],
    "or counts of answers": lambda y, without, black: 1.0 * (y > 0)[:, 1] - (without > 0)[:, 1],
}  # fmt: skip


@pytest.mark.parametrize("hint", WRONG_DROPS)
def test_every_wrong_experiment_gets_its_own_hint(hint):
    for seed in (0, 3):  # in either order
        numbers = drops(seed, 400, WRONG_DROPS[hint])
        answer = numbers | {"looks at the grass": "second"}
        assert hint in refusal(CheckFailed, lambda answer=answer, seed=seed: check_mystery(answer, seed))


def test_numbers_that_are_exchanged_are_told_so():
    right = findings()
    answer = right | {"first": right["second"], "second": right["first"]}
    assert refusal(CheckFailed, lambda: check_mystery(answer)).startswith("The two numbers are exchanged")


def test_the_form_of_the_findings():
    for change, message in [
        ({"first": None}, "first is not there yet: replace the dots."),
        ({"second": ...}, "second is not there yet: replace the dots."),
        ({"second": [1, 2]}, "second should be one number, a mean over drawings; yours has the shape (2,)."),
        ({"first": "much"}, "first should hold numbers only, yours has str."),
        ({"looks at the grass": ...}, "'looks at the grass' is not there yet: replace the dots."),
        ({"looks at the grass": "third"}, "'looks at the grass' should be 'first' or 'second', got 'third'."),
        ({"looks at the grass": 1}, "'looks at the grass' should be 'first' or 'second', got 1."),
    ]:
        assert refusal(CheckFailed, lambda change=change: check_mystery(findings() | change)) == message
    for answer in ({}, None, {"first": 1, "second": 2}):
        assert refusal(CheckFailed, lambda answer=answer: check_mystery(answer)) == (
            "Your findings should be a dictionary with the keys 'first', 'second', 'looks at the grass'."
        )
    not_a_number = findings() | {"first": float("nan")}
    assert refusal(CheckFailed, lambda: check_mystery(not_a_number)).startswith("first: nan is not the fall of")


# --- The cell-by-cell methods of notebook 08 -------------------------------------------------------------


def relu(x):
    return np.maximum(x, 0)


def hires(a, g):
    return relu((g * a).sum(axis=0))


def layer(a, g):
    return relu((relu(g) * a).sum(axis=0))


def element_wise(a, g):
    return relu(g * a).sum(axis=0)


def by_cell(hires=hires, layer=layer):
    return lambda a, g: (hires(a, g), layer(a, g))


def spread(alphas):
    return alphas[:, None, None]


def test_right_lines_pass_with_a_line(capsys):
    check_cell_by_cell(by_cell())
    assert capsys.readouterr().out == "✓ HiResCAM and LayerCAM are exactly right, on 5 pairs of maps.\n"


def by_heart(method):
    return lambda a, g: method.from_maps(worked_example.FEATURE_MAPS, worked_example.GRADIENTS).localization_map


OF_HIRES = {
    "that is element-wise Grad-CAM. What speaks against": element_wise,
    "that is LayerCAM. HiResCAM takes them with their signs": layer,
    "that is Grad-CAM. Here each cell has its own": lambda a, g: relu((spread(mean(g)) * a).sum(axis=0)),
    "You add up the maps before you multiply, (Σ g)(Σ A)": lambda a, g: relu(g.sum(axis=0) * a.sum(axis=0)),
    "That is with |g|: the gradients keep their signs": lambda a, g: relu((abs(g) * a).sum(axis=0)),
    "A is missing": lambda a, g: relu(g.sum(axis=0)),
    "The gradients are missing": lambda a, g: relu(a.sum(axis=0)),
    "right for the worked example only": by_heart(hirescam),
}
OF_LAYER = {
    "that is HiResCAM. LayerCAM counts a cell": hires,
    "that is element-wise Grad-CAM. It belongs around g alone": element_wise,
    "You add up the maps before you multiply, (Σ ReLU(g))(Σ A)": lambda a, g: relu(relu(g).sum(axis=0) * a.sum(axis=0)),
    "You add the gradients up before their ReLU": lambda a, g: relu((relu(g.sum(axis=0)) * a).sum(axis=0)),
    "You average the positive gradients": lambda a, g: relu((spread(mean(relu(g))) * a).sum(axis=0)),
    "Grad-CAM with a ReLU on its α": lambda a, g: relu((spread(relu(mean(g))) * a).sum(axis=0)),
    "Your ReLU is on A: it belongs on the gradients": lambda a, g: relu((g * relu(a)).sum(axis=0)),
    "You use g as a gate only": lambda a, g: relu(np.where(g > 0, a, 0).sum(axis=0)),
    "That is with |g|: a negative gradient becomes 0": lambda a, g: relu((abs(g) * a).sum(axis=0)),
    "right for the worked example only": by_heart(layercam),
}
OF_BOTH = {
    "The last ReLU is missing": lambda products, a: products.sum(axis=0),
    "what speaks against the class": lambda products, a: relu(-products.sum(axis=0)),
    "That is |L|": lambda products, a: abs(products.sum(axis=0)),
    "before they are added up: sum over k, the first axis": lambda products, a: products,
    "before they are added up: sum over k, then ReLU": lambda products, a: relu(products),
    "That is the mean over the maps": lambda products, a: relu(products.sum(axis=0)) / len(a),
    "Rows and columns are exchanged": lambda products, a: relu(products.sum(axis=0)).T,
    "a sum along a wrong axis": lambda products, a: relu(products.sum(axis=1)),
    "axis=0, and the cells along the others": lambda products, a: relu(products.sum(axis=2)),
    "You add up the cells of each map": lambda products, a: relu(products.sum(axis=(1, 2))),
    "That is one number, the sum over everything": lambda products, a: relu(products.sum()),
    "That is divided by its maximum": lambda products, a: relu(products.sum(axis=0)) / products.sum(axis=0).max(),
    "There is a ReLU on A": lambda products, a: relu(np.where(a > 0, products, 0).sum(axis=0)),
}  # fmt: skip


@pytest.mark.parametrize("hint", OF_HIRES)
def test_every_mistake_of_hirescam_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_cell_by_cell(by_cell(hires=OF_HIRES[hint])))
    assert message.startswith("hirescam, ReLU(Σ_k g^k ⊙ A^k):\n")
    assert hint in message


@pytest.mark.parametrize("hint", OF_LAYER)
def test_every_mistake_of_layercam_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_cell_by_cell(by_cell(layer=OF_LAYER[hint])))
    assert message.startswith("layercam, ReLU(Σ_k ReLU(g^k) ⊙ A^k):\n")
    assert hint in message


@pytest.mark.parametrize("hint", OF_BOTH)
def test_what_can_go_wrong_with_both_is_named_for_both(hint):
    wrong = OF_BOTH[hint]
    for answer in (
        by_cell(hires=lambda a, g: wrong(g * a, a)),
        by_cell(layer=lambda a, g: wrong(relu(g) * a, a)),
    ):
        assert hint in refusal(CheckFailed, lambda answer=answer: check_cell_by_cell(answer))


def test_exchanged_lines_are_told_what_they_are():
    message = refusal(CheckFailed, lambda: check_cell_by_cell(lambda a, g: (layer(a, g), hires(a, g))))
    assert "that is LayerCAM" in message
    assert "two things, (hirescam, layercam)" in refusal(CheckFailed, lambda: check_cell_by_cell(hires))


def test_what_is_the_same_on_the_worked_example_does_not_pass():
    a, g = worked_example.FEATURE_MAPS, worked_example.GRADIENTS
    assert (hires(a, g) == layer(a, g)).all()
    message = refusal(CheckFailed, lambda: check_cell_by_cell(by_cell(hires=layer)))
    assert "The inputs were A =" in message
    assert "1/10" not in message  # they are not those of the example


# --- The lost division of notebook 08 --------------------------------------------------------------------


def weights(below=lambda a, g: 2 * g**2 + spread(a.sum(axis=(1, 2))) * g**3, gate=lambda g: g > 0, last=relu):
    """The suspect, mended, or with something else wrong."""

    def answer(a, g):
        parts, divisor, used = g**2, below(a, g), gate(g)
        parts[used] = parts[used] / divisor[used]
        return (parts * last(g)).sum(axis=(1, 2))

    return answer


def test_a_found_division_passes_with_a_line(capsys):
    check_grad_cam_plus_plus(weights())
    check_grad_cam_plus_plus(lambda a, g: grad_cam_plus_plus.from_maps(a, g).alphas)
    line = "✓ The weights are exactly right, on 5 pairs of maps: the division is found.\n"
    assert capsys.readouterr().out == 2 * line


def test_the_suspect_has_lost_its_division():
    a, g = worked_example.FEATURE_MAPS, worked_example.GRADIENTS
    assert suspects.grad_cam_plus_plus(a, g).astype(str).tolist() == ["107", "395", "17/1000"]
    assert same(suspects.grad_cam_plus_plus(a, g), (relu(g) ** 3).sum(axis=(1, 2)))


def over(part, whole):
    return np.where(whole != 0, part / np.where(whole != 0, whole, 1), 0)


def normalised_parts(a, g):
    parts = np.where(g > 0, over(1, 2 + spread(a.sum(axis=(1, 2))) * g), 0)
    return (over(parts, spread(parts.sum(axis=(1, 2)))) * relu(g)).sum(axis=(1, 2))


def right_weights(a, g):
    return grad_cam_plus_plus.from_maps(a, g).alphas


WRONG_WEIGHTS = {
    "The division is still lost": suspects.grad_cam_plus_plus,
    "S_k g³ below the line is missing": weights(lambda a, g: 2 * g**2),
    "the 2 is missing": weights(lambda a, g: np.where(1 + spread(a.sum(axis=(1, 2))) * g == 0, 10**9, 1) * (
        g**2 + spread(a.sum(axis=(1, 2))) * g**3)),
    "Below the line 2 g² is missing": weights(lambda a, g: spread(a.sum(axis=(1, 2))) * g**3),
    "each is multiplied by ReLU(g_ij)": weights(last=lambda g: g > 0),
    "the sum goes over those with g > 0": weights(last=lambda g: g),
    "with a negative gradient count in yours": lambda a, g: mean(
        over(g, 2 + spread(a.sum(axis=(1, 2))) * g)) * g[0].size,
    "you take the mean": weights(lambda a, g: 2 * g**2 + spread(mean(a)) * g**3),
    "You add up all maps": weights(lambda a, g: 2 * g**2 + a.sum() * g**3),
    "You add up over the maps, axis 0": weights(lambda a, g: 2 * g**2 + a.sum(axis=0) * g**3),
    "There is no sum": lambda a, g: over(relu(g), 2 + a * g).sum(axis=(1, 2)),
    "There is a ReLU on A": weights(lambda a, g: 2 * g**2 + spread(relu(a).sum(axis=(1, 2))) * g**3),
    "not of its gradients": weights(lambda a, g: 2 * g**2 + spread(g.sum(axis=(1, 2))) * g**3),
    "That is the mean over the cells": lambda a, g: right_weights(a, g) / g[0].size,
    "Many ports do that": normalised_parts,
    "Those are the weights of Grad-CAM": lambda a, g: mean(g),
    "no keepdims": lambda a, g: spread(right_weights(a, g)),
    "add up those of each map": lambda a, g: over(relu(g), 2 + spread(a.sum(axis=(1, 2))) * g),
    "That is L, the weighted sum": lambda a, g: (spread(right_weights(a, g)) * a).sum(axis=0),
    "right for the worked example only": lambda a, g: right_weights(
        worked_example.FEATURE_MAPS, worked_example.GRADIENTS),
}  # fmt: skip


@pytest.mark.parametrize("hint", WRONG_WEIGHTS)
def test_every_mistake_of_the_weights_gets_its_own_hint(hint):
    message = refusal(CheckFailed, lambda: check_grad_cam_plus_plus(WRONG_WEIGHTS[hint]))
    assert message.startswith("weights, w_k = Σ g / (2 + S_k g) over the cells with g > 0:\n")
    assert hint in message


@pytest.mark.parametrize("gate", [lambda g: g == g, lambda g: g != 0])  # everywhere, and where g is not 0
def test_dividing_where_nothing_is_asked_is_told_so(gate):
    message = refusal(CheckFailed, lambda: check_grad_cam_plus_plus(weights(gate=gate)))
    assert message.startswith("Your function raised ZeroDivisionError with A of shape (2, 1, 3)")
    assert message.endswith("Only cells with g > 0 are asked: divide there and nowhere else.)")


def test_a_division_by_0_does_not_hide_what_came_before():
    wrong_and_careless = weights(lambda a, g: 2 * g**2 + spread(mean(a)) * g**3, gate=lambda g: g == g)
    message = refusal(CheckFailed, lambda: check_grad_cam_plus_plus(wrong_and_careless))
    assert "ZeroDivisionError" not in message
    assert "you take the mean" in message


def test_weights_that_overwrite_the_maps_are_told_so():
    def in_place(a, g):
        g *= g
        return g.sum(axis=(1, 2))

    assert "writes into its arguments" in refusal(CheckFailed, lambda: check_grad_cam_plus_plus(in_place))
