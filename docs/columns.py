"""Draw docs/performance/columns.png, for docs/performance.md, from the arrays that Conv2d itself makes."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from numpycam.core import convolution
from numpycam.core.window import Window

OUT = Path(__file__).parent / "performance" / "columns.png"
COLOURS = {1: "#cfe2f3", 2: "#fbe3b5", 3: "#cdebd9", 4: "#f3d3e3"}  # by row of the map
INK, SOFT, MARK, BLANK = "#222222", "#606060", "#c43c00", "#ededed"
CELL, WIDTH, HEIGHT = 0.46, 12.4, 6.0  # inches
LEFT, MIDDLE, RIGHT = 1.0, 3.95, 7.7  # where the map, its shifts and the columns stand
TOP, SHIFTS, PRODUCT = 1.95, (1.3, 3.2), 4.75

x = 10.0 * np.arange(1, 5)[:, None] + np.arange(1, 5)  # 23 is row 2, column 3
weight = np.array([[[[1.0, 0.0], [0.0, 1.0]]], [[[-1.0, -1.0], [1.0, 1.0]]]])  # (O, C, KH, KW)
window, place = Window(size=(2, 2), stride=(1, 1), padding=(0, 0)), 4  # the middle one of the places 0 … 8

with patch.object(convolution, "BLOCK", 2 * 3 * 4 * x.itemsize):  # two rows of the output
    blocks = [columns[0].copy() for _, _, columns in convolution._columns(x[None, None], window, weight_bytes=0)]
shifted = np.empty((1, 1, 2, 3, 3))
convolution._shift(x[None, None, :3], window.overlaps(1, 4, 3), shifted)  # the rows that the first block sees
output = convolution.convolve(x[None, None], weight, None, window)[0].reshape(2, -1)

figure = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
axes.set_axis_off()


def write(left, top, text, **style):
    """Write at a place in inches from the upper left corner."""
    axes.text(left, top, text, **{"size": 11.5, "va": "center", "color": SOFT} | style)


def head(left, text, *lines):
    """Write the head of a column of the picture."""
    write(left, 0.3, text, size=14, weight="bold", color=INK)
    for number, line in enumerate(lines):
        write(left, 0.62 + 0.24 * number, line)


def draw(left, top, numbers, alpha=1.0, colours=COLOURS):
    """Draw a matrix with its numbers."""
    for (i, j), number in np.ndenumerate(numbers):
        corner, colour = (left + j * CELL, top + i * CELL), colours.get(number // 10, BLANK)
        axes.add_patch(Rectangle(corner, CELL, CELL, facecolor=colour, edgecolor="white", linewidth=1.5, alpha=alpha))
        text, middle = f"{number:.0f}".replace("-", "−"), (corner[0] + CELL / 2, corner[1] + CELL / 2)
        write(*middle, text, size=13, ha="center", color=INK, alpha=alpha)


def frame(left, top, rows, columns):
    """Mark the cells that the window sees, or their column and its output."""
    box = Rectangle((left, top), columns * CELL, rows * CELL, fill=False, edgecolor=MARK, linewidth=2.6)
    axes.add_patch(box)


def bracket(edge, top, rows, text, right=True, colour=SOFT):
    """Mark rows of a matrix by a bracket beside it."""
    out, bottom = edge + (0.09 if right else -0.09), top + rows * CELL - 0.05
    axes.plot([edge, out, out, edge], [top + 0.05, top + 0.05, bottom, bottom], color=colour, linewidth=1.5)
    write(out + (0.07 if right else -0.07), (top + bottom) / 2, text, color=colour, ha="left" if right else "right")


def arrow(start, end):
    """Draw an arrow from one place to another."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, linewidth=1.4, color=SOFT))


head(LEFT, "The map", "23 is row 2, column 3")
draw(LEFT, TOP, x)
i, j = divmod(place, 3)
frame(LEFT + j * CELL, TOP + i * CELL, 2, 2)
bracket(LEFT - 0.06, TOP, 3, "block 1\nsees", right=False)
write(LEFT, TOP + 4 * CELL + 0.22, "the window, at one place", color=MARK)

head(MIDDLE, "Shifted sideways", "a copy for each column", "of the window, in short rows")
head(RIGHT, "Shifted up and down: columns", "a copy for each row of the window, in long runs")
labels = RIGHT - 1.16
for v, top in enumerate(SHIFTS):
    draw(MIDDLE, top, shifted[0, 0, v])
    write(MIDDLE - 0.12, top + 1.5 * CELL, f"v = {v}", ha="right", color=INK)
    arrow((LEFT + 4 * CELL + 0.1, TOP + (1.5 + v) * CELL), (MIDDLE - 0.62, top + 1.5 * CELL))
    for u in (0, 1):
        edge = MIDDLE + 3 * CELL + 0.06 + 0.16 * u
        bracket(edge, top + u * CELL, 2, "")
        row = 2 * u + v
        write(RIGHT - 0.1, TOP + (row + 0.5) * CELL, f"u = {u}, v = {v}", ha="right", color=INK)
        arrow((edge + 0.1, top + (u + 1) * CELL), (labels, TOP + (row + 0.5) * CELL))

left = RIGHT
for number, columns in enumerate(blocks, start=1):
    (_, cells), done = columns.shape, round((left - RIGHT) / CELL)
    alpha, what = (1.0, "block 1") if number == 1 else (0.4, "then block 2")
    write(left, TOP - 0.2, what)
    draw(left, TOP, columns, alpha)
    draw(left, PRODUCT, output[:, min(done, 6) :][:, :cells], alpha, colours={})
    left += cells * CELL + 0.3
for top, rows in ((TOP, 4), (PRODUCT, 2)):
    frame(RIGHT + place * CELL, top, rows, 1)
draw(RIGHT - 0.42 - 4 * CELL, PRODUCT, weight.reshape(2, -1), colours={})
write(RIGHT - 0.42 - 4 * CELL, PRODUCT + 2 * CELL + 0.2, "weights")
arrow((RIGHT - 0.37, PRODUCT + CELL), (RIGHT - 0.05, PRODUCT + CELL))
arrow((RIGHT + 5.5 * CELL, TOP + 4 * CELL + 0.1), (RIGHT + 5.5 * CELL, PRODUCT - 0.05))
write(RIGHT, PRODUCT + 2 * CELL + 0.2, "output: the weights times the columns")
figure.savefig(OUT, dpi=120, metadata={"Software": None})
