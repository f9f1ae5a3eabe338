"""No right function is called wrong in float32, no case is left out there, and what is wrong is found there, too."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import some

from laws.float32 import RIGHT
from numpycam import Conv2d, Flatten, Linear, Network, ReLU, laws
from numpycam.laws.engine import agree

EACH = pytest.mark.parametrize("name", some(RIGHT, 6))


def not_asked(report):
    """The laws that were not asked, but for that of batches, where a function takes one image."""
    return [entry.law.id for entry in report.entries if not entry.cases and "no N" not in entry.reason]


@EACH
def test_no_right_function_is_called_wrong_on_the_sweep_and_float32_loses_no_case(name):
    double, single = (laws.BOOKS[name].verify(**RIGHT[name], dtype=dtype) for dtype in ("float64", "float32"))
    assert not_asked(double) == not_asked(single) == []
    for entry in double.entries:
        assert single[entry.law.id].cases == sum(case.kind != "fractions" for case in entry.held), entry.law.id


@EACH
def test_no_right_function_is_called_wrong_in_drawn_cases_of_float32(name):
    report = laws.BOOKS[name].verify(**RIGHT[name], dtype="float32", how="hypothesis")
    assert not_asked(report) == []


def test_every_book_but_that_of_a_network_has_a_right_function_here():
    assert laws.BOOKS.keys() - RIGHT.keys() == {"network"}


BUFFERS = {}


def in_a_buffer(x):
    return np.maximum(x, 0, out=BUFFERS.setdefault(x.shape, np.zeros_like(x)))


def in_place(x):
    return np.maximum(x, 0, out=x)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("forward", "broken"), [(in_place, ["pure", "own"]), (in_a_buffer, ["kept"])])
def test_a_result_that_is_no_array_of_its_own_is_found_in_each_precision(forward, broken, dtype):
    BUFFERS.clear()
    report = laws.relu.verify(forward=forward, dtype=dtype, raises=False)
    assert {*broken} <= {entry.law.id for entry in report.broken}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", some(range(6)))
def test_a_network_with_any_weights_is_right_and_its_slope_is_asked(seed, dtype):
    rng = np.random.default_rng(seed)
    network = Network([
        ("conv", Conv2d(rng.normal(size=(2, 2, 3, 3)))), ("relu", ReLU()),
        ("conv2", Conv2d(rng.normal(size=(2, 2, 3, 3)))), ("relu2", ReLU()),
        ("flatten", Flatten()), ("linear", Linear(rng.normal(size=(2, 2)))),
    ])  # fmt: skip
    network = network.with_parameters({name: value.astype(dtype) for name, value in network.parameters.items()})
    report = laws.network.verify(forward=network.forward, backward=network.backward, input_shape=(2, 5, 5), dtype=dtype)
    assert report["slope"].cases > 0


def test_a_wrong_gradient_of_a_network_is_found_in_float32():
    def backward(grad_output, x):
        return 1.25 * laws.network.right()["backward"](grad_output, x)

    report = laws.network.verify(**laws.network.right() | {"backward": backward}, dtype="float32", raises=False)
    assert report["slope"].violations


def test_fractions_that_met_a_float_are_compared_as_floats():
    """NumPy has whole numbers in such arrays, and one of them divided by another is a float."""
    third = np.array([Fraction(1, 3)], dtype=object)
    assert agree("=", third + 0.0, third).all()
    assert agree("=", np.array([1 / 3]), third).all()
    assert not agree("=", third + 1e-5, third).any()
    assert not agree("=", third + Fraction(1, 10**12), third).any()
