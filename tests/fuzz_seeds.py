"""Valid files of each kind that bunri reads, small, to be made wrong."""

import io
import json
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from pillow_heif import register_heif_opener
from safetensors.torch import save

from builders import make_predictions
from bunri.events import Ended, Event, Note, PhaseStarted, Progress, Scalars, to_line
from bunri.io import write_predictions
from bunri.learned import TreeSettings, fit_learned
from bunri.search.calibrated import CalibratedFamily
from bunri.search.learned import recipe_of_learned
from bunri.search.task import make_task
from io_builders import COCO, three_images
from learned_worlds import agreeing_world
from video_files import write_video

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


@cache
def coco() -> Sequence[bytes]:
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
def csv() -> Sequence[bytes]:
    return _written(".csv")


@cache
def results() -> Sequence[bytes]:
    return _written(".json")


@cache
def parquet() -> Sequence[bytes]:
    return _written(".parquet")


@cache
def experiment() -> Sequence[bytes]:
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
def recipe() -> Sequence[bytes]:
    plain = {"version": 1, "members": ["a", "b"], "weights": [1.0, 0.5], "min_score": [0.0, 0.1], "iou": 0.6}
    return [json.dumps(plain).encode(), json.dumps(plain | {"method": "soft_nms", "found": {"score": 0.5}}).encode()]


@cache
def yaml_config() -> Sequence[bytes]:
    return [yaml.safe_dump(TORCHVISION_CONFIG).encode()]


@cache
def photos() -> Sequence[bytes]:
    blocks = np.random.default_rng(0).integers(0, 256, (12, 16, 4), np.uint8)
    return [
        saved(Image.fromarray(blocks[..., :3]), "JPEG", exif=_turned()),
        saved(Image.fromarray(blocks), "PNG"),
        saved(Image.fromarray(blocks[..., 0].astype(np.uint16) * 200), "PNG"),
        saved(Image.fromarray(blocks[..., :3]), "WEBP"),
        saved(Image.fromarray(blocks[..., :3]).convert("P"), "GIF"),
        saved(Image.fromarray(blocks[..., :3]), "BMP"),
        saved(Image.fromarray(blocks[..., :3]).convert("CMYK"), "TIFF"),
        saved(Image.fromarray(blocks[..., :3]), "AVIF"),
        _heic(Image.fromarray(blocks[..., :3])),
    ]


def shards() -> Sequence[bytes]:
    """Tars of three layouts, with a name too long for a plain head."""
    formats = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    return [_tar(format_, "long" * (20 if format_ == tarfile.USTAR_FORMAT else 40)) for format_ in formats]


def _tar(layout: int, name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout) as tar:
        for member, content in (("a.png", b"1"), (f"street/{name}.png", b"2" * 600), ("./c.png", b"")):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue().rstrip(b"\0") + bytes(2048)


def _heic(image: Image.Image) -> bytes:
    register_heif_opener(thumbnails=False)
    return saved(image, "HEIF", quality=80)


@cache
def videos() -> Sequence[bytes]:
    with TemporaryDirectory() as folder:
        return [write_video(Path(folder) / f"v{end}", 3).read_bytes() for end in (".mp4", ".avi", ".mkv")]


@cache
def checkpoints() -> Sequence[bytes]:
    stored = {"format": 1, "class_names": ["Paper"], "model": {"w": torch.arange(6.0).view(2, 3), "b": torch.zeros(1)}}
    whole, legacy = io.BytesIO(), io.BytesIO()
    torch.save(stored, whole)
    torch.save(stored, legacy, _use_new_zipfile_serialization=False)
    return [whole.getvalue(), legacy.getvalue()]


@cache
def safetensors() -> Sequence[bytes]:
    return [save({"w": torch.arange(6.0).view(2, 3), "b": torch.zeros(1)})]


@cache
def hypotheses() -> Sequence[bytes]:
    values: dict[str, Any] = {
        "truth": "t.json",
        "groups": "session",
        "arms": {
            "a": {"predictions": "p.csv", "tta": ["identity"]},
            "b": {"predictions": {0: ["p.csv"], 1: "p.csv"}, "iterations": 100},
            "c": {"fuse": ["a", "b@1"], "iou": 0.6, "weights": [1, 0.5], "calibrate": "isotonic"},
            "d": {"experiment": "e.yaml", "model": "m", "set": {"recipe.epochs": 1}, "seeds": [0, 1]},
        },
        "hypotheses": {
            "H1": {"claim": "it helps", "effect": "c - a", "smallest_effect": 0.01, "unequal": {"tta": "why not"}},
            "H2": {"claim": "more", "effect": "(c - a) / (b - a)", "smallest_effect": 5, "classes": {"boxes_below": 9}},
        },
    }
    return [yaml.safe_dump(values).encode()]


@cache
def rules() -> Sequence[bytes]:
    words = {"en": "Paper", "ko": "종이"}
    values = {
        "country": words,
        "source": {"title": words, "publisher": words, "date": words, "note": words},
        "bins": {"paper": {"name": words, "colour": "#2255aa"}},
        "classes": [{"names": ["Paper", "paper box"], "bin": "paper", "name": words, "steps": [words]}],
    }
    elsewhere = [{"what": words, "bin": "paper"}]
    values["classes"][0]["elsewhere"] = elsewhere  # type: ignore[index]
    return [yaml.safe_dump(values, allow_unicode=True).encode()]


@cache
def fitted_recipes() -> Sequence[bytes]:
    """Of two members ``left`` and ``right``: trees, and curves."""
    dataset, members = agreeing_world(images=110)
    trees = TreeSettings(seeds=2, rounds=2, leaves=4, least_in_leaf=10)
    learned = recipe_of_learned(fit_learned(members, dataset, settings=trees, folds=0))
    task = make_task(members, dataset, folds=2)
    calibrated = CalibratedFamily().fit(task, 2)
    return [recipe.model_dump_json().encode() for recipe in (learned, calibrated)]


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


@cache
def events() -> Sequence[bytes]:
    told: tuple[Event, ...] = (
        PhaseStarted("train", 10),
        Progress(3),
        Scalars(3, {"train/loss": 0.5}, 0.1),
        Note("slow"),
        Ended("done"),
    )
    return ["\n".join(map(to_line, told)).encode()]
