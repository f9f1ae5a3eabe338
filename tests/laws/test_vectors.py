"""The golden vectors: the files are those that the command writes, they obey their schema, and what they say is true.

Their outputs come from the loops of the definitions. Here they are compared with the package's own layers and methods.
"""

import json
import shutil
import subprocess
from copy import deepcopy
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers import refusal
from jsonschema import Draft202012Validator

from laws.ours import OURS
from numpycam import worked_example
from numpycam.exact import as_floats
from numpycam.laws import BOOKS, vectors
from numpycam.laws.cases import Case
from numpycam.laws.subject import Habits, Subject
from numpycam.laws.vectors.results import is_near
from numpycam.laws.vectors.writing import file_of
from numpycam.resize import resize

SCHEMA = json.loads((vectors.FOLDER / "schema.json").read_text(encoding="utf-8"))
READER = Path(__file__).with_name("vectors.js")
EACH = pytest.mark.parametrize("operation", vectors.OPERATIONS)


@EACH
def test_the_command_writes_each_file_byte_for_byte(operation):
    assert file_of(BOOKS[operation]).encode() == (vectors.FOLDER / f"{operation}.json").read_bytes()


def test_there_are_about_two_hundred_and_they_are_small():
    assert 160 <= sum(len(vectors.read(operation)) for operation in vectors.OPERATIONS) <= 240
    assert sum((vectors.FOLDER / f"{operation}.json").stat().st_size for operation in vectors.OPERATIONS) < 150_000


def test_an_operation_without_vectors_is_refused_by_its_name():
    message = refusal(ValueError, lambda: vectors.read("conv3d"))
    assert message.startswith("operation must be one of 'conv2d', 'relu', ")
    assert message.endswith(", got 'conv3d'.")


# --- the schema


@EACH
def test_each_file_obeys_the_schema(operation):
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(vectors.load(operation))


def objects(part, path=()):
    """All objects of a file, with the way to each."""
    if isinstance(part, dict):
        yield path
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from objects(value, (*path, key))


def at(part, path):
    for key in path:
        part = part[key]
    return part


@EACH
def test_the_schema_allows_no_field_that_it_does_not_name_and_needs_all_that_it_names(operation):
    """One vector stands for all: the schema knows them by their operation alone."""
    validator, file = Draft202012Validator(SCHEMA), vectors.load(operation)
    most = max(file["tests"], key=lambda test: len(test["alternatives"]))
    file = {**file, "mistakes": file["mistakes"][:1], "tests": [most]}
    assert validator.is_valid(file)
    for path in objects(file):
        spoilt = deepcopy(file)
        at(spoilt, path)["more"] = "1"
        assert not validator.is_valid(spoilt), path
        for name in at(file, path):
            if "alternatives" not in path or name in ("name", "outputs"):  # an alternative has what differs
                spoilt = deepcopy(file)
                del at(spoilt, path)[name]
                assert not validator.is_valid(spoilt), (path, name)


@pytest.mark.parametrize("number", [1, 1.5, "1.", ".5", "01", "1/0", "1e-3", "+1", "--1", "1/2/3", "nan", ""])
def test_the_schema_refuses_what_is_no_number(number):
    file = vectors.load("overlay")
    file["tests"][0]["options"]["opacity"] = number
    assert not Draft202012Validator(SCHEMA).is_valid(file)


@EACH
def test_the_vectors_name_what_the_book_names(operation):
    book = BOOKS[operation]
    takes = {name for function in book.signatures.values() for name in function.takes}
    returns = {name for function in book.signatures.values() for name in function.returns}
    for vector in vectors.read(operation):
        assert vector.case.arrays.keys() == takes
        assert vector.outputs.keys() == returns
        assert vector.case.options.keys() == book.options.keys()


@EACH
def test_ids_are_unique_and_the_shape_is_that_of_the_values(operation):
    file = vectors.load(operation)
    for things in (file["tests"], file["mistakes"]):
        ids = [thing["id"] for thing in things]
        assert len(ids) == len({*ids})
    for path in objects(file):
        written = at(file, path)
        if "shape" in written:
            assert [*np.shape(written["values"])] == written["shape"]


