"""The command line: ``numpycam``, ``python -m numpycam``."""

import argparse
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import numpy as np

from numpycam import background, catalogue, worked_example
from numpycam.drawings import CLASS_NAMES, MASK_NAMES, Drawings, draw
from numpycam.exact import as_floats
from numpycam.explain import add_options, count_from_text, seed_from_text
from numpycam.gradcam import grad_cam
from numpycam.interventions import erase
from numpycam.network import Network
from numpycam.pretrained import (
    BACKGROUND_KERNEL,
    EPOCHS,
    IMAGES,
    NAMES,
    SEED,
    load_pretrained,
    map_difference,
    measure,
    train,
)
from numpycam.text import in_columns, progress_bar
from numpycam.training import DivergedError
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
        formatter_class=partial(argparse.HelpFormatter, max_help_position=16),
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
            usage="numpycam explain IMAGE [--network FILE] [OPTIONS]\n       numpycam explain --draw ANIMALS [OPTIONS]",
            help="a picture of yours or a drawing, and a network of yours or one that comes with numpycam",
            description="Print the scores that a network gives to a picture. Write where in it they come from: the "
            "step-through page, the figure, the overlay and the numbers.",
        )
    )
    catalogue.add_options(
        commands.add_parser(
            "methods",
            prog="numpycam methods",
            help="the CAM family: what each method needs, and which properties it has",
            description="Print the methods that explain --method takes: what each needs, and which properties it has. "
            "Of one: its equation, source and conventions.",
        )
    )
    background.add_options(
        commands.add_parser(
            "background",
            prog="numpycam background",
            help="does a network look at the animal or at the grass? two trained networks, measured",
            description="Measure two trained networks on drawings of cats and elephants, on grass and without: what "
            "each kernel contributes, where the maps lie, and what changes when the grass is taken away.",
        )
    )
    training = commands.add_parser(
        "train",
        prog="numpycam train",
        help="train the networks that come with numpycam once more",
        description="Train the two networks that come with numpycam, write them to a folder, and hold them against "
        "those. Where NumPy's matrix products are rounded alike, they are the same to the bit.",
    )
    training.add_argument("--only", choices=NAMES, help="train this one (default: both)")
    for option, default, kind, what in (
        ("--seed", SEED, seed_from_text, "of weights, drawings and their order"),
        ("--images", IMAGES, count_from_text, "how many drawings"),
        ("--epochs", EPOCHS, count_from_text, "how often each is seen"),
    ):
        training.add_argument(option, type=kind, default=default, metavar="N", help=f"{what} (default: {default})")
    training.add_argument("--out", type=Path, default=Path("numpycam-networks"), metavar="FOLDER",
                       help="where the networks go (default: numpycam-networks)")  # fmt: skip
    training.set_defaults(run=_train, refuse=training.error)
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


def _train(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    for name in [options.only] if options.only else NAMES:
        print(f"Training {name!r} on {options.images} drawings, epochs: {options.epochs} ...", flush=True)
        try:
            network = train(name, options.seed, options.images, options.epochs, progress_bar())
        except DivergedError as error:
            options.refuse(f"training diverged in step {error.step}: pass another --seed.")
        except MemoryError:
            options.refuse("so many drawings are too large for this machine; pass smaller --images.")
        path = options.out / f"{name}.npz"
        network.save(path)
        new = draw(500, seed=options.seed + 1000)  # neither network was trained on these
        print(f"Written to {path}\n\n{_beside_the_shipped(load_pretrained(name), network, new)}\n")
        print(f"See it: numpycam explain --draw both --network {shlex.quote(str(path))}\n")


def _beside_the_shipped(shipped: Network, network: Network, drawings: Drawings) -> str:
    """Return what both networks reach on drawings, in per cent, and how far their maps are apart."""
    rows: dict[str, list[float]] = {}
    for one in (network, shipped):
        found = measure(one, drawings)
        for c in range(len(CLASS_NAMES)):
            for row, value in (
                ("right answers", found.accuracy[c]),
                ("peak of the map on the animal", found.pointing[c]),
                ("map on the animal", found.energy[c, c]),
                ("map on the grass", found.energy[c, MASK_NAMES.index("grass")]),
                (f"share of A^{BACKGROUND_KERNEL + 1}", found.shares[c, BACKGROUND_KERNEL]),
            ):
                rows.setdefault(row, []).append(value)
    head = [[f"On {len(drawings)} new drawings, in %", "", "this one", "", "shipped"], ["", *CLASS_NAMES, *CLASS_NAMES]]
    body = [[row, *(f"{100 * value:.1f}" for value in values)] for row, values in rows.items()]
    if all(map(np.array_equal, network.parameters.values(), shipped.parameters.values())):
        apart = "They are the same to the bit."
    else:
        apart = f"Their maps, in 0 to 1, differ by {map_difference(network, shipped, drawings):.4f} on average."
    return "\n".join(f"  {line}".rstrip() for line in [*in_columns([*head, *body], "<>>>>"), "", apart])
