"""The score along a straight line, exactly: every place where a ReLU or a maximum switches is found.

A gradient is local: one step further, another linear piece of the network may hold. In the worked example, fade in the
part of the picture in which the cat has its body:

>>> from numpycam import interventions, worked_example
>>> network, image = worked_example.network("conv"), worked_example.IMAGE
>>> without_body = interventions.erase(image, (slice(2, 4), slice(0, 2)))
>>> line = path(network, without_body, image, class_index=0)
>>> print(*line.kinks, "|", *line.slopes, "|", line.integrated_gradients.sum())
8/115 51/115 | 0 23/2 23 | 171/10
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_array, as_class_indices, as_images, as_int, check_shape
from numpycam.core.arrays import Array, Value, read_only_view, zero_of, zeros
from numpycam.core.base import Layer
from numpycam.core.guards import forward_of
from numpycam.core.network import Network, check_network
from numpycam.text import exact


class TooManyKinksError(ValueError):
    """A line has more kinks than ``max_kinks``."""


@dataclass(frozen=True, eq=False, repr=False)
class ScorePath(Value):
    """The score y along the straight line x(t) = baseline + t (image - baseline), piecewise linear in t from 0 to 1.

    Attributes
    ----------
    points : array, shape (n + 1,)
        0, the kinks, and 1.
    scores : array, shape (n + 1,)
        y at the points.
    slopes : array, shape (n,)
        dy/dt between them.
    integrated_gradients : array, shape (C, H, W)
        (image - baseline) · ∫ dy/dx dt, without quadrature. Its sum is the last score less the first: with ``==`` for
        Fractions (completeness; Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017).
    """

    points: Array
    scores: Array
    slopes: Array
    integrated_gradients: Array

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, read_only_view(value))

    def __repr__(self) -> str:
        first, last = exact(self.scores[0]), exact(self.scores[-1])
        return f"ScorePath from y = {first} to {last} in {len(self.slopes)} linear pieces"

    @property
    def kinks(self) -> Array:
        """Where the slope changes, 0 < t < 1."""
        return self.points[1:-1]


def path(
    network: Network, baseline: ArrayLike, image: ArrayLike, class_index: int | None = None, *, max_kinks: int = 1000
) -> ScorePath:
    """Follow the score of a class from a baseline to the image, through every linear piece of the network.

    Parameters
    ----------
    network : Network
        Its layers are affine or take a maximum, as all of numpycam's own. With the head that ``network.split`` returns,
        baseline and image are feature maps, and the first kink says how far "one unit more" holds.
    baseline, image : array, shape (C, H, W)
        Where the line begins and ends.
    class_index : int, optional
        The class with the highest score at the image if not given.
    max_kinks : int, default 1000
        How many switches of a ReLU or a maximum to go through at most. Those that this class does not notice count,
        too. A large network has many.

    Returns
    -------
    ScorePath
        Exact for Fractions. In floats, two kinks count as one if they are no further apart than the rounding of the
        forward pass. A switch that this class does not notice may remain, with slopes that differ by rounding.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or a layer does not say that it is affine or takes a maximum.
    TooManyKinksError
        If there are more than ``max_kinks``, or floats cannot tell them apart. It is a ValueError.

    Notes
    -----
    A ReLU is the maximum of x and 0; a max pool is the maximum of its window. The walk has come to t, and looks ahead
    to s = 1. It brings s nearer to t until one linear piece lies between the two. To see whether it does, go layer by
    layer. If a layer's inputs are linear from t to s, so is the lead of the winner over each rival. If no lead is lost
    at s, none is lost before. So the winners stay, and the output is linear, too. If leads are lost, the first of them
    to reach 0 gives the next s.

    Where a ReLU stands at 0 or a window is tied all along a piece, its gradient follows the layers' conventions (gate
    shut, first winner). In floats that depends on rounding. The sum of the integrated gradients stays right, but its
    single numbers may not.
    """
    start, end = as_one_image("baseline", baseline, network), as_one_image("image", image, network)
    check_shape("baseline", start, end.shape)
    dtype = np.result_type(start, end, network.dtype)
    start, end = start.astype(dtype), end.astype(dtype)
    for name, parameter in network.parameters.items():
        as_array(name, parameter)  # NaN and infinity are refused by their place, and not as numbers that became large
    check_piecewise_linear("a path", network, start[None])
    tolerances = _rounding_tolerances(network, start, end)
    direction = end - start
    scores = network(end[None])
    one_hot = zeros(scores.shape, like=scores)
    c = as_class_indices(class_index, scores, is_batch=False)[0]
    one_hot[0, c] += 1

    def point(t: Any) -> Array:
        return (start + t * direction)[None]

    t = zero_of(start) if start.dtype == object else 0.0
    (now, score), end_of_line = passages(network, point(t)), passages(network, point(t + 1))
    points, scores_at = [t], [score[0, c]]
    slopes: list[Any] = []
    integral = zeros(end.shape, like=end)
    for _ in range(as_int("max_kinks", max_kinks, 0) + 1):
        s, (ahead, score) = t * 0 + 1, end_of_line
        for _ in range(2 * len(now)):  # each step clears one; in floats it may take a second
            part = _part_before_a_switch(now, ahead, tolerances)
            if part is None or not t < (nearer := t + part * (s - t)) < s:  # none, or as near as floats can say
                break
            s, (ahead, score) = nearer, passages(network, point(nearer))
        else:
            raise TooManyKinksError(f"there are switches too near to each other to be told apart, at {float(t):.6g}.")
        gradient = network.backward(one_hot, point((t + s) / 2))[0]
        integral = integral + (s - t) * gradient
        slope = (gradient * direction).sum()
        if slopes and slope == slopes[-1]:
            del points[-1], scores_at[-1]  # something switched that this class does not notice
        else:
            slopes.append(slope)
        points.append(s)
        scores_at.append(score[0, c])
        if s == 1:
            return ScorePath(np.array(points), np.array(scores_at), np.array(slopes), direction * integral)
        t, now = s, ahead
    raise TooManyKinksError(
        f"there are more than max_kinks = {max_kinks} switches on the line; {float(t):.6g} of it is done."
    )


def _part_before_a_switch(now: "list[Passage]", ahead: "list[Passage]", tolerances: list[Any]) -> Any | None:
    """Return the fraction of the way from ``now`` to ``ahead`` before the first layer that switches does so.

    None if no layer switches.
    """
    for here, there, tolerance in zip(now, ahead, tolerances, strict=True):
        rivals, then = here.layer.rivals(here.x), there.layer.rivals(there.x)  # (rivals, N, ...) each
        if rivals is None or then is None:
            continue
        is_level = rivals >= rivals.max(axis=0) - tolerance
        winner = np.where(is_level, then, -np.inf).argmax(axis=0)[None]
        lead, lead_then = (np.take_along_axis(one, winner, axis=0) - one for one in (rivals, then))
        is_lost = lead_then < -tolerance
        if is_lost.any():
            return (np.maximum(lead, tolerance / 2)[is_lost] / (lead - lead_then)[is_lost]).min()
    return None


def _rounding_tolerances(network: Network, start: Array, end: Array) -> list[Any]:
    """Return, for the input of each layer, how large a lead can be that is rounding alone.

    After n operations a number is off by at most e = n u / (1 - n u) of the sum of its terms' sizes. The network with
    the sizes of its weights computes that sum. A lead is the difference of two numbers, so it is off by 2e. At a kink
    it should be 0. What it may be instead adds up:

        2e  the kink was found by interpolation between two leads
        2e  the network is evaluated there
        2e  the place t is rounded
        4e  a lead that is level is followed until it has lost half of the tolerance; after the first two it is not yet

    That is 10e for each maximum up to here.
    """
    if start.dtype == object:
        return [zero_of(start)] * len(passages(network, start[None])[0])
    unit = np.finfo(start.dtype).eps / 2
    tolerances: list[Any] = []

    def follow(network: Network, size: Array, operations: int, maxima: int) -> tuple[Array, int, int]:
        """Add the tolerances of all layers. Return the size of the output's numbers, and both counts up to there."""
        for _, layer in network.row:
            if layer.ways is not None:
                sizes, all_operations, all_maxima = zip(
                    *(follow(way, size, operations, maxima) for way in layer.ways.values()), strict=True
                )
                size, operations, maxima = sum(sizes), max(all_operations) + 1, max(all_maxima)
                continue
            largest: Any = 0
            affine, rivals = layer.affine(size.shape), layer.rivals(size)
            if rivals is not None:
                maxima += 1
                largest = np.abs(rivals).max(axis=0)
            tolerances.append(10 * maxima * operations * unit / (1 - operations * unit) * largest)
            operations += 1 + (affine.summands if affine else 0)
            size = affine.absolute.forward(size) if affine else largest
            if affine and affine.offset is not None:
                size = size + np.abs(affine.offset)
        return size, operations, maxima

    with np.errstate(over="ignore", invalid="ignore"):  # start + t (end - start) takes three operations
        size, *_ = follow(network, (np.abs(start) + np.abs(end - start))[None], operations=3, maxima=0)
    if not np.isfinite(size).all():
        raise ValueError(f"the numbers of this network become too large for {start.dtype}: pass Fractions.")
    return tolerances


