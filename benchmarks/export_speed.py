"""Photos a second of a trained run in torch and of its exports, in turn on the same photos, with mAP50 beside each.

    PYTHONPATH=src python benchmarks/export_speed.py RUN EXPORT... --truth TEST.json --images PHOTOS

Photos are in memory; a pass goes from pixels to boxes in one view, all of it in processor time of this process, so that
other work on the machine enters all alike. Every pass of a round sees the same photos; the medians of the rounds are
told, and of each round the ratio to torch. It is run by the Python of the run's framework, in which the runtimes of the
exports must be installed, too.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bunri.dataset import Dataset
from bunri.engines.base import engine_by_name
from bunri.engines.exported.model import open_export
from bunri.engines.predicting import BATCH, Finder, predict_view
from bunri.evaluate import evaluate
from bunri.exporting.framework import trained_job
from bunri.io import load_dataset
from bunri.photos import Photo, read_photo
from bunri.recipe import Recipe
from bunri.run_folder import RunFolder
from bunri.tta import View


def eager_finder(run: RunFolder, photos: Dataset) -> tuple[Finder, Recipe]:
    """The run's best checkpoint in its framework, as its worker builds it for the classes of some photos."""
    job = trained_job(run)
    changes = {
        "config": run.native_config_file(job.config.name),
        "resolved": job.resolved and run.path / job.resolved.name,
        "checkpoint": run.checkpoint_file("best"),
        "device": "cpu",
    }
    engine, kept = engine_by_name(job.engine), []
    keep: Any = lambda job, finder_of, emit: kept.append(finder_of)  # noqa: E731
    with patch.object(sys.modules[engine.predict.__module__], "predict_job", keep):
        engine.predict(job.model_copy(update=changes), lambda event: None)
    return kept[0](photos), job.recipe


def seconds(find: Finder, photos: list[Photo]) -> float:
    """Processor time of one pass."""
    started = time.process_time()
    for start in range(0, len(photos), BATCH):
        find(photos[start : start + BATCH], 1.0)
    return time.process_time() - started


def rates(finders: dict[str, Finder], photos: list[Photo], rounds: int) -> dict[str, list[float]]:
    """Photos a second of each pass, finders in turn."""
    for find in finders.values():
        seconds(find, photos[:BATCH])  # compiled loops and memory of the runtimes
    found: dict[str, list[float]] = {name: [] for name in finders}
    for _ in range(rounds):
        for name, find in finders.items():
            found[name].append(len(photos) / seconds(find, photos))
    return found


def main(arguments: Any) -> None:
    torch.set_num_threads(arguments.threads)
    dataset = load_dataset(arguments.truth, arguments.images)
    eager, recipe = eager_finder(RunFolder(arguments.run), dataset)
    finders: dict[str, Finder] = {"torch eager": eager}
    for path in arguments.exports:
        model = open_export(path, arguments.threads)
        finders[f"{model.spec.runtime} {model.spec.precision}"] = model
    photos = [read_photo(dataset.path_of(row)) for row in range(min(arguments.photos, len(dataset)))]
    measured = rates(finders, photos, arguments.rounds)
    print(f"{arguments.run}, {len(photos)} photos, {arguments.rounds} rounds, {arguments.threads} thread(s)")
    for name, find in finders.items():
        ratio = [b / a for a, b in zip(measured["torch eager"], measured[name], strict=True)]
        mAP50 = evaluate(predict_view(find, dataset, View(), recipe, lambda count: None), dataset).mAP50
        print(
            f"{name:22} {statistics.median(measured[name]):7.1f} photos/s  {statistics.median(ratio):5.2f} x torch"
            f" ({min(ratio):.2f} to {max(ratio):.2f})  mAP50 {mAP50:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("exports", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(parser.parse_args()))
