"""Which method has which property: each property as a question to one drawn case, and the search for what settles it.

Some properties hold in all cases or not at all: where one does not, Hypothesis finds a case against it and makes it
small. Others say that something *can* happen: one case is a "yes". ``docs/methods.py`` makes the table of
docs/methods.md of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network
from numpycam.exact import as_floats, as_fractions
from numpycam.methods import METHODS
from numpycam.methods.recipe import PoleError


class Case(NamedTuple):
    """Feature maps, the image of which a 1 × 1 convolution makes them, and a linear head without bias."""

    maps: np.ndarray  # (K, H, W), not negative: the image, too
    head: np.ndarray  # (2, K H W): two classes
    is_pooled: bool = False  # whether the head takes the mean of each map first, as CAM needs it

    def network(self, mixing=None, head=None):
        """features = mixing · image, scores = head · features; the image is such that the maps are mixing · maps."""
        count = len(self.maps)
        mixing = as_fractions(np.eye(count, dtype=int)) if mixing is None else mixing
        head = self.head if head is None else head
        pool = [("pool", GlobalAvgPool2d())] if self.is_pooled else []
        if self.is_pooled:
            head = head.reshape(2, count, -1).sum(axis=-1)
        layers = [("features", Conv2d(mixing[:, :, None, None])), *pool, ("flatten", Flatten())]
        return Network([*layers, ("scores", Linear(head))], target_layer="features")


@st.composite
def cases(draw):
    count, height, width = 2, draw(st.integers(1, 2)), draw(st.integers(2, 3))
    size = count * height * width
    maps = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    head = draw(st.lists(st.integers(-2, 2), min_size=2 * size, max_size=2 * size))
    return Case(as_fractions(np.reshape(maps, (count, height, width))), as_fractions(np.reshape(head, (2, size))))


OPTIONS = {"occlusion": {"size": 2}}  # patches of several pixels, as on larger images


def explained(method, network, image, c=0):
    exact = method.is_exact
    return method(
        *(value if exact else as_floats(value) for value in (network, image)), c, **OPTIONS.get(method.name, {})
    )


def same(a, b):
    """Equal; in floats up to rounding, which moves such small cases by far less than 1e-9."""
    if a.dtype == object:
        return bool((a == b).all())
    return bool(np.abs(a - b).max() <= 1e-9 * (1 + np.abs(a).max()))


def is_complete(method, case):
    """Σ L is the score: the head has no bias."""
    e = explained(method, case.network(), case.maps)
    return same(np.array([e.weighted_sum.sum()]), np.array([e.score]))


def is_of_one_class(method, case):
    """The map of the other class is another."""
    one, other = (explained(method, case.network(), case.maps, c).weighted_sum for c in (0, 1))
    return not same(one, other)


def is_negative(method, case):
    """L is negative somewhere, and no feature map is."""
    return bool((explained(method, case.network(), case.maps).weighted_sum < -1e-12).any())


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


def is_blind_to_rearranging(method, case):
    """Each g^k turned around: L stays."""
    turned = case.head.reshape(2, 2, -1)[..., ::-1].reshape(2, -1)
    before = explained(method, case.network(), case.maps).weighted_sum
    return same(before, explained(method, case.network(head=turned), case.maps).weighted_sum)


class Property(NamedTuple):
    holds: Callable[..., bool]  # of a method and a case
    in_all: bool  # whether it must hold in all cases, and one against it is a "no"; or one for it is a "yes"


TESTS = {
    "complete": Property(is_complete, True),
    "class-sensitive": Property(is_of_one_class, False),
    "signed": Property(is_negative, False),
    "mixing": Property(is_invariant_to_mixing, True),
    "scaling": Property(is_invariant_to_scaling, True),
    "rearranging": Property(is_blind_to_rearranging, True),
}


def decides(method, what, case):
    """Whether the case settles the question: it is one against a property of all, or for one that needs no more."""
    holds, in_all = TESTS[what]
    try:
        return holds(method, case._replace(is_pooled=method.needs == "a pooled linear head")) != in_all
    except PoleError:  # at a pole nothing need hold
        return False


def decisive_case(method, *properties, examples=300):
    """Return the smallest case found that settles the question, or one of several, or None."""
    chosen = settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                      phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))  # fmt: skip
    try:
        return find(cases(), lambda case: any(decides(method, what, case) for what in properties), settings=chosen)
    except NoSuchExample:
        return None


def table():
    """Return, for each method, for each property, the case that settles the question, or None."""
    return {name: {what: decisive_case(method, what) for what in TESTS} for name, method in METHODS.items()}


def properties_in(row):
    """Return which properties a method has, by a row of the table."""
    return {what for what, case in row.items() if (case is None) == TESTS[what].in_all}
