"""The checks of another head with the same probabilities, in notebook 06."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, as_numbers, check, check_shape, refuse_dots
from numpycam.checks.maps import generator, halves, means
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arrays import Array, first_index, relu
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam_from_maps
from numpycam.text import exact_and_decimal
from numpycam.worked_example import CLASS_NAMES, FEATURE_MAPS, GRADIENTS, network


def check_same_probabilities(answer: Any, *, variant: int = 0) -> Result:
    """Check another head for the worked example: the same p for every picture, and an empty map for the cat.

    Parameters
    ----------
    answer : array, shape (2, 12)
        The weights of the linear layer: a row for the cat and a row for the elephant.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        Two points: one for the p, one for the map.

    Raises
    ------
    CheckFailed
        If some picture has another p, or if a cell of the cat's map is positive.
    """
    refuse_dots("my_head", answer)
    given = as_numbers("my_head", answer)
    check_shape("my_head", given, (2, 12), "(classes, K · H · W)")
    if any(value != value or abs(value) == np.inf for value in given.flat):
        raise CheckFailed("my_head should hold finite numbers.")
    head = as_fractions([[str(value) for value in row] for row in given])  # so 0.1 is one tenth
    old = network()["linear"].parameters["weight"]
    heat = grad_cam_from_maps(FEATURE_MAPS, head[0].reshape(FEATURE_MAPS.shape)).localization_map
    for wrong, hint in _HEADS:
        if (head == wrong(old)).all():
            raise CheckFailed(hint, int(not heat.any()), 2)
    moved = (head[0] - head[1]) - (old[0] - old[1])
    if moved.any():
        (cell,) = first_index(moved != 0)
        raise CheckFailed(
            f"p changes: it depends on y_cat - y_elephant, and weight {cell} of this difference was "
            f"{exact_and_decimal((old[0] - old[1])[cell])}; now it is {exact_and_decimal((head[0] - head[1])[cell])}. "
            "Add the same row to both rows.",
            int(not heat.any()),
            2,
        )
    if heat.any():
        where = first_index(heat > 0)
        raise CheckFailed(
            f"p stays, but the cat's map is not empty: at {where} it is {exact_and_decimal(heat[where])}. "
            "Which row, added to the cat's, leaves nothing of it?",
            1,
            2,
        )
    return Result(2, 2, 1, "").told(
        "The same p for every picture, and the cat's map is empty: p does not decide a map."
    )


def check_row(answer: Callable[[Array], Any], *, variant: int = 0) -> Result:
    """Check a function that finds a row which makes the first class's map the one that the second class had.

    Parameters
    ----------
    answer : callable
        ``answer(weights)`` takes the rows of a linear head, folded back into maps of shape (2, K, H, W), in Fractions.
        It returns v of shape (K, H, W), which is added to both rows.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the first class, with v, has other α than the second class had without: then their maps differ, too.
    """
    result = check(ROW, answer, variant)
    return result.told(f"With your v, p is the same and the map is the other one, on {result.cases} heads.")


_CAT, _ELEPHANT = range(len(CLASS_NAMES))
_ONLY_THE_CAT = (
    "Only the cat's row has changed, so y_cat - y_elephant has, too, and with it p. Add the same row to both rows."
)

_HEADS: list[tuple[Callable[[Array], Array], str]] = [
    (lambda old: old, "That is the old head: its p, and its map. Add a row to both of its rows."),
    (lambda old: 0 * old,
     "Both rows are 0, so each p is 1/2 for every picture. The difference of the rows must stay."),
    (lambda old: old[::-1], "The rows are exchanged, so p(cat) is now p(elephant)."),
    (lambda old: np.stack([0 * old[_CAT], old[_ELEPHANT]]), _ONLY_THE_CAT),
    (lambda old: np.stack([-old[_CAT], old[_ELEPHANT]]), _ONLY_THE_CAT),
    (lambda old: np.stack([old[_CAT] - old[_ELEPHANT], 0 * old[_CAT]]),
     "The elephant's row is 0 now: that keeps p, but it is the cat's map that should be empty."),
    (lambda old: np.stack([0 * old[_CAT], old[_CAT] - old[_ELEPHANT]]),
     "The sign is turned: the elephant's row should be what it was, minus the cat's."),
    (lambda old: -old, "All signs are turned, so p(cat) is what p(elephant) was."),
    (lambda old: np.stack([-old[_CAT], -old[_CAT]]),
     "That is the row to add, twice: add it to the rows that are there."),
    (lambda old: np.stack([0 * old[_CAT], 0 * old[_CAT] - old[_CAT]]),
     "The elephant's own row has got lost: it should be what it was, minus the cat's."),
    (lambda old: old + 1,
     "That adds 1 to each weight, and keeps p. But the cat's map is not empty: which row leaves nothing of it?"),
    (lambda old: old - 1,
     "That takes 1 from each weight, and keeps p. But the cat's map is not empty: which row leaves nothing of it?"),
    (lambda old: old - old.sum(axis=0) / 2,
     "You subtract the mean of both rows, and keep p. But then the cat's row is half of the difference, not 0."),
]  # fmt: skip


def _row_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the head of the worked example, then drawn heads on which every mistake has other α."""
    yield {"weights": np.stack([GRADIENTS, _elephant()])}
    rng = generator(variant)
    for shape in ((2, 2, 2), (3, 2, 3), (2, 3, 1)):
        while True:
            weights = np.stack([halves(rng, shape), halves(rng, shape)])
            wanted = means(weights[1])
            if all((means(weights[0] + wrong(weights)) != wanted).any() for wrong, _ in _V):
                break
        yield {"weights": weights}


