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

from numpycam.core.arguments import check_is, check_text
from numpycam.core.arrays import Array, Pair, Shape
from numpycam.core.steps import Stages
from numpycam.display import (
    Column,
    as_png,
    colours_of,
    columns_of,
    is_dark,
    limits_of,
    with_picture,
)
from numpycam.display.answers import answers_of
from numpycam.display.canvas import MOST_NUMBERS, SLIMMEST, check_title, is_small
from numpycam.display.example import (
    Parts,
    Shown,
    convolution_of,
    drops_of,
    has_affine_head,
    hex_of,
    in_words,
    kernels_of,
    names_of_cells,
    places_of,
    raised_scores,
    weights_of,
)
from numpycam.display.pixels import PAINT, STRENGTH
from numpycam.display.sentences import SENTENCES, Said, class_in_words, on_image, on_test, removed_in_words
from numpycam.display.stages import choice_in_words
from numpycam.interventions import receptive_field
from numpycam.resize import Interpolation, resize
from numpycam.text import format_number

MOST_CELLS = 16  # along a side: a map with more is drawn as a picture, not as a table
MOST_VALUES = 4096  # in all: a picture with more does not say the number at which one points


def step_through_page(
    explanation: Stages,
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    most_maps: int = 4,
    picture: ArrayLike | None = None,
    class_name: str = "",
    parts: Parts | None = None,
    caption: str = "",
) -> str:
    """Return the page as HTML.

    If picture and maps are small, the page also shows the kernels and the weights of the head. Its last stage is a
    test: how much the score drops when what a cell saw is erased.

    If, besides, all numbers are Fractions and each layer is affine or takes a maximum, as a ReLU and max pooling do, a
    reader can change every number of the picture, of A and of dy/dA. The page computes all that follows again, exactly.

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
    parts : dict of str to ((row, column), (row, column)), optional
        As for :func:`numpycam.display.figure_of_parts`: the names of what the picture shows, written on it.
    caption : str
        Written below the picture.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        If the explanation is for a batch or by another method, or holds NaN or infinity, or the picture is not of that
        kind, or a part does not lie in it.
    """
    check_is("explanation", explanation, Stages, "an Explanation")
    check_title(title)
    if explanation.method != "Grad-CAM":
        raise ValueError(f"explanation must be by Grad-CAM, whose steps the page tells, got {explanation.method}.")
    check_text("caption", caption)
    drawn = with_picture(explanation, picture)
    places = places_of(parts or {}, () if drawn.image is None else drawn.image.shape[-2:])
    shown = _shown(drawn, explanation, columns_of(drawn, interpolation, most_maps))
    geometry = _geometry(drawn, interpolation, most_maps)
    if picture is not None:  # the network saw other numbers than those on the page
        geometry.pop("convolution", None)
    elif len(explanation.alphas) <= most_maps and (answers := answers_of(explanation, interpolation)):
        geometry["answers"] = answers
    names = names_of_cells(geometry.get("seen", {}), places)
    geometry |= {"parts": places, "names": {f"{i},{j}": name for (i, j), name in names.items()}}
    which, network_saw = class_in_words(explanation, class_name), None if picture is None else explanation.image
    sentences: dict[str, Said] = {name: say(drawn) for name, say in SENTENCES.items()}
    notes = {"image": caption}
    if drawn.image is not None:
        sentences["image"] = on_image(drawn, which, network_saw)
    if shown[-1].column.name == "test":
        sentences["test"] = on_test(shown[-1].values)
        notes["test"] = removed_in_words(explanation, shown[-1].values[0], names)
    return _filled(
        title=escape(title or "Grad-CAM, step by step"),
        subtitle=_subtitle(explanation, which),
        links="\n".join(_link(number, one.column) for number, one in enumerate(shown)),
        sections="\n".join(
            _section(one, explanation, sentences[one.column.name], notes.get(one.column.name, ""), geometry)
            for one in shown
        ),
        geometry=json.dumps(geometry).replace("<", r"\u003c"),  # a name must not end the script
        answers=_text_of("answers.js") if "answers" in geometry else "const answers = null;",
    )


def _filled(**blanks: str) -> str:
    """Return ``page.html`` with a text in the place of each {{blank}}. A {{blank}} in such a text stays as it is."""
    return re.sub(r"\{\{(\w+)\}\}", lambda blank: blanks[blank[1]], _text_of("page.html"))


def _text_of(name: str) -> str:
    """Return what stands in a file beside this one."""
    return files("numpycam.display").joinpath(name).read_text("utf-8")


