"""EfficientDet as the training loop wants it: effdet's own loss, post-processing and evaluator around its model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from effdet import DetBenchPredict, DetBenchTrain
from effdet.data.transforms import resolve_fill_color
from torch import Tensor, nn

from bunri.dataset import Dataset
from bunri.engines.base import ExportWish
from bunri.engines.effdet.building import build_model
from bunri.engines.effdet.evaluator import coco_map
from bunri.engines.effdet.exporting import export_model
from bunri.engines.effdet.letterbox import Letterbox, SampleMaker
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.loop.detector import Detector
from bunri.engines.predicting import Found, Photo
from bunri.predictions import Predictions
from bunri.recipe import Recipe


class EfficientDetDetector(Detector):
    """A model of effdet and the config it was built by."""

    def __init__(
        self, model: nn.Module, config: Mapping[str, Any], max_boxes: int, facts: Mapping[str, str], native: str
    ) -> None:
        """Take a built model; ``max_boxes`` is the least number of boxes it may give for a photo."""
        self.model, self.facts, self.native = model, facts, native
        self._config, self._max_boxes = config, max_boxes
        self._bench = DetBenchTrain(model, create_labeler=True)
        self.sample = SampleMaker(letterbox_of(config))

    def losses(self, batch: list[Any]) -> Mapping[str, Tensor]:
        """Effdet's losses, the one of the boxes with its weight; a photo without boxes is background."""
        images = normalized(torch.stack([sample["image"] for sample in batch]), self._config)
        self._bench.anchors.to(images.device)
        targets = {key: [sample[key] for sample in batch] for key in ("bbox", "cls")}
        losses = self._bench(images, targets)
        return {"class_loss": losses["class_loss"], "box_loss": self._config["box_loss_weight"] * losses["box_loss"]}

    def export(self, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
        """The model for its own frame."""
        return export_model(self.model.eval(), self._config, letterbox_of(self._config), self._max_boxes, recipe, wish)

    def finder(self, model: nn.Module, device: torch.device) -> "EfficientDetFinder":
        """Asks the model."""
        return EfficientDetFinder(model, self._config, self._max_boxes, device)

    def native_figures(self, found: Predictions, truth: Dataset) -> Mapping[str, object]:
        """The mean average precision by effdet's COCO evaluator."""
        return coco_map(found, truth)


class EfficientDetFinder:
    """A model that predicts; for a scaled view it is built once more around the same weights."""

    def __init__(self, model: nn.Module, config: Mapping[str, Any], max_boxes: int, device: torch.device) -> None:
        self._model, self._config, self._max_boxes, self._device = model.to(device), config, max_boxes, device
        self._benches: dict[tuple[int, int], Any] = {}

    @torch.no_grad()
    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo; the frame's sides are scaled."""
        config = {**self._config, "image_size": scaled_size(self._config, scale)}
        bench, letterbox = self._bench_of(config), letterbox_of(config)
        fitted = [letterbox(photo) for photo in photos]
        images = normalized(torch.from_numpy(np.stack([one.image for one in fitted])).to(self._device), config)
        sizes = torch.tensor([one.size for one in fitted], dtype=torch.float32, device=self._device)
        info = {"img_scale": torch.ones(len(fitted), device=self._device), "img_size": sizes}
        detections = bench(images, info).cpu().numpy().astype(np.float64)
        return [_found(rows, one.scale) for rows, one in zip(detections, fitted, strict=True)]

    def _bench_of(self, config: Mapping[str, Any]) -> Any:
        """Effdet's post-processing around the model for a frame; it cuts no score, and no box the recipe wants."""
        size = (config["image_size"][0], config["image_size"][1])
        if size not in self._benches:
            bench = DetBenchPredict(self._model_for(config)).to(self._device)
            candidates = len(bench.anchors.boxes) * bench.num_classes
            bench.max_detection_points = min(bench.max_detection_points, candidates)
            bench.max_det_per_image = max(bench.max_det_per_image, self._max_boxes)
            self._benches[size] = bench
        return self._benches[size].eval()

    def _model_for(self, config: Mapping[str, Any]) -> nn.Module:
        """The model itself where the frame is its own; else one of that frame that shares its weights."""
        if list(config["image_size"]) == list(self._config["image_size"]):
            return self._model
        mine: Any = self._model
        resized = build_model(config, mine.config.num_classes)
        resized.backbone, resized.class_net, resized.box_net = mine.backbone, mine.class_net, mine.box_net
        resized.fpn.load_state_dict(mine.fpn.state_dict())
        return resized.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def letterbox_of(config: Mapping[str, Any]) -> Letterbox:
    """The frame of a whole config."""
    height, width = config["image_size"]
    return Letterbox(height, width, config["interpolation"], resolve_fill_color(config["fill_color"], config["mean"]))


def normalized(images: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Bytes ``(B, 3, H, W)`` as floats with the config's mean and standard deviation taken out."""
    mean, std = (images.new_tensor(config[key], dtype=torch.float32).view(1, 3, 1, 1) * 255 for key in ("mean", "std"))
    return images.float().sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def scaled_size(config: Mapping[str, Any], scale: float) -> list[int]:
    """Height and width of the frame for a view, in steps of 16.

    The pyramid halves both sides at every level or none, so a side of an oblong frame must not come down to one cell
    before the other: none is less than the coarsest stride.
    """
    height, width = config["image_size"]
    least = 32 if height == width else 2 ** int(config["max_level"])
    return [side if scale == 1 else max(round(side * scale / 16) * 16, least) for side in (height, width)]


def _found(rows: np.ndarray[Any, np.dtype[np.float64]], scale: np.ndarray[Any, np.dtype[np.float64]]) -> Found:
    """Rows ``x1, y1, x2, y2, score, class`` ``(D, 6)``; class 0 is what effdet fills up with."""
    real = rows[(rows[:, 5] > 0) & np.isfinite(rows).all(axis=1)]
    return Found(box_xyxy=real[:, :4] / scale, class_index=real[:, 5].astype(np.int64) - 1, score=real[:, 4])
