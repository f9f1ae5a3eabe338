"""The figure of two ways: what stands where, and where the lines lead."""

import numpy as np
import pytest
from helpers import collisions, refusal
from matplotlib.text import Annotation

from numpycam.display import figure_of_ways
from numpycam.exact import as_fractions

X, HIDDEN, BODY = ([[-2, 3, 0]], [[2, 0, 0]], [[4, 0, 0]])
WAYS = {"body": [("$-x$", HIDDEN), ("body$(x)$", BODY)], "shortcut": [("x", X)]}
FORWARD = figure_of_ways(("$x$", as_fractions(X)), WAYS, ("$y$", [[2, 3, 0]]))
BACKWARD = figure_of_ways(("$x$", X), WAYS, ("$y$", [[2, 3, 0]]), backward=True)


def maps(figure):
    """The axes of the maps, by what is written above them."""
    return {axes.get_title(): axes for axes in figure.axes if axes.images}


def middles(figure):
    """The middle of each map, in inches from the upper left corner."""
    width, height = figure.get_size_inches()
    boxes = {name: axes.get_position() for name, axes in maps(figure).items()}
    return {
        name: np.array([(box.x0 + box.x1) / 2 * width, (1 - (box.y0 + box.y1) / 2) * height])
        for name, box in boxes.items()
    }


def arrows(figure):
    """The ends of all arrows, in inches from the upper left corner."""
    figure.draw_without_rendering()
    paper = figure.axes[0]
    found = []
    for text in paper.texts:
        if isinstance(text, Annotation):
            ends = [paper.transData.transform(end) / figure.dpi for end in (text.get_position(), text.xy)]
            found.append(np.array([(x, figure.get_figheight() - y) for x, y in ends]))
    return found


def test_the_numbers_stand_in_the_maps_and_in_the_alternative_text():
    assert [text.get_text() for text in maps(FORWARD)["$y$"].texts] == ["2", "3", "0"]
    assert FORWARD.alt == (
        "From x: −2, 3, 0. By the body: -x: 2, 0, 0. body(x): 4, 0, 0. By the shortcut: x: −2, 3, 0. "
        "The sum: y: 2, 3, 0."
    )


def test_all_maps_have_one_scale_with_zero_in_its_middle():
    assert {axes.images[0].get_clim() for axes in maps(FORWARD).values()} == {(-4, 4)}


@pytest.mark.parametrize(("figure", "rightwards"), [(FORWARD, 1), (BACKWARD, -1)])
def test_from_the_start_both_ways_lead_to_the_sum(figure, rightwards):
    at = middles(figure)
    across = [rightwards * at[name][0] for name in ("$x$", "$-x$", "body$(x)$", "$y$")]
    assert across == sorted(across)
    assert at["x"][0] == pytest.approx(at["body$(x)$"][0])  # what adds up stands one below the other
    assert at["body$(x)$"][1] < at["$x$"][1] < at["x"][1]
    assert at["$x$"][1] == pytest.approx(at["$y$"][1])
    assert [name for name, middle in at.items() if middle[1] == pytest.approx(at["$-x$"][1])] == ["$-x$", "body$(x)$"]


@pytest.mark.parametrize(("figure", "rightwards"), [(FORWARD, 1), (BACKWARD, -1)])
def test_arrows_lead_into_every_map_but_the_first_and_twice_into_the_sum(figure, rightwards):
    at, ends = middles(figure), arrows(figure)
    for name in ("$-x$", "body$(x)$", "x", "$y$"):
        before = at[name] - (rightwards * 0.56, 0)  # half of a map, and a little space
        (arrow,) = (one for one in ends if np.allclose(one[1], before))
        assert rightwards * (arrow[1, 0] - arrow[0, 0]) > 0
    upper, lower = (one for one in ends if np.isclose(*one[:, 0]))  # these are upright
    assert upper[0, 1] == pytest.approx(at["$-x$"][1])
    assert lower[0, 1] == pytest.approx(at["x"][1])
    assert at["$y$"][1] - upper[1, 1] == pytest.approx(lower[1, 1] - at["$y$"][1])  # the edges of the circle
    assert 0 < at["$y$"][1] - upper[1, 1] < 0.2
    assert len(ends) == 6


@pytest.mark.parametrize("figure", [FORWARD, BACKWARD])
def test_no_text_meets_another_or_the_edge(figure):
    assert [pair for pair in collisions(figure) if "axes 0" not in pair] == []  # axes 0 are the sheet


def test_what_cannot_be_drawn_is_refused():
    x = ("x", X)
    for error, ways, message in [
        (ValueError, {}, "ways must hold two ways of one map or more, got [] maps."),
        (ValueError, {"body": [x]}, "ways must hold two ways of one map or more, got [1] maps."),
        (ValueError, {"body": [x], "shortcut": []}, "ways must hold two ways of one map or more, got [1, 0] maps."),
        (TypeError, [x, x], "ways must be a mapping of names to lists of pairs (text, map), got list."),
        (TypeError, {"body": [3], "shortcut": [x]}, "ways['body'] must be a pair (text, map), got 3."),
        (ValueError, {"body": [("x", [1])], "shortcut": [x]},
         "ways['body'] must have a map of shape (H, W) with no empty axis, got (1,)."),
        (ValueError, {"body": [x], "shortcut": [("x", [[]])]},
         "ways['shortcut'] must have a map of shape (H, W) with no empty axis, got (1, 0)."),
    ]:  # fmt: skip
        assert refusal(error, lambda ways=ways: figure_of_ways(x, ways, x)) == message
    assert refusal(TypeError, lambda: figure_of_ways((1, X), WAYS, x)).startswith("start must be ")
    assert refusal(TypeError, lambda: figure_of_ways(x, WAYS, "x")) == "end must be a pair (text, map), got 'x'."
