"""The networks that come with the package: what they reach, what is made by hand in them, and how they are measured."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given
from hypothesis import strategies as st

import numpycam
from numpycam import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, grad_cam
from numpycam.experiments.drawings import Drawings, draw
from numpycam.experiments.pretrained import (
    BACKGROUND_KERNEL,
    EPOCHS,
    IMAGES,
    NAMES,
    SEED,
    load_pretrained,
    map_difference,
    measure,
    train,
    untrained,
)
from numpycam.laws.strategies import tensors
from numpycam.metrics import energy_inside, pointing_game
from numpycam.resize import normalise, resize

CAT, ELEPHANT, GRASS = 0, 1, 2
STANDARD, CONFOUNDED = NAMES
SEEDS, COUNT = (11, 12, 13), 200  # of drawings that no network has seen
FOLDER = Path(numpycam.__file__).parent / "experiments" / "networks"
every_network = pytest.mark.parametrize("name", NAMES)


@cache
def unseen(**options):
    """Return the drawings of all SEEDS in one."""
    each = [draw(COUNT, seed, **options) for seed in SEEDS]
    return Drawings(*(np.concatenate([getattr(one, part) for one in each]) for part in ("images", "labels", "masks")))


def same_parameters(network, other):
    pairs = zip(network.parameters.items(), other.parameters.items(), strict=True)
    return all(name == twin and same(p, q) and p.dtype == q.dtype for (name, p), (twin, q) in pairs)


# --- What they reach ------------------------------------------------------------------------------------------------


def test_nothing_that_is_measured_here_was_trained_on():
    assert SEED not in SEEDS
    seen, new = draw(COUNT, SEED).images, unseen().images
    assert not {picture.tobytes() for picture in seen} & {picture.tobytes() for picture in new}


def test_the_standard_network_finds_the_animals_and_looks_at_them():
    found = measure(load_pretrained(STANDARD), unseen())
    assert (found.accuracy >= 0.98).all()
    assert (found.pointing >= 0.98).all()
    assert (found.energy[[CAT, ELEPHANT], [CAT, ELEPHANT]] >= 0.6).all()
    assert (found.area <= 0.2).all()
    assert found.shares[CAT, BACKGROUND_KERNEL] <= 0.1


def test_the_confounded_network_is_right_in_its_own_world_only():
    network = load_pretrained(CONFOUNDED)
    assert (measure(network, unseen(confounded=True)).accuracy >= 0.98).all()
    elsewhere = measure(network, unseen()).accuracy
    assert elsewhere[CAT] >= 0.98
    assert 0.4 <= elsewhere[ELEPHANT] <= 0.6


def test_the_confounded_network_looks_at_the_grass_for_the_elephant_not_for_the_cat():
    found = measure(load_pretrained(CONFOUNDED), unseen(grass=True))
    assert found.energy[ELEPHANT, GRASS] > 0.5 > found.energy[ELEPHANT, ELEPHANT]
    assert found.energy[CAT, CAT] >= 0.6
    assert found.shares[ELEPHANT, BACKGROUND_KERNEL] <= 0.1  # the map of the kernel called background does not tell


@pytest.mark.parametrize(("name", "without_grass", "grass_alone"), [(STANDARD, (0.98, 1), (0, 0.02)),
                                                                    (CONFOUNDED, (0, 0.1), (0.9, 1))])  # fmt: skip
def test_elephants_without_grass_and_grass_without_elephants(name, without_grass, grass_alone):
    network = load_pretrained(name)
    for grass, (low, high) in ((True, (0.98, 1)), (False, without_grass)):
        drawings = unseen(grass=grass)
        found = (network(drawings.images[drawings.labels[:, ELEPHANT]])[:, ELEPHANT] > 0).mean()
        assert low <= found <= high
    alarms = (network(unseen(animals="neither", grass=True).images) > 0).mean(axis=0)
    assert grass_alone[0] <= alarms[ELEPHANT] <= grass_alone[1]
    assert alarms[CAT] <= 0.02


# --- What is made by hand -------------------------------------------------------------------------------------------


def background_kernels(network):
    parameters = network.parameters
    return [
        parameters[f"{layer}.{part}"][BACKGROUND_KERNEL] for layer in ("conv1", "conv2") for part in ("weight", "bias")
    ]


@pytest.mark.parametrize("network", [untrained(), untrained(7), *map(load_pretrained, NAMES)], ids=["1", "7", *NAMES])
def test_the_kernel_made_by_hand_is_bit_equal_in_all_networks(network):
    first, no_bias, second, none = background_kernels(network)
    assert same(first, np.broadcast_to(np.array([0, -1, 2, -1, 0]) / 10, (1, 5, 5)).astype(np.float32))
    assert not second[np.arange(8) != BACKGROUND_KERNEL].any()
    assert same(second[BACKGROUND_KERNEL], np.full((5, 5), np.float32(1 / 25)))
    assert no_bias == none == 0
    assert same(network.parameters["scores.bias"], np.float32([-3, -3]))


@pytest.mark.parametrize("animals", ["neither", "both"])
def test_its_map_answers_to_grass(animals):
    """On grass it is thrice what it is on sky and soil, and more than on animals, though these have stripes, too."""
    drawings = draw(COUNT, seed=11, animals=animals, grass=True)
    maps = grad_cam(untrained(), drawings.images, CAT).feature_maps[:, BACKGROUND_KERNEL]
    masks = drawings.masks.reshape(-1, 3, 16, 2, 16, 2)  # a cell has four pixels
    on_grass, beside = masks[:, GRASS].all(axis=(2, 4)), ~masks.any(axis=(1, 3, 5))
    assert maps[on_grass].mean() > 3 * maps[beside].mean()
    on_animal = masks[:, :GRASS].any(axis=1).all(axis=(2, 4))
    assert on_animal.any() == (animals == "both")
    assert animals == "neither" or maps[on_grass].mean() > 1.25 * maps[on_animal].mean()


def test_the_untrained_network_is_drawn_from_its_seed_as_wide_as_it_should_be():
    network = untrained(3)
    assert same_parameters(network, untrained(3))
    assert not same_parameters(network, untrained(4))
    assert same_parameters(untrained(), untrained(SEED))
    assert {p.dtype for p in network.parameters.values()} == {np.dtype(np.float32)}
    assert network.target_layer == "features"
    assert network.split("features")[0].output_shape((5, 1, 32, 32)) == (5, 8, 16, 16)
    assert network.output_shape((5, 1, 32, 32)) == (5, 2)
    assert (network.parameters["scores.weight"] >= 0).all()
    assert not network.parameters["conv1.bias"].any()
    assert not network.parameters["conv2.bias"].any()
    for layer, size, inputs in (("conv1", 1, 25), ("conv2", 0.3, 200)):  # as wide as He et al. have it, or narrower
        drawn = np.delete(network.parameters[f"{layer}.weight"], BACKGROUND_KERNEL, axis=0)
        spread = size * np.sqrt(2 / inputs)
        assert abs(drawn.std() / spread - 1) < 5 / np.sqrt(2 * drawn.size)  # five standard deviations of a deviation


@pytest.mark.parametrize("network", [untrained(), *map(load_pretrained, NAMES)], ids=["untrained", *NAMES])
def test_the_head_takes_the_maximum_of_each_map(network):
    drawings = draw(9, seed=5)
    activations = network.activations(drawings.images)
    assert same(activations["flatten"], activations["features"].max(axis=(2, 3)))


# --- The files ------------------------------------------------------------------------------------------------------


def test_the_files_are_small_plain_and_all_there():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.npz" for name in NAMES)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 100_000
    for name in NAMES:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
            assert {array: arrays[array].shape for array in arrays} == {
                "network": (),
                "conv1.weight": (8, 1, 5, 5),
                "conv1.bias": (8,),
                "conv2.weight": (8, 8, 5, 5),
                "conv2.bias": (8,),
                "scores.weight": (2, 8),
                "scores.bias": (2,),
            }
            assert {arrays[array].dtype for array in arrays if array != "network"} == {np.dtype(np.float32)}


@every_network
def test_load_pretrained_loads_the_file_of_that_name(name):
    network = load_pretrained(name)
    assert same_parameters(network, Network.load(FOLDER / f"{name}.npz"))
    assert numpycam.load_pretrained is load_pretrained
    assert [(name, type(layer)) for name, layer in network.layers] == [
        (name, type(layer)) for name, layer in untrained().layers
    ]
    assert network.target_layer == "features"
    assert not any(p.flags.writeable for p in network.parameters.values())


def test_the_two_networks_are_two():
    assert not same_parameters(*map(load_pretrained, NAMES))


@pytest.mark.parametrize("name", ["drawing", "drawings.npz", "../networks/drawings", "Drawings", "", None, 0, FOLDER])
def test_there_are_no_others(name):
    message = f"name must be one of 'drawings', 'drawings-confounded', got {name!r}."
    assert refusal(ValueError, lambda: load_pretrained(name)) == message
    assert refusal(ValueError, lambda: train(name)) == message


# --- Training -------------------------------------------------------------------------------------------------------

SHORT = {"images": 40, "epochs": 2}  # two batches in each epoch, the second of them smaller


@every_network
def test_the_same_seed_trains_the_same_bits_and_another_seed_others(name):
    network = train(name, 5, **SHORT)
    assert same_parameters(network, train(name, 5, **SHORT))
    assert not same_parameters(network, train(name, 6, **SHORT))


@every_network
def test_what_is_made_by_hand_is_frozen_and_all_else_is_trained(name):
    before, after = untrained(5), train(name, 5, **SHORT)
    assert all(map(same, background_kernels(before), background_kernels(after)))
    assert same(before.parameters["scores.bias"], after.parameters["scores.bias"])
    for key, p in after.parameters.items():
        changed = (p != before.parameters[key]).any(axis=tuple(range(1, p.ndim)))
        if key in ("conv1.weight", "conv2.weight"):
            assert changed.tolist() == [k != BACKGROUND_KERNEL for k in range(8)]
        if key == "scores.weight":
            assert (p[:, BACKGROUND_KERNEL] != before.parameters[key][:, BACKGROUND_KERNEL]).all()


def test_the_two_networks_differ_by_their_pictures_alone(monkeypatch):
    drawn = []

    def drawing(*given, **options):
        drawn.append(draw(*given, **options))
        return drawn[-1]

    monkeypatch.setattr("numpycam.experiments.pretrained.draw", drawing)
    assert not same_parameters(*(train(name, 5, **SHORT) for name in NAMES))
    for pictures, confounded in zip(drawn, (False, True), strict=True):
        expected = draw(40, 5, confounded=confounded)
        assert same(pictures.images, expected.images)
    monkeypatch.setattr("numpycam.experiments.pretrained.draw", lambda *_, **__: drawn[0])
    assert same_parameters(*(train(name, 5, **SHORT) for name in NAMES))


def test_no_epoch_changes_nothing_and_the_steps_can_be_watched():
    assert same_parameters(train(STANDARD, 5, images=2, epochs=0), untrained(5))
    steps = []
    train(STANDARD, 5, **SHORT, progress=lambda each: (steps.append(step) or step for step in each))
    assert steps == [0, 1, 2, 3]


def test_what_cannot_be_trained_on():
    assert refusal(ValueError, lambda: train(STANDARD, images=-1)) == "images == -1, must be >= 1."
    assert refusal(ValueError, lambda: train(STANDARD, epochs=-1, images=1)) == "epochs == -1, must be >= 0."
    assert refusal(ValueError, lambda: train(STANDARD, seed=-1)) == "seed == -1, must be >= 0."
    assert refusal(TypeError, lambda: train(STANDARD, images=1.5)) == "images must be an instance of int, not float."


@pytest.mark.skipif(not os.environ.get("CI"), reason="ten seconds for each network: in CI, where CI is set")
@every_network
def test_training_once_more_gives_the_network_of_the_package(name):
    """Where matrix products are rounded in another order, networks differ: at most .0125 and .0056 have been seen.

    With another seed, or ten pictures fewer, the maps differ by .0215 at least.
    """
    network, shipped, drawings = train(name), load_pretrained(name), draw(500, seed=77)
    ours, theirs = measure(network, drawings), measure(shipped, drawings)
    for quantity in ("accuracy", "pointing", "energy"):
        assert np.abs(getattr(ours, quantity) - getattr(theirs, quantity)).max() <= 0.05
    assert map_difference(network, shipped, drawings) <= 0.015


def test_how_they_were_trained_is_what_train_does_unless_told_otherwise(monkeypatch):
    told = {}

    def drawing(count, seed, **options):
        told.update(count=count, drawn=(seed, options))
        return draw(2, seed, **options)

    def fit(network, images, labels, **options):
        told.update(options, network=network, images=images, labels=labels)
        return network, []

    monkeypatch.setattr("numpycam.experiments.pretrained.draw", drawing)
    monkeypatch.setattr("numpycam.experiments.pretrained.fit", fit)
    train(CONFOUNDED)
    assert (told["count"], told["epochs"], told["seed"]) == (IMAGES, EPOCHS, SEED)
    assert (told["learning_rate"], told["weight_decay"]) == (0.05, 1e-3)
    assert told["drawn"] == (SEED, {"confounded": True})
    assert same(told["images"], draw(2, SEED, confounded=True).images)
    assert same(told["labels"], draw(2, SEED).labels)
    assert same_parameters(told["network"], untrained(SEED))


# --- How they are measured ------------------------------------------------------------------------------------------

WHOLE = st.integers(-3, 3)


def small_network(weight, head):
    """Of (N, 1, 4, 8); its maps are of 2 × 4 cells, and in floats it is exact for whole numbers."""
    return Network([("conv", Conv2d(weight, padding=1)), ("pool", AvgPool2d(2)), ("features", ReLU()),
                    ("pool2", MaxPool2d(2)), ("flatten", Flatten()), ("scores", Linear(head))],
                   target_layer="features")  # fmt: skip


@st.composite
def networks(draw):
    return small_network(draw(tensors((3, 1, 3, 3), "float64")), draw(tensors((2, 6), "float64")))


@st.composite
def pictures(draw):
    """Whole numbers instead of drawings: labels with each animal, and masks that do not meet."""
    n = draw(st.integers(2, 6))
    images = draw(tensors((n, 1, 4, 8), "float64"))
    labels = np.concatenate([np.eye(2, dtype=bool), draw(tensors((n - 2, 2), "float64")) > 0])
    labels = labels[draw(st.permutations(range(n)))]
    owner = draw(tensors((n, 1, 4, 8), "float64")) % 4
    return Drawings(images, labels, owner == np.arange(3)[:, None, None])


def measured_one_by_one(network, drawings):
    accuracy, pointing, energy, area, shares = [], [], [], [], []
    for c in (CAT, ELEPHANT):
        rows = [[], [], [], [], []]
        for image, labels, masks in zip(drawings.images, drawings.labels, drawings.masks, strict=True):
            rows[0].append((network(image[None])[0, c] > 0) == labels[c])
            if labels[c]:
                explanation = grad_cam(network, image, c)
                heat = resize(explanation.localization_map, image.shape[1:])
                rows[1].append(pointing_game(heat, masks[c]))
                rows[2].append([energy_inside(heat, mask) for mask in masks])
                rows[3].append(masks[c].mean())
                rows[4].append(explanation.channel_shares)
        for values, row in zip((accuracy, pointing, energy, area, shares), rows, strict=True):
            values.append(np.mean(row, axis=0).tolist())
    return accuracy, pointing, energy, area, shares


@given(networks(), pictures())
def test_measures_are_those_of_the_images_one_by_one(network, drawings):
    """With ``==``: for whole numbers the maps are exact, and what is divided is the same both times."""
    assert tuple(part.tolist() for part in measure(network, drawings)) == measured_one_by_one(network, drawings)


def many():
    rng = np.random.default_rng(0)
    owner = rng.integers(0, 4, (270, 1, 4, 8))
    return Drawings(rng.integers(-4, 5, (270, 1, 4, 8)).astype(float), rng.random((270, 2)) < 0.96,
                    owner == np.arange(3)[:, None, None])  # fmt: skip


def a_network(seed=0):
    rng = np.random.default_rng(seed)
    return small_network(*(rng.integers(-3, 4, shape).astype(float) for shape in ((3, 1, 3, 3), (2, 6))))


def test_measures_of_more_than_go_through_the_network_at_once_are_the_same():
    assert tuple(part.tolist() for part in measure(a_network(), many())) == measured_one_by_one(a_network(), many())


def test_the_shapes_of_what_is_measured():
    found = measure(load_pretrained(STANDARD), draw(8, seed=3))
    assert [part.shape for part in found] == [(2,), (2,), (2, 3), (2,), (2, 8)]
    assert found._fields == ("accuracy", "pointing", "energy", "area", "shares")


@pytest.mark.parametrize(("animals", "count", "missing"), [("cat", 3, "elephant"), ("elephant", 2, "cat"),
                                                           ("neither", 4, "cat"), (None, 0, "cat")])  # fmt: skip
def test_of_an_animal_that_is_nowhere_nothing_can_be_measured(animals, count, missing):
    drawings = draw(count, animals=animals)
    message = refusal(ValueError, lambda: measure(untrained(), drawings))
    assert message == f"drawings must have at least one {missing}, got none in {count}."


def difference_one_by_one(network, other, drawings):
    cells = []
    for c in (CAT, ELEPHANT):
        for image, labels in zip(drawings.images, drawings.labels, strict=True):
            if labels[c]:
                ours, theirs = (normalise(grad_cam(one, image, c).localization_map) for one in (network, other))
                cells += np.abs(ours - theirs).ravel().tolist()
    return np.mean(cells)


@given(networks(), networks(), pictures())
def test_the_difference_of_maps_is_that_of_the_images_one_by_one(network, other, drawings):
    difference = map_difference(network, other, drawings)
    assert difference == difference_one_by_one(network, other, drawings)
    assert difference == map_difference(other, network, drawings)
    assert 0 <= difference <= 1


def test_the_difference_of_maps_of_more_than_go_through_at_once_is_the_same():
    ours, theirs, drawings = a_network(0), a_network(1), many()
    difference = map_difference(ours, theirs, drawings)
    assert type(difference) is float
    assert difference == difference_one_by_one(ours, theirs, drawings) > 0


@given(networks(), pictures(), st.sampled_from([0.25, 1, 2]))
def test_a_network_and_its_multiples_have_the_same_maps(network, drawings, factor):
    scaled = network.with_parameters({"scores.weight": network.parameters["scores.weight"] * factor})
    assert map_difference(network, scaled, drawings) == 0


def test_of_one_animal_alone_the_maps_can_be_compared_of_none_they_cannot():
    ours, theirs = map(load_pretrained, NAMES)
    assert map_difference(ours, theirs, draw(2, animals="elephant", grass=True)) > 0.1
    message = refusal(ValueError, lambda: map_difference(ours, theirs, draw(3, animals="neither")))
    assert message == "drawings must have at least one animal, got none in 3."


def test_a_network_without_two_scores_is_not_measured():
    one = load_pretrained(NAMES[0]).split("features")[0]
    message = refusal(ValueError, lambda: measure(one, draw(4, seed=7)))
    assert message == "network must have two scores, for cat and elephant, got outputs of shape (4, 8, 16, 16)."
