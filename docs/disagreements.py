"""Write docs/disagreements.md from the recorded answers of other libraries: where they differ from the equation."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from page_parts import table  # noqa: E402
from peers.disagreements import KINDS, NAMES, RECORD, TABLE  # noqa: E402

HEAD = """# Where libraries disagree

Each row is a question that can be answered by hand. It shows what a library returns, what the equation gives (numpycam
returns the same), and why the two differ. The page [methods](methods.md) has the equations, and A, g, S and L. Commas
separate the values of a map, semicolons its rows. "The worked example" is the one in the [README](../README.md); its
numbers are in [explanation.json](worked_example/explanation.json).

The libraries are {versions}, with torch {torch}. Their answers were recorded on the CPU
in float64. `tests/peers/record.py` asks them again. The tests compare numpycam with the equation's values, and check
that the libraries return others. They also show that all agree on whole networks where none of this plays a part.
On flat pictures, methods that weigh cell by cell differ between any two programs. [Methods](methods.md) says why.
"""


def numbers(values, digits=5):
    """Return an array as text: at most two rows, with semicolons between them. An error is a text already."""
    if np.asarray(values).dtype.kind == "U":
        return str(values)
    values = np.array(values, dtype=float)
    rows = [", ".join(f"{x:.{digits}g}" for x in row) for row in values.reshape(-1, *values.shape[-1:] or (1,))]
    return "; ".join(rows[:2]) + (" …" if len(rows) > 2 else "")


def both(row):
    """Return the libraries' answers and the equation's, with enough digits to tell them apart."""
    if row.equation is None:
        return [numbers(row.answer(peer)) for peer in row.peers], "no value: an error"
    digits = 5 if all(numbers(row.answer(peer)) != numbers(row.equation) for peer in row.peers) else 9
    return [numbers(row.answer(peer), digits) for peer in row.peers], numbers(row.equation, digits)


def cells_of(row):
    """Return a row of the table, with what the libraries return and what the equation gives."""
    answers, equation = both(row)
    theirs = "<br>".join(f"{NAMES[peer]}: {answer}" for peer, answer in zip(row.peers, answers, strict=True))
    return row.method, row.asked, theirs, equation, row.why


def page():
    """Return the whole page."""
    versions = [f"{name} {RECORD[peer]['version']}" for peer, name in NAMES.items()]
    torch = {RECORD[peer]["torch"] for peer in NAMES}
    head = HEAD.format(versions=", ".join(versions), torch=", ".join(torch).partition("+")[0])
    chapters = []
    for kind, title in KINDS.items():
        ours = "numpycam returns" if kind == "ours" else "the equation gives"
        columns = ["method", "asked for", "the library returns", ours, "why"]
        chapters.append(f"## {title}\n\n{table(columns, [cells_of(row) for row in TABLE if row.kind == kind])}\n")
    return "\n".join([head, *chapters])


if __name__ == "__main__":
    (HERE / "disagreements.md").write_text(page())
