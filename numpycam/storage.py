"""A network as a file, without pickle.

The file is a ``.npz``, so ``np.load`` can open it, too. ``"network"`` describes the layers in JSON. Each parameter is
an array under its own name, such as ``"conv.weight"``. Fractions are strings, such as ``"-3/4"``. The file is not
compressed, so no array in it can be larger than the file.

>>> import tempfile
>>> from numpycam import Network, worked_example
>>> with tempfile.TemporaryDirectory() as folder:
...     worked_example.network().save(f"{folder}/cat.npz")
...     print(*np.load(f"{folder}/cat.npz"))
...     Network.load(f"{folder}/cat.npz")
network features.weight linear.weight
Network([
    ('features', Conv2d(weight=(3, 1, 2, 2), stride=2)),
    ('flatten', Flatten()),
    ('linear', Linear(weight=(2, 12))),
], target_layer='features')
"""

import errno
import json
import math
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from reprlib import repr as brief
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_magic

from numpycam.about import About
from numpycam.core.arguments import as_array
from numpycam.core.arrays import Array
from numpycam.core.base import Layer
from numpycam.core.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
from numpycam.core.network import Network, check_network
from numpycam.core.residual import Residual
from numpycam.exact import MOST_DIGITS, as_fractions
from numpycam.files import as_npz, check_path, is_device_or_pipe, is_encodable, without_pickle, write_files

SomeNetwork = TypeVar("SomeNetwork", bound=Network)

FORMAT = 2
"""The version of the format. :func:`save` writes this one, and :func:`load` reads all up to it.

Format 1 writes every argument of a layer. Format 2 leaves out those that have their default. So a layer may get new
arguments, and older files still load, if the default is what the layer did before.
"""

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual)
}
_DIGITS = f"[0-9]{{1,{MOST_DIGITS}}}"
_FRACTION = re.compile(f"-?{_DIGITS}(/(?=0*[1-9]){_DIGITS})?")  # no exponent: Fraction("1e999999999") takes gigabytes
_LONGEST_DESCRIPTION = 2**22  # bytes: a million characters
# Each network keeps the full names of all layers inside of it. So deep networks with long names would be a thousand
# times as large in memory as in the file.
_LONGEST_NAME = 255
_DEEPEST = 10


def save(network: Network, path: str | os.PathLike[str], network_class: type[Network] | None = None) -> None:
    """Write a network to a file. ``network.save(path)`` calls this.

    Parameters
    ----------
    network : Network
        Its layers must be numpycam's own (networks, too), with parameters in float32, float64 or Fractions.
    path : path
        The file gets exactly this name. If there is an old file, it is replaced once the new one is complete. The same
        network always gives the same bytes.
    network_class : type, optional
        The subclass of the core's Network that may be stored, such as ``numpycam.Network``. By default, the class of
        the network.

    Raises
    ------
    TypeError
        If a layer is not one of numpycam's own, or a parameter has another dtype.
    ValueError
        If a parameter holds NaN or infinity, which :func:`load` refuses, or a Fraction of more than 4300 digits. If the
        full name of a layer, such as "block.conv", has more than 255 characters or cannot be a name in a zip file. If
        networks are nested more than 10 deep, or the description of all layers has more than a million characters.
    OSError
        If the file cannot be written. An old file then stays as it was.
    """
    check_network(network)
    check_path("path", path)
    description = _description(network, network_class or type(network))
    size = np.array(description).nbytes + 128  # for its header in the file
    if size > _LONGEST_DESCRIPTION:
        raise ValueError(f"the network's description must have at most {_LONGEST_DESCRIPTION} bytes, got {size}.")
    parameters: dict[str, Any] = {name: _storable(name, array) for name, array in network.parameters.items()}
    file_path = Path(path)
    write_files(file_path.parent, {file_path.name: as_npz({"network": np.array(description)} | parameters)})


