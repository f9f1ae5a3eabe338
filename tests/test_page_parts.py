"""docs/page_parts.py: what the scripts of the docs write their pages with."""

import pytest
from helpers import DOCS, refusal, script

PARTS = script("page_parts.py")


def test_a_bar_in_a_cell_ends_no_cell():
    made = PARTS["table"](["x", "|x|"], [["a", 1], ["", 2.5]], numbers=[1])
    assert made == "| x | &#124;x&#124; |\n|---|---:|\n| a | 1 |\n|  | 2.5 |"


@pytest.mark.parametrize("old", ["", "old\n", "several\n\nlines\n"])
def test_only_what_stands_between_the_marks_is_replaced(old):
    page = "old\n<!-- a -->\n{}<!-- /a -->\n<!-- b -->\nold\n<!-- /b -->\n"
    new = PARTS["with_parts"](page.format(old), {"a": r"\1 new"})
    assert new == page.format("\\1 new\n")
    assert PARTS["part_of"](new, "a") == r"\1 new"
    assert PARTS["part_of"](new, "b") == "old"


def test_a_page_without_marks_is_refused():
    assert "<!-- b -->" in refusal(ValueError, lambda: PARTS["with_parts"]("<!-- a -->\n<!-- /a -->", {"b": ""}))


def test_the_page_of_the_methods_is_what_its_script_says():
    """If not: python docs/methods.py."""
    page, parts = (DOCS / "methods.md").read_text(encoding="utf-8"), script("methods.py")["parts"]()
    del parts["values"]  # its last digit may hang on the processor
    assert PARTS["with_parts"](page, parts) == page
