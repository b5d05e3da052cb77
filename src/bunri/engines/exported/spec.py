"""What an export says of itself: the JSON beside its networks."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bunri.engines.exported.pixel_rules import LARGEST_SIDE, Finite, Pixels
from bunri.settings import Settings
from bunri.tta import TTASettings

FORMAT: Literal[1] = 1
"""Of the JSON; another one is refused."""

Format = Literal["onnx", "openvino", "torchscript"]
"""What runs the networks: ONNX Runtime, OpenVINO or torch."""

NetworkName = Literal["network", "regions", "regions_2", "regions_3"]
"""The first looks at photos; the second, of two stages, at proposals; in a cascade each further one at the boxes of the
one before."""

REGION_NETWORKS: tuple[NetworkName, ...] = ("regions", "regions_2", "regions_3")
"""Those that look at boxes, in order."""

SUFFIXES: Mapping[Format, str] = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
"""Of a network's file by format; OpenVINO keeps the weights beside it in ``.bin``."""

Count = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Above = Annotated[float, Field(gt=0, le=1e6)]
SmallestLog = Annotated[float, Field(ge=-20, le=0)]
LARGEST_LOG = math.log(1000 / 16)
"""Where R-CNN's own code cuts logarithms of sizes."""

Divisor = Annotated[float, Field(ge=1e-6, le=1e6)]
Four = tuple[Finite, Finite, Finite, Finite]
Divisors = tuple[Divisor, Divisor, Divisor, Divisor]


class FileFacts(Settings):
    """A file of the export."""

    name: Annotated[str, Field(pattern=r"^[\w][\w.\- ]*$", max_length=200)]
    """In the folder of the JSON; no path."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of its content."""


class NetworkFacts(FileFacts):
    """A network of the export."""

    inputs: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """Names of what it takes, in order."""
    outputs: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """Names of what it gives, in order."""


class CellAnchors(Settings):
    """The same boxes around every cell of a level, in pixels."""

    kind: Literal["cells"] = "cells"
    """Tells it from :class:`DefaultBoxes`."""
    boxes: tuple[tuple[Four, ...], ...]
    """By level: corners xyxy around the origin."""
    strides: tuple[tuple[Above, Above], ...] | None = None
    """By level: pixels from cell to cell, across and down; null takes the whole part of the input's side over the
    cells, as torchvision does."""

    @model_validator(mode="after")
    def _of_all_levels(self) -> Self:
        if self.strides is not None and len(self.strides) != len(self.boxes):
            raise ValueError("there must be a stride for each level, or none")
        return self


class DefaultBoxes(Settings):
    """SSD's boxes, in shares of the input (Liu et al., arXiv:1512.02325, section 2.2)."""

    kind: Literal["default_boxes"] = "default_boxes"
    """Tells it from :class:`CellAnchors`."""
    sides: tuple[tuple[tuple[Finite, Finite], ...], ...]
    """By level: width and height."""
    steps: tuple[Divisor, ...] | None = None
    """Pixels between the centres of a level; null takes the input's side over the cells."""


Anchors = Annotated[CellAnchors | DefaultBoxes, Field(discriminator="kind")]


def levels_of(anchors: CellAnchors | DefaultBoxes) -> int:
    """Feature levels that have anchors."""
    return len(anchors.boxes if isinstance(anchors, CellAnchors) else anchors.sides)


class Suppression(Settings):
    """Which boxes stay."""

    iou: Share
    """Of two boxes of a class that overlap more, the one of lower score goes."""
    max_boxes: Count
    """The best boxes of a photo."""
    sigma: Above | None = None
    """Of a Gaussian by which boxes that overlap lose score in place of going (Bodla et al., arXiv:1704.04503) ..."""
    min_score: Share = 0
    """... until it is not above this."""
    shift: Annotated[float, Field(ge=0, le=1e6)] = 0
    """Pixels that boxes are moved by, times their class, before overlaps are rounded; a way to keep classes apart."""
    across_classes: bool = False
    """Whether boxes of all classes suppress each other."""


