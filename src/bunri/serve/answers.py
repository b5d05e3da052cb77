"""The shapes of the API, as its OpenAPI description has them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bunri.serve.sorting_rules import SortingRules

Box = tuple[float, float, float, float]
"""``x_min, y_min, x_max, y_max`` in pixels of the photo, upright."""


class FoundObject(BaseModel):
    """An object on a photo."""

    class_name: str
    """Of the model."""
    category_id: int
    """Of the class in the data set the model was trained on."""
    score: Annotated[float, Field(ge=0, le=1)]
    """How sure the model is."""
    box: Box
    """Where it is."""
    bin: str | None
    """Key of the bin it goes to; null where the rules do not know the class."""


class FoundPhoto(BaseModel):
    """What lies on a photo, the surest first."""

    width: int
    """Pixels, upright."""
    height: int
    """Pixels, upright."""
    seconds: float
    """The model took so long."""
    objects: list[FoundObject]
    """All that have the asked score."""
    preview: str | None = None
    """The photo as the model saw it, small, as a ``data:`` URL, where it was asked for."""


class Reason(BaseModel):
    """Why a request was not answered as asked."""

    code: str
    """For programs; its values are in the docs."""
    message: str
    """For people."""


class Problem(BaseModel):
    """Every answer that is not the one asked for."""

    error: Reason
    """Why."""


class BatchItem(BaseModel):
    """The answer to one photo of a batch: ``found`` or ``error``."""

    name: str
    """As the client called it; the server uses it for nothing."""
    found: FoundPhoto | None = None
    """Where the photo was whole."""
    error: dict[str, str] | None = None
    """``code`` and ``message`` where it was not."""


class Batch(BaseModel):
    """Answers in the order of the photos."""

    photos: list[BatchItem]
    """One for each."""


class CorrectedObject(BaseModel):
    """A box that a person has drawn or confirmed."""

    model_config = ConfigDict(extra="forbid")

    class_name: str
    """One of the model's classes."""
    box: Box
    """Where it is."""


class Correction(BaseModel):
    """What was saved."""

    file_name: str
    """Of the photo in the folder of corrections."""
    annotations: int
    """Boxes on this photo."""
    photos: int
    """Corrected photos so far."""


class Health(BaseModel):
    """How the model is."""

    state: Literal["loading", "ready", "failed"]
    """Whether photos are answered."""
    message: str = ""
    """Why not, where it failed."""


class About(BaseModel):
    """What the server is."""

    model: str
    """Name of the model, or ``ensemble``."""
    members: list[str]
    """Its members."""
    classes: list[str]
    """What it finds."""
    corrections: bool
    """Whether corrections can be saved."""
    max_photo_bytes: int
    """Of one photo."""
    max_photo_pixels: int
    """Of one photo."""
    max_batch: int
    """Photos in one batch."""
    rules: SortingRules
    """How trash is sorted."""
    rule_of: dict[str, int]
    """For each class the rules know, its place in ``rules.classes``."""
