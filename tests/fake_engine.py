"""An engine without a framework: it counts steps, and "finds" the boxes that :func:`true_box` puts on every image.

Its native config is YAML: ``steps``, ``noise`` (pixels the boxes are off), ``weight`` (bytes of a checkpoint) and what
shall go wrong: ``crash_at``,
``kill_at``, ``wait_at`` (until asked to stop), ``slow_from`` (steps take a while), ``hang_at`` (for ever, deaf to
all requests), ``data_error``, ``skill`` (hundredths of mAP50 it says it gains with each step; null says nothing),
``hopeless`` (one of less skill waits for a while to be asked to stop).
"""

import math
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bunri.engines.base import Job, Photos, ResolvedConfig, StopRequested, job_should_stop
from bunri.engines.predicting import Found, Photo, predict_job
from bunri.errors import ConfigError, DataError
from bunri.events import Emit, Facts, Note, PhaseStarted, Progress, Resumed, Scalars
from bunri.files import read_json, write_json
from bunri.io import load_dataset, write_predictions
from bunri.predictions import Predictions
from bunri.recipe import Recipe
from bunri.settings import nearest

TRICKS = {"fail": 201, "die": 202, "sleep": 203}
"""What the finder does on a photo whose first pixel has so much blue."""

KNOWN = (
    *("steps", "noise", "crash_at", "kill_at", "wait_at", "slow_from", "hang_at", "data_error", "weight"),
    *("skill", "hopeless", "tells_at"),
)


def true_box(image_id: int) -> tuple[float, float, float, float]:
    """Where the only object of an image lies."""
    return (
        float(image_id % 7 * 5),
        float(image_id % 5 * 4),
        float(image_id % 7 * 5 + 30),
        float(image_id % 5 * 4 + 25),
    )


class FakeEngine:
    """Behaves as an engine must."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        before = yaml.safe_load(config.read_text())
        for key in [*before, *overrides]:
            if key not in KNOWN:
                raise ConfigError(f"{config.name}: {key}: unknown key{nearest(key, KNOWN)}")
        return ResolvedConfig(yaml.safe_dump(before), yaml.safe_dump({**before, **overrides}))

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        return ["amp: the fake engine has no mixed precision"] if recipe.says("amp") and recipe.amp else []

    def train(self, job: Job, emit: Emit) -> None:
        values = yaml.safe_load(self.resolve(job.config, job.overrides).after)
        print("the framework talks a lot")  # noqa: T201
        if values.get("data_error"):
            raise DataError("photo 7 must be whole, but it breaks off. Copy it again.")
        emit(Facts({"weights": "none", "stages": "one"}))
        emit(Note("an info"))
        start = self._start(job, emit)
        emit(PhaseStarted("train", values["steps"], start))
        for step in range(start + 1, values["steps"] + 1):
            self._step(step, values, job, emit)

    def _start(self, job: Job, emit: Emit) -> int:
        last = job.folder.checkpoint_file("last")
        if not (job.resume and last.exists()):
            return 0
        step = int(read_json(last, "the checkpoint")["step"])
        emit(Resumed(step))
        return step

    def _step(self, step: int, values: Mapping[str, Any], job: Job, emit: Emit) -> None:
        first_time = not job.resume
        if step == values.get("tells_at"):  # as frameworks do that log in with a key and fail
            print(dict(os.environ))  # noqa: T201
            raise RuntimeError(f"no login with {os.environ['HF_TOKEN']} at https://me:{os.environ['HF_TOKEN']}@host/")
        if step == values.get("crash_at") and first_time:
            raise RuntimeError("CUDA out of patience")
        if step == values.get("wait_at") and first_time:
            _wait_for_stop()
        if step == values.get("hang_at") and first_time:
            time.sleep(3600)
        if step >= values.get("slow_from", math.inf) and first_time:
            time.sleep(0.5)
        emit(Progress(step))
        emit(Scalars(step, {"train/loss": 1.0 / step, "lr/base": 0.1}, step / 2))
        if step % 2 == 0:
            if (skill := values.get("skill", 1.0)) is not None:
                emit(Scalars(step, {"val/mAP50": skill * step / 100}, step / 2))
            _save(step, values, job)
            is_hopeless = skill is None or skill < values.get("hopeless", 0.0)
            if first_time and "hopeless" in values and is_hopeless and step == (6 if skill is None else 2):
                _wait_for_stop(15)
        if step == values.get("kill_at") and first_time:
            os.kill(os.getpid(), signal.SIGKILL)
        if job_should_stop():
            _save(step, values, job)
            raise StopRequested

    def predict(self, job: Job, emit: Emit) -> None:
        noise = float(yaml.safe_load(self.resolve(job.config, job.overrides).after).get("noise", 0.0))
        best = job.checkpoint or job.folder.checkpoint_file("best")
        read_json(best, "the checkpoint")
        if job.standby is not None:
            predict_job(job, lambda _: FakeFinder(noise), emit)
            return
        for name, photos in ({"val": job.val} | dict(job.predict)).items():
            if photos is not None:
                self._predict(photos, noise, job.folder.predictions_file(name), emit)

    def _predict(self, photos: Photos, noise: float, path: Path, emit: Emit) -> None:
        dataset = load_dataset(photos.annotations, photos.images)
        ids = dataset.images.id
        emit(PhaseStarted("predict", len(ids)))
        box = np.array([true_box(int(i)) for i in ids]).reshape(-1, 4)
        random = np.random.default_rng(len(ids))
        found = Predictions(
            image_id=ids,
            class_index=ids % len(dataset.class_names),
            score=random.uniform(0.3, 0.99, len(ids)),
            box_xyxy=box + noise * random.uniform(-1, 1, (len(ids), 1)),
            seen_image_id=ids,
        )
        write_predictions(found, path, dataset)


class FakeFinder:
    """Sees the box of the image whose id is the red of the first pixel; class by id, too. Blue plays tricks."""

    def __init__(self, noise: float) -> None:
        self._noise = noise

    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        return [self._found(photo) for photo in photos]

    def _found(self, photo: Photo) -> Found:
        red, _, blue = photo[0, 0].tolist()
        if blue == TRICKS["fail"]:
            raise RuntimeError("a photo I cannot bear")
        if blue == TRICKS["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if blue == TRICKS["sleep"]:
            time.sleep(60)
        box = np.array([true_box(red)]) + self._noise
        return Found(box, np.array([red % 3]), np.array([0.9]))


def _save(step: int, values: Mapping[str, Any], job: Job) -> None:
    content = {"step": step, "weights": "w" * values.get("weight", 0)}
    for which in ("last", "best"):
        write_json(job.folder.checkpoint_file(which), content)


def _wait_for_stop(seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not job_should_stop() and time.monotonic() < deadline:
        time.sleep(0.02)
