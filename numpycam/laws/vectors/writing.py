"""Writes the vectors of each operation as JSON, a line for each vector."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from numpycam.laws import BOOKS
from numpycam.laws.book import Book
from numpycam.laws.vectors import OPERATIONS
from numpycam.laws.vectors.choose import choose
from numpycam.laws.vectors.results import TOLERANCE, Result


def files() -> dict[str, bytes]:
    """Return all files by name."""
    return {f"{name}.json": file_of(BOOKS[name]).encode() for name in OPERATIONS}


def file_of(book: Book) -> str:
    """Return the file of a book: a line for each mistake and for each test."""
    chosen = choose(book)
    told = {id for one in chosen for id in one.tells}
    mistakes = [
        {"id": mistake.id, "output": mistake.about, "hint": mistake.hint}
        for mistake in book.mistakes
        if mistake.id in told
    ]
    head = {"schema": "schema.json", "operation": book.name, "tolerance": TOLERANCE}
    lines = [f"{_text(name)}: {_text(value)}," for name, value in head.items()]
    lines += ['"mistakes": [', ",\n".join(map(_text, mistakes)), "],"]
    lines += ['"tests": [', ",\n".join(_text(_test(one)) for one in chosen), "]"]
    return "\n".join(["{", *lines, "}", ""])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _test(one: Result) -> dict[str, Any]:
    candidate = one.candidate
    convention = ["convention"] if one.alternatives else []
    return {
        "id": candidate.id,
        "profile": candidate.profile,
        "flags": [*candidate.flags, *convention],
        "comment": candidate.comment,
        "options": {name: _option(value) for name, value in candidate.case.options.items()},
        "inputs": _arrays(candidate.case.arrays),
        "outputs": _arrays(one.outputs),
        "alternatives": [{"name": name, "outputs": _arrays(outputs)} for name, outputs in one.alternatives.items()],
        "tells": [*one.tells],
    }


def _arrays(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else _array(np.asarray(value)) for name, value in arrays.items()}


def _array(array: Any) -> dict[str, Any]:
    values = array if array.dtype.kind == "i" else np.vectorize(str, otypes=[object])(array)
    return {"shape": [*array.shape], "values": values.tolist()}


def _option(value: Any) -> Any:
    return value if isinstance(value, bool | int | tuple) else str(value)
