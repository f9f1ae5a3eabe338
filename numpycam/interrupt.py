"""Ctrl-C while the command runs: it ends with status 130 and without a traceback, even while NumPy is being loaded.

``numpycam/__init__.py`` imports this module first. In a process that is not the command, nothing is changed: there
Ctrl-C belongs to the program that imports numpycam.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
