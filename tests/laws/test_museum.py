"""The museum of the laws: each law finds a known mistake, each known mistake is found, and a lesson names it."""

from collections import defaultdict

import numpy as np
import pytest
from helpers import DOCS, script, some

from laws.found import EXHIBITS, convention_of, is_asked, report_on
from numpycam import laws
from numpycam.laws.known import known_mistake
from numpycam.laws.message import LawViolation
from numpycam.laws.proof import prove, symbolic_cases
from numpycam.laws.subject import Habits, Subject

PAGE = script("laws.py")
FOUND = PAGE["read"]((DOCS / "laws.md").read_text())
"""Which laws find which mistakes, as the page says."""

PROVED = ["conv2d", "linear", "relu", "max_pool2d", "avg_pool2d", "grad_cam", "hirescam"]


def test_the_page_is_up_to_date():
    """If not: python docs/laws.py. That each mistake is found by these laws, and by no others, is the next test."""
    assert {name: list(found) for name, found in FOUND.items()} == {name: list(row) for name, row in EXHIBITS.items()}
    text = (DOCS / "laws.md").read_text()
    assert PAGE["page"](text, FOUND) == text


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_mistake_is_found_by_the_laws_that_the_page_names_and_a_lesson_names_the_mistake(name):
    for id, mistake in some(EXHIBITS[name].items()):
        report = report_on(name, id, FOUND[name][id])
        assert (id, [entry.law.id for entry in report.broken]) == (id, FOUND[name][id])
        assert report.broken or convention_of(name, id), id
        if report.broken and mistake.about:
            known = known_mistake(report, mistake.about)
            assert (id, known and known.id) == (id, id)


def test_each_law_finds_a_mistake():
    """A law that stands in several books, word for word, finds one in one of them."""
    found = defaultdict(set)
    for name, book in laws.BOOKS.items():
        for law in book.laws:
            if is_asked(name, law):
                found[law.id, law.text] |= {id for id, by in FOUND[name].items() if law.id in by}
    assert [law for law, ids in found.items() if not ids] == []


def test_what_a_mistake_is_about_is_an_output_and_the_first_that_is_wrong():
    for name, exhibits in EXHIBITS.items():
        book = laws.BOOKS[name]
        about = {law.id: law.about for law in book.laws}
        for id, mistake in exhibits.items():
            assert mistake.functions.keys() <= book.signatures.keys()
            first = next((about[law] for law in FOUND[name][id] if about[law]), mistake.about)
            assert not mistake.about or (id, first) == (id, mistake.about)


def test_each_mistake_has_a_name_of_its_own_and_a_sentence():
    for name, exhibits in EXHIBITS.items():
        assert len(exhibits) == len(laws.BOOKS[name].mistakes)
        assert all(mistake.hint.endswith(".") and len(mistake.hint) < 200 for mistake in exhibits.values())


@pytest.mark.parametrize("name", PROVED)
def test_no_mistake_is_proved(name):
    """Its proof fails, or each law that it breaks is refused to be proved for some numbers."""
    cases = [*symbolic_cases(laws.BOOKS[name])]
    for id, mistake in some(EXHIBITS[name].items(), 9):
        if not (mistake.about and FOUND[name][id]):
            continue
        subject, refused = Subject(laws.BOOKS[name], mistake.functions, Habits(pairs=True)), set()
        for case in cases:
            report = prove(subject, [case])
            if report.broken:
                break
            refused |= {entry.law.id for entry in report.entries if entry.reason}
        else:
            asked = {entry.law.id for entry in report.entries}
            assert (id, asked & {*FOUND[name][id]} - refused) == (id, set())


# --- which mistake a lesson names


def lesson(book, **given):
    with pytest.raises(LawViolation) as caught:
        book.verify(**given)
    return caught.value


def test_a_mistake_is_named_though_the_functions_have_fewer_options():
    def backward(grad_output, x, kernel_size, stride):
        shared = laws.avg_pool2d.reference["backward"](grad_output, x, kernel_size, stride)
        return shared * (kernel_size[0] * kernel_size[1])

    assert lesson(laws.avg_pool2d, backward=backward, pairs=True).mistake == "not-shared-out"


def test_a_mistake_in_the_weights_is_named_though_only_the_map_is_given():
    wrong = EXHIBITS["grad_cam"]["sum-for-mean"]
    assert wrong.about == "alphas"
    assert lesson(laws.grad_cam, cam=wrong.functions["cam"]).mistake == wrong.id


def test_float32_inside_is_named_whoever_added_up_in_which_order():
    def forward(x, weight, bias=None):
        y = (weight[:, ::-1].astype(np.float32) @ x.T[::-1].astype(np.float32)).T.astype(np.float64)
        return y if bias is None else y + bias

    assert lesson(laws.linear, forward=forward).mistake == "float32-inside"


def test_what_writes_into_its_arguments_is_named_by_what_is_in_them_afterwards():
    def forward(x):
        np.maximum(x, 0, out=x)
        return x

    assert lesson(laws.relu, forward=forward).mistake == "in-place"


def test_a_mistake_of_another_function_is_not_named():
    def backward(grad_output, x, weight):
        dx, dw, db = laws.linear.reference["backward"](grad_output, x, weight)
        return dx, 3 * dw, db

    assert lesson(laws.linear, backward=backward).mistake is None


def test_what_returns_the_same_array_each_time_is_shown_by_the_first_result_after_another_call():
    buffer = np.zeros(1)

    def forward(x):
        if x.shape != (1,):
            return np.maximum(x, 0)
        buffer[...] = np.maximum(x, 0)
        return buffer

    told = lesson(laws.relu, forward=forward)
    first, other, result = told.call.split("; ")
    names = {"np": np, "forward": forward}
    exec(first, names)
    before = names["result"].copy()
    exec(other, names)
    assert (told.law, result) == ("kept", "result")
    assert names["result"] != before


def test_a_report_says_how_many_cases_of_a_proof_are_undecided():
    """A ReLU of a sum whose sign is not known: there the law is not proved, though it is elsewhere."""
    cases = [*symbolic_cases(laws.hirescam)]
    report = prove(Subject.right(laws.hirescam), cases)
    entry = report["map"]
    assert entry.cases + entry.undecided == len(cases)
    assert 0 < entry.cases < len(cases)
    assert f"({entry.cases} cases, {entry.undecided} undecided)" in str(report)


def test_a_proof_that_the_functions_stop_is_no_pass():
    """A ReLU in a convolution: where nothing has to be compared, its signs are not known."""

    def forward(x, weight, bias=None, stride=1, padding=0, dilation=1):
        y = laws.conv2d.reference["forward"](x, weight, bias, stride, padding, dilation)
        return np.where(y > 0, y, 0 * y)

    report = laws.conv2d.verify(forward=forward, pairs=True, how="prove", raises=False)
    assert not report.is_right
    assert {entry.state for entry in report.entries} == {"not proved", "not asked"}
    with pytest.raises(ValueError, match=r"^conv2d is not proved: in \d+ of \d+ cases of the law size, the functions"):
        laws.conv2d.verify(forward=forward, pairs=True, how="prove")
