"""The native config of the EfficientDet engine, as a worker that has effdet reads it: one worker for all cases."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.engines.base import CheckJob, ModelToCheck
from bunri.engines.catalogue import engine_state
from bunri.engines.process import Worker, interpreter_of
from bunri.events import Ended
from bunri.files import read_json, write_text

LITE0 = "model: tf_efficientdet_lite0\n"
SMALL = LITE0 + "image_size: [128, 128]\nfpn_channels: 16\nfpn_cell_repeats: 1\nnorm_kwargs: {momentum: 0.1}\n"


@dataclass(frozen=True)
class Case:
    """A config, overrides, and the words of the mistake."""

    text: str
    overrides: dict[str, Any]
    words: str


MISTAKES = {
    "model": Case("model: tf_efficientdet_lit0\n", {}, "effdet has no 'tf_efficientdet_lit0'; did you mean 'tf_effici"),
    "no model": Case("gamma: 2.0\n", {}, "model: effdet has no None; known are"),
    "key": Case(LITE0 + "gama: 2.0\n", {}, "gama: unknown key; did you mean 'gamma'?"),
    "override": Case(LITE0, {"image_sise": [1, 1]}, "image_sise: unknown key; did you mean 'image_size'?"),
    "nested": Case(LITE0, {"norm_kwargs.momentun": 0.1}, "norm_kwargs.momentun: unknown key; did you mean 'momentum'"),
    "not nested": Case(LITE0, {"gamma.value": 2}, "gamma: Input should be a valid number, got {'value': 2}"),
    "no list": Case(LITE0 + "image_size: 256\n", {}, "image_size: Input should be a valid list, got 256"),
    "word": Case(LITE0 + "gamma: high\n", {}, "gamma: Input should be a valid number, got 'high'"),
    "fraction": Case(LITE0 + "fpn_channels: 64.5\n", {}, "fpn_channels: Input should be a valid integer, got 64.5"),
    "yes": Case(LITE0, {"fpn_channels": True}, "fpn_channels: Input should be a valid integer, got True"),
    "taken in silence": Case(LITE0, {"pad_type": "sme"}, "pad_type: Input should be '', 'same' or 'valid', got 'sme'"),
    "classes": Case(LITE0 + "num_classes: 3\n", {}, "num_classes: comes from the data set; remove it"),
    "levels": Case(LITE0, {"num_levels": 4}, "num_levels: follows from min_level and max_level; remove it"),
    "backbone": Case(LITE0, {"backbone_name": "resnt50"}, "timm has no 'resnt50'; did you mean 'resnet50'"),
    "argument": Case(LITE0, {"backbone_args.drop_rat": 0.1}, "unexpected keyword argument 'drop_rat'"),
    "activation": Case(LITE0, {"act_type": "reluu"}, "act_type: effdet has no 'reluu'"),
    "pyramid": Case(LITE0, {"fpn_name": "bifpn"}, "fpn_name: effdet has no 'bifpn'"),
    "two weights": Case(LITE0, {"pretrained": True, "backbone_weights": "timm"}, "one of them at most can be given"),
    "scales": Case(LITE0, {"anchor_scale": [1.0, 2.0]}, "a number or one for each of 5 levels, but 2"),
    "order": Case(LITE0, {"min_level": 7}, "min_level: must be from 1 to below max_level (7), but it is 7"),
    "no file": Case(
        LITE0, {"checkpoint_path": "gone.pth"}, "checkpoint_path: must be a file, but gone.pth is not there"
    ),
    "no weights": Case(
        LITE0, {"backbone_weights": "gone.pth"}, "backbone_weights: must be a file, but gone.pth is not"
    ),
    "packaged": Case(
        LITE0,
        {"backbone_name": "resnet18", "backbone_weights": "packaged"},
        "backbone_weights: `packaged` must go with tf_efficientnet_lite0, but the backbone is resnet18",
    ),
    "oblong": Case(LITE0, {"image_size": [64, 96]}, "levels must have the sizes"),
}

GOOD: dict[str, Case] = {
    "plain": Case(LITE0, {}, ""),
    "small": Case(SMALL, {"norm_kwargs.eps": 0.01, "image_size": [256, 128], "backbone_weights": "packaged"}, ""),
    "another": Case(LITE0, {"model": "efficientdet_d0", "backbone_name": "resnet18"}, ""),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    state = engine_state("effdet")
    if not state.ready:
        pytest.skip(f"effdet is not installed: {state.install}")
    return ask(tmp_path_factory.mktemp("configs"), MISTAKES | GOOD)


def ask(folder: Path, cases: dict[str, Case]) -> dict[str, Any]:
    """The engine's answer on each config."""
    models = []
    for name, case in cases.items():
        write_text(folder / f"{name}.yaml", case.text)
        models.append(ModelToCheck(name=name, config=folder / f"{name}.yaml", overrides=case.overrides))
    job = CheckJob(engine="effdet", models=tuple(models), answer=folder / "answer.json")
    write_text(folder / "job.json", job.model_dump_json())
    with Worker(folder / "job.json", folder / "log.txt", interpreter_of("effdet")) as worker:
        *_, ended = worker.events()
    assert isinstance(ended, Ended)
    assert ended.status == "done", (folder / "log.txt").read_text()
    return dict(read_json(job.answer, "the answers"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_before_anything_trains(answers: dict[str, Any], name: str) -> None:
    [mistake] = answers[name]["mistakes"]
    assert MISTAKES[name].words in mistake


@pytest.mark.parametrize("name", GOOD)
def test_what_was_resolved_says_the_whole_and_resolves_to_itself(
    answers: dict[str, Any], name: str, tmp_path: Path
) -> None:
    assert answers[name]["mistakes"] == []
    again = ask(tmp_path, {"again": Case(answers[name]["after"], {}, "")})["again"]
    assert again["before"] == again["after"] == answers[name]["after"]


def test_keys_of_the_file_and_overrides_are_merged_into_those_of_the_model(answers: dict[str, Any]) -> None:
    before, after = (yaml.safe_load(answers["small"][which]) for which in ("before", "after"))
    assert before["norm_kwargs"] == {"eps": 0.001, "momentum": 0.1}
    assert after["norm_kwargs"] == {"eps": 0.01, "momentum": 0.1}
    assert (before["image_size"], after["image_size"]) == ([128, 128], [256, 128])
    assert after["backbone_name"] == "tf_efficientnet_lite0"
    assert after["mean"] == [0.5, 0.5, 0.5]
    changed = {key for key in after if before[key] != after[key]}
    assert changed == {"norm_kwargs", "image_size", "backbone_weights"}


def test_another_model_brings_its_own_keys(answers: dict[str, Any]) -> None:
    before, after = (yaml.safe_load(answers["another"][which]) for which in ("before", "after"))
    assert (before["image_size"], after["image_size"]) == ([320, 320], [512, 512])
    assert after["backbone_name"] == "resnet18"
    assert after["mean"] == [0.485, 0.456, 0.406]
