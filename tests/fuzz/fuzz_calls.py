"""Calls public functions with one odd argument each, and checks what comes of it.

    python tests/fuzz calls --seconds 60 --seed 1

draws a function, one of its arguments and an odd value, and calls the function with good values for all others. Then
one of two things must happen:

- It returns. There is no warning of NumPy's, no argument has changed, and no NaN has appeared. Where the odd value is
  only another form of the good one, such as a list instead of an array, the result is the same as for the good one.
- It refuses, with a TypeError, a ValueError or an error of numpycam's own, which numpycam itself has raised. The
  message is one line of at most 400 characters, and it names the argument. For a path, an OSError will do.

What breaks a rule can be seen again: python tests/fuzz/fuzz_calls.py FUNCTION ARGUMENT ODD.
"""

import contextlib
import io
import linecache
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import numpycam
from numpycam import (
    AvgPool2d,
    Conv2d,
    Explanation,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    display,
    drawings,
    exact,
    grad_cam,
    interventions,
    methods,
    metrics,
    pretrained,
    report,
    resize,
    storage,
    targets,
    training,
    worked_example,
    wrappers,
)
from numpycam.about import About
from numpycam.methods.quadrature import midpoint_error
from numpycam.path import path

LONGEST_CALL, LONGEST_MESSAGE = 20, 400  # seconds, characters
PACKAGE = str(Path(numpycam.__file__).parent)

# --- What is called: each function with good arguments --------------------------------------------------------------

RNG = np.random.default_rng(0)
KERNEL, HEAD = RNG.normal(size=(3, 1, 2, 3)), RNG.normal(size=(2, 3))
IMAGE, BATCH = RNG.random((1, 5, 7)), RNG.random((2, 1, 5, 7))
NETWORK = Network([("conv", Conv2d(KERNEL)), ("relu", ReLU()), ("gap", GlobalAvgPool2d()), ("linear", Linear(HEAD))])
BLOCK = Network([*NETWORK.layers[:2], ("pool", MaxPool2d(2, 1)), *NETWORK.layers[2:]])
ACTIVATIONS = NETWORK.activations(BATCH)
EXPLANATION, EXPLANATIONS = grad_cam(NETWORK, IMAGE, 0), grad_cam(NETWORK, BATCH, 0)
MAPS, MASKS = RNG.random((2, 5, 7)), RNG.random((2, 5, 7)) < 0.5
SOME = drawings.draw(4)
FOLDER = tempfile.mkdtemp()
NETWORK.save(f"{FOLDER}/network.npz")
Path(f"{FOLDER}/picture.png").write_bytes(display.as_png(np.zeros((4, 6, 3), np.uint8)))
PATH = path(NETWORK, 0 * IMAGE, IMAGE, 0)

CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Conv2d": (Conv2d, {"weight": KERNEL, "bias": np.ones(3), "stride": 1, "padding": (0, 1), "dilation": 1}),
    "Linear": (Linear, {"weight": HEAD, "bias": np.ones(2)}),
    "MaxPool2d": (MaxPool2d, {"kernel_size": (2, 3), "stride": 1, "padding": 1}),
    "AvgPool2d": (AvgPool2d, {"kernel_size": 2, "stride": None, "padding": 0, "count_include_pad": False}),
    "Network": (Network, {"layers": NETWORK.layers, "target_layer": "relu", "about": About()}),
    "Network.forward": (NETWORK.forward, {"x": BATCH}),
    "Network.activations": (NETWORK.activations, {"x": BATCH, "since": "conv"}),
    "Network.gradients": (
        NETWORK.gradients,
        {"activations": ACTIVATIONS, "grad_output": np.ones((2, 2)), "to": "conv"},
    ),
    "Network.backward": (NETWORK.backward, {"grad_output": np.ones((2, 2)), "x": BATCH}),
    "Network.parameter_gradients": (NETWORK.parameter_gradients, {"grad_output": np.ones((2, 2)), "x": BATCH}),
    "Network.split": (NETWORK.split, {"name": "relu"}),
    "Network.shapes": (NETWORK.shapes, {"input_shape": (1, 1, 5, 7)}),
    "Network.summary": (NETWORK.summary, {"input_shape": (1, 5, 7)}),
    "Network.with_parameters": (NETWORK.with_parameters, {"parameters": NETWORK.parameters}),
    **{
        f"{type(layer).__name__}.{what}": (getattr(layer, what), {"grad_output": layer(x), "x": x} if two else {"x": x})
        for layer, x in [
            (Conv2d(KERNEL), BATCH),
            (ReLU(), BATCH),
            (MaxPool2d(2), BATCH),
            (AvgPool2d(2), BATCH),
            (Flatten(), BATCH),
            (GlobalAvgPool2d(), BATCH),
            (Linear(HEAD), np.ones((4, 3))),
        ]
        for what, two in (("forward", False), ("backward", True), ("parameter_gradients", True))
    },
    **{
        f"methods.{name}": (
            method,
            {"network": NETWORK, "image": IMAGE, "class_index": 0}
            | ({} if method.layer else {"layer": "conv" if name != "cam" else "relu"}),
        )
        for name, method in methods.METHODS.items()
    },
    "grad_cam": (grad_cam, {"network": BLOCK, "image": BATCH, "class_index": [0, 1], "layer": "pool"}),
    "grad_cam_from_maps": (numpycam.grad_cam_from_maps, {"feature_maps": MAPS, "gradients": MAPS}),
    "integrated_gradients": (
        methods.integrated_gradients,
        {
            "network": BLOCK,
            "image": IMAGE,
            "class_index": 0,
            "baseline": 0,
            "steps": 3,
            "max_kinks": 9,
            "batch_size": 2,
            "progress": iter,
        },
    ),
    "smooth_grad": (
        methods.smooth_grad,
        {"network": NETWORK, "image": IMAGE, "samples": 3, "sigma": 0.1, "seed": 0, "batch_size": 2},
    ),
    "occlusion": (
        methods.occlusion,
        {"network": NETWORK, "image": IMAGE, "size": (2, 3), "stride": 1, "baseline": 0.5},
    ),
    "midpoint_error": (midpoint_error, {"network": BLOCK, "image": IMAGE, "class_index": 0, "baseline": 0, "steps": 2}),
    "with_mirror": (wrappers.with_mirror(grad_cam), {"network": NETWORK, "image": IMAGE, "class_index": 0}),
    "over_layers": (wrappers.over_layers, {"method": grad_cam, "layers": ["conv", "relu"]}),
    "exact.as_fractions": (exact.as_fractions, {"value": IMAGE}),
    "exact.as_floats": (exact.as_floats, {"value": IMAGE, "dtype": np.float32}),
    "resize": (resize.resize, {"maps": MAPS, "size": (3, 9), "interpolation": "nearest", "align_corners": False}),
    "normalise": (resize.normalise, {"maps": MAPS}),
    "Difference": (targets.Difference, {"weights": {0: 1, 1: -1}}),
    "Probability": (targets.Probability, {"class_index": 1}),
    "finer": (targets.finer, {"class_index": 0, "others": [1, 2], "gamma": 1}),
    "receptive_field": (
        interventions.receptive_field,
        {"network": BLOCK, "cell": (1, 2), "image_size": (5, 7), "layer": "pool"},
    ),
    "erase": (interventions.erase, {"image": IMAGE, "where": (slice(0, 2), 3), "baseline": 0.5}),
    "patch_drops": (
        interventions.patch_drops,
        {"network": NETWORK, "image": IMAGE, "class_index": 0, "layer": "conv", "baseline": 0},
    ),
    "add_to_cell": (
        interventions.add_to_cell,
        {"network": NETWORK, "image": IMAGE, "cell": (0, 1, 2), "amount": 1, "layer": "conv"},
    ),
    "path": (path, {"network": BLOCK, "baseline": 0 * IMAGE, "image": IMAGE, "class_index": 0, "max_kinks": 99}),
    "pointing_game": (metrics.pointing_game, {"maps": MAPS, "masks": MASKS}),
    "energy_inside": (metrics.energy_inside, {"maps": MAPS, "masks": MASKS}),
    "intersection_over_union": (metrics.intersection_over_union, {"maps": MAPS, "masks": MASKS, "threshold": 0.5}),
    "area_under": (metrics.area_under, {"curves": MAPS}),
    "background_share": (metrics.background_share, {"explanation": EXPLANATION, "kernels": [0, 2]}),
    **{
        name: (
            getattr(metrics, name),
            {"network": NETWORK, "image": IMAGE, "heat": MAPS[0], "class_index": 0, "baseline": 0, "steps": 4},
        )
        for name in ("deletion_curve", "insertion_curve")
    },
    "storage.save": (storage.save, {"network": NETWORK, "path": f"{FOLDER}/again.npz"}),
    "Network.save": (NETWORK.save, {"path": f"{FOLDER}/third.npz", "about": "", "mean": 0, "std": 1, "size": 3}),
    "Network.load": (Network.load, {"path": f"{FOLDER}/network.npz"}),
    "About": (About, {"text": "", "mean": [0.5], "std": 2, "size": (3, 4), "class_names": ["a", "b"]}),
    "report.save": (report.save, {"explanation": EXPLANATION, "folder": f"{FOLDER}/out", "title": "", "about": {}}),
    "plot": (EXPLANATION.plot, {"title": "", "interpolation": "nearest", "most_maps": 2}),
    "Explanation[n]": (EXPLANATIONS.__getitem__, {"index": 0}),
    "overlay": (display.overlay, {"image": IMAGE, "heat": MAPS[0], "strength": 0.5}),
    "as_uint8": (display.as_uint8, {"picture": IMAGE[0]}),
    "as_png": (display.as_png, {"picture": np.moveaxis(RNG.random((3, 5, 7)), 0, -1)}),
    "read_image": (display.read_image, {"path": f"{FOLDER}/picture.png"}),
    "figure_of_maps": (display.figure_of_maps, {"maps": MAPS, "symbol": "A"}),
    "figure_of_path": (display.figure_of_path, {"path": PATH}),
    "figure_of_stage": (display.figure_of_stage, {"explanation": EXPLANATION, "stage": "alphas"}),
    "figure_of_kernels": (display.figure_of_kernels, {"explanation": EXPLANATION, "most_maps": 2, "title": ""}),
    "with_picture": (display.with_picture, {"explanation": EXPLANATION, "picture": IMAGE}),
    "draw": (
        drawings.draw,
        {"count": 2, "seed": 0, "size": 16, "colour": False, "confounded": False, "animals": "cat", "grass": True},
    ),
    "fit": (
        training.fit,
        {
            "network": NETWORK,
            "images": BATCH,
            "labels": np.array([0, 1]),
            "loss": training.softmax_cross_entropy,
            "epochs": 1,
            "batch_size": 2,
            "learning_rate": 0.1,
            "momentum": 0.5,
            "weight_decay": 0.0,
            "seed": 0,
            "fixed": (),
            "callback": None,
            "progress": iter,
        },
    ),
    "softmax_cross_entropy": (training.softmax_cross_entropy, {"scores": np.ones((2, 3)), "labels": np.array([0, 2])}),
    "sigmoid_cross_entropy": (training.sigmoid_cross_entropy, {"scores": np.ones((2, 3)), "labels": np.eye(2, 3)}),
    "load_pretrained": (pretrained.load_pretrained, {"name": "drawings"}),
    "measure": (pretrained.measure, {"network": pretrained.untrained(), "drawings": SOME}),
    "worked_example.network": (worked_example.network, {"head": "conv", "exact": True}),
}

