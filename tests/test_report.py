"""What an explanation says of itself: in text, in a notebook, and in files."""

import json
import re
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from helpers import drawing, only_columns, refusal, same
from matplotlib.image import imread

from numpycam import Conv2d, GlobalAvgPool2d, Network, grad_cam, grad_cam_from_maps, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.methods import hirescam
from numpycam.targets import Difference
from numpycam.worked_example import IMAGE


@pytest.fixture(scope="module")
def explanation():
    return grad_cam(worked_example.network(), IMAGE, 0)


@pytest.fixture
def undrawn():
    with drawing():
        yield


nothing_is_drawn = pytest.mark.usefixtures("undrawn")


def test_an_explanation_in_text_has_a_line_for_each_stage(explanation):
    assert (
        repr(explanation)
        == """\
Explanation of class 0, score 143/5 = 28.6, layer 'features'
  image             1 × 4 × 4, from 0 to 1
  feature_maps      3 × 2 × 2, from -2 to 3
  gradients         3 × 2 × 2, from -1/10 = -0.1 to 6
  alphas            [2.75 4.25 0.1]
  weighted_maps     3 × 2 × 2, from -11/4 = -2.75 to 85/8 = 10.625
  weighted_sum      [[8.925 -2.025] [16.125 2.6]]
  localization_map  [[8.925 0] [16.125 2.6]]
  numpycam.exact.as_floats(explanation) has these fractions as floats"""
    )


def test_what_is_not_known_is_not_said():
    maps = np.full((1, 2, 3), 2.5)
    assert repr(grad_cam_from_maps(maps, maps)).splitlines() == [
        "Explanation of given feature maps and gradient maps",
        "  feature_maps      1 × 2 × 3, from 2.5 to 2.5",
        "  gradients         1 × 2 × 3, from 2.5 to 2.5",
        "  alphas            [2.5]",
        "  weighted_maps     1 × 2 × 3, from 6.25 to 6.25",
        "  weighted_sum      [[6.25 6.25 6.25] [6.25 6.25 6.25]]",
        "  localization_map  [[6.25 6.25 6.25] [6.25 6.25 6.25]]",
    ]


def test_the_text_of_a_batch_has_the_shapes_of_its_stages():
    network = worked_example.network(exact=False)
    images = np.stack([as_floats(IMAGE)] * 3)
    lines = repr(grad_cam(network, images)).splitlines()
    assert lines[0] == "Explanation of a batch of 3, layer 'features'"
    assert "  class_index       [0 0 0]" in lines
    assert "  feature_maps      3 × 3 × 2 × 2, from -2 to 3" in lines
    assert repr(grad_cam(network, images[:0])).splitlines()[-1] == "  localization_map  0 × 2 × 2"
    assert "<img" not in grad_cam(network, images)._repr_html_()


def test_in_a_notebook_an_explanation_is_text_and_a_picture_with_its_alternative_text(explanation):
    with only_columns(-3):  # the weighted sum
        html = explanation._repr_html_()
    assert "<p>Explanation of class 0, score 143/5 = 28.6, layer &#x27;features&#x27;</p>" in html
    assert "[[8.925 -2.025] [16.125 2.6]]" in html
    (alternative,) = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,', html)
    assert "weighted sum: 8.925, −2.025; 16.125, 2.6." in alternative


@nothing_is_drawn
def test_in_a_notebook_labels_are_escaped():
    network = Network([("<b>", Conv2d(np.ones((1, 1, 1, 1)))), ("gap", GlobalAvgPool2d())])
    assert "<b>" not in grad_cam(network, np.ones((1, 2, 3)))._repr_html_()


