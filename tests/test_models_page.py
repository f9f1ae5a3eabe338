"""docs/models.md: what can be kept true of it without torchvision."""

import json
import re

import pytest
from helpers import DOCS, script

from numpycam import interop
from numpycam.interop import refusals

RECORD = json.loads((DOCS / "models.json").read_text())
SCRIPT = script("models.py")
PAGE = (DOCS / "models.md").read_text()


def part(name):
    return script("page_parts.py")["part_of"](PAGE, name)


@pytest.mark.parametrize("name", ["about", "converted", "refused"])
def test_the_page_shows_what_is_recorded(name):
    assert part(name) == SCRIPT["parts"](RECORD)[name]


def test_each_of_the_80_models_has_one_place_on_the_page():
    models = RECORD["models"]
    shown = [re.findall("`([^`]+)`", row.split("|")[column]) for column, row in rows()]
    assert len(models) == 80
    assert sorted(name for names in shown for name in names) == sorted(models)
    counts = [int(row.split("|")[1]) for column, row in rows() if column == 2]
    assert sum(counts) == sum("refused" in one for one in models.values())


def rows():
    """Yield each row with the column in which its models stand."""
    for name, column in (("converted", 1), ("refused", 2)):
        for row in part(name).splitlines()[2:]:
            yield column, row


def test_the_refusals_of_the_page_are_those_of_from_torch():
    """The record must not grow old in silence: where from_torch finds other words, it is to be made again."""
    of_options = {why for options in interop._OPTIONS.values() for _, why in options.values()}
    known = of_options | {*refusals._WHY.values(), refusals.OF_A_PARAMETER, refusals.BY_A_CONSTANT, refusals.UNKNOWN}
    told = {
        SCRIPT["LINE"].fullmatch(line)["why"] for one in RECORD["models"].values() for line in one.get("refused", [])
    }
    assert told - known == set()


def test_what_was_converted_agreed_with_torch():
    """In float64, to 1e-10, as the tests against torch ask of large networks."""
    found = [one["float64"] for one in RECORD["models"].values() if "refused" not in one]
    assert found
    assert max(map(max, found)) <= 1e-10
