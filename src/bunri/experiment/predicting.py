"""The verb ``predict``: a run, the runs of a model, or the ensemble of an experiment look at photos."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bunri.dataset import Dataset, Images
from bunri.engines.base import Job, Photos
from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.errors import DataError, UsageError
from bunri.events import Ended
from bunri.experiment.gathering import one_of_several
from bunri.experiment.photo_sets import no_annotations
from bunri.files import read_json, write_text
from bunri.io import read_predictions, write_coco
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder
from bunri.search import apply_recipe, read_recipe
from bunri.writers import RecordedRun, WritersSettings, open_writers


def runs_below(path: Path) -> list[RunFolder]:
    """The run of a run folder, or all runs of a model's or an experiment's folder that are done.

    Raises:
        UsageError: There is none.
    """
    found = [RunFolder(manifest.parent) for manifest in sorted(path.glob("**/manifest.json"))]
    done = [run for run in found if run.status == "done"]
    if not done:
        raise UsageError(
            f"{path} must be the folder of a run, a model or an experiment that has been trained, "
            f"but {len(found)} runs are in it and none is done. `bunri run EXPERIMENT --resume` ends what was begun."
        )
    return done


def classes_of_run(run: RunFolder) -> Dataset:
    """A data set without images that has the classes a run was trained on.

    Raises:
        DataError: The manifest does not say.
    """
    manifest = run.read_manifest()
    if not {"class_names", "category_ids"} <= manifest.keys():
        raise DataError(f"{run.manifest_file} must name the classes of the run, but does not. Train again.")
    none = np.empty(0, np.int64)
    images = Images(none, (), none, none)
    return Dataset(tuple(manifest["class_names"]), np.array(manifest["category_ids"]), images, no_annotations())


def predict(path: Path, photos: Dataset) -> Predictions:
    """What a run, the runs of a model, or the ensemble of an experiment find on photos.

    Raises:
        EngineError: A worker failed.
        UsageError: There is no trained run.
    """
    runs = runs_below(path)
    recipe = path / "ensemble" / "recipe.json"
    if not recipe.exists():
        models = {str(run.read_manifest()["model"]) for run in runs}
        name = models.pop() if len(models) == 1 else path.name
        return one_of_several(name, [_predict_run(run, photos) for run in runs])
    return _predict_ensemble(recipe, runs, photos)


def _predict_ensemble(recipe: Path, runs: Sequence[RunFolder], photos: Dataset) -> Predictions:
    found: dict[str, list[Predictions]] = {}
    for run in runs:
        found.setdefault(str(run.read_manifest()["model"]), []).append(_predict_run(run, photos))
    return apply_recipe(read_recipe(recipe), {name: one_of_several(name, parts) for name, parts in found.items()})


def _predict_run(run: RunFolder, photos: Dataset) -> Predictions:
    manifest = run.read_manifest()
    with tempfile.TemporaryDirectory(prefix="bunri-predict-") as name:
        folder = RunFolder(Path(name))
        write_coco(photos, folder.path / "photos.json")
        job = _job(run, folder, photos)
        write_text(folder.job_file, job.model_dump_json())
        _follow(job, folder, manifest, run)
        return read_predictions(folder.predictions_file("photos"), photos, str(manifest["model"]))


def _job(run: RunFolder, folder: RunFolder, photos: Dataset) -> Job:
    trained = Job.validated(read_json(run.job_file, "the run's job"), str(run.job_file))
    assert photos.image_folder is not None
    changes: Mapping[str, Any] = {
        "config": run.native_config_file(trained.config.name).absolute(),
        "run_folder": folder.path,
        "resolved": trained.resolved and run.path.absolute() / trained.resolved.name,
        "tasks": ("predict",),
        "train": None,
        "val": None,
        "predict": {"photos": Photos(annotations=folder.path / "photos.json", images=photos.image_folder.absolute())},
        "checkpoint": run.checkpoint_file("best").absolute(),
    }
    return trained.model_copy(update=changes)


def _follow(job: Job, folder: RunFolder, manifest: Mapping[str, Any], run: RunFolder) -> None:
    label = f"{manifest['model']} fold{manifest['fold']}"
    settings = WritersSettings(csv=False)
    writers = open_writers(settings, RecordedRun("predict", str(manifest["model"]), label, folder))
    interpreter = interpreter_of(job.engine, manifest.get("interpreter"))
    with Worker(folder.job_file, folder.log_file, interpreter, job.threads) as worker, ExitStack() as open_until_done:
        for writer in writers:
            open_until_done.callback(writer.close)
        for event in worker.events():
            for writer in writers:
                writer.write(event)
            if isinstance(event, Ended) and event.status != "done":
                raise error_of(event)
