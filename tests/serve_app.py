"""An app with a pretended model, for tests of the API and of the page."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders import make_dataset
from bunri.errors import EngineError
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.serve.corrections import Corrections
from bunri.serve.served import Served
from bunri.serve.settings import ServeSettings
from bunri.serve.sorting_rules import read_rules

CLASSES = make_dataset(boxes=(), class_names=("Plastic", "Metal", "Mystery"))


class PretendedModel:
    """Finds a plastic thing in the left half and something unsure in the right one; black photos break it."""

    def __init__(self) -> None:
        self.state, self.failure, self.seen = "ready", "", list[tuple[int, ...]]()

    def find(self, photos: Sequence[Photo]) -> Predictions:
        [photo] = photos
        self.seen.append(photo.shape)
        if not photo.any():
            raise EngineError("the worker was killed by SIGKILL (memory may have run out)")
        height, width, _ = photo.shape
        box = np.array([(0.1, 0.2, 0.4, 0.8), (0.11, 0.2, 0.4, 0.8), (0.6, 0.3, 0.9, 0.7), (0.6, 0.1, 0.7, 0.2)])
        scores = np.array([0.9, 0.5, 0.4, 0.1])
        return Predictions(np.zeros(4, np.int64), np.array([0, 1, 2, 1]), scores, box * [width, height, width, height])


def pretended(folder: Path | None = None, **settings: Any) -> Served:
    """What is served; corrections go to ``folder``."""
    return Served(
        name="fcos",
        members=("fcos",),
        classes=CLASSES,
        finder=PretendedModel(),
        rules=read_rules(),
        settings=ServeSettings.validated(settings, "the test"),
        corrections=Corrections(folder, CLASSES) if folder else None,
    )


def encoded(
    kind: str = "JPEG", size: tuple[int, int] = (200, 100), colour: Any = "green", mode: str = "RGB", **options: Any
) -> bytes:
    """A photo of one colour as a file's content."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()
