"""Run by the Python that has Detectron2: measures what only it can, and prints it as JSON for the tests to judge."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.config import LazyCall, instantiate
from detectron2.data import DatasetCatalog, MetadataCatalog, transforms
from detectron2.data.common import AspectRatioGroupedDataset
from detectron2.data.samplers import RepeatFactorTrainingSampler
from detectron2.solver import LRMultiplier
from PIL import Image

from bunri.dataset import Dataset
from bunri.engines.detectron2 import config
from bunri.engines.detectron2.backbones import TimmBackbone
from bunri.engines.detectron2.inference import Preparation, found_in
from bunri.engines.detectron2.loading import AugmentedPhotos, MappedPhotos, batches_by_shape, wide
from bunri.engines.detectron2.native import VAL, open_floor
from bunri.engines.detectron2.records import records_to_judge, records_to_learn, register
from bunri.engines.detectron2.run import Run
from bunri.engines.detectron2.solving import RecipeSchedule, clipper
from bunri.engines.detectron2.weights import load_weights
from bunri.engines.feeding import LearningPhotos, places, repeat_factors
from bunri.errors import BunriError
from bunri.events import Event
from bunri.optim import ScheduleSettings
from bunri.photos import read_photo
from bunri.recipe import Recipe
from bunri.sampling import image_repeat_factors
from engine_jobs import awkward_dataset, make_engine_job, native_config


def model(**overrides: Any) -> Any:
    _, native = config.read(native_config("detectron2"), {"MODEL.DEVICE": "cpu", **overrides})
    return native.build_model()


def weights(folder: Path) -> dict[str, str]:
    """What is said of each kind of file."""
    target = model()
    state = {name: tensor.numpy() for name, tensor in target.state_dict().items()}
    bottom = "backbone.bottom_up."
    contents: dict[str, Callable[[Any], None]] = {
        "zoo.pkl": lambda file: pickle.dump({"model": state, "__author__": "a zoo"}, file),
        "caffe.pkl": lambda file: pickle.dump(
            {name.removeprefix(bottom): array for name, array in state.items() if name.startswith(bottom)}, file
        ),
        "code.pkl": lambda file: pickle.dump({"model": {"x": os.getcwd}, "__author__": "a stranger"}, file),
        "own.pth": lambda file: torch.save({"model": target.state_dict()}, file),
        "foreign.pth": lambda file: torch.save({"model": {"x": torch.zeros(3)}}, file),
        "broken.pth": lambda file: file.write(b"no weights"),
    }
    said = {"": load_weights(target, "")}
    for name, write in contents.items():
        with (folder / name).open("wb") as file:
            write(file)
        said[name] = _said(partial(load_weights, target, str(folder / name)))
    said["absent.pth"] = _said(lambda: load_weights(target, str(folder / "absent.pth")))
    said["address"] = _said(lambda: load_weights(target, "https://weights.invalid/model.pth"))
    return said


def _said(work: Callable[[], str]) -> str:
    try:
        return work()
    except BunriError as error:
        return f"{type(error).__name__}: {error}"


def order(dataset: Dataset) -> dict[str, Any]:
    """Our batches by shape and our repeat factors beside Detectron2's own."""
    factors = image_repeat_factors(dataset, 0.6)
    recipe = Recipe(batch_size=2)
    ours = [list(batch) for batch in batches_by_shape(factors, wide(dataset), recipe, 5, 3, 12)]
    records = records_to_learn(dataset)
    stream = (
        {"width": records[row]["width"], "height": records[row]["height"], "place": [row, seed]}
        for row, seed in places(factors, 5)
    )
    theirs = [[record["place"] for record in batch] for batch in islice(AspectRatioGroupedDataset(stream, 2), 3, 15)]
    repeats = RepeatFactorTrainingSampler.repeat_factors_from_category_frequency(records, 0.6)
    return {"ours": ours, "theirs": theirs, "factors": factors.tolist(), "repeats": repeats.tolist()}


def schedule() -> dict[str, list[float]]:
    """Rates of two groups under Detectron2's multiplier with our schedule."""
    settings = ScheduleSettings(warmup_iterations=3, warmup_factor=0.1)
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.02)]
    optimizer = torch.optim.SGD(groups)
    multiplier = LRMultiplier(optimizer, RecipeSchedule(settings, 10), 10)
    rates: dict[str, list[float]] = {"0.1": [], "0.02": []}
    for _ in range(10):
        for name, group in zip(rates, optimizer.param_groups, strict=True):
            rates[name].append(group["lr"])
        optimizer.step()
        multiplier.step()
    return rates | {"expected": [settings.factor(step, 10) for step in range(10)]}


def clipped() -> list[float]:
    """Two parameters after a step of rate 1 along gradients (3, 0) and (0, 4), clipped together to norm 1."""
    one, two = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    optimizer = torch.optim.SGD([one, two], lr=1.0)
    optimizer.register_step_pre_hook(clipper(1.0))
    one.grad, two.grad = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    optimizer.step()
    return [*one.tolist(), *two.tolist()]


