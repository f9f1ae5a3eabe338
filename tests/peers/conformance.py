"""Ask the laws about torch and about the CAM libraries, and keep which of them hold.

cd tests && python -m peers.conformance               # with numpycam, torch, grad-cam, torchcam and captum installed
cd tests && python -m peers.conformance grad-cam      # this one alone
cd tests && python -m peers.conformance --seeds 20    # torch again, on cases with other numbers: minutes

It asks those that are installed, and writes conformance.json. Those for Keras need another environment, with
tensorflow-cpu, tf-keras-vis, tf-explain and opencv-python-headless; what the others answered is kept. Then
docs/conformance.py makes a page of it.
"""

import json
import sys
import warnings
from collections import Counter
from importlib import import_module, metadata
from importlib.util import find_spec
from itertools import cycle, product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from numpycam import laws
from numpycam.laws.cases import Numbers, case_of, settings
from numpycam.laws.code import MANY, both, write
from numpycam.laws.engine import Entry, Report, Trial, ask, examine
from numpycam.laws.hints import LETTERS
from numpycam.laws.smallest import arrays_used, clearest, smallest
from numpycam.laws.subject import Habits, Subject
from numpycam.laws.verify import Laws

CONFORMANCE = Path(__file__).parent / "conformance.json"
RECORD = json.loads(CONFORMANCE.read_text())["peers"]
MODULES = {
    "torch": ("torch", "torch"),
    "grad-cam": ("pytorch_grad_cam", "torch"),
    "torchcam": ("torchcam", "torch"),
    "captum": ("captum", "torch"),
    "tf-keras-vis": ("tf_keras_vis", "tensorflow-cpu"),
    "tf-explain": ("tf_explain", "tensorflow-cpu"),
}
"""Each peer, its module, and what it computes with."""

LAYOUTS = {"contiguous": False, "channels_last": True}
DTYPES = "float64", "float32"


class Asked(NamedTuple):
    """Functions of a peer, and the book whose laws they are asked."""

    method: str  # as the peer calls it
    book: Laws
    functions: dict[str, Any]
    shown: bool = False  # whether they are what the library shows: maps that it has scaled
    dtype: str = "float64"

    @property
    def subject(self):
        names = {name: one for name, one in self.functions.items() if name in self.book.signatures}
        return Subject(self.book, names, Habits(pairs=True, dtype=self.dtype))


# --- What a library shows is right up to a positive factor -------------------------------------------


def by_the_largest(cam):
    """Divide a map by its largest number, and leave one of zeros; a NaN stays where it is, and alone."""
    numbers = [abs(value) for value in np.asarray(cam).flat if value == value]
    largest = max(numbers, default=0)
    return cam.copy() if largest == 0 else cam / largest


SCALINGS = {
    "by its largest number": [[0.25, 0.5, 0.75, 1]],
    "from its smallest number to its largest": np.array([[0, 1, 2, 3]]) / 3,
}


def shown(book):
    """The laws of a map that is right up to a positive factor, a different one for each call.

    A sum of two maps, each with a factor of its own, says nothing: such laws are not in it.
    """
    kept = [law for law in book.laws if law.about in ("", "cam") and law.id not in ("halves", "scale")]
    kept = [law._replace(where=f"{law.where}, up to a positive factor") if law.id == "map" else law for law in kept]
    scaled = Laws(
        name=book.name,
        signatures={"cam": book.signatures["cam"]},
        reference={"cam": lambda A, g: by_the_largest(book.reference["cam"](A, g))},
        choices=book.choices,
        make=book.make,
        fits=book.fits,
        traits=book.traits,
        large=book.large,
        laws=kept,
    )

    if any(law.id == "scale" for law in book.laws):  # Grad-CAM++ has none

        @scaled.law("scale", "map(A, 2^k g) = map(A, g)", about="cam", kinds=("integers",))
        def _scale(cam, cam_of, g):
            yield cam_of(g=g * 2.0**40), cam
            yield cam_of(g=g * 2.0**-40), cam

    @scaled.convention("scaling", "how 1, 2, 3, 4 is shown", "cam", SCALINGS)
    def _scaling(run):
        return run(A=np.array([[[1.0, 2, 3, 4]]]), g=np.ones((1, 1, 4)))["cam"]

    return scaled


