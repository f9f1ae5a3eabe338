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
from dataclasses import dataclass, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any, get_args

import numpy as np

from numpycam.about import About
from numpycam.cli.index_page import Shown
from numpycam.cli.methods import by_all, explained, method_from_text
from numpycam.cli.options import count_from_text, folder_from_text, name_from_text, path_from_text, seed_from_text
from numpycam.cli.pictures import (
    WrongOptionError,
    are_many,
    check_nothing_is_overwritten,
    digest_of_file,
    explain_all,
    find,
)
from numpycam.core.arguments import as_array, check_scores, did_you_mean
from numpycam.core.arrays import Array, Pair, Shape
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.drawings import CLASS_NAMES, LARGEST, LUMA, MASK_NAMES, SIDE, SMALLEST, Animals, draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.files import as_npz, without_pickle, write_files
from numpycam.gradcam import Explanation
from numpycam.methods import PoleError
from numpycam.network import Network
from numpycam.resize import normalise, resize, resize_picture
from numpycam.targets import Difference
from numpycam.text import WIDTH, fixed_or_exponent, in_columns, paragraph, printable, shortened
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

_MOST_ROWS, _LONGEST_NAME, _LONGEST_TEXT, _LARGEST_SIDE = 5, 40, 500, 1024
_MOST_PIXELS_TOLD = 2**23  # as many as read_image takes from a small file


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
    return text if text == "all" else method_from_text(text, "or all, ")


def _size(text: str) -> Pair:
    sides = re.fullmatch("0*([1-9][0-9]{0,3})[x×]0*([1-9][0-9]{0,3})", text.lower())
    if not sides:
        raise argparse.ArgumentTypeError(f"must be HEIGHTxWIDTH such as 224x224, up to 9999x9999, got {text!r}")
    return int(sides[1]), int(sides[2])


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}; IMAGE must come before the options")
    return number


def _positive(text: str) -> float:
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be greater than 0, got {text!r}")
    return number


# --- The question: the options, read and checked --------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What to explain, and where to write the answer."""

    network: Network
    network_name: str
    is_ours: bool  # the network comes with numpycam: a score above 0 means yes
    picture: Array  # (C, H, W), as it was read or drawn, in 0 … 1
    picture_name: str
    seen: Array  # (C', H', W'), with the network's channels and in the size asked for, still in 0 … 1
    normalisation: About  # mean and std
    image: Array  # (C', H', W'), what goes into the network: (seen - mean) / std
    scores: Array  # (classes,)
    ranked: list[int]  # all classes, from the highest score to the lowest
    classes: list[int]  # the classes to explain
    is_against: bool  # the only score is explained with its sign turned
    names: list[str]  # of all classes; empty if they are not known
    method: str  # a name in METHODS, or "all"
    layer: str | None
    out: Path
    has_folders: bool  # each class has a folder of its own in out
    files_read: list[Path]  # these must not be overwritten

    def folder(self, c: int) -> Path:
        """Return the folder for the files of class c."""
        return self.out / f"class-{c}" if self.has_folders else self.out

    def class_name(self, c: int) -> str:
        """Return the name of class c, for a title."""
        name = _printable(self.names[c]) if self.names else f"class {c}"
        return f"what speaks against {name}" if self.is_against else name

    def target(self, c: int) -> int | Difference:
        """Return class c as a method takes it."""
        return Difference({c: -1}) if self.is_against else c

    @property
    def shown(self) -> Array | None:
        """What the files show in place of the image; None if they show the image itself."""
        mean, std = self.normalisation.mean, self.normalisation.std
        return self.seen if any(mean) or any(x != 1 for x in std) else None


def _is_ours(options: argparse.Namespace) -> bool:
    """Whether the network comes with numpycam, even if a file or a folder has its name."""
    return options.network in NAMES


def _network(options: argparse.Namespace) -> Network:
    return load_pretrained(options.network) if _is_ours(options) else Network.load(options.network)


def _files_read(options: argparse.Namespace) -> list[Path]:
    """Return the other files that are read: the network, unless it comes with numpycam, and the names."""
    given = None if _is_ours(options) else Path(options.network), options.names
    return [path for path in given if path is not None]


