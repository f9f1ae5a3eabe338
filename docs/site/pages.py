"""What a build puts beside the documents: the step-through page, teaching material, MathJax and the first address."""

import io
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from numpycam.cli import main

ENVIRONMENT = Path(sys.prefix)
MATHJAX = ENVIRONMENT / "node_modules" / "mathjax" / "es5" / "tex-svg.js"
"""Where ``make site`` lets npm put it. It is 2 MB, so it is no part of the repository."""

FIRST = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=docs/index.html">
<title>numpycam</title>
</head>
<body><main><h1>numpycam</h1><p><a href="docs/index.html">To the front page</a></p></main></body>
</html>
"""


def check(app: Sphinx) -> None:
    """Stop a build that would have no formulas."""
    if not MATHJAX.is_file():
        raise ConfigError(f"MathJax is missing ({MATHJAX}): make site installs it.")


def keep_figures(app: Sphinx) -> None:
    """Let myst-nb take the figures out of the notebooks in the folder for what is half done, not beside the site."""
    app.env.mystnb_config = app.env.mystnb_config.copy(output_folder=str(Path(app.doctreedir) / "figures"))


def add(app: Sphinx, error: Exception | None) -> None:
    """Add the files to a build that has ended well."""
    if error is not None or app.builder.format != "html":
        return
    root, out = Path(app.srcdir), Path(app.outdir)
    (out / "_static" / "mathjax").mkdir(parents=True, exist_ok=True)
    shutil.copy(MATHJAX, out / "_static" / "mathjax")
    (out / "docs" / "teaching").mkdir(parents=True, exist_ok=True)
    for page in (root / "docs" / "teaching").glob("*.html"):
        shutil.copy(page, out / "docs" / "teaching")
    with redirect_stdout(io.StringIO()):
        main(["example", "--out", str(out / "docs" / "worked_example")])
    (out / "index.html").write_text(FIRST, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Be an extension of Sphinx."""
    app.connect("builder-inited", check)
    app.connect("builder-inited", keep_figures, priority=900)  # after myst-nb has made its settings
    app.connect("build-finished", add)
    return {"parallel_read_safe": True}
