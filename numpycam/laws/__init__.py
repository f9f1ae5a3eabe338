"""Laws: verify an implementation of a CNN's gradients or of Grad-CAM, whoever wrote it.

A book of laws belongs to each operation. To verify functions of your own, hand them over:

    laws.conv2d.verify(forward=conv, backward=conv_backward)
    laws.grad_cam.verify(cam=my_cam)

What comes back is a report, or a lesson: the law that is broken, the smallest case in which it is, and what helps.

>>> from numpycam import laws
>>> def cam(A, g):
...     return (g.sum(axis=(1, 2))[:, None, None] * A).sum(axis=0).clip(0)
>>> laws.grad_cam.verify(cam=cam)  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
numpycam.laws.message.LawViolation: grad_cam breaks map: ...
"""

from numpy.typing import ArrayLike

import numpycam.laws.mistakes  # noqa: F401 - it writes the known mistakes into the books
from numpycam.laws import vectors
from numpycam.laws.cams import (
    eigen_cam,
    eigen_grad_cam,
    element_wise_grad_cam,
    grad_cam,
    grad_cam_plus_plus,
    hirescam,
    layercam,
    xgrad_cam,
)
from numpycam.laws.conduct import add_conduct
from numpycam.laws.convolution import conv2d
from numpycam.laws.identification import Identification, identifications
from numpycam.laws.layers import linear, relu, softmax_cross_entropy
from numpycam.laws.message import LawViolation
from numpycam.laws.networks import network, residual
from numpycam.laws.pictures import normalise, overlay, resize
from numpycam.laws.pooling import avg_pool2d, global_avg_pool2d, max_pool2d

BOOKS = {
    book.name: book
    for book in (
        *(conv2d, relu, max_pool2d, avg_pool2d, global_avg_pool2d, linear, softmax_cross_entropy, network, residual),
        *(
            grad_cam,
            grad_cam_plus_plus,
            xgrad_cam,
            hirescam,
            element_wise_grad_cam,
            layercam,
            eigen_cam,
            eigen_grad_cam,
        ),
        *(resize, normalise, overlay),
    )
}
"""All books by the names of their operations."""

_LAYER = (("x", "y"), ("grad_output", "dx"))
_SCALES = {
    "conv2d": (*_LAYER, ("grad_output", "dw")),
    "linear": (*_LAYER, ("grad_output", "dw")),
    "relu": _LAYER,
    "max_pool2d": _LAYER,
    "avg_pool2d": _LAYER,
    "global_avg_pool2d": _LAYER,
    "residual": (("grad_output", "dx"),),
    "network": (("grad_output", "dx"),),
    "grad_cam": (("A", "cam"), ("g", "cam"), ("g", "weighted_sum")),
    "xgrad_cam": (("A", "cam"), ("g", "cam"), ("A", "weighted_sum"), ("g", "weighted_sum")),
    "hirescam": (("A", "cam"), ("g", "cam"), ("g", "weighted_sum")),
    "element_wise_grad_cam": (("A", "cam"), ("g", "cam"), ("g", "weighted_sum")),
    "layercam": (("A", "cam"), ("g", "cam"), ("g", "weighted_sum")),
    "eigen_cam": (("A", "cam"),),
    "eigen_grad_cam": (("A", "cam"), ("g", "cam")),
    "resize": (("heat", "resized"),),
}
for _name, _book in BOOKS.items():
    add_conduct(_book, _SCALES.get(_name, ()))


def identify(feature_maps: ArrayLike, gradients: ArrayLike, cam: ArrayLike) -> list[Identification]:
    """Return which methods, or which known mistakes of which methods, make this map of these maps and gradients.

    Parameters
    ----------
    feature_maps, gradients : array, shape (K, H, W)
    cam : array, shape (H, W)
        As it is, or scaled: by its maximum, or from its minimum to its maximum.

    Returns
    -------
    list of Identification
        Several methods can make the same map. Mistakes are looked for if no method makes it. The list is empty if
        nothing known does.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.

    Examples
    --------
    >>> from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, WEIGHTED_SUM
    >>> print(identify(FEATURE_MAPS, GRADIENTS, WEIGHTED_SUM)[0])
    grad_cam: the weighted sum, before the ReLU
    """
    return identifications(BOOKS, feature_maps, gradients, cam)


__all__ = ["BOOKS", "LawViolation", "identify", "vectors", *BOOKS]


def __dir__() -> list[str]:
    of_every_module = (name for name in globals() if name.startswith("__"))
    return sorted({*__all__, "Identification", *of_every_module})
