"""The CAMs that need feature maps and gradients alone, one definition each.

All end alike: L = Σ_k of some weighted maps, and its ReLU. They differ in how a feature map A^k is weighted, given the
gradient maps g^k = dy/dA^k: by one number for the whole map, or cell by cell. So a method here is a function of (A, g)
with a name, an equation and a source; :class:`Method` does the rest.

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> for method in (grad_cam, hirescam, layercam):
...     print(f"{method.name:10}", method(network, image, 0).weighted_sum.astype(str).tolist())
Grad-CAM   [['357/40', '-81/40'], ['129/8', '13/5']]
HiResCAM   [['63/10', '-14/5'], ['23', '21/10']]
LayerCAM   [['63/10', '-5/2'], ['23', '21/10']]
>>> hirescam(network, image, 0).weighted_sum.sum() == network(image[None])[0, 0]  # complete: it sums to the score
True

To add one, write its function, from arrays (..., K, H, W) to weights (..., K) or to weighted maps (..., K, H, W), below
:func:`weights_maps` or :func:`weights_cells`: see CONTRIBUTING.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from numpycam.gradcam import (
    Explanation,
    Look,
    Target,
    compute_alphas,
    compute_weighted_maps,
    compute_weighted_sum,
    look,
)
from numpycam.layers import GlobalAvgPool2d, Linear, ReLU
from numpycam.network import Network
from numpycam.validation import Array, as_maps, share, sum_of, zero_of

Needs = Literal["gradients", "a head of GlobalAvgPool2d and Linear", "forward passes", "gradients at every layer"]


class PoleError(ArithmeticError):
    """The method divides by a number that is 0 here: it has no value."""


@dataclass(frozen=True, eq=False)
class Method:
    """A method that explains a score: call it as :func:`numpycam.grad_cam`.

    Attributes
    ----------
    name : str
    equation : str
        Of L, the map before the last ReLU, in LaTeX.
    source : str
        The paper, and where in it.
    weigh : callable
        From the Look at a batch, and options of the method's own, to (α, weighted maps), shapes (N, K) and (N, K, H, W);
        α is None if the maps have no weight as a whole.
    needs : str
        What it needs beside the feature maps.
    is_exact : bool
        Whether it takes Fractions.
    layer : str, optional
        The layer if none is given: "input" for a method at the image's own resolution. If there is none here either, it
        is that of :func:`numpycam.grad_cam`.
    """

    name: str
    equation: str
    source: str
    weigh: Callable[..., tuple[Array | None, Array]]
    needs: Needs = "gradients"
    is_exact: bool = True
    layer: str | None = None

    def __call__(
        self,
        network: Network,
        image: ArrayLike,
        class_index: int | Sequence[int] | Target | None = None,
        layer: str | None = None,
        *,
        check_finite: bool = True,
        **options: Any,
    ) -> Explanation:
        """Explain as :func:`numpycam.grad_cam` does, with the same arguments, by this method; it may have options."""
        return self._explain(look(network, image, class_index, layer or self.layer, check_finite), **options)

    def from_maps(self, feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
        """Explain with given feature maps and gradient maps, as :func:`numpycam.grad_cam_from_maps` does."""
        if self.needs != "gradients" or self.layer:
            raise TypeError(f"{self.name} needs the network and the image, not the maps and gradients alone.")
        return self._explain(Look(None, None, None, None, *as_maps(feature_maps, gradients, check_finite), None))

    def _explain(self, seen: Look, **options: Any) -> Explanation:
        if not self.is_exact and seen.feature_maps.dtype == object:
            raise TypeError(f"{self.name} has no exact value: convert with numpycam.exact.as_floats.")
        is_batch = seen.feature_maps.ndim == 4
        alphas, weighted_maps = self.weigh(seen if is_batch else seen.as_batch(), **options)
        if not is_batch:
            alphas, weighted_maps = None if alphas is None else alphas[0], weighted_maps[0]
        return seen.explained(alphas, weighted_maps, compute_weighted_sum(weighted_maps), self.name)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.equation}>"


def method(name: str, equation: str, source: str, **options: Any) -> Callable[[Callable[[Look], Any]], Method]:
    """Make a Method of a function from a Look to (α, weighted maps)."""

    def decorate(weigh: Callable[[Look], Any]) -> Method:
        METHODS[weigh.__name__] = made = Method(name, equation, source, weigh, **options)
        object.__setattr__(made, "__doc__", weigh.__doc__)
        return made

    return decorate


def weights_maps(function: Callable[[Array, Array], Array]) -> Callable[[Look], tuple[Array, Array]]:
    """Let a function (A, g) -> α, one number for each map, weigh the maps."""

    @wraps(function)
    def weigh(seen: Look) -> tuple[Array, Array]:
        alphas = function(seen.feature_maps, seen.gradients)
        return alphas, compute_weighted_maps(alphas, seen.feature_maps)

    return weigh


def weights_cells(function: Callable[[Array, Array], Array]) -> Callable[[Look], tuple[None, Array]]:
    """Let a function (A, g) -> weighted maps weigh each cell by itself."""

    @wraps(function)
    def weigh(seen: Look) -> tuple[None, Array]:
        return None, function(seen.feature_maps, seen.gradients)

    return weigh


METHODS: dict[str, Method] = {}
"""All methods, by the name of their function."""


_relu = ReLU().forward


@method(
    "Grad-CAM",
    r"\sum_k \Big(\frac{1}{Z} \sum_{ij} g^k_{ij}\Big) A^k",
    "Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2",
)
@weights_maps
def grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """α_k is the mean of g^k. This is :func:`numpycam.grad_cam`."""
    return compute_alphas(gradients)


@method(
    "Grad-CAM++",
    r"\sum_k \Big(\sum_{g^k_{ij} > 0} \frac{g^k_{ij}}{2 + S_k\, g^k_{ij}}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Chattopadhay et al., Grad-CAM++, WACV 2018, equations 7 and 19",
)
@weights_maps
def grad_cam_plus_plus(feature_maps: Array, gradients: Array) -> Array:
    """α_k = Σ_ij a_ij ReLU(g_ij) with a_ij = g²/(2g² + S_k g³) = 1/(2 + S_k g_ij). Only cells with g > 0 are used.

    That is the closed form for a network of ReLUs and y = exp(S): the exponential cancels. It is not normalised. The
    pole, 2 + S_k g = 0, needs a map with a negative sum.

    Raises
    ------
    PoleError
        At the pole.
    """
    sums = sum_of(feature_maps, axis=(-2, -1), keepdims=True)
    divisor = zero_of(gradients) + 2 + sums * gradients
    counts = gradients > 0
    _check_pole((divisor == 0) & counts, "Grad-CAM++", "2 + S_k g is 0")
    one = zero_of(gradients) + 1
    terms = _relu(gradients) / np.where(counts, divisor, one)
    return sum_of(terms, axis=(-2, -1))


@method(
    "XGrad-CAM",
    r"\sum_k \Big(\sum_{ij} \frac{A^k_{ij}}{S_k}\, g^k_{ij}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Fu et al., Axiom-based Grad-CAM, BMVC 2020, equation 8",
)
@weights_maps
def xgrad_cam(feature_maps: Array, gradients: Array) -> Array:
    """α_k is the mean of g^k weighted by A^k. Of a map that is zero everywhere it is 0.

    Raises
    ------
    PoleError
        If a map that is not zero has the sum 0.
    """
    sums = sum_of(feature_maps, axis=(-2, -1))
    _check_pole((sums == 0) & (feature_maps != 0).any(axis=(-2, -1)), "XGrad-CAM", "S_k is 0")
    return share(sum_of(feature_maps * gradients, axis=(-2, -1)), sums)


@method(
    "HiResCAM",
    r"\sum_k g^k \odot A^k",
    "Draelos and Carin, HiResCAM, 2020 (arXiv 2011.08891), equation 3",
)
@weights_cells
def hirescam(feature_maps: Array, gradients: Array) -> Array:
    """Each cell with its own gradient: with a linear head, Σ_ij L is the score less its bias."""
    return gradients * feature_maps


@method(
    "element-wise Grad-CAM",
    r"\sum_k \mathrm{ReLU}(g^k \odot A^k)",
    "pytorch-grad-cam, GradCAMElementWise",
)
@weights_cells
def element_wise_grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """HiResCAM with the ReLU before the sum: what speaks against is gone before it could outweigh anything."""
    return _relu(gradients * feature_maps)


@method(
    "LayerCAM",
    r"\sum_k \mathrm{ReLU}(g^k) \odot A^k",
    "Jiang et al., LayerCAM, IEEE TIP 2021, equations 5 to 7",
)
@weights_cells
def layercam(feature_maps: Array, gradients: Array) -> Array:
    """HiResCAM where the gradient is positive."""
    return _relu(gradients) * feature_maps


@method(
    "EigenCAM",
    r"\sum_k v_k A^k, \quad v = \text{first right singular vector of } (A^k_{ij})_{ij,k}",
    "Muhammad and Yeasin, Eigen-CAM, IJCNN 2020, section III",
    is_exact=False,
)
@weights_maps
def eigen_cam(feature_maps: Array, gradients: Array) -> Array:
    """α is the direction in which the cells, as points with K coordinates, lie farthest from the origin (not centred).

    It asks neither for the class nor for the gradients. v and -v are both right; the sign is that with which L has no
    negative sum, and if the sum is 0 that with which the first component other than 0 is positive. If no map is
    negative, neither is v, nor L.
    """
    return _first_direction(feature_maps)


@method(
    "EigenGradCAM",
    r"\sum_k v_k\, g^k \odot A^k, \quad v = \text{first right singular vector of } (g^k_{ij} A^k_{ij})_{ij,k}",
    "pytorch-grad-cam, EigenGradCAM, after Muhammad and Yeasin, IJCNN 2020",
    is_exact=False,
)
@weights_cells
def eigen_grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """EigenCAM of g ⊙ A, which depends on the class. The sign is chosen in the same way."""
    products = gradients * feature_maps
    return compute_weighted_maps(_first_direction(products), products)


def _first_direction(maps: Array) -> Array:  # (..., K, H, W) -> (..., K)
    """Return the first right singular vector of the cells × maps, with a sign that depends on nothing else."""
    cells = maps.reshape(*maps.shape[:-2], -1).mT  # (..., H W, K)
    v = np.linalg.svd(cells, full_matrices=False).Vh[..., 0, :]
    total = sum_of(compute_weighted_maps(v, maps), axis=(-3, -2, -1))
    first = np.take_along_axis(v, (v != 0).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    sign = np.where(total == 0, np.sign(first), np.sign(total))
    return v * sign[..., None].astype(v.dtype)


@method(
    "CAM",
    r"\sum_k w^c_k A^k, \quad w = \text{weights of the head}",
    "Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016, equation 2",
    needs="a head of GlobalAvgPool2d and Linear",
)
def cam(seen: Look) -> tuple[Array, Array]:
    """α_k is the weight that the class gives to the mean of A^k. Where it exists, Grad-CAM is this over Z = H·W."""
    head = [layer for _, layer in seen.network.split(seen.layer)[1].layers]
    if [type(layer) for layer in head] != [GlobalAvgPool2d, Linear]:
        came = [type(layer).__name__ for layer in head]
        raise ValueError(f"CAM needs a GlobalAvgPool2d and a Linear after the maps, and nothing else, got {came}.")
    if seen.class_index.dtype == object:
        raise TypeError("CAM explains the score of a class, no other target.")
    alphas = head[1].parameters["weight"][seen.class_index]  # (N, K)
    return alphas, compute_weighted_maps(alphas, seen.feature_maps)


def _check_pole(where: Any, name: str, what: str) -> None:
    if np.any(where):
        index = tuple(int(i) for i in np.argwhere(where)[0])
        raise PoleError(f"{name} has a pole: {what} at index {index}.")
