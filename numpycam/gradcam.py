"""Grad-CAM, step by step: each step of the method is one function of one line.

    A    = features(x)              1. the feature maps A^k of the last convolution
    g    = dy^c/dA                  2. the gradient maps of the score y^c
    α_k  = (1/Z) Σ_ij g^k_ij        3. their global average, Z = H·W
    L    = Σ_k α_k A^k              4. the weighted sum of the feature maps
    L^c  = ReLU(L)                  5. the localization map

:func:`grad_cam` takes all the steps and returns every stage in one :class:`Explanation`. It neither
normalises nor resizes the map: the raw values are what the method computes. What comes after, up to
the overlay on the picture, is in ``numpycam.resize`` and ``numpycam.display``.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, equations 1 and 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from numpycam.layers import Conv2d, Layer, ReLU
from numpycam.network import Network, check_network
from numpycam.validation import (
    Array,
    Shape,
    as_class_indices,
    as_images,
    as_maps,
    as_target,
    check_shape,
    read_only,
    share,
    sum_of,
    zeros,
)

if TYPE_CHECKING:
    from numpycam.display import Picture

Interpolation = Literal["bilinear", "nearest"]

Target = Callable[[Array], tuple[Array, Array]]
"""From scores y (N, classes) to a number t(y) for each image (N,), and its gradient dt/dy (N, classes)."""


def compute_feature_maps(features: Network, x: Array) -> Array:  # (N, C, H, W) -> (N, K, H', W')
    """Step 1: A = features(x), what the filters of the last convolution find in the picture."""
    return features.forward(x)


def compute_gradients(head: Network, activations: dict[str, Array], grad_output: Array) -> Array:
    """Step 2: g = dy^c/dA, how much the score of class c changes with each cell of each feature map."""
    return head.gradients(activations, grad_output)["input"]  # (N, classes) -> (N, K, H, W)


def compute_alphas(gradients: Array) -> Array:  # (..., K, H, W) -> (..., K)
    """Step 3: α_k = (1/Z) Σ_ij g^k_ij, how much y^c changes with the feature map k as a whole."""
    return sum_of(gradients, axis=(-2, -1)) / (gradients.shape[-2] * gradients.shape[-1])


def compute_weighted_maps(alphas: Array, feature_maps: Array) -> Array:  # (..., K), (..., K, H, W) -> (..., K, H, W)
    """Step 4, the terms: α_k A^k, each feature map as far as it matters."""
    return alphas[..., None, None] * feature_maps


def compute_weighted_sum(weighted_maps: Array) -> Array:  # (..., K, H, W) -> (..., H, W)
    """Step 4, the sum: L = Σ_k α_k A^k, positive where the picture speaks for class c, negative where against."""
    return sum_of(weighted_maps, axis=-3)


def compute_localization_map(weighted_sum: Array) -> Array:  # (..., H, W) -> (..., H, W)
    """Step 5: L^c = ReLU(L), what speaks for class c."""
    return ReLU().forward(weighted_sum)


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Every stage of Grad-CAM, in the order of the method. Arrays are read-only.

    Of a batch of N images every field has a leading axis N, and ``explanation[n]`` is the
    explanation of image n. Fields that are not known (after :func:`grad_cam_from_maps`) are None.

    Attributes
    ----------
    image : array, shape (C, H, W)
    class_index : int
        c, the class that is explained.
    score : float or Fraction
        y^c, before any softmax.
    layer : str
        The layer whose output the feature maps are.
    feature_maps, gradients : array, shape (K, H', W')
        A^k and dy^c/dA^k.
    alphas : array, shape (K,)
        α_k^c, the global average of dy^c/dA^k.
    weighted_maps : array, shape (K, H', W')
        α_k^c A^k.
    weighted_sum : array, shape (H', W')
        L = Σ_k α_k^c A^k, before the ReLU.
    localization_map : array, shape (H', W')
        L^c_Grad-CAM = ReLU(L), neither normalised nor resized.
    network : Network
        The network that was explained: with it the step-through page knows what each cell saw.
    method : str
        By which method: "Grad-CAM", or one of ``numpycam.methods``. If it weighs cells rather than whole maps, alphas
        is None.
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

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, (np.ndarray, np.generic)):
                object.__setattr__(self, name, read_only(value) if isinstance(value, np.ndarray) else value.item())

    @property
    def counterfactual_map(self) -> Array:
        """ReLU(-L), what speaks against class c: Grad-CAM of -y^c (section 7 of the Grad-CAM paper).

        Of a method that is not linear in the gradients the map of -y^c is another one: see ``numpycam.targets``.
        """
        return compute_localization_map(-self.weighted_sum)

    @property
    def channel_shares(self) -> Array:
        """Σ_ij |α_k A^k_ij| over the total of all k: how much each map contributes, free of scale."""
        parts = sum_of(np.abs(self.weighted_maps), axis=(-2, -1))  # (..., K, H, W) -> (..., K)
        return share(parts, sum_of(parts, axis=-1, keepdims=True))

    def __len__(self) -> int:
        self._check_batch()
        return len(self.feature_maps)

    def __getitem__(self, n: Any) -> "Explanation":
        """Return the explanation of image n of a batch, or of a slice of it."""
        self._check_batch()
        if not isinstance(n, int | np.integer | slice) or isinstance(n, bool):
            raise TypeError(f"an Explanation is indexed by an int or a slice, got {n!r}.")
        picked: dict[str, Any] = {k: v[n] if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}
        return Explanation(**picked)

    def plot(
        self, stage: str | None = None, *, title: str = "", method: Interpolation = "bilinear", most_maps: int = 4
    ) -> "Picture":
        """Draw all stages of one image's explanation, or one, a field's name or "overlay": see ``numpycam.display``."""
        from numpycam.display import figure_of_stage, figure_of_stages

        if stage is None:
            return figure_of_stages(self, title=title, method=method, most_maps=most_maps)
        return figure_of_stage(self, stage, method=method, most_maps=most_maps)

    def save(
        self,
        folder: "str | PathLike[str]",
        *,
        title: str = "",
        method: Interpolation = "bilinear",
        about: dict[str, Any] | None = None,
        picture: ArrayLike | None = None,
    ) -> list[str]:
        """Write the step-through page, the pictures and the numbers to a folder: see :func:`numpycam.report.save`."""
        from numpycam.report import save

        return save(self, folder, title=title, method=method, about=about, picture=picture)

    def __repr__(self) -> str:
        from numpycam.report import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from numpycam.report import as_html

        return as_html(self)

    def _check_batch(self) -> None:
        if self.feature_maps.ndim == 3:
            raise TypeError("this Explanation is of one image, not of a batch: it has no length and no items.")


def grad_cam(
    network: Network,
    image: ArrayLike,
    class_index: int | Sequence[int] | Target | None = None,
    layer: str | None = None,
    *,
    check_finite: bool = True,
) -> Explanation:
    """Explain a score of the network by Grad-CAM, with every stage.

    L^c = ReLU(Σ_k α_k^c A^k), where α_k^c = (1/Z) Σ_ij dy^c/dA^k_ij

    Parameters
    ----------
    network : Network
        Its output is one row of scores for each image, before any softmax.
    image : array, shape (C, H, W) or (N, C, H, W)
        One image or a batch. Integers are converted to the dtype of the network.
    class_index : int, sequence of int, or target, optional
        The class c, for a batch one for all images or one for each. The one with the highest score
        if not given, the first of equals. Or another number that is made of the scores, a difference
        of two of them say: a callable such as those of ``numpycam.targets``.
    layer : str, optional
        The layer whose output is A. If not given, the network's ``target_layer``, or else its last
        Conv2d: its output *before* any ReLU, where negative cells have gradients too. The paper's
        authors take the maps after the ReLU, and it matters: name the ReLU to have those.
    check_finite : bool, default True
        Refuse an image with NaN or infinity. If False they pass, and are seen in the result.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind or the image does not fit the network, if the layer does
        not exist or its output is not (N, K, H, W), if the class does not exist.

    Examples
    --------
    >>> from numpycam import worked_example
    >>> explanation = grad_cam(worked_example.network(), worked_example.IMAGE, class_index=0)
    >>> print(explanation.localization_map.astype(str))
    [['357/40' '0']
     ['129/8' '13/5']]
    """
    return _explain(look(network, image, class_index, layer, check_finite))


class Look(NamedTuple):
    """What every method starts from: the fields of an Explanation up to the gradient maps, and the network."""

    image: Any
    class_index: Any
    score: Any
    layer: Any
    feature_maps: Array
    gradients: Array
    network: Any

    def as_batch(self) -> "Look":
        """Return the same of a batch of one image, where it is of a single one."""
        one: dict[str, Any] = {name: np.asarray(value)[None] for name, value in self._asdict().items()}
        return Look(**one | {"layer": self.layer, "network": self.network})

    def explained(self, alphas: Any, weighted_maps: Any, weighted_sum: Array, method: str = "Grad-CAM") -> Explanation:
        """Return the Explanation with a method's stages; step 5 is the same for all."""
        stages = alphas, weighted_maps, weighted_sum, compute_localization_map(weighted_sum)
        return Explanation(*self[:6], *stages, self.network, method)


