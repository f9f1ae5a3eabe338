"""``numpycam example``: what it prints, what it writes, and how it fails."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers import drawing, only_columns, same, words
from matplotlib.image import imread

from numpycam import grad_cam, worked_example
from numpycam.cli import main
from numpycam.cli.example import walkthrough
from numpycam.display import as_uint8, overlay
from numpycam.exact import as_floats, as_fractions
from numpycam.resize import normalise


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command line with an output folder and return (status, standard output, standard error).

    It draws what the test looks at.
    """

    def call(*arguments, draws=""):
        with drawing(*draws.split()):
            status = main([*arguments, "--out", str(tmp_path / "out")])
        return status, *capsys.readouterr()

    return call


def test_every_number_of_the_worked_example_is_printed_at_its_stage(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    stages = re.split(r"\n-{79}\n", out)
    assert "0 0 0 1" in stages[1]
    assert "cat 143/5 = 28.6, elephant 17/2 = 8.5" in stages[1]
    assert "11/10 -1 2/5 1/10 -1 3" in words(stages[2])
    assert "A^1_11 = 0·1.1 + 0·(-1) + 1·1 + 0·0.9 = 1." in words(stages[2])
    assert "3/2 1/10 -2 3" in words(stages[2])
    assert "1.5 0.1 -2 3" in words(stages[2])
    assert "2 3 3 5 1/10 -1/10" in words(stages[3])
    assert "y goes from 28.6 to 30.6. It changes by 2, exactly as dy/dA^1_11 says." in words(stages[3])
    assert "11/4 17/4 1/10" in words(stages[4])
    assert "2.75 4.25 0.1" in words(stages[4])
    assert "The largest in size is α_2, the smallest α_3." in words(stages[4])
    assert "357/40 -81/40 129/8 13/5" in words(stages[5])
    assert "8.925 -2.025 16.125 2.6" in words(stages[5])
    assert "So only 2.2 % comes from α_3 A^3." in words(stages[5])
    assert "8.925 0 16.125 2.6" in words(stages[6])
    assert "The ReLU removed -2.025 on the moon. A negative value means: this speaks against the cat." in words(
        stages[6]
    )
    assert "patch erased TL ear TR moon BL body BR tail" in words(stages[7])
    assert "measured 6.3 -2.8 23 2.1" in words(stages[7])
    assert "HiResCAM 6.3 -2.8 23 2.1" in words(stages[7])
    assert "Grad-CAM 8.925 -2.025 16.125 2.6" in words(stages[7])
    assert "y is 28.6, and 31.4 without the moon. So what the ReLU removed did speak against the cat." in words(
        stages[7]
    )


GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("head", worked_example.HEADS)
@pytest.mark.parametrize("c", [0, 1])
def test_the_whole_story(head, c):
    """The six stories were read and found true; a change of one shows here, to be read again."""
    explanation = grad_cam(worked_example.network(head), worked_example.IMAGE, c)
    told = walkthrough(worked_example.network(head), explanation, explanation)
    assert told + "\n" == (GOLDEN / f"{head}-{worked_example.CLASS_NAMES[c]}.txt").read_text()


@pytest.mark.parametrize("head", worked_example.HEADS)
@pytest.mark.parametrize("c", [0, 1])
def test_80_columns_are_enough(head, c):
    network, image = worked_example.network(head), worked_example.IMAGE
    exact = grad_cam(network, image, c)
    in_floats = grad_cam(as_floats(network), as_floats(image), c)
    for told in (walkthrough(network, exact, exact), walkthrough(as_floats(network), in_floats, exact)):
        assert max(map(len, told.splitlines())) <= 80


def test_the_elephant_looks_at_the_moon(run):
    _, out, _ = run("example", "--class", "elephant", "--head", "conv")
    assert "The largest in size is α_3, the smallest α_2." in words(out)
    assert "-1/2 -1/4 2" in words(out)
    assert "removed -4.875 on the ear, -1.625 on the body" in words(out)
    assert "y is 8.5, and 11.5 without the ear, 13 without the body" in words(out)
    assert "says that the ear speaks most against the elephant, but the body does." in words(out)


def test_before_and_after_a_patch_is_erased(run, tmp_path):
    status, out, err = run("--erase", "BL", "--head", "conv")
    assert (status, err) == (0, "")
    assert "1 1 1 1 0 0 1 1" in words(out)
    assert "L 8.925 -2.025 4.675 -0.975 16.125 2.6 0 1.475" in words(out)
    assert "α 2.75, 4.25, 0.1 1.5, 2.25, 0.1" in words(out)
    assert "changes from 28.6 to 11.5: a drop of 17.1. The gradients have changed too" in words(out)
    written = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert (written["erased"], written["score"]) == ("BL", "23/2")
    assert max(map(len, out.splitlines()[:-1])) <= 80


@pytest.mark.parametrize(("head", "c", "patch"), [("conv", 0, "BL"), ("linear", 1, "TR")])
def test_the_whole_story_before_and_after(run, head, c, patch):
    _, out, _ = run("--head", head, "--class", worked_example.CLASS_NAMES[c], "--erase", patch)
    told = (GOLDEN / f"{head}-{worked_example.CLASS_NAMES[c]}-without-{patch}.txt").read_text()
    assert out.startswith(told + "\nWritten to ")


def test_a_patch_may_be_named_or_given_as_a_rectangle(run):
    by_name, by_rectangle = (run("--erase", patch)[1] for patch in ("tr", "0:2,2:4"))
    assert by_name.replace("TR is erased", "0:2,2:4 is erased") == by_rectangle
    assert "a rise of 2.8. The gradients have not changed." in words(by_name)
    assert "a drop of 28.6." in words(run("--erase", "0:4,0:4", "--float")[1])


def test_equals_are_named_together(run):
    _, out, _ = run("--class", "elephant", "--head", "dead-unit")
    assert "the smallest α_1 and α_2." in words(out)


def test_in_floats_the_rounding_is_told(run):
    _, out, _ = run("--float")
    assert (
        "computed in float64. Rounding has changed these cells of L: -2.0250000000000004 instead of -81/40"
    ) in words(out)
    assert "/40" not in out.split("All of this")[0]


def test_the_files_hold_every_number_of_the_worked_example(run, tmp_path):
    run()
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        "explanation.json",
        "overlay.png",
        "stages.png",
        "steps.html",
    ]
    written = json.loads((folder / "explanation.json").read_text())
    assert (written["class"], written["class_index"], written["score"]) == ("cat", 0, "143/5")
    for name in ("image", "feature_maps", "gradients", "alphas", "weighted_sum", "localization_map"):
        assert same(as_fractions(written[name]), getattr(worked_example, name.upper()))
    assert [Fraction(share) for share in written["channel_shares"]] == [Fraction(n, 1261) for n in (451, 782, 28)]
    assert written["counterfactual_map"] == [["0", "81/40"], ["0", "0"]]


