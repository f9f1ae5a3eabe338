"""Hypothesis profiles, loaded before any test is imported: ``@given`` binds its settings when it decorates."""

import os

import pytest
from hypothesis import Phase, settings

collect_ignore = ["fuzz"]  # it runs for a given time: make fuzz
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
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """``write_files`` waits until the disk has what it writes. No test pulls the plug, so none need wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield
