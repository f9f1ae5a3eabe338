"""Write the tables of docs/laws.md: the laws of each book, and which known mistakes they find. It takes minutes."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from laws.found import EXHIBITS, convention_of, found_by, is_asked  # noqa: E402
from page_parts import table, with_parts  # noqa: E402

from numpycam import laws  # noqa: E402
from numpycam.laws.message import CONDUCT  # noqa: E402

NAMED = "a convention: "


def laws_table(book, found, ids):
    """Return laws with the number of mistakes that each finds, and that no other law finds."""
    rows = []
    for law in (law for law in book.laws if law.id in ids):
        finds = [by for by in found if law.id in by]
        counts = [len(finds), sum(len(by) == 1 for by in finds)] if is_asked(book.name, law) else ["–", "–"]
        rows.append([law.id, law.text, law.where, *counts])
    return table(["law", "says", "where", "finds", "alone"], rows, numbers=[3, 4])


def mistakes_table(name, found):
    """Return the known mistakes of a book, with the laws that find them."""
    rows = []
    for id, mistake in EXHIBITS[name].items():
        by = ", ".join(found[id]) or NAMED + convention_of(name, id)
        rows.append([f"`{id}`", mistake.about, by, mistake.hint])
    return table(["mistake", "wrong", "found by", "what helps"], rows)


def conduct(found):
    """Return the laws of conduct, with what they find in all books."""
    return laws_table(laws.conv2d, [by for of_book in found.values() for by in of_book.values()], CONDUCT)


def books(found):
    """Return a chapter for each book."""
    chapters = []
    for name, book in laws.BOOKS.items():
        calls = [f"`{function}({', '.join(one.takes)})` → {', '.join(one.returns)}"
                 for function, one in book.signatures.items()]  # fmt: skip
        own = [law.id for law in book.laws if law.id not in CONDUCT]
        parts = [f"## {name}", "; ".join(calls), laws_table(book, [*found[name].values()], own)]
        parts += [
            f"Where implementations may differ: {one.question}. Known answers: {'; '.join(one.answers)}."
            for one in book.conventions
        ]
        chapters.append("\n\n".join([*parts, mistakes_table(name, found[name])]))
    return "\n\n".join(chapters)


def page(text, found):
    """Return the page with its tables."""
    return with_parts(text, {"conduct": conduct(found), "books": books(found)})


def read(text):
    """Return which laws find which mistakes, as the page says."""
    found, name = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
        elif cells := re.match(r"\| `([a-z0-9-]+)` \| \w* \| (.*?) \| ", line):
            by = [] if cells[2].startswith(NAMED) else cells[2].split(", ")
            found.setdefault(name, {})[cells[1]] = by
    return found


if __name__ == "__main__":
    found = {name: {id: found_by(name, id) for id in exhibits} for name, exhibits in EXHIBITS.items()}
    (HERE / "laws.md").write_text(page((HERE / "laws.md").read_text(), found))
