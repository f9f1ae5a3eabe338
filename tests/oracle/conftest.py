"""Say how many drawn cases agreed with torch; where the oracle is required, they must be many."""

import sys

import pytest

ENOUGH = 3100


def pytest_sessionfinish(session):
    oracle = sys.modules.get("against_torch")
    if oracle is not None and oracle.REQUIRED and oracle.agreed.total() < ENOUGH:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    oracle = sys.modules.get("against_torch")
    if oracle is not None and oracle.agreed:
        required = f", {ENOUGH} are required" if oracle.REQUIRED else ""
        counted = f"{oracle.agreed.total()} drawn cases agreed with torch {oracle.torch.__version__}"
        terminalreporter.write_line(f"oracle: {counted}{required}")
