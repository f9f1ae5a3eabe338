"""Grad-CAM, step by step: each step of the method is one line.

    A    = activations[layer]       1. the feature maps A^k of the last convolution
    g    = dy^c/dA                  2. the gradient maps of the score y^c
    α_k  = (1/Z) Σ_ij g^k_ij        3. their global average, Z = H·W
    L    = Σ_k α_k A^k              4. the weighted sum of the feature maps
    L^c  = ReLU(L)                  5. the localization map

:func:`gather` takes steps 1 and 2: the network runs forward once, and back to the layer once. The other steps are one
function each. :class:`Stages` holds all of them. Nothing here normalises or resizes the map: the raw values are what
the method computes.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
equations 1 and 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import (
    as_array,
    as_images,
    as_maps,
    as_target,
    as_targets,
    briefly,
    check_same_kind,
    check_scores,
    check_shape,
)
from numpycam.core.arrays import Array, Shape, Value, read_only_view, relu, share, split_scale, sum_of, zeros
from numpycam.core.network import Network, check_network

GradientsUsed = Literal["plain", "guided", "unused"]

Target = Callable[[Array], tuple[Array, Array]]
"""From scores y (N, classes) to a number t(y) for each image (N,), and its gradient dt/dy (N, classes)."""

ClassIndex = int | Target | Sequence[int | Target] | None
"""What is explained: one class or target for all images, one for each, or (None) the class with the highest score."""


class Evidence(NamedTuple):
    """What every method starts from: the fields of Stages up to the gradient maps, and the network."""

    image: Any
    class_index: Any
    score: Any
    layer: Any
    feature_maps: Array
    gradients: Array
    network: Any = None


def gather(
    network: Network, image: ArrayLike, class_index: ClassIndex, layer: str | None, check_finite: bool
) -> Evidence:
    """Take steps 1 and 2, with the arguments of :func:`numpycam.grad_cam`."""
    check_network(network)
    images = as_images("image", image, network.parameters, network.dtype, check_finite)
    is_batch = images.ndim == 4
    x = images if is_batch else images[None]
    layer = target_layer_of(network, input_shape=x.shape) if layer is None else layer
    output_shape = check_stages(network, layer, x.shape)

    activations = network.activations_of(x, since=layer)
    *_, scores = activations.values()  # (N, classes)
    check_shape("the network's output", scores, output_shape)  # a layer of the user's own may give another one
    score = score_of(class_index, scores, is_batch)
    feature_maps = activations[layer]  # step 1: A, what the filters find in the picture
    gradients = read_only_view(network.gradients(activations, score.gradient, to=layer)[layer])  # step 2: g = dy^c/dA
    if gradients.dtype != feature_maps.dtype:
        check_same_kind({"feature_maps": feature_maps, "gradients": gradients})
    if x.dtype == object:
        outputs = {f"the output of layer {name!r}": array for name, array in activations.items()}
        _check_exact(outputs | {f"the gradients at layer {layer!r}": gradients}, x)
    one = slice(None) if is_batch else 0
    c, y = read_only_view(score.classes)[one], read_only_view(score.value)[one]
    return Evidence(x[one], c, y, layer, feature_maps[one], gradients[one], network)


def _check_exact(arrays: dict[str, Array], image: Array) -> None:
    """Raise TypeError if a layer of the user's own has made floats of Fractions, which the dtype need not show."""
    for name, array in arrays.items():
        check_same_kind({name: array, "image": image})
        as_array(name, array)


def gather_maps(feature_maps: ArrayLike, gradients: ArrayLike, check_finite: bool) -> Evidence:
    """Return what is known if only A and dy/dA are given: the other fields are None."""
    return Evidence(None, None, None, None, *as_maps(feature_maps, gradients, check_finite))


def compute_alphas(gradients: Array) -> Array:  # (..., K, H, W) -> (..., K)
    """Step 3: α_k = (1/Z) Σ_ij g^k_ij, how much y^c changes with the feature map k as a whole."""
    return sum_of(gradients, axis=(-2, -1)) / (gradients.shape[-2] * gradients.shape[-1])


def compute_weighted_maps(alphas: Array, feature_maps: Array) -> Array:  # (..., K), (..., K, H, W) -> (..., K, H, W)
    """Step 4, the terms: α_k A^k, what each feature map contributes."""
    return alphas[..., None, None] * feature_maps


def compute_weighted_sum(weighted_maps: Array) -> Array:  # (..., K, H, W) -> (..., H, W)
    """Step 4, the sum: L = Σ_k α_k A^k, positive where the picture speaks for class c, negative where against."""
    return sum_of(weighted_maps, axis=-3)


def compute_localization_map(weighted_sum: Array) -> Array:  # (..., H, W) -> (..., H, W)
    """Step 5: L^c = ReLU(L), what speaks for class c."""
    return relu(weighted_sum)


