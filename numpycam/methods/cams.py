"""The CAMs that need feature maps and gradients alone, one definition each.

All end alike: L = Σ_k of some weighted maps, and its ReLU. They differ in how a feature map A^k is weighted, given the
gradient maps g^k = dy/dA^k: by one number for the whole map, or cell by cell.

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> for method in (grad_cam, hirescam, layercam):
...     print(f"{method.name:10}", method(network, image, 0).weighted_sum.astype(str).tolist())
Grad-CAM   [['357/40', '-81/40'], ['129/8', '13/5']]
HiResCAM   [['63/10', '-14/5'], ['23', '21/10']]
LayerCAM   [['63/10', '-5/2'], ['23', '21/10']]
>>> hirescam(network, image, 0).weighted_sum.sum() == network(image[None])[0, 0]  # complete: it sums to the score
True

"""

import math

import numpy as np

from numpycam.core.arrays import Array, Shape, relu, share, sum_of, zero_of, zeros
from numpycam.core.network import Network
from numpycam.core.steps import Evidence, compute_alphas, compute_weighted_maps, score_of
from numpycam.methods.recipe import check_pole, method


@method(
    "Grad-CAM",
    r"\sum_k \Big(\frac{1}{Z} \sum_{ij} g^k_{ij}\Big) A^k",
    "Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2",
    properties=("class-sensitive", "signed", "mixing", "scaling", "rearranging"),
    weighs="maps",
)
def grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """α_k is the mean of g^k. This is :func:`numpycam.grad_cam`."""
    return compute_alphas(gradients)


@method(
    "Grad-CAM++",
    r"\sum_k \Big(\sum_{g^k_{ij} > 0} \frac{g^k_{ij}}{2 + S_k g^k_{ij}}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Chattopadhay et al., Grad-CAM++, WACV 2018 (arXiv 1710.11063), equation 19",
    properties=("class-sensitive", "rearranging"),
    weighs="maps",
)
def grad_cam_plus_plus(feature_maps: Array, gradients: Array) -> Array:
    """α_k = Σ_ij a_ij ReLU(g_ij) with a_ij = g²/(2g² + S_k g³) = 1/(2 + S_k g_ij). Only cells with g > 0 are used.

    That is the closed form for a network of ReLUs and the score exp(y): the exponential, a factor of every weight, is
    left out. The a_ij are not normalised, as they are in the authors' code. The pole, 2 + S_k g = 0, needs a map with a
    negative sum.

    Raises
    ------
    PoleError
        At the pole.
    """
    sums = sum_of(feature_maps, axis=(-2, -1), keepdims=True)
    divisor = zero_of(gradients) + 2 + sums * gradients
    counts = gradients > 0
    check_pole((divisor == 0) & counts, "Grad-CAM++", "2 + S_k g is 0")
    one = zero_of(gradients) + 1
    terms = relu(gradients) / np.where(counts, divisor, one)
    return sum_of(terms, axis=(-2, -1))


@method(
    "XGrad-CAM",
    r"\sum_k \Big(\sum_{ij} \frac{A^k_{ij}}{S_k} g^k_{ij}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Fu et al., Axiom-based Grad-CAM, BMVC 2020 (arXiv 2008.02312), equations 7 and 8",
    properties=("complete", "class-sensitive", "signed", "scaling"),
    weighs="maps",
)
def xgrad_cam(feature_maps: Array, gradients: Array) -> Array:
    """α_k is the mean of g^k weighted by A^k. Of a map that is zero everywhere it is 0.

    In floats a sum that should be 0 may come out as its rounding, and then the weight is huge: Fractions tell.

    Raises
    ------
    PoleError
        If a map that is not zero has the sum 0.
    """
    sums = sum_of(feature_maps, axis=(-2, -1))
    check_pole((sums == 0) & (feature_maps != 0).any(axis=(-2, -1)), "XGrad-CAM", "S_k is 0")
    return share(sum_of(feature_maps * gradients, axis=(-2, -1)), sums)


@method(
    "HiResCAM",
    r"\sum_k g^k \odot A^k",
    "Draelos and Carin, Use HiResCAM instead of Grad-CAM, 2020 (arXiv 2011.08891)",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
    weighs="cells",
)
def hirescam(feature_maps: Array, gradients: Array) -> Array:
    """Each cell with its own gradient: with a linear head, Σ_ij L is the score less its bias."""
    return gradients * feature_maps


@method(
    "element-wise Grad-CAM",
    r"\sum_k \mathrm{ReLU}(g^k \odot A^k)",
    "pytorch-grad-cam, GradCAMElementWise",
    properties=("class-sensitive", "scaling"),
    weighs="cells",
)
def element_wise_grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """HiResCAM with the ReLU before the sum: what speaks against is gone before it could outweigh anything."""
    return relu(gradients * feature_maps)


@method(
    "LayerCAM",
    r"\sum_k \mathrm{ReLU}(g^k) \odot A^k",
    "Jiang et al., LayerCAM, IEEE TIP 2021",
    properties=("class-sensitive", "scaling"),
    weighs="cells",
)
def layercam(feature_maps: Array, gradients: Array) -> Array:
    """HiResCAM where the gradient is positive."""
    return relu(gradients) * feature_maps


