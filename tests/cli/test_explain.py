"""``numpycam explain``: what it prints and writes, from a stored network and a picture in a file, and how it fails."""

import itertools
import json
import re
from fractions import Fraction
from shutil import copytree
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from helpers import BLANK, drawing, only_columns, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.image import imread
from PIL import Image

from numpycam import Conv2d, Explanation, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam, worked_example
from numpycam.about import About
from numpycam.cli import main
from numpycam.cli.methods import by_all
from numpycam.cli.question import _as_the_network_takes_it, _told_size
from numpycam.display import as_uint8, format_number, overlay
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.drawings import CLASS_NAMES, LUMA, Animals, draw
from numpycam.experiments.pretrained import load_pretrained
from numpycam.laws.strategies import sides
from numpycam.methods import METHODS
from numpycam.resize import normalise, resize, resize_picture
from numpycam.targets import Difference

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)  # (H, W, 3)
GREYS = COLOURS[..., 0]


def convolutional(channels=3, classes=4, dtype=np.float32):
    """A network with random weights; of any picture of at least 3 × 3 pixels, it gives scores."""
    random = np.random.default_rng(1)
    first, second, head = (
        random.normal(size=shape).astype(dtype) for shape in [(6, channels, 3, 3), (5, 6, 2, 2), (classes, 5)]
    )
    return Network([
        ("conv1", Conv2d(first, stride=2, padding=1)),
        ("relu1", ReLU()),
        ("conv2", Conv2d(second)),
        ("relu2", ReLU()),
        ("gap", GlobalAvgPool2d()),
        ("linear", Linear(head)),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def given_files(tmp_path_factory):
    """A picture in colour and a grey one, networks for either, and names."""
    folder = tmp_path_factory.mktemp("given")
    Image.fromarray(COLOURS).save(folder / "picture.png")
    Image.fromarray(GREYS).save(folder / "grey.png")
    convolutional().save(folder / "network.npz")
    convolutional(channels=1).save(folder / "network-grey.npz")
    (folder / "names.txt").write_text("cat\nelephant\n7\ntabby cat\n")
    return folder


@pytest.fixture
def folder(given_files, tmp_path, monkeypatch):
    """A working directory with those files."""
    copytree(given_files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run the command; it draws what the test looks at."""

    def call(*arguments, draws=""):
        given = [*map(str, arguments)]
        given += [] if "--network" in given else ["--network", "network.npz"]
        with drawing(*draws.split()):
            status = main(["explain", *given, "--out", "out"])
        return status, *capsys.readouterr()

    return call


def written(folder, where="out"):
    return json.loads((folder / where / "explanation.json").read_text())


def channels_first(picture):
    return np.moveaxis(picture, -1, 0) / 255


# --- Scores, maps, files --------------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_grad_cam(run, folder):
    status, out, err = run("picture.png", draws="figure page overlay")
    network, image = convolutional(), channels_first(COLOURS).astype(np.float32)
    explanation, scores = grad_cam(network, image), network(image[None])[0]
    assert (status, err) == (0, "")
    for name in ("score", "alphas", "feature_maps", "gradients", "weighted_sum", "localization_map"):
        assert np.array_equal(written(folder)[name], getattr(explanation, name))
    ranked = sorted(range(4), key=lambda c: -scores[c])
    rows = [f"{rank} {c} {scores[c]:.4f}" for rank, c in enumerate(ranked, start=1)]
    assert re.sub(" +", " ", out) == "\n".join([
        "The picture picture.png: 12 pixels high, 10 wide, in colour",
        "The network network.npz",
        "The layer 'conv2': 5 feature maps, 5 cells high, 4 wide",
        "The method Grad-CAM",
        "",
        "The scores, before any softmax:",
        "",
        " rank class score",
        f" {rows[0]} explained",
        *(f" {row}" for row in rows[1:]),
        "",
        "Written to out: steps.html, stages.png, overlay.png, explanation.json",
        "",
    ])  # fmt: skip


def test_the_table_is_aligned_and_shows_five_and_what_is_explained(run, folder):
    convolutional(classes=12).save("many.npz")
    (folder / "names.txt").write_text("".join(f"class {'x' * n}\n" for n in range(12)))
    lowest = int(convolutional(classes=12)(channels_first(COLOURS)[None])[0].argmin())
    _, out, _ = run("picture.png", "--network", "many.npz", "--class", lowest, "--names", "names.txt")
    table = out.split("\n\n")[2].splitlines()
    assert [line[:6].strip() for line in table] == ["rank", "1", "2", "3", "4", "5", "…", "12"]
    assert table.pop(6).strip() == "…"
    assert {line.index(".") for line in table[1:]} == {table[1].index(".")}
    assert {line.index("class", 14) for line in table[1:]} == {table[0].index("name")}
    assert table[-1].endswith("explained")


def test_ranks_that_are_left_out_leave_a_mark(run):
    for classes, c, ranks in [(6, 0, "1 2 3 4 5 …"), (5, 0, "1 2 3 4 5"), (12, 7, "1 2 3 4 5 … 8 …")]:
        convolutional(classes=classes).save("many.npz")
        ranked = np.argsort(-convolutional(classes=classes)(channels_first(COLOURS)[None].astype(np.float32))[0])
        _, out, _ = run("picture.png", "--network", "many.npz", "--class", ranked[c])
        assert [line.split()[0] for line in out.split("\n\n")[2].splitlines()] == ["rank", *ranks.split()]


def test_of_scores_that_tie_the_first_class_comes_first_and_a_score_of_zero_says_no(run, folder, monkeypatch):
    tied = Network(
        [("conv", Conv2d(np.ones((1, 1, 1, 1)))), ("gap", GlobalAvgPool2d()), ("linear", Linear([[0], [0]]))]
    )
    monkeypatch.setattr("numpycam.cli.question.load_pretrained", lambda _: tied)
    _, out, _ = run("grey.png", "--network", "drawings")
    assert [line.split()[:4] for line in out.split("\n\n")[2].splitlines()[1:]] == [
        ["1", "0", "0.0000", "no"],
        ["2", "1", "0.0000", "no"],
    ]


def test_top_writes_a_folder_for_each_class(run, folder):
    _, out, _ = run("picture.png", "--top", 3)
    ranked = np.argsort(-convolutional()(channels_first(COLOURS).astype(np.float32)[None])[0])
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(f"class-{c}" for c in ranked[:3])
    for c in ranked[:3]:
        assert written(folder, f"out/class-{c}")["class_index"] == c
        assert f"Written to out/class-{c}: steps.html, " in out
    assert out.count("explained") == 3


def test_folders_of_an_earlier_run_are_told(run, folder):
    ranked = np.argsort(-convolutional()(channels_first(COLOURS).astype(np.float32)[None])[0])
    _, first, _ = run("picture.png", "--top", 2)
    _, second, _ = run("picture.png", "--top", 1)
    _, third, _ = run("picture.png")
    assert "Not written by this run" not in first
    assert second.endswith(f"\nNot written by this run: out/class-{ranked[1]}\n")
    assert third.endswith(f"\nNot written by this run: {', '.join(sorted(f'out/class-{c}' for c in ranked[:2]))}\n")


def test_classes_by_number_and_by_name(run, folder):
    for text, c in [("0", 0), ("3", 3), ("elephant", 1), ("7", 2), ("tabby cat", 3)]:  # a name goes before a number
        _, out, _ = run("picture.png", "--names", "names.txt", "--class", text)
        assert written(folder)["class_index"] == c
        assert written(folder)["class"] == ["cat", "elephant", "7", "tabby cat"][c]
        assert re.search(rf" {c} .*explained", out)


def test_the_layer_is_chosen(run, folder):
    _, out, _ = run("picture.png", "--layer", "relu1")
    assert "The layer    'relu1': 6 feature maps, 6 cells high, 5 wide" in out
    assert written(folder)["layer"] == "relu1"


def test_an_empty_map_is_told(run, folder):
    Network(
        [*convolutional().layers[:4], ("gap", GlobalAvgPool2d()), ("linear", Linear(np.zeros((2, 5), np.float32)))]
    ).save("0")
    _, out, _ = run("picture.png", "--network", "0", draws="page overlay")
    assert "explained: no cell speaks for it, the map is zero\n" in out


def test_a_network_of_fractions_computes_in_fractions(run, folder):
    worked_example.network().save("cat.npz")
    Image.fromarray(as_uint8(worked_example.IMAGE[0].astype(float))).save("cat.png")
    _, out, _ = run("cat.png", "--network", "cat.npz", "--class", 0)
    assert (written(folder)["score"], written(folder)["weighted_sum"][0]) == ("143/5", ["357/40", "-81/40"])
    assert "28.6000  explained" in out


def test_a_second_run_writes_the_same_bytes(run, folder):
    first = run("picture.png", draws="page overlay")
    files = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert run("picture.png", draws="page overlay") == first
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == files


def test_large_arrays_have_a_file_of_their_own(run, folder):
    _, out, _ = run("picture.png", "--size", "90x80")
    assert "explanation.json, maps.npz\n" in out
    assert written(folder)["image"] == {"shape": [3, 90, 80], "file": "maps.npz"}
    assert written(folder)["feature_maps"] == {"shape": [5, 44, 39], "file": "maps.npz"}
    assert np.shape(written(folder)["weighted_sum"]) == (44, 39)
    with np.load("out/maps.npz", allow_pickle=False) as arrays:
        seen = resize(channels_first(COLOURS), (90, 80))
        assert sorted(arrays) == ["feature_maps", "gradients", "image", "weighted_maps"]
        assert same(arrays["image"], seen.astype(np.float32))
        assert same(arrays["feature_maps"], grad_cam(convolutional(), seen.astype(np.float32)).feature_maps)
    run("picture.png")
    assert not (folder / "out" / "maps.npz").exists()


def test_the_page_of_a_large_picture_stays_small(run, folder):
    run("picture.png", "--size", "224x224", "--layer", "relu1", draws="page")
    assert (folder / "out" / "steps.html").stat().st_size < 600_000
    assert (folder / "out" / "explanation.json").stat().st_size < 300_000


def test_html_in_names_is_text(run, folder):
    name = "<script>alert('&')</script>"
    (folder / "names.txt").write_text(f"{name}\n" * 3 + "x\n")
    run("picture.png", "--class", 1, "--names", "names.txt", draws="page")
    page = (folder / "out" / "steps.html").read_text()
    assert "<h1>Grad-CAM of &lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;</h1>" in page
    assert name not in page
    assert written(folder)["class"] == name


def test_names_of_all_the_world(run, folder):
    """They stand in the title of the figure, so of its columns one is enough here."""
    names = ["大象", "می\u200cخواهم\u00a0🏳\ufe0f\u200d🌈", "a" * 200, "\x1b[31mred"]
    conv, head = Conv2d(np.ones((1, 3, 2, 2))), Linear(np.ones((4, 1)))
    Network([("conv", conv), ("gap", GlobalAvgPool2d()), ("linear", head)]).save("one-map.npz")
    (folder / "names.txt").write_bytes(("\ufeff" + "\r\n".join(names)).encode())
    for c, name in enumerate(["大象", names[1], "a" * 200, "\x1b[31mred"]):
        given = "picture.png", "--class", name, "--names", "names.txt", "--network", "one-map.npz"
        with only_columns(0):
            status, out, err = run(*given, draws="figure")
        assert (status, err) == (0, "")
        assert (written(folder)["class_index"], written(folder)["class"]) == (c, name)
        assert names[1] in out
        assert "?[31mred" in out
        assert max(map(len, out.splitlines())) <= 80
        assert "\x1b" not in out


# --- The picture on its way into the network ------------------------------------------------------------------------


def test_mean_and_deviation_change_what_goes_in_not_what_is_seen(run, folder):
    mean, std = [0.5, 0.25, 0.125], [0.5, 0.25, 2]
    run("picture.png", "--mean", *mean, "--std", *std, draws="page overlay")
    seen = channels_first(COLOURS)
    image = (seen - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    explanation = grad_cam(convolutional(), image.astype(np.float32))
    assert same(np.array(written(folder)["alphas"], np.float32), explanation.alphas)
    given = np.array(written(folder)["image"], np.float32)
    assert same(given, image.astype(np.float32))
    assert convolutional()(given[None]).max() == np.float32(written(folder)["score"])
    low, high = map(format_number, (given.min(), given.max()))
    assert (
        "<p>This is the picture as a person sees it: 12 pixels high, 10 wide, in colour. "
        f'The network sees other numbers in its place, from {low} to {high}. <span class="these">'
        "The network gives class "
    ) in (folder / "out" / "steps.html").read_text()
    assert (written(folder)["mean"], written(folder)["std"]) == (mean, std)
    heat = normalise(resize(as_floats(explanation.localization_map), (480, 400)))
    expected = as_uint8(overlay(resize(seen, (480, 400), "nearest"), heat))
    assert same(as_uint8(imread("out/overlay.png")[..., :3]), expected)


@pytest.mark.parametrize("option", ["--mean", "--std"])
def test_a_mean_alone_or_a_deviation_alone_changes_what_goes_in(run, folder, option):
    _, out, _ = run("picture.png", option, 0.5, draws="page")
    assert "normalised: (picture - " in out
    assert "The network sees other numbers in its place" in (folder / "out" / "steps.html").read_text()


def test_one_number_is_for_all_channels(run, folder):
    run("picture.png", "--mean", "0.5", "--std", "0.25")
    one = written(folder)["alphas"]
    run("picture.png", "--mean", *["0.5"] * 3, "--std", *["0.25"] * 3)
    assert written(folder)["alphas"] == one


def test_a_grey_picture_has_three_equal_channels_for_a_network_of_three(run, folder):
    _, out, _ = run("grey.png")
    assert same(np.array(written(folder)["image"]), np.stack([np.float32(GREYS / 255)] * 3))
    assert (
        "The picture  grey.png: 12 pixels high, 10 wide, grey\n"
        "             goes in as 12 pixels high, 10 wide, in colour\n"
    ) in out


def test_a_colour_picture_has_its_brightness_for_a_network_of_one(run, folder):
    _, out, _ = run("picture.png", "--network", "network-grey.npz", draws="page")
    expected = np.tensordot(LUMA, channels_first(COLOURS), 1) / 1000
    assert same(np.array(written(folder)["image"][0]), expected.astype(np.float32))
    page = (folder / "out" / "steps.html").read_text()
    assert 'This is what the network sees: 12 pixels high, 10 wide. <span class="these">The network gives ' in page
    assert "goes in as 12 pixels high, 10 wide, grey\n" in out
    Image.new("RGB", (5, 4), "white").save("white.png")
    run("white.png", "--network", "network-grey.npz")
    assert np.unique(written(folder)["image"]).tolist() == [1.0]


def test_a_white_picture_does_not_become_brighter_than_white_where_it_shrinks(run):
    """The shares of some rows add up to 1 + 2e-16. Of which rows depends on the processor, so many are tried."""
    for rows, most in itertools.product(range(2, 40), (1, 2, 3, 5, 7)):
        assert _as_the_network_takes_it(np.ones((1, rows, 3)), (1, most, 3)).max() <= 1
    Image.new("L", (3, 8), 255).save("white.png")
    status, *_ = run("white.png", "--network", "network-grey.npz", "--size", "5x3", "--std", 2, draws="overlay")
    assert status == 0


def test_the_first_convolution_may_be_inside_a_network(run, folder):
    network = convolutional(channels=1)
    Network([("relu", ReLU()), ("features", Network(network.layers[:4])), *network.layers[4:]]).save("nested.npz")
    run("picture.png", "--network", "nested.npz", "--layer", "features")
    assert len(written(folder)["image"]) == 1


@given(
    hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 255)),
    sides(1, 7),
)
def test_shrinking_takes_the_mean_of_the_area(whole, size):
    """Where every pixel is first cut into m equal parts, and n of these are averaged, no part is counted twice."""
    expected = picture = whole / 255
    for axis, m in zip((1, 2), size, strict=True):
        n = expected.shape[axis]
        if m < n:
            parts = np.moveaxis(np.repeat(expected, m, axis=axis), axis, -1)
            expected = np.moveaxis(parts.reshape(*parts.shape[:-1], m, n).mean(axis=-1), -1, axis)
    expected = resize(expected, size)
    # A share is the difference of two edges up to 6, each off by 6 u, scaled by two operations: off by 15 u. Six of
    # them, and a sum of six terms, are 96 u for each axis. The mean here takes 7 operations, enlarging 3 for each axis.
    assert (np.abs(resize_picture(picture, size) - expected) <= float(rounding(2 * (96 + 7 + 3))) * picture.max()).all()


def test_enlarging_is_bilinear_and_the_same_size_is_the_same_picture():
    picture = channels_first(COLOURS)
    assert same(resize_picture(picture, (12, 10)), picture)
    assert same(resize_picture(picture, (20, 30)), resize(picture, (20, 30)))
    assert same(
        resize_picture(picture[:, :8, :8] * 255, (2, 4)), (255 * picture[:, :8, :8]).reshape(3, 2, 4, 4, 2).mean((2, 4))
    )


def test_a_size_that_fits_is_proposed(run, folder, capsys):
    weight = np.random.default_rng(0).normal(size=(2, 5 * 3 * 3))
    flat = Network([*convolutional(dtype=np.float64).layers[:4], ("flatten", Flatten()), ("linear", Linear(weight))])
    flat.save("flat.npz")
    error = mistake(capsys, "picture.png", "--network", "flat.npz")
    assert error == (
        "the picture does not fit the network: layer 'linear': Linear expects x of shape (N, 45), got (1, 100). "
        "A picture of 7 × 7 would fit: pass --size 7x7."
    )
    assert run("picture.png", "--network", "flat.npz", "--size", "7x7")[0] == 0
    Image.new("RGB", (1, 9)).save("narrow.png")
    assert "A picture of 3 × 3 would fit: pass --size 3x3." in mistake(capsys, "narrow.png")
    Network([("flatten", Flatten()), ("linear", Linear(np.ones((2, 3))))]).save("one-pixel.npz")
    error = mistake(capsys, "picture.png", "--network", "one-pixel.npz")
    assert error.endswith(" A picture of 1 × 1 would fit: pass --size 1x1.")


# --- Drawings, and the networks that come with the package -----------------------------------------------------------


@pytest.fixture
def explain(folder, capsys):
    """Run the command as it is given, without a network unless one is; it draws nothing."""

    def call(*arguments):
        with drawing():
            status = main(["explain", *map(str, arguments), "--out", "out"])
        return status, *capsys.readouterr()

    return call


def explained(folder, network, picture):
    """Whether what was written is the explanation of the picture, a drawing's say, by the network."""
    found = written(folder)
    expected = grad_cam(network, picture, found["class_index"])
    return found["score"] == expected.score and found["alphas"] == expected.alphas.tolist()


ANIMALS = get_args(Animals)


@pytest.mark.parametrize("animals", ANIMALS)
def test_a_drawing_is_explained_by_the_standard_network_unless_told_otherwise(explain, folder, animals):
    status, out, err = explain("--draw", animals)
    network, picture = load_pretrained("drawings"), draw(1, animals=animals).images[0]
    assert (status, err) == (0, "")
    assert explained(folder, network, picture)
    scores = network(picture[None])[0]
    best = int(scores.argmax())
    assert written(folder)["class"] == ("cat", "elephant")[best]
    what = f"a drawing, {animals}, {'on grass' if draw(1).masks[0, 2].any() else 'no grass'}, seed 0"
    assert (written(folder)["picture"], written(folder)["network"]) == (what, "drawings")
    told = re.sub(" +", " ", out)
    assert told.startswith(
        f"The picture {what}: 32 pixels high, 32 wide, grey\n"
        "The network drawings\n"
        " Trained on drawings of 32 × 32 pixels of cats and elephants, in\n"
    )
    assert "\n The network" not in told
    assert "a photograph means nothing.\nThe layer 'features': 8 feature maps, 16 cells high, 16 wide\n" in told
    assert (
        f"\n 1 {best} {scores[best]:.4f} {'yes' if scores[best] > 0 else 'no'} {('cat', 'elephant')[best]} explained"
        in told
    )


@pytest.mark.parametrize(("options", "grass", "named"), [
    ([], None, ", on grass" if draw(1, 5).masks[0, 2].any() else ", no grass"),
    (["--grass"], True, ", on grass"), (["--no-grass"], False, ", no grass")])  # fmt: skip
def test_another_drawing_on_grass_or_none(explain, folder, options, grass, named):
    _, out, _ = explain(
        "--draw", "both", "--seed", 5, "--network", "drawings-confounded", "--class", "elephant", *options
    )
    assert explained(folder, load_pretrained("drawings-confounded"), draw(1, 5, animals="both", grass=grass).images[0])
    assert f"The picture  a drawing, both{named}, seed 5: 32 pixels high, 32 wide" in out
    assert "The network  drawings-confounded\n" in out
    assert written(folder)["picture"] == f"a drawing, both{named}, seed 5"


@pytest.mark.parametrize("side", [9, 16, 24, 410])
def test_a_network_of_ones_own_takes_a_drawing_in_colour_and_in_its_size(explain, folder, side):
    """Drawn as large as it is needed, but no smaller than 16 and no larger than 400, and then resized."""
    _, out, _ = explain("--draw", "both", "--network", "network.npz", "--size", f"{side}x{side}")
    drawn = draw(1, animals="both", size=max(16, min(400, side)), colour=True).images[0].astype(float)
    assert explained(folder, convolutional(), resize_picture(drawn, (side, side)).clip(0, 1).astype(np.float32))
    assert f"seed 0: {len(drawn[0])} pixels high, {len(drawn[0])} wide, in colour\n" in out
    assert ("goes in as" in out) == (side in (9, 410))
    assert "class" not in written(folder)  # the names are of the networks that come with the package


def test_a_drawing_for_a_network_of_ones_own_has_32_pixels_unless_told_otherwise(explain, folder):
    for network, colour in (("network.npz", True), ("network-grey.npz", False)):
        explain("--draw", "cat", "--network", network)
        assert explained(folder, Network.load(network), draw(1, animals="cat", colour=colour).images[0])


def test_two_scores_of_a_drawing_are_those_of_the_cat_and_the_elephant(explain, folder):
    load_pretrained("drawings").save("mine.npz")
    _, out, _ = explain("--draw", "both", "--network", "mine.npz", "--class", "elephant")
    assert (written(folder)["class"], written(folder)["class_index"]) == ("elephant", 1)
    assert "answer" not in out  # what a network of one's own means by 0 is not known


def test_a_size_that_is_not_square_is_drawn_square_andresize_picture(explain, folder):
    _, out, _ = explain("--draw", "elephant", "--network", "network-grey.npz", "--size", "20x44")
    drawn = draw(1, animals="elephant", size=44).images[0].astype(float)
    assert explained(folder, convolutional(channels=1), resize_picture(drawn, (20, 44)).astype(np.float32))
    assert "seed 0: 44 pixels high, 44 wide, grey\n             goes in as 20 pixels high, 44 wide, grey\n" in out


def test_a_drawing_is_exact_in_fractions(explain, folder):
    worked_example.network().save("cat.npz")
    explain("--draw", "cat", "--network", "cat.npz", "--size", "4x4", "--class", 0)
    seen = as_fractions(resize_picture(draw(1, animals="cat", size=16).images[0].astype(float), (4, 4)).clip(0, 1))
    assert written(folder)["score"] == str(grad_cam(worked_example.network(), seen, 0).score)


@pytest.mark.parametrize("name", ["drawings", "drawings-confounded"])
def test_a_picture_of_any_size_goes_into_them_at_32_pixels_in_grey(explain, folder, name):
    _, out, _ = explain("picture.png", "--network", name)
    seen = resize_picture(np.tensordot(LUMA, channels_first(COLOURS), 1)[None] / 1000, (32, 32)).clip(0, 1)
    assert explained(folder, load_pretrained(name), seen.astype(np.float32))
    assert (
        "picture.png: 12 pixels high, 10 wide, in colour\n             goes in as 32 pixels high, 32 wide, grey\n"
        in out
    )
    assert written(folder)["class"] in CLASS_NAMES


def test_names_of_ones_own_go_before_theirs(explain, folder):
    (folder / "two.txt").write_text("Katze\nElefant\n")
    _, out, _ = explain("--draw", "cat", "--names", "two.txt", "--class", "Elefant")
    assert (written(folder)["class"], written(folder)["class_index"]) == ("Elefant", 1)
    scores = out[out.index("The scores") :]
    assert "Katze" in scores
    assert "elephant" not in scores


@pytest.mark.parametrize("name", ["drawings", "drawings-confounded"])
def test_what_lies_in_the_working_folder_does_not_take_their_place(explain, folder, name):
    """A folder called drawings is nothing unusual. A file of that name is a path with a slash."""
    (folder / name).mkdir()
    assert explain("--draw", "cat", "--network", name)[0] == 0
    assert explained(folder, load_pretrained(name), draw(1, animals="cat").images[0])
    (folder / name).rmdir()
    convolutional(channels=1).save(name)
    picture = draw(1, animals="cat").images[0]
    for network, path in (
        (load_pretrained(name), name),
        (Network.load(name), f"./{name}"),
        (Network.load(name), folder / name),
    ):
        _, out, _ = explain("--draw", "cat", "--network", path)
        assert explained(folder, network, picture)
        assert f"The network  {name}\n" in out


def test_explaining_once_more_writes_over_the_files(explain, folder):
    for arguments in (
        ["--draw", "cat"],
        ["picture.png"],
        ["--draw", "both", "--top", 2],
        ["--draw", "both", "--top", 2],
    ):
        status, _, err = explain(*arguments)
        assert (status, err) == (0, "")
    assert written(folder)["picture"] == "picture.png"
    assert {written(folder, f"out/class-{c}")["class"] for c in (0, 1)} == {"cat", "elephant"}


@pytest.mark.parametrize(("arguments", "message"), [
    (["picture.png", "--seed", "3"], "--seed and --grass need --draw."),
    (["picture.png", "--seed", "0"], "--seed and --grass need --draw."),
    (["picture.png", "--grass"], "--seed and --grass need --draw."),
    (["picture.png", "--no-grass"], "--seed and --grass need --draw."),
    (["picture.png", "--draw", "cat"], "argument --draw: not allowed with argument IMAGE"),
    (["--draw", "cat", "picture.png"], "argument IMAGE: not allowed with argument --draw"),
    (["--draw", "dog"], "argument --draw: invalid choice: 'dog' (choose from "),
    (["--draw", "cat", "--seed", "-1"], "argument --seed: must be a whole number in 0..999999999, got '-1'"),
    (["--draw", "cat", "--seed", "1" * 10],
     "argument --seed: must be a whole number in 0..999999999, got '1111111111'"),
    (["--draw", "cat", "--class", "cats", "--network", "drawings"],
     "--class must be a number in 0..1 or the name of a class, got 'cats'. Did you mean 'cat'?"),
    (["--draw", "cat", "--size", "64x64", "--network", "drawings"], "the picture does not fit the network: "),
    (["--draw", "cat", "--network", "five.npz"], "the picture does not fit the network: layer 'conv1': Conv2d expec"),
    (["--draw", "cat", "--network", "drawing"], "cannot read drawing: No such file or directory"),
    (["--draw", "cat", "--network", "drawings", "--names", "names.txt"],
     "names.txt has 4 names, but the network has 2 scores."),
])  # fmt: skip
def test_drawings_that_cannot_be_get_one_line_and_nothing_is_written(folder, capsys, arguments, message):
    convolutional(channels=5).save("five.npz")
    assert mistake(capsys, *arguments).startswith(message)
    assert not (folder / "out").exists()


def test_the_size_that_fits_is_proposed_of_theirs_too(folder, capsys):
    error = mistake(capsys, "--draw", "cat", "--size", "64x64", "--network", "drawings")
    assert error.endswith("A picture of 32 × 32 would fit: pass --size 32x32.")


# --- Mistakes -------------------------------------------------------------------------------------------------------


def mistake(capsys, *arguments):
    """Return the one line that a mistake gets."""
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "--out", "out", "--network", "network.npz", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("numpycam explain: error: ")
    return err.removeprefix("numpycam explain: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.png"], "cannot read nothing.png: No such file or directory"),
        (["names.txt"], "names.txt is not a PNG or JPEG picture."),
        (["picture.gif"], "picture.gif is not a PNG or JPEG picture."),
        (["empty"], "empty is not a PNG or JPEG picture."),
        (["cut.png"], "cut.png is a damaged picture: "),
        (["picture.png", "--network", "nothing.npz"], "cannot read nothing.npz: No such file or directory"),
        (["picture.png", "--network", "picture.png"], "picture.png is not a numpycam network: File is not a zip file"),
        (["picture.png", "--network", "headless.npz"], "the network's output must be scores (N, classes), got (1, 5, "),
        (
            ["picture.png", "--network", "headless.npz", "--class", "9"],
            "the network's output must be scores (N, classes), got (1, 5, ",
        ),
        (["picture.png", "--network", "five.npz"], "the picture does not fit the network: layer 'conv1': Conv2d expec"),
        (
            ["picture.png", "--network", "linear.npz"],
            "the network has no Conv2d, and no layer of it has feature maps",
        ),
        (["picture.png", "--network", "infinite.npz"], "the network's output contains infinity at index (0,)."),
        (["picture.png", "--names", "nothing.txt"], "cannot read nothing.txt: No such file or directory"),
        (["picture.png", "--names", "three.txt"], "three.txt has 3 names, but the network has 4 scores."),
        (["picture.png", "--names", "empty"], "empty has 0 names, but the network has 4 scores."),
        (["picture.png", "--names", "picture.png"], "picture.png must hold one name on each line, in UTF-8."),
        (["picture.png", "--names", "/dev/null"], "/dev/null is a device or a pipe: save it to a file, and pass that."),
        (["picture.png", "--class", "4"], "--class must be a number in 0..3, got '4'."),
        (["picture.png", "--class", "-1"], "--class must be a number in 0..3, got '-1'."),
        (["picture.png", "--class", "cat"], "--class must be a number in 0..3, got 'cat'."),
        (["picture.png", "--class", "9" * 5000], "--class must be a number in 0..3, got '99"),
        (
            ["picture.png", "--names", "names.txt", "--class", "elefant"],
            "--class must be a number in 0..3 or the name of a class, got 'elefant'. Did you mean 'elephant'?",
        ),
        (
            ["picture.png", "--names", "twice.txt", "--class", "crane"],
            "--class 'crane' is the name of several classes, [0, 2]: pass the number.",
        ),
        (["picture.png", "--class", "1", "--top", "2"], "argument --top: not allowed with argument --class"),
        (["picture.png", "--top", "5"], "--top must be in 1..4, the number of scores, got 5."),
        (["picture.png", "--top", "0"], "argument --top: must be a whole number in 1..999999999, got '0'"),
        (["picture.png", "--top", "many"], "argument --top: must be a whole number in 1..999999999, got 'many'"),
        (["picture.png", "--layer", "conv3"], "the network has no layer 'conv3', only 'input', 'conv1', "),
        (["picture.png", "--layer", "gap"], "layer 'gap' must have feature maps (N, K, H, W), got (1, 5)."),
        (
            ["picture.png", "--size", "0x5"],
            "argument --size: must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, got '0x5'",
        ),
        (
            ["picture.png", "--size", "224"],
            "argument --size: must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, got '224'",
        ),
        (["picture.png", "--size", "-2x2"], "argument --size: "),
        (
            ["picture.png", "--size", "9x10000"],
            "argument --size: must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, ",
        ),
        (["picture.png", "--mean", "1", "2"], "mean must be one number or 3, one for each channel, got 2."),
        (["picture.png", "--std", "1", "1", "1", "1"], "std must be one number or 3, one for each channel, got 4."),
        (["picture.png", "--std", "1", "0", "1"], "argument --std: must be greater than 0, got '0'"),
        (["picture.png", "--std", "1e-300"], "(picture - mean) / std contains infinity at index (0, 0, 0)."),
        (["picture.png", "--mean", "nan"], "argument --mean: must be numbers, got 'nan'; IMAGE must come before the "),
        (["picture.png", "--std", "inf"], "argument --std: must be numbers, got 'inf'; IMAGE must come before the "),
        (["--mean", "0.5", "picture.png"], "argument --mean: must be numbers, got 'picture.png'; IMAGE must come bef"),
        ([], "one of the arguments IMAGE --draw is required"),
    ],
)
def test_mistakes_get_one_line_and_status_2_and_nothing_is_written(folder, capsys, arguments, message):
    (folder / "empty").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "picture.png").read_bytes()[:200])
    (folder / "three.txt").write_text("a\nb\nc\n")
    (folder / "twice.txt").write_text("crane\nb\ncrane\nd\n")
    Image.fromarray(COLOURS).save("picture.gif")
    convolutional(channels=5).save("five.npz")
    Network(convolutional().layers[:4]).save("headless.npz")
    Network([("flatten", Flatten()), ("linear", Linear(np.ones((4, 360))))]).save("linear.npz")
    huge = Linear(np.full((4, 5), 1e38, np.float32))
    Network([*convolutional().layers[:4], ("times", Conv2d(np.full((5, 5, 1, 1), 1e3, np.float32))),
             ("gap", GlobalAvgPool2d()), ("linear", huge)]).save("infinite.npz")  # fmt: skip
    assert mistake(capsys, *arguments).startswith(message)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("top", [[], ["--top", "4"]])
