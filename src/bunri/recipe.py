"""The recipe of a training, said once and carried by every engine."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from bunri.augment import Pipeline
from bunri.optim import OptimizerSettings, ScheduleSettings
from bunri.sampling import SamplerSettings
from bunri.settings import Settings
from bunri.tta import TTASettings


class Recipe(Settings):
    """How to train and predict, in words that do not depend on the framework."""

    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training images (with the sampler's repeats); give this or ``iterations``."""
    iterations: Annotated[int, Field(gt=0)] | None = None
    """Optimizer steps."""
    batch_size: Annotated[int, Field(gt=0)] = 8
    """Images in a step."""
    accumulate: Annotated[int, Field(gt=0)] = 1
    """Batches whose gradients are summed to one step."""
    validate_every: Annotated[float, Field(gt=0)] = 1.0
    """Epochs between validations; the best checkpoint is chosen among them."""
    sampler: SamplerSettings = SamplerSettings()
    """How often each image is seen."""
    optimizer: OptimizerSettings = OptimizerSettings()
    """What makes the step."""
    schedule: ScheduleSettings = ScheduleSettings()
    """Learning rate over time."""
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    """Gradients are scaled down to this norm; null leaves them."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average of the weights that is validated and kept; 0 keeps the weights themselves."""
    amp: bool = True
    """Mixed precision where the machine has a GPU; nothing changes on a CPU."""
    augment: Pipeline = ()
    """Albumentations transforms of the training photos, in order."""
    tta: TTASettings = TTASettings()
    """Views at prediction."""
    score_floor: Annotated[float, Field(ge=0, lt=1)] = 0.001
    """Boxes of smaller score are not dumped; the same for every framework."""
    max_boxes: Annotated[int, Field(gt=0)] = 100
    """Boxes dumped for an image, the best first; the same for every framework."""

    @model_validator(mode="before")
    @classmethod
    def _default_length(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("epochs") is None and values.get("iterations") is None:
            return {**values, "epochs": 12.0}
        return values

    @model_validator(mode="after")
    def _one_length(self) -> "Recipe":
        if self.epochs is not None and self.iterations is not None:
            raise ValueError("give epochs or iterations, not both")
        return self
