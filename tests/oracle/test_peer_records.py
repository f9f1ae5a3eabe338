"""The records of tests/peers are what the tools answer: asked again, those that need no more than torch."""

from importlib import import_module, metadata

import numpy as np
import pytest
from against_torch import REQUIRED
from helpers import rounding
from peers.cases import AGREEMENT
from peers.disagreements import RECORD
from peers.record import answers

LONGEST = 1000  # more operations than there are along any path through these networks and methods


def near(answer, recorded):
    """Whether they differ by rounding alone, in the precision in which the tool answers; NaN where there was NaN."""
    bound = float(rounding(LONGEST, answer.dtype)) * np.nanmax(np.abs(recorded), initial=1.0)
    return answer.shape == recorded.shape and np.allclose(answer, recorded, rtol=0, atol=bound, equal_nan=True)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("peer", ["torchcam", "captum"])  # pytorch-grad-cam needs torchvision and OpenCV
def test_the_record_is_what_the_tool_answers(peer):
    if not REQUIRED:
        pytest.importorskip(peer, reason=f"{peer} is not installed")
    import_module(peer)
    assert metadata.version(peer) == RECORD[peer]["version"]
    maps, numbers = answers(peer)
    with np.load(AGREEMENT) as recorded:
        assert {name for name in recorded.files if name.split("/")[1] == peer} == set(maps)
        assert all(near(answer, recorded[name]) for name, answer in maps.items())
    assert set(numbers) == set(RECORD[peer]["answers"])
    assert all(near(answer, np.array(RECORD[peer]["answers"][name])) for name, answer in numbers.items())
