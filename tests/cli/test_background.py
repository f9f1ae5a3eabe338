"""``numpycam background``: what is measured, whether what is told of it is true, and what is written."""

import json
import re
from functools import cache
from math import prod

import numpy as np
import pytest
from helpers import collisions, drawing, pixels_of, same, words
from hypothesis import given
from hypothesis import strategies as st

from numpycam import grad_cam
from numpycam.cli import main
from numpycam.cli.background import FILES, Findings, figure_of_maps, investigate, story
from numpycam.display import Picture, figure_of_kernels, overlay
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import NAMES, SEED, Measures, load_pretrained, measure
from numpycam.metrics import energy_inside
from numpycam.resize import resize

CAT, ELEPHANT, GRASS = 0, 1, 2
IMAGES = 20
NETWORKS = {name: load_pretrained(name) for name in NAMES}
PROOF = "The drawings without grass prove it: most of the elephants are not found there."
NO_PROOF = "look where the map lies, and draw the same animals again without grass."


@pytest.fixture(scope="module")
def findings():
    return {name: investigate(network, IMAGES, 4) for name, network in NETWORKS.items()}


def equal(a, b):
    return all(map(same, a, b))


# --- What is measured -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_findings_are_what_measure_says_and_what_the_network_answers(findings, name):
    found, network = findings[name], NETWORKS[name]
    drawings, on_grass, without = (draw(IMAGES, 4, grass=grass) for grass in (None, True, False))
    assert equal(found.independent, measure(network, drawings))
    assert equal(found.on_grass, measure(network, on_grass))
    for n, ground in enumerate((on_grass, without)):
        scores = network(ground.images)
        for c in (CAT, ELEPHANT):
            of_animal = [float(y[c]) for y, labels in zip(scores, drawings.labels, strict=True) if labels[c]]
            assert found.found[c, n] == np.mean([y > 0 for y in of_animal])
            assert found.scores[c, n] == pytest.approx(np.mean(of_animal), rel=1e-6)  # of 20 float32: 20 u
    empty = draw(IMAGES, 4, animals="neither", grass=True)
    assert found.false_alarms.tolist() == [np.mean([y[c] > 0 for y in network(empty.images)]) for c in (CAT, ELEPHANT)]


def test_the_same_animals_stand_on_grass_and_where_it_was():
    on_grass, without = (draw(IMAGES, 4, grass=grass) for grass in (True, False))
    assert same(on_grass.labels, without.labels)
    assert same(on_grass.masks[:, :GRASS], without.masks[:, :GRASS])


# --- What is told ---------------------------------------------------------------------------------------------------


def tables(told):
    """The rows of numbers of the story, each after its name, in the order in which they are told."""
    return [
        (line.split()[0], line.split()[1:])
        for line in told.splitlines()
        if re.fullmatch(r"  (cat|elephant)( +-?[0-9]+\.[0-9])+", line)
    ]


def test_the_story_has_its_chapters_and_fits_a_screen(findings):
    told = story(findings, IMAGES, 4)
    assert re.findall(r"(.*)\n[-=]{79}\n", told) == [
        "Does the network look at the animal or at the grass?",
        'The network "drawings"',
        'The network "drawings-confounded"',
        "What changed",
        "And the background kernel?",
    ]
    assert max(map(len, told.splitlines())) <= 79
    assert "In both networks, kernel 3 was made by hand" in words(told)
    assert told.endswith("So it prints other shares for the same network.")
    assert "measured on 20 new drawings (seed 4)." in words(told)


def test_every_number_of_the_tables_is_a_finding(findings):
    rows = iter(tables(story(findings, IMAGES, 4)))
    for found in findings.values():
        maps = found.on_grass
        for of_class in (
            lambda c, maps=maps: 100 * maps.shares[c],
            lambda c, maps=maps: 100 * np.array([*maps.energy[c], 1 - maps.energy[c].sum(), maps.pointing[c]]),
            lambda c, found=found: [*100 * found.found[c], *found.scores[c]],
        ):
            for c, name in enumerate(("cat", "elephant")):
                assert next(rows) == (name, [f"{value:.1f}" for value in of_class(c)])
    assert not list(rows)


