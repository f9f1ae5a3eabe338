"""The ResNet-20 of docs/resnet20.py: what it is made of, that it learns, and the table that is printed."""

import numpy as np
from helpers import same, script

from numpycam import Conv2d, Linear, Residual
from numpycam.experiments.drawings import draw
from numpycam.experiments.training import sigmoid_cross_entropy

SCRIPT = script("resnet20.py")
NETWORK, FEW = SCRIPT["resnet20"](), draw(8, seed=0)


def test_a_row_of_twenty_layers_with_weights_leads_through_nine_blocks():
    blocks = [layer for _, layer in NETWORK.row if isinstance(layer, Residual)]
    in_the_row = [layer for _, layer in NETWORK.row if isinstance(layer, Conv2d | Linear)]
    inside = [layer for block in blocks for _, layer in block.body.row if isinstance(layer, Conv2d)]
    assert len(blocks) == 9
    assert len(in_the_row + inside) == 20
    shapes = NETWORK.shapes(FEW.images.shape)
    assert [shapes[f"stage{n}"] for n in (1, 2, 3)] == [(8, 16, 16, 16), (8, 32, 8, 8), (8, 64, 4, 4)]
    assert NETWORK.dtype == np.float32


def test_at_first_a_block_passes_on_what_its_shortcut_returns():
    activations = NETWORK.activations(FEW.images)
    for name, before in (("stage1.block1", "relu"), ("stage2.block1", "stage1"), ("stage3.block3", "stage3.relu2")):
        assert same(activations[name], NETWORK[name].shortcut(activations[before]))


def test_one_step_of_training_makes_the_loss_smaller():
    trained, (loss,) = SCRIPT["train"](NETWORK, FEW, SCRIPT["RATES"][:1])
    assert sigmoid_cross_entropy(trained(FEW.images), FEW.labels)[0] < loss
    assert trained["stage2.block1"].body["conv2"].weight.any()


def test_the_table_has_a_row_for_each_stage_and_animal():
    heading, *rows = SCRIPT["table"](NETWORK, FEW).splitlines()
    assert heading.startswith("maps")
    assert [row.split(",")[0] for row in rows] == ["stage1", "stage1", "stage2", "stage2", "stage3", "stage3"]


def test_a_mask_in_fewer_cells_covers_as_much():
    masks = FEW.masks[:, 0]
    assert same(SCRIPT["in_cells"](masks, 4, 8).mean(axis=(1, 2)), masks.mean(axis=(1, 2)))
