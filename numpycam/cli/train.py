"""``numpycam train``: trains the networks that come with numpycam again, and compares them with the shipped ones."""

import argparse
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from numpycam.cli.options import count_from_text, folder_from_text, seed_from_text
from numpycam.experiments.drawings import CLASS_NAMES, MASK_NAMES, Drawings, draw
from numpycam.experiments.pretrained import (
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
from numpycam.experiments.training import DivergedError
from numpycam.network import Network
from numpycam.progress import progress_bar
from numpycam.text import in_columns, paragraph

TEXTS: dict[str, Any] = {
    "help": "train the two networks that come with numpycam again",
    "description": "Train the two networks that come with numpycam again. Write them to a folder, and compare them "
    "with the shipped ones. They are the same to the bit if NumPy rounds matrix products here as it did then.",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("--only", choices=NAMES, help="train only this network (default: both)")
    for option, default, kind, what in (
        ("--seed", SEED, seed_from_text, "the seed of the weights, of the drawings and of their order"),
        ("--images", IMAGES, count_from_text, "how many drawings"),
        ("--epochs", EPOCHS, count_from_text, "how often each drawing is seen"),
    ):
        parser.add_argument(option, type=kind, default=default, metavar="N", help=f"{what} (default: {default})")
    parser.add_argument("--out", type=folder_from_text, default=Path("numpycam-networks"), metavar="FOLDER",
                       help="the folder for the networks (default: numpycam-networks)")  # fmt: skip
    parser.set_defaults(run=_train, refuse=parser.error)


def _train(options: argparse.Namespace) -> None:
    """Train the networks, write each to a file, and print how it does beside the shipped one."""
    for name in [options.only] if options.only else NAMES:
        print(f"Training {name!r} on {options.images} drawings, epochs: {options.epochs} ...", flush=True)
        try:
            network = train(name, options.seed, options.images, options.epochs, progress_bar())
        except DivergedError as error:
            options.refuse(f"training diverged in step {error.step}: pass another --seed.")
        except MemoryError:
            options.refuse("there is not enough memory for so many drawings: pass a smaller --images.")
        path = options.out / f"{name}.npz"
        options.out.mkdir(parents=True, exist_ok=True)
        network.save(path)
        new = draw(500, seed=options.seed + 1000)  # neither the new network nor the shipped one was trained on these
        print(f"Written to {path}\n\n{_beside_the_shipped(load_pretrained(name), network, new)}\n")
        print(f"See it: numpycam explain --draw both --network {shlex.quote(str(path))}\n")
    print(paragraph(
        "In the new drawings, grass says nothing about the animals: half of them have it, by chance. The command "
        f"numpycam background measures the share of A^{BACKGROUND_KERNEL + 1} on drawings that all have grass. So it "
        "prints other shares for the same network."
    ))  # fmt: skip


def _beside_the_shipped(shipped: Network, network: Network, drawings: Drawings) -> str:
    """Return a table of what both networks reach on drawings, and a sentence on how much their maps differ."""
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
        apart = "The two networks are the same to the bit."
    else:
        difference = map_difference(network, shipped, drawings)
        apart = f"Scaled to at most 1, the maps of both networks differ by {difference:.4f} on average."
    return "\n".join([*in_columns([*head, *body], "<>>>>", indent=2), "", paragraph(apart)])
