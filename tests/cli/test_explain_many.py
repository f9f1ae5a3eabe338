"""``numpycam explain`` for a folder or several pictures: what is found, what is computed again, what is reported."""

import csv
import errno
import json
import os
import sys
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from helpers import drawing
from PIL import Image

from numpycam import Conv2d, GlobalAvgPool2d, Linear, Network, ReLU
from numpycam.cli import main
from numpycam.cli.explain import explained
from numpycam.cli.pictures import Found, find, folder_name
from numpycam.interrupt import STATUS

RNG = np.random.default_rng(0)
WEIGHT, HEAD = RNG.normal(size=(5, 3, 3, 3)).astype(np.float32), RNG.normal(size=(4, 5)).astype(np.float32)
ODD = ["a b#c?d%41&<b>\"'.png", "大象.PNG", "line\nbreak.jpg", "=1+1.jpeg", "x" * 200 + ".png"]
ODD += [os.fsdecode(b"half\xff.png")] * (sys.platform == "linux")  # elsewhere no file can have such a name


def network(head=HEAD):
    layers = [("conv", Conv2d(WEIGHT)), ("relu", ReLU()), ("gap", GlobalAvgPool2d()), ("linear", Linear(head))]
    return Network(layers)


def picture(path, seed=0, height=9, width=11):
    """Write a picture to a file of any name, and return its values, (C, H, W)."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        Image.fromarray(values).save(file, "PNG")
    return np.moveaxis(values, -1, 0) / 255


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a network, the names of its classes, and a folder with three pictures."""
    monkeypatch.chdir(tmp_path)
    network().save("network.npz")
    Path("names.txt").write_text("cat\nelephant\ngrass\nsky\n")
    for seed, name in enumerate(["a.png", "b.png", "inside/a.png"]):
        picture(tmp_path / "photos" / name, seed)
    return tmp_path


@pytest.fixture
def computed(monkeypatch):
    """The pictures that are computed: the first value of each. With a number, Ctrl-C comes before that picture."""

    class Computed(list):
        stop_at = None

    seen = Computed()

    def watched(name, net, image, *rest):
        if len(seen) == seen.stop_at:
            raise KeyboardInterrupt
        seen.append(float(image[0, 0, 0]))
        return explained(name, net, image, *rest)

    monkeypatch.setattr("numpycam.cli.explain.explained", watched)
    return seen


@pytest.fixture
def run(folder, capsys):
    def call(*arguments, draws=""):
        given = [*map(str, arguments)]
        given += [] if "--network" in given else ["--network", "network.npz"]
        with drawing(*draws.split()), pytest.MonkeyPatch.context() as patch:
            if "overlay" not in draws:
                patch.setattr("numpycam.cli.explain._thumbnails", lambda q, e: ([b"", b""], (2, 1)))
            status = main(["explain", *given, *([] if "--out" in given else ["--out", "out"])])
        return status, *capsys.readouterr()

    return call


def rows(out="out"):
    """The table of scores, by file."""
    text = (Path(out) / "scores.csv").read_bytes().decode()
    return [*csv.DictReader(StringIO(text, newline=""))]


class Page(HTMLParser):
    """The links, the pictures and the texts of an index page."""

    def __init__(self, out="out"):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed((Path(out) / "index.html").read_text())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag, attribute):
        return [found[attribute] for name, found in self.tags if name == tag and attribute in found]


# --- What is written ------------------------------------------------------------------------------------------------


def test_a_folder_has_a_row_a_card_and_an_explanation_for_each_picture(run, folder, computed):
    status, out, err = run("photos", "--names", "names.txt")
    assert (status, err) == (0, "")
    assert "Explained now: 3. Explained by an earlier run: 0. Not explained: 0.\n" in out
    assert "Written to out: index.html, scores.csv, and a folder for each picture in pictures\n" in out
    names = ["photos/a.png", "photos/b.png", "photos/inside/a.png"]
    assert [row["file"] for row in rows()] == names
    for seed, row in enumerate(rows()):
        scores = network()(picture(Path(names[seed]), seed)[None].astype(np.float32))[0]
        best = int(scores.argmax())
        shares = np.exp(scores.astype(np.float64) - float(scores.max()))
        assert int(row["class index"]) == best
        assert row["class name"] == ["cat", "elephant", "grass", "sky"][best]
        assert float(row["score"]) == float(scores[best])
        assert float(row["probability"]) == shares[best] / shares.sum()
        assert (row["layer"], row["status"]) == ("conv", "explained")
    page = Page()
    links = page.all("a", "href")
    assert links == ["scores.csv", *(f"pictures/{folder_name(Path(name))}/steps.html" for name in names)]
    assert all((folder / "out" / link).is_file() for link in links)
    for seed, link in enumerate(links[1:]):
        told = json.loads((folder / "out" / link).with_name("explanation.json").read_text())
        assert told["score"] == float(rows()[seed]["score"])
        assert told["picture"] == Path(names[seed]).name
    assert all(name in page.text for name in names)


