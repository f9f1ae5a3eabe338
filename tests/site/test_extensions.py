"""The parts of docs/site/ by themselves: what they make of Markdown and of docstrings."""

from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="to build the site, pip install --requirement docs/requirements.txt")

ROOT = Path(__file__).resolve().parents[2]

from docstrings import escaped, with_blocks  # noqa: E402
from markup import as_myst, without_empty_patterns  # noqa: E402


def myst(text):
    return as_myst(text, "docs/page", Path(ROOT))


def test_a_formula_of_github_is_one_of_myst():
    assert myst("| $`\\sum_k a_k`$ | and $`b`$ |") == "| $\\sum_k a_k$ | and $b$ |"


def test_code_stays_as_it_is():
    text = "```sh\n$(command `b`$ -v) [a](../benchmarks)\n```\n"
    assert myst(text) == text


def test_a_link_to_a_folder_is_its_name():
    assert myst("see [`benchmarks/`](../benchmarks) here") == "see `benchmarks/` here"


def test_a_page_of_html_is_linked_as_it_is():
    assert myst("[slides](teaching/slides.html)") == "[slides](as-is:teaching/slides.html)"
    assert myst("[a](https://example.org/a.html)") == "[a](https://example.org/a.html)"
    assert myst("[b](page.md#b)") == "[b](page.md#b)"


def test_a_pattern_that_finds_nothing_is_left_out():
    text = "```{toctree}\n:glob:\n\nlaws*\nnothing_like_it*\n```\n"
    assert without_empty_patterns(text, ROOT / "docs") == "```{toctree}\n:glob:\n\nlaws*\n```\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Text:\n\n    a = b\n    c = d\n\nMore.", "Text:\n\n::\n\n    a = b\n    c = d\n\nMore."),
        ("Text::\n\n    a = b", "Text::\n\n    a = b"),
        ("- one:\n\n  a paragraph of the item", "- one:\n\n  a paragraph of the item"),
        (
            "Text.\n\nParameters\n----------\nx : int\n    One.\n\n    Two.",
            "Text.\n\nParameters\n----------\nx : int\n    One.\n\n    Two.",
        ),
        ("Text.\n\nNotes\n-----\nSo:\n\n    a = b", "Text.\n\nNotes\n-----\nSo:\n\n::\n\n    a = b"),
        (">>> f(\n...     x)\n3", ">>> f(\n...     x)\n3"),
    ],
)
def test_an_indented_block_of_a_docstring_is_literal(before, after):
    assert "\n".join(with_blocks(before.splitlines())) == after


def test_an_absolute_value_is_no_substitution():
    assert escaped("the mean of |L - L'|, see ``a | b``") == r"the mean of \|L - L'\|, see ``a | b``"
    assert escaped(">>> a | b") == ">>> a | b"
