"""Reads the files of an experiment folder into facts; each reader raises an error of ours where its file is missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_json
from bunri.io import load_dataset
from bunri.report.ensemble_facts import SearchStep
from bunri.report.facts import Curve, Gain, Json, Leaderboard, Row, RunFacts, Sampler, SeenClass
from bunri.report.intervals import Interval
from bunri.report.sources import Sources, experiment_of
from bunri.run_folder import RunFolder
from bunri.sampling import SamplerSettings, exposure
from bunri.writers.jsonl import read_metrics


def read_experiment(folder: Path) -> Experiment:
    """The resolved experiment."""
    path = folder / "experiment.json"
    return Experiment.validated(read_json(path, "the experiment"), str(path))


def read_truth(sources: Sources) -> Dataset:
    """The annotated images: those given, else of the first experiment, else those the first run held out."""
    if sources.truth is not None:
        return load_dataset(sources.truth, sources.images)
    roots = [*sources.experiments, *(root for run in sources.runs if (root := experiment_of(run)) is not None)]
    if roots or not sources.runs:
        data = read_experiment(roots[0] if roots else Path()).data
        return load_dataset(data.annotations, sources.images or data.images)
    with content_of(RunFolder(sources.runs[0]).job_file, "the job") as job:
        return load_dataset(job["val"]["annotations"], sources.images or job["val"]["images"])


@contextmanager
def content_of(path: Path, what: str) -> Iterator[Json]:
    """The content of a JSON file while it is taken apart.

    Raises:
        DataError: The file cannot be read, or lacks what the block looks for.
    """
    content = read_json(path, what)
    with _taken_apart(path, what):
        yield content


@contextmanager
def _taken_apart(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__} {error}".replace("\n", " ")
        raise DataError(
            f"{what} must be as bunri writes it, but {path}: {reason}. Run the experiment again."
        ) from error


def read_leaderboard(sources: Sources, folder: Path) -> Leaderboard:
    """The rows of an experiment in the order of the file, and what its ensemble gains."""
    with content_of(folder / "leaderboard.json", "the leaderboard") as content:
        gains = {"out_of_fold": content.get("gain"), "test": content.get("test_gain")}
        return Leaderboard(
            rows=tuple(_row(entry, sources.label(folder, str(entry["model"]))) for entry in content["rows"]),
            gains=tuple(_gain(place, entry, folder) for place, entry in gains.items() if entry is not None),
        )


def _row(entry: Json, name: str) -> Row:
    return Row(
        model=name,
        stages=entry.get("stages"),
        mAP50=Interval(entry.get("mAP50"), entry.get("low"), entry.get("high")),
        mAP50_95=entry.get("mAP50_95"),
        test_mAP50=Interval(entry.get("test_mAP50"), entry.get("test_low"), entry.get("test_high")),
        minutes=entry.get("minutes"),
        is_ensemble=bool(entry.get("is_ensemble")),
        stopped_early=entry.get("stopped_early"),
    )


def _gain(place: str, entry: Json, folder: Path) -> Gain:
    difference = Interval(entry["difference"], entry["low"], entry["high"])
    return Gain(place, entry["b"], difference, entry["verdict"], folder.resolve().name)


def read_curves(sources: Sources) -> tuple[Curve, ...]:
    """The curves of all runs: loss, the first group's learning rate, and mAP50."""
    return tuple(curve for label, run in sources.run_folders() for curve in _curves_of(label, run))


def _curves_of(label: str, run: RunFolder) -> tuple[Curve, ...]:
    with _taken_apart(run.metrics_file, "the metrics"):
        return tuple(curves_of_records(label, read_metrics(run.metrics_file)))


def curves_of_records(label: str, records: Sequence[Json]) -> Iterator[Curve]:
    """Of one run's records, each with its ``step``; the run's model is its label without fold and seed."""
    rate = next((name for record in records for name in record if name.startswith("lr/")), "lr")
    for shown, recorded in {"train/loss": "train/loss", "lr": rate, "val/mAP50": "val/mAP50"}.items():
        points = [(record["step"], record[recorded]) for record in records if recorded in record]
        if points:
            steps, values = zip(*points, strict=True)
            yield Curve(label.partition("/fold")[0], label, shown, steps, values)


SEARCH_STEP = ("family", "stage", "recipe", "score", "candidates")
"""Keys of a step in ``search.json``, in the order of :class:`SearchStep`."""


def read_search_path(path: Path) -> tuple[SearchStep, ...]:
    """Every better candidate of the search on all images; its scores are on the images it was chosen on."""
    with content_of(path, "the search of the ensemble") as content:
        steps = [step for step in content["path"] if step["fold"] == step["folds"]]
        return tuple(SearchStep(*(step[key] for key in SEARCH_STEP)) for step in steps)


def read_samplers(experiment: Experiment, truth: Dataset) -> tuple[Sampler, ...]:
    """What each repeat-factor threshold of the experiment does to the data; functions of the user's own are named."""
    models: dict[tuple[float, str | None], list[str]] = {}
    for model in experiment.models:
        sampler = model.recipe.sampler
        models.setdefault((sampler.repeat_factor_threshold, sampler.name), []).append(model.name)
    return tuple(_sampler(threshold, own, tuple(names), truth) for (threshold, own), names in models.items())


def _sampler(threshold: float, own: str | None, models: tuple[str, ...], truth: Dataset) -> Sampler:
    seen = exposure(truth, SamplerSettings(repeat_factor_threshold=threshold))
    columns = zip(seen.class_names, seen.boxes.tolist(), seen.boxes_sampled.round(1).tolist(), strict=True)
    classes = sorted((SeenClass(*column) for column in columns), key=lambda seen: -seen.boxes)
    return Sampler(threshold, models, classes, seen.epoch_length_ratio, seen.warning, own)


def read_runs(sources: Sources) -> tuple[RunFacts, ...]:
    """The manifests of all runs.

    Raises:
        DataError: There is none.
    """
    runs = sources.run_folders()
    if not runs:
        raise DataError("manifests are of runs such as model/fold0 in an experiment's folder, but none is there")
    return tuple(_run_facts(label, run) for label, run in runs)


def _run_facts(label: str, run: RunFolder) -> RunFacts:
    facts = {name: text for name, text in _lines(run.read_manifest()) if name != "status" and text}
    return RunFacts(label, run.status, facts)


def _lines(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A nested mapping as dotted names and words."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _plain(value)


def _plain(value: Any) -> str:
    """A value in words: lists with spaces as on a command line, numbers short."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return " ".join(_plain(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return "" if value is None else str(value)
