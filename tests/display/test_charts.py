"""Charts of numbers: draws in rows of dots, and curves."""

import numpy as np
import pytest
from helpers import refusal

from numpycam.display import figure_of_curves, figure_of_draws
from numpycam.exact import as_fractions
from numpycam.metrics import area_under


def test_draws_are_dots_and_their_median_is_a_bar():
    figure = figure_of_draws({"one": [1, 2, 6], "other": as_fractions(["1/2"])}, "number", limits=(0, 10))
    (axes,) = figure.axes
    dots, bar, other_dots, other_bar = axes.lines
    assert dots.get_xdata().tolist() == [1, 2, 6]
    assert [*bar.get_xdata(), *other_bar.get_xdata()] == [2, 2, 0.5, 0.5]
    assert np.abs(dots.get_ydata()).max() < 0.5  # in its own row
    assert other_dots.get_xdata().tolist() == [0.5]
    assert axes.get_xlim() == (0, 10)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "other"]
    assert axes.get_xlabel() == "number"
    assert figure.alt == (
        "number, one dot for each draw. one: from 1 to 6, median 2. other: from 0.5 to 0.5, median 0.5."
    )


def test_curves_go_from_0_to_1_and_name_their_area():
    curve = as_fractions([9, 7, 4, -3, 0])
    figure = figure_of_curves({"Grad-CAM": curve, "by lot": [1, 2]}, "deleted")
    first, second, _ = figure.axes[0].lines
    assert first.get_xdata().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert first.get_ydata().tolist() == [9, 7, 4, -3, 0]
    assert first.get_linestyle() != second.get_linestyle()  # colour is never the only channel
    assert area_under(curve) == as_fractions("25/8")
    assert figure.alt == "Grad-CAM: from 9 to 0, area 3.1. by lot: from 1 to 2, area 1.5."


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
    assert "['one'] must be a row of at least" in refusal(ValueError, lambda: figure_of({"one": [[1, 2]]}, "x"))
    assert "['one'] must be a row of at least" in refusal(ValueError, lambda: figure_of({"one": []}, "x"))
    assert "['one']" in refusal(ValueError, lambda: figure_of({"one": [1, np.nan]}, "x"))
    assert "['one'] must be a row of at least 2" in refusal(ValueError, lambda: figure_of_curves({"one": [1]}, "x"))
