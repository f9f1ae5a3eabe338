"""The command line as a whole: mistakes, and outputs that fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import drawing, some

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


@pytest.mark.parametrize("command", ["example", "background", "train", "explain --draw cat"])
def test_a_folder_that_cannot_be_is_refused_before_anything_is_done(command, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("mine")
    for out, what in [
        (file, f"got '{file}': '{file}' is a file"),
        (file / "deeper", f"got '{file / 'deeper'}': '{file}' is a file"),
        ("", "argument --out: must not be empty, got ''"),
        (tmp_path / ("x" * 300), "xxx': File name too long"),
    ]:
        with pytest.raises(SystemExit) as stopped:
            main([*command.split(), "--out", str(out)])
        printed, err = capsys.readouterr()
        assert (stopped.value.code, printed, err.count("\n")) == (2, "", 1)
        assert "error: argument --out: must " in err
        assert err.endswith(f"{what}\n")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_in_which_nothing_can_be_written_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "new")])
    assert capsys.readouterr().err.endswith(f"nothing can be written to '{tmp_path}'\n")


def test_a_place_that_turns_out_not_to_be_writable_gets_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpycam-example").write_text("mine")  # the default: nobody has typed it
    with drawing():
        assert main([]) == 2
    assert capsys.readouterr() == ("", "numpycam: error: cannot write numpycam-example: File exists\n")


# --- Outputs that fail ------------------------------------------------------------------------------------------------

METHODS = [sys.executable, "-m", "numpycam", "methods"]
COMMANDS = ["example", "explain", "methods", "background", "train"]
has_a_full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full, the disk that is always full"
)


@has_a_full_disk
@pytest.mark.parametrize(
    "line",
    ["--help", "--version", *(f"{command} --help" for command in COMMANDS), "example", "explain --draw cat", "methods",
     "methods cam", "background --images 12", "train --images 8 --epochs 1"],
)  # fmt: skip
def test_a_full_disk_behind_standard_output_gets_one_line_and_status_2(line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("/dev/full", "w") as full, drawing():  # to close it fails if anything is still to be written
        monkeypatch.setattr("sys.stdout", full)
        assert main(line.split()) == 2
    assert capsys.readouterr().err == "numpycam: error: cannot write the output: No space left on device\n"


@has_a_full_disk
@pytest.mark.parametrize("line", ["explode", "--class dog", "explain", "explain nothing.png"])
def test_a_full_disk_behind_standard_error_leaves_the_status(line, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        with pytest.raises(SystemExit) as stopped:
            main(line.split())
    assert stopped.value.code == 2


@pytest.mark.parametrize("line", ["methods", "--help", "--version", "train --help", "train", "explode"])
def test_a_closed_standard_output_gets_one_line_and_status_2_before_anything_is_done(
    line, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout", None)  # what Python makes of one that is closed
    assert main(line.split()) == 2
    assert capsys.readouterr().err == "numpycam: error: cannot write the output: standard output is closed\n"
    assert list(tmp_path.iterdir()) == []


def test_a_closed_standard_error_is_no_hindrance(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stderr", None)
    assert main(["train", "--images", "8", "--epochs", "1", "--only", "drawings"]) == 0
    assert "Written to " in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["explode"])
    assert (stopped.value.code, capsys.readouterr().out) == (2, "")


@has_a_full_disk
@pytest.mark.parametrize("line", ["methods", "--help"])
def test_at_its_end_python_says_nothing_more_of_a_full_disk(line):
    with open("/dev/full", "w") as full:
        result = subprocess.run([*METHODS[:3], line], stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr == "numpycam: error: cannot write the output: No space left on device\n"


def test_a_reader_that_leaves_early_is_no_error():
    """It has left before anything is written, as ``head`` may have."""
    for command in (METHODS, [*METHODS, "--help"]):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)
        process.stderr.close()


def test_a_pipe_that_cannot_carry_greek_gets_question_marks():
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run([*METHODS, "grad_cam"], capture_output=True, env=environment)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"?_k = (1/Z)" in result.stdout


def test_without_a_home_matplotlib_says_nothing(tmp_path):
    home = {**os.environ, "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    home.pop("MPLCONFIGDIR", None)
    code = "from numpycam.cli import main; main(['methods']); import matplotlib; matplotlib.get_cachedir()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=home, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_where_matplotlib_finds_no_place_for_its_cache_its_own_words_are_shown(capsys, monkeypatch):
    def refuse(*_, **__):
        raise OSError("Matplotlib requires access to a writable cache directory")

    monkeypatch.setattr("numpycam.core.steps.Stages.of", refuse)
    assert main([]) == 2
    assert capsys.readouterr().err == "numpycam: error: Matplotlib requires access to a writable cache directory\n"


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"COLUMNS": "40"}]
)
def test_poor_terminals_are_served(environment, tmp_path):
    for line in some(["explain --help", "explain nothing-\u0436.png", "methods cam", "explain nothing-\udcff.png"], 2):
        result = subprocess.run(
            [*METHODS[:3], *line.split()], capture_output=True, env=os.environ | environment, cwd=tmp_path
        )
        assert result.returncode == (2 if "nothing" in line else 0)
        assert result.stderr.count(b"\n") == ("nothing" in line)


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


@pytest.mark.parametrize("name", some(["HOME", "MPLCONFIGDIR"]))
def test_a_home_that_cannot_be_written_is_no_error(name, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), name: os.devnull}
    command = [sys.executable, "-m", "numpycam", "--out", "out"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr
    assert "stages.png" in {path.name for path in (tmp_path / "out").iterdir()}


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------

CHILD = """
import os, runpy, signal, sys

