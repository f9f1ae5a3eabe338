"""Write the golden vectors anew: ``python -m numpycam.laws.vectors``.

They change if a book's cases, definition or known mistakes change. Look at what has changed before you keep it.
"""

from numpycam.files import write_files
from numpycam.laws.vectors import FOLDER
from numpycam.laws.vectors.writing import files

if __name__ == "__main__":
    contents = files()
    write_files(FOLDER, contents)
    print(f"{len(contents)} files, {sum(map(len, contents.values()))} bytes, in {FOLDER}")
