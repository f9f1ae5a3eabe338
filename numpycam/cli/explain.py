"""``numpycam explain``: prints the scores that a network gives to a picture, and shows where in it they come from.

Many pictures are explained one after another by the same code: see numpycam.cli.pictures.
"""

import argparse
import json
import math
import re
import warnings
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any, get_args

import numpy as np

from numpycam.cli.index_page import Shown
from numpycam.cli.methods import by_all, explained, method_from_text
from numpycam.cli.options import count_from_text, folder_from_text, name_from_text, path_from_text, seed_from_text
from numpycam.cli.pictures import are_many, check_nothing_is_overwritten, digest_of_file, explain_all, find
from numpycam.cli.question import Question, comes_with_numpycam, files_read, network_of, question_of, short
from numpycam.core.arrays import Array, Pair
from numpycam.exact import as_floats
from numpycam.experiments.drawings import Animals
from numpycam.experiments.pretrained import NAMES
from numpycam.files import as_npz, without_pickle, write_files
from numpycam.gradcam import Explanation
from numpycam.methods import PoleError
from numpycam.resize import normalise, resize, resize_picture
from numpycam.text import WIDTH, fixed_or_exponent, in_columns, paragraph
from numpycam.zero_maps import why_zero

TEXTS: dict[str, Any] = {
    "usage": "numpycam explain IMAGE [--network FILE] [OPTIONS]\n       numpycam explain FOLDER|IMAGES ... "
    "[--network FILE] [OPTIONS]\n       numpycam explain --draw ANIMALS [OPTIONS]",
    "help": "explain what a network sees in a picture; both can be yours or numpycam's",
    "description": "Print the scores that a network gives to a picture. Write files that show where in the picture a "
    "score comes from: the step-through page, the figure, the overlay and the numbers. For a folder or several "
    "pictures, also write an index page and a table of the scores. If such a run is stopped, the same command goes on.",
}

FILES_OF_ALL = ("methods.png", "methods.npz")
"""The names of the files that ``--method all`` writes for a class: the figure, and L of each method by its name."""

_THUMBNAIL = 176  # pixels along the longer side

_MOST_ROWS, _LONGEST_TEXT = 5, 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser which options the command takes, and which function runs it."""
    add, which = parser.add_argument, parser.add_mutually_exclusive_group()
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("images", nargs="*", default=[], type=path_from_text, metavar="IMAGE",
        help="a PNG or JPEG file; or several; or a folder: all .png, .jpg and .jpeg files in it and in its folders, "
        "except hidden ones. Its transparent parts are laid over white. If the network takes three channels, a "
        "grey picture is used three times. If it takes one, a colour picture becomes its brightness")  # fmt: skip
    what.add_argument("--draw", choices=get_args(Animals), help="draw this, instead of reading IMAGE")
    add("--seed", type=seed_from_text, metavar="N", help="the seed of the drawing (default: 0)")
    add("--grass", action=argparse.BooleanOptionalAction,
        help="draw on grass, or on plain ground (default: the seed decides)")  # fmt: skip
    add("--network", type=name_from_text, default=NAMES[0], metavar="FILE",
        help="a file that network.save(FILE) wrote, or the name of a network that comes with numpycam and takes "
        f"drawings of 32 × 32 pixels: {' or '.join(NAMES)} (default: {NAMES[0]}; to read a file of this name, write "
        f"./{NAMES[0]})")  # fmt: skip
    which.add_argument("--class", dest="class_name", metavar="CLASS",
        help="the class whose score is explained: a number from 0, or a name (default: the highest score). If the "
        "network has one score alone: yes, or no, which explains what speaks against")  # fmt: skip
    which.add_argument("--top", type=count_from_text, metavar="K",
        help="explain the K highest scores, each in a folder of its own")  # fmt: skip
    add("--names", type=path_from_text, metavar="FILE",
        help="a text file with the names of the classes, one on each line (default: those in the network's "
        "file)")  # fmt: skip
    add("--layer", metavar="NAME",
        help="the layer with the feature maps (default: the network's target layer, or its last Conv2d)")  # fmt: skip
    add("--method", type=_method, default="grad_cam", metavar="NAME",
        help="a method that numpycam methods lists; or all, in one figure (default: grad_cam)")  # fmt: skip
    add("--size", type=_size, metavar="HxW",
        help="resize the picture to this height and width: averaged where it shrinks, bilinear where it grows "
        "(default: what the network's file says, or no resizing). Nothing is cut off: a picture of other proportions "
        "is squashed")  # fmt: skip
    add("--mean", type=_finite, nargs="+", metavar="X",
        help="subtract this from the picture, which is in 0 to 1: one number, or one for each channel (default: what "
        "the network's file says, or 0)")  # fmt: skip
    add("--std", type=_positive, nargs="+", metavar="X",
        help="then divide by this (default: what the network's file says, or 1). The files show the picture as it was "
        "before")  # fmt: skip
    add("--out", type=folder_from_text, default=Path("numpycam-explanation"), metavar="FOLDER",
        help="the folder for the files (default: numpycam-explanation)")  # fmt: skip
    parser.set_defaults(run=explain, refuse=parser.error)


def _method(text: str) -> str:
    """Return the name of a method, or "all", as argparse's type."""
    return text if text == "all" else method_from_text(text, "or all, ")