class OneStage(Settings):
    """A dense head: a class and a box for every anchor."""

    kind: Literal["one_stage"] = "one_stage"
    """Tells it from :class:`TwoStage`."""
    anchors: Anchors
    """Where the boxes start from."""
    scores: Literal["sigmoid", "sigmoid_with_centerness", "sigmoid_then_centerness", "softmax"]
    """What makes a score of the outputs: with centerness the root of the product; or the product itself, once the
    candidates are chosen."""
    boxes: Literal["offsets", "sides"]
    """Offsets of centre and log size (R-CNN), or distances to the four sides in anchors' sides (FCOS)."""
    weights: Divisors = (1.0, 1.0, 1.0, 1.0)
    """Offsets are divided by them."""
    largest_log: Annotated[float, Field(ge=0, le=20)] | None = LARGEST_LOG
    """Logarithms of sizes are cut here before they are raised; null cuts none."""
    smallest_log: SmallestLog | None = None
    """The same below."""
    first_label: Literal[0, 1] = 0
    """Label of the first score; 0 is the background."""
    candidates: Count
    """The best ones that enter suppression ..."""
    candidates_of: Literal["level", "class", "photo"]
    """... of each level over all classes, of each class over all levels, or of all levels and classes."""
    clip_first: bool = True
    """Whether boxes are cut at the photo's borders before suppression, or after it."""
    min_side: Finite = 0
    """Pixels; boxes that are smaller once they are cut go."""
    suppression: Suppression
    """Of the candidates."""

    @property
    def levels(self) -> int:
        """Of features."""
        return levels_of(self.anchors)


class Decoded(Settings):
    """A head that decodes its own boxes: the network gives boxes ``(B, N, 4)`` and shares ``(B, N, C)``."""

    kind: Literal["decoded"] = "decoded"
    """Tells it from the others."""
    boxes: Literal["centre_and_size", "corners"]
    """What the four numbers are."""
    unit: Literal["pixel", "input"] = "pixel"
    """They are in pixels, or in sides of the input."""
    classes_of_a_box: Literal["all", "best"] = "all"
    """Which of them are candidates."""
    candidates: Count
    """The best ones of a photo ..."""
    suppression: Suppression | None = None
    """... of which these stay; null keeps all, where a head finds each object once, and no more than it has boxes."""


class Proposals(Settings):
    """The first stage: boxes that may hold something."""

    candidates: Count
    """The best anchors of each level that enter suppression."""
    min_score: Share | None
    """Of the objectness; null cuts none, and ranks by the raw output in place of its share."""
    min_side: Finite
    """Pixels; smaller boxes go."""
    suppression: Suppression
    """Within each level."""


class Regions(Settings):
    """The second stage: proposals are looked at closely."""

    finest: int
    """-log2 of the scale of the finest feature level ..."""
    coarsest: int
    """... and of the coarsest; there is one level for each between."""
    canonical_side: Divisor
    """A proposal with this side belongs to ..."""
    canonical_level: int
    """... this level (Lin et al., arXiv:1612.03144, equation 1)."""
    level_slack: Finite = 1e-6
    """A level this little too low is whole ..."""
    ratio_slack: Finite = 0
    """... or one of a side this little too small, in canonical sides."""
    weights: Divisors
    """Offsets are divided by them."""
    smallest_log: SmallestLog | None = None
    """Logarithms of sizes are cut here from below; null cuts none."""
    refined_by: Annotated[tuple[Divisors, ...], Field(max_length=len(REGION_NETWORKS) - 1)] = ()
    """The same of the further networks of a cascade (Cai and Vasconcelos, arXiv:1712.00726), whose offsets are one for
    all classes; the last one's boxes are given, with the mean of all scores ..."""
    mean_of: Literal["shares", "logits"] = "shares"
    """... as shares, or before they become so."""
    min_side: Finite = 0.01
    """Pixels; smaller boxes go."""
    suppression: Suppression
    """Within each class."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 <= self.finest <= self.coarsest <= 16:
            raise ValueError("levels must hold 0 <= finest <= coarsest <= 16")
        return self


class TwoStage(Settings):
    """Faster R-CNN: one network finds features and proposals, a second one looks at the proposals."""

    kind: Literal["two_stage"] = "two_stage"
    """Tells it from :class:`OneStage`."""
    anchors: Anchors
    """Of the first stage."""
    weights: Divisors
    """Offsets of the first stage are divided by them."""
    smallest_log: SmallestLog | None = None
    """Logarithms of sizes are cut here from below; null cuts none."""
    proposals: Proposals
    """What goes from the first to the second stage."""
    regions: Regions
    """The second stage."""

    @property
    def levels(self) -> int:
        """Of the first stage's features."""
        return levels_of(self.anchors)


