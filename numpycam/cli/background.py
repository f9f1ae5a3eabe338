"""``numpycam background``: whether a network looks at the animal or at the grass, and how one knows.

The worked example hopes that Grad-CAM does not look at the map of the background kernel when the class is "cat". Here
that is an experiment with known truth: two networks, trained on drawings, and the masks of what was drawn.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numpycam.cli.options import count_from_text, seed_from_text
from numpycam.core.arrays import Array
from numpycam.experiments.drawings import CLASS_NAMES, MASK_NAMES, Animals, draw
from numpycam.experiments.pretrained import BACKGROUND_KERNEL, NAMES, SEED, Measures, load_pretrained, measure
from numpycam.files import write_files
from numpycam.gradcam import grad_cam
from numpycam.metrics import energy_inside
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.text import WIDTH, in_columns, paragraph, percent

if TYPE_CHECKING:
    from numpycam.display import Picture

KINDS = dict(zip(NAMES, ("standard", "confounded"), strict=True))
TEXTS: dict[str, Any] = {
    "help": "does a network look at the animal or at the grass? two trained networks, measured",
    "description": "Measure two trained networks on drawings of cats and elephants, on grass and without: what each "
    "kernel contributes, where the maps lie, and what changes when the grass is taken away.",
}
FILES = ("background.png", "kernels.png", "background.json")


class Findings(NamedTuple):
    """What was measured of one network, on the same animals with and without grass.

    Attributes
    ----------
    independent : Measures
        On drawings in which grass says nothing.
    on_grass : Measures
        On the same drawings, all of them with grass.
    found : array, shape (2, 2)
        The share of the cats and of the elephants that are found: on grass; drawn again without it.
    scores : array, shape (2, 2)
        Their mean scores y.
    false_alarms : array, shape (2,)
        The share of the pictures of grass alone in which a cat, an elephant is seen.
    """

    independent: Measures
    on_grass: Measures
    found: Array
    scores: Array
    false_alarms: Array


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the command takes, and to run it."""
    parser.add_argument(
        "--images",
        type=count_from_text,
        default=500,
        metavar="N",
        help="how many drawings are measured; both animals must occur: 10 or more (default: 500)",
    )
    parser.add_argument("--seed", type=seed_from_text, default=0, metavar="N", help="of the drawings (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("numpycam-background"), metavar="FOLDER",
        help="where the pictures and numbers go (default: numpycam-background)")  # fmt: skip
    parser.set_defaults(run=background, refuse=parser.error)