def test_what_is_read_is_not_written_over(folder, capsys, top):
    place = folder / "out" / "class-3" if top else folder / "out"
    place.mkdir(parents=True)
    (folder / "network.npz").rename(place / "maps.npz")
    (folder / "picture.png").rename(place / "overlay.png")
    (folder / "network.npz").symlink_to(place / "maps.npz")
    (folder / "names.txt").rename(folder / "stages.png")
    (place / "stages.png").symlink_to(folder / "stages.png")
    Image.fromarray(COLOURS).save("picture.png")
    convolutional().save("other.npz")
    before = {path: path.read_bytes() for path in place.iterdir()}
    for arguments, name in [
        (["picture.png"], "maps.npz"),
        ([place / "overlay.png", "--network", "other.npz"], "overlay.png"),
        (["picture.png", "--network", "other.npz", "--names", "stages.png"], "stages.png"),
    ]:
        assert mistake(capsys, *arguments, *top) == (
            f"--out out would overwrite {place.relative_to(folder) / name}, which is read here."
        )
    assert {path: path.read_bytes() for path in place.iterdir()} == before


# --- By other methods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_the_method_is_chosen(run, folder, name):
    method, image = METHODS[name], channels_first(COLOURS).astype(np.float32)
    layer = [] if method.layer or name == "cam" else ["--layer", "conv1"]
    _, out, err = run("picture.png", "--method", name, "--class", 2, *layer, *(["--layer", "relu2"] * (name == "cam")))
    expected = method(convolutional(), image, 2, method.layer or ("relu2" if name == "cam" else "conv1"))
    assert err == ""
    assert f"The method   {method.name}\n" in out
    assert written(folder)["method"] == method.name
    assert np.array_equal(written(folder)["weighted_sum"], expected.weighted_sum)
    assert (folder / "out" / "steps.html").exists() == (name == "grad_cam")


