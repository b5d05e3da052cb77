"""How heavy the report of many photos is, and what making it takes: rendered photos, imagined members.

Run: `python benchmarks/report_size.py --photos 5000 --members 6 --folder /tmp/size`
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from bunri.boxes import clip_xyxy
from bunri.dataset import Dataset
from bunri.demo.render import render_demo
from bunri.io import load_dataset, write_predictions
from bunri.predictions import Predictions
from bunri.report import write_report


def imagined(truth: Dataset, found: float, seed: int, name: str) -> Predictions:
    """Boxes on a share of the objects, a fifth as many elsewhere, a tenth of the wrong class."""
    random = np.random.default_rng(seed)
    objects = np.flatnonzero(random.random(len(truth.annotations)) < found)
    dreamt = random.integers(0, len(truth.annotations), len(objects) // 5)
    rows = np.concatenate([objects, dreamt])
    moved = random.normal(0, 2, (len(rows), 4)) + (np.arange(len(rows)) >= len(objects))[:, None] * 40
    image = truth.rows_of(truth.annotations.image_id[rows])
    boxes = clip_xyxy(truth.annotations.box_xyxy[rows] + moved, truth.images.width[image], truth.images.height[image])
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    shift = (random.random(len(rows)) < 0.1) * random.integers(1, len(truth.class_names), len(rows))
    return Predictions(
        image_id=truth.annotations.image_id[rows],
        class_index=(truth.annotations.class_index[rows] + shift) % len(truth.class_names),
        score=random.beta(4, 2, len(rows)),
        box_xyxy=boxes,
        seen_image_id=truth.images.id,
        name=name,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--members", type=int, default=6)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    if not (given.folder / "train.json").exists():
        render_demo(given.folder, seed=1, train=given.photos, test=1)
    truth = load_dataset(given.folder / "train.json")
    names = [*(f"model_{k}" for k in range(given.members - 1)), "ensemble"]
    files = [given.folder / f"{name}.parquet" for name in names]
    for k, (name, file) in enumerate(zip(names, files, strict=True)):
        write_predictions(imagined(truth, 0.6 + 0.05 * k, k, name), file, truth)
    began = time.perf_counter()
    write_report(files, given.folder / "report.html", given.folder / "train.json")
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    size = (given.folder / "report.html").stat().st_size / 1e6
    what = f"{len(truth)} photos, {len(truth.annotations)} objects, {len(files)} members"
    print(f"{what}: {size:.1f} MB in {seconds:.0f} s, {peak:.2f} GB")


if __name__ == "__main__":
    main()
