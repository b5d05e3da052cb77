"""The terminal: one bar per run, or one line per epoch where there is no terminal. All of it on stderr."""

import sys
from collections.abc import Mapping

from tqdm import tqdm

from bunri.events import Ended, Event, Note, PhaseStarted, Progress, Scalars, Writer
from bunri.writers.base import RecordedRun, say_to_stderr


def console_writer(run: RecordedRun) -> Writer:
    """A bar where stderr is a terminal, else lines."""
    return BarWriter(run) if sys.stderr.isatty() else LineWriter(run)


def say_beside_bars(text: str) -> None:
    """A sentence above the bars, so that they are not torn."""
    tqdm.write(text, file=sys.stderr)


class Numbers:
    """The latest numbers worth a place on the screen."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def update(self, values: Mapping[str, float]) -> None:
        """Take the loss, the largest learning rate and mAP50 from scalars."""
        rates = [value for name, value in values.items() if name.startswith("lr/")]
        if "train/loss" in values:
            self._shown["loss"] = f"{values['train/loss']:.3f}"
        if rates:
            self._shown["lr"] = f"{max(rates):.2g}"
        if "val/mAP50" in values:
            self._shown["mAP50"] = f"{values['val/mAP50']:.4f}"

    def __str__(self) -> str:
        return " ".join(f"{name} {self._shown[name]}" for name in ("loss", "lr", "mAP50") if name in self._shown)


class BarWriter:
    """One tqdm bar."""

    def __init__(self, run: RecordedRun) -> None:
        """Take the run's line on the screen."""
        self._label, self._numbers = run.label, Numbers()
        self._bar = tqdm(desc=run.label, position=run.slot, leave=False, file=sys.stderr, dynamic_ncols=True)

    def write(self, event: Event) -> None:
        """Move the bar."""
        if isinstance(event, PhaseStarted):
            self._begin(event)
        elif isinstance(event, Progress):
            self._bar.update(event.step - self._bar.n)
        elif isinstance(event, Scalars):
            self._numbers.update(event.values)
            self._bar.set_postfix_str(str(self._numbers), refresh=False)
        elif line := _sentence(event, self._label, self._numbers):
            say_beside_bars(line)

    def _begin(self, event: PhaseStarted) -> None:
        self._bar.set_description_str(f"{self._label} {event.phase}", refresh=False)
        self._bar.reset(event.total)
        self._bar.initial = event.step
        self._bar.update(event.step)
        self._bar.refresh()

    def close(self) -> None:
        """Give the line on the screen back."""
        self._bar.close()


class LineWriter:
    """One line for each epoch and each validation."""

    def __init__(self, run: RecordedRun) -> None:
        """Begin with the first epoch."""
        self._label, self._numbers, self._epoch = run.label, Numbers(), 0.0

    def write(self, event: Event) -> None:
        """Print a line where the event is worth one."""
        if isinstance(event, Scalars):
            self._numbers.update(event.values)
            if "val/mAP50" in event.values or event.epoch > self._epoch + 1.0:
                self._epoch = event.epoch
                say_to_stderr(f"{self._label}: epoch {event.epoch:.2f} step {event.step} {self._numbers}")
        elif line := _sentence(event, self._label, self._numbers):
            say_to_stderr(line)

    def close(self) -> None:
        """Nothing is open."""


def _sentence(event: Event, label: str, numbers: Numbers) -> str | None:
    if isinstance(event, Note) and event.level == "warning":
        return f"{label}: warning: {event.text}"
    if isinstance(event, Ended) and event.status == "stopped_early":
        return f"{label}: {event.message}"
    if isinstance(event, Ended):
        return f"{label}: {event.status} {numbers}".rstrip() if event.status != "failed" else f"{label}: failed"
    return None
