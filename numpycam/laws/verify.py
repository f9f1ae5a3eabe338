"""A book of laws that verifies functions: in one call, as tests of pytest, or as a proof."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpycam.core.arguments import check_one_of
from numpycam.laws.book import Book
from numpycam.laws.classes import passes_of
from numpycam.laws.engine import Entry, Report, examine
from numpycam.laws.message import LawViolation
from numpycam.laws.subject import Habits, Subject

HOW = ("sweep", "hypothesis", "prove")


class Laws(Book):
    """A book of laws that can be asked."""

    def verify(self, *, how: str = "sweep", raises: bool = True, **given: Any) -> Report:
        """Verify functions against all laws of this book.

        Parameters
        ----------
        how : {"sweep", "hypothesis", "prove"}
            "sweep" asks the laws on a fixed list of cases, the simplest first. "hypothesis" draws the cases. "prove"
            lets symbols through the functions: what holds then, holds for all numbers.
        raises : bool, default True
            Whether a broken law is an error.
        **given
            The functions under test, by the names that the book has for them: ``forward=conv, backward=conv_backward``.
            Or, in their place, a layer that is a class: ``layer=Convolution`` makes it of its parameters, and runs its
            ``forward(x)`` and ``backward(grad_output)``. And how the functions want to be called, ``takes``,
            ``returns``, ``cache``, ``options``, ``layout``, ``weights``, ``bias``, ``limits``, ``pairs``, ``dtype``:
            see :class:`numpycam.laws.subject.Habits`.

        Returns
        -------
        Report
            How many cases each law saw, and which laws could not be asked, and why.

        Raises
        ------
        LawViolation
            If a law is broken. It is an AssertionError, and its text is the lesson.
        TypeError, ValueError
            If the functions cannot be called, or nothing could be asked about them. Also if a proof is stopped: the
            functions compare symbols where the operation compares nothing.
        """
        check_one_of("how", how, HOW)
        report = _examination(how)(self._subject(given))
        if raises and report.broken:
            raise LawViolation(report)
        if raises and report.stopped:
            raise ValueError(_not_proved(report))
        if raises and not report.is_right:
            reasons = sorted({entry.reason for entry in report.entries})
            raise ValueError(f"no law of {self.name} could be asked: {'; '.join(reasons)}.")
        return report

    def parametrize(self, *, expected_failures: Mapping[str, str] | None = None, **given: Any) -> Any:
        """Return a decorator of pytest that runs a test once for each law.

        The test takes one argument, ``check``, and calls it. A law that cannot be asked is skipped, with the reason.

        Parameters
        ----------
        expected_failures : dict, optional
            For each id of a law that is known to be broken, the reason. If such a law holds, the test fails.
        **given
            As for :meth:`verify`, without ``how`` and ``raises``.

        Returns
        -------
        decorator

        Raises
        ------
        TypeError, ValueError
            If the functions cannot be called, or the book has no law of an id.

        Examples
        --------
        >>> import numpy as np
        >>> from numpycam import laws
        >>> @laws.relu.parametrize(forward=lambda x: np.maximum(x, 0))
        ... def test_my_relu(check):
        ...     check()
        """
        import pytest

        subject, expected = self._subject(given), dict(expected_failures or {})
        for id in expected:
            check_one_of("expected_failures", id, [law.id for law in self.laws])
        results = _Once(lambda: examine(subject))
        parameters = []
        for law in self.laws:
            marks = [pytest.mark.xfail(reason=expected[law.id], strict=True)] if law.id in expected else []
            parameters.append(pytest.param(_check(results, law.id), id=law.id, marks=marks))
        return pytest.mark.parametrize("check", parameters)

    def _subject(self, given: Mapping[str, Any]) -> Subject:
        return self._of(self, given)

    def _of(self, book: Book, given: Mapping[str, Any]) -> Subject:
        names = Habits.__dataclass_fields__
        habits = {name: value for name, value in given.items() if name in names}
        functions = {name: value for name, value in given.items() if name not in names}
        if "layer" in functions:
            functions |= passes_of(functions.pop("layer"), book)
        return Subject(book, functions, Habits(**habits))


class _Once:
    """A report that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Report]) -> None:
        self._make, self._report = make, list[Report]()

    def __call__(self) -> Report:
        if not self._report:
            self._report.append(self._make())
        return self._report[0]


def _check(results: Callable[[], Report], id: str) -> Callable[[], None]:
    def check() -> None:
        import pytest

        __tracebackhide__ = True  # pytest shows the lesson under the line that called
        report = results()
        entry: Entry = report[id]
        if entry.violations:
            raise LawViolation(report, entry)
        if not entry.cases:
            pytest.skip(f"not asked: {entry.reason}")

    return check


def _not_proved(report: Report) -> str:
    first, *_ = report.stopped
    return (
        f"{report.book.name} is not proved: in {first.stopped} of {first.cases + first.undecided} cases of the law "
        f"{first.law.id}, {first.reason}\nIs there a ReLU, a maximum or an if in them that the operation lacks? "
        'how="sweep" asks them about numbers.'
    )


def _examination(how: str) -> Callable[[Subject], Report]:
    if how == "hypothesis":
        from numpycam.laws.drawn import examine_drawn

        return examine_drawn
    if how == "prove":
        from numpycam.laws.proof import prove

        return prove
    return examine


__all__: Sequence[str] = ["HOW", "Laws"]
