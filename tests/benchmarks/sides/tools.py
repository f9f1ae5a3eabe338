"""Grad-CAM by the tools for torch, called as their own pages show it, up to a map in the picture's size."""

import torch
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