WORDS = {  # by which other words a message may name an argument
    "image_size": "cell",
    "image": "where|baseline|picture|x|images|layer|numbers of this network",
    "images": "x|image|layer|fit trains with floats",
    "weight_decay": "training diverged",
    "x": "grad_output|kernel of size|layer|Conv2d|Linear|Flatten|Pool2d",
    "grad_output": "gradient",
    "layers": "layer|name|Network|parameters",
    "name": "layer",
    "since": "layer",
    "to": "layer",
    "layer": "layers|CAM needs a head",
    "target_layer": "layer",
    "baseline": "image|numbers of this network",
    "parameters": "weight|bias|parameter|conv|linear",
    "activations": "x",
    "input_shape": "x|layer|Conv2d",
    "where": "mask",
    "weights": "class|weight|Difference",
    "others": "class|weights|class_index",
    "value": "as_fractions|as_floats|array|string|Fraction",
    "index": "Explanation",
    "path": "file|network|picture",
    "folder": "file",
    "mean": "channel",
    "picture": "image",
    "masks": "mask",
    "maps": "map|masks",
    "heat": "map|maps",
    "kernels": "kernel|feature maps",
    "size": "side",
    "gamma": "weights|weight",
    "text": "about",
    "about": "text|name|JSON",
    "curves": "curve",
    "class_index": "class|target",
    "drawings": "Drawings",
    "cell": "row|column",
    "feature_maps": "gradients",
    "labels": "label",
    "scores": "score|labels",
    "network": "layer|layers",
    "dtype": "float",
    "loss": "loss",
    "explanation": "Explanation",
    "method": "method",
    "layer_names": "layers",
    "title": "title",
}

