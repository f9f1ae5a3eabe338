"""The check of the last exercise of notebook 04: which of two networks in disguise looks at the grass."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks.compare import (
    Mistakes,
    as_numbers,
    check_keys,
    refuse_dots,
)
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arguments import as_int
from numpycam.core.arrays import Array
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.network import Network
from numpycam.text import decimal


def mystery_networks(variant: int = 0) -> dict[str, Network]:
    """Return the two networks that know the drawings, in random order and in disguise.

    The disguise gives each network its kernels in another order and of other sizes, and its scores in another unit.
    It changes no answer.

    Parameters
    ----------
    variant : int, default 0
        Seeds the order and the disguise.

    Returns
    -------
    dict of str to Network
        The networks "first" and "second".

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = np.random.default_rng(variant)
    first, second = rng.permutation(NAMES)
    return {"first": disguised(load_pretrained(first), rng), "second": disguised(load_pretrained(second), rng)}


def check_mystery(answer: Mapping[str, Any], variant: int = 0) -> Result:
    """Check which of two networks looks at the grass, and the evidence for it.

    Parameters
    ----------
    answer : mapping
        "seed" and "drawings": the seed that you drew with, and how many drawings, from 100 to 2000. For "first" and for
        "second", how much this network's score for the elephant falls when the grass is taken away: the mean over these
        drawings of an elephant on grass. For "looks at the grass", the verdict: "first" or "second".
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not what these drawings give, or if the numbers say that it is the other network.
    """
    check_keys(answer, (*_PLACES, _VERDICT, "seed", "drawings"))
    numbers = [_one_number(place, answer[place]) for place in _PLACES]
    verdict = answer[_VERDICT]
    refuse_dots(repr(_VERDICT), verdict)
    if not isinstance(verdict, str) or verdict not in _PLACES:
        raise CheckFailed(f"{_VERDICT!r} should be 'first' or 'second', got {verdict!r}.")
    seed, count = _whole("seed", answer["seed"]), _whole("drawings", answer["drawings"])
    if not _FEWEST <= count <= _MOST:
        raise CheckFailed(f"Take from {_FEWEST} to {_MOST} drawings; yours are {count}. A few could be an accident.")

    networks = [*mystery_networks(variant).values()]
    evidence = [_experiment(network, count, seed) for network in networks]
    falls = [_fall(*scores) for scores in evidence]
    if not _are_equal(numbers, falls, evidence):
        raise CheckFailed(_what_is_wrong(numbers, evidence, networks, seed))
    needs_grass = _PLACES[int(np.argmax([fall.mean() for fall in falls]))]
    if verdict != needs_grass:
        raise CheckFailed(
            "Your numbers are right, but your verdict is not what they say. Without grass the elephant's score falls "
            f"by {numbers[0]:.1f} in the first network and by {numbers[1]:.1f} in the second: which one needs grass?"
        )
    return Result(1, 1, count, "").told(
        f"The {needs_grass} network looks at the grass: your {count} drawings say so, and give the same numbers again."
    )


_PLACES = ("first", "second")
_VERDICT = "looks at the grass"
_CAT, _ELEPHANT = 0, 1
_FEWEST, _MOST = 100, 2000  # drawings that a learner makes


def disguised(network: Network, rng: np.random.Generator) -> Network:
    """Return a network with the same answers: its kernels in another order and size, its scores in another unit."""
    own = network.parameters
    first = rng.permutation(len(own["conv1.weight"]))
    second = rng.permutation(len(own["conv2.weight"]))
    size = 2 ** rng.integers(-3, 4, len(second)).astype(np.float32)
    unit = np.float32(rng.uniform(0.6, 1.8))
    return network.with_parameters({
        "conv1.weight": own["conv1.weight"][first],
        "conv1.bias": own["conv1.bias"][first],
        "conv2.weight": own["conv2.weight"][second][:, first] * size[:, None, None, None],
        "conv2.bias": own["conv2.bias"][second] * size,
        "scores.weight": own["scores.weight"][:, second] / size * unit,
        "scores.bias": own["scores.bias"] * unit,
    })  # fmt: skip


class _Scores(NamedTuple):
    """A network's scores (N, classes) for drawings with grass, without it, and with the grass painted black."""

    grass: Array
    plain: Array
    black: Array


def _experiment(network: Network, count: int, seed: int) -> _Scores:
    """Return a network's scores for the learner's drawings of elephants."""
    drawings = draw(count, seed, animals="elephant", grass=True)
    plain = draw(count, seed, animals="elephant", grass=False)
    black = np.where(drawings.masks[:, 2, None], 0, drawings.images)
    return _Scores(network(drawings.images), network(plain.images), network(black))


def _fall(grass: Array, plain: Array, black: Array) -> Array:
    """Return by how much the elephant's score falls in each drawing when the grass is taken away."""
    return (grass - plain)[:, _ELEPHANT]


def _one_number(place: str, value: Any) -> float:
    array = as_numbers(place, value)
    if array.shape != ():
        raise CheckFailed(f"{place} should be one number, a mean over drawings; yours has the shape {array.shape}.")
    return float(array)


