import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bunri
from builders import make_dataset, make_predictions, random_world
from bunri.diagnosis.by_image import rows_by_image
from bunri.diagnosis.diagnosing import Share, diagnose
from bunri.diagnosis.pictures import draw_doubtful
from bunri.errors import DataError

SMALL = (10.0, 10.0, 30.0, 30.0)  # area 400, below 32 * 32
MEDIUM = (40.0, 10.0, 90.0, 60.0)  # area 2500


def test_rows_of_every_image_in_their_order() -> None:
    rows = rows_by_image(np.array([5, 2, 5, 9]), np.array([9, 5, 7]))
    assert [one.tolist() for one in rows] == [[3], [0, 2], []]


def test_found_shares_by_size_and_by_crowding() -> None:
    dataset = make_dataset([(1, 0, SMALL), (1, 0, MEDIUM), (2, 0, MEDIUM), (3, 0, MEDIUM)])
    found = diagnose(make_predictions([(1, 0, 0.9, MEDIUM), (2, 0, 0.8, MEDIUM)], seen=[1, 2]), dataset)
    assert found.by_size == {"small": Share(1, 0), "medium": Share(2, 2), "large": Share(0, 0)}
    assert found.by_crowding["1"] == Share(1, 1)
    assert found.by_crowding["2 to 3"] == Share(2, 1)
    assert found.counts["missed"] == 1
    assert Share(4, 3).recall == 0.75


def test_scores_are_the_evaluators_and_all_is_json() -> None:
    dataset, [member] = random_world(2, members=1)
    found = diagnose(member, dataset)
    assert found.evaluation == bunri.evaluate(member, dataset)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["lost"].keys() == found.lost.keys()
    assert sum(one.count.sum() for one in found.reliability_by_class.values()) == found.reliability.count.sum()


def test_no_boxes_at_all() -> None:
    found = diagnose(make_predictions([], seen=[1]), make_dataset())
    assert found.lost == dict.fromkeys(found.lost, 0.0) | {"missed": 1.0}
    assert found.counts["missed"] == 1


def test_predictions_of_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="at least one image"):
        diagnose(make_predictions([], seen=[99]), make_dataset())


def test_pictures_show_label_and_suggestion(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80), (120, 120, 120)).save(tmp_path / "0001.jpg")
    dataset = make_dataset([(1, 0, MEDIUM)], image_folder=tmp_path)
    doubts = diagnose(make_predictions([(1, 1, 0.9, (42.0, 12.0, 92.0, 62.0)), (1, 2, 0.6, SMALL)]), dataset).doubtful
    paths = draw_doubtful(doubts, dataset, tmp_path / "out")
    assert [path.name for path in paths] == ["001_class_0001.jpg", "002_missing_0001.jpg"]
    pixels = np.asarray(Image.open(paths[0]).convert("RGB"), np.int64)
    is_red = (pixels[..., 0] > 180) & (pixels[..., 1] < 90)
    is_blue = (pixels[..., 2] > 150) & (pixels[..., 0] < 90)
    assert is_red.sum() > 200
    assert is_blue.sum() > 200


def test_pictures_need_photos(tmp_path: Path) -> None:
    dataset = make_dataset()
    with pytest.raises(DataError, match="--images"):
        draw_doubtful(diagnose(make_predictions(), dataset).doubtful, dataset, tmp_path)
