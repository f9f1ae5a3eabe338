"""Where the notebooks are: in the checkout beside the package, or in the package when it was installed from a wheel."""

import json
import re
from pathlib import Path
from typing import Any

from numpycam.core.arguments import check_one_of

_PACKAGE = Path(__file__).parents[1]

FOLDER = next(
    (folder for folder in (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks") if folder.is_dir()),
    _PACKAGE / "notebooks",
)
"""The folder of the notebooks, their pages and their solutions."""

PAGES = "README.md", "glossary.md", "cheat_sheet.md"
"""What belongs to the course beside the notebooks."""

_FOR_TEACHERS = next((folder for folder in (FOLDER.parent / "docs", FOLDER) if (folder / "teaching").is_dir()), FOLDER)
"""The folder of the page for teachers and of HAND_OUTS: docs/ in the checkout, beside the notebooks in a wheel."""

HAND_OUTS = "teaching/slides.html", "teaching/worksheet.html", "teaching/worksheet_answers.html"
"""What a teacher shows or prints."""


def for_teachers() -> dict[str, str]:
    """Return the page for teachers, the slides and the worksheets, by their names in a teacher's folder."""
    files = {name: (_FOR_TEACHERS / name).read_text(encoding="utf-8") for name in ("teaching.md", *HAND_OUTS)}
    page = files["teaching.md"].replace("](../notebooks/", "](")  # here, the notebooks stand beside it
    return files | {"teaching.md": re.sub(r"\[([^]]*)\]\((?:\.\./|LICENSE|lab/|scale/)[^)]*\)", r"\1", page)}


def names() -> list[str]:
    """Return the names of the notebooks, in reading order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.ipynb"))


def read(name: str) -> dict[str, Any]:
    """Return a notebook as its file has it, with outputs.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    """
    check_one_of("name", name, names())
    notebook: dict[str, Any] = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return notebook


def solutions(name: str) -> str:
    """Return the Python of a notebook's solutions.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    """
    check_one_of("name", name, names())
    return (FOLDER / "solutions" / f"{name}.py").read_text(encoding="utf-8")
