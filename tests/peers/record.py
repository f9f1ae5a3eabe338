"""Ask the peers, and keep what they answer.

cd tests && python -m peers.record     # with numpycam, torch, grad-cam, torchcam and captum installed

It writes agreement.npz, their maps of the networks of cases.py, and disagreements.json, what they return where they
part ways with the equation, with versions. Nothing of theirs is scaled: where a peer returns no raw map, its own
internal function is asked for it.
"""

import json
from importlib import metadata

import numpy as np

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU
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

    kinds = {
        Conv2d: conv,
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


def grad_cam_of(question, name, what="map", inplace=False):
    """Of class 0 at the target layer the "weights", the "map" before ReLU and scaling, or what it "returns"."""
    import pytorch_grad_cam as peer
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget

    network, image = in_floats(question)
    module, x, targets = module_of(network, inplace), torch.tensor(image[None]), [ClassifierOutputTarget(0)]
    if name == "FinerCAM":  # which is Grad-CAM of this
        name, targets = "GradCAM", [FinerWeightedTarget(0, [1, 2], 1)]
    cam = getattr(peer, name)(module, [] if name == "FullGrad" else [module.get_submodule(network.target_layer)])
    if name == "FullGrad":
        cam.aggregate_multi_layers = lambda maps: maps[:, 0]
    returned, held = cam(x, targets), cam.activations_and_grads
    if what == "returns":
        return returned[0]
    maps, gradients = (value[0].numpy() if value else None for value in (held.activations, held.gradients))
    if what == "weights":
        return cam.get_cam_weights(x, cam.target_layers[0], targets, maps, gradients)[0]
    return cam.get_cam_image(x, cam.target_layers[0], targets, maps, gradients, False)[0]


def torchcam_of(question, name, what="map", inplace=False):
    """Of class 0 at the target layer the "weights", the "map" before ReLU and scaling, or what it "returns"."""
    import torch
    from torchcam import methods as peer

    network, image = in_floats(question)
    module = module_of(network, inplace)
    with getattr(peer, name)(module, network.target_layer, input_shape=image.shape) as cam:
        scores = module(torch.tensor(image[None]))
        if name == "FinerCAM":
            cam(0, scores)
            return array(cam.base_cam.hook_g[0].mean((2, 3)))[0]
        if what == "weights":
            return array(cam._get_weights(0, scores)[0])[0]
        cam._relu = what == "returns"
        return array(cam(0, scores, normalized=what == "returns")[0])[0]


def captum_of(question, name, inplace=False, then=None, options=None, baseline=None, **arguments):
    """What ``attribute`` returns of class 0, at the target layer if it needs one; and what is made of it then."""
    import torch
    from captum import attr as peer

    network, image = in_floats(question)
    module, x = module_of(network, inplace), torch.tensor(image[None], requires_grad=True)
    at = [module.get_submodule(network.target_layer)] if name.startswith("Layer") else []
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
    },
    "captum": {
        "relu then resize": lambda: captum_of("document", "LayerGradCam", then=larger(interpolate_mode="bilinear")),
        "nearest": lambda: captum_of("document", "LayerGradCam", then=larger()),
        "in-place": lambda: captum_of("document with a ReLU", "LayerGradCam", inplace=True)[0],
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
        given = {name: value.astype(float).tolist() for name, value in few.items()}
        numbers[peer] = {"version": metadata.version(peer), "torch": metadata.version("torch"), "answers": given}
        print(peer, metadata.version(peer), f"{len(found)} maps, {len(few)} disagreements")
    np.savez_compressed(AGREEMENT, **maps)
    DISAGREEMENTS.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
