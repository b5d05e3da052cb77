"""Run by the Python that has MMDetection: measures what only it can, and prints it as JSON for the tests to judge."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset
from mmengine.logging import HistoryBuffer
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from bunri.dataset import Dataset
from bunri.engines.base import Job, StopRequested
from bunri.engines.feeding import LearningPhotos, places, repeat_factors
from bunri.engines.mmdetection import framework, model, weights
from bunri.engines.mmdetection.engine import MMDetectionEngine
from bunri.errors import BunriError
from bunri.events import Event, Note, Progress, Resumed, Scalars
from bunri.recipe import Recipe
from engine_jobs import awkward_dataset, make_engine_job

AUGMENT = [{"HorizontalFlip": {"p": 0.5}}, {"RandomBrightnessContrast": {"p": 0.5}}]


def run_photos(dataset: Dataset, **values: Any) -> Any:
    assert dataset.image_folder is not None
    pipeline = [{"type": "LoadAnnotations", "with_bbox": True}, {"type": "PackDetInputs"}]
    files = {"annotations": str(dataset.image_folder / "data.json"), "images": str(dataset.image_folder)}
    return DATASETS.build({"type": "RunPhotos", "pipeline": pipeline, **files, **values})


def samples(folder: Path) -> dict[str, Any]:
    """Photos and boxes as the network gets them, against ours; the order; another framework's repeats."""
    dataset = awkward_dataset(folder / "photos")
    make_engine_job("mmdetection", folder, dataset, {})  # writes its file
    recipe = Recipe.validated({"augment": AUGMENT, "sampler": {"repeat_factor_threshold": 0.6}}, "the scene")
    ours = LearningPhotos(dataset, recipe)
    loader_config = {
        "dataset": {"type": "PlacedPhotos", "dataset": run_photos(dataset, augment=AUGMENT)},
        "sampler": {"type": "PlacesSampler", "repeat_factor_threshold": 0.6},
        "batch_size": 2,
        "num_workers": 0,
    }
    loader = Runner.build_dataloader(loader_config, seed=5)
    sampler = loader.sampler
    sampler.first, sampler.last = 4, 10
    mine = list(islice(places(repeat_factors(dataset, recipe), 5), 4, 10))
    batches = list(loader)
    inputs = [image for batch in batches for image in batch["inputs"]]
    truth = [sample.gt_instances for batch in batches for sample in batch["data_samples"]]
    photos = [ours[place] for place in mine]
    balanced = ClassBalancedDataset(run_photos(dataset), 0.6)
    return {
        "same_photos": [
            bool(np.array_equal(image.numpy().transpose(1, 2, 0)[:, :, ::-1], photo))
            for image, (photo, _, _) in zip(inputs, photos, strict=True)
        ],
        "same_boxes": [
            bool(np.allclose(t.bboxes.tensor.numpy(), boxes)) and t.labels.tolist() == labels.tolist()
            for t, (_, boxes, labels) in zip(truth, photos, strict=True)
        ],
        "repeats": [float(f) for f in balanced._get_repeat_factors(balanced.dataset, 0.6)],
        "factors": repeat_factors(dataset, recipe).tolist(),
        "length": len(run_photos(dataset)),
    }


def classes(folder: Path) -> dict[str, Any]:
    """Numbers of classes in the models of three families."""
    counted = {}
    for name in ("cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py", "dino/dino-4scale_r50_8xb2-12e_coco.py"):
        native = Config.fromfile(str(framework.shipped_configs() / name)).to_dict()["model"]
        counted[name.split("/")[0]] = json.dumps(model.for_boxes(native, 7))
    head = {"type": "StandardRoIHead", "bbox_head": {"type": "Shared2FCBBoxHead"}}
    forgotten = {"type": "FasterRCNN", "rpn_head": {"type": "RPNHead"}, "roi_head": head}
    counted["forgotten"] = json.dumps(model.for_boxes(forgotten, 7))
    return counted


def opened(folder: Path) -> dict[str, Any]:
    rcnn = {"score_thr": 0.05, "max_per_img": 20, "nms": {"type": "nms", "iou_threshold": 0.5}}
    values = {"type": "FasterRCNN", "test_cfg": {"rpn": {"max_per_img": 9}, "rcnn": rcnn}}
    return dict(model.with_floor(values, Recipe(score_floor=0.002, max_boxes=50))["test_cfg"])


def _said(source: dict[str, Any]) -> str:
    try:
        weights.check(source)
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


