"""Ask the peers, and keep what they answer.

cd tests && python -m peers.record     # with numpycam, torch, grad-cam, torchcam and captum installed

It writes agreement.npz, their maps of the networks of cases.py, and disagreements.json, what they return where they
part ways with the equation, with versions. Nothing of theirs is scaled: where a peer returns no raw map, its own
internal function is asked for it.
"""

import json
from importlib import metadata

import numpy as np

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU, Residual
from numpycam.exact import as_floats
from peers.cases import AGREEMENT, CASES, DISAGREEMENTS, STEPS, STRIDE, WINDOW, WITHOUT_BODY, in_floats


def module_of(network, inplace=False):
    """The network in torch, in float64 and eval mode."""
    import torch
    from torch import nn

    def with_parameters(module, layer):
        for name, value in layer.parameters.items():
            setattr(module, name, nn.Parameter(torch.tensor(value)))
        return module

    def conv(layer):
        out_channels, channels, *size = layer.weight.shape
        options = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias is not None}
        return with_parameters(nn.Conv2d(channels, out_channels, size, **options), layer)

    class Block(nn.Module):
        """As the blocks of torchvision's ResNets: the sum overwrites what the body returned."""

        def __init__(self, layer):
            super().__init__()
            self.body, self.shortcut = module_of(layer.body), module_of(layer.shortcut)

        def forward(self, x):
            out = self.body(x)
            out += self.shortcut(x)
            return out

    kinds = {
        Conv2d: conv,
        Residual: Block,
        Linear: lambda a: with_parameters(nn.Linear(*a.weight.shape[::-1], bias=a.bias is not None), a),
        ReLU: lambda _: nn.ReLU(inplace=inplace),
        MaxPool2d: lambda a: nn.MaxPool2d(a.kernel_size, a.stride),
        Flatten: lambda _: nn.Flatten(),
        GlobalAvgPool2d: lambda _: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }
    module = nn.Sequential()
    for name, layer in network.layers:
        module.add_module(name, kinds[type(layer)](layer))
    return module.double().eval()


def array(tensor):
    return np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor)


# --- Whole maps --------------------------------------------------------------------------------------


def grad_cam(case):
    """pytorch-grad-cam: at each layer the map before ReLU and scaling, and for Grad-CAM what it returns."""
    import pytorch_grad_cam as peer
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget

    names = ["GradCAM", "GradCAMPlusPlus", "XGradCAM", "HiResCAM", "GradCAMElementWise", "LayerCAM", "EigenCAM"]
    names += ["EigenGradCAM", "ShapleyCAM", "ScoreCAM", "AblationCAM", "softmax GradCAM"]
    x = torch.tensor(case.images)
    for layer in case.layers:
        for name in names:
            if name == "AblationCAM" and case.network.split(layer)[0](case.images).min() < 0:
                continue  # then it does something else: see below
            module = module_of(case.network)
            target = ClassifierOutputSoftmaxTarget if name.startswith("softmax") else ClassifierOutputTarget
            targets = [target(c) for c in case.classes]
            cam = getattr(peer, name.split()[-1])(module, [module.get_submodule(layer)])
            shown, held = cam(x, targets), cam.activations_and_grads
            if name == "ShapleyCAM":  # its second derivatives are gone with the first call
                yield f"{layer}/{name} shown", shown
                continue
            maps, gradients = (value[0].numpy() if value else None for value in (held.activations, held.gradients))
            yield f"{layer}/{name}", cam.get_cam_image(x, cam.target_layers[0], targets, maps, gradients, False)
            if name == "GradCAM":
                yield f"{layer}/{name} shown", shown
    cam = peer.FullGrad(module_of(case.network), [])
    cam.aggregate_multi_layers = lambda maps: maps[:, 0]  # as they are, before the last scaling
    yield "input/FullGrad", cam(x, [ClassifierOutputTarget(c) for c in case.classes])
    guided = peer.GuidedBackpropReLUModel(module_of(case.network))
    single = [guided(torch.tensor(one[None]), c) for one, c in zip(case.images, case.classes, strict=True)]
    yield "input/GuidedBackpropReLUModel", np.stack(single).transpose(0, 3, 1, 2)


