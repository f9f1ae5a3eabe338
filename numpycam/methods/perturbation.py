"""The methods that run the network again on changed inputs: Score-CAM, Ablation-CAM, occlusion.

They are called like the other methods and have two more options. ``batch_size`` says how many inputs run at once. It
limits the memory and does not change the result (in floats, except for rounding). ``progress`` wraps the iterable of
batches, as ``tqdm`` does.

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> print(*ablation_cam(network, image, 0).alphas)
36/143 215/286 -1/286
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_int, as_pair
from numpycam.core.arrays import Array, IntOrPair, share, split_scale, zero_of, zeros
from numpycam.core.network import Network
from numpycam.core.steps import Evidence, compute_weighted_maps, score_of
from numpycam.interventions import blanked
from numpycam.methods.recipe import check_pole, method
from numpycam.progress import Progress, followed
from numpycam.resize import resize


@method(
    "Score-CAM",
    r"\sum_k \mathrm{softmax}_k\big(y(x \odot M^k)\big) A^k, \quad M^k = A^k \text{ resized, from } 0 \text{ to } 1",
    "Wang et al., Score-CAM, CVPR Workshops 2020 (arXiv 1910.01279), algorithm 1",
    needs="further runs",
    is_exact=False,
    properties=("class-sensitive",),
)
def score_cam(evidence: Evidence, *, batch_size: int = 32, progress: Progress = iter) -> tuple[Array, Array]:
    """α = softmax over k of y(x ⊙ M^k), the scores of the image seen through each feature map.

    The mask M^k is A^k resized to the image (bilinear, half-pixel centres) and scaled, so that its minimum becomes 0
    and its maximum 1. A constant map prefers no place: its mask is 0. All weights are positive, so no map speaks
    against the class. The scores y are taken before any softmax over the classes, as in the paper's algorithm. The
    authors' code instead takes the probability of the class as the weight, without a softmax over the maps.

    Parameters
    ----------
    batch_size : int, default 32
        How many masked images run at once.
    progress : callable, optional
        Wraps the iterable of batches, as ``tqdm`` does.
    """
    images, maps = evidence.image, evidence.feature_maps
    scaled, _ = split_scale(maps, axis=(-2, -1))  # a mask has no scale, and so high - low does not overflow

    def masked(n: int, first: int, last: int) -> Array:  # -> (last - first, C, H, W)
        masks = resize(scaled[n, first:last], images.shape[2:])
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
    """α_k = (y - y_k) / |y|, where y_k is the score when A^k is set to zero.

    So α_k is the share of the score that is lost without A^k. The paper divides by y. For a negative score this would
    reverse the signs of the map, so the divisor here is |y|.

    Parameters
    ----------
    batch_size : int, default 32
        How many changed copies of the feature maps run at once.
    progress : callable, optional
        Wraps the iterable of batches, as ``tqdm`` does.

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
    image_options=("baseline",),
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
    """L = the mean of y(x) - y(x without P) over the patches P that cover the pixel: how far the score drops.

    L is positive where the picture speaks for the class. The patches begin in the top left corner. At the border they
    are cut off, so that every pixel is covered. There is one map for all channels.

    Parameters
    ----------
    size : int or (height, width), optional
        The size of a patch in pixels. If not given, an eighth of the image, rounded up.
    stride : int or (height, width), optional
        The distance between patches in pixels, at most the size. If not given, half of the size, rounded up.
    baseline : number or array, default 0
        What replaces a patch: see :func:`numpycam.interventions.erase`.
    batch_size : int, default 32
        How many covered images run at once.
    progress : callable, optional
        Wraps the iterable of batches, as ``tqdm`` does.

    Raises
    ------
    ValueError
        If the stride is larger than the size.
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
    bare = blanked(images, baseline)

    def covered(n: int, first: int, last: int) -> Array:
        copies = images[n][None].repeat(last - first, axis=0)
        for copy, patch in zip(copies, patches[first:last], strict=True):
            copy[:, *patch] = bare[n][:, *patch]
        return copies

    drops = evidence.score[:, None] - scores_of(evidence, evidence.network, covered, len(patches), batch_size, progress)
    total = zeros((len(images), height, width), like=drops)
    counts = zeros((height, width), like=drops)
    for patch, drop in zip(patches, drops.T, strict=True):
        total[:, *patch] += drop[:, None, None]
        counts[patch] += 1
    return None, (total / counts)[:, None]  # (N, 1, H, W)


def _starts(length: int, size: int, stride: int) -> range:
    """Return the places where patches begin. The first and the last patch reach the border."""
    return range(0, max(length - size, 0) + stride, stride)


def scores_of(
    evidence: Evidence,
    network: Network,
    inputs: Callable[[int, int, int], Array],
    count: int,
    batch_size: int,
    progress: Progress,
) -> Array:  # (N, count)
    """Return the scores of ``count`` changed inputs for each image n.

    ``inputs(n, first, last)`` returns the changed inputs from ``first`` up to, but not including, ``last``.
    """
    scores = zeros((len(evidence.image), count), like=evidence.score)
    for n, first, last in batches(len(evidence.image), count, batch_size, progress):
        scores[n, first:last] = score_of(evidence.class_index[n], network(inputs(n, first, last))).value
    return scores


def batches(images: int, count: int, batch_size: int, progress: Progress) -> Iterator[tuple[int, int, int]]:
    """Yield the ``count`` runs on each image n in batches (n, first, last); run ``last`` is not included."""
    step = as_int("batch_size", batch_size, 1)
    for n, first in followed(progress, [*product(range(images), range(0, count, step))], "batches"):
        yield n, first, min(first + step, count)