def test_the_page_of_an_earlier_run_by_grad_cam_goes(run, folder):
    run("picture.png")
    assert (folder / "out" / "steps.html").exists()
    run("picture.png", "--method", "layercam")
    assert not (folder / "out" / "steps.html").exists()


def test_the_title_of_the_figure_names_the_method(run, monkeypatch):
    titles = []
    monkeypatch.setattr(Explanation, "save", lambda e, folder, *, title, **_: titles.append(title) or [])
    run("picture.png", "--names", "names.txt", "--class", "cat", "--method", "hirescam")
    assert titles == ["HiResCAM of cat"]


def test_all_methods_are_in_one_figure_and_one_table(run, folder):
    status, out, err = run("picture.png", "--method", "all", "--layer", "relu2", "--class", 1, draws="methods")
    image = channels_first(COLOURS).astype(np.float32)
    found, lines = by_all(convolutional(), image, 1, "relu2")
    assert (status, err) == (0, "")
    assert [*found] == [*METHODS]
    assert "\n".join(["class 1, by each method:", "", *lines, "", "Written to out: methods.png, methods.npz"]) in out
    assert "The method   all\n" in out
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["methods.npz", "methods.png"]
    with np.load(folder / "out" / "methods.npz") as maps:
        assert [*maps] == [*found]
        assert all(np.array_equal(maps[name], found[name].weighted_sum) for name in found)
    with Image.open(folder / "out" / "methods.png") as picture:
        assert picture.width > picture.height / 2 > 200


