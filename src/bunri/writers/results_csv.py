"""One CSV row for each validation: the validation's numbers and the last training ones before it."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from bunri.events import Event, Resumed, Scalars
from bunri.files import write_text
from bunri.writers.jsonl import read_metrics, record_of

Row = dict[str, float | str | None]


class CsvWriter:
    """Keeps ``results.csv`` whole: it is written anew at each validation, with the union of all columns.

    What it wrote before a run was stopped it takes from ``metrics.jsonl``, whose writer hears every event first.
    """

    def __init__(self, path: Path, metrics_file: Path) -> None:
        """Go on with what is recorded."""
        self._path, self._metrics_file = path, metrics_file
        self._restore()

    def write(self, event: Event) -> None:
        """Record a validation; where training resumes, drop the rows after that step.

        Raises:
            OutputError: The run folder cannot be written.
        """
        if isinstance(event, Resumed):
            self._restore()
            self._save()
        elif isinstance(event, Scalars):
            self._take(record_of(event))
            if "val/mAP50" in event.values:
                self._save()

    def close(self) -> None:
        """Nothing is open."""

    def _restore(self) -> None:
        self._rows: list[Row] = []
        self._latest: Row = {}
        for record in read_metrics(self._metrics_file):
            self._take(record)

    def _take(self, record: Mapping[str, float | None]) -> None:
        place = {"step": record["step"], "epoch": record.get("epoch")}
        self._latest |= {name: value for name, value in record.items() if name not in ("step", "epoch", "time")}
        if "val/mAP50" in record:
            self._rows.append({**place, **self._latest})

    def _save(self) -> None:
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        text = io.StringIO()
        table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(self._rows)
        write_text(self._path, text.getvalue())
