"""The checks of notebook 08: XGrad-CAM, what LayerCAM does not see, HiResCAM and LayerCAM, a lost division."""

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.checks import hints, suspects
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check
from numpycam.checks.maps import given_pair, means, named, pairs_of_maps, quotient, spread, sums
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, first_index, relu, zero_of
from numpycam.exact import as_fractions
from numpycam.methods import element_wise_grad_cam, grad_cam, grad_cam_plus_plus, hirescam, layercam
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS


def check_xgrad_alphas(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that computes the α of XGrad-CAM.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). No map has the sum 0. It
        returns the α of shape (K,): the sum of A^k g^k over the cells, divided by the sum of A^k.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the α are not exactly right, for the worked example or for other maps.
    """
    result = check(XGRAD_ALPHAS, answer, variant)
    return result.told(f"The alphas of XGrad-CAM are exactly right, on {result.cases} pairs of maps.")


def check_blind_spot(answer: Any, *, variant: int = 0) -> Result:
    """Check an example of maps on which HiResCAM is empty and LayerCAM is not.

    Parameters
    ----------
    answer : pair of arrays
        Feature maps and gradient maps, both of shape (K, H, W). No feature map has a negative cell.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a cell of A is negative, if HiResCAM is not 0 everywhere, or if LayerCAM is.
    """
    a, g = given_pair("my_blind_spot", answer)
    if (a < 0).any():
        where = first_index(a < 0)
        raise CheckFailed(f"A comes from a ReLU here, so no cell is negative; yours has {a[where]} at {where}.")
    hires, layer = _hires(a, g), _layer(a, g)
    if len(a) == 1:
        raise CheckFailed(
            "With one map and A ≥ 0, the two methods are the same map: g A where g > 0, and 0 elsewhere. "
            "A second map can speak against what the first one speaks for."
        )
    if hires.any():
        where = first_index(hires > 0)
        raise CheckFailed(
            f"HiResCAM is not empty: at {where} the sum of g A is {hires[where]}. "
            "There, what speaks against the class should be at least as large as what speaks for it."
        )
    if not layer.any():
        raise CheckFailed(
            "LayerCAM is empty, too: no cell has A > 0 and g > 0 in the same map. "
            "One map should speak for the class, and another one more strongly against it."
        )
    return RIGHT.told(
        f"HiResCAM is empty, and y = Σ A ⊙ g = {(a * g).sum()}. LayerCAM shows {layer.max()}: it does not see what "
        "speaks against."
    )


def check_cell_by_cell(answer: Callable[[Array, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that computes HiResCAM and LayerCAM from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). It returns
        ``(hirescam, layercam)``, two maps of shape (H, W) after their last ReLU.
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
    result = check(CELL_BY_CELL, answer, variant)
    return result.told(f"HiResCAM and LayerCAM are exactly right, on {result.cases} pairs of maps.")


def check_grad_cam_plus_plus(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a Grad-CAM++, such as ``numpycam.checks.suspects.grad_cam_plus_plus`` with its lost division mended.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` takes two arrays of Fractions of shape (K, H, W). It returns the weights of
        shape (K,): the sum of g / (2 + S_k g) over the cells with g > 0, where S_k = Σ_ij A^k_ij.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the weights are not exactly right, for the worked example or for other maps.
    """
    result = check(GRAD_CAM_PLUS_PLUS, answer, variant)
    return result.told(f"The weights are exactly right, on {result.cases} pairs of maps: the division is found.")


# --- HiResCAM and LayerCAM ------------------------------------------------------------------------------


def _cell_cases(variant: int = 0) -> Iterable[Inputs]:
    """Return maps on which the cell-by-cell methods differ, with cells of both signs in L."""

    def tells(a: Array, g: Array) -> bool:
        hires, layer = hirescam.from_maps(a, g).weighted_sum, layercam.from_maps(a, g).weighted_sum
        element_wise = element_wise_grad_cam.from_maps(a, g).weighted_sum
        have_both_signs = hires.min() < 0 < hires.max() and layer.min() < 0 < layer.max()
        pairs = (hires, layer), (hires, element_wise), (layer, element_wise)
        return bool(have_both_signs and all((relu(one) != relu(other)).any() for one, other in pairs))

    return pairs_of_maps(variant, [(2, 2, 2), (3, 2, 3), (2, 3, 2), (4, 2, 3)], tells)


def _hires(a: Array, g: Array) -> Array:
    return hirescam.from_maps(a, g).localization_map


def _layer(a: Array, g: Array) -> Array:
    return layercam.from_maps(a, g).localization_map


def _element_wise(a: Array, g: Array) -> Array:
    return element_wise_grad_cam.from_maps(a, g).localization_map


