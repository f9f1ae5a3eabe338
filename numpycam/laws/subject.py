"""The functions under test: called in their own way, and what they return in our names.

A subject is plain functions. Their arguments and options are found by name (``dout``, ``pad``, ``strides`` …), else by
place. What a subject does not have, such as a bias or a dilation, is not asked.
"""

import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arguments import check_one_of, did_you_mean
from numpycam.core.arrays import Array
from numpycam.laws.book import Book, Functions, our_name
from numpycam.laws.cases import Case, sweep
from numpycam.laws.classes import LayerPass
from numpycam.laws.layout import NoAxisError, check_layout, part, to_ours, to_theirs

_HABIT_OF = {"weight": "weights", "dw": "weights", "bias": "bias", "db": "bias"}
"""Which habit has the order of an array's axes; of all others, layout."""


class NotAskedError(Exception):
    """The functions under test have no such option, argument or output."""


class ReturnedError(TypeError):
    """What a function under test returns is not what it should return: None, or another number of things."""


@dataclass(frozen=True)
class Habits:
    """How the functions under test want to be called.

    Arguments whose names are known (``dout``, ``W``, ``gradients`` …) are given by these names, in any order. If a name
    is not known, they are given by place: say ``takes`` if the order is another one.

    Attributes
    ----------
    takes : str or dict, optional
        The arguments in order, of the backward pass if there is one: ``"grad_output x weight"``. A dict has the order
        for each function: ``{"forward": "weight x"}``.
    returns : str, optional
        What the backward pass returns, in order: ``"dx dw db"``.
    cache : bool
        Whether the forward pass returns (y, cache), and the backward pass takes (grad_output, cache).
    options : str, optional
        A dict that has the options, and its keys: ``"conv_param: stride pad"``.
    layout, weights, bias : str
        The order of the axes of images or maps, of weights and of a bias: "NHWC", "HWIO". "CHW" is one picture without
        a batch, "HW" has no channels either. A 1 is an axis of length 1: a bias of shape (1, 1, 1, O) is "111O".
        The letters are N pictures, C channels, H and W; K feature maps; O and I for outputs and inputs of weights;
        F features. The defaults stand for our own order, whatever the operation.
    limits : dict
        What the functions are not for. ``{"square": True}``: heights and widths differ nowhere. ``{"stride": 1}``: the
        option has this value. ``{"A": "not negative"}``: no number of the array A is negative.
    pairs : bool
        Whether options are pairs (height, width) even where both are equal. Else it is found out by calls.
    dtype : str
        In which precision the functions compute: "float64" or "float32". They get arrays of it, and bounds follow it.

    Examples
    --------
    Some courses return a cache, and have the options in a dict:

    >>> habits = {"cache": True, "options": "conv_param: stride pad"}

    Others have pictures with their channels last, and a bias with four axes:

    >>> habits = {"cache": True, "options": "hparameters: stride pad", "layout": "NHWC", "weights": "HWIO",
    ...           "bias": "111O"}

    Others have one column for each picture:

    >>> habits = {"layout": "FN", "bias": "O1"}
    """

    takes: str | Mapping[str, str] | None = None
    returns: str | None = None
    cache: bool = False
    options: str = ""
    layout: str = "NCHW"
    weights: str = "OIHW"
    bias: str = "O"
    limits: Mapping[str, Any] = field(default_factory=dict)
    pairs: bool = False
    dtype: str = "float64"

    @cached_property
    def bag(self) -> tuple[str, tuple[str, ...]]:
        """The name of the dict that has the options, and its keys; two times nothing if there is none."""
        name, _, keys = self.options.partition(":")
        return name.strip(), tuple(keys.split())


