"""What a detector of MMDetection sees on photos, prepared by its own test pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate

from bunri.engines.mmdetection import pipelines
from bunri.engines.mmdetection.data import photo_values
from bunri.engines.mmdetection.loaders import loads_float32
from bunri.engines.predicting import Found, Photo


class MMDetectionFinder:
    """A detector that predicts; the scale of a view is a factor on the size its pipeline makes."""

    def __init__(self, model: Any, test_pipeline: Sequence[Mapping[str, Any]]) -> None:
        """Take a detector, where it is to compute, and its test pipeline."""
        self._model, self._pipeline = model.eval(), test_pipeline
        self._float32 = loads_float32(test_pipeline)
        self._by_scale: dict[float, Any] = {}

    @torch.no_grad()
    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo, each looked at alone: padding to the largest of several would change what is found."""
        prepare = self._prepared(scale)
        return [self._find(prepare(self._values(number, photo))) for number, photo in enumerate(photos)]

    def _prepared(self, scale: float) -> Any:
        if scale not in self._by_scale:
            self._by_scale[scale] = Compose(pipelines.for_prediction(self._pipeline, scale))
        return self._by_scale[scale]

    def _values(self, number: int, photo: Photo) -> dict[str, Any]:
        height, width = photo.shape[:2]
        facts = {"img_id": number, "img_path": "", "height": height, "width": width}
        return facts | photo_values(photo, self._float32)

    def _find(self, sample: Any) -> Found:
        return found_of(self._model.test_step(pseudo_collate([sample]))[0])


def found_of(sample: Any) -> Found:
    """Boxes of one of MMDetection's data samples, in the pixels of its photo."""
    instances = sample.pred_instances
    boxes = getattr(instances.bboxes, "tensor", instances.bboxes)
    return Found(
        box_xyxy=boxes.detach().cpu().numpy().astype(np.float64).reshape(-1, 4),
        class_index=instances.labels.cpu().numpy().astype(np.int64),
        score=instances.scores.detach().float().cpu().numpy().astype(np.float64),
    )
