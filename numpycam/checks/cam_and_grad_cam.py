"""The checks of notebook 07: CAM, the α of a GAP head, and two heads that Grad-CAM cannot tell apart."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, check, check_shape
from numpycam.checks.maps import generator, halves, means, quotient, softmax, spread, sums
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions
from numpycam.text import exact
from numpycam.worked_example import ALPHAS, FEATURE_MAPS

HEAD = as_fractions([[8, 4, -4], [-4, 0, 8]])
"""The notebook's GAP head, (classes, K): a row of weights for the cat, and one for the elephant."""


def check_cam(answer: Callable[[Array, Array, int], Any], *, variant: int = 0) -> Result:
    """Check a function that computes CAM from feature maps and the weights of a head.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, head, c)`` takes arrays of Fractions of shapes (K, H, W) and (classes, K), and the number
        of a class, from 0. It returns M = Σ_k w_k A^k of shape (H, W), before any ReLU.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the map is not exactly right, for the notebook's maps and head or for others.
    """
    result = check(CAM, answer, variant)
    return result.told(f"CAM is exactly right, for {result.cases} heads, with two and three classes.")


def check_gap_alphas(answer: Callable[[Array, int, int], Any], *, variant: int = 0) -> Result:
    """Check a function that says which α Grad-CAM finds behind a GAP head.

    Parameters
    ----------
    answer : callable
        ``answer(weights, height, width)`` takes the weights of one class, Fractions of shape (K,), and the size of the
        feature maps. It returns α of shape (K,).
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
    result = check(GAP_ALPHAS, answer, variant)
    return result.told(f"α is exactly right, for {result.cases} heads, and nobody went backwards.")


def check_gap_head(answer: Callable[[Array, Array, Any], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that finds the GAP head with given α and a given score.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, alphas, score)`` takes Fractions: A of shape (K, H, W), α of shape (K,), and one number.
        It returns ``(weights, bias)``, (K,) numbers and one. With them, a global average and a linear layer have these
        α, and this score for these feature maps.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the weights or the bias are not exactly right.
    """
    result = check(GAP_HEAD, answer, variant)
    return result.told(f"weights and bias are exactly right, for {result.cases} heads.")


