"""The lab is built, served as files, and used in Chromium as a student uses it.

pytest tests/lab/walk.py    # two minutes; with NUMPYCAM_LAB=FOLDER it takes a lab that is built
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import lab
import pytest
from chromium import served

ROOT = Path(__file__).parents[2]
NAME = "01_grad_cam_by_hand.ipynb"
UNAVAILABLE = 69
WRONG = "def my_alphas(gradients):\n    return gradients.sum(axis=(1, 2))"
RIGHT = "def my_alphas(gradients):\n    return gradients.mean(axis=(1, 2))"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    if os.environ.get("NUMPYCAM_LAB"):
        return Path(os.environ["NUMPYCAM_LAB"])
    out = tmp_path_factory.mktemp("site") / "lab"
    done = subprocess.run([sys.executable, ROOT / "docs" / "lab" / "build.py", out], capture_output=True, text=True)
    if done.returncode == UNAVAILABLE:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return out


def test_a_student_answers_wrongly_then_rightly_and_runs_the_notebook_to_its_end(folder, chromium, tmp_path):
    stored = json.loads((ROOT / "notebooks" / NAME).read_text(encoding="utf-8"))
    with served(folder) as address:
        visit = lab.Visit(chromium, address, "notebooks")
        visit.open(NAME)
        sources = ["".join(cell["source"]) for cell in visit.cells()]
        exercise = next(n for n, source in enumerate(sources) if source.startswith("def my_alphas"))
        check = next(n for n, source in enumerate(sources) if "check_alphas(my_alphas)" in source)

        visit.replace(exercise, WRONG)
        visit.run_all()  # its other exercises are not solved
        cells = visit.cells()
        hint = "\n".join(lab.shown(cells[check]))
        assert "take the mean instead of the sum" in hint
        different = lab.differences(stored, cells)
        assert [source for source, _, _ in different] == [sources[check]]

        visit.replace(exercise, RIGHT)
        visit.run_here(2 + check - exercise - 1)
        (said,) = lab.shown(visit.cells()[check])
        assert said.startswith("✓")

        visit.page.keyboard.press("Control+s")
        visit.come_back_to(NAME)
        assert visit.cells()[exercise]["source"] == RIGHT
        visit.close()
    assert visit.outside == []
    assert visit.missing == []
