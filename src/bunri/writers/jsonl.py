"""Every scalar as one JSON object a line: ``{"step": 40, "epoch": 0.5, "time": …, "train/loss": 1.2}``."""

import json
import math
import time
from pathlib import Path
from typing import Any

from bunri.errors import DataError
from bunri.events import Event, Resumed, Scalars
from bunri.files import cannot_write, write_text


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
            return self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def write(self, event: Event) -> None:
        """Record scalars; where training resumes, drop what was recorded after that step."""
        if isinstance(event, Scalars):
            self._file.write(_line({"step": event.step, "epoch": event.epoch, "time": time.time(), **event.values}))
            self._file.flush()
        elif isinstance(event, Resumed):
            self._file.close()
            self._keep([row for row in read_metrics(self._path) if row["step"] <= event.step])
            self._file = self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        write_text(self._path, "".join(_line(row) for row in rows))


def _line(row: dict[str, Any]) -> str:
    """One line; a loss that is not a number becomes null, which every reader of JSON knows."""
    known = {key: value if not isinstance(value, float) or math.isfinite(value) else None for key, value in row.items()}
    return json.dumps(known, ensure_ascii=False) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a ``metrics.jsonl``; an unfinished last line of a run that was killed is left out.

    Raises:
        DataError: Another line is not a JSON object.
    """
    *lines, _unfinished = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
    try:
        return [dict(json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} must hold one JSON object a line, but: {error}") from error
