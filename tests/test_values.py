"""Values stay values: copied, pickled, in another process or shared by threads, they are equal and read-only."""

import copy
import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from helpers import same
from hypothesis import given

from numpycam import AvgPool2d, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, grad_cam, worked_example
from numpycam.core.arrays import Value
from numpycam.core.steps import Stages
from numpycam.laws.strategies import network_cases
from numpycam.methods import METHODS, Method, hirescam, method
from numpycam.path import path
from numpycam.targets import Difference, Probability, finer
from numpycam.worked_example import IMAGE


def pickled(value, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(value, protocol))


def arrays_of(value):
    """All arrays that a value holds, at any depth."""
    if isinstance(value, np.ndarray):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    inner = inner or getattr(value, "__dict__", {}).values()
    return [array for one in inner for array in arrays_of(one)]


def equal(a, b):
    """Whether two values are of the same kind and hold the same: arrays number by number, in the same dtype."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and same(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if (hasattr(a, "__dict__") and not callable(a)) or isinstance(a, Conv2d | Network):
        return type(a) is type(b) and equal(vars(a), vars(b))
    return type(a) is type(b) and (a == b or repr(a) == repr(b))


NETWORK = worked_example.network()
FLOATS = worked_example.network("conv", exact=False)
NESTED = Network([("block", FLOATS), ("more", Linear(np.float32([[1, 2], [3, 4]])))], target_layer="block.features")
VALUES = [
    Conv2d(np.ones((2, 1, 1, 3)), np.ones(2), stride=(2, 1)),
    Linear(np.ones((2, 3))),
    ReLU(),
    MaxPool2d((2, 1)),
    AvgPool2d(2, count_include_pad=False),
    GlobalAvgPool2d(),
    NETWORK,
    NESTED,
    grad_cam(NETWORK, IMAGE, 0),
    grad_cam(FLOATS, np.stack([IMAGE, 1 - IMAGE]).astype(float)),
    grad_cam(NETWORK, IMAGE, Difference({0: 1, 1: -1})),
    METHODS["hirescam"].from_maps(np.ones((1, 2, 3)), np.ones((1, 2, 3))),
    path(NETWORK, 0 * IMAGE, IMAGE, 0),
    Difference({0: 1, 1: -1}),
    finer(0, [1]),
    Probability(1),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled, lambda value: pickled(value, 0)])
def test_a_copy_is_equal_and_read_only(value, again):
    other = again(value)
    assert equal(other, value)
    assert not any(array.flags.writeable for array in arrays_of(other))
    if isinstance(value, Value) and again in (copy.copy, copy.deepcopy):
        assert other is value
    assert not any(array.flags.writeable for array in arrays_of(value))


def test_the_parameters_of_an_unpickled_network_are_those_of_its_layers():
    network = pickled(NESTED)
    assert network.parameters["block.features.weight"] is network["block.features"].weight
    with pytest.raises(ValueError, match="read-only"):
        network.parameters["more.weight"][0] = 7


class Own(ReLU):
    """A layer that keeps an array that can be written to."""

    def __init__(self, numbers):
        self._set(numbers=numbers)


def test_a_copy_of_a_value_leaves_the_arrays_of_others_as_they_are():
    numbers = np.ones(3)
    for again in (copy.copy, copy.deepcopy, pickled):
        again(Own(numbers))
    numbers[0] = 7
    assert not pickled(Own(numbers)).numbers.flags.writeable


@given(network_cases())
def test_an_unpickled_network_explains_the_same(case):
    explained = pickled(grad_cam(case.network, case.x, 0))
    again = grad_cam(pickled(case.network), case.x, 0)
    assert isinstance(explained, Stages)
    assert same(explained.localization_map, again.localization_map)
    assert same(explained.network(case.x), case.network(case.x))


# --- Methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_pickled_by_its_name(name):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickled(METHODS[name], protocol) is METHODS[name]
    assert copy.copy(METHODS[name]) is copy.deepcopy(METHODS[name]) is METHODS[name]
    assert len(pickle.dumps(METHODS[name])) < 100


@method("sum of the maps", r"\sum_k A^k", "nobody's", weighs="cells")
def sum_of_maps(feature_maps, gradients):
    return feature_maps


def first_of(evidence):
    return None, evidence.feature_maps[:, :1]


def test_a_method_of_ones_own_is_pickled_too():
    assert pickled(sum_of_maps) is sum_of_maps
    plain = Method("first", "A^1", "nobody's", first_of)  # it has no name of a function, and is pickled whole
    assert same(pickled(plain)(NETWORK, IMAGE, 0).weighted_sum, plain(NETWORK, IMAGE, 0).weighted_sum)


def test_a_changed_method_is_not_taken_for_the_one_it_was_made_of():
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(replace(hirescam, name="mine"))


@pytest.mark.skipif(sys.platform == "emscripten", reason="a browser has no processes")
def test_other_processes_explain_the_same():
    names = ["layercam", "guided_grad_cam"]
    image = IMAGE.astype(float)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(METHODS[name], FLOATS, image, 0) for name in names]
        for name, one in zip(names, waiting, strict=True):
            explanation = one.result(timeout=120)
            assert explanation.method == METHODS[name].name
            assert equal(explanation, METHODS[name](FLOATS, image, 0))
            assert not explanation.localization_map.flags.writeable


# --- Threads ----------------------------------------------------------------------------------------------------------


class Meeting(ReLU):
    """A ReLU at which two threads wait for each other. So each has run forward before any of them runs back."""

    def __init__(self):
        self._set(together=threading.Barrier(2), is_open=threading.Event())

    def forward(self, x):
        if not self.is_open.is_set():
            self.together.wait(timeout=60)
        return super().forward(x)


RANDOM = np.random.default_rng(4)
PICTURES = RANDOM.random((2, 1, 9, 12))
SHARED = [
    ("conv", Conv2d(RANDOM.normal(size=(6, 1, 3, 3)), padding=1)),
    ("relu", ReLU()),
    ("pool", MaxPool2d(2)),
    ("features", Conv2d(RANDOM.normal(size=(8, 6, 3, 2)), RANDOM.normal(size=8))),
    ("last", ReLU()),
    ("mean", GlobalAvgPool2d()),
    ("linear", Linear(RANDOM.random((3, 8)))),
]


@pytest.mark.skipif(sys.platform == "emscripten", reason="a browser has no threads")
@pytest.mark.parametrize("name", ["grad_cam", "layercam", "guided_grad_cam", "score_cam", "smooth_grad"])
def test_threads_that_share_a_network_explain_as_one_after_another(name):
    """To the bit: each runs the same operations on arrays of its own."""
    meeting = Meeting()
    network = Network([*SHARED[:-2], ("meeting", meeting), *SHARED[-2:]], target_layer="pool")

    def explain(image):
        return METHODS[name](network, image, 0).weighted_sum.tobytes()

    with ThreadPoolExecutor(2) as pool:
        together = [*pool.map(explain, PICTURES)]
    meeting.is_open.set()
    assert together == [explain(image) for image in PICTURES]
    assert together[0] != together[1]
