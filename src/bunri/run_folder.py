"""A run folder: where everything of one training lies, and in what state it is.

``runs/<experiment>/<model>/fold<k>[/seed<s>]/`` holds ``manifest.json``, the native config byte for byte, the resolved
config, ``overrides.diff``, ``metrics.jsonl``, ``results.csv``, ``log.txt``, ``checkpoints/`` and ``predictions/``.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bunri.errors import DataError
from bunri.files import delete, read_json, write_json


class GitState(BaseModel):
    """Of the project a run was begun in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    commit: str
    dirty: bool


class Manifest(BaseModel):
    """Types of what others look up in a manifest, which may be a stranger's; none must be there, others may be."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    status: str = ""
    message: str = ""
    model: str = ""
    engine: str = ""
    interpreter: str | None = None
    fold: int | None = None
    seed: int | None = None
    started: str = ""
    ended: str | None = None
    class_names: list[str] = []
    category_ids: list[Annotated[int, Field(ge=-(2**63), lt=2**63)]] = []
    seconds: dict[str, float] = {}
    sha256: dict[str, str] = {}
    git: GitState | None = None
    versions: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    best: dict[str, Any] = {}
    nodes: list[Any] = []


@dataclass(frozen=True)
class RunFolder:
    """Paths and states of one run; it creates nothing but the manifest."""

    path: Path

    @property
    def manifest_file(self) -> Path:
        """Command, versions, git state, hash of the data, seed, status; no secrets."""
        return self.path / "manifest.json"

    def native_config_file(self, name: str) -> Path:
        """The user's native config, byte for byte and under its own name."""
        return self.path / "config" / name

    @property
    def job_file(self) -> Path:
        """What the engine's worker was asked to do."""
        return self.path / "job.json"

    def resolved_config_file(self, suffix: str = ".yaml") -> Path:
        """The native config with the overrides applied; its suffix is that of the framework's configs."""
        return self.path / f"resolved_config{suffix}"

    @property
    def overrides_file(self) -> Path:
        """The difference the overrides made, as a unified diff."""
        return self.path / "overrides.diff"

    @property
    def metrics_file(self) -> Path:
        """Every scalar, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def results_file(self) -> Path:
        """One CSV row for each validation."""
        return self.path / "results.csv"

    @property
    def tensorboard_folder(self) -> Path:
        """Event files of TensorBoard."""
        return self.path / "tensorboard"

    @property
    def wandb_folder(self) -> Path:
        """What W&B keeps of the run."""
        return self.path / "wandb"

    def remote_run_file(self, service: str) -> Path:
        """Which run of a tracking service this is, so that a continued run goes on there."""
        return self.path / f"{service}_run.json"

    @property
    def measured_file(self) -> Path:
        """What a worker measures, written before it is told: what its dead parent did not record is recorded later."""
        return self.path / "measured.jsonl"

    @property
    def lock_file(self) -> Path:
        """Held by whoever trains here, and by nobody after their death."""
        return self.path / ".lock"

    @property
    def native_folder(self) -> Path:
        """What the framework itself writes: the config as it ran, its own logs and checkpoints."""
        return self.path / "native"

    @property
    def log_file(self) -> Path:
        """What the framework printed."""
        return self.path / "log.txt"

    def checkpoint_file(self, which: str) -> Path:
        """The checkpoint ``best`` or ``last``."""
        return self.path / "checkpoints" / f"{which}.pt"

    def predictions_file(self, split: str) -> Path:
        """Predictions of the images ``val`` or ``test``."""
        return self.path / "predictions" / f"{split}.parquet"

    def view_file(self, split: str, view: str) -> Path:
        """Predictions of one test-time view of the images ``val`` or ``test``."""
        return self.path / "predictions" / "views" / f"{split}.{view}.parquet"

    def clear(self) -> None:
        """Delete what a former run left: its records, checkpoints and predictions, and nothing else.

        Raises:
            OutputError: The folder cannot be written.
        """
        files = (self.manifest_file, self.metrics_file, self.results_file, self.log_file, self.measured_file)
        for path in (*files, *self.path.glob("*_run.json")):
            delete(path)
        folders = (self.path / "checkpoints", self.path / "predictions", self.native_folder)
        for path in (*folders, self.tensorboard_folder, self.wandb_folder):
            shutil.rmtree(path, ignore_errors=True)

    def forget_measured(self) -> None:
        """What the worker measured is recorded.

        Raises:
            OutputError: The folder cannot be written.
        """
        delete(self.measured_file)

    def read_manifest(self, *needed: str) -> dict[str, Any]:
        """The manifest, or an empty one where the run has not begun.

        Args:
            needed: Keys that must be there.

        Raises:
            DataError: It is not as bunri writes it, or lacks a key.
        """
        values = read_json(self.manifest_file, "the manifest") if self.manifest_file.exists() else {}
        try:
            Manifest.model_validate(values)
        except (ValidationError, UnicodeEncodeError) as error:
            raise self._no_manifest(str(error).replace("\n", " ")) from None
        if missing := [key for key in needed if values.get(key) is None]:
            raise self._no_manifest(f"it does not say {', '.join(missing)}")
        return dict(values)

    def read_job(self) -> dict[str, Any]:
        """What the worker was told, or nothing where the run has not begun.

        Raises:
            DataError: It is no JSON object.
        """
        values = read_json(self.job_file, "the run's job") if self.job_file.is_file() else {}
        if not isinstance(values, dict):
            raise DataError(
                f"the run's job must be a JSON object, but {self.job_file} is a {type(values).__name__}. "
                "Begin the run anew with --overwrite."
            )
        return values

    def _no_manifest(self, reason: str) -> DataError:
        return DataError(
            f"a manifest must be as bunri writes it, but {self.manifest_file}: {reason}. Take a whole run, or train it."
        )

    def update_manifest(self, values: Mapping[str, Any]) -> None:
        """Add facts to the manifest."""
        write_json(self.manifest_file, {**self.read_manifest(), **values})

    @property
    def status(self) -> str:
        """``new``, ``running``, ``stopped``, ``stopped_early``, ``failed`` or ``done``."""
        return str(self.read_manifest().get("status", "new"))


def run_folder_of(root: Path, experiment: str, model: str, fold: int, seed: int | None = None) -> RunFolder:
    """The folder of a run: ``root/experiment/model/fold<k>``, with ``seed<s>`` below it where seeds are compared."""
    path = root / experiment / model / f"fold{fold}"
    return RunFolder(path if seed is None else path / f"seed{seed}")


def begun_runs(folder: Path, pattern: str = "**") -> list[RunFolder]:
    """The runs at or below a folder that have begun, sorted by path.

    Hidden folders are not looked into: a run that is being put to a store has a copy of itself in one.
    """
    found = sorted(folder.glob(f"{pattern}/manifest.json"))
    inside = [path.parent.relative_to(folder) for path in found]
    return [RunFolder(folder / path) for path in inside if not any(part.startswith(".") for part in path.parts)]
