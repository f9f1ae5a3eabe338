"""The checks of notebook 08: HiResCAM and LayerCAM, and a division that got lost in a Grad-CAM++."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numpycam.checks import suspects
from numpycam.checks.compare import CheckFailed, Mistakes, Result, compare, run
from numpycam.core.arrays import Array, zero_of
from numpycam.exact import as_fractions
from numpycam.methods import element_wise_grad_cam, grad_cam, grad_cam_plus_plus, hirescam, layercam
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS


def check_cell_by_cell(answer: Callable[[Array, Array], tuple[Any, Any]]) -> None:
    """Check a function that computes HiResCAM and LayerCAM from feature maps and gradient maps.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` gets two arrays of Fractions of shape (K, H, W) and returns
        ``(hirescam, layercam)``, the two maps of shape (H, W) after their last ReLU.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right, for the worked example's numbers or for others.
    """
    names = "hirescam", "layercam"
    results = [(a, g, run(answer, _named(a, g), names)) for a, g in _cell_cases()]
    for stage, (name, right) in enumerate(zip(names, (_hires, _layer), strict=True)):
        compare(f"{name}, {_FORMULAS[name]}:", _MISTAKES[name], [
            Result(_named(a, g), given[stage], given[stage], right(a, g)) for a, g, given in results
        ])  # fmt: skip
    print(f"✓ HiResCAM and LayerCAM are exactly right, on {len(results)} pairs of maps.")


def check_grad_cam_plus_plus(answer: Callable[[Array, Array], Any]) -> None:
    """Check a Grad-CAM++, ``numpycam.checks.suspects.grad_cam_plus_plus`` say, whose lost division has been found.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, gradients)`` gets two arrays of Fractions of shape (K, H, W) and returns the weights of
        shape (K,): Σ over the cells with g > 0 of g / (2 + S_k g), where S_k = Σ_ij A^k_ij.

    Raises
    ------
    CheckFailed
        If they are not exactly right, for the worked example's numbers or for others.
    """
    results, failure = [], None
    for a, g in _weight_cases():
        try:
            (weights,) = run(answer, _named(a, g), ["weights"], _ADVICE)
        except CheckFailed as failed:  # what came before may say more
            failure = failed
            break
        results.append(Result(_named(a, g), weights, weights, grad_cam_plus_plus.from_maps(a, g).alphas))
    compare("weights, w_k = Σ g / (2 + S_k g) over the cells with g > 0:", _MISTAKES["weights"], results)
    if failure:
        raise failure
    print(f"✓ The weights are exactly right, on {len(results)} pairs of maps: the division is found.")


def _named(a: Array, g: Array) -> dict[str, Array]:
    return {"A": a, "dy/dA": g}


def _relu(x: Array) -> Array:
    return np.maximum(x, zero_of(x))


def _hires(a: Array, g: Array) -> Array:
    return hirescam.from_maps(a, g).localization_map


def _layer(a: Array, g: Array) -> Array:
    return layercam.from_maps(a, g).localization_map


def _cell_cases() -> Iterator[tuple[Array, Array]]:
    """Yield the worked example, then drawn maps on which the cell-by-cell methods differ, with cells of both signs."""
    yield FEATURE_MAPS, GRADIENTS
    rng = np.random.default_rng(2020)
    for shape in ((2, 2, 2), (3, 2, 3), (2, 3, 2), (4, 2, 3)):
        while True:
            a, g = (as_fractions(rng.integers(-4, 5, shape)) / 2 for _ in range(2))
            hires, layer, element_wise = (
                method.from_maps(a, g).weighted_sum for method in (hirescam, layercam, element_wise_grad_cam)
            )
            have_both_signs = all(total.min() < 0 < total.max() for total in (hires, layer))
            pairs = (hires, layer), (hires, element_wise), (layer, element_wise)
            if have_both_signs and all((_relu(one) != _relu(other)).any() for one, other in pairs):
                yield a, g
                break


def _weight_cases() -> Iterator[tuple[Array, Array]]:
    """Yield the worked example, maps that divide by 0 where g is not positive, and drawn ones without a pole."""
    yield FEATURE_MAPS, GRADIENTS
    rng = np.random.default_rng(2018)
    for shape in ((2, 2, 2), (3, 2, 3), (2, 3, 2)):
        while True:
            a, g = (as_fractions(rng.integers(-3, 6, shape)) / 2 for _ in range(2))
            divisor = 2 + a.sum(axis=(1, 2), keepdims=True) * g
            if (divisor != 0).all() and (a.sum(axis=(1, 2)) < 0).any() and (g < 0).any() and (g != 0).all():
                yield a, g
                break
    yield as_fractions([[[1, 1, 0]], [[0, 3, 1]]]), as_fractions([[[-1, 1, 2]], [[0, 2, 0]]])  # 2 + S g = 0, and g = 0


def _divisor(a: Array, g: Array) -> Array:
    return 2 + a.sum(axis=(1, 2), keepdims=True) * g


def _over(part: Any, whole: Any) -> Array:
    """Return part / whole, and 0 where the whole is 0."""
    is_something = np.asarray(whole != 0)
    return np.where(is_something, part / np.where(is_something, whole, 1), 0)


def _cells(terms: Array) -> Array:  # (K, H, W) -> (K,)
    return np.asarray(terms.sum(axis=(1, 2)))


def _normalised(a: Array, g: Array) -> Array:
    """Return the weights with the a_ij of each map divided by their sum, as many ports have it."""
    used = np.where(g > 0, _over(1, _divisor(a, g)), zero_of(g))
    return _cells(_over(used, used.sum(axis=(1, 2), keepdims=True)) * _relu(g))


_FORMULAS = {"hirescam": "ReLU(Σ_k g^k ⊙ A^k)", "layercam": "ReLU(Σ_k ReLU(g^k) ⊙ A^k)"}

_ADVICE = (
    "(Is there something that is 0 below the line? Only cells with g > 0 are asked: divide there and nowhere else.)"
)


def _common(product: Callable[[Array, Array], Array], formula: str) -> Mistakes:
    """Return the mistakes that can be made with either product of g and A."""

    def total(a: Array, g: Array) -> Array:
        return np.asarray(product(a, g).sum(axis=0))

    return [
        (total, "The last ReLU is missing: add up over k, and then negative cells become 0."),
        (lambda a, g: _relu(-total(a, g)), "The sign is turned: that is what speaks against the class."),
        (lambda a, g: np.abs(total(a, g)), "That is |L|: after the sum, negative cells become 0."),
        (product, "These are the maps before they are added up: sum over k, the first axis."),
        (lambda a, g: _relu(product(a, g)), "These are the maps before they are added up: sum over k, then ReLU."),
        (lambda a, g: _relu(total(a, g) / len(a)), "That is the mean over the maps; it should be their sum."),
        (lambda a, g: _relu(total(a, g)).T, "Rows and columns are exchanged."),
        *((lambda a, g, axis=axis: _relu(product(a, g).sum(axis=axis)),
           "That is a sum along a wrong axis: the maps lie along the first, axis=0, and the cells along the others.")
          for axis in (1, 2)),
        (lambda a, g: _relu(_cells(product(a, g))), "You add up the cells of each map: add up the maps, cell by cell."),
        (lambda a, g: _relu(np.asarray(product(a, g).sum())),
         "That is one number, the sum over everything: add up over k alone."),
        (lambda a, g: _over(_relu(total(a, g)), _relu(total(a, g)).max()),
         "That is divided by its maximum: normalising is for the picture, the map itself is raw."),
        (lambda a, g: _relu(product(_relu(a), g).sum(axis=0)),
         f"There is a ReLU on A: it should be {formula}. A negative cell of A counts."),
    ]  # fmt: skip


_MISTAKES: dict[str, Mistakes] = {
    "hirescam": [
        (lambda a, g: _relu(element_wise_grad_cam.from_maps(a, g).weighted_sum),
         "There is a ReLU before the sum, on each g ⊙ A: that is element-wise Grad-CAM. What speaks against the class "
         "in one map must be able to outweigh what speaks for it in another: first add up, then ReLU."),
        (lambda a, g: _relu(layercam.from_maps(a, g).weighted_sum),
         "There is a ReLU on the gradients: that is LayerCAM. HiResCAM takes them with their signs."),
        (lambda a, g: _relu(grad_cam.from_maps(a, g).weighted_sum),
         "You take the mean of each gradient map first: that is Grad-CAM. Here each cell has its own gradient."),
        (lambda a, g: _relu(a.sum(axis=0) * g.sum(axis=0)),
         "You add up the maps before you multiply, (Σ g)(Σ A): each map meets its own gradients, Σ (g A)."),
        *_common(lambda a, g: g * a, "ReLU(Σ_k g^k ⊙ A^k)"),
        (lambda a, g: _relu((np.abs(g) * a).sum(axis=0)), "That is with |g|: the gradients keep their signs."),
        (lambda a, g: _relu(g.sum(axis=0)), "A is missing: g says what one unit more brings, A how much is there."),
        (lambda a, g: _relu(a.sum(axis=0)), "The gradients are missing: multiply each A^k by its g^k, cell by cell."),
        (lambda a, g: _hires(FEATURE_MAPS, GRADIENTS),
         "That is right for the worked example only: compute it from the arguments."),
    ],
    "layercam": [
        (lambda a, g: _relu(hirescam.from_maps(a, g).weighted_sum),
         "The ReLU on the gradients is missing: that is HiResCAM. LayerCAM counts a cell of a map if g > 0 there."),
        (lambda a, g: _relu(element_wise_grad_cam.from_maps(a, g).weighted_sum),
         "Your ReLU is around the product g ⊙ A: that is element-wise Grad-CAM. It belongs around g alone, so that a "
         "negative A with a positive g stays negative."),
        (lambda a, g: _relu(_relu(g).sum(axis=0) * a.sum(axis=0)),
         "You add up the maps before you multiply, (Σ ReLU(g))(Σ A): each map meets its own gradients."),
        (lambda a, g: _relu((_relu(g.sum(axis=0)) * a).sum(axis=0)),
         "You add the gradients up before their ReLU: each cell of each g^k has one of its own."),
        (lambda a, g: _relu((_cells(_relu(g))[:, None, None] / g[0].size * a).sum(axis=0)),
         "You average the positive gradients over the map: in LayerCAM each cell has its own."),
        (lambda a, g: _relu((_relu(_cells(g))[:, None, None] / g[0].size * a).sum(axis=0)),
         "That is Grad-CAM with a ReLU on its α: in LayerCAM each cell has its own gradient."),
        (lambda a, g: _relu((g * _relu(a)).sum(axis=0)),
         "Your ReLU is on A: it belongs on the gradients, ReLU(g) ⊙ A."),
        (lambda a, g: _relu(np.where(g > 0, a, zero_of(a)).sum(axis=0)),
         "You use g as a gate only: where it is open, A is multiplied by g."),
        (lambda a, g: _relu((np.abs(g) * a).sum(axis=0)), "That is with |g|: a negative gradient becomes 0."),
        *_common(lambda a, g: _relu(g) * a, "ReLU(Σ_k ReLU(g^k) ⊙ A^k)"),
        (lambda a, g: _layer(FEATURE_MAPS, GRADIENTS),
         "That is right for the worked example only: compute it from the arguments."),
    ],
    "weights": [
        (suspects.grad_cam_plus_plus,
         "The division is still lost: these are Σ ReLU(g)³, as if nothing stood below the line. Print a before and "
         "after the line that divides: did it change?"),
        (lambda a, g: _cells(_relu(g) / 2), "That is Σ g / 2: S_k g³ below the line is missing."),
        (lambda a, g: _cells(_over(_relu(g), 1 + _divisor(a, g) - 2)),
         "Below the line it should be 2 g² + S_k g³: the 2 is missing."),
        (lambda a, g: _cells(_over(_relu(g), _divisor(a, g) - 2)), "Below the line 2 g² is missing: 2 g² + S_k g³."),
        (lambda a, g: _cells(np.where(g > 0, _over(1, _divisor(a, g)), zero_of(g))),
         "These are the sums of the a_ij: each is multiplied by ReLU(g_ij) before."),
        (lambda a, g: _cells(_over(g, _divisor(a, g))),
         "Cells with a negative gradient count in yours: the sum goes over those with g > 0."),
        (lambda a, g: _cells(np.where(g > 0, _over(1, _divisor(a, g)), g**2) * g),
         "Cells with a negative gradient count in yours: the sum goes over those with g > 0."),
        (lambda a, g: _cells(_over(_relu(g), 2 + _cells(a)[:, None, None] / g[0].size * g)),
         "S_k is the *sum* of A^k; you take the mean."),
        (lambda a, g: _cells(_over(_relu(g), 2 + a.sum() * g)),
         "You add up all maps: S_k is the sum of the cells of A^k, one number for each map."),
        (lambda a, g: _cells(_over(_relu(g), 2 + a.sum(axis=0) * g)),
         "You add up over the maps, axis 0: S_k is the sum over the cells of A^k, one number for each map."),
        (lambda a, g: _cells(_over(_relu(g), 2 + a * g)),
         "There is no sum: S_k is the sum of the cells of A^k, one number for each map."),
        (lambda a, g: _cells(_over(_relu(g), 2 + _cells(_relu(a))[:, None, None] * g)),
         "There is a ReLU on A: S_k is the sum of A^k as it is, negative cells and all."),
        (lambda a, g: _cells(_over(_relu(g), 2 + _cells(g)[:, None, None] * g)),
         "S_k is the sum of the feature map A^k, not of its gradients."),
        (lambda a, g: _cells(_over(_relu(g), _divisor(a, g))) / g[0].size,
         "That is the mean over the cells: take the sum."),
        (_normalised,
         "Your a_ij are divided by their sum, so that they add up to 1. Many ports do that; equation 19 does not."),
        (lambda a, g: grad_cam.from_maps(a, g).alphas, "Those are the weights of Grad-CAM, means of the gradients."),
        (lambda a, g: grad_cam_plus_plus.from_maps(a, g).alphas[:, None, None],
         "Right, but keep one number for each map, shape (K,): no keepdims."),
        (lambda a, g: _over(_relu(g), _divisor(a, g)), "These are the terms, cell by cell: add up those of each map."),
        (lambda a, g: grad_cam_plus_plus.from_maps(a, g).weighted_sum,
         "That is L, the weighted sum: the function returns the weights alone."),
        (lambda a, g: grad_cam_plus_plus.from_maps(FEATURE_MAPS, GRADIENTS).alphas,
         "That is right for the worked example only: compute it from the arguments."),
    ],
}  # fmt: skip
