import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import assert_same_predictions, make_dataset, make_predictions, random_world
from bunri.errors import DataError, MissingPackageError
from bunri.io import write_coco
from bunri.sharing import (
    from_supervision,
    label_studio_config,
    label_studio_tasks,
    to_fiftyone,
    to_supervision,
    write_label_studio,
)

BOXES = [(1, 0, 0.9, (10.0, 10.0, 50.0, 50.0)), (1, 1, 0.2, (0.0, 0.0, 110.0, 40.0)), (2, 2, 0.6, (5.0, 5.0, 9.0, 9.0))]
DATASET = make_dataset([(1, 0, (10.0, 10.0, 50.0, 50.0)), (2, 2, (5.0, 5.0, 9.0, 9.0))], image_ids=(1, 2, 3))


def test_supervision_and_back() -> None:
    pytest.importorskip("supervision")
    predictions = make_predictions(BOXES, seen=[1, 2, 3])
    there = {image: to_supervision(predictions, DATASET, image) for image in (1, 2, 3)}
    assert [len(detections) for detections in there.values()] == [2, 1, 0]
    assert there[1].data["class_name"].tolist() == ["Paper", "Metal"]
    assert_same_predictions(from_supervision(there, "model"), predictions)


def test_supervision_works_on_what_it_gets() -> None:
    supervision = pytest.importorskip("supervision")
    detections = to_supervision(make_predictions(BOXES), DATASET, 1, min_score=0.5)
    photo = np.zeros((80, 100, 3), np.uint8)
    drawn = supervision.BoxAnnotator().annotate(photo.copy(), detections)
    assert drawn.any()
    assert detections.area.tolist() == [1600.0]


def test_supervision_of_a_strange_image_and_without_scores() -> None:
    supervision = pytest.importorskip("supervision")
    with pytest.raises(DataError, match="77"):
        to_supervision(make_predictions(), DATASET, 77)
    with pytest.raises(DataError, match="confidence and class_id"):
        from_supervision({1: supervision.Detections(xyxy=np.array([[0.0, 0, 1, 1]]))})


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("supervision", lambda: to_supervision(make_predictions(), DATASET, 1)),
        ("fiftyone", lambda: to_fiftyone(make_dataset(image_folder=Path()))),
    ],
)
def test_a_missing_package_is_named(module: str, call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=f"pip install {module}"):
        call()


def test_label_studio_tasks_are_in_percent() -> None:
    [first, second, third] = label_studio_tasks(DATASET)
    assert first["data"] == {"image": "/data/local-files/?d=0001.jpg", "image_id": 1}
    [box] = first["annotations"][0]["result"]
    assert box["value"] == {
        "x": 10.0, "y": 12.5, "width": 40.0, "height": 50.0, "rotation": 0, "rectanglelabels": ["Paper"],
    }  # fmt: skip
    assert (box["original_width"], box["original_height"]) == (100, 80)
    assert second["annotations"][0]["result"][0]["value"]["rectanglelabels"] == ["Glass"]
    assert third["annotations"] == [{"result": []}]


def test_pre_annotations_keep_their_scores_and_stay_on_the_photo() -> None:
    tasks = label_studio_tasks(DATASET, make_predictions(BOXES, seen=[1, 2]), min_score=0.1, photo_url="https://x/")
    assert [task["data"]["image"] for task in tasks] == ["https://x/0001.jpg", "https://x/0002.jpg"]
    [block] = tasks[0]["predictions"]
    assert (block["model_version"], block["score"]) == ("model", 0.2)
    assert [result["score"] for result in block["result"]] == [0.9, 0.2]
    assert block["result"][1]["value"]["width"] == 100.0  # cut at the border
    assert len(label_studio_tasks(DATASET, make_predictions(BOXES), min_score=0.5)[0]["predictions"][0]["result"]) == 1


