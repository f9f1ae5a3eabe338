"""Which method has which property: each property as a question to one drawn case, and the search for a "no".

A property holds for all cases or it does not; where it does not, Hypothesis finds a case and makes it small. Where the
property is that something *can* happen, one case is a "yes". ``docs/methods.py`` writes the table of docs/methods.md.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from numpycam import Conv2d, Flatten, Linear, Network
from numpycam.exact import as_floats, as_fractions
from numpycam.method import PoleError
from numpycam.methods import METHODS


class Case(NamedTuple):
    """Feature maps, the image of which a 1 × 1 convolution makes them, and a linear head without bias."""

    maps: np.ndarray  # (K, H, W), not negative: the image, too
    head: np.ndarray  # (2, K H W): two classes

    def network(self, mixing=None, head=None):
        """features = mixing · image, scores = head · features; the image is such that the maps are mixing · maps."""
        count = len(self.maps)
        mixing = as_fractions(np.eye(count, dtype=int)) if mixing is None else mixing
        return Network(
            [
                ("features", Conv2d(mixing[:, :, None, None])),
                ("flatten", Flatten()),
                ("scores", Linear(self.head if head is None else head)),
            ],
            target_layer="features",
        )


@st.composite
def cases(draw):
    count, height, width = 2, draw(st.integers(1, 2)), draw(st.integers(2, 3))
    size = count * height * width
    maps = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    head = draw(st.lists(st.integers(-2, 2), min_size=2 * size, max_size=2 * size))
    return Case(as_fractions(np.reshape(maps, (count, height, width))), as_fractions(np.reshape(head, (2, size))))


def explained(method, network, image, c=0):
    exact = method.is_exact
    return method(*(value if exact else as_floats(value) for value in (network, image)), c)


def same(a, b):
    """Equal; in floats up to rounding, which moves such small cases by far less than 1e-9."""
    if a.dtype == object:
        return bool((a == b).all())
    return bool(np.abs(a - b).max() <= 1e-9 * (1 + np.abs(a).max()))


def is_complete(method, case):
    """Σ L is the score: the head has no bias."""
    e = explained(method, case.network(), case.maps)
    return same(np.array([e.weighted_sum.sum()]), np.array([e.score]))


def is_blind_to_the_class(method, case):
    one, other = (explained(method, case.network(), case.maps, c).weighted_sum for c in (0, 1))
    return same(one, other)


def is_never_negative(method, case):
    """L speaks for, never against, as long as the feature maps are not negative."""
    return bool((explained(method, case.network(), case.maps).weighted_sum >= -1e-12).all())


def is_invariant_to_mixing(method, case):
    """A' = M A with a head that undoes it: the same function of the image, the same L."""
    mixing = as_fractions([[1, 1], [0, 1]])
    undone = as_fractions([[1, -1], [0, 1]])
    head = np.einsum("cki,kl->cli", case.head.reshape(2, 2, -1), undone).reshape(2, -1)
    before = explained(method, case.network(), case.maps).weighted_sum
    return same(before, explained(method, case.network(mixing, head), case.maps).weighted_sum)


def is_invariant_to_scaling(method, case):
    """Twice the scores: L may be multiplied by a positive number, and is the same picture."""
    once, twice = (explained(method, case.network(head=case.head * s), case.maps).weighted_sum for s in (1, 2))
    a, b = np.abs(once).max(), np.abs(twice).max()
    return a == b == 0 or (a > 0 and b > 0 and same(once / a, twice / b))


def is_blind_to_rearranged_gradients(method, case):
    """Each g^k turned around: L stays."""
    turned = case.head.reshape(2, 2, -1)[..., ::-1].reshape(2, -1)
    before = explained(method, case.network(), case.maps).weighted_sum
    return same(before, explained(method, case.network(head=turned), case.maps).weighted_sum)


PROPERTIES = {
    "complete": is_complete,
    "blind to the class": is_blind_to_the_class,
    "never negative": is_never_negative,
    "invariant to channel mixing": is_invariant_to_mixing,
    "invariant to the scale of the score": is_invariant_to_scaling,
    "blind to rearranged gradients": is_blind_to_rearranged_gradients,
}


def counterexample(method, holds, examples=300):
    """Return the smallest case found in which the property does not hold, or None. At a pole nothing need hold."""

    def fails(case):
        try:
            return not holds(method, case)
        except PoleError:
            return False

    chosen = settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                      phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip
    try:
        return find(cases(), fails, settings=chosen)
    except NoSuchExample:
        return None


def table():
    """Return, for each method, for each property, None or a counterexample. CAM has no such head, and is left out."""
    return {
        name: {what: counterexample(method, holds) for what, holds in PROPERTIES.items()}
        for name, method in METHODS.items()
        if name != "cam"
    }
