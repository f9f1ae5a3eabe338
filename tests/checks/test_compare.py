"""What all checks share: which answers pass, what is said of the form of an answer, and what a message holds."""

from fractions import Fraction

import numpy as np
import pytest
from answers import EXERCISES, changed, solution, with_stage
from helpers import refusal, some

from numpycam.checks import (
    CheckFailed,
    check_accuracy,
    check_bilinear_row,
    check_conv_backward,
    check_drop,
    check_grad_cam,
    check_grad_cam_plus_plus,
    check_lookalike,
    check_network,
    check_relu_backward,
    check_shares,
)
from numpycam.checks.compare import Exercise, Stage, array_as_text, check_each, refuse_unfinished
from numpycam.checks.compare import check as check_an_exercise

LINES = {
    "check_gradient_maps": "The gradient maps are exactly right, for 4 heads.",
    "check_conv_of_one_map": "dx and dw are exactly right, on 3 maps and kernels. None of them is square.",
    "check_conv_with_stride": "dx and dw are exactly right, on 5 maps, with several strides and borders.",
    "check_alphas": "The alphas are exactly right, for 6 sets of gradient maps of several sizes.",
    "check_grad_cam": "alphas, weighted_sum and localization_map are exactly right, on 6 pairs of maps.",
    "check_network": "the network has exactly the feature maps and the gradient maps, on 4 pairs of them.",
    "check_relu_backward": "dx is exactly right, on 4 pairs of u and x: the gate looks at x, and is shut at 0.",
    "check_conv_backward": "<f(x), u> = <x, dx> = <weight, dw>, exactly, on 6 convolutions with several strides and "
    "borders.",
    "check_residual_backward": "dx is exactly right, on 4 blocks: what comes by the body and what comes by the "
    "shortcut add up.",
    "check_twin": "The twin has the block's scores, exactly, on 5 blocks. At the sum Grad-CAM is the same on 5 of "
    "them, at the ReLU before on 2. Why?",
    "check_shares": "share and energy are exactly right, on 6 sets of maps, two of them with nothing to share.",
    "check_accuracy": "The shares of right answers are right, for 5 sets of scores.",
    "check_energy": "The energy is exactly right, on 5 maps, one of them 0 everywhere.",
    "check_xgrad_alphas": "The alphas of XGrad-CAM are exactly right, on 4 pairs of maps.",
    "check_bilinear_row": "The row is exactly right, at 6 lengths: its centres lie where they should.",
    "check_normalise": "All 10 maps are exactly right: 0 is 0, and the map of zeros is still there.",
    "check_resize": "All 6 maps lie where their cells are: both bugs are found.",
    "check_counterfactual": "The counterfactual map is exactly right, on 5 pairs of maps.",
    "check_split": "positive, negative and against are exactly right, on 6 maps.",
    "check_row": "With your v, p is the same and the map is the other one, on 4 heads.",
    "check_cell_by_cell": "HiResCAM and LayerCAM are exactly right, on 5 pairs of maps.",
    "check_cam": "CAM is exactly right, for 4 heads, with two and three classes.",
    "check_gap_alphas": "α is exactly right, for 4 heads, and nobody went backwards.",
    "check_gap_head": "weights and bias are exactly right, for 4 heads.",
    "check_lookalike": "A look-alike, 5 times: the score and the Grad-CAM are those of the GAP head, HiResCAM is not.",
    "check_drop": "The drop is exactly right, for 5 pictures and four networks.",
    "check_rank_correlation": "The rank correlation is exactly right, for 4 pairs of maps.",
    "check_bends": "Both are exactly right, for 5 functions: the second is f(x) - f(0).",
    "check_grad_cam_plus_plus": "The weights are exactly right, on 5 pairs of maps: the division is found.",
}


@pytest.mark.parametrize("check", EXERCISES)
def test_a_right_answer_passes_with_a_line(check, capsys):
    check(solution(check))
    check(with_stage(check, None, None))
    assert capsys.readouterr().out == 2 * f"✓ {LINES[check.__name__]}\n"


@pytest.mark.parametrize("check", EXERCISES)
def test_cases_are_not_all_square_and_no_answer_changes_them(check):
    """The maps of notebook 02 are 2 × 2, its picture is 4 × 4; its rows of weights have their sizes beside them.

    One case of 05 is a row.
    """
    first, second = list(EXERCISES[check].cases()), list(EXERCISES[check].cases())
    assert [str(case) for case in first] == [str(case) for case in second]
    shapes = {np.shape(value)[-2:] for case in first for value in case.values() if np.ndim(value) > 1}
    shapes |= {case["size"] for case in first if "size" in case}
    without = check_network, check_bilinear_row, check_drop
    assert any(height != width for height, width in shapes) or not shapes or check in without


