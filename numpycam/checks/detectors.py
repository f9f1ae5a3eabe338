"""What can be wrong with any answer: a factor, the sign, another return value, an epsilon.

A detector looks at what was given in all cases, and at what is right. It returns a sentence, or "".
"""

import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from numbers import Rational
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from numpycam.core.arrays import Array

_STANDARD = sysconfig.get_path("stdlib")
_PACKAGE = Path(__file__).parents[1]

Pairs = Sequence[tuple[Array, Array]]
"""For each case, what was given and what is right, in the same shape."""


def sentence_about(pairs: Pairs, others: Mapping[str, Sequence[Array]]) -> str:
    """Return a sentence that explains what was given, or "".

    Parameters
    ----------
    pairs : sequence of pairs of arrays
        For each case, what was given and what is right.
    others : dict of str to sequence of arrays
        For each of the other things that the answer returns, what is right, case by case.
    """
    for name, right in others.items():
        if all(_same(given, other) for (given, _), other in zip(pairs, right, strict=True)):
            return f"That is {name}: look at the order of what you return."
    for what, is_in in (("a NaN", _has_nan), ("an infinite number", _has_infinity)):
        if any(is_in(given) for given, _ in pairs):
            return f"There is {what} in it: was something divided by 0?"
    for turned, hint in _TURNED:
        if all(_same(turned(given), right) for given, right in pairs) and _tells(turned, pairs):
            return hint
    detectors = _about_a_single_number, _about_shapes, _about_an_epsilon, _about_a_factor, _about_a_start
    return next((sentence for detector in detectors if (sentence := detector(pairs))), "")


_TURNED: list[tuple[Callable[[Array], Array], str]] = [
    (lambda a: a.swapaxes(-1, -2) if a.ndim > 1 else a, "Rows and columns are exchanged."),
    (lambda a: a[::-1] if a.ndim else a, "The numbers are right, in reverse order."),
    (lambda a: a[..., ::-1] if a.ndim else a, "The numbers are right, but each row is in reverse order."),
    (lambda a: a[..., ::-1, :] if a.ndim > 1 else a, "The numbers are right, but the rows are in reverse order."),
    (lambda a: a[..., ::-1, ::-1] if a.ndim > 1 else a, "The numbers are right, but turned by 180°."),
]


def _tells(turned: Callable[[Array], Array], pairs: Pairs) -> bool:
    """Whether turning changes anything in some case."""
    return any(not _same(turned(right), right) for _, right in pairs)


def _about_shapes(pairs: Pairs) -> str:
    if all(given.shape == right.shape for given, right in pairs):
        return ""
    if all(given.size == right.size and _same(given.reshape(right.shape), right) for given, right in pairs):
        return "The numbers are right, but not the shape."
    return ""


def _about_a_single_number(pairs: Pairs) -> str:
    if any(given.shape or not right.size or right.ndim == 0 for given, right in pairs):
        return ""
    for what, reduced in (("sum", np.sum), ("largest", np.max)):
        if all(_same(given, np.asarray(reduced(right))) for given, right in pairs):
            return f"That is one number, the {what} of them all: it should be an array, cell by cell."
    return ""


def _about_a_factor(pairs: Pairs) -> str:
    factors = [_factor(given, right) for given, right in pairs if given.any() or right.any()]
    known = [factor for factor in factors if factor is not None]
    if len(known) < len(factors) or not {*known} - {0, 1}:
        return ""
    if len({*known}) == 1:
        (factor,) = {*known}
        if factor == -1:
            return "The sign is turned: yours is minus the right one."
        if _is_one_number(pairs):
            return ""
        return f"It is {factor} times the right one, everywhere."
    if not all(_may_be_a_size(factor) for factor in known):
        return ""
    first, second = [*dict.fromkeys(known)][:2]
    return f"It is {first} times the right one in one case, {second} times in another: is that a size of the arrays?"


def _may_be_a_size(factor: Fraction) -> bool:
    """Whether a factor may come from the sizes of the arrays, which are small."""
    return factor > 0 and factor != 1 and max(factor.numerator, factor.denominator) <= 100


def _factor(given: Array, right: Array) -> Fraction | None:
    """Return the one number that makes what is given of what is right; None if there is none."""
    if given.shape != right.shape:
        return None
    quotients = set()
    for g, r in zip(given.flat, right.flat, strict=True):
        if r == 0:
            if g != 0:
                return None
            continue
        quotients.add(_small_fraction(g, r))
    return quotients.pop() if len(quotients) == 1 else None


