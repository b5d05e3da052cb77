"""What records the events of a run: one writer a file, one line in the table."""

from collections.abc import Callable, Mapping
from typing import Literal

from bunri.events import Writer
from bunri.settings import Settings
from bunri.writers.base import Guarded, RecordedRun, Say, say_to_stderr

__all__ = ["WRITERS", "Guarded", "RecordedRun", "Say", "WritersSettings", "open_writers", "say_to_stderr"]


class WritersSettings(Settings):
    """Which writers record a run; a writer with settings of its own takes them here in place of ``true``."""

    console: bool = True
    """One bar per run in a terminal, one line per epoch elsewhere."""
    jsonl: Literal[True] = True
    """``metrics.jsonl``: always on, for the report reads it."""
    csv: bool = True
    """``results.csv``: one row for each validation."""


def _console(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.console import console_writer

    return console_writer(run) if settings.console else None


def _jsonl(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.jsonl import JsonlWriter

    return JsonlWriter(run.folder.metrics_file)


def _csv(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.results_csv import CsvWriter

    return CsvWriter(run.folder.results_file) if settings.csv else None


WRITERS: Mapping[str, Callable[[WritersSettings, RecordedRun], Writer | None]] = {
    "console": _console,
    "jsonl": _jsonl,
    "csv": _csv,
}
"""Name of a writer and what opens it; None where the settings leave it out."""


def open_writers(settings: WritersSettings, run: RecordedRun, say: Say = say_to_stderr) -> list[Guarded]:
    """The writers of a run, each guarded. A missing backend fails here, before anything trains."""
    opened = ((name, opener(settings, run)) for name, opener in WRITERS.items())
    return [Guarded(writer, name, say) for name, writer in opened if writer is not None]
