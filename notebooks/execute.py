"""Execute the notebooks of this folder, each in a kernel of its own, and store them with their outputs.

python notebooks/execute.py               # all of them
python notebooks/execute.py 01_*.ipynb    # some
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def execute(path: Path, **options: Any) -> nbformat.NotebookNode:
    """Return the notebook as a clean kernel executes it, without anything that differs from run to run.

    The options are those of NotebookClient.
    """
    notebook = nbformat.read(path, as_version=4)
    options = {"timeout": 120, "kernel_name": "python3", "resources": {"metadata": {"path": FOLDER}}} | options
    NotebookClient(notebook, coalesce_streams=True, **options).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the time of day
    return notebook


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(map(str, FOLDER.glob("*.ipynb")))):
        nbformat.write(execute(path), path)
        print(f"executed {path}")