def torchcam(case):
    import torch
    from torchcam import methods as peer

    for layer in case.layers:
        for name in ["GradCAM", "XGradCAM", "LayerCAM", "ScoreCAM", "CAM"]:
            if name == "CAM" and next(iter(case.network.split(layer)[1].layers))[0] != "gap":
                continue  # it would answer, but there it is not defined
            module = module_of(case.network)
            with getattr(peer, name)(module, layer, input_shape=case.images.shape[1:]) as cam:
                scores = module(torch.tensor(case.images))
                cam._relu = False
                yield f"{layer}/{name}", array(cam(case.classes, scores, normalized=False)[0])


def captum(case):
    import torch
    from captum import attr as peer

    x, target = torch.tensor(case.images), torch.tensor(case.classes)
    for layer in case.layers:
        module = module_of(case.network)
        for name in ["LayerGradCam", "LayerGradientXActivation"]:
            maps = getattr(peer, name)(module, module.get_submodule(layer)).attribute(x, target=target)
            yield f"{layer}/{name}", array(maps.sum(1))
        guided = peer.GuidedGradCam(module, module.get_submodule(layer))
        yield f"{layer}/GuidedGradCam", array(guided.attribute(x, target=target, interpolate_mode="bilinear"))
    module = module_of(case.network)
    x.requires_grad_()
    yield "input/Saliency", array(peer.Saliency(module).attribute(x, target=target))
    yield "input/InputXGradient", array(peer.InputXGradient(module).attribute(x, target=target))
    yield "input/GuidedBackprop", array(peer.GuidedBackprop(module).attribute(x, target=target))
    options = {"n_steps": STEPS, "method": "riemann_middle"}
    yield "input/IntegratedGradients", array(peer.IntegratedGradients(module).attribute(x, target=target, **options))
    occlusion, windows = peer.Occlusion(module), (x.shape[1], WINDOW, WINDOW)
    found = occlusion.attribute(x, sliding_window_shapes=windows, strides=(x.shape[1], STRIDE, STRIDE), target=target)
    yield "input/Occlusion", array(found[:, 0])


# --- A few numbers, where they part ways ------------------------------------------------------------


def grad_cam_of(question, name, what="map", inplace=False, layer=None):
    """Of class 0 at the layer, or else the target layer: the "weights", the "map" before ReLU, or what it "returns"."""
    import pytorch_grad_cam as peer
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget

    network, image = in_floats(question)
    module, x, targets = module_of(network, inplace), torch.tensor(image[None]), [ClassifierOutputTarget(0)]
    if name == "FinerCAM":  # which is Grad-CAM of this
        name, targets = "GradCAM", [FinerWeightedTarget(0, [1, 2], 1)]
    at = module.get_submodule(layer or network.target_layer)
    cam = getattr(peer, name)(module, [] if name == "FullGrad" else [at])
    if name == "FullGrad":
        cam.aggregate_multi_layers = lambda maps: maps[:, 0]
    returned, held = cam(x, targets), cam.activations_and_grads
    if what == "returns":
        return returned[0]
    maps, gradients = (value[0].numpy() if value else None for value in (held.activations, held.gradients))
    if what == "weights":
        return cam.get_cam_weights(x, cam.target_layers[0], targets, maps, gradients)[0]
    return cam.get_cam_image(x, cam.target_layers[0], targets, maps, gradients, False)[0]


def turned(name):
    """By how much the first cell of L changes if maps are turned by 180°, and L is turned back."""
    return grad_cam_of("second cell", name)[0, 0] - grad_cam_of("first cell", name)[0, 1]


def left_by_shapley_cam():
    """How ``with ShapleyCAM(…)`` ends where a Flatten follows the layer, and what stays."""
    import pytorch_grad_cam as peer
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, image = in_floats("document")
    module = module_of(network)
    layer = module.get_submodule(network.target_layer)
    try:
        with peer.ShapleyCAM(module, [layer]) as cam:
            cam(torch.tensor(image[None]), [ClassifierOutputTarget(0)])
    except RuntimeError as error:
        return f"RuntimeError: {str(error).partition('.')[0]}. {len(layer._forward_hooks)} hooks stay"
    return cam


