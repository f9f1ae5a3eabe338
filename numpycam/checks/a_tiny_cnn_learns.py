"""The checks of notebook 04: shares of a map, and which of two networks looks at the grass."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import (
    CheckFailed,
    Exercise,
    Inputs,
    Mistakes,
    Stage,
    as_numbers,
    check,
    check_keys,
    refuse_dots,
)
from numpycam.checks.maps import halves, quotient, spread, sums
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.gradcam import grad_cam_from_maps
from numpycam.metrics import background_share, energy_inside, pointing_game
from numpycam.network import Network
from numpycam.text import decimal
from numpycam.worked_example import ALPHAS, FEATURE_MAPS


def check_shares(answer: Callable[[Array, Array, int, Array], tuple[Any, Any]]) -> None:
    """Check a function that says how much a kernel contributes, and how much of the map lies in a mask.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, alphas, k, mask)`` takes A of shape (K, H, W) and α of shape (K,), in Fractions, the
        number k of a kernel, from 0, and a mask of bool of shape (H, W). It returns ``(share, energy)``: the share is
        Σ|α_k A^k| / Σ_j Σ|α_j A^j|, and the energy is the share of L = ReLU(Σ_j α_j A^j) that lies inside the mask.
        Where there is nothing to share, both are 0.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right, for the worked example or for other maps.
    """
    count = check(SHARES, answer)
    print(f"✓ share and energy are exactly right, on {count} sets of maps, two of them with nothing to share.")


def mystery_networks(seed: int = 0) -> dict[str, Network]:
    """Return the two networks that know the drawings, in random order and in disguise.

    The disguise gives each network its kernels in another order and of other sizes, and its scores in another unit.
    It changes no answer.

    Parameters
    ----------
    seed : int, default 0
        Seeds the order and the disguise.

    Returns
    -------
    dict of str to Network
        The networks "first" and "second".
    """
    rng = np.random.default_rng(seed)
    first, second = rng.permutation(NAMES)
    return {"first": _disguised(load_pretrained(first), rng), "second": _disguised(load_pretrained(second), rng)}


def check_mystery(answer: Mapping[str, Any], seed: int = 0) -> None:
    """Check which of two networks looks at the grass, and the evidence for it.

    Parameters
    ----------
    answer : mapping
        For "first" and for "second", how much this network's score for the elephant falls when the grass is taken
        away: the mean over at least 100 drawings of an elephant on grass. For "looks at the grass", the verdict:
        "first" or "second".
    seed : int, default 0
        The seed of the :func:`mystery_networks`.

    Raises
    ------
    CheckFailed
        If a number is more than five standard errors away from what fresh drawings give, or if the numbers say that it
        is the other network.
    """
    check_keys(answer, (*_PLACES, _VERDICT))
    numbers = [_one_number(place, answer[place]) for place in _PLACES]
    verdict = answer[_VERDICT]
    refuse_dots(repr(_VERDICT), verdict)
    if not isinstance(verdict, str) or verdict not in _PLACES:
        raise CheckFailed(f"{_VERDICT!r} should be 'first' or 'second', got {verdict!r}.")

    evidence = [_experiment(network, seed + 10_000) for network in mystery_networks(seed).values()]
    falls = [_fall(*scores) for scores in evidence]
    if not all(map(_is_near, numbers, falls)):
        raise CheckFailed(_what_is_wrong(numbers, evidence))
    needs_grass = _PLACES[int(np.argmax([fall.mean() for fall in falls]))]
    if verdict != needs_grass:
        raise CheckFailed(
            "Your numbers are right, but your verdict is not what they say. Without grass the elephant's score falls "
            f"by {numbers[0]:.1f} in the first network and by {numbers[1]:.1f} in the second: which one needs grass?"
        )
    print(
        f"✓ The {needs_grass} network looks at the grass: {_FRESH} fresh drawings say so, and agree with your numbers."
    )


# --- Shares ---------------------------------------------------------------------------------------------


def _quantities(a: Array, alphas: Array, k: int, mask: Array) -> SimpleNamespace:
    """Return the arguments of an answer, and all that is computed from them, rightly or wrongly."""
    explanation = grad_cam_from_maps(a, np.broadcast_to(spread(alphas), a.shape))
    heat, sizes = explanation.localization_map, np.abs(explanation.weighted_maps)
    inside, outside = heat[mask].sum(), heat[~mask].sum()
    return SimpleNamespace(
        a=a,
        alphas=alphas,
        k=k,
        mask=mask,
        weighted=explanation.weighted_maps,
        sizes=sizes,
        size=sizes[k].sum(),
        share=background_share(explanation, k),
        shares=explanation.channel_shares,
        total=explanation.weighted_sum,
        heat=heat,
        inside=inside,
        outside=outside,
        mean_inside=quotient(inside, np.count_nonzero(mask)),
        mean_outside=quotient(outside, np.count_nonzero(~mask)),
        energy=energy_inside(heat, mask),
        area=as_fractions(mask).sum() / mask.size,
    )


def _inputs(a: Array, alphas: Array, k: int, mask: Array) -> Inputs:
    return {"A": a, "α": alphas, "k": k, "mask": mask}


_EXAMPLE = _inputs(FEATURE_MAPS, ALPHAS, 2, np.array([[True, False], [True, False]]))


def _cases() -> Iterator[Inputs]:
    """Yield the worked example with its left half as the mask, then drawn maps, then two with nothing to share."""
    yield _EXAMPLE
    rng = np.random.default_rng(2017)
    for shape, k in (((3, 2, 2), 1), ((2, 2, 3), 0), ((4, 3, 2), 3)):
        inputs = _drawn(rng, shape, k)
        while not _tells(_quantities(*inputs.values())):
            inputs = _drawn(rng, shape, k)
        yield inputs
    a, mask = as_fractions([[[1, 2, 0], [0, 1, 1]], [[3, 0, 1], [1, 0, 2]]]), np.array([[True, False, False]] * 2)
    yield _inputs(a, as_fractions([-1, -2]), 1, mask)  # L is negative everywhere
    yield _inputs(a * 0, as_fractions([1, -2]), 0, mask)


def _drawn(rng: np.random.Generator, shape: tuple[int, int, int], k: int) -> Inputs:
    return _inputs(halves(rng, shape), halves(rng, shape[0]), k, rng.random(shape[1:]) < 0.5)


def _tells(q: SimpleNamespace) -> bool:
    """Whether the inputs tell common mistakes apart: L has cells of both signs, inside and outside of the mask."""
    has_signs = {-1, 1} <= set(np.sign(q.total[q.mask])) and {-1, 1} <= set(np.sign(q.total[~q.mask]))
    return has_signs and bool(q.alphas[q.k] and q.alphas.sum() and q.weighted.sum())


def _part(values: Array, where: Any) -> Array:
    """Return the share of some elements in the sum of all."""
    return quotient(np.sum(values[where]), np.sum(values))


_Table = Sequence[tuple[Callable[[SimpleNamespace], Any], str]]

_SHARE: _Table = [
    (lambda q: _part(np.abs(q.alphas), q.k),
     "That is the share of |α| alone. Make a kernel ten times as large and its weight in the head ten times smaller: "
     "its α is a tenth, but the scores are the same. Only both together, α_k A^k, say how much it contributes."),
    (lambda q: _part(q.alphas, q.k), "That is the share of α alone: weigh the maps, and take the sizes |α_k A^k|."),
    (lambda q: q.alphas[q.k], "That is α_k itself: weigh the map with it, |α_k A^k|."),
    (lambda q: _part(np.abs(q.a), q.k), "The maps are not weighted: add up the cells of |α_k A^k|."),
    (lambda q: _part(q.weighted, q.k),
     "Positive and negative cells cancel in your sums: take the size of each cell, |α_k A^k_ij|, then add up."),
    (lambda q: _part(np.abs(sums(q.weighted)), q.k),
     "You add up before you take the size, so positive and negative cells cancel: take the sizes first."),
    (lambda q: quotient(q.size, np.abs(q.total).sum()),
     "You divide by Σ|L|, but in L the maps cancel each other: divide by what all maps contribute, Σ_j Σ|α_j A^j|."),
    (lambda q: quotient(q.size, q.heat.sum()),
     "You divide by the sum of L: divide by what all maps contribute, for and against, Σ_j Σ|α_j A^j|."),
    (lambda q: q.size, "That is how much the kernel contributes: divide by what all kernels contribute."),
    (lambda q: _part(q.sizes, q.k) / q.mask.size,
     "You divide a mean by a sum: divide a sum by a sum."),
    (lambda q: _part(relu(q.weighted), q.k),
     "You count positive cells only: what speaks against the class is a contribution, too."),
    (lambda q: _part(q.weighted**2, q.k), "Those are squares: take the sizes, |α_k A^k|."),
    (lambda q: _part(q.sizes.max(axis=(1, 2)), q.k),
     "You take the largest cell of each map: take the sum of its cells."),
    (lambda q: _part(q.sizes, q.k - 1), "That is the kernel before: k counts from 0, as Python does."),
    (lambda q: _part(q.sizes, np.arange(len(q.a)) != q.k),
     "That is the share of all other kernels: return the share of kernel k."),
    (lambda q: q.energy, "That is the energy: return first the share, then the energy."),
    (lambda q: 100 * q.share, "That is in per cent: return a part of 1."),
    (lambda q: q.shares, "These are the shares of all kernels: return the share of kernel k."),
    (lambda q: _quantities(*_EXAMPLE.values()).share, hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

_SUM_OVER_SUM = "The energy is a sum divided by a sum."

_ENERGY: _Table = [
    (lambda q: _part(q.total, q.mask), "The ReLU is missing: only what speaks for the class is in the map."),
    (lambda q: _part(np.abs(q.total), q.mask),
     "That is |L|: take ReLU(L), where all that speaks against the class is 0."),
    (lambda q: _part(relu(q.weighted).sum(axis=0), q.mask),
     hints.RELU_TOO_EARLY),
    (lambda q: _part(q.heat, ~q.mask), "That is the share outside of the mask: return the share inside."),
    (lambda q: quotient(q.energy, q.area),
     "You divide by the mask's area, or a mean by a mean: that says how much denser the map is inside the mask. "
     f"{_SUM_OVER_SUM}"),
    (lambda q: quotient(q.mean_inside, q.mean_inside + q.mean_outside),
     f"You compare the mean inside with the mean outside: each mean divides by an area. {_SUM_OVER_SUM}"),
    (lambda q: q.mean_inside, f"That is the mean inside the mask. {_SUM_OVER_SUM}"),
    (lambda q: q.inside, "That is the sum inside the mask: divide by the sum of all cells."),
    (lambda q: q.inside / q.mask.size, "You divide by the number of cells: divide by the sum of L."),
    (lambda q: quotient(q.inside, q.heat.max()), "You divide by the maximum of L: divide by its sum."),
    (lambda q: quotient(q.inside, q.outside),
     "You divide what is inside by what is outside: divide by both together."),
    (lambda q: quotient(q.heat[q.mask].max(), q.heat.max()), f"You take the largest cell. {_SUM_OVER_SUM}"),
    (lambda q: _part(as_fractions(q.heat > 0), q.mask), "You count cells: add up their values."),
    (lambda q: q.area, "That is the share of the area, whatever the map says: add up the values of L."),
    (lambda q: pointing_game(q.heat, q.mask),
     "That is the pointing game, 1 or 0 for the peak alone: the energy counts all cells."),
    (lambda q: _part(relu(q.weighted[q.k]), q.mask),
     "That is the energy of map k alone: take L, the sum of all maps."),
    (lambda q: 100 * q.energy, "That is in per cent: return a part of 1."),
    (lambda q: _quantities(*_EXAMPLE.values()).energy, hints.ONLY_THE_EXAMPLE),
]  # fmt: skip


def _from_inputs(compute: Callable[[SimpleNamespace], Any]) -> Callable[..., Any]:
    """Return a function of the quantities as a function of an answer's arguments."""
    return lambda *inputs: compute(_quantities(*inputs))