@pytest.mark.parametrize("check", EXERCISES)
def test_an_answer_that_writes_into_any_argument_is_told_so(check):
    arrays = [name for name, value in next(iter(EXERCISES[check].cases())).items() if isinstance(value, np.ndarray)]
    right = solution(check)
    for argument in range(len(arrays)):

        def in_place(*inputs, argument=argument):
            things = right(*inputs)
            given = [value for value in inputs if isinstance(value, np.ndarray)][argument]
            given[...] = ~given if given.dtype == bool else given + 1
            return things

        assert refusal(CheckFailed, lambda answer=in_place: check(answer)) == (
            "Your function writes into its arguments: leave the caller's arrays as they are."
        )


def needs_fractions(check, name):
    """Whether a float rounds any of the right numbers. Else floats are exactly right, and pass."""
    right = EXERCISES[check].stages[name].right
    numbers = np.concatenate([np.ravel(right(*case.values())) for case in EXERCISES[check].cases()])
    return any(Fraction(float(number)) != number for number in numbers)


STAGES = [(check, name) for check in EXERCISES for name in EXERCISES[check].stages]


def test_floats_that_round_nothing_pass():
    exact = [(check, name) for check, name in STAGES if not needs_fractions(check, name)]
    assert exact == [(check_accuracy, "accuracy"), (check_lookalike, "weights")]
    for check, name in exact:
        check(changed(check, name, lambda thing: np.asarray(thing, dtype=float)))


@pytest.mark.parametrize(("check", "name"), some(stage for stage in STAGES if needs_fractions(*stage)))
def test_floats_are_told_that_they_are_floats(check, name):
    for in_floats in (
        changed(check, name, lambda thing: np.asarray(thing, dtype=float)),
        changed(check, name, lambda thing: np.asarray(thing, dtype=float).astype(object)),
    ):
        message = refusal(CheckFailed, lambda answer=in_floats: check(answer))
        assert message.startswith(name)
        assert "\nRight up to rounding, but somewhere a float came in." in message


def test_one_float_among_fractions_is_told():
    one = changed(check_grad_cam, "alphas", lambda alphas: np.array([*alphas[:-1], float(alphas[-1])], dtype=object))
    assert "somewhere a float came in." in refusal(CheckFailed, lambda: check_grad_cam(one))


def test_a_mistake_in_floats_is_recognised_too():
    sums_in_floats = with_stage(check_grad_cam, "alphas", lambda a, g: g.astype(float).sum(axis=(1, 2)))
    assert "take the mean instead of the sum" in refusal(CheckFailed, lambda: check_grad_cam(sums_in_floats))


NO_NUMBERS = {
    "should be an array of numbers; yours has rows of different lengths.": [[1, 2], [3]],
    "should hold numbers only; yours has str at index (0,).": ["one", "two"],
    "should hold numbers only; yours has complex at index (0,).": np.array([1j]),
    "should hold numbers only; yours has ndarray at index (1,).": np.array([1, np.ones(2)], dtype=object),
    "should hold numbers only; yours has dict.": {},
    "should hold numbers only; yours has NoneType at index (0, 1).\n"
    "(np.empty_like of Fractions holds None: start from x * 0 or np.zeros_like(x).)": [[1, None]],
    "is not there yet: replace the dots.": ...,
}


@pytest.mark.parametrize(("check", "name"), STAGES)
def test_what_is_no_array_of_numbers_is_told_by_its_name(check, name):
    for message, value in NO_NUMBERS.items():
        answer = with_stage(check, name, lambda *inputs, value=value: value)
        assert refusal(CheckFailed, lambda answer=answer: check(answer)) == f"{name} {message}"


def test_dots_are_found_in_a_list_and_none_among_things():
    for things in (([1, ...], 1, 1), (np.array([1, ...], dtype=object), 1, 1), (None, 1, 1)):
        message = refusal(CheckFailed, lambda things=things: check_grad_cam(lambda a, g: things))
        assert message == "alphas is not there yet: replace the dots."


def test_fractions_that_were_never_filled_in_are_told_where_they_come_from():
    never_filled = with_stage(check_conv_backward, "dx", lambda u, x, *how: np.empty_like(x))
    message = refusal(CheckFailed, lambda: check_conv_backward(never_filled))
    assert message.startswith("dx should hold numbers only; yours has NoneType at index (0, 0, 0, 0).\n(np.empty_like")


