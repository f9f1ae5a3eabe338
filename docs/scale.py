"""Measure all methods on many drawings, with one process, joblib or dask, and write the tables of docs/scale.md.

    python docs/scale.py one 2000
    python docs/scale.py joblib 2000 --workers 2
    python docs/scale.py dask 20000 --workers 2 --kill
    python docs/scale.py page

Each run adds a line to docs/scale.json. All runs with the same drawings must find the same numbers, to the bit.
"""
# ruff: noqa: E402 - the threads are set before NumPy is imported

import os

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
if __name__ == "__main__":
    os.environ |= ONE_THREAD  # joblib's workers inherit it

import argparse
import json
import operator
import re
import signal
import time
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from page_parts import table, write_parts

from numpycam import GlobalAvgPool2d, Linear, Network, load_pretrained, metrics
from numpycam.experiments.drawings import draw
from numpycam.methods import METHODS
from numpycam.resize import resize

CHUNK = 50  # drawings: half a second or so, many times what it takes to send the work and the sums
EVERY = 10  # the curves take long, so each tenth drawing has them
PAGE, RECORD = Path(__file__).with_name("scale.md"), Path(__file__).with_name("scale.json")
ELEPHANT, GRASS, GREY = 1, 2, 0.4
COLUMNS = ("peak on it", "map on it", "overlap", "map on grass", "deletion", "insertion")
OPTIONS = {
    "occlusion": {"size": 8, "stride": 4, "baseline": GREY},
    "integrated_gradients": {"steps": 16, "baseline": GREY},
    "smooth_grad": {"samples": 10},
}
OF_CURVES = {"steps": 8, "baseline": GREY, "batch_size": 9}


@cache
def network():
    """Return the features of the shipped network with the head that CAM needs, fitted by least squares."""
    layers, drawn = load_pretrained("drawings").layers[:5], draw(1000, seed=3)
    pooled = Network(layers)(drawn.images).mean(axis=(2, 3), dtype=np.float64)  # (N, K)
    with_one = np.c_[pooled, np.ones(len(pooled))]  # (N, K + 1)
    head = np.linalg.lstsq(with_one, drawn.labels * 2.0 - 1)[0].T.astype(np.float32)  # (2, K + 1)
    last = [("gap", GlobalAvgPool2d()), ("scores", Linear(head[:, :-1], head[:, -1]))]
    return Network([*layers, *last], target_layer="features")


def chunk(net, start, stop):
    """Return the sums over drawings start … stop - 1, and the sums of squares: (2, methods, columns).

    A pure function: drawing n has the seed n. Nobody need remember what another chunk did.
    """
    drawn = [draw(1, seed=n, animals="elephant", grass=True) for n in range(start, stop)]
    images = np.concatenate([one.images for one in drawn])  # (N, 1, H, W)
    elephant, grass = np.concatenate([one.masks for one in drawn]).swapaxes(0, 1)[[ELEPHANT, GRASS]]  # (N, H, W)
    sums = np.zeros((2, len(METHODS), len(COLUMNS)))
    chosen = [n for n in range(len(images)) if (start + n) % EVERY == 0]
    for row, (name, method) in enumerate(METHODS.items()):
        maps = method(net, images, ELEPHANT, **OPTIONS.get(name, {})).localization_map
        heat = resize(maps, images.shape[2:])
        found = [metrics.pointing_game(heat, elephant), metrics.energy_inside(heat, elephant)]
        found += [metrics.intersection_over_union(heat, elephant), metrics.energy_inside(heat, grass)]
        for curve in (metrics.deletion_curve, metrics.insertion_curve):
            curves = [curve(net, images[n], heat[n], ELEPHANT, **OF_CURVES) for n in chosen]
            found.append([metrics.area_under(one) for one in curves])
        for column, values in enumerate(found):
            x = np.asarray(values, np.float64)
            sums[:, row, column] = x.sum(), (x**2).sum()
    return sums


def watched(net, start, stop):
    """Return what a chunk finds, and what it took: the process, its seconds and the most memory it ever had, in MB."""
    begin = time.process_time()
    sums = chunk(net, start, stop)
    return sums, os.getpid(), time.process_time() - begin, peak_memory()


def peak_memory():
    """Return the most memory that this process ever had, in MB, as Linux tells it."""
    return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


# --- Three engines: each yields what the chunks found, in the order of the chunks -----------------------------------


def with_one(net, starts, stops, workers=1, kill=False):
    """Yield chunk after chunk from this process."""
    yield from map(partial(watched, net), starts, stops)


def with_joblib(net, starts, stops, workers=2, kill=False, folder=None):
    """Yield from joblib's processes. If one is killed, begin again after the last chunk that was yielded.

    If there is a folder, joblib keeps each result there, and the next run computes none of them again.
    """
    from joblib import Memory, Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    call, done, deaths = delayed(Memory(folder, verbose=0).cache(watched)), 0, 0
    while done < len(starts):
        calls = (call(net, *ends) for ends in zip(starts[done:], stops[done:], strict=True))
        try:
            for found in Parallel(workers, return_as="generator")(calls):
                yield found
                done += 1
                if kill and done == 1 + len(starts) // 4:
                    os.kill(found[1], signal.SIGKILL)
        except TerminatedWorkerError:
            deaths += 1
            if deaths == 3:
                raise


