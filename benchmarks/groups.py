"""The groups of the benchmark: what is compared with whom, and the goals."""

import sys
from pathlib import Path

import cases
from measure import geometric_mean, ratios_of, slope, summary
from sides import BY_HAND, FLOOR, FOLDED, NUMPYCAM, PEERS, RIVALS, TOOLS

RESOLUTION = 32 * 4096  # bytes: the kernel adds up a process's pages in batches of 32 or more


def row(what, against, ratios, goal=None, ours=None, theirs=None, unit="ms", note=""):
    """A line of the table. ours and theirs are values of each round, in seconds or, for MiB, in bytes."""
    ratio, spread = summary(ratios)
    scale = {"ms": 1e3, "MiB": 2**-20}[unit]
    ours, theirs = (None if values is None else summary(values)[0] * scale for values in (ours, theirs))
    figures = {"ratio": ratio, "spread": spread, "goal": goal, "ours": ours, "theirs": theirs, "unit": unit}
    return {"what": what, "against": against, **figures, "note": note}


def versus(what, seconds, side, goal=None, note="", name=None):
    """The rows of one comparison: one, or none if the side is missing."""
    if side not in seconds:
        return []
    ours, theirs = seconds[NUMPYCAM], seconds[side]
    return [row(what, name or side, ratios_of(ours, theirs), goal, ours, theirs, note=note)]


def name_of(side):
    return "pytorch-grad-cam" if side == "grad-cam" else side


def fastest(seconds, sides):
    present = [side for side in sides if side in seconds]
    return min(present, key=lambda side: summary(seconds[side])[0], default=None)


def conv(bench):
    """Forward and full backward of one convolution (y, dx, dW, db) in float32."""
    rows, ratios = [], []
    for name, shape in cases.CONV.items():
        seconds = bench.times("conv", name, shape, ["torch", *RIVALS, FLOOR])
        if "torch" in seconds:
            floor = summary(ratios_of(seconds[FLOOR], seconds["torch"]))[0]
            rows += versus(name, seconds, "torch", 2.3, f"floor (products alone): {floor:.2f}")
            ratios.append(ratios_of(seconds[NUMPYCAM], seconds["torch"]))
        best = fastest(seconds, RIVALS)
        rows += versus(name, seconds, best, 1.3, best, "fastest rival")
    if ratios:
        rows.append(row("geometric mean", "torch", [geometric_mean(each) for each in zip(*ratios, strict=True)], 0.95))
    return sorted(rows, key=lambda one: one["against"] != "torch")


def float64(bench):
    """The same in float64, against the fastest NumPy library for each shape."""
    rows = []
    for name, shape in cases.FLOAT64.items():
        seconds = bench.times("conv", name, shape, PEERS, dtype="float64")
        best = fastest(seconds, PEERS)
        rows += versus(name, seconds, best, 0.5, best, "best NumPy peer")
    return rows


def grad_cam(bench):
    """Whole Grad-CAM, from the picture to the map in its size, in float32."""
    goals = {"2×2 example": (0.28, 0.65), "3 layers, batch 32": (0.40, 0.85), "VGG-16": (0.36, 1.15)}
    rows = []
    for name, (tool_goal, hand_goal) in goals.items():
        classes = bench.worker(NUMPYCAM).ask("classes", case=name)
        seconds = bench.times("grad_cam", name, name, [*TOOLS, BY_HAND], classes=classes)
        for side, goal in {"grad-cam": tool_goal, "captum": None, "torchcam": None, BY_HAND: hand_goal}.items():
            rows += versus(name, seconds, side, goal, name=name_of(side))
    return rows


def resnet(bench):
    """Whole Grad-CAM at the output of a ResNet's last block, 224×224, in float32."""
    goals = {
        "ResNet-18, batch 1": 0.95,
        "ResNet-50, batch 1": 0.75,
        "ResNet-18, batch 8": 1.1,
        "ResNet-50, batch 8": 0.8,
    }
    rows, peers = [], [*TOOLS, BY_HAND, FOLDED]
    for name, goal in goals.items():
        classes = bench.worker(NUMPYCAM).ask("classes", case=name)
        seconds = bench.times("grad_cam", name, name, peers, classes=classes)
        best = fastest(seconds, peers)
        rows += versus(name, seconds, best, goal, name_of(best), "fastest peer")
        rows += [one for side in peers for one in versus(name, seconds, side, name=name_of(side))]
    return sorted(rows, key=lambda one: one["against"] != "fastest peer")


