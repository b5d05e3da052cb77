"""From raw outputs to boxes, on networks that give what is written here."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from bunri.engines.exported.detectors import CellAnchors, OneStage, Proposals, Regions, Suppression, TwoStage
from bunri.engines.exported.networks import Arrays
from bunri.engines.exported.one_stage import find_one_stage
from bunri.engines.exported.pixels import Batch
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.exported.two_stage import find_two_stage

CELLS = CellAnchors(boxes=(((-8, -8, 8, 8),),), strides=((16, 16),))
"""Centred on (0, 0), (16, 0), (0, 16) and (16, 16)."""

KEEP_ALL = Suppression(iou=1, max_boxes=100)


def batch() -> Batch:
    size = np.array([[24, 20]])
    return Batch(np.zeros((1, 3, 32, 32), np.float32), size, size, np.zeros_like(size))


def logits_of(*rows: tuple[float, ...]) -> np.ndarray[Any, Any]:
    share = np.array(rows, np.float32)
    logits: np.ndarray[Any, Any] = np.log(share / (1 - share))[None]
    return logits


SHARES = logits_of((0.9, 0.1), (0.8, 0.7), (0.2, 0.3), (0.05, 0.6))
"""Of four cells and two columns."""


def dense(**changes: Any) -> OneStage:
    values = {"anchors": CELLS, "scores": "sigmoid", "boxes": "offsets", "candidates": 3, "candidates_of": "photo"}
    return OneStage.model_validate(values | {"suppression": KEEP_ALL} | changes)


def found_by(detector: OneStage, offsets: float = 0.0, floor: float = 0.08) -> Any:
    outputs = {"scores": SHARES, "boxes": np.full((1, 4, 4), offsets, np.float32), "level_0": np.zeros((1, 1, 2, 2))}
    [found] = find_one_stage(lambda inputs: outputs, batch(), detector, floor)
    return found


@pytest.mark.parametrize(
    ("changes", "labels", "scores"),
    [
        ({}, [0, 0, 1], [0.9, 0.8, 0.7]),
        ({"first_label": 1}, [1, 1, 2], [0.9, 0.8, 0.7]),
        ({"candidates_of": "class", "candidates": 2}, [1, 1], [0.7, 0.6]),
        ({"candidates_of": "class", "candidates": 2, "first_label": 1}, [1, 1, 2, 2], [0.9, 0.8, 0.7, 0.6]),
        ({"candidates_of": "level", "candidates": 9, "first_label": 1}, [1, 1, 2, 2, 2, 1, 2], None),
    ],
)
def test_the_best_of_a_photo_a_class_or_a_level_are_candidates(
    changes: dict[str, Any], labels: list[int], scores: list[float] | None
) -> None:
    found = found_by(dense(**changes))
    np.testing.assert_array_equal(found.label, labels)
    np.testing.assert_allclose(found.score, scores or [0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1], rtol=1e-6)


def test_centerness_enters_before_candidates_are_chosen_or_once_they_are() -> None:
    """By the root of the product (torchvision, Detectron2), or by the product (MMDetection)."""
    centerness = logits_of((0.1,), (0.5,), (0.9,), (0.9,))
    outputs = {"scores": SHARES, "centerness": centerness, "boxes": np.zeros((1, 4, 4), np.float32)}
    outputs["level_0"] = np.zeros((1, 1, 2, 2))

    def scores(kind: str) -> list[float]:
        detector = dense(scores=kind, candidates=3)
        [found] = find_one_stage(lambda inputs: outputs, batch(), detector, 0.08)
        return sorted(found.score.tolist(), reverse=True)

    assert scores("sigmoid_with_centerness") == pytest.approx(
        [(0.6 * 0.9) ** 0.5, (0.8 * 0.5) ** 0.5, (0.7 * 0.5) ** 0.5]
    )
    assert scores("sigmoid_then_centerness") == pytest.approx([0.8 * 0.5, 0.7 * 0.5, 0.9 * 0.1])


def test_boxes_are_cut_before_suppression_or_after_it() -> None:
    """Whole, neighbours of 32.2 pixels that are 16 apart share 0.336 of their union; cut at 20 x 24 some share more."""
    whole = dense(suppression=Suppression(iou=0.35, max_boxes=9), clip_first=False, candidates=9)
    found = [found_by(rule, 0.7) for rule in (whole, whole.model_copy(update={"clip_first": True}))]
    assert [len(one.score) for one in found] == [7, 3]
    for one in found:
        assert (one.box >= 0).all()
        assert (one.box <= [20, 24, 20, 24]).all()


def test_boxes_are_cut_at_the_inputs_borders_where_the_padding_counts_as_photo() -> None:
    outputs = {"scores": SHARES, "boxes": np.full((1, 4, 4), 0.7, np.float32), "level_0": np.zeros((1, 1, 2, 2))}
    framed = replace(batch(), cut_at="input")
    assert framed.borders.tolist() == [[32, 32]]
    [found] = find_one_stage(lambda inputs: outputs, framed, dense(candidates=9), 0.08)
    assert found.box.max(axis=0).tolist() == [pytest.approx(11.1, abs=0.1), pytest.approx(11.1, abs=0.1), 32, 32]


def test_boxes_outside_the_photo_go_where_the_least_side_says() -> None:
    away = 2.5  # 40 pixels right and down: outside of 20 x 24, but for the size, 195 pixels
    outputs = np.array([[[away, away, -1, -1]] * 4], np.float32)
    raw = {"scores": SHARES, "boxes": outputs, "level_0": np.zeros((1, 1, 2, 2))}
    counts = []
    for least in (0.0, 1e-30):
        [found] = find_one_stage(lambda inputs: raw, batch(), dense(min_side=least, clip_first=False), 0.08)
        counts.append(len(found.score))
    assert counts == [3, 0]


def two_stages(min_score: float | None) -> TwoStage:
    suppression = Suppression(iou=1, max_boxes=2)
    anchors = CellAnchors(boxes=(*CELLS.boxes, ((-4, -4, 4, 4),)), strides=((16, 16), (16, 16)))
    return TwoStage(
        anchors=anchors,
        weights=(1, 1, 1, 1),
        proposals=Proposals(candidates=4, min_score=min_score, min_side=0, suppression=suppression),
        regions=Regions(
            finest=4, coarsest=4, canonical_side=224, canonical_level=4, weights=(1, 1, 1, 1), suppression=KEEP_ALL
        ),
    )


def test_raw_objectness_ranks_where_its_shares_are_all_one() -> None:
    """In float32 the shares of 20 and 40 are 1; ranked by them a proposal of the first level would win."""
    seen: list[Arrays] = []

    def first(inputs: Arrays) -> Arrays:
        raw = {f"objectness_{level}": np.full((1, 1, 2, 2), value, np.float32) for level, value in enumerate((20, 40))}
        raw["objectness_1"][0, 0, 0] = -20
        raw |= {f"offsets_{level}": np.zeros((1, 4, 2, 2), np.float32) for level in (0, 1)}
        return raw | {"features_0": np.zeros((1, 1, 2, 2), np.float32)}

    def second(inputs: Arrays) -> Arrays:
        seen.append(inputs)
        count = len(inputs["proposals_0"])
        return {"scores": np.zeros((count, 2), np.float32), "offsets": np.zeros((count, 8), np.float32)}

    for least in (0.0, None):
        find_two_stage(first, [second], batch(), two_stages(least), 0.1)
    shares, raw = (inputs["proposals_0"][:, 1:].tolist() for inputs in seen)
    assert shares == [[0, 0, 8, 8], [8, 0, 20, 8]]
    assert raw == [[0, 12, 4, 20], [12, 12, 20, 20]]


def test_a_level_without_proposals_looks_at_a_box_with_an_area() -> None:
    """And what it finds there is not given."""
    rule = two_stages(None)
    regions = rule.regions.model_copy(update={"coarsest": 5, "canonical_side": 1})  # all on the coarser level
    seen: list[Arrays] = []

    def second(inputs: Arrays) -> Arrays:
        seen.append(inputs)
        count = len(inputs["proposals_0"]) + len(inputs["proposals_1"])
        return {"scores": np.array([[0, 9]] + [[0, 1]] * (count - 1), np.float32), "offsets": np.zeros((count, 8))}

    features = {f"features_{level}": np.zeros((1, 1, 2, 2), np.float32) for level in (0, 1)}
    raw = {f"objectness_{level}": np.zeros((1, 1, 2, 2), np.float32) for level in (0, 1)}
    raw |= {f"offsets_{level}": np.zeros((1, 4, 2, 2), np.float32) for level in (0, 1)}
    [found] = find_two_stage(
        lambda _: raw | features, [second], batch(), rule.model_copy(update={"regions": regions}), 0
    )
    [[_, *corners]] = seen[0]["proposals_0"].tolist()
    assert corners[2] > corners[0]
    assert corners[3] > corners[1]
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-1)), rtol=1e-6)


def shares(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


@pytest.mark.parametrize(
    ("mean_of", "score"), [("shares", (shares(3) + shares(-1)) / 2), ("logits", shares((3 - 1) / 2))]
)
def test_a_cascade_looks_at_the_boxes_of_the_stage_before_and_gives_the_mean_of_scores(
    mean_of: str, score: float
) -> None:
    """Each stage moves boxes right by an eighth of their width, which its weights make of one; cut at 20 across."""
    rule = two_stages(None)
    regions = rule.regions.model_copy(
        update={"weights": (8, 1, 1, 1), "refined_by": ((8, 1, 1, 1),), "mean_of": mean_of}
    )
    raw = {f"objectness_{level}": np.full((1, 1, 2, 2), -9, np.float32) for level in (0, 1)}
    raw["objectness_0"][0, 0, 0, 0] = 9
    raw |= {f"offsets_{level}": np.zeros((1, 4, 2, 2), np.float32) for level in (0, 1)}
    raw["features_0"] = np.zeros((1, 1, 2, 2), np.float32)
    seen = []

    def stage(logit: float) -> Any:
        def look(inputs: Arrays) -> Arrays:
            seen.append(inputs["proposals_0"][0, 1:].tolist())
            count = len(inputs["proposals_0"])
            offsets = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 2))
            return {"scores": np.tile(np.array([0, logit], np.float32), (count, 1)), "offsets": offsets}

        return look

    detector = rule.model_copy(update={"regions": regions})
    [found] = find_two_stage(lambda _: raw, [stage(3), stage(-1)], batch(), detector, 0.1)
    assert seen == [[0, 0, 8, 8], [1, 0, 9, 8]]
    np.testing.assert_array_equal(found.box[0], [2, 0, 10, 8])
    np.testing.assert_allclose(found.score[0], score, rtol=1e-6)


def test_an_export_of_a_cascade_has_a_network_for_every_stage() -> None:
    facts = {"name": "x.onnx", "sha256": "0" * 64, "inputs": ("images",), "outputs": ("scores",)}
    pixels = {"min_side": 9, "max_side": 9, "mean": (0, 0, 0), "std": (1, 1, 1)}
    rule = two_stages(None).model_dump()
    rule["regions"]["refined_by"] = [(1, 1, 1, 1)]
    names = ("network", "regions", "regions_2")
    ExportedNetworks.model_validate({"networks": dict.fromkeys(names, facts), "pixels": pixels, "detector": rule})
    with pytest.raises(ValidationError, match=r"networks must be \['network', 'regions', 'regions_2'\]"):
        ExportedNetworks.model_validate({"networks": {"network": facts}, "pixels": pixels, "detector": rule})
