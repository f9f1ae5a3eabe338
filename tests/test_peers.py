"""Our maps against the recorded answers of pytorch-grad-cam, torchcam and captum: where they agree, and where not."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import DOCS, rounding, same, script
from peers.cases import AGREEMENT, CASES, STEPS, STRIDE, WINDOW
from peers.disagreements import NAMES, RECORD, TABLE

from numpycam import Conv2d, grad_cam, methods
from numpycam.exact import as_floats
from numpycam.methods.recipe import PoleError
from numpycam.resize import resize
from numpycam.targets import Probability

with np.load(AGREEMENT) as file:
    ANSWERS = dict(file)

EQUAL = {  # what only adds, multiplies and takes means: no tolerance
    "grad-cam/GradCAM": methods.grad_cam,
    "grad-cam/HiResCAM": methods.hirescam,
    "grad-cam/GradCAMElementWise": methods.element_wise_grad_cam,
    "grad-cam/LayerCAM": methods.layercam,
    "torchcam/GradCAM": methods.grad_cam,
    "torchcam/LayerCAM": methods.layercam,
    "torchcam/CAM": methods.cam,
    "captum/LayerGradCam": methods.grad_cam,
    "captum/LayerGradientXActivation": methods.hirescam,
}
EQUAL_AT_THE_IMAGE = {  # channel by channel
    "captum/input/Saliency": (methods.gradient, {}),
    "captum/input/InputXGradient": (methods.gradient_times_input, {}),
    "captum/input/GuidedBackprop": (methods.guided_backprop, {}),
    "grad-cam/input/GuidedBackpropReLUModel": (methods.guided_backprop, {}),
    "captum/input/IntegratedGradients": (methods.integrated_gradients, {"steps": STEPS}),
    "captum/input/Occlusion": (methods.occlusion, {"size": WINDOW, "stride": STRIDE}),
}
EPSILONS = {"grad-cam/GradCAMPlusPlus": 1e-6, "grad-cam/XGradCAM": 1e-7, "torchcam/XGradCAM": 1e-8}


def cases_of(peer_and_name):
    """Each case and layer at which a peer was asked: (the case's name, the layer, its answer)."""
    peer, name = peer_and_name.split("/")
    found = []
    for key, answer in ANSWERS.items():
        case, asked, layer, what = key.split("/")
        if (asked, what) == (peer, name):
            found.append((CASES[case], layer, answer))
    assert found
    return found


def not_zero(answer):
    return (np.abs(answer).reshape(len(answer), -1).max(axis=1) > 0).all()


@pytest.mark.parametrize("peer", EQUAL)
def test_the_map_before_relu_is_equal(peer):
    for case, layer, answer in cases_of(peer):
        assert not_zero(answer)
        assert same(EQUAL[peer](case.network, case.images, case.classes, layer).weighted_sum, answer)


@pytest.mark.parametrize("peer", EQUAL_AT_THE_IMAGE)
def test_the_map_at_the_image_is_equal(peer):
    method, options = EQUAL_AT_THE_IMAGE[peer]
    for name, case in CASES.items():
        asked, layer, what = peer.split("/")
        answer = ANSWERS[f"{name}/{asked}/{layer}/{what}"]
        explanation = method(case.network, case.images, case.classes, **options)
        ours = explanation.weighted_maps if answer.ndim == 4 else explanation.weighted_sum
        assert not_zero(answer)
        assert same(ours, answer)


def test_smoothgrad_without_noise_is_captums_gradient():
    for name, case in CASES.items():
        ours = methods.smooth_grad(case.network, case.images, case.classes, sigma=0.0, samples=4)
        assert same(ours.weighted_maps, ANSWERS[f"{name}/captum/input/Saliency"])


def test_guided_grad_cam_is_captums_where_the_map_is_resized_bilinearly():
    for case, layer, answer in cases_of("captum/GuidedGradCam"):
        ours = methods.guided_grad_cam(case.network, case.images, case.classes, cam_layer=layer).weighted_maps
        assert not_zero(answer)
        assert same(ours, answer)


@pytest.mark.parametrize("peer", EPSILONS)
def test_weights_with_an_epsilon_in_the_denominator_are_near(peer):
    """n/(d + ε) differs from n/d by n/d · ε/(d + ε); each weight is a sum of Z of them, the map one of K weights."""
    epsilon = EPSILONS[peer]
    for case, layer, answer in cases_of(peer):
        method = methods.xgrad_cam if "XGrad" in peer else methods.grad_cam_plus_plus
        seen, ours = (
            grad_cam(case.network, case.images, case.classes, layer),
            method(case.network, case.images, case.classes, layer),
        )
        maps, g = seen.feature_maps, seen.gradients
        sums = maps.sum(axis=(2, 3), keepdims=True)
        if method is methods.xgrad_cam:
            numerators, divisors = maps * g, np.where((maps == 0).all(axis=(2, 3), keepdims=True), 1, sums)
        else:
            numerators, divisors = g**2 * np.maximum(g, 0), np.where(g > 0, 2 * g**2 + sums * g**3, 1)
        sizes = np.abs(numerators / divisors)
        operations = maps[0].size + 8  # Z cells, K maps, and those of one term
        off = sizes * (np.abs(epsilon / (divisors + epsilon)) + 2 * float(rounding(operations)))
        bound = (off.sum(axis=(2, 3), keepdims=True) * np.abs(maps)).sum(axis=1)
        assert not_zero(answer)
        assert (np.abs(ours.weighted_sum - answer) <= bound).all()


@pytest.mark.parametrize("name", ["EigenCAM", "EigenGradCAM"])
def test_eigen_cam_is_pytorch_grad_cams_of_centred_maps_up_to_the_sign(name):
    """It centres the columns, and returns float32. Rounding turns v by n u σ1²/(σ1² - σ2²)."""
    for case, layer, answer in cases_of(f"grad-cam/{name}"):
        seen = grad_cam(case.network, case.images, case.classes, layer)
        maps = seen.feature_maps * (seen.gradients if name == "EigenGradCAM" else 1)
        centred = maps - maps.mean(axis=(2, 3), keepdims=True)
        ours = methods.eigen_cam.from_maps(centred, np.ones_like(centred)).weighted_sum
        sizes = np.linalg.svd(centred.reshape(*maps.shape[:2], -1), compute_uv=False) ** 2
        turn = 100 * maps[0].size * np.finfo(float).eps * sizes[:, 0] / (sizes[:, 0] - sizes[:, 1])
        bound = (turn * np.sqrt(sizes[:, 0]))[:, None, None] + np.abs(answer) * float(rounding(1, np.float32))
        signs = np.sign((ours * answer).sum(axis=(1, 2), keepdims=True))
        assert not_zero(answer)
        assert (np.abs(signs * ours - answer) <= bound).all()


@pytest.mark.parametrize("peer", ["grad-cam/ScoreCAM", "torchcam/ScoreCAM"])
def test_score_cam_is_theirs_where_nothing_is_resized(peer):
    """At the image's size. A mask is off by ε/(max - min + ε) of itself, a score by that of its terms, p by twice."""
    epsilon = 1e-8
    asked = [
        (case, layer, answer) for case, layer, answer in cases_of(peer) if answer.shape[1:] == case.images.shape[2:]
    ]
    assert len(asked) >= 4
    for case, layer, answer in asked:
        ours = methods.score_cam(case.network, case.images, case.classes, layer)
        terms = absolute(case.network)(np.abs(case.images)).max()
        spreads = np.ptp(ours.feature_maps, axis=(2, 3)).min()
        precision = np.float32 if peer.startswith("grad-cam") else np.float64  # in which the scores are kept
        of_score = terms * (epsilon / spreads + 2 * float(rounding(200))) + 2 * terms * float(rounding(8, precision))
        bound = 2 * of_score * np.abs(ours.feature_maps).sum(axis=1)
        assert not_zero(answer)
        assert (np.abs(ours.weighted_sum - answer) <= bound).all()
        assert ((ours.alphas > 0.01).sum(axis=1) > 1).any() or case is not CASES["soft"]  # more than one map counts


def absolute(network):
    """The network with the absolute values of its parameters: what bounds each sum of terms."""
    return type(network)([
        (name, replace(layer, **{key: np.abs(value) for key, value in layer.parameters.items()}))
        for name, layer in network.layers
    ])  # fmt: skip


def test_ablation_cam_is_pytorch_grad_cams_where_the_smallest_cell_is_0():
    """It takes (y - y_k)/y in float32, in which the scores are exact; the map is a sum of K of these weights."""
    for case, layer, answer in cases_of("grad-cam/AblationCAM"):
        ours = methods.ablation_cam(case.network, case.images, case.classes, layer)
        assert (ours.score > 0).all()
        sizes = np.abs(ours.weighted_maps).sum(axis=1)
        assert not_zero(answer)
        assert (np.abs(ours.weighted_sum - answer) <= sizes * float(rounding(2, np.float32) + 2 * rounding(8))).all()


def test_what_pytorch_grad_cam_returns_is_our_map_resized_and_scaled_twice():
    """In float32: some ten operations, then divided by the peak that is left after resizing."""
    for name in ("GradCAM shown", "ShapleyCAM shown"):  # where all is piecewise linear, Shapley-CAM is Grad-CAM
        for case, layer, answer in cases_of(f"grad-cam/{name}"):
            ours = methods.grad_cam(case.network, case.images, case.classes, layer).localization_map
            large = resize(scaled(ours), case.images.shape[2:])
            bound = float(rounding(12, np.float32)) / large.max(axis=(1, 2), keepdims=True)
            assert not_zero(answer)
            assert (np.abs(scaled(large) - answer) <= bound).all()


def scaled(maps):
    """From the minimum to the maximum, as pytorch-grad-cam does it."""
    low = maps - maps.min(axis=(-2, -1), keepdims=True)
    return low / (1e-7 + low.max(axis=(-2, -1), keepdims=True))


def test_grad_cam_of_a_probability_is_pytorch_grad_cams():
    """Each exponential is off by a few u and by y u; the gradient is a sum over classes, weighed by less than 1."""
    for case, layer, answer in cases_of("grad-cam/softmax GradCAM"):
        for n, c in enumerate(case.classes):
            ours = methods.grad_cam(case.network, case.images[n], Probability(c), layer)
            of_one = [methods.grad_cam(case.network, case.images[n], k, layer).gradients for k in range(3)]
            sizes = np.abs(of_one).sum(axis=0).mean(axis=(1, 2))  # |∂y_k/∂A|, each weighed by at most 1
            bound = (sizes[:, None, None] * np.abs(ours.feature_maps)).sum(axis=0)
            y = np.abs(case.network(case.images[n : n + 1])).max()
            bound *= float(rounding(64 + int(2 * y) + ours.feature_maps.size))
            assert (np.abs(ours.weighted_sum - answer[n]) <= bound).all()
    assert not_zero(ANSWERS["soft/grad-cam/conv1/softmax GradCAM"])


def test_full_grad_is_pytorch_grad_cams_but_for_its_scaling():
    """It scales what each channel contributes, then adds all; we add what each channel contributes."""
    for name, case in CASES.items():
        answer, ours = (
            ANSWERS[f"{name}/grad-cam/input/FullGrad"],
            methods.full_grad(case.network, case.images, case.classes),
        )
        size = case.images.shape[2:]
        seen = grad_cam(case.network, case.images, case.classes, "input")
        parts = [np.abs(seen.gradients * case.images)]
        for layer_name, layer in case.network.layers:
            if isinstance(layer, Conv2d):
                gradients = grad_cam(case.network, case.images, case.classes, layer_name).gradients
                parts.append(np.abs(gradients * layer.bias[:, None, None]))
        for part, ours_of_layer in zip(parts, ours.weighted_maps.swapaxes(0, 1), strict=True):
            assert same(resize(part.sum(axis=1), size), ours_of_layer)
        total = sum(resize(scaled(part), size).sum(axis=1) for part in parts)
        channels = sum(part.shape[1] for part in parts)
        assert not_zero(answer)
        assert (np.abs(total - answer) <= channels * float(rounding(8 + channels, np.float32))).all()


IN_PLACE = "in-place", "in-place sum"  # captum copies the maps before a layer overwrites them
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


@ROWS
def test_ours_is_the_equations_value(row):
    if row.equation is None:
        with pytest.raises(PoleError):
            row.ours()
        return
    ours, equation = np.array(row.ours()), np.array(row.equation)
    assert ours.shape == equation.shape
    if row.tolerance:
        assert (np.abs(ours - equation) <= row.tolerance).all()
    else:
        assert ((ours == equation) | (ours != ours) & (equation != equation)).all()  # NaN where it is NaN


@ROWS
def test_the_peers_is_another(row):
    for peer in row.peers:
        answer = row.answer(peer)
        if answer.dtype.kind == "U":
            assert "Error" in str(answer)
            continue
        if row.equation is None:
            assert np.isfinite(answer).all()
            continue
        equation = np.array(row.equation).astype(float)
        assert answer.size == equation.size
        answer = answer.reshape(equation.shape)
        off = np.abs(answer - equation) > row.tolerance + float(rounding(100)) * np.abs(equation)
        assert (off | (np.isnan(answer) != np.isnan(equation))).any()


def test_every_recorded_disagreement_has_a_row():
    recorded = {(peer, name) for peer, of_peer in RECORD.items() for name in of_peer["answers"]}
    agreeing = {("captum", name) for name in IN_PLACE}
    assert recorded - agreeing == {(peer, row.name) for row in TABLE for peer in row.peers}


@pytest.mark.parametrize("name", IN_PLACE)
def test_captum_alone_keeps_the_maps_before_they_are_overwritten(name):
    (row,) = [row for row in TABLE if row.name == name]
    equation = as_floats(row.equation)
    assert (np.abs(row.answer("captum") - equation) <= float(rounding(8)) * 15).all()


@pytest.mark.parametrize("name", ["disagreements", "conformance"])
def test_the_page_shows_what_is_recorded(name):
    written = script(f"{name}.py")["page"]()
    assert (DOCS / f"{name}.md").read_text() == written


def test_each_report_is_about_recorded_disagreements():
    """Five of them: the reports say so in their titles."""
    reports = (DOCS / "upstream.md").read_text().split("\n## ")[1:]
    assert len(reports) == 5
    assert {report.partition(":")[0] for report in reports} <= set(NAMES.values())
    assert all("```python" in report and "This prints" in report.replace("this", "This") for report in reports)
