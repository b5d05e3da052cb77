"""From a run folder to a session: the model of the run, loaded, waiting for photos."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.engines.base import Job
from bunri.engines.exported.session import ExportedRun, ExportedSession
from bunri.engines.session import SECONDS, Session, WorkerSession
from bunri.files import read_json
from bunri.inference.models import classes_of_run
from bunri.io import write_coco
from bunri.run_folder import RunFolder


def open_session(run: RunFolder, threads: int | None = None, seconds: float = SECONDS) -> Session:
    """Load the best checkpoint of a run in its framework, or an export without it.

    Args:
        run: A run that is done; nothing in it is changed.
        threads: CPU threads of the framework; None takes those of the training: with others sums are in another order,
            and on a busy machine threads that wait for each other spend several times the processor time.
        seconds: How long the model may think about one request.

    Raises:
        BunriError: The model cannot be loaded; the message has the reason.
    """
    if isinstance(run, ExportedRun):
        return ExportedSession(run, threads)
    with tempfile.TemporaryDirectory(prefix="bunri-classes-") as folder:
        classes = Path(folder) / "classes.json"
        write_coco(classes_of_run(run), classes)
        job = _job(run, classes, threads)
        return WorkerSession(job, run.read_manifest().get("interpreter"), seconds)


def _job(run: RunFolder, classes: Path, threads: int | None) -> Job:
    trained = Job.validated(read_json(run.job_file, "the run's job"), str(run.job_file))
    changes: Mapping[str, Any] = {
        "config": run.native_config_file(trained.config.name).absolute(),
        "resolved": trained.resolved and run.path.absolute() / trained.resolved.name,
        "tasks": ("predict",),
        "train": None,
        "val": None,
        "predict": {},
        "standby": classes,
        "checkpoint": run.checkpoint_file("best").absolute(),
        "threads": threads or trained.threads,
    }
    return trained.model_copy(update=changes)
