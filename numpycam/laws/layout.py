"""The order of an array's axes, as a word with a letter for each: from ours to that of a function under test, and back.

Our images are "NCHW", theirs may be "NHWC". If a function has no axis N, its layout is "CHW": it gets one picture. An
axis of length 1 that we do not have is a "1": a bias of shape (1, 1, 1, O) is "111O".

>>> import numpy as np
>>> to_theirs(np.zeros((1, 3, 4, 5)), "NCHW", "HWC").shape
(4, 5, 3)
>>> to_ours(np.zeros((4, 5, 3)), "NCHW", "HWC").shape
(1, 3, 4, 5)
"""

import numpy as np

from numpycam.core.arrays import Array


class NoAxisError(ValueError):
    """An axis that a function does not have is longer than 1."""


def check_layout(habit: str, word: str, whole: str) -> None:
    """Raise ValueError if the word is no order of some letters of ``whole``, of N and of 1."""
    letters = word.replace("1", "")
    if len({*letters}) < len(letters) or not {*letters} <= {*whole, "N"} or not {*letters} & {*whole}:
        raise ValueError(
            f"{habit} must be made of the letters of {whole!r}, each once at most (1 is one more axis of length 1), "
            f"got {word!r}."
        )


def part(word: str, own: str, whole: str) -> str:
    """Return the part of a layout that an array with the axes ``own``, of the axes ``whole``, has.

    >>> part("NHWK", own="HW", whole="KHW")
    'NHW'
    """
    return "".join(letter for letter in word if letter in own or letter not in whole)


def to_theirs(array: Array, own: str, theirs: str) -> Array:
    """Return the array with its axes in their order. With one axis more, it is a batch where they have one."""
    own = _with_batch(own, theirs, array.ndim)
    kept = [letter for letter in own if letter in theirs]
    for axis, letter in reversed([*enumerate(own)]):
        if letter not in theirs:
            if array.shape[axis] != 1:
                raise NoAxisError(f"there is no axis {letter}, so its length is 1")
            array = array.squeeze(axis)
    array = array.transpose([kept.index(letter) for letter in theirs if letter in kept])
    return np.expand_dims(array, [axis for axis, letter in enumerate(theirs) if letter not in own])


def to_ours(array: Array, own: str, theirs: str) -> Array:
    """Return the array with its axes in our order, or as it is if it has other axes than theirs."""
    if "N" in theirs and array.ndim == len(theirs) and array.shape[theirs.index("N")] != 1:
        own = _with_batch(own, theirs, len(own) + 1)
    more = [axis for axis, letter in enumerate(theirs) if letter not in own]
    if array.ndim != len(theirs) or any(array.shape[axis] != 1 for axis in more):
        return array
    order = [letter for letter in theirs if letter in own]
    array = array.squeeze(tuple(more)).transpose([order.index(letter) for letter in own if letter in order])
    return np.expand_dims(array, [axis for axis, letter in enumerate(own) if letter not in order])


def _with_batch(own: str, theirs: str, ndim: int) -> str:
    return f"N{own}" if ndim == len(own) + 1 and "N" in theirs and "N" not in own else own
