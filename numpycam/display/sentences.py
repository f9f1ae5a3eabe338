"""What the step-through page says about each stage: in general, and of the numbers that stand there."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arrays import Array, Pair
from numpycam.core.steps import Stages
from numpycam.display.example import in_words
from numpycam.exact import as_floats
from numpycam.text import decimal, exact, percent
from numpycam.zero_maps import why_zero


class Said(NamedTuple):
    """Sentences about a stage. If a reader changes a number, the page shows only those that are general."""

    general: str
    of_these: str = ""


def class_in_words(e: Stages, name: str) -> str:
    """Return "class 0 (cat)", or the text of a target."""
    if callable(e.class_index):  # a target, whose own text may be long
        return name or exact(e.class_index)
    return f"class {e.class_index} ({name})" if name else f"class {e.class_index}"


def on_image(e: Stages, which: str, network_saw: Array | None) -> Said:
    """Return what the picture is. If the network saw other numbers than those that are drawn, they are given."""
    channels, height, width = e.image.shape  # type: ignore[union-attr]
    size = f"{height} pixels high, {width} wide{', in colour' if channels == 3 else ''}"
    general = f"This is what the network sees: {size}."
    if network_saw is not None:
        ends = f"from {in_words(network_saw.min())} to {in_words(network_saw.max())}"
        general = (
            f"This is the picture as a person sees it: {size}. The network sees other numbers in its place, {ends}."
        )
    score = in_words(e.score)
    told = f"For the target, {which}, the scores make {score}" if callable(e.class_index) else ""
    told = told or f"The network gives {which} the score {score}"
    return Said(general, f"{told}. Where in the picture does this score come from?")


def _on_feature_maps(e: Stages) -> Said:
    return Said(
        f"Each of the {len(e.alphas)} feature maps shows what one filter finds in the picture, and where.",
        f"The values go from {in_words(e.feature_maps.min())} to {in_words(e.feature_maps.max())}.",
    )


def _on_gradients(e: Stages) -> Said:
    general = (
        "If a cell of a feature map changes by a small step, the score changes, too: by the step times the number in "
        "the same cell here."
    )
    sizes = np.abs(e.gradients)
    if not sizes.any():
        nothing = "At this picture the score does not depend on these maps, and Grad-CAM is empty."
        return Said(general, f"All are 0. {nothing}")
    largest = int(sizes.argmax())
    k = np.unravel_index(largest, sizes.shape)[0] + 1
    value, more = in_words(e.gradients.flat[largest]), _more(sizes, sizes.max())
    return Said(general, f"The largest in size is {value}, in map {k}, {_place(sizes, largest)}{more}.")


def _on_alphas(e: Stages) -> Said:
    general = "The average of each gradient map says how much its feature map counts as a whole."
    sizes = np.abs(e.alphas)
    if sizes.max() == sizes.min():
        return Said(general, f"Here {'it is' if len(sizes) == 1 else 'all have the size'} {in_words(sizes[0])}.")
    largest, smallest = int(sizes.argmax()), int(sizes.argmin())
    return Said(
        general,
        f"The largest in size is α of map {largest + 1}, {in_words(e.alphas[largest])}{_more(sizes, sizes.max())}. "
        f"The smallest is α of map {smallest + 1}, {in_words(e.alphas[smallest])}{_more(sizes, sizes.min())}.",
    )


def _on_weighted_maps(e: Stages) -> Said:
    general, shares = "Each feature map times its α: what it contributes, cell by cell.", e.channel_shares
    if not shares.any():
        return Said(general, "Here all contributions are 0.")
    if len(shares) == 1:
        return Said(general, "There is one map, and it contributes all.")
    if shares.max() == shares.min():
        return Said(general, "All maps contribute the same amount.")
    largest, smallest = int(shares.argmax()), int(shares.argmin())
    return Said(
        general,
        f"Map {largest + 1} has the largest share of the total size of all contributions, "
        f"{percent(shares[largest])}{_more(shares, shares.max())}. "
        f"Map {smallest + 1} has the smallest, {percent(shares[smallest])}{_more(shares, shares.min())}.",
    )


def _on_weighted_sum(e: Stages) -> Said:
    total = e.weighted_sum
    return Said(
        "The weighted maps are added up, cell by cell. Positive cells speak for the class, negative cells against it.",
        f"The largest number is {in_words(total.max())}, at {_place(total, total.argmax())}. "
        f"The smallest is {in_words(total.min())}, at {_place(total, total.argmin())}.",
    )


def _on_localization_map(e: Stages) -> Said:
    changed = f"It changed {(e.weighted_sum < 0).sum()} of the {e.weighted_sum.size} cells."
    nothing = "" if e.localization_map.any() else f" Nothing is left to show. {why_zero(e)}"
    return Said("The ReLU keeps what speaks for the class and sets the rest to 0.", changed + nothing)


def _on_overlay(e: Stages) -> Said:
    return Said(
        "The map is enlarged to the size of the picture and divided by its largest value. Then it is laid over the "
        "picture as paint. The paint is thick where the map is large. Where the map is 0 there is none. The paint "
        "compares places within this one map. It does not show how high the score is.",
        "" if e.localization_map.any() else "This map is zero, so the picture is all that there is to see.",
    )


SENTENCES: dict[str, Callable[[Stages], Said]] = {
    "feature_maps": _on_feature_maps,
    "gradients": _on_gradients,
    "alphas": _on_alphas,
    "weighted_maps": _on_weighted_maps,
    "weighted_sum": _on_weighted_sum,
    "localization_map": _on_localization_map,
    "overlay": _on_overlay,
}
"""What is said about each stage, but for the picture and the test."""


def on_test(values: Array) -> Said:
    """Return what the test is, and what :func:`numpycam.display.example.drops_of` found."""
    drops, hires, total = ([decimal(value) for value in one.flat] for one in values)
    right = [sum(a == b for a, b in zip(drops, predicted, strict=True)) for predicted in (hires, total)]
    orders = [np.argsort(as_floats(one), axis=None, kind="stable").tolist() for one in values]
    order = "in the order of the drops" if orders[0] == orders[2] else "in another order"
    return Said(
        "What a cell saw of the picture is erased, that is, set to 0. Then the network runs again. The number is how "
        "much the score drops. Two maps predict the drops: HiResCAM, the sum of dy/dA · A over the maps, and L, the "
        "weighted sum of Grad-CAM.",
        f"HiResCAM is right about {right[0]} of the {len(drops)} drops. L is right about {right[1]}, and puts the "
        f"cells {order}.",
    )


def removed_in_words(e: Stages, drops: Array, names: Mapping[Pair, str]) -> str:
    """Say whether the cells that the ReLU removed really speak against the class; nothing if it removed none."""
    removed = [(int(i), int(j)) for i, j in np.argwhere(e.weighted_sum < 0)]
    if not removed:
        return ""
    listed = ", ".join(
        f"{in_words(e.score - drops[cell])} without {names.get(cell) or f'row {cell[0] + 1}, column {cell[1] + 1}'}"
        for cell in removed
    )
    verdict = "did speak" if all(drops[cell] < 0 for cell in removed) else "did not all speak"
    return f"The score is {in_words(e.score)}, and {listed}. What the ReLU removed {verdict} against the class."


def _place(values: Array, flat_index: Any) -> str:
    """Return the row and the column of a cell, counted from 1."""
    row, column = (int(n) + 1 for n in np.unravel_index(int(flat_index), values.shape)[-2:])
    return f"row {row}, column {column}"


def _more(values: Array, value: Any) -> str:
    """Return how many more of the values have this size; nothing if there are no more."""
    more = int((values == value).sum()) - 1
    return f", and {more} more of that size" if more > 0 else ""
