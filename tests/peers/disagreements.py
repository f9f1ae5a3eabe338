"""Where a peer's answer is not the equation's: what was asked, what the equation gives, and why it differs.

The equation's values are written down here; the tests hold ours against them, and see that the peer's recorded one is
another. docs/disagreements.py makes a table of it.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from numpycam import Network, grad_cam, methods
from numpycam.exact import as_fractions
from numpycam.gradcam import look
from numpycam.resize import normalise, resize
from numpycam.saliency import _gradients  # noqa: F401
from numpycam.targets import finer

from .cases import DISAGREEMENTS, QUESTIONS, WITHOUT_BODY, in_floats

RECORD = json.loads(DISAGREEMENTS.read_text())
NAMES = {"grad-cam": "pytorch-grad-cam", "torchcam": "torchcam", "captum": "captum"}