@dataclass(frozen=True, eq=False, repr=False)
class Stages(Value):
    """Every stage of Grad-CAM, in the order of the method. Arrays are read-only.

    For a batch of N images, every field has a leading axis N, and ``stages[n]`` is the explanation of image n. Fields
    that are not known (after :func:`numpycam.grad_cam_from_maps`) are None.

    Attributes
    ----------
    image : array, shape (C, H, W)
    class_index : int or target
        c, the class or target that is explained.
    score : float or Fraction
        y^c, before any softmax.
    layer : str
        The layer whose output the feature maps are.
    feature_maps, gradients : array, shape (K, H', W')
        A^k and dy^c/dA^k.
    alphas : array, shape (K,), or None
        α_k^c, the global average of dy^c/dA^k.
    weighted_maps : array, shape (K, H', W')
        α_k^c A^k.
    weighted_sum : array, shape (H', W')
        L = Σ_k α_k^c A^k, before the ReLU.
    localization_map : array, shape (H', W')
        L^c_Grad-CAM = ReLU(L), neither normalised nor resized.
    network : Network
        The network that was explained. With it the step-through page knows what each cell saw.
    method : str
        The method's name: "Grad-CAM", or one of ``numpycam.methods``. If it weighs cells rather than whole maps,
        alphas is None.
    gradients_used : {"plain", "guided", "unused"}
        Which gradients the method used: the network's own, those of guided backpropagation, or none.
    """

    image: Array | None
    class_index: Any
    score: Any
    layer: str | None
    feature_maps: Array
    gradients: Array
    alphas: Array
    weighted_maps: Array
    weighted_sum: Array
    localization_map: Array
    network: Network | None = None
    method: str = "Grad-CAM"
    gradients_used: GradientsUsed = "plain"

    @classmethod
    def of(cls, evidence: Evidence, alphas: Any, weighted_maps: Array, **method: Any) -> Self:
        """Return all stages, given the evidence and the method's terms of step 4."""
        weighted_sum = compute_weighted_sum(weighted_maps)
        stages = alphas, weighted_maps, weighted_sum, compute_localization_map(weighted_sum)
        return cls(*evidence[:6], *stages, evidence.network, **method)

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if callable(value):  # a target stays the object that it is
                continue
            if isinstance(value, np.ndarray) and value.flags.writeable:
                object.__setattr__(self, name, read_only_view(value))
            elif isinstance(value, np.generic):
                object.__setattr__(self, name, value.item())

    @property
    def counterfactual_map(self) -> Array:
        """ReLU(-L), what speaks against class c: Grad-CAM of -y^c (section 7 of the Grad-CAM paper).

        For methods that are not linear in the gradients, this differs from the map of -y^c: see ``numpycam.targets``.
        """
        return compute_localization_map(-self.weighted_sum)

    @property
    def channel_shares(self) -> Array:
        """Σ_ij |α_k A^k_ij| over the total of all k: how much each map contributes, whatever its scale."""
        maps, _ = split_scale(self.weighted_maps, axis=(-3, -2, -1))  # so that no sum overflows
        parts = sum_of(np.abs(maps), axis=(-2, -1))  # (..., K, H, W) -> (..., K)
        return share(parts, sum_of(parts, axis=-1, keepdims=True))

    def __len__(self) -> int:
        self._check_batch()
        return len(self.feature_maps)

    def __getitem__(self, n: Any) -> Self:
        """Return the explanation of image n. For a slice, return that of these images."""
        self._check_batch()
        if not isinstance(n, int | np.integer | slice) or isinstance(n, bool):
            raise TypeError(f"an Explanation is indexed by an int or a slice, got {briefly(n)}.")
        try:
            _ = range(len(self))[n]
        except TypeError:
            raise TypeError(f"a slice of an Explanation must be one of ints, got {briefly(n)}.") from None
        except IndexError:
            raise IndexError(f"an Explanation of {len(self)} images has none at index {briefly(n)}.") from None
        picked: dict[str, Any] = {k: v[n] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return replace(self, **picked)

    def _check_batch(self) -> None:
        if self.feature_maps.ndim == 3:
            raise TypeError(
                f"this {type(self).__name__} is of one image, not of a batch: it has no length and no items."
            )


class Score(NamedTuple):
    """The number that is explained, for each image."""

    classes: Array  # (N,), the class or target
    value: Array  # (N,), y^c
    gradient: Array  # (N, classes), dy^c/dy


def score_of(class_index: Any, scores: Array, is_batch: bool = True) -> Score:
    """Return the score of the class or target of each image, given all scores (N, classes)."""
    if callable(class_index):
        return Score(as_targets(class_index, scores, is_batch), *as_target(class_index(scores), scores))
    classes = as_targets(class_index, scores, is_batch)
    if classes.dtype == object:  # image by image
        each = [score_of(one, scores[n : n + 1]) for n, one in enumerate(classes)]
        return Score(classes, *(np.concatenate(parts) for parts in zip(*(one[1:] for one in each), strict=True)))
    chosen = np.arange(len(scores)), classes  # one score of each row
    gradient = zeros(scores.shape, like=scores)
    gradient[chosen] += 1
    return Score(classes, scores[chosen], gradient)


def target_layer_of(network: Network, argument: str = "layer", input_shape: Shape | None = None) -> str:
    """Return the network's declared target layer, or else its last convolution; if there is none, name the argument."""
    if network.target_layer is not None:
        return network.target_layer
    for name, layer in reversed(network.row):
        if layer.is_convolution:
            return name
        if layer.is_convolution is None:
            where = f"layer {name!r}, {type(layer).__name__}, in which its last convolution may be hidden"
            break
    else:
        where = "no Conv2d"
    names = [name for name, _ in network.layers]
    if input_shape is not None:
        shapes = network.shapes(input_shape)
        names = [name for name in names if len(shapes[name]) == 4]
    if not names:
        raise ValueError(f"the network has {where}, and no layer of it has feature maps (N, K, H, W).")
    raise ValueError(f"the network has {where}: pass {argument}, one of {names}.")


def check_stages(network: Network, layer: str, input_shape: Shape) -> Shape:
    """Return the shape of the scores; raise ValueError unless they are scores and the layer has feature maps."""
    network.position_of(layer)  # an unknown name is refused with the names that there are
    shapes = network.shapes(input_shape)
    if len(shapes[layer]) != 4:
        raise ValueError(f"layer {layer!r} must have feature maps (N, K, H, W), got {shapes[layer]}.")
    *_, output_shape = shapes.values()
    check_scores(output_shape)
    return output_shape
