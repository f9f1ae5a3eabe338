"""The editions of a notebook: for a learner without outputs, for a teacher with the solutions, for a grader.

A notebook is what its file holds: a dictionary of plain values. Tags say what a cell is for:

- ``exercise``: what the learner writes, with dots in the place of the answer;
- ``check``: the call that checks it; it may raise, so ``raises-exception`` stands there, too;
- ``solution``: where the repository has a solution. No edition has such a cell.
"""

import ast
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from copy import deepcopy
from typing import Any

from numpycam import checks
from numpycam.core.arguments import as_int
from numpycam.course.answers import answer_to, defines_a_function, names_in

Notebook = dict[str, Any]
Cell = dict[str, Any]

CODE_STUB = "# (above, in the place of the dots)"
"""What nbgrader writes in the place of a solution."""

_POINTS = 2


def student(notebook: Notebook, variant: int = 0) -> Notebook:
    """Return a notebook to work in: no outputs, no solutions.

    Parameters
    ----------
    notebook : dict
        As :func:`numpycam.course.read` returns it. It stays as it is.
    variant : int, default 0
        Which numbers the checks draw: each learner can have others.

    Returns
    -------
    dict
    """
    made = _copy(notebook)
    for cell in _code(made):
        cell["outputs"], cell["execution_count"] = [], None
        cell["source"] = with_variant(_source(cell), variant)
    return made


def teacher(notebook: Notebook, solutions: str) -> Notebook:
    """Return a notebook with the solutions in it, and with what comes out.

    Parameters
    ----------
    notebook : dict
        As :func:`numpycam.course.read` returns it, with its outputs.
    solutions : str
        The Python of its solutions. What stands in the cells is executed: the outputs of the checks are what it gives.

    Returns
    -------
    dict
    """
    made = _copy(notebook)
    names: dict[str, Any] = {name: getattr(checks, name) for name in checks.__all__}
    for cell in _code(made):
        if is_tagged(cell, "exercise"):
            cell["source"] = answer_to(_source(cell), solutions)
            exec(cell["source"], names)
        if is_tagged(cell, "check"):
            out = io.StringIO()
            with redirect_stdout(out):
                exec(_source(cell), names)
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": out.getvalue()}]
    return made


def grader(notebook: Notebook, solutions: str, variant: int = 0, hidden: int = 1) -> Notebook:
    """Return a notebook for nbgrader: it hands out the stubs, collects the answers and gives points.

    Behind each check stands a cell with points. Its test is hidden from the learner. The test loads the checks anew, so
    it does not help to overwrite one. It draws numbers of its own, so it does not help to know the answers.

    Parameters
    ----------
    notebook : dict
        As :func:`numpycam.course.read` returns it.
    solutions : str
        The Python of its solutions.
    variant : int, default 0
        Which numbers the learner's own check draws.
    hidden : int, default 1
        Which numbers the hidden test draws, if the answer is a function. Take one that no learner knows.

    Returns
    -------
    dict
    """
    as_int("hidden", hidden, 0)
    made = student(notebook, variant)
    cells: list[Cell] = []
    numbers = variant
    for cell in made["cells"]:
        source = _source(cell)
        cells.append(cell)
        if is_tagged(cell, "exercise"):
            (first, *_) = names_in(source)
            numbers = hidden if defines_a_function(source) else variant  # else the answer is for these numbers
            answer = answer_to(source, solutions)
            cell["source"] = f"{source}\n\n### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
            cell["metadata"]["nbgrader"] = _role(first, solution=True)
        if is_tagged(cell, "check"):
            cell["metadata"]["nbgrader"] = _role(f"try-{cell['id']}", locked=True)
            cells += [_points(cell, number, call, numbers) for number, call in enumerate(calls_of_checks(source))]
    made["cells"] = cells
    return made


def calls_of_checks(source: str) -> list[ast.Call]:
    """Return the calls of checks in a cell, such as ``check_grad_cam(my_grad_cam)``."""
    every = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call for call in every if isinstance(call.func, ast.Name) and call.func.id.startswith("check_")]


def with_variant(source: str, variant: int) -> str:
    """Return the source of a cell whose checks draw the numbers of a variant.

    >>> with_variant("A, g = maps_by_hand()", 7)
    'A, g = maps_by_hand(variant=7)'
    >>> with_variant("check_grad_cam(my_grad_cam)", 7)
    'check_grad_cam(my_grad_cam, variant=7)'
    """
    if not as_int("variant", variant, 0):
        return source
    source = re.sub(rf"\b({'|'.join(_DRAWN)})\(\)", rf"\1(variant={variant})", source)
    return re.sub(r"(\bcheck_\w+\(my_\w+)\)", rf"\1, variant={variant})", source)


_DRAWN = [
    name for name in checks.__all__
    if not name.startswith("check_") and "variant" in getattr(getattr(checks, name), "__annotations__", ())
]  # fmt: skip
"""The functions that draw what an exercise is about."""


def is_tagged(cell: Cell, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell["metadata"].get("tags", [])


def _points(check: Cell, number: int, call: ast.Call, hidden: int) -> Cell:
    """Return the cell whose value is the points."""
    answer = ast.unparse(call.args[0])
    assert isinstance(call.func, ast.Name)
    lines = [
        f"# The points for {answer}.",
        "### BEGIN HIDDEN TESTS",
        "import importlib",
        "import sys",
        "",
        'ours = [name for name in sys.modules if name.split(".")[0] == "numpycam"]',
        "loaded = {name: sys.modules.pop(name) for name in ours}  # what was overwritten is loaded anew",
        "try:",
        '    anew = importlib.import_module("numpycam.checks")',
        f"    got = anew.grade(anew.{call.func.id}, {answer}, points={_POINTS}, variant={hidden})",
        "finally:  # the cells that follow go on with what they know: a class that is loaded anew is another class",
        '    for name in [name for name in sys.modules if name.split(".")[0] == "numpycam"]:',
        "        del sys.modules[name]",
        "    sys.modules.update(loaded)",
        "got",
        "### END HIDDEN TESTS",
    ]
    role = _role(f"points-{check['id']}-{number}", grade=True, locked=True, points=_POINTS)
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"{check['id']}-{number}"[:64],
        "metadata": {"nbgrader": role},
        "outputs": [],
        "source": "\n".join(lines),
    }


def _role(id: str, **given: Any) -> dict[str, Any]:
    """Return what nbgrader wants to know about a cell."""
    usual = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return usual | {"grade_id": id} | given


def _copy(notebook: Notebook) -> Notebook:
    """Return a copy without the cells that say where the solutions are."""
    made = deepcopy(notebook)
    made["cells"] = [cell for cell in made["cells"] if not is_tagged(cell, "solution")]
    return made


def _code(notebook: Notebook) -> Iterator[Cell]:
    """Return the cells of code."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def _source(cell: Cell) -> str:
    """Return the text of a cell. In a file it is a list of lines."""
    return "".join(cell["source"])
