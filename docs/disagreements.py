"""Write docs/disagreements.md: where other libraries' answers are not the equation's, from what they answered."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from peers.disagreements import KINDS, NAMES, RECORD, TABLE  # noqa: E402

HEAD = """# Where libraries disagree

Each row is a question small enough to be answered by hand: what a library returns, what the equation gives (and
numpycam returns), and why the two differ. A, g, S and L are as in [methods](methods.md), where the equations are; of a
map or a list, values stand in order, with rows apart by semicolons. "The worked example" is that of the
[README](../README.md), with its numbers in [explanation.json](worked_example/explanation.json).

The libraries' answers were recorded on the CPU in float64: {versions}, with torch {torch}.
`tests/peers/record.py` asks them again. `tests/test_peers.py` holds numpycam to the equation's values, checks that the
libraries' are others, and shows that on whole networks all agree where nothing of this plays a part.
"""


def numbers(values, digits=5):
    """Return an array as text: rows apart by semicolons, at most two of them."""
    values = np.array(values, dtype=float)
    rows = [", ".join(f"{x:.{digits}g}" for x in row) for row in values.reshape(-1, *values.shape[-1:] or (1,))]
    return "; ".join(rows[:2]) + (" …" if len(rows) > 2 else "")


def both(row):
    """Return the libraries' answers and the equation's, with as many digits as it takes to tell them apart."""
    if row.equation is None:
        return [numbers(row.answer(peer)) for peer in row.peers], "no value: an error"
    digits = 5 if all(numbers(row.answer(peer)) != numbers(row.equation) for peer in row.peers) else 9
    return [numbers(row.answer(peer), digits) for peer in row.peers], numbers(row.equation, digits)


def page():
    """Return the whole page."""
    versions = [f"{name} {RECORD[peer]['version']}" for peer, name in NAMES.items()]
    torch = {RECORD[peer]["torch"] for peer in NAMES}
    head = HEAD.format(versions=", ".join(versions), torch=", ".join(torch).partition("+")[0])
    lines = [head]
    for kind, title in KINDS.items():
        ours = "numpycam returns" if kind == "ours" else "the equation gives"
        lines += [f"## {title}", "", f"| method | asked for | the library returns | {ours} | why |", "|" + "---|" * 5]
        for row in TABLE:
            if row.kind == kind:
                answers, equation = both(row)
                theirs = "<br>".join(
                    f"{NAMES[peer]}: {answer}" for peer, answer in zip(row.peers, answers, strict=True)
                )
                cells = row.method, row.asked, theirs, equation, row.why
                lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    (HERE / "disagreements.md").write_text(page())
