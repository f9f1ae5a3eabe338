"""Types of options that several commands share."""

import argparse
import re


def seed_from_text(text: str) -> int:
    """Return a whole number from 0, as argparse's type."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number in 0..999999999, got {text!r}")
    return int(text)


def count_from_text(text: str) -> int:
    """Return a whole number from 1, as argparse's type."""
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number in 1..999999999, got {text!r}")
    return int(text)
