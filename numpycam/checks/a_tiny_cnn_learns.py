"""The checks of notebook 04: right answers, energy and shares of a map."""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import (
    Exercise,
    Inputs,
    Mistakes,
    Stage,
    check,
)
from numpycam.checks.maps import generator, halves, quotient, spread, sums
from numpycam.checks.results import Result
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam_from_maps
from numpycam.metrics import background_share, energy_inside, pointing_game
from numpycam.worked_example import ALPHAS, FEATURE_MAPS


def check_accuracy(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that says how many answers of a network are right.

    Parameters
    ----------
    answer : callable
        ``answer(scores, labels)`` takes scores of shape (N, C), in Fractions, and labels of bool of the same shape. The
        answer to a question is yes if the score is above 0. It returns the share of right answers for each of the C
        questions.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a share is not right.
    """
    result = check(ACCURACY, answer, variant)
    return result.told(f"The shares of right answers are right, for {result.cases} sets of scores.")


def check_energy(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that says how much of a map lies in a mask.

    Parameters
    ----------
    answer : callable
        ``answer(heat, mask)`` takes a map of shape (H, W), in Fractions, none negative, and a mask of bool of the same
        shape. It returns the sum inside the mask / the sum of all cells, and 0 for a map that is 0 everywhere.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the energy is not exactly right.
    """
    result = check(ENERGY, answer, variant)
    return result.told(f"The energy is exactly right, on {result.cases} maps, one of them 0 everywhere.")


def check_shares(answer: Callable[[Array, Array, int, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that says how much a kernel contributes, and how much of the map lies in a mask.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, alphas, k, mask)`` takes A of shape (K, H, W) and α of shape (K,), in Fractions, the
        number k of a kernel, from 0, and a mask of bool of shape (H, W). It returns ``(share, energy)``: the share is
        Σ|α_k A^k| / Σ_m Σ|α_m A^m|, and the energy is the share of L = ReLU(Σ_m α_m A^m) that lies inside the mask.
        Where there is nothing to share, both are 0.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right, for the worked example or for other maps.
    """
    result = check(SHARES, answer, variant)
    return result.told(
        f"share and energy are exactly right, on {result.cases} sets of maps, two of them with nothing to share."
    )


# --- Right answers, and energy --------------------------------------------------------------------------


def _score_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield scores and labels, for one question up to three. Powers of two, so that floats are exact as well."""
    scores, labels = as_fractions([[2, -1], [-3, "1/2"], [1, 4], [-1, -2]]), np.array([[1, 0], [1, 0], [0, 1], [0, 0]])
    yield {"scores": scores, "labels": labels.astype(bool)}
    rng = generator(variant)
    for shape in ((8, 2), (4, 3), (16, 1), (2, 3)):
        scores, labels = halves(rng, shape), rng.random(shape) < 0.5
        while not _tells_answers(scores, labels):
            scores, labels = halves(rng, shape), rng.random(shape) < 0.5
        yield {"scores": scores, "labels": labels}


def _tells_answers(scores: Array, labels: Array) -> bool:
    """Whether some answers are right and others are wrong, and 0 is among the scores if there are many."""
    is_right = (scores > 0) == labels
    return bool(is_right.any() and not is_right.all() and ((scores == 0).any() or scores.size < 12))


def _right(scores: Array, labels: Array) -> Array:
    return np.asarray((scores > 0) == labels)


def _share_of_true(values: Array, axis: int | None = 0) -> Array:
    """Return the share of True, exactly."""
    return np.asarray(as_fractions(values).sum(axis=axis)) / (len(values) if axis == 0 else values[0].size)


_ACCURACY: Mistakes = [
    (lambda scores, labels: np.asarray(as_fractions(_right(scores, labels)).sum() / scores.size),
     "That is one share for all questions together: each question has its own, so take the mean along axis 0."),
    (lambda scores, labels: _share_of_true(_right(scores, labels), axis=1),
     "That is a share for each picture: take the mean over the pictures, along axis 0."),
    (lambda scores, labels: _right(scores, labels).sum(axis=0),
     "That is how many are right: divide by the number of pictures."),
    (lambda scores, labels: _right(scores, labels),
     "That is which answers are right: take the mean over the pictures, along axis 0."),
    (lambda scores, labels: 1 - _share_of_true(_right(scores, labels)),
     "That is the share of wrong answers: return the share of right ones."),
    (lambda scores, labels: _share_of_true((scores > 0) & labels),
     'You count the right "yes" only: a right "no" is right, too.'),
    (lambda scores, labels: quotient(((scores > 0) & labels).sum(axis=0), labels.sum(axis=0) * as_fractions([1])),
     "That is the share of the animals that were found: a right \"no\" is right, too."),
    (lambda scores, labels: _share_of_true(scores == labels),
     "You compare scores with labels. The answer is yes where the score is above 0: compare scores > 0 with them."),
    (lambda scores, labels: _share_of_true(scores > 0), 'That is how often the answer is "yes": compare with labels.'),
    (lambda scores, labels: _share_of_true(labels), 'That is how often "yes" would be right: look at the scores.'),
    (lambda scores, labels: _share_of_true((scores >= 0) == labels),
     'At a score of 0 the answer is "no": yes is above 0.'),
    (lambda scores, labels: _share_of_true((scores > as_fractions("1/2")) == labels),
     "You ask for a score above 1/2. These are no probabilities: yes is above 0."),
    (lambda scores, labels: 100 * _share_of_true(_right(scores, labels)), "That is in per cent: return a part of 1."),
]  # fmt: skip

ACCURACY = Exercise(
    {"accuracy": Stage("accuracy, the share of right answers to each question:",
                       lambda scores, labels: _share_of_true(_right(scores, labels)), _ACCURACY)},
    _score_cases,
)  # fmt: skip


def _energy_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield maps and masks, some of them not square, and at the end a map of zeros."""
    yield {"heat": as_fractions([[8, 0], [16, 3]]), "mask": np.array([[True, False], [True, False]])}
    rng = generator(variant)
    for shape in ((2, 3), (3, 2), (3, 4)):
        heat, mask = relu(halves(rng, shape)), rng.random(shape) < 0.5
        while not (heat[mask].any() and heat[~mask].any() and (heat == 0).any()):
            heat, mask = relu(halves(rng, shape)), rng.random(shape) < 0.5
        yield {"heat": heat, "mask": mask}
    yield {"heat": as_fractions([[0, 0, 0], [0, 0, 0]]), "mask": np.array([[True, False, False]] * 2)}


def _of_heat(wrong: Callable[[SimpleNamespace], Any]) -> Callable[[Array, Array], Any]:
    """Return a mistake of the table of shares, as one of a map and a mask."""
    return lambda heat, mask: wrong(_quantities(heat[None], as_fractions([1]), 0, mask))


def _energy_mistakes() -> Mistakes:
    return [(_of_heat(wrong), hint) for wrong, hint in _ENERGY_OF_MAP]


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


def _cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the worked example with its left half as the mask, then drawn maps, then two with nothing to share."""
    yield _EXAMPLE
    rng = generator(variant)
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
     "You divide by Σ|L|, but in L the maps cancel each other: divide by what all maps contribute, Σ_m Σ|α_m A^m|."),
    (lambda q: quotient(q.size, q.heat.sum()),
     "You divide by the sum of L: divide by what all maps contribute, for and against, Σ_m Σ|α_m A^m|."),
    (lambda q: quotient(q.size, q.sizes.sum(axis=(1, 2)).max()),
     "You divide by the largest of the contributions: divide by their sum, so that the shares of all kernels add up "
     "to 1."),
    (lambda q: q.share if q.sizes.any() else np.nan,
     "Where nothing contributes, yours is NaN, which is 0/0: there is nothing to share, so return 0."),
    (lambda q: q.share if q.sizes.any() else as_fractions(1) / len(q.a),
     "Where nothing contributes, yours is 1/K: nobody has a share of nothing, so return 0."),
    (lambda q: q.share if q.sizes.any() else 1,
     "Where nothing contributes, yours is 1: nobody has a share of nothing, so return 0."),
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

_ENERGY_OF_MAP: _Table = [
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
    (lambda q: 100 * q.energy, "That is in per cent: return a part of 1."),
    (lambda q: q.energy if q.heat.any() else np.nan,
     "Where the map is 0 everywhere, yours is NaN, which is 0/0: there is nothing to share, so return 0."),
    (lambda q: q.energy if q.heat.any() else 1,
     "Where the map is 0 everywhere, yours is 1: nothing lies inside the mask, so return 0."),
    (lambda q: q.energy if q.heat.any() else q.area,
     "Where the map is 0 everywhere, yours is the mask's share of the area: nothing lies inside it, so return 0."),
]  # fmt: skip

_ENERGY: _Table = [
    (lambda q: q.share, "That is the share again: the energy is the part of L that lies inside the mask."),
    (lambda q: _part(q.total, q.mask), "The ReLU is missing: only what speaks for the class is in the map."),
    (lambda q: _part(np.abs(q.total), q.mask),
     "That is |L|: take ReLU(L), where all that speaks against the class is 0."),
    (lambda q: _part(relu(q.weighted).sum(axis=0), q.mask),
     hints.RELU_TOO_EARLY),
    *_ENERGY_OF_MAP,
    (lambda q: _part(relu(q.weighted[q.k]), q.mask),
     "That is the energy of map k alone: take L, the sum of all maps."),
    (lambda q: _quantities(*_EXAMPLE.values()).energy, hints.ONLY_THE_EXAMPLE),
]  # fmt: skip


def _from_inputs(compute: Callable[[SimpleNamespace], Any]) -> Callable[..., Any]:
    """Return a function of the quantities as a function of an answer's arguments."""
    return lambda *inputs: compute(_quantities(*inputs))


def _mistakes(table: _Table) -> Mistakes:
    return [(_from_inputs(wrong), hint) for wrong, hint in table]


_NOTHING = "(Where there is nothing to share, return 0.)"


def _shares_advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "(Can the sum below be 0? Then there is nothing to share: return 0.)"
    return hints.advise_on_alphas(error)


SHARES = Exercise(
    {
        "share": Stage("share, Σ|α_k A^k| / Σ_m Σ|α_m A^m|:", _from_inputs(lambda q: q.share), _mistakes(_SHARE)),
        "energy": Stage(
            "energy, the sum of L inside the mask / the sum of L:", _from_inputs(lambda q: q.energy), _mistakes(_ENERGY)
        ),
    },
    _cases,
    _shares_advice,
    if_none=_NOTHING,
)

ENERGY = Exercise(
    {"energy": Stage("energy, the sum inside the mask / the sum of all cells:",
                     _of_heat(lambda q: q.energy), _energy_mistakes())},
    _energy_cases,
    _shares_advice,
    if_none=_NOTHING,
)  # fmt: skip
