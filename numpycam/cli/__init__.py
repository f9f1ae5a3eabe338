"""The command line: ``numpycam``, ``python -m numpycam``. Each command has a file."""

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
        """Say it in one line."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, 0 or 2; raise SystemExit(2) for invalid arguments."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that cannot carry α gets a question mark, not a crash
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _build_parser()
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "example")
    options = parser.parse_args(given)
    try:
        options.run(options)
        print(end="", flush=True)  # a full disk or a closed pipe shows here at the latest
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"numpycam: error: cannot write {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        formatter_class=partial(argparse.HelpFormatter, max_help_position=16),
        prog="numpycam",
        usage="numpycam [COMMAND] [OPTIONS]",
        description="Grad-CAM by hand, in plain NumPy, with every stage shown.",
        epilog="Without a command, example runs, with its options: numpycam --class elephant. "
        "Ask a command for its options: numpycam example --help.",
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
        command.add_options(commands.add_parser(name, prog=f"numpycam {name}", **command.TEXTS))
    return parser
