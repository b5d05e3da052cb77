from pathlib import Path

import pytest

from builders import make_dataset, make_predictions
from bunri.diagnosis.mistakes import match
from bunri.errors import DataError
from bunri.report.facts import ShownBox
from bunri.report.photos import errors_per_image, mistakes_of, worst_photos

OBJECT = (10.0, 10.0, 50.0, 50.0)
OTHER = (60.0, 10.0, 90.0, 40.0)

DATASET = make_dataset(
    [(1, 0, OBJECT), (2, 0, OBJECT), (2, 1, OTHER), (3, 0, OBJECT)], image_ids=[1, 2, 3, 4], image_folder=Path("photos")
)
# image 1: right; image 2: one wrong class, so one wrong box and two missed objects; 3: not looked at; 4: empty
MEMBER = make_predictions([(1, 0, 0.9, OBJECT), (2, 2, 0.9, OBJECT)], seen=[1, 2, 4], name="fcos")


def test_errors_per_image_counts_wrong_boxes_and_missed_objects() -> None:
    assert errors_per_image(match(MEMBER, DATASET), DATASET).tolist() == [0, 3, 0, 0]


def test_mistakes_of_a_member() -> None:
    mistakes = mistakes_of(match(MEMBER, DATASET), DATASET)
    assert (mistakes.member, mistakes.threshold, mistakes.missed) == ("fcos", 0.9, 2)
    assert {kind: count for kind, count in mistakes.kinds.items() if count} == {"hit": 1, "class": 1}


def test_the_worst_photo_comes_first_and_unseen_ones_not_at_all() -> None:
    photos = worst_photos([match(MEMBER, DATASET)], DATASET)
    assert [(photo.name, photo.errors) for photo in photos] == [("0002.jpg", 3), ("0001.jpg", 0), ("0004.jpg", 0)]
    assert photos[0].path == str(Path("photos") / "0002.jpg")


def test_count_limits_the_photos() -> None:
    assert len(worst_photos([match(MEMBER, DATASET)], DATASET, count=1)) == 1


def test_panels_show_the_truth_then_each_member_with_what_it_missed() -> None:
    other = match(make_predictions([(2, 1, 0.87654, OTHER)], seen=[1, 2, 3, 4], name="retinanet"), DATASET)
    [photo] = worst_photos([other, match(MEMBER, DATASET)], DATASET, count=1)
    assert [panel.title for panel in photo.panels] == ["truth", "retinanet", "fcos"]
    assert photo.panels[0].boxes == (ShownBox("Paper", OBJECT, "truth"), ShownBox("Metal", OTHER, "truth"))
    assert photo.panels[1].boxes == (
        ShownBox("Paper", OBJECT, "missed"),
        ShownBox("Metal", OTHER, "hit", 0.877),
    )
    assert [box.kind for box in photo.panels[2].boxes] == ["missed", "missed", "class"]


def test_photos_need_their_folder() -> None:
    with pytest.raises(DataError, match="image folder must be known"):
        worst_photos([match(MEMBER, make_dataset([(1, 0, OBJECT)], image_ids=[1, 2]))], make_dataset())
