"""Where a peer's answer is not the equation's: what was asked, what the equation gives, and why the two differ.

The equation's values are written down here, independent of the package. tests/test_peers.py holds ours against them,
and sees that the peers' recorded answers are others; docs/disagreements.py makes a table of it.
"""

import json
from collections.abc import Callable
from math import exp
from typing import Any, NamedTuple

import numpy as np

from numpycam import grad_cam_from_maps, methods
from numpycam.exact import as_floats, as_fractions
from numpycam.resize import normalise, resize
from numpycam.targets import finer
from numpycam.worked_example import FEATURE_MAPS
from peers.cases import DISAGREEMENTS, QUESTIONS, WITHOUT_BODY, in_floats

RECORD = json.loads(DISAGREEMENTS.read_text())
NAMES = {"grad-cam": "pytorch-grad-cam", "torchcam": "torchcam", "captum": "captum"}  # as pip has it: its own name
KINDS = {
    "equation": "The equation says otherwise",
    "convention": "Another convention, or another precision",
    "ours": "Where numpycam leaves the paper, and the library does not",
}


class Disagreement(NamedTuple):
    name: str  # in the record
    peers: list
    kind: str
    method: str
    asked: str
    equation: Any  # exact, or in floats; None if it has no value
    ours: Callable[[], Any]
    why: str
    tolerance: float = 0

    def answer(self, peer):
        return np.array(RECORD[peer]["answers"][self.name])


def explain(method, question, what, target=0, floats=False, **options):
    """Return a field of our explanation, as a call that has not been made."""
    network, image = in_floats(question) if floats else QUESTIONS[question]
    return lambda: getattr(method(network, image, target, check_finite=False, **options), what)


def _first_direction():
    """EigenCAM of the worked example by the eigenvectors of the Gram matrix, and how far rounding may lead from it.

    It turns v by at most some n u λ1/(λ1 - λ2) for n operations (Golub and Van Loan, Matrix Computations, section 8.1).
    """
    cells = as_floats(FEATURE_MAPS).reshape(3, 4)
    sizes, vectors = np.linalg.eigh(cells @ cells.T)
    weighted_sum = vectors[:, -1] @ cells
    bound = 100 * np.finfo(float).eps * sizes[-1] / (sizes[-1] - sizes[-2]) * np.sqrt(sizes[-1])
    return (weighted_sum * np.sign(weighted_sum.sum())).reshape(2, 2), bound


def _inside_of_the_block():
    """From A itself and the gradient of the sum, which is that of A, too."""
    network, image = QUESTIONS["block"]
    maps, gradients = network["block"].body(image[None])[0], cam(network, image, 0, "block").gradients
    return grad_cam_from_maps(maps, gradients).weighted_sum


def _smooth_grad_cam_plus_plus(question, *noises):
    """Smooth Grad-CAM++'s weights by its equation, from our gradients: numpycam does not have the method."""
    network, image = QUESTIONS[question]
    maps = cam(network, image, 0).feature_maps
    gradients = np.array([cam(network, image + noise, 0).gradients for noise in noises])  # (samples, K, H, W)
    first, second, third = ((gradients**n).sum(axis=0) / len(noises) for n in (1, 2, 3))
    divisors = np.where(first > 0, 2 * second + maps.sum(axis=(1, 2), keepdims=True) * third, 1)
    return (second / divisors * np.where(first > 0, first, 0)).sum(axis=(1, 2))


def _first_change(method):
    """By how much the first cell of L changes if maps are turned by 180°, and L is turned back."""
    first, second = (explain(method, f"{name} cell", SUM, floats=True)() for name in ("second", "first"))
    return first[0, 0] - second[0, 1]


EIGEN, EIGEN_BOUND = _first_direction()
ABLATION = as_fractions(["36/143", "215/286", "-1/286"])
LARGE = as_fractions([
    ["8.925", "6.69375", "2.23125", 0],
    ["10.725", "8.20625", "3.16875", "0.65"],
    ["14.325", "11.23125", "5.04375", "1.95"],
    ["16.125", "12.74375", "5.98125", "2.6"],
])  # fmt: skip
NO_GAIN = 1 / (1 + exp(3 / 4 - 42 / 19))  # the image through the first map scores 42/19, through the second 3/4
SOFTMAX_BOUND = 2 * 64 * np.finfo(float).eps * 42 / 19  # twice the error of a score, of at most 64 operations
MAP, SUM = "localization_map", "weighted_sum"
cam = methods.grad_cam

