"""The command line: ``numpycam``, ``python -m numpycam``."""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from numpycam import worked_example
from numpycam.exact import as_floats
from numpycam.explain import add_options
from numpycam.gradcam import grad_cam
from numpycam.interventions import erase
from numpycam.walkthrough import before_and_after, walkthrough


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, 0 or 2; raise SystemExit(2) for arguments that cannot be."""
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
        prog="numpycam",
        usage="numpycam [COMMAND] [OPTIONS]",
        description="Grad-CAM by hand, in plain NumPy, with every stage shown.",
        epilog="Without a command it is example that runs, with its options: numpycam --class elephant. "
        "Ask a command for its options: numpycam example --help.",
    )
    parser.add_argument("--version", action="version", version=f"numpycam {version('numpycam')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    example = commands.add_parser(
        "example",
        prog="numpycam example",
        help="the worked example, from the picture to the heatmap (what runs if no command is given)",
        description="Print every stage of the worked example; write the step-through page, the figure, the overlay and "
        "the numbers to a folder.",
    )
    example.add_argument("--class", dest="class_name", choices=worked_example.CLASS_NAMES, default="cat",
                         help="the class whose score is explained (default: cat)")  # fmt: skip
    example.add_argument("--head", choices=worked_example.HEADS, default="linear",
                         help="what comes after the feature maps (default: linear)")  # fmt: skip
    example.add_argument("--float", dest="in_floats", action="store_true", help="compute in float64, not in fractions")
    example.add_argument("--erase", type=_rectangle, metavar="PATCH",
                         help="erase TL, TR, BL or BR (top left ...), or a rectangle such as 0:2,2:4 (rows, columns), "
                         "and show before and after; the files are of the picture after")  # fmt: skip
    example.add_argument("--out", type=Path, default=Path("numpycam-example"), metavar="FOLDER",
                         help="where the files go (default: numpycam-example)")  # fmt: skip
    example.set_defaults(run=_example)
    add_options(
        commands.add_parser(
            "explain",
            prog="numpycam explain",
            usage="numpycam explain IMAGE --network FILE [OPTIONS]",
            help="a picture and a network of your own",
            description="Print the scores that a network gives to a picture. Write where in it they come from: the "
            "step-through page, the figure, the overlay and the numbers.",
        )
    )
    return parser


_PATCHES = {"TL": "0:2,0:2", "TR": "0:2,2:4", "BL": "2:4,0:2", "BR": "2:4,2:4"}


def _rectangle(text: str) -> tuple[str, tuple[slice, slice]]:
    """Return a part of the 4 × 4 picture, as it was named and as slices."""
    numbers = re.fullmatch(r"([0-4]):([0-4]),([0-4]):([0-4])", _PATCHES.get(text.upper(), text))
    top, bottom, left, right = map(int, numbers.groups()) if numbers else (0, 0, 0, 0)
    if top >= bottom or left >= right:
        raise argparse.ArgumentTypeError(
            f"must be TL, TR, BL, BR or a rectangle such as 0:2,2:4, within 4 rows and 4 columns, got {text!r}"
        )
    return text.upper(), (slice(top, bottom), slice(left, right))


def _example(options: argparse.Namespace) -> None:
    class_index = worked_example.CLASS_NAMES.index(options.class_name)
    network, image = worked_example.network(options.head), worked_example.IMAGE
    exact = explanation = grad_cam(network, image, class_index)
    if options.in_floats:
        network, image = as_floats(network), as_floats(image)
        explanation = grad_cam(network, image, class_index)
    title, about = f"Grad-CAM of the {options.class_name}, {options.head} head", {"class": options.class_name}
    if options.erase is None:
        story = walkthrough(network, explanation, exact)
    else:
        erased, where = options.erase
        before, explanation = explanation, grad_cam(network, erase(image, where), class_index)
        title, about = f"{title}, {erased} erased", about | {"erased": erased}
        story = before_and_after(before, explanation, erased)
    # A cell of this example's maps sees its own 2 × 2 patch and nothing else, so the nearest cell is the true one.
    files = explanation.save(options.out, title=title, method="nearest", about=about | {"head": options.head})
    print(story)
    print(f"\nWritten to {options.out}: {', '.join(files)}")