def with_dask(net, starts, stops, workers=2, kill=False):
    """Yield from the workers of a cluster on this machine. What a killed worker had is computed again by the others."""
    import dask
    from distributed import Client, LocalCluster, as_completed

    # Without this, dask also sets MALLOC_TRIM_THRESHOLD_. Then glibc fetches each large array anew from the system, and
    # a convolution takes three times as long.
    dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD})
    limits = {"n_workers": workers, "threads_per_worker": 1, "memory_limit": "1GB"}
    with LocalCluster(**limits, dashboard_address=None) as cluster, Client(cluster) as client:
        futures = client.map(watched, [net] * len(starts), starts, stops)
        for number, _ in enumerate(as_completed(futures)):
            if kill and number == len(futures) // 4:
                os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)
        yield from (future.result() for future in futures)


ENGINES = {"one": with_one, "joblib": with_joblib, "dask": with_dask}


def measured(engine, count, **options):
    """Return the sums over all drawings, added chunk after chunk in their order, and what the run took."""
    starts = [*range(0, count, CHUNK)]
    stops = [min(start + CHUNK, count) for start in starts]
    begin, total, cpu, memory = time.perf_counter(), 0, 0, {}
    for sums, pid, seconds, megabytes in ENGINES[engine](network(), starts, stops, **options):
        total, cpu = total + sums, cpu + seconds
        memory[pid] = max(megabytes, memory.get(pid, 0))
    return total, {
        "seconds": time.perf_counter() - begin,
        "cpu": cpu,
        "MB": [round(megabytes) for megabytes in memory.values()],  # of each process that computed
        "main": round(peak_memory()),
    }


# --- The record, and the page that is written from it ----------------------------------------------------------------


def rows_of(sums, count):
    """Return for each method its means, with the half width of a 95 % interval: {name: [[mean, ±], …]}."""
    n = np.array([count] * 4 + [len(range(0, count, EVERY))] * 2)
    mean = sums[0] / n
    half = 1.96 * np.sqrt((sums[1] / n - mean**2).clip(0) / (n - 1))
    return {name: np.stack([mean[row], half[row]], axis=1).tolist() for row, name in enumerate(METHODS)}


def table_of_means(record):
    """Return the means as a table. Methods whose means are the same share a line."""
    same = {}  # the methods by their cells
    for name, row in record["table"].items():
        cells = tuple(f"{mean:.3f} ± {half:.3f}".replace(" ", "\N{NO-BREAK SPACE}") for mean, half in row)
        same.setdefault(cells, []).append(f"`{name}`")
    rows = [[", ".join(names), *cells] for cells, names in same.items()]
    return table(["method", *COLUMNS], rows, numbers=range(1, 1 + len(COLUMNS)))


def table_of_runs(record):
    """Return what the runs took as a table."""
    head = ["engine", "workers", "drawings", "killed", "seconds", "CPU seconds", "MB, workers", "MB, main", "SHA-256"]
    rows = []
    for run in sorted(record["runs"], key=lambda run: (run["drawings"], run["workers"], run["engine"])):
        asked = run["engine"], run["workers"], f"{run['drawings']:,}", "one" if run["killed"] else ""
        memory = ", ".join(map(str, run["MB"])), run["main"]
        rows.append([*asked, f"{run['seconds']:.0f}", f"{run['cpu']:.0f}", *memory, f"`{run['digest'][:8]}`"])
    return table(head, rows, numbers=range(1, len(head)))


def parts(record):
    """Return what the page shows of a record, by the name of its marks."""
    return {"table": table_of_means(record), "growth": table_of_runs(record)}


def main():
    """Run an engine, add what it took to the record, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=[*ENGINES, "page"], help="page: only write the tables from the record")
    parser.add_argument("count", type=int, nargs="?", default=200, help="how many drawings (default: 200)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="kill one worker after a quarter of the chunks")
    given = parser.parse_args()
    if given.engine == "page":
        write_parts(PAGE, parts(json.loads(RECORD.read_text())))
        return
    sums, took = measured(given.engine, given.count, workers=given.workers, kill=given.kill)
    run = {"engine": given.engine, "workers": given.workers, "drawings": given.count, "killed": given.kill, **took}
    run["digest"] = sha256(sums.tobytes()).hexdigest()
    print(run)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"runs": []}
    asked = operator.itemgetter("engine", "workers", "drawings", "killed")
    record["runs"] = [one for one in record["runs"] if asked(one) != asked(run)] + [run]
    if given.count >= record.get("drawings", 0):
        record |= {"drawings": given.count, "table": rows_of(sums, given.count)}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_parts(PAGE, parts(record))


if __name__ == "__main__":
    main()