class Part:
    """One of the things that a function returns, as a function."""

    def __init__(self, function: Callable[..., Any], place: int) -> None:
        if not callable(function):
            raise TypeError(f"both must be a function, got {_kind(function)}. Pass it without calling it.")
        self._function, self._place = function, place
        name = getattr(function, "__name__", "both")
        self.__name__, self.__wrapped__ = name if name.isidentifier() else "both", function
        self.place = f"[{place}]"

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Return the part."""
        returned = self._function(*given, **options)
        if returned is None or not isinstance(returned, tuple | list) or len(returned) != 2:
            raise ReturnedError(f"{self.__name__} should return two things, but returned {_kind(returned)}.")
        return returned[self._place]


class Subject:
    """Functions under test, and the habits in which they are called."""

    @classmethod
    def right(cls, book: Book, **wrong: Callable[..., Any]) -> "Subject":
        """Return the book's own functions, or the same with some in their place."""
        return cls(book, {**book.reference, **wrong}, Habits(pairs=True))

    def __init__(self, book: Book, functions: Functions, habits: Habits | None = None) -> None:
        self.book, self.habits, self.functions = book, habits or Habits(), dict(functions)
        _check_functions(book, self.functions)
        check_one_of("dtype", self.habits.dtype, ("float64", "float32"))
        self._layouts = _layouts(book, self.habits)
        self._parameters = {name: self._parameters_of(name, given) for name, given in self.functions.items()}
        self._words = {(name, option): self._words_for(name, option) for name in functions for option in book.options}
        self._takes = {name: self._names_taken(name) for name in self.functions}
        self._returns = {name: self._names_returned(name) for name in self.functions}
        bag = self.habits.bag[0]
        if bag and not any(bag in one.names for one in self._parameters.values()):
            raise TypeError(f"options names the dict {bag!r}, which is no parameter of {', '.join(functions)}.")
        if self.habits.cache and "backward" in functions and "forward" not in functions:
            raise TypeError("cache=True needs forward=…, which makes the cache.")
        for name in functions:
            self._check_takes(name)
        self._forms: dict[tuple[str, str], str | None] = {}
        for name in functions:
            self._find_forms(name)

    @cached_property
    def right_ones(self) -> "Subject":
        """The right functions of the same names."""
        return Subject(self.book, {name: self.book.reference[name] for name in self.functions}, Habits(pairs=True))

    def name_of(self, function: str) -> str:
        """Return what a function is called where it was written, or what we call it if it has no name there."""
        name = getattr(self.functions[function], "__name__", function)
        return name if name.isidentifier() else function

    def word_for(self, name: str, functions: Sequence[str]) -> str:
        """Return what the first of the functions that takes an array calls it; "" if none has a name for it."""
        words = (
            dict(zip(self.takes(function), self._parameters[function].words, strict=False))
            for function in functions
            if function in self.functions
        )
        return next((one[name] for one in words if name in one), "")

    def orders(self) -> dict[str, str]:
        """Return the orders of axes in which the functions differ from ours: for each of ours, theirs."""
        return {own: theirs for own, theirs in self._layouts.values() if own != theirs}

    def knows_names_of(self, function: str) -> bool:
        """Return whether the arguments of a function are given by their names, or in an order that was said."""
        return bool(self._parameters[function].known or self.habits.takes or "cache" in self.takes(function))

    def returns(self, function: str) -> Sequence[str]:
        """Return the names of what a function returns, in order."""
        return self._returns[function]

    def takes(self, function: str) -> Sequence[str]:
        """Return the names of the arrays that a function takes, in order; "cache" is what the forward pass returned."""
        return self._takes[function]

    def _names_returned(self, function: str) -> Sequence[str]:
        outputs = self.book.signatures[function].returns
        if self.habits.returns and function == "backward":
            return _known("returns", self.habits.returns, outputs)
        return outputs

    def _names_taken(self, function: str) -> Sequence[str]:
        has, own = self._parameters[function], self.book.signatures[function]
        if function == "backward" and self.habits.cache:
            return "grad_output", "cache"
        said = self.habits.takes
        if isinstance(said, Mapping):
            said = said.get(function)
        elif function != "backward" and "backward" in self.book.signatures:
            said = None
        names = _known("takes", said, self._arrays(function)) if said else list(has.known or own.takes)
        return *names, *(name for name in own.may_lack if name not in names)

    def depends_on(self, function: str) -> Sequence[str]:
        """Return the names of the arrays that decide what a function returns."""
        has_cache = "cache" in self.takes(function)
        return self.book.signatures[function].takes if has_cache else self.takes(function)

    def call(self, function: str, case: Case) -> dict[str, Any]:
        """Return what a function returns, by name; raise NotAskedError if it cannot be asked."""
        returned = self.run(function, self.arguments(function, case), case)
        return {name: self.ours(name, value) for name, value in self.parts(function, returned).items()}

    def run(self, function: str, arguments: Sequence[Any], case: Case) -> Any:
        """Return what a function returns for these arguments, as it returns it."""
        keywords = {} if "cache" in self.takes(function) else self.keywords(function, case)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # a NaN is found without it
            return self.functions[function](*arguments, **keywords)

    def parts(self, function: str, returned: Any) -> dict[str, Any]:
        """Return the parts of what a function returned, by name."""
        outputs, name = self.returns(function), self.name_of(function)
        if returned is None:
            raise ReturnedError(f"{name} returned None. Is there a return at its end?")
        if self.habits.cache and function == "forward":
            if not (isinstance(returned, tuple | list) and len(returned) == 2):
                raise ReturnedError(f"{name} should return (y, cache), but returned {_kind(returned)}.")
            returned = returned[0]
        parts = returned if isinstance(returned, tuple) or (isinstance(returned, list) and len(outputs) > 1) else None
        if parts is not None and len(outputs) == 1:
            more = " If that is (y, cache), say cache=True." if function == "forward" and len(parts) == 2 else ""
            raise ReturnedError(f"{name} should return {outputs[0]} alone, but returned {_kind(returned)}.{more}")
        if parts is not None and len(parts) > len(outputs):
            names = " ".join(outputs)
            raise ReturnedError(f'{name} should return "{names}", but returned {_kind(returned)}.')
        named = zip(outputs, [returned] if parts is None else parts, strict=False)
        return {name: value for name, value in named if value is not None}

    def arguments(self, function: str, case: Case) -> list[Any]:
        """Return the arguments by place, as copies in the layout that the function takes."""
        has, names = self._parameters[function], self.takes(function)
        for name in names[has.places :]:
            if name not in self.book.signatures[function].may_lack or case.arrays.get(name) is not None:
                raise NotAskedError(f"{self.name_of(function)} takes no {name}")
        return [self._argument(name, case) for name in names[: has.places]]

    def _argument(self, name: str, case: Case) -> Any:
        if name == "cache":
            returned = self.run("forward", self.arguments("forward", case), case)
            self.parts("forward", returned)  # says what is wrong with it
            return returned[1]
        if name in case.arrays:
            return self.theirs(name, case.arrays[name])
        made_by = self if "forward" in self.functions else Subject.right(self.book)
        return self.theirs(name, made_by.call("forward", case)[name])  # its output, which some backward passes take

    def keywords(self, function: str, case: Case) -> dict[str, Any]:
        """Return the options, in the function's own spelling; a pair of equal numbers as one number."""
        keywords, bag, bag_name = dict[str, Any](), dict[str, Any](), self.habits.bag[0]
        for name, value in case.options.items():
            words, default = self._words[function, name], self.book.options[name].default
            into, spelled = (bag, words.in_bag) if words.in_bag else (keywords, words.plain)
            if len(spelled) == 2:
                into |= dict(zip(spelled, value, strict=True))
            elif spelled:
                into[spelled[0]] = self._in_form(function, name, value)
            elif value != (case.options[default] if isinstance(default, str) else default):
                raise NotAskedError(f"{self.name_of(function)} has no option {name}")
        return keywords | ({bag_name: bag} if bag else {})

    def has_option(self, function: str, name: str) -> bool:
        """Return whether a function has an option."""
        return any(self._words["forward" if "cache" in self.takes(function) else function, name])

    def _words_for(self, function: str, name: str) -> "_Words":
        has, option, (bag, keys) = self._parameters[function], self.book.options[name], self.habits.bag
        in_bag = option.words(keys) if bag in has.names else ()
        return _Words(in_bag, option.words(has.names) or option.spellings[: int(has.takes_any)])

    def _in_form(self, function: str, name: str, value: Any) -> Any:
        """Return an option as one number or as a pair, whichever the function takes; if both, one number if it can."""
        form = self._forms.get((function, name))
        if not isinstance(value, tuple) or form == "pair":
            return value
        if value == value[:1] * 2:
            return value[0]
        if form == "number":
            raise NotAskedError(f"{self.name_of(function)} takes one number for {name}, and no pair")
        return value

    def _find_forms(self, function: str) -> None:
        """Find out by calls which options must be one number, and which must be a pair."""
        has, names = self._parameters[function], [*self.book.options]
        for name in names:
            words = self._words[function, name].plain
            is_pair = self.habits.pairs or self.book.options[name].is_pair
            is_pair = is_pair or any(isinstance(has.defaults.get(word), tuple) for word in words)
            self._forms[function, name] = "pair" if is_pair else None
        open_ones = [name for name in names if self._forms[function, name] is None]
        cases = (
            [case for case in sweep(self.book, "integers") if is_within(case, self.habits.limits)] if open_ones else []
        )
        if not cases:
            return
        if self._runs(function, cases[0]) is False:
            self._forms |= {(function, name): "pair" for name in open_ones}
            if self._runs(function, cases[0]) is False:
                self._forms |= {(function, name): None for name in open_ones}
            return
        for name in open_ones:
            tried = (self._runs(function, case) for case in cases if self._is_apart(function, case, name))
            if next((runs for runs in tried if runs is not None), None) is False:
                self._forms[function, name] = "number"

    def _is_apart(self, function: str, case: Case, name: str) -> bool:
        """Whether this option, and no other that the function has, is a pair of two numbers."""
        pairs = [one for one, value in case.options.items() if isinstance(value, tuple) and len({*value}) > 1]
        return [one for one in pairs if self.has_option(function, one)] == [name]

    def _runs(self, function: str, case: Case) -> bool | None:
        """Return whether a function returns anything; None if it cannot be asked."""
        try:
            return self.run(function, self.arguments(function, case), case) is not None
        except NotAskedError:
            return None
        except Exception:  # whatever the functions under test raise
            return False

    @property
    def notes(self) -> list[str]:
        """What the functions do not take, in sentences."""
        told: list[str] = []
        for function in self.functions:
            name, has = self.name_of(function), self._parameters[function]
            numbers = [option for option in self.book.options if self._forms.get((function, option)) == "number"]
            lacks = [option for option in self.book.options if not self.has_option(function, option)]
            known = {word for option in self.book.options for word in self._words[function, option].plain}
            given = has.words[: len(self.takes(function))]
            others = {*has.defaults} - {*given, *known, self.habits.bag[0]}
            if numbers:
                told.append(f"{name} takes one number for {', '.join(numbers)}: no pairs (height, width) were asked")
            if lacks:
                told.append(f"{name} has no {', '.join(lacks)}: not asked")
            if others and not has.takes_any:
                told.append(
                    f"{name} was not given {', '.join(sorted(others))}, which laws.{self.book.name} does not know"
                )
        return told

    def takes_batches(self, name: str) -> bool:
        """Return whether an array, which is of one image, is one of a batch for the functions under test."""
        own, theirs = self._layouts.get(name, ("", ""))
        return "N" in theirs and "N" not in own

    def spell(self, function: str, case: Case, write: Callable[[str, Any], str], output: str = "") -> str:
        """Return the call as the user would type it; ``write(name, value)`` is the text of an argument."""
        names = self.takes(function)
        given = []
        for name, value in zip(names, self.arguments(function, case), strict=False):
            given.append(f"{self.spell('forward', case, write)}[1]" if name == "cache" else write(name, value))
        while len(given) > len(self._parameters[function].required) and given[-1] == "None":
            given.pop()
        keywords = {} if "cache" in names else self.keywords(function, case)
        options = [f"{name}={write(name, value)}" for name, value in keywords.items()]
        own = self.functions[function]
        if isinstance(own, LayerPass):
            return own.spell(given, options, output)
        return f"{self.name_of(function)}({', '.join([*given, *options])})"

    def theirs(self, name: str, value: Any) -> Any:
        """Return a copy of one of our arrays, with its axes in their order."""
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype == np.float64:
            value = value.astype(self.habits.dtype)  # a copy
        if name not in self._layouts:
            return value.copy()
        try:
            return to_theirs(value, *self._layouts[name]).copy()
        except NoAxisError as error:
            raise NotAskedError(str(error)) from None

    def ours(self, name: str, value: Any) -> Array:
        """Return one of their arrays with its axes in our order, or as it is if it has another number of axes."""
        if hasattr(value, "detach"):  # a tensor
            value = value.detach().cpu().numpy()
        array = _numbers(name, value)
        if array.dtype == np.float32 and self.habits.dtype == "float32":
            array = array.astype(np.float64)  # exact: what the laws add to it is not rounded to float32
        return to_ours(array, *self._layouts[name]) if name in self._layouts else array

    def _parameters_of(self, function: str, given: Callable[..., Any]) -> "_Parameters":
        def is_option(word: str) -> bool:
            if word == self.habits.bag[0]:
                return True
            return any(option.words({word, *pair}) for option in self.book.options.values() for pair in _pairs(word))

        return _Parameters.of(given, is_option, lambda word: our_name(word, self._arrays(function)))

    def _arrays(self, function: str) -> list[str]:
        """Return the names of all arrays that a function can take, its usual ones first."""
        signatures = self.book.signatures
        others = [name for one in signatures.values() for name in one.takes]
        outputs = signatures["forward"].returns if function == "backward" else ()
        return [*dict.fromkeys([*signatures[function].takes, *others, *outputs])]

    def _check_takes(self, function: str) -> None:
        """Raise TypeError if a function must be given something that we do not have."""
        has, count, name = self._parameters[function], len(self.takes(function)), self.name_of(function)
        if has.required[1:2] == ("cache",) and not self.habits.cache:
            raise TypeError(f"{name} takes a cache. Say cache=True if that is what the forward pass returns with y.")
        more = has.required[count:]
        if more:
            words = [f"{option} ({', '.join(own.spellings[1:])})" for option, own in self.book.options.items()]
            known = [word for option in self.book.options.values() for word in option.spellings]
            options = f" Its options are {', '.join(words)}." if words else " It has no options."
            raise TypeError(
                f"{name} must be given {more[0]!r}, which laws.{self.book.name} does not know."
                f"{options}{did_you_mean(more[0], known)} A dict of options is named by options=…, an order by takes=…"
            )


