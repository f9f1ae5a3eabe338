"""The table of a network's layers."""

import pytest
from helpers import refusal
from own_layers import Hiding, Skip, Wrapping

from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, worked_example
from numpycam.exact import as_fractions


@pytest.fixture
def network():
    return worked_example.network("conv")


def test_the_table_has_a_row_for_each_layer_and_a_total(network):
    assert str(network.summary((1, 4, 4))) == "\n".join([
        "name      layer                                   output shape  parameters  multiply-adds",
        "-----------------------------------------------------------------------------------------",
        "features  Conv2d(weight=(3, 1, 2, 2), stride=2)   (3, 2, 2)             12             48",
        "conv      Conv2d(weight=(2, 3, 2, 2), padding=1)  (2, 3, 3)             24            216",
        "relu      ReLU()                                  (2, 3, 3)              0              0",
        "max_pool  MaxPool2d(kernel_size=3, stride=3)      (2, 1, 1)              0              0",
        "flatten   Flatten()                               (2,)                   0              0",
        "-----------------------------------------------------------------------------------------",
        "total                                                                   36            264",
    ])  # fmt: skip


def test_a_name_in_the_table_does_not_change_the_terminal():
    text = str(Network([("a\x1b[2J\nb", ReLU())]).summary((1, 2, 3)))
    assert "\na?[2J?b  ReLU()" in text
    assert "\x1b" not in text


def test_the_table_as_html_escapes_names():
    html = Network([("<b>", ReLU())]).summary((1, 2, 3))._repr_html_()
    assert html.startswith("<table>")
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_what_does_not_fit_the_network_is_refused(network):
    assert refusal(ValueError, lambda: network.summary((3, 4, 4))) == (
        "input_shape (3, 4, 4) does not fit the network: layer 'features': Conv2d expects 1 input channels, got 3 "
        "(x has shape (1, 3, 4, 4), weight (3, 1, 2, 2))."
    )
    assert refusal(ValueError, lambda: network.summary((4, 4))) == (
        "input_shape (4, 4) does not fit the network: layer 'features': Conv2d: x must have shape (N, C, H, W), "
        "got (1, 4, 4); pass (C, H, W)."
    )


def test_a_table_does_not_say_what_a_layer_does_not_tell():
    conv, linear = Conv2d(as_fractions([[[[3]]]])), Linear(as_fractions([[4]]))
    network = Network([("own", Skip([("conv", conv)])), ("mean", GlobalAvgPool2d()), ("linear", linear)])
    own, *_ = network.summary((1, 2, 2)).rows
    assert (own.multiply_adds, own.parameters) == (None, 1)
    assert "unknown" in str(network.summary((1, 2, 2)))
    assert "at least 1" in str(network.summary((1, 2, 2)))
    assert all(line.count("Skip") <= 1 for line in str(network.summary((1, 2, 2))).splitlines())


class HidingThatSaysSo(Hiding):
    """It says that it is no rectifier, and nothing else."""

    is_rectifier = False


class HidingThatTellsAll(Hiding):
    """It says what it multiplies, too."""

    def affine(self, input_shape):
        return self.layers[0].affine(input_shape)


@pytest.mark.parametrize(("kind", "known"), [(Hiding, None), (HidingThatSaysSo, None), (HidingThatTellsAll, 2 * 6)])
def test_a_layer_that_hides_its_parameters_is_not_said_to_multiply_nothing(kind, known):
    conv = Conv2d(as_fractions([[[[3, 4]]]]))
    hiding, mean = Network([("own", kind((conv,))), ("mean", GlobalAvgPool2d())]).summary((1, 3, 3)).rows
    assert (hiding.multiply_adds, mean.multiply_adds) == (known, 0)


def test_a_layer_with_a_network_inside_stands_in_one_line(network):
    short = Network([("relu", ReLU())])
    rows = Network([("own", Wrapping(short)), ("skip", Skip(short.layers))]).summary((1, 2, 3)).rows
    assert [row.layer for row in rows] == [
        "Wrapping(inside=Network([ ('relu', ReLU()), ]))",
        "Skip([ ('relu', ReLU()), ])",
    ]
    table = str(Network([("own", Wrapping(network))]).summary((1, 4, 4))).splitlines()
    assert len(table) == 5