def photos(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Places by Detectron2's mapper and by the recipe's empty pipeline; a photo of several sizes and two formats."""
    _, native = config.read(native_config("detectron2"), {})
    records, mapper = records_to_learn(dataset), native.mapper(training=True)
    mapper.augmentations.augs = [a for a in mapper.augmentations.augs if isinstance(a, transforms.ResizeShortestEdge)]
    mapped = [MappedPhotos(records, mapper)((row, 7)) for row in range(len(dataset))]
    augmented = AugmentedPhotos(records, LearningPhotos(dataset, Recipe()), mapper)
    own = [augmented((row, 7)) for row in range(len(dataset))]
    prepare, photo = Preparation(native), read_photo(dataset.path_of(0))
    bgr = Preparation(config.read(native_config("detectron2"), {"INPUT.FORMAT": "BGR"})[1])(photo)["image"]
    seen_through = folder / "seen_through.png"
    Image.new("RGBA", (96, 64), (0, 0, 0, 0)).save(seen_through)
    glass = MappedPhotos([records[0] | {"file_name": str(seen_through)}], mapper)((0, 1))["image"]
    gone = MappedPhotos([records[0] | {"file_name": str(folder / "gone.png")}], mapper)
    return {
        "transparent_is_white": bool((glass == 255).all()),
        "gone": _said(lambda: str(gone((0, 1)))),
        "same_images": all(torch.equal(a["image"], b["image"]) for a, b in zip(mapped, own, strict=True)),
        "mapped_boxes": [record["instances"].gt_boxes.tensor.tolist() for record in mapped],
        "own_boxes": [record["instances"].gt_boxes.tensor.tolist() for record in own],
        "own_classes": [record["instances"].gt_classes.tolist() for record in own],
        "shapes": [list(prepare(photo, scale)["image"].shape) for scale in (1.0, 0.5, 1.5)],
        "bgr_is_turned": torch.equal(bgr.flip(0), prepare(photo)["image"]),
        "repeats": torch.equal(
            MappedPhotos(records, native.mapper(training=True))((0, 3))["image"],
            MappedPhotos(records, native.mapper(training=True))((0, 3))["image"],
        ),
    }


def judged(dataset: Dataset) -> dict[str, Any]:
    """What is registered of held-out photos."""
    register(VAL, records_to_judge(dataset), dataset.class_names)
    register(VAL, records_to_judge(dataset), dataset.class_names)  # in place of the former
    records = DatasetCatalog.get(VAL)
    crowds = [annotation["iscrowd"] for record in records for annotation in record["annotations"]]
    return {
        "classes": MetadataCatalog.get(VAL).thing_classes,
        "ids": [record["image_id"] for record in records],
        "crowds": sum(crowds),
        "learned": sum(len(record["annotations"]) for record in records_to_learn(dataset)),
        "boxes": len(crowds),
    }


def backbone() -> dict[str, Any]:
    """Features of a timm backbone for both kinds of configs, and what it refuses."""
    call = LazyCall(TimmBackbone)(name="test_resnet", out_features=["res3", "res5"], frozen_layers=["*"])
    built = instantiate(call)
    features = built(torch.zeros(1, 3, 64, 64))
    retinanet = {
        "MODEL.META_ARCHITECTURE": "RetinaNet",
        "MODEL.BACKBONE.NAME": "build_retinanet_timm_fpn_backbone",
        "MODEL.RETINANET.IN_FEATURES": ["p3", "p4", "p5", "p6"],
        "MODEL.ANCHOR_GENERATOR.SIZES": [[16], [32], [64], [96]],
    }
    return {
        "shapes": {name: list(feature.shape) for name, feature in features.items()},
        "strides": {name: shape.stride for name, shape in built.output_shape().items()},
        "learns": any(parameter.requires_grad for parameter in built.parameters()),
        "levels": list(model(**retinanet).backbone.output_shape()),
        "absent": _said(lambda: str(TimmBackbone("test_resnet", ["res9"]))),
    }


def floor() -> dict[str, Any]:
    """Boxes of an untrained model with and without an open floor."""
    detector = model()
    detector.eval()
    given = [{"image": torch.zeros(3, 96, 96, dtype=torch.uint8), "height": 96, "width": 96}]
    with torch.no_grad():
        closed = len(detector(given)[0]["instances"])
        open_floor(detector, Recipe(score_floor=0.0, max_boxes=500))
        found = found_in(detector(given)[0])
    return {"closed": closed, "open": len(found.score), "lowest": float(found.score.min())}


def lazy_run(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """A mask R-CNN of the zoo's LazyConfigs, pointed at our data: boxes only, our classes everywhere."""
    events: list[Event] = []
    job = make_engine_job("detectron2", folder, dataset, {"iterations": 3, "batch_size": 2}, config=Path(MASKS))
    run = Run(job, config.model_of_job(job), events.append)
    native: Any = run.native
    heads = native.cfg.model.roi_heads
    saved = config.read(job.folder.native_folder / "config.yaml", {})[1]
    return {
        "num_classes": [heads.num_classes, *(p.num_classes for p in [heads.box_predictor])],
        "masks": [key for key in heads if "mask" in key],
        "mapper": "use_instance_mask" in native.cfg.dataloader.train.mapper,
        "notes": [event.text for event in events if hasattr(event, "text")],
        "train": {key: native.cfg.train[key] for key in ("max_iter", "device", "seed")},
        "saved_batch": saved.batch_size,
        "repeat": np.asarray(repeat_factors(dataset, run.recipe)).tolist(),
    }


MASKS = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_1x.py"


def main(folder: Path) -> None:
    """Measure everything; the JSON goes to ``measured.json``."""
    dataset = awkward_dataset(folder / "photos")
    measured = {
        "weights": weights(folder),
        "order": order(dataset),
        "schedule": schedule(),
        "clipped": clipped(),
        "photos": photos(dataset, folder),
        "judged": judged(dataset),
        "backbone": backbone(),
        "floor": floor(),
        "lazy_run": lazy_run(folder, dataset),
    }
    (folder / "measured.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
