"""A book of laws: what an operation takes and returns, its definition, its laws, conventions and known mistakes.

The equation is the checker. A law returns the two sides of its text, and the sign between them in the text compares
them. What a law needs, it names as parameters: arrays of the case (``x``, ``weight``, ``u``), options (``stride``),
functions under test (``forward``) and what they return (``y``, ``dx``). Outside of its hypotheses a law returns None.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

from numpycam.core.arrays import Array

Kind = str
KINDS = ("integers", "fractions", "floats")
"""The numbers that a case can have: whole numbers in float64, Fractions, and floats with all their digits."""

REQUIRED = object()
"""In the place of a default: every function under test must have this option."""


class Option(NamedTuple):
    """An option of a function: how people spell it (ours first), and what leaving it out means.

    A default that is the name of another option means: the same as that.
    """

    spellings: tuple[str, ...]
    default: Any = REQUIRED
    is_pair: bool = False  # whether it is (height, width) even where both are equal

    def words(self, names: Container[str]) -> tuple[str, ...]:
        """Return the one of the names that is this option, or the two for its height and width, or nothing."""
        pairs = (
            tuple(f"{word}{end}" for end in ends)
            for word in self.spellings
            for ends in (("_h", "_w"), ("_height", "_width"))
        )
        ones = ((word,) for word in self.spellings)
        return next((words for words in (*ones, *pairs) if all(word in names for word in words)), ())


SPELLINGS: dict[str, tuple[str, ...]] = {
    "x": ("X", "input", "inputs", "image", "images", "img", "A_prev", "z", "Z"),
    "weight": ("w", "W", "weights", "kernel", "kernels", "filter", "filters"),
    "bias": ("b", "biases"),
    "grad_output": (
        *("dout", "dy", "dY", "dz", "dZ", "dA", "u", "upstream", "delta", "d_out", "dL_dout", "dL_dy"),
        *("grad", "grad_out", "grad_y", "upstream_grad", "upstream_gradient"),
    ),
    "y": ("Y", "out", "output"),
    "dx": ("dX", "dA_prev"),
    "dw": ("dW", "dweight", "dweights", "grad_w", "grad_weight"),
    "db": ("dbias", "grad_b", "grad_bias"),
    "scores": ("logits", "x", "z", "s"),
    "labels": ("y", "t", "targets", "target", "label"),
    "dscores": ("dx", "dz", "dlogits"),
    "A": (
        *("a", "activations", "activation", "feature_maps", "features", "maps", "fmaps", "conv_output", "conv_outputs"),
        *("output", "outputs", "target", "last_conv_layer_output"),
    ),
    "g": ("G", "gradients", "gradient", "grads", "grads_val", "grad", "dA"),
    "heat": ("heatmap", "cam", "mask", "map"),
    "image": ("img", "picture", "x"),
}
"""How people spell the names of arrays, beside our own."""


def our_name(word: str, arrays: Iterable[str]) -> str | None:
    """Return which of the arrays is meant by a word, or None."""
    known = [*arrays]
    return word if word in known else next((name for name in known if word in SPELLINGS.get(name, ())), None)


Functions = Mapping[str, Callable[..., Any]]


class Signature(NamedTuple):
    """What a function under test takes, in order, and what it returns."""

    takes: tuple[str, ...]
    returns: tuple[str, ...]
    may_lack: tuple[str, ...] = ()  # of what it takes


class Law(NamedTuple):
    """An equation or inequality that holds for all inputs within its hypotheses."""

    id: str
    text: str  # "left = right", or "left ≤ right"
    sides: Callable[..., Any]
    about: str  # the output that it says something about
    where: str = ""  # its hypotheses, and what it settles
    kinds: tuple[Kind, ...] = KINDS
    multilinear: bool = False  # whether both sides are linear in each array: all unit arrays decide it then

    @property
    def needs(self) -> Sequence[str]:
        """What it names as parameters."""
        return _parameters_of(self.sides)

    @property
    def sign(self) -> str:
        """The sign between its sides."""
        return "≤" if " ≤ " in self.text else "="

    @property
    def labels(self) -> list[str]:
        """What stands on its two sides of the first sign that is not inside of parentheses."""
        parts = self.text.split(f" {self.sign} ")
        for n in range(1, len(parts)):
            left = f" {self.sign} ".join(parts[:n])
            if left.count("(") == left.count(")"):
                return [left, f" {self.sign} ".join(parts[n:])]
        return parts


class Told(tuple[Any, Any]):
    """The two sides of a law that knows more about a case: the function, what it is about, and how it was called.

    A law may return it in the place of a plain pair.
    """

    def __new__(cls, lhs: Any, rhs: Any, **more: Any) -> "Told":
        """Return the pair."""
        told = super().__new__(cls, (lhs, rhs))
        told.more = more
        return told

    more: Mapping[str, Any]


class Convention(NamedTuple):
    """A choice in which good implementations differ. It is recognised and named; no choice is wrong."""

    id: str
    question: str
    about: str
    ask: Callable[..., Any]  # what the function under test answers
    answers: Mapping[str, Any]  # what each choice answers


class Mistake(NamedTuple):
    """A mistake that people make, as functions that make it."""

    id: str
    about: str  # the first output that is wrong; "" if no output shows it, as where an argument is written to
    hint: str  # the sentence that would have helped
    functions: Functions  # in the place of the right ones


def _always(**arrays: Any) -> bool:
    return True


@dataclass(frozen=True)
class Book:
    """All that is known about an operation.

    Attributes
    ----------
    name : str
    signatures : dict
        What each function under test takes and returns.
    reference : dict
        The right functions: the loops that define them.
    choices : dict
        What a case can be like: for each property its values, the simplest first.
    make : callable
        ``make(setting, numbers) -> (arrays, options)``, or None if nothing fits the setting.
    options : dict
        The options of the functions.
    axes : dict
        The axes of the arrays whose order differs between implementations, a letter each: ``{"x": "NCHW"}``.
    fits : callable
        ``fits(**arrays)``: whether the operation is defined on these arrays, and no convention decides.
    traits : dict
        What to say about where a function is wrong: for each phrase, a question to a case.
    measures : dict
        The numbers by which an output may be wrong as a factor: for each phrase, a size of a case.
    """

    name: str
    signatures: dict[str, Signature]
    reference: Functions
    choices: Mapping[str, Sequence[Any]]
    make: Callable[..., tuple[dict[str, Any], dict[str, Any]] | None]
    options: Mapping[str, Option] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, Callable[..., bool]] = field(default_factory=dict)
    measures: Mapping[str, Callable[..., int]] = field(default_factory=dict)
    fits: Callable[..., bool] = _always
    large: Sequence[dict[str, Any]] = ()
    right_everywhere: bool = True  # whether the reference says what is right for whatever is verified
    reach: int = 2  # how many properties of a case may be unusual at once
    proof_reach: int = 2  # and in a proof
    laws: list[Law] = field(default_factory=list)
    conventions: list[Convention] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def law(self, id: str, text: str, about: str, where: str = "", **more: Any) -> Callable[..., Any]:
        """Return a decorator that writes a function into the book as a law."""

        def write(sides: Callable[..., Any]) -> Callable[..., Any]:
            self.laws.append(Law(id, text, sides, about, where, **more))
            return sides

        return write

    def mistake(self, id: str, about: str, hint: str, **functions: Callable[..., Any]) -> None:
        """Write a known mistake into the book."""
        self.mistakes.append(Mistake(id, about, hint, functions))

    def convention(self, id: str, question: str, about: str, answers: Mapping[str, Any]) -> Callable[..., Any]:
        """Return a decorator that writes a question into the book, with the answers that are known."""

        def write(ask: Callable[..., Any]) -> Callable[..., Any]:
            self.conventions.append(Convention(id, question, about, ask, answers))
            return ask

        return write

    @property
    def is_decided(self) -> bool:
        """Whether no convention decides on the arrays that fit."""
        return self.fits is not _always or not self.conventions

    def function_for(self, output: str) -> str:
        """Return the name of the function that returns an output."""
        return next(name for name, one in self.signatures.items() if output in one.returns)


@cache  # to look it up takes longer than most laws
def _parameters_of(function: Callable[..., Any]) -> Sequence[str]:
    return (*signature(function).parameters,)


def differ(a: Array) -> bool:
    """Whether no number of an array is zero, and no two are equal: where no convention decides."""
    return bool((a != 0).all()) and len({*a.ravel().tolist()}) == a.size


def dot(a: Array, b: Array) -> Any:
    """Return ⟨a, b⟩, the sum of all products. Laws that fix a backward pass are made of it."""
    return (a * b).sum()
