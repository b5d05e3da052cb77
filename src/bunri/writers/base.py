"""What writers share: whose run they record, and a guard that keeps a failing one from hurting it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from yaml import YAMLError

from bunri.errors import MissingPackageError
from bunri.events import Event, Writer
from bunri.run_folder import RunFolder
from bunri.settings import parse_yaml

Say = Callable[[str], None]
"""Shows a sentence to people."""


def say_to_stderr(text: str) -> None:
    """Words go to stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place where words leave


@dataclass(frozen=True)
class RecordedRun:
    """Whose events a writer gets.

    Attributes:
        experiment: Name of the experiment.
        model: Name of the model in it.
        label: Short name of the run, such as ``fcos fold0``.
        folder: Where its files lie.
        slot: Which of the runs going on at once it is, from 0: its line on the screen.
        experiment_folder: Where the files of the whole experiment lie; the run's own folder where there is none.
        recipe: How it is trained, as plain values.
        val: COCO JSON of the held-out images and the folder of their photos, where there are such images.
    """

    experiment: str
    model: str
    label: str
    folder: RunFolder
    slot: int = 0
    experiment_folder: Path | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    val: tuple[Path, Path] | None = None

    def named(self, pattern: str | None) -> str:
        """The name of the run with a service: ``{label}`` and ``{model}`` of a pattern filled in, or the label.

        >>> RecordedRun("trash", "fcos", "fcos fold0", RunFolder(Path("runs"))).named("night {model}")
        'night fcos'
        """
        return (pattern or "{label}").replace("{label}", self.label).replace("{model}", self.model)

    def config_file(self) -> Path | None:
        """The native config with the overrides, where the run has one."""
        return next(iter(sorted(self.folder.path.glob("resolved_config.*"))), None)

    def native_config(self) -> Any:
        """The native config with the overrides: its keys where it is YAML, else its text; null where there is none."""
        path = self.config_file()
        if path is None:
            return None
        text = path.read_text(encoding="utf-8")
        try:
            values = parse_yaml(text)
        except YAMLError:  # such as a config in Python
            return text
        return values if isinstance(values, dict) else text


class Guarded:
    """A writer that never hurts the run: it says once that it failed, and steps aside."""

    def __init__(self, writer: Writer, name: str, say: Say = say_to_stderr) -> None:
        """Guard ``writer``; a failure is told to ``say`` under its name."""
        self._writer: Writer | None = writer
        self._name, self._say = name, say

    def write(self, event: Event) -> None:
        """Hand on the event, unless the writer failed before."""
        if self._writer is not None:
            self._guard(self._writer, lambda writer: writer.write(event))

    def close(self) -> None:
        """Close the writer, unless it failed before."""
        if self._writer is not None:
            self._guard(self._writer, lambda writer: writer.close())

    def _guard(self, writer: Writer, action: Callable[[Writer], None]) -> None:
        try:
            action(writer)
        except Exception as error:  # a backend may fail in any way of its own
            self._writer = None
            self._say(f"warning: the {self._name} writer failed and steps aside; the run goes on: {error}")


def need_packages(writer: str, modules: Sequence[str]) -> None:
    """Look whether the modules of a writer's backend are installed, without loading them.

    Raises:
        MissingPackageError: One is not; the message has the line that installs it.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingPackageError(
            f"writers.{writer}: needs {', '.join(missing)}, which is not installed. "
            f"Install it with `pip install 'bunri[{writer}]'`, or leave the writer out."
        )
