"""Wrappers for any method: the mean with the mirrored image, and several layers in one map.

>>> from numpycam import worked_example
>>> from numpycam.methods import grad_cam
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> print(with_mirror(grad_cam)(network, image, 0).weighted_sum.astype(float))
[[ 6.7625  1.3   ]
 [16.125   2.6   ]]
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_list, check_callable
from numpycam.core.arrays import Array, zero_of
from numpycam.core.network import Network
from numpycam.core.steps import ClassIndex, compute_localization_map, compute_weighted_sum
from numpycam.gradcam import Explanation
from numpycam.resize import normalise, resize


def with_mirror(method: Callable[..., Explanation]) -> Callable[..., Explanation]:
    """Return a method that explains the image and its mirror image, and takes the mean of the weighted maps.

    weighted maps = (maps(x) + mirrored maps(mirrored x)) / 2

    The new method is called like the old one. The class, the score, the feature maps and the gradients belong to the
    image x. ``alphas`` is None, since the mean has not one weight for each map. (pytorch-grad-cam's aug_smooth does
    this, and varies the brightness, too.)

    An option that is an image, such as a ``baseline``, is mirrored with the image. It may be a default, or be bound by
    :func:`functools.partial`. An image inside of the method's own code is not seen.

    Parameters
    ----------
    method : callable
        Any method. Its attribute ``image_options`` names the options that are images: see
        :class:`numpycam.methods.Method`.

    Returns
    -------
    callable
        It raises a TypeError if an option has rows and columns, or holds what has, and the method does not say that it
        is an image.
    """

    def explain(
        network: Network, image: ArrayLike, class_index: ClassIndex = None, *args: Any, **options: Any
    ) -> Explanation:
        if any(map(_has_rows, args)):
            raise TypeError("with_mirror must know whether an option is an image: pass it by its name.")
        e = method(network, image, class_index, *args, **options)
        given = _bound(method) | options
        moved = {name: _mirrored_option(method, name, value) for name, value in given.items()}
        with_the_image = options | {name: value for name, value in moved.items() if value is not given[name]}
        mirrored = method(network, _mirrored(image), e.class_index, *args, **with_the_image)
        two = zero_of(e.weighted_maps) + 2
        return _with(e, (e.weighted_maps + mirrored.weighted_maps[..., ::-1]) / two, f"{e.method} with mirror")

    return _like(method, explain)


def _mirrored(image: ArrayLike) -> Array:
    return np.asarray(image)[..., ::-1]


def _mirrored_option(method: Callable[..., Explanation], name: str, value: Any) -> Any:
    """Return the option as it is for the mirrored image."""
    if name in _image_options(method):
        return _mirrored(value) if np.ndim(value) else value
    if _has_rows(value):
        raise TypeError(
            f"with_mirror must know whether the option {name!r} is an image, which is mirrored, too: name it in the "
            "method's image_options."
        )
    return value


def _has_rows(value: Any) -> bool:
    """Whether it has rows and columns, or holds what has: then it may be an image."""
    if isinstance(value, Mapping):
        return any(map(_has_rows, value.values()))
    if isinstance(value, list | tuple):
        return any(np.iterable(row) and not isinstance(row, str) for row in value)
    return getattr(value, "ndim", 0) > 1


def _image_options(method: Any) -> Collection[str]:
    return getattr(method.func if isinstance(method, partial) else method, "image_options", ())


def _bound(method: Any) -> dict[str, Any]:
    """Return the options that the method has already: its defaults and those of a partial, also inside of a wrapper."""
    if isinstance(method, partial):
        return _bound(method.func) | method.keywords
    if hasattr(method, "keywords"):  # a wrapper
        return dict(method.keywords)
    try:
        takes = signature(getattr(method, "weigh", method), follow_wrapped=False).parameters
    except ValueError:  # some of Python's own functions do not say what they take
        return {}
    return {name: one.default for name, one in takes.items() if one.default is not one.empty}


def _like(method: Any, explain: Any) -> Callable[..., Explanation]:
    """Return the new method, which now knows of its options what the old one knows."""
    check_callable("method", method, "numpycam.methods.layercam")
    explain.image_options, explain.keywords = _image_options(method), _bound(method)
    return explain


def over_layers(method: Callable[..., Explanation], layers: Sequence[str]) -> Callable[..., Explanation]:
    """Return a method that adds the localization maps of several layers.

    L = Σ_l normalise(resize(L^c of layer l)): each map is resized to the image and scaled to maximum 1, then added.

    The new method is called like the old one, but without ``layer``. Its weighted maps are the layers' maps, one for
    each layer. Its feature maps, gradients and α belong to the last layer.

    Jiang et al. (LayerCAM, IEEE TIP 2021) take the largest value instead of the sum, and first apply a hyperbolic
    tangent to the maps of shallow layers. The sum is exact for Fractions.

    Parameters
    ----------
    method : callable
        Any method that takes ``layer``.
    layers : sequence of str
        The names of the layers, at least one.

    Returns
    -------
    callable

    Raises
    ------
    TypeError, ValueError
        If ``layers`` is not a sequence, such as a single string, or is empty.
    """
    names = as_list("layers", layers, "of at least one name")
    if not names:
        raise ValueError(f"layers must be a sequence of at least one name, got {layers!r}.")

    def explain(network: Network, image: ArrayLike, class_index: ClassIndex = None, **options: Any) -> Explanation:
        found = [method(network, image, class_index, layer, **options) for layer in names]
        size = found[-1].image.shape[-2:]  # type: ignore[union-attr]
        maps = [normalise(resize(e.localization_map, size)) for e in found]
        name = f"{found[-1].method} over {', '.join(names)}"
        return replace(_with(found[-1], np.stack(maps, axis=-3), name), alphas=found[-1].alphas)

    return _like(method, explain)


def _with(e: Explanation, weighted_maps: Any, name: str) -> Explanation:
    weighted_sum = compute_weighted_sum(weighted_maps)
    localization_map = compute_localization_map(weighted_sum)
    stages: dict[str, Any] = {"alphas": None, "weighted_maps": weighted_maps, "weighted_sum": weighted_sum}
    return replace(e, **stages, localization_map=localization_map, method=name)