def look(
    network: Network,
    image: ArrayLike,
    class_index: int | Sequence[int] | Target | None = None,
    layer: str | None = None,
    check_finite: bool = True,
) -> Look:
    """Take steps 1 and 2, with the arguments of :func:`grad_cam`: the network runs forward, and back to the layer."""
    check_network(network)
    images = as_images("image", image, network.parameters, network.dtype, check_finite)
    is_batch = images.ndim == 4
    x = images if is_batch else images[None]
    layer = target_layer_of(network) if layer is None else layer
    features, head = _cut(network, layer, x.shape)

    feature_maps = read_only(compute_feature_maps(features, x))
    activations = head.activations(feature_maps)
    scores = list(activations.values())[-1]  # (N, classes)
    classes, score, grad_scores = evaluate(class_index, scores, is_batch)
    gradients = read_only(compute_gradients(head, activations, grad_scores))
    check_shape("gradients", gradients, feature_maps.shape)
    one = slice(None) if is_batch else 0
    return Look(x[one], classes[one], score[one], layer, feature_maps[one], gradients[one], network)


def evaluate(class_index: Any, scores: Array, is_batch: bool = True) -> tuple[Array, Array, Array]:
    """Return, for each image, the class (or target), its value, and the gradient of that by the scores (N, classes)."""
    if callable(class_index):
        return np.full(len(scores), class_index), *as_target(class_index(scores), scores)
    classes = as_class_indices(class_index, scores, is_batch)
    chosen = np.arange(len(scores)), classes  # one score of each row
    gradient = zeros(scores.shape, like=scores)
    gradient[chosen] += 1  # dy^c/dy
    return classes, scores[chosen], gradient


