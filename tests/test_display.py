"""Pictures: the values of the overlay, and what the figure shows."""

import itertools
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from helpers import collisions, refusal, rounding, same
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageSequence
from strategies import sides

from numpycam import (
    Conv2d,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    drawings,
    grad_cam,
    grad_cam_from_maps,
    worked_example,
)
from numpycam.display import (
    animation_of_stages,
    as_uint8,
    columns_of,
    figure_of_errors,
    figure_of_kernels,
    figure_of_maps,
    figure_of_methods,
    figure_of_path,
    figure_of_pictures,
    figure_of_stages,
    format_number,
    overlay,
)
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.pretrained import load_pretrained
from numpycam.interventions import erase, path
from numpycam.methods import METHODS
from numpycam.methods.wrappers import over_layers
from numpycam.resize import normalise, resize

unit = st.floats(0, 1, width=32)


@given(hnp.arrays(np.float64, (3, 2, 4), elements=unit), hnp.arrays(np.float64, (2, 4), elements=unit), unit)
def test_over_convex(image, heat, strength):
    """The overlay lies between the image and the coloured map; strength 0 and 1 are the two."""
    picture, colours = np.moveaxis(image, 0, -1), overlay(image, heat, strength=1)
    mixed = overlay(image, heat, strength)
    ulps = float(rounding(4))  # 1 - s, two products and their sum; all numbers are at most 1
    assert (np.minimum(picture, colours) - ulps <= mixed).all()
    assert (mixed <= np.maximum(picture, colours) + ulps).all()
    assert (overlay(image, heat, strength=0) == picture).all()


def test_overlay_takes_grey_and_bytes():
    heat = np.zeros((1, 2))
    grey, bytes_ = np.array([[[0.0, 1.0]]]), np.array([[[0, 255]]], dtype=np.uint8)
    assert overlay(grey, heat, 0).tolist() == overlay(bytes_, heat, 0).tolist() == [[[0, 0, 0], [1, 1, 1]]]


def test_bytes_are_clipped_rounded_and_then_cast():
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).tolist() == [[0, 128, 255, 255]]
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).dtype == np.uint8
    assert as_uint8(np.array([0, 128, 255], np.uint8)).tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("image", "heat", "options", "message"),
    [
        (
            np.ones((1, 4, 4)),
            np.ones((2, 2)),
            {},
            "heat must have the image's size (4, 4), got shape (2, 2): resize it.",
        ),
        (
            np.ones((1, 2, 2)),
            np.full((2, 2), 16.125),
            {},
            "heat must lie in 0..1, got 16.125..16.125: normalise a map without negative cells.",
        ),
        (
            np.full((1, 2, 2), 255.0),
            np.ones((2, 2)),
            {},
            "image must lie in 0..1, got 255..255: divide it by its largest possible value.",
        ),
        (
            np.ones((2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2); for one channel pass image[None].",
        ),
        (
            np.ones((2, 2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2, 2); channels come first.",
        ),
        (np.ones((1, 2, 2)), np.ones((2, 2)), {"strength": 1.5}, "strength must be in 0..1, got 1.5."),
        (
            np.ones((1, 1, 1)),
            np.full((1, 1), np.nan),
            {},
            "heat contains NaN at index (0, 0).",
        ),
    ],
)
def test_what_cannot_be_overlaid(image, heat, options, message):
    assert refusal(ValueError, lambda: overlay(image, heat, **options)) == message


def test_colours_and_counts_that_cannot_be():
    assert refusal(ValueError, lambda: overlay(np.ones((1, 1, 1)), np.ones((1, 1)), colormap="nope")) == (
        "colormap must be a colour map of matplotlib, got 'nope'."
    )
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE)
    assert refusal(ValueError, lambda: figure_of_stages(explanation, most_maps=0)) == "most_maps == 0, must be >= 1."


def texts(figure):
    FigureCanvasAgg(figure).draw()
    written = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, *axes.get_xticklabels()]]
    return written + [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("c", [0, 1])
def test_the_figure_shows_every_number_of_every_stage(c):
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, c)
    figure = figure_of_stages(explanation, title="the title", interpolation="nearest")
    written = texts(figure)
    for stage in ("image", "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"):
        for value in getattr(explanation, stage).flat:
            assert format_number(float(value)) in written
    assert {"the title", "feature maps", "gradient maps", "weighted sum", "overlay", "$A^{3}$"} <= set(written)


def test_the_figure_stays_inside_its_edges():
    figure = figure_of_stages(grad_cam(worked_example.network(), worked_example.IMAGE))
    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure).draw()
    edges = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert edges.x0 >= 0
    assert edges.y0 >= 0
    assert edges.x1 <= width
    assert edges.y1 <= height