# --- Odd values, made of the good one -------------------------------------------------------------------------------


class Raising:
    """An object whose conversion to an array raises."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("this array does not come")


class Own(Layer):
    """A layer that returns None."""

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, x: Any) -> Any:
        return None

    def backward(self, grad_output: Any, x: Any) -> Any:
        return None


def spoilt(value: float) -> Callable[[Any], Any]:
    """Return a function that puts a number into the place of an array's first."""

    def spoil(good: Any) -> Any:
        array = np.array(good, float)
        if not array.size:
            return value
        array.flat[0] = value
        return array

    return spoil


ODD: dict[str, Callable[[Any], Any]] = {
    **{
        repr(value): lambda _, value=value: value
        for value in [
            None,
            True,
            False,
            0,
            -1,
            1,
            2,
            3,
            2**63,
            2**70,
            -(2**70),
            0.0,
            1.5,
            -0.0,
            1e308,
            5e-324,
            np.nan,
            np.inf,
            -np.inf,
            1j,
            "",
            "a",
            "\x00",
            "\ud800",
            "conv",
            "input",
            b"a",
            (),
            [],
            {},
            set(),
            (1,),
            (1, 2),
            [2, 3],
            (0, 0),
            (-1, 2),
            (1, 2, 3),
            (1.5, 2),
            (True, 2),
            ("a", "b"),
            [None],
            [[]],
            [[1.0], [1.0, 2.0]],
            {"a": 1},
            {0: np.nan},
            Fraction(1, 3),
            Decimal("0.5"),
            slice(None),
            slice(0.0, 1.0),
            range(3),
            ...,
            NotImplemented,
            date(2020, 1, 1),
            np.int64(1),
            np.uint8(200),
            np.float32(0.5),
            np.float16(7),
            np.bool_(True),
            np.str_("conv"),
            float,
            int,
            object,
            np.float16,
            "float32",
            "U3",
        ]
    },
    "10**5000": lambda _: 10**5000,  # Python writes no int of so many digits
    "'x' * 10**6": lambda _: "x" * 10**6,
    "np.sum": lambda _: np.sum,
    "object()": lambda _: object(),
    "Raising()": lambda _: Raising(),
    "lambda: None": lambda _: lambda: None,
    "lambda *a: None": lambda _: lambda *a, **k: None,
    "a generator": lambda _: (n for n in range(2)),
    "Path('.')": lambda _: Path("."),
    "a network": lambda _: NETWORK,
    "a network with a layer of None": lambda _: Network([("own", Own()), *NETWORK.layers]),
    "a network without layers": lambda _: Network([]),
    "a layer": lambda _: ReLU(),
    "an explanation": lambda _: EXPLANATION,
    "a batch of explanations": lambda _: EXPLANATIONS,
    "empty": lambda _: np.zeros(0),
    "(0, 3)": lambda _: np.zeros((0, 3)),
    "0-d": lambda _: np.array(0.5),
    "0-d int": lambda _: np.array(1),
    "0-d object": lambda _: np.array(None),
    "strings": lambda _: np.array(["a", "b"]),
    "dates": lambda _: np.array(["2020-01-01"], "datetime64[D]"),
    "records": lambda _: np.zeros(2, [("a", float)]),
    "objects": lambda _: np.array([object(), None]),
    "bytes": lambda _: np.array([b"a"]),
    "9 axes": lambda _: np.zeros((1,) * 9),
    "5 axes": lambda good: np.zeros((1, 1, *np.shape(good))),
    "one axis more": lambda good: np.array(good)[None],
    "one axis less": lambda good: np.array(good)[0] if np.ndim(good) else good,
    "transposed": lambda good: np.array(good).T,
    "no row": lambda good: np.array(good)[..., :0, :] if np.ndim(good) > 1 else np.zeros(0),
    "no column": lambda good: np.array(good)[..., :0] if np.ndim(good) else np.zeros(0),
    "nothing at all": lambda good: np.array(good)[:0] if np.ndim(good) else np.zeros(0),
    "with NaN": spoilt(np.nan),
    "with infinity": spoilt(np.inf),
    "with 1e308": spoilt(1e308),
    "with -1": spoilt(-1),
    "zeros": lambda good: np.zeros(np.shape(good)),
    "huge": lambda good: np.full(np.shape(good), 1e300),
    "tiny": lambda good: np.full(np.shape(good), 5e-324),
    "as ints": lambda good: np.ones(np.shape(good), int),
    "as uint8": lambda good: np.full(np.shape(good), 200, np.uint8),
    "as bool": lambda good: np.ones(np.shape(good), bool),
    "as float16": lambda good: np.ones(np.shape(good), np.float16),
    "as float32": lambda good: np.ones(np.shape(good), np.float32),
    "as longdouble": lambda good: np.ones(np.shape(good), np.longdouble),
    "as complex": lambda good: np.ones(np.shape(good), complex),
    "as strings": lambda good: np.ones(np.shape(good)).astype(str),
    "as objects": lambda good: np.ones(np.shape(good)).astype(object),
    "as Fractions": lambda good: exact.as_fractions(np.ones(np.shape(good), int)),
    "big-endian": lambda good: np.ones(np.shape(good), ">f8"),
    "as a matrix": lambda good: np.matrix(np.ones((2, 3))),
    "masked": lambda good: np.ma.masked_array(np.ones(np.shape(good))),
}

