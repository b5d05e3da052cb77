"""Scenes played in the Python of Ultralytics, all in one worker; what they find is written for the tests to judge.

The engine :class:`Inside` plays them instead of training. A scene is a function of this module whose name begins with
``scene_``; it returns plain values. While they play, every look-up of a name and every connection is refused and noted.
"""

import copy
import importlib
import socket
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import bunri
from bunri.dataset import Dataset
from bunri.engines.base import Job, StopRequested
from bunri.engines.feeding import places, repeat_factors
from bunri.engines.ultralytics.config import resolve
from bunri.engines.ultralytics.engine import UltralyticsEngine
from bunri.errors import BunriError
from bunri.events import Emit, Event, Facts, Note, Resumed, Scalars
from bunri.files import write_json
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions
from ultralytics_exports import scene_exports  # noqa: F401 - a scene of another module

TINY: dict[str, Any] = {
    "nc": 80,
    "backbone": [
        [-1, 1, "Conv", [8, 3, 2]],
        [-1, 1, "Conv", [16, 3, 2]],
        [-1, 1, "Conv", [24, 3, 2]],
        [-1, 1, "Conv", [32, 3, 2]],
        [-1, 1, "Conv", [32, 3, 2]],
    ],
    "head": [[[2, 3, 4], 1, "Detect", ["nc"]]],
}
"""A YOLO of a few thousand parameters."""

TINY_TRANSFORMER: dict[str, Any] = {
    "nc": 80,
    "backbone": TINY["backbone"],
    "head": [
        [-1, 1, "AIFI", [64, 4]],
        [3, 1, "Conv", [32, 1, 1]],
        [2, 1, "Conv", [32, 1, 1]],
        [[7, 6, 5], 1, "RTDETRDecoder", ["nc", 32, 20, 4, 4, 2, 64]],
    ],
}
"""An RT-DETR of two layers and twenty queries."""

SAYS: dict[str, Any] = {
    "iterations": 5,
    "batch_size": 2,
    "accumulate": 2,
    "validate_every": 0.9,
    "sampler": {"repeat_factor_threshold": 0.6},
    "optimizer": {"name": "AdamW", "lr": 0.002, "arguments": {"weight_decay": 0.01}},
    "schedule": {"warmup_iterations": 2},
    "ema": 0.5,
    "augment": [{"HorizontalFlip": {"p": 0.5}}, {"RandomBrightnessContrast": {"p": 0.5}}],
}

LOOKED_UP: list[str] = []
"""Hosts somebody wanted to reach."""


class Inside(UltralyticsEngine):
    """Plays every scene."""

    def train(self, job: Job, emit: Emit) -> None:
        """Write what the scenes found to ``inside.json``."""
        from bunri.engines.ultralytics import training

        _cut_the_network()
        training.LOG_EVERY = 1
        scenes = {name: scene for name, scene in globals().items() if name.startswith("scene_")}
        found = {name.removeprefix("scene_"): _played(scene, job, name) for name, scene in scenes.items()}
        write_json(job.run_folder / "inside.json", found | {"looked_up": LOOKED_UP})


def _cut_the_network() -> None:
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        LOOKED_UP.append(str(arguments[:2]))
        raise OSError("there is no network in this test")

    socket.getaddrinfo = refuse
    socket.socket.connect = refuse  # type: ignore[method-assign]


def _played(scene: Any, job: Job, name: str) -> Any:
    try:
        return scene(job, job.run_folder / name)
    except Exception:
        return {"failed": traceback.format_exc()}


