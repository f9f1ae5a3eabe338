"""The editions of the course: what a learner, a teacher and a grader get, and the command that writes them."""

import asyncio
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import refusal, some

from numpycam import cli, course
from numpycam.cli.course import STOPPED
from numpycam.course.answers import answer_to, defines_a_function
from numpycam.course.editions import calls_of_checks, is_tagged
from numpycam.course.source import HAND_OUTS, PAGES

DOCS = Path(__file__).parents[1] / "docs"
EACH = pytest.mark.parametrize("name", course.names())


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def tagged(notebook, tag):
    return [cell for cell in notebook["cells"] if is_tagged(cell, tag)]


@EACH
def test_a_learner_gets_no_outputs_and_no_solutions(name):
    made = course.student(course.read(name))
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code(made))
    assert "solutions/" not in json.dumps(made)
    assert [source(cell) for cell in tagged(made, "exercise")] == [
        source(cell) for cell in tagged(course.read(name), "exercise")
    ]
    assert all("..." in source(cell) for cell in tagged(made, "exercise"))


@EACH
def test_each_exercise_has_a_check_behind_it_that_may_raise(name):
    cells = [cell for cell in course.read(name)["cells"] if is_tagged(cell, "exercise") or is_tagged(cell, "check")]
    assert [is_tagged(cell, "exercise") for cell in cells] == [True, False] * (len(cells) // 2)
    for check in cells[1::2]:
        assert is_tagged(check, "raises-exception")
        assert len(calls_of_checks(source(check))) == 1


@pytest.mark.parametrize("name", some(course.names()))
def test_a_teacher_gets_solutions_that_pass(name):
    made = course.teacher(course.read(name), course.solutions(name))
    stubs = [source(cell) for cell in tagged(course.read(name), "exercise")]
    assert stubs
    assert not {source(cell) for cell in tagged(made, "exercise")} & {*stubs}
    for cell in tagged(made, "check"):
        (output,) = cell["outputs"]
        assert output["text"].startswith("✓")


@EACH
def test_a_grader_gets_a_solution_to_clear_and_a_hidden_test_for_each_exercise(name):
    made = course.grader(course.read(name), course.solutions(name), hidden=77)
    roles = [cell["metadata"]["nbgrader"] for cell in code(made) if "nbgrader" in cell["metadata"]]
    count = len(tagged(made, "exercise"))
    assert [sum(role[what] for role in roles) for what in ("solution", "grade")] == [count, count]
    assert len({role["grade_id"] for role in roles}) == len(roles)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    hidden = [source(cell) for cell in code(made) if cell["metadata"].get("nbgrader", {}).get("grade")]
    assert all("### BEGIN HIDDEN TESTS" in text for text in hidden)
    stubs = [source(cell) for cell in tagged(course.read(name), "exercise")]
    assert ["variant=77" in text for text in hidden] == [stub.startswith("def ") for stub in stubs]


def test_what_an_assignment_locks_and_what_it_gives_points_for():
    name = course.names()[0]
    made = course.grader(course.read(name), course.solutions(name))
    for cell in code(made):
        role = cell["metadata"].get("nbgrader")
        if role:
            assert role["locked"] is not role["solution"]
            assert role.get("points") == (2 if role["grade"] else None)
        if role and role["grade"]:
            assert "points=2, " in source(cell)
    graded = [source(cell) for cell in code(made) if cell["metadata"].get("nbgrader", {}).get("grade")]
    assert any("variant=1)" in text for text in graded)  # not the numbers that the learner sees


def test_only_calls_of_checks_get_points():
    calls = calls_of_checks("check_a(my_a)\nchecked(check_b(my_b))\nnp.check_c(1)\ncheck(my_d)\nmy_check_e()")
    assert [call.func.id for call in calls] == ["check_a", "check_b"]


def test_the_hidden_test_loads_the_checks_anew(monkeypatch):
    """It is run here as nbgrader runs it, after a learner has overwritten the check."""
    name = course.names()[0]
    made = course.grader(course.read(name), course.solutions(name))
    hidden = next(source(cell) for cell in code(made) if "check_alphas" in source(cell) and "HIDDEN" in source(cell))
    before = {key: module for key, module in sys.modules.items() if key.split(".")[0] == "numpycam"}
    monkeypatch.setattr("numpycam.checks.check_alphas", lambda *given, **more: None)
    names = {"my_alphas": lambda gradients: 0}
    exec(hidden, names)
    assert names["got"] == 0
    assert {key: module for key, module in sys.modules.items() if key.split(".")[0] == "numpycam"} == before


@pytest.mark.parametrize(
    ("solutions", "answer"),
    [
        ("import a.b\n\nmine = a.b.c\n", "import a.b\n\nmine = a.b.c"),
        ("import a as b\nfrom c import d as e\nfrom c import f\nmine = b + e + f\n",
         "import a as b\n\nfrom c import d as e\nfrom c import f\n\nmine = b + e + f"),
        ("import a as b\nmine = a\n", "mine = a"),
        ("from a import sum\nmine = sum\n", "from a import sum\n\nmine = sum"),
    ],
)  # fmt: skip
def test_an_answer_comes_with_the_imports_that_it_uses(solutions, answer):
    assert answer_to("mine = ...", solutions) == answer


def test_open_starts_jupyter_in_the_folder_and_returns_its_status(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr("numpycam.cli.course.find_spec", lambda name: name)
    monkeypatch.setattr("numpycam.cli.course.subprocess.call", lambda command: called.append(command) or 7)
    assert cli.main(["course", str(tmp_path), "--open"]) == 7
    assert called == [[sys.executable, "-m", "jupyterlab", str(tmp_path)]]


@pytest.mark.parametrize(
    ("is_there", "is_found", "told"),
    [
        (True, True, "jupyter lab "),
        (True, False, f"{shlex.quote(sys.executable)} -m jupyterlab "),
        (False, False, "pip install jupyter && jupyter lab "),
    ],
)
def test_how_to_open_it_is_told(is_there, is_found, told, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("numpycam.cli.course.find_spec", lambda name: name if is_there else None)
    monkeypatch.setattr("numpycam.cli.course.shutil.which", lambda name: name if is_found else None)
    assert cli.main(["course", str(tmp_path)]) == 0
    assert f"\nOpen it: {told}" in capsys.readouterr().out


def test_an_edition_leaves_the_notebook_as_it_is():
    name = course.names()[0]
    notebook, before = course.read(name), course.read(name)
    course.student(notebook, variant=3)
    course.teacher(notebook, course.solutions(name))
    course.grader(notebook, course.solutions(name))
    assert notebook == before


def test_an_answer_comes_with_what_it_uses_and_with_nothing_else():
    solutions = (
        "import math\nA = 1\n\ndef helper():\n    return A\n\ndef mine():\n    return helper()\n\nother = math.pi\n"
    )
    assert answer_to("def mine():\n    return ...", solutions) == (
        "A = 1\n\n\ndef helper():\n    return A\n\n\ndef mine():\n    return helper()"
    )


@pytest.mark.parametrize(
    ("needed", "mine"),
    [
        ("mine = {}", "mine.k = 1"),
        ("mine = {}", "mine[0] = 1"),
    ],
)
def test_what_changes_an_answer_belongs_to_it_and_what_reads_it_does_not(needed, mine):
    assert answer_to("mine = ...", f"{needed}\n{mine}\nprint(mine)\nother = mine\n") == f"{needed}\n\n{mine}"


def test_what_stands_beside_an_answer_on_its_line_is_left_out():
    assert answer_to("mine = ...", "first = 0; mine = 1; other = 2  # not mine") == "mine = 1"


def test_each_of_several_helpers_comes_with_what_it_uses_in_the_order_of_the_file():
    solutions = "# The first.\na = 1\n\nb = 2\n\nf = lambda: a\n\ng = lambda: b\n\nmine = g() + f()"
    assert answer_to("mine = ...", solutions) == solutions


def test_a_function_is_told_apart_from_what_is_written_down_as_numbers():
    functions = "def mine(x):\n    ...", "@f\ndef mine(x):\n    ...", "async def mine(x):\n    ..."
    assert all(map(defines_a_function, functions))
    assert not any(map(defines_a_function, ("mine = ...", "class Mine:\n    ...")))


def test_what_is_put_into_an_answer_belongs_to_it():
    solutions = "found = {}\nfound['a'] = 1\nother = 2\n"
    assert answer_to("found = {'a': ...}", solutions) == "found = {}\n\nfound['a'] = 1"


@pytest.mark.parametrize(
    "fill",
    [
        "for n in range(3):\n    found[n] = n",
        "if True:\n    found['a'] = {}\n    found['a']['b'] = 1",
        "with open('numbers') as file:\n    found |= dict(file)",
        "found.update(a=1)",
        "while not found:\n    found.update(a=1)",
        "try:\n    pass\nexcept ValueError:\n    found = {}",
    ],
)
def test_what_is_put_into_an_answer_in_any_statement_belongs_to_it(fill):
    solutions = f"found = {{}}\n{fill}\nother = 2\n"
    assert answer_to("found = {'a': ...}", solutions) == f"found = {{}}\n\n{fill}"


def test_what_a_function_calls_its_own_is_not_taken_from_elsewhere():
    """Else a loop over networks comes with each function that has a parameter of this name."""
    loop = "for network in [1]:\n    heat = print(network)\n\n"
    solutions = f"{loop}def mine(network):\n    heat = network\n    return heat\n"
    assert answer_to("def mine(network):\n    ...", solutions).startswith("def mine")


@pytest.mark.parametrize(
    "written",
    [
        "def twice(f):\n    return lambda x: f(f(x))\n\n\n@twice\ndef mine(x):\n    return x + 1",
        "from a import b\n\n\n@b  # it takes long\n# for all n\n@(lambda f: f)\ndef mine(n):\n    return n",
        "class One:\n    x = 1\n\n\n@str\nclass mine(One):\n    pass",
        "async def mine(x):\n    return x",
        "def f():\n    return 2\n\n\nmine = f()",
        "# The mean of 1\n# and 3.\nmine = 2  # é",
        "é = 2  # é\n\nmine = é  # (1 + 3) / 2",
        "def mine(a):\n    return a  # (H, W)",
    ],
)
def test_an_answer_is_read_as_it_was_written(written):
    """With its decorators and its comments; and without those of its neighbours."""
    solutions = f"first = '''\n# no comment'''\n{written}\n\n# about another\n\nother = 2; more = 3  # not mine\n"
    assert answer_to("mine = ...", solutions) == written


@pytest.mark.parametrize(
    ("before", "mine"),
    [
        ("k = 3", "def mine(k=k):\n    return k"),
        ("k = 3", "def mine():\n    return [k for k in range(2)] + [k]"),
        ("k = 3", "def mine():\n    def inner(k):\n        return k\n\n    return inner(1) + k"),
        ("k = 3", "def mine():\n    global k\n    k += 1\n    return k"),
        ("k = 3", "mine = lambda x: k * x"),
        ("if (k := 3) > 2:\n    pass", "mine = k"),
        ("found = [k := n for n in range(3)]", "mine = k"),
        ("found = [n for n in range(3) if (k := n)]", "mine = k"),
        ("found = {n: [m for m in [n] if (k := m)] for n in range(3)}", "mine = k"),
        ("print(k := 3)", "mine = k"),
        ("match [1, 2]:\n    case [_, *k]:\n        pass", "mine = k"),
        ("match {1: 2}:\n    case {**k}:\n        pass", "mine = k"),
        ("match 1:\n    case k:\n        pass", "mine = k"),
        ("k = {}\n\nk.setdefault('a', []).append(1)", "mine = k"),
    ],
)
def test_an_answer_comes_with_each_name_that_python_looks_up_outside_of_it(before, mine):
    gap = "\n\n\n" if mine.startswith("def ") else "\n\n"
    assert answer_to("mine = ...", f"{before}\n{mine}\n") == f"{before}{gap}{mine}"


@pytest.mark.parametrize(
    "mine",
    [
        "def mine():\n    import k\n\n    return k",
        "def mine():\n    def k():\n        return 0\n\n    return k()",
        "def mine(f):\n    with f as k:\n        return k",
        "def mine():\n    return lambda k: k",
    ],
)
def test_a_name_that_python_looks_up_inside_of_an_answer_is_not_taken_from_elsewhere(mine):
    assert answer_to("mine = ...", f"k = 3\nh = lambda: (mine := 4)\n{mine}\n") == mine


def test_an_unknown_notebook_is_refused_by_its_name():
    for find in (course.read, course.solutions):
        message = refusal(ValueError, lambda find=find: find("11_more"))
        assert message.startswith("name must be one of '01_grad_cam_by_hand', ")


# --- The command ---------------------------------------------------------------------------------------------


def test_the_command_writes_the_course_and_never_over_a_file(tmp_path, capsys):
    folder = tmp_path / "mine"
    assert cli.main(["course", str(folder)]) == 0
    written = {path.name for path in folder.iterdir()}
    assert written == {*PAGES, *(f"{name}.ipynb" for name in course.names())}
    assert f"Wrote {len(written)} files into {folder}." in capsys.readouterr().out
    first = folder / f"{course.names()[0]}.ipynb"
    first.write_text("my work")
    (folder / "glossary.md").unlink()
    assert cli.main(["course", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "Wrote 1 file into" in told
    assert "Left as they are, since they are there: " in told
    assert first.read_text() == "my work"
    assert (folder / "glossary.md").exists()


def test_a_variant_is_in_the_checks(tmp_path):
    cli.main(["course", str(tmp_path), "--variant", "7"])
    text = (tmp_path / "01_grad_cam_by_hand.ipynb").read_text(encoding="utf-8")
    assert "check_grad_cam(my_grad_cam, variant=7)" in text
    assert "maps_by_hand(variant=7)" in text


def test_an_assignment_has_the_source_of_each_notebook(tmp_path, capsys):
    cli.main(["course", str(tmp_path), "--nbgrader"])
    assert {path.name for path in (tmp_path / "source" / "numpycam").iterdir()} == {
        f"{name}.ipynb" for name in course.names()
    }
    assert (tmp_path / "nbgrader_config.py").exists()
    assert "nbgrader generate_assignment numpycam" in capsys.readouterr().out


class Settings:
    """What get_config() returns, without Jupyter: a name in it holds settings of its own."""

    def __getattr__(self, name):
        return self.__dict__.setdefault(name, Settings())


def settings(path):
    """The settings that a configuration makes, and the names that it defines."""
    made = Settings()
    return made, runpy.run_path(str(path), {"get_config": lambda: made})


def test_an_assignment_stops_an_answer_that_never_ends(tmp_path):
    """tests/grading/run.py has nbgrader do it."""
    cli.main(["course", str(tmp_path), "--nbgrader"])
    made, _ = settings(tmp_path / "nbgrader_config.py")
    assert made.Execute.timeout == 60
    assert made.Execute.error_on_timeout["traceback"] == [STOPPED]


def test_a_hub_gives_each_student_the_course_and_leaves_what_they_wrote(tmp_path, monkeypatch):
    for name, value in {"PASSWORD": "secret", "NAMES": "anna,ben", "FOLDER": str(tmp_path)}.items():
        monkeypatch.setenv(f"CLASS_{name}", value)
    made, names = settings(DOCS / "scale" / "jupyterhub_config.py")
    assert made.Authenticator.allowed_users == {"anna", "ben"}
    assert made.Spawner.pre_spawn_hook is names["write_the_course"]
    spawner = SimpleNamespace(user=SimpleNamespace(name="anna"))
    asyncio.run(names["write_the_course"](spawner))
    first = Path(made.Spawner.notebook_dir.format(username="anna")) / Path(made.Spawner.default_url).name
    assert first.stem == course.names()[0]
    first.write_text("my work")
    (first.parent / "glossary.md").unlink()
    asyncio.run(names["write_the_course"](spawner))
    assert first.read_text() == "my work"
    assert (first.parent / "glossary.md").exists()


def test_the_teachers_course_has_outputs_and_all_that_is_shown_or_printed(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "teacher", lambda notebook, solutions: notebook)  # that it runs is tested above
    cli.main(["course", str(tmp_path), "--teacher"])
    page = (tmp_path / "teaching.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([\w./-]+\.\w+)\)", page)
    assert {*HAND_OUTS} <= {*links}
    assert {"README.md"} <= {*links}  # the page stands beside the notebooks here
    assert [link for link in links if not (tmp_path / link).exists()] == []
    notebook = json.loads((tmp_path / "01_grad_cam_by_hand.ipynb").read_text(encoding="utf-8"))
    assert any(cell["outputs"] for cell in code(notebook))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hidden", "5"], "--hidden goes with --nbgrader only"),
        (["--teacher", "--variant", "3"], "--variant does not go with --teacher: its outputs are those of variant 0"),
        (["--nbgrader", "--variant", "1"], "--hidden must differ from --variant, and both are 1"),
        (["--nbgrader", "--hidden", "0"], "--hidden must differ from --variant, and both are 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["course", str(tmp_path / "new"), *options])
    assert capsys.readouterr().err == f"numpycam course: error: {message}\n"
    assert not (tmp_path / "new").exists()


def test_a_folder_with_a_space_can_be_pasted_into_a_shell(tmp_path, capsys):
    cli.main(["course", str(tmp_path / "my folder")])
    assert f"jupyter lab '{tmp_path / 'my folder'}'" in capsys.readouterr().out
    cli.main(["course", str(tmp_path / "a class"), "--nbgrader"])
    assert f"cd '{tmp_path / 'a class'}' && " in capsys.readouterr().out


def test_a_folder_with_a_dash_is_no_option_of_another_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numpycam.cli.course.find_spec", lambda name: name)
    monkeypatch.setattr("numpycam.cli.course.shutil.which", lambda name: name)
    monkeypatch.setattr("numpycam.cli.course.subprocess.call", lambda command: print(command[-1]) or 0)
    cli.main(["course", "--open", "--", "-mine"])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Open it: jupyter lab ./-mine", "Begin with README.md, then 01.", "./-mine",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_folder_s_name_does_not_change_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["course", "red\x1b[31m"])
    assert Path("red\x1b[31m").is_dir()
    assert " into red?[31m.\n" in capsys.readouterr().out


def test_a_link_to_nothing_is_left_alone(tmp_path):
    (tmp_path / "README.md").symlink_to(tmp_path / "nowhere")
    cli.main(["course", str(tmp_path)])
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("folder", ["link", "link/below"])
def test_a_folder_that_is_a_link_to_nothing_is_told_with_the_cure(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("nowhere")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["course", folder])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "numpycam course: error: 'link' is a link to 'nowhere', and nothing is there: remove the link, make that "
        "folder, or name another one\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_file_in_the_place_of_a_folder_inside_is_told_with_the_cure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/source").touch()
    with pytest.raises(SystemExit):
        cli.main(["course", "mine", "--nbgrader"])
    message = "numpycam course: error: 'mine/source' is a file: move it away, or name another folder\n"
    assert capsys.readouterr().err == message
    assert [path.name for path in Path("mine").iterdir()] == ["source"]


@pytest.mark.parametrize("odd", [-1, 1.5, True, "1"])
def test_an_odd_variant_is_refused(odd):
    name = course.names()[0]
    notebook, solutions = course.read(name), course.solutions(name)
    for make in (
        lambda: course.student(notebook, odd),
        lambda: course.grader(notebook, solutions, odd),
        lambda: course.grader(notebook, solutions, hidden=odd),
    ):
        with pytest.raises((TypeError, ValueError), match="must be"):
            make()


def test_two_editions_at_once_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["course", str(tmp_path), "--teacher", "--nbgrader"])
    assert "not allowed with" in capsys.readouterr().err


def test_without_jupyter_open_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("numpycam.cli.course.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        cli.main(["course", str(tmp_path / "new"), "--open"])
    assert "--open needs Jupyter: pip install jupyter" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_wheel_has_the_notebooks(tmp_path):
    """Built as pip builds it, and without the network."""
    pytest.importorskip("setuptools", reason="it builds the wheel, and Python has it no more: pip install setuptools")
    root = course.FOLDER.parent
    if not (root / "setup.py").exists():
        pytest.skip("there is no source tree: numpycam was installed from a wheel")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
    build = [sys.executable, "setup.py", "--quiet", "build", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    place = tmp_path / "lib" / "numpycam" / "notebooks"
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == {
        *PAGES, *HAND_OUTS, "teaching.md",
        *(f"{name}.ipynb" for name in course.names()), *(f"solutions/{name}.py" for name in course.names()),
    }  # fmt: skip
