"""``numpycam methods``: the CAM family as a table. ``numpycam explain --method`` runs its methods from here."""

import argparse
import re
import warnings
from textwrap import fill
from typing import Any

import numpy as np

from numpycam.core.arguments import as_array, did_you_mean
from numpycam.core.arrays import Array
from numpycam.core.steps import Target
from numpycam.exact import as_floats
from numpycam.gradcam import Explanation
from numpycam.methods import METHODS, PROPERTIES, Method, PoleError
from numpycam.network import Network
from numpycam.progress import progress_bar
from numpycam.resize import resize
from numpycam.text import WIDTH, fixed_or_exponent, in_columns, paragraph

TEXTS: dict[str, Any] = {
    "help": "the CAM family: what each method needs, and which properties it has",
    "description": "Print a table of the methods that explain --method takes: what each needs, and which properties "
    "it has. If NAME is given, print the equation, the source and the conventions of that method.",
}

_MEANINGS = PROPERTIES | {"exact": "it takes Fractions and returns Fractions"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("name", nargs="?", type=method_from_text, metavar="NAME",
        help="a method: print its equation in LaTeX, its source and its conventions")  # fmt: skip
    parser.set_defaults(run=_methods)


def method_from_text(text: str, besides: str = "") -> str:
    """Return the name of a method, as argparse's type. ``besides`` says what else may be given."""
    if text not in METHODS:
        hint = did_you_mean(text.lower().replace("-", "_").replace("+", "_plus"), [*METHODS])
        raise argparse.ArgumentTypeError(f"must be a name that numpycam methods lists, {besides}got {text!r}.{hint}")
    return text


def _methods(options: argparse.Namespace) -> None:
    """Print all methods, or one."""
    print("\n".join(_one_method(options.name) if options.name else _all_methods()))


def _all_methods() -> list[str]:
    """Return the table of all methods: what each needs, and which properties it has."""
    heads = ["name", "needs", *(f"{number:2}" for number, _ in enumerate(_MEANINGS, start=1))]
    at_layer = [[name, m.needs, *_marks(m)] for name, m in METHODS.items() if m.layer is None]
    at_image = [[name, m.needs, *_marks(m)] for name, m in METHODS.items() if m.layer is not None]
    lines = in_columns([heads, *at_layer, *at_image], "<" * len(heads), indent=2)
    split = 1 + len(at_layer)
    return [
        "Methods at a layer. They weight its feature maps and add them up:", "", *lines[:split], "",
        "Methods at the image. They work pixel by pixel:", "", *lines[split:], "",
        *(
            fill(f"{number}  {what}: {meaning}", WIDTH, initial_indent="  ", subsequent_indent="     ")
            for number, (what, meaning) in enumerate(_MEANINGS.items(), start=1)
        ),
        "",
        "See more of a method:  numpycam methods NAME",
        "Run it on a drawing:   numpycam explain --draw both --method NAME",
        "Run all of them:       numpycam explain --draw both --method all",
    ]  # fmt: skip


def _marks(method: Method) -> list[str]:
    """Return the cells of a method's row: yes or - for each property."""
    return ["yes" if has else " -" for has in _has(method).values()]


def _has(method: Method) -> dict[str, bool]:
    """Return for each property whether a method has it."""
    return {what: what in method.properties for what in PROPERTIES} | {"exact": method.is_exact}


def _one_method(name: str) -> list[str]:
    """Return the equation, the conventions and the source of a method, line by line."""
    m = METHODS[name]
    first, *rest = re.sub(r":\w+:`([^`]*)`", r"`\1`", m.about).split("\n")
    has = [what for what, yes in _has(m).items() if yes]
    return [
        f"{m.name}: numpycam.methods.{name}", "",
        f"  L = {m.equation}", "",
        *(f"  {line}".rstrip() for line in (first, *rest)), "",
        f"  needs       {m.needs}" + (f", at the {m.layer}" if m.layer else ""),
        f"  properties  {', '.join(has)}",
        f"  source      {m.source}",
    ]  # fmt: skip


def explained(
    name: str, network: Network, image: Array, class_index: int | Target, layer: str | None = None
) -> tuple[Explanation, list[str]]:
    """Explain by one method, and return its warnings, too.

    Parameters
    ----------
    name : str
        A name in METHODS.
    network, image, class_index, layer
        As in :func:`numpycam.grad_cam`.

    Returns
    -------
    explanation : Explanation
    warned : list of str
        The texts of the warnings.

    Raises
    ------
    TypeError, ValueError, PoleError
        If the method refuses an argument, or if L is not finite.
    """
    method = METHODS[name]
    options: dict[str, Any] = {"progress": progress_bar()} if method.needs == "further runs" else {}
    with warnings.catch_warnings(record=True, action="always") as caught:
        explanation = method(network, image, class_index, layer, **options)
    as_array("weighted_sum", explanation.weighted_sum)
    told = [str(warning.message) for warning in caught if warning.category is UserWarning]
    in_python = f"call numpycam.methods.{name} in Python with more steps"  # the command has no such option
    return explanation, [text.replace("pass more steps", in_python) for text in told]


def by_all(
    network: Network, image: Array, class_index: int | Target, layer: str | None = None
) -> tuple[dict[str, Explanation], list[str]]:
    """Explain by all methods that apply.

    Parameters
    ----------
    network, image, class_index
        As in :func:`numpycam.grad_cam`.
    layer : str, optional
        The layer for the methods that have none of their own.

    Returns
    -------
    found : dict of Explanation
        By the name of the method.
    lines : list of str
        What to print: a table, the warnings, and for each method that is left out the reason.
    """
    found: dict[str, Explanation] = {}
    notes: list[str] = []
    for name, method in METHODS.items():
        try:
            found[name], warned = explained(name, network, image, class_index, None if method.layer else layer)
            notes += [f"{name}: {message}" for message in warned]
        except (TypeError, ValueError, PoleError) as error:
            notes.append(f"{name} is left out: {error}")
    return found, [*_table(found), *([""] if notes else []), *map(paragraph, notes)]


def _table(found: dict[str, Explanation]) -> list[str]:
    """Return the maps of all methods as a table of their sums and ends, line by line."""
    rows = [["method", "cells", "Σ L", "least L", "largest L", "where: row, column"]]
    for name, e in found.items():
        values = as_floats(e.weighted_sum)
        style = fixed_or_exponent(np.abs(values).max())
        numbers = [f"{number:{style}}" for number in (values.sum(), values.min(), values.max())]
        rows.append([name, " × ".join(map(str, values.shape)), *numbers, _where(e)])
    return in_columns(rows, "<<>>><", indent=2)


def _where(e: Explanation) -> str:
    """Return the pixel where the map, resized to the picture, is largest. Among equals, return the first."""
    if e.image is None or not e.localization_map.any():
        return "no cell speaks for it"
    _, height, width = e.image.shape
    row, column = divmod(int(resize(as_floats(e.localization_map), (height, width)).argmax()), width)
    return f"{row}, {column}"
