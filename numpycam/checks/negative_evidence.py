"""The checks of notebook 06: what the ReLU removes, and what speaks against a class."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check, refuse_dots
from numpycam.checks.maps import generator, halves, means, pairs_of_maps, quotient, spread, sums
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, relu, zero_of
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam_from_maps
from numpycam.methods import hirescam
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, WEIGHTED_SUM

Cells = frozenset[tuple[int, ...]]


def signed_by_hand(variant: int = 0) -> Array:
    """Return the L of the first exercise: 2 × 3 whole numbers, two of them negative, and one of them 0.

    Parameters
    ----------
    variant : int, default 0
        Which numbers are drawn.

    Returns
    -------
    array, shape (2, 3)

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = generator(variant)
    while True:
        total = as_fractions(rng.permutation([-3, -1, 0, 1, 2, 4]).reshape(2, 3))
        told = {_wrong(total) for _wrong, _ in _REMOVED}
        if len({*told, _negative_cells(total)}) == len(_REMOVED) + 1:
            return total


def check_removed(answer: Any, *, variant: int = 0) -> Result:
    """Check which cells of :func:`signed_by_hand` the ReLU changes.

    Parameters
    ----------
    answer : list of (row, column)
        Counted from 0, in any order.
    variant : int, default 0
        That of L.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a cell is missing, or one too many.
    """
    refuse_dots("my_removed", answer)
    total = signed_by_hand(variant)
    cells, right = _as_cells(answer), _negative_cells(total)
    for wrong, hint in _REMOVED:
        if cells == wrong(total):
            raise CheckFailed(hint)
    outside = sorted(cell for cell in cells if not (0 <= cell[0] < 2 and 0 <= cell[1] < 3))
    if outside:
        raise CheckFailed(f"There is no cell {outside[0]} in a map of 2 rows and 3 columns, counted from 0.")
    for cell in sorted(cells - right):
        raise CheckFailed(f"At {cell} L is {total[cell]}: the ReLU leaves it as it is.")
    if cells != right:
        raise CheckFailed(f"{len(cells)} of {len(right)} cells, and these are right. Which other cell is negative?")
    return RIGHT.told("These are the cells that the ReLU changes: the negative ones, and no others.")


def check_counterfactual(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that computes the counterfactual map from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). It returns ReLU(-L), of
        shape (H, W).
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a cell is not exactly right, for the worked example or for other maps.
    """
    result = check(COUNTERFACTUAL, answer, variant)
    return result.told(f"The counterfactual map is exactly right, on {result.cases} pairs of maps.")


def check_split(answer: Callable[[Array], tuple[Any, Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that splits L into what speaks for the class, and what speaks against it.

    Parameters
    ----------
    answer : callable
        ``answer(weighted_sum)`` takes L of shape (H, W), in Fractions. It returns ``(positive, negative, against)``:
        two maps without negative cells, whose difference is L, and the share of the negative one in the sum of both.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a number is not exactly right.
    """
    result = check(SPLIT, answer, variant)
    return result.told(f"positive, negative and against are exactly right, on {result.cases} maps.")


# --- Which cells -----------------------------------------------------------------------------------------


def _cells_where(condition: Array) -> Cells:
    return frozenset((int(row), int(column)) for row, column in np.argwhere(condition.astype(bool)))


def _negative_cells(total: Array) -> Cells:
    return _cells_where(total < 0)


def _moved(cells: Cells, by: int) -> Cells:
    return frozenset(tuple(index + by for index in cell) for cell in cells)


def _turned(cells: Cells) -> Cells:
    return frozenset(cell[::-1] for cell in cells)


_REMOVED: list[tuple[Callable[[Array], Cells], str]] = [
    (lambda total: frozenset(), "The list is empty: which cells of L are negative?"),
    (lambda total: _cells_where(total <= 0), "The ReLU makes 0 of a 0, too, but that changes nothing: leave it out."),
    (lambda total: _cells_where(total > 0), "These are the cells that the ReLU leaves as they are: list the others."),
    (lambda total: _cells_where(total >= 0), "These are the cells that the ReLU leaves as they are: list the others."),
    (lambda total: _cells_where(total == total), "These are all cells: which of them are negative?"),
    (lambda total: _cells_where(total == 0), "That cell is 0 before and after: which ones change?"),
    (lambda total: _cells_where(total == total.min()), "That is the most negative cell: there is another one below 0."),
    (lambda total: _cells_where(total == total.max()), "That is the largest cell of L: which ones are negative?"),
    (lambda total: _moved(_negative_cells(total), 1), "You count from 1: Python's first row, and first column, is 0."),
    (lambda total: _turned(_negative_cells(total)), "Rows and columns are exchanged: write (row, column)."),
    (lambda total: _turned(_moved(_negative_cells(total), 1)),
     "Rows and columns are exchanged, and you count from 1: write (row, column), from 0."),
]  # fmt: skip