def test_in_a_notebook_without_matplotlib(explanation, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("numpycam.display")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    html = explanation._repr_html_()
    assert "<img" not in html
    assert "[[8.925 -2.025] [16.125 2.6]]" in html


def test_save_writes_four_files(explanation, tmp_path):
    folder = tmp_path / "deep" / "down"
    names = explanation.save(folder, title="The cat", about={"who": "me"})
    assert names == ["steps.html", "stages.png", "overlay.png", "explanation.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert "<h1>The cat</h1>" in (folder / "steps.html").read_text()
    assert (folder / "stages.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((folder / "explanation.json").read_text())
    assert written["who"] == "me"
    for name in ("weighted_sum", "counterfactual_map", "channel_shares"):
        assert same(as_fractions(written[name]), getattr(explanation, name))


@nothing_is_drawn
def test_save_without_a_picture_writes_three(tmp_path):
    maps = np.random.default_rng(0).normal(size=(2, 3, 4))
    names = grad_cam_from_maps(maps, maps).save(tmp_path)
    assert names == ["steps.html", "stages.png", "explanation.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_pictures_of_any_number_of_channels_are_saved_what_can_be_drawn_is(tmp_path):
    network = Network([("conv", Conv2d(np.ones((2, 5, 1, 1)))), ("gap", GlobalAvgPool2d())])
    explanation = grad_cam(network, np.ones((5, 2, 3)))
    with drawing():
        assert "overlay.png" not in explanation.save(tmp_path)
        assert "overlay.png" in explanation.save(tmp_path, picture=np.ones((3, 2, 3)))
    with only_columns(0):
        assert "<img" in explanation._repr_html_()


def test_save_of_a_batch_is_refused_and_writes_nothing(tmp_path):
    explanation = grad_cam(worked_example.network(), np.stack([IMAGE, IMAGE]))
    message = refusal(ValueError, lambda: explanation.save(tmp_path / "out"))
    assert message == "a figure shows the explanation of one image: for a batch pass explanation[n]."
    assert not (tmp_path / "out").exists()


def test_the_overlay_keeps_the_pictures_proportions(tmp_path):
    network = Network([("conv", Conv2d(np.ones((2, 3, 1, 1)))), ("gap", GlobalAvgPool2d())])
    with drawing("overlay"):
        grad_cam(network, np.random.default_rng(0).random((3, 20, 30))).save(tmp_path)
    assert imread(tmp_path / "overlay.png").shape[:2] == (320, 480)


@nothing_is_drawn
def test_an_overlay_of_another_explanation_does_not_stay(explanation, tmp_path):
    explanation.save(tmp_path)
    grad_cam_from_maps(np.ones((1, 2, 2)), np.ones((1, 2, 2))).save(tmp_path)
    assert not (tmp_path / "overlay.png").exists()


@nothing_is_drawn
@pytest.mark.parametrize("told", [None, "mine", "[" * 100_000, "[]", '{"image": 1}'])
def test_files_that_are_not_of_an_explanation_stay(tmp_path, told):
    for name in ("maps.npz", "overlay.png"):
        (tmp_path / name).write_text("mine")
    if told is not None:
        (tmp_path / "explanation.json").write_text(told)
    grad_cam_from_maps(np.ones((1, 2, 2)), np.ones((1, 2, 2))).save(tmp_path)
    assert {(tmp_path / name).read_text() for name in ("maps.npz", "overlay.png")} == {"mine"}


@nothing_is_drawn
def test_files_of_a_name_that_the_earlier_explanation_did_not_write_stay(tmp_path):
    """HiResCAM has no page, given maps have no overlay, and small ones no file of their own."""
    explanation = hirescam.from_maps(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    assert explanation.save(tmp_path) == ["stages.png", "explanation.json"]
    for name in ("steps.html", "overlay.png", "maps.npz"):
        (tmp_path / name).write_text("mine")
    explanation.save(tmp_path)
    assert {(tmp_path / name).read_text() for name in ("steps.html", "overlay.png", "maps.npz")} == {"mine"}


@nothing_is_drawn
@pytest.mark.parametrize(("columns", "has_file"), [(64, False), (65, True)])
def test_arrays_of_up_to_4096_numbers_stand_in_the_json_file(tmp_path, columns, has_file):
    maps = np.ones((1, 64, columns))
    assert ("maps.npz" in grad_cam_from_maps(maps, maps).save(tmp_path)) == has_file
    told = json.loads((tmp_path / "explanation.json").read_text())["feature_maps"]
    assert told == ({"shape": [1, 64, 65], "file": "maps.npz"} if has_file else maps.tolist())


def test_the_method_reaches_every_file(explanation, tmp_path):
    with only_columns(-1):  # the overlay
        for method in ("nearest", "bilinear"):
            explanation.save(tmp_path / method, interpolation=method)
    for name in ("steps.html", "stages.png", "overlay.png"):
        nearest, bilinear = ((tmp_path / method / name).read_bytes() for method in ("nearest", "bilinear"))
        assert nearest != bilinear
    pixels = imread(tmp_path / "nearest" / "overlay.png")
    beside = slice(215, 285), 75 + 120  # in the second pixel of the picture, above the number of the map
    assert (pixels[beside[0], 75 + 222] == pixels[beside]).all()  # up to its border a cell has one colour
    assert (pixels[215, 75 + 222] != pixels[215, 75 + 228]).any()


def test_a_wide_picture_is_not_made_smaller(tmp_path):
    network = Network([("conv", Conv2d(np.ones((2, 1, 1, 1)))), ("gap", GlobalAvgPool2d())])
    with drawing("overlay"):
        grad_cam(network, np.random.default_rng(0).random((1, 2, 700))).save(tmp_path)
    assert imread(tmp_path / "overlay.png").shape[:2] == (120, 700)


@pytest.mark.parametrize("count", [3, 9])
def test_a_batch_of_targets_is_printed(count):
    given = [0, Difference({0: 1}), 1] * (count // 3)
    images = np.stack([IMAGE] * count)
    lines = str(grad_cam(worked_example.network(), images, given)).splitlines()
    shown = ", ".join(map(str, given[:8])) + (", …" if count > 8 else "")
    assert lines[2] == f"  class_index       [{shown}]"
    lines = str(grad_cam(worked_example.network(), images[:2], given[1])).splitlines()
    assert lines[2] == f"  class_index       [{given[1]}, {given[1]}]"


class InAList(list):
    """A target that is a list, too."""

    def __call__(self, scores):
        return Difference({0: 1})(scores)


@nothing_is_drawn
def test_a_target_is_saved_by_its_name_whatever_else_it_is(tmp_path):
    for target in (Difference({0: 1}), InAList([7])):
        explanation = grad_cam(worked_example.network(), IMAGE, target)
        explanation.save(tmp_path)
        assert json.loads((tmp_path / "explanation.json").read_text())["class_index"] == str(target)


@nothing_is_drawn
def test_about_says_what_it_is_given_and_nothing_of_the_explanation(explanation, tmp_path):
    explanation.save(tmp_path, about={"half": Fraction(1, 2), "count": np.int64(3), "list": [1.5]})
    written = json.loads((tmp_path / "explanation.json").read_text())
    assert (written["half"], written["count"], written["list"]) == ("1/2", 3, [1.5])
    for name in ("layer", 1):
        message = refusal(ValueError, lambda name=name: explanation.save(tmp_path, about={name: 0}))
        assert message == f"about must have strings as names, and not the name of a field, got {name!r}."


@nothing_is_drawn
def test_about_can_hold_whatever_json_can(explanation, tmp_path):
    about = {
        "array": np.float32([[0.5, 2]]),
        "fractions": as_fractions([["1/2", 3]]),
        "scalars": (np.bool_(True), np.float64(0.25), np.str_("é"), None, -(10**4299)),
        "deep": {"a": [{"b": (1, [])}]},
    }
    explanation.save(tmp_path, about=about)
    written = json.loads((tmp_path / "explanation.json").read_text(), parse_constant=pytest.fail)
    assert {name: written[name] for name in about} == {
        "array": [[0.5, 2.0]],
        "fractions": [["1/2", "3"]],
        "scalars": [True, 0.25, "é", None, -(10**4299)],
        "deep": {"a": [{"b": [1, []]}]},
    }


CIRCLE: list = [1]
CIRCLE += [{"again": CIRCLE}] * 2
DEEP: list = []
for _ in range(60):
    DEEP = [DEEP, DEEP]
ALLOWED = "must be text, a number, True, False, None, or an array, a list or a dict of them, got"
DIGITS = "must hold numbers of at most 4300 digits to be written to a file: convert it with numpycam.exact.as_floats."


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.nan, ValueError, "about['a'] must be finite, got nan: JSON has no word for it."),
        ([{"b": -np.inf}], ValueError, "about['a'][0]['b'] must be finite, got -inf: JSON has no word for it."),
        (np.float32("inf"), ValueError, "about['a'] must be finite, got inf: JSON has no word for it."),
        (np.array([[1, np.nan]]), ValueError, "about['a'][0][1] must be finite, got nan: JSON has no word for it."),
        ({"b": {1: 2}}, TypeError, "about['a']['b'] must have strings as keys, got 1."),
        ({None: 2}, TypeError, "about['a'] must have strings as keys, got None."),
        ([{1, 2}], TypeError, f"about['a'][0] {ALLOWED} set."),
        (b"bytes", TypeError, f"about['a'] {ALLOWED} bytes."),
        ((1, 1j), TypeError, f"about['a'][1] {ALLOWED} complex."),
        (np.datetime64("2020-01-01"), TypeError, f"about['a'] {ALLOWED} date."),
        (print, TypeError, f"about['a'] {ALLOWED} builtin_function_or_method."),
        (10**4300, ValueError, f"about['a'] {DIGITS}"),
        ([Fraction(1, 10**4300)], ValueError, f"about['a'][0] {DIGITS}"),
        ("\ud800", ValueError, "about['a'] must be text, got half of a character (a surrogate) in '\\ud800'."),
        ({"\ud800": 1}, ValueError, "about['a'] must be text, got half of a character (a surrogate) in '\\ud800'."),
        (CIRCLE, ValueError, "about['a'][1]['again'] must not hold itself, nor lie more than 50 lists and dicts deep."),
        (DEEP, ValueError, f"about['a']{'[0]' * 51} must not hold itself, nor lie more than 50 lists and dicts deep."),
    ],
    ids=iter("abcdefghijklmnopq"),  # Python cannot write these
)  # fmt: skip
def test_about_holds_nothing_that_json_cannot(explanation, tmp_path, value, error, message):
    assert refusal(error, lambda: explanation.save(tmp_path / "out", about={"a": value})) == message
    assert not (tmp_path / "out").exists()


def test_about_is_a_dict(explanation, tmp_path):
    message = refusal(TypeError, lambda: explanation.save(tmp_path / "out", about=[("a", 1)]))
    assert message == "about must be a dict, got list."


@nothing_is_drawn
def test_a_score_that_is_no_number_is_not_written(tmp_path):
    explanation = replace(grad_cam_from_maps(np.ones((1, 2, 3)), np.ones((1, 2, 3))), score=np.nan)
    message = refusal(ValueError, lambda: explanation.save(tmp_path / "out"))
    assert message == "score must be finite, got nan: JSON has no word for it."
    assert not (tmp_path / "out").exists()


def test_fractions_of_too_many_digits_are_told_as_decimals_and_not_saved(tmp_path):
    explanation = grad_cam(worked_example.network(), IMAGE + Fraction(1, 10**4400), 0)
    assert "score [Fraction of about 4402 digits] = 28.6" in repr(explanation)
    assert "from [Fraction of about 4400 digits] = 1e-4400 to" in repr(explanation)
    with only_columns(-3):
        assert "[Fraction of about 4402 digits] = 28.6" in explanation._repr_html_()
    with drawing():
        message = refusal(ValueError, lambda: explanation.save(tmp_path / "out"))
    assert message == f"image[0][0][0] {DIGITS}"
    assert not (tmp_path / "out").exists()


@nothing_is_drawn
def test_an_item_of_a_batch_in_float32_is_saved_with_its_score(tmp_path):
    network = as_floats(worked_example.network(), np.float32)
    batch = grad_cam(network, np.stack([as_floats(IMAGE, np.float32)] * 2), 0)
    batch[1].save(tmp_path)
    assert json.loads((tmp_path / "explanation.json").read_text())["score"] == batch[1].score


def test_what_has_no_colour_is_said_in_numbers(tmp_path):
    maps = np.array([[[np.nan, 1.0]]])
    explanation = grad_cam_from_maps(maps, np.ones((1, 1, 2)), check_finite=False)
    assert "[[nan 1]]" in repr(explanation)
    assert "[[nan 1]]" in explanation._repr_html_()
    assert "<img" not in explanation._repr_html_()
    assert refusal(ValueError, lambda: explanation.save(tmp_path)) == "feature_maps contains NaN at index (0, 0, 0)."
    assert list(tmp_path.iterdir()) == []
    huge = as_fractions([[[10**400, 1]]])
    assert "1.00000e+400" in repr(grad_cam_from_maps(huge, huge))
    assert "<img" not in grad_cam_from_maps(huge, huge)._repr_html_()


@nothing_is_drawn
def test_large_arrays_go_to_a_file_of_their_own_fractions_as_strings(tmp_path):
    maps = as_fractions(np.arange(2 * 45 * 46).reshape(2, 45, 46)) / 7
    explanation = grad_cam_from_maps(maps, maps)
    assert explanation.save(tmp_path) == ["steps.html", "stages.png", "explanation.json", "maps.npz"]
    written = json.loads((tmp_path / "explanation.json").read_text())
    assert written["feature_maps"] == {"shape": [2, 45, 46], "file": "maps.npz"}
    assert same(as_fractions(written["weighted_sum"]), explanation.weighted_sum)  # 2070 numbers
    with np.load(tmp_path / "maps.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["feature_maps", "gradients", "weighted_maps"]
        assert same(as_fractions(arrays["weighted_maps"]), explanation.weighted_maps)
    grad_cam_from_maps(maps[:1], maps[:1]).save(tmp_path)
    assert not (tmp_path / "maps.npz").exists()


def test_the_picture_is_shown_and_the_numbers_are_of_the_image(tmp_path):
    network, seen = as_floats(worked_example.network()), as_floats(IMAGE)
    explanation = grad_cam(network, 4 * seen - 2, 0)
    with only_columns(0):  # the picture
        explanation.save(tmp_path / "other", picture=seen)
        grad_cam(network, seen, 0).save(tmp_path / "same")
    written = json.loads((tmp_path / "other" / "explanation.json").read_text())
    assert same(np.array(written["image"]), 4 * seen - 2)
    assert network(np.array(written["image"])[None])[0, 0] == written["score"]
    page, plain = ((tmp_path / name / "steps.html").read_text() for name in ("other", "same"))
    cells = [re.search(r'data-stage="image".*?</table>', text, re.DOTALL)[0] for text in (page, plain)]
    assert cells[0] == cells[1]
    assert (
        "This is the picture as a person sees it: 4 pixels high, 4 wide. The network sees other numbers in its place, "
        'from −2 to 2. <span class="these">The network gives class 0 the score '
    ) in page
    figure, plain = (imread(tmp_path / name / "stages.png") for name in ("other", "same"))
    assert same(figure, plain)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.ones((1, 4, 3)), "picture must have the height and width of the image, (4, 4), got (4, 3)."),
        (
            np.ones((2, 4, 4)),
            "picture must have shape (1, H, W) or (3, H, W), got (2, 4, 4); channels come first: "
            "pass np.moveaxis(picture[..., :3], -1, 0).",
        ),
        (np.full((1, 4, 4), 2), "picture must lie in 0..1, got 2..2: divide it by its largest possible value."),
    ],
)
def test_a_picture_of_another_kind_is_refused(explanation, tmp_path, picture, message):
    assert refusal(ValueError, lambda: explanation.save(tmp_path / "out", picture=picture)) == message
    assert not (tmp_path / "out").exists()


def test_titles_are_taken_literally(explanation, tmp_path):
    with only_columns(0):
        explanation.save(tmp_path, title="$\\foo$ <b>")
    assert "<h1>$\\foo$ &lt;b&gt;</h1>" in (tmp_path / "steps.html").read_text()


@pytest.mark.parametrize(
    ("size", "written"),
    [
        ((1, 32), (120, 480)),
        ((2, 100), (100, 400)),
        ((64, 1), (448, 112)),
        ((1, 2000), (120, 2000)),
        ((60, 240), (120, 480)),
    ],
)
def test_a_slim_picture_has_an_overlay_that_can_be_seen(size, written, tmp_path):
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 1)))), ("gap", GlobalAvgPool2d())])
    with drawing("overlay"):
        grad_cam(network, np.ones((1, *size))).save(tmp_path)
    assert imread(tmp_path / "overlay.png").shape[:2] == written


def test_fractions_with_very_many_digits_are_told_as_decimals():
    long = np.full((1, 2, 3), Fraction(10**5000 + 1, 10**5000))
    explanation = grad_cam_from_maps(long, long)
    number = "[Fraction of about 5000 digits] = 1"
    assert f"1 × 2 × 3, from {number} to {number}" in repr(explanation)
    assert "<img" in explanation._repr_html_()
