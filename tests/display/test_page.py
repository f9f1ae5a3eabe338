"""The step-through page: what it says without a browser, and a walk through it in Chromium."""

import json
import re
from fractions import Fraction
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers import contrast, refusal, some

from numpycam import (
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    Network,
    ReLU,
    grad_cam,
    grad_cam_from_maps,
    worked_example,
)
from numpycam.display import colours_of, columns_of, format_number, overlay
from numpycam.display.page import step_through_page
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import patch_drops
from numpycam.resize import resize
from numpycam.worked_example import IMAGE

STAGES = [
    "image",
    "feature-maps",
    "gradients",
    "alphas",
    "weighted-maps",
    "weighted-sum",
    "localization-map",
    "overlay",
    "test",
]
SHOWS = {"parts": worked_example.PARTS, "caption": "A cat and a moon."}


def page_of(c=0, head="linear", exact=True, **options):
    network, image = worked_example.network(head, exact), IMAGE if exact else as_floats(IMAGE)
    return step_through_page(grad_cam(network, image, c), interpolation="nearest", **options)


def sections(page):
    """The sections of a page by their address, as text without tags."""
    found = re.findall(r'<section id="([a-z-]+)"[^>]*>(.*?)</section>', page, re.DOTALL)
    return {name: unescape(re.sub(r"<[^>]+>", " ", content)) for name, content in found}


def grids(page):
    """The tables of a page, by stage and number of the map: the numbers and the colours of their cells."""
    found = {}
    for attributes, content in re.findall(r'<div class="grid[^"]*" ([^>]+)><table(.*?)</table>', page, re.DOTALL):
        k = re.search(r'data-k="(\d+)"', attributes)
        key = re.search(r'data-stage="(\w+)"', attributes)[1], int(k[1]) if k else None
        rows = [re.findall(r"--colour:#(\w+)[^>]*>(?:<span[^>]*>)?([^<]*)<", row) for row in content.split("<tr ")[1:]]
        found[key] = [[text for _, text in row] for row in rows], [[colour for colour, _ in row] for row in rows]
    return found


def large_network(rng, layer="conv"):
    return Network(
        [
            (layer, Conv2d(rng.normal(size=(6, 3, 3, 3)), padding=1)),
            ("relu", ReLU()),
            ("gap", GlobalAvgPool2d()),
            ("linear", Linear(rng.normal(size=(2, 6)))),
        ]
    )


@pytest.mark.parametrize("c", [0, 1])
def test_every_number_of_every_stage_is_on_the_page(c):
    explanation, page = grad_cam(worked_example.network(), IMAGE, c), page_of(c)
    assert list(sections(page)) == STAGES
    assert other_cells(explanation, grids(page), [1, 2, 3]) == []


def other_cells(explanation, shown, channels):
    """Return the tables of which a cell has another number, or another colour, than its cell of the explanation."""
    others = []
    for stage in columns_of(explanation, "nearest", len(channels)):
        values = getattr(explanation, stage.name, None)
        for n, k in enumerate(stage.channels or [None]):
            numbers, colours = shown[stage.name, k]
            drawn = np.rint(255 * colours_of(stage, n)).astype(int)
            if colours != [["".join(f"{part:02x}" for part in cell) for cell in row] for row in drawn]:
                others.append((stage.name, k, colours))
            if values is not None:
                one = np.atleast_2d(values[k - 1] if k else values.reshape(values.shape[-2:]))
                if numbers != [[format_number(float(value)) for value in row] for row in one]:
                    others.append((stage.name, k, numbers))
    return others


def test_the_maps_with_the_largest_shares_are_shown_under_their_own_numbers():
    rng = np.random.default_rng(1)
    maps, gradients = rng.normal(size=(2, 6, 2, 3))
    explanation = grad_cam_from_maps(maps, gradients)
    kept = sorted(np.argsort(-explanation.channel_shares)[:3] + 1)
    assert kept != [1, 2, 3]
    shown = grids(step_through_page(explanation, most_maps=3))
    assert [k for stage, k in shown if stage == "feature_maps"] == kept
    assert other_cells(explanation, shown, kept) == []


def prose(page):
    return [unescape(re.sub(r"<[^>]+>", "", text)) for text in re.findall(r"<p>(.*?)</p>\n</div>", page)]


def test_what_the_page_says():
    """It was read and found true; a change shows here, to be read again."""
    golden = Path(__file__).parents[1] / "golden"
    for c, name in enumerate(worked_example.CLASS_NAMES):
        assert "\n".join(prose(page_of(c))) + "\n" == (golden / f"page-{name}.txt").read_text()


def test_what_the_page_says_of_colour_pictures_ties_and_nothing():
    rng = np.random.default_rng(0)
    explanation = grad_cam(large_network(rng), rng.random((3, 5, 7)), 1)
    assert prose(step_through_page(explanation))[0].startswith(
        "This is what the network sees: 5 pixels high, 7 wide, in colour. "
    )
    assert "cells" in prose(step_through_page(explanation))[6]
    maps = np.array([[[-1.0, 0.0, -2.0]]])
    tied = prose(step_through_page(grad_cam_from_maps(maps, np.ones((1, 1, 3)))))
    assert "The largest in size is 1, in map 1, row 1, column 1, and 2 more of that size." in tied[1]
    assert tied[2].endswith("Here it is 1.")
    assert tied[3].endswith("There is one map, and it contributes all.")
    assert tied[5].endswith(
        "Nothing is left to show. The map is zero: no cell of Σ α_k A^k is positive, the largest is 0."
    )
    nothing = prose(step_through_page(grad_cam_from_maps(np.ones((2, 1, 3)), np.zeros((2, 1, 3)))))
    assert "All are 0. At this picture the score does not depend on these maps" in nothing[1]
    assert nothing[2].endswith("Here all have the size 0.")
    assert nothing[3].endswith("Here all contributions are 0.")
    gradients = np.array([3.0, 0.0, -3.0, 0.0, 0.0])[:, None, None]
    several = prose(step_through_page(grad_cam_from_maps(np.ones((5, 1, 1)), gradients)))
    assert several[2].endswith(
        "The largest in size is α of map 1, 3, and 1 more of that size. "
        "The smallest is α of map 2, 0, and 2 more of that size."
    )
    assert several[3].endswith(
        "Map 1 has the largest share of the total size of all contributions, 50.0\N{NO-BREAK SPACE}%, and 1 more of "
        "that size. Map 2 has the smallest, 0.0\N{NO-BREAK SPACE}%, and 2 more of that size."
    )
    equal = prose(step_through_page(grad_cam_from_maps(np.ones((2, 1, 3)), np.ones((2, 1, 3)))))
    assert equal[3].endswith("All maps contribute the same amount.")


