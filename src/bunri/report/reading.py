"""Reads the files of an experiment folder into facts; each reader raises an error of ours where its file is missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_json
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions
from bunri.report.facts import (
    ClassScores,
    Curve,
    Ensemble,
    EnsembleMember,
    Gain,
    Interval,
    Json,
    Leaderboard,
    Row,
    RunFacts,
    Sampler,
    SearchStep,
    SeenClass,
)
from bunri.run_folder import RunFolder
from bunri.sampling import SamplerSettings, exposure
from bunri.search import read_recipe
from bunri.writers.jsonl import read_metrics

ENSEMBLE = "ensemble"
"""Folder and name of the ensemble among the members."""


def read_experiment(folder: Path) -> Experiment:
    """The resolved experiment."""
    path = folder / "experiment.json"
    return Experiment.validated(read_json(path, "the experiment"), str(path))


def read_truth(folder: Path, experiment: Experiment) -> Dataset:
    """The annotated images the experiment learned from: those a model looked at out of fold."""
    truth = load_dataset(experiment.data.annotations, experiment.data.images)
    for model in experiment.models:
        path = folder / model.name / "oof.parquet"
        if path.exists():
            return truth.subset(read_predictions(path, truth).seen_image_id)
    return truth


@contextmanager
def _content(path: Path, what: str) -> Iterator[Json]:
    """The content of a JSON file while it is taken apart.

    Raises:
        DataError: The file cannot be read, or lacks what the block looks for.
    """
    content = read_json(path, what)
    try:
        yield content
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__} {error}"
        raise DataError(
            f"{what} must be as bunri writes it, but {path}: {reason}. Run the experiment again."
        ) from error


def read_leaderboard(folder: Path) -> Leaderboard:
    """The rows in the order of the file, and what the ensemble gains."""
    with _content(folder / "leaderboard.json", "the leaderboard") as content:
        gains = {"out of fold": content.get("gain"), "on test": content.get("test_gain")}
        return Leaderboard(
            rows=tuple(_row(entry) for entry in content["rows"]),
            gains=tuple(_gain(place, entry) for place, entry in gains.items() if entry is not None),
        )


def _row(entry: Json) -> Row:
    return Row(
        model=str(entry["model"]),
        stages=entry.get("stages"),
        mAP50=Interval(entry.get("mAP50"), entry.get("low"), entry.get("high")),
        mAP50_95=entry.get("mAP50_95"),
        test_mAP50=Interval(entry.get("test_mAP50"), entry.get("test_low"), entry.get("test_high")),
        minutes=entry.get("minutes"),
        is_ensemble=bool(entry.get("is_ensemble")),
    )


def _gain(place: str, entry: Json) -> Gain:
    return Gain(place, entry["b"], Interval(entry["difference"], entry["low"], entry["high"]), entry["verdict"])


def run_folders(folder: Path) -> list[RunFolder]:
    """The folders of all runs, sorted by path: ``<model>/fold<k>`` or ``<model>/fold<k>/seed<s>``."""
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/fold*/**/manifest.json"))]


def read_curves(folder: Path) -> tuple[Curve, ...]:
    """The curves of all runs: loss, the first group's learning rate, and mAP50."""
    return tuple(curve for run in run_folders(folder) for curve in _curves_of(run, folder))


def _curves_of(run: RunFolder, folder: Path) -> Iterator[Curve]:
    label = str(run.path.relative_to(folder))
    records = read_metrics(run.metrics_file)
    rate = next((name for record in records for name in record if name.startswith("lr/")), None)
    for shown, recorded in {"train/loss": "train/loss", "lr": rate, "val/mAP50": "val/mAP50"}.items():
        points = [(record["step"], record[recorded]) for record in records if recorded in record]
        if points:
            steps, values = zip(*points, strict=True)
            yield Curve(Path(label).parts[0], label, shown, steps, values)


def read_classes(folder: Path, members: Sequence[str], truth: Dataset) -> tuple[ClassScores, ...]:
    """AP50 by class and member, out of fold, the most frequent class first."""
    scores = {name: _AP50_of(folder / name / "evaluation.json") for name in members}
    boxes = dict(zip(truth.class_names, truth.boxes_per_class().tolist(), strict=True))
    names = sorted(truth.class_names, key=lambda name: -boxes[name])
    return tuple(
        ClassScores(name, boxes[name], {member: AP50.get(name) for member, AP50 in scores.items()}) for name in names
    )


def _AP50_of(path: Path) -> Mapping[str, float | None]:
    with _content(path, "the evaluation") as content:
        return dict(content["out_of_fold"]["AP50"])


def read_members(folder: Path, names: Sequence[str], truth: Dataset) -> list[Predictions]:
    """Out-of-fold predictions of some members."""
    return [read_predictions(folder / name / "oof.parquet", truth, name) for name in names]


def read_ensemble(folder: Path) -> Ensemble:
    """The recipe of the ensemble, and the way of its search where it was searched."""
    recipe = read_recipe(folder / ENSEMBLE / "recipe.json")
    columns = zip(recipe.members, recipe.weights, recipe.min_score, strict=True)
    members = [EnsembleMember(name, weight, floor) for name, weight, floor in columns]
    search = folder / ENSEMBLE / "search.json"
    return Ensemble(str(recipe), members, read_search_path(search) if search.exists() else ())


SEARCH_STEP = ("family", "stage", "recipe", "score", "candidates")
"""Keys of a step in ``search.json``, in the order of :class:`SearchStep`."""


def read_search_path(path: Path) -> tuple[SearchStep, ...]:
    """Every better candidate of the search on all images; its scores are on the images it was chosen on."""
    with _content(path, "the search of the ensemble") as content:
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


def read_runs(folder: Path) -> tuple[RunFacts, ...]:
    """The manifests of all runs.

    Raises:
        DataError: There is none.
    """
    runs = run_folders(folder)
    if not runs:
        raise DataError(
            f"an experiment's folder must hold runs such as {folder / 'model' / 'fold0'}, but none is there"
        )
    return tuple(_run_facts(run, folder) for run in runs)


def _run_facts(run: RunFolder, folder: Path) -> RunFacts:
    manifest = run.read_manifest()
    facts = {name: text for name, text in _lines(manifest) if name != "status" and text}
    return RunFacts(str(run.path.relative_to(folder)), run.status, facts)


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
