"""``numpycam background``: measures whether a network looks at the animal or at the grass.

The worked example hopes that Grad-CAM does not look at the map of the background kernel when the class is "cat". Here
this is an experiment whose truth is known. Two networks were trained on drawings, and masks say what was drawn where.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numpycam.cli.options import count_from_text, folder_from_text, seed_from_text
from numpycam.core.arrays import Array
from numpycam.experiments.drawings import CLASS_NAMES, MASK_NAMES, Animals, Drawings, draw
from numpycam.experiments.pretrained import BACKGROUND_KERNEL, NAMES, SEED, Measures, load_pretrained, measure
from numpycam.files import write_files
from numpycam.gradcam import Explanation, grad_cam
from numpycam.metrics import energy_inside
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.text import heading, in_columns, paragraph, percent

if TYPE_CHECKING:
    from numpycam.display import Picture

DRAWINGS, CONFOUNDED = NAMES
TEXTS: dict[str, Any] = {
    "help": "measure whether two trained networks look at the animal or at the grass",
    "description": "Measure two trained networks on drawings of cats and elephants, with grass and without: how much "
    "each kernel contributes, where the maps lie, and what changes without the grass.",
}
FILES = ("background.png", "kernels.png", "background.json")


class Findings(NamedTuple):
    """What was measured for one network, on the same animals with grass and without.

    Attributes
    ----------
    independent : Measures
        On drawings in which grass says nothing about the animals.
    on_grass : Measures
        On the same drawings, but all of them have grass.
    found : array, shape (2, 2)
        A row for the cats, a row for the elephants: the share of them that is found, on grass and without grass.
    scores : array, shape (2, 2)
        Their mean scores y, in the same order.
    false_alarms : array, shape (2,)
        The share of pictures with grass and no animal in which the network sees a cat, or an elephant.
    """

    independent: Measures
    on_grass: Measures
    found: Array
    scores: Array
    false_alarms: Array


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("--images", type=count_from_text, default=500, metavar="N",
        help="how many drawings to measure. Both animals must occur: take 10 or more (default: 500)")  # fmt: skip
    parser.add_argument("--seed", type=seed_from_text, default=0, metavar="N",
        help="the seed of the drawings (default: 0)")  # fmt: skip
    parser.add_argument("--out", type=folder_from_text, default=Path("numpycam-background"), metavar="FOLDER",
        help="the folder for the pictures and the numbers (default: numpycam-background)")  # fmt: skip
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
        options.refuse("there is not enough memory for so many drawings: pass a smaller --images.")
    from numpycam.display import figure_of_kernels

    seen = grad_cam(networks[DRAWINGS], draw(1, seed, animals="both", grass=True).images[0], 0)
    contents = (
        figure_of_maps(networks, seed).as_png(),
        figure_of_kernels(seen, title=f"{DRAWINGS}: {CLASS_NAMES[0]}?").as_png(),
        json.dumps({"images": images, "seed": seed, **_plain(findings)}, indent=1).encode(),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    write_files(options.out, dict(zip(FILES, contents, strict=True)))
    print(f"{story(findings, images, seed)}\n\nWritten to {options.out}: {', '.join(FILES)}")


def investigate(network: Network, images: int, seed: int) -> Findings:
    """Measure a network on drawings, on the same drawings with grass in all of them, and on the same without grass.

    Parameters
    ----------
    network : Network
        It has two scores, as the networks that come with numpycam.
    images, seed : int
        How many drawings, and their seed.

    Returns
    -------
    Findings

    Raises
    ------
    ValueError
        If one of the animals is in none of the drawings.
    """
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
    """Return what was measured as tables and sentences.

    Parameters
    ----------
    findings : dict
        The Findings of both networks that come with numpycam, by name.
    images, seed : int
        How many drawings were measured, and their seed.
    """
    k = BACKGROUND_KERNEL + 1
    paragraphs = [
        heading("Does the network look at the animal or at the grass?", rule="="),
        paragraph(
            "Two networks were trained on drawings of cats and elephants, starting from the same weights. "
            f'"{DRAWINGS}" saw grass in half of the pictures, by chance. "{CONFOUNDED}" saw grass wherever there was '
            f"an elephant, and nowhere else. In both networks, kernel {k} was made by hand to see grass, and was not "
            f"trained. Its map is A^{k}. Everything below was measured on {_drawings(images, seed)}."
        ),
        *(part for name, found in findings.items() for part in _on_network(name, found)),
        heading("What changed"),
        paragraph(_what_changed(findings)),
        heading("And the background kernel?"),
        paragraph(_the_limit(findings)),
        paragraph(
            f"These shares of A^{k} were measured on drawings that all have grass. The command numpycam train measures "
            "them on drawings in which grass says nothing. So it prints other shares for the same network."
        ),
    ]
    return "\n\n".join(paragraphs)


def _drawings(images: int, seed: int) -> str:
    """Return how many drawings there are, and whether they are new to the networks.

    With the seed of the training they are not new: ``draw(20, seed)`` begins ``draw(2000, seed)``.
    """
    noun = "drawing" if images == 1 else "drawings"
    if seed == SEED:
        return f"{images} {noun} (seed {seed}, as in training)"
    return f"{images} new {noun} (seed {seed})"


def _on_network(name: str, found: Findings) -> list[str]:
    """Return the chapter of one network: its right answers, and three tables."""
    maps, kernels = found.on_grass, found.on_grass.shares.shape[1]
    elsewhere = 1 - maps.energy.sum(axis=1, keepdims=True)
    where = np.concatenate([maps.energy, elsewhere, maps.pointing[:, None]], axis=1)
    animals = np.concatenate([100 * found.found, found.scores], axis=1)
    right = [f"{animal} {percent(part)}" for animal, part in zip(CLASS_NAMES, found.independent.accuracy, strict=True)]
    return [
        heading(f'The network "{name}"'),
        paragraph(
            f"Right answers where grass says nothing: {', '.join(right)}. In the tables, the same animals stand on "
            'grass, except where a column says "no grass". All numbers but y are in %.'
        ),
        _table("what each map contributes, Σ|α_k A^k|", [f"A^{k + 1}" for k in range(kernels)], 100 * maps.shares),
        _table("where the map L^c lies", [*MASK_NAMES, "elsewhere", "peak on it"], 100 * where),
        _table("how many animals are found, and their mean score y",
               ["on grass", "no grass", "y on grass", "y no grass"], animals),
    ]  # fmt: skip


def _what_changed(findings: dict[str, Findings]) -> str:
    """Return what each network makes of elephants on grass, of elephants without grass, and of grass alone."""
    maps, found, alarms = [], [], []
    for name, one in findings.items():
        _, own, grass = one.on_grass.energy[1]
        maps.append(f'"{name}" has {percent(own)} of it on the elephant and {percent(grass)} on the grass')
        found.append(f'"{name}" finds {percent(one.found[1, 1])} of them')
        alarms.append(f'"{name}" sees an elephant in {percent(one.false_alarms[1])} of the pictures')
    return (
        f'Where does the map for "elephant" lie? {"; ".join(maps)}. When the same elephants are drawn without grass, '
        f"{' and '.join(found)}. When there is grass and no animal, {' and '.join(alarms)}."
    )


def _the_limit(findings: dict[str, Findings]) -> str:
    """Return what the share of the background kernel says of each network, and what it cannot say."""
    drawings, confounded = findings[DRAWINGS], findings[CONFOUNDED]
    k, cat = f"A^{BACKGROUND_KERNEL + 1}", drawings.on_grass.shares[0, BACKGROUND_KERNEL]
    (before, after), share = drawings.scores[0], confounded.on_grass.shares[1, BACKGROUND_KERNEL]
    if _looks_at_grass(confounded) and share < 0.5:
        end = (
            "There the other kernels have learned to see the grass. The map shows this: more of it lies on the grass "
            "than on the elephant. The drawings without grass prove it: most of the elephants are not found there."
        )
    else:
        end = (
            "This does not tell whether the other kernels have learned to see the grass. To know it, look where the "
            "map lies, and draw the same animals again without grass."
        )
    return (
        f'"{k} is irrelevant to the cat" is now a number. On grass, {k} contributes {percent(cat)} to the maps of '
        f'"{DRAWINGS}" for the cat. Without the grass, the cats\' mean score goes from {before:.2f} to {after:.2f}. '
        "But a small share of the one kernel that is called background proves little. "
        f'In "{CONFOUNDED}", {k} contributes {percent(share)} to the maps for "elephant". {end}'
    )


def _looks_at_grass(found: Findings) -> bool:
    """Whether the map for "elephant" lies more on the grass than on the elephant, and few are found without grass."""
    (_, own, grass), (with_grass, without) = found.on_grass.energy[1], found.found[1]
    return bool(grass > own and without < with_grass / 2)


def figure_of_maps(networks: dict[str, Network], seed: int) -> "Picture":
    """Draw a cat, an elephant, both on grass, and both without grass, each with the maps of the networks.

    All maps of one network have one colour scale, so a faint map is a weak one.

    Parameters
    ----------
    networks : dict
        Networks by name, with one score for each of CLASS_NAMES.
    seed : int
        The seed of the drawings.
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
            row += [overlay(one.images[0], heat / largest) for heat in heats]
            notes += [_caption(e, heat, one) for e, heat in zip(line, heats, strict=True)]
    return figure_of_pictures(
        rows,
        row_names=[name for name, *_ in lines],
        column_names=["picture", *(name for name in networks for _ in CLASS_NAMES)],
        captions=captions,
        title="Where do the two networks look? (one colour scale for all maps of a network)",
        side=1.7,
    )