def test_all_methods_for_several_classes(run, folder):
    _, out, _ = run("picture.png", "--method", "all", "--top", 2, "--names", "names.txt")
    folders = sorted(path.name for path in (folder / "out").iterdir())
    assert len(folders) == 2
    for name in folders:
        c = int(name.removeprefix("class-"))
        assert f"{['cat', 'elephant', '7', 'tabby cat'][c]}, by each method:\n" in out
        with np.load(folder / "out" / name / "methods.npz") as maps:
            expected = METHODS["layercam"](convolutional(), channels_first(COLOURS).astype(np.float32), c)
            assert np.array_equal(maps["layercam"], expected.weighted_sum)


def test_all_methods_tell_what_speaks_against_the_only_score(run, folder):
    network, image = convolutional(classes=1), channels_first(COLOURS).astype(np.float32)
    network.save("one.npz")
    run("picture.png", "--network", "one.npz", "--class", "no", "--method", "all")
    expected = METHODS["layercam"](network, image, Difference({0: -1})).weighted_sum
    with np.load(folder / "out" / "methods.npz") as maps:
        assert np.array_equal(maps["layercam"], expected)


def test_the_figure_of_all_methods_shows_the_picture_as_a_person_sees_it(run, monkeypatch):
    drawn = []
    monkeypatch.setattr("numpycam.display.figure_of_methods", lambda found, **_: drawn.extend(found) or BLANK)
    run("picture.png", "--method", "all", "--mean", 0.5, draws="methods")
    assert drawn
    assert all(same(explanation.image, channels_first(COLOURS)) for explanation in drawn)


