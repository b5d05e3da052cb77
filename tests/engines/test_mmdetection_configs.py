"""MMDetection's configs as its engine reads them: one worker checks them all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bunri.engines.base import CheckJob, ModelToCheck
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker, interpreter_of
from bunri.events import Ended
from bunri.files import read_json, write_text
from bunri.recipe import Recipe
from engine_jobs import native_config

FASTER = "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"
PRETRAINED = "model = dict(backbone=dict(init_cfg=None))\n"

FILES: Mapping[str, str] = {
    "by_project.py": f"_base_ = 'mmdet::{FASTER}'\n",
    "by_path.py": f"_base_ = '{FASTER}'\n{PRETRAINED}",
    "copied.py": f"_base_ = ['../{FASTER}']\nsize = 3\n",
    "on_own.py": "_base_ = 'by_path.py'\nwidth = 32\nmodel = dict(neck=dict(out_chanels=width))\n",
    "plain.yaml": f"_base_: {FASTER}\nmodel: {{backbone: {{depth: 18}}, neck: {{in_channels: [64, 128, 256, 512]}}}}\n",
    "misspelt.yaml": f"_base_: {FASTER}\ntrain_dataloder: {{batch_size: 3}}\n",
    "lost.py": "_base_ = 'no/such_config.py'\n",
    "broken.py": "model = \n",
    "program.py": "import argparse\n\nimport mmengine\n\n\ndef main():\n    mmengine.dump({}, argparse.__name__)\n",
    "typo.py": f"_base_ = '{FASTER}'\nmodel = dict(neck=dict(type='PAFPM'))\n",
    "no_effect.py": f"_base_ = '{FASTER}'\ntrain_pipeline = []\n",
    "dcn.py": "_base_ = 'dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py'\n",
    "tood.py": "_base_ = 'tood/tood_r50_fpn_1x_coco.py'\n",
    "solo.py": "_base_ = 'solo/solo_r50_fpn_1x_coco.py'\n",
    "htc.py": "_base_ = 'htc/htc_r50_fpn_1x_coco.py'\n",
    "masks.py": "_base_ = 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'\n",
    "tracker.py": "_base_ = 'qdtrack/qdtrack_faster-rcnn_r50_fpn_8xb2-4e_mot17halftrain_test-mot17halfval.py'\n",
}

FAMILIES = (
    "atss/atss_r50_fpn_1x_coco.py",
    "cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py",
    "dino/dino-4scale_r50_8xb2-12e_coco.py",
    "dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py",
    "libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco.py",
    "pafpn/faster-rcnn_r50_pafpn_1x_coco.py",
    "retinanet/retinanet_r50_fpn_1x_coco.py",
    "rtmdet/rtmdet_tiny_8xb32-300e_coco.py",
    "yolox/yolox_tiny_8xb8-300e_coco.py",
)

SMALL = native_config("mmdetection")
Case = tuple[str | Path, Mapping[str, Any], str]

WRONG: Mapping[str, Case] = {
    "key": (SMALL, {"model.neck.out_chanels": 8}, "unknown key 'out_chanels'; did you mean 'out_channels'?"),
    "worker": (SMALL, {"train_dataloader.num_wokrers": 1}, "did you mean 'num_workers'?"),
    "top": (SMALL, {"NUM_WOREKRS": 1}, "NUM_WOREKRS: unknown key"),
    "variable": (SMALL, {"size": [64, 64]}, "was used when the file was read; changing it now changes nothing"),
    "limit": (SMALL, {"model.test_cfg.rcnn.score_tr": 0.1}, "did you mean 'score_thr'?"),
    "assigner": (SMALL, {"model.train_cfg.rcnn.asigner": {}}, "did you mean 'assigner'?"),
    "clip": (SMALL, {"optim_wrapper.clip_grad": {"max_nrom": 1}}, "did you mean 'max_norm'?"),
    "number": (SMALL, {"model.backbone.depth": "deep"}, "model.backbone.depth: holds 18, so it must be of that kind"),
    "switch": (SMALL, {"model.backbone.norm_eval": 3}, "holds False, so it must be of that kind"),
    "group": (SMALL, {"model.backbone": 3}, "holds keys"),
    "deeper": (SMALL, {"model.backbone.depth.x": 3}, "model.backbone.depth holds 18, not keys"),
    "place": (SMALL, {"train_dataloader.dataset.pipeline.9.prob": 1}, "is a list of 5"),
    "testing": (SMALL, {"test_dataloader.batch_size": 4}, "is not read here"),
    "value": (SMALL, {"model.backbone.depth": 19}, "cannot build it"),
    "transform": (
        SMALL,
        {"train_dataloader.dataset.pipeline.3.prob": 2},
        "dataset.pipeline.3: MMDetection cannot build it",
    ),
    "loop": (SMALL, {"train_cfg.max_epochs": None}, "train_cfg.max_epochs: must be a whole number, got None"),
    "on_own": ("on_own.py", {}, "model.neck.out_chanels: FPN takes no such key; did you mean 'out_channels'?"),
    "misspelt": ("misspelt.yaml", {}, "train_dataloder: unknown key"),
    "copied": ("copied.py", {}, "size: unknown key, and a variable nothing in copied.py uses"),
    "no_effect": ("no_effect.py", {}, "train_pipeline: unknown key, and a variable nothing in no_effect.py uses"),
    "lost": ("lost.py", {}, "'no/such_config.py' must be a file beside lost.py or one of the configs that come"),
    "broken": ("broken.py", {}, "must be an MMEngine config, but"),
    "program": ("program.py", {}, "must hold values, but argparse is a module"),
    "absent": ("absent.py", {}, "absent.py is not there"),
    "typo": ("typo.py", {}, "model.neck.type: 'PAFPM' is nothing MMDetection knows; did you mean 'PAFPN'?"),
    "solo": ("solo.py", {}, "model.type: SOLO learns masks, and the data set has boxes only"),
    "htc": ("htc.py", {}, "model.roi_head.semantic_head: needs segmentation maps"),
    "tracker": ("tracker.py", {}, "model.type: must be one of MMDetection's detectors, but it is QDTrack"),
}

UNCOMPILED: Mapping[str, Case] = {
    "dcn": ("dcn.py", {}, "model.backbone.dcn.type: needs MMCV's compiled operator deform_conv"),
    "tood": ("tood.py", {}, "model.bbox_head.type: needs MMCV's compiled operator deform_conv"),
    "soft_nms": (
        SMALL,
        {"model.test_cfg.rcnn.nms.type": "soft_nms"},
        "model.test_cfg.rcnn.nms.type: needs MMCV's compiled operator softnms",
    ),
}

RIGHT: Mapping[str, Case] = {
    "small": (SMALL, {"model.test_cfg.rpn.nms_pre": 100, "train_dataloader.pin_memory": False}, ""),
    "whole": (SMALL, {"optim_wrapper": {"_delete_": True, "optimizer": {"type": "SGD", "lr": 0.1}}}, ""),
    "list": (SMALL, {"train_dataloader.dataset.pipeline.2.scale": [64, 64]}, ""),
    "by_project": ("by_project.py", {}, ""),
    "by_path": ("by_path.py", {}, ""),
    "plain": ("plain.yaml", {}, ""),
    "masks": ("masks.py", {}, ""),
    **{name.split("/")[0]: (f"{name.split('/')[0]}_zoo.py", {}, "") for name in FAMILIES},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one worker says of all of them."""
    state = engine_state("mmdetection")
    if not state.ready:
        pytest.skip(f"mmdetection is not installed: {state.install}")
    folder = tmp_path_factory.mktemp("configs")
    for name, text in {**FILES, **{f"{n.split('/')[0]}_zoo.py": f"_base_ = '{n}'\n" for n in FAMILIES}}.items():
        (folder / name).write_text(text)
    models = tuple(
        ModelToCheck(name=name, config=folder / config, overrides=dict(overrides), trust=True, recipe=Recipe())
        for name, (config, overrides, _) in {**WRONG, **UNCOMPILED, **RIGHT}.items()
    )
    job = CheckJob(engine="mmdetection", models=models, answer=folder / "answer.json")
    write_text(folder / "job.json", job.model_dump_json())
    with Worker(folder / "job.json", folder / "log.txt", interpreter_of("mmdetection")) as worker:
        *_, ended = worker.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (ended.message, (folder / "log.txt").read_text())
    return dict(read_json(job.answer, "the answer"))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_key(name: str, answers: dict[str, Any]) -> None:
    assert WRONG[name][2] in "\n".join(answers[name]["mistakes"])


