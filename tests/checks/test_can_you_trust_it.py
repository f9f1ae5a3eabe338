"""The checks of notebook 09: answers as students write them, the curve by hand, and the four networks."""

import runpy
from fractions import Fraction
from functools import cache, partial

import numpy as np
import pytest
from answers import SOLUTIONS
from helpers import refusal, some

from numpycam.checks import (
    CheckFailed,
    check_bends,
    check_deletion,
    check_drop,
    check_rank_correlation,
    deletion_by_hand,
    four_networks,
    four_suspects,
    grade,
)
from numpycam.checks.can_you_trust_it import DELETION
from numpycam.checks.four_suspects import WRONG_EVIDENCE
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import load_pretrained
from numpycam.interventions import erase
from numpycam.metrics import area_under


def drop_by_loops(network, image, where, c):
    without = [[[0 if where[i, j] else value for j, value in enumerate(row)] for i, row in enumerate(channel)]
               for channel in image]  # fmt: skip
    return network(image[None])[0][c] - network(np.array([without], dtype=object) + Fraction(0))[0][c]


def drop_by_erase(network, image, where, c):
    return (network(image[None]) - network(erase(image, where)[None]))[0, c]


def ranks_by_counting(one, other):
    cells = [list(one.ravel()), list(other.ravel())]
    ranks = [[sum(value > rival for rival in some) for value in some] for some in cells]
    n = len(cells[0])
    return 1 - Fraction(6 * sum((p - q) ** 2 for p, q in zip(*ranks, strict=True)), n**3 - n)


def bends_by_walking(kinks, slopes, x):
    integral, place = 0, 0
    for kink, slope in zip([*kinks, x], slopes, strict=True):
        step = min(kink, x)
        if step > place:
            integral, place = integral + slope * (step - place), step
    if x > place:
        integral += slopes[-1] * (x - place)
    return slopes[sum(kink < x for kink in kinks)] * x, integral


