"""Measure numpycam against torch, the Grad-CAM tools and other NumPy libraries.

python benchmarks                             # all groups, one thread
python benchmarks conv train --threads 2      # some, two threads: wall time
python benchmarks --quick                     # only to see that it runs
python benchmarks --out docs/performance --page docs/performance.md
python benchmarks --report --out docs/performance --page docs/performance.md     # no measuring, only drawing

The outputs of all sides are compared before anything is timed. Nothing is asserted about time.
"""

import argparse
import json
import sys
from pathlib import Path

import report
from groups import GROUPS
from measure import Bench


def arguments():
    parser = argparse.ArgumentParser("benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(GROUPS)}; all if none is given")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1)
    parser.add_argument("--rounds", type=int, default=5, help="at least 3; 5 if not given")
    parser.add_argument("--quick", action="store_true", help="one round, one repetition: no measurement")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="results.json, to which a run adds, and chart.png")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown file that shows the results of FOLDER")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    given = parser.parse_args()
    if set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(set(given.groups) - set(GROUPS)))}")
    if given.rounds < 3:
        parser.error("--rounds must be at least 3")
    if (given.page or given.report) and not given.out:
        parser.error("--page and --report need --out")
    return given


def main():
    given = arguments()
    path = given.out and given.out / "results.json"
    results = json.loads(path.read_text()) if path and path.exists() else {}
    if not given.report:
        bench = Bench(given.threads, 1 if given.quick else given.rounds, 0 if given.quick else 0.3)
        for group in given.groups or GROUPS:
            print(f"{group}: {GROUPS[group].__doc__}", file=sys.stderr)
            result = report.record(bench, GROUPS[group], given.quick)
            runs = results.get(str(given.threads), {}) | {group: result}
            results[str(given.threads)] = {name: runs[name] for name in GROUPS if name in runs}
            print(report.as_text(group, result), flush=True)
            if path:
                given.out.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        bench.start_record()
    if path:
        report.draw(results, given.out / "chart.png")
    if given.page:
        report.write_page(results, given.page, given.out)


if __name__ == "__main__":
    main()
