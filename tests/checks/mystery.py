"""The experiment with the two networks of notebook 04, on a learner's own drawings. All drawings are drawn once."""

from functools import cache

import numpy as np
import pytest

from numpycam import checks
from numpycam.checks import mystery_networks
from numpycam.experiments.drawings import draw

drawn_once = cache(draw)


def check_mystery(answer, seed=0):
    """The check itself makes its drawings anew each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numpycam.checks.two_suspects.draw", drawn_once)
        checks.check_mystery(answer, seed)


def painted_black(images, without):
    grass = np.abs(images - without).sum(axis=1, keepdims=True) > 0
    return np.where(grass, np.float32(0), images)


@cache
def pictures(count, drawing_seed):
    """Elephants with grass, without it, and with the grass painted black."""
    images = draw(count, drawing_seed, animals="elephant", grass=True).images
    without = draw(count, drawing_seed, animals="elephant", grass=False).images
    return images, without, painted_black(images, without)


@cache
def scores(seed, count, drawing_seed):
    """What each network says of them."""
    return {
        place: tuple(map(network, pictures(count, drawing_seed))) for place, network in mystery_networks(seed).items()
    }


def drops(seed=0, count=200, what=lambda y, without, black: (y - without)[:, 1], drawing_seed=7):
    """What the experiment gives for each network, or what another experiment gives."""
    return {place: what(*said).mean() for place, said in scores(seed, count, drawing_seed).items()}


def drawn(count=200, drawing_seed=7):
    """What an answer says of its drawings."""
    return {"drawings": count, "seed": drawing_seed}


def findings(seed=0, **options):
    """A right answer."""
    numbers = drops(seed, **options)
    return numbers | {"looks at the grass": max(numbers, key=numbers.get)} | drawn(**options)