RIGHT = [
    (check_drop, drop_by_loops),
    (check_drop, drop_by_erase),
    (check_rank_correlation, ranks_by_counting),
    (check_bends, bends_by_walking),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_a_right_answer_in_other_clothes_passes(check, answer):
    for variant in (0, 1, 7):
        assert check(answer, variant=variant).is_right


def mask_as_the_first_index(network, image, where, c):
    without = image.copy()
    without[where] = 0
    return network(image[None])[0, c] - network(without[None])[0, c]


def test_a_mask_that_forgets_the_channels_is_told_how_to_index():
    message = refusal(CheckFailed, lambda: check_drop(mask_as_the_first_index))
    assert message.endswith("(The mask has the shape (H, W), the image (C, H, W): write image[:, where].)")


def erased_in_place(network, image, where, c):
    before = network(image[None])[0, c]
    image[:, where] = 0
    return before - network(image[None])[0, c]


def erased_twice(network, image, where, c):
    image = erase(image, where)
    return network(image[None])[0, c] - network(erase(image, where)[None])[0, c]


def without_a_batch(network, image, where, c):
    return network(image)[c] - network(erase(image, where))[c]


def sorted_once(one, other):
    d = np.argsort(one.ravel()) - np.argsort(other.ravel())
    n = d.size
    return 1 - Fraction(6 * int((d**2).sum()), n * (n**2 - 1))


def sorted_by_rows(one, other):
    d = np.argsort(np.argsort(one)) - np.argsort(np.argsort(other))
    n = d.size
    return 1 - Fraction(6 * int((d**2).sum()), n * (n**2 - 1))


def largest_first(one, other):
    ranks = [sum(value > rival for rival in one.ravel()) for value in one.ravel()]
    others = [sum(value < rival for rival in other.ravel()) for value in other.ravel()]
    n = len(ranks)
    return 1 - Fraction(6 * sum((p - q) ** 2 for p, q in zip(ranks, others, strict=True)), n**3 - n)


def slope_at_the_start(kinks, slopes, x):
    return slopes[0] * x, bends_by_walking(kinks, slopes, x)[1]


def mean_of_slopes(kinks, slopes, x):
    passed = [slopes[0], *(slope for kink, slope in zip(kinks, slopes[1:], strict=True) if kink < x)]
    return bends_by_walking(kinks, slopes, x)[0], sum(passed) / len(passed) * x


def to_the_last_kink(kinks, slopes, x):
    ends = [0, *kinks]
    integral = sum(slopes[n] * (ends[n + 1] - ends[n]) for n in range(len(kinks)))
    return bends_by_walking(kinks, slopes, x)[0], integral


def in_floats(one, other):
    return float(ranks_by_counting(one, other))


BY_HAND = [
    (check_drop, lambda network, image, where, c: -drop_by_erase(network, image, where, c),
     "The sign is turned: y before"),
    (check_drop, lambda network, image, where, c: network(erase(image, where)[None])[0, c],
     "That is the score without"),
    (check_drop, lambda network, image, where, c: drop_by_erase(network, image, ~where, c),
     "You erase all but the patch"),
    (check_drop, erased_twice, "That is 0: were both pictures erased?"),
    (check_rank_correlation, sorted_once, "argsort once says which cell is the smallest"),
    (check_rank_correlation, sorted_by_rows, "You rank each row for itself"),
    (check_rank_correlation, largest_first, "The sign is turned, or one map is ranked from the largest down"),
    (check_rank_correlation, in_floats, "Right up to rounding, but somewhere a float came in"),
    (check_bends, slope_at_the_start, "You take the slope at 0: the gradient is the slope *at x*"),
    (check_bends, mean_of_slopes, "You take the mean of the slopes: a long piece counts more"),
    (check_bends, to_the_last_kink, "You go from 0 to the last kink"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answer", "hint"), BY_HAND)
def test_mistakes_written_by_hand_get_their_hints(check, answer, hint):
    assert f"\n{hint}" in refusal(CheckFailed, lambda: check(answer))


def test_what_is_wrong_with_the_call_is_said():
    assert refusal(CheckFailed, lambda: check_drop(erased_in_place)).startswith(
        "Your function writes into its arguments: leave the caller's arrays as they are."
    )
    assert refusal(CheckFailed, lambda: check_drop(without_a_batch)).endswith(
        "(A network takes a batch: network(image[None])[0, c].)"
    )


# --- The curve by hand -----------------------------------------------------------------------------------


def by_hand(variant=0):
    drops, heat = deletion_by_hand(variant)
    order = sorted(np.ndindex(2, 2), key=lambda cell: -heat[cell])
    curve = [drops.sum()]
    for cell in order:
        curve.append(curve[-1] - drops[cell])
    return {"curve": curve, "area": area_under(curve)}


@pytest.mark.parametrize("variant", range(8))
def test_the_curve_by_hand_is_right_in_every_variant(variant):
    assert check_deletion(by_hand(variant), variant=variant).points == 2
    assert grade(check_deletion, by_hand(variant), variant=variant + 1) < 1


def wrong_curves():
    for name, stage in DELETION.stages.items():
        for number, (wrong, hint) in enumerate(stage.mistakes):
            yield pytest.param(name, wrong, f"{stage.heading}\n{hint}\n", id=f"{name}-{number}")


@pytest.mark.parametrize(("name", "wrong", "beginning"), list(wrong_curves()))
@pytest.mark.parametrize("variant", [0, 5])
def test_every_wrong_curve_gets_its_own_hint(name, wrong, beginning, variant):
    answer = by_hand(variant) | {name: wrong(*deletion_by_hand(variant))}
    assert refusal(CheckFailed, lambda: check_deletion(answer, variant=variant)).startswith(beginning)


def test_a_decimal_is_as_good_as_its_fraction():
    numbers = by_hand()
    assert check_deletion({"curve": [float(y) for y in numbers["curve"]], "area": float(numbers["area"])}).is_right


def test_a_right_curve_has_its_point():
    assert grade(check_deletion, by_hand() | {"area": 1}) == 0.5


# --- The four networks -----------------------------------------------------------------------------------

drawn_once = cache(draw)


@cache
def evidence(variant):
    return {place: four_suspects._evidence(network, variant) for place, network in four_networks(variant).items()}


def check_four(answer, variant=0):
    """The check itself makes its drawings, and asks the networks, anew each time."""
    evidence(variant)  # before its parts are patched
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(four_suspects, "four_networks", lambda variant: {place: place for place in evidence(variant)})
        patch.setattr(four_suspects, "_evidence", lambda place, variant: evidence(variant)[place])
        return four_suspects.check_four_networks(answer, variant=variant)


def findings(variant=0, energy=lambda e: e.on_grass, right=lambda e: e.right):
    found = {place: (energy(e).mean(), right(e).mean()) for place, e in evidence(variant).items()}
    by_fall = {place: e.right_there.mean() - e.right.mean() for place, e in evidence(variant).items()}
    return found | {"looks at the grass": max(by_fall, key=by_fall.get)}


VARIANTS = 0, 1, 3


def test_a_learner_finds_it_with_drawings_of_their_own(capsys):
    my_findings = runpy.run_path(str(SOLUTIONS / "09_can_you_trust_it.py"))["my_findings"]
    assert check_four(my_findings).points == 3
    assert capsys.readouterr().out == (
        f"✓ The {my_findings['looks at the grass']} network looks at the grass: 400 fresh drawings say so, and agree "
        "with your numbers.\n"
    )


@pytest.mark.parametrize("variant", some(VARIANTS))
def test_a_map_alone_would_condemn_another_network(variant):
    """The exercise: the network with the most of its map on the grass is not the one that needs the grass."""
    right = findings(variant)
    guilty = right.pop("looks at the grass")
    assert max(right, key=lambda place: right[place][0]) != guilty
    assert 0.3 < right[guilty][1] < 0.7
    assert sum(share > 0.95 for _, share in right.values()) == 2
    assert check_four(findings(variant), variant).is_right


@pytest.mark.parametrize("variant", some(VARIANTS))
@pytest.mark.parametrize("which", [0, 1])
def test_every_wrong_evidence_gets_its_own_hint(variant, which):
    for wrong, hint in WRONG_EVIDENCE[which]:
        answer = findings(variant, **{("energy", "right")[which]: wrong})
        assert refusal(CheckFailed, lambda answer=answer: check_four(answer, variant)) == hint


def test_a_moved_map_moves_no_answer():
    images = drawn_once(100, 5).images
    network = load_pretrained("drawings")
    moved = four_suspects._moved(network, 4)
    assert ((network(images) > 0) == (moved(images) > 0)).all()
    before, after = (one.activations(images)["features"] for one in (network, moved))
    assert np.allclose(before[:, :, :-4], after[:, :, 4:], atol=1e-4 * np.abs(before).max())


def test_a_wrong_verdict_is_told_why():
    right = findings()
    guilty = right["looks at the grass"]
    messages = {
        place: refusal(CheckFailed, partial(check_four, right | {"looks at the grass": place}))
        for place in evidence(0)
        if place != guilty
    }
    assert sum("so it does not need the grass" in message for message in messages.values()) == 2
    assert sum("it knows neither" in message for message in messages.values()) == 1
    assert grade(check_four, right | {"looks at the grass": next(iter(messages))}) == 2 / 3


def test_a_guess_is_no_evidence():
    guess = dict.fromkeys(evidence(0), (0.9, 0.9)) | {"looks at the grass": findings()["looks at the grass"]}
    message = refusal(CheckFailed, lambda: check_four(guess))
    assert message.count("A verdict needs evidence: draw(200, seed") == 2
    assert grade(check_four, guess) == 0


def test_the_form_of_the_findings():
    for change, message in [
        ({"first": ...}, "first is not there yet: replace the dots."),
        ({"third": (..., ...)}, "third is not there yet: replace the dots."),
        ({"fourth": 0.5}, "fourth should be two numbers, (energy on the grass, right answers)"),
        ({"looks at the grass": ...}, "'looks at the grass' is not there yet: replace the dots."),
        ({"looks at the grass": 3},
         "'looks at the grass' should be one of 'first', 'second', 'third', 'fourth', got 3."),
    ]:  # fmt: skip
        assert refusal(CheckFailed, partial(check_four, findings() | change)).startswith(message)
    assert refusal(CheckFailed, lambda: check_four({})).startswith("Your findings should be a dictionary with the keys")
