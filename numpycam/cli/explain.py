"""``numpycam explain``: the scores that a network gives to a picture, and where in it they come from."""

import argparse
import math
import re
import warnings
from os import PathLike
from pathlib import Path
from typing import Any, get_args
from unicodedata import category

import numpy as np

from numpycam.cli.methods import by_all, explained, method_from_text
from numpycam.cli.options import count_from_text, seed_from_text
from numpycam.core.arguments import as_array, did_you_mean
from numpycam.core.arrays import Array, Pair
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.drawings import CLASS_NAMES, LARGEST, LUMA, MASK_NAMES, SMALLEST, Animals, draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.files import as_npz, without_pickle, write_files
from numpycam.gradcam import Explanation
from numpycam.methods import PoleError
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.text import in_columns, paragraph, shortened

TEXTS: dict[str, Any] = {
    "usage": "numpycam explain IMAGE [--network FILE] [OPTIONS]\n       numpycam explain --draw ANIMALS [OPTIONS]",
    "help": "a picture of yours or a drawing, and a network of yours or one that comes with numpycam",
    "description": "Print the scores that a network gives to a picture. Write where in it they come from: the "
    "step-through page, the figure, the overlay and the numbers.",
}

FILES_OF_ALL = ("methods.png", "methods.npz")
"""The names of the files that ``--method all`` writes for a class: the figure, and L of each method by its name."""

