"""Results go to stdout, words to stderr."""

import json
import sys
from typing import Any


def print_json(value: Any) -> None:
    """One JSON object on stdout; NaN is refused, as no other program reads it."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def print_text(text: str) -> None:
    """A result for people on stdout."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """Words for people on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
