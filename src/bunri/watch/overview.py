"""All runs below some folders, with their curves under one set of names, as JSON for the page."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bunri.report.facts import Curve
from bunri.report.figures import curve_figures, names_of, styles_of
from bunri.report.reading import curves_of_records
from bunri.run_folder import RunFolder
from bunri.watch.records import Record, number
from bunri.watch.signs import Signs
from bunri.watch.status import RunStatus, read_status

MARKS = ("manifest.json", "job.json")
"""Files a folder of a run has from its beginning."""

DEPTH = 6
"""Folders below the one that is watched: ``runs/<experiment>/<model>/fold<k>/seed<s>`` and one to spare."""


class Overview:
    """Reads what has changed since it was last asked."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Take the folders to watch; they need not be there yet."""
        self._roots = roots
        self._signs = Signs()
        self._curves: dict[Path, tuple[object, tuple[Curve, ...]]] = {}

    def read(self, now: float) -> dict[str, Any]:
        """All runs, the running ones first, and the figures of their curves, at the time ``now``."""
        found = [self._read(label, folder, now) for label, folder in self._runs()]
        found.sort(key=lambda run: (ORDER.get(run[0].status, len(ORDER)), run[0].label))
        curves = [curve for _, of_run in found for curve in of_run]
        styles = styles_of(sorted({curve.model for curve in curves}))
        return {
            "now": now,
            "roots": [str(root) for root in self._roots],
            "runs": [asdict(status) for status, _ in found],
            "names": names_of(styles),
            "figures": curve_figures(sorted(curves, key=lambda curve: curve.run), styles),
        }

    def _runs(self) -> Iterator[tuple[str, RunFolder]]:
        for root in self._roots:
            for path in run_folders_below(root):
                yield self._label(path, root), RunFolder(path)

    def _label(self, path: Path, root: Path) -> str:
        """The place below the watched folder, whose name stands before it where there are several."""
        inside, name = path.relative_to(root), root.resolve().name
        if not inside.parts:
            return name
        return f"{name}/{inside}" if len(self._roots) > 1 else str(inside)

    def _read(self, label: str, folder: RunFolder, now: float) -> tuple[RunStatus, tuple[Curve, ...]]:
        status, records = read_status(label, folder, now, self._signs)
        return status, self._curves_of(folder.path, label, records)

    def _curves_of(self, path: Path, label: str, records: Sequence[Record]) -> tuple[Curve, ...]:
        """The curves of a run, made anew only where there are more records."""
        key = (len(records), records[-1].get("time") if records else None)
        known = self._curves.get(path)
        if known is None or known[0] != key:
            known = self._curves[path] = (key, tuple(curves_of_records(label, [_numbers(one) for one in records])))
        return known[1]


ORDER = {"running": 0, "failed": 1, "broken": 2, "stopped": 3, "stopped_early": 4, "new": 5, "done": 6}


def _numbers(record: Record) -> dict[str, Any]:
    return {name: number(value) for name, value in record.items()}


def run_folders_below(root: Path) -> list[Path]:
    """Folders of runs at or below a folder, sorted; what lies inside a run is not looked at, links are not followed."""
    found = []
    for folder, below, files in os.walk(root):
        if any(mark in files for mark in MARKS):
            found.append(Path(folder))
            below.clear()
        elif len(Path(folder).relative_to(root).parts) >= DEPTH:
            below.clear()
    return sorted(found)
