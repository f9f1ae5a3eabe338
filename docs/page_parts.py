"""The parts of a page that a script writes: tables, and what stands between the two marks of a name."""

import re


def line(*cells):
    """Return a line of a table. In a cell, a | would begin the next one, so it is written as its number."""
    return f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in cells)} |"


def table(head, rows, numbers=()):
    """Return a table: the cells of its head, then rows of cells. ``numbers`` are its columns of numbers, from 0 on."""
    marks = ("---:" if column in numbers else "---" for column in range(len(head)))
    return "\n".join([line(*head), f"|{'|'.join(marks)}|", *(line(*row) for row in rows)])


def part_of(text, name):
    """Return what stands between the marks <!-- name --> and <!-- /name --> of a page."""
    return _between_marks(text, name)[1].removesuffix("\n")


def with_parts(text, parts):
    """Return the text of a page with each part, {name: part}, between its marks."""
    for name, part in parts.items():
        old = _between_marks(text, name)
        text = f"{text[: old.start(1)]}{part}\n{text[old.end(1) :]}"
    return text


def write_parts(page, parts):
    """Write each part, {name: part}, between its marks of a page, which is a path."""
    page.write_text(with_parts(page.read_text(encoding="utf-8"), parts), encoding="utf-8")


def _between_marks(text, name):
    found = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, flags=re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no marks <!-- {name} --> … <!-- /{name} -->")
    return found
