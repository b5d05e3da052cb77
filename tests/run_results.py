"""What an experiment leaves that must be the same, bit by bit, whatever happened on the way."""

from pathlib import Path
from typing import Any

from bunri.writers.jsonl import read_metrics


def results_of(folder: Path) -> dict[str, Any]:
    """Predictions, checkpoints, submission and curves below ``runs/<experiment>``, by name; without times."""
    kept = [*folder.rglob("*.parquet"), *folder.rglob("results.csv"), folder / "submission.csv"]
    kept += folder.rglob("checkpoints/*.pt")
    found: dict[str, Any] = {str(path.relative_to(folder)): path.read_bytes() for path in kept}
    for path in folder.rglob("metrics.jsonl"):
        rows = [{name: value for name, value in row.items() if name != "time"} for row in read_metrics(path)]
        found[str(path.relative_to(folder))] = rows
    return found
