"""The command line: what it prints, what it writes, and how it fails."""

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import empty_figure, same
from matplotlib.image import imread

from numpycam import Network, grad_cam, worked_example
from numpycam.cli import main
from numpycam.cli.example import walkthrough
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import EPOCHS, IMAGES, NAMES, SEED, load_pretrained, map_difference, measure, train
from numpycam.experiments.training import DivergedError
from numpycam.text import progress_bar


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command line with an output folder and return (status, standard output, standard error).

    It draws an empty figure, unless the test sees it.
    """

    def call(*arguments, with_figure=False):
        with nullcontext() if with_figure else empty_figure():
            status = main([*arguments, "--out", str(tmp_path / "out")])
        return status, *capsys.readouterr()

    return call


def words(text):
    return re.sub(r"\s+", " ", text)


def test_every_number_of_the_document_is_printed_at_its_stage(run):
    status, out, err = run(with_figure=True)
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


GOLDEN = Path(__file__).parent / "golden"


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


def test_before_and_after(run, tmp_path):
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


def test_rectangles(run):
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


def test_the_files(run, tmp_path):
    run(with_figure=True)
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
    run()
    picture = imread(tmp_path / "out" / "overlay.png")[..., :3]
    assert picture.shape == (480, 480, 3)
    cells = picture[60::120, 60::120]  # the middle of each pixel of the 4 × 4 picture
    brightness = cells.mean(axis=-1)
    assert brightness.argmax() in (8, 9, 12, 13)  # the body of the cat
    assert brightness[0, 3] > brightness[0, 2]  # the moon is lighter than the night beside it


def test_json_in_floats_holds_numbers(run, tmp_path):
    run("--float")
    written = json.loads((tmp_path / "out" / "explanation.json").read_text())
    in_floats = grad_cam(worked_example.network(exact=False), as_floats(worked_example.IMAGE), 0)
    assert written["alphas"] == in_floats.alphas.tolist()
    assert written["score"] == in_floats.score


def test_the_same_again(run, tmp_path):
    first = run("--class", "elephant", with_figure=True)
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run("--class", "elephant", with_figure=True) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "dog"], "argument --class: invalid choice: 'dog' (choose from "),
        (["--head"], "argument --head: expected one argument"),
        (
            ["--erase", "3:1,0:4"],
            "numpycam example: error: argument --erase: must be TL, TR, BL, BR or a rectangle such",
        ),
        (["--erase", "0:9,0:4"], "within 4 rows and 4 columns, got '0:9,0:4'"),
        (["--erase", "0:4,3:1"], "got '0:4,3:1'"),
        (["explode"], "argument COMMAND: invalid choice: 'explode' (choose from "),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_mistakes_get_one_line_and_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_a_folder_that_cannot_be_written_gets_one_line_and_leaves_nothing(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "deeper"):
        assert main(["--out", str(out)]) == 2
        printed, err = capsys.readouterr()
        assert printed == ""
        assert err.startswith(f"numpycam: error: cannot write {out}: ")
        assert err.count("\n") == 1
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, the disk that is always full")
def test_a_full_disk_behind_standard_output(tmp_path):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "numpycam", "--out", str(tmp_path)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("numpycam: error: cannot write the output: No space left on device\n")


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    command = f"{sys.executable} -m numpycam --out {tmp_path} | head -n 1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Grad-CAM, step by step")


def test_a_pipe_that_cannot_carry_greek_gets_question_marks(tmp_path):
    command = [sys.executable, "-m", "numpycam", "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"?_1" in result.stdout


def test_help_and_version(capsys):
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as stopped:
            main([option])
        assert stopped.value.code == 0
    assert "numpycam 0." in capsys.readouterr().out


# --- numpycam train -------------------------------------------------------------------------------------------------


@pytest.fixture
def train_command(tmp_path, capsys, monkeypatch):
    """Run the command with an output folder, on few drawings, and without a progress bar."""
    monkeypatch.setitem(sys.modules, "tqdm", None)  # an import of it fails then

    def call(*arguments):
        given = ["--images", "33", "--epochs", "1", *map(str, arguments)]
        status = main(["train", "--out", str(tmp_path / "out"), *given])
        return status, *capsys.readouterr()

    return call


def same_parameters(network, other):
    return all(map(same, network.parameters.values(), other.parameters.values()))


def test_train_writes_both_networks_and_holds_them_against_those_of_the_package(train_command, tmp_path):
    status, out, err = train_command("--seed", 5, "--images", 40, "--epochs", 2)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{name}.npz" for name in NAMES)
    out, note = out.split("  In the new drawings, ")
    assert words(note).endswith(
        "of A^3 on drawings that all have grass. So it prints other shares for the same network. "
    )
    for name, told in zip(NAMES, out.split("Training ")[1:], strict=True):
        path, network = tmp_path / "out" / f"{name}.npz", train(name, 5, images=40, epochs=2)
        assert same_parameters(Network.load(path), network)
        assert told.startswith(
            f"{name!r} on 40 drawings, epochs: 2 ...\nWritten to {path}\n\n  On 500 new drawings, in %"
        )
        shipped, drawings = load_pretrained(name), draw(500, seed=1005)
        ours, theirs = measure(network, drawings), measure(shipped, drawings)
        table = dict(re.findall(r"^  (\S.*?\S) {2,}([0-9. ]+)$", told, flags=re.MULTILINE))
        for row, of_class in {
            "right answers": lambda found, c: found.accuracy[c],
            "peak of the map on the animal": lambda found, c: found.pointing[c],
            "map on the animal": lambda found, c: found.energy[c, c],
            "map on the grass": lambda found, c: found.energy[c, 2],
            "share of A^3": lambda found, c: found.shares[c, 2],
        }.items():
            assert table.pop(row).split() == [
                f"{100 * of_class(found, c):.1f}" for found in (ours, theirs) for c in (0, 1)
            ]
        assert not table
        apart = map_difference(network, shipped, drawings)
        assert told.endswith(
            f"\n\n  Scaled to at most 1, the maps of both networks differ by {apart:.4f} on average.\n\n"
            f"See it: numpycam explain --draw both --network {path}\n\n"
        )


def test_the_columns_of_the_table_stand_under_their_names(train_command):
    _, out, _ = train_command("--only", NAMES[0])
    above, names, *rows = out.split("\n\n")[1].splitlines()
    ends = [match.end() for match in re.finditer(r"\S+", names)]
    assert names.split() == ["cat", "elephant"] * 2
    assert [above.index("this one") + len("this one"), len(above)] == ends[1::2]
    assert len(rows) == 5
    for row in rows:
        assert [match.end() for match in re.finditer(r"[0-9]+\.[0-9]", row)] == ends


def test_the_same_network_is_told_to_be_the_same(train_command, monkeypatch, tmp_path):
    shipped = load_pretrained(NAMES[1])
    last_bit = {key: np.nextafter(p, np.float32(9), dtype=np.float32) for key, p in shipped.parameters.items()}
    for network, end in ((shipped, "The two networks are the same to the bit."),
                         (shipped.with_parameters({"conv2.bias": last_bit["conv2.bias"]}),
                          "Scaled to at most 1, the maps of both networks differ by 0.0000 on average.")):  # fmt: skip
        monkeypatch.setattr("numpycam.cli.train.train", lambda *_, network=network: network)
        _, out, _ = train_command("--only", NAMES[1])
        assert f"\n\n  {end}\n\n" in out


def test_train_trains_one_alone_and_unless_told_otherwise_as_the_package_did(tmp_path, monkeypatch, capsys):
    trained = []

    def training(*given):
        trained.append(given[:-1])
        return load_pretrained(given[0])

    monkeypatch.setattr("numpycam.cli.train.train", training)
    monkeypatch.setattr("numpycam.cli.train._beside_the_shipped", lambda *_: "")
    for only in NAMES:
        assert main(["train", "--only", only, "--out", str(tmp_path / only)]) == 0
        assert [path.name for path in (tmp_path / only).iterdir()] == [f"{only}.npz"]
    assert main(["train", "--seed", "7", "--images", "8", "--epochs", "9", "--out", str(tmp_path / "both")]) == 0
    assert trained == [*((name, SEED, IMAGES, EPOCHS) for name in NAMES), *((name, 7, 8, 9) for name in NAMES)]


def test_a_progress_bar_is_shown_if_tqdm_is_there(monkeypatch):
    def tqdm(steps, leave, disable):
        assert leave is False
        assert disable is None  # only where there is a terminal
        return (f"step {step}" for step in steps)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=tqdm))
    assert [*progress_bar()(range(2))] == ["step 0", "step 1"]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert [*progress_bar()(range(2))] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "drawing"], "argument --only: invalid choice: 'drawing' (choose from "),
        (["--images", "0"], "argument --images: must be a whole number in 1..999999999, got '0'"),
        (["--epochs", "0"], "argument --epochs: must be a whole number in 1..999999999, got '0'"),
        (["--seed", "-1"], "argument --seed: must be a whole number in 0..999999999, got '-1'"),
    ],
)
def test_what_cannot_be_trained_gets_one_line_and_nothing_is_written(
    train_command, tmp_path, capsys, arguments, message
):
    with pytest.raises(SystemExit) as stopped:
        train_command(*arguments)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"numpycam train: error: {message}")
    assert not (tmp_path / "out").exists()


def diverging(*_):
    raise DivergedError(3, 1, 0.05, load_pretrained(NAMES[0]), np.zeros(3))


def taking_all(*_):
    raise MemoryError


@pytest.mark.parametrize(("training", "message"), [(diverging, "training diverged in step 3: pass another --seed.\n"),
    (taking_all, "there is not enough memory for so many drawings: pass a smaller --images.\n")])  # fmt: skip
def test_a_training_that_fails_gets_one_line_and_writes_no_network(
    train_command, tmp_path, capsys, monkeypatch, training, message
):
    monkeypatch.setattr("numpycam.cli.train.train", training)
    with pytest.raises(SystemExit) as stopped:
        train_command()
    _, err = capsys.readouterr()
    assert (stopped.value.code, err.count("\n")) == (2, 1)
    assert err.startswith(f"numpycam train: error: {message}")
    assert not list((tmp_path / "out").iterdir())


def test_where_nothing_can_be_written_nothing_is_trained(train_command, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert train_command() == (2, "", f"numpycam: error: cannot write {tmp_path / 'out'}: File exists\n")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_trained_network_can_be_explained(train_command, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("numpycam.cli.train._beside_the_shipped", lambda *_: "")
    train_command("--only", NAMES[0])
    with empty_figure():
        path = tmp_path / "out" / f"{NAMES[0]}.npz"
        assert main(["explain", "--draw", "cat", "--network", str(path), "--out", str(tmp_path / "explained")]) == 0
    assert f"The network  {NAMES[0]}.npz\n" in capsys.readouterr().out
