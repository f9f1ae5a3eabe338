"""Every exhibit of the bug museum is found by the test that is named for it."""

import pytest
from hypothesis import settings
from museum import MUSEUM

from numpycam.path import TooManyKinksError, path


@pytest.mark.filterwarnings("ignore:overflow")  # a mistake may make one
@pytest.mark.parametrize("exhibit", MUSEUM, ids=lambda exhibit: exhibit.mistake)
def test_the_named_test_finds_the_mistake(exhibit, monkeypatch):
    if hasattr(exhibit.found_by, "hypothesis"):
        monkeypatch.setattr(exhibit.found_by, "_hypothesis_internal_use_settings", settings.get_profile("mutation"))
    monkeypatch.setattr(exhibit.where, exhibit.name, exhibit.wrong)
    monkeypatch.setitem(path.__kwdefaults__, "max_kinks", 50)  # a path that finds no end is given up soon, and is found
    with pytest.raises((AssertionError, TooManyKinksError, pytest.fail.Exception)):  # the last: what is not refused
        exhibit.found_by()
