"""The base of all layers: what every layer can do, and what others ask it about itself.

No method looks at the class of a layer. It asks the layer: are you affine, of which values do you take the maximum,
what does a cell of you see? A layer that does not say answers None. A method that needs the answer then refuses the
layer by its name. So a layer of your own is never taken for what it is not.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from numpycam.core.arguments import check_same_kind, check_shape
from numpycam.core.arrays import Array, Shape, Value
from numpycam.core.contents import holds
from numpycam.core.window import Window

_NOT_GIVEN = object()  # None is a mistake: a layer whose backward pass returns nothing makes one


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Value, ABC):
    """What every layer can do.

    To write a layer of your own, derive a frozen dataclass from this one and give it ``output_shape``, ``forward`` and
    ``backward``. That is enough for a :class:`Network` and for Grad-CAM. Its parameters are its fields that are arrays.
    To train them, give it ``parameter_gradients``, too.

    A layer takes arrays of floats or of Fractions. It looks at the dtype and the shape, not at the elements.
    :class:`Network` converts integers and checks that an object array holds Fractions only.

    ``is_rectifier``, ``is_convolution``, ``runs``, ``ways``, ``affine``, ``rivals`` and ``sees`` are questions. None
    means unknown. Methods such as FullGrad ask them, and a layer of your own may answer them. A subclass that computes
    something different from its base inherits neither the answers nor the ``parameter_gradients`` of its base. Only a
    True is inherited: a subclass of ReLU is a rectifier, a subclass of Conv2d is a convolution.

    Examples
    --------
    >>> @dataclass(frozen=True, eq=False, repr=False)
    ... class Scale(Layer):
    ...     '''y = factor · x, with one factor for each channel.'''
    ...
    ...     factor: np.ndarray  # (C, 1, 1)
    ...
    ...     def output_shape(self, input_shape):
    ...         return input_shape
    ...
    ...     def forward(self, x):  # (N, C, H, W) -> (N, C, H, W)
    ...         return self.factor * x
    ...
    ...     def backward(self, grad_output, x):
    ...         return self.factor * grad_output
    ...
    ...     def parameter_gradients(self, grad_output, x):
    ...         return {"factor": (grad_output * x).sum(axis=(0, 2, 3))[:, None, None]}
    ...
    ...     is_rectifier = False
    ...
    ...     def affine(self, input_shape):
    ...         return Affine(Scale(abs(self.factor)), offset=None, summands=1)
    >>> Scale(np.array([[[2.0]]])).forward(np.array([[[[1.0, -3.0]]]]))
    array([[[[ 2., -6.]]]])
    """

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of ``forward(x)`` for an x of this shape; raise ValueError if x does not fit."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """Return y = layer(x)."""

    @abstractmethod
    def backward(self, grad_output: Array, x: Array) -> Array:
        """Return ds/dx for the input x, given grad_output = ds/dy."""

    def parameter_gradients(self, grad_output: Array, x: Array) -> dict[str, Array]:
        """Return ds/dp for every parameter p, by name. Grad-CAM never needs it; training does."""
        self.check(x, grad_output)
        return {}

    @property
    def parameters(self) -> dict[str, Array]:
        """The layer's arrays by name, and those of the layers in its fields or that it runs: ``"field.weight"``."""
        found: dict[str, Array] = {}
        for name, value in self._kept().items():
            if isinstance(value, np.ndarray):
                found[name] = value
            elif isinstance(value, Layer):
                found |= {f"{name}.{key}": array for key, array in value.parameters.items()}
        return found

    def _kept(self) -> dict[str, Any]:
        """Return where parameters can be, by name: its fields, or the layers that it runs."""
        return vars(self) if self.runs is None else dict(self.runs)

    def _arrays(self) -> dict[str, Array]:
        """Return the arrays that must be of the same kind as what goes in."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def with_parameters(self, parameters: Mapping[str, Array]) -> Self:
        """Return the same layer with these parameters, by name. It is made anew, so its fields are checked again.

        Parameters
        ----------
        parameters : dict of str to array
            All others stay as they are.

        Returns
        -------
        Layer

        Raises
        ------
        TypeError, ValueError
            If there is no parameter of that name, or it has another shape.
        """
        own = self.parameters
        if not isinstance(parameters, Mapping):
            raise TypeError(f"parameters must be a dict of arrays by name, got {type(parameters).__name__}.")
        for name, value in parameters.items():
            if name not in own:
                raise ValueError(f"there is no parameter {name!r}, only {', '.join(map(repr, own)) or 'none'}.")
            check_shape(name, np.asarray(value), own[name].shape)
        return replace(self, **self._fields_with(parameters))

    def _fields_with(self, parameters: Mapping[str, Array]) -> dict[str, Any]:
        """Return the fields that hold these parameters, by name. All other layers stay the same objects."""
        changed: dict[str, Any] = {}
        for name, value in self._kept().items():
            if name in parameters:
                changed[name] = parameters[name]
            elif isinstance(value, Layer):
                own = {key: parameters[f"{name}.{key}"] for key in value.parameters if f"{name}.{key}" in parameters}
                changed |= {name: value.with_parameters(own)} if own else {}
        return changed

    def __call__(self, x: Array) -> Array:
        """Return y = layer(x), as ``forward`` does."""
        return self.forward(x)

    def check(self, x: Array, grad_output: Any = _NOT_GIVEN) -> Shape:
        """Return the output's shape, after checking that the arrays fit the layer and one another."""
        given = {"x": x} if grad_output is _NOT_GIVEN else {"grad_output": grad_output, "x": x}
        check_same_kind(given | self._arrays())
        shape = self.output_shape(x.shape)
        if grad_output is not _NOT_GIVEN:
            check_shape("grad_output", grad_output, shape)
        return shape

    @property
    def hides_parameters(self) -> bool:
        """Whether it keeps arrays or layers in a list or the like, where ``parameters`` does not see them."""
        return any(
            value.hides_parameters if isinstance(value, Layer) else holds(value, (Layer, np.ndarray), {id(self): self})
            for value in self._kept().values()
        )

    is_rectifier: ClassVar[bool | None] = None
    """Whether guided backpropagation sets the negative gradients that reach this layer to 0."""

    @property
    def is_convolution(self) -> bool | None:
        """Whether the outputs are the feature maps of a convolution; None if one may be hidden inside."""
        return None if self.hides_parameters or any(array.ndim == 4 for array in self.parameters.values()) else False

    @property
    def runs(self) -> "Sequence[tuple[str, Layer]] | None":
        """The named layers that it runs, one after another and nothing else; None if it does not do just that."""
        return None

    @property
    def ways(self) -> "Mapping[str, Any] | None":
        """The networks whose outputs it adds up, by the names of its fields; None if it does not do just that."""
        return None

    def affine(self, input_shape: Shape) -> "Affine | None":
        """If y = M x + b, with fixed M and b: its parts. Else None."""
        return None

    def rivals(self, x: Array) -> Array | None:  # (N, ...) -> (rivals, N, ...)
        """If each output is the maximum of some values that are linear in x: these values. Else None."""
        return None

    def sees(self) -> Window | None:
        """Return the window of input cells that an output cell sees, if there is one."""
        return None

    def __init_subclass__(cls, **options: Any) -> None:
        """Forget the answers of a base that computes something different."""
        super().__init_subclass__(**options)
        if vars(cls).get("__slots__"):
            raise TypeError(f"{cls.__name__} must have no slots: a layer's parameters are looked up in its __dict__.")
        for question in _NOT_INHERITED:
            base = next(one for one in cls.__mro__ if question in vars(one))
            if base is Layer or getattr(cls, question) is True:
                continue
            above = cls.__mro__[1 : cls.__mro__.index(base) + 1]  # what base leaves open, one of these may fill in
            changed = {
                name for one in above for name in dir(base) if _is_method(one, name) and _differs(cls, one, name)
            }
            if question == "parameter_gradients":  # it is the derivative of the forward pass alone
                changed -= {"backward"}
            if changed:
                setattr(cls, question, vars(Layer)[question])

    def __repr__(self) -> str:
        """Return the arguments that differ from their defaults, arrays by their shape."""

        def brief(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return value.shape
            return value[0] if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] else value

        shown = [(field.name, brief(getattr(self, field.name)), field.default) for field in fields(self) if field.init]
        arguments = ", ".join(f"{name}={value}" for name, value, default in shown if value != default)
        return f"{type(self).__name__}({arguments})"

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen from here on


class Affine(NamedTuple):
    """A layer y = M x + b, taken apart.

    Attributes
    ----------
    absolute : Layer
        The layer with |M| in the place of M, and without b.
    offset : array or None
        b, in a shape that can be added to y: (O, 1, 1) for maps, (O,) for rows of numbers. None if there is no b.
    summands : int
        How many products make one number of M x.
    """

    absolute: Layer
    offset: Array | None
    summands: int


_NOT_INHERITED = ("is_rectifier", "is_convolution", "runs", "ways", "affine", "rivals", "sees", "parameter_gradients")


def _is_method(base: type, name: str) -> bool:
    """Whether a class has a method of that name that computes something: no answer, and none that is abstract."""
    value = getattr(base, name, None)
    is_there = callable(value) or isinstance(value, property)
    is_abstract = getattr(value, "__isabstractmethod__", False)
    return is_there and not is_abstract and name not in _NOT_INHERITED and not name.startswith("__")


def _differs(derived: type, base: type, name: str) -> bool:
    return getattr(derived, name, None) is not getattr(base, name)