def _check_functions(book: Book, functions: Functions) -> None:
    named = ", ".join(f"{name}=…" for name in book.signatures)
    for name, function in functions.items():
        if name not in book.signatures:
            habits = [*Habits.__dataclass_fields__]
            raise TypeError(
                f"laws.{book.name} verifies {named}; it knows no {name!r}. How they want to be called is told by "
                f"{', '.join(habits)}.{did_you_mean(name, [*book.signatures, *habits])}"
            )
        if isinstance(function, type):
            raise TypeError(
                f"{name} must be a function, got the class {function.__name__}. A layer is given as layer=…."
            )
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {_kind(function)}. Pass it without calling it.")
    if not functions:
        raise TypeError(f"laws.{book.name} needs a function to verify: {named}.")


def _layouts(book: Book, habits: Habits) -> dict[str, tuple[str, str]]:
    """Return the axes of arrays in our order and in theirs, where the two differ."""
    layouts: dict[str, tuple[str, str]] = {}
    for habit in ("layout", "weights", "bias"):
        arrays = [name for name in book.axes if _HABIT_OF.get(name, "layout") == habit]
        word = getattr(habits, habit)
        if arrays and word != Habits.__dataclass_fields__[habit].default:
            whole = max((book.axes[name] for name in arrays), key=len)
            check_layout(habit, word, whole)
            layouts |= {name: (book.axes[name], part(word, book.axes[name], whole)) for name in arrays}
    return layouts


