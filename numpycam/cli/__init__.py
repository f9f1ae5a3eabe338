"""The command line: ``numpycam`` or ``python -m numpycam``. Each command has a file of its own."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import NoReturn

from numpycam.cli import background, example, explain, methods, train


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print the message in one line, and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default, the arguments of the process.

    Returns
    -------
    int
        The exit status: 0, or 2 if the output cannot be written or matplotlib is not installed, or 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With status 2 for invalid arguments, and with status 0 after ``--help`` and ``--version``.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot carry α gets a question mark, not a crash
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _build_parser()
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "example")
    options = parser.parse_args(given)
    try:
        if options.needs_figures:
            import numpycam.display  # noqa: F401  # without matplotlib, before anything is computed
        options.run(options)
        print(end="", flush=True)  # if the disk is full or the pipe is closed, this raises an error
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        print(
            "numpycam: error: matplotlib is not installed, and the figures need it: pip install matplotlib",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        reason = error.strerror or error
        print(f"numpycam: error: cannot write {error.filename or 'the output'}: {reason}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
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
        ("methods", methods),
        ("background", background),
        ("train", train),
    ):
        options = commands.add_parser(name, prog=f"numpycam {name}", **command.TEXTS)
        options.set_defaults(needs_figures=command in (explain, background))
        command.add_options(options)
    return parser
