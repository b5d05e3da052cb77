"""MLflow: parameters, curves, the manifest and the configs of a run, in a local database or on a server."""

import os
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import field_validator

from bunri.events import Ended, Event, Scalars
from bunri.settings import Settings
from bunri.writers.base import RecordedRun, need_packages
from bunri.writers.remote_run import RemoteRun

STATUS: Mapping[str, str] = {"done": "FINISHED", "stopped": "KILLED", "stopped_early": "KILLED", "failed": "FAILED"}
"""What MLflow calls the ways a run ends."""

LONGEST_VALUE = 500
"""Letters of a parameter that every store of MLflow takes."""

_one_at_a_time = threading.Lock()
"""A new database is laid out by the first run; others that start at once wait for it."""


class MLflowSettings(Settings):
    """Where MLflow keeps the runs; user and password of a server come from MLflow's variables in the environment."""

    tracking_uri: str | None = None
    """Of a server or database; null takes ``MLFLOW_TRACKING_URI``, or ``mlflow.db`` in the experiment's folder."""
    experiment: str | None = None
    """Its name in MLflow; null takes the experiment's own."""
    run_name: str | None = None
    """With ``{label}`` and ``{model}`` filled in; null takes the run's label, such as ``fcos fold0``."""
    tags: dict[str, str] = {}
    """Further tags of every run."""

    @field_validator("tracking_uri")
    @classmethod
    def _no_password(cls, uri: str | None) -> str | None:
        if uri is not None and urlsplit(uri).password is not None:
            raise ValueError("must have no password, which would be written to files; set MLFLOW_TRACKING_PASSWORD")
        return uri


def check_mlflow(settings: MLflowSettings) -> None:
    """Look whether the packages are there.

    Raises:
        MissingPackageError: One is not.
    """
    need_packages("mlflow", ("mlflow", "sqlalchemy", "alembic"))


class MLflowWriter:
    """A run of MLflow, the same one where a run goes on."""

    def __init__(self, settings: MLflowSettings, run: RecordedRun) -> None:
        """Open the store and begin or continue the run; may take a while."""
        self._recorded, self._remote = run, RemoteRun(run.folder, "mlflow")
        self._status = "KILLED"
        self._open(settings)

    def _open(self, settings: MLflowSettings) -> None:
        run = self._recorded
        local = (run.experiment_folder or run.folder.path).absolute()
        with _one_at_a_time:
            uri = settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{local / 'mlflow.db'}"
            self._client, self._metric = _client_of(uri)
            experiment = self._experiment(settings.experiment or run.experiment, local, uri)
        if self._remote.run_id is None:
            tags = {"mlflow.runName": run.named(settings.run_name), "model": run.model, **settings.tags}
            self._remote.began(self._client.create_run(experiment, tags=tags).info.run_id)
            self._tell_parameters()
        else:
            self._client.update_run(self._remote.run_id, status="RUNNING")

    def _experiment(self, name: str, folder: Path, uri: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        files = (folder / "mlflow_files").as_uri() if uri.startswith("sqlite:") else None
        return str(self._client.create_experiment(name, artifact_location=files))

    def _tell_parameters(self) -> None:
        for name, value in flattened({"recipe": self._recorded.recipe}).items():
            self._client.log_param(self._remote.run_id, accepted(name), str(value)[:LONGEST_VALUE])

    def write(self, event: Event) -> None:
        """Record scalars, and how the run ended."""
        if isinstance(event, Scalars) and self._remote.is_new(event):
            now = int(time.time() * 1000)
            values = {**event.values, "epoch": event.epoch}
            metrics = [self._metric(accepted(name), value, now, event.step) for name, value in values.items()]
            self._client.log_batch(self._remote.run_id, metrics=metrics)
            self._remote.told(event.step)
        elif isinstance(event, Ended):
            self._status = STATUS[event.status]

    def close(self) -> None:
        """Hand over manifest and configs, and end the run."""
        folder = self._recorded.folder
        for path in (folder.manifest_file, self._recorded.config_file(), folder.overrides_file):
            if path is not None and path.exists():
                self._client.log_artifact(self._remote.run_id, str(path))
        self._client.set_terminated(self._remote.run_id, self._status)


def _client_of(uri: str) -> tuple[Any, Any]:
    """A client of MLflow and its class of metrics; MLflow's words and its reports to its makers are turned off."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the versions of its database library
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        return MlflowClient(tracking_uri=uri), Metric


def accepted(name: str) -> str:
    """A name with ``_`` in place of what MLflow refuses in names.

    >>> accepted("val/AP50/Paper & pack")
    'val/AP50/Paper _ pack'
    """
    return "".join(letter if letter.isalnum() or letter in "_-./: " else "_" for letter in name)


def flattened(values: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots.

    >>> flattened({"optimizer": {"lr": 0.1}, "epochs": 3})
    {'optimizer.lr': 0.1, 'epochs': 3}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flattened(value, f"{start}{key}.") if isinstance(value, Mapping) and value else {f"{start}{key}": value}
    return flat
