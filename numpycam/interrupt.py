"""Ctrl-C while the command runs: it ends with status 130 and without a traceback, even while NumPy is being loaded.

``numpycam/__init__.py`` imports this module first. In a process that is not the command, nothing is changed: there
Ctrl-C belongs to the program that imports numpycam.
"""

import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STATUS = 130
"""The exit status after Ctrl-C: 128 and the number of the signal, as shells count."""


def _end(*_: object) -> None:
    """End at once. A KeyboardInterrupt in the middle of an import could come out as any other error."""
    os._exit(STATUS)


def _is_command() -> bool:
    """Whether this process is ``numpycam``, or ``python -m numpycam``: there the name is "-m" until it is found."""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    return program == "-m" or os.path.splitext(program)[0] == "numpycam"


if _is_command():
    signal.signal(signal.SIGINT, _end)


@contextmanager
def raised() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt inside, so that files that are half written are removed.

    After that the command has only to end. Nobody need interrupt this, and Python would print a traceback.
    """
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    hook = sys.unraisablehook
    try:
        sys.unraisablehook = partial(_again, hook)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.unraisablehook = hook


def _again(hook: Callable[["UnraisableHookArgs"], object], lost: "UnraisableHookArgs") -> None:
    """Raise a KeyboardInterrupt once more, a little later, if it has come while an object was being cleared away.

    There Python prints it and goes on, as if nobody had pressed Ctrl-C.
    """
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        hook(lost)
        return
    later = Timer(0.02, interrupt_main)
    later.daemon = True
    later.start()
