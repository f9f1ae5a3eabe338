"""The course: each notebook prints what is stored in it; each exercise has an answer."""

import json
import os
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from helpers import refusal, some

from numpycam import checks

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

UNDRAWN = """
from numpycam.display import Picture

Picture.as_png = lambda picture: b"undrawn"
"""
"""What a kernel runs before a notebook, but in CI: no picture is compared, so none is drawn."""


def read(path):
    return json.loads(path.read_text())


def text_outputs(notebook):
    """What the cells print and show as text; pictures may differ from one version of matplotlib to the next."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            texts = output.get("text", ""), output.get("data", {}).get("text/plain", ""), output.get("evalue", "")
            yield cell["id"], *map("".join, texts)  # in a file a text is a list of lines


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Execute a notebook: in CI in a kernel of its own, else in one that forgets all names before it."""
    in_ci = bool(os.environ.get("CI"))
    startup = tmp_path_factory.mktemp("ipython") / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "undrawn.py").write_text("" if in_ci else UNDRAWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(startup.parents[1]))
        patch.setitem(sys.modules, "rfc3987_syntax", None)  # jsonschema imports it if it can, which takes two seconds
        with in_kernels_of_their_own(tmp_path_factory) if in_ci else in_one_kernel() as execute:
            yield execute


@contextmanager
def in_kernels_of_their_own(tmp_path_factory):
    """All at once, each with sockets of its own: a port that was free can be taken before the kernel takes it."""
    from traitlets.config import Config

    execute = runpy.run_path(str(FOLDER / "execute.py"))["execute"]
    folder = tmp_path_factory.mktemp("sockets")

    def execute_alone(path):
        sockets = {} if os.name == "nt" else {"transport": "ipc", "ip": str(folder / path.stem[:2])}
        return execute(path, startup_timeout=300, config=Config(KernelManager=sockets))

    if "PYTEST_XDIST_WORKER" in os.environ:  # other workers execute other notebooks
        yield execute_alone
        return
    with ThreadPoolExecutor(len(NOTEBOOKS)) as pool:
        executed = {path: pool.submit(execute_alone, path) for path in NOTEBOOKS}
        yield lambda path: executed[path].result()


@contextmanager
def in_one_kernel():
    """To start a kernel and to import all that it needs takes two seconds."""
    import nbformat
    from jupyter_client import AsyncKernelManager
    from jupyter_core.utils import run_sync
    from nbclient import NotebookClient

    def execute(path):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
        options = {"timeout": 120, "resources": {"metadata": {"path": FOLDER}}}
        client = NotebookClient(notebook, km=kernel, coalesce_streams=True, **options)
        client.execute()
        client.kc.stop_channels()
        del notebook.cells[0]
        return notebook

    kernel = AsyncKernelManager(kernel_name="python3")
    yield execute
    run_sync(kernel.shutdown_kernel)(now=True)


