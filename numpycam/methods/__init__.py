"""The CAM family: one function for each method, and METHODS, a dictionary of all of them.

- ``cams``: the methods that run the network once and look at one layer.
- ``perturbation``: the methods that run the network again on changed inputs.
- ``saliency``: the methods whose map has the image's own resolution.
- ``recipe``: how to make a method of your own.
- ``wrappers``: changes that fit any method.
- ``quadrature``: a bound for the error of integrated gradients.

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> for method in (grad_cam, hirescam, layercam):
...     print(f"{method.name:10}", method(network, image, 0).weighted_sum.astype(str).tolist())
Grad-CAM   [['357/40', '-81/40'], ['129/8', '13/5']]
HiResCAM   [['63/10', '-14/5'], ['23', '21/10']]
LayerCAM   [['63/10', '-5/2'], ['23', '21/10']]
"""

from numpycam.methods.cams import (
    cam,
    eigen_cam,
    eigen_grad_cam,
    element_wise_grad_cam,
    grad_cam,
    grad_cam_plus_plus,
    hirescam,
    layercam,
    xgrad_cam,
)
from numpycam.methods.perturbation import ablation_cam, occlusion, score_cam
from numpycam.methods.recipe import PROPERTIES, Method, PoleError, method
from numpycam.methods.saliency import (
    full_grad,
    gradient,
    gradient_times_input,
    guided_backprop,
    guided_grad_cam,
    integrated_gradients,
    smooth_grad,
)
from numpycam.methods.wrappers import over_layers, with_mirror

METHODS: dict[str, Method] = {
    "cam": cam,
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "xgrad_cam": xgrad_cam,
    "hirescam": hirescam,
    "element_wise_grad_cam": element_wise_grad_cam,
    "layercam": layercam,
    "eigen_cam": eigen_cam,
    "eigen_grad_cam": eigen_grad_cam,
    "score_cam": score_cam,
    "ablation_cam": ablation_cam,
    "occlusion": occlusion,
    "gradient": gradient,
    "gradient_times_input": gradient_times_input,
    "smooth_grad": smooth_grad,
    "integrated_gradients": integrated_gradients,
    "guided_backprop": guided_backprop,
    "guided_grad_cam": guided_grad_cam,
    "full_grad": full_grad,
}
"""All methods, by the names of their functions."""

__all__ = [
    "METHODS",
    "PROPERTIES",
    "Method",
    "PoleError",
    "ablation_cam",
    "cam",
    "eigen_cam",
    "eigen_grad_cam",
    "element_wise_grad_cam",
    "full_grad",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient",
    "gradient_times_input",
    "guided_backprop",
    "guided_grad_cam",
    "hirescam",
    "integrated_gradients",
    "layercam",
    "method",
    "occlusion",
    "over_layers",
    "score_cam",
    "smooth_grad",
    "with_mirror",
    "xgrad_cam",
]
