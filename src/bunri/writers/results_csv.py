"""One CSV row for each validation: the validation's numbers and the last training ones before it."""

import csv
import io
from pathlib import Path

from bunri.events import Event, Resumed, Scalars
from bunri.files import write_text

Row = dict[str, float | str]


class CsvWriter:
    """Keeps ``results.csv`` whole: it is written anew at each validation, with the union of all columns."""

    def __init__(self, path: Path) -> None:
        """Go on with the rows that are there."""
        self._path = path
        self._rows: list[Row] = read_rows(path)
        self._latest: dict[str, float] = {}

    def write(self, event: Event) -> None:
        """Record a validation; where training resumes, drop the rows after that step."""
        if isinstance(event, Resumed):
            self._rows = [row for row in self._rows if float(row["step"]) <= event.step]
            self._save()
        elif isinstance(event, Scalars):
            self._latest |= event.values
            if "val/mAP50" in event.values:
                self._rows.append({"step": event.step, "epoch": event.epoch, **self._latest})
                self._save()

    def close(self) -> None:
        """Nothing is open."""

    def _save(self) -> None:
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(self._rows)
        write_text(self._path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """The rows of a ``results.csv`` as text by column; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [dict(row) for row in csv.DictReader(file)]
