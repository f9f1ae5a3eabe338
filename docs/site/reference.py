"""The reference, generated from the objects: a page for each part of numpycam, written into docs/reference/ by a build.

A method is an object with an equation and a source, and a book of laws has its laws as fields. autodoc does not look
there, so these pages are written here. What autodoc knows, it does.
"""

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from docstrings import with_blocks
from numpydoc.docscrape_sphinx import SphinxDocString
from sphinx.application import Sphinx

from numpycam import laws
from numpycam.cli import main
from numpycam.methods import METHODS, PROPERTIES, Method

MODULES = {
    "worked_example": "The worked example",
    "exact": "Fractions and floats",
    "resize": "Sizes and scales",
    "targets": "What is explained: targets",
    "interventions": "Ask the network: interventions",
    "path": "Along a line: path",
    "metrics": "Metrics",
    "storage": "Files of networks",
    "report": "Files of explanations",
    "interop": "Networks from torch",
    "zero_maps": "Why a map is empty",
    "display": "Pictures: display",
    "checks": "The checks of the exercises",
}
"""The modules whose pages autodoc writes, and their titles."""

LEFT_OUT = {
    "interventions": ["exclude-members: path, ScorePath, TooManyKinksError"],
    "path": ["exclude-members: Passage, passages, check_piecewise_linear, as_one_image"],
    "methods.quadrature": ["exclude-members: line, linear_score"],
}
"""What is documented where it comes from, and what other modules of numpycam use alone."""

CORE = {
    "base": "What every layer can do",
    "steps": "The five steps of Grad-CAM",
    "network": "The network of the core",
    "window": "The window of a convolution",
    "convolution": "Convolution as a product of matrices",
}
LAYERS = ["Conv2d", "ReLU", "MaxPool2d", "AvgPool2d", "GlobalAvgPool2d", "Flatten", "Linear", "Residual"]
COMMANDS = ["example", "explain", "course", "methods", "background", "train", "verify"]
EXPERIMENTS = {"drawings": "Drawings", "training": "Training", "pretrained": "Trained networks"}
COURSE = ["editions", "source"]


def heading(title: str, line: str = "=") -> str:
    """Return a title with a line under it; characters can be two columns wide."""
    return f"{title}\n{line * (2 * len(title))}\n"


def directive(name: str, argument: str, *options: str, content: str = "") -> str:
    """Return a directive of reStructuredText."""
    given = (option.partition(": ") for option in options)
    lines = [f".. {name}:: {argument}", *(f"   :{option}: {value}".rstrip() for option, _, value in given), ""]
    return "\n".join(lines) + "\n" + indented(content) + "\n"


def indented(text: str) -> str:
    """Return text as the content of a directive."""
    return "".join(f"   {line}\n" if line else "\n" for line in text.splitlines())


def escape(text: str) -> str:
    """Return text in which no character has a meaning of its own."""
    return "".join(f"\\{c}" if c in r"\|*_`" else c for c in text)


def code(text: str) -> str:
    """Return text in the typeface of code."""
    return f"``{text}``"


def table(head: Iterable[str], rows: Iterable[Iterable[str]], widths: str = "auto") -> str:
    """Return a table with a header row."""
    lines = []
    for row in [head, *rows]:
        for n, cell in enumerate(row):
            lines.append(f"{'* ' if n == 0 else '  '}- {cell or chr(160)}")
    return directive("list-table", "", "header-rows: 1", f"widths: {widths}", content="\n".join(lines))


def toctree(names: Iterable[str], *options: str) -> str:
    """Return a table of contents."""
    return directive("toctree", "", *options, content="\n".join(names))


def docstring(text: str) -> str:
    """Return a docstring in numpydoc's form as reStructuredText."""
    lines = with_blocks(text.splitlines())
    return str(SphinxDocString("\n".join(lines), config={"show_class_members": False}))


def pages() -> dict[str, str]:
    """Return the pages of the reference by their names."""
    return {
        "index": index_page(),
        "numpycam": numpycam_page(),
        "methods": methods_page(),
        "own_methods": own_methods_page(),
        "layers": layers_page(),
        "core": core_page(),
        "experiments": modules_page("Experiments", "numpycam.experiments", EXPERIMENTS),
        "course": course_page(),
        "commands": commands_page(),
        "laws/index": laws_page(),
        **{f"laws/{name}": book_page(name, book) for name, book in laws.BOOKS.items()},
        **{
            name: heading(title) + "\n" + module(f"numpycam.{name}", *LEFT_OUT.get(name, []))
            for name, title in MODULES.items()
        },
    }


def module(name: str, *options: str) -> str:
    """Return the directive that shows a module and all that is public in it."""
    return directive("automodule", name, "members", *options)