def test_the_class_is_named_where_its_name_is_known():
    assert "<p>class 0 · score " in page_of()
    page = page_of(class_name="cat & dog")
    assert "<p>class 0 (cat &amp; dog) · score " in page
    assert prose(page)[0].startswith(
        "This is what the network sees: 4 pixels high, 4 wide. The network gives class 0 (cat & dog) "
    )


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_the_geometry_is_that_of_the_layer_and_the_method(method):
    network = Network([("conv", Conv2d(np.ones((1, 1, 2, 3)), stride=(2, 1))), ("again", Conv2d(np.ones((1, 1, 1, 2)))),
                       ("gap", GlobalAvgPool2d())])  # fmt: skip
    page = step_through_page(grad_cam(network, np.ones((1, 4, 5)), layer="conv"), interpolation=method)
    geometry = json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])
    assert geometry["seen"] == {"rows": [[0, 1], [2, 3]], "columns": [[0, 1, 2], [1, 2, 3], [2, 3, 4]]}
    weights = resize(np.eye(3), (5, 3), method)
    assert geometry["painted"]["columns"] == [np.flatnonzero(row).tolist() for row in weights]
    assert geometry["painted"]["rows"][1] == ([0] if method == "nearest" else [0, 1])


def test_fractions_are_there_to_be_read():
    assert 'data-value="357/40 = 8.925"' in page_of()
    assert 'data-value="−81/40 = −2.025"' in page_of()


def test_each_stage_has_a_formula_and_says_what_is_true_of_other_numbers_too():
    for section in re.findall(r"<section.*?</section>", page_of(), re.DOTALL):
        assert section.count('<div class="formula"><math') == 1
        (text,) = re.findall(r"<p>(.*?)</p>", section)
        general, _, of_these = text.partition(' <span class="these">')
        assert general.endswith(".")
        assert not re.search(r"\d/\d|\d\.\d", general)  # no number that a reader could change
        assert 'id="overlay"' in section or of_these.endswith((".</span>", "?</span>"))


def test_the_page_stands_alone():
    page = page_of()
    assert "http" not in page
    assert not re.search(r"<link (?!rel=\"icon\" href=\"data:,\")", page)
    assert not re.search(r"\bsrc=\"(?!data:)", page)
    assert "@import" not in page
    assert "{{" not in page


def test_labels_are_escaped():
    name, title = 'conv"><script>alert(1)</script>', "<img src=x onerror=alert(1)> & {{links}}"
    rng = np.random.default_rng(0)
    explanation = grad_cam(large_network(rng, name), rng.random((3, 20, 24)))
    page = step_through_page(explanation, title=title)
    assert page.count("<script") == 2  # its own
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; {{links}}" in page
    assert "conv&quot;&gt;&lt;script&gt;" in page


def test_large_maps_are_pictures_with_alternative_texts():
    rng = np.random.default_rng(0)
    page = step_through_page(grad_cam(large_network(rng), rng.random((3, 20, 24))), most_maps=2)
    alternatives = re.findall(r'<img tabindex="0" alt="([^"]+)"', page)
    assert len(alternatives) == page.count("<img") == 2 + 3 * 2 + 2  # picture, overlay; A, g, αA; L, L^c; α as a table
    assert any(re.fullmatch(r"feature maps A\^\d: 20 × 24 cells\.", text) for text in alternatives)
    chosen = "2 of 6 maps are shown, those that contribute most."
    assert page.count(f"{chosen} The colours are scaled to them.</div>") == 4  # A, g, α, αA


def test_what_is_not_known_is_left_out():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 3, 4))
    page = step_through_page(grad_cam_from_maps(maps, maps))
    assert list(sections(page)) == STAGES[1:-2]
    assert "From given feature maps and gradient maps" in page
    assert '<script id="geometry" type="application/json">{"maps": 2, "parts": {}, "names": {}}</script>' in page


def test_layers_that_are_not_known_to_see_a_patch_light_nothing():
    class Mirror(Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x):
            return x[..., ::-1].copy()

        def backward(self, grad_output, x):
            return grad_output[..., ::-1].copy()

    network = Network([("mirror", Mirror()), ("conv", Conv2d(np.ones((1, 1, 1, 1)))), ("flatten", Flatten())])
    page = step_through_page(grad_cam(network, np.ones((1, 2, 3))))
    assert '"seen"' not in page
    assert list(sections(page)) == STAGES[:-1]  # nor is there a test: nobody knows what to erase


def test_a_batch_is_refused():
    explanation = grad_cam(worked_example.network(), np.stack([IMAGE, IMAGE]))
    assert refusal(ValueError, lambda: step_through_page(explanation)) == (
        "a figure shows the explanation of one image: for a batch pass explanation[n]."
    )


def test_fractions_with_very_many_digits_stand_on_the_page_as_decimals():
    long = np.full((1, 2, 3), Fraction(10**5000 + 1, 10**5000))
    number = "[Fraction of about 5000 digits] = 1"
    assert f"The values go from {number} to {number}." in step_through_page(grad_cam_from_maps(long, long))


# --- What a small example has besides -----------------------------------------------------------------


def test_the_kernels_and_the_weights_of_the_head_are_on_the_page():
    for c in (0, 1):
        shown = grids(page_of(c))
        for k in (1, 2, 3):
            for stage, values in (("kernels", worked_example.KERNELS[k - 1, 0]), ("weights", head_of(c)[k - 1])):
                assert shown[stage, k][0] == [[format_number(float(value)) for value in row] for row in values]


