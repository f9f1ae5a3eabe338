"""docs/scale.py: each engine finds the same numbers, to the bit, even if a worker is killed. docs/scale.md has them."""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from unittest import mock

import numpy as np
import pytest
from helpers import DOCS, some

from numpycam.methods import METHODS
from numpycam.metrics import energy_inside

sys.path.insert(0, str(DOCS))
import scale
from page_parts import with_parts

DRAWINGS = len(some(range(300), 2))  # six chunks, or three
linux = pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Processes that begin here have one thread, as the script's own: several may round a product differently."""
    with mock.patch.dict(os.environ, scale.ONE_THREAD):
        yield


@pytest.fixture(scope="module")
def alone(one_thread):
    """The sums of a single process. It has the network of this one, and one thread."""
    starts = [*range(0, DRAWINGS, scale.CHUNK)]
    stops = [start + scale.CHUNK for start in starts]
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(sums_of, scale.network(), starts, stops).result()


def sums_of(net, starts, stops):
    return sum(found[0] for found in scale.with_one(net, starts, stops))


@linux
def test_the_sums_are_those_of_a_plain_loop(alone):
    """For one method and metric, drawing by drawing."""
    net, row = scale.network(), [*METHODS].index("layercam")
    shares = []
    for n in range(DRAWINGS):
        drawn = scale.draw(1, seed=n, animals="elephant", grass=True)
        heat = scale.resize(METHODS["layercam"](net, drawn.images[0], scale.ELEPHANT).localization_map, (32, 32))
        shares.append(energy_inside(heat, drawn.masks[0, scale.ELEPHANT]))
    # A single picture and a batch may be rounded differently in float32, in each of some hundred operations.
    assert abs(alone[0, row, 1] - np.sum(shares, dtype=np.float64)) <= DRAWINGS * 1000 * np.finfo(np.float32).eps
    assert 0.5 < alone[0, row, 1] / DRAWINGS < 1


@linux
def test_dask_finds_the_same_though_a_worker_is_killed(alone):
    pytest.importorskip("distributed")
    sums, took = scale.measured("dask", DRAWINGS, workers=2, kill=True)
    assert np.array_equal(sums, alone)
    assert max(took["MB"]) < 1000  # the limit of a worker


@linux
def test_dask_has_as_many_workers_as_it_is_told():
    pytest.importorskip("distributed")
    _, took = scale.measured("dask", 2 * scale.CHUNK, workers=1)
    assert len(took["MB"]) == 1


@linux
def test_joblib_finds_the_same_though_a_worker_is_killed(alone):
    pytest.importorskip("joblib")
    sums, took = scale.measured("joblib", DRAWINGS, workers=2, kill=True)
    assert np.array_equal(sums, alone)
    assert len(took["MB"]) > 2  # others took over


@linux
def test_joblib_takes_from_the_folder_what_an_earlier_run_has_computed(tmp_path):
    pytest.importorskip("joblib")
    first, before = scale.measured("joblib", 100, workers=2, folder=tmp_path)
    second, after = scale.measured("joblib", 100, workers=2, folder=tmp_path)
    assert np.array_equal(first, second)
    assert after["cpu"] == before["cpu"]  # the measured seconds, too, are those of the first run


def test_explanations_come_back_from_joblib_in_order():
    """The lines of the page."""
    joblib = pytest.importorskip("joblib")
    net, images = scale.network(), [scale.draw(1, seed=n).images[0] for n in range(6)]
    maps = joblib.Parallel(n_jobs=2, return_as="generator")(
        joblib.delayed(scale.METHODS["grad_cam"])(net, x, 0) for x in images
    )
    for explanation, image in zip(maps, images, strict=True):
        assert np.array_equal(explanation.image, image)
        assert explanation.weighted_sum.any()


def test_the_page_is_what_the_record_says():
    """All runs with as many drawings found the same bits."""
    record = json.loads(scale.RECORD.read_text())
    page = scale.PAGE.read_text(encoding="utf-8")
    assert with_parts(page, scale.parts(record)) == page
    digests = {}
    for run in record["runs"]:
        digests.setdefault(run["drawings"], set()).add(run["digest"])
    assert {len(found) for found in digests.values()} == {1}


