"""Docstrings are written to be read in Python. Here they become what Sphinx reads.

An indented block is a block of formulas or code; reStructuredText wants a "::" before it. |L| is an absolute value, not
a substitution. A name in a role is looked up as Python would look it up in the module of the docstring.
"""

import importlib
import re
from types import GenericAlias
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

SECTION = re.compile(r"-{3,}$")
ITEM = re.compile(r"\s*([-*]|\d+\.|:[\w ]+:|\.\. )")
LITERAL = re.compile(r"(``.+?``|`.+?`)")


def with_blocks(lines: list[str]) -> list[str]:
    """Return the lines of a docstring with a "::" before each indented block.

    In a section such as Parameters, an indented paragraph is a description, so only Notes can have blocks there.
    """
    done: list[str] = []
    section, base, in_block = "", 0, False
    for n, line in enumerate(lines):
        if n + 1 < len(lines) and line.strip() and SECTION.match(lines[n + 1].strip()):
            section, in_block = line.strip(), False
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            done.append(line)
            continue
        if in_block and indent <= base:
            in_block = False
        if not in_block and indent > base and section in ("", "Notes") and _begins_block(done):
            done += [" " * base + "::", ""]
            in_block = True
        if not in_block:
            base = indent if not _continues(done, indent) else base
            line = escaped(line)
        done.append(line)
    return done


def _begins_block(done: list[str]) -> bool:
    """Whether what comes after these lines can be a block: after a blank line, and a paragraph that is no list."""
    if not done or done[-1].strip():
        return False
    paragraph = []
    for line in reversed(done):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            break
    return bool(paragraph) and not ITEM.match(paragraph[-1]) and not paragraph[0].rstrip().endswith("::")


def _continues(done: list[str], indent: int) -> bool:
    """Whether a line with this indent goes on with the paragraph before it."""
    return bool(done) and bool(done[-1].strip()) and indent > len(done[-1]) - len(done[-1].lstrip())


def escaped(line: str) -> str:
    """Return a line in which | is the sign of an absolute value."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    return "".join(part if n % 2 else part.replace("|", r"\|") for n, part in enumerate(LITERAL.split(line)))


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change a docstring before numpydoc reads it."""
    lines[:] = with_blocks(lines)


def resolve(app: Sphinx, env: Any, node: Any, contnode: nodes.Element) -> nodes.Element | None:
    """Return a link to where the object that a name means is documented, under whatever name.

    What Python or NumPy has, this site does not document: it stays text. A name that means nothing stays an error.
    """
    if node.get("refdomain") != "py":
        return None
    found = _object(node.get("py:module"), node.get("py:class"), node["reftarget"])
    if found is None:
        return None
    documented = env.get_domain("py").objects
    names = [name for name in documented if name.split(".")[-1] == found[0] and _object(None, None, name) == found]
    if not names:
        return contnode if found[2] and not found[2].startswith("numpycam") else None
    name = min(names, key=lambda name: (name.count("."), name))
    entry = documented[name]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)


def _object(module: str | None, owner: str | None, name: str) -> tuple[str, int, str] | None:
    """Look a name up in a class of a module. Return its last part, the id of what it means, and where that is from."""
    for start in (f"{module}.{owner}.{name}", f"{module}.{name}", name):
        parts = start.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                value = importlib.import_module(".".join(parts[:cut]))
                for part in parts[cut:]:
                    value = getattr(value, part)
            except (ImportError, AttributeError, ValueError, TypeError):
                continue
            value = getattr(value, "__func__", value)
            return parts[-1], id(value), str(getattr(value, "__module__", None) or "")
    return None


def add_places(app: Sphinx, doctree: nodes.document) -> None:
    """Let a name be found under that of the module that defines it, too: the pages of source link there."""
    for signature in doctree.findall(addnodes.desc_signature):
        module, name = signature.get("module"), signature.get("fullname")
        found = _object(None, None, f"{module}.{name}") if module and name else None
        place = f"{found[2]}.{name}" if found and found[2] else ""
        if place and signature["ids"] and place not in signature["ids"]:
            signature["ids"].append(place)


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what matplotlib gives to a figure of its own, the fields of a tuple, and names for a type alone."""
    is_foreign = str(getattr(obj, "__module__", "")).startswith("matplotlib")
    is_field = type(obj).__name__ == "_tuplegetter"
    is_alias = type(obj) is GenericAlias
    return True if is_foreign or is_field or is_alias else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Be an extension of Sphinx."""
    app.connect("autodoc-process-docstring", process, priority=400)  # numpydoc has 500
    app.connect("autodoc-skip-member", skip)
    app.connect("doctree-read", add_places)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