def torchcam_of(question, name, what="map", inplace=False, layer=None):
    """Of class 0 at the layer, or else the target layer: the "weights", the "map" before ReLU, or what it "returns"."""
    import torch
    from torchcam import methods as peer

    network, image = in_floats(question)
    module = module_of(network, inplace)
    with getattr(peer, name)(module, layer or network.target_layer, input_shape=image.shape) as cam:
        scores = module(torch.tensor(image[None]))
        if name == "FinerCAM":
            cam(0, scores)
            return array(cam.base_cam.hook_g[0].mean((2, 3)))[0]
        if what == "weights":
            return array(cam._get_weights(0, scores)[0])[0]
        cam._relu = what == "returns"
        return array(cam(0, scores, normalized=what == "returns")[0])[0]


def smooth_grad_cam_pp(question, *noises):
    """The weights of torchcam's Smooth Grad-CAM++ with these noises, one for each sample."""
    import torch
    from torchcam import methods as peer

    network, image = in_floats(question)
    module, given = module_of(network), iter(noises)
    layer, samples = network.target_layer, len(noises)
    with peer.SmoothGradCAMpp(module, layer, samples, input_shape=image.shape) as cam:
        cam._distrib.sample = lambda shape: torch.full(shape, next(given), dtype=torch.float64)
        module(torch.tensor(image[None]))
        return array(cam._get_weights(0)[0])[0]


def captum_of(question, name, inplace=False, layer=None, then=None, options=None, baseline=None, **arguments):
    """What ``attribute`` returns of class 0, at the layer or the target layer if it needs one; what is made of it."""
    import torch
    from captum import attr as peer

    network, image = in_floats(question)
    module, x = module_of(network, inplace), torch.tensor(image[None], requires_grad=True)
    at = [module.get_submodule(layer or network.target_layer)] if name.startswith("Layer") else []
    attribution = getattr(peer, name)(module, *at)
    if options is not None:
        attribution = peer.NoiseTunnel(attribution)
        torch.manual_seed(0)
        arguments |= options
    if baseline is not None:
        arguments["baselines"] = torch.tensor(as_floats(baseline)[None])
    found = attribution.attribute(x, target=0, **arguments)
    return array(then(peer.LayerAttribution, found) if then else found)[0]


def larger(**options):
    return lambda peer, maps: peer.interpolate(maps, (4, 4), **options).relu()[:, 0]


