"""The command line as a whole: mistakes, and outputs that fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import drawing

from numpycam.cli import main


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
        with drawing():
            assert main(["--out", str(out)]) == 2
        printed, err = capsys.readouterr()
        assert printed == ""
        assert err.startswith(f"numpycam: error: cannot write {out}: ")
        assert err.count("\n") == 1
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


# --- Outputs that fail, of a command that draws nothing: a process of its own has everything to import ----------------

METHODS = [sys.executable, "-m", "numpycam", "methods"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, the disk that is always full")
def test_a_full_disk_behind_standard_output():
    with open("/dev/full", "w") as full:
        result = subprocess.run(METHODS, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("numpycam: error: cannot write the output: No space left on device\n")


def test_a_reader_that_leaves_early_is_no_error():
    """It has left before anything is written, as ``head`` may have."""
    process = subprocess.Popen(METHODS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)
    process.stderr.close()


def test_a_pipe_that_cannot_carry_greek_gets_question_marks():
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run([*METHODS, "grad_cam"], capture_output=True, env=environment)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"?_k = (1/Z)" in result.stdout


def test_help_and_version(capsys):
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as stopped:
            main([option])
        assert stopped.value.code == 0
    assert "numpycam 0." in capsys.readouterr().out


# --- Without matplotlib, or a place for its cache ---------------------------------------------------

WITHOUT_MATPLOTLIB = (
    "import sys; sys.modules['matplotlib'] = None; from numpycam.cli import main; sys.exit(main(sys.argv[1:]))"
)


def without_matplotlib(arguments, folder):
    command = [sys.executable, "-c", WITHOUT_MATPLOTLIB, *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explain", "--draw", "both"],
        ["explain", "picture.png"],
        ["explain", "--draw", "both", "--method", "all"],
        ["background", "--images", "10"],
    ],
)
def test_without_matplotlib_there_is_one_line_that_says_so_and_status_2(arguments, tmp_path):
    """The worked example is still told. Nothing else is computed first, and nothing is written."""
    result = without_matplotlib(arguments, tmp_path)
    assert result.returncode == 2
    assert result.stderr == (
        "numpycam: error: matplotlib is not installed, and the figures need it: pip install matplotlib\n"
    )
    if arguments:
        assert result.stdout == ""
    else:
        assert "5  Localization map" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["methods"], ["train", "--images", "20", "--epochs", "1", "--only", "drawings"]])
def test_commands_without_figures_need_no_matplotlib(arguments, tmp_path):
    result = without_matplotlib(arguments, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["HOME", "MPLCONFIGDIR"])
def test_a_home_that_cannot_be_written_is_no_error(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), name: os.devnull}
    command = [sys.executable, "-m", "numpycam", "--out", "out"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    assert "stages.png" in {path.name for path in (tmp_path / "out").iterdir()}
