"""The cases that vectors are chosen from: those of the sweep, with more unusual settings at once, and a few by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.exact import as_fractions
from numpycam.laws.book import Book
from numpycam.laws.cases import Case, Numbers, case_of, settings
from numpycam.laws.vectors import PROFILES
from numpycam.laws.vectors.edges import EDGES, Edge

_MANY = 150  # numbers; a case with more is not taken
_RICH = 20  # of the cases that are unusual in one more place than those of the sweep, so many of each profile are taken
_FEW = 1  # phrases in a comment
_USUAL = ("without padding", "with as many maps as channels")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A case that can become a vector."""

    id: str
    comment: str
    case: Case
    profile: str
    flags: tuple[str, ...]

    @property
    def is_square(self) -> bool:
        """Whether an implementation for squares alone can run it."""
        return "square" in self.flags


def candidates(book: Book) -> list[Candidate]:
    """Return all cases that vectors of a book are chosen from, those by hand first."""
    edges = [_candidate(book, edge.id, edge.comment, _case_of(edge), edge.flags) for edge in EDGES.get(book.name, ())]
    swept = [*_swept(book, book.reach)]
    known = {one.id for one in swept}
    wider = [one for one in _swept(book, book.reach + 1) if one.id not in known]
    rich = [one for profile in PROFILES for one in _some([one for one in wider if one.profile == profile])]
    return [*edges, *swept, *rich]


def _swept(book: Book, reach: int) -> Iterator[Candidate]:
    simplest = {name: values[0] for name, values in book.choices.items()}
    kind = "integers" if book.name == "softmax_cross_entropy" else "fractions"  # no exponential is a Fraction
    for setting in settings(book, reach):
        for case in case_of(book, setting, Numbers(kind, f"{book.name} {sorted(setting.items())}")):
            if sum(np.size(array) for array in case.arrays.values()) <= _MANY:
                unusual = {name: value for name, value in setting.items() if value != simplest[name]}
                yield _candidate(book, _id(unusual), _comment(book, case), _exact(case, setting))


def _comment(book: Book, case: Case) -> str:
    """Say what is special about a case, with the phrases that the book has for it."""
    phrases = [phrase for phrase, trait in book.traits.items() if trait(case) and phrase not in _USUAL]
    return ", ".join(phrases[:_FEW]) or "nothing special"


def _some(many: list[Candidate]) -> list[Candidate]:
    """Return at most _RICH of them, from the first to the last at equal distances."""
    return many if len(many) <= _RICH else [many[n * len(many) // _RICH] for n in range(_RICH)]


def _candidate(book: Book, id: str, comment: str, case: Case, flags: tuple[str, ...] = ()) -> Candidate:
    squares = ("square",) if _is_square(case) else ()
    return Candidate(id, comment, case, profile_of(book, case), (*squares, *flags))


def _case_of(edge: Edge) -> Case:
    return _exact(Case("fractions", {}, edge.arrays, edge.options), {})


def _exact(case: Case, setting: Mapping[str, Any]) -> Case:
    """Return a case with Fractions; indices stay whole numbers."""
    arrays = {name: _exact_array(name, value) for name, value in case.arrays.items()}
    options = {name: as_fractions(value) if name == "opacity" else value for name, value in case.options.items()}
    return Case("fractions", setting, arrays, options)


def _exact_array(name: str, value: Any) -> Array | None:
    if value is None:
        return None
    return np.array(value) if name == "labels" else np.asarray(as_fractions(value), dtype=object)


def _id(unusual: Mapping[str, Any]) -> str:
    """Name a case by its unusual properties: "kernel-2x3-bias"."""
    words = [name if value is True else f"{name}-{_word(value)}" for name, value in unusual.items()]
    return "-".join(words).lower().replace(" ", "-").replace("_", "-") or "simplest"


def _word(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


# --- what an implementation must be able to do


def profile_of(book: Book, case: Case) -> str:
    """Return the first profile that has a case."""
    plain, channels, square, integers, everything = PROFILES
    pairs = [value for value in case.options.values() if isinstance(value, tuple)]
    if case.options.get("dilation", (1, 1)) != (1, 1) or case.options.get("count_include_pad") is False:
        return everything
    if book.name != "resize" and any(height != width for height, width in pairs):
        return everything
    if not _is_usual(case):
        return square if _is_square(case) else integers
    return channels if _has_many(case) else plain


def _is_usual(case: Case) -> bool:
    """Whether stride and padding are what leaving them out means. The stride of a pool is its window then."""
    usual = {"stride": case.options.get("kernel_size", (1, 1)), "padding": (0, 0)}
    return all(case.options[name] == value for name, value in usual.items() if name in case.options)


def _has_many(case: Case) -> bool:
    """Whether there are several pictures, channels or maps, or a bias."""
    return case.arrays.get("bias") is not None or any(count > 1 for count in _counts(case.arrays))


def _counts(arrays: Mapping[str, Any]) -> Iterator[int]:
    for name, array in arrays.items():
        if array is not None and array.ndim == 4:
            yield from array.shape[:2]
        elif name in ("A", "scores") or (name == "x" and "weight" in arrays):
            yield len(array)


def _is_square(case: Case) -> bool:
    """Whether no height differs from its width."""
    arrays = [value for value in case.arrays.values() if value is not None]
    sides = [array.shape[-2:] for array in arrays if array.ndim > 2 or "heat" in case]
    pairs = [value for value in case.options.values() if isinstance(value, tuple)]
    return all(height == width for height, width in [*sides, *pairs])
