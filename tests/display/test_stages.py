"""The figures of an explanation's stages, and the animation: what they show, and that it can be read."""

from functools import cache
from io import BytesIO

import numpy as np
import pytest
from helpers import only_columns, refusal, texts
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from numpycam import Conv2d, GlobalAvgPool2d, Network, drawings, grad_cam, grad_cam_from_maps, worked_example
from numpycam.display import (
    animation_of_stages,
    columns_of,
    figure_of_maps,
    figure_of_stage,
    figure_of_stages,
    format_number,
    overlay,
)
from numpycam.exact import as_floats
from numpycam.experiments.pretrained import load_pretrained
from numpycam.methods import METHODS
from numpycam.methods.wrappers import over_layers


def test_colours_and_counts_that_cannot_be():
    assert refusal(ValueError, lambda: overlay(np.ones((1, 1, 1)), np.ones((1, 1)), colormap="nope")) == (
        "colormap must be a colour map of matplotlib, got 'nope'."
    )
    explanation = grad_cam(worked_example.network(), worked_example.IMAGE)
    assert refusal(ValueError, lambda: figure_of_stages(explanation, most_maps=0)) == "most_maps == 0, must be >= 1."


@cache
def explained(c=0):
    return grad_cam(worked_example.network(), worked_example.IMAGE, c)


@cache
def figure_of_the_example(c=0):
    return figure_of_stages(explained(c), title="the title", interpolation="nearest")


@pytest.mark.parametrize("c", [0, 1])
def test_the_figure_shows_every_number_of_every_stage(c):
    explanation, written = explained(c), texts(figure_of_the_example(c))
    for stage in ("image", "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"):
        for value in getattr(explanation, stage).flat:
            assert format_number(float(value)) in written
    assert {"the title", "feature maps", "gradient maps", "weighted sum", "overlay", "$A^{3}$"} <= set(written)


def test_the_figure_stays_inside_its_edges():
    figure = figure_of_the_example()
    assert isinstance(figure, Figure)
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
    alt = figure_of_the_example().alt
    for words in (
        "the title. picture: 0, 0, 0, 1;",
        "feature maps A^1: 1, −1; 2, 0.1.",
        "average α_2: 4.25.",
        "weighted sum: 8.925, −2.025; 16.125, 2.6.",
        "Grad-CAM: 8.925, 0; 16.125, 2.6.",
    ):
        assert words in alt
    large = figure_of_maps(np.ones((1, 7, 9)), "kernel^k")
    assert large.alt == "kernel^1: 7 × 9 cells."
    assert "7" not in texts(large)


def test_maps_may_have_names():
    figure = figure_of_maps(worked_example.FEATURE_MAPS[:2], ["left", "$A^2$"])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["left", "$A^2$"]
    assert figure.alt == "left: 1, −1; 2, 0.1. A^2: 1.5, 0.1; 2.5, 0.5."
    message = refusal(ValueError, lambda: figure_of_maps(worked_example.FEATURE_MAPS, ["left", "right"]))
    assert message == "symbol must have a name for each of the 3 maps, got 2."


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
    with only_columns(0, 1):
        figure = figure_of_stages(grad_cam(network, 100 * as_floats(worked_example.IMAGE)))
    assert figure.alt.startswith("picture: 0, 0, 0, 100; 100, 0, 0, 0;")
    assert figure.axes[0].images[0].get_clim() == (0, 100)


def test_the_columns_share_the_scales_that_they_should():
    figure = figure_of_the_example()
    limits = [axes.images[0].get_clim() for axes in figure.axes if axes.images and not axes.get_label()]
    assert limits[:1] == [(0, 1)]
    assert limits[1:4] == [(-3, 3)] * 3
    assert limits[4:7] == [(-6, 6)] * 3
    assert limits[7:10] == [(-4.25, 4.25)] * 3  # where the gradients are large in few cells, their averages are small
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


@pytest.mark.parametrize("stage", ["image", "feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum"])
def test_a_figure_of_one_stage_shows_its_numbers(stage):
    explanation = explained()
    figure = explanation.plot(stage)
    written = texts(figure)
    for value in getattr(explanation, stage).flat:
        assert format_number(float(value)) in written
        assert format_number(float(value)) in figure.alt


def test_plot_is_the_figure_of_all_stages_or_of_one():
    explanation = explained()
    with only_columns(0, 1):
        assert explanation.plot(title="all", interpolation="nearest").alt.startswith("all. picture: 0, 0, 0, 1; ")
    assert explanation.plot("overlay").alt == (
        "overlay: 4 × 4 cells, with the numbers of the map: 8.925, 0; 16.125, 2.6."
    )
    assert refusal(ValueError, lambda: explanation.plot("score")).startswith("stage must be one of 'image', ")
    large = grad_cam_from_maps(np.ones((9, 2, 3)), np.ones((9, 2, 3)))
    assert len(large.plot("feature_maps", most_maps=2).axes) == 3  # two maps and the bar


