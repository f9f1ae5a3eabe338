"""The laws of all books hold for numpycam's own functions: on the sweep, on drawn cases, and as proofs."""

import pytest
from helpers import some

from laws.ours import OURS
from numpycam import laws
from numpycam.laws.engine import examine
from numpycam.laws.subject import Subject
from numpycam.methods import METHODS

PROVED = [name for name in OURS if name not in ("softmax_cross_entropy", "network", "eigen_cam", "eigen_grad_cam")]
"""All but those with an exponential or a root in them, and the network, whose ReLUs see sums of both signs."""


def not_asked(report):
    """The laws that were not asked, but for that of batches, where a function takes one image."""
    return [entry.law.id for entry in report.entries if not entry.cases and "no N" not in entry.reason]


@pytest.mark.parametrize("name", OURS)
def test_all_laws_hold_in_every_case_of_the_sweep(name):
    report = laws.BOOKS[name].verify(**OURS[name])
    assert report.is_right
    assert not_asked(report) == []


@pytest.mark.parametrize("name", some(OURS))
def test_all_laws_hold_in_drawn_cases(name):
    report = laws.BOOKS[name].verify(**OURS[name], how="hypothesis")
    assert report.is_right
    assert not_asked(report) == []


@pytest.mark.parametrize("name", some(PROVED, 5))
def test_every_law_that_is_an_equation_is_proved_for_all_numbers(name):
    pytest.importorskip("sympy", reason="proofs need SymPy: pip install 'numpycam[proof]'")
    report = laws.BOOKS[name].verify(**OURS[name], how="prove")
    assert report.is_right
    assert not_asked(report) == []
    assert "symbols" in report.numbers
    assert "unit arrays" not in report.numbers


CHOICES = {
    "relu": "0, as in PyTorch",
    "max_pool2d": "the first in row-major order, as in PyTorch",
    "resize": "bilinear, half-pixel centres (align_corners=False)",
}
"""Where right functions differ, what ours do. No law decides it."""


@pytest.mark.parametrize(("name", "choice"), CHOICES.items())
def test_where_right_functions_differ_ours_choose_this(name, choice):
    report = examine(Subject(laws.BOOKS[name], OURS[name]), ids=[])
    assert [*report.conventions.values()] == [choice]


def test_every_convention_has_a_choice_of_ours():
    assert [name for name, book in laws.BOOKS.items() if book.conventions] == [*CHOICES]


def test_maps_of_a_batch_are_those_of_its_images():
    for name in ("grad_cam", "grad_cam_plus_plus", "xgrad_cam", "hirescam", "element_wise_grad_cam", "layercam"):
        report = laws.BOOKS[name].verify(cam=of_batches(name), layout="NKHW")
        assert report["batch"].cases > 0


def of_batches(name):
    return lambda A, g: METHODS[name].from_maps(A, g, check_finite=False).localization_map


def test_only_the_overlay_has_no_function_of_ours():
    """Ours lays the colours of matplotlib over a picture: ``tests/display`` compares it with its equation."""
    assert laws.BOOKS.keys() - OURS.keys() == {"overlay"}


def test_to_be_asked_nothing_is_no_pass():
    with pytest.raises(ValueError, match=r"^no law of conv2d could be asked: limits leave no case\.$"):
        laws.conv2d.verify(**OURS["conv2d"], limits={"stride": 7})
