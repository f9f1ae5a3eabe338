"""The two networks that come with the package, how they are trained, and how well they do.

Both tell whether a drawing (see ``numpycam.experiments.drawings``) has a cat and whether it has an elephant: two
questions, two scores. ``"drawings"`` learned it from pictures in which grass says nothing. ``"drawings-confounded"``
learned it from pictures in which grass grows where an elephant is, and nowhere else.

One kernel is made by hand and never trained: it looks for grass. It is the third, so its map is A^3, the "background
kernel" of the worked example.

>>> from numpycam import drawings, grad_cam
>>> network, picture = load_pretrained("drawings"), drawings.draw(1, animals="both", grass=True)
>>> (network(picture.images) > 0).tolist()
[[True, True]]
>>> grad_cam(network, picture.images[0], 0).localization_map.shape
(16, 16)
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpycam.core.arguments import as_int
from numpycam.core.arrays import Array
from numpycam.core.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from numpycam.experiments.drawings import CLASS_NAMES, Drawings, draw
from numpycam.experiments.training import fit
from numpycam.gradcam import grad_cam
from numpycam.metrics import energy_inside, pointing_game
from numpycam.network import Network
from numpycam.resize import normalise, resize

NAMES = ("drawings", "drawings-confounded")

BACKGROUND_KERNEL = 2
"""The number of the kernel that was made by hand, in both convolutions, from 0."""

SEED, IMAGES, EPOCHS = 1, 2000, 12
"""How the networks of the package were trained."""

_KERNELS = 8
_FOLDER = Path(__file__).parent / "networks"


def load_pretrained(name: str) -> Network:
    """Return a network that comes with the package.

    Parameters
    ----------
    name : {"drawings", "drawings-confounded"}

    Returns
    -------
    Network
        From grey pictures (N, 1, 32, 32), in 0 … 1, to two scores: cat and elephant. It answers yes where a score is
        above 0.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    return Network.load(_FOLDER / f"{_checked(name)}.npz")


def untrained(seed: int = SEED) -> Network:
    """Return the network before training: its weights by lot, except for those made by hand.

    Grass is a pattern of upright stripes. The first convolution has a kernel that answers to them, -1 2 -1 in every
    row; the second has one that takes the mean of its answers around. The head takes the maximum of each map. At first
    all maps speak for both animals and none against, and the biases are -3 and stay there: without evidence the answer
    is no. A head with biases that move and weights of both signs may learn from what is *not* an animal instead.
    """
    rng = np.random.default_rng(seed)
    first, second, head = (
        (size * np.sqrt(2 / np.prod(shape[1:])) * rng.standard_normal(shape)).astype(np.float32)
        for size, shape in ((1, (_KERNELS, 1, 5, 5)), (0.3, (_KERNELS, _KERNELS, 5, 5)), (1, (2, _KERNELS)))
    )
    first[BACKGROUND_KERNEL] = np.array([0, -1, 2, -1, 0]) / 10
    second[BACKGROUND_KERNEL] = 0
    second[BACKGROUND_KERNEL, BACKGROUND_KERNEL] = 1 / 25
    none = np.zeros(_KERNELS, np.float32)
    layers = [
        ("conv1", Conv2d(first, none, padding=2)),  # (N, 1, 32, 32) -> (N, 8, 32, 32)
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(2)),  # -> (N, 8, 16, 16)
        ("conv2", Conv2d(second, none, padding=2)),
        ("features", ReLU()),  # A, as the paper's authors take it: after the ReLU
        ("pool2", MaxPool2d(4)),
        ("pool3", MaxPool2d(4)),  # -> (N, 8, 1, 1), the maximum of each map
        ("flatten", Flatten()),
        ("scores", Linear(np.abs(head), np.full(2, -3, np.float32))),
    ]
    return Network(layers, target_layer="features")