class Quantized(Settings):
    """What 8-bit integers cost."""

    photos: Count
    """Training photos the ranges of values were measured on."""
    layers: dict[NetworkName, str]
    """By network: which layers were quantized."""
    mAP50: Share | None = None
    """On the run's held-out photos."""
    mAP50_float: Share | None = None
    """Of the same export before quantization, on the same photos."""


class Source(Settings):
    """Where an export comes from."""

    model: str
    """Name in the experiment."""
    engine: str
    """The framework."""
    fold: int | None = None
    """Left out while training."""
    seed: int = 0
    """Of the training."""
    checkpoint_sha256: str
    """Of the weights."""
    versions: dict[str, str] = {}
    """Packages that trained and exported it."""
    sha256: dict[str, str] = {}
    """Of the run's config and data, as its manifest has them."""
    commit: str | None = None
    """Of the project it was trained in; null where there was none."""
    dirty: bool | None = None
    """Whether files of the project differed from the commit."""


class ExportedNetworks(Settings):
    """What an engine makes of a trained model: networks, and how they are used."""

    networks: dict[NetworkName, NetworkFacts]
    """What is run."""
    pixels: Pixels
    """From a photo to the input."""
    detector: Annotated[OneStage | TwoStage | Decoded, Field(discriminator="kind")]
    """From the outputs to boxes."""

    @model_validator(mode="after")
    def _stages(self) -> Self:
        needed = {"network"}
        if self.detector.kind == "two_stage":
            needed |= set(REGION_NETWORKS[: 1 + len(self.detector.regions.refined_by)])
        if set(self.networks) != needed:
            raise ValueError(f"networks must be {sorted(needed)}, but are {sorted(self.networks)}")
        return self


class ExportSpec(ExportedNetworks):
    """All of an export but its weights."""

    kind: Literal["bunri-export"] = "bunri-export"
    """Tells it from other JSON."""
    format: Literal[1] = FORMAT
    """Of this file."""
    runtime: Format
    """What runs it."""
    precision: Literal["float32", "int8"] = "float32"
    """Of the layers that cost most."""
    weights: dict[NetworkName, FileFacts] = {}
    """OpenVINO's ``.bin`` of each network."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    """In order."""
    category_ids: tuple[int, ...]
    """Of the classes, in COCO files."""
    tta: TTASettings = TTASettings()
    """Views a photo is predicted in."""
    score_floor: Annotated[float, Field(ge=0, lt=1)]
    """Boxes of smaller score are not given."""
    max_boxes: Count
    """Boxes of a photo, the best first."""
    source: Source
    """The run."""
    quantized: Quantized | None = None
    """With int8: of what, and at what cost."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.class_names) != len(self.category_ids):
            raise ValueError("every class must have a category id")
        if (self.runtime == "openvino") != bool(self.weights):
            raise ValueError("weights in files of their own go with openvino, and only with it")
        scale = max(view.scale for view in self.tta.views)
        sides = (*(self.pixels.fixed or (self.pixels.max_side,)), *(self.pixels.frame or ()))
        if scale * max(sides) > LARGEST_SIDE:
            raise ValueError(f"sides must be at most {LARGEST_SIDE} pixels, also in views at a larger scale")
        return self
