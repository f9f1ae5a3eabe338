"""``numpycam methods``: the table, and one method; and the methods by all of which a picture is explained."""

import re

import numpy as np
import pytest
from helpers import refusal, same

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, worked_example
from numpycam.cli import main
from numpycam.cli.methods import by_all, explained
from numpycam.methods import METHODS
from numpycam.methods.recipe import PROPERTIES, PoleError

METHOD = pytest.mark.parametrize("name", METHODS)


def printed(capsys, *arguments):
    assert main(["methods", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def pooled(kernel=1.0):
    """A network that all methods can explain, CAM too."""
    random = np.random.default_rng(0)
    return Network([
        ("conv1", Conv2d(kernel * random.normal(size=(3, 1, 2, 3)), random.normal(size=3))),
        ("relu", ReLU()),
        ("conv2", Conv2d(random.normal(size=(4, 3, 2, 2)))),
        ("gap", GlobalAvgPool2d()),
        ("linear", Linear(random.normal(size=(2, 4)))),
    ])  # fmt: skip


IMAGE = np.random.default_rng(1).uniform(size=(1, 6, 7))


def test_the_table_has_a_row_for_each_method_and_its_marks_are_its_properties(capsys):
    out = printed(capsys)
    rows = {line.split()[0]: line for line in out.splitlines() if line[2:].split(" ")[0] in METHODS}
    assert [*rows] == sorted(METHODS, key=lambda name: METHODS[name].layer is not None)
    for name, line in rows.items():
        method, marks = METHODS[name], line.split()[-7:]
        has = [*(what in method.properties for what in PROPERTIES), method.is_exact]
        assert marks == ["yes" if yes else "-" for yes in has]
        assert f" {method.needs} " in line
    assert len({len(line) - len(line.split()[-1]) for line in rows.values() if line.endswith("yes")}) == 1  # aligned


def test_every_property_is_told_by_its_number(capsys):
    told = re.sub(r"\s+", " ", printed(capsys))
    for number, (what, meaning) in enumerate(PROPERTIES.items(), start=1):
        assert f" {number} {what}: {meaning} " in told
    assert f" {len(PROPERTIES) + 1} exact: " in told


@METHOD
def test_of_one_method_its_equation_and_source_and_conventions_are_told(capsys, name):
    out, method = printed(capsys, name), METHODS[name]
    assert out.startswith(f"{method.name}: numpycam.methods.{name}\n\n  L = {method.equation}\n")
    assert f"  source      {method.source}\n" in out
    assert f"  needs       {method.needs}" in out
    assert {*out.split("  properties  ")[1].split("\n")[0].split(", ")} == {
        *method.properties,
        *(["exact"] if method.is_exact else []),
    }
    assert ":func:" not in out
    assert (
        method.about.replace(":func:", "").replace(":class:", "").split()
        == out.split("  needs  ")[0].split("\n\n", 2)[2].split()
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("layer-cam", " Did you mean 'layercam'?"),
        ("GradCAM++", " Did you mean 'grad_cam_plus_plus'?"),
        ("HiResCAM", " Did you mean 'hirescam'?"),
        ("all", ""),
        ("", ""),
    ],
)
def test_a_method_that_is_not_there_gets_one_line(capsys, text, hint):
    with pytest.raises(SystemExit) as caught:
        main(["methods", text])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"numpycam methods: error: argument NAME: must be a name that numpycam methods lists, got {text!r}.{hint}\n"
    )


@METHOD
def test_one_of_all_is_the_method_itself(name):
    found, lines = by_all(pooled(), IMAGE, 1)
    assert [*found] == [*METHODS]
    assert same(found[name].weighted_sum, METHODS[name](pooled(), IMAGE, 1).weighted_sum)
    (line,) = [line for line in lines if line.startswith(f"  {name} ")]
    values = found[name].weighted_sum
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", line)]
    assert np.abs(np.array(numbers) - [values.sum(), values.min(), values.max()]).max() <= 5e-5