@method(
    "EigenCAM",
    r"\sum_k v_k A^k, \quad v = \text{first right singular vector of } (A^k_{ij})_{ij,k}",
    "Muhammad and Yeasin, Eigen-CAM, IJCNN 2020 (arXiv 2008.00299), equations 2 and 3",
    needs="nothing",
    is_exact=False,
    properties=("scaling", "rearranging"),
    weighs="maps",
)
def eigen_cam(feature_maps: Array, gradients: Array) -> Array:
    """α is the direction in which the cells, as points with K coordinates, lie farthest from the origin (not centred).

    It asks neither for the class nor for the gradients. The sign of v is arbitrary; it is chosen so that Σ L ≥ 0, or,
    where Σ L = 0, so that v's first non-zero component is positive. If no map is negative, neither is v, nor L. If
    several directions are equally good, v is the one that LAPACK finds.
    """
    return _first_direction(feature_maps)


@method(
    "EigenGradCAM",
    r"\sum_k v_k g^k \odot A^k, \quad v = \text{first right singular vector of } (g^k_{ij} A^k_{ij})_{ij,k}",
    "pytorch-grad-cam, EigenGradCAM, after Muhammad and Yeasin, IJCNN 2020",
    is_exact=False,
    properties=("class-sensitive", "signed", "scaling"),
    weighs="cells",
)
def eigen_grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """EigenCAM of g ⊙ A, which depends on the class. The sign is chosen in the same way."""
    products = gradients * feature_maps
    return compute_weighted_maps(_first_direction(products), products)


def _first_direction(maps: Array) -> Array:  # (..., K, H, W) -> (..., K)
    """Return the first right singular vector of the cells × maps, with a sign that depends on nothing else."""
    cells = maps.reshape(*maps.shape[:-2], maps.shape[-2] * maps.shape[-1]).mT  # (..., H W, K)
    known = np.asarray(np.isfinite(cells).all(axis=(-2, -1)))  # of others np.linalg.svd gives up on the whole batch
    v = np.linalg.svd(np.where(known[..., None, None], cells, zero_of(cells)), full_matrices=False).Vh[..., 0, :]
    v = np.where(known[..., None], v, np.nan)
    total = sum_of(compute_weighted_maps(v, maps), axis=(-3, -2, -1))
    first = np.take_along_axis(v, (v != 0).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    sign = np.where(total == 0, np.sign(first), np.sign(total))
    return v * sign[..., None]


@method(
    "CAM",
    r"\sum_k w^c_k A^k, \quad w = \text{weights of the head}",
    "Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016",
    needs="a pooled linear head",
    properties=("class-sensitive", "signed", "mixing", "scaling", "rearranging"),
)
def cam(evidence: Evidence) -> tuple[Array, Array]:
    """α_k is the weight that the class gives to the mean of A^k. Where it exists, Grad-CAM is this over Z = H·W.

    After A comes a layer that averages each map, a Linear, and nothing else but layers that move numbers (Flatten).

    Raises
    ------
    ValueError
        If the head is another.
    """
    a, (_, head) = evidence.feature_maps, evidence.network.split(evidence.layer)
    if evidence.class_index.dtype == object:
        raise TypeError("CAM explains the score of a class, no other target.")
    activations = head.activations(a)
    means = next((name for name, values in activations.items() if math.prod(values.shape[1:]) == a.shape[1]), None)
    if means is None or not _averages_each_map(head.split(means)[0], a) or not _is_one_linear_layer(head, a.shape):
        came = [type(layer).__name__ for _, layer in head.row]
        raise ValueError(f"CAM needs a head that averages each map of {evidence.layer!r} and a Linear, got {came}.")
    *_, scores = activations.values()
    grad_scores = score_of(evidence.class_index, scores)[2]
    alphas = head.gradients(activations, grad_scores, to=means)[means].reshape(a.shape[:2])
    return alphas, compute_weighted_maps(alphas, a)


def _is_one_linear_layer(head: Network, input_shape: Shape) -> bool:
    """Whether each layer says that it is affine, and one of them has weights."""
    shapes = Network(head.row).shapes(input_shape).values()  # those of the inputs, and that of the output
    is_affine = [layer.affine(shape) is not None for (_, layer), shape in zip(head.row, shapes, strict=False)]
    return all(is_affine) and sum(bool(layer.parameters) for _, layer in head.row) == 1


def _averages_each_map(pooling: Network, a: Array) -> bool:
    """Whether the k-th number that comes out, linear in A, is the mean of A^k: whether its gradient is 1/Z there."""
    maps, height, width = a.shape[1:]
    numbers = zero_of(a) + np.arange(1, maps + 1).astype(a.dtype)  # a gradient of its own for each map
    one = a[:1] if len(a) else zeros((1, *a.shape[1:]), like=a)
    gradient = pooling.backward(numbers.reshape(pooling.output_shape(one.shape)), one)
    return bool((gradient == (numbers / (height * width))[:, None, None]).all())
