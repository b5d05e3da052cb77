"""What records the events of a run: one writer a file, one line in the table."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from bunri.events import Writer
from bunri.settings import Settings
from bunri.writers.background import Background
from bunri.writers.base import Guarded, RecordedRun, Say, say_to_stderr
from bunri.writers.custom import CustomWriterSettings, custom_class, open_custom
from bunri.writers.mlflow_writer import MLflowSettings, MLflowWriter, check_mlflow
from bunri.writers.tensorboard_writer import TensorBoardSettings, TensorBoardWriter, check_tensorboard
from bunri.writers.wandb_writer import WandbSettings, WandbWriter, check_wandb

__all__ = [
    "WRITERS",
    "Guarded",
    "RecordedRun",
    "Say",
    "WritersSettings",
    "check_writers",
    "open_writers",
    "say_to_stderr",
]


def _settings_of_switch(value: Any) -> Any:
    """``true`` stands for a writer's defaults, ``false`` leaves it out."""
    return {} if value is True else None if value is False else value


Switch = BeforeValidator(_settings_of_switch)


class WritersSettings(Settings):
    """Which writers record a run; a writer with settings of its own takes them here in place of ``true``."""

    console: bool = True
    """One bar per run in a terminal, one line per epoch elsewhere."""
    jsonl: Literal[True] = True
    """``metrics.jsonl``: always on, for the report reads it."""
    csv: bool = True
    """``results.csv``: one row for each validation."""
    tensorboard: Annotated[TensorBoardSettings | None, Switch] = None
    """Event files in the run folder."""
    wandb: Annotated[WandbSettings | None, Switch] = None
    """A run of Weights & Biases."""
    mlflow: Annotated[MLflowSettings | None, Switch] = None
    """A run of MLflow."""
    custom: tuple[CustomWriterSettings, ...] = ()
    """Classes of your own."""


def _console(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.console import console_writer

    return console_writer(run) if settings.console else None


def _jsonl(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.jsonl import JsonlWriter

    return JsonlWriter(run.folder.metrics_file)


def _csv(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    from bunri.writers.results_csv import CsvWriter

    return CsvWriter(run.folder.results_file, run.folder.metrics_file) if settings.csv else None


def _tensorboard(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    return Background(lambda: TensorBoardWriter(run)) if settings.tensorboard else None


def _wandb(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    chosen = settings.wandb
    return Background(lambda: WandbWriter(chosen, run)) if chosen else None


def _mlflow(settings: WritersSettings, run: RecordedRun) -> Writer | None:
    chosen = settings.mlflow
    return Background(lambda: MLflowWriter(chosen, run)) if chosen else None


WRITERS: Mapping[str, Callable[[WritersSettings, RecordedRun], Writer | None]] = {
    "console": _console,
    "jsonl": _jsonl,
    "csv": _csv,
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
"""Name of a writer and what opens it; None where the settings leave it out."""


def check_writers(settings: WritersSettings) -> None:
    """Look, before anything trains, whether all that the chosen writers need is there; nothing is opened.

    Raises:
        MissingPackageError: A package is missing; the message has the line that installs it.
        ConfigError: A class of the user's own is not there, or does not take its arguments.
        UsageError: A key is missing in the environment.
    """
    if settings.tensorboard:
        check_tensorboard(settings.tensorboard)
    if settings.wandb:
        check_wandb(settings.wandb)
    if settings.mlflow:
        check_mlflow(settings.mlflow)
    for custom in settings.custom:
        custom_class(custom)


OWN_RECORDS = ("jsonl", "csv")
"""Writers without which a run is not whole: where they fail, on a full disk, the run fails and can be resumed."""


def open_writers(settings: WritersSettings, run: RecordedRun, say: Say = say_to_stderr) -> list[Writer]:
    """The writers of a run, all but its own records guarded; slow backends behind threads of their own.

    Raises:
        UsageError: As :func:`check_writers`.
        OutputError: The run folder cannot be written.
    """
    check_writers(settings)
    opened = _opened(settings, run)
    return [writer if name in OWN_RECORDS else Guarded(writer, name, say) for name, writer in opened]


def _opened(settings: WritersSettings, run: RecordedRun) -> Iterator[tuple[str, Writer]]:
    for name, opener in WRITERS.items():
        writer = opener(settings, run)
        if writer is not None:
            yield name, writer
    for custom in settings.custom:
        yield custom.name, Background(partial(open_custom, custom, run))
