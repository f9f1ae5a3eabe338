"""The command line: ``numpycam``, ``python -m numpycam``."""

import argparse
import errno
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from numpycam import worked_example
from numpycam.exact import as_floats
from numpycam.gradcam import Explanation, grad_cam
from numpycam.resize import normalise, resize
from numpycam.walkthrough import walkthrough


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line."""
        self.exit(2, f"{self.prog}: error: {message}\n")


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
        help="the worked example, from the picture to the heatmap (what runs if no command is given)",
        description="Print every stage of the worked example; write its figure, overlay and numbers to a folder.",
    )
    example.add_argument("--class", dest="class_name", choices=worked_example.CLASS_NAMES, default="cat",
                         help="the class whose score is explained (default: cat)")  # fmt: skip
    example.add_argument("--head", choices=worked_example.HEADS, default="linear",
                         help="what comes after the feature maps (default: linear)")  # fmt: skip
    example.add_argument("--float", dest="in_floats", action="store_true", help="compute in float64, not in fractions")
    example.add_argument("--out", type=Path, default=Path("numpycam-example"), metavar="FOLDER",
                         help="where the files go (default: numpycam-example)")  # fmt: skip
    example.set_defaults(run=_example)
    return parser


def _example(options: argparse.Namespace) -> None:
    class_index = worked_example.CLASS_NAMES.index(options.class_name)
    network, image = worked_example.network(options.head), worked_example.IMAGE
    exact = explanation = grad_cam(network, image, class_index)
    if options.in_floats:
        network, image = as_floats(network), as_floats(image)
        explanation = grad_cam(network, image, class_index)
    about = {"class": options.class_name, "head": options.head}
    _write_files(options.out, {
        "stages.png": _stages_png(explanation, f"Grad-CAM of the {options.class_name}, {options.head} head"),
        "overlay.png": _overlay_png(explanation),
        "explanation.json": _json(about | _plain_numbers(explanation)),
    })  # fmt: skip
    print(walkthrough(network, explanation, exact))
    print(f"\nWritten to {options.out}: stages.png, overlay.png, explanation.json")


def _stages_png(explanation: Explanation, title: str) -> bytes:
    from numpycam.display import figure_of_stages

    # A cell of this example's maps sees its own 2 × 2 patch and nothing else, so the nearest cell is the true one.
    return _png(figure_of_stages(explanation, title=title, method="nearest").savefig, dpi=100)


def _overlay_png(explanation: Explanation) -> bytes:
    from matplotlib.image import imsave

    from numpycam.display import as_uint8, overlay

    enlarged = 480
    picture = resize(as_floats(explanation.image), enlarged, "nearest")
    heat = normalise(resize(as_floats(explanation.localization_map), enlarged, "nearest"))
    return _png(imsave, as_uint8(overlay(picture, heat)))


def _png(write: Callable[..., object], *what: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *what, format="png", **options)
    return buffer.getvalue()


def _plain_numbers(explanation: Explanation) -> dict[str, Any]:
    """Return the fields and what follows from them, arrays as nested lists, fractions as strings."""
    names = [field.name for field in fields(explanation)] + ["counterfactual_map", "channel_shares"]
    return {name: _plain(getattr(explanation, name)) for name in names}


def _json(values: dict[str, Any]) -> bytes:
    """Return the values as JSON, one to a line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    return f"{{\n{lines}\n}}\n".encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(element) for element in value]
    return str(value) if isinstance(value, Fraction) else value


def _write_files(folder: Path, contents: dict[str, bytes]) -> None:
    """Write all files beside their places first, so that each is the old one or the new one, never half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in contents:
        if (folder / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(folder / name))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as new:
        for name, content in contents.items():
            (Path(new) / name).write_bytes(content)
        for name in contents:
            os.replace(Path(new) / name, folder / name)
