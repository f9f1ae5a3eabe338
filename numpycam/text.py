"""What the commands print: paragraphs, percentages, tables in columns, and how far they are."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

WIDTH = 79


def paragraph(text: str) -> str:
    """Return a text in lines of that width, indented by two."""
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def percent(part: float) -> str:
    """Return a part of 1 in per cent, with one decimal, in one piece."""
    return f"{100 * float(part):.1f}\N{NO-BREAK SPACE}%"


def in_columns(rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    r"""Return a line for each row, its cells two spaces apart, each column as wide as its widest cell.

    >>> print(*in_columns([("cat", "12.5", "yes"), ("elephant", "-3.0", "no")], "<><"), sep="\n")
    cat       12.5  yes
    elephant  -3.0  no

    Parameters
    ----------
    rows : sequence of rows of str, of the same length
    sides : str
        For each column where its cells stand: ``<`` to the left, ``>`` to the right.
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in table
    ]


def progress_bar() -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return tqdm's, if it is installed; where nobody looks it shows nothing."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter
    return partial(tqdm, leave=False, disable=None)
