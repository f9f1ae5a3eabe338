"""The pages for teachers: they are what their scripts write, their links lead to files, and they name all exercises."""

import re
from pathlib import Path

import pytest
from helpers import DOCS, script

from numpycam import course

ROOT = Path(__file__).parents[1]
WORKSHEETS = script("worksheet.py")["PAGES"]
PAGES = [
    DOCS / "teaching.md", DOCS / "paper.md", DOCS / "scale" / "jupyterhub.md",
    *sorted(course.FOLDER.glob("*.md")), *course.FOLDER.glob("*.ipynb"),
]  # fmt: skip


@pytest.mark.parametrize("name", WORKSHEETS)
def test_a_worksheet_is_up_to_date(name):
    """If not: python docs/worksheet.py."""
    assert (DOCS / "teaching" / name).read_text(encoding="utf-8") == WORKSHEETS[name]


def without_pictures(page):
    """The page without the bytes of its pictures: they may differ from one version of matplotlib to the next."""
    return re.sub(r"base64,[^\"]*", "base64,", page)


def test_the_slides_are_up_to_date():
    """If not: python docs/slides.py."""
    stored = (DOCS / "teaching" / "slides.html").read_text(encoding="utf-8")
    made = script("slides.py")["page"]()
    assert without_pictures(stored) == without_pictures(made)
    assert stored.count("<img alt=") == stored.count("<img ") > 5
    assert "http" not in stored


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([\w./-]+\.\w+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not link.startswith("http") and not (page.parent / link).exists()] == []


def test_every_exercise_stands_beside_a_goal():
    text = (DOCS / "teaching.md").read_text(encoding="utf-8")
    exercises = {
        name
        for notebook in course.names()
        for cell in course.read(notebook)["cells"]
        if "exercise" in cell["metadata"].get("tags", [])
        for name in re.findall(r"^(?:def )?(my_\w+)", "".join(cell["source"]), re.MULTILINE)
    }
    assert len(exercises) >= 40
    assert {name for name in exercises if f"`{name}`" not in text} == set()


def test_the_course_has_a_row_for_each_notebook_and_each_links_to_the_next():
    table = (course.FOLDER / "README.md").read_text(encoding="utf-8")
    names = course.names()
    for before, name, after in zip([None, *names], names, [*names[1:], None], strict=False):
        assert f"]({name}.ipynb)" in table
        cells = ["".join(cell["source"]) for cell in course.read(name)["cells"]]
        for line in (cells[0], cells[-1]):
            assert "[The course](README.md)" in line
            assert before is None or f"]({before}.ipynb)" in line
            assert after is None or f"]({after}.ipynb)" in line
