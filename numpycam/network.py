"""A network: layers with names, one after another.

A :class:`Network` is itself a layer, with a forward and a backward pass. Beyond that it shows what
happens inside: ``activations`` are the outputs of all layers, ``gradients`` what comes back through
them, and ``split`` cuts the network in two at the layer that one wants to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.layers import Layer
from numpycam.validation import Array, Shape, as_array, as_grad_output, check_same_kind, position_of

if TYPE_CHECKING:
    from numpycam.summary import Summary


@dataclass(frozen=True, eq=False, repr=False)
class Network(Layer):
    """y = layer_n(… layer_2(layer_1(x))).

    Parameters
    ----------
    layers : sequence of (name, layer)
        Names are distinct; "input" is taken by x itself. An empty network returns its input.
    target_layer : str, optional
        The layer that Grad-CAM looks at unless told otherwise.

    Notes
    -----
    Integers are converted to the dtype of the network's parameters. NaN and infinity pass and are seen in the result;
    it is ``grad_cam`` that refuses them.

    Examples
    --------
    >>> from numpycam import Linear, ReLU
    >>> network = Network([("hidden", Linear([[1, 2], [3, -4]])), ("relu", ReLU())])
    >>> network.activations([[1, 1]])
    {'input': array([[1., 1.]]), 'hidden': array([[ 3., -1.]]), 'relu': array([[3., 0.]])}
    """

    layers: Sequence[tuple[str, Layer]]
    target_layer: str | None = None
    _names: tuple[str, ...] = field(init=False)  # these two follow from the layers
    _parameters: dict[str, Array] = field(init=False)

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        for pair in layers:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"layers must be pairs (name, layer), got {pair!r}.")
            name, layer = pair
            if not isinstance(name, str) or name in ("", "input"):
                raise ValueError(f"a layer's name must be a non-empty string other than 'input', got {name!r}.")
            if not isinstance(layer, Layer):
                raise TypeError(f"layer {name!r} must be a numpycam Layer such as ReLU(), got {layer!r}.")
        names = (
            "input",
            *(name for name, _ in layers),
        )  # of activations: that of a layer's input stands before its own
        if len({*names}) < len(names):
            raise ValueError(f"the names of the layers must be distinct, got {[*names[1:]]}.")
        own = [(f"{name}.{key}", value) for name, layer in layers for key, value in layer.parameters.items()]
        parameters = dict(own)
        if len(parameters) < len(own):
            raise ValueError(f"two parameters have the same name in {list(parameters)}: rename a layer.")
        check_same_kind(parameters)
        self._set(layers=layers, _names=names, _parameters=parameters)
        if self.target_layer is not None:
            self._position(self.target_layer)

    def __getitem__(self, name: str) -> Layer:
        """Return the layer of that name."""
        return self.layers[self._position(name) - 1][1]

    @property
    def parameters(self) -> dict[str, Array]:
        """All parameters, by the name of the layer and their own: ``"conv.weight"``."""
        return dict(self._parameters)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters; float64 if there are none."""
        return np.result_type(*self._parameters.values()) if self._parameters else np.dtype(np.float64)

    def output_shape(self, input_shape: Shape) -> Shape:
        for name, layer in self.layers:
            try:
                input_shape = layer.output_shape(input_shape)
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {error}") from None
        return input_shape

    def forward(self, x: ArrayLike) -> Array:
        y = self._admit(x)
        for _, layer in self.layers:
            y = layer.forward(y)
        return y

    def activations(self, x: ArrayLike) -> dict[str, Array]:
        """Return the outputs of all layers by name, from the first on, with x itself before them as "input"."""
        y = self._admit(x)
        steps = {"input": y}
        for name, layer in self.layers:
            y = steps[name] = layer.forward(y)
        return steps

    def backward(self, grad_output: Array, x: ArrayLike) -> Array:
        return self.gradients(self.activations(x), grad_output)["input"]

    def gradients(self, activations: dict[str, Array], grad_output: Array, to: str = "input") -> dict[str, Array]:
        """Return ds/d(activation) by name, from the output down to the activation ``to``, both included.

        Parameters
        ----------
        activations : dict
            What :meth:`activations` returned.
        grad_output : array
            ds/dy, in the shape of the network's output y.
        to : str, default "input"
            Where to stop: nothing below it is computed.
        """
        missing = [name for name in self._names[self._position(to) :] if name not in activations]
        if missing:
            raise ValueError(f"activations must hold all that network.activations(x) returns; missing: {missing}.")
        grad_output = as_grad_output(grad_output, activations[self._names[-1]])
        grads = {self._names[-1]: grad_output}
        layers_and_inputs = list(zip(self.layers, self._names[:-1], strict=True))  # and what its input is called
        for (_, layer), name in reversed(layers_and_inputs[self._position(to) :]):
            grad_output = grads[name] = layer.backward(grad_output, activations[name])
        return grads

    def parameter_gradients(
        self, grad_output: Array, x: ArrayLike, activations: dict[str, Array] | None = None
    ) -> dict[str, Array]:
        """Return ds/dp for every parameter p by name: ``"conv.weight"``. Given activations are not computed again."""
        activations = self.activations(x) if activations is None else activations
        first = self.layers[0][0] if self.layers else "input"
        grads = self.gradients(activations, grad_output, to=first)  # the gradient of x itself is not needed
        return {
            f"{name}.{parameter}": value
            for (name, layer), input_name in zip(self.layers, self._names[:-1], strict=True)
            for parameter, value in layer.parameter_gradients(grads[name], activations[input_name]).items()
        }

    def split(self, name: str) -> tuple["Network", "Network"]:
        """Return two networks (features, head) with head(features(x)) = network(x).

        ``features`` ends with the layer of that name; with "input" it is empty, with the last layer the head is.
        """
        cut = self._position(name)
        features, head = self.layers[:cut], self.layers[cut:]
        return Network(features), Network(head)

    def _replaced(self, parameters: Mapping[str, Array]) -> "Network":
        layers = []
        for name, layer in self.layers:
            own = {key: parameters[f"{name}.{key}"] for key in layer.parameters if f"{name}.{key}" in parameters}
            layers.append((name, layer.with_parameters(own) if own else layer))  # what is not named stays, NaN and all
        return replace(self, layers=layers)

    def summary(self, input_shape: Shape) -> "Summary":
        """Return a table of layers, output shapes, parameters and multiply-adds.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of one image, (C, H, W); all shapes and counts of the table are for one image.
        """
        from numpycam.summary import Summary

        return Summary.of(self, input_shape)

    def save(self, path: "str | PathLike[str]") -> None:
        """Write the network to a file, a .npz without pickle: see :func:`numpycam.storage.save`."""
        from numpycam.storage import save

        save(self, path)

    @staticmethod
    def load(path: "str | PathLike[str]") -> "Network":
        """Read a network from a file that :meth:`save` wrote: see :func:`numpycam.storage.load`."""
        from numpycam.storage import load

        return load(path)

    def __repr__(self) -> str:
        rows = "".join(f"    ({name!r}, {layer!r}),\n" for name, layer in self.layers)
        target = "" if self.target_layer is None else f", target_layer={self.target_layer!r}"
        return f"Network([\n{rows}]{target})"

    def _admit(self, x: ArrayLike) -> Array:
        x = as_array("x", x, dtype=self.dtype, check_finite=False)
        self.check(x)
        return x

    def _position(self, name: str) -> int:
        """Return how many layers it takes to compute the activation of that name."""
        return position_of(name, [*self._names])


def check_network(network: object) -> None:
    """Raise TypeError unless it is a Network."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a numpycam Network, got {type(network).__name__}.")
