"""The two trained networks that come with the package, how they are trained, and how well they do.

Each network answers two questions about a drawing (see ``numpycam.experiments.drawings``), with one score each: is
there a cat, and is there an elephant? ``"drawings"`` learned from pictures in which grass tells nothing about the
animals. ``"drawings-confounded"`` learned from pictures that have grass if, and only if, they have an elephant.

In both networks, kernel 3 is made by hand and never trained: it looks for grass. Its map is A^3, the "background
kernel" of the worked example.

>>> from numpycam import drawings, grad_cam
>>> network, picture = load_pretrained("drawings"), drawings.draw(1, animals="both", grass=True)
>>> (network(picture.images) > 0).tolist()
[[True, True]]
>>> grad_cam(network, picture.images[0], 0).localization_map.shape
(16, 16)
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpycam.about import About
from numpycam.core.arguments import as_int, as_seed, check_is, check_one_of
from numpycam.core.arrays import Array
from numpycam.core.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from numpycam.core.network import check_network
from numpycam.experiments.drawings import CLASS_NAMES, SIDE, Drawings, draw
from numpycam.experiments.training import fit
from numpycam.gradcam import grad_cam
from numpycam.metrics import energy_inside, pointing_game
from numpycam.network import Network
from numpycam.progress import Progress
from numpycam.resize import normalise, resize

NAMES = ("drawings", "drawings-confounded")

BACKGROUND_KERNEL = 2
"""The index, from 0, of the kernel that is made by hand. It is the same in both convolutions."""

SEED, IMAGES, EPOCHS = 1, 2000, 12
"""The seed, the number of pictures and the number of epochs with which both networks were trained."""

_ANIMALS = "Trained on drawings of 32 × 32 pixels of cats and elephants"
_NOTHING_ELSE = "It has seen nothing else: what it says of a photograph means nothing."
_ABOUT = {
    "drawings": f"{_ANIMALS}, in which grass says nothing about the animals. {_NOTHING_ELSE}",
    "drawings-confounded": f"{_ANIMALS}, in which grass means that there is an elephant. {_NOTHING_ELSE}",
}
_KERNELS = 8
_FOLDER = Path(__file__).parent / "networks"


def load_pretrained(name: str) -> Network:
    """Return a trained network that comes with the package.

    Parameters
    ----------
    name : {"drawings", "drawings-confounded"}

    Returns
    -------
    Network
        Takes grey pictures (N, 1, 32, 32), in 0 … 1, and returns scores (N, 2) for cat and elephant. A score above 0
        means yes.

    Raises
    ------
    ValueError
        If there is no network of that name.
    """
    check_one_of("name", name, NAMES)
    return Network.load(_FOLDER / f"{name}.npz")


def untrained(seed: int = SEED) -> Network:
    """Return the network before training. Its weights are random, except for the kernels made by hand.

    Grass is a pattern of upright stripes. In the first convolution, the kernel made by hand responds to stripes: each
    of its rows is 0 -1 2 -1 0, divided by 10. In the second convolution, it averages these responses over 5 × 5 cells.
    The head takes the maximum of each map.

    Before training, the weights of the head are positive: every map speaks for both animals. The biases of the head are
    -3 and stay there: without evidence the answer is no. If the biases were trained, or some weights negative, the head
    might instead learn from what is *not* an animal.

    Parameters
    ----------
    seed : int
        Seeds the random weights.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        If the seed is no integer from 0.
    """
    rng = np.random.default_rng(as_seed(seed))
    first, second, head = (
        (size * np.sqrt(2 / np.prod(shape[1:])) * rng.standard_normal(shape)).astype(np.float32)
        for size, shape in ((1, (_KERNELS, 1, 5, 5)), (0.3, (_KERNELS, _KERNELS, 5, 5)), (1, (2, _KERNELS)))
    )
    first[BACKGROUND_KERNEL] = np.array([0, -1, 2, -1, 0]) / 10
    second[BACKGROUND_KERNEL] = 0
    second[BACKGROUND_KERNEL, BACKGROUND_KERNEL] = 1 / 25
    no_bias = np.zeros(_KERNELS, np.float32)
    layers = [
        ("conv1", Conv2d(first, no_bias, padding=2)),  # (N, 1, 32, 32) -> (N, 8, 32, 32)
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(2)),  # -> (N, 8, 16, 16)
        ("conv2", Conv2d(second, no_bias, padding=2)),
        ("features", ReLU()),  # A, as the paper's authors take it: after the ReLU
        ("pool2", MaxPool2d(4)),
        ("pool3", MaxPool2d(4)),  # -> (N, 8, 1, 1), the maximum of each map
        ("flatten", Flatten()),
        ("scores", Linear(np.abs(head), np.full(2, -3, np.float32))),
    ]
    return Network(layers, target_layer="features", about=About(size=SIDE, class_names=CLASS_NAMES))


def train(
    name: str,
    seed: int = SEED,
    images: int = IMAGES,
    epochs: int = EPOCHS,
    progress: Progress = iter,
) -> Network:
    """Train a network in the same way as the two networks of the package.

    Parameters
    ----------
    name : {"drawings", "drawings-confounded"}
        Which pictures the network sees.
    seed : int
        Seeds the weights, the pictures and their order.
    images : int
        How many pictures the network sees.
    epochs : int
        How often it sees each picture.
    progress : callable, optional
        See :func:`numpycam.experiments.training.fit`.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value.
    DivergedError
        See :func:`numpycam.experiments.training.fit`.
    """
    check_one_of("name", name, NAMES)
    drawings = draw(as_int("images", images, 1), seed, confounded=name == "drawings-confounded")
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
    return replace(network, about=replace(network.about, text=_ABOUT[name]))


class Measures(NamedTuple):
    """How well a network does on drawings. Each measure has one row for each class of CLASS_NAMES.

    ``accuracy`` is a mean over all pictures. The other measures are means over the pictures with the animal of that
    class, whatever the network answers. The maps are Grad-CAM's maps for that class. A map of zeros counts as 0.

    Attributes
    ----------
    accuracy : array, shape (2,)
        The share of pictures for which the answer is right.
    pointing : array, shape (2,)
        The share of pictures in which the peak of the map is on the animal.
    energy : array, shape (2, 3)
        The shares of the map that lie on the cat, on the elephant and on the grass.
    area : array, shape (2,)
        The share of the picture that the animal covers.
    shares : array, shape (2, K)
        How much each feature map contributes: see ``Explanation.channel_shares``.
    """

    accuracy: Array
    pointing: Array
    energy: Array
    area: Array
    shares: Array


def accuracy(network: Network, drawings: Drawings) -> Array:
    """Return the share of drawings for which the answer is right: yes if, and only if, the animal is there.

    Parameters
    ----------
    network : Network
        Returns two scores, for cat and elephant. A score above 0 is a yes.
    drawings : Drawings

    Returns
    -------
    array, shape (2,)
        For the cat and for the elephant.

    Raises
    ------
    ValueError
        If the drawings do not fit the network.
    """
    answers = np.concatenate([network(images) > 0 for images in _batches(drawings.images)])
    shares: Array = (answers == drawings.labels).mean(axis=0)
    return shares


def measure(network: Network, drawings: Drawings) -> Measures:
    """Compare the network's answers with the labels, and its localization maps with the masks.

    The maps are resized to the size of the pictures.

    Parameters
    ----------
    network : Network
        Returns two scores, for cat and elephant.
    drawings : Drawings
        At least one has a cat, and at least one has an elephant.

    Returns
    -------
    Measures

    Raises
    ------
    ValueError
        If one of the animals is in no drawing, or the network does not return two scores.
    """
    check_network(network)
    check_is("drawings", drawings, Drawings, "Drawings")
    for name, with_it in zip(CLASS_NAMES, drawings.labels.T, strict=True):
        if not with_it.any():
            raise ValueError(f"drawings must have at least one {name}, got none in {len(drawings)}.")
    shape = network.output_shape(drawings.images.shape)
    if shape[1:] != (len(CLASS_NAMES),):
        raise ValueError(f"network must have two scores, for cat and elephant, got outputs of shape {shape}.")
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
    return Measures(accuracy(network, drawings), *map(np.array, zip(*means, strict=True)))


def map_difference(network: Network, other: Network, drawings: Drawings) -> float:
    """Return how different the localization maps of two networks are: the mean of |L - L'|.

    L and L' are the two networks' maps for the same animal in the same picture, each divided by its maximum. The mean
    is over all cells, animals and pictures.

    Parameters
    ----------
    network, other : Network
    drawings : Drawings
        At least one has an animal.

    Returns
    -------
    float
        From 0 (the same maps) to 1.

    Raises
    ------
    ValueError
        If no drawing has an animal.
    """
    check_is("drawings", drawings, Drawings, "Drawings")
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
