"""Figures of more than one explanation's stages: a path, errors, pictures in rows, kernels, methods side by side."""

import itertools
import warnings
from dataclasses import replace
from fractions import Fraction

import matplotlib as mpl
import numpy as np
import pytest
from helpers import collisions, pixels_of, refusal, same, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.colors import Normalize
from matplotlib.text import Text

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
    figure_of_errors,
    figure_of_kernels,
    figure_of_losses,
    figure_of_methods,
    figure_of_path,
    figure_of_pictures,
    format_number,
    overlay,
)
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.pretrained import load_pretrained
from numpycam.interventions import erase, path
from numpycam.laws.strategies import sides
from numpycam.methods import METHODS
from numpycam.resize import normalise, resize


def test_the_figure_of_losses_has_each_loss_its_means_and_the_loss_of_knowing_nothing():
    figure = figure_of_losses([4, 2, 0, 1], steps=2, ground=0.5)
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["one step", "mean of 2 steps", "knowing nothing"]
    assert same(*(np.array(line.get_xydata()) for line in [axes.lines[1]]), np.array([[2, 3], [3, 1], [4, 0.5]]))
    assert figure.alt == (
        "The mean loss of 2 steps goes from 3.00 to 0.50. A dashed line at 0.50 is that of knowing nothing."
    )
    assert len(figure_of_losses([0.0], steps=1).axes[0].lines) == 2
    assert refusal(ValueError, lambda: figure_of_losses([1, 2])) == (
        "losses must be a row of at least 20 numbers, got shape (2,)."
    )


def test_the_figure_of_a_path_names_its_slopes_and_kinks():
    network, image = worked_example.network("conv"), worked_example.IMAGE
    line = path(network, erase(image, (slice(2, 4), slice(0, 2))), image, 0)
    figure = figure_of_path(line)
    written = texts(figure)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(right.x0 - left.x1 >= 8 for left, right in itertools.pairwise(boxes))  # pixels
    (flat,) = (text.get_window_extent() for text in figure.findobj(Text) if text.get_text() == "slope 0")
    kink = figure.axes[0].transData.transform((float(line.kinks[0]), 0))[0]
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
    assert figure.as_png().startswith(b"\x89PNG")


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


unit = st.floats(0, 1, width=32)


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
     "rows[1][0] must have shape (1, H, W) or (3, H, W), got (2, 4, 5); a picture has one channel or three, not 2."),
    (np.zeros((2, 3, 4, 5)), {},
     "rows must be rows of pictures, got one array (2, 3, 4, 5): pass [pictures] for one row."),
    ([[np.full((2, 2), np.nan)]], {}, "rows[0][0] contains NaN at index (0, 0)."),
])  # fmt: skip
def test_pictures_that_cannot_be_drawn(rows, options, message):
    assert refusal(ValueError, lambda: figure_of_pictures(rows, **options)) == message


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
    assert all(map(same, drawn[-3:], cividis))
    assert len(drawn) == 6 + (channels > 1)
    assert collisions(figure) == []


@pytest.mark.parametrize(("channels", "size"), [(2, (3, 2)), (3, (2, 3)), (5, (3, 1)), (64, (3, 3))])
def test_a_key_has_the_number_of_each_input_channel_on_its_square(channels, size):
    network, image, _ = kernel_case(channels, size=size)
    key = figure_of_kernels(grad_cam(network, image, 0, "features")).axes[3]
    assert [text.get_text() for text in key.texts] == [str(n + 1) for n in range(channels)]
    height, width = size
    columns = int(np.ceil(np.sqrt(channels)))
    for n, text in enumerate(key.texts):
        across, down = text.get_position()
        assert (across // (width + 1), down // (height + 1)) == (n % columns, n // columns)
        assert (across % (width + 1), down % (height + 1)) == ((width - 1) / 2, (height - 1) / 2)


def test_a_kernel_of_one_channel_has_no_key_and_very_many_channels_have_no_numbers():
    for channels, words in ((1, []), (256, ["channels 1–256,\nrow by row"])):
        network, image, _ = kernel_case(channels)
        figure = figure_of_kernels(grad_cam(network, image, 0, "features"))
        assert [text for text in texts(figure) if "channels" in text] == words
        assert not any(axes.texts for axes in figure.axes)


def test_the_texts_of_kernels_name_them_and_their_shares():
    network, image, _ = kernel_case()
    explanation = grad_cam(network, image, 0, "features")
    shares = [f"share {100 * part:.1f}\N{NO-BREAK SPACE}%" for part in explanation.channel_shares]
    figure = figure_of_kernels(explanation)
    names = ["$A^{1}$", "$A^{2}$", "$A^{3}$", "input channels", "kernel", "map"]
    assert [text for text in texts(figure) if text and not text.isdecimal()] == [*names, *shares]
    maps = [f"map, A^{k}, {' '.join(part.split())}." for k, part in enumerate(shares, start=1)]
    kernels = "kernel, A^1. kernel, A^2. kernel, A^3. kernel, input channels 1 to 3."
    assert figure.alt == " ".join([kernels, *maps])


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
    assert all(map(same, drawn[-3:], red_to_blue(explanation.feature_maps)))


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
    assert len(drawn) == 2 * len(kept) + 1  # and the key
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
        heat = normalise(resize(as_floats(e.localization_map), image.shape[1:]))
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
    for axes in figure.axes:  # no name is wider than its panel
        assert axes.title.get_window_extent().width <= axes.get_window_extent().width


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


def by_methods(names=("grad_cam", "hirescam", "layercam", "eigen_cam")):
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    return [METHODS[name](network, image, 0) for name in names]


@pytest.mark.filterwarnings("error:Attempt", "error::RuntimeWarning")  # to set identical limits, or limits of 0
@pytest.mark.parametrize("step", [1.0, 3.0, 0.1, 1e-8, 1e8])
@pytest.mark.parametrize("error", [0.0, 1.0, 3.0, 1e-17, 1e10])
def test_errors_of_a_single_step_are_drawn_without_a_warning(step, error):
    """Limits that matplotlib finds itself may fall on one another, by the rounding of a logarithm."""
    axes = figure_of_errors([step], {"one": [error]}).axes[0]
    figure_of_errors([step], {"one": [error]}).as_png()
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert 0 < 2 * low < high


def test_steps_of_all_sizes_are_drawn_without_a_warning():
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        assert figure_of_errors([1e-320, 1e308], {"error": [1e308, 0]}).as_png().startswith(b"\x89PNG")
