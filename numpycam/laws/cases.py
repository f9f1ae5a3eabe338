"""The cases that laws are asked on: first the simplest ones, in a fixed order, then a few large ones.

Mistakes live in sizes and options, not in values. So the sweep takes every choice of sizes and options that is unusual
in at most two places, with one array of random numbers each. A law that is linear in each argument, and breaks at all,
breaks at a random point nearly surely. The order makes the first case that breaks a law the simplest.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from random import Random
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, Shape
from numpycam.laws.book import Book, Kind


@dataclass(frozen=True)
class Case:
    """Arrays and options for the functions under test."""

    kind: Kind
    setting: Mapping[str, Any]
    arrays: Mapping[str, Any]
    options: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name] if name in self.arrays else self.options[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays or name in self.options

    def having(self, **arrays: Any) -> "Case":
        """Return the same case with other arrays."""
        return Case(self.kind, self.setting, {**self.arrays, **arrays}, self.options)


class Numbers:
    """Where the numbers of a case come from. The same seed gives the same numbers, on every machine."""

    def __init__(self, kind: Kind, seed: str) -> None:
        self.kind, self._random = kind, Random(seed)

    def array(self, name: str, shape: Shape, among: str = "all") -> Array:
        """Return an array of numbers.

        ``among`` is "all", "few" (zeros and equal numbers are likely), "distinct" (no zero, no equal numbers), "not
        negative", or "a share" (0 to 1).
        """
        return self.of([self.number(among) for _ in range(math.prod(shape))], shape, among)

    def of(self, values: list[Any], shape: Shape, among: str) -> Array:
        """Return the numbers as an array of their kind."""
        if among == "distinct":  # odd eighths are never 0, and steps of 2 keep them apart
            order = self.shuffled(len(values))
            values = [(2 * place - len(values) + (len(values) + 1) % 2) / 8 for place in order]
            if self.kind == "floats":  # with all their digits, and as far apart still
                values = [value + self.number() / 20 for value in values]
        array = np.array([Fraction(value) for value in values], dtype=object).reshape(shape)
        return array if self.kind == "fractions" else array.astype(np.float64)

    def number(self, among: str = "all") -> Any:
        """Return one number."""
        if self.kind == "floats" and among != "few":
            low = 0 if among in ("not negative", "a share") else -1
            return self._random.uniform(low, 1)
        low, high = {"few": (-1, 2), "not negative": (0, 9), "a share": (0, 8)}.get(among, (-9, 9))
        value = self._random.randrange(low, high + 1)
        return Fraction(value, 8) if among == "a share" else value

    def shuffled(self, count: int) -> list[int]:
        """Return the numbers from 0 on in another order."""
        order = list(range(count))
        self._random.shuffle(order)
        return order

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high."""
        return self._random.randrange(low, high + 1)


def sweep(book: Book, kind: Kind, seed: str = "") -> Iterator[Case]:
    """Yield all settings near to the simplest, those with the fewest unusual properties first; then the large ones.

    Another ``seed`` gives the same settings other numbers.
    """
    for setting in settings(book):
        yield from case_of(book, setting, Numbers(kind, f"{seed}{book.name} {kind} {sorted(setting.items())}"))
    simplest = {name: values[0] for name, values in book.choices.items()}
    for number, setting in enumerate(book.large):
        yield from case_of(book, simplest | setting, Numbers(kind, f"{seed}{book.name} large {kind} {number}"))


def settings(book: Book, reach: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield every choice that differs from the simplest in at most ``reach`` places, or as many as the book says."""
    simplest = {name: values[0] for name, values in book.choices.items()}
    for count in range((book.reach if reach is None else reach) + 1):
        for names in combinations(book.choices, count):
            for values in product(*(book.choices[name][1:] for name in names)):
                yield simplest | dict(zip(names, values, strict=True))


def case_of(book: Book, setting: Mapping[str, Any], numbers: Numbers) -> Iterator[Case]:
    """Yield the case of a setting, if it fits."""
    made = book.make(setting, numbers)
    if made is not None:
        yield Case(numbers.kind, setting, *made)