def test_of_all_methods_none_says_for_the_others_that_the_map_is_zero(run, folder):
    """Grad-CAM's is: its only weight is the mean of 1, -1, -1, ..., and the picture is not negative."""
    head = Linear(np.concatenate([[[1.0]], np.full((1, 119), -1.0)], axis=1))
    Network([("conv", Conv2d(np.ones((1, 1, 1, 1)))), ("flatten", Flatten()), ("linear", head)]).save("against.npz")
    _, out, _ = run("grey.png", "--network", "against.npz")
    assert "explained: no cell speaks for it, the map is zero" in out
    _, out, _ = run("grey.png", "--network", "against.npz", "--method", "all")
    assert "the map is zero" not in out
    assert re.search("  guided_grad_cam +[0-9]+ × [0-9]+ +0.0000 +0.0000 +0.0000  no cell speaks for it\n", out)


def test_files_of_another_kind_of_run_are_told(run):
    _, first, _ = run("picture.png", "--method", "all")
    _, second, _ = run("picture.png", "--method", "hirescam")
    _, third, _ = run("picture.png", "--method", "all")
    assert "Not written by this run" not in first
    assert second.endswith("\nNot written by this run: out/methods.npz, out/methods.png\n")
    assert third.endswith("\nNot written by this run: out/explanation.json, out/overlay.png, out/stages.png\n")


