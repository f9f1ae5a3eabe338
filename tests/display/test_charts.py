"""Charts of numbers: draws in rows of dots, and curves."""

import numpy as np
import pytest
from helpers import refusal

from numpycam.display import figure_of_curves, figure_of_draws
from numpycam.exact import as_fractions
from numpycam.metrics import area_under


def test_draws_are_dots_and_their_median_is_a_bar():
    figure = figure_of_draws({"one": [2, 6, 1], "other": as_fractions(["1/2"])}, "number", limits=(0, 10))
    (axes,) = figure.axes
    dots, bar, other_dots, other_bar = axes.lines
    assert dots.get_xdata().tolist() == [2, 6, 1]
    assert [*bar.get_xdata(), *other_bar.get_xdata()] == [2, 2, 0.5, 0.5]
    for row, drawn in enumerate([[dots, bar], [other_dots, other_bar]]):
        heights = [height for line in drawn for height in line.get_ydata()]
        assert len({*heights}) == len(heights)  # dots side by side
        assert np.abs(np.array(heights) - row).max() < 0.5  # in its own row
        assert sum(drawn[1].get_ydata()) / 2 == row
        assert np.abs(drawn[0].get_ydata() - row).max() <= 0.25  # and within reach of the bar
    assert other_dots.get_xdata().tolist() == [0.5]
    assert axes.get_xlim() == (0, 10)
    assert axes.get_ylim() == (1.5, -0.5)  # the first row is on top
    assert not dots.get_clip_on()  # a dot at the end of the axis is whole
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "other"]
    assert axes.get_xlabel() == "number"
    assert figure.alt == (
        "number, one dot for each draw. one: from 1 to 6, median 2. other: from 0.5 to 0.5, median 0.5."
    )


def test_without_limits_the_axis_holds_all_draws_and_each_row_has_its_height():
    one, three = (figure_of_draws({name: [-5, 7] for name in names}, "number") for names in ("a", "abc"))
    least, most = one.axes[0].get_xlim()
    assert least <= -5 < 7 <= most
    assert three.get_figheight() > one.get_figheight()


def test_curves_go_from_0_to_1_and_name_their_area():
    curve = as_fractions([9, 7, 4, -3, 0])
    figure = figure_of_curves({"Grad-CAM": curve, "by lot": [1, 2]}, "deleted")
    (axes,) = figure.axes
    first, second, zero = axes.lines
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim()) == ("deleted", "$y^c$", (0, 1))
    assert zero.get_ydata() == [0, 0]
    assert zero.get_zorder() < min(first.get_zorder(), second.get_zorder())
    assert first.get_xdata().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert first.get_ydata().tolist() == [9, 7, 4, -3, 0]
    assert first.get_linestyle() != second.get_linestyle()  # colour is never the only channel
    assert first.get_color() != second.get_color()
    assert area_under(curve) == as_fractions("25/8")
    assert figure.alt == "Grad-CAM: from 9 to 0, area 3.1. by lot: from 1 to 2, area 1.5."


def test_any_number_of_curves_is_drawn_and_no_two_look_the_same():
    (axes,) = figure_of_curves({f"curve {n}": [n, 1] for n in range(9)}, "deleted", "the score").axes
    curves = axes.lines[:-1]
    assert [curve.get_label() for curve in curves] == [f"curve {n}" for n in range(9)]
    assert len({(curve.get_color(), curve.get_linestyle()) for curve in curves}) == 9
    assert axes.get_ylabel() == "the score"


@pytest.mark.parametrize("name", ["i", "at random, the mean of ten draws", "WWWWWWWWWWWWWWW"])
def test_the_legend_of_the_curves_stands_beside_them_and_in_the_figure(name):
    figure = figure_of_curves({name: [1, 2], "other": [2, 1]}, "deleted")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert axes.get_window_extent().x1 <= legend.x0
    assert legend.x1 <= figure.bbox.x1


@pytest.mark.parametrize("figure_of", [figure_of_curves, figure_of_draws])
def test_what_is_no_row_of_numbers_is_refused(figure_of):
    assert "must hold at least one row" in refusal(ValueError, lambda: figure_of({}, "x"))
    message = refusal(ValueError, lambda: figure_of({"one": [[1, 2]]}, "x"))
    assert "['one'] must be a row of at least" in message
    assert message.endswith("got shape (1, 2).")
    assert "['one'] must be a row of at least" in refusal(ValueError, lambda: figure_of({"one": []}, "x"))
    assert "['one']" in refusal(ValueError, lambda: figure_of({"one": [1, np.nan]}, "x"))
    assert "['one'] must be a row of at least 2" in refusal(ValueError, lambda: figure_of_curves({"one": [1]}, "x"))
