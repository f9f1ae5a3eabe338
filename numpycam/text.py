"""Numbers, headings and tables as text, for the commands, the figures and the pages."""

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any
from unicodedata import bidirectional, category

import numpy as np

from numpycam.core.arrays import Array

_WIDE = Context(prec=12, Emax=MAX_EMAX, Emin=MIN_EMIN)  # no Fraction in memory is too large or too small for it
_MOST_BITS = 30_000
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
WIDTH = 79
"""How many characters a printed line has at most."""


def heading(text: str, right: str = "", rule: str = "-") -> str:
    """Return a text with a rule of WIDTH characters below it. The text ``right`` ends where the rule ends."""
    return f"{text}{right:>{WIDTH - len(text)}}".rstrip() + f"\n{rule * WIDTH}"


def paragraph(text: str) -> str:
    """Return a text in lines of at most WIDTH characters, indented by two. No line breaks at a hyphen."""
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def decimal(value: Any) -> str:
    """Return a number in six digits. It may be a Fraction that is larger than any float, or smaller."""
    try:
        number = float(value)
    except OverflowError:
        number = 0.0
    if number == 0 and value:
        return f"{_quotient(value.numerator, value.denominator):.6g}"
    return f"{number + 0.0:.6g}"


def _quotient(numerator: int, denominator: int) -> Decimal:
    """Return the quotient to twelve digits. For a long number it uses the first bits: all would take minutes."""
    cut = [max(0, abs(number).bit_length() - _MOST_BITS) for number in (numerator, denominator)]
    quotient = _WIDE.divide(numerator >> cut[0], denominator >> cut[1])
    return _WIDE.multiply(quotient, _WIDE.power(2, cut[0] - cut[1])) if any(cut) else quotient


def exact(value: Any) -> str:
    """Return what Python writes for it: ``143/5``. If that has more digits than Python writes, say how many."""
    try:
        return str(value)
    except ValueError:  # the number may also lie inside of the value: in a target, for one
        longest = max(abs(getattr(value, "numerator", 0)), getattr(value, "denominator", 0))
        digits = f"about {round(longest.bit_length() * math.log10(2))}" if longest else "too many"
        return f"[{type(value).__name__} of {digits} digits]"


def format_number(value: float, digits: int = 5) -> str:
    """Return a number in ``digits`` digits with a true minus sign; in three if it takes more than seven characters.

    Parameters
    ----------
    value : float
    digits : int, default 5

    Returns
    -------
    str
    """
    text = f"{value + 0.0:.{digits}g}"
    return (text if len(text.lstrip("-")) <= 7 else f"{value:.3g}").replace("-", "−")


def exact_and_decimal(value: Any, write: Callable[[Any], str] = decimal) -> str:
    """Return a number as a decimal. If it is a fraction, return both: ``143/5 = 28.6``."""
    return f"{exact(value)} = {write(value)}" if getattr(value, "denominator", 1) != 1 else write(value)


def percent(part: float) -> str:
    """Return a part of 1 in per cent, with one decimal. No line breaks before the sign."""
    return f"{100 * float(part):.1f}\N{NO-BREAK SPACE}%"


def whole_percent(part: float) -> str:
    """Return a part of 1 in per cent, without decimals. No line breaks before the sign."""
    return f"{100 * float(part):.0f}\N{NO-BREAK SPACE}%"


def scientific(value: Any) -> str:
    """Return a number with one decimal and a power of ten.

    >>> from numpycam.text import scientific
    >>> print(scientific(0.00087))
    8.7e-04
    """
    return f"{float(value):.1e}"


def places(digits: int) -> Callable[[Any], str]:
    """Return a function that writes a number with so many decimals, and never a minus before 0.

    >>> from numpycam.text import places, table
    >>> print(table({"L": [-0.001, 2.345]}, write=places(2)))
    L  0.00  2.35
    """
    return lambda value: f"{round(float(value), digits) + 0.0:.{digits}f}"


def fixed_or_exponent(largest: float) -> str:
    """Return the format of numbers up to this size: four decimals, and an exponent if the size is tiny or huge."""
    return ".4f" if largest == 0 or 1e-3 <= largest < 1e6 else ".4e"


