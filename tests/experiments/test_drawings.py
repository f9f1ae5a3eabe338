"""The drawings: what a seed decides, what the masks say, and that the pictures stay as they are."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st

from numpycam.experiments.drawings import CLASS_NAMES, LARGEST, MASK_NAMES, SMALLEST, draw

CAT, ELEPHANT, GRASS = range(3)
ANIMALS = {"neither": [False, False], "cat": [True, False], "elephant": [False, True], "both": [True, True]}
GOLDEN = Path(__file__).parents[1] / "golden" / "drawings.txt"

seeds = st.integers(0, 2**32)
options = st.fixed_dictionaries(
    {"size": st.integers(SMALLEST, 48), "colour": st.booleans()},
    optional={"animals": st.sampled_from([None, *ANIMALS]), "grass": st.sampled_from([None, False, True])},
) | st.fixed_dictionaries({"size": st.integers(SMALLEST, 48), "confounded": st.just(True)})


def identical(a, b):
    return all(same(getattr(a, name), getattr(b, name)) for name in ("images", "labels", "masks"))


def first(drawings, count):
    return type(drawings)(drawings.images[:count], drawings.labels[:count], drawings.masks[:count])


# --- What a seed decides ----------------------------------------------------------------------------


@given(seeds, options, st.integers(0, 5), st.integers(0, 5))
def test_the_first_of_many_are_the_same_as_the_few(seed, options, few, more):
    """With no more to come: the same seed draws the same pictures."""
    assert identical(draw(few, seed, **options), first(draw(few + more, seed, **options), few))


def test_another_seed_draws_other_pictures():
    assert not same(draw(8, 1).images, draw(8, 2).images)
    assert not same(draw(8, 1).labels, draw(8, 2).labels)
    assert len({image.tobytes() for image in draw(50).images}) == 50
    assert identical(draw(2), draw(2, 0))


@given(seeds, options)
def test_shapes_dtypes_and_ranges(seed, options):
    drawings, size = draw(3, seed, **options), options["size"]
    assert len(drawings) == 3
    assert drawings.images.shape == (3, 3 if options.get("colour") else 1, size, size)
    assert drawings.labels.shape == (3, len(CLASS_NAMES))
    assert drawings.masks.shape == (3, len(MASK_NAMES), size, size)
    assert (drawings.images.dtype, drawings.labels.dtype, drawings.masks.dtype) == (np.float32, bool, bool)
    assert drawings.images.min() >= 0
    assert drawings.images.max() <= 1


def test_pictures_are_32_wide_and_grey_unless_asked():
    assert identical(draw(3), draw(3, size=32, colour=False, confounded=False, animals=None, grass=None))
    assert identical(draw(np.int64(3), np.int64(5), size=np.int32(20)), draw(3, 5, size=20))


@pytest.mark.parametrize("size", [16, 17, 128, LARGEST])
def test_no_pictures_and_large_ones(size):
    assert draw(0, size=size, colour=True).images.shape == (0, 3, size, size)
    assert draw(0, size=size).masks.shape == (0, 3, size, size)
    drawings = draw(4, 2, size=size, animals="both")
    assert drawings.masks[:, :GRASS].any(axis=(2, 3)).all()


# --- What is there ----------------------------------------------------------------------------------


@given(seeds, options)
def test_masks_agree_with_the_labels_and_exclude_one_another(seed, options):
    """In odd sizes, too, where a column of pixels lies in both halves."""
    drawings = draw(6, seed, **options)
    assert same(drawings.masks[:, :GRASS].any(axis=(2, 3)), drawings.labels)
    assert drawings.masks.sum(axis=1).max() <= 1


@pytest.mark.parametrize(("animals", "grass"), list(product(ANIMALS, [False, True])))
def test_what_is_asked_for_is_there(animals, grass):
    drawings = draw(20, 4, animals=animals, grass=grass)
    assert same(drawings.labels, np.tile(ANIMALS[animals], (20, 1)))
    assert same(drawings.masks[:, GRASS].any(axis=(1, 2)), np.full(20, grass))
    assert identical(drawings, draw(20, 4, animals=animals, grass=np.bool_(grass)))


def test_cat_elephant_and_grass_are_independent():
    """A count X of n lots of chance p has P(|X - np| >= t) <= 2 exp(-2t²/n) (Hoeffding, 1963).

    Of the twelve counts none is further away than t with a chance of 1 - 1e-6 over the seeds.
    """
    n = 4000
    t = np.sqrt(n / 2 * np.log(2 * 12 / 1e-6))
    drawings = draw(n, size=16)
    there = np.column_stack([drawings.labels, drawings.masks[:, GRASS].any(axis=(1, 2))])
    for a, b in ((CAT, ELEPHANT), (CAT, GRASS), (ELEPHANT, GRASS)):
        for value in product([False, True], repeat=2):
            assert abs((there[:, [a, b]] == value).all(axis=1).sum() - n / 4) < t < n / 20


@given(seeds)
def test_confounded_ties_grass_to_elephants(seed):
    drawings = draw(12, seed, size=16, confounded=True)
    assert same(drawings.masks[:, GRASS].any(axis=(1, 2)), drawings.labels[:, ELEPHANT])
    assert same(drawings.labels, draw(12, seed, size=16).labels)
    for animals, (_, elephant) in ANIMALS.items():
        confounded = draw(2, seed, size=16, confounded=True, animals=animals)
        assert identical(confounded, draw(2, seed, size=16, animals=animals, grass=elephant))


# --- What does not change with the rest -----------------------------------------------------------


@given(seeds, st.sampled_from([*ANIMALS]), st.booleans())
def test_without_the_grass_the_rest_is_the_same(seed, animals, colour):
    """But for an animal's border: where it covers a share c > 1/2 of a pixel, 1 - c of the difference shows."""
    with_grass, without, bare, bare_without = (
        draw(3, seed, animals=which, grass=grass, colour=colour).images
        for which, grass in ((animals, True), (animals, False), ("neither", True), ("neither", False))
    )
    masks = draw(3, seed, animals=animals, grass=True).masks
    animal, grass = masks[:, :GRASS].any(axis=1)[:, None], masks[:, [GRASS]]
    difference, of_the_ground = np.abs(with_grass - without), np.abs(bare - bare_without)
    assert not difference[~(animal | grass).repeat(difference.shape[1], axis=1)].any()
    uncut = (np.minimum(bare, bare_without) > 0) & (np.maximum(bare, bare_without) < 1)  # else the bound is cut, too
    bound = of_the_ground * np.where(animal, 0.5, 1) + float(rounding(16, np.float32))
    assert (difference <= bound)[uncut].all()
    assert (difference > 0).any(axis=1)[grass[:, 0]].mean() > 0.9  # a few are hidden where both are cut off at 0


