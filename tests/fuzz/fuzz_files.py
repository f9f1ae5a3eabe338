"""Network files, damaged and handmade: what loads is a network that can be stored and loaded again."""

import json
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from engine import FindingError, damaged, limits, refused, run_cases

from numpycam import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU
from numpycam.about import About
from numpycam.exact import as_fractions

INSIDE = Network([("conv", Conv2d(np.ones((2, 1, 2, 1), np.float32), [0.5, -1], padding=(1, 0))), ("relu", ReLU())])
NETWORKS = [
    Network([("a", Linear([[1.0, 0.5]])), ("b", Network([("r", ReLU())]))], target_layer="a"),
    Network([("block", INSIDE), ("max", MaxPool2d(2)), ("avg", AvgPool2d((1, 2))), ("flat", Flatten())]),
    as_fractions(Network([("a", Linear([[0.25, -3]]))])),
    Network([("a", ReLU())], about=About("Birds.", mean=(0.5,), std=(1, 2, 3), size=7, class_names=["a", "b"])),
]

ODD = [
    *(None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, 2**70, -(2**63), 10**400, 1.5, -0.0, 1e308, float("nan"), ""),
    *("a", "input", "\ud800", "\x00", "a/b", "..", "a" * 70_000, [], [[]], {}, {"kind": "ReLU"}, {"shape": [2, 2]}),
    *([1, 2], [0, 0], [-1, 2], [2**40, 2**40], [["a", {"kind": "ReLU"}]] * 50),
]


def run(seconds, seed):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        contents = []
        for network in NETWORKS:
            network.save(path)
            contents.append(path.read_bytes())

        def check(random):
            content = random.choice(contents)
            path.write_bytes(random.choice((damaged, handmade))(random, content))
            try:
                with limits():
                    network = Network.load(path)
            except Exception as error:
                refused(error, ValueError, begins=f"{path} is not a numpycam network: ")
                return
            again = path.with_name("again.npz")
            network.save(again)
            other = Network.load(again)
            if repr(other) != repr(network) or other.about != network.about:
                raise FindingError(f"loaded, stored and loaded again it is another network: {network!r:.200}")

        return run_cases(seconds, seed, check)


def handmade(random, content):
    """Return a file whole as a zip, but with another description, or with arrays of other names and bytes."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = json.loads(np.load(BytesIO(members["network.npy"])).item())
    for _ in range(random.choice((1, 1, 2, 3))):
        change = random.randrange(4)
        if change < 2:
            described = otherwise(random, described)
        elif change == 2:
            name = random.choice([*members])
            members[random.choice(["", "x.npy", f"../{name}", name.upper()])] = members[name]
        else:
            name = random.choice([*members])
            members[name] = damaged(random, members[name])
    if random.random() < 0.9:
        buffer = BytesIO()
        np.save(buffer, np.array(json.dumps(described)))
        members["network.npy"] = buffer.getvalue()
    whole = BytesIO()
    kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(whole, "w", kind) as archive:
        for name, member in members.items():
            archive.writestr(name or "empty", member)
    return whole.getvalue()


def otherwise(random, value):
    """Return the JSON value with one value inside of it, or one name, exchanged for an odd one, dropped or repeated."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.2:
        return random.choice(ODD)
    if isinstance(value, dict):
        name, change = random.choice([*value]), random.random()
        if change < 0.1:
            return {key: one for key, one in value.items() if key != name}
        if change < 0.2:
            return value | {str(random.choice(ODD))[:100]: value[name]}
        return value | {name: otherwise(random, value[name])}
    at = random.randrange(len(value))
    if random.random() < 0.15:
        return value * random.choice((0, 2, 5))
    return [*value[:at], otherwise(random, value[at]), *value[at + 1 :]]
