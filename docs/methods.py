"""Write the tables of docs/methods.md and draw its pictures.

The argument "measures" also measures how the methods do on drawings. The argument "properties" also computes which
method has which property. Each takes a few minutes.
"""

import json
import sys
from pathlib import Path

import numpy as np
from page_parts import table, write_parts

from numpycam import drawings, load_pretrained, worked_example
from numpycam.display import figure_of_methods
from numpycam.exact import as_floats
from numpycam.experiments.pretrained import NAMES
from numpycam.methods import METHODS
from numpycam.methods.recipe import PROPERTIES
from numpycam.metrics import (
    area_under,
    deletion_curve,
    energy_inside,
    insertion_curve,
    intersection_over_union,
    pointing_game,
)
from numpycam.resize import resize

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
import second_example  # noqa: E402
from properties import table as properties_found  # noqa: E402

IMAGES, CURVES, SEED = 500, 50, 2000  # the curves take long, so only the first 50 images have them
CLASS = 1  # the elephant
GREY = 0.4  # what is taken away becomes grey, about the mean of the drawings; black would look like an elephant
OPTIONS = {
    "integrated_gradients": {"steps": 32, "baseline": GREY},
    "occlusion": {"size": 6, "stride": 3, "baseline": GREY},
    "smooth_grad": {"samples": 10},
}


def applicable():
    """Return the methods that work with the two trained networks: all but CAM, which needs another head."""
    return {name: method for name, method in METHODS.items() if name != "cam"}


def methods_table():
    """Return all methods as a table."""
    rows = []
    for name, m in METHODS.items():
        needs = f"{m.needs} (map at the {m.layer})" if m.layer else m.needs
        rows.append([f"{m.name}, `{name}`", f"$`{m.equation}`$", needs, "yes" if m.is_exact else "no", m.source])
    return table(["method", "L, before the last ReLU", "needs", "exact", "source"], rows)


def properties_table():
    """Return yes and no, for each method and property."""
    rows = []
    for m in METHODS.values():
        has = [*(what in m.properties for what in PROPERTIES), m.is_exact]
        rows.append([m.name, *("yes" if yes else "no" for yes in has)])
    return table(["method", *PROPERTIES, "exact"], rows)


def properties_list():
    """Return what each property means."""
    return "\n".join(f"- **{what}**: {meaning}" for what, meaning in PROPERTIES.items())


def as_json(found):
    """Return each case as whole numbers: the maps (K, H, W) and the head (2, K H W)."""
    return {
        name: {
            what: None
            if case is None
            else {"maps": case.maps.astype(int).tolist(), "head": case.head.astype(int).tolist()}
            for what, case in row.items()
        }
        for name, row in found.items()
    }


def values_table():
    """Return L of each method on two examples: as fractions where these are exact and short, else as decimals."""
    rows = []
    for name, m in METHODS.items():
        cells = []
        for network, image, options in (
            (worked_example.network(), worked_example.IMAGE, {}),
            (second_example.NETWORK, second_example.IMAGE, second_example.OPTIONS.get(name, {})),
        ):
            as_numbers = (lambda x: x) if m.is_exact else as_floats
            try:
                values = m(as_numbers(network), as_numbers(image), 0, **options).weighted_sum
            except ValueError:  # CAM: there is no such head
                cells.append("no value")
                continue
            cells.append(rows_of(values) if values.size <= 6 else "")
        rows.append([m.name, *cells])
    return table(["method", "the worked example, the cat", "the second example"], rows)


def rows_of(values):
    """Return a small map as text, with semicolons between its rows."""
    is_short = values.dtype == object and max(len(str(value)) for value in values.flat) <= 7
    texts = [[str(value) if is_short else f"{float(value):.4f}" for value in row] for row in values]
    return "; ".join(", ".join(row) for row in texts).replace("-", "−")


def measures_table(name):
    """Measure each method on drawings, with one of the two trained networks. Equal rows become one."""
    drawn = drawings.draw(IMAGES, SEED, animals="elephant", grass=True)
    same = {}  # the methods by their cells
    for key, method in applicable().items():
        found = measured(method, load_pretrained(name), drawn, OPTIONS.get(key, {}))
        cells = [f"{100 * np.mean(x):.1f} ± {196 * np.std(x, ddof=1) / len(x) ** 0.5:.1f}" for x in found]
        same.setdefault(tuple(cells), []).append(method.name)
        print(name, method.name, cells, flush=True)
    rows = [[", ".join(names), *cells] for cells, names in same.items()]
    measures = table(["method", *WHAT[name]], rows, numbers=range(1, 1 + len(WHAT[name])))
    area = 100 * drawn.masks[:, 1:3].mean(axis=(0, 2, 3))
    return f"{measures}\n| *a map that is the same everywhere* | | {area[0]:.1f} | | {area[1]:.1f} | | |"


ELEPHANT, GRASS = NAMES  # by what the network looks at
WHAT = {
    ELEPHANT: ("peak on it ↑", "map on it ↑", "overlap ↑", "map on grass ↓", "deletion ↓", "insertion ↑"),
    GRASS: ("peak on it ↓", "map on it ↓", "overlap ↓", "map on grass ↑", "deletion ↓", "insertion ↑"),
}
"""The columns, with the direction in which a map shows more of what the network looks at."""


def measured(method, network, drawn, options):
    """Compare the maps for "elephant" with the masks. For the first of them, also ask the network by two curves."""
    maps = []
    for n in range(0, len(drawn), 50):
        explained = method(network, drawn.images[n : n + 50], CLASS, **options)
        maps.append(resize(explained.localization_map, drawn.images.shape[2:]))
    heat, elephant, grass = np.concatenate(maps), drawn.masks[:, 1], drawn.masks[:, 2]
    yield pointing_game(heat, elephant)
    yield energy_inside(heat, elephant)
    yield intersection_over_union(heat, elephant)
    yield energy_inside(heat, grass)
    for curve in (deletion_curve, insertion_curve):
        yield [area_under(probability(curve, network, drawn.images[n], heat[n])) for n in range(CURVES)]


def probability(curve, network, image, heat):
    """Return a curve of the probability of the class."""
    return curve(network, image, heat, CLASS, steps=16, baseline=GREY, output=lambda y: 1 / (1 + np.exp(-y)))


def parts():
    """Return what the page shows without measuring, by the name of its marks."""
    return {
        "methods": methods_table(),
        "meanings": properties_list(),
        "properties": properties_table(),
        "values": values_table(),
    }


if __name__ == "__main__":
    page = HERE / "methods.md"
    write_parts(page, parts())
    network, image = as_floats(worked_example.network()), as_floats(worked_example.IMAGE)
    example = [m(network, image, 0, **({"size": 2} if name == "occlusion" else {})) for name, m in applicable().items()]
    (HERE / "methods" / "example.png").write_bytes(figure_of_methods(example, columns=6).as_png())
    both = drawings.draw(1, 7, animals="both", grass=True).images[0]
    seen = [m(load_pretrained(NAMES[0]), both, 0, **OPTIONS.get(name, {})) for name, m in applicable().items()]
    (HERE / "methods" / "drawing.png").write_bytes(figure_of_methods(seen, columns=6).as_png())
    if "measures" in sys.argv:
        for name in NAMES:
            write_parts(page, {name: measures_table(name)})
    if "properties" in sys.argv:
        found = properties_found()
        (HERE / "methods" / "properties.json").write_text(json.dumps(as_json(found)) + "\n")
