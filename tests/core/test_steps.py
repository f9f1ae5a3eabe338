"""The laws of Grad-CAM: of the map, for given A and g, and of the whole network."""

from dataclasses import replace
from fractions import Fraction

import definitions
import numpy as np
from helpers import pattern, same
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import maps_and_gradients, network_cases, tensors

from numpycam import AvgPool2d, Conv2d, Flatten, Linear, Network, grad_cam, grad_cam_from_maps
from numpycam.core.steps import compute_alphas
from numpycam.exact import as_fractions

STAGES = ["feature_maps", "gradients", "alphas", "weighted_maps", "weighted_sum", "localization_map"]


def weighted_sum(feature_maps, gradients):
    return grad_cam_from_maps(feature_maps, gradients).weighted_sum


def localization_map(feature_maps, gradients):
    return grad_cam_from_maps(feature_maps, gradients).localization_map


# --- Of the map, for given A and g ------------------------------------------------------------------


@given(maps_and_gradients())
def test_cam_def(drawn):
    explanation = grad_cam_from_maps(*drawn)
    stages = ("alphas", "weighted_sum", "localization_map")
    for stage, expected in zip(stages, definitions.grad_cam(*drawn), strict=True):
        assert same(getattr(explanation, stage), expected)


@given(maps_and_gradients(4), st.integers(-3, 3))
def test_cam_lin(drawn, s):
    """The weighted sum is linear in g for fixed A, and in A for fixed g."""
    a, g, b, h = drawn
    assert same(weighted_sum(a, s * g + h), s * weighted_sum(a, g) + weighted_sum(a, h))
    assert same(weighted_sum(s * a + b, g), s * weighted_sum(a, g) + weighted_sum(b, g))


@given(maps_and_gradients(), st.fractions(0, 3, max_denominator=4))
def test_cam_hom(drawn, s):
    a, g = drawn
    assert same(localization_map(a, s * g), s * localization_map(a, g))
    assert same(localization_map(s * a, g), s * localization_map(a, g))


@given(maps_and_gradients(), st.randoms(use_true_random=False))
def test_cam_perm(drawn, random):
    a, g = drawn
    order = random.sample(range(len(a)), len(a))
    assert same(localization_map(a[order], g[order]), localization_map(a, g))


@given(maps_and_gradients())
def test_cam_flip(drawn):
    a, g = drawn
    assert same(localization_map(a[:, ::-1], g[:, ::-1]), localization_map(a, g)[::-1])
    assert same(localization_map(a[:, :, ::-1], g[:, :, ::-1]), localization_map(a, g)[:, ::-1])
    assert same(localization_map(a.swapaxes(1, 2), g.swapaxes(1, 2)), localization_map(a, g).T)


@given(maps_and_gradients(), st.randoms(use_true_random=False))
def test_cam_blind(drawn, random):
    """Any rearrangement of a gradient map within itself changes nothing: Grad-CAM does not see where g is."""
    a, g = drawn
    shuffled = g.copy()
    for k in range(len(g)):
        cells = list(g[k].flat)
        random.shuffle(cells)
        shuffled[k].flat = cells
    assert same(weighted_sum(a, shuffled), weighted_sum(a, g))


@given(maps_and_gradients(), st.fractions(-2, 2, max_denominator=3))
def test_cam_dup(drawn, weight):
    """A map split into two copies whose weights sum to 1 counts as before."""
    a, g = drawn
    split = np.concatenate([weight * g[:1], g[1:], (1 - weight) * g[:1]])
    assert same(weighted_sum(np.concatenate([a, a[:1]]), split), weighted_sum(a, g))


@given(maps_and_gradients(), st.integers(-3, 3))
def test_cam_notshift(drawn, c):
    """A → A + c with c taken back behind it is the same function with the same g, but L moves by c Σ α."""
    a, g = drawn
    moved = grad_cam_from_maps(a + Fraction(c), g)
    assert same(moved.weighted_sum, weighted_sum(a, g) + c * moved.alphas.sum())


@given(maps_and_gradients())
def test_cam_cf(drawn):
    """The counterfactual map is Grad-CAM of -y, and the two are the halves of L."""
    a, g = drawn
    explanation, negated = grad_cam_from_maps(a, g), grad_cam_from_maps(a, -g)
    assert same(explanation.counterfactual_map, negated.localization_map)
    assert same(explanation.localization_map - negated.localization_map, explanation.weighted_sum)
    assert not (explanation.localization_map * negated.localization_map).any()


@given(maps_and_gradients())
def test_cam_zero(drawn):
    a, g = drawn
    assert not localization_map(a, 0 * g).any()
    assert not localization_map(0 * a, g).any()
    assert not grad_cam_from_maps(a, 0 * g).channel_shares.any()


@given(maps_and_gradients(), st.integers(1, 5), st.booleans())
def test_shares_are_free_of_scale_and_sum_to_one(drawn, s, negative):
    a, g = drawn
    shares = grad_cam_from_maps(a, g).channel_shares
    assert (shares >= 0).all()
    assert shares.sum() == (1 if (compute_alphas(g)[:, None, None] * a).any() else 0)
    assert same(grad_cam_from_maps(a / Fraction(s), (-s if negative else s) * g).channel_shares, shares)


# --- Of the whole network ---------------------------------------------------------------------------


@given(network_cases(), st.integers(0, 1), st.data())
def test_cam_shift(case, c, data):
    """α_k = (1/Z) (y(A + t 1_k) - y(A)) / t, for a finite t in one linear piece: the meaning of the average."""
    network, x = case
    explanation = grad_cam(network, x[0], c)
    _, head = network.split("target")
    maps = explanation.feature_maps
    k = data.draw(st.integers(0, len(maps) - 1))
    unit = 0 * maps
    unit[k] += 1
    t = step_within_a_piece(head, maps, unit)
    change = head((maps + t * unit)[None])[0, c] - head(maps[None])[0, c]
    assert explanation.alphas[k] == change / t / maps[k].size


