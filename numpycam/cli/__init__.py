"""The command line: ``numpycam`` or ``python -m numpycam``. Each command has a file of its own."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import partial
from importlib.metadata import version
from typing import NoReturn, TextIO

from numpycam import interrupt
from numpycam.cli import background, course, example, explain, methods, train, verify


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print the message in one line, and exit with status 2."""
        raise SystemExit(_complain(self.prog, message))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default, the arguments of the process.

    Returns
    -------
    int
        The exit status: 0, or 1 if verify finds a law that is broken, or 2 if the output cannot be written or
        matplotlib is not installed, or 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With status 2 for invalid arguments, and with status 0 after ``--help`` and ``--version``.
    """
    try:
        with interrupt.raised():
            return _run([*(sys.argv[1:] if arguments is None else arguments)])
    except KeyboardInterrupt:
        return interrupt.STATUS


def _run(given: list[str]) -> int:
    """Run the command of these arguments, which may be changed, and return the exit status."""
    if sys.stderr is None:  # it is closed, and progress bars and warnings need one
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        return _complain("numpycam", "cannot write the output: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot carry α gets a question mark, not a crash
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # without a home for its cache, it draws all the same
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "example")
    try:
        options = _parse(given)
        if options.needs_figures:
            import numpycam.display  # noqa: F401  # without matplotlib, before anything is computed
        status = options.run(options) or 0
        print(end="", flush=True)  # if the disk is full or the pipe is closed, this raises an error
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _discard(sys.stdout)
        return 0
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        return _complain("numpycam", "matplotlib is not installed, and the figures need it: pip install matplotlib")
    except OSError as error:
        if error.errno is None:  # it comes from no system call, and is a sentence
            return _complain("numpycam", str(error))
        if error.filename is None:
            _discard(sys.stdout)
        return _complain("numpycam", f"cannot write {error.filename or 'the output'}: {error.strerror}")
    return status


def _parse(given: list[str]) -> argparse.Namespace:
    """Return the options, or print what --help and --version tell: argparse would hide that the disk is full."""
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            return _build_parser().parse_args(given)
    except SystemExit:
        print(told.getvalue(), end="", flush=True)
        raise


def _complain(program: str, message: str) -> int:
    """Print one line on standard error, if anything can be written there. Return the exit status, 2."""
    try:
        print(f"{program}: error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)
    return 2


def _discard(stream: TextIO) -> None:
    """Send what is still to be written nowhere: at its end, Python would try once more, and fail with status 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _build_parser() -> argparse.ArgumentParser:
    """Return the parser, with the options of all commands."""
    parser = _Parser(
        formatter_class=partial(argparse.HelpFormatter, max_help_position=16),
        prog="numpycam",
        usage="numpycam [COMMAND] [OPTIONS]",
        description="Grad-CAM by hand, in plain NumPy, with every stage shown.",
        epilog="Without a command, numpycam runs example, with the options of example: numpycam --class elephant. "
        "To see the options of a command: numpycam example --help.",
    )
    parser.add_argument("--version", action="version", version=f"numpycam {version('numpycam')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in (
        ("example", example),
        ("explain", explain),
        ("course", course),
        ("methods", methods),
        ("background", background),
        ("train", train),
        ("verify", verify),
    ):
        options = commands.add_parser(name, prog=f"numpycam {name}", **command.TEXTS)
        options.set_defaults(needs_figures=command in (explain, background))
        command.add_options(options)
    return parser
