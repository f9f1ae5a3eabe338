"""The step-through page: one HTML file in which a reader goes through the stages of an explanation.

``page.html`` is the page itself, with its style and its script. The functions here fill its blanks. The finished page
needs no other file and fetches nothing.
"""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import check_is
from numpycam.core.arrays import Array, Pair, Shape
from numpycam.core.steps import Stages
from numpycam.display import (
    Column,
    as_png,
    as_uint8,
    colours_of,
    columns_of,
    is_dark,
    limits_of,
    with_picture,
)
from numpycam.display.canvas import SLIMMEST, check_title
from numpycam.display.stages import choice_in_words
from numpycam.interventions import receptive_field
from numpycam.resize import Interpolation, resize
from numpycam.text import exact, exact_and_decimal, format_number, percent
from numpycam.zero_maps import why_zero

MOST_CELLS = 16  # along a side: a map with more is drawn as a picture, not as a table
MOST_NUMBERS = 6  # along a side: a table with more does not show its numbers in the cells
MOST_VALUES = 4096  # in all: a picture with more does not say the number at which one points


def step_through_page(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
    picture: ArrayLike | None = None,
    class_name: str = "",
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    explanation : Stages
        The explanation of one image by Grad-CAM. If its network is known, pointing at a cell lights the part of the
        picture that the cell saw.
    title : str
    interpolation, most_maps
        As for :func:`numpycam.display.figure_of_stages`.
    picture : array, shape (1, H, W) or (3, H, W), optional
        As for :func:`numpycam.display.with_picture`.
    class_name : str
        Written beside the number of the class.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        If the explanation is for a batch or by another method, or holds NaN or infinity, or the picture is not of that
        kind.
    """
    check_is("explanation", explanation, Stages, "an Explanation")
    check_title(title)
    if explanation.method != "Grad-CAM":
        raise ValueError(f"explanation must be by Grad-CAM, whose steps the page tells, got {explanation.method}.")
    drawn = with_picture(explanation, picture)
    stages, which = columns_of(drawn, interpolation, most_maps), _class(explanation, class_name)
    network_saw = None if picture is None else explanation.image
    sentences = _SENTENCES | {"image": lambda e: _on_image(e, which, network_saw)}
    blanks = {
        "title": escape(title or "Grad-CAM, step by step"),
        "subtitle": _subtitle(explanation, which),
        "links": "\n".join(_link(number, stage) for number, stage in enumerate(stages)),
        "sections": "\n".join(_section(stage, drawn, sentences[stage.name](drawn)) for stage in stages),
        "geometry": json.dumps(_geometry(drawn, interpolation)),
    }
    page = files("numpycam.display").joinpath("page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda blank: blanks[blank[1]], page)


def _class(e: Stages, name: str) -> str:
    if callable(e.class_index):  # a target, whose own text may be long
        return name or exact(e.class_index)
    return f"class {e.class_index} ({name})" if name else f"class {e.class_index}"


def _subtitle(e: Stages, which: str) -> str:
    known = [
        escape(which) if e.class_index is not None else "",
        f"score {_number(e.score)}" if e.score is not None else "",
        f"feature maps of the layer “{escape(e.layer)}”" if e.layer is not None else "",
    ]
    return " · ".join(filter(None, known)) or "From given feature maps and gradient maps"


def _link(number: int, stage: Column) -> str:
    heading = escape(stage.heading)
    label = f'aria-label="{number + 1} {heading}"'
    return f'<li><a href="#{_address(stage)}" {label}>{number + 1}<span>&nbsp;{heading}</span></a></li>'


def _address(stage: Column) -> str:
    return stage.name.replace("_", "-")


def _section(stage: Column, explanation: Stages, sentences: str) -> str:
    channels: Sequence[int | None] = stage.channels or [None]
    exact = _exact_values(stage, explanation)
    figures = [_figure(stage, n, channel, exact) for n, channel in enumerate(channels)]
    pairs = ["\n".join(figures[n : n + 2]) for n in range(0, len(figures), 2)]  # so four stand in a row, or 2 × 2
    maps = "\n".join(f'<div class="pair">{pair}</div>' for pair in pairs)
    legend = _legend(stage, len(explanation.alphas))
    return (
        f'<section id="{_address(stage)}" aria-labelledby="{_address(stage)}-heading">\n<div class="words">\n'
        f'<h2 id="{_address(stage)}-heading" tabindex="-1">{escape(stage.heading)}</h2>\n'
        f'<div class="formula"><math displaystyle="true">{_FORMULAS[stage.name]}</math></div>\n'
        f"<p>{escape(sentences)}</p>\n</div>\n"
        f'<div class="shown">\n<div class="maps">\n{maps}\n</div>\n{legend}</div>\n</section>'
    )


def _legend(stage: Column, maps: int) -> str:
    """Return the colour scale from the lowest to the highest value, and a note if only some of the maps are shown."""
    chosen = choice_in_words(len(stage.channels), maps)
    if chosen and stage.has_bar:
        chosen += " The colours are scaled to them."
    if not stage.has_bar:
        return f'<div class="legend">{chosen}</div>\n'
    scale = stage._replace(maps=np.linspace(0, 1, 11).reshape(1, 1, -1), limits=(0.0, 1.0))
    colours = ", ".join(map(_hex, colours_of(scale, 0)[0]))
    bar = f'<i style="background: linear-gradient(to right, {colours})"></i>'
    ends = [f"<span>{format_number(end)}</span>" for end in limits_of(stage)]
    return f'<div class="legend">{ends[0]}{bar}{ends[1]}{chosen}</div>\n'


def _hex(colour: Array) -> str:
    red, green, blue = as_uint8(colour[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _exact_values(stage: Column, explanation: Stages) -> Array:
    """Return the values of the stage's maps, (maps, H, W), as the explanation holds them: Fractions stay Fractions."""
    if stage.name == "overlay" or stage.maps.ndim == 4:
        return stage.maps
    values = getattr(explanation, stage.name)
    chosen = values[[channel - 1 for channel in stage.channels]] if stage.channels else values
    return chosen.reshape(stage.maps.shape)


def _figure(stage: Column, number: int, channel: int | None, exact: Array) -> str:
    values = stage.maps[number]
    rows, columns = values.shape[:2]
    symbol, name = _SYMBOLS[stage.name], _NAMES.get(stage.name, stage.heading).format(channel)
    index = f"<mn>{channel}</mn>"
    data = f'data-stage="{stage.name}" data-rows="{rows}" data-columns="{columns}" data-name="{escape(name)}"'
    has_numbers = values.ndim == 2 and max(rows, columns) <= MOST_NUMBERS
    longest = max(len(format_number(value)) for value in values.flat) if has_numbers else 1
    shape = min(max(columns / rows, 1 / SLIMMEST), SLIMMEST)
    data += f' style="--rows: {rows}; --columns: {columns}; --shape: {shape:.4g}; --longest: {longest}"'
    if channel is not None:
        data += f' data-k="{channel}"'
    colours = colours_of(stage, number)
    if max(rows, columns) <= MOST_CELLS:
        inner = _table(exact[number], colours, name)
    else:
        inner = _image(colours, stage.in_words(number))
        if values.ndim == 2 and values.size <= MOST_VALUES:
            data += f" data-values='{json.dumps([[format_number(v) for v in row] for row in values])}'"
    caption = f"<math>{symbol.replace('<mi>k</mi>', index)}</math>"
    kind = "grid many" if max(rows, columns) > MOST_NUMBERS else "grid"
    return f'<figure><figcaption>{caption}</figcaption><div class="{kind}" {data}>{inner}</div></figure>'


def _table(values: Array, colours: Array, name: str) -> str:
    """Return a map, or a picture in colour, as a table of coloured cells. The first cell can be reached by Tab."""
    many = max(values.shape[:2]) > MOST_NUMBERS
    rows = []
    for row in range(len(values)):
        cells = [
            _cell(values[row, column], colours[row, column], many, tab=0 if row == column == 0 else -1)
            for column in range(values.shape[1])
        ]
        rows.append(f'<tr role="row">{"".join(cells)}</tr>')
    return f'<table role="grid" aria-label="{escape(name)}"><tbody>{"".join(rows)}</tbody></table>'


def _cell(value: Any, colour: Array, many: bool, tab: int) -> str:
    """Return a cell with its number, which cannot be seen if there are many. In a picture in colour it has none."""
    shade, number, text = "on-dark" if is_dark(colour) else "on-light", "", ""
    if np.ndim(value) == 0:
        number, text = f' data-value="{_number(value)}"', format_number(float(value))
        if many:
            text = f'<span class="unseen">{text}</span>'
    style = f"--colour:{_hex(colour)}"
    return f'<td role="gridcell" class="{shade}" style="{style}" tabindex="{tab}"{number}>{text}</td>'


def _image(colours: Array, alt: str) -> str:
    source = b64encode(as_png(colours)).decode()
    return f'<img tabindex="0" alt="{escape(alt)}" src="data:image/png;base64,{source}">'


def _number(value: Any) -> str:
    """Return a number with a true minus sign: ``143/5 = 28.6`` for a fraction, or else a decimal."""
    return exact_and_decimal(value, lambda number: format_number(float(number))).replace("-", "−")


def _geometry(e: Stages, interpolation: Interpolation) -> dict[str, Any]:
    """Return what the script must know of the places.

    - "maps": how many feature maps there are.
    - "painted": for each row and column of the picture, the rows and columns of the map that paint it.
    - "seen": for each row and column of the map, the rows and columns of the picture that it sees.
    """
    if e.image is None:
        return {"maps": len(e.alphas)}
    size, maps = (e.image.shape[-2], e.image.shape[-1]), e.localization_map.shape
    geometry: dict[str, Any] = {"painted": {}, "maps": len(e.alphas)}
    for axis, what in enumerate(("rows", "columns")):
        cells, pixels = maps[axis], size[axis]
        weights = resize(np.eye(cells), (pixels, cells), interpolation)  # of each cell in each pixel
        geometry["painted"][what] = [*map(_indices, weights)]
    seen = _seen(e, maps, size)
    if seen:
        geometry["seen"] = seen
    return geometry


def _seen(e: Stages, maps: Shape, size: Pair) -> dict[str, Any]:
    """Return the receptive fields, if they are known. A field is where its rows and its columns cross."""
    if e.network is None:
        return {}
    everything = slice(None)
    try:
        rows = [receptive_field(e.network, (i, everything), size, e.layer).any(axis=1) for i in range(maps[0])]
        columns = [receptive_field(e.network, (everything, j), size, e.layer).any(axis=0) for j in range(maps[1])]
    except ValueError:  # a layer of the user's own does not say what its cells see
        return {}
    return {"rows": [*map(_indices, rows)], "columns": [*map(_indices, columns)]}


def _indices(mask: Any) -> list[int]:
    return np.flatnonzero(mask).tolist()


# --- What the page says about each stage -----------------------------------------------------------------------------

_A, _Y = "<msup><mi>A</mi><mi>k</mi></msup>", "<msup><mi>y</mi><mi>c</mi></msup>"
_ALPHA = "<msub><mi>α</mi><mi>k</mi></msub>"
_GRADIENT = f"<mfrac><mrow><mi>d</mi>{_Y}</mrow><mrow><mi>d</mi>{_A}</mrow></mfrac>"
_SPACE = "<mspace width='.25em'></mspace>"
_L, _MAP = "<mi>L</mi>", "<msup><mi>L</mi><mi>c</mi></msup>"

_SYMBOLS = {
    "image": "<mi>x</mi>",
    "feature_maps": _A,
    "gradients": f"<mrow><mi>d</mi>{_Y}<mo>/</mo><mi>d</mi>{_A}</mrow>",
    "alphas": _ALPHA,
    "weighted_maps": f"<mrow>{_ALPHA}{_A}</mrow>",
    "weighted_sum": _L,
    "localization_map": _MAP,
    "overlay": f"<mrow>{_MAP}{_SPACE}<mtext>over</mtext>{_SPACE}<mi>x</mi></mrow>",
}
_NAMES = {
    "feature_maps": "feature map {}",
    "gradients": "gradient map {}",
    "alphas": "α of map {}",
    "weighted_maps": "weighted map {}",
}
_EQUALS = "<mo>=</mo>"
_FORMULAS = {
    "image": f"<mi>y</mi>{_EQUALS}<mi>network</mi><mo>(</mo><mi>x</mi><mo>)</mo>",
    "feature_maps": f"<mi>A</mi>{_EQUALS}<mi>features</mi><mo>(</mo><mi>x</mi><mo>)</mo>",
    "gradients": _GRADIENT,
    "alphas": f"{_ALPHA}{_EQUALS}<mfrac><mn>1</mn><mrow><mi>H</mi><mi>W</mi></mrow></mfrac>"
    "<munder><mo>∑</mo><mrow><mi>i</mi><mo>,</mo><mi>j</mi></mrow></munder>"
    f"<mfrac><mrow><mi>d</mi>{_Y}</mrow><mrow><mi>d</mi><msubsup><mi>A</mi><mrow><mi>i</mi><mi>j</mi></mrow><mi>k</mi>"
    "</msubsup></mrow></mfrac>",
    "weighted_maps": f"{_ALPHA}<mo>·</mo>{_A}",
    "weighted_sum": f"{_L}{_EQUALS}<munder><mo>∑</mo><mi>k</mi></munder>{_ALPHA}{_A}",
    "localization_map": f"{_MAP}{_EQUALS}<mi>ReLU</mi><mo>(</mo>{_L}<mo>)</mo>{_EQUALS}"
    f"<mi>max</mi><mo>(</mo>{_L}<mo>,</mo><mn>0</mn><mo>)</mo>",
    "overlay": "<mfrac><mn>1</mn><mn>2</mn></mfrac><mi>x</mi><mo>+</mo><mfrac><mn>1</mn><mn>2</mn></mfrac>"
    f"<mi>colour</mi><mo>(</mo><mi>normalise</mi><mo>(</mo><mi>resize</mi><mo>(</mo>{_MAP}<mo>)</mo><mo>)</mo><mo>)</mo>",
}


def _place(values: Array, flat_index: Any) -> str:
    row, column = (int(n) + 1 for n in np.unravel_index(int(flat_index), values.shape)[-2:])
    return f"row {row}, column {column}"


def _more(values: Array, value: Any) -> str:
    """Return how many more of the values have this size; nothing if there are no more."""
    more = int((values == value).sum()) - 1
    return f", and {more} more of that size" if more > 0 else ""


def _on_image(e: Stages, which: str, network_saw: Array | None) -> str:
    channels, height, width = e.image.shape  # type: ignore[union-attr]
    size = f"{height} pixels high, {width} wide{', in colour' if channels == 3 else ''}"
    if network_saw is None:
        first = f"This is what the network sees: {size}."
    else:
        numbers = f"other numbers in its place, from {_number(network_saw.min())} to {_number(network_saw.max())}"
        first = f"This is the picture as a person sees it: {size}; the network sees {numbers}."
    score = _number(e.score)
    told = f"For the target, {which}, the scores make {score}" if callable(e.class_index) else ""
    told = told or f"The network gives {which} the score {score}"
    return f"{first} {told}; the question is where in the picture this score comes from."


def _on_feature_maps(e: Stages) -> str:
    return (
        f"Each of the {len(e.alphas)} feature maps shows what one filter finds in the picture, and where. "
        f"The values go from {_number(e.feature_maps.min())} to {_number(e.feature_maps.max())}."
    )


def _on_gradients(e: Stages) -> str:
    first = (
        "If a cell of a feature map changes by a small step, the score changes by the step times the number in the "
        "same cell here."
    )
    sizes = np.abs(e.gradients)
    if not sizes.any():
        return f"{first} All are 0: at this picture the score does not depend on these maps, and Grad-CAM is empty."
    largest = int(sizes.argmax())
    k = np.unravel_index(largest, sizes.shape)[0] + 1
    value = _number(e.gradients.flat[largest])
    return f"{first} The largest in size is {value}, in map {k}, {_place(sizes, largest)}{_more(sizes, sizes.max())}."


def _on_alphas(e: Stages) -> str:
    first = "The average of each gradient map says how much its feature map counts as a whole: one number for each map."
    sizes = np.abs(e.alphas)
    if sizes.max() == sizes.min():
        return f"{first} Here {'it is' if len(sizes) == 1 else 'all have the size'} {_number(sizes[0])}."
    largest, smallest = int(sizes.argmax()), int(sizes.argmin())
    return (
        f"{first} The largest in size is "
        f"α of map {largest + 1}, {_number(e.alphas[largest])}{_more(sizes, sizes.max())}; "
        f"the smallest is α of map {smallest + 1}, {_number(e.alphas[smallest])}{_more(sizes, sizes.min())}."
    )


def _on_weighted_maps(e: Stages) -> str:
    first, shares = "Each feature map times its α: what it contributes, cell by cell.", e.channel_shares
    if not shares.any():
        return f"{first} Here all contributions are 0."
    if len(shares) == 1:
        return f"{first} There is one map, and it contributes all."
    if shares.max() == shares.min():
        return f"{first} All maps contribute the same amount."
    largest, smallest = int(shares.argmax()), int(shares.argmin())
    return (
        f"{first} Map {largest + 1} has the largest share of the total size of all contributions, "
        f"{percent(shares[largest])}{_more(shares, shares.max())}; map {smallest + 1} has the smallest, "
        f"{percent(shares[smallest])}{_more(shares, shares.min())}."
    )


def _on_weighted_sum(e: Stages) -> str:
    total = e.weighted_sum
    return (
        "The weighted maps are added up, cell by cell: positive cells speak for the class, negative cells against it. "
        f"The largest number is {_number(total.max())}, at {_place(total, total.argmax())}; "
        f"the smallest is {_number(total.min())}, at {_place(total, total.argmin())}."
    )


def _on_localization_map(e: Stages) -> str:
    removed = int((e.weighted_sum < 0).sum())
    end = "." if e.localization_map.any() else f", and nothing is left to show. {why_zero(e)}"
    return (
        "The ReLU keeps what speaks for the class and sets the rest to 0. "
        f"It changed {removed} of the {e.weighted_sum.size} cells{end}"
    )


def _on_overlay(e: Stages) -> str:
    if not e.localization_map.any():
        return "The map is zero, so the picture is all that there is to see."
    return (
        "The map is enlarged to the size of the picture, divided by its largest value, coloured, and laid over the "
        "picture. The colours compare places within this one map; they do not show how high the score is."
    )


_SENTENCES = {
    "feature_maps": _on_feature_maps,
    "gradients": _on_gradients,
    "alphas": _on_alphas,
    "weighted_maps": _on_weighted_maps,
    "weighted_sum": _on_weighted_sum,
    "localization_map": _on_localization_map,
    "overlay": _on_overlay,
}
