"""A folder as an experiment leaves it, made without training: photos of the demo, predictions with random mistakes."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import clip_xyxy
from bunri.dataset import Dataset
from bunri.demo.render import render_demo
from bunri.evaluate import compare, evaluate_with_intervals
from bunri.files import write_json, write_text
from bunri.io import load_dataset, write_predictions
from bunri.predictions import Predictions
from bunri.search import EnsembleRecipe, write_recipe

MODELS = {"faster_rcnn": ("two", 0.8), "retinanet": ("one", 0.7), "fcos": ("one", 0.65)}
"""Name, stages and the share of the objects a model finds."""


def make_experiment_folder(root: Path, photos: int = 8, folds: int = 2) -> Path:
    """``root/runs/small`` of an experiment on rendered photos in ``root/data``."""
    render_demo(root / "data", seed=1, train=photos, test=2)
    truth = load_dataset(root / "data" / "train.json")
    folder = root / "runs" / "small"
    write_json(folder / "experiment.json", experiment_of(root))
    members = {name: imagined(truth, found, k, name) for k, (name, (_, found)) in enumerate(MODELS.items())}
    members["ensemble"] = imagined(truth, 0.9, 9, "ensemble")
    rows = [_write_member(folder, name, member, truth) for name, member in members.items()]
    for model in MODELS:
        for fold in range(folds):
            write_run(folder / model / f"fold{fold}", seed=fold)
    best = max(MODELS, key=lambda name: next(row["mAP50"] for row in rows if row["model"] == name))
    gain = compare(members["ensemble"], members[best], truth, resamples=50).to_dict()
    write_json(folder / "leaderboard.json", {"experiment": "small", "rows": rows, "gain": gain, "test_gain": None})
    write_recipe(recipe(), folder / "ensemble" / "recipe.json")
    write_json(folder / "ensemble" / "search.json", {"path": search_path()})
    return folder


def experiment_of(root: Path) -> dict[str, Any]:
    models = [
        {"name": name, "config": str(root / f"{name}.yaml"), "stages": stages} for name, (stages, _) in MODELS.items()
    ]
    models[0]["recipe"] = {"sampler": {"repeat_factor_threshold": 0.3}}  # type: ignore[assignment]
    data = {"annotations": str(root / "data" / "train.json"), "test": {"annotations": str(root / "data" / "test.json")}}
    return {"name": "small", "data": data, "folds": {"count": 2}, "models": models}


def imagined(truth: Dataset, found: float, seed: int, name: str) -> Predictions:
    """Predictions that find a share of the objects, take some for another class, and see some that are not there."""
    random = np.random.default_rng(seed)
    seen = np.flatnonzero(random.random(len(truth.annotations)) < found)
    dreamt = random.integers(0, len(truth.annotations), max(1, len(seen) // 5))
    rows = np.concatenate([seen, dreamt])
    shaken, shifted = random.normal(0, 2, (len(seen), 4)), np.tile(random.normal(0, 40, (len(dreamt), 2)), 2)
    moved = np.concatenate([shaken, shifted])
    box = clip_xyxy(truth.annotations.box_xyxy[rows] + moved, np.full(len(rows), 256.0), np.full(len(rows), 192.0))
    box[:, 2:] = np.maximum(box[:, 2:], box[:, :2] + 1)
    shift = (random.random(len(rows)) < 0.15) * random.integers(1, len(truth.class_names), len(rows))
    score = np.concatenate([random.beta(5, 2, len(seen)), random.beta(2, 4, len(dreamt))])
    return Predictions(
        image_id=truth.annotations.image_id[rows],
        class_index=(truth.annotations.class_index[rows] + shift) % len(truth.class_names),
        score=score,
        box_xyxy=box,
        seen_image_id=truth.images.id,
        name=name,
    )


def _write_member(folder: Path, name: str, member: Predictions, truth: Dataset) -> dict[str, Any]:
    write_predictions(member, folder / name / "oof.parquet", truth)
    scores = evaluate_with_intervals(member, truth, resamples=50)
    write_json(folder / name / "evaluation.json", {"out_of_fold": scores.evaluation.to_dict(), "test": None})
    return {
        "model": name,
        "stages": MODELS[name][0] if name in MODELS else None,
        "mAP50": scores.evaluation.mAP50,
        "low": scores.mAP50.low,
        "high": scores.mAP50.high,
        "mAP50_95": scores.evaluation.mAP50_95,
        "test_mAP50": scores.evaluation.mAP50 - 0.02,
        "test_low": scores.mAP50.low - 0.03,
        "test_high": scores.mAP50.high - 0.01,
        "minutes": 1.5 if name in MODELS else None,
        "is_ensemble": name == "ensemble",
    }


def write_run(folder: Path, seed: int, steps: int = 60) -> None:
    """Manifest and metrics of one run."""
    random = np.random.default_rng(seed)
    lines: list[dict[str, float]] = []
    for step in range(1, steps + 1):
        loss = 2 * np.exp(-step / 30) + random.uniform(0, 0.1)
        lines.append({"step": step, "train/loss": loss, "lr/main": 1e-3 * min(1, step / 10)})
        if step % 20 == 0:
            lines.append({"step": step, "val/mAP50": 0.7 * (1 - np.exp(-step / 20)) + random.normal(0, 0.02)})
    write_text(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    manifest = {
        "command": ["bunri", "run", "small.yaml"],
        "bunri": "0.1.0",
        "status": "done",
        "seed": seed,
        "seconds": {"train": 61.5, "predict": 4.0},
        "versions": {"torch": "2.14.1"},
        "facts": {"weights": "efficientnet-lite0, ImageNet"},
        "sha256": {"config": "ab" * 32, "data.train": "cd" * 32},
        "git": None,
    }
    write_json(folder / "manifest.json", manifest)


def recipe() -> EnsembleRecipe:
    """An ensemble's recipe."""
    return EnsembleRecipe(members=tuple(MODELS), weights=(1.0, 0.5, 0.5), min_score=(0.01,) * len(MODELS), iou=0.6)


def search_path() -> list[dict[str, Any]]:
    """What the search kept of its way: better candidates on each training set; fold 2 of 2 is none, so all images."""
    return [
        {"family": "fused", "fold": fold, "folds": 2, "stage": "add", "recipe": name}
        | {"score": 0.7 + 0.02 * k, "candidates": 10 * k + 1}
        for fold in range(3)
        for k, name in enumerate(MODELS)
    ]