HUGE = {"1e+308", "inf", "-inf", "with 1e308", "with infinity", "huge"}
"""Numbers of which NumPy may say that they overflow, since they do. What comes of it may be NaN, such as 0 · ∞."""

OTHER_FORMS: dict[str, Callable[[Any], Any]] = {
    "a list": lambda good: good.tolist(),
    "in the order of Fortran": np.asfortranarray,
    "a reversed view": lambda good: good[..., ::-1].copy()[..., ::-1],
    "read-only": lambda good: np.broadcast_to(good, good.shape),
}
"""What an array may be instead, with the same result."""

# --- The rules ------------------------------------------------------------------------------------------------------


class HangingError(BaseException):
    """A call takes too long."""


KNOWN = {  # calls whose rule is known to be broken, and why
    **{
        f"{layer}.{what}({argument}={odd})": "the elements of an array are checked at the entry; a layer checks dtype "
        "and shape alone"
        for layer in ("ReLU", "Flatten")
        for what in ("forward", "backward")
        for argument in ("x", "grad_output")
        for odd in ("objects", "0-d object")
    },
}


def broken(name: str, argument: str, odd: str) -> str | None:
    """Call, and return which rule is broken, or None."""
    if f"{name}({argument}={odd})" in KNOWN:
        return None
    function, good = CALLS[name]
    is_other_form = odd in OTHER_FORMS
    try:
        value = (OTHER_FORMS | ODD)[odd](good[argument])
    except Exception:
        return None  # this odd value cannot be made of that good one
    before = _copies(good | {argument: value})
    try:
        returned, told = _called(function, good | {argument: value}, name)
    except HangingError:
        return f"takes more than {LONGEST_CALL} s"
    except MemoryError:
        return None
    except Exception as error:
        if is_other_form and odd != "a list":  # a list is not taken everywhere: by a layer, for one
            return f"refuses another form of what is right: {error}"
        if callable(value) and argument in ("class_index", "loss", "callback", "progress", "method"):
            return None  # it is called, and may fail as it likes
        return _broken_by_error(error, argument)
    for warning in told:
        if warning.category is not UserWarning and odd not in HUGE:
            return f"warns: {warning.category.__name__}: {warning.message}"
    for key, copy in before.items():
        if not _same(copy, (good | {argument: value})[key]):
            return f"changes {key}"
    if is_other_form and not _same(returned, _called(function, good, name)[0], _close):
        return "returns another result than for a plain array"
    if _has_nan(returned) and not _has_nan(value) and odd not in HUGE:
        return "returns NaN"
    return None


