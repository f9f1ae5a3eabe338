"""Tells by which method, or by which known mistake, a map was made of its feature maps and gradients."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_array, as_maps
from numpycam.core.arrays import Array
from numpycam.laws import definitions
from numpycam.laws.book import Book
from numpycam.laws.cases import Case
from numpycam.laws.subject import Subject


class Identification(NamedTuple):
    """What makes a map."""

    method: str
    output: str  # "cam" is the map after the ReLU, "weighted_sum" is L, before it
    scaled: str  # "" as it is, "by its maximum", or "from minimum to maximum"
    mistake: str = ""  # the id of a known mistake
    hint: str = ""

    def __str__(self) -> str:
        what = {"cam": "the map", "weighted_sum": "the weighted sum, before the ReLU"}[self.output]
        told = f"{self.method}: {what}" + (f", scaled {self.scaled}" if self.scaled else "")
        return f"{told}, with the mistake {self.mistake!r}. {self.hint}" if self.mistake else told


def identifications(
    books: Mapping[str, Book], feature_maps: ArrayLike, gradients: ArrayLike, cam: ArrayLike
) -> list[Identification]:
    """Look in these books for what makes a map: see :func:`numpycam.laws.identify`."""
    a, g = (np.asarray(part, float) for part in as_maps(feature_maps, gradients, check_finite=True))
    came = np.asarray(as_array("cam", cam), float)
    if came.shape != a.shape[1:]:
        raise ValueError(f"cam must have shape {a.shape[1:]}, as each feature map has, got {came.shape}.")
    found = [one for one, made in _known(books, a, g) if _same(came, made)]
    return [one for one in found if not one.mistake] or found


def _known(books: Mapping[str, Book], a: Array, g: Array) -> Iterator[tuple[Identification, Array]]:
    case = Case("integers", {}, {"A": a, "g": g}, {})
    for name, book in books.items():
        if "cam" not in book.signatures:
            continue
        subjects = [(Subject.right(book), "", "")]
        subjects += [(Subject.right(book, **one.functions), one.id, one.hint) for one in book.mistakes if one.about]
        right: set[bytes] = set()
        for subject, mistake, hint in subjects:
            for output in ("cam", "weighted_sum"):
                try:
                    with np.errstate(all="ignore"):
                        made = subject.call(output, case)[output]
                except Exception:  # the method is not defined here
                    continue
                key = output.encode() + np.round(np.asarray(made, float), 12).tobytes()
                if key in right:
                    continue  # the mistake makes no difference here
                right.add(key)
                for scaled, value in _scalings(np.asarray(made, float)):
                    yield Identification(name, output, scaled, mistake, hint), value


def _scalings(made: Array) -> Iterator[tuple[str, Array]]:
    yield "", made
    if made.any():
        yield "by its maximum", definitions.normalise(made)
        low, high = made.min(), made.max()
        if low not in (0, high):
            yield "from minimum to maximum", (made - low) / (high - low)


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-7 * max(1.0, float(abs(b).max())))
