r"""What all methods share: a way to weigh the feature maps, and a name, an equation and a source.

A method is a function of feature maps and gradients, (N, K, H, W) each, or of all that :func:`numpycam.gradcam.look`
has found. A decorator makes a :class:`Method` of it, which is called as :func:`numpycam.grad_cam` and returns an
Explanation.

>>> @method("sum of the maps", r"\sum_k A^k", "nobody's")
... @weights_cells
... def sum_of_maps(feature_maps, gradients):
...     return feature_maps
>>> from numpycam import worked_example
>>> explanation = sum_of_maps(worked_example.network(), worked_example.IMAGE, 0)
>>> print(explanation.method, explanation.weighted_sum.astype(float).tolist())
sum of the maps [[0.5, 2.1], [4.5, 2.6]]
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.gradcam import Explanation, Look, Target, compute_weighted_maps, compute_weighted_sum, look
from numpycam.network import Network, check_network
from numpycam.validation import Array, as_maps, check_shape

Needs = Literal["nothing", "gradients", "a pooled linear head", "further runs", "gradients at every layer"]

PROPERTIES = {
    "complete": "with a linear head that has no bias, Σ L is the score",
    "class-sensitive": "another class can have another map",
    "signed": "L can be negative though no feature map is: what speaks against the class is seen",
    "mixing": "other feature maps that span the same, with a head that makes up for it, have the same L",
    "scaling": "scores twice as large have the same picture",
    "rearranging": "the cells of each g^k in another order have the same L: where the gradient is does not count",
}
"""What a method can have; which has which is computed in ``tests/properties.py`` and shown in ``docs/methods.md``."""


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
        From the Look at a batch, and options of the method's own, to (α, weighted maps), with shapes (N, K) and
        (N, K, H, W); α is None if the maps have no weight as a whole.
    needs : str
        What it needs beside the feature maps.
    is_exact : bool
        Whether it takes Fractions.
    properties : collection of str
        Which of PROPERTIES it has.
    layer : str, optional
        The layer if none is given: "input" for a method at the image's own resolution. If there is none here either, it
        is that of :func:`numpycam.grad_cam`.
    through : callable, optional
        From the network to that whose gradients are looked at; its scores are the same.
    """

    name: str
    equation: str
    source: str
    weigh: Callable[..., tuple[Array | None, Array]]
    needs: Needs = "gradients"
    is_exact: bool = True
    properties: Collection[str] = ()
    layer: str | None = None
    through: Callable[[Network], Network] | None = None

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
        layer = self.layer if layer is None else layer
        check_network(network)
        seen = look(self.through(network) if self.through else network, image, class_index, layer, check_finite)
        return self._explain(seen._replace(network=network), **options)

    def from_maps(self, feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
        """Explain with given feature maps and gradient maps, as :func:`numpycam.grad_cam_from_maps` does."""
        if self.needs not in ("nothing", "gradients") or self.layer:
            raise TypeError(f"{self.name} needs the network and the image, not the maps and gradients alone.")
        return self._explain(Look(None, None, None, None, *as_maps(feature_maps, gradients, check_finite), None))

    def _explain(self, seen: Look, **options: Any) -> Explanation:
        if self.layer and self.needs != "gradients" and seen.layer != self.layer:
            raise ValueError(f"{self.name} always looks at {self.layer!r}: leave layer out, got {seen.layer!r}.")
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
        made = Method(name, equation, source, weigh, **options)
        object.__setattr__(made, "__doc__", weigh.__doc__)
        return made

    return decorate


def weights_maps(function: Callable[[Array, Array], Array]) -> Callable[[Look], tuple[Array, Array]]:
    """Let a function (A, g) -> α, one number for each map, weigh the maps."""

    @wraps(function)
    def weigh(seen: Look) -> tuple[Array, Array]:
        alphas = function(seen.feature_maps, seen.gradients)
        check_shape(f"what {function.__name__} returns", alphas, seen.feature_maps.shape[:2])
        return alphas, compute_weighted_maps(alphas, seen.feature_maps)

    return weigh


def weights_cells(function: Callable[[Array, Array], Array]) -> Callable[[Look], tuple[None, Array]]:
    """Let a function (A, g) -> weighted maps weigh each cell by itself."""

    @wraps(function)
    def weigh(seen: Look) -> tuple[None, Array]:
        weighted_maps = function(seen.feature_maps, seen.gradients)
        check_shape(f"what {function.__name__} returns", weighted_maps, seen.feature_maps.shape)
        return None, weighted_maps

    return weigh


def check_pole(where: NDArray[np.bool_], name: str, what: str) -> None:  # (N,), (N, K) or (N, K, H, W)
    """Raise PoleError if the condition holds anywhere."""
    if where.any():
        index = np.argwhere(where)[0]
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("image", "map", "row", "column"), index, strict=False))
        raise PoleError(f"{name} has a pole: {what} ({place}).")
