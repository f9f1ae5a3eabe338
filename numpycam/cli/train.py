"""``numpycam train``: train the networks that come with numpycam once more, and hold them against those."""

import argparse
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from numpycam.cli.options import count_from_text, seed_from_text
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
from numpycam.text import in_columns, progress_bar

TEXTS: dict[str, Any] = {
    "help": "train the networks that come with numpycam once more",
    "description": "Train the two networks that come with numpycam, write them to a folder, and hold them against "
    "those. Where NumPy's matrix products are rounded alike, they are the same to the bit.",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the command takes, and to run it."""
    parser.add_argument("--only", choices=NAMES, help="train this one (default: both)")
    for option, default, kind, what in (
        ("--seed", SEED, seed_from_text, "of weights, drawings and their order"),
        ("--images", IMAGES, count_from_text, "how many drawings"),
        ("--epochs", EPOCHS, count_from_text, "how often each is seen"),
    ):
        parser.add_argument(option, type=kind, default=default, metavar="N", help=f"{what} (default: {default})")
    parser.add_argument("--out", type=Path, default=Path("numpycam-networks"), metavar="FOLDER",
                       help="where the networks go (default: numpycam-networks)")  # fmt: skip
    parser.set_defaults(run=_train, refuse=parser.error)


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