def _size(text: str) -> Pair:
    """Return a height and a width, as argparse's type."""
    sides = re.fullmatch("0*([1-9][0-9]{0,3})[x×]0*([1-9][0-9]{0,3})", text.lower())
    if not sides:
        raise argparse.ArgumentTypeError(f"must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, got {text!r}")
    return int(sides[1]), int(sides[2])


def _finite(text: str) -> float:
    """Return a number that is neither NaN nor infinity, as argparse's type."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}; IMAGE must come before the options")
    return number


def _positive(text: str) -> float:
    """Return a number above 0, as argparse's type."""
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be greater than 0, got {text!r}")
    return number


def explain(options: argparse.Namespace) -> int:
    """Print the scores and write the files. Every mistake goes to ``options.refuse``, in one line.

    The numbers of all classes are computed before the first file is written. A mistake that only a figure shows comes
    later. The status is 1 if one of many pictures cannot be explained.
    """
    with warnings.catch_warnings(action="ignore"):  # numbers that overflow are refused below, in one line
        try:
            if options.images and (options.seed is not None or options.grass is not None):
                raise ValueError("--seed and --grass need --draw.")
            story, status = _explain_many(options) if are_many(options.images) else (_explain_one(options), 0)
        except (TypeError, ValueError, PoleError) as error:
            options.refuse(str(error))
        except MemoryError:
            options.refuse("there is not enough memory for this picture and network: pass a smaller --size.")
    print(story)
    return status


def _explain_one(options: argparse.Namespace) -> str:
    """Explain the picture that was given or drawn, and return what to print."""
    path = options.images[0] if options.images else None
    with _reading_errors_as_mistakes():
        q = question_of(options, network_of(options), path, options.out)
    return _answer(q, _explanations(q))


