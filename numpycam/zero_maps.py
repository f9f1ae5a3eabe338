"""Why is my map empty? The reason why a localization map is zero everywhere.

ReLU removes what is not positive. So a map of zeros is an answer: no cell of this layer speaks for the score.

>>> from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam
>>> layers = [("conv", Conv2d([[[[-1]]]])), ("relu", ReLU()), ("mean", GlobalAvgPool2d()), ("linear", Linear([[1]]))]
>>> print(why_zero(grad_cam(Network(layers), [[[1, 2]]])))
The map is zero: every gradient is 0, since every output of the ReLU 'relu' is 0 for this picture.
"""

from itertools import pairwise
from typing import Any

from numpycam.core.arrays import Array, zeros
from numpycam.core.network import Network
from numpycam.core.steps import Stages, compute_alphas, compute_weighted_maps, compute_weighted_sum, gather
from numpycam.text import decimal, percent


def why_zero(explanation: Stages) -> str:
    """Return why the localization map of one image is zero everywhere, in a few sentences.

    The first sentence says which step made it zero: the feature maps, the gradients (behind the layer there may be a
    ReLU whose output is 0 everywhere), the weights or the sum. Then come the score, if another class has a higher one,
    and the map at the ReLU behind the layer, if that is not zero.

    Parameters
    ----------
    explanation : Stages
        Of one image, by any method.

    Returns
    -------
    str
        Empty if the map is not zero.

    Raises
    ------
    ValueError
        If the explanation is of a batch.
    """
    e = explanation
    if e.localization_map.ndim != 2:
        raise ValueError("explanation must be of one image, got a batch: pass explanation[n].")
    if e.localization_map.any():
        return ""
    if e.network is None or e.image is None or e.layer is None:
        return f"The map is zero: {_step_that_is_zero(e, {})}."
    activations = e.network.activations(e.image[None], since=e.layer)
    *_, scores = activations.values()
    sentences = [f"The map is zero: {_step_that_is_zero(e, activations)}.", _higher_score(e, scores[0])]
    behind = [*activations][1:2]
    if e.method == "Grad-CAM" and all(e.network[name].is_rectifier for name in behind):
        sentences += [_map_at(name, e.network, e.image, e.class_index) for name in behind]
    return " ".join(filter(None, sentences))


def _step_that_is_zero(e: Stages, activations: dict[str, Array]) -> str:
    """Return the first step that is zero everywhere, if the method goes through it; else what is the largest cell."""
    is_weighing_maps = e.alphas is not None and e.weighted_maps.shape == e.feature_maps.shape
    if not e.weighted_maps.any() and e.weighted_maps.shape == e.feature_maps.shape:
        if not e.feature_maps.any() and (is_weighing_maps or e.layer != "input"):
            return "every feature map is 0 for this picture"
        if e.gradients_used != "unused" and not e.gradients.any():
            what = "every gradient of guided backpropagation" if e.gradients_used == "guided" else "every gradient"
            dead = _dead_rectifier(e.network, activations)
            return f"{what} is 0" + (f", since every output of the ReLU {dead!r} is 0 for this picture" if dead else "")
        if is_weighing_maps and not e.alphas.any():
            why = ", since the gradients of each map add up to 0" if e.method == "Grad-CAM" else ""
            return f"every weight α_k is 0{why}"
    what = "Σ α_k A^k" if is_weighing_maps else "the weighted sum"
    return f"no cell of {what} is positive, the largest is {decimal(e.weighted_sum.max())}"


def _dead_rectifier(network: Network | None, activations: dict[str, Array]) -> str | None:
    """Return the first rectifier whose outputs are all 0. A leaky one may let a gradient through, and is not dead."""
    layers = dict(network.row) if network else {}
    for x, (name, outputs) in pairwise(activations.items()):
        layer = layers.get(name)
        if layer is not None and layer.is_rectifier and not outputs.any():
            ones = zeros(outputs.shape, like=outputs) + 1
            if not layer.backward(ones, x[1]).any():
                return name
    return None


def _higher_score(e: Stages, scores: Array) -> str:
    """Return a sentence if the class is not the one with the highest score."""
    if callable(e.class_index):
        return ""
    highest = scores.argmax()
    best, score = decimal(scores[highest]), decimal(scores[e.class_index])  # not e.score: a batch rounds otherwise
    if best == score:
        return ""
    return f"Class {highest} has the highest score, {best}; class {e.class_index} has {score}."


def _map_at(relu: str, network: Network, image: Array, class_index: Any) -> str:
    """Return a sentence if Grad-CAM at the ReLU behind the layer is not zero."""
    evidence = gather(network, image, class_index, relu, check_finite=False)
    weighted_maps = compute_weighted_maps(compute_alphas(evidence.gradients), evidence.feature_maps)
    positive = compute_weighted_sum(weighted_maps) > 0
    if not positive.any():
        return ""
    return f"At the ReLU {relu!r} behind it, {percent(positive.mean())} of the cells are positive: explain that layer."
