"""What only the Python with MMDetection can measure, measured there once and judged here."""

import re
from typing import Any

import pytest

from own_python import measured_in, worked_in


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measured_in(worked_in("mmdetection", "inside", tmp_path_factory.mktemp("inside")))


def test_the_network_gets_our_photos_and_boxes_in_our_order(measured: dict[str, Any]) -> None:
    assert measured["samples"]["same_photos"] == [True] * 6
    assert measured["samples"]["same_boxes"] == [True] * 6
    assert measured["samples"]["length"] == 9  # photos without boxes stay


def test_repeat_factors_are_those_of_mmengine(measured: dict[str, Any]) -> None:
    assert measured["samples"]["factors"] == pytest.approx(measured["samples"]["repeats"])


def test_every_head_learns_the_classes_of_the_data_set(measured: dict[str, Any]) -> None:
    numbers = {name: re.findall(r'"num_classes": (\d+)', text) for name, text in measured["classes"].items()}
    assert numbers == {"cascade_rcnn": ["7"] * 3, "dino": ["7"], "forgotten": ["7"]}
    assert "mask_head" not in measured["classes"]["cascade_rcnn"]


def test_nothing_is_cut_before_the_floor(measured: dict[str, Any]) -> None:
    nms = {"type": "nms", "iou_threshold": 0.5}
    assert measured["opened"] == {
        "rpn": {"max_per_img": 9},
        "rcnn": {"score_thr": 0.002, "max_per_img": 50, "nms": nms},
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own.pth", "taken"),
        ("zoo.pth", "taken"),
        ("code.pth", "DataError: load_from: .*must hold tensors and plain values only, .*posix.getcwd, which is code"),
        ("broken.pth", "DataError: load_from: .*and be whole"),
        ("absent.pth", "ConfigError: load_from: .*absent.pth is not there"),
        ("address", "ConfigError: model.backbone.init_cfg.checkpoint: .*must be downloaded, but .*name a local file"),
    ],
)
def test_weights_are_read_without_code_or_refused_with_their_key(
    name: str, words: str, measured: dict[str, Any]
) -> None:
    assert re.match(words, measured["files"][name]), measured["files"][name]


def test_a_timm_backbone_gives_features_and_keeps_its_norms(measured: dict[str, Any]) -> None:
    found = measured["timm"]
    # strides 8 and 16 of 64 x 96 pixels
    assert [shape[2:] for shape in found["shapes"]] == [[8, 12], [4, 6]]
    assert [shape[1] for shape in found["shapes"]] == found["channels"]
    assert not found["norms"]
    assert found["folded"] == 0


def test_frozen_stages_do_not_learn(measured: dict[str, Any]) -> None:
    assert measured["timm"]["learns"] == {
        "conv1": False,
        "bn1": False,
        "layer1": False,
        "layer2": True,
        "layer3": True,
    }


@pytest.mark.parametrize("loop", ["epochs", "iterations"])
def test_a_training_broken_off_ends_with_the_numbers_of_one_that_was_not(loop: str, measured: dict[str, Any]) -> None:
    found = measured[loop]
    assert found["resumed"] == [1]
    assert found["parts"] == found["whole"]
    assert found["same_weights"]


def test_the_config_as_it_ran_lies_beside_the_frameworks_own_files(measured: dict[str, Any]) -> None:
    assert measured["epochs"]["native"] == ["config.py", "val.json"]


def test_no_box_of_the_frameworks_own_truth_is_number_zero(measured: dict[str, Any]) -> None:
    """``pycocotools`` would count a detection that matches it as a miss."""
    ids = measured["epochs"]["box_ids"]
    assert ids == list(range(1, len(ids) + 1))