def test_every_number_of_the_sentences_is_a_finding(findings):
    told = words(story(findings, IMAGES, 4))
    drawings, confounded = findings.values()

    def percent(value):
        return f"{100 * value:.1f} %"

    for found in findings.values():
        cat, elephant = map(percent, found.independent.accuracy)
        assert f"Right answers where grass says nothing: cat {cat}, elephant {elephant}." in told
    for name, found in findings.items():
        own, grass = (percent(found.on_grass.energy[ELEPHANT, part]) for part in (ELEPHANT, GRASS))
        assert f'"{name}" has {own} of it on the elephant and {grass} on the grass' in told
        assert f'"{name}" finds {percent(found.found[ELEPHANT, 1])} of them' in told
        assert f'"{name}" sees an elephant in {percent(found.false_alarms[ELEPHANT])} of the pictures' in told
    before, after = drawings.scores[CAT]
    assert (
        '"A^3 is irrelevant to the cat" is now a number. On grass, A^3 contributes '
        f'{percent(drawings.on_grass.shares[CAT, 2])} to the maps of "drawings" for the cat. '
        f"Without the grass, the cats' mean score goes from {before:.2f} to {after:.2f}."
    ) in told
    assert (
        f'In "drawings-confounded", A^3 contributes {percent(confounded.on_grass.shares[ELEPHANT, 2])} to the maps for '
        '"elephant". There the other kernels have learned to see the grass. '
        f"The map shows this: more of it lies on the grass than on the elephant. {PROOF}"
    ) in told


def told_of(*found):
    return words(story(dict(zip(NAMES, found, strict=True)), IMAGES, 4))


def test_what_is_said_of_the_confounded_network_is_not_said_of_another(findings):
    drawings, confounded = findings.values()
    assert PROOF in told_of(drawings, confounded)
    assert PROOF in told_of(confounded, confounded)
    for other in (drawings, confounded):
        told = told_of(other, drawings)
        assert "prove it" not in told
        assert "There the other kernels have learned" not in told
        assert NO_PROOF in told


@st.composite
def any_findings(draw):
    """Every number of them in tenths, of a byte each."""
    tenths = iter(np.frombuffer(draw(st.binary(min_size=66, max_size=66)), np.uint8) % 11 / 10)

    def shares(*shape):
        return np.array([next(tenths) for _ in range(prod(shape))]).reshape(shape)

    measures = [Measures(shares(2), shares(2), shares(2, 3) / 3, shares(2), shares(2, 8)) for _ in range(2)]
    return Findings(*measures, shares(2, 2), 99 * shares(2, 2) - 50, shares(2))


@given(any_findings(), any_findings())
def test_a_proof_is_told_where_there_is_one(drawings, confounded):
    told = told_of(drawings, confounded)
    (own, grass), (before, after) = confounded.on_grass.energy[ELEPHANT, 1:], confounded.found[ELEPHANT]
    is_on_grass, is_lost = grass > own, before - after > after
    share = confounded.on_grass.shares[ELEPHANT, 2]
    assert (PROOF in told) == (is_on_grass and is_lost and share < 0.5) == (NO_PROOF not in told)
    assert f'In "drawings-confounded", A^3 contributes {100 * share:.1f} % to the maps for "elephant". ' in told
    assert "nan" not in told


@pytest.mark.parametrize(("without_grass", "is_proof"), [(0.49, True), (0.5, False), (0.99, False), (1, False)])
def test_it_is_a_proof_if_fewer_than_half_of_the_elephants_are_left(findings, without_grass, is_proof):
    drawings, confounded = findings.values()
    confounded = confounded._replace(found=np.array([[1, 1], [1, without_grass]]))
    assert (PROOF in told_of(drawings, confounded)) == is_proof