def head_of(c, head="linear"):
    return worked_example.network(head)[{"linear": "linear"}.get(head, "conv")].parameters["weight"][c].reshape(3, 2, 2)


def test_a_head_that_is_not_affine_shows_its_kernel_and_one_without_a_kernel_for_the_class_shows_none():
    shown, page = grids(page_of(head="conv")), page_of(head="conv")
    for k in (1, 2, 3):
        assert shown["weights", k][0] == [[format_number(float(v)) for v in row] for row in head_of(0, "conv")[k - 1]]
    assert "The kernel of the head for this class" in page
    assert "The weights of the head" not in page
    assert ("weights", 1) not in grids(page_of(head="dead-unit"))


def test_the_test_shows_the_drops_and_what_two_methods_predict():
    drops = patch_drops(worked_example.network(), IMAGE, 0)
    hires = (worked_example.GRADIENTS * worked_example.FEATURE_MAPS).sum(axis=0)
    content = re.search(r'<section id="test".*?</section>', page_of(**SHOWS), re.DOTALL)[0]
    tables = re.findall(r"<table.*?</table>", content, re.DOTALL)
    for table, values in zip(tables, (drops, hires, worked_example.WEIGHTED_SUM), strict=True):
        found = [
            Fraction(text.replace("−", "-").split(" = ")[0]) for text in re.findall(r'data-value="([^"]+)"', table)
        ]
        assert [float(one) for one in found] == [float(value) for value in values.flat]
    assert "The score is 143/5 = 28.6, and 157/5 = 31.4 without the moon. What the ReLU removed did speak" in content


def test_a_large_network_has_no_test():
    rng = np.random.default_rng(0)
    page = step_through_page(grad_cam(large_network(rng), rng.random((3, 20, 24))))
    assert list(sections(page)) == STAGES[:-1]
    assert 'class="more"' not in page


def test_the_parts_are_named_on_the_picture_and_on_the_overlay():
    page = page_of(**SHOWS)
    for stage in ("image", "overlay"):
        content = re.search(rf'<section id="{stage}".*?</section>', page, re.DOTALL)[0]
        assert re.findall(r'class="label part"[^>]*><b>(\w+)</b>', content) == list(worked_example.PARTS)
    assert "A cat and a moon." in page
    assert "inset:50.0000% 50.0000% 0.0000% 0.0000%" in page  # the body: below the middle, left of it


@pytest.mark.parametrize(("parts", "words"), [({"ear": ((0, 0), (5, 1))}, "(5, 1)"), ({"ear": (1, 2)}, "(1, 2)")])
def test_parts_that_are_not_in_the_picture_are_refused(parts, words):
    message = refusal(ValueError, lambda: page_of(parts=parts))
    assert message.startswith("parts['ear'] must be ((row, column), (row, column)), ")
    assert words in message


def test_the_name_of_a_part_is_escaped(visit):
    name = "</script><script>alert(1)</script><!--"
    page = page_of(parts={name: ((0, 0), (1, 1))}, caption="<b>A cat</b>")
    assert page.count("<script") == 2  # its own
    assert "&lt;b&gt;A cat&lt;/b&gt;" in page
    assert point_at(visit(page), "image", 0, 0) == f"picture, row 1, column 1 (the {name}): 0"


def test_if_the_network_saw_other_numbers_there_are_no_products_of_those_on_the_page(visit):
    content = step_through_page(grad_cam(worked_example.network(), 4 * IMAGE - 2, 0), picture=as_floats(IMAGE))
    assert ("kernels", 1) in grids(content)
    page = visit(content, "#feature-maps")
    assert point_at(page, "feature-maps", 0, 0).endswith("row 1, column 1: 0")  # not 1
    assert page.locator("section#feature-maps .worked").inner_text() == ""


def test_the_numbers_of_the_map_lie_over_the_picture_with_a_scale():
    content = re.search(r'<section id="overlay".*?</section>', page_of(), re.DOTALL)[0]
    assert re.findall(r'class="label over"[^>]*><b>([^<]+)</b>', content) == ["8.925", "0", "16.125", "2.6"]
    assert "<span>16.125</span>" in content


# --- A walk through the page in Chromium ------------------------------------------------------------


@pytest.fixture
def visit(chromium, tmp_path):
    """Open a page and return it; at the end nothing must have been said on the console, nor fetched."""
    said, asked, contexts = [], [], []

    def open_page(content, fragment="", **options):
        file = tmp_path / "steps.html"
        file.write_text(content, encoding="utf-8")
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri() + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert all(url.startswith("file:") and ".html" in url for url in asked)
    assert len(asked) == len(contexts)


def current(page):
    """The stage that is shown large, and those before it."""
    shown = page.locator("section.current")
    assert shown.count() == 1
    assert shown.is_visible()
    before = page.locator("section.before").evaluate_all("all => all.map(section => section.id)")
    return shown.get_attribute("id"), before


def lit(page, stage):
    """The cells of a stage that are lit: (k, row, column), counted from 1; of a whole map just (k,)."""
    return set(
        map(
            tuple,
            page.evaluate(
                """stage => [...document.querySelectorAll(`.grid[data-stage="${stage}"]`)].flatMap(grid => [
            ...(grid.classList.contains("whole") ? [[+grid.dataset.k]] : []),
            ...[...grid.querySelectorAll("td.lit")].map(
                cell => [+(grid.dataset.k ?? 0), cell.parentNode.rowIndex + 1, cell.cellIndex + 1])])""",
                stage,
            ),
        )
    )


def test_walking_with_the_arrow_keys(visit):
    page = visit(page_of())
    for number, stage in enumerate(STAGES):
        assert current(page) == (stage, STAGES[:number])
        page.keyboard.press("ArrowRight")
    assert current(page)[0] == "test"
    for stage in reversed(STAGES):
        assert current(page)[0] == stage
        page.keyboard.press("ArrowLeft")
    assert current(page)[0] == "image"