def train(
    name: str,
    seed: int = SEED,
    images: int = IMAGES,
    epochs: int = EPOCHS,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Network:
    """Train a network as those of the package were trained.

    Parameters
    ----------
    name : {"drawings", "drawings-confounded"}
        Which pictures it sees.
    seed : int
        Of its weights, of the pictures and of their order.
    images, epochs : int
        How many pictures, and how often each is seen.
    progress : callable, optional
        See :func:`numpycam.experiments.training.fit`.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.
    DivergedError
        See :func:`numpycam.experiments.training.fit`.
    """
    drawings = draw(as_int("images", images, 1), seed, confounded=_checked(name) == "drawings-confounded")
    fixed: list[str | tuple[str, int]] = [("conv1", BACKGROUND_KERNEL), ("conv2", BACKGROUND_KERNEL), "scores.bias"]
    network, _ = fit(
        untrained(seed),
        drawings.images,
        drawings.labels,
        epochs=epochs,
        learning_rate=0.05,
        weight_decay=1e-3,
        seed=seed,
        fixed=fixed,
        progress=progress,
    )
    return network


class Measures(NamedTuple):
    """How well a network does on drawings. Each has a row for each class of CLASS_NAMES.

    Attributes
    ----------
    accuracy : array, shape (2,)
        The share of all pictures for which the answer is right.
    pointing : array, shape (2,)
        How often the peak of the class's map is on the animal. This and what follows are means over the pictures with
        that animal, whatever the network answers; a map of zeros counts as 0.
    energy : array, shape (2, 3)
        The shares of the map that are on the cat, on the elephant, on the grass.
    area : array, shape (2,)
        The share of the picture that the animal covers.
    shares : array, shape (2, K)
        Each kernel's part in all that the maps contribute: see ``Explanation.channel_shares``.
    """

    accuracy: Array
    pointing: Array
    energy: Array
    area: Array
    shares: Array


def measure(network: Network, drawings: Drawings) -> Measures:
    """Hold the network's answers against the labels, and its maps, resized to the pictures, against the masks.

    Parameters
    ----------
    network : Network
    drawings : Drawings
        Each animal is in one of them at least.

    Returns
    -------
    Measures

    Raises
    ------
    ValueError
        If an animal is in none of them: there is no mean of nothing. If the network has not two scores.
    """
    for name, with_it in zip(CLASS_NAMES, drawings.labels.T, strict=True):
        if not with_it.any():
            raise ValueError(f"drawings must have at least one {name}, got none in {len(drawings)}.")
    shape = network.output_shape(drawings.images.shape)
    if shape[1:] != (len(CLASS_NAMES),):
        raise ValueError(f"network must have two scores, of the cat and of the elephant, got outputs of shape {shape}.")
    answers = np.concatenate([network(images) > 0 for images in _batches(drawings.images)])
    means: list[list[Array]] = []
    for c, with_it in enumerate(drawings.labels.T):
        found = []
        for images, masks in zip(_batches(drawings.images[with_it]), _batches(drawings.masks[with_it]), strict=True):
            explanations = grad_cam(network, images, c)
            maps = resize(explanations.localization_map, images.shape[2:])
            pointing = pointing_game(maps, masks[:, c])
            energy = energy_inside(np.broadcast_to(maps[:, None], masks.shape), masks)
            found.append((pointing, energy, masks[:, c].mean(axis=(1, 2)), explanations.channel_shares))
        means.append([np.concatenate(values).mean(axis=0) for values in zip(*found, strict=True)])
    return Measures((answers == drawings.labels).mean(axis=0), *map(np.array, zip(*means, strict=True)))


def map_difference(network: Network, other: Network, drawings: Drawings) -> float:
    """Return how far the localization maps of two networks are apart: the mean of |L - L'| over all cells.

    Of each picture the maps of every animal in it are compared, each divided by its maximum.

    Parameters
    ----------
    network, other : Network
    drawings : Drawings
        At least one has an animal.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If no drawing has an animal.
    """
    if not drawings.labels.any():
        raise ValueError(f"drawings must have at least one animal, got none in {len(drawings)}.")
    differences = []
    for c, with_it in enumerate(drawings.labels.T):
        for images in _batches(drawings.images[with_it]):
            ours, theirs = (normalise(grad_cam(one, images, c).localization_map) for one in (network, other))
            differences.append(np.abs(ours - theirs).ravel())
    return float(np.concatenate(differences).mean())


def _batches(images: Array) -> list[Array]:
    return [images[n : n + 250] for n in range(0, len(images), 250)]


def _checked(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}.")
    return name