@linux
@pytest.mark.parametrize(("count", "chunks"), [
    (1, [(0, 1)]), (50, [(0, 50)]), (51, [(0, 50), (50, 51)]), (100, [(0, 50), (50, 100)]),
    (101, [(0, 50), (50, 100), (100, 101)]),
])  # fmt: skip
def test_each_drawing_is_in_one_chunk_and_what_it_took_adds_up(monkeypatch, count, chunks):
    seen = []

    def engine(net, starts, stops, **options):
        seen.extend(zip(starts, stops, strict=True))
        for n, (start, stop) in enumerate(seen):
            yield np.array([stop - start]), n % 2, 0.5, [30.2, 10, 20][n]  # two processes take turns

    monkeypatch.setitem(scale.ENGINES, "one", engine)
    sums, took = scale.measured("one", count)
    assert seen == chunks
    assert sums.tolist() == [count]
    assert took["cpu"] == 0.5 * len(chunks)
    assert took["MB"] == [30, 10][: len(chunks)]  # the most that each process ever had


def test_a_drawing_has_the_same_part_in_every_chunk():
    """Each tenth has curves, wherever its chunk begins. The sums of squares of a single drawing are its squares."""
    none, one = scale.chunk(scale.network(), 1, 3), scale.chunk(scale.network(), 10, 11)
    assert not none[:, :, 4:].any()
    assert none[:, :, :4].any()
    assert one[0, :, 4:].any()
    assert np.array_equal(one[1], one[0] ** 2)


def test_a_mean_has_the_half_width_of_an_interval_of_95_percent():
    """All numbers here are exact: a variance of 196 in 50 drawings, and of 36 in the 5 that have curves."""
    count = np.array([50] * 4 + [5] * 2)  # of each column
    squares = count * (9 + np.array([196] * 4 + [36] * 2))
    sums = np.stack([np.tile(3 * count, (len(METHODS), 1)), np.tile(squares, (len(METHODS), 1))]).astype(float)
    sums[1, 1] = np.nextafter(9 * count, 0)  # rounding may take more than there is
    first, second, *_ = scale.rows_of(sums, 50).values()
    assert first == [[3, 1.96 * 2]] * 4 + [[3, 1.96 * 3]] * 2
    assert second == [[3, 0]] * 6
    assert [*scale.rows_of(sums, 50)] == [*METHODS]


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run the script on a page and a record of its own. What would be measured is given: ones times a number."""
    page = "".join(f"<!-- {name} -->\n{name}\n<!-- /{name} -->\n" for name in ("table", "growth"))
    (tmp_path / "scale.md").write_text(page)
    monkeypatch.setattr(scale, "PAGE", tmp_path / "scale.md")
    monkeypatch.setattr(scale, "RECORD", tmp_path / "scale.json")
    asked = []

    def call(*arguments, found=1.0):
        def measured(*given, **options):
            asked.append((given, options))
            took = {"seconds": 2.4, "cpu": 3.4, "MB": [7, 8], "main": 9}
            return np.full((2, len(METHODS), len(scale.COLUMNS)), found), took

        monkeypatch.setattr(scale, "measured", measured)
        monkeypatch.setattr(sys, "argv", ["scale.py", *arguments])
        scale.main()
        return asked, json.loads(scale.RECORD.read_text()), scale.PAGE.read_text(encoding="utf-8")

    return call


def test_a_run_is_in_the_record_once_and_on_the_page(command):
    command("joblib", "40", "--workers", "3", "--kill")
    command("joblib", "40", "--workers", "2")
    asked, record, page = command("joblib", "40", "--workers", "2", found=0.5)
    assert asked[0] == (("joblib", 40), {"workers": 3, "kill": True})
    assert asked[1] == (("joblib", 40), {"workers": 2, "kill": False})
    assert [(run["workers"], run["killed"]) for run in record["runs"]] == [(3, True), (2, False)]
    assert len({run["digest"] for run in record["runs"]}) == 2  # the new one has other numbers
    runs = [line for line in page.splitlines() if line.startswith("| joblib")]
    first, second = (run["digest"][:8] for run in record["runs"])
    assert page.startswith("<!-- table -->\n| method |")  # though "table" was what stood there
    assert runs == [
        f"| joblib | 2 | 40 |  | 2 | 3 | 7, 8 | 9 | `{second}` |",
        f"| joblib | 3 | 40 | one | 2 | 3 | 7, 8 | 9 | `{first}` |",
    ]


def test_the_table_is_that_of_the_last_run_with_most_drawings(command):
    for count, found, mean in [("40", 1.0, 1 / 40), ("40", 0.5, 0.5 / 40), ("30", 9.0, 0.5 / 40), ("50", 5.0, 0.1)]:
        _, record, page = command("one", count, found=found)
        assert record["table"]["grad_cam"][0][0] == mean
        assert scale.parts(record)["table"] in page
    before = page
    scale.PAGE.write_text(before.replace("| one |", "| two |"))
    assert command("page")[2] == before
