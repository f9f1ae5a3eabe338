"""What setup.cfg cannot say: the notebooks travel inside of the package, and the README has links that fit an index."""

import re
import shutil
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)]*)\)")  # to a place in this repository
LABELS = {"source": "Source", "site": "Documentation"}  # of the addresses, on the page of an index


class WithNotebooks(build_py):
    """Copies the notebooks, their pages and solutions, and what teachers need, into the package of a wheel."""

    def run(self):
        """Build the package, and put the notebooks into it."""
        super().run()
        if not self.editable_mode:  # there, they are found beside the package
            place = Path(self.build_lib, "numpycam", "notebooks")
            left_out = shutil.ignore_patterns("execute.py", "__pycache__", ".*")
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree("notebooks", place, ignore=left_out)
            shutil.copytree("docs/teaching", place / "teaching")
            shutil.copy("docs/teaching.md", place)


def addresses():
    """Return where the project lives, as its owner says in setup.cfg."""
    config = ConfigParser()
    config.read(HERE / "setup.cfg", encoding="utf-8")
    if not config.has_section("addresses"):
        return {}
    given = config["addresses"]
    return {name: given[name] for name in LABELS if given.get(name)}


def for_an_index(text, source=""):
    """Return a page with whole addresses, or, without one, with the texts of its links and without its pictures."""

    def whole(link):
        is_picture, words, place = link.groups()
        if not source:
            return "" if is_picture else words
        return f"{is_picture}[{words}]({source.rstrip('/')}/{'raw' if is_picture else 'blob'}/HEAD/{place})"

    return LINK.sub(whole, text)


if __name__ == "__main__":
    known = addresses()
    setup(
        cmdclass={"build_py": WithNotebooks},
        long_description=for_an_index((HERE / "README.md").read_text(encoding="utf-8"), known.get("source", "")),
        long_description_content_type="text/markdown",
        project_urls={LABELS[name]: place for name, place in known.items()},
    )
