"""What every engine is tried on: awkward data, a recipe that says everything, and workers that do it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bunri.boxes import area
from bunri.dataset import Annotations, Dataset, Images
from bunri.engines.base import ENGINES, CheckJob, Job, ModelToCheck
from bunri.engines.process import Worker, interpreter_of
from bunri.events import Ended, Event, Facts, Scalars
from bunri.files import read_json, write_text
from bunri.io import write_coco
from bunri.recipe import Recipe

NATIVE = Path(__file__).parent / "native"
"""One small native config for each engine, named after it."""

MISSPELT: Mapping[str, tuple[str, str]] = {
    "torchvision": ("arguments.min_sise", "min_size"),
    "effdet": ("image_sise", "image_size"),
    "ultralytics": ("imgs", "imgsz"),
    "mmdetection": ("model.backbone.dept", "depth"),
    "detectron2": ("DATALOADER.NUM_WOREKRS", "NUM_WORKERS"),
}
"""For each engine a key that does not exist, and the one that was meant."""

SAYS_ALL: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 2,
    "accumulate": 2,
    "validate_every": 1,
    "sampler": {"repeat_factor_threshold": 0.6},
    "optimizer": {"name": "torch.optim.NAdam", "lr": 0.0005, "arguments": {"weight_decay": 0.01}},
    "schedule": {"name": "cosine", "warmup_iterations": 2, "warmup_factor": 0.1},
    "clip_norm": 5.0,
    "ema": 0.5,
    "amp": True,
    "augment": [{"HorizontalFlip": {"p": 0.5}}, {"RandomBrightnessContrast": {"p": 0.5}}],
    "tta": {"views": [{}, {"turn": "hflip"}, {"turn": "rot90"}]},
    "score_floor": 0.002,
    "max_boxes": 50,
}
"""A recipe with a value for every field but ``iterations``, which excludes ``epochs``."""

SIZES = ((96, 64), (64, 96), (96, 64), (9, 7), (120, 40), (96, 64), (64, 64), (96, 64), (96, 64))
"""Width and height of the photos: upright, lying, tiny, long."""


def awkward_dataset(folder: Path, class_names: tuple[str, ...] = ("square", "bar")) -> Dataset:
    """Nine photos: ids and category ids with gaps, an empty one, a tiny one, boxes at the border, a crowd region."""
    random = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[int, int, list[float], bool]] = []
    for number, (width, height) in enumerate(SIZES):
        photo = random.integers(20, 60, (height, width, 3), dtype=np.uint8)
        if number != 5:  # photo 5 is empty
            class_index = number % len(class_names)
            box_width, box_height = ((18, 18), (36, 12))[class_index]
            box_width, box_height = min(box_width, width), min(box_height, height)
            x, y = (width - box_width, height - box_height) if number == 2 else (0, 0)  # at the border
            photo[y : y + box_height, x : x + box_width] = (230, 200, 40)
            rows.append((number, class_index, [x, y, x + box_width, y + box_height], False))
        Image.fromarray(photo).save(folder / f"{image_id_of(number)}.png")
    rows.append((7, 0, [40, 30, 90, 60], True))
    return _dataset(rows, folder, class_names)


def image_id_of(number: int) -> int:
    """Ids begin at 0 and have gaps."""
    return 1000 * number + (number > 2) * 7


def _dataset(rows: Sequence[tuple[int, int, list[float], bool]], folder: Path, class_names: tuple[str, ...]) -> Dataset:
    ids = [image_id_of(number) for number in range(len(SIZES))]
    box_xyxy = np.array([row[2] for row in rows], np.float64)
    boxes = Annotations(
        id=np.arange(len(rows)) * 5,
        image_id=np.array([ids[row[0]] for row in rows]),
        class_index=np.array([row[1] for row in rows]),
        box_xyxy=box_xyxy,
        area=area(box_xyxy),
        is_crowd=np.array([row[3] for row in rows]),
    )
    width, height = (np.array(sides) for sides in zip(*SIZES, strict=True))
    images = Images(np.array(ids), tuple(f"{i}.png" for i in ids), width, height)
    return Dataset(class_names, np.arange(len(class_names)) * 14 + 3, images, boxes, folder)


def native_config(engine: str) -> Path:
    """The small native config of an engine."""
    [path] = NATIVE.glob(f"{engine}.*")
    return path


def make_engine_job(engine: str, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], **changes: Any) -> Job:
    """A job that trains on a data set and validates on the same."""
    assert dataset.image_folder is not None
    write_coco(dataset, dataset.image_folder / "data.json")
    photos = {"annotations": dataset.image_folder / "data.json", "images": dataset.image_folder}
    values = {"engine": engine, "config": native_config(engine), "run_folder": folder / "run"}
    values |= {"train": photos, "val": photos, "recipe": dict(recipe), "device": "cpu", "trust": True}
    return Job.model_validate(values | changes)


@dataclass(frozen=True)
class Followed:
    """What a worker said, and where it worked."""

    job: Job
    events: list[Event]

    @property
    def ended(self) -> Ended:
        """Its last word."""
        assert isinstance(self.events[-1], Ended)
        return self.events[-1]

    @property
    def scalars(self) -> list[Scalars]:
        """All numbers."""
        return [event for event in self.events if isinstance(event, Scalars)]

    def values(self, name: str) -> list[tuple[int, float]]:
        """Step and value of a name."""
        return [(event.step, event.values[name]) for event in self.scalars if name in event.values]

    @property
    def facts(self) -> dict[str, Any]:
        """All facts."""
        return {key: value for event in self.events if isinstance(event, Facts) for key, value in event.values.items()}

    @property
    def log(self) -> str:
        """What the framework printed."""
        return self.job.folder.log_file.read_text(errors="replace")


def follow(job: Job, watch: Callable[[Event, Worker], None] | None = None) -> Followed:
    """Run a job in a worker of its engine; ``watch`` sees each event as it comes, and may stop or kill the worker."""
    write_text(job.folder.job_file, job.model_dump_json())
    events = []
    with Worker(job.folder.job_file, job.folder.log_file, interpreter_of(job.engine)) as worker:
        for event in worker.events():
            events.append(event)
            if watch is not None:
                watch(event, worker)
    return Followed(job, events)


def check(
    engine: str, folder: Path, recipe: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An engine's answer on its small config with a recipe and overrides, before anything trains."""
    model = ModelToCheck(
        name="model",
        config=native_config(engine),
        overrides=dict(overrides or {}),
        trust=True,
        recipe=Recipe.validated(recipe, "the test"),
    )
    job = CheckJob(engine=engine, models=(model,), answer=folder / "answer.json")
    write_text(folder / "job.json", job.model_dump_json())
    with Worker(folder / "job.json", folder / "log.txt", interpreter_of(engine)) as worker:
        *_, ended = worker.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (ended.message, (folder / "log.txt").read_text())
    return dict(read_json(job.answer, "the answer")["model"])


def refused_fields(answer: Mapping[str, Any]) -> list[str]:
    """The recipe's fields an engine refused."""
    found = [re.match(r"recipe\.(\w+)", mistake) for mistake in answer["mistakes"]]
    assert all(found), answer["mistakes"]
    return [match[1] for match in found if match]


def built_in_engines() -> list[str]:
    """The engines of the table."""
    return list(ENGINES)