def test_drawings_of_the_seed_of_the_training_are_not_called_new(findings):
    assert f"measured on 20 drawings (seed {SEED}, as in training)." in words(story(findings, 20, SEED))
    assert "measured on 1 new drawing (seed 0)." in words(story(findings, 1, 0))
    assert same(draw(2, SEED).images, draw(3, SEED).images[:2])  # the few are the first of the many


# --- What is drawn --------------------------------------------------------------------------------------------------

SCENES = [("cat", True), ("elephant", True), ("both", True), ("both", False)]


@cache
def figure(seed):
    return figure_of_maps(NETWORKS, seed)


@pytest.mark.parametrize("seed", [1, 4])
def test_the_figure_of_maps_shows_pictures_and_maps_on_one_scale(seed):
    shown = iter(pixels_of(figure(seed)))
    drawn = [draw(1, seed, animals=animals, grass=grass) for animals, grass in SCENES]
    heats = {
        name: [
            [resize(grad_cam(network, one.images[0], c).localization_map, (32, 32)) for c in (CAT, ELEPHANT)]
            for one in drawn
        ]
        for name, network in NETWORKS.items()
    }
    for row, one in enumerate(drawn):
        assert same(next(shown), np.repeat(one.images[0, 0, :, :, None], 3, axis=2).astype(float))
        for name in NAMES:
            for heat in heats[name][row]:
                assert same(next(shown), overlay(one.images[0], heat / np.max(heats[name])))
    assert not list(shown)


@pytest.mark.parametrize("seed", [1, 4])
def test_the_texts_of_the_figure_of_maps_meet_nothing(seed):
    assert collisions(figure(seed)) == []


def test_the_captions_say_the_score_the_answer_and_where_the_map_lies():
    written = iter(text.get_text() for text in figure(4).texts if "? y = " in text.get_text())
    for animals, grass in SCENES:
        one = draw(1, 4, animals=animals, grass=grass)
        for network in NETWORKS.values():
            for c, animal in enumerate(("cat", "elephant")):
                explanation = grad_cam(network, one.images[0], c)
                heat = resize(explanation.localization_map, (32, 32))
                parts = [f"{100 * energy_inside(heat, one.masks[0, m]):.0f}" for m in (c, GRASS)]
                answer = "yes" if explanation.score > 0 else "no"
                on_it = f"\n{parts[0]} % on the {animal}" if animals in (animal, "both") else ""
                where = f"{on_it}\n{parts[1]} % on grass" if explanation.score > 0 else ""
                assert next(written) == f"{animal}? y = {explanation.score:.1f}: {answer}{where}".replace("-", "−")
    assert not list(written)


def test_the_alternative_text_of_the_figure_of_maps():
    alt = figure(4).alt
    assert alt.startswith(
        "Where do the two networks look? (one colour scale for all maps of a network). "
        "cat, picture. cat, drawings, cat? y = "
    )
    for animal in ("cat", "elephant"):
        for name in NAMES:
            assert re.search(
                rf"both, no grass, {name}, {animal}\? y = −?[0-9.]+: (yes [0-9]+ % on the {animal}|no)", alt
            )


