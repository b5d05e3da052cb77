"""Learned fusion on real out-of-fold predictions: honest mAP50 and seconds.

    BUNRI_DATA=... python benchmarks/learned_fusion.py [THREADS [SEEDS]]

Folds keep capture sessions together; every image is scored by a model fitted without its fold. Where a member looked
at a part of the images only, the model is fitted on all images, and the score is that on its part.
"""

import sys
import time
from pathlib import Path

import numpy as np
from timing import data_folder

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.evaluate import compare
from bunri.evaluate.matching import match, objects_of
from bunri.fuse import fuse
from bunri.io import load_dataset, read_predictions
from bunri.learned import TreeSettings, fit_learned
from bunri.predictions import Predictions
from bunri.search.task import capture_sessions

TEAMS = (
    ("deta_swinl",),
    ("deta_swinl", "deta_swinl_hflip"),
    ("deta_swinl", "deta_swinl_hflip", "yolo11"),
    ("deta_swinl", "deta_swinl_hflip", "cascade_rcnn"),
)


def mAP50(predictions: Predictions, dataset: Dataset, image_id: IntArray) -> float:
    matches = match(predictions, objects_of(dataset, image_id))
    return float(matches.mAP50(np.ones((len(image_id), 1), np.int64))[0])


def row(folder: Path, dataset: Dataset, names: tuple[str, ...], threads: int, settings: TreeSettings) -> str:
    """One line of the table: of a team, on the images all of it looked at."""
    members = [read_predictions(folder / f"{name}.csv", dataset, name).clipped(dataset) for name in names]
    sessions = capture_sessions(dataset)
    start, processor = time.monotonic(), time.process_time()
    learned = fit_learned(members, dataset, sessions, threads=threads, settings=settings).out_of_fold
    seconds, of_processor = time.monotonic() - start, time.process_time() - processor
    assert learned is not None
    part = np.intersect1d(members[-1].seen_image_id, members[0].seen_image_id)
    wbf = fuse(members, "wbf", iou=0.7)
    scores = " | ".join(f"{mAP50(one, dataset, part):.4f}" for one in (members[0], wbf, learned))
    rows = dataset.rows_of(part)
    groups = None if sessions is None else sessions[rows]
    pair = [one.of_images(part).named(name) for one, name in ((learned, "learned"), (wbf, "wbf"))]
    gain = compare(*pair, dataset.subset(part), min_score=0.0, groups=groups)
    points = [100 * value for value in (gain.difference, gain.low, gain.high)]
    interval = f"{points[0]:+.1f} [{points[1]:+.1f}, {points[2]:+.1f}]"
    return f"| {' + '.join(names)} | {len(part)} | {scores} | {interval} | {seconds:.0f} s, {of_processor:.0f} s |"


def main() -> None:
    folder = data_folder()
    if folder is None:
        sys.exit("BUNRI_DATA must name the folder with oof/ground_truth.json")
    dataset = load_dataset(folder / "oof" / "ground_truth.json")
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    settings = TreeSettings(seeds=int(sys.argv[2])) if len(sys.argv) > 2 else TreeSettings()
    print("| members | images | first alone | WBF 0.7 | learned | against WBF 0.7 | six fits: clock, processor |")
    print("|---" * 7 + "|")
    for names in TEAMS:
        print(row(folder / "oof", dataset, names, threads, settings), flush=True)


if __name__ == "__main__":
    main()
