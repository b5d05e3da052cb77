"""Ultralytics' own validators, whose one pass over the photos gives us the predictions, too."""

from typing import Any

from ultralytics.models.rtdetr.val import RTDETRValidator
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils.nms import non_max_suppression

from bunri.dataset import Dataset
from bunri.engines.predicting import progress_of, translate
from bunri.engines.ultralytics.pixels import found_in_photo
from bunri.events import Emit
from bunri.predictions import Predictions, concatenate
from bunri.recipe import Recipe
from bunri.tta import View

NO_TIME_LIMIT = 1e9
"""Seconds. Ultralytics gives up on the rest of a batch where suppressing takes long, and a slow machine scores less."""


class YoloValidator(DetectionValidator):
    """The validator of the YOLO family; beside its own metrics it keeps the predictions."""

    def record(self, val: Dataset, recipe: Recipe, emit: Emit) -> None:
        """Say for which photos predictions are kept, at which floor, and who hears of progress."""
        self._val, self._recipe, self._emit = val, recipe, emit

    def init_metrics(self, model: Any) -> None:
        """Begin anew."""
        super().init_metrics(model)
        self._parts: list[Predictions] = []
        self._tick = progress_of(self._emit)

    def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
        """Keep a batch's predictions and hand them to Ultralytics' metrics."""
        size = tuple(batch["img"].shape[2:])
        for place, prediction in enumerate(preds):
            found = found_in_photo(prediction, size, batch["ori_shape"][place], batch["ratio_pad"][place])
            self._parts.append(translate(found, self._val, batch["row"][place], self._recipe, View()))
        super().update_metrics(preds, batch)
        self._tick(len(preds))

    def gather_stats(self) -> None:
        """There is nothing to gather: of several processes the first one judges all photos."""

    def predictions(self) -> Predictions:
        """Of the last pass, cut at the photos' borders."""
        return concatenate(self._parts).clipped(self._val)

    def postprocess(self, preds: Any) -> list[dict[str, Any]]:
        """Ultralytics' suppression with its own thresholds, without its time limit."""
        found = non_max_suppression(
            preds,
            self.args.conf,
            self.args.iou,
            multi_label=True,
            agnostic=self.args.agnostic_nms,
            max_time_img=NO_TIME_LIMIT,
            max_det=self.args.max_det,
            end2end=self.end2end,
        )
        return [{"bboxes": x[:, :4], "conf": x[:, 4], "cls": x[:, 5], "extra": x[:, 6:]} for x in found]


class TransformerValidator(YoloValidator, RTDETRValidator):
    """The validator of RT-DETR, which has nothing to suppress."""

    def postprocess(self, preds: Any) -> list[dict[str, Any]]:
        """RT-DETR's own."""
        return list(RTDETRValidator.postprocess(self, preds))


def validator_class(is_transformer: bool) -> Any:
    """The validator of a model."""
    return TransformerValidator if is_transformer else YoloValidator
