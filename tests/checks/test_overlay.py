"""The checks of notebook 05: numbers by hand, laws of a normalised map, mistakes as students write them."""

import math
from fractions import Fraction

import numpy as np
import pytest
from answers import solution
from helpers import refusal, same, some

from numpycam.checks import (
    CheckFailed,
    check_bilinear_row,
    check_divided,
    check_nearest,
    check_normalise,
    check_resize,
    heat_by_hand,
    suspects,
)
from numpycam.checks.normalised_map import NORMALISE
from numpycam.checks.overlay import BILINEAR_ROW, DIVIDED, NEAREST, RESIZE
from numpycam.resize import resize

my_normalise = solution(check_normalise)
VARIANTS = pytest.mark.parametrize("variant", some(range(30)))


# --- By hand ---------------------------------------------------------------------------------------------


@VARIANTS
def test_the_map_by_hand_tells_all_mistakes_apart(variant):
    heat = heat_by_hand(variant)
    assert (heat.max(), len({*heat.flat})) == (8, 4)
    for exercise in (DIVIDED, NEAREST):
        (stage,) = exercise.stages.values()
        for wrong, _ in stage.mistakes:
            made = np.asarray(wrong(heat))
            assert made.shape != stage.right(heat).shape or (made != stage.right(heat)).any()


@pytest.mark.parametrize(("check", "exercise"), [(check_divided, DIVIDED), (check_nearest, NEAREST)])
def test_every_mistake_by_hand_gets_its_own_hint(check, exercise):
    (stage,) = exercise.stages.values()
    for wrong, hint in stage.mistakes:
        message = refusal(CheckFailed, lambda wrong=wrong: check(wrong(heat_by_hand()).tolist()))
        assert message.startswith(f"{stage.heading}\n{hint}\n")


@VARIANTS
def test_right_numbers_by_hand_pass_as_fractions_and_as_decimals(variant, capsys):
    heat = heat_by_hand(variant)
    for numbers in (heat / 8, heat.astype(float) / 8):
        check_divided(numbers.tolist(), variant=variant)
    check_nearest(heat.repeat(2, axis=0).repeat(2, axis=1).tolist(), variant=variant)
    assert capsys.readouterr().out.count("✓ ") == 3


def test_a_row_that_is_too_short_is_told():
    message = refusal(CheckFailed, lambda: check_divided([[1, 2], [3]]))
    assert message == "divided should be an array of numbers; yours has rows of different lengths."


# --- The cases -------------------------------------------------------------------------------------------


@VARIANTS
def test_the_cases_of_a_variant_tell_all_mistakes_from_the_right_answer(variant):
    """And from each other, where the hints differ. A mistake that raises for some case is no answer there."""
    for exercise in (BILINEAR_ROW, NORMALISE, RESIZE):
        (stage,) = exercise.stages.values()
        cases = [*exercise.cases(variant)]
        made = []
        for wrong, hint in stage.mistakes:
            results = [np.asarray(wrong(*case.values())) for case in cases]
            right = [stage.right(*case.values()) for case in cases]
            assert not all(same(one, other) for one, other in zip(results, right, strict=True)), hint
            made.append(([array.tolist() for array in results], hint))
        for results, hint in made:
            assert {other for others, other in made if others == results} == {hint}


@VARIANTS
def test_the_solutions_pass_whatever_is_drawn(variant, capsys):
    for check in (check_bilinear_row, check_normalise, check_resize):
        check(solution(check), variant=variant)
    assert capsys.readouterr().out.count("✓ ") == 3


def test_the_suspect_is_shifted_by_half_a_cell_and_takes_the_height_for_the_width():
    bright = np.array([[Fraction(n == 1) for n in range(3)]])  # one row: the middle cell of three
    assert suspects.resize(bright.T, (6, 1)).ravel().astype(str).tolist() == ["0", "1/2", "1", "1/2", "0", "0"]
    assert resize(bright.T, (6, 1)).ravel().astype(str).tolist() == ["0", "1/4", "3/4", "3/4", "1/4", "0"]
    assert suspects.resize(bright, (1, 6)).ravel().astype(str).tolist() == ["0", "1/6", "1/3", "1/2", "2/3", "5/6"]