def _is_one_number(pairs: Pairs) -> bool:
    """Whether a single number was compared: any other is some multiple of it, or so much larger, for no reason."""
    return sum(right.size for _, right in pairs) == 1


def _small_fraction(part: Any, whole: Any) -> Fraction:
    """Return part / whole; if floats are in it, the fraction with a small denominator that is nearest."""
    if isinstance(part, Rational) and isinstance(whole, Rational):
        return Fraction(part) / Fraction(whole)
    return Fraction(float(part) / float(whole)).limit_denominator(1000)


def _about_a_start(pairs: Pairs) -> str:
    starts = set()
    for given, right in pairs:
        if given.shape != right.shape or not given.size:
            return ""
        starts |= {*np.asarray(given - right).flat}
    if len(starts) != 1 or 0 in starts or _is_one_number(pairs):
        return ""
    (start,) = starts
    return f"Each number is {start} too large. What does it start from?"


def _about_an_epsilon(pairs: Pairs) -> str:
    """Name a small difference that is larger than rounding: the lesson is that no epsilon is needed."""
    if any(given.shape != right.shape for given, right in pairs):
        return ""
    aways = [_largest_away(given, right) for given, right in pairs]
    if max(aways) < 1e-4 and any(away > _rounding(given) for away, (given, _) in zip(aways, pairs, strict=True)):
        return (
            "Nearly right, and yet further off than rounding: is a small number added below a line? "
            "Take it away, and ask instead whether what stands there is 0."
        )
    return ""


def _rounding(given: Array) -> float:
    """Return how far some hundred roundings may lead away, in parts of what is right: 1e-13, and more in float32."""
    return 512 * float(np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps)


def _largest_away(given: Array, right: Array) -> float:
    """Return the largest difference, in parts of what is right."""
    away = [abs(float(g - r)) / max(1.0, abs(float(r))) for g, r in zip(given.flat, right.flat, strict=True)]
    return max(away, default=0.0)


def _same(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f" or any(isinstance(value, float) for value in one.flat):
        return bool(np.allclose(one.astype(float), other.astype(float), rtol=1e-9, atol=1e-12))
    return bool((one == other).all())


def is_finite(values: Array) -> bool:
    """Whether there is no NaN and no infinite number among the values."""
    return not (_has_nan(values) or _has_infinity(values))


def _has_nan(values: Array) -> bool:
    return bool((values != values).any())


def _has_infinity(values: Array) -> bool:
    return bool(np.any(np.abs(values) == np.inf))


# --- The learner's own lines ---------------------------------------------------------------------------------


def line_of_answer(error: BaseException) -> str:
    """Return the last line of the answer that was run before the error, with its number; "" if it cannot be read."""
    import linecache

    trace: TracebackType | None = error.__traceback__
    last = None
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not _is_of_a_library(file):
            last = file, trace.tb_lineno
        trace = trace.tb_next
    return linecache.getline(*last).strip() if last else ""


def _is_of_a_library(file: str) -> bool:
    return (
        _is_ours(file)
        or file.startswith(_STANDARD)
        or "site-packages" in file
        or "dist-packages" in file
        or file.startswith("<frozen")
    )


def _is_ours(file: str) -> bool:
    return _PACKAGE in Path(file).parents


MAY_BE_CALLED = "exact", "text", "core.arrays"
"""Modules of this package that solve no exercise."""


GRADING = ContextVar("GRADING", default=False)
"""Whether an answer gets points for this: then all of its calls are watched."""


@contextmanager
def calls_of_this_package(allowed: Sequence[str] = (), watched: bool = True) -> Iterator[list[str]]:
    """Collect the functions of this package that an answer calls itself: they would do the exercise for it."""
    called: list[str] = []
    before = sys.getprofile()

    def look(frame: FrameType, event: str, argument: Any) -> None:
        caller = frame.f_back
        while caller is not None and caller.f_code.co_filename == "<string>" and caller.f_code.co_name == "__init__":
            caller = caller.f_back  # a dataclass's own
        if event != "call" or caller is None or called:
            return
        if _is_ours(frame.f_code.co_filename) and not _is_ours(caller.f_code.co_filename):
            module = str(frame.f_globals.get("__name__", "")).removeprefix("numpycam.")
            if module not in (*MAY_BE_CALLED, *allowed) and not module.startswith("checks"):
                name = frame.f_code.co_name
                own = frame.f_locals.get("self") if name == "__call__" else None
                known = getattr(own, "__name__", frame.f_code.co_qualname.split(".")[0])
                called.append(known if name.startswith("__") else name)

    if watched:  # it takes time
        sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(before)