def test_the_thumbnails_have_texts_and_the_shape_of_the_picture(run, folder):
    picture(folder / "wide" / "wide.png", height=20, width=400)
    picture(folder / "wide" / "slim.png", height=300, width=3)
    run("photos", "wide", "--names", "names.txt", draws="overlay")
    page = Page()
    sources, texts = page.all("img", "src"), page.all("img", "alt")
    assert len(sources) == len(texts) == 10
    assert texts[2] == "b.png"
    assert texts[3].startswith("b.png: where the score for ")
    sizes = []
    for source, width, height in zip(sources, page.all("img", "width"), page.all("img", "height"), strict=True):
        with Image.open(BytesIO(b64decode(source.removeprefix("data:image/jpeg;base64,")))) as thumbnail:
            assert thumbnail.size == (int(width), int(height))
            sizes.append(thumbnail.size)
    assert sizes == [(176, 144)] * 6 + [(2, 176)] * 2 + [(176, 9)] * 2
    page_bytes = (folder / "out" / "index.html").read_text()
    assert "<script" not in page_bytes
    assert "http" not in page_bytes


def test_top_has_a_row_and_a_link_for_each_class(run, folder):
    run("photos", "--top", 2)
    assert [row["file"] for row in rows()] == ["photos/a.png"] * 2 + ["photos/b.png"] * 2 + ["photos/inside/a.png"] * 2
    place = f"pictures/{folder_name(Path('photos/a.png'))}"
    assert Page().all("a", "href")[1:3] == [f"{place}/class-{row['class index']}/steps.html" for row in rows()[:2]]
    assert all((folder / "out" / link).is_file() for link in Page().all("a", "href"))


@pytest.mark.parametrize(("method", "page"), [("hirescam", "stages.png"), ("all", "methods.png")])
def test_other_methods_are_linked_by_their_figures(run, folder, method, page):
    assert run("photos/a.png", "photos/b.png", "--method", method)[0] == 0
    links = Page().all("a", "href")[1:]
    assert [link.rpartition("/")[2] for link in links] == [page] * 2
    assert all((folder / "out" / link).is_file() for link in links)


def test_no_cell_of_the_table_begins_as_a_formula(run, folder, monkeypatch):
    names = ["=1+1", "+x", "-x", "@x"]
    (folder / "names.txt").write_text("\n".join(names))
    run("\tno.png", "\rno.png")
    assert [row["file"] for row in rows()] == ["./\tno.png", "./\rno.png"]
    for name in ("=1.png", "-1.png", "@1.png", "+1.png"):
        picture(folder / name)
    run("./=1.png", "./-1.png", "@1.png", "+1.png", "nothing.png", "--names", "names.txt", "--top", 4)
    assert [row["file"] for row in rows()] == [f"./{n}1.png" for n in "=-@+" for _ in names] + ["nothing.png"]
    assert {row["class name"] for row in rows()} == {*(f"'{name}" for name in names), ""}
    layers = [("=1", Conv2d(WEIGHT)), ("gap", GlobalAvgPool2d()), ("linear", Linear(HEAD))]
    Network(layers).save("odd.npz")
    run("photos", "--network", "odd.npz")
    assert {row["layer"] for row in rows()} == {"'=1"}


def test_probabilities_are_sigmoids_for_ours_and_none_for_one_score(run):
    run("photos", "--network", "drawings", "--class", "cat")
    for row in rows():
        assert float(row["probability"]) == 1 / (1 + np.exp(-float(row["score"])))
    assert "Below stand\nthe class, its score and its probability." in Page().text
    network(HEAD[:1]).save("one.npz")
    run("photos", "--network", "one.npz", "--class", "no")
    assert [row["probability"] for row in rows()] == [""] * 3
    assert "Below stand\nthe class and its score." in Page().text
    assert rows()[0]["class name"] == "what speaks against class 0"


