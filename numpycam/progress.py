"""Progress bars show how far a long computation is. It hands all of its runs to ``progress``, which wraps them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from numpycam.core.arguments import check_callable

T = TypeVar("T")

Progress = Callable[[Iterable[Any]], Iterable[Any]]
"""Takes the runs and yields all of them, in order, as ``tqdm`` does. ``iter`` shows nothing."""


def followed(progress: Progress, runs: Sequence[T], what: str) -> Iterator[T]:
    """Yield the runs as ``progress`` does. Raise ValueError if it leaves one out, adds one or moves one.

    ``what`` names the runs in the message: "batches". If the caller stops before the end, the rest is not checked.
    """
    check_callable("progress", progress, "tqdm")
    wrapped = progress(runs)
    if not isinstance(wrapped, Iterable):
        raise TypeError(f"progress must return an iterable of the {what}, as tqdm does, got {type(wrapped).__name__}.")
    expected = f"progress must yield each of the {len(runs)} {what} once, in order"
    done = 0
    for run in wrapped:
        if done == len(runs) or run != runs[done]:
            raise ValueError(f"{expected}, got {run!r} after {done} of them.")
        yield runs[done]
        done += 1
    if done < len(runs):
        raise ValueError(f"{expected}, got {done}.")


def progress_bar() -> Progress:
    """Return tqdm's bar if tqdm is installed. It shows itself in a terminal only."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter
    return partial(tqdm, leave=False, disable=None)
