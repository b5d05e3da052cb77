"""Every scalar as one JSON object a line: ``{"step": 40, "epoch": 0.5, "time": …, "train/loss": 1.2}``."""

import json
import math
import time
from pathlib import Path
from typing import Any

from bunri.errors import DataError
from bunri.events import Event, Resumed, Scalars
from bunri.files import append, cannot_write, write_text


class JsonlWriter:
    """Appends to ``metrics.jsonl``; a line is on disk as soon as it is written."""

    def __init__(self, path: Path) -> None:
        """Open the file; a line a killed run left unfinished is dropped.

        Raises:
            OutputError: The folder cannot be written.
        """
        self._path = path
        if path.exists() and not path.read_bytes().endswith(b"\n"):
            self._keep(read_metrics(path))
        self._file = self._open()

    def _open(self) -> Any:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._path.open("ab", buffering=0)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def write(self, event: Event) -> None:
        """Record scalars; where training resumes, drop what was recorded after that step.

        Raises:
            OutputError: The disk is full; no half of a line is left.
        """
        if isinstance(event, Scalars):
            self._append({**record_of(event), "time": time.time()})
        elif isinstance(event, Resumed):
            self._file.close()
            self._keep([row for row in read_metrics(self._path) if row["step"] <= event.step])
            self._file = self._open()

    def _append(self, record: dict[str, Any]) -> None:
        try:
            append(self._file, _line(record).encode())
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        write_text(self._path, "".join(_line(row) for row in rows))


def record_of(event: Scalars) -> dict[str, Any]:
    """Scalars as they are recorded; a loss that is not a number becomes null, which every reader of JSON knows."""
    known = {key: value if math.isfinite(value) else None for key, value in event.values.items()}
    return {"step": event.step, "epoch": event.epoch, **known}


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a ``metrics.jsonl``; an unfinished last line of a run that was killed is left out.

    Raises:
        DataError: Another line is not a JSON object.
    """
    if not path.exists():
        return []
    *lines, _unfinished = path.read_bytes().split(b"\n")
    try:
        return [dict(json.loads(line)) for line in lines]
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path} must hold one JSON object a line, but: {error}") from error
