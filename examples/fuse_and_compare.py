"""Two sets of predictions are fused, scored and compared. Runs as it is, in seconds, without training anything.

The photos are rendered. The two "models" are the truth with mistakes: each misses some objects, places the others a
little beside, takes some for another class, and sees some that are not there. Put your own files in their place::

    dataset = bunri.load_dataset("annotations.json")
    members = [bunri.read_predictions(path, dataset) for path in ("fcos.parquet", "faster_rcnn.csv")]
"""

# ruff: noqa: T201 - an example prints

import sys
import tempfile
from pathlib import Path

import numpy as np

import bunri
from bunri.dataset import Dataset
from bunri.demo.render import render_demo
from bunri.predictions import Predictions


def imagined_model(dataset: Dataset, name: str, seed: int) -> Predictions:
    """Predictions with the mistakes of a detector of middling skill."""
    random = np.random.default_rng(seed)
    truth = dataset.annotations
    found = np.flatnonzero(random.random(len(truth)) < 0.75)
    dreamt = random.integers(0, len(truth), len(truth) // 4)
    rows = np.concatenate([found, dreamt])
    beside = np.concatenate([random.normal(0, 3, (len(found), 4)), np.tile(random.normal(0, 50, (len(dreamt), 2)), 2)])
    boxes = truth.box_xyxy[rows] + beside
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 4)
    confused = random.random(len(rows)) < 0.1
    return Predictions(
        image_id=truth.image_id[rows],
        class_index=np.where(
            confused, random.integers(0, len(dataset.class_names), len(rows)), truth.class_index[rows]
        ),
        score=np.concatenate([random.beta(6, 2, len(found)), random.beta(2, 5, len(dreamt))]),
        box_xyxy=boxes,
        seen_image_id=dataset.images.id,
        name=name,
    )


def main(folder: Path) -> None:
    """Render, imagine, fuse, score, compare."""
    render_demo(folder, seed=0, train=40, test=0)
    dataset = bunri.load_dataset(folder / "train.json")
    members = [imagined_model(dataset, "first", seed=1), imagined_model(dataset, "second", seed=2)]
    ensemble = bunri.fuse(members, method="wbf", iou=0.55).named("ensemble")

    for member in (*members, ensemble):
        print(f"{member.name:10} mAP50 {bunri.evaluate(member, dataset).mAP50:.3f}")
    best = max(members, key=lambda member: bunri.evaluate(member, dataset).mAP50)
    gain = bunri.compare(ensemble, best, dataset)
    print(f"ensemble minus {best.name}: {gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], {gain.verdict}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
