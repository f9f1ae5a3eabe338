"""The docstrings of what users call: all parameters, what is returned, and which errors to expect."""

import importlib
import inspect

import pytest

pytest.importorskip("numpydoc", reason="to look at docstrings, pip install --requirement docs/requirements.txt")

from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import numpycam
from numpycam.methods import METHODS

CODES = {
    "GL08": "there is a docstring",
    "SS01": "it has a summary",
    "SS03": "the summary is a sentence",
    "PR01": "all parameters are there",
    "PR02": "and no others",
    "PR03": "in the order of the signature",
    "RT01": "what is returned is there",
    "YD01": "and what is yielded",
}
"""What numpydoc looks for. Its other codes are matters of taste: a type can say all about a parameter, and not each
function needs an example or a list of what else to see."""

MODULES = [
    *("about", "exact", "interop", "interventions", "metrics", "path", "report", "resize", "storage", "targets"),
    *("zero_maps", "methods.wrappers", "experiments.drawings", "experiments.training", "experiments.pretrained"),
    *("display", "checks"),
]
INSIDE = {
    *("passages", "check_piecewise_linear", "as_one_image", "Passage", "check_network", "CheckFailed"),
    *("Picture", "Column", "columns_of", "colours_of", "limits_of", "is_dark", "shown", "with_picture", "has_screen"),
}
"""What other modules of numpycam use, or catch."""

OTHERS = [
    *(f"Network.{name}" for name in ("activations", "gradients", "load", "save", "shapes", "split", "summary")),
    *("Explanation.plot", "Explanation.save", "Layer.with_parameters"),
    *("methods.quadrature.midpoint_error", "methods.recipe.method", "methods.Method.__call__"),
    *("methods.Method.from_maps", "laws.identify", "laws.verify.Laws.verify", "laws.verify.Laws.parametrize"),
]

CANNOT_FAIL = {"as_text", "as_html", "with_mirror", "format_number"}
"""They take what was checked before, or call it later."""


def public_names():
    """The names that users call, with numpycam in front."""
    names = [f"numpycam.{name}" for name in [*numpycam.__all__, *OTHERS]]
    for module in MODULES:
        home = importlib.import_module(f"numpycam.{module}")
        own = [name for name, value in vars(home).items() if getattr(value, "__module__", "") == home.__name__]
        names += [f"numpycam.{module}.{name}" for name in getattr(home, "__all__", own)]
    last = {name: name.rpartition(".")[2] for name in names}
    return [name for name in names if name.endswith("__call__") or not (last[name] in INSIDE or last[name][0] == "_")]


def find(name):
    """What a dotted name means."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


NAMES = [name for name in public_names() if callable(find(name))]


def test_these_are_the_names_that_users_call():
    assert len(NAMES) > 100
    assert {"numpycam.grad_cam", "numpycam.metrics.deletion_curve", "numpycam.storage.load"} <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_says_what_goes_in_and_what_comes_out(name):
    found = find(name)
    wrong = {code: text for code, text in validate(name)["errors"] if code in CODES}
    if inspect.isclass(found):  # the parameters of a value are its attributes, and numpycam makes the errors
        wrong = {code: text for code, text in wrong.items() if code not in ("PR01", "PR02")}
        assert issubclass(found, BaseException) or {*inspect.signature(found).parameters} <= fields_in(found)
    assert wrong == {}


def fields_in(found):
    doc = NumpyDocString(inspect.getdoc(found))
    return {one.strip() for part in ("Parameters", "Attributes") for p in doc[part] for one in p.name.split(",")}


@pytest.mark.parametrize("name", [name for name in NAMES if not inspect.isclass(find(name))])
def test_a_docstring_says_which_errors_to_expect(name):
    doc = NumpyDocString(inspect.getdoc(find(name)))
    assert bool(doc["Raises"]) is (name.rpartition(".")[2] not in CANNOT_FAIL)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_a_docstring_with_its_options(name):
    method = METHODS[name]
    doc = NumpyDocString(inspect.getdoc(method))
    options = [p.name for p in inspect.signature(method.weigh).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert doc["Summary"]
    assert [p.name for p in doc["Parameters"]] == options