def files_of_weights(folder: Path) -> dict[str, str]:
    """What is said of each kind of file, and of what cannot be downloaded."""
    state = {"a": torch.zeros(2)}
    history = HistoryBuffer(np.ones(3), np.ones(3, np.int64))
    contents = {"own.pth": state, "zoo.pth": {"state_dict": state, "message_hub": {"loss": history}}}
    contents["code.pth"] = {"state_dict": state, "hook": os.getcwd}
    for name, content in contents.items():
        torch.save(content, folder / name)
    (folder / "broken.pth").write_bytes(b"no weights")
    said = {name: _said({"load_from": str(folder / name)}) for name in (*contents, "broken.pth", "absent.pth")}
    pretrained = {"init_cfg": {"type": "Pretrained", "checkpoint": "http://127.0.0.1:9/weights.pth"}}
    return said | {"address": _said({"model": {"backbone": pretrained}})}


def timm(folder: Path) -> dict[str, Any]:
    """A small timm backbone: shapes, what learns, what its norms do while training."""
    from bunri.engines.mmdetection.timm_features import TimmFeatures

    backbone = TimmFeatures("test_resnet", out_indices=(2, 3), frozen_stages=2)
    shapes = [list(feature.shape) for feature in backbone(torch.zeros(1, 3, 64, 96))]
    norms = [m.training for m in backbone.train().modules() if isinstance(m, torch.nn.BatchNorm2d)]
    learns = {name: parameter.requires_grad for name, parameter in backbone.body.named_parameters()}
    folded = TimmFeatures("test_resnet", out_indices=(2, 3), fold_norms=True)
    names = {".".join(name.split(".")[:1]): learning for name, learning in learns.items()}
    live = [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    return {
        "shapes": shapes,
        "channels": backbone.out_channels,
        "norms": any(norms),
        "learns": names,
        "folded": len(live),
    }


def _train(job: Job, stop_after: int | None = None) -> list[Event]:
    from bunri.engines.mmdetection import hook  # once MMDetection is loaded

    events: list[Event] = []

    def enough() -> bool:
        return stop_after is not None and sum(isinstance(event, Progress) for event in events) >= stop_after

    with patch.object(hook, "agreed_to_stop", enough), patch.object(hook, "LOG_EVERY", 1):
        try:
            MMDetectionEngine().train(job, events.append)
        except StopRequested:
            events.append(Note("stopped"))
    return events


def _losses(events: list[Event]) -> dict[str, float]:
    return {
        f"{event.step} {name}": value
        for event in events
        if isinstance(event, Scalars)
        for name, value in event.values.items()
        if name.startswith(("train/", "val/"))
    }


def broken_off(folder: Path, by_iteration: bool) -> dict[str, Any]:
    """A training that was stopped within an epoch, and one that was not."""
    dataset = awkward_dataset(folder / "photos")
    recipe = {"iterations": 4, "batch_size": 2, "accumulate": 2, "ema": 0.5, "augment": AUGMENT}
    overrides = {"train_cfg": {"_delete_": True, "by_epoch": False, "max_iters": 8}} if by_iteration else {}
    whole = _train(
        make_engine_job("mmdetection", folder, dataset, recipe, run_folder=folder / "whole", overrides=overrides)
    )
    job = make_engine_job("mmdetection", folder, dataset, recipe, run_folder=folder / "parts", overrides=overrides)
    first = _train(job, stop_after=1)
    second = _train(job.model_copy(update={"resume": True}))
    kept = [
        torch.load(folder / name / "checkpoints" / "best.pt", weights_only=True)["state_dict"]
        for name in ("whole", "parts")
    ]
    return {
        "whole": _losses(whole),
        "parts": _losses(first) | _losses(second),
        "resumed": [event.step for event in second if isinstance(event, Resumed)],
        "same_weights": all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0]),
        "box_ids": [
            box["id"] for box in json.loads((folder / "whole" / "native" / "val.json").read_text())["annotations"]
        ],
        "native": sorted(path.name for path in (folder / "whole" / "native").iterdir() if path.is_file()),
    }


SCENES: Mapping[str, Callable[[Path], Any]] = {
    "samples": samples,
    "classes": classes,
    "opened": opened,
    "files": files_of_weights,
    "timm": timm,
    "epochs": partial(broken_off, by_iteration=False),
    "iterations": partial(broken_off, by_iteration=True),
}


def main(folder: Path) -> None:
    framework.load()
    measured = {}
    for name, scene in SCENES.items():
        place = folder / name
        place.mkdir()
        measured[name] = scene(place)
    (folder / "measured.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