TABLE = [
    Disagreement(
        *("grad-cam++", ["torchcam"], "equation", "Grad-CAM++", "the worked example's weights"),
        as_fractions(["46535/33449", "22871/29230", "59/299"]),
        explain(methods.grad_cam_plus_plus, "document", "alphas"),
        "The division is done on a copy (`alpha[mask].div_`), so its result is lost. Σ ReLU(g)³ is left.",
    ),
    Disagreement(
        *("grad-cam++ small", ["grad-cam"], "equation", "Grad-CAM++", "the weight for A = 1, g = 0.001"),
        as_fractions(["1/2001"]),
        explain(methods.grad_cam_plus_plus, "small gradient", "alphas"),
        "10⁻⁶ is added to the denominator, 2g² + S g³. This matters if g² is small, as it is behind global pooling.",
    ),
    Disagreement(
        *("grad-cam++ pole", ["grad-cam"], "equation", "Grad-CAM++", "the weight for A = -2, g = 1: 2 + S g = 0", None),
        explain(methods.grad_cam_plus_plus, "pole of Grad-CAM++", "alphas"),
        "10⁻⁶ is added to the denominator, which is 0 otherwise. So the weight is 1/10⁻⁶.",
    ),
    Disagreement(
        *("xgrad-cam pole", ["grad-cam", "torchcam"], "equation", "XGrad-CAM"),
        *("the weight for A = (1, -1), g = (2, -1): S = 0", None),
        explain(methods.xgrad_cam, "sum of 0", "alphas"),
        "10⁻⁷ or 10⁻⁸ is added to the denominator, which is 0 otherwise. So the weight is 3/10⁻⁷ or 3/10⁻⁸.",
    ),
    Disagreement(
        *("ablation-cam", ["grad-cam"], "equation", "Ablation-CAM", "the worked example's weights", ABLATION),
        explain(methods.ablation_cam, "document", "alphas"),
        "A map is not set to 0. If the smallest cell of all maps is not 0, the map is set to that cell minus 10⁷.",
    ),
    Disagreement(
        *("ablation-cam order", ["grad-cam"], "equation", "Ablation-CAM"),
        *("the same with the channels in the opposite order, and the weights put back into the old one", ABLATION),
        lambda: explain(methods.ablation_cam, "document, channels backwards", "alphas")()[::-1],
        "The smallest cell is searched again after each ablation. Then it is an ablated one, so later channels fall "
        "deeper.",
    ),
    Disagreement(
        *("eigen-cam", ["grad-cam"], "equation", "EigenCAM", "L of the worked example", EIGEN),
        explain(methods.eigen_cam, "document", SUM, floats=True),
        "The maps are centred first. The vector keeps the sign that LAPACK gives it: here that is the opposite corner.",
        EIGEN_BOUND,
    ),
    Disagreement(
        *(
            "eigen-cam turned",
            ["grad-cam"],
            "equation",
            "EigenCAM",
            "the same with the maps turned by 90°, and L turned back",
        ),
        EIGEN,
        lambda: np.rot90(explain(methods.eigen_cam, "document, turned", SUM, floats=True)(), -1),
        "Now the sign is the opposite one, so another map is shown.",
        EIGEN_BOUND,
    ),
    Disagreement(
        *("score-cam", ["torchcam", "grad-cam"], "equation", "Score-CAM", "the weights of 3 × 3 maps on a 6 × 6 image"),
        np.array([NO_GAIN, 1 - NO_GAIN]),
        explain(methods.score_cam, "peak", "alphas", floats=True),
        "The paper resizes and then scales to 0 … 1. torchcam scales first. pytorch-grad-cam aligns corners.",
        SOFTMAX_BOUND,
    ),
    Disagreement(
        *("in-place", ["torchcam", "grad-cam"], "equation", "Grad-CAM"),
        "L of the worked example's maps, before a ReLU that works in place",
        as_fractions([["333/40", "-3/2"], ["117/8", "19/8"]]),
        explain(cam, "document with a ReLU", SUM),
        "The ReLU overwrites the maps before it. So torchcam answers for the ReLU's output. pytorch-grad-cam mixes the "
        "maps behind the ReLU with the gradients before it. Neither warns.",
    ),
    Disagreement(
        *("in-place sum", ["torchcam", "grad-cam"], "equation", "Grad-CAM"),
        "L of A = 5 - 3x at x = (1, 2), before the sum A + x in place, for g = (1, 3)",
        as_fractions([[4, -2]]),
        _inside_of_the_block,
        "`A += x` overwrites A, so both answer for the sum, (3, 1). Neither warns. In torchvision's ResNets A is the "
        "last normalisation, such as `layer4[-1].bn2`, and a ReLU in place follows the sum: torchcam answers for the "
        "whole of `layer4`, pytorch-grad-cam mixes as above. numpycam refuses a layer that a shortcut goes past, where "
        "L is not complete; `grad_cam_from_maps(A, g)` returns it all the same.",
    ),
    Disagreement(
        *("nan", ["grad-cam", "torchcam"], "equation", "Grad-CAM", "the map where one of four cells of A is NaN"),
        np.array([[np.nan, 7], [4, 6]]),
        explain(cam, "NaN", SUM),
        "pytorch-grad-cam's scaling spreads the NaN over the map. torchcam's `nansum` hides it: the map looks right.",
    ),
    Disagreement(
        *(
            "eigen-cam nan",
            ["grad-cam"],
            "equation",
            "EigenCAM",
            "L where one of four cells of A is NaN",
            np.full((2, 2), np.nan),
        ),
        explain(methods.eigen_cam, "NaN", SUM),
        "NaN is replaced by 0 first: the map looks right.",
    ),
    Disagreement(
        *("eigen-cams turned", ["grad-cam"], "equation", "EigenGradCAM, SegEigenCAM, KPCA-CAM"),
        "by how much the first cell of L changes if the maps (0, 0), (0, 1) are turned by 180° and L is turned back",
        np.array([0, 0, 0]),
        lambda: [_first_change(methods.eigen_grad_cam)] * 3,
        "As EigenCAM: the sign is LAPACK's, and it turns. SegEigenCAM mends the sign, but not where L reaches as far "
        "below 0 as above it.",
    ),
    Disagreement(
        *("smooth-grad-cam++", ["torchcam"], "equation", "Smooth Grad-CAM++"),
        "the weights for A = (1, 0), g = (0, 1), and for A = (2, 0), g = (-1, 1); no noise",
        as_fractions(["1/3", "1/4"]),
        lambda: np.concatenate(
            [
                _smooth_grad_cam_plus_plus("a cell, and another one", 0),
                _smooth_grad_cam_plus_plus("two cells, one against", 0),
            ]
        ),
        "The docstring has Σ A times g³, for each cell. The code has Σ A g³, cell with cell, which is the same in all "
        "cells. Its Grad-CAM++ has the same line, but the division is lost there.",
    ),
    Disagreement(
        *("smooth-grad-cam++ last", ["torchcam"], "equation", "Smooth Grad-CAM++"),
        "the weight for y = |x| at x = 0, with noise of 1 and then of -1; and the other way round",
        as_fractions([0, 0]),
        lambda: np.concatenate(
            [
                _smooth_grad_cam_plus_plus("absolute", 1, -1),
                _smooth_grad_cam_plus_plus("absolute", -1, 1),
            ]
        ),
        "The ReLU is not of the gradients' mean, but of the last sample's gradient. So the samples' order counts.",
    ),
    Disagreement(
        *(
            "shapley-cam",
            ["grad-cam"],
            "equation",
            "ShapleyCAM",
            "L of the worked example, by `with ShapleyCAM(…) as cam`",
        ),
        as_fractions([["357/40", "-81/40"], ["129/8", "13/5"]]),
        explain(cam, "document", SUM),
        "Where a Flatten follows the layer, its gradient is a view, and `release` detaches it in place. The error "
        "comes before the hooks are removed. (The scores are linear in A, so Shapley-CAM is Grad-CAM here.)",
    ),
    Disagreement(
        *(
            "smoothgrad",
            ["captum"],
            "equation",
            "SmoothGrad",
            "L for y = |x₁| at x = (0, 1), normal noise of width 1",
            np.array([[0, 0]]),
        ),
        explain(methods.smooth_grad, "kink", SUM, floats=True, sigma=1.0, samples=10_000),
        "`NoiseTunnel(Saliency)` takes the mean of the absolute values, not the absolute value of the mean. So noise "
        "of either sign adds up. (The equation's 0 is for infinitely many samples.)",
        4 / np.sqrt(10_000),  # four standard deviations of the mean of as many signs
    ),
    Disagreement(
        *("integrated gradients", ["captum"], "equation", "integrated gradients"),
        "Σ L for the convolutional head, as the cat's body fades in: it should be y(x) - y(x')",
        as_fractions("17.1"),
        lambda: explain(methods.integrated_gradients, "document, conv head", SUM, baseline=WITHOUT_BODY)().sum(),
        "50 points of Gauss–Legendre quadrature miss the places of the two kinks. numpycam's path finds them.",
    ),
    Disagreement(
        *("finer-cam", ["grad-cam", "torchcam"], "convention", "Finer-CAM", "∂t/∂y at the scores 3, 2, 1, of class 0"),
        as_fractions([1, "-1/2", "-1/2"]),
        explain(cam, "classes", "alphas", finer(0, [1, 2])),
        "pytorch-grad-cam weighs the other classes by their probabilities, and differentiates these weights, too. "
        "torchcam takes the mean with γ = 0.6, not 1.",
    ),
    Disagreement(
        *(
            "relu then resize",
            ["captum"],
            "convention",
            "Grad-CAM",
            "the worked example's map at 4 × 4, bilinear",
            LARGE,
        ),
        lambda: resize(explain(cam, "document", MAP)(), (4, 4)),
        "`LayerAttribution.interpolate` resizes the signed map, and the ReLU comes after. The order matters.",
    ),
    Disagreement(
        *(
            "nearest",
            ["captum"],
            "convention",
            "Grad-CAM",
            "the same, resized by captum's default",
            LARGE,
        ),
        lambda: resize(explain(cam, "document", MAP)(), (4, 4)),
        "captum's default is the nearest cell, also in its Guided Grad-CAM.",
    ),
    Disagreement(
        *("least cell", ["grad-cam", "torchcam"], "convention", "normalising", "the map 1, 2, 3, 4 scaled for showing"),
        as_fractions([["1/4", "1/2"], ["3/4", 1]]),
        lambda: normalise(explain(cam, "1 to 4", MAP)()),
        "The minimum is subtracted, after the ReLU. So the weakest evidence for the class is shown as none.",
    ),
    Disagreement(
        *("constant map", ["grad-cam", "torchcam"], "convention", "normalising", "a map that is 3 everywhere"),
        as_fractions([[1, 1], [1, 1]]),
        lambda: normalise(explain(cam, "constant", MAP)()),
        "The minimum is subtracted. So evidence everywhere is shown as no evidence.",
    ),
    Disagreement(
        *("small map", ["grad-cam", "torchcam"], "convention", "normalising", "the map 0, 10⁻¹⁴"),
        as_fractions([[0, 1]]),
        lambda: normalise(explain(cam, "small", MAP)()),
        "A small number is added to the denominator, so a small map fades. pytorch-grad-cam scales twice.",
    ),
    Disagreement(
        *(
            "occlusion",
            ["captum"],
            "convention",
            "occlusion",
            "L for y = x/10 where the one pixel is 1, in float64",
            as_fractions([["0.1"]]),
        ),
        explain(methods.occlusion, "a tenth", SUM, size=1, stride=1),
        "The drops are kept in float32, even for a network in float64.",
    ),
    Disagreement(
        *("eigen-cams float32", ["grad-cam"], "convention", "EigenCAM, EigenGradCAM, SegEigenCAM"),
        "how far the two cells of L are apart for A = (0, 0.1), g = 1, in float64",
        as_fractions(["0.1", "0.1", "0.1"]),
        lambda: [
            np.diff(explain(method, "a tenth, second", SUM, floats=True)())[0, 0]
            for method in (methods.eigen_cam, methods.eigen_grad_cam, methods.eigen_grad_cam)
        ],
        "L is returned in float32, even for a network in float64; KPCA-CAM's, too.",
        8 * np.finfo(float).eps,  # of a few operations on a tenth
    ),
    Disagreement(
        *(
            "ablation-cam sign",
            ["grad-cam"],
            "ours",
            "Ablation-CAM",
            "the weight where the score is -2 and the map lowers it",
        ),
        as_fractions([-1]),
        explain(methods.ablation_cam, "negative score", "alphas"),
        "The paper divides by y, which turns the map around where y < 0. numpycam divides by |y|.",
    ),
    Disagreement(
        *("full-grad", ["grad-cam"], "ours", "FullGrad", "two channels that contribute 1 and 100"),
        as_fractions([[0, 101]]),
        explain(methods.full_grad, "channels of 1 and 100", SUM),
        "The paper scales to 0 … 1 before it adds. Its authors' code scales the maps of a layer together, the library "
        "scales each map by itself. numpycam does not scale.",
    ),
]
