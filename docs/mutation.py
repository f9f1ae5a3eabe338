"""Write docs/mutation.md from what mutmut has found and the reasons in docs/mutation.json. `make mutation` runs it."""

import json
import sys
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

HERE = Path(__file__).parent

HEAD = """# Mutants of the core

A mutant is the code with one small mistake: a `+` for a `-`, a `<=` for a `<`, `None` for an argument. If a test fails,
the mutant is killed. If all pass, it survives. Then no test looks at that place, or the mistake changes nothing that
matters.

`make mutation` makes all mutants of `numpycam/core` that [mutmut](https://github.com/boxed/mutmut) knows, in an
environment of its own, and runs the tests that `setup.cfg` names: those of the core, and some that take seconds.
Properties and what stands outside of functions have no mutants. One that does not end is killed by a time limit. At the
end, `docs/mutation.py` writes this page. It fails if `docs/mutation.json` has no reason for a mutant that survives.

| module | mutants | killed | survive | killed |
|---|---:|---:|---:|---:|
"""

KILLED = ("killed", "timeout")


def found():
    """Return what became of each mutant: {(module, mutant): "killed"}."""
    return {
        (file.name.removesuffix(".py.meta"), mutant): status_by_exit_code[code]
        for file in sorted((HERE.parent / "mutants/numpycam/core").glob("*.meta"))
        for mutant, code in json.loads(file.read_text())["exit_code_by_key"].items()
        if code is not None  # not tried, in a run that was stopped
    }


def row(name, statuses):
    """Return a row of the table."""
    total, killed = len(statuses), sum(status in KILLED for status in statuses)
    return f"| {name} | {total} | {killed} | {total - killed} | {100 * killed / total:.1f} % |\n"


def change_of(module, mutant):
    """Return the function, "layers.Conv2d.forward", and the lines out, after "-", and in, after "+"."""
    name = mutant.rpartition(".")[2].partition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ")
    lines = get_diff_for_mutant(mutant, path=f"numpycam/core/{module}.py").splitlines()[3:]
    return f"{module}.{name.replace('ǁ', '.')}", [f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-"]


def main():
    """Write the page; name each survivor without a reason, and each reason without a survivor."""
    statuses = found()
    survivors = {}  # by their key in mutation.json: the function and the last line
    for (module, mutant), status in statuses.items():
        if status not in KILLED:
            function, lines = change_of(module, mutant)
            survivors.setdefault(f"{function}: {lines[-1]}", []).append("\n".join([f"# {function}", *lines, ""]))
    text = ""
    for reason, keys in json.loads((HERE / "mutation.json").read_text()).items():
        gone = [key for key in keys if key not in survivors]
        if gone:
            print("killed by now:", *gone, sep="\n    ")
        changes = [change for key in keys for change in survivors.pop(key, [])]
        text += f"\n{reason}\n\n```diff\n{''.join(changes)}```\n" if changes else ""
    modules = dict.fromkeys(module for module, _ in statuses)
    rows = [
        row(f"`{name}`", [status for (module, _), status in statuses.items() if module == name]) for name in modules
    ]
    table = "".join([*rows, row("all", [*statuses.values()])])
    (HERE / "mutation.md").write_text(f"{HEAD}{table}\n## Those that survive\n{text}")
    if survivors:
        sys.exit("no reason for:\n" + json.dumps([*survivors], indent=4, ensure_ascii=False))


if __name__ == "__main__":
    main()