def _question(options: argparse.Namespace, network: Network, path: Path | None, out: Path) -> Question:
    """Read the picture and the names, run the network, and choose the classes. Without a path, draw the picture."""
    is_ours = _is_ours(options)
    told = network.about
    size = options.size or _told_size(options, told)
    picture, picture_name = _picture(options, path, network, size)
    shape = _shape_for(network, picture, size)
    count = _count_scores(network, shape)
    seen = _as_the_network_takes_it(picture, shape)
    _check_told_numbers(options, told, len(seen))
    normalisation = About(mean=options.mean or told.mean or 0, std=options.std or told.std or 1)
    image = _normalised(seen, normalisation, network)
    names = _names(options, told, count)
    scores = as_array("the network's output", network(image[None])[0])
    ranked = np.argsort(-scores, kind="stable").tolist()
    return Question(
        network=network,
        network_name=Path(options.network).name,
        is_ours=is_ours,
        picture=picture,
        picture_name=picture_name,
        seen=seen,
        normalisation=normalisation,
        image=image,
        scores=scores,
        ranked=ranked,
        classes=_classes(options, ranked, names),
        is_against=count == 1 and options.class_name == "no" and "no" not in names,
        names=names,
        method=options.method,
        layer=options.layer,
        out=out,
        has_folders=options.top is not None,
        files_read=[*([] if path is None else [path]), *_files_read(options)],
    )


def _told_size(options: argparse.Namespace, told: About) -> Pair | None:
    """Return the size that the network's file asks for. The file may come from anyone, and must not fill the memory."""
    if told.size and math.prod(told.size) > _MOST_PIXELS_TOLD:
        raise ValueError(f"{options.network} asks for pictures of more than {_MOST_PIXELS_TOLD} pixels: pass --size.")
    return told.size


def _check_told_numbers(options: argparse.Namespace, told: About, channels: int) -> None:
    """Raise ValueError if the network's file has means or stds that are used, but not one for each channel."""
    for name in ("mean", "std"):
        count = len(getattr(told, name) or (0,))
        if not getattr(options, name) and count not in (1, channels):
            raise ValueError(
                f"{options.network} has {count} numbers for {name}, but the network takes {channels} channels: "
                f"pass --{name}."
            )


def _picture(options: argparse.Namespace, path: Path | None, network: Network, size: Pair | None) -> tuple[Array, str]:
    """Return the picture from the file, or a drawing, and its name. A drawing has colours if the network takes them."""
    from numpycam.display import read_image

    if path is not None:
        return read_image(path), path.name
    size = size or (SIDE, SIDE)
    seed, side = options.seed or 0, min(LARGEST, max(SMALLEST, *size))
    in_colour = _channels(network, size) == 3
    drawn = draw(1, seed, size=side, colour=in_colour, animals=options.draw, grass=options.grass)
    ground = "on grass" if drawn.masks[0, MASK_NAMES.index("grass")].any() else "no grass"
    return drawn.images[0].astype(np.float64), f"a drawing, {options.draw}, {ground}, seed {seed}"


def _names(options: argparse.Namespace, told: About, count: int) -> list[str]:
    """Return the names of the classes: from --names, or from the network's file, or "cat" and "elephant", or none."""
    if options.names:
        names, whence = _read_names(options.names), str(options.names)
    elif told.class_names:
        names, whence = [*told.class_names], options.network
    else:
        return [*CLASS_NAMES] if options.draw and count == len(CLASS_NAMES) else []
    if len(names) != count:
        raise WrongOptionError(f"{whence} has {len(names)} names, but the network has {count} scores.")
    return names


def _read_names(path: Path) -> list[str]:
    """Return one name from each line."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            return [line.strip() for line in file]
        except UnicodeDecodeError:
            raise WrongOptionError(f"{path} must hold one name on each line, in UTF-8.") from None


def _shape_for(network: Network, picture: Array, size: Pair | None) -> Shape:
    """Return the shape in which the picture goes in: the network's number of channels, and the size asked for."""
    height, width = size or picture.shape[1:]
    channels = _channels(network, (height, width))
    return channels if channels and {len(picture), channels} == {1, 3} else len(picture), height, width


def _as_the_network_takes_it(picture: Array, shape: Shape) -> Array:
    """Return the picture in this shape. It stays in 0 … 1."""
    channels, *size = shape
    if (len(picture), channels) == (3, 1):
        picture = np.tensordot(LUMA, picture, 1)[None] / 1000  # exact for white: it stays 1
    picture = resize_picture(picture, (size[0], size[1]))
    if (len(picture), channels) == (1, 3):
        picture = np.repeat(picture, 3, axis=0)
    return picture.clip(0, 1)  # rounding may make it brighter than white, by 1e-16


def _channels(network: Network, size: Pair) -> int | None:
    """Return how many channels the first convolution takes. What stands before it does not change their number.

    If there is no convolution, return the number with which pictures of this size fit; None if that is not clear.
    """
    for _, layer in network.row:
        weights = [array for array in layer.parameters.values() if array.ndim == 4]
        if layer.is_convolution and weights:
            return int(weights[0].shape[1])
    fitting = [channels for channels in (1, 3) if _fits(network, channels, *size)]
    return fitting[0] if len(fitting) == 1 else None


