"""Types of options that several commands share."""

import argparse
import os
import re
from pathlib import Path


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


def name_from_text(text: str) -> str:
    """Return a text that is not empty, as argparse's type: an empty path would be the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty, got ''")
    return text


def path_from_text(text: str) -> Path:
    """Return the path of a file, as argparse's type."""
    return Path(name_from_text(text))


def folder_from_text(text: str) -> Path:
    """Return the path of a folder that is there or can be made, as argparse's type."""
    place = folder = path_from_text(text)
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
    except OSError as error:  # the name is too long, say
        raise argparse.ArgumentTypeError(f"must be the path of a folder, got {text!r}: {error.strerror}") from None
    if not place.is_dir():
        raise argparse.ArgumentTypeError(f"must be the path of a folder, got {text!r}: {str(place)!r} is a file")
    if not os.access(place, os.W_OK):
        raise argparse.ArgumentTypeError(
            f"must be the path of a folder, got {text!r}: nothing can be written to {str(place)!r}"
        )
    return folder
