"""Native configs, overrides and recipes are checked by their engines before anything trains."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bunri.config import Experiment, ModelSettings
from bunri.engines.base import CheckJob, ModelToCheck, ResolvedConfig
from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.events import Ended
from bunri.files import read_json, write_text
from bunri.settings import all_mistakes

RESOLVED = ("before", "after", "suffix")
"""Keys of a worker's answer that make a :class:`ResolvedConfig`."""


def resolve_configs(
    experiment: Experiment, models: Sequence[ModelSettings], trained_here: bool = True
) -> dict[str, ResolvedConfig]:
    """The native config of each model with its overrides, as its engine reads them.

    One worker an engine looks at all of its models, so that a framework is loaded once. Where they are ``trained_here``
    it also looks whether there are the GPUs for a model that asks for several.

    Raises:
        ConfigError: One line for each mistake in any of them.
        EngineError: An engine's worker failed; the message names its log.
    """
    answers: dict[str, Mapping[str, Any]] = {}
    for engine in dict.fromkeys(model.engine for model in models):
        answers |= _ask(experiment, engine, [model for model in models if model.engine == engine], trained_here)
    mistakes = _told_once({name: answer["mistakes"] for name, answer in answers.items()})
    if mistakes:
        raise all_mistakes(f"experiment {experiment.name}", mistakes)
    return {name: ResolvedConfig(*(answer[key] for key in RESOLVED)) for name, answer in answers.items()}


def _told_once(mistakes: Mapping[str, Sequence[str]]) -> list[str]:
    """Mistakes by model as lines; what all models have from the common recipe is one line."""
    first = next(iter(mistakes.values()), ())
    common = [
        mistake
        for mistake in first
        if mistake.startswith("recipe.") and len(mistakes) > 1 and all(mistake in own for own in mistakes.values())
    ]
    own = [f"models.{name}: {mistake}" for name, its in mistakes.items() for mistake in its if mistake not in common]
    return [*common, *own]


def _ask(
    experiment: Experiment, engine: str, models: Sequence[ModelSettings], trained_here: bool
) -> dict[str, Mapping[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="bunri-check-"))
    job = CheckJob(
        engine=engine,
        models=tuple(_to_check(model, trained_here) for model in models),
        answer=folder / "answer.json",
        python_path=python_path(experiment, models),
    )
    write_text(folder / "job.json", job.model_dump_json())
    interpreter = interpreter_of(engine, experiment.interpreter(engine))
    with Worker(folder / "job.json", folder / "log.txt", interpreter) as worker:
        *_, ended = worker.events()
    if isinstance(ended, Ended) and ended.status != "done":
        raise error_of(replace(ended, message=f"{ended.message}\n  its log: {folder / 'log.txt'}"))
    answers = dict(read_json(job.answer, "the engine's answer"))
    shutil.rmtree(folder)  # kept where it failed: the message names its log
    return answers


def _to_check(model: ModelSettings, trained_here: bool) -> ModelToCheck:
    gpus = int(model.resources.gpus or 0)
    return ModelToCheck(
        name=model.name,
        config=model.config,
        overrides=model.set,
        trust=model.trust,
        recipe=model.recipe,
        processes=model.resources.training_processes,
        gpus=gpus if trained_here and gpus > 1 else 0,
    )


def python_path(experiment: Experiment, models: Sequence[ModelSettings]) -> tuple[Path, ...]:
    """Where code of the user's own is looked for: beside configs and experiment, and where the command is given."""
    return tuple(dict.fromkeys([*(model.config.parent for model in models), *experiment.python_path, Path.cwd()]))