def _mistakes(table: _Table) -> Mistakes:
    return [(_from_inputs(wrong), hint) for wrong, hint in table]


def _shares_advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "(Can the sum below be 0? Then there is nothing to share: return 0.)"
    return hints.advise_on_alphas(error)


SHARES = Exercise(
    {
        "share": Stage("share, Σ|α_k A^k| / Σ_j Σ|α_j A^j|:", _from_inputs(lambda q: q.share), _mistakes(_SHARE)),
        "energy": Stage(
            "energy, the sum of L inside the mask / the sum of L:", _from_inputs(lambda q: q.energy), _mistakes(_ENERGY)
        ),
    },
    _cases,
    _shares_advice,
)


# --- Two networks ---------------------------------------------------------------------------------------

_PLACES = ("first", "second")
_VERDICT = "looks at the grass"
_CAT, _ELEPHANT = 0, 1
_FRESH = 400  # drawings that the check makes for itself
_ENOUGH = 100  # drawings that a learner should make


def _disguised(network: Network, rng: np.random.Generator) -> Network:
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


def _experiment(network: Network, seed: int) -> _Scores:
    """Return a network's scores for fresh drawings of elephants."""
    drawings = draw(_FRESH, seed, animals="elephant", grass=True)
    plain = draw(_FRESH, seed, animals="elephant", grass=False)
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


