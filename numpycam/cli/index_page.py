"""The index page and the table of scores that ``numpycam explain`` writes for many pictures."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from pathlib import Path

from numpycam.text import printable, shortened

FILES = ("index.html", "scores.csv")
"""The names of the files: the page and the table."""

COLUMNS = ("file", "class index", "class name", "score", "probability", "layer", "status")
"""The columns of the table. It has a row for each picture, or with --top for each class that is explained."""

_HEADER = ",".join(COLUMNS).encode()
_FORMULA = "=", "+", "-", "@", "\t", "\r"  # a spreadsheet computes what begins with these
_MARK = b'<meta name="generator" content="numpycam explain">'
_LONGEST_NAME, _LONGEST_FILE, _LONGEST_REASON = 60, 120, 400


@dataclass(frozen=True)
class Shown:
    """What the page and the table show of a picture, for one class."""

    class_index: int
    class_name: str  # empty if it is not known
    score: float
    probability: float | None
    layer: str
    is_zero: bool  # no cell speaks for the class
    page: str  # where the explanation is, in the picture's folder
    thumbnails: Sequence[str]  # the picture and the overlay, as JPEG pictures in base64
    size: Sequence[int]  # of each thumbnail: width, height


@dataclass(frozen=True)
class Outcome:
    """What became of a picture."""

    path: Path
    what: str  # explained, kept (from an earlier run), failed, not yet
    why: str = ""
    folder: str = ""  # as a link from the page
    shown: Sequence[Shown] = field(default=())

    @property
    def failed(self) -> bool:
        """Whether it could not be explained."""
        return self.what == "failed"


def is_ours(path: Path) -> bool:
    """Whether a file is an index page or a table of scores that numpycam wrote."""
    try:
        if not path.is_file():  # a pipe may never begin
            return False
        with open(path, "rb") as file:
            start = file.read(1000)
    except OSError:
        return False
    return start.startswith(_HEADER) if path.name == FILES[1] else _MARK in start


def as_csv(outcomes: Sequence[Outcome]) -> bytes:
    """Return the table of scores, in UTF-8. Half of a character in a file's name is written as its number.

    A network's file may come from anyone, and a spreadsheet takes ``=1+1`` for a formula. So an apostrophe stands
    before such a name, and ``./`` before such a file, which is the same file.
    """
    text = StringIO(newline="")
    write = csv.writer(text, lineterminator="\r\n")  # so that a \r in a name is quoted by every release of Python
    write.writerow(COLUMNS)
    for one in outcomes:
        file = _as_text(str(one.path), "./")
        for shown in one.shown:
            status = "explained: the map is zero" if shown.is_zero else "explained"
            name, layer = _as_text(shown.class_name), _as_text(shown.layer)
            probability = "" if shown.probability is None else shown.probability
            write.writerow([file, shown.class_index, name, shown.score, probability, layer, status])
        if not one.shown:
            write.writerow([file, "", "", "", "", "", f"{one.what}: {one.why}" if one.why else one.what])
    return text.getvalue().encode(errors="backslashreplace")


def _as_text(text: str, before: str = "'") -> str:
    """Return a text that no spreadsheet takes for a formula. ``before`` stands in front of one that it would."""
    return before + text if text.startswith(_FORMULA) else text


def as_page(outcomes: Sequence[Outcome]) -> str:
    """Return the page with a card for each picture. It needs no other file and no script; its links are relative."""
    cards = [_card(one) for one in outcomes if one.shown]
    without = [one for one in outcomes if not one.shown]
    titles = {"failed": "Not explained", "not yet": "Not yet explained"}
    lists = [_list(title, [one for one in without if one.what == what]) for what, title in titles.items()]
    count = f"{len(cards)} of {len(outcomes)} pictures explained" if without else f"{len(cards)} pictures explained"
    if (len(cards), len(without)) == (1, 0):
        count = "1 picture explained"
    has_chance = any(shown.probability is not None for one in outcomes for shown in one.shown)
    numbers = "the class, its score and its probability" if has_chance else "the class and its score"
    head = _HEAD.replace("MARK", _MARK.decode()).replace("COUNT", count).replace("NUMBERS", numbers)
    body = f'<div class="cards">\n{"".join(cards)}</div>\n{"".join(lists)}'
    return f"{head}<main>\n{body}</main>\n</body>\n</html>\n"


def _card(one: Outcome) -> str:
    """Return a picture's card on the page, with all classes that were explained."""
    file = shortened(printable(str(one.path)), _LONGEST_FILE)
    return f"<article>\n<h2>{escape(file)}</h2>\n{''.join(_entry(one, shown) for shown in one.shown)}</article>\n"