def _as_cells(answer: Any) -> Cells:
    answer = answer.tolist() if isinstance(answer, np.ndarray) else answer  # such as np.argwhere gives
    if not isinstance(answer, list | tuple | set):
        raise CheckFailed(f"my_removed should be a list of (row, column); yours is {type(answer).__name__}.")
    for cell in answer:
        refuse_dots("my_removed", cell)
        if not isinstance(cell, tuple | list) or len(cell) != 2:
            raise CheckFailed(
                f"Each cell should be a pair (row, column), its place and not its number; found {cell!r}."
            )
        for index in cell:
            refuse_dots("my_removed", index)
            if not isinstance(index, int | np.integer):
                raise CheckFailed(f"Rows and columns should be whole numbers; found {cell!r}.")
    return frozenset((int(row), int(column)) for row, column in answer)


# --- The counterfactual map ------------------------------------------------------------------------------


def _total(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).weighted_sum


def _heat(a: Array, g: Array) -> Array:
    return grad_cam_from_maps(a, g).localization_map


def _against(a: Array, g: Array) -> Array:
    return relu(-_total(a, g))


def _cases(variant: int = 0) -> Iterable[Inputs]:
    """Return maps with cells of both signs in L, and feature maps and α of both signs."""

    def tells(a: Array, g: Array) -> bool:
        total, alphas = _total(a, g), means(g)
        differ = (relu(-_total(relu(a), g)) != relu(-total)).any() and (hirescam.from_maps(a, g).weighted_sum != total)
        return bool(total.min() < 0 < total.max() and alphas.min() < 0 < alphas.max() and np.any(differ))

    return pairs_of_maps(variant, [(2, 2, 2), (3, 2, 3), (2, 3, 2), (4, 2, 3)], tells)