def test_the_overlay_shows_the_numbers_of_a_small_map_and_a_scale_of_its_paint():
    figure = explained().plot("overlay", interpolation="nearest")
    picture, bar = figure.axes
    written = {(text.get_position(), text.get_text()) for text in picture.texts}
    assert written == {((0.5, 0.5), "8.925"), ((2.5, 0.5), "0"), ((0.5, 2.5), "16.125"), ((2.5, 2.5), "2.6")}
    assert [label.get_text() for label in bar.get_xticklabels()] == ["0", "16.125"]
    on_white, on_black = bar.images[0].get_array()
    drawn = picture.images[0].get_array()
    assert np.array_equal(drawn[2, 0], on_white[-1])  # the body is white, and the map has its maximum there
    assert np.array_equal(drawn[0, 2], on_black[0])  # the map is 0, the picture black
    assert np.array_equal(drawn[0, 3], on_white[0])  # the moon stays white


def test_the_overlay_of_a_zero_map_is_the_picture_and_has_no_scale():
    figure = grad_cam(worked_example.network(), 0 * worked_example.IMAGE, 0).plot("overlay")
    (picture,) = figure.axes
    assert not picture.images[0].get_array().any()
    assert [text.get_text() for text in picture.texts] == ["0"] * 4


def test_a_large_map_has_no_numbers_over_the_picture():
    figure = grad_cam(load_pretrained("drawings"), drawings.draw(1, 0).images[0], 0).plot("overlay")
    assert not figure.axes[0].texts
    assert figure.alt == "overlay: 32 × 32 cells."


def test_the_animation_ends_with_the_whole_figure_and_begins_with_the_picture_and_the_rest_pale():
    """Of four stages, since each takes its time to be drawn."""
    with only_columns(0, 1, 3, -2):
        film = Image.open(BytesIO(animation_of_stages(explained(), title="the cat", seconds=0.5)))
        whole = Image.open(BytesIO(figure_of_stages(explained(), title="the cat").as_png())).convert("RGB")
    frames = [(frame.info["duration"], np.asarray(frame.convert("RGB"))) for frame in ImageSequence.Iterator(film)]
    assert [duration for duration, _ in frames] == [500] * 4
    widths, pale_to = (  # how far to the right something is dark, and how far there is something, below the title
        [np.flatnonzero((pixels[60:] < level).any(axis=(0, 2))).max() for _, pixels in frames] for level in (120, 250)
    )
    assert widths == sorted(set(widths))
    assert len(set(pale_to)) == 1
    assert (frames[0][1][0, 0] == 255).all()
    assert np.abs(frames[-1][1].astype(int) - np.asarray(whole)).mean() < 2  # 256 colours


def test_of_many_maps_those_that_contribute_most_are_drawn_under_their_numbers_on_one_scale():
    maps = np.arange(1.0, 6.0)[:, None, None] * np.array([[[1.0, -2.0]]])
    gradients = np.array([1.0, 0.1, 3.0, 0.2, 2.0])[:, None, None] * np.ones((5, 1, 2))
    explanation = grad_cam_from_maps(maps, gradients)
    kept = [3, 5]
    assert sorted(np.argsort(-explanation.channel_shares)[:2] + 1) == kept
    whole = figure_of_stages(explanation, most_maps=2)
    for figure in (whole, explanation.plot("feature_maps", most_maps=2)):
        images = [axes.images[0] for axes in figure.axes if axes.images and "A^" in axes.get_title()
                  and "alpha" not in axes.get_title() and "dy" not in axes.get_title()]  # fmt: skip
        assert [axes.axes.get_title() for axes in images] == [f"$A^{{{k}}}$" for k in kept]
        assert [image.get_array().tolist() for image in images] == [maps[k - 1].tolist() for k in kept]
        assert {(image.norm.vmin, image.norm.vmax) for image in images} == {(-10, 10)}
        assert f"A^{kept[1]}: 5, −10." in figure.alt
    assert "2 of 5 maps are shown, those that contribute most." in texts(whole)


def test_the_method_reaches_the_figure_of_the_overlay_and_the_animation():
    for draw in (lambda method: explained().plot("overlay", interpolation=method).as_png(),
                 lambda method: animation_of_stages(explained(), interpolation=method)):  # fmt: skip
        with only_columns(-1):
            assert draw("nearest") != draw("bilinear")


def test_an_animation_takes_its_time():
    explanation = explained()
    for seconds in (0, -1, float("nan"), 1e9):
        message = refusal(ValueError, lambda seconds=seconds: animation_of_stages(explanation, seconds=seconds))
        assert message == f"seconds must be in 0.02..600, got {seconds}."


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
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    explanation = METHODS[name](network, image, 0)
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


def test_the_ends_of_a_narrow_bar_are_written_as_one_rather_than_too_small():
    maps = np.ones((1, 2, 2))
    for slope, labels in ((2.75, ["−2.75", "", "2.75"]), (-0.0068312, ["", "±0.00683", ""])):
        bar = figure_of_stage(grad_cam_from_maps(maps, slope * maps), "alphas").axes[-1]
        assert [label.get_text() for label in bar.get_xticklabels()] == labels
        assert min(label.get_size() for label in bar.get_xticklabels()) >= 8  # points