def _normalised(seen: Array, normalisation: About, network: Network) -> Array:
    """Return (seen - mean) / std in the network's dtype."""
    x = normalisation.normalised(seen)
    x = as_array("(picture - mean) / std", x if network.dtype == object else x.astype(network.dtype))
    return as_fractions(x) if network.dtype == object else x


def _count_scores(network: Network, image_shape: Shape) -> int:
    """Return how many scores the network gives to such an image. If its size does not fit, propose one that does."""
    try:
        shape = network.output_shape((1, *image_shape))
    except ValueError as error:
        side = next((side for side in range(1, _LARGEST_SIDE + 1) if _fits(network, image_shape[0], side, side)), None)
        hint = "" if side is None else f" A picture of {side} × {side} would fit: pass --size {side}x{side}."
        raise ValueError(f"the picture does not fit the network: {error}{hint}") from None
    check_scores(shape)
    return shape[1]


def _fits(network: Network, channels: int, height: int, width: int) -> bool:
    try:
        network.output_shape((1, channels, height, width))
    except ValueError:
        return False
    return True


def _classes(options: argparse.Namespace, ranked: list[int], names: list[str]) -> list[int]:
    """Return the classes to explain: the one of --class, or the highest --top scores, or the highest score."""
    if options.class_name is not None:
        return [_class_index(options.class_name, names, len(ranked))]
    if (options.top or 1) > len(ranked):
        raise WrongOptionError(f"--top must be in 1..{len(ranked)}, the number of scores, got {options.top}.")
    return ranked[: options.top or 1]


def _class_index(text: str, names: list[str], count: int) -> int:
    """Return the number of the class with that name. If no class has it, the text must be the number itself."""
    found = [c for c, name in enumerate(names) if name == text]
    if not found and count == 1 and text in ("yes", "no"):
        return 0
    if len(found) > 1:
        raise WrongOptionError(f"--class {text!r} is the name of several classes, {found}: pass the number.")
    if found:
        return found[0]
    if re.fullmatch("[0-9]{1,9}", text) and int(text) < count:
        return int(text)
    what = f"a number in 0..{count - 1}" if count > 1 else "yes or no"
    what += " or the name of a class" if names else ""
    raise WrongOptionError(f"--class must be {what}, got {text!r}.{did_you_mean(text, names)}")


# --- The answer: what is printed and written ------------------------------------------------------------------------


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
    path = options.images[0] if options.images else None
    with _reading_errors_as_mistakes():
        q = _question(options, _network(options), path, options.out)
    return _answer(q, _explanations(q))


@contextmanager
def _reading_errors_as_mistakes() -> Iterator[None]:
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
        network = _network(options)
    if options.layer is not None:
        network.position_of(options.layer)
    read = _files_read(options)
    check_nothing_is_overwritten(found, options.out, read)
    asked = {name: vars(options)[name] for name in ("class_name", "top", "layer", "method", "size", "mean", "std")}
    asked |= {"version": version("numpycam"), "network": options.network if _is_ours(options) else ""}
    question = [json.dumps(asked), *map(digest_of_file, read)]

    def explain_one(path: Path, folder: Path) -> list[Shown]:
        with _reading_errors_as_mistakes():
            q = _question(options, network, path, folder)
        q = replace(q, picture_name=_printable(q.picture_name, _LONGEST_TEXT))  # JSON cannot hold half of a character
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

    In the picture's own proportions: if it goes into the network squashed, the map is stretched back.
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
    def size(image: Array) -> str:
        channels, height, width = image.shape
        return f"{height} pixels high, {width} wide, {'in colour' if channels == 3 else 'grey'}"

    picture, seen, margin = size(q.picture), size(q.seen), " " * 13
    maps, rows, columns = e.feature_maps.shape
    lines = [f"The picture  {_printable(q.picture_name, _LONGEST_TEXT)}: {picture}"]
    if q.picture.shape != q.seen.shape:
        lines.append(f"{margin}goes in as {seen}")
    if q.shown is not None:
        lines.append(f"{margin}normalised: {q.normalisation.formula}")
    return [
        *lines,
        f"The network  {_printable(q.network_name, _LONGEST_TEXT)}",
        *(f"{margin}{line}" for line in wrap(_printable(q.network.about.text, _LONGEST_TEXT), WIDTH - len(margin))),
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
                row.append(_printable(q.names[c]))
            rows.append([*row, remarks.get(c, "")])
        elif rows[-1][0] != "…":
            rows.append(["…", *("" for _ in head)])
    sides = ">>>".ljust(len(rows[0]), "<")
    return ["The scores, before any softmax:", "", *in_columns(rows, sides, indent=2)]


def _printable(text: str, longest: int = _LONGEST_NAME) -> str:
    return shortened(printable(text), longest)


def _check_that_no_input_is_overwritten(q: Question) -> None:
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