# --- Who is asked what --------------------------------------------------------------------------------

CAMS = {
    "grad-cam": {
        "GradCAM": "grad_cam",
        "HiResCAM": "hirescam",
        "GradCAMElementWise": "element_wise_grad_cam",
        "LayerCAM": "layercam",
        "XGradCAM": "xgrad_cam",
        "GradCAMPlusPlus": "grad_cam_plus_plus",
        "EigenCAM": "eigen_cam",
        "EigenGradCAM": "eigen_grad_cam",
    },
    "torchcam": {
        "GradCAM": "grad_cam",
        "LayerCAM": "layercam",
        "XGradCAM": "xgrad_cam",
        "GradCAMpp": "grad_cam_plus_plus",
    },
    "captum": {"LayerGradCam": "grad_cam", "LayerGradientXActivation": "hirescam"},
    "tf-keras-vis": {"Gradcam": "grad_cam", "Layercam": "layercam", "GradcamPlusPlus": "grad_cam_plus_plus"},
    "tf-explain": {"GradCAM": "grad_cam", "GradCAM, use_guided_grads=False": "grad_cam"},
}
"""The classes of the libraries, and the books for them."""


def torch(layout="contiguous", dtype="float64"):
    """All of torch's operations that there is a book for."""
    from peers import adapters
    from peers.adapters import INTERPOLATIONS, RELUS

    peer = adapters.Torch(LAYOUTS[layout])
    operations = {
        ("F.conv2d", "conv2d"): peer.conv2d(),
        ("torch.nn.grad", "conv2d"): peer.conv2d_grad(),
        ("F.linear", "linear"): peer.linear(),
        ("F.max_pool2d", "max_pool2d"): peer.max_pool2d(),
        ("F.avg_pool2d", "avg_pool2d"): peer.avg_pool2d(),
        ("x.mean((2, 3))", "global_avg_pool2d"): peer.of_x_alone(lambda x: x.mean((2, 3))),
        ("F.cross_entropy", "softmax_cross_entropy"): peer.cross_entropy(),
        **{(name, "relu"): peer.of_x_alone(relu) for name, relu in RELUS.items()},
        **{(f"F.interpolate, {name}", "resize"): peer.interpolate(**given) for name, given in INTERPOLATIONS.items()},
    }
    for (name, book), functions in operations.items():
        yield Asked(name, laws.BOOKS[book], functions, dtype=dtype)


def cams(peer):
    """All methods of a CAM library that there is a book for: the maps before they are scaled, and those it shows."""
    uses_keras = MODULES[peer][1].startswith("tensorflow")
    adapters = import_module(f"peers.{'keras_' * uses_keras}adapters")
    for name, book in CAMS[peer].items():
        raw, scaled = getattr(adapters, peer.replace("-", "_"))(name)
        dtype = "float32" if uses_keras or (peer == "grad-cam" and name.startswith("Eigen")) else "float64"
        if raw:
            yield Asked(name, laws.BOOKS[book], raw, dtype=dtype)
        if scaled:
            dtype = "float32" if uses_keras or peer == "grad-cam" else "float64"
            functions = {"cam": lambda A, g, scaled=scaled: by_the_largest(scaled(A, g))}
            yield Asked(name, shown(laws.BOOKS[book]), functions, True, dtype)


def all_of(peer):
    return torch() if peer == "torch" else cams(peer)


# --- What is kept -------------------------------------------------------------------------------------


def states(report):
    """Whether each law holds, is broken, or was not asked, and why."""
    return {
        entry.law.id: f"not asked: {entry.reason}" if entry.state == "not asked" else entry.state
        for entry in report.entries
    }


def answers(asked):
    """What is kept of the answers of one method."""
    report = examine(asked.subject)
    return {
        "method": asked.method,
        "operation": asked.book.name,
        "shown": asked.shown,
        "dtype": asked.dtype,
        "cases": report.count,
        "laws": states(report),
        "broken": {entry.law.id: example(entry) for entry in report.broken},
        "conventions": report.conventions,
    }