_MOST_ROWS, _LONGEST_NAME, _LARGEST_SIDE = 5, 40, 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what the command takes, and to run it."""
    add, which = parser.add_argument, parser.add_mutually_exclusive_group()
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("image", nargs="?", type=Path, metavar="IMAGE",
        help="a PNG or JPEG file. What is transparent is laid over white. For a network of three channels a grey "
        "picture has three equal ones; for a network of one, a colour picture has its brightness")  # fmt: skip
    what.add_argument("--draw", choices=get_args(Animals), help="instead of IMAGE, draw this")
    add("--seed", type=seed_from_text, metavar="N", help="for another drawing (default: 0)")
    add("--grass", action=argparse.BooleanOptionalAction, help="draw it on grass, or on plain ground (default: by lot)")
    add("--network", default=NAMES[0], metavar="FILE",
        help="what network.save(FILE) has written; or one that comes with numpycam and knows drawings of 32 × 32 "
        f"pixels: {' or '.join(NAMES)} (default: {NAMES[0]}; a file of such a name is ./{NAMES[0]})")  # fmt: skip
    which.add_argument("--class", dest="class_name", metavar="CLASS",
        help="whose score is explained: a number from 0, or a name (default: the highest score)")  # fmt: skip
    which.add_argument("--top", type=count_from_text, metavar="K",
        help="explain the K highest scores, each in a folder of its own")  # fmt: skip
    add("--names", type=Path, metavar="FILE", help="the names of the classes, one on each line")
    add("--layer", metavar="NAME",
        help="the one with the feature maps (default: the network's target layer, or its last Conv2d)")  # fmt: skip
    add("--method", type=_method, default="grad_cam", metavar="NAME",
        help="one that numpycam methods lists, or all, in one figure (default: grad_cam)")  # fmt: skip
    add("--size", type=_size, metavar="HxW",
        help="resize the picture to this height and width: averaged where it shrinks, bilinear where it grows "
        "(default: as it is). Nothing is cut off: a picture of another shape is squashed")  # fmt: skip
    add("--mean", type=_finite, nargs="+", default=[0.0], metavar="X",
        help="subtract this from the picture, which lies in 0 to 1: one number, or one for each channel")  # fmt: skip
    add("--std", type=_positive, nargs="+", default=[1.0], metavar="X",
        help="and divide by this; under the map one sees the picture as it was")  # fmt: skip
    add("--out", type=Path, default=Path("numpycam-explanation"), metavar="FOLDER",
        help="where the files go (default: numpycam-explanation)")  # fmt: skip
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
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}; IMAGE stands before the options")
    return number


def _positive(text: str) -> float:
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be greater than 0, got {text!r}")
    return number


def explain(options: argparse.Namespace) -> None:
    """Do what the command says. Every mistake goes to ``options.refuse`` in one line.

    The numbers of all classes are checked before the first file is written. A mistake that only a figure shows comes
    later.
    """
    with warnings.catch_warnings(action="ignore"):  # numbers that overflow are refused below, in one line
        try:
            story = _explain(options)
        except (TypeError, ValueError, PoleError) as error:
            options.refuse(str(error))
        except MemoryError:
            options.refuse("the picture or the network is too large for this machine; pass a smaller --size.")
    print(story)


def _explain(options: argparse.Namespace) -> str:
    network, names, size = _read_network(options)
    picture, called = _picture(options, network, size)
    seen = _as_the_network_takes_it(picture, network, size)
    image = _normalised(seen, options.mean, options.std, network)
    count = _count_scores(network, image)
    if options.draw and not options.names and count == len(CLASS_NAMES):
        names = [*CLASS_NAMES]
    if options.names and len(names) != count:
        raise ValueError(f"{options.names} has {len(names)} names, but the network has {count} scores.")
    scores = as_array("the network's output", network(image[None])[0])
    ranked = np.argsort(-scores, kind="stable").tolist()
    classes = _classes(options, ranked, names)
    _check_that_no_input_is_written_over(options, classes)
    is_changed = any(options.mean) or any(x != 1 for x in options.std)  # under the map lies what a person sees
    below = seen if is_changed else None
    method = "grad_cam" if options.method == "all" else options.method
    found = [explained(method, network, image, c, options.layer) for c in classes]
    explanations = [explanation for explanation, _ in found]  # all of them, before the files of the first are written
    heading = _heading(options, called, picture, seen, explanations[0])
    remarks = dict.fromkeys(classes, "explained")
    if options.method != "all":
        empty = [e.class_index for e in explanations if not e.localization_map.any()]
        remarks |= dict.fromkeys(empty, "explained: no cell speaks for it, the map is zero")
    table = _table(scores, ranked, names, remarks, _is_ours(options))
    if options.method == "all":
        tables = [(c, *by_all(network, image, c, options.layer)) for c in classes]
        written = [line for c, by, lines in tables for line in _save_all(c, by, lines, options, names, below)]
    else:
        written = [paragraph(note) for _, notes in found for note in notes]
        written += [_save(explanation, options, called, names, below) for explanation in explanations]
    return "\n".join([*heading, "", *table, "", *written, *_others(options, classes)])


def _folder(options: argparse.Namespace, class_index: int) -> Path:
    folder: Path = options.out / f"class-{class_index}" if options.top else options.out
    return folder


def _others(options: argparse.Namespace, classes: list[int]) -> list[str]:
    """Return a line about what an earlier run has left: folders of other classes, or files of another kind of run."""
    from numpycam.report import FILES

    ours, kind = [_folder(options, c) for c in classes], FILES if options.method == "all" else FILES_OF_ALL
    others = [path for path in options.out.glob("class-*") if path not in ours]
    others += [folder / name for folder in ours for name in kind if (folder / name).exists()]
    return [f"Not of this run: {', '.join(sorted(map(str, others)))}"] if others else []


def _check_that_no_input_is_written_over(options: argparse.Namespace, classes: list[int]) -> None:
    from numpycam.report import FILES

    network = None if _is_ours(options) else options.network
    files = FILES_OF_ALL if options.method == "all" else FILES
    inputs = [path for path in (options.image, network, options.names) if path]
    for path in (_folder(options, c) / name for c in classes for name in files):
        if path.exists() and any(path.samefile(given) for given in inputs):
            raise ValueError(f"--out must not lead to files that are read, got {options.out}, with {path}.")


def _save(e: Explanation, options: argparse.Namespace, called: str, names: list[str], picture: Array | None) -> str:
    """Write the files of one class, and return where they are."""
    folder = _folder(options, e.class_index)
    network = Path(options.network).name
    about = {"picture": called, "network": network, "mean": options.mean, "std": options.std}
    if names:
        about["class"] = names[e.class_index]
    title = f"{e.method} of {_named(e.class_index, names)}"
    return f"Written to {folder}: {', '.join(e.save(folder, title=title, about=about, picture=picture))}"


def _save_all(
    class_index: int,
    found: dict[str, Explanation],
    lines: list[str],
    options: argparse.Namespace,
    names: list[str],
    picture: Array | None,
) -> list[str]:
    """Write the figure of all methods and their maps; return the lines of the table, and where the files are."""
    from numpycam.display import figure_of_methods, with_picture

    folder, title = _folder(options, class_index), f"{_named(class_index, names)}, by each method"
    figure = figure_of_methods([with_picture(e, picture) for e in found.values()], columns=6, title=title)
    maps: dict[str, Any] = {name: without_pickle(e.weighted_sum) for name, e in found.items()}
    folder.mkdir(parents=True, exist_ok=True)
    contents = figure.as_png(), as_npz(maps, compressed=True)
    write_files(folder, dict(zip(FILES_OF_ALL, contents, strict=True)))
    return [f"{title}:", "", *lines, "", f"Written to {folder}: {', '.join(FILES_OF_ALL)}"]


def _named(class_index: int, names: list[str]) -> str:
    return _short(names[class_index]) if names else f"class {class_index}"


def _read_network(options: argparse.Namespace) -> tuple[Network, list[str], Pair | None]:
    """Return the network, the names of its classes, and the size of its pictures.

    A network that comes with the package brings names and size. For others the size is None unless it is asked for.
    """
    is_ours = _is_ours(options)
    size = options.size or ((32, 32) if is_ours else None)
    try:
        names = _read_names(options.names) if options.names else [*CLASS_NAMES] if is_ours else []
        return load_pretrained(options.network) if is_ours else Network.load(options.network), names, size
    except OSError as error:
        raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error


def _is_ours(options: argparse.Namespace) -> bool:
    """Whether the network comes with the package, whatever lies in the working folder."""
    return options.network in NAMES


def _picture(options: argparse.Namespace, network: Network, size: Pair | None) -> tuple[Array, str]:
    """Return the picture from the file, or the drawing, in colour if the network takes that; and what it is called."""
    from numpycam.display import read_image

    seed = options.seed or 0
    if options.image is None:
        side, in_colour = min(LARGEST, max(SMALLEST, *(size or (32, 32)))), _channels(network) == 3
        drawn = draw(1, seed, size=side, colour=in_colour, animals=options.draw, grass=options.grass)
        ground = "on grass" if drawn.masks[0, MASK_NAMES.index("grass")].any() else "no grass"
        return drawn.images[0].astype(np.float64), f"a drawing, {options.draw}, {ground}, seed {seed}"
    if options.seed is not None or options.grass is not None:
        raise ValueError("--seed and --grass are for --draw.")
    try:
        return read_image(options.image), str(options.image.name)
    except OSError as error:
        raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error


def _read_names(path: str | PathLike[str]) -> list[str]:
    """Return one name from each line."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            return [line.strip() for line in file]
        except UnicodeDecodeError:
            raise ValueError(f"{path} must hold one name on each line, in UTF-8.") from None


