"""All runs below some folders, with their curves under one set of names, as JSON for the page."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bunri.report.facts import Curve
from bunri.report.figures import curve_figures, names_of, styles_of
from bunri.report.reading import curves_of_records
from bunri.run_folder import RunFolder
from bunri.watch.glances import SHOWN, Glance, Glances, worth_a_look
from bunri.watch.records import Record, number
from bunri.watch.signs import Signs
from bunri.watch.status import RunStatus, read_status, stamp_of, with_quiet

MARKS = ("manifest.json", "job.json")
"""Files a folder of a run has from its beginning."""

DEPTH = 6
"""Folders below the one that is watched: ``runs/<experiment>/<model>/fold<k>/seed<s>`` and one to spare."""


class Overview:
    """Reads what has changed since it was last asked."""

    def __init__(self, roots: Sequence[Path], at_most: int = SHOWN) -> None:
        """Take the folders to watch, which need not be there yet, and how many runs are looked at closely."""
        self._roots, self._at_most = roots, at_most
        self._signs, self._glances = Signs(), Glances()
        self._known: dict[Path, tuple[object, RunStatus, tuple[Curve, ...]]] = {}

    def read(self, now: float) -> dict[str, Any]:
        """The runs, the running ones first, and the figures of their curves, at the time ``now``.

        Of more than ``at_most`` runs those that run or wrote last; ``counts`` are of all, by status.
        """
        glances = [self._glances.at(label, folder) for label, folder in self._runs()]
        shown, left_out = worth_a_look(glances, self._at_most)
        found = [self._read(glance, now) for glance in shown]
        found.sort(key=lambda run: (ORDER.get(run[0].status, len(ORDER)), run[0].label))
        curves = [curve for _, of_run in found for curve in of_run]
        styles = styles_of(sorted({curve.model for curve in curves}))
        return {
            "now": now,
            "roots": [str(root) for root in self._roots],
            "runs": [asdict(status) for status, _ in found],
            "counts": Counter([status.status for status, _ in found] + [glance.status for glance in left_out]),
            "left_out": len(left_out),
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

    def _read(self, glance: Glance, now: float) -> tuple[RunStatus, tuple[Curve, ...]]:
        """Its files are read, and its curves made, only where something was written."""
        stamp, path = stamp_of(glance.folder), glance.folder.path
        if path not in self._known or self._known[path][0] != stamp:
            status, records = read_status(glance.label, glance.folder)
            self._known[path] = (stamp, status, _curves_of(glance.label, records))
        _, status, curves = self._known[path]
        return with_quiet(status, glance.folder, now, self._signs), curves


ORDER = {"running": 0, "failed": 1, "broken": 2, "stopped": 3, "stopped_early": 4, "new": 5, "done": 6}


def _curves_of(label: str, records: Sequence[Record]) -> tuple[Curve, ...]:
    return tuple(curves_of_records(label, [_numbers(one) for one in records]))


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
