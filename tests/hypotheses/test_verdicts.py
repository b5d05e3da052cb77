import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import yaml

from builders import random_world
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError, UsageError
from bunri.evaluate import compare, evaluate
from bunri.fuse import fuse
from bunri.hypotheses import Verdicts, judge
from bunri.hypotheses.forest import forest
from bunri.io import write_coco, write_predictions
from bunri.predictions import Predictions

IMAGES = 40
World = tuple[Path, Dataset, list[Predictions]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Files of four members; the first finds less, the second was cut at 0.4, the third looked at half."""
    folder = tmp_path_factory.mktemp("hypotheses")
    truth, members = random_world(3, images=IMAGES, members=4)
    members = [member.clipped(truth) for member in members]
    weak = members[0][np.random.default_rng(0).random(len(members[0])) < 0.6]
    half = members[2].of_images(truth.images.id[: IMAGES // 2])
    members = [weak.named("weak"), members[1].above(0.4).named("cut"), half.named("half"), members[3].named("good")]
    write_coco(truth, folder / "truth.json")
    for member in members:
        write_predictions(member, folder / f"{member.name}.parquet", truth)
    return folder, truth, members


def judged(folder: Path, hypotheses: dict[str, Any], arms: dict[str, Any] | None = None, **changes: Any) -> Verdicts:
    names = ("weak", "cut", "half", "good")
    values = {
        "truth": "truth.json",
        "resamples": 300,
        "arms": {name: {"predictions": f"{name}.parquet"} for name in names} | (arms or {}),
        "hypotheses": {
            name: {"claim": f"{name} holds", "smallest_effect": 0.02} | one for name, one in hypotheses.items()
        },
    }
    (folder / "claims.yaml").write_text(yaml.safe_dump(values | changes, sort_keys=False))
    return judge(folder / "claims.yaml")


def first(verdicts: Verdicts) -> dict[str, Any]:
    return dict(verdicts.to_dict()["hypotheses"][0])


def test_a_difference_is_that_of_the_evaluator_and_its_interval_that_of_compare(world: World) -> None:
    folder, truth, (weak, _, _, good) = world
    found = first(judged(folder, {"H": {"effect": "good - weak"}}))
    expected = compare(good, weak, truth, resamples=300, min_score=0.0)
    assert found["verdict"] == "supported"
    assert found["value"] == pytest.approx(expected.difference, abs=1e-9)
    assert found["p_support"] == pytest.approx(expected.p_value, rel=0.05)
    assert found["low"] <= expected.low + 1e-9
    assert found["high"] >= expected.high - 1e-9
    assert found["arms"]["good"] == {
        "score": pytest.approx(evaluate(good, truth).mAP50),
        "by_seed": [pytest.approx(evaluate(good, truth).mAP50)],
    }
    assert (found["images"], found["units"], found["boxes"]) == (IMAGES, IMAGES, len(truth.annotations))


def test_other_metrics(world: World) -> None:
    folder, truth, (weak, _, _, good) = world
    boxes = truth.boxes_per_class()
    rare = int(np.argmin(boxes))
    claims = {
        "all": {"effect": "good - weak", "metric": "mAP50_95"},
        "one": {"effect": "good - weak", "classes": ["class1"]},
        "rare": {"effect": "good - weak", "classes": {"boxes_below": int(np.sort(boxes)[1])}},
    }
    values = [row["value"] for row in judged(folder, claims).to_dict()["hypotheses"]]
    a, b = evaluate(good, truth), evaluate(weak, truth)
    names = truth.class_names
    assert values[0] == pytest.approx(a.mAP50_95 - b.mAP50_95, abs=1e-9)
    assert values[1] == pytest.approx(a.AP50["class1"] - b.AP50["class1"], abs=1e-9)
    assert values[2] == pytest.approx(a.AP50[names[rare]] - b.AP50[names[rare]], abs=1e-9)
    with pytest.raises(ConfigError, match="the truth has no 'klass1'; did you mean 'class1'"):
        judged(folder, {"H": {"effect": "good - weak", "classes": ["klass1"]}})
    with pytest.raises(ConfigError, match="boxes_below: 1 must leave some class, but there are class0"):
        judged(folder, {"H": {"effect": "good - weak", "classes": {"boxes_below": 1}}})


def test_ensembles_of_arms_and_of_single_seeds(world: World) -> None:
    folder, truth, (weak, _, _, good) = world
    arms = {
        "both": {"fuse": ["weak", "good"], "iou": 0.6, "weights": [1, 2]},
        "seeds": {"predictions": {4: "weak.parquet", 7: "good.parquet"}},
        "of_seeds": {"fuse": ["seeds@4", "seeds@7"], "iou": 0.6, "weights": [1, 2]},
        "calibrated": {"fuse": ["weak", "good"], "calibrate": "isotonic"},
        "found": {"search": ["weak", "good"], "families": ["fused"]},
    }
    claims = {name: {"effect": f"{name} - weak"} for name in ("both", "of_seeds", "calibrated", "found")}
    verdicts = judged(folder, claims, arms)
    both, of_seeds, calibrated, found = verdicts.to_dict()["hypotheses"]
    expected = evaluate(fuse([weak, good], iou=0.6, weights=[1, 2]), truth).mAP50
    assert both["arms"]["both"]["score"] == pytest.approx(expected, abs=1e-9)
    assert of_seeds["value"] == both["value"]
    assert calibrated["value"] not in (both["value"], found["value"])
    assert found["value"] > 0
    with pytest.raises(ConfigError, match=r"seeds@5: arm seeds must have the seed 5, but has 4, 7"):
        judged(folder, {"H": {"effect": "x - weak"}}, arms | {"x": {"fuse": ["seeds@5", "weak"]}})


def test_seeds_widen_the_interval_and_are_told(world: World) -> None:
    folder, *_ = world
    arms = {"seeds": {"predictions": {0: "weak.parquet", 1: "good.parquet"}}}
    alone = first(judged(folder, {"H": {"effect": "good - weak"}}))
    found = first(judged(folder, {"H": {"effect": "good - seeds"}}, arms))
    assert found["seeds"] == {"good": 1, "seeds": 2}
    assert found["errors"]["seeds"] > 0
    assert found["high"] - found["low"] > 5 * (alone["high"] - alone["low"])  # two seeds that are far apart
    assert found["needed"]["seeds"] > 2
    assert alone["errors"]["seeds"] is None
    assert any("one training of each model" in note for note in alone["notes"])


def test_members_must_have_the_same_seeds(world: World) -> None:
    folder, *_ = world
    arms = {
        "a": {"predictions": {0: "weak.parquet", 1: "good.parquet"}},
        "b": {"predictions": {0: "weak.parquet", 2: "good.parquet"}},
        "both": {"fuse": ["a", "b"]},
    }
    with pytest.raises(ConfigError, match=r"arms\.both: members must have the same seeds, but a has \(0, 1\)"):
        judged(folder, {"H": {"effect": "both - a"}}, arms)


@pytest.mark.parametrize(
    ("claim", "arms", "line"),
    [
        ({"effect": "good - half"}, {}, r"images must be equal, but good: 40 of 40; half: 20 of 40"),
        ({"effect": "good - cut"}, {}, r"score_floor must be equal, but good: lowest score 0\.0\d+, cut at 0\.40\d -0"),
        (
            {"effect": "good - more"},
            {
                "more": {"predictions": "good.parquet", "iterations": 9},
                "good": {"predictions": "good.parquet", "iterations": 8},
            },
            r"iterations must be equal, but good: 8; more: 9",
        ),
        (
            {"effect": "good - more", "equal": ["member_count"]},
            {"more": {"fuse": ["good", "weak"]}},
            r"member_count must be equal, but good: 1; more: 2",
        ),
        ({"effect": "good - weak", "equal": ["tta"]}, {}, r"tta must be known to be equal, but good: not known"),
        (
            {"effect": "good - more"},
            {"more": {"predictions": "good.parquet", "trained_on": "truth.json"}},
            r"leaks must be equal, but good: not known; more: 40 judged images were learned",
        ),
    ],
)
def test_unlike_things_are_refused_by_name(
    world: World, claim: dict[str, Any], arms: dict[str, Any], line: str
) -> None:
    folder, *_ = world
    with pytest.raises(UsageError, match=line) as caught:
        judged(folder, {"H": claim}, arms)
    assert "hypotheses.H: " in str(caught.value)


def test_what_differs_may_be_allowed_with_a_reason_or_made_equal(world: World) -> None:
    folder, truth, (_, cut, _, good) = world
    allowed = {"effect": "good - cut", "unequal": {"score_floor": "as they came"}}
    claims = {
        "native": allowed,
        "common": {"effect": "good - cut", "floor": "common"},
        "half": {"effect": "good - half", "images": "common"},
    }
    native, common, half = judged(folder, claims).to_dict()["hypotheses"]
    assert "score_floor may differ: as they came" in native["notes"]
    assert common["floor"] == pytest.approx(cut.score.min())
    assert common["arms"]["good"]["score"] == pytest.approx(
        evaluate(good.above(common["floor"]), truth).mAP50, abs=1e-9
    )
    assert half["images"] == IMAGES // 2
    states = {check["name"]: check["state"] for check in half["footing"]}
    assert states == {"images": "equal", "score_floor": "equal"} | dict.fromkeys(
        ("folds", "leaks", "tta", "iterations"), "unknown"
    )


def test_no_common_image(world: World) -> None:
    folder, truth, (_, _, _, good) = world
    write_predictions(good.of_images(truth.images.id[IMAGES // 2 :]), folder / "rest.parquet", truth)
    with pytest.raises(DataError, match="an image of the truth must be looked at by all arms"):
        judged(folder, {"H": {"effect": "rest - half", "images": "common"}}, {"rest": {"predictions": "rest.parquet"}})


def test_a_ratio_of_gains_and_the_shape_of_the_json(world: World) -> None:
    folder, *_ = world
    arms = {"x": {"fuse": ["weak", "good"]}, "y": {"fuse": ["weak", "cut"]}}
    claim = {"effect": "(x - weak) / (y - weak)", "smallest_effect": 1.5, "unequal": {"score_floor": "native"}}
    verdicts = judged(folder, {"R": claim, "D": {"effect": "good - weak"}}, arms).to_dict()
    ratio = verdicts["hypotheses"][0]
    assert ratio["value"] == pytest.approx(ratio["gains"][0]["value"] / ratio["gains"][1]["value"])
    assert ratio["low"] is None or ratio["low"] < ratio["value"]
    assert json.loads(json.dumps(verdicts, allow_nan=False)) == verdicts
    assert verdicts["arms"]["x"]["members"] == ["weak", "good"]
    assert {"version", "name", "file", "truth", "error_rate", "power_wanted", "arms", "hypotheses"} <= verdicts.keys()


def test_the_forest_plot_is_a_picture_of_every_claim(world: World) -> None:
    folder, *_ = world
    arms = {"x": {"fuse": ["weak", "good"]}, "none": {"fuse": ["weak"], "method": "nms", "iou": 1.0}}
    claims = {
        "A<B": {"effect": "good - weak"},
        "R": {"effect": "(x - weak) / (none - weak)", "smallest_effect": 2},
    }
    picture = forest(judged(folder, claims, arms).to_dict())
    texts = ["".join(element.itertext()) for element in ET.fromstring(picture).iter() if element.tag.endswith("text")]
    assert "A<B" in texts
    assert "supported" in texts
    assert "no ratio: the gain below is not above 0" in texts
    assert "nan" not in picture
