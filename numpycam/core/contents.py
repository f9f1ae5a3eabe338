"""What lies inside of a value: in a list, an object, a method or a function, at whatever depth."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType

import numpy as np


def holds(value: object, kinds: tuple[type, ...], seen: dict[int, object]) -> bool:
    """Whether something of these kinds lies in it, other than what is seen already."""
    seen[id(value)] = value  # kept, so that nothing new gets the same id
    unseen = (one for one in _contents(value) if id(one) not in seen)
    return any(isinstance(one, kinds) or holds(one, kinds, seen) for one in unseen)


def _contents(value: object) -> Iterable[object]:
    """Return what lies in a container, an object, a method or a function."""
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, FunctionType):
        return [*_enclosed(value), *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    if isinstance(value, MethodType):
        return (value.__self__,)
    if isinstance(value, str | bytes | np.ndarray | type | ModuleType):
        return ()
    return value if isinstance(value, Collection) else _attributes(value)


def _enclosed(function: FunctionType) -> Iterable[object]:
    """Yield what a function has taken from the functions around it. A name without a value there is an empty cell."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):
            yield cell.cell_contents


def _attributes(value: object) -> Iterable[object]:
    """Yield what an object keeps in its ``__dict__`` and in the slots of its classes."""
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        own = vars(kind).items() if "__slots__" in vars(kind) else ()
        yield from (getattr(value, name, None) for name, slot in own if isinstance(slot, MemberDescriptorType))