def test_a_zero_map_is_told(run):
    network(np.zeros_like(HEAD)).save("zero.npz")
    run("photos", "--network", "zero.npz")
    assert {row["status"] for row in rows()} == {"explained: the map is zero"}
    assert Page().text.count("no cell speaks for it") == 3


# --- What is found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_a_name_of_any_characters_has_a_link_that_works(run, folder, name):
    picture(folder / "odd" / name)
    status, out, err = run("odd")
    assert (status, err) == (0, "")
    (link,) = Page().all("a", "href")[1:]
    assert (folder / "out" / unquote(link)).is_file()
    assert link.isascii()
    assert rows()[0]["file"] == str(Path("odd", name)).encode(errors="backslashreplace").decode()
    assert "\n\n" not in out
    assert "<b>" not in (folder / "out" / "index.html").read_text()


def test_a_picture_that_is_named_twice_is_explained_once(run, computed):
    run("photos/a.png", "photos", "./photos/../photos/b.png")
    assert [row["file"] for row in rows()] == ["photos/a.png", "photos/b.png", "photos/inside/a.png"]
    assert len(computed) == 3


def test_hidden_files_loops_and_other_endings_are_left_out(run, folder):
    picture(folder / "photos" / ".hidden.png")
    picture(folder / "photos" / ".thumbnails" / "x.png")
    (folder / "photos" / "inside" / "loop").symlink_to(folder / "photos")
    (folder / "photos" / "linked.png").symlink_to(folder / "photos" / "a.png")
    (folder / "photos" / "notes.txt").write_text("no picture")
    status, out, _ = run("photos")
    names = ["photos/a.png", "photos/b.png", "photos/linked.png", "photos/inside/a.png"]
    assert (status, [row["file"] for row in rows()]) == (0, names)
    assert "Left out: 1 file whose name does not end in .png, .jpg or .jpeg.\n" in out


@pytest.mark.parametrize("out", ["photos/out", "photos", "."])
def test_results_are_not_explained(run, folder, out):
    """Nor are those of an earlier run, or those of one picture. Here they are no pictures: each would be reported."""
    run("photos", "--out", out)
    run("photos/a.png", "--out", "photos/of-one")
    run("photos", "--out", "photos/other")
    first = rows("photos/other")
    status, told, _ = run("photos", "--out", out)
    assert "Explained now: 0. Explained by an earlier run: 3. Not explained: 0." in told
    assert status == 0
    assert rows(out) == first
    assert "Left out: photos/other, which numpycam explain wrote.\n" in told
    assert f"Left out: {out}," not in told


@pytest.mark.parametrize(("given", "out", "place"), [
    (".", ".", "pictures/mine.png"),
    ("photos", "photos/inside", "photos/inside/a.png"),
    ("pictures", ".", "pictures/mine.png"),
])  # fmt: skip
def test_a_picture_of_ones_own_in_the_folder_of_results_is_explained(run, folder, computed, given, out, place):
    """Twice: the second time, the results lie beside it."""
    picture(folder / "pictures" / "mine.png", 7)
    for _ in range(2):
        assert run(given, "--out", out, "--top", 1)[0] == 0
        assert [row["status"] for row in rows(out) if row["file"] == place] == ["explained"]
    assert len(computed) == len(rows(out))


def test_only_folders_of_results_are_left_out_and_only_in_the_folder_of_results(run, folder):
    name = folder_name(folder / "photos" / "a.png")
    for place in ("photos/pictures/mine", f"photos/{name}"):
        picture(folder / place / "x.png")
    run("photos/a.png", "--method", "all", "--out", "photos/of-all")
    for _ in range(2):
        told = run("photos", "--out", "photos")[1]
        assert {"photos/pictures/mine/x.png", f"photos/{name}/x.png"} < {row["file"] for row in rows("photos")}
        assert told.count("Left out: ") == 1
        assert "Left out: photos/of-all, which numpycam explain wrote.\n" in told


def test_the_name_of_a_folder_is_short_and_that_of_the_path():
    assert len(folder_name(Path("x" * 250 + ".png"))) == 40 + 1 + 12
    assert folder_name(Path("photos/a.png")) == folder_name(Path("photos/../photos/a.png"))


def test_the_table_is_not_read_and_written_at_once(run, folder, capsys):
    run("photos")
    with pytest.raises(SystemExit, match="2"):
        run("photos", "--names", "photos/../out/scores.csv")
    assert "--out out would overwrite out/scores.csv, which is read here." in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        run("photos", "out/scores.csv")
    assert "--out out would overwrite out/scores.csv, which is read here." in capsys.readouterr().err


