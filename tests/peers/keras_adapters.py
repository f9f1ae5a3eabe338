"""The CAM libraries for Keras, as functions that the laws can verify; they compute in float32.

As in adapters.py: the image's channels are A, a 1 × 1 convolution hands them on, and the head has g in its first row.
"""

from functools import cache

import numpy as np
import tensorflow
from tensorflow.keras import Input, Model, layers


@cache
def model(maps, height, width):
    """A network for maps of this shape, to be given its weights."""
    image = Input((height, width, maps))
    features = layers.Conv2D(maps, 1, use_bias=False, name="features")(image)
    return Model(image, layers.Dense(2, use_bias=False, name="dense")(layers.Flatten()(features)))


def network(A, g):
    """The network whose target layer yields A, with g for the gradients of its first score; and its image."""
    row = g.transpose(1, 2, 0).ravel()
    made = model(*A.shape)
    made.get_layer("features").set_weights([np.eye(len(A))[None, None]])
    made.get_layer("dense").set_weights([np.stack([row, 1 - row[::-1]], axis=1)])
    return made, A.transpose(1, 2, 0)[None].astype(np.float32)


def tf_keras_vis(name):
    """tf-keras-vis's class of this name: its map, before and after the ReLU, and what it returns."""
    from tf_keras_vis import gradcam, gradcam_plus_plus, layercam

    classes = {
        "Gradcam": gradcam.Gradcam,
        "GradcamPlusPlus": gradcam_plus_plus.GradcamPlusPlus,
        "Layercam": layercam.Layercam,
    }

    def asked(A, g, **options):
        made, x = network(A, g)
        explainer = classes[name](made)
        return np.array(explainer(lambda scores: scores[:, 0], x, penultimate_layer="features", **options))[0]

    as_it_is = {"expand_cam": False, "normalize_cam": False}
    raw = {
        "weighted_sum": lambda A, g: asked(A, g, activation_modifier=None, **as_it_is),
        "cam": lambda A, g: asked(A, g, **as_it_is),
    }
    if name == "GradcamPlusPlus":  # its L has a factor exp(y)
        raw = None
    return raw, asked


def tf_explain(name):
    """tf-explain's Grad-CAM: the weighted sum, before it is drawn."""
    from tf_explain.core.grad_cam import GradCAM

    guided = {"GradCAM": True, "GradCAM, use_guided_grads=False": False}[name]

    def weighted_sum(A, g):
        made, x = network(A, g)
        outputs, gradients = GradCAM.get_gradients_and_filters(made, x, "features", 0, guided)
        return np.array(GradCAM.generate_ponderated_output(outputs, gradients)[0])

    return {"weighted_sum": weighted_sum}, None


tensorflow.config.threading.set_intra_op_parallelism_threads(1)
