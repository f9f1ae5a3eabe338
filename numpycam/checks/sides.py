"""The two sides of an equation that a backward pass must keep, as the checks of notebook 03 show them."""

from collections.abc import Callable
from typing import Any

from numpycam.checks.compare import Inputs
from numpycam.core.arrays import Array


def inner(a: Array, b: Array) -> Any:
    """Return <a, b>: multiply number by number, and add up."""
    return (a * b).sum()


def adjoint_law(slot: str, name: str, forward: Callable[..., Array]) -> Callable[[Array, Inputs], str]:
    """Return a function that shows both sides of <f(x), u> = <slot, name> in a sentence, or "" if they are equal."""

    def law(given: Array, inputs: Inputs) -> str:
        if given.shape != inputs[slot].shape:
            return ""
        left, right = inner(forward(*inputs.values()), inputs["u"]), inner(inputs[slot], given)
        sides = {"<f(x), u>": left, f"<{slot}, {name}>": right}
        return "" if left == right else f"The adjoint identity fails: {unequal(sides)}."

    return law


def are_equal(sides: dict[str, Any]) -> bool:
    """Whether the two sides of an equation are equal."""
    left, right = sides.values()
    return bool(left == right)


def unequal(sides: dict[str, Any]) -> str:
    """Return both sides in words: ``<f(x), u> = 1, but <x, dx> = 2``."""
    return ", but ".join(f"{what} = {value}" for what, value in sides.items())