@pytest.mark.parametrize("name", UNCOMPILED)
def test_operators_that_are_not_compiled_are_refused_by_name(name: str, answers: dict[str, Any]) -> None:
    mistakes = "\n".join(answers[name]["mistakes"])
    assert UNCOMPILED[name][2] in mistakes or not mistakes  # with compiled operators nothing is refused


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_taken(name: str, answers: dict[str, Any]) -> None:
    assert answers[name]["mistakes"] == []


def test_overrides_change_only_what_they_name(answers: dict[str, Any]) -> None:
    before, after = (answers["small"][side].splitlines() for side in ("before", "after"))
    changed = [line.strip() for line in after if line not in before]
    assert len(after) <= len(before) + 1
    assert [line.split("=")[0] for line in changed] == ["rpn", "pin_memory"]
    assert answers["small"]["suffix"] == ".py"


def test_a_list_stays_the_tuple_it_was(answers: dict[str, Any]) -> None:
    assert "scale=(64, 64)" in answers["list"]["after"]


def test_a_group_is_replaced_where_it_says_so(answers: dict[str, Any]) -> None:
    assert "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))" in answers["whole"]["after"]


def test_a_flattened_config_is_based_on_nothing(answers: dict[str, Any]) -> None:
    assert "_base_" not in answers["by_project"]["after"]
    assert "type='FasterRCNN'" in answers["by_project"]["after"]
