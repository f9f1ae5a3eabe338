"""The CAMs: methods that run the network once and weigh the feature maps of one layer.

All end in the same way: L is the sum of the weighted maps, and the localization map is ReLU(L). They differ in the
weights. A feature map A^k gets one weight for the whole map, or one for each cell. Most methods take the weights from
the gradient maps g^k = dy/dA^k.

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

from numpycam.core.arrays import Array, Shape, relu, share, split_scale, sum_of, times_power_of_two, zero_of, zeros
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
    """α_k = (1/Z) Σ_ij g^k_ij, the mean of g^k. This is :func:`numpycam.grad_cam`."""
    return compute_alphas(gradients)


@method(
    "Grad-CAM++",
    r"\sum_k \Big(\sum_{g^k_{ij} > 0} \frac{g^k_{ij}}{2 + S_k g^k_{ij}}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Chattopadhay et al., Grad-CAM++, WACV 2018 (arXiv 1710.11063), equation 19",
    properties=("class-sensitive", "rearranging"),
    weighs="maps",
)
def grad_cam_plus_plus(feature_maps: Array, gradients: Array) -> Array:
    """α_k = Σ_ij a_ij ReLU(g_ij), where a_ij = g_ij²/(2 g_ij² + S_k g_ij³) = 1/(2 + S_k g_ij) and S_k = Σ_ij A^k_ij.

    Only cells with g > 0 count. The formula is the paper's closed form for a network of ReLUs and the score exp(y). The
    factor exp(y), which all weights share, is left out. The authors' code normalises the a_ij; here they are not
    normalised. A pole, 2 + S_k g_ij = 0, is possible only if S_k is negative.

    Raises
    ------
    PoleError
        If 2 + S_k g_ij is 0 in a cell with g > 0.
    """
    a, i = split_scale(feature_maps, axis=(-2, -1))  # A = a 2^i, g = b 2^j, and S_k g does not overflow
    b, j = split_scale(gradients, axis=(-2, -1))
    sums = sum_of(a, axis=(-2, -1), keepdims=True)
    two, up = zeros(sums.shape, like=sums) + 2, np.maximum(i + j, 0)
    divisor = times_power_of_two(two, -up) + times_power_of_two(sums * b, i + j - up)  # 2 + S_k g, divided by 2^up
    counts = gradients > 0
    check_pole((divisor == 0) & counts, "Grad-CAM++", "2 + S_k g is 0")
    terms = relu(b) / np.where(counts, divisor, zero_of(b) + 1)
    return sum_of(times_power_of_two(terms, j - up), axis=(-2, -1))


@method(
    "XGrad-CAM",
    r"\sum_k \Big(\sum_{ij} \frac{A^k_{ij}}{S_k} g^k_{ij}\Big) A^k, \quad S_k = \sum_{ij} A^k_{ij}",
    "Fu et al., Axiom-based Grad-CAM, BMVC 2020 (arXiv 2008.02312), equations 7 and 8",
    properties=("complete", "class-sensitive", "signed", "scaling"),
    weighs="maps",
)
def xgrad_cam(feature_maps: Array, gradients: Array) -> Array:
    """α_k = Σ_ij A^k_ij g^k_ij / S_k, the mean of g^k weighted by A^k, where S_k = Σ_ij A^k_ij.

    If A^k is zero everywhere, α_k is 0. In floats, a sum S_k that should be 0 can differ from 0 by rounding. Then α_k
    is huge and there is no error. To be sure, compute with Fractions.

    Raises
    ------
    PoleError
        If S_k is 0, but A^k is not zero everywhere.
    """
    a, _ = split_scale(feature_maps, axis=(-2, -1))  # α does not depend on the scale of A, and is linear in g
    b, j = split_scale(gradients, axis=(-2, -1))
    sums = sum_of(a, axis=(-2, -1), keepdims=True)
    check_pole((sums == 0)[..., 0, 0] & (a != 0).any(axis=(-2, -1)), "XGrad-CAM", "S_k is 0")
    return times_power_of_two(share(sum_of(a * b, axis=(-2, -1), keepdims=True), sums), j)[..., 0, 0]


@method(
    "HiResCAM",
    r"\sum_k g^k \odot A^k",
    "Draelos and Carin, Use HiResCAM instead of Grad-CAM, 2020 (arXiv 2011.08891)",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
    weighs="cells",
)
def hirescam(feature_maps: Array, gradients: Array) -> Array:
    """L = Σ_k g^k ⊙ A^k: each cell is weighted by its own gradient.

    With a linear head, Σ_ij L is the score minus the bias.
    """
    return gradients * feature_maps


@method(
    "element-wise Grad-CAM",
    r"\sum_k \mathrm{ReLU}(g^k \odot A^k)",
    "pytorch-grad-cam, GradCAMElementWise",
    properties=("class-sensitive", "scaling"),
    weighs="cells",
)
def element_wise_grad_cam(feature_maps: Array, gradients: Array) -> Array:
    """L = Σ_k ReLU(g^k ⊙ A^k): HiResCAM with the ReLU before the sum.

    What speaks against the class is set to 0 before the sum, so it cannot outweigh what speaks for it.
    """
    return relu(gradients * feature_maps)


@method(
    "LayerCAM",
    r"\sum_k \mathrm{ReLU}(g^k) \odot A^k",
    "Jiang et al., LayerCAM, IEEE TIP 2021",
    properties=("class-sensitive", "scaling"),
    weighs="cells",
)
def layercam(feature_maps: Array, gradients: Array) -> Array:
    """L = Σ_k ReLU(g^k) ⊙ A^k: HiResCAM without the cells where the gradient is negative."""
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
    """α = v, the first right singular vector of the matrix (A^k_ij) with a row for each cell and a column for each k.

    Take each cell ij as a point with K coordinates. Then v is the direction in which these points lie farthest from the
    origin. The points are not centred. The method uses neither the class nor the gradients.

    The sign of v is arbitrary; it is chosen so that Σ L ≥ 0, or, where Σ L = 0, so that v's first non-zero component is
    positive. If no map has a negative cell, v and L have none either. If several directions are equally good, v is the
    one that LAPACK finds.
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
    """L = Σ_k v_k g^k ⊙ A^k: EigenCAM of the maps g^k ⊙ A^k. So it depends on the class.

    The sign of v is chosen as for EigenCAM.
    """
    products = gradients * feature_maps
    return compute_weighted_maps(_first_direction(products), products)


