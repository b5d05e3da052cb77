"""What a worker measured and nobody recorded, because its parent was killed or its disk was full."""

from collections.abc import Sequence

from bunri.events import Event, Scalars, Writer, from_line
from bunri.run_folder import RunFolder
from bunri.writers.jsonl import read_metrics, record_of


def tell_unrecorded(folder: RunFolder, writers: Sequence[Writer]) -> None:
    """Tell the writers of a run that goes on what they have not heard; a line the worker did not finish is lost.

    Raises:
        DataError: A file of the run is not as bunri writes it.
        OutputError: The run folder cannot be written.
    """
    if not folder.measured_file.exists():
        return
    *lines, _unfinished = folder.measured_file.read_text(encoding="utf-8", errors="replace").split("\n")
    events = [from_line(line) for line in lines]
    for event in events[_recorded(folder, events) :]:
        for writer in writers:
            writer.write(event)
    folder.forget_measured()


def _recorded(folder: RunFolder, events: Sequence[Event]) -> int:
    """How many of the events have come to ``metrics.jsonl``: those up to its last record."""
    records = read_metrics(folder.metrics_file)
    last = {name: value for name, value in records[-1].items() if name != "time"} if records else None
    same = [n for n, event in enumerate(events, 1) if isinstance(event, Scalars) and record_of(event) == last]
    return same[-1] if same else 0
