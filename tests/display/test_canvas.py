"""What all figures are drawn with: numbers in their cells on colours that let them be read, and words for them."""

import itertools
import os
import subprocess
import sys
import warnings
from hashlib import sha256
from io import BytesIO
from threading import Event, Thread
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from helpers import contrast, same, some, texts
from matplotlib import colormaps

from numpycam import grad_cam, grad_cam_from_maps, worked_example
from numpycam.display import (
    as_png,
    canvas,
    figure_of_curves,
    figure_of_draws,
    figure_of_errors,
    figure_of_kernels,
    figure_of_maps,
    figure_of_methods,
    figure_of_path,
    figure_of_pictures,
    figure_of_stage,
    figure_of_stages,
    figure_of_ways,
    format_number,
    is_dark,
)
from numpycam.display.canvas import own_settings
from numpycam.path import path


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


# --- The settings of matplotlib ---------------------------------------------------------------------

WILD = {
    **{"text.usetex": True, "savefig.bbox": "tight", "savefig.dpi": 37.0, "figure.dpi": 51.0, "font.size": 25.0},
    **{"figure.facecolor": "red", "savefig.facecolor": "blue", "text.color": "green", "axes.grid": True},
    **{"image.origin": "lower", "image.interpolation": "bilinear", "path.sketch": (3.0, 50.0, 2.0)},
    **{"figure.constrained_layout.use": True, "xtick.color": "red", "savefig.transparent": True},
}
X = worked_example.IMAGE
PICTURE = np.linspace(0, 1, 24).reshape(2, 4, 3)  # (H, W, 3)
DRAWN = {
    "maps": lambda: figure_of_maps(worked_example.FEATURE_MAPS, "A^k"),
    "stages": lambda: figure_of_stages(grad_cam(worked_example.network(), X, 0), title="title"),
    "stage": lambda: figure_of_stage(grad_cam(worked_example.network(), X, 0), "overlay"),
    "methods": lambda: figure_of_methods([grad_cam(worked_example.network(), X, 0)]),
    "kernels": lambda: figure_of_kernels(grad_cam(worked_example.network(), X, 0)),
    "pictures": lambda: figure_of_pictures([[PICTURE]], captions=[["caption"]]),
    "path": lambda: figure_of_path(path(worked_example.network(), 0 * X, X, 0)),
    "draws": lambda: figure_of_draws({"one": [0.1, 0.5], "other": [0.9]}, "number"),
    "curves": lambda: figure_of_curves({"one": [3, 1, 0]}, "deleted"),
    "errors": lambda: figure_of_errors([0.1, 0.01], {"forward": [1e-3, 1e-4]}),
    "ways": lambda: figure_of_ways(("x", X[0]), {"body": [("x", X[0])], "shortcut": [("x", X[0])]}, ("2 x", 2 * X[0])),
}


def as_saved(figure):
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize("name", some(DRAWN))
def test_the_settings_of_the_user_change_no_figure_and_stay(name):
    expected, saved = DRAWN[name]().as_png(), as_saved(DRAWN[name]())
    with mpl.rc_context(WILD):
        figure = DRAWN[name]()
        assert figure.as_png() == figure._repr_mimebundle_()[0]["image/png"] == expected
        assert as_saved(figure) == saved
        assert {name: mpl.rcParams[name] for name in WILD} == WILD


def test_the_settings_of_the_user_turn_no_picture_upside_down():
    expected = as_png(PICTURE)
    with mpl.rc_context(WILD):
        assert as_png(PICTURE) == expected


def test_a_matplotlibrc_in_the_folder_changes_no_figure(tmp_path):
    """One with few colours must be read before matplotlib makes its colour maps: by a process of its own."""
    (tmp_path / "matplotlibrc").write_text("image.lut: 7\ntext.usetex: True\nsavefig.bbox: tight\nfont.size: 30\n")
    code = (
        "import hashlib, matplotlib; from numpycam import display, worked_example\n"
        "assert matplotlib.rcParams['image.lut'] == 7\n"
        "figure = display.figure_of_maps(worked_example.FEATURE_MAPS, 'A^k')\n"
        "print(hashlib.sha256(figure.as_png()).hexdigest())"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert found.stdout == sha256(DRAWN["maps"]().as_png()).hexdigest() + "\n", found.stderr


def test_two_threads_do_not_put_back_each_others_settings():
    first_has_ended = Event()

    def second():
        with own_settings():  # it waits here: else it would find the defaults, and put them back in the end
            first_has_ended.wait(10)

    thread = Thread(target=second)
    with mpl.rc_context({"font.size": 25.0}):
        with own_settings():
            thread.start()
            thread.join(0.1)
        first_has_ended.set()
        thread.join()
        assert mpl.rcParams["font.size"] == 25


@pytest.mark.parametrize("screen", [True, False])
def test_show_writes_a_file_and_opens_it_if_there_is_a_screen(monkeypatch, capsys, tmp_path, screen):
    opened = []
    monkeypatch.setattr(canvas, "has_screen", lambda: screen)
    monkeypatch.setattr(canvas, "mkdtemp", lambda prefix: str(tmp_path))
    monkeypatch.setattr(canvas.webbrowser, "open", opened.append)
    DRAWN["maps"]().show()
    path = tmp_path / "picture.png"
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert opened == ([path.as_uri()] if screen else [])


def test_show_in_a_notebook_shows_the_figure_below_the_cell(monkeypatch):
    shown = []
    display = SimpleNamespace(display=shown.append)
    shell = SimpleNamespace(kernel=True)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=display))
    figure = DRAWN["maps"]()
    figure.show()
    assert shown == [figure]


# --- Slim maps, huge and tiny numbers ---------------------------------------------------------------


def sides_of_maps(figure):
    """The height and the width of every map or picture of a figure, in pixels."""
    figure.draw_without_rendering()
    boxes = [axes.get_window_extent() for axes in figure.axes if axes.images]
    return np.array([(box.height, box.width) for box in boxes])


@pytest.mark.parametrize(
    ("size", "ratio"), [((1, 32), 4), ((2, 100), 4), ((64, 1), 1 / 4), ((1, 4), 4), ((2, 5), 2.5), ((30, 20), 2 / 3)]
)
def test_a_slim_map_is_no_mere_line_and_others_have_square_cells(size, ratio):
    maps = np.linspace(0, 1, 2 * size[0] * size[1]).reshape(2, *size)
    image = maps[:1]
    explanation = grad_cam_from_maps(maps, maps)
    for figure in (
        figure_of_maps(maps, "A^k"),
        figure_of_stage(explanation, "weighted_sum"),
        figure_of_methods([explanation]),
        figure_of_pictures([[image, np.moveaxis(np.repeat(image, 3, axis=0), 0, -1)]]),
    ):
        heights, widths = sides_of_maps(figure).T
        assert np.abs(widths - ratio * heights).max() < 0.01  # pixels


@pytest.mark.parametrize("exponent", [-1070, 1021])
def test_huge_and_tiny_numbers_have_the_colours_of_others(exponent):
    maps = np.array([[[0.0, 1.0, -2.0], [3.0, -4.0, 5.0]]])
    scaled = np.ldexp(maps, exponent)
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        figure, other = figure_of_maps(scaled, "A^k"), figure_of_maps(maps, "A^k")
        assert figure.as_png().startswith(b"\x89PNG")
    colours, others = (one.axes[0].images[0].to_rgba(one.axes[0].images[0].get_array()) for one in (figure, other))
    assert same(colours, others)
    assert f"±{format_number(scaled.max())}" in texts(figure)  # of the colour bar