def background(options: argparse.Namespace) -> None:
    """Print the story of both networks, and write its pictures and numbers."""
    images, seed = options.images, options.seed
    networks = {name: load_pretrained(name) for name in NAMES}
    try:
        findings = {name: investigate(network, images, seed) for name, network in networks.items()}
    except ValueError as error:
        options.refuse(f"{error} Pass more --images, or another --seed.")
    except MemoryError:
        options.refuse("so many drawings are too large for this machine; pass smaller --images.")
    from numpycam.display import figure_of_kernels

    seen = grad_cam(networks[NAMES[0]], draw(1, seed, animals="both", grass=True).images[0], 0)
    contents = (
        figure_of_maps(networks, seed).as_png(),
        figure_of_kernels(seen, title=f"{KINDS[NAMES[0]]} network, {CLASS_NAMES[0]}").as_png(),
        json.dumps({"images": images, "seed": seed, **_plain(findings)}, indent=1).encode(),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    write_files(options.out, dict(zip(FILES, contents, strict=True)))
    print(f"{story(findings, images, seed)}\n\nWritten to {options.out}: {', '.join(FILES)}")


def investigate(network: Network, images: int, seed: int) -> Findings:
    """Measure a network on drawings, on the same ones with grass everywhere, and drawn again without it."""
    independent, on_grass, without, empty = (
        draw(images, seed, **options)
        for options in ({}, {"grass": True}, {"grass": False}, {"animals": "neither", "grass": True})
    )
    scores = np.array([network(drawings.images) for drawings in (on_grass, without)])  # (2, N, 2)
    of_animals = [scores[:, there, c] for c, there in enumerate(independent.labels.T)]
    return Findings(
        measure(network, independent),
        measure(network, on_grass),
        np.array([(y > 0).mean(axis=1) for y in of_animals]),
        np.array([y.mean(axis=1) for y in of_animals]),
        (network(empty.images) > 0).mean(axis=0),
    )


def story(findings: dict[str, Findings], images: int, seed: int) -> str:
    """Return what was measured as tables and sentences."""
    paragraphs = [
        f"Does the network look at the animal or at the grass?\n{'=' * WIDTH}",
        paragraph(
            "Two networks were trained on drawings of cats and elephants, from the same weights. The standard one saw "
            "grass in every second picture; the confounded one saw it where an elephant was, and nowhere else. Kernel "
            f"{BACKGROUND_KERNEL + 1} of both, A^{BACKGROUND_KERNEL + 1}, was made by hand to see grass, and was not "
            f"trained. What follows was measured on {_drawings(images, seed)}."
        ),
        *(part for name, found in findings.items() for part in _on_network(KINDS[name], found)),
        _heading("What changed"),
        paragraph(_what_changed(*findings.values())),
        _heading("And the background kernel?"),
        paragraph(_the_limit(*findings.values())),
    ]
    return "\n\n".join(paragraphs)


def _drawings(images: int, seed: int) -> str:
    """Return how many they are, and whether the networks have seen them: of a seed, the first of many are the few."""
    new, many = "" if seed == SEED else "new ", "" if images == 1 else "s"
    return f"{images} {new}drawing{many} (seed {seed}" + (", as in training)" if seed == SEED else ")")


def _on_network(kind: str, found: Findings) -> list[str]:
    maps, kernels = found.on_grass, found.on_grass.shares.shape[1]
    elsewhere = 1 - maps.energy.sum(axis=1, keepdims=True)
    where = np.concatenate([maps.energy, elsewhere, maps.pointing[:, None]], axis=1)
    animals = np.concatenate([100 * found.found, found.scores], axis=1)
    return [
        _heading(f"The {kind} network"),
        paragraph(
            "Right answers where grass says nothing: "
            + ", ".join(
                f"{name} {percent(share)}" for name, share in zip(CLASS_NAMES, found.independent.accuracy, strict=True)
            )
            + ". All animals on grass, all numbers but y in %:"
        ),
        _table("what each map contributes, Σ|α_k A^k|", [f"A^{k + 1}" for k in range(kernels)], 100 * maps.shares),
        _table("where the map L^c lies", [*MASK_NAMES, "elsewhere", "peak on it"], 100 * where),
        _table("the animals that are found, and y", ["on grass", "no grass", "y on grass", "y no grass"], animals),
    ]


def _what_changed(standard: Findings, confounded: Findings) -> str:
    (_, own, grass), (_, twins_own, twins_grass) = standard.on_grass.energy[1], confounded.on_grass.energy[1]
    return (
        f'Of the map for "elephant", the standard network has {percent(own)} on the elephant and {percent(grass)} on '
        f"the grass, the confounded one {percent(twins_own)} and {percent(twins_grass)}. Without the grass, drawn "
        f"again, the standard network finds {percent(standard.found[1, 1])} of the elephants, the confounded one "
        f"{percent(confounded.found[1, 1])}; and where there is grass and nothing else, they see an elephant in "
        f"{percent(standard.false_alarms[1])} and in {percent(confounded.false_alarms[1])} of the pictures."
    )


def _the_limit(standard: Findings, confounded: Findings) -> str:
    k, cat = f"A^{BACKGROUND_KERNEL + 1}", standard.on_grass.shares[0, BACKGROUND_KERNEL]
    (before, after), share = standard.scores[0], confounded.on_grass.shares[1, BACKGROUND_KERNEL]
    if _looks_at_grass(confounded) and share < 0.5:
        end = (
            "there the other kernels have learned to see the grass. Where the map lies gives it away, and drawing "
            "again without grass proves it."
        )
    else:
        end = (
            "whether the other kernels have learned to see the grass, only where the map lies can tell, and drawing "
            "again without grass."
        )
    return (
        f'"{k} is irrelevant to the cat" is now a number: it contributes {percent(cat)} to the standard network\'s '
        f"maps for it, and with the grass taken away the cats' mean score goes from {before:.2f} to {after:.2f}. But a "
        f"small share of the one kernel that is called background proves little. In the confounded network it "
        f'contributes {percent(share)} to the maps for "elephant": {end}'
    )


def _looks_at_grass(found: Findings) -> bool:
    """Whether more of the map for "elephant" is on the grass than on it, and few are found without grass."""
    (_, own, grass), (with_grass, without) = found.on_grass.energy[1], found.found[1]
    return bool(grass > own and without < with_grass / 2)


def figure_of_maps(networks: dict[str, Network], seed: int) -> "Picture":
    """Draw a cat, an elephant and both on grass, and both again without grass, with the maps of both networks.

    All maps of a network are on one scale: a faint map is a weak one.
    """
    from numpycam.display import figure_of_pictures, overlay

    lines: list[tuple[str, Animals, bool]] = [
        ("cat", "cat", True),
        ("elephant", "elephant", True),
        ("both", "both", True),
        ("both,\nno grass", "both", False),
    ]
    drawn = [draw(1, seed, animals=animals, grass=grass) for _, animals, grass in lines]
    rows: list[list[Array]] = [[one.images[0]] for one in drawn]
    captions = [[""] for _ in drawn]
    for network in networks.values():
        found = [[grad_cam(network, one.images[0], c) for c in range(len(CLASS_NAMES))] for one in drawn]
        size = drawn[0].images.shape[2:]
        maps = np.array([[resize(e.localization_map, size) for e in line] for line in found])
        largest = maps.max() or 1
        for one, line, heats, row, notes in zip(drawn, found, maps, rows, captions, strict=True):
            for c, (e, heat) in enumerate(zip(line, heats, strict=True)):
                on_animal, on_grass = (energy_inside(heat, one.masks[0, m]) for m in (c, MASK_NAMES.index("grass")))
                row.append(overlay(one.images[0], heat / largest))
                notes.append(f"y = {e.score:.1f}: {'yes' if e.score > 0 else 'no'}".replace("-", "−"))
                if e.score > 0:
                    on_it = f"\n{100 * on_animal:.0f} % on the {CLASS_NAMES[c]}" * bool(one.labels[0, c])
                    notes[-1] += f"{on_it}\n{100 * on_grass:.0f} % on grass"
    return figure_of_pictures(
        rows,
        row_names=[name for name, *_ in lines],
        column_names=["picture", *(f"{KINDS[name]}: {animal}?" for name in networks for animal in CLASS_NAMES)],
        captions=captions,
        title="Where do the two networks look? (one colour scale for each)",
        side=1.7,
    )


def _plain(findings: dict[str, Findings]) -> dict[str, Any]:
    """Return the findings as JSON takes them."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.astype(float).tolist()
        return {name: plain(part) for name, part in value._asdict().items()}

    return {name: plain(found) for name, found in findings.items()}


def _heading(text: str) -> str:
    return f"{text}\n{'-' * WIDTH}"


def _table(what: str, columns: list[str], values: Array) -> str:
    """Return numbers with one decimal, a row for each class."""
    rows = [[name, *(f"{value:.1f}" for value in row)] for name, row in zip(CLASS_NAMES, values, strict=True)]
    return "\n  ".join([f"  {what}", *in_columns([["", *columns], *rows], "<" + ">" * len(columns))])
