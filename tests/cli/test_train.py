"""``numpycam train``: both networks, held against those of the package, and how it fails."""

import re
import sys

import numpy as np
import pytest
from helpers import drawing, same, words

from numpycam import Network
from numpycam.cli import main
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import EPOCHS, IMAGES, NAMES, SEED, load_pretrained, map_difference, measure, train
from numpycam.experiments.training import DivergedError


@pytest.fixture
def train_command(tmp_path, capsys, monkeypatch):
    """Run the command with an output folder, on few drawings, and without a progress bar.

    It measures on a tenth of the drawings that it would.
    """
    monkeypatch.setitem(sys.modules, "tqdm", None)  # an import of it fails then
    monkeypatch.setattr("numpycam.cli.train.draw", lambda count, seed: draw(count // 10, seed))

    def call(*arguments):
        given = ["--images", "33", "--epochs", "1", *map(str, arguments)]
        status = main(["train", "--out", str(tmp_path / "out"), *given])
        return status, *capsys.readouterr()

    return call


def same_parameters(network, other):
    return all(map(same, network.parameters.values(), other.parameters.values()))


def test_train_writes_both_networks_and_holds_them_against_those_of_the_package(train_command, tmp_path):
    status, out, err = train_command("--seed", 5, "--images", 40, "--epochs", 2)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{name}.npz" for name in NAMES)
    out, note = out.split("  In the new drawings, ")
    assert words(note).endswith(
        "of A^3 on drawings that all have grass. So it prints other shares for the same network. "
    )
    for name, told in zip(NAMES, out.split("Training ")[1:], strict=True):
        path, network = tmp_path / "out" / f"{name}.npz", train(name, 5, images=40, epochs=2)
        assert same_parameters(Network.load(path), network)
        assert told.startswith(
            f"{name!r} on 40 drawings, epochs: 2 ...\nWritten to {path}\n\n  On 50 new drawings, in %"
        )
        shipped, drawings = load_pretrained(name), draw(50, seed=1005)
        ours, theirs = measure(network, drawings), measure(shipped, drawings)
        table = dict(re.findall(r"^  (\S.*?\S) {2,}([0-9. ]+)$", told, flags=re.MULTILINE))
        for row, of_class in {
            "right answers": lambda found, c: found.accuracy[c],
            "peak of the map on the animal": lambda found, c: found.pointing[c],
            "map on the animal": lambda found, c: found.energy[c, c],
            "map on the grass": lambda found, c: found.energy[c, 2],
            "share of A^3": lambda found, c: found.shares[c, 2],
        }.items():
            assert table.pop(row).split() == [
                f"{100 * of_class(found, c):.1f}" for found in (ours, theirs) for c in (0, 1)
            ]
        assert not table
        apart = map_difference(network, shipped, drawings)
        assert told.endswith(
            f"\n\n  Scaled to at most 1, the maps of both networks differ by {apart:.4f} on average.\n\n"
            f"See it: numpycam explain --draw both --network {path}\n\n"
        )


def test_the_columns_of_the_table_stand_under_their_names(train_command):
    _, out, _ = train_command("--only", NAMES[0])
    above, names, *rows = out.split("\n\n")[1].splitlines()
    ends = [match.end() for match in re.finditer(r"\S+", names)]
    assert names.split() == ["cat", "elephant"] * 2
    assert [above.index("this one") + len("this one"), len(above)] == ends[1::2]
    assert len(rows) == 5
    for row in rows:
        assert [match.end() for match in re.finditer(r"[0-9]+\.[0-9]", row)] == ends


def test_the_same_network_is_told_to_be_the_same(train_command, monkeypatch, tmp_path):
    shipped = load_pretrained(NAMES[1])
    last_bit = {key: np.nextafter(p, np.float32(9), dtype=np.float32) for key, p in shipped.parameters.items()}
    for network, end in ((shipped, "The two networks are the same to the bit."),
                         (shipped.with_parameters({"conv2.bias": last_bit["conv2.bias"]}),
                          "Scaled to at most 1, the maps of both networks differ by 0.0000 on average.")):  # fmt: skip
        monkeypatch.setattr("numpycam.cli.train.train", lambda *_, network=network: network)
        _, out, _ = train_command("--only", NAMES[1])
        assert f"\n\n  {end}\n\n" in out


def test_train_trains_one_alone_and_unless_told_otherwise_as_the_package_did(tmp_path, monkeypatch, capsys):
    trained = []

    def training(*given):
        trained.append(given[:-1])
        return load_pretrained(given[0])

    monkeypatch.setattr("numpycam.cli.train.train", training)
    monkeypatch.setattr("numpycam.cli.train._beside_the_shipped", lambda *_: "")
    for only in NAMES:
        assert main(["train", "--only", only, "--out", str(tmp_path / only)]) == 0
        assert [path.name for path in (tmp_path / only).iterdir()] == [f"{only}.npz"]
    assert main(["train", "--seed", "7", "--images", "8", "--epochs", "9", "--out", str(tmp_path / "both")]) == 0
    assert trained == [*((name, SEED, IMAGES, EPOCHS) for name in NAMES), *((name, 7, 8, 9) for name in NAMES)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "drawing"], "argument --only: invalid choice: 'drawing' (choose from "),
        (["--images", "0"], "argument --images: must be a whole number in 1..999999999, got '0'"),
        (["--epochs", "0"], "argument --epochs: must be a whole number in 1..999999999, got '0'"),
        (["--seed", "-1"], "argument --seed: must be a whole number in 0..999999999, got '-1'"),
    ],
)
def test_what_cannot_be_trained_gets_one_line_and_nothing_is_written(
    train_command, tmp_path, capsys, arguments, message
):
    with pytest.raises(SystemExit) as stopped:
        train_command(*arguments)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"numpycam train: error: {message}")
    assert not (tmp_path / "out").exists()


def diverging(*_):
    raise DivergedError(3, 1, 0.05, load_pretrained(NAMES[0]), np.zeros(3))


def taking_all(*_):
    raise MemoryError


@pytest.mark.parametrize(("training", "message"), [(diverging, "training diverged in step 3: pass another --seed.\n"),
    (taking_all, "there is not enough memory for so many drawings: pass a smaller --images.\n")])  # fmt: skip
def test_a_training_that_fails_gets_one_line_and_writes_no_network(
    train_command, tmp_path, capsys, monkeypatch, training, message
):
    monkeypatch.setattr("numpycam.cli.train.train", training)
    with pytest.raises(SystemExit) as stopped:
        train_command()
    _, err = capsys.readouterr()
    assert (stopped.value.code, err.count("\n")) == (2, 1)
    assert err.startswith(f"numpycam train: error: {message}")
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_written_nothing_is_trained(train_command, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        train_command()
    assert stopped.value.code == 2
    assert (tmp_path / "out").read_text() == "mine"


def test_a_trained_network_can_be_explained(train_command, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("numpycam.cli.train._beside_the_shipped", lambda *_: "")
    train_command("--only", NAMES[0])
    with drawing():
        path = tmp_path / "out" / f"{NAMES[0]}.npz"
        assert main(["explain", "--draw", "cat", "--network", str(path), "--out", str(tmp_path / "explained")]) == 0
    assert f"The network  {NAMES[0]}.npz\n" in capsys.readouterr().out
