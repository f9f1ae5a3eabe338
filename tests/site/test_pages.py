"""The site in Chromium: formulas, requests, widths, and whether everybody can read it."""

import json
import sys
from pathlib import Path

import pytest

AXE = Path(sys.prefix) / "node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FORMULAS_ARE_SET = "!window.MathJax?.startup?.promise || MathJax.startup.promise.then(() => true)"

TOO_WIDE = """() => {
  const boxes = new Set(["auto", "scroll", "hidden"])
  const isInABox = one => one && one.matches("article *")
    && (boxes.has(getComputedStyle(one).overflowX) || isInABox(one.parentElement))
  const wide = [...document.querySelectorAll("article *")].filter(one =>
    one.getBoundingClientRect().right > innerWidth + 1 && !one.matches(".visually-hidden, .sr-only")
    && !isInABox(one.parentElement) && getComputedStyle(one).overflowX === "visible")
  const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : []
  return [...page, ...wide.slice(0, 5).map(one => one.outerHTML.slice(0, 100))]
}"""
"""What is wider than the window and does not scroll inside of its box."""

KINDS = [
    "docs/index.html",
    "README.html",
    "notebooks/README.html",
    "notebooks/01_grad_cam_by_hand.html",
    "notebooks/02_a_real_network.html",
    "notebooks/10_verify_your_own.html",
    "docs/teaching.html",
    "docs/teaching/slides.html",
    "docs/methods.html",
    "docs/disagreements.html",
    "docs/performance.html",
    "docs/reference/index.html",
    "docs/reference/numpycam.html",
    "docs/reference/methods.html",
    "docs/reference/commands.html",
    "docs/reference/laws/index.html",
    "docs/reference/laws/conv2d.html",
    "_modules/numpycam/gradcam.html",
    "search.html",
    "genindex.html",
]
"""A page of each kind."""


@pytest.fixture
def visit(chromium, address):
    """Open pages in one window, and note what goes wrong on the way."""
    contexts = []

    def window(width=1280, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("request", lambda it: it.url.startswith((address, "data:", "blob:")) or wrong.append(it.url))
        page.on("response", lambda it: it.status < 400 or wrong.append((it.status, it.url)))
        page.on("console", lambda it: is_a_complaint(it) and wrong.append(it.text))
        page.on("pageerror", lambda it: wrong.append(str(it)))
        return page, wrong

    yield window
    for context in contexts:
        context.close()


def is_a_complaint(message):
    """Whether the console got an error or a warning; that a page has no icon is none."""
    return message.type in ("error", "warning") and not message.location["url"].endswith("/favicon.ico")


def go(page, url):
    page.goto(url)
    page.wait_for_function(FORMULAS_ARE_SET)


def test_each_page_is_whole_by_itself_and_all_formulas_are_set(visit, address, site):
    """No request outside, nothing missing, nothing said on the console; each formula is set, without an error."""
    page, wrong = visit()
    bad = {}
    for path in site.pages:
        go(page, address + path)
        formulas = page.locator(".math").count()
        set_, failed = page.locator(".math mjx-container").count(), page.locator("mjx-merror, merror").count()
        if wrong or failed or set_ < formulas:
            bad[path] = (list(wrong), failed, formulas - set_)
        wrong.clear()
    assert bad == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(visit, address, site, width):
    page, _ = visit(width)
    bad = {}
    for path in [path for path in site.pages if not path.startswith("_modules")]:
        go(page, address + path)
        if wide := page.evaluate(TOO_WIDE):
            bad[path] = wide
    assert bad == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_a_page_of_each_kind(visit, address, site, scheme):
    """axe-core finds nothing against WCAG 2.2 AA, also nothing of the theme's own."""
    if not AXE.is_file():
        pytest.skip("to ask axe-core, run these tests in the environment of make site")
    page, _ = visit(scheme=scheme)
    options = json.dumps({"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]})
    found = {}
    for path in KINDS:
        assert path in site.pages
        go(page, address + path)
        page.evaluate(AXE.read_text(encoding="utf-8") + "\n0")
        for violation in page.evaluate(f"axe.run(document, {options})")["violations"]:
            found[path, violation["id"]] = [node["target"] for node in violation["nodes"]]
    assert found == {}


def test_the_page_of_the_worked_example_answers_on_the_front_page(visit, address):
    page, wrong = visit()
    page.goto(address, wait_until="commit")  # it leads on before it is loaded, or after
    page.wait_for_url("**/docs/index.html")
    steps = page.frame_locator("iframe")
    steps.get_by_role("link", name="7 Grad-CAM").click()
    assert "16.125" in steps.locator("#localization-map.current").inner_text()
    page.get_by_role("link", name="Open it alone").click()
    page.wait_for_url("**/worked_example/steps.html*")
    assert wrong == []