moment, count, signals = int(sys.argv[1]), 0, None

def hook(event, arguments):
    global count, signals
    if signals is None and event == "import" and arguments[0] == "numpycam.core":
        signals = moment  # numpycam has taken its first breath: before that, Ctrl-C is Python's own affair
    if signals is not None:
        count += 1
        if count == signals:
            os.kill(os.getpid(), signal.SIGINT)

sys.argv = ["-m", *sys.argv[2:]]
sys.addaudithook(hook)
try:
    runpy.run_module("numpycam", run_name="__main__", alter_sys=True)
finally:
    if moment == 0:
        print(count)
"""
"""Runs the command, and sends itself SIGINT at one of the moments at which Python tells what it does."""


@pytest.mark.parametrize("line", ["methods", "train --only drawings --images 8 --epochs 1"])
def test_ctrl_c_ends_the_command_at_any_moment_without_a_traceback(line, tmp_path):
    def run(moment):
        command = [sys.executable, "-c", CHILD, str(moment), *line.split()]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    whole = run(0)
    *result, moments = whole.stdout.splitlines()
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*.npz")}
    for tenth in some(range(11), 5):
        for path in tmp_path.rglob("*.npz"):
            path.unlink()
        stopped = run(1 + tenth * (int(moments) - 1) // 10)
        assert stopped.stderr == ""
        assert stopped.returncode in (0, 130)
        if stopped.returncode == 0:
            assert stopped.stdout.splitlines() == result
        left = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert left in ({}, files)
        assert not [*tmp_path.rglob(".new-*")]


def test_ctrl_c_stays_what_it_is_for_those_who_import_numpycam():
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import numpycam.cli; "
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"  # a job in the background ignores it
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_a_call_of_main_that_is_interrupted_returns_130(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("numpycam.cli.methods._all_methods", interrupt)
    assert main(["methods"]) == 130


# --- Lines with mistakes of any kind ----------------------------------------------------------------------------------

LONG = "x" * 300
LINES = {
    "explain": [
        (["nothing.png"], "cannot read nothing.png: No such file or directory"),
        (["folder"], "there is no .png, .jpg or .jpeg file in folder."),
        (["empty"], "empty is not a PNG or JPEG picture."),
        (["text"], "text is not a PNG or JPEG picture."),
        ([""], "argument IMAGE: must not be empty, got ''"),
        ([LONG], f"cannot read {LONG}: File name too long"),
        (["loop"], "cannot read loop: Too many levels of symbolic links"),
    ],
    "explain --draw cat --network": [
        (["nothing"], "cannot read nothing: No such file or directory"),
        (["folder"], "cannot read folder: Is a directory"),
        (["empty"], "empty is not a numpycam network: "),
        (["text"], "text is not a numpycam network: "),
        ([""], "argument --network: must not be empty, got ''"),
        ([LONG], f"cannot read {LONG}: File name too long"),
    ],
    "explain --draw cat --names": [
        (["nothing"], "cannot read nothing: No such file or directory"),
        (["folder"], "cannot read folder: Is a directory"),
        (["empty"], "empty has 0 names, but the network has 2 scores."),
        ([""], "argument --names: must not be empty, got ''"),
    ],
    "explain --draw cat --class": [
        ([text], f"--class must be a number in 0..1 or the name of a class, got {text!r}.")
        for text in ("-1", "", "2", "1.0", "nan", "9" * 30, "\u0436", "\u0663", "\u00b2", LONG)
    ],
    "explain --draw cat --size": [
        *(
            ([text], f"argument --size: must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, got {text!r}")
            for text in ("0x0", "99999x1", "32", "", "32x", "3.5x2", "\u0663x\u0663")
        ),
        (["-1x3"], "argument --size: expected one argument"),
        (["31x32"], "the picture does not fit the network: "),
        (["9999x9999"], "the picture does not fit the network: "),
    ],
    "explain --draw cat --top": [
        *(
            ([text], f"argument --top: must be a whole number in 1..999999999, got {text!r}")
            for text in ("0", "-1", "x", "", "9" * 20)
        ),
        (["3"], "--top must be in 1..2, the number of scores, got 3."),
        (["1", "--class", "0"], "argument --class: not allowed with argument --top"),
    ],
    "explain --draw cat": [
        *(
            ([f"--mean={text}"], f"argument --mean: must be numbers, got {text!r}; ")
            for text in ("nan", "inf", "", "-1e400")
        ),
        (["--mean", "1", "2"], "mean must be one number or "),
        (["--std", "0"], "argument --std: must be greater than 0, got '0'"),
        (["--std=-1"], "argument --std: must be greater than 0, got '-1'"),
        (["--std", "1e-320"], "(picture - mean) / std contains infinity at index (0, 0, 0)."),
        *(
            ([f"--seed={text}"], f"argument --seed: must be a whole number in 0..999999999, got {text!r}")
            for text in ("-1", "1.5", "", "1e3", "9999999999")
        ),
        *((["--layer", text], f"the network has no layer {text!r}, only 'input', ") for text in ("nothing", "")),
        (["--layer", LONG], "the network has no layer 'xxx"),
        *(
            (
                ["--method", text],
                f"argument --method: must be a name that numpycam methods lists, or all, got {text!r}.",
            )
            for text in ("nothing", "", "ALL")
        ),
        (["--grass=1"], "argument --grass/--no-grass: ignored explicit argument '1'"),
        (["--out", "loop"], ""),
    ],
    "background": [
        *(
            ([f"--images={text}"], f"argument --images: must be a whole number in 1..999999999, got {text!r}")
            for text in ("0", "-5", "", "9999999999")
        ),
        (["--images", "1"], "drawings must have at least one cat, got none in 1."),
        (["--images", "999999999"], "there is not enough memory for so many drawings: pass a smaller --images."),
        (["--seed=-1"], "argument --seed: must be a whole number in 0..999999999, got '-1'"),
        (["x"], "unrecognized arguments: x"),
    ],
    "train": [
        (["--only", ""], "argument --only: invalid choice: ''"),
        (["--epochs", "0"], "argument --epochs: must be a whole number in 1..999999999, got '0'"),
        (["--epochs", "1.5"], "argument --epochs: must be a whole number in 1..999999999, got '1.5'"),
    ],
    "methods": [
        (["x"], "argument NAME: must be a name that numpycam methods lists, got 'x'."),
        ([""], "argument NAME: must be a name that numpycam methods lists, got ''."),
        (["cam", "cam"], "unrecognized arguments: cam"),
    ],
    "": [
        ([""], "argument COMMAND: invalid choice: ''"),
        (["Explain"], "argument COMMAND: invalid choice: 'Explain'"),
        (["-"], "unrecognized arguments: -"),
        (["--versio"], "unrecognized arguments: --versio"),
        (["--help=1"], "argument -h/--help: ignored explicit argument '1'"),
        (["--float=1"], "argument --float: ignored explicit argument '1'"),
    ],
}


@pytest.mark.parametrize("command", LINES)
def test_a_mistake_gets_one_line_that_names_it_and_nothing_is_written(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("a\nb\n")
    (tmp_path / "loop").symlink_to("loop")
    for mistake, message in LINES[command]:
        try:
            status = main([*command.split(), *mistake])
        except SystemExit as stopped:
            status = stopped.code
        out, err = capsys.readouterr()
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f": error: {message}" in err
        assert {path.name for path in tmp_path.rglob("*")} == {"folder", "empty", "text", "loop"}


def test_ctrl_c_that_python_loses_comes_again():
    """It may come while an object is cleared away: there Python prints the error and goes on."""
    script = (
        "import signal, sys, time; sys.argv = ['numpycam']\n"
        "from numpycam import interrupt\n"
        "class Cleared:\n"
        "    def __del__(self):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "class Wrong:\n"
        "    def __del__(self):\n"
        "        raise ValueError\n"
        "hook = sys.unraisablehook\n"
        "try:\n"
        "    with interrupt.raised():\n"
        "        Wrong(), Cleared()\n"
        "        print('goes on')\n"
        "        for _ in range(4000):\n"
        "            time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', sys.unraisablehook is hook)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert ran.stdout == "goes on\nstopped True\n"
    assert "KeyboardInterrupt" not in ran.stderr
    assert "ValueError" in ran.stderr