def test_a_warning_of_the_method_is_printed(explain):
    _, out, _ = explain("--draw", "both", "--grass", "--method", "integrated_gradients")
    assert "  integrated gradients are by the midpoint rule, as the line has more than" in out
    assert (  # the command has no option for steps
        "For a smaller error call numpycam.methods.integrated_gradients in Python with more steps."
    ) in " ".join(out.split())


def test_of_a_network_of_fractions_the_maps_are_kept_exact(run, folder):
    Network([("conv", Conv2d(as_fractions([[[["1/3"]]]]))), ("flatten", Flatten()),
             ("linear", Linear(as_fractions(np.ones((1, 120), int))))]).save("exact.npz")  # fmt: skip
    _, out, _ = run("grey.png", "--network", "exact.npz", "--method", "all")
    assert "score_cam is left out: Score-CAM has no exact value: convert with" in out
    with np.load(folder / "out" / "methods.npz") as maps:
        assert maps["hirescam"].dtype.kind == "U"
        assert maps["hirescam"][0, 0] == str(Fraction(float(GREYS[0, 0] / 255)) / 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--method", "layer-cam"],
            "argument --method: must be a name that numpycam methods lists, or all, got 'layer-c",
        ),
        (["--method", ""], "argument --method: must be a name that numpycam methods lists, or all, got ''."),
        (
            ["--method", "cam"],
            "CAM needs a head that averages each map of 'conv2' and a Linear, got ['ReLU',",
        ),
        (
            ["--method", "occlusion", "--layer", "conv1"],
            "occlusion always looks at 'input': leave layer out, got 'conv1'",
        ),
        (["--method", "all", "--layer", "conv7"], "the network has no layer 'conv7', only 'input', 'conv1', "),
    ],
)
def test_methods_that_cannot_be_get_one_line_and_nothing_is_written(folder, capsys, arguments, message):
    assert mistake(capsys, "picture.png", *arguments).startswith(message)
    assert not (folder / "out").exists()


