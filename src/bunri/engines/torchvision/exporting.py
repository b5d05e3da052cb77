"""torchvision's detectors as networks with raw outputs; what comes before and after them is said as data."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign, roi_align

from bunri.engines.base import ExportWish
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.pixels import input_size_of
from bunri.engines.exported.spec import (
    CellAnchors,
    DefaultBoxes,
    ExportedNetworks,
    NetworkFacts,
    NetworkName,
    OneStage,
    Proposals,
    Regions,
    Suppression,
    TwoStage,
)
from bunri.engines.tracing import Example, NetworkModule, write_network
from bunri.errors import ConfigError
from bunri.recipe import Recipe

SHAPES = ((480, 640), (640, 480), (500, 500))
"""Height and width of photos an export is tried on."""

IMAGE_AXES = {"images": {0: "photos", 2: "height", 3: "width"}}


class DenseNetwork(nn.Module):
    """Backbone and head of a one-stage detector: raw outputs, and one channel of each level for its size."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores ``(B, N, C)``, boxes ``(B, N, 4)``, of FCOS centerness ``(B, N, 1)``; levels ``(1, 1, H, W)``."""
        levels = _levels(self.backbone(images))
        outputs = self.head(levels)
        raw = [outputs[name] for name in ("cls_logits", "bbox_regression", "bbox_ctrness") if name in outputs]
        return (*raw, *(level[:1, :1] for level in levels))


class ProposalNetwork(nn.Module):
    """Backbone and first stage of Faster R-CNN."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.backbone, self.head, self._names = model.backbone, model.rpn.head, tuple(names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Objectness ``(B, A, H, W)`` and offsets ``(B, 4 A, H, W)`` by level, and the second stage's features."""
        features = self.backbone(images)
        features = features if isinstance(features, dict) else {"0": features}
        objectness, offsets = self.head(list(features.values()))
        return (*objectness, *offsets, *(features[name] for name in self._names))


class RegionNetwork(nn.Module):
    """Second stage of Faster R-CNN: proposals by level, each with the row of its photo, on features by level."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.head, self.predictor = model.roi_heads.box_head, model.roi_heads.box_predictor
        pool = model.roi_heads.box_roi_pool
        self._scales, self._side, self._samples = pool.scales, pool.output_size, pool.sampling_ratio

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(R, C)`` and offsets ``(R, 4 C)`` of the proposals, level after level."""
        levels = len(self._scales)
        pooled = [
            roi_align(features, proposals, self._side, scale, self._samples)
            for features, proposals, scale in zip(inputs[:levels], inputs[levels:], self._scales, strict=True)
        ]
        scores, offsets = self.predictor(self.head(torch.cat(pooled)))
        return scores, offsets


def _levels(features: Any) -> list[Tensor]:
    return list(features.values()) if isinstance(features, dict) else [features]


