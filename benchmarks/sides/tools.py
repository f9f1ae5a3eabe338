"""Grad-CAM by the tools for torch, called as their own pages show it, up to a map in the picture's size."""

import torch
from cases import METHODS, SAMPLES, STEPS
from torch.nn import functional

from sides.with_torch import module_of


def grad_cam(case):
    import cv2
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cv2.setNumThreads(torch.get_num_threads())
    model, x = module_of(case.layers), torch.tensor(case.x)
    targets, cam = [ClassifierOutputTarget(c) for c in case.classes], GradCAM(model, [model[case.target - 1]])
    return lambda: (cam(input_tensor=x, targets=targets),)


def captum(case):
    from captum.attr import LayerAttribution, LayerGradCam

    model, x, classes = module_of(case.layers), torch.tensor(case.x), torch.tensor(case.classes)
    cam = LayerGradCam(model, model[case.target - 1])

    def run():
        maps = cam.attribute(x, target=classes, relu_attributions=True)
        return (LayerAttribution.interpolate(maps, tuple(x.shape[2:]), "bilinear")[:, 0].detach(),)

    return run


def torchcam(case):
    from torchcam.methods import GradCAM

    model, x = module_of(case.layers), torch.tensor(case.x)
    extractor = GradCAM(model, model[case.target - 1])

    def run():
        (maps,) = extractor(case.classes, model(x))
        return (functional.interpolate(maps[:, None], x.shape[2:], mode="bilinear")[:, 0].detach(),)

    return run


def prepared(case, tool):
    """What the tool calls the method, the module, the images, and their highest classes."""
    model, x = module_of(case.layers), torch.tensor(case.x)
    return METHODS[case.name][tool].rstrip("?"), model, x, model(x).argmax(1)


def method_of_grad_cam(case):
    import cv2
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cv2.setNumThreads(torch.get_num_threads())
    name, model, x, classes = prepared(case, "grad-cam")
    targets = [ClassifierOutputTarget(c) for c in classes.tolist()]
    cam = getattr(pytorch_grad_cam, name)(model, [] if name == "FullGrad" else [model[case.layer]])
    return lambda: (cam(input_tensor=x, targets=targets),)


def method_of_torchcam(case):
    from torchcam import methods

    name, model, x, classes = prepared(case, "torchcam")
    extractor, classes = getattr(methods, name)(model, model[case.layer]), classes.tolist()
    as_it_needs = torch.inference_mode if name in ("CAM", "ScoreCAM") else torch.enable_grad

    def run():
        with as_it_needs():
            scores = model(x)
        (maps,) = extractor(classes, scores)
        return (functional.interpolate(maps[:, None], x.shape[2:], mode="bilinear")[:, 0].detach(),)

    return run


def method_of_captum(case):
    from captum import attr

    name, model, x, classes = prepared(case, "captum")
    x.requires_grad_()
    options = {
        "LayerGradCam": {"relu_attributions": True},
        "Occlusion": {
            "sliding_window_shapes": (x.shape[1], 4, 4),
            "strides": (x.shape[1], 2, 2),
            "perturbations_per_eval": 32,
        },
        "NoiseTunnel": {"nt_samples": SAMPLES, "stdevs": 0.15, "nt_samples_batch_size": 1, "abs": False},
        "IntegratedGradients": {"n_steps": STEPS, "method": "riemann_middle", "internal_batch_size": 32},
        "GuidedGradCam": {"interpolate_mode": "bilinear"},
    }.get(name, {})
    if name == "NoiseTunnel":
        attribution = attr.NoiseTunnel(attr.Saliency(model))
    elif name.startswith("Layer") or name == "GuidedGradCam":
        attribution = getattr(attr, name)(model, model[case.layer])
    else:
        attribution = getattr(attr, name)(model)

    def run():
        maps = attribution.attribute(x, target=classes, **options)
        if name.startswith("Layer"):
            maps = maps.sum(1, keepdim=True).relu()
            return (attr.LayerAttribution.interpolate(maps, tuple(x.shape[2:]), "bilinear")[:, 0].detach(),)
        if name == "Occlusion":
            return (maps[:, 0].detach(),)
        return (maps.sum(1).detach(),)

    return run
