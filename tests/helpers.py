"""What the tests compare with: equality, bounds on rounding, linear pieces, messages, figures; and a quick save."""

import os
import re
import runpy
from contextlib import contextmanager
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume

from numpycam import MaxPool2d, ReLU
from numpycam.core.arrays import zeros
from numpycam.display import columns_of, stages
from numpycam.exact import as_fractions


def some(cases, each=3):
    """In CI all of these cases. Else each third, say: the everyday suite should take no longer than a minute or two."""
    return [*cases][:: 1 if os.environ.get("CI") else each]


DOCS = Path(__file__).parents[1] / "docs"


def script(name):
    """Run a script of docs/, but not what it does as a command, and return its names with what they mean."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)  # it imports what stands beside it
        return runpy.run_path(str(DOCS / name))


def inner(a, b):
    """<a, b>, exact for Fractions."""
    return (a * b).sum(initial=zeros((), like=a)[()])


def rounding(operations, dtype=np.float64):
    """The bound n u / (1 - n u) on the error of n operations, relative to the sum of the terms' sizes."""
    u = Fraction(float(np.finfo(dtype).eps)) / 2
    return operations * u / (1 - operations * u)


def same(a, b):
    """Whether two arrays have the same shape and equal numbers: with ``==``, no tolerance."""
    return a.shape == b.shape and bool((a == b).all())


BLANK = SimpleNamespace(alt="", as_png=lambda **_: b"\x89PNG")
PARTS = {
    "figure": {"figure_of_stages": lambda *_, **__: BLANK},
    "methods": {"figure_of_methods": lambda *_, **__: BLANK},
    "pictures": {"figure_of_pictures": lambda *_, **__: BLANK},
    "kernels": {"figure_of_kernels": lambda *_, **__: BLANK},
    "page": {"page.step_through_page": lambda *_, **__: ""},
    "overlay": {
        "as_png": lambda _: BLANK.as_png(),
        "overlay": lambda image, heat: image,
        "figure_of_overlay": lambda *_, **__: BLANK,
    },
}


@contextmanager
def drawing(*parts):
    """Have ``save`` and the commands draw these alone of PARTS, which take nearly all of their time."""
    with pytest.MonkeyPatch.context() as patch:
        for part in PARTS.keys() - parts:
            for name, undrawn in PARTS[part].items():
                patch.setattr(f"numpycam.display.{name}", undrawn)
        yield


@contextmanager
def only_columns(*numbers):
    """Have the figure of all stages show these alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "columns_of", lambda *given: [columns_of(*given)[number] for number in numbers])
        yield


def pattern(network, x):
    """Which linear piece of the network x lies in: the gates of its ReLUs, the winners of its max pools."""
    activations = network.activations(x)
    parts = []
    for (_, layer), given_to_it in zip(network.layers, activations.values(), strict=False):
        if isinstance(layer, ReLU):
            parts.append(given_to_it > 0)
        if isinstance(layer, MaxPool2d):
            shape = layer.output_shape(given_to_it.shape)
            numbered = as_fractions(np.arange(1, np.prod(shape) + 1).reshape(shape))
            parts.append(layer.backward(numbered, given_to_it))
    return parts


def step_within_a_piece(network, x, direction):
    """A step t for which x and x + t · direction are in one linear piece of the network. A kink may have none."""
    t, here = Fraction(1), pattern(network, x)
    while not all(map(same, here, pattern(network, x + t * direction))):
        t /= 8
        assume(t > Fraction(1, 2**20))
    return t


def refusal(error, action):
    """Return the message with which an action is refused."""
    with pytest.raises(error) as caught:
        action()
    assert type(caught.value) is error
    return str(caught.value)


def unwritable_places(folder):
    """Return a folder, a place in no folder, and a pipe: it stands for a device, which wrong code would replace."""
    places = [folder, folder / "nowhere" / "file"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        places.append(folder / "pipe")
    return places


def collisions(figure):
    """Return which texts of a figure meet another, or a picture, or its edge, by what they take when they are drawn."""
    figure.draw_without_rendering()
    written = [text for text in [*figure.texts, *(axes.title for axes in figure.axes)] if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in written]
    boxes += [(f"axes {n}", axes.get_window_extent()) for n, axes in enumerate(figure.axes)]
    met = [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]
    edge = figure.bbox
    return met + [(one, "edge") for one, a in boxes if not (a.min >= edge.min).all() or not (a.max <= edge.max).all()]


def contrast(*colours):
    """The contrast ratio of two CSS colours, after WCAG 2."""
    luminances = []
    for colour in colours:
        channels = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminances.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def texts(figure):
    """Return what is written on a figure."""
    written = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, *axes.get_xticklabels()]]
    return written + [text.get_text() for text in figure.texts]


def pixels_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes]


def words(text):
    """Return a text in one line, with single spaces: where its lines break does not matter."""
    return re.sub(r"\s+", " ", text)