def test_the_labelling_config_has_every_class_escaped() -> None:
    root = ET.fromstring(label_studio_config(make_dataset(class_names=('"<a>&', "b", "c"))))
    assert [label.get("value") for label in root.iter("Label")] == ['"<a>&', "b", "c"]
    [control] = root.iter("RectangleLabels")
    [photo] = root.iter("Image")
    assert (control.get("toName"), photo.get("value")) == (photo.get("name"), "$image")


def test_label_studios_own_converter_gives_the_same_boxes(tmp_path: Path) -> None:
    coco = pytest.importorskip("label_studio_sdk.converter.imports.coco", reason="label-studio-sdk is not installed")
    dataset, _ = random_world()
    write_coco(dataset, tmp_path / "coco.json")
    coco.convert_coco_to_ls(str(tmp_path / "coco.json"), str(tmp_path / "theirs.json"))
    write_label_studio(tmp_path / "ours.json", dataset)
    theirs, ours = (json.loads((tmp_path / name).read_text()) for name in ("theirs.json", "ours.json"))
    assert len(theirs) == len(ours) == len(dataset)
    by_photo = {task["data"]["image"]: task["annotations"][0]["result"] for task in theirs}
    for task in ours:
        for our, their in zip(task["annotations"][0]["result"], by_photo[task["data"]["image"]], strict=True):
            assert set(their) <= set(our)
            for key in (
                "type",
                "to_name",
                "original_width",
                "original_height",
                "image_rotation",
            ):  # its control has another name
                assert our[key] == their[key]
            assert our["value"].pop("rectanglelabels") == their["value"].pop("rectanglelabels")
            assert our["value"] == pytest.approx(their["value"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cvats_reader_gives_the_same_boxes(tmp_path: Path) -> None:
    """CVAT reads ``COCO 1.0`` by Datumaro."""
    datumaro = pytest.importorskip("datumaro", reason="datumaro is not installed")
    dataset, _ = random_world(images=5)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    write_coco(dataset, tmp_path / "annotations" / "instances_default.json")
    read = datumaro.Dataset.import_from(str(tmp_path), "coco_instances")
    boxes = [(item.id, box.label, *box.points) for item in read for box in item.annotations]
    names = {int(i): Path(n).stem for i, n in zip(dataset.images.id, dataset.images.file_name, strict=True)}
    truth = dataset.annotations
    ours = [
        (names[int(i)], int(c), *b)
        for i, c, b in zip(truth.image_id, truth.class_index, truth.box_xyxy.tolist(), strict=True)
    ]
    for our, their in zip(sorted(ours), sorted(boxes), strict=True):
        assert our[:2] == their[:2]
        assert our[2:] == pytest.approx(their[2:], abs=0.01)  # Datumaro rounds to 0.01 px


def test_fiftyone_samples() -> None:
    pytest.importorskip("fiftyone", reason="fiftyone is not installed")
    dataset = make_dataset([(1, 0, (10.0, 10.0, 50.0, 50.0))], image_ids=(1, 2, 3), image_folder=Path("/photos"))
    predictions = make_predictions([(1, 1, 0.5, (0.0, 0.0, 50.0, 80.0))], seen=[1, 2], name="yolo")
    first, second, third = to_fiftyone(dataset, [predictions])
    assert first.filepath == "/photos/0001.jpg"
    [truth] = first.ground_truth.detections
    assert (truth.label, truth.bounding_box, truth.confidence) == ("Paper", [0.1, 0.125, 0.4, 0.5], None)
    [found] = first["yolo"].detections
    assert (found.label, found.bounding_box, found.confidence) == ("Metal", [0.0, 0.0, 0.5, 1.0], 0.5)
    assert second["yolo"].detections == []
    assert not third.has_field("yolo")


def test_fields_of_fiftyone_need_names() -> None:
    with pytest.raises(DataError, match=r"\.named"):
        to_fiftyone(make_dataset(image_folder=Path()), [make_predictions(name="")])
