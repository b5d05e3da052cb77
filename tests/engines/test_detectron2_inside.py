"""What only the Python with Detectron2 can measure, measured there once and judged here."""

import re
from typing import Any

import pytest

from own_python import measured_in, worked_in


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measured_in(worked_in("detectron2", "inside", tmp_path_factory.mktemp("inside")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "random"),
        ("zoo.pkl", "local file zoo.pkl: 56 of 56 parameters"),
        ("caffe.pkl", "local file caffe.pkl: 36 of 56 parameters"),
        ("own.pth", "local file own.pth: 56 of 56 parameters"),
        ("code.pkl", "DataError: .*posix.getcwd, which is no array. Name a local file"),
        ("foreign.pth", "DataError: .*must fit the model, but no parameter of it is among them"),
        ("broken.pth", "DataError: .*must be arrays of a whole file"),
        ("absent.pth", "DataError: .*must be a file or an address"),
        ("address", "EngineError: .*must be reachable, but: .*Name a local file"),
    ],
)
def test_weights_are_read_as_arrays_or_refused_with_the_next_step(
    name: str, words: str, measured: dict[str, Any]
) -> None:
    assert re.match(words, measured["weights"][name]), measured["weights"][name]


def test_batches_by_shape_are_those_of_detectron2(measured: dict[str, Any]) -> None:
    assert measured["order"]["ours"] == measured["order"]["theirs"]


def test_repeat_factors_are_those_of_detectron2(measured: dict[str, Any]) -> None:
    assert measured["order"]["factors"] == pytest.approx(measured["order"]["repeats"], rel=1e-6)


def test_our_schedule_multiplies_the_rate_of_every_group(measured: dict[str, Any]) -> None:
    rates = measured["schedule"]
    assert rates["0.1"] == pytest.approx([0.1 * factor for factor in rates["expected"]])
    assert rates["0.02"] == pytest.approx([0.02 * factor for factor in rates["expected"]])


def test_all_gradients_are_clipped_together(measured: dict[str, Any]) -> None:
    assert measured["clipped"] == pytest.approx([-0.6, 0, 0, -0.8], abs=1e-5)  # (3, 4) has norm 5


def test_the_recipes_pipeline_gives_what_detectron2s_mapper_gives(measured: dict[str, Any]) -> None:
    photos = measured["photos"]
    assert photos["same_images"]
    assert photos["own_boxes"] == photos["mapped_boxes"]
    assert photos["own_boxes"][0] == [[0, 0, 27, 27]]  # 18 pixels of 96x64, shorter side to 96
    assert photos["own_boxes"][5] == []
    assert photos["own_classes"] == [[0], [1], [0], [1], [0], [], [0], [1], [0]]
    assert photos["repeats"]


def test_detectron2s_mapper_reads_photos_as_ours(measured: dict[str, Any]) -> None:
    assert measured["photos"]["transparent_is_white"]
    assert "a photo must be a whole image file, but" in measured["photos"]["gone"]


def test_a_view_scales_what_the_network_sees(measured: dict[str, Any]) -> None:
    assert measured["photos"]["shapes"] == [[3, 96, 144], [3, 48, 72], [3, 144, 216]]
    assert measured["photos"]["bgr_is_turned"]


def test_crowd_regions_are_judged_and_not_learned(measured: dict[str, Any]) -> None:
    judged = measured["judged"]
    assert judged["classes"] == ["square", "bar"]
    assert judged["ids"][:4] == [0, 1000, 2000, 3007]
    assert (judged["boxes"], judged["crowds"], judged["learned"]) == (9, 1, 8)


def test_a_timm_backbone_names_features_by_their_stride(measured: dict[str, Any]) -> None:
    backbone = measured["backbone"]
    assert backbone["shapes"] == {"res3": [1, 48, 8, 8], "res5": [1, 96, 2, 2]}
    assert backbone["strides"] == {"res3": 8, "res5": 32}
    assert not backbone["learns"]  # frozen_layers: *
    assert backbone["levels"] == ["p3", "p4", "p5", "p6"]
    assert "no feature 'res9'; did you mean 'res5'" in backbone["absent"]


def test_an_open_floor_lets_all_boxes_out(measured: dict[str, Any]) -> None:
    floor = measured["floor"]
    assert floor["closed"] == 0
    assert floor["open"] == 500
    assert 0 < floor["lowest"] < 0.05


def test_a_mask_rcnn_is_pointed_at_boxes_only_with_our_classes(measured: dict[str, Any]) -> None:
    run = measured["lazy_run"]
    assert run["num_classes"] == [2, 2]
    assert run["masks"] == []
    assert not run["mapper"]
    assert "mask_head are taken out: boxes only" in run["notes"][0]
    assert run["train"] == {"max_iter": 3, "device": "cpu", "seed": 0}
    assert run["saved_batch"] == 2