def _shown(drawn: Stages, explanation: Stages, columns: Sequence[Column]) -> list[Shown]:
    """Return the stages with their exact values, and the test at last if there can be one."""
    shown = [Shown(column, _exact_values(column, drawn)) for column in columns]
    drops = drops_of(explanation) if drawn.image is not None else None
    return [*shown, drops] if drops else shown


def _subtitle(e: Stages, which: str) -> str:
    """Return what stands below the title: the class, the score and the layer, as far as they are known."""
    known = [
        escape(which) if e.class_index is not None else "",
        f'score <span id="score">{in_words(e.score)}</span>' if e.score is not None else "",
        f"feature maps of the layer “{escape(e.layer)}”" if e.layer is not None else "",
    ]
    return " · ".join(filter(None, known)) or "From given feature maps and gradient maps"


def _link(number: int, stage: Column) -> str:
    """Return the link to a stage, for the list at the top of the page."""
    heading = escape(stage.heading)
    label = f'aria-label="{number + 1} {heading}"'
    return f'<li><a href="#{_address(stage)}" {label}>{number + 1}<span>&nbsp;{heading}</span></a></li>'


def _address(stage: Column) -> str:
    """Return the address of a stage within the page, without its #."""
    return stage.name.replace("_", "-")


def _section(one: Shown, e: Stages, said: Said, note: str, geometry: dict[str, Any]) -> str:
    """Return a whole stage: its heading, formula and sentences, its maps, and what stands below them."""
    stage, address = one.column, _address(one.column)
    more = _more_of(stage, e) if stage.name in ("feature_maps", "gradients") else ""
    raised = raised_scores(e) if stage.name == "gradients" else None
    legend = _legend(stage, len(e.alphas))
    note = f'<p class="note{" these" if stage.name == "test" else ""}">{escape(note)}</p>\n' if note else ""
    of_these = f' <span class="these">{escape(said.of_these)}</span>' if said.of_these else ""
    return (
        f'<section id="{address}" aria-labelledby="{address}-heading">\n<div class="words">\n'
        f'<h2 id="{address}-heading" tabindex="-1">{escape(stage.heading)}</h2>\n'
        f'<div class="formula"><math displaystyle="true">{_FORMULAS[stage.name]}</math></div>\n'
        f"<p>{escape(said.general)}{of_these}</p>\n</div>\n"
        f'<div class="shown">\n{_maps(one, geometry, raised)}\n{legend}{note}</div>\n{more}</section>'
    )


def _maps(one: Shown, geometry: dict[str, Any], raised: Array | None = None) -> str:
    """Return the maps of a stage in pairs, so that four stand in a row, or 2 × 2."""
    channels: Sequence[int | None] = one.column.channels or [None]
    figures = [_figure(one, n, channel, geometry, raised) for n, channel in enumerate(channels)]
    pairs = ["\n".join(figures[n : n + 2]) for n in range(0, len(figures), 2)]
    return '<div class="maps">\n' + "\n".join(f'<div class="pair">{pair}</div>' for pair in pairs) + "\n</div>"


def _more_of(stage: Column, e: Stages) -> str:
    """Return the kernels below the feature maps, and the weights of the head below the gradient maps."""
    if stage.name == "feature_maps":
        one, heading = kernels_of(e, stage.channels), "The kernels that make them from the picture"
    else:
        one = weights_of(e, stage.channels)
        heading = "The weights of the head" if has_affine_head(e) else "The kernel of the head for this class"
    if one is None:
        return ""
    worked = f'<p class="worked needs-script" data-of="{one.column.name}"></p>'
    return f'<div class="more">\n<h3>{heading}</h3>\n{_maps(one, {})}\n{worked}\n</div>\n'


def _legend(stage: Column, maps: int) -> str:
    """Return the colour scale from the lowest to the highest value, and a note if only some of the maps are shown."""
    chosen = choice_in_words(len(stage.channels), maps)
    if chosen and stage.has_bar:
        chosen += " The colours are scaled to them."
    if not stage.has_bar:
        return f'<div class="legend">{chosen}</div>\n' if chosen else ""
    if stage.painted is not None:  # over white and over black, as paint looks different on each
        red, green, blue = (round(255 * part) for part in PAINT)
        paint = f"rgb({red} {green} {blue} / 0), rgb({red} {green} {blue} / {STRENGTH})"
        bar = f'<i style="background: linear-gradient(to right, {paint}), linear-gradient(#fff 50%, #000 50%)"></i>'
        return f'<div class="legend"><span>0</span>{bar}<span>{format_number(limits_of(stage)[1])}</span></div>\n'
    scale = stage._replace(maps=np.linspace(0, 1, 11).reshape(1, 1, -1), limits=(0.0, 1.0))
    colours = ", ".join(map(hex_of, colours_of(scale, 0)[0]))
    bar = f'<i style="background: linear-gradient(to right, {colours})"></i>'
    ends = [f"<span>{format_number(end)}</span>" for end in limits_of(stage)]
    return f'<div class="legend">{ends[0]}{bar}{ends[1]}{chosen}</div>\n'


