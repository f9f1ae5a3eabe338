"""``numpycam example``: the worked example told stage by stage: formula, shape, numbers, and what they show.

Every statement is computed on the spot. Where it says that a score changes, the network ran again.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np

from numpycam import worked_example
from numpycam.core.arrays import Array
from numpycam.core.steps import Stages
from numpycam.exact import as_floats
from numpycam.gradcam import grad_cam
from numpycam.interventions import add_to_cell, erase, patch_drops
from numpycam.network import Network
from numpycam.text import WIDTH, decimal, exact_and_decimal, paragraph, percent, table
from numpycam.worked_example import CLASS_NAMES

TEXTS: dict[str, Any] = {
    "help": "the worked example, from the picture to the heatmap (what runs if no command is given)",
    "description": "Print every stage of the worked example; write the step-through page, the figure, the overlay and "
    "the numbers to a folder.",
}

PATCHES = np.array([["the ear", "the moon"], ["the body", "the tail"]])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the command takes, and to run it."""
    parser.add_argument("--class", dest="class_name", choices=worked_example.CLASS_NAMES, default="cat",
                         help="the class whose score is explained (default: cat)")  # fmt: skip
    parser.add_argument("--head", choices=worked_example.HEADS, default="linear",
                         help="what comes after the feature maps (default: linear)")  # fmt: skip
    parser.add_argument("--float", dest="in_floats", action="store_true", help="compute in float64, not in fractions")
    parser.add_argument("--erase", type=_rectangle, metavar="PATCH",
                         help="erase TL, TR, BL or BR (top left ...), or a rectangle such as 0:2,2:4 (rows, columns), "
                         "and show before and after; the files are of the picture after")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("numpycam-example"), metavar="FOLDER",
                         help="where the files go (default: numpycam-example)")  # fmt: skip
    parser.set_defaults(run=_example)


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
    files = explanation.save(options.out, title=title, interpolation="nearest", about=about | {"head": options.head})
    print(story)
    print(f"\nWritten to {options.out}: {', '.join(files)}")


def walkthrough(network: Network, explanation: Stages, exact: Stages) -> str:
    """Return the story of an explanation of ``worked_example.IMAGE`` by one of its networks.

    ``exact`` is the same explanation in Fractions, for a word on rounding where the other is in floats.
    """
    e, name = explanation, CLASS_NAMES[explanation.class_index]
    drops = patch_drops(network, e.image, e.class_index)  # type: ignore[arg-type]
    hires = (e.gradients * e.feature_maps).sum(axis=0)
    paragraphs = [
        f"Grad-CAM, step by step: where does the network see the {name}?\n{'=' * WIDTH}",
        _heading("The picture", "x", e.image),
        _beside(_picture(e.image), _on_picture(network, e)),
        _heading("1  Feature maps", "A^k = features(x)", e.feature_maps),
        table("kernel {}", network["features"].parameters["weight"][:, 0]),
        paragraph(_on_kernels(network, e)),
        table("A^{}", e.feature_maps),
        paragraph(_on_feature_maps(e)),
        _heading("2  Gradient maps", f"dy/dA^k of the {name}'s score y", e.gradients),
        table("dy/dA^{}", e.gradients),
        paragraph(_on_gradients(network, e)),
        _heading("3  Global average", "α_k = (1/Z) Σ_ij dy/dA^k_ij with Z = H·W", e.alphas),
        table("α_{}", e.alphas[:, None, None]),
        paragraph(_on_alphas(e, name)),
        _heading("4  Weighted sum", "L = Σ_k α_k A^k", e.weighted_sum),
        table("α_{0} A^{0}", e.weighted_maps),
        table("L", e.weighted_sum[None]),
        paragraph(_on_shares(e)),
        _heading("5  Localization map", "L^c = ReLU(L)", e.localization_map),
        table("L^c", e.localization_map[None]),
        paragraph(_on_relu(e, name)),
        _heading("6  The test", "drop of y when a patch of the picture is erased", drops),
        _drops_table(drops, hires, e),
        paragraph(_on_drops(drops, hires, e, name)),
        paragraph(_on_exactness(e, exact)),
    ]
    return "\n\n".join(paragraphs)


