"""COCO content, strategies and photos for tests of files."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from builders import make_dataset
from bunri.dataset import Dataset
from bunri.predictions import Predictions

Coco = dict[str, Any]
Change = Callable[[Coco], object]

COCO: Coco = {
    "images": [
        {"id": 7, "file_name": "0001.jpg", "width": 100, "height": 80, "split": "train"},
        {"id": 3, "file_name": "0002.jpg", "width": 60, "height": 40, "split": "test"},
    ],
    "categories": [{"id": 90, "name": "Paper"}, {"id": 5, "name": "Metal"}],
    "annotations": [
        {"id": 11, "image_id": 3, "category_id": 5, "bbox": [1, 2, 3.5, 4], "area": 10.0, "iscrowd": 1, "by": "me"},
        {"id": 12, "image_id": 7, "category_id": 90, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0},
    ],
}
"""Two images, two classes with sparse ids, two boxes."""


def write_coco_json(folder: Path, change: Change = lambda coco: None) -> Path:
    """COCO JSON with one change made to it, such as ``lambda coco: coco["images"].pop()``."""
    coco = copy.deepcopy(COCO)
    change(coco)
    path = folder / "coco.json"
    path.write_text(json.dumps(coco))
    return path


def write_photo(path: Path, seed: int = 0, size: tuple[int, int] = (64, 48), **save: Any) -> Path:
    """A photo of random blocks, unlike that of any other seed."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).resize(size).save(path, **save)
    return path


def three_images(image_folder: Path | None = None) -> Dataset:
    """Images 1, 2 and 5, named by number, 100 x 80, of three classes with sparse category ids."""
    return make_dataset(boxes=(), image_ids=(1, 2, 5), image_folder=image_folder)


_side = st.floats(-50, 1500, allow_subnormal=False)
_box = st.tuples(st.sampled_from((1, 2, 5)), st.integers(0, 2), st.floats(0, 1), st.tuples(_side, _side, _side, _side))


@st.composite
def predictions_on_three_images(draw: st.DrawFn) -> Predictions:
    """Any predictions on :func:`three_images`, in the order of its images, some of them looked at and empty."""
    boxes = sorted(draw(st.lists(_box, max_size=6)), key=lambda box: box[0])
    seen = {box[0] for box in boxes} | draw(st.sets(st.sampled_from((1, 2, 5))))
    corners = np.array([box[3] for box in boxes], np.float64).reshape(-1, 4)
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    return Predictions(
        image_id=np.array([box[0] for box in boxes], np.int64),
        class_index=np.array([box[1] for box in boxes], np.int64),
        score=np.array([box[2] for box in boxes]),
        box_xyxy=np.concatenate([low, high], axis=1),
        seen_image_id=np.array(sorted(seen), np.int64),
        name="model",
    )