def _as_the_network_takes_it(picture: Array, network: Network, size: Pair | None) -> Array:
    """Return the picture, still in 0 … 1, with the network's number of channels and in the size asked for."""
    channels = _channels(network)
    if (len(picture), channels) == (3, 1):
        picture = np.tensordot(LUMA, picture, 1)[None] / 1000  # white is 1, with no rounding
    picture = picture if size is None else _resized(picture, size)
    if (len(picture), channels) == (1, 3):
        picture = np.repeat(picture, 3, axis=0)
    return picture.clip(0, 1)  # a sum of shares may be 1e-16 brighter than white


def _channels(network: Network) -> int | None:
    for _, layer in network.row:  # what can stand before a convolution does not change the channels
        if layer.is_convolution and "weight" in layer.parameters:
            return int(layer.parameters["weight"].shape[1])
    return None


def _resized(picture: Array, size: Pair) -> Array:  # (C, H, W) -> (C, H', W')
    """Shrink by the mean over the area that each new pixel covers, so that none is skipped; enlarge bilinearly."""
    for axis, m in enumerate(size, start=1):
        n = picture.shape[axis]
        if m < n:
            edges, old = np.arange(m + 1)[:, None] * n / m, np.arange(n)
            share = (np.minimum(edges[1:], old + 1) - np.maximum(edges[:-1], old)).clip(0) * m / n  # (m, n)
            picture = np.moveaxis(np.tensordot(share, picture, (1, axis)), 0, axis)
    return resize(picture, size)


