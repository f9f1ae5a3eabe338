"""Write docs/teaching/slides.html: one lecture, with the figures of the course inside of it."""

from base64 import b64encode
from html import escape
from pathlib import Path

from numpycam import grad_cam, worked_example
from numpycam.display import figure_of_maps, figure_of_parts, figure_of_pictures, overlay
from numpycam.experiments.drawings import draw
from numpycam.experiments.pretrained import load_pretrained
from numpycam.interventions import patch_drops
from numpycam.resize import normalise, resize
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS, IMAGE, PARTS

FOLDER = Path(__file__).parent / "teaching"
CAT, ELEPHANT = 0, 1
DROP = r"\Delta y"  # what is lost when the patch is erased

STYLE = """
:root { color-scheme: light dark; --ink: #14202b; --paper: #fff; --soft: #52616e; --line: #0b5a8f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eef3; --paper: #11181f; --soft: #a3b1bd; --line: #6db7e8; } }
* { box-sizing: border-box; }
body { margin: 0; font: 26px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
section { min-height: 100vh; padding: 6vh 7vw; display: flex; flex-direction: column; justify-content: center;
  border-bottom: 1px solid var(--soft); scroll-snap-align: start; }
html { scroll-snap-type: y proximity; }
h1 { font-size: 2em; line-height: 1.15; margin: 0 0 .4em; } h2 { font-size: 1.5em; margin: 0 0 .5em; }
p, ul { margin: .3em 0; max-width: 46em; } li { margin: .25em 0; }
.formula { font: italic 1.25em/1.6 Georgia, serif; border-left: 5px solid var(--line); padding-left: .7em; }
.ask { color: var(--line); font-weight: 600; } .small { font-size: .75em; color: var(--soft); }
img { background: #fff; border-radius: 6px; padding: 6px; max-width: 100%; max-height: 44vh;
  margin: .4em 0; align-self: flex-start; }
@media print { @page { size: 297mm 167mm; margin: 0; } section { min-height: 166mm; height: 166mm; border: 0;
  break-after: page; } body { font-size: 20px; } }
"""

KEYS = """
const slides = [...document.querySelectorAll("section")];
addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const here = slides.findIndex((slide) => slide.getBoundingClientRect().bottom > innerHeight / 2);
  slides[Math.min(slides.length - 1, Math.max(0, here + step))].scrollIntoView();
});
"""


def image(figure):
    """Return a figure as an image that is inside of the page, with its alternative text."""
    return f'<img alt="{escape(figure.alt)}" src="data:image/png;base64,{b64encode(figure.as_png(dpi=200)).decode()}">'


