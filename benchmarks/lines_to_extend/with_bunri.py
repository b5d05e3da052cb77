"""bunri with an optimizer, a sampler and a logger of one's own; run, it trains each framework and proves that all work.

PYTHONPATH=src python benchmarks/lines_to_extend/with_bunri.py torchvision detectron2 ...
"""

import json
import sys
from pathlib import Path

import yaml
from proof import photos

from bunri.experiment import run

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "experiments" / "models"
CONFIGS = {
    "torchvision": "fasterrcnn_lite0.yaml",
    "detectron2": "detectron2_lite0.yaml",
    "mmdetection": "mmdetection_lite0.py",
    "ultralytics": "yolo_lite0.yaml",
}


def main():
    """Train a few steps in every engine that is named."""
    data = photos()
    own = yaml.safe_load((HERE / "with_bunri.yaml").read_text())
    values = {
        "data": {"annotations": str(data / "train.json"), "images": str(data)},
        "folds": {"count": 2, "run": [0], "near_duplicates": False},
        "recipe": {"iterations": 6, "batch_size": 2, **own["recipe"]},
        "writers": own["writers"],
        "models": [
            {"name": name, "engine": name, "config": str(MODELS / CONFIGS[name]), "trust": True}
            for name in sys.argv[1:]
        ],
        "python_path": [str(HERE)],
        "ensemble": None,
        "runs": str(Path.cwd() / "runs"),
    }
    Path("own.yaml").write_text(yaml.safe_dump(values))
    run("own.yaml")
    lines = [json.loads(line) for line in Path("own_log.jsonl").read_text().splitlines()]
    assert len(lines) >= len(sys.argv[1:]), "nothing was logged"
    for name in sys.argv[1:]:
        job = json.loads(Path("runs", "own", name, "fold0", "job.json").read_text())
        print(f"{name} works: {job['recipe']['optimizer']['name']}, {job['recipe']['sampler']['name']}")
    print(f"{len(lines)} lines logged, exposure: {Path('runs/own/exposure.json').exists()}")


if __name__ == "__main__":
    main()