def in_columns(rows: Iterable[Sequence[str]], sides: str, indent: int = 0) -> list[str]:
    r"""Return a table: a line for each row, with two spaces between columns as wide as their widest cell.

    >>> print(*in_columns([("cat", "12.5", "yes"), ("elephant", "-3.0", "no")], "<><"), sep="\n")
    cat       12.5  yes
    elephant  -3.0  no

    Parameters
    ----------
    rows : sequence of rows of str
        All rows have the same length.
    sides : str
        One character for each column: ``<`` if its cells stand to the left, ``>`` if they stand to the right.
    indent : int, default 0
        How many spaces stand before each line. A paragraph has 2.

    Returns
    -------
    list of str
        The lines, without spaces at their ends.
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return lines


def table(rows: Mapping[str, Iterable[Any]], columns: Sequence[str] = (), write: Callable[[Any], str] = decimal) -> str:
    """Return a table of numbers: a line for each row, its name first.

    Parameters
    ----------
    rows : dict of str to iterable
        For each name its numbers. They may be an array of any shape, whose elements are taken row by row. A text stays
        as it is. Rows may differ in length.
    columns : sequence of str, optional
        What stands above the numbers.
    write : callable, optional
        How a number is written: six digits if not given.

    Examples
    --------
    >>> from numpycam.worked_example import ALPHAS
    >>> print(table({"α": ALPHAS, "as fractions": map(str, ALPHAS)}, ["A^1", "A^2", "A^3"]))
                   A^1   A^2   A^3
    α             2.75  4.25   0.1
    as fractions  11/4  17/4  1/10
    """
    lines = [["", *columns]] if columns else []
    for name, values in rows.items():
        lines.append([name, *(value if isinstance(value, str) else write(value) for value in _in_order(values))])
    longest = max(map(len, lines), default=1)
    return "\n".join(in_columns([line + [""] * (longest - len(line)) for line in lines], "<" + ">" * (longest - 1)))


def _in_order(values: Iterable[Any]) -> Iterable[Any]:
    return values.flat if isinstance(values, np.ndarray) else values


def printable(text: str) -> str:
    """Return a text with ? in the place of what could change the terminal or the order of what is shown.

    That is a control character, a line break, half of a character (a surrogate), or a mark that turns the direction of
    the text around it. A text written from right to left needs no such mark.
    """
    return "".join("?" if category(c) in _UNPRINTABLE or bidirectional(c) in _TURNING else c for c in text)


def shortened(text: str, longest: int) -> str:
    """Return a text of at most ``longest`` characters. A longer one is cut and ends with …."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def maps_as_text(symbol: str, maps: Array) -> str:  # (K, H, W)
    """Return maps as text, side by side: as decimals, and above these as fractions if they hold Fractions.

    Parameters
    ----------
    symbol : str
        The title of each map, with ``{}`` for its number, from 1.
    maps : array, shape (K, H, W)

    Examples
    --------
    >>> from numpycam.worked_example import ALPHAS
    >>> print(maps_as_text("α_{}", ALPHAS[:, None, None]))
                         α_1         α_2         α_3
      as fractions      11/4        17/4        1/10
      as decimals       2.75        4.25         0.1
    """
    writings: dict[str, Callable[[Any], str]] = {"as fractions": exact, "as decimals": decimal}
    if maps.dtype != object:
        writings = {"in floats": decimal}
    width = max(8, 2 + max((len(write(value)) for write in writings.values() for value in maps.flat), default=0))
    block, titles, gap = width * maps.shape[2], [symbol.format(k) for k in range(1, len(maps) + 1)], 4
    centred = (f"{title:>{(block + width) // 2 + len(title) // 2 - 1}}".ljust(block) for title in titles)
    lines = [" " * 14 + (" " * gap).join(centred)]
    for label, write in writings.items():
        for row in maps.swapaxes(0, 1):  # (K, W): the same row of all maps
            cells = ("".join(f"{write(value):>{width}}" for value in values) for values in row)
            lines.append(f"  {label:12}" + (" " * gap).join(cells))
            label = ""
    return "\n".join(line.rstrip() for line in lines)
