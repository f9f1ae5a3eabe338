"""Mistakes in Grad-CAM and in its family."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.core.arrays import zeros
from numpycam.laws import definitions
from numpycam.laws.book import Book
from numpycam.laws.cams import (
    eigen_cam,
    eigen_grad_cam,
    element_wise_grad_cam,
    grad_cam,
    grad_cam_plus_plus,
    hirescam,
    layercam,
    xgrad_cam,
)
from numpycam.laws.mistakes.conduct import (
    BUFFER,
    FLOAT32,
    LAST_CALL,
    NAN,
    hiding_nan,
    in_float32,
    of_the_last_call,
    reusing_a_buffer,
)

Step = Callable[..., Any]
relu = definitions.relu


def _weighted(alphas: Step) -> Step:
    """Return how to compute L = Σ_k α_k A^k."""
    return lambda A, g: np.tensordot(alphas(A, g), A, 1)


def _shown(weighted_sum: Step) -> Step:
    """Return how to compute the map, ReLU(L)."""
    return lambda A, g: relu(weighted_sum(A, g))


def _with_weights(alphas: Step) -> dict[str, Step]:
    """Return all steps with other weights."""
    return {"alphas": alphas} | _with_sum(_weighted(alphas))


def _with_sum(weighted_sum: Step) -> dict[str, Step]:
    """Return the last steps with another weighted sum."""
    return {"weighted_sum": weighted_sum, "cam": _shown(weighted_sum)}


def _one(like: Any) -> Any:
    return zeros((), like)[()] + 1


# --- what goes wrong in every method that ends with a sum over the maps and a ReLU


def _without_the_last(weighted_sum: Step) -> Step:
    return lambda A, g: weighted_sum(A[:-1], g[:-1]) if len(A) > 1 else weighted_sum(A, g)


def _lowest_to_highest(heat: Any) -> Any:
    span = heat.max() - heat.min()
    return (heat - heat.min()) / span if span != 0 else heat * 0


def _largest_to_one(heat: Any) -> Any:
    return heat / heat.max() if heat.max() != 0 else heat


def _add_mistakes_of_sums(book: Book) -> None:
    right = book.reference["weighted_sum"]
    book.mistake(
        "starts-from-ones",
        "weighted_sum",
        "The sum starts from np.ones, so every cell is 1 too high, as in many tutorials. Start from np.zeros.",
        **_with_sum(lambda A, g: right(A, g) + _one(A)),
    )
    book.mistake(
        "mean-over-the-maps",
        "weighted_sum",
        "The weighted maps are averaged. Add them up: sum(axis=0), not mean(axis=0).",
        **_with_sum(lambda A, g: right(A, g) / len(A)),
    )
    book.mistake(
        "last-map-left-out",
        "weighted_sum",
        "The loop ends before the last map: range(K - 1) does. Use range(K).",
        **_with_sum(_without_the_last(right)),
    )
    book.mistake(
        "map-transposed",
        "weighted_sum",
        "Rows and columns are exchanged. A map has the axes of A[k]: (height, width).",
        **_with_sum(lambda A, g: right(A, g).T),
    )
    book.mistake(
        "lowest-to-highest",
        "cam",
        "The map is stretched from 0 to 1, so its least cell looks like none. Return ReLU(L), and scale to show it.",
        cam=lambda A, g: _lowest_to_highest(relu(right(A, g))),
    )
    book.mistake(
        "divided-by-the-largest",
        "cam",
        "The map is divided by its largest cell, so its size is lost. Return ReLU(L), and scale to show it.",
        cam=lambda A, g: _largest_to_one(relu(right(A, g))),
    )


def _add_mistakes_of_signs(book: Book) -> None:
    right = book.reference["weighted_sum"]
    book.mistake(
        "no-relu",
        "cam",
        "The map shows what speaks against the class, too. End with a ReLU: max(L, 0).",
        cam=right,
    )
    book.mistake(
        "absolute-value",
        "cam",
        "What speaks against the class is shown as if it spoke for it: |L|. End with a ReLU: max(L, 0).",
        cam=lambda A, g: abs(right(A, g)),
    )


def _add_conduct(book: Book) -> None:
    right = book.reference["weighted_sum"]

    def in_place(A: Any, g: Any) -> Any:
        weighted_sum = right(A, g)
        A *= g  # noqa: N806 - in place
        return weighted_sum

    book.mistake(
        "weighted-in-place",
        "",
        "A *= … writes into the feature maps. Make a new array: weighted = … * A.",
        **_with_sum(in_place),
    )
    book.mistake("nan-dropped", "", NAN, **_with_sum(hiding_nan(right)))


# --- Grad-CAM


def _mean(g: Any) -> Any:
    return g.sum(axis=(1, 2)) / g[0].size


def _root_mean_square(g: Any) -> Any:
    return np.sqrt((g.astype(float) ** 2).mean() or 1.0)


grad_cam.mistake(
    "sum-for-mean",
    "alphas",
    "The gradients of a map are added up, so every weight is Z times too large. Take their mean.",
    **_with_weights(lambda A, g: g.sum(axis=(1, 2))),
)
grad_cam.mistake(
    "mean-over-the-wrong-axes",
    "alphas",
    "The mean is over maps and rows, as if the maps came last. In (K, H, W), take it over the axes (1, 2).",
    **_with_weights(lambda A, g: g.sum(axis=(0, 1)) / (g.shape[0] * g.shape[1])),
)
grad_cam.mistake(
    "one-weight-for-all-maps",
    "alphas",
    "The mean is over all axes, so every map has the same weight. Take it over the cells of each map: axis=(1, 2).",
    **_with_weights(lambda A, g: _mean(g) * 0 + g.sum() / g.size),
)
grad_cam.mistake(
    "maximum-for-mean",
    "alphas",
    "The weight is the largest gradient of a map. Take the mean.",
    **_with_weights(lambda A, g: g.max(axis=(1, 2))),
)
grad_cam.mistake(
    "positive-weights-only",
    "alphas",
    "Weights below 0 are dropped. The only ReLU comes after the sum: a map with a negative weight speaks against.",
    **_with_weights(lambda A, g: relu(_mean(g))),
)
grad_cam.mistake(
    "positive-gradients-only",
    "alphas",
    "Gradients below 0 are dropped before the mean. The only ReLU comes after the sum.",
    **_with_weights(lambda A, g: _mean(relu(g))),
)
grad_cam.mistake(
    "gradients-without-sign",
    "alphas",
    "The gradients lose their sign: |g|. A map that lowers the score needs a weight below 0.",
    **_with_weights(lambda A, g: _mean(abs(g))),
)
grad_cam.mistake(
    "gradients-normalised",
    "alphas",
    "The gradients are divided by their root mean square first, so the size of the map is lost. Take them as they are.",
    **_with_weights(lambda A, g: _mean(g) / _root_mean_square(g)),
)
grad_cam.mistake(
    "gradient-of-the-loss",
    "alphas",
    "The weights have the other sign: they are gradients of a loss, which falls as the score rises. Take the score's.",
    **_with_weights(lambda A, g: -_mean(g)),
)
grad_cam.mistake("float32-inside", "alphas", FLOAT32, **_with_weights(in_float32(definitions.grad_cam_alphas)))
grad_cam.mistake(
    "cell-by-cell",
    "weighted_sum",
    "Each cell is weighted with its own gradient: this is HiResCAM. In Grad-CAM a map has one weight, the mean.",
    **_with_sum(definitions.hirescam),
)
grad_cam.mistake(
    "relu-before-the-sum",
    "weighted_sum",
    "Each weighted map loses what is below 0, so nothing can speak against. Add the maps up first, then the ReLU.",
    **_with_sum(lambda A, g: relu(_mean(g)[:, None, None] * A).sum(axis=0)),
)
_add_mistakes_of_sums(grad_cam)
_add_mistakes_of_signs(grad_cam)
grad_cam.mistake(
    "cut-off-at-one",
    "cam",
    "Cells above 1 are cut off. The map has no upper end: scale it to show it.",
    cam=lambda A, g: np.where(_right_map(A, g) > 1, _one(A), _right_map(A, g)),
)
_add_conduct(grad_cam)


def _right_map(A: Any, g: Any) -> Any:
    return relu(definitions.grad_cam(A, g))


grad_cam.mistake("maps-of-the-last-call", "", LAST_CALL, cam=of_the_last_call(_right_map))
grad_cam.mistake("buffer-used-again", "", BUFFER, cam=reusing_a_buffer(_right_map))


# --- Grad-CAM++


def _powers(numerator: Step, denominator: Step, gate: Step = relu) -> Step:
    """Return how to compute Σ_ij gate(g) · numerator / denominator; 0 where g is 0, as it has no weight there."""

    def alphas(A: Any, g: Any) -> Any:
        total = A.sum(axis=(1, 2), keepdims=True) + g * 0
        below = denominator(A, g, total)
        shares = numerator(g) / np.where((g == 0) | (gate(g) == 0), _one(A), below)
        return (gate(g) * shares).sum(axis=(1, 2))

    return alphas


grad_cam_plus_plus.mistake(
    "two-left-out",
    "alphas",
    "The denominator is 2 g² + S g³, with a 2: it is there since g² is a second derivative.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: g**2 + s * g**3)),
)
grad_cam_plus_plus.mistake(
    "product-before-the-sum",
    "alphas",
    "The denominator has Σ A g³, cell with cell. It is S g³, the sum of the map times g³ of this cell.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + (A * g**3).sum(axis=(1, 2), keepdims=True))),
)
grad_cam_plus_plus.mistake(
    "mean-of-the-map",
    "alphas",
    "The denominator has the mean of the map. S is its sum.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + s / g[0].size * g**3)),
)
grad_cam_plus_plus.mistake(
    "cell-for-sum",
    "alphas",
    "The denominator has A of the same cell. S is the sum over all cells of the map.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + A * g**3)),
)
grad_cam_plus_plus.mistake(
    "square-for-cube",
    "alphas",
    "The second term of the denominator has g². It is S g³.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + s * g**2)),
)
grad_cam_plus_plus.mistake(
    "division-lost",
    "alphas",
    "The division is done on a copy (alpha[mask].div_), and its result is lost: Σ ReLU(g) g² is left. Assign it.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: g * 0 + _one(g))),
)
grad_cam_plus_plus.mistake(
    "epsilon-in-the-denominator",
    "alphas",
    "A small number is added to the denominator, and matters where g² is small. Where g is 0, so is the share.",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + s * g**3 + 1e-6)),
)
grad_cam_plus_plus.mistake(
    "negative-gradients-kept",
    "alphas",
    "Gradients below 0 have a weight, too. Only those above 0 have: multiply by ReLU(g).",
    **_with_weights(_powers(lambda g: g**2, lambda A, g, s: 2 * g**2 + s * abs(g) ** 3, gate=lambda g: g)),
)
grad_cam_plus_plus.mistake(
    "mean-over-the-cells",
    "alphas",
    "The weight of a map is a mean over its cells. In Grad-CAM++ it is a sum: the shares are in α_ij.",
    **_with_weights(lambda A, g: definitions.grad_cam_plus_plus(A, g) / g[0].size),
)
grad_cam_plus_plus.mistake(
    "plain-mean",
    "alphas",
    "These are the weights of Grad-CAM. Grad-CAM++ weighs each positive gradient by 1/(2 + S g).",
    **_with_weights(definitions.grad_cam_alphas),
)
_add_mistakes_of_sums(grad_cam_plus_plus)
_add_conduct(grad_cam_plus_plus)


# --- XGrad-CAM


def _products(A: Any, g: Any) -> Any:
    return (A * g).sum(axis=(1, 2))


def _sums(A: Any) -> Any:
    return A.sum(axis=(1, 2))


xgrad_cam.mistake(
    "plain-mean",
    "alphas",
    "These are the weights of Grad-CAM, plain means. XGrad-CAM weighs each gradient by A: Σ A g / Σ A.",
    **_with_weights(definitions.grad_cam_alphas),
)
xgrad_cam.mistake(
    "not-divided",
    "alphas",
    "The weight is Σ A g. Divide it by the sum of the map.",
    **_with_weights(_products),
)
xgrad_cam.mistake(
    "mean-for-sum",
    "alphas",
    "Σ A g is divided by the mean of the map, so the weight is Z times too large. Divide by its sum.",
    **_with_weights(lambda A, g: definitions.xgrad_cam(A, g) * A[0].size),
)
xgrad_cam.mistake(
    "epsilon-in-the-denominator",
    "alphas",
    "A small number is added to the denominator, and turns an undefined weight into a huge one. Treat 0 by itself.",
    **_with_weights(lambda A, g: _products(A, g) / (_sums(A) + 1e-6)),
)
xgrad_cam.mistake(
    "absolute-sum",
    "alphas",
    "Σ A g is divided by Σ |A|. The axiom that Σ L is the score asks for Σ A, with its sign.",
    **_with_weights(lambda A, g: _products(A, g) / np.where(_sums(abs(A)) == 0, _one(A), _sums(abs(A)))),
)
xgrad_cam.mistake(
    "zero-by-zero",
    "alphas",
    "A map of zeros makes 0/0, and one NaN makes the whole sum NaN. The weight of such a map is 0.",
    **_with_weights(lambda A, g: _products(A, g).astype(float) / _sums(A).astype(float)),
)
_add_mistakes_of_sums(xgrad_cam)
_add_mistakes_of_signs(xgrad_cam)
_add_conduct(xgrad_cam)


# --- HiResCAM, element-wise Grad-CAM and LayerCAM: no weights, but a product for each cell

hirescam.mistake(
    "gradients-averaged",
    "weighted_sum",
    "The gradients of a map are averaged first: this is Grad-CAM. HiResCAM multiplies cell by cell.",
    **_with_sum(definitions.grad_cam),
)
hirescam.mistake(
    "relu-before-the-sum",
    "weighted_sum",
    "Each product loses what is below 0: this is element-wise Grad-CAM. HiResCAM adds up first.",
    **_with_sum(definitions.element_wise_grad_cam),
)
hirescam.mistake(
    "relu-of-the-gradients",
    "weighted_sum",
    "Gradients below 0 are dropped: this is LayerCAM. HiResCAM keeps their sign.",
    **_with_sum(definitions.layercam),
)
hirescam.mistake(
    "gradients-without-sign",
    "weighted_sum",
    "The gradients lose their sign: |g|. HiResCAM keeps it, so that Σ L is the score.",
    **_with_sum(lambda A, g: (abs(g) * A).sum(axis=0)),
)
element_wise_grad_cam.mistake(
    "relu-after-the-sum",
    "weighted_sum",
    "The maps are added up before the ReLU: this is HiResCAM. Here each product has a ReLU of its own.",
    **_with_sum(definitions.hirescam),
)
element_wise_grad_cam.mistake(
    "relu-of-the-gradients",
    "weighted_sum",
    "The ReLU is on the gradients: this is LayerCAM. Here it is on the product g A, so two negatives count.",
    **_with_sum(definitions.layercam),
)
element_wise_grad_cam.mistake(
    "relu-of-both",
    "weighted_sum",
    "Both factors have a ReLU. It is on their product, so two negatives count.",
    **_with_sum(lambda A, g: (relu(g) * relu(A)).sum(axis=0)),
)
layercam.mistake(
    "relu-forgotten",
    "weighted_sum",
    "The gradients keep their sign: this is HiResCAM. LayerCAM weighs with ReLU(g).",
    **_with_sum(definitions.hirescam),
)
layercam.mistake(
    "relu-of-the-products",
    "weighted_sum",
    "The ReLU is on the products: this is element-wise Grad-CAM. LayerCAM has it on the gradients alone.",
    **_with_sum(definitions.element_wise_grad_cam),
)
layercam.mistake(
    "gradients-averaged",
    "weighted_sum",
    "The positive gradients of a map are averaged. LayerCAM weighs each cell with its own.",
    **_with_sum(lambda A, g: np.tensordot(_mean(relu(g)), A, 1)),
)
for _book in (hirescam, element_wise_grad_cam, layercam):
    _add_mistakes_of_sums(_book)
    _add_conduct(_book)
for _book in (hirescam, layercam):
    _add_mistakes_of_signs(_book)


# --- EigenCAM


def _projection(maps: Any, direction: Any) -> Any:
    return np.tensordot(direction, np.asarray(maps, float), 1)


def _signed(projection: Any) -> Any:
    return -projection if projection.sum() < 0 else projection


def _centred(maps: Any) -> Any:
    return maps - maps.mean(axis=(1, 2), keepdims=True)


def _centred_projection(maps: Any) -> Any:
    centred = _centred(maps)
    return _projection(centred, definitions.first_direction(centred)) if centred.any() else centred[0]


def _add_mistakes_of_eigen(book: Book, of: Step) -> None:
    def first(maps: Any) -> Any:
        return _projection(maps, definitions.first_direction(maps))

    book.mistake(
        "centred",
        "weighted_sum",
        "The maps are centred first, so the largest common part is taken away. Take the direction of A as it is.",
        **_with_sum(lambda A, g: _centred_projection(of(A, g))),
    )
    book.mistake(
        "sign-left-to-the-library",
        "weighted_sum",
        "A direction has no sign of its own: the library's is arbitrary. Choose the one that makes Σ L positive.",
        **_with_sum(lambda A, g: first(of(A, g))),
    )
    book.mistake(
        "not-of-length-one",
        "weighted_sum",
        "The direction has the length of its singular value. It is of length 1: take V of the decomposition, not S V.",
        **_with_sum(lambda A, g: _signed(first(of(A, g))) * np.linalg.norm(first(of(A, g)))),
    )


_add_mistakes_of_eigen(eigen_cam, lambda A, g: A)
eigen_cam.mistake(
    "sign-of-the-gradients",
    "weighted_sum",
    "The sign of the direction comes from the gradients. EigenCAM looks at no class: make Σ L positive.",
    **_with_sum(lambda A, g: eigen_cam.reference["weighted_sum"](A, g) * (1 if g.sum() >= 0 else -1)),
)
eigen_cam.mistake(
    "mean-of-the-maps",
    "weighted_sum",
    "All maps have the same weight: this is their mean. Weigh them with the first direction.",
    **_with_sum(lambda A, g: A.mean(axis=0)),
)
_add_mistakes_of_eigen(eigen_grad_cam, lambda A, g: A * g)
eigen_grad_cam.mistake(
    "gradients-forgotten",
    "weighted_sum",
    "The gradients are not used: this is EigenCAM. Take the first direction of g A.",
    **_with_sum(eigen_cam.reference["weighted_sum"]),
)
eigen_grad_cam.mistake(
    "gradients-averaged",
    "weighted_sum",
    "Each map is weighted with its mean gradient. Multiply cell by cell: g A.",
    **_with_sum(lambda A, g: _signed(_averaged(A, g))),
)


def _averaged(A: Any, g: Any) -> Any:
    maps = _mean(g)[:, None, None] * A
    return _projection(maps, definitions.first_direction(maps)) if maps.any() else maps[0]


for _book in (eigen_cam, eigen_grad_cam):
    _add_mistakes_of_sums(_book)
    _add_mistakes_of_signs(_book)
    _add_conduct(_book)
