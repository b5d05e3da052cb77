"""How long runs will take, from the manifests of finished ones; and how long all of them, with the room there is."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from bunri.errors import BunriError, ConfigError
from bunri.experiment.crew import Crew
from bunri.experiment.plan import PlannedRun
from bunri.experiment.schedule import seconds_for_all
from bunri.files import sha256_of
from bunri.run_folder import RunFolder

Source = Literal["this experiment", "another experiment"]


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to take.

    Attributes:
        seconds: Of training and predicting on one node.
        source: Where the finished runs are that it is taken from.
    """

    seconds: float
    source: Source


@dataclass(frozen=True)
class TimedPlan:
    """Runs with what each is expected to take, None where no run of its config has been finished yet.

    Attributes:
        seconds: Until the last run ends, as each begins when there is room; None where a run has no estimate.
    """

    runs: tuple[PlannedRun, ...]
    estimates: tuple[Estimate | None, ...]
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [
            run.to_dict() | {"seconds": guess and guess.seconds, "estimated_from": guess and guess.source}
            for run, guess in zip(self.runs, self.estimates, strict=True)
        ]
        return {"runs": rows, "seconds": self.seconds}


def refuse_too_large(crew: Crew, runs: Sequence[PlannedRun]) -> None:
    """Runs that no node can ever hold would wait for ever.

    Raises:
        ConfigError: One line for each model that asks for too much.
    """
    nodes, mistakes = crew.nodes(), dict[str, str]()
    for run in runs:
        wanted = crew.demand(run)
        if not any(node.holds(wanted) for node in nodes):
            mistakes[run.model.name] = f"models.{run.model.name}.resources: a node must have {wanted}, but none has"
    if mistakes:
        there = "; ".join(sorted({str(node) for node in nodes})) or "none"
        message = "\n".join([*mistakes.values(), f"The nodes: {there}. Ask for less, or add a node that has as much."])
        raise ConfigError(message, list(mistakes.values()))


def timed_plan(crew: Crew, runs: Sequence[PlannedRun], root: Path) -> TimedPlan:
    """Estimate each run, and all of them together.

    A run is taken to last as long as the median of the finished runs with the same engine and config (by its hash):
    of the same model where there are any, else of this experiment, else of all below ``root``; where both say for how
    many epochs they train, in proportion to these.
    """
    finished = list(finished_runs(root))
    estimates = tuple(None if run.action == "skip" else _estimate(run, finished) for run in runs)
    todo = [(run, guess) for run, guess in zip(runs, estimates, strict=True) if run.action != "skip"]
    tasks = [(crew.demand(run), guess.seconds) for run, guess in todo if guess is not None]
    is_known = len(tasks) == len(todo)
    return TimedPlan(tuple(runs), estimates, seconds_for_all(tasks, crew.nodes()) if is_known else None)


@dataclass(frozen=True)
class FinishedRun:
    """What a run took: ``seconds`` of all its tasks, ``epochs`` where its recipe says them, ``model`` its folder."""

    engine: str
    config: str
    seconds: float
    epochs: float | None
    model: Path


def finished_runs(root: Path) -> Iterator[FinishedRun]:
    """The runs of all experiments below a folder that are done; what cannot be read is left out."""
    for depth in ("*/*/fold*", "*/*/fold*/seed*"):
        for path in sorted(root.glob(f"{depth}/manifest.json")):
            model = root.joinpath(*path.relative_to(root).parts[:2])
            with suppress(BunriError, KeyError, TypeError, AttributeError):  # what cannot be read tells no time
                yield from _finished_run(RunFolder(path.parent), model.absolute())


def _finished_run(folder: RunFolder, model: Path) -> Iterator[FinishedRun]:
    manifest = folder.read_manifest()
    if manifest.get("status") == "done" and folder.job_file.exists():
        epochs = folder.read_job().get("recipe", {}).get("epochs")
        seconds = sum(manifest["seconds"].values())
        known = float(epochs) if isinstance(epochs, int | float) else None
        yield FinishedRun(manifest["engine"], manifest["sha256"]["config"], seconds, known, model)


def _estimate(run: PlannedRun, finished: Sequence[FinishedRun]) -> Estimate | None:
    config, epochs = sha256_of(run.model.config), run.model.recipe.given().get("epochs")
    same = [one for one in finished if (one.engine, one.config) == (run.model.engine, config)]
    here = [one for one in same if run.folder.path.is_relative_to(one.model.parent)]
    own = [one for one in here if run.folder.path.is_relative_to(one.model)]
    if not same:
        return None
    seconds = median(one.seconds * _ratio(epochs, one.epochs) for one in own or here or same)
    return Estimate(round(seconds, 1), "this experiment" if here else "another experiment")


def _ratio(epochs: float | None, before: float | None) -> float:
    return epochs / before if epochs and before else 1.0
