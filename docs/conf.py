"""The settings of the site. ``make site`` builds it; docs/site/ has what Sphinx cannot do by itself.

The repository is the source folder, so a link between the README, docs/ and notebooks/ means the same here and there.
"""

import os
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "site")]
os.environ["COLUMNS"] = "96"  # the width of what --help prints

project = "numpycam"
author = "The numpycam developers"
copyright = "The numpycam developers. The code is under the BSD licence, the course under CC BY 4.0"
release = version = metadata.version("numpycam")

root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "notebooks/*.ipynb", "notebooks/*.md"]
include_patterns += ["numpycam/laws/vectors/README.md"]
exclude_patterns = ["docs/paper.md", "docs/requirements.txt", "**/.*", ".*", "build", "dist", "mutants", "site"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "markup",
    "docstrings",
    "reference",
    "pages",
]

nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # an … in the place of code is no syntax of any language

nb_execution_mode = "off"  # the outputs are stored, and tests/test_notebooks.py keeps them true
nb_merge_streams = True
nb_render_error_lexer = "text"  # an error of a check is a sentence
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
# "as-is:" in front of an address: a link that Sphinx does not look at.
myst_url_schemes = {"http": None, "https": None, "mailto": None, "as-is": "{{path}}"}

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"no-value": True}  # an array of Fractions or a type is long
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "literal"
smartquotes = False  # x' is a name
add_function_parentheses = False
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True
mathjax_path = "mathjax/tex-svg.js"

html_theme = "pydata_sphinx_theme"
html_title = "numpycam"
html_static_path = ["_static"]
templates_path = [str(ROOT / "docs" / "_templates")]
html_css_files, html_js_files = ["site.css"], ["site.js"]
html_logo = html_favicon = "_static/logo.svg"
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"docs/index": [], "**": ["sidebar-nav-bs"]}
html_context = {"default_mode": "auto"}
WIDE = "index", "methods", "conformance", "models", "coming_from", "scale"
html_theme_options = {
    "logo": {"text": "numpycam", "alt_text": "numpycam, the front page"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "show_nav_level": 1,
    # Pages of wide tables have no list of contents beside them.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{f"docs/{page}": [] for page in WIDE},
    },
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
}