def test_the_figure_of_many_maps_shows_those_with_the_largest_shares():
    maps = np.ones((6, 2, 3)) * np.array([1, 6, 2, 5, 3, 4])[:, None, None]
    written = texts(figure_of_stages(grad_cam_from_maps(maps, np.ones((6, 2, 3))), most_maps=3))
    assert [f"$A^{{{k}}}$" in written for k in range(1, 7)] == [False, True, False, True, False, True]
    assert "picture" not in written
    assert "overlay" not in written


def test_the_alternative_text_says_the_numbers():
    alt = figure_of_stages(grad_cam(worked_example.network(), worked_example.IMAGE), title="Cat").alt
    for words in (
        "Cat. picture: 0, 0, 0, 1;",
        "feature maps A^1: 1, −1; 2, 0.1.",
        "average α_2: 4.25.",
        "weighted sum: 8.925, −2.025; 16.125, 2.6.",
        "Grad-CAM: 8.925, 0; 16.125, 2.6.",
    ):
        assert words in alt
    large = figure_of_maps(np.ones((1, 7, 9)), "kernel^k")
    assert large.alt == "kernel^1: 7 × 9 cells."
    assert "7" not in texts(large)


def test_a_notebook_gets_the_picture_with_its_text():
    figure = figure_of_maps(worked_example.FEATURE_MAPS, "A^k")
    assert {"1", "−1", "2", "0.1", "$A^{3}$", "−3", "3"} <= set(texts(figure))
    data, metadata = figure._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata == {"image/png": {"alt": "A^1: 1, −1; 2, 0.1. A^2: 1.5, 0.1; 2.5, 0.5. A^3: −2, 3; 0, 2."}}


def test_maps_that_are_not_signed_start_at_zero():
    figure = figure_of_maps(worked_example.LOCALIZATION_MAP[None], "L^c", signed=False)
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["0", "16.125"]
    grey = figure_of_maps(worked_example.IMAGE, "x", signed=False, colormap="gray")
    assert grey.axes[0].images[0].get_cmap().name == "gray"
    assert refusal(ValueError, lambda: figure_of_maps(worked_example.IMAGE, "x", colormap="grays")) == (
        "colormap must be a colour map of matplotlib, got 'grays'."
    )
    assert refusal(ValueError, lambda: figure_of_maps(np.ones((2, 2)), "A^k")) == (
        "maps must have shape (K, H, W) with no empty axis, got (2, 2)."
    )


def test_negative_maps_are_signed():
    assert refusal(ValueError, lambda: figure_of_maps([[[-3.0, 1.0]]], "A", signed=False)) == (
        "maps with signed=False must not be negative, got -3."
    )


def test_the_picture_keeps_its_own_numbers():
    network = worked_example.network(exact=False)
    figure = figure_of_stages(grad_cam(network, 100 * as_floats(worked_example.IMAGE)))
    assert figure.alt.startswith("picture: 0, 0, 0, 100; 100, 0, 0, 0;")
    assert figure.axes[0].images[0].get_clim() == (0, 100)


def test_numbers_stand_in_their_cells_on_colours_that_let_them_be_read():
    maps = np.array([[[0.0, 1.0, 2.0], [-3.0, 4.0, 5.0]]])
    axes = figure_of_maps(maps, "A^k").axes[0]
    assert axes.images[0].get_clim() == (-5, 5)
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places == {"0": (0, 0), "1": (1, 0), "2": (2, 0), "−3": (0, 1), "4": (1, 1), "5": (2, 1)}
    inks = {text.get_text(): text.get_color() for text in axes.texts}
    assert inks["0"] == "black"
    assert inks["5"] == "white"


def test_the_columns_share_the_scales_that_they_should():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE)
    figure = figure_of_stages(explanation, interpolation="nearest")
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images and not axes.get_label()]
    assert limits[:1] == [(0, 1)]
    assert limits[1:4] == [(-3, 3)] * 3
    assert limits[4:7] == limits[7:10] == [(-6, 6)] * 3  # gradient maps, and their averages beside them
    assert limits[10:13] == [(-10.625, 10.625)] * 3
    assert limits[13:15] == [(-16.125, 16.125), (0, 16.125)]


def test_a_colour_picture_that_is_not_square():
    image = np.zeros((3, 2, 4))
    image[0, 0], image[2, 1] = 1, 1  # red above blue
    network = Network([("conv", Conv2d(np.ones((1, 3, 1, 1)))), ("gap", GlobalAvgPool2d())])
    figure = figure_of_stages(grad_cam(network, image))
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (2, 4, 3)
    assert drawn[0, 0].tolist() == [1, 0, 0]
    assert drawn[1, 3].tolist() == [0, 0, 1]


def test_a_figure_of_zeros_is_drawn():
    written = texts(figure_of_stages(grad_cam_from_maps(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))))
    assert written.count("0") >= 6 * 4