def test_the_overlay_is_the_picture_under_the_map(run, tmp_path):
    """It is drawn on 450 × 450 pixels. The numbers stand in the middle of the map's cells."""
    run(draws="overlay")
    picture = imread(tmp_path / "out" / "overlay.png")[..., :3]
    left, top = 75, 210  # a margin of 0.25 inches and 0.7 inches for the heading, at 300 pixels to an inch
    inside = np.array([20, 205, 245, 430])  # in each pixel of the picture, away from numbers and lines
    cells = picture[np.ix_(top + inside, left + inside)]
    heat = normalise(as_floats(worked_example.LOCALIZATION_MAP)).repeat(2, axis=0).repeat(2, axis=1)
    drawn = as_uint8(overlay(as_floats(worked_example.IMAGE), heat))
    assert np.abs(as_uint8(cells).astype(int) - drawn).max() <= 1  # matplotlib rounds down


def test_json_in_floats_holds_numbers(run, tmp_path):
    run("--float")
    written = json.loads((tmp_path / "out" / "explanation.json").read_text())
    in_floats = grad_cam(worked_example.network(exact=False), as_floats(worked_example.IMAGE), 0)
    assert written["alphas"] == in_floats.alphas.tolist()
    assert written["score"] == in_floats.score


def test_a_second_run_writes_the_same_bytes(run, tmp_path):
    """Of the figure two stages, of which one has numbers and the other has colours."""
    with only_columns(1, -1):
        first = run("--class", "elephant", draws="figure page overlay")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with only_columns(1, -1):
        assert run("--class", "elephant", draws="figure page overlay") == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


def test_when_writing_fails_the_old_files_stay(run, tmp_path, monkeypatch):
    run("--class", "elephant")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def disk_is_full(file):
        raise OSError(28, "No space left on device")  # as write() raises it: without a name

    monkeypatch.setattr("os.fsync", disk_is_full)
    status, _, err = run("--class", "cat")
    assert status == 2
    assert err == f"numpycam: error: cannot write {tmp_path / 'out' / 'steps.html'}: No space left on device\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_replaced(run, tmp_path):
    (tmp_path / "out" / "explanation.json").mkdir(parents=True)
    status, _, err = run()
    assert status == 2
    assert err.endswith("explanation.json: Is a directory\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["explanation.json"]
