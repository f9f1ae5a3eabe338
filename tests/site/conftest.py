"""The site, built and served once for all tests of this folder.

These tests need what docs/requirements.txt names, and Chromium. CONTRIBUTING.md says how to run them.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from chromium import served

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))  # what conf.py lets Sphinx find


class Site(NamedTuple):
    folder: Path
    status: int
    said: str

    @property
    def pages(self):
        """The addresses of all pages, but for the first, which leads on at once, and a template in _static."""
        paths = (path.relative_to(self.folder) for path in self.folder.rglob("*.html"))
        return sorted(path.as_posix() for path in paths if path.parts[0] not in ("index.html", "_static"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    pytest.importorskip("sphinx", reason="to build the site, pip install --requirement docs/requirements.txt")
    pytest.importorskip("myst_nb", reason="to build the site, pip install --requirement docs/requirements.txt")
    folder = tmp_path_factory.mktemp("site")
    options = ["-E", "-W", "--keep-going", "-n", "-q", "-b", "html", "-c", "docs", "-d", folder / "doctrees"]
    ended = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", folder / "html"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return Site(folder / "html", ended.returncode, ended.stdout)


@pytest.fixture(scope="session")
def address(site):
    with served(site.folder) as place:
        yield f"{place}/"
