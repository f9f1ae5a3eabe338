"""Numbers and tables as text."""

import sys
from types import SimpleNamespace

from numpycam.text import format_number, progress_bar


def test_numbers_are_written_short_with_a_true_minus():
    values = (16.125, -2.0250000000000004, -0.0, 1 / 3, -0.00502421, 1234567.0, -10.625)
    assert [format_number(value) for value in values] == [
        "16.125", "−2.025", "0", "0.33333", "−0.00502", "1.23e+06", "−10.625"]  # fmt: skip


def test_a_progress_bar_is_shown_if_tqdm_is_there(monkeypatch):
    def tqdm(steps, leave, disable):
        assert leave is False
        assert disable is None  # only where there is a terminal
        return (f"step {step}" for step in steps)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=tqdm))
    assert [*progress_bar()(range(2))] == ["step 0", "step 1"]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert [*progress_bar()(range(2))] == [0, 1]
