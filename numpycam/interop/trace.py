"""What a torch module computes, as a row of steps: its forward is run once on a stand-in that records every call.

torch.fx does the recording. A :class:`Leaf` stands for a torch module, or for a function that does the work of one. A
:class:`Fork` stands for two ways from one place that are added up.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from numpycam.interop.refusals import BY_A_CONSTANT, OF_A_PARAMETER, UNKNOWN, Lack, refuse, why_not


class Leaf(NamedTuple):
    """A step: a torch module that does the work, under the name that torch gives to it."""

    name: str
    module: Any


class Fork(NamedTuple):
    """Two ways from one place, whose outputs are added up. Their names begin with ``scope``."""

    name: str
    scope: str
    body: "list[Step]"
    shortcut: "list[Step]"


Step = Leaf | Fork

_ADDITIONS = {"add", "add_", "iadd"}
_PASSED_ON = {"contiguous", "clone", "detach"}
_TRAINING = {  # of a function that does nothing in eval mode: the position of the argument that says which mode it is
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"), 2),
    "stochastic_depth": 3,  # torchvision's
}
_PASSING = {"Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"}
_NO_TENSORS = {"shape", "ndim", "dtype", "device"}
_ARITHMETIC = {"add", "sub", "mul", "div", "truediv", "iadd", "isub", "imul", "itruediv"}


def traced(module: Any, leaves: tuple[type, ...], lack_of: Callable[[str, Any, bool], Lack | None]) -> list[Step]:
    """Return the steps of a torch module with a forward of its own.

    Parameters
    ----------
    module : torch.nn.Module
    leaves : tuple of classes
        Modules of these classes are taken whole.
    lack_of : callable
        Returns why a module of torch cannot be converted, or None, from its name, itself, and whether it is the last.

    Raises
    ------
    TypeError
        If its forward cannot be recorded, or calls what numpycam has no layer for.
    """
    from torch import fx

    class Tracer(fx.Tracer):  # type: ignore[misc]
        def is_leaf_module(self, one: Any, name: str) -> bool:
            return isinstance(one, leaves) or bool(super().is_leaf_module(one, name))

    try:
        graph = Tracer().trace(module)
    except Exception as error:  # the forward is the user's own code
        reason = " ".join(str(error).split())[:200]
        raise TypeError(
            f"module: torch.fx cannot record the forward of {type(module).__name__}, as of one that decides by values: "
            f"{reason}."
        ) from error
    recorder = _Recorder(module, graph)
    refuse(recorder.lacks(lack_of))
    return recorder.steps()


class _Recorder:
    """Follows the calls in the order in which they were made."""

    def __init__(self, module: Any, graph: Any) -> None:
        self.module, self.graph = module, graph
        self.values: dict[Any, tuple[Any, list[Step]]] = {}  # of a node: where its way begins, and the steps from there
        self.same: dict[Any, Any] = {}  # a node that passes its input on, and that input
        self.needed: set[Any] = set()  # what the result comes from: a call whose result nobody uses is no way
        waiting = [node for node in graph.nodes if node.op == "output"]
        while waiting:
            node = waiting.pop()
            waiting += [one for one in node.all_input_nodes if one not in self.needed]
            self.needed.add(node)
        self.constants: set[Any] = set()  # what does not come from the image's values: sizes, parameters
        for node in graph.nodes:
            sources = node.all_input_nodes
            if node.op == "get_attr" or _is_about_a_tensor(node) or (sources and self.constants.issuperset(sources)):
                self.constants.add(node)
        self.closed: Counter[Any] = Counter()  # of a place, how many of the ways from there were added to another one
        self.taken: dict[str, int] = {}

    def lacks(self, lack_of: Callable[[str, Any, bool], Lack | None]) -> Iterator[Lack | None]:
        """Yield for each call for which there is no layer what it does; None where there is one, as far as is known."""
        for node in (one for one in self.graph.nodes if one in self.needed):
            is_last = all(user.op == "output" for user in node.users)
            if node.op == "get_attr":
                yield Lack(str(node.target), "a parameter", OF_A_PARAMETER)
            elif node in self.constants or node.op in ("placeholder", "output"):
                continue
            elif node.op == "call_module":
                if not self._passes_on(node):
                    yield lack_of(self._place(node), self.module.get_submodule(node.target), is_last)
            else:
                yield self._lack_of_function(node, is_last)

    def _lack_of_function(self, node: Any, is_last: bool) -> Lack | None:
        name = _name_of(node)
        ways = [one for one in node.args if hasattr(one, "users") and one not in self.constants]
        if name.rstrip("_") in _ARITHMETIC and len(ways) < 2:
            return Lack(self._place(node), name, BY_A_CONSTANT)
        if name in _ADDITIONS or name in _PASSED_ON or name in _TRAINING or name in _makers():
            return None
        shown = f".{node.args[1]}" if name == "getattr" else name
        why = why_not(shown.removeprefix("."), is_last) or UNKNOWN
        return Lack(self._place(node), shown, why)

    def steps(self) -> list[Step]:
        start = None
        for node in self.graph.nodes:
            if node.op == "placeholder":
                start = start or node
                self.values[node] = (node, [])
            elif node.op == "output":
                (result,) = node.args
                if not hasattr(result, "users"):
                    raise TypeError(f"module: {type(self.module).__name__} must return one tensor of scores.")
                begins, steps = self._value(result)
                if begins is not start:
                    raise TypeError(f"{self._place(node)}: two branches that were not added up again lead there.")
                return steps
            elif node in self.needed and node not in self.constants:
                self._call(node)
        raise TypeError("module: its forward returns nothing.")

    def _call(self, node: Any) -> None:
        name = _name_of(node)
        if name in _ADDITIONS:
            self._add(node)
            return
        source, *arguments = node.args if node.args else (node.kwargs.get("input"),)
        if not hasattr(source, "users"):
            raise TypeError(f"{self._place(node)}: {name or 'it'} is given something else than one output of a layer.")
        if self._passes_on(node):
            self.same[node] = source
            return
        is_module = node.op == "call_module"
        module = self.module.get_submodule(node.target) if is_module else _as_module(self, node, arguments)
        begins, steps = self._value(source)
        own, modules = self._named(node), module if isinstance(module, list) else [module]
        leaves = [Leaf(f"{own}{n or ''}", one) for n, one in enumerate(modules)]
        self.values[node] = (begins, [*steps, *leaves])

    def _add(self, node: Any) -> None:
        """Close two ways that begin at one place."""
        if len(node.args) != 2 or not all(hasattr(one, "users") for one in node.args) or node.kwargs:
            raise TypeError(f"{self._place(node)}: only two outputs of layers can be added up.")
        (place, one), (other_place, other) = map(self._value, node.args)
        if place is not other_place:
            raise TypeError(
                f"{self._place(node)}: it adds up two branches that do not begin at one place, as those of a ResNet do."
            )
        body, shortcut = (one, other) if len(one) >= len(other) else (other, one)
        fork = Fork(self._named(node), _scope(node), body, shortcut)
        self.closed[place] += node.args[0] is not node.args[1]
        begins, steps = self.values[place]
        is_alone = len([*self._users(place)]) - self.closed[place] <= 1  # else a way around the sum begins there, too
        self.values[node] = (begins, [*steps, fork]) if is_alone else (place, [fork])

    def _value(self, node: Any) -> tuple[Any, list[Step]]:
        """Return a node's way. Where a value is used more than once, new ways begin."""
        node = self._origin(node)
        if node not in self.values:
            raise TypeError(f"{self._place(node)}: what it returns is not one output of a layer.")
        return (node, []) if len([*self._users(node)]) > 1 else self.values[node]

    def _passes_on(self, node: Any) -> bool:
        """Whether it returns its input itself, as dropout does in eval mode."""
        if node.op == "call_module":
            module = self.module.get_submodule(node.target)
            return type(module).__name__ in _PASSING and not module.training
        name = _name_of(node)
        if name not in _TRAINING:
            return name in _PASSED_ON
        return not _option(node, "training", _TRAINING[name], default=True)

    def _origin(self, node: Any) -> Any:
        while node in self.same:
            node = self.same[node]
        return node

    def _users(self, node: Any) -> Iterator[Any]:
        for user in node.users:
            if self._passes_on(user):
                yield from self._users(user)
            elif user in self.needed and user not in self.constants:
                yield user

    def _place(self, node: Any) -> str:
        return str(node.target) if node.op == "call_module" else f"{_scope(node)}.{node.name}".removeprefix(".")

    def _named(self, node: Any) -> str:
        """Return torch's name of a module, or the function's name behind that of the module that calls it."""
        own = str(node.target) if node.op == "call_module" else f"{_scope(node)}.{_name_of(node)}".removeprefix(".")
        count = self.taken[own] = self.taken.get(own, -1) + 1
        return f"{own}_{count}" if count else own


