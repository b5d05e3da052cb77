"""How well scores mean what they say, before and after calibration fitted out of fold, on real predictions.

    BUNRI_DATA=... python benchmarks/calibration.py

Folds keep capture sessions together. Printed are the expected calibration error in 15 bins, over all boxes and over
those of score 0.1 and more (most boxes of a detector have scores near 0, and there every error is small).
"""

import sys
from collections.abc import Iterator

import numpy as np
from timing import data_folder

from bunri.boxes import FloatArray
from bunri.fuse.calibration import calibrate_out_of_fold
from bunri.fuse.calibration_curves import CURVES
from bunri.fuse.reliability import reliability
from bunri.io import load_dataset, read_predictions
from bunri.search.calibrated import JudgedBoxes, judged_boxes
from bunri.search.task import make_task


def judged_members() -> Iterator[tuple[str, JudgedBoxes, FloatArray, int]]:
    """Each member with its boxes, their folds, and the number of classes."""
    folder = data_folder()
    if folder is None:
        sys.exit("BUNRI_DATA must name the folder with oof/ground_truth.json")
    dataset = load_dataset(folder / "oof" / "ground_truth.json")
    for path in sorted((folder / "oof").glob("*.csv")):
        task = make_task([read_predictions(path, dataset)], dataset)
        boxes = judged_boxes(task.members[0], task)
        yield path.stem, boxes, task.fold[boxes.image], len(dataset.class_names)


def errors(score: FloatArray, boxes: JudgedBoxes) -> str:
    """Of all boxes, and of those of score 0.1 and more."""
    likely = score >= 0.1
    return f"{reliability(score, boxes.is_true).ece:.4f} / {reliability(score[likely], boxes.is_true[likely]).ece:.4f}"


def main() -> None:
    print("| member | as they are |", " | ".join(CURVES), "|")
    print("|---" * (2 + len(CURVES)) + "|")
    for name, boxes, fold, classes in judged_members():
        columns = (boxes.score, boxes.class_index, boxes.is_true, np.asarray(fold))
        after = [errors(calibrate_out_of_fold(*columns, classes, method), boxes) for method in CURVES]
        print(f"| {name} | {errors(boxes.score, boxes)} |", " | ".join(after), "|", flush=True)


if __name__ == "__main__":
    main()
