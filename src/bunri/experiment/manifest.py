"""The manifest of a run as a writer of events: versions, facts, seconds and how it ended."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bunri.events import Ended, Event, Facts, Scalars
from bunri.run_folder import RunFolder


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ManifestWriter:
    """Keeps ``manifest.json`` true while a run goes on."""

    def __init__(self, folder: RunFolder, facts: Mapping[str, Any]) -> None:
        """Say that the run is going on.

        Raises:
            OutputError: The run folder cannot be written.
        """
        self._folder = folder
        self._task, self._since = "start", time.monotonic()
        old = folder.read_manifest()
        self._values: dict[str, Any] = {
            **old,
            **facts,
            "status": "running",
            "message": "",
            "started": old.get("started", now()),
            "ended": None,
            "seconds": dict(old.get("seconds", {})),
        }
        if "stopped_early" in old:
            self._values["stopped_early"] = None  # it goes on
        folder.update_manifest(self._values)

    def write(self, event: Event) -> None:
        """Take facts, the best validation and the end."""
        if isinstance(event, Facts):
            self._take(event.values)
        elif isinstance(event, Scalars) and "val/mAP50" in event.values:
            self._take_score(event)
        elif isinstance(event, Ended):
            self._count_seconds("end")
            self._values |= {"status": event.status, "message": event.message, "ended": now()}
            if event.status == "stopped_early":
                self._values["stopped_early"] = dict(event.facts)
            self._folder.update_manifest(self._values)

    def _take(self, facts: Mapping[str, Any]) -> None:
        for name, value in facts.items():
            group, slash, key = name.partition("/")
            if name == "task":
                self._count_seconds(str(value))
            elif slash:
                self._values.setdefault(f"{group}s", {})[key] = value
            else:
                self._values.setdefault("facts", {})[name] = value
        self._folder.update_manifest(self._values)

    def _take_score(self, event: Scalars) -> None:
        best = self._values.get("best", {})
        if event.values["val/mAP50"] > best.get("mAP50", -1.0):
            self._values["best"] = {"mAP50": event.values["val/mAP50"], "step": event.step, "epoch": event.epoch}
            self._folder.update_manifest(self._values)

    def _count_seconds(self, next_task: str) -> None:
        """Add the time since the last task began to that task; a continued run goes on counting."""
        seconds = self._values["seconds"]
        seconds[self._task] = round(seconds.get(self._task, 0.0) + time.monotonic() - self._since, 2)
        self._task, self._since = next_task, time.monotonic()

    def close(self) -> None:
        """Nothing is open."""
