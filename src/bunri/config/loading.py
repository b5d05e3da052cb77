"""From an experiment file to its settings, with every mistake of it in one error."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bunri.config.arms import early_stopping_mistakes
from bunri.config.experiment_file import Experiment
from bunri.config.overrides import apply_overrides, merge_recipes
from bunri.config.paths import PHOTOS, PathPlace, absolute, expand_paths
from bunri.config.sweeps import expand_sweeps
from bunri.engines.base import ENGINES
from bunri.recipe import Recipe
from bunri.settings import all_mistakes, nearest, read_yaml
from bunri.store.settings import url_mistakes


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment file; its paths are relative to its folder, ``${NAME}`` and ``${NAME:-default}`` expand.

    Args:
        path: The YAML file.
        overrides: ``dotted.key=value`` of the command line.

    Raises:
        ConfigError: One line for each mistake, by dotted path, with the nearest key.
    """
    values = apply_overrides(read_yaml(path, "the experiment"), overrides)
    values.setdefault("name", path.stem)
    values.setdefault("python_path", ["."])
    swept = expand_sweeps(values)
    checks = (_model_mistakes, _engine_mistakes, _family_mistakes)
    mistakes = swept + expand_paths(_path_places(values), path.parent)
    mistakes += [mistake for check in checks for mistake in check(values)]
    _expand_python_path(values, path.parent)
    _spread_recipe(values)
    mistakes += _by_name(Experiment.mistakes_in(values), values)
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    experiment = Experiment.validated(values, str(path))
    if mistakes := [*early_stopping_mistakes(experiment), *_store_mistakes(experiment)]:
        raise all_mistakes(str(path), mistakes)
    return experiment


def _store_mistakes(experiment: Experiment) -> Iterator[str]:
    if experiment.store is not None:
        yield from (f"store.url: {mistake}" for mistake in url_mistakes(experiment.store.url))


def _path_places(values: dict[str, Any]) -> Iterator[PathPlace]:
    data = _mapping(values, "data")
    test = _mapping(data, "test")
    yield PathPlace(data, "annotations", "data.annotations", "file")
    yield PathPlace(data, "images", "data.images", PHOTOS)
    yield PathPlace(test, "annotations", "data.test.annotations", "file")
    yield PathPlace(test, "images", "data.test.images", PHOTOS)
    yield PathPlace(_mapping(values, "folds"), "folder", "folds.folder", "folder")
    for position, model in enumerate(_models(values)):
        name = f"models.{model.get('name', position)}"
        yield PathPlace(model, "config", f"{name}.config", "file")
        extra = _mapping(model, "extra")
        yield PathPlace(extra, "annotations", f"{name}.extra.annotations", "file of each run")
        yield PathPlace(extra, "images", f"{name}.extra.images", PHOTOS)
    for name, engine in _mapping(values, "engines").items():
        if isinstance(engine, dict):
            yield PathPlace(engine, "interpreter", f"engines.{name}.interpreter", "file")


def _expand_python_path(values: dict[str, Any], folder: Path) -> None:
    if isinstance(values["python_path"], list):
        values["python_path"] = [
            str(absolute(folder, entry)) if isinstance(entry, str) else entry for entry in values["python_path"]
        ]


def _model_mistakes(values: Mapping[str, Any]) -> Iterator[str]:
    names = Counter(str(model.get("name")) for model in _models(values))
    for name, count in names.items():
        if count > 1:
            yield f"models.{name}: names must differ, but {count} are the same"
    for name in _mapping(_mapping(values, "ensemble"), "weights"):
        if name not in names:
            yield f"ensemble.weights.{name}: there is no model of this name{nearest(str(name), list(names))}"


def _family_mistakes(values: Mapping[str, Any]) -> Iterator[str]:
    given = _mapping(values, "ensemble").get("families")
    if not isinstance(given, list):
        return
    from bunri.search.families import FAMILIES  # compiled code: only where it is asked for

    for name in given:
        if name not in FAMILIES:
            yield f"ensemble.families: {name!r} is unknown{nearest(str(name), list(FAMILIES))}"


def _engine_mistakes(values: Mapping[str, Any]) -> Iterator[str]:
    engines = [(str(model.get("name")), str(model.get("engine", "torchvision"))) for model in _models(values)]
    known = [*ENGINES, *(engine for _, engine in engines if ":" in engine)]
    for name, engine in engines:
        if engine not in known:
            yield f"models.{name}.engine: {engine!r} is unknown{nearest(engine, known)}"
    for engine in _mapping(values, "engines"):
        if engine not in known:
            yield f"engines.{engine}: no model has this engine{nearest(str(engine), known)}"


def _spread_recipe(values: dict[str, Any]) -> None:
    """Put the common recipe under each model's own; a common recipe with mistakes is only told of once."""
    common = _mapping(values, "recipe")
    below = common if not Recipe.mistakes_in(common) else {}
    for model in _models(values):
        own = model.get("recipe")
        if own is None or isinstance(own, Mapping):
            model["recipe"] = merge_recipes(below, own or {})


def _by_name(mistakes: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """The mistakes with the name of a model in place of its position."""
    names = {str(position): str(model.get("name", position)) for position, model in enumerate(_models(values))}
    return [re.sub(r"^models\.(\d+)", lambda m: f"models.{names.get(m[1], m[1])}", mistake) for mistake in mistakes]


def _mapping(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, dict) else {}


def _models(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = values.get("models")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
