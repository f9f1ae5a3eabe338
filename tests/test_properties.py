"""The table of docs/methods.md holds: its counterexamples still are, and no case is found against its yes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from properties import PROPERTIES, Case, counterexample

from numpycam.exact import as_fractions
from numpycam.methods import METHODS

DOCS = Path(__file__).parent.parent / "docs"
STORED = json.loads((DOCS / "methods" / "properties.json").read_text())
TABLE = dict(re.findall(r"^\| ([^|]+) \|((?: (?:yes|no) \|)+)$", (DOCS / "methods.md").read_text(), flags=re.MULTILINE))


def test_the_table_has_every_method_but_cam():
    assert {*STORED} == {*METHODS} - {"cam"}
    assert {*TABLE} == {METHODS[name].name for name in STORED}


@pytest.mark.parametrize("name", STORED)
def test_the_table_is_that_of_the_counterexamples(name):
    told = TABLE[METHODS[name].name].replace("|", "").split()
    assert told == ["yes" if case is None else "no" for case in STORED[name].values()]
    assert [*STORED[name]] == [*PROPERTIES]


@pytest.mark.parametrize("name", STORED)
def test_behind_each_no_is_a_counterexample(name):
    for what, stored in STORED[name].items():
        if stored is not None:
            case = Case(as_fractions(np.array(stored["maps"])), as_fractions(np.array(stored["head"])))
            assert not PROPERTIES[what](METHODS[name], case), what


@pytest.mark.parametrize("name", STORED)
def test_against_a_yes_no_case_is_found(name):
    for what, stored in STORED[name].items():
        if stored is None:
            assert counterexample(METHODS[name], PROPERTIES[what], examples=20) is None, what