@EACH
def test_each_profile_is_what_it_says(operation):
    for vector in vectors.read(operation):
        arrays = [array for array in vector.case.arrays.values() if array is not None]
        options, rank = vector.case.options, [*vectors.PROFILES].index(vector.profile)
        pictures = [array for array in arrays if array.ndim > 2]
        if operation in ("conv2d", "max_pool2d", "avg_pool2d"):
            if rank == 0:
                assert all(array.shape[:2] == (1, 1) for array in pictures)
            if rank < 2:
                assert options["padding"] == (0, 0)
                assert options["stride"] == options.get("kernel_size", (1, 1))
            if rank < 4:
                assert all(value[0] == value[1] for value in options.values() if isinstance(value, tuple))
                assert options.get("dilation", (1, 1)) == (1, 1)
        if vector.profile == "square":
            assert "square" in vector.flags
        if "square" in vector.flags:
            assert all(array.shape[-2] == array.shape[-1] for array in pictures)


# --- what the vectors say, by another way


def ours(operation, case):
    """The outputs of an operation, by the package's own layers and methods."""
    functions = dict(OURS.get(operation, {"overlay": overlay}))
    subject = Subject(BOOKS[operation], functions, Habits(pairs=True))
    return {name: value for function in functions for name, value in subject.call(function, case).items()}


def overlay(image, heat, opacity):
    return (1 - opacity) * image + opacity * heat


def in_floats(case):
    def rounded(value):
        exact = isinstance(value, Fraction) or (isinstance(value, np.ndarray) and value.dtype == object)
        return as_floats(value) if exact else value

    arrays, options = ({name: rounded(value) for name, value in part.items()} for part in (case.arrays, case.options))
    return Case("floats", {}, arrays, options)


@pytest.mark.parametrize("operation", [name for name in vectors.OPERATIONS if name != "softmax_cross_entropy"])
def test_each_output_is_what_the_layers_and_methods_compute(operation):
    for vector in vectors.read(operation):
        came = ours(operation, vector.case)
        for output, right in vector.outputs.items():
            assert came[output].shape == right.shape, (vector.id, output)
            assert {type(value) for value in [*right.flat, *came[output].flat]} == {Fraction}
            assert (came[output] == right).all(), (vector.id, output)


MARGIN = 100
"""Rounding stays so far below the tolerance, and what mistakes do is so far above it, that no processor decides."""


@EACH
def test_what_floats_compute_is_well_within_the_tolerance(operation):
    tolerance = float(vectors.load(operation)["tolerance"]) / MARGIN
    for vector in vectors.read(operation):
        for output, came in ours(operation, in_floats(vector.case)).items():
            assert is_near(np.asarray(came), as_floats(vector.outputs[output]), tolerance), (vector.id, output)


def made_by(book, mistake, case):
    """What a mistake makes of a case; None if it raises."""
    try:
        with np.errstate(all="ignore"):
            function = book.function_for(mistake.about)
            return np.asarray(Subject.right(book, **mistake.functions).call(function, case)[mistake.about], float)
    except Exception:
        return None


def accepted_as(vector, mistake, book, tolerance):
    """The name of the convention whose result a mistake has, "right", or None if it has no such result."""
    came = made_by(book, mistake, in_floats(vector.case))
    results = {"right": vector.outputs, **vector.alternatives}
    floats = {name: as_floats(one[mistake.about]) for name, one in results.items() if mistake.about in one}
    return next((name for name, one in floats.items() if came is not None and is_near(came, one, tolerance)), None)


@EACH
def test_each_vector_tells_the_mistakes_that_it_names_and_no_others(operation):
    book, tolerance = BOOKS[operation], float(vectors.load(operation)["tolerance"])
    for vector in vectors.read(operation):
        for mistake in (mistake for mistake in book.mistakes if mistake.about):
            if mistake.id in vector.tells:
                assert accepted_as(vector, mistake, book, tolerance * MARGIN) is None, (vector.id, mistake.id)
            else:
                assert accepted_as(vector, mistake, book, tolerance / MARGIN), (vector.id, mistake.id)