def _exact_values(stage: Column, explanation: Stages) -> Array:
    """Return the values of the stage's maps, (maps, H, W), as the explanation holds them: Fractions stay Fractions."""
    if stage.name == "overlay" or stage.maps.ndim == 4:
        return stage.maps
    values = getattr(explanation, stage.name)
    chosen = values[[channel - 1 for channel in stage.channels]] if stage.channels else values
    return chosen.reshape(stage.maps.shape)


def _figure(one: Shown, number: int, channel: int | None, geometry: dict[str, Any], raised: Array | None) -> str:
    """Return one map with its symbol: a table of cells, or a picture if it is large."""
    stage, values = one.column, one.column.maps[number]
    rows, columns = values.shape[:2]
    symbol, name = _SYMBOLS[stage.name], _NAMES.get(stage.name, stage.heading).format(channel)
    if stage.name == "test":
        name, symbol = _TESTED[number]
    index = f"<mn>{channel}</mn>"
    data = f'data-stage="{stage.name}" data-rows="{rows}" data-columns="{columns}" data-name="{escape(name)}"'
    longest = max(len(format_number(value)) for value in values.flat) if is_small(values) else 1
    shape = min(max(columns / rows, 1 / SLIMMEST), SLIMMEST)
    data += f' style="--rows: {rows}; --columns: {columns}; --shape: {shape:.4g}; --longest: {longest}"'
    if channel is not None:
        data += f' data-k="{channel}"'
    colours = colours_of(stage, number)
    if max(rows, columns) <= MOST_CELLS:
        scores = None if raised is None or channel is None else raised[channel - 1]
        inner = _table(one.values[number], colours, name, scores)
    else:
        inner = _image(colours, stage.in_words(number))
        if values.ndim == 2 and values.size <= MOST_VALUES:
            data += f" data-values='{json.dumps([[format_number(v) for v in row] for row in values])}'"
    if stage.name in ("image", "overlay"):
        inner += _labels(stage, geometry)
    caption = f"<math>{symbol.replace('<mi>k</mi>', index)}</math>"
    kind = "grid many" if max(rows, columns) > MOST_NUMBERS else "grid"
    return f'<figure><figcaption>{caption}</figcaption><div class="{kind}" {data}>{inner}</div></figure>'


def _labels(stage: Column, geometry: dict[str, Any]) -> str:
    """Return what is written over a picture: the names of its parts, and the numbers of the map that lies over it."""
    height, width = stage.maps.shape[1:3]
    labels = []
    for name, ((top, left), (bottom, right)) in geometry.get("parts", {}).items():
        labels.append(("part", name, top / height, left / width, bottom / height, right / width))
    if stage.painted is not None and is_small(stage.painted):
        rows, columns = stage.painted.shape
        for (i, j), value in np.ndenumerate(stage.painted):
            place = i / rows, j / columns, (i + 1) / rows, (j + 1) / columns
            labels.append(("over", format_number(value), *place))
    return "".join(
        f'<span class="label {kind}" style="inset:{top:.4%} {1 - right:.4%} {1 - bottom:.4%} {left:.4%}">'
        f"<b>{escape(text)}</b></span>"
        for kind, text, top, left, bottom, right in labels
    )


def _table(values: Array, colours: Array, name: str, raised: Array | None = None) -> str:
    """Return a map, or a picture in colour, as a table of coloured cells. The first cell can be reached by Tab."""
    many = max(values.shape[:2]) > MOST_NUMBERS
    rows = []
    for row in range(len(values)):
        cells = [
            _cell(
                values[row, column],
                colours[row, column],
                many,
                tab=0 if row == column == 0 else -1,
                raised=None if raised is None else raised[row, column],
            )
            for column in range(values.shape[1])
        ]
        rows.append(f'<tr role="row">{"".join(cells)}</tr>')
    return f'<table role="grid" aria-label="{escape(name)}"><tbody>{"".join(rows)}</tbody></table>'