def index_page() -> str:
    """Return the page that leads to the others."""
    return (
        heading("Reference")
        + """
Generated from the objects themselves, so it says what this version does. The words come from the docstrings:
``help(numpycam.grad_cam)`` shows the same.

.. list-table::
   :header-rows: 1
   :widths: auto

   * - You have
     - You want
     - Look at
   * - a network and an image
     - a map, with every stage
     - :doc:`numpycam`, :doc:`methods`
   * - weights, or a model of torch
     - a network
     - :doc:`layers`, :doc:`interop`, :doc:`storage`
   * - a map
     - a picture, a page, a file
     - :doc:`resize`, :doc:`display`, :doc:`report`
   * - a map
     - to know whether it is true
     - :doc:`interventions`, :doc:`path`, :doc:`metrics`
   * - functions of your own
     - to know whether they are right
     - :doc:`laws/index`
   * - a question about two classes
     - a map of their difference
     - :doc:`targets`
   * - no code
     - a page to step through
     - :doc:`commands`

"""
        + toctree(
            [
                *("numpycam", "methods", "own_methods", "layers", "laws/index"),
                *MODULES,
                *("experiments", "course", "core", "commands"),
            ],
            "hidden",
        )
    )


def numpycam_page() -> str:
    """Return the page of what the package itself has."""
    shown = ["members", "inherited-members"]
    return "\n".join(
        [
            heading("Grad-CAM, Network and Explanation"),
            directive("automodule", "numpycam", "no-members"),
            directive("autofunction", "numpycam.grad_cam"),
            directive("autofunction", "numpycam.grad_cam_from_maps"),
            directive("autoclass", "numpycam.Explanation", *shown),
            directive("autoclass", "numpycam.Network", *shown),
            directive("autoclass", "numpycam.about.About", "members"),
            directive("autoclass", "numpycam.summary.Summary", "members"),
        ]
    )


def call_of(name: str, method: Method) -> str:
    """Return how a method is called, with each default as one writes it."""
    arguments = [as_written(parameter) for parameter in signature(method).parameters.values()]
    arguments.insert(arguments.index("check_finite=True"), "*")
    return f"{name}({', '.join(arguments)})"


def as_written(parameter: Parameter) -> str:
    """Return a parameter with its default, if it has one."""
    default = parameter.default
    if default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={default.__name__ if callable(default) else repr(default)}"


def methods_page() -> str:
    """Return the page of all methods."""
    rows = [
        [
            f":py:obj:`{method.name} <numpycam.methods.{name}>`",
            method.needs + (" (map at the input)" if method.layer else ""),
            *("✓" if given in method.properties else "–" for given in PROPERTIES),
            "✓" if method.is_exact else "–",
        ]
        for name, method in METHODS.items()
    ]
    text = (
        heading("All methods")
        + f"""
A method weighs the feature maps A\\ :sup:`k` and adds them up. All {len(METHODS)} are called in the same way and return
an :class:`numpycam.Explanation`. They stand in ``numpycam.methods``, and by the names of their functions in the
dictionary ``numpycam.methods.METHODS``. In the equations, g = dy/dA are the gradient maps, and L is the map before the
last ReLU.

{directive("py:currentmodule", "numpycam.methods")}
{directive("py:data", "METHODS", content="All methods, by the names of their functions.")}
{directive("py:data", "PROPERTIES", content="The properties that a method can have, and what they mean.")}

"""
        + table(["method", "needs", *PROPERTIES, "exact"], rows)
    )
    text += "\n".join(f"{name}\n   {escape(meaning)}." for name, meaning in PROPERTIES.items())
    text += "\nexact\n   it takes Fractions, and returns Fractions.\n\n"
    return text + "".join(method_section(name, method) for name, method in METHODS.items())


def method_section(name: str, method: Method) -> str:
    """Return the section of one method: its call, equation, source, properties and what its function says."""
    facts = [
        ("Source", escape(method.source)),
        ("Needs", method.needs + (", and its map has the image's own resolution" if method.layer else "")),
        ("Properties", ", ".join(given for given in PROPERTIES if given in method.properties) or "none"),
        ("Exact", "yes" if method.is_exact else "no: it takes floats only"),
    ]
    content = "\n".join([f".. math:: L = {method.equation}\n", docstring(method.about), ""])
    content += "".join(f":{label}: {value}\n" for label, value in facts)
    title = method.name[0].upper() + method.name[1:]
    return heading(title, "-") + "\n" + directive("py:function", call_of(name, method), content=content)


def own_methods_page() -> str:
    """Return the page of what methods are made of, and what changes any of them."""
    return "\n".join(
        [
            heading("Methods of your own"),
            directive("automodule", "numpycam.methods.recipe", "members", "exclude-members: PROPERTIES"),
            heading("Changes that fit any method", "-"),
            module("numpycam.methods.wrappers"),
            heading("The error of integrated gradients", "-"),
            module("numpycam.methods.quadrature", *LEFT_OUT["methods.quadrature"]),
        ]
    )


def layers_page() -> str:
    """Return the page of all layers."""
    return "\n".join(
        [
            heading("Layers"),
            directive("automodule", "numpycam.core.layers", "no-members", "no-index"),
            *(directive("autoclass", f"numpycam.{name}", "members") for name in LAYERS),
            heading("A layer of your own", "-"),
            directive("autoclass", "numpycam.Layer", "members"),
        ]
    )


