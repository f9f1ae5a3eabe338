"""Write docs/conformance.md from what was recorded: which laws hold for torch and for the CAM libraries."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from page_parts import line  # noqa: E402
from peers.conformance import CONFORMANCE  # noqa: E402
from peers.disagreements import NAMES  # noqa: E402

HEAD = """# Which laws hold for others

`numpycam.laws` verifies functions, whoever wrote them. Here it was asked about torch and about CAM libraries:
{versions}.
A library passes a law if it holds in each case of the sweep: whole numbers, floats, NaN, sizes that differ.
Where a law is broken, the smallest case says how. [Where libraries disagree](disagreements.md) says why.

A CAM library explains networks, and the laws are about a function of the feature maps A and the gradients g. So each
call makes a network: the image's channels are A, a 1 × 1 convolution hands them on, and a linear layer has g in its
first row. Then every map should be a function of A and g alone. You can ask a library of your own in the same way:

    def cam(A, g):  # (K, H, W) twice -> (H, W)
        model, image = …                     # as `network` in tests/peers/adapters.py
        return my_library.GradCAM(model, layer="features")(image, class_index=0)

    laws.grad_cam.verify(cam=cam)            # or dtype="float32", for what computes in float32

`tests/peers/conformance.py` asks all of this again. Tests ask torch, torchcam and captum again in every run. {older}

## CAM libraries

"Raw" is the map as the method defines it, before the library scales it. "Shown" is what the library returns unless told
otherwise; it may differ by a positive factor, another one for each map. Laws that add two maps are not asked then.
What pytorch-grad-cam shows is in float32, and so is L of its Eigen methods. These were asked in float32, as were the
libraries for Keras. All others were asked in float64.

| library | method | map | laws that hold | broken |
|---|---|---|---|---|
"""

OLDER = "The law `kept` is younger than the answers of {}, which need TensorFlow: they were not asked it."

BETWEEN = """
{scalings} scale what they show from its smallest number to its largest. That is no factor, since the smallest number
becomes 0. So `map` is broken wherever a map has no zero. The other broken laws have few causes: an epsilon in a
denominator, a division whose result is lost, centred maps with LAPACK's sign, and NaN that is hidden. tf-explain takes
the mean of guided gradients, unless told otherwise. tf-keras-vis's Grad-CAM++ divides where g is negative, too: for
A = (1, 1), g = (-1, 1) its map is NaN.

### The smallest case for each

| library | law | case | what comes out | wrong |
|---|---|---|---|---|
"""

TORCH = """
## torch

The functions and, by autograd, their gradients. `tests/oracle/test_conformance.py` asks them in both layouts
(contiguous and channels_last) and in both dtypes (float64 and float32). No law that holds here is called broken there.
{again}
| function | laws that hold | broken | convention |
|---|---|---|---|
"""

CASES = """
A ReLU in place is one by intention. `bicubic` overshoots, also by intention. `nearest` and `area` read other cells than
`bilinear`, so a NaN can be in a cell that they do not read; to one cell they take one of the map's, so they know left
from right. In torch 2.14.1, `x.clamp(min=0)` has the slope 0 at 0, and `x.clamp(min=tensor(0.))` has 1/2.

One call ends Python, in torch 2.13.0 and in 2.14.1, where oneDNN computes it (on x86, in float32 with channels_last):
`F.conv2d` of an image of (2, 1, 2, 1), a kernel of one cell and a bias, with `stride=(2, 2)`, `padding=(0, 1)` and
`dilation=(2, 2)`. With `dilation=1`, which means the same there, it is right. So the adapter asks that instead.

### The smallest case for each

| function | law | case | what comes out | wrong |
|---|---|---|---|---|
"""

AGAIN = """Where all laws hold, they were asked {seeds} times again, with other numbers each time: on some cases of
the sweep, and on some that Hypothesis draws. The layouts and the dtypes took turns. Of {cases:,} cases, {alarms} was
called wrong."""


def name_of(peer):
    """Return what a peer is called."""
    return NAMES.get(peer, peer)


def held(row):
    """Return how many laws hold, of how many that were asked."""
    states = [*row["laws"].values()]
    return f"{states.count('held')} of {states.count('held') + states.count('broken')}"


def broken(row):
    """Return the laws that are broken."""
    return ", ".join(row["broken"]) or "–"


def conventions(row):
    """Return the answers to questions of convention, where they are known."""
    return ", ".join(answer for answer in row["conventions"].values() if not answer.startswith("none"))


def example(case):
    """Return what goes in, what comes out, and in how many cases it is wrong."""
    given = ", ".join(f"{name} = {value}" for name, value in case["case"].items())
    came = ", ".join(f"{name} {value}" if name in ("should be", "is") else f"{name} = {value}"
                     for name, value in case["sides"].items())  # fmt: skip
    return given, came, case["wrong"]


def cam_tables(peers):
    """Return a line for each method, and one for each broken law."""
    methods, cases = [], []
    for peer, asked in peers.items():
        for row in asked["rows"]:
            kind = "shown" if row["shown"] else "raw"
            methods.append(line(name_of(peer), f"`{row['method']}`", kind, held(row), broken(row)))
            for law, case in row["broken"].items():
                name = f"{name_of(peer)} `{row['method']}`, {kind}"
                cases.append(line(name, f"{law}: {case['law']}", *example(case)))
    return methods, cases


def torch_tables(rows):
    """Return a line for each function, and one for each broken law."""
    methods = [line(f"`{row['method']}`", held(row), broken(row), conventions(row)) for row in rows]
    cases = [
        line(f"`{row['method']}`", f"{law}: {case['law']}", *example(case))
        for row in rows
        for law, case in row["broken"].items()
    ]
    return methods, cases


def scalings(peers):
    """Return who scales from the smallest number to the largest, and see that all do who scale."""
    rows = [(peer, row) for peer, asked in peers.items() for row in asked["rows"] if row["shown"]]
    assert all("smallest" in conventions(row) for _, row in rows if "Eigen" not in row["method"])
    *first, last = dict.fromkeys(name_of(peer) for peer, _ in rows)
    return f"{', '.join(first)} and {last}"


def page():
    """Return the whole page."""
    record = json.loads(CONFORMANCE.read_text())
    peers = dict(record["peers"])
    versions = ", ".join(f"{name_of(peer)} {asked['version']} ({asked['with']})" for peer, asked in peers.items())
    older = [name_of(peer) for peer, asked in peers.items() if all("kept" not in row["laws"] for row in asked["rows"])]
    torch = peers.pop("torch")
    again = ""
    if "again" in record:
        again = "\n" + AGAIN.format(**record["again"] | {"alarms": len(record["again"]["alarms"]) or "none"}) + "\n"
    methods, cases = cam_tables(peers)
    functions, theirs = torch_tables(torch["rows"])
    return "\n".join(
        [
            HEAD.format(versions=versions, older=OLDER.format(" and ".join(older)) if older else "")
            + "\n".join(methods),
            BETWEEN.format(scalings=scalings(peers)) + "\n".join(cases),
            TORCH.format(again=again) + "\n".join(functions),
            CASES + "\n".join(theirs) + "\n",
        ]
    )


if __name__ == "__main__":
    (HERE / "conformance.md").write_text(page())
