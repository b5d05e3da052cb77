from builders import make_dataset, make_predictions
from bunri.diagnosis.mistakes import KINDS, match
from bunri.report.photos import errors_per_image, photos_of

OBJECT = (10.0, 10.0, 50.0, 50.0)
OTHER = (60.0, 10.0, 90.0, 40.0)
DATASET = make_dataset([(1, 0, OBJECT), (2, 0, OBJECT), (2, 1, OTHER), (3, 0, OBJECT)], image_ids=[1, 2, 3, 4])
# image 1: right; image 2: one wrong class, so one wrong box and two missed objects; 3: not looked at; 4: empty
MEMBER = match(make_predictions([(1, 0, 0.9, OBJECT), (2, 2, 0.9, OBJECT)], seen=[1, 2, 4], name="fcos"), DATASET)


def test_errors_per_image_counts_wrong_boxes_and_missed_objects() -> None:
    assert errors_per_image(MEMBER, DATASET).tolist() == [0, 3, 0, 0]


def test_the_worst_photo_comes_first_and_unseen_ones_not_at_all() -> None:
    photos, rows = photos_of([MEMBER], DATASET)
    assert [photo["name"] for photo in photos] == ["0002.jpg", "0001.jpg", "0004.jpg"]
    assert rows.tolist() == [1, 0, 3]


def test_boxes_are_rows_of_whole_numbers_in_thousandths_of_the_longer_side() -> None:
    worst, right, empty = photos_of([MEMBER], DATASET)[0]
    assert worst["size"] == [1000, 800]
    assert worst["truth"] == [0, 100, 100, 400, 400, 1, 600, 100, 300, 300]
    assert worst["boxes"] == [[2, 90, KINDS.index("class"), -1, 100, 100, 400, 400]]
    assert right["boxes"] == [[0, 90, KINDS.index("hit"), 0, 100, 100, 400, 400]]
    assert (empty["truth"], empty["boxes"]) == ([], [[]])


def test_a_hit_names_its_object_among_those_of_the_photo() -> None:
    member = match(make_predictions([(2, 1, 0.87654, OTHER)], seen=[2], name="ssd"), DATASET)
    [photo] = photos_of([member], DATASET)[0]
    assert photo["boxes"][0][1:4] == [87, KINDS.index("hit"), 1]


def test_a_member_that_did_not_look_has_none() -> None:
    other = match(make_predictions([(3, 0, 0.9, OBJECT)], seen=[3], name="ssd"), DATASET)
    photos = {photo["name"]: photo["boxes"] for photo in photos_of([other, MEMBER], DATASET)[0]}
    assert photos["0003.jpg"][1] is None
    assert photos["0004.jpg"] == [None, []]