def test_the_number_of_things_is_told():
    for given, came in [((1, 2), "2 of them."), (3, "int.")]:
        assert refusal(CheckFailed, lambda given=given: check_grad_cam(lambda a, g: given)) == (
            f"Your function should return three things, (alphas, weighted_sum, localization_map); it returned {came}"
        )
    assert "two things, (kernels, head)" in refusal(CheckFailed, lambda: check_network(lambda a, g: a))
    assert refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: None)) == (
        "Your function returned None. Is there a return at its end?"
    )


def test_none_in_some_cases_is_told_apart_from_dots():
    def only_for_maps(u, x):
        return u * (x > 0) if u.ndim == 2 else None

    assert refusal(CheckFailed, lambda: check_relu_backward(only_for_maps)) == (
        "Your function returned None with u of shape (5,), x of shape (5,). Is there a way through it without a return?"
    )

    right = solution(check_shares)  # to read the notebook's solutions is no call of the answer's own

    def none_of_nothing(a, alphas, k, mask):
        share, energy = right(a, alphas, k, mask)
        return share, energy or None

    message = refusal(CheckFailed, lambda: check_shares(none_of_nothing))
    assert message.startswith("energy is None with A of shape (2, 2, 3), ")
    assert message.endswith(": return a number in every case.\n(Where there is nothing to share, return 0.)")


def test_a_result_instead_of_the_function_is_told():
    assert refusal(CheckFailed, lambda: check_grad_cam((1, 2, 3))) == (
        "Pass your function itself, without calling it; this is tuple."
    )


SHAPES = "Your function raised ValueError with A of shape (3, 2, 2), "
RAISED = {
    f"{SHAPES}dy/dA of shape (3, 2, 2): operands could not": (
        check_grad_cam, lambda a, g: g.sum(axis=(1, 2)) * a, "write alphas[:, None, None] * feature_maps.)"),
    f"{SHAPES}α of shape (3,), k 2, mask of shape (2, 2): operands could not": (
        check_shares, lambda a, alphas, k, mask: (alphas * a, 0), "write alphas[:, None, None] * feature_maps.)"),
    f"{SHAPES}dy/dA of shape (3, 2, 2): operands could not be": (
        check_grad_cam_plus_plus, lambda a, g: a.sum(axis=(1, 2)) * g, "sum with keepdims=True.)"),
    "Your function raised IndexError with A of shape (3, 2, 2)": (
        check_shares, lambda a, alphas, k, mask: a[99], "take it from the argument, and write no number.)"),
    "Your function raised ZeroDivisionError with u of shape (1, 1, 2, 3)": (
        check_conv_backward, lambda *case: 1 / 0, "division by zero"),
    "Your function raised ValueError with u of shape (1, 1, 2, 3)": (
        check_conv_backward, lambda u, x, weight, *how: u * x, "window (i, j) begins at (down · i, right · j) there.)"),
    "Your function raised TypeError with u of shape (2, 3), x of shape (2, 3): unsupported operand": (
        check_relu_backward, lambda u, x: u * ..., "(Some dots are still there: replace them.)"),
    "Your function raised UFuncTypeError": (
        check_conv_backward, lambda u, *rest: np.zeros(u.shape).__iadd__(u), "np.zeros(x.shape) makes floats.)"),
}  # fmt: skip


@pytest.mark.parametrize("start", RAISED)
def test_an_error_is_shown_with_advice_if_there_is_some(start):
    check, answer, end = RAISED[start]
    message = refusal(CheckFailed, lambda: check(answer))
    assert message.startswith(start)
    first, line, *advice = message.split("\n")
    assert line.startswith("It was raised by your line: ")
    assert [first, *advice][-1].endswith(end)
    assert len(advice) == end.endswith(")")


def test_an_error_does_not_hide_a_mistake_in_an_earlier_case():
    def careless_and_wrong(a, alphas, k, mask):
        heat = np.maximum((alphas[:, None, None] * a).sum(axis=0), 0)
        return abs(alphas[k]) / np.abs(alphas).sum(), heat[mask].sum() / heat.sum()

    assert "That is the share of |α| alone." in refusal(CheckFailed, lambda: check_shares(careless_and_wrong))


def test_what_raised_the_error_is_kept_for_a_debugger():
    with pytest.raises(CheckFailed) as raised:
        check_relu_backward(lambda u, x: 1 / 0)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_how_many_cases_are_right_is_told():
    not_for_wide_maps = changed(check_grad_cam, "alphas", lambda alphas: alphas + (len(alphas) == 2))
    message = refusal(CheckFailed, lambda: check_grad_cam(not_for_wide_maps))
    assert (
        "\nIt is right for the first 2 cases, but not with A of shape (2, 2, 2), dy/dA of shape (2, 2, 2)." in message
    )
    for_the_first = with_stage(check_relu_backward, "dx", lambda u, x: u * (x > 0) + (u.ndim == 1))
    assert "\nIt is right for the first case, but not with u of shape (5,), x of shape (5,)." in refusal(
        CheckFailed, lambda: check_relu_backward(for_the_first)
    )


