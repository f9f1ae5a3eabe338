"""``numpycam explain`` for many pictures: finds them, explains each once, and goes on where an earlier run stopped."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from numpycam.cli.index_page import FILES, Outcome, Shown, as_csv, as_page, is_ours
from numpycam.files import is_device_or_pipe, write_files
from numpycam.methods import PoleError
from numpycam.progress import followed, progress_bar
from numpycam.text import paragraph, printable, shortened

ENDINGS = (".png", ".jpg", ".jpeg")
"""How the names of the pictures in a folder end, in small or capital letters. Other files there are left out."""

RESULTS, RECORD = "pictures", "result.json"
"""The folder with a folder for each picture, and the file that is written there last: with it, the picture is done."""

_MOST_TOLD, _LONGEST_TOLD = 20, 300

ExplainOne = Callable[[Path, Path], list[Shown]]
"""Explains a picture and writes the files to a folder. Raises ValueError if the picture cannot be explained."""


class WrongOptionError(ValueError):
    """What is wrong is not the picture: no other picture can be explained, either."""


@dataclass(frozen=True)
class Found:
    """The pictures to explain, each once, and what was left out."""

    pictures: list[Path]
    unreadable: dict[Path, str]  # folders, and why they cannot be read
    others: int  # how many files in the folders have other endings
    earlier: list[Path]  # folders that numpycam explain wrote

    @property
    def remarks(self) -> list[str]:
        """Return a sentence for each kind of thing that was left out."""
        *some, last = ENDINGS
        remarks = []
        if self.others:
            files = "1 file whose name does" if self.others == 1 else f"{self.others} files whose names do"
            remarks.append(f"Left out: {files} not end in {', '.join(some)} or {last}.")
        told = [f"Left out: {printable(str(folder))}, which numpycam explain wrote." for folder in self.earlier]
        more = len(told) - _MOST_TOLD
        if more > 0:
            told[_MOST_TOLD:] = [
                "Left out: 1 more such folder." if more == 1 else f"Left out: {more} more such folders."
            ]
        return [*remarks, *told]


def are_many(paths: Sequence[Path]) -> bool:
    """Whether these are many pictures: several paths, or a folder."""
    return len(paths) > 1 or any(os.path.isdir(path) for path in paths)


def find(paths: Iterable[Path], out: Path) -> Found:
    """Return the pictures: the files that are given, and those in the folders that are given, and in folders in these.

    Hidden files and folders, whose names begin with a dot, are passed over. Links to folders are not followed, so there
    is no loop. Folders that numpycam explain wrote are left out. Pictures of the user's own beside these are not.
    """
    pictures: dict[str, Path] = {}  # by absolute path: a picture that is named twice is explained once
    found = Found([], {}, 0, [])
    others = 0
    for path in paths:
        files = [path]
        if os.path.isdir(path):
            files, rest = _in_folder(path, out, found)
            others += rest
        for file in files:
            pictures.setdefault(os.path.abspath(file), file)
    return Found([*pictures.values()], found.unreadable, others, found.earlier)


def _in_folder(top: Path, out: Path, found: Found) -> tuple[list[Path], int]:
    """Return the pictures in a folder, in order, and how many other files there are. Note what is left out."""

    def note(error: OSError) -> None:
        found.unreadable[Path(error.filename)] = f"cannot read the folder: {error.strerror}"

    pictures, others = [], 0
    for folder, folders, files in os.walk(top, onerror=note):
        visible = sorted(name for name in folders if not name.startswith("."))
        results = [name for name in visible if _is_result(Path(folder, name), out)]
        written = [name for name in visible if name not in results and _is_written(Path(folder, name), out)]
        found.earlier.extend(Path(folder, name) for name in written)
        folders[:] = [name for name in visible if name not in {*results, *written}]
        for name in sorted(name for name in files if not name.startswith(".") and name not in FILES):
            if name.lower().endswith(ENDINGS):
                pictures.append(Path(folder, name))
            else:
                others += 1
    return pictures, others


def _is_result(folder: Path, out: Path) -> bool:
    """Whether this is the folder of a picture in out, by the name that :func:`folder_name` gives."""
    is_named = re.fullmatch("([A-Za-z0-9-]+-)?[0-9a-f]{12}", folder.name)
    return is_named is not None and os.path.realpath(folder.parent) == os.path.realpath(out / RESULTS)


def _is_written(folder: Path, out: Path) -> bool:
    """Whether numpycam explain wrote the folder before: for one picture, or for many, but not into out."""
    if (folder / "explanation.json").is_file() or (folder / "methods.npz").is_file():
        return True
    return is_ours(folder / FILES[0]) and os.path.realpath(folder) != os.path.realpath(out)


def explain_all(found: Found, out: Path, question: Sequence[str], explain_one: ExplainOne) -> tuple[str, int]:
    """Explain each picture that has no result yet, and write the index page and the table of scores.

    Parameters
    ----------
    found : Found
    out : path
    question : sequence of str
        What a result depends on, besides the picture: the network, the options.
    explain_one : callable
        See ExplainOne.

    Returns
    -------
    story : str
        What to print.
    status : int
        0, or 1 if a picture could not be explained.

    Raises
    ------
    OSError
        If a file cannot be written. What is done is kept.
    KeyboardInterrupt
        After Ctrl-C. What is done is kept, and the index page shows it.
    """
    outcomes = [Outcome(folder, "failed", why) for folder, why in found.unreadable.items()]
    try:
        for picture in followed(progress_bar(), found.pictures, "pictures"):
            outcomes.append(_outcome(picture, out, question, explain_one))
    except KeyboardInterrupt:
        seen = {outcome.path for outcome in outcomes}
        waiting = [Outcome(picture, "not yet") for picture in found.pictures if picture not in seen]
        _write_index(out, [*outcomes, *waiting])
        done = len(found.pictures) - len(waiting)
        print(f"Stopped: {done} of {len(found.pictures)} pictures are done. To go on, give the same command again.",
              file=sys.stderr, flush=True)  # fmt: skip
        raise
    _write_index(out, outcomes)
    return "\n".join([*_told(outcomes), *found.remarks, *_where(out)]), int(any(one.failed for one in outcomes))


def _write_index(out: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the index page and the table of scores."""
    out.mkdir(parents=True, exist_ok=True)
    write_files(out, dict(zip(FILES, (as_page(outcomes).encode(), as_csv(outcomes)), strict=True)))