@given(network_cases(), st.integers(0, 1))
def test_shapley_cam_is_grad_cam(case, c):
    """Shapley-CAM's α_k is the mean of g - ½ H A, with the second derivatives H: of linear pieces these are 0."""
    network, x = case
    explanation, (_, head) = grad_cam(network, x[0], c), network.split("target")
    maps, gradients = explanation.feature_maps, explanation.gradients
    t = step_within_a_piece(head, maps, maps)
    one_hot = as_fractions([[int(c == 0), int(c == 1)]])
    product = (head.backward(one_hot, (maps + t * maps)[None])[0] - gradients) / t  # H A
    assert same((gradients - product / 2).sum(axis=(1, 2)) / maps[0].size, explanation.alphas)


def step_within_a_piece(network, x, direction):
    """A step t for which x and x + t · direction lie in one linear piece of the network."""
    t = Fraction(1)
    while not all(map(same, pattern(network, x[None]), pattern(network, (x + t * direction)[None]))):
        t /= 2
        assume(t > Fraction(1, 2**20))
    return t


@given(network_cases(), st.integers(0, 1))
def test_cam_is_that_of_its_maps_and_gradients(case, c):
    network, x = case
    explanation = grad_cam(network, x, c)
    _, head = network.split("target")
    u = as_fractions(np.zeros((len(x), 2)))
    u[:, c] += 1
    assert same(explanation.gradients, head.backward(u, explanation.feature_maps))
    assert same(explanation.score, network(x)[:, c])
    from_maps = grad_cam_from_maps(explanation.feature_maps, explanation.gradients)
    assert all(same(getattr(explanation, stage), getattr(from_maps, stage)) for stage in STAGES)


@given(network_cases())
def test_cam_zero_head_row(case):
    network, x = case
    *body, (name, linear) = network.layers
    silent = Network([*body, (name, replace(linear, weight=linear.weight * as_fractions([[1], [0]])))], "target")
    assert not grad_cam(silent, x, 1).localization_map.any()


@given(network_cases(), st.fractions(-2, 2, max_denominator=2))
def test_cam_const_logit(case, constant):
    network, x = case
    *body, (name, linear) = network.layers
    moved = Network([*body, (name, replace(linear, bias=linear.bias + constant))], network.target_layer)
    assert same(grad_cam(moved, x, 1).weighted_sum, grad_cam(network, x, 1).weighted_sum)


@given(network_cases(head="gap"), st.integers(0, 1))
def test_cam_cam(case, c):
    """With a global average and a Linear behind A, Grad-CAM is CAM divided by Z (Zhou et al. 2016)."""
    network, x = case
    explanation = grad_cam(network, x[0], c)
    cam = sum(w * a for w, a in zip(network["linear"].weight[c], explanation.feature_maps, strict=True))
    assert same(explanation.weighted_sum, cam / Fraction(cam.size))


@given(network_cases(), st.integers(-2, 2), st.integers(-2, 2))
def test_cam_mixing(case, below, above):
    """Maps mixed by an invertible 1 × 1 convolution, and unmixed behind it, leave the weighted sum unchanged."""
    network, x = case
    features, head = network.split("target")
    maps = network["target"].weight.shape[0]
    lower, upper = np.eye(maps, dtype=int), np.eye(maps, dtype=int)
    lower[1, 0], upper[0, 1] = below, above
    lower[-1, 0], upper[0, -1] = below or 1, above  # the third map too, where there is one
    mix = lower @ upper
    unmix = np.rint(np.linalg.inv(mix)).astype(int)
    assert (mix @ unmix == np.eye(maps)).all()
    mixing, unmixing = (Conv2d(as_fractions(m)[:, :, None, None]) for m in (mix, unmix))
    mixed = Network([*features.layers, ("mix", mixing), ("unmix", unmixing), *head.layers], target_layer="mix")
    assert same(grad_cam(mixed, x, 0).weighted_sum, grad_cam(network, x, 0).weighted_sum)


@given(network_cases(head="linear"), st.data())
def test_avg_cam(case, data):
    """One layer before an average pool, Grad-CAM is a finer version of the same map: its block means are L / k²."""
    network, x = case
    features, _ = network.split("target")
    pool = AvgPool2d((1, 2))
    _, maps, height, width = features.output_shape(x.shape)
    assert width % 2 == 0
    body = [(name, layer) for name, layer in features.layers if name != "target"]
    linear = Linear(data.draw(tensors((2, maps * height * width // 2))))
    pooled = Network([*body, ("target", network["target"]), ("halve", pool), ("flat", Flatten()), ("linear", linear)])
    fine, coarse = grad_cam(pooled, x, 0, layer="target"), grad_cam(pooled, x, 0, layer="halve")
    assert same(pool(fine.weighted_sum[:, None])[:, 0], coarse.weighted_sum / Fraction(2))


@given(network_cases())
def test_a_batch_is_its_images(case):
    network, x = case
    both = grad_cam(network, np.concatenate([x, x]), [0, 1] * len(x))
    assert len(both) == 2 * len(x)
    for n, explanation in enumerate(both):
        alone = grad_cam(network, both.image[n], n % 2)
        assert explanation.class_index == alone.class_index == n % 2
        assert explanation.score == alone.score
        assert all(same(getattr(explanation, stage), getattr(alone, stage)) for stage in STAGES)
        assert same(explanation.counterfactual_map, alone.counterfactual_map)
        assert same(both.channel_shares[n], alone.channel_shares)