def methods(bench):
    """Each method against the fastest tool that has it: 32×32, 3 convolutions, at the last ReLU, in float32."""
    rows = []
    for batch in (1, 32):
        for name, tools in cases.METHODS.items():
            what, unchecked = f"{name}, {batch}", [tool for tool, theirs in tools.items() if theirs.endswith("?")]
            seconds = bench.times("methods", what, batch, list(tools), unchecked, method=name)
            best = fastest(seconds, tools)
            rows += versus(what, seconds, best, 1.0, "not the same map" if best in unchecked else "")
    return rows


def train(bench):
    """One training step: 28×28, conv 8, conv 16, pool 2 each, batch 64, softmax cross-entropy, SGD; in float32."""
    peers = PEERS[:3]
    seconds, what = bench.times("train", "training step", None, ["torch", *peers]), "training step"
    best = fastest(seconds, peers)
    return versus(what, seconds, "torch", 1.1) + versus(what, seconds, best, 0.25, best, "best NumPy peer")


def memory(bench):
    """Extra peak memory of a convolution's forward and full backward, or of Grad-CAM; a fresh process for each."""
    if not Path("/proc/self/clear_refs").exists():
        bench.missing["memory"] = "needs /proc/self/clear_refs, which is Linux's"
        return []
    rows = []
    for name, shape in cases.CONV.items():
        rows += versus_in_memory(bench, name, "torch", 1.0, "conv", shape)
    for name in ("ResNet-50, batch 1", "ResNet-50, batch 8"):
        classes = bench.worker(NUMPYCAM).ask("classes", case=name)
        rows += versus_in_memory(bench, name, BY_HAND, 0.3, "grad_cam", name, classes=classes)
    return rows


def versus_in_memory(bench, what, side, goal, *case, **options):
    ours, theirs = (bench.extra_memory(one, *case, **options) for one in (NUMPYCAM, side))
    if theirs is None:
        return []
    print(f"  {what}", file=sys.stderr, flush=True)
    ratios = [max(a, RESOLUTION) / max(b, RESOLUTION) for a, b in zip(ours, theirs, strict=True)]
    note = "less than is resolved" if max(ours + theirs) <= RESOLUTION else ""
    return [row(what, side, ratios, goal, ours, theirs, "MiB", note)]


def growth(bench):
    """How the time of a convolution grows: the slope in a log–log picture."""
    rows = []
    for (what, shapes), goal in zip(cases.GROWTH.items(), (1.05, 2.15), strict=True):
        by_size = [bench.times("conv", f"{what} {size}", shape, ["torch"]) for size, shape in shapes.items()]
        for side in by_size[0]:
            rounds = zip(*(seconds[side] for seconds in by_size), strict=True)
            slopes = [slope(list(shapes), seconds) for seconds in rounds]
            label = f"{what} {min(shapes)}…{max(shapes)}"
            rows.append(row(label, "slope" if side == NUMPYCAM else f"{side}'s slope", slopes))
            rows[-1]["goal"] = goal if side == NUMPYCAM else None
    return rows


def imports(bench):
    """CPU time of a fresh process that imports a module, the interpreter's own start included."""
    statements = {name: f"import {name}" for name in ("numpycam", "numpy", "torch", "pytorch_grad_cam")}
    statements["python alone"] = "pass"
    seconds = {}
    for _ in range(bench.rounds):
        for name, code in statements.items():
            seconds.setdefault(name, []).append(bench.cpu_of(code))
    for name in [name for name, values in seconds.items() if None in values]:
        bench.missing[name] = "cannot be imported"
        del seconds[name]
    bench.seconds["import"] = seconds
    return [one for name in seconds if name != NUMPYCAM for one in versus("import numpycam", seconds, name)]


GROUPS = {
    "conv": conv,
    "float64": float64,
    "grad_cam": grad_cam,
    "resnet": resnet,
    "methods": methods,
    "train": train,
    "memory": memory,
    "growth": growth,
    "import": imports,
}
