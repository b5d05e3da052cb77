"""What one member more brings: the best honest ensemble with it against the best without it, in pairs."""

from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike

from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import match
from bunri.evaluate import Comparison, ErrorOverlap, compare, error_overlap
from bunri.gain.features import OverlapFeatures, overlap_features
from bunri.predictions import Predictions
from bunri.search import SearchResult


@dataclass(frozen=True, eq=False)
class AddedMember:
    """The best ensemble with one member more, against the best without it, both scored honestly.

    Attributes:
        added: Name of the member.
        without: The search without it.
        with_it: The search with it.
        comparison: Its difference is the gain, with a paired interval.
        overlap: Who finds what: the ensemble without the member (a) and the member alone (b).
        features: The same in three numbers, with the ensemble as the stronger.
        predicted: The gain that pairs of members foretell from the overlap; None where there are too few of them.
    """

    added: str
    without: SearchResult
    with_it: SearchResult
    comparison: Comparison
    overlap: ErrorOverlap
    features: OverlapFeatures
    predicted: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        difference = self.comparison.to_dict()
        kept = ("low", "high", "p_value", "verdict", "images", "images_to_decide", "resamples")
        return {
            "added": self.added,
            "gain": difference["difference"],
            **{name: difference[name] for name in kept},
            "mAP50_without": difference["mAP50_b"],
            "mAP50_with": difference["mAP50_a"],
            "recipe_without": str(self.without.recipe),
            "recipe_with": str(self.with_it.recipe),
            "lowest_scores": self.with_it.to_dict()["lowest_scores"],
            "overlap": self.overlap.to_dict(),
            "features": asdict(self.features),
            "predicted": self.predicted,
            "notes": list(dict.fromkeys([*self.without.notes, *self.with_it.notes])),
        }


def added_member(
    added: Predictions,
    without: SearchResult,
    with_it: SearchResult,
    dataset: Dataset,
    resamples: int,
    labels: ArrayLike,
) -> AddedMember:
    """Put two searches on the images of ``dataset`` side by side; ``labels`` are those of its images."""
    before, after = without.out_of_fold.named("ensemble"), with_it.out_of_fold.named("with")
    part = added.of_images(dataset.images.id)
    return AddedMember(
        added=added.name,
        without=without,
        with_it=with_it,
        comparison=compare(after, before.named("without"), dataset, resamples, min_score=0.0, groups=labels),
        overlap=error_overlap(before, part, dataset),
        features=overlap_features(match(before, dataset), match(part, dataset), dataset),
    )