@pytest.mark.parametrize("path", some(NOTEBOOKS, 2), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # the kernel's own libraries may warn
def test_a_notebook_prints_what_is_stored_in_it(path, execute):
    assert list(text_outputs(execute(path))) == list(text_outputs(read(path)))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_have_alternative_texts(path):
    pictures = [o for cell in read(path)["cells"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert pictures
    assert all(picture["metadata"]["image/png"]["alt"] for picture in pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_is_fetched_and_no_place_is_named(path):
    source = path.read_text()
    for word in ("http://", "https://", "<script", sys.prefix, str(Path.home())):
        assert word not in source


def exercise(name):
    """The names that the exercise cells of a notebook define, unsolved."""
    names = {"np": np}  # every notebook imports it
    for cell in read(FOLDER / f"{name}.ipynb")["cells"]:
        if "exercise" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), names)
    return names


def solution(name):
    return runpy.run_path(str(FOLDER / "solutions" / f"{name}.py"))


ANSWERS = [
    ("01_grad_cam_by_hand", "check_by_hand", "my_numbers"),
    ("01_grad_cam_by_hand", "check_alphas", "my_alphas"),
    ("01_grad_cam_by_hand", "check_grad_cam", "my_grad_cam"),
    ("01_grad_cam_by_hand", "check_empty_map", "my_empty"),
    ("02_a_real_network", "check_feature_map", "my_map"),
    ("02_a_real_network", "check_gradient_maps", "my_gradient_maps"),
    ("02_a_real_network", "check_network", "my_network"),
    ("03_backward_by_hand", "check_relu_backward", "my_relu_backward"),
    ("03_backward_by_hand", "check_conv_of_one_map", "my_conv_of_one_map"),
    ("03_backward_by_hand", "check_conv_with_stride", "my_conv_with_stride"),
    ("03_backward_by_hand", "check_conv_backward", "my_conv_backward"),
    ("03_backward_by_hand", "check_find_the_bug", "my_findings"),
    ("03_backward_by_hand", "check_residual_backward", "my_residual_backward"),
    ("03_backward_by_hand", "check_twin", "my_twin"),
    ("04_a_tiny_cnn_learns", "check_accuracy", "my_accuracy"),
    ("04_a_tiny_cnn_learns", "check_energy", "my_energy"),
    ("04_a_tiny_cnn_learns", "check_shares", "my_shares"),
    ("04_a_tiny_cnn_learns", "check_mystery", "my_findings"),
    ("05_overlay", "check_divided", "my_divided"),
    ("05_overlay", "check_nearest", "my_nearest"),
    ("05_overlay", "check_bilinear_row", "my_bilinear_row"),
    ("05_overlay", "check_normalise", "my_normalise"),
    ("05_overlay", "check_resize", "my_resize"),
    ("06_negative_evidence", "check_removed", "my_removed"),
    ("06_negative_evidence", "check_counterfactual", "my_counterfactual"),
    ("06_negative_evidence", "check_split", "my_split"),
    ("06_negative_evidence", "check_same_probabilities", "my_head"),
    ("06_negative_evidence", "check_row", "my_row"),
    ("07_cam_and_grad_cam", "check_cam", "my_cam"),
    ("07_cam_and_grad_cam", "check_gap_alphas", "my_gap_alphas"),
    ("07_cam_and_grad_cam", "check_gap_head", "my_gap_head"),
    ("07_cam_and_grad_cam", "check_lookalike", "my_lookalike"),
    ("08_other_cams", "check_xgrad_alphas", "my_xgrad_alphas"),
    ("08_other_cams", "check_blind_spot", "my_blind_spot"),
    ("08_other_cams", "check_cell_by_cell", "my_cell_by_cell"),
    ("08_other_cams", "check_grad_cam_plus_plus", "my_grad_cam_plus_plus"),
    ("09_can_you_trust_it", "check_drop", "my_drop"),
    ("09_can_you_trust_it", "check_deletion", "my_deletion"),
    ("09_can_you_trust_it", "check_rank_correlation", "my_rank_correlation"),
    ("09_can_you_trust_it", "check_bends", "my_bends"),
    ("09_can_you_trust_it", "check_four_networks", "my_findings"),
    ("10_verify_your_own", "check_both_sides", "my_sides"),
    ("10_verify_your_own", "check_counterexample", "my_counterexample"),
    ("10_verify_your_own", "check_stamping_backward", "my_stamping_backward"),
    ("10_verify_your_own", "check_sliding_backward", "my_sliding_backward"),
    ("10_verify_your_own", "check_three_cams", "my_evidence"),
    ("10_verify_your_own", "check_shift_law", "my_shift_law"),
]


@pytest.mark.parametrize(("notebook", "check", "answer"), some(ANSWERS, 2))
def test_the_solution_passes(notebook, check, answer, capsys):
    getattr(checks, check)(solution(notebook)[answer])
    assert capsys.readouterr().out.startswith("✓ ")


@pytest.mark.parametrize(("notebook", "check", "answer"), ANSWERS)
def test_the_stub_fails_with_a_sentence(notebook, check, answer):
    message = refusal(checks.CheckFailed, lambda: getattr(checks, check)(exercise(notebook)[answer]))
    assert message.endswith("replace the dots.")