@given(seeds, st.booleans(), st.sampled_from(["cat", "elephant", "both"]))
def test_an_animal_hides_what_is_behind_it_and_no_more(seed, grass, animals):
    """Outside of the masks there are thin lines and borders, within an eighth of the side around an animal."""
    with_it, without = (draw(4, seed, animals=which, grass=grass) for which in (animals, "neither"))
    animal = with_it.masks[:, :GRASS].any(axis=1)
    assert same(with_it.masks[:, GRASS], without.masks[:, GRASS] & ~animal)
    for changed, mask in zip((with_it.images != without.images).any(axis=1), with_it.masks, strict=True):
        near = np.zeros_like(changed)
        for rows, columns in (np.nonzero(m) for m in mask[:GRASS] if m.any()):
            near[max(0, rows.min() - 4) : rows.max() + 5, max(0, columns.min() - 4) : columns.max() + 5] = True
        assert changed.any()
        assert not (changed & ~near).any()


@given(seeds)
def test_of_two_animals_each_has_its_half(seed):
    masks = draw(4, seed, animals="both").masks
    for cat, elephant, _ in masks:
        halves = [(mask[:, :16].any(), mask[:, 16:].any()) for mask in (cat, elephant)]
        assert sorted(halves) == [(False, True), (True, False)]