def example(entry):
    """The smallest case in which a law is broken: what went in, what should have come out, and what did."""
    first = clearest(entry)
    if _numbers(first) > MANY:
        first = min(entry.violations, key=_numbers)
    violation = smallest(first)
    law, trial, told = violation.law, violation.trial, violation.told
    case, right, came = (told.get(name) for name in ("case", "right", "came"))
    if law.about:
        right, came = trial.named(f"right_{law.about}"), trial.named(law.about)
    sides = dict(zip(law.labels, (violation.lhs, violation.rhs), strict=True))
    if told.get("case") or (right is not None and _near(right, violation.rhs) and _near(came, violation.lhs)):
        sides = {"should be": right, "is": came}
    case = case or trial.case
    given = {LETTERS.get(name, name): write(case.arrays[name]) for name in arrays_used(violation)}
    return {
        "law": law.text,
        "case": given | {name: str(value) for name, value in case.options.items()},
        "sides": dict(zip(sides, both(*(np.asarray(side, float) for side in sides.values())), strict=True)),
        "wrong": f"{len(entry.violations)} of {entry.cases}",
    }


def _numbers(violation):
    return sum(value.size for value in violation.trial.case.arrays.values() if isinstance(value, np.ndarray))


def _near(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12)


# --- Torch again, on other numbers: whatever holds must hold there, too -------------------------------

RIGHT = [row["method"] for row in RECORD["torch"]["rows"] if not row["broken"]]
"""The functions of torch that are asked again: those for which all laws hold."""

FEW = 6  # settings of the sweep, for each kind of numbers, that a seed takes


def false_alarms(seeds):
    """Ask functions of torch again whose laws all hold, with other numbers: each layout and dtype in turn."""
    from hypothesis import settings as profiles  # where the other peers are asked, it need not be installed

    from numpycam.laws.drawn import examine_drawn

    profiles.register_profile("few", max_examples=2)  # for each law
    profiles.load_profile("few")
    counts, alarms = Counter(functions=len(RIGHT)), []
    for seed, (layout, dtype) in zip(range(seeds), cycle(product(LAYOUTS, DTYPES)), strict=False):
        random = Random(seed)
        for asked in (asked for asked in torch(layout, dtype) if asked.method in RIGHT):
            for report in (some_cases(asked.subject, random), examine_drawn(asked.subject, random)):
                counts += Counter({report.how: 1, "cases": report.count})
                broken = [entry.law.id for entry in report.broken]
                alarms += [f"{asked.method}, {layout}, {dtype}, {report.how} {seed}: {id}" for id in broken]
        print(seed, layout, dtype, dict(counts), alarms, flush=True)
    return {"seeds": seeds, **counts, "alarms": alarms}


def some_cases(subject, random):
    """Ask all laws on a few settings of the sweep, with new numbers."""
    report = Report(subject.book, subject, [Entry(law) for law in subject.book.laws])
    reference, every = Subject.right(subject.book), [*settings(subject.book)]
    for kind in ("integers", "floats"):
        for setting in random.sample(every, FEW):
            for case in case_of(subject.book, setting, Numbers(kind, str(random.random()))):
                ask(report, Trial(subject, reference, case))
    return report


def record(peer, engine):
    """Ask a peer, and return what is kept."""
    rows = [answers(asked) for asked in all_of(peer)]
    for row in rows:
        held, broken = ([*row["laws"].values()].count(state) for state in ("held", "broken"))
        print(peer, row["method"], "shown" * row["shown"], f"{held}/{held + broken}", *row["broken"], flush=True)
    version, of_engine = (metadata.version(name).partition("+")[0] for name in (peer, engine))
    return {"version": version, "with": f"{engine.partition('-')[0]} {of_engine}", "rows": rows}


def main():
    warnings.simplefilter("ignore")  # theirs
    if "--seeds" in sys.argv:
        found = {"again": false_alarms(int(sys.argv[sys.argv.index("--seeds") + 1]))}
    else:
        installed = [peer for peer in sys.argv[1:] or MODULES if find_spec(MODULES[peer][0])]
        found = {"peers": RECORD | {peer: record(peer, MODULES[peer][1]) for peer in installed}}
    kept = json.loads(CONFORMANCE.read_text()) | found
    CONFORMANCE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