def slides():
    """Return the slides: a title and what stands below it."""
    network = worked_example.network()
    explanation = grad_cam(network, IMAGE, CAT)
    drops = patch_drops(network, IMAGE, CAT)
    yield (
        "Where did the network look?",
        "<p>Grad-CAM, in six small tables of numbers.</p>"
        '<p class="small">The arrow keys turn the pages. The notebooks of the course have all of this, to be run.</p>',
    )
    yield (
        "A picture, and a score",
        f"{image(figure_of_parts(IMAGE, PARTS))}<p>The network says <b>cat</b>: y = 28.6. Elephant: 8.5.</p>"
        '<p class="ask">Which of these pixels made it say so?</p>',
    )
    yield (
        "1 · Feature maps",
        f"<p>Three kernels slide over the picture. Each says what it found, and where.</p>"
        f"{image(figure_of_maps(FEATURE_MAPS, 'A^k'))}"
        '<p class="small">A³ comes from a kernel that was made to see the background: the moon.</p>',
    )
    yield (
        "2 · Gradient maps",
        "<p>How much does y change with each cell? One unit more there, so many units more of y.</p>"
        f"{image(figure_of_maps(GRADIENTS, 'dy^c/dA^k'))}"
        '<p class="ask">y = 28.6. The 1 of A¹ at the upper left becomes 2. What is y now?</p>',
    )
    yield (
        "3 · The average of each",
        '<p class="formula">α<sub>k</sub> = (1/Z) Σ<sub>ij</sub> dy<sup>c</sup>/dA<sup>k</sup><sub>ij</sub></p>'
        "<p>α₁ = (2 + 3 + 4 + 2) / 4 = 2.75 &emsp; α₂ = 4.25 &emsp; α₃ = 0.1</p>"
        "<p>The background map hardly counts for the cat.</p>",
    )
    yield (
        "4 · The weighted sum",
        f'<p class="formula">L = Σ<sub>k</sub> α<sub>k</sub> A<sup>k</sup></p>'
        f"{image(figure_of_maps(explanation.weighted_sum[None], 'L'))}"
        '<p class="ask">One cell is negative. What does it say?</p>',
    )
    yield (
        "5 · ReLU",
        '<p class="formula">L<sup>c</sup> = max(L, 0)</p>'
        f"{image(figure_of_maps(explanation.localization_map[None], 'L^c', signed=False))}"
        "<p>What speaks for the cat. The moon speaks against it, and is removed.</p>",
    )
    yield (
        "Is it true? Erase, and run again",
        f"{image(figure_of_maps(drops[None], DROP))}"
        "<p>Without the body the score falls by 23. Without the moon it <i>rises</i> by 2.8.</p>"
        "<p>The order of the map was right. Its sizes were not: an average is an average.</p>",
    )
    yield from _drawings()
    yield (
        "What a map does not say",
        "<ul><li>A bright map is not a high score: each is divided by its own maximum.</li>"
        "<li>A gradient is local. It holds up to the next kink.</li>"
        "<li>A cell is not a pixel. It stands for all that it saw.</li>"
        "<li>α is not the importance of a filter: it has a unit.</li>"
        "<li>A plausible map is not a right model.</li></ul>",
    )
    yield (
        "Your turn",
        "<ul><li><code>numpycam course my-folder</code></li><li>Notebook 01: the same with your own hands.</li>"
        "<li>Notebook 02: a real convolution, a real backward pass.</li>"
        "<li>Notebook 04: train a network, and catch another one at looking at the grass.</li></ul>",
    )


def _drawings():
    """Yield the slides of the network that looks at the animal, and of the one that looks at the grass."""
    picture = draw(1, seed=3, animals="elephant", grass=True).images[0]
    networks = {"the network": "drawings", "another one": "drawings-confounded"}
    row, captions = [picture[0]], ["the picture"]
    for title, name in networks.items():
        e = grad_cam(load_pretrained(name), picture, ELEPHANT)
        row.append(overlay(picture, normalise(resize(e.localization_map, picture.shape[1:]))))
        captions.append(f"{title}: {e.score:.0f}")
    figure = figure_of_pictures([row], captions=[captions], side=1.5)
    yield (
        "Two networks that say elephant",
        f"{image(figure)}<p>Both are right about this picture, and about all pictures like it.</p>"
        '<p class="ask">Which one would you trust?</p>',
    )
    yield (
        "Ask the network",
        "<p>In its world, grass grows where elephants are, and nowhere else. So it learned grass.</p>"
        "<p>Take the grass away: it sees no elephant any more. Grass alone: it is sure of an elephant.</p>"
        "<p><b>A map is a claim. An experiment is evidence.</b></p>",
    )


def page():
    """Return the whole page."""
    body = "\n".join(
        f"<section>\n<h{1 if n == 0 else 2}>{title}</h{1 if n == 0 else 2}>\n{text}\n</section>"
        for n, (title, text) in enumerate(slides())
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Where did the network look?</title>\n"
        f"<style>{STYLE}</style>\n<main>\n{body}\n</main>\n<script>{KEYS}</script>\n</html>\n"
    )


if __name__ == "__main__":
    (FOLDER / "slides.html").write_text(page(), encoding="utf-8")
