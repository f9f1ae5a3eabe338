"""One side, in a process of its own: a request is a line of JSON, and so is the answer."""

import ctypes
import gc
import json
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

import cases
import numpy as np
import sides

SHORTEST = 2e-4  # seconds between two looks at the clock


class Runner:
    def __init__(self, side):
        self.side, self.run = side, None

    def prepare(self, task, case, options, path=None):
        """Make the call to be timed; make it once, and write what it returns to the path."""
        self.run = None  # frees the arrays of the case before
        function = sides.function(self.side, task)
        data = getattr(cases, task)(case, **options)
        self.run = function(data)
        if path is not None:
            arrays = [np.array(array) for array in self.run() or ()]
            if task == "train":
                arrays = [before - after for before, after in zip(data.parameters, arrays, strict=True)]
            np.savez(path, *arrays)

    def classes(self, case):
        return sides.function(self.side, "classes")(cases.grad_cam(case))

    def time(self, wall, budget):
        """The seconds of each repetition: as many as fit into the budget, at least 5, or 1 if there is none."""
        clock = time.perf_counter if wall else time.process_time

        def seconds(calls):
            start = clock()
            for _ in range(calls):
                self.run()
            return (clock() - start) / calls

        once = max(min(seconds(1), seconds(1)), 1e-7)
        calls = max(1, round(SHORTEST / once))
        repetitions = min(200, max(5 if budget else 1, int(budget / once / calls)))
        return [seconds(calls) for _ in range(repetitions)]

    def memory(self, task, case, options):
        """How many bytes the process grows by, at most, when it makes the call for the first time."""
        self.prepare(task, *cases.WARM_UP[task])
        self.run()
        self.prepare(task, case, options)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # give back what is free
        Path("/proc/self/clear_refs").write_text("5")  # from here on the peak counts anew
        before, results = _status("VmRSS"), self.run()
        return max(_status("VmHWM") - before, 0) if results else None

    def about(self):
        """The numbers of threads that the loaded libraries say they use, and what multiplies NumPy's matrices."""
        threads, blas = {}, []
        if "torch" in sys.modules:
            threads["torch"] = sys.modules["torch"].get_num_threads()
        with suppress(ModuleNotFoundError):
            from threadpoolctl import threadpool_info

            for pool in threadpool_info():
                threads[f"{pool['internal_api']} {Path(pool['filepath']).name}"] = pool["num_threads"]
                if "numpy" in pool["filepath"]:
                    blas.append(f"{pool['internal_api']} {pool['version']}, {pool.get('architecture')} kernels")
        return {"threads": threads, "blas": ", ".join(blas)}


def _status(key):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return 1024 * int(line.split()[1])


def main():
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    runner = Runner(sys.argv[1])
    for line in sys.stdin:
        request, arguments = json.loads(line)
        try:
            answer = "done", getattr(runner, request)(**arguments)
        except ModuleNotFoundError as error:
            answer = "missing", str(error)
        except Exception:
            answer = "failed", traceback.format_exc()
        print(json.dumps(answer), file=channel, flush=True)


if __name__ == "__main__":
    main()
