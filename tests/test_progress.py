"""The bar that the commands show. What ``progress`` must not do is told by the tests of fit and of the methods."""

import sys
from types import SimpleNamespace

from numpycam.progress import progress_bar


def test_a_progress_bar_is_shown_if_tqdm_is_there(monkeypatch):
    def tqdm(steps, leave, disable):
        assert leave is False
        assert disable is None  # only where there is a terminal
        return (f"step {step}" for step in steps)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=tqdm))
    assert [*progress_bar()(range(2))] == ["step 0", "step 1"]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert [*progress_bar()(range(2))] == [0, 1]