def test_the_results_of_an_earlier_run_are_told_but_not_all(run, folder):
    for n in range(22):
        (folder / "photos" / f"of-one-{n:02}").mkdir()
        (folder / "photos" / f"of-one-{n:02}" / "explanation.json").write_text("{}")
    told = run("photos")[1]
    assert told.count("which numpycam explain wrote.\n") == 20
    assert "Left out: photos/of-one-19, which numpycam explain wrote.\nLeft out: 2 more such folders.\n" in told


@pytest.mark.parametrize(("count", "lines", "last"), [
    (0, 0, []), (20, 20, ["Left out: 19, which numpycam explain wrote."]),
    (21, 21, ["Left out: 1 more such folder."]), (22, 21, ["Left out: 2 more such folders."]),
])  # fmt: skip
def test_what_is_left_out_is_told_in_twenty_lines_and_a_number(count, lines, last):
    remarks = Found([], {}, 0, [Path(str(n)) for n in range(count)]).remarks
    assert (len(remarks), remarks[-1:]) == (lines, last)


def test_results_are_known_by_another_way_to_their_folder(run, folder):
    run("photos", "--out", "photos")
    (folder / "link").symlink_to("photos")
    assert "Left out" not in run("link", "--out", "photos")[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_the_place_of_our_files_is_not_waited_for(run, folder, computed):
    run("photos")
    (folder / "photos" / "piped").mkdir()
    os.mkfifo(folder / "photos" / "piped" / "index.html")
    record = next((folder / "out").rglob("result.json"))
    record.unlink()
    os.mkfifo(record)
    assert run("photos")[0] == 0
    assert len(computed) == 4
    assert record.is_file()


def test_a_folder_without_pictures_is_refused(run, folder, capsys):
    (folder / "empty").mkdir()
    with pytest.raises(SystemExit, match="2"):
        run("empty")
    message = "there is no .png, .jpg or .jpeg file in empty."
    assert capsys.readouterr().err == f"numpycam explain: error: {message}\n"
    assert not (folder / "out").exists()


@pytest.mark.parametrize(("name", "names"), [
    ("index.html", []), ("scores.csv", []), ("scores.csv", ["--names", "out/scores.csv"]),
])  # fmt: skip
def test_what_is_not_ours_is_not_written_over(run, folder, capsys, name, names):
    (folder / "out").mkdir()
    (folder / "out" / name).write_text("file\nyours\nx\ny\n")
    with pytest.raises(SystemExit, match="2"):
        run("photos", *names)
    assert f"--out out would overwrite out/{name}, which " in capsys.readouterr().err
    assert (folder / "out" / name).read_text() == "file\nyours\nx\ny\n"


def test_drawing_options_are_refused(run, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("photos", "--seed", 3)
    assert capsys.readouterr().err == "numpycam explain: error: --seed and --grass need --draw.\n"


@pytest.mark.parametrize(("options", "message"), [
    (["--top", "5"], "--top must be in 1..4, the number of scores, got 5."),
    (["--class", "dog"], "--class must be a number in 0..3, got 'dog'."),
    (["--layer", "con"], "the network has no layer 'con', only "),
    (["--names", "photos/a.png"], "photos/a.png must hold one name on each line, in UTF-8."),
    (["--names", "short.txt"], "short.txt has 1 names, but the network has 4 scores."),
    (["--names", "twice.txt", "--class", "a"], "--class 'a' is the name of several classes, [0, 1]: pass the number."),
])  # fmt: skip
def test_a_wrong_option_is_told_once_and_nothing_is_written_over(run, folder, capsys, options, message):
    (folder / "short.txt").write_text("one\n")
    (folder / "twice.txt").write_text("a\na\nb\nc\n")
    run("photos")
    before = (folder / "out" / "index.html").read_bytes(), rows()
    with pytest.raises(SystemExit, match="2"):
        run("photos", *options)
    err = capsys.readouterr().err
    assert err.startswith(f"numpycam explain: error: {message}")
    assert err.count("\n") == 1
    assert ((folder / "out" / "index.html").read_bytes(), rows()) == before


# --- What fails -----------------------------------------------------------------------------------------------------


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(run, folder):
    (folder / "photos" / "aa.png").write_bytes((folder / "photos" / "a.png").read_bytes()[:60])
    (folder / "photos" / "text.jpg").write_text("no picture")
    (folder / "photos" / "lost.png").symlink_to("nowhere")
    (folder / "photos" / "endless.png").symlink_to("/dev/zero")
    picture(folder / "photos" / "small.png", height=1, width=1)
    status, out, err = run("photos", "nothing.png")
    assert (status, err) == (1, "")
    assert "Explained now: 3. Explained by an earlier run: 0. Not explained: 6.\n" in out
    failed = {row["file"]: row["status"] for row in rows() if row["score"] == ""}
    for name, why in {
        "photos/aa.png": "is a damaged picture: ",
        "photos/text.jpg": "is not a PNG or JPEG picture.",
        "photos/lost.png": "cannot read photos/lost.png: No such file or directory",
        "photos/endless.png": "is a device or a pipe",
        "photos/small.png": "the picture does not fit the network: ",
        "nothing.png": "cannot read nothing.png: No such file or directory",
    }.items():
        assert failed.pop(name).startswith(f"failed: {why}")
        assert f"  {name}: {why}" in out
        assert name in Page().text
    assert not failed
    assert run("photos", "nothing.png")[0] == 1
    assert [row["status"] for row in rows()].count("explained") == 3


def test_a_folder_that_cannot_be_read_is_reported(run, folder, monkeypatch):
    walk = os.walk

    def some(top, onerror):
        onerror(PermissionError(errno.EACCES, "Permission denied", str(top / "inside")))
        return walk(top)

    monkeypatch.setattr("os.walk", some)
    status, out, _ = run("photos")
    assert status == 1
    assert "  photos/inside: cannot read the folder: Permission denied\n" in out


def test_of_many_failures_the_first_twenty_are_told(run):
    assert "\n  … and 1 more, see scores.csv\n" in run(*(f"no-{n}.png" for n in range(21)))[1]


def test_a_picture_that_fills_the_memory_does_not_stop_the_others(run, monkeypatch):
    def greedy(*given):
        raise MemoryError

    monkeypatch.setattr("numpycam.cli.explain.explained", greedy)
    assert run("photos")[0] == 1
    assert {row["status"] for row in rows()} == {"failed: there is not enough memory for it: pass a smaller --size."}


def test_a_pole_does_not_stop_the_others(run):
    network(np.zeros_like(HEAD)).save("zero.npz")
    assert run("photos", "--network", "zero.npz", "--method", "ablation_cam")[0] == 1
    assert {row["status"] for row in rows()} == {"failed: Ablation-CAM has a pole: the score is 0 (image 0)."}


def test_a_picture_that_is_spoilt_loses_its_result(run, folder):
    run("photos")
    (folder / "photos" / "a.png").write_bytes(b"no picture")
    assert run("photos")[0] == 1
    assert rows()[0]["status"] == "failed: is not a PNG or JPEG picture."
    assert len(Page().all("img", "src")) == 4


# --- What is computed again -----------------------------------------------------------------------------------------


def test_nothing_is_computed_twice(run, folder, computed):
    run("photos")
    before = (folder / "out" / "index.html").read_bytes(), (folder / "out" / "scores.csv").read_bytes()
    files = {path: path.stat().st_mtime_ns for path in (folder / "out" / "pictures").rglob("*")}
    status, out, _ = run("photos")
    assert status == 0
    assert "Explained now: 0. Explained by an earlier run: 3. Not explained: 0.\n" in out
    assert len(computed) == 3
    assert ((folder / "out" / "index.html").read_bytes(), (folder / "out" / "scores.csv").read_bytes()) == before
    assert {path: path.stat().st_mtime_ns for path in (folder / "out" / "pictures").rglob("*")} == files


def _change_the_record(folder, change):
    record = next((folder / "out" / "pictures").rglob("result.json"))
    told = json.loads(record.read_text())
    change(told)
    record.write_text(json.dumps(told))


def _other_network(folder):
    network(HEAD + 1).save(folder / "network.npz")


@pytest.mark.parametrize(("options", "change", "count"), [
    ([], lambda folder: picture(folder / "photos" / "b.png", seed=9), 1),
    ([], lambda folder: picture(folder / "photos" / "new.png", seed=9), 1),
    ([], lambda folder: os.utime(folder / "photos" / "a.png"), 0),
    ([], _other_network, 3),
    ([], lambda folder: (folder / "names.txt").write_text("a\nb\nc\nd\n"), 3),
    ([], lambda folder: next((folder / "out" / "pictures").rglob("steps.html")).unlink(), 1),
    ([], lambda folder: next((folder / "out" / "pictures").rglob("result.json")).write_text("[{"), 1),
    ([], lambda folder: next((folder / "out" / "pictures").rglob("result.json")).write_text("[" * 100_000), 1),
    ([], lambda folder: next((folder / "out" / "pictures").rglob("result.json")).write_text('{"shown": [1]}'), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told.pop("digest")), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told.update(shown=[])), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told["shown"][0].update(page=5)), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told["shown"][0].update(score=None)), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told["shown"][0].update(size=[np.inf, 2])), 1),
    ([], lambda folder: _change_the_record(folder, lambda told: told["shown"][0].update(class_name="another")), 1),
    (["--layer", "relu"], lambda folder: None, 3),
    (["--mean", "0.5"], lambda folder: None, 3),
    (["--size", "7x7"], lambda folder: None, 3),
    (["--class", "sky"], lambda folder: None, 3),
    (["--method", "hirescam"], lambda folder: None, 3),
])  # fmt: skip
def test_what_has_changed_is_computed_again(run, folder, computed, options, change, count):
    run("photos", "--names", "names.txt")
    del computed[:]
    change(folder)
    assert run("photos", "--names", "names.txt", *options)[0] == 0
    assert len(computed) == count


