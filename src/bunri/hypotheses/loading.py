"""From a file of hypotheses to its settings, with every mistake of it in one error."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bunri.config.paths import PathPlace, expand_paths
from bunri.hypotheses.file import HypothesesFile
from bunri.settings import all_mistakes, nearest, read_yaml


def load_hypotheses(path: Path) -> HypothesesFile:
    """Read a file of hypotheses; its paths are relative to its folder, ``${NAME}`` and ``${NAME:-default}`` expand.

    Raises:
        ConfigError: One line for each mistake, by dotted path, with the nearest key.
    """
    values = read_yaml(path, "the file of hypotheses")
    values.setdefault("name", path.stem)
    _spell_null(values)
    mistakes = expand_paths(_path_places(values), path.parent) + HypothesesFile.mistakes_in(values)
    if mistakes:
        raise all_mistakes(str(path), mistakes)
    settings = HypothesesFile.validated(values, str(path))
    if mistakes := [*_unknown_arms(settings), *_circles(settings), *_missing_truth(settings)]:
        raise all_mistakes(str(path), mistakes)
    return settings


def _spell_null(values: dict[str, Any]) -> None:
    """YAML takes the key ``null`` of a hypothesis, without quotes, for no value: let both ways be the key."""
    hypotheses = values.get("hypotheses")
    for hypothesis in (hypotheses if isinstance(hypotheses, dict) else {}).values():
        if isinstance(hypothesis, dict) and None in hypothesis:
            hypothesis["null"] = hypothesis.pop(None)


def _path_places(values: dict[str, Any]) -> Iterator[PathPlace]:
    yield PathPlace(values, "truth", "truth", "file")
    arms = values.get("arms")
    for name, arm in (arms if isinstance(arms, dict) else {}).items():
        if isinstance(arm, dict):
            yield PathPlace(arm, "experiment", f"arms.{name}.experiment", "file")
            yield PathPlace(arm, "trained_on", f"arms.{name}.trained_on", "file")
            yield from _paths_in(arm, "predictions", f"arms.{name}.predictions")


def _paths_in(holder: Any, key: Any, place: str) -> Iterator[PathPlace]:
    """Every path at a place that may hold one, a list, or either by seed."""
    inner = holder.get(key) if isinstance(holder, Mapping) else holder[key]
    keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
    yield PathPlace(holder, key, place, "file")
    for below in keys:
        yield from _paths_in(inner, below, f"{place}.{below}")


def _unknown_arms(settings: HypothesesFile) -> Iterator[str]:
    known = list(settings.arms)
    for name, arm in settings.arms.items():
        for member in (reference.partition("@")[0] for reference in arm.members):
            if member not in known:
                yield f"arms.{name}: there is no arm {member!r}{nearest(member, known)}"
    for name, hypothesis in settings.hypotheses.items():
        for arm_name in hypothesis.arm_names:
            if arm_name not in known:
                yield f"hypotheses.{name}.effect: there is no arm {arm_name!r}{nearest(arm_name, known)}"


def _circles(settings: HypothesesFile) -> Iterator[str]:
    for name in settings.arms:
        if name in _below(settings, name, ()):
            yield f"arms.{name}: an ensemble must not be a member of itself"


def _below(settings: HypothesesFile, name: str, way: tuple[str, ...]) -> set[str]:
    """All arms an arm is made of, however deep."""
    found = set[str]()
    for member in (reference.partition("@")[0] for reference in settings.arms[name].members):
        if member in settings.arms and member not in way:
            found |= {member} | _below(settings, member, (*way, member))
    return found


def _missing_truth(settings: HypothesesFile) -> Iterator[str]:
    if settings.truth is None and not any(arm.experiment for arm in settings.arms.values()):
        yield "truth: must be given where no arm is an experiment"
