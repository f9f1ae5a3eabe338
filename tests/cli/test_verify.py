"""``numpycam verify``: functions of one's own, and maps of unknown making."""

import json

import numpy as np
import pytest

from numpycam.cli import main
from numpycam.methods import METHODS
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, LOCALIZATION_MAP

MODULE = """
import numpy as np

def cam(A, g):
    return np.maximum((g.mean(axis=(1, 2))[:, None, None] * A).sum(axis=0), 0)

def cam_by_sums(A, g):
    return np.maximum((g.sum(axis=(1, 2))[:, None, None] * A).sum(axis=0), 0)

def cam_in_float32(A, g):
    if A.dtype != np.float32:
        raise TypeError("float32 only")
    return cam(A, g)

def sums_in_float32(A, g):
    return cam_by_sums(A, g).astype(np.float32)

def loud(x):
    raise RuntimeError("no")

number = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "mycams.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.delitem(__import__("sys").modules, "mycams", raising=False)


def test_what_is_right_is_told_law_by_law(capsys):
    assert main(["verify", "grad_cam", "cam=mycams:cam"]) == 0
    told = capsys.readouterr().out
    assert "✓ halves" in told
    assert "· weighted-sum" in told
    assert "not asked: there is no weighted_sum" in told


def test_what_is_wrong_is_told_with_the_smallest_case(capsys):
    assert main(["verify", "grad_cam", "cam=mycams:cam_by_sums"]) == 1
    told = capsys.readouterr().out
    assert "✗ map" in told
    assert "grad_cam breaks map" in told
    assert "To see it: cam_by_sums(np.array(" in told


def test_what_computes_in_float32_can_say_so(capsys):
    assert main(["verify", "grad_cam", "cam=mycams:cam_in_float32"]) == 1
    assert main(["verify", "grad_cam", "cam=mycams:cam_in_float32", "--dtype", "float32"]) == 0
    assert main(["verify", "grad_cam", "cam=mycams:sums_in_float32", "--dtype", "float32"]) == 1
    assert "], np.float32)" in capsys.readouterr().out


def test_the_report_as_json(capsys):
    assert main(["verify", "grad_cam", "cam=mycams:cam_by_sums", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    states = {law["id"]: law["state"] for law in report["laws"]}
    assert report["operation"] == "grad_cam"
    assert (states["map"], states["not-negative"], states["alphas"]) == ("broken", "held", "not asked")
    assert report["lesson"].startswith("grad_cam breaks map")


def test_what_raises_is_a_finding(capsys):
    assert main(["verify", "relu", "forward=mycams:loud"]) == 1
    assert "raised RuntimeError: no" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reluu", "forward=mycams:cam"], "Did you mean 'relu'?"),
        (["relu", "forward=mycams:absent"], "module 'mycams' has no attribute 'absent'"),
        (["relu", "forward=absent:f"], "No module named 'absent'"),
        (["relu", "forward=mycams:number"], "'mycams:number' is no function, but int"),
        (["relu", "forward=mycams"], "must be NAME=MODULE:FUNCTION"),
        (["relu"], "laws.relu needs a function to verify: forward=…, backward=…"),
        (["relu", "cam=mycams:cam"], "it knows no 'cam'"),
        (["network", "forward=mycams:cam"], "laws.network.verify needs input_shape"),
        ([], "needs an operation, or all of --activations, --gradients and --cam"),
        (["--cam", "a.npy"], "needs an operation, or all of --activations, --gradients and --cam"),
        (["relu", "forward=mycams:cam", "--cam", "a.npy"], "are for use without an operation"),
        (["--activations", "a.npy", "--gradients", "a.npy", "--cam", "a.npy"], "cannot read a.npy: No such file"),
    ],
)
def test_a_mistake_in_the_command_is_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["verify", *arguments])
    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in told
    assert told.count("\n") == 1


def files(cam):
    for name, array in (("A", FEATURE_MAPS), ("g", GRADIENTS), ("cam", cam)):
        np.save(f"{name}.npy", np.asarray(array, float))
    return ["verify", "--activations", "A.npy", "--gradients", "g.npy", "--cam", "cam.npy"]


def test_a_map_is_known_by_its_method(capsys):
    assert main(files(LOCALIZATION_MAP)) == 0
    assert capsys.readouterr().out == "grad_cam: the map\n"
    assert main(files(LOCALIZATION_MAP / LOCALIZATION_MAP.max())) == 0
    assert capsys.readouterr().out == "grad_cam: the map, scaled by its maximum\n"


@pytest.mark.parametrize("name", ["grad_cam", "grad_cam_plus_plus", "xgrad_cam", "hirescam", "layercam", "eigen_cam"])
def test_the_weighted_sum_of_each_method_is_known(name, capsys):
    explanation = METHODS[name].from_maps(np.asarray(FEATURE_MAPS, float), np.asarray(GRADIENTS, float))
    assert main(files(explanation.weighted_sum)) == 0
    assert f"{name}: the weighted sum, before the ReLU" in capsys.readouterr().out


def test_a_map_of_nobody_is_not_known(capsys):
    assert main(files([[1, 2], [3, 5]])) == 1
    assert capsys.readouterr().out == "No method that is known, and no known mistake, makes this map.\n"
    np.save("cam.npy", np.array([[1, 2], [3, "x"]], dtype=object))
    with pytest.raises(SystemExit):
        main(["verify", "--activations", "A.npy", "--gradients", "g.npy", "--cam", "cam.npy"])
    assert "cam.npy is no .npy file of numbers" in capsys.readouterr().err