def _outcome(picture: Path, out: Path, question: Sequence[str], explain_one: ExplainOne) -> Outcome:
    """Return the result that an earlier run has left, or else explain the picture and leave one."""
    place = RESULTS, folder_name(picture)
    folder, address = out.joinpath(*place), "/".join(place)
    try:
        digest = _digest(picture, question)
        shown = _result(folder, digest)
        if shown is not None:
            return Outcome(picture, "kept", folder=address, shown=shown)
        (folder / RECORD).unlink(missing_ok=True)  # from now on until the end, the picture is not done
        shown = explain_one(picture, folder)
    except WrongOptionError:
        raise
    except (TypeError, ValueError, PoleError) as error:
        return Outcome(picture, "failed", str(error).removeprefix(f"{picture} "))
    except MemoryError:
        return Outcome(picture, "failed", "there is not enough memory for it: pass a smaller --size.")
    told = [asdict(one) for one in shown]
    record = {"digest": digest, "shown": told, "check": _check(digest, told)}
    write_files(folder, {RECORD: (json.dumps(record, indent=1) + "\n").encode()})
    return Outcome(picture, "explained", folder=address, shown=shown)


def folder_name(picture: Path) -> str:
    """Return a name for a picture's folder that every file system and every link takes, and no other picture has."""
    readable = re.sub("[^A-Za-z0-9]+", "-", picture.stem)[:40].strip("-")
    digest = hashlib.sha256(os.fsencode(os.path.abspath(picture))).hexdigest()[:12]
    return f"{readable}-{digest}" if readable else digest


def _digest(picture: Path, question: Sequence[str]) -> str:
    """Return a digest of all that a result depends on. It differs if one byte of the picture does."""
    parts = [*question, printable(picture.name), digest_of_file(picture)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 digest of a file's bytes. Raise ValueError if it cannot be read."""
    try:
        if is_device_or_pipe(path):
            raise ValueError(f"{path} is a device or a pipe: save it to a file, and pass that.")
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error


def _result(folder: Path, digest: str) -> list[Shown] | None:
    """Return what an earlier run has found, if it had the same question and its pages are there; else None."""
    try:
        if not (folder / RECORD).is_file():  # there is none, or it is a pipe, which may never begin
            return None
        told = json.loads((folder / RECORD).read_bytes())
        if told["digest"] != digest or told["check"] != _check(digest, told["shown"]):
            return None
        shown = [Shown(**one) for one in told["shown"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # someone has changed it
        return None
    return shown if all((folder / one.page).is_file() for one in shown) else None


def _check(digest: str, told: object) -> str:
    """Return a digest of a record. If anything in the record is changed, it differs."""
    return hashlib.sha256(json.dumps([digest, told]).encode()).hexdigest()


def _told(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what to print: how many pictures were explained, and why some were not."""
    counts = {what: sum(one.what == what for one in outcomes) for what in ("explained", "kept", "failed")}
    yield paragraph(
        f"Explained now: {counts['explained']}. Explained by an earlier run: {counts['kept']}. Not explained: "
        f"{counts['failed']}."
    )
    failed = [one for one in outcomes if one.failed]
    for one in failed[:_MOST_TOLD]:
        yield f"  {shortened(printable(f'{one.path}: {one.why}'), _LONGEST_TOLD)}"
    if failed[_MOST_TOLD:]:
        yield f"  … and {len(failed) - _MOST_TOLD} more, see {FILES[1]}"


def _where(out: Path) -> list[str]:
    """Return where the files are."""
    return [f"Written to {out}: {', '.join(FILES)}, and a folder for each picture in {RESULTS}"]


def check_nothing_is_overwritten(found: Found, out: Path, read: Iterable[Path]) -> None:
    """Raise ValueError if the index or the table would replace a file that is read, or another program's file."""
    for name in FILES:
        place = out / name
        if place.exists():
            if any(path.exists() and place.samefile(path) for path in [*found.pictures, *read]):
                raise ValueError(f"--out {out} would overwrite {place}, which is read here.")
            if not is_ours(place):
                raise ValueError(f"--out {out} would overwrite {place}, which numpycam did not write.")
