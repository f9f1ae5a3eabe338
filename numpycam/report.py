"""An explanation as text, as HTML, and as the files that ``explanation.save`` writes."""

import json
import math
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import briefly, check_is, check_text
from numpycam.core.arrays import Pair
from numpycam.core.steps import Stages
from numpycam.exact import as_floats
from numpycam.files import as_npz, check_digits, check_path, without_pickle, write_files
from numpycam.resize import Interpolation, normalise, resize
from numpycam.text import decimal, exact, exact_and_decimal, paragraph
from numpycam.zero_maps import why_zero

MOST_NUMBERS = 4096
"""The JSON file holds arrays of at most this many numbers. Larger arrays go to ``maps.npz``."""

FILES = ("steps.html", "stages.png", "overlay.png", "explanation.json", "maps.npz")
"""The names of the files that :func:`save` writes."""

_SMALL_PICTURE = 6  # pixels along a side: the overlay is a figure with numbers, and not a mere picture

_DEEPEST = 50  # lists and dicts inside of each other: json follows about 300

_FIELDS = [field.name for field in fields(Stages) if field.name not in ("network", "gradients_used")]


def save(
    explanation: Stages,
    folder: str | os.PathLike[str],
    *,
    title: str = "",
    interpolation: Interpolation = "bilinear",
    about: dict[str, Any] | None = None,
    picture: ArrayLike | None = None,
    parts: Mapping[str, tuple[Pair, Pair]] | None = None,
    caption: str = "",
) -> list[str]:
    """Write an explanation of one image to a folder.

    If an earlier explanation was written there, its files are replaced. Those that this explanation does not have, such
    as ``maps.npz``, are removed.

    Parameters
    ----------
    explanation : Stages
    folder : path
        It is made if it does not exist.
    title : str
        It stands above the figure and the page.
    interpolation : {"bilinear", "nearest"}
        How the map is resized for the overlay.
    about : dict, optional
        More entries for the JSON file: text, finite numbers, True, False, None, arrays, and lists, tuples and dicts of
        them. ``"class"``, the name of the class, also stands on the page.
    picture : array, shape (1, H, W) or (3, H, W), optional
        The image as a person sees it, in 0 … 1, if the network was given other numbers, such as normalised ones. The
        figure, the page and the overlay then show this picture. All numbers are still those of the image. By default,
        the image is shown.
    parts : dict of str to ((row, column), (row, column)), optional
        The names of what the picture shows, for the page: for each the first cell, and the cell after the last.
    caption : str
        A line below the picture on the page.

    Returns
    -------
    list of str
        The names of the files that were written:

        - ``steps.html``, the step-through page, for Grad-CAM only;
        - ``stages.png``, the figure of all stages;
        - ``overlay.png``, if the image is known and has one or three channels. Up to 6 × 6 pixels, it is a figure with
          the numbers of the map and a colour bar;
        - ``explanation.json``, with all numbers;
        - ``maps.npz``, if there are arrays of more than MOST_NUMBERS. The JSON file has only their shapes.

    Raises
    ------
    TypeError, ValueError
        If the explanation is of a batch. If it holds NaN or infinity, which have no colour, or Fractions of more than
        4300 digits. If JSON cannot hold ``about``, or a name in it is the name of a field. If the picture has another
        shape or range, or another height and width than the image.
    OSError
        If a file cannot be written. Every file is still whole then: the old one or the new one.
    """
    from numpycam.display import figure_of_stages, with_picture

    check_is("explanation", explanation, Stages, "an Explanation")
    check_path("folder", folder)
    check_is("about", about, dict | None, "a dict")
    drawn = with_picture(explanation, picture)
    numbers = {name: getattr(explanation, name) for name in [*_FIELDS, "counterfactual_map", "channel_shares"]}
    if callable(explanation.class_index):  # a target
        numbers["class_index"] = exact(explanation.class_index)
    for name in about or {}:
        if not isinstance(name, str) or name in numbers:
            raise ValueError(f"about must have strings as names, and not the name of a field, got {briefly(name)}.")
    large: dict[str, Any] = {name: without_pickle(name, v) for name, v in numbers.items() if np.size(v) > MOST_NUMBERS}
    told = {name: {"shape": value.shape, "file": "maps.npz"} for name, value in large.items()}
    entries = {name: _plain(f"about[{name!r}]", value) for name, value in (about or {}).items()}
    contents: dict[str, Any] = {
        "steps.html": _page(
            explanation,
            title=title,
            interpolation=interpolation,
            picture=picture,
            class_name=str((about or {}).get("class", "")),
            parts=parts,
            caption=caption,
        ),
        "stages.png": figure_of_stages(drawn, title=title, interpolation=interpolation).as_png(),
        "overlay.png": _overlay_png(drawn, interpolation),
        "maps.npz": as_npz(large, compressed=True) if large else None,
    }
    entries |= {name: told.get(name) or _plain(name, value) for name, value in numbers.items()}
    contents["explanation.json"] = _json(entries)
    names = [name for name in FILES if contents[name] is not None]
    Path(folder).mkdir(parents=True, exist_ok=True)
    earlier = _files_of_earlier(Path(folder))
    write_files(Path(folder), {name: contents[name] for name in FILES if name in names or name in earlier})
    return names


