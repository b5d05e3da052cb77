"""Faster R-CNN as two networks: backbone and first stage, then the proposals on the features.

An engine brings the first network and the parts of the second; names, free sizes and trials are the same for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.exported.detectors import REGION_NETWORKS, NetworkName
from bunri.engines.exported.spec import NetworkFacts
from bunri.engines.tracing import IMAGE_AXES, Example, NetworkModule, numbered, write_network


class RegionNetwork(nn.Module):
    """Second stage: proposals by level, each with the row of its photo, on features by level."""

    def __init__(self, pools: Sequence[nn.Module], head: nn.Module) -> None:
        """Take what pools a level's proposals, by level, and what scores pooled proposals."""
        super().__init__()
        self.pools, self.head = nn.ModuleList(pools), head

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(R, C)`` and offsets ``(R, 4 C)`` of the proposals, level after level; class 0 is the background.

        Inputs are features ``(B, K, H, W)`` by level, then proposals ``(P, 5)`` by level: row, then corners xyxy.
        """
        levels = len(self.pools)
        given = zip(self.pools, inputs[:levels], inputs[levels:], strict=True)
        scores, offsets = self.head(torch.cat([pool(features, proposals) for pool, features, proposals in given]))
        return scores, offsets


class BackgroundFirst(nn.Module):
    """A predictor whose last class is the background, with it as the first one."""

    def __init__(self, predictor: nn.Module, classes: int) -> None:
        """Take the predictor, which gives offsets by class or the same for all, and its classes but the background."""
        super().__init__()
        self.predictor, self._classes = predictor, classes

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(R, C)`` and offsets ``(R, 4 C)``; those of the background are never looked at."""
        scores, offsets = self.predictor(pooled)
        each = [offsets] if offsets.shape[1] > 4 else [offsets] * self._classes
        return torch.cat([scores[:, -1:], scores[:, :-1]], dim=1), torch.cat([offsets[:, :4], *each], dim=1)


@dataclass(frozen=True)
class TwoStages:
    """The modules of both stages.

    Attributes:
        first: Gives objectness ``(B, A, H, W)`` and offsets ``(B, 4 A, H, W)`` by level, and the second one's features.
        regions: Look at proposals; more than one are a cascade.
        levels: Of the first stage; the others have as many as they have pools.
    """

    first: nn.Module
    regions: Sequence[RegionNetwork]
    levels: int


def write_two_stages(stages: TwoStages, images: Sequence[Tensor], wish: ExportWish) -> dict[NetworkName, NetworkFacts]:
    """Trace all, try them on images of every size, write them.

    Raises:
        ConfigError: What was traced does not hold for an image of another size.
    """
    levels, seen = stages.levels, len(stages.regions[0].pools)
    features, proposals = numbered("features", seen), numbered("proposals", seen)
    outputs = (*numbered("objectness", levels), *numbered("offsets", levels), *features)
    network = NetworkModule("network", stages.first, ("images",), outputs, IMAGE_AXES, [(image,) for image in images])
    axes = {name: {0: "photos", 2: f"height_{n}", 3: f"width_{n}"} for n, name in enumerate(features)}
    axes |= {name: {0: f"count_{n}"} for n, name in enumerate(proposals)}
    examples = [_with_proposals(stages.first, image, seen) for image in images]
    modules = [network]
    for name, region in zip(REGION_NETWORKS, stages.regions, strict=False):
        given = (*features, *proposals)
        modules.append(NetworkModule(name, region, given, ("scores", "offsets"), axes, examples))
    return {module.name: write_network(module, wish) for module in modules}


def _with_proposals(first: nn.Module, images: Tensor, levels: int) -> Example:
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
