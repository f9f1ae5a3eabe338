"""The checks of notebook 04: shares of a map, and which of two networks looks at the grass."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks.compare import CheckFailed, Mistakes, Result, compare, relu, run
from numpycam.core.arrays import Array, zero_of
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.gradcam import Explanation, grad_cam_from_maps
from numpycam.metrics import background_share, energy_inside, pointing_game
from numpycam.network import Network
from numpycam.worked_example import ALPHAS, FEATURE_MAPS

_PLACES, _VERDICT = ("first", "second"), "looks at the grass"
_CAT, _ELEPHANT = 0, 1
_FRESH, _ENOUGH = 400, 100  # of how many drawings the check takes the mean, and a learner has to


def check_shares(answer: Callable[[Array, Array, int, Array], tuple[Any, Any]]) -> None:
    """Check a function that says how much a kernel contributes, and how much of the map lies in a mask.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, alphas, k, mask)`` gets the A of shape (K, H, W) and the α of shape (K,), in Fractions,
        the number of a kernel, from 0, and a mask (H, W) of bool. It returns ``(share, energy)``:
        Σ|α_k A^k| / Σ_j Σ|α_j A^j|, and the share of L = ReLU(Σ_j α_j A^j) inside the mask. Of nothing, both are 0.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right, for the worked example's numbers or for others.
    """
    cases, results, failure = list(_cases()), [], None
    for case in cases:
        inputs = dict(zip(("A", "α", "k", "mask"), case, strict=True))
        try:
            results.append((case, inputs, run(answer, inputs, ("share", "energy"), _advice)))
        except CheckFailed as failed:  # what came before may say more
            failure = failed
            break
    for stage, (name, formula) in enumerate(_FORMULAS.items()):
        compare(f"{name}, {formula}:", _MISTAKES[name], [
            Result(inputs, given[stage], given[stage], np.asarray(getattr(case, name)))
            for case, inputs, given in results
        ])  # fmt: skip
    if failure:
        raise failure
    print(f"✓ share and energy are exactly right, on {len(cases)} sets of maps, two of them with nothing to share.")


def mystery_networks(seed: int = 0) -> dict[str, Network]:
    """Return the two networks of the drawings, "first" and "second", in an order by lot.

    They are disguised: each has its kernels in another order and of other sizes, and its scores in another unit. Their
    answers are those of the networks of the package.

    Parameters
    ----------
    seed : int, default 0
        Of the order and the disguise.

    Returns
    -------
    dict of str to Network
    """
    rng = np.random.default_rng(seed)
    names = rng.permutation(NAMES)
    return {place: _disguised(load_pretrained(name), rng) for place, name in zip(_PLACES, names, strict=True)}


def check_mystery(answer: Mapping[str, Any], seed: int = 0) -> None:
    """Check which of two networks looks at the grass, and the evidence for it.

    Parameters
    ----------
    answer : mapping
        For "first" and for "second" by how much the network's score for the elephant falls, on average, when the grass
        is taken away from drawings of an elephant on grass, at least 100 of them; and for "looks at the grass" the
        verdict, "first" or "second".
    seed : int, default 0
        That of the :func:`mystery_networks`.

    Raises
    ------
    CheckFailed
        If a number is not what fresh drawings give, within five standard errors, or the verdict is not what the
        numbers say.
    """
    if not isinstance(answer, Mapping) or set(answer) != {*_PLACES, _VERDICT}:
        keys = ", ".join(map(repr, (*_PLACES, _VERDICT)))
        raise CheckFailed(f"Your findings should be a dictionary with the keys {keys}.")
    given = run(lambda: [answer[place] for place in _PLACES], {}, _PLACES)
    for place, value in zip(_PLACES, given, strict=True):
        if value.shape != ():
            raise CheckFailed(f"{place} should be one number, a mean over drawings; yours has the shape {value.shape}.")

    verdict = answer[_VERDICT]
    if verdict is ... or verdict is None:
        raise CheckFailed(f"{_VERDICT!r} is not there yet: replace the dots.")
    if not isinstance(verdict, str) or verdict not in _PLACES:
        raise CheckFailed(f"{_VERDICT!r} should be 'first' or 'second', got {verdict!r}.")

    numbers, networks = [float(value) for value in given], [*mystery_networks(seed).values()]
    with_grass, without = (draw(_FRESH, seed + 10_000, animals="elephant", grass=g) for g in (True, False))
    scores = [(network(with_grass.images), network(without.images)) for network in networks]
    measured = [(before - after)[:, _ELEPHANT] for before, after in scores]
    if not all(map(_is_near, numbers, measured)):
        black = np.where(with_grass.masks[:, 2, None], 0, with_grass.images)
        seen = [(*pair, network(black)) for pair, network in zip(scores, networks, strict=True)]
        raise CheckFailed(_why_not(numbers, measured, seen))
    right = _PLACES[int(np.argmax([drops.mean() for drops in measured]))]
    if verdict != right:
        raise CheckFailed(
            "Your numbers are right, but the verdict is not what they say. Without grass the elephant's score falls "
            f"by {numbers[0]:.1f} in the first and by {numbers[1]:.1f} in the second: which of them needs the grass?"
        )
    print(f"✓ It is the {right} that looks at the grass: {_FRESH} fresh drawings say so, and give your two numbers.")


# --- Shares ---------------------------------------------------------------------------------------------


class _Case(NamedTuple):
    a: Array
    alphas: Array
    k: int
    mask: Array

    @property
    def explanation(self) -> Explanation:
        return grad_cam_from_maps(self.a, np.broadcast_to(self.alphas[:, None, None], self.a.shape))

    @property
    def weighted(self) -> Array:
        return self.explanation.weighted_maps

    @property
    def total(self) -> Array:
        return self.explanation.weighted_sum

    @property
    def heat(self) -> Array:
        return self.explanation.localization_map

    @property
    def size(self) -> Any:
        return np.abs(self.weighted[self.k]).sum()

    @property
    def share(self) -> Any:
        return background_share(self.explanation, self.k)

    @property
    def area(self) -> Any:
        return _mean(self.mask + zero_of(self.heat))

    @property
    def inside(self) -> Any:
        return self.heat[self.mask].sum()

    @property
    def energy(self) -> Any:
        return energy_inside(self.heat, self.mask)


_EXAMPLE = _Case(FEATURE_MAPS, ALPHAS, 2, np.array([[True, False], [True, False]]))


def _cases() -> Iterator[_Case]:
    """Yield the worked example, its left half the mask, then drawn maps, then two that have nothing to share."""
    yield _EXAMPLE
    rng = np.random.default_rng(2017)
    for (kernels, *size), k in (((3, 2, 2), 1), ((2, 2, 3), 0), ((4, 3, 2), 3)):
        while True:
            a, alphas = (as_fractions(rng.integers(-4, 5, shape)) / 2 for shape in ((kernels, *size), kernels))
            case = _Case(a, alphas, k, rng.random(size) < 0.5)
            sides = [np.sign(as_floats(case.total[cells])) for cells in (case.mask, ~case.mask)]
            if all({-1, 1} <= set(side) for side in sides) and alphas[k] and alphas.sum() and case.weighted.sum():
                yield case
                break
    a, mask = as_fractions([[[1, 2, 0], [0, 1, 1]], [[3, 0, 1], [1, 0, 2]]]), np.array([[True, False, False]] * 2)
    yield _Case(a, as_fractions([-1, -2]), 1, mask)  # L is negative everywhere
    yield _Case(a * 0, as_fractions([1, -2]), 0, mask)


def _over(part: Any, whole: Any) -> Any:
    """Return part / whole, and 0 if the whole is, as an answer does that thinks of it."""
    return part / whole if whole else 0


def _part(values: Array, k: Any) -> Any:
    """Return the share of one element, or of those of a mask, in the sum of all."""
    return _over(np.sum(values[k]), np.sum(values))


def _mean(values: Array) -> Any:
    return _over(values.sum(), values.size)


_FORMULAS = {
    "share": "Σ|α_k A^k| / Σ_j Σ|α_j A^j|",
    "energy": "the sum of L inside the mask / the sum of L",
}


def _advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "(Is there nothing to divide by, as nothing speaks for the class? Of nothing, the share is 0.)"
    is_of_shapes = isinstance(error, ValueError) and "broadcast" in str(error)
    return "(α has the shape (K,), A has (K, H, W): write alphas[:, None, None] * feature_maps.)" * is_of_shapes


_WRONG_SHARES: dict[str, Sequence[tuple[Callable[[_Case], Any], str]]] = {
    "share": [
        (lambda c: _part(np.abs(c.alphas), c.k),
         "That is the share of |α| alone. A kernel ten times as large, with a tenth of its weight in the head, has a "
         "tenth of the α and does the same: only both together, α_k A^k, say how much it contributes."),
        (lambda c: _part(c.alphas, c.k), "That is the share of α alone, signs and all: weigh the maps, |α_k A^k|."),
        (lambda c: c.alphas[c.k], "That is α_k itself: how much comes of it depends on the map, too."),
        (lambda c: _part(np.abs(c.a), c.k), "The maps are not weighted: what counts are the cells of α_k A^k."),
        (lambda c: _part(c.weighted, c.k),
         "Positive and negative cells cancel in your sums: take the size of each cell, |α_k A^k_ij|, then add up."),
        (lambda c: _part(np.abs(c.weighted.sum(axis=(1, 2))), c.k),
         "You add up and take the size then: positive and negative cells of a map have cancelled before."),
        (lambda c: _over(c.size, np.abs(c.total).sum()),
         "You divide by Σ|L|, where maps have cancelled one another: divide by what all contribute, Σ_j Σ|α_j A^j|."),
        (lambda c: _over(c.size, c.heat.sum()),
         "You divide by the sum of L: divide by what all maps contribute, for and against, Σ_j Σ|α_j A^j|."),
        (lambda c: c.size, "That is how much the kernel contributes: divide by what all of them do."),
        (lambda c: _over(c.size / c.mask.size, np.abs(c.weighted).sum()),
         "There is a mean above and a sum below: take the sum of both."),
        (lambda c: _part(relu(c.weighted), c.k),
         "Only positive cells count in yours: what speaks against the class is a contribution, too."),
        (lambda c: _part(c.weighted**2, c.k), "Those are squares: take the sizes, |α_k A^k|."),
        (lambda c: _part(np.abs(c.weighted).max(axis=(1, 2)), c.k),
         "You take the largest cell of each map: take the sum of all."),
        (lambda c: _part(np.abs(c.weighted), c.k - 1), "That is the kernel before: k counts from 0, as Python does."),
        (lambda c: _part(np.abs(c.weighted), np.arange(len(c.a)) != c.k), "That is the share of all the others."),
        (lambda c: c.energy, "That is the energy: return the two in their order, (share, energy)."),
        (lambda c: 100 * c.share, "It is right in percent: leave it as a part of 1."),
        (lambda c: c.explanation.channel_shares, "These are the shares of all kernels: return that of k."),
        (lambda c: _EXAMPLE.share, "That is right for the worked example only: compute it from the arguments."),
    ],
    "energy": [
        (lambda c: _part(c.total, c.mask), "The ReLU is missing: only what speaks for the class is in the map."),
        (lambda c: _part(np.abs(c.total), c.mask),
         "That is |L|: what speaks against the class is not in the map, the ReLU makes it 0."),
        (lambda c: _part(relu(c.weighted).sum(axis=0), c.mask),
         "There is a ReLU before the sum: first add up, then ReLU."),
        (lambda c: _part(c.heat, ~c.mask), "The mask is turned inside out: that is the share outside."),
        (lambda c: _over(c.energy, c.area),
         "You divide by the mask's area (or a mean by a mean): that says how many times denser the map is in the mask. "
         "The energy is a sum over a sum."),
        (lambda c: _over(_mean(c.heat[c.mask]), _mean(c.heat[c.mask]) + _mean(c.heat[~c.mask])),
         "You weigh two means, inside and outside, and so divide by the areas. The energy is a sum over a sum."),
        (lambda c: _mean(c.heat[c.mask]), "That is the mean inside the mask: the energy is a sum over a sum."),
        (lambda c: c.inside, "That is the sum inside the mask: divide by that of all cells."),
        (lambda c: c.inside / c.mask.size, "You divide by the number of cells: divide by the sum of L."),
        (lambda c: _over(c.inside, c.heat.max()), "That is divided by the maximum: divide by the sum of L."),
        (lambda c: _over(c.inside, c.heat[~c.mask].sum()),
         "You divide what is inside by what is outside: divide by both together."),
        (lambda c: _over(c.heat[c.mask].max(), c.heat.max()), "You take the largest cell: the energy is a sum."),
        (lambda c: _part((c.heat > 0) + zero_of(c.heat), c.mask), "You count cells: add up their values."),
        (lambda c: c.area, "That is the share of the area: what does the map say?"),
        (lambda c: pointing_game(c.heat, c.mask),
         "That is the pointing game, 1 or 0 for the peak alone: the energy counts all cells."),
        (lambda c: _part(relu(c.weighted[c.k]), c.mask),
         "That is the map of kernel k: the energy is that of L, the sum of all maps."),
        (lambda c: 100 * c.energy, "It is right in percent: leave it as a part of 1."),
        (lambda c: _EXAMPLE.energy, "That is right for the worked example only: compute it from the arguments."),
    ],
}  # fmt: skip

_MISTAKES: dict[str, Mistakes] = {
    stage: [(lambda *inputs, wrong=wrong: wrong(_Case(*inputs)), hint) for wrong, hint in mistakes]
    for stage, mistakes in _WRONG_SHARES.items()
}


# --- Two networks ---------------------------------------------------------------------------------------


def _disguised(network: Network, rng: np.random.Generator) -> Network:
    """Return a network with the same answers: its kernels in another order and size, its scores in another unit."""
    own = network.parameters
    first, second = (rng.permutation(len(own[f"{layer}.weight"])) for layer in ("conv1", "conv2"))
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


def _is_near(number: float, measured: Array) -> bool:
    """Whether a number is as near to the mean of what was measured as another mean of enough drawings would be."""
    return bool(abs(number - measured.mean()) <= _margin(measured))


def _margin(measured: Array) -> float:
    """Return five standard errors of the difference of two means, of fresh drawings and of a learner's own."""
    return float(5 * measured.std() * np.sqrt(1 / _FRESH + 1 / _ENOUGH))