def _files_of_earlier(folder: Path) -> list[str]:
    """Return the optional files that the previous explanation here wrote, according to its JSON file."""
    try:
        told = json.loads((folder / "explanation.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(told, dict) or not told.keys() >= {*_FIELDS}:
        return []
    has_maps = any(isinstance(told[name], dict) for name in _FIELDS)
    has = {"steps.html": told["method"] == "Grad-CAM", "overlay.png": told["image"] is not None, "maps.npz": has_maps}
    return [name for name, is_there in has.items() if is_there]


def _page(explanation: Stages, **options: Any) -> bytes | None:
    if explanation.method != "Grad-CAM":  # the page explains the steps of Grad-CAM only
        return None
    from numpycam.display.page import step_through_page

    return step_through_page(explanation, **options).encode()


def as_text(explanation: Stages) -> str:
    """Return an explanation as a few lines of text.

    The first line says what is explained. Each further line is a stage: its numbers if they are few, or else its shape
    and its range. A line tells how to make floats of Fractions. If the map is zero, the last lines say why.

    Parameters
    ----------
    explanation : Stages
        Of one image or of a batch.

    Returns
    -------
    str
    """
    lines = [f"Explanation of {_what(explanation)}"]
    lines += [f"  {name:16}  {text}" for name, text in _rows(explanation)]
    if explanation.feature_maps.dtype == object:
        lines.append("  numpycam.exact.as_floats(explanation) has these fractions as floats")
    zero = _zero(explanation)
    return "\n".join([*lines, *([paragraph(zero)] if zero else [])])


def as_html(explanation: Stages) -> str:
    """Return the same as :func:`as_text`, as HTML.

    For one image, a picture of all stages stands above the table, if matplotlib is installed.

    Parameters
    ----------
    explanation : Stages
        Of one image or of a batch.

    Returns
    -------
    str
    """
    rows = "".join(
        f'<tr><th style="text-align: left">{name}</th><td style="text-align: left">{escape(text)}</td></tr>'
        for name, text in _rows(explanation)
    )
    zero = f"<p>{escape(_zero(explanation))}</p>" if _zero(explanation) else ""
    return f"<p>Explanation of {escape(_what(explanation))}</p>{_picture(explanation)}<table>{rows}</table>{zero}"


def _zero(e: Stages) -> str:
    """Return why the map is zero, or which maps of a batch are; nothing if none is."""
    if e.localization_map.ndim == 2:
        return why_zero(e)
    zero = [n for n, heat in enumerate(e.localization_map) if heat.size and not heat.any()]
    if not zero:
        return ""
    some = ", ".join(map(str, zero[:10])) + (", …" if len(zero) > 10 else "")
    return f"The map is zero for {len(zero)} of {len(e)} images: {some}. explanation[{zero[0]}] says why."


def _what(e: Stages) -> str:
    if e.feature_maps.ndim == 4:
        return f"a batch of {len(e)}" + ("" if e.layer is None else f", layer {e.layer!r}")
    by = "" if e.method == "Grad-CAM" else f", by {e.method}"
    if e.score is None:
        return f"given feature maps and gradient maps{by}"
    what = exact(e.class_index) if callable(e.class_index) else f"class {e.class_index}"
    return f"{what}, score {exact_and_decimal(e.score)}, layer {e.layer!r}{by}"


def _rows(e: Stages) -> list[tuple[str, str]]:
    arrays = {name: getattr(e, name) for name in _FIELDS}
    return [(name, _brief(value)) for name, value in arrays.items() if isinstance(value, np.ndarray)]


def _brief(values: np.ndarray[Any, Any]) -> str:
    """Return up to eight numbers or targets. If there are more numbers, return their shape and their range."""
    if values.dtype == object and any(map(callable, values.flat)):
        return f"[{', '.join(map(str, values[:8]))}{', …' if len(values) > 8 else ''}]"
    if values.size <= 8 and values.ndim <= 2:
        return np.array2string(values, formatter={"all": decimal}).replace("\n", "")
    shape = " × ".join(map(str, values.shape))
    if not values.size:
        return shape
    return f"{shape}, from {exact_and_decimal(values.min())} to {exact_and_decimal(values.max())}"


def _picture(explanation: Stages) -> str:
    if explanation.feature_maps.ndim != 3:
        return ""
    try:
        from numpycam.display import figure_of_stages
    except ModuleNotFoundError as error:  # without matplotlib, the table is still there
        if error.name != "matplotlib":
            raise
        return ""
    try:
        figure = figure_of_stages(explanation)
    except ValueError:  # NaN, or a number too large for a float, has no colour; the table shows it
        return ""
    source = b64encode(figure.as_png()).decode()
    return f'<img alt="{escape(figure.alt)}" src="data:image/png;base64,{source}">'


def _overlay_png(explanation: Stages, interpolation: Interpolation) -> bytes | None:
    from numpycam.display import as_png, figure_of_overlay, overlay, shown

    image = shown(explanation.image)
    if image is None:
        return None
    if max(image.shape[1:]) <= _SMALL_PICTURE:  # its numbers and a colour bar can be read
        return figure_of_overlay(explanation, image, interpolation=interpolation).as_png(dpi=300)
    longest = max(image.shape[1:])
    zoom = max(1, 480 // longest)
    # A slim picture, such as a time series, is made up to 120 pixels wide, but not more than a quarter of its length.
    height, width = (side * max(zoom, min(120, longest * zoom // 4) // side) for side in image.shape[1:])
    heat = normalise(resize(as_floats(explanation.localization_map), (height, width), interpolation))
    return as_png(overlay(resize(image, (height, width), "nearest"), heat))


def _json(values: dict[str, Any]) -> bytes:
    """Return the values as JSON, each on a line of its own."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    return f"{{\n{lines}\n}}\n".encode()


def _plain(name: str, value: Any, around: tuple[int, ...] = ()) -> Any:
    """Return a value as JSON can hold it, or refuse it by its name. Arrays become lists, and Fractions strings.

    ``around`` are the ids of the lists and dicts in which it lies.
    """
    if id(value) in around or len(around) > _DEEPEST:
        raise ValueError(f"{name} must not hold itself, nor lie more than {_DEEPEST} lists and dicts deep.")
    inside = (*around, id(value))
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(f"{name}[{i}]", one, inside) for i, one in enumerate(value)]
    if isinstance(value, dict):
        return {_key(name, key): _plain(f"{name}[{key!r}]", one, inside) for key, one in value.items()}
    if isinstance(value, int | Fraction):
        check_digits(name, value)
        return str(value) if isinstance(value, Fraction) else value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}: JSON has no word for it.")
    if isinstance(value, str):
        check_text(name, value)
    elif not isinstance(value, float | None):
        raise TypeError(
            f"{name} must be text, a number, True, False, None, or an array, a list or a dict of them, "
            f"got {type(value).__name__}."
        )
    return value


def _key(name: str, key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{name} must have strings as keys, got {key!r}.")
    check_text(name, key)
    return key
