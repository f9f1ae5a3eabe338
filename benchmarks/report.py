"""What a run leaves behind: a table, a record, a chart, a block of Markdown."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from measure import version_of
from sides import PEERS, TOOLS

START, END = "<!-- table -->", "<!-- /table -->"
COLOURS = {True: "#0072b2", False: "#d55e00", None: "#999999"}  # blue, vermilion, grey: told apart by everybody
MEANINGS = {True: "goal met", False: "goal missed", None: "no goal"}


def record(bench, group, quick):
    """Run a group; return its rows, all times behind them, and the machine."""
    bench.start_record()
    before = os.getloadavg()[0]
    rows = group(bench)
    about = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "blas": bench.blas,
        "threads": bench.threads,
        "clock": "wall time" if bench.threads > 1 else "CPU time",
        "rounds": bench.rounds,
        "quick": quick,
        "load": [before, os.getloadavg()[0]],
        "versions": {name: version_of(name) for name in ["numpy", "torch", *TOOLS, *PEERS, "threadpoolctl"]},
    }
    seconds, errors, missing = bench.seconds, bench.errors, bench.missing
    return {"about": about, "rows": rows, "seconds": seconds, "errors": errors, "missing": missing}


def _cpu():
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(": ")[2] if names else platform.processor()


def met(row):
    return None if row["goal"] is None else row["ratio"] <= row["goal"]


def _range(row):
    return "{:.2f}–{:.2f}".format(*row["spread"])


def _value(value, unit):
    return "" if value is None else f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _cells(row):
    goal = "" if row["goal"] is None else f"≤ {row['goal']:g} {'✓' if met(row) else '✗'}"
    values = [_value(row[side], row["unit"]) for side in ("ours", "theirs")]
    return [row["what"], row["against"], f"{row['ratio']:.2f}", _range(row), goal, *values, row["note"]]


def as_text(group, result):
    """The group's table, aligned, with what is missing."""
    about, head = result["about"], ["what", "against", "ratio", "spread", "goal", "numpycam", "theirs", ""]
    table = [head, *map(_cells, result["rows"])]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table]
    quick = ", QUICK: no measurement" if about["quick"] else ""
    title = f"{group}: {about['threads']} thread(s), {about['rounds']} round(s){quick}"
    shown = lines if result["rows"] else ["Nothing here to compare with."]
    return "\n".join([title, "-" * len(title), *shown, *_missing(result), ""])


def _missing(result):
    return [f"{side}: not measured: {reason}" for side, reason in result["missing"].items()]


def draw(results, path):
    """Bars of all ratios at one thread, or at two if there are no others."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    groups = _drawn(results)
    sizes = [len(rows) for rows in groups.values()]
    figure = Figure(figsize=(9, 1.5 + 0.22 * sum(sizes) + 0.35 * len(sizes)), layout="constrained")
    panels = figure.subplots(len(groups), sharex=True, squeeze=False, height_ratios=[size + 1 for size in sizes])[:, 0]
    for axes, (name, rows) in zip(panels, groups.items(), strict=True):
        _draw_group(axes, name, rows)
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
    panels[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[-1].minorticks_off()
    meaning = "numpycam / other, log scale: left of 1 is better. Thick mark: goal. Thin line: range of the rounds."
    figure.supxlabel(meaning, fontsize=9)
    handles = [Patch(color=COLOURS[state], label=meaning) for state, meaning in MEANINGS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw_group(axes, name, rows):
    places, ratios = range(len(rows)), [row["ratio"] for row in rows]
    colours = [COLOURS[met(row)] for row in rows]
    axes.barh(places, [ratio - 1 for ratio in ratios], left=1, color=colours, height=0.7)
    axes.hlines(places, *zip(*(row["spread"] for row in rows), strict=True), color="black", linewidth=1)
    for place, row in enumerate(rows):
        if row["goal"] is not None:
            axes.vlines(row["goal"], place - 0.45, place + 0.45, color="black", linewidth=2.5)
    labels = [f"{row['what']} / {row['against']}   {row['ratio']:.2f}" for row in rows]
    axes.set(xscale="log", ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_title(name, loc="left", fontsize=9, fontweight="bold")
    axes.axvline(1, color="black", linewidth=1)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _shown(results):
    return results.get("1") or results.get("2") or {}


def _drawn(results):
    """The groups with bars: growth has slopes, no ratios."""
    return {name: result["rows"] for name, result in _shown(results).items() if result["rows"] and name != "growth"}


def as_markdown(results, folder):
    """The chart, one table of all groups with two threads beside one, and the machine."""
    rows = [(name, row) for name, result in _shown(results).items() for row in result["rows"]]
    second = results.get("2", {}) if "1" in results else {}
    beside = {_key(name, row): row for name, result in second.items() for row in result["rows"]}
    met_goals = [met(row) for rows_of_group in _drawn(results).values() for row in rows_of_group]
    alt = (
        f"Horizontal bars of {len(met_goals)} ratios, numpycam to another, on a log scale, each with its goal marked: "
        f"{met_goals.count(True)} goals are met, {met_goals.count(False)} missed; {met_goals.count(None)} have none."
    )
    lines = [f"![{alt}]({(folder / 'chart.png').as_posix()})", ""]
    lines += ["| case | against | ratio | spread | goal | numpycam | theirs | 2 threads | note |", "|" + "---|" * 9]
    for name, row in rows:
        *cells, note = _cells(row)
        other = beside.get(_key(name, row))
        two = f"{other['ratio']:.2f} ({_range(other)})" if other else ""
        lines.append("| " + " | ".join([f"{name}: {cells[0]}", *cells[1:], two, note]) + " |")
    return "\n".join([*lines, "", *_machine(results), f"[All figures]({(folder / 'results.json').as_posix()})."])


def _machine(results):
    """Sentences on where, when and with what the figures came about."""
    runs = [result for groups in results.values() for result in groups.values()]
    abouts = [run["about"] for run in runs]
    about, dates, loads = abouts[0], sorted(one["date"] for one in abouts), [x for one in abouts for x in one["load"]]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    if any(one["quick"] for one in abouts):
        yield "**Some of this is a quick run, to see that it works: no measurement.**"
    yield f"{dates[0]} to {dates[-1]}, {about['cpu']}, {about['cores']} cores; NumPy's products: {about['blas']}."
    yield f"Python {about['python']}, {versions}. Load average {min(loads):.1f} to {max(loads):.1f}."
    rounds = " or ".join(sorted({str(one["rounds"]) for one in abouts}))
    yield f"CPU time at one thread, wall time at two; lower quartile within a round, median of {rounds} rounds."
    yield from sorted({f"{line}." for run in runs for line in _missing(run)})


def _key(name, row):
    return name, row["what"], row["against"]


def write_page(results, page, folder):
    """Put the table into the page, between its two markers."""
    before, start, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{page} has no {START} … {END}.")
    block = as_markdown(results, Path(os.path.relpath(folder, page.parent)))
    page.write_text(f"{before}{START}\n{block}\n{END}{after}")
