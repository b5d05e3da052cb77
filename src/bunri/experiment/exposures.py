"""What the samplers of an experiment do to its classes, known before anything trains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bunri.config import Experiment
from bunri.errors import ConfigError
from bunri.experiment.data import ExperimentData
from bunri.experiment.plan import PlannedRun
from bunri.files import write_json
from bunri.sampling import Exposure, SamplerSettings, exposure


@dataclass(frozen=True)
class SamplerExposure:
    """What a sampler does to what some models learn from.

    Attributes:
        models: Names of the models with this sampler.
        sampler: Its settings.
        fold: The first fold that runs; the counts are of the images it learns from.
        images: Their number.
        exposure: What it does, or None where it cannot be told here.
        reason: Why it cannot: a function that can be loaded in the engine's environment only.
    """

    models: tuple[str, ...]
    sampler: SamplerSettings
    fold: int
    images: int
    exposure: Exposure | None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        told = {} if self.exposure is None else self.exposure.to_dict()
        head = {"models": list(self.models), "sampler": self.sampler.model_dump(mode="json"), "fold": self.fold}
        return {**head, "images": self.images, "reason": self.reason, **told}


Announce = Callable[[Sequence[SamplerExposure]], None]
"""Shows people what the samplers do."""


def say_nothing(exposures: Sequence[SamplerExposure]) -> None:
    """Announces nothing; the facts are in ``exposure.json``."""


def exposures_of(runs: Sequence[PlannedRun], data: ExperimentData) -> tuple[SamplerExposure, ...]:
    """What each sampler of the runs that are still to be done does; nothing for recipes without a sampler.

    Models with further photos each have their own: these change the shares of the classes, too.
    """
    unfinished = [run for run in runs if run.action != "skip" and not run.model.recipe.sampler.is_plain]
    alike: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in unfinished:
        extra = "" if run.model.extra is None else run.model.extra.model_dump_json()
        alike.setdefault((run.model.recipe.sampler.model_dump_json(), extra), []).append(run)
    return tuple(_exposure_of(same, data) for same in alike.values())


def _exposure_of(runs: Sequence[PlannedRun], data: ExperimentData) -> SamplerExposure:
    first = runs[0]
    learned, sampler = data.learned_by(first.model, first.fold, first.seed), first.model.recipe.sampler
    told, reason = None, None
    try:
        told = exposure(learned, sampler)
    except ConfigError as error:
        reason = str(error)
    models = tuple(dict.fromkeys(run.model.name for run in runs))
    return SamplerExposure(models, sampler, first.fold, len(learned), told, reason)


def tell_exposures(
    experiment: Experiment, runs: Sequence[PlannedRun], data: ExperimentData, announce: Announce
) -> None:
    """Keep what the samplers do in the experiment's folder, and show it."""
    exposures = exposures_of(runs, data)
    if exposures:
        write_json(experiment.folder / "exposure.json", [one.to_dict() for one in exposures])
        announce(exposures)
