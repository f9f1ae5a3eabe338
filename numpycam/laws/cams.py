"""The laws of Grad-CAM and of its family: functions of the feature maps A (K, H, W) and their gradients g."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.book import Signature, Told, dot
from numpycam.laws.cases import Numbers
from numpycam.laws.subject import NotAskedError
from numpycam.laws.verify import Laws

CHOICES: dict[str, Sequence[Any]] = {
    "draw": [0, 1, 2],
    "maps": [1, 2, 3],
    "size": [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (2, 2)],
    "A": ["all", "not negative", "few"],
    "g": ["all", "few", "not negative"],
}
LARGE = [
    {"maps": 5, "size": (4, 7)},
    {"maps": 4, "size": (6, 3), "A": "not negative"},
    {"maps": 8, "size": (5, 5), "g": "few"},
]
TRAITS = {
    "with several maps": lambda case: len(case["A"]) > 1,
    "with several cells": lambda case: case["A"][0].size > 1,
    "with maps that are not square": lambda case: case["A"].shape[1] != case["A"].shape[2],
    "with a negative feature": lambda case: bool((case["A"] < 0).any()),
    "with a negative gradient": lambda case: bool((case["g"] < 0).any()),
    "with a map of zeros": lambda case: bool((case["A"] == 0).all(axis=(1, 2)).any()),
    "without a positive gradient": lambda case: bool((case["g"] <= 0).all()),
}


MEASURES = {
    "the number of cells": lambda case: case["A"][0].size,
    "the number of maps": lambda case: len(case["A"]),
    "the number of all cells of all maps": lambda case: case["A"].size,
}
AXES = {"A": "KHW", "g": "KHW", "cam": "HW", "weighted_sum": "HW", "alphas": "K"}


def _maker(a: str = "", fits: Callable[..., bool] | None = None) -> Any:
    """Return what makes cases; ``a`` says what all A are, ``fits`` which cases the method is defined on."""

    def make(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]] | None:
        shape = setting["maps"], *setting["size"]
        arrays = {"A": numbers.array("A", shape, a or setting["A"]), "g": numbers.array("g", shape, setting["g"])}
        return (arrays, {}) if fits is None or fits(**arrays) else None

    return make


def family(
    name: str,
    definition: Callable[..., Any],
    *,
    alphas: Any = None,
    a: str = "",
    fits: Callable[..., bool] | None = None,
    clear: Callable[..., bool] | None = None,
) -> Laws:
    """Return a book for a method with a closed definition of L, the weighted sum, and write down what defines it.

    ``a`` says what all A are, ``fits`` which cases the method is defined on, ``clear`` on which without a convention.
    """
    outputs = ["cam", "weighted_sum", *(["alphas"] if alphas else [])]
    reference = {
        "cam": lambda A, g: definitions.relu(definition(A, g)),
        "weighted_sum": definition,
        "alphas": alphas,
    }
    book = Laws(
        name=name,
        signatures={output: Signature(("A", "g"), (output,)) for output in outputs},
        reference={output: reference[output] for output in outputs},
        choices=CHOICES,
        make=_maker(a, fits),
        fits=clear or (lambda **arrays: True),
        axes=AXES,
        traits=TRAITS,
        measures=MEASURES,
        large=LARGE,
        proof_reach=3,
    )
    if alphas:
        book.law("alphas", f"α_k = {FORMULAS[name][1]}", about="alphas", where=SYMBOLS[name])(
            lambda alphas, right_alphas: (alphas, right_alphas)
        )
    weights = f"with α_k = {FORMULAS[name][1]}, {SYMBOLS[name]}" if alphas else "⊙ multiplies cell with cell"
    book.law("weighted-sum", f"L = {FORMULAS[name][0]}", about="weighted_sum", where=f"before the ReLU; {weights}")(
        lambda weighted_sum, right_weighted_sum: (weighted_sum, right_weighted_sum)
    )
    book.law("map", f"map = ReLU({FORMULAS[name][0]})", about="cam", where=weights)(
        lambda cam, right_cam: (cam, right_cam)
    )
    _add_common(book)
    return book


FORMULAS = {
    "grad_cam": ("Σ_k α_k A^k", "(1/Z) Σ_ij g^k_ij"),
    "grad_cam_plus_plus": ("Σ_k α_k A^k", "Σ_ij ReLU(g^k_ij)/(2 + S_k g^k_ij)"),
    "xgrad_cam": ("Σ_k α_k A^k", "Σ_ij A^k_ij g^k_ij / S_k"),
    "hirescam": ("Σ_k g^k ⊙ A^k",),
    "element_wise_grad_cam": ("Σ_k ReLU(g^k ⊙ A^k)",),
    "layercam": ("Σ_k ReLU(g^k) ⊙ A^k",),
}
"""L, and the weights if there is one for each map."""

SYMBOLS = {
    "grad_cam": "the mean of g^k over its Z cells",
    "grad_cam_plus_plus": "where S_k = Σ_ij A^k_ij",
    "xgrad_cam": "where S_k = Σ_ij A^k_ij; 0 for a map of zeros",
}
"""What the letters in the formula of the weights are."""


def _each(book: Laws, id: str, text: str, where: str = "") -> Callable[[Callable[..., Any]], None]:
    """Write a law that is about the weighted sum and about the map, whichever there is."""

    def write(sides: Callable[..., Any]) -> None:
        def both(trial: Any) -> Iterator[tuple[Any, Any]]:
            for output in ("weighted_sum", "cam"):
                if output in trial.subject.functions:
                    yield from sides(trial.named(f"{output}_of"), trial.named("A"), trial.named("g"))

        book.law(id, text, about="", where=where)(both)

    return write


def _add_common(book: Laws) -> None:
    @_each(book, "order", "L of the maps in another order = L", where="the sum has no order")
    def _order(of: Any, A: Any, g: Any) -> Any:
        yield of(A=A[::-1], g=g[::-1]), of()

    @_each(book, "mirror", "L of mirrored maps = L mirrored", where="no cell is special, no axis is another")
    def _mirror(of: Any, A: Any, g: Any) -> Any:
        yield of(A=A[:, :, ::-1], g=g[:, :, ::-1]), of()[:, ::-1]
        yield of(A=A.swapaxes(1, 2), g=g.swapaxes(1, 2)), of().T

    @book.law(
        "batch",
        "L of a batch = L of its images",
        about="",
        where="no mean, no sum and no maximum is over several images",
    )
    def _batch(trial: Any) -> Iterator[tuple[Any, Any]]:
        if not trial.subject.takes_batches("A"):
            raise NotAskedError("the layout has no N, so there are no batches")
        other = {"A": trial.named("A").max() - trial.named("A"), "g": trial.named("g")[:, ::-1] - 1}
        both = {name: np.stack([trial.named(name), value]) for name, value in other.items()}
        for output in ("weighted_sum", "cam"):
            if output in trial.subject.functions:
                of = trial.named(f"{output}_of")
                came, right = of(**both), np.stack([of(), of(**other)])
                told = {"case": trial.case.having(**both), "right": right, "came": came}
                yield Told(came, right, function=output, output=output, **told)

    @book.law("not-negative", "0 ≤ map", about="cam", where="it ends with a ReLU")
    def _not_negative(cam: Any) -> Any:
        return cam * 0, cam


grad_cam = family("grad_cam", definitions.grad_cam, alphas=definitions.grad_cam_alphas)
grad_cam_plus_plus = family(
    "grad_cam_plus_plus",
    lambda A, g: np.tensordot(definitions.grad_cam_plus_plus(A, g), A, 1),
    alphas=definitions.grad_cam_plus_plus,
    a="not negative",
)
xgrad_cam = family(
    "xgrad_cam",
    lambda A, g: np.tensordot(definitions.xgrad_cam(A, g), A, 1),
    alphas=definitions.xgrad_cam,
    fits=lambda A, g: not ((A.sum(axis=(1, 2)) == 0) & (A != 0).any(axis=(1, 2))).any(),
    clear=lambda A, g: bool((A.sum(axis=(1, 2)) != 0).all()),
)
hirescam = family("hirescam", definitions.hirescam)
element_wise_grad_cam = family("element_wise_grad_cam", definitions.element_wise_grad_cam)
layercam = family("layercam", definitions.layercam)


# --- Grad-CAM


@grad_cam.law("linear-g", "L(A, 2g + g') = 2 L(A, g) + L(A, g')", about="weighted_sum", where="for a fixed A")
def _linear_g(weighted_sum: Any, weighted_sum_of: Any, g: Any) -> Any:
    other = 1 - g[::-1]
    return weighted_sum_of(g=2 * g + other), 2 * weighted_sum + weighted_sum_of(g=other)


@grad_cam.law("linear-A", "L(2A + A', g) = 2 L(A, g) + L(A', g)", about="weighted_sum", where="for a fixed g")
def _linear_a(weighted_sum: Any, weighted_sum_of: Any, A: Any) -> Any:
    other = 1 - A[::-1]
    return weighted_sum_of(A=2 * A + other), 2 * weighted_sum + weighted_sum_of(A=other)


@grad_cam.law(
    "halves", "map(A, g) - map(A, -g) = L(A, g)", about="cam", where="what speaks for, less what speaks against"
)
def _halves(cam: Any, cam_of: Any, right_weighted_sum: Any, g: Any) -> Any:
    return cam - cam_of(g=-g), right_weighted_sum


@grad_cam.law("apart", "map(A, g) · map(A, -g) = 0", about="cam", where="no cell speaks for and against")
def _apart(cam: Any, cam_of: Any, g: Any) -> Any:
    return cam * cam_of(g=-g), cam * 0


@_each(grad_cam, "blind", "L of g^k with its cells in another order = L", where="only the mean of g^k counts")
def _blind(of: Any, A: Any, g: Any) -> Any:
    yield of(g=g[:, ::-1, ::-1]), of()


@_each(grad_cam, "copies", "L of maps that are there twice, with half of g each = L", where="copies change nothing")
def _copies(of: Any, A: Any, g: Any) -> Any:
    yield of(A=np.concatenate([A, A]), g=np.concatenate([g, g]) / 2), of()


@_each(
    grad_cam, "mixing", "L of M A, with M^-T g = L", where="a 1 × 1 convolution that the head undoes changes nothing"
)
def _mixing(of: Any, A: Any, g: Any) -> Any:
    if len(A) > 1:  # M adds map 0 to map 1; its inverse takes it away again
        mixed, back = A.copy(), g.copy()
        mixed[1] += A[0]
        back[0] -= g[1]
        yield of(A=mixed, g=back), of()


# --- the family


@hirescam.law("complete", "Σ L = ⟨A, g⟩", about="weighted_sum", where="a linear head without a bias: Σ L is the score")
def _complete(weighted_sum: Any, A: Any, g: Any) -> Any:
    return weighted_sum.sum(), dot(A, g)


@hirescam.law(
    "constant-g",
    "L(A, g^k = c_k) = Grad-CAM's L",
    about="weighted_sum",
    where="gradients that are the same in all cells",
)
def _constant_g(weighted_sum_of: Any, A: Any, g: Any) -> Any:
    constant = g * 0 + g[:, :1, :1]
    return weighted_sum_of(g=constant), definitions.grad_cam(A, constant)


@element_wise_grad_cam.law("halves", "L(A, g) - L(A, -g) = HiResCAM's L(A, g)", about="weighted_sum")
def _element_halves(weighted_sum: Any, weighted_sum_of: Any, A: Any, g: Any) -> Any:
    return weighted_sum - weighted_sum_of(g=-g), definitions.hirescam(A, g)


@layercam.law("halves", "L(A, g) - L(A, -g) = HiResCAM's L(A, g)", about="weighted_sum")
def _layer_halves(weighted_sum: Any, weighted_sum_of: Any, A: Any, g: Any) -> Any:
    return weighted_sum - weighted_sum_of(g=-g), definitions.hirescam(A, g)


@layercam.law("bound", "HiResCAM's L ≤ L", about="weighted_sum", where="where no A is negative")
def _layer_bound(weighted_sum: Any, A: Any, g: Any) -> Any:
    return None if (A < 0).any() else (definitions.hirescam(A, g), weighted_sum)


@xgrad_cam.law("complete", "Σ L = ⟨A, g⟩", about="weighted_sum", where="a linear head without a bias: Σ L is the score")
def _x_complete(weighted_sum: Any, A: Any, g: Any) -> Any:
    return weighted_sum.sum(), dot(A, g)


@xgrad_cam.law("constant-g", "α(A, g^k = c_k) = c_k", about="alphas", where="for each map that is not zero")
def _x_constant(alphas_of: Any, A: Any, g: Any) -> Any:
    constant = g * 0 + g[:, :1, :1]
    return alphas_of(g=constant), np.where(A.any(axis=(1, 2)), g[:, 0, 0], g[:, 0, 0] * 0)


@grad_cam_plus_plus.law("constant-g", "α(A, g^k = c > 0) = Z c/(2 + S_k c)", about="alphas")
def _plus_constant(alphas_of: Any, A: Any, g: Any) -> Any:
    c, z = abs(g[:, 0, 0]) + 1, A[0].size
    return alphas_of(g=g * 0 + c[:, None, None]), z * c / (2 + c * A.sum(axis=(1, 2)))


@grad_cam_plus_plus.law("bound", "2 α_k ≤ Σ_ij ReLU(g^k_ij)", about="alphas", where="where no S_k is negative")
def _plus_bound(alphas: Any, g: Any) -> Any:
    return 2 * alphas, definitions.relu(g).sum(axis=(1, 2))


@grad_cam_plus_plus.law(
    "units", "α(2^k A, g / 2^k) = α(A, g) / 2^k", about="alphas", where="for k = 20 and k = -20: no epsilon"
)
def _plus_units(alphas: Any, alphas_of: Any, A: Any, g: Any) -> Iterator[tuple[Any, Any]]:
    n = 2**20
    yield alphas_of(A=A * n, g=g / n) * n, alphas
    yield alphas_of(A=A / n, g=g * n) / n, alphas


# --- methods with a book of their own


def _first_projection(A: Any, g: Any = None) -> Any:
    """Σ_k v_k A^k along the first direction v of the cells, with the sign that makes its sum positive."""
    return _signed(np.tensordot(definitions.first_direction(A), np.asarray(A, float), 1))


def _signed(projection: Any) -> Any:
    return -projection if projection.sum() < 0 else projection


def _make_eigen(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]] | None:
    if numbers.kind not in ("integers", "floats"):
        return None
    shape = setting["maps"], *setting["size"]
    arrays = {"A": numbers.array("A", shape, setting["A"]), "g": numbers.array("g", shape, setting["g"])}
    return (arrays, {}) if _have_clear_directions(**arrays) else None


def _have_clear_directions(A: Any, g: Any) -> bool:
    """Whether the first direction is clear, and the sum of what lies along it is not near to 0."""
    for maps in (A, A * g):
        strengths = np.linalg.svd(maps.reshape(len(maps), -1), compute_uv=False)
        second = strengths[1] if len(strengths) > 1 else 0.0
        if strengths[0] == 0 or second > 0.9 * strengths[0]:
            return False
        if abs(_first_projection(maps).sum()) < 1e-2 * strengths[0]:
            return False
    return True


def _eigen_book(name: str, of: Callable[..., Any], text: str) -> Laws:
    def projection(A: Any, g: Any) -> Any:
        return _first_projection(of(A, g))

    book = Laws(
        name=name,
        signatures={output: Signature(("A", "g"), (output,)) for output in ("cam", "weighted_sum")},
        reference={"weighted_sum": projection, "cam": lambda A, g: definitions.relu(projection(A, g))},
        choices=CHOICES,
        make=_make_eigen,
        fits=_have_clear_directions,
        axes=AXES,
        traits=TRAITS,
        measures=MEASURES,
    )
    book.law("weighted-sum", f"L = {text}", about="weighted_sum", where="v is not centred; its sign makes Σ L ≥ 0")(
        lambda weighted_sum, right_weighted_sum: (weighted_sum, right_weighted_sum)
    )
    book.law("map", f"map = ReLU({text})", about="cam", where="v is not centred; its sign makes Σ L ≥ 0")(
        lambda cam, right_cam: (cam, right_cam)
    )
    _add_common(book)
    return book


eigen_cam = _eigen_book("eigen_cam", lambda A, g: A, "Σ_k v_k A^k")
eigen_grad_cam = _eigen_book("eigen_grad_cam", lambda A, g: A * g, "Σ_k v_k g^k ⊙ A^k")


@_each(eigen_cam, "no-class", "L with other gradients = L", where="it looks at the maps alone")
def _no_class(of: Any, A: Any, g: Any) -> Any:
    yield of(g=1 - g), of()
