"""The whole job on the embedded data set: render, train on folds, predict, evaluate, fuse, submit, report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from bunri.demo.render import TEST_PHOTOS, TRAIN_PHOTOS, render_demo
from bunri.experiment import Leaderboard, run
from bunri.files import read_bytes, write_bytes
from bunri.report import write_report


@dataclass(frozen=True)
class DemoResult:
    """What the demo made."""

    leaderboard: Leaderboard
    submission: Path
    report: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        files = {"submission": str(self.submission), "report": str(self.report)}
        return {"leaderboard": self.leaderboard.to_dict(), **files}


def run_demo(
    out: Path,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    train: int = TRAIN_PHOTOS,
    test: int = TEST_PHOTOS,
) -> DemoResult:
    """Run the packaged experiment in a folder; what a former call finished there is not done again.

    ``out`` then holds ``data/``, the experiment file with its ``models/`` to start an experiment of one's own from,
    ``runs/demo/``, ``submission.csv`` and ``report.html``.

    Args:
        out: Where everything goes.
        overrides: ``dotted.key=value`` for the experiment.
        overwrite: Begin anew.
        train: Photos to learn from.
        test: Photos to submit for.

    Raises:
        OutputError: ``out`` cannot be written.
        BunriError: As :func:`bunri.experiment.run`.
    """
    render_demo(out / "data", train=train, test=test)
    write_experiment(out)
    runs = (out / "runs").absolute()
    board = run(out / "experiment.yaml", [f"runs={runs}", *overrides], resume=not overwrite, overwrite=overwrite)
    submission, report = out / "submission.csv", out / "report.html"
    write_bytes(submission, read_bytes(board.folder / "submission.csv", "the submission"))
    write_report(board.folder, report)
    return DemoResult(board, submission, report)


def write_experiment(out: Path) -> None:
    """Write the packaged experiment file and the native configs of its models."""
    for file in _packaged(resources.files("bunri.demo")):
        write_bytes(
            out / file.name if file.name == "experiment.yaml" else out / "models" / file.name, file.read_bytes()
        )


def _packaged(package: Traversable) -> Iterator[Traversable]:
    yield package / "experiment.yaml"
    yield from (file for file in (package / "models").iterdir() if file.name.endswith(".yaml"))