@contextmanager
def _reading_errors_as_mistakes() -> Iterator[None]:
    """Turn an error of the system into a ValueError. Only reading may happen here."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error


def _explain_many(options: argparse.Namespace) -> tuple[str, int]:
    """Explain each picture in a folder of its own. Return what to print, and the status."""
    found = find(options.images, options.out)
    if not found.pictures and not found.unreadable:
        raise ValueError(f"there is no .png, .jpg or .jpeg file in {' or '.join(map(str, options.images))}.")
    with _reading_errors_as_mistakes():
        network = network_of(options)
    if options.layer is not None:
        network.position_of(options.layer)
    read = files_read(options)
    check_nothing_is_overwritten(found, options.out, read)
    asked = {name: vars(options)[name] for name in ("class_name", "top", "layer", "method", "size", "mean", "std")}
    asked |= {"version": version("numpycam"), "network": options.network if comes_with_numpycam(options) else ""}
    question = [json.dumps(asked), *map(digest_of_file, read)]

    def explain_one(path: Path, folder: Path) -> list[Shown]:
        with _reading_errors_as_mistakes():
            q = question_of(options, network, path, folder)
        q = replace(q, picture_name=short(q.picture_name, _LONGEST_TEXT))  # JSON cannot hold half of a character
        explanations = _explanations(q)
        _answer(q, explanations)
        return [_shown(q, c, e) for c, (e, _) in zip(q.classes, explanations, strict=True)]

    return explain_all(found, options.out, question, explain_one)


def _shown(q: Question, c: int, e: Explanation) -> Shown:
    """Return what the index page shows."""
    thumbnails, size = _thumbnails(q, e)
    page = FILES_OF_ALL[0] if q.method == "all" else "steps.html" if e.method == "Grad-CAM" else "stages.png"
    return Shown(
        class_index=c,
        class_name=q.class_name(c) if q.names or q.is_against else "",
        score=float(as_floats(q.scores)[c]),
        probability=_probability(q, c),
        layer=str(e.layer),
        is_zero=not e.localization_map.any(),
        page=(q.folder(c) / page).relative_to(q.out).as_posix(),
        thumbnails=[b64encode(one).decode() for one in thumbnails],
        size=size,
    )


def _probability(q: Question, c: int) -> float | None:
    """Return the sigmoid for a network that comes with numpycam, and else the softmax, if there are several scores."""
    floats = as_floats(q.scores).astype(np.float64)
    if q.is_ours:
        return float(1 / (1 + np.exp(-floats[c])))
    shares = np.exp(floats - floats.max())
    return float(shares[c] / shares.sum()) if len(floats) > 1 else None


def _thumbnails(q: Question, e: Explanation) -> tuple[list[bytes], Pair]:
    """Return the picture and the overlay as small JPEG pictures, and their size: width, height.

    They have the picture's own proportions. If it goes into the network squashed, the map is stretched back.
    """
    from PIL import Image

    from numpycam.display import as_uint8, overlay

    _, height, width = q.picture.shape
    rows, columns = (max(1, round(side * _THUMBNAIL / max(height, width))) for side in (height, width))
    picture = q.picture.astype(np.float64)
    if max(height, width) < _THUMBNAIL:
        picture = resize(picture, (rows, columns), "nearest")
    picture = resize_picture(picture, (rows, columns)).clip(0, 1)
    heat = normalise(resize(as_floats(e.localization_map), (rows, columns)))
    colours = np.broadcast_to(np.moveaxis(picture, 0, -1), (rows, columns, 3))
    files = [BytesIO(), BytesIO()]
    for file, pixels in zip(files, (colours, overlay(picture, heat)), strict=True):
        Image.fromarray(as_uint8(pixels)).save(file, "JPEG", quality=85)
    return [file.getvalue() for file in files], (columns, rows)


def _explanations(q: Question) -> list[tuple[Explanation, list[str]]]:
    """Explain every class, and return its warnings, too. With "all", Grad-CAM shows which layer it is."""
    _check_that_no_input_is_overwritten(q)
    method = "grad_cam" if q.method == "all" else q.method
    return [explained(method, q.network, q.image, q.target(c), q.layer) for c in q.classes]


def _answer(q: Question, found: list[tuple[Explanation, list[str]]]) -> str:
    """Write the files of every class, and return what to print."""
    explanations = [explanation for explanation, _ in found]
    remarks = dict.fromkeys(q.classes, "explained: what speaks against it" if q.is_against else "explained")
    if q.method == "all":
        tables = [(c, *by_all(q.network, q.image, q.target(c), q.layer)) for c in q.classes]
        written = [line for c, by, lines in tables for line in _save_all(q, c, by, lines)]
    else:
        zero = {c: why_zero(e) for c, e in zip(q.classes, explanations, strict=True) if not e.localization_map.any()}
        remarks |= dict.fromkeys(zero, "explained: no cell speaks for it, the map is zero")
        written = [paragraph(f"{q.class_name(c)}: {why}") for c, why in zero.items()]
        written += [paragraph(warning) for _, warned in found for warning in warned]
        written += [_save(q, c, e) for c, e in zip(q.classes, explanations, strict=True)]
    about = _what_is_explained(q, explanations[0])
    return "\n".join([*about, "", *_table_of_scores(q, remarks), "", *written, *_other_files(q)])


def _what_is_explained(q: Question, e: Explanation) -> list[str]:
    """Return lines about the picture, the network, the layer and the method."""

    def size(image: Array) -> str:
        channels, height, width = image.shape
        return f"{height} pixels high, {width} wide, {'in colour' if channels == 3 else 'grey'}"

    picture, seen, margin = size(q.picture), size(q.seen), " " * 13
    maps, rows, columns = e.feature_maps.shape
    lines = [f"The picture  {short(q.picture_name, _LONGEST_TEXT)}: {picture}"]
    if q.picture.shape != q.seen.shape:
        lines.append(f"{margin}goes in as {seen}")
    if q.shown is not None:
        lines.append(f"{margin}normalised: {q.normalisation.formula}")
    return [
        *lines,
        f"The network  {short(q.network_name, _LONGEST_TEXT)}",
        *(f"{margin}{line}" for line in wrap(short(q.network.about.text, _LONGEST_TEXT), WIDTH - len(margin))),
        f"The layer    {e.layer!r}: {maps} feature maps, {rows} cells high, {columns} wide",
        f"The method   {'all' if q.method == 'all' else e.method}",
    ]


def _table_of_scores(q: Question, remarks: dict[int, str]) -> list[str]:
    """Return a line for each of the highest scores, and for each class with a remark. For all others, return …."""
    floats = as_floats(q.scores)
    style = fixed_or_exponent(np.abs(floats).max())
    head = ["rank", "class", "score"]
    if q.is_ours:
        head.append("answer")
    if q.names:
        head.append("name")
    rows = [[*head, ""]]
    for rank, c in enumerate(q.ranked, start=1):
        if rank <= _MOST_ROWS or c in remarks:
            row = [f"{rank}", f"{c}", f"{floats[c]:{style}}"]
            if q.is_ours:
                row.append("yes" if floats[c] > 0 else "no")
            if q.names:
                row.append(short(q.names[c]))
            rows.append([*row, remarks.get(c, "")])
        elif rows[-1][0] != "…":
            rows.append(["…", *("" for _ in head)])
    sides = ">>>".ljust(len(rows[0]), "<")
    return ["The scores, before any softmax:", "", *in_columns(rows, sides, indent=2)]


def _check_that_no_input_is_overwritten(q: Question) -> None:
    """Raise ValueError if a file that is read would be written."""
    from numpycam.report import FILES

    files = FILES_OF_ALL if q.method == "all" else FILES
    for path in (q.folder(c) / name for c in q.classes for name in files):
        if path.exists() and any(path.samefile(given) for given in q.files_read):
            raise ValueError(f"--out {q.out} would overwrite {path}, which is read here.")


def _save(q: Question, c: int, e: Explanation) -> str:
    """Write the files of one class, and return where they are."""
    folder = q.folder(c)
    about: dict[str, Any] = {"picture": q.picture_name, "network": q.network_name}
    about |= {"mean": q.normalisation.mean, "std": q.normalisation.std}
    if q.names or q.is_against:
        about["class"] = q.class_name(c) if q.is_against else q.names[c]
    title = f"{e.method} of {q.class_name(c)}"
    return f"Written to {folder}: {', '.join(e.save(folder, title=title, about=about, picture=q.shown))}"


def _save_all(q: Question, c: int, found: dict[str, Explanation], lines: list[str]) -> list[str]:
    """Write the figure of all methods and their maps. Return the lines of the table, and where the files are."""
    from numpycam.display import figure_of_methods, with_picture

    folder, title = q.folder(c), f"{q.class_name(c)}, by each method"
    figure = figure_of_methods([with_picture(e, q.shown) for e in found.values()], columns=6, title=title)
    maps: dict[str, Any] = {name: without_pickle(name, e.weighted_sum) for name, e in found.items()}
    folder.mkdir(parents=True, exist_ok=True)
    contents = figure.as_png(), as_npz(maps, compressed=True)
    write_files(folder, dict(zip(FILES_OF_ALL, contents, strict=True)))
    return [f"{title}:", "", *lines, "", f"Written to {folder}: {', '.join(FILES_OF_ALL)}"]


def _other_files(q: Question) -> list[str]:
    """Return a line about what an earlier run has left: folders of other classes, or files of another kind of run."""
    from numpycam.report import FILES

    ours = [q.folder(c) for c in q.classes]
    others = [path for path in q.out.glob("class-*") if path not in ours]
    files = FILES if q.method == "all" else FILES_OF_ALL
    others += [folder / name for folder in ours for name in files if (folder / name).exists()]
    return [f"Not written by this run: {', '.join(sorted(map(str, others)))}"] if others else []