def _why_not(numbers: Sequence[float], measured: Sequence[Array], seen: Sequence[tuple[Array, Array, Array]]) -> str:
    """Return which mistake explains the numbers, or else which of them are off.

    ``seen`` are each network's scores with the grass, without it, and with the grass painted black.
    """
    if all(map(_is_near, numbers, measured[::-1])):
        return "The two numbers are exchanged: that of the first is the second's."
    for wrong, hint in _WRONG_DROPS:
        if all(_is_near(number, wrong(*scores)) for number, scores in zip(numbers, seen, strict=True)):
            return hint
    off = [
        f"{place}: {number:.6g} is not the fall of its score: {_FRESH} fresh drawings give another, and a mean of "
        f"{_ENOUGH} would be within {_margin(drops):.1f} of that.\n"
        for place, number, drops in zip(_PLACES, numbers, measured, strict=True)
        if not _is_near(number, drops)
    ]
    return "".join(off) + (
        "A verdict needs evidence. Draw at least 100 pictures with animals='elephant' and grass=True, and with the "
        "same seed and grass=False; the number is the mean of y before minus y after, of the elephant's score."
    )


def _probabilities(scores: Array) -> Array:
    return 1 / (1 + np.exp(-scores))


_IN_SCORES = (
    "Those are probabilities, or counts of answers: near 0 and 1 they hardly move, however far a score falls. Take the "
    "scores."
)

