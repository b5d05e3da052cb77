"""What the two kinds of Detectron2's configs have in common, and what is put into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from bunri.engines.base import Job
from bunri.engines.feeding import Lengths
from bunri.events import Note
from bunri.recipe import Recipe
from bunri.sampling import SamplerSettings

TRAIN, VAL = "bunri_train", "bunri_val"
"""Names under which our photos are registered in Detectron2's catalogue."""


@dataclass(frozen=True)
class TimmWeights:
    """What a config says of a timm backbone's weights; see :class:`bunri.engines.weights.BackboneWeights`."""

    name: str
    weights: str | None


@dataclass(frozen=True)
class Given:
    """What the data set, the recipe and the job say, in numbers a native config has keys for.

    Attributes:
        classes: Number of classes.
        folder: Where the framework writes.
        seed: Of the run.
        device: ``cpu`` or ``cuda``.
        loader_workers: Processes that read photos.
        batch_size: Photos in a step.
        iterations: Of the whole training.
        validate_every: Iterations between validations.
        recipe: The rest.
    """

    classes: int
    folder: Path
    seed: int
    device: str
    loader_workers: int
    batch_size: int
    iterations: int
    validate_every: int
    recipe: Recipe

    def amp(self, native: bool) -> bool:
        """Mixed precision: as the recipe says, else as the config does, and on a GPU only."""
        return (self.recipe.amp if self.recipe.says("amp") else native) and self.device == "cuda"


class NativeModel(Protocol):
    """A config that was read and checked, and what Detectron2 makes of it."""

    text: str
    """All of it, as it stands in ``resolved_config.yaml``."""
    batch_size: int
    iterations: int
    checkpoint_period: int
    """Iterations after which ``last`` is saved, beside each validation."""
    log_period: int
    """Iterations between two records of the framework's own writers."""
    weights: str
    """What to start from, empty for random weights."""
    amp: bool
    repeat_threshold: float
    """Of its own repeat-factor sampler, 0 without one."""
    groups_by_shape: bool
    """Whether upright and lying photos go into batches of their own."""

    def point_at(self, given: Given) -> list[Note]:
        """Put data and recipe into the config; sentences on what that changed."""

    def timm_weights(self) -> list[TimmWeights]:
        """Of its timm backbones."""

    def without_backbone_weights(self) -> None:
        """A checkpoint comes: nothing is to be loaded into the backbone."""

    def refusals(self, recipe: Recipe) -> list[str]:
        """What of a recipe cannot be honoured with this config."""

    def save(self, folder: Path) -> None:
        """Write the config as it runs."""

    def build_model(self) -> Any:
        """The detector, on its device."""

    def mapper(self, training: bool) -> Any:
        """Detectron2's mapper from a record of its data set to what the network takes."""

    def loader_arguments(self) -> dict[str, Any]:
        """Further arguments of Detectron2's loader of training photos."""


def open_floor(model: Any, recipe: Recipe) -> None:
    """Let a built detector give all boxes down to the recipe's floor (kept are scores above a threshold)."""
    below = float(np.nextafter(np.float32(recipe.score_floor), np.float32(-1)))
    for module in model.modules():
        if hasattr(module, "test_score_thresh"):
            module.test_score_thresh = below
        for limit in ("test_topk_per_image", "max_detections_per_image"):
            if hasattr(module, limit):
                setattr(module, limit, max(int(getattr(module, limit)), recipe.max_boxes))


def common_refusals(recipe: Recipe) -> list[str]:
    """What no config of Detectron2 can honour."""
    refused = []
    if recipe.accumulate > 1:
        refused.append("accumulate: Detectron2's trainers step after every batch; leave it out and raise batch_size")
    if recipe.ema > 0:
        refused.append("ema: Detectron2 keeps no moving average of weights; leave it out or 0")
    return refused


def schedule_notes(recipe: Recipe, iterations: int, milestones: Sequence[float], warmup: float) -> list[Note]:
    """Warnings where the config's own schedule was written for a longer training than the recipe's."""
    if recipe.says("schedule") or not recipe.says_length:
        return []
    late = [milestone for milestone in milestones if milestone >= iterations]
    notes = []
    if late:
        notes.append(
            f"the config lowers the rate after {late} iterations, but the recipe trains for {iterations}: "
            "it never will. Say recipe.schedule, or the config's own steps for this length."
        )
    if warmup >= iterations:
        notes.append(f"the config's warm-up of {warmup:.0f} iterations is as long as the whole training or longer")
    return [Note(note, "warning") for note in notes]


def recipe_in_full(recipe: Recipe, native: NativeModel) -> Recipe:
    """The recipe with the config's own values where it says nothing."""
    own: dict[str, Any] = {"accumulate": 1}
    if not recipe.says("batch_size"):
        own["batch_size"] = native.batch_size
    if not recipe.says("sampler"):
        own["sampler"] = SamplerSettings(repeat_factor_threshold=native.repeat_threshold)
    if not recipe.says_length:
        own["iterations"] = native.iterations
    return recipe.model_copy(update=own)


def given_to(job: Job, classes: int, recipe: Recipe, lengths: Lengths | None = None) -> Given:
    """What goes into the native config; without lengths it is only to predict."""
    return Given(
        classes=classes,
        folder=job.folder.native_folder,
        seed=job.seed,
        device=device_of(job),
        loader_workers=job.loader_workers,
        batch_size=recipe.batch_size,
        iterations=lengths.total if lengths else 1,
        validate_every=lengths.validate_every if lengths else 0,
        recipe=job.recipe,
    )


def device_of(job: Job) -> str:
    """Where to compute."""
    if job.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return job.device