def test_walking_with_buttons_links_and_the_browsers_own_back(visit):
    page = visit(page_of())
    back, on = page.get_by_role("button", name="One stage back"), page.get_by_role("button", name="One stage on")
    assert back.get_attribute("aria-disabled") == "true"
    on.click()
    assert current(page)[0] == "feature-maps"
    assert page.url.endswith("#feature-maps")
    page.get_by_role("link", name="weighted sum").click()
    assert current(page)[0] == "weighted-sum"
    assert page.locator("nav a[aria-current]").inner_text().split() == ["6", "weighted", "sum"]
    page.go_back()
    assert current(page)[0] == "feature-maps"
    back.click()
    assert current(page)[0] == "image"
    page.get_by_role("link", name="test").click()
    assert on.get_attribute("aria-disabled") == "true"


@pytest.mark.parametrize("stage", STAGES)
def test_a_link_opens_the_page_at_its_stage(visit, stage):
    assert current(visit(page_of(), f"#{stage}"))[0] == stage


def test_pointing_at_a_cell_lights_what_it_came_from(visit):
    page = visit(page_of(), "#localization-map")
    page.locator("section.current td").nth(2).hover()  # row 2, column 1: the body
    body = {(0, row, column) for row in (3, 4) for column in (1, 2)}
    assert lit(page, "localization_map") == {(0, 2, 1)} == lit(page, "weighted_sum")
    assert lit(page, "weighted_maps") == {(k, 2, 1) for k in (1, 2, 3)} == lit(page, "feature_maps")
    assert lit(page, "alphas") == {(k, 1, 1) for k in (1, 2, 3)}
    assert lit(page, "gradients") == {(k,) for k in (1, 2, 3)}
    assert lit(page, "image") == body
    assert page.locator("#readout").inner_text() == "Grad-CAM, row 2, column 1: 129/8 = 16.125, from ReLU(16.125)"
    page.mouse.move(5, 5)
    assert lit(page, "image") == set()


def test_each_stage_knows_where_its_cells_came_from(visit):
    page = visit(page_of(), "#overlay")
    moon = {(0, row, column) for row in (1, 2) for column in (3, 4)}
    page.locator("section#overlay td").nth(3).hover()  # the pixel at the top right
    assert lit(page, "localization_map") == {(0, 1, 2)}
    assert lit(page, "image") == moon
    page.locator("section#feature-maps .grid").nth(2).locator("td").nth(1).hover()  # A^3_12
    assert lit(page, "feature_maps") == {(3, 1, 2)}
    assert lit(page, "image") == moon
    assert lit(page, "weighted_maps") == set()
    page.locator("section#alphas td").nth(1).hover()
    assert lit(page, "gradients") == {(2,)}
    assert lit(page, "image") == set()


def test_the_keyboard_reaches_every_cell(visit):
    page = visit(page_of(), "#weighted-sum")
    page.locator("section.current td").first.focus()
    assert lit(page, "weighted_sum") == {(0, 1, 1)}
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert lit(page, "weighted_sum") == {(0, 2, 2)}
    assert (
        page.locator("#readout").inner_text() == "weighted sum, row 2, column 2: 13/5 = 2.6, from 0.275 + 2.125 + 0.2"
    )
    page.keyboard.press("Escape")
    assert lit(page, "weighted_sum") == set()
    page.keyboard.press("ArrowRight")
    assert current(page)[0] == "localization-map"


