"""Grade a class with nbgrader: five hand-ins and one that never ends, from the assignment to what each student reads.

python tests/grading/run.py [NOTEBOOK ...]    # with numpycam and nbgrader installed; notebook 01 if none is given
python tests/grading/run.py all

It prints the points of each hand-in and how long each step takes, and fails if the points are not those that they
should be.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nbgrader.api import Gradebook

from numpycam import course
from numpycam.cli.course import STOPPED
from numpycam.course.answers import answer_to, defines_a_function, names_in
from numpycam.course.editions import CODE_STUB

HIDDEN = "4711"
SECONDS = 20  # so long a cell may take where the answer without an end is
CHEAT = """import numpycam.checks
for name in dir(numpycam.checks):
    if name.startswith("check_"):
        setattr(numpycam.checks, name, lambda *given, **more: None)
"""
CALL = "__import__('numpycam').grad_cam_from_maps([[[1.0]]], [[[1.0]]])"
ENDLESS = "while True: pass"
ENDLESS_IN = "01_grad_cam_by_hand"  # one is enough: it is stopped by nbgrader, and not by the notebook


class Planted(NamedTuple):
    """A wrong answer: the solution of an exercise with one thing changed."""

    exercise: str
    right: str
    wrong: str
    hint: str  # what stands in the feedback
    lost: float = 2  # points


PLANTED = {
    "01_grad_cam_by_hand": Planted(
        "my_grad_cam", "localization_map = np.maximum(weighted_sum, 0)", "localization_map = weighted_sum",
        "The ReLU is missing", 2 / 3),  # one of three stages
    "02_a_real_network": Planted(
        "my_gradient_maps", "reshape(-1, height, width)", "reshape(-1, width, height)",
        "Height and width are exchanged"),
    "03_backward_by_hand": Planted(
        "my_relu_backward", "u * (x > 0)", "u * (x >= 0)", "At x = 0 your gate is open"),
    "04_a_tiny_cnn_learns": Planted(
        "my_accuracy", "(scores > 0)", "(scores >= 0)", "At a score of 0 the answer is"),
    "05_overlay": Planted(
        "my_normalise", "largest = np.abs(heat).max()", "heat = heat - heat.min()\n    largest = heat.max()",
        "That is min-max"),
    "06_negative_evidence": Planted(
        "my_counterfactual", "np.maximum(-weighted_sum, 0)", "np.minimum(weighted_sum, 0)",
        "That is the negative part with its minus"),
    "07_cam_and_grad_cam": Planted(
        "my_gap_alphas", "weights / (height * width)", "weights", "These are the weights"),
    "08_other_cams": Planted(
        "my_hirescam",
        "(gradients * feature_maps).sum(axis=0)", "np.maximum((gradients * feature_maps).sum(axis=0), 0)",
        "There is a ReLU in it already"),
    "09_can_you_trust_it": Planted(
        "my_drop", "network(image[None])[0, c] - network", "network", "That is the score without the patch"),
    "10_verify_your_own": Planted(
        "my_sides", '"y": [-7, 2]', '"y": [1, -5]', "You add up the rows of W", 1 / 2),  # one of four numbers
}  # fmt: skip


class Seconds(NamedTuple):
    """How long a step took."""

    passed: float
    computed: float  # by one core, or by several together

    def __str__(self) -> str:
        return f"{self.passed:.1f} ({self.computed:.1f} on a core)"


def run(*command: str) -> Seconds:
    """Run a command in this folder, and return how long it took."""
    binaries = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    before = time.perf_counter(), sum(os.times()[2:4])
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return Seconds(time.perf_counter() - before[0], sum(os.times()[2:4]) - before[1])


def exercises(notebook: dict) -> list[dict]:
    """Return the cells that a student fills in."""
    return [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution")]


def hand_in(student: str, name: str, answer: Callable[[str], str]) -> None:
    """Write what a student hands in: the released notebook with ``answer(stub)`` in each cell of an exercise."""
    notebook = json.loads(Path(f"release/numpycam/{name}.ipynb").read_text(encoding="utf-8"))
    for cell in exercises(notebook):
        cell["source"] = answer("".join(cell["source"]))
    folder = Path(f"submitted/{student}/numpycam")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def beginning_with(line: str, stub: str, answer: str) -> str:
    """Return the answer with one line more at the beginning of the functions that the stub asks for."""
    module = ast.parse(answer)
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in names_in(stub):
            statement.body[:0] = ast.parse(line).body
    return ast.unparse(module)


def answers(name: str, first_function: str) -> dict[str, Callable[[str], str]]:
    """Return the hand-ins: for each student a function of the stub."""
    solutions, planted = course.solutions(name), PLANTED[name]

    def right(stub: str) -> str:
        return answer_to(stub, solutions)

    def wrong(stub: str) -> str:
        if planted.exercise not in names_in(stub):
            return right(stub)
        assert planted.right in right(stub)
        return right(stub).replace(planted.right, planted.wrong)

    def endless(stub: str) -> str:
        return beginning_with(ENDLESS, stub, right(stub)) if first_function in names_in(stub) else right(stub)

    hand_ins = {
        "right": right,
        "blank": lambda stub: stub,
        "wrong": wrong,
        "cheat": lambda stub: f"{CHEAT}{stub}",
        "library": lambda stub: beginning_with(CALL, stub, right(stub)),
    }
    return hand_ins | ({"endless": endless} if name == ENDLESS_IN else {})


def grade(name: str) -> dict[str, Seconds]:
    """Grade the hand-ins of a notebook in this folder. Return how long each step took."""
    seconds = {"write": run("numpycam", "course", ".", "--nbgrader", "--hidden", HIDDEN)}
    for path in Path("source/numpycam").iterdir():
        if path.stem != name:
            path.unlink()
    seconds["generate"] = run("nbgrader", "generate_assignment", "numpycam")
    released = Path(f"release/numpycam/{name}.ipynb").read_text(encoding="utf-8")
    assert HIDDEN not in released
    assert "BEGIN SOLUTION" not in released
    assert CODE_STUB.strip("# ") in released
    functions = [one for cell in exercises(json.loads(released)) if defines_a_function(one := "".join(cell["source"]))]
    for student, answer in answers(name, names_in(functions[0])[0]).items():
        hand_in(student, name, answer)
    limit = [f"--Execute.timeout={SECONDS}"] if name == ENDLESS_IN else []
    seconds["autograde"] = run("nbgrader", "autograde", "numpycam", *limit)
    seconds["feedback"] = run("nbgrader", "generate_feedback", "numpycam")
    with Gradebook("sqlite:///gradebook.db") as book:
        found = {one.student.id: (one.score, one.max_score) for one in book.assignment_submissions("numpycam")}
    most = found["right"][1]
    print(f"{name}, of {most:g}:", ", ".join(f"{student} {score:.4g}" for student, (score, _) in found.items()))
    planted = PLANTED[name]
    expected = {
        "right": most,
        "blank": 0,
        "wrong": most - planted.lost,
        "cheat": 0,
        "library": most - 2 * len(functions),
        **({"endless": most - 2} if name == ENDLESS_IN else {}),
    }
    told = {student: Path(f"feedback/{student}/numpycam/{name}.html").read_text(encoding="utf-8") for student in found}
    off = {student: points for student, points in expected.items() if abs(found[student][0] - points) > 1e-9}
    assert not off, f"these should be {off}"
    assert planted.hint in told["wrong"]
    assert "calls numpycam" in told["library"]
    assert name != ENDLESS_IN or STOPPED in told["endless"]
    return seconds


def main(names: list[str]) -> None:
    # Matplotlib lists the fonts of a machine once. In a student's cell, on a busy machine, SECONDS might not be enough.
    run(sys.executable, "-c", "from matplotlib import font_manager")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            seconds = grade(name)
            print("   seconds:", ", ".join(f"{step} {taken}" for step, taken in seconds.items()), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:] or ["01_grad_cam_by_hand"]
    main(course.names() if given == ["all"] else given)
