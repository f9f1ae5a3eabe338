"""Drives the lab in Chromium."""

import re
import time
from urllib.parse import urlsplit

READY = "() => window.jupyterapp?.shell?.currentWidget?.context?.isReady"
SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
IDLE = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget
    return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === 'idle'
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.toJSON())"""
RUN_ALL = """() => window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)"""
NOW = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content
    const counts = notebook.widgets.map(cell => cell.model.executionCount ?? 0)
    return [notebook.activeCellIndex, Math.max(...counts)]
}"""
HAS_RUN = """([number, before]) =>
    window.jupyterapp.shell.currentWidget.content.widgets[number].model.executionCount > before"""
DONE = """() => window.jupyterapp.shell.currentWidget.content.widgets.every(
    cell => cell.model.type !== 'code' || !cell.model.sharedModel.source.trim() || cell.model.executionCount)"""


class Visit:
    """A browser in which one notebook is open: with no work of yesterday, and no way to any other server."""

    def __init__(self, chromium, address, app="lab", **options):
        self.address, self.app, self.outside, self.missing, self.asked = address, app, [], [], 0
        self.context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.context.route("**/*", self._let_through)
        self.context.on("response", self._note)
        self.page = self.context.new_page()

    def _let_through(self, route):
        self.asked += 1
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or route.request.url.startswith(self.address):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def _note(self, response):
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):  # Chromium may ask any server for it
            self.missing.append(response.url)

    def open(self, name):
        """Open a notebook and wait until its kernel is idle; return the seconds that it took."""
        begin = time.perf_counter()
        self.page.goto(f"{self.address}/{self.app}/index.html?path={name}")
        self.page.wait_for_function(IDLE, timeout=180_000)
        return time.perf_counter() - begin

    def run_all(self):
        """Run all cells, and return the seconds that it took."""
        begin = time.perf_counter()
        self.page.wait_for_function(RUN_ALL, timeout=600_000)  # ``evaluate`` would wait for a cell without an end
        self.page.wait_for_function(DONE, timeout=600_000)
        self.page.wait_for_function(IDLE, timeout=600_000)
        return time.perf_counter() - begin

    def cells(self):
        """The cells as the browser has them, in the format of a notebook's file."""
        return self.page.evaluate(CELLS)

    def come_back_to(self, name):
        """Wait until the notebook is saved, and open it in a new tab of the same browser."""
        self.page.wait_for_function(SAVED)
        self.page.close()
        self.page = self.context.new_page()
        self.page.goto(f"{self.address}/{self.app}/index.html?path={name}")
        self.page.wait_for_function(READY, timeout=180_000)

    def close(self):
        self.context.close()

    def replace(self, number, text):
        """Put this in the place of what a cell holds, with mouse and keyboard."""
        self.page.evaluate(
            """async number => {
                const notebook = window.jupyterapp.shell.currentWidget.content
                notebook.activeCellIndex = number
                await notebook.scrollToItem(number, 'center')
            }""",
            number,
        )
        self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def run_here(self, count):
        """Run the active cell, and those after it, as many as this, and wait until the last, one of code, has run."""
        first, before = self.page.evaluate(NOW)
        for _ in range(count):
            self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(HAS_RUN, arg=[first + count - 1, before], timeout=180_000)


def shown(cell):
    """What a cell shows as text. Pictures may differ from one version of matplotlib to the next."""
    lines = []
    for output in cell["outputs"]:
        texts = output.get("text", ""), output.get("data", {}).get("text/plain", ""), output.get("evalue", "")
        text = re.sub(r"<Picture size \S+", "<Picture size", "".join(map("".join, texts)))  # its labels make it wider
        lines += [line.rstrip() for line in text.splitlines()]
    return lines


def differences(stored, cells):
    """For each cell of code that shows another text than the stored one: its source, the stored text, the other."""
    new = {cell["id"]: cell for cell in cells}
    return [
        ("".join(old["source"]), shown(old), shown(new[old["id"]]))
        for old in stored["cells"]
        if old["cell_type"] == "code" and shown(old) != shown(new[old["id"]])
    ]