@EACH
def test_each_known_mistake_of_a_result_is_told_by_a_vector_or_named_as_a_convention(operation):
    """Or else its results are right, but for their precision."""
    tests, file, book = vectors.read(operation), vectors.load(operation), BOOKS[operation]
    told = {id for vector in tests for id in vector.tells}
    named = [(mistake["id"], mistake["output"], mistake["hint"]) for mistake in file["mistakes"]]
    assert named == [(one.id, one.about, one.hint) for one in book.mistakes if one.id in told]
    for mistake in (one for one in book.mistakes if one.about and one.id not in told):
        conventions = {accepted_as(vector, mistake, book, float(file["tolerance"])) for vector in tests} - {"right"}
        assert conventions or mistake.id == "float32-inside", mistake.id


# --- conventions, and the document


@pytest.mark.parametrize("operation", ["relu", "max_pool2d", "resize"])
def test_the_alternatives_are_the_other_answers_that_the_book_knows(operation):
    (convention,) = BOOKS[operation].conventions
    _, *others = convention.answers
    assert {name for vector in vectors.read(operation) for name in vector.alternatives} == {*others}
    for vector in vectors.read(operation):
        assert ("convention" in vector.flags) == bool(vector.alternatives)
    question = asked_by(convention, BOOKS[operation])
    (vector,) = [one for one in vectors.read(operation) if says(one.case) == says(question)]
    for name in others:
        answer, came = np.asarray(convention.answers[name], float), vector.alternatives[name][convention.about]
        assert is_near(as_floats(came).reshape(answer.shape), answer, 1e-15)


def test_the_alternatives_of_resize_are_what_our_resize_computes_by_its_options():
    options = {
        "bilinear, align_corners=True": {"align_corners": True},
        "nearest, half-pixel centres": {"interpolation": "nearest"},
    }
    for vector in vectors.read("resize"):
        for name, how in options.items():
            expected = vector.alternatives.get(name, vector.outputs)["resized"]
            assert (resize(vector.case["heat"], vector.case["size"], **how) == expected).all(), (vector.id, name)


def asked_by(convention, book):
    """The case on which a question of convention asks a function."""
    cases = []

    def run(**given):
        options = {name: given.pop(name) for name in [*given] if name in book.options}
        cases.append(Case("floats", {}, given, options))
        return Subject.right(book).call(book.function_for(convention.about), cases[0])

    convention.ask(run)
    return cases[0]


def says(case):
    return {name: np.asarray(value, float).tolist() for name, value in {**case.arrays, **case.options}.items()}


def test_the_worked_example_of_the_document_is_there():
    (cat,) = [vector for vector in vectors.read("grad_cam") if vector.id == "document-cat"]
    assert (cat.case["A"] == worked_example.FEATURE_MAPS).all()
    assert (cat.case["g"] == worked_example.GRADIENTS).all()
    assert cat.outputs["alphas"].tolist() == [Fraction("2.75"), Fraction("4.25"), Fraction("0.1")]
    assert (cat.outputs["weighted_sum"] == worked_example.WEIGHTED_SUM).all()
    assert (cat.outputs["cam"] == worked_example.LOCALIZATION_MAP).all()


# --- the reader in JavaScript


def run_by_node(folder):
    return subprocess.run([shutil.which("node"), READER, folder], capture_output=True, text=True)


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="the reader in JavaScript needs node: install it")


@needs_node
def test_a_reader_in_javascript_computes_the_same():
    done = run_by_node(vectors.FOLDER)
    assert done.returncode == 0, done.stderr
    names = "relu", "linear", "conv2d", "grad_cam"
    assert done.stdout.split() == [word for name in names for word in (name, str(len(vectors.read(name))))]


@needs_node
@pytest.mark.parametrize("name", ["relu", "linear", "conv2d", "grad_cam"])
def test_the_reader_in_javascript_sees_a_wrong_number(name, tmp_path):
    shutil.copytree(vectors.FOLDER, tmp_path, dirs_exist_ok=True)
    file = vectors.load(name)
    values = file["tests"][0]["outputs"]["cam" if name == "grad_cam" else "y"]["values"]
    while isinstance(values[0], list):
        values = values[0]
    values[0] = "1000003/7"
    (tmp_path / f"{name}.json").write_text(json.dumps(file))
    done = run_by_node(tmp_path)
    assert done.returncode == 1
    assert f"{name} {file['tests'][0]['id']}: " in done.stderr
