"""The verb ``reproduce``: train a run again from what its folder says, and compare what both predict."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bunri.config import DataSettings, EngineSettings, Experiment, ModelSettings
from bunri.dataset import Dataset
from bunri.engines.base import Job, Photos
from bunri.engines.process import error_of
from bunri.errors import DataError, UsageError
from bunri.evaluate import evaluate
from bunri.experiment.arms import Arms
from bunri.experiment.crew import LocalCrew
from bunri.experiment.plan import PlannedRun, hashes_of
from bunri.experiment.provenance import provenance
from bunri.experiment.runs import PreparedRun
from bunri.files import read_bytes, read_json
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder

COLUMNS = ("image_id", "class_index", "score", "box_xyxy", "seen_image_id")


@dataclass(frozen=True)
class PredictionsTwice:
    """The predictions of one set of images by a run and by its reproduction.

    Attributes:
        identical: Every number of every box is the same, bit by bit.
        boxes: Number of boxes, of the run and of its reproduction.
        mAP50: Of both, where the images have a truth.
    """

    identical: bool
    boxes: tuple[int, int]
    mAP50: tuple[float, float] | None

    @property
    def distance(self) -> float:
        """How far apart the mAP50 of both are; 0 where all is identical, infinite where it is not and none is known."""
        if self.identical:
            return 0.0
        return float("inf") if self.mAP50 is None else abs(self.mAP50[0] - self.mAP50[1])


@dataclass(frozen=True)
class Reproduction:
    """What came out when a run was trained again.

    Attributes:
        run: Folder of the run.
        again: Folder of its reproduction.
        predictions: By the name of the set of images, such as ``val`` and ``test``.
    """

    run: Path
    again: Path
    predictions: Mapping[str, PredictionsTwice]

    @property
    def identical(self) -> bool:
        """Whether all predictions are the same, bit by bit."""
        return all(twice.identical for twice in self.predictions.values())

    def within(self, tolerance: float) -> bool:
        """Whether all are identical, or, where a truth tells, no further apart in mAP50 than ``tolerance``."""
        told = [twice for twice in self.predictions.values() if twice.mAP50 is not None or twice.identical]
        return self.identical or (tolerance > 0 and all(twice.distance <= tolerance for twice in told))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        sets = {name: asdict(twice) for name, twice in self.predictions.items()}
        return {"run": str(self.run), "again": str(self.again), "identical": self.identical, "predictions": sets}


def reproduce(run: Path, out: Path) -> Reproduction:
    """Train a finished run once more, with its config, recipe, seed, threads and data, into another folder.

    Args:
        run: Folder of one run, such as ``runs/trash/fcos/fold0``.
        out: Folder of the reproduction; new or empty.

    Raises:
        UsageError: ``run`` is not a finished run, or ``out`` holds something.
        DataError: Its data is gone, or is no longer what it was trained on.
        EngineError: The training failed.
    """
    original = _finished(run)
    if out.exists() and (not out.is_dir() or any(path.is_file() and path.name != ".lock" for path in out.rglob("*"))):
        raise UsageError(f"{out} must be new or empty, so that nothing is lost. Choose another folder with --out.")
    job = Job.validated(read_json(original.job_file, "the run's job"), str(original.job_file))
    manifest = original.read_manifest("model", "fold", "class_names", "category_ids")
    settings = _settings(original, job, manifest, out.absolute())
    prepared = _prepared(original, job, settings, manifest)
    _check_hashes(manifest, prepared)
    facts = provenance(Path.cwd()) | {key: manifest[key] for key in ("class_names", "category_ids")}
    (ended,) = LocalCrew(settings, facts | {"reproduces": str(original.path.absolute())}).run(
        [prepared], Arms(settings, ())
    )
    if ended.status != "done":
        raise error_of(replace(ended, message=f"{ended.message}\n  its log: {prepared.run.folder.log_file}"))
    return compare_runs(original, prepared.run.folder, _photos(job))


def _finished(path: Path) -> RunFolder:
    run = RunFolder(path)
    if run.status != "done":
        raise UsageError(
            f"{path} must be the folder of one finished run, such as runs/trash/fcos/fold0, "
            f"but {'its status is ' + run.status if run.manifest_file.exists() else 'it has no manifest.json'}."
        )
    return run


def _settings(run: RunFolder, job: Job, manifest: Mapping[str, Any], out: Path) -> Experiment:
    """An experiment of nothing but this run."""
    assert job.train is not None
    model = ModelSettings(
        name=str(manifest["model"]),
        engine=job.engine,
        config=run.native_config_file(job.config.name).absolute(),
        set=job.overrides,
        recipe=job.recipe,
    )
    return Experiment(
        name="reproduction",
        data=DataSettings(annotations=job.train.annotations),
        models=(model,),
        threads=job.threads,
        device=job.device,
        engines={job.engine: EngineSettings(interpreter=manifest.get("interpreter"))},
        ensemble=None,
        runs=out,
    )


def _prepared(run: RunFolder, job: Job, settings: Experiment, manifest: Mapping[str, Any]) -> PreparedRun:
    folder = RunFolder(settings.runs)
    resolved = _resolved(run, job)
    (model,) = settings.models
    planned = PlannedRun(model, int(manifest["fold"]), job.seed, folder, f"{model.name} again")
    changes = {
        "config": folder.native_config_file(job.config.name),
        "run_folder": folder.path,
        "resolved": folder.resolved_config_file(resolved.suffix),
        "resume": False,
    }
    diff = read_bytes(run.overrides_file, "the run's overrides").decode()
    text = read_bytes(resolved, "the run's resolved config").decode()
    return PreparedRun(planned, job.model_copy(update=changes), text, diff)


def _resolved(run: RunFolder, job: Job) -> Path:
    """The resolved config lies in the run folder, also where that has been moved since."""
    if job.resolved is None:
        raise UsageError(f"{run.path} must name its resolved config in job.json, but does not. Train it anew.")
    return run.path / job.resolved.name


def _photos(job: Job) -> dict[str, Photos]:
    return ({"val": job.val} if job.val is not None else {}) | job.predict


def _check_hashes(manifest: Mapping[str, Any], prepared: PreparedRun) -> None:
    """Refuse to call it a reproduction where it would learn from something else."""
    try:
        now = hashes_of(prepared.run, prepared.job)
    except OSError as error:
        raise DataError(f"a run is reproduced from its own data, but {error.filename}: {error.strerror}") from error
    before = manifest.get("sha256", {})
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        raise DataError(
            f"a run is reproduced from its own files, but since it was trained {', '.join(sorted(changed))} changed "
            "(SHA-256 in its manifest.json). Bring the old files back, or train the new ones with `bunri run`."
        )


def compare_runs(run: RunFolder, again: RunFolder, photos: Mapping[str, Photos]) -> Reproduction:
    """Compare what two finished runs predicted on the same images."""
    sets = {name: _twice(name, run, again, load_dataset(part.annotations)) for name, part in photos.items()}
    return Reproduction(run.path, again.path, sets)


def _twice(name: str, run: RunFolder, again: RunFolder, images: Dataset) -> PredictionsTwice:
    first, second = (read_predictions(one.predictions_file(name), images) for one in (run, again))
    scores = (evaluate(first, images).mAP50, evaluate(second, images).mAP50) if len(images.annotations) else None
    return PredictionsTwice(_same(first, second), (len(first), len(second)), scores)


def _same(first: Predictions, second: Predictions) -> bool:
    return all(np.array_equal(getattr(first, column), getattr(second, column)) for column in COLUMNS)
