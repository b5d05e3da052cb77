"""The recipe of a training, said once and carried by every engine.

What a recipe does not say is as the native config of a framework says it; where a framework has no config for it
(torchvision has none for training) the defaults below hold. :meth:`Recipe.says` tells the two apart.
"""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from bunri.augment import Pipeline
from bunri.optim import OptimizerSettings, ScheduleSettings
from bunri.sampling import SamplerSettings
from bunri.settings import Settings
from bunri.tta import TTASettings

DEFAULT_EPOCHS = 12.0
"""Where neither a recipe nor a framework says how long to train."""


class Recipe(Settings):
    """How to train and predict, in words that do not depend on the framework."""

    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training images (with the sampler's repeats); this or ``iterations``, else 12 epochs."""
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

    @field_validator("iterations")  # of the field, not of the whole: it is told with the other mistakes
    @classmethod
    def _one_length(cls, iterations: int | None, info: ValidationInfo) -> int | None:
        if iterations is not None and info.data.get("epochs") is not None:
            raise ValueError("give epochs or iterations, not both")
        return iterations

    def says(self, name: str) -> bool:
        """Whether the recipe was given a value for a field; else the native config's own holds."""
        return name in self.model_fields_set

    @property
    def says_length(self) -> bool:
        """Whether the recipe says how long to train."""
        return self.epochs is not None or self.iterations is not None

    def total_iterations(self, epoch: float) -> int:
        """Optimizer steps of the whole training, where an epoch has ``epoch`` of them; at least one."""
        if self.iterations is not None:
            return self.iterations
        return max(round((self.epochs or DEFAULT_EPOCHS) * epoch), 1)

    def given(self) -> dict[str, Any]:
        """Plain values of what was given, nested ones too; read again they make the same recipe."""
        return self.model_dump(mode="json", exclude_unset=True)