_COUNTERFACTUAL: Mistakes = [
    (_heat, "That is the map of the class itself, ReLU(L): turn the signs of L before the ReLU."),
    (_total, "That is L: turn its signs, and then ReLU."),
    (lambda a, g: -_total(a, g), "That is -L: its negative cells speak *for* the class, so the ReLU is still to come."),
    (lambda a, g: np.minimum(_total(a, g), 0),
     "That is the negative part with its minus, min(L, 0): a map has no negative cells, so it should be ReLU(-L)."),
    (lambda a, g: -_heat(a, g), "That is -ReLU(L): the minus belongs inside, ReLU(-L)."),
    (lambda a, g: np.abs(_total(a, g)), "That is |L|, for and against together: ReLU(-L) keeps what is against."),
    (lambda a, g: relu(-(spread(means(g)) * a)).sum(axis=0), hints.RELU_TOO_EARLY),
    (lambda a, g: (spread(relu(-means(g))) * a).sum(axis=0),
     "Your ReLU is on -α: it belongs at the end. A positive α speaks against the class where A is negative."),
    (lambda a, g: relu((spread(relu(-means(g))) * a).sum(axis=0)),
     "You take the maps with a negative α alone: a positive α speaks against the class where A is negative."),
    (lambda a, g: relu(_total(a, relu(-g))),
     "You take the negative gradients alone: turn the signs of all of them."),
    (lambda a, g: _total(a, relu(-g)), "You take the negative gradients alone: turn the signs of all of them."),
    (lambda a, g: relu(_total(relu(-a), g)), "You take the negative cells of A alone: turn the signs of L."),
    (lambda a, g: relu(-_total(relu(a), g)), "There is a ReLU on A: a negative cell of A counts."),
    (lambda a, g: relu(-(g * a).sum(axis=0)),
     "You multiply cell by cell: that is HiResCAM's. Here each map has one weight, α_k, the mean of dy/dA^k."),
    (lambda a, g: relu(-(spread(sums(g)) * a).sum(axis=0)),
     "It is Z = H·W times too large: α_k is the mean of dy/dA^k, not the sum."),
    (lambda a, g: relu(-_total(a, g) / len(a)), hints.MEAN_OF_MAPS),
    (lambda a, g: np.where(_total(a, g) < 0, 1, 0), "That says where L is negative: there, keep the size of L."),
    (lambda a, g: _total(a, g).max() - _total(a, g),
     "That is max L - L: only what is below 0 speaks against the class."),
    (lambda a, g: quotient(_against(a, g), _against(a, g).max()), hints.NORMALISED),
    (lambda a, g: _against(a, g).T, hints.TRANSPOSED),
    (lambda a, g: _against(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

COUNTERFACTUAL = Exercise(
    {"counterfactual": Stage("counterfactual, ReLU(-L):", _against, _COUNTERFACTUAL)}, _cases, hints.advise_on_alphas
)


# --- For and against -------------------------------------------------------------------------------------


def _totals(variant: int = 0) -> Iterator[Inputs]:
    """Yield the L of the worked example, drawn ones, one all negative, one whose sum is 0, and one of zeros."""
    yield {"L": WEIGHTED_SUM}
    rng = generator(variant)
    for shape in ((2, 3), (3, 2)):
        total = halves(rng, shape)
        while not ((total < 0).sum() > 1 and (total > 0).sum() > 1 and total.sum() != 0):
            total = halves(rng, shape)
        yield {"L": total}
    yield {"L": -1 - np.abs(halves(rng, (1, 3)))}
    both = 1 + np.abs(halves(rng, (1, 2)))
    yield {"L": np.concatenate([both, -both[:, ::-1]])}
    yield {"L": 0 * halves(rng, (2, 2))}


def _share_against(total: Array) -> Array:
    return quotient(relu(-total).sum(), np.abs(total).sum())


_POSITIVE: Mistakes = [
    (lambda total: total, "That is L itself: negative cells should become 0."),
    (lambda total: np.abs(total), "That is |L|: negative cells should become 0."),
    (lambda total: relu(-total), "That is what speaks against the class: the two are exchanged."),
    (lambda total: np.minimum(total, 0), "That is the smaller of L and 0: take the larger, np.maximum."),
    (lambda total: np.where(total > 0, 1, 0), "That says where L is positive: there, keep L itself."),
    (lambda total: total[total > 0], "These are the positive numbers without their places: keep the shape of L."),
    (lambda total: quotient(relu(total), total.max()), hints.NORMALISED),
    (lambda total: quotient(relu(total), relu(total).max()), hints.NORMALISED),
    (lambda total: total - total.min(), "You subtract the minimum, which moves the 0: negative cells should become 0."),
    (lambda total: relu(total).T, hints.TRANSPOSED),
]

_NEGATIVE: Mistakes = [
    (
        lambda total: np.minimum(total, 0),
        "It has the minus still: L = positive - negative, so negative itself has no negative cell.",
    ),
    (lambda total: relu(total), "That is what speaks for the class: take the other part, ReLU(-L)."),
    (lambda total: -total, "That is -L: where L is positive, nothing speaks against the class, so there it is 0."),
    (lambda total: total, "That is L itself: turn its signs, and then ReLU."),
    (lambda total: np.abs(total), "That is |L|: where L is positive, nothing speaks against the class."),
    (lambda total: -relu(total), "That is -ReLU(L): the minus belongs inside, ReLU(-L)."),
    (lambda total: np.where(total < 0, 1, 0), "That says where L is negative: there, keep the size of L."),
    (lambda total: total[total < 0], "These are the negative numbers without their places: keep the shape of L."),
    (lambda total: -total[total < 0], "These numbers have lost their places: keep the shape of L."),
    (lambda total: relu(-total).T, hints.TRANSPOSED),
]

_AGAINST: Mistakes = [
    (lambda total: quotient(relu(-total).sum(), total.sum()),
     "You divide by the sum of L, in which for and against cancel: divide by the sum of both parts."),
    (lambda total: _share_against(total) if total.sum() else 0 * total.sum(),
     "Where L adds up to 0, for and against can be equally large: ask whether there is anything in either part."),
    (lambda total: _share_against(total) if relu(total).any() else 0 * total.sum(),
     "Where nothing speaks for the class, and something against it, all of it is against: the share is 1."),
    (lambda total: quotient(-relu(-total).sum(), np.abs(total).sum()),
     "It is negative: a share is the sum of the negative part, which has no minus, over the sum of both."),
    (lambda total: quotient(relu(-total).sum(), relu(total).sum()),
     "You divide by what speaks for the class: divide by the sum of both parts."),
    (lambda total: quotient(relu(total).sum(), np.abs(total).sum()),
     "That is the share of what speaks *for* the class: take the other part."),
    (lambda total: quotient((total < 0).sum() + zero_of(total), total.size),
     "You count the negative cells: add up how large they are."),
    (lambda total: quotient((total < 0).sum() + zero_of(total), (total != 0).sum()),
     "You count the negative cells: add up how large they are."),
    (lambda total: relu(-total).sum(), "That is the sum of the negative part: divide it by the sum of both parts."),
    (lambda total: relu(-total).sum() / total.size,
     "That is a mean over the cells: divide by the sum of both parts."),
    (lambda total: quotient(relu(-total).max(), np.abs(total).max()),
     "You compare the largest cells: add up all cells of each part."),
    (lambda total: 100 * _share_against(total), "That is in per cent: a share lies in 0 … 1."),
    (lambda total: quotient(relu(-total), np.abs(total)),
     "That is a share for each cell: one number for the whole map."),
    (lambda total: quotient(total.sum(), np.abs(total).sum()),
     "The sum of L is for minus against: take the negative part alone."),
]  # fmt: skip


def _split_advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "(L can be 0 everywhere. Then there is nothing to share, and the share is 0: ask before you divide.)"
    return ""


SPLIT = Exercise(
    {
        "positive": Stage("positive, what speaks for the class:", relu, _POSITIVE),
        "negative": Stage("negative, what speaks against it:", lambda total: relu(-total), _NEGATIVE),
        "against": Stage("against, Σ negative / (Σ positive + Σ negative):", _share_against, _AGAINST),
    },
    _totals,
    _split_advice,
)