def _common(product: Callable[[Array, Array], Array], formula: str) -> Mistakes:
    """Return the mistakes that can be made with either product of g and A."""

    def total(a: Array, g: Array) -> Array:
        return product(a, g).sum(axis=0)

    return [
        (total, "The last ReLU is missing: add up over k, and then negative cells become 0."),
        (lambda a, g: relu(-total(a, g)), "That is ReLU(-L), what speaks against the class: leave out the minus."),
        (lambda a, g: np.abs(total(a, g)), "That is |L|: after the sum, negative cells become 0."),
        (product, "These are the maps before they are added up: sum over k, the first axis."),
        (lambda a, g: relu(product(a, g)), "These are the maps before they are added up: sum over k, then ReLU."),
        (lambda a, g: relu(total(a, g) / len(a)), hints.MEAN_OF_MAPS),
        (lambda a, g: relu(total(a, g)).T, hints.TRANSPOSED),
        (lambda a, g: relu(product(a, g).sum(axis=1)), hints.WRONG_AXIS),
        (lambda a, g: relu(product(a, g).sum(axis=2)), hints.WRONG_AXIS),
        (lambda a, g: relu(sums(product(a, g))), "You add up the cells of each map: add up the maps, cell by cell."),
        (lambda a, g: relu(np.asarray(product(a, g).sum())),
         "That is one number, the sum over everything: add up over k alone."),
        (lambda a, g: quotient(relu(total(a, g)), relu(total(a, g)).max()),
         hints.NORMALISED),
        (lambda a, g: relu(product(relu(a), g).sum(axis=0)),
         f"There is a ReLU on A: it should be {formula}. A negative cell of A counts."),
    ]  # fmt: skip


_HIRES_FORMULA, _LAYER_FORMULA = "ReLU(Σ_k g^k ⊙ A^k)", "ReLU(Σ_k ReLU(g^k) ⊙ A^k)"

