from builders import make_dataset, make_predictions
from bunri.diagnosis.confusion import confusion
from bunri.diagnosis.mistakes import match

OBJECT = (10.0, 10.0, 50.0, 50.0)
OTHER = (60.0, 10.0, 90.0, 40.0)
NOWHERE = (10.0, 60.0, 40.0, 79.0)


def test_right_wrong_missed_and_dreamt_of() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 1, OTHER), (2, 2, OBJECT)], class_names=("a", "b", "c"))
    boxes = [(1, 0, 0.9, OBJECT), (1, 2, 0.9, OTHER), (1, 1, 0.9, NOWHERE)]
    found = confusion(match(make_predictions(boxes, seen=[1, 2]), dataset), dataset)
    # rows: objects a, b, c, nothing; columns: boxes a, b, c, nothing
    assert found.count.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    assert found.worst() == [("b", "c", 1)]


def test_the_right_class_comes_before_a_higher_overlap() -> None:
    dataset = make_dataset([(1, 0, OBJECT)])
    boxes = [(1, 1, 0.9, OBJECT), (1, 0, 0.9, (10.0, 10.0, 50.0, 44.0))]
    found = confusion(match(make_predictions(boxes), dataset), dataset)
    assert found.count[0].tolist() == [1, 0, 0, 0]
    assert found.count[3].tolist() == [0, 1, 0, 0]


def test_boxes_below_the_threshold_and_images_not_seen_do_not_count() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (2, 0, OBJECT)])
    found = confusion(match(make_predictions([(1, 0, 0.9, OBJECT), (1, 1, 0.01, OTHER)], seen=[1]), dataset), dataset)
    assert found.count.sum() == 1
    assert found.to_dict()["class_names"] == ["Paper", "Metal", "Glass"]


def test_crowds_are_no_objects() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 0, OTHER)], crowd=[False, True])
    found = confusion(match(make_predictions([(1, 0, 0.9, OBJECT), (1, 0, 0.8, OTHER)]), dataset), dataset)
    assert found.count.sum() == 1
