"""What is of a wrong kind altogether is refused by its argument's name, in one short line. `tests/fuzz` draws more."""

import os
import warnings

import numpy as np
import pytest
from helpers import refusal

from numpycam import (  # fmt: skip
    Network,
    ReLU,
    display,
    exact,
    grad_cam,
    interventions,
    metrics,
    pretrained,
    report,
    storage,
    targets,
    training,
    worked_example,
)
from numpycam.about import About
from numpycam.display.page import step_through_page
from numpycam.experiments.drawings import draw
from numpycam.methods import grad_cam as method
from numpycam.methods import integrated_gradients, smooth_grad
from numpycam.methods.quadrature import midpoint_error
from numpycam.methods.wrappers import over_layers, with_mirror
from numpycam.resize import resize

NETWORK, IMAGE = exact.as_floats(worked_example.network()), exact.as_floats(worked_example.IMAGE)
EXPLANATION = grad_cam(NETWORK, IMAGE, 0)


class Unwritable:
    def __repr__(self):
        raise RuntimeError("it cannot be written")


@pytest.mark.parametrize("odd", [3, "a", (1, 2), np.ones((2, 3)), NETWORK, None])
@pytest.mark.parametrize(
    "call",
    [
        lambda odd: display.figure_of_stages(odd),
        lambda odd: display.figure_of_stage(odd, "alphas"),
        lambda odd: display.figure_of_kernels(odd),
        lambda odd: display.with_picture(odd, IMAGE),
        lambda odd: display.animation_of_stages(odd),
        lambda odd: step_through_page(odd),
        lambda odd: metrics.background_share(odd, 0),
        lambda odd: report.save(odd, "folder"),
    ],
)
def test_what_is_no_explanation_is_refused_by_its_type(call, odd):
    message = f"explanation must be an Explanation, got {type(odd).__name__}."
    assert refusal(TypeError, lambda: call(odd)) == message


@pytest.mark.parametrize("odd", [True, 1.5, b"a", [2, 3], None, np.ones(2)])
@pytest.mark.parametrize("argument", ["path", "folder"])
def test_what_is_no_path_is_refused_by_its_type(argument, odd):
    calls = {
        "path": [NETWORK.save, Network.load, display.read_image, lambda path: storage.save(NETWORK, path)],
        "folder": [EXPLANATION.save],
    }
    for call in calls[argument]:
        message = f"{argument} must be a path, got {type(odd).__name__}."
        assert refusal(TypeError, lambda call=call: call(odd)) == message


def test_a_path_holds_no_character_0():
    for call in (NETWORK.save, Network.load, display.read_image):
        message = refusal(ValueError, lambda call=call: call("a\0b"))
        assert message == r"path must not hold the character 0, got 'a\x00b'."


@pytest.mark.parametrize("read", [Network.load, display.read_image])
def test_a_number_is_no_open_file_and_closes_none(read, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    number = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        refusal(TypeError, lambda: read(number))
        assert os.read(number, 7) == b"content"
    finally:
        os.close(number)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda n: resize(np.ones((2, 3)), n), "size"),
        (lambda n: integrated_gradients(NETWORK, IMAGE, 0, steps=n), "steps"),
        (lambda n: midpoint_error(NETWORK, IMAGE, 0, steps=n), "steps"),
        (lambda n: smooth_grad(NETWORK, IMAGE, 0, samples=n), "samples"),
        (lambda n: training.fit(NETWORK, IMAGE[None], [[0, 1]], epochs=n), "epochs"),
        (lambda n: draw(n), "count"),
    ],
)
def test_no_size_or_count_exceeds_2147483647(call, name):
    for n in (2**31, 2**63, 2**70):
        assert refusal(ValueError, lambda n=n: call(n)) == f"{name} == {n}, must be <= 2147483647."


def test_a_seed_may_have_any_length_and_is_a_whole_number():
    assert len(draw(1, seed=2**70)) == 1
    assert pretrained.untrained(2**70).output_shape((1, 1, 32, 32)) == (1, 2)
    message = refusal(TypeError, lambda: pretrained.untrained(np.matrix(np.ones((2, 3)))))
    assert message == "seed must be an instance of int, not matrix."


