"""The rules of docs/design.md that a test can hold: who imports whom, and what an import loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import refusal

import numpycam

PACKAGE = Path(numpycam.__file__).parent

IMPORTS = {
    "validation": set(),
    "window": {"validation"},
    "convolution": {"validation", "window"},
    "layers": {"convolution", "validation", "window"},
    "summary": {"layers", "network", "text", "validation"},
    "text": set(),
    "network": {"layers", "validation"},
    "gradcam": {"layers", "network", "validation"},
    "drawings": {"validation"},
    "exact": {"layers", "validation"},
    "resize": {"validation"},
    "worked_example": {"exact", "layers", "network", "validation"},
    "display": {"display.canvas", "display.figures", "display.pixels", "display.stages"},
    "display.canvas": {"validation"},
    "display.figures": {
        *("display.canvas", "display.pixels", "display.stages", "exact", "gradcam", "interventions", "resize"),
        *("validation",),
    },
    "display.pixels": {"display.canvas", "exact", "gradcam", "validation"},
    "display.stages": {"display.canvas", "display.pixels", "exact", "gradcam", "methods", "resize", "validation"},
    "interop": {"layers", "network", "validation"},
    "interventions": {"gradcam", "layers", "network", "validation", "window"},
    "metrics": {"gradcam", "interventions", "network", "resize", "validation"},
    "page": {"display", "gradcam", "interventions", "resize", "validation"},
    "storage": {"exact", "layers", "network", "validation"},
    "method": {"gradcam", "network", "validation"},
    "perturbation": {"gradcam", "interventions", "method", "network", "resize", "validation"},
    "wrappers": {"gradcam", "network", "resize", "validation"},
    "quadrature": {"interventions", "layers", "network", "targets", "validation"},
    "saliency": {
        *("gradcam", "interventions", "layers", "method", "network", "perturbation", "quadrature", "resize"),
        *("validation",),
    },
    "methods": {"gradcam", "layers", "method", "perturbation", "saliency", "validation"},
    "targets": {"validation"},
    "pretrained": {"drawings", "gradcam", "layers", "metrics", "network", "resize", "training", "validation"},
    "report": {"exact", "gradcam", "resize", "storage"},
    "training": {"network", "validation"},
    "walkthrough": {"gradcam", "interventions", "network", "text", "validation", "worked_example"},
    "checks": {"checks.backward", "checks.compare", "checks.family", "checks.learning", "checks.maps"},
    "checks.backward": {"checks.compare", "checks.suspects", "exact", "layers", "validation"},
    "checks.compare": {"validation"},
    "checks.family": {"checks.compare", "checks.suspects", "exact", "methods", "validation", "worked_example"},
    "checks.learning": {
        *("checks.compare", "drawings", "exact", "gradcam", "metrics", "network", "pretrained"),
        *("validation", "worked_example"),
    },
    "checks.maps": {"checks.compare", "exact", "gradcam", "layers", "network", "validation", "worked_example"},
    "checks.suspects": {"validation"},
    "catalogue": {"exact", "gradcam", "method", "methods", "network", "resize", "text", "validation"},
    "explain": {
        *("catalogue", "drawings", "exact", "gradcam", "method", "network", "pretrained", "resize", "storage", "text"),
        *("validation",),
    },
    "background": {
        *("drawings", "explain", "gradcam", "metrics", "network", "pretrained", "resize", "storage", "text"),
        "validation",
    },
    "cli": {
        *("background", "catalogue", "drawings", "exact", "explain", "gradcam", "interventions", "network"),
        *("pretrained", "text", "training", "walkthrough", "worked_example"),
    },
    "__init__": {"gradcam", "layers", "network"},
    "__main__": {"cli"},
}


FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
PACKAGES = ("numpycam",), ("numpycam", "checks")


def imports(path, at_load_only=True):
    """The modules that a file imports, when it loads or ever: ("numpycam", "layers"), ("numpy",) …"""
    tree = ast.parse(path.read_text())
    inside_functions = {
        node for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f) if node is not f
    }
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if at_load_only and (node in inside_functions or node in typing_only):
            continue
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split("."))
            submodules = [(*module, alias.name) for alias in node.names if module in PACKAGES]
            yield from submodules or [module]


def test_every_module_has_its_place():
    assert set(FILES) == set(IMPORTS)


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_run_one_way(module):
    used = {".".join(name[1:]) for name in imports(FILES[module]) if name[0] == "numpycam"}
    assert used == IMPORTS[module]


def test_the_rule_has_no_circles():
    done = set()
    while len(done) < len(IMPORTS):
        free = {module for module, needs in IMPORTS.items() if module not in done and needs <= done}
        assert free
        done |= free


@pytest.mark.parametrize("module", sorted(name for name in IMPORTS if not name.startswith("display.")))
def test_matplotlib_is_imported_by_display_alone_when_it_loads(module):
    assert "matplotlib" not in {name[0] for name in imports(FILES[module])}


def foreign(module, at_load_only):
    used = {name[0] for name in imports(FILES[module], at_load_only)}
    return used - set(sys.stdlib_module_names) - {"numpycam"}


def test_nothing_but_numpy_and_matplotlib_is_needed():
    """Pillow is a part of matplotlib's own needs. torch, an extra, is needed by one function, to be handed a module.

    tqdm draws a bar if it is there.
    """
    ever = {module: foreign(module, at_load_only=False) for module in IMPORTS}
    assert set().union(*ever.values()) == {"numpy", "matplotlib", "PIL", "torch", "tqdm"}
    assert [module for module in IMPORTS if "torch" in ever[module]] == ["interop"]
    assert [module for module in IMPORTS if "tqdm" in ever[module]] == ["text"]
    assert foreign("interop", at_load_only=True) == foreign("cli", at_load_only=True) == {"numpy"}


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails then
    message = refusal(ImportError, lambda: numpycam.interop.from_torch(None))
    assert message == "from_torch needs torch: pip install 'numpycam[torch]'."


def test_importing_numpycam_loads_numpy_alone():
    code = "import sys, numpy; before = set(sys.modules); import numpycam; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    foreign = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"numpy", "numpycam"}
    assert foreign == set()


def test_modules_are_there_when_they_are_asked_for():
    assert numpycam.exact.as_fractions("0.1") * 10 == 1
    assert numpycam.display.format_number(1.0) == "1"
    assert numpycam.__version__.startswith("0.")
    with pytest.raises(AttributeError, match="module 'numpycam' has no attribute 'grad_cams'"):
        numpycam.grad_cams


def test_only_exact_modules_name_fractions():
    """The core is generic: it works on Fractions without naming them; beside these two, only the report does."""
    naming = {name for name, path in FILES.items() if ("fractions",) in set(imports(path))}
    assert naming == {"validation", "exact", "report", "targets"}
