"""``numpycam verify``: ask the laws about functions of your own, or tell which method made a map."""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from numpycam import laws
from numpycam.cli.options import path_from_text
from numpycam.core.arguments import did_you_mean
from numpycam.core.arrays import Array
from numpycam.laws.verify import HOW

TEXTS: dict[str, Any] = {
    "help": "verify functions of your own: a convolution, its gradients, a CAM",
    "description": "Ask the laws of an operation about functions of your own, as in "
    "numpycam verify conv2d forward=mycnn:conv backward=mycnn:conv_backward. If a law is broken, print the smallest "
    "case in which it is, and exit with status 1. With --activations, --gradients and --cam, tell which method, or "
    "which known mistake of one, made a map.",
}

HABITS = "how", "takes", "returns", "cache", "options", "layout", "weights", "bias", "dtype"
"""The options that are handed on as they are."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("operation", nargs="?", type=_operation_from_text, metavar="OPERATION",
        help=f"one of {', '.join(laws.BOOKS)}")  # fmt: skip
    parser.add_argument("functions", nargs="*", type=_function_from_text, metavar="NAME=MODULE:FUNCTION",
        help="a function to verify, such as forward=mycnn:conv; modules of this folder come first")  # fmt: skip
    parser.add_argument("--how", choices=HOW, default="sweep",
        help="on a fixed list of cases (the default), on cases that Hypothesis draws, or by a proof")  # fmt: skip
    parser.add_argument("--takes", metavar="NAMES", help='what the backward pass takes, such as "grad_output x weight"')
    parser.add_argument("--returns", metavar="NAMES", help='what the backward pass returns, such as "dx dw db"')
    parser.add_argument("--cache", action="store_true",
        help="the forward pass returns (y, cache), and the backward pass takes (grad_output, cache)")  # fmt: skip
    parser.add_argument(
        "--options", default="", metavar="DICT: KEYS", help='a dict of options: "conv_param: stride pad"'
    )
    parser.add_argument("--layout", default="NCHW", help="the axes of images or maps, such as NHWC, CHW, HWK")
    parser.add_argument("--weights", default="OIHW", help="the axes of weights, such as HWIO")
    parser.add_argument("--bias", default="O", help="the axes of a bias, such as 111O")
    parser.add_argument(
        "--dtype", choices=("float64", "float32"), default="float64", help="what the functions compute in"
    )
    parser.add_argument("--square", action="store_true", help="heights and widths must be equal everywhere")
    parser.add_argument("--input-shape", type=_shape_from_text, metavar="C,H,W", help="of one image, for network")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    for name in ("activations", "gradients", "cam"):
        parser.add_argument(f"--{name}", type=path_from_text, metavar="FILE.npy")
    parser.set_defaults(run=_verify, refuse=parser.error)


def _operation_from_text(text: str) -> str:
    """Return the name of a book of laws, as argparse's type."""
    if text not in laws.BOOKS:
        names = ", ".join(laws.BOOKS)
        raise argparse.ArgumentTypeError(f"must be one of {names}, got {text!r}.{did_you_mean(text, [*laws.BOOKS])}")
    return text


def _function_from_text(text: str) -> tuple[str, Callable[..., Any]]:
    """Return the name and the function of "forward=mycnn:conv", as argparse's type."""
    name, _, place = text.partition("=")
    if not (name and re.fullmatch(r"[\w.]+:[\w.]+", place)):
        raise argparse.ArgumentTypeError(f"must be NAME=MODULE:FUNCTION, such as forward=mycnn:conv, got {text!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        function = resolve_name(place)
    except Exception as error:  # whatever the module raises when it is loaded
        raise argparse.ArgumentTypeError(f"cannot import {place!r}: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise argparse.ArgumentTypeError(f"{place!r} is no function, but {type(function).__name__}")
    return name, function


def _shape_from_text(text: str) -> tuple[int, ...]:
    """Return a shape such as (1, 4, 4), as argparse's type."""
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise argparse.ArgumentTypeError(f"must be whole numbers from 1 with commas between, got {text!r}")
    return shape


def _verify(options: argparse.Namespace) -> int:
    """Print what the laws say of the functions. Return the exit status: 1 if a law is broken."""
    files = [options.activations, options.gradients, options.cam]
    if options.operation is None:
        if None in files:
            options.refuse("needs an operation, or all of --activations, --gradients and --cam")
        return _identify(options, *files)
    if any(files):
        options.refuse("--activations, --gradients and --cam are for use without an operation")
    given: dict[str, Any] = dict(options.functions)
    given |= {name: getattr(options, name) for name in HABITS}
    given |= {"limits": {"square": True}} if options.square else {}
    given |= {"input_shape": options.input_shape} if options.input_shape else {}
    try:
        report = laws.BOOKS[options.operation].verify(raises=False, **given)
    except (TypeError, ValueError) as error:
        options.refuse(str(error))
    except ModuleNotFoundError as error:
        options.refuse(f"--how {options.how} needs {error.name}: pip install {error.name}")
    lesson = str(laws.LawViolation(report)) if report.broken else ""
    if options.json:
        print(json.dumps(report.as_json() | ({"lesson": lesson} if lesson else {}), indent=1, ensure_ascii=False))
    else:
        print(report)
        if lesson:
            print(f"\n{lesson}")
    return 0 if report.is_right else 1


def _identify(options: argparse.Namespace, *files: Path) -> int:
    """Print which methods, or known mistakes, make the map. Return the exit status: 0 if a method does."""
    try:
        found = laws.identify(*map(_array_from_file, files))
    except (TypeError, ValueError) as error:
        options.refuse(str(error))
    if options.json:
        print(json.dumps([one._asdict() for one in found], indent=1, ensure_ascii=False))
    else:
        print("\n".join(map(str, found)) or "No method that is known, and no known mistake, makes this map.")
    return 0 if found and not found[0].mistake else 1


def _array_from_file(path: Path) -> Array:
    """Return the array in a .npy file. Raise ValueError if there is none."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise ValueError(f"{path} is no .npy file of numbers") from None
