"""Grade a class with nbgrader: five hand-ins, from the assignment to what each student reads.

python tests/grading/run.py [NOTEBOOK ...]    # with numpycam and nbgrader installed; notebook 01 if none is given

It prints the points of each hand-in, and fails if they are not those that they should be.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook

from numpycam import course
from numpycam.course.answers import answer_to
from numpycam.course.editions import CODE_STUB

HIDDEN = "4711"
CHEAT = """import numpycam.checks
for name in dir(numpycam.checks):
    if name.startswith("check_"):
        setattr(numpycam.checks, name, lambda *given, **more: None)
"""
LIBRARY = """import numpycam

def my_grad_cam(feature_maps, gradients):
    e = numpycam.grad_cam_from_maps(feature_maps, gradients)
    return e.alphas, e.weighted_sum, e.localization_map
"""
PLANTED = "The ReLU is missing"


def run(*command):
    """Run a command of nbgrader in this folder."""
    binaries = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def hand_in(student, name, answer):
    """Write what a student hands in: the released notebook with ``answer(cell)`` in each cell of an exercise."""
    notebook = json.loads(Path(f"release/numpycam/{name}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = answer("".join(cell["source"]))
    folder = Path(f"submitted/{student}/numpycam")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def answers(name):
    """Return the hand-ins: for each student a function of the stub."""
    solutions = course.solutions(name)
    without_relu = "localization_map = np.maximum(weighted_sum, 0)", "localization_map = weighted_sum"
    return {
        "right": lambda stub: answer_to(stub, solutions),
        "blank": lambda stub: stub,
        "wrong": lambda stub: answer_to(stub, solutions).replace(*without_relu),
        "cheat": lambda stub: f"{CHEAT}{stub}",
        "library": lambda stub: LIBRARY if "my_grad_cam" in stub else answer_to(stub, solutions),
    }


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run("numpycam", "course", ".", "--nbgrader", "--hidden", HIDDEN)
        for path in Path("source/numpycam").iterdir():
            if path.stem not in names:
                path.unlink()
        run("nbgrader", "generate_assignment", "numpycam")
        for name in names:
            released = Path(f"release/numpycam/{name}.ipynb").read_text(encoding="utf-8")
            assert HIDDEN not in released
            assert "BEGIN SOLUTION" not in released
            assert CODE_STUB.strip("# ") in released
            for student, answer in answers(name).items():
                hand_in(student, name, answer)
        run("nbgrader", "autograde", "numpycam")
        run("nbgrader", "generate_feedback", "numpycam")
        with Gradebook("sqlite:///gradebook.db") as book:
            found = {one.student.id: (one.score, one.max_score) for one in book.assignment_submissions("numpycam")}
        for student, (score, most) in found.items():
            print(f"{student:8} {score:g} of {most:g}")
        most = found["right"][1]
        assert found["right"] == (most, most)
        assert found["blank"][0] == 0
        assert found["cheat"][0] == 0
        if "01_grad_cam_by_hand" in names:  # the mistake and the library are in its exercise of three stages
            assert abs(most - found["wrong"][0] - 2 / 3) < 1e-9  # one of three stages
            assert most - found["library"][0] == 2
            feedback = Path("feedback/wrong/numpycam/01_grad_cam_by_hand.html").read_text(encoding="utf-8")
            assert PLANTED in feedback
            print("the feedback names the mistake")


if __name__ == "__main__":
    main(sys.argv[1:] or ["01_grad_cam_by_hand"])
