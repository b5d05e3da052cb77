"""What is served: a model, the rules of sorting, the limits."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio
import numpy as np

from bunri.dataset import Dataset
from bunri.errors import EngineError
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.serve.answers import FoundObject, FoundPhoto
from bunri.serve.corrections import Corrections
from bunri.serve.errors import Refusal
from bunri.serve.settings import ServeSettings
from bunri.serve.sorting_rules import SortingRules


class Finder(Protocol):
    """A model that is asked for boxes; :class:`bunri.inference.warm.WarmModel` is one."""

    @property
    def state(self) -> str:
        """``loading``, ``ready`` or ``failed``."""

    @property
    def failure(self) -> str:
        """Why it failed."""

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on photos; image ids are rows."""


@dataclass(frozen=True)
class Served:
    """All that the API needs.

    Attributes:
        name: Of the model.
        members: Of the ensemble, or the model itself.
        classes: Class names and category ids; no images.
        finder: The model.
        rules: How its classes are sorted.
        settings: Limits.
        corrections: Where corrections are saved; None where they are not.
    """

    name: str
    members: tuple[str, ...]
    classes: Dataset
    finder: Finder
    rules: SortingRules
    settings: ServeSettings
    corrections: Corrections | None = None

    async def find(self, photo: Photo, min_score: float) -> FoundPhoto:
        """What lies on a photo.

        Raises:
            Refusal: The model is not there, or failed.
        """
        if self.finder.state == "failed":
            raise Refusal(503, "model_failed", f"the model cannot be loaded: {self.finder.failure}")
        began = time.monotonic()
        try:
            found = await anyio.to_thread.run_sync(self.finder.find, [photo])
        except EngineError as error:
            raise Refusal(503, "model_failed", str(error), {"Retry-After": "5"}) from error
        height, width, _ = photo.shape
        return FoundPhoto(
            width=width,
            height=height,
            seconds=round(time.monotonic() - began, 3),
            objects=self._objects(found.above(min_score)),
        )

    def _objects(self, found: Predictions) -> list[FoundObject]:
        names, ids = self.classes.class_names, self.classes.category_ids.tolist()
        bins = {name: rule.bin for name in names if (rule := self.rules.rule_of(name))}
        return [
            FoundObject(
                class_name=names[index],
                category_id=ids[index],
                score=round(float(found.score[row]), 4),
                box=tuple(np.round(found.box_xyxy[row], 2).tolist()),
                bin=bins.get(names[index]),
            )
            for row in np.argsort(-found.score, kind="stable").tolist()
            for index in [int(found.class_index[row])]
        ]