def check_lookalike(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a counterexample: a Flatten head that Grad-CAM and the score take for a GAP head, and HiResCAM does not.

    Parameters
    ----------
    answer : callable
        ``answer(feature_maps, alphas)`` takes Fractions of shapes (K, H, W) and (K,). It returns the weights of a
        Flatten head, (K, H, W): one for each cell, no bias. Their means are α, their score for these maps is that of
        the GAP head, Σ_k α_k Σ_ij A^k_ij, and their HiResCAM is not Grad-CAM.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If one of the three does not hold.
    """
    result = check(LOOKALIKE, answer, variant)
    return result.told(
        f"A look-alike, {result.cases} times: the score and the Grad-CAM are those of the GAP head, HiResCAM is not."
    )


# --- CAM ------------------------------------------------------------------------------------------------


def _cam_cases(variant: int = 0) -> Iterator[Inputs]:
    yield {"A": FEATURE_MAPS, "head": HEAD, "c": 0}
    rng = generator(variant)
    for classes, c, shape in ((2, 1, (3, 2, 2)), (3, 1, (2, 2, 3)), (2, 0, (4, 3, 2))):
        while True:
            a, head = halves(rng, shape), halves(rng, (classes, shape[0]))
            total = _cam(a, head, c)
            if total.min() < 0 < total.max() and head[c].min() < 0 and head[c].sum() and (a.sum(axis=0) != total).any():
                break
        yield {"A": a, "head": head, "c": c}


def _cam(a: Array, head: Array, c: int) -> Array:
    return (spread(head[c]) * a).sum(axis=0)


_CAM: Mistakes = [
    (lambda a, w, c: relu(_cam(a, w, c)), "There is a ReLU in it: return M as it is, with its negative cells."),
    (lambda a, w, c: np.abs(_cam(a, w, c)), "That is |M|: keep the signs."),
    (lambda a, w, c: -_cam(a, w, c), "The sign is turned: leave out the minus."),
    (lambda a, w, c: _cam(a, w, c) / a[0].size,
     "You divide by Z: that is Grad-CAM. CAM takes the weights w themselves."),
    (lambda a, w, c: _cam(a, w, c) / len(a), hints.MEAN_OF_MAPS),
    (lambda a, w, c: _cam(a, w, c - 1), "That is another class: row c of the head, and c counts from 0."),
    (lambda a, w, c: _cam(a, w, 0), "You always take the first row of the head: take row c."),
    (lambda a, w, c: (spread(w.sum(axis=0)) * a).sum(axis=0), "You add up the weights of all classes: take row c."),
    (lambda a, w, c: (spread(w[c] - w.sum(axis=0) + w[c]) * a).sum(axis=0),
     "You subtract the other classes: that explains a difference. Take row c alone."),
    (lambda a, w, c: np.array([_cam(a, w, row) for row in range(len(w))]),
     "These are the maps of all classes: return the one of class c."),
    (lambda a, w, c: a.sum(axis=0), "The weights are missing: multiply each A^k by its w_k first."),
    (lambda a, w, c: spread(w[c]) * a, "These are the weighted maps: add them up over k."),
    (lambda a, w, c: (spread(w[c]) * a).sum(axis=1), hints.WRONG_AXIS),
    (lambda a, w, c: (spread(w[c]) * a).sum(axis=2), hints.WRONG_AXIS),
    (lambda a, w, c: sums(spread(w[c]) * a), "You add up the cells of each map: add up the maps, cell by cell."),
    (lambda a, w, c: np.asarray((w[c] * means(a)).sum()),
     "That is the score: you average each map first. CAM leaves the average out, so that the places stay."),
    (lambda a, w, c: (spread(np.abs(w[c])) * a).sum(axis=0), "That is with |w|: keep the signs of the weights."),
    (lambda a, w, c: (spread(relu(w[c])) * a).sum(axis=0),
     "There is a ReLU on the weights: a negative weight says that the map speaks against the class."),
    (lambda a, w, c: (spread(w[c]) * relu(a)).sum(axis=0), "There is a ReLU on A: take the maps as they are."),
    (lambda a, w, c: (spread(softmax(w[c])) * a).sum(axis=0), "There is a softmax on the weights: CAM has none."),
    (lambda a, w, c: (spread(quotient(w[c], w[c].sum())) * a).sum(axis=0),
     "You divide the weights by their sum: leave them as they are."),
    (lambda a, w, c: _cam(a, w, c).T, hints.TRANSPOSED),
    (lambda a, w, c: quotient(_cam(a, w, c), _cam(a, w, c).max()), hints.NORMALISED),
    (lambda a, w, c: _cam(FEATURE_MAPS, HEAD, 0), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

CAM = Exercise(
    {"cam": Stage("cam, M = Σ_k w_k A^k:", _cam, _CAM)},
    _cam_cases,
    hints.advise_on_shapes(
        "(head[c] has the shape (K,), A has (K, H, W): write head[c][:, None, None] * feature_maps.)"
    ),
)


# --- The α of a GAP head ----------------------------------------------------------------------------------


def _alphas_cases(variant: int = 0) -> Iterator[Inputs]:
    yield {"weights": HEAD[0], "height": 2, "width": 2}
    rng = generator(variant)
    for kernels, height, width in ((2, 3, 2), (5, 2, 4), (4, 3, 5)):
        weights = halves(rng, kernels)
        while not weights.min() < 0 < weights.max() or not weights.sum():
            weights = halves(rng, kernels)
        yield {"weights": weights, "height": height, "width": width}


_GAP_ALPHAS: Mistakes = [
    (lambda w, h, b: w, "These are the weights: the average in the head divides each by Z = H·W."),
    (lambda w, h, b: w * (h * b), "You multiply by Z: one cell is only one Z-th of the average, so divide."),
    (lambda w, h, b: w / 4, "You divide by 4, as in the example: divide by Z = H·W, the number of cells in a map."),
    (lambda w, h, b: w / h, "You divide by the height alone: divide by Z = H·W."),
    (lambda w, h, b: w / b, "You divide by the width alone: divide by Z = H·W."),
    (lambda w, h, b: w / h * b, "w / height * width is (w / height) * width: put height * width into brackets."),
    (lambda w, h, b: w / (h + b), "You divide by H + W: a map has H·W cells."),
    (lambda w, h, b: w / (h * b) ** 2,
     "You divide by Z twice: each gradient is w_k / Z already, and the mean of equal numbers is that number."),
    (lambda w, h, b: w / len(w), "You divide by the number of maps: divide by Z = H·W."),
    (lambda w, h, b: w / (len(w) * h * b), "You divide by the number of all cells: divide by Z, the cells of one map."),
    (lambda w, h, b: relu(w) / (h * b), "There is a ReLU on the weights: an α can be negative."),
    (lambda w, h, b: np.abs(w) / (h * b), "That is with |w|: an α has the sign of its weight."),
    (lambda w, h, b: -w / (h * b), "The sign is turned: an α has the sign of its weight."),
    (lambda w, h, b: quotient(w, w.sum()), "You divide the weights by their sum: divide by Z = H·W."),
    (lambda w, h, b: softmax(w), "There is a softmax on the weights: Grad-CAM has none."),
    (lambda w, h, b: spread(w / (h * b)), hints.KEEPDIMS),
    (lambda w, h, b: spread(w / (h * b)) + np.zeros((h, b), int),
     "These are the gradient maps: in each, all cells are equal. α is their mean, one number for each map."),
    (lambda w, h, b: np.asarray(w.sum() / (h * b)), "That is one number for all maps: each map has its own α."),
    (lambda w, h, b: HEAD[0] / 4, hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

GAP_ALPHAS = Exercise(
    {"alphas": Stage("alphas, what Grad-CAM finds behind a GAP head:", lambda w, h, b: w / (h * b), _GAP_ALPHAS)},
    _alphas_cases,
)


# --- A GAP head with given α ------------------------------------------------------------------------------


def _head_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the α of notebook 01 with its score, then drawn ones with cells of both signs in L."""
    yield {"A": FEATURE_MAPS, "α": ALPHAS, "y": as_fractions("28.6")}
    rng = generator(variant)
    for shape in ((2, 2, 3), (3, 2, 2), (4, 3, 2)):
        while True:
            a, alphas, score = halves(rng, shape), halves(rng, shape[0]), halves(rng, 1)[0]
            total = _total(a, alphas)
            if total.min() < 0 < total.max() and total.sum() not in (0, score) and score and alphas.min() < 0:
                break
        yield {"A": a, "α": alphas, "y": score}


def _total(a: Array, alphas: Array) -> Array:  # -> (H, W)
    return (spread(alphas) * a).sum(axis=0)


def _weights(a: Array, alphas: Array, y: Any) -> Array:
    return alphas * a[0].size


def _bias(a: Array, alphas: Array, y: Any) -> Array:
    return np.asarray(y - _total(a, alphas).sum())


_WEIGHTS: Mistakes = [
    (lambda a, alphas, y: alphas, "These are the α: the average divides by Z, so the weights are Z times as large."),
    (lambda a, alphas, y: alphas / a[0].size, "You divide by Z: α is w / Z, so w is α times Z."),
    (lambda a, alphas, y: alphas * 4,
     "You multiply by 4, as in the example: by Z = H·W, the number of cells in a map."),
    (lambda a, alphas, y: alphas * len(a), "You multiply by the number of maps: by Z = H·W."),
    (lambda a, alphas, y: alphas * a.shape[1], "You multiply by the height alone: by Z = H·W."),
    (lambda a, alphas, y: alphas * a.size, "You multiply by the number of all cells: by Z, the cells of one map."),
    (lambda a, alphas, y: relu(_weights(a, alphas, y)), "There is a ReLU on the weights: an α can be negative."),
    (lambda a, alphas, y: -_weights(a, alphas, y), "The sign is turned: leave out the minus."),
    (lambda a, alphas, y: _weights(a, alphas, y)[None],
     "Right, but return the weights of one class in the shape (K,)."),
    (lambda a, alphas, y: spread(_weights(a, alphas, y)), hints.KEEPDIMS),
    (lambda a, alphas, y: spread(alphas) + 0 * a,
     "That is a weight for each cell, a Flatten head: behind an average there is one for each map."),
    (lambda a, alphas, y: _weights(a, alphas, y) * means(a), "The weights do not depend on A: they are Z times α."),
]  # fmt: skip

_BIAS: Mistakes = [
    (lambda a, alphas, y: np.asarray(y), "That is the score: take away what the maps bring, Σ L."),
    (lambda a, alphas, y: _total(a, alphas).sum(), "That is what the maps bring, Σ L: the bias is what is left of y."),
    (lambda a, alphas, y: -_bias(a, alphas, y), "The sign is turned: y = Σ L + b, so b = y - Σ L."),
    (lambda a, alphas, y: y + _total(a, alphas).sum(), "You add Σ L: y = Σ L + b, so subtract it."),
    (lambda a, alphas, y: y - relu(_total(a, alphas)).sum(),
     "You subtract the sum after the ReLU: in the score the negative cells count, too."),
    (lambda a, alphas, y: y - _total(a, alphas).sum() / a[0].size,
     "You divide Σ L by Z: with α (and not w) it is divided already."),
    (lambda a, alphas, y: y - _total(a, alphas).sum() * a[0].size,
     "You add up w_k A^k over the cells: the head takes their mean. Divide by Z."),
    (lambda a, alphas, y: y - (alphas * a.sum(axis=(1, 2))).sum() / len(a),
     "That is the mean over the maps: take their sum."),
    (lambda a, alphas, y: y - a.sum(), "The weights are missing: subtract Σ_k α_k Σ_ij A^k_ij."),
    (lambda a, alphas, y: y - means(a).sum(), "The weights are missing: subtract Σ_k w_k · mean of A^k."),
    (lambda a, alphas, y: y - alphas.sum(), "The maps are missing: subtract Σ_k α_k Σ_ij A^k_ij."),
    (lambda a, alphas, y: np.asarray(0 * y), "Without a bias the score is Σ L: what is missing to y?"),
    (lambda a, alphas, y: y - alphas * sums(a), "That is a bias for each map: add up over k, a class has one bias."),
    (lambda a, alphas, y: y - _total(a, alphas),
     "That is a bias for each cell: add up the cells, a class has one bias."),
    (lambda a, alphas, y: _bias(FEATURE_MAPS, ALPHAS, as_fractions("28.6")), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

GAP_HEAD = Exercise(
    {
        "weights": Stage("weights: behind an average, α_k should be as given.", _weights, _WEIGHTS),
        "bias": Stage("bias: the score should be y.", _bias, _BIAS),
    },
    _head_cases,
    hints.advise_on_alphas,
)


# --- A look-alike of a GAP head -------------------------------------------------------------------------------


def _lookalike_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield maps in which no two cells are equal: the first two of the worked example, then drawn ones."""
    yield {"A": FEATURE_MAPS[:2], "α": ALPHAS[:2]}
    rng = generator(variant)
    for shape in ((2, 2, 2), (2, 2, 2), (3, 2, 2), (2, 2, 3)):
        while True:
            a, alphas = halves(rng, shape), halves(rng, shape[0])
            if all(len({*one.flat}) == one.size for one in a) and alphas.all():
                break
        yield {"A": a, "α": alphas}


def _lookalike(a: Array, alphas: Array) -> Array:
    """Return a head whose difference from α has the mean 0 in each map, and is at right angles to A.

    Of three cells p, q, r of a map, it is (q - r, r - p, p - q).
    """
    weights = spread(alphas) + 0 * a
    p, q, r = a[0].flat[:3]
    weights[0].flat[:3] += [q - r, r - p, p - q]
    return weights


def _verdict(inputs: Inputs, weights: Array) -> Sequence[Array]:
    """Return True if the weights are a counterexample, or raise CheckFailed with what does not hold."""
    a, alphas = inputs["A"], inputs["α"]
    check_shape("weights", weights, a.shape, "(K, H, W)")
    for wrong, hint in WRONG_LOOKALIKES:
        if (weights == wrong(a, alphas)).all():
            raise CheckFailed(f"{_LOOKALIKE}\n{hint}")
    try:
        fractions = as_fractions(weights)  # floats that round nothing are right, and products with them would round
    except ValueError:
        raise CheckFailed(
            f"{_LOOKALIKE}\nThere is a NaN or an infinite number in it: was something divided by 0?"
        ) from None
    own, score, expected = means(fractions), (fractions * a).sum(), _total(a, alphas).sum()
    if (*own, score) != (*alphas, expected) and _is_near((*own, score), (*alphas, expected)):
        raise CheckFailed(
            f"{_LOOKALIKE}\nRight up to rounding, but somewhere a float came in. Compute with the Fractions that you "
            "are given."
        )
    if (own != alphas).any():
        raise CheckFailed(
            f"{_LOOKALIKE}\nGrad-CAM sees the difference: the means of your weights are {_listed(means(weights))}, "
            f"α is {_listed(alphas)}. What you add to one cell of a map, take away from another."
        )
    if score != expected:
        raise CheckFailed(
            f"{_LOOKALIKE}\nGrad-CAM is the same, but the score is not: yours is {exact((weights * a).sum())}, "
            f"that of the GAP head {exact(expected)}. "
            "A step in one map can be paid back in another, or in a third cell."
        )
    if (weights * a == spread(alphas) * a).all():
        raise CheckFailed(f"{_LOOKALIKE}\nHiResCAM is Grad-CAM here: change the weights of cells that are not 0.")
    return [np.asarray(True)]


def _is_near(own: Sequence[Any], expected: Sequence[Any]) -> bool:
    return np.allclose(np.asarray(own, float), np.asarray(expected, float))


def _listed(numbers: Array) -> str:
    return ", ".join(map(exact, numbers))


_LOOKALIKE = "weights: a look-alike of the GAP head."

WRONG_LOOKALIKES: Mistakes = [
    (lambda a, alphas: spread(alphas) + 0 * a,
     "That is the GAP head itself, α_k in every cell: then HiResCAM is Grad-CAM. Let the weights of a map differ."),
    (lambda a, alphas: a[0].size * spread(alphas) + 0 * a,
     "These are the weights of the GAP head, Z α_k: behind Flatten a weight meets one cell, not the average of all."),
    (lambda a, alphas: spread(alphas) / a[0].size + 0 * a,
     "You divide α by Z: here the weights are the gradients themselves, and α_k is their mean."),
    (lambda a, alphas: a, "Your weights are the feature maps: start from α_k in every cell, and change some of them."),
    (lambda a, alphas: spread(alphas) * a,
     "That is the weighted map: the head multiplies by A itself. Start from α_k in every cell."),
    (lambda a, alphas: quotient(spread(alphas) * a, spread(means(a))),
     "Your weights follow A, with the mean α: Grad-CAM is the same, but large cells now count more, so the score is "
     "another one."),
    (lambda a, alphas: spread(alphas) + a - spread(means(a)),
     "You add what A is above its mean: the mean stays α, but each term raises the score. Add something that A does "
     "not notice."),
]  # fmt: skip

LOOKALIKE = Exercise(
    {"weights": Stage(_LOOKALIKE, _lookalike, [])},
    _lookalike_cases,
    hints.advise_on_alphas,
    outcome=_verdict,
)