def test_with_top_each_page_must_be_there(run, folder, computed):
    run("photos", "--top", 2)
    next((folder / "out").rglob("steps.html")).unlink()
    del computed[:]
    run("photos", "--top", 2)
    assert len(computed) == 2  # both classes of one picture


def test_after_ctrl_c_the_same_command_goes_on(run, folder, computed):
    for seed in range(27):
        picture(folder / "photos" / f"more-{seed:02}.png", 100 + seed)
    whole = run("photos", "--out", "at-once")
    assert whole[0] == 0
    del computed[:]
    computed.stop_at = 12
    status, out, err = run("photos")
    assert (status, out) == (STATUS, "")
    assert err == "Stopped: 12 of 30 pictures are done. To go on, give the same command again.\n"
    assert [row["status"] for row in rows()] == ["explained"] * 12 + ["not yet"] * 18
    assert "12 of 30 pictures explained" in Page().text
    assert len(Page().all("img", "src")) == 24
    computed.stop_at = None
    status, out, _ = run("photos")
    assert "Explained now: 18. Explained by an earlier run: 12. Not explained: 0.\n" in out
    assert status == 0
    assert len(set(computed)) == len(computed) == 30
    assert rows() == rows("at-once")
    assert not [*folder.rglob(".new*")]


def test_a_picture_that_is_stopped_while_it_is_written_is_not_done(run, folder, computed, monkeypatch):
    """Its pages may be there: the record comes last."""
    from numpycam.cli import pictures

    write = pictures.write_files

    def stopped(place, contents):
        if "result.json" in contents:
            raise KeyboardInterrupt
        write(place, contents)

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "write_files", stopped)
        assert run("photos")[0] == STATUS
    assert len(computed) == 1
    run("photos")
    assert len(computed) == 4


