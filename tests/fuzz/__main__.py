"""Look for what breaks numpycam: damaged files, odd arguments, networks that torch sees otherwise.

python tests/fuzz                             # all groups, a minute, seed 0
python tests/fuzz files pictures --seconds 600 --seed 7

Each file fuzz_GROUP.py here is a group. Its ``run(seconds, seed)`` draws cases from the seed until its share of the
time is over, and returns how many cases there were, and what was found. A case is right, or it is refused with one
sentence, within the limits of time and memory that are stated. Everything else is a finding, with its seed.
"""

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "oracle")]

GROUPS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def main():
    parser = argparse.ArgumentParser("fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(GROUPS)}; all if none is given")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(set(given.groups) - set(GROUPS)))}")
    groups, found = given.groups or GROUPS, 0
    for name in groups:
        cases, findings = importlib.import_module(f"fuzz_{name}").run(given.seconds / len(groups), given.seed)
        found += len(findings)
        print(f"{name}: {cases} cases, {len(findings)} findings", *findings, sep="\n  ", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
