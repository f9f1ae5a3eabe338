"""What a network is for: what it was trained on, and which pictures it takes.

A network carries this with it, and a file stores it. ``numpycam explain`` then knows how to prepare a picture.

>>> from numpycam import Linear, Network
>>> about = About("Handwritten digits of MNIST.", mean=0.1307, std=0.3081, size=(28, 28), class_names=["zero", "one"])
>>> Network([("linear", Linear([[1, 2], [3, 4]]))], about=about).about
About('Handwritten digits of MNIST.', mean=0.1307, std=0.3081, size=(28, 28), class_names=('zero', 'one'))
>>> print(about)
Handwritten digits of MNIST.
It takes pictures of 28 × 28 pixels, normalised: (picture - 0.1307) / 0.3081.
Its classes: 0 zero, 1 one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpycam.core.arguments import as_array, as_list, as_pair, as_rounded, briefly, check_is

_MOST_NAMES = 10  # in print


@dataclass(frozen=True)
class About:
    """What a network is for.

    Parameters
    ----------
    text : str
        A sentence or two: what the network was trained on, and what it cannot know.
    mean, std : float or sequence of float, optional
        The network takes (picture - mean) / std, where the picture is in 0 … 1: one number, or one for each channel.
    size : int or (height, width), optional
        The size of the pictures that it was trained on.
    class_names : sequence of str
        The names of the classes, in the order of the scores.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or ``std`` is not greater than 0.
    """

    text: str = ""
    mean: Any = None  # once it is made: a tuple of floats
    std: Any = None
    size: Any = None  # once it is made: (height, width)
    class_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_is("about", self.text, str, "a text")
        names = as_list("class_names", self.class_names, "of texts")
        if not all(isinstance(one, str) for one in names):
            raise TypeError(f"class_names must be a sequence of texts, got {briefly(self.class_names)}.")
        values: dict[str, Any] = {"class_names": tuple(names)}
        values["size"] = None if self.size is None else as_pair("size", self.size, 1)
        for name in ("mean", "std"):
            given = getattr(self, name)
            values[name] = None if given is None else _numbers(name, given)
        if values["std"] and min(values["std"]) <= 0:
            raise ValueError(f"std must be greater than 0, got {self.std}.")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def normalised(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return (picture - mean) / std, what the network takes.

        Parameters
        ----------
        picture : array, shape (C, H, W) or (N, C, H, W)
            In 0 … 1.

        Raises
        ------
        ValueError
            If there are several means or stds, but not one for each channel.
        """
        x = as_array("picture", picture)
        for name in ("mean", "std"):
            numbers = getattr(self, name)
            if numbers is None:
                continue
            if len(numbers) not in (1, x.shape[-3]):
                raise ValueError(
                    f"{name} must be one number or {x.shape[-3]}, one for each channel, got {len(numbers)}."
                )
            value = np.reshape(numbers, (-1, 1, 1))
            x = x - value if name == "mean" else x / value
        return x

    @property
    def formula(self) -> str:
        """What :meth:`normalised` computes."""
        return f"(picture - {_brief(self.mean or (0,))}) / {_brief(self.std or (1,))}"

    def __bool__(self) -> bool:
        """Whether anything is told."""
        return self != About()

    def __repr__(self) -> str:
        """Return the arguments that differ from their defaults."""
        told = [repr(self.text)] if self.text else []
        told += [f"{name}={_brief(getattr(self, name))}" for name in ("mean", "std") if getattr(self, name)]
        told += [f"{name}={getattr(self, name)}" for name in ("size", "class_names") if getattr(self, name)]
        return f"About({', '.join(told)})"

    def __str__(self) -> str:
        """Return a line for each thing that is told."""
        from numpycam.text import printable, shortened

        lines = [*map(printable, self.text.splitlines())]
        takes = f" of {self.size[0]} × {self.size[1]} pixels" if self.size else ""
        takes += f", normalised: {self.formula}" if self.mean or self.std else ""
        lines += [f"It takes pictures{takes}."] if takes else []
        named = [f"{c} {shortened(printable(name), 40)}" for c, name in enumerate(self.class_names)]
        if len(named) > _MOST_NAMES:
            named = [*named[: _MOST_NAMES - 1], "…", named[-1]]
        if named:
            lines.append(f"Its classes: {', '.join(named)}.")
        return "\n".join(lines)


def _numbers(name: str, given: Any) -> tuple[float, ...]:
    numbers = as_rounded(name, given)
    if numbers.ndim > 1 or not numbers.size:
        raise ValueError(f"{name} must be a number, or one for each channel, got shape {numbers.shape}.")
    return tuple(np.atleast_1d(numbers).tolist())


def _brief(numbers: tuple[float, ...]) -> str:
    return f"{numbers[0]:g}" if len(numbers) == 1 else f"({', '.join(f'{x:g}' for x in numbers)})"