# --- As students write them ------------------------------------------------------------------------------


def places(row, m, place):
    pixels = []
    for i in range(m):
        x = place(i, len(row), m)
        x = max(0, min(x, len(row) - 1))
        left = math.floor(x)
        right = min(left + 1, len(row) - 1)
        pixels.append(row[left] * (1 - (x - left)) + row[right] * (x - left))
    return pixels


def no_halves(row, m):
    return places(row, m, lambda i, n, m: i * Fraction(n, m))


def aligned(row, m):
    return places(row, m, lambda i, n, m: i * Fraction(n - 1, m - 1))


def each_twice(row, m):
    return [row[(2 * i + 1) * len(row) // (2 * m)] for i in range(m)]


def going_on(row, m):
    pixels = []
    for i in range(m):
        x = (i + Fraction(1, 2)) * len(row) / m - Fraction(1, 2)
        left = max(0, min(math.floor(x), len(row) - 2))
        right = min(left + 1, len(row) - 1)
        pixels.append(row[left] + (x - left) * (row[right] - row[left]))
    return pixels


def negative_left(row, m):
    pixels = []
    for i in range(m):
        x = (i + Fraction(1, 2)) * len(row) / m - Fraction(1, 2)
        left = int(x)
        right = min(left + 1, len(row) - 1)
        pixels.append(row[left] + (x - left) * (row[right] - row[left]))
    return pixels


def farther_counts_more(row, m):
    pixels = []
    for i in range(m):
        x = (i + Fraction(1, 2)) * len(row) / m - Fraction(1, 2)
        x = max(0, min(x, len(row) - 1))
        left = int(x)
        right = min(left + 1, len(row) - 1)
        pixels.append((x - left) * row[left] + (1 - (x - left)) * row[right])
    return pixels


def min_max(heat):
    if heat.max() == heat.min():
        return heat * 0
    return (heat - heat.min()) / (heat.max() - heat.min())


def by_the_maximum(heat):
    if heat.max() == 0:
        return heat
    return heat / heat.max()


def with_epsilon(heat):
    return heat / (abs(heat).max() + 1e-8)


def at_least(heat):
    return heat / max(np.abs(heat).max(), Fraction(1, 10**6))


def relu_first(heat):
    positive = np.maximum(heat, 0)
    return positive / positive.max() if positive.any() else positive


def ones_of_zeros(heat):
    largest = abs(heat).max()
    return heat / largest if largest > 0 else np.ones_like(heat)


def mended(heat, size, half=Fraction(1, 2), width=None, minus=Fraction(1, 2)):
    rows, columns = size
    tall = np.array([places(column, rows, lambda i, n, m: (i + half) * n / m - minus) for column in heat.T]).T
    across = heat.shape[1] if width is None else width
    return np.array([places(row, columns, lambda i, n, m: (i + half) * across / m - minus) for row in tall])


def width_forgotten(heat, size):
    return mended(heat, size, width=len(heat))


def shift_forgotten(heat, size):
    return mended(heat, size, half=0, minus=0)


def half_of_the_shift(heat, size):
    return mended(heat, size, minus=0)


def size_turned(heat, size):
    return mended(heat, (size[1], size[0]))


@pytest.mark.parametrize(("check", "answer", "hint"), [
    (check_bilinear_row, no_halves, "Your pixels lie at i n/m, so the map is shifted by half a cell"),
    (check_bilinear_row, aligned, "That is with aligned corners"),
    (check_bilinear_row, each_twice, "That is nearest"),
    (check_bilinear_row, going_on, "Beyond the outermost centres you go on in a straight line"),
    (check_bilinear_row, negative_left, "Before the first centre x is negative"),
    (check_bilinear_row, farther_counts_more, "The two weights are exchanged"),
    (check_normalise, min_max, "That is min-max"),
    (check_normalise, by_the_maximum, "Take the largest *absolute* value"),
    (check_normalise, with_epsilon, "There is a small number added below the line"),
    (check_normalise, at_least, "Below the line stands a smallest number"),
    (check_normalise, relu_first, "There is a ReLU in it"),
    (check_normalise, ones_of_zeros, "A map of zeros becomes a map of ones"),
    (check_resize, width_forgotten, "One bug is left: the columns of a map that is not square."),
    (check_resize, shift_forgotten, "Your pixels lie at i n/m, so the map is shifted by half a cell"),
    (check_resize, half_of_the_shift, "You add the 1/2 and do not subtract one at the end"),
    (check_resize, size_turned, "The size is (height, width): yours has them exchanged."),
])  # fmt: skip
def test_mistakes_written_by_hand_get_their_hints(check, answer, hint):
    assert f":\n{hint}" in refusal(CheckFailed, lambda: check(answer))


def test_the_answers_by_hand_are_right_but_for_their_mistakes(capsys):
    check_resize(mended)
    check_bilinear_row(lambda row, m: places(row, m, lambda i, n, m: (i + Fraction(1, 2)) * n / m - Fraction(1, 2)))
    assert capsys.readouterr().out.count("✓ ") == 2


def divided(heat):
    return heat / np.abs(heat).max()


def test_a_division_by_the_maximum_of_zeros_is_told():
    message = refusal(CheckFailed, lambda: check_normalise(divided))
    assert message.startswith("Your function raised ZeroDivisionError with heat of shape (2, 3)")
    assert "\nIt was raised by your line: return heat / np.abs(heat).max()\n" in message
    assert message.endswith("Then its maximum is 0, and there is nothing to divide: return zeros.)")


def nan_of_zeros(heat):
    largest = np.abs(heat).max()
    return heat / largest if largest != 0 else np.full(heat.shape, np.nan)


def test_a_nan_is_told():
    assert "\nThere is a NaN in it: was something divided by 0?\n" in refusal(
        CheckFailed, lambda: check_normalise(nan_of_zeros)
    )


@pytest.mark.parametrize(("change", "law"), [
    (lambda right: right / 2 + Fraction(1, 2), "A cell of 0 should stay 0."),
    (lambda right: np.where(right == 1, 1, -right), "Each cell should keep its sign."),
    (lambda right: right**3 / 2, "The largest absolute value should be 1."),
    (lambda right: right**3, "The inputs were heat ="),
    (lambda right: right[:1], "The inputs were heat ="),
])  # fmt: skip
def test_what_has_become_of_zero_and_of_the_signs_is_told(change, law):
    assert f"\n{law}" in refusal(CheckFailed, lambda: check_normalise(lambda heat: change(my_normalise(heat))))


def test_a_cell_beyond_the_last_is_told():
    def answer(row, m):
        place = [(i + Fraction(1, 2)) * len(row) / m - Fraction(1, 2) for i in range(m)]
        return [row[math.floor(x)] + (x - math.floor(x)) * (row[math.floor(x) + 1] - row[math.floor(x)]) for x in place]

    message = refusal(CheckFailed, lambda: check_bilinear_row(answer))
    assert "raised IndexError" in message
    assert message.endswith(
        "(Is there a cell on the right of the last one? Beyond the outermost centres, take the outermost cell.)"
    )


def test_a_fraction_as_an_index_of_a_list_is_told():
    message = refusal(CheckFailed, lambda: check_bilinear_row(lambda row, m: [*row][Fraction(1)]))
    assert message.endswith("(int(x) is a whole number, which can count cells; a Fraction cannot.)")


@pytest.mark.parametrize("check", [check_bilinear_row, check_normalise, check_resize])
def test_another_error_is_shown_without_advice(check):
    message = refusal(CheckFailed, lambda: check(lambda *given: given.shapes))
    assert message.startswith("Your function raised AttributeError with ")
    assert message.endswith(
        "It was raised by your line: message = refusal(CheckFailed, lambda: check(lambda *given: given.shapes))"
    )
