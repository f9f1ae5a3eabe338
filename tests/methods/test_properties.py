"""Each method has the properties that it says: the stored cases settle them, and where there is none, none is found."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from properties import TESTS, Case, decides, decisive_case, properties_in

from numpycam.exact import as_fractions
from numpycam.methods import METHODS
from numpycam.methods.recipe import PROPERTIES

DOCS = Path(__file__).parents[2] / "docs"
STORED = json.loads((DOCS / "methods" / "properties.json").read_text())
TABLE = dict(re.findall(r"^\| ([^|]+) \|((?: (?:yes|no) \|)+)$", (DOCS / "methods.md").read_text(), flags=re.MULTILINE))
METHOD = pytest.mark.parametrize("name", METHODS)


def answers(name):
    """What the docs say of a method, a yes or no for each property."""
    return dict(zip([*PROPERTIES, "exact"], TABLE[METHODS[name].name].replace("|", "").split(), strict=True))


def test_the_table_has_every_method_and_property():
    assert [*STORED] == [*METHODS]
    assert [*TABLE] == [method.name for method in METHODS.values()]
    assert [*TESTS] == [*PROPERTIES]
    assert all([*row] == [*PROPERTIES] for row in STORED.values())


@METHOD
def test_a_method_has_the_properties_that_were_computed(name):
    assert {*METHODS[name].properties} == properties_in(STORED[name])


@METHOD
def test_the_page_says_which_those_are(name):
    method = METHODS[name]
    has = {what: what in method.properties for what in PROPERTIES} | {"exact": method.is_exact}
    assert answers(name) == {what: "yes" if yes else "no" for what, yes in has.items()}


@METHOD
def test_exact_methods_compute_in_fractions_and_others_refuse_them(name):
    method, case = METHODS[name], Case(as_fractions([[[1, 2]], [[0, 3]]]), as_fractions([[1, 0, -1, 2], [0, 1, 1, 0]]))
    case = case._replace(is_pooled=name == "cam")
    if method.is_exact:
        assert {type(value) for value in method(case.network(), case.maps, 0).weighted_sum.flat} == {Fraction}
    else:
        with pytest.raises(TypeError, match="no exact value"):
            method(case.network(), case.maps, 0)


@METHOD
def test_the_stored_cases_settle_the_question(name):
    for what, stored in STORED[name].items():
        if stored is not None:
            case = Case(as_fractions(np.array(stored["maps"])), as_fractions(np.array(stored["head"])))
            assert decides(METHODS[name], what, case), what


@METHOD
def test_where_none_is_stored_none_is_found(name):
    undecided = [what for what, stored in STORED[name].items() if stored is None]
    assert decisive_case(METHODS[name], *undecided, examples=20) is None, undecided


@METHOD
def test_the_equation_stands_on_the_page_as_markdown_keeps_it(name):
    """A | would end the cell of the table, and of a backslash before a sign Markdown leaves the sign.

    Of two underscores it may make italics; therefore the equation stands between $` and `$.
    """
    equation = METHODS[name].equation
    assert not re.search(r"[|`$]|\\[^a-zA-Z]", equation)
    assert f"| {METHODS[name].name}, `{name}` | $`{equation}`$ |" in (DOCS / "methods.md").read_text()