BODY = "block.body.conv"
ANSWERS = {
    "grad-cam": {
        "grad-cam++ pole": lambda: grad_cam_of("pole of Grad-CAM++", "GradCAMPlusPlus", "weights"),
        "grad-cam++ small": lambda: grad_cam_of("small gradient", "GradCAMPlusPlus", "weights"),
        "xgrad-cam pole": lambda: grad_cam_of("sum of 0", "XGradCAM", "weights"),
        "ablation-cam": lambda: grad_cam_of("document", "AblationCAM", "weights"),
        "ablation-cam order": lambda: grad_cam_of("document, channels backwards", "AblationCAM", "weights")[::-1],
        "ablation-cam sign": lambda: grad_cam_of("negative score", "AblationCAM", "weights"),
        "eigen-cam": lambda: grad_cam_of("document", "EigenCAM"),
        "eigen-cam turned": lambda: np.rot90(grad_cam_of("document, turned", "EigenCAM"), -1),
        "eigen-cam nan": lambda: grad_cam_of("NaN", "EigenCAM"),
        "score-cam": lambda: grad_cam_of("peak", "ScoreCAM", "weights"),
        "finer-cam": lambda: grad_cam_of("classes", "FinerCAM", "weights"),
        "full-grad": lambda: grad_cam_of("channels of 1 and 100", "FullGrad", "returns"),
        "least cell": lambda: grad_cam_of("1 to 4", "GradCAM", "returns"),
        "constant map": lambda: grad_cam_of("constant", "GradCAM", "returns"),
        "small map": lambda: grad_cam_of("small", "GradCAM", "returns"),
        "nan": lambda: grad_cam_of("NaN", "GradCAM", "returns"),
        "in-place": lambda: grad_cam_of("document with a ReLU", "GradCAM", inplace=True),
        "in-place sum": lambda: grad_cam_of("block", "GradCAM", layer=BODY),
        "shapley-cam": left_by_shapley_cam,
        "eigen-cams turned": lambda: [turned(name) for name in ("EigenGradCAM", "SegEigenCAM", "KPCA_CAM")],
        "eigen-cams float32": lambda: [
            np.abs(np.diff(grad_cam_of("a tenth, second", name)))[0, 0]
            for name in ("EigenCAM", "EigenGradCAM", "SegEigenCAM")
        ],
    },
    "torchcam": {
        "grad-cam++": lambda: torchcam_of("document", "GradCAMpp", "weights"),
        "xgrad-cam pole": lambda: torchcam_of("sum of 0", "XGradCAM", "weights"),
        "score-cam": lambda: torchcam_of("peak", "ScoreCAM", "weights"),
        "finer-cam": lambda: torchcam_of("classes", "FinerCAM"),
        "least cell": lambda: torchcam_of("1 to 4", "GradCAM", "returns"),
        "constant map": lambda: torchcam_of("constant", "GradCAM", "returns"),
        "small map": lambda: torchcam_of("small", "GradCAM", "returns"),
        "nan": lambda: torchcam_of("NaN", "GradCAM"),
        "in-place": lambda: torchcam_of("document with a ReLU", "GradCAM", inplace=True),
        "in-place sum": lambda: torchcam_of("block", "GradCAM", layer=BODY),
        "smooth-grad-cam++": lambda: np.concatenate(
            [
                smooth_grad_cam_pp("a cell, and another one", 0.0),
                smooth_grad_cam_pp("two cells, one against", 0.0),
            ]
        ),
        "smooth-grad-cam++ last": lambda: np.concatenate(
            [
                smooth_grad_cam_pp("absolute", 1.0, -1.0),
                smooth_grad_cam_pp("absolute", -1.0, 1.0),
            ]
        ),
    },
    "captum": {
        "relu then resize": lambda: captum_of("document", "LayerGradCam", then=larger(interpolate_mode="bilinear")),
        "nearest": lambda: captum_of("document", "LayerGradCam", then=larger()),
        "in-place": lambda: captum_of("document with a ReLU", "LayerGradCam", inplace=True)[0],
        "in-place sum": lambda: captum_of("block", "LayerGradCam", layer=BODY)[0],
        "smoothgrad": lambda: captum_of("kink", "Saliency", options={"nt_samples": 25, "stdevs": 1.0}),
        "integrated gradients": lambda: captum_of(
            "document, conv head", "IntegratedGradients", baseline=WITHOUT_BODY
        ).sum(),
        "occlusion": lambda: captum_of("a tenth", "Occlusion", sliding_window_shapes=(1, 1, 1)),
    },
}


MAPS = {"grad-cam": grad_cam, "torchcam": torchcam, "captum": captum}


def answers(peer):
    """All maps of one peer, and its few numbers, by name."""
    maps = {f"{name}/{peer}/{where}": found for name, case in CASES.items() for where, found in MAPS[peer](case)}
    return maps, {name: np.array(ask()) for name, ask in ANSWERS[peer].items()}


def main():
    maps, numbers = {}, {}
    for peer in ANSWERS:
        found, few = answers(peer)
        maps |= found
        given = {name: value.tolist() if value.dtype.kind == "U" else value.astype(float).tolist()
                 for name, value in few.items()}  # fmt: skip
        numbers[peer] = {"version": metadata.version(peer), "torch": metadata.version("torch"), "answers": given}
        print(peer, metadata.version(peer), f"{len(found)} maps, {len(few)} disagreements")
    np.savez_compressed(AGREEMENT, **maps)
    DISAGREEMENTS.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