def load(path: str | os.PathLike[str], network_class: type[SomeNetwork]) -> SomeNetwork:
    """Read a network from a file. ``Network.load(path)`` calls this.

    The file may come from anyone. Nothing in it is executed. Every size that it claims is compared with the bytes that
    are there. Its description must be exactly the one that :func:`save` writes for this network. A file of at most 2 MB
    takes at most 500 MB of memory and 2 seconds, whatever is in it.

    Parameters
    ----------
    path : path
    network_class : type
        The class of the networks that are made, such as ``numpycam.Network``.

    Returns
    -------
    network_class
        The network that was stored: the same layers, options and target layer, and the same parameters to the bit.

    Raises
    ------
    ValueError
        If the file is not a numpycam network, or a parameter holds NaN or infinity. If it is no file, but a device or a
        pipe.
    OSError
        If the file cannot be read.
    """
    check_path("path", path)
    refusal = f"{os.fspath(path)} is not a numpycam network"
    if is_device_or_pipe(path):
        raise ValueError(f"{refusal}: it is a device or a pipe, not a file.")
    with open(path, "rb") as file:
        try:
            return _read(file, network_class)
        except MemoryError:
            raise
        except Exception as error:  # for wrong bytes, zipfile, NumPy and json can raise anything
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a place before the start
                raise
            reason = "bytes are missing." if isinstance(error, OSError | EOFError) else str(error)[:300]
            raise ValueError(f"{refusal}: {reason}") from error


def _description(network: Network, network_class: type[Network], version: int = FORMAT) -> str:
    return json.dumps({"numpycam": version, "network": _described(network, network_class, version)})


def _described(
    layer: Layer, network_class: type[Network], version: int, full_name: str = "", depth: int = 0
) -> dict[str, Any]:
    """Return the kind of a layer and its arguments. In the place of a parameter, return its shape."""
    _check_place(full_name, depth)
    if type(layer) not in (*_KINDS.values(), network_class):
        raise TypeError(f"{type(layer).__name__} cannot be stored, only numpycam's own layers: {', '.join(_KINDS)}.")
    given = [(field.name, getattr(layer, field.name), field.default) for field in fields(layer) if field.init]
    arguments = {name: value for name, value, default in given if version == 1 or not _is_default(value, default)}

    def inside(name: str, inner: Layer) -> dict[str, Any]:
        return _described(inner, network_class, version, _inside(full_name, name), depth + 1)

    arguments |= {name: inside(name, value) for name, value in arguments.items() if isinstance(value, Layer)}
    if isinstance(layer, Network):
        arguments["layers"] = [(name, inside(name, inner)) for name, inner in layer.layers]
        about = arguments.pop("about", None)  # a network of the core has none
        arguments |= {"about": asdict(about)} if about else {}
    shapes = {name: {"shape": value.shape} for name, value in arguments.items() if isinstance(value, np.ndarray)}
    return {"kind": type(layer).__name__} | arguments | shapes


def _is_default(value: Any, default: Any) -> bool:
    """Whether an argument need not be written. A pair of equal numbers may be given as one number."""
    return default is not MISSING and not isinstance(value, np.ndarray) and value in (default, (default, default))


def _inside(full_name: str, name: str) -> str:
    return f"{full_name}.{name}" if full_name else name


def _check_place(full_name: str, depth: int) -> None:
    """Raise ValueError if a layer stands too deep, or its name is too long or no text."""
    if depth > _DEEPEST:
        raise ValueError(f"networks must be nested at most {_DEEPEST} deep to be stored.")
    if len(full_name) > _LONGEST_NAME:
        raise ValueError(
            f"a layer's full name must have at most {_LONGEST_NAME} characters to be stored, "
            f"got {len(full_name)}: {brief(full_name)}."
        )
    if not is_encodable(full_name):
        raise ValueError(f"{brief(full_name)} holds half of a character (a surrogate): rename the layer.")


def _storable(name: str, array: Array) -> Array:
    if zipfile.ZipInfo(name).filename != name:
        raise ValueError(f"{brief(name)} cannot be a name in a zip file: rename the layer.")
    array = without_pickle(name, as_array(name, array))
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


