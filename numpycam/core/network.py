"""A network: layers with names, one after another.

A :class:`Network` is itself a layer, with a forward and a backward pass. Beyond that it shows what happens inside:
``activations`` are the outputs of all layers, ``gradients`` are what comes back to them, and ``split`` cuts the network
in two at the layer that one wants to look at.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_array, as_grad_output, as_position, briefly, check_same_kind, did_you_mean
from numpycam.core.arrays import Array, Shape, read_only_view
from numpycam.core.base import Layer
from numpycam.core.guards import backward_of, check_layers, forward_of

_INTS = frozenset({int, np.intp})  # the types of the lengths of a shape
_DEEPEST = 100  # networks inside of networks; repr and pickle end at Python's own limit, which is twice as deep


@dataclass(frozen=True, eq=False, repr=False)
class Network(Layer):
    """y = layer_n(… layer_2(layer_1(x))).

    Parameters
    ----------
    layers : sequence of (name, layer)
        Names are distinct; "input" is taken by x itself. An empty network returns its input. Networks can be nested up
        to 100 deep.
    target_layer : str, optional
        The layer that Grad-CAM looks at unless told otherwise.

    Notes
    -----
    A network among the layers stands open: its layers have the names ``"block.conv"``, ``"block.relu"``, and
    ``"block"`` is its output.

    Integers are converted to the dtype of the network's parameters. NaN and infinity pass and are seen in the result;
    ``grad_cam`` refuses them.

    Examples
    --------
    >>> from numpycam.core.layers import Linear, ReLU
    >>> network = Network([("hidden", Linear([[1, 2], [3, -4]])), ("relu", ReLU())])
    >>> network.activations([[1, 1]])
    {'input': array([[1., 1.]]), 'hidden': array([[ 3., -1.]]), 'relu': array([[3., 0.]])}
    """

    layers: Sequence[tuple[str, Layer]]
    target_layer: str | None = None
    # Computed from the layers. Each step makes one activation from the one before it. The steps "input" and "block"
    # (the end of a network among the layers) have no layer.
    _steps: tuple[tuple[str, Layer | None], ...] = field(init=False)
    _layer_of: dict[str, Any] = field(init=False)
    _parameters: dict[str, Array] = field(init=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.layers, Iterable) and np.iterable(self.layers)):  # the latter for arrays without axes
            raise TypeError(f"layers must be a sequence of pairs (name, layer), got {type(self.layers).__name__}.")
        layers = tuple(self.layers)
        check_layers(layers)
        opened = _opened(layers)
        names = [name for name, _ in opened]
        if len(set(names)) < len(names):
            raise ValueError(f"the names of the layers must be distinct, got {names}.")
        steps = [(name, layer if layer.runs is None else None) for name, layer in opened]
        self._set(layers=layers)
        own = {name for name, value in self._own_fields().items() if isinstance(value, np.ndarray | Layer)}
        for name in own & dict(layers).keys():
            raise ValueError(f"{type(self).__name__} has a field and a layer named {name!r}: rename the layer.")
        parameters = super().parameters
        if len(parameters) < sum(len(layer.parameters) for _, layer in layers):
            raise ValueError(f"two parameters have the same name in {list(parameters)}: rename a layer.")
        check_same_kind(parameters)
        layer_of = {"input": None} | dict(opened)
        self._set(_steps=(("input", None), *steps), _layer_of=layer_of, _parameters=parameters)
        if self.target_layer is not None:
            self.position_of(self.target_layer)

    def __getitem__(self, name: Any) -> Layer:
        """Return the layer of that name, or the one at that position in ``layers``."""
        position = as_position(name)
        if position is not None:
            if not -len(self) <= position < len(self):
                raise IndexError(f"the network has {len(self)} layers, none at {briefly(position)}.")
            return self.layers[position][1]
        if isinstance(name, slice):
            raise TypeError("a slice of a network is no layer: network.split(name) cuts it in two.")
        if self.position_of(name) == 0:
            raise ValueError("'input' is what goes into the network, not a layer.")
        return self._layer_of[name]

    def __contains__(self, name: object) -> bool:
        """Whether it has a layer of that name."""
        if not isinstance(name, str):
            raise TypeError(f"network holds names of layers, not {type(name).__name__}: its layers are network.layers.")
        return name != "input" and name in self._layer_of

    def __iter__(self) -> Iterator[Layer]:
        return iter([layer for _, layer in self.layers])

    def __len__(self) -> int:
        return len(self.layers)

    def __bool__(self) -> bool:
        return True

    @property
    def runs(self) -> Sequence[tuple[str, Layer]]:
        return self.layers

    @property
    def row(self) -> list[tuple[str, Layer]]:
        """The layers in order, with the layers of a network among them in its place: ``"block.conv"``."""
        return [(name, layer) for name, layer in self._steps if layer is not None]

    @property
    def parameters(self) -> dict[str, Array]:
        """All parameters, by the name of the layer and their own: ``"conv.weight"``."""
        return dict(self._parameters)

    def _arrays(self) -> dict[str, Array]:
        return self._parameters

    def _own_fields(self) -> dict[str, Any]:
        """Return the fields that a class derived from this one has added."""
        return {name: value for name, value in vars(self).items() if name not in Network.__dataclass_fields__}

    def _kept(self) -> dict[str, Any]:
        return self._own_fields() | dict(self.layers)

    def _fields_with(self, parameters: Mapping[str, Array]) -> dict[str, Any]:
        changed = super()._fields_with(parameters)
        return {"layers": [(name, changed.pop(name, layer)) for name, layer in self.layers]} | changed

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters; float64 if there are none."""
        return np.result_type(*self._parameters.values()) if self._parameters else np.dtype(np.float64)

    def output_shape(self, input_shape: Shape) -> Shape:
        *_, shape = self.shapes(input_shape).values()
        return shape

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of all activations for an x of this shape, by name.

        Parameters
        ----------
        input_shape : tuple of int
            With the axis of the batch: (N, C, H, W).

        Returns
        -------
        dict of str to tuple of int

        Raises
        ------
        TypeError, ValueError
            If it is no shape, or x does not fit a layer.
        """
        shapes = {}
        for name, layer in self._steps:
            try:
                input_shape = input_shape if layer is None else layer.output_shape(input_shape)
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {error}") from None
            if type(input_shape) is not tuple or not _INTS.issuperset(map(type, input_shape)):
                what = "input_shape must be" if name == "input" else f"layer {name!r}: output_shape must return"
                raise TypeError(f"{what} a tuple of ints, got {briefly(input_shape)}.")
            shapes[name] = input_shape
        return shapes

    def forward(self, x: ArrayLike) -> Array:
        y = self._admitted(x)
        for name, layer in self.row:
            y = forward_of(name, layer, y)
        if y.dtype == object:  # a layer of the user's own may have made floats of Fractions: the dtype does not show it
            as_array("the network's output", y)
        return y

    def activations(self, x: ArrayLike, since: str = "input") -> dict[str, Array]:
        """Return the outputs of all layers by name, in order, with x itself as "input".

        Parameters
        ----------
        x : array
            What goes in: images, or whatever the first layer takes. Integers are converted.
        since : str, default "input"
            The first activation to keep, read-only. Those before it are computed and dropped.

        Returns
        -------
        dict of str to array

        Raises
        ------
        TypeError, ValueError
            If x has the wrong type or shape, or there is no layer of that name.
        """
        check_network(self)
        return self.activations_of(self._admitted(x), since)

    def activations_of(self, x: Array, since: str = "input") -> dict[str, Array]:
        """Do the same as :meth:`activations`, without checks."""
        first = self.position_of(since)
        for name, layer in self._steps[: first + 1]:
            x = forward_of(name, layer, x)
        kept = {since: read_only_view(x)}  # it may be the caller's own array
        x = kept[since]
        for name, layer in self._steps[first + 1 :]:
            x = kept[name] = forward_of(name, layer, x)
        return kept

    def backward(self, grad_output: Array, x: ArrayLike) -> Array:
        return self.gradients(self.activations_of(self._admitted(x)), grad_output)["input"]

    def gradients(self, activations: dict[str, Array], grad_output: Array, to: str = "input") -> dict[str, Array]:
        """Return ds/d(activation) by name, from the output down to the activation ``to``, both included.

        Parameters
        ----------
        activations : dict
            What :meth:`activations` returned, at least from ``to`` on.
        grad_output : array
            ds/dy, in the shape of the network's output y.
        to : str, default "input"
            Where to stop: nothing below it is computed.

        Returns
        -------
        dict of str to array

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or shape, activations are missing, or there is no layer of that name.
        """
        first = self.position_of(to)
        if not isinstance(activations, Mapping):
            came = type(activations).__name__
            raise TypeError(f"activations must be the dict that network.activations(x) returns, got {came}.")
        missing = [name for name, _ in self._steps[first:] if name not in activations]
        if missing:
            raise ValueError(f"activations must hold all that network.activations(x) returns; missing: {missing}.")
        last = self._steps[-1][0]
        gradients = {last: as_grad_output(grad_output, activations[last])}
        for (below, _), (name, layer) in reversed([*pairwise(self._steps[first:])]):
            gradients[below] = backward_of(name, layer, gradients[name], activations[below])
        return gradients

    def parameter_gradients(
        self, grad_output: Array, x: ArrayLike, activations: dict[str, Array] | None = None
    ) -> dict[str, Array]:
        """Return ds/dp for every parameter p by name: ``"conv.weight"``. Given activations are not computed again."""
        activations = self.activations_of(self._admitted(x)) if activations is None else activations
        first = self._steps[1][0] if len(self._steps) > 1 else "input"
        gradients = self.gradients(activations, grad_output, to=first)  # the gradient of x itself is not needed
        return {
            f"{name}.{key}": value
            for (below, _), (name, layer) in pairwise(self._steps)
            if layer is not None
            for key, value in layer.parameter_gradients(
                *map(read_only_view, (gradients[name], activations[below]))
            ).items()
        }

    def split(self, name: str) -> tuple[Self, Self]:
        """Return two networks (features, head) with head(features(x)) = network(x).

        ``features`` ends with the layer of that name. With "input", ``features`` is empty. With the last layer,
        ``head`` is empty. If the layer lies inside of a network among the layers, both parts have the opened layers,
        such as ``"block.conv"``.

        Parameters
        ----------
        name : str
            The last layer of ``features``, or "input".

        Returns
        -------
        (Network, Network)

        Raises
        ------
        TypeError, ValueError
            If there is no layer of that name, or it lies inside of a :class:`numpycam.Residual`.
        """
        check_network(self)
        position = self.position_of(name)
        own = ["input", *dict(self.layers)]
        if name in own:
            layers, cut = self.layers, own.index(name)
        else:
            layers, before = self.row, self._steps[: position + 1]
            cut = sum(layer is not None for _, layer in before)
        features, head = (replace(self, layers=part, target_layer=None) for part in (layers[:cut], layers[cut:]))
        return features, head

    def __repr__(self) -> str:
        rows = "".join(f"({name!r}, {layer!r}),\n" for name, layer in self.layers).replace("\n", "\n    ").rstrip(" ")
        target = "" if self.target_layer is None else f", target_layer={self.target_layer!r}"
        return f"{type(self).__name__}([\n    {rows}]{target})" if rows else f"{type(self).__name__}([]{target})"

    def position_of(self, name: str) -> int:
        """Return the position of the activation of that name: 0 for "input"; raise ValueError if there is none."""
        names = [*self._layer_of]
        if not isinstance(name, str) or name not in names:
            block = next((own for own, layer in self.row if layer.ways and str(name).startswith(f"{own}.")), None)
            if block is not None:
                raise ValueError(
                    f"layer {name!r} is inside of {block!r}, whose other way goes past it: there the network cannot be "
                    f"cut. Only all ways together are complete, g ⊙ body(x) + g ⊙ shortcut(x) = g ⊙ y: pass {block!r}."
                )
            only = ", ".join(map(repr, names))
            raise ValueError(f"the network has no layer {briefly(name)}, only {only}.{did_you_mean(name, names)}")
        return names.index(name)

    def _admitted(self, x: ArrayLike) -> Array:
        x = as_array("x", x, dtype=self.dtype, check_finite=False)
        self.check(x)
        return x


def _opened(layers: Sequence[tuple[str, Layer]], prefix: str = "", depth: int = 0) -> list[tuple[str, Layer]]:
    """Return all layers with their names, and the layers inside of a network before itself."""
    if depth > _DEEPEST:
        raise ValueError(f"networks must be nested at most {_DEEPEST} deep.")
    opened = []
    for name, layer in layers:
        if layer.runs is not None:
            opened += _opened(layer.runs, f"{prefix}{name}.", depth + 1)
        opened.append((f"{prefix}{name}", layer))
    return opened


def check_network(network: object) -> None:
    """Raise TypeError unless it is a Network that runs its layers one after another, and nothing else."""
    if not isinstance(network, Network):
        fix = "; numpycam.interop.from_torch converts a module" if hasattr(network, "state_dict") else ""
        raise TypeError(f"network must be a numpycam Network, got {type(network).__name__}{fix}.")
    if network.runs is None:
        raise TypeError(
            f"network must run its layers and nothing else, but {type(network).__name__} has methods of its own for "
            "that: make it a layer of a Network, Network([('own', network)])."
        )
