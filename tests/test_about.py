"""What a network says of itself: About, in the network, in its file and in its table."""

import numpy as np
import pytest
from helpers import refusal

from numpycam import Linear, Network, load_pretrained, worked_example
from numpycam.about import About
from numpycam.exact import as_fractions

TOLD = About("Birds.", mean=(0.5, 0.25), std=2, size=(3, 4), class_names=["a", "b"])
LAYERS = [("linear", Linear([[1, 2], [3, 4]]))]


def test_what_is_told_is_kept_in_one_form():
    assert (TOLD.mean, TOLD.std, TOLD.size, TOLD.class_names) == ((0.5, 0.25), (2.0,), (3, 4), ("a", "b"))
    assert About(size=5).size == (5, 5)
    assert About(mean=np.float32(0.5)).mean == (0.5,)
    assert not About()
    assert all(map(bool, (TOLD, About("x"), About(mean=0), About(size=1), About(class_names=["a"]))))


def test_it_prints_what_it_knows():
    assert str(TOLD) == (
        "Birds.\nIt takes pictures of 3 × 4 pixels, normalised: (picture - (0.5, 0.25)) / 2.\nIts classes: 0 a, 1 b."
    )
    assert repr(TOLD) == "About('Birds.', mean=(0.5, 0.25), std=2, size=(3, 4), class_names=('a', 'b'))"
    assert eval(repr(TOLD)) == TOLD
    assert (str(About()), repr(About())) == ("", "About()")
    assert str(About(std=2)) == "It takes pictures, normalised: (picture - 0) / 2."
    ten = About(class_names=[f"c{n}" for n in range(10)])
    assert str(ten) == "Its classes: 0 c0, 1 c1, 2 c2, 3 c3, 4 c4, 5 c5, 6 c6, 7 c7, 8 c8, 9 c9."
    thousand = About(class_names=[f"c{n}" for n in range(1000)])
    assert str(thousand) == ("Its classes: 0 c0, 1 c1, 2 c2, 3 c3, 4 c4, 5 c5, 6 c6, 7 c7, 8 c8, …, 999 c999.")


def test_it_prints_nothing_that_changes_the_terminal():
    told = About("One.\nTwo \x1b[2J\u202e.", class_names=["\x1b[31mcat"])
    assert str(told) == "One.\nTwo ?[2J?.\nIts classes: 0 ?[31mcat."


def test_a_picture_is_normalised():
    picture = np.array([[[1.0, 0.5]], [[0.25, 0.0]]])
    assert TOLD.normalised(picture).tolist() == [[[0.25, 0.0]], [[0.0, -0.125]]]
    assert TOLD.normalised(picture[None])[0].tolist() == TOLD.normalised(picture).tolist()
    assert About().normalised(picture).tolist() == picture.tolist()
    assert refusal(ValueError, lambda: TOLD.normalised(picture[:1])) == (
        "mean must be one number or 1, one for each channel, got 2."
    )
    assert refusal(ValueError, lambda: TOLD.normalised(picture * np.nan)) == "picture contains NaN at index (0, 0, 0)."


@pytest.mark.parametrize(("given", "kind", "message"), [
    ({"text": 3}, TypeError, "about must be a text, got int."),
    ({"class_names": "ab"}, TypeError, "class_names must be a sequence of texts, got 'ab'."),
    ({"class_names": [1]}, TypeError, "class_names must be a sequence of texts, got [1]."),
    ({"class_names": 7}, TypeError, "class_names must be a sequence of texts, got 7."),
    ({"size": (1, 2, 3)}, ValueError, "size must be an int or a (height, width) pair, got (1, 2, 3)."),
    ({"size": 0}, ValueError, "size == 0, must be >= 1."),
    ({"mean": "x"}, TypeError, "mean must hold floats, integers or Fractions, got dtype <U1."),
    ({"mean": [[0.5]]}, ValueError, "mean must be a number, or one for each channel, got shape (1, 1)."),
    ({"mean": []}, ValueError, "mean must be a number, or one for each channel, got shape (0,)."),
    ({"mean": np.nan}, ValueError, "mean contains NaN at index ()."),
    ({"std": [1, 0]}, ValueError, "std must be greater than 0, got [1, 0]."),
])  # fmt: skip
def test_what_it_cannot_be_is_refused(given, kind, message):
    assert refusal(kind, lambda: About(**given)) == message


def test_a_network_carries_it_along():
    network = Network(LAYERS, about=TOLD)
    assert network.with_parameters({"linear.weight": np.eye(2)}).about == TOLD
    assert as_fractions(network).about == TOLD
    assert str(network.summary((2,))).startswith(f"{TOLD}\n\nname")
    assert "<p>Birds.</p>" in network.summary((2,))._repr_html_()
    assert str(Network(LAYERS).summary((2,))).startswith("name")
    assert refusal(TypeError, lambda: Network(LAYERS, about="Birds.")) == (
        "about must be an About, such as About('Birds.'), got str."
    )


def test_a_file_keeps_it(tmp_path):
    file = tmp_path / "network.npz"
    inside = Network([("inside", Network(LAYERS, about=About("Inside.")))], about=TOLD)
    inside.save(file)
    assert Network.load(file).about == TOLD
    assert Network.load(file)["inside"].about == About("Inside.")
    inside.save(file, "Cats.", std=[1, 2])
    assert Network.load(file).about == About("Cats.", (0.5, 0.25), (1, 2), (3, 4), ("a", "b"))
    assert inside.about == TOLD


def test_a_network_that_says_nothing_is_stored_as_ever(tmp_path):
    worked_example.network().save(tmp_path / "cat.npz")
    assert "about" not in np.load(tmp_path / "cat.npz")["network"].item()


def test_the_networks_of_drawings_say_that_they_know_drawings_alone():
    for name in ("drawings", "drawings-confounded"):
        about = load_pretrained(name).about
        assert about.text.startswith("Trained on drawings of 32 × 32 pixels")
        assert about.text.endswith("what it says of a photograph means nothing.")
        assert (about.size, about.class_names) == ((32, 32), ("cat", "elephant"))
