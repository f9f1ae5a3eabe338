"""Chooses the vectors: a greedy cover of the known mistakes and of the settings, for each profile.

Whoever runs the vectors of a profile, and of those before it, meets each known mistake that shows there. All vectors
together show each mistake twice, and each size and option once. The same books give the same vectors.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from numpycam.laws.book import Book
from numpycam.laws.vectors import PROFILES
from numpycam.laws.vectors.candidates import Candidate, candidates
from numpycam.laws.vectors.results import Result, Results


def choose(book: Book) -> list[Result]:
    """Return the vectors of a book, those of the first profile first."""
    results = Results(book)
    everything = [results.of(candidate) for candidate in candidates(book)]
    chosen = [one for one in everything if not one.candidate.case.setting]  # by hand
    for run in audiences():
        available = [one for one in everything if run(one.candidate)]
        _cover(chosen, available, lambda one: dict.fromkeys(one.tells, 1))
    _cover(chosen, everything, lambda one: dict.fromkeys(one.tells, 2) | dict.fromkeys(_setting(one), 1))
    order = [*PROFILES]
    return sorted(chosen, key=lambda one: (order.index(one.candidate.profile), everything.index(one)))


def audiences() -> Iterator[Callable[[Candidate], bool]]:
    """Yield who runs vectors: for each profile, those for squares alone, and all who run it and the ones before."""
    for count in range(1, len(PROFILES) + 1):
        for squares in (True, False):
            yield partial(_is_run, [*PROFILES][:count], squares)


def _is_run(profiles: Sequence[str], squares: bool, one: Candidate) -> bool:
    return one.profile in profiles and (one.is_square or not squares)


_FREE = ("A", "g", "values", "draw", "shape")  # settings that say which numbers there are, or how they are arranged


def _setting(one: Result) -> Iterable[Any]:
    return ((name, value) for name, value in one.candidate.case.setting.items() if name not in _FREE)


def _cover(chosen: list[Result], available: Sequence[Result], shows: Callable[[Result], dict[Any, int]]) -> None:
    """Choose more of what is available, the most for its size first, until nothing is missing.

    ``shows`` says what a vector shows, and how many vectors should show it.
    """
    missing = {thing: count for one in available for thing, count in shows(one).items()}
    rest = [*available]

    def take(one: Result) -> None:
        rest.remove(one)
        for thing in shows(one):
            missing[thing] -= 1

    def worth(one: Result) -> float:
        return sum(missing[thing] > 0 for thing in shows(one)) / one.cost

    for one in chosen:
        if one in available:
            take(one)
    while rest and worth(best := max(rest, key=worth)):
        chosen.append(best)
        take(best)