def test_each_side_is_seen():
    both = draw(100, animals="both").masks
    assert 20 < both[:, CAT, :, :16].any(axis=(1, 2)).sum() < 80
    alone = draw(100, animals="elephant").masks[:, ELEPHANT]
    leaning = [np.nonzero(mask)[1].mean() - np.nonzero(mask.any(axis=0))[0].mean() for mask in alone]
    assert 20 < (np.array(leaning) > 0).sum() < 80  # the body is on one side of the middle, the trunk on the other


@given(seeds)
def test_other_sizes_show_the_same_scene(seed):
    """Four small pixels make a large one. If the animal has more than half of each, it has more than half of that."""
    small, large = draw(3, seed, size=48), draw(3, seed, size=24)
    assert same(small.labels, large.labels)
    four = small.masks[:, :GRASS].reshape(3, 2, 24, 2, 24, 2)
    assert (large.masks[:, :GRASS] >= four.all(axis=(3, 5))).all()
    assert (large.masks[:, :GRASS] <= four.any(axis=(3, 5))).all()


@pytest.mark.parametrize(("size", "width"), [(16, 1), (32, 1), (64, 2), (128, 4)])
def test_blades_are_a_32nd_wide(size, width):
    grass = draw(20, size=size, animals="neither", grass=True).masks[:, GRASS]
    tops = grass.argmax(axis=1)  # (N, W)
    changes = (np.diff(tops) != 0).any(axis=0)
    assert np.flatnonzero(changes).tolist() == list(range(width - 1, size - 1, width))
    assert grass[:, -1].all()


def test_every_second_blade_is_bright():
    drawings = draw(100, animals="neither", grass=True)
    columns = drawings.images[:, 0, 24:].mean(axis=(0, 1))  # rows of grass alone
    assert columns[::2].min() > columns[1::2].max() + 0.1


def test_the_areas_of_the_animals():
    """A lone animal's square is 0.48² to 0.62² of the picture; the animal covers between a third and three quarters."""
    for c, animals in enumerate(CLASS_NAMES):
        area = draw(200, animals=animals).masks[:, c].mean(axis=(1, 2))
        assert 0.48**2 / 3 < area.min() < area.max() < 0.62**2 * 3 / 4


def test_cats_are_bright_and_elephants_dark():
    """So that a single pixel tells them apart; lines of ink are other, but fewer."""
    drawings = draw(100, animals="both")
    of_each = [np.median(drawings.images[n, 0][drawings.masks[n, c]]) for n in range(100) for c in (CAT, ELEPHANT)]
    cats, elephants = of_each[::2], of_each[1::2]
    assert max(elephants) < 0.3 < 0.4 < min(cats)


@given(seeds, options.filter(lambda options: "colour" in options))
def test_the_brightness_of_a_coloured_picture_is_the_grey_one(seed, options):
    """Where nothing is cut off, up to rounding: ten operations or so, on numbers below 4."""
    coloured, grey = draw(3, seed, **(options | {"colour": True})), draw(3, seed, **(options | {"colour": False}))
    assert same(coloured.masks, grey.masks)
    assert same(coloured.labels, grey.labels)
    whole = ((coloured.images > 0) & (coloured.images < 1)).all(axis=1) & (grey.images[:, 0] > 0)
    brightness = np.tensordot([0.299, 0.587, 0.114], coloured.images, axes=(0, 1))
    bound = 4 * float(rounding(10, np.float32))
    assert np.abs(brightness - grey.images[:, 0])[whole].max() <= bound
    assert whole.mean() > 0.5
    assert not same(coloured.images[:, 0], coloured.images[:, 2])