def test_large_maps_light_a_box(visit):
    rng = np.random.default_rng(0)
    page = visit(step_through_page(grad_cam(large_network(rng), rng.random((3, 20, 24)))), "#localization-map")
    frame = page.locator("section.current img").bounding_box()
    page.mouse.move(frame["x"] + 0.99 * frame["width"], frame["y"] + 0.01 * frame["height"])
    assert page.locator("#readout").inner_text().startswith("Grad-CAM, row 1, column 24: ")
    box = page.locator("section#image .box").evaluate("box => [box.style.top, box.style.height, box.style.width]")
    assert [round(float(side[:-1]), 3) for side in box] == [
        0,
        10,
        8.333,
    ]  # 2 of 20 rows, 2 of 24 columns: 3 × 3 cut off
    page.locator("section.current img").focus()
    page.keyboard.press("Shift+ArrowDown")
    assert page.locator("#readout").inner_text().startswith("Grad-CAM, row 2, column 1: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 640, 1280])
def test_it_fits_phones_and_200_percent_and_both_schemes(visit, scheme, width):
    """At 200 % a window of 1280 pixels is 640 wide; 320 is the narrowest phone."""
    page = visit(page_of(), "#overlay", color_scheme=scheme, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert contrast(ink, paper) >= 7  # WCAG, level AAA


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("size", [(1280, 500), (320, 568)], ids=["low", "phone"])
def test_opened_at_a_stage_the_buttons_are_in_view(visit, stage, size):
    page = visit(page_of(), f"#{stage}", viewport=dict(zip(("width", "height"), size, strict=True)))
    assert page.locator("nav").bounding_box()["y"] >= 0
    heading = page.locator("section.current h2").bounding_box()
    assert heading["y"] + heading["height"] <= size[1]


def test_numbers_stay_in_their_cells(visit):
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(4, 2, 3))
    page = visit(step_through_page(grad_cam_from_maps(maps, -1.2345e-4 * (1 + rng.random(maps.shape)))), "#alphas")
    for stage in ("alphas", "localization-map"):  # shown large, shown small
        page.evaluate("stage => { location.hash = stage }", stage)
        too_wide = page.locator("#alphas td").evaluate_all(
            """cells => cells.filter(cell => {
                const range = document.createRange();
                range.selectNodeContents(cell);
                return range.getBoundingClientRect().width > cell.clientWidth })
            .map(cell => cell.innerText)"""
        )
        assert too_wide == []
        assert page.locator("#alphas td").first.is_visible()


@pytest.mark.parametrize("side", [2, 3, 9, 10, 14, 20])
def test_four_maps_stand_in_one_row_or_two_by_two(visit, side):
    maps = np.random.default_rng(0).random((4, side, side))
    page = visit(step_through_page(grad_cam_from_maps(maps, maps)), "#feature-maps")
    rows = [figure.bounding_box()["y"] for figure in page.locator("section.current figure").all()]
    assert sorted(map(rows.count, set(rows))) in ([4], [2, 2])


def test_each_stage_says_what_pointing_shows(visit):
    def said(content, stage):
        return visit(content, f"#{stage}").locator("#readout").inner_text().partition(". ")[2]

    rng = np.random.default_rng(0)
    photo = step_through_page(grad_cam(large_network(rng), rng.random((3, 20, 24))))
    maps = step_through_page(grad_cam_from_maps(np.ones((1, 2, 3)), np.ones((1, 2, 3))))
    assert said(photo, "image") == "Go on with →."
    assert said(photo, "overlay") == "Point at a place to see what it came from."
    assert said(maps, "feature-maps") == said(page_of(exact=False), "image") == "Point at a cell to see its number."
    assert said(page_of(), "image") == "Point at a cell to see its number. Click it to change it."
    assert said(page_of(), "overlay") == "Point at a cell to see what it came from."


def test_a_map_that_is_not_square(visit):
    """Twelve columns, two rows; a picture padded around; every cell says its own number on the narrowest phone too."""
    network = Network([("conv", Conv2d(np.arange(6.0).reshape(2, 1, 1, 3), stride=(2, 1), padding=(1, 1))),
                       ("gap", GlobalAvgPool2d())])  # fmt: skip
    explanation = grad_cam(network, np.arange(36.0).reshape(1, 3, 12) / 36, 0)
    assert explanation.localization_map.shape == (3, 12)
    page = visit(
        step_through_page(explanation, interpolation="nearest"), "#overlay", viewport={"width": 320, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator("section#overlay td").nth(12 + 10).hover()
    assert {(row, column) for _, row, column in lit(page, "localization_map")} == {(2, 11)}
    assert {column for _, _, column in lit(page, "image")} == {10, 11, 12}
    for row, column in ((1, 1), (2, 7), (3, 12)):
        page.locator("section#localization-map td").nth(12 * (row - 1) + column - 1).hover()
        value = format_number(float(explanation.localization_map[row - 1, column - 1]))
        assert page.locator("#readout").inner_text().startswith(f"Grad-CAM, row {row}, column {column}: {value}")
    page.locator("section#overlay td").first.focus()
    for key, place in (("ArrowUp", (1, 1)), ("ArrowLeft", (1, 1)), ("ArrowDown", (2, 1)), ("ArrowDown", (3, 1)),
                       ("ArrowDown", (3, 1)), *(("ArrowRight", (3, column)) for column in (2, 3, 4, 5))):  # fmt: skip
        page.keyboard.press(f"Shift+{key}")
        assert page.locator("#readout").inner_text() == f"overlay, row {place[0]}, column {place[1]}"


def test_the_focus_is_never_lost_and_follows_the_eye(visit):
    page = visit(page_of(), "#weighted-sum")
    page.get_by_role("button", name="One stage on").focus()
    page.keyboard.press("Tab")
    focused = "document.activeElement.closest('section')?.id"
    assert page.evaluate(focused) == "weighted-sum"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == "weighted-maps"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "TD"
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "weighted-maps"


def test_without_a_script_all_stages_are_there(visit):
    page = visit(page_of(), java_script_enabled=False)
    assert page.locator("section").evaluate_all("all => all.length") == len(STAGES)
    for section in page.locator("section").all():
        assert section.is_visible()


@pytest.mark.parametrize(("size", "shape"), [((1, 32), 4), ((64, 1), 1 / 4), ((20, 30), 1.5)])
def test_a_slim_map_is_no_mere_line_large_or_small(visit, size, shape):
    maps = np.linspace(0, 1, size[0] * size[1]).reshape(1, *size)
    page = visit(step_through_page(grad_cam_from_maps(maps, maps)), "#weighted-sum")
    for stage in ("feature_maps", "weighted_sum"):
        box = page.locator(f'[data-stage="{stage}"] img').bounding_box()
        assert abs(box["width"] - shape * box["height"]) <= 1 + shape  # to a pixel
        assert min(box["width"], box["height"]) >= 24


# --- The arithmetic of the numbers --------------------------------------------------------------------


def point_at(page, stage, number, cell):
    page.locator(f"section#{stage} .grid").nth(number).locator("td").nth(cell).hover()
    return page.locator("#readout").inner_text()


def test_pointing_tells_the_arithmetic_of_every_number(visit):
    page = visit(page_of(**SHOWS), "#test")
    assert point_at(page, "image", 0, 4) == "picture, row 2, column 1 (the ear): 1"
    assert point_at(page, "feature-maps", 0, 1) == (
        "feature map 1, row 1, column 2 (the moon): −1, from 0·1.1 + 1·(−1) + 0·1 + 0·0.9"
    )
    assert point_at(page, "gradients", 0, 0) == (
        "gradient map 1, row 1, column 1 (the ear): 2, the head’s weight of this cell. "
        "With 1 more in this cell of A, y goes 28.6 → 30.6"
    )
    assert point_at(page, "test", 0, 1) == (
        "measured drop, row 1, column 2 (the moon): −14/5 = −2.8, by which the score drops without this patch"
    )
    assert lit(page, "image") == {(0, row, column) for row in (1, 2) for column in (3, 4)}
    assert point_at(page, "test", 1, 0) == (
        "HiResCAM, row 1, column 1 (the ear): 63/10 = 6.3, from 2·1 + 3·1.5 + 0.1·(−2)"
    )
    assert point_at(page, "test", 2, 2).endswith("129/8 = 16.125, before the ReLU")


def test_the_arithmetic_is_right_for_any_window_and_for_a_head_with_a_kink(visit):
    kernels = np.array([[[[1.0, 2, 3], [4, 5, 6]]], [[[0.0, 2, 0], [-1, 0, 0]]]])
    network = Network([
        ("conv", Conv2d(kernels, [7.0, 0.0], stride=(2, 1), padding=(1, 0), dilation=(1, 2))),
        ("relu", ReLU()),
        ("gap", GlobalAvgPool2d()),
    ])  # fmt: skip
    image = np.arange(1.0, 25).reshape(1, 4, 6)
    explanation = grad_cam(network, image, 1, layer="conv")
    page = visit(step_through_page(explanation), "#feature-maps")
    for k in (0, 1):
        for cell, value in enumerate(explanation.feature_maps[k].flat):
            text = point_at(page, "feature-maps", k, cell).partition(", from ")[2]
            terms = [term.replace("−", "-").replace("(", "").replace(")", "") for term in text.split(" + ")]
            assert sum(np.prod([float(factor) for factor in term.split("·")]) for term in terms) == value
    before, after = explanation.score, explanation.score + 1 / explanation.gradients[1].size
    assert explanation.feature_maps[1, 0, 0] == -1  # where the ReLU is shut, one more does not count
    page.evaluate("location.hash = '#gradients'")
    assert point_at(page, "gradients", 1, 0).endswith(f"y goes {format_number(before)} → {format_number(before)}")
    assert explanation.feature_maps[1, 1, 0] > 0
    assert point_at(page, "gradients", 1, 2).endswith(f"y goes {format_number(before)} → {format_number(after)}")


def test_the_stage_before_is_in_sight(visit):
    page = visit(page_of(**SHOWS))
    for before, stage in pairwise(STAGES):
        page.evaluate("stage => { location.hash = stage }", stage)
        page.locator(f"section#{stage}.current").wait_for()
        boxes = {one.get_attribute("id"): one.bounding_box() for one in page.locator("section.before").all()}
        assert boxes[before]["y"] + boxes[before]["height"] <= 900
        assert min(boxes, key=lambda name: (boxes[name]["y"], boxes[name]["x"])) == before


# --- The page answers: numbers of the reader's own ------------------------------------------------------

READ_ALL = """changes => changes.map(one => {
    const typed = Object.fromEntries(Object.entries(one).map(([name, text]) => [name, read(text)]));
    const strings = value => Array.isArray(value) ? value.map(strings) : "n" in value ? written(value)
        : Object.fromEntries(Object.entries(value).map(([name, part]) => [name, strings(part)]));
    return strings(compute(typed));
})"""


def a_change(rng):
    """Draw up to four numbers for the picture, and often some for A and for dy/dA: as one types them.

    Every third change has -1, 0 and 1 in all of A. There a ReLU is often at 0, and a maximum is often shared.
    """
    if rng.integers(3) == 0:
        return {f"A.{k}.{i}.{j}": str(rng.choice([-1, 0, 0, 1])) for k in (1, 2, 3) for i in (1, 2) for j in (1, 2)}
    names = {f"x.{i}.{j}" for i, j in rng.integers(1, 5, (rng.integers(0, 5), 2))}
    for what in "Ag":
        names |= {f"{what}.{k}.{i}.{j}" for k, i, j in rng.integers((1, 1, 1), (4, 3, 3), (rng.integers(0, 4), 3))}
    return {name: typed(rng) for name in sorted(names)}


def typed(rng):
    whole, part = int(rng.integers(-20, 21)), int(rng.integers(1, 1000))
    return str(
        rng.choice([f"{whole}", f"{whole}.{part}", f"{whole}/{part}", f"{whole} / {part}", f"+{part}", f".{part}"])
    )


def value_of(text):
    return Fraction(text.replace(" ", ""))


def by_numpycam(change, c=0, head="linear"):
    """What numpycam computes for the same change."""
    network, image = worked_example.network(head), np.array(IMAGE)
    for name, text in change.items():
        if name[0] == "x":
            image[0, int(name[2]) - 1, int(name[4]) - 1] = value_of(text)
    seen = grad_cam(network, image, c)
    maps, after = np.array(seen.feature_maps), network.split("features")[1]
    put(maps, "A", change)
    slopes = after.backward(as_fractions([[int(c == n) for n in (0, 1)]]), maps[None])[0]
    gradients = np.array(slopes)
    put(gradients, "g", change)
    e = grad_cam_from_maps(maps, gradients)
    return {
        "x": image[0],
        "made": seen.feature_maps,
        "A": maps,
        "slopes": slopes,
        "g": gradients,
        "alphas": e.alphas,
        "weighted": e.weighted_maps,
        "L": e.weighted_sum,
        "heat": e.localization_map,
        "drops": patch_drops(network, image, c),
        "hires": (maps * gradients).sum(axis=0),
        "score": np.asarray(after(maps[None])[0, c]),
    }


def put(maps, what, change):
    """Put the numbers of a change into A, or into g, in place."""
    for name, text in change.items():
        if name[0] == what:
            k, i, j = (int(place) - 1 for place in name[2:].split("."))
            maps[k, i, j] = value_of(text)


@pytest.mark.parametrize("c", [0, 1])
@pytest.mark.parametrize("head", worked_example.HEADS)
def test_the_page_computes_what_numpycam_computes_on_200_drawn_changes(visit, head, c):
    rng = np.random.default_rng(17 + c)
    changes = [{}, *(a_change(rng) for _ in range(199))]
    found = visit(page_of(c, head)).evaluate(READ_ALL, changes)
    for change, stages in zip(changes, found, strict=True):
        expected = by_numpycam(change, c, head)
        assert stages == {name: value.astype(str).tolist() for name, value in expected.items()}, change


@pytest.mark.parametrize(("head", "layer"), some([("conv", "relu"), ("conv", "max_pool"), ("dead-unit", "relu")]))
def test_the_drawn_changes_have_gates_at_0_and_shared_maxima(head, layer):
    """There the gradient is a matter of convention."""
    rng, network, ties = np.random.default_rng(17), worked_example.network(head), 0
    before = {name: one for one, name in pairwise(network.shapes((1, *IMAGE.shape)))}
    for change in (a_change(rng) for _ in range(199)):
        values = network.split("features")[1].activations(by_numpycam(change, 0, head)["A"][None])
        rivals = network[layer].rivals(values[before[layer]])[:, 0]
        ties += ((rivals == rivals.max(axis=0)).sum(axis=0) > 1).any()
    assert ties >= 10


def test_what_is_shown_after_a_change_is_what_was_computed(visit):
    """In the cells, in the score, over the picture; and by colours between the neighbouring ones of a colour map."""
    change = {"x.1.4": "1/3", "A.2.2.1": "-2.5", "g.3.1.2": "7"}
    link = "#overlay?" + "&".join(f"{name}={text}" for name, text in change.items())
    page, s = visit(page_of(**SHOWS), link), by_numpycam(change)
    stages = {"image": [s["x"]], "feature_maps": s["A"], "gradients": s["g"], "alphas": s["alphas"][:, None, None],
              "weighted_maps": s["weighted"], "weighted_sum": [s["L"]], "localization_map": [s["heat"]],
              "test": [s["drops"], s["hires"], s["L"]]}  # fmt: skip
    for stage, maps in stages.items():
        told = page.locator(f'[data-stage="{stage}"] td').evaluate_all("all => all.map(cell => cell.dataset.value)")
        numbers = [Fraction(text.replace("−", "-").split(" = ")[0]) for text in told]
        assert numbers == [value for one in maps for value in one.flat]
    assert page.locator("#score").inner_text().split(" = ")[0] == str(s["score"])
    assert page.locator(".over b").all_inner_texts() == [format_number(float(value)) for value in s["heat"].flat]
    heat = as_floats(s["heat"] / s["heat"].max()).repeat(2, axis=0).repeat(2, axis=1)
    drawn = overlay(as_floats(s["x"][None]), heat)
    assert np.abs(colours_on(page, "overlay") - 255 * drawn.reshape(-1, 3)).max() <= 0.5 + 1e-9
    explanation = grad_cam_from_maps(s["A"], s["g"])
    stops = page.evaluate("answers.colours.signed.map(rgb)")
    widest = np.abs(np.diff(stops, axis=0)).max()  # between two neighbours, each rounded
    for stage in columns_of(explanation, "nearest", 3)[:3]:
        expected = np.concatenate([colours_of(stage, n).reshape(-1, 3) for n in range(3)])
        assert np.abs(colours_on(page, stage.name) - 255 * expected).max() <= widest + 1


def colours_on(page, stage):
    return np.array(page.locator(f'[data-stage="{stage}"] td').evaluate_all(
        """all => all.map(cell => getComputedStyle(cell).getPropertyValue("--colour").match(/[0-9a-f]{2}/g)
            .map(part => parseInt(part, 16)))"""
    ))  # fmt: skip


def test_a_cell_is_changed_with_the_keyboard(visit):
    page = visit(page_of(), "#image")
    page.locator("section#image td").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="picture, row 1, column 2: its new number")
    assert field.input_value() == "0"
    assert field.evaluate("field => field === document.activeElement")
    page.keyboard.type("1/2")
    page.keyboard.press("ArrowLeft")  # moves in the field: it does not turn the page
    page.keyboard.press("Enter")
    assert current(page)[0] == "image"
    assert page.locator("#readout").inner_text() == "picture, row 1, column 2: 1/2 = 0.5"
    assert page.evaluate("document.activeElement.tagName") == "TD"
    yours = "Yours: x row 1, column 2: 1/2 = 0.5 (was 0). All that follows from them is computed again, exactly."
    assert page.locator("#yours-are").inner_text() == yours
    assert page.url.endswith("#image?x.1.2=1/2")
    page.keyboard.type("3")  # a digit begins a new number
    page.keyboard.press("Escape")
    assert page.locator("#readout").inner_text() == "picture, row 1, column 2: 1/2 = 0.5"
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#feature-maps?x.1.2=1/2")
    assert page.locator("section#feature-maps td").first.inner_text() == "0.5"  # 0.5·(−1) + 1·1


def test_reset_and_the_browsers_back_bring_the_numbers_back(visit):
    page = visit(page_of(**SHOWS), "#feature-maps")
    everything = "document.querySelector('main').innerHTML"
    before = page.evaluate(everything)
    page.locator("section#feature-maps td").nth(3).click()
    page.keyboard.type("12")
    page.keyboard.press("Tab")  # leaving the field takes the number
    assert page.locator("section#feature-maps td.mine").count() == 1
    assert "The network does not make these cells of A from the picture." in page.locator("#yours-are").inner_text()
    assert page.get_by_role("link", name="Link to these numbers").get_attribute("href") == "#feature-maps?A.1.2.2=12"
    page.get_by_role("button", name="Reset").click()
    page.locator("h1").hover()
    assert not page.locator("#yours").is_visible()
    tabs = re.compile(r' (tabindex="-?\d"|data-(row|column)="\d"|style="order: \d;"|class="")')
    assert tabs.sub("", page.evaluate(everything)) == tabs.sub("", before)
    page.go_back()
    assert page.locator("section#feature-maps td").nth(3).inner_text() == "12"


def test_behind_a_relu_the_gradients_follow_a_change_of_the_maps(visit):
    """In the dead-unit network, 3 at A^3_22 opens the shut unit: dy/dA^3 is its kernel then."""
    page = visit(page_of(head="dead-unit"), "#gradients")
    third = page.locator("section#gradients .grid").nth(2).locator("td")
    assert third.all_inner_texts() == ["0", "0", "0", "0"]
    page.locator("section#feature-maps .grid").nth(2).locator("td").nth(3).click()
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    assert third.all_inner_texts() == ["0.1", "−0.1", "0.2", "0.2"]
    assert point_at(page, "gradients", 2, 0).endswith(": 1/10 = 0.1. With 1 more in this cell of A, y goes 28.8 → 28.9")
    assert "y and dy/dA are the head’s at your A." in page.locator("#yours-are").inner_text()
    third.first.click()
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    assert point_at(page, "gradients", 2, 0).endswith(": 7, yours. With 1 more in this cell of A, y goes 28.8 → 28.9")
    assert "dy/dA^3 row 1, column 1: 7 (was 1/10 = 0.1)" in page.locator("#yours-are").inner_text()


NO_NUMBERS = {
    "cat": "“cat” is not a number. Write an integer, a decimal such as 2.5, or a fraction such as 5/2.",
    "0,5": "“0,5” is not a number.",
    "1e3": "“1e3” is not a number.",
    "": "“” is not a number.",
    ".": "“.” is not a number.",
    "-": "“-” is not a number.",
    "/2": "“/2” is not a number.",
    "1/-2": "“1/-2” is not a number.",
    "1/2.5": "“1/2.5” is not a number.",
    "1/0": "“1/0” is not a number: nothing can be divided by 0.",
    "0/00": "“0/00” is not a number: nothing can be divided by 0.",
    "1" * 41: f"“{'1' * 40}…” is too long: a number has at most 40 characters here.",
}


def test_what_is_no_number_is_refused_with_a_sentence(visit):
    page = visit(page_of(), "#image")
    page.locator("section#image td").first.click()
    field = page.locator("section#image input")
    for text, words in NO_NUMBERS.items():
        field.fill(text)
        page.keyboard.press("Enter")
        assert page.get_by_role("alert").inner_text().startswith(words)
        assert field.get_attribute("aria-invalid") == "true"
        assert not page.locator("#yours").is_visible()
    field.fill("2")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == ""
    assert page.locator("section#image td").first.inner_text() == "2"


def test_a_link_with_what_is_no_change_says_so_and_takes_the_rest(visit):
    page = visit(page_of(), "#alphas?x.5.1=1&A.1.1.1=1/0&x.1.1=3&x.1.2=0&x.1.3=%&B.1=%3Cb%3E")
    assert page.get_by_role("alert").inner_text() == (
        "“x.5.1=1” names no number of this page. “1/0” is not a number: nothing can be divided by 0. Write an integer, "
        "a decimal such as 2.5, or a fraction such as 5/2. “%” is not a number. Write an integer, a decimal such as "
        "2.5, or a fraction such as 5/2. “B.1=%3Cb%3E” names no number of this page."
    )
    assert current(page)[0] == "alphas"
    assert page.locator("#yours-are").inner_text().startswith("Yours: x row 1, column 1: 3 (was 0).")


def test_the_link_holds_every_number_that_can_be_typed(visit):
    """The page writes fractions: they are longer than the decimals that were typed."""
    page = visit(page_of(), "#image")
    for cell, text in enumerate(("1.23456789012345678", "-.00000000000000000001", "123456789")):
        page.locator("section#image td").nth(cell).click()
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    assert page.locator("section#image td").nth(2).inner_text() == "1.23e+8"
    assert page.locator("#readout").inner_text() == "picture, row 1, column 3: 123456789 = 1.23e+8"
    told = "all => all.map(cell => cell.dataset.value)"
    again = visit(page_of(), "#" + page.url.partition("#")[2])
    assert again.locator("main td").evaluate_all(told) == page.locator("main td").evaluate_all(told)
    assert again.get_by_role("alert").inner_text() == ""


@pytest.mark.parametrize("options", [{"exact": False}, {"exact": False, "head": "conv"}, {"most_maps": 2}])
def test_a_page_that_cannot_compute_again_does_not_offer_it(visit, options):
    page = visit(page_of(**options), "#image")
    page.locator("section#image td").first.click()
    assert page.locator("input").count() == 0
    assert "Click it" not in page.locator("#readout").inner_text()
    assert "can be changed" not in page.locator("footer").inner_text()


def test_other_windows_biases_and_interpolations_are_computed_again_too(visit):
    kernels = as_fractions([[[[1, "0.5"]]], [[[-1, 2]]]])
    network = Network([
        ("conv", Conv2d(kernels, as_fractions([1, "0.25"]), stride=(1, 2), padding=(1, 0), dilation=(1, 2))),
        ("gap", GlobalAvgPool2d()),
        ("linear", Linear(as_fractions([[3, -2]]), as_fractions(["0.125"]))),
    ])  # fmt: skip
    image = as_fractions(np.arange(12).reshape(1, 2, 6))
    explanation = grad_cam(network, image, 0, layer="conv")
    page = visit(step_through_page(explanation), "#overlay?x.2.3=1/2")
    changed = np.array(image)
    changed[0, 1, 2] = Fraction(1, 2)
    again = grad_cam(network, changed, 0, layer="conv")
    (found,) = page.evaluate(READ_ALL, [{"x.2.3": "1/2"}])
    assert found["A"] == again.feature_maps.astype(str).tolist()
    assert found["L"] == again.weighted_sum.astype(str).tolist()
    assert found["score"] == str(again.score)
    assert found["drops"] == patch_drops(network, changed, 0, layer="conv").astype(str).tolist()
    column = columns_of(again, "bilinear", 2)[-1]
    assert np.abs(colours_on(page, "overlay") - 255 * column.maps[0].reshape(-1, 3)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_changes_it_fits_a_phone_and_can_be_read(visit, scheme):
    page = visit(page_of(**SHOWS), "#gradients?A.1.1.1=12345/6789&g.1.1.1=-1", color_scheme=scheme,
                 viewport={"width": 390, "height": 844})  # fmt: skip
    for stage in STAGES:
        page.evaluate("stage => { location.hash = location.hash.replace(/^#[a-z-]+/, '#' + stage) }", stage)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ink, paper = page.locator("#yours").evaluate(
        "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    )
    assert contrast(ink, paper) >= 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_mark_of_a_changed_number_stands_out_from_every_cell(visit, scheme):
    """WCAG asks for a contrast of 3 to 1."""
    page = visit(page_of(), "#gradients?x.1.1=1/2&A.1.1.1=3&A.2.1.1=-3&g.1.1.1=6&g.3.1.1=0", color_scheme=scheme)
    pairs = page.locator("td.mine").evaluate_all(
        "all => all.map(cell => [getComputedStyle(cell).outlineColor, getComputedStyle(cell).backgroundColor])"
    )
    assert len(pairs) == 5
    assert min(contrast(*pair) for pair in pairs) >= 3
