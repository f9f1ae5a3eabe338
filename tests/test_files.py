"""Files are written whole or not at all, whatever happens in between."""

import importlib.util
import os
import re
import signal
import subprocess
import sys

import pytest
from helpers import unwritable_places

from numpycam.files import write_files

CAN_LOCK = importlib.util.find_spec("fcntl") is not None

KILLED = """
import os, resource, signal, sys
from pathlib import Path
from numpycam.files import write_files
{before}
write_files(Path(sys.argv[1]), {{"file": bytes(400_000)}})
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system limits no file sizes")
@pytest.mark.parametrize("written", [0, 100, 200_000, 399_999])
def test_killed_in_the_middle_of_writing_the_old_file_stays(tmp_path, written):
    """The kernel kills the process at the first byte beyond the limit."""
    before = (
        f"signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({written}, {written}))"
    )
    assert write_and_fail(tmp_path, before).returncode == -signal.SIGXFSZ
    assert files_before_and_after_the_next(tmp_path) == [b"old", b"new"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no signals")
@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_killed_before_the_file_is_in_its_place_the_old_file_stays(tmp_path, call):
    before = f"{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    assert write_and_fail(tmp_path, before).returncode == -signal.SIGKILL
    assert files_before_and_after_the_next(tmp_path) == [b"old", b"new"]


def write_and_fail(folder, before):
    """Let another process write over the file in the folder, and fail in the middle of it."""
    (folder / "file").write_bytes(b"old")
    return subprocess.run([sys.executable, "-c", KILLED.format(before=before), folder], capture_output=True, text=True)


def files_before_and_after_the_next(folder):
    """Return what the file holds, and what it holds when it is written again: nothing left behind is in the way."""
    left = {file.name[:5] for file in folder.iterdir()}
    assert left == {"file", ".new-"}
    contents = [(folder / "file").read_bytes()]
    write_files(folder, {"file": b"new"})
    if CAN_LOCK:
        assert [file.name for file in folder.iterdir()] == ["file"]
    return [*contents, (folder / "file").read_bytes()]


@pytest.fixture
def waiting(tmp_path):
    """A process that has written its file, but not yet moved it; a line from it says so, and a line to it goes on."""
    before = "fsync = os.fsync; os.fsync = lambda file: (fsync(file), print('written', flush=True), input())"
    arguments = [sys.executable, "-c", KILLED.format(before=before), tmp_path]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


needs_locks = pytest.mark.skipif(not CAN_LOCK, reason="this system cannot lock folders")


@needs_locks
def test_the_folder_of_a_living_process_stays_and_that_of_a_dead_one_goes(tmp_path, waiting):
    (living,) = tmp_path.iterdir()
    write_files(tmp_path, {"other": b"new"})
    assert {*tmp_path.iterdir()} == {living, tmp_path / "other"}
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    assert living.exists()
    write_files(tmp_path, {"other": b"newer"})
    assert [*tmp_path.iterdir()] == [tmp_path / "other"]


@needs_locks
def test_a_process_beside_which_another_has_written_goes_on(tmp_path, waiting):
    write_files(tmp_path, {"other": b"new", "more": b"new"})
    waiting.communicate("\n")
    assert waiting.returncode == 0
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"file": 400_000, "other": 3, "more": 3}


@needs_locks
def test_nothing_is_removed_but_what_a_process_of_this_machine_has_left(tmp_path, waiting):
    (left,) = tmp_path.iterdir()
    waiting.kill()
    waiting.wait()
    start, dead = left.name[:-8], left.rename(tmp_path / "away")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    for name in (".new-12345678", ".new-on-another-machine-12345678", f"{start}123456789", f"x{start}12345678"):
        (tmp_path / name).mkdir()  # without a lock, of another machine, of a machine with a longer name
        (tmp_path / name / "file").write_text("")
    (tmp_path / f"{start}file_456").write_text("")
    (tmp_path / f"{start}link_456").symlink_to(tmp_path / "other")
    (tmp_path / f"{start}full_456").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"{start}full_456" / name).write_text("")
    before = {*tmp_path.rglob("*")}
    dead.rename(left)
    write_files(tmp_path, {"new": b""})
    assert {*tmp_path.rglob("*")} == before - {dead, dead / "file"} | {tmp_path / "new"}


def test_where_folders_cannot_be_locked_files_are_written_all_the_same(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock" if CAN_LOCK else "os.fsync", fail if CAN_LOCK else os.fsync)
    write_files(tmp_path, {"file": b"new"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"new"}
    monkeypatch.setattr("numpycam.files._CAN_LOCK", False)  # as on Windows
    write_files(tmp_path, {"file": b"newer"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"newer"}


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system limits no file sizes")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    result = write_and_fail(tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))")
    assert result.stderr.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{tmp_path / 'file'}'"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"old"}


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whatever_fails_the_old_file_stays(tmp_path, monkeypatch, call, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(call, fail)
    with pytest.raises(type(error)) as caught:
        write_files(tmp_path, {"file": b"new"})
    assert getattr(caught.value, "filename", str(path)) == str(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"old"}


def test_places_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / "folder").mkdir()
    places = unwritable_places(tmp_path / "folder")
    before = {*tmp_path.rglob("*")}
    for path in places:
        with pytest.raises(OSError, match=re.escape(str(path))) as caught:
            write_files(path.parent, {path.name: b"new"})
        assert isinstance(caught.value, IsADirectoryError) == path.is_dir()
    assert {*tmp_path.rglob("*")} == before
    assert not any(path.is_file() for path in before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_what_is_no_file_is_not_replaced(tmp_path):
    """The pipe stands for /dev/null. If the test fails, it must not break the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=re.escape(str(pipe))):
        write_files(tmp_path, {"pipe": b"new"})
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_file_that_is_replaced_keeps_its_mode_and_a_link_leads_where_it_led(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("kept", "gone"):
        (tmp_path / "deep" / name).write_text("old")
        (tmp_path / "deep" / name).chmod(0o600)
        (tmp_path / name).symlink_to(tmp_path / "deep" / name)
    write_files(tmp_path, {"kept": b"new", "gone": None})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["deep", "kept"]
    assert (tmp_path / "kept").is_symlink()
    assert (tmp_path / "deep" / "kept").read_bytes() == b"new"
    assert (tmp_path / "deep" / "kept").stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in (tmp_path / "deep").iterdir()) == ["gone", "kept"]


