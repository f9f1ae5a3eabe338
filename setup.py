"""Everything is said in setup.cfg, but for this: the notebooks stand beside the package, and travel inside of it."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


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


setup(cmdclass={"build_py": WithNotebooks})
