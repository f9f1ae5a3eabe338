"""Write docs/proofs.md: what is proved by symbols, and the polynomials of small examples."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from laws.ours import OURS  # noqa: E402
from laws.test_ours import PROVED  # noqa: E402
from page_parts import line  # noqa: E402

from numpycam import laws  # noqa: E402
from numpycam.core import steps  # noqa: E402
from numpycam.laws.symbols import symbol  # noqa: E402

HEAD = """# What is proved

A test asks a law on some numbers. A proof asks it on all of them at once. Symbols take the place of the numbers and go
through numpycam's own code, line by line. At the end, both sides of the law are polynomials in these symbols, or
quotients of two. If they are the same, the law holds for all numbers.

Each proof is for one size and one choice of options, and there are many of these on the list. ReLU and max pooling
compare numbers. There the signs and the order of the symbols are assumed, and each case assumes others: a proof is of
one linear piece. `tests/laws/test_ours.py` makes all of these proofs again. You can prove functions of your own in the
same way: `laws.conv2d.verify(forward=…, backward=…, how="prove")`, after `pip install 'numpycam[proof]'`.

## The polynomials of Grad-CAM, 2 × 2

Two feature maps of 2 × 2 cells, a and b, and their gradient maps, g and h. This is what the five steps compute:

"""

CONVOLUTION = """
## The polynomials of a convolution

A picture x of 3 × 3 cells, a kernel w of 2 × 2 cells, and the gradient u of the 2 × 2 outputs:

"""

TABLE = """
## The laws

Each of these laws is proved for numpycam's own functions, for the number of sizes and options in the last column.

| operation | law | says | sizes |
|---|---|---|---:|
"""


def symbols(letter, height, width):
    """Return a map of symbols: a_11, a_12, and so on."""
    cells = [[symbol(f"{letter}_{i + 1}{j + 1}") for j in range(width)] for i in range(height)]
    return np.array(cells, dtype=object)


def equations(name, array):
    """Return a line for each element: what it is, in symbols."""
    return [f"    {name}_{''.join(str(i + 1) for i in index)} = {value!r}" for index, value in np.ndenumerate(array)]


def grad_cam():
    """Return the polynomials of steps 3 and 4."""
    maps = np.stack([symbols("a", 2, 2), symbols("b", 2, 2)])
    gradients = np.stack([symbols("g", 2, 2), symbols("h", 2, 2)])
    alphas = steps.compute_alphas(gradients)
    return [
        *equations("α", alphas),
        "",
        *equations("L", steps.compute_weighted_sum(steps.compute_weighted_maps(alphas, maps))),
    ]


def convolution():
    """Return the polynomials of a convolution and of its two gradients."""
    x, weight, u = symbols("x", 3, 3)[None, None], symbols("w", 2, 2)[None, None], symbols("u", 2, 2)[None, None]
    y = OURS["conv2d"]["forward"](x, weight)
    dx, dw, _ = OURS["conv2d"]["backward"](u, x, weight)
    return [*equations("y", y[0, 0]), "", *equations("dx", dx[0, 0]), "", *equations("dW", dw[0, 0])]


def proved():
    """Return a row for each law that is proved."""
    for name in PROVED:
        report = laws.BOOKS[name].verify(**OURS[name], how="prove")
        for entry in report.entries:
            yield line(f"`{name}`", entry.law.id, entry.law.text, entry.cases)


def page():
    """Return the whole page."""
    parts = [HEAD + "\n".join(grad_cam()), CONVOLUTION + "\n".join(convolution()), TABLE + "\n".join(proved())]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (HERE / "proofs.md").write_text(page())
