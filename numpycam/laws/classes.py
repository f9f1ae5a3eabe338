"""Layers that are written as classes, as functions: made of its parameters, run forward, then backward.

Many courses write a layer as a class. Its parameters are given to ``__init__``, ``forward(x)`` keeps what
``backward(dout)`` needs, and the gradients of the parameters are attributes afterwards, such as ``layer.dW``. Each call
makes a layer of its own here, so nothing is kept between two of them.
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from typing import Any

from numpycam.laws.book import SPELLINGS, Book


def passes_of(layer: Callable[..., Any], book: Book) -> Mapping[str, Callable[..., Any]]:
    """Return the forward and the backward pass of a class, by the names that the book has for them.

    Raises
    ------
    TypeError
        If the class has no method ``forward``, or the operation is not a layer.
    """
    if not (isinstance(layer, type) and callable(getattr(layer, "forward", None))):
        raise TypeError(f"layer must be a class with methods forward(x) and backward(grad_output), got {layer!r}.")
    if "backward" not in book.signatures:
        raise TypeError(f"laws.{book.name} takes no layer: it verifies {', '.join(book.signatures)}.")
    has = [name for name in ("forward", "backward") if callable(getattr(layer, name, None))]
    return {name: LayerPass(layer, name, book.signatures[name].returns) for name in has}


class LayerPass:
    """A pass of a layer as a function of what goes through, and of the parameters of the layer."""

    def __init__(self, layer: type, name: str, returns: Sequence[str]) -> None:
        self._layer, self.__name__, self._returns = layer, name, returns
        goes_through = {"forward": ["x"], "backward": ["grad_output", "x"]}[name]
        through = [Parameter(one, Parameter.POSITIONAL_OR_KEYWORD) for one in goes_through]
        self._count, self.__signature__ = len(through), Signature([*through, *signature(layer).parameters.values()])

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Make the layer, and return what the pass returns; backward returns the parameters' gradients, too."""
        made = self._layer(*given[self._count :], **options)
        if self.__name__ == "forward":
            return made.forward(given[0])
        made.forward(given[1])
        dx = made.backward(given[0])
        parameters = [getattr(made, self._attribute(name, made), None) for name in self._returns[1:]]
        return (dx, *parameters) if parameters else dx

    def _attribute(self, name: str, made: Any) -> str:
        return next((word for word in (name, *SPELLINGS.get(name, ())) if hasattr(made, word)), name)

    def spell(self, given: Sequence[str], options: Sequence[str], output: str) -> str:
        """Return the calls as Python: statements, and an expression that has the output."""
        made = f"{self._layer.__name__}({', '.join([*given[self._count :], *options])})"
        if self.__name__ == "forward":
            return f"{made}.forward({given[0]})"
        first = f"layer = {made}; layer.forward({given[1]})"
        if output not in self._returns[1:]:
            return f"{first}; layer.backward({given[0]})"
        words = (output, *SPELLINGS.get(output, ()))
        found = next((word for word in words if word in _assigned(self._layer)), output)
        return f"{first}; layer.backward({given[0]}); layer.{found}"


def _assigned(layer: type) -> set[str]:
    """Return the names that occur in the methods of a class."""
    functions = [function for one in layer.__mro__ for function in vars(one).values() if hasattr(function, "__code__")]
    return {name for function in functions for name in function.__code__.co_names}
