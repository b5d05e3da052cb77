"""Of many runs, which are worth a closer look: told from each manifest, without the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bunri.run_folder import RunFolder
from bunri.watch.records import read_object
from bunri.watch.status import stamp_of

SHOWN = 300
"""Runs on the page: what a browser draws at every look without delay, and more than a person reads."""


@dataclass(frozen=True)
class Glance:
    """A run as its manifest has it.

    Attributes:
        label: Its place.
        folder: Of the run.
        status: Its status; ``broken`` where the manifest cannot be read.
        sign: When it last wrote, in seconds since 1970; 0 where it wrote nothing.
    """

    label: str
    folder: RunFolder
    status: str
    sign: float


class Glances:
    """Reads a manifest again only when the run has written."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, str]] = {}

    def at(self, label: str, folder: RunFolder) -> Glance:
        """How a run is; never raises."""
        stamp = stamp_of(folder)
        if folder.path not in self._known or self._known[folder.path][0] != stamp:
            self._known[folder.path] = (stamp, _status_of(folder))
        return Glance(label, folder, self._known[folder.path][1], max(at for at, _ in stamp))


def _status_of(folder: RunFolder) -> str:
    try:
        return str(read_object(folder.manifest_file).get("status", "new"))
    except (OSError, ValueError, RecursionError):
        return "broken"


def worth_a_look(glances: Sequence[Glance], at_most: int) -> tuple[Sequence[Glance], Sequence[Glance]]:
    """The runs to show, and the others: those that run come first, then those that wrote last."""
    ordered = sorted(glances, key=lambda glance: (glance.status != "running", -glance.sign, glance.label))
    return ordered[:at_most], ordered[at_most:]
