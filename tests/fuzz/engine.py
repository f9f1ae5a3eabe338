"""What the groups share: cases until the time is over, each within limits of time and memory."""

import resource
import signal
import time
from contextlib import contextmanager
from random import Random

SECONDS, BYTES = 2, 500_000_000
"""What a small file may cost, in seconds of the processor and in memory."""

LONGEST = 600  # characters of a message
MOST = 20  # findings of a group: more would say the same


class FindingError(BaseException):
    """A case that is neither right nor refused as it should be.

    It is no Exception. Else a function that is out of time would take it for damage, and refuse the file.
    """


def run_cases(seconds, seed, check):
    """Call ``check(random)`` until the time is over. Return how many cases there were, and what was found."""
    end, n, findings = time.monotonic() + seconds, 0, []
    while time.monotonic() < end and len(findings) < MOST:
        try:
            check(Random(f"{seed} {n}"))
        except FindingError as finding:
            findings.append(f"seed {seed}, case {n}: {finding}")
        n += 1
    return n, findings


@contextmanager
def limits(seconds=SECONDS, memory=BYTES):
    """Raise a FindingError if what is done here takes more time of the processor, or more memory than before."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + memory, before[1]))
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except MemoryError:
        raise FindingError(f"it takes more than {memory} bytes") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _too_long(*_):
    raise FindingError("it takes too long")


def refused(error, *kinds, begins=""):
    """Raise a FindingError unless an exception is of these kinds, and its message one line that begins like this."""
    text = str(error)
    if not isinstance(error, kinds):
        raise FindingError(f"{type(error).__name__}: {text[:LONGEST]}") from error
    if "\n" in text or len(text) > LONGEST or not text.startswith(begins):
        raise FindingError(
            f"a message that is not one short line: {type(error).__name__}: {text[:LONGEST]!r}"
        ) from error


def damaged(random, content):
    """Return the bytes with one to four changes: flipped, cut, repeated, moved, or numbers of odd size."""
    content = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        at, length = random.randrange(len(content) or 1), random.choice((1, 2, 4, 8, random.randrange(1, 200)))
        change = random.randrange(6)
        if change == 0:
            content[at : at + 1] = bytes([random.randrange(256)])
        elif change == 1:
            del content[at : at + length]
        elif change == 2:
            content[at:at] = content[at : at + length] * random.choice((1, 3))
        elif change == 3:
            del content[at:]
        elif change == 4:
            odd = random.choice((0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF))
            content[at : at + 4] = odd.to_bytes(4, random.choice(("little", "big")))
        else:
            there = random.randrange(len(content) or 1)
            content[at : at + length] = content[there : there + length]
    return bytes(content)
