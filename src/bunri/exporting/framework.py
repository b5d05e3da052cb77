"""The framework's part of an export, in its own process: it writes the networks, and predicts a few photos itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bunri.dataset import Dataset
from bunri.engines.base import ExportWish, Job, Photos
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.events import Ended, Facts
from bunri.files import read_json, write_text
from bunri.io import read_predictions, write_coco
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder
from bunri.shards import absolute_folder


@dataclass(frozen=True)
class FrameworkPart:
    """What came from the framework.

    Attributes:
        networks: Written to the folder that was asked for.
        seen: What the framework finds on the photos it was given; None where there were none.
        versions: Packages it has, by name.
    """

    networks: ExportedNetworks
    seen: Predictions | None
    versions: Mapping[str, str]


def trained_job(run: RunFolder) -> Job:
    """What the run was told when it was trained."""
    return Job.validated(read_json(run.job_file, "the run's job"), str(run.job_file))


def export_networks(
    run: RunFolder, folder: Path, format_: Literal["onnx", "torchscript"], photos: Dataset | None
) -> FrameworkPart:
    """Let the framework write the networks of a run's best checkpoint to a folder, and predict some photos.

    Raises:
        ConfigError: The model cannot be exported; the message says why and what to do.
        BunriError: The framework failed.
    """
    manifest = run.read_manifest()
    work = RunFolder(folder / "work")
    job = _job(run, work, ExportWish(format=format_, folder=folder), photos)
    write_text(work.job_file, job.model_dump_json())
    interpreter = interpreter_of(job.engine, manifest.get("interpreter"))
    with Worker(work.job_file, work.log_file, interpreter, job.threads) as worker:
        versions = _follow(worker)
    found = folder / "export.json"
    networks = ExportedNetworks.validated(read_json(found, "what the engine exported"), str(found))
    seen = read_predictions(work.predictions_file("check"), photos) if photos is not None else None
    return FrameworkPart(networks, seen, versions)


def _job(run: RunFolder, work: RunFolder, wish: ExportWish, photos: Dataset | None) -> Job:
    trained = trained_job(run)
    changes: dict[str, Any] = {
        "config": run.native_config_file(trained.config.name).absolute(),
        "run_folder": work.path,
        "resolved": trained.resolved and run.path.absolute() / trained.resolved.name,
        "tasks": ("export", "predict") if photos is not None else ("export",),
        "train": None,
        "val": None,
        "predict": {},
        "export": wish.model_copy(update={"class_names": tuple(run.read_manifest("class_names")["class_names"])}),
        "checkpoint": run.checkpoint_file("best").absolute(),
        "device": "cpu",
    }
    if photos is not None:
        assert photos.image_folder is not None
        write_coco(photos, work.path / "photos.json")
        seen = Photos(annotations=work.path / "photos.json", images=absolute_folder(photos.image_folder))
        changes["predict"] = {"check": seen}
    return trained.model_copy(update=changes)


def _follow(worker: Worker) -> dict[str, str]:
    """The versions it tells, when it is done."""
    facts: dict[str, Any] = {}
    for event in worker.events():
        if isinstance(event, Facts):
            facts |= event.values
        if isinstance(event, Ended) and event.status != "done":
            raise error_of(event)
    return {key.removeprefix("version/"): str(value) for key, value in facts.items() if key.startswith("version/")}
