"""``numpycam course``: write the notebooks into a folder, to work in, to teach from or to grade with."""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpycam import course
from numpycam.cli.options import folder_from_text, seed_from_text
from numpycam.course.source import PAGES
from numpycam.files import write_files
from numpycam.text import printable

TEXTS: dict[str, Any] = {
    "help": "write the notebooks of the course into a folder",
    "description": "Write the notebooks of the course into a folder, without outputs and without solutions. A file "
    "that is there is left as it is, with all that was written into it.",
}

SHEET = "numpycam"
"""What nbgrader's assignment is called."""

SECONDS_OF_A_CELL = 60
"""When nbgrader stops a cell. The longest cell of the course takes some seconds of a core."""

STOPPED = "This cell took too long and was stopped. Is there a loop that never ends?"
"""What a student reads then."""

CONFIG = f'''"""The configuration of nbgrader for this folder."""

c = get_config()  # noqa: F821 - nbgrader defines it

c.CourseDirectory.course_id = "numpycam"
c.ClearSolutions.code_stub = {{"python": "{course.editions.CODE_STUB}"}}
c.ClearSolutions.enforce_metadata = False

# A cell that runs for longer is interrupted. Its own points are lost; the grading goes on with the next cell.
c.Execute.timeout = {SECONDS_OF_A_CELL}
c.Execute.iopub_timeout = 20  # so long it may take to stop; then nbgrader gives up the hand-in, and takes the next
c.Execute.error_on_timeout = {{
    "ename": "Endless",
    "evalue": "",
    "traceback": ["{STOPPED}"],
}}
'''


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("folder", nargs="?", type=folder_from_text, default=Path("numpycam-course"), metavar="FOLDER",
        help="where to write them; numpycam-course if not given")  # fmt: skip
    edition = parser.add_mutually_exclusive_group()
    edition.add_argument("--teacher", action="store_true", help="with outputs and solutions")
    edition.add_argument("--nbgrader", action="store_true", help="as an assignment of nbgrader, with hidden tests")
    parser.add_argument("--variant", type=seed_from_text, default=0, metavar="N",
        help="which numbers the checks draw: another N for each learner, if you like")  # fmt: skip
    parser.add_argument("--hidden", type=seed_from_text, metavar="N",
        help="which numbers the hidden tests draw, with --nbgrader; 1 if not given")  # fmt: skip
    parser.add_argument("--open", action="store_true", help="open the folder in Jupyter")
    parser.set_defaults(run=_write, refuse=parser.error)


def _write(options: argparse.Namespace) -> int:
    """Write the files that are not there yet, tell it, and return the exit status."""
    _refuse_what_would_do_nothing(options)
    if options.open and not find_spec("jupyterlab"):
        options.refuse("--open needs Jupyter: pip install jupyter")
    contents = _contents(options)
    folder: Path = options.folder
    for parent in {(folder / name).parent for name in contents}:
        _refuse_what_is_no_folder(parent, options)
    there = [name for name in contents if (folder / name).exists() or (folder / name).is_symlink()]
    new = {name: text.encode() for name, text in contents.items() if name not in there}
    for parent in sorted({(folder / name).parent for name in new}):
        parent.mkdir(parents=True, exist_ok=True)
        write_files(parent, {Path(n).name: text for n, text in new.items() if (folder / n).parent == parent})
    print("\n".join(map(printable, _told(folder, [*new], there, options))))
    if options.open:
        return subprocess.call([sys.executable, "-m", "jupyterlab", _as_argument(folder)])
    return 0


def _refuse_what_would_do_nothing(options: argparse.Namespace) -> None:
    """Exit with a message if an option does not go with the edition."""
    if options.hidden is not None and not options.nbgrader:
        options.refuse("--hidden goes with --nbgrader only")
    if options.variant and options.teacher:
        options.refuse("--variant does not go with --teacher: its outputs are those of variant 0")
    if options.nbgrader and _hidden(options) == options.variant:
        options.refuse(f"--hidden must differ from --variant, and both are {options.variant}")


def _refuse_what_is_no_folder(folder: Path, options: argparse.Namespace) -> None:
    """Exit with a message that says the cure if a link to nothing, or a file, stands where a folder is to be."""
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            target = place.readlink()
            options.refuse(
                f"{str(place)!r} is a link to {str(target)!r}, and nothing is there: remove the link, make that "
                "folder, or name another one"
            )
        if place.exists() and not place.is_dir():
            options.refuse(f"{str(place)!r} is a file: move it away, or name another folder")


def _hidden(options: argparse.Namespace) -> int:
    """Return which numbers the hidden tests draw."""
    return 1 if options.hidden is None else options.hidden


def _contents(options: argparse.Namespace) -> dict[str, str]:
    """Return what to write, by the names of the files in the folder."""
    notebooks = {f"{name}.ipynb": _as_text(_edition(name, options)) for name in course.names()}
    if options.nbgrader:
        return {"nbgrader_config.py": CONFIG} | {f"source/{SHEET}/{name}": text for name, text in notebooks.items()}
    pages = {name: (course.FOLDER / name).read_text(encoding="utf-8") for name in PAGES}
    return pages | notebooks | (course.for_teachers() if options.teacher else {})


def _edition(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return a notebook in the edition that the options ask for."""
    notebook, solutions = course.read(name), course.solutions(name)
    if options.teacher:
        return course.teacher(notebook, solutions)
    if options.nbgrader:
        return course.grader(notebook, solutions, options.variant, _hidden(options))
    return course.student(notebook, options.variant)


def _as_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as it stands in a file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _as_argument(folder: Path) -> str:
    """Return a folder as another command takes it. A name that begins with a dash would be an option."""
    return f"./{folder}" if str(folder).startswith("-") else str(folder)


def _told(folder: Path, new: list[str], there: list[str], options: argparse.Namespace) -> list[str]:
    """Return what to tell: what was written, what was left alone, how to go on."""
    written = f"{len(new)} files" if len(new) != 1 else "1 file"
    lines, place = [f"Wrote {written} into {folder}."], shlex.quote(_as_argument(folder))
    if there:
        lines.append(f"Left as they are, since they are there: {', '.join(there)}.")
    if options.nbgrader:
        return [*lines, f"Go on: cd {place} && nbgrader generate_assignment {SHEET}"]
    first = "teaching.md" if options.teacher else "README.md, then 01"
    return [*lines, f"Open it: {_jupyter()} {place}", f"Begin with {first}."]


def _jupyter() -> str:
    """Return how to call Jupyter: by its name, or by this Python if its environment is not active."""
    if not find_spec("jupyterlab"):
        return "pip install jupyter && jupyter lab"
    return "jupyter lab" if shutil.which("jupyter") else f"{shlex.quote(sys.executable)} -m jupyterlab"
