"""What reads the files of a run folder, which may be a stranger's or half gone, and such a folder in small."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment

from bunri.engines.base import Job, Photos
from bunri.errors import BunriError
from bunri.experiment.estimating import finished_runs
from bunri.inference.models import trained_model
from bunri.ledger.differences import differences
from bunri.ledger.entries import Entry
from bunri.ledger.scanning import scan
from bunri.ledger.store import Ledger
from bunri.report import write_report
from bunri.watch.overview import Overview

EXPERIMENT = "runs/small"
RUN = f"{EXPERIMENT}/fcos/fold0"

_MANIFEST: Mapping[str, Any] = {
    "command": ["bunri", "run", "small.yaml"],
    "bunri": "0.1.0",
    "machine": {"system": "Linux", "cpus": 2},
    "git": {"commit": "ab" * 20, "dirty": True},
    "model": "fcos",
    "engine": "torchvision",
    "interpreter": "python",
    "fold": 0,
    "seed": 0,
    "sha256": {"config": "ab" * 32, "data.train": "cd" * 32},
    "class_names": ["Paper", "Metal"],
    "category_ids": [1, 2],
    "status": "done",
    "message": "",
    "started": "2026-11-25T01:00:00+00:00",
    "ended": "2026-11-25T02:00:00+00:00",
    "seconds": {"train": 61.5, "predict": 4.0},
    "versions": {"torch": "2.14.1"},
    "facts": {"weights": "random", "stages": "one"},
    "best": {"mAP50": 0.5, "step": 20, "epoch": 1.0},
}
_SCORES = {"mAP50": 0.5, "low": 0.4, "high": 0.6, "mAP50_95": 0.3, "test_mAP50": None, "test_low": None}
_ROW = {**_SCORES, "test_high": None, "minutes": 1.5, "stages": "one", "is_ensemble": False}
_GAIN = {"difference": 0.1, "low": 0.0, "high": 0.2, "verdict": "better", "a": "ensemble", "b": "fcos"}
_BOARD = {
    "experiment": "small",
    "rows": [{"model": "fcos", **_ROW}, {"model": "ensemble", **_ROW, "is_ensemble": True}],
    "gain": _GAIN,
    "test_gain": None,
}
_STEP = {"family": "fused", "fold": 2, "folds": 2, "stage": "add", "recipe": "fcos", "score": 0.5, "candidates": 7}
_CLAIM = {
    "id": "H1",
    "claim": "it helps",
    "effect": "b - a",
    "metric": "mAP50",
    "smallest_effect": 0.01,
    "notes": ["n"],
}
_JUDGED = {"value": 0.1, "low": 0.0, "high": 0.2, "verdict": "undecided", "p_support_corrected": 0.1, "power": 0.5}
_ADDED = {"added": "b", "gain": 0.1, "low": 0.0, "high": 0.2, "verdict": "better", "mAP50_without": 0.4}
_SHARE = {"name": "b", "mAP50": 0.5, "of_gain": 0.5, "of_gain_low": 0.1, "of_gain_high": 0.9}
_METRICS = [
    {"step": 1, "epoch": 0.5, "time": 1.0, "train/loss": 1.5, "lr/base": 0.1},
    {"step": 2, "epoch": 1.0, "time": 2.0, "train/loss": 0.5, "lr/base": 0.1, "val/mAP50": 0.4},
]
_EXPERIMENT = {
    "name": "small",
    "data": {"annotations": "a.json"},
    "folds": {"count": 2},
    "models": [{"name": "fcos", "config": "a.yaml", "recipe": {"sampler": {"repeat_factor_threshold": 0.3}}}],
}
_RECIPE = {"members": ["fcos"], "weights": [1.0], "min_score": [0.0], "method": "nms", "iou": 0.5}

_FILES: Mapping[str, object] = {
    f"{RUN}/manifest.json": _MANIFEST,
    f"{EXPERIMENT}/leaderboard.json": _BOARD,
    f"{EXPERIMENT}/experiment.json": _EXPERIMENT,
    f"{EXPERIMENT}/ensemble/recipe.json": _RECIPE,
    f"{EXPERIMENT}/ensemble/search.json": {"path": [_STEP, {**_STEP, "score": 0.6}]},
    f"{EXPERIMENT}/verdicts.json": {"hypotheses": [_CLAIM | _JUDGED]},
    f"{EXPERIMENT}/gain.json": {
        "gains": [_ADDED | {"mAP50_with": 0.5, "recipe_with": "nms: a + b", "recipe_without": "a"}],
        "shares": {"members": [_SHARE]},
        "notes": [],
    },
}


@cache
def run_files() -> Mapping[str, bytes]:
    """The files of a small experiment of one run, by path."""
    photos = Photos(annotations=Path("a.json"), images=Path("photos"))
    job = Job(engine="torchvision", config=Path("a.yaml"), run_folder=Path(RUN), train=photos, val=photos)
    written = {name: json.dumps(values).encode() for name, values in _FILES.items()}
    return written | {
        f"{RUN}/job.json": job.model_dump_json().encode(),
        f"{RUN}/metrics.jsonl": "".join(json.dumps(row) + "\n" for row in _METRICS).encode(),
        f"{RUN}/resolved_config.yaml": b"x: 1\n",
    }


def read_runs(path: Path) -> object:
    """All that reads a run folder reads it; what the first of them refuses is raised when all have been asked."""
    _compile_templates_once()
    root = next(above for above in path.parents if (above / "runs").is_dir())
    refused = [error for read in _READINGS if (error := _refusal(read, root)) is not None]
    if refused:
        raise refused[0]
    return root


@cache
def _compile_templates_once() -> None:
    """Nine tenths of the time of a page; the templates are the package's own."""
    Environment.compile = _compiled_once(Environment.compile)  # type: ignore[method-assign]


def _compiled_once(compile_template: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[object, Any] = {}

    def compiled(environment: Environment, source: Any, *named: Any, **options: Any) -> Any:
        key = (source, *named, *options.items())
        if key not in known:
            known[key] = compile_template(environment, source, *named, **options)
        return known[key]

    return compiled


def _refusal(read: Callable[[Path], object], root: Path) -> BunriError | None:
    try:
        read(root)
    except BunriError as error:
        return error
    return None


_READINGS: Sequence[Callable[[Path], object]] = (
    lambda root: trained_model(root / EXPERIMENT / "fcos").classes(),
    lambda root: trained_model(root / EXPERIMENT),
    lambda root: scan(root / "runs"),
    lambda root: differences(root / RUN, root / RUN).to_dict(),
    lambda root: list(finished_runs(root / "runs")),
    lambda root: Overview([root]).read(1e9),
    lambda root: write_report(root / EXPERIMENT, root / "report.html"),
)


@cache
def ledgers() -> Sequence[bytes]:
    """A ledger of one entry."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "l.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("PRAGMA page_size = 512; VACUUM")
        Ledger(path).put([Entry("small/fcos", "model", "runs/small/fcos", 0.5, members=("a",), facts={"bunri": "1"})])
        return [path.read_bytes()]
