r"""What all methods share: a way to weigh the feature maps, and a name, an equation and a source.

A method is a function of feature maps and gradients, (N, K, H, W) each, or of all the evidence that
:func:`numpycam.core.steps.gather` returns. A decorator makes a :class:`Method` of it, which is called as
:func:`numpycam.grad_cam` and returns an Explanation.

>>> @method("sum of the maps", r"\sum_k A^k", "nobody's", weighs="cells")
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

from numpycam.core.arguments import as_maps, check_shape
from numpycam.core.arrays import Array
from numpycam.core.network import Network, check_network
from numpycam.core.steps import Evidence, Target, compute_weighted_maps, gather
from numpycam.gradcam import Explanation

Weighs = Literal["maps", "cells", "evidence"]
Needs = Literal["nothing", "gradients", "a pooled linear head", "further runs", "gradients at every layer"]

PROPERTIES = {
    "complete": "with a linear head that has no bias, Σ L is the score",
    "class-sensitive": "another class can have another map",
    "signed": "L can be negative even where all feature maps are non-negative: it shows what speaks against the class",
    "mixing": "L stays the same if the feature maps are mixed with one another and the head undoes it",
    "scaling": "scores twice as large have the same picture",
    "rearranging": "L stays the same if the cells of each g^k change places: where the gradient is does not count",
}
"""Properties that a method can have. ``tests/properties.py`` computes which has which; ``docs/methods.md`` shows it."""


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
        Takes the evidence of a batch, and options of the method's own. Returns (α, weighted maps), with shapes (N, K)
        and (N, K, H, W). α is None if the maps have no weight as a whole.
    needs : str
        What it needs beside the feature maps.
    is_exact : bool
        Whether it takes Fractions.
    properties : collection of str
        Which of PROPERTIES it has.
    layer : str, optional
        The layer if none is given: "input" for a method at the image's own resolution. By default that of
        :func:`numpycam.grad_cam`.
    with_backward_of : callable, optional
        Returns a network with the same scores and another backward pass (guided ReLUs). Its gradients are used.
    """

    name: str
    equation: str
    source: str
    weigh: Callable[..., tuple[Array | None, Array]]
    needs: Needs = "gradients"
    is_exact: bool = True
    properties: Collection[str] = ()
    layer: str | None = None
    with_backward_of: Callable[[Network], Network] | None = None

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
        """Explain as :func:`numpycam.grad_cam` does, with the same arguments, by this method. It may have options."""
        check_network(network)
        layer = self.layer if layer is None else layer
        looked_at = self.with_backward_of(network) if self.with_backward_of else network
        evidence = gather(looked_at, image, class_index, layer, check_finite)
        return self._explain(evidence._replace(network=network), **options)

    def from_maps(self, feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
        """Explain with given feature maps and gradient maps, as :func:`numpycam.grad_cam_from_maps` does."""
        if self.needs not in ("nothing", "gradients") or self.layer:
            raise TypeError(f"{self.name} needs the network and the image, not the maps and gradients alone.")
        return self._explain(Evidence(None, None, None, None, *as_maps(feature_maps, gradients, check_finite)))

    def _explain(self, evidence: Evidence, **options: Any) -> Explanation:
        if self.layer and self.needs != "gradients" and evidence.layer != self.layer:
            raise ValueError(f"{self.name} always looks at {self.layer!r}: leave layer out, got {evidence.layer!r}.")
        if not self.is_exact and evidence.feature_maps.dtype == object:
            raise TypeError(f"{self.name} has no exact value: convert with numpycam.exact.as_floats.")
        if evidence.feature_maps.ndim == 4:
            alphas, weighted_maps = self.weigh(evidence, **options)
        else:
            alphas, weighted_maps = self.weigh(_as_batch(evidence), **options)
            alphas, weighted_maps = None if alphas is None else alphas[0], weighted_maps[0]
        return Explanation.of(evidence, alphas, weighted_maps, method=self.name, backward=self.backward)

    @property
    def backward(self) -> Literal["plain", "guided", "unused"]:
        """Which gradients the method uses: those of the network, those of another backward pass, or none."""
        if not self.needs.startswith("gradients"):
            return "unused"
        return "guided" if self.with_backward_of else "plain"

    def __repr__(self) -> str:
        return f"<{self.name}: {self.equation}>"


def _as_batch(evidence: Evidence) -> Evidence:
    """Return the evidence of one image with a batch axis of length 1."""
    one: dict[str, Any] = {name: np.asarray(value)[None] for name, value in evidence._asdict().items()}
    return Evidence(**one | {"layer": evidence.layer, "network": evidence.network})


def method(
    name: str, equation: str, source: str, *, weighs: Weighs = "evidence", **options: Any
) -> Callable[[Callable[..., Any]], Method]:
    """Make a Method of a function.

    Parameters
    ----------
    name, equation, source
        As in :class:`Method`.
    weighs : {"maps", "cells", "evidence"}
        "maps": the function takes A and g, (N, K, H, W) each, and returns α (N, K), one weight for each map. "cells":
        it takes the same and returns the weighted maps (N, K, H, W). "evidence": it is ``Method.weigh`` itself.
    **options
        The other fields of :class:`Method`.
    """

    def decorate(function: Callable[..., Any]) -> Method:
        @wraps(function)
        def weigh(evidence: Evidence) -> tuple[Array | None, Array]:
            a, g = evidence.feature_maps, evidence.gradients
            weights = function(a, g)
            check_shape(f"what {function.__name__} returns", weights, a.shape[:2] if weighs == "maps" else a.shape)
            return (weights, compute_weighted_maps(weights, a)) if weighs == "maps" else (None, weights)

        made = Method(name, equation, source, function if weighs == "evidence" else weigh, **options)
        object.__setattr__(made, "__doc__", function.__doc__)
        return made

    return decorate


def check_pole(where: NDArray[np.bool_], name: str, what: str) -> None:  # (N,), (N, K) or (N, K, H, W)
    """Raise PoleError if the condition holds anywhere."""
    if where.any():
        index = np.argwhere(where)[0]
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("image", "map", "row", "column"), index, strict=False))
        raise PoleError(f"{name} has a pole: {what} ({place}).")
