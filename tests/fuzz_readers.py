"""Every reader of bunri, and valid files for each, so that all can be fed the same kinds of broken files."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from PIL import Image

from builders import make_predictions
from bunri.config import load_experiment
from bunri.doctor import examine
from bunri.engines.torchvision.config import resolve as resolve_torchvision
from bunri.io import load_dataset, read_predictions, write_predictions
from bunri.io.yolo import read_yolo, read_yolo_predictions
from bunri.photos import photo_size, read_photo
from bunri.search import read_recipe
from io_builders import COCO, three_images

TORCHVISION_CONFIG = {
    "builder": "FCOS",
    "backbone": {
        "name": "tf_efficientnet_lite0",
        "arguments": {"out_indices": [3, 4]},
        "weights": None,
        "fpn": {"out_channels": 64, "extra_blocks": None},
    },
    "arguments": {
        "min_size": 192,
        "max_size": 256,
        "anchor_generator": {"class": "AnchorGenerator", "sizes": [[16], [32]]},
    },
}


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads.

    Attributes:
        file: Where the file lies in its folder.
        read: Called with the path of the file; what it must raise for a broken one is an error of ours.
        seeds: Contents that it reads without complaint.
        others: Further files that must lie in the folder, by name.
    """

    file: str
    read: Callable[[Path], object]
    seeds: Callable[[], Sequence[bytes]]
    others: Mapping[str, bytes]

    def read_content(self, content: bytes, folder: Path) -> object:
        """Write the content to its place and read it."""
        for name, other in {**self.others, self.file: content}.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(other)
        return self.read(folder / self.file)


def _read_three(path: Path) -> object:
    return read_predictions(path, three_images())


def _load_and_look(path: Path) -> object:
    dataset = load_dataset(path)
    return [dataset.rows_of(dataset.annotations.image_id), dataset.category_ids, list(dataset.images.file_name)]


def _whole_photo(path: Path) -> object:
    return read_photo(path), photo_size(path)


@cache
def _coco() -> Sequence[bytes]:
    sparse = {"images": COCO["images"], "categories": COCO["categories"], "annotations": []}
    return [json.dumps(COCO).encode(), json.dumps(sparse, indent=2).encode()]


def _written(suffix: str) -> Sequence[bytes]:
    boxes = [
        (1, 0, 0.9, (10.0, 10.0, 50.0, 50.5)),
        (1, 2, 0.25, (0.0, 0.0, 9.0, 7.0)),
        (2, 1, 0.5, (1.0, 2.0, 3.0, 4.0)),
    ]
    some, none = make_predictions(boxes, seen=(1, 2, 5)), make_predictions([], seen=(1, 2))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"p{suffix}"
        contents = []
        for predictions in (some, none):
            write_predictions(predictions, path, three_images())
            contents.append(path.read_bytes())
    return contents


@cache
def _csv() -> Sequence[bytes]:
    return _written(".csv")


@cache
def _results() -> Sequence[bytes]:
    return _written(".json")


@cache
def _parquet() -> Sequence[bytes]:
    return _written(".parquet")


@cache
def _experiment() -> Sequence[bytes]:
    values: dict[str, Any] = {
        "data": {"annotations": "a.json", "train": {"where": {"split": "train"}}},
        "folds": {"count": 3, "run": [0, 2]},
        "seeds": [0, 1],
        "recipe": {
            "epochs": 2,
            "sampler": {"repeat_factor_threshold": 0.5},
            "optimizer": {"name": "AdamW", "lr": 0.001},
            "augment": [{"HorizontalFlip": {"p": 0.5}}],
            "tta": {"views": [{}, {"turn": "hflip"}]},
        },
        "models": [{"name": "a", "config": "a.yaml", "set": {"arguments.min_size": 160}}],
        "writers": {"csv": True, "tensorboard": False},
        "ensemble": {"method": "wbf", "weights": {"a": 2}},
    }
    return [yaml.safe_dump(values).encode(), b"data: {annotations: a.json}\nmodels:\n- {name: a, config: a.yaml}\n"]


@cache
def _recipe() -> Sequence[bytes]:
    plain = {"version": 1, "members": ["a", "b"], "weights": [1.0, 0.5], "min_score": [0.0, 0.1], "iou": 0.6}
    return [json.dumps(plain).encode(), json.dumps(plain | {"method": "soft_nms", "found": {"score": 0.5}}).encode()]


@cache
def _yaml_config() -> Sequence[bytes]:
    return [yaml.safe_dump(TORCHVISION_CONFIG).encode()]


@cache
def _photos() -> Sequence[bytes]:
    blocks = np.random.default_rng(0).integers(0, 256, (12, 16, 4), np.uint8)
    return [
        _saved(Image.fromarray(blocks[..., :3]), "JPEG", exif=_turned()),
        _saved(Image.fromarray(blocks), "PNG"),
        _saved(Image.fromarray(blocks[..., 0].astype(np.uint16) * 200), "PNG"),
        _saved(Image.fromarray(blocks[..., :3]), "WEBP"),
        _saved(Image.fromarray(blocks[..., :3]).convert("P"), "GIF"),
        _saved(Image.fromarray(blocks[..., :3]), "BMP"),
        _saved(Image.fromarray(blocks[..., :3]).convert("CMYK"), "TIFF"),
    ]


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def _saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


_PHOTO = {"images/0001.png": _saved(Image.new("RGB", (100, 80)), "PNG")}
_DATA_YAML = {"data.yaml": b"path: .\ntrain: images\nnames: {0: Paper, 1: Metal}\n"}

READERS: Mapping[str, Reader] = {
    "coco": Reader("coco.json", _load_and_look, _coco, {}),
    "doctor": Reader("coco.json", lambda path: examine(path), _coco, {}),
    "submission": Reader("p.csv", _read_three, _csv, {}),
    "results": Reader("p.json", _read_three, _results, {}),
    "parquet": Reader("p.parquet", _read_three, _parquet, {}),
    "yolo_yaml": Reader(
        "data.yaml", read_yolo, lambda: list(_DATA_YAML.values()), {**_PHOTO, "labels/0001.txt": b"0 0.5 0.5 0.2 0.2\n"}
    ),
    "yolo_labels": Reader(
        "labels/0001.txt",
        lambda path: read_yolo(path.parent.parent / "data.yaml"),
        lambda: [b"0 0.5 0.5 0.2 0.2\n1 0.25 0.25 0.5 0.5\n"],
        {**_PHOTO, **_DATA_YAML},
    ),
    "yolo_predictions": Reader(
        "0001.txt",
        lambda path: read_yolo_predictions(path.parent, three_images()),
        lambda: [b"0 0.5 0.5 0.2 0.2 0.9\n2 0.25 0.25 0.5 0.5 0.01\n"],
        {},
    ),
    "experiment": Reader("e.yaml", load_experiment, _experiment, {"a.yaml": b"x: 1\n", "a.json": b"{}"}),
    "recipe": Reader("r.json", read_recipe, _recipe, {}),
    "torchvision": Reader("c.yaml", lambda path: resolve_torchvision(path, {}), _yaml_config, {}),
    "photo": Reader("p.jpg", _whole_photo, _photos, {}),
}
"""Name of a reader and how it is fed."""