class Passage(NamedTuple):
    """A layer, what goes into it, and what comes out."""

    name: str
    layer: Layer
    x: Array
    y: Array


def passages(network: Network, x: Array, prefix: str = "") -> tuple[list[Passage], Array]:
    """Run a network. Return what passes through each of its layers, also inside of its blocks, and the output."""
    found: list[Passage] = []
    for name, layer in network.row:
        if layer.ways is None:
            place = f"{prefix}{name}"
            found.append(Passage(place, layer, x, forward_of(place, layer, x)))
            x = found[-1].y
        else:
            ways = [passages(way, x, f"{prefix}{name}.{key}.") for key, way in layer.ways.items()]
            found += [passage for inside, _ in ways for passage in inside]
            x = reduce(np.add, (y for _, y in ways))
    return found, x


def check_piecewise_linear(what: str, network: Network, x: Array) -> None:
    """Raise TypeError or ValueError unless each layer says that it is affine or takes a maximum."""
    for name, layer, of_it, output in passages(network, x)[0]:
        affine = layer.affine(of_it.shape)
        if affine is None and layer.rivals(of_it) is None:
            raise TypeError(
                f"{what} needs piecewise linear layers that say so (see numpycam.Layer); {name!r} is {layer!r}."
            )
        if affine is not None and affine.offset is not None and not _can_be_added(affine.offset, output):
            raise ValueError(
                f"layer {name!r}: affine's offset must be added to outputs {output.shape}, got {affine.offset.shape}."
            )


def _can_be_added(offset: Array, output: Array) -> bool:
    """Whether it has no more axes than the output, each of length 1 or of the output's length."""
    pairs = zip(reversed(offset.shape), reversed(output.shape), strict=False)
    return offset.ndim <= output.ndim and all(length in (1, whole) for length, whole in pairs)


def as_one_image(name: str, value: ArrayLike, network: Network) -> Array:
    """Return one image (C, H, W), read-only, of the same kind of numbers as the network."""
    check_network(network)
    image = as_images(name, value, network.parameters, network.dtype, check_finite=True)
    if image.ndim != 3:
        raise ValueError(f"{name} must be one image (C, H, W), got shape {image.shape}.")
    return image
