"""The files of the site: links, pictures, formulas, and that what numpycam has is there."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import numpycam
from numpycam import laws
from numpycam.methods import METHODS

ROOT = Path(__file__).resolve().parents[2]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ALREADY_TEXT = {"script", "style", "pre", "code", "svg", "title", "textarea"}


class Page(HTMLParser):
    """What a page links and shows, and where it can be linked."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.images, self.headers, self.blocks, self.words = [], set(), [], [], [], []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        if tag == "img":
            self.images.append(given)
        if tag == "pre":
            self.blocks.append("")
        if tag == "th":
            self.headers.append("")
        if tag not in VOID:
            is_done = {"math", "sig"} & {*(given.get("class") or "").split()}  # a formula, or a name with its defaults
            self.open.append((tag, tag in ALREADY_TEXT or is_done))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if "pre" in tags:
            self.blocks[-1] += data
        if "th" in tags:
            self.headers[-1] += data
        if not any(is_text for _, is_text in self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def read(site):
    """All pages by their addresses."""
    return {address: Page((site.folder / address).read_text(encoding="utf-8")) for address in site.pages}


def test_the_build_has_no_warning(site):
    assert (site.status, site.said) == (0, "")


def test_each_document_has_a_page(site):
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    without = {"docs/paper.md"}  # a manuscript, for a journal's own tools
    names = {path.relative_to(ROOT).as_posix() for path in documents} - without
    assert {name.rsplit(".", 1)[0] + ".html" for name in names} <= set(site.pages)


def test_no_internal_link_is_dead(site, read):
    dead = []
    for address, page in read.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path, anchor = urldefrag(unquote(link))
            target = normpath(join(dirname(address), path.partition("?")[0])) if path else address
            known = read[target].ids if target in read and not in_a_script(target) else {anchor}
            if not (site.folder / target).is_file() or (anchor and anchor not in known):
                dead.append((address, link))
    assert dead == []


def in_a_script(address):
    """Whether a page makes its places by a script: its own pages do, not those of Sphinx."""
    return address.endswith("steps.html")


def test_each_picture_says_what_it_shows(read):
    decoration = "logo__image"  # beside it stands the name
    without = [
        (address, image.get("src", "")[:80])
        for address, page in read.items()
        for image in page.images
        if "alt" not in image or (not image["alt"].strip() and decoration not in image.get("class", ""))
    ]
    assert without == []


def test_the_figures_of_a_notebook_have_their_own_texts(read):
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        alts = [output["metadata"]["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})]
        shown = [" ".join(image["alt"].split()) for image in read[f"notebooks/{path.stem}.html"].images]
        assert alts
        assert [alt for alt in alts if " ".join(alt.split()) not in shown] == [], path.name


def test_no_header_of_a_column_is_empty(read):
    ours = {address: page for address, page in read.items() if not address.startswith(("_modules", "genindex"))}
    assert [(address, page.headers) for address, page in ours.items() if "" in map(str.strip, page.headers)] == []


def test_no_formula_is_left_as_text(read):
    left = re.compile(r"\$[`$]|[`$]\$|\\\(|\\\[|\$[^\s$][^$]*[\\^_][^$]*\$|:(?:math|func|class|meth|mod|data):`")
    found = {address: left.findall(" ".join(page.words)) for address, page in read.items()}
    assert {address: words for address, words in found.items() if words} == {}


def test_each_indented_block_of_a_docstring_is_a_block(read):
    """As it stands in Python: its lines follow one another, with their columns."""
    blocks = ["\n".join(map(str.rstrip, block.splitlines())) for page in read.values() for block in page.blocks]
    shown = "\n".join(blocks)
    found = [(name, block) for name in documented_modules(read) for block in indented_blocks(name)]
    assert {"numpycam.core.layers", "numpycam.core.steps", "numpycam.interop"} <= {name for name, _ in found}
    assert [(name, block) for name, block in found if block not in shown] == []


def documented_modules(read):
    ids = {one for page in read.values() for one in page.ids}
    names = {one.removeprefix("module-") for one in ids if one.startswith("module-numpycam")}
    return sorted(names | {"numpycam.core.layers"})  # its page has the layers under their public names


def indented_blocks(name):
    import importlib
    from inspect import getdoc

    text = getdoc(importlib.import_module(name)) or ""
    paragraphs = re.split(r"\n\s*\n", text)
    chosen = [one for one in paragraphs if one.startswith("    ") and not one.strip().startswith((">>>", "- "))]
    return ["\n".join(line[4:].rstrip() for line in one.splitlines()) for one in chosen]


def test_all_methods_are_there(read, site):
    text = unescape((site.folder / "docs/reference/methods.html").read_text(encoding="utf-8"))
    for name, method in METHODS.items():
        assert f"numpycam.methods.{name}" in read["docs/reference/methods.html"].ids
        assert f"L = {method.equation}" in text
        assert method.source in text


def test_all_laws_are_there(read):
    for name, book in laws.BOOKS.items():
        page = read[f"docs/reference/laws/{name}.html"]
        words = " ".join(" ".join(page.words).split())
        assert f"numpycam.laws.{name}" in page.ids
        assert [law.text for law in book.laws if " ".join(law.text.split()) not in words] == []


def test_all_public_names_are_there(read):
    ids = {one for page in read.values() for one in page.ids}
    assert [name for name in numpycam.__all__ if f"numpycam.{name}" not in ids] == []
    for module in ("display", "checks"):
        names = getattr(numpycam, module).__all__
        assert [name for name in names if f"numpycam.{module}.{name}" not in ids] == []


def test_the_page_of_the_worked_example_is_the_one_of_the_command(site):
    made = (site.folder / "docs/worked_example/steps.html").read_text(encoding="utf-8")
    assert made == (ROOT / "docs/worked_example/steps.html").read_text(encoding="utf-8")
    assert 'src="worked_example/steps.html"' in (site.folder / "docs/index.html").read_text(encoding="utf-8")


def test_a_lesson_leads_to_the_lab_if_there_is_one(site):
    from markup import as_lesson, with_ways_in

    path = "notebooks/01_grad_cam_by_hand.ipynb"
    source = (ROOT / path).read_text(encoding="utf-8")
    link = "../lab/notebooks/index.html?path=01_grad_cam_by_hand.ipynb"
    first = {lab: as_lesson(source, path[:-6], Path(ROOT), lab) for lab in (False, True)}
    assert link not in first[False]
    assert link in first[True]
    course = (ROOT / "notebooks/README.md").read_text(encoding="utf-8")
    page = {lab: with_ways_in(course, lab) for lab in (False, True)}
    assert link not in page[False]
    assert page[True].index("The course") < page[True].index(link) < page[True].index("| Notebook |")
    assert not (site.folder / "lab").exists()
    assert link not in (site.folder / "notebooks/01_grad_cam_by_hand.html").read_text(encoding="utf-8")
