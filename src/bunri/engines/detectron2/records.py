"""Our photos as Detectron2's data sets, registered under names of ours."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.engines.detectron2.native import VAL
from bunri.engines.feeding import boxes_to_learn

Record = dict[str, Any]


def records_to_learn(dataset: Dataset) -> list[Record]:
    """A record for each photo with the boxes to learn; photos without any stay."""
    return [_record(dataset, row, *boxes_to_learn(dataset, row)) for row in range(len(dataset))]


def records_to_judge(dataset: Dataset) -> list[Record]:
    """A record for each photo with all its boxes, crowd regions marked."""
    truth, records = dataset.annotations, []
    for row in range(len(dataset)):
        mine = truth.image_id == dataset.images.id[row]
        record = _record(dataset, row, truth.box_xyxy[mine], truth.class_index[mine])
        for annotation, is_crowd in zip(record["annotations"], truth.is_crowd[mine], strict=True):
            annotation["iscrowd"] = int(is_crowd)
        records.append(record)
    return records


def _record(dataset: Dataset, row: int, box_xyxy: FloatArray, class_index: IntArray) -> Record:
    from detectron2.structures import BoxMode

    return {
        "file_name": str(dataset.path_of(row)),
        "image_id": int(dataset.images.id[row]),
        "width": int(dataset.images.width[row]),
        "height": int(dataset.images.height[row]),
        "annotations": [
            {"bbox": box.tolist(), "bbox_mode": BoxMode.XYXY_ABS, "category_id": int(index), "iscrowd": 0}
            for box, index in zip(box_xyxy, class_index, strict=True)
        ],
    }


def register(name: str, records: Sequence[Record], class_names: Sequence[str]) -> None:
    """Put records into Detectron2's catalogue, in place of what had the name before."""
    from detectron2.data import DatasetCatalog, MetadataCatalog

    for catalog in (DatasetCatalog, MetadataCatalog):
        if name in catalog.list():
            catalog.remove(name)
    DatasetCatalog.register(name, partial(list, records))
    MetadataCatalog.get(name).set(thing_classes=list(class_names), evaluator_type="coco")


def native_evaluator(folder: Path) -> Any:
    """Detectron2's own evaluator of the registered held-out photos, without its compiled operators.

    Its truth, as COCO JSON with ids from 1, is written to ``folder`` first.
    """
    from detectron2.data import MetadataCatalog
    from detectron2.data.datasets.coco import convert_to_coco_json
    from detectron2.evaluation import COCOEvaluator

    truth = folder / "val_coco_format.json"
    convert_to_coco_json(VAL, str(truth), allow_cached=False)
    MetadataCatalog.get(VAL).json_file = str(truth)
    return COCOEvaluator(VAL, tasks=("bbox",), distributed=False, use_fast_impl=False)