def _cell(value: Any, colour: Array, many: bool, tab: int, raised: Any) -> str:
    """Return a cell with its number, which cannot be seen if there are many. In a picture in colour it has none."""
    shade, number_of, text = "on-dark" if is_dark(colour) else "on-light", "", ""
    if np.ndim(value) == 0:
        number_of, text = f' data-value="{in_words(value)}"', format_number(float(value))
        if many:
            text = f'<span class="unseen">{text}</span>'
    if raised is not None:
        text_of_score = format_number(float(raised))
        number_of = f'{number_of} data-raised="{text_of_score}"'
    style = f"--colour:{hex_of(colour)}"
    return f'<td role="gridcell" class="{shade}" style="{style}" tabindex="{tab}"{number_of}>{text}</td>'


def _image(colours: Array, alt: str) -> str:
    """Return a picture that is inside of the page, with its alternative text."""
    source = b64encode(as_png(colours)).decode()
    return f'<img tabindex="0" alt="{escape(alt)}" src="data:image/png;base64,{source}">'


def _geometry(e: Stages, interpolation: Interpolation, most_maps: int) -> dict[str, Any]:
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
    found = convolution_of(e)
    if found:
        layer, window = found
        geometry["convolution"] = {
            "stride": window.stride,
            "padding": window.padding,
            "dilation": window.dilation,
            "bias": [in_words(value) for value in layer.parameters.get("bias", 0 * e.alphas)],
        }
    if has_affine_head(e):
        geometry["affine"] = True
        if len(e.alphas) <= most_maps and e.feature_maps.dtype == object:  # y = Σ w·A + shift can be written out
            shift = e.score - (e.gradients * e.feature_maps).sum()
            geometry["shift"] = [format_number(float(shift))] if shift else []
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
    """Return where a row of booleans is True."""
    return np.flatnonzero(mask).tolist()


# --- Symbols and formulas --------------------------------------------------------------------------------------------

_A, _Y = "<msup><mi>A</mi><mi>k</mi></msup>", "<msup><mi>y</mi><mi>c</mi></msup>"
_ALPHA = "<msub><mi>α</mi><mi>k</mi></msub>"
_GRADIENT = f"<mfrac><mrow><mi>d</mi>{_Y}</mrow><mrow><mi>d</mi>{_A}</mrow></mfrac>"
_SPACE = "<mspace width='.25em'></mspace>"
_L, _MAP = "<mi>L</mi>", "<msup><mi>L</mi><mi>c</mi></msup>"

_SYMBOLS = {
    "test": "",
    "kernels": "<mrow><mtext>kernel</mtext><mspace width='.25em'></mspace><mi>k</mi></mrow>",
    "weights": "<msup><mi>w</mi><mi>k</mi></msup>",
    "image": "<mi>x</mi>",
    "feature_maps": _A,
    "gradients": f"<mrow><mi>d</mi>{_Y}<mo>/</mo><mi>d</mi>{_A}</mrow>",
    "alphas": _ALPHA,
    "weighted_maps": f"<mrow>{_ALPHA}{_A}</mrow>",
    "weighted_sum": _L,
    "localization_map": _MAP,
    "overlay": f"<mrow>{_MAP}{_SPACE}<mtext>over</mtext>{_SPACE}<mi>x</mi></mrow>",
}
_TESTED = [
    ("measured drop", f"<mrow>{_Y}<mo>−</mo><msubsup><mi>y</mi><mtext>erased</mtext><mi>c</mi></msubsup></mrow>"),
    ("HiResCAM", "<mrow><mi>HiResCAM</mi></mrow>"),
    ("Grad-CAM, weighted sum", f"<mrow><mi>Grad-CAM</mi>{_SPACE}{_L}</mrow>"),
]
"""The maps of the last stage: a name, and a symbol."""
_NAMES = {
    "kernels": "kernel {}",
    "weights": "weights of map {}",
    "feature_maps": "feature map {}",
    "gradients": "gradient map {}",
    "alphas": "α of map {}",
    "weighted_maps": "weighted map {}",
}
_EQUALS = "<mo>=</mo>"
_MIXED = (
    f"<mo>(</mo><mn>1</mn><mo>−</mo><mi>o</mi><mo>)</mo>{_SPACE}<mi>x</mi><mo>+</mo><mi>o</mi>{_SPACE}<mi>paint</mi>"
)
_OPACITY = f"<mi>o</mi>{_EQUALS}<mn>{STRENGTH}</mn><mo>·</mo>{_MAP}<mo>/</mo><mi>max</mi>{_SPACE}{_MAP}"
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
    "overlay": f"<mtable><mtr><mtd>{_MIXED}</mtd></mtr><mtr><mtd>{_OPACITY}</mtd></mtr></mtable>",
    "test": f"{_Y}<mo>(</mo><mi>x</mi><mo>)</mo><mo>−</mo>{_Y}<mo>(</mo><mi>x</mi>{_SPACE}<mtext>without the patch"
    "</mtext><mo>)</mo>",
}
