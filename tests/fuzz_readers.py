"""Every reader of bunri, and valid files for each, so that all can be fed the same kinds of broken files."""

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

import fuzz_seeds as seeds
from builders import random_world
from bunri.config import load_experiment
from bunri.doctor import examine
from bunri.engines.tensor_files import read_tensors
from bunri.engines.torchvision.config import resolve as resolve_torchvision
from bunri.events import from_line
from bunri.hypotheses.loading import load_hypotheses
from bunri.inference.videos import frames_of
from bunri.io import load_dataset, read_predictions
from bunri.io.yolo import read_yolo, read_yolo_predictions
from bunri.ledger.store import Ledger
from bunri.photos import photo_size, read_photo
from bunri.search import apply_recipe, read_recipe
from bunri.serve.corrections import Corrections
from bunri.serve.sorting_rules import read_rules
from bunri.shards.index import index_of
from bunri.shards.stores import store_of
from fuzz_export_readers import look, onnx_network, openvino_network, reads_network, specs, torchscript_network
from fuzz_reader import Reader
from fuzz_run_readers import ledgers, read_runs, run_files
from io_builders import COCO, three_images


def _read_three(path: Path) -> object:
    return read_predictions(path, three_images())


def _load_and_look(path: Path) -> object:
    dataset = load_dataset(path)
    return [dataset.rows_of(dataset.annotations.image_id), dataset.category_ids, list(dataset.images.file_name)]


def _whole_photo(path: Path) -> object:
    return read_photo(path), photo_size(path)


def _members(path: Path) -> object:
    """The content of every member; the index is made anew, as each file has the same path."""
    index = index_of.__wrapped__(str(path))
    return [index.content(row, store_of(str(path))) for row in index.row.values()]


def _applied(path: Path) -> object:
    """A recipe, applied to members of its names."""
    _, members = random_world(seed=1, images=3, members=2)
    named = [member.named(name) for member, name in zip(members, ("left", "right"), strict=True)]
    return apply_recipe(read_recipe(path), {member.name: member for member in named})


def _corrections(path: Path) -> object:
    kept = Corrections(path.parent, load_dataset(_write(path.parent / "classes.json", json.dumps(COCO).encode())))
    kept.close()
    return kept


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _events(path: Path) -> object:
    """Lines of a worker, which may be of a framework gone wild."""
    return [from_line(line) for line in path.read_text("utf-8", "replace").splitlines()]


def _run_reader(file: str) -> Reader:
    return Reader(file, read_runs, lambda: [run_files()[file]], run_files, is_slow=True)


def _name_of(file: str) -> str:
    return f"run_{Path(file).stem}"


_PHOTO = {"images/0001.png": seeds.saved(Image.new("RGB", (100, 80)), "PNG")}
_DATA_YAML = {"data.yaml": b"path: .\ntrain: images\nnames: {0: Paper, 1: Metal}\n"}

READERS: Mapping[str, Reader] = {
    "coco": Reader("coco.json", _load_and_look, seeds.coco, {}),
    "doctor": Reader("coco.json", lambda path: examine(path), seeds.coco, {}),
    "submission": Reader("p.csv", _read_three, seeds.csv, {}),
    "results": Reader("p.json", _read_three, seeds.results, {}),
    "parquet": Reader("p.parquet", _read_three, seeds.parquet, {}),
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
    "experiment": Reader("e.yaml", load_experiment, seeds.experiment, {"a.yaml": b"x: 1\n", "a.json": b"{}"}),
    "fitted_recipe": Reader("r.json", _applied, seeds.fitted_recipes, {}),
    "recipe": Reader("r.json", read_recipe, seeds.recipe, {}),
    "torchvision": Reader("c.yaml", lambda path: resolve_torchvision(path, {}), seeds.yaml_config, {}, is_slow=True),
    "photo": Reader("p.jpg", _whole_photo, seeds.photos, {}, is_slow=True),
    "shards": Reader("s.tar", _members, seeds.shards, {}),
    "video": Reader("v.mp4", lambda path: list(frames_of(path).photos()), seeds.videos, {}, is_slow=True),
    "hypotheses": Reader("h.yaml", load_hypotheses, seeds.hypotheses, {"t.json": b"{}", "p.csv": b"", "e.yaml": b""}),
    "rules": Reader("rules.yaml", read_rules, seeds.rules, {}),
    "corrections": Reader("annotations.json", _corrections, seeds.coco, {}),
    "events": Reader("e.jsonl", _events, seeds.events, {}),
    "ledger": Reader("l.db", lambda path: Ledger(path).entries(), ledgers, {}),
    "checkpoint": Reader("c.pt", lambda path: read_tensors(path, "the checkpoint"), seeds.checkpoints, {}),
    "safetensors": Reader("w.safetensors", lambda path: read_tensors(path, "the weights"), seeds.safetensors, {}),
    "export": Reader("model.json", look, specs, lambda: {"model.onnx": onnx_network()}),
    "onnx": Reader("model.onnx", reads_network("onnx"), lambda: [onnx_network()], {}),
    "openvino": Reader(
        "model.xml",
        reads_network("openvino"),
        lambda: [openvino_network()["model.xml"]],
        lambda: {"model.bin": openvino_network()["model.bin"]},
        is_slow=True,
    ),
    "torchscript": Reader("model.pt", reads_network("torchscript"), lambda: [torchscript_network()], {}),
    **{_name_of(file): _run_reader(file) for file in run_files() if not file.endswith("resolved_config.yaml")},
}
"""Name of a reader and how it is fed."""