def before_and_after(before: Stages, after: Stages, erased: str) -> str:
    """Return two explanations of one class side by side: of ``worked_example.IMAGE``, and with a part of it erased."""
    name, drop = CLASS_NAMES[before.class_index], before.score - after.score
    maps = [
        ("x", before.image, after.image),
        *((f"A^{k}", *pair) for k, pair in enumerate(zip(before.feature_maps, after.feature_maps, strict=True), 1)),
        ("L", before.weighted_sum, after.weighted_sum),
        ("L^c", before.localization_map, after.localization_map),
    ]
    changed = np.abs(after.gradients - before.gradients).max() > 0
    return "\n\n".join(
        [
            f"Grad-CAM of the {name} before and after {erased} is erased\n{'=' * WIDTH}",
            f"{'':12}{'before':33}after",
            *(_pair(symbol, np.squeeze(one), np.squeeze(other)) for symbol, one, other in maps),
            "\n".join(
                f"  {symbol:10}{', '.join(map(decimal, np.ravel(one))):33}{', '.join(map(decimal, np.ravel(other)))}"
                for symbol, one, other in [("α", before.alphas, after.alphas), ("y", before.score, after.score)]
            ),
            paragraph(
                f"The score of the {name} changes from {decimal(before.score)} to {decimal(after.score)}: a "
                f"{'rise' if drop < 0 else 'drop'} of {decimal(abs(drop))}. "
                + (
                    "The gradients have changed too: a ReLU or a maximum has switched."
                    if changed
                    else "The gradients have not changed."
                )
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
    scores = zip(CLASS_NAMES, network(e.image[None])[0], strict=True)  # type: ignore[index]
    return "\n".join([
        "A cat (ear, body, tail) bottom left, a moon top right.",
        f"The network: {' → '.join(layer for layer, _ in network.layers)}",
        "Its weights: chosen by hand, nothing is trained",
        f"Its scores:  {', '.join(f'{name} {exact_and_decimal(score)}' for name, score in scores)}",
    ])  # fmt: skip


def _on_kernels(network: Network, e: Stages) -> str:
    kernel = network["features"].parameters["weight"][0, 0]
    patch = e.image[0, :2, :2]  # type: ignore[index]
    terms = " + ".join(
        f"{decimal(x)}·{decimal(w) if w >= 0 else f'({decimal(w)})'}"
        for x, w in zip(patch.flat, kernel.flat, strict=True)
    )
    return (
        "Each kernel is laid over the four 2 × 2 patches of the picture, and each time the products are added up. "
        f"Kernel 1 over the upper left patch: A^1_11 = {terms} = {decimal(e.feature_maps[0, 0, 0])}."
    )


def _on_feature_maps(e: Stages) -> str:
    ranges = np.ptp(e.feature_maps, axis=(1, 2))
    listed = ", ".join(
        f"A^{k} spans {decimal(span)} (from {decimal(one.min())} to {decimal(one.max())})"
        for k, (span, one) in enumerate(zip(ranges, e.feature_maps, strict=True), 1)
    )
    return (
        f"{listed}. The values differ most in A^{ranges.argmax() + 1}: its kernel, with the 3 at the upper right, was "
        "made to see the background, here the moon."
    )


def _on_gradients(network: Network, e: Stages) -> str:
    before, scores = e.score, add_to_cell(network, e.image, (0, 0, 0))  # type: ignore[arg-type]
    after = scores[e.class_index]
    change, slope = after - before, e.gradients[0, 0, 0]
    verdict = f"not by {decimal(slope)}: a gradient holds up to a kink."
    if change == slope:
        verdict = "exactly as dy/dA^1_11 says."
    elif decimal(change) == decimal(slope):
        verdict = "as dy/dA^1_11 says, up to rounding."
    return (
        "How much y changes with each cell. One unit more in A^1_11, and the head runs again: "
        f"y goes from {decimal(before)} to {decimal(after)}. It changes by {decimal(change)}, {verdict}"
    )


def _on_alphas(e: Stages, name: str) -> str:
    sizes = np.abs(e.alphas)
    largest, smallest = (_which("α_{}", sizes == size) for size in (sizes.max(), sizes.min()))
    text = f"The largest in size is {largest}, the smallest {smallest}. "
    if e.alphas[2] == 0:
        return text + "A^3 does not count at all here: its hidden unit is shut. That holds as long as it stays shut."
    if sizes.argmin() == 2:
        return text + f"A^3, the map of the background kernel, hardly counts for a {name}, as it should be."
    return text + f"It is A^{sizes.argmax() + 1} that this network looks at to tell an {name}."


def _on_shares(e: Stages) -> str:
    shares = ", ".join(f"A^{k}\N{NO-BREAK SPACE}{percent(share)}" for k, share in enumerate(e.channel_shares, 1))
    least = _which("α_{0} A^{0}", e.channel_shares == e.channel_shares.min())
    verdict = f"So {least} counts for {percent(e.channel_shares.min())} only."
    if e.channel_shares.min() == 0:
        verdict = f"{least}: nothing at all."
    return f"Of all that the maps contribute, Σ|α_k A^k|, these are the shares: {shares}. {verdict}"


def _on_relu(e: Stages, name: str) -> str:
    removed = list(zip(*np.nonzero(e.weighted_sum < 0), strict=True))
    if not removed:
        return "The ReLU removed nothing: no cell speaks against the class."
    listed = ", ".join(f"{decimal(e.weighted_sum[cell])} on {PATCHES[cell]}" for cell in removed)
    return f"The ReLU removed {listed}: what speaks against the {name}. Does it really? Step 6 asks the network."


def _drops_table(drops: Array, hires: Array, e: Stages) -> str:
    """Return the drops of y: a column for each patch, a row for what was measured and for each prediction."""
    corners = np.array(["TL ear", "TR moon", "BL body", "BR tail"])
    rows = {"patch erased": corners, "measured": drops, "HiResCAM": hires, "Grad-CAM": e.weighted_sum}
    return "\n".join(
        f"  {name:14}" + "".join(f"{value if isinstance(value, str) else decimal(value):>12}" for value in values.flat)
        for name, values in rows.items()
    )


def _on_drops(drops: Array, hires: Array, e: Stages, name: str) -> str:
    """Hold the map against what was measured."""
    removed = np.flatnonzero(e.weighted_sum < 0)
    scores = ", ".join(f"{decimal(e.score - drops.flat[n])} without {PATCHES.flat[n]}" for n in removed)
    really = "did speak" if all(drops.flat[n] < 0 for n in removed) else "did not all speak"
    asked = f"y is {decimal(e.score)}, and {scores}: what the ReLU removed {really} against the {name}. " * bool(
        removed.size
    )

    missed = [PATCHES.flat[n] for n in range(4) if decimal(drops.flat[n]) != decimal(hires.flat[n])]
    local = f"misses {', '.join(missed)}: a gradient holds up to a kink" if missed else "is right everywhere"
    order, predicted = (np.argsort(values, axis=None, kind="stable") for values in (drops, e.weighted_sum))
    average = "has the patches in the right order, but not the sizes"
    if (order != predicted).any():
        most = [PATCHES.flat[ranks[0]] for ranks in (order, predicted)]
        average = f"says that {most[1]} speaks most against the {name}; it is {most[0]}"
        if most[0] == most[1]:
            most = [PATCHES.flat[ranks[-1]] for ranks in (order, predicted)]
            average = f"says that {most[1]} speaks most for the {name}; it is {most[0]}"
    return (
        f"{asked}HiResCAM, Σ_k dy/dA^k_ij A^k_ij, {local}. Grad-CAM, with one average α for a map, {average}. "
        "(Both before their ReLU.)"
    )


def _on_exactness(e: Stages, exact: Stages) -> str:
    if e.weighted_sum.dtype == object:
        return "All of this was computed in fractions: only the decimals and percentages are rounded."
    pairs = zip(e.weighted_sum.flat, exact.weighted_sum.flat, strict=True)
    off = ", ".join(f"{value!s} for {true}" for value, true in pairs if value != float(true))
    return f"All of this was computed in {e.weighted_sum.dtype}. Cells of L off in the last bits: {off or 'none'}."


def _which(symbol: str, chosen: Array) -> str:
    """Return the symbols of the chosen maps: one, or all that are equal."""
    return " and ".join(symbol.format(k + 1) for k in np.flatnonzero(chosen))


def _heading(name: str, formula: str, values: Any) -> str:
    left, right = f"{name}   {formula}", f"shape {values.shape}"
    return f"{left}{right:>{WIDTH - len(left)}}\n{'-' * WIDTH}"


def _picture(image: Any) -> list[str]:  # (1, H, W)
    return ["  " + " ".join(decimal(value) for value in row) for row in image[0]]


def _beside(left: list[str], right: str) -> str:
    """Return two blocks of lines side by side."""
    rows = right.splitlines()
    rows += [""] * (len(left) - len(rows))
    return "\n".join(f"{a}    {b}".rstrip() for a, b in zip(left, rows, strict=True))
