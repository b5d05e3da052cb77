import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import assert_same_predictions, make_predictions, random_world
from bunri.errors import DataError, UsageError
from bunri.evaluate import evaluate
from bunri.fuse import fuse
from bunri.learned import (
    LearnedFusion,
    TooLittleDataError,
    TreeSettings,
    fit_learned,
)
from bunri.learned.explanation import explain_gains
from learned_worlds import agreeing_world

FAST = TreeSettings(seeds=3, rounds=15, leaves=7, least_in_leaf=10)


def fitted(**changes: Any) -> tuple[LearnedFusion, dict[str, Any]]:
    dataset, members = agreeing_world()
    fusion = fit_learned(members, dataset, **{"settings": FAST, "folds": 0, **changes})
    return fusion, {"dataset": dataset, "members": members}


def new_members() -> tuple[Any, dict[str, Any]]:
    dataset, members = agreeing_world(seed=7, images=40)
    return dataset, {member.name: member for member in members}


def test_what_scores_do_not_tell_agreement_does() -> None:
    fusion, world = fitted(folds=3)
    searched = evaluate(fuse(world["members"], "wbf", iou=0.7), world["dataset"]).mAP50
    assert fusion.out_of_fold is not None
    assert evaluate(fusion.out_of_fold, world["dataset"]).mAP50 > searched + 0.1
    dataset, members = new_members()
    assert evaluate(fusion.apply(members), dataset).mAP50 > evaluate(fuse(list(members.values())), dataset).mAP50 + 0.1


def test_one_member_alone_is_scored_by_its_context() -> None:
    dataset, members = agreeing_world()
    fusion = fit_learned(members[:1], dataset, settings=FAST, folds=3)
    assert fusion.members == fusion.sources == ("left",)
    assert fusion.out_of_fold is not None
    assert sorted(fusion.out_of_fold.seen_image_id) == sorted(dataset.images.id)
    assert len(fusion.out_of_fold) <= len(members[0])


def test_an_image_is_scored_out_of_fold_by_a_model_that_did_not_see_it_or_its_group() -> None:
    """The objects of one group are put elsewhere: its own scores do not notice, those of other groups do."""
    dataset, members = agreeing_world()
    groups, truth = np.arange(130) // 13, dataset.annotations
    elsewhere = np.where((truth.image_id <= 13)[:, None], truth.box_xyxy[::-1], truth.box_xyxy)
    moved = replace(dataset, annotations=replace(truth, box_xyxy=elsewhere))
    plain, other = (fit_learned(members, one, groups, settings=FAST, folds=5).out_of_fold for one in (dataset, moved))
    assert plain is not None
    assert other is not None
    own = plain.image_id <= 13
    np.testing.assert_array_equal(plain.score[own], other.score[own])
    assert not np.array_equal(plain.score[~own], other.score[~own])


def test_the_same_seed_gives_the_same_scores() -> None:
    _, members = new_members()
    (a, _), (b, _), (c, _) = fitted(seed=0), fitted(seed=0, threads=2), fitted(seed=1)
    assert_same_predictions(a.apply(members), b.apply(members))
    assert not np.array_equal(a.apply(members).score, c.apply(members).score)


def test_saved_and_loaded_nothing_changes(tmp_path: Path) -> None:
    fusion, _ = fitted()
    fusion.save(tmp_path / "fusion.json")
    back = LearnedFusion.load(tmp_path / "fusion.json")
    dataset, members = new_members()
    assert_same_predictions(fusion.apply(members, dataset), back.apply(members, dataset))
    assert back.explain() == fusion.explain()
    assert back.out_of_fold is None


def test_members_are_found_by_name_and_boxes_are_cut_where_asked() -> None:
    fusion, _ = fitted()
    dataset, members = new_members()
    reverse = dict(reversed(members.items())) | {"stranger": members["left"]}
    assert_same_predictions(fusion.apply(members), fusion.apply(reverse))
    out = make_predictions([(1, 0, 0.9, (-50.0, 0.0, 700.0, 100.0))], name="left")
    cut = fusion.apply({"left": out, "right": members["right"]}, dataset)
    assert cut.box_xyxy.min() >= 0
    assert cut.box_xyxy.max() <= 600


def test_scores_are_probabilities_of_every_candidate() -> None:
    fusion, _ = fitted()
    dataset, members = new_members()
    result = fusion.apply(members)
    assert 0 < result.score.min() < 0.2
    assert 0.7 < result.score.max() < 1
    assert result.seen_image_id.tolist() == dataset.images.id.tolist()
    assert len(result) == len(fuse(list(members.values()), "wbf", iou=0.7))