def _elephant() -> Array:
    weight: Array = network()["linear"].parameters["weight"]
    return weight[_ELEPHANT].reshape(FEATURE_MAPS.shape)


def _v(weights: Array) -> Array:
    v: Array = weights[1] - weights[0]
    return v


_V: Mistakes = [
    (lambda weights: weights[0] - weights[1],
     "The sign is turned: the first row plus v should be the second row."),
    (lambda weights: weights[1],
     "That is the second row: v is *added*, so the first row is still in it. Take it out."),
    (lambda weights: -weights[0],
     "With this v the first row is 0, and its map is empty: it should be the other map."),
    (lambda weights: -weights[1], "That is minus the second row: the first row plus v should be the second row."),
    (lambda weights: weights[0], "That is the first row: with this v it is doubled, and so is its map."),
    (lambda weights: 0 * weights[0], "With a v of 0, nothing changes."),
    (lambda weights: (weights[1] - weights[0]) / 2, "That is half of the way: then both rows are their mean."),
    (lambda weights: weights[0] + weights[1], "You add the rows: the first row plus v should be the second row."),
    (lambda weights: (weights[0] + weights[1]) / 2,
     "That is the mean of both rows: the first row plus v should be the second row."),
    (lambda weights: -(weights[0] + weights[1]) / 2,
     "Now the two rows are each other's opposite: the first row plus v should be the second row."),
    (lambda weights: relu(weights[1] - weights[0]), "There is a ReLU on v: a row may be negative."),
    (lambda weights: np.abs(weights[1] - weights[0]), "That is |v|: a row may be negative."),
]  # fmt: skip


def _alphas_with(inputs: Inputs, v: Array) -> list[Array]:
    """Return the first class's α with v: if they are the second's, so is the map, whatever the feature maps are."""
    first = inputs["weights"][0]
    check_shape("v", v, first.shape, "(K, H, W)")
    return [means(first + as_fractions(v))]


ROW = Exercise(
    {"v": Stage("v: with it, the first class's α should be those that the second class had.", _v, _V)},
    _row_cases,
    outcome=_alphas_with,
)