def export_model(model: Any, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
    """Write the networks of a detector in a mood to predict.

    Raises:
        ConfigError: A part of it is none of torchvision's own, or it holds for one size of photos only.
    """
    pixels = pixels_of(model.transform)
    scales = sorted({view.scale for view in recipe.tta.views}, key=lambda scale: scale != 1.0)
    images = [torch.rand(shape) for shape in _input_shapes(pixels, scales)]
    if isinstance(model, FasterRCNN):
        return _two_stage(model, pixels, images, wish)
    if isinstance(model, RetinaNet | FCOS | SSD):
        return _one_stage(model, pixels, images, wish)
    raise ConfigError(f"{type(model).__name__} cannot be exported; Faster R-CNN, RetinaNet, FCOS and SSD can")


def pixels_of(transform: Any) -> Pixels:
    """What a transform of torchvision does to a photo."""
    return Pixels(
        min_side=transform.min_size[-1],
        max_side=transform.max_size,
        fixed=transform.fixed_size,
        mean=tuple(transform.image_mean),
        std=tuple(transform.image_std),
        divisible=transform.size_divisible,
    )


def _input_shapes(pixels: Pixels, scales: Sequence[float]) -> Iterator[tuple[int, int, int, int]]:
    for scale in scales:
        for count, shape in enumerate(SHAPES, 1):
            yield count, 3, *input_size_of(*shape, pixels, scale)


def anchors_of(generator: Any) -> CellAnchors | DefaultBoxes:
    """A generator's boxes as data.

    Raises:
        ConfigError: It is none of torchvision's own.
    """
    if isinstance(generator, AnchorGenerator):
        return CellAnchors(boxes=tuple(tuple(map(tuple, cell.tolist())) for cell in generator.cell_anchors))
    if isinstance(generator, DefaultBoxGenerator):
        sides = [pairs.clamp(0, 1) if generator.clip else pairs for pairs in generator._wh_pairs]
        levels = tuple(tuple(map(tuple, pairs.tolist())) for pairs in sides)
        return DefaultBoxes(sides=levels, steps=generator.steps and tuple(generator.steps))
    raise ConfigError(f"anchors of {type(generator).__name__} cannot be exported; those of torchvision can")


def _one_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    detector = _dense(model)
    centerness = ("centerness",) if isinstance(model, FCOS) else ()
    outputs = ("scores", "boxes", *centerness, *_numbered("level", detector.levels))
    examples = [(image,) for image in images]
    network = NetworkModule("network", DenseNetwork(model), ("images",), outputs, IMAGE_AXES, examples)
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def _dense(model: Any) -> OneStage:
    return OneStage(
        anchors=anchors_of(model.anchor_generator),
        scores=_SCORES[type(model)],
        boxes="sides" if isinstance(model, FCOS) else "offsets",
        weights=(1.0, 1.0, 1.0, 1.0) if isinstance(model, FCOS) else tuple(model.box_coder.weights),
        candidates=model.topk_candidates,
        candidates_of="class" if isinstance(model, SSD) else "level",
        suppression=Suppression(iou=model.nms_thresh, max_boxes=model.detections_per_img),
    )


_SCORES: dict[type, Any] = {RetinaNet: "sigmoid", FCOS: "sigmoid_with_centerness", SSD: "softmax"}


def _two_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    pool = model.roi_heads.box_roi_pool
    if not isinstance(pool, MultiScaleRoIAlign):
        raise ConfigError(f"box_roi_pool must be MultiScaleRoIAlign to be exported, but is {type(pool).__name__}")
    with torch.no_grad():
        model([torch.rand(3, *SHAPES[0])])  # the pool finds out the scales of its levels
    detector, levels = _of_two_stages(model), len(pool.scales)
    features, proposals = _numbered("features", levels), _numbered("proposals", levels)
    outputs = (*_numbered("objectness", detector.levels), *_numbered("offsets", detector.levels), *features)
    first = ProposalNetwork(model, pool.featmap_names)
    network = NetworkModule("network", first, ("images",), outputs, IMAGE_AXES, [(image,) for image in images])
    axes = {name: {0: "photos", 2: f"height_{n}", 3: f"width_{n}"} for n, name in enumerate(features)}
    axes |= {name: {0: f"count_{n}"} for n, name in enumerate(proposals)}
    examples = [_with_proposals(first, image, levels) for image in images]
    regions = NetworkModule(
        "regions", RegionNetwork(model), (*features, *proposals), ("scores", "offsets"), axes, examples
    )
    written: dict[NetworkName, NetworkFacts] = {
        "network": write_network(network, wish),
        "regions": write_network(regions, wish),
    }
    return ExportedNetworks(networks=written, pixels=pixels, detector=detector)


def _with_proposals(first: ProposalNetwork, images: Tensor, levels: int) -> Example:
    """Features of images, and some proposals on each level."""
    with torch.no_grad():
        features = first(images)[-levels:]
    height, width = images.shape[2:]
    proposals = []
    for level in range(levels):
        corner = torch.rand(3 + level, 2) * torch.tensor([width, height]) * 0.5
        photo = torch.randint(len(images), (len(corner), 1)).float()
        proposals.append(torch.cat([photo, corner, corner + 8 * 2**level], dim=1))
    return (*features, *proposals)


def _of_two_stages(model: Any) -> TwoStage:
    rpn, heads = model.rpn, model.roi_heads
    proposals = Proposals(
        candidates=rpn.pre_nms_top_n(),
        min_score=rpn.score_thresh,
        min_side=rpn.min_size,
        suppression=Suppression(iou=rpn.nms_thresh, max_boxes=rpn.post_nms_top_n()),
    )
    return TwoStage(
        anchors=anchors_of(rpn.anchor_generator),
        weights=tuple(rpn.box_coder.weights),
        proposals=proposals,
        regions=_of_regions(heads),
    )


def _of_regions(heads: Any) -> Regions:
    pool = heads.box_roi_pool
    finest, coarsest = (round(-torch.tensor(pool.scales[end]).log2().item()) for end in (0, -1))
    if coarsest - finest + 1 != len(pool.scales):
        raise ConfigError(f"feature levels must halve their size to be exported, but the scales are {pool.scales}")
    return Regions(
        finest=finest,
        coarsest=coarsest,
        canonical_side=pool.canonical_scale,
        canonical_level=pool.canonical_level,
        weights=tuple(heads.box_coder.weights),
        suppression=Suppression(iou=heads.nms_thresh, max_boxes=heads.detections_per_img),
    )


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for number in range(count))
