"""Which laws find which known mistakes: for docs/laws.md, and for the tests of the museum."""

from functools import cache
from itertools import islice

from numpycam import laws
from numpycam.laws import engine
from numpycam.laws.cases import sweep
from numpycam.laws.engine import Entry, Report, Trial, Violation, conventions, examine, violated
from numpycam.laws.message import CONDUCT
from numpycam.laws.subject import Habits, NotAskedError, Subject

EXHIBITS = {name: {mistake.id: mistake for mistake in book.mistakes} for name, book in laws.BOOKS.items()}
MANNERS = ("pure", "again", "own", "kept")
SAMPLE = 4  # cases on which a law is asked again that finds nothing


def subject_of(name, id):
    """The functions that make a mistake, as one hands them to ``verify``."""
    book, functions = laws.BOOKS[name], EXHIBITS[name][id].functions
    if name == "network":  # its laws are made for the shape of a picture
        return book._subject({**book.right(), **functions})
    return Subject(book, functions, Habits(pairs=True))


def found_by(name, id):
    """The ids of the laws that find a mistake, by asking all of them on all cases."""
    found = [entry.law.id for entry in examine(subject_of(name, id)).broken]
    return [law for law in found if law in to_ask(name, id, found)]


def to_ask(name, id, found):
    """The laws whose answers do not hang on the calls before. If no output shows a mistake, only some do not."""
    every = [law.id for law in laws.BOOKS[name].laws]
    groups = [every] if EXHIBITS[name][id].about else [MANNERS, CONDUCT, every]
    return next((group for group in groups if {*group} & {*found}), every)


def report_on(name, id, found):
    """A report in which the laws that should find a mistake are asked until they do, and the others on a few cases."""
    subject = subject_of(name, id)
    asked = [law for law in subject.book.laws if law.id in to_ask(name, id, found)]
    report = Report(subject.book, subject, [Entry(law) for law in asked])
    for kind, cases in cases_of(name).items():
        trials = [Trial(subject, reference_of(name), case) for case in cases]
        if kind == "fractions" and trials and engine._refuses(trials[0]):
            continue
        report.trials += trials
        for number, trial in enumerate(trials):
            for entry in report.entries:
                is_waiting = entry.law.id in found and not entry.violations
                if is_waiting or number % max(1, len(trials) // SAMPLE) == 0:
                    _ask(entry, trial)
    return report


def is_asked(name, law):
    """Whether a law is asked of functions that are called in the plain way; one about batches, say, is not."""
    entry = Entry(law)
    for cases in cases_of(name).values():
        for case in cases[:SAMPLE]:
            _ask(entry, Trial(reference_of(name), reference_of(name), case))
    return not entry.reason


def _ask(entry, trial):
    try:
        violation = violated(entry.law, trial) if trial.case.kind in entry.law.kinds else None
    except NotAskedError as error:
        entry.reason = str(error)
        return
    if isinstance(violation, Violation):
        entry.violations.append(violation)


@cache
def cases_of(name):
    """The cases of ``verify``, by the kind of their numbers."""
    book = subject_of(name, next(iter(EXHIBITS[name]))).book
    counts = {"integers": None, "fractions": engine._SHORT, "floats": engine._SHORT}
    return {kind: [*islice(sweep(book, kind), count)] for kind, count in counts.items()}


class _Remembering(Subject):
    """The right functions, which compute once what they return for a case of the sweep."""

    def __init__(self, *given):
        super().__init__(*given)
        self._kept = {}

    def remember(self, cases):
        self._kept = {id(case): {} for case in cases}

    def call(self, function, case):
        kept = self._kept.get(id(case), {})  # a case that a law makes is forgotten
        if function not in kept:
            kept[function] = super().call(function, case)
        return kept[function]


@cache
def reference_of(name):
    reference = _Remembering.right(laws.BOOKS[name])
    reference.remember([case for cases in cases_of(name).values() for case in cases])
    return reference


def convention_of(name, id):
    """The known answer to a question of convention that a mistake gives, where the right functions give another."""
    subject = subject_of(name, id)
    right, came = (conventions(Report(subject.book, one, [])) for one in (Subject.right(subject.book), subject))
    told = [answer for question, answer in came.items() if answer != right[question]]
    return next((answer for answer in told if not answer.startswith("none")), "")
