"""What rounding may do: no right function is called wrong, in float64 or float32, and no float32 hides in float64."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal

from numpycam import Conv2d, Flatten, Linear, Network, ReLU, laws
from numpycam.laws.rounding import Sized, largest_size, sized


def conv(x, weight, bias=None, stride=1, padding=0):
    """A convolution that sums in another order than the definition."""
    (sy, sx), (py, px) = (one if isinstance(one, tuple) else (one, one) for one in (stride, padding))
    padded = np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))[:, :, ::sy, ::sx]
    y = np.einsum("ncijuv,ocuv->noij", windows, weight)
    return y if bias is None else y + bias[:, None, None]


def alphas(A, g):
    """XGrad-CAM's weights: where the cells of a map nearly cancel, their rounding is multiplied."""
    return (A * g).sum(axis=(1, 2)) / A.sum(axis=(1, 2))


def test_a_right_function_in_float32_is_right_if_it_is_declared():
    report = laws.conv2d.verify(forward=conv, dtype="float32")
    assert report["definition"].cases > 200
    assert report.numbers["fractions"] == "not asked: the functions compute in float32"


def test_float32_in_a_function_of_float64_is_found_by_floats_alone():
    def short(x, weight):
        return conv(x.astype(np.float32), weight.astype(np.float32)).astype(float)

    report = laws.conv2d.verify(forward=short, raises=False)
    assert {violation.trial.case.kind for violation in report["definition"].violations} == {"floats"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_function_is_wrong_in_each_precision(dtype):
    report = laws.conv2d.verify(forward=lambda x, weight: conv(x, weight[..., ::-1]), dtype=dtype, raises=False)
    assert report["definition"].violations
    assert report["linear-x"].state == "held"


def test_a_convention_is_recognised_in_float32():
    def place(heat, size):
        columns = np.arange(size[1]) * heat.shape[1] // size[1]
        return heat[:, columns] * np.float32(1 + 2.0**-22)  # as rounding may have it

    report = laws.resize.verify(resize=place, dtype="float32", raises=False)
    assert report.conventions == {"where the cells of the result lie": "nearest, place i n/m"}


def test_the_precision_is_one_of_two():
    def float16():
        laws.conv2d.verify(forward=conv, dtype="float16")

    assert refusal(ValueError, float16) == "dtype must be one of 'float64', 'float32', got 'float16'."


def test_a_nearly_vanishing_sum_multiplies_what_rounding_does():
    """The last cell nearly cancels the others: alpha is off by much more than n u of its terms, as its size says."""
    rng = np.random.default_rng(1)
    maps, g = rng.uniform(0, 1, (50, 2, 2)), rng.uniform(-1, 1, (50, 2, 2))
    maps[:, 1, 1] -= maps.sum(axis=(1, 2)) - 2.0**-12
    off = abs(alphas(maps.astype(np.float32), g.astype(np.float32)) - alphas(maps, g))
    sizes = np.array([size.size for size in alphas(sized(maps), sized(g))])
    n, u = maps[0].size + g[0].size, 2.0**-24
    assert (off <= n * u * sizes).all()
    assert (off > 100 * n * u * abs(alphas(maps, abs(g)))).any()


def test_a_size_follows_the_formula():
    a, b = Sized(3.0, 3.0), Sized(-2.0, 2.0)
    assert [(one.value, one.size) for one in (a + b, a - b, 1 - b, a * b, a / b, -a, abs(b), a**3, 1 / b)] == [
        *((1, 5), (5, 5), (3, 3), (-6, 12), (-1.5, 3), (-3, 3), (2, 2), (27, 81), (-0.5, 1))
    ]
    assert (a > b, a >= 3, b < 0, b <= -3, a == 3, bool(a - 3), hash(a)) == (*[True] * 3, False, True, False, hash(3.0))
    others = np.exp(Sized(0.0, 3.0)), np.log(Sized(1.0, 3.0)), np.round(Sized(2.6, 9.0))
    assert [(one.value, one.size) for one in others] == [(1, 4), (0, 3), (3, 3)]
    assert largest_size(np.array([a, Fraction(-7, 2)], dtype=object)) == 3.5
    assert largest_size(np.zeros((0,))) == 0


NETWORK = Network([
    ("conv", Conv2d(np.arange(36.0).reshape(2, 2, 3, 3) % 7 - 3)), ("relu", ReLU()), ("flatten", Flatten()),
    ("linear", Linear(np.arange(36.0).reshape(2, 18) % 5 - 2)),
])  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_of_another_shape_than_the_books_own_is_asked(dtype):
    network = NETWORK.with_parameters({name: value.astype(dtype) for name, value in NETWORK.parameters.items()})
    report = laws.network.verify(forward=network.forward, backward=network.backward, input_shape=(2, 5, 5), dtype=dtype)
    assert report.is_right
    assert all(entry.cases for entry in report.entries)
