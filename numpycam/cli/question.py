"""What ``numpycam explain`` is asked: its options, read, and checked against the network and the picture."""

import argparse
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from numpycam.about import About
from numpycam.cli.pictures import WrongOptionError
from numpycam.core.arguments import as_array, check_scores, did_you_mean
from numpycam.core.arrays import Array, Pair, Shape
from numpycam.exact import as_fractions
from numpycam.experiments.drawings import CLASS_NAMES, LARGEST, LUMA, MASK_NAMES, SIDE, SMALLEST, draw
from numpycam.experiments.pretrained import NAMES, load_pretrained
from numpycam.files import is_device_or_pipe
from numpycam.network import Network
from numpycam.resize import resize_picture
from numpycam.targets import Difference
from numpycam.text import printable, shortened

_LARGEST_SIDE = 1024
_MOST_PIXELS_TOLD = 2**23  # as many as read_image takes from a small file


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
        name = short(self.names[c]) if self.names else f"class {c}"
        return f"what speaks against {name}" if self.is_against else name

    def target(self, c: int) -> int | Difference:
        """Return class c as a method takes it."""
        return Difference({c: -1}) if self.is_against else c

    @property
    def shown(self) -> Array | None:
        """What the files show in place of the image; None if they show the image itself."""
        mean, std = self.normalisation.mean, self.normalisation.std
        return self.seen if any(mean) or any(x != 1 for x in std) else None


def comes_with_numpycam(options: argparse.Namespace) -> bool:
    """Whether the network comes with numpycam, even if a file or a folder has its name."""
    return options.network in NAMES


def network_of(options: argparse.Namespace) -> Network:
    """Return the network that comes with numpycam, or the one in the file."""
    return load_pretrained(options.network) if comes_with_numpycam(options) else Network.load(options.network)


def files_read(options: argparse.Namespace) -> list[Path]:
    """Return the other files that are read: the network, unless it comes with numpycam, and the names."""
    given = None if comes_with_numpycam(options) else Path(options.network), options.names
    return [path for path in given if path is not None]


def question_of(options: argparse.Namespace, network: Network, path: Path | None, out: Path) -> Question:
    """Read the picture and the names, run the network, and choose the classes. Without a path, draw the picture."""
    is_ours = comes_with_numpycam(options)
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
        files_read=[*([] if path is None else [path]), *files_read(options)],
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
    """Return one name from each line. Empty lines at the end are none: editors leave them."""
    if is_device_or_pipe(path):  # it may never end, or never begin
        raise WrongOptionError(f"{path} is a device or a pipe: save it to a file, and pass that.")
    with open(path, encoding="utf-8-sig") as file:
        try:
            names = [line.strip() for line in file]
        except UnicodeDecodeError:
            raise WrongOptionError(f"{path} must hold one name on each line, in UTF-8.") from None
    while names and not names[-1]:
        names.pop()
    return names


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
    """Whether the network takes images of this shape."""
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


def short(text: str, longest: int = 40) -> str:
    """Return a text on one line, cut if it is longer."""
    return shortened(printable(text), longest)