def test_a_missing_member_is_refused_by_name() -> None:
    fusion, _ = fitted()
    _, members = new_members()
    del members["right"]
    with pytest.raises(DataError, match="needs the members left, right, but right"):
        fusion.apply(members)


def test_other_classes_are_refused() -> None:
    fusion, _ = fitted()
    _, members = new_members()
    members["left"] = make_predictions([(1, 3, 0.9, (0.0, 0.0, 5.0, 5.0))], name="left")
    with pytest.raises(DataError, match="left names class 3, but there are 3 classes"):
        fusion.apply(members)


@pytest.mark.parametrize("images", [30, 99])
def test_too_little_data_is_refused_and_the_next_step_is_said(images: int) -> None:
    dataset, members = agreeing_world(images=images)
    with pytest.raises(TooLittleDataError, match=f"at least 100 images .* there are {images}.*weighted boxes fusion"):
        fit_learned(members, dataset, settings=FAST)


def test_images_without_an_object_found_do_not_count_as_data() -> None:
    dataset, members = agreeing_world(images=130)
    blind = [member.of_images(range(1, 61)) for member in members]
    with pytest.raises(TooLittleDataError, match="there are 60"):
        fit_learned(blind, dataset, settings=FAST)


def test_members_without_names_and_with_strange_classes_are_refused() -> None:
    dataset, (a, b) = agreeing_world(images=5)
    for wrong in ([], [a, a], [a.named("")]):
        with pytest.raises(UsageError, match="each with a name of its own"):
            fit_learned(wrong, dataset)
    _, strangers = random_world(images=5, classes=9)
    with pytest.raises(DataError, match="but there are 3 classes"):
        fit_learned([b, strangers[0]], dataset)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    fitted(folds=2, progress=lambda *one: told.append(one))
    assert told == [("fold", 1, 2), ("fold", 2, 2), ("all images", 1, 1)]


def broken(values: dict[str, Any], how: str) -> Any:
    changes: dict[str, Any] = {
        "format": {"format": 1},
        "no members": {"members": None},
        "strange source": {"sources": ["stranger"]},
        "no source": {"sources": []},
        "no trees": {"trees": {}},
        "no forest": {"trees": values["trees"] | {"named": []}},
        "share above 1": {"trees": values["trees"] | {"in_steps": 2}},
        "no gains": {"trees": values["trees"] | {"gains": [1]}},
        "text for an array": {"trees": values["trees"] | {"direct": values["trees"]["direct"] | {"root": "x"}}},
    }
    return values | changes[how]


@pytest.mark.parametrize(
    "how",
    [
        "format",
        "no members",
        "strange source",
        "no source",
        "no trees",
        "no forest",
        "share above 1",
        "no gains",
        "text for an array",
    ],
)
def test_what_is_not_whole_is_refused(how: str) -> None:
    fusion, _ = fitted()
    with pytest.raises(DataError, match="must be whole"):
        LearnedFusion.from_dict(broken(json.loads(json.dumps(fusion.to_dict())), how))


def test_features_of_another_version_are_refused() -> None:
    fusion, _ = fitted()
    values = fusion.to_dict()
    values["trees"]["gains"] = {f"old {name}": share for name, share in values["trees"]["gains"].items()}
    with pytest.raises(DataError, match="features of this version"):
        LearnedFusion.from_dict(values).apply(new_members()[1])


def test_it_explains_what_carried_the_gain() -> None:
    found = fitted()[0].explain()
    for shares in (found.features, found.members, found.views):
        assert sum(shares.values()) == pytest.approx(1)
    assert list(found.features.values()) == sorted(found.features.values(), reverse=True)
    assert set(found.members) == {"left", "right", "shared"}
    assert found.to_dict()["views"] == found.views
    assert str(found).startswith("gain by feature: ")


def test_gains_by_member_and_view() -> None:
    gains = {"all: score": 0.5, "member a: best_50": 0.2, "member b: best_50": 0.1, "member b: iou": 0.2}
    found = explain_gains(gains, ("a", "b"))
    assert found.members == pytest.approx({"a": 0.2, "b": 0.3, "shared": 0.5})
    assert found.views == pytest.approx({"all": 0.5, "member": 0.5})
    assert "member: a 20%, b 30%, shared 50%" in str(found)
