"""Golden vectors: cases with the right results in exact numbers, as JSON that any language can read.

There is one file for each operation, ``<operation>.json``; README.md says how to read it. In Python, :func:`read` does.

>>> from numpycam import laws
>>> vector = next(vector for vector in laws.vectors.read("grad_cam") if "document" in vector.flags)
>>> print(vector.outputs["cam"].astype(str))
[['357/40' '0']
 ['129/8' '13/5']]
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numpycam.core.arguments import check_one_of
from numpycam.core.arrays import Array
from numpycam.exact import as_fractions
from numpycam.laws.cases import Case

FOLDER = Path(__file__).parent

OPERATIONS = (
    *("conv2d", "relu", "max_pool2d", "avg_pool2d", "linear", "softmax_cross_entropy"),
    *("grad_cam", "grad_cam_plus_plus", "xgrad_cam", "hirescam", "element_wise_grad_cam", "layercam"),
    *("resize", "normalise", "overlay"),
)
"""The operations that there are vectors of."""

PROFILES = {
    "plain": "one picture, one channel, one map; no bias, no stride or padding of its own",
    "channels": "several pictures, channels or maps, or a bias",
    "square": "a stride or a padding, the same for both axes; heights and widths are equal",
    "integers": "a stride or a padding, the same for both axes; heights and widths may differ",
    "all": "a stride, padding or window for each axis, a dilation, or a border that does not count",
}
"""What an implementation must be able to do. Each profile may need what those before it need."""


@dataclass(frozen=True)
class Vector:
    """A case with its right results.

    Attributes
    ----------
    id : str
    profile : str
        What an implementation must be able to do: one of PROFILES.
    flags : tuple of str
    comment : str
    case : Case
        The arguments. Numbers are Fractions; labels are ints.
    outputs : dict
        The right results by name, as arrays of Fractions.
    alternatives : dict
        For each name of another convention, the results that it has instead of the right ones.
    tells : tuple of str
        The ids of the known mistakes that have another result here.
    """

    id: str
    profile: str
    flags: tuple[str, ...]
    comment: str
    case: Case
    outputs: Mapping[str, Array]
    alternatives: Mapping[str, Mapping[str, Array]]
    tells: tuple[str, ...]


def read(operation: str) -> list[Vector]:
    """Return the vectors of an operation, those of the first profile first.

    Parameters
    ----------
    operation : str
        One of OPERATIONS.
    """
    return [_vector(test) for test in load(operation)["tests"]]


def load(operation: str) -> dict[str, Any]:
    """Return the file of an operation as it is, with the known mistakes and their hints."""
    check_one_of("operation", operation, OPERATIONS)
    loaded: dict[str, Any] = json.loads((FOLDER / f"{operation}.json").read_text(encoding="utf-8"))
    return loaded


def _vector(test: Mapping[str, Any]) -> Vector:
    arguments, options = _arrays(test["inputs"]), {name: _option(value) for name, value in test["options"].items()}
    return Vector(
        id=test["id"],
        profile=test["profile"],
        flags=tuple(test["flags"]),
        comment=test["comment"],
        case=Case("fractions", {}, arguments, options),
        outputs=_arrays(test["outputs"]),
        alternatives={one["name"]: _arrays(one["outputs"]) for one in test["alternatives"]},
        tells=tuple(test["tells"]),
    )


def _arrays(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else _array(value) for name, value in written.items()}


def _array(written: Mapping[str, Any]) -> Array:
    """Return an array of Fractions, or of ints where whole numbers are written without quotes."""
    values = np.array(written["values"])
    exact = values if values.dtype.kind == "i" else np.asarray(as_fractions(values), dtype=object)
    return exact.reshape(written["shape"])


def _option(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else as_fractions(value) if isinstance(value, str) else value


__all__ = ["OPERATIONS", "PROFILES", "Vector", "load", "read"]
