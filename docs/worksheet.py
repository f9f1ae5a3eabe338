"""Write docs/teaching/worksheet.html and worksheet_answers.html: the worked example for a pencil, on one page each."""

from html import escape
from pathlib import Path

from numpycam.exact import as_floats
from numpycam.text import decimal
from numpycam.worked_example import ALPHAS, FEATURE_MAPS, GRADIENTS, LOCALIZATION_MAP, WEIGHTED_SUM

FOLDER = Path(__file__).parent / "teaching"

STYLE = """
@page { size: A4; margin: 14mm; }
body { font: 12pt/1.35 Georgia, serif; color: #111; background: #fff; max-width: 182mm; margin: 6mm auto; }
h1 { font-size: 17pt; margin: 0 0 1mm; }
h2 { font-size: 12.5pt; margin: 4mm 0 1.5mm; }
p { margin: 1mm 0; }
.row { display: flex; gap: 9mm; align-items: flex-end; flex-wrap: wrap; }
figure { margin: 0; }
figcaption { font-style: italic; margin-bottom: 1mm; }
table { border-collapse: collapse; }
td { border: 1px solid #444; width: 17mm; height: 9.5mm; text-align: center; font-variant-numeric: tabular-nums; }
.name { float: right; }
.line { display: inline-block; border-bottom: 1px solid #444; width: 22mm; text-align: center; }
.wide { width: 60mm; }
"""


def table(title, rows):
    """Return a map as a table: its numbers, or empty cells for a pencil."""
    cells = "".join(f"<tr>{''.join(f'<td>{value}</td>' for value in row)}</tr>" for row in rows)
    return f"<figure><figcaption>{title}</figcaption><table>{cells}</table></figure>"


def numbers(values):
    """Return a map of numbers as rows of text."""
    return [[decimal(value).replace("-", "−") for value in row] for row in as_floats(values)]


def maps(title, every):
    """Return maps side by side, numbered from 1."""
    return f'<div class="row">{"".join(table(title.format(k), rows) for k, rows in enumerate(every, 1))}</div>'


def blank(answer, solved, wide=""):
    """Return a line to write on, with the answer on it or without."""
    return f'<span class="line {wide}">{escape(answer) if solved else "&nbsp;"}</span>'


def page(solved):
    """Return the worksheet, with the answers or without."""

    def rows(values):
        return numbers(values) if solved else [[""] * 2 for _ in range(2)]

    alphas = [f"α<sub>{k}</sub> = {blank(decimal(alpha), solved)}" for k, alpha in enumerate(ALPHAS, 1)]
    weighted = [rows(alpha * a) for alpha, a in zip(ALPHAS, FEATURE_MAPS, strict=True)]
    name = "" if solved else f'<span class="name">Name: {blank("", solved, "wide")}</span>'
    title = "Grad-CAM with a pencil" + (": the answers" if solved else "")
    last = "The body of the cat: the map is largest at the lower left. The moon, at the upper right, speaks against it."
    body = f"""{name}<h1>{title}</h1>
<p>A network gives the class <i>cat</i> the score y = 28.6. Where in the picture does it come from?</p>
<h2>The feature maps: what each kernel found</h2>
{maps("A<sup>{}</sup>", map(numbers, FEATURE_MAPS))}
<h2>The gradient maps: how much y changes with each cell</h2>
{maps("dy/dA<sup>{}</sup>", map(numbers, GRADIENTS))}
<h2>1 · The average of each gradient map: α = the sum of its cells / 4</h2>
<p>{" &emsp; ".join(alphas)}</p>
<h2>2 · Each feature map times its α</h2>
{maps("α<sub>{0}</sub> A<sup>{0}</sup>", weighted)}
<h2>3 · Add the three up, cell by cell, then put 0 for what is negative</h2>
<div class="row">{table("L = Σ α A", rows(WEIGHTED_SUM))}{table("ReLU(L)", rows(LOCALIZATION_MAP))}</div>
<h2>4 · Read it</h2>
<p>The picture has a cat at the lower left and a moon at the upper right. Which part of it made the score?</p>
<p>{last if solved else blank("", False, "wide") + "&emsp;" + blank("", False, "wide")}</p>
<p>One unit more in the upper left cell of A<sup>1</sup>: what is y then? {blank("30.6", solved)}</p>"""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<main>\n{body}\n</main>\n</html>\n"
    )


PAGES = {"worksheet.html": page(False), "worksheet_answers.html": page(True)}

if __name__ == "__main__":
    for name, text in PAGES.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