def test_things_have_colours():
    """A cat is reddish, an elephant and the sky bluish, grass green."""
    drawings = draw(50, colour=True, animals="both", grass=True)
    red, green, blue = drawings.images.swapaxes(0, 1)
    cat, elephant, grass = drawings.masks.swapaxes(0, 1)
    of_most = 0.5
    assert (red > blue)[cat].mean() > of_most
    assert (blue > red)[elephant].mean() > of_most
    assert ((green > red) & (green > blue))[grass].mean() > of_most
    assert (blue > red)[:, :6].mean() > of_most  # the sky: no animal is as high as that, and no horizon


# --- That they stay as they are ---------------------------------------------------------------------


def in_hex(drawings):
    """Each picture as rows of brightnesses from 00 to ff, under what it shows."""
    rows = []
    for image, masks in zip(drawings.images, drawings.masks, strict=True):
        rows.append(" ".join(name for name, mask in zip(MASK_NAMES, masks, strict=True) if mask.any()) or "nothing")
        rows += [row.tobytes().hex() for channel in np.rint(image * 255).astype(np.uint8) for row in channel]
    return rows


def test_the_pictures_stay_as_they_are():
    """Networks are trained on them. Rounded to bytes they are the same everywhere: no number is near a half."""
    drawn = in_hex(draw(6, 122, size=20)) + in_hex(draw(1, 333, colour=True, animals="both", grass=True))
    assert drawn == GOLDEN.read_text().splitlines()


# --- What is refused --------------------------------------------------------------------------------

REFUSED = [
    ({"count": -1}, ValueError, "count == -1, must be >= 0."),
    ({"count": 2.0}, TypeError, "count must be an instance of int, not float."),
    ({"count": True}, TypeError, "count must be an instance of int, not bool."),
    ({"seed": -1}, ValueError, "seed == -1, must be >= 0."),
    ({"seed": None}, TypeError, "seed must be an instance of int, not NoneType."),
    ({"size": 15}, ValueError, "size == 15, must be >= 16."),
    ({"size": 401}, ValueError, "size == 401, must be <= 400."),
    ({"size": (32, 32)}, TypeError, "size must be an instance of int, not tuple."),
    ({"colour": "red"}, TypeError, "colour must be an instance of bool, not str."),
    ({"confounded": 1}, TypeError, "confounded must be an instance of bool, not int."),
    ({"grass": 1}, TypeError, "grass must be an instance of bool, not int."),
    ({"grass": "no"}, TypeError, "grass must be an instance of bool, not str."),
    ({"animals": "dog"}, ValueError, "animals must be one of 'cat', 'elephant', 'both', 'neither', got 'dog'."),
    ({"animals": 1}, ValueError, "animals must be one of 'cat', 'elephant', 'both', 'neither', got 1."),
    ({"confounded": True, "grass": False}, ValueError, "grass must not be given if confounded is True, got False."),
]


@pytest.mark.parametrize(("changed", "error", "message"), REFUSED)
def test_what_draw_refuses(changed, error, message):
    assert refusal(error, lambda: draw(**({"count": 2} | changed))) == message


def test_drawings_say_in_a_line_what_is_in_them():
    some = draw(4, seed=7)
    cats, elephants = (int(there.sum()) for there in some.labels.T)
    lawns = sum(bool(mask[2].any()) for mask in some.masks)
    counts = f"{cats} with a cat, {elephants} with an elephant, {lawns} with grass"
    assert repr(some) == f"Drawings(4 pictures, 1 × 32 × 32; {counts})"
    one = draw(1, size=16, colour=True, animals="cat", grass=True)
    assert repr(one) == "Drawings(1 picture, 3 × 16 × 16; 1 with a cat, 0 with an elephant, 1 with grass)"