def _normalised(seen: Array, mean: list[float], std: list[float], network: Network) -> Array:
    """Return (x - mean) / std in the network's own kind of numbers."""
    for option, values in (("--mean", mean), ("--std", std)):
        if len(values) not in (1, len(seen)):
            raise ValueError(f"{option} must be one number or {len(seen)}, one for each channel, got {len(values)}.")
    x = (seen - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
    x = as_array("(picture - mean) / std", x if network.dtype == object else x.astype(network.dtype))
    return as_fractions(x) if network.dtype == object else x


def _count_scores(network: Network, image: Array) -> int:
    """Return how many scores the network gives to this image; if its size does not fit, say which one would."""
    try:
        shape = network.output_shape((1, *image.shape))
    except ValueError as error:
        side = next((side for side in range(1, _LARGEST_SIDE + 1) if _fits(network, len(image), side)), None)
        hint = "" if side is None else f" A picture of {side} × {side} would fit: pass --size {side}x{side}."
        raise ValueError(f"the picture does not fit the network: {error}{hint}") from None
    if len(shape) != 2:
        raise ValueError(f"the network's output must be scores (N, classes), got {shape}.")
    return shape[1]


def _fits(network: Network, channels: int, side: int) -> bool:
    try:
        network.output_shape((1, channels, side, side))
    except ValueError:
        return False
    return True


def _classes(options: argparse.Namespace, ranked: list[int], names: list[str]) -> list[int]:
    """Return the classes to explain: that of --class, or the --top highest, or the highest."""
    if options.class_name is not None:
        return [_class_index(options.class_name, names, len(ranked))]
    if (options.top or 1) > len(ranked):
        raise ValueError(f"--top must be in 1..{len(ranked)}, the number of scores, got {options.top}.")
    return ranked[: options.top or 1]


def _class_index(text: str, names: list[str], count: int) -> int:
    """Return the class of that name or, if no name is like it, of that number."""
    found = [c for c, name in enumerate(names) if name == text]
    if len(found) > 1:
        raise ValueError(f"--class {text!r} is the name of the classes {found}: pass the number.")
    if found:
        return found[0]
    if re.fullmatch("[0-9]{1,9}", text) and int(text) < count:
        return int(text)
    what = f"a number in 0..{count - 1}" + (" or the name of a class" if names else "")
    raise ValueError(f"--class must be {what}, got {text!r}.{did_you_mean(text, names)}")


def _heading(options: argparse.Namespace, called: str, picture: Array, seen: Array, e: Explanation) -> list[str]:
    def size(image: Array) -> str:
        channels, height, width = image.shape
        return f"{height} pixels high, {width} wide, {'in colour' if channels == 3 else 'grey'}"

    maps, rows, columns = e.feature_maps.shape
    return [
        f"The picture  {called}: {size(picture)}",
        *([f"             goes in as {size(seen)}"] if picture.shape != seen.shape else []),
        f"The network  {Path(options.network).name}",
        f"The layer    {e.layer!r}: {maps} feature maps, {rows} cells high, {columns} wide",
        f"The method   {'all' if options.method == 'all' else e.method}",
    ]


def _table(scores: Array, ranked: list[int], names: list[str], remarks: dict[int, str], answers: bool) -> list[str]:
    """Return the highest scores and those with a remark, a line each, and … where some are left out.

    With answers there is "yes" beside a score above 0, or else "no".
    """
    floats = as_floats(scores)
    style = ".4f" if 1e-3 <= np.abs(floats).max() < 1e6 else ".4e"
    rows = [["rank", "class", "score", *["answer"] * answers, *(["name"] if names else []), ""]]
    for rank, c in enumerate(ranked, start=1):
        if rank <= _MOST_ROWS or c in remarks:
            answer = ["yes" if floats[c] > 0 else "no"] * answers
            name = [_short(names[c])] if names else []
            rows.append([f"{rank}", f"{c}", f"{floats[c]:{style}}", *answer, *name, remarks.get(c, "")])
        elif rows[-1][0] != "…":
            rows.append(["…", *[""] * (len(rows[0]) - 1)])
    lines = in_columns(rows, ">>>" + "<" * (len(rows[0]) - 3))
    return ["The scores, before any softmax:", "", *(f"  {line}" for line in lines)]


def _short(name: str) -> str:
    """Return a name to be printed: no control character reaches the terminal."""
    return shortened("".join("?" if category(c) == "Cc" else c for c in name), _LONGEST_NAME)