def test_many_numbers_are_not_printed():
    right_on_single_pictures = with_stage(
        check_conv_backward, "dx", lambda u, x, *how: EXERCISES[check_conv_backward].stages["dx"].right(u, x, *how)
        + (len(x) - 1)
    )  # fmt: skip
    message = refusal(CheckFailed, lambda: check_conv_backward(right_on_single_pictures))
    sizes = (
        "u of shape (2, 3, 3, 3), x of shape (2, 2, 4, 5), weight of shape (3, 2, 2, 3), stride (2, 1), padding (1, 0)"
    )
    assert f"It is right for the first 4 cases, but not with {sizes}." in message
    assert "At (0, 0, 0, 0) the number should be " in message
    assert message.endswith(f"The inputs were {sizes}.")


@pytest.mark.parametrize("count", [24, 25])
def test_at_most_24_numbers_are_printed(count):
    x = np.arange(count).astype(object)

    def answer(x):
        return x + (x == 3) * 40

    exercise = Exercise({"y": Stage("y:", lambda x: x, [])}, lambda variant: [{"x": x}])
    message = refusal(CheckFailed, lambda: check_an_exercise(exercise, answer))
    assert (f"Expected:\n{array_as_text(x)}\nYours:\n{array_as_text(answer(x))}\n" in message) == (count == 24)
    assert ("At (3,) the number should be 3; yours is 43." in message) == (count == 25)
    assert message.endswith(f"x =\n{array_as_text(x)}" if count == 24 else "The inputs were x of shape (25,).")


def test_few_numbers_are_printed_as_one_writes_them():
    message = refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: u / 3))
    assert "\nExpected:\n[[1 0 0]\n [-4 0 0]]\nYours:\n[[1/3 2/3 1]\n [-4/3 -5/3 -2]]\n" in message
    assert message.endswith("\nThe inputs were u =\n[[1 2 3]\n [-4 -5 -6]]\nand x =\n[[2 -1 0]\n [3 -2 0]]")


def test_a_wrong_shape_is_told():
    message = refusal(CheckFailed, lambda: check_relu_backward(lambda u, x: (u * (x > 0)).ravel()))
    assert message.startswith(
        "dx = ds/dx of a ReLU:\nThe numbers are right, but not the shape.\nThe shape should be (2, 3); yours is (6,).\n"
    )


def test_an_answer_may_return_a_list_of_its_things():
    right = solution(check_grad_cam)
    assert check_grad_cam(lambda *inputs: [*right(*inputs)]).is_right


@pytest.mark.parametrize(
    ("answer", "name"), [(lambda x: x * ..., "dx"), (lambda x: (x, ...), "dw"), (lambda x: (None, x), "dx")]
)
def test_what_is_unfinished_is_named_before_any_law_is_asked(answer, name):
    message = refusal(CheckFailed, lambda: refuse_unfinished(answer, [np.ones(2)], ["dx", "dw"]))
    assert message == f"{name} is not there yet: replace the dots."


def test_an_answer_that_writes_into_its_arguments_spoils_none_for_the_laws():
    x = np.zeros(2)
    refuse_unfinished(lambda given: given.__iadd__(1), [x], ["dx"])
    assert not x.any()


def judge(name, finding):
    """Refuse what is no 1."""
    if finding != 1:
        raise CheckFailed(f"{name} is no 1.")
    return f"{name} is 1."


def test_each_finding_has_its_point_and_the_first_that_is_wrong_is_named(capsys):
    assert check_each({"a": 1, "b": 1}, ["a", "b"], judge).points == 2
    with pytest.raises(CheckFailed, match="b is no 1") as raised:
        check_each({"a": 1, "b": 2, "c": 3}, ["a", "b", "c"], judge)
    assert (raised.value.points, raised.value.out_of) == (1, 3)
    assert capsys.readouterr().out == "✓ a is 1.\n✓ b is 1.\n✓ a is 1.\n"


@pytest.mark.parametrize("findings", [{"a": 1}, {"a": 1, "b": 1, "c": 1}, ["a", "b"], None])
def test_findings_have_the_keys_that_are_asked_for_and_no_more(findings):
    message = refusal(CheckFailed, lambda: check_each(findings, ["a", "b"], judge))
    assert message == "Your findings should be a dictionary with the keys 'a', 'b'."


def test_a_notebook_shows_the_message_alone():
    assert CheckFailed("why")._render_traceback_() == ["✗ why"]
    assert issubclass(CheckFailed, AssertionError)
