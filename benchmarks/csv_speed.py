"""MB per second of one core for reading and writing submission CSV, and how many times a plain loop takes.

    python benchmarks/csv_speed.py IMAGES.json SUBMISSION.csv ...

Processor time counts, not the clock, so that other work on the machine does not enter; the best of some repeats is
taken. The files are read and written one after another, as an ensemble does.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core

import numpy as np
from timing import best_seconds

from bunri.dataset import Dataset
from bunri.io import load_dataset, read_predictions, write_predictions
from bunri.predictions import Predictions


def read_by_loop(paths: Sequence[Path], dataset: Dataset) -> list[Predictions]:
    """What every team wrote by hand: split each string, walk it in steps of six."""
    return [_read_by_loop(path, dataset) for path in paths]


def _read_by_loop(path: Path, dataset: Dataset) -> Predictions:
    id_of = dict(zip(dataset.images.file_name, dataset.images.id.tolist(), strict=True))
    image_id, rows = [], []
    for line in path.read_text().split("\n")[1:]:
        string, _, name = line.rpartition(",")
        values = string.split()
        for start in range(0, len(values), 6):
            image_id.append(id_of[name])
            rows.append([float(value) for value in values[start : start + 6]])
    numbers = np.array(rows).reshape(-1, 6)
    return Predictions(np.array(image_id), numbers[:, 0].astype(np.int64), numbers[:, 1], numbers[:, 2:])


def write_by_loop(predictions: Sequence[Predictions], path: Path, dataset: Dataset) -> None:
    """The same the other way."""
    name_of = dict(zip(dataset.images.id.tolist(), dataset.images.file_name, strict=True))
    for one in predictions:
        strings: dict[int, str] = {}
        for image_id, label, score, box in zip(one.image_id, one.class_index, one.score, one.box_xyxy, strict=True):
            text = f"{label} {score} {box[0]} {box[1]} {box[2]} {box[3]} "
            strings[image_id] = strings.get(image_id, "") + text
        lines = [f"{strings[image_id]},{name_of[image_id]}" for image_id in strings]
        path.write_text("\n".join(["PredictionString,image_id", *lines]))


def main(images: Path, paths: Sequence[Path]) -> None:
    """Measure, and print a line for reading and one for writing."""
    dataset = load_dataset(images)
    members = [read_predictions(path, dataset) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        fast = best_seconds(lambda: [read_predictions(path, dataset) for path in paths])
        slow = best_seconds(lambda: read_by_loop(paths, dataset), repeats=1)
        report("read", sum(path.stat().st_size for path in paths), fast, slow)
        fast = best_seconds(lambda: [write_predictions(member, out, dataset) for member in members])
        slow = best_seconds(lambda: write_by_loop(members, out, dataset), repeats=1)
        report("write", sum(size_of(member, out, dataset) for member in members), fast, slow)


def size_of(member: Predictions, out: Path, dataset: Dataset) -> int:
    """Bytes of a member's file."""
    write_predictions(member, out, dataset)
    return out.stat().st_size


def report(what: str, size: int, fast: float, slow: float) -> None:
    megabytes = size / 1e6
    print(
        f"{what:5s} {megabytes:6.1f} MB  {megabytes / fast:6.1f} MB/s  plain loop {megabytes / slow:5.1f} MB/s", end=""
    )
    print(f"  {slow / fast:5.1f} times")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