_HIRES: Mistakes = [
    (_element_wise,
     "There is a ReLU before the sum, on each g ⊙ A: that is element-wise Grad-CAM. First add up, then ReLU: where one "
     "map speaks for the class and another against it, the sum weighs both."),
    (_layer, "There is a ReLU on the gradients: that is LayerCAM. HiResCAM takes them with their signs."),
    (lambda a, g: grad_cam.from_maps(a, g).localization_map,
     "You take the mean of each gradient map first: that is Grad-CAM. Here each cell has its own gradient."),
    (lambda a, g: relu(a.sum(axis=0) * g.sum(axis=0)),
     "You add up before you multiply, (Σ g)(Σ A): multiply each map by its own gradients first, Σ (g A)."),
    *_common(lambda a, g: g * a, _HIRES_FORMULA),
    (lambda a, g: relu((np.abs(g) * a).sum(axis=0)), "That is with |g|: keep the signs of the gradients."),
    (lambda a, g: relu(g.sum(axis=0)), "A is missing: multiply each g^k by its A^k, cell by cell."),
    (lambda a, g: relu(a.sum(axis=0)), "The gradients are missing: multiply each A^k by its g^k, cell by cell."),
    (lambda a, g: _hires(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

_LAYER: Mistakes = [
    (_hires, "The ReLU on the gradients is missing: that is HiResCAM. LayerCAM leaves out the cells with g < 0."),
    (_element_wise,
     "Your ReLU is around the product g ⊙ A: that is element-wise Grad-CAM. Put it around g alone. Then a negative A "
     "with a positive g stays negative."),
    (lambda a, g: relu(relu(g).sum(axis=0) * a.sum(axis=0)),
     "You add up before you multiply, (Σ ReLU(g))(Σ A): multiply each map by its own gradients first."),
    (lambda a, g: relu((relu(g.sum(axis=0)) * a).sum(axis=0)),
     "You add up the gradients before their ReLU: take the ReLU of each cell of each g^k."),
    (lambda a, g: relu((spread(means(relu(g))) * a).sum(axis=0)),
     "You average the positive gradients over the map: in LayerCAM each cell has its own."),
    (lambda a, g: relu((spread(relu(means(g))) * a).sum(axis=0)),
     "That is Grad-CAM with a ReLU on its α: in LayerCAM each cell has its own gradient."),
    (lambda a, g: relu((g * relu(a)).sum(axis=0)), "Your ReLU is on A: put it on the gradients, ReLU(g) ⊙ A."),
    (lambda a, g: relu(np.where(g > 0, a, zero_of(a)).sum(axis=0)),
     "You use g as a gate only: where it is open, multiply A by g."),
    (lambda a, g: relu((np.abs(g) * a).sum(axis=0)), "That is with |g|: a negative gradient becomes 0."),
    *_common(lambda a, g: relu(g) * a, _LAYER_FORMULA),
    (lambda a, g: _layer(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

CELL_BY_CELL = Exercise(
    {
        "hirescam": Stage(f"hirescam, {_HIRES_FORMULA}:", _hires, _HIRES),
        "layercam": Stage(f"layercam, {_LAYER_FORMULA}:", _layer, _LAYER),
    },
    _cell_cases,
)


# --- XGrad-CAM -------------------------------------------------------------------------------------------


def _alpha_cases(variant: int = 0) -> Iterable[Inputs]:
    """Return maps none of which has the sum 0, with an α of each sign."""

    def tells(a: Array, g: Array) -> bool:
        if not (sums(a).all() and sums(g).all() and (sums(a) < 0).any()):
            return False
        alphas = _xgrad(a, g)
        return bool(alphas.min() < 0 < alphas.max())

    return pairs_of_maps(variant, [(3, 2, 3), (2, 3, 2), (3, 2, 2)], tells)


def _xgrad(a: Array, g: Array) -> Array:
    return sums(a * g) / sums(a)


_XGRAD: Mistakes = [
    (lambda a, g: means(g), "Those are the α of Grad-CAM, where all cells count alike: here a cell counts as much as "
     "its A."),
    (lambda a, g: sums(a * g), "Those are the sums of A g: divide by S_k, the sum of A^k."),
    (lambda a, g: means(a * g), "You divide by the number of cells: divide by S_k, the sum of A^k."),
    (lambda a, g: sums(a * g) / a.sum(), "You divide by the sum of all maps: each map has its own S_k."),
    (lambda a, g: sums(a * g) / sums(np.abs(a)), "You divide by Σ|A^k|: S_k is the sum of A^k with its signs."),
    (lambda a, g: quotient(sums(a * g), sums(relu(a))), "There is a ReLU on A: S_k is the sum of A^k with its signs."),
    (lambda a, g: sums(a * g) / sums(g), "You divide by the sum of the gradients: S_k is the sum of A^k."),
    (lambda a, g: quotient(sums(a * g), a.max(axis=(1, 2))), "You divide by the maximum of A^k: divide by its sum."),
    (lambda a, g: sums(g) / sums(a), "A is missing above the line: each gradient is multiplied by its own A^k_ij."),
    (lambda a, g: sums(g), "(Σ A)(Σ g) / Σ A is Σ g: multiply cell by cell first, Σ (A g)."),
    (lambda a, g: sums(a * g) / means(a), "You divide by the mean of A^k: divide by its sum."),
    (lambda a, g: spread(_xgrad(a, g)), hints.KEEPDIMS),
    (lambda a, g: a * g / spread(sums(a)), "These are the terms of all cells: add them up for each map."),
    (lambda a, g: (spread(_xgrad(a, g)) * a).sum(axis=0), "That is L, the weighted sum: return the α alone."),
    (lambda a, g: relu(_xgrad(a, g)), "There is a ReLU on the α: they keep their signs."),
    (lambda a, g: _xgrad(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

XGRAD_ALPHAS = Exercise(
    {"alphas": Stage("alphas, α_k = Σ A^k g^k / Σ A^k:", _xgrad, _XGRAD)},
    _alpha_cases,
    hints.advise_on_shapes("(S_k has the shape (K,), g has (K, H, W): add up the cells first, then divide.)"),
)


# --- Grad-CAM++ -----------------------------------------------------------------------------------------


def _weight_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield maps that never divide by 0, then maps that do where nobody asks: where g is not positive."""

    def tells(a: Array, g: Array) -> bool:
        has_pole = (_divisor(a, g) == 0).any()
        return bool(not has_pole and (sums(a) < 0).any() and (g < 0).any() and (g != 0).all())

    yield from pairs_of_maps(variant, [(2, 2, 2), (3, 2, 3), (2, 3, 2)], tells)
    yield named(as_fractions([[[1, 1, 0]], [[0, 3, 1]]]), as_fractions([[[-1, 1, 2]], [[0, 2, 0]]]))


def _divisor(a: Array, g: Array) -> Array:
    return 2 + spread(sums(a)) * g


def _weights(a: Array, g: Array) -> Array:
    return grad_cam_plus_plus.from_maps(a, g).alphas


def _with_divisor(divisor: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Return the weights Σ ReLU(g) / divisor, as a function of the maps."""
    return lambda a, g: sums(quotient(relu(g), divisor(a, g)))


def _with_epsilon(epsilon: str) -> Callable[[Array, Array], Array]:
    """Return the weights with a small number below the line. What all checks share finds smaller ones."""
    return _with_divisor(lambda a, g: _divisor(a, g) + Fraction(epsilon))


def _normalised(a: Array, g: Array) -> Array:
    """Return the weights with the a_ij of each map divided by their sum, as many ports have it."""
    parts = np.where(g > 0, quotient(1, _divisor(a, g)), zero_of(g))
    return sums(quotient(parts, spread(sums(parts))) * relu(g))


_ONE_FOR_EACH_MAP = "S_k is the sum of the cells of A^k, one number for each map."
_POSITIVE_ONLY = "Cells with a negative gradient count in yours: add up over the cells with g > 0."

_EPSILON = (
    "A small number is added below the line, and each weight is a little wrong. Divide only where g > 0: nothing is 0 "
    "there."
)

_WEIGHTS: Mistakes = [
    (suspects.grad_cam_plus_plus,
     "The division is still lost: these are Σ ReLU(g)³, as if nothing stood below the line. Print a before and "
     "after the line that divides: did it change?"),
    (lambda a, g: sums(relu(g)) / 2, "That is Σ g / 2: below the line, S_k g³ is missing."),
    (_with_divisor(lambda a, g: _divisor(a, g) - 1), "Below the line, the 2 is missing: it should be 2 g² + S_k g³."),
    (_with_divisor(lambda a, g: _divisor(a, g) - 2), "Below the line, 2 g² is missing: it should be 2 g² + S_k g³."),
    (lambda a, g: sums(np.where(g > 0, quotient(1, _divisor(a, g)), zero_of(g))),
     "These are the sums of the a_ij: multiply each a_ij by ReLU(g_ij) first."),
    (lambda a, g: sums(quotient(g, _divisor(a, g))), _POSITIVE_ONLY),
    (lambda a, g: sums(np.where(g > 0, quotient(1, _divisor(a, g)), g**2) * g), _POSITIVE_ONLY),
    (_with_divisor(lambda a, g: 2 + spread(means(a)) * g), "You take the mean of A^k: S_k is its *sum*."),
    (_with_divisor(lambda a, g: 2 + a.sum() * g), f"You add up all maps. {_ONE_FOR_EACH_MAP}"),
    (_with_divisor(lambda a, g: 2 + a.sum(axis=0) * g), f"You add up over the maps, axis 0. {_ONE_FOR_EACH_MAP}"),
    (_with_divisor(lambda a, g: 2 + a * g), f"You take each cell of A^k alone. {_ONE_FOR_EACH_MAP}"),
    (_with_divisor(lambda a, g: 2 + spread(sums(relu(a))) * g),
     "There is a ReLU on A: S_k is the sum of A^k as it is, with its negative cells."),
    (_with_divisor(lambda a, g: 2 + spread(sums(g)) * g),
     "You add up the gradients: S_k is the sum of the feature map A^k."),
    (lambda a, g: _weights(a, g) / g[0].size, "That is the mean over the cells: take the sum."),
    (_normalised,
     "You divide the a_ij by their sum, so they add up to 1. Many ports do so, but equation 19 does not."),
    (_with_epsilon("1e-2"), _EPSILON),
    (_with_epsilon("1e-3"), _EPSILON),
    (lambda a, g: means(g), "Those are the weights of Grad-CAM, the means of g: here each cell has a weight a_ij."),
    (lambda a, g: spread(_weights(a, g)), hints.KEEPDIMS),
    (lambda a, g: quotient(relu(g), _divisor(a, g)), "These are the terms of all cells: add them up for each map."),
    (lambda a, g: grad_cam_plus_plus.from_maps(a, g).weighted_sum,
     "That is L, the weighted sum: return the weights alone."),
    (lambda a, g: _weights(FEATURE_MAPS, GRADIENTS), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip


def _weights_advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return (
            "(Is something below the line 0? Only cells with g > 0 are asked: divide there and nowhere else. "
            "np.where divides everywhere.)"
        )
    if "NoneType" in str(error):
        return "(np.divide needs out= beside where=: without it, the other cells hold nothing.)"
    row, maps = (re.search(shape, str(error)) for shape in (r"\(([0-9]+),\)", r"\(([0-9]+),[0-9]+,[0-9]+\)"))
    if "array of dimension 1" in str(error) or (row and maps and row[1] != maps[1]):
        return "(a[used] is a flat copy: write a[used] = …, which assigns, or np.divide(…, out=a, where=used).)"
    return _shapes_advice(error)


_shapes_advice = hints.advise_on_shapes("(S_k has the shape (K,), g has (K, H, W): sum with keepdims=True.)")

GRAD_CAM_PLUS_PLUS = Exercise(
    {"weights": Stage("weights, w_k = Σ g / (2 + S_k g) over the cells with g > 0:", _weights, _WEIGHTS)},
    _weight_cases,
    _weights_advice,
)