def _name_of(node: Any) -> str:
    """Return the name of the function or method that is called; "" for a module."""
    from torch.nn import functional

    if node.op not in ("call_function", "call_method"):
        return ""
    name = node.target if node.op == "call_method" else node.target.__name__
    if name == "fn":  # some of torch.nn.functional's functions have no other name of their own
        name = next((known for known, value in vars(functional).items() if value is node.target), name)
    return str(name)


def _is_about_a_tensor(node: Any) -> bool:
    name = _name_of(node)
    return name in ("size", "dim") or (name == "getattr" and node.args[1] in _NO_TENSORS)


def _scope(node: Any) -> str:
    """Return the name of the module whose forward makes the call; "" for the whole."""
    stack = [*(node.meta.get("nn_module_stack") or {}).values()]
    names = [name for name, _ in stack if name]
    return names[-1] if names else ""


def _option(node: Any, name: str, position: int, default: Any) -> Any:
    return node.kwargs.get(name, node.args[position] if len(node.args) > position else default)


def _as_module(recorder: _Recorder, node: Any, arguments: list[Any]) -> Any:
    """Return the torch module that does the work of a function, or a list of them, one after another."""
    name, place = _name_of(node), recorder._place(node)
    given = {key: value for key, value in node.kwargs.items() if key not in ("input", "inplace")}
    if name in _TRAINING:
        raise ValueError(f"{place}: {name} is in training mode: call module.eval() first.")
    try:
        return _makers()[name](*arguments, **given)
    except TypeError as error:
        raise TypeError(f"{place}: {name}: {error}") from None