@pytest.mark.parametrize("odd", ["x" * 10**6, EXPLANATION, NETWORK, Unwritable(), np.ma.ones((2, 3)), [10**5000]])
@pytest.mark.parametrize(
    "call",
    [
        lambda odd: About(class_names=odd),
        lambda odd: training.fit(NETWORK, IMAGE[None], [[0, 1]], callback=odd),
        lambda odd: training.fit(NETWORK, IMAGE[None], [[0, 1]], progress=odd),
        lambda odd: integrated_gradients(NETWORK, IMAGE, 0, steps=2, progress=odd),
        lambda odd: targets.finer(0, odd),
        lambda odd: targets.finer(odd, [1]),
        lambda odd: display.figure_of_stages(EXPLANATION, title=odd),
        lambda odd: display.overlay(IMAGE, np.ones((4, 4)), strength=odd),
    ],
)
def test_whatever_comes_the_message_is_one_short_line(call, odd):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(odd)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda n: About(mean=n),
        lambda n: display.overlay(IMAGE, np.full((4, 4), n)),
        lambda n: display.overlay(IMAGE, np.ones((4, 4)), n),
        lambda n: display.as_uint8(n),
        lambda n: display.figure_of_maps([[[n]]], "A^k"),
        lambda n: training.fit(NETWORK, IMAGE[None], [[0, 1]], momentum=n),
        lambda n: NETWORK.activations(IMAGE[None], since=n),
        lambda n: metrics.intersection_over_union(np.ones((2, 3)), np.ones((2, 3), bool), n),
        lambda n: smooth_grad(NETWORK, IMAGE, 0, sigma=n),
        lambda n: metrics.pointing_game([[-n]], np.ones((1, 1), bool)),
    ],
)
def test_a_number_that_no_float_holds_is_refused(call):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(10**5000)
    assert len(str(caught.value)) < 200
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("odd", ["x" * 10**6, EXPLANATION, (1,), np.ones((2, 3)), Unwritable(), 7])
def test_what_is_no_dtype_is_refused_in_one_short_line(odd):
    message = refusal(TypeError, lambda: exact.as_floats(1, dtype=odd))
    assert message.startswith("dtype must be float16, float32 or float64, got ")
    assert "\n" not in message
    assert len(message) < 200


def test_an_image_that_a_batch_does_not_have_is_told():
    batch = grad_cam(NETWORK, IMAGE[None], 0)
    for n, written in ((1, "1"), (-2, "-2"), (2**70, str(2**70)), (10**5000, "an object of type int")):
        message = refusal(IndexError, lambda n=n: batch[n])
        assert message == f"an Explanation of 1 images has none at index {written}."
    message = refusal(TypeError, lambda: batch[0.0:1.0])
    assert message == "a slice of an Explanation must be one of ints, got slice(0.0, 1.0, None)."


def test_half_of_a_character_is_no_title():
    message = refusal(ValueError, lambda: EXPLANATION.plot(title="\ud800"))
    assert message == r"title must be text, got half of a character (a surrogate) in '\ud800'."


def test_what_holds_no_numbers_is_told_in_one_line():
    message = refusal(TypeError, lambda: exact.as_fractions(EXPLANATION.plot))
    assert message.startswith("value must hold finite numbers, got <bound method")
    assert "\n" not in message


def test_a_number_that_python_does_not_write_is_told_by_its_type():
    for call in (lambda: display.figure_of_kernels(EXPLANATION, most_maps=-(10**5000)), lambda: draw(10**5000)):
        assert "an object of type int" in refusal(ValueError, call)


