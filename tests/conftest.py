"""Hypothesis profiles, loaded before any test is imported: ``@given`` binds its settings when it decorates."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

collect_ignore = ["fuzz", "grading", "lab"]  # they run by themselves: make fuzz, make grading, make lab
collect_ignore += ["peers/adapters.py", "peers/keras_adapters.py", "peers/conformance.py"]  # they need what they ask

# Timings are never tested, so no deadline.
settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.register_profile(
    "mutation",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # that a mistake is found is enough; its smallest example is not needed
    report_multiple_bugs=False,
)
settings.register_profile(  # for thousands of mutants, one after another: make mutation
    "mutants",
    settings.get_profile("mutation"),
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow],  # it would pass for a kill
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """``write_files`` waits until the disk has what it writes. No test pulls the plug, so none need wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def chromium():
    """A browser for one module. Playwright has a loop as long as it runs, and other modules run loops of their own."""
    from chromium import CHROMIUM, launched

    pytest.importorskip("playwright.sync_api", reason="to look at pages, pip install --editable '.[browser]'")
    if CHROMIUM is None:
        pytest.skip("to look at pages, install Chromium")
    with launched() as browser:
        yield browser


def pytest_collection_modifyitems(items):
    """Ask what takes long last: most mutants are killed before."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "mutants":
        items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))
