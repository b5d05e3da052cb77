from dataclasses import replace

import numpy as np

from builders import make_dataset, make_predictions, random_world
from bunri.diagnosis.label_errors import doubtful_labels

OBJECT = (10.0, 10.0, 50.0, 50.0)
OTHER = (60.0, 10.0, 90.0, 40.0)


def test_a_sure_other_class_speaks_against_a_label() -> None:
    [doubt] = doubtful_labels(make_predictions([(1, 1, 0.9, OBJECT)]), make_dataset([(1, 0, OBJECT)]))
    assert (doubt.doubt, doubt.label, doubt.suggested) == ("class", "Paper", "Metal")
    assert (doubt.doubtfulness, doubt.annotation_id, doubt.file_name) == (0.9, 1, "0001.jpg")


def test_support_for_the_label_weakens_the_doubt() -> None:
    boxes = [(1, 1, 0.9, OBJECT), (1, 0, 0.6, OBJECT)]
    [doubt] = doubtful_labels(make_predictions(boxes), make_dataset([(1, 0, OBJECT)]))
    assert doubt.doubtfulness == round(0.9 * 0.4, 4)


def test_a_sure_box_where_nothing_is_labelled_is_told_once() -> None:
    boxes = [(1, 0, 0.95, OBJECT), (1, 2, 0.8, OTHER), (1, 1, 0.7, (61.0, 11.0, 91.0, 41.0))]
    first, second = doubtful_labels(make_predictions(boxes), make_dataset([(1, 0, OBJECT)]))
    assert (first.doubt, first.suggested, first.box_xyxy) == ("missing", "Glass", OTHER)
    assert first.label is None
    assert second.label == "Paper"
    assert second.doubtfulness == round(0.95 * 0.05**2, 4)  # hardly any: it is seen as surely as any of its size


def test_a_badly_placed_label() -> None:
    boxes = [(1, 0, 0.9, (10.0, 10.0, 50.0, 34.0))]  # IoU 960 / 1600 = 0.6
    [doubt] = doubtful_labels(make_predictions(boxes), make_dataset([(1, 0, OBJECT)]))
    assert (doubt.doubt, doubt.doubtfulness) == ("place", round(0.9 * 0.4, 4))


def test_an_unseen_label_is_doubted_as_far_as_its_like_are_seen() -> None:
    dataset = make_dataset([(k, 0, OBJECT) for k in range(1, 6)])
    predictions = make_predictions([(k, 0, 1.0, OBJECT) for k in range(1, 5)], seen=range(1, 6))
    worst = doubtful_labels(predictions, dataset)[0]
    assert (worst.image_id, worst.doubt, worst.suggested) == (5, "spurious", None)
    assert worst.doubtfulness == 0.8  # four of five of its size are seen, surely


def test_crowds_and_images_not_seen_are_left_out() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 0, OTHER), (2, 0, OBJECT)], crowd=[False, True, False])
    found = doubtful_labels(make_predictions([(1, 0, 0.9, OBJECT)], seen=[1]), dataset)
    assert [(doubt.image_id, doubt.annotation_id) for doubt in found] == [(1, 1)]


def test_planted_wrong_classes_come_first() -> None:
    dataset, [member] = random_world(4, images=40, members=1)
    truth = dataset.annotations
    sure = replace(
        member,
        image_id=truth.image_id,
        class_index=truth.class_index,
        score=np.full(len(truth), 0.9),
        box_xyxy=truth.box_xyxy + 1.0,
        seen_image_id=dataset.images.id,
    )
    planted = np.array([3, 50, 120])
    wrong = truth.class_index.copy()
    wrong[planted] = (wrong[planted] + 1) % 3
    spoilt = replace(dataset, annotations=replace(truth, class_index=wrong))
    found = doubtful_labels(sure, spoilt, most=3)
    assert {doubt.annotation_id for doubt in found} == set(truth.id[planted].tolist())
    assert {doubt.doubt for doubt in found} == {"class"}