@pytest.mark.parametrize(
    "call",
    [
        lambda title: display.figure_of_stages(EXPLANATION, title=title),
        lambda title: display.figure_of_kernels(EXPLANATION, title=title),
        lambda title: display.figure_of_methods([EXPLANATION], title=title),
        lambda title: display.figure_of_pictures([[IMAGE]], title=title),
        lambda title: step_through_page(EXPLANATION, title=title),
        lambda title: EXPLANATION.plot(title=title),
        lambda title: EXPLANATION.save("folder", title=title),
    ],
)
def test_a_title_is_text_of_at_most_1000_characters(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = "title must have at most 1000 characters, got 1000000."
    assert refusal(ValueError, lambda: call("x" * 10**6)) == message
    assert refusal(TypeError, lambda: call((1, 2))) == "title must be a str, got tuple."
    call("x" * 1000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: display.as_uint8([[1.0], [1.0, 2.0]]), "picture must be an array, got rows of different lengths."),
        (lambda: display.overlay([[1.0], [1.0, 2.0]], IMAGE), "image must be an array, got rows of different lengths."),
        (
            lambda: display.with_picture(EXPLANATION, [[1.0], [1.0, 2.0]]),
            "picture must be an array, got rows of different lengths.",
        ),
        (
            lambda: display.figure_of_maps([[1.0], [1.0, 2.0]], "A^k"),
            "maps must be an array, got rows of different lengths.",
        ),
        (
            lambda: display.figure_of_pictures([[[[1.0], [1.0, 2.0]]]]),
            "rows[0][0] must be an array, got rows of different lengths.",
        ),
        (lambda: display.as_png(np.ones((5, 7))), "picture must have shape (H, W, 3) with no empty axis, got (5, 7)."),
        (lambda: display.as_uint8([[np.nan]]), "picture contains NaN at index (0, 0)."),
        (
            lambda: interventions.erase(np.ones((1, 0, 3)), (0, 0)),
            "image must have shape (C, H, W), got (1, 0, 3): axis H is empty.",
        ),
        (
            lambda: midpoint_error(NETWORK, np.ones((1, 3, 0)), 0, steps=2),
            "image must have shape (C, H, W), got (1, 3, 0): axis W is empty.",
        ),
    ],
)
def test_what_is_no_picture_is_refused_by_the_name_of_the_argument(call, message):
    assert refusal(ValueError, call) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: display.figure_of_path([]), "path must be a ScorePath, got list."),
        (lambda: display.figure_of_maps(np.ones((1, 2, 3)), 3),
         "symbol must be a sequence of str, or a str such as 'A^k', got 3."),
        (lambda: display.figure_of_maps(np.ones((1, 2, 3)), [3]), "symbol must be a str, got int."),
        (lambda: pretrained.measure(pretrained.untrained(), []), "drawings must be Drawings, got list."),
        (lambda: pretrained.measure(b"a", draw(4)), "network must be a numpycam Network, got bytes."),
        (lambda: storage.save([2, 3], "file"), "network must be a numpycam Network, got list."),
        (lambda: Network(np.array(None)), "layers must be a sequence of pairs (name, layer), got ndarray."),
        (lambda: over_layers(method, ReLU()), "layers must be a sequence of at least one name, got ReLU()."),
        (lambda: training.fit(NETWORK, IMAGE[None], [[0, 1]], fixed=np.array(1)),
         "fixed must be a sequence such as ['conv'], got array(1)."),
        (lambda: metrics.background_share(EXPLANATION, [[0], [1, 2]]), "kernels must be an instance of int, not list."),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_refused_by_its_name(call, message):
    assert refusal(TypeError, call) == message


def test_bytes_stay_bytes_whatever_holds_them():
    rows = [np.array([[0, 255], [51, 0]], np.uint8)]
    assert display.as_uint8(rows).tolist() == [[[0, 255], [51, 0]]]
    assert display.overlay(rows, np.zeros((2, 2)), 0)[..., 0].tolist() == [[0, 1], [0.2, 0]]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_pass_without_a_warning(odd):
    scores = np.array([[1.0, odd, 2.0], [0.0, 1.0, 2.0]])
    with warnings.catch_warnings(action="error"):
        losses = [
            training.softmax_cross_entropy(scores, [1, 0])[0],
            training.sigmoid_cross_entropy(scores, [[0, 1, 1], [1, 0, 0]])[0],
        ]
    if np.isnan(odd):
        assert np.isnan(losses).all()


@pytest.mark.parametrize("given", [None, 3, "layercam", [1], np.zeros(2)], ids=repr)
@pytest.mark.parametrize("wrap", [with_mirror, lambda given: over_layers(given, ["conv"])])
def test_what_is_wrapped_is_a_method(wrap, given):
    message = refusal(TypeError, lambda: wrap(given))
    assert message.startswith("method must be callable, such as numpycam.methods.layercam, got ")
