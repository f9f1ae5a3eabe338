"""Interventions: change something, run the network again, and see whether the map had told the truth.

Erase the patch of the picture under each cell of the worked example, and ask how much the score of the cat drops:

>>> from numpycam import grad_cam, worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> print(patch_drops(network, image, class_index=0).astype(float))
[[ 6.3 -2.8]
 [23.   2.1]]

A gradient is local: one step further, another linear piece of the network may hold. Along a straight line all the
pieces can be found exactly:

>>> without_body = erase(image, (slice(2, 4), slice(0, 2)))
>>> line = path(worked_example.network("conv"), without_body, image, class_index=0)
>>> print(*line.kinks, "|", *line.slopes, "|", line.integrated_gradients.sum())
8/115 51/115 | 0 23/2 23 | 171/10
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.gradcam import target_layer_of
from numpycam.layers import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear, MaxPool2d, ReLU
from numpycam.network import Network, check_network
from numpycam.validation import (
    Array,
    IntOrPair,
    Pair,
    Shape,
    as_array,
    as_class_indices,
    as_images,
    as_int,
    as_pair,
    check_index,
    check_mask,
    check_same_kind,
    check_shape,
    read_only,
    zero_of,
    zeros,
)
from numpycam.window import Window

Place = tuple[int | slice, int | slice]
_PIECEWISE_LINEAR = Conv2d, ReLU, MaxPool2d, AvgPool2d, GlobalAvgPool2d, Flatten, Linear


class TooManyKinksError(ValueError):
    """A line has more kinks than it was to be followed through."""


def receptive_field(
    network: Network, cell: Place, image_size: IntOrPair, layer: str | None = None
) -> NDArray[np.bool_]:
    """Return which pixels of the picture a cell of a layer's maps sees: its receptive field, without the border.

    Parameters
    ----------
    network : Network
    cell : (row, column)
        Counted from 0. With a slice in the place of a number, what any of these cells sees.
    image_size : int or (height, width)
    layer : str, optional
        As in :func:`numpycam.grad_cam`.

    Returns
    -------
    array of bool, shape (height, width)
        Not always a full rectangle: dilation, and strides larger than a kernel, leave holes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind; if the layer, or one before it, has no cells.
    """
    features, _ = _split(network, layer)
    windows, size = _windows(features, as_pair("image_size", image_size, 1))
    mask = _mask("cell", cell, size)
    for window, size in reversed(windows):  # back through one layer after another, each cell marks its window
        mask = window.scatter([mask] * math.prod(window.size), size, like=mask)
    return mask


def erase(image: ArrayLike, where: Place | NDArray[np.bool_], baseline: ArrayLike = 0) -> Array:
    """Return the image with a part of it replaced.

    Parameters
    ----------
    image : array, shape (C, H, W) or (N, C, H, W)
        Integers become float64.
    where : (rows, columns), or array of bool, shape (H, W)
        Slices or single numbers, counted from 0; or a mask, such as a receptive field.
    baseline : number or array, default 0
        What comes in its place: a number, one for each channel as (C, 1, 1), or another image.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or does not fit the image.
    """
    picture = as_images("image", image, {}, np.float64, check_finite=False)
    size = picture.shape[-2:]
    mask = where if isinstance(where, np.ndarray) else _mask("where", where, size)
    check_mask("where", mask, size)
    fill = as_array("baseline", baseline, dtype=picture.dtype)
    check_same_kind({"baseline": fill, "image": picture})
    try:
        return np.where(mask, np.broadcast_to(fill, picture.shape), picture).astype(picture.dtype, copy=False)
    except ValueError:
        raise ValueError(f"baseline must fit an image of shape {picture.shape}, got shape {fill.shape}.") from None


def patch_drops(
    network: Network,
    image: ArrayLike,
    class_index: int | None = None,
    layer: str | None = None,
    baseline: ArrayLike = 0,
) -> Array:
    """Return by how much the score drops when what a cell sees is erased and the network runs again: y - y_erased.

    Measured where Grad-CAM predicts: on the grid of the layer's maps, so that the two lie beside one another.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    class_index : int, optional
        The class with the highest score if not given.
    layer : str, optional
        As in :func:`numpycam.grad_cam`.
    baseline : number or array, default 0
        What the erased pixels become: see :func:`erase`.

    Returns
    -------
    array, shape (H', W')
        Positive where the picture speaks for the class. Receptive fields may overlap; the drops need not add up.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.
    """
    picture = as_one_image("image", image, network)
    scores = network(picture[None])
    c = as_class_indices(class_index, scores, is_batch=False)[0]
    _, size = _windows(_split(network, layer)[0], picture.shape[1:])
    drops = zeros(size, like=scores)
    for row, column in np.ndindex(drops.shape):
        seen = receptive_field(network, (row, column), picture.shape[1:], layer)
        drops[row, column] = scores[0, c] - network(erase(picture, seen, baseline)[None])[0, c]
    return drops


def add_to_cell(
    network: Network, image: ArrayLike, cell: tuple[int, int, int], amount: Any = 1, layer: str | None = None
) -> Array:
    """Return the scores of all classes when something is added to one cell of the feature maps.

    Parameters
    ----------
    network : Network
    image : array, shape (C, H, W)
    cell : (k, row, column)
        Counted from 0.
    amount : number, default 1
    layer : str, optional
        As in :func:`numpycam.grad_cam`.

    Returns
    -------
    array, shape (classes,)

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind.
    """
    features, head = _split(network, layer)
    maps = features(as_one_image("image", image, network)[None]).copy()
    if maps.ndim != 4:
        raise ValueError(f"layer {layer!r} has no feature maps (K, H, W), its output is {maps.shape[1:]}.")
    if not isinstance(cell, tuple | list) or len(cell) != 3:
        raise TypeError(f"cell must be (k, row, column) in maps (K, H, W), got {cell} in maps {maps.shape[1:]}.")
    for what, index, length in zip(("k", "row", "column"), cell, maps.shape[1:], strict=True):
        check_index(f"cell's {what}", index, length)
    more = as_array("amount", amount, dtype=maps.dtype)
    check_same_kind({"amount": more, "the feature maps": maps})
    check_shape("amount", more, ())
    maps[0][tuple(cell)] += more
    return head(maps)[0]


@dataclass(frozen=True, eq=False, repr=False)
class Path:
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
            object.__setattr__(self, name, read_only(value))

    def __repr__(self) -> str:
        return f"Path from y = {self.scores[0]} to {self.scores[-1]} in {len(self.slopes)} linear pieces"

    @property
    def kinks(self) -> Array:
        """Where the slope changes, 0 < t < 1."""
        return self.points[1:-1]


def path(
    network: Network, baseline: ArrayLike, image: ArrayLike, class_index: int | None = None, *, max_kinks: int = 1000
) -> Path:
    """Follow the score of a class from a baseline to the image, through every linear piece of the network.

    Parameters
    ----------
    network : Network
        Of the layers of numpycam: all of them are piecewise linear. A head from ``network.split`` is one too; then
        baseline and image are feature maps, and the first kink says how far "one unit more" holds.
    baseline, image : array, shape (C, H, W)
        Where the line begins and ends.
    class_index : int, optional
        The class with the highest score at the image if not given.
    max_kinks : int, default 1000
        How many switches of a ReLU or a maximum to go through at most, those included that this class does not notice:
        a large network has many.

    Returns
    -------
    Path
        Exact for Fractions. In floats two kinks that are no further apart than the rounding of the forward pass are
        taken for one, and a switch that this class does not notice may remain, with slopes that differ by rounding.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a layer is not piecewise linear.
    TooManyKinksError
        If there are more than ``max_kinks``, or floats cannot tell them apart. It is a ValueError.

    Notes
    -----
    A ReLU is the maximum of x and 0, a max pool that of its window. Walking from t on, s = 1 comes nearer to t until
    there is one piece between the two. Layer by layer: if the inputs are linear in between, so is the lead of the
    winner over each rival. If none of the leads is lost at s, none is before; the winners stay, and the output is
    linear, too. If some are, the first of them to reach 0 says where: that is the next s.

    Where a ReLU stands at 0 or a window is tied all along a piece, its gradient follows the layers' conventions (gate
    shut, first winner). In floats that depends on rounding: the sum of the integrated gradients stays right, the
    single numbers need not.
    """
    start, end = as_one_image("baseline", baseline, network), as_one_image("image", image, network)
    check_shape("baseline", start, end.shape)
    dtype = np.result_type(start, end, network.dtype)
    start, end = start.astype(dtype), end.astype(dtype)
    network = flat_piecewise_linear(network)
    direction, slack = end - start, _slack(network, start, end)
    scores = network(end[None])
    one_hot = zeros(scores.shape, like=scores)
    c = as_class_indices(class_index, scores, is_batch=False)[0]
    one_hot[0, c] += 1

    last = str(len(network.layers) - 1)

    def activations(t: Any) -> dict[str, Array]:
        return network.activations((start + t * direction)[None])

    t = zero_of(start) if start.dtype == object else 0.0
    now, end_of_line = activations(t), activations(t + 1)
    points, scores_at, integral = [t], [now[last][0, c]], zeros(end.shape, like=end)
    slopes: list[Any] = []
    for _ in range(as_int("max_kinks", max_kinks, 0) + 1):
        s, ahead = t * 0 + 1, end_of_line
        for _ in range(2 * len(network.layers)):  # each step clears one; in floats it may take a second
            part = _part_before_a_switch(network, now, ahead, slack)
            if part is None or not t < (nearer := t + part * (s - t)) < s:  # none, or as near as floats can say
                break
            s, ahead = nearer, activations(nearer)
        else:
            raise TooManyKinksError(f"there are switches too near to each other to be told apart, at {float(t):.6g}.")
        gradient = network.gradients(activations((t + s) / 2), one_hot)["input"][0]
        integral = integral + (s - t) * gradient
        slope = (gradient * direction).sum()
        if slopes and slope == slopes[-1]:
            del points[-1], scores_at[-1]  # something switched that this class does not notice
        else:
            slopes.append(slope)
        points.append(s)
        scores_at.append(ahead[last][0, c])
        if s == 1:
            return Path(np.array(points), np.array(scores_at), np.array(slopes), direction * integral)
        t, now = s, ahead
    raise TooManyKinksError(
        f"there are more than max_kinks = {max_kinks} switches on the line; {float(t):.6g} of it is done."
    )


def _part_before_a_switch(
    network: Network, now: dict[str, Array], ahead: dict[str, Array], slack: list[Any]
) -> Any | None:
    """Return which part of the way from now to ahead the first layer with a switch leaves; None if none has one."""
    inputs = list(now.values())[:-1], list(ahead.values())[:-1]
    for (_, layer), *two_points, tolerance in zip(network.layers, *inputs, slack, strict=True):
        if not isinstance(layer, ReLU | MaxPool2d):
            continue
        rivals, then = (_rivals(layer, x) for x in two_points)  # (rivals, N, ...) each
        is_level = rivals >= rivals.max(axis=0) - tolerance
        winner = np.where(is_level, then, -np.inf).argmax(axis=0)[None]
        lead, lead_then = (np.take_along_axis(one, winner, axis=0) - one for one in (rivals, then))
        is_lost = lead_then < -tolerance
        if is_lost.any():
            return (np.maximum(lead, tolerance / 2)[is_lost] / (lead - lead_then)[is_lost]).min()
    return None


def _rivals(layer: ReLU | MaxPool2d, x: Array) -> Array:  # (N, ...) -> (rivals, N, ...)
    """Return what a ReLU or a max pool takes the maximum of."""
    return np.stack([x, zeros(x.shape, like=x)] if isinstance(layer, ReLU) else list(layer.taps(x)))


def _slack(network: Network, start: Array, end: Array) -> list[Any]:
    """Return, for the input of each layer, how large a lead can be that is rounding alone.

    After n operations a number is off by at most e = n u / (1 - n u) of the sum of its terms' sizes, and that sum is
    what the same network computes with the sizes of its weights. A lead, the difference of two numbers, is off by 2e.
    At a kink it should be 0: interpolated to there it is off by as much; evaluated there, once more; the place is
    rounded, once more: 3 · 2e. What is level already is followed until half of the slack is lost, which it must still
    be after the first two, 2 · 2e: so 5 · 2e. And each maximum before may have let as much pass.
    """
    if start.dtype == object:
        return [zero_of(start)] * len(network.layers)
    sizes = [(n, replace(layer, **{p: np.abs(a) for p, a in layer.parameters.items()})) for n, layer in network.layers]
    with np.errstate(over="ignore", invalid="ignore"):
        *inputs, outputs = Network(sizes).activations((np.abs(start) + np.abs(end - start))[None]).values()
    if not np.isfinite(outputs).all():
        raise ValueError(f"the numbers of this network become too large for {start.dtype}: pass Fractions.")
    unit, operations, maxima, slack = np.finfo(start.dtype).eps / 2, 3, 0, []
    for (_, layer), size in zip(network.layers, inputs, strict=True):
        largest: Any = 0
        if isinstance(layer, ReLU | MaxPool2d):
            maxima, largest = maxima + 1, _rivals(layer, size).max(axis=0)
        slack.append(10 * maxima * operations * unit / (1 - operations * unit) * largest)
        operations += _terms(layer, size.shape) + 1
    return slack


def _terms(layer: Layer, input_shape: Shape) -> int:
    """Return how many numbers a layer adds up for one of its outputs."""
    if isinstance(layer, Conv2d | Linear):
        return layer.weight[0].size
    if isinstance(layer, AvgPool2d):
        return math.prod(layer.window.size)
    return math.prod(input_shape[2:]) if isinstance(layer, GlobalAvgPool2d) else 0


def _split(network: Network, layer: str | None) -> tuple[Network, Network]:
    check_network(network)
    return network.split(target_layer_of(network) if layer is None else layer)


def flat(network: Network, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield all layers with their names, those of inner networks too."""
    for name, layer in network.layers:
        if type(layer) is Network:  # a class of the user's own may do anything
            yield from flat(layer, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", layer


def flat_piecewise_linear(network: Network) -> Network:
    """Return the network with its layers in one row and numbered, if numpycam knows each of them."""
    for name, layer in flat(network):
        if type(layer) not in _PIECEWISE_LINEAR:
            raise TypeError(f"a path needs piecewise linear layers that numpycam knows; {name!r} is {layer!r}.")
    return Network([(str(number), layer) for number, (_, layer) in enumerate(flat(network))])


def _windows(features: Network, image_size: Pair) -> tuple[list[tuple[Window, Pair]], Pair]:
    """Return the layers' windows, each with the size of what it slides over, and the size of the maps at the end."""
    windows, size = [], image_size
    for name, layer in flat(features):
        if isinstance(layer, Conv2d | MaxPool2d | AvgPool2d) and type(layer) in _PIECEWISE_LINEAR:
            windows.append((layer.window, size))
            size = layer.window.output_size(*size)
        elif type(layer) is not ReLU:
            raise ValueError(f"layer {name!r}, {layer!r}, has no cells that see a part of the picture.")
    return windows, size


def _mask(name: str, place: Place, size: Shape) -> NDArray[np.bool_]:
    """Return where the place (row, column) is, checked against the size."""
    if not isinstance(place, tuple | list) or len(place) != 2:
        mask = ", or a mask of bool" if name == "where" else ""
        raise TypeError(f"{name} must be (row, column), numbers or slices{mask}, got {place!r}.")
    for what, one, length in zip(("row", "column"), place, size, strict=True):
        if not isinstance(one, slice):
            check_index(f"{name}'s {what}", one, length)
    mask = np.zeros(size, dtype=bool)
    mask[tuple(place)] = True
    if not mask.any():
        raise ValueError(f"{name} must hold at least one of {size[0]} × {size[1]} cells, got {place}.")
    return mask


def as_one_image(name: str, value: ArrayLike, network: Network) -> Array:
    """Return one image (C, H, W), read-only, of the same kind of numbers as the network."""
    check_network(network)
    image = as_images(name, value, network.parameters, network.dtype, check_finite=True)
    if image.ndim != 3:
        raise ValueError(f"{name} must be one image (C, H, W), got shape {image.shape}.")
    return image
