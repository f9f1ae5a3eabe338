"""The worked example told stage by stage, in text: formula, shape, numbers, and what they show.

Every statement is computed on the spot: where it says that a score changes, the network ran again.
"""

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.gradcam import Explanation
from numpycam.network import Network
from numpycam.validation import Array
from numpycam.worked_example import CLASS_NAMES

WIDTH = 79
PATCHES = np.array([["the ear", "the moon"], ["the body", "the tail"]])


def walkthrough(network: Network, explanation: Explanation, exact: Explanation) -> str:
    """Return the story of an explanation of ``worked_example.IMAGE`` by one of its networks.

    ``exact`` is the same explanation in Fractions, for a word on rounding where the other is in floats.
    """
    e, name = explanation, CLASS_NAMES[explanation.class_index]
    paragraphs = [
        f"Grad-CAM, step by step: where does the network see the {name}?\n{'=' * WIDTH}",
        _heading("The picture", "x", e.image),
        _beside(_picture(e.image), _on_picture(network, e)),
        _heading("1  Feature maps", "A^k = features(x)", e.feature_maps),
        table("A^{}", e.feature_maps),
        _say(_on_feature_maps(e)),
        _heading("2  Gradient maps", f"dy/dA^k of the {name}'s score y", e.gradients),
        table("dy/dA^{}", e.gradients),
        _say(_on_gradients(network, e)),
        _heading("3  Global average", "α_k = (1/Z) Σ_ij dy/dA^k_ij with Z = H·W", e.alphas),
        table("α_{}", e.alphas[:, None, None]),
        _say(_on_alphas(e, name)),
        _heading("4  Weighted sum", "L = Σ_k α_k A^k", e.weighted_sum),
        table("α_{0} A^{0}", e.weighted_maps),
        table("L", e.weighted_sum[None]),
        _say(_on_shares(e)),
        _heading("5  Localization map", "L^c = ReLU(L)", e.localization_map),
        table("L^c", e.localization_map[None]),
        _say(_on_relu(network, e, name)),
        _say(_on_exactness(e, exact)),
    ]
    return "\n\n".join(paragraphs)


def _on_picture(network: Network, e: Explanation) -> str:
    scores = zip(CLASS_NAMES, network(e.image[None])[0], strict=True)  # type: ignore[index]
    return "\n".join([
        "A cat (ear, body, tail) bottom left, a moon top right.",
        f"The network: {' → '.join(layer for layer, _ in network.layers)}",
        f"Its scores:  {', '.join(f'{name} {_both(score)}' for name, score in scores)}",
    ])  # fmt: skip


def _on_feature_maps(e: Explanation) -> str:
    ranges = np.ptp(e.feature_maps, axis=(1, 2))
    widest = int(np.argmax(ranges)) + 1
    listed = ", ".join(f"{_decimal(r)} in A^{k}" for k, r in enumerate(ranges, 1))
    return (
        f"From the least to the largest value it is {listed}: the values differ most in A^{widest}, the map of the "
        "background kernel, which fires on the moon."
    )


def _on_gradients(network: Network, e: Explanation) -> str:
    _, head = network.split("features")
    more = e.feature_maps.copy()
    more[0, 0, 0] += 1
    before, after = (head(maps[None])[0, e.class_index] for maps in (e.feature_maps, more))
    change, slope = after - before, e.gradients[0, 0, 0]
    held = _decimal(change) == _decimal(slope)
    verdict = (
        "exactly as dy/dA^1_11 says." if held else f"not {_decimal(slope)}: the gradient holds up to the next kink."
    )
    return (
        f"One unit more in A^1_11, and the head runs again: y goes from {_decimal(before)} to {_decimal(after)}. "
        f"It changes by {_decimal(change)}, {verdict}"
    )


def _on_alphas(e: Explanation, name: str) -> str:
    smallest, largest = int(np.argmin(np.abs(e.alphas))) + 1, int(np.argmax(np.abs(e.alphas))) + 1
    text = f"α_{smallest} is the smallest and α_{largest} the largest in size. "
    if smallest == 3:
        return text + f"So Grad-CAM hardly looks at A^3: the background is not what makes this picture a {name}."
    return text + f"So for the {name} Grad-CAM looks at A^{largest} above all."


def _on_shares(e: Explanation) -> str:
    shares = ", ".join(f"A^{k} {100 * float(share):.1f} %" for k, share in enumerate(e.channel_shares, 1))
    least = int(np.argmin(e.channel_shares))
    return (
        f"Of all that the maps contribute, Σ|α_k A^k|, these are the shares: {shares}. "
        f"So α_{least + 1} A^{least + 1} counts for no more than {100 * float(e.channel_shares[least]):.1f} %."
    )


def _on_relu(network: Network, e: Explanation, name: str) -> str:
    """Show what the ReLU removed, and ask the network whether it really spoke against the class."""
    row, column = np.unravel_index(int(e.weighted_sum.argmin()), e.weighted_sum.shape)
    lowest = e.weighted_sum[row, column]
    if lowest >= 0:
        return "The ReLU removed nothing: no cell speaks against the class."
    removed = ", ".join(_decimal(value) for value in e.weighted_sum[e.weighted_sum < 0])
    image = e.image.copy()  # type: ignore[union-attr]
    image[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] *= 0
    after = network(image[None])[0, e.class_index]
    fact = "The negative cell is real." if after > e.score else "Here the map is wrong: a gradient is local."
    return (
        f"The ReLU removed {removed}: what speaks against the {name}. Does it? Erase {PATCHES[row, column]}, the "
        "2 × 2 patch under the lowest cell, and run the network again: "
        f"y goes from {_decimal(e.score)} to {_decimal(after)}. {fact}"
    )


def _on_exactness(e: Explanation, exact: Explanation) -> str:
    if e.weighted_sum.dtype == object:
        return "All of this was computed in fractions: only the decimals and percentages are rounded."
    pairs = zip(e.weighted_sum.flat, exact.weighted_sum.flat, strict=True)
    off = ", ".join(f"{value!s} for {true}" for value, true in pairs if value != float(true))
    return f"All of this was computed in {e.weighted_sum.dtype}. Cells of L off in the last bits: {off or 'none'}."


def _heading(name: str, formula: str, values: Any) -> str:
    left, right = f"{name}   {formula}", f"shape {values.shape}"
    return f"{left}{right:>{WIDTH - len(left)}}\n{'-' * WIDTH}"


def _say(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


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
    width, gap = 8, 4
    block, titles = width * maps.shape[2], [symbol.format(k) for k in range(1, len(maps) + 1)]
    centred = (f"{title:>{(block + width) // 2 + len(title) // 2 - 1}}".ljust(block) for title in titles)
    lines = [" " * 14 + (" " * gap).join(centred)]
    writings: dict[str, Callable[[Any], str]] = {"as fractions": str, "as decimals": _decimal}
    if maps.dtype != object:
        writings = {"in floats": _decimal}
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
    """Return a fraction as a fraction and as a decimal, where they differ."""
    return _decimal(value) if str(value) == _decimal(value) else f"{value} = {_decimal(value)}"
