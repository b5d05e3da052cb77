"""What ten thousand runs cost to list, to watch and to take times from: copies of one experiment, without weights.

python benchmarks/many_runs.py EXPERIMENT_FOLDER [--copies 100 1000]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bunri.experiment.estimating import finished_runs
from bunri.ledger.scanning import scan
from bunri.ledger.store import Ledger
from bunri.watch.overview import Overview

KEPT = (".json", ".jsonl", ".csv", ".yaml", ".txt", ".diff")
"""Of a run's files; checkpoints and predictions are not looked at by what is measured."""


def copy(experiment: Path, runs: Path, count: int) -> int:
    """Write the experiment so often, each under a name of its own; returns how many runs that are."""
    files = [path for path in experiment.rglob("*") if path.is_file() and path.suffix in KEPT]
    texts = [(path.relative_to(experiment), path.read_text()) for path in files]
    for number in range(count):
        name = f"experiment{number:05d}"
        for place, text in texts:
            target = runs / name / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace(json.dumps(experiment.name), json.dumps(name)))
    return len(list(runs.rglob("manifest.json")))


def megabytes() -> float:
    """Resident memory of this process, as it is now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def timed(what: str, work: Callable[[], object]) -> None:
    began = time.process_time()
    result = work()
    size = len(json.dumps(result, default=str)) / 1e6
    print(
        f"  {what}: {time.process_time() - began:.2f} s of processor time, {size:.1f} MB, {megabytes():.0f} MB resident"
    )


def measure(runs: Path) -> None:
    overview = Overview([runs])
    book = Ledger(runs / "ledger.sqlite")
    timed("ledger", lambda: (book.put(scan(runs)), book.entries())[1])
    timed("watch, first look", lambda: overview.read(time.time()))
    timed("watch, next look", lambda: overview.read(time.time()))
    timed("times for a plan", lambda: list(finished_runs(runs)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--copies", type=int, nargs="+", default=[100, 1000])
    asked = parser.parse_args()
    for count in asked.copies:
        with tempfile.TemporaryDirectory() as name:
            print(f"{copy(asked.experiment.resolve(), Path(name), count)} runs")
            measure(Path(name))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
