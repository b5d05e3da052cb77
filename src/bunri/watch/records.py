"""Files of a run that somebody may be writing right now: what is whole is read, what is not is left out."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.redacting import without_secrets

Record = Mapping[str, Any]

TAIL_BYTES = 8_000
"""Of a log's end that is read."""


def read_object(path: Path) -> Record:
    """A JSON object; empty where the file is absent.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a JSON object.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name} is not whole: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} must be a JSON object, but is a {type(content).__name__}")
    return content


def read_records(path: Path) -> list[Record]:
    """The whole lines of ``metrics.jsonl`` that say a step; others are left out."""
    if not path.exists():
        return []
    found = (_record(line) for line in path.read_bytes().split(b"\n"))
    return [record for record in found if number(record.get("step")) is not None]


def _record(line: bytes) -> Record:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def number(value: Any) -> float | None:
    """The value where it is a finite number, else None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def tail_of(path: Path, lines: int = 15) -> str:
    """The last lines of a log; empty where there is none. Of a bar that was drawn over itself the last state stays."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
            text = without_secrets(file.read().decode("utf-8", "replace"))
    except OSError:
        return ""
    shown = [line.rstrip().rpartition("\r")[2] for line in text.split("\n") if line.strip()]
    return "\n".join(shown[-lines:])
