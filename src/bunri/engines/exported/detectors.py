"""What an export says of its detector: what makes boxes of a network's outputs."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bunri.engines.exported.pixel_rules import Finite
from bunri.settings import Settings

NetworkName = Literal["network", "regions", "regions_2", "regions_3"]
"""The first looks at photos; the second, of two stages, at proposals; in a cascade each further one at the boxes of the
one before."""

REGION_NETWORKS: tuple[NetworkName, ...] = ("regions", "regions_2", "regions_3")
"""Those that look at boxes, in order."""

Count = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Above = Annotated[float, Field(gt=0, le=1e6)]
SmallestLog = Annotated[float, Field(ge=-20, le=0)]
LARGEST_LOG = math.log(1000 / 16)
"""Where R-CNN's own code cuts logarithms of sizes."""

Divisor = Annotated[float, Field(ge=1e-6, le=1e6)]
Four = tuple[Finite, Finite, Finite, Finite]
Divisors = tuple[Divisor, Divisor, Divisor, Divisor]


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