def grad_cam_from_maps(feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
    """Take steps 3 to 5 of Grad-CAM on given feature maps and gradient maps.

    Parameters
    ----------
    feature_maps : array, shape (K, H, W) or (N, K, H, W)
        A^k. Integers are converted to the dtype of the gradients.
    gradients : array, of the same shape
        dy^c/dA^k, floats or Fractions.
    check_finite : bool, default True
        Refuse NaN and infinity. If False they pass, and are seen in the result.

    Returns
    -------
    Explanation
        Its image, class_index, score, layer and network are None.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of that kind, or differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> feature_maps, gradients = np.array([[[1.0, -2.0]]]), np.array([[[4.0, 2.0]]])
    >>> grad_cam_from_maps(feature_maps, gradients).localization_map
    array([[3., 0.]])
    """
    return _explain(Look(None, None, None, None, *as_maps(feature_maps, gradients, check_finite), None))


def _explain(seen: Look) -> Explanation:
    """Take steps 3 and 4; step 5 comes with the Explanation."""
    alphas = compute_alphas(seen.gradients)
    weighted_maps = compute_weighted_maps(alphas, seen.feature_maps)
    return seen.explained(alphas, weighted_maps, compute_weighted_sum(weighted_maps))


def target_layer_of(network: Network, argument: str = "layer") -> str:
    """Return the network's declared target layer, or else its last Conv2d; if there is none, name the argument."""
    check_network(network)
    if network.target_layer is not None:
        return network.target_layer
    last = next((pair for pair in reversed(network.layers) if convolutions_in(pair[1])), None)
    if last is None or not isinstance(last[1], Conv2d):
        where = "no Conv2d" if last is None else f"its last Conv2d inside of {last[0]!r}"
        raise ValueError(f"the network has {where}: pass {argument}, one of {[name for name, _ in network.layers]}.")
    return last[0]


def convolutions_in(layer: Layer) -> list[Conv2d]:
    """Return the layer itself, if it is a Conv2d, or those inside of a network, in order."""
    if isinstance(layer, Network):
        return [convolution for _, inner in layer.layers for convolution in convolutions_in(inner)]
    return [layer] if isinstance(layer, Conv2d) else []


def _cut(network: Network, layer: str, input_shape: Shape) -> tuple[Network, Network]:
    """Return (features, head), after checking that there are feature maps between them and scores at the end."""
    features, head = network.split(layer)
    maps_shape = features.output_shape(input_shape)
    if len(maps_shape) != 4:
        raise ValueError(f"Grad-CAM needs a layer with feature maps (N, K, H, W); {layer!r} has {maps_shape}.")
    scores_shape = head.output_shape(maps_shape)
    if len(scores_shape) != 2:
        raise ValueError(f"Grad-CAM needs a network with scores (N, classes); this one's output is {scores_shape}.")
    return features, head