def test_an_error_of_the_system_without_a_number_is_told_all_the_same(tmp_path, monkeypatch):
    def fail(_):
        raise OSError("the disk is on fire")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="on fire") as caught:
        write_files(tmp_path, {"file": b""})
    assert (caught.value.strerror, caught.value.filename) == ("the disk is on fire", str(tmp_path / "file"))


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="this system does not list what is open")
def test_nothing_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    write_files(tmp_path, {"one": b"1", "other": b"2"})
    assert os.listdir("/proc/self/fd") == before


def test_what_a_link_leads_to_is_written_beside_its_place(tmp_path, monkeypatch):
    """The link may stand on another disk, and no file moves from disk to disk in one step."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "file")
    beside = []
    monkeypatch.setattr("os.fsync", lambda _: beside.extend(path.name[:5] for path in (tmp_path / "deep").iterdir()))
    write_files(tmp_path, {"link": b"new"})
    assert beside == [".new-"]


def test_a_file_is_handed_to_the_disk_whole(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr("os.fsync", lambda file: sizes.append(os.fstat(file).st_size))
    write_files(tmp_path, {"file": b"new"})
    assert sizes == [3]


def test_a_file_in_its_place_is_no_failure_if_its_folder_is_gone(tmp_path, monkeypatch):
    replace = os.replace

    def replace_and_remove(new, place):
        replace(new, place)
        os.rmdir(os.path.dirname(new))

    monkeypatch.setattr("os.replace", replace_and_remove)
    write_files(tmp_path, {"file": b"new"})
    assert (tmp_path / "file").read_bytes() == b"new"


def test_files_are_written_together_or_removed(tmp_path):
    (tmp_path / "old").write_text("old")
    write_files(tmp_path, {"one": b"1", "other": b"2", "old": None, "never": None})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"one": b"1", "other": b"2"}