def test_a_pole_gets_one_line(folder, capsys):
    Image.fromarray(np.zeros((12, 10, 3), np.uint8)).save("black.png")
    layers = convolutional().layers[:-1]
    Network([*layers, ("linear", Linear(np.zeros((4, 5), np.float32)))]).save("zero.npz")
    assert mistake(capsys, "black.png", "--network", "zero.npz", "--method", "ablation_cam") == (
        "Ablation-CAM has a pole: the score is 0 (image 0)."
    )


def test_the_figure_of_all_is_not_written_over_what_is_read(folder, capsys):
    (folder / "out").mkdir()
    (folder / "picture.png").rename(folder / "out" / "methods.png")
    message = mistake(capsys, folder / "out" / "methods.png", "--method", "all")
    assert message == "--out out would overwrite out/methods.png, which is read here."


def test_too_little_memory_is_a_mistake_like_others(folder, capsys, monkeypatch):
    def take_all(*_):
        raise MemoryError

    monkeypatch.setattr("numpycam.cli.question.resize_picture", take_all)
    assert mistake(capsys, "picture.png", "--size", "9x9") == (
        "there is not enough memory for this picture and network: pass a smaller --size."
    )


def test_the_help_says_what_becomes_of_the_picture(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert stopped.value.code == 0
    for words in ("laid over white", "used three times", "its brightness", "averaged where it shrinks", "as it was"):
        assert words in text
    assert "drawings or drawings-confounded (default: drawings; to read a file of this name, write" in text


# --- What the network's file says ---------------------------------------------------------------------------------


TOLD = {"mean": [0.5, 0.25, 0.125], "std": [0.5, 0.25, 2.0], "size": (7, 9), "class_names": ["a", "b", "c", "\x07d"]}


def test_the_file_of_a_network_says_how_it_takes_a_picture(run, folder):
    convolutional().save("told.npz", "Birds\x1b[2J in winter.", **TOLD)
    status, out, _ = run("picture.png", "--network", "told.npz", "--class", 3)
    assert status == 0
    lines = out.splitlines()
    assert lines[:5] == [
        "The picture  picture.png: 12 pixels high, 10 wide, in colour",
        "             goes in as 7 pixels high, 9 wide, in colour",
        "             normalised: (picture - (0.5, 0.25, 0.125)) / (0.5, 0.25, 2)",
        "The network  told.npz",
        "             Birds?[2J in winter.",
    ]
    assert written(folder)["class"] == "\x07d"
    run("picture.png", "--class", 3, "--size", "7x9", "--mean", *TOLD["mean"], "--std", *TOLD["std"])
    expected = written(folder)["weighted_sum"]
    run("picture.png", "--network", "told.npz", "--class", 3)
    assert written(folder)["weighted_sum"] == expected


@pytest.mark.parametrize(
    ("options", "of"),
    [
        (["--mean", "0"], {"mean": 0}),
        (["--std", "1"], {"std": 1}),
        (["--size", "12x10"], {"size": (12, 10)}),
    ],
)
def test_an_option_takes_the_place_of_what_the_file_says(run, folder, options, of):
    convolutional().save("told.npz", **TOLD)
    convolutional().save("other.npz", **TOLD | of)
    run("picture.png", "--network", "told.npz", *options)
    first = written(folder)["weighted_sum"]
    run("picture.png", "--network", "other.npz")
    assert written(folder)["weighted_sum"] == first
    run("picture.png", "--network", "told.npz")
    assert written(folder)["weighted_sum"] != first


def test_empty_lines_at_the_end_of_the_names_are_none(run, folder):
    (folder / "names.txt").write_text("first\nsecond\n\nfourth\n\n \n")
    assert "fourth" in run("picture.png", "--names", "names.txt", "--top", 4)[1]
    (folder / "names.txt").write_text("\n")
    with pytest.raises(SystemExit):
        run("picture.png", "--names", "names.txt")


def test_names_in_the_file_must_be_as_many_as_the_scores(run):
    convolutional().save("told.npz", class_names=["a", "b"])
    with pytest.raises(SystemExit):
        run("picture.png", "--network", "told.npz")


@pytest.mark.parametrize("size", [(100_000, 100_000), (1, 2**23 + 1), 2**31 - 1])
def test_a_file_that_asks_for_a_huge_picture_does_not_fill_the_memory(run, capsys, size):
    convolutional().save("huge.npz", size=size)
    with pytest.raises(SystemExit):
        run("picture.png", "--network", "huge.npz")
    assert capsys.readouterr().err == (
        "numpycam explain: error: huge.npz asks for pictures of more than 8388608 pixels: pass --size.\n"
    )
    status, out, _ = run("picture.png", "--network", "huge.npz", "--size", "5x7")
    assert status == 0
    assert "goes in as 5 pixels high, 7 wide" in out


def test_a_file_may_ask_for_as_many_pixels_as_a_small_file_can_have():
    told = About(size=(2, 2**22))
    assert _told_size(SimpleNamespace(network="large.npz"), told) == told.size


@pytest.mark.parametrize("name", ["mean", "std"])
def test_means_in_the_file_must_be_as_many_as_the_channels(run, capsys, name):
    convolutional().save("two.npz", **{name: [1, 2]})
    with pytest.raises(SystemExit):
        run("picture.png", "--network", "two.npz")
    assert capsys.readouterr().err == (
        f"numpycam explain: error: two.npz has 2 numbers for {name}, but the network takes 3 channels: pass --{name}.\n"
    )
    assert run("picture.png", "--network", "two.npz", f"--{name}", 1)[0] == 0


# --- One score ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "target"), [("yes", 0), ("no", Difference({0: -1})), ("0", 0)])
def test_a_network_with_one_score_is_asked_for_yes_or_no(run, folder, given, target):
    network = convolutional(classes=1)
    network.save("one.npz")
    status, out, _ = run("picture.png", "--network", "one.npz", "--class", given, draws="page")
    expected = grad_cam(network, channels_first(COLOURS).astype(np.float32), target)
    assert status == 0
    assert np.array_equal(written(folder)["weighted_sum"], expected.weighted_sum)
    assert written(folder)["score"] == expected.score
    assert ("explained: what speaks against it" in out) == (given == "no")
    page = (folder / "out" / "steps.html").read_text()
    assert ("what speaks against class 0 · score" in page) == (given == "no")


def test_yes_and_no_are_names_if_a_network_has_them(run, folder):
    network = convolutional(classes=2)
    network.save("two.npz", class_names=["no", "yes"])
    run("picture.png", "--network", "two.npz", "--class", "yes")
    assert written(folder)["class_index"] == 1
    convolutional(classes=1).save("one.npz", class_names=["no"])
    run("picture.png", "--network", "one.npz", "--class", "no")
    assert written(folder)["class_index"] == 0


def test_neither_yes_nor_no_is_refused(run, capsys):
    convolutional(classes=1).save("one.npz")
    with pytest.raises(SystemExit):
        run("picture.png", "--network", "one.npz", "--class", "maybe")
    assert capsys.readouterr().err == "numpycam explain: error: --class must be yes or no, got 'maybe'.\n"


# --- Why a map is zero --------------------------------------------------------------------------------------------


def test_a_map_that_is_zero_says_why(run):
    image = np.ones((1, 1, 2, 2), np.float32)
    Network([
        ("conv", Conv2d(image)), ("relu", ReLU()), ("gap", GlobalAvgPool2d()), ("linear", Linear([[-1.0], [1.0]]))
    ]).save("sum.npz")  # fmt: skip
    _, out, _ = run("grey.png", "--network", "sum.npz", "--class", 0)
    assert "class 0: The map is zero: no cell of Σ α_k A^k is positive" in " ".join(out.split())
    assert "Class 1 has the highest score" in " ".join(out.split())


@pytest.mark.parametrize(("channels", "picture"), [(1, "picture.png"), (1, "grey.png"), (3, "grey.png")])
def test_a_network_without_convolutions_gets_the_channels_that_fit(run, folder, channels, picture):
    weight = RNG.integers(-3, 4, (2, channels * 120)).astype(float)
    flat = Network([("flatten", Flatten()), ("linear", Linear(weight))])
    flat.save("flat.npz")
    status, out, _ = run(picture, "--network", "flat.npz", "--method", "gradient_times_input", "--class", 1)
    assert status == 0
    assert ("goes in as 12 pixels high, 10 wide" in out) == (channels != {"grey.png": 1, "picture.png": 3}[picture])
    explanation = written(folder)
    assert np.array(explanation["image"]).shape == (channels, 12, 10)
    assert explanation["score"] == float(flat(np.array([explanation["image"]]))[0, 1])


def test_a_picture_stays_in_colour_for_a_network_that_takes_any_number_of_channels(run, folder):
    Network([("gap", GlobalAvgPool2d())]).save("any.npz")
    assert run("picture.png", "--network", "any.npz", "--layer", "input")[0] == 0
    assert same(np.array(written(folder)["image"]), channels_first(COLOURS))
