"""Numbers and tables as text."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpycam.exact import as_fractions
from numpycam.targets import Difference
from numpycam.text import (
    WIDTH,
    decimal,
    exact,
    exact_and_decimal,
    format_number,
    in_columns,
    maps_as_text,
    paragraph,
    percent,
    places,
    printable,
    scientific,
    shortened,
    table,
    whole_percent,
)

# --- Numbers ----------------------------------------------------------------------------------------


def test_a_decimal_has_six_digits_and_no_minus_before_zero():
    assert [decimal(value) for value in (Fraction(1, 3), -0.0, 28.6, np.float32(0.1), 10**7)] == [
        "0.333333", "0", "28.6", "0.1", "1e+07"]  # fmt: skip


def test_a_fraction_larger_than_any_float_has_a_decimal_too():
    assert decimal(Fraction(10**400, 3)) == "3.33333e+399"
    assert decimal(-Fraction(10**400)) == "-1.00000e+400"


def test_a_fraction_smaller_than_any_float_is_not_0():
    assert decimal(Fraction(1, 10**400)) == "1e-400"
    assert decimal(-Fraction(1, 10**1_000_002)) == "-1.00000e-1000002"
    assert decimal(Fraction(10**1_000_002, 3)) == "3.33333e+1000001"
    assert (
        decimal(Fraction(-(7**50_000), 3 * 10**90_000)) == f"{-(Decimal(7) ** 50_000) / 3 / Decimal(10) ** 90_000:.6g}"
    )


def test_what_has_more_digits_than_python_writes_is_told_by_their_number():
    digits = 10**5000
    assert exact(Fraction(3, 4)) == "3/4"
    assert exact(Fraction(digits)) == exact(Fraction(-1, digits)) == "[Fraction of about 5000 digits]"
    assert exact_and_decimal(Fraction(digits + 1, digits)) == "[Fraction of about 5000 digits] = 1"
    assert exact_and_decimal(Fraction(digits)) == "1.00000e+5000"
    assert exact(Difference({0: Fraction(digits)})) == "[Difference of too many digits]"
    assert "[Fraction of about 5000 digits]" in maps_as_text("A^{}", as_fractions([[[Fraction(1, digits)]]]))


def test_numbers_are_written_short_with_a_true_minus():
    values = (16.125, -2.0250000000000004, -0.0, 1 / 3, -0.00502421, 1234567.0, -10.625)
    assert [format_number(value) for value in values] == [
        "16.125", "−2.025", "0", "0.33333", "−0.00502", "1.23e+06", "−10.625"]  # fmt: skip


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_in_at_most_ten_characters_and_off_by_half_a_percent_at_most(value):
    text = format_number(value)
    assert len(text) <= 10  # −1.23e−100
    assert abs(Fraction(text.replace("−", "-")) - Fraction(value)) <= abs(Fraction(value)) / 200


def test_a_fraction_stands_before_its_decimal_and_what_is_whole_stands_alone():
    assert exact_and_decimal(Fraction(143, 5)) == "143/5 = 28.6"
    assert exact_and_decimal(Fraction(-81, 40), format_number) == "-81/40 = −2.025"
    assert exact_and_decimal(Fraction(4, 2)) == "2"
    assert exact_and_decimal(28.6) == "28.6"


def test_places_are_fixed_and_zero_has_no_minus():
    written = [places(1)(value) for value in (-0.04, Fraction(-1, 20), 2, np.float32(0.26))]
    assert written == ["0.0", "-0.1", "2.0", "0.3"]
    assert places(0)(-0.4) == "0"


def test_percent_has_one_decimal_and_no_line_breaks_before_its_sign():
    assert percent(Fraction(1, 3)) == "33.3\N{NO-BREAK SPACE}%"
    assert percent(0) == "0.0\N{NO-BREAK SPACE}%"
    assert percent(np.float32(0.0216)) == "2.2\N{NO-BREAK SPACE}%"


# --- Words and tables -------------------------------------------------------------------------------


def test_a_paragraph_is_indented_and_no_wider_than_the_screen():
    lines = paragraph("word " * 60).splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  word") and len(line) <= WIDTH for line in lines)


def test_what_could_change_the_terminal_or_turn_the_text_around_is_not_printed():
    assert printable("\x1b[2Jred\r\n\x9b\x7f") == "?[2Jred????"
    assert printable("cat \u202etac\u2069 a\u2028b\u2029 \ud800") == "cat ?tac? a?b? ?"
    for text in ("大象", "می\u200cخواهم\u00a0🏳\ufe0f\u200d🌈", "פיל", "x² – ½"):
        assert printable(text) == text


def test_a_text_is_shortened_to_as_many_characters_as_there_may_be():
    assert shortened("elephant", 8) == "elephant"
    assert shortened("elephant", 7) == "elepha…"


def test_each_column_is_as_wide_as_its_widest_cell_and_two_spaces_from_the_next():
    rows = [("cat", "12.5", "yes"), ("elephant", "-3.0", "no")]
    assert in_columns(rows, "<><") == ["cat       12.5  yes", "elephant  -3.0  no"]
    assert in_columns(rows, ">>>") == ["     cat  12.5  yes", "elephant  -3.0   no"]


def test_columns_end_where_their_last_cell_does():
    assert in_columns([("a", ""), ("b", "")], "<<") == ["a", "b"]
    with pytest.raises(ValueError, match="shorter"):
        in_columns([("a", "b"), ("c",)], "<<")


def test_a_table_of_fractions_has_them_as_they_are_and_as_decimals():
    assert maps_as_text("A^{}", as_fractions([[["1/2", 3], [-1, 0]]])).splitlines() == [
        "                       A^1",
        "  as fractions     1/2       3",
        "                    -1       0",
        "  as decimals      0.5       3",
        "                    -1       0",
    ]


def test_a_table_of_floats_has_decimals_alone_and_maps_stand_side_by_side():
    lines = maps_as_text("A^{}", np.array([[[0.5]], [[-2.0]]])).splitlines()
    assert [line.split() for line in lines] == [["A^1", "A^2"], ["in", "floats", "0.5", "-2"]]


def test_a_table_without_rows_is_empty():
    assert table({}) == ""


def test_a_part_in_whole_per_cent_does_not_break_before_its_sign():
    assert [whole_percent(part) for part in (0.634, 1, Fraction(1, 8), 0)] == [
        f"{number}\N{NO-BREAK SPACE}%" for number in (63, 100, 12, 0)
    ]


def test_a_scientific_number_has_one_decimal():
    assert [scientific(value) for value in (0.00087, Fraction(1, 3), 12345)] == ["8.7e-04", "3.3e-01", "1.2e+04"]