def test_a_network_that_sees_nothing_has_a_figure_too():
    blind = NETWORKS[NAMES[0]].with_parameters({"scores.weight": np.zeros((2, 8), np.float32)})
    figure = figure_of_maps({NAMES[0]: blind}, 0)
    assert "elephant? y = −3.0: no" in [text.get_text() for text in figure.texts]
    cold = overlay(draw(1, 0, animals="cat", grass=True).images[0], np.zeros((32, 32)))
    assert same(pixels_of(figure)[1], cold)


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command with an output folder; it draws what the test looks at."""

    def call(*arguments, draws=""):
        with drawing(*draws.split()):
            status = main(["background", "--out", str(tmp_path / "out"), *map(str, arguments)])
        return status, *capsys.readouterr()

    return call


def test_the_command_tells_the_story_and_writes_its_files(run, tmp_path, findings, monkeypatch):
    """Of each figure the file holds the alternative text here, which has all that is written on it."""
    monkeypatch.setattr(Picture, "as_png", lambda picture: picture.alt.encode())
    status, out, err = run("--images", IMAGES, "--seed", 4, draws="pictures kernels")
    assert (status, err) == (0, "")
    folder = tmp_path / "out"
    assert out == f"{story(findings, IMAGES, 4)}\n\nWritten to {folder}: background.png, kernels.png, background.json\n"
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert (folder / "background.png").read_text() == figure(4).alt
    kernels = grad_cam(NETWORKS[NAMES[0]], draw(1, 4, animals="both", grass=True).images[0], CAT)
    figure_of_them = figure_of_kernels(kernels, title="drawings: cat?")
    assert (folder / "kernels.png").read_text() == figure_of_them.alt
    assert collisions(figure_of_them) == []
    written = json.loads((folder / "background.json").read_text())
    assert list(written) == ["images", "seed", *NAMES]
    assert (written["images"], written["seed"]) == (IMAGES, 4)
    for name, found in findings.items():
        assert list(written[name]) == list(Findings._fields)
        for which in ("independent", "on_grass"):
            told = getattr(found, which)._asdict()
            assert written[name][which] == {key: values.tolist() for key, values in told.items()}
        for key in ("found", "scores", "false_alarms"):
            assert written[name][key] == getattr(found, key).tolist()


def test_a_second_run_writes_the_same_bytes(run, tmp_path):
    first = run("--images", 4)
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run("--images", 4) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


def with_both(count):
    """The first seeds of so many drawings with and without both animals among them."""
    has_both = [bool(draw(count, seed).labels.any(axis=0).all()) for seed in range(20)]
    return has_both.index(True), has_both.index(False)


@pytest.mark.parametrize("count", [1, 2])
def test_few_drawings_are_measured_if_both_animals_are_there(run, tmp_path, count):
    seed, _ = with_both(count)
    status, out, err = run("--images", count, "--seed", seed)
    assert (status, err) == (0, "")
    assert "nan" not in out
    assert "NaN" not in (tmp_path / "out" / "background.json").read_text()


@pytest.mark.parametrize("count", [1, 2])
def test_without_one_of_the_animals_there_is_nothing_to_measure(tmp_path, capsys, count):
    _, seed = with_both(count)
    cat, _ = draw(count, seed).labels.any(axis=0)
    assert mistake(capsys, "--images", count, "--seed", seed, "--out", tmp_path / "out") == (
        f"drawings must have at least one {'elephant' if cat else 'cat'}, got none in {count}. "
        "Pass more --images, or another --seed."
    )
    assert not (tmp_path / "out").exists()


def mistake(capsys, *arguments):
    """Return the one line that a mistake gets."""
    with pytest.raises(SystemExit) as stopped:
        main(["background", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("numpycam background: error: ")
    return err.removeprefix("numpycam background: error: ").rstrip("\n")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--images", "0"], "argument --images: must be a whole number in 1..999999999, got '0'"),
    (["--images", "many"], "argument --images: must be a whole number in 1..999999999, got 'many'"),
    (["--seed", "-1"], "argument --seed: must be a whole number in 0..999999999, got '-1'"),
    (["--seed", "0.5"], "argument --seed: must be a whole number in 0..999999999, got '0.5'"),
])  # fmt: skip
def test_mistakes_get_one_line_and_status_2(capsys, arguments, message):
    assert mistake(capsys, *arguments) == message


def test_too_little_memory_is_a_mistake_like_others(capsys, monkeypatch):
    def take_all(*_, **__):
        raise MemoryError

    monkeypatch.setattr("numpycam.cli.background.draw", take_all)
    assert mistake(capsys) == "there is not enough memory for so many drawings: pass a smaller --images."