def _makers() -> dict[str, Callable[..., Any]]:
    """Return for each function for which there is a layer what makes the torch module that does its work."""
    from torch import nn

    return {
        "relu": nn.ReLU,
        "relu_": nn.ReLU,
        "flatten": lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
        "max_pool2d": _max_pool2d,
        "avg_pool2d": nn.AvgPool2d,
        "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
        "view": lambda *sizes: _flattened(sizes),
        "reshape": lambda *sizes: _flattened(sizes),
        "mean": _mean,
    }


def _max_pool2d(
    kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, **rest: Any
) -> Any:
    from torch import nn

    return nn.MaxPool2d(kernel_size, stride, padding, dilation, rest.get("return_indices", False), ceil_mode)


def _flattened(sizes: Any) -> Any:
    from torch import nn

    sizes = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    first = sizes[0] if sizes else None
    keeps_the_batch = hasattr(first, "users") or first == -1 or sizes[1:] == (-1,)
    if len(sizes) != 2 or not keeps_the_batch:
        raise TypeError("only what flattens each image is supported, such as x.view(x.size(0), -1)")
    return nn.Flatten()


def _mean(dim: Any = None, keepdim: bool = False, **rest: Any) -> Any:
    from torch import nn

    if rest or not isinstance(dim, tuple | list) or {d % 4 for d in dim} != {2, 3}:
        raise TypeError("only the mean over the cells is supported, such as x.mean((2, 3))")
    pool = nn.AdaptiveAvgPool2d(1)
    return [pool] if keepdim else [pool, nn.Flatten()]
