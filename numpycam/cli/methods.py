"""``numpycam methods``: the CAM family. And how ``numpycam explain --method`` asks it."""

import argparse
import re
import warnings
from inspect import cleandoc
from textwrap import fill
from typing import Any

import numpy as np

from numpycam.core.arguments import as_array, did_you_mean
from numpycam.core.arrays import Array
from numpycam.exact import as_floats
from numpycam.gradcam import Explanation
from numpycam.methods import METHODS, PROPERTIES, Method, PoleError
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.text import WIDTH, in_columns, paragraph, progress_bar

TEXTS: dict[str, Any] = {
    "help": "the CAM family: what each method needs, and which properties it has",
    "description": "Print the methods that explain --method takes: what each needs, and which properties it has. "
    "For one method: its equation, source and conventions.",
}

_MEANINGS = PROPERTIES | {"exact": "it takes Fractions, and gives them"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what ``numpycam methods`` takes, and to run it."""
    parser.add_argument("name", nargs="?", type=method_from_text, metavar="NAME",
        help="tell of this one: its equation in LaTeX, its source, its conventions")  # fmt: skip
    parser.set_defaults(run=_tell)


def method_from_text(text: str, besides: str = "") -> str:
    """Return the name of a method, as argparse's type."""
    if text not in METHODS:
        hint = did_you_mean(text.lower().replace("-", "_").replace("+", "_plus"), [*METHODS])
        raise argparse.ArgumentTypeError(f"must be a name that numpycam methods lists, {besides}got {text!r}.{hint}")
    return text


def _tell(options: argparse.Namespace) -> None:
    print("\n".join(_of_one(options.name) if options.name else _of_all()))


def _of_all() -> list[str]:
    """Return the table of all methods: what each needs, and which properties it has."""
    heads = ["name", "needs", *(f"{number:2}" for number, _ in enumerate(_MEANINGS, start=1))]
    at_layer = [[name, m.needs, *_marks(m)] for name, m in METHODS.items() if m.layer is None]
    at_image = [[name, m.needs, *_marks(m)] for name, m in METHODS.items() if m.layer is not None]
    lines = [f"  {line}" for line in in_columns([heads, *at_layer, *at_image], "<" * len(heads))]
    split = 1 + len(at_layer)
    return [
        "At a layer, whose feature maps are weighted and added up:", "", *lines[:split], "",
        "At the image, pixel by pixel:", "", *lines[split:], "",
        *(
            fill(f"{number}  {what}: {meaning}", WIDTH, initial_indent="  ", subsequent_indent="     ")
            for number, (what, meaning) in enumerate(_MEANINGS.items(), start=1)
        ),
        "",
        "Equation, source and conventions of one:  numpycam methods NAME",
        "One of them on a drawing, or all:         numpycam explain --draw both --method NAME",
    ]  # fmt: skip


def _marks(method: Method) -> list[str]:
    return ["yes" if has else " -" for has in _has(method).values()]


def _has(method: Method) -> dict[str, bool]:
    return {what: what in method.properties for what in PROPERTIES} | {"exact": method.is_exact}


def _of_one(name: str) -> list[str]:
    m = METHODS[name]
    first, *rest = re.sub(r":\w+:`([^`]*)`", r"`\1`", cleandoc(m.__doc__ or "")).split("\n")
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
    name: str, network: Network, image: Array, class_index: int, layer: str | None = None
) -> tuple[Explanation, list[str]]:
    """Explain by one method, and return what it warned of, too. Where L is not finite, that is an error."""
    method = METHODS[name]
    options: dict[str, Any] = {"progress": progress_bar()} if method.needs == "further runs" else {}
    with warnings.catch_warnings(record=True, action="always") as caught:
        explanation = method(network, image, class_index, layer, **options)
    as_array("weighted_sum", explanation.weighted_sum)
    return explanation, [str(warning.message) for warning in caught if warning.category is UserWarning]


def by_all(
    network: Network, image: Array, class_index: int, layer: str | None = None
) -> tuple[dict[str, Explanation], list[str]]:
    """Explain by all methods that apply; return their explanations, and lines to be printed.

    The lines are a table, what was warned of, and why a method is left out. The layer is that of the methods that have
    none of their own.
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
    rows = [["method", "cells", "Σ L", "least L", "largest L", "where: row, column"]]
    for name, e in found.items():
        values = as_floats(e.weighted_sum)
        largest = np.abs(values).max()
        style = ".4f" if largest == 0 or 1e-3 <= largest < 1e6 else ".3e"
        numbers = [f"{number:{style}}" for number in (values.sum(), values.min(), values.max())]
        rows.append([name, " × ".join(map(str, values.shape)), *numbers, _where(e)])
    return [f"  {line}" for line in in_columns(rows, "<<>>><")]


def _where(e: Explanation) -> str:
    """Return the pixel where the map over the picture is largest, the first of equals."""
    if e.image is None or not e.localization_map.any():
        return "no cell speaks for it"
    _, height, width = e.image.shape
    row, column = divmod(int(resize(as_floats(e.localization_map), (height, width)).argmax()), width)
    return f"{row}, {column}"
