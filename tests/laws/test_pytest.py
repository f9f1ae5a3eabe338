"""Laws as tests of pytest, in a run of its own: a test for each law, with what was found as its result."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import numpy as np
from numpycam import laws


def relu(x):
    return np.where(x > 0, x, 0.0)


def relu_backward(dout, x):
    return dout.copy()


@laws.relu.parametrize(forward=relu, backward=relu_backward)
def test_both(check):
    check()


@laws.relu.parametrize(forward=relu, expected_failures={"nan": "np.where", "halves": "no reason at all"})
def test_forward(check):
    check()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "test_theirs.py").write_text(TESTS)
    return run_in(folder)


def run_in(folder):
    command = [sys.executable, "-m", "pytest", "-v", "-rsxX", "-p", "no:cacheprovider", "--rootdir", str(folder), "."]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": str(root), "PATH": "", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_each_law_is_a_test_with_its_id(run):
    assert "test_theirs.py::test_both[definition] PASSED" in run.stdout
    assert "test_theirs.py::test_both[gate] FAILED" in run.stdout
    assert "test_theirs.py::test_both[nan] FAILED" in run.stdout


def test_a_law_that_cannot_be_asked_is_skipped_with_the_reason(run):
    assert "test_theirs.py::test_forward[gate] SKIPPED (not asked: there is no backward)" in run.stdout


def test_an_expected_failure_needs_its_reason_and_must_fail(run):
    assert "XFAIL test_theirs.py::test_forward[nan] - np.where" in run.stdout
    assert "[XPASS(strict)] no reason at all" in run.stdout


def test_the_failure_is_the_lesson_and_no_way_through_our_files(run):
    assert re.search(r"^E +dx should be \[0\], yours is \[1\]$", run.stdout, re.MULTILINE)
    assert "  gate is broken, too. Mend that first." in run.stdout  # in the lesson about euler
    assert "  Also broken: euler. Mend this first, then ask again." in run.stdout
    assert "raise LawViolation" not in run.stdout


def test_an_unknown_law_among_the_expected_failures_is_refused(tmp_path):
    (tmp_path / "test_theirs.py").write_text(TESTS.replace('"nan"', '"nam"'))
    assert "expected_failures must be one of 'definition', 'halves'" in run_in(tmp_path).stdout
