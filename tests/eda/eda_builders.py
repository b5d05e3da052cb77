"""Data as `bunri eda` gets it: rendered photos, folds, and an experiment that augments."""

from pathlib import Path

from bunri.demo.render import render_demo
from bunri.files import write_text
from bunri.io import load_dataset
from bunri.splits import split, write_folds

EXPERIMENT = """
data: {annotations: data/train.json}
recipe: {augment: [{HorizontalFlip: {p: 0.5}}, {RandomRotate90: {p: 0.5}}]}
models:
  - {name: plain, config: ssd.yaml, recipe: {augment: []}}
  - {name: flipped, config: rcnn.yaml, set: {arguments.max_size: 700}}
  - {name: yolo, engine: ultralytics, config: yolo.yaml}
"""


def render_data(root: Path, photos: int = 10) -> Path:
    """COCO JSON of rendered photos, which lie beside it."""
    render_demo(root / "data", seed=2, train=photos, test=1)
    return root / "data" / "train.json"


def write_two_folds(root: Path, annotations: Path) -> Path:
    dataset = load_dataset(annotations)
    write_folds(dataset, split(dataset, folds=2, near_duplicates=False), root / "folds")
    return root / "folds"


def write_experiment(root: Path) -> Path:
    write_text(root / "ssd.yaml", "builder: SSD\narguments: {size: [256, 192]}\n")
    write_text(root / "rcnn.yaml", "builder: FasterRCNN\narguments: {min_size: 480}\n")
    write_text(root / "yolo.yaml", "model: yolov8n.yaml\n")
    write_text(root / "experiment.yaml", EXPERIMENT)
    return root / "experiment.yaml"
