"""The laws are asked again about torch, torchcam and captum: those that held hold, and no others."""

import re
from contextlib import redirect_stdout
from importlib import import_module, metadata
from io import StringIO
from itertools import product
from pathlib import Path

import pytest
from against_torch import REQUIRED
from peers.conformance import DTYPES, LAYOUTS, RECORD, cams, states, torch

from numpycam.laws.engine import examine

OPERATIONS = [row["method"] for row in RECORD["torch"]["rows"]]
REPORTS = Path(__file__).parents[2] / "docs" / "upstream.md"


def recorded(peer, asked):
    (row,) = [row for row in RECORD[peer]["rows"] if (row["method"], row["shown"]) == (asked.method, asked.shown)]
    return row["laws"]


@pytest.mark.parametrize(("layout", "dtype"), [*product(LAYOUTS, DTYPES)])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_torch_is_never_called_wrong_where_it_is_right(operation, layout, dtype):
    (asked,) = [asked for asked in torch(layout, dtype) if asked.method == operation]
    assert states(examine(asked.subject)) == recorded("torch", asked)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("peer", ["torchcam", "captum"])  # pytorch-grad-cam needs torchvision and OpenCV
def test_a_cam_library_keeps_and_breaks_the_laws_that_are_recorded(peer):
    if not REQUIRED:
        pytest.importorskip(peer, reason=f"{peer} is not installed")
    import_module(peer)
    assert metadata.version(peer) == RECORD[peer]["version"]
    methods = [*cams(peer)]
    assert len(methods) == len(RECORD[peer]["rows"])
    for asked in methods:
        assert states(examine(asked.subject)) == recorded(peer, asked), asked.method


@pytest.mark.filterwarnings("ignore")  # theirs
def test_the_reports_about_torchcam_print_what_they_say():
    if not REQUIRED:
        pytest.importorskip("torchcam", reason="torchcam is not installed")
    ran = 0
    for report in REPORTS.read_text().split("\n## ")[1:]:
        if report.startswith("torchcam"):
            code, printed = re.findall(r"```(?:python|text)\n(.*?)```", report, re.DOTALL)
            out = StringIO()
            with redirect_stdout(out):
                exec(compile(code, str(REPORTS), "exec"), {"__name__": "report"})
            assert out.getvalue() == printed
            ran += 1
    assert ran == 2