def _first_direction(maps: Array) -> Array:  # (..., K, H, W) -> (..., K)
    """Return the first right singular vector of the matrix cells × maps. The maps alone decide its sign."""
    maps, _ = split_scale(maps, axis=(-3, -2, -1))  # a direction has no scale, and LAPACK overflows near the largest
    cells = maps.reshape(*maps.shape[:-2], maps.shape[-2] * maps.shape[-1]).mT  # (..., H W, K)
    known = np.asarray(np.isfinite(cells).all(axis=(-2, -1)))  # one matrix with NaN, and np.linalg.svd refuses all
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
    """α_k = w^c_k, the head's weight from the mean of A^k to the score of class c.

    The head must average each map and then apply one Linear. Besides these two, it may have layers that only move
    numbers (Flatten). For such a head, Grad-CAM's α_k are CAM's divided by Z = H·W.

    Raises
    ------
    TypeError
        If the target is not a class.
    ValueError
        If the network has another head.
    """
    a, (_, head) = evidence.feature_maps, evidence.network.split(evidence.layer)
    if evidence.class_index.dtype == object:
        raise TypeError("CAM explains the score of a class, no other target.")
    activations = head.activations(a)
    means = next((name for name, values in activations.items() if math.prod(values.shape[1:]) == a.shape[1]), None)
    pooling = None if means is None else head.split(means)[0]
    if pooling is None or not _is_one_linear_layer(head, a.shape) or not _averages_each_map(pooling, a):
        came = [type(layer).__name__ for _, layer in head.row]
        raise ValueError(f"CAM needs a head that averages each map of {evidence.layer!r} and a Linear, got {came}.")
    *_, scores = activations.values()
    grad_scores = score_of(evidence.class_index, scores).gradient
    alphas = head.gradients(activations, grad_scores, to=str(means))[str(means)].reshape(a.shape[:2])
    return alphas, compute_weighted_maps(alphas, a)


def _is_one_linear_layer(head: Network, input_shape: Shape) -> bool:
    """Whether each layer says that it is affine, and exactly one has weights."""
    shapes = Network(head.row).shapes(input_shape).values()  # the input of each layer, then the output
    is_affine = [layer.affine(shape) is not None for (_, layer), shape in zip(head.row, shapes, strict=False)]
    return all(is_affine) and sum(bool(layer.parameters) for _, layer in head.row) == 1


def _averages_each_map(pooling: Network, a: Array) -> bool:
    """Whether output k is the mean of A^k, given that the outputs are linear in A, by layers without weights.

    If so, the gradient of output k is 1/Z in each cell of A^k, and 0 elsewhere.
    """
    if pooling.parameters:
        return False
    maps, height, width = a.shape[1:]
    one_each = zeros((maps, maps), like=a)
    one_each[np.arange(maps), np.arange(maps)] += 1  # row k is the gradient by output k
    x = zeros((maps, maps, height, width), like=a)
    gradient = pooling.backward(one_each.reshape(pooling.output_shape(x.shape)), x)
    mean = (one_each / (height * width))[:, :, None, None]
    if a.dtype == object:
        return bool((gradient == mean).all())
    # Means of means divide once in each layer, and each division rounds by eps / 2 at most.
    return bool((np.abs(gradient - mean) <= (len(pooling.row) + 1) * np.finfo(a.dtype).eps * mean).all())
