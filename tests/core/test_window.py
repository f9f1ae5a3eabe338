"""The window that slides over a map: which cells it meets."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpycam.core.window import Window

windows = st.builds(
    Window,
    size=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 5), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 2)),
)


@given(windows, st.integers(0, 1), st.integers(0, 9), st.integers(0, 9), st.integers(-9, 9))
def test_the_overlaps_are_the_inputs_that_each_output_meets(window, axis, inputs, outputs, start):
    """Output i meets input s i + d u - p + start, if there is such an input."""
    s, p, d = window.stride[axis], window.padding[axis], window.dilation[axis]
    for u, (seeing, seen) in enumerate(window.overlaps(axis, inputs, outputs, start)):
        places = {i: s * i + d * u - p + start for i in range(outputs)}
        expected = [(i, at) for i, at in places.items() if 0 <= at < inputs]
        pairs = zip(range(outputs)[seeing], range(inputs)[seen], strict=True)
        assert list(pairs) == expected


@given(windows, st.integers(0, 9), st.integers(0, 5), st.integers(1, 5))
def test_the_rows_read_are_those_from_the_first_to_the_last_that_the_windows_see(window, height, top, rows):
    """From the first to the last row that windows on these rows see, as far as the map goes."""
    s, p, d = window.stride[0], window.padding[0], window.dilation[0]
    seen = [s * i - p + d * u for i in range(top, top + rows) for u in range(window.size[0])]
    first, last = window.rows_read(top, top + rows, height)
    assert list(range(first, last)) == [row for row in range(min(seen), max(seen) + 1) if 0 <= row < height]
    assert 0 <= first <= last <= height
    assert window.rows_needed(rows) == max(seen) - min(seen) + 1


def test_scatter_of_windows_with_holes_is_the_adjoint_of_taps():
    """A stride as large as the window, and they overlap all the same."""
    window, x = Window((2, 1), (2, 1), (0, 0), (2, 1)), np.ones((6, 1))
    assert window.scatter(window.taps(x), x.shape, like=x).ravel().tolist() == [1, 0, 2, 0, 1, 0]


@pytest.mark.parametrize("count", [1, 3])
def test_scatter_takes_one_piece_for_each_cell_of_the_window(count):
    window, x = Window((2, 1), (1, 1), (0, 0)), np.ones((2, 3))
    with pytest.raises(ValueError, match="zip"):
        window.scatter([np.ones((1, 3))] * count, x.shape, like=x)


def test_a_window_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Window((2, 1), (1, 1), (0, 0)).size = (1, 1)
