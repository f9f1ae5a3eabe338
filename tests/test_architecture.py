"""The rules of docs/design.md that a test can hold: who imports whom, and what an import loads."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from helpers import refusal

import numpycam

PACKAGE = Path(numpycam.__file__).parent
TESTS = Path(__file__).parent

FLOORS = [
    "core",
    "exact resize targets text files about progress interrupt",
    "interventions path metrics zero_maps",
    "storage summary",
    "display",
    "report",
    "network gradcam",
    "worked_example interop",
    "methods",
    "laws",
    "experiments",
    "checks course",
    "cli",
    "__init__ __main__",
]
"""The house, from the ground up. A module imports from lower floors, or from its own."""

CORE = [
    "arrays",
    "arguments",
    "contents",
    "window",
    "convolution",
    "base",
    "layers",
    "guards",
    "network",
    "residual",
    "steps",
]
"""The core, in the order in which each file may import those before it."""

NAMES = [
    *("Network", "grad_cam", "grad_cam_from_maps", "load_pretrained", "methods", "exact", "resize", "display"),
    *("interventions", "path", "metrics", "worked_example", "drawings", "training", "pretrained", "interop"),
    *("targets", "checks", "wrappers", "storage", "report", "laws"),
]

FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


@cache
def tree(path):
    return ast.parse(path.read_text())


def nodes(path, but_not_in=()):
    """All nodes of a file's syntax tree, and none inside of "functions" or of what is imported for "typing" alone."""
    waiting = [tree(path)]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and "typing" in but_not_in:
            waiting += node.orelse
        elif not (isinstance(node, ast.FunctionDef) and "functions" in but_not_in):
            waiting += ast.iter_child_nodes(node)


@cache
def imports(path, but_not_in=()):
    """The names that a file imports: "numpy", "numpycam.core.layers" …"""
    return [*_imports(path, but_not_in)]


def _imports(path, but_not_in):
    for node in nodes(path, but_not_in):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module" and node.args:
            yield ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else "numpycam"


def modules_of(path):
    """The modules of the package that a file imports, whenever it does, but not for its types: "core.layers" …"""
    for name in imports(path, ("typing",)):
        package, _, inside = name.partition(".")
        if package == "numpycam":
            yield next((f for f in (inside, inside.rpartition(".")[0]) if f in FILES), "__init__")


def first(module):
    return module.partition(".")[0] or "__init__"


def test_every_module_has_a_floor():
    assert {first(module) for module in FILES} == set(FLOOR_OF)


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_run_downwards_whenever_they_happen(module):
    above = [used for used in modules_of(FILES[module]) if FLOOR_OF[first(used)] > FLOOR_OF[first(module)]]
    assert above == []


def test_there_is_no_circle_whenever_it_is_imported():
    needs = {module: set(modules_of(path)) - {module} for module, path in FILES.items()}
    needs = {module: {used for used in own if not module.startswith(f"{used}.")} for module, own in needs.items()}
    done = set()
    while len(done) < len(needs):
        free = {module for module, own in needs.items() if module not in done and own <= done}
        assert free, {module: own - done for module, own in needs.items() if module not in done}
        done |= free


@pytest.mark.parametrize("module", CORE)
def test_the_core_needs_numpy_and_the_files_of_the_core_before(module):
    path = FILES[f"core.{module}"]
    used = {name for name in imports(path) if name.partition(".")[0] not in sys.stdlib_module_names}
    inside = {name.removeprefix("numpycam.core.").partition(".")[0] for name in used if name.startswith("numpycam")}
    assert all(name.startswith(("numpy.", "numpycam.core.")) or name == "numpy" for name in used)
    assert inside <= set(CORE[: CORE.index(module)])


def test_the_core_is_all_of_its_files():
    assert {name for name in FILES if first(name) == "core"} == {"core", *(f"core.{name}" for name in CORE)}


@pytest.mark.parametrize("module", sorted(name for name in FILES if first(name) != "display"))
def test_matplotlib_is_imported_by_display_alone(module):
    assert "matplotlib" not in {name.partition(".")[0] for name in imports(FILES[module])}


LAWS = {
    *("max", "avg", "flatten", "bp", "cam", "hires", "xgrad", "gpp", "abl"),
    *("score", "eigen", "guided", "ggcam", "smooth", "occ", "up", "over"),
}
"""The operations that tests name laws of, beyond the books of ``numpycam.laws``. The id begins with one: "bp.chain"."""


def test_every_law_that_a_test_names_is_of_a_known_operation():
    laws = [law for path in TESTS.rglob("test_*.py") for law in re.findall(r'mark\.law\((".*")\)', path.read_text())]
    named = [re.fullmatch(r'"([a-z]+)(\.[a-z0-9-]+)?"', law) for row in laws for law in row.split(", ")]
    assert all(named)
    assert {found[1] for found in named} == LAWS


