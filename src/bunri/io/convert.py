"""From one format to another; YOLO files are a folder, all others are told by their suffix."""

from pathlib import Path

from bunri.dataset import Dataset
from bunri.errors import UsageError
from bunri.io import load_dataset, read_predictions, write_coco, write_predictions
from bunri.io.yolo import read_yolo, read_yolo_predictions, write_yolo, write_yolo_predictions

_OF_PREDICTIONS = {".csv", ".parquet"}


def convert_dataset(source: Path, target: Path) -> None:
    """COCO JSON to a YOLO folder, or a YOLO ``data.yaml`` to COCO JSON.

    Raises:
        DataError: The source is wrong.
        OutputError: The target cannot be written.
        UsageError: One of the two is a file of predictions.
    """
    if {source.suffix, target.suffix} & _OF_PREDICTIONS or source.is_dir():
        raise UsageError(
            f"a data set must be COCO JSON or a data.yaml, and go to COCO JSON or a folder, but got {source} and "
            f"{target}. If these are predictions, give the images they are on: --images COCO.json"
        )
    dataset = read_yolo(source) if source.suffix in {".yaml", ".yml"} else load_dataset(source)
    if target.suffix == ".json":
        write_coco(dataset, target)
    else:
        write_yolo(dataset, target)


def convert_predictions(source: Path, target: Path, images: Path) -> None:
    """Predictions of one format to another, a path without a suffix being a folder of YOLO files.

    Raises:
        DataError: The source is wrong or does not fit the images.
        OutputError: The target cannot be written.
    """
    dataset: Dataset = load_dataset(images)
    read = read_predictions if source.suffix else read_yolo_predictions
    predictions = read(source, dataset)
    if target.suffix:
        write_predictions(predictions, target, dataset)
    else:
        write_yolo_predictions(predictions, target, dataset)
