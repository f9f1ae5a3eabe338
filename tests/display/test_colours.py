"""How light colours are, and the figure of colour maps."""

import numpy as np
import pytest
from helpers import refusal
from matplotlib import colormaps

from numpycam.display import figure_of_colour_maps, lightness


def colours_of(name):
    return colormaps[name](np.linspace(0, 1, 256))[:, :3]


def test_lightness_goes_from_black_to_white_and_grey_in_between_has_no_hue():
    """The L* of CIE 1976 for sRGB: red is 53.2, green 87.7, blue 32.3; the middle grey of sRGB, 119/255, is 50.0."""
    known = {(0, 0, 0): 0, (1, 0, 0): 53.2, (0, 1, 0): 87.7, (0, 0, 1): 32.3, (1, 1, 1): 100}
    assert lightness([*known]).round(1).tolist() == [*known.values()]
    assert lightness(np.full((2, 4, 3), 119 / 255)).round(0).tolist() == [[50] * 4] * 2
    assert lightness([0.01] * 3).round(2) == 0.70  # 903.3 · 0.01 / 12.92: the straight piece near black


def test_our_colours_of_positive_maps_get_lighter_and_jet_does_not():
    assert (np.diff(lightness(colours_of("cividis"))) > 0).all()
    jet = lightness(colours_of("jet"))
    assert jet.argmax() not in (0, 255)
    assert (np.diff(jet) < 0).any()


@pytest.mark.parametrize("wrong", [1.0, [0.5, 0.5], [[0, 0, 0, 1]], [0, 0, 1.1], [-0.1, 0, 0]])
def test_what_is_no_colour_is_refused(wrong):
    assert refusal(ValueError, lambda: lightness(wrong)).startswith("colours must be red, green and blue in 0..1, ")


def test_each_colour_map_is_drawn_in_colour_without_hue_and_as_a_curve():
    figure = figure_of_colour_maps(["jet", "cividis"])
    for name in ("jet", "cividis"):
        numbers = ", ".join(f"{light:.2g}" for light in lightness(colours_of(name))[[0, 64, 128, 191, 255]])
        assert f"{name}: its lightness at 0, 0.25, 0.5, 0.75 and 1 is {numbers}." in figure.alt
    assert len(figure.axes) == 6
    for name, (strip, grey, curve) in zip(("jet", "cividis"), (figure.axes[:3], figure.axes[3:]), strict=True):
        light = lightness(colours_of(name))
        assert np.array_equal(strip.images[0].get_array(), colours_of(name)[None])
        assert np.allclose(grey.images[0].get_array(), (light / 100)[None, :, None].repeat(3, axis=2), rtol=1e-12)
        (line,) = curve.lines
        assert np.allclose(line.get_ydata(), light, rtol=1e-12)
    assert [text.get_text() for text in figure.texts] == ["jet", "cividis"]


@pytest.mark.parametrize(("names", "message"), [
    ([], "names must hold the name of one colour map at least, got none."),
    (["grey scale"], "colormap must be a colour map of matplotlib, got 'grey scale'."),
])  # fmt: skip
def test_what_is_no_colour_map_is_refused(names, message):
    assert refusal(ValueError, lambda: figure_of_colour_maps(names)) == message