def _is_near(number: float, measured: Array) -> bool:
    """Whether the mean over a learner's own drawings can be this number, given what fresh drawings measure."""
    return bool(abs(number - measured.mean()) <= _margin(measured))


def _margin(measured: Array) -> float:
    """Return five standard errors of the difference of two means: over fresh drawings, and over a learner's own."""
    return float(5 * measured.std() * np.sqrt(1 / _FRESH + 1 / _ENOUGH))


def _what_is_wrong(numbers: Sequence[float], evidence: Sequence[_Scores]) -> str:
    """Return the mistake that explains both numbers, or else which of them are wrong."""
    falls = [_fall(*scores) for scores in evidence]
    if all(map(_is_near, numbers, reversed(falls))):
        return "The two numbers are exchanged: you give the second network's number for the first."
    for wrong, hint in WRONG_FALLS:
        if all(map(_is_near, numbers, [wrong(*scores) for scores in evidence])):
            return hint
    lines = [
        f"{place}: its score does not fall by {decimal(number)}. The mean over {_ENOUGH} drawings should be within "
        f"{_margin(fall):.1f} of the mean over {_FRESH} fresh ones."
        for place, number, fall in zip(_PLACES, numbers, falls, strict=True)
        if not _is_near(number, fall)
    ]
    lines.append(
        f"A verdict needs evidence. Draw at least {_ENOUGH} pictures with animals='elephant' and grass=True. Draw them "
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
    (lambda grass, plain, black: _fall(_probabilities(grass), _probabilities(plain), black), _IN_SCORES),
    (lambda grass, plain, black: _fall(1.0 * (grass > 0), 1.0 * (plain > 0), black), _IN_SCORES),
]  # fmt: skip