def test_a_figure_of_a_batch_is_refused():
    batch = grad_cam(worked_example.network(), worked_example.IMAGE[None])
    message = "a figure shows the explanation of one image: for a batch pass explanation[n]."
    assert refusal(ValueError, lambda: figure_of_stages(batch)) == message


def test_numbers_are_written_short_with_a_true_minus():
    values = (16.125, -2.0250000000000004, -0.0, 1 / 3, -0.00502421, 1234567.0, -10.625)
    assert [format_number(value) for value in values] == [
        "16.125", "−2.025", "0", "0.33333", "−0.00502", "1.23e+06", "−10.625"]  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1.23456e-7, 9.87654e9])
def test_no_number_leaves_its_cell_and_no_label_meets_the_next(scale):
    rng = np.random.default_rng(0)
    maps, gradients = scale * rng.normal(size=(2, 4, 2, 3))
    figure = figure_of_stages(grad_cam_from_maps(maps, gradients))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for axes in figure.axes:
        frame = axes.get_window_extent(renderer)
        columns = max(len(axes.images) and axes.images[0].get_array().shape[1], 1)
        for text in axes.texts:
            assert text.get_window_extent(renderer).width <= frame.width / columns
        labels = [label.get_window_extent(renderer) for label in axes.get_xticklabels() if label.get_text()]
        for left, right in itertools.pairwise(labels):
            assert left.x1 < right.x0


@pytest.mark.parametrize("stage", ["image", "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum"])
def test_a_figure_of_one_stage_shows_its_numbers(stage):
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, 0)
    figure = explanation.plot(stage)
    written = texts(figure)
    for value in getattr(explanation, stage).flat:
        assert format_number(float(value)) in written
        assert format_number(float(value)) in figure.alt


def test_plot_is_the_figure_of_all_stages_or_of_one():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, 0)
    assert explanation.plot(title="all", interpolation="nearest").alt.startswith("all. picture: 0, 0, 0, 1; ")
    assert explanation.plot("overlay").alt == "overlay: 4 × 4 cells."
    assert refusal(ValueError, lambda: explanation.plot("score")).startswith("stage must be one of 'image', ")
    large = grad_cam_from_maps(np.ones((9, 2, 3)), np.ones((9, 2, 3)))
    assert len(large.plot("feature_maps", most_maps=2).axes) == 3  # two maps and the bar


def test_the_animation_ends_with_the_whole_figure_and_begins_with_the_picture_alone():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, 0)
    film = Image.open(BytesIO(animation_of_stages(explanation, title="the cat", seconds=0.5)))
    frames = [(frame.info["duration"], np.asarray(frame.convert("RGB"))) for frame in ImageSequence.Iterator(film)]
    assert [duration for duration, _ in frames] == [500] * 8
    widths = [  # how far to the right something is drawn, below the title
        np.flatnonzero((pixels[60:] < 250).any(axis=(0, 2))).max() for _, pixels in frames
    ]
    assert widths == sorted(set(widths))
    whole = np.asarray(Image.open(BytesIO(figure_of_stages(explanation, title="the cat").as_png())).convert("RGB"))
    assert np.abs(frames[-1][1].astype(int) - whole).mean() < 2  # 256 colours


def test_the_figure_of_a_path_names_its_slopes_and_kinks():
    network, image = worked_example.network("conv"), worked_example.IMAGE
    line = path(network, erase(image, (slice(2, 4), slice(0, 2))), image, 0)
    figure = figure_of_path(line)
    written = texts(figure)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(right.x0 - left.x1 >= 8 for left, right in itertools.pairwise(boxes))  # pixels
    (flat,) = (text.get_window_extent() for text in figure.findobj(Text) if text.get_text() == "slope 0")
    kink = figure.axes[0].transData.transform((line.kinks[0], 0))[0]
    assert flat.x1 < kink
    assert [text for text in written if text.startswith("slope")] == ["slope 0", "slope 11.5", "slope 23"]
    assert [text for text in written if text.startswith("0")] == ["0", "0.0696", "0.443"]
    assert figure.alt == (
        "The score along the line: 11.5 at t = 0; 11.5 at t = 0.0696; 15.8 at t = 0.443; 28.6 at t = 1."
    )


def test_the_figure_of_errors_draws_powers_of_ten_and_nothing_below_them():
    steps = [Fraction(1), Fraction(1, 100)]
    errors = {"in floats": [1e-3, 1e-9], "in Fractions": [Fraction(1, 10), Fraction(0)]}
    figure = figure_of_errors(steps, errors)
    (axes,) = figure.axes
    ground, floats, fractions = (line.get_ydata() for line in axes.lines)
    assert list(floats) == errors["in floats"]
    assert list(fractions) == [0.1, ground[0]]
    assert ground[0] < min(errors["in floats"])
    assert [list(line.get_xdata()) for line in axes.lines[1:]] == [[1, 0.01]] * 2
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(errors)
    assert len({line.get_marker() for line in axes.lines[1:]}) == 2  # colour is not the only way to tell them
    labels = {label.get_text(): place for label, place in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}
    assert labels["0"] == ground[0]
    assert all(f"$10^{{{np.log10(place):.0f}}}$" == label for label, place in labels.items() if label != "0")
    assert (
        figure.alt == "The error at each step. in floats: 0.001 at 1, 1e-09 at 0.01. in Fractions: 0.1 at 1, 0 at 0.01."
    )


