"""Types of options that several commands have."""

import argparse
import re


def seed_from_text(text: str) -> int:
    """Return a number from 0, as argparse's type."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"must be a number from 0, got {text!r}")
    return int(text)


def count_from_text(text: str) -> int:
    """Return a number from 1, as argparse's type."""
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text!r}")
    return int(text)