def test_every_convention_of_the_design_is_held_by_a_test_or_law_that_is_there():
    design = (TESTS.parent / "docs" / "design.md").read_text()
    laws = re.findall("`laws.([a-z0-9_]+): ([a-z-]+)`", design)
    assert laws
    assert {*laws} <= {(name, law.id) for name, book in numpycam.laws.BOOKS.items() for law in book.laws}
    named = re.findall("`(test_[a-z0-9_]+)`", design)
    there = {
        name for path in TESTS.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert named
    assert {*named} - there - {path.stem for path in TESTS.rglob("test_*.py")} == set()


def foreign(module, but_not_in=()):
    used = {name.partition(".")[0] for name in imports(FILES[module], but_not_in)}
    return used - set(sys.stdlib_module_names) - {"numpycam"}


def test_nothing_but_numpy_and_matplotlib_is_needed():
    """Pillow is a part of matplotlib's own needs. torch, an extra, is needed by one function, to be handed a module.

    tqdm draws a bar if it is there. Laws can be drawn by Hypothesis, proved by SymPy, and be tests of pytest.
    """
    ever = {module: foreign(module) for module in FILES}
    assert set().union(*ever.values()) == {
        "numpy",
        "matplotlib",
        "PIL",
        "torch",
        "tqdm",
        "hypothesis",
        "sympy",
        "pytest",
    }
    assert {module for module in FILES if "torch" in ever[module]} == {"interop", "interop.trace"}
    assert [module for module in FILES if "tqdm" in ever[module]] == ["progress"]
    assert {module for module in FILES if "hypothesis" in ever[module]} == {"laws.drawn", "laws.strategies"}
    assert {module for module in FILES if "sympy" in ever[module]} == {"laws.symbols"}
    assert {module for module in FILES if "pytest" in ever[module]} == {"laws.verify"}
    assert foreign("interop", ("functions",)) == {"numpy"}
    assert foreign("interop.trace", ("functions",)) == set()


def test_without_torch_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails then
    message = refusal(ImportError, lambda: numpycam.interop.from_torch(None))
    assert message == "from_torch needs torch: pip install torch."


@cache
def loaded_by(code):
    """The modules that the code loads beyond those that NumPy has loaded."""
    told = f"import sys, numpy; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    return set(subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split())


def test_importing_numpycam_loads_numpy_alone():
    packages = {name.partition(".")[0] for name in loaded_by("import numpycam")}
    assert packages - set(sys.stdlib_module_names) - {"numpy", "numpycam"} == set()


def test_importing_numpycam_loads_the_core_and_its_faces_and_no_more_of_numpy():
    loaded = loaded_by("import numpycam")
    assert {name for name in loaded if name.startswith("numpycam.")} == {
        "numpycam.core", *(f"numpycam.core.{name}" for name in CORE), "numpycam.network", "numpycam.gradcam",
        "numpycam.about", "numpycam.interrupt",
    }  # fmt: skip
    assert "numpy.ma" not in loaded


def test_the_core_runs_without_the_rest_of_the_package():
    bare = f"import types; package = types.ModuleType('numpycam'); package.__path__ = [{str(PACKAGE)!r}]"
    modules = ", ".join(f"numpycam.core.{name}" for name in CORE)
    loaded = loaded_by(f"{bare}; sys.modules['numpycam'] = package; import {modules}")
    assert {name for name in loaded if name.startswith("numpycam.")} == {
        "numpycam.core", *(f"numpycam.core.{name}" for name in CORE)
    }  # fmt: skip


def test_modules_are_there_when_they_are_asked_for():
    assert numpycam.exact.as_fractions("0.1") * 10 == 1
    assert numpycam.display.format_number(1.0) == "1"
    assert numpycam.__version__.startswith("0.")
    with pytest.raises(AttributeError, match="module 'numpycam' has no attribute 'grad_cams'"):
        numpycam.grad_cams


def test_editors_and_type_checkers_see_the_same_modules_as_dir():
    block = next(
        node for node in ast.parse(FILES["__init__"].read_text(encoding="utf-8")).body if isinstance(node, ast.If)
    )
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {*numpycam._MODULES, *numpycam._ELSEWHERE, "load_pretrained"}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_users_have_are_there_and_are_listed(name):
    assert getattr(numpycam, name) is not None
    assert name in dir(numpycam)


def test_dir_lists_what_is_public_and_nothing_else():
    public = {name for name in dir(numpycam) if not name.startswith("_")}
    assert public == {*numpycam.__all__, *NAMES, "core", "course"}
    assert all(getattr(numpycam, name) is not None for name in public)


def test_tab_behind_laws_shows_its_books_and_no_module_of_its_inside():
    public = {name for name in dir(numpycam.laws) if not name.startswith("_")}
    assert public == {*numpycam.laws.__all__, "Identification"}


def test_a_name_that_begins_with_an_underscore_loads_nothing():
    assert not hasattr(numpycam, "__wrapped__")


def test_only_these_modules_name_fractions():
    """The layers, the network and the steps never name Fraction. What makes, checks or writes Fractions does."""
    above = {name for name in FILES if first(name) in ("laws", "checks")}  # which draw numbers, or read answers
    naming = {name for name, path in FILES.items() if "fractions.Fraction" in set(imports(path))} - above
    assert naming == {"core.arrays", "core.arguments", "exact", "report", "targets"}