def _read(file: BinaryIO, network_class: type[SomeNetwork]) -> SomeNetwork:
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise ValueError("two of its arrays have the same name.")
        text = _member(archive, members, "network", _LONGEST_DESCRIPTION).item()
        described = json.loads(text, parse_int=lambda digits: int(digits[: MOST_DIGITS + 1]))  # longer ones take long
        version = described.get("numpycam") if isinstance(described, dict) else None
        if isinstance(version, int) and version > FORMAT:
            newest = f"this numpycam reads formats up to {FORMAT}."
            raise ValueError(f"it was written by a newer numpycam, in format {version}; {newest}")
        if type(version) is not int or version < 1 or described.keys() != {"numpycam", "network"}:
            raise ValueError(f"its description must hold 'numpycam': {FORMAT} and 'network', got {brief(described)}.")
        if sum(info.file_size for info in archive.infolist()) > size:
            raise ValueError(f"its arrays claim to be larger than the file, which has {size} bytes.")
        kinds = _KINDS | {Network.__name__: network_class}
        network = _built(described["network"], kinds, lambda name: _member(archive, members, name, size))
    if not isinstance(network, network_class):
        raise ValueError(f"it holds a single {type(network).__name__}.")
    if members:
        raise ValueError(f"it holds {brief(next(iter(members)))}, which no layer has.")
    if (
        _description(network, network_class, version) != text
    ):  # an argument is missing or too many, or true is written for 1
        raise ValueError("its description is not the one that numpycam writes for this network.")
    return network


def _built(
    described: Any, kinds: Mapping[str, Any], read: Callable[[str], Array], full_name: str = "", depth: int = 0
) -> Layer:
    """Return the layer that :func:`_described` described. Its parameters are read by their names."""
    _check_place(full_name, depth)
    kind = kinds.get(str(described.get("kind"))) if isinstance(described, dict) else None
    if kind is None:
        raise ValueError(f"a layer must be of the kind {', '.join(_KINDS)}, got {brief(described)}.")
    arguments = {name: value for name, value in described.items() if name != "kind"}
    if issubclass(kind, Network):
        arguments["layers"] = [
            (name, _built(inner, kinds, read, _inside(full_name, name), depth + 1))
            for name, inner in described["layers"]
        ]
    about = arguments.pop("about", {})
    for name, value in arguments.items():
        own_name = _inside(full_name, name)
        if isinstance(value, dict) and "kind" in value:
            arguments[name] = _built(value, kinds, read, own_name, depth + 1)
        elif isinstance(value, dict):
            array = arguments[name] = read(own_name)
            if [*array.shape] != value.get("shape"):
                raise ValueError(f"{own_name} must be described by its shape {[*array.shape]}, got {brief(value)}.")
    try:
        return kind(**arguments, **({"about": About(**about)} if about else {}))
    except (TypeError, ValueError) as error:
        raise ValueError(f"layer {full_name!r}: {error}" if full_name else str(error)) from None


def _member(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, largest: int) -> Array:
    """Return an array, and remove it from the members, so that none is read twice."""
    if name not in members:
        raise ValueError(f"it holds no {brief(name)}.")
    info = members.pop(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > largest:
        raise ValueError(f"{name} must not be compressed or larger than {largest} bytes.")
    with archive.open(info) as member:
        if read_magic(member) != (1, 0):
            raise ValueError(f"{name} must be in the format 1.0 of .npy files.")
        shape, in_fortran_order, dtype = read_array_header_1_0(member, max_header_size=1000)
        if dtype.kind not in "fU" or dtype.itemsize < 4 or (dtype.kind == "f" and dtype.itemsize > 8):
            raise ValueError(f"{name} must hold float32, float64 or strings, got {dtype}.")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != info.file_size - member.tell():
            raise ValueError(f"{name} claims shape {brief(shape)}, but holds {info.file_size - member.tell()} bytes.")
        content = member.read()
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if in_fortran_order else "C")
    if name == "network" or dtype.kind == "f":
        return array.astype(dtype.newbyteorder("="), copy=False)
    texts = array.ravel().tolist()
    different = [*dict.fromkeys(texts)]  # each is read once, for this is slow
    wrong = next((text for text in different if not _FRACTION.fullmatch(text)), None)
    if wrong is not None:
        expected = f"fractions such as '-3/4', of at most {MOST_DIGITS} digits"
        raise ValueError(f"{name} must hold {expected}, got {brief(wrong)}.")
    fractions = dict(zip(different, as_fractions(different), strict=True))
    return np.array([*map(fractions.get, texts)], dtype=object).reshape(shape)
