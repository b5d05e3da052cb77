"""What a model of Detectron2 sees on photos, while training and after it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from detectron2.data import transforms
from detectron2.evaluation import DatasetEvaluator

from bunri.dataset import Dataset
from bunri.engines.detectron2.loading import as_tensor, in_format, is_resizing
from bunri.engines.detectron2.native import NativeModel
from bunri.engines.predicting import Found, Photo, Tick, translate
from bunri.errors import ConfigError
from bunri.photos import read_photo
from bunri.predictions import Predictions, concatenate
from bunri.recipe import Recipe
from bunri.tta import View


class Preparation:
    """A photo as the config's own test pipeline gives it to the network.

    Attributes:
        augmentations: Of the pipeline, in order.
        image_format: ``RGB`` or ``BGR``.
    """

    def __init__(self, native: NativeModel) -> None:
        """Take the pipeline of the config's test mapper.

        Raises:
            ConfigError: It is a mapper of the user's own without ``augmentations`` and ``image_format``.
        """
        mapper = native.mapper(training=False)
        if not hasattr(mapper, "augmentations") or mapper.image_format not in ("RGB", "BGR"):
            raise ConfigError(
                "the mapper of the config's test photos must be detectron2.data.DatasetMapper with image_format RGB or "
                f"BGR, but it is {type(mapper).__name__} with {getattr(mapper, 'image_format', None)}"
            )
        self._augment, self.image_format = mapper.augmentations, mapper.image_format
        self.augmentations: Sequence[Any] = mapper.augmentations.augs
        self._only_resizes = all(is_resizing(augmentation) for augmentation in self.augmentations)

    def __call__(self, photo: Photo, scale: float = 1.0) -> dict[str, Any]:
        """The network's input for an RGB photo; ``scale`` multiplies the size it sees."""
        image = in_format(photo, self.image_format)
        given = transforms.AugInput(image)
        self._augment(given)
        seen = given.image
        if scale != 1:
            size = tuple(max(round(side * scale), 1) for side in seen.shape[:2])
            source = image if self._only_resizes else seen  # interpolating once is better than twice
            seen = transforms.Resize(size).get_transform(source).apply_image(source)
        return {"image": as_tensor(seen), "height": photo.shape[0], "width": photo.shape[1]}


class Detectron2Finder:
    """A detector that predicts, one photo at a time, as Detectron2's own predictor and evaluation do."""

    def __init__(self, model: Any, prepare: Preparation) -> None:
        self._model, self._prepare = model, prepare
        model.eval()

    @torch.no_grad()
    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo."""
        return [found_in(self._model([self._prepare(photo, scale)])[0]) for photo in photos]


def found_in(output: Mapping[str, Any]) -> Found:
    """Detectron2's output for one photo; whatever is not finite (a model gone astray) is left out."""
    instances = output["instances"].to("cpu")
    box_xyxy = instances.pred_boxes.tensor.numpy().astype(np.float64).reshape(-1, 4)
    score = instances.scores.numpy().astype(np.float64)
    sound = np.isfinite(score) & np.isfinite(box_xyxy).all(axis=1)
    return Found(box_xyxy[sound], instances.pred_classes.numpy()[sound], score[sound])


class HeldOutPhotos:
    """Held-out photos by row, as Detectron2's test loader asks for them."""

    def __init__(self, dataset: Dataset, prepare: Preparation) -> None:
        self._dataset, self._prepare = dataset, prepare

    def __call__(self, row: int) -> dict[str, Any]:
        """The network's input for a row, with the ids its evaluator wants."""
        about = {"row": row, "image_id": int(self._dataset.images.id[row])}
        return {**self._prepare(read_photo(self._dataset.path_of(row))), **about}


class Collector(DatasetEvaluator):
    """Keeps what Detectron2's evaluation sees as predictions of ours, from the same pass over the photos."""

    def __init__(self, dataset: Dataset, recipe: Recipe, tick: Tick) -> None:
        self._dataset, self._recipe, self._tick = dataset, recipe, tick
        self._parts: list[Predictions] = []

    def reset(self) -> None:
        """Forget a former pass."""
        self._parts = []

    def process(self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> None:
        """Keep what was found on some photos."""
        for given, output in zip(inputs, outputs, strict=True):
            found = found_in(output)
            self._parts.append(translate(found, self._dataset, given["row"], self._recipe, View()))
        self._tick(len(inputs))

    def evaluate(self) -> None:
        """Nothing for Detectron2: the judging is ours."""

    @property
    def predictions(self) -> Predictions:
        """Everything found."""
        return concatenate(self._parts)
