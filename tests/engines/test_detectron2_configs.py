"""Detectron2's configs as its engine reads them: one worker checks them all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.engines.base import CheckJob, ModelToCheck
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker, interpreter_of
from bunri.events import Ended
from bunri.files import read_json, write_text
from bunri.recipe import Recipe
from engine_jobs import NATIVE

FCOS = NATIVE / "detectron2_fcos.py"
ZOO = "COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml"

FILES: Mapping[str, str] = {
    "zoo.yaml": f"_BASE_: {ZOO}\nSOLVER: {{BASE_LR: 1e-4}}\n",
    "base.yaml": "SOLVER: {BASE_LR: 0.5, WARMUP_ITRES: 3}\n",
    "on_base.yaml": "_BASE_: base.yaml\nDATALODER: {NUM_WORKERS: 1}\n",
    "wrong_type.yaml": "SOLVER: {BASE_LR: fast}\n",
    "code.yaml": "MODEL: {WEIGHTS: !!python/object/apply:os.getcwd []}\n",
    "call.yaml": 'SOLVER: {BASE_LR: !!python/object/apply:eval ["abs(1)"]}\n',
    "circle.yaml": "_BASE_: circle.yaml\n",
    "lost.yaml": "_BASE_: COCO-Detection/no_such.yaml\n",
    "cascade.yaml": "_BASE_: Misc/cascade_mask_rcnn_R_50_FPN_1x.yaml\nMODEL: {MASK_ON: False}\n",
    "lambda.py": "from detectron2.config import LazyCall\nmodel = LazyCall(lambda x: x)(x=1)\n",
    "broken.py": "model = \n",
}


def small(text: str) -> str:
    """The small FCOS with some lines after it."""
    return f"{FCOS.read_text()}\n{text}\n"


LAZY: Mapping[str, str] = {
    "lazy_argument.py": small("model.focal_loss_gama = 2"),
    "lazy_train.py": small("train['max_itr'] = 5"),
    "lazy_section.py": small("del optimizer"),
    "lazy_own.py": small("def scale(x):\n    return x\n\n\nmodel.pixel_mean = LazyCall(scale)(x=[1.0])"),
}

TIMM = {"MODEL.BACKBONE.NAME": "build_timm_fpn_backbone", "MODEL.TIMM.NAME": "resnet50"}

Case = tuple[str, Mapping[str, Any], Mapping[str, Any]]

CASES: dict[str, Case] = {
    "zoo": ("zoo.yaml", {"MODEL.TIMM.ARGUMENTS.drop_rate": 0.1}, {}),
    "zoo_name": (ZOO, {}, {}),
    "zoo_retinanet": ("COCO-Detection/retinanet_R_50_FPN_1x.yaml", {}, {}),
    "zoo_lazy": ("COCO-Detection/fcos_R_50_FPN_1x.py", {"optimizer.lr": 0.5}, {}),
    "zoo_typo": ("COCO-Detection/fcos_R_50_FPN_1y.py", {}, {}),
    "cascade": ("cascade.yaml", {}, {}),
    "on_base": ("on_base.yaml", {}, {}),
    "wrong_type": ("wrong_type.yaml", {}, {}),
    "code": ("code.yaml", {}, {}),
    "call": ("call.yaml", {}, {}),
    "circle": ("circle.yaml", {}, {}),
    "lost": ("lost.yaml", {}, {}),
    "set_type": ("zoo.yaml", {"SOLVER.MAX_ITER": "long"}, {}),
    "set_node": ("zoo.yaml", {"SOLVER.AMP": {"ENABLED": True}}, {}),
    "set_below": ("zoo.yaml", {"SOLVER.BASE_LR.X": 1}, {}),
    "deform": ("zoo.yaml", {"MODEL.RESNETS.DEFORM_ON_PER_STAGE": [False, True, True, True]}, {}),
    "rotated": ("zoo.yaml", {"MODEL.ROI_HEADS.NAME": "RROIHeads"}, {}),
    "panoptic": ("zoo.yaml", {"MODEL.META_ARCHITECTURE": "PanopticFPN"}, {}),
    "proposals": ("zoo.yaml", {"MODEL.LOAD_PROPOSALS": True}, {}),
    "federated": ("zoo.yaml", {"MODEL.ROI_BOX_HEAD.USE_FED_LOSS": True}, {}),
    "aug": ("zoo.yaml", {"TEST.AUG.ENABLED": True}, {}),
    "format": ("zoo.yaml", {"INPUT.FORMAT": "L"}, {}),
    "registry": ("zoo.yaml", {"MODEL.BACKBONE.NAME": "build_resnet_fpn_bakbone"}, {}),
    "timm_name": ("zoo.yaml", {"MODEL.BACKBONE.NAME": "build_timm_fpn_backbone", "MODEL.TIMM.NAME": "resnet5O"}, {}),
    "timm_unread": ("zoo.yaml", {"MODEL.TIMM.NAME": "resnet50"}, {}),
    "absent": ("zoo.yaml", {"MODEL.WEIGHTS": "no/such.pkl"}, {}),
    "packaged": ("zoo.yaml", {**TIMM, "MODEL.TIMM.WEIGHTS": "packaged"}, {}),
    "anchors": ("zoo.yaml", {"MODEL.ANCHOR_GENERATOR.SIZES": [[32], [64, 90], [128], [256], [512]]}, {}),
    "levels": ("zoo.yaml", {"MODEL.ANCHOR_GENERATOR.SIZES": [[32], [64], [128]]}, {}),
    "features": ("zoo.yaml", {"MODEL.FPN.IN_FEATURES": ["res2", "res9"]}, {}),
    "fcos_anchors": (str(FCOS), {"model.backbone.in_features": ["res4", "res9"]}, {}),
    "fcos_weights": (str(FCOS), {"model.backbone.bottom_up.weights": "no/such.pth"}, {}),
    "fcos": (str(FCOS), {"dataloader.train.mapper.augmentations.0.short_edge_length": [64]}, {}),
    "fcos_set": (str(FCOS), {"model.focal_loss_alfa": 0.3}, {}),
    "fcos_loader": (str(FCOS), {"dataloader.train.num_wokers": 2}, {}),
    "fcos_loader_further": (str(FCOS), {"dataloader.train.prefetch_factor": 4}, {}),
    "fcos_list": (str(FCOS), {"dataloader.train.mapper.augmentations.7.prob": 1}, {}),
    "fcos_top": (str(FCOS), {"modell.num_classes": 1}, {}),
    "lazy_argument": ("lazy_argument.py", {}, {}),
    "lazy_train": ("lazy_train.py", {}, {}),
    "lazy_section": ("lazy_section.py", {}, {}),
    "lazy_own": ("lazy_own.py", {}, {}),
    "lambda": ("lambda.py", {}, {}),
    "broken": ("broken.py", {}, {}),
    "refused": ("zoo.yaml", {}, {"ema": 0.9, "accumulate": 2}),
    "sampler": ("zoo.yaml", {"DATALOADER.SAMPLER_TRAIN": "RandomSubsetTrainingSampler"}, {}),
    "sampler_said": (
        "zoo.yaml",
        {"DATALOADER.SAMPLER_TRAIN": "RandomSubsetTrainingSampler"},
        {"sampler": {"repeat_factor_threshold": 0.1}, "ema": 0, "accumulate": 1},
    ),
}
"""By name: a config, overrides, a recipe."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    state = engine_state("detectron2")
    if not state.ready:
        pytest.skip(f"detectron2 is not installed: {state.install}")
    folder = tmp_path_factory.mktemp("configs")
    for name, text in {**FILES, **LAZY}.items():
        write_text(folder / name, text)
    models = tuple(
        ModelToCheck(
            name=name,
            config=folder / config if config in {**FILES, **LAZY} else Path(config),
            overrides=dict(overrides),
            trust=True,
            recipe=Recipe.validated(recipe, name),
        )
        for name, (config, overrides, recipe) in CASES.items()
    )
    job = CheckJob(engine="detectron2", models=models, answer=folder / "answer.json")
    write_text(folder / "job.json", job.model_dump_json())
    with Worker(folder / "job.json", folder / "log.txt", interpreter_of("detectron2")) as worker:
        *_, ended = worker.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (ended.message, (folder / "log.txt").read_text()[-4000:])
    return dict(read_json(job.answer, "the answer"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zoo_typo", ["fcos_R_50_FPN_1y.py is neither; did you mean 'COCO-Detection/fcos_R_50_FPN_1x.py'"]),
        (
            "on_base",
            ["base.yaml: SOLVER.WARMUP_ITRES: unknown key; did you mean 'WARMUP_ITERS'", "on_base.yaml: DATALODER"],
        ),
        ("wrong_type", ["wrong_type.yaml: Type mismatch", "SOLVER.BASE_LR"]),
        ("code", ["must be YAML", "os.getcwd"]),
        ("call", ["eval of more than arithmetic"]),
        ("circle", ["must not lead back to the file itself"]),
        ("lost", ["'COCO-Detection/no_such.yaml' must be a file beside this one or a name of Detectron2's model zoo"]),
        ("set_type", ["set: SOLVER.MAX_ITER: Type mismatch"]),
        ("set_node", ["set: SOLVER.AMP: holds keys; set one of ENABLED"]),
        ("set_below", ["set: SOLVER.BASE_LR.X: there is nothing below a value"]),
        ("rotated", ["MODEL.ROI_HEADS.NAME: RROIHeads: the data has upright boxes only"]),
        ("panoptic", ["PanopticFPN: it gives no boxes with classes"]),
        ("proposals", ["MODEL.LOAD_PROPOSALS"]),
        ("federated", ["MODEL.ROI_BOX_HEAD.USE_FED_LOSS: it needs the counts of LVIS"]),
        ("aug", ["TEST.AUG.ENABLED: views at prediction are said by recipe.tta"]),
        ("format", ["INPUT.FORMAT: must be BGR or RGB, but it is 'L'"]),
        ("registry", ["Detectron2 has no 'build_resnet_fpn_bakbone'; did you mean 'build_resnet_fpn_backbone'"]),
        ("timm_name", ["MODEL.TIMM.NAME: timm has no 'resnet5O'; did you mean 'resnet50'"]),
        ("timm_unread", ["MODEL.TIMM.NAME: is read by MODEL.BACKBONE.NAME build_timm_fpn_backbone"]),
        ("absent", ["MODEL.WEIGHTS (train.init_checkpoint): must be a file, but no/such.pkl is not there"]),
        ("packaged", ["must go with tf_efficientnet_lite0"]),
        ("anchors", ["cannot build the model, as its parts do not fit", "the same number of anchors"]),
        ("levels", ["Got sizes of length 3 in anchor generator, but the number of input features is 5"]),
        ("features", ["cannot build the model", "res9"]),
        ("fcos_anchors", ["cannot build the model", "res9"]),
        ("fcos_weights", ["the weights of the timm backbone: must be a file, but no/such.pth is not there"]),
        ("fcos_set", ["set: model.focal_loss_alfa: unknown key 'focal_loss_alfa'; did you mean 'focal_loss_alpha'"]),
        ("fcos_loader", ["unknown key 'num_wokers'; did you mean 'num_workers'"]),
        ("fcos_list", ["dataloader.train.mapper.augmentations is a list of 2; give a position from 0"]),
        ("fcos_top", ["unknown key 'modell'; did you mean 'model'"]),
        ("lazy_argument", ["model.focal_loss_gama: unknown key; did you mean 'focal_loss_gamma'"]),
        ("lazy_train", ["train.max_itr: unknown key; did you mean 'max_iter'"]),
        ("lazy_section", ["optimizer: must be given"]),
        ("lazy_own", ["a function that is defined in the config itself", "Put it into a module"]),
        ("lambda", ["dataloader: must be given"]),
        ("broken", ["must load, but: SyntaxError"]),
        (
            "refused",
            ["recipe.accumulate: Detectron2's trainers step after every batch", "recipe.ema: Detectron2 keeps no"],
        ),
        (
            "sampler",
            ["recipe.sampler: DATALOADER.SAMPLER_TRAIN RandomSubsetTrainingSampler cannot be resumed in place"],
        ),
    ],
)
def test_a_mistake_is_named_with_the_next_step(name: str, words: list[str], answers: dict[str, dict[str, Any]]) -> None:
    mistakes = "\n".join(answers[name]["mistakes"])
    assert all(word in mistakes for word in words), mistakes