def test_after_a_full_disk_the_same_command_goes_on(run, folder, computed, monkeypatch):
    write, left = os.fsync, [10]  # five files, and the record, for each picture

    def full(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        status, _, err = run("photos")
    assert status == 2
    assert err.startswith("numpycam: error: cannot write out/pictures/")
    assert err.endswith(": No space left on device\n")
    done = len([*folder.rglob("result.json")])
    assert 0 < done < 3
    del computed[:]
    assert run("photos")[0] == 0
    assert len(computed) == 3 - done


def test_one_picture_is_held_at_a_time(run, folder, monkeypatch):
    """When the next explanation is computed, no earlier one is alive."""
    import gc
    import weakref

    alive = []

    def watched(*given):
        gc.collect()
        assert not [one for one in alive if one() is not None]
        found = explained(*given)
        alive.append(weakref.ref(found[0]))
        return found

    monkeypatch.setattr("numpycam.cli.explain.explained", watched)
    assert run("photos")[0] == 0
    assert len(alive) == 3


def test_a_bar_follows_the_pictures(run, monkeypatch):
    followed = []
    monkeypatch.setattr("numpycam.cli.pictures.progress_bar", lambda: lambda runs: followed.extend(runs) or iter(runs))
    run("photos")
    assert followed == find([Path("photos")], Path("out")).pictures


def test_a_single_picture_is_explained_as_ever(run, folder):
    status, out, _ = run("photos/a.png")
    assert status == 0
    assert out.startswith("The picture  a.png: 9 pixels high, 11 wide, in colour\n")
    assert not (folder / "out" / "index.html").exists()
    assert not (folder / "out" / "scores.csv").exists()
