"""COCO results JSON: a list of ``{image_id, category_id, bbox, score}`` (https://cocodataset.org/#format-results)."""

from pathlib import Path

import msgspec
import numpy as np

from bunri.boxes import FloatArray, xywh_to_xyxy
from bunri.dataset import Dataset
from bunri.files import write_bytes
from bunri.io.exact import xyxy_to_exact_xywh
from bunri.io.records import Records, blocks_of, decode_file
from bunri.predictions import Predictions, concatenate


def read_coco_results(path: Path, dataset: Dataset) -> Predictions:
    """Read COCO results.

    The format has no place for an image found empty, so, as in pycocotools, all images of the data set count as seen.

    Raises:
        DataError: The file is not such a list, or a record is wrong; the message has file, record and key.
    """
    raws = decode_file(path, "COCO results", list[msgspec.Raw])
    parts = [_predictions_of(block, dataset) for block in blocks_of(path, "results", raws)]
    return concatenate(parts, name=path.stem)


def _predictions_of(block: Records, dataset: Dataset) -> Predictions:
    return Predictions(
        image_id=block.known_integers("image_id", dataset.images.id, "an image id of the data set"),
        class_index=block.class_index(dataset.category_ids),
        score=_scores(block),
        box_xyxy=_boxes(block),
        seen_image_id=dataset.images.id,
    )


def _scores(block: Records) -> FloatArray:
    scores = block.required_numbers("score")
    wrong = (scores < 0) | (scores > 1)
    if wrong.any():
        block.refuse(int(wrong.argmax()), "score", "in [0, 1]", float(scores[wrong][0]))
    return scores


def _boxes(block: Records) -> FloatArray:
    xywh = block.boxes("bbox")
    negative = (xywh[:, 2:] < 0).any(axis=1)
    if negative.any():
        row = int(negative.argmax())
        block.refuse(row, "bbox", "x, y, width >= 0, height >= 0", xywh[row].tolist())
    return xywh_to_xyxy(xywh)


def write_coco_results(predictions: Predictions, path: Path, dataset: Dataset) -> None:
    """Write COCO results with the category ids of the data set.

    Raises:
        DataError: An image or class is not of the data set.
        OutputError: The file cannot be written.
    """
    dataset.rows_of(predictions.image_id)
    records = [
        {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}
        for image_id, category_id, bbox, score in zip(
            predictions.image_id.tolist(),
            np.asarray(dataset.category_ids)[predictions.class_index].tolist(),
            xyxy_to_exact_xywh(predictions.box_xyxy).tolist(),
            predictions.score.tolist(),
            strict=True,
        )
    ]
    write_bytes(path, msgspec.json.encode(records))