_WRONG_DROPS: Sequence[tuple[Callable[[Array, Array, Array], Array], str]] = [
    (lambda grass, without, black: (without - grass)[:, _ELEPHANT],
     "The signs are turned: a score that falls has dropped by a positive number, y before minus y after."),
    (lambda grass, without, black: (grass - without)[:, _CAT],
     "Those are the scores of the cat: the elephant is class 1."),
    (lambda grass, without, black: (grass - without).mean(axis=1),
     "That is the mean of both classes: the elephant is class 1."),
    (lambda grass, without, black: (grass - black)[:, _ELEPHANT],
     "You have painted the grass black. Black is a colour, too, and an elephant is dark: draw the same seed with "
     "grass=False, so that the ground is plain."),
    (lambda grass, without, black: grass[:, _ELEPHANT],
     "That is the score with the grass: subtract the score without it."),
    (lambda grass, without, black: without[:, _ELEPHANT],
     "That is the score without the grass: subtract it from the score with it."),
    (lambda grass, without, black: (_probabilities(grass) - _probabilities(without))[:, _ELEPHANT],
     _IN_SCORES),
    (lambda grass, without, black: (1.0 * (grass > 0) - (without > 0))[:, _ELEPHANT],
     _IN_SCORES),
]  # fmt: skip
