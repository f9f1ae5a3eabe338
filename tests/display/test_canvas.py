"""What all figures are drawn with: numbers in their cells on colours that let them be read, and words for them."""

import itertools

import numpy as np
import pytest
from helpers import contrast, texts
from matplotlib import colormaps

from numpycam import grad_cam_from_maps, worked_example
from numpycam.display import figure_of_maps, figure_of_stages, is_dark


def test_a_notebook_gets_the_picture_with_its_text():
    figure = figure_of_maps(worked_example.FEATURE_MAPS, "A^k")
    assert {"1", "−1", "2", "0.1", "$A^{3}$", "−3", "3"} <= set(texts(figure))
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata == {"image/png": {"alt": "A^1: 1, −1; 2, 0.1. A^2: 1.5, 0.1; 2.5, 0.5. A^3: −2, 3; 0, 2."}}


def test_numbers_stand_in_their_cells_on_colours_that_let_them_be_read():
    maps = np.array([[[0.0, 1.0, 2.0], [-3.0, 4.0, 5.0]]])
    axes = figure_of_maps(maps, "A^k").axes[0]
    assert axes.images[0].get_clim() == (-5, 5)
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places == {"0": (0, 0), "1": (1, 0), "2": (2, 0), "−3": (0, 1), "4": (1, 1), "5": (2, 1)}
    inks = {text.get_text(): text.get_color() for text in axes.texts}
    assert inks["0"] == "black"
    assert inks["5"] == "white"


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1.23456e-7, 9.87654e9])
def test_no_number_leaves_its_cell_and_no_label_meets_the_next(scale):
    rng = np.random.default_rng(0)
    maps, gradients = scale * rng.normal(size=(2, 2, 2, 3))
    figure = figure_of_stages(grad_cam_from_maps(maps, gradients))
    for axes in figure.axes:
        frame = axes.get_window_extent()
        columns = max(len(axes.images) and axes.images[0].get_array().shape[1], 1)
        for text in axes.texts:
            assert text.get_window_extent().width <= frame.width / columns
        labels = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        for left, right in itertools.pairwise(labels):
            assert left.x1 < right.x0


def test_text_on_every_colour_can_be_read():
    """Of black and white the one with more contrast is taken: at least 4.58, the worst case of that rule."""
    for name in ("RdBu_r", "cividis", "gray"):
        for colour in colormaps[name](np.linspace(0, 1, 256)):
            text = "rgb(255, 255, 255)" if is_dark(colour) else "rgb(0, 0, 0)"
            assert contrast(text, f"rgb({', '.join(str(round(255 * part)) for part in colour[:3])})") >= 4.5
