r"""What all methods share: a way to weigh the feature maps, and a name, an equation and a source.

To make a method of your own, write a function that weighs the feature maps and decorate it with :func:`method`. It
becomes a :class:`Method`: it is called like :func:`numpycam.grad_cam` and returns an Explanation.

>>> @method("sum of the maps", r"\sum_k A^k", "nobody's", weighs="cells")
... def sum_of_maps(feature_maps, gradients):
...     return feature_maps
>>> from numpycam import worked_example
>>> explanation = sum_of_maps(worked_example.network(), worked_example.IMAGE, 0)
>>> print(explanation.method, explanation.weighted_sum.astype(float).tolist())
sum of the maps [[0.5, 2.1], [4.5, 2.6]]
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial, wraps
from inspect import Parameter, Signature, getdoc, signature
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import check_one_of, check_shape
from numpycam.core.arrays import Array, first_index, objects
from numpycam.core.network import Network, check_network
from numpycam.core.steps import ClassIndex, Evidence, GradientsUsed, compute_weighted_maps, gather, gather_maps
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
"""The properties that a method can have. ``tests/properties.py`` computes them; ``docs/methods.md`` shows the result.

L is the map before the last ReLU, and g are the gradient maps.
"""


class PoleError(ArithmeticError):
    """The method divides by a number that is 0 here, so the map does not exist."""


@dataclass(frozen=True, eq=False)
class Method:
    """A method that explains a score. It is called like :func:`numpycam.grad_cam`.

    Attributes
    ----------
    name : str
    equation : str
        The equation of L, the map before the last ReLU, in LaTeX.
    source : str
        The paper, and where in the paper the equation stands.
    weigh : callable
        ``weigh(evidence, **options) -> (α, weighted maps)`` for a batch of evidence, with shapes (N, K) and
        (N, K, H, W). The options are the method's own. α is None if the method does not weigh each map as a whole.
    needs : str
        What the method needs besides the feature maps.
    is_exact : bool
        Whether the method takes Fractions.
    properties : collection of str
        The method's properties: keys of PROPERTIES.
    layer : str, optional
        The layer that the method looks at unless told otherwise. It is "input" for a method whose map has the image's
        own resolution. If None, the method looks at the same layer as :func:`numpycam.grad_cam`.
    with_backward_of : callable, optional
        Takes a network and returns one with the same scores and another backward pass (guided ReLUs). The method uses
        the gradients of this network.
    image_options : collection of str
        Which of the options are images, such as a baseline. What moves the image must move them, too.
    about : str
        What the method computes and its conventions, in words: the docstring of its function.
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
    image_options: Collection[str] = ()
    about: str = ""

    def __post_init__(self) -> None:
        check_one_of("needs", self.needs, get_args(Needs))
        if not set(self.properties) <= PROPERTIES.keys():
            raise ValueError(f"properties must be among {', '.join(map(repr, PROPERTIES))}, got {self.properties!r}.")

    def __call__(
        self,
        network: Network,
        image: ArrayLike,
        class_index: ClassIndex = None,
        layer: str | None = None,
        *,
        check_finite: bool = True,
        **options: Any,
    ) -> Explanation:
        """Explain a score by this method.

        Parameters
        ----------
        network, image, class_index, layer, check_finite
            As for :func:`numpycam.grad_cam`.
        **options
            The method's own options, if it has any.

        Returns
        -------
        Explanation

        Raises
        ------
        TypeError, ValueError
            As for :func:`numpycam.grad_cam`; also if the method has no such option, takes no Fractions, or always looks
            at another layer.
        PoleError
            If the method divides by a number that is 0 here.
        """
        check_network(network)
        layer = self.layer if layer is None else layer
        with_gradients = self.with_backward_of(network) if self.with_backward_of else network
        evidence = gather(with_gradients, image, class_index, layer, check_finite)
        return self._explain(evidence._replace(network=network), **options)

    def from_maps(self, feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
        """Explain given feature maps by this method, as :func:`numpycam.grad_cam_from_maps` does by Grad-CAM.

        Parameters
        ----------
        feature_maps, gradients, check_finite
            As for :func:`numpycam.grad_cam_from_maps`.

        Returns
        -------
        Explanation
            Its image, class_index, score, layer and network are None.

        Raises
        ------
        TypeError, ValueError
            As for :func:`numpycam.grad_cam_from_maps`; also if the method needs the network or the image.
        PoleError
            If the method divides by a number that is 0 here.
        """
        if self.needs not in ("nothing", "gradients") or self.layer:
            raise TypeError(f"{self.name} needs the network and the image, not the maps and gradients alone.")
        return self._explain(gather_maps(feature_maps, gradients, check_finite))

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
        return Explanation.of(evidence, alphas, weighted_maps, method=self.name, gradients_used=self.gradients_used)

    @property
    def gradients_used(self) -> GradientsUsed:
        """The gradients that the method uses: the network's own, guided ones, or none."""
        if not self.needs.startswith("gradients"):
            return "unused"
        return "guided" if self.with_backward_of else "plain"

    def __reduce__(self) -> Any:
        """Say where a pickle finds the method: by the name of its function, if it was made by :func:`method`."""
        return vars(self).get("__qualname__") or super().__reduce__()

    def __repr__(self) -> str:
        return f"<{self.name}: {self.equation}>"


def _as_batch(evidence: Evidence) -> Evidence:
    """Return the evidence of one image with a batch axis of length 1."""
    arrays = ("image", "score", "feature_maps", "gradients")
    batch: dict[str, Any] = {name: np.asarray(getattr(evidence, name))[None] for name in arrays}
    c = evidence.class_index
    return evidence._replace(**batch, class_index=objects([c]) if callable(c) else np.array([c]))


def method(
    name: str, equation: str, source: str, *, weighs: Weighs = "evidence", **options: Any
) -> Callable[[Callable[..., Any]], Method]:
    """Return a decorator that turns a function into a :class:`Method`.

    Parameters
    ----------
    name, equation, source
        As in :class:`Method`.
    weighs : {"maps", "cells", "evidence"}
        What the function takes and returns.

        - "maps": ``function(A, g) -> α``, with A and g of shape (N, K, H, W) and one weight for each map, (N, K).
        - "cells": ``function(A, g) -> weighted maps``, all of shape (N, K, H, W).
        - "evidence": the function is ``Method.weigh`` itself. It takes all that :func:`numpycam.core.steps.gather`
          returns for a batch.
    **options
        The other fields of :class:`Method`.

    Returns
    -------
    callable
        It takes the function, and returns the :class:`Method`.

    Raises
    ------
    ValueError
        If ``weighs`` or an option has a value that is not among those above.
    """
    check_one_of("weighs", weighs, get_args(Weighs))

    def decorate(function: Callable[..., Any]) -> Method:
        own = _named(function)

        @wraps(function)
        def weigh(evidence: Evidence) -> tuple[Array | None, Array]:
            a, g = evidence.feature_maps, evidence.gradients
            weights = function(a, g)
            check_shape(f"what {own.__name__} returns", weights, a.shape[:2] if weighs == "maps" else a.shape)
            return (weights, compute_weighted_maps(weights, a)) if weighs == "maps" else (None, weights)

        weigh_evidence = function if weighs == "evidence" else weigh
        made = Method(name, equation, source, weigh_evidence, **options, about=getdoc(own) or "")
        call = _signature_of(signature(function) if weighs == "evidence" else Signature())
        told = {what: getattr(own, what) for what in ("__module__", "__name__", "__qualname__")}
        told |= {"__signature__": call, "__doc__": _help(made, f"{own.__name__}{call}")}
        for what, value in told.items():
            object.__setattr__(made, what, value)
        return made

    return decorate


def _named(function: Any) -> Any:
    """Return what has the name and the docstring: the function, the one in a partial, or the class of an object."""
    while isinstance(function, partial):
        function = function.func
    return function if hasattr(function, "__qualname__") else type(function)


def _signature_of(weigh: Signature) -> Signature:
    """Return how a method is called: as every method, with its own options by name, those of ``Method.weigh``."""
    own = [one for one in weigh.parameters.values() if one.kind is Parameter.KEYWORD_ONLY]
    shared = [one for one in signature(Method.__call__).parameters.values() if one.name not in ("self", "options")]
    return Signature([one.replace(annotation=Parameter.empty) for one in (*shared, *own)])


def _help(made: Method, call: str) -> str:
    """Return what ``help`` shows of a method: the call, what it computes, the equation, conventions and the source."""
    needs = f"It needs {made.needs}." + (f" It always looks at the {made.layer!r}." if made.layer else "")
    exact = "Fractions give Fractions." if made.is_exact else "It takes floats only."
    properties = "\n".join(f"- {one}: {PROPERTIES[one]}" for one in made.properties) or "None of PROPERTIES."
    notes = f"{needs} {exact}\nIt is called as :func:`numpycam.grad_cam` is, and returns an Explanation."
    return (
        f"{call}\n\n{made.about}\n\nNotes\n-----\n.. math:: L = {made.equation}\n\n{notes}\n\n{properties}\n\n"
        f"References\n----------\n{made.source}\n"
    )


def check_pole(where: NDArray[np.bool_], name: str, what: str) -> None:  # (N,), (N, K) or (N, K, H, W)
    """Raise PoleError if the condition holds anywhere, and say where."""
    if where.any():
        axes = zip(("image", "map", "row", "column"), first_index(where), strict=False)
        place = ", ".join(f"{axis} {i}" for axis, i in axes)
        raise PoleError(f"{name} has a pole: {what} ({place}).")
