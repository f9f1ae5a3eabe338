"""The site, built once for all tests of this folder, and a browser that reads it.

These tests need what docs/requirements.txt names, and Chromium. CONTRIBUTING.md says how to run them.
"""

import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


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


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=site.folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    api = pytest.importorskip("playwright.sync_api", reason="to read the site, pip install --editable '.[browser]'")
    if CHROMIUM is None:
        pytest.skip("to read the site, install Chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
