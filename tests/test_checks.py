"""The exercises' checks: a right answer passes, and every planted mistake gets its own hint."""

import numpy as np
import pytest
from helpers import refusal

from numpycam import grad_cam_from_maps, worked_example
from numpycam.checks import CheckFailed, check_grad_cam, check_network


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
        "kernels should be an array of shape (K, 1, 2, 2); yours has rows of different lengths.": network_solution(
            kernels=lambda a: [[1, 2], [3]]
        ),
        "There is no network with these kernels and this head: ": network_solution(
            kernels=lambda a: np.full((len(a), 1, 2, 2), "weight")
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
