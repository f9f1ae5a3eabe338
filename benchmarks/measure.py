"""How it is measured: a process for each side, in turns; and what is made of the times.

The same number of threads for all, set in the environment and looked up again; CPU time at one thread, wall time at
more; the lower quartile of the repetitions of a round; ratios within a round, their median and range over rounds.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
from sides import FLOOR, NORMALISING, NUMPYCAM

HERE = Path(__file__).parent
AGREEMENT = {"float32": 1e-3, "float64": 1e-10}  # of the largest value; rounding is some √n u, a mistake is near 1


def lower_quartile(values):
    return float(np.quantile(values, 0.25))


def ratios_of(ours, theirs):
    """The ratio of each round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def summary(values):
    """(median, (lowest, highest))."""
    return float(np.median(values)), (min(values), max(values))


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def slope(sizes, seconds):
    """The exponent p of the power law seconds = a · size^p that fits best: the slope in a log–log picture."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def environment(threads):
    """The environment of all that is measured: this checkout, so many threads, nothing tuned by hand."""
    env = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return env | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, [env.get("PYTHONPATH")])])}


class MissingError(Exception):
    """A side is not installed."""


class Worker:
    """A process that runs the tasks of one side."""

    def __init__(self, side, threads):
        self.side = side
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(threads),
            cwd=tempfile.gettempdir(),
        )

    def ask(self, request, **arguments):
        print(json.dumps([request, arguments]), file=self.process.stdin, flush=True)
        kind, answer = json.loads(self.process.stdout.readline() or '["failed", "its process is gone"]')
        if kind == "missing" and self.side != NUMPYCAM:
            raise MissingError(answer)
        if kind != "done":
            raise SystemExit(f"{self.side} failed in {request} {arguments}:\n{answer}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    """Measures, and keeps a record of everything."""

    def __init__(self, threads, rounds, budget):
        self.threads, self.rounds, self.budget = threads, rounds, budget
        self.workers = {}
        self.start_record()

    def start_record(self):
        """Forget the group before, and stop its processes."""
        for worker in self.workers.values():
            worker.__exit__()
        self.workers, self.missing, self.seconds, self.errors, self.blas = {}, {}, {}, {}, "unknown"

    def worker(self, side):
        if side not in self.workers:
            self.workers[side] = Worker(side, self.threads)
        return self.workers[side]

    def times(self, task, name, case, others, unchecked=(), **options):
        """Return the seconds of each round by side, after checking that all but some return what numpycam does."""
        present, errors = [], {}
        with tempfile.TemporaryDirectory() as folder:
            for side in [NUMPYCAM, *others]:
                path = f"{folder}/{side}.npz"
                try:
                    self.worker(side).ask("prepare", task=task, case=case, options=options, path=path)
                except MissingError as error:
                    self.missing[side] = str(error)
                    continue
                self.check_threads(side)
                present.append(side)
                if side not in (NUMPYCAM, FLOOR, *unchecked):
                    errors[side] = disagreement(f"{task} {name}", f"{folder}/{NUMPYCAM}.npz", path, side)
        seconds = {side: [] for side in present}
        for _ in range(self.rounds):
            for side in present:
                repetitions = self.worker(side).ask("time", wall=self.threads > 1, budget=self.budget)
                seconds[side].append(lower_quartile(repetitions))
        self.seconds[name], self.errors[name] = seconds, errors
        worst = f", largest relative error {max(errors.values()):.0e}" if errors else ""
        plural = "s" if len(present) > 1 else ""
        print(f"  {name}: {len(present)} side{plural}{worst}", file=sys.stderr, flush=True)
        return seconds

    def check_threads(self, side):
        about = self.worker(side).ask("about")
        self.blas = about["blas"] or "unknown"
        if not about["blas"]:
            self.missing["threadpoolctl"] = "not installed, so NumPy's threads are set but not checked"
        if set(about["threads"].values()) - {self.threads}:
            raise SystemExit(f"{side} does not use {self.threads} thread(s): {about['threads']}")

    def extra_memory(self, side, task, case, **options):
        """Return the extra peak of each round in bytes, each from a fresh process; None if there is no such side."""
        peaks = []
        for _ in range(self.rounds):
            with Worker(side, self.threads) as worker:
                try:
                    peaks.append(worker.ask("memory", task=task, case=case, options=options))
                except MissingError as error:
                    self.missing[side] = str(error)
                    return None
        return peaks

    def cpu_of(self, code):
        """The CPU seconds that a fresh interpreter takes for the code, or None if a module is missing."""
        options = {"env": environment(self.threads), "stderr": subprocess.DEVNULL, "cwd": tempfile.gettempdir()}
        process = subprocess.Popen([sys.executable, "-c", code], **options)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime if process.returncode == 0 else None


def disagreement(what, ours, theirs, side):
    """The largest relative error between two files of results, which must be small, and the results not zero."""
    worst = 0.0
    with np.load(ours) as our_file, np.load(theirs) as their_file:
        if our_file.files != their_file.files:
            raise SystemExit(f"{what}: {side} returns {len(their_file.files)} arrays, numpycam {len(our_file.files)}.")
        for name in our_file.files:
            a, b = our_file[name], their_file[name]
            if side in NORMALISING:
                a, b = from_0_to_1(a), from_0_to_1(b)
            if a.shape != b.shape or not np.abs(a).max() > 0:
                raise SystemExit(f"{what}: {name} is zero, or has shape {a.shape} here and {b.shape} by {side}.")
            error = float(np.abs(a - b).max() / np.abs(a).max())
            if not error <= AGREEMENT[str(a.dtype)]:
                raise SystemExit(f"{what}: {side} and numpycam disagree by {error:.1e} in {name}.")
            worst = max(worst, error)
    return worst


def from_0_to_1(maps):
    low, high = (extreme(maps, axis=(1, 2), keepdims=True) for extreme in (np.min, np.max))
    return (maps - low) / (high - low)


def version_of(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
