"""The checks of the two networks make their 400 drawings anew each time: in the tests, once."""

from functools import cache

import pytest

from numpycam.experiments.drawings import draw


@pytest.fixture(scope="session", autouse=True)
def draw_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numpycam.checks.a_tiny_cnn_learns.draw", cache(draw))
        yield
