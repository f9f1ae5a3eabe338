"""The last check of notebook 09: which of four networks looks at the grass, and the evidence for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from numpycam.checks.compare import (
    as_numbers,
    check_keys,
    refuse_dots,
)
from numpycam.checks.results import CheckFailed, Result
from numpycam.checks.two_suspects import disguised
from numpycam.core.arguments import as_int
from numpycam.core.arrays import Array
from numpycam.core.layers import Conv2d
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import load_pretrained
from numpycam.gradcam import grad_cam
from numpycam.metrics import energy_inside
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.text import decimal, percent


def four_networks(variant: int = 0) -> dict[str, Network]:
    """Return four networks in random order and in disguise. One of them looks at the grass.

    Parameters
    ----------
    variant : int, default 0
        Seeds the order, the disguise, and what else is drawn.

    Returns
    -------
    dict of str to Network
        The networks "first", "second", "third" and "fourth".

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = np.random.default_rng(7 + as_int("variant", variant, 0))
    good, shortcut = load_pretrained("drawings"), load_pretrained("drawings-confounded")
    four = [good, _moved(good, _CELLS), _moved(shortcut, -_CELLS), _without_lesson(good, rng)]
    return {place: disguised(four[n], rng) for place, n in zip(_PLACES, rng.permutation(4), strict=True)}