def test_errors_that_are_all_zero_can_be_drawn():
    figure = figure_of_errors([1, 2], {"none": [0, 0]})
    ground, none = (line.get_ydata() for line in figure.axes[0].lines)
    assert list(none) == list(ground)
    FigureCanvasAgg(figure).draw()


def test_steps_and_errors_that_cannot_be_drawn():
    for steps in ([], [0, 1], [[1, 2]]):
        assert refusal(ValueError, lambda steps=steps: figure_of_errors(steps, {})) == (
            f"steps must be a row of positive numbers, got {steps}."
        )
    assert refusal(ValueError, lambda: figure_of_errors([1, 2], {})) == (
        "errors must hold at least one row of numbers, got {}."
    )
    for errors in ([1], [1, -1]):
        assert refusal(ValueError, lambda errors=errors: figure_of_errors([1, 2], {"e": errors})) == (
            "errors['e'] must be 2 numbers that are not negative, one for each step."
        )


def test_of_many_maps_those_that_contribute_most_are_drawn_under_their_numbers_on_one_scale():
    maps = np.arange(1.0, 6.0)[:, None, None] * np.array([[[1.0, -2.0]]])
    gradients = np.array([1.0, 0.1, 3.0, 0.2, 2.0])[:, None, None] * np.ones((5, 1, 2))
    explanation = grad_cam_from_maps(maps, gradients)
    kept = [3, 5]
    assert sorted(np.argsort(-explanation.channel_shares)[:2] + 1) == kept
    for figure in (figure_of_stages(explanation, most_maps=2), explanation.plot("feature_maps", most_maps=2)):
        FigureCanvasAgg(figure).draw()
        images = [axes.images[0] for axes in figure.axes if axes.images and "A^" in axes.get_title()
                  and "alpha" not in axes.get_title() and "dy" not in axes.get_title()]  # fmt: skip
        assert [axes.axes.get_title() for axes in images] == [f"$A^{{{k}}}$" for k in kept]
        assert [image.get_array().tolist() for image in images] == [maps[k - 1].tolist() for k in kept]
        assert {(image.norm.vmin, image.norm.vmax) for image in images} == {(-10, 10)}
        assert f"A^{kept[1]}: 5, −10." in figure.alt
    assert "2 of 5 maps are shown, those that contribute most." in texts(figure_of_stages(explanation, most_maps=2))


def test_the_method_reaches_the_figure_of_the_overlay_and_the_animation():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, 0)
    for draw in (lambda method: explanation.plot("overlay", interpolation=method).as_png(),
                 lambda method: animation_of_stages(explanation, interpolation=method)):  # fmt: skip
        assert draw("nearest") != draw("bilinear")


def test_an_animation_takes_its_time():
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE, 0)
    for seconds in (0, -1, float("nan"), 1e9):
        message = refusal(ValueError, lambda seconds=seconds: animation_of_stages(explanation, seconds=seconds))
        assert message == f"seconds must be in 0.02..600, got {seconds}."


# --- Pictures in rows and columns ---------------------------------------------------------------------------------


def pixels_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes]


@st.composite
def grids(draw):
    """Rows of grey and coloured pictures in all the shapes that they may have, and each as (H, W, 3)."""
    rows, expected = [], []
    for _ in range(draw(st.integers(1, 3))):
        row = []
        for _ in range(draw(st.integers(1, 3))):
            height, width = draw(sides(4, 7))
            colours = draw(hnp.arrays(np.float64, (height, width, 3), elements=unit))
            grey = colours[..., :1]
            row.append(draw(st.sampled_from([
                (colours, colours), (np.moveaxis(colours, -1, 0), colours),
                (grey[..., 0], grey.repeat(3, axis=-1)), (np.moveaxis(grey, -1, 0), grey.repeat(3, axis=-1)),
            ])))  # fmt: skip
        rows.append([picture for picture, _ in row])
        expected += [seen for _, seen in row]
    return rows, expected


@given(grids())
@settings(max_examples=10)
def test_pictures_are_drawn_as_they_are_row_by_row(grid):
    rows, expected = grid
    figure = figure_of_pictures(rows)
    assert all(map(same, pixels_of(figure), expected))
    boxes = [axes.get_position(original=True) for axes in figure.axes]
    places = [(round(-box.y0, 6), round(box.x0, 6)) for box in boxes]
    assert places == sorted(set(places))  # from left to right, from top to bottom
    assert [sum(y == top for y, _ in places) for top in sorted({y for y, _ in places})] == [*map(len, rows)]


