"""The README, as a package index shows it; the links of all pages; and what the owner must fill in."""

import importlib.util
import re
from configparser import ConfigParser
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
README = (HERE / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "notebooks/*.md", "numpycam/**/*.md", ".github/*.md")
    for path in HERE.glob(pattern)
)


@pytest.fixture(scope="module")
def setup():
    pytest.importorskip("setuptools", reason="it builds the package, and Python has it no more: pip install setuptools")
    spec = importlib.util.spec_from_file_location("setup_of_numpycam", HERE / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def places(text):
    """The links of a page, with neither its code nor its formulas."""
    text = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", "", text, flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_the_readme_is_short_and_has_no_raw_formula():
    assert README.count("\n") <= 150
    assert "$" not in re.sub(r"```.*?```", "", README, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(HERE).as_posix())
def test_each_link_of_a_page_leads_to_a_file(page):
    for place in places(page.read_text(encoding="utf-8")):
        if not re.match(r"https?:|mailto:|#", place):
            assert (page.parent / place.partition("#")[0]).exists(), place


def test_with_an_address_all_links_of_the_readme_are_whole(setup):
    text = setup.for_an_index(README, "https://example.org/numpycam/")
    found = places(text)
    assert len(found) == len(places(README)) > 20
    assert all(place.startswith("https://example.org/numpycam/") for place in found)
    picture = "https://example.org/numpycam/raw/HEAD/docs/worked_example/stages.gif"
    assert picture in found
    page = "https://example.org/numpycam/blob/HEAD/docs/teaching.md"
    assert page in found


def test_without_an_address_the_readme_has_the_texts_of_its_links(setup):
    text = setup.for_an_index(README)
    assert places(text) == []
    assert "![" not in text
    assert "Teaching with numpycam" in text
    assert setup.for_an_index("[a](https://example.org) [b](#c)") == "[a](https://example.org) [b](#c)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[metadata]\nname = numpycam\n", {}),
        ("[addresses]\nsource =\nsite =\n", {}),
        ("[addresses]\nsite = https://example.org\nother = x\n", {"site": "https://example.org"}),
    ],
)
def test_an_address_that_nobody_filled_in_is_left_out(setup, monkeypatch, tmp_path, text, found):
    (tmp_path / "setup.cfg").write_text(text, encoding="utf-8")
    monkeypatch.setattr(setup, "HERE", tmp_path)
    assert setup.addresses() == found


def test_the_owner_can_fill_in_each_address(setup):
    config = ConfigParser()
    config.read(HERE / "setup.cfg", encoding="utf-8")
    assert [*config["addresses"]] == [*setup.LABELS]


def test_the_workflow_runs_what_exists():
    workflow = (HERE / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    commands = re.findall(r"run: (.+)", workflow)
    assert len(commands) > 3
    targets = re.findall(r"^([a-z]+):", (HERE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in commands:
        for target in re.findall(r"make ([a-z]+)", command):
            assert target in targets
        for path in re.findall(r"\.ci/\w+", command):
            assert (HERE / path).is_file()
