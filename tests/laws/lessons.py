"""The lessons that students get: what verify says about each hand-in of ``students.py``.

``python -m laws.lessons`` prints them all, from the folder ``tests``. The golden file holds them.
"""

from functools import cache

from laws.students import STUDENTS
from numpycam import laws


@cache
def lesson_of(name):
    """The lesson about a hand-in, or None if it is right."""
    student = STUDENTS[name]
    try:
        laws.BOOKS[student.operation].verify(**student.given)
    except laws.LawViolation as lesson:
        return lesson
    return None


def transcript(name):
    """A lesson as the golden file has it."""
    return f"# {name}\n{lesson_of(name)}\n"


if __name__ == "__main__":
    print("\n".join(transcript(name) for name in STUDENTS if lesson_of(name)), end="")
