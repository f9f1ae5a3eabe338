"""The worked example told stage by stage, in text: formula, shape, numbers, and what they show.

Every statement is computed on the spot: where it says that a score changes, the network ran again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.gradcam import Explanation
from numpycam.interventions import add_to_cell, patch_drops
from numpycam.network import Network
from numpycam.text import WIDTH, paragraph, percent
from numpycam.validation import Array
from numpycam.worked_example import CLASS_NAMES

PATCHES = np.array([["the ear", "the moon"], ["the body", "the tail"]])


def walkthrough(network: Network, explanation: Explanation, exact: Explanation) -> str:
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


def before_and_after(before: Explanation, after: Explanation, erased: str) -> str:
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
                f"  {symbol:10}{', '.join(map(_decimal, np.ravel(one))):33}{', '.join(map(_decimal, np.ravel(other)))}"
                for symbol, one, other in [("α", before.alphas, after.alphas), ("y", before.score, after.score)]
            ),
            paragraph(
                f"The score of the {name} changes from {_decimal(before.score)} to {_decimal(after.score)}: a "
                f"{'rise' if drop < 0 else 'drop'} of {_decimal(abs(drop))}. "
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
    sides = [["".join(f"{_decimal(value):>{width}}" for value in row) for row in pair] for pair in rows]
    return "\n".join(f"  {symbol if n == 0 else '':10}{left:33}{right}" for n, (left, right) in enumerate(sides))


def _on_picture(network: Network, e: Explanation) -> str:
    scores = zip(CLASS_NAMES, network(e.image[None])[0], strict=True)  # type: ignore[index]
    return "\n".join([
        "A cat (ear, body, tail) bottom left, a moon top right.",
        f"The network: {' → '.join(layer for layer, _ in network.layers)}",
        "Its weights: chosen by hand, nothing is trained",
        f"Its scores:  {', '.join(f'{name} {_both(score)}' for name, score in scores)}",
    ])  # fmt: skip


def _on_kernels(network: Network, e: Explanation) -> str:
    kernel = network["features"].parameters["weight"][0, 0]
    patch = e.image[0, :2, :2]  # type: ignore[index]
    terms = " + ".join(
        f"{_decimal(x)}·{_decimal(w) if w >= 0 else f'({_decimal(w)})'}"
        for x, w in zip(patch.flat, kernel.flat, strict=True)
    )
    return (
        "Each kernel is laid over the four 2 × 2 patches of the picture, and each time the products are added up. "
        f"Kernel 1 over the upper left patch: A^1_11 = {terms} = {_decimal(e.feature_maps[0, 0, 0])}."
    )


def _on_feature_maps(e: Explanation) -> str:
    ranges = np.ptp(e.feature_maps, axis=(1, 2))
    listed = ", ".join(
        f"A^{k} spans {_decimal(span)} (from {_decimal(one.min())} to {_decimal(one.max())})"
        for k, (span, one) in enumerate(zip(ranges, e.feature_maps, strict=True), 1)
    )
    return (
        f"{listed}. The values differ most in A^{ranges.argmax() + 1}: its kernel, with the 3 at the upper right, was "
        "made to see the background, here the moon."
    )


def _on_gradients(network: Network, e: Explanation) -> str:
    before, scores = e.score, add_to_cell(network, e.image, (0, 0, 0))  # type: ignore[arg-type]
    after = scores[e.class_index]
    change, slope = after - before, e.gradients[0, 0, 0]
    verdict = f"not by {_decimal(slope)}: a gradient holds up to a kink."
    if change == slope:
        verdict = "exactly as dy/dA^1_11 says."
    elif _decimal(change) == _decimal(slope):
        verdict = "as dy/dA^1_11 says, up to rounding."
    return (
        "How much y changes with each cell. One unit more in A^1_11, and the head runs again: "
        f"y goes from {_decimal(before)} to {_decimal(after)}. It changes by {_decimal(change)}, {verdict}"
    )


def _on_alphas(e: Explanation, name: str) -> str:
    sizes = np.abs(e.alphas)
    largest, smallest = (_which("α_{}", sizes == size) for size in (sizes.max(), sizes.min()))
    text = f"The largest in size is {largest}, the smallest {smallest}. "
    if e.alphas[2] == 0:
        return text + "A^3 does not count at all here: its hidden unit is shut. That holds as long as it stays shut."
    if sizes.argmin() == 2:
        return text + f"A^3, the map of the background kernel, hardly counts for a {name}, as it should be."
    return text + f"It is A^{sizes.argmax() + 1} that this network looks at to tell an {name}."


def _on_shares(e: Explanation) -> str:
    shares = ", ".join(f"A^{k}\N{NO-BREAK SPACE}{percent(share)}" for k, share in enumerate(e.channel_shares, 1))
    least = _which("α_{0} A^{0}", e.channel_shares == e.channel_shares.min())
    verdict = f"So {least} counts for {percent(e.channel_shares.min())} only."
    if e.channel_shares.min() == 0:
        verdict = f"{least}: nothing at all."
    return f"Of all that the maps contribute, Σ|α_k A^k|, these are the shares: {shares}. {verdict}"


def _on_relu(e: Explanation, name: str) -> str:
    removed = list(zip(*np.nonzero(e.weighted_sum < 0), strict=True))
    if not removed:
        return "The ReLU removed nothing: no cell speaks against the class."
    listed = ", ".join(f"{_decimal(e.weighted_sum[cell])} on {PATCHES[cell]}" for cell in removed)
    return f"The ReLU removed {listed}: what speaks against the {name}. Does it really? Step 6 asks the network."


def _drops_table(drops: Array, hires: Array, e: Explanation) -> str:
    """Return the drops of y: a column for each patch, a row for what was measured and for each prediction."""
    corners = np.array(["TL ear", "TR moon", "BL body", "BR tail"])
    rows = {"patch erased": corners, "measured": drops, "HiResCAM": hires, "Grad-CAM": e.weighted_sum}
    return "\n".join(
        f"  {name:14}" + "".join(f"{value if isinstance(value, str) else _decimal(value):>12}" for value in values.flat)
        for name, values in rows.items()
    )


def _on_drops(drops: Array, hires: Array, e: Explanation, name: str) -> str:
    """Hold the map against what was measured."""
    removed = np.flatnonzero(e.weighted_sum < 0)
    scores = ", ".join(f"{_decimal(e.score - drops.flat[n])} without {PATCHES.flat[n]}" for n in removed)
    really = "did speak" if all(drops.flat[n] < 0 for n in removed) else "did not all speak"
    asked = f"y is {_decimal(e.score)}, and {scores}: what the ReLU removed {really} against the {name}. " * bool(
        removed.size
    )

    missed = [PATCHES.flat[n] for n in range(4) if _decimal(drops.flat[n]) != _decimal(hires.flat[n])]
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


def _on_exactness(e: Explanation, exact: Explanation) -> str:
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


def table(symbol: str, maps: Array) -> str:  # (K, H, W)
    """Return maps side by side in text, as fractions if they are, and as decimals.

    Parameters
    ----------
    symbol : str
        What they are, with ``{}`` for the number of the map.
    maps : array, shape (K, H, W)

    Examples
    --------
    >>> from numpycam.worked_example import ALPHAS
    >>> print(table("α_{}", ALPHAS[:, None, None]))
                         α_1         α_2         α_3
      as fractions      11/4        17/4        1/10
      as decimals       2.75        4.25         0.1
    """
    writings: dict[str, Callable[[Any], str]] = {"as fractions": str, "as decimals": _decimal}
    if maps.dtype != object:
        writings = {"in floats": _decimal}
    width = max(8, 2 + max((len(write(value)) for write in writings.values() for value in maps.flat), default=0))
    block, titles, gap = width * maps.shape[2], [symbol.format(k) for k in range(1, len(maps) + 1)], 4
    centred = (f"{title:>{(block + width) // 2 + len(title) // 2 - 1}}".ljust(block) for title in titles)
    lines = [" " * 14 + (" " * gap).join(centred)]
    for label, write in writings.items():
        for row in maps.swapaxes(0, 1):  # (K, W): the same row of all maps
            cells = ("".join(f"{write(value):>{width}}" for value in values) for values in row)
            lines.append(f"  {label:12}" + (" " * gap).join(cells))
            label = ""
    return "\n".join(line.rstrip() for line in lines)


def _picture(image: Any) -> list[str]:  # (1, H, W)
    return ["  " + " ".join(_decimal(value) for value in row) for row in image[0]]


def _beside(left: list[str], right: str) -> str:
    """Return two blocks of lines side by side."""
    rows = right.splitlines()
    rows += [""] * (len(left) - len(rows))
    return "\n".join(f"{a}    {b}".rstrip() for a, b in zip(left, rows, strict=True))


def _decimal(value: Any) -> str:
    return f"{float(value) + 0.0:.6g}"


def _both(value: Any) -> str:
    """Return a number as a decimal, and as a fraction before it if it is one."""
    return f"{value} = {_decimal(value)}" if str(value).count("/") else _decimal(value)
