"""Run notebooks in the lab, in Chromium, and say how long it took and which texts differ from the stored ones.

python tests/lab/every_notebook.py FOLDER [NOTEBOOK ...]    # all ten if none is given; FOLDER is a lab that is built
"""

import json
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(Path(__file__).parents[1]))

import lab  # noqa: E402
from chromium import launched, served  # noqa: E402


def main(folder, names):
    failed = False
    for name in names or sorted(path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb")):
        stored = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
        with served(folder) as address, launched() as chromium:
            visit = lab.Visit(chromium, address, "notebooks")
            until_idle, to_the_end = visit.open(name), visit.run_all()
            different = lab.differences(stored, visit.cells())
            outside = visit.outside
            visit.close()
        print(f"{name:28} idle {until_idle:4.0f} s, run {to_the_end:4.0f} s, {len(outside)} requests outside, "
              f"{len(different)} differences", flush=True)  # fmt: skip
        for source, old, new in different:
            print(f"    {source}\n    stored: {old}\n    here:   {new}")
        failed |= bool(different or outside)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