def test_bytes_lists_and_a_batch_are_pictures_too():
    bytes_ = np.array([[0, 51], [255, 102], [0, 0]], np.uint8)
    batch = np.stack([bytes_[None] / 255] * 2)  # (N, 1, H, W)
    for rows in ([[bytes_]], [[(bytes_ / 255).tolist()]], [batch[:1]], batch[None, :1]):
        assert pixels_of(figure_of_pictures(rows))[0][..., 1].tolist() == [[0, 0.2], [1, 0.4], [0, 0]]


NAMES = {"row_names": ["standard", "one that\nis confounded"], "column_names": ["the picture", "cat?", "elephant?"],
         "captions": [["", "y = 1\n5 % on it", "y = −12\n100 % on it"], ["y = 0", ""]], "title": "Where?"}  # fmt: skip


def grid_of(*lengths):
    return [[np.full((5, 4), 0.5)] * length for length in lengths]


@pytest.mark.parametrize("side", [1.2, 3.0])
@pytest.mark.parametrize("left_out", [[], ["row_names"], ["column_names"], ["captions"], ["title"], [*NAMES]])
def test_texts_meet_nothing_and_stay_inside(side, left_out):
    given = {name: value for name, value in NAMES.items() if name not in left_out}
    figure = figure_of_pictures(grid_of(3, 2), side=side, **given)
    assert collisions(figure) == []
    for axes in figure.axes:
        box, size = axes.get_position(original=True), figure.get_size_inches()
        assert np.allclose([box.width * size[0], box.height * size[1]], side, rtol=1e-12)


def test_what_measures_collisions_finds_them():
    captions = [["x" * 60, "y" * 60]]
    met = collisions(figure_of_pictures(grid_of(2), captions=captions))
    assert ("x" * 60, "y" * 60) in met
    assert ("x" * 60, "edge") in met


def test_a_title_wider_than_its_pictures_has_room():
    assert collisions(figure_of_pictures(grid_of(1), title="Where do the two networks look, and why?")) == []


def test_a_row_without_captions_takes_no_room_for_them():
    def heights(*captions):
        figure = figure_of_pictures(grid_of(1, 1), captions=[[text] for text in captions])
        first, second = (axes.get_position(original=True).y0 * figure.get_figheight() for axes in figure.axes)
        return first - second, second

    (between, below), (wider, none), (same_as_bare, deep) = heights("", ""), heights("a\nb", ""), heights("", "a\nb")
    assert wider > between
    assert np.allclose([same_as_bare, none], [between, below], rtol=1e-12)
    assert deep > below


def test_each_text_stands_at_its_picture():
    figure = figure_of_pictures(grid_of(3, 2), **NAMES)
    FigureCanvasAgg(figure).draw()
    extents = {text.get_text(): text.get_window_extent() for text in figure.texts}
    frames = [axes.get_window_extent() for axes in figure.axes]

    def middle(box):
        return (box.x0 + box.x1) / 2

    for name, frame in zip(NAMES["column_names"], frames[:3], strict=True):
        assert abs(middle(extents[name]) - middle(frame)) <= 1
        assert extents[name].y0 > frame.y1
    for name, frame in zip(NAMES["row_names"], (frames[0], frames[3]), strict=True):
        assert extents[name].x1 < frame.x0
        assert frame.y0 < extents[name].y0 < extents[name].y1 < frame.y1
    for caption, frame in zip(["y = 1\n5 % on it", "y = −12\n100 % on it", "y = 0"], frames[1:4], strict=True):
        assert abs(middle(extents[caption]) - middle(frame)) <= 1
        assert frame.y0 - 0.1 * figure.dpi < extents[caption].y1 < frame.y0
    assert extents["Where?"].y0 > max(extents[name].y1 for name in NAMES["column_names"])


@pytest.mark.parametrize(("given", "alt"), [
    (NAMES, "Where? standard, the picture. standard, cat?, y = 1 5 % on it. standard, elephant?, y = −12 100 % on it. "
            "one that is confounded, the picture, y = 0. one that is confounded, cat?."),
    ({"title": "Two"}, "Two."),
    ({"column_names": ["$A^{1}$", "", r"$\alpha_{2}$"]}, "A^1. α_2. A^1."),
    ({"captions": [["a", "", "b"], ["", "c"]]}, "a. b. c."),
    ({}, ""),
])  # fmt: skip
def test_the_alternative_text_of_pictures_has_names_and_captions(given, alt):
    assert figure_of_pictures(grid_of(3, 2), **given).alt == alt


GREY = np.zeros((2, 2))