def _called(function: Callable[..., Any], arguments: dict[str, Any], name: str) -> tuple[Any, list[Any]]:
    signal.alarm(LONGEST_CALL)
    try:
        with (
            warnings.catch_warnings(record=True, action="always") as told,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            if name == "Explanation[n]":
                return function(arguments["index"]), told
            if name.startswith("with_mirror"):
                return function(*arguments.values()), told
            return function(**arguments), told
    finally:
        signal.alarm(0)


def _broken_by_error(error: Exception, argument: str) -> str | None:
    message, kind = str(error), type(error).__name__
    said = f"{kind}: {message[:300]}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, IndexError) and argument == "index":
        return None  # as for any sequence
    if isinstance(error, OSError | UnicodeEncodeError) and argument in ("path", "folder"):
        return None
    if message.startswith("Maximum allowed "):
        return None  # NumPy's word for too little memory
    if isinstance(error, RuntimeError) and message == "this array does not come":
        return None  # the caller's own error comes through
    if not isinstance(error, TypeError | ValueError) and not type(error).__module__.startswith("numpycam"):
        return f"raises an internal error, {said}"
    if not last.filename.startswith(PACKAGE) or "raise " not in linecache.getline(last.filename, last.lineno or 0):
        return f"raises an error that is not its own, {said} (in {Path(last.filename).name}, {last.name})"
    if len(message) > LONGEST_MESSAGE or "\n" in message:
        return f"has a message of {len(message)} characters, {message.count(chr(10)) + 1} lines: {said}"
    if not message.endswith((".", "?")):
        return f"has a message that does not end like a sentence, {said}"
    if not re.search(rf"\b({argument}|{WORDS.get(argument, argument)})\b", message):
        return f"does not name {argument}, {said}"
    return None


def _copies(arguments: dict[str, Any]) -> dict[str, Any]:
    return {key: value.copy() for key, value in arguments.items() if type(value) is np.ndarray}


def _same_bytes(one: Any, other: Any) -> bool:
    return one.tolist() == other.tolist() or one.tobytes() == other.tobytes()


def _close(one: Any, other: Any) -> bool:
    """Whether two arrays differ by rounding alone: NumPy adds up to some hundred numbers in the order of the memory."""
    if one.dtype.kind != "f" or not one.size:
        return _same_bytes(one, other)
    return bool((abs(one - other) <= 1000 * np.finfo(one.dtype).eps * abs(one).max()).all())


def _same(one: Any, other: Any, equal: Callable[[Any, Any], bool] = _same_bytes) -> bool:
    """Whether two results are equal, as far as they consist of arrays and what holds arrays."""
    if isinstance(one, np.ndarray):
        alike = type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape
        return alike and equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[key], equal) for key, value in one.items())
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(_same(*pair, equal) for pair in zip(one, other, strict=True))
    if isinstance(one, Network | Explanation):
        one, other = (vars(e) | {"parameters": getattr(e, "parameters", None)} for e in (one, other))
        return all(
            _same(value, other[key], equal) for key, value in one.items() if isinstance(value, np.ndarray | dict)
        )
    return True


def _has_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    if isinstance(value, tuple | list):
        return any(map(_has_nan, value))
    if isinstance(value, Explanation):
        return any(map(_has_nan, vars(value).values()))
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return bool(np.isnan(value).any())
    return isinstance(value, float) and value != value


def run(seconds: float, seed: int) -> tuple[int, list[str]]:
    """Draw calls for some seconds. Return how many there were, and which broke a rule."""
    signal.signal(signal.SIGALRM, _hang)
    before, folder = resource.getrlimit(resource.RLIMIT_AS), os.getcwd()
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, before[1]))  # a huge int is refused memory, not given it
    os.chdir(FOLDER)
    every = [
        (name, argument, odd)
        for name, (_, good) in CALLS.items()
        for argument, value in good.items()
        for odd in [*ODD, *(OTHER_FORMS if type(value) is np.ndarray and value.dtype != bool else [])]
    ]
    random.Random(seed).shuffle(every)
    end, count, findings = time.monotonic() + seconds, 0, []
    try:
        for name, argument, odd in every:
            if time.monotonic() > end:
                break
            count += 1
            rule = broken(name, argument, odd)
            if rule:
                findings.append(f"{name}({argument}={odd}) {rule}")
    finally:
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_AS, before)
    return count, findings


def _hang(*_: Any) -> None:
    raise HangingError


if __name__ == "__main__":  # one call alone: python tests/fuzz/fuzz_calls.py FUNCTION ARGUMENT ODD
    signal.signal(signal.SIGALRM, _hang)
    print(broken(*sys.argv[1:]))