def _caption(e: Explanation, heat: Array, drawn: Drawings) -> str:  # heat (H, W)
    """Return the question, the score and the answer. If the answer is yes, also say where the map lies."""
    animal, score = CLASS_NAMES[e.class_index], f"{e.score:.1f}".replace("-", "−")
    if e.score <= 0:
        return f"{animal}? y = {score}: no"
    lines = [f"{animal}? y = {score}: yes"]
    if drawn.labels[0, e.class_index]:
        lines.append(f"{100 * energy_inside(heat, drawn.masks[0, e.class_index]):.0f} % on the {animal}")
    lines.append(f"{100 * energy_inside(heat, drawn.masks[0, MASK_NAMES.index('grass')]):.0f} % on grass")
    return "\n".join(lines)


def _plain(findings: dict[str, Findings]) -> dict[str, Any]:
    """Return the findings as dicts and lists, which JSON can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.astype(float).tolist()
        return {name: plain(part) for name, part in value._asdict().items()}

    return {name: plain(found) for name, found in findings.items()}


def _table(title: str, columns: list[str], values: Array) -> str:
    """Return numbers with one decimal, in a row for each class, below a title."""
    rows = [[name, *(f"{value:.1f}" for value in row)] for name, row in zip(CLASS_NAMES, values, strict=True)]
    return "\n".join([f"  {title}", *in_columns([["", *columns], *rows], "<" + ">" * len(columns), indent=2)])