def core_page() -> str:
    """Return the page of what the core is made of."""
    text = (
        heading("The core")
        + """
All that Grad-CAM computes is in ``numpycam.core``. It needs NumPy and no other part of numpycam, so it can be read from
the first line to the last. Layers have :doc:`a page of their own <layers>`.

"""
    )
    for name, title in CORE.items():
        excluded = {"base": ["exclude-members: Layer"]}.get(name, [])
        text += heading(title, "-") + "\n" + module(f"numpycam.core.{name}", *excluded)
    return text


def modules_page(title: str, package: str, modules: dict[str, str]) -> str:
    """Return one page for some modules."""
    sections = [heading(words, "-") + "\n" + module(f"{package}.{name}") for name, words in modules.items()]
    return heading(title) + "\n" + "\n".join(sections)


def course_page() -> str:
    """Return the page of what makes the students' copies of the course."""
    text = heading("Editions of the course") + "\n" + directive("automodule", "numpycam.course", "no-members")
    return text + "\n".join(
        heading(f"numpycam.course.{name}", "-") + "\n" + module(f"numpycam.course.{name}") for name in COURSE
    )


def commands_page() -> str:
    """Return the page with what --help prints, for each command."""
    text = heading("The command line") + "\n" + directive("code-block", "text", content=help_of([]))
    for name in COMMANDS:
        text += heading(f"numpycam {name}", "-") + "\n" + directive("code-block", "text", content=help_of([name]))
    return text


def help_of(command: list[str]) -> str:
    """Return what --help prints."""
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            main([*command, "--help"])
    except SystemExit:
        pass
    return told.getvalue()


def laws_page() -> str:
    """Return the page of all books of laws, and of what asks them."""
    rows = [
        [f":doc:`{name} <{name}>`", *(str(len(one)) for one in (book.laws, book.conventions, book.mistakes))]
        for name, book in laws.BOOKS.items()
    ]
    return "\n".join(
        [
            heading("Laws"),
            directive("automodule", "numpycam.laws", "no-members"),
            table(["book", "laws", "conventions", "known mistakes"], rows),
            toctree(laws.BOOKS, "hidden"),
            heading("Asking", "-"),
            directive("autoclass", "numpycam.laws.verify.Laws", "members"),
            directive("autofunction", "numpycam.laws.identify"),
            directive("autoclass", "numpycam.laws.identification.Identification", "members"),
            directive("autoclass", "numpycam.laws.subject.Habits", "no-members"),
            directive("autoexception", "numpycam.laws.LawViolation"),
            directive("autoclass", "numpycam.laws.engine.Report", "members"),
            directive("autoclass", "numpycam.laws.engine.Entry", "members"),
            directive("autodata", "numpycam.laws.BOOKS", "no-value"),
            heading("What a book is", "-"),
            module("numpycam.laws.book"),
            heading("Golden vectors", "-"),
            directive("automodule", "numpycam.laws.vectors", "members"),
        ]
    )


def book_page(name: str, book: Any) -> str:
    """Return the page of a book of laws."""
    join = ", ".join
    functions = [
        f"{code(f'{function}({join(one.takes)})')} → {join(map(code, one.returns))}"
        for function, one in book.signatures.items()
    ]
    given = ", ".join(f"{function}=my_{function}" for function in book.signatures)
    law_rows = [[code(law.id), escape(law.text), escape(law.where)] for law in book.laws]
    text = heading(f"The laws of {name}") + "\n"
    text += directive("code-block", "python", content=f"from numpycam import laws\n\nlaws.{name}.verify({given})")
    text += "\nThe functions under test:\n\n" + "\n".join(f"- {one}" for one in functions) + "\n\n"
    if book.options:
        text += "Their options: " + ", ".join(code(option) for option in book.options) + ".\n\n"
    text += f"\n.. py:data:: numpycam.laws.{name}\n\n   The book itself, a :class:`numpycam.laws.verify.Laws`.\n\n"
    text += heading("Its laws", "-") + "\n" + table(["law", "says", "where"], law_rows, "15 50 35")
    if book.conventions:
        rows = [
            [code(one.id), escape(one.question), ", ".join(escape(str(a)) for a in one.answers)]
            for one in book.conventions
        ]
        text += (
            heading("Conventions", "-") + "\nGood implementations differ here. The choice is recognised and named.\n\n"
        )
        text += table(["convention", "question", "answers"], rows, "15 50 35")
    if book.mistakes:
        rows = [[code(one.id), escape(one.about), escape(one.hint)] for one in book.mistakes]
        text += heading("Known mistakes", "-") + "\nIf functions make one of these, the lesson names it.\n\n"
        text += table(["mistake", "wrong", "the sentence that would have helped"], rows, "20 10 70")
    return text


def write(app: Sphinx) -> None:
    """Write the pages, those that have changed, and remove those of an earlier build."""
    folder = Path(app.srcdir) / "docs" / "reference"
    made = pages()
    for name, text in made.items():
        path = folder / f"{name}.rst"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).with_suffix("").as_posix() not in made:
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Be an extension of Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
