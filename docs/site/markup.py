"""What GitHub reads in Markdown and in notebooks, said so that Sphinx reads the same.

GitHub has formulas as $`…`$, folders as addresses, and the alternative text of a figure in an output's metadata. A page
of HTML that stands beside the documents is linked, not offered for download.
"""

import json
import re
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from sphinx.application import Sphinx

FENCE = re.compile(r"^(```|~~~).*?^\1[`~]*\s*?$", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(r"\$`([^`\n]+)`\$")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
PATTERN = re.compile(r"^([\w/]+\*)\n", re.MULTILINE)
EMPTY = re.compile(r"^```\{toctree\}\n(:.*\n)*\n```\n", re.MULTILINE)
CHILDREN = {
    "notebooks/README": ["[0-9]*", "glossary", "cheat_sheet", "/docs/teaching"],
    "docs/teaching": ["lab/README*", "LICENSE-course"],
}
"""For a page that GitHub shows, too, and that cannot hold a table of contents of Sphinx's: the pages below it."""

LESSON = re.compile(r"notebooks/(\d\d_\w+)")


def outside_of_fences(text: str, change: Any) -> str:
    """Return the text with all that is not a block of code changed."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def as_myst(text: str, docname: str, root: Path) -> str:
    """Return Markdown as GitHub reads it in the words of MyST."""

    def address(match: re.Match[str]) -> str:
        words, target = match.groups()
        place = target.partition("#")[0]
        if ":" in target or not place:
            return match.group()
        path = root / normpath(join(dirname(docname), place))
        if path.is_dir():
            return f"`{words.strip('`')}`"
        if path.suffix == ".html":
            return f"[{words}](as-is:{target})"
        return match.group()

    return outside_of_fences(text, lambda part: LINK.sub(address, FORMULA.sub(r"$\1$", part)))


def without_empty_patterns(text: str, folder: Path) -> str:
    """Return a page whose tables of contents name no pattern that finds nothing."""
    return EMPTY.sub("", PATTERN.sub(lambda match: match.group() if [*folder.glob(match[1] + ".md")] else "", text))


def table_of_contents(docname: str) -> str:
    """Return a hidden table of the pages below a page, or nothing."""
    children = CHILDREN.get(docname)
    lines = ["", "", "```{toctree}", ":hidden:", ":glob:", "", *(children or []), "```", ""]
    return "\n".join(lines) if children else ""


def as_lesson(text: str, docname: str, root: Path, lab: bool) -> str:
    """Return a notebook with what a reader of the site needs.

    These are the alternative texts where myst-nb looks for them, solutions that stay closed until asked for, and the
    ways to a copy of one's own.
    """
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = as_myst("".join(cell["source"]), docname, root)
        tags = cell["metadata"].get("tags", [])
        if "solution" in tags:
            cell["metadata"]["tags"] = [*tags, "hide-cell"]
        alts = [output["metadata"]["image/png"]["alt"] for output in cell.get("outputs", []) if _has_alt(output)]
        if alts:
            (alt,) = alts
            cell["metadata"]["mystnb"] = {"image": {"alt": alt}}
    lesson = LESSON.fullmatch(docname)
    if lesson:
        head, line, text = notebook["cells"][0]["source"].partition("\n[")  # the line with the ways to other lessons
        notebook["cells"][0]["source"] = f"{head}\n{ways_in(lesson[1], lab)}{line}{text}"
    return json.dumps(notebook)


def with_ways_in(text: str, lab: bool) -> str:
    """Return the course's page with the ways to a copy below its first paragraph."""
    heading, first, rest = text.split("\n\n", 2)
    return f"{heading}\n\n{first}{ways_in('01_grad_cam_by_hand', lab, 'Open lesson 01 in the lab')}\n{rest}"


def ways_in(name: str, lab: bool, words: str = "Open this lesson in the lab") -> str:
    """Return how a reader gets a copy of a lesson: in the browser, if a lab was built, and on the own computer."""
    own = "On your own computer, `numpycam course my-folder --open` makes a copy to write in, without solutions."
    if not lab:
        return f"\n\n:::{{div}} lesson-ways\n{own}\n:::\n"
    place = f"../lab/notebooks/index.html?path={name}.ipynb"
    here = f'<a class="lesson-lab" href="{place}">{words}</a>.'
    return f"\n\n:::{{div}} lesson-ways\n{here} It runs in your browser: nothing is installed. {own}\n:::\n"


def _has_alt(output: dict[str, Any]) -> bool:
    """Whether the output of a cell is a figure with an alternative text."""
    return "alt" in output.get("metadata", {}).get("image/png", {})


def has_lab(app: Sphinx) -> bool:
    """Whether a lab was built into the site's folder."""
    return (Path(app.outdir) / "lab" / "notebooks" / "index.html").is_file()


def read(app: Sphinx, docname: str, content: list[str]) -> None:
    """Change a document as it is read."""
    root, path = Path(app.srcdir), app.env.doc2path(docname)
    if path.suffix == ".ipynb":
        content[0] = as_lesson(content[0], docname, root, has_lab(app))
    elif path.suffix == ".md":
        text = as_myst(content[0], docname, root) + table_of_contents(docname)
        if docname == "notebooks/README":
            text = with_ways_in(text, has_lab(app))
        content[0] = without_empty_patterns(text, path.parent)


def setup(app: Sphinx) -> dict[str, Any]:
    """Be an extension of Sphinx."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