class Trained:
    """A training in a folder of its own, and what it said."""

    def __init__(
        self, job: Job, folder: Path, recipe: Mapping[str, Any], config: Mapping[str, Any] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "u.yaml"
        path.write_text(yaml.safe_dump({"model": copy.deepcopy(TINY), "imgsz": 64, **(config or {})}, sort_keys=False))
        values = {"config": path, "run_folder": folder / "run", "recipe": dict(recipe), "resolved": None}
        self.job = Job.model_validate({**job.model_dump(), **values})
        self.events: list[Event] = []

    def go(self, stop_after: int | None = None, **changes: Any) -> "Trained":
        """Train; ``stop_after`` a number of steps as if somebody had asked."""
        training: Any = importlib.import_module("bunri.engines.ultralytics.training")
        heard: list[int] = []
        original = training.agreed_to_stop
        training.agreed_to_stop = lambda: stop_after is not None and len(heard) >= stop_after

        def emit(event: Event) -> None:
            self.events.append(event)
            if isinstance(event, Scalars) and "train/loss" in event.values:
                heard.append(event.step)

        try:
            UltralyticsEngine().train(self.job.model_copy(update=changes), emit)
        except StopRequested:
            self.events.append(Facts({"stopped": True}))
        finally:
            training.agreed_to_stop = original
        return self

    def values(self, start: str) -> dict[str, float]:
        """By ``step name``, names that begin so; times left out."""
        scalars = [event for event in self.events if isinstance(event, Scalars)]
        found = {f"{e.step} {name}": value for e in scalars for name, value in e.values.items()}
        return {
            key: value for key, value in found.items() if key.split(" ")[1].startswith(start) and "time/" not in key
        }

    @property
    def facts(self) -> dict[str, Any]:
        """All facts."""
        return {key: value for e in self.events if isinstance(e, Facts) for key, value in e.values.items()}

    @property
    def val(self) -> Dataset:
        """The held-out photos."""
        assert self.job.val is not None
        return load_dataset(self.job.val.annotations, self.job.val.images)

    def predicted(self) -> Predictions:
        """What the best checkpoint finds."""
        UltralyticsEngine().predict(self.job, lambda event: None)
        return read_predictions(self.job.folder.predictions_file("val"), self.val)

    def tensors(self, which: str, key: str = "model") -> dict[str, Any]:
        """Weights of a checkpoint."""
        import torch

        stored = torch.load(self.job.folder.checkpoint_file(which), weights_only=True)
        return dict(stored[key])


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    return first.keys() == second.keys() and all((first[key] == second[key]).all() for key in first)


def _resumption(job: Job, folder: Path, recipe: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Any:
    whole = Trained(job, folder / "whole", recipe, config).go()
    parted = Trained(job, folder / "parted", recipe, config).go(stop_after=2)
    before = parted.values("")
    parted.events.clear()
    parted.go(resume=True)
    resumed = [event.step for event in parted.events if isinstance(event, Resumed)]
    both, expected = before | parted.values(""), whole.values("")
    return {
        "resumed": resumed,
        "differ": sorted(key for key in expected if both.get(key) != expected[key]),
        "numbers": len(expected),
        "same_weights": _same(whole.tensors("best"), parted.tensors("best")),
        "again": _resumed_after_the_end(parted),
    }


def _resumed_after_the_end(parted: Trained) -> list[int]:
    parted.events.clear()
    parted.go(resume=True)
    assert not parted.values("train/")
    return [event.step for event in parted.events if isinstance(event, Resumed)]


def scene_resumption(job: Job, folder: Path) -> Any:
    """Stopped in the middle of what Ultralytics counts as an epoch, by a recipe that says everything."""
    return _resumption(job, folder, SAYS)


def scene_resumption_of_the_end_to_end_head(job: Job, folder: Path) -> Any:
    """YOLO26's loss shifts with the epochs; nothing but lengths is said."""
    config = {"model": {**copy.deepcopy(TINY), "end2end": True, "reg_max": 1}, "warmup_epochs": 0.0, "mosaic": 0.0}
    return _resumption(job, folder, {"iterations": 5, "batch_size": 4}, config)


def scene_resumption_of_the_transformer(job: Job, folder: Path) -> Any:
    """RT-DETR draws noise in its forward pass."""
    config = {"model": copy.deepcopy(TINY_TRANSFORMER)}
    found = _resumption(job, folder, {**SAYS, "iterations": 4, "accumulate": 1}, config)
    trained = Trained(job, folder / "whole", SAYS, config)
    return found | {"boxes": len(trained.predicted())}


def scene_own_words(job: Job, folder: Path) -> Any:
    """Nothing is said but the length: Ultralytics' own optimizer, warm-up, mosaics, growing steps."""
    config = {
        "batch": 2,
        "nbs": 8,
        "warmup_epochs": 1.0,
        "epochs": 4,
        "optimizer": "SGD",
        "lr0": 0.02,
        "data": "x.yaml",
    }
    first = Trained(job, folder / "first", {}, config).go()
    second = Trained(job, folder / "second", {}, config).go()
    other = Trained(job, folder / "other", {}, config).go(seed=5)
    unpaced = _unpaced(job, folder / "unpaced", config)
    plan = unpaced.pop("plan")
    return {
        "repeats": first.values("train/") == second.values("train/"),
        "depends_on_the_seed": first.values("train/loss") != other.values("train/loss"),
        "plan": plan,
        "rates": [first.values("lr/")[f"{step} lr/weight"] for step in range(1, len(plan) + 1)],
        "facts": first.facts,
        "native": sorted(first.values("native/")),
        "files": sorted(
            str(p.relative_to(first.job.run_folder)) for p in first.job.run_folder.rglob("*") if p.is_file()
        ),
        "args": yaml.safe_load((first.job.folder.native_folder / "args.yaml").read_text()),
        **unpaced,
    }


def _unpaced(job: Job, folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Where Ultralytics itself steps, and at which rates, with nobody setting its pace."""
    from ultralytics.models.yolo.detect import DetectionTrainer

    from bunri.engines.ultralytics.training import YoloTrainer

    steps: list[int] = []
    own_rates: list[float] = []
    plans: list[Any] = []

    class Unpaced(YoloTrainer):
        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            plans[:] = [self.assignment.run.plan]
            return dict(DetectionTrainer.preprocess_batch(self, batch))

        def optimizer_step(self) -> None:
            steps.append(self.done.batches)
            own_rates.append(self.optimizer.param_groups[0]["lr"])
            super().optimizer_step()

    from bunri.engines.ultralytics import training

    original, training.YoloTrainer = training.YoloTrainer, Unpaced  # type: ignore[misc]
    try:
        Trained(job, folder, {}, config).go()
    finally:
        training.YoloTrainer = original  # type: ignore[misc]
    return {
        "plan": np.flatnonzero(plans[0].ends_step).tolist(),
        "own_steps": steps,
        "own_rates": own_rates,
    }


def scene_validation_and_prediction(job: Job, folder: Path) -> Any:
    """The numbers of the last validation against those of the dumped predictions, on photos of all sizes."""
    found = {}
    for name, model in (("yolo", TINY), ("transformer", TINY_TRANSFORMER)):
        recipe = {**SAYS, "iterations": 3, "validate_every": 9, "score_floor": 0.0001}
        trained = Trained(job, folder / name, recipe, {"model": copy.deepcopy(model)}).go()
        boxes = trained.predicted()
        validated = _validated(trained)
        found[name] = {
            "boxes": len(boxes),
            "differ": _difference(boxes, validated),
            "mAP50": bunri.evaluate(boxes, trained.val).mAP50,
            "validated": trained.values("val/mAP50")["3 val/mAP50"],
        }
    return found


def _validated(trained: Trained) -> Predictions:
    """Predictions of Ultralytics' own validator with the best weights, in its pass over its own loader."""
    from bunri.engines.ultralytics import training
    from bunri.engines.ultralytics.keeping import KeepingTrainer

    kept: list[Predictions] = []
    original = KeepingTrainer.judge

    def judge(self: Any) -> None:
        original(self)
        kept.append(self.validator.predictions())

    KeepingTrainer.judge = judge  # type: ignore[method-assign]
    try:
        folder = trained.job.run_folder.parent / "again"
        recipe = trained.job.recipe.given()
        Trained(trained.job, folder, recipe, {"model": yaml.safe_load(trained.job.config.read_text())["model"]}).go()
    finally:
        KeepingTrainer.judge = original  # type: ignore[method-assign]
    assert training.LOG_EVERY == 1
    return kept[-1]


def _difference(first: Predictions, second: Predictions) -> float:
    """The largest difference of boxes and scores, each sorted by image and score."""
    columns = []
    for found in (first, second):
        order = np.lexsort((found.box_xyxy[:, 0], found.class_index, -found.score.round(6), found.image_id))
        table = np.column_stack([found.image_id, found.class_index, found.score, found.box_xyxy])
        columns.append(table[order])
    return float(np.abs(columns[0] - columns[1]).max()) if columns[0].shape == columns[1].shape else 1e9


def scene_order(job: Job, folder: Path) -> Any:
    """The rows that are learned, against the recipe's order."""
    from bunri.engines.ultralytics import photos

    asked: list[list[int]] = []
    original = photos.UltralyticsPhotos.__getitem__

    def getitem(self: Any, index: Any) -> Any:
        if isinstance(index, tuple):
            asked.append([int(value) for value in index])
        return original(self, index)

    photos.UltralyticsPhotos.__getitem__ = getitem  # type: ignore[method-assign]
    try:
        trained = Trained(job, folder, SAYS).go()
    finally:
        photos.UltralyticsPhotos.__getitem__ = original  # type: ignore[method-assign]
    stream = places(repeat_factors(trained.val, trained.job.recipe), trained.job.seed)
    return {"asked": asked, "expected": [list(next(stream)) for _ in range(20)]}


def scene_averages(job: Job, folder: Path) -> Any:
    """A decay of 0 keeps the weights themselves; one of 0.5 does not."""
    found = {}
    for decay in (0.0, 0.5):
        trained = Trained(job, folder / str(decay), {**SAYS, "iterations": 3, "ema": decay}).go()
        weights, averages = trained.tensors("last"), trained.tensors("last", "average")
        real = [name for name, tensor in weights.items() if tensor.is_floating_point()]
        found[str(decay)] = _same({name: weights[name] for name in real}, {name: averages[name] for name in real})
    return found


def scene_optimizers(job: Job, folder: Path) -> Any:
    """A class by its path, and a part of the network that does not learn."""
    optimizer = {"name": "torch.optim.Adagrad", "lr": 0.01, "layer_factors": {"model.0": 0, "model.1": 0.1}}
    recipe = {**SAYS, "optimizer": optimizer, "schedule": {"name": "constant"}, "clip_norm": None}
    trained = Trained(job, folder / "adagrad", recipe).go()
    start = Trained(job, folder / "start", {**recipe, "iterations": 1}).go()
    first, last = (t.tensors("last")["model.0.conv.weight"] for t in (start, trained))
    moved = (start.tensors("last")["model.2.conv.weight"] != trained.tensors("last")["model.2.conv.weight"]).any()
    return {
        "optimizer": trained.facts["optimizer"],
        "frozen": bool((first == last).all()),
        "moved": bool(moved),
        "rates": trained.values("lr/"),
    }


def _message(action: Any) -> str:
    try:
        action()
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def scene_patience(job: Job, folder: Path) -> Any:
    """Ultralytics gives up after its first epoch."""
    from ultralytics.utils.torch_utils import EarlyStopping

    original = EarlyStopping.__call__
    EarlyStopping.__call__ = lambda self, epoch, fitness: True
    try:
        trained = Trained(job, folder, {"epochs": 4, "batch_size": 2, "validate_every": 2}).go()
    finally:
        EarlyStopping.__call__ = original
    return {
        "notes": [event.text for event in trained.events if isinstance(event, Note)],
        "validated": list(trained.values("val/mAP50_95")),
        "kept": sorted(path.name for path in (trained.job.run_folder / "checkpoints").iterdir()),
    }


def scene_integrations(job: Job, folder: Path) -> Any:
    """Loggers and telemetry of Ultralytics, and who hears of its events."""
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.events import events

    from bunri.engines.ultralytics.keeping import KeepingTrainer

    modules: set[str] = set()
    original = KeepingTrainer.final_eval

    def final_eval(self: Any) -> None:
        modules.update(callback.__module__ for found in self.callbacks.values() for callback in found)
        original(self)

    KeepingTrainer.final_eval = final_eval  # type: ignore[method-assign]
    try:
        Trained(job, folder, {**SAYS, "iterations": 1}).go()
    finally:
        KeepingTrainer.final_eval = original  # type: ignore[method-assign]
    on = [key for key, value in SETTINGS.items() if value is True]
    return {"on": on, "telemetry": bool(events.enabled), "modules": sorted(modules)}


def scene_losses_that_explode(job: Job, folder: Path) -> Any:
    """A rate beyond all measure."""
    recipe = {**SAYS, "iterations": 20, "optimizer": {"name": "SGD", "lr": 1e30}, "clip_norm": None, "augment": []}
    recipe["schedule"] = {"name": "constant", "warmup_iterations": 0}
    return _message(lambda: Trained(job, folder, recipe).go())


class _Hostile:
    def __reduce__(self) -> Any:
        return (print, ("a stranger's code ran",))


def scene_weights(job: Job, folder: Path) -> Any:
    """Ultralytics' own files, tensors alone, another model's, a stranger's, an absent one, one to be downloaded."""
    import torch

    torch.hub.set_dir(str(folder / "hub"))  # where a download would go
    first = Trained(job, folder / "first", {**SAYS, "iterations": 2}).go()
    native = first.job.folder.native_folder / "weights" / "best.pt"
    found: dict[str, Any] = {}
    hostile, tensors = folder / "hostile.pt", folder / "tensors.pt"
    torch.save({"model": _Hostile()}, hostile)
    torch.save(first.tensors("best"), tensors)
    for name, config in (
        ("native", {"pretrained": str(native)}),
        ("layers_and_weights", {"model": str(native)}),
        ("layers_alone", {"model": str(native), "pretrained": False}),
        ("tensors", {"pretrained": str(tensors)}),
        ("of_bunri", {"pretrained": str(first.job.folder.checkpoint_file("best"))}),
        ("other_model", {"pretrained": str(tensors), "model": "yolov8n.yaml"}),
        ("hostile", {"pretrained": str(hostile)}),
        ("absent", {"pretrained": "nowhere.pt"}),
        ("asset", {"pretrained": "yolov8n.pt", "model": "yolov8n.yaml"}),
        ("tensors_as_model", {"model": str(tensors)}),
    ):
        trained = Trained(job, folder / name, {**SAYS, "iterations": 1}, config)
        message = _message(trained.go)
        found[name] = trained.facts.get("weights") if message == "no error" else message
    found["plain"] = _is_plain_pickle(first.job.folder.checkpoint_file("last"))
    return found


def _is_plain_pickle(path: Path) -> bool:
    import torch

    return not torch.serialization.get_unsafe_globals_in_checkpoint(path)


def scene_checkpoints(job: Job, folder: Path) -> Any:
    """Of other classes, of another model, of none."""
    trained = Trained(job, folder / "one", {**SAYS, "iterations": 1}).go()
    other = Trained(job, folder / "other", {**SAYS, "iterations": 1}, {"imgsz": 96})
    there = trained.job.folder.checkpoint_file("best")
    engine = UltralyticsEngine()

    def predict(job: Job) -> None:
        engine.predict(job, lambda event: None)

    resumed = other.job.model_copy(update={"run_folder": trained.job.run_folder, "resume": True})
    return {
        "other_model": _message(lambda: predict(other.job.model_copy(update={"checkpoint": there}))),
        "resumed": _message(lambda: engine.train(resumed, lambda event: None)),
        "absent": _message(lambda: predict(other.job)),
        "no_train": _message(lambda: engine.train(other.job.model_copy(update={"train": None}), lambda event: None)),
        "without_val": _without_val(job, folder / "without"),
    }


def _without_val(job: Job, folder: Path) -> list[str]:
    trained = Trained(job, folder, {**SAYS, "iterations": 2}).go(val=None)
    return sorted(path.name for path in (trained.job.run_folder / "checkpoints").iterdir())


def scene_configs(job: Job, folder: Path) -> Any:
    """What ``resolve`` makes of files and overrides, and what it says of mistakes."""
    folder.mkdir(parents=True)
    path, alone = folder / "u.yaml", folder / "yolov8s-mine.yaml"
    path.write_text("model: yolov8n.yaml\nimgsz: 64\nlr0: 1e-3\nproject: here\n")
    alone.write_text(yaml.safe_dump({**TINY, "scales": {"n": [1.0, 1.0, 64], "s": [1.0, 2.0, 64]}}))
    config, resolved = resolve(path, {"model.head.-1.1": 1, "mosaic": 0.5, "model.scale": "s"})
    (folder / "again.yaml").write_text(resolved.after)
    again = resolve(folder / "again.yaml", {})[1]
    mistakes = {
        "key": {"mosiac": 1},
        "type": {"mosaic": "x"},
        "imgsz": {"imgsz": "large"},
        "model": {"model": "yolov8z.yaml"},
        "segments": {"model": "yolov8n-seg.yaml"},
        "model_key": {"model.bakbone": []},
        "layer": {"model.backbone.0.2": "Convv"},
        "place": {"model.backbone.99.2": "Conv"},
        "no_keys": {"batch.x": 1},
        "scale": {"model.scale": "q"},
        "head": {"model.head.-1.2": "Classify"},
        "task": {"task": "segment"},
        "resume": {"resume": True},
        "classes": {"classes": [0]},
        "cache": {"cache": "disk"},
        "devices": {"device": [0, 1]},
        "address": {"model": "https://example.org/a.yaml"},
        "activation": {"model.activation": "print('ran')"},
        "no_layer": {"model.backbone.0.2": "Path"},
        "misfit": {"model.head.-1.0": [15, 18, 99]},
    }
    return {
        "args": {key: config.args[key] for key in ("mosaic", "imgsz", "lr0", "plots", "batch")},
        "scale": config.model["scale"],
        "ignored": dict(config.ignored),
        "same_again": again.before == again.after == resolved.after,
        "changed": [line for line in resolved.after.splitlines() if line not in resolved.before.splitlines()],
        "alone": resolve(alone, {"imgsz": 96})[0].model["scale"],
        "mistakes": {
            name: _message(lambda wrong=wrong: UltralyticsEngine().resolve(path, wrong))
            for name, wrong in mistakes.items()
        },
    }


def scene_a_backbone_of_timm(job: Job, folder: Path) -> Any:
    """A small one with random weights, and what is said of wrong ones."""
    from bunri.engines.ultralytics.layers import without_weights

    model: dict[str, Any] = {
        "nc": 80,
        "backbone": [
            [-1, 1, "TimmFeatures", ["test_resnet", None, [2, 3, 4]]],
            [0, 1, "Index", [48, 0]],
            [0, 1, "Index", [192, 1]],
            [0, 1, "Index", [96, 2]],
        ],
        "head": [[[1, 2, 3], 1, "Detect", ["nc"]]],
    }
    trained = Trained(job, folder / "resnet", {**SAYS, "iterations": 1}, {"model": copy.deepcopy(model)}).go()
    model["backbone"][0][3][1] = "packaged"
    wrong = Trained(job, folder / "wrong", SAYS, {"model": copy.deepcopy(model)})
    unknown = copy.deepcopy(model)
    unknown["backbone"][0][3][0] = "test_resnett"
    return {
        "weights": trained.facts["weights"],
        "boxes": len(trained.predicted()),
        "wrong": _message(wrong.go),
        "unknown": _message(Trained(job, folder / "unknown", SAYS, {"model": unknown}).go),
        "without": without_weights(model)["backbone"][0],
    }


def scene_every_family(job: Job, folder: Path) -> Any:
    """The models that come with Ultralytics are known by their names."""
    from bunri.engines.ultralytics.architecture import architecture_of, built_in_models

    names = ("yolov5n", "yolov8s", "yolo11m.yaml", "yolo26n", "yolov9c", "yolov10n", "yolo12n", "rtdetr-l")
    models = {name: architecture_of(name, folder) for name in names}
    return {
        "scales": {name: model.get("scale") for name, model in models.items()},
        "heads": {name: model["head"][-1][2] for name, model in models.items()},
        "known": len(built_in_models()),
    }


def scene_photos_that_are_odd(job: Job, folder: Path) -> Any:
    """Inputs of photos of all shapes: padded to the stride, the way back exact to a pixel."""
    import torch

    from bunri.engines.ultralytics.pixels import NetworkInput, found_in_photo

    found = []
    for height, width in ((64, 96), (7, 9), (3, 200), (200, 3), (100, 100)):
        photo = np.zeros((height, width, 3), np.uint8)
        for stretch in (False, True):
            each = NetworkInput(photo, 64, 32, stretch)
            (ratio_h, ratio_w), (pad_w, pad_h) = each.ratio_pad
            corners = [pad_w, pad_h, pad_w + width * ratio_w, pad_h + height * ratio_h]
            prediction = {"bboxes": torch.tensor([corners]), "cls": torch.zeros(1), "conf": torch.ones(1)}
            box = found_in_photo(prediction, each.size, each.photo_size, each.ratio_pad).box_xyxy[0]
            found.append([height, width, list(each.size), box.tolist()])
    return found