def check_four_networks(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check which of four networks looks at the grass, and the evidence for it.

    Parameters
    ----------
    answer : mapping
        For "first", "second", "third" and "fourth" a pair: how much of this network's map for the elephant lies on the
        grass, the mean over at least 200 drawings of an elephant on grass; and how often its answer for the elephant is
        right, over at least 200 drawings in which animals and grass are there by lot. For "looks at the grass", the
        verdict: the place of one network.
    variant : int, default 0
        That of :func:`four_networks`.

    Returns
    -------
    Result
        A point for the maps, one for the right answers, one for the verdict.

    Raises
    ------
    CheckFailed
        If a number is too far from what fresh drawings give, or if it is another network.
    """
    check_keys(answer, (*_PLACES, _VERDICT))
    given = np.array([_pair(place, answer[place]) for place in _PLACES])  # (4, 2)
    verdict = answer[_VERDICT]
    refuse_dots(repr(_VERDICT), verdict)
    if not isinstance(verdict, str) or verdict not in _PLACES:
        raise CheckFailed(f"{_VERDICT!r} should be one of {', '.join(map(repr, _PLACES))}, got {verdict!r}.")
    evidence = [_evidence(network, variant) for network in four_networks(variant).values()]
    rights = [e.right.mean() for e in evidence], [e.right_there.mean() for e in evidence]
    guilty = _PLACES[int(np.argmax(np.subtract(rights[1], rights[0])))]
    problems = [_about_numbers(n, given, evidence) for n in range(2)]
    points = sum(not problem for problem in problems)
    if any(problems):
        raise CheckFailed("\n".join(filter(None, problems)), points, 3)
    if verdict != guilty:
        n = _PLACES.index(verdict)
        raise CheckFailed(_about_verdict(verdict, rights[0][n], rights[1][n]), points, 3)
    told = f"The {guilty} network looks at the grass: {_FRESH} fresh drawings say so, and agree with your numbers."
    return Result(3, 3, _FRESH, "").told(told)


# --- The evidence ---------------------------------------------------------------------------------------

_PLACES = "first", "second", "third", "fourth"
_VERDICT = "looks at the grass"
_CAT, _ELEPHANT, _GRASS = 0, 1, 2
_CELLS = 4  # by how many cells a map is moved: a quarter of its height
_FRESH = 400  # drawings that the check makes for itself
_ENOUGH = 200  # drawings that a learner should make


def _moved(network: Network, rows: int) -> Network:
    """Return a network with nearly the same scores, whose maps are moved down by some rows of cells, or up.

    The kernels of the second convolution stand at an edge of larger ones, whose other weights are 0. The head takes the
    maximum of each map, so it does not see where that is.
    """
    conv = network["conv2"]
    weight = conv.parameters["weight"]
    empty = np.zeros((*weight.shape[:2], 2 * abs(rows), weight.shape[3]), weight.dtype)
    parts = [weight, empty] if rows > 0 else [empty, weight]
    larger = Conv2d(np.concatenate(parts, axis=2), conv.parameters["bias"], padding=(2 + abs(rows), 2))
    layers = [(name, larger if name == "conv2" else layer) for name, layer in network.layers]
    return replace(network, layers=layers)


def _without_lesson(network: Network, rng: np.random.Generator) -> Network:
    """Return a network with the same kernels, whose head was drawn for the elephant: it has learned nothing of it.

    Half of the weights are negative, so a map lies somewhere, and the answer is nearly always no.
    """
    head = network.parameters["scores.weight"]
    signs = np.array([-1, 1] * (head.shape[1] // 2), head.dtype)
    elephants = draw(_ENOUGH, 0, animals="elephant").images
    while True:
        drawn = head.copy()
        drawn[_ELEPHANT] = np.abs(rng.permutation(head[_ELEPHANT])) * rng.permutation(signs)
        made = network.with_parameters({"scores.weight": drawn})
        if (made(elephants)[:, _ELEPHANT] > 0).mean() < 0.05:
            return made


def _pair(place: str, value: Any) -> Array:
    refuse_dots(place, value)
    pair = as_numbers(place, value)
    if pair.shape != (2,):
        raise CheckFailed(
            f"{place} should be two numbers, (energy on the grass, right answers), each a mean over drawings; yours "
            f"has the shape {pair.shape}."
        )
    return pair.astype(float)


def _evidence(network: Network, variant: int) -> SimpleNamespace:
    """Return what fresh drawings say of a network, one number for each; rightly, and as one may get it wrong."""
    seed = variant + 20_000
    elephants = draw(_FRESH, seed, animals="elephant", grass=True)
    masks = elephants.masks
    heats = [resize(grad_cam(network, elephants.images, c).localization_map, (32, 32)) for c in (_CAT, _ELEPHANT)]
    by_lot, there = draw(_FRESH, seed), draw(_FRESH, seed, confounded=True)
    right, right_there = ((network(drawn.images) > 0) == drawn.labels for drawn in (by_lot, there))
    return SimpleNamespace(
        on_grass=energy_inside(heats[_ELEPHANT], masks[:, _GRASS]),
        on_animal=energy_inside(heats[_ELEPHANT], masks[:, _ELEPHANT]),
        of_cat=energy_inside(heats[_CAT], masks[:, _GRASS]),
        area=masks[:, _GRASS].mean(axis=(1, 2)),
        inside=(heats[_ELEPHANT] * masks[:, _GRASS]).sum(axis=(1, 2)),
        right=right[:, _ELEPHANT],
        right_cat=right[:, _CAT],
        right_both=right.mean(axis=1),
        right_there=right_there[:, _ELEPHANT],
        found=network(elephants.images)[:, _ELEPHANT] > 0,
    )


WRONG_EVIDENCE: tuple[Sequence[tuple[Callable[[SimpleNamespace], Array], str]], ...] = (
    [
        (lambda e: e.on_animal,
         "The first numbers are the energy on the elephant: take the mask of the grass, number 2."),
        (lambda e: 1 - e.on_grass, "The first numbers are the energy off the grass: take what lies inside the mask."),
        (lambda e: e.of_cat, "The first numbers are those of the map for the cat: the elephant is class 1."),
        (lambda e: e.area,
         "The first numbers are the area of the grass, whatever the map says: take energy_inside(map, mask)."),
        (lambda e: e.inside, "The first numbers are the sums inside the mask: divide each by the sum of its map."),
        (lambda e: 100 * e.on_grass, "The first numbers are in per cent: give parts of 1."),
        (lambda e: e.right, "The first numbers are the right answers: the energy comes first."),
    ],
    [
        (lambda e: e.right_both,
         "The second numbers are for both classes together: the elephant alone shows it, class 1."),
        (lambda e: e.right_there,
         "The second numbers are from a world in which grass means elephant: there a shortcut is right, too. Draw "
         "without confounded=True."),
        (lambda e: e.right_cat, "The second numbers are the right answers for the cat: the elephant is class 1."),
        (lambda e: e.found,
         "The second numbers are from drawings that all have an elephant on grass: draw animals and grass by lot."),
        (lambda e: 1 - e.right, "The second numbers are the wrong answers: count the right ones."),
        (lambda e: 100 * e.right, "The second numbers are in per cent: give parts of 1."),
        (lambda e: e.on_grass, "The second numbers are the energy: the right answers come second."),
    ],
)  # fmt: skip


def _can_be(number: float, measured: Array) -> bool:
    """Whether the mean over a learner's own drawings can be this number, given what fresh drawings measure.

    Five standard errors of the difference of two means. For a share, such as 1.00, it is that of (k + 1) / (n + 2).
    """
    values = measured.astype(float)
    if measured.dtype == bool:
        values = np.concatenate([values, [0.0, 1.0]])
    margin = 5 * values.std() * np.sqrt(1 / _FRESH + 1 / _ENOUGH)
    return bool(abs(number - measured.mean()) <= margin)


def _about_numbers(n: int, given: Array, evidence: Sequence[SimpleNamespace]) -> str:
    """Return what is wrong with the first numbers of the pairs (n = 0) or the second ones; "" if nothing is."""
    name, what = (("on_grass", "energy on the grass"), ("right", "share of right answers"))[n]
    wrong = [m for m, e in enumerate(evidence) if not _can_be(given[m, n], getattr(e, name))]
    if not wrong:
        return ""
    for mistake, hint in WRONG_EVIDENCE[n]:
        if all(_can_be(given[m, n], mistake(e)) for m, e in enumerate(evidence)):
            return hint
    places = " and ".join(_PLACES[m] for m in wrong)
    numbers = ", ".join(decimal(given[m, n]) for m in wrong)
    how = (
        "draw(200, seed, animals='elephant', grass=True), the elephant's map resized to 32 × 32, and the mask number 2",
        "draw(200, seed) with animals and grass by lot, and the share of drawings in which y > 0 is the label",
    )[n]
    return f"{places}: the {what} is not {numbers}. A verdict needs evidence: {how}."


def _about_verdict(verdict: str, right: float, right_there: float) -> str:
    first = f"Your numbers are right, but the {verdict} network is not the one."
    if right > 0.9:
        return (
            f"{first} It is right in {percent(right)} of the drawings in which grass says nothing, so it does not need "
            "the grass. If its map lies there all the same, ask where a cell of that map has looked."
        )
    return (
        f"{first} It is right in {percent(right)} here, but in {percent(right_there)} where grass means elephant, too: "
        "it knows neither. A shortcut is right *there*."
    )
