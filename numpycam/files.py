"""Writes files that are whole: each is the old one or the new one, never half of one."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from numpycam.core.arrays import Array


def write_files(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    """Write files, by name. Each is written beside its place first and then moved there.

    Where the content is None, an old file is removed. A link stays a link: the file to which it leads is replaced. A
    file that is replaced keeps its mode. An OSError names the file.
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
                    new = stack.enter_context(tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-"))
                    with open(Path(new) / place.name, "xb") as file:
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


def without_pickle(array: Array) -> Array:
    """Return an array as a file may hold it: Fractions as strings."""
    return array.astype(str) if array.dtype == object else array


def as_npz(arrays: Mapping[str, Any], *, compressed: bool = False) -> bytes:
    """Return arrays by name as the bytes of a .npz file.

    In memory first: if the disk is full, NumPy before 2.2 hides that behind a ValueError of zipfile.
    """
    buffer = BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()