def test_deformable_convolutions_need_the_compiled_operators(answers: dict[str, dict[str, Any]]) -> None:
    mistakes = answers["deform"]["mistakes"]
    assert not mistakes or "MODEL.RESNETS.DEFORM_ON_PER_STAGE: deformable convolutions need" in mistakes[0]


@pytest.mark.parametrize(
    "name",
    ["zoo", "zoo_name", "zoo_retinanet", "zoo_lazy", "cascade", "fcos", "fcos_loader_further", "sampler_said"],
)
def test_what_is_right_has_no_mistakes_and_a_whole_text(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["mistakes"] == []
    assert len(answers[name]["after"]) > 2000


def test_a_base_of_the_zoo_and_overrides_are_in_the_text(answers: dict[str, dict[str, Any]]) -> None:
    before, after = (yaml.safe_load(answers["zoo"][side]) for side in ("before", "after"))
    assert after["SOLVER"]["BASE_LR"] == 1e-4
    assert after["SOLVER"]["STEPS"] == [60000, 80000]
    assert after["MODEL"]["TIMM"]["ARGUMENTS"] == {"drop_rate": 0.1}
    assert before["MODEL"]["TIMM"]["ARGUMENTS"] == {}


def test_an_override_of_a_lazy_config_is_its_only_change(answers: dict[str, dict[str, Any]]) -> None:
    before, after = (answers["zoo_lazy"][side].splitlines() for side in ("before", "after"))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [("  lr: 0.01", "  lr: 0.5")]
