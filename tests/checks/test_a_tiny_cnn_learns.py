"""The checks of notebook 04: division by nothing, and the two networks in disguise."""

import numpy as np
import pytest
from helpers import refusal, same
from mystery import check_mystery, drawn, drops, findings, scores

from numpycam.checks import CheckFailed, check_shares, mystery_networks
from numpycam.experiments.drawings import CLASS_NAMES, draw
from numpycam.experiments.pretrained import NAMES, load_pretrained


def test_dividing_by_nothing_is_told():
    def careless(a, alphas, k, mask):
        sizes = np.abs(alphas[:, None, None] * a).sum(axis=(1, 2))
        heat = np.maximum((alphas[:, None, None] * a).sum(axis=0), 0)
        return sizes[k] / sizes.sum(), heat[mask].sum() / heat.sum()

    message = refusal(CheckFailed, lambda: check_shares(careless))
    assert message.startswith("Your function raised ZeroDivisionError with A of shape (2, 2, 3)")
    assert message.endswith("\n(Can the sum below be 0? Then there is nothing to share: return 0.)")


# --- The two networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_experiment_finds_the_network_in_any_disguise(seed, capsys):
    check_mystery(findings(seed=seed), seed)
    assert capsys.readouterr().out == (
        f"✓ The {findings(seed=seed)['looks at the grass']} network looks at the grass: your 200 drawings say so, "
        "and give the same numbers again.\n"
    )


def test_either_network_may_be_the_first():
    assert {findings(seed=seed)["looks at the grass"] for seed in range(4)} == {"first", "second"}


@pytest.mark.parametrize("seed", range(3))
def test_a_disguise_changes_no_answer_and_hides_the_third_kernel(seed):
    images = draw(200, seed=11, grass=True).images
    answers = {name: load_pretrained(name)(images) > 0 for name in NAMES}
    places = mystery_networks(seed)
    assert sorted(name for net in places.values() for name in NAMES if same(net(images) > 0, answers[name])) == [*NAMES]
    assert answers[NAMES[0]].shape == (200, len(CLASS_NAMES))
    for network in places.values():
        for name in NAMES:
            assert not same(network["conv1"].weight, load_pretrained(name)["conv1"].weight)
            assert not same(network["conv2"].weight, load_pretrained(name)["conv2"].weight)


def test_a_hundred_drawings_are_enough():
    for drawing_seed in range(3):
        check_mystery(findings(count=100, drawing_seed=drawing_seed))


def test_means_in_another_order_of_adding_up_pass():
    numbers = {}
    for place, (y, without, _) in scores(0, 200, 7).items():
        y, without = y[::-1, 1].astype(np.float64), without[:, 1].astype(np.float64)
        numbers[place] = sum(y) / len(y) - sum(without) / len(without)
    check_mystery(findings() | numbers)


def test_a_verdict_without_a_measurement_does_not_pass():
    for verdict, numbers in [
        ("first", (14.0, 1.5)),
        ("second", (1.5, 14.0)),
        ("first", (1, 0)),
        ("second", (0.0, 99.0)),
    ]:
        guess = dict(zip(("first", "second"), numbers, strict=True)) | {"looks at the grass": verdict} | drawn()
        message = refusal(CheckFailed, lambda guess=guess: check_mystery(guess))
        assert "A verdict needs evidence." in message
        assert ": its score does not fall by " in message
        assert all(f"{drop:.1f}" not in message for drop in drops().values())


def test_one_right_number_is_not_called_wrong():
    message = refusal(CheckFailed, lambda: check_mystery(findings() | {"second": 3.0}))
    assert message.startswith("second: its score does not fall by 3 in these drawings.")
    assert "first:" not in message


def test_a_verdict_against_the_numbers_is_held_against_them():
    right = findings()
    wrong = {"first": "second", "second": "first"}[right["looks at the grass"]]
    message = refusal(CheckFailed, lambda: check_mystery(right | {"looks at the grass": wrong}))
    assert message == (
        "Your numbers are right, but your verdict is not what they say. Without grass the elephant's score falls by "
        f"{right['first']:.1f} in the first network and by {right['second']:.1f} in the second: which one needs "
        "grass?"
    )


def test_numbers_that_are_exchanged_are_told_so():
    right = findings()
    answer = right | {"first": right["second"], "second": right["first"]}
    assert refusal(CheckFailed, lambda: check_mystery(answer)).startswith("The two numbers are exchanged")


def test_the_form_of_the_findings():
    for change, message in [
        ({"first": None}, "first is not there yet: replace the dots."),
        ({"second": ...}, "second is not there yet: replace the dots."),
        ({"second": [1, 2]}, "second should be one number, a mean over drawings; yours has the shape (2,)."),
        ({"first": "much"}, "first should hold numbers only; yours has str."),
        ({"looks at the grass": ...}, "'looks at the grass' is not there yet: replace the dots."),
        ({"looks at the grass": "third"}, "'looks at the grass' should be 'first' or 'second', got 'third'."),
        ({"drawings": ...}, "drawings is not there yet: replace the dots."),
        ({"seed": "three"}, "seed must be an instance of int, not str."),
        ({"seed": -1}, "seed == -1, must be >= 0."),
        ({"drawings": 99}, "Take from 100 to 2000 drawings; yours are 99. A few could be an accident."),
        ({"drawings": 2001}, "Take from 100 to 2000 drawings; yours are 2001. A few could be an accident."),
        ({"looks at the grass": 1}, "'looks at the grass' should be 'first' or 'second', got 1."),
    ]:
        assert refusal(CheckFailed, lambda change=change: check_mystery(findings() | change)) == message
    for answer in ({}, None, {"first": 1, "second": 2}):
        assert refusal(CheckFailed, lambda answer=answer: check_mystery(answer)) == (
            "Your findings should be a dictionary with the keys 'first', 'second', 'looks at the grass', 'seed', "
            "'drawings'."
        )
    not_a_number = findings() | {"first": float("nan")}
    assert refusal(CheckFailed, lambda: check_mystery(not_a_number)).startswith(
        "first: its score does not fall by nan in these drawings."
    )