@pytest.mark.parametrize(("rows", "options", "message"), [
    ([], {}, "rows must hold at least one picture each, and side must be positive."),
    ([[GREY], []], {}, "rows must hold at least one picture each, and side must be positive."),
    ([[GREY]], {"side": 0}, "rows must hold at least one picture each, and side must be positive."),
    ([[GREY]], {"side": float("nan")}, "rows must hold at least one picture each, and side must be positive."),
    ([[GREY]], {"row_names": ["a", "b"]}, "row_names must have length 1, got 2."),
    ([[GREY], [GREY, GREY]], {"column_names": ["a"]}, "column_names must have length 2, got 1."),
    ([[GREY]], {"captions": [["a"], ["b"]]}, "captions must have length 1, got 2."),
    ([[GREY], [GREY, GREY]], {"captions": [["a"], ["b"]]},
     "captions must hold one text for each picture, [1, 2] in the rows, got [1, 1]."),
    ([[GREY, GREY + 2]], {}, "rows[0][1] must lie in 0..1, got 2..2: divide it by its largest possible value."),
    ([[GREY], [np.zeros((2, 4, 5))]], {},
     "rows[1][0] must have shape (1, H, W) or (3, H, W), got (2, 4, 5); channels come first."),
    (np.zeros((2, 3, 4, 5)), {},
     "rows must be rows of pictures, got one array (2, 3, 4, 5): pass [pictures] for one row."),
    ([[np.full((2, 2), np.nan)]], {}, "rows[0][0] contains NaN at index (0, 0, 0)."),
])  # fmt: skip
def test_pictures_that_cannot_be_drawn(rows, options, message):
    assert refusal(ValueError, lambda: figure_of_pictures(rows, **options)) == message


# --- Kernels ------------------------------------------------------------------------------------------------------


def kernel_case(channels=3, kernels=3, size=(2, 3), bias=-0.0):
    rng = np.random.default_rng(0)
    weight = rng.integers(-4, 5, (kernels, channels, *size)).astype(float)
    conv, head = Conv2d(weight, np.full(kernels, bias)), Linear(rng.integers(1, 5, (2, kernels)).astype(float))
    network = Network([("conv", conv), ("features", ReLU()), ("gap", GlobalAvgPool2d()), ("linear", head)])
    return network, rng.integers(0, 5, (channels, 6, 7)) / 4, weight


def red_to_blue(values):
    limit = np.abs(values).max() or 1
    return mpl.colormaps["RdBu_r"](Normalize(-limit, limit)(values))[..., :3]


