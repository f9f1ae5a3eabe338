"""The methods that run the network again on changed inputs: Score-CAM, Ablation-CAM, occlusion.

They are called as the other methods are, and have two more options. ``batch_size`` is how many inputs run at once: it
bounds the memory and changes nothing else (in floats, up to rounding). ``progress`` wraps the iterable of batches:
``tqdm``, say.

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> print(*ablation_cam(network, image, 0).alphas)
36/143 215/286 -1/286
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_int, as_pair
from numpycam.core.arrays import Array, IntOrPair, share, zero_of, zeros
from numpycam.core.network import Network
from numpycam.core.steps import Evidence, compute_weighted_maps, score_of
from numpycam.interventions import erase
from numpycam.methods.recipe import check_pole, method
from numpycam.resize import resize

Progress = Callable[[Iterable[Any]], Iterable[Any]]


@method(
    "Score-CAM",
    r"\sum_k \mathrm{softmax}_k\big(y(x \odot M^k)\big) A^k, \quad M^k = A^k \text{ resized, from } 0 \text{ to } 1",
    "Wang et al., Score-CAM, CVPR Workshops 2020 (arXiv 1910.01279), algorithm 1",
    needs="further runs",
    is_exact=False,
    properties=("class-sensitive",),
)
def score_cam(evidence: Evidence, *, batch_size: int = 32, progress: Progress = iter) -> tuple[Array, Array]:
    """α is the softmax, over the maps, of the score of the image seen through each of them.

    The map is made as large as the image (bilinear, half-pixel centres). Then its minimum becomes 0 and its maximum 1.
    A constant map prefers no place: its mask is 0. All weights are positive: nothing speaks against the class. The
    scores are those before any softmax over the classes, as in the paper's algorithm. Its authors' code weighs by the
    probabilities of the class instead, with no softmax over the maps.
    """
    images, maps = evidence.image, evidence.feature_maps

    def masked(n: int, first: int, last: int) -> Array:  # -> (last - first, C, H, W)
        masks = resize(maps[n, first:last], images.shape[2:])
        low, high = (extreme(axis=(-2, -1), keepdims=True) for extreme in (masks.min, masks.max))
        return images[n] * share(masks - low, high - low)[:, None]

    y = scores_of(evidence, evidence.network, masked, maps.shape[1], batch_size, progress)
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    alphas = p / p.sum(axis=-1, keepdims=True)
    return alphas, compute_weighted_maps(alphas, maps)


@method(
    "Ablation-CAM",
    r"\sum_k \frac{y - y_{A^k = 0}}{\lvert y \rvert} A^k",
    "Desai and Ramaswamy, Ablation-CAM, WACV 2020",
    needs="further runs",
    properties=("class-sensitive", "signed", "scaling"),
)
def ablation_cam(evidence: Evidence, *, batch_size: int = 32, progress: Progress = iter) -> tuple[Array, Array]:
    """α_k is the share of the score that is lost when A^k is set to zero.

    The paper divides by y: for a negative score that would turn the map around, so here it is |y|.

    Raises
    ------
    PoleError
        If the score is 0.
    """
    maps, size = evidence.feature_maps, np.abs(evidence.score)
    check_pole(size == 0, "Ablation-CAM", "the score is 0")

    def ablated(n: int, first: int, last: int) -> Array:  # -> (last - first, K, H', W')
        copies = maps[n][None].repeat(last - first, axis=0)
        copies[np.arange(last - first), np.arange(first, last)] = zero_of(maps)
        return copies

    head = evidence.network.split(evidence.layer)[1]
    y = scores_of(evidence, head, ablated, maps.shape[1], batch_size, progress)
    alphas = (evidence.score[:, None] - y) / size[:, None]
    return alphas, compute_weighted_maps(alphas, maps)


@method(
    "occlusion",
    r"\text{mean of } y(x) - y(x \text{ without } P) \text{ over the patches } P \text{ that cover the pixel}",
    "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2",
    needs="further runs",
    layer="input",
    properties=("class-sensitive", "signed", "mixing", "scaling"),
)
def occlusion(
    evidence: Evidence,
    *,
    size: IntOrPair | None = None,
    stride: IntOrPair | None = None,
    baseline: ArrayLike = 0,
    batch_size: int = 32,
    progress: Progress = iter,
) -> tuple[None, Array]:
    """L is how far the score drops when a patch of the image is covered, the mean of the patches over each pixel.

    It is positive where the picture speaks for the class. The patches are ``size`` high and wide (if not given an
    eighth of the image, rounded up), ``stride`` apart (half of the size), from the top left corner on, and cut off at
    the border, so that every pixel is covered. What comes in their place is the ``baseline``: see
    :func:`numpycam.interventions.erase`. There is one map, not one of each channel.
    """
    images = evidence.image
    height, width = images.shape[2:]
    tall, wide = (-(-height // 8), -(-width // 8)) if size is None else as_pair("size", size, 1)
    down, across = (-(-tall // 2), -(-wide // 2)) if stride is None else as_pair("stride", stride, 1)
    if down > tall or across > wide:
        raise ValueError(f"stride must be at most size, {(tall, wide)}, or pixels are missed; got {(down, across)}.")
    patches = [
        (slice(top, top + tall), slice(left, left + wide))
        for top, left in product(_starts(height, tall, down), _starts(width, wide, across))
    ]
    bare = erase(images, (slice(None), slice(None)), baseline)

    def covered(n: int, first: int, last: int) -> Array:
        copies = images[n][None].repeat(last - first, axis=0)
        for copy, patch in zip(copies, patches[first:last], strict=True):
            copy[:, *patch] = bare[n][:, *patch]
        return copies

    drops = evidence.score[:, None] - scores_of(evidence, evidence.network, covered, len(patches), batch_size, progress)
    total, counts = zeros((len(images), height, width), like=drops), zeros((height, width), like=drops)
    for patch, drop in zip(patches, drops.T, strict=True):
        total[:, *patch] += drop[:, None, None]
        counts[patch] += 1
    return None, (total / counts)[:, None]  # (N, 1, H, W)


def _starts(length: int, size: int, stride: int) -> range:
    """Return where patches begin, so that the first and the last reach the border."""
    return range(0, max(length - size, 0) + stride, stride)


def scores_of(
    evidence: Evidence,
    network: Network,
    inputs: Callable[[int, int, int], Array],
    count: int,
    batch_size: int,
    progress: Progress,
) -> Array:  # (N, count)
    """Return the scores of ``count`` changed inputs for each image n. ``inputs(n, first, last)`` makes some of them."""
    scores = zeros((len(evidence.image), count), like=evidence.score)
    for n, first, last in batches(len(evidence.image), count, batch_size, progress):
        scores[n, first:last] = score_of(evidence.class_index[n], network(inputs(n, first, last)))[1]
    return scores


def batches(images: int, count: int, batch_size: int, progress: Progress) -> Iterator[tuple[int, int, int]]:
    """Yield the ``count`` runs on each image n in batches (n, first, last); the last is not included."""
    step = as_int("batch_size", batch_size, 1)
    if not callable(progress):
        raise TypeError(f"progress must be a callable such as tqdm, got {type(progress).__name__}.")
    runs, done = [*product(range(images), range(0, count, step))], []
    for n, first in progress(runs):
        yield n, first, min(first + step, count)
        done.append((n, first))
    if sorted(done) != runs:
        raise ValueError(f"progress must yield each of the {len(runs)} batches once, got {len(done)}.")
