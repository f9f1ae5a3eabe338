"""Draw the pictures of docs/drawings.md, and write its table: what the two trained networks do on new drawings."""

from pathlib import Path

import numpy as np
from page_parts import table, write_parts

from numpycam import grad_cam, load_pretrained
from numpycam.cli.background import figure_of_maps
from numpycam.display import figure_of_kernels, figure_of_pictures
from numpycam.experiments.drawings import CLASS_NAMES, draw
from numpycam.experiments.pretrained import BACKGROUND_KERNEL, NAMES, SEED, measure

HERE = Path(__file__).parent
SEEDS, IMAGES = range(101, 106), 2000  # training saw seed 1
assert SEED not in SEEDS
GRASS = 2  # among the masks


def contact_sheet():
    """Draw eight pictures in colour, their masks, and the same pictures as the networks see them."""
    large, small = draw(8, seed=7, size=96, colour=True), draw(8, seed=7)
    masks = 0.15 + 0.85 * np.tensordot((1.0, 0.45, 0.2), draw(8, seed=7, size=96).masks, (0, 1)).clip(0, 1)
    names = [
        " and ".join(name for name, there in zip(CLASS_NAMES, label, strict=True) if there) for label in large.labels
    ]
    return figure_of_pictures(
        [list(large.images), list(masks), list(small.images)],
        row_names=["96 × 96,\nin colour", "masks", "32 × 32,\nas the\nnetworks\nsee them"],
        captions=[[name or "neither" for name in names], [""] * 8, [""] * 8],
        side=1.3,
    )


def measures_table():
    """Measure over all pictures of each seed, and return a table of the means over the seeds, with their range."""
    rows = []
    for name in NAMES:
        network = load_pretrained(name)
        worlds = {"grass says nothing": {}} | (
            {"grass where an elephant is": {"confounded": True}} if name != NAMES[0] else {}
        )
        for world, options in worlds.items():
            found = [measure(network, draw(IMAGES, seed, **options)) for seed in SEEDS]
            for c, animal in enumerate(CLASS_NAMES):
                values = (
                    [m.accuracy[c] for m in found],
                    [m.pointing[c] for m in found],
                    [m.energy[c, c] for m in found],
                    [m.area[c] for m in found],
                    [m.energy[c, GRASS] for m in found],
                    [m.shares[c, BACKGROUND_KERNEL] for m in found],
                )
                cells = (f"{100 * np.mean(x):.1f} ({100 * min(x):.1f}–{100 * max(x):.1f})" for x in values)
                rows.append([name, world, animal, *cells])
    measures = ["right answers", "peak on it", "map on it", "its area", "map on grass", "share of A³"]
    return table(["network", "pictures", "class", *measures], rows, numbers=range(3, 9))


if __name__ == "__main__":
    (HERE / "drawings" / "contact.png").write_bytes(contact_sheet().as_png())
    networks = {name: load_pretrained(name) for name in NAMES}
    (HERE / "drawings" / "background.png").write_bytes(figure_of_maps(networks, seed=0).as_png())
    seen = grad_cam(networks[NAMES[0]], draw(1, seed=0, animals="both", grass=True).images[0], 0)
    (HERE / "drawings" / "kernels.png").write_bytes(figure_of_kernels(seen, title=f"{NAMES[0]}, cat").as_png())
    write_parts(HERE / "drawings.md", {"table": measures_table()})