def tiles_of(drawn, channels, height, width):
    """Cut the drawn kernel into the squares of its channels, row by row, and see that grey lies between them."""
    columns = int(np.ceil(np.sqrt(channels)))
    rows = -(-channels // columns)
    assert drawn.shape == (rows * (height + 1) - 1, columns * (width + 1) - 1, 3)
    places = [divmod(c, columns) for c in range(channels)]
    corners = [(row * (height + 1), column * (width + 1)) for row, column in places]
    paper = np.ones(drawn.shape[:2], bool)
    for top, left in corners:
        paper[top : top + height, left : left + width] = False
    assert (drawn[paper] == 0.6).all()
    return [drawn[top : top + height, left : left + width] for top, left in corners]


@pytest.mark.parametrize(
    ("channels", "size"), [(1, (2, 3)), (2, (3, 2)), (3, (2, 3)), (4, (1, 1)), (1, (1, 1)), (5, (3, 1))]
)
def test_each_kernel_is_drawn_channel_by_channel_above_the_map_that_it_makes(channels, size):
    network, image, weight = kernel_case(channels, size=size)
    explanation = grad_cam(network, image, 0, "features")
    figure = figure_of_kernels(explanation)
    drawn = pixels_of(figure)
    for kernel, pixels in zip(weight, drawn[:3], strict=True):
        assert all(map(same, tiles_of(pixels, channels, *size), red_to_blue(kernel)))
    maps = explanation.feature_maps
    cividis = mpl.colormaps["cividis"](maps / maps.max())[..., :3]
    assert all(map(same, drawn[3:], cividis))
    assert collisions(figure) == []


def test_the_texts_of_kernels_name_them_and_their_shares():
    network, image, _ = kernel_case()
    explanation = grad_cam(network, image, 0, "features")
    shares = [f"share {100 * part:.1f}\N{NO-BREAK SPACE}%" for part in explanation.channel_shares]
    figure = figure_of_kernels(explanation)
    assert [text for text in texts(figure) if text] == ["$A^{1}$", "$A^{2}$", "$A^{3}$", "kernel", "map", *shares]
    maps = [f"map, A^{k}, {' '.join(part.split())}." for k, part in enumerate(shares, start=1)]
    assert figure.alt == " ".join(["kernel, A^1. kernel, A^2. kernel, A^3.", *maps])


def test_kernels_of_fractions_are_drawn_as_those_of_floats():
    network, image, _ = kernel_case()
    in_floats, exact = (
        figure_of_kernels(grad_cam(convert(network), convert(image), 0, "features"))
        for convert in (lambda value: value, as_fractions)
    )
    assert all(map(same, pixels_of(in_floats), pixels_of(exact)))
    assert in_floats.alt == exact.alt


def test_maps_before_the_relu_are_signed_and_a_kernel_of_zeros_is_white():
    network, image, weight = kernel_case(bias=-9.0)
    network = network.with_parameters({"conv.weight": weight * np.array([1, 0, 1])[:, None, None, None]})
    explanation = grad_cam(network, image, 0, "conv")
    drawn = pixels_of(figure_of_kernels(explanation))
    assert same(drawn[1][:2, :3], red_to_blue(np.zeros((2, 3))))
    assert explanation.feature_maps.min() < 0
    assert all(map(same, drawn[3:], red_to_blue(explanation.feature_maps)))


@pytest.mark.parametrize("most", [None, 2, 99])
def test_of_many_kernels_those_of_the_maps_that_contribute_most_are_drawn(most):
    network, image, weight = kernel_case(kernels=9)
    explanation = grad_cam(network, image, 0, "features")
    figure = figure_of_kernels(explanation) if most is None else figure_of_kernels(explanation, most_maps=most)
    ranked = sorted(range(9), key=lambda k: -explanation.channel_shares[k])
    kept = sorted(ranked[: most or 8])
    assert [text for text in texts(figure) if "A^" in text] == [f"$A^{{{k + 1}}}$" for k in kept]
    assert [text for text in texts(figure) if "share" in text] == [
        f"share {100 * explanation.channel_shares[k]:.1f}\N{NO-BREAK SPACE}%" for k in kept
    ]
    drawn = pixels_of(figure)
    assert len(drawn) == 2 * len(kept)
    for k, pixels in zip(kept, drawn, strict=False):
        assert same(tiles_of(pixels, 3, 2, 3)[0], red_to_blue(weight[k])[0])
    assert collisions(figure) == []


def test_the_kernels_are_those_of_the_last_convolution_before_the_layer():
    weights = [np.ones((2, 1, 1, 1)), np.ones((2, 2, 2, 2)), np.ones((3, 2, 1, 1))]
    inner = Network([("second", Conv2d(weights[1])), ("relu", ReLU())])
    network = Network([("first", Conv2d(weights[0])), ("inner", inner), ("third", Conv2d(weights[2])),
                       ("gap", GlobalAvgPool2d())])  # fmt: skip
    for layer, size in (("first", (1, 1)), ("inner", (2, 5)), ("third", (1, 3))):
        figure = figure_of_kernels(grad_cam(network, np.ones((1, 5, 6)), 0, layer))
        assert pixels_of(figure)[0].shape[:2] == size


def test_kernels_that_cannot_be_drawn():
    network, image, _ = kernel_case()
    one_image = "to draw kernels, pass the explanation of one image, with its network."
    for explanation in (grad_cam(network, image[None]), grad_cam_from_maps(np.ones((1, 2, 3)), np.ones((1, 2, 3)))):
        assert refusal(ValueError, lambda explanation=explanation: figure_of_kernels(explanation)) == one_image
    for layers in ([("pool", MaxPool2d(2))], [("conv", Conv2d(np.ones((4, 3, 1, 1)))), ("merge", Merge())]):
        bare = Network([*layers, ("gap", GlobalAvgPool2d())])
        explanation = grad_cam(bare, image, 0, layers[-1][0])
        assert refusal(ValueError, lambda explanation=explanation: figure_of_kernels(explanation)) == (
            f"the maps of {layers[-1][0]!r} do not come from a Conv2d with one kernel for each map."
        )
    explanation = grad_cam(network, image)
    assert refusal(ValueError, lambda: figure_of_kernels(explanation, most_maps=0)) == "most_maps == 0, must be >= 1."


class Merge(Layer):
    """The first half of the maps: a layer of one's own that changes their number."""

    def forward(self, x):
        return x[:, : x.shape[1] // 2]

    def backward(self, grad_output, x):
        return np.concatenate([grad_output, np.zeros_like(grad_output)], axis=1)

    def output_shape(self, shape):
        return (shape[0], shape[1] // 2, *shape[2:])


@pytest.mark.parametrize(
    ("name", "stages", "symbols"),
    [
        (
            "grad_cam",
            "feature_maps gradients alphas weighted_maps",
            [r"A^k", r"dy^c/dA^k", r"\alpha_k", r"\alpha_k A^k"],
        ),
        ("hirescam", "feature_maps gradients weighted_maps", ["A^k", "dy^c/dA^k", "M^k"]),
        ("eigen_cam", "feature_maps alphas weighted_maps", ["A^k", r"\alpha_k", r"\alpha_k A^k"]),
        ("score_cam", "feature_maps alphas weighted_maps", ["A^k", r"\alpha_k", r"\alpha_k A^k"]),
        ("occlusion", "feature_maps weighted_maps", ["x_k", "M^k"]),
        ("gradient", "feature_maps gradients weighted_maps", ["x_k", "dy^c/dx_k", "M^k"]),
        ("smooth_grad", "feature_maps weighted_maps", ["x_k", "M^k"]),
        ("guided_backprop", "feature_maps gradients weighted_maps", ["x_k", "g^k", "M^k"]),
    ],
)
def test_a_figure_shows_those_stages_that_the_method_goes_through(name, stages, symbols):
    (explanation,) = by_methods([name])
    _, *between, total, localization_map, _ = columns_of(explanation, "bilinear", 4)
    assert [stage.name for stage in between] == stages.split()
    assert [stage.symbol for stage in between] == symbols
    assert total.symbol == rf"L = \Sigma_k\, {symbols[-1]}"
    assert localization_map.heading == explanation.method


def test_maps_that_are_not_one_for_each_feature_map_stand_alone():
    network, image = load_pretrained("drawings"), drawings.draw(1, 0).images[0]
    for explain in (METHODS["full_grad"], over_layers(METHODS["grad_cam"], ["input", "conv1"])):
        explanation = explain(network, image, 0)
        assert len(explanation.weighted_maps) != len(explanation.feature_maps)
        assert [stage.name for stage in columns_of(explanation, "bilinear", 9)][:2] == ["image", "weighted_maps"]


# --- The methods side by side -------------------------------------------------------------------------------------


def by_methods(names=("grad_cam", "hirescam", "layercam", "eigen_cam")):
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    return [METHODS[name](network, image, 0) for name in names]


def test_each_method_has_its_map_with_its_numbers():
    found = by_methods()
    figure = figure_of_methods(found, columns=3, title="The cat")
    assert [axes.get_title() for axes in figure.axes] == ["Grad-CAM", "HiResCAM", "LayerCAM", "EigenCAM"]
    for axes, e in zip(figure.axes, found, strict=True):
        assert [text.get_text() for text in axes.texts] == [format_number(value) for value in e.weighted_sum.flat]
    assert figure.alt.startswith("The cat. Grad-CAM: ")
    assert "HiResCAM: 6.3, −2.8; 23, 2.1." in figure.alt
    assert collisions(figure) == []


def test_larger_maps_lie_over_the_image_each_on_a_scale_of_its_own():
    network, image = load_pretrained("drawings"), drawings.draw(1, 0, size=40).images[0, :, 3:]
    found = [METHODS[name](network, image, 0) for name in ("grad_cam", "gradient")]
    figure = figure_of_methods(found)
    for axes, e in zip(figure.axes, found, strict=True):
        heat = normalise(resize(e.localization_map, image.shape[1:]))
        assert np.array_equal(axes.images[0].get_array(), overlay(image, heat))
    assert figure.alt == "Grad-CAM. gradient."
    assert collisions(figure) == []


def test_all_methods_fit_side_by_side():
    names = [name for name in METHODS if name != "cam"]
    figure = figure_of_methods(by_methods(names), columns=6, title="All of them")
    assert len(figure.axes) == len(names)
    assert {round(axes.get_position().y0, 6) for axes in figure.axes[:6]} == {
        round(figure.axes[0].get_position().y0, 6)
    }
    assert collisions(figure) == []


def test_what_a_figure_of_methods_refuses():
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    batch = METHODS["grad_cam"](network, image[None], 0)
    with_nan = METHODS["hirescam"](network, np.where(image > 0, np.nan, image), 0, check_finite=False)
    for explanations, message in (
        ([], "explanations must hold at least one, got none."),
        ([batch], "a figure shows explanations of one image: for a batch pass explanation[n]."),
        ([batch[0], with_nan], "weighted_sum of HiResCAM contains NaN at index (0, 0)."),
    ):
        assert refusal(ValueError, lambda given=explanations: figure_of_methods(given)) == message
    assert refusal(ValueError, lambda: figure_of_methods([batch[0]], columns=0)) == "columns == 0, must be >= 1."


def test_a_name_of_a_method_is_text_no_mathematics():
    figure = figure_of_methods([replace(by_methods()[0], method="$x_{$")])
    assert figure.as_png().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("step", [1.0, 3.0, 0.1, 1e-8, 1e8])
@pytest.mark.parametrize("error", [0.0, 1.0, 3.0, 1e-17, 1e10])
def test_errors_of_a_single_step_are_drawn_without_a_warning(step, error):
    """Limits that matplotlib finds itself may fall on one another, by the rounding of a logarithm."""
    axes = figure_of_errors([step], {"one": [error]}).axes[0]
    figure_of_errors([step], {"one": [error]}).as_png()
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert 0 < 2 * low < high
