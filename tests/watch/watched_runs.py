"""Run folders in every state, as they lie on the disk."""

import json
from pathlib import Path
from typing import Any

NOW = 1_800_000_000.0
"""Seconds since 1970: 2027-01-15T08:00:00 UTC."""


def write_run(folder: Path, steps: int = 50, of: int = 100, **manifest: Any) -> Path:
    """A run that has done ``steps`` of ``of`` iterations, one a second; further values of its manifest."""
    folder.mkdir(parents=True)
    values = {
        "status": "running",
        "engine": "torchvision",
        "started": "2027-01-15T07:50:00+00:00",
        "seconds": {"start": 3},
    }
    (folder / "manifest.json").write_text(json.dumps(values | manifest))
    (folder / "job.json").write_text(json.dumps({"recipe": {"iterations": of}}))
    records = [
        {"step": step, "epoch": step / 10, "time": NOW - steps + step, "train/loss": 2 - step / 100, "lr/base": 0.01}
        for step in range(1, steps + 1)
    ]
    records += [{"step": steps, "epoch": steps / 10, "time": NOW, "val/mAP50": 0.5}] if steps else []
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder
