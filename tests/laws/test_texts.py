"""Reports and lessons as people read them: the same in every run, and in a notebook without a way through our files."""

import numpy as np

from numpycam import laws


def open_gate(grad_output, x):
    return grad_output


def test_a_report_is_the_same_in_every_run():
    reports = [laws.relu.verify(forward=lambda x: np.maximum(x, 0)) for _ in range(2)]
    assert str(reports[0]) == str(reports[1])


def test_a_notebook_shows_the_lesson_alone():
    report = laws.relu.verify(backward=open_gate, raises=False)
    lesson = laws.LawViolation(report)
    assert str(lesson).startswith("relu breaks gate:")
    assert lesson._render_traceback_() == [str(lesson)]


def test_each_law_has_two_sides():
    """Some have the sign twice: in parentheses, or where they say what a letter stands for."""
    texts = {law.text: law.labels for book in laws.BOOKS.values() for law in book.laws}
    assert {len(labels) for labels in texts.values()} == {2}
    assert texts["L(A, g^k = c_k) = Grad-CAM's L"] == ["L(A, g^k = c_k)", "Grad-CAM's L"]
    assert [labels[0] for text, labels in texts.items() if text.startswith("loss = -")] == ["loss"]


def test_a_broken_law_with_an_equation_inside_is_told():
    report = laws.xgrad_cam.verify(alphas=lambda A, g: 2 * (g * A).sum(axis=(1, 2)) / A.sum(axis=(1, 2)), raises=False)
    assert str(laws.LawViolation(report, report["constant-g"])).startswith("xgrad_cam breaks constant-g:   α(A, g^k =")