def test_the_layer_is_for_the_methods_that_have_none_of_their_own():
    found, lines = by_all(pooled(), IMAGE, 1, "conv1")
    assert "  cam is left out: CAM needs a head that averages each map of 'conv1' and a\n" in "\n".join(lines)
    assert {name: e.layer for name, e in found.items()} == {
        name: method.layer or "conv1" for name, method in METHODS.items() if name != "cam"
    }


def test_where_the_largest_value_is_and_where_none_is():
    kernel = np.array([[[[1.0]]]])
    layers = [("conv", Conv2d(kernel)), ("flatten", Flatten()), ("linear", Linear(np.eye(6)[[4]] * [[1.0], [-1.0]]))]
    image = np.ones((1, 2, 3))
    for c, where in ((0, "1, 1"), (1, "no cell speaks for it")):
        _, lines = by_all(Network(layers), image, c)
        (line,) = [line for line in lines if line.startswith("  hirescam ")]
        assert line.endswith(f"  {where}")


def test_where_is_the_place_in_the_map_that_is_seen():
    """L = -100, 5, -100, 3, 3 at each second pixel: between two cells only what the ReLU has left counts."""
    head = Linear([[-100.0, 5.0, -100.0, 3.0, 3.0]])
    network = Network([("conv", Conv2d(np.ones((1, 1, 1, 1)), stride=2)), ("flatten", Flatten()), ("linear", head)])
    _, lines = by_all(network, np.ones((1, 1, 10)), 0)
    (line,) = [line for line in lines if line.startswith("  hirescam ")]
    assert line.endswith("  0, 2")  # of the map's 5 the pixels 2 and 3 have 3.75


def test_methods_without_an_exact_value_are_left_out_where_numbers_are_fractions():
    found, lines = by_all(worked_example.network(), worked_example.IMAGE, 0)
    assert {*found} == {name for name, method in METHODS.items() if method.is_exact and name != "cam"}
    text = re.sub(r"\s+", " ", "\n".join(lines))
    for name, method in METHODS.items():
        if not method.is_exact:
            assert f" {name} is left out: {method.name} has no exact value" in text


def test_a_pole_is_told_and_the_others_go_on():
    kernel = np.array([[[[1.0]]], [[[-1.0]]]])
    layers = [("conv", Conv2d(kernel)), ("flatten", Flatten()), ("linear", Linear(np.ones((1, 8))))]
    found, lines = by_all(Network(layers), np.array([[[1.0, -1.0], [2.0, -2.0]]]), 0)
    assert "xgrad_cam" not in found
    assert "hirescam" in found
    assert "  xgrad_cam is left out: XGrad-CAM has a pole: S_k is 0 (image 0, map 0)." in lines
    network, image = Network(layers), np.array([[[1.0, -1.0], [2.0, -2.0]]])
    assert "S_k is 0" in refusal(PoleError, lambda: explained("xgrad_cam", network, image, 0))


def test_what_overflows_is_left_out_rather_than_drawn():
    found, lines = by_all(pooled(1e200), 1e150 * IMAGE, 0)
    assert {*found} == {"gradient", "smooth_grad", "guided_backprop"}
    assert "  hirescam is left out: weighted_sum contains NaN at index (0, 0)." in lines


def test_warnings_are_told():
    random = np.random.default_rng(3)
    layers = [
        ("conv", Conv2d(random.normal(size=(40, 1, 3, 3)))),
        ("relu", ReLU()),
        ("flatten", Flatten()),
        ("linear", Linear(random.normal(size=(1, 40 * 20)))),
    ]
    network, image = Network(layers), random.normal(size=(1, 6, 7))
    start = Network([("shift", Conv2d(np.ones((1, 1, 1, 1)), np.array([0.5]))), *layers])
    explanation, warned = explained("integrated_gradients", start, image, 0)
    assert explanation.method == "integrated gradients"
    assert len(warned) == 1
    assert "more than max_kinks = 50" in warned[0]
    assert explained("integrated_gradients", network, image, 0)[1] == []  # from 0 on, without a bias, there is no kink
    _, lines = by_all(start, image, 0)
    assert any(
        line.startswith("  integrated_gradients: integrated gradients are by the midpoint rule") for line in lines
    )