def _known(habit: str, words: str, names: Sequence[str]) -> list[str]:
    """Return our names for the words of a habit."""
    found = [our_name(word, names) for word in words.split()]
    if None in found or len({*found}) < len(found):
        raise ValueError(f'{habit} must be made of "{" ".join(names)}", each once at most, got {words!r}.')
    return [name for name in found if name]


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, tuple | list) and value:
        return f"a {type(value).__name__} of {len(value)}"
    return f"{value!r}" if isinstance(value, int | float | None | str) else f"{type(value).__name__}"


def _numbers(name: str, value: Any) -> Array:
    """Return what a function returned as an array of numbers, or raise ReturnedError."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ReturnedError(f"{name} should be an array, but has rows of different lengths.") from None
    if array.dtype.kind == "c":
        raise ReturnedError(f"{name} should hold real numbers, but has the dtype {array.dtype}.")
    elements = array.ravel().tolist() if array.dtype.kind in "OUS" else []
    strange = [one for one in elements if one is None or one is ... or isinstance(one, str | bytes)]
    if strange:
        raise ReturnedError(f"{name} should be an array of numbers, but has {_kind(strange[0])} in it.")
    return array


def _pairs(word: str) -> list[list[str]]:
    """Return the words for heights and widths that make an option with this one, and none of them."""
    twins = {"_h": "_w", "_w": "_h", "_height": "_width", "_width": "_height"}
    return [[], *([word.removesuffix(end) + other] for end, other in twins.items() if word.endswith(end))]


class _Words(NamedTuple):
    """What a function calls an option, in a dict of options and among its own: a word, or two for height and width."""

    in_bag: tuple[str, ...]
    plain: tuple[str, ...]


@dataclass(frozen=True)
class _Parameters:
    """What can be seen of a function's parameters."""

    places: int  # how many arguments it takes by place, before its options
    words: tuple[str, ...]  # what it calls them
    required: tuple[str, ...]  # those of them that must be given
    known: tuple[str, ...]  # our names of them, if all that must be given are known
    defaults: Mapping[str, Any]  # all names, and what leaving one out means
    takes_any: bool  # whether it takes keywords of any name

    @property
    def names(self) -> Container[str]:
        """The names of all parameters."""
        return self.defaults

    @classmethod
    def of(
        cls, function: Callable[..., Any], is_option: Callable[[str], bool], our: Callable[[str], str | None]
    ) -> "_Parameters":
        try:
            parameters = list(signature(function).parameters.values())
        except (TypeError, ValueError):  # some functions that are not written in Python
            return cls(99, (), (), (), {}, True)
        takes_any = any(one.kind == Parameter.VAR_KEYWORD for one in parameters)
        names = {one.name: one.default for one in parameters}
        by_place: list[Parameter] = []
        for one in parameters:
            if one.kind == Parameter.VAR_POSITIONAL:
                return cls(99, (), (), (), names, takes_any)
            if one.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD) or is_option(one.name):
                break
            by_place.append(one)
        required = tuple(one.name for one in by_place if one.default is Parameter.empty)
        known: list[str] = []
        for one in by_place:
            name = our(one.name)
            if name is None or name in known:
                break
            known.append(name)
        words = tuple(one.name for one in by_place)
        all_known = tuple(known) if len(known) >= len(required) else ()
        return cls(len(by_place), words, required, all_known, names, takes_any)


def is_within(case: Case, limits: Mapping[str, Any]) -> bool:
    """Whether a case is one that the functions are for."""
    return all(_is_within(case, name, limit) for name, limit in limits.items())


def _is_within(case: Case, name: str, limit: Any) -> bool:
    if name == "square":
        pairs = [value for value in case.options.values() if isinstance(value, tuple) and len(value) == 2]
        shapes = [value.shape for value in case.arrays.values() if isinstance(value, np.ndarray) and value.ndim > 2]
        return not limit or all(pair[-2] == pair[-1] for pair in [*pairs, *shapes])
    if name not in case:
        known = ", ".join(["square", *case.arrays, *case.options])
        raise ValueError(f"limits must name some of {known}, got {name!r}.")
    value = case[name]
    if limit == "not negative":
        return not np.any(value < 0)
    return bool(value in (limit, (limit, limit)))
