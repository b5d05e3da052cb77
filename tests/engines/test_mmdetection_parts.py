"""Parts of the MMDetection engine that need no MMDetection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from bunri.engines.base import Photos
from bunri.engines.checkpoint import Identity
from bunri.engines.mmdetection import checkpoint, lengths, loaders, ops, pipelines, variables, weights
from bunri.engines.mmdetection.lengths import NEVER, Plan
from bunri.engines.mmdetection.loaders import Notes
from bunri.engines.mmdetection.rates import RateNames
from bunri.engines.mmdetection.refusals import refusals
from bunri.engines.mmdetection.skipping import Remaining
from bunri.engines.mmdetection.text import as_text
from bunri.errors import DataError, MissingPackageError
from bunri.recipe import Recipe

LOAD = {"type": "LoadImageFromFile"}
BOXES = {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}
RESIZE = {"type": "Resize", "scale": (1333, 800), "keep_ratio": True}
FLIP = {"type": "mmdet.datasets.transforms.RandomFlip", "prob": 0.5}
PACK = {"type": "PackDetInputs"}
MOSAIC = {"type": "Mosaic", "img_scale": (640, 640)}
PAD = {"type": "Pad", "size": (640, 640)}
PHOTOS = Photos(annotations=Path("/data/train.json"), images=Path("/data"))


def recipe(**values: Any) -> Recipe:
    return Recipe.validated(values, "the test")


def config(dataset: Mapping[str, Any], **loader: Any) -> dict[str, Any]:
    val = {"dataset": {"type": "CocoDataset", "pipeline": [LOAD, RESIZE, PAD, BOXES, PACK]}}
    return {"train_dataloader": {"batch_size": 3, "dataset": dataset, **loader}, "val_dataloader": val}


# -- text


def test_text_is_python_that_says_the_same() -> None:
    values = {
        "a": {"type": "X", "scale": (1, 2), "one": (1,), "ids": [1, 2.5, None, True, "it's"]},
        "b": {"from": 1, "x": float("inf")},
        "long": {"names": [f"a name of some length {i}" for i in range(9)], "empty": [], "none": ()},
    }
    read: dict[str, Any] = {}
    exec(as_text(values), {}, read)  # a native config is Python
    assert read == values


def test_text_has_a_line_for_each_key_of_a_long_group() -> None:
    lines = as_text({"model": {"type": "FasterRCNN", "names": [f"a name of some length {i}" for i in range(9)]}})
    assert lines.splitlines()[:3] == ["model = dict(", "    type='FasterRCNN',", "    names=["]


def test_classes_are_written_by_their_path() -> None:
    assert as_text({"type": Path}) == f"type = '{Path.__module__}.Path'\n"


# -- pipelines


def test_loading_goes_and_masks_are_not_asked_for() -> None:
    assert pipelines.without_loading([LOAD, BOXES, PACK]) == [{**BOXES, "with_mask": False, "with_seg": False}, PACK]


def test_only_what_is_random_gives_way() -> None:
    kept, gone = pipelines.without_chance([LOAD, BOXES, RESIZE, FLIP, PACK], [LOAD, PAD, PACK])
    assert kept == [LOAD, BOXES, RESIZE, PACK]
    assert gone == ["RandomFlip"]


def test_where_all_resizing_is_random_the_test_pipelines_stands_in() -> None:
    kept, gone = pipelines.without_chance([LOAD, BOXES, MOSAIC, PAD, FLIP, PACK], [LOAD, RESIZE, PAD, BOXES, PACK])
    assert kept == [LOAD, BOXES, RESIZE, PAD, PACK]
    assert gone == ["Mosaic", "RandomFlip"]


def test_a_scaled_view_scales_what_the_network_sees() -> None:
    half = pipelines.for_prediction([LOAD, RESIZE, PAD, BOXES, PACK], 0.5)
    assert half == [{**RESIZE, "scale": (666, 400)}, {**PAD, "size": (320, 320)}, PACK]
    factor = {"type": "Resize", "scale_factor": 2.0}
    assert pipelines.for_prediction([factor], 1.5) == [{"type": "Resize", "scale_factor": 3.0}]


# -- lengths

EPOCHS = {"type": "EpochBasedTrainLoop", "max_epochs": 3, "val_interval": 1, "dynamic_intervals": [(2, 1)]}
ITERATIONS = {"by_epoch": False, "max_iters": 9, "val_interval": 4}


def test_the_native_length_holds_where_the_recipe_says_none() -> None:
    # 8 photos in batches of 3: an epoch is 2 2/3 batches, three are 8
    plan = Plan.of(EPOCHS, recipe(), 8, 3, 1)
    assert (plan.batches, plan.epochs, plan.validate_every) == (8, 3, 3)
    assert [plan.end_of(epoch) for epoch in range(3)] == [3, 5, 8]
    assert plan.train_cfg(EPOCHS) == {"type": "EpochBasedTrainLoop", "max_epochs": 3, "val_begin": NEVER}


def test_the_recipe_says_the_length_of_either_loop() -> None:
    # 10 steps of two batches; an epoch is 8 / (2 * 2) = 2 steps, 4 batches
    by_epoch = Plan.of(EPOCHS, recipe(iterations=10), 8, 2, 2)
    assert (by_epoch.steps, by_epoch.batches, by_epoch.epochs, by_epoch.validate_every) == (10, 20, 5, 2)
    by_iteration = Plan.of(ITERATIONS, recipe(epochs=2.5), 8, 2, 1)
    assert by_iteration.train_cfg(ITERATIONS) == {"by_epoch": False, "max_iters": 10, "val_begin": NEVER}
    assert by_iteration.end_of(0) == 10


def test_an_iteration_of_the_framework_is_a_batch() -> None:
    assert Plan.of(ITERATIONS, recipe(), 8, 2, 2).steps == 4  # of 9 batches a last one is left over


@pytest.mark.parametrize(
    ("train_cfg", "words"),
    [
        (None, "must be given"),
        ({"type": "TeacherLoop", "max_iters": 3}, "must be one of EpochBasedTrainLoop"),
        ({"type": "IterBasedTrainLoop", "max_epochs": 3}, "train_cfg.max_iters: must be a whole number, got None"),
    ],
)
def test_a_length_that_cannot_be_understood(train_cfg: Any, words: str) -> None:
    [mistake] = lengths.mistakes({"train_cfg": train_cfg})
    assert words in mistake


# -- loaders

COCO = {"type": "CocoDataset", "ann_file": "train.json", "pipeline": [LOAD, BOXES, RESIZE, FLIP, PACK]}
YOLOX = {
    "type": "MultiImageMixDataset",
    "dataset": {"type": "CocoDataset", "pipeline": [LOAD, BOXES]},
    "pipeline": [MOSAIC, FLIP, PACK],
}
BALANCED = {"type": "ClassBalancedDataset", "oversample_thr": 0.1, "dataset": COCO}


def training_loader(dataset: Mapping[str, Any], said: Recipe, notes: Notes, **loader: Any) -> dict[str, Any]:
    return loaders.training_loader(config(dataset, **loader), PHOTOS, said, 2, notes)


def test_the_innermost_data_set_is_ours() -> None:
    loader = training_loader(COCO, recipe(), Notes(), num_workers=7, drop_last=True)
    photos = loader["dataset"]["dataset"]
    assert loader["dataset"]["type"] == "PlacedPhotos"
    assert (photos["type"], photos["annotations"], photos["images"]) == ("RunPhotos", "/data/train.json", "/data")
    assert [pipelines.kind(t) for t in photos["pipeline"]] == [
        "LoadAnnotations",
        "Resize",
        "RandomFlip",
        "PackDetInputs",
    ]
    assert (loader["batch_size"], loader["num_workers"], loader["persistent_workers"]) == (3, 2, True)
    assert "drop_last" not in loader


def test_mixing_stays_unless_the_recipe_augments() -> None:
    kept = training_loader(YOLOX, recipe(), Notes())["dataset"]["dataset"]
    assert (kept["type"], kept["dataset"]["type"]) == ("MultiImageMixDataset", "RunPhotos")
    notes = Notes()
    plain = training_loader(YOLOX, recipe(augment=[{"HorizontalFlip": {"p": 0.5}}]), notes)["dataset"]["dataset"]
    assert plain["type"] == "RunPhotos"
    assert plain["augment"] == [{"HorizontalFlip": {"p": 0.5}}]
    assert [pipelines.kind(t) for t in plain["pipeline"]] == ["LoadAnnotations", "Resize", "Pad", "PackDetInputs"]
    assert "Mosaic, RandomFlip" in notes.sentences[1]


def test_balancing_gives_way_to_the_recipes_sampler() -> None:
    kept = training_loader(BALANCED, recipe(), Notes())
    assert kept["dataset"]["dataset"]["type"] == "ClassBalancedDataset"
    assert kept["sampler"]["repeat_factor_threshold"] is None
    notes = Notes()
    ours = training_loader(BALANCED, recipe(sampler={"repeat_factor_threshold": 0.5}), notes)
    assert ours["dataset"]["dataset"]["type"] == "RunPhotos"
    assert ours["sampler"] == {"type": "PlacesSampler", "repeat_factor_threshold": 0.5}
    assert notes.sentences == ["train_dataloader: ClassBalancedDataset gives way to the recipe's sampler and length"]


def test_joined_data_sets_become_one_and_repeats_give_way_to_a_length() -> None:
    joined = {"type": "RepeatDataset", "times": 3, "dataset": {"type": "ConcatDataset", "datasets": [COCO, COCO]}}
    assert training_loader(joined, recipe(), Notes())["dataset"]["dataset"]["dataset"]["type"] == "RunPhotos"
    assert training_loader(joined, recipe(epochs=1), Notes())["dataset"]["dataset"]["type"] == "RunPhotos"


def test_what_a_loader_lacks_is_told() -> None:
    values = config({"type": "CocoDataset"}, num_batch_per_epoch=3) | {"val_dataloader": None}
    found = loaders.mistakes(values)
    assert [mistake.split(":")[0] for mistake in found] == [
        "train_dataloader",
        "val_dataloader",
        "train_dataloader.num_batch_per_epoch",
    ]


def test_each_validated_photo_is_alone() -> None:
    loader = loaders.validation_loader(config(COCO), PHOTOS, 0)
    assert (loader["batch_size"], loader["persistent_workers"], loader["dataset"]["test_mode"]) == (1, False, True)


def test_views_of_another_scale_need_a_size_to_scale() -> None:
    values = config(COCO)
    assert refusals(values, recipe(tta={"views": [{}, {"scale": 1.5}]})) == []
    values["val_dataloader"]["dataset"]["pipeline"] = [LOAD, PACK]
    assert refusals(values, recipe()) == []
    [refusal] = refusals(values, recipe(tta={"views": [{}, {"scale": 1.5}]}))
    assert refusal.startswith("tta: ")


def test_an_optimizer_wrapper_of_several_takes_no_schedule() -> None:
    values = {**config(COCO), "optim_wrapper": {"constructor": "Several"}}
    assert [r.split(":")[0] for r in refusals(values, recipe(schedule={}, accumulate=2))] == ["schedule", "accumulate"]


# -- operators


def test_operators_are_named_with_the_key_that_needs_them() -> None:
    model = {
        "backbone": {"type": "ResNet", "dcn": {"type": "DCNv2"}},
        "neck": [{"type": "FPN"}, {"type": "mmdet.DyHead"}],
        "bbox_head": {"type": "DDODHead", "dcn_on_last_conv": True, "use_dcn": False},
        "test_cfg": {"nms": {"type": "soft_nms"}},
    }
    assert list(ops.needed_ops(model, "model")) == [
        ("model.backbone.dcn.type", "modulated_deform_conv"),
        ("model.neck.1.type", "modulated_deform_conv"),
        ("model.bbox_head.dcn_on_last_conv", "modulated_deform_conv"),
        ("model.test_cfg.nms.type", "softnms"),
    ]


def test_centernets_neck_has_deformable_layers_unless_it_says_no() -> None:
    assert list(ops.needed_ops({"type": "CTResNetNeck"}, "neck")) == [("neck.use_dcn", "modulated_deform_conv")]
    assert list(ops.needed_ops({"type": "CTResNetNeck", "use_dcn": False}, "neck")) == []


def test_a_missing_operator_says_so_when_it_is_called() -> None:
    with pytest.raises(MissingPackageError, match="compiled operator roi_pool_forward"):
        ops.MissingOps("x").roi_pool_forward(1, of=2)


def test_suppression_by_torchvision_counts_the_last_pixel_where_it_shall() -> None:
    # 9 x 9 and the same moved by 4: overlap 45 of 117 = 0.385; with the last pixel 10 x 10, 60 of 140 = 0.429
    boxes = torch.tensor([[0.0, 0, 9, 9], [4, 0, 13, 9]])
    scores = torch.tensor([0.5, 0.9])
    assert ops._nms(boxes, scores, iou_threshold=0.4, offset=0).tolist() == [1, 0]
    assert ops._nms(boxes, scores, iou_threshold=0.4, offset=1).tolist() == [1]


# -- variables of a config file


@pytest.fixture(name="_runner")
def _known_to_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "runner_keys", lambda: ("model", "train_dataloader", "load_from"))


@pytest.mark.usefixtures("_runner")
def test_a_variable_that_nothing_uses_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(
        "import math\n_base_ = 'b.py'\nsize = 3\nmodel = dict(size=size, depth=_base_.depth)\n"
        "train_dataloder = dict()\nclasses = ('a',)\n"
    )
    base = tmp_path / "b.py"
    base.write_text("depth = 18\nwidth = 3\n")
    assert variables.unused([file, base]) == [
        "train_dataloder: unknown key, and a variable nothing in a.py uses; did you mean 'train_dataloader'?",
        "width: unknown key, and a variable nothing in b.py uses; known are load_from, model, train_dataloader",
    ]


# -- weights

MODEL = {
    "backbone": {"type": "ResNet", "init_cfg": {"type": "Pretrained", "checkpoint": "torchvision://resnet50"}},
    "heads": [{"init_cfg": [{"type": "Normal"}, {"type": "Pretrained", "checkpoint": "a.pth"}]}],
    "timm": {"type": "TimmFeatures", "name": "resnet18", "weights": "packaged"},
}


def test_weights_are_found_wherever_a_config_names_them() -> None:
    assert weights.sources({"model": MODEL, "load_from": "b.pth"}) == {
        "model.backbone.init_cfg.checkpoint": "torchvision://resnet50",
        "model.heads.0.init_cfg.1.checkpoint": "a.pth",
        "model.timm.weights": "timm resnet18, packaged",
        "load_from": "b.pth",
    }
    assert weights.origin({"model": {}, "load_from": None}) == "random"


def test_a_model_that_gets_a_checkpoint_loads_no_other_weights() -> None:
    bare = weights.without(MODEL)
    assert bare["backbone"] == {"type": "ResNet"}
    assert bare["heads"] == [{"init_cfg": [{"type": "Normal"}]}]
    assert bare["timm"]["weights"] is None
    assert weights.sources({"model": bare}) == {}


# -- checkpoints


def stored(tmp_path: Path, **content: Any) -> Path:
    path = tmp_path / "last.pt"
    torch.save(content, path)
    return path


def test_a_checkpoint_of_the_same_model_and_classes_is_taken(tmp_path: Path) -> None:
    identity = Identity.of("config", ("a", "b"))
    written: dict[str, Any] = {"state_dict": {}, "meta": {}, "message_hub": object()}
    checkpoint.make_plain(written, identity, 0.5)
    read = checkpoint.load(stored(tmp_path, **written), identity)
    assert read[checkpoint.KEY]["best"] == 0.5


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "must be a checkpoint written by bunri"),
        (Identity.of("config", ("a",)).to_plain(), r"was trained on classes \['a'\]"),
        (Identity.of("other", ("a", "b")).to_plain(), "of another model"),
    ],
)
def test_another_checkpoint_is_refused(said: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        checkpoint.load(stored(tmp_path, **{checkpoint.KEY: said}), Identity.of("config", ("a", "b")))


# -- small things


def test_groups_of_the_same_base_rate_are_one() -> None:
    groups = [{"lr": 0.1, "initial_lr": 0.2}, {"lr": 0.01, "initial_lr": 0.02}, {"lr": 0.1, "initial_lr": 0.2}]
    assert RateNames(groups).values(groups) == {"lr/base": 0.1, "lr/x0.1": 0.01}
    assert RateNames([{"lr": 1.0, "name": "backbone"}]).values([{"lr": 0.5}]) == {"lr/backbone": 0.5}


@pytest.mark.parametrize("newer", [True, False])
def test_batches_that_are_done_are_passed_over_unloaded(newer: bool) -> None:
    batches = Remaining(["third", "fourth"], 2)
    if newer:
        batches.skip_iter(2)
    else:
        assert [next(batches), next(batches)] == [None, None]
    assert [next(batches), next(batches)] == ["third", "fourth"]
