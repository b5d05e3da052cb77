"""H13: does validation track the score on photos nobody chose by? Over all runs of some experiments.

    BUNRI_DATA=/path/to/data python benchmarks/validation_tracks.py OUT.json EXPERIMENT_FOLDER ...

For each run: mAP50 on the photos its fold held out, and on the test photos. For each experiment, and for all together:
their rank correlation (Spearman) with its interval over resampled runs, as in `bunri ledger`; and how much better the
run with the best validation looks than it is: (its validation - its test score) - the mean of that difference over all
runs, when the best of five runs is chosen, with the spread over which five they are. Each seed is a run of its own.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri import evaluate, load_dataset, read_predictions
from bunri.dataset import Dataset
from bunri.ledger.insight import agreement
from bunri.run_folder import RunFolder

RESAMPLES, CHOSEN_FROM = 4000, 5


@dataclass(frozen=True)
class Scored:
    """A run with its two scores."""

    experiment: str
    run: str
    val: float
    test: float


def scored_runs(folder: Path, truth: Dataset) -> Iterator[Scored]:
    """Every run of an experiment that is done."""
    for manifest in sorted(folder.glob("*/fold*/**/manifest.json")):
        run = RunFolder(manifest.parent)
        if run.status == "done" and run.predictions_file("test").exists():
            scores = [score(run.predictions_file(name), truth) for name in ("val", "test")]
            yield Scored(folder.name, str(run.path.relative_to(folder)), *scores)


def score(file: Path, truth: Dataset) -> float:
    """mAP50 on the images that were looked at."""
    predictions = read_predictions(file, truth)
    return float(evaluate(predictions, truth.subset(predictions.seen_image_id)).mAP50)


def tracks(runs: Sequence[Scored]) -> dict[str, Any]:
    """Rank correlation and optimism of some runs; pooled, both scores count from their experiment's mean."""
    val, test = centred(runs, "val"), centred(runs, "test")
    ranks = agreement(list(zip(val.tolist(), test.tolist(), strict=True)))
    random = np.random.default_rng(0)
    fives = [optimism(val, test, random.choice(len(runs), CHOSEN_FROM, replace=False)) for _ in range(RESAMPLES)]
    gaps = np.array([run.val - run.test for run in runs])
    return {
        "runs": len(runs),
        "rank": ranks.correlation,
        "rank_interval": [ranks.low, ranks.high],
        "optimism": float(np.mean(fives)),
        "optimism_range": np.percentile(fives, [2.5, 97.5]).tolist(),
        "val_minus_test": [float(gaps.mean()), float(gaps.std(ddof=1))],
    }


def centred(runs: Sequence[Scored], which: str) -> NDArray[np.float64]:
    scores = np.array([getattr(run, which) for run in runs])
    names = np.array([run.experiment for run in runs])
    for name in set(names):
        scores[names == name] -= scores[names == name].mean()
    return scores


def optimism(val: NDArray[np.float64], test: NDArray[np.float64], some: NDArray[np.int64]) -> float:
    """Of the best by validation among some runs, beyond what all of them have."""
    gap = val[some] - test[some]
    return float(gap[np.argmax(val[some])] - gap.mean())


def main() -> None:
    out, *folders = [Path(argument) for argument in sys.argv[1:]]
    truth = load_dataset(Path(os.environ["BUNRI_DATA"]) / "trashnet" / "annotations.json")
    by_experiment = {folder.name: list(scored_runs(folder, truth)) for folder in folders}
    every = [run for runs in by_experiment.values() for run in runs]
    report = {name: tracks(runs) for name, runs in by_experiment.items() if len(runs) > CHOSEN_FROM}
    report["all"] = tracks(every)
    out.write_text(json.dumps({**report, "scores": [asdict(run) for run in every]}, indent=1))
    for name, found in report.items():
        print(name, json.dumps(found))


if __name__ == "__main__":
    main()