def _whole(name: str, value: Any) -> int:
    refuse_dots(name, value)
    try:
        return as_int(name, value, 0)
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"{error}") from None


def _are_equal(numbers: Sequence[float], right: Sequence[Array], evidence: Sequence[_Scores]) -> bool:
    """Whether the numbers are the means of what is right, up to the rounding of float32."""
    margins = [_rounding(scores) for scores in evidence]
    return all(abs(n - r.mean()) <= margin for n, r, margin in zip(numbers, right, margins, strict=True))


def _rounding(scores: _Scores) -> float:
    """Return how far two means may lie apart that add up the same scores in another order.

    A score is a sum of some hundred products in float32, and the mean one of as many scores.
    """
    largest = max(float(np.abs(values).max()) for values in scores)
    return float(np.finfo(np.float32).eps) * (_TERMS + len(scores.grass)) * largest


_TERMS = 25 + 200 + 8  # of the two convolutions and the head


def _is_about(numbers: Sequence[float], falls: Sequence[Array]) -> bool:
    """Whether other drawings can give these numbers: within five standard errors for 10 of them."""
    return all(abs(n - fall.mean()) <= 5 * fall.std() / np.sqrt(10) for n, fall in zip(numbers, falls, strict=True))


def _what_is_wrong(
    numbers: Sequence[float], evidence: Sequence[_Scores], networks: Sequence[Network], seed: int
) -> str:
    """Return the mistake that explains both numbers, or else what is asked for."""
    falls = [_fall(*scores) for scores in evidence]
    if _are_equal(numbers, falls[::-1], evidence):
        return "The two numbers are exchanged: you give the second network's number for the first."
    for wrong, hint in WRONG_FALLS:
        if _are_equal(numbers, [wrong(*scores) for scores in evidence], evidence):
            return hint
    for digits in (0, 1, 2):
        if list(numbers) == [round(float(fall.mean()), digits) for fall in falls]:
            places = "1 decimal" if digits == 1 else f"{digits} decimals"
            return f"That is rounded to {places}: leave all digits, so that the experiment can be repeated."
    for few in (1, 5, 10, 20, 50):
        fewer = [_experiment(network, few, seed) for network in networks]
        if _are_equal(numbers, [_fall(*scores) for scores in fewer], evidence):
            drawings = "one drawing" if few == 1 else f"{few} drawings"
            return f"That is the mean over {drawings}, not over {len(falls[0])}. A few could be an accident."
    if _is_about(numbers, falls):
        return (
            "About right, but not what these drawings give. Have the pictures with grass and those without the same "
            'seed, and is it the "seed" of your findings? If the seeds differ, more than the grass changes.'
        )
    for wrong, hint in WRONG_FALLS:  # the grass can be painted black in several ways, nearly alike
        if _is_about(numbers, [np.atleast_1d(wrong(*scores)) for scores in evidence]):
            return hint
    lines = [
        f"{place}: its score does not fall by {decimal(number)} in these drawings."
        for place, number, fall, scores in zip(_PLACES, numbers, falls, evidence, strict=True)
        if not _are_equal([number], [fall], [scores])
    ]
    lines.append(
        f"A verdict needs evidence. Draw at least {_FEWEST} pictures with animals='elephant' and grass=True. Draw them "
        "again with the same seed and grass=False. The number is the mean of y before minus y after, for the elephant."
    )
    return "\n".join(lines)


def _probabilities(scores: Array) -> Array:
    return 1 / (1 + np.exp(-scores))


_IN_SCORES = (
    "Those are probabilities, or counts of answers: near 0 and 1 they hardly move, however far a score falls. Take the "
    "scores."
)

WRONG_FALLS: Mistakes = [
    (lambda grass, plain, black: (plain - grass)[:, _ELEPHANT],
     "The signs are turned: take y before minus y after, which is positive if the score falls."),
    (lambda grass, plain, black: (grass - plain)[:, _CAT],
     "Those are the scores of the cat: the elephant is class 1."),
    (lambda grass, plain, black: (grass - plain).mean(axis=1),
     "That is the mean over both classes: the elephant is class 1."),
    (lambda grass, plain, black: (grass - black)[:, _ELEPHANT],
     "You have painted the grass black. Black is a colour, too, and an elephant is dark: draw the same seed with "
     "grass=False, so that the ground is plain."),
    (lambda grass, plain, black: grass[:, _ELEPHANT],
     "That is the score with the grass: subtract the score without it."),
    (lambda grass, plain, black: plain[:, _ELEPHANT],
     "That is the score without the grass: subtract it from the score with it."),
    (lambda grass, plain, black: np.median(_fall(grass, plain, black)), "That is the median: take the mean."),
    (lambda grass, plain, black: _fall(_probabilities(grass), _probabilities(plain), black), _IN_SCORES),
    (lambda grass, plain, black: _fall(1.0 * (grass > 0), 1.0 * (plain > 0), black), _IN_SCORES),
]  # fmt: skip
