"""``numpycam example``: the worked example, stage by stage, with formulas, shapes, numbers and what they show.

Every statement is computed. Where it says that a score changes, the network has run again.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np

from numpycam import worked_example
from numpycam.cli.options import folder_from_text
from numpycam.core.arrays import Array
from numpycam.core.steps import Stages
from numpycam.exact import as_floats
from numpycam.gradcam import grad_cam
from numpycam.interventions import add_to_cell, erase, patch_drops
from numpycam.network import Network
from numpycam.text import decimal, exact_and_decimal, heading, in_columns, maps_as_text, paragraph, percent
from numpycam.worked_example import CLASS_NAMES

TEXTS: dict[str, Any] = {
    "help": "show the worked example, from the picture to the heatmap (this runs if no command is given)",
    "description": "Print every stage of the worked example. Write the step-through page, the figure, the overlay and "
    "the numbers to a folder.",
}

SHOWN = "A cat (ear, body, tail) bottom left, a moon top right."
PATCHES = np.array([["the ear", "the moon"], ["the body", "the tail"]])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    parser.add_argument("--class", dest="class_name", choices=worked_example.CLASS_NAMES, default="cat",
                         help="the class whose score is explained (default: cat)")  # fmt: skip
    parser.add_argument("--head", choices=worked_example.HEADS, default="linear",
                         help="the part of the network after the feature maps (default: linear)")  # fmt: skip
    parser.add_argument("--float", dest="in_floats", action="store_true", help="compute in float64, not in fractions")
    parser.add_argument("--erase", type=_rectangle, metavar="PATCH",
                         help="erase a part of the picture, and show before and after. PATCH is TL, TR, BL or BR (top "
                         "left ...), or a rectangle such as 0:2,2:4 (rows, columns). The files show the picture "
                         "after")  # fmt: skip
    parser.add_argument("--out", type=folder_from_text, default=Path("numpycam-example"), metavar="FOLDER",
                         help="the folder for the files (default: numpycam-example)")  # fmt: skip
    parser.set_defaults(run=_example)


_PATCHES = {"TL": "0:2,0:2", "TR": "0:2,2:4", "BL": "2:4,0:2", "BR": "2:4,2:4"}


def _rectangle(text: str) -> tuple[str, tuple[slice, slice]]:
    """Return a part of the 4 × 4 picture: its name, and its slices of rows and columns."""
    numbers = re.fullmatch(r"([0-4]):([0-4]),([0-4]):([0-4])", _PATCHES.get(text.upper(), text))
    top, bottom, left, right = map(int, numbers.groups()) if numbers else (0, 0, 0, 0)
    if top >= bottom or left >= right:
        raise argparse.ArgumentTypeError(
            f"must be TL, TR, BL, BR or a rectangle such as 0:2,2:4, within 4 rows and 4 columns, got {text!r}"
        )
    return text.upper(), (slice(top, bottom), slice(left, right))


def _example(options: argparse.Namespace) -> None:
    """Print the story of the worked example, and write its files."""
    class_index = worked_example.CLASS_NAMES.index(options.class_name)
    network, image = worked_example.network(options.head), worked_example.IMAGE
    exact = explanation = grad_cam(network, image, class_index)
    if options.in_floats:
        network, image = as_floats(network), as_floats(image)
        explanation = grad_cam(network, image, class_index)
    title, about = f"Grad-CAM of the {options.class_name}, {options.head} head", {"class": options.class_name}
    shows: dict[str, Any] = {"parts": worked_example.PARTS, "caption": SHOWN}
    if options.erase is None:
        story = walkthrough(network, explanation, exact)
    else:
        erased, where = options.erase
        before, explanation = explanation, grad_cam(network, erase(image, where), class_index)
        title, about = f"{title}, {erased} erased", about | {"erased": erased}
        story = before_and_after(before, explanation, erased)
        shows = {"caption": f"{SHOWN} Of it {erased} is erased."}
    about |= {"head": options.head}
    try:
        # A cell of these maps sees its own 2 × 2 patch alone. So "nearest" shows which cell each pixel belongs to.
        files = explanation.save(options.out, title=title, interpolation="nearest", about=about, **shows)
    except ModuleNotFoundError:  # without matplotlib there is the story, but no files
        print(story, flush=True)
        raise
    print(story)
    print(f"\nWritten to {options.out}: {', '.join(files)}")


def walkthrough(network: Network, explanation: Stages, exact: Stages) -> str:
    """Return the story of an explanation of ``worked_example.IMAGE``.

    Parameters
    ----------
    network : Network
        The network that was explained, one of ``worked_example.network()``.
    explanation : Explanation
        In Fractions or in floats.
    exact : Explanation
        The same in Fractions. The story compares it with an explanation in floats, to show the rounding.
    """
    e, name = explanation, CLASS_NAMES[explanation.class_index]
    drops = patch_drops(network, e.image, e.class_index)  # type: ignore[arg-type]
    hires = (e.gradients * e.feature_maps).sum(axis=0)
    paragraphs = [
        heading(f"Grad-CAM, step by step: where does the network see the {name}?", rule="="),
        heading("The picture   x", f"shape {e.image.shape}"),  # type: ignore[union-attr]
        _beside(_picture(e.image), _on_picture(network, e)),
        heading("1  Feature maps   A^k = features(x)", f"shape {e.feature_maps.shape}"),
        maps_as_text("kernel {}", network["features"].parameters["weight"][:, 0]),
        paragraph(_on_kernels(network, e)),
        maps_as_text("A^{}", e.feature_maps),
        paragraph(_on_feature_maps(e)),
        heading(f"2  Gradient maps   dy/dA^k of the {name}'s score y", f"shape {e.gradients.shape}"),
        maps_as_text("dy/dA^{}", e.gradients),
        paragraph(_on_gradients(network, e)),
        heading("3  Global average   α_k = (1/Z) Σ_ij dy/dA^k_ij with Z = H·W", f"shape {e.alphas.shape}"),
        maps_as_text("α_{}", e.alphas[:, None, None]),
        paragraph(_on_alphas(e, name)),
        heading("4  Weighted sum   L = Σ_k α_k A^k", f"shape {e.weighted_sum.shape}"),
        maps_as_text("α_{0} A^{0}", e.weighted_maps),
        maps_as_text("L", e.weighted_sum[None]),
        paragraph(_on_shares(e)),
        heading("5  Localization map   L^c = ReLU(L)", f"shape {e.localization_map.shape}"),
        maps_as_text("L^c", e.localization_map[None]),
        paragraph(_on_relu(e, name)),
        heading("6  The test   drop of y when a patch of the picture is erased", f"shape {drops.shape}"),
        _drops_table(drops, hires, e),
        paragraph(_on_drops(drops, hires, e, name)),
        paragraph(_on_exactness(e, exact)),
    ]
    return "\n\n".join(paragraphs)


def before_and_after(before: Stages, after: Stages, erased: str) -> str:
    """Return two explanations of one class side by side.

    Parameters
    ----------
    before, after : Explanation
        Of ``worked_example.IMAGE``, and of this image with a part of it erased.
    erased : str
        The name of that part.
    """
    name, drop = CLASS_NAMES[before.class_index], before.score - after.score
    maps = [
        ("x", before.image, after.image),
        *((f"A^{k}", *pair) for k, pair in enumerate(zip(before.feature_maps, after.feature_maps, strict=True), 1)),
        ("L", before.weighted_sum, after.weighted_sum),
        ("L^c", before.localization_map, after.localization_map),
    ]
    gradients = "The gradients have not changed."
    if np.abs(after.gradients - before.gradients).max() > 0:
        gradients = "The gradients have changed too, because a ReLU or a maximum has switched."
    return "\n\n".join(
        [
            heading(f"Grad-CAM of the {name} before and after {erased} is erased", rule="="),
            f"{'':12}{'before':33}after",
            *(_pair(symbol, np.squeeze(one), np.squeeze(other)) for symbol, one, other in maps),
            "\n".join(
                f"  {symbol:10}{', '.join(map(decimal, np.ravel(one))):33}{', '.join(map(decimal, np.ravel(other)))}"
                for symbol, one, other in [("α", before.alphas, after.alphas), ("y", before.score, after.score)]
            ),
            paragraph(
                f"The score of the {name} changes from {decimal(before.score)} to {decimal(after.score)}: a "
                f"{'rise' if drop < 0 else 'drop'} of {decimal(abs(drop))}. {gradients}"
            ),
        ]
    )


def _pair(symbol: str, before: Array, after: Array) -> str:
    """Return two maps side by side."""
    width = 4 if before.shape[1] > 2 else 8
    rows = zip(before, after, strict=True)
    sides = [["".join(f"{decimal(value):>{width}}" for value in row) for row in pair] for pair in rows]
    return "\n".join(f"  {symbol if n == 0 else '':10}{left:33}{right}" for n, (left, right) in enumerate(sides))


def _on_picture(network: Network, e: Stages) -> str:
    """Return what the picture shows, and the network with its scores."""
    scores = zip(CLASS_NAMES, network(e.image[None])[0], strict=True)  # type: ignore[index]
    return "\n".join([
        SHOWN,
        f"The network: {' → '.join(layer for layer, _ in network.layers)}",
        "Its weights: chosen by hand, nothing is trained",
        f"Its scores:  {', '.join(f'{name} {exact_and_decimal(score)}' for name, score in scores)}",
    ])  # fmt: skip


def _on_kernels(network: Network, e: Stages) -> str:
    """Return what a kernel does, with the arithmetic of the first cell."""
    kernel = network["features"].parameters["weight"][0, 0]
    patch = e.image[0, :2, :2]  # type: ignore[index]
    terms = " + ".join(
        f"{decimal(x)}·{decimal(w) if w >= 0 else f'({decimal(w)})'}"
        for x, w in zip(patch.flat, kernel.flat, strict=True)
    )
    return (
        "Each kernel is laid over the four 2 × 2 patches of the picture. At each patch, the products of pixels "
        "and weights are added up. Kernel 1 over the upper left patch: "
        f"A^1_11 = {terms} = {decimal(e.feature_maps[0, 0, 0])}."
    )


def _on_feature_maps(e: Stages) -> str:
    """Return how far the values of each feature map are apart."""
    ranges = np.ptp(e.feature_maps, axis=(1, 2))
    listed = ", ".join(
        f"A^{k} spans {decimal(span)} (from {decimal(one.min())} to {decimal(one.max())})"
        for k, (span, one) in enumerate(zip(ranges, e.feature_maps, strict=True), 1)
    )
    return (
        f"{listed}. The values differ most in A^{ranges.argmax() + 1}. Its kernel was made to see the background, "
        "which is the moon here: it has a 3 at the upper right."
    )


def _on_gradients(network: Network, e: Stages) -> str:
    """Return what a gradient says, and what came out when the network ran again with a changed cell."""
    before, scores = e.score, add_to_cell(network, e.image, (0, 0, 0))  # type: ignore[arg-type]
    after = scores[e.class_index]
    change, slope = after - before, e.gradients[0, 0, 0]
    verdict = f"not by {decimal(slope)}. A gradient holds only up to the next kink."
    if change == slope:
        verdict = "exactly as dy/dA^1_11 says."
    elif decimal(change) == decimal(slope):
        verdict = "as dy/dA^1_11 says, up to rounding."
    return (
        "The gradient says how much y changes with each cell. To check it, one unit is added to A^1_11, and the head "
        f"runs again: y goes from {decimal(before)} to {decimal(after)}. It changes by {decimal(change)}, {verdict}"
    )


def _on_alphas(e: Stages, name: str) -> str:
    """Return which map counts most, and whether the background counts."""
    sizes = np.abs(e.alphas)
    largest, smallest = (_which("α_{}", sizes == size) for size in (sizes.max(), sizes.min()))
    text = f"The largest in size is {largest}, the smallest {smallest}. "
    if e.alphas[2] == 0:
        return text + "Here A^3 does not count at all: its hidden unit is shut. It counts as soon as this unit opens."
    if sizes.argmin() == 2:
        return text + f"So A^3, the map of the background kernel, hardly counts for a {name}. This is as it should be."
    return text + f"So this network looks at A^{sizes.argmax() + 1} to recognise an {name}."


def _on_shares(e: Stages) -> str:
    """Return what each map contributes."""
    shares = ", ".join(f"A^{k}\N{NO-BREAK SPACE}{percent(share)}" for k, share in enumerate(e.channel_shares, 1))
    least = _which("α_{0} A^{0}", e.channel_shares == e.channel_shares.min())
    verdict = f"So only {percent(e.channel_shares.min())} comes from {least}."
    if e.channel_shares.min() == 0:
        verdict = f"So nothing at all comes from {least}."
    return f"Map k contributes Σ_ij |α_k A^k_ij|. These are the shares of the total: {shares}. {verdict}"


def _on_relu(e: Stages, name: str) -> str:
    """Return what the ReLU removed."""
    removed = list(zip(*np.nonzero(e.weighted_sum < 0), strict=True))
    if not removed:
        return "The ReLU removed nothing: no cell speaks against the class."
    listed = ", ".join(f"{decimal(e.weighted_sum[cell])} on {PATCHES[cell]}" for cell in removed)
    return (
        f"The ReLU removed {listed}. A negative value means: this speaks against the {name}. Is that true? Step 6 asks "
        "the network."
    )


def _drops_table(drops: Array, hires: Array, e: Stages) -> str:
    """Return the drops of y, with a column for each patch, and a row for the measurement and for each prediction."""
    rows = [["patch erased", "TL ear", "TR moon", "BL body", "BR tail"]]
    for name, values in (("measured", drops), ("HiResCAM", hires), ("Grad-CAM", e.weighted_sum)):
        rows.append([name, *map(decimal, values.flat)])
    return "\n".join(in_columns(rows, "<>>>>", indent=2))


def _on_drops(drops: Array, hires: Array, e: Stages, name: str) -> str:
    """Compare the maps with what was measured."""
    missed = [PATCHES.flat[n] for n in range(4) if decimal(drops.flat[n]) != decimal(hires.flat[n])]
    hires_verdict = "predicts every drop"
    if missed:
        hires_verdict = f"is wrong about {', '.join(missed)}: a gradient holds only up to the next kink"
    return (
        f"{_on_removed(drops, e, name)}HiResCAM, Σ_k dy/dA^k_ij A^k_ij, {hires_verdict}. Grad-CAM has one average α "
        f"for each map. It {_on_order(drops, e.weighted_sum, name)}. (Both are taken before their ReLU.)"
    )


def _on_removed(drops: Array, e: Stages, name: str) -> str:
    """Say whether the patches that the ReLU removed speak against the class. If it removed none, say nothing."""
    removed = np.flatnonzero(e.weighted_sum < 0)
    if not removed.size:
        return ""
    scores = ", ".join(f"{decimal(e.score - drops.flat[n])} without {PATCHES.flat[n]}" for n in removed)
    really = "did speak" if all(drops.flat[n] < 0 for n in removed) else "did not all speak"
    return f"y is {decimal(e.score)}, and {scores}. So what the ReLU removed {really} against the {name}. "


def _on_order(drops: Array, predictions: Array, name: str) -> str:
    """Say whether the predictions put the patches in the order of the drops."""
    true, predicted = (PATCHES.flat[np.argsort(values, axis=None, kind="stable")] for values in (drops, predictions))
    if true[0] != predicted[0]:
        return f"says that {predicted[0]} speaks most against the {name}, but {true[0]} does"
    if true[-1] != predicted[-1]:
        return f"says that {predicted[-1]} speaks most for the {name}, but {true[-1]} does"
    if (true != predicted).any():
        return "puts two patches in the wrong order"
    return "puts the patches in the right order, but some of its drops are wrong"


def _on_exactness(e: Stages, exact: Stages) -> str:
    """Return whether the numbers are exact, and, if they are floats, how far they are off."""
    if e.weighted_sum.dtype == object:
        return "All of this was computed in fractions: only the decimals and percentages are rounded."
    pairs = zip(e.weighted_sum.flat, exact.weighted_sum.flat, strict=True)
    off = ", ".join(f"{value!s} instead of {true}" for value, true in pairs if value != float(true))
    rounded = f"Rounding has changed these cells of L: {off}." if off else "Rounding has changed no cell of L."
    return f"All of this was computed in {e.weighted_sum.dtype}. {rounded}"


def _which(symbol: str, chosen: Array) -> str:
    """Return the symbols of the chosen maps, joined by "and"."""
    return " and ".join(symbol.format(k + 1) for k in np.flatnonzero(chosen))


def _picture(image: Any) -> list[str]:  # (1, H, W)
    """Return the picture as text."""
    return ["  " + " ".join(decimal(value) for value in row) for row in image[0]]


def _beside(left: list[str], right: str) -> str:
    """Return two blocks of lines side by side."""
    rows = right.splitlines()
    rows += [""] * (len(left) - len(rows))
    return "\n".join(f"{a}    {b}".rstrip() for a, b in zip(left, rows, strict=True))
