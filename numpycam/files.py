"""Writes files that are whole: each is the old one or the new one, never half of one."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from numpycam.core.arguments import briefly, check_is
from numpycam.core.arrays import Array
from numpycam.exact import MOST_DIGITS

try:
    import fcntl
except ModuleNotFoundError:  # on Windows and in a browser
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

_TOO_LONG = 10**MOST_DIGITS
_RANDOM = 8  # how many random characters mkdtemp writes


def check_path(name: str, path: object) -> None:
    """Raise TypeError or ValueError unless it can be the name of a file: a number is one of an open file to Python."""
    check_is(name, path, str | os.PathLike, "a path")
    if "\0" in os.fsdecode(path):  # type: ignore[arg-type]
        raise ValueError(f"{name} must not hold the character 0, got {briefly(path)}.")


def write_files(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    """Write files, by name. Each is written beside its place first and then moved there.

    Beside its place means in a folder of its own. A process that is killed leaves that folder behind, and the next one
    that writes there removes it. Where the content is None, an old file is removed. A link stays a link: the file to
    which it leads is replaced. A file that is replaced keeps its mode. An OSError names the file.
    """
    name = ""
    try:
        for name in contents:
            if (folder / name).exists() and not (folder / name).is_file():
                code = errno.EISDIR if (folder / name).is_dir() else errno.EINVAL  # a device, say: /dev/null
                raise OSError(code, os.strerror(code))
        with ExitStack() as stack:
            ready: dict[str, tuple[Path, Path]] = {}
            for name, content in contents.items():
                if content is not None:
                    place = Path(os.path.realpath(folder / name))
                    new = stack.enter_context(_folder_beside(place))
                    with open(new / place.name, "xb") as file:
                        file.write(content)
                        file.flush()
                        os.fsync(file.fileno())  # else a crash of the machine may leave the new name on an empty file
                    if place.exists():
                        shutil.copymode(place, file.name)
                    ready[name] = Path(file.name), place
            for name in contents:
                if name in ready:
                    os.replace(*ready[name])
                else:
                    (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(folder / name)) from error


@contextmanager
def _folder_beside(place: Path) -> Iterator[Path]:
    """Make a folder for a new file, and remove those of dead processes.

    A process holds a lock on its folder. The system takes the lock away when the process dies, however it dies. So a
    folder without a lock is nobody's. Its name says which machine knows of the lock, and it gets this name only once it
    is locked. So where folders cannot be locked (on Windows, on some network disks), none is removed.
    """
    with ExitStack() as stack:
        new = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
        stack.callback(lambda: shutil.rmtree(new, ignore_errors=True))
        if _CAN_LOCK:
            start = f".new-on-{os.uname().nodename}-"
            with suppress(OSError):
                stack.enter_context(_locked(new))
                new = new.rename(new.with_name(start + new.name[-_RANDOM:]))
                for folder in new.parent.iterdir():
                    if folder.name[:-_RANDOM] == start:
                        _remove_if_left(folder)
        yield new


def _remove_if_left(folder: Path) -> None:
    """Remove a folder with the file in it, unless a living process has locked it."""
    with suppress(OSError), _locked(folder):
        files = [*folder.iterdir()]
        if len(files) <= 1:  # or else it is not one of ours
            for file in files:
                file.unlink()
            folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; raise OSError if another holds it, or if it is a link or cannot be locked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_device_or_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether it must not be read: a device may never end, and a pipe may never begin."""
    mode = os.stat(path).st_mode
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)  # to open a folder is an error that says so


def is_encodable(text: str) -> bool:
    """Whether a file can hold the text: whether it has no half of a character (a surrogate)."""
    return text.encode(errors="ignore").decode() == text


def without_pickle(name: str, array: Array) -> Array:
    """Return an array as a file may hold it: Fractions as strings. The name is for the error message."""
    if array.dtype != object:
        return array
    for value in array.flat:
        check_digits(name, value)
    return array.astype(str)


def check_digits(name: str, value: Any) -> None:
    """Raise ValueError if an int or a Fraction has more digits than Python writes and reads."""
    if max(abs(value.numerator), value.denominator) >= _TOO_LONG:
        raise ValueError(
            f"{name} must hold numbers of at most {MOST_DIGITS} digits to be written to a file: convert it with "
            "numpycam.exact.as_floats."
        )


def as_npz(arrays: Mapping[str, Any], *, compressed: bool = False) -> bytes:
    """Return arrays by name as the bytes of a .npz file.

    In memory first: if the disk is full, NumPy before 2.2 hides that behind a ValueError of zipfile.
    """
    buffer = BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()