def _entry(one: Outcome, shown: Shown) -> str:
    """Return one class of a card: the picture beside the map, and the score."""
    name = shortened(printable(shown.class_name or f"class {shown.class_index}"), _LONGEST_NAME)
    width, height = shown.size
    file = shortened(printable(one.path.name), _LONGEST_NAME)
    texts = file, f"{file}: " + ("no cell speaks for it" if shown.is_zero else f"where the score for {name} comes from")
    images = "\n".join(
        f'<img src="data:image/jpeg;base64,{escape(source)}" width="{int(width)}" height="{int(height)}" '
        f'alt="{escape(text)}">'
        for source, text in zip(shown.thumbnails, texts, strict=True)
    )
    chance = "" if shown.probability is None else f", {100 * shown.probability:.1f} %"
    zero = '\n<span class="zero">The map is zero: no cell speaks for it.</span>' if shown.is_zero else ""
    return (
        f'<a href="{escape(f"{one.folder}/{shown.page}")}">\n<span class="pair">\n{images}\n</span>\n'
        f'<span class="name">{escape(name)}</span> <span class="score">{shown.score:.5g}{chance}</span>{zero}\n</a>\n'
    )


def _list(title: str, outcomes: Sequence[Outcome]) -> str:
    """Return a list of pictures that were not explained, with the reasons. Return nothing if there are none."""
    rows = "".join(
        f"<li><b>{escape(shortened(printable(str(one.path)), _LONGEST_FILE))}</b>"
        f"{escape(f' {shortened(printable(one.why), _LONGEST_REASON)}') if one.why else ''}</li>\n"
        for one in outcomes
    )
    return f"<section>\n<h2>{title}</h2>\n<ul>\n{rows}</ul>\n</section>\n" if rows else ""


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
MARK
<link rel="icon" href="data:,">
<title>COUNT</title>
<style>
:root { --paper: #fbfaf7; --ink: #1d2126; --quiet: #5a626c; --line: #d5d2ca; --card: #ffffff; --accent: #0b5a8f }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e9e7e2; --quiet: #a3abb5; --line: #3a4048; --card: #1d2126; --accent: #7cc0f0 }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 84rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 }
header p { margin: .35rem 0 1.5rem; color: var(--quiet); max-width: 42rem }
a { color: var(--accent) }
.cards { display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)) }
article { border: 1px solid var(--line); border-radius: .75rem; background: var(--card); overflow: hidden }
article h2 { font-size: .9rem; font-weight: 400; color: var(--quiet); margin: 0; padding: .6rem .9rem }
article a { display: block; padding: 0 .9rem .8rem; color: inherit; text-decoration: none }
article a + a { border-top: 1px solid var(--line); padding-top: .8rem }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; margin-bottom: .5rem }
img { display: block; width: 100%; height: auto; border-radius: .35rem }
.name { font-weight: 600; color: var(--accent); text-decoration: underline; text-underline-offset: .15em }
.score { color: var(--quiet); font-variant-numeric: tabular-nums }
.zero { display: block; color: var(--quiet); font-size: .9rem }
article a:hover .name { text-decoration-thickness: 2px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; border-radius: .75rem }
section { margin-top: 2rem }
section h2 { font-size: 1.15rem; margin: 0 0 .4rem }
section li { margin: .25rem 0 }
</style>
</head>
<body>
<header>
<h1>COUNT</h1>
<p>Each picture stands beside its map: where the score of the class comes from. Below stand
NUMBERS. A click shows the explanation. All scores are in <a href="scores.csv">scores.csv</a>.</p>
</header>
"""
